//! The record of a finished run: exactly the document `shakedown.report/1`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check_record::is_false;
pub use super::check_record::{
    BaseArm, BaselineRef, CheckRecord, EXPIRED, Facts, Metric, OriginWord, Outcome, RoundRecord, Timing,
};
use super::comparison::Change;
pub use super::control::Control;
pub use super::named::FactValue;
use super::signal::Signal;
pub use super::text::{Shared, Word};
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
    /// `--deadline`: how long the run might take, seconds; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_s: Option<f64>,
    /// True when that deadline passed before every check had ended: those are errored, with a fault `run_deadline`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deadline_reached: bool,
    /// `--failed-from`: the id of the run of which this one repeats what was not well; absent when nothing is repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerun_of: Option<String>,
    /// Words of the command line that change what the suites say: variables (`--var`, `web=8081`), files of them, rounds, timeout; and
    /// those that allow what they do (`--allow-disruptive`), or say where its journal is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<String>,
    /// `--strict`: a comparison without a result fails the run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub strict: bool,
    /// Checks (`suite/case`) that the baseline has and the suites no longer do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vanished: Vec<String>,
    /// Checks (`suite/case`) that the suites have and the selection left out (`--only`, `--tag`, `--skip-tag`, `--failed-from`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deselected: Vec<String>,
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

impl Design {
    /// Whether metrics were to be compared.
    #[must_use]
    pub fn compares(&self) -> bool {
        self.kind == DesignKind::Interleaved || self.baseline.is_some()
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
