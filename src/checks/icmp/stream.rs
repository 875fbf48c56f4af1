//! The stream of probes: a thread of its own sends them on schedule, a task receives what comes back.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::counts::EchoCounts;
use super::facts::LATENESS;
use super::single::Single;
use crate::model::Fault;
use crate::model::count::counted;
use crate::net::Origin;
use crate::net::clock::ClockReading;
use crate::net::datagram::{Arrival, Class, Event, IcmpError, Queued, ReadableSocket};
use crate::net::heartbeat::STALL;
use crate::net::open_loop::{self, Bounds, Clock, Due, Schedule, Threads, Workload, nanos, park};
use crate::probe::Cx;
use crate::proto::icmp::{Pinger, Received, icmp_fault};
use crate::stats::Samples;

/// Every probe leaves, whatever became of those before it, but those that were due while this process did not run; the task
/// waits for the replies.
const BOUNDS: Bounds = Bounds { in_flight: usize::MAX, close: u64::MAX, drain: 0, stale: u64::MAX };
/// Packets read before the thread that sends may have its turn.
const TURN: usize = 16;

/// One run of a check, shared by the thread that sends and the task that receives.
struct Stream {
    pinger: Pinger,
    target: IpAddr,
    origin: Origin,
    state: Mutex<StreamState>,
}

/// Held while the socket is used, by either side: the kernel's report about a refused send must not be read by the other.
struct StreamState {
    counts: EchoCounts,
    lateness: Samples,
    /// Quoted packets and replies land here.
    buffer: Vec<u8>,
}

/// Sends all probes, receives the replies, and records what became of them. The socket closes when this ends or is dropped.
pub(super) async fn run(check: &Single, pinger: Pinger, target: IpAddr, cx: &mut Cx<'_>) -> Result<(), Fault> {
    let buffer = vec![0; pinger.room()];
    pinger.datagram.stamp_departures();
    let state = StreamState { counts: EchoCounts::new(check.target.timeout), lateness: Samples::default(), buffer };
    let stream = Arc::new(Stream { pinger, target, origin: check.target.origin, state: Mutex::new(state) });
    let mut threads = Threads::new();
    let sent = stream.start(check, &mut threads)?;
    let receiver = Receiver { stream, cx };
    receiver.receive(sent, check.target.timeout).await
}

impl Stream {
    /// Begins to send; the channel tells when all have left, and how many never will.
    fn start(self: &Arc<Self>, check: &Single, threads: &mut Threads) -> Result<oneshot::Receiver<u64>, Fault> {
        let clock = Clock::start();
        if check.count == 1 {
            // A schedule of one needs no thread.
            self.send(0, Duration::from_nanos(clock.now()));
            let (done, sent) = oneshot::channel();
            let _ = done.send(0);
            return Ok(sent);
        }
        let schedule = Schedule::every(check.interval, check.count.into());
        let mut sender = Sender { stream: Arc::clone(self), clock };
        let bounds = Bounds { stale: nanos(STALL), ..BOUNDS };
        let work = move |stop: &_| open_loop::run(&schedule, &bounds, stop, &mut sender).missed;
        threads.spawn("icmp-send", work).map_err(|error| {
            let remedy = "check the limits of processes and memory (`ulimit -a`), or lower --jobs";
            Fault::local("start a thread to send ICMP", self.target.to_string(), error.to_string(), remedy)
        })
    }

    fn state(&self) -> MutexGuard<'_, StreamState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, number: u32, lateness: Duration) {
        let request = self.pinger.request(number);
        let mut state = self.state();
        state.lateness.record(lateness.as_secs_f64());
        let at = ClockReading::now();
        match self.pinger.send(&request) {
            Ok(()) => {
                state.counts.sent(at);
                self.stamp(&mut state, at);
            }
            Err(error) => self.blocked(&mut state, error),
        }
    }

    /// When the probe that was just sent left by the kernel's clock: most drivers have taken it before the call that sends it returns.
    /// Which probe a later stamp belongs to would be a guess.
    fn stamp(&self, state: &mut StreamState, before: ClockReading) {
        let mut left = None;
        for _ in 0..TURN {
            match self.pinger.datagram.queued(&mut state.buffer) {
                None => break,
                Some(Queued::Left(stamp)) => left = Some(stamp),
                Some(Queued::IcmpError(report)) => self.icmp_error(state, &report),
            }
        }
        if let Some(at) = left.and_then(|stamp| before.at_stamp(ClockReading::now(), stamp)) {
            state.counts.left(at);
        }
    }

    /// This host did not take the packet. The kernel's report, where there is one, knows the MTU.
    fn blocked(&self, state: &mut StreamState, error: io::Error) {
        let report = error.raw_os_error().and_then(|errno| {
            // Older reports about other probes may come first; they are not lost.
            while let Some(report) = self.pinger.datagram.icmp_error(&mut state.buffer) {
                if report.router.is_none() && report.class == Class::TooBig {
                    return Some(report);
                }
                self.icmp_error(state, &report);
            }
            IcmpError::from_errno(errno, None)
        });
        state.counts.blocked(report, error);
    }

    /// An error report; one that quotes a packet must quote one of ours.
    fn icmp_error(&self, state: &mut StreamState, report: &IcmpError) {
        let quoted = state.buffer.get(..report.quoted).unwrap_or_default();
        if let Some(number) = self.pinger.echo.quoted(quoted) {
            state.counts.icmp_error(report, number);
        }
    }
}

