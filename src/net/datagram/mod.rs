//! Datagram sockets that hear of everything: who on the path answered with an error, and when the kernel saw a packet.
//! [`Datagram`] is any such socket in a runtime, [`Polled`] one on a thread of its own, [`udp`] opens UDP sockets.

mod icmp_error;
mod past_errors;
#[cfg(target_os = "linux")]
mod polled;
pub mod udp;

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use nix::sys::socket::{MsgFlags, SockaddrStorage, recvmsg};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

pub use icmp_error::{Class, IcmpError};
pub use past_errors::past_errors;
#[cfg(target_os = "linux")]
pub use polled::{Heard, HeardDatagram, Polled};

use super::sys::async_fd;

/// Room for a time stamp, a hop limit and an error with its sender; `cmsg_space!` of these three needs less. Aligned as the
/// headers the kernel writes into it.
#[repr(align(16))]
struct Control([u8; 256]);

impl Control {
    const fn empty() -> Self {
        Self([0; 256])
    }
}

/// A non-blocking socket. Threads may send while a task receives; [`ReadableSocket`] and [`Datagram::icmp_error`] read errors that an
/// earlier send caused, so who needs those of its own send does both under one lock.
pub struct Datagram(AsyncFd<Socket>);

/// Has the kernel stamp whatever arrives while it lives. It begins to do so a moment after the first socket of the host asks for it:
/// what arrives before has the time at which it was read, however late that was.
#[derive(Debug)]
pub struct Stamping(#[expect(dead_code, reason = "it only has to be open")] Socket);

impl Stamping {
    /// `None` where there can be no such socket.
    #[must_use]
    pub fn start() -> Option<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).ok()?;
        system::enable(&socket);
        Some(Self(socket))
    }
}

/// A socket that had something to read a moment ago.
pub struct ReadableSocket<'s>(AsyncFdReadyGuard<'s, Socket>);

/// Something a socket received.
#[derive(Debug)]
pub enum Event {
    /// A datagram; its bytes are in the buffer.
    Arrival(Arrival),
    /// An ICMP error, or the kernel's own refusal; the quoted packet is in the buffer.
    IcmpError(IcmpError),
    /// An error without a report about where it came from.
    Failed(io::Error),
}

/// An entry of a socket's error queue.
#[derive(Debug)]
pub enum Queued {
    /// An ICMP error, or the kernel's own refusal; the quoted packet is in the buffer.
    IcmpError(IcmpError),
    /// When a packet left, on the wall clock since 1970.
    Left(Duration),
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
    /// Sender with its port; of raw sockets the port says nothing.
    pub sender: Option<SocketAddr>,
    /// TTL or hop limit it arrived with.
    pub ttl: Option<u8>,
    /// When the kernel saw it, on the wall clock since 1970.
    pub stamp: Option<Duration>,
}

impl Datagram {
    /// Takes over `socket`, and turns on error reports, kernel stamps and hop limits where the system has them.
    pub fn new(socket: Socket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        system::enable(&socket);
        Ok(Self(async_fd::register(socket)?))
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        self.0.get_ref()
    }

    /// Sends at once or not at all. An error that an earlier packet caused is not taken for one of this packet.
    pub fn send(&self, packet: &[u8], to: Option<SocketAddr>) -> io::Result<()> {
        let once = || match to {
            Some(to) => self.socket().send_to(packet, &SockAddr::from(to)),
            None => self.socket().send(packet),
        };
        past_errors(once).map(|_| ())
    }

    /// Has the kernel stamp what leaves, where it can: [`Queued::Left`].
    pub fn stamp_departures(&self) {
        system::stamp_departures(self.socket());
    }

    /// The next entry of the error queue.
    pub fn queued(&self, buffer: &mut [u8]) -> Option<Queued> {
        system::queued(self.socket(), &mut Control::empty().0, buffer).map(|entry| entry.queued)
    }

    /// Waits until there is something to read.
    pub async fn ready(&self) -> io::Result<ReadableSocket<'_>> {
        self.0.ready(Interest::READABLE | Interest::ERROR).await.map(ReadableSocket)
    }

    /// Waits for the next datagram or error. Dropping the future loses nothing.
    pub async fn next(&self, buffer: &mut [u8]) -> io::Result<Event> {
        loop {
            if let Some(event) = self.ready().await?.read(buffer)? {
                return Ok(event);
            }
        }
    }

    /// The next error report already there, as after a refused send.
    pub fn icmp_error(&self, buffer: &mut [u8]) -> Option<IcmpError> {
        system::icmp_error(self.socket(), &mut Control::empty().0, buffer).map(|(error, _)| error)
    }
}

/// Has the kernel keep ICMP errors about a socket, a connecting one of TCP as well, with their senders.
pub fn enable_icmp_errors(socket: &Socket) {
    system::receive_icmp_errors(socket, true);
}

