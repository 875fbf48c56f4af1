//! A thread that connects to its share of the ports.

mod ending;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use socket2::{SockAddr, Socket};
use tokio_util::sync::CancellationToken;

use super::{Found, Job, OwnHost, Pace, PortState};
use crate::net::datagram;
use crate::net::dial;
use crate::net::open_loop::park;
use crate::net::this_host::{self, syn};
use ending::{Ended, is_lack};

/// Connections begun before answers are read.
const TURN: usize = 64;
/// What a schedule that was held up may catch up with at once.
const CATCH_UP: Duration = Duration::from_millis(5);
/// A connection that met itself is tried again, from another local port.
const ITSELF: usize = 16;
/// How long this host may be out of ports or descriptors, with nothing in flight, before that is its fault.
const STARVED: Duration = Duration::from_secs(1);
/// Between two looks whether that is over.
const PAUSE: Duration = Duration::from_millis(10);
const OPERATION: &str = "connect";

/// A socket and what it is at.
struct Slot {
    socket: Option<Socket>,
    class: usize,
    is_watched: bool,
    /// Its resets over loopback are dropped, see [`syn`].
    held: bool,
    pair: Option<usize>,
    /// How often it began a wait: what is due for an earlier one is none of its business.
    turn: u32,
}

/// What became of the beginning of a connection.
enum Begun {
    /// It is over, or under way.
    Done,
    /// This host has no port, descriptor or memory for one more now.
    NoRoom(io::Error),
}

/// The thread's state.
pub(super) struct Worker {
    job: Job,
    own: OwnHost,
    /// Whether each host is this one.
    is_own: Vec<bool>,
    poll: Poll,
    slots: Vec<Slot>,
    /// Slots with a socket that waits for its next port, by class: IP version, and whether it is for this host.
    idle: [Vec<usize>; 4],
    empty: Vec<usize>,
    waits: VecDeque<(Instant, usize, u32)>,
    in_flight: usize,
    window: usize,
    most: usize,
    found: Found,
    due: Instant,
    starved: Option<Instant>,
}

impl Worker {
    pub(super) fn new(job: Job, window: usize) -> io::Result<Self> {
        let own = OwnHost::read();
        let is_own = job.hosts.iter().map(|host| own.has(*host)).collect();
        Ok(Self {
            own,
            is_own,
            poll: Poll::new()?,
            slots: Vec::new(),
            idle: Default::default(),
            empty: Vec::new(),
            waits: VecDeque::new(),
            in_flight: 0,
            window,
            most: window,
            found: Found::new(&job),
            due: Instant::now(),
            starved: None,
            job,
        })
    }

    /// Asks every port, and those that are silent again.
    pub(super) fn run(mut self, stop: &CancellationToken) -> Found {
        self.pass(self.job.len(), |at| at, stop);
        for _ in 0..self.job.retries {
            let silent = self.found.silent();
            if silent.is_empty() || stop.is_cancelled() {
                break;
            }
            self.pass(silent.len(), |at| silent.get(at).copied().unwrap_or(usize::MAX), stop);
        }
        self.found
    }

    fn pass(&mut self, total: usize, pair: impl Fn(usize) -> usize, stop: &CancellationToken) {
        let mut events = Events::with_capacity(1024);
        let mut next = 0;
        while (next < total || self.in_flight > 0) && !stop.is_cancelled() {
            let mut has_room = true;
            for _ in 0..TURN {
                if next >= total || self.in_flight >= self.window || !self.is_due() {
                    break;
                }
                match self.begin(pair(next)) {
                    Begun::Done => {
                        next += 1;
                        self.sent();
                    }
                    Begun::NoRoom(error) => {
                        has_room = false;
                        next += usize::from(self.starve(pair(next), &error));
                        break;
                    }
                }
            }
            self.wait(&mut events, (next < total && self.in_flight < self.window, has_room));
            self.expire();
        }
    }

    fn is_due(&self) -> bool {
        self.job.pace == Pace::Max || self.due <= Instant::now()
    }

    fn sent(&mut self) {
        self.starved = None;
        if let Pace::Rate(rate) = self.job.pace {
            let late = Instant::now().checked_sub(CATCH_UP).unwrap_or(self.due);
            self.due = (self.due + Duration::from_secs_f64(rate.recip())).max(late);
        }
    }

