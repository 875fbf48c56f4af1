//! The scale a metric is tested on, and the way back to what people read.

use crate::model::reduced::{Metric, Round};
use crate::model::{Better, ComparedBy, Unit};

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

    pub(super) fn of(self, round: &Round) -> f64 {
        match self {
            Self::P50 => round.p50,
            Self::P90 => round.p90,
            Self::P99 => round.p99,
        }
    }
}

/// How the value of a round is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// Logarithms: effects are ratios.
    Log,
    /// As it is: effects are differences.
    Raw,
    /// Square roots, which steady the variance of shares and counts: a burst weighs less.
    Root,
}

impl View {
    /// The value on this view; `None` when it has no place there. A zero among logarithms becomes `least`.
    pub(super) fn of(self, value: f64, least: Option<f64>) -> Option<f64> {
        if !value.is_finite() || value < 0.0 {
            return None;
        }
        match self {
            Self::Log if value > 0.0 => Some(value.ln()),
            Self::Log => least.map(f64::ln),
            Self::Raw => Some(value),
            Self::Root => Some(value.sqrt()),
        }
    }
}

/// The number that stands for a zero where ratios of rates are compared (a transfer that stopped): far below everything that was seen,
/// so that many zeros are a change beyond doubt, and one is a spread in which nothing can be told. `None` when nothing was
/// above zero, and for times: nothing takes none.
pub(super) fn least<'r>(scale: Scale, rounds: impl Iterator<Item = &'r Round>, statistic: Statistic) -> Option<f64> {
    if scale.worse > 0.0 {
        return None;
    }
    let positive = rounds.map(|round| statistic.of(round)).filter(|value| *value > 0.0 && value.is_finite());
    positive.min_by(f64::total_cmp).map(|least| least / 1000.0)
}

/// Whether a metric is compared by ratio or by difference, and which direction is worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    /// By ratio; else by difference.
    pub log: bool,
    /// 1 when larger is worse, else -1.
    pub worse: f64,
    /// Smallest change that counts: a share, or an amount.
    pub tolerance: f64,
    /// Smallest movement that counts, in the metric's unit; of ratios alone.
    pub at_least: Option<f64>,
}

/// The changes that count, as people read them: a share, or an amount.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Thresholds {
    /// The smallest rise.
    pub rise: f64,
    /// The smallest fall, negative.
    pub fall: f64,
}

impl Scale {
    pub(super) fn of(metric: &Metric, statistic: Statistic) -> Self {
        let tolerance = metric.tails.get(statistic.word()).copied().unwrap_or(metric.tolerance);
        let worse = if metric.better == Better::Higher { -1.0 } else { 1.0 };
        let log = metric.compared_by == ComparedBy::Ratio;
        Self { log, worse, tolerance, at_least: metric.at_least.filter(|_| log) }
    }

    /// The views that must agree before anything is called a change; the first is the one shown.
    pub(super) fn views(self) -> &'static [View] {
        if self.log { &[View::Log] } else { &[View::Raw, View::Root] }
    }

    /// The view that is shown.
    pub(super) fn view(self) -> View {
        if self.log { View::Log } else { View::Raw }
    }

    /// A typical value in the metric's unit, from a mean on the view shown.
    pub(super) fn level(self, mean: f64) -> f64 {
        if self.log { mean.exp() } else { mean }
    }

    /// An effect on the view shown, as people read it: a share (0.05 is 5 % more), or an amount.
    pub(super) fn shown(self, effect: f64) -> f64 {
        if self.log { effect.exp_m1() } else { effect }
    }

    /// The effect on the view shown of the smallest change for the worse that counts.
    pub(super) fn wanted(self, limits: Thresholds) -> f64 {
        if self.log { limits.rise.ln_1p() } else { limits.rise }
    }

    /// The smallest changes that count where the reference stands at `level`: those of the tolerance, and of what counts at
    /// least. A rate cannot fall by more than all of it, and what cannot fall by what counts does not count.
    pub(super) fn limits(self, level: Option<f64>) -> Thresholds {
        let tolerance = self.tolerance;
        let fall = if self.log && tolerance >= 1.0 { 1.0 / (1.0 + tolerance) - 1.0 } else { -tolerance };
        let level = level.filter(|level| *level > 0.0);
        let Some(share) = self.at_least.zip(level).map(|(least, level)| least / level) else {
            return Thresholds { rise: tolerance, fall };
        };
        Thresholds { rise: tolerance.max(share), fall: fall.min(-share).max(-1.0) }
    }
}

/// How much may have happened unseen where nothing happened in any round, with 95 % confidence: three in the number of
/// probes of a share, or in the number of rounds of a count (the rule of three; Hanley and Lippman-Hand 1983). A time has no
/// such bound.
pub(super) fn rule_of_three(metric: &Metric, rounds: &[&Round]) -> f64 {
    let probes: u64 = rounds.iter().map(|round| round.count.max(1)).sum();
    match metric.unit {
        Unit::Ratio => 3.0 / probes.max(1) as f64,
        Unit::Count => 3.0 / rounds.len().max(1) as f64,
        _ => 0.0,
    }
}

/// The statistics of a metric that are judged: the median always, tails where every round has the samples for it, or
/// where the suite asks for them.
pub(super) fn judged(metric: &Metric, rounds: &[&Round]) -> Vec<Statistic> {
    let fewest = rounds.iter().map(|round| round.count).min().unwrap_or(0);
    let wanted = |statistic: &Statistic| {
        if metric.compared_by != ComparedBy::Ratio {
            return *statistic == Statistic::P50;
        }
        *statistic == Statistic::P50 || fewest >= statistic.samples() || metric.tails.get(statistic.word()).is_some()
    };
    Statistic::ALL.into_iter().filter(wanted).collect()
}

/// Why the rounds cannot speak for a statistic; that there are none is for the caller to say.
pub(super) fn too_few_samples(statistic: Statistic, rounds: &[&Round]) -> Option<String> {
    let fewest = rounds.iter().map(|round| round.count).min()?;
    let needed = statistic.samples();
    (fewest < needed).then(|| {
        format!("{} needs {needed} samples in every round, the smallest has {fewest}: raise `count`", statistic.word())
    })
}
