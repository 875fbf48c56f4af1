//! The document `shakedown.history/1`: series, what changed in them, and what was left out.

use std::collections::BTreeMap;
use std::num::NonZero;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reading::{Listing, SkippedFile};
use super::series::{LeftOut, Selected, Series};
use crate::stats::edivisive::{self, Options, Split};

/// Schema name and version.
pub const SCHEMA: &str = "shakedown.history/1";

/// Trends over a folder of reports. For reading, never for a gate: change points have false alarms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// Always `shakedown.history/1`.
    pub schema: String,
    /// Runs of the host classes shown, oldest first.
    pub runs: Vec<RunRow>,
    /// Series, the largest worsening first.
    pub series: Vec<Trend>,
    /// Runs of other classes of hosts: their numbers are not comparable.
    pub left_out: Vec<LeftOut>,
    /// Values of the runs shown that no number could be made of, such as a ratio of zero.
    pub without_value: usize,
    /// JSON files that hold no report, and second copies of a run.
    pub skipped: Vec<SkippedFile>,
    /// Damaged or newer reports.
    pub errors: Vec<SkippedFile>,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunRow {
    /// Run id.
    pub id: String,
    /// Start, RFC 3339 UTC.
    pub started: String,
    /// Class of the host that measured.
    pub host_class: String,
    /// Labels of the run.
    pub labels: BTreeMap<String, String>,
    /// The file it was read from.
    pub file: String,
}

/// A series: values of one suite, case, metric, host class and definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    /// Suite.
    pub suite: String,
    /// Case id.
    pub check: String,
    /// Metric.
    pub metric: String,
    /// Class of the hosts that measured.
    pub host_class: String,
    /// Digest of the definition of the check.
    pub digest: Option<String>,
    /// Unit symbol.
    pub unit: String,
    /// `lower` or `higher`.
    pub better: String,
    /// `ratio` or `zeroable`.
    pub kind: String,
    /// Smallest change worth a mention; a share for `ratio`.
    pub tolerance: f64,
    /// First value.
    pub first: f64,
    /// Last value.
    pub last: f64,
    /// From the first to the last: a share for `ratio` (0.05 is 5 %), a difference for `zeroable`.
    pub change: f64,
    /// The same in tolerances, above zero when worse; a ratio by its logarithm.
    pub worsening: f64,
    /// The values, oldest first.
    pub points: Vec<PointRow>,
    /// Older values that are not among them: beyond `--last`, or beyond the newest thousand.
    #[serde(default)]
    pub older: usize,
    /// Where the level changed.
    pub change_points: Vec<ChangePoint>,
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PointRow {
    /// Index in `runs`.
    pub run: usize,
    /// Typical value over the counted rounds: their geometric mean for `ratio`, else their mean.
    pub value: f64,
}

/// A place where the level changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangePoint {
    /// Position of the first run after the change in `points`, from 1.
    pub number: usize,
    /// Index of that run in `runs`.
    pub run: usize,
    /// Median of the runs before, back to the change point before.
    pub before: f64,
    /// Median of the runs after, up to the next change point.
    pub after: f64,
    /// A share for `ratio`, a difference for `zeroable`.
    pub change: f64,
    /// Whether it is a change for the worse.
    pub worse: bool,
    /// p-value of "the same values in random order differ as much somewhere".
    pub p: f64,
}

/// Summarizes the runs: each series with its points and change points.
#[must_use]
pub fn history(selected: &Selected<'_>, listing: &Listing) -> History {
    let runs = selected.runs.iter().map(|found| RunRow {
        id: found.run.id.clone(),
        started: found.run.started.clone(),
        host_class: found.run.host_class.clone(),
        labels: found.run.labels.clone(),
        file: found.file.clone(),
    });
    let mut series = trends(&selected.series);
    // Series come sorted by name, and equal ones stay so.
    series.sort_by(|a, b| b.worsening.total_cmp(&a.worsening));
    History {
        schema: SCHEMA.to_owned(),
        runs: runs.collect(),
        series,
        left_out: selected.left_out.clone(),
        without_value: selected.without_value,
        skipped: listing.skipped.clone(),
        errors: listing.errors.clone(),
    }
}

/// Change points cost milliseconds a series, and there may be thousands of series: every processor takes a part.
fn trends(series: &[Series<'_>]) -> Vec<Trend> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let part = series.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> =
            series.chunks(part).map(|part| scope.spawn(|| part.iter().map(trend).collect::<Vec<_>>())).collect();
        // A part is lost only by a panic, which is ours: the series are then looked at once more, in this thread.
        let joined: Option<Vec<Vec<Trend>>> = parts.into_iter().map(|part| part.join().ok()).collect();
        joined.map_or_else(|| series.iter().map(trend).collect(), |parts| parts.into_iter().flatten().collect())
    })
}

fn trend(series: &Series<'_>) -> Trend {
    let key = series.key;
    let scale = Scale { ratio: series.is_ratio(), higher: series.higher_is_better(), tolerance: series.tolerance };
    let values: Vec<f64> = series.points.iter().map(|point| scale.to(point.value)).collect();
    let (first, last) = (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(0.0));
    let splits = edivisive::splits(&values, &Options::default());
    let steps = edivisive::steps(&values, &splits, |a, b| (b - a).abs(), scale.smallest());
    let point = |(split, before, after): (Split, f64, f64)| ChangePoint {
        number: split.at + 1,
        run: series.points[split.at].run,
        before: scale.from(before),
        after: scale.from(after),
        change: scale.change(before, after),
        worse: scale.worsening(before, after) > 0.0,
        p: split.p,
    };
    Trend {
        suite: key.suite.to_owned(),
        check: key.check.to_owned(),
        metric: key.metric.to_owned(),
        host_class: key.host_class.to_owned(),
        digest: key.digest.map(str::to_owned),
        unit: key.unit.to_owned(),
        better: key.better.to_owned(),
        kind: key.kind.to_owned(),
        tolerance: series.tolerance,
        first: series.points.first().map_or(0.0, |point| point.value),
        last: series.points.last().map_or(0.0, |point| point.value),
        change: scale.change(first, last),
        worsening: scale.worsening(first, last),
        older: series.older,
        points: series.points.iter().map(|point| PointRow { run: point.run, value: point.value }).collect(),
        change_points: steps.into_iter().map(point).collect(),
    }
}

/// The scale values are compared on: logarithmic for `ratio`.
#[derive(Clone, Copy, Debug)]
struct Scale {
    ratio: bool,
    higher: bool,
    tolerance: f64,
}

impl Scale {
    fn to(self, value: f64) -> f64 {
        if self.ratio { value.ln() } else { value }
    }

    fn from(self, value: f64) -> f64 {
        if self.ratio { value.exp() } else { value }
    }

    /// The smallest change worth a mention, on the scale. Without a tolerance any change is.
    fn smallest(self) -> f64 {
        if self.ratio { self.tolerance.ln_1p() } else { self.tolerance }
    }

    fn change(self, before: f64, after: f64) -> f64 {
        let change = if self.ratio { (after - before).exp_m1() } else { after - before };
        finite(change)
    }

    /// In tolerances, above zero when worse.
    fn worsening(self, before: f64, after: f64) -> f64 {
        let unit = if self.smallest() > 0.0 { self.smallest() } else { 1.0 };
        let grown = finite((after - before) / unit);
        if self.higher { -grown } else { grown }
    }
}

/// Values at the ends of the range of numbers may differ by more than a number holds.
fn finite(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) }
}
