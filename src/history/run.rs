//! A report reduced to what a trend needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::comparison::Arm;
use crate::model::record;
use crate::model::{Record, Verdict};
use crate::stats::typical::typical;

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Run id.
    pub id: String,
    /// Start, RFC 3339 UTC.
    pub started: String,
    /// Class of the host that measured.
    pub host_class: String,
    /// Labels of the run.
    pub labels: BTreeMap<String, String>,
    /// All cases, in plan order.
    pub checks: Vec<Check>,
}

/// A case of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Suite it belongs to.
    pub suite: String,
    /// Case id.
    pub id: String,
    /// Digest of its definition.
    pub digest: Option<String>,
    /// Verdict.
    pub verdict: Verdict,
    /// Measured values; empty for a case that was not measured.
    pub metrics: Vec<Metric>,
}

/// A metric of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Name.
    pub name: String,
    /// Unit symbol.
    pub unit: String,
    /// `lower` or `higher`.
    pub better: String,
    /// `ratio` or `zeroable`.
    pub kind: String,
    /// Smallest change that counts; a share for `ratio`.
    pub tolerance: f64,
    /// The rounds that count: not discarded, no second measurement, of the new target only.
    pub rounds: Vec<Round>,
}

/// A counted round. There are many of them, so the names of the numbers are not repeated in the index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "RoundNumbers", into = "RoundNumbers")]
pub struct Round {
    /// Position in the order.
    pub slot: u32,
    /// Samples.
    pub count: i64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Mean.
    pub mean: f64,
}

/// The fields of a round in their order.
type RoundNumbers = (u32, i64, f64, f64, f64, f64, f64, f64);

impl From<RoundNumbers> for Round {
    fn from((slot, count, p50, p90, p99, min, max, mean): RoundNumbers) -> Self {
        Self { slot, count, p50, p90, p99, min, max, mean }
    }
}

impl From<Round> for RoundNumbers {
    fn from(Round { slot, count, p50, p90, p99, min, max, mean }: Round) -> Self {
        (slot, count, p50, p90, p99, min, max, mean)
    }
}

impl Metric {
    /// Whether it is compared by ratio.
    #[must_use]
    pub fn is_ratio(&self) -> bool {
        self.kind == "ratio"
    }

    /// Whether more is better.
    #[must_use]
    pub fn higher_is_better(&self) -> bool {
        self.better == "higher"
    }

    /// The typical value over the counted rounds; `None` when there is none.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        typical(self.rounds.iter().map(|round| round.p50), self.is_ratio())
    }
}

impl Run {
    /// Reduces a report; the error says what is wrong with it.
    pub fn of(record: Record) -> Result<Self, String> {
        let started = record.run.started;
        if started.parse::<jiff::Timestamp>().is_err() {
            return Err(format!("`run.started` is `{started}`, no time such as 2026-11-22T13:20:00Z"));
        }
        Ok(Self {
            id: record.run.id,
            started,
            host_class: record.host.class,
            labels: record.run.labels,
            checks: record.checks.into_iter().map(check).collect(),
        })
    }

    /// The start; `None` where the text is no time, which [`Self::of`] refuses.
    #[must_use]
    pub fn time(&self) -> Option<jiff::Timestamp> {
        self.started.parse().ok()
    }
}

fn check(check: record::CheckRecord) -> Check {
    // What could not be measured to the end is no point of a trend.
    let measured = matches!(check.verdict, Verdict::Passed | Verdict::Failed);
    let metrics = check.metrics.0.into_iter().filter(|_| measured).map(|(name, metric)| Metric {
        name: name.into_owned(),
        unit: metric.unit.symbol().to_owned(),
        better: metric.better.word().to_owned(),
        kind: metric.compared_by.word().to_owned(),
        tolerance: plain(metric.tolerance.max(0.0)),
        rounds: metric.rounds.iter().filter(|round| counts(round)).map(round).collect(),
    });
    Check {
        suite: check.suite.as_ref().to_owned(),
        id: check.id.as_ref().to_owned(),
        digest: check.digest.as_deref().map(str::to_owned),
        verdict: check.verdict,
        metrics: metrics.filter(|metric| !metric.rounds.is_empty()).collect(),
    }
}

fn counts(round: &record::RoundRecord) -> bool {
    round.discarded.is_none() && !round.confirm && round.arm != Some(Arm::Base)
}

fn round(round: &record::RoundRecord) -> Round {
    Round {
        slot: round.slot,
        count: i64::try_from(round.count).unwrap_or(i64::MAX),
        p50: plain(round.p50),
        p90: plain(round.p90),
        p99: plain(round.p99),
        min: plain(round.min),
        max: plain(round.max),
        mean: plain(round.mean),
    }
}

/// Zero without a sign: it means nothing here.
fn plain(value: f64) -> f64 {
    value + 0.0
}
