//! Counts of a UDP stream that is received: lost, reordered and repeated datagrams, and jitter.

use std::time::Duration;

use super::datagram::Header;

/// Sequence numbers remembered to tell a late datagram from a repeated one.
const WINDOW: u64 = 65_536;
/// A jump beyond this is not a gap but a broken number, and is left out.
const JUMP: u64 = 1 << 26;
/// What the estimate of jitter starts from (RFC 3550, A.8).
const START_NS: f64 = 0.0;

/// Counts the datagrams of one stream.
#[derive(Clone, Debug)]
pub struct ReceiveCounter {
    seen: Box<[u64]>,
    highest: u64,
    distinct: u64,
    reordered: u64,
    duplicates: u64,
    transit_ns: Option<i64>,
    jitter_ns: Option<f64>,
}

/// The counters of a [`ReceiveCounter`] at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReceiveCounts {
    /// Highest sequence number: datagrams the sender is known to have sent.
    pub highest: u64,
    /// Of those, the ones that never came.
    pub lost: u64,
    /// Came after a later one.
    pub reordered: u64,
    /// Came again.
    pub duplicates: u64,
    /// RFC 3550, 6.4.1; absent before there are two datagrams to compare.
    pub jitter: Option<Duration>,
}

impl ReceiveCounts {
    /// Of a stream on which nothing came.
    pub const NONE: Self = Self { highest: 0, lost: 0, reordered: 0, duplicates: 0, jitter: None };
}

impl Default for ReceiveCounter {
    fn default() -> Self {
        Self {
            seen: vec![0; (WINDOW / 64) as usize].into_boxed_slice(),
            highest: 0,
            distinct: 0,
            reordered: 0,
            duplicates: 0,
            transit_ns: None,
            jitter_ns: None,
        }
    }
}

impl ReceiveCounter {
    /// Counts a datagram that arrived `at` (any monotonic clock). False when its number makes no sense.
    pub fn arrived(&mut self, header: Header, at: Duration) -> bool {
        let number = header.sequence;
        if number == 0 || number > self.highest.saturating_add(JUMP) {
            return false;
        }
        self.time(header, at);
        if number > self.highest {
            self.forget(number);
            self.highest = number;
            self.mark(number);
            self.distinct += 1;
        } else if self.highest - number >= WINDOW || self.mark(number) {
            // Older than memory: taken as late, never as repeated, so that loss is not overstated.
            self.reordered += 1;
            self.distinct += 1;
        } else {
            self.duplicates += 1;
        }
        true
    }

    fn time(&mut self, header: Header, at: Duration) {
        let sent = i64::try_from(header.sent_us.saturating_mul(1000)).unwrap_or(i64::MAX);
        let transit = i64::try_from(at.as_nanos()).unwrap_or(i64::MAX).wrapping_sub(sent);
        if let Some(before) = self.transit_ns {
            let change = transit.wrapping_sub(before).unsigned_abs() as f64;
            let jitter = self.jitter_ns.unwrap_or(START_NS);
            self.jitter_ns = Some(jitter + (change - jitter) / 16.0);
        }
        self.transit_ns = Some(transit);
    }

    /// Clears the slots between the highest number so far and `number`, which belong to numbers a window ago.
    fn forget(&mut self, number: u64) {
        if number - self.highest >= WINDOW {
            self.seen.fill(0);
            return;
        }
        for skipped in self.highest + 1..=number {
            if let Some((word, bit)) = self.slot(skipped) {
                *word &= !bit;
            }
        }
    }

    /// Remembers `number`; true when it was not known.
    fn mark(&mut self, number: u64) -> bool {
        let Some((word, bit)) = self.slot(number) else {
            return false;
        };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    fn slot(&mut self, number: u64) -> Option<(&mut u64, u64)> {
        let place = number % WINDOW;
        self.seen.get_mut((place / 64) as usize).map(|word| (word, 1 << (place % 64)))
    }

    /// The counters now.
    #[must_use]
    pub fn counts(&self) -> ReceiveCounts {
        ReceiveCounts {
            highest: self.highest,
            lost: self.highest.saturating_sub(self.distinct),
            reordered: self.reordered,
            duplicates: self.duplicates,
            jitter: self.jitter_ns.map(|jitter| Duration::from_secs_f64((jitter / 1e9).clamp(0.0, 1e6))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Header, ReceiveCounter};

    fn feed(numbers: &[u64]) -> ReceiveCounter {
        let mut counter = ReceiveCounter::default();
        for (index, number) in numbers.iter().enumerate() {
            counter.arrived(Header { sent_us: number * 1000, sequence: *number }, Duration::from_millis(index as u64));
        }
        counter
    }

    #[test]
    fn loss_order_and_repeats_are_distinguished() {
        let counts = feed(&[1, 2, 4, 3, 3, 7]).counts();
        assert_eq!((counts.highest, counts.lost, counts.reordered, counts.duplicates), (7, 2, 1, 1));
    }

    #[test]
    fn numbers_that_make_no_sense_are_left_out() {
        let mut counter = feed(&[1, 2]);
        assert!(!counter.arrived(Header { sent_us: 0, sequence: u64::MAX }, Duration::ZERO));
        assert!(!counter.arrived(Header { sent_us: 0, sequence: 0 }, Duration::ZERO));
        assert_eq!(counter.counts().highest, 2);
    }

    #[test]
    fn the_window_slides() {
        let all: Vec<u64> = (1..=200_000).chain([200_000, 199_999]).collect();
        let counts = feed(&all).counts();
        assert_eq!((counts.lost, counts.duplicates, counts.reordered), (0, 2, 0));
    }

    #[test]
    fn jitter_follows_rfc_3550() {
        // Sent 10 ms apart, arriving 10 ms and 26 ms apart: |D| is 0, then 16 ms, so J = 16/16 = 1 ms.
        let mut counter = ReceiveCounter::default();
        for (sequence, sent_us, at) in [(1, 0, 0), (2, 10_000, 10), (3, 20_000, 36)] {
            counter.arrived(Header { sent_us, sequence }, Duration::from_millis(at));
        }
        assert_eq!(counter.counts().jitter, Some(Duration::from_millis(1)));
        assert_eq!(ReceiveCounter::default().counts().jitter, None);
        assert_eq!(feed(&[1]).counts().jitter, None, "one datagram varies from nothing");
    }

    proptest! {
        #[test]
        fn every_datagram_is_counted_once(numbers in proptest::collection::vec(1_u64..500, 1..400)) {
            let counts = feed(&numbers).counts();
            let distinct: std::collections::BTreeSet<_> = numbers.iter().collect();
            let highest = *numbers.iter().max().unwrap();
            prop_assert_eq!(counts.highest, highest);
            prop_assert_eq!(counts.lost, highest - distinct.len() as u64);
            prop_assert_eq!(counts.duplicates, (numbers.len() - distinct.len()) as u64);
        }

        #[test]
        fn any_header_is_survived(sent_us: u64, sequence: u64, at: u64) {
            let mut counter = feed(&[5]);
            counter.arrived(Header { sent_us, sequence }, Duration::from_nanos(at));
            let _ = counter.counts();
        }
    }
}
