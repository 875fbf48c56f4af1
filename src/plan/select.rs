//! Selection: tags and globs, and whatever the selected checks need.

use std::collections::BTreeSet;

use super::{Case, Plan, Rerun};
pub use crate::model::Glob;
use crate::model::target::UNKNOWN;
use crate::suite::matrix;

/// Which cases to run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Any of these tags; all when empty.
    pub tags: Vec<String>,
    /// None of these tags.
    pub skip_tags: Vec<String>,
    /// Any of these globs over `suite/id`, `id` or the check's id; all when empty.
    pub only: Vec<Glob>,
    /// Only what was not well in an earlier report.
    pub rerun: Option<Rerun>,
}

/// A part of the selection that matches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmatchedSelector {
    /// The flag, without its dashes.
    pub flag: &'static str,
    /// The tag or glob.
    pub word: String,
    /// Tags or ids that there are.
    pub known: Vec<String>,
}

/// Names that a misspelt one is compared with, at most.
const MOST_KNOWN: usize = 1000;

fn first(names: BTreeSet<String>) -> Vec<String> {
    names.into_iter().take(MOST_KNOWN).collect()
}

fn named(glob: &Glob, case: &Case) -> bool {
    let open = case.list.as_ref().and_then(|list| open_target(glob, &list.key));
    let glob = open.as_ref().unwrap_or(glob);
    [&case.id, &case.check]
        .into_iter()
        .any(|name| glob.matches(name) || glob.matches(&format!("{}/{name}", case.suite)))
}

/// The glob for any target, where it names one of those that the key `list` stands for: which will be found is not known.
fn open_target(glob: &Glob, list: &str) -> Option<Glob> {
    let text = glob.to_string();
    let (check, parts) = matrix::split_id(&text)?;
    let of_any = |(key, value)| (String::from(key), String::from(if key == list { UNKNOWN } else { value }));
    let parts: Vec<(String, String)> = parts.into_iter().map(of_any).collect();
    matrix::id_of(check, &parts).parse().ok()
}

fn tagged(tag: &String, case: &Case) -> bool {
    case.tags.contains(tag)
}

impl Selection {
    /// Tags and globs that no case has: one mistyped word must not quietly shrink a gate.
    #[must_use]
    pub fn unmatched(&self, cases: &[Case]) -> Vec<UnmatchedSelector> {
        let tags = || cases.iter().flat_map(|case| case.tags.iter().cloned()).collect::<BTreeSet<String>>();
        let ids = || cases.iter().map(|case| case.check.to_string()).collect::<BTreeSet<String>>();
        let none = |tag: &&String| !cases.iter().any(|case| tagged(tag, case));
        let of_tag =
            |flag: &'static str, tag: &String| UnmatchedSelector { flag, word: tag.clone(), known: first(tags()) };
        let wanted = self.tags.iter().filter(none).map(|tag| of_tag("tag", tag));
        let skipped = self.skip_tags.iter().filter(none).map(|tag| of_tag("skip-tag", tag));
        let globs = self.only.iter().filter(|glob| !cases.iter().any(|case| named(glob, case)));
        let globs = globs.map(|glob| UnmatchedSelector { flag: "only", word: glob.to_string(), known: first(ids()) });
        wanted.chain(skipped).chain(globs).collect()
    }
}

/// Keeps the selected cases and what they need, but nothing that needs what `--skip-tag` leaves out.
pub(super) fn apply(plan: &mut Plan, selection: &Selection) {
    let count = plan.cases.len();
    let banned = banned(plan, selection);
    let selected = |case: &Case| {
        let by_tag = selection.tags.is_empty() || selection.tags.iter().any(|tag| tagged(tag, case));
        by_tag && (selection.only.is_empty() || selection.only.iter().any(|glob| named(glob, case)))
    };
    let several = plan.suites.len() > 1;
    let again = selection.rerun.as_ref().map(|rerun| rerun.choose(&plan.cases));
    let meant = |index: usize| again.as_ref().is_none_or(|again| again.cases[index]);
    let keeps = |(index, case): (usize, &Case)| !banned[index] && selected(case) && meant(index);
    let mut keep: Vec<bool> = plan.cases.iter().enumerate().map(keeps).collect();
    let mut open: Vec<usize> = (0..count).filter(|index| keep[*index]).collect();
    while let Some(index) = open.pop() {
        for need in relies_on(&plan.cases[index]) {
            if !keep[need] {
                keep[need] = true;
                if plan.cases[need].is_listed() {
                    plan.pulled_in.push(shown(&plan.cases[need], several));
                }
                open.push(need);
            }
        }
    }
    plan.pulled_in.sort();
    (plan.renamed, plan.missing) = again.map(|again| (again.renamed, again.missing)).unwrap_or_default();
    let mut place = vec![0; count];
    let mut next = 0;
    for index in 0..count {
        place[index] = next;
        next += usize::from(keep[index]);
    }
    plan.deselected = (0..count).filter(|index| !keep[*index] && plan.cases[*index].is_listed()).count();
    let mut index = 0;
    plan.cases.retain(|_| {
        index += 1;
        keep[index - 1]
    });
    for case in &mut plan.cases {
        for group in &mut case.controls {
            group.cases.retain(|control| keep[*control]);
        }
        for need in case.needs.iter_mut().chain(case.controls.iter_mut().flat_map(|group| &mut group.cases)) {
            *need = place[*need];
        }
    }
}

/// The name of a case for people, with its suite where there are several.
fn shown(case: &Case, several: bool) -> String {
    if several { format!("{}/{}", case.suite, case.id) } else { case.id.to_string() }
}

/// The cases without which a case says nothing.
fn relies_on(case: &Case) -> Vec<usize> {
    // An allowed cell is judged without others, unless it fails.
    let judged_alone = case.grid.as_ref().is_some_and(|cell| cell.allowed);
    let groups = case.controls.iter().filter(|_| !judged_alone);
    case.needs.iter().copied().chain(groups.flat_map(|group| group.cases.iter().copied())).collect()
}

/// Cases with a skipped tag, and whatever needs one of them.
fn banned(plan: &mut Plan, selection: &Selection) -> Vec<bool> {
    let mut banned: Vec<bool> =
        plan.cases.iter().map(|case| selection.skip_tags.iter().any(|tag| tagged(tag, case))).collect();
    loop {
        let users: Vec<usize> = (0..banned.len())
            .filter(|index| !banned[*index] && relies_on(&plan.cases[*index]).into_iter().any(|need| banned[need]))
            .collect();
        if users.is_empty() {
            return banned;
        }
        for user in users {
            banned[user] = true;
            if !plan.cases[user].is_listed() {
                continue;
            }
            plan.left_out.push(shown(&plan.cases[user], plan.suites.len() > 1));
        }
    }
}
