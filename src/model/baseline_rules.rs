//! How the facts of a check are compared with an earlier or another measurement, where the suite says so. Plain data;
//! `suite` reads it.

use std::collections::BTreeMap;

use super::fact::Rule;

/// Tolerances and rules of a check that are not the family's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BaselineRules {
    /// Smallest change worth an alarm, by metric.
    pub tolerances: BTreeMap<String, f64>,
    /// Smallest movement that counts, in the metric's unit, by metric: of what is compared by ratio, where a share of almost nothing is
    /// noise.
    pub floors: BTreeMap<String, f64>,
    /// Tolerances of `p90` and `p99`, by metric and statistic.
    pub tails: BTreeMap<String, Vec<(&'static str, f64)>>,
    /// The changes a fact may have, by fact; a metric is compared, or ignored.
    pub rules: BTreeMap<String, Rule>,
}

impl BaselineRules {
    /// Whether a metric is not compared.
    #[must_use]
    pub fn ignores(&self, metric: &str) -> bool {
        self.rules.get(metric) == Some(&Rule::Ignore)
    }

    /// These where they say something of a fact, else those of `defaults`. What a check says of a metric's numbers compares it, also
    /// where the default is to ignore it.
    #[must_use]
    pub fn over(self, defaults: Self) -> Self {
        let mut out = defaults;
        let speaks = [self.tolerances.keys(), self.floors.keys()].into_iter().flatten().chain(self.tails.keys());
        for name in speaks {
            out.rules.remove(name);
        }
        out.tolerances.extend(self.tolerances);
        out.floors.extend(self.floors);
        for (name, tails) in self.tails {
            let all = out.tails.entry(name).or_default();
            for (statistic, tolerance) in tails {
                all.retain(|(other, _)| *other != statistic);
                all.push((statistic, tolerance));
            }
        }
        out.rules.extend(self.rules);
        out
    }
}
