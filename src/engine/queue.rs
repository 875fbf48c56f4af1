//! Which case may start next. Pure: the rules of overlap without a clock or a socket.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::model::Verdict;
use crate::plan::Plan;
use crate::probe::Footprint;

/// Cases that wait, cases that may start, and how the others ended.
pub(super) struct Queue {
    /// Needs not yet ended, per case.
    open: Vec<usize>,
    /// Cases that wait for a case.
    users: Vec<Vec<usize>>,
    quiet: BinaryHeap<Reverse<usize>>,
    alone: BinaryHeap<Reverse<usize>>,
    ended: Vec<Option<Verdict>>,
    exclusive: Option<usize>,
}

impl Queue {
    pub(super) fn new(plan: &Plan) -> Self {
        let count = plan.cases.len();
        let mut queue = Self {
            open: plan.cases.iter().map(|case| case.needs.len()).collect(),
            users: vec![Vec::new(); count],
            quiet: BinaryHeap::new(),
            alone: BinaryHeap::new(),
            ended: vec![None; count],
            exclusive: None,
        };
        for (index, case) in plan.cases.iter().enumerate() {
            for need in &case.needs {
                queue.users[*need].push(index);
            }
            if case.needs.is_empty() {
                queue.ready(plan, index);
            }
        }
        queue
    }

    fn ready(&mut self, plan: &Plan, index: usize) {
        match plan.cases[index].footprint {
            Footprint::Quiet => self.quiet.push(Reverse(index)),
            Footprint::Noisy | Footprint::Disruptive => self.alone.push(Reverse(index)),
        }
    }

    /// The next case to start while `running` others run: quiet ones beside each other, any other alone.
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

    /// Notes how a case ended and frees what waited for it.
    pub(super) fn done(&mut self, plan: &Plan, index: usize, verdict: Verdict) {
        self.ended[index] = Some(verdict);
        if self.exclusive == Some(index) {
            self.exclusive = None;
        }
        for user in std::mem::take(&mut self.users[index]) {
            self.open[user] -= 1;
            if self.open[user] == 0 {
                self.ready(plan, user);
            }
        }
    }

    /// How a case ended.
    pub(super) fn verdict(&self, index: usize) -> Option<Verdict> {
        self.ended.get(index).copied().flatten()
    }
}
