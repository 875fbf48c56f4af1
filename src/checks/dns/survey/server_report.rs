//! Everything that is known of one server once it was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::chain::Chain;
use super::consensus::all;
use super::querier::QueryLog;
use super::records::Soa;
use super::response_summary::ResponseSummary;
use super::rules::ZoneKeys;
use crate::proto::dns::rcode;

/// A server to ask.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DnsServer {
    /// `ns1.example./192.0.2.53`, or the address alone.
    pub(super) label: String,
    /// Its name, if it is known by one.
    pub(super) name: Option<String>,
    /// Where to ask it; nothing when no address was found.
    pub(super) address: Option<SocketAddr>,
}

/// Addresses a server of the zone gives for the name of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ServerAddresses {
    pub(super) found: BTreeSet<IpAddr>,
    pub(super) alias: bool,
    /// Its IPv4 addresses are known.
    pub(super) v4_known: bool,
    /// Its IPv6 addresses are known.
    pub(super) v6_known: bool,
}

impl ServerAddresses {
    /// Whether these are the addresses of `glue`: a family that is known to differ decides, one that is unknown leaves it open.
    pub(super) fn agree(&self, glue: &BTreeSet<IpAddr>) -> Option<bool> {
        let same = |v4: bool| {
            let of = |all: &BTreeSet<IpAddr>| -> BTreeSet<IpAddr> {
                all.iter().copied().filter(|address| address.is_ipv4() == v4).collect()
            };
            of(&self.found) == of(glue)
        };
        let known = [(self.v4_known, true), (self.v6_known, false)];
        all(known.map(|(known, v4)| known.then(|| same(v4))))
    }
}

/// Everything one server answered.
pub(super) struct ServerReport {
    pub(super) server: DnsServer,
    /// Of the zone.
    pub(super) apex: Option<ResponseSummary>,
    /// Names of its servers, by its own NS records.
    pub(super) ns: Option<(ResponseSummary, BTreeSet<String>)>,
    /// The question of the check.
    pub(super) asked: Option<ResponseSummary>,
    pub(super) chain: Option<Chain>,
    /// Whether the aliases lead nowhere; nothing when that cannot be seen here.
    pub(super) dangling: Option<bool>,
    /// Addresses of servers named inside the zone, by name.
    pub(super) addresses: BTreeMap<String, ServerAddresses>,
    /// Its keys beside the parent's DS; nothing when there is no DS to hold them against, or it has no zone.
    pub(super) keys: Option<ZoneKeys>,
    /// Names of servers whose addresses were not asked for, because there are too many.
    pub(super) unasked_names: usize,
    pub(super) findings: Findings,
    pub(super) log: QueryLog,
}

impl ServerReport {
    pub(super) fn new(server: DnsServer) -> Self {
        Self {
            server,
            apex: None,
            ns: None,
            asked: None,
            chain: None,
            dangling: None,
            addresses: BTreeMap::new(),
            keys: None,
            unasked_names: 0,
            findings: Findings::default(),
            log: QueryLog::default(),
        }
    }

    pub(super) fn label(&self) -> &str {
        &self.server.label
    }

    /// Its answers to the questions of every survey.
    pub(super) fn summaries(&self) -> impl Iterator<Item = &ResponseSummary> {
        self.apex.iter().chain(self.ns.iter().map(|(summary, _)| summary)).chain(&self.asked)
    }

    /// Its answer to the question of the check, or else about the zone.
    pub(super) fn main_summary(&self) -> Option<&ResponseSummary> {
        self.asked.as_ref().or(self.apex.as_ref())
    }

    /// It answered all of them.
    pub(super) fn answered(&self) -> bool {
        self.server.address.is_some()
            && self.summaries().next().is_some()
            && self.summaries().all(ResponseSummary::answered)
    }

    /// How many of its answers have records.
    pub(super) fn content(&self) -> usize {
        let full = |summary: &&ResponseSummary| summary.answers.as_ref().is_none_or(|answers| !answers.is_empty());
        self.summaries().filter(|summary| summary.answered()).filter(full).count()
    }

    /// Whether it lacks the zone; nothing when that was not asked, or the answer is cut.
    pub(super) fn lame(&self) -> Option<bool> {
        let open = self.apex.as_ref().is_some_and(|apex| apex.outcome == "unasked" || apex.has("tc"));
        if self.serves() { Some(false) } else { (!open).then_some(true) }
    }

    /// It answered all of them, and nothing is missing from the answers.
    pub(super) fn whole(&self) -> bool {
        self.answered() && self.summaries().all(ResponseSummary::whole)
    }

    /// The word of fact `outcome`: of the first question that went without an answer, if one did.
    pub(super) fn outcome(&self) -> &'static str {
        if self.server.address.is_none() {
            return "unresolved";
        }
        self.summaries().map(|summary| summary.outcome).find(|outcome| *outcome != "answered").unwrap_or("answered")
    }

    /// Its SOA, of the zone or of the question.
    pub(super) fn soa(&self) -> Option<&Soa> {
        self.apex.as_ref().or(self.asked.as_ref()).and_then(|summary| summary.soa.as_ref())
    }

    /// It has the zone: an answer with AA and the SOA.
    pub(super) fn serves(&self) -> bool {
        self.apex
            .as_ref()
            .is_some_and(|summary| summary.rcode == Some(rcode::NOERROR) && summary.has("aa") && summary.soa.is_some())
    }
}

/// Findings of the probes about one server; what could not be seen is not there.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) tcp: Option<bool>,
    pub(super) tcp_same: Option<bool>,
    pub(super) edns: Option<bool>,
    pub(super) edns_version: Option<bool>,
    pub(super) edns_option: Option<bool>,
    pub(super) edns_flag: Option<bool>,
    pub(super) opcode: Option<bool>,
    /// The reserved bit of the header.
    pub(super) reserved: Option<bool>,
    pub(super) authentic: Option<bool>,
    pub(super) unchecked: Option<bool>,
    pub(super) signed: SignedFindings,
    /// At 512 and at 1232 bytes.
    pub(super) truncation: [Option<&'static str>; 2],
    pub(super) transfer: Option<Transfer>,
    pub(super) open_recursion: Option<bool>,
    pub(super) upward_referral: Option<bool>,
    pub(super) case: Option<bool>,
    pub(super) caseless: Option<bool>,
    /// Text of version.bind; empty when there is none.
    pub(super) version: Option<String>,
    pub(super) nxdomain: Option<&'static str>,
    pub(super) nodata: Option<&'static str>,
    pub(super) empty_non_terminal: Option<&'static str>,
    /// There may be such a name, and it was not seen.
    pub(super) empty_unseen: bool,
    pub(super) wildcard: Option<bool>,
    /// Denials carry the SOA; nothing when there was no denial.
    pub(super) negative_soa: Option<bool>,
}

/// Findings of probe dnssec.
#[derive(Default)]
pub(super) struct SignedFindings {
    /// It has DNSKEY records.
    pub(super) keys: Option<bool>,
    /// A set has no signature that holds.
    pub(super) unsound: bool,
    /// Sets that did not come, or whose signatures cannot be checked here.
    pub(super) unseen: Vec<String>,
    /// A set lacks a signature by an algorithm that has a key.
    pub(super) algorithm_missing: bool,
    /// Absence is claimed and not proven.
    pub(super) denial_unproven: Option<bool>,
    /// Why that is not known, where there was an answer.
    pub(super) denial_open: Option<String>,
}

/// The outcome of a zone transfer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Transfer {
    pub(super) word: &'static str,
    pub(super) records: i64,
    pub(super) why: String,
}
