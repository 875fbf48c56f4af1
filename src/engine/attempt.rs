//! One case: its attempts, its rounds, its bounds, and putting back what it changed.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use super::{Assess, RESTORE_HURRY, RESTORE_SLACK, Shared, capture, unwatched};
use crate::guard::unfinished;
use crate::model::observation::Side;
use crate::model::record::Timing;
use crate::model::{Arm, CheckRecord, Event, Fault, FaultKind, Observation, Round, Silence, Verdict};
use crate::net::this_host::pending_syns;
use crate::net::{deadline, handshakes};
use crate::plan::{Case, PlannedArm, PlannedRound};
use crate::probe::{Cx, Footprint, INVESTIGATION, RestoreOutcome};
use crate::stats::seed;

/// Reasons of earlier attempts kept in the record.
pub(super) const EARLIER: usize = 5;
/// A look that takes longer than this, or than `every`, is dated by its end, others by their beginning.
const LOOK: Duration = Duration::from_secs(1);
/// A timer may be late by this much.
const TIMER: Duration = Duration::from_millis(50);

/// What a case came to.
pub(super) struct CaseResult {
    pub(super) record: CheckRecord,
    /// The silence that others must show to be the target's.
    pub(super) silence: Option<Silence>,
    /// It shows nothing of the network.
    pub(super) unreached: bool,
}

/// Runs a case to its record; with the silence it passed on, if it did.
pub(super) async fn run<A: Assess>(shared: &Shared<A>, index: usize, case: &Case) -> CaseResult {
    let start = Instant::now();
    let deadline = start + case.budget;
    let since = i64::try_from((start - shared.settings.start).as_millis()).unwrap_or(0);
    let started = shared.settings.wall.checked_add(jiff::SignedDuration::from_millis(since)).ok();
    let mut timing = Timing { started: started.map(|at| format!("{at:.3}")), ..Timing::default() };
    let mut last: Option<(Observation, A::Judgement)> = None;
    let mut due = start;
    loop {
        let began = Instant::now();
        // What is late by a timer alone began when it was due.
        let look = (start, if began - due <= TIMER { due } else { began });
        timing.attempts += 1;
        pending_syns::forget();
        let mut observation = Observation::default();
        let within = (began, deadline, timing.attempts);
        let mut fault = rounds(shared, (index, case), &mut observation, case.layout.turns(), within).await;
        let (mut verdict, mut reason, mut judgement) = assess(shared, case, &mut observation, fault.as_ref(), look);
        if verdict == Verdict::Passed
            && let Err(why) = capture::keep(&shared.settings.captured, case, &observation)
        {
            fault = Some(why);
            (verdict, reason, judgement) = assess(shared, case, &mut observation, fault.as_ref(), look);
        }
        if fault.is_none() && case.layout.confirm && shared.assess.needs_confirmation(case, &observation, &judgement) {
            tracing::info!(case = %case.id, "alarm: measuring again to confirm it");
            fault = rounds(shared, (index, case), &mut observation, case.layout.again(), within).await;
            (verdict, reason, judgement) = assess(shared, case, &mut observation, fault.as_ref(), look);
        }
        let kind = fault.as_ref().map(|fault| fault.kind);
        let took = began.elapsed();
        // Ids hold no secret; reasons may, and are left to the reports, which hide them.
        tracing::debug!(case = %case.id, attempt = timing.attempts, ?took, verdict = verdict.word(), "attempt ended");
        if let (Some(FaultKind::Deadline), Some((before, judged))) = (kind, last.take()) {
            // The budget cut this attempt short; what the attempt before it proved still stands.
            timing.attempts -= 1;
            (observation, judgement) = (before, judged);
        }
        let wait = next_attempt(case, verdict, kind, look, timing.attempts);
        let Some(wait) = wait.filter(|wait| *wait < deadline + handshakes::waited()) else {
            if verdict == Verdict::Failed && kind.is_none() {
                (.., judgement) = investigate(shared, case, &mut observation, judgement, look).await;
            }
            return ended(shared, case, &observation, judgement, (timing, start));
        };
        if timing.earlier.len() < EARLIER {
            timing.earlier.push(reason.clone().unwrap_or_else(|| verdict.word().to_owned()));
        }
        shared.send(Event::AttemptEnded { index, attempt: timing.attempts, verdict, reason }).await;
        tokio::select! {
            biased;
            () = shared.halt.set() => {
                // Another attempt was due, and what it would have shown is not known.
                let fault = shared.halt.fault(case, case.subject(), start);
                let (.., judgement) = shared.assess.assess(case, &observation, Some(fault));
                return ended(shared, case, &observation, judgement, (timing, start));
            }
            () = tokio::time::sleep_until(wait) => {}
        }
        last = Some((observation, judgement));
        due = wait;
    }
}

