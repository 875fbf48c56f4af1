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
    for group in &mut groups {
        let most = group.iter().map(|check| addresses(check)).max().unwrap_or(0);
        if let Some(at) = group.iter().position(|check| addresses(check) == most) {
            let first = group.remove(at);
            group.insert(0, first);
        }
    }
    groups
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
    (!others.is_empty()).then(|| ("also", listed(others.iter().map(name), ALSO)))
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
            && address(other).is_some()
            && address(failed).is_some()
            && address(other) != address(failed);
        other.verdict == Verdict::Passed && !other.flaky && other.suite == failed.suite && (cell || elsewhere)
    };
    let failed_itself = matches!(failed.verdict, Verdict::Failed | Verdict::Errored);
    let names: Vec<String> = record
        .checks
        .iter()
        .filter(|_| failed_itself)
        .filter(same)
        .map(|other| layout.plain_name(Cell::from(other)))
        .collect();
    (!names.is_empty()).then(|| ("works", listed(names.into_iter(), WORKS)))
}

/// The first `most` names, and how many are left out.
fn listed(names: impl ExactSizeIterator<Item = String>, most: usize) -> String {
    let left = names.len().saturating_sub(most);
    let shown: Vec<String> = names.take(most).collect();
    if left > 0 { format!("{} and {left} more", shown.join(", ")) } else { shown.join(", ") }
}
