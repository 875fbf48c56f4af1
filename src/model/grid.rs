//! Cells of a grid: who may reach whom, one case each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a case of a grid asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GridCell {
    /// Who asks.
    pub from: String,
    /// Whom.
    pub to: String,
    /// At which port (`tcp/443`).
    pub port: String,
    /// Whether it is to succeed; everything else is to be denied.
    pub allowed: bool,
    /// The NetworkPolicies that say so; absent where rows of `allow` do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

impl GridCell {
    /// "web to db tcp/5432".
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("{} to {} {}", self.from, self.to, self.port)
    }
}
