//! The report for people: a line per case, then comparisons, every failure with its cause first, and a summary. Pure.

use std::fmt::Write as _;

use super::comparison::inconclusive::ComparisonKind;
use super::comparison::numbers::{self, ComparedMetric};
use super::layout::{Cell, Layout};
use super::style::{Style, visible};
use super::timeline::strip;
use super::{failure, grid, grouping, origin};
use crate::model::record::{FactValue, OriginWord, Outcome, SuiteRef};
use crate::model::{CheckRecord, Place, Record, Severity, Unit, Verdict};
use crate::stats::Summary;

/// Failures shown in full; beyond it they are counted.
const DETAILED: usize = 100;
/// Cases named in the command that runs them again.
const AGAIN: usize = 20;
/// Suites all named in it.
const SUITES: usize = 12;
/// Columns before the text of a row.
const INDENT: usize = 9;
/// Columns before the text of what is in force.
const IN_FORCE: usize = 17;
/// Columns of a strip where nobody says how wide a line may be.
const STRIP: usize = 60;
/// The word that a strip begins with.
const TIME: &str = "time";

/// Reads a line of a suite file, to be shown beside a failure.
pub type Lines<'a> = &'a dyn Fn(&Place) -> Option<String>;

/// One line per case; where `style` is verbose, one more for each expectation in force.
#[must_use]
pub fn line(check: &CheckRecord, layout: &Layout, style: Style) -> String {
    let cell = Cell::from(check);
    let took = format!("{:>7.3} s", check.duration_s);
    let (name, target) = (layout.name(cell), layout.target(cell));
    let rest = layout.rest(cell, &visible(&short(check)));
    let mut out = format!("{} {took}  {name}  {}  {rest}", style.status(check), style.faint(&target));
    out.truncate(out.trim_end().len());
    if style.verbose {
        for outcome in &check.expectations {
            let (asked, seen) = (outcome.in_words(), outcome.seen());
            let in_force = format!("{}: {asked}, {seen} ({})", outcome.fact, origin(outcome, check));
            let _ = write!(out, "\n    {:>11}  {}", if outcome.held { "held" } else { "unmet" }, visible(&in_force));
        }
        // What is not well is told in full below.
        for (label, drawn) in if is_bad(check) { Vec::new() } else { strip(check, style, IN_FORCE) } {
            let _ = write!(out, "\n    {label:>11}  {drawn}");
        }
    }
    out
}

/// What streams of probes saw over time, behind `indent` columns; the first line has a label.
fn strip(check: &CheckRecord, style: Style, indent: usize) -> Vec<(&'static str, String)> {
    let Some(timeline) = &check.timeline else { return Vec::new() };
    let width = style.width.map_or(STRIP, |width| width.saturating_sub(indent));
    let labels = std::iter::once(TIME).chain(std::iter::repeat(""));
    labels.zip(strip::lines(timeline, width, style)).collect()
}

/// An attempt that was not the last, and what it saw.
#[must_use]
pub fn attempt(cell: Cell<'_>, (number, verdict): (u32, Verdict), reason: Option<&str>, layout: &Layout) -> String {
    let why = reason.map(|reason| format!(": {}", visible(reason))).unwrap_or_default();
    format!("  try  {}  attempt {number} {}{why}", layout.plain_name(cell), verdict.word())
}

/// The end of a line: why it is no pass, or what held against its limit, or the number people look for.
fn short(check: &CheckRecord) -> String {
    if check.verdict != Verdict::Passed {
        return check.reason.clone().unwrap_or_default();
    }
    let settled = check.settled_in_s.map(|settled| format!("settled in {}", Unit::Seconds.human(settled)));
    let flaky = check.flaky.then(|| format!("passed at attempt {}", check.attempts));
    let limits: Vec<String> = check.expectations.iter().filter_map(against_limit).take(2).collect();
    let numbers = if limits.is_empty() { headline(check).into_iter().collect() } else { limits };
    let parts: Vec<String> = settled.into_iter().chain(flaky).chain(numbers).collect();
    parts.join(", ")
}

/// What was seen beside the limit the suite sets: `rtt.p95 3.1 ms < 20 ms`.
fn against_limit(outcome: &Outcome) -> Option<String> {
    let sign = match &*outcome.operator {
        "lt" => "<",
        "le" => "<=",
        "gt" => ">",
        "ge" => ">=",
        "between" => "in",
        _ => return None,
    };
    let got = outcome.got.as_ref().filter(|_| outcome.held && outcome.origin == OriginWord::Suite)?;
    Some(format!("{} {got} {sign} {}", outcome.fact, outcome.want))
}

/// The number people look for: the one the family names, else the first distribution that is a metric.
fn headline(check: &CheckRecord) -> Option<String> {
    let facts = crate::checks::family(&check.family).map_or(&[][..], |family| family.facts);
    let named = facts.iter().find(|fact| fact.roles.headline).and_then(|fact| {
        let FactValue::Scalar(value) = check.facts.get(fact.name)? else { return None };
        Some(format!("{} {}", fact.name, fact.unit.human(value.as_f64()?)))
    });
    named.or_else(|| {
        let metrics = check.facts.0.iter().filter(|(name, _)| check.metrics.get(name).is_some());
        let mut distributions = metrics.filter_map(|(name, value)| match value {
            FactValue::Distribution(unit, summary) => Some(format!("{name} {}", quantiles(*unit, summary))),
            FactValue::Scalar(_) | FactValue::Table(_) => None,
        });
        distributions.next()
    })
}

