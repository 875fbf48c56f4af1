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

    fn stamps_exactly(&self) -> bool {
        self.prober.stamps_exactly()
    }

    fn connections(&self) -> Option<Connections> {
        self.prober.connections()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::CutMarked;
    use crate::model::table::facts;
    use crate::model::{Fact, Observation};
    use crate::probe::{Prober, Reply, Seen};

    facts! { FACTS;
        const SAID: Fact<String> = Fact::text("said", "What it said.");
    }

    /// Answers each probe at once, and once more later, by half a word.
    struct Halves(Vec<Reply>);

    fn half(number: u64) -> Reply {
        let mut observation = Observation::default();
        observation.set(SAID.info.name, "passw".into());
        observation.set_partial(SAID.info.name, "`limit` is reached");
        Reply { number, sent: None, received: 0, seen: Seen::Observed(Box::new(observation)) }
    }

    impl Prober for Halves {
        fn send(&mut self, number: u64, replies: &mut Vec<Reply>) {
            replies.push(half(number));
            self.0.push(half(number));
        }
        fn receive(&mut self, replies: &mut Vec<Reply>) {
            replies.append(&mut self.0);
        }
        fn wait(&mut self, _: Duration) {}
        fn capacity(&self) -> usize {
            7
        }
    }

    #[test]
    fn what_was_cut_has_its_sign_however_it_comes() {
        let mut marked = CutMarked { prober: Box::new(Halves(Vec::new())), facts: FACTS };
        let mut replies = Vec::new();
        marked.send(1, &mut replies);
        marked.receive(&mut replies);
        assert_eq!((replies.len(), marked.capacity()), (2, 7));
        for reply in &replies {
            let Seen::Observed(observation) = &reply.seen else { panic!("{reply:?}") };
            assert_eq!(observation.text("said"), Some("passw…"));
        }
    }
}
