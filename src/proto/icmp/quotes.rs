//! The IP headers that ICMP errors quote: as a packet was when it met the error. The error queue of a socket keeps what is behind them
//! alone, so this needs a raw socket (`CAP_NET_RAW`).

use std::io::{self, Read as _};
use std::net::IpAddr;

use pnet::packet::ipv4::Ipv4Packet;
use pnet::packet::ipv6::Ipv6Packet;
use socket2::{Domain, Protocol, Socket, Type};

use super::echo::{Echo, HEADER};
use crate::net::sys::icmp_filter;

/// The longest IPv4 header twice, the header of the error, and the part of the packet that is looked at.
const ROOM: usize = 60 + HEADER + 60 + HEADER + 16;
/// Errors read at most.
const MOST: usize = 4096;
/// Types of errors: unreachable, time exceeded and parameter problem (RFC 792), and the four of RFC 4443.
const ERRORS_V4: &[u8] = &[3, 11, 12];
const ERRORS_V6: &[u8] = &[1, 2, 3, 4];

/// Collects the ICMP errors that this host receives.
pub struct Quotes {
    socket: Socket,
    v6: bool,
}

impl Quotes {
    /// For errors about packets to `target`; `None` where this host may not read them.
    #[must_use]
    pub fn open(target: IpAddr) -> Option<Self> {
        let v6 = target.is_ipv6();
        let (domain, protocol) = if v6 { (Domain::IPV6, Protocol::ICMPV6) } else { (Domain::IPV4, Protocol::ICMPV4) };
        let socket = Socket::new(domain, Type::RAW.nonblocking(), Some(protocol)).ok()?;
        icmp_filter::only(&socket, v6, if v6 { ERRORS_V6 } else { ERRORS_V4 }).ok()?;
        Some(Self { socket, v6 })
    }

    /// DSCP of the probes of `echo` to `target`, as the last error that came quotes it.
    #[must_use]
    pub fn dscp(&self, echo: &Echo, target: IpAddr) -> Option<u8> {
        let mut last = None;
        for _ in 0..MOST {
            let mut room = [0; ROOM];
            match (&self.socket).read(&mut room) {
                Ok(length) => last = quoted_dscp(room.get(..length)?, self.v6, echo, target).or(last),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {}
            }
        }
        last
    }
}

/// DSCP of the probe that an error quotes; raw IPv4 packets start with their IP header.
fn quoted_dscp(packet: &[u8], v6: bool, echo: &Echo, target: IpAddr) -> Option<u8> {
    if v6 {
        let quoted = Ipv6Packet::new(packet.get(HEADER..)?)?;
        (IpAddr::V6(quoted.get_destination()) == target).then_some(())?;
        echo.quoted(packet.get(HEADER + Ipv6Packet::minimum_packet_size()..)?)?;
        return Some(quoted.get_traffic_class() >> 2);
    }
    let outer = usize::from(packet.first()? & 0xf) * 4;
    let start = packet.get(outer + HEADER..)?;
    let quoted = Ipv4Packet::new(start)?;
    (IpAddr::V4(quoted.get_destination()) == target).then_some(())?;
    echo.quoted(start.get(usize::from(quoted.get_header_length()) * 4..)?)?;
    Some(quoted.get_dscp())
}

#[cfg(test)]
mod tests {
    use super::quoted_dscp;
    use crate::proto::icmp::Echo;

    #[test]
    fn only_what_quotes_a_probe_to_the_target_counts() {
        let echo = Echo { v6: false, id: None, tag: 7, size: 16, flow: None };
        let target = "192.0.2.2".parse().unwrap();
        let mut error = vec![0x45; 1];
        error.resize(20, 0);
        error.extend([11, 0, 0, 0, 0, 0, 0, 0]);
        let mut quoted = vec![0x45, 46 << 2 | 1];
        quoted.resize(16, 0);
        quoted.extend([192, 0, 2, 2]);
        error.extend(&quoted);
        error.extend(echo.request(0));
        assert_eq!(quoted_dscp(&error, false, &echo, target), Some(46));
        assert_eq!(quoted_dscp(&error, false, &Echo { tag: 8, ..echo }, target), None, "a probe of another run");
        assert_eq!(quoted_dscp(&error, false, &echo, "192.0.2.3".parse().unwrap()), None);
        assert_eq!(quoted_dscp(&error[..40], false, &echo, target), None);
        let six = Echo { v6: true, ..echo };
        let target: std::net::Ipv6Addr = "2001:db8::2".parse().unwrap();
        let mut error = vec![3, 0, 0, 0, 0, 0, 0, 0, 0x6b, 0x80];
        error.resize(8 + 24, 0);
        error.extend(target.octets());
        error.extend(six.request(0));
        assert_eq!(quoted_dscp(&error, true, &six, target.into()), Some(46));
    }
}
