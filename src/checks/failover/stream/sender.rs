//! The thread of a stream: it keeps the schedule, and hands what comes back to the log. A slow answer never delays the next
//! question.

use std::sync::Arc;
use std::time::Duration;

use super::log::ProbeAnswer;
use super::{Shared, StreamConfig};
use crate::checks::failover::outage::ProbeOutcome;
use crate::model::{Observation, Value};
use crate::net::open_loop::{Clock, Due, Workload, nanos};
use crate::probe::{Identity, ProbeFailure, Prober, Reply, Seen};

/// The longest wait: a stream that is told to stop is not waiting for its next probe.
const MOMENT: Duration = Duration::from_millis(50);
/// An answer is awaited for so long at least, because late is not lost: the kernel holds packets back while it looks for a
/// neighbour, and a service that was frozen answers what it finds.
const PATIENCE: Duration = Duration::from_mins(1);

/// The work of the thread.
pub(super) struct Sender {
    config: StreamConfig,
    prober: Box<dyn Prober>,
    clock: Clock,
    /// When the schedule began on the clock.
    from: u64,
    shared: Arc<Shared>,
    replies: Vec<Reply>,
    given_up: Vec<u64>,
}

impl Sender {
    pub(super) fn new(
        config: StreamConfig,
        prober: Box<dyn Prober>,
        (clock, from): (Clock, u64),
        shared: Arc<Shared>,
    ) -> Self {
        Self { config, prober, clock, from, shared, replies: Vec::new(), given_up: Vec::new() }
    }

    /// The end of the stream: what has arrived is taken in.
    pub(super) fn into_prober(mut self) -> Box<dyn Prober> {
        self.receive();
        self.prober
    }

    fn take(&mut self) {
        if self.replies.is_empty() {
            return;
        }
        let Self { config, shared, replies, .. } = self;
        shared.with(|log| {
            for Reply { number, sent, received, seen } in replies.drain(..) {
                let (outcome, owner) = match seen {
                    Seen::Answer(owner) => (ProbeOutcome::Answered, owner),
                    Seen::Failure(failure, why) => {
                        log.first_loss.get_or_insert(why);
                        (ProbeOutcome::Failed(failure), None)
                    }
                    Seen::Observed(observation) => {
                        let (outcome, owner, why) = config.judge(&observation);
                        log.first_loss = log.first_loss.take().or(why);
                        (outcome, owner)
                    }
                    Seen::Fault(fault) => {
                        log.fault.get_or_insert(fault);
                        (ProbeOutcome::NotSent, None)
                    }
                };
                log.take(ProbeAnswer { number, sent, received, outcome, owner });
            }
        });
    }

    fn settle(&mut self) {
        let now = self.clock.now();
        let timeout = nanos(self.config.timeout);
        let lost = now.saturating_sub(timeout.max(nanos(PATIENCE)));
        let (capacity, given_up) = (self.prober.capacity(), &mut self.given_up);
        self.shared.with(|log| log.settle(now, lost, (timeout, capacity), given_up));
        for number in self.given_up.drain(..) {
            self.prober.give_up(number);
        }
    }
}

impl Workload for Sender {
    fn now(&self) -> u64 {
        self.clock.now().saturating_sub(self.from)
    }

    fn send(&mut self, due: Due<'_>) -> u64 {
        for number in due.numbers() {
            let now = self.clock.now();
            self.shared.with(|log| log.sent(number, due.at(number) + self.from, now));
            self.prober.send(number, &mut self.replies);
        }
        self.take();
        due.count
    }

    fn receive(&mut self) {
        self.prober.receive(&mut self.replies);
        self.take();
        self.settle();
    }

    fn wait(&mut self, length: Duration, _: bool) {
        self.prober.wait(length.min(MOMENT));
    }
}

impl StreamConfig {
    /// Whether a round is an answer, who gave it, and if it is none, why.
    pub(in crate::checks::failover) fn judge(
        &self,
        observation: &Observation,
    ) -> (ProbeOutcome, Option<Identity>, Option<String>) {
        let answered = self.probe.answered(observation);
        let breach = self.expected.breach(observation);
        if answered && breach.is_none() {
            return (ProbeOutcome::Answered, self.owner(observation), None);
        }
        let mut decisive = self.probe.facts().iter().filter(|fact| fact.roles.decisive);
        let word = decisive.find_map(|fact| observation.last(fact.name)).and_then(Value::as_str);
        let failure = match word.filter(|_| !answered) {
            Some("refused") => ProbeFailure::Refused,
            Some("reset") => ProbeFailure::Reset,
            Some("unreachable") => ProbeFailure::Unreachable,
            Some("timeout") => ProbeFailure::Lost,
            _ => ProbeFailure::Unexpected,
        };
        let first = breach.or_else(|| word.map(str::to_owned));
        let why: Vec<String> = first.into_iter().chain(observation.notes().first().cloned()).collect();
        (ProbeOutcome::Failed(failure), None, Some(why.join(", ")))
    }

    /// Who answered, by the fact that the suite names for it.
    fn owner(&self, observation: &Observation) -> Option<Identity> {
        self.identity.as_ref()?.of_round(observation)
    }
}
