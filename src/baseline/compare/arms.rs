//! Two targets measured in turn.

use super::scale::{Scale, Statistic, judged, too_few_samples};
use super::verdict::{blank, decide, levels};
use crate::model::comparison::Confirmation;
use crate::model::record::{Metric, RoundRecord};
use crate::model::{Arm, Change, Comparison};
use crate::stats::interleaved::{Point, Unfit, effect, rounds_needed};

/// Name and version of the method.
pub const METHOD: &str = "interleaved-least-squares/1";
/// Pairs below which nothing is called.
pub const PAIRS: usize = 6;
const AGAINST: &str = "arm base, in interleaved pairs";

/// Whether a metric was measured in two arms.
#[must_use]
pub fn has_arms(metric: &Metric) -> bool {
    metric.rounds.iter().any(|round| round.arm.is_some())
}

/// Compares the arms of a metric, statistic by statistic.
#[must_use]
pub fn interleaved(metric: &Metric) -> Vec<(Statistic, Comparison)> {
    let rounds = rounds(metric, false);
    judged(metric, &rounds).into_iter().map(|statistic| (statistic, one(metric, statistic, &rounds))).collect()
}

fn rounds(metric: &Metric, confirm: bool) -> Vec<&RoundRecord> {
    let counts = |round: &&RoundRecord| round.discarded.is_none() && round.arm.is_some() && round.confirm == confirm;
    metric.rounds.iter().filter(counts).collect()
}

fn one(metric: &Metric, statistic: Statistic, rounds: &[&RoundRecord]) -> Comparison {
    let scale = Scale::of(metric, statistic);
    let mut out = blank(metric, scale, METHOD, AGAINST);
    let of = |arm: Arm| rounds.iter().filter(|round| round.arm == Some(arm)).count();
    let counts = [of(Arm::Base), of(Arm::Head)];
    out.counts = counts.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    if let Some(empty) = [Arm::Base, Arm::Head].into_iter().find(|arm| of(*arm) == 0) {
        let word = if empty == Arm::Base { "base" } else { "head" };
        out.reason = Some(format!("arm {word} measured nothing: see its outcome"));
        return out;
    }
    if let Some(why) = too_few_samples(statistic, rounds) {
        out.reason = Some(why);
        return out;
    }
    let Some(points) = points(rounds, statistic, scale) else {
        out.reason = Some("a value is zero or below, so there is no ratio".into());
        return out;
    };
    let base = mean(&points, false);
    levels(&mut out, scale, base, mean(&points, true));
    out.verdict = Change::Inconclusive;
    match effect(&points) {
        Ok(effect) => {
            let pairs = counts[0].min(counts[1]);
            decide(&mut out, scale, &effect, base);
            if pairs < PAIRS {
                out.verdict = Change::Inconclusive;
                out.reason = Some(format!("{pairs} pairs; a verdict needs at least {PAIRS}: raise --pairs"));
            } else if out.verdict == Change::Inconclusive {
                let pairs = u32::try_from(pairs).unwrap_or(u32::MAX);
                out.rounds_needed = rounds_needed(&effect, pairs, scale.wanted(base));
                out.reason = Some(more_pairs(&out));
            }
        }
        Err(Unfit::TooFew) => {
            out.reason = Some(format!("too few rounds; a verdict needs at least {PAIRS} pairs: raise --pairs"));
        }
        Err(Unfit::Blocked) => {
            out.reason =
                Some("one arm was measured after the other, so a drift looks like a change: use --against".into());
        }
    }
    out
}

fn more_pairs(comparison: &Comparison) -> String {
    match comparison.rounds_needed {
        Some(pairs) => format!("the rounds differ too much; about {pairs} pairs would find a change of the tolerance"),
        None => "the rounds differ so much that 1000 pairs would not find a change of the tolerance".into(),
    }
}

fn points(rounds: &[&RoundRecord], statistic: Statistic, scale: Scale) -> Option<Vec<Point>> {
    let point = |round: &&RoundRecord| {
        let value = scale.forward(statistic.of(round))?;
        Some(Point { slot: round.slot, head: round.arm == Some(Arm::Head), value })
    };
    rounds.iter().map(point).collect()
}

fn mean(points: &[Point], head: bool) -> f64 {
    let values: Vec<f64> = points.iter().filter(|point| point.head == head).map(|point| point.value).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

/// Holds an alarm against the rounds measured because of it: it stands when they alone show "worse" again, at the
/// one-sided level `alpha`. An alarm that does not stand becomes `inconclusive`.
pub fn confirm(comparison: &mut Comparison, metric: &Metric, statistic: Statistic, alpha: f64) {
    let scale = Scale::of(metric, statistic);
    let fresh = rounds(metric, true);
    let effect =
        points(&fresh, statistic, scale).and_then(|points| Some((effect(&points).ok()?, mean(&points, false))));
    let found = effect.map(|(effect, base)| super::confirmation(&effect, base, scale, alpha));
    super::settle(comparison, found.unwrap_or(Confirmation { stands: false, effect: None, ci: None, p: None, alpha }));
}
