//! The judge: observation and expectations to a verdict. Pure; it opens nothing and waits for nothing.

mod metrics;
mod operands;
mod record;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use metrics::{compared_by, metrics, tolerance};
pub use record::{base_arm, record};

use operands::Operand;

use crate::model::expectation::{Expectation, Operator, Origin};
use crate::model::fact::SETTLED_IN;
use crate::model::observation::{Side, Tally};
use crate::model::record::{OriginWord, Outcome};
use crate::model::{Fault, FaultKind, Observation, Round, Silence, Unit, Value, Verdict};
use crate::plan::{Case, PlannedArm};

/// The verdict on one attempt, and what it rests on.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Verdict.
    pub verdict: Verdict,
    /// Why, unless passed.
    pub reason: Option<String>,
    /// The fault of an errored attempt.
    pub fault: Option<Fault>,
    /// Every expectation, judged; empty when nothing could be measured.
    pub expectations: Vec<Outcome>,
    /// It passed on silence alone, which a dead host or a cut path gives as well.
    pub silence: Option<Silence>,
}

/// Judges one attempt by the arm the verdict is about.
#[must_use]
pub fn judge(case: &Case, observation: &Observation, fault: Option<Fault>) -> Judgement {
    judge_arm(case, case.subject(), observation, fault)
}

