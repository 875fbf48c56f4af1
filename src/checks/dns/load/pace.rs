//! The plan of an open loop: when each query is due, whatever became of those before it.

use std::time::Duration;

/// Queries that fall due within this time leave together: finer waits cost more processor than they are worth.
const GRID: f64 = 200_000.0;
/// Most queries of one burst.
pub(super) const BURST: u64 = 64;
/// A schedule that fell behind is caught up with so much faster than it runs, and no faster: all at once would be a load that
/// nobody asked for, and what a server loses of it would not be its fault.
const FASTER: f64 = 1.5;
/// Overdue queries that may leave together.
const PORTION: u64 = 16;

/// The part of a schedule that one of several workers keeps: of the queries 0, 1, 2 … of the whole, every
/// `workers`-th, from `worker` on. Times are nanoseconds from the start.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    offset: f64,
    /// Between two bursts of this worker.
    period: f64,
    burst: u64,
    total: u64,
}

impl Pace {
    /// `rate` queries per second of all workers together, for `duration`; at least one query in all.
    pub(super) fn new(rate: f64, duration: Duration, worker: u64, workers: u64) -> Self {
        let gap = 1e9 / rate;
        let own = gap * workers as f64;
        let burst = whole((GRID / own).ceil()).clamp(1, BURST);
        let all = queries(rate, duration);
        let total = all.saturating_sub(worker).div_ceil(workers.max(1));
        Self { offset: gap * worker as f64, period: own * burst as f64, burst, total }
    }

    /// Queries of this worker.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Queries that leave together.
    #[cfg(test)]
    fn burst(&self) -> u64 {
        self.burst
    }

    /// Queries leave several at a time, with waits too short to be woken in between.
    pub(super) fn bursts(&self) -> bool {
        self.burst > 1
    }

    /// How many of so many overdue queries may leave now.
    pub(super) fn portion(&self, behind: u64) -> u64 {
        behind.min(self.burst.max(PORTION))
    }

    /// How long those behind them wait then; nothing when the schedule is kept.
    pub(super) fn breather(&self, behind: u64, portion: u64) -> u64 {
        if behind <= self.burst {
            return 0;
        }
        whole(self.period / self.burst as f64 * portion as f64 / FASTER)
    }

    /// When query `number` of this worker is due.
    pub(super) fn due(&self, number: u64) -> u64 {
        whole(self.offset + (number / self.burst) as f64 * self.period)
    }

    /// How many queries are due at `now`, past ones included.
    pub(super) fn by(&self, now: u64) -> u64 {
        let all = self.total.div_ceil(self.burst);
        let mut bursts = whole(((now as f64 - self.offset) / self.period).max(0.0)).min(all);
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

/// Queries of a whole schedule.
pub(super) fn queries(rate: f64, duration: Duration) -> u64 {
    whole((rate * duration.as_secs_f64()).round()).max(1)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, which is wanted here")]
fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{BURST, Pace, queries};

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn slow_schedules_send_one_by_one() {
        let pace = Pace::new(1000.0, Duration::from_secs(5), 0, 1);
        assert_eq!((pace.total(), pace.burst()), (5000, 1));
        assert_eq!((pace.due(0), pace.due(1), pace.due(4999)), (0, 1_000_000, 4_999_000_000));
        assert_eq!((pace.by(0), pace.by(999_999), pace.by(1_000_000)), (1, 1, 2));
        assert_eq!(pace.by(u64::MAX), 5000);
    }

    #[test]
    fn workers_take_turns() {
        let pace = |worker| Pace::new(1000.0, Duration::from_millis(10), worker, 3);
        assert_eq!([pace(0).total(), pace(1).total(), pace(2).total()], [4, 3, 3]);
        let mut due: Vec<u64> = (0..3).flat_map(|w| (0..pace(w).total()).map(move |n| pace(w).due(n))).collect();
        due.sort_unstable();
        assert_eq!(due, (0..10).map(|n| n * 1_000_000).collect::<Vec<u64>>());
    }

    #[test]
    fn fast_schedules_send_small_bursts_on_a_grid() {
        let pace = Pace::new(100_000.0, Duration::from_secs(1), 0, 2);
        assert_eq!(pace.burst(), 10);
        assert_eq!((pace.due(0), pace.due(9), pace.due(10)), (0, 0, 200_000));
        assert_eq!(Pace::new(1e8, Duration::from_secs(1), 0, 1).burst(), BURST);
    }

    #[test]
    fn there_is_always_something_to_do() {
        assert_eq!(queries(0.001, Duration::from_secs(1)), 1);
        assert_eq!(Pace::new(0.001, Duration::from_secs(1), 0, 2).total(), 1);
        assert_eq!(Pace::new(0.001, Duration::from_secs(1), 1, 2).total(), 0);
    }

    /// Sends by the clock of a test, which stands still from `pause` for a tenth of a second; when each query left.
    fn sent(pace: &Pace, pause: u64) -> Vec<u64> {
        let (mut now, mut not_before, mut out) = (0, 0, Vec::new());
        while (out.len() as u64) < pace.total() {
            let behind = pace.by(now) - out.len() as u64;
            if behind > 0 && now >= not_before {
                let portion = pace.portion(behind);
                out.extend((0..portion).map(|_| now));
                not_before = now + pace.breather(behind, portion);
            }
            now = (now + 10_000).max(if (pause..pause + SECOND / 10).contains(&now) { pause + SECOND / 10 } else { 0 });
        }
        out
    }

    #[test]
    fn after_a_pause_it_catches_up_without_a_flood() {
        for rate in [200.0, 1000.0, 20_000.0] {
            let pace = Pace::new(rate, Duration::from_secs(1), 0, 1);
            let sent = sent(&pace, SECOND / 2);
            let within = |length: u64| {
                let count = |from: &u64| sent.iter().filter(|at| (*from..*from + length).contains(at)).count();
                sent.iter().step_by(16).map(count).max().unwrap() as f64
            };
            // In 20 ms at most half more than the schedule has, and one portion.
            assert!(within(SECOND / 50) <= rate / 50.0 * 1.5 + 17.0, "{rate}: {}", within(SECOND / 50));
            assert!(*sent.last().unwrap() < SECOND + SECOND / 100, "{rate}: it has caught up");
        }
    }

    proptest! {
        #[test]
        fn the_count_agrees_with_the_times(
            rate in 0.5_f64..2e6, workers in 1_u64..8, worker in 0_u64..8, now in 0_u64..3 * SECOND,
        ) {
            let pace = Pace::new(rate, Duration::from_secs(2), worker % workers, workers);
            let by = pace.by(now);
            prop_assert!(by <= pace.total());
            if by > 0 {
                prop_assert!(pace.due(by - 1) <= now);
            }
            if by < pace.total() {
                prop_assert!(pace.due(by) > now);
            }
            prop_assert!(pace.due(pace.total().saturating_sub(1)) <= 2 * SECOND);
        }

        #[test]
        fn the_whole_is_the_sum_of_its_parts(rate in 0.5_f64..2e6, workers in 1_u64..9) {
            let duration = Duration::from_millis(700);
            let sum: u64 = (0..workers).map(|w| Pace::new(rate, duration, w, workers).total()).sum();
            prop_assert_eq!(sum, queries(rate, duration));
        }
    }
}
