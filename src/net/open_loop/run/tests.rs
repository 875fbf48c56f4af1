//! The loop by a clock of the test: nothing here waits.

use std::cell::Cell;
use std::collections::VecDeque;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Bounds, Due, Schedule, ScheduleCounts, Workload, run};
use crate::net::open_loop::{Clock, Threads, park};
use crate::stats::Samples;

const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

const OPEN: Bounds = Bounds { in_flight: usize::MAX, close: u64::MAX, drain: SECOND, stale: u64::MAX };

/// A host and a server of which everything is known.
#[derive(Default)]
struct Lab {
    now: Cell<u64>,
    /// Every wait ends so much too late.
    wakes_late: u64,
    /// Sending takes so long, whatever the number of requests.
    sends_for: u64,
    /// At this request the host stands still for so long.
    stall: Option<(u64, u64)>,
    /// Requests of one call that are sent at most.
    at_once: Option<u64>,
    /// A response comes so long after its request; without it none comes.
    answers_after: Option<u64>,
    /// Number of the next request, or of one behind those that are skipped.
    next: u64,
    /// Due and sent.
    sent: Vec<(u64, u64)>,
    lateness: Samples,
    waiting: VecDeque<u64>,
    most_in_flight: usize,
    waits: u64,
    /// Since when it waits for responses alone.
    draining_since: Option<u64>,
    /// What it says it sent beyond what it did.
    boasts: u64,
    stop_at: Option<u64>,
    stop: CancellationToken,
}

impl Workload for Lab {
    fn now(&self) -> u64 {
        self.now.get()
    }

    fn send(&mut self, due: Due<'_>) -> u64 {
        assert!(due.count > 0);
        if let Some((_, length)) = self.stall.take_if(|(number, _)| due.numbers().contains(number)) {
            self.now.set(due.now + length);
        }
        let count = due.count.min(self.at_once.unwrap_or(u64::MAX));
        for number in due.numbers().take(usize::try_from(count).unwrap()) {
            assert!(number >= std::mem::replace(&mut self.next, number + 1), "in order, each once");
            assert!(due.at(number) <= due.now, "never early");
            assert_eq!(due.lateness(number), Duration::from_nanos(due.now - due.at(number)), "of each its own");
            self.sent.push((due.at(number), due.now));
            self.lateness.record(due.lateness(number).as_secs_f64());
            self.waiting.push_back(due.now);
        }
        self.most_in_flight = self.most_in_flight.max(self.waiting.len());
        self.now.set(self.now.get() + self.sends_for);
        count + self.boasts
    }

    fn receive(&mut self) {
        let Some(after) = self.answers_after else { return };
        while self.waiting.front().is_some_and(|sent| sent + after <= self.now.get()) {
            self.waiting.pop_front();
        }
    }

    fn in_flight(&self) -> usize {
        self.waiting.len()
    }

    fn wait(&mut self, length: Duration, draining: bool) {
        self.waits += 1;
        assert!(draining || self.draining_since.is_none(), "it waits for responses to the end");
        self.draining_since = self.draining_since.or(draining.then(|| self.now.get()));
        let until = self.now.get() + u64::try_from(length.as_nanos()).unwrap();
        let next = self.waiting.front().zip(self.answers_after).map_or(u64::MAX, |(sent, after)| sent + after);
        self.now.set(until.min(next.max(self.now.get() + 1)) + self.wakes_late);
        if self.stop_at.is_some_and(|at| self.now.get() >= at) {
            self.stop.cancel();
        }
    }
}

fn play(schedule: &Schedule, bounds: &Bounds, mut lab: Lab) -> (ScheduleCounts, Lab) {
    let stop = lab.stop.clone();
    let sent = run(schedule, bounds, &stop, &mut lab);
    (sent, lab)
}