/// The judgement of a failure once the probe has looked for its cause. Evidence changes what is said of it, never the verdict.
async fn investigate<A: Assess>(
    shared: &Shared<A>,
    case: &Case,
    observation: &mut Observation,
    judgement: A::Judgement,
    look: (Instant, Instant),
) -> (Verdict, Option<String>, A::Judgement) {
    let before = observation.notes().len();
    let arms = if case.over_ipv4.is_some() { &[Some(Arm::Base), Some(Arm::Head)][..] } else { &[None] };
    for arm in arms {
        search(shared, case, *arm, observation).await;
    }
    if observation.notes().len() == before {
        return (Verdict::Failed, None, judgement);
    }
    match assess(shared, case, observation, None, look) {
        failed if failed.0 == Verdict::Failed => failed,
        _ => (Verdict::Failed, None, judgement),
    }
}

/// Looks for the cause of what one arm saw; without an arm, of what the case is about.
async fn search<A: Assess>(shared: &Shared<A>, case: &Case, arm: Option<Arm>, observation: &mut Observation) {
    let mut own = observation.of_side(if arm == Some(Arm::Base) { Side::Base } else { Side::Subject });
    let known = own.notes().len();
    let probe = if arm == Some(Arm::Base) { &case.arm(arm).probe } else { &case.subject().probe };
    let seed = seed::derive(shared.settings.seed, format!("{}/{} investigate", case.suite, case.id));
    let cancel = shared.stop.soft.child_token();
    let mut cx = Cx::new(&mut own, case.family.facts, Instant::now() + INVESTIGATION, seed, cancel);
    let search = AssertUnwindSafe(probe.investigate(&mut cx)).catch_unwind();
    tokio::select! {
        _ = tokio::time::timeout(INVESTIGATION, search) => {}
        () = shared.halt.set() => {}
    }
    for note in own.notes().iter().skip(known) {
        observation.note_of(case.label(arm), note.clone());
    }
}

/// The record of a case after its last attempt.
fn ended<A: Assess>(
    shared: &Shared<A>,
    case: &Case,
    observation: &Observation,
    judgement: A::Judgement,
    (timing, start): (Timing, Instant),
) -> CaseResult {
    let timing = Timing { duration: start.elapsed(), ..timing };
    let silence = shared.assess.silence(&judgement).cloned();
    let unreached = observation.counted().any(Round::is_unreached);
    CaseResult { record: shared.assess.record(case, observation, judgement, timing), silence, unreached }
}

/// When the next attempt begins; `None` when this was the last. `look` is when the first attempt began, and this one.
fn next_attempt(
    case: &Case,
    verdict: Verdict,
    fault: Option<FaultKind>,
    (start, began): (Instant, Instant),
    attempts: u32,
) -> Option<Instant> {
    if verdict == Verdict::Passed || fault.is_some_and(|kind| kind != FaultKind::Local) {
        return None;
    }
    let now = Instant::now();
    match case.eventually {
        Some(eventually) => {
            let end = start + eventually.within;
            let next = (began + eventually.every).max(now);
            // Once more at the end of the window, however the steps fall.
            if next < end { Some(next) } else { (began < end && now < end).then_some(end) }
        }
        None => (attempts <= case.retries).then(|| now + case.wait_to_retry(attempts)),
    }
}

/// Judges an attempt that ended now.
pub(super) fn assess<A: Assess>(
    shared: &Shared<A>,
    case: &Case,
    observation: &mut Observation,
    fault: Option<&Fault>,
    (start, began): (Instant, Instant),
) -> (Verdict, Option<String>, A::Judgement) {
    let mut missed = observation.unwatched;
    if let Some(eventually) = case.eventually {
        let (at, now) = (began - start, start.elapsed());
        let settled = if now.saturating_sub(at) <= eventually.every.min(LOOK) { at } else { now };
        observation.settled_in = Some(settled);
        if settled > eventually.within {
            // Perhaps it held in time, and nobody looked.
            missed = unwatched::missed(&shared.settings.runtimes.watch(case), start);
        }
    }
    let assessed = shared.assess.assess(case, observation, fault.cloned());
    if assessed.0 == Verdict::Failed && !missed.is_zero() {
        let fault = unwatched::not_run(case, case.subject(), missed, None);
        return shared.assess.assess(case, observation, Some(fault));
    }
    assessed
}

