//! Whether this process ran, and how late it got its turn: after SIGSTOP, a suspended machine or a host too busy to give it a
//! turn, it did not run, and what it did not watch it must not judge.
//!
//! A thread beats on its own. Beats that are too far apart leave a [`Gap`], by a clock that goes on while the machine sleeps.
//! With each beat it may also hand a task to a runtime: until that task has its turn, whatever else was ready waited too.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use tokio::runtime::Handle;

use super::open_loop::{Threads, park};

/// From one beat to the next while somebody times something. A delay that begins between two beats is seen shorter by this at most.
const PERIOD: Duration = Duration::from_millis(5);
/// The same while nobody does, and only whether the process runs is of interest: each beat wakes some threads.
const IDLE_PERIOD: Duration = Duration::from_millis(100);
/// Beats that are further apart leave a gap. Shorter stalls are common on a busy host, and are lateness.
pub const STALL: Duration = Duration::from_millis(250);

/// How the fault of such a process begins.
pub const NOT_RUN: &str = "this process did not run for";
/// Delays that are kept: shorter ones are the rule.
const NOTICED: Duration = Duration::from_millis(1);
/// Delays kept at most; the oldest go first.
const KEPT: usize = 16_384;

/// A length of time in which this process did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last beat before it.
    pub from: Instant,
    /// The first beat after it. A machine that sleeps stops this clock, so these may be closer together than `length`.
    pub until: Instant,
    /// How long it was, sleep included.
    pub length: Duration,
}

impl Gap {
    /// How much of it lies between two moments. The machine's sleep counts whole wherever a part of the gap does.
    #[must_use]
    pub fn within(&self, from: Instant, until: Instant) -> Duration {
        let part = overlap((self.from, self.until), (from, until));
        if part.is_zero() {
            return part;
        }
        part + self.length.saturating_sub(self.until - self.from)
    }
}

/// Watches whether this process runs, until it is dropped.
#[derive(Debug)]
pub struct Heartbeat {
    beats: Arc<Mutex<Beats>>,
    /// How many time something.
    attentive: Arc<AtomicUsize>,
    thread: Threads,
}

/// While it lives the beats are close together.
#[derive(Debug)]
pub struct Attention(Arc<AtomicUsize>);

impl Drop for Attention {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Beats {
    last: Beat,
    /// How far the next beat is to be from the last.
    period: Duration,
    gaps: Vec<Gap>,
    /// When something was ready, and when it had its turn.
    delays: VecDeque<(Instant, Instant)>,
    /// Since when a task waits for its turn on the runtime.
    waiting: Option<Instant>,
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
struct Beat {
    at: Instant,
    /// Since boot, sleep included.
    awake_or_not: Duration,
}

impl Beat {
    fn now() -> Self {
        Self { at: Instant::now(), awake_or_not: since_boot() }
    }
}

impl Beats {
    fn new(first: Beat) -> Self {
        Self { last: first, period: PERIOD, gaps: Vec::new(), delays: VecDeque::new(), waiting: None }
    }

    fn beat(&mut self, now: Beat) {
        let length = now.awake_or_not.saturating_sub(self.last.awake_or_not).max(now.at - self.last.at);
        if length > STALL + self.period.saturating_sub(PERIOD) {
            self.gaps.push(Gap { from: self.last.at, until: now.at, length });
        }
        self.last = now;
    }

    /// What was ready at `due` had its turn at `now`.
    fn turn(&mut self, due: Instant, now: Instant) {
        if now.saturating_duration_since(due) < NOTICED {
            return;
        }
        if self.delays.len() == KEPT {
            self.delays.pop_front();
        }
        self.delays.push_back((due, now));
    }

    /// Delays that have a part between two moments, and how long that part is; one that has not ended is among them.
    fn delays(&self, from: Instant, until: Instant) -> impl Iterator<Item = Duration> {
        let open = self.waiting.map(|since| (since, until.max(since)));
        self.delays.iter().copied().chain(open).map(move |delay| overlap(delay, (from, until)))
    }
}

/// How much of a length of time lies within another.
fn overlap((from, until): (Instant, Instant), (begin, end): (Instant, Instant)) -> Duration {
    until.min(end).saturating_duration_since(from.max(begin))
}

impl Heartbeat {
    /// Starts to watch whether the process runs.
    pub fn start() -> io::Result<Self> {
        Self::watch(None)
    }

    /// Starts to watch whether the process runs, and, while somebody pays attention, how soon what is ready gets its turn on `runtime`.
    pub fn of(runtime: Handle) -> io::Result<Self> {
        Self::watch(Some(runtime))
    }

