//! What came of a probe by hand: the decisive fact first, then what was asked for, then everything seen.

use std::fmt::Write as _;

use super::facts;
use crate::model::count::counted;
use crate::model::record::{FactValue, Outcome};
use crate::model::{CheckRecord, FactInfo, Kind, Value, Verdict};
use crate::probe::Family;
use crate::report::layout::Layout;
use crate::report::style::{Style, visible};

/// Columns before the text of a row.
const INDENT: usize = 9;
/// Lines of evidence shown.
const EVIDENCE: usize = 8;

/// The whole output.
pub(super) fn render(
    family: &Family,
    check: &CheckRecord,
    expected: &[String],
    notes: &[String],
    style: Style,
) -> String {
    let netns = check.netns.as_ref().map(|netns| format!(" in netns {netns}")).unwrap_or_default();
    let first = format!("{} {}{netns}: {}", check.family, check.target, decisive(family, check));
    let mut out = format!("{} {}\n", style.status(check), style.strong(&visible(&first)));
    let page = ResultText { layout: Layout::of(std::iter::empty(), style.width) };
    if check.verdict != Verdict::Passed {
        let next = check.fault.as_ref().map(|fault| &fault.remedy).or(check.next.as_ref());
        next.filter(|next| !next.is_empty()).into_iter().for_each(|next| page.row(&mut out, "next", next));
    }
    for note in notes {
        page.row(&mut out, "note", note);
    }
    expectations(&mut out, &page, check, expected);
    let seen = check.facts.0.iter().map(|(name, value)| (&**name, value));
    let lines = facts::lines(family, seen, style.verbose);
    if !lines.is_empty() {
        let _ = write!(out, "\n{lines}");
    }
    evidence(&mut out, &check.notes, style.verbose);
    out
}

/// What was asked for, and what the family expects by itself where it does not hold. What nothing was seen of is one line.
fn expectations(out: &mut String, page: &ResultText, check: &CheckRecord, expected: &[String]) {
    let asked = |outcome: &Outcome| expected.iter().any(|fact| **fact == *outcome.fact);
    // A part whose whole is absent names it.
    let seen = |outcome: &&Outcome| outcome.got.as_deref().is_some_and(|got| !got.starts_with("nothing: there is no"));
    let unmet = || check.expectations.iter().filter(|outcome| !outcome.held);
    let held = check.expectations.iter().filter(|outcome| outcome.held && asked(outcome));
    for outcome in held.chain(unmet().filter(seen)) {
        let by = if asked(outcome) { "" } else { " (expected by default)" };
        let text = format!("{}{by}", outcome.sentence());
        page.row(out, if outcome.held { "held" } else { "unmet" }, &text);
    }
    let absent: Vec<&str> = unmet().filter(|outcome| !seen(outcome)).map(|outcome| &*outcome.fact).collect();
    if !absent.is_empty() {
        page.row(out, "unmet", &format!("{}: expected, but not seen", absent.join(", ")));
    }
}

/// How wide lines may be.
struct ResultText {
    layout: Layout,
}

impl ResultText {
    fn row(&self, out: &mut String, word: &str, text: &str) {
        let shown = visible(text);
        let is_advice = matches!(word, "next" | "note");
        let parts = if is_advice { self.layout.advice(&shown, INDENT) } else { self.layout.wrapped(&shown, INDENT) };
        for (at, part) in parts.iter().enumerate() {
            let _ = writeln!(out, "  {:<5}  {part}", if at == 0 { word } else { "" });
        }
    }
}

fn evidence(out: &mut String, notes: &[String], verbose: bool) {
    if notes.is_empty() {
        return;
    }
    out.push_str("\nevidence\n");
    let shown = if verbose || notes.len() <= EVIDENCE + 1 { notes.len() } else { EVIDENCE };
    for note in notes.iter().take(shown) {
        let _ = writeln!(out, "  {}", visible(note));
    }
    let more = notes.len() - shown;
    if more > 0 {
        let _ = writeln!(out, "  … {}; -v shows all", counted(more, "more line"));
    }
}

/// What came of it, in a few words: why it failed, else the facts that decide and the time it took.
fn decisive(family: &Family, check: &CheckRecord) -> String {
    if check.verdict != Verdict::Passed {
        return check.reason.clone().unwrap_or_else(|| check.verdict.word().to_owned());
    }
    let mut parts: Vec<String> = Vec::new();
    for info in family.facts.iter().filter(|info| info.roles.decisive) {
        if let Some(value) = check.facts.get(info.name) {
            let text = facts::scalar(Some(info), value);
            parts.push(if info.roles.outcome { text } else { format!("{} {text}", info.name) });
        }
    }
    parts.extend(expected_by_itself(family, check));
    parts.extend(headline(family, check));
    if parts.is_empty() { check.verdict.word().to_owned() } else { parts.join(", ") }
}

/// What the family looks for first beside the outcome: the first list or flag that it expects by itself.
fn expected_by_itself(family: &Family, check: &CheckRecord) -> Option<String> {
    let looked_for = |info: &&FactInfo| match info.kind {
        Kind::List => info.expected.is_some(),
        Kind::Bool => info.expected == Some("true"),
        _ => false,
    };
    family.facts.iter().filter(looked_for).find_map(|info| match check.facts.get(info.name)? {
        FactValue::Scalar(Value::Array(items)) if !items.is_empty() => {
            Some(format!("{} {}", info.name, facts::few(items)))
        }
        FactValue::Scalar(Value::Bool(flag)) => Some(format!("{} {flag}", info.name)),
        _ => None,
    })
}

/// The first distribution that has a direction: the number people look for.
fn headline(family: &Family, check: &CheckRecord) -> Option<String> {
    let measured = |info: &&FactInfo| info.kind == Kind::Distribution && info.better.is_some();
    family.facts.iter().filter(measured).find_map(|info| match check.facts.get(info.name)? {
        FactValue::Distribution(unit, summary) => Some(format!("{} {}", info.name, unit.human(summary.p50))),
        FactValue::Scalar(_) | FactValue::Table(_) => None,
    })
}

/// The outcome, as a word.
pub(super) fn outcome(family: &Family, check: &CheckRecord) -> String {
    let info = family.facts.iter().find(|info| info.roles.outcome);
    match info.and_then(|info| check.facts.get(info.name)) {
        Some(FactValue::Scalar(Value::String(word))) => word.clone(),
        _ => "no answer".to_owned(),
    }
}

/// Whether nobody answered.
pub(super) fn is_silent(family: &Family, check: &CheckRecord) -> bool {
    let word = outcome(family, check);
    let silent = family.facts.iter().filter(|info| info.roles.outcome).any(|info| info.silent.contains(&word.as_str()));
    silent || word == "refused"
}
