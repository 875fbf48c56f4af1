//! Questions to one server, one at a time, with limits in number and time and a count of everything odd.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::Fault;
use crate::net::IpVersion;
use crate::proto::dns::exchange::{self, Asking, Exchange};
use crate::proto::dns::message::Reply;
use crate::proto::dns::question::Question;

/// Queries to one server at most, repeated ones included.
const QUERIES: i64 = 120;
/// Notes kept of one server.
const NOTES: usize = 6;

/// How every server is asked.
pub(super) struct Way {
    pub(super) source: Option<IpAddr>,
    pub(super) family: IpVersion,
    pub(super) patience: Duration,
    pub(super) attempts: u32,
    /// Over TCP from the start.
    pub(super) stream: bool,
}

/// What was counted on the way.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) sent: i64,
    /// Sent again after silence.
    pub(super) repeated: i64,
    pub(super) discarded: i64,
    /// Wrong addresses that answered.
    pub(super) impostors: Vec<SocketAddr>,
    pub(super) connect_times: Vec<Duration>,
    pub(super) notes: Vec<String>,
}

impl Tally {
    pub(super) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if self.notes.len() < NOTES && !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }
}

/// What came of a question.
pub(super) struct Heard {
    /// A word of fact `outcome`, or `unasked` when a limit was reached before.
    pub(super) outcome: &'static str,
    pub(super) reply: Option<Box<Reply>>,
    pub(super) size: usize,
    pub(super) rtt: Option<Duration>,
    /// When it came.
    pub(super) at: Instant,
}

impl Heard {
    fn unasked() -> Self {
        Self { outcome: "unasked", reply: None, size: 0, rtt: None, at: Instant::now() }
    }
}

/// What came of a question that a sound server answers, but some do not survive.
pub(super) enum Dared {
    Reply(Box<Reply>, usize),
    /// No answer, or none that holds together, while the server goes on answering plain questions.
    Silent,
    /// The server has stopped answering at all, or a limit was reached: nothing is known.
    Unknown,
}

/// One server, being asked.
pub(super) struct Asker<'a> {
    way: &'a Way,
    server: SocketAddr,
    seed: u64,
    /// No question begins that could last beyond this.
    end: Instant,
    /// A plain question the server answered before.
    control: Option<Question>,
    pub(super) tally: Tally,
}

impl<'a> Asker<'a> {
    /// Asks `server` for as long as `time` at most.
    pub(super) fn new(way: &'a Way, server: SocketAddr, time: Duration, seed: u64) -> Self {
        Self { way, server, seed, end: Instant::now() + time, control: None, tally: Tally::default() }
    }

    pub(super) fn server(&self) -> SocketAddr {
        self.server
    }

    pub(super) fn source(&self) -> Option<IpAddr> {
        self.way.source
    }

    pub(super) fn patience(&self) -> Duration {
        self.way.patience
    }

    /// The question that tells whether the server is still there.
    pub(super) fn controlled_by(&mut self, question: Question) {
        self.control = Some(question);
    }

    /// Asks the way the check says; what is truncated over UDP is asked again over TCP, as resolvers do.
    pub(super) async fn ask(&mut self, question: &Question) -> Result<Heard, Fault> {
        if self.way.stream {
            return self.tcp(question).await;
        }
        let heard = self.udp(question).await?;
        if !heard.reply.as_ref().is_some_and(|reply| reply.truncated()) {
            return Ok(heard);
        }
        let whole = self.tcp(question).await?;
        if whole.outcome == "answered" {
            return Ok(whole);
        }
        self.tally.note(format!("{}: truncated over UDP, and {} over TCP", question.title(), whole.outcome));
        Ok(heard)
    }

    /// Over UDP, again after silence.
    pub(super) async fn udp(&mut self, question: &Question) -> Result<Heard, Fault> {
        let mut heard = Heard::unasked();
        for attempt in 0..self.way.attempts {
            if !self.may(attempt) {
                break;
            }
            let seen = exchange::udp(&self.asking(question)).await?;
            heard = self.keep(seen);
            if heard.outcome != "timeout" {
                break;
            }
        }
        Ok(heard)
    }

    /// Over TCP, which repeats by itself what the network loses.
    pub(super) async fn tcp(&mut self, question: &Question) -> Result<Heard, Fault> {
        if !self.may(0) {
            return Ok(Heard::unasked());
        }
        let seen = exchange::tcp(&self.asking(question)).await?;
        Ok(self.keep(seen))
    }

    /// Over UDP. Silence is told from a server that is gone, or that answers nobody for a while, by the control question.
    pub(super) async fn dare(&mut self, question: &Question) -> Result<Dared, Fault> {
        let heard = self.udp(question).await?;
        if let Some(reply) = heard.reply {
            return Ok(Dared::Reply(reply, heard.size));
        }
        if heard.outcome == "unasked" {
            return Ok(Dared::Unknown);
        }
        let Some(control) = self.control.clone() else { return Ok(Dared::Unknown) };
        let again = self.udp(&control).await?;
        Ok(if again.reply.is_some() { Dared::Silent } else { Dared::Unknown })
    }

    /// Whether one more query keeps the limits; counts it.
    pub(super) fn may(&mut self, attempt: u32) -> bool {
        let may = self.tally.sent < QUERIES && Instant::now() + self.way.patience <= self.end;
        if may {
            self.tally.sent += 1;
            self.tally.repeated += i64::from(attempt > 0);
        }
        may
    }

    fn asking<'q>(&self, question: &'q Question) -> Asking<'q> {
        let (server, source, patience, seed) = (self.server, self.way.source, self.way.patience, self.seed);
        Asking { server, source, patience, question, seed }
    }

    fn keep(&mut self, seen: Exchange) -> Heard {
        self.tally.discarded += seen.discarded;
        self.tally.connect_times.extend(seen.connect_time);
        for sender in seen.impostors {
            if !self.tally.impostors.contains(&sender) && self.tally.impostors.len() < NOTES {
                self.tally.impostors.push(sender);
            }
        }
        for note in seen.notes {
            self.tally.note(note);
        }
        Heard { outcome: seen.outcome, reply: seen.reply, size: seen.size, rtt: seen.rtt, at: Instant::now() }
    }
}
