//! Comparisons in words: the same for console, `JUnit` and `compare`.

use std::fmt::Write as _;

use super::style::Style;
use super::style::visible;
use crate::model::{Change, CheckRecord, ComparedBy, Comparison, Severity, Unit};

/// "2.02ms -> 2.23ms  +10.4% [+8.1%, +12.6%]": levels, change and its 95 % interval.
#[must_use]
pub fn change(comparison: &Comparison) -> String {
    let level = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| comparison.unit.human(value));
    let mut out = match (comparison.base, comparison.head) {
        (None, None) => return String::new(),
        (base, head) => format!("{} -> {}", level(base), level(head)),
    };
    let effect = comparison.ratio.map(|ratio| ratio - 1.0).or(comparison.difference);
    if let Some(effect) = effect {
        let _ = write!(out, "  {}", signed(comparison, effect));
    }
    if let Some(ci) = comparison.ci {
        let [low, high] = if comparison.ratio.is_some() { ci.map(|end| end - 1.0) } else { ci };
        let _ = write!(out, " [{}, {}]", signed(comparison, low), signed(comparison, high));
    }
    out
}

/// "tolerance 5%, MDE 3.1%, p 0.0002": the grounds of the verdict.
#[must_use]
pub fn grounds(comparison: &Comparison) -> String {
    let amount = |value: f64| amount(comparison, value);
    let mut out = format!("tolerance {}", amount(comparison.tolerance));
    if let Some(mde) = comparison.mde {
        let _ = write!(out, ", MDE {}", amount(mde));
    }
    if let Some(p) = comparison.p {
        let _ = write!(out, ", {}", chance(p));
    }
    if let Some(confirmation) = &comparison.confirmation {
        let p = confirmation.p.map_or_else(String::new, |p| format!(" ({})", chance(p)));
        out += if confirmation.stands { ", confirmed by fresh rounds" } else { ", not confirmed by fresh rounds" };
        out += &p;
    }
    out
}

/// One comparison in a sentence.
#[must_use]
pub fn sentence(name: &str, comparison: &Comparison) -> String {
    let mut out = format!("{name} {}", comparison.verdict.word().replace('_', " "));
    let change = change(comparison);
    if !change.is_empty() {
        let _ = write!(out, ": {change}");
    }
    let _ = write!(out, " ({}) against {}", grounds(comparison), comparison.against);
    if let Some(reason) = &comparison.reason {
        let _ = write!(out, ": {reason}");
    }
    if let Some(one) = &comparison.pinned {
        let _ = write!(out, "; {}", pinned(one));
    }
    out
}

/// One comparison for people: the change, what the verdict rests on, and why it is none.
#[must_use]
pub fn block(place: &str, comparison: &Comparison, severity: Severity, style: Style) -> String {
    let warned = comparison.verdict == Change::Regressed && severity == Severity::Warn;
    let mark = if warned { style.warned() } else { style.change(comparison.verdict) };
    let note = if warned { "  regressed, which this check only warns about" } else { "" };
    let line = format!("{mark} {}  {}{note}", visible(place), change(comparison));
    let mut out = format!("{}\n", line.trim_end());
    if comparison.verdict != Change::NotCompared {
        let grounds = format!("{}, against {}", grounds(comparison), comparison.against);
        let _ = writeln!(out, "      {}", style.faint(&visible(&grounds)));
    }
    if let Some(reason) = &comparison.reason {
        let _ = writeln!(out, "      {}", visible(reason));
    }
    if let Some(one) = &comparison.pinned {
        let _ = writeln!(out, "      {}", visible(&pinned(one)));
    }
    out
}

/// "2 regressed", for each count that is not zero.
#[must_use]
pub fn counted(counts: &[(u64, &str)]) -> Vec<String> {
    counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect()
}

/// The comparison with the pinned release beside that with the runs before.
#[must_use]
pub fn pinned(pinned: &Comparison) -> String {
    let word = pinned.verdict.word().replace('_', " ");
    let reason = pinned.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    format!("against {}: {word}  {}{reason}", pinned.against, change(pinned))
}

/// Advice on a regression.
#[must_use]
pub fn next(check: &CheckRecord) -> &'static str {
    if check.base.is_some() {
        "the new target is slower on the same path at the same time: look at what differs between the two (release, \
         configuration, placement), then at the phases in the facts"
    } else {
        "measure both targets in one run with --against, if both can be reached; else look at what changed since the runs \
         it was compared with, path and neighbours included"
    }
}

fn chance(p: f64) -> String {
    if p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p {p:.4}") }
}

fn signed(comparison: &Comparison, value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "+" };
    format!("{sign}{}", amount(comparison, value.abs()))
}

fn amount(comparison: &Comparison, value: f64) -> String {
    match (comparison.compared_by, comparison.unit) {
        (ComparedBy::Ratio, _) => percent(value),
        // Percentage points: a change of a share is no share of it.
        (ComparedBy::Difference, Unit::Ratio) => format!("{}pp", percent(value).trim_end_matches('%')),
        (ComparedBy::Difference, unit) => unit.human(value),
    }
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent.abs() < 10.0 { format!("{percent:.1}%") } else { format!("{percent:.0}%") }
}
