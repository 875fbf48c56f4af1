//! Every address behind a name: what each showed, and whether they agree.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::examine::{Ages, Examined};
use super::kinds::Slot;
use crate::checks::tls::reach::Reached;
use crate::model::Fact;
use crate::model::table::facts;
use crate::probe::Cx;
use crate::proto::tls::Handshake;
use crate::proto::tls::lint;

/// Groups of addresses told in the evidence, and addresses of each.
const TOLD: usize = 8;

facts! { pub(super) FACTS;
    const ADDRESSES: Fact<Vec<String>> = Fact::list("addresses", "Every address the name has.");
    const FAILED: Fact<Vec<String>> = Fact::list(
        "addresses.failed",
        "Addresses that did not end as `handshaken`, with their outcome, or whose certificate does not verify.",
    );
    const AGREE: Fact<bool> = Fact::flag(
        "addresses.agree",
        "Every address shows the same leaf with the same verdict; absent when one could not be asked.",
    )
    .on_breach("the addresses of the name differ: see the evidence for who shows what, and deploy to those left behind");
}

/// What one address did.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) address: IpAddr,
    pub(crate) outcome: &'static str,
    /// The alert that ended it.
    pub(crate) alert: Option<String>,
    /// Evidence of an early end.
    pub(crate) why: Option<String>,
    pub(crate) reached: Reached,
    pub(crate) shaken: Option<Handshake>,
    /// Absent when no certificate was shown.
    pub(crate) examined: Option<Examined>,
    /// Every certificate it can show, if that was asked.
    pub(crate) slots: Vec<Slot>,
}

impl Visit {
    /// A visit that has come as far as its connection.
    pub(crate) fn of(address: IpAddr, reached: Reached) -> Self {
        let outcome = "handshaken";
        Self { address, outcome, alert: None, why: None, reached, shaken: None, examined: None, slots: Vec::new() }
    }

    fn verified(&self) -> Option<bool> {
        self.shaken.as_ref().and_then(Handshake::verified)
    }

    /// Worse is less: no handshake, then no trust, then the first to expire.
    fn rank(&self) -> (bool, bool, f64) {
        let age = self.examined.as_ref().and_then(|examined| examined.ages.chain);
        (
            self.outcome == "handshaken",
            self.verified() == Some(true),
            age.map_or(f64::NEG_INFINITY, |age| age.expires_in),
        )
    }

    /// Who it showed itself to be: fingerprint of the leaf and verdict.
    fn identity(&self) -> Option<(String, Option<bool>)> {
        let fingerprint = self.examined.as_ref()?.leaf().map(|leaf| leaf.fingerprint.clone());
        Some((fingerprint.unwrap_or_else(|| "unreadable".to_owned()), self.verified()))
    }
}

/// The place of the worst visit: the one a check reports, so that a bad address shows.
pub(crate) fn worst(visits: &[Visit]) -> Option<usize> {
    let order = |a: &Visit, b: &Visit| {
        let (a, b) = (a.rank(), b.rank());
        (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2))
    };
    visits.iter().enumerate().min_by(|(_, a), (_, b)| order(a, b)).map(|(at, _)| at)
}

/// The ages of all visits together, and the words of lint of any of them.
pub(crate) fn together(visits: &[Visit]) -> (Ages, Vec<String>) {
    let ages: Vec<Ages> =
        visits.iter().map(|visit| visit.examined.as_ref().map(|examined| examined.ages).unwrap_or_default()).collect();
    let found: Vec<lint::Finding> = visits
        .iter()
        .filter_map(|visit| visit.examined.as_ref())
        .flat_map(|examined| examined.findings.iter().cloned())
        .collect();
    (Ages::least(&ages), lint::words(&found))
}

/// Facts of `addresses: all`.
pub(crate) fn record(cx: &mut Cx<'_>, visits: &[Visit]) {
    cx.set(&ADDRESSES, visits.iter().map(|visit| visit.address.to_string()).collect::<Vec<_>>());
    let failed = visits.iter().filter_map(|visit| {
        let word = if visit.outcome != "handshaken" {
            visit.outcome
        } else if visit.verified() != Some(true) {
            "unverified"
        } else {
            return None;
        };
        Some(format!("{} {word}", visit.address))
    });
    cx.set(&FAILED, failed.collect::<Vec<_>>());
    let mut groups: BTreeMap<(String, Option<bool>), Vec<&Visit>> = BTreeMap::new();
    for visit in visits {
        if let Some(identity) = visit.identity().filter(|_| visit.outcome == "handshaken") {
            groups.entry(identity).or_default().push(visit);
        }
    }
    // Two that differ are enough to know; one that was not seen is enough not to.
    let all = groups.values().map(Vec::len).sum::<usize>() == visits.len();
    if groups.len() > 1 {
        cx.set(&AGREE, false);
    } else if all {
        cx.set(&AGREE, true);
    }
    if groups.len() > 1 {
        for (identity, group) in groups.iter().take(TOLD) {
            cx.note(told(identity, group));
        }
    }
}

fn told((fingerprint, verified): &(String, Option<bool>), group: &[&Visit]) -> String {
    let names: Vec<String> = group.iter().take(TOLD).map(|visit| visit.address.to_string()).collect();
    let more = if group.len() > TOLD { format!(" and {} more", group.len() - TOLD) } else { String::new() };
    let leaf = group.first().and_then(|visit| visit.examined.as_ref()).and_then(Examined::leaf);
    let subject = leaf.map_or("(unreadable)", |leaf| leaf.subject.as_str());
    let until = leaf.and_then(|leaf| crate::proto::tls::certificate::rfc3339(leaf.not_after)).unwrap_or_default();
    let verdict = if *verified == Some(true) { "verifies" } else { "does not verify" };
    let short = fingerprint.get(..16).unwrap_or(fingerprint);
    format!("{}{more}: {subject}, until {until}, SHA-256 {short}…, {verdict}", names.join(", "))
}
