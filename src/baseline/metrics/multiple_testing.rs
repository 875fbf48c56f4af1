//! Many metrics at once: one in forty alarms by chance alone, so an alarm must hold across all of them.

use crate::model::{Change, Comparison};
use crate::stats::sessions;

/// How often all metrics of a gate together may alarm by chance.
const FAMILY: f64 = 0.05;
/// Metrics up to which a confirmation at 5 % is enough: 40 x 2.5 % x 5 % = 5 %.
const FEW: f64 = 40.0;

/// The one-sided level of a confirmation in a gate of `metrics` metrics: chance alarms and is confirmed in 5 % of runs at most.
#[must_use]
pub fn alpha(metrics: usize) -> f64 {
    let metrics = metrics as f64;
    if metrics > FEW { 2.0 / metrics } else { FAMILY }
}

/// Takes back an alarm that does not hold among `metrics` metrics (Bonferroni): for runs of separate sessions, where fresh
/// rounds share what made the whole run differ and so confirm nothing.
pub fn beyond_chance(comparison: &mut Comparison, metrics: usize) {
    let p = alarm(comparison);
    if let Some(p) = p
        && p * metrics as f64 > FAMILY
    {
        take_back(comparison, p, metrics);
    }
}

/// Takes back the alarms that do not hold across the gate (Holm 1979), where nothing can be measured again.
pub fn holm(comparisons: &mut [&mut Comparison]) {
    let ps: Vec<f64> = comparisons.iter().filter_map(|comparison| lowest(comparison)).collect();
    let adjusted = sessions::holm(&ps);
    let metrics = ps.len();
    let tested = comparisons.iter_mut().filter(|comparison| lowest(comparison).is_some());
    for (comparison, adjusted) in tested.zip(adjusted) {
        if let Some(p) = alarm(comparison)
            && adjusted > FAMILY
        {
            take_back(comparison, p, metrics);
        }
    }
}

/// The p-value behind an alarm.
fn alarm(comparison: &Comparison) -> Option<f64> {
    (comparison.verdict == Change::Regressed).then(|| lowest(comparison)).flatten()
}

/// The p-value of the metric: with two references twice the smaller one, as either may alarm.
fn lowest(comparison: &Comparison) -> Option<f64> {
    let pinned = comparison.pinned.as_ref().and_then(|pinned| pinned.p);
    let all: Vec<f64> = comparison.p.into_iter().chain(pinned).collect();
    let least = all.iter().copied().min_by(f64::total_cmp)?;
    Some((least * all.len() as f64).min(1.0))
}

fn take_back(comparison: &mut Comparison, p: f64, metrics: usize) {
    comparison.verdict = Change::Inconclusive;
    comparison.reason =
        Some(format!("p = {p:.3} alone, but among {metrics} metrics one such is to be expected by chance"));
}
