//! The report for people: a line per case, every failure in full, a summary. Pure.

use std::fmt::Write as _;

use super::advice::{advice, breaches};
use super::style::{Style, visible};
use super::{comparison_text, origin};
use crate::judge::in_words;
use crate::model::record::{Counts, FactValue, Outcome};
use crate::model::{Change, CheckRecord, Place, Record, Severity, Unit, Value, Verdict};
use crate::stats::Summary;

/// Failures shown in full; beyond it they are counted.
const DETAILED: usize = 100;

/// Reads a line of a suite file, to be shown beside a failure.
pub type Lines<'a> = &'a dyn Fn(&Place) -> Option<String>;

/// One line per case; where `style` is verbose, one more for each expectation in force.
#[must_use]
pub fn line(check: &CheckRecord, style: Style) -> String {
    let took = Unit::Seconds.human(check.duration_s);
    let name = visible(&format!("{}/{}", check.suite, check.id));
    let target = style.faint(&visible(&format!("{} {}", check.family, check.target)));
    let mut out = format!("{} {took:>9}  {}  {target}", style.status(check), name);
    if check.verdict == Verdict::Skipped
        && let Some(reason) = &check.reason
    {
        let _ = write!(out, "  ({})", visible(reason));
    }
    if let Some(settled) = check.settled_in_s {
        let _ = write!(out, "  settled in {}", Unit::Seconds.human(settled));
    }
    if let Some(headline) = headline(check) {
        let _ = write!(out, "  {}", style.faint(&headline));
    }
    if style.verbose {
        for outcome in &check.expectations {
            let seen = outcome.got.as_deref().unwrap_or("nothing");
            let in_force = format!("{}: {}, saw {seen} ({})", outcome.fact, in_words(outcome), origin(outcome, check));
            let _ = write!(out, "\n    {:>11}  {}", if outcome.held { "held" } else { "unmet" }, visible(&in_force));
        }
    }
    out
}

/// The first distribution that an expectation names, else the first that is a metric: the number people look for.
fn headline(check: &CheckRecord) -> Option<String> {
    let named =
        |name: &str| check.expectations.iter().any(|e| e.fact.rsplit_once('.').is_some_and(|(fact, _)| fact == name));
    let metrics = || {
        check.facts.0.iter().filter_map(|(name, value)| match value {
            FactValue::Distribution(unit, summary) if check.metrics.get(name).is_some() => Some((name, *unit, summary)),
            _ => None,
        })
    };
    let (name, unit, summary) = metrics().find(|(name, ..)| named(name)).or_else(|| metrics().next())?;
    Some(format!("{name} {}", short(unit, summary)))
}

fn short(unit: Unit, summary: &Summary) -> String {
    if summary.count == 1 {
        return unit.human(summary.p50);
    }
    format!("p50 {} p95 {} (n={})", unit.human(summary.p50), unit.human(summary.p95), summary.count)
}

/// Everything after the lines: failures in full, then the summary.
#[must_use]
pub fn ending(record: &Record, lines: Lines<'_>, style: Style) -> String {
    let mut out = String::new();
    let bad: Vec<&CheckRecord> = record
        .checks
        .iter()
        .filter(|check| {
            matches!(check.verdict, Verdict::Failed | Verdict::Errored) || check.flaky || base_broken(check)
        })
        .collect();
    for check in bad.iter().take(DETAILED) {
        out.push('\n');
        detail(&mut out, check, lines, style);
    }
    if bad.len() > DETAILED {
        let _ = writeln!(out, "\n… and {} more; the JSON report has them all", bad.len() - DETAILED);
    }
    compared(&mut out, record, style);
    for gone in &record.run.vanished {
        let _ = writeln!(out, "{} {}: the baseline has it, the suite no longer does", style.mark(true), visible(gone));
    }
    let _ = writeln!(out, "\n{}", style.strong(&summary(record.summary, record)));
    if crate::exit::nothing_compared(crate::exit::Ending::of(record, false)) {
        let _ = writeln!(out, "nothing was compared: this run shows nothing about a change; the reasons are above");
    }
    if crate::exit::nothing_measured(record.summary) {
        let _ = writeln!(out, "nothing was measured: this run shows nothing about the target");
    }
    out
}

fn base_broken(check: &CheckRecord) -> bool {
    check.base.as_ref().is_some_and(|base| base.verdict != Verdict::Passed)
}

/// Every comparison, the worst first.
fn compared(out: &mut String, record: &Record, style: Style) {
    let all =
        record.checks.iter().flat_map(|check| check.comparison.0.iter().map(move |(name, one)| (check, name, one)));
    let mut rows: Vec<_> = all.collect();
    rows.sort_by_key(|(.., comparison)| std::cmp::Reverse(comparison.verdict));
    if rows.is_empty() {
        return;
    }
    out.push('\n');
    for (check, name, comparison) in rows.iter().take(DETAILED) {
        let place = format!("{}/{} {name}", check.suite, check.id);
        out.push_str(&comparison_text::block(&place, comparison, check.severity, style));
        if comparison.verdict == Change::Regressed {
            row(out, "try next", comparison_text::next(check));
        }
    }
    if rows.len() > DETAILED {
        let _ = writeln!(out, "… and {} more comparisons; the JSON report has them all", rows.len() - DETAILED);
    }
}

