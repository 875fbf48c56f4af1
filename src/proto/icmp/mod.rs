//! ICMP echo sockets: unprivileged ones first, raw ones where those are not allowed.

pub mod echo;
mod quotes;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use crate::model::Fault;
use crate::net::datagram::Datagram;
use crate::net::dial::ZONE;
use crate::net::origin::{AddressClass, Origin};
use crate::net::sys::{fragment, icmp_filter};

pub use echo::{Echo, Number, Received, Requests};
pub use quotes::Quotes;

/// Receive buffer asked for, so that a burst of replies waits instead of being lost in this host. The kernel may give less.
const RECEIVE_BUFFER: usize = 1 << 20;

/// Options of the socket.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Where packets leave from.
    pub origin: Origin,
    /// TTL or hop limit.
    pub ttl: Option<u32>,
    /// No router may fragment, and neither may this host.
    pub dont_fragment: bool,
    /// Class of service of the packets (RFC 2474).
    pub dscp: Option<u32>,
    /// What routers may choose a way by; `None` leaves identifier and checksums to chance.
    pub flow: Option<u16>,
}

/// Sends echo requests to one target, and receives replies and errors about them.
pub struct Pinger {
    /// The socket.
    pub datagram: Datagram,
    /// The packets' common part.
    pub echo: Echo,
    /// Packets arrive with their IPv4 header.
    ip_header: bool,
    target: IpAddr,
}

/// Whether this process may send ICMP echo requests at all.
pub fn permission() -> Result<(), Fault> {
    socket(IpAddr::V4(Ipv4Addr::LOCALHOST)).map(|_| ())
}

/// A socket for echo requests to any address of one IP version.
pub struct EchoSocket {
    /// The socket.
    pub socket: Socket,
    /// The packets' common part.
    pub echo: Echo,
    /// Packets arrive with their IPv4 header.
    pub ip_header: bool,
}

impl EchoSocket {
    /// Opens one for `target`, whose name stands in faults, and others of its IP version and by its interface; replies to others are
    /// filtered out in the kernel.
    pub fn open(target: IpAddr, size: usize, seed: u64, options: Options) -> Result<Self, Fault> {
        let (socket, raw) = socket(target)?;
        let tag = unique(seed);
        let [id_high, id_low, ..] = unique(tag).to_be_bytes();
        let id = options.flow.unwrap_or(u16::from_be_bytes([id_high, id_low]));
        let echo = Echo { v6: target.is_ipv6(), id: raw.then_some(id), tag, size, flow: options.flow };
        let fault = |what: &'static str| move |error: io::Error| icmp_fault(&error, what, target);
        if let Some(id) = echo.id {
            filter(&socket, echo.v6, id).map_err(fault("filter ICMP replies"))?;
        }
        // The port of a ping socket is the identifier of its requests.
        let port = options.flow.filter(|_| !raw).unwrap_or(0);
        let binding = || options.origin.binding("bind ICMP socket");
        options.origin.bind(&socket, target, port).map_err(|error| icmp_fault(&error, &binding(), target))?;
        if let Some(ttl) = options.ttl {
            if echo.v6 { socket.set_unicast_hops_v6(ttl) } else { socket.set_ttl_v4(ttl) }.map_err(fault("set ttl"))?;
        }
        if let Some(dscp) = options.dscp {
            let class = dscp << 2;
            if echo.v6 { socket.set_tclass_v6(class) } else { socket.set_tos_v4(class) }.map_err(fault("set dscp"))?;
        }
        fragment::forbid(&socket, echo.v6, options.dont_fragment).map_err(fault("set don't fragment"))?;
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        // Linux hands out the bare message on ping sockets.
        let ip_header = !echo.v6 && (raw || cfg!(not(target_os = "linux")));
        Ok(Self { socket, echo, ip_header })
    }

    /// Classifies a packet.
    #[must_use]
    pub fn read(&self, packet: &[u8]) -> Received {
        self.echo.read(packet, self.ip_header)
    }
}

