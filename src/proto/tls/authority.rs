//! Authorities with their dates. A trust anchor is a name and a key only, so path building never asks whether the
//! authority itself still is valid; other clients do, and refuse.

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, TrustAnchor};

use super::certificate::{Certificate, rfc3339};

/// Whom to trust.
#[derive(Debug)]
pub(super) struct Authorities {
    store: RootCertStore,
    /// One for each root of `store`, in its order; none at all for anchors that come without certificates.
    /// A certificate whose dates cannot be read counts as valid: the path through it is still proven.
    dates: Vec<Option<Certificate>>,
    /// The certificates themselves, in the same order.
    ders: Vec<CertificateDer<'static>>,
    /// Where they were written, for a message.
    place: &'static str,
}

impl Authorities {
    /// No authority yet; `place` says where they come from.
    pub(super) const fn from(place: &'static str) -> Self {
        Self { store: RootCertStore { roots: Vec::new() }, dates: Vec::new(), ders: Vec::new(), place }
    }

    /// Anchors whose keeper takes them out in time.
    pub(super) fn undated(anchors: &[TrustAnchor<'static>]) -> Self {
        Self { store: anchors.iter().cloned().collect(), ..Self::from("") }
    }

    /// Trusts one more.
    pub(super) fn add(&mut self, der: CertificateDer<'static>) -> Result<(), rustls::Error> {
        let dates = Certificate::parse(&der);
        self.store.add(der.clone())?;
        self.dates.push(dates);
        self.ders.push(der);
        Ok(())
    }

    /// All of them, whatever their dates.
    pub(super) const fn all(&self) -> &RootCertStore {
        &self.store
    }

    /// Those not known to be outside their dates at `now`.
    pub(super) fn valid(&self, now: i64) -> RootCertStore {
        if self.dates.is_empty() {
            return self.store.clone();
        }
        let dated = self.store.roots.iter().zip(&self.dates);
        let within = |dates: &Option<Certificate>| dates.as_ref().is_none_or(|d| outside(d, now, self.place).is_none());
        dated.filter(|(_, dates)| within(dates)).map(|(anchor, _)| anchor.clone()).collect()
    }

    /// First and last second of an authority, and its certificate, if it came with one. Of several with one name and key,
    /// the one that is valid at `now`, or else ends last.
    pub(super) fn dated(&self, anchor: &TrustAnchor<'_>, now: i64) -> Option<((i64, i64), &CertificateDer<'static>)> {
        let same = |known: &TrustAnchor<'_>| {
            known.subject == anchor.subject && known.subject_public_key_info == anchor.subject_public_key_info
        };
        let all = self.store.roots.iter().zip(&self.dates).zip(&self.ders);
        let found = all
            .filter(|((known, _), _)| same(known))
            .filter_map(|((_, dates), der)| dates.as_ref().map(|dates| ((dates.not_before, dates.not_after), der)));
        found.max_by_key(|((first, last), _)| (*first <= now && now <= *last, *last))
    }

    /// Whether one of them has this name (DER of Name).
    pub(super) fn named(&self, name: &[u8]) -> bool {
        super::signed::element(name)
            .is_some_and(|(name, _)| self.store.roots.iter().any(|anchor| anchor.subject.as_ref() == name.content))
    }

    /// Why a path that `verifies` with all of them must not be trusted at `now`: it needs an authority outside its
    /// dates. A path that a valid authority proves as well is fine.
    pub(super) fn lapse(&self, now: i64, verifies: impl Fn(&RootCertStore) -> bool) -> Option<String> {
        let dated = || self.store.roots.iter().zip(&self.dates);
        let wrong = |dates: &Option<Certificate>| dates.as_ref().and_then(|dates| outside(dates, now, self.place));
        let lapsed: Vec<(&TrustAnchor<'static>, String)> =
            dated().filter_map(|(anchor, dates)| Some((anchor, wrong(dates)?))).collect();
        if lapsed.is_empty() || verifies(&self.valid(now)) {
            return None;
        }
        let used = lapsed.iter().find(|(anchor, _)| verifies(&std::iter::once((*anchor).clone()).collect()));
        used.or(lapsed.first()).map(|(_, why)| why.clone())
    }
}

fn outside(authority: &Certificate, now: i64, place: &str) -> Option<String> {
    let (rule, date) = if authority.not_after < now {
        ("expired on", authority.not_after)
    } else if authority.not_before > now {
        ("is not valid before", authority.not_before)
    } else {
        return None;
    };
    let date = rfc3339(date).unwrap_or_else(|| "an impossible date".to_owned());
    Some(format!("the authority {} in {place} {rule} {date}", authority.subject))
}
