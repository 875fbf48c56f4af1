//! The counts of a load, and how a reply is counted.

use super::queries::Questions;
use super::verify::{Verifier, WrongAnswer, WrongKind};
use crate::net::open_loop::{InFlight, Lookup, Request};
use crate::stats::Samples;

/// Response codes, with the upper bits of EDNS.
const RCODES: usize = 4096;
/// Length of a DNS header.
const HEADER: usize = 12;

/// Counts of one worker, or of all. Times are nanoseconds from the start of the load.
pub(super) struct QueryCounts {
    /// Queries that left.
    pub(super) sent: u64,
    /// Queries with the right answer.
    pub(super) answered: u64,
    /// Replies that were not right, by kind, with one example each.
    pub(super) wrong: Vec<(u64, Option<String>)>,
    /// Queries that met silence.
    pub(super) lost: u64,
    /// Right answers later than allowed, from when their queries were due.
    pub(super) late: u64,
    /// Right answers to queries that had theirs.
    pub(super) duplicates: u64,
    /// Replies after the timeout.
    pub(super) after_timeout: u64,
    /// Queries that left so late that their answers are not called late.
    pub(super) sent_late: u64,
    /// Answers that may have been late only because this side read them late.
    pub(super) read_late: u64,
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
    /// From due to right answer, seconds.
    pub(super) latency: Samples,
    /// From due to sent, seconds.
    pub(super) lateness: Samples,
    /// When the last right answer came.
    pub(super) last_answer: u64,
    /// When the last query left.
    pub(super) last_sent: u64,
    /// Processor time, seconds.
    pub(super) cpu: f64,
    /// Time spent waiting, seconds.
    pub(super) idle: f64,
    /// Largest burst.
    pub(super) burst: u64,
    /// Receive buffer in force, as the kernel accounts it.
    pub(super) buffer: usize,
}

impl Default for QueryCounts {
    fn default() -> Self {
        Self {
            sent: 0,
            answered: 0,
            wrong: vec![(0, None); WrongKind::ALL.len()],
            lost: 0,
            late: 0,
            duplicates: 0,
            after_timeout: 0,
            sent_late: 0,
            read_late: 0,
            unsent: 0,
            dropped: 0,
            refused: 0,
            blocked: 0,
            rcodes: vec![0; RCODES],
            latency: Samples::default(),
            lateness: Samples::default(),
            last_answer: 0,
            last_sent: 0,
            cpu: 0.0,
            idle: 0.0,
            burst: 0,
            buffer: usize::MAX,
        }
    }
}

impl QueryCounts {
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
        self.after_timeout += other.after_timeout;
        self.sent_late += other.sent_late;
        self.read_late += other.read_late;
        self.unsent += other.unsent;
        self.dropped += other.dropped;
        self.refused += other.refused;
        self.blocked += other.blocked;
        self.rcodes.iter_mut().zip(other.rcodes).for_each(|(mine, more)| *mine += more);
        self.latency.merge(&other.latency);
        self.lateness.merge(&other.lateness);
        self.last_answer = self.last_answer.max(other.last_answer);
        self.last_sent = self.last_sent.max(other.last_sent);
        self.cpu += other.cpu;
        self.idle += other.idle;
        self.burst = self.burst.max(other.burst);
        self.buffer = self.buffer.min(other.buffer);
    }

    /// Replies that were not right.
    pub(super) fn wrong_replies(&self) -> u64 {
        self.wrong.iter().map(|(count, _)| count).sum()
    }

    fn wrong(&mut self, wrong: WrongAnswer) {
        let WrongAnswer { kind, why, rcode } = wrong;
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
pub(super) struct ReplyCounter {
    pub(super) counts: QueryCounts,
    verifier: Verifier,
    /// Answers later than this are late, nanoseconds.
    late: u64,
    /// This side has just been away: what it reads now may have waited here.
    pub(super) away: bool,
}

impl ReplyCounter {
    pub(super) fn new(verifier: Verifier, late: u64) -> Self {
        Self { counts: QueryCounts::default(), verifier, late, away: false }
    }

    /// Takes one datagram from the server; `cut` when its end is missing.
    pub(super) fn take(
        &mut self,
        questions: &Questions,
        in_flight: &mut InFlight,
        reply: &[u8],
        cut: bool,
        received: u64,
    ) {
        let unread = |kind, why: String| WrongAnswer { kind, why, rcode: None };
        let Some(id) = reply.first_chunk().map(|id| u16::from_be_bytes(*id)).filter(|_| reply.len() >= HEADER) else {
            let why = format!("{} bytes are too short for a DNS header", reply.len());
            return self.counts.wrong(unread(WrongKind::Malformed, why));
        };
        if cut {
            in_flight.mismatch(id);
            let why = format!("more than {} bytes, larger than any answer asked for", reply.len());
            return self.counts.wrong(unread(WrongKind::TooLong, why));
        }
        match in_flight.lookup(id) {
            Lookup::Waiting(request) => self.answer(questions, in_flight, (id, request), reply, received),
            Lookup::Completed { item } => match self.verify(questions, item, reply) {
                Ok(_) => self.counts.duplicates += 1,
                Err(wrong) => self.counts.wrong(WrongAnswer { rcode: None, ..wrong }),
            },
            Lookup::TimedOut => self.counts.after_timeout += 1,
            Lookup::Unused => {
                self.counts.wrong(unread(WrongKind::Unasked, format!("its id {id} was not used yet")));
            }
        }
    }

    fn verify(&mut self, questions: &Questions, item: u32, reply: &[u8]) -> Result<u16, WrongAnswer> {
        match questions.items.get(item as usize) {
            Some(question) => self.verifier.verify(item, question, reply),
            None => Err(WrongAnswer { kind: WrongKind::Unasked, why: "no such question".to_owned(), rcode: None }),
        }
    }

    fn answer(
        &mut self,
        questions: &Questions,
        in_flight: &mut InFlight,
        (id, request): (u16, Request),
        reply: &[u8],
        received: u64,
    ) {
        match self.verify(questions, request.item, reply) {
            Ok(rcode) => {
                in_flight.complete(id);
                let latency = received.saturating_sub(request.due);
                let counts = &mut self.counts;
                counts.answered += 1;
                counts.rcode(rcode);
                counts.latency.record(latency as f64 / 1e9);
                counts.last_answer = counts.last_answer.max(received);
                if latency > self.late && !request.sent_late {
                    let count = if self.away { &mut counts.read_late } else { &mut counts.late };
                    *count += 1;
                }
            }
            // Whoever sent this does not speak of the question: its answer may still come.
            Err(wrong) if wrong.kind == WrongKind::OtherQuestion => {
                in_flight.mismatch(id);
                self.counts.wrong(wrong);
            }
            Err(wrong) => {
                in_flight.complete(id);
                self.counts.wrong(wrong);
            }
        }
    }
}
