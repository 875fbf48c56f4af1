//! The judge: observation and expectations to a verdict. Pure; it opens nothing and waits for nothing.

mod distinguish;
mod metrics;
mod operands;
mod parity;
mod record;
mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

pub use metrics::{compared_by, metrics, metrics_in_turn, tolerance};
pub use parity::{Difference, Parity, Ratio, is_unsure};
pub use record::{base_arm, facts, partial, record};

use distinguish::distinguish;
use operands::Operand;

use crate::model::expectation::Expectation;
use crate::model::fact::{SETTLED_IN, parity::is_parity};
use crate::model::observation::{KEPT_OF_EACH, Side, Tally, Undecided};
use crate::model::record::{OriginWord, Outcome};
use crate::model::typed::ValueType;
use crate::model::{Arm, Fault, FaultKind, Kind, Observation, Round, Silence, Unit, Value, Verdict};
use crate::plan::{Case, PlannedArm};
use crate::probe::diagnosis::{self, Usual};
use crate::probe::{Diagnosis, Failure};

/// The verdict on one attempt, and what it rests on.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Verdict.
    pub verdict: Verdict,
    /// Why, unless passed: the cause, in one sentence.
    pub reason: Option<String>,
    /// What a person does next, of a failure.
    pub next: Option<String>,
    /// What failures with one cause have alike.
    pub group: Option<String>,
    /// The fault of an errored attempt.
    pub fault: Option<Fault>,
    /// Every expectation, judged; empty when nothing could be measured.
    pub expectations: Vec<Outcome>,
    /// It passed on silence alone, or failed on it as a cell of a grid: a dead host or a cut path gives it as well.
    pub silence: Option<Silence>,
    /// How IPv4 and IPv6 compare, of a check with `parity`.
    pub parity: Option<Box<Parity>>,
}

impl Judgement {
    /// A verdict, and why.
    #[must_use]
    pub const fn of(verdict: Verdict, reason: Option<String>) -> Self {
        let (next, group, fault, silence, parity) = (None, None, None, None, None);
        Self { verdict, reason, next, group, fault, expectations: Vec::new(), silence, parity }
    }
}

/// Judges one attempt by the arm the verdict is about.
#[must_use]
pub fn judge(case: &Case, observation: &Observation, fault: Option<Fault>) -> Judgement {
    judge_beside(case, observation, fault, &diagnosis::unknown, None)
}

/// The same, where something is known of earlier runs, or of how IPv4 and IPv6 compare.
#[must_use]
pub fn judge_beside(
    case: &Case,
    observation: &Observation,
    fault: Option<Fault>,
    usual: Usual<'_>,
    parity: Option<&Parity>,
) -> Judgement {
    if let (Some(over_ipv4), Some(parity)) = (&case.over_ipv4, parity) {
        return parity::judge((case, over_ipv4), observation, fault, usual, parity);
    }
    judge_arm((case, case.subject()), observation, fault, usual)
}

fn judge_arm(
    (case, arm): (&Case, &PlannedArm),
    observation: &Observation,
    fault: Option<Fault>,
    usual: Usual<'_>,
) -> Judgement {
    let fault = fault.or_else(|| empty(case, arm, observation));
    if let Some(fault) = fault {
        return unjudged(fault);
    }
    let mut expectations = Vec::new();
    let mut broken = Vec::new();
    let mut open = None;
    // It settles when all else holds; until then it has not.
    let (late, soon): (Vec<_>, Vec<_>) =
        of_family(arm).partition(|(_, expectation)| expectation.info.name == SETTLED_IN.name);
    for (index, expectation) in soon.into_iter().chain(late) {
        let settled = observation.settled_in.filter(|_| settles(&expectations));
        match outcome(index, expectation, observation, settled) {
            Some(Decision::Decided(outcome, round)) => {
                broken.push(round);
                expectations.push(outcome);
            }
            Some(Decision::Open(doubt)) => {
                let remedy = observation.remedy(expectation.info.name);
                open = open.or_else(|| Some(undecided(&doubt, expectation, arm, remedy)));
            }
            None => {}
        }
    }
    // What is broken in the part that was seen stays broken, whatever the rest is.
    if let Some(fault) = open.filter(|_| expectations.iter().all(|outcome| outcome.held)) {
        return unjudged(fault);
    }
    if expectations.iter().all(|outcome| outcome.held) {
        expectations.extend(in_time(case, observation));
    }
    if let Some(fault) = unavailable(case, &expectations, observation) {
        return unjudged(fault);
    }
    if expectations.iter().all(|outcome| outcome.held) {
        let silence = silence(case, observation);
        return Judgement { expectations, silence, ..Judgement::of(Verdict::Passed, None) };
    }
    let target = arm.probe.target();
    let about = (&*target, case.family, &*arm.args);
    let failure = Failure::new(about, &expectations, (observation, usual), blamed(&expectations, &broken));
    let failure = failure.of_cell(case.grid.as_deref());
    let Diagnosis { cause, next, group } = failure.diagnose();
    let next = Some(next).filter(|next| !next.is_empty());
    let silence = unanswered(case, observation);
    Judgement { next, group, expectations, silence, ..Judgement::of(Verdict::Failed, Some(cause)) }
}

