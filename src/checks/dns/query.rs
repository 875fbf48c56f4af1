//! One question to one server: everything the reply says.

use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::rr::Name;

use super::facts::{
    ADDITIONAL, ADDRESS, ANSWERS, ATTEMPTS, AUTHORITY, CNAMES, CONNECT_TIME, DISCARDED, EDNS_ERRORS, EDNS_SIZE,
    EDNS_VERSION, FLAGS, NSID, ORDERED, OUTCOME, RECORDS, RTT, SIZE, TEXTS, TRUNCATED, TTL, record_rcode, record_texts,
};
use super::targets::{self, TARGETS};
use super::transport::{self, Transport, UdpComparison};
use super::{fields, mail, question, server};
use crate::checks::shared::target::Target;
use crate::model::{Args, FactInfo, Fault, Invalid};
use crate::probe::{Cx, EarlyEnd};
use crate::proto::dns::exchange::{self, Exchange, Request};
use crate::proto::dns::message::{Reply, ResourceRecord};
use crate::proto::dns::question::Question;
use crate::proto::dns::{alias, rcode, rdata, types};

/// A server, a question, and how to ask it.
pub(super) struct DnsQuery {
    pub(super) target: Target,
    pub(super) attempts: u32,
    pub(super) transport: Transport,
    comparison: Option<UdpComparison>,
    pub(super) question: Question,
}

/// A round that found its server: whom it asked, and the bytes of the reply, if one came.
pub(super) struct QueryRound {
    pub(super) address: IpAddr,
    pub(super) reply: Option<Vec<u8>>,
}