/// Ends [`enable_icmp_errors`]. With it an ICMP error ends an open TCP connection, which must outlive it (RFC 1122, 4.2.3.9).
pub fn disable_icmp_errors(socket: &impl AsFd) {
    system::receive_icmp_errors(socket, false);
}

/// The error report behind an error that a socket of [`enable_icmp_errors`] just had; `None` where it was no ICMP error.
pub fn reported(socket: &impl AsRawFd) -> Option<IcmpError> {
    system::icmp_error(socket, &mut Control::empty().0, &mut [0; 64]).map(|(error, _)| error)
}

/// Turns on error reports, kernel stamps and hop limits of a socket, where the system has them.
pub fn enable_reports(socket: &Socket) {
    system::enable(socket);
}

/// The next error report of a socket of [`enable_reports`], and the address the packet in question was sent to; what it quotes of
/// that packet is in the buffer.
pub fn next_report(socket: &impl AsRawFd, buffer: &mut [u8]) -> Option<(IcmpError, Option<IpAddr>)> {
    next_report_of_port(socket, buffer).map(|(report, to)| (report, to.map(|to| to.ip())))
}

/// The same of a UDP socket, with the port that the packet was sent to.
pub fn next_report_of_port(socket: &impl AsRawFd, buffer: &mut [u8]) -> Option<(IcmpError, Option<SocketAddr>)> {
    system::icmp_error(socket, &mut Control::empty().0, buffer)
}

/// The next error report of a socket of [`enable_reports`], and when the kernel saw it, on the wall clock since 1970; what it quotes
/// of the packet in question is in the buffer.
pub fn next_stamped_report(socket: &impl AsRawFd, buffer: &mut [u8]) -> Option<(IcmpError, Option<Duration>)> {
    system::stamped_icmp_error(socket, &mut Control::empty().0, buffer)
}

impl ReadableSocket<'_> {
    /// The next datagram or error that is there; `None` when it is time to wait again.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<Event>> {
        let event = read(self.0.get_inner(), &mut Control::empty().0, buffer, self.0.ready().is_error())?;
        if event.is_none() {
            self.0.clear_ready();
        }
        Ok(event)
    }
}

fn read(socket: &Socket, control: &mut [u8], buffer: &mut [u8], error: bool) -> io::Result<Option<Event>> {
    if error && let Some((report, _)) = system::icmp_error(socket, control, buffer) {
        return Ok(Some(Event::IcmpError(report)));
    }
    match receive(socket, control, buffer) {
        Ok(arrival) => Ok(Some(Event::Arrival(arrival))),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EBADF | libc::EFAULT | libc::EINVAL)) => Err(error),
        Err(error) => {
            let report = system::icmp_error(socket, control, buffer);
            Ok(Some(report.map_or(Event::Failed(error), |(report, _)| Event::IcmpError(report))))
        }
    }
}

fn receive(socket: &Socket, control: &mut [u8], buffer: &mut [u8]) -> io::Result<Arrival> {
    let room = buffer.len();
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(control), flags)?;
    let sender = message.address.as_ref().and_then(address);
    let mut arrival = Arrival {
        length: message.bytes,
        kept: message.bytes.min(room),
        from: sender.map(|sender| sender.ip()),
        sender,
        ttl: None,
        stamp: None,
    };
    // Control data cut short only costs the stamp and the hop limit.
    for item in message.cmsgs().into_iter().flatten() {
        system::ancillary(&item, &mut arrival);
    }
    Ok(arrival)
}

/// The address of a sender.
#[must_use]
pub fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::new(IpAddr::V4(v4.ip()), v4.port()));
    }
    storage.as_sockaddr_in6().map(|v6| SocketAddr::new(IpAddr::V6(v6.ip()), v6.port()))
}

#[cfg(target_os = "linux")]
mod system {
    //! Linux: `IP_RECVERR` works on datagram, ping and raw sockets alike, and names the router.

    use std::io::IoSliceMut;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
    use std::os::fd::{AsFd, AsRawFd};
    use std::time::Duration;

    use nix::sys::socket::{
        ControlMessageOwned, MsgFlags, SockaddrStorage, TimestampingFlag, recvmsg, setsockopt, sockopt,
    };
    use socket2::Socket;

    use super::{Arrival, IcmpError, Queued};

    /// Origins of an extended error, from `linux/errqueue.h`.
    const LOCAL: u8 = 1;
    const ICMP: u8 = 2;
    const ICMP6: u8 = 3;

    /// Each of these only adds knowledge, so a kernel without it is used as it is. The options of the other IP version
    /// fail harmlessly.
    pub(super) fn enable(socket: &Socket) {
        let _ = setsockopt(socket, sockopt::ReceiveTimestampns, &true);
        receive_icmp_errors(socket, true);
        let _ = setsockopt(socket, sockopt::Ipv4RecvTtl, &true);
        let _ = setsockopt(socket, sockopt::Ipv6RecvHopLimit, &true);
    }