/// What an arm is expected to show by itself, each with its place among all.
fn of_family(arm: &PlannedArm) -> impl Iterator<Item = (usize, &Expectation)> {
    arm.expectations.iter().enumerate().filter(|(_, expectation)| !is_parity(&expectation.info))
}

/// The silence that a cell of a grid failed on: whether a rule denies it, or a dead network, others must show.
fn unanswered(case: &Case, observation: &Observation) -> Option<Silence> {
    let is_silent = case.grid.is_some() && observation.counted().all(Round::is_unreached);
    is_silent.then(|| silence(case, observation)).flatten()
}

/// The round that broke the expectation which says most, of those that count.
fn blamed(expectations: &[Outcome], broken: &[Option<usize>]) -> Option<usize> {
    let rounds = expectations.iter().zip(broken);
    let seen = rounds.clone().filter(|(outcome, _)| outcome.got.is_some());
    seen.chain(rounds).filter(|(outcome, _)| !outcome.held).find_map(|(_, round)| *round)
}

/// Whether all holds that is not about the time it took to hold.
fn settles(expectations: &[Outcome]) -> bool {
    expectations.iter().all(|outcome| outcome.held || &*outcome.fact == SETTLED_IN.name)
}

/// What was seen stays in the record as facts, but is not held against the target.
fn unjudged(fault: Fault) -> Judgement {
    let reason = fault.to_string();
    Judgement { fault: Some(fault), ..Judgement::of(Verdict::Errored, Some(reason)) }
}

/// A metric that is to be compared, and of which every sample was taken while this host itself was late.
#[must_use]
pub fn all_late(case: &Case, observation: &Observation) -> Option<Fault> {
    let measured = case.family.facts.iter().filter(|info| info.better.is_some());
    let late = |name| observation.merged(name).is_none() && observation.late(name).is_some();
    let name = measured.map(|info| info.name).find(|name| late(name))?;
    let detail = format!("all samples of `{name}` were taken while this host itself was late (late_here)");
    Some(Fault::local(format!("compare `{name}`"), case.subject().probe.target(), detail, LATE_REMEDY))
}

/// What to do about samples taken late.
const LATE_REMEDY: &str = "run it again when less runs on this host, with a lower --jobs, or with `samples` so that some are in time; look at its load and, on a virtual machine, at its steal time";

/// The fault of an expectation that cannot be decided, with the `remedy` that its family knows.
fn undecided(doubt: &Undecided, expectation: &Expectation, arm: &PlannedArm, remedy: Option<&str>) -> Fault {
    let Expectation { path, operator, want, info, .. } = expectation;
    let (detail, usual) = match doubt {
        Undecided::Nothing(why) => (format!("`{}` is not known: {why}", info.name), WHOLE),
        Undecided::Part(why) => (format!("`{}` is partial: {why}", info.name), WHOLE),
        Undecided::Less(why) => (
            format!("`{}` may be less than was counted: {why}", info.name),
            "have it counted by a peer that can tell, or expect what the count can show: at most so much",
        ),
        Undecided::Bounds(seen) => (
            format!("`{}` lies between bounds, and where between them decides: {seen}", info.name),
            "raise the rate: a shorter `interval` of the probes brings the bounds together; or expect what is further away from them",
        ),
        Undecided::Late(why) => (
            format!("`{}` is not known: {why}, and nothing says how much of it is the target's", info.name),
            LATE_REMEDY,
        ),
    };
    let remedy = remedy.unwrap_or(usual);
    Fault::local(format!("judge `{path}: {}`", operator.sentence(want)), arm.probe.target(), detail, remedy)
}

/// What to do about what is known in part, where its family says nothing else.
const WHOLE: &str = "let all of it be seen, or expect what the part can show: `contains`, `any`, `matches`, a length of at least so much";

