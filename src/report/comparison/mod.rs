//! The comparison of two sides for people: what must be looked at first, each cause once, then the rest as counts. Pure.

mod causes;
mod checks;
pub mod inconclusive;
mod layout;
pub mod numbers;
mod phases;
mod values;

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use super::comparison_text;
use super::style::{Style, visible};
use crate::model::comparison_document::{ComparisonDocument, MetricRow, Side, SidesKind};
use crate::model::count::counted;
use crate::model::{Change, CheckShift, PartialFact};
use inconclusive::ComparisonKind;
use layout::StatusWord;
use numbers::ComparedMetric;

/// Lines of a part, unless all are asked for.
const SHOWN: usize = 20;
/// Lines of a part even then.
const MOST: usize = 1000;

/// The whole comparison. `reasons` says why each of `compared.unmeasured` has no result.
#[must_use]
pub fn render(compared: &ComparisonDocument, reasons: &[String], style: Style) -> String {
    let mut out = sides(compared);
    let beyond = compared.summary.left_out;
    part(&mut out, &unmeasured(compared, reasons, style), ("checks without a result", 0), style);
    part(&mut out, &checks::lines(&compared.checks, style), ("changes of checks", beyond), style);
    let causes = causes::lines(&compared.facts, style);
    part(&mut out, &causes, ("changes of facts", beyond), style);
    if compared.facts.iter().any(|change| !change.allowed) {
        let how = "to let a fact change: --rule 'CHECK:FACT=ignore' here, or `baseline: {FACT: {change: ignore}}` in the suite";
        out.push_str(&layout::below(style, how));
    }
    part(&mut out, &in_part(&compared.partial, style), ("facts seen in part", beyond), style);
    let rows = shown_metrics(compared, style);
    let kind = if compared.kind == SidesKind::Interleaved { ComparisonKind::Pairs } else { ComparisonKind::Reports };
    let metrics = numbers::render(&rows, kind, style);
    if !metrics.is_empty() {
        let _ = write!(out, "\n{metrics}");
    }
    let text = layout::plain(style, &summary(compared, causes.len()));
    let _ = write!(out, "\n{}\n", style.strong(text.trim_end()));
    for line in closing(compared) {
        out.push_str(&layout::plain(style, &line));
    }
    out
}

/// The metrics of checks that both sides have: that a check is new or gone is told of the check.
fn shown_metrics(compared: &ComparisonDocument, style: Style) -> Vec<ComparedMetric<'_>> {
    let unpaired: HashSet<(&str, &str)> = compared
        .checks
        .iter()
        .filter(|change| matches!(change.change, CheckShift::New | CheckShift::Vanished))
        .map(|change| (&*change.suite, &*change.check))
        .collect();
    let is_shown = |row: &&MetricRow| {
        let alone = row.comparison.verdict == Change::NotCompared && unpaired.contains(&(&*row.suite, &*row.check));
        style.verbose || !alone
    };
    compared.metrics.iter().filter(is_shown).map(ComparedMetric::from).collect()
}

fn sides(compared: &ComparisonDocument) -> String {
    let side = |word: &str, side: &Side| {
        let labels: Vec<String> = side.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let cut = if side.interrupted { "  INTERRUPTED" } else { "" };
        let line = format!("{word} {}  {}  {}{cut}", side.file, side.started, labels.join(" "));
        format!("{}\n", visible(line.trim_end()))
    };
    let mut out: String = match compared.base.as_slice() {
        [] => "before  the old target (arm base) of the same report\n".into(),
        [first, .., last] if compared.base.len() > 4 => {
            let more = compared.base.len() - 2;
            side("before ", first) + &format!("        and {more} more\n") + &side("before ", last)
        }
        few => few.iter().map(|one| side("before ", one)).collect(),
    };
    out += &side("after  ", &compared.head);
    out
}

/// The first lines of a part; what is not shown is counted. `beyond` changes are not even in the document.
fn part(out: &mut String, lines: &[String], (word, beyond): (&str, u64), style: Style) {
    if lines.is_empty() {
        return;
    }
    out.push('\n');
    let shown = if style.verbose { MOST } else { SHOWN };
    lines.iter().take(shown).for_each(|line| out.push_str(line));
    if lines.len() > shown {
        let more = lines.len() - shown;
        let where_else = if style.verbose { "the JSON has them all" } else { "-v shows them" };
        let beyond = if beyond == 0 {
            String::new()
        } else {
            format!("; beyond the limits, {} only counted", counted(beyond, "change"))
        };
        let _ = writeln!(out, "and {more} more {word}: {where_else}{beyond}");
    }
}

