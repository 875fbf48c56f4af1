//! Bencher Metric Format: `{benchmark: {measure: {value, lower_value, upper_value}}}` of the newest run.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{ExportFile, one};
use crate::history::Selected;
use crate::report::json;

/// A measured value.
#[derive(Serialize)]
struct BencherMetric {
    /// Typical value over the rounds.
    value: f64,
    /// Lowest median of a round.
    lower_value: f64,
    /// Highest median of a round.
    upper_value: f64,
}

/// The document. Benchmarks are `suite/case`, measures the metrics, in base units.
#[must_use]
pub fn render(selected: &Selected<'_>) -> Vec<ExportFile> {
    let mut out: BTreeMap<String, BTreeMap<&str, BencherMetric>> = BTreeMap::new();
    let newest = selected.runs.len().wrapping_sub(1);
    for series in &selected.series {
        let Some(point) = series.points.last().filter(|point| point.run == newest) else { continue };
        let medians = || point.rounds.iter().map(|round| round.p50);
        let measured = BencherMetric {
            value: point.value,
            lower_value: medians().fold(point.value, f64::min),
            upper_value: medians().fold(point.value, f64::max),
        };
        out.entry(format!("{}/{}", series.key.suite, series.key.check))
            .or_default()
            .insert(series.key.metric, measured);
    }
    one(json::document(&out))
}
