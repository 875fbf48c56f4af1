//! What one server said to one question, reduced to what is compared and reported.

use std::collections::BTreeSet;
use std::time::Duration;

use hickory_proto::rr::Name;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::asker::Heard;
use crate::checks::dns::question;
use crate::net::bytes::hex;
use crate::proto::dns::message::{Line, Reply};
use crate::proto::dns::types::{self, Part};
use crate::proto::dns::{rcode, rdata};

/// Text of records kept of one answer; of more, a digest is kept, which still tells whether two are alike.
const TEXT: usize = 64 << 10;

/// The SOA of the zone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Soa {
    pub(super) mname: String,
    pub(super) rname: String,
    pub(super) serial: u32,
    pub(super) refresh: u32,
    pub(super) retry: u32,
    pub(super) expire: u32,
    pub(super) minimum: u32,
    pub(super) ttl: u32,
}

impl Soa {
    /// From its record; a SOA has seven words, none of which holds a space.
    fn of(line: &Line) -> Option<Self> {
        let words: Vec<&str> = line.data.split(' ').collect();
        let [mname, rname, serial, refresh, retry, expire, minimum] = words.as_slice() else { return None };
        Some(Self {
            mname: mname.to_ascii_lowercase(),
            rname: rname.to_ascii_lowercase(),
            serial: serial.parse().ok()?,
            refresh: refresh.parse().ok()?,
            retry: retry.parse().ok()?,
            expire: expire.parse().ok()?,
            minimum: minimum.parse().ok()?,
            ttl: line.ttl,
        })
    }

    /// RFC 2308 section 5.
    pub(super) fn negative_ttl(&self) -> u32 {
        self.ttl.min(self.minimum)
    }
}

/// What came of one question, without the bulk.
pub(super) struct Said {
    /// A word of fact `outcome`, or `unasked`.
    pub(super) outcome: &'static str,
    /// Response code, when there is an answer.
    pub(super) rcode: Option<u16>,
    pub(super) flags: Vec<String>,
    pub(super) size: usize,
    pub(super) rtt: Option<Duration>,
    pub(super) at: Instant,
    /// Data of the records of the type asked for, about the name or the end of its aliases; nothing when there is too
    /// much of it to keep.
    pub(super) answers: Option<Vec<String>>,
    /// Everything that must be the same everywhere.
    pub(super) same: String,
    pub(super) ttls: BTreeSet<u32>,
    pub(super) soa: Option<Soa>,
    pub(super) nsid: Option<String>,
}

impl Said {
    /// Reduces what was heard about `name`, whose aliases end at `end`. With `ttl`, TTLs must be the same everywhere.
    pub(super) fn of(heard: &Heard, name: &Name, end: &Name, code: u16, ttl: bool) -> Self {
        let reply = heard.reply.as_deref();
        let answers = reply.map(|reply| picked(&reply.answers, name, end, code));
        let total: usize = answers.iter().flatten().map(String::len).sum();
        Self {
            outcome: heard.outcome,
            rcode: reply.map(|reply| reply.rcode),
            flags: reply.map(Reply::flags).unwrap_or_default(),
            size: heard.size,
            rtt: heard.rtt,
            at: heard.at,
            answers: answers.filter(|_| total <= TEXT),
            same: reply.map(|reply| fingerprint(reply, ttl)).unwrap_or_default(),
            ttls: reply.iter().flat_map(|reply| &reply.answers).map(|line| line.ttl).collect(),
            soa: reply.and_then(|reply| soa(&reply.answers, name)),
            nsid: reply.and_then(|reply| reply.edns.as_ref()).and_then(|edns| edns.nsid.clone()),
        }
    }

    pub(super) fn answered(&self) -> bool {
        self.outcome == "answered"
    }

    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|word| word == flag)
    }

    /// The code by its name.
    pub(super) fn code(&self) -> Option<String> {
        self.rcode.map(code)
    }
}

/// A response code by its name.
pub(super) fn code(number: u16) -> String {
    rcode::text(number)
}

/// Data of the sound records of type `code` that `name`, or the `end` of its aliases, owns.
pub(super) fn picked(lines: &[Line], name: &Name, end: &Name, code: u16) -> Vec<String> {
    lines
        .iter()
        .filter(|line| line.sound && line.class == types::CLASS_IN && (line.code == code || code == types::ANY))
        .filter(|line| line.owner.eq_ignore_root(name) || line.owner.eq_ignore_root(end))
        .map(|line| line.data.clone())
        .collect()
}

/// The SOA `zone` owns.
pub(super) fn soa(lines: &[Line], zone: &Name) -> Option<Soa> {
    lines.iter().find(|line| line.code == types::SOA && line.owner.eq_ignore_root(zone)).and_then(Soa::of)
}

/// Names of the servers `zone` owns NS records for, in lower case.
pub(super) fn servers(lines: &[Line], zone: &Name) -> BTreeSet<String> {
    lines
        .iter()
        .filter(|line| line.code == types::NS && line.sound && line.owner.eq_ignore_root(zone))
        .map(|line| line.data.to_ascii_lowercase())
        .collect()
}

/// A name as it is written in lists and compared.
pub(super) fn text(name: &Name) -> String {
    rdata::name(name).to_ascii_lowercase()
}

/// The name of such a text.
pub(super) fn name(text: &str) -> Option<Name> {
    question::name(text, types::NS).ok()
}

/// Code, AA and the records of the answer, in an order and a case that say nothing. Signatures are left out: servers that
/// sign by themselves make different ones of the same records.
pub(super) fn fingerprint(reply: &Reply, ttl: bool) -> String {
    let aa = if reply.has("aa") { " aa" } else { "" };
    let lines = reply.answers.iter().filter(|line| line.code != types::RRSIG);
    let mut records: Vec<String> = lines.map(|line| record(line, ttl)).collect();
    records.sort_unstable();
    records.dedup();
    let records = records.join("; ");
    let head = format!("{}{aa}", code(reply.rcode));
    if records.len() <= TEXT {
        return format!("{head} {records}").trim_end().to_owned();
    }
    format!("{head} {} records, SHA-256 {}", reply.answers.len(), hex(&Sha256::digest(records.as_bytes())))
}

fn record(line: &Line, ttl: bool) -> String {
    let owner = text(&line.owner);
    let ttl = if ttl { format!("{} ", line.ttl) } else { String::new() };
    let form = types::of(line.code).map_or(&[][..], |row| row.form);
    let literal = |part: &Part| matches!(part, Part::Quoted | Part::Texts | Part::Rest | Part::Text | Part::Base64);
    // Names are the same in any case; texts and keys are not.
    let data = if form.contains(&Part::Name) && !form.iter().any(literal) {
        line.data.to_ascii_lowercase()
    } else {
        line.data.clone()
    };
    format!("{owner} {ttl}{} {data}", types::mnemonic(line.code))
}
