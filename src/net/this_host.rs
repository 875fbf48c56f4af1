//! This host's own inability, told apart from what a target or the path to it did: no route, a prohibiting or black-hole
//! route, a filter of this host. The one place that decides it.

pub mod pending_syns;
pub mod syn;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use pnet::datalink::NetworkInterface;
use socket2::{Domain, SockAddr, Socket, Type};

use super::Origin;
use super::datagram::{Class, IcmpError};
use super::dial::ZONE;
use super::origin::NO_LINK;
use super::sys::interface_mtu;
use crate::model::Fault;
use crate::model::interface::is_link_local;

/// What helps where this process has too few file descriptors.
const MORE_FILES: &str = "raise the limit of open files (`ulimit -n`) or lower --jobs";

/// Whether `address` is one of this host's: only then a socket can be bound to it. One of a link is looked for on the link that
/// `origin` leaves by: on another one it may be another host's. The error is that of a host that lacks what it takes to look, such as
/// a file descriptor: neither answer may be taken for granted then.
pub fn is_local(address: IpAddr, origin: Origin) -> io::Result<bool> {
    if address.is_loopback() {
        return Ok(true);
    }
    let at = SocketAddr::new(address, 0);
    let bound = Socket::new(Domain::for_address(at), Type::DGRAM, None).and_then(|socket| {
        if is_link_local(address) {
            origin.bind_device(&socket, address)?;
        }
        socket.bind(&SockAddr::from(at))
    });
    match bound {
        Ok(()) => Ok(true),
        Err(error) if lacks(&error) => Err(error),
        Err(_) => Ok(false),
    }
}

/// Whether it is the error of a process or a host that has no more of what sockets take.
fn lacks(error: &io::Error) -> bool {
    const LACKS: [i32; 4] = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    error.raw_os_error().is_some_and(|errno| LACKS.contains(&errno))
}

/// Ports the kernel gives to those who connect.
#[must_use]
pub fn ephemeral_ports() -> RangeInclusive<u16> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut ends = text.split_whitespace().map(str::parse::<u16>);
    match (ends.next(), ends.next()) {
        (Some(Ok(low)), Some(Ok(high))) => low..=high,
        _ => 1024..=u16::MAX,
    }
}

/// Which addresses are this host's, each looked up once.
#[derive(Debug, Default)]
pub struct OwnAddresses {
    known: HashMap<IpAddr, bool>,
    origin: Origin,
}

impl OwnAddresses {
    /// Those of this host, as far as `origin` leaves by their link.
    #[must_use]
    pub fn of(origin: Origin) -> Self {
        Self { known: HashMap::new(), origin }
    }

    /// Whether `address` is one of this host's.
    pub fn has(&mut self, address: IpAddr) -> io::Result<bool> {
        if let Some(known) = self.known.get(&address) {
            return Ok(*known);
        }
        let own = is_local(address, self.origin)?;
        self.known.insert(address, own);
        Ok(own)
    }
}

/// Why this host has no way from `origin` to `peer`; `None` when it has one. Connecting a datagram socket sends nothing: it only
/// asks the routing table.
#[must_use]
pub fn route_error(peer: SocketAddr, origin: Origin) -> Option<io::Error> {
    source_address(peer, origin).err()
}

/// The address that packets to `peer` leave with: that of `origin` where it has one.
pub fn source_address(peer: SocketAddr, origin: Origin) -> io::Result<IpAddr> {
    // Any port will do, and port 0 is refused.
    let to = SocketAddr::new(peer.ip(), if peer.port() == 0 { 9 } else { peer.port() });
    let socket = Socket::new(Domain::for_address(to), Type::DGRAM, None)?;
    origin.bind(&socket, to.ip(), 0)?;
    socket.connect(&SockAddr::from(to))?;
    Ok(socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?.ip())
}