impl DnsQuery {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        if !args.given(&fields::NAME) {
            return Err(
                fields::NAME.invalid("`dns` needs `name`", "write the name to ask for, such as name: www.example")
            );
        }
        let target = server::single(args, "a question", transport::default_port(args))?;
        let transport = Transport::from_args(args, &target)?;
        let comparison = UdpComparison::from_args(args, &target)?;
        let attempts = args.get(&fields::ATTEMPTS).unwrap_or(1);
        Ok(Self { target, attempts, transport, comparison, question: question::from_args(args)? })
    }

    /// The question and its server, for people.
    pub(super) fn label(&self) -> String {
        format!("{} @{}{}", self.question.title(), self.target.label(), self.transport.title())
    }

    /// The server's name, then every attempt, each with the whole patience, and what is asked to compare with.
    pub(super) fn longest(&self) -> Duration {
        let compared = self.comparison.as_ref().map(UdpComparison::longest);
        self.target.timeout * (self.attempts + 1) + compared.unwrap_or_default()
    }

    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match self.round(cx).await {
            Ok(_) => Ok(()),
            Err(end) => end.record(cx, &OUTCOME),
        }
    }

    /// Asks until there is something else than silence, and records what came.
    pub(super) async fn round(&self, cx: &mut Cx<'_>) -> Result<QueryRound, EarlyEnd> {
        let address = self.target.address().await?;
        cx.set(&ADDRESS, self.target.origin.label(address));
        let (mut discarded, mut reply) = (0, None);
        for attempt in 1..=self.attempts {
            // Set before the query leaves, so that a round cut short still says how many were sent.
            cx.set(&ATTEMPTS, i64::from(attempt));
            let request = self.request(address, &self.question, cx.seed());
            let exchange = self.transport.ask(cx, &request).await?;
            discarded += exchange.discarded;
            cx.set(&DISCARDED, discarded);
            if let (Some(comparison), Some(reply)) = (&self.comparison, &exchange.reply) {
                discarded += comparison.compare(cx, &request, reply).await?;
                cx.set(&DISCARDED, discarded);
            }
            let silent = exchange.outcome == "timeout";
            reply = exchange.reply.as_ref().map(|reply| reply.bytes.clone());
            self.record(cx, exchange);
            if !silent {
                break;
            }
        }
        Ok(QueryRound { address, reply })
    }

    fn request<'q>(&self, address: IpAddr, question: &'q Question, seed: u64) -> Request<'q> {
        let Target { origin, timeout, .. } = self.target;
        Request { server: self.target.socket(address), origin, patience: timeout, question, seed }
    }

    /// One attempt at another question, over UDP or TCP.
    pub(super) async fn query(
        &self,
        address: IpAddr,
        question: &Question,
        over_tcp: bool,
        patience: Duration,
        seed: u64,
    ) -> Result<Exchange, Fault> {
        let request = Request { patience, ..self.request(address, question, seed) };
        if over_tcp { exchange::tcp(&request).await } else { exchange::udp(&request).await }
    }

    /// Whether all of it is one datagram and its answer.
    pub(super) fn is_one_datagram(&self) -> bool {
        matches!(self.transport, Transport::Udp) && self.attempts == 1 && self.comparison.is_none()
    }

    /// Records what came of one attempt.
    pub(super) fn record(&self, cx: &mut Cx<'_>, exchange: Exchange) {
        match &exchange.ending {
            Some(ending) => cx.end(&OUTCOME, exchange.outcome, ending),
            None => cx.set(&OUTCOME, exchange.outcome),
        }
        for note in exchange.notes {
            cx.note(note);
        }
        if let Some(connect_time) = exchange.connect_time {
            cx.record_measured(&CONNECT_TIME, connect_time);
        }
        if let Some(rtt) = exchange.rtt {
            cx.record_measured(&RTT, rtt);
            cx.set(&SIZE, i64::try_from(exchange.size).unwrap_or(i64::MAX));
        }
        if let Some(reply) = exchange.reply {
            self.record_reply(cx, *reply);
        }
    }

    fn record_reply(&self, cx: &mut Cx<'_>, reply: Reply) {
        self.transport.record_reply(cx, &reply);
        record_rcode(cx, reply.rcode);
        cx.set(&FLAGS, reply.flags());
        cx.set(&TRUNCATED, reply.truncated());
        self.seen_in_part(cx, &reply);
        let truncated = reply.truncated();
        for record in &reply.answers {
            cx.record(&TTL, f64::from(record.ttl));
        }
        let (links, end) = chain(&reply.answers, &self.question);
        let end = end.clone();
        if links.len() == LINKS {
            let why = format!("only the first {LINKS} aliases are followed");
            cx.partial_all(&[ANSWERS.info, TEXTS.info, TARGETS.info, CNAMES.info], &why);
        }
        cx.set(&CNAMES, links);
        if let Some(ordered) = alias::ordered(&reply.answers, &self.question.name, self.question.code) {
            cx.set(&ORDERED, ordered);
        }
        let hidden =
            |record: &ResourceRecord| self.question.code != types::AXFR && alias::hides(&reply.answers, record);
        let mut answers = Vec::new();
        for record in &reply.answers {
            if hidden(record) {
                let why = "its owner has an alias, and nothing beside it counts (RFC 1034, 3.6.2)";
                cx.note(format!("not an answer to {}: {why}: {}", self.question.title(), record.text));
            } else if self.stray(record, &end) {
                cx.note(format!("not an answer to {}: {}", self.question.title(), record.text));
            } else if self.asked(record) {
                answers.push(record.data.clone());
            }
        }
        record_texts(cx, self.question.code, &answers);
        mail::record(cx, self.question.code, [Some(answers.as_slice()).filter(|_| !truncated)]);
        targets::record(cx, self.question.code, &answers);
        cx.set(&ANSWERS, answers);
        cx.set(&RECORDS, texts(reply.answers));
        cx.set(&AUTHORITY, texts(reply.authority));
        cx.set(&ADDITIONAL, texts(reply.additional));
        let Some(edns) = reply.edns else { return };
        cx.set(&EDNS_VERSION, i64::from(edns.version));
        cx.set(&EDNS_SIZE, i64::from(edns.size));
        cx.set(&EDNS_ERRORS, edns.errors);
        if let Some(nsid) = edns.nsid {
            cx.set(&NSID, nsid);
        }
    }

    /// Marks what a part of the answer cannot show.
    fn seen_in_part(&self, cx: &mut Cx<'_>, reply: &Reply) {
        const SECTIONS: &[FactInfo] = &[
            ANSWERS.info,
            TEXTS.info,
            TARGETS.info,
            RECORDS.info,
            CNAMES.info,
            ORDERED.info,
            AUTHORITY.info,
            ADDITIONAL.info,
            TTL.info,
        ];
        if reply.truncated() {
            cx.partial_all(SECTIONS, CUT);
        } else if self.question.code == types::AXFR && !whole_transfer(reply, &self.question) {
            cx.partial_all(SECTIONS, "only the first message of the transfer is read");
        }
    }

    /// A record of the type asked for; ANY and AXFR ask for all.
    fn asked(&self, record: &ResourceRecord) -> bool {
        matches!(self.question.code, types::ANY | types::AXFR) || record.code == self.question.code
    }

    /// A record that cannot answer the question: of another class, broken, or about a name that is neither the one asked
    /// for nor the end of its aliases.
    fn stray(&self, record: &ResourceRecord, end: &Name) -> bool {
        let about = record.owner.eq_ignore_root(&self.question.name) || record.owner.eq_ignore_root(end);
        let whole_zone = self.question.code == types::AXFR;
        record.class != u16::from(self.question.class) || !record.sound || (self.asked(record) && !about && !whole_zone)
    }
}

fn texts(records: Vec<ResourceRecord>) -> Vec<String> {
    records.into_iter().map(|record| record.text).collect()
}

/// Why a reply with TC does not show everything.
pub(super) const CUT: &str = "the reply is truncated (TC)";

/// A transfer that ends in its first message: it begins and ends with the SOA of the zone.
fn whole_transfer(reply: &Reply, question: &Question) -> bool {
    if reply.rcode != rcode::NOERROR {
        return true;
    }
    let soa = |record: &ResourceRecord| record.code == types::SOA && record.owner.eq_ignore_root(&question.name);
    reply.answers.len() > 1 && reply.answers.first().is_some_and(soa) && reply.answers.last().is_some_and(soa)
}

/// Aliases followed in one answer.
const LINKS: usize = 64;

/// Follows aliases from the name asked for, to the last name; a loop ends at its first repeat.
fn chain<'r>(answers: &'r [ResourceRecord], question: &'r Question) -> (Vec<String>, &'r Name) {
    let mut links = Vec::new();
    let mut at = &question.name;
    while let Some(target) =
        answers.iter().filter(|record| record.owner.eq_ignore_root(at)).find_map(|record| record.target.as_ref())
    {
        let text = rdata::name(target);
        if links.contains(&text) || links.len() == LINKS {
            break;
        }
        links.push(text);
        at = target;
    }
    (links, at)
}