/// The rounds whose outcome a dead host gives as well, with no sign that the peer was reached.
fn silence(case: &Case, observation: &Observation) -> Option<Silence> {
    let facts = case.family.facts;
    let outcome = facts.iter().find(|fact| fact.roles.outcome)?;
    let reached = |round: &Round| {
        let mut signs = facts.iter().filter(|fact| fact.roles.reached);
        let sampled = |name| round.samples(name).is_some() || round.late(name).is_some();
        !round.is_unreached() && signs.any(|fact| round.fact(fact.name).is_some() || sampled(fact.name))
    };
    let address = facts.iter().find(|fact| fact.roles.address);
    let mut found: Option<Silence> = None;
    for round in observation.counted().filter(|round| !reached(round)) {
        let word = round.fact(outcome.name).and_then(Value::as_str).filter(|word| outcome.silent.contains(word));
        let Some(word) = word else { continue };
        let silence = found.get_or_insert_with(|| Silence { outcome: word.to_owned(), addresses: Vec::new() });
        let address = address.and_then(|fact| round.fact(fact.name)?.as_str()).map(str::to_owned);
        silence.addresses.extend(address.filter(|address| !silence.addresses.contains(address)));
    }
    found
}

/// Something is expected of a fact that could not be measured from here, and nothing else failed: an absence that is
/// this side's says nothing, whichever way it would decide. Only who lifts the default of a fact by its absence asked for
/// no verdict on it.
fn unavailable(case: &Case, expectations: &[Outcome], observation: &Observation) -> Option<Fault> {
    let has_default = |name: &str| case.family.facts.iter().any(|info| info.name == name && info.expected.is_some());
    let lifted = |outcome: &Outcome| outcome.held && outcome.operator == "present" && has_default(&outcome.fact);
    let why = |outcome: &Outcome| observation.unavailable(&outcome.fact).filter(|_| !lifted(outcome)).cloned();
    let other_breach = expectations.iter().any(|outcome| !outcome.held && why(outcome).is_none());
    if other_breach { None } else { expectations.iter().find_map(why) }
}

/// An observation without anything in it is a measurement of nothing, never a pass.
fn empty(case: &Case, arm: &PlannedArm, observation: &Observation) -> Option<Fault> {
    let nothing = observation.counted().all(|round| round.facts().is_empty())
        && !case
            .family
            .facts
            .iter()
            .any(|fact| observation.merged(fact.name).is_some() || observation.late(fact.name).is_some());
    let nothing_expected = arm.expectations.is_empty();
    if nothing {
        return Some(Fault::new(
            FaultKind::Local,
            format!("{} probe", case.family.name),
            arm.probe.target(),
            "nothing was observed",
            "this is a defect of shakedown: please report it with the suite",
        ));
    }
    nothing_expected.then(|| {
        Fault::new(FaultKind::Local, "judge", arm.probe.target(), "the check expects nothing", "write `expect`")
    })
}

/// What became of an expectation.
enum Decision {
    /// It held, or did not; and the round that broke it, of those that count.
    Decided(Outcome, Option<usize>),
    /// Neither.
    Open(Undecided),
}

/// An expectation, judged; `None` for a default that does not speak of what was seen.
fn outcome(
    index: usize,
    expectation: &Expectation,
    observation: &Observation,
    settled: Option<Duration>,
) -> Option<Decision> {
    let tally = if operands::by_round(expectation) {
        let mut tally = observation.tally(index).cloned().unwrap_or_default();
        for round in observation.counted().filter(|round| !round.is_tallied()) {
            let operand = operands::of_round(expectation, round);
            take(&mut tally, expectation, operand, (operands::typing(expectation, round), Some(round)));
        }
        tally
    } else {
        let mut tally = Tally::default();
        let operand = operands::of_all(expectation, observation, settled);
        take(&mut tally, expectation, Some(operand), (expectation.typing(None), None));
        tally
    };
    if tally.total == 0 && !expectation.given.is_empty() {
        return None;
    }
    let held = tally.total > 0 && tally.broken.is_none();
    if let Some(doubt) = tally.open.filter(|_| held) {
        return Some(Decision::Open(doubt));
    }
    let place = match tally.broken {
        Some(at) if tally.total > 1 => format!(" in {} {} of {}", operands::noun(observation), at + 1, tally.total),
        _ => String::new(),
    };
    let judged = kept(expectation, held, tally.got.map(|text| text + &place));
    Some(Decision::Decided(judged, tally.broken))
}

