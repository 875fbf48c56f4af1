//! Long-lived probers, driven by hand and by an open loop.

use std::ops::Range;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::net::open_loop::{self, Bounds, Clock, Due, Schedule, Workload};
use crate::probe::{Connection, DynProbe, ProbeFailure, Prober, Reply, Seen, StreamSpec};

/// What comes at all comes within this time, also on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);

/// A stream whose service sends back what it is sent, in which nothing is late.
pub fn stream() -> StreamSpec {
    StreamSpec {
        clock: Clock::start(),
        interval: Duration::from_millis(1),
        timeout: LONGEST,
        connection: Connection::New,
        echo: true,
        seed: 7,
    }
}

/// The prober of a family that must have one.
pub async fn prober(probe: &dyn DynProbe, spec: &StreamSpec) -> Box<dyn Prober> {
    probe.stream(spec).await.unwrap().unwrap_or_else(|| panic!("{} has no prober", probe.target()))
}

/// Sends these probes, and waits for so many replies.
pub fn ask(prober: &mut dyn Prober, numbers: Range<u64>, count: usize) -> Vec<Reply> {
    let mut replies = Vec::new();
    for number in numbers {
        prober.send(number, &mut replies);
    }
    let end = Instant::now() + LONGEST;
    while replies.len() < count {
        assert!(Instant::now() < end, "{count} were to come: {replies:?}");
        prober.receive(&mut replies);
        prober.wait(Duration::from_millis(50));
    }
    replies
}

/// Keeps a schedule of so many probes with a prober.
pub fn keep(prober: &mut dyn Prober, spec: &StreamSpec, count: u64) -> Vec<Reply> {
    let schedule = Schedule::every(spec.interval, count);
    let bounds = Bounds { in_flight: usize::MAX, close: u64::MAX, drain: open_loop::nanos(LONGEST), stale: u64::MAX };
    let mut work = Kept { prober, clock: Clock::start(), sent: 0, replies: Vec::new() };
    open_loop::run(&schedule, &bounds, &CancellationToken::new(), &mut work);
    work.replies
}

struct Kept<'p> {
    prober: &'p mut dyn Prober,
    clock: Clock,
    sent: usize,
    replies: Vec<Reply>,
}

impl Workload for Kept<'_> {
    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn send(&mut self, due: Due<'_>) -> u64 {
        for number in due.numbers() {
            self.prober.send(number, &mut self.replies);
            self.sent += 1;
        }
        due.count
    }

    fn receive(&mut self) {
        self.prober.receive(&mut self.replies);
    }

    fn in_flight(&self) -> usize {
        self.sent.saturating_sub(self.replies.len())
    }

    fn wait(&mut self, length: Duration, _: bool) {
        self.prober.wait(length);
    }
}

/// The numbers of replies, in their order.
pub fn numbers(replies: &[Reply]) -> Vec<u64> {
    replies.iter().map(|reply| reply.number).collect()
}

/// Who answered; it must be an answer.
pub fn identity(reply: &Reply) -> Option<&str> {
    match &reply.seen {
        Seen::Answer(identity) => identity.as_deref(),
        _ => panic!("an answer: {reply:?}"),
    }
}

/// How a probe failed, and the sentence; it must have.
pub fn failure(reply: &Reply) -> (ProbeFailure, &str) {
    match &reply.seen {
        Seen::Failure(failure, why) => (*failure, why),
        _ => panic!("a failure: {reply:?}"),
    }
}
