//! Signals that end a run early.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A signal that ended a run early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM, or a session that was lost.
    Terminate,
}