fn quantiles(unit: Unit, summary: &Summary) -> String {
    if summary.count == 1 {
        return unit.human(summary.p50);
    }
    format!("p50 {} p95 {} (n={})", unit.human(summary.p50), unit.human(summary.p95), summary.count)
}

/// Everything after the lines: comparisons, failures in full, then the summary and the command that runs the failed ones again.
/// With `report_lost` a report could not be written, which the exit code says.
#[must_use]
pub fn ending(record: &Record, layout: &Layout, lines: Lines<'_>, report_lost: bool, style: Style) -> String {
    let mut out = grid::render(&record.checks, style);
    compared(&mut out, record, style);
    for gone in &record.run.vanished {
        let _ = writeln!(out, "{} {}: the baseline has it, the suite no longer does", style.mark(true), visible(gone));
    }
    let bad: Vec<&CheckRecord> = record.checks.iter().filter(|check| is_bad(check)).collect();
    let groups = grouping::grouped(&bad, style.verbose);
    for group in groups.iter().take(DETAILED) {
        out.push('\n');
        detail(&mut out, group, record, (layout, lines, style));
    }
    let more: usize = groups.iter().skip(DETAILED).map(Vec::len).sum();
    if more > 0 {
        let _ = writeln!(out, "\n… and {more} more; the JSON report has them all");
    }
    let _ = writeln!(out, "\n{}", summary(record, report_lost, style));
    for note in notes(record) {
        let _ = writeln!(out, "{note}");
    }
    if let Some(command) = again(record, &bad) {
        let _ = writeln!(out, "again: {command}");
    }
    out
}

fn is_bad(check: &CheckRecord) -> bool {
    let base_broken = check.base.as_ref().is_some_and(|base| base.verdict != Verdict::Passed);
    matches!(check.verdict, Verdict::Failed | Verdict::Errored) || check.flaky || base_broken
}

/// Every comparison, the largest movements first.
fn compared(out: &mut String, record: &Record, style: Style) {
    let rows: Vec<ComparedMetric<'_>> = record.checks.iter().flat_map(ComparedMetric::of_case).collect();
    let kind = if record.design.baseline.is_some() { ComparisonKind::Baseline } else { ComparisonKind::Pairs };
    if !rows.is_empty() {
        let _ = write!(out, "\n{}", numbers::render(&rows, kind, style));
    }
}

/// The columns of a record.
#[must_use]
pub fn layout(record: &Record, style: Style) -> Layout {
    Layout::of(record.checks.iter().map(Cell::from), style.width)
}

/// The whole report, for `report` and for tests.
#[must_use]
pub fn render(record: &Record, lines: Lines<'_>, style: Style) -> String {
    let layout = layout(record, style);
    let mut out = String::new();
    for check in &record.checks {
        let _ = writeln!(out, "{}", line(check, &layout, style));
    }
    out + &ending(record, &layout, lines, false, style)
}

/// The first of a group in full, the others by name.
fn detail(
    out: &mut String,
    group: &[&CheckRecord],
    record: &Record,
    (layout, lines, style): (&Layout, Lines<'_>, Style),
) {
    let Some((&check, others)) = group.split_first() else { return };
    let name = style.strong(&layout.plain_name(Cell::from(check)));
    let netns = check.netns.as_ref().map(|netns| format!(" in netns {}", visible(netns))).unwrap_or_default();
    let _ = writeln!(out, "{} {name}  {} {}{netns}", style.status(check), check.family, visible(&check.target));
    let mut rows = failure::rows(check, style.verbose);
    let besides = grouping::also(check, others, layout)
        .into_iter()
        .chain(grouping::works(check, record, layout))
        .chain(grouping::works_there(check, record, layout));
    let at = 2.min(rows.len());
    rows.splice(at..at, besides);
    for (label, text) in rows {
        let shown = visible(&text);
        // Other texts may quote what a peer said, and it is not to look like a command.
        let parts = if label == "next" { layout.advice(&shown, INDENT) } else { layout.wrapped(&shown, INDENT) };
        for (at, part) in parts.iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            let part = if label == "cause" || label == "next" { style.strong(part) } else { part.clone() };
            let _ = writeln!(out, "  {label:<5}  {part}");
        }
    }
    for (label, drawn) in strip(check, style, INDENT) {
        let _ = writeln!(out, "  {label:<5}  {drawn}");
    }
    if style.verbose {
        let unmet = check.expectations.iter().filter(|outcome| !outcome.held);
        let mut places: Vec<&Place> = Vec::new();
        // Several may stand on one line.
        for place in unmet.filter_map(|outcome| outcome.at.as_ref()) {
            if !places.iter().any(|known| (&known.file, known.line) == (&place.file, place.line)) {
                places.push(place);
            }
        }
        for place in places {
            if let Some(text) = lines(place) {
                let _ = writeln!(out, "{:>15} | {}", place.line, visible(text.trim_end()));
            }
        }
    }
}

