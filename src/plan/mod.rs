//! The plan: which cases, in which order, beside which others, within which budget. Settled before the first packet.

mod arms;
mod budget;
mod case;
mod control;
pub mod document;
pub mod layout;
mod limits;
mod names;
mod order;
mod print;
mod rerun;
mod select;
mod targets;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

pub use case::{Case, OVER_IPV4, OVER_IPV6, PlannedArm};
pub use control::{ControlGroup, Shows, same_host};
pub use layout::{Layout, PlannedRound};
pub use limits::{Limit, SharedResource};
pub use print::print;
pub use rerun::Rerun;
pub use select::{Glob, Selection, UnmatchedSelector};

pub use crate::suite::matrix::planned_ids;

use crate::model::record::SuiteRef;
use crate::probe::Footprint;
use crate::suite::file::Loaded;
use crate::suite::{Diagnostics, Span, Suite};
use names::Suites;

/// The cases of a run, in order.
#[derive(Default)]
pub struct Plan {
    /// The cases, in the order they are started.
    pub cases: Vec<Case>,
    /// What several of the cases must not use at once, or only so many of them.
    pub limits: Vec<Limit>,
    /// Suite files.
    pub suites: Vec<SuiteRef>,
    /// Suite and id of every case, those left out by the selection included.
    pub known: Vec<(Arc<str>, Arc<str>)>,
    /// Cases left out by the selection.
    pub deselected: usize,
    /// Ids left out only because they need what `--skip-tag` leaves out.
    pub left_out: Vec<String>,
    /// Tags and globs of the selection that match nothing.
    pub unmatched: Vec<UnmatchedSelector>,
    /// Ids taken in only because a selected check needs them.
    pub pulled_in: Vec<String>,
    /// Old and new names of checks that `--failed-from` found by their definition.
    pub renamed: Vec<(String, String)>,
    /// Checks of the report of `--failed-from` that are in none of the suites.
    pub missing: Vec<String>,
}

/// Decisions of the command line about the plan.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Which cases.
    pub selection: Selection,
    /// Whether disruptive checks may run.
    pub allow_disruptive: bool,
    /// Whether scans may run.
    pub allow_scan: bool,
    /// Seed of everything random.
    pub seed: u64,
    /// Pairs of an interleaved comparison.
    pub pairs: u32,
    /// Whether alarms may ask for more rounds.
    pub confirm: bool,
}

/// Plans the loaded suites; `heads` are the same suites with the overrides of an interleaved comparison. Errors go to
/// `errors`; use the plan only when there are none.
pub fn plan(loaded: &mut Loaded, heads: Option<Vec<Suite>>, settings: &Settings) -> Plan {
    let mut errors = std::mem::take(&mut loaded.errors);
    let suites = loaded.suites.iter().map(|suite| SuiteRef {
        name: suite.name.to_string(),
        file: suite.file.clone(),
        sha256: suite.sha256.clone(),
    });
    let mut plan = Plan { suites: suites.collect(), ..Plan::default() };
    let mut heads = heads.map(Vec::into_iter);
    let mut places: Vec<(Arc<str>, Arc<str>, Span)> = Vec::new();
    let written = std::mem::take(&mut loaded.suites);
    for suite in &written {
        let head = heads.as_mut().and_then(Iterator::next);
        let mut cases = order::cases(suite, head, &mut errors);
        let allowed = suite.allowed_targets.clone().map(Arc::new);
        for (case, check) in cases.iter_mut().zip(&suite.checks) {
            case.allowed_targets.clone_from(&allowed);
            budget::set(case, check, settings, &mut errors);
            let may_be_refused = permission(case).is_some() || case.is_chained() || !check.tables.is_empty();
            if may_be_refused {
                places.push((Arc::clone(&case.suite), Arc::clone(&case.id), check.span));
            }
        }
        plan.cases.extend(cases);
    }
    targets::keep_apart(&mut plan.cases);
    let suites = Suites::of(&written, loaded.incomplete);
    order::link(&mut plan.cases, &suites, &mut errors);
    if errors.is_empty() {
        control::link(&mut plan.cases, &suites, &mut errors);
    }
    if errors.is_empty() {
        plan.known = plan.cases.iter().map(|case| (Arc::clone(&case.suite), Arc::clone(&case.id))).collect();
        plan.unmatched = settings.selection.unmatched(&plan.cases);
        select::apply(&mut plan, &settings.selection);
        plan.cases = order::sorted(std::mem::take(&mut plan.cases));
        plan.limits = limits::set(&mut plan.cases);
        refuse(&plan, &places, settings, &mut errors);
    }
    loaded.errors = errors;
    plan
}

/// What a check may do only where the command line allows it.
enum Permission {
    Disruptive,
    /// It asks many hosts or ports of others; how many.
    Scan(String),
}

