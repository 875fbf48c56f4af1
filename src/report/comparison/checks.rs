//! Checks that differ as a whole, those of one kind and reason in one line.

use std::collections::HashMap;

use super::layout::{self, StatusWord};
use crate::model::count::counted;
use crate::model::{CheckChange, CheckShift};
use crate::report::style::Style;

/// Checks that came to the same.
struct ChangeGroup<'d> {
    first: &'d CheckChange,
    all: Vec<&'d CheckChange>,
}

/// One text per kind and reason, the worse ones first, then the widest.
pub(super) fn lines(changes: &[CheckChange], style: Style) -> Vec<String> {
    let mut places: HashMap<Key, usize> = HashMap::new();
    let mut groups: Vec<ChangeGroup<'_>> = Vec::new();
    for change in changes {
        let place = *places.entry(key(change)).or_insert_with(|| {
            groups.push(ChangeGroup { first: change, all: Vec::new() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            group.all.push(change);
        }
    }
    groups.sort_by_key(|group| (!group.first.worse, std::cmp::Reverse(group.all.len())));
    groups.iter().map(|group| text(group, style)).collect()
}

/// What checks of one line have in common.
type Key = (bool, &'static str, [Option<String>; 4]);

fn key(change: &CheckChange) -> Key {
    let of = |parts: [Option<String>; 4]| (change.worse, change.change.word(), parts);
    let (before, after) = (change.before.clone(), change.after.clone());
    match change.change {
        CheckShift::Renamed | CheckShift::Definition => of([const { None }; 4]),
        CheckShift::Target => match moved_host(change) {
            Some((old, new)) => of([Some(old), Some(new), None, None]),
            None => of([before, after, Some(change.check.to_string()), None]),
        },
        CheckShift::New | CheckShift::Vanished | CheckShift::Verdict => {
            of([before, after, change.reason_before.clone(), change.reason_after.clone()])
        }
    }
}

/// The host that took the place of another, where a target is the same else.
fn moved_host(change: &CheckChange) -> Option<(String, String)> {
    // A target may be several words (`www.example.test A @192.0.2.53:53`): then that of the one that differs.
    let words = |text: &'_ Option<String>| -> Option<Vec<String>> {
        Some(text.as_deref()?.split(' ').map(|word| word.trim_start_matches('@').to_owned()).collect())
    };
    let (old, new) = (words(&change.before)?, words(&change.after)?);
    let differing: Vec<_> = old.iter().zip(&new).filter(|(old, new)| old != new).collect();
    let [(old, new)] = differing.as_slice() else { return None };
    let ((old_host, old_rest), (new_host, new_rest)) = (split(old), split(new));
    (old_rest == new_rest && old_host != new_host).then(|| (old_host.to_owned(), new_host.to_owned()))
}

/// The host of a target, and what is around it.
fn split(target: &str) -> (&str, (&str, &str)) {
    let begin = target.find("://").map_or(0, |at| at + "://".len());
    let rest = target.get(begin..).unwrap_or_default();
    let end = rest.find(['/', '?', '#', ' ']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let bracket = authority.rfind(']').map_or(0, |at| at + 1);
    let colon = authority.get(bracket..).and_then(|tail| tail.rfind(':')).map(|at| bracket + at);
    // An IPv6 address without brackets has no port.
    let colon = colon.filter(|at| bracket > 0 || !authority.get(..*at).unwrap_or_default().contains(':'));
    let host_end = begin + colon.unwrap_or(authority.len());
    let host = target.get(begin..host_end).unwrap_or_default();
    (host, (target.get(..begin).unwrap_or_default(), target.get(host_end..).unwrap_or_default()))
}

fn text(group: &ChangeGroup<'_>, style: Style) -> String {
    let ChangeGroup { first, all } = group;
    let names: Vec<(&str, &str)> = all.iter().map(|change| (&*change.suite, &*change.check)).collect();
    let who = layout::checks(&names, style.verbose);
    let (before, after) = (first.before.as_deref().unwrap_or("?"), first.after.as_deref().unwrap_or("?"));
    let because = |reason: &Option<String>| reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let (mark, text) = match first.change {
        CheckShift::New if first.worse => {
            (StatusWord::Worse, format!("{who}: new, and {after}{}", because(&first.reason_after)))
        }
        CheckShift::New => {
            (StatusWord::New, format!("{who}: only the second report has it; {after}{}", because(&first.reason_after)))
        }
        CheckShift::Vanished => (
            StatusWord::Gone,
            format!("{who}: only the first report has it; {before} there{}", because(&first.reason_before)),
        ),
        CheckShift::Renamed => {
            let pair = |change: &&CheckChange| {
                format!("{} -> {}", change.before.as_deref().unwrap_or("?"), change.after.as_deref().unwrap_or("?"))
            };
            let pairs: Vec<String> = all.iter().map(pair).collect();
            (
                StatusWord::Note,
                format!("{} renamed: {}", counted(all.len() as u64, "check"), layout::some(&pairs, style.verbose)),
            )
        }
        CheckShift::Verdict => {
            let mark = match (first.worse, after) {
                (true, _) => StatusWord::Worse,
                (false, "passed") => StatusWord::Better,
                (false, _) => StatusWord::Note,
            };
            let reason = if after == "passed" { earlier(first) } else { because(&first.reason_after) };
            (mark, format!("{who}: {before} -> {after}{reason}"))
        }
        CheckShift::Target => {
            let (old, new) = moved_host(first).unwrap_or_else(|| (before.to_owned(), after.to_owned()));
            (StatusWord::Note, format!("{who}: another target, {old} -> {new}"))
        }
        CheckShift::Definition => {
            (StatusWord::Note, format!("{who}: defined otherwise than before, so that the numbers are not compared"))
        }
    };
    layout::line(style, mark, &text)
}

/// Why it did not hold before.
fn earlier(change: &CheckChange) -> String {
    change.reason_before.as_ref().map_or_else(String::new, |reason| format!(" (before: {reason})"))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_target_is_its_host_and_what_is_around_it() {
        for (target, host, before, after) in [
            ("192.0.2.1:443", "192.0.2.1", "", ":443"),
            ("https://www.example.test:8443/x", "www.example.test", "https://", ":8443/x"),
            ("https://[2001:db8::1]/", "[2001:db8::1]", "https://", "/"),
            ("[2001:db8::1]:53", "[2001:db8::1]", "", ":53"),
            ("2001:db8::1", "2001:db8::1", "", ""),
            ("www.example.test", "www.example.test", "", ""),
            ("A www.example.test @ 192.0.2.53:53", "A", "", " www.example.test @ 192.0.2.53:53"),
        ] {
            assert_eq!(split(target), (host, (before, after)), "{target}");
        }
    }
}