#[test]
fn lateness_is_measured_and_never_adds_up() {
    let lab = Lab { wakes_late: 30 * MICRO, sends_for: 200 * MICRO, answers_after: Some(50 * MILLI), ..Lab::default() };
    let (sent, lab) = play(&Schedule::every(Duration::from_millis(1), 100_000), &OPEN, lab);
    for (number, (due, at)) in (0..).zip(&lab.sent) {
        assert_eq!(*due, number * MILLI, "the schedule is absolute");
        // One wait that began before the request was due, and perhaps one for a response just before it.
        assert!(at - due <= 60 * MICRO, "{number}: {} us late", (at - due) / MICRO);
    }
    let lateness = lab.lateness.summary().unwrap();
    assert_eq!((sent.requests, sent.skipped, lateness.count), (100_000, 0, 100_000));
    assert!(lateness.min < 1e-9 && lateness.max <= 60e-6 && lateness.mean > 20e-6, "{lateness:?}");
}

#[test]
fn responses_that_do_not_come_delay_no_request() {
    let (_, lab) = play(&Schedule::every(Duration::from_millis(1), 3000), &OPEN, Lab::default());
    assert!(lab.sent.iter().all(|(due, at)| due == at), "{:?}", lab.lateness.summary());
    assert_eq!(lab.most_in_flight, 3000);
    assert_eq!(lab.draining_since, Some(2999 * MILLI), "that nothing more leaves is said from the last on");
    assert_eq!(lab.now.get(), 2999 * MILLI + SECOND, "what is silent is waited for, and no longer");
}

/// Most requests that left in any time of `length`.
fn densest(sent: &[(u64, u64)], length: u64) -> usize {
    // In the order sent, so that both ends of the window only move on.
    let mut end = 0;
    let window = |(begin, (_, from)): (usize, &(u64, u64))| {
        end += sent[end..].iter().take_while(|(_, at)| *at < from + length).count();
        end - begin
    };
    sent.iter().enumerate().map(window).max().unwrap()
}

#[test]
fn after_a_stall_it_catches_up_without_a_flood() {
    // With the wake-ups, as a share of those that the schedule alone needs: of the fourth, overdue bursts of four leave by fours.
    for (schedule, rate, credit, wakes) in [
        (Schedule::every(Duration::from_millis(200), 40), 5.0, 2.0, 1.0),
        (Schedule::every(Duration::from_millis(10), 1500), 100.0, 2.0, 1.0),
        (Schedule::every(Duration::from_millis(1), 3000), 1000.0, 11.0, 1.0),
        (Schedule::at_rate(20_000.0, Duration::from_secs(1)).share(0, 1), 20_000.0, 16.0, 0.75),
        (Schedule::at_rate(400_000.0, Duration::from_millis(400)).share(0, 1), 400_000.0, 64.0, 1.0),
    ] {
        let stalled = schedule.total() / 4;
        let length = schedule.due(stalled + schedule.total() / 8) - schedule.due(stalled);
        let lab =
            Lab { wakes_late: 5 * MICRO, stall: Some((stalled, length)), answers_after: Some(0), ..Lab::default() };
        let (_, lab) = play(&schedule, &OPEN, lab);
        assert_eq!(lab.sent.len() as u64, schedule.total(), "all leave");
        let late = lab.lateness.summary().unwrap().max;
        // The first one due after it was due a gap later than the one that stood still.
        assert!(late > (length as f64 / 1e9 - 1.0 / rate) * 0.99, "{rate}: {late} s late at most");
        for window in [MILLI, 20 * MILLI, 500 * MILLI] {
            let most = credit + 1.5 * rate * window as f64 / 1e9 + 1.0;
            assert!(densest(&lab.sent, window) as f64 <= most, "{rate}: more than {most} in {window} ns");
        }
        let bursts = schedule.total().div_ceil(schedule.burst());
        assert!(lab.waits as f64 <= bursts as f64 * wakes, "{rate}: {} wake-ups, {bursts} bursts", lab.waits);
        // At half more than the rate, catching up takes twice as long as the stall: to five eighths of the schedule.
        for (due, at) in lab.sent.iter().skip(lab.sent.len() * 3 / 4) {
            assert!(at - due < MILLI / 4, "{rate}: still {} us late", (at - due) / MICRO);
        }
    }
}

