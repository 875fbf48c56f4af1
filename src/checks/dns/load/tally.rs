//! What a worker counts, and how a reply is counted.

use super::queries::Questions;
use super::slots::{Met, Slots, Waiting};
use super::verify::{Kind, Verifier, Wrong};
use crate::stats::Samples;

/// Response codes, with the upper bits of EDNS.
const RCODES: usize = 4096;
/// Length of a DNS header.
const HEADER: usize = 12;

/// Counts of one worker, or of all. Times are nanoseconds from the start of the load.
pub(super) struct Tally {
    /// Queries that left.
    pub(super) sent: u64,
    /// Queries with the right answer.
    pub(super) answered: u64,
    /// Replies that were not right, by kind, with one example each.
    pub(super) wrong: Vec<(u64, Option<String>)>,
    /// Queries that met silence.
    pub(super) lost: u64,
    /// Right answers later than allowed, from the intended time.
    pub(super) late: u64,
    /// Right answers to queries that had theirs.
    pub(super) duplicates: u64,
    /// Replies after the timeout.
    pub(super) overdue: u64,
    /// Queries that left so late that their answers are not called late.
    pub(super) tardy: u64,
    /// Answers that may have been late only because this side read them late.
    pub(super) excused: u64,
    /// Queries of the schedule that never left.
    pub(super) unsent: u64,
    /// Datagrams this side's sockets dropped.
    pub(super) dropped: u64,
    /// Times the kernel passed on that the port is closed.
    pub(super) refused: u64,
    /// Times a send had to wait because the kernel or a device took no more.
    pub(super) blocked: u64,
    /// Replies to their question, by response code.
    pub(super) rcodes: Vec<u64>,
    /// From intended time to right answer, seconds.
    pub(super) latency: Samples,
    /// From intended time to the real one, seconds.
    pub(super) lateness: Samples,
    /// When the last right answer came.
    pub(super) last: u64,
    /// Until when queries left.
    pub(super) sending: u64,
    /// Processor time, seconds.
    pub(super) cpu: f64,
    /// Time spent waiting, seconds.
    pub(super) idle: f64,
    /// Largest burst.
    pub(super) burst: u64,
    /// Receive buffer in force, as the kernel accounts it.
    pub(super) buffer: usize,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            sent: 0,
            answered: 0,
            wrong: vec![(0, None); Kind::ALL.len()],
            lost: 0,
            late: 0,
            duplicates: 0,
            overdue: 0,
            tardy: 0,
            excused: 0,
            unsent: 0,
            dropped: 0,
            refused: 0,
            blocked: 0,
            rcodes: vec![0; RCODES],
            latency: Samples::default(),
            lateness: Samples::default(),
            last: 0,
            sending: 0,
            cpu: 0.0,
            idle: 0.0,
            burst: 0,
            buffer: usize::MAX,
        }
    }
}

impl Tally {
    /// Adds the counts of another worker.
    pub(super) fn merge(&mut self, other: Self) {
        self.sent += other.sent;
        self.answered += other.answered;
        for (mine, (count, example)) in self.wrong.iter_mut().zip(other.wrong) {
            mine.0 += count;
            mine.1 = mine.1.take().or(example);
        }
        self.lost += other.lost;
        self.late += other.late;
        self.duplicates += other.duplicates;
        self.overdue += other.overdue;
        self.tardy += other.tardy;
        self.excused += other.excused;
        self.unsent += other.unsent;
        self.dropped += other.dropped;
        self.refused += other.refused;
        self.blocked += other.blocked;
        self.rcodes.iter_mut().zip(other.rcodes).for_each(|(mine, more)| *mine += more);
        self.latency.merge(&other.latency);
        self.lateness.merge(&other.lateness);
        self.last = self.last.max(other.last);
        self.sending = self.sending.max(other.sending);
        self.cpu += other.cpu;
        self.idle += other.idle;
        self.burst = self.burst.max(other.burst);
        self.buffer = self.buffer.min(other.buffer);
    }

    /// Replies that were not right.
    pub(super) fn wrongs(&self) -> u64 {
        self.wrong.iter().map(|(count, _)| count).sum()
    }

    fn wrong(&mut self, wrong: Wrong) {
        let Wrong { kind, why, rcode } = wrong;
        if let Some((count, example)) = self.wrong.get_mut(kind as usize) {
            *count += 1;
            example.get_or_insert(why);
        }
        if let Some(rcode) = rcode {
            self.rcode(rcode);
        }
    }

    fn rcode(&mut self, rcode: u16) {
        if let Some(count) = self.rcodes.get_mut(usize::from(rcode)) {
            *count += 1;
        }
    }
}

/// Counts replies as they come.
pub(super) struct Ledger {
    pub(super) tally: Tally,
    verifier: Verifier,
    /// Answers later than this are late, nanoseconds.
    late: u64,
    /// This side has just been away: what it reads now may have waited here.
    pub(super) away: bool,
}

impl Ledger {
    pub(super) fn new(verifier: Verifier, late: u64) -> Self {
        Self { tally: Tally::default(), verifier, late, away: false }
    }

    /// Takes one datagram from the server; `cut` when its end is missing.
    pub(super) fn take(&mut self, questions: &Questions, slots: &mut Slots, reply: &[u8], cut: bool, now: u64) {
        let strange = |kind, why: String| Wrong { kind, why, rcode: None };
        let Some(id) = reply.first_chunk().map(|id| u16::from_be_bytes(*id)).filter(|_| reply.len() >= HEADER) else {
            let why = format!("{} bytes are too short for a DNS header", reply.len());
            return self.tally.wrong(strange(Kind::Malformed, why));
        };
        if cut {
            slots.doubt(id);
            let why = format!("more than {} bytes, larger than any answer asked for", reply.len());
            return self.tally.wrong(strange(Kind::TooLong, why));
        }
        match slots.meet(id) {
            Met::Waiting(waiting) => self.answer(questions, slots, id, waiting, reply, now),
            Met::Done { question } => match self.check(questions, question, reply) {
                Ok(_) => self.tally.duplicates += 1,
                Err(wrong) => self.tally.wrong(Wrong { rcode: None, ..wrong }),
            },
            Met::GivenUp => self.tally.overdue += 1,
            Met::Unasked => self.tally.wrong(strange(Kind::Unasked, format!("its id {id} was not used yet"))),
        }
    }

    fn check(&mut self, questions: &Questions, question: u32, reply: &[u8]) -> Result<u16, Wrong> {
        match questions.items.get(question as usize) {
            Some(item) => self.verifier.verify(question, item, reply),
            None => Err(Wrong { kind: Kind::Unasked, why: "no such question".to_owned(), rcode: None }),
        }
    }

    fn answer(&mut self, questions: &Questions, slots: &mut Slots, id: u16, waiting: Waiting, reply: &[u8], now: u64) {
        match self.check(questions, waiting.question, reply) {
            Ok(rcode) => {
                slots.close(id);
                let length = now.saturating_sub(waiting.intended);
                let tally = &mut self.tally;
                tally.answered += 1;
                tally.rcode(rcode);
                tally.latency.record(length as f64 / 1e9);
                tally.last = tally.last.max(now);
                if length > self.late && !waiting.tardy {
                    let count = if self.away { &mut tally.excused } else { &mut tally.late };
                    *count += 1;
                }
            }
            // Whoever sent this does not speak of the question: its answer may still come.
            Err(wrong) if wrong.kind == Kind::Question => {
                slots.doubt(id);
                self.tally.wrong(wrong);
            }
            Err(wrong) => {
                slots.close(id);
                self.tally.wrong(wrong);
            }
        }
    }
}
