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
    limits: Vec<Slots>,
    /// Cases that hold a place at each of their limits.
    placed: Vec<bool>,
}

/// The places at one limit.
struct Slots {
    free: usize,
    /// Quiet cases that could start but for this limit. Where places are free, one of those that wait is looked at again.
    waiting: BinaryHeap<Reverse<usize>>,
}

impl Queue {
    pub(super) fn new(plan: &Plan) -> Self {
        let count = plan.cases.len();
        let slots = |most: usize| Slots { free: most, waiting: BinaryHeap::new() };
        let mut queue = Self {
            pending_needs: plan.cases.iter().map(|case| case.needs.len()).collect(),
            dependents: vec![Vec::new(); count],
            quiet: BinaryHeap::new(),
            alone: BinaryHeap::new(),
            verdicts: vec![None; count],
            exclusive: None,
            limits: plan.limits.iter().map(|limit| slots(limit.most)).collect(),
            placed: vec![false; count],
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

    /// The next case to start while `running` others run: quiet ones in parallel as their limits allow, any other alone.
    pub(super) fn next(&mut self, plan: &Plan, running: usize, jobs: usize) -> Option<usize> {
        if self.exclusive.is_some() {
            return None;
        }
        while running < jobs
            && let Some(Reverse(index)) = self.quiet.pop()
        {
            if self.place(plan, index) {
                return Some(index);
            }
        }
        if running > 0 || !self.quiet.is_empty() {
            return None;
        }
        let Reverse(index) = self.alone.pop()?;
        self.exclusive = Some(index);
        Some(index)
    }

    /// Takes a place at each limit of a case, or at none: it waits where there is none free, with no place in hand.
    fn place(&mut self, plan: &Plan, index: usize) -> bool {
        let limits = &plan.cases[index].limits;
        let full = limits.iter().find(|limit| self.limits[**limit].free == 0);
        if let Some(limit) = full {
            self.limits[*limit].waiting.push(Reverse(index));
        } else {
            for limit in limits {
                self.limits[*limit].free -= 1;
            }
            self.placed[index] = true;
        }
        let may_start = full.is_none();
        self.wake(limits);
        may_start
    }

    /// Lets the first that waits at each of these limits be looked at, where there is a place again, or still.
    fn wake(&mut self, limits: &[usize]) {
        for limit in limits {
            let slots = &mut self.limits[*limit];
            if slots.free > 0 {
                self.quiet.extend(slots.waiting.pop());
            }
        }
    }

    /// The measurement of a case has ended: others may take its places, while what it means is still open.
    pub(super) fn leave(&mut self, plan: &Plan, index: usize) {
        if std::mem::take(&mut self.placed[index]) {
            let limits = &plan.cases[index].limits;
            for limit in limits {
                self.limits[*limit].free += 1;
            }
            self.wake(limits);
        }
    }

    /// Whether a quiet case may start now or as soon as there is a place.
    pub(super) fn has_quiet(&self) -> bool {
        self.exclusive.is_none() && !self.quiet.is_empty()
    }

    /// Notes how a case ended and frees what waited for it.
    pub(super) fn finish(&mut self, plan: &Plan, index: usize, verdict: Verdict) {
        self.leave(plan, index);
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
    use proptest::prelude::*;

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
        assert_eq!(queue.next(&plan, 0, 1), Some(0));
        assert_eq!(queue.next(&plan, 1, 1), None, "the one place is taken");
        assert_eq!(queue.next(&plan, 1, 2), Some(1));
        assert_eq!(queue.next(&plan, 2, 9), None, "`last` waits, and the noisy ones want to be alone");
        queue.finish(&plan, 1, Verdict::Passed);
        assert_eq!(queue.next(&plan, 1, 9), None, "one of two needs is not enough");
        queue.finish(&plan, 0, Verdict::Failed);
        assert_eq!(queue.next(&plan, 0, 9), Some(2), "that it cannot run is for the engine to say");
        assert_eq!((queue.verdict(0), queue.verdict(2)), (Some(Verdict::Failed), None));
    }

    #[test]
    fn nothing_is_handed_out_beside_a_noisy_case() {
        let plan = plan();
        let mut queue = Queue::new(&plan);
        for index in [0, 1, 2] {
            assert_eq!(queue.next(&plan, 0, 1), Some(index));
            queue.finish(&plan, index, Verdict::Passed);
        }
        assert_eq!(queue.next(&plan, 0, 9), Some(3));
        // Handed out, it runs, whether or not the engine has counted it yet.
        assert_eq!((queue.next(&plan, 0, 9), queue.next(&plan, 1, 9)), (None, None));
        queue.finish(&plan, 3, Verdict::Passed);
        assert_eq!((queue.next(&plan, 0, 9), queue.next(&plan, 0, 9)), (Some(4), None));
    }

    fn limited(checks: &str) -> Plan {
        planned(load(FAMILIES, &format!("checks:\n{checks}"), &[]), None, &Settings::default()).unwrap()
    }

    #[test]
    fn cases_of_one_name_run_one_after_the_other_and_others_pass_them_by() {
        let plan = limited(
            "  - {id: a, serial: lab, scripted: {}}
  - {id: b, serial: lab, scripted: {}}
  - {id: c, serial: lab, scripted: {}}
  - {id: d, serial: other, scripted: {}}
  - {id: e, scripted: {}}
",
        );
        let mut queue = Queue::new(&plan);
        assert_eq!([0, 1, 2].map(|running| queue.next(&plan, running, 9)), [Some(0), Some(3), Some(4)]);
        assert_eq!(queue.next(&plan, 3, 9), None, "`b` and `c` wait for `a`");
        queue.finish(&plan, 4, Verdict::Passed);
        assert_eq!(queue.next(&plan, 2, 9), None);
        // Its verdict waits for its control, and its place does not.
        queue.leave(&plan, 0);
        assert_eq!((queue.next(&plan, 1, 9), queue.next(&plan, 2, 9)), (Some(1), None));
        queue.finish(&plan, 0, Verdict::Passed);
        assert_eq!(queue.next(&plan, 2, 9), None, "a place is left once");
        queue.finish(&plan, 1, Verdict::Failed);
        assert_eq!(queue.next(&plan, 1, 9), Some(2));
    }

    #[test]
    fn of_cases_about_one_host_only_so_many_run_at_once() {
        let plan = limited(
            "  - {id: a, per_target: 2, matrix: {n: [1, 2, 3, 4]}, tags: [x], retries: 0, scripted: {target: w, longest: \"${matrix.n}s\"}}
  - {id: b, scripted: {target: v}}
",
        );
        let mut queue = Queue::new(&plan);
        assert_eq!([0, 1, 2].map(|running| queue.next(&plan, running, 9)), [Some(0), Some(1), Some(4)]);
        assert_eq!(queue.next(&plan, 3, 9), None);
        queue.finish(&plan, 1, Verdict::Passed);
        assert_eq!((queue.next(&plan, 2, 9), queue.next(&plan, 3, 9)), (Some(2), None));
    }

    proptest! {
        /// Whatever limits there are, in whatever order the cases end: no limit is ever exceeded, every case runs, and what
        /// waits starts as soon as it may.
        #[test]
        fn limits_hold_and_nothing_waits_for_ever(
            shared in prop::collection::vec((0_u8..4, 0_u8..4, 1_u8..4, any::<bool>()), 1..24),
            ends in prop::collection::vec(any::<prop::sample::Index>(), 48),
            jobs in 1_usize..6,
        ) {
            let line = |(at, (name, host, most, needs)): (usize, &(u8, u8, u8, bool))| {
                let serial = if *name == 0 { String::new() } else { format!("serial: s{name}, ") };
                let needs = if *needs && at > 0 { format!("needs: [c{}], ", at - 1) } else { String::new() };
                format!("  - {{id: c{at}, {serial}{needs}per_target: {most}, scripted: {{target: h{host}}}}}\n")
            };
            let checks = shared.iter().enumerate().map(line).collect::<Vec<_>>().concat();
            let plan = limited(&checks);
            let mut queue = Queue::new(&plan);
            let (mut running, mut ended, mut ends) = (Vec::new(), 0, ends.into_iter().cycle());
            while ended < plan.cases.len() {
                while let Some(index) = queue.next(&plan, running.len(), jobs) {
                    running.push(index);
                }
                for (at, limit) in plan.limits.iter().enumerate() {
                    let inside = running.iter().filter(|index| plan.cases[**index].limits.contains(&at)).count();
                    prop_assert!(inside <= limit.most, "{limit:?}: {inside}");
                }
                let idle = |index: usize| {
                    let case = &plan.cases[index];
                    let free = |at: &usize| {
                        let inside = running.iter().filter(|other| plan.cases[**other].limits.contains(at)).count();
                        inside < plan.limits[*at].most
                    };
                    let done = |need: &usize| queue.verdict(*need).is_some();
                    queue.verdict(index).is_none()
                        && !running.contains(&index)
                        && case.needs.iter().all(done)
                        && case.limits.iter().all(free)
                };
                prop_assert!(running.len() == jobs || !(0..plan.cases.len()).any(idle), "a case waits for nothing");
                prop_assert!(!running.is_empty(), "nothing runs, and {} cases wait", plan.cases.len() - ended);
                let at = ends.next().unwrap().index(running.len());
                queue.finish(&plan, running.swap_remove(at), Verdict::Passed);
                ended += 1;
            }
        }
    }
}
