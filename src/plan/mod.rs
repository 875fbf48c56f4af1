//! The plan: which cases, in which order, beside which others, within which budget. Settled before the first packet.

mod budget;
mod order;
mod print;
mod select;

use std::sync::Arc;
use std::time::Duration;

pub use print::print;
pub use select::{Glob, Selection};

use crate::model::record::SuiteRef;
use crate::probe::Footprint;
use crate::suite::file::Loaded;
use crate::suite::{Check, Diagnostics};

/// One case, planned.
pub struct Case {
    /// The case.
    pub check: Check,
    /// Its suite.
    pub suite: Arc<str>,
    /// Positions in the plan of the cases that must pass first.
    pub needs: Vec<usize>,
    /// How it shares the machine.
    pub footprint: Footprint,
    /// When it runs: the latest footprint of itself and what it needs.
    pub stage: Footprint,
    /// Rounds made before those that count.
    pub warm_up: u32,
    /// The longest one attempt may take.
    pub attempt: Duration,
    /// The longest all attempts may take.
    pub budget: Duration,
}

/// What will run, in order.
#[derive(Default)]
pub struct Plan {
    /// The cases, in the order they are started.
    pub cases: Vec<Case>,
    /// Suite files.
    pub suites: Vec<SuiteRef>,
    /// Cases left out by the selection.
    pub deselected: usize,
    /// Ids left out only because they need what `--skip-tag` leaves out.
    pub left_out: Vec<String>,
    /// Tags and globs of the selection that match nothing.
    pub unmatched: Vec<String>,
    /// Ids taken in only because a selected check needs them.
    pub pulled_in: Vec<String>,
}

/// What the command line decides about the plan.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Which cases.
    pub selection: Selection,
    /// Whether disruptive checks may run.
    pub allow_disruptive: bool,
}

/// Plans the loaded suites. Errors go to `errors`; use the plan only when there are none.
pub fn plan(loaded: &mut Loaded, settings: &Settings) -> Plan {
    let mut errors = std::mem::take(&mut loaded.errors);
    let suites = loaded.suites.iter().map(|suite| SuiteRef {
        name: suite.name.to_string(),
        file: suite.file.clone(),
        sha256: suite.sha256.clone(),
    });
    let mut plan = Plan { suites: suites.collect(), ..Plan::default() };
    for suite in std::mem::take(&mut loaded.suites) {
        let mut cases = order::link(&suite, &mut errors);
        for case in &mut cases {
            budget::set(case, &mut errors);
        }
        plan.cases.extend(order::shifted(cases, plan.cases.len()));
    }
    if errors.is_empty() {
        plan.unmatched = settings.selection.unmatched(&plan.cases);
        select::apply(&mut plan, &settings.selection);
        plan.cases = order::sorted(std::mem::take(&mut plan.cases));
        refuse_disruptive(&plan, settings, &mut errors);
    }
    loaded.errors = errors;
    plan
}

fn refuse_disruptive(plan: &Plan, settings: &Settings, errors: &mut Diagnostics) {
    if settings.allow_disruptive {
        return;
    }
    for case in plan.cases.iter().filter(|case| case.footprint == Footprint::Disruptive) {
        let message = format!("check `{}` breaks something on purpose", case.check.id);
        let help = "add --allow-disruptive to run it, or leave it out with --skip-tag or --only";
        errors.add(case.check.span, message, help);
    }
}

impl Plan {
    /// The longest the whole run may take, with everything that runs alone in sequence.
    #[must_use]
    pub fn longest(&self) -> Duration {
        let alone: Duration =
            self.cases.iter().filter(|case| case.footprint != Footprint::Quiet).map(|case| case.budget).sum();
        let beside = self.cases.iter().filter(|case| case.footprint == Footprint::Quiet).map(|case| case.budget).max();
        alone + beside.unwrap_or_default()
    }

    /// What the selection did beyond the letter of the command line; empty when nothing.
    #[must_use]
    pub fn notice(&self) -> String {
        let line = |words: &str, ids: &[String]| {
            if ids.is_empty() { String::new() } else { format!("{words}: {}\n", ids.join(", ")) }
        };
        line("taken in because a selected check needs them", &self.pulled_in)
            + &line("left out because they need what --skip-tag leaves out", &self.left_out)
    }

    /// The largest number of rounds of a case, and of rounds before them.
    #[must_use]
    pub fn rounds(&self) -> (u32, u32) {
        let rounds = self.cases.iter().map(|case| case.check.rounds).max().unwrap_or(1);
        (rounds, self.cases.iter().map(|case| case.warm_up).max().unwrap_or(0))
    }
}
