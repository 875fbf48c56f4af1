//! Profiles: what a TLS server should and should not offer, as versioned data with its source, and an
//! evaluation of what was seen against it. Pure; no profile is built into code.
//!
//! The evaluation has three answers. What was seen to break a rule is a breach, whatever else is unknown. What could not be
//! seen leaves every rule it touches undecided, never held: a scan that was cut short is not compliant.

mod data;
mod evaluate;
mod pattern;

use std::collections::BTreeMap;

pub use data::{Certificates, Ciphers, Denied, Groups, Preference, Profile, Server, Version, Versions};
pub use evaluate::{Status, Verdict, evaluate};

use super::certificate::Certificate;
use super::lint::{KeyFacts, key_facts};

/// The profiles built in, by the name a suite writes.
pub const BUILT_IN: &[&str] = &["mozilla-modern", "mozilla-intermediate", "rfc9325", "pci-dss-4"];

const FILES: [&str; 4] = [
    include_str!("data/mozilla-modern.toml"),
    include_str!("data/mozilla-intermediate.toml"),
    include_str!("data/rfc9325.toml"),
    include_str!("data/pci-dss-4.toml"),
];

/// The text of a profile built in; a pattern for one's own.
#[must_use]
pub fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().zip(FILES).find(|(known, _)| **known == name).map(|(_, text)| text)
}

/// The properties of a server, in the words of profiles.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerProperties {
    /// Versions offered: `SSLv3`, `TLS1.0` … `TLS1.3`.
    pub versions: Vec<String>,
    /// Cipher suites by version, IANA names.
    pub ciphers: BTreeMap<String, Vec<String>>,
    /// Key exchange groups of all versions, IANA names, the one chosen when all are offered first.
    pub groups: Vec<String>,
    /// Whose order of cipher suites counts; absent when that was not found out.
    pub preference: Option<Preference>,
    /// TLS compression is accepted.
    pub compression: Option<bool>,
    /// The server answers the renegotiation indication (RFC 5746).
    pub secure_renegotiation: Option<bool>,
    /// Bits of the smallest finite-field Diffie-Hellman group; absent when none was seen.
    pub dh_bits: Option<u32>,
    /// An OCSP response was stapled.
    pub ocsp_stapled: Option<bool>,
    /// Every certificate the server shows as its own.
    pub certificates: Vec<CertificateProperties>,
    /// Undecided: `AREA`, `AREA.ITEM`, each with `: WHY` after it if there is a reason to tell
    /// (`versions.TLS1.1: reset`, `ciphers.TLS1.2`, `groups.x448`). Areas are `versions`, `ciphers`, `groups`,
    /// `preference`, `compression`, `secure_renegotiation`, `dh_bits`, `ocsp` and `certificates`. Anything else touches
    /// every rule.
    pub unknown: Vec<String>,
}

/// The properties of a certificate that rules speak of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CertificateProperties {
    /// For people: its subject.
    pub name: String,
    /// Its key.
    pub key: KeyFacts,
    /// Its signature algorithm, such as `ecdsa-with-SHA256`.
    pub signature: String,
    /// Days from its first second to its last.
    pub lifetime_days: f64,
}

impl CertificateProperties {
    /// Reads a certificate; `None` when it is none.
    #[must_use]
    pub fn of(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::parse(der)?;
        Some(Self {
            name: certificate.subject,
            key: key_facts(der)?,
            signature: certificate.signature,
            lifetime_days: certificate.not_after.saturating_sub(certificate.not_before) as f64 / 86_400.0,
        })
    }
}
