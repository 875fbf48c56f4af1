//! The response of one server to one question, reduced to what is compared and reported.

use std::collections::BTreeSet;

use hickory_proto::rr::Name;
use tokio::time::Instant;

use super::querier::QueryResult;
use super::records::{self, MAX_TEXT, Soa};
use crate::net::clock::MeasuredTime;
use crate::proto::dns::message::Reply;
use crate::proto::dns::question::Question;
use crate::proto::dns::rcode;

/// The result of one question, without the bulk.
pub(super) struct ResponseSummary {
    /// A word of fact `outcome`, or `unasked`.
    pub(super) outcome: &'static str,
    /// Response code, when there is an answer.
    pub(super) rcode: Option<u16>,
    pub(super) flags: Vec<String>,
    pub(super) size: usize,
    pub(super) rtt: Option<MeasuredTime>,
    pub(super) at: Instant,
    /// Data of the records of the type asked for, about the name or the end of its aliases; nothing when there is too
    /// much of it to keep.
    pub(super) answers: Option<Vec<String>>,
    /// Code, AA and records: all that must be the same everywhere.
    pub(super) fingerprint: String,
    pub(super) ttls: BTreeSet<u32>,
    pub(super) soa: Option<Soa>,
    /// SOA records of the zone in the answer; a zone has one.
    pub(super) soa_count: usize,
    pub(super) nsid: Option<String>,
}

impl ResponseSummary {
    /// Reduces the result of a question, whose aliases end at `end`. With `ttl`, TTLs must be the same everywhere.
    pub(super) fn of(result: &QueryResult, question: &Question, end: &Name, ttl: bool) -> Self {
        let (reply, name) = (result.reply.as_deref(), &question.name);
        let answers = reply.map(|reply| records::data_of(&reply.answers, question, end));
        let total: usize = answers.iter().flatten().map(String::len).sum();
        Self {
            outcome: result.outcome,
            rcode: reply.map(|reply| reply.rcode),
            flags: reply.map(Reply::flags).unwrap_or_default(),
            size: result.size,
            rtt: result.rtt,
            at: result.at,
            answers: answers.filter(|_| total <= MAX_TEXT),
            fingerprint: reply.map(|reply| records::fingerprint(reply, ttl)).unwrap_or_default(),
            ttls: reply.iter().flat_map(|reply| &reply.answers).map(|record| record.ttl).collect(),
            soa: reply.and_then(|reply| records::soa(&reply.answers, name)),
            soa_count: reply.map_or(0, |reply| records::soa_count(&reply.answers, name)),
            nsid: reply.and_then(|reply| reply.edns.as_ref()).and_then(|edns| edns.nsid.clone()),
        }
    }

    pub(super) fn answered(&self) -> bool {
        self.outcome == "answered"
    }

    /// It answered, and nothing is missing from the answer.
    pub(super) fn whole(&self) -> bool {
        self.answered() && !self.has("tc")
    }

    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|word| word == flag)
    }

    /// The code by its name.
    pub(super) fn code(&self) -> Option<String> {
        self.rcode.map(rcode::text)
    }
}
