//! A TCP segment with ACK that belongs to no connection: whoever listens answers it with a reset (RFC 9293, 3.10.7.2), also when
//! the queue of new connections is full and every SYN is dropped. So it tells a full queue from a filter that drops the port.
//! Needs a raw socket (`CAP_NET_RAW`).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pnet::packet::tcp::{MutableTcpPacket, TcpFlags, TcpPacket, ipv4_checksum, ipv6_checksum};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::time::Instant;

use crate::net::datagram::{Datagram, Event};
use crate::net::{Origin, deadline};

/// Length of a TCP header without options.
const HEADER: usize = 20;
/// The longest IPv4 header and a TCP header.
const ROOM: usize = 60 + HEADER;
/// Segments of others that are passed over, at most.
const STRANGERS: usize = 1000;

/// Whether `peer` resets such a segment within `patience`; `None` where this host may not send one.
pub async fn is_reset(peer: SocketAddr, origin: Origin, patience: Duration) -> Option<bool> {
    let probe = Probe::open(peer, origin).ok()?;
    probe.send().ok()?;
    let end = Instant::now() + patience;
    Some(deadline::until(end, probe.reset()).await.unwrap_or(false))
}

struct Probe {
    raw: Datagram,
    /// Holds the local port, so that no connection of this host gets it meanwhile.
    _held: Socket,
    own: SocketAddr,
    peer: SocketAddr,
}

impl Probe {
    fn open(peer: SocketAddr, origin: Origin) -> io::Result<Self> {
        let domain = Domain::for_address(peer);
        let raw = Socket::new(domain, Type::RAW, Some(Protocol::TCP))?;
        origin.bind(&raw, peer.ip(), 0)?;
        raw.connect(&SockAddr::from(SocketAddr::new(peer.ip(), 0)))?;
        let address = |socket: &Socket| {
            socket.local_addr()?.as_socket().ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))
        };
        let held = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        origin.bind_device(&held, peer.ip())?;
        held.bind(&SockAddr::from(SocketAddr::new(address(&raw)?.ip(), 0)))?;
        let own = address(&held)?;
        Ok(Self { raw: Datagram::new(raw)?, _held: held, own, peer })
    }

    fn send(&self) -> io::Result<()> {
        let mut bytes = [0_u8; HEADER];
        let missing = || io::Error::from(io::ErrorKind::InvalidInput);
        let mut segment = MutableTcpPacket::new(&mut bytes).ok_or_else(missing)?;
        segment.set_source(self.own.port());
        segment.set_destination(self.peer.port());
        // Any numbers will do: no connection has them.
        segment.set_sequence(1);
        segment.set_acknowledgement(1);
        segment.set_data_offset(5);
        segment.set_flags(TcpFlags::ACK);
        segment.set_window(1024);
        let sum = match (self.own.ip(), self.peer.ip()) {
            (IpAddr::V4(own), IpAddr::V4(peer)) => ipv4_checksum(&segment.to_immutable(), &own, &peer),
            (IpAddr::V6(own), IpAddr::V6(peer)) => ipv6_checksum(&segment.to_immutable(), &own, &peer),
            _ => return Err(missing()),
        };
        segment.set_checksum(sum);
        self.raw.send(&bytes, None)
    }

    /// Waits for the reset.
    async fn reset(&self) -> bool {
        let mut buffer = [0_u8; ROOM];
        for _ in 0..STRANGERS {
            match self.raw.next(&mut buffer).await {
                Ok(Event::Arrival(arrival)) if self.is_reset(buffer.get(..arrival.kept).unwrap_or_default()) => {
                    return true;
                }
                Ok(Event::Arrival(_) | Event::IcmpError(_)) => {}
                Ok(Event::Failed(_)) | Err(_) => return false,
            }
        }
        false
    }

    fn is_reset(&self, packet: &[u8]) -> bool {
        // Raw IPv4 packets start with their IP header, raw IPv6 ones with the TCP header.
        let skip = if self.peer.is_ipv4() { packet.first().map_or(0, |first| usize::from(first & 0xf) * 4) } else { 0 };
        packet.get(skip..).and_then(TcpPacket::new).is_some_and(|segment| {
            segment.get_source() == self.peer.port()
                && segment.get_destination() == self.own.port()
                && segment.get_flags() & TcpFlags::RST != 0
        })
    }
}