    /// Something is timed from now on, until the value is dropped: short delays count.
    #[must_use]
    pub fn attention(&self) -> Attention {
        if self.attentive.fetch_add(1, Ordering::Relaxed) == 0 {
            self.thread.wake();
        }
        Attention(Arc::clone(&self.attentive))
    }

    /// How many time something.
    #[cfg(test)]
    pub(crate) fn attentive(&self) -> usize {
        self.attentive.load(Ordering::Relaxed)
    }

    fn watch(runtime: Option<Handle>) -> io::Result<Self> {
        let beats = Arc::new(Mutex::new(Beats::new(Beat::now())));
        let (mut thread, attentive) = (Threads::new(), Arc::<AtomicUsize>::default());
        let (shared, timed) = (Arc::clone(&beats), Arc::clone(&attentive));
        // The result is never waited for: the thread ends with this value.
        drop(thread.spawn("heartbeat", move |stop| {
            while !stop.is_cancelled() {
                let period = if timed.load(Ordering::Relaxed) > 0 { PERIOD } else { IDLE_PERIOD };
                with(&shared, |beats| beats.period = period);
                let due = Instant::now() + period;
                // Whoever begins to time something ends it early.
                park(period);
                let now = Beat::now();
                let ask = with(&shared, |beats| {
                    beats.beat(now);
                    beats.turn(due, now.at);
                    runtime.is_some() && beats.waiting.is_none()
                });
                if let Some(runtime) = runtime.as_ref().filter(|_| ask) {
                    turn_on(runtime, &shared);
                }
            }
        })?);
        Ok(Self { beats, attentive, thread })
    }

    /// Every gap so far, one that ends just now included: who asks may have been woken before the thread was.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        with(&self.beats, |beats| {
            beats.beat(Beat::now());
            beats.gaps.clone()
        })
    }

    /// How much of the time between two moments this process did not run.
    #[must_use]
    pub fn not_run(&self, from: Instant, until: Instant) -> Duration {
        self.gaps().iter().map(|gap| gap.within(from, until)).sum()
    }

    /// How much of the time between two moments this process did not run, or its runtime gave nothing a turn.
    #[must_use]
    pub fn missed(&self, from: Instant, until: Instant) -> Duration {
        let gaps = self.not_run(from, until);
        let stalls = with(&self.beats, |beats| beats.delays(from, until).filter(|delay| *delay > STALL).sum());
        Duration::max(gaps, stalls)
    }

    /// The longest that something ready waited for its turn between two moments.
    #[must_use]
    pub fn late(&self, from: Instant, until: Instant) -> Duration {
        let delays = with(&self.beats, |beats| beats.delays(from, until).max());
        delays.unwrap_or_default().max(self.missed(from, until))
    }
}

/// Hands a task to the runtime, and notes when it has its turn.
fn turn_on(runtime: &Handle, beats: &Arc<Mutex<Beats>>) {
    let since = Instant::now();
    with(beats, |beats| beats.waiting = Some(since));
    let shared = Arc::clone(beats);
    drop(runtime.spawn(async move {
        with(&shared, |beats| {
            beats.waiting = None;
            beats.turn(since, Instant::now());
        });
    }));
}

