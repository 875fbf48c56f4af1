//! Lint of the certificates a server sends, beyond what path validation looks at. A client of the field verifies a path
//! and is content; the next client builds another one. x509-limbo shows where validators are laxer than the rules: weak
//! keys, roots past their day, key usage, key identifiers, names.
//!
//! Pure: certificates in, findings out. Nothing is verified here, so the words hold for untrusted chains as well.

mod any_certificate;
mod chain;
mod issuer;
mod leaf;
mod names;
mod parsed;
mod rules;

use rustls::pki_types::CertificateDer;

pub use parsed::{KeyFacts, key_facts, must_staple, scts};
pub use rules::{RULES, Rule, WORDS, longest_validity};

use self::parsed::ParsedCertificate;
use super::Path;

/// Certificates looked at; a handshake holds 64 KiB, so that more than this is a chain nobody needs.
pub const MOST: usize = 100;

/// Knowledge beside the certificates.
pub struct Context<'a> {
    /// Seconds since 1970.
    pub now: i64,
    /// The path a client verifies, if there is one.
    pub path: Option<&'a Path>,
    /// Whether an authority with this name (DER of Name) is trusted.
    pub trusted: &'a dyn Fn(&[u8]) -> bool,
    /// Whether an OCSP response was stapled; absent when none was asked for.
    pub stapled: Option<bool>,
}

/// A rule that is broken, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Place in the served chain, 0 being the leaf.
    pub at: usize,
    /// Detail for people.
    pub detail: String,
}

impl Finding {
    /// For people: the rule, the certificate, the detail.
    #[must_use]
    pub fn evidence(&self) -> String {
        let Rule { word, what, source } = self.rule;
        let whose = if self.at == 0 { "the leaf".to_owned() } else { format!("certificate {}", self.at + 1) };
        let detail = if self.detail.is_empty() { String::new() } else { format!(" ({})", self.detail) };
        format!("lint {word}: {whose}{detail}: {what} [{source}]")
    }
}

/// Everything `chain`, leaf first, breaks, in the order of the rules; empty for a chain nobody can find fault with.
#[must_use]
pub fn lint(chain: &[CertificateDer<'_>], context: &Context<'_>) -> Vec<Finding> {
    let chain = chain.get(..MOST).unwrap_or(chain);
    let parsed_chain: Vec<Option<ParsedCertificate<'_>>> = chain.iter().map(|der| ParsedCertificate::of(der)).collect();
    let mut found = Findings::default();
    chain::check(&mut found, chain, &parsed_chain, context);
    for (at, parsed) in parsed_chain.iter().enumerate() {
        match parsed {
            Some(parsed) => any_certificate::check(&mut found, at, parsed, context),
            None => found.add(rules::UNREADABLE, at, ""),
        }
    }
    issuer::check(&mut found, &parsed_chain, context);
    if let Some(Some(leaf)) = parsed_chain.first() {
        leaf::check(&mut found, leaf);
    }
    found.sorted()
}

/// The words of findings, each once, in the order of the rules: fact `lint`.
#[must_use]
pub fn words(found: &[Finding]) -> Vec<String> {
    let used = |rule: &&&Rule| found.iter().any(|finding| finding.rule == **rule);
    RULES.iter().filter(used).map(|rule| rule.word.to_owned()).collect()
}

/// Lints a list of certificates as a fuzzer writes it: each with its length in two bytes before it, big-endian, the
/// last one as long as it is.
#[must_use]
pub fn lint_bytes(bytes: &[u8]) -> Vec<Finding> {
    let mut chain = Vec::new();
    let mut rest = bytes;
    while let [high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (der, beyond) = after.split_at(length);
        chain.push(CertificateDer::from(der));
        rest = beyond;
    }
    lint(&chain, &Context { now: 1_790_000_000, path: None, trusted: &|_| false, stapled: Some(false) })
}

/// Collects findings.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, rule: &'static Rule, at: usize, detail: impl Into<String>) {
        self.0.push(Finding { rule, at, detail: detail.into() });
    }

    fn when(&mut self, broken: bool, rule: &'static Rule, at: usize, detail: impl FnOnce() -> String) {
        if broken {
            self.add(rule, at, detail());
        }
    }

    fn sorted(mut self) -> Vec<Finding> {
        let rank = |finding: &Finding| RULES.iter().position(|rule| *rule == finding.rule);
        self.0.sort_by_key(|finding| (rank(finding), finding.at));
        self.0
    }
}