/// Some rounds of one attempt; ends at the first fault.
async fn rounds<A: Assess>(
    shared: &Shared<A>,
    (index, case): (usize, &Case),
    observation: &mut Observation,
    turns: impl Iterator<Item = PlannedRound>,
    (start, deadline, attempt): (Instant, Instant, u32),
) -> Option<Fault> {
    for turn in turns {
        if let Some(fault) = round(shared, case, observation, turn, (start, deadline), attempt).await {
            return Some(fault);
        }
        // The second of a pair.
        if turn.arm.is_some() && !turn.slot.is_multiple_of(2) {
            let (pair, pairs) = (turn.slot / 2 + 1, case.layout.warm_up + case.layout.rounds);
            shared.send(Event::PairEnded { index, pair, pairs }).await;
        }
    }
    None
}

/// One round: its measurements one after the other, each put back before the next; it ends with one that got no answer.
pub(super) async fn round<A: Assess>(
    shared: &Shared<A>,
    case: &Case,
    observation: &mut Observation,
    turn: PlannedRound,
    (start, deadline): (Instant, Instant),
    attempt: u32,
) -> Option<Fault> {
    let arm = case.arm(turn.arm);
    for sample in 0..case.layout.samples.max(1) {
        let mut round = Round::new(turn.slot, start.elapsed());
        (round.arm, round.label) = (case.mark(turn.arm), case.label(turn.arm));
        round.confirm = turn.confirm;
        round.discarded = turn.warm_up.then_some("warm_up");
        observation.begin_round(round);
        let measurement = format!("{}/{} {attempt} {} {sample}", case.suite, case.id, turn.slot);
        let seed = seed::derive(shared.settings.seed, measurement);
        let began = Instant::now();
        let fault = measure(shared, case, arm, observation, (start, deadline, seed)).await;
        let fault = unwatched::ended(shared, case, arm, (turn, began), observation, fault);
        let fault = fault.or(capture::hide(&shared.settings.captured, case, observation).err());
        let (took, fault_kind) = (began.elapsed(), fault.as_ref().map(|fault| fault.kind.word()));
        tracing::debug!(
            case = %case.id, slot = turn.slot, sample, arm = ?turn.arm, warm_up = turn.warm_up, ?took, ?fault_kind,
            "round ended"
        );
        case.feeds.iter().for_each(|table| observation.compare_targets(table));
        let restored = restore(shared, case, arm, observation, (deadline, seed)).await;
        if let Some(fault) = after_restore(arm, restored, fault) {
            return Some(fault);
        }
        // Twenty times the patience for a peer that is silent would say no more than once.
        let silent = case.layout.samples > 1 && !answered(case, arm, &observation.latest());
        shared.assess.measured(case, observation);
        if silent {
            break;
        }
    }
    None
}

/// Whether a measurement got an answer, be it one that means an outage to users: a 503 that is expected is one.
fn answered(case: &Case, arm: &PlannedArm, latest: &Observation) -> bool {
    let outcome = case.family.facts.iter().find(|fact| fact.roles.outcome);
    let usual = outcome.is_some_and(|fact| latest.text(fact.name).is_some_and(|word| fact.expected == Some(word)));
    usual || arm.probe.answered(latest)
}

/// One measurement, bounded by the budget, the deadline of the run and by signals; a panic is caught. What was recorded stays in `observation`.
async fn measure<A: Assess>(
    shared: &Shared<A>,
    case: &Case,
    arm: &PlannedArm,
    observation: &mut Observation,
    (start, deadline, seed): (Instant, Instant, u64),
) -> Option<Fault> {
    let cancel = shared.halt.child();
    // The wait for a turn to dial is granted on top, as it is this side's own.
    let deadline = deadline + handshakes::waited();
    let cx = Cx::new(observation, case.family.facts, deadline, seed, cancel.clone());
    let cx = cx.watched(&shared.settings.runtimes.watch(case));
    let cx = cx.of_check(format!("{}/{}", case.suite, case.id)).with_captured(&shared.settings.captured);
    let mut cx = cx.with_open_ends(&shared.stop.open_ends);
    let probe = AssertUnwindSafe(arm.probe.run(&mut cx)).catch_unwind();
    let ended = tokio::select! {
        biased;
        () = shared.halt.set() => Err(shared.halt.fault(case, arm, start)),
        ended = deadline::until(deadline, probe) => match ended {
            Err(_) => Err(overdue(case, arm)),
            Ok(Err(panic)) => Err(panicked(case, arm, panic.as_ref())),
            Ok(Ok(ended)) => ended,
        },
    };
    cancel.cancel();
    ended.err()
}

