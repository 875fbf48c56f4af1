//! A datagram socket that also tells who on the path answered with an error, and when the kernel saw a packet.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use nix::sys::socket::{MsgFlags, SockaddrStorage, recvmsg};
use socket2::{SockAddr, Socket};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::sys::watch::watch;

/// Room for a time stamp, a hop limit and an error with its sender; `cmsg_space!` of these three needs less.
const CONTROL: usize = 256;

/// A non-blocking socket.
pub struct Datagram {
    fd: AsyncFd<Socket>,
    control: Vec<u8>,
}

/// What came.
#[derive(Debug)]
pub enum Event {
    /// A datagram; its bytes are in the buffer.
    Arrival(Arrival),
    /// An ICMP error, or the kernel's own refusal; the quoted packet is in the buffer.
    Trouble(Trouble),
    /// An error without a report about where it came from.
    Failed(io::Error),
}

/// A datagram.
#[derive(Debug)]
pub struct Arrival {
    /// Its true length.
    pub length: usize,
    /// How much of it is in the buffer.
    pub kept: usize,
    /// Sender.
    pub from: Option<IpAddr>,
    /// TTL or hop limit it arrived with.
    pub ttl: Option<u8>,
    /// When the kernel saw it, on the wall clock since 1970.
    pub stamp: Option<Duration>,
}

/// An error report from the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What it means.
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

/// What an error report means for the probe.
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

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.router {
            Some(router) => write!(f, "{} from {router}", self.word),
            None => write!(f, "{} from this host", self.word),
        }
    }
}

impl Datagram {
    /// Takes over `socket`, and turns on error reports, kernel stamps and hop limits where the system has them.
    pub fn new(socket: Socket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        system::enable(&socket);
        let fd = watch(socket)?;
        Ok(Self { fd, control: vec![0; CONTROL] })
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        self.fd.get_ref()
    }

    /// Sends at once or not at all. An error that an earlier packet caused is not taken for one of this packet.
    pub fn send(&self, packet: &[u8], to: Option<SocketAddr>) -> io::Result<()> {
        let once = || match to {
            Some(to) => self.socket().send_to(packet, &SockAddr::from(to)),
            None => self.socket().send(packet),
        };
        match once() {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            // The kernel reports a pending error of the socket here once, then clears it.
            Err(_) => once().map(|_| ()),
        }
    }

    /// Waits for the next datagram or error. Dropping the future loses nothing.
    pub async fn next(&mut self, buffer: &mut [u8]) -> io::Result<Event> {
        loop {
            let mut guard = self.fd.ready(Interest::READABLE | Interest::ERROR).await?;
            match take(guard.get_inner(), &mut self.control, buffer, guard.ready().is_error())? {
                Some(event) => return Ok(event),
                None => guard.clear_ready(),
            }
        }
    }

    /// The next error report already there, as after a refused send.
    pub fn trouble(&mut self, buffer: &mut [u8]) -> Option<Trouble> {
        system::trouble(self.fd.get_ref(), &mut self.control, buffer)
    }
}

fn take(socket: &Socket, control: &mut [u8], buffer: &mut [u8], error: bool) -> io::Result<Option<Event>> {
    if error && let Some(trouble) = system::trouble(socket, control, buffer) {
        return Ok(Some(Event::Trouble(trouble)));
    }
    match receive(socket, control, buffer) {
        Ok(arrival) => Ok(Some(Event::Arrival(arrival))),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EBADF | libc::EFAULT | libc::EINVAL)) => Err(error),
        Err(error) => Ok(Some(system::trouble(socket, control, buffer).map_or(Event::Failed(error), Event::Trouble))),
    }
}

fn receive(socket: &Socket, control: &mut [u8], buffer: &mut [u8]) -> io::Result<Arrival> {
    let room = buffer.len();
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(control), flags)?;
    let mut arrival = Arrival {
        length: message.bytes,
        kept: message.bytes.min(room),
        from: message.address.as_ref().and_then(address),
        ttl: None,
        stamp: None,
    };
    // Control data cut short only costs the stamp and the hop limit.
    for item in message.cmsgs().into_iter().flatten() {
        system::ancillary(&item, &mut arrival);
    }
    Ok(arrival)
}

fn address(storage: &SockaddrStorage) -> Option<IpAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(IpAddr::V4(v4.ip()));
    }
    storage.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip()))
}

/// Name and meaning of an ICMP error.
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

/// The same for `ICMPv6`.
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

impl Trouble {
    /// An ICMP error of `router`, with the MTU it names.
    #[must_use]
    pub fn icmp(v6: bool, kind: u8, code: u8, mtu: u32, router: Option<IpAddr>, quoted: usize) -> Self {
        let (class, word) = if v6 { icmp_v6(kind, code) } else { icmp_v4(kind, code) };
        let word = word.map_or_else(|| format!("type {kind} code {code}"), str::to_owned);
        // Routers older than RFC 1191 report 0.
        let mtu = Some(mtu).filter(|mtu| class == Class::TooBig && *mtu > 0);
        Self { class, word, router, mtu, quoted }
    }

