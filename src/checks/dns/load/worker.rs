//! One thread of a load: it sends what is due, takes in replies, and counts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};
use tokio_util::sync::CancellationToken;

use super::counts::{QueryCounts, ReplyCounter};
use super::queries::Questions;
use super::verify::Verifier;
use crate::model::Fault;
use crate::net::Origin;
use crate::net::dial::local_fault;
use crate::net::heartbeat::STALL;
use crate::net::open_loop::{self, BURST, Bounds, Clock, Due, InFlight, Schedule, Workload, nanos};
use crate::net::sys::cpu::CpuTime;
use crate::net::sys::mmsg::{BATCH, Inbox, Outbox, Waiter, prepare, wall};
use crate::net::sys::tcp_info::queue_drops;

/// A worker waits no longer than this: then it gives up what has timed out, and sees that it is to stop.
const LONGEST_WAIT: Duration = Duration::from_millis(20);
/// Calls that receive in one turn, so that a flood of replies cannot stop the sender.
const TURNS: usize = 4;
/// With a window, replies gather for so long before they are read: a wake-up per reply would cost more than the replies.
const GATHER: Duration = Duration::from_micros(150);
/// Without an answer for so long, a query of a window makes room for another one. Its id stays taken.
const OUT_OF_WINDOW: u64 = 250_000_000;
/// After its end a schedule that fell behind is caught up with for so long.
const CATCH_UP: u64 = 500_000_000;

/// The way it is decided when a query leaves.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pacing {
    /// A schedule, of so many queries per second over all workers.
    Rate(f64),
    /// The answers: so many queries of each socket are in flight at once.
    Window(usize),
}

/// A load, as its workers see it.
pub(super) struct Job {
    pub(super) server: SocketAddr,
    pub(super) origin: Origin,
    pub(super) questions: Arc<Questions>,
    pub(super) pacing: Pacing,
    pub(super) duration: Duration,
    pub(super) timeout: Duration,
    pub(super) late: Duration,
    pub(super) sockets: usize,
    pub(super) workers: usize,
    /// Receive buffer to ask for.
    pub(super) buffer: usize,
    /// Longest answer that was asked for.
    pub(super) longest: usize,
    /// AA must stay as it was.
    pub(super) strict: bool,
    pub(super) seed: u64,
}

/// A socket and the queries in flight on it.
pub(super) struct QuerySocket {
    socket: Socket,
    in_flight: InFlight,
    outbox: Outbox,
    dropped: u32,
    buffer: usize,
}

impl QuerySocket {
    /// Opens the socket number `index` of a load.
    pub(super) fn open(job: &Job, index: usize) -> Result<Self, Fault> {
        let open = || -> std::io::Result<(Socket, usize)> {
            let socket = Socket::new(Domain::for_address(job.server), Type::DGRAM, Some(Protocol::UDP))?;
            socket.set_nonblocking(true)?;
            let buffer = prepare(&socket, job.buffer)?;
            job.origin.bind(&socket, job.server.ip(), 0)?;
            socket.connect(&job.server.into())?;
            Ok((socket, buffer))
        };
        let (socket, buffer) = open().map_err(|error| local_fault(&error, "open UDP socket of a load", job.server))?;
        #[expect(clippy::cast_possible_truncation, reason = "any 16 bits of it will do")]
        let first_id = (job.seed.rotate_left(16) as u16).wrapping_add((index as u16).wrapping_mul(40_503));
        Ok(Self { socket, in_flight: InFlight::new(first_id), outbox: Outbox::new(true), dropped: 0, buffer })
    }
}

/// A worker before and while it runs.
pub(super) struct Worker {
    job: Arc<Job>,
    number: u64,
    sockets: Vec<QuerySocket>,
    /// The socket of the next burst.
    next_socket: usize,
    replies: ReplyCounter,
    inbox: Inbox,
    waiter: Waiter,
    clock: Clock,
    /// Queries put together so far.
    queued: u64,
    /// When replies were last taken in.
    last_receive: u64,
    /// The kernel stamps arrivals, so that they need not be read at once.
    kernel_stamps: bool,
    /// Queries leave several at a time, with waits too short to be woken in between.
    bursts: bool,
    /// A burst while it is put together: length of the query, question.
    burst: Vec<(usize, u32)>,
}

impl Worker {
    /// Worker `number` of the job, on its share of the sockets.
    pub(super) fn new(job: &Arc<Job>, number: usize, sockets: Vec<QuerySocket>, start: Instant) -> Self {
        let verifier = Verifier::new(job.questions.items.len(), job.strict);
        let waiter = Waiter::new(sockets.iter().map(|socket| &socket.socket));
        Self {
            job: Arc::clone(job),
            number: number as u64,
            next_socket: 0,
            replies: ReplyCounter::new(verifier, nanos(job.late)),
            inbox: Inbox::new(job.longest),
            waiter,
            sockets,
            clock: Clock::from(start),
            queued: 0,
            last_receive: 0,
            kernel_stamps: false,
            bursts: false,
            burst: Vec::with_capacity(BATCH),
        }
    }

