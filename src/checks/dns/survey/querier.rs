//! Questions to one server, one at a time, with limits in number and time and a count of everything odd.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::Fault;
use crate::model::interface::is_link_local;
use crate::net::clock::MeasuredTime;
use crate::net::{IpVersion, Origin};
use crate::proto::dns::exchange::{self, Exchange, Request};
use crate::proto::dns::message::Reply;
use crate::proto::dns::question::Question;

/// Queries to one server at most, repeated ones included.
const QUERIES: i64 = 120;
/// Notes kept of one server.
const NOTES: usize = 6;

/// How every server is asked.
pub(super) struct QueryPolicy {
    pub(super) origin: Origin,
    pub(super) version: IpVersion,
    pub(super) patience: Duration,
    pub(super) attempts: u32,
    /// Over TCP from the start.
    pub(super) over_tcp: bool,
}

/// Counts and notes of the queries to one server.
#[derive(Default)]
pub(super) struct QueryLog {
    pub(super) sent: i64,
    /// Sent again after silence.
    pub(super) repeated: i64,
    pub(super) discarded: i64,
    /// Wrong addresses that answered.
    pub(super) unexpected_sources: Vec<SocketAddr>,
    pub(super) connect_times: Vec<MeasuredTime>,
    pub(super) notes: Vec<String>,
    /// Notes that are not kept.
    pub(super) more_notes: usize,
    /// Wrong addresses that are not kept.
    pub(super) more_sources: usize,
}

impl QueryLog {
    pub(super) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if self.notes.contains(&text) {
            return;
        }
        if self.notes.len() < NOTES {
            self.notes.push(text);
        } else {
            self.more_notes += 1;
        }
    }
}

/// The result of a question.
pub(super) struct QueryResult {
    /// A word of fact `outcome`, or `unasked` when a limit was reached before.
    pub(super) outcome: &'static str,
    pub(super) reply: Option<Box<Reply>>,
    pub(super) size: usize,
    pub(super) rtt: Option<MeasuredTime>,
    /// When it came.
    pub(super) at: Instant,
}

impl QueryResult {
    fn unasked() -> Self {
        Self::without_reply("unasked")
    }

    fn without_reply(outcome: &'static str) -> Self {
        Self { outcome, reply: None, size: 0, rtt: None, at: Instant::now() }
    }
}

/// The result of a question that a sound server answers, but some do not survive.
pub(super) enum ControlledReply {
    Reply(Box<Reply>, usize),
    /// No answer, or none that holds together, while the server goes on answering plain questions.
    Silent,
    /// The server has stopped answering at all, or a limit was reached: nothing is known.
    Unknown,
}

/// One server, being asked.
pub(super) struct Querier<'a> {
    policy: &'a QueryPolicy,
    server: SocketAddr,
    seed: u64,
    /// No question begins that could last beyond this.
    end: Instant,
    /// A plain question the server answered before.
    control: Option<Question>,
    pub(super) log: QueryLog,
}

impl<'a> Querier<'a> {
    /// Asks `server` for as long as `time` at most.
    pub(super) fn new(policy: &'a QueryPolicy, server: SocketAddr, time: Duration, seed: u64) -> Self {
        Self { policy, server, seed, end: Instant::now() + time, control: None, log: QueryLog::default() }
    }

    pub(super) fn server(&self) -> SocketAddr {
        self.server
    }

    pub(super) fn origin(&self) -> Origin {
        self.policy.origin
    }

    pub(super) fn patience(&self) -> Duration {
        self.policy.patience
    }

    /// A question whose answer shows that the server is still there.
    pub(super) fn set_control(&mut self, question: Question) {
        self.control = Some(question);
    }

    /// Over the transport of the check; what is truncated over UDP is asked again over TCP, as resolvers do.
    pub(super) async fn ask(&mut self, question: &Question) -> Result<QueryResult, Fault> {
        if self.policy.over_tcp {
            return self.tcp(question).await;
        }
        let result = self.udp(question).await?;
        if !result.reply.as_ref().is_some_and(|reply| reply.truncated()) {
            return Ok(result);
        }
        let whole = self.tcp(question).await?;
        if whole.outcome == "answered" {
            return Ok(whole);
        }
        self.log.note(format!("{}: truncated over UDP, and {} over TCP", question.title(), whole.outcome));
        Ok(result)
    }