    /// What this host's kernel means by refusing a packet; `None` for errors that say nothing about the way to the peer.
    #[must_use]
    pub fn local(errno: i32, mtu: Option<u32>) -> Option<Self> {
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

#[cfg(target_os = "linux")]
mod system {
    //! Linux: `IP_RECVERR` works on datagram, ping and raw sockets alike, and names the router.

    use std::io::IoSliceMut;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use std::os::fd::AsRawFd as _;
    use std::time::Duration;

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
    use socket2::Socket;

    use super::{Arrival, Trouble};

    /// Origins of an extended error, from `linux/errqueue.h`.
    const LOCAL: u8 = 1;
    const ICMP: u8 = 2;
    const ICMP6: u8 = 3;

    /// Each of these only adds knowledge, so a kernel without it is used as it is. The options of the other IP version
    /// fail harmlessly.
    pub(super) fn enable(socket: &Socket) {
        let _ = setsockopt(socket, sockopt::ReceiveTimestampns, &true);
        let _ = setsockopt(socket, sockopt::Ipv4RecvErr, &true);
        let _ = setsockopt(socket, sockopt::Ipv6RecvErr, &true);
        let _ = setsockopt(socket, sockopt::Ipv4RecvTtl, &true);
        let _ = setsockopt(socket, sockopt::Ipv6RecvHopLimit, &true);
    }

    pub(super) fn ancillary(item: &ControlMessageOwned, arrival: &mut Arrival) {
        match item {
            ControlMessageOwned::ScmTimestampns(stamp) => arrival.stamp = Some(Duration::from(*stamp)),
            ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => {
                arrival.ttl = u8::try_from(*ttl).ok();
            }
            _ => {}
        }
    }

    /// Reads the error queue up to the first report about the path; ends, because each read takes one entry out.
    pub(super) fn trouble(socket: &Socket, control: &mut [u8], buffer: &mut [u8]) -> Option<Trouble> {
        let room = buffer.len();
        loop {
            let mut parts = [IoSliceMut::new(buffer)];
            let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
            let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut *control), flags).ok()?;
            let quoted = message.bytes.min(room);
            let found = message.cmsgs().ok().and_then(|mut items| items.find_map(|item| report(&item, quoted)));
            if found.is_some() {
                return found;
            }
        }
    }

    fn report(item: &ControlMessageOwned, quoted: usize) -> Option<Trouble> {
        let (error, router) = match item {
            ControlMessageOwned::Ipv4RecvErr(error, sender) => {
                (error, sender.map(|s| IpAddr::V4(Ipv4Addr::from(u32::from_be(s.sin_addr.s_addr)))))
            }
            ControlMessageOwned::Ipv6RecvErr(error, sender) => {
                (error, sender.map(|s| IpAddr::V6(Ipv6Addr::from(s.sin6_addr.s6_addr))))
            }
            _ => return None,
        };
        match error.ee_origin {
            LOCAL => Trouble::local(i32::try_from(error.ee_errno).ok()?, Some(error.ee_info)),
            ICMP => Some(Trouble::icmp(false, error.ee_type, error.ee_code, error.ee_info, router, quoted)),
            ICMP6 => Some(Trouble::icmp(true, error.ee_type, error.ee_code, error.ee_info, router, quoted)),
            _ => None,
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    //! Elsewhere: errors arrive without their sender, and arrivals are stamped by this process.

    use nix::sys::socket::ControlMessageOwned;
    use socket2::Socket;

    use super::{Arrival, Trouble};

    pub(super) fn enable(_: &Socket) {}

    pub(super) fn ancillary(_: &ControlMessageOwned, _: &mut Arrival) {}

    pub(super) fn trouble(_: &Socket, _: &mut [u8], _: &mut [u8]) -> Option<Trouble> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Trouble};

    #[test]
    fn errors_have_their_standard_names() {
        let router = Some("192.0.2.1".parse().unwrap());
        let host = Trouble::icmp(false, 3, 1, 0, router, 8);
        assert_eq!((host.class, host.to_string().as_str()), (Class::Unreachable, "host_unreachable from 192.0.2.1"));
        let big = Trouble::icmp(true, 2, 0, 1280, Some("2001:db8::1".parse().unwrap()), 8);
        assert_eq!((big.class, big.mtu), (Class::TooBig, Some(1280)));
        let odd = Trouble::icmp(false, 3, 99, 7, router, 8);
        assert_eq!((odd.word.as_str(), odd.mtu), ("type 3 code 99", None));
        assert_eq!(Trouble::icmp(false, 3, 4, 0, router, 8).mtu, None, "an MTU of 0 is not an MTU");
        assert_eq!(Trouble::local(libc::EMSGSIZE, Some(1500)).unwrap().to_string(), "message_too_big from this host");
        assert!(Trouble::local(libc::ENOBUFS, None).is_none());
    }
}
