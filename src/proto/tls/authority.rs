//! Authorities with their dates. A trust anchor is a name and a key only, so path building never asks whether the
//! authority itself still is valid; other clients do, and refuse.

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, TrustAnchor};

use super::certificate::Certificate;
use super::signed::sequence;
use super::validation::{Anchor, canonical_name};

/// Whom to trust.
#[derive(Debug)]
pub(super) struct Authorities {
    store: RootCertStore,
    /// One for each root of `store`, in its order; none at all for anchors that come without certificates.
    /// A certificate whose dates cannot be read counts as valid: the path through it is still proven.
    dates: Vec<Option<Certificate>>,
    /// The certificates themselves, in the same order.
    ders: Vec<CertificateDer<'static>>,
    /// The name of each, in a form that compares.
    names: Vec<Vec<u8>>,
    /// Where they were written, for a message.
    place: &'static str,
}

impl Authorities {
    /// No authority yet; `place` says where they come from.
    pub(super) const fn from(place: &'static str) -> Self {
        Self {
            store: RootCertStore { roots: Vec::new() },
            dates: Vec::new(),
            ders: Vec::new(),
            names: Vec::new(),
            place,
        }
    }

    /// Anchors whose keeper takes them out in time.
    pub(super) fn undated(anchors: &[TrustAnchor<'static>]) -> Self {
        let names = anchors.iter().map(|anchor| canonical_name(&sequence(&anchor.subject))).collect();
        Self { store: anchors.iter().cloned().collect(), names, ..Self::from("") }
    }

    /// Trusts one more.
    pub(super) fn add(&mut self, der: CertificateDer<'static>) -> Result<(), rustls::Error> {
        let dates = Certificate::parse(&der);
        self.store.add(der.clone())?;
        let subject = self.store.roots.last().map(|anchor| sequence(&anchor.subject)).unwrap_or_default();
        self.names.push(canonical_name(&subject));
        self.dates.push(dates);
        self.ders.push(der);
        Ok(())
    }

    /// Where they were written, for a message.
    pub(super) const fn origin(&self) -> &'static str {
        self.place
    }

    /// Places of those with this name (DER of Name).
    pub(super) fn anchors_named(&self, name: &[u8]) -> Vec<usize> {
        let wanted = canonical_name(name);
        let all = self.names.iter().enumerate();
        all.filter(|(_, known)| **known == wanted).map(|(at, _)| at).collect()
    }

    /// The authority at a place that was given out here.
    pub(super) fn anchor(&self, at: usize) -> Option<Anchor<'_>> {
        Some(Anchor { trust: self.store.roots.get(at)?, der: self.ders.get(at), origin: self.place })
    }

    /// Its subject and its dates, where they are known.
    pub(super) fn anchor_dates(&self, at: usize) -> Option<(&str, (i64, i64))> {
        let dates = self.dates.get(at)?.as_ref()?;
        Some((&dates.subject, (dates.not_before, dates.not_after)))
    }

    /// The place of this very certificate.
    pub(super) fn position(&self, der: &[u8]) -> Option<usize> {
        self.ders.iter().position(|known| known.as_ref() == der)
    }

    /// Whether one of them has this name (DER of Name).
    pub(super) fn named(&self, name: &[u8]) -> bool {
        !self.anchors_named(name).is_empty()
    }
}
