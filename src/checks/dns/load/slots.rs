//! Which query stands behind an id: 65,536 slots, taken in turn.
//!
//! An id without an answer is not used again before its timeout, and ids go round in order, so that one with an answer
//! comes back as late as possible. Times are nanoseconds on the caller's clock and never go back.

/// Ids of one socket.
pub(super) const IDS: u32 = 1 << 16;

/// Waits for its answer.
const OPEN: u8 = 1;
/// Has waited so long that it does not count for the window any more.
const STALE: u8 = 2;
/// A reply under its id was not an answer to its question.
const DOUBTED: u8 = 4;
/// Left so late, by the fault of this side, that its answer cannot be called late.
const TARDY: u8 = 8;
/// Was answered or had a wrong reply.
const DONE: u8 = 16;

#[derive(Clone, Copy)]
struct Slot {
    intended: u64,
    /// From the intended time to the real one, microseconds.
    delay: u32,
    question: u32,
    /// In the order of sending; tells a slot's query from the one before it.
    position: u32,
    state: u8,
}

/// What an id means now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// A query that waits.
    Waiting(Waiting),
    /// A query that has had its reply.
    Done {
        /// What was asked.
        question: u32,
    },
    /// A query that was given up.
    GivenUp,
    /// Never asked.
    Unasked,
}

/// A query that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    /// What was asked.
    pub(super) question: u32,
    /// When it should have left.
    pub(super) intended: u64,
    /// It left so late that its answer cannot be called late.
    pub(super) tardy: bool,
}

/// The queries of one socket.
pub(super) struct Slots {
    table: Box<[Slot]>,
    /// Position of the next query.
    next: u32,
    /// Everything before it has ended.
    oldest: u32,
    /// Everything before it has ended or is stale.
    fresh: u32,
    waiting: usize,
    in_window: usize,
    /// Turns the order of ids, so that two runs do not begin with the same.
    twist: u16,
}

impl Slots {
    pub(super) fn new(twist: u16) -> Self {
        let empty = Slot { intended: 0, delay: 0, question: 0, position: 0, state: 0 };
        Self {
            table: vec![empty; IDS as usize].into_boxed_slice(),
            next: 0,
            oldest: 0,
            fresh: 0,
            waiting: 0,
            in_window: 0,
            twist,
        }
    }

    /// Queries without an answer that have not been given up.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Queries without an answer that are not stale.
    pub(super) fn in_window(&self) -> usize {
        self.in_window
    }

    /// Takes the next id for a query that leaves at `sent`; `None` when every id waits.
    pub(super) fn open(&mut self, question: u32, intended: u64, sent: u64, tardy: bool) -> Option<u16> {
        for _ in 0..IDS {
            let position = self.next;
            self.next = self.next.wrapping_add(1);
            let id = self.id(position);
            let slot = self.table.get_mut(usize::from(id))?;
            if slot.state & OPEN != 0 {
                continue;
            }
            let delay = u32::try_from(sent.saturating_sub(intended) / 1000).unwrap_or(u32::MAX);
            *slot = Slot { intended, delay, question, position, state: if tardy { OPEN | TARDY } else { OPEN } };
            self.waiting += 1;
            self.in_window += 1;
            return Some(id);
        }
        None
    }

    fn id(&self, position: u32) -> u16 {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
        let low = position as u16;
        low ^ self.twist
    }

    /// What `id` means now.
    pub(super) fn meet(&self, id: u16) -> Met {
        let Some(slot) = self.table.get(usize::from(id)) else { return Met::Unasked };
        if slot.state & OPEN != 0 {
            let tardy = slot.state & TARDY != 0;
            return Met::Waiting(Waiting { question: slot.question, intended: slot.intended, tardy });
        }
        match slot.state {
            0 => Met::Unasked,
            state if state & DONE != 0 => Met::Done { question: slot.question },
            _ => Met::GivenUp,
        }
    }

    /// The query of `id` has had its reply.
    pub(super) fn close(&mut self, id: u16) {
        let Some(slot) = self.table.get_mut(usize::from(id)).filter(|slot| slot.state & OPEN != 0) else { return };
        self.waiting -= 1;
        if slot.state & STALE == 0 {
            self.in_window -= 1;
        }
        slot.state = DONE;
    }

    /// A reply under `id` did not answer its question; an answer may still come.
    pub(super) fn doubt(&mut self, id: u16) {
        if let Some(slot) = self.table.get_mut(usize::from(id)).filter(|slot| slot.state & OPEN != 0) {
            slot.state |= DOUBTED;
        }
    }

    /// Gives up queries that left at `before` or earlier; returns how many of them met silence, and how many a reply
    /// that was no answer.
    pub(super) fn expire(&mut self, before: u64) -> (u64, u64) {
        let (mut silent, mut doubted) = (0, 0);
        while self.oldest != self.next {
            let id = self.id(self.oldest);
            let Some(slot) = self.table.get_mut(usize::from(id)) else { break };
            if slot.state & OPEN != 0 && slot.position == self.oldest {
                if left(slot) > before {
                    break;
                }
                if slot.state & DOUBTED == 0 {
                    silent += 1;
                } else {
                    doubted += 1;
                }
                self.waiting -= 1;
                if slot.state & STALE == 0 {
                    self.in_window -= 1;
                }
                // Neither open nor done, but used.
                slot.state = STALE;
            }
            self.oldest = self.oldest.wrapping_add(1);
        }
        (silent, doubted)
    }

