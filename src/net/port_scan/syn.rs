//! Asks by SYNs from a raw socket (`CAP_NET_RAW`), one for each IP version. No connection comes about: nobody listens on the local port, so
//! the kernel resets what answers with SYN-ACK.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use pnet::packet::tcp::{MutableTcpPacket, TcpFlags, TcpPacket, ipv4_checksum, ipv6_checksum};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::scan::{Prober, Scan};
use super::{HostPort, PortState, ScanJob};
use crate::net::datagram;
use crate::net::dial::local_fault;
use crate::net::origin::{AddressClass, Origin};
use crate::net::sys::mmsg::{self, Waiter};
use crate::net::sys::tcp_info::queue_drops;
use crate::net::this_host::{self, syn};

/// Receive buffer, bytes, where the system lets it be so large.
const BUFFER: usize = 4 << 20;
/// Segments and reports read before it is looked whether the scan is to stop.
const READ: usize = 4096;
/// A TCP header with the option that says how long segments may be: some filters drop a SYN without it.
const SEGMENT: usize = 24;
const MAXIMUM_SEGMENT_SIZE: [u8; 4] = [2, 4, 0x05, 0xb4];
/// The longest IPv4 header and the longest TCP header.
const ROOM: usize = 60 + 60;
const IPV6_HEADER: usize = 40;

struct RawSocket {
    raw: Socket,
    /// Holds the local port, so that no connection of this host gets it meanwhile.
    _held: Socket,
    port: u16,
    class: AddressClass,
}

pub(super) struct SynProber {
    sockets: Vec<RawSocket>,
    waiter: Waiter,
    /// The local address for each host.
    sources: HashMap<usize, IpAddr>,
    /// Makes the sequence numbers by which an answer is known.
    keys: RandomState,
}

/// A segment that came.
struct Segment {
    from: IpAddr,
    by_loopback: bool,
    source: u16,
    flags: u8,
    acknowledged: u32,
}

impl SynProber {
    pub(super) fn open(job: &ScanJob) -> io::Result<Self> {
        let opened = AddressClass::among(&job.hosts).map(|(class, host)| RawSocket::open(job.origin, class, host));
        let sockets = opened.collect::<io::Result<Vec<_>>>()?;
        let waiter = Waiter::new(sockets.iter().map(|socket| &socket.raw));
        Ok(Self { sockets, waiter, sources: HashMap::new(), keys: RandomState::new() })
    }

