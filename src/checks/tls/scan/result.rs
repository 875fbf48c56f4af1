//! The result of a scan, free of facts and policy: for the facts, and for profiles.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::argument::choices;
use crate::proto::tls::certificate_probe;
use crate::proto::tls::hello::{Auth, Exchange, Flight, HelloAnswer, KeyExchange, Suite, Version, suite};

/// Whether a server takes a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionSupport {
    /// It took it.
    Offered,
    /// It refused it, and every list of suites with it.
    Refused,
    /// It could not be decided.
    Unknown,
}

choices! {
    /// Whose order counts.
    pub enum Preference {
        /// The server's.
        Server = "server",
        /// The client's.
        Client = "client",
        /// Neither alone: servers that put `ChaCha20` first only for clients that do.
        Mixed = "mixed",
    }
}

/// A certificate chain that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownChain {
    /// DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// Shown to a client that names the server.
    pub with_sni: bool,
    /// Shown to a client that does not.
    pub without_sni: bool,
    /// Versions it was shown in.
    pub versions: BTreeSet<Version>,
}

/// The result of a scan. What is absent was not seen; `unknown` says why.
#[derive(Clone, Debug, Default)]
pub struct ScanResult {
    /// Every version; none when the server never took a hello.
    pub versions: BTreeMap<Version, VersionSupport>,
    /// Suites taken, by version, in the order the server took them of a list of ours.
    pub suites: BTreeMap<Version, Vec<u16>>,
    /// Versions of which some suites could not be decided.
    pub incomplete_suites: BTreeSet<Version>,
    /// Groups taken, by version, in the order the server took them.
    pub groups: BTreeMap<Version, Vec<u16>>,
    /// Versions whose groups were asked for to the end: the newest up to TLS 1.2, and TLS 1.3.
    pub complete_groups: BTreeSet<Version>,
    /// Whose order of suites counts; of versions with two or more.
    pub preference: BTreeMap<Version, Preference>,
    /// Whose order of groups counts, in the newest version.
    pub group_preference: Option<Preference>,
    /// Smallest prime of a finite field seen, in bits.
    pub dh_bits: Option<u32>,
    /// Chains by leaf, in the order seen.
    pub certificates: Vec<ShownChain>,
    /// Compresses; false also when only versions without compression are offered.
    pub compression: Option<bool>,
    /// Secure renegotiation (RFC 5746) in every answer up to TLS 1.2.
    pub renegotiation: Option<bool>,
    /// Extended master secret (RFC 7627) in every answer of TLS 1.0 to 1.2.
    pub ems: Option<bool>,
    /// Session tickets (RFC 5077) in some answer of TLS 1.0 to 1.2.
    pub ticket: Option<bool>,
    /// Refuses a fallback below its best version (RFC 7507).
    pub fallback: Option<bool>,
    /// Takes a hello in two TCP segments.
    pub split_hello: Option<bool>,
    /// Takes a hello larger than a segment.
    pub large_hello: Option<bool>,
    /// Asks clients for a certificate, seen up to TLS 1.2.
    pub asks_certificate: bool,
    /// Questions that could not be decided, and why.
    pub unknown: Vec<String>,
    /// Things a reader should know.
    pub notes: Vec<String>,
    /// Connections made.
    pub connections: u32,
    /// The most telling answer of a server that took no hello.
    pub refusal: Option<HelloAnswer>,
}

impl ScanResult {
    /// Versions the server takes, oldest first.
    #[must_use]
    pub fn offered(&self) -> Vec<Version> {
        let offered = self.versions.iter().filter(|(_, support)| **support == VersionSupport::Offered);
        offered.map(|(version, _)| *version).collect()
    }

