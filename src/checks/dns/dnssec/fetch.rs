//! Questions of the walk: each asked once, counted, over TCP when the answer does not fit.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::rr::Name as TheirName;
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder};
use tokio::time::Instant;

use super::super::ask::Ask;
use super::super::transport::Transport;
use super::title;
use crate::model::Fault;
use crate::net::dial;
use crate::proto::dns::exchange::Exchange;
use crate::proto::dnssec::{Name, Sections, read};

/// Questions of one walk. Ten labels with a chain of three aliases need about half.
const MOST: i64 = 64;

/// An answer that was read.
pub(super) struct Got {
    pub(super) bytes: Vec<u8>,
    pub(super) sections: Sections,
}

/// Asks the server of a check, and remembers.
pub(super) struct Fetch<'a> {
    ask: &'a Ask,
    address: IpAddr,
    seed: u64,
    end: Instant,
    /// Queries sent beside the ordinary ones.
    pub(super) queries: i64,
    /// Messages that were no answer to them.
    pub(super) discarded: i64,
    seen: HashMap<(Name, u16), Arc<Got>>,
}

impl<'a> Fetch<'a> {
    /// Asks `ask`'s server at `address`, until `end`.
    pub(super) fn new(ask: &'a Ask, address: IpAddr, seed: u64, end: Instant) -> Self {
        Self { ask, address, seed, end, queries: 0, discarded: 0, seen: HashMap::new() }
    }

    /// The server, for people.
    pub(super) fn server(&self) -> String {
        dial::endpoint(&self.address.to_string(), self.ask.target.port)
    }

    /// Remembers an answer that is here already, unless it was cut short.
    pub(super) fn keep(&mut self, name: &Name, code: u16, bytes: &[u8]) {
        let truncated = bytes.get(2).is_some_and(|flags| flags & 2 != 0);
        if let Some(sections) = read(bytes).filter(|_| !truncated) {
            self.seen.insert((name.clone(), code), Arc::new(Got { bytes: bytes.to_vec(), sections }));
        }
    }

    /// What was remembered.
    pub(super) fn known(&self) -> impl Iterator<Item = (&(Name, u16), &Arc<Got>)> {
        self.seen.iter()
    }

    /// The answer to a question; the inner `Err` says why there is none.
    pub(super) async fn get(&mut self, name: &Name, code: u16) -> Result<Result<Arc<Got>, String>, Fault> {
        if let Some(got) = self.seen.get(&(name.clone(), code)) {
            return Ok(Ok(got.clone()));
        }
        let mut why = String::new();
        for _ in 0..self.ask.attempts {
            let seen = match self.put(name, code, self.stream()).await? {
                Ok(seen) => seen,
                Err(why) => return Ok(Err(why)),
            };
            let truncated = seen.reply.as_ref().is_some_and(|reply| reply.truncated());
            let seen = if truncated && !self.stream() {
                match self.put(name, code, true).await? {
                    Ok(seen) => seen,
                    Err(why) => return Ok(Err(why)),
                }
            } else {
                seen
            };
            if let Some(reply) = &seen.reply {
                self.keep(name, code, &reply.bytes);
                let got = self.seen.get(&(name.clone(), code)).cloned();
                return Ok(got.ok_or_else(|| format!("what {} answers cannot be read", self.server())));
            }
            why = self.silence(name, code, &seen);
            if seen.outcome != "timeout" {
                break;
            }
        }
        Ok(Err(why))
    }

    fn silence(&self, name: &Name, code: u16, seen: &Exchange) -> String {
        let details: Vec<&str> = seen.notes.iter().take(3).map(String::as_str).collect();
        let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join("; ")) };
        format!("{} asked for {}: {}{details}", self.server(), title(name, code), seen.outcome)
    }

    fn stream(&self) -> bool {
        matches!(self.ask.transport, Transport::Tcp)
    }

    async fn put(&mut self, name: &Name, code: u16, stream: bool) -> Result<Result<Exchange, String>, Fault> {
        let left = self.end.saturating_duration_since(Instant::now());
        if self.queries >= MOST {
            return Ok(Err(format!("{MOST} questions did not lead from the anchor to the name")));
        }
        if left.is_zero() {
            return Ok(Err(format!("no time is left for {}: {} answers too slowly", title(name, code), self.server())));
        }
        let Some(theirs) = theirs(name) else { return Ok(Err(format!("{} cannot be asked for", title(name, code)))) };
        self.queries += 1;
        let question = self.ask.question.about(theirs, code);
        let seed = self.seed.wrapping_add(self.queries.cast_unsigned());
        let seen = self.ask.query(self.address, &question, stream, self.ask.target.timeout.min(left), seed).await?;
        self.discarded += seen.discarded;
        Ok(Ok(seen))
    }
}

/// A name of the validator as one of the exchange.
pub(super) fn theirs(name: &Name) -> Option<TheirName> {
    TheirName::read(&mut BinDecoder::new(name.as_slice())).ok()
}

/// A name of the exchange as one of the validator, in lower case.
pub(super) fn ours(name: &TheirName) -> Option<Name> {
    let mut wire = Vec::new();
    for label in name {
        wire.push(u8::try_from(label.len()).ok()?);
        wire.extend(label.to_ascii_lowercase());
    }
    wire.push(0);
    Name::from_octets(wire).ok()
}
