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
    /// Where they were written, for a message.
    place: &'static str,
}

impl Authorities {
    /// No authority yet; `place` says where they come from.
    pub(super) const fn from(place: &'static str) -> Self {
        Self { store: RootCertStore { roots: Vec::new() }, dates: Vec::new(), place }
    }

    /// Anchors whose keeper takes them out in time.
    pub(super) fn undated(anchors: &[TrustAnchor<'static>]) -> Self {
        Self { store: anchors.iter().cloned().collect(), ..Self::from("") }
    }

    /// Trusts one more.
    pub(super) fn add(&mut self, der: CertificateDer<'static>) -> Result<(), rustls::Error> {
        let dates = Certificate::parse(&der);
        self.store.add(der)?;
        self.dates.push(dates);
        Ok(())
    }

    /// All of them, whatever their dates.
    pub(super) const fn all(&self) -> &RootCertStore {
        &self.store
    }

    /// Why a path that `verifies` with all of them must not be trusted at `now`: it needs an authority outside its
    /// dates. A path that a valid authority proves as well is fine.
    pub(super) fn lapse(&self, now: i64, verifies: impl Fn(&RootCertStore) -> bool) -> Option<String> {
        let dated = || self.store.roots.iter().zip(&self.dates);
        let wrong = |dates: &Option<Certificate>| dates.as_ref().and_then(|dates| outside(dates, now, self.place));
        let lapsed: Vec<(&TrustAnchor<'static>, String)> =
            dated().filter_map(|(anchor, dates)| Some((anchor, wrong(dates)?))).collect();
        let valid = || dated().filter(|(_, dates)| wrong(dates).is_none()).map(|(anchor, _)| anchor.clone()).collect();
        if lapsed.is_empty() || verifies(&valid()) {
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
