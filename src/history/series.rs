//! Runs sorted into series: values that may be compared, and what was left out.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reading::ReportFile;
use super::run::{Metric, Round};
use crate::plan::Glob;

/// Most points of a series; the newest are kept.
pub const POINTS: usize = 1000;

/// Which class of hosts is shown. Numbers of different hosts do not stand in one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Classes {
    /// This host's, if any run has it, else the newest run's.
    Own(String),
    /// One.
    One(String),
    /// Every class, each in series of its own.
    All,
}

/// Selection of the series to show.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Suites; none means all.
    pub suites: Vec<String>,
    /// Case ids; none means all.
    pub checks: Vec<Glob>,
    /// Metrics; none means all.
    pub metrics: Vec<Glob>,
    /// Newest points of each series.
    pub last: Option<usize>,
    /// Classes of hosts.
    pub classes: Classes,
}

/// Identity of a series: values with the same key are comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key<'a> {
    /// Suite.
    pub suite: &'a str,
    /// Case id.
    pub check: &'a str,
    /// Metric.
    pub metric: &'a str,
    /// Class of the hosts that measured.
    pub host_class: &'a str,
    /// Digest of the check's definition.
    pub digest: Option<&'a str>,
    /// Unit symbol.
    pub unit: &'a str,
    /// `ratio` or `zeroable`.
    pub kind: &'a str,
    /// `lower` or `higher`.
    pub better: &'a str,
}

/// One value of a series.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    /// Index of the run in [`Selected::runs`].
    pub run: usize,
    /// Typical value over the rounds: finite, and above zero for `ratio`.
    pub value: f64,
    /// The rounds; at least one.
    pub rounds: &'a [Round],
}

/// Comparable values, oldest first.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// Which.
    pub key: Key<'a>,
    /// Smallest change that counts, of the newest run; a share for `ratio`.
    pub tolerance: f64,
    /// The values; at least one.
    pub points: Vec<Point<'a>>,
    /// Older values that are left out: beyond `--last`, or beyond what one series holds.
    pub older: usize,
}

impl Series<'_> {
    /// Whether it is compared by ratio.
    #[must_use]
    pub fn is_ratio(&self) -> bool {
        self.key.kind == "ratio"
    }

    /// Whether more is better.
    #[must_use]
    pub fn higher_is_better(&self) -> bool {
        self.key.better == "higher"
    }
}

/// Runs of a class of hosts that are not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// The class.
    pub host_class: String,
    /// How many runs.
    pub runs: usize,
    /// Start of the newest of them, RFC 3339 UTC.
    pub newest: String,
}

/// Runs and series that passed the filter.
#[derive(Clone, Debug)]
pub struct Selected<'a> {
    /// The filter.
    pub filter: &'a Filter,
    /// Runs of the classes shown, oldest first.
    pub runs: Vec<&'a ReportFile>,
    /// Their series, by key.
    pub series: Vec<Series<'a>>,
    /// Runs of other classes.
    pub left_out: Vec<LeftOut>,
    /// Values that no number could be made of: a ratio of zero, for one.
    pub without_value: usize,
}

impl Filter {
    fn suite(&self, name: &str) -> bool {
        self.suites.is_empty() || self.suites.iter().any(|suite| suite == name)
    }

    /// Whether a case is shown.
    #[must_use]
    pub fn check(&self, suite: &str, id: &str) -> bool {
        self.suite(suite) && (self.checks.is_empty() || self.checks.iter().any(|glob| glob.matches(id)))
    }

    /// Whether a metric is shown.
    #[must_use]
    pub fn metric(&self, name: &str) -> bool {
        self.metrics.is_empty() || self.metrics.iter().any(|glob| glob.matches(name))
    }
}

/// Sorts runs (oldest first) into series.
#[must_use]
pub fn select<'a>(found: &'a [ReportFile], filter: &'a Filter) -> Selected<'a> {
    let of_suite = |found: &&ReportFile| found.run.checks.iter().any(|check| filter.check(&check.suite, &check.id));
    let all: Vec<&ReportFile> = found.iter().filter(of_suite).collect();
    let class = class(&all, &filter.classes);
    let (runs, others): (Vec<&ReportFile>, Vec<&ReportFile>) =
        all.into_iter().partition(|found| class.as_deref().is_none_or(|class| found.run.host_class == class));
    let mut groups: BTreeMap<Key<'a>, (f64, Vec<Point<'a>>)> = BTreeMap::new();
    let mut without_value = 0;
    for (index, found) in runs.iter().enumerate() {
        let mut seen = BTreeSet::new();
        for (key, metric) in metrics(found, filter) {
            let Some(value) = metric.value() else {
                without_value += 1;
                continue;
            };
            // A hostile report may name a metric twice; a run has one value.
            if seen.insert(key) {
                let (tolerance, points) = groups.entry(key).or_default();
                *tolerance = metric.tolerance;
                points.push(Point { run: index, value, rounds: &metric.rounds });
            }
        }
    }
    let newest = filter.last.unwrap_or(POINTS).min(POINTS);
    let series = groups.into_iter().map(|(key, (tolerance, mut points))| {
        let older = points.len().saturating_sub(newest);
        points.drain(..older);
        Series { key, tolerance, points, older }
    });
    Selected { filter, series: series.collect(), left_out: left_out(&others), runs, without_value }
}

/// The one class shown; `None` for all.
fn class(runs: &[&ReportFile], classes: &Classes) -> Option<String> {
    match classes {
        Classes::All => None,
        Classes::One(class) => Some(class.clone()),
        Classes::Own(own) => {
            let known = runs.iter().any(|found| found.run.host_class == *own);
            let newest = runs.last().map(|found| found.run.host_class.clone());
            if known { Some(own.clone()) } else { newest }
        }
    }
}

fn metrics<'a>(found: &'a ReportFile, filter: &Filter) -> impl Iterator<Item = (Key<'a>, &'a Metric)> {
    let host_class = found.run.host_class.as_str();
    let checks = found.run.checks.iter().filter(|check| filter.check(&check.suite, &check.id));
    checks.flat_map(|check| check.metrics.iter().map(move |metric| (check, metric))).filter_map(
        move |(check, metric)| {
            let key = Key {
                suite: &check.suite,
                check: &check.id,
                metric: &metric.name,
                host_class,
                digest: check.digest.as_deref(),
                unit: &metric.unit,
                kind: &metric.kind,
                better: &metric.better,
            };
            filter.metric(&metric.name).then_some((key, metric))
        },
    )
}

fn left_out(runs: &[&ReportFile]) -> Vec<LeftOut> {
    let mut classes: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for found in runs {
        let (count, newest) = classes.entry(&found.run.host_class).or_default();
        *count += 1;
        *newest = &found.run.started;
    }
    let row = |(class, (runs, newest)): (&str, (usize, &str))| LeftOut {
        host_class: class.to_owned(),
        runs,
        newest: newest.to_owned(),
    };
    classes.into_iter().map(row).collect()
}
