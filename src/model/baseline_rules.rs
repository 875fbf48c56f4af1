//! How the facts of a check are compared with an earlier or another measurement, where the suite says so. Plain data;
//! `suite` reads it.

use std::collections::BTreeMap;

use super::fact::Rule;

/// Tolerances and rules of a check that are not the family's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BaselineRules {
    /// Smallest change that counts, by metric.
    pub tolerances: BTreeMap<String, f64>,
    /// The same for `p90` and `p99`, by metric and statistic.
    pub tails: BTreeMap<String, Vec<(&'static str, f64)>>,
    /// The changes a fact may have, by fact.
    pub rules: BTreeMap<String, Rule>,
}
