//! When each request is due.

use std::time::Duration;

use super::nanos;

/// Requests due within this time may leave together: finer waits cost more processor time than they are worth.
const GRID: f64 = 200_000.0;
/// Most requests that leave together.
pub const BURST: u64 = 64;
/// Requests due within this time may leave at once after a stall, so that one late wake-up costs no rate …
const CREDIT: f64 = 10_000_000.0;
/// … but no more than this, unless that many leave together on schedule.
const CREDIT_MOST: u64 = 16;

/// An absolute schedule: request `n` is due at `start + n / rate`. Times are nanoseconds from the start, and lateness of one
/// request never moves the next.
#[derive(Clone, Debug)]
pub struct Schedule {
    offset: f64,
    /// Between two requests of this share.
    gap: f64,
    /// Requests that are due together.
    burst: u64,
    total: u64,
}

impl Schedule {
    /// `rate` requests per second, as many as are due before `duration` is over; at least one.
    #[must_use]
    pub fn at_rate(rate: f64, duration: Duration) -> Self {
        // A hundredth of a request of tolerance: 200 /s for 0.55 s are 110 requests, and 110.00000000000001 in floating point.
        let total = whole((rate * duration.as_secs_f64() - 0.01).ceil()).max(1);
        Self { offset: 0.0, gap: 1e9 / rate, burst: 1, total }
    }

    /// `count` requests, one every `interval`.
    #[must_use]
    pub fn every(interval: Duration, count: u64) -> Self {
        Self { offset: 0.0, gap: nanos(interval).max(1) as f64, burst: 1, total: count }
    }

    /// The part that one of several workers keeps: every `workers`-th request, from number `worker` on. What is due within
    /// 0.2 ms becomes due together.
    #[must_use]
    pub fn share(self, worker: u64, workers: u64) -> Self {
        let workers = workers.max(1);
        let gap = self.gap * workers as f64;
        Self {
            offset: self.gap * worker as f64,
            gap,
            burst: whole((GRID / gap).ceil()).clamp(1, BURST),
            total: self.total.saturating_sub(worker).div_ceil(workers),
        }
    }

    /// Requests of this schedule.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Requests that are due together.
    #[must_use]
    pub const fn burst(&self) -> u64 {
        self.burst
    }

    /// Between two requests, on average.
    pub(super) const fn gap(&self) -> f64 {
        self.gap
    }

    /// Most requests that leave at once after a stall.
    pub(super) fn credit(&self) -> u64 {
        let late = whole((CREDIT / self.gap).ceil()).saturating_add(1);
        late.min(CREDIT_MOST).max(self.burst)
    }

    /// When request `number` is due.
    #[must_use]
    pub fn due(&self, number: u64) -> u64 {
        whole(self.offset + (number / self.burst) as f64 * (self.gap * self.burst as f64))
    }

    /// How many requests are due at `now`, past ones included.
    #[must_use]
    pub fn due_by(&self, now: u64) -> u64 {
        let all = self.total.div_ceil(self.burst);
        let period = self.gap * self.burst as f64;
        let mut bursts = whole(((now as f64 - self.offset) / period).max(0.0)).min(all);
        // Rounding may put a burst on either side; its due time decides.
        while bursts < all && self.due(bursts * self.burst) <= now {
            bursts += 1;
        }
        while bursts > 0 && self.due((bursts - 1) * self.burst) > now {
            bursts -= 1;
        }
        (bursts * self.burst).min(self.total)
    }
}

/// A quantity as a whole number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, which is wanted here")]
pub(super) fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{BURST, Schedule};

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn slow_schedules_send_one_by_one() {
        for schedule in [
            Schedule::at_rate(1000.0, Duration::from_secs(5)).share(0, 1),
            Schedule::every(Duration::from_millis(1), 5000),
        ] {
            assert_eq!((schedule.total(), schedule.burst()), (5000, 1));
            assert_eq!((schedule.due(0), schedule.due(1), schedule.due(4999)), (0, 1_000_000, 4_999_000_000));
            assert_eq!((schedule.due_by(0), schedule.due_by(999_999), schedule.due_by(1_000_000)), (1, 1, 2));
            assert_eq!(schedule.due_by(u64::MAX), 5000);
        }
    }

    #[test]
    fn workers_take_turns() {
        let share = |worker| Schedule::at_rate(1000.0, Duration::from_millis(10)).share(worker, 3);
        assert_eq!([share(0).total(), share(1).total(), share(2).total()], [4, 3, 3]);
        let mut due: Vec<u64> = (0..3).flat_map(|w| (0..share(w).total()).map(move |n| share(w).due(n))).collect();
        due.sort_unstable();
        assert_eq!(due, (0..10).map(|n| n * 1_000_000).collect::<Vec<u64>>());
    }

    #[test]
    fn fast_schedules_send_small_bursts_on_a_grid() {
        let schedule = Schedule::at_rate(100_000.0, Duration::from_secs(1)).share(0, 2);
        assert_eq!(schedule.burst(), 10);
        assert_eq!((schedule.due(0), schedule.due(9), schedule.due(10)), (0, 0, 200_000));
        assert_eq!(Schedule::at_rate(1e8, Duration::from_secs(1)).share(0, 1).burst(), BURST);
        let alone = Schedule::at_rate(100_000.0, Duration::from_secs(1));
        assert_eq!((alone.burst(), alone.due(9)), (1, 90_000), "a schedule nobody shares stays exact");
    }

    #[test]
    fn there_is_always_something_to_do() {
        let slow = || Schedule::at_rate(0.001, Duration::from_secs(1));
        assert_eq!((slow().total(), slow().share(0, 2).total(), slow().share(1, 2).total()), (1, 1, 0));
    }

    #[test]
    fn what_is_due_before_the_end_is_part_of_it() {
        for (rate, seconds, want) in [(200.0, 0.55, 110), (10.0, 1.03, 11), (1000.0, 0.7, 700), (3.0, 0.1, 1)] {
            assert_eq!(Schedule::at_rate(rate, Duration::from_secs_f64(seconds)).total(), want, "{rate} for {seconds}");
        }
    }

    #[test]
    fn a_schedule_without_end_has_no_last_request() {
        let endless = Schedule::every(Duration::from_millis(10), u64::MAX);
        assert_eq!(endless.due_by(3600 * SECOND), 360_001);
        assert_eq!(endless.due(360_000), 3600 * SECOND, "an hour later it is still exact");
    }

    proptest! {
        #[test]
        fn the_count_agrees_with_the_times(
            rate in 0.5_f64..2e6, workers in 1_u64..8, worker in 0_u64..8, now in 0_u64..3 * SECOND,
        ) {
            let schedule = Schedule::at_rate(rate, Duration::from_secs(2)).share(worker % workers, workers);
            let due = schedule.due_by(now);
            prop_assert!(due <= schedule.total());
            if due > 0 {
                prop_assert!(schedule.due(due - 1) <= now);
            }
            if due < schedule.total() {
                prop_assert!(schedule.due(due) > now);
            }
            prop_assert!(schedule.due(schedule.total().saturating_sub(1)) <= 2 * SECOND);
        }

        #[test]
        fn the_whole_is_the_sum_of_its_parts(rate in 0.5_f64..2e6, workers in 1_u64..9) {
            let whole = Schedule::at_rate(rate, Duration::from_millis(700));
            let sum: u64 = (0..workers).map(|w| whole.clone().share(w, workers).total()).sum();
            prop_assert_eq!(sum, whole.total());
        }
    }
}
