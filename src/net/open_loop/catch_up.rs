//! How a schedule that fell behind is caught up with.

use super::schedule::{Schedule, whole};

/// Overdue requests leave so much faster than the schedule runs, and no faster.
const FASTER: f64 = 1.5;
/// Covers rounding when lengths are turned into counts.
const ROUNDING: f64 = 1e-6;
/// Overdue requests that leave within this time leave together: waking up costs more than sending them does.
const TOGETHER: f64 = 1_000_000.0;

/// A token bucket (the generic cell rate algorithm): in any time `t` at most `credit + 1.5 * rate * t` requests leave.
/// On schedule it never holds anything back.
#[derive(Clone, Debug)]
pub(super) struct CatchUp {
    /// Cost of one request, nanoseconds.
    cost: f64,
    /// Size of the bucket, nanoseconds: as much may be spent at once.
    credit: f64,
    burst: u64,
    /// Most overdue requests that are waited for to leave together.
    portion: u64,
    /// Until when what was spent is earned again.
    earned_at: f64,
}

impl CatchUp {
    pub(super) fn new(schedule: &Schedule) -> Self {
        let (cost, credit, burst) = (schedule.gap() / FASTER, schedule.credit(), schedule.burst());
        let portion = whole(TOGETHER / cost).min(credit).max(burst);
        Self { cost, credit: cost * credit as f64, burst, portion, earned_at: 0.0 }
    }

    /// How many requests may leave at `now`.
    pub(super) fn allowed(&self, now: u64) -> u64 {
        let owed = (self.earned_at - now as f64).max(0.0);
        whole((self.credit - owed) / self.cost + ROUNDING)
    }

    /// `count` requests left at `now`.
    pub(super) fn spend(&mut self, now: u64, count: u64) {
        self.earned_at = self.earned_at.max(now as f64) + self.cost * count as f64;
    }

    /// From when on the next of so many overdue requests may leave: a whole burst, or a portion of those behind it.
    pub(super) fn next(&self, behind: u64) -> u64 {
        let together = behind.clamp(self.burst, self.portion);
        whole((self.earned_at + self.cost * together as f64 - self.credit).max(0.0).ceil())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CatchUp, Schedule};

    #[test]
    fn a_burst_is_earned_again_at_one_and_a_half_times_the_rate() {
        let mut catch_up = CatchUp::new(&Schedule::every(Duration::from_millis(3), 100));
        // 10 ms of requests, and the one that is due.
        assert_eq!(catch_up.allowed(0), 5);
        catch_up.spend(0, 5);
        assert_eq!((catch_up.allowed(0), catch_up.next(100)), (0, 2_000_000));
        assert_eq!((catch_up.allowed(1_999_900), catch_up.allowed(2_000_000), catch_up.allowed(4_100_000)), (0, 1, 2));
        assert_eq!(catch_up.allowed(u64::MAX / 8), 5, "it is not saved up");
    }

    #[test]
    fn overdue_requests_leave_in_portions() {
        let mut catch_up = CatchUp::new(&Schedule::at_rate(20_000.0, Duration::from_secs(1)).share(0, 1));
        catch_up.spend(0, 16);
        let next = [0, 4, 8, 16, 1000].map(|behind| catch_up.next(behind));
        assert_eq!(next, [133_334, 133_334, 266_667, 533_334, 533_334], "four are a burst, sixteen the most");
        assert_eq!(catch_up.allowed(533_334), 16);
        // A millisecond of them, at half more than 3,000 /s.
        let slower = CatchUp::new(&Schedule::at_rate(3000.0, Duration::from_secs(1)));
        assert_eq!(slower.next(1000) - slower.next(3), slower.next(4) - slower.next(3));
        assert_eq!(slower.portion, 4);
    }

    #[test]
    fn what_is_waited_for_may_leave() {
        // Lengths between requests that no count of nanoseconds divides.
        for rate in (1..200).map(|n| f64::from(n) * 777.7) {
            let mut catch_up = CatchUp::new(&Schedule::at_rate(rate, Duration::from_secs(1)).share(0, 1));
            let mut now = 0;
            for _ in 0..100 {
                catch_up.spend(now, catch_up.allowed(now));
                now = now.max(catch_up.next(1000));
                assert!(catch_up.allowed(now) >= catch_up.portion, "{rate}: {} at {now}", catch_up.allowed(now));
            }
        }
    }

    #[test]
    fn a_burst_of_the_schedule_is_never_cut() {
        for rate in [500.0, 20_000.0, 1e6, 1e8] {
            let schedule = Schedule::at_rate(rate, Duration::from_secs(1)).share(0, 1);
            let mut catch_up = CatchUp::new(&schedule);
            for number in (0..schedule.total().min(100_000)).step_by(usize::try_from(schedule.burst()).unwrap()) {
                let now = schedule.due(number);
                assert!(catch_up.next(0) <= now && catch_up.allowed(now) >= schedule.burst(), "{rate}: {number}");
                catch_up.spend(now, schedule.burst());
            }
        }
    }
}
