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
    for expectation in arm.expectations.iter() {
        match outcome(expectation, observation) {
            Some(Judged::Decided(outcome)) => expectations.push(outcome),
            Some(Judged::Open(why)) => open = open.or_else(|| Some(undecided(expectation, arm, &why))),
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

/// A fact was not seen whole, and the rest decides.
fn undecided(expectation: &Expectation, arm: &PlannedArm, why: &Unseen) -> Fault {
    let Expectation { path, operator, want, .. } = expectation;
    let fact = expectation.info.name;
    let (detail, remedy) = match why {
        Unseen::Rest(why) => (
            format!("`{fact}` was seen in part: {why}"),
            "let all of it be seen, or expect what the part can show: `contains`, `any`, `matches`, a length of at least so much",
        ),
        Unseen::Share(why) => (
            format!("`{fact}` may be less than was counted: {why}"),
            "have it counted by a peer that can tell, or expect what the count can show: at most so much",
        ),
    };
    Fault::local(format!("judge `{path}: {}`", operator.sentence(want)), arm.probe.target(), detail, remedy)
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
    /// It was not seen whole, for this reason, and the rest decides.
    Open(Unseen),
}

/// Why a value is not decided.
enum Unseen {
    /// There may be more.
    Rest(String),
    /// A share of what was counted may not be of the target.
    Share(String),
}

/// An expectation, judged; `None` for a default that does not speak of what was seen.
fn outcome(expectation: &Expectation, observation: &Observation) -> Option<Judged> {
    let operands = operands::operands(expectation, observation);
    let total = operands.len();
    if total == 0 && !expectation.given.is_empty() {
        return None;
    }
    let mut held = total > 0;
    let (mut got, mut open) = (None, None);
    for (index, operand) in operands.iter().enumerate() {
        let (holds, text) = match judged(expectation, operand) {
            Ok(judged) => judged,
            Err(why) => {
                open = open.or(Some(why));
                continue;
            }
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
    if let Some(why) = open.filter(|_| held) {
        return Some(Judged::Open(why));
    }
    Some(Judged::Decided(Outcome {
        fact: expectation.path.clone(),
        operator: Cow::Borrowed(expectation.operator.word()),
        want: expectation.want.clone(),
        got,
        held,
        origin: match expectation.origin {
            Origin::Suite(_) => OriginWord::Suite,
            Origin::Default => OriginWord::Default,
        },
        at: expectation.origin.place().cloned(),
    }))
}

/// Whether one value holds, and what was seen; `Err` when that is undecided.
fn judged(expectation: &Expectation, operand: &Operand) -> Result<(bool, Option<String>), Unseen> {
    let human = |value: &Option<Value>| value.as_ref().map(|value| operands::human(value, expectation.sort));
    let (test, sort) = (&expectation.test, expectation.sort);
    match operand {
        Operand::Value(value) => Ok((test.holds(value.as_ref(), sort), human(value))),
        Operand::Unavailable(why) => Ok((false, Some(why.clone()))),
        Operand::Partial(value, why) => match test.holds_in_part(value.as_ref(), sort) {
            Some(holds) => Ok((holds, human(value))),
            None => Err(Unseen::Rest(why.clone())),
        },
        Operand::AtMost(value, why) => match test.holds_at_most(value.as_ref(), sort) {
            Some(holds) => Ok((holds, human(value))),
            None => Err(Unseen::Share(why.clone())),
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
