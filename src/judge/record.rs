//! The record of one case, from its observation and judgement.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::{Judgement, parity};
use crate::model::count::counted;
use crate::model::fact::SETTLED_IN;
use crate::model::named::Named;
use crate::model::observation::Side;
use crate::model::record::{BaseArm, FactValue, Facts, Metric, Timing, Word};
use crate::model::{CheckRecord, Expectation, Kind, Observation, Value, Verdict, human_time};
use crate::plan::Case;
use crate::probe::diagnosis;

/// The record of `case`, nothing compared yet; `metrics` are those of the observation.
#[must_use]
pub fn record(
    case: &Case,
    observation: &Observation,
    judgement: Judgement,
    metrics: Named<Metric>,
    timing: Timing,
) -> CheckRecord {
    let passed = judgement.verdict == Verdict::Passed;
    let waited = waited(case, &judgement, timing.attempts);
    let held = judgement.fault.is_none() && super::settles(&judgement.expectations);
    let settled = observation.settled_in.filter(|_| passed).map(|settled| settled.as_secs_f64());
    let parity = judgement.parity.as_deref();
    let facts = facts_of(case, observation, observation.settled_in.filter(|_| held));
    let facts = facts.chain(parity.into_iter().flat_map(parity::facts)).collect();
    let over_ipv4 = side_over_ipv4(case, observation).map(Box::new);
    CheckRecord {
        suite: Arc::clone(&case.suite),
        id: Arc::clone(&case.id),
        check: Arc::clone(&case.check),
        family: Cow::Borrowed(case.family.name),
        target: case.subject().probe.target(),
        cell: case.grid.as_deref().cloned(),
        netns: case.netns.clone(),
        tags: case.tags.to_vec(),
        verdict: judgement.verdict,
        flaky: passed && timing.attempts > 1 && case.eventually.is_none(),
        unmet: false,
        reason: judgement.reason.map(|reason| reason + &waited),
        next: judgement.next,
        group: judgement.group.map(|group| within(case, group)),
        fault: judgement.fault,
        severity: case.severity,
        at: case.at.clone(),
        started: timing.started,
        duration_s: timing.duration.as_secs_f64(),
        attempts: timing.attempts,
        earlier: timing.earlier,
        settled_in_s: settled,
        facts,
        partial: partial(case, observation),
        totals: totals(case, observation),
        late_here: late_here(case, observation),
        expectations: judgement.expectations,
        control: None,
        metrics,
        notes: observation
            .notes()
            .iter()
            .chain(parity.into_iter().flat_map(|parity| &parity.left_out))
            .cloned()
            .collect(),
        timeline: observation.timeline().cloned(),
        digest: Some(Arc::clone(&case.subject().digest)),
        comparison: Named::default(),
        baseline: None,
        base: None,
        over_ipv4,
        rules: case
            .baseline
            .rules
            .iter()
            .map(|(name, rule)| (Cow::Owned(name.clone()), Cow::Borrowed(rule.word())))
            .collect(),
        gated: gated(case),
    }
}

/// What failures have alike in one network namespace, they have not with those in another.
fn within(case: &Case, group: String) -> String {
    match &case.netns {
        Some(netns) => format!("{group} in netns {netns}"),
        None => group,
    }
}

/// That it did not hold in time either, of a check that waits for it to hold.
fn waited(case: &Case, judgement: &Judgement, attempts: u32) -> String {
    let verdict = judgement.verdict;
    let late = |reason: &str| reason.starts_with(SETTLED_IN.name);
    let failed = verdict == Verdict::Failed && attempts > 1 && !judgement.reason.as_deref().is_some_and(late);
    let Some(eventually) = case.eventually.filter(|_| failed) else {
        return String::new();
    };
    format!("; still so after {} ({})", human_time(eventually.within), counted(attempts, "attempt"))
}