    /// The sequence number of the SYN to a port.
    fn sequence(&self, peer: SocketAddr) -> u32 {
        let [a, b, c, d, ..] = self.keys.hash_one(peer).to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    fn source(&mut self, job: &ScanJob, pair: HostPort) -> io::Result<IpAddr> {
        if let Some(known) = self.sources.get(&pair.host) {
            return Ok(*known);
        }
        let source = this_host::source_address(pair.peer, job.origin)?;
        self.sources.insert(pair.host, source);
        Ok(source)
    }

    /// Reads segments and errors; whether it read all there are.
    fn read(&self, scan: &mut Scan) -> bool {
        let mut left = READ;
        let mut buffer = [0; ROOM];
        for socket in &self.sockets {
            while left > 0
                && let Some((report, to)) = datagram::next_report(&socket.raw, &mut buffer)
            {
                left -= 1;
                let quoted = buffer.get(..report.quoted).unwrap_or_default();
                let port = socket.quoted(quoted, |peer| self.sequence(peer), to);
                let pair = port.and_then(|peer| scan.job.pair_of(peer));
                if let Some(pair) = pair.filter(|pair| scan.was_asked(*pair)) {
                    scan.reported(&report, pair);
                }
            }
            while left > 0 {
                left -= 1;
                match socket.segment(&mut buffer) {
                    Ok(Some(segment)) => self.answered(scan, &segment),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // Something else, or the error of a SYN, whose report is read above, or in the next turn.
                    Ok(None) | Err(_) => {}
                }
            }
        }
        left > 0
    }

    /// A segment that acknowledges our SYN to that very port (RFC 9293, 3.10.7.3).
    fn answered(&self, scan: &mut Scan, segment: &Segment) {
        let peer = SocketAddr::new(segment.from, segment.source);
        let Some(pair) = scan.job.pair_of(peer).filter(|pair| scan.was_asked(*pair)) else { return };
        if segment.flags & TcpFlags::ACK == 0 || segment.acknowledged != self.sequence(peer).wrapping_add(1) {
            return;
        }
        if segment.flags & TcpFlags::RST == 0 {
            if segment.flags & TcpFlags::SYN != 0 {
                scan.settle(pair, PortState::Open);
            }
            return;
        }
        let operation = scan.job.method.operation();
        match if segment.by_loopback { scan.own.has(segment.from) } else { Ok(true) } {
            Ok(true) => scan.settle(pair, PortState::Closed),
            Ok(false) => scan.fault(pair, this_host::rejection_fault(syn::OWN_RESET.to_owned(), operation, peer)),
            Err(error) => scan.fault(pair, local_fault(&error, operation, peer)),
        }
    }
}

impl RawSocket {
    fn open(origin: Origin, class: AddressClass, host: IpAddr) -> io::Result<Self> {
        let at = SocketAddr::new(origin.address(host), 0);
        let held = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
        let raw = Socket::new(Domain::for_address(at), Type::RAW.nonblocking(), Some(Protocol::TCP))?;
        origin.bind_device(&held, host)?;
        origin.bind_device(&raw, host)?;
        if host.is_ipv6() {
            held.set_only_v6(true)?;
            setsockopt(&raw, sockopt::Ipv6RecvPacketInfo, &true)?;
        } else {
            setsockopt(&raw, sockopt::Ipv4PacketInfo, &true)?;
        }
        held.bind(&SockAddr::from(at))?;
        let port = held.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?.port();
        only_port(&raw, host.is_ipv6(), port)?;
        raw.bind(&SockAddr::from(at))?;
        datagram::enable_icmp_errors(&raw);
        mmsg::prepare(&raw, BUFFER)?;
        Ok(Self { raw, _held: held, port, class })
    }

    fn is_ipv6(&self) -> bool {
        self.class != AddressClass::V4
    }

    /// The next segment; `None` where it is none.
    fn segment(&self, buffer: &mut [u8]) -> io::Result<Option<Segment>> {
        let mut control = nix::cmsg_space!(libc::in6_pktinfo, libc::timespec, u32);
        let room = buffer.len();
        let mut parts = [IoSliceMut::new(buffer)];
        let flags = MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<SockaddrStorage>(self.raw.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
        let length = message.bytes.min(room);
        let by_loopback = message.cmsgs().into_iter().flatten().any(|item| match item {
            ControlMessageOwned::Ipv4PacketInfo(info) => u32::try_from(info.ipi_ifindex) == Ok(syn::LOOPBACK),
            ControlMessageOwned::Ipv6PacketInfo(info) => info.ipi6_ifindex == syn::LOOPBACK,
            _ => false,
        });
        let from = message.address.as_ref().and_then(datagram::address).map(|from| from.ip());
        let packet = buffer.get(..length).unwrap_or_default();
        // Raw IPv4 packets start with their IP header, raw IPv6 ones with the TCP header.
        let skip = if self.is_ipv6() { 0 } else { packet.first().map_or(0, |first| usize::from(first & 0xf) * 4) };
        let segment =
            packet.get(skip..).and_then(TcpPacket::new).filter(|segment| segment.get_destination() == self.port);
        Ok(from.zip(segment).map(|(from, segment)| Segment {
            from,
            by_loopback,
            source: segment.get_source(),
            flags: segment.get_flags(),
            acknowledged: segment.get_acknowledgement(),
        }))
    }

    /// The port of a SYN of ours that an ICMP error quotes.
    fn quoted(&self, quoted: &[u8], sequence: impl Fn(SocketAddr) -> u32, to: Option<IpAddr>) -> Option<SocketAddr> {
        // Of IPv6 the kernel leaves the IP header there.
        let skip = if self.is_ipv6() && quoted.len() >= IPV6_HEADER + 8 { IPV6_HEADER } else { 0 };
        let start: [u8; 8] = quoted.get(skip..skip + 8)?.try_into().ok()?;
        let [own_high, own_low, high, low, a, b, c, d] = start;
        let peer = SocketAddr::new(to?, u16::from_be_bytes([high, low]));
        let is_ours = u16::from_be_bytes([own_high, own_low]) == self.port;
        (is_ours && u32::from_be_bytes([a, b, c, d]) == sequence(peer)).then_some(peer)
    }
}

impl Prober for SynProber {
    fn send(&mut self, scan: &mut Scan, pair: HostPort) -> io::Result<()> {
        let source = match self.source(&scan.job, pair) {
            Ok(source) => source,
            Err(error) => {
                scan.unsent(&error, pair);
                return Ok(());
            }
        };
        let sequence = self.sequence(pair.peer);
        let class = AddressClass::of(pair.peer.ip());
        let Some(RawSocket { raw, port, .. }) = self.sockets.iter().find(|at| at.class == class) else { return Ok(()) };
        let bytes = segment(SocketAddr::new(source, *port), pair.peer, sequence).ok_or(io::ErrorKind::InvalidInput)?;
        let to = SocketAddr::new(pair.peer.ip(), 0);
        scan.send_to(pair, raw, (&bytes, to), |scan| self.read(scan))
    }