#[test]
fn what_was_due_while_nobody_watched_is_given_up() {
    let bounds = Bounds { stale: 250 * MILLI, ..OPEN };
    let every = Schedule::every(Duration::from_millis(10), 1000);
    // Three seconds from the hundredth on; the last of those overdue leaves, and then every one when it is due.
    let stalled = |length| Lab { stall: Some((100, length)), answers_after: Some(0), ..Lab::default() };
    let (sent, lab) = play(&every, &bounds, stalled(3 * SECOND + MILLI));
    assert_eq!((sent.requests, sent.missed, sent.skipped), (1000, 299, 0));
    assert_eq!(lab.sent.len(), 701);
    let after: Vec<_> = lab.sent.iter().filter(|(_, at)| *at > 4 * SECOND).take(3).collect();
    assert_eq!(after, [&(4000 * MILLI, 4001 * MILLI), &(4010 * MILLI, 4010 * MILLI), &(4020 * MILLI, 4020 * MILLI)]);
    // A shorter one is lateness, and all leave.
    let (sent, lab) = play(&every, &bounds, stalled(200 * MILLI));
    assert_eq!((sent.missed, lab.sent.len()), (0, 1000));
}

#[test]
fn late_wake_ups_cost_no_rate() {
    // A host that is never woken earlier than 4 ms after it should have been.
    let lab = Lab { wakes_late: 4 * MILLI, answers_after: Some(0), ..Lab::default() };
    let (_, lab) = play(&Schedule::every(Duration::from_millis(1), 10_000), &OPEN, lab);
    assert!(lab.sent.iter().all(|(due, at)| at - due <= 5 * MILLI), "it does not fall behind");
}

#[test]
fn what_is_due_beyond_the_bound_is_skipped_and_counted() {
    let bounds = Bounds { in_flight: 16, ..OPEN };
    let every = Schedule::every(Duration::from_millis(10), 100);
    let (sent, lab) = play(&every, &bounds, Lab::default());
    assert_eq!((lab.most_in_flight, sent.requests, sent.skipped), (16, 100, 84));
    assert_eq!(lab.now.get(), 990 * MILLI + SECOND, "the schedule went on");
    // Whatever the burst.
    let fast = Schedule::at_rate(100_000.0, Duration::from_millis(10)).share(0, 1);
    let (sent, lab) = play(&fast, &bounds, Lab::default());
    assert_eq!((lab.most_in_flight, sent.requests, sent.skipped), (16, 1000, 984));
    // With a server that answers there is room.
    let lab = Lab { answers_after: Some(100 * MILLI), ..Lab::default() };
    assert_eq!(play(&every, &bounds, lab).0.skipped, 0);
}

#[test]
fn what_could_not_be_sent_is_due_again() {
    let lab = Lab { at_once: Some(3), sends_for: 10 * MICRO, answers_after: Some(0), ..Lab::default() };
    let (sent, lab) = play(&Schedule::at_rate(100_000.0, Duration::from_millis(10)).share(0, 1), &OPEN, lab);
    assert_eq!((sent.requests, lab.sent.len()), (1000, 1000));
    // Twenty are due together, every 200 us. Three at a time are earned again in 20 us: what was not sent costs nothing.
    assert!(lab.sent.iter().all(|(due, at)| at - due < 140 * MICRO), "{:?}", lab.lateness.summary());
}

#[test]
fn nobody_can_have_sent_more_than_was_due() {
    let lab = Lab { boasts: 1000, answers_after: Some(0), ..Lab::default() };
    let (sent, lab) = play(&Schedule::every(Duration::from_millis(1), 100), &OPEN, lab);
    assert_eq!((sent.requests, lab.sent.len()), (100, 100));
}

