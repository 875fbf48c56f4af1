//! Order: needs before what needs them, quiet before noisy before disruptive, else as written, suite after suite.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use super::names::{Suites, quoted_in_flow};
use super::{Case, arms, targets};
use crate::model::count::counted;
use crate::suite::check::Check;
use crate::suite::{Diagnostics, Suite};

/// The cases of a suite, of which nothing needs anything yet.
pub(super) fn cases(suite: &Suite, head: Option<Suite>, errors: &mut Diagnostics) -> Vec<Case> {
    let mut heads = arms::pair(suite, head, errors).into_iter();
    suite.checks.iter().map(|check| Case::new(&suite.name, check, heads.next().flatten().as_ref())).collect()
}

/// Resolves `needs` to positions, within a suite and across suites. Unknown names and cycles are errors.
pub(super) fn link(cases: &mut [Case], suites: &Suites<'_>, errors: &mut Diagnostics) {
    for (index, check) in suites.checks().iter().enumerate() {
        let own = suites.suite_of(index);
        let mut needs = Vec::new();
        for name in check.needs.iter() {
            let found = match suites.find((own, check), name, "needs", errors) {
                Ok(found) => found,
                Err(unknown) => {
                    let help = unknown.help(|near| {
                        entry(check.needs.iter().map(|other| if other == name { near } else { other.as_str() }))
                    });
                    errors.labelled(check.needs_span, unknown.message, unknown.label, help);
                    continue;
                }
            };
            let same = |other: &usize| suites.suite_of(*other) == own && cases[*other].check == check.check;
            if found.iter().any(same) {
                let others: Vec<&str> = check.needs.iter().map(String::as_str).filter(|other| *other != name).collect();
                let help = match others.as_slice() {
                    [] => "take `needs` out: a check cannot wait for itself".to_owned(),
                    others => format!("write `{}`: a check cannot wait for itself", entry(others.iter().copied())),
                };
                errors.add(check.needs_span, format!("`{}` needs itself", check.check), help);
            }
            needs.extend(found);
        }
        needs.extend(captured(suites, (own, check), errors));
        if let Some(list) = check.list.as_ref().filter(|list| !list.check.is_empty())
            && let Some((source, table)) = targets::found(suites, (own, check), list, errors)
        {
            needs.push(source);
            if !cases[source].feeds.contains(&table) {
                cases[source].feeds.push(table);
            }
        }
        // Named twice, or as a check and as one of its cells, it is waited for once.
        let mut seen = HashSet::with_capacity(needs.len());
        needs.retain(|need| seen.insert(*need));
        cases[index].needs = needs;
    }
    stages(cases, suites, errors);
}

/// The cases that capture what a check uses.
fn captured(suites: &Suites<'_>, by: (usize, &Check), errors: &mut Diagnostics) -> Vec<usize> {
    let mut out = Vec::new();
    for used in by.1.uses.iter() {
        let check = used.name.split('.').next().unwrap_or_default();
        // What is captured by a check of that name is known when the suite is read.
        let found = suites.find(by, check, "capture", errors).unwrap_or_default();
        if found.len() > 1 {
            let cases = counted(found.len(), "case");
            let message =
                format!("`${{checks.{}}}`: `{check}` has {cases}, and each captures a value of its own", used.name);
            errors.add(used.span, message, "capture it in a check without a matrix");
        }
        out.extend(found);
    }
    out
}

/// `needs: [a, b]` with each name once.
fn entry<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut seen = HashSet::new();
    let names: Vec<String> = names.filter(|name| seen.insert(*name)).map(quoted_in_flow).collect();
    format!("needs: [{}]", names.join(", "))
}

