//! A metric of a case, as baselines and calibrations know it.

use crate::model::Unit;

/// The name of a metric and the definition behind it.
#[derive(Clone, Copy, Debug)]
pub struct MetricKey<'a> {
    /// Case id.
    pub check: &'a str,
    /// Metric.
    pub metric: &'a str,
    /// Digest of the case's definition.
    pub digest: Option<&'a str>,
    /// Unit.
    pub unit: Unit,
}

impl MetricKey<'_> {
    /// Its name in a file.
    #[must_use]
    pub fn name(self) -> String {
        name(self.check, self.metric)
    }
}

/// The name in a file: `case metric`.
#[must_use]
pub fn name(check: &str, metric: &str) -> String {
    format!("{check} {metric}")
}

/// Case id and metric of a name; metrics have no space in them.
#[must_use]
pub fn split(name: &str) -> (&str, &str) {
    name.rsplit_once(' ').unwrap_or((name, ""))
}
