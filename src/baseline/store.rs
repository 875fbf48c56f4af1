//! Baseline files: JSON, sorted keys, one metric per line, made to be committed and reviewed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::record::Metric;
use crate::model::{Record, Verdict};

/// Schema name and version.
pub const SCHEMA: &str = "shakedown.baseline/1";
/// Runs kept per file.
const KEPT: usize = 30;

/// A baseline of one suite on one class of hosts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Baseline {
    /// Always `shakedown.baseline/1`.
    pub schema: String,
    /// The suite.
    pub suite: String,
    /// The class of hosts.
    pub host_class: String,
    /// Accepted runs, oldest first, at most 30.
    pub runs: Vec<Accepted>,
}

/// One accepted run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// Run id.
    pub id: String,
    /// Start, RFC 3339 UTC.
    pub started: String,
    /// SHA-256 of the suite.
    pub suite_sha256: String,
    /// Labels of the run.
    pub labels: BTreeMap<String, String>,
    /// Metrics by `case metric`.
    pub metrics: BTreeMap<String, Metric>,
}

/// Adds the run to the baselines below `folder`, one file per suite; returns the files written.
/// A damaged or newer file is an error, never an empty baseline.
pub fn accept(record: &Record, folder: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    let mut out = Vec::new();
    for suite in &record.suites {
        let metrics = metrics(record, &suite.name);
        if metrics.is_empty() {
            continue;
        }
        let path = folder.join(&suite.name).join(format!("{}.json", record.host.class));
        let mut baseline = match read(&path)? {
            Some(baseline) => baseline,
            None => Baseline {
                schema: SCHEMA.to_owned(),
                suite: suite.name.clone(),
                host_class: record.host.class.clone(),
                runs: Vec::new(),
            },
        };
        baseline.runs.push(Accepted {
            id: record.run.id.clone(),
            started: record.run.started.clone(),
            suite_sha256: suite.sha256.clone(),
            labels: record.run.labels.clone(),
            metrics,
        });
        let surplus = baseline.runs.len().saturating_sub(KEPT);
        baseline.runs.drain(..surplus);
        out.push((path, render(&baseline)));
    }
    Ok(out)
}

fn metrics(record: &Record, suite: &str) -> BTreeMap<String, Metric> {
    let mut out = BTreeMap::new();
    let passed = record.checks.iter().filter(|check| *check.suite == *suite && check.verdict == Verdict::Passed);
    for check in passed {
        for (name, metric) in &check.metrics.0 {
            // Rounds decide comparisons; raw samples stay in the report.
            out.insert(format!("{} {name}", check.id), Metric { histogram: None, ..metric.clone() });
        }
    }
    out
}

/// Reads a baseline; `None` when there is no file.
pub fn read(path: &Path) -> Result<Option<Baseline>, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
    };
    let head: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{} is damaged: {error}", path.display()))?;
    match head.get("schema").and_then(serde_json::Value::as_str) {
        Some(SCHEMA) => {}
        other => {
            let seen = other.unwrap_or("missing");
            return Err(format!("{}: schema is {seen}, this shakedown reads {SCHEMA}", path.display()));
        }
    }
    serde_json::from_str(&text).map(Some).map_err(|error| format!("{} is damaged: {error}", path.display()))
}

/// One metric per line, so that a review shows which changed.
fn render(baseline: &Baseline) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{{\n\"schema\": {},", text(&baseline.schema));
    let _ = writeln!(out, "\"suite\": {},\n\"host_class\": {},", text(&baseline.suite), text(&baseline.host_class));
    out.push_str("\"runs\": [\n");
    for (index, run) in baseline.runs.iter().enumerate() {
        let _ = write!(out, "{{\"id\": {}, \"started\": {},", text(&run.id), text(&run.started));
        let _ = writeln!(out, " \"suite_sha256\": {}, \"labels\": {},", text(&run.suite_sha256), text(&run.labels));
        out.push_str("\"metrics\": {\n");
        let rows: Vec<String> =
            run.metrics.iter().map(|(name, metric)| format!("{}: {}", text(name), text(metric))).collect();
        out.push_str(&rows.join(",\n"));
        out.push_str("\n}}");
        out.push_str(if index + 1 < baseline.runs.len() { ",\n" } else { "\n" });
    }
    out.push_str("]\n}\n");
    out
}

/// Plain data of strings and finite numbers: this cannot fail.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