    /// Takes queries that left at `before` or earlier out of the window.
    pub(super) fn wither(&mut self, before: u64) {
        while self.fresh != self.next {
            let id = self.id(self.fresh);
            let Some(slot) = self.table.get_mut(usize::from(id)) else { break };
            if slot.state & OPEN != 0 && slot.position == self.fresh && slot.state & STALE == 0 {
                if left(slot) > before {
                    break;
                }
                slot.state |= STALE;
                self.in_window -= 1;
            }
            self.fresh = self.fresh.wrapping_add(1);
        }
    }
}

/// When a query left.
fn left(slot: &Slot) -> u64 {
    slot.intended + u64::from(slot.delay) * 1000
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::{IDS, Met, Slots, Waiting};

    #[test]
    fn a_query_goes_from_waiting_to_done() {
        let mut slots = Slots::new(7);
        let id = slots.open(3, 1000, 5000, true).unwrap();
        assert_eq!(slots.meet(id), Met::Waiting(Waiting { question: 3, intended: 1000, tardy: true }));
        assert_eq!(slots.meet(id.wrapping_add(9)), Met::Unasked);
        slots.close(id);
        slots.close(id);
        assert_eq!((slots.meet(id), slots.waiting(), slots.in_window()), (Met::Done { question: 3 }, 0, 0));
        assert_eq!(slots.expire(u64::MAX), (0, 0));
    }

    #[test]
    fn silence_and_strange_replies_are_told_apart() {
        let mut slots = Slots::new(0);
        let ids: Vec<u16> =
            (0..4_u32).map(|n| slots.open(n, u64::from(n) * 1000, u64::from(n) * 1000, false).unwrap()).collect();
        slots.doubt(ids[1]);
        slots.close(ids[2]);
        assert_eq!(slots.expire(2000), (1, 1));
        assert_eq!((slots.meet(ids[0]), slots.waiting()), (Met::GivenUp, 1));
        assert_eq!(slots.expire(3000), (1, 0));
    }

    #[test]
    fn the_timeout_runs_from_the_real_time() {
        let mut slots = Slots::new(0);
        slots.open(0, 0, 50_000, false).unwrap();
        assert_eq!(slots.expire(49_000), (0, 0));
        assert_eq!(slots.expire(50_000), (1, 0));
    }

    #[test]
    fn what_is_stale_makes_room_in_the_window_and_may_still_be_answered() {
        let mut slots = Slots::new(0);
        let id = slots.open(0, 0, 0, false).unwrap();
        slots.wither(0);
        assert_eq!((slots.in_window(), slots.waiting()), (0, 1));
        slots.close(id);
        assert_eq!((slots.in_window(), slots.waiting()), (0, 0));
    }

    #[test]
    fn an_id_that_waits_is_not_used_again() {
        let mut slots = Slots::new(11);
        let first = slots.open(0, 0, 0, false).unwrap();
        for _ in 1..IDS {
            let id = slots.open(1, 0, 0, false).unwrap();
            assert_ne!(id, first);
            slots.close(id);
        }
        // A whole turn later the first is passed over, and never by way of its neighbours either.
        for _ in 0..3 * IDS {
            let id = slots.open(2, 1000, 1000, false).unwrap();
            assert_ne!(id, first);
            slots.close(id);
        }
        assert_eq!(slots.expire(0), (1, 0));
        assert!((0..IDS).any(|_| slots.open(3, 2000, 2000, false) == Some(first)));
    }

    #[test]
    fn with_every_id_waiting_there_is_none() {
        let mut slots = Slots::new(1);
        for _ in 0..IDS {
            assert!(slots.open(0, 0, 0, false).is_some());
        }
        assert_eq!(slots.open(0, 0, 0, false), None);
        assert_eq!(slots.expire(0), (u64::from(IDS), 0));
        assert!(slots.open(0, 0, 0, false).is_some());
    }

    proptest! {
        /// Against a plain list of the queries that wait.
        #[test]
        fn counts_agree_with_a_simple_model(steps in proptest::collection::vec((0_u8..4, 0_usize..8), 1..400)) {
            let (mut slots, mut model, mut now) = (Slots::new(99), VecDeque::<(u16, u64)>::new(), 0_u64);
            for (what, which) in steps {
                now += 1000;
                match what {
                    0 | 1 => model.push_back((slots.open(0, now, now, false).unwrap(), now)),
                    2 if !model.is_empty() => {
                        let (id, _) = model.remove(which % model.len()).unwrap();
                        slots.close(id);
                    }
                    _ => {
                        let before = now.saturating_sub(1000 * which as u64);
                        let old = model.iter().filter(|(_, left)| *left <= before).count();
                        model.retain(|(_, left)| *left > before);
                        prop_assert_eq!(slots.expire(before), (old as u64, 0));
                    }
                }
                prop_assert_eq!(slots.waiting(), model.len());
            }
        }
    }
}