fn permission(case: &Case) -> Option<Permission> {
    if case.footprint == Footprint::Disruptive {
        return Some(Permission::Disruptive);
    }
    case.arms().find_map(|arm| arm.probe.scan()).map(Permission::Scan)
}

/// Selected checks that are not allowed are errors where they are written.
fn refuse(plan: &Plan, places: &[(Arc<str>, Arc<str>, Span)], settings: &Settings, errors: &mut Diagnostics) {
    let place = |case: &Case| {
        let place = places.iter().find(|(suite, id, _)| *suite == case.suite && *id == case.id);
        place.map(|(.., span)| *span)
    };
    for case in &plan.cases {
        if case.head.is_some()
            && case.is_chained()
            && let Some(span) = place(case)
        {
            let (why, help) = if case.finds_or_waits() {
                ("the targets that it finds are of one arm", "leave it out with --only or --skip-tag")
            } else {
                let help = "leave it out with --only or --skip-tag, or give both targets one value under `secrets`";
                ("a captured value is of one target", help)
            };
            let message = format!("check `{}` cannot be compared by --against: {why}", case.id);
            errors.add(span, message, help);
        }
        if let (Some(denied), Some(span)) = (case.touches_denied(), place(case)) {
            let message = format!("check `{}` would touch {denied}, which `allowed_targets` does not allow", case.id);
            let help = "add it there if it may be broken; a name is allowed by itself, whatever its addresses are";
            errors.add(span, message, help);
        }
        let (why, flag) = match permission(case) {
            Some(Permission::Disruptive) if !settings.allow_disruptive => {
                ("breaks something on purpose".to_owned(), "--allow-disruptive")
            }
            Some(Permission::Scan(why)) if !settings.allow_scan => (format!("is a scan: it {why}"), "--allow-scan"),
            _ => continue,
        };
        let Some(span) = place(case) else { continue };
        let help = format!("add {flag} to run it, or leave it out with --skip-tag or --only");
        errors.add(span, format!("check `{}` {why}", case.id), help);
    }
}

impl Plan {
    /// The names (`suite/case`) of the cases that the selection left out.
    #[must_use]
    pub fn left_out_by_selection(&self) -> Vec<String> {
        let here: HashSet<(&str, &str)> = self.cases.iter().map(|case| (&*case.suite, &*case.id)).collect();
        let known = self.known.iter().map(|(suite, id)| (&**suite, &**id));
        let left_out = known.filter(|name| !here.contains(name)).map(|(suite, id)| format!("{suite}/{id}"));
        let mut out: Vec<String> = left_out.collect();
        // The cases of a list have one name.
        out.dedup();
        out
    }

    /// Cases that are measured in two arms.
    #[must_use]
    pub fn paired(&self) -> usize {
        self.cases.iter().filter(|case| case.head.is_some()).count()
    }

    /// The longest the whole run may take where `--jobs` keeps nothing waiting: everything that runs alone in sequence, and
    /// of the rest the longest chain of needs, or the longest line at a limit.
    #[must_use]
    pub fn longest(&self) -> Duration {
        let quiet = |case: &&Case| case.footprint == Footprint::Quiet;
        let alone: Duration = self.cases.iter().filter(|case| !quiet(case)).map(|case| case.budget).sum();
        let mut chains = vec![Duration::ZERO; self.cases.len()];
        let mut lines = vec![Duration::ZERO; self.limits.len()];
        for (index, case) in self.cases.iter().enumerate().filter(|(_, case)| quiet(case)) {
            // What it needs stands before it.
            let before = case.needs.iter().filter_map(|need| chains.get(*need)).max().copied().unwrap_or_default();
            chains[index] = before + case.budget;
            for limit in &case.limits {
                lines[*limit] += case.budget / u32::try_from(self.limits[*limit].most).unwrap_or(u32::MAX).max(1);
            }
        }
        alone + chains.into_iter().chain(lines).max().unwrap_or_default()
    }

    /// The effects of the selection beyond the letter of the command line; empty when nothing.
    #[must_use]
    pub fn notice(&self) -> String {
        let line = |words: &str, ids: &[String]| {
            if ids.is_empty() { String::new() } else { format!("{words}: {}\n", ids.join(", ")) }
        };
        let renamed = self.renamed.iter().map(|(old, new)| format!("{old} of the report is called {new} now\n"));
        renamed.collect::<Vec<_>>().concat()
            + &line("included, because a selected check needs them", &self.pulled_in)
            + &line("left out, because they need a check that --skip-tag leaves out", &self.left_out)
    }

    /// The largest number of rounds of a case, and of rounds before them.
    #[must_use]
    pub fn rounds(&self) -> (u32, u32) {
        let rounds = self.cases.iter().map(|case| case.layout.rounds).max().unwrap_or(1);
        (rounds, self.cases.iter().map(|case| case.layout.warm_up).max().unwrap_or(0))
    }
}
