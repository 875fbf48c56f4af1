//! The path a client verifies, which is not the chain a server sends: which of the served certificates it uses, which
//! authority it ends at, and when the first of them expires.

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::authority::Authorities;
use super::certificate::Certificate;
use super::name_text;
use super::signed::sequence;
use super::validation::PathIndexes;

/// Where a path ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Distinguished name.
    pub subject: String,
    /// The same as DER of Name.
    pub name: Vec<u8>,
    /// DER of `SubjectPublicKeyInfo`.
    pub spki: Vec<u8>,
    /// Its dates, first and last second of validity; absent for an anchor that came without a certificate.
    pub dates: Option<(i64, i64)>,
    /// Its certificate, if it came with one.
    pub der: Option<Vec<u8>>,
}

/// A path that verifies, names aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Places in the served chain, in the order of the path, leaf (0) first.
    pub used: Vec<usize>,
    /// Subjects from the leaf to the root.
    pub subjects: Vec<String>,
    /// The authority it ends at.
    pub root: Root,
    /// First and last second of validity of each certificate before the root.
    pub dates: Vec<(i64, i64)>,
    /// The leaf is trusted itself, and so its own root.
    pub pinned: bool,
}

/// The best way from a leaf to an authority.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// Nothing is wrong with it.
    pub verified: Option<Path>,
    /// Each certificate is signed by the next, whatever else is wrong: it tells who issued one that has expired.
    pub signed: Option<Path>,
}

/// Who issued a certificate, as far as signatures of it need to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// DER of its Name.
    pub name: Vec<u8>,
    /// DER of its `SubjectPublicKeyInfo`.
    pub spki: Vec<u8>,
    /// Its key usage lets it sign revocation lists, or says nothing about it.
    pub signs_lists: bool,
}

impl Path {
    /// Seconds from `now` (seconds since 1970) until the first certificate of the path expires, the root included when its dates are
    /// known; negative once one has, infinite where no date is known.
    #[must_use]
    pub fn expires_in(&self, now: f64) -> f64 {
        let ends = self.dates.iter().chain(&self.root.dates).map(|(_, last)| *last);
        ends.min().map_or(f64::INFINITY, |last| last as f64) - now
    }

    /// The issuer of the certificate at place `at` of the path, 0 being the leaf.
    #[must_use]
    pub fn issuer(&self, chain: &[CertificateDer<'_>], at: usize) -> Option<Issuer> {
        match self.used.get(at + 1) {
            Some(served) => Issuer::of(chain.get(*served)?),
            // Who issued a leaf that is trusted itself is not known, unless it did so itself.
            None if self.pinned => Issuer::of(chain.get(at)?).filter(|own| own.name == issuer_of(chain.get(at))),
            None if at + 1 == self.used.len() => {
                // A bare anchor has no key usage that could say no.
                let anchor =
                    || Issuer { name: self.root.name.clone(), spki: self.root.spki.clone(), signs_lists: true };
                Some(self.root.der.as_deref().and_then(Issuer::of).unwrap_or_else(anchor))
            }
            None => None,
        }
    }
}

impl Issuer {
    /// A certificate as an issuer.
    #[must_use]
    pub fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(Self {
            name: certificate.subject().as_raw().to_vec(),
            spki: certificate.public_key().raw.to_vec(),
            signs_lists: certificate.key_usage().ok().flatten().is_none_or(|usage| usage.value.crl_sign()),
        })
    }
}

impl Authorities {
    /// The path from the leaf of `chain` at `now`, seconds since 1970; `None` when there is none. Of several authorities
    /// that would do, one within its dates is preferred, as a client that minds them would.
    pub(super) fn path(&self, chain: &[CertificateDer<'_>], now: i64) -> Option<Path> {
        self.paths(chain, now).verified
    }

    /// The path that verifies, and that of signatures alone.
    pub(super) fn paths(&self, chain: &[CertificateDer<'_>], now: i64) -> Paths {
        let found = self.validate(chain, now);
        let verifies = found.problems.is_empty() || found.only_anchor_dates;
        let signed = found.places.and_then(|places| self.described(chain, places));
        Paths { verified: signed.clone().filter(|_| verifies), signed }
    }

    fn described(&self, chain: &[CertificateDer<'_>], places: PathIndexes) -> Option<Path> {
        let anchor = self.anchor(places.anchor)?;
        let (name, spki) = (sequence(&anchor.trust.subject), sequence(&anchor.trust.subject_public_key_info));
        let known = self.anchor_dates(places.anchor).map(|(_, dates)| dates);
        let dates = known.or_else(|| served_dates(chain, &name, &spki));
        let subject = name_text::of_der(&name);
        let certificates: Vec<Certificate> =
            places.served.iter().map(|at| Certificate::parse(chain.get(*at)?)).collect::<Option<_>>()?;
        let own = (!places.pinned).then(|| subject.clone());
        let subjects = certificates.iter().map(|c| c.subject.clone()).chain(own).collect();
        let root = Root { subject, name, spki, dates, der: anchor.der.map(|der| der.to_vec()) };
        let dates = certificates.iter().map(|c| (c.not_before, c.not_after)).collect();
        Some(Path { used: places.served, subjects, root, dates, pinned: places.pinned })
    }
}

/// DER of the name of who issued a certificate; empty when that cannot be read.
fn issuer_of(der: Option<&CertificateDer<'_>>) -> Vec<u8> {
    let read = der.and_then(|der| X509Certificate::from_der(der).ok());
    read.map(|(_, certificate)| certificate.issuer().as_raw().to_vec()).unwrap_or_default()
}

/// Dates of an authority that is among the served certificates, which tells what a bare anchor keeps to itself.
fn served_dates(chain: &[CertificateDer<'_>], name: &[u8], spki: &[u8]) -> Option<(i64, i64)> {
    chain.iter().find_map(|der| {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let is_root = certificate.subject().as_raw() == name
            && certificate.issuer().as_raw() == name
            && certificate.public_key().raw == spki;
        let validity = certificate.validity();
        is_root.then(|| (validity.not_before.timestamp(), validity.not_after.timestamp()))
    })
}
