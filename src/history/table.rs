//! The history for people: a table per suite, and under each series where its level changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::series::POINTS;
use super::spark;
use super::trend::{ChangePoint, History, Trend};
use crate::model::Unit;
use crate::model::count::counted;
use crate::model::visible::visible;

/// Most characters of a name in a column; case ids with many matrix keys are long.
const NAME: usize = 60;
/// Most files named one by one.
const NAMED: usize = 20;

/// Renders the tables, without colours: words say it.
#[must_use]
pub fn render(history: &History, ascii: bool) -> String {
    let mut out = String::new();
    // Suites in order of their names; within a suite the order of the document, largest worsening first.
    let mut groups: BTreeMap<(&str, &str), Vec<&Trend>> = BTreeMap::new();
    for trend in &history.series {
        groups.entry((&trend.suite, &trend.host_class)).or_default().push(trend);
    }
    let split = split(history);
    for ((suite, class), trends) in groups {
        let _ = writeln!(out, "{} (host class {})", shown(suite), shown(class));
        table(&mut out, history, &trends, &split, ascii);
        out.push('\n');
    }
    summary(&mut out, history);
    out
}

/// Name of a series: suite, check, metric and class of hosts. Series of one name differ in the check's definition.
type Name<'a> = (&'a str, &'a str, &'a str, &'a str);

fn name(trend: &Trend) -> Name<'_> {
    (&trend.suite, &trend.check, &trend.metric, &trend.host_class)
}

/// Names with more than one series.
fn split(history: &History) -> BTreeSet<Name<'_>> {
    let mut seen = BTreeSet::new();
    history.series.iter().map(name).filter(|name| !seen.insert(*name)).collect()
}