    fn receive(&mut self, scan: &mut Scan, length: Duration) {
        self.waiter.arrivals(length);
        let now = Instant::now();
        if self.read(scan) {
            scan.read_until = now;
        }
    }

    fn dropped(&self) -> u64 {
        self.sockets.iter().filter_map(|socket| queue_drops(&socket.raw)).map(u64::from).sum()
    }
}

/// A SYN.
fn segment(own: SocketAddr, peer: SocketAddr, sequence: u32) -> Option<[u8; SEGMENT]> {
    let mut bytes = [0; SEGMENT];
    let mut segment = MutableTcpPacket::new(&mut bytes)?;
    segment.set_source(own.port());
    segment.set_destination(peer.port());
    segment.set_sequence(sequence);
    segment.set_data_offset(6);
    segment.set_flags(TcpFlags::SYN);
    segment.set_window(1024);
    segment.get_options_raw_mut().copy_from_slice(&MAXIMUM_SEGMENT_SIZE);
    let sum = match (own.ip(), peer.ip()) {
        (IpAddr::V4(own), IpAddr::V4(peer)) => ipv4_checksum(&segment.to_immutable(), &own, &peer),
        (IpAddr::V6(own), IpAddr::V6(peer)) => ipv6_checksum(&segment.to_immutable(), &own, &peer),
        _ => return None,
    };
    segment.set_checksum(sum);
    Some(bytes)
}

/// A raw socket gets every TCP segment of the host; this keeps all but those to `port` in the kernel.
#[cfg(target_os = "linux")]
fn only_port(socket: &Socket, is_ipv6: bool, port: u16) -> io::Result<()> {
    use socket2::SockFilter;
    // Classic BPF, as in linux/filter.h: loads relative to X, comparisons, verdicts.
    const LOAD_HEADER_LENGTH: u16 = 0xb1; // ldxb 4*([k]&0xf)
    const ZERO_X: u16 = 0x01; // ldx #k
    const LOAD_HALF: u16 = 0x48; // ldh [x+k]
    const EQUALS: u16 = 0x15; // jeq #k, jt, jf
    const VERDICT: u16 = 0x06; // ret #k
    let start = if is_ipv6 { ZERO_X } else { LOAD_HEADER_LENGTH };
    socket.attach_filter(&[
        SockFilter::new(start, 0, 0, 0),
        SockFilter::new(LOAD_HALF, 0, 0, 2),
        SockFilter::new(EQUALS, 0, 1, u32::from(port)),
        SockFilter::new(VERDICT, 0, 0, u32::MAX),
        SockFilter::new(VERDICT, 0, 0, 0),
    ])
}

/// Without socket filters the segments of others are told apart after they were received.
#[cfg(not(target_os = "linux"))]
fn only_port(_: &Socket, _: bool, _: u16) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::hash::RandomState;
    use std::net::SocketAddr;

