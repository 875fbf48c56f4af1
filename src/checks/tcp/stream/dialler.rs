//! Connections that are made without waiting for any of them.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::model::Fault;
use crate::net::datagram::{self, Class, IcmpError};
use crate::net::dial::{ConnectError, SynEnd, is_under_way, local_fault, meets_itself, reset_at_close};
use crate::net::open_loop::Clock;
use crate::net::sys::mmsg::Waiter;
use crate::net::{Origin, this_host};
use crate::probe::{ProbeFailure, Seen};

/// The token of a connection that stays.
const KEPT: Token = Token(usize::MAX);
/// Events taken in at once.
const EVENTS: usize = 1024;

/// See the module.
pub(super) struct Dialler {
    poll: Poll,
    events: Events,
    /// Finer than the milliseconds of `epoll_wait`.
    waiter: Waiter,
    peer: SocketAddr,
    origin: Origin,
    clock: Clock,
    /// The peer is this host, which answers before `connect` is back.
    is_own: bool,
    /// The kernel may give a connection the port of its peer.
    may_meet_itself: bool,
    under_way: HashMap<u64, Attempt>,
    /// Something arrived on the connection that stays.
    kept_is_ready: bool,
}

struct Attempt {
    socket: Socket,
    sent: u64,
}

/// An attempt that came to its end.
pub(super) struct Ended {
    pub(super) number: u64,
    /// When its SYN left.
    pub(super) sent: u64,
    pub(super) at: u64,
    pub(super) end: Result<Socket, Seen>,
}

