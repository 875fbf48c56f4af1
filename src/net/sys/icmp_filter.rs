//! Which types of ICMP messages the kernel hands to a raw socket. It copies a message for each raw socket of the host; one that this
//! keeps away costs nothing.

use std::io;

use socket2::Socket;

/// Hands out messages of these types alone, and errors by the error queue as before.
#[cfg(target_os = "linux")]
pub fn only(socket: &Socket, v6: bool, kinds: &[u8]) -> io::Result<()> {
    use nix::sys::socket::setsockopt;
    // A bit that is set keeps its type away.
    let mut all = [u32::MAX; 8];
    for kind in kinds {
        if let Some(word) = all.get_mut(usize::from(kind / 32)) {
            *word &= !(1 << (kind % 32));
        }
    }
    if v6 {
        setsockopt(socket, linux::Icmp6Filter, &all)?;
    } else {
        setsockopt(socket, linux::IcmpFilter, &all[0])?;
    }
    Ok(())
}

/// Without such filters the packets of others are told apart after they were received.
#[cfg(not(target_os = "linux"))]
pub fn only(_: &Socket, _: bool, _: &[u8]) -> io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use nix::{setsockopt_impl, sockopt_impl};

    /// `SOL_RAW` and `ICMP_FILTER` of linux/icmp.h; `ICMPV6_FILTER` of linux/icmpv6.h.
    const SOL_RAW: i32 = 255;
    const FILTER: i32 = 1;

    sockopt_impl!(
        /// `ICMP_FILTER`.
        IcmpFilter,
        SetOnly,
        SOL_RAW,
        FILTER,
        u32
    );
    sockopt_impl!(
        /// `ICMPV6_FILTER`.
        Icmp6Filter,
        SetOnly,
        libc::IPPROTO_ICMPV6,
        FILTER,
        [u32; 8]
    );
}
