//! The scale a metric is tested on, and the way back to what people read.

use crate::model::record::{Metric, RoundRecord};

/// One number per round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statistic {
    /// Median of the round.
    P50,
    /// 90th percentile: judged with at least 300 samples in every round.
    P90,
    /// 99th percentile: judged with at least 1000 samples in every round.
    P99,
}

impl Statistic {
    /// All, in the order of reports.
    pub const ALL: [Self; 3] = [Self::P50, Self::P90, Self::P99];

    /// The word in suites and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
        }
    }

    /// Samples a round needs for it to say something.
    #[must_use]
    pub const fn samples(self) -> u64 {
        match self {
            Self::P50 => 1,
            Self::P90 => 300,
            Self::P99 => 1000,
        }
    }

    /// Name of the metric in a comparison: `rtt`, `rtt.p99`.
    #[must_use]
    pub fn key(self, metric: &str) -> String {
        if self == Self::P50 { metric.to_owned() } else { format!("{metric}.{}", self.word()) }
    }

    pub(super) fn of(self, round: &RoundRecord) -> f64 {
        match self {
            Self::P50 => round.p50,
            Self::P90 => round.p90,
            Self::P99 => round.p99,
        }
    }
}

/// Whether a metric is compared by ratio or by difference, and which direction is worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    /// Logarithms, so that effects are ratios; else square roots, which steady the variance of counts and shares.
    pub log: bool,
    /// 1 when larger is worse, else -1.
    pub worse: f64,
    /// Smallest change worth an alarm: a share, or an amount.
    pub tolerance: f64,
}

impl Scale {
    pub(super) fn of(metric: &Metric, statistic: Statistic) -> Self {
        let tolerance = metric.tails.get(statistic.word()).copied().unwrap_or(metric.tolerance);
        let worse = if metric.better == "higher" { -1.0 } else { 1.0 };
        Self { log: metric.kind == "ratio", worse, tolerance }
    }

    /// The value of a round on the scale tested; `None` when it has no place there.
    pub(super) fn forward(self, value: f64) -> Option<f64> {
        if self.log {
            (value > 0.0 && value.is_finite()).then(|| value.ln())
        } else {
            (value >= 0.0 && value.is_finite()).then(|| value.sqrt())
        }
    }

    /// A typical value in the metric's unit, from a mean on the scale tested.
    pub(super) fn level(self, mean: f64) -> f64 {
        if self.log { mean.exp() } else { mean.max(0.0).powi(2) }
    }

    /// What an effect on the scale tested means to people, seen from a reference of mean `base`: a share (0.05 is 5 % more), or
    /// an amount.
    pub(super) fn shown(self, effect: f64, base: f64) -> f64 {
        if self.log { effect.exp_m1() } else { self.level(base + effect) - self.level(base) }
    }

    /// The effect on the scale tested of a change of the tolerance for the worse.
    pub(super) fn wanted(self, base: f64) -> f64 {
        if self.log {
            self.tolerance.ln_1p()
        } else {
            let level = self.level(base);
            (level + self.tolerance).sqrt() - level.sqrt()
        }
    }

    /// The lowest change still within the tolerance; a rate cannot fall by more than all of it.
    pub(super) fn floor(self) -> f64 {
        if self.log && self.tolerance >= 1.0 { 1.0 / (1.0 + self.tolerance) - 1.0 } else { -self.tolerance }
    }
}

/// The statistics of a metric that are judged: the median always, tails where every round has the samples for it, or
/// where the suite asks for them.
pub(super) fn judged(metric: &Metric, rounds: &[&RoundRecord]) -> Vec<Statistic> {
    let fewest = rounds.iter().map(|round| round.count).min().unwrap_or(0);
    let wanted = |statistic: &Statistic| {
        *statistic == Statistic::P50 || fewest >= statistic.samples() || metric.tails.get(statistic.word()).is_some()
    };
    Statistic::ALL.into_iter().filter(wanted).collect()
}

/// Why the rounds cannot speak for a statistic; that there are none is for the caller to say.
pub(super) fn too_few_samples(statistic: Statistic, rounds: &[&RoundRecord]) -> Option<String> {
    let fewest = rounds.iter().map(|round| round.count).min()?;
    let needed = statistic.samples();
    (fewest < needed).then(|| {
        format!("{} needs {needed} samples in every round, the smallest has {fewest}: raise `count`", statistic.word())
    })
}