    /// The whole load of this worker.
    pub(super) fn run(mut self, stop: &CancellationToken) -> QueryCounts {
        let begin = self.clock.started().saturating_duration_since(Instant::now());
        if !begin.is_zero() {
            Waiter::nap(begin);
        }
        let thread = || CpuTime::of_thread().unwrap_or_default().total();
        let cpu = thread();
        match self.job.pacing {
            Pacing::Rate(rate) => self.keep_schedule(rate, stop),
            Pacing::Window(size) => self.keep_window(size, stop),
        }
        let mut counts = self.replies.counts;
        counts.cpu = (thread() - cpu).max(0.0);
        for socket in &self.sockets {
            // The stamp on arrivals misses what was dropped after the last one; the socket's own count does not.
            let dropped = queue_drops(&socket.socket).unwrap_or_default().max(socket.dropped);
            counts.dropped += u64::from(dropped);
            counts.buffer = counts.buffer.min(socket.buffer);
        }
        counts
    }

    /// Open loop: sends what is due, whatever became of what was sent before.
    fn keep_schedule(&mut self, rate: f64, stop: &CancellationToken) {
        let (duration, timeout) = (self.job.duration, nanos(self.job.timeout));
        let schedule = Schedule::at_rate(rate, duration).share(self.number, self.job.workers as u64);
        let bounds =
            Bounds { in_flight: usize::MAX, close: nanos(duration) + CATCH_UP, drain: timeout, stale: nanos(STALL) };
        self.bursts = schedule.burst() > 1;
        open_loop::run(&schedule, &bounds, stop, self);
        self.count_silent();
        let counts = &mut self.replies.counts;
        counts.unsent = schedule.total().saturating_sub(counts.sent);
    }

    /// Closed loop: keeps `size` queries of each socket in flight.
    fn keep_window(&mut self, size: usize, stop: &CancellationToken) {
        let (end, timeout) = (nanos(self.job.duration), nanos(self.job.timeout));
        loop {
            let received = self.take_replies();
            let now = self.now();
            self.expire(now);
            let sending = now < end;
            if sending {
                for _ in 0..self.sockets.len() {
                    let open = self.sockets.get(self.next_socket).map_or(0, |socket| socket.in_flight.in_window());
                    // One burst per turn, so that a wide window opens step by step.
                    let now = self.now();
                    self.send_burst((size.saturating_sub(open) as u64).min(BURST), now, |_| now);
                }
            }
            if stop.is_cancelled() || (!sending && (self.in_flight() == 0 || now >= end + timeout)) {
                break;
            }
            if received > 0 && sending {
                self.pause(GATHER);
            } else {
                self.await_replies(Duration::from_nanos(if sending { end - now } else { u64::MAX }));
            }
        }
        self.count_silent();
    }

    /// Queries that still wait at the end are lost, except those that never left this host.
    fn count_silent(&mut self) {
        let silent: u64 = self.sockets.iter_mut().map(|socket| socket.in_flight.time_out(u64::MAX).silent).sum();
        let counts = &mut self.replies.counts;
        counts.lost = (counts.lost + silent).saturating_sub(self.queued.saturating_sub(counts.sent));
    }

    /// Sends `count` queries on the next socket; `due` says when each should have left.
    fn send_burst(&mut self, count: u64, now: u64, due: impl Fn(u64) -> u64) {
        if self.has_unsent() {
            self.flush();
            if self.has_unsent() {
                return;
            }
        }
        let next = (self.next_socket + 1) % self.sockets.len().max(1);
        let index = std::mem::replace(&mut self.next_socket, next);
        if count == 0 {
            return;
        }
        let Self { job, sockets, replies, burst, queued, number, .. } = self;
        let Some(socket) = sockets.get_mut(index) else { return };
        let (first, workers) = (*queued, job.workers as u64);
        burst.clear();
        for own in first..first + count {
            let Some((index, item)) = job.questions.at(own * workers + *number) else { continue };
            burst.push((item.packet.len(), index));
        }
        // Queries of one length leave as one message; within a burst their order means nothing.
        burst.sort_unstable();
        let too_late = nanos(job.late) / 2;
        let mut own = first;
        for (_, index) in burst.iter() {
            let due = due(own);
            let sent_late = now - due > too_late;
            let Some(item) = job.questions.items.get(*index as usize) else { continue };
            let Some(id) = socket.in_flight.open(*index, due, now, sent_late) else { break };
            if let Some(place) = socket.outbox.push(&item.packet).first_chunk_mut() {
                *place = id.to_be_bytes();
            }
            own += 1;
            replies.counts.sent_late += u64::from(sent_late);
            replies.counts.lateness.record((now - due) as f64 / 1e9);
        }
        *queued = own;
        replies.counts.burst = replies.counts.burst.max(own - first);
        self.flush();
    }