    /// Reads what came, and waits for it where there is nothing else to do.
    fn wait(&mut self, events: &mut Events, (more, has_room): (bool, bool)) {
        let now = Instant::now();
        let mut length = self.waits.front().map_or(PAUSE, |(until, ..)| until.saturating_duration_since(now));
        if !has_room {
            length = length.min(PAUSE);
        } else if more {
            let due = self.due.saturating_duration_since(now);
            length = if self.job.pace == Pace::Max { Duration::ZERO } else { length.min(due) };
        }
        if self.in_flight == 0 {
            if !length.is_zero() {
                park(length.min(PAUSE));
            }
            return;
        }
        // Where it is interrupted, there will be another turn.
        let _ = self.poll.poll(events, Some(length));
        for event in events.iter() {
            self.progress(event.token().0, event.is_error());
        }
    }

    /// This host is out of something: what is in flight will give it back. Where nothing is, for long, that is a fault; true then.
    fn starve(&mut self, pair: usize, error: &io::Error) -> bool {
        if self.in_flight > 0 {
            self.starved = None;
            self.window = self.in_flight.max(1);
            return false;
        }
        // What waits for its next port holds what others may lack.
        self.idle.iter_mut().flatten().for_each(|at| {
            if let Some(slot) = self.slots.get_mut(*at) {
                slot.socket = None;
                self.empty.push(*at);
            }
        });
        self.idle.iter_mut().for_each(Vec::clear);
        if self.starved.get_or_insert_with(Instant::now).elapsed() < STARVED {
            return false;
        }
        if let Some((host, port)) = self.job.pair(pair)
            && let Some(address) = self.job.hosts.get(host)
        {
            self.found.fault(host, dial::local_fault(error, OPERATION, SocketAddr::new(*address, port)));
        }
        true
    }

    /// Connects to a port.
    fn begin(&mut self, pair: usize) -> Begun {
        let Some((host, port)) = self.job.pair(pair) else { return Begun::Done };
        let Some(address) = self.job.hosts.get(host).copied() else { return Begun::Done };
        if self.found.faults.contains_key(&host) {
            self.found.set(pair, PortState::Unasked);
            return Begun::Done;
        }
        let peer = SocketAddr::new(address, port);
        let is_own = self.is_own.get(host).copied().unwrap_or_default();
        for _ in 0..ITSELF {
            let at = match self.take(peer, is_own) {
                Ok(at) => at,
                Err(error) => return self.unopened(error, host, peer),
            };
            let Some(slot) = self.slots.get_mut(at) else { return Begun::Done };
            slot.pair = Some(pair);
            let Some(socket) = &slot.socket else { return Begun::Done };
            let to = SockAddr::from(peer);
            let mut result = socket.connect(&to);
            // The answer of this very host came while `connect` still held the socket; asking again tells it.
            if is_own && is_under_way(&result) {
                result = socket.connect(&to);
            }
            self.found.probes += 1;
            if is_under_way(&result) {
                return self.watch(at);
            }
            match self.ended(at, result) {
                Ended::Known => return Begun::Done,
                Ended::Itself => {}
                Ended::NoRoom(error) => return Begun::NoRoom(error),
            }
        }
        self.found.set(pair, PortState::Closed);
        Begun::Done
    }

    fn unopened(&mut self, error: io::Error, host: usize, peer: SocketAddr) -> Begun {
        if is_lack(&error) && !(self.job.source.is_some() && error.raw_os_error() == Some(libc::EADDRNOTAVAIL)) {
            return Begun::NoRoom(error);
        }
        self.found.fault(host, dial::local_fault(&error, "open TCP socket", peer));
        Begun::Done
    }

    /// A slot with a socket for `peer`.
    fn take(&mut self, peer: SocketAddr, is_own: bool) -> io::Result<usize> {
        let class = usize::from(peer.is_ipv6()) + 2 * usize::from(is_own);
        if let Some(at) = self.idle.get_mut(class).and_then(Vec::pop) {
            return Ok(at);
        }
        let socket = self.open(peer)?;
        let held = !is_own && syn::drop_own_resets(&socket, peer.ip());
        let slot = Slot { socket: Some(socket), class, is_watched: false, held, pair: None, turn: 0 };
        match self.empty.pop() {
            Some(at) => {
                if let Some(place) = self.slots.get_mut(at) {
                    *place = Slot { turn: place.turn, ..slot };
                }
                Ok(at)
            }
            None => {
                self.slots.push(slot);
                Ok(self.slots.len() - 1)
            }
        }
    }

