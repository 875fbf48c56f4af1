//! Metrics: facts with a direction, reduced to their rounds.

use std::borrow::Cow;

use crate::model::named::Named;
use crate::model::record::{Metric, RoundRecord};
use crate::model::{Arm, ComparedBy, FactInfo, Interval, Observation, Round, Unit, Unseen, Value};
use crate::plan::Case;
use crate::stats::Samples;

/// Default tolerances: 5 % for times, 3 % for rates. What may be zero is compared by difference: half a percentage point
/// of a share, a millisecond, one event per round.
const TOLERANCE_TIME: f64 = 0.05;
const TOLERANCE_RATE: f64 = 0.03;
const TOLERANCE_SHARE: f64 = 0.005;
const TOLERANCE_SPAN: f64 = 0.001;
const TOLERANCE_COUNT: f64 = 1.0;

/// All metrics of a case; of one with `parity`, those over IPv6.
#[must_use]
pub fn metrics(case: &Case, observation: &Observation) -> Named<Metric> {
    let mut all = of_rounds(case, observation);
    if case.over_ipv4.is_some() {
        all.0.iter_mut().for_each(|(_, metric)| metric.rounds.retain(|round| round.arm.is_none()));
        all.0.retain(|(_, metric)| !metric.rounds.is_empty());
    }
    all
}

/// The metrics of a case with `parity`, IPv4 as arm `base` and IPv6 as arm `head`.
#[must_use]
pub fn metrics_in_turn(case: &Case, observation: &Observation) -> Named<Metric> {
    let mut all = of_rounds(case, observation);
    let rounds = all.0.iter_mut().flat_map(|(_, metric)| &mut metric.rounds);
    rounds.for_each(|round| round.arm = round.arm.or(Some(Arm::Head)));
    all
}

fn of_rounds(case: &Case, observation: &Observation) -> Named<Metric> {
    let measured = case.family.facts.iter().filter(|info| info.better.is_some());
    measured.filter_map(|info| Some((Cow::Borrowed(info.name), metric(case, info, observation)?))).collect()
}

/// How a metric is compared: a distribution of times or rates is never zero; everything else (loss, errors, outage) may well
/// be.
#[must_use]
pub fn compared_by(info: &FactInfo) -> ComparedBy {
    if info.is_compared_by_ratio() { ComparedBy::Ratio } else { ComparedBy::Difference }
}

/// The smallest change of a metric that counts where the suite says nothing: a share of a ratio, else in its unit.
#[must_use]
pub fn tolerance(info: &FactInfo) -> f64 {
    info.tolerance.unwrap_or(match (compared_by(info), info.unit) {
        (ComparedBy::Ratio, Unit::BitsPerSecond | Unit::PerSecond) => TOLERANCE_RATE,
        (ComparedBy::Ratio, _) => TOLERANCE_TIME,
        (ComparedBy::Difference, Unit::Ratio) => TOLERANCE_SHARE,
        (ComparedBy::Difference, Unit::Seconds) => TOLERANCE_SPAN,
        (ComparedBy::Difference, _) => TOLERANCE_COUNT,
    })
}

fn metric(case: &Case, info: &FactInfo, observation: &Observation) -> Option<Metric> {
    // Of an arm with a value that may be less nothing is compared: what stays would look better than it was.
    let open: Vec<_> = observation
        .counted()
        .filter(|round| round.rest(info.name) == Some(Unseen::Less))
        .map(|round| round.arm)
        .collect();
    let samples = observation.rounds().chunk_by(|one, next| one.slot == next.slot);
    let samples = samples.filter(|round| round.first().is_none_or(|round| !open.contains(&round.arm)));
    let rounds: Vec<RoundRecord> = samples.filter_map(|round| of_round(case.family.facts, info, round)).collect();
    if rounds.is_empty() {
        return None;
    }
    let written = &case.baseline;
    let tails = written.tails.get(info.name).map(Vec::as_slice).unwrap_or_default();
    Some(Metric {
        unit: info.unit,
        better: info.better?,
        compared_by: compared_by(info),
        tolerance: written.tolerances.get(info.name).copied().unwrap_or_else(|| tolerance(info)),
        at_least: written.floors.get(info.name).copied(),
        tails: tails.iter().map(|(statistic, tolerance)| (Cow::Borrowed(*statistic), *tolerance)).collect(),
        rounds,
        histogram: observation.merged(info.name).and_then(|samples| samples.encoded()),
    })
}

/// The whole that the shares of a round are of: the probes or datagrams sent, where the family counts them.
fn probes(facts: &[FactInfo], measurements: &[Round]) -> Option<u64> {
    let counters = || facts.iter().filter(|fact| fact.roles.work);
    let of = |round: &Round| counters().find_map(|fact| round.fact(fact.name)?.as_u64());
    measurements.iter().map(of).sum()
}

/// The number that is compared: of bounds their middle.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| Interval::of(value)?.middle())
}

/// A round of several measurements: distributions are merged, what has one value each is averaged.
fn of_round(facts: &[FactInfo], info: &FactInfo, measurements: &[Round]) -> Option<RoundRecord> {
    let round = measurements.first()?;
    let mut samples = Samples::scaled(info.ticks());
    let values = || measurements.iter().filter_map(|one| number(one.fact(info.name)?));
    if info.has_statistics() {
        measurements.iter().filter_map(|one| one.samples(info.name)).for_each(|one| samples.merge(one));
    } else {
        values().for_each(|value| samples.record(value));
    }
    let summary = samples.summary()?;
    // Of a share or a count the mean is what adds up.
    let typical = if info.has_statistics() { summary.p50 } else { summary.mean };
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
        let mut observation = Observation::default();
        for (loss, sent) in [(0.5, 10), (0.0, 30)] {
            observation.begin_round(Round::new(0, std::time::Duration::ZERO));
            observation.set("loss", Value::from(loss));
            observation.set("sent", Value::from(sent));
            observation.set("reordered", Value::from(2));
        }
        let family = crate::checks::family("icmp").unwrap();
        of_round(family.facts, family.facts.iter().find(|fact| fact.name == name).unwrap(), observation.rounds())
            .unwrap()
    }

    #[test]
    fn a_share_knows_what_it_is_a_share_of() {
        let loss = round("loss");
        assert_eq!(loss.count, 40, "what could have been lost decides what a loss of nothing shows");
        assert!((loss.p50 - 0.25).abs() < 1e-12, "{loss:?}");
        assert_eq!(round("reordered").count, 2, "of a count, how often it was counted");
    }
}
