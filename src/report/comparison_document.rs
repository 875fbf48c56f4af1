//! The comparison of two sides for people: what must be looked at first, then the rest. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use super::comparison_text;
use super::style::Style;
use super::style::visible;
use crate::model::comparison_document::{ComparisonDocument, MetricRow};
use crate::model::{Change, CheckChange, CheckShift, FactChange, Rule, Shift, Value, typed};

/// Rows shown of each part.
const SHOWN: usize = 100;
/// Characters of a value shown.
const VALUE: usize = 200;

/// The whole comparison; undecided metrics that no suite speaks of are one line, unless `style` is verbose. `reasons` says why each of `compared.unmeasured` has no result.
#[must_use]
pub fn render(compared: &ComparisonDocument, reasons: &[String], style: Style) -> String {
    let mut out = sides(compared);
    let unmeasured: Vec<(&String, &String)> = compared.unmeasured.iter().zip(reasons).collect();
    let listed: Vec<&(&String, &String)> = unmeasured.iter().collect();
    let beyond = compared.summary.checks_unmeasured.saturating_sub(listed.len() as u64);
    part(&mut out, &listed, "checks without a result", beyond, |out, (name, reason)| {
        let _ = writeln!(out, "{} {}  {}", style.unmeasured(), visible(name), visible(reason));
    });
    let checks: Vec<&CheckChange> = by_weight(&compared.checks, |change| change.worse);
    let beyond = compared.summary.left_out;
    part(&mut out, &checks, "checks", beyond, |out, change| check(out, change, style));
    let facts: Vec<&FactChange> = by_weight(&compared.facts, |change| !change.allowed);
    part(&mut out, &facts, "facts", beyond, |out, change| fact(out, change, style));
    let partial: Vec<&String> = compared.partial.iter().collect();
    part(&mut out, &partial, "facts seen in part, and not compared", beyond, |out, name| {
        let _ = writeln!(out, "      {}", visible(name));
    });
    let folds = |row: &MetricRow| !style.verbose && !row.gated && row.comparison.verdict == Change::Inconclusive;
    // That a check is new or gone is told of the check.
    let unpaired: HashSet<(&str, &str)> = compared
        .checks
        .iter()
        .filter(|change| matches!(change.change, CheckShift::New | CheckShift::Vanished))
        .map(|change| (&*change.suite, &*change.check))
        .collect();
    let told = |row: &&MetricRow| {
        let alone = row.comparison.verdict == Change::NotCompared && unpaired.contains(&(&*row.suite, &*row.check));
        style.verbose || !alone
    };
    let (folded, mut metrics): (Vec<&MetricRow>, Vec<&MetricRow>) =
        compared.metrics.iter().filter(told).partition(|row| folds(row));
    metrics.sort_by_key(|row| Reverse(row.comparison.verdict));
    let grouped = |row: &&MetricRow| !style.verbose && !row.gated && row.comparison.verdict == Change::NotCompared;
    let (alike, metrics): (Vec<&MetricRow>, Vec<&MetricRow>) = metrics.into_iter().partition(grouped);
    part(&mut out, &metrics, "metrics", 0, |out, row| metric(out, row, style));
    not_compared(&mut out, &alike);
    if !folded.is_empty() {
        let (count, s) = (folded.len(), if folded.len() == 1 { "" } else { "s" });
        let _ = writeln!(
            out,
            "      {count} metric{s} that the suites do not speak of: inconclusive; -v shows each, and the JSON has them all"
        );
    }
    let _ = writeln!(out, "\n{}", style.strong(&summary(compared)));
    if compared.nothing_compared() {
        out.push_str("nothing was compared: this shows nothing about a change; the reasons are above\n");
    }
    if compared.head.interrupted {
        out.push_str("the head was interrupted: this shows nothing about what it did not come to; run it again\n");
    }
    out
}

/// Metrics that no suite speaks of and that have nothing to be compared with, by the reason.
fn not_compared(out: &mut String, rows: &[&MetricRow]) {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *reasons.entry(row.comparison.reason.as_deref().unwrap_or("no reason is given")).or_default() += 1;
    }
    for (reason, count) in reasons {
        let s = if count == 1 { "" } else { "s" };
        let reason = visible(reason);
        let _ = writeln!(
            out,
            "      {count} metric{s} that the suites do not speak of: not compared: {reason}; -v shows each"
        );
    }
}

fn sides(compared: &ComparisonDocument) -> String {
    let side = |word: &str, side: &crate::model::comparison_document::Side| {
        let labels: Vec<String> = side.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let cut = if side.interrupted { "  INTERRUPTED" } else { "" };
        let line = format!("{word} {}  {}  {}{cut}", side.file, side.started, labels.join(" "));
        format!("{}\n", visible(line.trim_end()))
    };
    let mut out: String = match compared.base.as_slice() {
        [] => "base  arm base of the same report\n".into(),
        [first, .., last] if compared.base.len() > 4 => {
            side("base ", first) + &format!("      … {} more\n", compared.base.len() - 2) + &side("base ", last)
        }
        few => few.iter().map(|one| side("base ", one)).collect(),
    };
    out += &side("head ", &compared.head);
    out
}