    pub(super) fn stamp_departures(socket: &Socket) {
        let flags = TimestampingFlag::SOF_TIMESTAMPING_TX_SOFTWARE
            | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE
            | TimestampingFlag::SOF_TIMESTAMPING_OPT_TSONLY;
        let _ = setsockopt(socket, sockopt::Timestamping, &flags);
    }

    pub(super) fn receive_icmp_errors(socket: &impl AsFd, yes: bool) {
        let _ = setsockopt(socket, sockopt::Ipv4RecvErr, &yes);
        let _ = setsockopt(socket, sockopt::Ipv6RecvErr, &yes);
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

    /// Reads the error queue up to the first report about the path, with the address the packet was sent to.
    pub(super) fn icmp_error(
        socket: &impl AsRawFd,
        control: &mut [u8],
        buffer: &mut [u8],
    ) -> Option<(IcmpError, Option<SocketAddr>)> {
        loop {
            if let QueuedError { queued: Queued::IcmpError(report), to, .. } = queued(socket, control, buffer)? {
                return Some((report, to));
            }
        }
    }

    /// The same, with the time at which it arrived.
    pub(super) fn stamped_icmp_error(
        socket: &impl AsRawFd,
        control: &mut [u8],
        buffer: &mut [u8],
    ) -> Option<(IcmpError, Option<Duration>)> {
        loop {
            if let QueuedError { queued: Queued::IcmpError(report), stamp, .. } = queued(socket, control, buffer)? {
                return Some((report, stamp));
            }
        }
    }

    /// An entry of the error queue.
    pub(super) struct QueuedError {
        pub(super) queued: Queued,
        /// Where the packet in question was sent to.
        pub(super) to: Option<SocketAddr>,
        /// When a report arrived.
        pub(super) stamp: Option<Duration>,
    }

    /// Reads the error queue up to the first entry that says something; ends, because each read takes one entry out.
    pub(super) fn queued(socket: &impl AsRawFd, control: &mut [u8], buffer: &mut [u8]) -> Option<QueuedError> {
        let room = buffer.len();
        loop {
            let mut parts = [IoSliceMut::new(buffer)];
            let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
            let message =
                recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut *control), flags).ok()?;
            let quoted = message.bytes.min(room);
            let (mut found, mut left, mut stamp) = (None, None, None);
            for item in message.cmsgs().into_iter().flatten() {
                found = found.or_else(|| report(&item, quoted));
                left = left.or(departure(&item));
                stamp = stamp.or(arrival(&item));
            }
            // An error report has a stamp as well: when it arrived.
            if let Some(queued) = found.map(Queued::IcmpError).or(left.map(Queued::Left)) {
                return Some(QueuedError { queued, to: message.address.as_ref().and_then(super::address), stamp });
            }
        }
    }

    fn departure(item: &ControlMessageOwned) -> Option<Duration> {
        match item {
            ControlMessageOwned::ScmTimestampsns(stamps) => Some(Duration::from(stamps.system)),
            _ => None,
        }
    }

    fn arrival(item: &ControlMessageOwned) -> Option<Duration> {
        if let ControlMessageOwned::ScmTimestampns(stamp) = item { Some(Duration::from(*stamp)) } else { None }
    }

    fn report(item: &ControlMessageOwned, quoted: usize) -> Option<IcmpError> {
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
            LOCAL => IcmpError::from_errno(i32::try_from(error.ee_errno).ok()?, Some(error.ee_info)),
            ICMP => Some(IcmpError::from_icmp(false, error.ee_type, error.ee_code, error.ee_info, router, quoted)),
            ICMP6 => Some(IcmpError::from_icmp(true, error.ee_type, error.ee_code, error.ee_info, router, quoted)),
            _ => None,
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    //! Elsewhere: errors arrive without their sender, and arrivals are stamped by this process.

    use std::net::SocketAddr;
    use std::os::fd::{AsFd, AsRawFd};

    use nix::sys::socket::ControlMessageOwned;
    use socket2::Socket;

    use super::{Arrival, IcmpError, Queued};

    pub(super) fn enable(_: &Socket) {}

    pub(super) fn receive_icmp_errors(_: &impl AsFd, _: bool) {}

    pub(super) fn ancillary(_: &ControlMessageOwned, _: &mut Arrival) {}

    pub(super) fn icmp_error(_: &impl AsRawFd, _: &mut [u8], _: &mut [u8]) -> Option<(IcmpError, Option<SocketAddr>)> {
        None
    }

    pub(super) fn stamp_departures(_: &Socket) {}

    pub(super) fn stamped_icmp_error(
        _: &impl AsRawFd,
        _: &mut [u8],
        _: &mut [u8],
    ) -> Option<(IcmpError, Option<std::time::Duration>)> {
        None
    }

    pub(super) struct QueuedError {
        pub(super) queued: Queued,
    }

    pub(super) fn queued(_: &impl AsRawFd, _: &mut [u8], _: &mut [u8]) -> Option<QueuedError> {
        None
    }
}