    use pnet::packet::tcp::{TcpFlags, TcpOptionNumbers, TcpPacket, ipv4_checksum};
    use socket2::Socket;

    use super::{Segment, SynProber, Waiter};
    use crate::net::port_scan::scan::Scan;
    use crate::net::port_scan::{Method, PortState, ScanJob};

    /// What a port is after a segment from it.
    fn after(flags: u8, off_by: u32, by_loopback: bool) -> (PortState, usize) {
        let peer: SocketAddr = "192.0.2.1:80".parse().unwrap();
        let job = ScanJob::of_one(peer, Method::Syn);
        let nothing = std::iter::empty::<&Socket>();
        let prober = SynProber {
            sockets: Vec::new(),
            waiter: Waiter::new(nothing),
            sources: HashMap::new(),
            keys: RandomState::new(),
        };
        let mut scan = Scan::new(job, 1);
        let acknowledged = prober.sequence(peer).wrapping_add(1).wrapping_add(off_by);
        let segment = Segment { from: peer.ip(), by_loopback, source: peer.port(), flags, acknowledged };
        prober.answered(&mut scan, &segment);
        assert_eq!(scan.found.at(0), PortState::Unasked, "nobody asked");
        let pair = scan.job.pair(0).unwrap();
        scan.sent(pair, 0);
        prober.answered(&mut scan, &segment);
        (scan.found.at(0), scan.found.faults.len())
    }

    #[test]
    fn only_what_acknowledges_the_syn_is_its_answer() {
        use PortState::{Closed, Open, Unasked};
        let (syn, ack, rst) = (TcpFlags::SYN, TcpFlags::ACK, TcpFlags::RST);
        assert_eq!(after(syn | ack, 0, false), (Open, 0));
        assert_eq!(after(rst | ack, 0, false), (Closed, 0));
        assert_eq!(after(syn | ack, 1, false), (Unasked, 0), "of an earlier scan");
        assert_eq!(after(rst | ack, 1, false), (Unasked, 0));
        assert_eq!(after(rst, 0, false), (Unasked, 0));
        assert_eq!(after(ack, 0, false), (Unasked, 0));
        assert_eq!(after(rst | ack, 0, true), (Unasked, 1), "a reset of our own");
    }

    #[test]
    fn each_host_is_asked_from_the_address_that_leads_there() {
        let hosts = ["127.0.0.1", "::1"].map(|host| host.parse().unwrap());
        let job = ScanJob { hosts: hosts.into(), ..ScanJob::of_one("127.0.0.1:80".parse().unwrap(), Method::Syn) };
        let nothing = std::iter::empty::<&Socket>();
        let (sockets, waiter, keys) = (Vec::new(), Waiter::new(nothing), RandomState::new());
        let mut prober = SynProber { sockets, waiter, sources: HashMap::new(), keys };
        for at in [0, 1, 0, 1] {
            let pair = job.pair(at).unwrap();
            // Not every machine has IPv6.
            if let Ok(source) = prober.source(&job, pair) {
                assert_eq!(source, pair.peer.ip());
            }
        }
    }

    #[test]
    fn a_syn_says_how_long_segments_may_be() {
        let bytes =
            super::segment("192.0.2.1:40000".parse().unwrap(), "192.0.2.2:80".parse().unwrap(), 0x0102_0304).unwrap();
        let segment = TcpPacket::new(&bytes).unwrap();
        assert_eq!(
            (segment.get_source(), segment.get_destination(), segment.get_sequence()),
            (40_000, 80, 0x0102_0304)
        );
        assert_eq!((segment.get_flags(), segment.get_options_iter().count()), (TcpFlags::SYN, 1));
        assert_eq!(segment.get_options_iter().next().unwrap().get_number(), TcpOptionNumbers::MSS);
        let sum = ipv4_checksum(&segment, &"192.0.2.1".parse().unwrap(), &"192.0.2.2".parse().unwrap());
        assert_eq!(segment.get_checksum(), sum);
        assert_eq!(super::segment("192.0.2.1:1".parse().unwrap(), "[2001:db8::1]:80".parse().unwrap(), 0), None);
    }
}
