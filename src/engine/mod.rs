//! The engine obeys the plan: it starts cases as they may start, bounds them, and reports what became of them.
//! It knows no YAML, no judge and no format: verdicts come from an [`Assess`] it is given.

mod attempt;
mod capture;
mod control;
mod halt;
mod queue;
mod runtimes;
mod targets;
#[cfg(test)]
mod tests;
mod unwatched;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::record::Timing;
use crate::model::{CheckRecord, Event, Fault, FaultKind, Observation, Severity, Silence, Verdict};
use crate::net::handshakes;
use crate::net::this_host::pending_syns;
use crate::plan::{Case, Plan};
use crate::probe::{CapturedValues, OpenEnds};
use attempt::CaseResult;
use control::SilentCase;
use halt::Halt;
use queue::Queue;
pub use runtimes::Runtimes;
pub use targets::FoundCases;
use targets::TargetPlace;

/// How the engine learns what an observation means.
pub trait Assess: Send + Sync + 'static {
    /// The outcome of an attempt.
    type Judgement: Send;
    /// Judges one attempt.
    fn assess(
        &self,
        case: &Case,
        observation: &Observation,
        fault: Option<Fault>,
    ) -> (Verdict, Option<String>, Self::Judgement);
    /// A measurement of `case` has ended: judges what it saw, so that its large facts need not be kept.
    fn measured(&self, _case: &Case, _observation: &mut Observation) {}
    /// Whether the attempt gives an alarm that fresh rounds must confirm.
    fn needs_confirmation(&self, case: &Case, observation: &Observation, judgement: &Self::Judgement) -> bool;
    /// The silence that an attempt passed on, if it did.
    fn silence<'a>(&self, judgement: &'a Self::Judgement) -> Option<&'a Silence>;
    /// The record of a case that ran.
    fn record(&self, case: &Case, observation: &Observation, judgement: Self::Judgement, timing: Timing)
    -> CheckRecord;
    /// The record of a case that did not run.
    fn skipped(&self, case: &Case, reason: String) -> CheckRecord;
}

/// How to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Quiet cases in parallel.
    pub jobs: usize,
    /// Stop starting cases after the first failure.
    pub fail_fast: bool,
    /// Seed of everything random.
    pub seed: u64,
    /// Wall clock at the start; taken once.
    pub wall: Timestamp,
    /// Monotonic clock at the same moment.
    pub start: Instant,
    /// How long the run may take from `start` on: what has not ended then is errored.
    pub deadline: Option<Duration>,
    /// The threads measurements run on.
    pub runtimes: Runtimes,
    /// What checks of this run capture. Its secrets are there before the first event that could show one.
    pub captured: Arc<CapturedValues>,
    /// Cases of this run that are known only when another has found their targets.
    pub found: Arc<FoundCases>,
}

/// Signals to end early. `open_ends`: only what lasts until then, in order. `soft`: stop probing, restore, report. `hurry`: and give restoring little time.
#[derive(Clone, Debug, Default)]
pub struct StopSignals {
    /// First signal.
    pub soft: CancellationToken,
    /// Second signal.
    pub hurry: CancellationToken,
    /// Measurements that a signal before the first ends, and nothing else.
    pub open_ends: OpenEnds,
}

/// Time to put things back beyond the probe's own longest round, and all there is after a second signal.
const RESTORE_SLACK: Duration = Duration::from_secs(10);
const RESTORE_HURRY: Duration = Duration::from_secs(3);

struct Shared<A: Assess> {
    plan: Arc<Plan>,
    assess: Arc<A>,
    settings: Settings,
    stop: StopSignals,
    halt: Halt,
    events: Sender<Event>,
}

/// Why no further case starts.
enum HaltReason {
    /// For this reason, which their records say.
    Skipping(String),
    /// The deadline of the run has passed.
    Overdue,
}

