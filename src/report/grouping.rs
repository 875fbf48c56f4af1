//! Failures with one cause are told once; what works beside them narrows the cause down.

use std::collections::HashMap;

use super::failure::{self, Row};
use super::layout::{Cell, Layout};
use crate::model::record::FactValue;
use crate::model::{CheckRecord, Record, Severity, Value, Verdict};

/// Cases of the same cause that are named; more are counted.
const ALSO: usize = 12;
/// Cases that hold beside a failed one that are named; more are counted.
const WORKS: usize = 4;

/// Cases with one cause, told once; each alone where everything is to be seen. What looked at the most addresses knows most
/// and comes first in its group.
pub fn grouped<'c>(bad: &[&'c CheckRecord], alone: bool) -> Vec<Vec<&'c CheckRecord>> {
    let mut groups: Vec<Vec<&CheckRecord>> = Vec::new();
    let mut known = HashMap::new();
    for check in bad {
        if alone || check.verdict == Verdict::Passed {
            groups.push(vec![check]);
            continue;
        }
        let severe = check.severity == Severity::Fail;
        let cause = match &check.group {
            Some(group) => (Some(group), String::new()),
            None => (check.reason.as_ref(), failure::next(check)),
        };
        let at = *known.entry((check.verdict, severe, cause)).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.push(check),
            None => groups.push(vec![check]),
        }
    }
    let mut groups = if alone { groups } else { told_by_others(&groups) };
    for group in &mut groups {
        let most = group.iter().map(|check| addresses(check)).max().unwrap_or(0);
        if let Some(at) = group.iter().position(|check| addresses(check) == most) {
            let first = group.remove(at);
            group.insert(0, first);
        }
    }
    groups
}

/// Groups whose cause another one tells word for word in its evidence, added to that one: a survey of several servers names
/// each that is dead, and a check of one of them has nothing to add.
fn told_by_others<'c>(groups: &[Vec<&'c CheckRecord>]) -> Vec<Vec<&'c CheckRecord>> {
    let mut into: Vec<usize> = (0..groups.len()).collect();
    let root = |into: &[usize], at: usize| {
        let next = |at: &usize| into.get(*at).copied().filter(|next| next != at);
        std::iter::successors(Some(at), next).last().unwrap_or(at)
    };
    for (at, group) in groups.iter().enumerate() {
        let teller = groups
            .iter()
            .enumerate()
            .find(|(other, tellers)| root(&into, *other) != at && tellers.iter().any(|teller| tells(teller, group)));
        if let (Some((other, _)), Some(slot)) = (teller, into.get_mut(at)) {
            *slot = other;
        }
    }
    let mut whole: Vec<Vec<&CheckRecord>> = vec![Vec::new(); groups.len()];
    let (roots, others): (Vec<usize>, Vec<usize>) = (0..groups.len()).partition(|at| root(&into, *at) == *at);
    for at in roots.into_iter().chain(others) {
        if let (Some(group), Some(all)) = (groups.get(at), whole.get_mut(root(&into, at))) {
            all.extend(group);
        }
    }
    whole.retain(|group| !group.is_empty());
    whole
}

/// Whether the evidence of a failed case has the cause of each of a group, which names the address it is about.
fn tells(teller: &CheckRecord, group: &[&CheckRecord]) -> bool {
    let is_told = |check: &&CheckRecord| {
        let cause = check.reason.as_deref().zip(address_of(check)).filter(|(cause, at)| cause.contains(at));
        let alike = teller.id != check.id && teller.verdict == check.verdict && teller.severity == check.severity;
        alike && cause.is_some_and(|(cause, _)| teller.notes.iter().any(|note| note.ends_with(cause)))
    };
    teller.verdict == Verdict::Failed && group.iter().all(is_told)
}

/// How many addresses a case looked at.
fn addresses(check: &CheckRecord) -> usize {
    match check.facts.get("addresses") {
        Some(FactValue::Scalar(Value::Array(all))) => all.len(),
        _ => 0,
    }
}