#[test]
fn overdue_requests_are_skipped_no_faster_than_they_leave() {
    // Fourteen are too few for the eleven that leave at once after the stall and those that follow, not for the schedule.
    let stalled = Lab { stall: Some((10, 200 * MILLI)), answers_after: Some(10 * MILLI), ..Lab::default() };
    let (sent, lab) =
        play(&Schedule::every(Duration::from_millis(1), 1000), &Bounds { in_flight: 14, ..OPEN }, stalled);
    assert_eq!((sent.requests, sent.requests - sent.skipped), (1000, lab.sent.len() as u64));
    assert!((1..100).contains(&sent.skipped), "{} of 200 overdue ones", sent.skipped);
}

#[test]
fn a_schedule_that_is_closed_leaves_requests_unsent() {
    let lab = Lab { sends_for: 20 * MILLI, at_once: Some(1), answers_after: Some(0), ..Lab::default() };
    let bounds = Bounds { close: 100 * MILLI, ..OPEN };
    let (sent, lab) = play(&Schedule::every(Duration::from_millis(1), 1000), &bounds, lab);
    assert_eq!((sent.requests, lab.sent.len()), (5, 5));
    assert!(lab.sent.iter().all(|(_, at)| *at < 100 * MILLI));
    // Nor is one that is due at its very end or later, also while responses are waited for.
    let silent = Lab { answers_after: Some(500 * MILLI), ..Lab::default() };
    let (sent, lab) = play(&Schedule::every(Duration::from_millis(50), 1000), &bounds, silent);
    assert_eq!((sent.requests, lab.sent.len(), lab.draining_since), (2, 2, Some(100 * MILLI)));
}

#[test]
fn it_ends_with_the_last_response() {
    let lab = Lab { answers_after: Some(3 * MILLI), ..Lab::default() };
    let (_, lab) = play(&Schedule::every(Duration::from_millis(1), 10), &OPEN, lab);
    assert_eq!(lab.now.get(), 12 * MILLI);
}

#[test]
fn nothing_is_sent_once_it_is_stopped() {
    let endless = Schedule::every(Duration::from_millis(10), u64::MAX);
    let (sent, lab) = play(&endless, &OPEN, Lab { stop_at: Some(95 * MILLI), ..Lab::default() });
    assert_eq!(sent.requests, 10);
    assert_eq!(lab.now.get(), 100 * MILLI, "nor is anything waited for: at 90 ms it slept until 100 ms");
}

/// A real clock on a real thread.
struct Parked {
    clock: Clock,
    sent: Vec<(u64, u64)>,
}

impl Workload for Parked {
    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn send(&mut self, due: Due<'_>) -> u64 {
        let now = self.clock.now();
        self.sent.extend(due.numbers().map(|number| (due.at(number), now)));
        due.count
    }

    fn wait(&mut self, length: Duration, _: bool) {
        park(length);
    }
}

/// Runs `schedule` on a thread of its own.
fn started(schedule: Schedule, threads: &mut Threads) -> tokio::sync::oneshot::Receiver<(ScheduleCounts, Parked)> {
    let work = move |stop: &CancellationToken| {
        let mut parked = Parked { clock: Clock::start(), sent: Vec::new() };
        (run(&schedule, &OPEN, stop, &mut parked), parked)
    };
    threads.spawn("open-loop-test", work).unwrap()
}

#[tokio::test]
async fn a_thread_of_its_own_sends_everything_and_nothing_early() {
    let mut threads = Threads::new();
    let (sent, parked) = started(Schedule::every(Duration::from_micros(500), 200), &mut threads).await.unwrap();
    assert_eq!((sent.requests, parked.sent.len()), (200, 200));
    assert!(parked.sent.iter().all(|(due, at)| at >= due), "{:?}", parked.sent);
}

#[tokio::test]
async fn a_thread_that_sleeps_for_an_hour_stops_at_once() {
    let mut threads = Threads::new();
    let result = started(Schedule::every(Duration::from_hours(1), u64::MAX), &mut threads);
    drop(threads);
    let (sent, parked) = result.await.unwrap();
    assert!(sent.requests <= 1 && parked.clock.now() < 600 * SECOND);
}
