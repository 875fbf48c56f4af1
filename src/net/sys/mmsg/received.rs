//! What the kernel says of a message it hands out: its sender and its control data.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Bytes of an address of IPv6, the longest there is here.
pub(super) const NAME_LENGTH: libc::socklen_t = 28;
const _: () = assert!(size_of::<libc::sockaddr_in6>() == 28);

/// An address as the kernel wrote it: that of IPv4 stands where the one of IPv6 has its flow label.
pub(super) fn address(sender: &libc::sockaddr_in6) -> Option<SocketAddr> {
    let port = u16::from_be(sender.sin6_port);
    match i32::from(sender.sin6_family) {
        libc::AF_INET => Some((Ipv4Addr::from(sender.sin6_flowinfo.to_ne_bytes()), port).into()),
        libc::AF_INET6 => Some((Ipv6Addr::from(sender.sin6_addr.s6_addr), port).into()),
        _ => None,
    }
}

/// What the kernel said of a message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ControlData {
    pub(super) drops: Option<u32>,
    pub(super) stamp: Option<Duration>,
    pub(super) ttl: Option<u8>,
    pub(super) segment: Option<usize>,
}

/// A message's control data as the kernel filled it: drops (`SO_RXQ_OVFL`), the time of arrival (`SO_TIMESTAMPNS`), the hop limit
/// and the length of merged datagrams (`UDP_GRO`).
#[expect(unsafe_code, reason = "control data is walked by the C library's macros")]
pub(super) fn control_data(head: &libc::msghdr) -> ControlData {
    let mut out = ControlData::default();
    // SAFETY: the kernel filled the control block this header points to, and set its length to what it filled.
    let mut at = unsafe { libc::CMSG_FIRSTHDR(head) };
    while !at.is_null() {
        // SAFETY: the macros return null or a whole header within the control block.
        let (level, kind, data) = unsafe { ((*at).cmsg_level, (*at).cmsg_type, libc::CMSG_DATA(at)) };
        match (level, kind) {
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                // SAFETY: the kernel writes 32 bits for this type; the block may be unaligned for them.
                out.drops = Some(unsafe { data.cast::<u32>().read_unaligned() });
            }
            (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                // SAFETY: as above.
                out.ttl = u8::try_from(unsafe { data.cast::<libc::c_int>().read_unaligned() }).ok();
            }
            (libc::SOL_UDP, libc::UDP_GRO) => {
                // SAFETY: as above.
                out.segment = usize::try_from(unsafe { data.cast::<libc::c_int>().read_unaligned() }).ok();
            }
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                // SAFETY: the kernel writes a `timespec` for this type; the block may be unaligned for it.
                let time = unsafe { data.cast::<libc::timespec>().read_unaligned() };
                let parts = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
                out.stamp =
                    if let (Ok(seconds), Ok(nanos)) = parts { Some(Duration::new(seconds, nanos)) } else { None };
            }
            _ => {}
        }
        // SAFETY: as for the first.
        at = unsafe { libc::CMSG_NXTHDR(head, at) };
    }
    out
}
