//! The MTU of an interface, of the network namespace that the calling thread is in: what `/sys/class/net` shows is that of whoever
//! mounted it.

use socket2::Socket;

/// The MTU of the interface `name`, asked through any socket; `None` where it cannot be told.
#[must_use]
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "nix wraps no such request")]
pub fn interface_mtu(socket: &Socket, name: &str) -> Option<u32> {
    use std::os::fd::AsRawFd as _;
    // SAFETY: it is a plain structure of C, for which all zeroes is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays zero: it ends the name.
    let room = request.ifr_name.len() - 1;
    for (slot, byte) in request.ifr_name.iter_mut().take(room).zip(name.bytes()) {
        *slot = libc::c_char::from_ne_bytes([byte]);
    }
    // SAFETY: the descriptor is open for the call, and the kernel reads and writes one `ifreq`, which outlives it.
    let code = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFMTU, std::ptr::from_mut(&mut request)) };
    if code != 0 || name.len() > room {
        return None;
    }
    // SAFETY: the request that succeeded has set this member.
    u32::try_from(unsafe { request.ifr_ifru.ifru_mtu }).ok()
}

/// Other systems are not asked.
#[must_use]
#[cfg(not(target_os = "linux"))]
pub fn interface_mtu(_: &Socket, _: &str) -> Option<u32> {
    None
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use socket2::{Domain, Socket, Type};

    use super::interface_mtu;

    #[test]
    fn loopback_has_one_and_what_is_not_there_has_none() {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        assert!(interface_mtu(&socket, "lo").is_some_and(|mtu| mtu >= 1280));
        assert_eq!(interface_mtu(&socket, "no-such-if"), None);
        assert_eq!(interface_mtu(&socket, "a-name-that-is-too-long-for-any-interface"), None);
    }
}
