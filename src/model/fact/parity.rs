//! Facts every family has when the check says `parity`: what IPv4 and IPv6 show side by side.

use super::{Fact, FactInfo};
use crate::model::Value;
use crate::model::table::facts;

facts! { pub PARITY;
    /// Whether nothing differs.
    pub const SAME: Fact<bool> = Fact::flag(
        "parity.same",
        "Whether IPv4 and IPv6 show the same: every fact that `compare` compares, and the content. A fact leaves the comparison with `baseline: {FACT: {change: ignore}}`.",
    )
    .expected("true")
    .lifted_by(&["parity.differences"]);
    /// What differs.
    pub const DIFFERENCES: Fact<Vec<String>> =
        Fact::list("parity.differences", "Every fact that differs: `status: 200 over IPv4, 503 over IPv6`.");
    /// How times and rates differ.
    pub const RATIO: Fact<Value> = Fact::object(
        "parity.ratio",
        "Of times and rates, the median over IPv6 divided by that over IPv4, by metric: `parity.ratio.connect_time: {lt: 1.5}`. It is judged where its whole 95 % confidence interval agrees, else errored. Needs `rounds: 6` or more.",
    );
}

/// Whether a fact is one of them.
#[must_use]
pub fn is_parity(info: &FactInfo) -> bool {
    PARITY.iter().any(|fact| fact.name == info.name)
}

/// The metric of a path below `parity.ratio`.
#[must_use]
pub fn metric(path: &str) -> Option<&str> {
    path.strip_prefix(RATIO.info.name)?.strip_prefix('.')
}
