//! Open loops: requests leave when they are due, whatever became of those before them.
//!
//! - [`Schedule`] says when each request is due, [`run`] keeps it on a thread of [`Threads`], and a [`Workload`] sends.
//! - A request has three times: when it was *due*, when it was *sent*, and when its response was *received*. Latency runs
//!   from the first, so that neither a slow sender nor a server that stalls can hide what callers would have felt;
//!   *lateness*, from due to sent, is what of it is this host's.
//! - After a stall of this host the schedule is caught up with at one and a half times its rate, not at once: what a server
//!   lost of a flood would be this side's fault.
//! - [`InFlight`] knows which request stands behind an id, [`Limit`] what kept a load from being higher.
//!
//! Times are nanoseconds since the start of the schedule.

mod catch_up;
mod in_flight;
mod limit;
mod run;
mod schedule;
mod threads;

use std::time::{Duration, Instant};

pub use in_flight::{InFlight, Lookup, Request, TimedOut};
pub use limit::{Limit, OfferedLoad, limited_by};
pub use run::{Bounds, Due, ScheduleCounts, Workload, run};
pub use schedule::{BURST, Schedule};
pub use threads::{Threads, park, precise_timers};

/// Time since the start of a schedule.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// A clock that starts at `start`; until then it stands at zero.
    #[must_use]
    pub const fn from(start: Instant) -> Self {
        Self(start)
    }

    /// When it started.
    #[must_use]
    pub const fn started(self) -> Instant {
        self.0
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub fn now(self) -> u64 {
        nanos(self.0.elapsed())
    }

    /// Seconds since the start.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// Nanoseconds of a length, bounded so that sums of a few do not overflow.
#[must_use]
pub fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX).min(u64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::{Duration, nanos};

    #[test]
    fn the_longest_time_can_be_added_to_others() {
        assert_eq!(nanos(Duration::from_micros(3)), 3000);
        assert!(nanos(Duration::MAX).checked_mul(4).is_some());
    }
}
