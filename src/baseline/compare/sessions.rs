//! A run against runs of other sessions: the run is the unit.

use super::scale::{Scale, Statistic, judged, too_few_samples};
use super::verdict::{blank, decide, levels};
use crate::model::comparison::Confirmation;
use crate::model::record::{Metric, RoundRecord};
use crate::model::{Arm, Change, Comparison};
use crate::stats::Effect;
use crate::stats::sessions::{RUNS, known_spread, pinned, prediction};

/// Names and versions of the methods.
pub const PREDICTION: &str = "prediction-interval/1";
/// Against one pinned run, with the spread of the window.
pub const PINNED: &str = "pinned-release/1";
/// Against few runs, with the spread of a calibration.
pub const CALIBRATED: &str = "noise-floor/1";

/// What a metric is held against.
#[derive(Clone, Debug, Default)]
pub struct Reference<'m> {
    /// Comparable runs, oldest first.
    pub window: Vec<&'m Metric>,
    /// The pinned release, with its name for people.
    pub pinned: Option<(&'m Metric, String)>,
    /// Spread between runs by statistic, from a calibration.
    pub floor: Option<Floor>,
}

/// The spread between runs of an unchanged target, on the scale tested.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// Standard deviation between runs.
    pub tau: f64,
    /// Runs it was taken from.
    pub runs: u32,
}

/// The rounds of a run that speak for it; with arms, those of the new target.
fn rounds(metric: &Metric, confirm: bool) -> Vec<&RoundRecord> {
    let counts =
        |round: &&RoundRecord| round.discarded.is_none() && round.arm != Some(Arm::Base) && round.confirm == confirm;
    metric.rounds.iter().filter(counts).collect()
}

/// The value of a run on the scale tested: the mean over its rounds. `None` when it has none, or one that has no place there.
fn typical(metric: &Metric, statistic: Statistic, scale: Scale, confirm: bool) -> Option<f64> {
    let rounds = rounds(metric, confirm);
    let values: Option<Vec<f64>> = rounds.iter().map(|round| scale.forward(statistic.of(round))).collect();
    let values = values.filter(|values| !values.is_empty())?;
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

/// The typical value of a run in the metric's unit: geometric mean of the rounds' medians, or for metrics that can be zero
/// the square of the mean root. `None` without rounds.
#[must_use]
pub fn value(metric: &Metric) -> Option<f64> {
    let scale = Scale::of(metric, Statistic::P50);
    typical(metric, Statistic::P50, scale, false).map(|mean| scale.level(mean))
}

/// How much an unchanged target differs, on the scale tested.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Standard deviation between runs.
    pub tau: f64,
    /// Standard deviation of a round about its run; `None` for one round per run.
    pub round: Option<f64>,
    /// Runs it was taken from.
    pub runs: u32,
}

impl Spread {
    /// The smallest share by which a ratio must change to be found in 80 of 100 comparisons: in pairs of rounds, or of a run
    /// with a full history.
    #[must_use]
    pub fn detectable(&self, pairs: Option<u32>) -> Option<f64> {
        let effect = match pairs {
            Some(pairs) => {
                let count = f64::from(pairs);
                Effect { estimate: 0.0, se: self.round? * (2.0 / count).sqrt(), df: (2.0 * count - 4.0).max(1.0) }
            }
            None => {
                let se = self.tau * (1.0 + 1.0 / RUNS as f64).sqrt();
                Effect { estimate: 0.0, se, df: f64::from(self.runs) - 1.0 }
            }
        };
        Some(effect.detectable().exp_m1())
    }
}

/// The spread of runs of an unchanged target; `None` for fewer than three usable ones.
#[must_use]
pub fn spread(runs: &[&Metric]) -> Option<Spread> {
    let scale = Scale::of(runs.first()?, Statistic::P50);
    let values: Vec<f64> = runs.iter().filter_map(|run| typical(run, Statistic::P50, scale, false)).collect();
    if values.len() < 3 {
        return None;
    }
    let (_, tau) = crate::stats::sessions::spread(&values)?;
    let within: Vec<(f64, usize)> = runs
        .iter()
        .filter_map(|run| {
            let rounds: Vec<f64> = rounds(run, false).iter().filter_map(|round| scale.forward(round.p50)).collect();
            crate::stats::sessions::spread(&rounds).map(|(_, deviation)| (deviation, rounds.len() - 1))
        })
        .collect();
    let df: usize = within.iter().map(|(_, df)| df).sum();
    let squares: f64 = within.iter().map(|(deviation, df)| deviation.powi(2) * *df as f64).sum();
    let round = (df > 0).then(|| (squares / df as f64).sqrt());
    Some(Spread { tau, round, runs: u32::try_from(values.len()).unwrap_or(u32::MAX) })
}

/// A metric of a reference that the run did not measure.
#[must_use]
pub fn vanished(metric: &Metric, why: &str) -> Comparison {
    let mut out = blank(metric, Scale::of(metric, Statistic::P50), PREDICTION, "the baseline");
    out.reason = Some(why.to_owned());
    out
}

/// Compares a run with its reference, statistic by statistic.
#[must_use]
pub fn sessions(metric: &Metric, reference: &Reference<'_>) -> Vec<(Statistic, Comparison)> {
    let rounds = rounds(metric, false);
    judged(metric, &rounds).into_iter().map(|statistic| (statistic, one(metric, statistic, reference))).collect()
}

