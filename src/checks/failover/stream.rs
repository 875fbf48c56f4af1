//! The probe stream: a thread of its own keeps the schedule, and each probe is one task. A slow answer never delays the next
//! question.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::expected::Expected;
use super::outage::{ProbeOutcome, ProbeResult};
use crate::model::{Fault, Observation, Value};
use crate::net::heartbeat::{Heartbeat, STALL};
use crate::net::open_loop::{self, Bounds, Clock, Due, Schedule, ScheduleCounts, Threads, Workload, nanos, park};
use crate::probe::{Cx, DynProbe};

/// Most probes in flight at once; beyond it the measurement is void rather than late.
pub(super) const IN_FLIGHT: usize = 4096;
/// The stream has no end of its own, and its tasks wait for the answers.
const BOUNDS: Bounds = Bounds { in_flight: IN_FLIGHT, close: u64::MAX, drain: 0, stale: u64::MAX };

/// Probes ahead of everything, while the service does not show all that is expected.
const REHEARSALS: u32 = 3;
/// From one look at whether this process ran to the next.
const LOOK: Duration = Duration::from_millis(200);

/// The nested probe, how often it runs, and how long to wait for each answer.
#[derive(Clone)]
pub(super) struct StreamConfig {
    pub(super) probe: Arc<dyn DynProbe>,
    pub(super) interval: Duration,
    pub(super) patience: Duration,
    /// What each answer must show.
    pub(super) expected: Expected,
}

/// Everything the stream saw.
#[derive(Debug, Default)]
pub(super) struct StreamLog {
    pub(super) probes: Vec<ProbeResult>,
    /// Probes not sent because too many were in flight.
    pub(super) skipped: u64,
    /// Probes not sent because this side stood still while they were due.
    pub(super) missed: u64,
    /// Why the first probe that could not be sent could not.
    pub(super) fault: Option<Fault>,
    /// Why the first lost probe counts as lost.
    pub(super) first_loss: Option<String>,
    launched: u32,
    in_flight: BTreeSet<u32>,
}

