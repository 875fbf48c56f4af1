//! Cases whose targets another check finds: what becomes of the places that are planned for them. Once that check has ended
//! each place is a case of its own, or empty; where the targets are not known, one case stands for all.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::capture::found_by;
use super::queue::Queue;
use crate::model::count::counted;
use crate::model::{Fault, Verdict};
use crate::plan::{Case, Plan};
use crate::probe::CapturedValues;

/// The cases of one run that were not known when it began, by their places in the plan.
#[derive(Default)]
pub struct FoundCases(Mutex<FoundCasesState>);

#[derive(Default)]
struct FoundCasesState {
    cases: HashMap<usize, Arc<Case>>,
    empty: HashSet<usize>,
    faults: HashMap<usize, Fault>,
}

impl std::fmt::Debug for FoundCases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} found cases", self.state().cases.len())
    }
}

/// What a place of the plan is.
pub(super) enum TargetPlace {
    /// Nothing: there are fewer targets.
    Empty,
    /// A case that cannot run.
    Faulty(Fault),
    /// A case.
    Case,
}

impl FoundCases {
    /// The case at a place, if it was not known when the run began.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Arc<Case>> {
        self.state().cases.get(&index).cloned()
    }

    /// What the place is.
    pub(super) fn place(&self, index: usize) -> TargetPlace {
        let state = self.state();
        if state.empty.contains(&index) {
            return TargetPlace::Empty;
        }
        state.faults.get(&index).map_or(TargetPlace::Case, |fault| TargetPlace::Faulty(fault.clone()))
    }

    /// Settles the places of the list that the case at `index` is of, once what finds its targets has ended. How many stay
    /// empty; `None` where they are settled already, or there is no list.
    pub(super) fn settle(&self, plan: &Plan, index: usize, queue: &Queue, captured: &CapturedValues) -> Option<usize> {
        let case = plan.cases.get(index).filter(|case| case.list.is_some())?;
        if self.get(index).is_some() || self.state().empty.contains(&index) {
            return None;
        }
        let is_one = |other: &Case| other.list.is_some() && other.id == case.id && other.suite == case.suite;
        let mut places: Vec<usize> = (0..plan.cases.len()).filter(|at| is_one(&plan.cases[*at])).collect();
        places.sort_by_key(|at| plan.cases[*at].slot);
        let has_passed = |need: usize| queue.verdict(need) == Some(Verdict::Passed);
        let passed = case.found_by(&plan.cases).is_some_and(has_passed);
        let runs = case.skip.is_none() && case.needs.iter().copied().all(has_passed);
        let (cases, fault) = match cases_of(case, captured) {
            Ok(cases) if passed && case.skip.is_none() => (cases, None),
            // Why it does not run is said elsewhere.
            Ok(_) => (vec![case.without_target()], None),
            Err(fault) => (vec![case.without_target()], Some(fault).filter(|_| runs)),
        };
        let mut state = self.state();
        let empty = places.split_off(cases.len().min(places.len()));
        state.faults.extend(places.first().copied().zip(fault));
        state.cases.extend(places.into_iter().zip(cases.into_iter().map(Arc::new)));
        state.empty.extend(&empty);
        Some(empty.len())
    }

    fn state(&self) -> MutexGuard<'_, FoundCasesState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A case for each target: at least one, and no more than the check may have.
fn cases_of(case: &Case, captured: &CapturedValues) -> Result<Vec<Case>, Fault> {
    let Some(list) = case.list.as_deref() else { return Ok(Vec::new()) };
    let fault = |detail: String, remedy: String| Err(Fault::local(list.operation(), "", detail, remedy));
    let whole =
        |check: &str| format!("see what `{check}` was told: every target must be known before one is looked at");
    match captured.targets(&found_by(&case.suite, &list.check, &list.table)) {
        None => fault(format!("`{}` left none", list.check), whole(&list.check)),
        Some(Err(why)) => fault(why, whole(&list.check)),
        Some(Ok(targets)) if targets.is_empty() => {
            let remedy = "nothing would be looked at: see its answers, and expect them where there must be none";
            fault(format!("`{}` found none", list.check), remedy.to_owned())
        }
        Some(Ok(targets)) if targets.len() > list.most => {
            let (found, most) = (counted(targets.len(), "target"), list.most);
            let remedy = format!(
                "raise `max` if all are meant: `{}: {{from: \"{}\", max: {}}}`",
                list.key,
                list.reference(),
                targets.len()
            );
            fault(format!("`{}` found {found}, and at most {most} are looked at", list.check), remedy)
        }
        Some(Ok(targets)) => targets.iter().map(|target| case.at_target(target)).collect(),
    }
}
