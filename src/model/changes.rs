//! Changes between two measurements of the same things that are no numbers: facts, and checks themselves. Plain data;
//! `baseline::facts` fills it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Value;
use super::fact::Rule;
use super::text::{Shared, Word};

/// How a fact changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    /// Another value.
    Changed,
    /// A number rose, a list only gained, a choice moved up its order.
    Grew,
    /// The opposite.
    Shrank,
    /// It was absent before.
    Appeared,
    /// It is absent now.
    Vanished,
}

impl Shift {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Grew => "grew",
            Self::Shrank => "shrank",
            Self::Appeared => "appeared",
            Self::Vanished => "vanished",
        }
    }
}

/// A fact that differs. Ignored facts are not listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FactChange {
    /// Suite of the check.
    pub suite: Shared,
    /// Case id.
    pub check: Shared,
    /// Path of the fact: `version`, `headers.server`; `ttl.p50` for a distribution, which is compared by its median.
    pub fact: String,
    /// The thing it describes beside other facts (`certificate`): what changes of one thing has one reason. `outcome` where it appeared
    /// or vanished along with another outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<Word>,
    /// Its value before, absent when there was none; long values are cut, and say so.
    pub before: Option<Value>,
    /// Its value after.
    pub after: Option<Value>,
    /// How it changed.
    pub change: Shift,
    /// Of a list: what only `after` holds (the first hundred).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<Value>,
    /// Of a list: what only `before` holds (the first hundred).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Value>,
    /// The rule it was compared by.
    pub rule: Rule,
    /// Whether the rule allows the change. Of a check that failed before and passes now every change is allowed.
    pub allowed: bool,
}

/// A fact that a side saw only in part, so that nothing is known of a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartialFact {
    /// Suite of the check.
    pub suite: Shared,
    /// Case id.
    pub check: Shared,
    /// The fact.
    pub fact: String,
    /// What was missing.
    pub why: String,
}

/// How a check differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckShift {
    /// Only the second report has it; `after` is its verdict.
    New,
    /// Only the first report has it; `before` was its verdict.
    Vanished,
    /// Another id for the one definition that only it had: its facts are compared. `before` and `after` are `suite/case`.
    Renamed,
    /// `before` and `after` are verdicts.
    Verdict,
    /// It looks at something else: `before` and `after` are targets.
    Target,
    /// Same target, other definition: `before` and `after` are digests. Its numbers are not comparable.
    Definition,
}

impl CheckShift {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Vanished => "vanished",
            Self::Renamed => "renamed",
            Self::Verdict => "verdict",
            Self::Target => "target",
            Self::Definition => "definition",
        }
    }
}

/// A check that differs as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckChange {
    /// Its suite.
    pub suite: Shared,
    /// Case id; of a renamed check the new one.
    pub check: Shared,
    /// Family key.
    pub family: Word,
    /// How it differs.
    pub change: CheckShift,
    /// Before; what it is depends on `change`.
    pub before: Option<String>,
    /// After.
    pub after: Option<String>,
    /// Why the verdict before was none of `passed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_before: Option<String>,
    /// Why the verdict after is none of `passed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_after: Option<String>,
    /// Less is shown to work than before: it vanished, or its verdict got worse, or it is new and did not pass. Never for a
    /// check that is there with `severity: warn`.
    pub worse: bool,
}

/// Everything that differs beside the metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Changes {
    /// Facts, in the order of the checks.
    pub facts: Vec<FactChange>,
    /// Checks, those that vanished last.
    pub checks: Vec<CheckChange>,
    /// Facts that one side saw only in part: they are not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<PartialFact>,
    /// Changes beyond the limits, which are counted here and not listed.
    pub left_out: u64,
    /// Changes of facts that their rule does not allow, listed or not.
    pub not_allowed: u64,
    /// Changes of checks for the worse, listed or not.
    pub worse: u64,
    /// Checks whose facts were compared: those that both sides could measure.
    pub compared: u64,
    /// Checks of one side that the selection of the other left out: nothing is known of a change.
    #[serde(default)]
    pub not_selected: u64,
}
