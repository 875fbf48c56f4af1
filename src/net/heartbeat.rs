//! Whether this process ran: after SIGSTOP, a suspended machine or a host too busy to give it a turn, it did not, and what it
//! did not watch it must not judge.
//!
//! A thread beats on its own. Beats that are too far apart leave a [`Gap`], by a clock that goes on while the machine sleeps.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use super::open_loop::{Threads, park};

/// From one beat to the next.
const PERIOD: Duration = Duration::from_millis(25);
/// Beats that are further apart leave a gap. Shorter stalls are common on a busy host, and are lateness.
pub const STALL: Duration = Duration::from_millis(250);

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
        let (begin, end) = (self.from.max(from), self.until.min(until));
        if begin >= end {
            return Duration::ZERO;
        }
        let asleep = self.length.saturating_sub(self.until - self.from);
        (end - begin) + asleep
    }
}

/// Watches whether this process runs, until it is dropped.
#[derive(Debug)]
pub struct Heartbeat {
    beats: Arc<Mutex<Beats>>,
    _thread: Threads,
}

#[derive(Debug)]
struct Beats {
    last: Beat,
    gaps: Vec<Gap>,
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
    fn beat(&mut self, now: Beat) {
        let length = now.awake_or_not.saturating_sub(self.last.awake_or_not).max(now.at - self.last.at);
        if length > STALL {
            self.gaps.push(Gap { from: self.last.at, until: now.at, length });
        }
        self.last = now;
    }
}

impl Heartbeat {
    /// Starts to watch.
    pub fn start() -> io::Result<Self> {
        let beats = Arc::new(Mutex::new(Beats { last: Beat::now(), gaps: Vec::new() }));
        let mut thread = Threads::new();
        let shared = Arc::clone(&beats);
        // The result is never waited for: the thread ends with this value.
        drop(thread.spawn("heartbeat", move |stop| {
            while !stop.is_cancelled() {
                park(PERIOD);
                with(&shared, |beats| beats.beat(Beat::now()));
            }
        })?);
        Ok(Self { beats, _thread: thread })
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
    pub fn missed(&self, from: Instant, until: Instant) -> Duration {
        self.gaps().iter().map(|gap| gap.within(from, until)).sum()
    }
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

    use super::{Beat, Beats, Gap, Heartbeat, STALL};

    const SECOND: Duration = Duration::from_secs(1);

    /// Beats at these moments: milliseconds of the clock that stops during sleep, and of the one that does not.
    fn beats(start: Instant, moments: &[(u64, u64)]) -> Vec<Gap> {
        let beat = |(at, boot): (u64, u64)| Beat {
            at: start + Duration::from_millis(at),
            awake_or_not: Duration::from_millis(boot),
        };
        let mut beats = Beats { last: beat((0, 0)), gaps: Vec::new() };
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

    #[test]
    fn a_process_that_runs_has_no_gap() {
        let heartbeat = Heartbeat::start().unwrap();
        let from = Instant::now();
        // The thread itself is what is tested: it must beat meanwhile.
        std::thread::park_timeout(STALL * 2);
        // A test machine may really be that busy; then the gap is true.
        assert!(heartbeat.missed(from, Instant::now()) < STALL * 2);
    }
}