/// Raises the stage of each case to the latest of what it needs; what never settles needs itself in the end.
fn stages(cases: &mut [Case], suites: &Suites<'_>, errors: &mut Diagnostics) {
    let mut open: Vec<usize> = cases.iter().map(|case| case.needs.len()).collect();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); cases.len()];
    for (index, case) in cases.iter().enumerate() {
        for need in &case.needs {
            users[*need].push(index);
        }
    }
    let mut ready: Vec<usize> = (0..cases.len()).filter(|index| open[*index] == 0).collect();
    while let Some(index) = ready.pop() {
        for user in users[index].clone() {
            cases[user].stage = cases[user].stage.max(cases[index].stage);
            open[user] -= 1;
            if open[user] == 0 {
                ready.push(user);
            }
        }
    }
    for cycle in cycles(cases, &open) {
        let (Some(first), several) = (cycle.first(), across_suites(&cycle, suites)) else { continue };
        // One that needs itself was told already.
        if cycle.iter().all(|index| cases[*index].check == cases[*first].check) && !several {
            continue;
        }
        let name = |index: &usize| {
            let case = &cases[*index];
            if several { format!("{}/{}", case.suite, case.check) } else { case.check.to_string() }
        };
        let around: Vec<String> = cycle.iter().chain([first]).map(name).collect();
        let message = format!("dependency cycle: {}", around.join(" -> "));
        let next = around.get(1).map_or("", String::as_str);
        let check = suites.checks()[*first];
        // Not named in `needs`, it is waited for as it captures something.
        let used = check.uses.iter().find(|used| used.name.split('.').next() == Some(next));
        let list = check.list.as_ref().filter(|list| list.check == next);
        let implied = used.map(|used| (used.span, "captures")).or_else(|| Some((list?.span, "finds")));
        let (span, help) = match implied.filter(|_| !check.needs.iter().any(|need| need == next)) {
            Some((span, does)) => (span, format!("each waits for the next one: here for what `{next}` {does}")),
            None => (
                check.needs_span,
                format!(
                    "each waits for the next one: take `{next}` out of `needs` here, or break it at another of these"
                ),
            ),
        };
        errors.add(span, message, help);
    }
}

fn across_suites(cycle: &[usize], suites: &Suites<'_>) -> bool {
    cycle.windows(2).any(|pair| suites.suite_of(pair[0]) != suites.suite_of(pair[1]))
}

/// Cycles among the cases that still wait for something, each from its first case on, in the order of `needs`. What only leads
/// into a cycle is none of it.
fn cycles(cases: &[Case], open: &[usize]) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let mut walk = vec![NEW; cases.len()];
    let mut out = Vec::new();
    for start in (0..cases.len()).filter(|index| open[*index] > 0) {
        let (mut at, mut path) = (start, Vec::new());
        while walk[at] == NEW {
            walk[at] = start;
            path.push(at);
            // Whatever waits waits for something that waits.
            let Some(next) = cases[at].needs.iter().copied().find(|need| open[*need] > 0) else { break };
            at = next;
        }
        if walk[at] == start
            && let Some(from) = path.iter().position(|index| *index == at)
        {
            let mut cycle = path.split_off(from);
            let first = cycle.iter().enumerate().min_by_key(|(_, index)| **index).map_or(0, |(place, _)| place);
            cycle.rotate_left(first);
            out.push(cycle);
        }
    }
    out
}

/// The cases in the order they are started: by stage, then as written, never before what they need.
pub(super) fn sorted(cases: Vec<Case>) -> Vec<Case> {
    let mut open: Vec<usize> = cases.iter().map(|case| case.needs.len()).collect();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); cases.len()];
    for (index, case) in cases.iter().enumerate() {
        for need in &case.needs {
            users[*need].push(index);
        }
    }
    let key = |index: usize| Reverse((cases[index].stage, index));
    let mut heap: BinaryHeap<_> = (0..cases.len()).filter(|index| open[*index] == 0).map(key).collect();
    let mut order = Vec::with_capacity(cases.len());
    while let Some(Reverse((_, index))) = heap.pop() {
        order.push(index);
        for user in &users[index] {
            open[*user] -= 1;
            if open[*user] == 0 {
                heap.push(key(*user));
            }
        }
    }
    let mut place = vec![0; cases.len()];
    for (position, index) in order.iter().enumerate() {
        place[*index] = position;
    }
    let mut slots: Vec<Option<Case>> = cases.into_iter().map(Some).collect();
    let mut out = Vec::with_capacity(order.len());
    for index in order {
        if let Some(mut case) = slots[index].take() {
            for need in case.needs.iter_mut().chain(case.controls.iter_mut().flat_map(|group| &mut group.cases)) {
                *need = place[*need];
            }
            out.push(case);
        }
    }
    out
}
