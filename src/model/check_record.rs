//! One case of a run: its part of the document `shakedown.report/1`.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::comparison::{Arm, Change, ComparedBy, Comparison};
use super::control::Control;
use super::expectation::{Operator, Origin};
use super::fact::Better;
use super::fault::Fault;
use super::grid::GridCell;
use super::named::{FactValue, Named};
use super::place::Place;
use super::text::{Shared, Word};
use super::timeline::Timeline;
use super::unit::Unit;
use super::verdict::{Severity, Verdict};

/// One case.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CheckRecord {
    /// Suite it belongs to.
    pub suite: Shared,
    /// Case id with sorted matrix keys.
    pub id: Shared,
    /// Check id.
    pub check: Shared,
    /// Family key.
    pub family: Word,
    /// The target.
    pub target: String,
    /// What it asks, of a check that is a grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<GridCell>,
    /// The network namespace it ran in; absent where that is the one of shakedown itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netns: Option<Shared>,
    /// Tags.
    pub tags: Vec<String>,
    /// Verdict.
    pub verdict: Verdict,
    /// True when it passed only after a retry.
    pub flaky: bool,
    /// True when it was skipped although it applies here: a need did not pass, or the run ended before it.
    pub unmet: bool,
    /// Why it failed, errored or was skipped: the cause, in one sentence.
    pub reason: Option<String>,
    /// What a person does next, of a case that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What failures with one cause have alike (one expired certificate on many addresses, one dead IP version): reports for
    /// people tell them once. Absent where the cause is the check's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The fault of an errored case.
    pub fault: Option<Fault>,
    /// Weight of a failure.
    pub severity: Severity,
    /// Where the check is written.
    pub at: Place,
    /// Start, RFC 3339 UTC; absent when it never ran.
    pub started: Option<String>,
    /// Length, seconds.
    pub duration_s: f64,
    /// Attempts made.
    pub attempts: u32,
    /// Why the attempts before the last did not hold (the first few).
    pub earlier: Vec<String>,
    /// Seconds until it held, with `eventually`.
    pub settled_in_s: Option<f64>,
    /// Hash of what the check measures; where it looks (hosts, addresses, ports) counts as the suite is written, overrides
    /// left out: numbers of another definition are not comparable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Shared>,
    /// Facts observed.
    pub facts: Facts,
    /// Facts of which only a part was seen, or that may be less than was counted, and why.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub partial: Named<String>,
    /// How many elements the lists and tables had of which not all are kept.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub totals: Named<u64>,
    /// How many samples of a distribution were taken while this host itself was late. They are no measure of the target: neither
    /// judged nor compared, except that a limit they keep is kept.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub late_here: Named<u64>,
    /// Expectations, each judged.
    pub expectations: Vec<Outcome>,
    /// What shows that a silence which was expected is the target's; absent unless it passed on silence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    /// Measurements, for baselines and comparison.
    pub metrics: Named<Metric>,
    /// Lines of evidence.
    pub notes: Vec<String>,
    /// What streams of probes saw over time, of a check that watches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Arc<Timeline>>,
    /// Metrics compared with the other arm, or with the baseline: by metric, or `metric.p90` and `metric.p99`.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub comparison: Named<Comparison>,
    /// The baseline it was compared with; absent without one.
    pub baseline: Option<BaselineRef>,
    /// The old target of an interleaved comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Box<BaseArm>>,
    /// What was seen over IPv4, of a check with `parity`; all else is of IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_ipv4: Option<Box<BaseArm>>,
    /// Rules for facts that are not the family's own: `same`, `may_grow`, `may_shrink`, `ignore`.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub rules: Named<Word>,
    /// Metrics the suite speaks of, in `baseline` or `expect`: of the others an undecided comparison is told in one line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gated: Vec<Word>,
}

/// The baseline a case was compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BaselineRef {
    /// The file.
    pub file: String,
    /// Runs in it.
    pub runs: u32,
    /// Those of them that measured the same thing.
    pub comparable: u32,
    /// Run id of the pinned release.
    pub pinned: Option<String>,
}

/// The other side of what was measured in turn: arm `base` of an interleaved comparison, where the verdict is about arm `head`, or
/// IPv4, where it is about both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BaseArm {
    /// The target.
    pub target: String,
    /// Whether the expectations held there.
    pub verdict: Verdict,
    /// Why not.
    pub reason: Option<String>,
    /// Facts observed.
    pub facts: Facts,
    /// Those of them that were seen in part, and why.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub partial: Named<String>,
}

