//! Runs of separate sessions: the run is the unit, and what differs between runs is part of the error.

use super::effect::Effect;

/// Comparable runs a prediction interval needs before it may alarm.
pub const RUNS: usize = 8;

/// A new run against earlier ones: t prediction interval, se = s sqrt(1 + 1/K), K - 1 degrees of freedom.
/// `None` for fewer than two runs.
#[must_use]
pub fn prediction(base: &[f64], head: f64) -> Option<Effect> {
    let (mean, deviation) = spread(base)?;
    let runs = base.len() as f64;
    Some(Effect { estimate: head - mean, se: deviation * (1.0 + 1.0 / runs).sqrt(), df: runs - 1.0 })
}

/// A new run against one pinned run; the spread between runs is that of `window` about its own straight line, so that a
/// slow drift does not hide itself: se = s sqrt(2), K - 2 degrees of freedom. `None` for fewer than three runs.
#[must_use]
pub fn pinned(window: &[f64], pinned: f64, head: f64) -> Option<Effect> {
    let deviation = residual_spread(window)?;
    let df = window.len() as f64 - 2.0;
    Some(Effect { estimate: head - pinned, se: deviation * std::f64::consts::SQRT_2, df })
}

/// A new run against the mean of a few, when the spread between runs (`tau`, from `runs` calibration runs) is known.
/// se = tau sqrt(1 + 1/K): tau is the spread of whole runs, so it holds what rounds add to it.
/// `None` without a run to compare with, and for a spread from fewer than two.
#[must_use]
pub fn known_spread(base: &[f64], head: f64, tau: f64, runs: u32) -> Option<Effect> {
    if base.is_empty() || runs < 2 {
        return None;
    }
    let count = base.len() as f64;
    let mean = base.iter().sum::<f64>() / count;
    Some(Effect { estimate: head - mean, se: tau * (1.0 + 1.0 / count).sqrt(), df: f64::from(runs) - 1.0 })
}

/// Mean and sample standard deviation; `None` for fewer than two values.
#[must_use]
pub fn spread(values: &[f64]) -> Option<(f64, f64)> {
    let count = values.len() as f64;
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, (squares / (count - 1.0)).sqrt()))
}

/// Residual standard deviation about the least-squares line over the index; K - 2 degrees of freedom.
fn residual_spread(values: &[f64]) -> Option<f64> {
    if values.len() < 3 {
        return None;
    }
    let count = values.len() as f64;
    let (mean, _) = spread(values)?;
    let centre = (count - 1.0) / 2.0;
    let at = |index: usize| index as f64 - centre;
    let across: f64 = (0..values.len()).map(|index| at(index).powi(2)).sum();
    let slope = values.iter().enumerate().map(|(index, value)| at(index) * value).sum::<f64>() / across;
    let squares: f64 = values.iter().enumerate().map(|(index, value)| (value - mean - slope * at(index)).powi(2)).sum();
    Some((squares / (count - 2.0)).sqrt())
}

/// Holm's (1979) step-down adjustment: p-values that hold across all of `ps` together, in the order given.
#[must_use]
pub fn holm(ps: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ps.len()).collect();
    order.sort_by(|a, b| ps[*a].total_cmp(&ps[*b]));
    let mut out = vec![1.0; ps.len()];
    let mut least: f64 = 0.0;
    for (rank, index) in order.into_iter().enumerate() {
        least = least.max((ps.len() - rank) as f64 * ps[index]).min(1.0);
        out[index] = least;
    }
    out
}
