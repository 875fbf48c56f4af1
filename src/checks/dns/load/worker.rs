//! One thread of a load: it sends when it is time to, takes what comes, and counts.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::pace::{BURST, Pace};
use super::queries::Questions;
use super::slots::Slots;
use super::tally::{Ledger, Tally};
use super::verify::Verifier;
use crate::model::Fault;
use crate::net::dial::local_fault;
use crate::net::sys::cpu::CpuTime;
use crate::net::sys::mmsg::{BATCH, Inbox, Outbox, Waiter, prepare, wall};
use crate::net::sys::tcp_info::queue_drops;

/// A worker looks up at least this often, to see that it is to stop.
const LOOK_UP: Duration = Duration::from_millis(20);
/// Calls that receive in one turn, so that a flood of replies cannot stop the sender.
const TURNS: usize = 4;
/// With a window, replies gather for so long before they are read: a wake-up per reply would cost more than the replies.
const GATHER: Duration = Duration::from_micros(150);
/// Without an answer for so long, a query of a window makes room for another one. Its id stays taken.
const STALE: u64 = 250_000_000;
/// After its end a schedule that fell behind is caught up with for so long.
const CATCH_UP: u64 = 500_000_000;
/// Shorter waits than this are not asked of the kernel's timers.
const SLACK: u64 = 1_000;

/// What decides when a query leaves.
#[derive(Clone, Copy, Debug)]
pub(super) enum Drive {
    /// A schedule, of so many queries per second over all workers.
    Rate(f64),
    /// The answers: so many queries of each socket are on their way at once.
    Window(usize),
}

/// A load, as its workers see it.
pub(super) struct Job {
    pub(super) server: SocketAddr,
    pub(super) source: Option<IpAddr>,
    pub(super) questions: Arc<Questions>,
    pub(super) drive: Drive,
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

/// A socket and the queries that wait on it.
pub(super) struct Lane {
    socket: Socket,
    slots: Slots,
    outbox: Outbox,
    dropped: u32,
    buffer: usize,
}

impl Lane {
    /// Opens the socket number `index` of a load.
    pub(super) fn open(job: &Job, index: usize) -> Result<Self, Fault> {
        let open = || -> std::io::Result<(Socket, usize)> {
            let socket = Socket::new(Domain::for_address(job.server), Type::DGRAM, Some(Protocol::UDP))?;
            socket.set_nonblocking(true)?;
            let buffer = prepare(&socket, job.buffer)?;
            if let Some(source) = job.source {
                socket.bind(&SocketAddr::new(source, 0).into())?;
            }
            socket.connect(&job.server.into())?;
            Ok((socket, buffer))
        };
        let (socket, buffer) = open().map_err(|error| local_fault(&error, "open UDP socket of a load", job.server))?;
        #[expect(clippy::cast_possible_truncation, reason = "any 16 bits of it will do")]
        let twist = (job.seed.rotate_left(16) as u16).wrapping_add((index as u16).wrapping_mul(40_503));
        Ok(Self { socket, slots: Slots::new(twist), outbox: Outbox::new(true), dropped: 0, buffer })
    }
}

/// A worker before and while it runs.
pub(super) struct Worker {
    job: Arc<Job>,
    number: u64,
    lanes: Vec<Lane>,
    /// The lane of the next burst.
    turn: usize,
    ledger: Ledger,
    inbox: Inbox,
    waiter: Waiter,
    start: Instant,
    stop: Arc<AtomicBool>,
    /// Queries staged so far.
    staged: u64,
    /// When replies were last looked for.
    looked: u64,
    /// The kernel says when replies arrive, so that they need not be read at once.
    stamped: bool,
    /// A burst while it is put together: length of the query, question.
    burst: Vec<(usize, u32)>,
}

impl Worker {
    /// Worker `number` of the job, on its share of the sockets.
    pub(super) fn new(job: &Arc<Job>, number: usize, lanes: Vec<Lane>, start: Instant, stop: &Arc<AtomicBool>) -> Self {
        let verifier = Verifier::new(job.questions.items.len(), job.strict);
        let waiter = Waiter::new(lanes.iter().map(|lane| &lane.socket));
        Self {
            job: Arc::clone(job),
            number: number as u64,
            turn: 0,
            ledger: Ledger::new(verifier, nanos(job.late)),
            inbox: Inbox::new(job.longest),
            waiter,
            lanes,
            start,
            stop: Arc::clone(stop),
            staged: 0,
            looked: 0,
            stamped: false,
            burst: Vec::with_capacity(BATCH),
        }
    }