/// Puts back what the probe changed, on every path. Interrupting the run does not interrupt this.
async fn restore<A: Assess>(
    shared: &Shared<A>,
    case: &Case,
    arm: &PlannedArm,
    observation: &mut Observation,
    (deadline, seed): (Instant, u64),
) -> Result<RestoreOutcome, Fault> {
    let hurry = async {
        shared.stop.hurry.cancelled().await;
        tokio::time::sleep(RESTORE_HURRY).await;
    };
    // A round includes its restore, so the longest round bounds a restore of its own as well.
    let bound = arm.probe.longest() + RESTORE_SLACK;
    let mut cx = Cx::new(observation, case.family.facts, deadline, seed, shared.stop.hurry.clone());
    let restore = AssertUnwindSafe(arm.probe.restore(&mut cx)).catch_unwind();
    let why = tokio::select! {
        ended = tokio::time::timeout(bound, restore) => match ended {
            Ok(Ok(ended)) => return ended,
            Ok(Err(_)) => "restoring panicked".to_owned(),
            Err(_) => format!("restoring took longer than {}s", bound.as_secs()),
        },
        () = hurry => "shakedown left after a second signal; the guard process goes on restoring".to_owned(),
    };
    Err(Fault::new(FaultKind::NotRestored, "restore", arm.probe.target(), why, left_broken(case, arm)))
}

/// What to do about what may still be broken once this process is gone.
fn left_broken(case: &Case, arm: &PlannedArm) -> String {
    let check = format!("{}/{}", case.suite, case.id);
    let guarded = unfinished().into_iter().find(|one| one.check == check).map(|one| one.sentence());
    let breaks = arm.probe.breaks();
    let lines: Vec<&str> =
        breaks.iter().filter(|(word, _)| *word == "restore").map(|(_, line)| line.as_str()).collect();
    let by_hand = match lines.as_slice() {
        [] => format!("put back by hand what {} changed", case.at.file_line()),
        lines => format!("run by hand: {}", lines.join("; ")),
    };
    guarded.map_or_else(|| format!("{by_hand}; then check the target"), |guarded| format!("{guarded}, or {by_hand}"))
}

/// The fault of a round: that of its restore, or else its own, which says what became of the change.
fn after_restore(arm: &PlannedArm, restored: Result<RestoreOutcome, Fault>, fault: Option<Fault>) -> Option<Fault> {
    let cut = |kind| {
        matches!(kind, FaultKind::Cancelled | FaultKind::Deadline | FaultKind::RunDeadline | FaultKind::Panicked)
    };
    let became = match restored {
        Err(fault) => return Some(fault),
        Ok(RestoreOutcome::Done) => "; what it had changed was put back",
        Ok(RestoreOutcome::Nothing) if arm.probe.footprint() == Footprint::Disruptive => "; nothing was left changed",
        Ok(RestoreOutcome::Nothing) => "",
    };
    let mut fault = fault?;
    if cut(fault.kind) {
        fault.detail.push_str(became);
    }
    Some(fault)
}

fn overdue(case: &Case, arm: &PlannedArm) -> Fault {
    let budget = Duration::as_secs_f64(&case.budget);
    Fault::new(
        FaultKind::Deadline,
        format!("run the {} probe", case.family.name),
        arm.probe.target(),
        format!("the budget of {budget:.1}s was used up"),
        "raise `budget`, or lower `rounds`, `samples`, `retries`, `count` or `timeout`",
    )
}

fn panicked(case: &Case, arm: &PlannedArm, panic: &(dyn Any + Send)) -> Fault {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    Fault::new(
        FaultKind::Panicked,
        format!("run the {} probe", case.family.name),
        arm.probe.target(),
        text,
        "this is a defect of shakedown: please report it with the suite",
    )
}
