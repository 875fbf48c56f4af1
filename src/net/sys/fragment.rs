//! Whether packets of a socket may be fragmented.

use std::io;

use socket2::Socket;

/// Sets or clears "don't fragment". With it set, the kernel's memory of path MTUs is not used either, so that every
/// packet goes as far as it fits and the router that cannot pass it on says so.
#[cfg(target_os = "linux")]
pub fn forbid(socket: &Socket, v6: bool, forbid: bool) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt};
    if v6 {
        // Fragmenting at the sender is IPv6's normal way; nothing to set.
        if forbid {
            setsockopt(socket, linux::Ipv6MtuDiscover, &libc::IPV6_PMTUDISC_PROBE)?;
            setsockopt(socket, sockopt::Ipv6DontFrag, &true)?;
        }
    } else {
        let mode = if forbid { libc::IP_PMTUDISC_PROBE } else { libc::IP_PMTUDISC_DONT };
        setsockopt(socket, linux::Ipv4MtuDiscover, &mode)?;
    }
    Ok(())
}

/// Not offered on this system, so asking for it is an error instead of a silent no.
#[cfg(not(target_os = "linux"))]
pub fn forbid(_: &Socket, _: bool, forbid: bool) -> io::Result<()> {
    if forbid { Err(io::ErrorKind::Unsupported.into()) } else { Ok(()) }
}

#[cfg(target_os = "linux")]
mod linux {
    use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};

    sockopt_impl!(
        /// `IP_MTU_DISCOVER`.
        Ipv4MtuDiscover,
        Both,
        libc::IPPROTO_IP,
        libc::IP_MTU_DISCOVER,
        i32
    );
    sockopt_impl!(
        /// `IPV6_MTU_DISCOVER`.
        Ipv6MtuDiscover,
        Both,
        libc::IPPROTO_IPV6,
        libc::IPV6_MTU_DISCOVER,
        i32
    );
}
