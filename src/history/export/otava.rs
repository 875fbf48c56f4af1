//! Apache Otava: one CSV per series and `otava.yaml`.
//!
//! Measured with 0.8.0: an empty cell loses the whole test behind an exit code of 0, and one NaN hides every change point of
//! its column. So each series has a file of its own, with no row that has no value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::ExportFile;
use crate::history::Selected;
use crate::history::series::{Key, Series};
use crate::model::visible::visible;
use crate::net::bytes::hex;

/// Name of the configuration.
pub const CONFIG: &str = "otava.yaml";
/// Longest file name before its ending; file systems take 255 bytes.
const LONGEST: usize = 150;

/// The files.
#[must_use]
pub fn render(selected: &Selected<'_>) -> Vec<ExportFile> {
    let names = names(&selected.series);
    let mut config = String::from(if names.is_empty() { "tests: {}\n" } else { "tests:\n" });
    let mut out = Vec::with_capacity(names.len() + 1);
    for (series, name) in selected.series.iter().zip(names) {
        let file = format!("{name}.csv");
        let column = column(series.key.metric);
        let direction = if series.higher_is_better() { 1 } else { -1 };
        let _ = write!(
            config,
            "  \"{name}\":\n    type: csv\n    file: \"{file}\"\n    time_column: time\n    attributes: [branch, commit]\n    \
             metrics:\n      \"{column}\": {{column: \"{column}\", direction: {direction}, scale: 1}}\n"
        );
        out.push(ExportFile { name: file, text: csv(selected, series, &column) });
    }
    out.push(ExportFile { name: CONFIG.to_owned(), text: config });
    out
}

fn csv(selected: &Selected<'_>, series: &Series<'_>, column: &str) -> String {
    let mut out = format!("time,branch,commit,{column}\n");
    for point in series.points.iter().filter(|point| point.value.is_finite()) {
        let run = &selected.runs[point.run].run;
        let label = |name: &str| run.labels.get(name).map(|value| cell(value)).filter(|value| !value.is_empty());
        let branch = label("branch").unwrap_or("main".into());
        // A run id is never empty in a report we wrote; an empty cell would lose the test.
        let commit = label("commit").unwrap_or_else(|| cell(if run.id.is_empty() { "unknown" } else { &run.id }));
        // A report without a start is refused where it is read.
        let Some(start) = run.time() else { continue };
        let _ = writeln!(out, "{},{branch},{commit},{}", time(start), point.value);
    }
    out
}

/// Seconds are enough, and Otava reads `+00:00` in every version.
fn time(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// A CSV cell (RFC 4180), on one line.
fn cell(text: &str) -> String {
    let text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = visible(&text);
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// A metric as the name of a column. The four others are taken.
fn column(metric: &str) -> String {
    let name = safe(metric);
    if ["time", "branch", "commit"].contains(&name.as_str()) { format!("{name}_") } else { name }
}

/// Names for files and tests: safe everywhere and unique, also where case does not count. A name that does not say it all
/// ends in a hash of the whole.
fn names(series: &[Series<'_>]) -> Vec<String> {
    let plain = |key: &Key<'_>| format!("{}.{}.{}", safe(key.suite), safe(key.check), safe(key.metric));
    let mut count: BTreeMap<String, u32> = BTreeMap::new();
    for series in series {
        *count.entry(plain(&series.key).to_lowercase()).or_default() += 1;
    }
    let mut taken = BTreeSet::new();
    let name = |series: &Series<'_>| {
        let (key, plain) = (&series.key, plain(&series.key));
        let alone = count.get(&plain.to_lowercase()) == Some(&1) && plain.len() <= LONGEST;
        let mut name = plain.clone();
        if !alone || plain != format!("{}.{}.{}", key.suite, key.check, key.metric) {
            name = format!("{}-{}", &plain[..plain.len().min(LONGEST)], &hash(key)[..12]);
        }
        while !taken.insert(name.to_lowercase()) {
            name.push('_');
        }
        name
    };
    series.iter().map(name).collect()
}

fn hash(key: &Key<'_>) -> String {
    hex(&Sha256::digest(format!("{key:?}").as_bytes()))
}

/// ASCII letters, digits, `_`, `-` and `.`, beginning with one of the first three.
fn safe(text: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
    let text: String = text.chars().map(kept).collect();
    match text.chars().next() {
        Some('-' | '.') | None => format!("_{text}"),
        Some(_) => text,
    }
}
