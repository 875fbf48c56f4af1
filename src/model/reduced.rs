//! A report reduced to what comparing needs: a view of [`super::record`] that fits into memory beside another, and that holds
//! nothing that is not in the report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check_record::is_false;
use super::comparison::{Arm, ComparedBy};
use super::fact::{Better, Rule};
use super::named::Named;
use super::record::{self, BaseArm, Design, Facts, Host, Record, Run, Shared, SuiteRef, Word};
use super::unit::Unit;
use super::verdict::{Severity, Verdict};

/// A report.
#[derive(Clone, Debug)]
pub struct Report {
    /// When and how.
    pub run: Run,
    /// The machine that measured.
    pub host: Host,
    /// Rounds and seed.
    pub design: Design,
    /// The suite files.
    pub suites: Vec<SuiteRef>,
    /// All cases, in plan order.
    pub checks: Vec<Check>,
}

/// A case.
#[derive(Clone, Debug, Deserialize)]
pub struct Check {
    /// Suite it belongs to.
    pub suite: Shared,
    /// Case id.
    pub id: Shared,
    /// Check id.
    pub check: Shared,
    /// Family key.
    pub family: Word,
    /// The target.
    pub target: String,
    /// Verdict.
    pub verdict: Verdict,
    /// True when it was skipped although it applies here.
    #[serde(default)]
    pub unmet: bool,
    /// Why it failed, errored or was skipped.
    pub reason: Option<String>,
    /// Weight of a failure.
    pub severity: Severity,
    /// Hash of what the check measures.
    pub digest: Option<Shared>,
    /// Facts.
    pub facts: Facts,
    /// Facts that were seen in part, and why.
    #[serde(default)]
    pub partial: Named<String>,
    /// Metrics.
    pub metrics: Named<Metric>,
    /// The old target of an interleaved comparison.
    pub base: Option<Box<BaseArm>>,
    /// Rules for facts that are not the family's own.
    #[serde(default)]
    pub rules: Named<Word>,
    /// Metrics the suite speaks of.
    #[serde(default)]
    pub gated: Vec<Word>,
}

impl Check {
    /// Whether the suite speaks of a metric, or of a statistic of it.
    #[must_use]
    pub fn gates(&self, metric: &str) -> bool {
        self.gated.iter().any(|gated| gated == metric)
    }

    /// Whether the suite has a metric left out of comparisons.
    #[must_use]
    pub fn ignores(&self, metric: &str) -> bool {
        self.rules.get(metric).is_some_and(|rule| Rule::of(rule) == Some(Rule::Ignore))
    }
}

/// A metric: a fact with a direction, reduced to its rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// Unit.
    pub unit: Unit,
    /// Which direction is an improvement.
    pub better: Better,
    /// By `ratio`, or by `difference` as zero is a normal value.
    pub compared_by: ComparedBy,
    /// Smallest change worth an alarm; a share where compared by ratio.
    pub tolerance: f64,
    /// The smallest movement that counts, in the unit, where the suite gives one and it is compared by ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// Tolerances of `p90` and `p99`, where the suite asks for them.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub tails: Named<f64>,
    /// One entry per round.
    pub rounds: Vec<Round>,
}

/// A round of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Round {
    /// Position in the order.
    pub slot: u32,
    /// `base` or `head` of an interleaved comparison.
    pub arm: Option<Arm>,
    /// True when it was measured to confirm an alarm.
    #[serde(default, skip_serializing_if = "is_false")]
    pub confirm: bool,
    /// Samples; of a share, the number it is a share of.
    pub count: u64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Why it does not count, if it does not.
    pub discarded: Option<Word>,
}

impl Round {
    /// Whether it speaks for the run: neither discarded, nor of the old target, nor measured because of an alarm.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.discarded.is_none() && self.arm != Some(Arm::Base) && !self.confirm
    }
}

impl From<&Record> for Report {
    fn from(record: &Record) -> Self {
        Self {
            run: record.run.clone(),
            host: record.host.clone(),
            design: record.design.clone(),
            suites: record.suites.clone(),
            checks: record.checks.iter().map(Check::from).collect(),
        }
    }
}

impl From<&record::CheckRecord> for Check {
    fn from(check: &record::CheckRecord) -> Self {
        Self {
            suite: check.suite.clone(),
            id: check.id.clone(),
            check: check.check.clone(),
            family: check.family.clone(),
            target: check.target.clone(),
            verdict: check.verdict,
            unmet: check.unmet,
            reason: check.reason.clone(),
            severity: check.severity,
            digest: check.digest.clone(),
            facts: check.facts.clone(),
            metrics: check.metrics.0.iter().map(|(name, metric)| (name.clone(), metric.into())).collect(),
            base: check.base.clone(),
            partial: check.partial.clone(),
            rules: check.rules.clone(),
            gated: check.gated.clone(),
        }
    }
}

impl From<&record::Metric> for Metric {
    fn from(metric: &record::Metric) -> Self {
        Self {
            unit: metric.unit,
            better: metric.better,
            compared_by: metric.compared_by,
            tolerance: metric.tolerance,
            at_least: metric.at_least,
            tails: metric.tails.clone(),
            rounds: metric.rounds.iter().map(Round::from).collect(),
        }
    }
}

impl From<&record::RoundRecord> for Round {
    fn from(round: &record::RoundRecord) -> Self {
        Self {
            slot: round.slot,
            arm: round.arm,
            confirm: round.confirm,
            count: round.count,
            p50: round.p50,
            p90: round.p90,
            p99: round.p99,
            discarded: round.discarded.clone(),
        }
    }
}