/// Bytes that hold any packet for a socket whose payloads have `size` bytes, and one more so that a longer one is seen to be longer.
#[must_use]
pub const fn room(size: usize) -> usize {
    // The longest IPv4 header has 60 bytes.
    60 + echo::HEADER + size + 1
}

impl Pinger {
    /// Opens a socket for `target`; replies to others are filtered out in the kernel.
    pub fn open(target: IpAddr, size: usize, seed: u64, options: Options) -> Result<Self, Fault> {
        let EchoSocket { socket, echo, ip_header } = EchoSocket::open(target, size, seed, options)?;
        let datagram = Datagram::new(socket).map_err(|error| icmp_fault(&error, "watch ICMP socket", target))?;
        Ok(Self { datagram, echo, ip_header, target })
    }

    /// The request of probe `number`; made before the clock is read, so that its making is no part of a round trip.
    #[must_use]
    pub fn request(&self, number: u32) -> Vec<u8> {
        self.echo.request(number)
    }

    /// Sends a request, or says at once why not.
    pub fn send(&self, request: &[u8]) -> io::Result<()> {
        self.datagram.send(request, Some(SocketAddr::new(self.target, 0)))
    }

    /// Classifies a packet.
    #[must_use]
    pub fn read(&self, packet: &[u8]) -> Received {
        self.echo.read(packet, self.ip_header)
    }

    /// What requests of another length have in common.
    #[must_use]
    pub fn sized(&self, size: usize) -> Echo {
        Echo { size, ..self.echo }
    }

    /// Classifies the reply to a request of another length.
    #[must_use]
    pub fn read_sized(&self, packet: &[u8], size: usize) -> Received {
        self.sized(size).read(packet, self.ip_header)
    }

    /// Bytes that hold any packet meant for this socket, and one more so that a longer one is seen to be longer.
    #[must_use]
    pub fn room(&self) -> usize {
        room(self.echo.size)
    }
}

/// An echo socket towards `target`, and whether it is a raw one.
fn socket(target: IpAddr) -> Result<(Socket, bool), Fault> {
    let (domain, protocol) =
        if target.is_ipv6() { (Domain::IPV6, Protocol::ICMPV6) } else { (Domain::IPV4, Protocol::ICMPV4) };
    let plain = match Socket::new(domain, Type::DGRAM, Some(protocol)) {
        Ok(socket) => return Ok((socket, false)),
        Err(error) => error,
    };
    match Socket::new(domain, Type::RAW, Some(protocol)) {
        Ok(socket) => Ok((socket, true)),
        Err(raw) if raw.raw_os_error() == plain.raw_os_error() => Err(icmp_fault(&raw, "open ICMP socket", target)),
        Err(raw) => {
            let mut fault = icmp_fault(&raw, "open ICMP socket", target);
            fault.detail = format!("raw socket: {raw}; unprivileged socket: {plain}");
            Err(fault)
        }
    }
}

/// A fault of this side, with the remedy for the errors people meet.
#[must_use]
pub fn icmp_fault(error: &io::Error, operation: &str, target: IpAddr) -> Fault {
    let remedy = match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) if operation.starts_with("send") => {
            "a local firewall rule or a broadcast address forbids it; allow ICMP echo to leave this host"
        }
        Some(libc::EACCES | libc::EPERM) => {
            "give the binary the capability (`setcap cap_net_raw+ep shakedown`), or allow unprivileged ping \
             (`sysctl -w net.ipv4.ping_group_range='0 2147483647'`)"
        }
        Some(libc::EMFILE | libc::ENFILE) => "raise the limit of open files (`ulimit -n`) or lower --jobs",
        Some(libc::EADDRNOTAVAIL) => {
            "check that `source` is an address of this machine, and that it has an address of the target's IP version"
        }
        Some(libc::EAFNOSUPPORT) => "this machine has no such IP version; set `ip_version`",
        Some(libc::EPROTONOSUPPORT) => "this system offers no ICMP sockets; run from a machine that does",
        Some(libc::ENOBUFS | libc::EAGAIN) => "the local queue is full: raise `interval` or lower `size`",
        Some(libc::EMSGSIZE) => return oversize_fault(operation, target, Origin::default()),
        _ if AddressClass::of(target) == AddressClass::LinkLocal && error.kind() == io::ErrorKind::InvalidInput => ZONE,
        Some(libc::EINVAL) => "a blackhole route: see `ip route`",
        Some(libc::ENODEV) => "this host has no such interface; `ip link` shows which there are",
        _ => "see the system's message",
    };
    Fault::local(operation, target.to_string(), error.to_string(), remedy)
}

