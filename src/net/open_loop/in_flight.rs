//! Which request stands behind an id: 65,536 ids, taken in turn.
//!
//! An id without a response is not used again before its timeout, and ids go round in order, so that one with a response
//! comes back as late as possible. Times are nanoseconds on the caller's clock and never go back.

/// Ids.
pub const IDS: u32 = 1 << 16;

/// Waits for its response.
const OPEN: u8 = 1;
/// Has waited so long that it does not count for the window any more.
const STALE: u8 = 2;
/// A reply under its id was no response to it.
const MISMATCHED: u8 = 4;
/// Left so late, by the fault of this side, that its response cannot be called late.
const SENT_LATE: u8 = 8;
/// Has had its response.
const COMPLETED: u8 = 16;

#[derive(Clone, Copy)]
struct InFlightSlot {
    due: u64,
    /// From due to sent, microseconds.
    lateness: u32,
    item: u32,
    /// In the order of sending; tells a request from the one its id stood for before.
    position: u32,
    state: u8,
}

impl InFlightSlot {
    const EMPTY: Self = Self { due: 0, lateness: 0, item: 0, position: 0, state: 0 };

    const fn is(&self, state: u8) -> bool {
        self.state & state != 0
    }

    /// When it was sent.
    const fn sent(&self) -> u64 {
        self.due + self.lateness as u64 * 1000
    }
}

/// State of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A request that waits.
    Waiting(Request),
    /// A request that has had its response.
    Completed {
        /// Its [`Request::item`].
        item: u32,
    },
    /// A request that was given up.
    TimedOut,
    /// No request yet.
    Unused,
}

/// A request that waits for its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The caller's number of the question.
    pub item: u32,
    /// When it was due.
    pub due: u64,
    /// It left so late that its response cannot be called late.
    pub sent_late: bool,
}

/// Requests that were given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimedOut {
    /// Those that met silence.
    pub silent: u64,
    /// Those with a reply that was no response.
    pub mismatched: u64,
}

/// The requests in flight on one socket.
pub struct InFlight {
    table: Box<[InFlightSlot]>,
    /// Position of the next request.
    next: u32,
    /// Everything before it has ended.
    oldest: u32,
    /// Everything before it has ended or is stale.
    fresh: u32,
    waiting: usize,
    in_window: usize,
    /// Turns the order of ids, so that two runs do not begin with the same.
    first_id: u16,
}

impl InFlight {
    /// None yet; ids begin with `first_id`.
    #[must_use]
    pub fn new(first_id: u16) -> Self {
        let table = vec![InFlightSlot::EMPTY; IDS as usize].into_boxed_slice();
        Self { table, next: 0, oldest: 0, fresh: 0, waiting: 0, in_window: 0, first_id }
    }

    /// Requests without a response that were not given up.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Requests without a response that are not stale.
    #[must_use]
    pub fn in_window(&self) -> usize {
        self.in_window
    }

    /// Takes the next id for a request that was due at `due` and leaves at `sent`; `None` when every id waits.
    pub fn open(&mut self, item: u32, due: u64, sent: u64, sent_late: bool) -> Option<u16> {
        for _ in 0..IDS {
            let position = self.next;
            self.next = self.next.wrapping_add(1);
            let id = self.id(position);
            let entry = self.table.get_mut(usize::from(id))?;
            if entry.is(OPEN) {
                continue;
            }
            let lateness = u32::try_from(sent.saturating_sub(due) / 1000).unwrap_or(u32::MAX);
            let state = if sent_late { OPEN | SENT_LATE } else { OPEN };
            *entry = InFlightSlot { due, lateness, item, position, state };
            self.waiting += 1;
            self.in_window += 1;
            return Some(id);
        }
        None
    }

    fn id(&self, position: u32) -> u16 {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
        let low = position as u16;
        low ^ self.first_id
    }

    /// State of `id`.
    #[must_use]
    pub fn lookup(&self, id: u16) -> Lookup {
        let Some(entry) = self.table.get(usize::from(id)) else { return Lookup::Unused };
        if entry.is(OPEN) {
            return Lookup::Waiting(Request { item: entry.item, due: entry.due, sent_late: entry.is(SENT_LATE) });
        }
        match entry.state {
            0 => Lookup::Unused,
            _ if entry.is(COMPLETED) => Lookup::Completed { item: entry.item },
            _ => Lookup::TimedOut,
        }
    }