/// The fault of a host without a way to `peer`.
#[must_use]
pub fn route_fault(error: &io::Error, operation: &str, peer: SocketAddr, origin: Origin) -> Fault {
    if is_link_local(peer.ip()) && origin.device(peer.ip()).is_none() {
        return Fault::local(operation, peer.ip().to_string(), NO_LINK, ZONE);
    }
    let why = match error.raw_os_error() {
        Some(libc::ENETUNREACH) => "this host has no route there",
        Some(libc::EHOSTUNREACH) => "a route of this host says unreachable",
        Some(libc::EACCES) => "a route of this host prohibits it",
        Some(libc::EINVAL) => "a route of this host is a black hole",
        Some(libc::ENODEV) => "this host has no such interface",
        Some(libc::EADDRNOTAVAIL) => "this host has no address to send from there",
        Some(libc::EAFNOSUPPORT) => "this host does not speak this IP version",
        _ => "this host has no way there",
    };
    let shown = origin.route_command(peer.ip());
    let remedy = format!("without a route nothing is known of the target; on this host: {shown}");
    Fault::local(operation, peer.ip().to_string(), format!("{why} ({error})"), remedy)
}

/// How this host itself kept something from its peer.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// For people.
    pub why: String,
    remedy: &'static str,
}

impl From<String> for Rejection {
    fn from(why: String) -> Self {
        let remedy =
            "look at this host's own rules (`nft list ruleset`, `iptables -S OUTPUT`): nothing is known of the target";
        Self { why, remedy }
    }
}

/// Why an error report is this host's own doing and not the path's: `None` when it is the path's, or the peer is this host.
/// A neighbour that does not answer is reported by this host too, and is the target's or the router's silence. Where it cannot be
/// told whose report it is, nothing is known of the path either.
#[must_use]
pub fn rejection(report: &IcmpError, peer: IpAddr, origin: Origin) -> Option<Rejection> {
    let neighbour = matches!(report.word.as_str(), "host_unreachable" | "address_unreachable");
    let denies = matches!(report.class, Class::Unreachable | Class::Port) && !neighbour;
    let router = report.router.filter(|router| denies && *router != peer)?;
    let by_own = is_local(router, origin).and_then(|own| Ok(own && !is_local(peer, origin)?));
    let word = &report.word;
    match by_own {
        Ok(false) => None,
        Ok(true) => Some(
            format!("a filter of this host rejects it ({word} from {router}, which is an address of this host)").into(),
        ),
        Err(error) => {
            let why =
                format!("{word} from {router}, and whether that is this host itself cannot be looked up ({error})");
            Some(Rejection { why, remedy: MORE_FILES })
        }
    }
}

/// The MTU of the interface that packets to `peer` leave by; `None` where no interface tells it. The error is that of a host that
/// lacks what it takes to look.
pub fn interface_mtu(peer: IpAddr, origin: Origin) -> io::Result<Option<u32>> {
    let to = SocketAddr::new(peer, 9);
    let socket = match Socket::new(Domain::for_address(to), Type::DGRAM, None) {
        Err(error) if lacks(&error) => return Err(error),
        Err(_) => return Ok(None),
        Ok(socket) => socket,
    };
    if let Some(name) = origin.device_name(peer) {
        return Ok(interface_mtu::interface_mtu(&socket, &name));
    }
    if origin.bind(&socket, peer, 0).and_then(|()| socket.connect(&SockAddr::from(to))).is_err() {
        return Ok(None);
    }
    let Some(own) = socket.local_addr()?.as_socket() else { return Ok(None) };
    let interfaces = pnet::datalink::interfaces();
    if interfaces.is_empty() {
        // No host is without one.
        return Err(io::Error::from_raw_os_error(libc::ENFILE));
    }
    let holds = |interface: &&NetworkInterface| interface.ips.iter().any(|network| network.ip() == own.ip());
    Ok(interfaces.iter().find(holds).and_then(|interface| interface_mtu::interface_mtu(&socket, &interface.name)))
}