/// The fault of a packet that must not be fragmented and that this host's own interface does not carry.
#[must_use]
pub fn oversize_fault(operation: &str, target: IpAddr, origin: Origin) -> Fault {
    let remedy = format!(
        "lower `size`, or raise the MTU of the interface that this names: {}; nothing is known of the path",
        origin.route_command(target)
    );
    let why = "the packet is larger than the MTU of this host's own interface";
    Fault::local(operation, target.to_string(), why, remedy)
}

/// Random bits that differ between probes of one process and between processes, even with equal seeds.
#[must_use]
pub fn unique(seed: u64) -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(seed);
    hasher.finish()
}

/// A raw socket gets every ICMP packet of the host; this keeps all but the echo replies with our identifier in the kernel.
#[cfg(target_os = "linux")]
fn filter(socket: &Socket, v6: bool, id: u16) -> io::Result<()> {
    use socket2::SockFilter;
    // Classic BPF, as in linux/filter.h: loads relative to X, comparisons, verdicts.
    const LOAD_HEADER_LENGTH: u16 = 0xb1; // ldxb 4*([k]&0xf)
    const ZERO_X: u16 = 0x01; // ldx #k
    const LOAD_BYTE: u16 = 0x50; // ldb [x+k]
    const LOAD_HALF: u16 = 0x48; // ldh [x+k]
    const EQUALS: u16 = 0x15; // jeq #k, jt, jf
    const VERDICT: u16 = 0x06; // ret #k
    // Raw IPv4 packets start with their IP header, raw IPv6 ones with the ICMPv6 header.
    let (start, reply) = if v6 { (ZERO_X, 129) } else { (LOAD_HEADER_LENGTH, 0) };
    icmp_filter::only(socket, v6, &[reply])?;
    socket.attach_filter(&[
        SockFilter::new(start, 0, 0, 0),
        SockFilter::new(LOAD_BYTE, 0, 0, 0),
        SockFilter::new(EQUALS, 0, 3, reply.into()),
        SockFilter::new(LOAD_HALF, 0, 0, 4),
        SockFilter::new(EQUALS, 0, 1, u32::from(id)),
        SockFilter::new(VERDICT, 0, 0, u32::MAX),
        SockFilter::new(VERDICT, 0, 0, 0),
    ])
}

/// Without socket filters the packets of others are told apart after they were received.
#[cfg(not(target_os = "linux"))]
fn filter(_: &Socket, _: bool, _: u16) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{icmp_fault, permission, unique};
    use crate::model::FaultKind;

    #[test]
    fn a_missing_permission_names_its_remedies() {
        let fault = icmp_fault(&io::Error::from_raw_os_error(libc::EPERM), "open ICMP socket", [192, 0, 2, 1].into());
        assert_eq!(fault.kind, FaultKind::Local);
        assert_eq!(fault.peer, "192.0.2.1");
        assert!(fault.remedy.contains("setcap cap_net_raw+ep") && fault.remedy.contains("ping_group_range"));
    }

    #[test]
    fn permission_is_given_or_explained() {
        if let Err(fault) = permission() {
            assert_eq!(fault.operation, "open ICMP socket");
            assert!(fault.remedy.contains("cap_net_raw") || fault.remedy.contains("ICMP sockets"), "{fault:?}");
        }
    }

    #[test]
    fn equal_seeds_make_different_tags() {
        assert_ne!(unique(7), unique(7));
    }
}