    /// The request of `id` has had its response.
    pub fn complete(&mut self, id: u16) {
        let Some(entry) = self.table.get_mut(usize::from(id)).filter(|entry| entry.is(OPEN)) else { return };
        self.waiting -= 1;
        if !entry.is(STALE) {
            self.in_window -= 1;
        }
        entry.state = COMPLETED;
    }

    /// A reply under `id` was no response to its request; one may still come.
    pub fn mismatch(&mut self, id: u16) {
        if let Some(entry) = self.table.get_mut(usize::from(id)).filter(|entry| entry.is(OPEN)) {
            entry.state |= MISMATCHED;
        }
    }

    /// Gives up requests that were sent at `before` or earlier.
    pub fn time_out(&mut self, before: u64) -> TimedOut {
        let mut timed_out = TimedOut::default();
        while self.oldest != self.next {
            let id = self.id(self.oldest);
            let Some(entry) = self.table.get_mut(usize::from(id)) else { break };
            if entry.is(OPEN) && entry.position == self.oldest {
                if entry.sent() > before {
                    break;
                }
                if entry.is(MISMATCHED) {
                    timed_out.mismatched += 1;
                } else {
                    timed_out.silent += 1;
                }
                self.waiting -= 1;
                if !entry.is(STALE) {
                    self.in_window -= 1;
                }
                // Neither open nor completed, but used.
                entry.state = STALE;
            }
            self.oldest = self.oldest.wrapping_add(1);
        }
        timed_out
    }

