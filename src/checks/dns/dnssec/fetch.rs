//! Questions of the walk: each asked once, counted, over TCP when the answer does not fit.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::names::{for_exchange, some, title};
use super::verdict::{WalkEnd, indeterminate};
use crate::checks::dns::query::DnsQuery;
use crate::checks::dns::transport::Transport;
use crate::net::dial;
use crate::proto::dns::exchange::Exchange;
use crate::proto::dnssec::{Name, Reason, Sections, read};

/// Questions of one walk. Ten labels with a chain of three aliases need about half.
const MAX_QUERIES: i64 = 64;

/// An answer that was read.
pub(super) struct Message {
    pub(super) bytes: Vec<u8>,
    pub(super) sections: Sections,
}

/// Asks the server of a check, and remembers.
pub(super) struct Fetch<'a> {
    ask: &'a DnsQuery,
    address: IpAddr,
    seed: u64,
    end: Instant,
    /// Number of additional queries.
    pub(super) queries: i64,
    /// Messages that were no answer to them.
    pub(super) discarded: i64,
    messages: HashMap<(Name, u16), Arc<Message>>,
}

impl<'a> Fetch<'a> {
    /// Asks `ask`'s server at `address`, until `end`.
    pub(super) fn new(ask: &'a DnsQuery, address: IpAddr, seed: u64, end: Instant) -> Self {
        Self { ask, address, seed, end, queries: 0, discarded: 0, messages: HashMap::new() }
    }

    /// The server, for people.
    pub(super) fn server(&self) -> String {
        dial::endpoint(&self.address.to_string(), self.ask.target.port)
    }

    /// Remembers an answer that is here already, unless it was cut short.
    pub(super) fn keep(&mut self, name: &Name, code: u16, bytes: &[u8]) {
        let truncated = bytes.get(2).is_some_and(|flags| flags & 2 != 0);
        if let Some(sections) = read(bytes).filter(|_| !truncated) {
            self.messages.insert((name.clone(), code), Arc::new(Message { bytes: bytes.to_vec(), sections }));
        }
    }

    /// All remembered answers.
    pub(super) fn known(&self) -> impl Iterator<Item = (&(Name, u16), &Arc<Message>)> {
        self.messages.iter()
    }

    /// The answer to a question; without one the name is indeterminate.
    pub(super) async fn get(&mut self, name: &Name, code: u16) -> Result<Arc<Message>, WalkEnd> {
        if let Some(message) = self.messages.get(&(name.clone(), code)) {
            return Ok(message.clone());
        }
        let mut why = String::new();
        for _ in 0..self.ask.attempts {
            let mut exchange = self.query(name, code, self.over_tcp()).await?;
            if exchange.reply.as_ref().is_some_and(|reply| reply.truncated()) && !self.over_tcp() {
                exchange = self.query(name, code, true).await?;
            }
            if let Some(reply) = &exchange.reply {
                self.keep(name, code, &reply.bytes);
                let message = self.messages.get(&(name.clone(), code)).cloned();
                return message.ok_or_else(|| no_answer(format!("what {} answers cannot be read", self.server())));
            }
            why = self.silence(name, code, &exchange);
            if exchange.outcome != "timeout" {
                break;
            }
        }
        Err(no_answer(why))
    }

    fn silence(&self, name: &Name, code: u16, exchange: &Exchange) -> String {
        let details = some(&exchange.evidence().cloned().collect::<Vec<_>>(), 3);
        let details = if details.is_empty() { details } else { format!(" ({details})") };
        format!("{} asked for {}: {}{details}", self.server(), title(name, code), exchange.outcome)
    }

    fn over_tcp(&self) -> bool {
        matches!(self.ask.transport, Transport::Tcp)
    }

    /// One query, within the limits in number and time.
    async fn query(&mut self, name: &Name, code: u16, over_tcp: bool) -> Result<Exchange, WalkEnd> {
        let left = self.end.saturating_duration_since(Instant::now());
        if self.queries >= MAX_QUERIES {
            return Err(no_answer(format!("{MAX_QUERIES} questions did not lead from the anchor to the name")));
        }
        if left.is_zero() {
            let title = title(name, code);
            return Err(no_answer(format!("no time is left for {title}: {} answers too slowly", self.server())));
        }
        let Some(asked) = for_exchange(name) else {
            return Err(no_answer(format!("{} cannot be asked for", title(name, code))));
        };
        self.queries += 1;
        let question = self.ask.question.about(asked, code);
        let seed = self.seed.wrapping_add(self.queries.cast_unsigned());
        let patience = self.ask.target.timeout.min(left);
        let exchange = self.ask.query(self.address, &question, over_tcp, patience, seed).await?;
        self.discarded += exchange.discarded;
        Ok(exchange)
    }
}

fn no_answer(why: String) -> WalkEnd {
    indeterminate(Reason::NoAnswer, why)
}