/// Runs the plan; every case ends in exactly one `CheckFinished`. Returns when all records are sent.
pub async fn run<A: Assess>(
    plan: Arc<Plan>,
    assess: Arc<A>,
    settings: Settings,
    stop: StopSignals,
    events: Sender<Event>,
) {
    let (halt, timer) = Halt::of(&stop, settings.start, settings.deadline);
    let shared = Arc::new(Shared { plan, assess, settings, stop, halt, events });
    shared.settings.runtimes.prepare(&shared.plan).await;
    let mut queue = Queue::new(&shared.plan);
    let mut running: JoinSet<CaseEnd> = JoinSet::new();
    let mut started: HashMap<Id, usize> = HashMap::new();
    let mut halted: Option<HaltReason> = None;
    let mut silent: Vec<SilentCase> = Vec::new();
    let mut unreached: HashSet<usize> = HashSet::new();
    loop {
        halted = halted.or_else(|| shared.halted());
        // Once per stage, so that a control is asked soon after what it speaks for, and alone with other controls.
        if running.is_empty() && !queue.has_quiet() && !silent.is_empty() {
            let waiting = std::mem::take(&mut silent);
            for (index, ended) in control::run_controls(&shared, waiting, |index| {
                queue.verdict(index).filter(|_| !unreached.contains(&index))
            })
            .await
            {
                halted = halted.or_else(|| halt_reason(&shared, index, &ended));
                queue.finish(&shared.plan, index, ended.verdict);
            }
        }
        while let Some(index) = queue.next(&shared.plan, running.len(), shared.settings.jobs) {
            let ended = start(&shared, index, (&queue, halted.as_ref()), (&mut running, &mut started)).await;
            if let Some(verdict) = ended {
                queue.finish(&shared.plan, index, verdict);
            }
        }
        let Some(joined) = running.join_next_with_id().await else {
            // Where nothing starts any more, silence still waits for its control.
            if silent.is_empty() {
                break;
            }
            continue;
        };
        let (index, mut ended) = match joined {
            Ok((id, ended)) => (started.remove(&id), ended),
            // Probes are caught inside: only a defect of the engine or the judge ends here, and it must not lose the case.
            Err(error) => (started.remove(&error.id()), CaseEnd { verdict: Verdict::Errored, ..CaseEnd::default() }),
        };
        let Some(index) = index else { continue };
        queue.leave(&shared.plan, index);
        if ended.unreached {
            unreached.insert(index);
        }
        if let Some(case) = ended.silent.take() {
            silent.push(*case);
            continue;
        }
        if !ended.record_sent {
            shared.report_lost(index).await;
        }
        halted = halted.or_else(|| halt_reason(&shared, index, &ended));
        queue.finish(&shared.plan, index, ended.verdict);
    }
    if let Some(timer) = timer {
        timer.abort();
    }
}

/// Starts a case; the verdict of one that does not run.
async fn start<A: Assess>(
    shared: &Arc<Shared<A>>,
    index: usize,
    (queue, halted): (&Queue, Option<&HaltReason>),
    (running, started): (&mut JoinSet<CaseEnd>, &mut HashMap<Id, usize>),
) -> Option<Verdict> {
    match shared.settled(index, queue).await {
        // Nobody waits for a case that there is not.
        TargetPlace::Empty => return Some(Verdict::Passed),
        TargetPlace::Case => {}
        TargetPlace::Faulty(fault) if halted.is_none() => {
            shared.report_unstarted(index, fault).await;
            return Some(Verdict::Errored);
        }
        TargetPlace::Faulty(_) => {}
    }
    if let Some(verdict) = shared.leave_out(index, queue, halted).await {
        return Some(verdict);
    }
    let runtime = match shared.runtime_of(index) {
        Ok(runtime) => runtime,
        Err(fault) => {
            shared.report_unstarted(index, fault).await;
            return Some(Verdict::Errored);
        }
    };
    let own = Arc::clone(shared);
    let task = running.spawn_on(async move { own.case(index).await }, &runtime);
    started.insert(task.id(), index);
    None
}

/// How a case ended, as far as the other cases are concerned.
struct CaseEnd {
    verdict: Verdict,
    /// Whether its failure fails the run.
    gates: bool,
    /// Its change could not be undone.
    not_restored: bool,
    /// Its record was sent.
    record_sent: bool,
    /// It shows nothing of the network.
    unreached: bool,
    /// It passed on silence and has not ended: its control decides.
    silent: Option<Box<SilentCase>>,
}

impl Default for CaseEnd {
    fn default() -> Self {
        Self {
            verdict: Verdict::Skipped,
            gates: false,
            not_restored: false,
            record_sent: false,
            unreached: false,
            silent: None,
        }
    }
}

/// Why no further case may start.
fn halt_reason<A: Assess>(shared: &Shared<A>, index: usize, ended: &CaseEnd) -> Option<HaltReason> {
    let found = shared.found(index);
    let id = shared.case_at(index, found.as_ref()).map_or("", |case| &case.id);
    if ended.not_restored {
        return Some(HaltReason::Skipping(format!("not run: what {id} changed could not be put back")));
    }
    let fails = shared.settings.fail_fast && ended.verdict == Verdict::Failed && ended.gates;
    fails.then(|| HaltReason::Skipping(format!("not run: --fail-fast after {id}")))
}

/// Why a case does not run, and whether that leaves a gap: its own `when` does not, anything else does.
fn skip_reason(plan: &Plan, found: &FoundCases, index: usize, queue: &Queue) -> Option<(String, bool)> {
    let case = plan.cases.get(index)?;
    if let Some(reason) = &case.skip {
        return Some((reason.clone(), false));
    }
    let bad = case.needs.iter().find(|need| queue.verdict(**need) != Some(Verdict::Passed))?;
    let word = match queue.verdict(*bad) {
        Some(Verdict::Failed) => "failed",
        Some(Verdict::Errored) => "could not be measured",
        _ => "was skipped",
    };
    let found = found.get(*bad);
    let bad = found.as_deref().or_else(|| plan.cases.get(*bad))?;
    Some((format!("needs {}, which {word}", case.name_of(bad)), true))
}

impl<A: Assess> Shared<A> {
    async fn send(&self, event: Event) {
        // The receiver outlives the engine; a closed channel means the process is going down anyway.
        let _ = self.events.send(event).await;
    }

