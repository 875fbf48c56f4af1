//! The record of a finished run: exactly the document `shakedown.report/1`.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::comparison::{Arm, Change, ComparedBy, Comparison};
pub use super::control::Control;
use super::fact::Better;
use super::fault::Fault;
pub use super::named::FactValue;
use super::named::Named;
use super::place::Place;
use super::signal::Signal;
pub use super::text::{Shared, Word};
use super::unit::Unit;
use super::verdict::{Severity, Verdict};

/// Schema name and version of the report.
pub const SCHEMA: &str = "shakedown.report/1";

/// A finished (or interrupted) run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Always `shakedown.report/1`.
    pub schema: String,
    /// The program that made it.
    pub tool: Tool,
    /// When and how.
    pub run: Run,
    /// The machine that measured.
    pub host: Host,
    /// Rounds and seed.
    pub design: Design,
    /// The suite files.
    pub suites: Vec<SuiteRef>,
    /// Counts of verdicts.
    pub summary: Counts,
    /// All cases, in plan order.
    pub checks: Vec<CheckRecord>,
}

/// The program.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `shakedown`.
    pub name: String,
    /// Version.
    pub version: String,
}

/// The run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Unique id.
    pub id: String,
    /// Start, RFC 3339 UTC.
    pub started: String,
    /// Length by a monotonic clock, seconds.
    pub duration_s: f64,
    /// True when a signal ended it early.
    pub interrupted: bool,
    /// The signal.
    pub signal: Option<Signal>,
    /// `--strict`: a comparison without a result fails the run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub strict: bool,
    /// Checks (`suite/case`) that the baseline has and the suites no longer do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vanished: Vec<String>,
    /// `--label K=V`.
    pub labels: BTreeMap<String, String>,
}

/// The machine.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Host name; `localhost` when unknown.
    pub name: String,
    /// Distribution.
    pub os: String,
    /// Kernel release.
    pub kernel: String,
    /// Processor model.
    pub cpu: String,
    /// Logical processors.
    pub cores: u32,
    /// Main memory, bytes.
    pub memory_bytes: u64,
    /// Network interfaces that are up.
    pub interfaces: Vec<Interface>,
    /// Default congestion control of TCP.
    pub tcp_congestion: Option<String>,
    /// Kernel clock source.
    pub clock: Option<String>,
    /// Hypervisor or container, if one shows.
    pub virtualization: Option<String>,
    /// Hash of the parts that make numbers incomparable.
    pub class: String,
}

/// A network interface.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Interface {
    /// Name.
    pub name: String,
    /// MTU, bytes.
    pub mtu: Option<u32>,
    /// Link speed; absent for virtual links.
    pub speed_bits_per_s: Option<u64>,
}

/// How the rounds of a run are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DesignKind {
    /// One target, rounds in sequence.
    #[default]
    Single,
    /// Two targets in pairs of random order.
    Interleaved,
}

/// How the measurement was laid out.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Design {
    /// One target, or two in pairs.
    pub kind: DesignKind,
    /// Seed of everything random.
    pub seed: u64,
    /// Largest number of rounds of a check.
    pub rounds: u32,
    /// Discarded rounds before them (per arm).
    pub warm_up: u32,
    /// Of `interleaved`: the variables in which arm `head` differs from the suite as written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub against: BTreeMap<String, String>,
    /// The store of baselines the run was judged against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
}

/// A suite file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SuiteRef {
    /// `suite:` of the file.
    pub name: String,
    /// Path as given.
    pub file: String,
    /// SHA-256 of the file and what it includes.
    pub sha256: String,
}

/// Counts of verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// All cases.
    pub total: u64,
    /// Every expectation held.
    pub passed: u64,
    /// An expectation did not hold, with `severity: fail`.
    pub failed: u64,
    /// Could not be measured.
    pub errored: u64,
    /// Not run.
    pub skipped: u64,
    /// Not run although it applies here (a need did not pass); part of `skipped`.
    pub unmet: u64,
    /// Passed after a retry; part of `passed`.
    pub flaky: u64,
    /// Failed with `severity: warn`; not part of `failed`.
    pub warned: u64,
    /// With a metric that regressed and `severity: fail`; part of `passed`.
    pub regressed: u64,
    /// With a metric that was compared, whatever came of it.
    #[serde(default)]
    pub compared: u64,
    /// With a metric that could not be compared or shows neither a change nor its absence, none that regressed, and
    /// `severity: fail`; part of `passed`.
    #[serde(default)]
    pub inconclusive: u64,
}

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
    /// Tags.
    pub tags: Vec<String>,
    /// Verdict.
    pub verdict: Verdict,
    /// True when it passed only after a retry.
    pub flaky: bool,
    /// True when it was skipped although it applies here: a need did not pass, or the run ended before it.
    pub unmet: bool,
    /// Why it failed, errored or was skipped.
    pub reason: Option<String>,
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
    /// Expectations, each judged.
    pub expectations: Vec<Outcome>,
    /// What shows that a silence which was expected is the target's; absent unless it passed on silence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    /// Measurements, for baselines and comparison.
    pub metrics: Named<Metric>,
    /// Lines of evidence.
    pub notes: Vec<String>,
    /// Metrics compared with the other arm, or with the baseline: by metric, or `metric.p90` and `metric.p99`.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub comparison: Named<Comparison>,
    /// The baseline it was compared with; absent without one.
    pub baseline: Option<BaselineRef>,
    /// The old target of an interleaved comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Box<BaseArm>>,
    /// Rules for facts that are not the family's own: `same`, `may_grow`, `may_shrink`, `ignore`.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub rules: Named<Word>,
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

/// The observations of arm `base` of an interleaved comparison. The verdict of the case is about arm `head`.
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

/// Who asks for an expectation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OriginWord {
    /// The suite.
    #[default]
    Suite,
    /// The family's default.
    Default,
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
    /// Smallest change worth an alarm; a share where compared by ratio.
    pub tolerance: f64,
    /// The same for `p90` and `p99`, where the suite asks for them.
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

impl Design {
    /// Whether metrics were to be compared.
    #[must_use]
    pub fn compares(&self) -> bool {
        self.kind == DesignKind::Interleaved || self.baseline.is_some()
    }
}

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

impl Counts {
    /// Counts the verdicts of `checks`.
    #[must_use]
    pub fn of<'a>(checks: impl IntoIterator<Item = &'a CheckRecord>) -> Self {
        let mut counts = Self::default();
        for check in checks {
            counts.add(check);
        }
        counts
    }

    /// Adds one case.
    pub fn add(&mut self, check: &CheckRecord) {
        self.total += 1;
        self.flaky += u64::from(check.flaky);
        self.unmet += u64::from(check.unmet);
        let judged = || check.comparison.0.iter().map(|(_, comparison)| comparison.verdict);
        self.compared += u64::from(judged().any(|change| change != Change::NotCompared));
        match check.worst_change().filter(|_| check.severity == Severity::Fail && check.verdict == Verdict::Passed) {
            Some(Change::Regressed) => self.regressed += 1,
            Some(Change::Inconclusive | Change::NotCompared) => self.inconclusive += 1,
            _ => {}
        }
        match check.verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Skipped => self.skipped += 1,
            Verdict::Errored => self.errored += 1,
            Verdict::Failed if check.severity == Severity::Warn => self.warned += 1,
            Verdict::Failed => self.failed += 1,
        }
    }
}
