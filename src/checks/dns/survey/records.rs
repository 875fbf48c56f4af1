//! The records of a reply, reduced to what is compared and reported.

use std::collections::BTreeSet;

use hickory_proto::rr::Name;
use sha2::{Digest as _, Sha256};

use super::names;
use crate::model::count::counted;
use crate::net::bytes::hex;
use crate::proto::dns::message::{Reply, ResourceRecord};
use crate::proto::dns::question::Question;
use crate::proto::dns::{alias, presentation, rcode, types};

/// Text of records kept of one answer; of more, a digest is kept, which still tells whether two are alike.
pub(super) const MAX_TEXT: usize = 64 << 10;

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
    fn of(record: &ResourceRecord) -> Option<Self> {
        let words: Vec<&str> = record.data.split(' ').collect();
        let [mname, rname, serial, refresh, retry, expire, minimum] = words.as_slice() else { return None };
        Some(Self {
            mname: mname.to_ascii_lowercase(),
            rname: rname.to_ascii_lowercase(),
            serial: serial.parse().ok()?,
            refresh: refresh.parse().ok()?,
            retry: retry.parse().ok()?,
            expire: expire.parse().ok()?,
            minimum: minimum.parse().ok()?,
            ttl: record.ttl,
        })
    }

    /// RFC 2308 section 5.
    pub(super) fn negative_ttl(&self) -> u32 {
        self.ttl.min(self.minimum)
    }
}

/// Data of the sound records of the type and the class of `question` that its name, or the `end` of its aliases, owns.
pub(super) fn data_of(records: &[ResourceRecord], question: &Question, end: &Name) -> Vec<String> {
    let (code, class) = (question.code, u16::from(question.class));
    records
        .iter()
        .filter(|record| record.sound && record.class == class && (record.code == code || code == types::ANY))
        .filter(|record| record.owner.eq_ignore_root(&question.name) || record.owner.eq_ignore_root(end))
        .filter(|record| !alias::hides(records, record))
        .map(|record| record.data.clone())
        .collect()
}

/// The SOA `zone` owns.
pub(super) fn soa(records: &[ResourceRecord], zone: &Name) -> Option<Soa> {
    records.iter().find(|record| record.code == types::SOA && record.owner.eq_ignore_root(zone)).and_then(Soa::of)
}

/// SOA records `zone` owns.
pub(super) fn soa_count(records: &[ResourceRecord], zone: &Name) -> usize {
    records.iter().filter(|record| record.code == types::SOA && record.owner.eq_ignore_root(zone)).count()
}

/// Names of the servers `zone` owns NS records for, in lower case.
pub(super) fn ns_names(records: &[ResourceRecord], zone: &Name) -> BTreeSet<String> {
    records
        .iter()
        .filter(|record| record.code == types::NS && record.sound && record.owner.eq_ignore_root(zone))
        .map(|record| record.data.to_ascii_lowercase())
        .collect()
}

/// Code, AA and the records of the answer, in an order and a case that say nothing. Signatures are left out: servers that
/// sign by themselves make different ones of the same records.
pub(super) fn fingerprint(reply: &Reply, ttl: bool) -> String {
    let aa = if reply.has("aa") { " aa" } else { "" };
    let answers = reply.answers.iter().filter(|record| record.code != types::RRSIG);
    let mut records: Vec<String> = answers.map(|record| canonical(record, ttl)).collect();
    records.sort_unstable();
    records.dedup();
    let records = records.join("; ");
    let head = format!("{}{aa}", rcode::text(reply.rcode));
    if records.len() <= MAX_TEXT {
        return format!("{head} {records}").trim_end().to_owned();
    }
    format!("{head} {}, SHA-256 {}", counted(reply.answers.len(), "record"), hex(&Sha256::digest(records.as_bytes())))
}

fn canonical(record: &ResourceRecord, ttl: bool) -> String {
    let owner = names::text(&record.owner);
    let ttl = if ttl { format!("{} ", record.ttl) } else { String::new() };
    // Names are the same in any case; texts and keys are not.
    let kind = types::mnemonic(record.code);
    let data = presentation::data_key(Some(&kind), &record.data);
    format!("{owner} {ttl}{kind} {data}")
}