fn judge_arm(case: &Case, arm: &PlannedArm, observation: &Observation, fault: Option<Fault>) -> Judgement {
    let fault = fault.or_else(|| empty(case, arm, observation));
    if let Some(fault) = fault {
        return unjudged(fault);
    }
    let mut expectations = Vec::new();
    let mut open = None;
    for (index, expectation) in arm.expectations.iter().enumerate() {
        match outcome(index, expectation, observation) {
            Some(Judged::Decided(outcome)) => expectations.push(outcome),
            Some(Judged::Open(why)) => open = open.or_else(|| Some(in_part(expectation, arm, &why))),
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
    let breached: Vec<&Outcome> = expectations.iter().filter(|outcome| !outcome.held).collect();
    // What is absent is mostly so because of something that was seen: that is the cause.
    let cause = breached.iter().find(|outcome| outcome.got.is_some()).or(breached.first());
    let reason = cause.map(|first| {
        let more = if breached.len() > 1 { format!(" (and {} more)", breached.len() - 1) } else { String::new() };
        format!("{}{more}", sentence(first))
    });
    let verdict = if breached.is_empty() { Verdict::Passed } else { Verdict::Failed };
    let silence = silence(case, observation).filter(|_| verdict == Verdict::Passed);
    Judgement { verdict, reason, fault: None, expectations, silence }
}

/// What was seen stays in the record as facts, but is not held against the target.
fn unjudged(fault: Fault) -> Judgement {
    Judgement {
        verdict: Verdict::Errored,
        reason: Some(fault.to_string()),
        fault: Some(fault),
        expectations: Vec::new(),
        silence: None,
    }
}

/// Only a part of a fact was seen, and the rest decides.
fn in_part(expectation: &Expectation, arm: &PlannedArm, why: &str) -> Fault {
    let Expectation { path, operator, want, .. } = expectation;
    Fault::local(
        format!("judge `{path}: {}`", operator.sentence(want)),
        arm.probe.target(),
        format!("`{}` was seen in part: {why}", expectation.info.name),
        "let all of it be seen, or expect what the part can show: `contains`, `any`, `matches`, a length of at least so much",
    )
}

/// The first round whose outcome a dead host gives as well, with no sign that the peer was reached.
fn silence(case: &Case, observation: &Observation) -> Option<Silence> {
    let facts = case.family.facts;
    let outcome = facts.iter().find(|fact| fact.roles.outcome)?;
    let reached = |round: &Round| {
        let mut signs = facts.iter().filter(|fact| fact.roles.reached);
        signs.any(|fact| round.fact(fact.name).is_some() || round.samples(fact.name).is_some())
    };
    observation.counted().filter(|round| !reached(round)).find_map(|round| {
        let word = round.fact(outcome.name)?.as_str().filter(|word| outcome.silent.contains(word))?;
        let address = facts.iter().find(|fact| fact.roles.address);
        let address = address.and_then(|fact| round.fact(fact.name)?.as_str()).map(str::to_owned);
        Some(Silence { outcome: word.to_owned(), address })
    })
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
        && !case.family.facts.iter().any(|fact| observation.merged(fact.name).is_some());
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
enum Judged {
    /// It held, or did not.
    Decided(Outcome),
    /// Only a part was seen, for this reason, and the rest decides.
    Open(String),
}

/// An expectation, judged; `None` for a default that does not speak of what was seen.
fn outcome(index: usize, expectation: &Expectation, observation: &Observation) -> Option<Judged> {
    let tally = if operands::by_round(expectation) {
        let mut tally = observation.tally(index).cloned().unwrap_or_default();
        for round in observation.counted().filter(|round| !round.is_tallied()) {
            take(&mut tally, expectation, operands::of_round(expectation, round));
        }
        tally
    } else {
        let mut tally = Tally::default();
        take(&mut tally, expectation, Some(operands::of_all(expectation, observation)));
        tally
    };
    if tally.total == 0 && !expectation.given.is_empty() {
        return None;
    }
    let held = tally.total > 0 && tally.broken.is_none();
    if let Some(why) = tally.open.filter(|_| held) {
        return Some(Judged::Open(why));
    }
    let place = match tally.broken {
        Some(at) if tally.total > 1 => format!(" in round {} of {}", at + 1, tally.total),
        _ => String::new(),
    };
    Some(Judged::Decided(Outcome {
        fact: expectation.path.clone(),
        operator: Cow::Borrowed(expectation.operator.word()),
        want: expectation.want.clone(),
        got: tally.got.map(|text| text + &place),
        held,
        origin: match expectation.origin {
            Origin::Suite(_) => OriginWord::Suite,
            Origin::Default => OriginWord::Default,
        },
        at: expectation.origin.place().cloned(),
    }))
}

/// Judges what the rounds so far brought, and keeps of their facts what is still needed. Call it after each measurement: what
/// a case keeps is then bounded, however many measurements it makes of however large a document.
pub fn tally(case: &Case, observation: &mut Observation) {
    observation.tally_rounds(|side, tallies, round| {
        let arm = if side == Side::Base { &case.base } else { case.subject() };
        tallies.resize(arm.expectations.len(), Tally::default());
        for (tally, expectation) in tallies.iter_mut().zip(arm.expectations.iter()) {
            if operands::by_round(expectation) {
                take(tally, expectation, operands::of_round(expectation, round));
            }
        }
    });
}

/// Counts one operand in; after the first that breaks the expectation, the others only count.
fn take(tally: &mut Tally, expectation: &Expectation, operand: Option<Operand<'_>>) {
    let Some(operand) = operand else { return };
    let index = tally.total;
    tally.total += 1;
    if tally.broken.is_some() {
        return;
    }
    let (holds, text) = judged(expectation, &operand, tally.got.is_none());
    match holds {
        None => tally.open = tally.open.take().or(text),
        Some(true) => tally.got = tally.got.take().or(text),
        Some(false) => (tally.got, tally.broken) = (text, Some(index)),
    }
}

/// Whether one value holds, and what was seen, if that is `wanted` or it does not hold; undecided with the reason.
fn judged(expectation: &Expectation, operand: &Operand<'_>, wanted: bool) -> (Option<bool>, Option<String>) {
    let human = |value: &Option<Cow<'_, Value>>, holds: bool| {
        let value = value.as_ref().filter(|_| wanted || !holds);
        value.map(|value| operands::human(value, expectation.sort))
    };
    match operand {
        Operand::Value(value) => {
            let holds = expectation.test.holds(value.as_deref(), expectation.sort);
            (Some(holds), human(value, holds))
        }
        Operand::Unavailable(why) => (Some(false), Some(why.clone())),
        Operand::Partial(value, why) => match expectation.test.holds_in_part(value.as_deref(), expectation.sort) {
            Some(holds) => (Some(holds), human(value, holds)),
            None => (None, Some((*why).to_owned())),
        },
    }
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

/// "outcome: expected connected, saw timeout".
#[must_use]
pub fn sentence(outcome: &Outcome) -> String {
    let got = outcome.got.as_deref().unwrap_or("nothing");
    format!("{}: expected {}, saw {got}", outcome.fact, in_words(outcome))
}

/// "at most 20ms": the operator and the wanted value in words.
#[must_use]
pub fn in_words(outcome: &Outcome) -> String {
    // A report may come from a later version, with an operator of its own.
    Operator::of(&outcome.operator)
        .map_or_else(|| format!("{} {}", outcome.operator, outcome.want), |operator| operator.sentence(&outcome.want))
}