    /// The whole load of this worker.
    pub(super) fn run(mut self) -> Tally {
        // Finer timers are a wish: without them bursts are larger, and that is told.
        let _ = nix::sys::prctl::set_timerslack(SLACK);
        let begin = self.start.saturating_duration_since(Instant::now());
        if !begin.is_zero() {
            Waiter::nap(begin);
        }
        let thread = || CpuTime::of_thread().unwrap_or_default().total();
        let cpu = thread();
        match self.job.drive {
            Drive::Rate(rate) => {
                self.keep_schedule(&Pace::new(rate, self.job.duration, self.number, self.job.workers as u64));
            }
            Drive::Window(size) => self.keep_window(size),
        }
        let mut tally = self.ledger.tally;
        tally.cpu = (thread() - cpu).max(0.0);
        for lane in &self.lanes {
            // The stamp on arrivals misses what was dropped after the last one; the socket's own count does not.
            let dropped = queue_drops(&lane.socket).unwrap_or_default().max(lane.dropped);
            tally.dropped += u64::from(dropped);
            tally.buffer = tally.buffer.min(lane.buffer);
        }
        tally
    }

    /// Open loop: sends what is due, whatever became of what was sent before.
    fn keep_schedule(&mut self, pace: &Pace) {
        let job = Arc::clone(&self.job);
        let (end, timeout) = (nanos(job.duration), nanos(job.timeout));
        let mut not_before = 0;
        loop {
            let now = self.now();
            let behind = pace.by(now) - self.staged;
            if behind > 0 && now >= not_before && now < end + CATCH_UP {
                let portion = pace.portion(behind);
                self.volley(portion, |number| pace.due(number));
                not_before = now + pace.breather(behind, portion);
            }
            self.receive();
            let now = self.now();
            self.expire(now, timeout);
            let over = self.staged == pace.total() || now >= end + CATCH_UP;
            if self.stopped() || (over && (self.waiting() == 0 || now >= end + CATCH_UP + timeout)) {
                break;
            }
            let next = if over { now + nanos(LOOK_UP) } else { pace.due(self.staged).max(not_before) };
            if pace.bursts() && !over && self.stamped {
                self.pause(Duration::from_nanos(next.saturating_sub(now)).min(LOOK_UP));
            } else {
                self.wait(next.saturating_sub(now));
            }
        }
        self.give_up();
        self.ledger.tally.unsent = pace.total().saturating_sub(self.ledger.tally.sent);
    }

    /// Closed loop: keeps `size` queries of each socket on their way.
    fn keep_window(&mut self, size: usize) {
        let job = Arc::clone(&self.job);
        let (end, timeout) = (nanos(job.duration), nanos(job.timeout));
        loop {
            let got = self.receive();
            let now = self.now();
            self.expire(now, timeout);
            let sending = now < end;
            if sending {
                for _ in 0..self.lanes.len() {
                    let open = self.lanes.get(self.turn).map_or(0, |lane| lane.slots.in_window());
                    // One burst per look, so that a wide window opens step by step.
                    self.volley((size.saturating_sub(open) as u64).min(BURST), |_| now);
                }
            }
            if self.stopped() || (!sending && (self.waiting() == 0 || now >= end + timeout)) {
                break;
            }
            if got > 0 && sending {
                self.pause(GATHER);
            } else {
                self.wait(nanos(LOOK_UP).min(if sending { end - now } else { u64::MAX }));
            }
        }
        self.give_up();
    }

    /// What still waits at the end is lost; but what was put together and never left was not lost on the way.
    fn give_up(&mut self) {
        let silent: u64 = self.lanes.iter_mut().map(|lane| lane.slots.expire(u64::MAX).0).sum();
        let tally = &mut self.ledger.tally;
        tally.lost = (tally.lost + silent).saturating_sub(self.staged.saturating_sub(tally.sent));
    }

    /// Sends `count` queries on the next socket; `intended` tells when each should have left.
    fn volley(&mut self, count: u64, intended: impl Fn(u64) -> u64) {
        if self.held_back() {
            self.flush();
            if self.held_back() {
                return;
            }
        }
        if count == 0 {
            self.turn = (self.turn + 1) % self.lanes.len().max(1);
            return;
        }
        let now = self.now();
        let Self { job, lanes, turn, ledger, burst, staged, number, .. } = self;
        let next = (*turn + 1) % lanes.len().max(1);
        let Some(lane) = lanes.get_mut(std::mem::replace(turn, next)) else { return };
        let (first, workers) = (*staged, job.workers as u64);
        burst.clear();
        for own in first..first + count {
            let Some((index, item)) = job.questions.at(own * workers + *number) else { continue };
            burst.push((item.packet.len(), index));
        }
        // Queries of one length leave as one message; within a burst their order means nothing.
        burst.sort_unstable();
        let tardy_from = nanos(job.late) / 2;
        let mut own = first;
        for (_, index) in burst.iter() {
            let intended = intended(own).min(now);
            let late_by = now - intended;
            let tardy = late_by > tardy_from;
            let Some(item) = job.questions.items.get(*index as usize) else { continue };
            let Some(id) = lane.slots.open(*index, intended, now, tardy) else { break };
            if let Some(place) = lane.outbox.push(&item.packet).first_chunk_mut() {
                *place = id.to_be_bytes();
            }
            own += 1;
            ledger.tally.tardy += u64::from(tardy);
            ledger.tally.lateness.record(late_by as f64 / 1e9);
        }
        *staged = own;
        ledger.tally.burst = ledger.tally.burst.max(own - first);
        self.flush();
    }