/// The one class of a case in the summary: none is counted twice.
fn class(check: &CheckRecord) -> usize {
    match (check.verdict, check.severity) {
        (Verdict::Failed, Severity::Fail) => 1,
        (Verdict::Failed, Severity::Warn) => 2,
        (Verdict::Errored, _) => 3,
        (Verdict::Skipped, _) => 4,
        (Verdict::Passed, severity) if check.regressed() => {
            if severity == Severity::Fail {
                5
            } else {
                6
            }
        }
        (Verdict::Passed, _) if check.undecided() => 7,
        (Verdict::Passed, _) if check.flaky => 8,
        (Verdict::Passed, _) => 0,
    }
}

/// The words of the classes.
const CLASSES: [&str; 9] = [
    "passed",
    "FAILED",
    "warned",
    "not measured",
    "skipped",
    "REGRESSED",
    "regressed (warning only)",
    "inconclusive",
    "flaky",
];

/// `edge-gate  21 passed  1 FAILED  1 not measured  2.2 s  (exit 1)`.
fn summary(record: &Record, report_lost: bool, style: Style) -> String {
    let mut counts = [0_usize; CLASSES.len()];
    for check in &record.checks {
        counts[class(check)] += 1;
    }
    let names: Vec<String> = record.suites.iter().map(|suite| visible(&suite.name)).collect();
    let name = match names.as_slice() {
        [] => "no suite".to_owned(),
        [one] => one.clone(),
        several => format!("{} suites", several.len()),
    };
    let counted = CLASSES.iter().zip(counts).enumerate();
    let shown = counted.filter(|(at, (_, count))| *count > 0 || *at == 0);
    let parts: Vec<String> = shown.map(|(_, (word, count))| format!("{count} {word}")).collect();
    let took = Unit::Seconds.human(record.run.duration_s);
    let interrupted = match (record.run.interrupted, record.run.deadline_reached) {
        (true, _) => "  INTERRUPTED",
        (false, true) => "  DEADLINE REACHED",
        (false, false) => "",
    };
    let code = crate::exit::code(crate::exit::RunOutcome::of(record, report_lost));
    style.strong(&format!("{name}  {}  {took}{interrupted}  (exit {code})", parts.join("  ")))
}

/// What the counts do not say by themselves.
fn notes(record: &Record) -> Vec<&'static str> {
    let undecided = record.checks.iter().any(CheckRecord::undecided);
    let nothing_compared = crate::exit::nothing_compared(crate::exit::RunOutcome::of(record, false));
    let mut notes = Vec::new();
    if nothing_compared {
        notes.push("no metric was compared: this run shows nothing about a change; the reasons are above");
    } else if undecided && !record.run.strict {
        notes.push(
            "inconclusive is no pass: it shows neither a change nor its absence; --strict makes the run fail for it",
        );
    }
    if crate::exit::nothing_measured(record.summary) {
        notes.push("nothing was measured: this run shows nothing about the target");
    }
    notes
}

/// The command that runs the failed cases again. It names the files of suites, as what they include is none. Of several suites
/// it has all, as a check may need one of another suite, and names in full; of very many only those with a failed case.
fn again(record: &Record, bad: &[&CheckRecord]) -> Option<String> {
    let failed: Vec<&CheckRecord> =
        bad.iter().filter(|check| matches!(check.verdict, Verdict::Failed | Verdict::Errored)).copied().collect();
    let first = failed.first()?;
    let several = record.suites.len() > 1;
    let has_failed = |suite: &&SuiteRef| failed.iter().any(|check| *check.suite == *suite.name);
    let named = record.suites.iter().filter(|suite| record.suites.len() <= SUITES || has_failed(suite));
    let mut files: Vec<&str> = named.map(|suite| &*suite.file).collect();
    if files.is_empty() {
        files.push(&first.at.file);
    }
    let overrides = &record.run.overrides;
    if failed.len() > AGAIN {
        let all = failure::again((files, overrides), []);
        return Some(format!("{all}   # {} checks did not pass", failed.len()));
    }
    let full =
        |check: &&CheckRecord| if several { format!("{}/{}", check.suite, check.id) } else { check.id.to_string() };
    let mut ids: Vec<String> = Vec::new();
    for check in &failed {
        let cells = || record.checks.iter().filter(|other| other.suite == check.suite && other.check == check.check);
        let all = cells().all(|cell| failed.iter().any(|failed| std::ptr::eq(*failed, cell)));
        // The name of a check is that of all its cells.
        let name = match full(check).split_once('[') {
            Some((name, _)) if all && cells().count() > 1 => name.to_owned(),
            _ => full(check),
        };
        if !ids.contains(&name) {
            ids.push(name);
        }
    }
    Some(failure::again((files, overrides), ids.iter().map(String::as_str)))
}