/// Checks of the second side without a result, by their reason.
fn unmeasured(compared: &ComparisonDocument, reasons: &[String], style: Style) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (name, reason) in compared.unmeasured.iter().zip(reasons) {
        by_reason.entry(reason).or_default().push(name.split_once('/').unwrap_or(("", name)));
    }
    let line = |(reason, names): (&str, Vec<(&str, &str)>)| {
        layout::line(style, StatusWord::NotMeasured, &format!("{}: {reason}", layout::checks(&names, style.verbose)))
    };
    let mut out: Vec<String> = by_reason.into_iter().map(line).collect();
    let more = compared.summary.checks_unmeasured.saturating_sub(compared.unmeasured.len() as u64);
    if more > 0 {
        out.push(layout::line(
            style,
            StatusWord::NotMeasured,
            &format!("and {}, only counted", counted(more, "more check")),
        ));
    }
    out
}

/// Facts of which a side saw only a part, by fact and reason.
fn in_part(partial: &[PartialFact], style: Style) -> Vec<String> {
    let mut alike: BTreeMap<(&str, &str), Vec<(&str, &str)>> = BTreeMap::new();
    for one in partial {
        alike.entry((&one.fact, &one.why)).or_default().push((&one.suite, &one.check));
    }
    let line = |((fact, why), names): ((&str, &str), Vec<(&str, &str)>)| {
        let who = layout::checks(&names, style.verbose);
        layout::line(style, StatusWord::Note, &format!("{fact} of {who}: seen only in part, and not compared: {why}"))
    };
    alike.into_iter().map(line).collect()
}

/// The counts; so many changes of facts come down to `causes`.
fn summary(compared: &ComparisonDocument, causes: usize) -> String {
    let counts = compared.summary;
    let some = |count: u64, what: &str, rest: &str| (count > 0).then(|| format!("{}{rest}", counted(count, what)));
    let first = [
        some(counts.checks_worse, "check", " worse"),
        some(counts.checks_unmeasured, "check", " without a result"),
        some(counts.facts_not_allowed, "fact", " changed"),
        some(counts.facts_allowed, "fact", " changed as allowed"),
        some(counts.regressed, "metric", " regressed"),
    ];
    let mut parts: Vec<String> = first.into_iter().flatten().collect();
    parts.extend(comparison_text::counted(&[
        (counts.regressed_warned, "regressed (warn only)"),
        (counts.improved, "improved"),
        (counts.unchanged, "unchanged"),
        (counts.inconclusive, "inconclusive"),
        (counts.not_compared, "not compared"),
    ]));
    parts.extend(some(counts.checks_not_selected, "check", " not selected in one of the runs"));
    parts.extend(some(counts.left_out, "change", " not listed"));
    if parts.is_empty() {
        parts.push("nothing changed".into());
    }
    let (metrics, checks) = (counted(counts.metrics, "metric"), counted(counts.checks_compared, "check"));
    let changed = counts.facts_not_allowed + counts.facts_allowed;
    let lines = if causes as u64 >= changed || counts.left_out > 0 {
        String::new()
    } else {
        format!(" (the {changed} changes of facts have {})", counted(causes, "cause"))
    };
    format!("{metrics}, facts of {checks}: {}{lines}", parts.join(", "))
}

/// What the counts do not say of themselves.
fn closing(compared: &ComparisonDocument) -> Vec<String> {
    let mut out = Vec::new();
    let counts = compared.summary;
    out.extend(comparison_text::no_pass(counts.inconclusive, "metric", compared.strict));
    if compared.nothing_compared() {
        out.push(match counts.checks_compared {
            0 => "nothing was compared: this shows nothing about a change; the reasons are above".to_owned(),
            checks => format!(
                "no metric was compared, the facts of {} were: the numbers show nothing about a change; the reasons are above",
                counted(checks, "check")
            ),
        });
    }
    if compared.head.interrupted {
        out.push(
            "the second run was interrupted: this shows nothing about what it did not come to; run it again".to_owned(),
        );
    }
    out
}
