//! Silence that was expected, and the control that shows it is the target's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::verdict::Verdict;

/// A silence that was expected and seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// The outcome (`timeout`).
    pub outcome: String,
    /// The addresses that were silent, where the family has them as a fact; rounds may have several.
    pub addresses: Vec<String>,
}

/// The control of a case that passed on silence: another check, run again afterwards, that shows that this silence is the
/// target's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Control {
    /// Suite and case (`edge/ssh`).
    pub check: String,
    /// What it came to when it ran again.
    pub verdict: Verdict,
    /// Why it did not pass.
    pub reason: Option<String>,
    /// The address it reached.
    pub address: Option<String>,
}