fn by_weight<T>(all: &[T], heavy: impl Fn(&T) -> bool) -> Vec<&T> {
    let mut out: Vec<&T> = all.iter().collect();
    out.sort_by_key(|one| Reverse(heavy(one)));
    out
}

/// The first rows; what is not shown is counted. `beyond` changes are not even in the document.
fn part<T>(out: &mut String, rows: &[&T], word: &str, beyond: u64, show: impl Fn(&mut String, &T)) {
    if !rows.is_empty() {
        out.push('\n');
    }
    for row in rows.iter().take(SHOWN) {
        show(out, row);
    }
    if rows.len() > SHOWN {
        let more = rows.len() - SHOWN;
        let _ = match beyond {
            0 => writeln!(out, "… and {more} more {word}; the JSON has them all"),
            _ => writeln!(
                out,
                "… and {more} more {word} in the JSON, and {beyond} beyond its limits, which are only counted"
            ),
        };
    }
}

fn check(out: &mut String, change: &CheckChange, style: Style) {
    let name = visible(&format!("{}/{}", change.suite, change.check));
    let (before, after) = (change.before.as_deref().unwrap_or("-"), change.after.as_deref().unwrap_or("-"));
    let what = match change.change {
        CheckShift::New => format!("new ({after})"),
        CheckShift::Vanished => format!("vanished ({before} before)"),
        CheckShift::Renamed => format!("renamed: {before} -> {after}"),
        CheckShift::Verdict => format!("{before} -> {after}"),
        CheckShift::Target => format!("looks at something else: {before} -> {after}"),
        CheckShift::Definition => "is defined otherwise: its numbers are not comparable".into(),
    };
    let _ = writeln!(out, "{} {name}  {}", style.mark(change.worse), visible(&what));
    for (word, reason) in [("before", &change.reason_before), ("after", &change.reason_after)] {
        if let Some(reason) = reason {
            let _ = writeln!(out, "        {word}: {}", visible(reason));
        }
    }
}

fn fact(out: &mut String, change: &FactChange, style: Style) {
    let place = visible(&format!("{}/{} {}", change.suite, change.check, change.fact));
    // A direction says something where it decides, or of a list.
    let whole = change.added.is_empty() && change.removed.is_empty();
    let word = match (change.rule, change.change) {
        (Rule::Same, Shift::Grew | Shift::Shrank) if whole => Shift::Changed.word(),
        (_, shift) => shift.word(),
    };
    let _ = writeln!(out, "{} {place}  {word} (rule: {})", style.mark(!change.allowed), change.rule.word());
    if change.added.is_empty() && change.removed.is_empty() {
        let _ = writeln!(out, "        - {}", value(change.before.as_ref()));
        let _ = writeln!(out, "        + {}", value(change.after.as_ref()));
    }
    for gone in &change.removed {
        let _ = writeln!(out, "        - {}", value(Some(gone)));
    }
    for new in &change.added {
        let _ = writeln!(out, "        + {}", value(Some(new)));
    }
    if let Some(why) = distinction(change) {
        let _ = writeln!(out, "        ({})", visible(&why));
    }
}

/// In what both sides differ, where they look alike.
fn distinction(change: &FactChange) -> Option<String> {
    if change.added.is_empty() && change.removed.is_empty() {
        return typed::difference(change.before.as_ref()?, change.after.as_ref()?);
    }
    typed::difference(&Value::Array(change.removed.clone()), &Value::Array(change.added.clone()))
}

fn value(value: Option<&Value>) -> String {
    let text = match value {
        None => return "(absent)".into(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let mut short: String = text.chars().take(VALUE).collect();
    if short.len() < text.len() {
        let _ = write!(short, "… ({} characters)", text.chars().count());
    }
    visible(&short)
}

fn metric(out: &mut String, row: &MetricRow, style: Style) {
    let place = format!("{}/{} {}", row.suite, row.check, row.metric);
    out.push_str(&comparison_text::block(&place, &row.comparison, row.severity, style));
}

fn summary(compared: &ComparisonDocument) -> String {
    let counts = compared.summary;
    let mut parts = comparison_text::counted(&[
        (counts.checks_worse, if counts.checks_worse == 1 { "check worse" } else { "checks worse" }),
        (
            counts.checks_unmeasured,
            if counts.checks_unmeasured == 1 { "check without a result" } else { "checks without a result" },
        ),
        (counts.facts_not_allowed, if counts.facts_not_allowed == 1 { "fact changed" } else { "facts changed" }),
        (
            counts.facts_allowed,
            if counts.facts_allowed == 1 { "fact changed as allowed" } else { "facts changed as allowed" },
        ),
        (counts.regressed, "metrics regressed"),
        (counts.regressed_warned, "regressed (warn only)"),
        (counts.improved, "improved"),
        (counts.unchanged, "unchanged"),
        (counts.inconclusive, "inconclusive"),
        (counts.not_compared, "not compared"),
        (counts.left_out, "changes not listed"),
    ]);
    if parts.is_empty() {
        parts.push("nothing changed".into());
    }
    let s = |count: u64| if count == 1 { "" } else { "s" };
    let (metrics, checks) = (counts.metrics, counts.checks_compared);
    format!("{metrics} metric{}, facts of {checks} check{}: {}", s(metrics), s(checks), parts.join(", "))
}
