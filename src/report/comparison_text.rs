//! Comparisons in words: the same for console, `JUnit` and `compare`.

use std::fmt::Write as _;

use super::comparison::inconclusive::{self, ComparisonKind};
use crate::checks::family;
use crate::model::record::{FactValue, Facts};
use crate::model::shell::command;
use crate::model::{CheckRecord, ComparedBy, Comparison, Unit, Value};

/// Ratio from which on it is told as a multiple.
const SEVERAL: f64 = 3.0;

/// "2.02 ms -> 2.23 ms  +10.4% [+8.1%, +12.6%]": levels, change and its 95 % interval.
#[must_use]
pub fn change(comparison: &Comparison) -> String {
    let level = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| comparison.unit.human(value));
    let mut out = match (comparison.base, comparison.head) {
        (None, None) => return String::new(),
        (base, head) => format!("{} -> {}", level(base), level(head)),
    };
    if comparison.ratio.or(comparison.difference).is_some() {
        let _ = write!(out, "  {}", effect(comparison));
    }
    if let Some([low, high]) = comparison.ci {
        let end = |value: f64| shown(comparison, value);
        let _ = write!(out, " [{}, {}]", end(low), end(high));
    }
    out
}

/// "+10.4%", "x19.7" of what is several times as much, "+0.3pp": the change alone.
#[must_use]
pub fn effect(comparison: &Comparison) -> String {
    comparison.ratio.or(comparison.difference).map_or_else(String::new, |value| shown(comparison, value))
}

/// A ratio or a difference: several times as much is no percentage that anybody reads.
fn shown(comparison: &Comparison, value: f64) -> String {
    if comparison.ratio.is_none() {
        return signed(comparison, value);
    }
    if value >= SEVERAL && value.is_finite() {
        return if value >= 10.0 { format!("x{value:.0}") } else { format!("x{value:.1}") };
    }
    signed(comparison, value - 1.0)
}

/// "tolerance 5.0%, counts from 1 ms on, changes from 3.1% on can be seen (MDE), p 0.0002": the grounds of the verdict; without
/// the MDE unless `whole`.
#[must_use]
pub fn grounds(comparison: &Comparison, whole: bool) -> String {
    let amount = |value: f64| amount(comparison, value);
    let mut out = format!("tolerance {}", amount(comparison.tolerance));
    if let Some(least) = comparison.at_least {
        let _ = write!(out, ", counts from {} on", comparison.unit.human(least));
    }
    if let Some(mde) = comparison.mde.filter(|_| whole) {
        let _ = write!(out, ", changes from {} on can be seen (MDE)", amount(mde));
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
    let _ = write!(out, " ({}) against {}", grounds(comparison, true), against(comparison, None));
    if let Some(reason) = &comparison.reason {
        let _ = write!(out, ": {reason}");
    }
    let kind = if inconclusive::is_interleaved(comparison) { ComparisonKind::Pairs } else { ComparisonKind::Baseline };
    if let Some(what) = inconclusive::advice(&[comparison], kind) {
        let _ = write!(out, "; to decide: {what}");
    }
    if let Some(one) = &comparison.pinned {
        let _ = write!(out, "; {}", pinned(one));
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

/// Addresses of the old and the new target of a check measured in pairs, where both are known.
#[must_use]
pub fn arms(check: &CheckRecord) -> Option<(&str, &str)> {
    address(&check.base.as_ref()?.facts).zip(address(&check.facts)).filter(|(old, new)| old != new)
}

fn address(facts: &Facts) -> Option<&str> {
    match facts.get("address") {
        Some(FactValue::Scalar(Value::String(address))) => Some(address),
        _ => None,
    }
}

/// What a comparison is with: earlier runs, or the other target of the same run.
#[must_use]
pub fn against(comparison: &Comparison, case: Option<&CheckRecord>) -> String {
    if !inconclusive::is_interleaved(comparison) {
        return comparison.against.clone();
    }
    let old = case.and_then(arms).map(|(old, _)| format!(" ({old})")).unwrap_or_default();
    format!("the old target{old}, measured in turn with the new one")
}

/// Advice on a regression of a case; `paired` where both targets were measured in turn, `slow` what it means that the phase
/// which moved most takes long.
#[must_use]
pub fn next(paired: bool, case: Option<&CheckRecord>, slow: Option<&str>) -> String {
    let arms = case.and_then(arms);
    let host = arms.map(|(_, new)| new).or_else(|| address(&case?.facts));
    let on = host.map(|host| format!("on {host}, ")).unwrap_or_default();
    let by_hand = case.and_then(|case| (family(&case.family)?.timed_by_hand)(&case.target, host));
    let by_hand = by_hand.map(|line| format!("; by hand: {}", command(&line))).unwrap_or_default();
    match (slow, paired) {
        (Some(slow), true) => {
            format!(
                "{on}{slow}; then at what differs between the two targets (release, configuration, placement){by_hand}"
            )
        }
        (Some(slow), false) => {
            format!("{on}{slow}; if the old state can still be reached, measure both with --against{by_hand}")
        }
        (None, true) => {
            let (new, old) =
                arms.map_or_else(Default::default, |(old, new)| (format!(" ({new})"), format!(" ({old})")));
            format!(
                "the new target{new} is worse than the old one{old} on the same path at the same time: look at what differs between the \
                 two (release, configuration, placement), then at the phases in the facts{by_hand}"
            )
        }
        (None, false) => format!(
            "measure both targets in one run with --against, if both can be reached; else look at what changed since the runs it was \
             compared with, path and neighbours included{by_hand}"
        ),
    }
}

/// That `inconclusive` shows nothing, for the summary of a run that does not fail on it; `what` is counted.
#[must_use]
pub fn no_pass(inconclusive: u64, what: &str, strict: bool) -> Option<String> {
    if inconclusive == 0 {
        return None;
    }
    let them = if inconclusive == 1 { format!("1 {what} is") } else { format!("{inconclusive} {what}s are") };
    let then = if strict { "--strict fails on it" } else { "it fails only with --strict" };
    Some(format!("{them} inconclusive, which is no pass: neither a change nor its absence was shown; {then}"))
}

fn chance(p: f64) -> String {
    if p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p {p:.4}") }
}

fn signed(comparison: &Comparison, value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "+" };
    format!("{sign}{}", amount(comparison, value.abs()))
}

/// An effect without its sign, in the form it is compared in.
pub(super) fn amount(comparison: &Comparison, value: f64) -> String {
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
