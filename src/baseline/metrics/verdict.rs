//! The verdict on an effect: regressed, improved, unchanged, or honestly undecided.

use std::borrow::Cow;

use super::scale::Scale;
use crate::model::reduced::Metric;
use crate::model::{Change, Comparison};
use crate::stats::Effect;

/// Level of the interval shown, and of the one that must lie within the tolerance for `unchanged` (two one-sided tests).
const SHOWN: f64 = 0.95;
const INSIDE: f64 = 0.90;

/// A comparison of `metric` with nothing in it yet.
pub(super) fn blank(metric: &Metric, scale: Scale, method: &'static str, against: &str) -> Comparison {
    Comparison {
        verdict: Change::NotCompared,
        compared_by: metric.compared_by,
        unit: metric.unit,
        ratio: None,
        difference: None,
        ci: None,
        p: None,
        mde: None,
        tolerance: scale.tolerance,
        at_least: scale.at_least,
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
    show(comparison, scale, head - base);
}

fn show(comparison: &mut Comparison, scale: Scale, effect: f64) {
    let change = scale.shown(effect);
    if scale.log {
        comparison.ratio = Some(1.0 + change);
    } else {
        comparison.difference = Some(change);
    }
}

/// Judges `effects` (head - base, one per view of the scale). They must agree: a burst in one round moves the mean, not the
/// mean of roots, and many small losses the other way round.
pub(super) fn decide(comparison: &mut Comparison, scale: Scale, effects: &[Effect]) {
    let Some(effect) = effects.first() else { return };
    show(comparison, scale, effect.estimate);
    let shown = |interval: [f64; 2]| interval.map(|end| scale.shown(end));
    let (wide, narrow) = (shown(effect.interval(SHOWN)), shown(effect.interval(INSIDE)));
    let ci = if scale.log { wide.map(|end| 1.0 + end) } else { wide };
    comparison.ci = Some(ci).filter(|ci| ci.iter().all(|end| end.is_finite()));
    comparison.p = effects.iter().map(Effect::p).max_by(f64::total_cmp);
    comparison.mde = Some(scale.shown(effect.detectable())).filter(|mde| mde.is_finite());
    let change = scale.shown(effect.estimate);
    let beyond = |sign: f64| {
        effects.iter().all(|effect| {
            let [low, high] = effect.interval(SHOWN);
            if sign > 0.0 { low > 0.0 } else { high < 0.0 }
        })
    };
    // A step of exactly the tolerance counts although floating point may put it a hair below.
    let slack = 1e-9 * scale.tolerance;
    let limits = scale.limits(comparison.base);
    let rose = change >= limits.rise - slack && beyond(1.0);
    let fell = change <= limits.fall + slack && beyond(-1.0);
    // An amount is a share of a level that is itself an estimate, no surer than the effect: at its upper end the share is smallest.
    let upper = comparison.base.map(|base| base * (effect.interval(INSIDE)[1] - effect.estimate).exp());
    let bounds = scale.limits(upper);
    let inside = narrow[0] >= bounds.fall && narrow[1] <= bounds.rise;
    comparison.verdict = match (rose || fell, change * scale.worse > 0.0) {
        (true, true) => Change::Regressed,
        (true, false) => Change::Improved,
        (false, _) if inside => Change::Unchanged,
        (false, _) => Change::Inconclusive,
    };
}

/// Where nothing at all differs and nothing was seen: as much may have happened unseen on either side as `rule_of_three` says.
pub(super) fn nothing_seen(comparison: &mut Comparison, [base, head]: [f64; 2]) {
    comparison.ci = Some([-base, head]);
    comparison.mde = Some(base.max(head)).filter(|mde| *mde > 0.0);
    if base.max(head) > comparison.tolerance {
        comparison.verdict = Change::Inconclusive;
        comparison.reason = Some(format!(
            "nothing was seen, but {:.2}% could have gone unseen in so few probes: raise `count`, the rounds, or the tolerance",
            base.max(head) * 100.0
        ));
    }
}

/// One-sided p-value of "not worse".
pub(super) fn p_worse(effects: &[Effect], scale: Scale) -> Option<f64> {
    let one = |effect: &Effect| Effect { estimate: effect.estimate * scale.worse, ..*effect }.p_above();
    effects.iter().map(one).max_by(f64::total_cmp)
}
