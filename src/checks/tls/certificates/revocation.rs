//! Revocation lists, fetched because a suite asked for it.

use std::time::Duration;

use rustls::pki_types::CertificateDer;

use super::addresses::Visit;
use super::examine::{Examined, issuer};
use super::facts::REVOKED;
use super::kinds::Answer;
use crate::model::table::facts;
use crate::model::{Choice, Fact, Fault, Unit};
use crate::probe::Cx;
use crate::proto::http::fetch;
use crate::proto::tls::certificate::Certificate;
use crate::proto::tls::{Issuer, crl, now};

/// Most bytes of a list; those of public authorities that are not cut in parts have some megabytes.
const MOST: usize = 32 * 1024 * 1024;
/// Certificates looked up.
const CERTIFICATES: usize = 16;
/// Addresses tried for one certificate.
const POINTS: u32 = 4;

facts! { pub(super) FACTS;
    const STATUS: Fact<Choice> = Fact::choice(
        "crl.status",
        &["good", "none", "unreachable", "expired", "invalid", "revoked"],
        "The worst the revocation lists of leaf and intermediates say; `none` when the leaf names no list.",
    )
    .advice(&[
        REVOKED,
        ("unreachable", "the list cannot be fetched from here: is HTTP to the authority allowed?"),
    ]);
    const NEXT_UPDATE: Fact<f64> = Fact::number(
        "crl.next_update_in",
        Unit::Seconds,
        "Until the first of the lists must be replaced; negative once one is too old.",
    );
    const CHECKED: Fact<Vec<String>> =
        Fact::list("crl.checked", "Each certificate looked up, with what its list says.");
}

/// What is said of one certificate, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Good,
    None,
    Unreachable,
    Expired,
    Invalid,
    Revoked,
}

impl Word {
    const fn text(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::None => "none",
            Self::Unreachable => "unreachable",
            Self::Expired => "expired",
            Self::Invalid => "invalid",
            Self::Revoked => "revoked",
        }
    }
}

/// A certificate to look up.
struct Target {
    der: CertificateDer<'static>,
    issuer: Option<Issuer>,
    points: Vec<String>,
    subject: String,
}

struct Found {
    word: Word,
    detail: String,
    next_update: Option<i64>,
}

/// The longest [`check`] takes: certificates at once, the addresses of each one after the other.
pub(super) fn longest(patience: Duration) -> Duration {
    patience * POINTS
}

/// Looks up the leaves and the intermediates that were seen.
pub(crate) async fn check(cx: &mut Cx<'_>, visits: &[Visit], patience: Duration) -> Result<(), Fault> {
    let targets = targets(visits);
    let found = futures_util::future::join_all(targets.iter().map(|target| look(target, patience))).await;
    let (mut worst, mut next, mut lines) = (None, None, Vec::new());
    for (target, found) in targets.iter().zip(found) {
        let found = found?;
        let line = format!("{}: {}{}", target.subject, found.word.text(), found.detail);
        if found.word != Word::Good {
            cx.note(format!("revocation list of {line}"));
        }
        lines.push(line);
        worst = worst.max(Some(found.word));
        next = [next, found.next_update].into_iter().flatten().min();
    }
    if let Some(word) = worst {
        cx.set(&STATUS, word.text());
        cx.set(&CHECKED, lines);
    }
    if let Some(next) = next {
        cx.set(&NEXT_UPDATE, next as f64 - now());
    }
    Ok(())
}

/// Every leaf, and every intermediate that names a list, each once.
fn targets(visits: &[Visit]) -> Vec<Target> {
    let mut out: Vec<Target> = Vec::new();
    let slots = visits.iter().flat_map(|visit| &visit.slots).filter_map(|slot| match &slot.answer {
        Answer::Shown(shown) => Some((&shown.shaken.chain, &shown.examined)),
        Answer::Refused | Answer::Unknown(_) => None,
    });
    let own = visits.iter().filter_map(|visit| Some((&visit.shaken.as_ref()?.chain, visit.examined.as_ref()?)));
    for (chain, examined) in own.chain(slots) {
        for (at, der) in used(chain, examined).enumerate() {
            let points = crl::points(der).unwrap_or_default();
            let needed = at == 0 || !points.is_empty();
            if !needed || out.len() >= CERTIFICATES || out.iter().any(|target| target.der == *der) {
                continue;
            }
            let subject = Certificate::parse(der).map_or_else(|| "(unreadable)".to_owned(), |c| c.subject);
            let issuer = issuer(chain, examined.path.as_ref(), at);
            out.push(Target { der: der.clone(), issuer, points, subject });
        }
    }
    out
}

/// The certificates of the path, or the leaf alone where there is none.
fn used<'v>(
    chain: &'v [CertificateDer<'static>],
    examined: &'v Examined,
) -> impl Iterator<Item = &'v CertificateDer<'static>> {
    let places = examined.path.as_ref().map_or_else(|| vec![0], |path| path.used.clone());
    places.into_iter().filter_map(|at| chain.get(at))
}

async fn look(target: &Target, patience: Duration) -> Result<Found, Fault> {
    let nothing = |word: Word, detail: String| Found { word, detail, next_update: None };
    if target.points.is_empty() {
        return Ok(nothing(Word::None, " (it names no list)".to_owned()));
    }
    let Some(issuer) = &target.issuer else {
        return Ok(nothing(Word::Invalid, " (its issuer is neither served nor trusted)".to_owned()));
    };
    let mut worst: Option<Found> = None;
    for url in &target.points {
        let found = match fetch::get(url, MOST, patience).await? {
            Err(why) => nothing(Word::Unreachable, format!(" ({url}: {why})")),
            Ok(list) => match crl::read(&list, &target.der, issuer, &target.points) {
                Err(why) => nothing(Word::Invalid, format!(" ({url}: {why})")),
                Ok(entry) => judged(url, entry),
            },
        };
        if matches!(found.word, Word::Good | Word::Revoked) {
            return Ok(found);
        }
        if worst.as_ref().is_none_or(|worst| worst.word < found.word) {
            worst = Some(found);
        }
    }
    Ok(worst.unwrap_or_else(|| nothing(Word::None, String::new())))
}

fn judged(url: &str, entry: crl::Entry) -> Found {
    let old = entry.next_update.is_some_and(|next| (next as f64) < now());
    let (word, detail) = match entry.revoked {
        // An old list that names it is not taken back by its age.
        Some(revoked) => (Word::Revoked, format!(" {revoked} ({url})")),
        None if old => (Word::Expired, format!(" ({url}: the list is too old)")),
        None => (Word::Good, format!(" ({url})")),
    };
    Found { word, detail, next_update: entry.next_update }
}