    /// Lets out what waits; what the kernel does not take now goes with a later call.
    fn flush(&mut self) {
        let Self { lanes, ledger, .. } = self;
        let (mut full, mut any) = (false, false);
        for lane in lanes.iter_mut().filter(|lane| !lane.outbox.is_empty()) {
            let (left, error) = lane.outbox.send(&lane.socket);
            ledger.tally.sent += left as u64;
            any |= left > 0;
            match error {
                None => {}
                // The answer to an earlier query; this one was not sent yet, and is next time.
                Some(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => ledger.tally.refused += 1,
                Some(_) => {
                    ledger.tally.blocked += 1;
                    full = true;
                }
            }
        }
        if any {
            self.ledger.tally.sending = self.now();
        }
        if full {
            self.waiter.room(Duration::from_micros(200));
        }
    }

    /// Takes what has come; returns how many datagrams.
    fn receive(&mut self) -> usize {
        if self.held_back() {
            self.flush();
        }
        let (start, now) = (self.start, self.now());
        let Self { job, lanes, ledger, inbox, looked, stamped, .. } = self;
        let before = std::mem::replace(looked, now);
        // Nothing here waits longer than that on purpose: the system gave the processor to others.
        let away = now.saturating_sub(before) > nanos(LOOK_UP) + nanos(job.late) / 2;
        let mut all = 0;
        for lane in lanes.iter_mut() {
            for _ in 0..TURNS {
                let count = match inbox.receive(&lane.socket) {
                    Ok(count) => count,
                    Err(error) => {
                        ledger.tally.refused += u64::from(error.kind() == std::io::ErrorKind::ConnectionRefused);
                        0
                    }
                };
                let (now, wall) = (nanos(start.elapsed()), wall());
                for index in 0..count {
                    let Some((reply, cut)) = inbox.datagram(index) else { continue };
                    // A stamp from before the last look, or from the future, means that the wall clock was set.
                    let ago = inbox.stamp(index).and_then(|stamp| wall.checked_sub(stamp)).map(nanos);
                    let arrival = ago.and_then(|ago| now.checked_sub(ago)).filter(|arrival| *arrival >= before);
                    *stamped = arrival.is_some();
                    ledger.away = away && arrival.is_none();
                    ledger.take(&job.questions, &mut lane.slots, reply, cut, arrival.unwrap_or(now));
                }
                if let Some(dropped) = inbox.drops() {
                    lane.dropped = dropped;
                }
                all += count;
                if count < BATCH {
                    break;
                }
            }
        }
        all
    }

    fn expire(&mut self, now: u64, timeout: u64) {
        let Self { lanes, ledger, .. } = self;
        for lane in lanes.iter_mut() {
            if let Some(before) = now.checked_sub(timeout) {
                ledger.tally.lost += lane.slots.expire(before).0;
            }
            if let Some(before) = now.checked_sub(STALE) {
                lane.slots.wither(before);
            }
        }
    }

    /// Until something comes, or for so many nanoseconds.
    fn wait(&mut self, length: u64) {
        let length = Duration::from_nanos(length).min(LOOK_UP);
        if length.is_zero() {
            return;
        }
        let before = Instant::now();
        self.waiter.arrivals(length);
        self.ledger.tally.idle += before.elapsed().as_secs_f64();
    }

    fn pause(&mut self, length: Duration) {
        let before = Instant::now();
        Waiter::nap(length);
        self.ledger.tally.idle += before.elapsed().as_secs_f64();
    }

    /// Some queries were put together and have not left.
    fn held_back(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.outbox.is_empty())
    }

    fn waiting(&self) -> usize {
        self.lanes.iter().map(|lane| lane.slots.waiting()).sum()
    }

    fn now(&self) -> u64 {
        nanos(self.start.elapsed())
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Nanoseconds of a length, bounded so that sums of a few do not overflow.
pub(super) fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX).min(u64::MAX / 4)
}
