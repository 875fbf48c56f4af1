//! The document of `shakedown compare`: `shakedown.comparison/1`. Plain data.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::changes::{CheckChange, FactChange, PartialFact};
use super::comparison::{Change, Comparison};
use super::record::{Shared, Tool};
use super::verdict::Severity;

/// Schema name and version.
pub const SCHEMA: &str = "shakedown.comparison/1";

/// Which two sides are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SidesKind {
    /// Two arms of one report.
    Interleaved,
    /// Runs of different times.
    Sessions,
}

/// Two sides compared: metrics with statistics, facts by their rules, checks as a whole.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ComparisonDocument {
    /// Always `shakedown.comparison/1`.
    pub schema: String,
    /// The program that made it.
    pub tool: Tool,
    /// Two arms of one report, or runs of different times.
    pub kind: SidesKind,
    /// `--strict`: a comparison without a result fails.
    pub strict: bool,
    /// The reference, oldest first; empty for `interleaved`.
    pub base: Vec<Side>,
    /// The side compared with it.
    pub head: Side,
    /// Every metric of either side.
    pub metrics: Vec<MetricRow>,
    /// Facts that differ.
    pub facts: Vec<FactChange>,
    /// Checks that differ as a whole.
    pub checks: Vec<CheckChange>,
    /// Facts that one side saw only in part: they are not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<PartialFact>,
    /// Checks of the head that apply and have no result, errored or not run, as `suite/case`: the first thousand of `checks_unmeasured`.
    pub unmeasured: Vec<String>,
    /// Counts.
    pub summary: Summary,
}

impl ComparisonDocument {
    /// Whether there was nothing to hold against each other. Two arms are measured for their metrics; of two reports the facts
    /// may be all there is.
    #[must_use]
    pub fn nothing_compared(&self) -> bool {
        let counts = self.summary;
        let no_metric = counts.not_compared == counts.metrics;
        no_metric && (counts.metrics > 0 || counts.checks_compared == 0 || self.kind == SidesKind::Interleaved)
    }
}

/// A report or an accepted run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// The file.
    pub file: String,
    /// Run id.
    pub run: String,
    /// Start, RFC 3339 UTC.
    pub started: String,
    /// Class of the host that measured.
    pub host_class: String,
    /// Labels of the run.
    pub labels: BTreeMap<String, String>,
    /// True when a signal ended the run early: what it shows is not all there is.
    pub interrupted: bool,
}

/// One metric compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricRow {
    /// Suite of the check.
    pub suite: Shared,
    /// Case id.
    pub check: Shared,
    /// Metric, with `.p90` or `.p99` where a tail was compared.
    pub metric: String,
    /// Weight of the check in the head: with `warn` a regression fails nothing. `fail` where only the reference has it.
    pub severity: Severity,
    /// Whether the suite of the head speaks of the metric, in `baseline` or `expect`.
    #[serde(default)]
    pub gated: bool,
    /// The comparison.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// Counts of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Metrics of either side.
    pub metrics: u64,
    /// Worse, by at least the tolerance and beyond chance, with `severity: fail`.
    pub regressed: u64,
    /// The same with `severity: warn`; not part of `regressed`.
    pub regressed_warned: u64,
    /// Better.
    pub improved: u64,
    /// Shown to lie within the tolerance.
    pub unchanged: u64,
    /// Neither a change nor its absence shown.
    pub inconclusive: u64,
    /// Nothing to compare with; each row says why.
    pub not_compared: u64,
    /// Changed facts their rule does not allow.
    pub facts_not_allowed: u64,
    /// Changed facts their rule allows.
    pub facts_allowed: u64,
    /// Checks that show less than before: vanished, a worse verdict, or new and not passed.
    pub checks_worse: u64,
    /// Checks of the head that errored, or were not run though they apply.
    pub checks_unmeasured: u64,
    /// Checks whose facts were compared.
    pub checks_compared: u64,
    /// Checks of one side that the selection of the other left out (`run --only`): not compared, and no change.
    #[serde(default)]
    pub checks_not_selected: u64,
    /// Changes beyond the limits of the lists; counted above, not listed.
    pub left_out: u64,
}

impl Summary {
    /// Counts one metric.
    pub fn add(&mut self, change: Change, severity: Severity) {
        self.metrics += 1;
        *match change {
            Change::Regressed if severity == Severity::Warn => &mut self.regressed_warned,
            Change::Regressed => &mut self.regressed,
            Change::Improved => &mut self.improved,
            Change::Unchanged => &mut self.unchanged,
            Change::Inconclusive => &mut self.inconclusive,
            Change::NotCompared => &mut self.not_compared,
        } += 1;
    }
}