fn with<T>(beats: &Mutex<Beats>, act: impl FnOnce(&mut Beats) -> T) -> T {
    act(&mut beats.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Where the system has no such clock, zero: the monotonic one decides alone, and sleep goes unseen.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Beat, Beats, Gap, Heartbeat, IDLE_PERIOD, Ordering, PERIOD, STALL, with};

    const SECOND: Duration = Duration::from_secs(1);

    /// Beats at these moments: milliseconds of the clock that stops during sleep, and of the one that does not.
    fn beats(start: Instant, moments: &[(u64, u64)]) -> Vec<Gap> {
        let beat = |(at, boot): (u64, u64)| Beat {
            at: start + Duration::from_millis(at),
            awake_or_not: Duration::from_millis(boot),
        };
        let mut beats = Beats::new(beat((0, 0)));
        for moment in moments {
            beats.beat(beat(*moment));
        }
        beats.gaps
    }

    #[test]
    fn beats_too_far_apart_leave_a_gap() {
        let start = Instant::now();
        assert!(beats(start, &[(25, 25), (50, 50), (300, 300)]).is_empty(), "a busy host is late, not away");
        let [gap] = beats(start, &[(25, 25), (2025, 2025), (2050, 2050)])[..] else { panic!() };
        assert_eq!((gap.from, gap.length), (start + Duration::from_millis(25), SECOND * 2));
        assert_eq!(gap.within(start, start + SECOND), Duration::from_millis(975));
        assert_eq!(gap.within(start + SECOND * 3, start + SECOND * 9), Duration::ZERO);
        assert_eq!(gap.within(start, start + SECOND * 9), SECOND * 2);
    }

    #[test]
    fn a_machine_that_slept_was_away_although_the_clock_stood_still() {
        let start = Instant::now();
        let [gap] = beats(start, &[(25, 25), (50, 60_050), (75, 60_075)])[..] else { panic!() };
        assert_eq!(gap.length, SECOND * 60 + Duration::from_millis(25));
        assert_eq!(gap.within(start, start + SECOND), gap.length);
        assert_eq!(gap.within(start, start + Duration::from_millis(25)), Duration::ZERO);
    }

    /// Between two beats that are meant to be far apart no process needs to have stood still.
    #[test]
    fn beats_of_an_idle_watch_leave_a_gap_only_beyond_their_period() {
        let start = Instant::now();
        let of = |spacing: u64| {
            let beat = |ms: u64| {
                let at = Duration::from_millis(ms);
                Beat { at: start + at, awake_or_not: at }
            };
            let mut beats = Beats::new(beat(0));
            beats.period = IDLE_PERIOD;
            beats.beat(beat(spacing));
            beats.gaps.len()
        };
        let most = u64::try_from((STALL + IDLE_PERIOD.saturating_sub(PERIOD)).as_millis()).unwrap();
        assert_eq!((of(most), of(most + 1)), (0, 1));
    }

    /// The first of those who time something brings the beats closer together, and the last lets them apart.
    #[test]
    fn beats_are_close_together_while_somebody_times_something() {
        let heartbeat = Heartbeat::start().unwrap();
        let spacing = || with(&heartbeat.beats, |beats| beats.period);
        let becomes = |period: Duration| {
            let end = Instant::now() + Duration::from_mins(1);
            while spacing() != period && Instant::now() < end {
                std::thread::yield_now();
            }
            assert_eq!(spacing(), period);
        };
        becomes(IDLE_PERIOD);
        let (one, other) = (heartbeat.attention(), heartbeat.attention());
        becomes(PERIOD);
        drop(one);
        assert_eq!(heartbeat.attentive.load(Ordering::Relaxed), 1);
        drop(other);
        becomes(IDLE_PERIOD);
    }

    #[test]
    fn a_process_that_runs_has_no_gap() {
        let heartbeat = Heartbeat::start().unwrap();
        let from = Instant::now();
        // The thread itself is what is tested: it must beat meanwhile.
        std::thread::park_timeout(STALL * 2);
        // A test machine may really be that busy; then the gap is true.
        assert!(heartbeat.missed(from, Instant::now()) < STALL * 2);
    }

    #[test]
    fn what_waits_for_its_turn_is_late_by_the_part_that_falls_into_the_time_asked_for() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut beats = Beats::new(Beat { at: start, awake_or_not: Duration::ZERO });
        let late = |beats: &Beats, from, until| beats.delays(at(from), at(until)).max().unwrap_or_default().as_millis();
        beats.turn(at(10), at(10));
        assert_eq!(late(&beats, 0, 100), 0, "nothing waited");
        beats.turn(at(20), at(50));
        beats.turn(at(60), at(70));
        assert_eq!(
            [late(&beats, 0, 100), late(&beats, 40, 100), late(&beats, 52, 100), late(&beats, 0, 15)],
            [30, 10, 10, 0]
        );
        beats.waiting = Some(at(90));
        assert_eq!(late(&beats, 80, 200), 110, "and still waits");
        for delay in 0..2 * super::KEPT as u64 {
            beats.turn(at(1000 + delay * 3), at(1002 + delay * 3));
        }
        assert_eq!(beats.delays.len(), super::KEPT);
    }

    #[test]
    fn a_runtime_whose_only_worker_is_busy_is_late() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let heartbeat = Heartbeat::of(runtime.handle().clone()).unwrap();
        let (begun, begins) = std::sync::mpsc::channel();
        let busy = runtime.spawn(async move {
            begun.send(Instant::now()).unwrap();
            // A worker that computes gives nobody a turn.
            std::thread::park_timeout(STALL * 2);
        });
        let from = begins.recv().unwrap();
        runtime.block_on(busy).unwrap();
        let until = Instant::now();
        assert!(heartbeat.late(from, until) > STALL, "{:?}", heartbeat.late(from, until));
        assert!(heartbeat.missed(from, until) > STALL, "such a stall is as good as not running");
        assert_eq!(heartbeat.late(until + SECOND, until + SECOND), Duration::ZERO);
    }
}
