//! Every address behind a name: the result of each, and whether they agree.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::chain_analysis::{Ages, ChainAnalysis};
use super::enumeration::{CertificateAnswer, CertificateQuery};
use crate::checks::tls::connect::SetupResult;
use crate::checks::tls::facts::COMPLETED;
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Fact, Fault};
use crate::probe::Cx;
use crate::proto::dns::presentation::labels;
use crate::proto::tls::Handshake;
use crate::proto::tls::lint;

/// Groups of addresses in the evidence, and addresses of each.
const EVIDENCE_LINES: usize = 8;

facts! { pub(super) FACTS;
    const ADDRESSES: Fact<Vec<String>> = Fact::list("addresses", "Every address of the name.").form(Form::Address);
    const FAILED: Fact<Vec<String>> = Fact::list(
        "addresses.failed",
        "Addresses whose outcome is not `completed`, with that outcome, or whose certificate does not verify.",
    ).form(Form::Data(&labels::OUTCOMES));
    const AGREE: Fact<bool> = Fact::flag(
        "addresses.agree",
        "Whether every address shows the same leaf with the same result of verification; absent when one could not be asked.",
    )
    .on_breach("the addresses of the name differ: see the evidence for who shows what, and deploy to those left behind");
}

/// The result of checking one address.
#[derive(Debug)]
pub(crate) struct AddressResult {
    pub(crate) address: IpAddr,
    pub(crate) outcome: &'static str,
    /// The alert that ended it.
    pub(crate) alert: Option<String>,
    /// Evidence of an early end.
    pub(crate) evidence: Option<String>,
    pub(in crate::checks::tls) setup: SetupResult,
    pub(crate) handshake: Option<Handshake>,
    /// Why this program could not make a handshake where others can; the outcome then says nothing.
    pub(crate) unable: Option<Fault>,
    /// Absent when no certificate was shown.
    pub(crate) analysis: Option<ChainAnalysis>,
    /// Every certificate it can show, if that was asked.
    pub(crate) certificates: Vec<CertificateQuery>,
}

impl AddressResult {
    /// As far as its connection.
    pub(in crate::checks::tls) fn new(address: IpAddr, setup: SetupResult) -> Self {
        Self {
            address,
            outcome: COMPLETED,
            alert: None,
            evidence: None,
            setup,
            handshake: None,
            unable: None,
            analysis: None,
            certificates: Vec::new(),
        }
    }

    /// This program could not make a handshake, others may.
    pub(in crate::checks::tls) fn unable(&mut self, fault: Fault) {
        self.outcome = "unable";
        self.evidence = Some(fault.to_string());
        self.unable = Some(fault);
    }

    /// Of every chain it showed.
    pub(in crate::checks::tls) fn analyses(&self) -> impl Iterator<Item = &ChainAnalysis> {
        let others = self.certificates.iter().filter_map(|query| match &query.answer {
            CertificateAnswer::Shown(shown) => Some(&shown.analysis),
            CertificateAnswer::Refused | CertificateAnswer::Unknown(_) => None,
        });
        self.analysis.iter().chain(others)
    }

    fn verified(&self) -> Option<bool> {
        self.handshake.as_ref().and_then(Handshake::verified)
    }

    /// Worse is less: no handshake, then no trust, then the first to expire.
    fn rank(&self) -> (bool, bool, f64) {
        let age = self.analysis.as_ref().and_then(|analysis| analysis.ages.chain);
        (self.outcome == COMPLETED, self.verified() == Some(true), age.map_or(f64::NEG_INFINITY, |age| age.expires_in))
    }

    /// Who it showed itself to be: fingerprint of the leaf and verdict.
    fn identity(&self) -> Option<(String, Option<bool>)> {
        let fingerprint = self.analysis.as_ref()?.leaf().map(|leaf| leaf.fingerprint.clone());
        Some((fingerprint.unwrap_or_else(|| "unreadable".to_owned()), self.verified()))
    }
}

/// The place of the worst result: the one a check reports, so that a bad address shows.
pub(crate) fn worst(results: &[AddressResult]) -> Option<usize> {
    let order = |a: &AddressResult, b: &AddressResult| {
        let (a, b) = (a.rank(), b.rank());
        (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2))
    };
    results.iter().enumerate().min_by(|(_, a), (_, b)| order(a, b)).map(|(at, _)| at)
}

/// The ages of all addresses together, and the words of lint of any of them.
pub(crate) fn combined(results: &[AddressResult]) -> (Ages, Vec<String>) {
    let ages: Vec<Ages> = results
        .iter()
        .map(|result| result.analysis.as_ref().map(|analysis| analysis.ages).unwrap_or_default())
        .collect();
    let found: Vec<lint::Finding> = results
        .iter()
        .filter_map(|result| result.analysis.as_ref())
        .flat_map(|analysis| analysis.findings.iter().cloned())
        .collect();
    (Ages::least(&ages), lint::words(&found))
}

/// Facts of `addresses: all`.
pub(crate) fn record(cx: &mut Cx<'_>, results: &[AddressResult]) {
    cx.set(&ADDRESSES, results.iter().map(|result| result.address.to_string()).collect::<Vec<_>>());
    let failed = results.iter().filter_map(|result| {
        let word = if result.outcome != COMPLETED {
            result.outcome
        } else if result.verified() != Some(true) {
            "unverified"
        } else {
            return None;
        };
        Some(format!("{} {word}", result.address))
    });
    cx.set(&FAILED, failed.collect::<Vec<_>>());
    let mut groups: BTreeMap<(String, Option<bool>), Vec<&AddressResult>> = BTreeMap::new();
    for result in results {
        if let Some(identity) = result.identity().filter(|_| result.outcome == COMPLETED) {
            groups.entry(identity).or_default().push(result);
        }
    }
    // Two that differ are enough to know; one that was not seen is enough not to.
    let all = groups.values().map(Vec::len).sum::<usize>() == results.len();
    if groups.len() > 1 {
        cx.set(&AGREE, false);
    } else if all {
        cx.set(&AGREE, true);
    }
    if groups.len() > 1 {
        for (identity, group) in groups.iter().take(EVIDENCE_LINES) {
            cx.note(group_summary(identity, group));
        }
        note_more(cx, groups.len(), "leaves are shown by other addresses");
    }
}

/// So many of `all` are not in the evidence.
pub(super) fn note_more(cx: &mut Cx<'_>, all: usize, what: &str) {
    if let Some(more) = all.checked_sub(EVIDENCE_LINES).filter(|more| *more > 0) {
        cx.note(format!("and {more} more {what}"));
    }
}

fn group_summary((fingerprint, verified): &(String, Option<bool>), group: &[&AddressResult]) -> String {
    let names: Vec<String> = group.iter().take(EVIDENCE_LINES).map(|result| result.address.to_string()).collect();
    let more = if group.len() > EVIDENCE_LINES {
        format!(" and {} more", group.len() - EVIDENCE_LINES)
    } else {
        String::new()
    };
    let leaf = group.first().and_then(|result| result.analysis.as_ref()).and_then(ChainAnalysis::leaf);
    let subject = leaf.map_or("(unreadable)", |leaf| leaf.subject.as_str());
    let until = leaf.and_then(|leaf| crate::proto::tls::certificate::rfc3339(leaf.not_after)).unwrap_or_default();
    let verdict = if *verified == Some(true) { "verifies" } else { "does not verify" };
    let short = fingerprint.get(..16).unwrap_or(fingerprint);
    format!("{}{more}: {subject}, until {until}, SHA-256 {short}…, {verdict}", names.join(", "))
}
