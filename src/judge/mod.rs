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

use crate::model::expectation::{Expectation, Operator};
use crate::model::fact::SETTLED_IN;
use crate::model::record::Outcome;
use crate::model::{Fault, FaultKind, Observation, Unit, Verdict};
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
}

/// Judges one attempt by the arm the verdict is about.
#[must_use]
pub fn judge(case: &Case, observation: &Observation, fault: Option<Fault>) -> Judgement {
    judge_arm(case, case.subject(), observation, fault)
}

fn judge_arm(case: &Case, arm: &PlannedArm, observation: &Observation, fault: Option<Fault>) -> Judgement {
    let fault = fault.or_else(|| empty(case, arm, observation));
    if let Some(fault) = fault {
        // What was seen before the fault stays in the record as facts, but is not held against the target.
        return errored(fault);
    }
    let mut expectations: Vec<Outcome> = arm.expectations.iter().map(|e| outcome(e, observation)).collect();
    if expectations.iter().all(|outcome| outcome.held) {
        expectations.extend(in_time(case, observation));
    }
    if let Some(fault) = unavailable(case, &expectations, observation) {
        return errored(fault);
    }
    let breached: Vec<&Outcome> = expectations.iter().filter(|outcome| !outcome.held).collect();
    let reason = breached.first().map(|first| {
        let more = if breached.len() > 1 { format!(" (and {} more)", breached.len() - 1) } else { String::new() };
        format!("{}{more}", sentence(first))
    });
    let verdict = if breached.is_empty() { Verdict::Passed } else { Verdict::Failed };
    Judgement { verdict, reason, fault: None, expectations }
}

fn errored(fault: Fault) -> Judgement {
    Judgement {
        verdict: Verdict::Errored,
        reason: Some(fault.to_string()),
        fault: Some(fault),
        expectations: Vec::new(),
    }
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

fn outcome(expectation: &Expectation, observation: &Observation) -> Outcome {
    let operands = operands::operands(expectation, observation);
    let total = operands.len();
    let mut held = total > 0;
    let mut got = None;
    for (index, operand) in operands.iter().enumerate() {
        let (holds, text) = match operand {
            Operand::Value(value) => (
                expectation.test.holds(value.as_ref(), expectation.sort),
                value.as_ref().map(|value| operands::human(value, expectation.sort)),
            ),
            Operand::Unavailable(why) => (false, Some(why.clone())),
        };
        if got.is_none() || !holds {
            let place = if total > 1 && !holds { format!(" in round {} of {total}", index + 1) } else { String::new() };
            got = text.map(|text| text + &place);
        }
        held &= holds;
        if !holds {
            break;
        }
    }
    Outcome {
        fact: expectation.path.clone(),
        operator: Cow::Borrowed(expectation.operator.word()),
        want: expectation.want.clone(),
        got,
        held,
        at: expectation.at.clone(),
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
