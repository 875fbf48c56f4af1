//! The record of one case, from what was seen and judged.

use std::borrow::Cow;
use std::sync::Arc;

use super::Judgement;
use crate::model::fact::SETTLED_IN;
use crate::model::named::Named;
use crate::model::record::Timing;
use crate::model::record::{BaseArm, FactValue, Facts, Metric, RoundRecord};
use crate::model::{CheckRecord, FactInfo, Kind, Observation, Round, Unit, Value, Verdict};
use crate::stats::Samples;
use crate::suite::Check;

/// Default tolerances: 5 % for times, 3 % for rates. What may be zero is compared by difference: half a percentage point
/// of a share, a millisecond, one event per round.
const TOLERANCE_TIME: f64 = 0.05;
const TOLERANCE_RATE: f64 = 0.03;
const TOLERANCE_SHARE: f64 = 0.005;
const TOLERANCE_SPAN: f64 = 0.001;
const TOLERANCE_COUNT: f64 = 1.0;

/// The record of `check`.
#[must_use]
pub fn record(
    suite: &Arc<str>,
    check: &Check,
    seen: &Observation,
    judgement: Judgement,
    timing: Timing,
) -> CheckRecord {
    let passed = judgement.verdict == Verdict::Passed;
    let settled = seen.settled_in.filter(|_| passed).map(|settled| settled.as_secs_f64());
    CheckRecord {
        suite: Arc::clone(suite),
        id: Arc::clone(&check.id),
        check: Arc::clone(&check.check),
        family: Cow::Borrowed(check.family.name),
        target: check.probe.target(),
        tags: check.tags.to_vec(),
        verdict: judgement.verdict,
        flaky: passed && timing.attempts > 1 && check.eventually.is_none(),
        unmet: false,
        reason: judgement.reason,
        fault: judgement.fault,
        severity: check.severity,
        at: Arc::clone(&check.at),
        started: timing.started,
        duration_s: timing.duration.as_secs_f64(),
        attempts: timing.attempts,
        earlier: timing.earlier,
        settled_in_s: settled,
        facts: facts(check, seen),
        expectations: judgement.expectations,
        metrics: metrics(check, seen),
        notes: seen.notes().to_vec(),
        digest: Some(Arc::clone(&check.digest)),
        comparison: Named::default(),
        baseline: None,
        base: None,
        rules: check
            .gate
            .rules
            .iter()
            .map(|(name, rule)| (Cow::Owned(name.clone()), Cow::Borrowed(rule.word())))
            .collect(),
    }
}

fn facts(check: &Check, seen: &Observation) -> Facts {
    let mut out = Vec::new();
    for info in check.family.facts {
        let name = Cow::Borrowed(info.name);
        if info.kind == Kind::Distribution {
            if let Some(summary) = seen.merged(info.name).and_then(|samples| samples.summary()) {
                let unit = Cow::Borrowed(info.unit.symbol());
                out.push((name, FactValue::Distribution(unit, Box::new(summary))));
            }
        } else if let Some(value) = seen.last(info.name) {
            out.push((name, FactValue::Scalar(value.clone())));
        }
    }
    if let Some(settled) = seen.settled_in {
        out.push((Cow::Borrowed(SETTLED_IN.name), FactValue::Scalar(Value::from(settled.as_secs_f64()))));
    }
    out.into_iter().collect()
}

/// What arm `base` saw, judged by the expectations of the suite as written; `None` without an interleaved comparison.
#[must_use]
pub fn base_arm(check: &Check, seen: &Observation) -> Option<BaseArm> {
    let base = seen.of_base()?;
    let judgement = super::judge(check, &base, None);
    Some(BaseArm {
        target: check.probe.target(),
        verdict: judgement.verdict,
        reason: judgement.reason,
        facts: facts(check, &base),
    })
}

/// What was measured, reduced to its rounds.
#[must_use]
pub fn metrics(check: &Check, seen: &Observation) -> Named<Metric> {
    let measured = check.family.facts.iter().filter(|info| info.better.is_some());
    measured.filter_map(|info| Some((Cow::Borrowed(info.name), metric(check, info, seen)?))).collect()
}

/// Whether a metric is compared by ratio: a distribution of times or rates is never zero; everything else (loss, errors,
/// outage) may well be.
#[must_use]
pub fn is_ratio(info: &FactInfo) -> bool {
    info.kind == Kind::Distribution
}

