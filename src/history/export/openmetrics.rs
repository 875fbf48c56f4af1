//! OpenMetrics 1.0 text of the newest run, for a textfile collector: gauges in base units, no timestamps on samples.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{ExportFile, one};
use crate::history::Selected;
use crate::history::reading::ReportFile;
use crate::model::Verdict;
use crate::model::visible::visible_lines;

/// Families that are not metrics of a check.
const OURS: [&str; 2] = ["shakedown_check_verdict", "shakedown_run_timestamp_seconds"];

const VERDICTS: [(Verdict, &str); 4] = [
    (Verdict::Passed, "passed"),
    (Verdict::Failed, "failed"),
    (Verdict::Errored, "errored"),
    (Verdict::Skipped, "skipped"),
];

/// The text.
#[must_use]
pub fn render(selected: &Selected<'_>) -> Vec<ExportFile> {
    let mut out = String::new();
    if let Some(found) = selected.runs.last() {
        metrics(&mut out, selected);
        verdicts(&mut out, selected, found);
        if let Some(start) = found.run.time() {
            head(&mut out, OURS[1], "seconds", "Start of the newest run, since the Unix epoch.");
            let _ = writeln!(out, "{}{{run={}}} {}", OURS[1], quoted(&found.run.id), start.as_second());
        }
    }
    out.push_str("# EOF\n");
    one(out)
}

/// A family of samples: name, then unit word.
type MetricFamily = (String, &'static str);

fn metrics(out: &mut String, selected: &Selected<'_>) {
    let newest = selected.runs.len() - 1;
    // A family's samples must stand together.
    let mut families: BTreeMap<MetricFamily, Vec<String>> = BTreeMap::new();
    for series in &selected.series {
        let Some(point) = series.points.last().filter(|point| point.run == newest) else { continue };
        let key = &series.key;
        let mut labels = format!("suite={},check={}", quoted(key.suite), quoted(key.check));
        // Two names may come to one when made safe.
        let _ = write!(labels, ",metric={},unit={}", quoted(key.metric), quoted(key.unit));
        let _ = write!(labels, ",better={},host_class={}", quoted(key.better), quoted(key.host_class));
        families.entry(family(key.metric, key.unit)).or_default().push(format!("{{{labels}}} {}", point.value));
    }
    let mut taken = OURS.map(str::to_owned).to_vec();
    for ((name, unit), mut samples) in families {
        let name = free(&taken, name, unit);
        head(out, &name, unit, "Typical value over the rounds of the newest run.");
        samples.sort_unstable();
        samples.dedup_by(|a, b| a.rsplit_once(' ').map(|a| a.0) == b.rsplit_once(' ').map(|b| b.0));
        for sample in samples {
            let _ = writeln!(out, "{name}{sample}");
        }
        taken.push(name);
    }
}

fn verdicts(out: &mut String, selected: &Selected<'_>, found: &ReportFile) {
    let name = OURS[0];
    head(out, name, "", "1 for the verdict of the check in the newest run, 0 for the others.");
    let mut seen = std::collections::BTreeSet::new();
    for check in found.run.checks.iter().filter(|check| selected.filter.check(&check.suite, &check.id)) {
        if !seen.insert((&check.suite, &check.id)) {
            continue;
        }
        for (verdict, word) in VERDICTS {
            let (suite, id, is) = (quoted(&check.suite), quoted(&check.id), u8::from(check.verdict == verdict));
            let _ = writeln!(out, "{name}{{suite={suite},check={id},verdict=\"{word}\"}} {is}");
        }
    }
}

fn head(out: &mut String, name: &str, unit: &str, help: &str) {
    let _ = writeln!(out, "# TYPE {name} gauge");
    if !unit.is_empty() {
        let _ = writeln!(out, "# UNIT {name} {unit}");
    }
    let _ = writeln!(out, "# HELP {name} {help}");
}

/// `connect_time` in seconds is `shakedown_connect_time_seconds`.
fn family(metric: &str, unit: &str) -> MetricFamily {
    let unit = match unit {
        "s" => "seconds",
        "B" => "bytes",
        "bit/s" => "bits_per_second",
        "/s" => "per_second",
        _ => "",
    };
    let kept = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = metric.chars().map(kept).collect();
    (suffixed(&format!("shakedown_{name}"), unit), unit)
}

/// The name ends in its unit.
fn suffixed(name: &str, unit: &str) -> String {
    if unit.is_empty() || name.ends_with(&format!("_{unit}")) { name.to_owned() } else { format!("{name}_{unit}") }
}

/// The name, or one like it when a family of another unit has it: a file with two is refused as a whole.
fn free(taken: &[String], name: String, unit: &str) -> String {
    let mut free = name;
    while taken.contains(&free) {
        free = suffixed(&format!("{free}_metric"), unit);
    }
    free
}

/// A label's value: backslash, quote and line end escaped, and what cannot be seen as its escape.
fn quoted(text: &str) -> String {
    format!("\"{}\"", visible_lines(text).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
