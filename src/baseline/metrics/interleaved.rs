//! Two targets measured in turn.

use super::scale::{Scale, Statistic, View, judged, least, rule_of_three, too_few_samples};
use super::verdict::{blank, decide, levels, nothing_seen};
use crate::model::count::counted;
use crate::model::reduced::{Metric, Round};
use crate::model::{Arm, Change, Comparison};
use crate::stats::Effect;
pub use crate::stats::interleaved::PAIRS;
use crate::stats::interleaved::{EffectError, Point, effect, rounds_needed};

/// Name and version of the method.
pub const METHOD: &str = "interleaved-least-squares/1";
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

fn rounds(metric: &Metric, confirm: bool) -> Vec<&Round> {
    let counts = |round: &&Round| round.discarded.is_none() && round.arm.is_some() && round.confirm == confirm;
    metric.rounds.iter().filter(counts).collect()
}

fn one(metric: &Metric, statistic: Statistic, rounds: &[&Round]) -> Comparison {
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
    let views: Option<Vec<Vec<Point>>> =
        scale.views().iter().map(|view| points(rounds, statistic, (scale, *view))).collect();
    let Some([shown, ..]) = views.as_deref() else {
        out.reason = Some("a value of zero or below has no ratio".into());
        return out;
    };
    levels(&mut out, scale, mean(shown, false), mean(shown, true));
    out.verdict = Change::Inconclusive;
    let effects: Result<Vec<Effect>, EffectError> = views.iter().flatten().map(|points| effect(points)).collect();
    match effects {
        Ok(effects) => judge(&mut out, metric, scale, &effects, rounds),
        Err(EffectError::TooFew) => {
            out.rounds_needed = Some(PAIRS);
            out.reason = Some(format!("there are too few rounds: a verdict needs at least {PAIRS} pairs"));
        }
        Err(EffectError::Blocked) => {
            out.reason = Some("one arm was measured after the other, so a drift looks like a change".into());
        }
    }
    out
}

fn judge(out: &mut Comparison, metric: &Metric, scale: Scale, effects: &[Effect], rounds: &[&Round]) {
    decide(out, scale, effects);
    let pairs = out.counts[0].min(out.counts[1]);
    if pairs < PAIRS {
        out.verdict = Change::Inconclusive;
        out.rounds_needed = Some(PAIRS);
        out.reason = Some(format!("it has {}: a verdict needs at least {PAIRS}", counted(pairs, "pair")));
        return;
    }
    if !scale.log && rounds.iter().all(|round| round.p50 == 0.0) {
        let of = |arm: Arm| rounds.iter().copied().filter(|round| round.arm == Some(arm)).collect::<Vec<_>>();
        return nothing_seen(out, [Arm::Base, Arm::Head].map(|arm| rule_of_three(metric, &of(arm))));
    }
    if let (Change::Inconclusive, Some(effect)) = (out.verdict, effects.first()) {
        let limits = scale.limits(out.base);
        let close = out.mde.is_some_and(|mde| mde <= limits.rise);
        out.rounds_needed = if close { None } else { rounds_needed(effect, pairs, scale.wanted(limits)) };
        let rounds = "the rounds differ too much from each other";
        out.reason = Some(match out.rounds_needed {
            _ if close => "the change lies close to the tolerance".into(),
            Some(_) => format!("{rounds} to show a change of the tolerance with {pairs} pairs"),
            None => format!("{rounds} to show a change of the tolerance, even with 1000 pairs"),
        });
    }
}

fn points(rounds: &[&Round], statistic: Statistic, (scale, view): (Scale, View)) -> Option<Vec<Point>> {
    let least = least(scale, rounds.iter().copied(), statistic);
    let point = |round: &&Round| {
        let value = view.of(statistic.of(round), least)?;
        Some(Point { slot: round.slot, head: round.arm == Some(Arm::Head), value })
    };
    rounds.iter().map(point).collect()
}

fn mean(points: &[Point], head: bool) -> f64 {
    let values: Vec<f64> = points.iter().filter(|point| point.head == head).map(|point| point.value).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

/// The effects in the rounds measured because of an alarm, alone; `None` when there are too few of them.
pub(super) fn fresh_effects(metric: &Metric, statistic: Statistic) -> Option<Vec<Effect>> {
    let scale = Scale::of(metric, statistic);
    let fresh = rounds(metric, true);
    scale.views().iter().map(|view| effect(&points(&fresh, statistic, (scale, *view))?).ok()).collect()
}