    fn open(&self, peer: SocketAddr) -> io::Result<Socket> {
        let socket = Socket::new(socket2::Domain::for_address(peer), socket2::Type::STREAM.nonblocking(), None)?;
        if let Some(source) = self.job.source {
            socket.bind(&SockAddr::from(SocketAddr::new(source, 0)))?;
        }
        datagram::enable_icmp_errors(&socket);
        Ok(socket)
    }

    /// Waits for an answer.
    fn watch(&mut self, at: usize) -> Begun {
        let Some(slot) = self.slots.get_mut(at) else { return Begun::Done };
        let Some(socket) = &slot.socket else { return Begun::Done };
        if !slot.is_watched {
            let registered =
                self.poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), Token(at), Interest::WRITABLE);
            if let Err(error) = registered {
                self.drop_socket(at);
                return Begun::NoRoom(error);
            }
            slot.is_watched = true;
        }
        slot.turn = slot.turn.wrapping_add(1);
        self.waits.push_back((Instant::now() + self.job.timeout, at, slot.turn));
        self.in_flight += 1;
        Begun::Done
    }

    /// Something happened to a socket.
    fn progress(&mut self, at: usize, is_error: bool) {
        let Some(slot) = self.slots.get(at) else { return };
        let (Some(pair), Some(socket)) = (slot.pair, &slot.socket) else { return };
        let Some((host, port)) = self.job.pair(pair) else { return };
        let Some(address) = self.job.hosts.get(host) else { return };
        let peer = SocketAddr::new(*address, port);
        let result = socket.connect(&SockAddr::from(peer));
        if is_under_way(&result) {
            // An ICMP error that came while `connect` held the socket is kept, and does not end the connection.
            let report = if is_error { datagram::reported(socket) } else { None };
            if report.is_some_and(|report| self.is_rejected(pair, (host, peer), &report)) {
                self.landed();
                self.drop_socket(at);
            }
            return;
        }
        if let Some(slot) = self.slots.get_mut(at) {
            slot.turn = slot.turn.wrapping_add(1);
        }
        self.landed();
        if matches!(self.ended(at, result), Ended::Itself | Ended::NoRoom(_)) {
            // Asked again with those that are silent, from another port.
            self.found.set(pair, PortState::Silent);
        }
    }

    /// Those that waited long enough.
    fn expire(&mut self) {
        let now = Instant::now();
        while let Some((_, at, turn)) = self.waits.front().copied().filter(|(until, ..)| *until <= now) {
            self.waits.pop_front();
            let Some(slot) = self.slots.get(at).filter(|slot| slot.turn == turn) else { continue };
            let (Some(pair), Some(socket)) = (slot.pair, &slot.socket) else { continue };
            let Some((host, port)) = self.job.pair(pair) else { continue };
            let why = if self.is_own.get(host) == Some(&true) { None } else { syn::dropped_here(socket, slot.held) };
            if let (Some(why), Some(address)) = (why, self.job.hosts.get(host)) {
                let peer = SocketAddr::new(*address, port);
                self.found.fault(host, this_host::rejection_fault(why.to_owned(), OPERATION, peer));
            } else {
                self.found.set(pair, PortState::Silent);
            }
            self.landed();
            self.drop_socket(at);
        }
    }

    /// One less is in flight. A window that was too large for this host grows again, slowly.
    fn landed(&mut self) {
        self.in_flight -= 1;
        self.window = (self.window + 1).min(self.most);
    }

    /// A socket that was refused is as good as new.
    fn release(&mut self, at: usize) {
        if let Some(slot) = self.slots.get_mut(at) {
            slot.pair = None;
            if let Some(idle) = self.idle.get_mut(slot.class) {
                idle.push(at);
            }
        }
    }

    fn drop_socket(&mut self, at: usize) {
        if let Some(slot) = self.slots.get_mut(at) {
            slot.socket = None;
            slot.pair = None;
            slot.is_watched = false;
            slot.turn = slot.turn.wrapping_add(1);
            self.empty.push(at);
        }
    }
}

fn is_under_way(result: &io::Result<()>) -> bool {
    matches!(result, Err(error) if matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EALREADY | libc::EINTR)))
}