/// Metrics that the suite names: with a tolerance, or in what it expects.
fn gated(case: &Case) -> Vec<Word> {
    let named = |name: &str| {
        let rules = &case.baseline;
        let expected =
            |expectation: &Expectation| expectation.info.name == name && expectation.origin.place().is_some();
        rules.tolerances.contains_key(name)
            || rules.tails.contains_key(name)
            || case.subject().expectations.iter().any(expected)
    };
    let metrics = case.family.facts.iter().filter(|info| info.better.is_some() && named(info.name));
    metrics.map(|info| Cow::Borrowed(info.name)).collect()
}

/// The facts of an observation, those of its last round that counts.
#[must_use]
pub fn facts(case: &Case, observation: &Observation) -> Facts {
    facts_of(case, observation, None).collect()
}

fn facts_of(
    case: &Case,
    observation: &Observation,
    settled: Option<Duration>,
) -> impl Iterator<Item = (Word, FactValue)> {
    let mut out = Vec::new();
    for info in case.family.facts {
        let name = Cow::Borrowed(info.name);
        if info.kind == Kind::Distribution {
            // What was taken late is shown where there is nothing else, and marked.
            let samples = observation.merged(info.name).or_else(|| observation.late(info.name));
            if let Some(summary) = samples.and_then(|samples| samples.summary()) {
                out.push((name, FactValue::Distribution(info.unit, Box::new(summary))));
            }
        } else if let Some(rows) = observation.last_rows(info.name) {
            out.push((name, FactValue::Table(Arc::clone(rows))));
        } else if let Some(value) = observation.last(info.name) {
            out.push((name, FactValue::Scalar(value.clone())));
        }
    }
    if let Some(settled) = settled {
        out.push((Cow::Borrowed(SETTLED_IN.name), FactValue::Scalar(Value::from(settled.as_secs_f64()))));
    }
    out.into_iter()
}

/// Facts of which only a part was seen, and why.
#[must_use]
pub fn partial(case: &Case, observation: &Observation) -> Named<String> {
    let seen = case.family.facts.iter().filter_map(|info| Some((info.name, observation.partial(info.name)?)));
    seen.map(|(name, why)| (Cow::Borrowed(name), why.to_owned())).collect()
}

/// Elements that there were of what is not kept whole, in the last round.
fn totals(case: &Case, observation: &Observation) -> Named<u64> {
    let last = observation.counted().last();
    let total = |name| last.and_then(|round| round.total(name));
    let cut = case.family.facts.iter().filter_map(|info| Some((info.name, total(info.name)?)));
    cut.map(|(name, total)| (Cow::Borrowed(name), total)).collect()
}

/// Samples that this side took late.
fn late_here(case: &Case, observation: &Observation) -> Named<u64> {
    let late = case.family.facts.iter().filter_map(|info| Some((info.name, observation.late(info.name)?.count())));
    late.map(|(name, count)| (Cow::Borrowed(name), count)).collect()
}

/// Arm `base` of an interleaved comparison, judged by the expectations of the suite as written; `None` without one.
#[must_use]
pub fn base_arm(case: &Case, observation: &Observation) -> Option<BaseArm> {
    case.head.as_ref()?;
    let base = observation.of_base()?;
    let judgement = super::judge_arm((case, &case.base), &base, None, &diagnosis::unknown);
    Some(BaseArm {
        target: case.base.probe.target(),
        verdict: judgement.verdict,
        reason: judgement.reason,
        facts: facts(case, &base),
        partial: partial(case, &base),
    })
}

/// What was seen over IPv4, of a check with `parity`.
fn side_over_ipv4(case: &Case, observation: &Observation) -> Option<BaseArm> {
    let arm = case.over_ipv4.as_ref()?;
    let side = observation.of_side(Side::Base);
    let judgement = super::judge_arm((case, arm), &side, None, &diagnosis::unknown);
    (side.counted().next().is_some()).then(|| BaseArm {
        target: arm.probe.target(),
        verdict: judgement.verdict,
        reason: judgement.reason,
        facts: facts(case, &side),
        partial: partial(case, &side),
    })
}
