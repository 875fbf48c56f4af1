//! Directions and rules: what a difference between two measurements of a fact means.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which direction is an improvement. A fact with a direction is a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Smaller is better (latency, loss).
    Lower,
    /// Larger is better (throughput).
    Higher,
}

impl Better {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
        }
    }
}

/// How a fact may change between two observations of the same target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// It must be the same. A list is the same in any order.
    Same,
    /// A number may rise, a list gain, a choice move up its order.
    MayGrow,
    /// The opposite.
    MayShrink,
    /// It differs from one observation to the next, and says nothing.
    Ignore,
}

impl Rule {
    /// All, in the order of the docs.
    pub const ALL: [Self; 4] = [Self::Same, Self::MayGrow, Self::MayShrink, Self::Ignore];

    /// The word in suites and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::MayGrow => "may_grow",
            Self::MayShrink => "may_shrink",
            Self::Ignore => "ignore",
        }
    }

    /// The rule of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.word() == word)
    }
}
