//! A metric compared between two sides: ratio, interval, verdict. Plain data; `baseline::metrics` fills it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::Word;
use super::unit::Unit;

/// One side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// The old target: the suite as written.
    Base,
    /// The new target: the suite with the overrides.
    Head,
}

/// How two values of a metric are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComparedBy {
    /// By their ratio: times and rates, which are never zero.
    Ratio,
    /// By their difference, as zero is a normal value.
    Difference,
}

impl ComparedBy {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ratio => "ratio",
            Self::Difference => "difference",
        }
    }
}

/// The verdict on a comparison, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Better, by at least the tolerance and beyond chance.
    Improved,
    /// Shown to lie within the tolerance.
    Unchanged,
    /// There is nothing to compare with; the reason says why.
    NotCompared,
    /// Neither a change nor its absence could be shown.
    Inconclusive,
    /// Worse, by at least the tolerance and beyond chance.
    Regressed,
}

impl Change {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::Unchanged => "unchanged",
            Self::NotCompared => "not_compared",
            Self::Inconclusive => "inconclusive",
            Self::Regressed => "regressed",
        }
    }
}

/// A metric compared with a reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Verdict.
    pub verdict: Change,
    /// By `ratio`, or by `difference` as zero is a normal value.
    pub compared_by: ComparedBy,
    /// Unit of `base`, `head` and, where compared by difference, of difference, interval, mde and tolerance.
    pub unit: Unit,
    /// head / base; absent where compared by difference.
    pub ratio: Option<f64>,
    /// head - base; absent where compared by ratio.
    pub difference: Option<f64>,
    /// 95 % confidence interval of the ratio, or of the difference.
    pub ci: Option<[f64; 2]>,
    /// Two-sided p-value of "no change".
    pub p: Option<f64>,
    /// Minimum detectable effect: the change found in 80 of 100 such comparisons. A share (0.05 is 5 %) where compared by ratio.
    pub mde: Option<f64>,
    /// The smallest change worth an alarm. A share where compared by ratio.
    pub tolerance: f64,
    /// The smallest movement that counts, in `unit`: where it is more than the tolerance of this level, it takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// Name and version of the method; `docs/statistics.md` describes each.
    pub method: Word,
    /// The reference, for people.
    pub against: String,
    /// Typical value of the reference.
    pub base: Option<f64>,
    /// Typical value seen now.
    pub head: Option<f64>,
    /// Rounds (or runs, where the run is the unit) of the reference and of what was compared.
    pub counts: [u32; 2],
    /// Rounds per arm that would find a change of the tolerance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds_needed: Option<u32>,
    /// Comparable runs still missing in the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_needed: Option<u32>,
    /// Why it could not be decided or compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The second measurement an alarm called for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Confirmation>,
    /// The same metric against the pinned release. The verdict above is `regressed` when either is, else that of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Box<Comparison>>,
}

/// Fresh rounds, measured because of an alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Confirmation {
    /// Whether the alarm stands.
    pub stands: bool,
    /// head / base, or head - base, of the fresh rounds alone.
    pub effect: Option<f64>,
    /// Its 95 % confidence interval.
    pub ci: Option<[f64; 2]>,
    /// One-sided p-value of "not worse".
    pub p: Option<f64>,
    /// The level `p` had to stay below.
    pub alpha: f64,
}