/// The fault of a filter of this host.
#[must_use]
pub fn rejection_fault(rejection: impl Into<Rejection>, operation: &str, peer: SocketAddr) -> Fault {
    let Rejection { why, remedy } = rejection.into();
    Fault::local(operation, peer.to_string(), why, remedy)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    use super::{MORE_FILES, OwnAddresses, interface_mtu, is_local, rejection, rejection_fault, route_error};
    use crate::net::Origin;
    use crate::net::datagram::IcmpError;

    #[test]
    fn loopback_is_own_and_documentation_is_not() {
        let is_own = |address: &str| is_local(address.parse().unwrap(), Origin::default()).unwrap();
        assert!(is_own("127.0.0.1") && is_own("127.9.9.9") && is_own("::1"));
        assert!(!is_own("192.0.2.1") && !is_own("2001:db8::1"));
        assert!(route_error("127.0.0.1:0".parse().unwrap(), Origin::default()).is_none());
    }

    #[test]
    fn a_report_of_ourselves_about_another_host_is_our_own_filter() {
        let report = |code, router: Option<&str>| {
            IcmpError::from_icmp(false, 3, code, 0, router.map(|router| router.parse().unwrap()), 8)
        };
        let (target, ours) = ("192.0.2.1".parse().unwrap(), Some("127.0.0.1"));
        for code in [3, 9, 10, 13, 0] {
            assert!(rejection(&report(code, ours), target, Origin::default()).is_some(), "code {code}");
        }
        assert!(rejection(&report(1, ours), target, Origin::default()).is_none(), "a neighbour that does not answer");
        assert!(rejection(&report(3, Some("192.0.2.1")), target, Origin::default()).is_none(), "the target itself");
        assert!(rejection(&report(3, Some("198.51.100.1")), target, Origin::default()).is_none(), "a router");
        assert!(
            rejection(&report(3, ours), "127.0.0.1".parse().unwrap(), Origin::default()).is_none(),
            "this host is the target"
        );
    }
    /// What nobody looked up is neither this host's address nor somebody else's, and no report of the path. In a process of its own:
    /// descriptors are short for all of it.
    #[test]
    fn what_cannot_be_looked_up_is_this_hosts_own_inability() {
        const ALONE: &str = "SHAKEDOWN_TEST_ALONE";
        const NAME: &str = "what_cannot_be_looked_up_is_this_hosts_own_inability";
        if std::env::var_os(ALONE).is_none() {
            let (_, module) = module_path!().split_once("::").unwrap();
            let mut alone = Command::new(std::env::current_exe().unwrap());
            let output = alone.args(["--exact", &format!("{module}::{NAME}")]).env(ALONE, "1").output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && said.contains(" 1 passed"), "{output:?}");
            return;
        }
        let (target, router, origin) =
            ("192.0.2.1".parse().unwrap(), "198.51.100.1".parse().unwrap(), Origin::default());
        let report = IcmpError::from_icmp(false, 3, 13, 0, Some(router), 8);
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 0, hard).unwrap();
        let mut addresses = OwnAddresses::default();
        let looked = [is_local(target, origin), addresses.has(target)].map(|own| own.map_err(|e| e.raw_os_error()));
        let mtu = interface_mtu(target, origin).map_err(|error| error.raw_os_error());
        let rejected = rejection(&report, target, origin);
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
        assert_eq!((looked, mtu), ([Err(Some(libc::EMFILE)); 2], Err(Some(libc::EMFILE))));
        let fault = rejection_fault(rejected.unwrap(), "connect", "192.0.2.1:80".parse().unwrap());
        assert!(fault.detail.contains("from 198.51.100.1, and whether that is this host itself cannot be looked up"));
        assert_eq!(fault.remedy, MORE_FILES);
        // It was not taken for an answer.
        assert_eq!(addresses.has(target).ok(), Some(false));
        assert!(rejection(&report, target, origin).is_none());
    }
}
