//! Verdicts: what the judge says of one case.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The four verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every expectation held.
    Passed,
    /// Not run, for the reason given.
    Skipped,
    /// Could not be measured.
    Errored,
    /// An expectation did not hold.
    Failed,
}

impl Verdict {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Skipped => "skipped",
            Self::Errored => "errored",
            Self::Failed => "failed",
        }
    }
}

/// Whether a failure fails the gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Fails the run.
    #[default]
    Fail,
    /// Reported, never fails the run.
    Warn,
}
