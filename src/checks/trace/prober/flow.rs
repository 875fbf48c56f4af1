//! The socket of a flow: what it sends with which TTL, and what comes back. Nothing here needs a privilege but where the system keeps ICMP
//! sockets for root.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::model::Fault;
use crate::net::Origin;
use crate::net::datagram::{self, IcmpError};
use crate::net::dial::local_fault;
use crate::net::sys::fragment;
use crate::net::sys::mmsg::{self, BATCH, Inbox};
use crate::proto::icmp::{self, EchoSocket, Number, Options, Received, icmp_fault};

/// Ports that kernels do not give away by themselves: a flow has the same in every run, so that routers choose the same way for it.
const FIRST_PORT: u16 = 61_000;
const PORTS: u16 = 4_400;
/// Other ports tried where one is in use.
const TRIES: u16 = 16;
/// Payload of a UDP datagram, and of an echo request, unless a length is asked for.
const UDP_SIZE: usize = 32;
const ECHO_SIZE: usize = 40;
/// Tag and number at the beginning of a payload.
const HEAD: usize = 12;
/// Receive buffer asked for.
const BUFFER: usize = 1 << 20;
/// What a report quotes of a packet, as far as it is read.
const QUOTE: usize = 64;

/// How a packet ended.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::checks::trace) enum Ending {
    /// Its TTL ran out.
    Expired,
    /// The target answered.
    Arrived,
    /// Somebody on the way rejected it.
    Rejected,
    /// Longer than a link carries.
    TooBig(Option<u32>),
}

/// Something that came back.
#[derive(Clone, Debug)]
pub(super) struct TraceReply {
    /// The packet it is about; `None` where it quotes too little to tell.
    pub(super) number: Option<u32>,
    pub(super) from: Option<IpAddr>,
    /// The report of a router; `None` for an answer of the target itself.
    pub(super) report: Option<IcmpError>,
    /// When the kernel saw it.
    pub(super) stamp: Option<Duration>,
}

/// Where flows go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) peer: SocketAddr,
    pub(super) origin: Origin,
    pub(super) dont_fragment: bool,
    /// Longest IP packet that may be sent.
    pub(super) longest: usize,
    pub(super) seed: u64,
}

impl Route {
    /// Bytes before the payload, of UDP and ICMP alike.
    fn overhead(&self) -> usize {
        if self.peer.is_ipv6() { 48 } else { 28 }
    }
}

/// The source port of flow `flow` to a peer, and what may take its place; the same in every run.
pub(super) fn ports(peer: SocketAddr, flow: u16) -> impl Iterator<Item = u16> {
    let octets: Vec<u8> = match peer.ip() {
        IpAddr::V4(four) => four.octets().to_vec(),
        IpAddr::V6(six) => six.octets().to_vec(),
    };
    let bytes = octets.into_iter().chain(peer.port().to_be_bytes());
    // FNV-1a.
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let base = u16::try_from(hash % u32::from(PORTS)).unwrap_or_default();
    (0..TRIES).map(move |n| FIRST_PORT + (base + flow + n * 269) % PORTS)
}

/// A flow of datagrams: one socket, one five-tuple.
pub(super) enum DatagramFlow {
    Echo { echo: Box<EchoSocket>, route: Route },
    Udp { socket: Socket, tag: u64, route: Route },
}

impl DatagramFlow {
    /// Opens the echo socket of flow `flow`; gives its identifier as well.
    pub(super) fn echo(route: Route, flow: u16) -> Result<(Self, u16), Fault> {
        let target = route.peer.ip();
        let mut last = None;
        for id in ports(route.peer, flow) {
            let options = Options {
                origin: route.origin,
                ttl: None,
                dont_fragment: route.dont_fragment,
                dscp: None,
                flow: Some(id),
            };
            match EchoSocket::open(target, ECHO_SIZE, route.seed.wrapping_add(u64::from(flow)), options) {
                Ok(echo) => {
                    let fault = |error: io::Error| icmp_fault(&error, "watch ICMP socket", target);
                    watch(&echo.socket).map_err(fault)?;
                    return Ok((Self::Echo { echo: Box::new(echo), route }, id));
                }
                Err(fault) if is_taken(&fault) => last = Some(fault),
                Err(fault) => return Err(fault),
            }
        }
        Err(last.unwrap_or_else(|| no_port(route.peer)))
    }