/// The whole report, for `report` and for tests.
#[must_use]
pub fn render(record: &Record, lines: Lines<'_>, style: Style) -> String {
    let mut out = String::new();
    for check in &record.checks {
        let _ = writeln!(out, "{}", line(check, style));
    }
    out + &ending(record, lines, style)
}

fn detail(out: &mut String, check: &CheckRecord, lines: Lines<'_>, style: Style) {
    let name = style.strong(&visible(&format!("{}/{}", check.suite, check.id)));
    let _ = writeln!(out, "{} {name}  {} {}", style.status(check), check.family, visible(&check.target));
    let (breached, absent) = breaches(check);
    for outcome in breached {
        breach(out, check, outcome, lines);
    }
    if !absent.is_empty() {
        row(out, "not seen", &absent.join(", "));
    }
    let shown = check.expectations.iter().any(|e| !e.held && &*e.fact == "outcome");
    if let (false, Some(FactValue::Scalar(Value::String(outcome)))) = (shown, check.facts.get("outcome")) {
        row(out, "outcome", outcome);
    }
    if let Some(fault) = &check.fault {
        row(out, "could not", &fault.operation);
        if !fault.peer.is_empty() {
            row(out, "with", &fault.peer);
        }
        row(out, "because", &fault.detail);
        row(out, "at", &check.at.file_line());
    }
    for note in &check.notes {
        row(out, "evidence", note);
    }
    for (number, earlier) in check.earlier.iter().enumerate() {
        row(out, &format!("attempt {}", number + 1), earlier);
    }
    if check.attempts > 1 {
        row(out, "attempts", &check.attempts.to_string());
    }
    if let Some(base) = check.base.as_ref().filter(|base| base.verdict != Verdict::Passed) {
        row(out, "arm base", &format!("{} ({})", base.reason.as_deref().unwrap_or("not measured"), base.target));
    }
    if check.verdict == Verdict::Passed {
        return;
    }
    let next = check.fault.as_ref().map(|fault| fault.remedy.as_str()).or_else(|| advice(check));
    let again = format!("see every fact: shakedown run {} --only '{}' -vv --json -", check.at.file, check.id);
    row(out, "try next", next.filter(|next| !next.is_empty()).unwrap_or(&again));
}

fn breach(out: &mut String, check: &CheckRecord, outcome: &Outcome, lines: Lines<'_>) {
    row(out, "expected", &format!("{}: {}", outcome.fact, in_words(outcome)));
    row(out, "seen", outcome.got.as_deref().unwrap_or("nothing: the fact is absent"));
    let Some(place) = &outcome.at else {
        row(
            out,
            "at",
            &format!("{} (a default of {}, as `expect` says nothing of it)", check.at.file_line(), check.family),
        );
        return;
    };
    row(out, "at", &place.to_string());
    let line = place.line;
    if let Some(text) = lines(place) {
        let _ = writeln!(out, "{line:>15} | {}", text.trim_end());
    }
}

fn row(out: &mut String, name: &str, text: &str) {
    let mut lines = text.lines();
    let _ = writeln!(out, "    {name:>11}  {}", visible(lines.next().unwrap_or_default()));
    for line in lines {
        let _ = writeln!(out, "    {:>11}  {}", "", visible(line));
    }
}

/// Cases that hold and regressed with `severity: warn`, which fails nothing.
fn regressed_warned(record: &Record) -> u64 {
    record.checks.iter().filter(|check| check.regressed() && check.severity == Severity::Warn).count() as u64
}

fn summary(counts: Counts, record: &Record) -> String {
    let mut parts = vec![format!("{} passed", counts.passed)];
    parts.extend(comparison_text::counted(&[
        (counts.flaky, "of them flaky"),
        (counts.failed, "failed"),
        (counts.warned, "warned"),
        (counts.errored, "could not be measured"),
        (counts.skipped, "skipped"),
        (counts.regressed, "regressed"),
        (regressed_warned(record), "regressed (warn only)"),
        (counts.inconclusive, "inconclusive"),
    ]));
    let interrupted = match (record.run.interrupted, record.run.deadline_reached) {
        (true, _) => "  INTERRUPTED",
        (false, true) => "  DEADLINE REACHED",
        (false, false) => "",
    };
    format!(
        "{} checks: {}  in {}{interrupted}",
        counts.total,
        parts.join(", "),
        Unit::Seconds.human(record.run.duration_s)
    )
}