fn table(out: &mut String, history: &History, trends: &[&Trend], split: &BTreeSet<Name<'_>>, ascii: bool) {
    let head = ["check", "metric", "runs", "first", "last", "change", "trend"].map(str::to_owned);
    let rows: Vec<[String; 7]> = trends.iter().map(|trend| row(trend, split.contains(&name(trend)), ascii)).collect();
    let width = |column: usize| {
        rows.iter().chain([&head]).map(|row: &[String; 7]| row[column].chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    line(out, &head, &widths);
    for (row, trend) in rows.iter().zip(trends) {
        line(out, row, &widths);
        for change in &trend.change_points {
            let _ = writeln!(out, "    {}", change_line(history, trend, change));
        }
    }
}

fn line(out: &mut String, cells: &[String; 7], widths: &[usize]) {
    let mut text = String::from(" ");
    for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
        // Names to the left, numbers to the right.
        let _ =
            if (2..=5).contains(&index) { write!(text, " {cell:>width$} ") } else { write!(text, " {cell:<width$} ") };
    }
    let _ = writeln!(out, "{}", text.trim_end());
}

fn row(trend: &Trend, split: bool, ascii: bool) -> [String; 7] {
    let mut check = cut(&shown(&trend.check));
    if split {
        let digest = trend.digest.as_deref().unwrap_or("unknown");
        let _ = write!(check, " @{}", shown(&digest.chars().take(7).collect::<String>()));
    }
    [
        check,
        cut(&shown(&trend.metric)),
        trend.points.len().to_string(),
        number(&trend.unit, trend.first),
        number(&trend.unit, trend.last),
        change(trend, trend.change),
        spark::line(trend.points.iter().map(|point| point.value), ascii),
    ]
}

/// `run 12 (2026-11-02, release=1.4): 10.1 ms -> 11.3 ms, +12 %, worse`
fn change_line(history: &History, trend: &Trend, point: &ChangePoint) -> String {
    let run = &history.runs[point.run];
    let day: String = run.started.chars().take(10).collect();
    let labels: Vec<String> = run.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let (before, after) = (number(&trend.unit, point.before), number(&trend.unit, point.after));
    let word = if point.worse { "worse" } else { "better" };
    let labels = cut(&shown(&labels.join(", ")));
    let comma = if labels.is_empty() { "" } else { ", " };
    let place = format!("run {} ({}{comma}{labels})", point.number, shown(&day));
    format!("{place}: {before} -> {after}, {}, {word}", change(trend, point.change))
}

fn change(trend: &Trend, change: f64) -> String {
    let sign = if change > 0.0 { "+" } else { "" };
    if trend.kind == "ratio" {
        let percent = change * 100.0;
        let decimals = usize::from(percent.abs() < 9.95);
        let text = format!("{percent:+.decimals$} %");
        return if text == "-0.0 %" || text == "+0.0 %" { "0.0 %".to_owned() } else { text };
    }
    format!("{sign}{}", number(&trend.unit, change))
}

/// A number for people, by the unit's symbol.
fn number(symbol: &str, value: f64) -> String {
    let known = [Unit::Seconds, Unit::Bytes, Unit::BitsPerSecond, Unit::PerSecond];
    match known.iter().find(|unit| unit.symbol() == symbol) {
        Some(unit) => unit.human(value),
        // A count and a share have the same symbol: small shares need their digits.
        None if value != 0.0 && value.abs() < 1e-6 => format!("{value:.2e}"),
        None if value != 0.0 && value.abs() < 0.1 => {
            // Three digits after the zeros: 0.00123.
            let zeros = (1_u8..6).find(|zeros| value.abs() >= 0.1_f64.powi(i32::from(*zeros) + 1)).unwrap_or(6);
            format!("{value:.*}", usize::from(zeros) + 3).trim_end_matches('0').to_owned()
        }
        None => Unit::Count.human(value),
    }
}

fn summary(out: &mut String, history: &History) {
    let changes: usize = history.series.iter().map(|trend| trend.change_points.len()).sum();
    let (runs, change_points) = (counted(history.runs.len(), "run"), counted(changes, "change point"));
    let _ = writeln!(out, "{runs}, {} series, {change_points}", history.series.len());
    for left in &history.left_out {
        let _ = writeln!(
            out,
            "left out: {} of host class {} (newest {}): numbers of other hosts are not comparable; --host-class {} or all",
            counted(left.runs, "run"),
            shown(&left.host_class),
            shown(&left.newest),
            shown(&left.host_class),
        );
    }
    let checks: BTreeSet<(&str, &str)> =
        split(history).into_iter().map(|(suite, check, _, _)| (suite, check)).collect();
    for (suite, check) in checks {
        let name = format!("{}/{}", shown(suite), shown(check));
        let _ = writeln!(out, "split: the definition of {name} changed; each has its own series, marked @digest");
    }
    let (cut, older): (usize, usize) =
        history.series.iter().filter(|trend| trend.older > 0).fold((0, 0), |(n, sum), one| (n + 1, sum + one.older));
    if cut > 0 {
        let older = counted(older, "older value");
        let _ = writeln!(out, "left out: {older} of {cut} series, beyond --last or the newest {POINTS} of a series");
    }
    if history.without_value > 0 {
        let values = counted(history.without_value, "value");
        let _ = writeln!(out, "left out: {values} of which there is no ratio (zero or less)");
    }
    if !history.skipped.is_empty() {
        let _ = writeln!(out, "skipped: {}", counted(history.skipped.len(), "file"));
        for file in history.skipped.iter().take(NAMED) {
            let _ = writeln!(out, "  {}: {}", shown(&file.file), shown(&file.why));
        }
        if history.skipped.len() > NAMED {
            let _ = writeln!(out, "  and {} more; --json names them all", history.skipped.len() - NAMED);
        }
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= NAME {
        return text.to_owned();
    }
    text.chars().take(NAME - 3).chain("...".chars()).collect()
}

/// Text from a file, safe for a terminal.
#[must_use]
pub fn shown(text: &str) -> String {
    visible(text)
}