    /// Lets out what waits; what the kernel does not take now goes with a later call.
    fn flush(&mut self) {
        let Self { sockets, replies, .. } = self;
        let (mut full, mut any) = (false, false);
        for socket in sockets.iter_mut().filter(|socket| !socket.outbox.is_empty()) {
            let (left, error) = socket.outbox.send(&socket.socket);
            replies.counts.sent += left as u64;
            any |= left > 0;
            match error {
                None => {}
                // The answer to an earlier query; this one was not sent yet, and is next time.
                Some(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => replies.counts.refused += 1,
                Some(_) => {
                    replies.counts.blocked += 1;
                    full = true;
                }
            }
        }
        if any {
            self.replies.counts.last_sent = self.now();
        }
        if full {
            self.waiter.room(Duration::from_micros(200));
        }
    }

    /// Takes in what has come; returns how many datagrams.
    fn take_replies(&mut self) -> usize {
        if self.has_unsent() {
            self.flush();
        }
        let (clock, now) = (self.clock, self.now());
        let Self { job, sockets, replies, inbox, last_receive, kernel_stamps, .. } = self;
        let before = std::mem::replace(last_receive, now);
        // Nothing here waits longer than that on purpose: the system gave the processor to others.
        let away = now.saturating_sub(before) > nanos(LONGEST_WAIT) + nanos(job.late) / 2;
        let mut all = 0;
        for socket in sockets.iter_mut() {
            for _ in 0..TURNS {
                let count = match inbox.receive(&socket.socket) {
                    Ok(count) => count,
                    Err(error) => {
                        replies.counts.refused += u64::from(error.kind() == std::io::ErrorKind::ConnectionRefused);
                        0
                    }
                };
                let (now, wall) = (clock.now(), wall());
                for index in 0..count {
                    let Some((reply, cut)) = inbox.datagram(index) else { continue };
                    // A stamp from before the last call, or from the future, means that the wall clock was set.
                    let ago = inbox.stamp(index).and_then(|stamp| wall.checked_sub(stamp)).map(nanos);
                    let arrival = ago.and_then(|ago| now.checked_sub(ago)).filter(|arrival| *arrival >= before);
                    *kernel_stamps = arrival.is_some();
                    replies.away = away && arrival.is_none();
                    replies.take(&job.questions, &mut socket.in_flight, reply, cut, arrival.unwrap_or(now));
                }
                if let Some(dropped) = inbox.drops() {
                    socket.dropped = dropped;
                }
                all += count;
                if count < BATCH {
                    break;
                }
            }
        }
        all
    }

    /// Gives up what has timed out, and takes what has waited for long out of the window.
    fn expire(&mut self, now: u64) {
        let timeout = nanos(self.job.timeout);
        let Self { sockets, replies, .. } = self;
        for socket in sockets.iter_mut() {
            if let Some(before) = now.checked_sub(timeout) {
                replies.counts.lost += socket.in_flight.time_out(before).silent;
            }
            if let Some(before) = now.checked_sub(OUT_OF_WINDOW) {
                socket.in_flight.leave_window(before);
            }
        }
    }

    /// Until something arrives, or for `length`.
    fn await_replies(&mut self, length: Duration) {
        let length = length.min(LONGEST_WAIT);
        if length.is_zero() {
            return;
        }
        let before = Instant::now();
        self.waiter.arrivals(length);
        self.replies.counts.idle += before.elapsed().as_secs_f64();
    }

    fn pause(&mut self, length: Duration) {
        let before = Instant::now();
        Waiter::nap(length);
        self.replies.counts.idle += before.elapsed().as_secs_f64();
    }

    /// Some queries were put together and have not left.
    fn has_unsent(&self) -> bool {
        self.sockets.iter().any(|socket| !socket.outbox.is_empty())
    }
}

impl Workload for Worker {
    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn send(&mut self, due: Due<'_>) -> u64 {
        // Of a schedule that was not kept all along, fewer were put together than were due.
        let before = self.queued;
        self.send_burst(due.count, due.now, |own| due.at(due.first + (own - before)));
        self.queued - before
    }

    fn receive(&mut self) {
        self.take_replies();
        self.expire(self.clock.now());
    }

    fn in_flight(&self) -> usize {
        self.sockets.iter().map(|socket| socket.in_flight.waiting()).sum()
    }

    fn wait(&mut self, length: Duration, draining: bool) {
        if self.bursts && !draining && self.kernel_stamps {
            self.pause(length.min(LONGEST_WAIT));
        } else {
            self.await_replies(length);
        }
    }
}
