//! The engine obeys the plan: it starts cases as they may start, bounds them, and reports what became of them.
//! It knows no YAML, no judge and no format: verdicts come from an [`Assess`] it is given.

mod attempt;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::record::Timing;
use crate::model::{CheckRecord, Event, Fault, Observation, Verdict};
use crate::plan::{Case, Plan};
use queue::Queue;

/// How the engine learns what an observation means.
pub trait Assess: Send + Sync + 'static {
    /// What an attempt came to.
    type Judgement: Send;
    /// Judges one attempt.
    fn assess(
        &self,
        case: &Case,
        seen: &Observation,
        fault: Option<Fault>,
    ) -> (Verdict, Option<String>, Self::Judgement);
    /// The record of a case that ran.
    fn record(&self, case: &Case, seen: &Observation, judgement: Self::Judgement, timing: Timing) -> CheckRecord;
    /// The record of a case that did not run.
    fn skipped(&self, case: &Case, reason: String) -> CheckRecord;
}

/// How to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Quiet cases beside each other.
    pub jobs: usize,
    /// Stop starting cases after the first failure.
    pub fail_fast: bool,
    /// Seed of everything random.
    pub seed: u64,
    /// Wall clock at the start; taken once.
    pub wall: Timestamp,
    /// Monotonic clock at the same moment.
    pub start: Instant,
}

/// Asks the engine to end early. `soft`: stop probing, restore, report. `hurry`: and give restoring little time.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// First signal.
    pub soft: CancellationToken,
    /// Second signal.
    pub hurry: CancellationToken,
}

/// What putting things back is granted beyond the probe's own longest round, and all it gets after a second signal.
const RESTORE_SLACK: Duration = Duration::from_secs(10);
const RESTORE_HURRY: Duration = Duration::from_secs(3);

struct Shared<A: Assess> {
    plan: Arc<Plan>,
    assess: Arc<A>,
    settings: Settings,
    stop: Stop,
    events: Sender<Event>,
}

/// Runs the plan; every case ends in exactly one `CheckFinished`. Returns when all are told.
pub async fn run<A: Assess>(plan: Arc<Plan>, assess: Arc<A>, settings: Settings, stop: Stop, events: Sender<Event>) {
    let shared = Arc::new(Shared { plan, assess, settings, stop, events });
    let mut queue = Queue::new(&shared.plan);
    let mut running: JoinSet<(usize, Verdict, bool)> = JoinSet::new();
    let mut halted: Option<String> = None;
    loop {
        if halted.is_none() && shared.stop.soft.is_cancelled() {
            halted = Some("not run: interrupted".to_owned());
        }
        while let Some(index) = queue.next(running.len(), shared.settings.jobs) {
            let reason = halted.clone().or_else(|| why_skip(&shared.plan, index, &queue));
            if let Some(reason) = reason {
                shared.skip(index, reason).await;
                queue.done(&shared.plan, index, Verdict::Skipped);
                continue;
            }
            let shared = Arc::clone(&shared);
            running.spawn(async move { shared.case(index).await });
        }
        let Some(ended) = running.join_next().await else { break };
        // A task of ours neither panics (probes are caught inside) nor is aborted.
        let Ok((index, verdict, gates)) = ended else { continue };
        if shared.settings.fail_fast && verdict == Verdict::Failed && gates && halted.is_none() {
            let id = shared.plan.cases.get(index).map_or("", |case| &case.check.id);
            halted = Some(format!("not run: --fail-fast after {id}"));
        }
        queue.done(&shared.plan, index, verdict);
    }
}

fn why_skip(plan: &Plan, index: usize, queue: &Queue) -> Option<String> {
    let case = plan.cases.get(index)?;
    if let Some(reason) = &case.check.skip {
        return Some(reason.clone());
    }
    let bad = case.needs.iter().find(|need| queue.verdict(**need) != Some(Verdict::Passed))?;
    let word = match queue.verdict(*bad) {
        Some(Verdict::Failed) => "failed",
        Some(Verdict::Errored) => "could not be measured",
        _ => "was skipped",
    };
    Some(format!("needs {}, which {word}", plan.cases.get(*bad)?.check.id))
}

impl<A: Assess> Shared<A> {
    async fn send(&self, event: Event) {
        // The receiver outlives the engine; a closed channel means the process is going down anyway.
        let _ = self.events.send(event).await;
    }

    async fn skip(&self, index: usize, reason: String) {
        if let Some(case) = self.plan.cases.get(index) {
            let record = Box::new(self.assess.skipped(case, reason));
            self.send(Event::CheckFinished { index, record }).await;
        }
    }

    async fn case(&self, index: usize) -> (usize, Verdict, bool) {
        let Some(case) = self.plan.cases.get(index) else { return (index, Verdict::Skipped, false) };
        self.send(Event::CheckStarted { index, id: case.check.id.to_string() }).await;
        let record = attempt::run(self, index, case).await;
        let (verdict, gates) = (record.verdict, record.severity == crate::model::Severity::Fail);
        self.send(Event::CheckFinished { index, record: Box::new(record) }).await;
        (index, verdict, gates)
    }
}