    /// Opens the UDP socket of flow `flow`; gives its port as well.
    pub(super) fn udp(route: Route, flow: u16, tag: u64) -> Result<(Self, u16), Fault> {
        let fault = |operation: &'static str| move |error: io::Error| local_fault(&error, operation, route.peer);
        for port in ports(route.peer, flow) {
            let socket = Socket::new(Domain::for_address(route.peer), Type::DGRAM, Some(Protocol::UDP))
                .map_err(fault("open UDP socket"))?;
            match route.origin.bind(&socket, route.peer.ip(), port) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => continue,
                Err(error) => return Err(local_fault(&error, "bind UDP socket", route.peer)),
            }
            fragment::forbid(&socket, route.peer.is_ipv6(), route.dont_fragment)
                .map_err(fault("set don't fragment"))?;
            watch(&socket).map_err(fault("watch UDP socket"))?;
            return Ok((Self::Udp { socket, tag, route }, port));
        }
        Err(no_port(route.peer))
    }

    pub(super) fn socket(&self) -> &Socket {
        match self {
            Self::Echo { echo, .. } => &echo.socket,
            Self::Udp { socket, .. } => socket,
        }
    }

    /// Bytes that hold what arrives.
    pub(super) fn room(route: &Route) -> usize {
        icmp::room(route.longest.max(ECHO_SIZE))
    }

    /// The packet of this number, as an IP packet of `length` bytes where one is asked for; made before the clock is read.
    pub(super) fn packet(&self, number: u32, length: Option<usize>) -> Vec<u8> {
        match self {
            Self::Echo { echo, route } => {
                let size = length.map_or(ECHO_SIZE, |length| length.saturating_sub(route.overhead()));
                icmp::Echo { size: size.max(icmp::echo::BALANCED), ..echo.echo }.request(number)
            }
            Self::Udp { tag, route, .. } => {
                let size = length.map_or(UDP_SIZE, |length| length.saturating_sub(route.overhead()));
                let mut packet = tag.to_be_bytes().to_vec();
                packet.extend_from_slice(&number.to_be_bytes());
                packet.resize(size.max(HEAD), 0);
                packet
            }
        }
    }

    pub(super) fn send(&self, packet: &[u8], ttl: u8) -> io::Result<()> {
        let (route, to) = match self {
            Self::Echo { route, .. } => (route, SocketAddr::new(route.peer.ip(), 0)),
            Self::Udp { route, .. } => (route, route.peer),
        };
        set_ttl(self.socket(), route.peer, ttl)?;
        datagram::past_errors(|| self.socket().send_to(packet, &SockAddr::from(to))).map(|_| ())
    }

    /// All that has come.
    pub(super) fn receive(&self, inbox: &mut Inbox, out: &mut Vec<TraceReply>) {
        // An error that was pending comes first, and once.
        let mut failures = 0;
        loop {
            match inbox.receive(self.socket()) {
                Ok(count) => {
                    out.extend((0..count).filter_map(|at| self.arrived(inbox, at)));
                    if count < BATCH {
                        break;
                    }
                }
                Err(_) if failures < BATCH => failures += 1,
                Err(_) => break,
            }
        }
        let mut quote = [0; QUOTE];
        while let Some((report, stamp)) = datagram::next_stamped_report(self.socket(), &mut quote) {
            let quoted = quote.get(..report.quoted).unwrap_or_default();
            if let Some(number) = self.quoted(quoted) {
                out.push(TraceReply { number, from: report.router, report: Some(report), stamp });
            }
        }
    }

    fn arrived(&self, inbox: &Inbox, at: usize) -> Option<TraceReply> {
        let (packet, _) = inbox.datagram(at)?;
        let number = match self {
            Self::Echo { echo, .. } => match echo.read(packet) {
                // Of another length than usual it reads as altered; what counts is whose it is.
                Received::Reply(Number::Exact(number)) | Received::Altered(Number::Exact(number)) => Some(number),
                _ => return None,
            },
            // A service answers what it likes; one that sends back what it got tells which it was.
            Self::Udp { .. } => self.quoted(packet).flatten(),
        };
        Some(TraceReply { number, from: inbox.sender(at), report: None, stamp: inbox.stamp(at) })
    }

    /// The number of the packet that is quoted, if it is one of ours: routers that quote eight bytes tell that of an echo request, and not
    /// that of a datagram.
    #[expect(clippy::option_option, reason = "not ours, ours without a number, ours with it")]
    fn quoted(&self, quoted: &[u8]) -> Option<Option<u32>> {
        match self {
            Self::Echo { echo, .. } => match echo.echo.quoted(quoted)? {
                Number::Exact(number) => Some(Some(number)),
                Number::Low(low) => Some(Some(u32::from(low))),
            },
            Self::Udp { tag, .. } => {
                let tag = tag.to_be_bytes();
                let length = quoted.len().min(tag.len());
                if !tag.starts_with(quoted.get(..length)?) {
                    return None;
                }
                let number: Option<[u8; 4]> = quoted.get(tag.len()..HEAD).and_then(|bytes| bytes.try_into().ok());
                Some(number.map(u32::from_be_bytes))
            }
        }
    }
}

