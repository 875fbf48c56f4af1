//! The checks of two reports paired by suite and case id, else by a definition that is unique on both sides, and what differs about them as a whole.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::model::record::Run;
use crate::model::reduced::{Check, Report};
use crate::model::{CheckChange, CheckShift, Severity, Verdict};
use crate::suite::matrix::planned_ids;

/// How two records were found to be of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MatchedBy {
    /// Suite and case id.
    SameId,
    /// The definition, under another id.
    SameDigest,
}

/// Who belongs to whom.
pub(super) struct Pairing<'a> {
    /// In both reports, in the order of the second.
    pub(super) both: Vec<(&'a Check, &'a Check, MatchedBy)>,
    vanished: Vec<&'a Check>,
    new: Vec<&'a Check>,
    /// Those of one report that the selection of the other left out.
    pub(super) not_selected: u64,
}

/// Pairs by suite and case id, then by definition. A damaged report may hold an id twice: then the first with the first, and so on.
/// What a selection left out did not vanish, and is not new; but that it does not hold is told all the same.
pub(super) fn pair<'a>(before: &'a Report, after: &'a Report) -> Pairing<'a> {
    let (before_run, after_run) = (&before.run, &after.run);
    let (before, after) = (&before.checks, &after.checks);
    let mut old: HashMap<(&str, &str, u32), (usize, &Check)> = HashMap::with_capacity(before.len());
    let mut times = HashMap::new();
    for (at, check) in before.iter().enumerate() {
        old.insert(numbered(&mut times, check), (at, check));
    }
    let mut pairing = Pairing { both: Vec::new(), vanished: Vec::new(), new: Vec::new(), not_selected: 0 };
    times.clear();
    for check in after {
        match old.remove(&numbered(&mut times, check)) {
            Some((_, found)) => pairing.both.push((found, check, MatchedBy::SameId)),
            None => pairing.new.push(check),
        }
    }
    let mut left: Vec<(usize, &Check)> = old.into_values().collect();
    left.sort_unstable_by_key(|(at, _)| *at);
    pairing.vanished = left.into_iter().map(|(_, check)| check).collect();
    let all = pairing.vanished.len() + pairing.new.len();
    let (left_out, unknown) = (left_out(after_run), left_out(before_run));
    let name = |check: &Check| format!("{}/{}", check.suite, check.id);
    let is_among = |names: &HashSet<&str>, check: &Check| {
        let planned = |id: String| names.contains(&*format!("{}/{id}", check.suite));
        names.contains(&*name(check)) || planned_ids(&check.id).any(planned)
    };
    pairing.vanished.retain(|check| !is_among(&left_out, check));
    pairing.new.retain(|check| holds_not(check) || !is_among(&unknown, check));
    pairing.not_selected = (all - pairing.vanished.len() - pairing.new.len()) as u64;
    pair_by_digest(&mut pairing);
    pairing
}

/// The checks that the selection of a run left out.
fn left_out(run: &Run) -> HashSet<&str> {
    run.deselected.iter().map(String::as_str).collect()
}

fn holds_not(check: &Check) -> bool {
    matches!(check.verdict, Verdict::Failed | Verdict::Errored)
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

/// A check whose definition has another name now. What became of its verdict is a change of its own.
pub(super) fn renamed(before: &Check, after: &Check) -> CheckChange {
    let name = |check: &Check| format!("{}/{}", check.suite, check.id);
    change(after, CheckShift::Renamed, Some(&name(before)), Some(&name(after)))
}

/// Checks that only one report has.
pub(super) fn unpaired(pairing: &Pairing<'_>) -> Vec<CheckChange> {
    let mut out = Vec::with_capacity(pairing.new.len() + pairing.vanished.len());
    for new in &pairing.new {
        let mut row = change(new, CheckShift::New, None, Some(new.verdict.word()));
        row.reason_after.clone_from(&new.reason);
        row.worse = holds_not(new) && new.severity == Severity::Fail;
        out.push(row);
    }
    for old in &pairing.vanished {
        let mut row = change(old, CheckShift::Vanished, Some(old.verdict.word()), None);
        row.reason_before.clone_from(&old.reason);
        row.worse = true;
        out.push(row);
    }
    out
}

/// Moves what has one definition, and the only one of its kind on both sides, into the pairs. Twins stay apart: nobody guesses.
fn pair_by_digest<'a>(pairing: &mut Pairing<'a>) {
    let key = |check: &&'a Check| Some((&*check.family, check.digest.as_deref()?));
    let mut places: HashMap<_, (Vec<usize>, Vec<usize>)> = HashMap::new();
    for (at, key) in pairing.vanished.iter().enumerate().filter_map(|(at, check)| Some((at, key(check)?))) {
        places.entry(key).or_default().0.push(at);
    }
    for (at, key) in pairing.new.iter().enumerate().filter_map(|(at, check)| Some((at, key(check)?))) {
        places.entry(key).or_default().1.push(at);
    }
    let unique = places.into_values().filter_map(|(olds, news)| match (olds.as_slice(), news.as_slice()) {
        ([old], [new]) => Some((*new, *old)),
        _ => None,
    });
    let unique: BTreeMap<usize, usize> = unique.collect();
    let gone: HashSet<usize> = unique.values().copied().collect();
    let found = unique
        .iter()
        .filter_map(|(new, old)| Some((*pairing.vanished.get(*old)?, *pairing.new.get(*new)?, MatchedBy::SameDigest)));
    let found: Vec<_> = found.collect();
    pairing.both.extend(found);
    let mut at = 0..;
    pairing.vanished.retain(|_| at.next().is_none_or(|at| !gone.contains(&at)));
    let mut at = 0..;
    pairing.new.retain(|_| at.next().is_none_or(|at| !unique.contains_key(&at)));
}
