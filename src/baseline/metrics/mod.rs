//! Comparison of measurements. Pure: rounds in, verdicts out; nothing here measures or reads a file.
//!
//! Raw samples are never tested, as they are not independent: a round is reduced to one number first, and where sessions
//! are compared a run to one. `docs/statistics.md` has the reasons, the formulas and what they were measured to do.

mod interleaved;
mod multiple_testing;
mod runs;
mod scale;
mod sessions;
#[cfg(test)]
mod tests;
mod verdict;

pub use interleaved::{METHOD as INTERLEAVED, PAIRS, has_arms, interleaved};
pub use multiple_testing::{alpha, beyond_chance, holm};
pub use runs::{Entry, Ignored, Run, runs, same_sort, within};
pub use scale::Statistic;
pub use sessions::{Floor, Reference, Spread, not_compared, sessions, spread, value};

use crate::model::comparison::Confirmation;
use crate::model::reduced::Metric;
use crate::model::{Change, Comparison};
use crate::stats::Effect;
use scale::Scale;

/// The numbers a metric is held against.
#[derive(Clone, Copy, Debug)]
pub enum Against<'a> {
    /// Those of the other arm, measured in turn with it.
    OtherArm,
    /// Those of runs of other days.
    Runs(&'a Reference<'a>),
}

/// Compares a metric, statistic by statistic.
#[must_use]
pub fn compare(metric: &Metric, against: Against<'_>) -> Vec<(Statistic, Comparison)> {
    match against {
        Against::OtherArm => interleaved(metric),
        Against::Runs(reference) => sessions(metric, reference),
    }
}

/// Holds an alarm against the rounds measured because of it: it stands when they alone show "worse" again, at the one-sided
/// level `alpha`. An alarm that does not stand becomes `inconclusive`.
pub fn confirm(comparison: &mut Comparison, metric: &Metric, statistic: Statistic, against: Against<'_>, alpha: f64) {
    let effects = match against {
        Against::OtherArm => interleaved::fresh_effects(metric, statistic),
        Against::Runs(reference) => sessions::fresh_effects(comparison, metric, statistic, reference),
    };
    apply(comparison, confirmation(&effects.unwrap_or_default(), Scale::of(metric, statistic), alpha));
}

fn confirmation(effects: &[Effect], scale: Scale, alpha: f64) -> Confirmation {
    let shift = if scale.log { 1.0 } else { 0.0 };
    let p = verdict::p_worse(effects, scale);
    let first = effects.first();
    Confirmation {
        stands: p.is_none_or(|p| p <= alpha),
        effect: first.map(|effect| scale.shown(effect.estimate) + shift),
        ci: first.map(|effect| effect.interval(0.95).map(|end| scale.shown(end) + shift)),
        p,
        alpha,
    }
}

/// Only a second measurement can take an alarm back: where none could be made, the worse may be the reason.
fn apply(comparison: &mut Comparison, found: Confirmation) {
    if comparison.verdict == Change::Regressed {
        if found.p.is_none() {
            comparison.reason = Some("the alarm stands: the fresh rounds could not be measured".into());
        } else if !found.stands {
            comparison.verdict = Change::Inconclusive;
            comparison.reason = Some("fresh rounds did not confirm the alarm".into());
        }
    }
    comparison.confirmation = Some(found);
}