/// Sets the TTL or hop limit of what is sent next.
pub(super) fn set_ttl(socket: &Socket, peer: SocketAddr, ttl: u8) -> io::Result<()> {
    if peer.is_ipv6() { socket.set_unicast_hops_v6(ttl.into()) } else { socket.set_ttl_v4(ttl.into()) }
}

fn watch(socket: &Socket) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    datagram::enable_reports(socket);
    mmsg::prepare(socket, BUFFER).map(|_| ())
}

fn is_taken(fault: &Fault) -> bool {
    let in_use = io::Error::from_raw_os_error(libc::EADDRINUSE).to_string();
    fault.detail.contains(&in_use)
}

fn no_port(peer: SocketAddr) -> Fault {
    let remedy = "run fewer traces to the same host at once";
    Fault::local("bind a socket", peer.to_string(), "all source ports of its flows are in use on this host", remedy)
}

#[cfg(test)]
mod tests {
    use super::{DatagramFlow, FIRST_PORT, Origin, Route, ports};

    /// The route to nobody on loopback.
    fn route() -> Route {
        Route {
            peer: "127.0.0.1:9".parse().unwrap(),
            origin: Origin::default(),
            dont_fragment: false,
            longest: 0,
            seed: 7,
        }
    }

    #[test]
    fn a_quoted_datagram_is_known_by_its_tag_and_its_number() {
        let (flow, _) = DatagramFlow::udp(route(), 0, 0x1122_3344_5566_7788).unwrap();
        let packet = flow.packet(5, None);
        assert_eq!(flow.quoted(&packet), Some(Some(5)));
        assert_eq!(flow.quoted(&packet[..8]), Some(None), "too little to tell which");
        assert_eq!(flow.quoted(&[0x11, 0x23, 0x33]), None, "somebody else's");
        assert_eq!(flow.packet(5, Some(100)).len(), 100 - 28, "what is asked for is the length as an IP packet");
    }

    #[test]
    fn echo_requests_of_a_flow_have_one_checksum() {
        // Not without permission.
        let Ok((flow, _)) = DatagramFlow::echo(route(), 0) else { return };
        let sum = |number: u32| {
            let packet = flow.packet(number, None);
            packet.chunks(2).map(|two| u32::from(two[0]) * 256 + u32::from(two[1])).sum::<u32>() % 0xffff
        };
        assert_eq!(sum(1), sum(2));
        let checksum = |number: u32| flow.packet(number, None)[2..4].to_vec();
        assert_eq!(checksum(1), checksum(77));
    }

    #[test]
    fn a_flow_has_the_same_port_in_every_run_and_flows_have_different_ones() {
        let peer = "192.0.2.1:33434".parse().unwrap();
        let first = |flow| ports(peer, flow).next().unwrap();
        let mut all: Vec<u16> = (0..64).map(first).collect();
        assert_eq!(all, (0..64).map(first).collect::<Vec<_>>());
        all.sort_unstable();
        all.dedup();
        assert!(all.len() == 64 && all.iter().all(|port| *port >= FIRST_PORT), "{all:?}");
        assert_eq!(first(0), 62_576, "also in another process");
        assert_ne!(ports("192.0.2.2:33434".parse().unwrap(), 0).next(), ports(peer, 0).next());
    }
}
