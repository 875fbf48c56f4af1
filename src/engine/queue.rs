//! Which case may start next. Pure: the rules of overlap without a clock or a socket.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::model::Verdict;
use crate::plan::Plan;
use crate::probe::Footprint;

/// Cases that wait, cases that may start, and how the others ended.
pub(super) struct Queue {
    /// Needs that have not ended, per case.
    pending_needs: Vec<usize>,
    /// Cases that wait for a case.
    dependents: Vec<Vec<usize>>,
    quiet: BinaryHeap<Reverse<usize>>,
    alone: BinaryHeap<Reverse<usize>>,
    verdicts: Vec<Option<Verdict>>,
    exclusive: Option<usize>,
}

impl Queue {
    pub(super) fn new(plan: &Plan) -> Self {
        let count = plan.cases.len();
        let mut queue = Self {
            pending_needs: plan.cases.iter().map(|case| case.needs.len()).collect(),
            dependents: vec![Vec::new(); count],
            quiet: BinaryHeap::new(),
            alone: BinaryHeap::new(),
            verdicts: vec![None; count],
            exclusive: None,
        };
        for (index, case) in plan.cases.iter().enumerate() {
            for need in &case.needs {
                queue.dependents[*need].push(index);
            }
            if case.needs.is_empty() {
                queue.make_ready(plan, index);
            }
        }
        queue
    }

    fn make_ready(&mut self, plan: &Plan, index: usize) {
        match plan.cases[index].footprint {
            Footprint::Quiet => self.quiet.push(Reverse(index)),
            Footprint::Noisy | Footprint::Disruptive => self.alone.push(Reverse(index)),
        }
    }

    /// The next case to start while `running` others run: quiet ones in parallel, any other alone.
    pub(super) fn next(&mut self, running: usize, jobs: usize) -> Option<usize> {
        if self.exclusive.is_some() {
            return None;
        }
        if running < jobs
            && let Some(Reverse(index)) = self.quiet.pop()
        {
            return Some(index);
        }
        if running > 0 || !self.quiet.is_empty() {
            return None;
        }
        let Reverse(index) = self.alone.pop()?;
        self.exclusive = Some(index);
        Some(index)
    }

    /// Whether a quiet case may start now or as soon as there is a place.
    pub(super) fn has_quiet(&self) -> bool {
        self.exclusive.is_none() && !self.quiet.is_empty()
    }

    /// Notes how a case ended and frees what waited for it.
    pub(super) fn finish(&mut self, plan: &Plan, index: usize, verdict: Verdict) {
        self.verdicts[index] = Some(verdict);
        if self.exclusive == Some(index) {
            self.exclusive = None;
        }
        for dependent in std::mem::take(&mut self.dependents[index]) {
            self.pending_needs[dependent] -= 1;
            if self.pending_needs[dependent] == 0 {
                self.make_ready(plan, dependent);
            }
        }
    }

    /// How a case ended.
    pub(super) fn verdict(&self, index: usize) -> Option<Verdict> {
        self.verdicts.get(index).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;
    use crate::model::Verdict;
    use crate::plan::{Plan, Settings};
    use crate::testing::scripted::FAMILIES;
    use crate::testing::{load, planned};

    /// Two quiet cases, two noisy ones, and a quiet one that needs the first two.
    fn plan() -> Plan {
        let suite = "checks:
  - {id: a, scripted: {}}
  - {id: b, scripted: {}}
  - {id: last, needs: [a, b], scripted: {}}
  - {id: n, scripted: {footprint: noisy}}
  - {id: m, scripted: {footprint: noisy}}
";
        planned(load(FAMILIES, suite, &[]), None, &Settings::default()).unwrap()
    }

    #[test]
    fn cases_are_handed_out_in_plan_order_as_places_and_needs_allow() {
        let plan = plan();
        let mut queue = Queue::new(&plan);
        assert_eq!(queue.next(0, 1), Some(0));
        assert_eq!(queue.next(1, 1), None, "the one place is taken");
        assert_eq!(queue.next(1, 2), Some(1));
        assert_eq!(queue.next(2, 9), None, "`last` waits, and the noisy ones want to be alone");
        queue.finish(&plan, 1, Verdict::Passed);
        assert_eq!(queue.next(1, 9), None, "one of two needs is not enough");
        queue.finish(&plan, 0, Verdict::Failed);
        assert_eq!(queue.next(0, 9), Some(2), "that it cannot run is for the engine to say");
        assert_eq!((queue.verdict(0), queue.verdict(2)), (Some(Verdict::Failed), None));
    }

    #[test]
    fn nothing_is_handed_out_beside_a_noisy_case() {
        let plan = plan();
        let mut queue = Queue::new(&plan);
        for index in [0, 1, 2] {
            assert_eq!(queue.next(0, 1), Some(index));
            queue.finish(&plan, index, Verdict::Passed);
        }
        assert_eq!(queue.next(0, 9), Some(3));
        // Handed out, it runs, whether or not the engine has counted it yet.
        assert_eq!((queue.next(0, 9), queue.next(1, 9)), (None, None));
        queue.finish(&plan, 3, Verdict::Passed);
        assert_eq!((queue.next(0, 9), queue.next(0, 9)), (Some(4), None));
    }
}