/// The one address that a case looked at.
fn address(check: &CheckRecord) -> Option<&str> {
    match check.facts.get("address") {
        Some(FactValue::Scalar(Value::String(address))) if addresses(check) < 2 => Some(address),
        _ => None,
    }
}

/// The others of a group, with their address where it is another one and their name does not say it.
pub fn also(first: &CheckRecord, others: &[&CheckRecord], layout: &Layout) -> Option<Row> {
    let name = |other: &&CheckRecord| {
        let name = layout.plain_name(Cell::from(*other));
        match address(other).filter(|address| Some(*address) != address_of(first) && !name.contains(address)) {
            Some(address) => format!("{name} ({address})"),
            None => name,
        }
    };
    // Of one group all say the same.
    let says_more = others.iter().any(|other| other.group != first.group);
    let each = if says_more { " (-v shows each)" } else { "" };
    (!others.is_empty()).then(|| ("also", listed(others.iter().map(name), ALSO) + each))
}

fn address_of(check: &CheckRecord) -> Option<&str> {
    match check.facts.get("address") {
        Some(FactValue::Scalar(Value::String(address))) => Some(address),
        _ => None,
    }
}

/// What holds of the same thing elsewhere: other cells of the check, and checks of the same target at another address.
pub fn works(failed: &CheckRecord, record: &Record, layout: &Layout) -> Option<Row> {
    let same = |other: &&CheckRecord| {
        let cell = other.check == failed.check && other.id != failed.id;
        let elsewhere = other.family == failed.family
            && other.target == failed.target
            && other.netns == failed.netns
            && address(other).is_some()
            && address(failed).is_some()
            && address(other) != address(failed);
        other.verdict == Verdict::Passed && !other.flaky && other.suite == failed.suite && (cell || elsewhere)
    };
    // Of a grid all cells are shown.
    let failed_itself = matches!(failed.verdict, Verdict::Failed | Verdict::Errored) && failed.cell.is_none();
    let names: Vec<String> = record
        .checks
        .iter()
        .filter(|_| failed_itself)
        .filter(same)
        .map(|other| layout.plain_name(Cell::from(other)))
        .collect();
    (!names.is_empty()).then(|| ("works", listed(names.into_iter(), WORKS)))
}

/// Outcomes of a service that did not answer as one does.
const NO_ANSWER: &[&str] = &["refused", "timeout", "silent", "unreachable", "reset", "closed"];

/// What holds at the same address, where a service did not answer: the host is up, and this service is not.
pub fn works_there(failed: &CheckRecord, record: &Record, layout: &Layout) -> Option<Row> {
    let word = outcome(failed).map(|(word, _)| word);
    let at = address(failed)
        .filter(|_| failed.verdict == Verdict::Failed && word.is_some_and(|word| NO_ANSWER.contains(&word)))?;
    let there = |other: &&CheckRecord| {
        let same = other.suite == failed.suite && other.id != failed.id && address(other) == Some(at);
        // A cell of the same check is named with what works elsewhere.
        let same = same && other.check != failed.check && other.verdict == Verdict::Passed && !other.flaky;
        same && outcome(other).is_some_and(|(word, expected)| Some(word) == expected)
    };
    let names: Vec<String> =
        record.checks.iter().filter(there).map(|other| layout.plain_name(Cell::from(other))).collect();
    (!names.is_empty()).then(|| ("works", format!("at {at}: {}", listed(names.into_iter(), WORKS))))
}

/// The outcome of a check, and the one its family expects.
fn outcome(check: &CheckRecord) -> Option<(&str, Option<&'static str>)> {
    let facts = crate::checks::family(&check.family)?.facts;
    let fact = facts.iter().find(|fact| fact.roles.outcome)?;
    match check.facts.get(fact.name) {
        Some(FactValue::Scalar(Value::String(word))) => Some((word, fact.expected)),
        _ => None,
    }
}

/// The first `most` names, and how many are left out.
fn listed(names: impl ExactSizeIterator<Item = String>, most: usize) -> String {
    let left = names.len().saturating_sub(most);
    let shown: Vec<String> = names.take(most).collect();
    if left > 0 { format!("{} and {left} more", shown.join(", ")) } else { shown.join(", ") }
}