#[derive(Default)]
struct Shared {
    log: Mutex<StreamLog>,
    ended: Notify,
}

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut StreamLog) -> T) -> T {
        act(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A running stream; dropping it ends every probe.
pub(super) struct ProbeStream {
    clock: Clock,
    target: String,
    shared: Arc<Shared>,
    /// The thread's result: how the schedule was kept, and the probes still in flight.
    sender: oneshot::Receiver<(ScheduleCounts, JoinSet<()>)>,
    threads: Threads,
}

impl StreamConfig {
    /// How long the probe ahead of everything may take: all the time it has by itself. That this host drops what it sends is known
    /// only when nothing has come for a while.
    pub(super) fn rehearsal(&self) -> Duration {
        self.patience.max(self.probe.longest())
    }

    /// Probes ahead of everything: what this side cannot do at all is found before anything is changed, and what the service never
    /// shows when all is well is expected of no probe. One bad answer says nothing of that.
    pub(super) async fn rehearsed(&self, cx: &mut Cx<'_>) -> Result<Self, Fault> {
        let mut fewest: Option<(Expected, Vec<String>)> = None;
        for _ in 0..REHEARSALS {
            let Some(observation) = self.ask(0, self.rehearsal(), cx.cancelled()).await? else { break };
            if !self.probe.answered(&observation) {
                break;
            }
            let shown = self.expected.clone().shown_by(&observation);
            let whole = shown.1.is_empty();
            if fewest.as_ref().is_none_or(|(_, left_out)| shown.1.len() < left_out.len()) {
                fewest = Some(shown);
            }
            if whole {
                break;
            }
        }
        let Some((expected, left_out)) = fewest else { return Ok(self.clone()) };
        for what in left_out {
            cx.note(format!("before anything was changed, {what}: so this is expected of no probe"));
        }
        Ok(Self { expected, ..self.clone() })
    }

    /// What one probe saw; `None` when `limit` was over first.
    async fn ask(
        &self,
        number: u32,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<Option<Observation>, Fault> {
        let mut observation = Observation::default();
        let mut cx =
            Cx::new(&mut observation, self.probe.facts(), Instant::now() + limit, u64::from(number), cancel.clone());
        match timeout(limit, self.probe.run(&mut cx)).await {
            Err(_) => Ok(None),
            Ok(result) => result.map(|()| Some(observation)),
        }
    }

    /// `None` when answered, else why not.
    async fn run_probe(&self, number: u32, cancel: &CancellationToken) -> Result<Option<String>, Fault> {
        let Some(observation) = self.ask(number, self.patience, cancel).await? else {
            let limit = self.patience;
            return Ok(Some(format!("no answer within {limit:?}")));
        };
        let answered = self.probe.answered(&observation);
        let breach = self.expected.breach(&observation);
        if answered && breach.is_none() {
            return Ok(None);
        }
        let word = || {
            let mut decisive = self.probe.facts().iter().filter(|fact| fact.roles.decisive);
            decisive.find_map(|fact| observation.last(fact.name)).and_then(Value::as_str).map(str::to_owned)
        };
        let why = breach.or_else(word).into_iter().chain(observation.notes().first().cloned());
        Ok(Some(why.collect::<Vec<_>>().join(", ")))
    }
}

impl ProbeStream {
    /// Starts to probe.
    pub(super) fn start(config: StreamConfig) -> Result<Self, Fault> {
        let (clock, shared, mut threads) = (Clock::start(), Arc::<Shared>::default(), Threads::new());
        let target = config.probe.target();
        let schedule = Schedule::every(config.interval, u64::MAX);
        let mut sender =
            Sender { config, clock, shared: Arc::clone(&shared), runtime: Handle::current(), probes: JoinSet::new() };
        // What is overdue for longer was not watched.
        let bounds = Bounds { stale: nanos(STALL), ..BOUNDS };
        let work = move |stop: &_| (open_loop::run(&schedule, &bounds, stop, &mut sender), sender.probes);
        let sender = threads.spawn("failover-stream", work).map_err(|error| {
            let remedy = "check the limits of processes and memory (`ulimit -a`)";
            Fault::local("start a thread for the probes", target.clone(), error.to_string(), remedy)
        })?;
        Ok(Self { clock, target, shared, sender, threads })
    }

    /// Seconds since its start.
    pub(super) fn now(&self) -> f64 {
        self.clock.seconds()
    }

    /// Seconds between two moments of this stream in which the process did not run.
    pub(super) fn unwatched(&self, heartbeat: &Heartbeat, from: f64, until: f64) -> f64 {
        let moment = |seconds: f64| self.clock.started() + Duration::from_secs_f64(seconds.max(0.0));
        heartbeat.missed(moment(from), moment(until)).as_secs_f64()
    }

    /// Ends when this process did not run for a while after `from`: it was stopped, or the machine slept.
    pub(super) async fn interrupted(&self, heartbeat: &Heartbeat, from: f64) {
        while self.unwatched(heartbeat, from, self.now()) <= 0.0 {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until every probe launched so far has ended, and gives those due before `until`.
    pub(super) async fn results(&self, until: f64) -> Vec<ProbeResult> {
        let launched = self.shared.with(|log| log.launched);
        loop {
            let ended = self.shared.ended.notified();
            if self.shared.with(|log| log.in_flight.first().is_none_or(|oldest| *oldest >= launched)) {
                return self.shared.with(|log| log.probes.iter().copied().filter(|probe| probe.due < until).collect());
            }
            ended.await;
        }
    }

    /// Why the first probes were lost or not sent so far, for messages.
    pub(super) fn first_errors(&self) -> (Option<String>, Option<Fault>) {
        self.shared.with(|log| (log.first_loss.clone(), log.fault.clone()))
    }

    /// Sends no more, waits for the probes in flight, gives the log.
    pub(super) async fn finish(self) -> Result<StreamLog, Fault> {
        drop(self.threads);
        let (sent, mut probes) = self.sender.await.map_err(|_| {
            Fault::local("probe on schedule", self.target, "the thread ended early", "report this: it is a defect")
        })?;
        while probes.join_next().await.is_some() {}
        let mut log = self.shared.with(std::mem::take);
        log.skipped = sent.skipped;
        log.missed = sent.missed;
        Ok(log)
    }
}

/// The thread that keeps the schedule.
struct Sender {
    config: StreamConfig,
    clock: Clock,
    shared: Arc<Shared>,
    runtime: Handle,
    probes: JoinSet<()>,
}

impl Workload for Sender {
    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn send(&mut self, due: Due<'_>) -> u64 {
        while self.probes.try_join_next().is_some() {}
        for number in due.numbers() {
            let at = Duration::from_nanos(due.at(number)).as_secs_f64();
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            self.shared.with(|log| {
                log.launched = number.saturating_add(1);
                log.in_flight.insert(number);
            });
            let probe = InFlightProbe::new(Arc::clone(&self.shared), number, self.clock, at);
            self.probes.spawn_on(probe.run(self.config.clone()), &self.runtime);
        }
        due.count
    }

    fn in_flight(&self) -> usize {
        self.shared.with(|log| log.in_flight.len())
    }

    fn wait(&mut self, length: Duration, _: bool) {
        park(length);
    }
}

/// One probe in flight. It is logged on every path, a panic of the probe included.
struct InFlightProbe {
    shared: Arc<Shared>,
    number: u32,
    clock: Clock,
    result: ProbeResult,
    fault: Option<Fault>,
    loss: Option<String>,
}

impl InFlightProbe {
    fn new(shared: Arc<Shared>, number: u32, clock: Clock, due: f64) -> Self {
        let result = ProbeResult { due, sent: due, ended: due, outcome: ProbeOutcome::NotSent };
        Self { shared, number, clock, result, fault: None, loss: None }
    }

    async fn run(mut self, config: StreamConfig) {
        self.result.sent = self.clock.seconds();
        // A token of its own: a stopped stream still wants the answers to the probes in flight.
        let answer = config.run_probe(self.number, &CancellationToken::new()).await;
        self.result.ended = self.clock.seconds();
        match answer {
            Ok(None) => self.result.outcome = ProbeOutcome::Answered,
            Ok(loss) => {
                self.result.outcome = ProbeOutcome::Lost;
                self.loss = loss;
            }
            Err(fault) => self.fault = Some(fault),
        }
    }
}

impl Drop for InFlightProbe {
    fn drop(&mut self) {
        self.shared.with(|log| {
            log.in_flight.remove(&self.number);
            log.probes.push(self.result);
            log.fault = log.fault.take().or_else(|| self.fault.take());
            log.first_loss = log.first_loss.take().or_else(|| self.loss.take());
        });
        self.shared.ended.notify_waiters();
    }
}
