//! The prober of families that have none for streams: each probe is a round of the family, and a task of its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::checks::failover::writes::{Numbered, RunNumber};
use crate::model::{Fault, Observation, human_time};
use crate::net::deadline::within;
use crate::net::dial::closing_by_reset;
use crate::net::open_loop::Clock;
use crate::probe::{Cx, DynProbe, ProbeFailure, Prober, Reply, Seen};

/// Rounds under way at most.
const CAPACITY: usize = 4096;

/// What each round asks.
#[derive(Clone)]
pub(in crate::checks::failover) enum RoundQuestion {
    /// The same again and again.
    Same(Arc<dyn DynProbe>),
    /// One with the value of its own number.
    Numbered(Arc<Numbered>, RunNumber),
}

impl RoundQuestion {
    fn of(&self, number: u64) -> Result<Arc<dyn DynProbe>, Fault> {
        match self {
            Self::Same(probe) => Ok(Arc::clone(probe)),
            Self::Numbered(numbered, run) => numbered.probe(&run.value(number)),
        }
    }
}

/// A round of a family, and how long it may take.
#[derive(Clone)]
pub(in crate::checks::failover) struct Rounds {
    pub(in crate::checks::failover) question: RoundQuestion,
    pub(in crate::checks::failover) limit: Duration,
}

impl Rounds {
    /// What one saw; `None` when its time was over first.
    pub(in crate::checks::failover) async fn ask(
        &self,
        number: u64,
        cancel: &CancellationToken,
    ) -> Result<Option<Observation>, Fault> {
        let probe = self.question.of(number)?;
        let mut observation = Observation::default();
        let deadline = Instant::now() + self.limit;
        let mut cx = Cx::new(&mut observation, probe.facts(), deadline, number, cancel.clone());
        match within(self.limit, closing_by_reset(probe.run(&mut cx))).await {
            Err(_) => Ok(None),
            Ok(result) => result.map(|()| Some(observation)),
        }
    }
}

/// Makes a round of each probe.
pub(super) struct RoundProber {
    rounds: Rounds,
    clock: Clock,
    runtime: Handle,
    tasks: VecDeque<(u64, AbortHandle)>,
    sender: Sender<Reply>,
    replies: Receiver<Reply>,
    /// What a wait has taken in.
    arrived: Option<Reply>,
}

impl RoundProber {
    /// The tasks run on the runtime of the caller.
    pub(super) fn new(rounds: Rounds, clock: Clock) -> Self {
        let (sender, replies) = channel();
        let (runtime, tasks) = (Handle::current(), VecDeque::new());
        Self { rounds, clock, runtime, tasks, sender, replies, arrived: None }
    }
}

impl Prober for RoundProber {
    fn send(&mut self, number: u64, _: &mut Vec<Reply>) {
        while self.tasks.front().is_some_and(|(_, task)| task.is_finished()) {
            self.tasks.pop_front();
        }
        let round = InFlight { number, clock: self.clock, sender: self.sender.clone(), reply: None };
        let task = self.runtime.spawn(round.run(self.rounds.clone()));
        self.tasks.push_back((number, task.abort_handle()));
    }

    fn receive(&mut self, replies: &mut Vec<Reply>) {
        replies.extend(self.arrived.take());
        replies.extend(self.replies.try_iter());
    }

    fn wait(&mut self, length: Duration) {
        if self.arrived.is_none() {
            self.arrived = self.replies.recv_timeout(length).ok();
        }
    }

    fn give_up(&mut self, number: u64) {
        while let Some((_, task)) = self.tasks.pop_front_if(|(oldest, _)| *oldest <= number) {
            task.abort();
        }
    }

    fn capacity(&self) -> usize {
        CAPACITY
    }

    fn stamps_exactly(&self) -> bool {
        false
    }
}

impl Drop for RoundProber {
    fn drop(&mut self) {
        self.tasks.iter().for_each(|(_, task)| task.abort());
    }
}

/// A round under way. What becomes of it is told on every path, a panic of the probe included.
struct InFlight {
    number: u64,
    clock: Clock,
    sender: Sender<Reply>,
    reply: Option<(Option<u64>, Seen)>,
}

impl InFlight {
    async fn run(mut self, rounds: Rounds) {
        let sent = self.clock.now();
        let seen = match rounds.ask(self.number, &CancellationToken::new()).await {
            Ok(Some(observation)) => Seen::Observed(Box::new(observation)),
            Ok(None) => Seen::Failure(ProbeFailure::Lost, format!("no answer within {}", human_time(rounds.limit))),
            Err(fault) => Seen::Fault(fault),
        };
        self.reply = Some((Some(sent), seen));
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let ended = || {
            let remedy = "report this as a defect of shakedown, with the suite";
            (None, Seen::Fault(Fault::local("run a probe of the stream", "", "it ended in the middle", remedy)))
        };
        let (sent, seen) = self.reply.take().unwrap_or_else(ended);
        // Nobody listens once the stream has ended.
        let _ = self.sender.send(Reply { number: self.number, sent, received: self.clock.now(), seen });
    }
}
