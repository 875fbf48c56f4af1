//! Which length to try next, and what is known by now. Lengths are those of IP packets.

use std::collections::BTreeSet;

/// A search between a length that passed and the longest one that this host can send.
#[derive(Clone, Debug)]
pub struct Search {
    /// Longest packet that was answered.
    low: usize,
    /// Longest packet that may be sent.
    top: usize,
    /// Lengths that did not pass. One that is answered after all, later, is none of them.
    failed: BTreeSet<usize>,
    /// Smallest MTU that a router named; where to try, not what to believe.
    hint: Option<usize>,
}

impl Search {
    /// After a packet of `base` was answered.
    #[must_use]
    pub fn new(base: usize, top: usize) -> Self {
        Self { low: base, top: top.max(base), failed: BTreeSet::new(), hint: None }
    }

    /// Longest packet that was answered.
    #[must_use]
    pub fn low(&self) -> usize {
        self.low
    }

    /// Longest packet that may be sent.
    #[must_use]
    pub fn top(&self) -> usize {
        self.top
    }

    /// Longest packet that may still pass.
    fn high(&self) -> usize {
        self.failed.range(self.low + 1..).next().map_or(self.top, |failed| failed - 1).min(self.top)
    }

    /// A packet of this length was answered.
    pub fn passed(&mut self, length: usize) {
        self.low = self.low.max(length);
    }

    /// None of this length was, so far.
    pub fn failed(&mut self, length: usize) {
        self.failed.insert(length);
    }

    /// This host itself takes no packet of this length.
    pub fn own_limit(&mut self, length: usize) {
        self.top = self.top.min(length - 1).max(self.low);
    }

    /// A router names this MTU.
    pub fn hint(&mut self, mtu: usize) {
        self.hint = Some(self.hint.map_or(mtu, |hint| hint.min(mtu)));
    }

    /// The next length to try; `None` when the longest that passes is known.
    #[must_use]
    pub fn next(&self) -> Option<usize> {
        let (low, high) = (self.low, self.high());
        if low >= high {
            return None;
        }
        Some(match self.hint {
            // Most paths carry what the interface does.
            _ if self.failed.is_empty() => high,
            Some(hint) if hint > low && hint <= high => hint,
            // What the router says is true when the next longer one does not pass.
            Some(hint) if hint == low => low + 1,
            _ => low + (high - low).div_ceil(2),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Search;

    /// The MTU found on a path that carries `mtu`, and the lengths tried; a router names `named`.
    fn find(mtu: usize, named: Option<usize>) -> (usize, usize) {
        let mut search = Search::new(84, 9000);
        let mut tried = 0;
        while let Some(length) = search.next() {
            tried += 1;
            if length <= mtu {
                search.passed(length);
                continue;
            }
            search.failed(length);
            if let Some(named) = named {
                search.hint(named);
            }
        }
        (search.low(), tried)
    }

    #[test]
    fn every_mtu_is_found_with_few_lengths() {
        for mtu in 84..=9000 {
            let (found, tried) = find(mtu, None);
            assert_eq!(found, mtu);
            assert!(tried <= 15, "{mtu}: {tried}");
            let (found, tried) = find(mtu, Some(mtu));
            assert_eq!(found, mtu);
            assert!(tried <= 3, "{mtu}: {tried}");
        }
    }

    #[test]
    fn a_router_that_names_a_wrong_mtu_is_not_believed() {
        for named in [68, 500, 1399, 1401, 5000, 20_000] {
            assert_eq!(find(1400, Some(named)).0, 1400, "{named}");
        }
    }

    #[test]
    fn a_late_answer_proves_what_silence_did_not() {
        let mut search = Search::new(84, 1500);
        search.failed(1500);
        search.failed(792);
        search.passed(792);
        assert_eq!((search.low(), search.next()), (792, Some(1146)));
        search.passed(1500);
        assert_eq!((search.low(), search.next()), (1500, None));
    }

    #[test]
    fn what_this_host_cannot_send_bounds_the_search() {
        let mut search = Search::new(84, 1500);
        search.own_limit(1401);
        assert_eq!(search.next(), Some(1400));
        search.passed(1400);
        assert_eq!((search.low(), search.top(), search.next()), (1400, 1400, None));
    }
}