impl Dialler {
    pub(super) fn new(peer: SocketAddr, origin: Origin, clock: Clock) -> Result<Self, Fault> {
        let poll = Poll::new().map_err(|error| local_fault(&error, "watch TCP connections", peer))?;
        let mut dialler = Self {
            waiter: Waiter::new([poll.registry()]),
            poll,
            events: Events::with_capacity(EVENTS),
            peer,
            origin,
            clock,
            is_own: false,
            may_meet_itself: false,
            under_way: HashMap::new(),
            kept_is_ready: false,
        };
        dialler.set_peer(peer);
        Ok(dialler)
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Dials this one from now on.
    pub(super) fn set_peer(&mut self, peer: SocketAddr) {
        self.peer = peer;
        // Where it cannot be looked up: to take another host for this one costs a call.
        self.is_own = this_host::is_local(peer.ip(), self.origin).unwrap_or(true);
        self.may_meet_itself = self.is_own && this_host::ephemeral_ports().contains(&peer.port());
    }

    /// Sends the SYN of attempt `number`; what it came to, where that is known at once.
    pub(super) fn dial(&mut self, number: u64) -> Option<Ended> {
        let socket = match self.open() {
            Ok(socket) => socket,
            Err(error) => {
                let at = self.clock.now();
                return Some(Ended { number, sent: at, at, end: Err(self.judge(error, None)) });
            }
        };
        let sent = self.clock.now();
        let to = SockAddr::from(self.peer);
        let mut result = socket.connect(&to);
        // The answer of this very host came while `connect` still held the socket; asking again tells it.
        if self.is_own && is_under_way(&result) {
            result = socket.connect(&to);
        }
        let attempt = Attempt { socket, sent };
        if !is_under_way(&result) {
            return Some(self.conclude(number, attempt, result, None));
        }
        match self.watch(&attempt.socket, token(number)) {
            Ok(()) => {
                self.under_way.insert(number, attempt);
                None
            }
            Err(error) => Some(self.conclude(number, attempt, Err(error), None)),
        }
    }

    fn open(&self) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(self.peer), Type::STREAM.nonblocking(), None)?;
        self.origin.bind(&socket, self.peer.ip(), 0)?;
        datagram::enable_icmp_errors(&socket);
        Ok(socket)
    }

    fn watch(&self, socket: &impl AsRawFd, token: Token) -> io::Result<()> {
        let fd = socket.as_raw_fd();
        self.poll.registry().register(&mut SourceFd(&fd), token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Has what arrives on a connection that stays noticed; there is one at most.
    pub(super) fn keep(&mut self, socket: &impl AsRawFd) -> io::Result<()> {
        let fd = socket.as_raw_fd();
        // One that was made here is watched as an attempt.
        let _ = self.poll.registry().deregister(&mut SourceFd(&fd));
        self.watch(socket, KEPT)?;
        self.kept_is_ready = true;
        Ok(())
    }

    /// Whether something happened on the connection that stays since this was asked last.
    pub(super) fn take_kept_is_ready(&mut self) -> bool {
        std::mem::take(&mut self.kept_is_ready)
    }

    /// Not all of what is there was read.
    pub(super) fn kept_has_more(&mut self) {
        self.kept_is_ready = true;
    }

    /// Takes in, without waiting, what attempts came to.
    pub(super) fn receive(&mut self, ended: &mut Vec<Ended>) {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        loop {
            // Where it is interrupted, there will be another turn.
            if self.poll.poll(&mut events, Some(Duration::ZERO)).is_err() {
                break;
            }
            let mut count = 0;
            for event in &events {
                count += 1;
                if event.token() == KEPT {
                    self.kept_is_ready = true;
                } else if let Some(end) = self.progress(event.token().0 as u64, event.is_error()) {
                    ended.push(end);
                }
            }
            if count < EVENTS {
                break;
            }
        }
        self.events = events;
    }

    /// Something happened to an attempt; what, if that ended it.
    fn progress(&mut self, number: u64, is_error: bool) -> Option<Ended> {
        let attempt = self.under_way.get(&number)?;
        let result = attempt.socket.connect(&SockAddr::from(self.peer));
        if !is_under_way(&result) {
            let attempt = self.under_way.remove(&number)?;
            return Some(self.conclude(number, attempt, result, None));
        }
        // An ICMP error that came while `connect` held the socket is kept, and does not end the connection.
        let report = if is_error { datagram::reported(&attempt.socket) } else { None };
        let errno = match report.as_ref()?.class {
            Class::Port => libc::ECONNREFUSED,
            Class::Unreachable => libc::EHOSTUNREACH,
            _ => return None,
        };
        let attempt = self.under_way.remove(&number)?;
        Some(self.conclude(number, attempt, Err(io::Error::from_raw_os_error(errno)), report))
    }

    /// What a connection came to, by what `connect` said last.
    fn conclude(
        &self,
        number: u64,
        Attempt { socket, sent }: Attempt,
        result: io::Result<()>,
        report: Option<IcmpError>,
    ) -> Ended {
        let at = self.clock.now();
        let end = match result {
            Err(error) if error.raw_os_error() != Some(libc::EISCONN) => {
                let report = report.or_else(|| datagram::reported(&socket));
                Err(self.judge(error, report))
            }
            _ if self.may_meet_itself && meets_itself(&socket, self.peer) => {
                reset_at_close(&socket);
                Err(self.failure(&ConnectError::Refused))
            }
            _ => {
                datagram::disable_icmp_errors(&socket);
                Ok(socket)
            }
        };
        Ended { number, sent, at, end }
    }

    /// What an error means: what this host does to what it sends itself is no fault while a stream runs, but seen of the path.
    pub(super) fn judge(&self, error: io::Error, report: Option<IcmpError>) -> Seen {
        let is_kept_here = report.is_some() || self.is_blocked(&error);
        match SynEnd::Error(error, report).judge(self.peer, self.origin) {
            Ok(end) => self.failure(&end),
            Err(fault) if is_kept_here => {
                Seen::Failure(ProbeFailure::Blocked, format!("not sent to {}: {}", self.peer, fault.detail))
            }
            Err(fault) => Seen::Fault(fault),
        }
    }

    fn is_blocked(&self, error: &io::Error) -> bool {
        match error.raw_os_error() {
            Some(
                libc::ENETUNREACH
                | libc::EHOSTUNREACH
                | libc::EACCES
                | libc::EPERM
                | libc::EINVAL
                | libc::EAFNOSUPPORT
                | libc::ENODEV
                | libc::ENOBUFS,
            ) => true,
            // The source address is gone; where it is not, no local port is left, which is a lack of this side.
            Some(libc::EADDRNOTAVAIL) => this_host::route_error(self.peer, self.origin).is_some(),
            _ => false,
        }
    }

    fn failure(&self, end: &ConnectError) -> Seen {
        let failure = match end {
            ConnectError::Refused | ConnectError::RefusedBy(_) => ProbeFailure::Refused,
            ConnectError::Timeout => ProbeFailure::Lost,
            ConnectError::Unreachable(_) => ProbeFailure::Unreachable,
            ConnectError::Reset => ProbeFailure::Reset,
        };
        // The kernel gives a SYN up after two minutes.
        Seen::Failure(failure, end.sentence(self.peer, Duration::from_mins(2)))
    }

    /// Waits until something may have arrived, at most for `length`.
    pub(super) fn wait(&mut self, length: Duration) {
        if !self.kept_is_ready {
            self.waiter.arrivals(length);
        }
    }

    /// Closes an attempt.
    pub(super) fn abandon(&mut self, number: u64) {
        self.under_way.remove(&number);
    }

    /// Closes them all.
    pub(super) fn abandon_all(&mut self) {
        self.under_way.clear();
    }
}

fn token(number: u64) -> Token {
    Token(usize::try_from(number).unwrap_or(usize::MAX - 1))
}