/// The thread that sends.
struct Sender {
    stream: Arc<Stream>,
    clock: Clock,
}

impl Workload for Sender {
    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn send(&mut self, due: Due<'_>) -> u64 {
        for number in due.numbers() {
            self.stream.send(u32::try_from(number).unwrap_or(u32::MAX), due.lateness(number));
        }
        due.count
    }

    fn wait(&mut self, length: Duration, _: bool) {
        park(length);
    }
}

/// The task that receives.
struct Receiver<'a, 'b> {
    stream: Arc<Stream>,
    cx: &'a mut Cx<'b>,
}

impl Receiver<'_, '_> {
    async fn receive(mut self, mut sent: oneshot::Receiver<u64>, patience: Duration) -> Result<(), Fault> {
        let stream = Arc::clone(&self.stream);
        let (mut end, mut missed) = (None, 0);
        while end.is_none() || !stream.state().counts.all_ended() {
            // No `biased`: a flood of replies must not outlast the end.
            tokio::select! {
                sent = &mut sent, if end.is_none() => {
                    missed = sent.map_err(|_| self.ended_early())?;
                    end = Some(Instant::now() + patience);
                }
                () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => break,
                ready = stream.pinger.datagram.ready() => {
                    let failed = |error| icmp_fault(&error, "receive ICMP", stream.target);
                    self.read(&mut ready.map_err(failed)?).map_err(failed)?;
                }
            }
        }
        {
            let state = stream.state();
            state.counts.report(self.cx, (stream.target, stream.origin), &state.lateness)?;
        }
        if missed == 0 { Ok(()) } else { Err(self.not_sent(missed)) }
    }

    fn not_sent(&self, missed: u64) -> Fault {
        let remedy =
            "it was stopped (SIGSTOP), the machine slept or was far too busy; run it again where it gets its turn";
        let missed = counted(missed, "request");
        let why = format!("not sent, because this process did not run when due: {missed}");
        Fault::local("keep the schedule of ICMP", self.stream.target.to_string(), why, remedy)
    }

    fn ended_early(&self) -> Fault {
        let target = self.stream.target.to_string();
        Fault::local("send ICMP echo requests", target, "the thread ended early", "report this: it is a defect")
    }

    fn read(&mut self, ready: &mut ReadableSocket<'_>) -> io::Result<()> {
        let stream = Arc::clone(&self.stream);
        let mut state = stream.state();
        for _ in 0..TURN {
            match ready.read(&mut state.buffer)? {
                None => break,
                Some(Event::Arrival(arrival)) => self.arrived(&mut state, &arrival),
                Some(Event::IcmpError(report)) => stream.icmp_error(&mut state, &report),
                Some(Event::Failed(error)) => state.counts.local_error(&error),
            }
        }
        Ok(())
    }

    fn arrived(&mut self, state: &mut StreamState, arrival: &Arrival) {
        let now = ClockReading::now();
        let packet = state.buffer.get(..arrival.kept).unwrap_or_default();
        match self.stream.pinger.read(packet) {
            Received::Other => {}
            Received::Reply(_) | Received::Altered(_)
                if arrival.from.is_some_and(|from| from != self.stream.target) =>
            {
                state.counts.other_sender(arrival.from);
            }
            Received::Altered(number) => state.counts.altered(number),
            Received::Reply(number) => state.counts.reply(number, now, arrival, self.cx),
        }
    }
}

impl Drop for Receiver<'_, '_> {
    /// Also when the round is given up: how late this host was may be the reason.
    fn drop(&mut self) {
        let state = self.stream.state();
        if state.lateness.count() > 0 {
            self.cx.merge(&LATENESS, &state.lateness);
        }
    }
}