/// The smallest change of a metric worth an alarm where the suite says nothing: a share of a ratio, else in its unit.
#[must_use]
pub fn tolerance(info: &FactInfo) -> f64 {
    info.tolerance.unwrap_or(match (is_ratio(info), info.unit) {
        (true, Unit::BitsPerSecond | Unit::PerSecond) => TOLERANCE_RATE,
        (true, _) => TOLERANCE_TIME,
        (false, Unit::Ratio) => TOLERANCE_SHARE,
        (false, Unit::Seconds) => TOLERANCE_SPAN,
        (false, _) => TOLERANCE_COUNT,
    })
}

fn metric(check: &Check, info: &FactInfo, seen: &Observation) -> Option<Metric> {
    let samples = seen.rounds().chunk_by(|one, next| one.slot == next.slot);
    let rounds: Vec<RoundRecord> = samples.filter_map(|round| of_round(check.family.facts, info, round)).collect();
    if rounds.is_empty() {
        return None;
    }
    let ratio = is_ratio(info);
    let tails = check.gate.tails.get(info.name).map(Vec::as_slice).unwrap_or_default();
    Some(Metric {
        unit: Cow::Borrowed(info.unit.symbol()),
        better: Cow::Borrowed(info.better?.word()),
        kind: Cow::Borrowed(if ratio { "ratio" } else { "zeroable" }),
        share: !ratio && info.unit == Unit::Ratio,
        tolerance: check.gate.tolerances.get(info.name).copied().unwrap_or_else(|| tolerance(info)),
        tails: tails.iter().map(|(statistic, tolerance)| (Cow::Borrowed(*statistic), *tolerance)).collect(),
        rounds,
        histogram: seen.merged(info.name).and_then(|samples| samples.encoded()),
    })
}

/// What the shares of a round are shares of: the probes or datagrams sent, where the family counts them.
fn probes(facts: &[FactInfo], measurements: &[Round]) -> Option<u64> {
    let counters = || facts.iter().filter(|fact| fact.roles.work);
    let of = |round: &Round| counters().find_map(|fact| round.fact(fact.name)?.as_u64());
    measurements.iter().map(of).sum()
}

/// A round of several measurements: distributions are merged, what has one value each is averaged.
fn of_round(facts: &[FactInfo], info: &FactInfo, measurements: &[Round]) -> Option<RoundRecord> {
    let round = measurements.first()?;
    let mut samples = Samples::scaled(info.ticks());
    let values = || measurements.iter().filter_map(|one| one.fact(info.name)?.as_f64());
    match info.kind {
        Kind::Distribution => {
            measurements.iter().filter_map(|one| one.samples(info.name)).for_each(|one| samples.merge(one));
        }
        _ => values().for_each(|value| samples.record(value)),
    }
    let summary = samples.summary()?;
    // Of a share or a count the mean is what adds up.
    let typical = if info.kind == Kind::Distribution { summary.p50 } else { summary.mean };
    let count =
        if info.unit == Unit::Ratio { probes(facts, measurements).unwrap_or(summary.count) } else { summary.count };
    Some(RoundRecord {
        slot: round.slot,
        arm: round.arm,
        confirm: round.confirm,
        start_s: round.start.as_secs_f64(),
        count,
        p50: typical,
        p90: summary.p90,
        p99: summary.p99,
        min: summary.min,
        max: summary.max,
        mean: summary.mean,
        discarded: round.discarded.map(Cow::Borrowed),
    })
}

#[cfg(test)]
mod tests {
    use super::of_round;
    use crate::model::{Observation, Round, Value};

    /// Two measurements of icmp's loss in one round.
    fn round(name: &str) -> crate::model::record::RoundRecord {
        let mut seen = Observation::default();
        for (loss, sent) in [(0.5, 10), (0.0, 30)] {
            seen.begin_round(Round::new(0, std::time::Duration::ZERO));
            seen.set("loss", Value::from(loss));
            seen.set("sent", Value::from(sent));
            seen.set("reordered", Value::from(2));
        }
        let family = crate::checks::family("icmp").unwrap();
        of_round(family.facts, family.facts.iter().find(|fact| fact.name == name).unwrap(), seen.rounds()).unwrap()
    }

    #[test]
    fn a_share_knows_what_it_is_a_share_of() {
        let loss = round("loss");
        assert_eq!(loss.count, 40, "what could have been lost decides what a loss of nothing shows");
        assert!((loss.p50 - 0.25).abs() < 1e-12, "{loss:?}");
        assert_eq!(round("reordered").count, 2, "of a count, how often it was counted");
    }
}