    /// The case at a place of the plan, if it was not known when the run began.
    fn found(&self, index: usize) -> Option<Arc<Case>> {
        self.settings.found.get(index)
    }

    /// The case at a place of the plan; `found` is what [`Self::found`] gave.
    fn case_at<'c>(&'c self, index: usize, found: Option<&'c Arc<Case>>) -> Option<&'c Case> {
        found.map(|case| &**case).or_else(|| self.plan.cases.get(index))
    }

    /// What a place of the plan is, once all that it needs has ended.
    async fn settled(&self, index: usize, queue: &Queue) -> TargetPlace {
        let found = &self.settings.found;
        if let Some(count) = found.settle(&self.plan, index, queue, &self.settings.captured).filter(|count| *count > 0)
        {
            self.send(Event::PlacesLeftEmpty { count }).await;
        }
        found.place(index)
    }

    /// The runtime a case runs on; the fault of one whose network namespace cannot be entered.
    fn runtime_of(&self, index: usize) -> Result<Handle, Fault> {
        self.plan.cases.get(index).map_or_else(|| Ok(Handle::current()), |case| self.settings.runtimes.runtime(case))
    }

    /// Why the run ends early, once it does.
    fn halted(&self) -> Option<HaltReason> {
        let overdue = self.halt.is_overdue();
        let reason =
            || if overdue { HaltReason::Overdue } else { HaltReason::Skipping("not run: interrupted".to_owned()) };
        self.halt.is_set().then(reason)
    }

    /// Sends the record of a case that does not run, if it does not, and returns its verdict.
    async fn leave_out(&self, index: usize, queue: &Queue, halted: Option<&HaltReason>) -> Option<Verdict> {
        let found = self.found(index);
        let case = self.case_at(index, found.as_ref())?;
        let own = || skip_reason(&self.plan, &self.settings.found, index, queue);
        let skipped = match halted {
            Some(HaltReason::Skipping(why)) => Some((why.clone(), true)),
            // With more time it would have run, unless something else keeps it from that.
            Some(HaltReason::Overdue) => own().filter(|_| {
                let fails = |need: &usize| matches!(queue.verdict(*need), Some(Verdict::Failed | Verdict::Skipped));
                case.skip.is_some() || case.needs.iter().any(fails)
            }),
            None => Some(own()?),
        };
        match skipped {
            Some((reason, unmet)) => {
                let record = Box::new(CheckRecord { unmet, ..self.assess.skipped(case, reason) });
                self.send(Event::CheckFinished { index, record }).await;
                Some(Verdict::Skipped)
            }
            None => {
                self.report_fault(index, case, self.halt.not_reached(case)).await;
                Some(Verdict::Errored)
            }
        }
    }

    /// The record of a case whose own record never came.
    async fn report_lost(&self, index: usize) {
        let found = self.found(index);
        let Some(case) = self.case_at(index, found.as_ref()) else { return };
        let fault = Fault::new(
            FaultKind::Panicked,
            "run the check",
            case.base.probe.target(),
            "the check ended without a record",
            "this is a defect of shakedown: please report it with the suite",
        );
        self.report_fault(index, case, fault).await;
    }

    /// The record of a case that could not start.
    async fn report_unstarted(&self, index: usize, fault: Fault) {
        let found = self.found(index);
        if let Some(case) = self.case_at(index, found.as_ref()) {
            self.report_fault(index, case, fault).await;
        }
    }

    /// The record of a case that nobody measured, for this reason.
    async fn report_fault(&self, index: usize, case: &Case, fault: Fault) {
        let observation = Observation::default();
        let (_, _, judgement) = self.assess.assess(case, &observation, Some(fault));
        let record = Box::new(self.assess.record(case, &observation, judgement, Timing::default()));
        self.send(Event::CheckFinished { index, record }).await;
    }

    async fn case(&self, index: usize) -> CaseEnd {
        let found = self.found(index);
        let Some(case) = self.case_at(index, found.as_ref()) else { return CaseEnd::default() };
        if found.is_some() && case.is_cpu_bound() {
            case.base.probe.prepare().await;
        }
        let within_s = case.eventually.map(|eventually| eventually.within.as_secs_f64());
        self.send(Event::CheckStarted { index, id: case.id.to_string(), within_s }).await;
        let run = handshakes::of_check(case.netns.clone(), attempt::run(self, index, case));
        let (CaseResult { record, silence, unreached }, unrepeated) = pending_syns::of_check(run).await;
        if let Some(silence) = silence {
            let silent = SilentCase { index, record, silence, unrepeated };
            return CaseEnd { silent: Some(Box::new(silent)), ..CaseEnd::default() };
        }
        let ended = CaseEnd {
            verdict: record.verdict,
            gates: record.severity == Severity::Fail,
            not_restored: record.fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::NotRestored),
            record_sent: true,
            unreached,
            silent: None,
        };
        self.send(Event::CheckFinished { index, record: Box::new(record) }).await;
        ended
    }
}
