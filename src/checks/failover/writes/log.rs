//! What became of each write of a stream: a byte for each, however many there are.

use std::ops::RangeInclusive;

use super::reader::ReadBack;
use super::unread::{Obstacle, Unread};

/// Writes of which this is kept; a plan with more is refused.
pub(super) const MOST: usize = 1_000_000;

const SENT: u8 = 1;
const ACKNOWLEDGED: u8 = 1 << 1;
const READ: u8 = 1 << 2;
const THERE: u8 = 1 << 3;
const TWICE: u8 = 1 << 4;

/// See the module.
#[derive(Debug, Default)]
pub(in crate::checks::failover) struct WriteLog {
    /// When the first was due, seconds since the start of the streams, and the time from one to the next.
    from: f64,
    interval: f64,
    writes: Vec<u8>,
    /// Writes beyond what is kept.
    pub(super) beyond: u64,
    /// Why the first that could not be read could not.
    pub(super) unread_why: Option<Unread>,
}

/// How many there are of each sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WriteCounts {
    pub(super) acknowledged: u64,
    /// Acknowledged, and not there.
    pub(super) lost: u64,
    /// Not acknowledged, and there.
    pub(super) unacknowledged_present: u64,
    /// There more than once.
    pub(super) duplicated: u64,
    /// Not read, of those that were acknowledged, and of the others.
    pub(super) unread: u64,
    pub(super) unread_unacknowledged: u64,
}

impl WriteLog {
    /// Of a schedule that begins at `from`.
    pub(in crate::checks::failover) fn new(from: f64, interval: f64) -> Self {
        Self { from, interval, ..Self::default() }
    }

    fn set(&mut self, number: u64, bits: u8) {
        let Some(at) = usize::try_from(number).ok().filter(|at| *at < MOST) else {
            self.beyond += u64::from(bits == SENT);
            return;
        };
        if self.writes.len() <= at {
            self.writes.resize(at + 1, 0);
        }
        if let Some(write) = self.writes.get_mut(at) {
            *write |= bits;
        }
    }

    /// A write leaves.
    pub(in crate::checks::failover) fn sent(&mut self, number: u64) {
        self.set(number, SENT);
    }

    /// The answer that acknowledges a write came, in time or late.
    pub(in crate::checks::failover) fn acknowledged(&mut self, number: u64) {
        self.set(number, ACKNOWLEDGED);
    }

    /// What a look for a write showed; a later one counts.
    pub(super) fn seen(&mut self, number: u64, read_back: ReadBack) {
        let Some(write) = usize::try_from(number).ok().and_then(|at| self.writes.get_mut(at)) else { return };
        match read_back {
            ReadBack::There { twice } => *write |= READ | THERE | if twice { TWICE } else { 0 },
            ReadBack::Absent => *write = (*write | READ) & !(THERE | TWICE),
            ReadBack::Unread(why) => {
                self.unread_why.get_or_insert(why);
            }
        }
    }

    /// What a list of all that is there shows. Of one that was seen in part, `cut` says why, and what is missing may be in the rest.
    pub(super) fn listed(&mut self, there: impl Iterator<Item = u64>, cut: Option<&str>) {
        let mut times = vec![0_u8; self.writes.len()];
        for number in there {
            // What this stream did not send, such as the write ahead of everything, is none of it.
            if let Some(times) = usize::try_from(number).ok().and_then(|at| times.get_mut(at)) {
                *times = times.saturating_add(1);
            }
        }
        for number in self.open(true, true) {
            let times = usize::try_from(number).ok().and_then(|at| times.get(at)).copied().unwrap_or_default();
            self.seen(
                number,
                match (times, cut) {
                    (0, Some(why)) => ReadBack::Unread(Unread::new(why, Obstacle::Cut)),
                    (0, None) => ReadBack::Absent,
                    (times, _) => ReadBack::There { twice: times > 1 },
                },
            );
        }
    }

    /// Those to look at: not read so far, and with `again` also those that were acknowledged and are not there. What was acknowledged
    /// comes first.
    pub(super) fn open(&self, unread: bool, again: bool) -> Vec<u64> {
        let wanted = |write: u8| {
            let is_unread = write & SENT != 0 && write & READ == 0;
            (unread && is_unread) || (again && is_lost(write))
        };
        let (first, rest): (Vec<_>, Vec<_>) = (0..)
            .zip(&self.writes)
            .filter(|(_, write)| wanted(**write))
            .partition(|(_, write)| **write & ACKNOWLEDGED != 0);
        first.into_iter().chain(rest).map(|(number, _)| number).collect()
    }

