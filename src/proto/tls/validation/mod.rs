//! Validation of a certification path (RFC 5280, 6): which authority vouches for the leaf, and everything that is wrong.
//!
//! The library of the TLS stack (webpki) looks at fewer rules than other clients do (it knows no key usage of issuers and
//! nothing about an authority but name and key), and it refuses what it does not evaluate (constraints on directory names,
//! self-issued certificates). So the rules are here, with words that name the certificate, and the library is asked as
//! well: what it finds wrong beyond its own limits is wrong here too (see [`second_opinion`]).

mod constraints;
mod error;
mod names;
mod path_certificate;
mod rules;
mod search;
mod second_opinion;
#[cfg(test)]
mod tests;

pub(super) use constraints::canonical_name;
use constraints::same_name;
pub(in crate::proto) use error::ValidationError;
pub(super) use names::fits_name;
pub(super) use path_certificate::key_size;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use search::Search;

use super::authority::Authorities;

/// A path in places: of the served chain, and of the trusted authorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathIndexes {
    /// In the served chain, leaf (0) first.
    pub(super) served: Vec<usize>,
    /// Of the authority among those that are trusted.
    pub(super) anchor: usize,
    /// The leaf is trusted itself: it is the certificate of that authority.
    pub(super) pinned: bool,
}

/// The best path there is, names aside, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Validation {
    /// Absent when the served certificates lead to no authority.
    pub(super) places: Option<PathIndexes>,
    /// Nothing, for a path that verifies.
    pub(super) problems: Vec<ValidationError>,
    /// Nothing but the dates of the authority is wrong.
    pub(super) only_anchor_dates: bool,
}

/// A trusted authority: its anchor, and its certificate where it came with one.
#[derive(Clone, Copy)]
pub(super) struct Anchor<'a> {
    pub(super) trust: &'a TrustAnchor<'static>,
    pub(super) der: Option<&'a CertificateDer<'static>>,
    /// Where it was written, for a message.
    pub(super) origin: &'static str,
}

impl Authorities {
    /// The best path from the leaf of `chain` at `now`, seconds since 1970.
    pub(super) fn validate(&self, chain: &[CertificateDer<'_>], now: i64) -> Validation {
        let mut found = match Search::new(self, chain, now) {
            Ok(search) => search.run(),
            Err(problem) => Validation { problems: vec![problem], ..Validation::default() },
        };
        if (found.problems.is_empty() || found.only_anchor_dates)
            && let Some(places) = found.places.as_ref().filter(|places| !places.pinned)
            && let Err(problem) = second_opinion::ask(self, chain, places, now)
        {
            found.problems.push(problem);
            found.only_anchor_dates = false;
        }
        found
    }
}

/// Validates `chain` up to `anchor`, and the names of its leaf; for the fuzzer.
#[cfg(feature = "fuzzing")]
pub fn fuzz_path(chain: &[&[u8]], anchor: &[u8]) {
    const NOW: i64 = 1_790_000_000;
    let mut authorities = Authorities::from("the fuzzer");
    let _ = authorities.add(CertificateDer::from(anchor.to_vec()));
    let chain: Vec<CertificateDer<'_>> = chain.iter().map(|der| CertificateDer::from(*der)).collect();
    let found = authorities.validate(&chain, NOW);
    let _ = found.problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    let path = authorities.path(&chain, NOW);
    assert!(path.is_none() || found.places.is_some(), "a path without its places");
    for name in ["www.example.test", "192.0.2.1", "2001:db8::1"] {
        if let (Some(leaf), Ok(name)) = (chain.first(), rustls::pki_types::ServerName::try_from(name)) {
            let _ = fits_name(leaf, &name);
        }
    }
}
