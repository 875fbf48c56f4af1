//! Order: needs before what needs them, quiet before noisy before disruptive, else as written.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::names::Names;
use super::{Case, arms};
use crate::suite::check::Check;
use crate::suite::{Diagnostics, Suite};

/// The cases of a suite with `needs` resolved to positions within it. Unknown names and cycles are errors.
pub(super) fn link(suite: &Suite, head: Option<Suite>, errors: &mut Diagnostics) -> Vec<Case> {
    let mut heads = arms::pair(suite, head, errors).into_iter();
    let names = Names::of(&suite.checks);
    let mut cases = Vec::with_capacity(suite.checks.len());
    for check in &suite.checks {
        let mut needs = Vec::new();
        for name in check.needs.iter() {
            let found = names.find(name);
            if found.iter().any(|index| suite.checks.get(*index).is_some_and(|other| other.check == check.check)) {
                let others: Vec<&str> = check.needs.iter().map(String::as_str).filter(|other| *other != name).collect();
                let help = match others.as_slice() {
                    [] => "take `needs` out: a check cannot wait for itself".to_owned(),
                    others => format!("write `needs: [{}]`: a check cannot wait for itself", others.join(", ")),
                };
                errors.add(check.needs_span, format!("`{}` needs itself", check.check), help);
            } else if found.is_empty() && !suite.ids.contains(name) {
                let help = names.suggestion(name, &suite.ids, errors);
                let message = format!("unknown check `{name}` in `needs`");
                let help = match help.strip_prefix("did you mean `").and_then(|near| near.strip_suffix("`?")) {
                    Some(near) => {
                        let mut mended: Vec<&str> =
                            check.needs.iter().map(|other| if other == name { near } else { other.as_str() }).collect();
                        mended.dedup();
                        format!("write `needs: [{}]`", mended.join(", "))
                    }
                    None => help,
                };
                errors.labelled(check.needs_span, message, "no check has this id", help);
            }
            needs.extend(found);
        }
        cases.push(Case::new(&suite.name, check, heads.next().flatten().as_ref(), needs));
    }
    stages(&mut cases, &suite.checks, errors);
    cases
}

/// Raises the stage of each case to the latest of what it needs; what never settles stands in a cycle.
fn stages(cases: &mut [Case], checks: &[Check], errors: &mut Diagnostics) {
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
    for ((case, check), _) in cases.iter().zip(checks).zip(&open).filter(|(_, open)| **open > 0) {
        let around: Vec<&str> =
            case.needs.iter().filter(|need| open[**need] > 0).map(|need| &*cases[*need].check).collect();
        // Who names itself was told so.
        if around.contains(&&*case.check) {
            continue;
        }
        let message = format!("`{}` needs itself by way of {}", case.check, around.join(", "));
        let help = format!(
            "take `{}` out of `needs` here, or `{}` out of those of the other",
            around.join("`, `"),
            case.check
        );
        errors.add(check.needs_span, message, help);
    }
}

/// Moves positions by `offset`, for appending to a plan.
pub(super) fn shifted(mut cases: Vec<Case>, offset: usize) -> Vec<Case> {
    for case in &mut cases {
        for need in &mut case.needs {
            *need += offset;
        }
    }
    cases
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
            for need in case.needs.iter_mut().chain(&mut case.controls) {
                *need = place[*need];
            }
            out.push(case);
        }
    }
    out
}
