//! The loop itself.

use std::ops::Range;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::catch_up::CatchUp;
use super::schedule::Schedule;

/// Requests that are due and may leave now.
#[derive(Clone, Copy, Debug)]
pub struct Due<'s> {
    schedule: &'s Schedule,
    /// Number of the first.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// The time now.
    pub now: u64,
}

impl Due<'_> {
    /// Their numbers.
    #[must_use]
    pub const fn numbers(&self) -> Range<u64> {
        self.first..self.first + self.count
    }

    /// When one of them was due.
    #[must_use]
    pub fn at(&self, number: u64) -> u64 {
        self.schedule.due(number).min(self.now)
    }

    /// How late one of them leaves, if it is now.
    #[must_use]
    pub fn lateness(&self, number: u64) -> Duration {
        Duration::from_nanos(self.now - self.at(number))
    }
}

/// The work of an open loop: to send requests, receive responses, and wait. None of it may wait for a response.
pub trait Workload {
    /// Nanoseconds since the start of the schedule; never goes back.
    fn now(&self) -> u64;

    /// Sends requests and returns how many of them are dealt with, from the first on. The others are due again at once.
    fn send(&mut self, due: Due<'_>) -> u64;

    /// Takes in what has arrived, without waiting, and gives up what has waited too long.
    fn receive(&mut self) {}

    /// Requests without a response that were not given up.
    fn in_flight(&self) -> usize {
        0
    }

    /// Waits for `length`, or until something arrives or the thread is unparked; may end early for any reason. `draining`
    /// when every request has left.
    fn wait(&mut self, length: Duration, draining: bool);
}

/// Limits that a loop must not exceed.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Requests without a response. What is due beyond is skipped and counted, never sent late.
    pub in_flight: usize,
    /// When requests cease to leave, even overdue ones; nanoseconds.
    pub close: u64,
    /// How long to wait for responses once every request has left; nanoseconds.
    pub drain: u64,
    /// Requests overdue for longer than this show that nobody watched: all but the last are given up, not sent late.
    pub stale: u64,
}

/// Requests of a schedule that was kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScheduleCounts {
    /// Requests dealt with, skipped and missed ones included.
    pub requests: u64,
    /// Requests skipped, because too many were in flight.
    pub skipped: u64,
    /// Requests given up, because this side stood still while they were due.
    pub missed: u64,
}

/// Keeps `schedule` until it has ended and its responses are there, or `stop`.
pub fn run(schedule: &Schedule, bounds: &Bounds, stop: &CancellationToken, work: &mut impl Workload) -> ScheduleCounts {
    let mut catch_up = CatchUp::new(schedule);
    let mut sent = ScheduleCounts::default();
    let mut drain_until = None;
    while !stop.is_cancelled() {
        let now = work.now();
        if now < bounds.close {
            send(schedule, bounds, &mut catch_up, &mut sent, now, work);
        }
        work.receive();
        let now = work.now();
        let draining = sent.requests == schedule.total() || now >= bounds.close;
        let until = if draining {
            let until = *drain_until.get_or_insert_with(|| now.saturating_add(bounds.drain));
            if work.in_flight() == 0 || now >= until {
                break;
            }
            until
        } else {
            let behind = schedule.due_by(now).saturating_sub(sent.requests);
            schedule.due(sent.requests).max(catch_up.next(behind))
        };
        if until > now {
            work.wait(Duration::from_nanos(until - now), draining);
        }
    }
    sent
}

/// Sends what is due and may leave at `now`.
fn send(
    schedule: &Schedule,
    bounds: &Bounds,
    catch_up: &mut CatchUp,
    sent: &mut ScheduleCounts,
    now: u64,
    work: &mut impl Workload,
) {
    let mut behind = schedule.due_by(now).saturating_sub(sent.requests);
    if behind > 1 && now - schedule.due(sent.requests).min(now) > bounds.stale {
        sent.missed += behind - 1;
        sent.requests += behind - 1;
        behind = 1;
    }
    let count = behind.min(catch_up.allowed(now));
    if count == 0 {
        return;
    }
    let room = bounds.in_flight.saturating_sub(work.in_flight()) as u64;
    let done = if room > 0 {
        work.send(Due { schedule, first: sent.requests, count: count.min(room), now }).min(count)
    } else {
        sent.skipped += count;
        count
    };
    catch_up.spend(now, done);
    sent.requests += done;
}

#[cfg(test)]
mod tests;
