//! One question to one server over UDP, again and again: a long-lived prober.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockAddr;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Dns;
use super::query::DnsQuery;
use crate::checks::shared::prober::{InTime, dropped, extended, reported, unsent};
use crate::model::{Fault, Observation};
use crate::net::datagram::{Heard, HeardDatagram, Polled, udp};
use crate::net::dial::local_fault;
use crate::net::open_loop::nanos;
use crate::probe::{Cx, EarlyEnd, Probe as _, ProbeFailure, Prober, Reply, Seen, StreamSpec};
use crate::proto::dns::exchange::{Exchange, LARGEST};
use crate::proto::dns::message::{self, Received};

/// A prober of one server. The id of a query is the lower half of its number, turned by what nobody off the path can guess: an answer
/// belongs to the newest of the last 65,536 that has it.
pub(super) struct QueryProber {
    polled: Polled,
    packet: Vec<u8>,
    answers: Answers,
}

/// Tells answers apart.
struct Answers {
    query: Arc<DnsQuery>,
    server: SocketAddr,
    to: SockAddr,
    /// The id of the query number 0.
    first_id: u16,
    seed: u64,
    newest: u64,
    in_time: InTime,
}

impl QueryProber {
    /// Opens one; `None` for what only a round can do: another transport, several attempts, a comparison, and a name of a server that
    /// is not resolved.
    pub(super) async fn open(query: &Arc<DnsQuery>, spec: &StreamSpec) -> Result<Option<Self>, Fault> {
        if !query.is_one_datagram() {
            return Ok(None);
        }
        let address = match query.target.address().await {
            Ok(address) => address,
            Err(EarlyEnd::Outcome { .. }) => return Ok(None),
            Err(EarlyEnd::Fault(fault)) => return Err(fault),
        };
        let server = query.target.socket(address);
        let (first_id, packet) = query.question.encode(spec.seed)?;
        let socket = udp::on_own_port(server, query.target.origin)?;
        let polled = Polled::new(socket, spec.clock, LARGEST);
        let polled = polled.map_err(|error| local_fault(&error, "watch UDP socket", server))?;
        let answers = Answers {
            query: Arc::clone(query),
            server,
            to: server.into(),
            first_id,
            seed: spec.seed,
            newest: 0,
            in_time: InTime::new(nanos(spec.timeout)),
        };
        Ok(Some(Self { polled, packet, answers }))
    }
}

impl Prober for QueryProber {
    fn send(&mut self, number: u64, replies: &mut Vec<Reply>) {
        let answers = &mut self.answers;
        answers.newest = number;
        if let Some(place) = self.packet.first_chunk_mut() {
            *place = answers.id(number).to_be_bytes();
        }
        match self.polled.send(&self.packet, &answers.to) {
            Ok(()) => answers.in_time.sent(number, self.polled.now()),
            Err(error) => {
                let fault = || local_fault(&error, "send DNS query", answers.server);
                replies.push(unsent(number, self.polled.now(), &error, fault));
            }
        }
    }

    fn receive(&mut self, replies: &mut Vec<Reply>) {
        let Self { polled, answers, .. } = self;
        let now = polled.now();
        polled.hear(|heard| {
            let reply = answers.reply(heard, now);
            if let Some(reply) = &reply {
                answers.in_time.ended(reply.number);
            }
            replies.extend(reply);
        });
    }

    fn wait(&mut self, length: Duration) {
        self.polled.wait(length);
    }
}

impl Answers {
    /// The id of a query.
    fn id(&self, number: u64) -> u16 {
        let [.., high, low] = number.to_be_bytes();
        u16::from_be_bytes([high, low]) ^ self.first_id
    }

    /// The id of the message and the query it stands for.
    fn number(&self, message: &[u8]) -> Option<(u16, u64)> {
        let id = u16::from_be_bytes(*message.first_chunk()?);
        Some((id, extended(self.newest, (id ^ self.first_id).into(), u16::BITS)?))
    }

    fn reply(&mut self, heard: Heard<'_>, now: u64) -> Option<Reply> {
        let server = self.server;
        let (number, received, seen) = match heard {
            Heard::Datagram(datagram) => self.datagram(&datagram)?,
            Heard::Report(report, quoted, at) => {
                let title = format_args!("UDP {server}");
                let seen = reported(&report, server.ip(), title, self.query.target.origin)?;
                let quoted = self.number(quoted).map(|(_, number)| number);
                (quoted.or_else(|| self.in_time.end_oldest(now))?, at, seen)
            }
            Heard::Dropped(count) => (self.newest, now, Seen::Fault(dropped(count, "receive DNS messages", server))),
            Heard::Failed(error) => {
                (self.newest, now, Seen::Fault(local_fault(&error, "exchange DNS messages", server)))
            }
        };
        Some(Reply { number, sent: None, received, seen })
    }

    fn datagram(&self, datagram: &HeardDatagram<'_>) -> Option<(u64, u64, Seen)> {
        let sender = datagram.sender?;
        let (id, number) = self.number(datagram.bytes)?;
        if !udp::same_endpoint(sender, self.server) {
            let read = message::read(datagram.bytes, id, &self.query.question);
            let why = format!("{sender} answered in place of {} (UDP), which clients ignore", self.server);
            let seen = Seen::Failure(ProbeFailure::Unexpected, why);
            return matches!(read, Received::Reply(_)).then_some((number, datagram.at, seen));
        }
        let mut exchange = Exchange::new();
        // A stray is discarded: the answer may still come.
        exchange.read(datagram.bytes, sender, id, &self.query.question).then_some(())?;
        let mut observation = Observation::default();
        let mut cx = Cx::new(&mut observation, Dns::FACTS, Instant::now(), self.seed, CancellationToken::new());
        self.query.record(&mut cx, exchange);
        Some((number, datagram.at, Seen::Observed(Box::new(observation))))
    }
}

#[cfg(test)]
mod tests;
