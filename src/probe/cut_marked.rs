//! A prober of a check that holds a secret: what its answers show in part is marked, as in a round.

use std::time::Duration;

use super::context::mark_cut;
use super::{Connections, Prober, Reply, Seen};
use crate::model::FactInfo;

/// See the module.
pub(super) struct CutMarked {
    pub(super) prober: Box<dyn Prober>,
    pub(super) facts: &'static [FactInfo],
}

impl CutMarked {
    fn mark(&self, replies: &mut [Reply]) {
        for reply in replies {
            if let Seen::Observed(observation) = &mut reply.seen {
                mark_cut(observation, self.facts);
            }
        }
    }
}

impl Prober for CutMarked {
    fn send(&mut self, number: u64, replies: &mut Vec<Reply>) {
        let before = replies.len();
        self.prober.send(number, replies);
        self.mark(replies.get_mut(before..).unwrap_or_default());
    }

    fn receive(&mut self, replies: &mut Vec<Reply>) {
        let before = replies.len();
        self.prober.receive(replies);
        self.mark(replies.get_mut(before..).unwrap_or_default());
    }

    fn wait(&mut self, length: Duration) {
        self.prober.wait(length);
    }

    fn give_up(&mut self, number: u64) {
        self.prober.give_up(number);
    }

    fn capacity(&self) -> usize {
        self.prober.capacity()
    }

    fn connections(&self) -> Option<Connections> {
        self.prober.connections()
    }
}
