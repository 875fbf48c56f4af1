//! Long-lived probers: the questions of a stream leave when they are due, over sockets that stay open.
//!
//! A prober lives on a thread of its own, which keeps an open loop ([`crate::net::open_loop`]) and owns it. It never waits for an
//! answer: it sends, takes in what has arrived, and waits only as long as it is told. Every probe has a number, and an answer says
//! which of them it belongs to, however late it comes: late is not lost. Times are nanoseconds on the clock of the stream.

use std::sync::Arc;
use std::time::Duration;

use crate::model::argument::choices;
use crate::model::{Fault, Observation};
use crate::net::open_loop::Clock;

choices! {
    /// What the probes of a stream that has connections are sent over.
    pub enum Connection {
        /// One for each probe.
        New = "new",
        /// One that stays.
        Keep = "keep",
    }
}

/// How a stream is probed.
#[derive(Clone, Copy, Debug)]
pub struct StreamSpec {
    /// The clock of all its times.
    pub clock: Clock,
    /// From one probe to the next.
    pub interval: Duration,
    /// An answer that takes longer is late.
    pub timeout: Duration,
    /// A connection for each probe, or one for all.
    pub connection: Connection,
    /// The service sends back what it is sent: each probe carries its number.
    pub echo: bool,
    /// Makes identifiers differ from one stream to the next.
    pub seed: u64,
}

/// Who answered, as far as an answer tells: a body, a hop limit, the name of a certificate.
pub type Identity = Arc<str>;

/// Why a probe was not answered, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProbeFailure {
    /// Nothing came.
    Lost,
    /// The target refused it (RST, port unreachable).
    Refused,
    /// A connection ended while the probe was under way.
    Reset,
    /// A router or this host has no way to the target.
    Unreachable,
    /// This host did not let it leave: a full queue, no route, a filter.
    Blocked,
    /// An answer that is not the one expected: another status, no record, bytes of somebody else.
    Unexpected,
}

impl ProbeFailure {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Lost, Self::Refused, Self::Reset, Self::Unreachable, Self::Blocked, Self::Unexpected];

    /// Its word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Unreachable => "unreachable",
            Self::Blocked => "blocked",
            Self::Unexpected => "unexpected",
        }
    }
}

/// What became of a probe.
#[derive(Debug)]
pub enum Seen {
    /// The answer that is expected, and who gave it.
    Answer(Option<Identity>),
    /// The end of it without an answer, and how it came about, in one sentence.
    Failure(ProbeFailure, String),
    /// What a round of the family would have recorded: whether that is an answer is for the stream to say.
    Observed(Box<Observation>),
    /// This side could not look.
    Fault(Fault),
}

/// What became of the probe `number`. There may be several of one probe: a second answer is a duplicate.
#[derive(Debug)]
pub struct Reply {
    /// Which probe.
    pub number: u64,
    /// When it left, where that is known better than by when the prober was asked to send it.
    pub sent: Option<u64>,
    /// When it came: by the kernel's stamp where there is one.
    pub received: u64,
    /// What.
    pub seen: Seen,
}

/// Connections that a prober kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Those that were established.
    pub opened: u64,
    /// Those of them that ended, by whatever cause but this side's end of the stream.
    pub lost: u64,
}

/// A long-lived prober of one stream.
pub trait Prober: Send {
    /// Sends a probe, or says in `replies` at once why not. Never waits. Numbers ascend, and none comes twice.
    fn send(&mut self, number: u64, replies: &mut Vec<Reply>);

    /// Takes in what has arrived, without waiting.
    fn receive(&mut self, replies: &mut Vec<Reply>);

    /// Waits until something may have arrived, at most for `length`.
    fn wait(&mut self, length: Duration);

    /// No answer to the probe is awaited any more: what is kept for it may go. Called for each probe that had none, in the order of
    /// numbers.
    fn give_up(&mut self, _: u64) {}

    /// How many probes without an answer it can keep, the late ones included.
    fn capacity(&self) -> usize {
        1 << 16
    }

    /// Whether arrivals are stamped by the kernel or by the thread of the stream. Tasks wait for their turn before they do.
    fn stamps_exactly(&self) -> bool {
        true
    }

    /// The connections it kept, of one that does so.
    fn connections(&self) -> Option<Connections> {
        None
    }
}
