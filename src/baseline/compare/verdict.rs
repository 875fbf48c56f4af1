//! The verdict on an effect: regressed, improved, unchanged, or honestly undecided.

use std::borrow::Cow;

use super::scale::Scale;
use crate::model::record::Metric;
use crate::model::{Change, Comparison};
use crate::stats::Effect;

/// Level of the interval shown, and of the one that must lie within the tolerance for `unchanged` (two one-sided tests).
const SHOWN: f64 = 0.95;
const INSIDE: f64 = 0.90;

/// A comparison of `metric` with nothing in it yet.
pub(super) fn blank(metric: &Metric, scale: Scale, method: &'static str, against: &str) -> Comparison {
    Comparison {
        verdict: Change::NotCompared,
        kind: metric.kind.clone(),
        unit: metric.unit.clone(),
        ratio: None,
        difference: None,
        ci: None,
        p: None,
        mde: None,
        tolerance: scale.tolerance,
        method: Cow::Borrowed(method),
        against: against.to_owned(),
        base: None,
        head: None,
        counts: [0, 0],
        rounds_needed: None,
        runs_needed: None,
        reason: None,
        confirmation: None,
        pinned: None,
    }
}

/// Puts the two levels and their ratio or difference in place, without a word on what they mean.
pub(super) fn levels(comparison: &mut Comparison, scale: Scale, base: f64, head: f64) {
    comparison.base = Some(scale.level(base));
    comparison.head = Some(scale.level(head));
    show(comparison, scale, head - base, base);
}

fn show(comparison: &mut Comparison, scale: Scale, effect: f64, base: f64) {
    let change = scale.shown(effect, base);
    if scale.log {
        comparison.ratio = Some(1.0 + change);
    } else {
        comparison.difference = Some(change);
    }
}

/// Judges `effect` (head - base on the scale tested, from a reference of mean `base`).
pub(super) fn decide(comparison: &mut Comparison, scale: Scale, effect: &Effect, base: f64) {
    show(comparison, scale, effect.estimate, base);
    let shown = |interval: [f64; 2]| interval.map(|end| scale.shown(end, base));
    let (wide, narrow) = (shown(effect.interval(SHOWN)), shown(effect.interval(INSIDE)));
    comparison.ci = Some(if scale.log { wide.map(|end| 1.0 + end) } else { wide });
    comparison.p = Some(effect.p());
    comparison.mde = Some(scale.shown(effect.detectable(), base)).filter(|mde| mde.is_finite());
    let change = scale.shown(effect.estimate, base);
    let beyond = wide[0] > 0.0 || wide[1] < 0.0;
    // A step of exactly the tolerance counts although floating point may put it a hair below.
    let slack = 1e-9 * scale.tolerance;
    let large = change >= scale.tolerance - slack || change <= scale.floor() + slack;
    let inside = narrow[0] >= scale.floor() && narrow[1] <= scale.tolerance;
    comparison.verdict = match (beyond && large, change * scale.worse > 0.0) {
        (true, true) => Change::Regressed,
        (true, false) => Change::Improved,
        (false, _) if inside => Change::Unchanged,
        (false, _) => Change::Inconclusive,
    };
}

/// One-sided p-value of "not worse".
pub(super) fn p_worse(effect: &Effect, scale: Scale) -> f64 {
    Effect { estimate: effect.estimate * scale.worse, ..*effect }.p_above()
}