    /// Suites of a version that the table knows.
    #[must_use]
    pub fn known(&self, version: Version) -> Vec<&'static Suite> {
        self.suites.get(&version).into_iter().flatten().filter_map(|number| suite(*number)).collect()
    }

    /// The newest version up to `highest` that was taken.
    #[must_use]
    pub fn newest(&self, highest: Version) -> Option<Version> {
        let taken = self.suites.iter().filter(|(version, suites)| **version <= highest && !suites.is_empty());
        taken.map(|(version, _)| *version).next_back()
    }

    /// Keeps everything that an answer shows beside the suite.
    pub(super) fn record_flight(&mut self, flight: &Flight, sni: bool) {
        let Some(hello) = &flight.hello else { return };
        self.record_chain(&flight.chain, sni, hello.version);
        self.asks_certificate |= flight.asks_certificate;
        match flight.exchange {
            Some(KeyExchange::Group(group)) => self.record_group(hello.version, group),
            Some(KeyExchange::Field(bits)) => self.dh_bits = Some(self.dh_bits.map_or(bits, |least| least.min(bits))),
            Some(KeyExchange::Other) | None => {}
        }
        if let Some(group) = hello.group {
            self.record_group(hello.version, group);
        }
        let has = |extension| hello.extensions.contains(&extension);
        if hello.version <= Version::Tls12 {
            self.renegotiation = Some(self.renegotiation.unwrap_or(true) && has(0xff01));
        }
        if (Version::Tls10..=Version::Tls12).contains(&hello.version) {
            self.ems = Some(self.ems.unwrap_or(true) && has(23));
            self.ticket = Some(self.ticket.unwrap_or(false) || has(35));
        }
    }

    /// Keeps a group that was taken.
    pub(super) fn record_group(&mut self, version: Version, group: u16) {
        let groups = self.groups.entry(version).or_default();
        if !groups.contains(&group) {
            groups.push(group);
        }
    }

    /// Keeps a chain; one entry for each leaf.
    pub(super) fn record_chain(&mut self, chain: &[Vec<u8>], sni: bool, version: Version) {
        let Some(leaf) = chain.first() else { return };
        let known = self.certificates.iter().position(|shown| shown.chain.first() == Some(leaf));
        let at = known.unwrap_or_else(|| {
            let versions = BTreeSet::new();
            self.certificates.push(ShownChain { chain: chain.to_vec(), with_sni: false, without_sni: false, versions });
            self.certificates.len() - 1
        });
        if let Some(shown) = self.certificates.get_mut(at) {
            shown.with_sni |= sni;
            shown.without_sni |= !sni;
            shown.versions.insert(version);
        }
    }

    /// Adds a note, once.
    pub(super) fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// Suites of `version` with an elliptic curve, those of ECDSA certificates or the others.
    pub(super) fn curves(&self, version: Version, ecdsa: bool) -> Vec<u16> {
        let fits = |suite: &&Suite| suite.exchange() == Exchange::Ecdhe && (suite.auth() == Auth::Ecdsa) == ecdsa;
        self.known(version).into_iter().filter(fits).map(|suite| suite.number).collect()
    }

    /// Draws the conclusions that need everything together.
    pub(super) fn conclude(&mut self) {
        let (tls13, offered) = (Version::Tls13, self.offered());
        let unknown = self.versions.values().any(|support| *support == VersionSupport::Unknown);
        if offered == [tls13] && !unknown {
            // TLS 1.3 has none.
            self.compression = Some(false);
        }
        let some = |known: &[u16], of: Option<&Vec<u16>>| of.is_some_and(|of| of.iter().any(|n| known.contains(n)));
        let able = some(certificate_probe::SUITES, self.suites.get(&tls13))
            && some(certificate_probe::GROUPS, self.groups.get(&tls13));
        if offered.contains(&tls13) && !able {
            self.unknown.push("TLS1.3 certificates (it takes no group or suite that this program can use)".to_owned());
        }
    }
}

/// An answer that decides nothing, for people.
pub(super) fn describe(answer: &HelloAnswer) -> String {
    match answer {
        HelloAnswer::Flight(_) => "an answer that was cut short".to_owned(),
        HelloAnswer::Alert(alert) => alert.word(),
        HelloAnswer::Closed => "closed without an alert".to_owned(),
        HelloAnswer::Reset => "reset".to_owned(),
        HelloAnswer::Timeout => "no answer in time".to_owned(),
        HelloAnswer::Unconnected(error) => format!("no connection: {}", error.word()),
        HelloAnswer::NotTls(why) => format!("no TLS: {why}"),
    }
}