/// When a case ran and how often.
#[derive(Clone, Debug, Default)]
pub struct Timing {
    /// Start, RFC 3339 UTC; absent when it never ran.
    pub started: Option<String>,
    /// Length of all attempts.
    pub duration: Duration,
    /// Attempts made.
    pub attempts: u32,
    /// Why earlier attempts did not hold.
    pub earlier: Vec<String>,
}

/// One expectation, judged.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// Fact path.
    pub fact: Shared,
    /// Operator.
    pub operator: Word,
    /// Wanted, as written.
    pub want: Shared,
    /// Seen, for people; absent when the fact was absent.
    pub got: Option<String>,
    /// Whether it held.
    pub held: bool,
    /// Whether the suite asks for it, or the family as long as the suite says nothing else.
    #[serde(default)]
    pub origin: OriginWord,
    /// Where it is written; absent for a default.
    pub at: Option<Place>,
}

/// How it is told of a time that something still had to last that it is over.
pub const EXPIRED: &str = "expired ";

impl Outcome {
    /// "outcome: expected connected, saw timeout".
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("{}: expected {}, {}", self.fact, self.in_words(), self.seen())
    }

    /// "saw timeout", "expired 60 d ago": what became of it.
    #[must_use]
    pub fn seen(&self) -> String {
        match self.got.as_deref().unwrap_or("nothing") {
            over if over.starts_with(EXPIRED) => over.to_owned(),
            got => format!("saw {got}"),
        }
    }

    /// "at most 20ms": the operator and the wanted value in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        // A report may come from a later version, with an operator of its own.
        Operator::of(&self.operator)
            .map_or_else(|| format!("{} {}", self.operator, self.want), |operator| operator.sentence(&self.want))
    }
}

/// Who asks for an expectation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OriginWord {
    /// The suite.
    #[default]
    Suite,
    /// The family's default.
    Default,
    /// Another field of the check, which says what to expect (`timers`).
    Derived,
}

impl From<&Origin> for OriginWord {
    fn from(origin: &Origin) -> Self {
        match origin {
            Origin::Suite(_) => Self::Suite,
            Origin::Default => Self::Default,
            Origin::Derived(_) => Self::Derived,
        }
    }
}

/// A metric: a fact with a direction, reduced to its rounds.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// Unit.
    pub unit: Unit,
    /// Which direction is an improvement.
    pub better: Better,
    /// By `ratio`, or by `difference` as zero is a normal value.
    pub compared_by: ComparedBy,
    /// Smallest change that counts; a share where compared by ratio.
    pub tolerance: f64,
    /// The smallest movement that counts, in the unit, where the suite gives one and it is compared by ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// Tolerances of `p90` and `p99`, where the suite asks for them.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub tails: Named<f64>,
    /// One entry per round.
    pub rounds: Vec<RoundRecord>,
    /// All counted samples, `HdrHistogram` V2 in base64; absent for fewer than two samples.
    pub histogram: Option<String>,
}

/// A round of a metric.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RoundRecord {
    /// Position in the order.
    pub slot: u32,
    /// `base` or `head` of an interleaved comparison.
    pub arm: Option<Arm>,
    /// True when it was measured to confirm an alarm.
    #[serde(default, skip_serializing_if = "is_false")]
    pub confirm: bool,
    /// Start after the start of the case, seconds.
    pub start_s: f64,
    /// Samples; of a share, what it is a share of.
    pub count: u64,
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
    /// Why it does not count, if it does not.
    pub discarded: Option<Word>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}

/// Facts by name, in table order.
pub type Facts = Named<FactValue>;

impl CheckRecord {
    /// The worst verdict on a metric; `None` when nothing was to be compared.
    #[must_use]
    pub fn worst_change(&self) -> Option<Change> {
        self.comparison.0.iter().map(|(_, comparison)| comparison.verdict).max()
    }

    /// Whether it holds and is worse than what it was compared with; with `severity: fail` that fails the run.
    #[must_use]
    pub fn regressed(&self) -> bool {
        self.verdict == Verdict::Passed && self.worst_change() == Some(Change::Regressed)
    }

    /// Whether it fails with `--strict` although it holds and has not regressed.
    #[must_use]
    pub fn undecided(&self) -> bool {
        let open = matches!(self.worst_change(), Some(Change::Inconclusive | Change::NotCompared));
        self.verdict == Verdict::Passed && self.severity == Severity::Fail && open
    }
}