    pub(super) fn counts(&self) -> WriteCounts {
        let count = |is: &dyn Fn(u8) -> bool| self.writes.iter().filter(|write| is(**write)).count() as u64;
        WriteCounts {
            acknowledged: count(&|write| write & ACKNOWLEDGED != 0),
            lost: count(&is_lost),
            unacknowledged_present: count(&|write| write & (ACKNOWLEDGED | THERE) == THERE),
            duplicated: count(&|write| write & TWICE != 0),
            unread: count(&|write| write & (ACKNOWLEDGED | READ) == ACKNOWLEDGED),
            unread_unacknowledged: count(&|write| write & (SENT | ACKNOWLEDGED | READ) == SENT),
        }
    }

    /// Whether one that was due from `at` on was acknowledged.
    pub(super) fn is_acknowledged_from(&self, at: f64) -> bool {
        (0..).zip(&self.writes).any(|(number, write)| write & ACKNOWLEDGED != 0 && self.due(number) >= at)
    }

    /// Numbers in a row that were acknowledged and are not there.
    pub(super) fn lost(&self) -> Vec<RangeInclusive<u64>> {
        let mut runs: Vec<RangeInclusive<u64>> = Vec::new();
        for (number, _) in (0..).zip(&self.writes).filter(|(_, write)| is_lost(**write)) {
            match runs.last_mut() {
                Some(run) if *run.end() + 1 == number => *run = *run.start()..=number,
                _ => runs.push(number..=number),
            }
        }
        runs
    }

    /// When a write was due, seconds since the start of the streams.
    pub(super) fn due(&self, number: u64) -> f64 {
        self.from + number as f64 * self.interval
    }
}

fn is_lost(write: u8) -> bool {
    write & (ACKNOWLEDGED | READ | THERE) == ACKNOWLEDGED | READ
}

#[cfg(test)]
mod tests {
    use super::{MOST, Obstacle, ReadBack, Unread, WriteCounts, WriteLog};

    const THERE: ReadBack = ReadBack::There { twice: false };

    /// Ten writes, of which the last two were not acknowledged.
    fn log() -> WriteLog {
        let mut log = WriteLog::new(0.5, 0.1);
        (0..10).for_each(|number| log.sent(number));
        (0..8).for_each(|number| log.acknowledged(number));
        log
    }

    #[test]
    fn what_was_acknowledged_and_is_not_there_is_lost() {
        let mut log = log();
        let of_nothing = WriteCounts { acknowledged: 8, unread: 8, unread_unacknowledged: 2, ..WriteCounts::default() };
        assert_eq!(log.counts(), of_nothing, "what was not looked for is not lost");
        assert!(log.lost().is_empty());
        for number in [0, 1, 5, 8] {
            log.seen(number, THERE);
        }
        for number in [2, 3, 6, 9] {
            log.seen(number, ReadBack::Absent);
        }
        log.seen(4, ReadBack::There { twice: true });
        let refused = Unread::new("refused", Obstacle::Silence);
        log.seen(7, ReadBack::Unread(refused.clone()));
        let counts = WriteCounts {
            acknowledged: 8,
            lost: 3,
            unacknowledged_present: 1,
            duplicated: 1,
            unread: 1,
            unread_unacknowledged: 0,
        };
        assert_eq!((log.counts(), log.unread_why.as_ref()), (counts, Some(&refused)));
        assert_eq!(log.lost(), [2..=3, 6..=6]);
        assert!((log.due(6) - 1.1).abs() < 1e-9);
        assert!(log.is_acknowledged_from(1.15) && !log.is_acknowledged_from(1.25), "the last one acknowledged is 7");
    }

    #[test]
    fn what_is_not_there_may_be_looked_at_again() {
        let mut log = log();
        assert_eq!(log.open(true, false), (0..10).collect::<Vec<_>>());
        for number in 0..9 {
            log.seen(number, if number == 3 || number == 8 { ReadBack::Absent } else { THERE });
        }
        assert_eq!(
            (log.open(true, false), log.open(false, true), log.open(true, true)),
            (vec![9], vec![3], vec![3, 9])
        );
        log.seen(3, THERE);
        assert_eq!((log.open(false, true), log.counts().lost), (Vec::new(), 0));
    }

    #[test]
    fn there_is_a_limit_to_what_is_kept() {
        let mut log = WriteLog::new(0.0, 0.001);
        log.sent(MOST as u64 - 1);
        log.acknowledged(MOST as u64 - 1);
        for _ in 0..3 {
            log.sent(MOST as u64);
            log.acknowledged(MOST as u64);
        }
        assert_eq!((log.writes.len(), log.beyond, log.counts().acknowledged), (MOST, 3, 1));
    }
}