fn one(metric: &Metric, statistic: Statistic, reference: &Reference<'_>) -> Comparison {
    let mut out = against_window(metric, statistic, reference);
    if let Some((release, name)) = &reference.pinned {
        let pinned = against_pinned(metric, statistic, reference, release, name);
        if pinned.verdict == Change::Regressed && out.verdict != Change::Regressed {
            out.verdict = Change::Regressed;
            out.reason = Some(format!("against {}: a drift too slow for the runs before this one", pinned.against));
        }
        out.pinned = Some(Box::new(pinned));
    }
    out
}

fn against_window(metric: &Metric, statistic: Statistic, reference: &Reference<'_>) -> Comparison {
    let scale = Scale::of(metric, statistic);
    let base: Vec<f64> = reference.window.iter().filter_map(|run| typical(run, statistic, scale, false)).collect();
    let known = reference.floor.filter(|_| base.len() < RUNS && statistic == Statistic::P50);
    let method = if known.is_some() { CALIBRATED } else { PREDICTION };
    let mut out = blank(metric, scale, method, &plural(base.len(), "earlier run"));
    let runs = u32::try_from(base.len()).unwrap_or(u32::MAX);
    out.counts = [runs, 1];
    if let Some(why) = too_few_samples(statistic, &rounds(metric, false)) {
        out.reason = Some(why);
        return out;
    }
    let Some(head) = typical(metric, statistic, scale, false) else {
        out.reason = Some("it has no rounds, or a value of zero where a ratio is asked for".into());
        return out;
    };
    if base.is_empty() {
        out.head = Some(scale.level(head));
        out.reason = Some("there is no comparable run".into());
        return out;
    }
    let mean = base.iter().sum::<f64>() / base.len() as f64;
    levels(&mut out, scale, mean, head);
    out.verdict = Change::Inconclusive;
    let effect = match known {
        Some(floor) => known_spread(&base, head, floor.tau, floor.runs),
        None if base.len() < RUNS => None,
        None => prediction(&base, head),
    };
    match effect {
        Some(effect) => {
            decide(&mut out, scale, &effect, mean);
            if out.verdict == Change::Inconclusive {
                out.reason = Some("runs differ too much from each other to show a change of the tolerance".into());
            }
        }
        None => {
            let missing = RUNS - base.len();
            out.runs_needed = u32::try_from(missing).ok();
            out.reason = Some(format!(
                "{} cannot tell a change from the difference between any two runs: accept {missing} more, or use --against",
                plural(base.len(), "comparable run")
            ));
        }
    }
    out
}

fn against_pinned(
    metric: &Metric,
    statistic: Statistic,
    reference: &Reference<'_>,
    release: &Metric,
    name: &str,
) -> Comparison {
    let scale = Scale::of(metric, statistic);
    let mut out = blank(metric, scale, PINNED, &format!("pinned {name}"));
    let window: Vec<f64> = reference.window.iter().filter_map(|run| typical(run, statistic, scale, false)).collect();
    out.counts = [1, 1];
    let (Some(base), Some(head)) =
        (typical(release, statistic, scale, false), typical(metric, statistic, scale, false))
    else {
        out.reason = Some("the pinned run did not measure it".into());
        return out;
    };
    levels(&mut out, scale, base, head);
    out.verdict = Change::Inconclusive;
    match (window.len() >= RUNS).then(|| pinned(&window, base, head)).flatten() {
        Some(effect) => decide(&mut out, scale, &effect, base),
        None => {
            out.runs_needed = u32::try_from(RUNS.saturating_sub(window.len())).ok();
            out.reason = Some(format!("the spread between runs is not known before {RUNS} of them"));
        }
    }
    out
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// Holds an alarm against the rounds measured because of it, at the one-sided level `alpha`; one that does not stand becomes
/// `inconclusive`.
pub fn confirm(
    comparison: &mut Comparison,
    metric: &Metric,
    statistic: Statistic,
    reference: &Reference<'_>,
    alpha: f64,
) {
    let scale = Scale::of(metric, statistic);
    let window: Vec<f64> = reference.window.iter().filter_map(|run| typical(run, statistic, scale, false)).collect();
    let release = reference.pinned.as_ref().and_then(|(release, _)| typical(release, statistic, scale, false));
    let by_pin = comparison.pinned.as_ref().is_some_and(|pinned| pinned.verdict == Change::Regressed);
    let found = typical(metric, statistic, scale, true).and_then(|head| {
        let effect: Option<(Effect, f64)> = match (by_pin, release, reference.floor) {
            (true, Some(release), _) => pinned(&window, release, head).map(|effect| (effect, release)),
            (_, _, Some(floor)) if window.len() < RUNS => {
                let mean = window.iter().sum::<f64>() / window.len() as f64;
                known_spread(&window, head, floor.tau, floor.runs).map(|effect| (effect, mean))
            }
            _ => prediction(&window, head).map(|effect| (effect, head - effect.estimate)),
        };
        effect.map(|(effect, base)| super::confirmation(&effect, base, scale, alpha))
    });
    super::settle(comparison, found.unwrap_or(Confirmation { stands: false, effect: None, ci: None, p: None, alpha }));
}
