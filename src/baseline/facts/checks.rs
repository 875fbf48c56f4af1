//! The checks of two reports paired by suite and case id, and what differs about them as a whole.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::model::reduced::Check;
use crate::model::{CheckChange, CheckShift, Severity, Verdict};

/// Who belongs to whom.
pub(super) struct Pairing<'a> {
    /// In both reports, in the order of the second.
    pub(super) both: Vec<(&'a Check, &'a Check)>,
    vanished: Vec<&'a Check>,
    new: Vec<&'a Check>,
}

/// Pairs by suite and case id. A damaged report may hold an id twice: then the first with the first, and so on.
pub(super) fn pair<'a>(before: &'a [Check], after: &'a [Check]) -> Pairing<'a> {
    let mut old: HashMap<(&str, &str, u32), (usize, &Check)> = HashMap::with_capacity(before.len());
    let mut times = HashMap::new();
    for (at, check) in before.iter().enumerate() {
        old.insert(numbered(&mut times, check), (at, check));
    }
    let mut pairing = Pairing { both: Vec::new(), vanished: Vec::new(), new: Vec::new() };
    times.clear();
    for check in after {
        match old.remove(&numbered(&mut times, check)) {
            Some((_, found)) => pairing.both.push((found, check)),
            None => pairing.new.push(check),
        }
    }
    let mut left: Vec<(usize, &Check)> = old.into_values().collect();
    left.sort_unstable_by_key(|(at, _)| *at);
    pairing.vanished = left.into_iter().map(|(_, check)| check).collect();
    pairing
}

fn numbered<'a>(times: &mut HashMap<(&'a str, &'a str), u32>, check: &'a Check) -> (&'a str, &'a str, u32) {
    let (suite, id) = (&*check.suite, &*check.id);
    let count = times.entry((suite, id)).or_default();
    *count += 1;
    (suite, id, *count)
}

fn change(check: &Check, change: CheckShift, before: Option<&str>, after: Option<&str>) -> CheckChange {
    CheckChange {
        suite: check.suite.clone(),
        check: check.id.clone(),
        family: check.family.clone(),
        change,
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
        reason_before: None,
        reason_after: None,
        worse: false,
    }
}

/// The differences between two records of one check: verdict, and target or else definition.
pub(super) fn differences(before: &Check, after: &Check) -> Vec<CheckChange> {
    let mut out: Vec<CheckChange> = Vec::new();
    out.extend(verdict(after, (before.verdict, before.reason.as_deref())));
    if before.target != after.target || before.family != after.family {
        let of = |check: &Check| format!("{} {}", check.family, check.target);
        let same_family = before.family == after.family;
        let (old, new) =
            if same_family { (before.target.clone(), after.target.clone()) } else { (of(before), of(after)) };
        out.push(change(after, CheckShift::Target, Some(&old), Some(&new)));
    } else if let (Some(old), Some(new)) = (&before.digest, &after.digest)
        && old != new
    {
        out.push(change(after, CheckShift::Definition, Some(old), Some(new)));
    }
    out
}

/// The change of verdict, if it is one.
pub(super) fn verdict(after: &Check, before: (Verdict, Option<&str>)) -> Option<CheckChange> {
    if before.0 == after.verdict {
        return None;
    }
    Some(CheckChange {
        reason_before: before.1.map(str::to_owned),
        reason_after: after.reason.clone(),
        worse: worse(before.0, after),
        ..change(after, CheckShift::Verdict, Some(before.0.word()), Some(after.verdict.word()))
    })
}

/// Verdicts are ordered from good to bad; from errored to failed is worse as well: now it is known not to work.
/// A check that only warns is told, and is no reason to fail.
fn worse(before: Verdict, after: &Check) -> bool {
    after.verdict > before && after.severity == Severity::Fail
}

/// Checks that only one report has; a vanished and a new one that look at the same thing were probably renamed.
pub(super) fn unpaired(pairing: &Pairing<'_>) -> Vec<CheckChange> {
    let renamed = renamed(&pairing.vanished, &pairing.new);
    let gone: HashSet<usize> = renamed.values().copied().collect();
    let mut out = Vec::with_capacity(pairing.new.len() + pairing.vanished.len());
    for (at, new) in pairing.new.iter().enumerate() {
        let Some(old) = renamed.get(&at).and_then(|old| pairing.vanished.get(*old)) else {
            let mut row = change(new, CheckShift::New, None, Some(new.verdict.word()));
            row.reason_after.clone_from(&new.reason);
            row.worse = matches!(new.verdict, Verdict::Failed | Verdict::Errored) && new.severity == Severity::Fail;
            out.push(row);
            continue;
        };
        let name = |check: &Check| format!("{}/{}", check.suite, check.id);
        let mut row = change(new, CheckShift::Renamed, Some(&name(old)), Some(&name(new)));
        row.worse = worse(old.verdict, new);
        out.push(row);
    }
    for (_, old) in pairing.vanished.iter().enumerate().filter(|(at, _)| !gone.contains(at)) {
        let mut row = change(old, CheckShift::Vanished, Some(old.verdict.word()), None);
        row.reason_before.clone_from(&old.reason);
        row.worse = true;
        out.push(row);
    }
    out
}

/// New checks by index to the vanished check they probably were. Only what is unique on both sides counts: first the same
/// definition, then the same target under the same check id (another suite, another matrix key), then the same target.
fn renamed(vanished: &[&Check], new: &[&Check]) -> HashMap<usize, usize> {
    let mut out = HashMap::new();
    let mut taken = HashSet::new();
    unique(vanished, new, (&mut out, &mut taken), |check| Some((&*check.family, check.digest.as_deref()?)));
    unique(vanished, new, (&mut out, &mut taken), |check| Some((&*check.family, &*check.target, &*check.check)));
    unique(vanished, new, (&mut out, &mut taken), |check| Some((&*check.family, &*check.target)));
    out
}

fn unique<'a, K: Eq + Hash>(
    vanished: &[&'a Check],
    new: &[&'a Check],
    (out, taken): (&mut HashMap<usize, usize>, &mut HashSet<usize>),
    key: impl Fn(&'a Check) -> Option<K>,
) {
    let mut places: HashMap<K, (Vec<usize>, Vec<usize>)> = HashMap::new();
    for (at, check) in vanished.iter().enumerate().filter(|(at, _)| !taken.contains(at)) {
        if let Some(key) = key(check) {
            places.entry(key).or_default().0.push(at);
        }
    }
    for (at, check) in new.iter().enumerate() {
        if let Some(key) = key(check).filter(|_| !out.contains_key(&at)) {
            places.entry(key).or_default().1.push(at);
        }
    }
    for (olds, news) in places.into_values() {
        if let ([old], [new]) = (olds.as_slice(), news.as_slice()) {
            out.insert(*new, *old);
            taken.insert(*old);
        }
    }
}