    /// Over UDP, again after silence.
    pub(super) async fn udp(&mut self, question: &Question) -> Result<QueryResult, Fault> {
        if let Some(nowhere) = self.leads_nowhere() {
            return Ok(nowhere);
        }
        let mut result = QueryResult::unasked();
        for attempt in 0..self.policy.attempts {
            if !self.allow(attempt) {
                break;
            }
            let exchange = exchange::udp(&self.request(question)).await?;
            result = self.log(exchange);
            if result.outcome != "timeout" {
                break;
            }
        }
        Ok(result)
    }

    /// Over TCP, which repeats by itself what the network loses.
    pub(super) async fn tcp(&mut self, question: &Question) -> Result<QueryResult, Fault> {
        if let Some(nowhere) = self.leads_nowhere() {
            return Ok(nowhere);
        }
        if !self.allow(0) {
            return Ok(QueryResult::unasked());
        }
        let exchange = exchange::tcp(&self.request(question)).await?;
        Ok(self.log(exchange))
    }

    /// The outcome of a server that DNS gives an address of a link: nobody beyond that link reaches it, and no packet is sent.
    fn leads_nowhere(&mut self) -> Option<QueryResult> {
        let address = self.server.ip();
        if !is_link_local(address) || self.policy.origin.device(address).is_some() {
            return None;
        }
        self.log.note(format!(
            "{address} is a link-local address, which leads nowhere from another link: it was not asked"
        ));
        Some(QueryResult::without_reply("unreachable"))
    }

    /// Over UDP. The control question tells silence about this one from a server that is gone, or answers nobody for a while.
    pub(super) async fn ask_with_control(&mut self, question: &Question) -> Result<ControlledReply, Fault> {
        let result = self.udp(question).await?;
        if let Some(reply) = result.reply {
            return Ok(ControlledReply::Reply(reply, result.size));
        }
        if result.outcome == "unasked" {
            return Ok(ControlledReply::Unknown);
        }
        let Some(control) = self.control.clone() else { return Ok(ControlledReply::Unknown) };
        let again = self.udp(&control).await?;
        Ok(if again.reply.is_some() { ControlledReply::Silent } else { ControlledReply::Unknown })
    }

    /// After silence to `question`: whether it was about EDNS alone, as a note.
    pub(super) async fn drops_edns(&mut self, question: &Question) -> Result<(), Fault> {
        if self.policy.over_tcp || !question.has_edns() || !self.allow(0) {
            return Ok(());
        }
        let plain = question.clone().edns(None);
        let exchange = exchange::udp(&self.request(&plain)).await?;
        if self.log(exchange).reply.is_some() {
            self.log.note(
                "it is silent to a query with EDNS, and answers the same without: the server, or a firewall before it, drops EDNS",
            );
        }
        Ok(())
    }

    /// Whether one more query keeps the limits; counts it.
    pub(super) fn allow(&mut self, attempt: u32) -> bool {
        let allowed = self.log.sent < QUERIES && Instant::now() + self.policy.patience <= self.end;
        if allowed {
            self.log.sent += 1;
            self.log.repeated += i64::from(attempt > 0);
        }
        allowed
    }

    fn request<'q>(&self, question: &'q Question) -> Request<'q> {
        let (server, origin, patience, seed) = (self.server, self.policy.origin, self.policy.patience, self.seed);
        Request { server, origin, patience, question, seed }
    }

    fn log(&mut self, exchange: Exchange) -> QueryResult {
        self.log.discarded += exchange.discarded;
        self.log.connect_times.extend(exchange.connect_time);
        for sender in exchange.unexpected_sources {
            if self.log.unexpected_sources.contains(&sender) {
                continue;
            }
            if self.log.unexpected_sources.len() < NOTES {
                self.log.unexpected_sources.push(sender);
            } else {
                self.log.more_sources += 1;
            }
        }
        for note in exchange.notes.into_iter().chain(exchange.ending) {
            self.log.note(note);
        }
        QueryResult {
            outcome: exchange.outcome,
            reply: exchange.reply,
            size: exchange.size,
            rtt: exchange.rtt,
            at: Instant::now(),
        }
    }
}