    /// Takes requests that were sent at `before` or earlier out of the window. Their ids stay taken.
    pub fn leave_window(&mut self, before: u64) {
        while self.fresh != self.next {
            let id = self.id(self.fresh);
            let Some(entry) = self.table.get_mut(usize::from(id)) else { break };
            if entry.is(OPEN) && entry.position == self.fresh && !entry.is(STALE) {
                if entry.sent() > before {
                    break;
                }
                entry.state |= STALE;
                self.in_window -= 1;
            }
            self.fresh = self.fresh.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::{IDS, InFlight, Lookup, Request, TimedOut};

    /// A request of the model.
    struct Waiting {
        id: u16,
        sent: u64,
        stale: bool,
        mismatched: bool,
    }

    fn silent(silent: u64) -> TimedOut {
        TimedOut { silent, mismatched: 0 }
    }

    #[test]
    fn a_request_goes_from_waiting_to_completed() {
        let mut in_flight = InFlight::new(7);
        let id = in_flight.open(3, 1000, 5000, true).unwrap();
        assert_eq!(in_flight.lookup(id), Lookup::Waiting(Request { item: 3, due: 1000, sent_late: true }));
        assert_eq!(in_flight.lookup(id.wrapping_add(9)), Lookup::Unused);
        in_flight.complete(id);
        in_flight.complete(id);
        assert_eq!(in_flight.lookup(id), Lookup::Completed { item: 3 });
        assert_eq!((in_flight.waiting(), in_flight.in_window()), (0, 0));
        assert_eq!(in_flight.time_out(u64::MAX), silent(0));
    }

    #[test]
    fn silence_and_mismatched_replies_are_distinguished() {
        let mut in_flight = InFlight::new(0);
        let open = |n: u32| in_flight.open(n, u64::from(n) * 1000, u64::from(n) * 1000, false).unwrap();
        let ids: Vec<u16> = (0..4_u32).map(open).collect();
        in_flight.mismatch(ids[1]);
        in_flight.complete(ids[2]);
        assert_eq!(in_flight.time_out(2000), TimedOut { silent: 1, mismatched: 1 });
        assert_eq!((in_flight.lookup(ids[0]), in_flight.waiting()), (Lookup::TimedOut, 1));
        assert_eq!(in_flight.time_out(3000), silent(1));
    }

    #[test]
    fn a_reply_to_no_request_changes_no_id() {
        let mut in_flight = InFlight::new(7);
        in_flight.mismatch(7);
        in_flight.complete(7);
        assert_eq!((in_flight.lookup(7), in_flight.waiting()), (Lookup::Unused, 0));
        assert_eq!(in_flight.open(1, 0, 0, false), Some(7), "the first id is the one asked for");
        in_flight.complete(7);
        in_flight.mismatch(7);
        assert_eq!(in_flight.lookup(7), Lookup::Completed { item: 1 });
    }

    #[test]
    fn the_timeout_runs_from_when_it_was_sent() {
        let mut in_flight = InFlight::new(0);
        in_flight.open(0, 0, 50_000, false).unwrap();
        assert_eq!(in_flight.time_out(49_000), silent(0));
        assert_eq!(in_flight.time_out(50_000), silent(1));
    }

    #[test]
    fn what_is_stale_makes_room_in_the_window_and_may_still_be_answered() {
        let mut in_flight = InFlight::new(0);
        let id = in_flight.open(0, 0, 0, false).unwrap();
        in_flight.leave_window(0);
        assert_eq!((in_flight.in_window(), in_flight.waiting()), (0, 1));
        in_flight.complete(id);
        assert_eq!((in_flight.in_window(), in_flight.waiting()), (0, 0));
    }

    #[test]
    fn an_id_that_waits_is_not_used_again() {
        let mut in_flight = InFlight::new(11);
        let first = in_flight.open(0, 0, 0, false).unwrap();
        for _ in 1..IDS {
            let id = in_flight.open(1, 0, 0, false).unwrap();
            assert_ne!(id, first);
            in_flight.complete(id);
        }
        // A whole turn later the first is passed over, and never by way of its neighbours either.
        for _ in 0..3 * IDS {
            let id = in_flight.open(2, 1000, 1000, false).unwrap();
            assert_ne!(id, first);
            in_flight.complete(id);
        }
        assert_eq!(in_flight.time_out(0), silent(1));
        assert!((0..IDS).any(|_| in_flight.open(3, 2000, 2000, false) == Some(first)));
    }

    /// What an id stands for now says nothing about the request it stood for before.
    #[test]
    fn an_id_taken_again_holds_up_no_older_request() {
        let mut in_flight = InFlight::new(0);
        let answered = in_flight.open(0, 0, 0, false).unwrap();
        in_flight.complete(answered);
        let silent_id = in_flight.open(1, 1000, 1000, false).unwrap();
        for _ in 2..IDS {
            let id = in_flight.open(2, 1000, 1000, false).unwrap();
            in_flight.complete(id);
        }
        assert_eq!(in_flight.open(3, 9000, 9000, false), Some(answered));
        in_flight.leave_window(1000);
        assert_eq!(in_flight.in_window(), 1);
        assert_eq!(in_flight.time_out(1000), silent(1));
        assert_eq!((in_flight.lookup(silent_id), in_flight.waiting()), (Lookup::TimedOut, 1));
    }

    #[test]
    fn with_every_id_waiting_there_is_none() {
        let mut in_flight = InFlight::new(1);
        for _ in 0..IDS {
            assert!(in_flight.open(0, 0, 0, false).is_some());
        }
        assert_eq!(in_flight.open(0, 0, 0, false), None);
        assert_eq!(in_flight.time_out(0), silent(u64::from(IDS)));
        assert!(in_flight.open(0, 0, 0, false).is_some());
    }

    proptest! {
        /// Against a plain list of the requests that wait.
        #[test]
        fn counts_agree_with_a_simple_model(steps in proptest::collection::vec((0_u8..7, 0_usize..8), 1..400)) {
            let (mut in_flight, mut model, mut now) = (InFlight::new(99), VecDeque::<Waiting>::new(), 0_u64);
            for (step, which) in steps {
                now += 1000;
                let (before, at) = (now.saturating_sub(1000 * which as u64), which % model.len().max(1));
                match (step, model.get_mut(at)) {
                    (0..=2, _) => {
                        let id = in_flight.open(0, now, now, false).unwrap();
                        model.push_back(Waiting { id, sent: now, stale: false, mismatched: false });
                    }
                    (3, Some(request)) => {
                        in_flight.complete(request.id);
                        model.remove(at);
                    }
                    (4, Some(request)) => {
                        in_flight.mismatch(request.id);
                        request.mismatched = true;
                    }
                    (5, _) => {
                        in_flight.leave_window(before);
                        model.iter_mut().filter(|request| request.sent <= before).for_each(|request| request.stale = true);
                    }
                    _ => {
                        let old = |mismatched| {
                            let is_old = |request: &&Waiting| request.sent <= before && request.mismatched == mismatched;
                            model.iter().filter(is_old).count() as u64
                        };
                        let want = TimedOut { silent: old(false), mismatched: old(true) };
                        model.retain(|request| request.sent > before);
                        prop_assert_eq!(in_flight.time_out(before), want);
                    }
                }
                prop_assert_eq!(in_flight.waiting(), model.len());
                prop_assert_eq!(in_flight.in_window(), model.iter().filter(|request| !request.stale).count());
            }
        }
    }
}
