//! Errors the path reports about a datagram, by their standard names.

use std::fmt;
use std::net::IpAddr;

/// An error report from the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// Its meaning.
    pub class: Class,
    /// Its standard name, or `type 3 code 99`.
    pub word: String,
    /// Who sent it; `None` is this host.
    pub router: Option<IpAddr>,
    /// MTU it names, of too-big errors.
    pub mtu: Option<u32>,
    /// How much of the quoted packet is in the buffer.
    pub quoted: usize,
}

/// The meaning of an error report for a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Slow down, a redirect, anything that does not say the packet was dropped.
    Advice,
    /// No way to the target, or forbidden.
    Unreachable,
    /// The target answers, but nothing listens on the port.
    Port,
    /// The hop limit ran out.
    TimeExceeded,
    /// Larger than a link allows.
    TooBig,
}

impl fmt::Display for IcmpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.router {
            Some(router) => write!(f, "{} from {router}", self.word),
            None => write!(f, "{} from this host", self.word),
        }
    }
}

/// Meaning and name of an ICMP error.
fn icmp_v4(kind: u8, code: u8) -> (Class, Option<&'static str>) {
    match (kind, code) {
        (3, 0) => (Class::Unreachable, Some("net_unreachable")),
        (3, 1) => (Class::Unreachable, Some("host_unreachable")),
        (3, 2) => (Class::Unreachable, Some("protocol_unreachable")),
        (3, 3) => (Class::Port, Some("port_unreachable")),
        (3, 4) => (Class::TooBig, Some("fragmentation_needed")),
        (3, 9 | 10 | 13) => (Class::Unreachable, Some("admin_prohibited")),
        (3, _) => (Class::Unreachable, None),
        (11, 0) => (Class::TimeExceeded, Some("ttl_exceeded")),
        (11, 1) => (Class::TimeExceeded, Some("reassembly_time_exceeded")),
        (12, _) => (Class::Unreachable, Some("parameter_problem")),
        (4, _) => (Class::Advice, Some("source_quench")),
        _ => (Class::Advice, None),
    }
}

/// Meaning and name of an `ICMPv6` error.
fn icmp_v6(kind: u8, code: u8) -> (Class, Option<&'static str>) {
    match (kind, code) {
        (1, 0) => (Class::Unreachable, Some("no_route")),
        (1, 1) => (Class::Unreachable, Some("admin_prohibited")),
        (1, 2) => (Class::Unreachable, Some("beyond_scope")),
        (1, 3) => (Class::Unreachable, Some("address_unreachable")),
        (1, 4) => (Class::Port, Some("port_unreachable")),
        (1, 5) => (Class::Unreachable, Some("source_policy")),
        (1, 6) => (Class::Unreachable, Some("reject_route")),
        (1, _) => (Class::Unreachable, None),
        (2, _) => (Class::TooBig, Some("packet_too_big")),
        (3, 0) => (Class::TimeExceeded, Some("hop_limit_exceeded")),
        (3, 1) => (Class::TimeExceeded, Some("reassembly_time_exceeded")),
        (4, _) => (Class::Unreachable, Some("parameter_problem")),
        _ => (Class::Advice, None),
    }
}

impl IcmpError {
    /// An ICMP error of `router`, with the MTU it names.
    #[must_use]
    pub fn from_icmp(v6: bool, kind: u8, code: u8, mtu: u32, router: Option<IpAddr>, quoted: usize) -> Self {
        let (class, word) = if v6 { icmp_v6(kind, code) } else { icmp_v4(kind, code) };
        let word = word.map_or_else(|| format!("type {kind} code {code}"), str::to_owned);
        // Routers older than RFC 1191 report 0.
        let mtu = Some(mtu).filter(|mtu| class == Class::TooBig && *mtu > 0);
        Self { class, word, router, mtu, quoted }
    }

    /// The error of this host's kernel that refuses a packet; `None` for errors that say nothing about the way to the peer.
    #[must_use]
    pub fn from_errno(errno: i32, mtu: Option<u32>) -> Option<Self> {
        let (class, word) = match errno {
            libc::EMSGSIZE => (Class::TooBig, "message_too_big"),
            libc::ENETUNREACH => (Class::Unreachable, "no_route"),
            libc::EHOSTUNREACH | libc::EHOSTDOWN => (Class::Unreachable, "host_unreachable"),
            libc::ENETDOWN | libc::ENONET => (Class::Unreachable, "network_down"),
            _ => return None,
        };
        let mtu = mtu.filter(|mtu| class == Class::TooBig && *mtu > 0);
        Some(Self { class, word: word.to_owned(), router: None, mtu, quoted: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, IcmpError};

    #[test]
    fn errors_have_their_standard_names() {
        let router = Some("192.0.2.1".parse().unwrap());
        let host = IcmpError::from_icmp(false, 3, 1, 0, router, 8);
        assert_eq!((host.class, host.to_string().as_str()), (Class::Unreachable, "host_unreachable from 192.0.2.1"));
        let big = IcmpError::from_icmp(true, 2, 0, 1280, Some("2001:db8::1".parse().unwrap()), 8);
        assert_eq!((big.class, big.mtu), (Class::TooBig, Some(1280)));
        let unknown = IcmpError::from_icmp(false, 3, 99, 7, router, 8);
        assert_eq!((unknown.word.as_str(), unknown.mtu), ("type 3 code 99", None));
        assert_eq!(IcmpError::from_icmp(false, 3, 4, 0, router, 8).mtu, None, "an MTU of 0 is not an MTU");
        assert_eq!(
            IcmpError::from_errno(libc::EMSGSIZE, Some(1500)).unwrap().to_string(),
            "message_too_big from this host"
        );
        assert!(IcmpError::from_errno(libc::ENOBUFS, None).is_none());
    }
}