/// An expectation that held or not, for the record.
fn kept(expectation: &Expectation, held: bool, got: Option<String>) -> Outcome {
    Outcome {
        fact: expectation.path.clone(),
        operator: Cow::Borrowed(expectation.operator.word()),
        want: expectation.want.clone(),
        got,
        held,
        origin: OriginWord::from(&expectation.origin),
        at: expectation.origin.place().cloned(),
    }
}

/// Judges what the rounds so far brought, and keeps of their facts what is still needed. Call it after each measurement: what
/// a case keeps is then bounded, however many measurements it makes of however large a document.
pub fn tally(case: &Case, observation: &mut Observation) {
    let keep = if case.over_ipv4.is_some() { KEPT_OF_EACH } else { 1 };
    observation.tally_rounds(keep, |side, tallies, round| {
        let arm = if side == Side::Base { case.arm(Some(Arm::Base)) } else { case.subject() };
        tallies.resize(arm.expectations.len(), Tally::default());
        for (tally, expectation) in tallies.iter_mut().zip(arm.expectations.iter()) {
            if operands::by_round(expectation) {
                let operand = operands::of_round(expectation, round);
                take(tally, expectation, operand, (operands::typing(expectation, round), Some(round)));
            }
        }
    });
}

/// Counts one operand in; after the first that breaks the expectation, the others only count.
fn take(
    tally: &mut Tally,
    expectation: &Expectation,
    operand: Option<Operand<'_>>,
    (typing, round): (ValueType<'_>, Option<&Round>),
) {
    let Some(operand) = operand else { return };
    let index = tally.total;
    tally.total += 1;
    if tally.broken.is_some() {
        return;
    }
    match judged(expectation, &operand, typing, tally.got.is_none()) {
        Err(doubt) => tally.open = tally.open.take().or(Some(doubt)),
        Ok((true, text)) => tally.got = tally.got.take().or(text),
        Ok((false, text)) => {
            let rows = round.and_then(|round| table::offending(expectation, round, typing));
            (tally.got, tally.broken) = (rows.or(text), Some(index));
        }
    }
}

/// Whether one value holds, and what was seen, if that is `wanted` or it does not hold; `Err` when it is undecided.
fn judged(
    expectation: &Expectation,
    operand: &Operand<'_>,
    typing: ValueType<'_>,
    wanted: bool,
) -> Result<(bool, Option<String>), Undecided> {
    let test = &expectation.test;
    let (value, holds) = match operand {
        Operand::Unavailable(why) => return Ok((false, Some(why.clone()))),
        Operand::Missing(instead) => {
            let holds = test.holds(None, typing);
            return Ok((holds, (!holds).then(|| distinguish::of_negation(test, instead.clone()))));
        }
        Operand::Value(value) => {
            let decided = test.decide(value.as_deref(), typing);
            let open = decided.is_none() && expectation.info.kind == Kind::Interval && value.is_some();
            let seen = || operands::of_bounds(value.as_deref(), expectation.info.unit);
            (value, if open { Err(Undecided::Bounds(seen())) } else { Ok(decided == Some(true)) })
        }
        Operand::Partial(value, why) => {
            let doubt = || if value.is_some() { Undecided::Part } else { Undecided::Nothing };
            (value, test.holds_in_part(value.as_deref(), typing).ok_or_else(|| doubt()((*why).to_owned())))
        }
        Operand::AtMost(value, why) => {
            (value, test.holds_at_most(value.as_deref(), typing).ok_or_else(|| Undecided::Less((*why).to_owned())))
        }
        Operand::Late(value, why) => {
            (value, test.holds_at_most(value.as_deref(), typing).ok_or_else(|| Undecided::Late(why.clone())))
        }
    };
    let holds = holds?;
    let seen = value.as_ref().filter(|_| wanted || !holds).map(|value| {
        let text = operands::seen(expectation, value, typing.sort);
        if holds { text } else { distinguish(expectation, value, typing, text) }
    });
    Ok((holds, seen))
}

/// An attempt that holds, but ended after `within`, came too late.
fn in_time(case: &Case, observation: &Observation) -> Option<Outcome> {
    let (eventually, settled) = (case.eventually?, observation.settled_in?);
    (settled > eventually.within).then(|| Outcome {
        fact: SETTLED_IN.name.into(),
        operator: Cow::Borrowed("le"),
        want: Unit::Seconds.human(eventually.within.as_secs_f64()).into(),
        got: Some(Unit::Seconds.human(settled.as_secs_f64())),
        held: false,
        origin: OriginWord::Suite,
        at: Some(case.at.clone()),
    })
}
