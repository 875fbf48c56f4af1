//! Go benchmark text (golang.org/design/14313-benchmark-format), one line per round, so that benchstat has samples.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{ExportFile, one};
use crate::history::Selected;
use crate::history::series::Series;
use crate::model::visible::{is_hidden, visible};

/// Configuration keys of ours; labels step aside.
const OURS: [&str; 2] = ["suite", "host-class"];

/// The text.
#[must_use]
pub fn render(selected: &Selected<'_>) -> Vec<ExportFile> {
    let units = units(&selected.series);
    let mut out = String::new();
    let mut announced: BTreeMap<&str, &str> = BTreeMap::new();
    for unit in &units {
        // A unit may be announced once.
        if let Some(better) = unit.better
            && announced.insert(&unit.name, better).is_none()
        {
            let _ = writeln!(out, "Unit {} better={better}", unit.name);
        }
    }
    // By run, then suite, then series, so that configuration lines are few.
    let mut lines: Vec<(usize, usize, usize)> = Vec::new();
    for (at, series) in selected.series.iter().enumerate() {
        lines.extend(series.points.iter().enumerate().map(|(index, point)| (point.run, at, index)));
    }
    lines.sort_unstable();
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for (run, at, index) in lines {
        let series = &selected.series[at];
        let config = config(selected, run, series);
        for key in known.keys().filter(|key| !config.contains_key(*key)) {
            let _ = writeln!(out, "{key}:");
        }
        for (key, value) in config.iter().filter(|(key, value)| known.get(*key) != Some(*value)) {
            let _ = writeln!(out, "{key}: {value}");
        }
        known = config;
        let (name, unit) = (name(series), &units[at]);
        for round in series.points[index].rounds {
            let value = round.p50 * unit.scale;
            if value.is_finite() {
                let _ = writeln!(out, "{name} 1 {value} {}", unit.name);
            }
        }
    }
    one(out)
}

/// `BenchmarkEdge/check=web/metric=connect_time`
fn name(series: &Series<'_>) -> String {
    let suite = part(series.key.suite);
    let mut letters = suite.chars();
    let first: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    // The format wants an upper-case letter after `Benchmark`.
    let upper = first.chars().next().is_some_and(char::is_uppercase);
    let suite = format!("{}{first}{}", if upper { "" } else { "X" }, letters.as_str());
    format!("Benchmark{suite}/check={}/metric={}", part(series.key.check), last_part(series.key.metric))
}

/// A part of a name: no space, no slash, nothing that cannot be printed; those as in URLs, so that names stay apart.
fn part(text: &str) -> String {
    let mut out = String::new();
    let mut bytes = [0; 4];
    for c in text.chars() {
        if c.is_whitespace() || is_hidden(c) || matches!(c, '/' | '%') {
            for byte in c.encode_utf8(&mut bytes).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// The last part of a name: there a number after a dash would read as the number of processors.
fn last_part(text: &str) -> String {
    let text = part(text);
    match text.rsplit_once('-') {
        Some((head, tail)) if !tail.is_empty() && tail.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{head}%2D{tail}")
        }
        _ => text,
    }
}

fn config(selected: &Selected<'_>, run: usize, series: &Series<'_>) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for (label, value) in &selected.runs[run].run.labels {
        let name = key(label);
        let name =
            if OURS.contains(&name.as_str()) || out.contains_key(&name) { format!("label-{name}") } else { name };
        out.insert(name, one_line(value));
    }
    out.insert(OURS[0].to_owned(), one_line(series.key.suite));
    out.insert(OURS[1].to_owned(), one_line(series.key.host_class));
    out.retain(|_, value| !value.is_empty());
    out
}

/// A configuration key: begins with a lower-case letter, no spaces, no upper case, no colon.
fn key(label: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = label.chars().map(kept).collect();
    if name.starts_with(|c: char| c.is_ascii_lowercase()) { name } else { format!("label-{name}") }
}

fn one_line(text: &str) -> String {
    let text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible(&text)
}

/// A unit in Go's words.
struct Unit {
    name: String,
    scale: f64,
    /// The direction, where benchstat does not know it.
    better: Option<&'static str>,
}

/// Units per series. benchstat knows the direction of `ns/op`, `B/op` and `B/s`; every other unit announces it, and has the
/// name of its metric, as a unit has one direction in a file.
fn units(series: &[Series<'_>]) -> Vec<Unit> {
    let mut directions: BTreeMap<String, &'static str> = BTreeMap::new();
    let unit = |series: &Series<'_>| {
        let higher = series.higher_is_better();
        let known = |name: &str, scale| Unit { name: name.to_owned(), scale, better: None };
        match (series.key.unit, higher) {
            ("s", false) => return known("ns/op", 1e9),
            ("B", false) => return known("B/op", 1.0),
            ("bit/s", true) => return known("B/s", 0.125),
            _ => {}
        }
        let better = if higher { "higher" } else { "lower" };
        let metric = part(series.key.metric).replace('=', "_");
        let mut name = match series.key.unit {
            "1" | "" => metric,
            "/s" => format!("{metric}/s"),
            symbol => format!("{metric}-{}", part(symbol)),
        };
        while *directions.entry(name.clone()).or_insert(better) != better {
            name.push_str("-higher");
        }
        Unit { name, scale: 1.0, better: Some(better) }
    };
    series.iter().map(unit).collect()
}
