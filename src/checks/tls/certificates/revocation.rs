//! Revocation lists, fetched because a suite asks for it.

use std::time::Duration;

use rustls::pki_types::CertificateDer;

use super::addresses::AddressResult;
use super::chain_analysis::{ChainAnalysis, issuer};
use super::enumeration::CertificateAnswer;
use super::facts::REVOKED;
use crate::model::argument::choices;
use crate::model::count::counted;
use crate::model::table::facts;
use crate::model::{Choice, Choices as _, Fact, Fault, TimeOf, Unit};
use crate::probe::Cx;
use crate::proto::http::fetch;
use crate::proto::tls::certificate::Certificate;
use crate::proto::tls::crl::Points;
use crate::proto::tls::{Issuer, crl, now};

const OPERATION: &str = "look up revocation lists";
/// Most bytes of a list; those of public authorities that are not cut in parts have some megabytes.
const MOST: usize = 32 * 1024 * 1024;
/// Certificates looked up.
const CERTIFICATES: usize = 16;
/// Addresses tried for one certificate.
const POINTS: u32 = 4;

choices! {
    /// The status of one certificate, from the best to the worst.
    enum CrlStatus {
        Good = "good",
        None = "none",
        Unreachable = "unreachable",
        Expired = "expired",
        Invalid = "invalid",
        Revoked = "revoked",
    }
}

facts! { pub(super) FACTS;
    const STATUS: Fact<Choice> = Fact::choice(
        "crl.status",
        CrlStatus::WORDS,
        "Worst result from the revocation lists of leaf and intermediates; `none` if the leaf names no list.",
    )
    .advice(&[
        REVOKED,
        ("unreachable", "the list cannot be fetched from here: is HTTP to the authority allowed, by this host's own filter too?"),
    ]);
    const NEXT_UPDATE: Fact<f64> = Fact::number(
        "crl.next_update_in",
        Unit::Seconds,
        "Time until the first of the lists must be replaced; negative once one is too old.",
    ).lasting(TimeOf::Validity);
    const CHECKED: Fact<Vec<String>> =
        Fact::list("crl.checked", "Each certificate looked up, with what its list says.");
}

/// A certificate to look up.
struct Lookup {
    der: CertificateDer<'static>,
    issuer: Option<Issuer>,
    points: Result<Points, &'static str>,
    subject: String,
}

struct LookupResult {
    status: CrlStatus,
    detail: String,
    next_update: Option<i64>,
}

/// The longest [`check`] takes: certificates at once, the addresses of each one after the other.
pub(super) fn longest(timeout: Duration) -> Duration {
    timeout * POINTS
}

/// Looks up the leaves and the intermediates that were seen.
pub(crate) async fn check(cx: &mut Cx<'_>, results: &[AddressResult], timeout: Duration) {
    let mut lookups = lookups(results);
    let left_out = lookups.len().saturating_sub(CERTIFICATES);
    lookups.truncate(CERTIFICATES);
    let mut unseen = (left_out > 0).then(|| {
        let why = format!("not looked up: {}", counted(left_out, "more certificate"));
        Fault::local(OPERATION, "", why, "check fewer addresses or certificates at once")
    });
    let mut found = Vec::new();
    let results = futures_util::future::join_all(lookups.iter().map(|lookup| look_up(lookup, timeout))).await;
    for (lookup, result) in lookups.iter().zip(results) {
        match result {
            Ok(result) => found.push((lookup.subject.as_str(), result)),
            Err(fault) => _ = unseen.get_or_insert(fault),
        }
    }
    record(cx, &found, unseen.as_ref());
}

/// What the lists say of each certificate, by subject; `unseen` says why more of them could not be looked up.
fn record(cx: &mut Cx<'_>, found: &[(&str, LookupResult)], unseen: Option<&Fault>) {
    let (mut worst, mut next, mut lines) = (None, None, Vec::new());
    for (subject, result) in found {
        let line = format!("{subject}: {}{}", result.status.word(), result.detail);
        if result.status != CrlStatus::Good {
            cx.note(format!("revocation list of {line}"));
        }
        lines.push(line);
        worst = worst.max(Some(result.status));
        next = [next, result.next_update].into_iter().flatten().min();
    }
    if let Some(fault) = unseen {
        cx.note(format!("revocation lists: {}", fault.detail));
        cx.partial(&CHECKED, fault.detail.clone());
        cx.at_most(&NEXT_UPDATE, fault.detail.clone());
    }
    match (worst, unseen) {
        (Some(status @ CrlStatus::Revoked), _) | (Some(status), None) => cx.set(&STATUS, status.word()),
        // One of those may be revoked: nothing better is known.
        (_, Some(fault)) => cx.unavailable(std::iter::once(&STATUS.info), fault),
        (None, None) => {}
    }
    if !lines.is_empty() {
        cx.set(&CHECKED, lines);
    }
    if let Some(next) = next {
        cx.set(&NEXT_UPDATE, next as f64 - now());
    }
}

/// Every leaf, and every intermediate that names a list, each once.
fn lookups(results: &[AddressResult]) -> Vec<Lookup> {
    let mut out: Vec<Lookup> = Vec::new();
    let queries = results.iter().flat_map(|result| &result.certificates).filter_map(|query| match &query.answer {
        CertificateAnswer::Shown(shown) => Some((&shown.handshake.chain, &shown.analysis)),
        CertificateAnswer::Refused | CertificateAnswer::Unknown(_) => None,
    });
    let own = results.iter().filter_map(|result| Some((&result.handshake.as_ref()?.chain, result.analysis.as_ref()?)));
    for (chain, analysis) in own.chain(queries) {
        for (at, der) in used(chain, analysis).enumerate() {
            let points = crl::points(der);
            let needed =
                at == 0 || points.as_ref().is_err() || points.as_ref().is_ok_and(|points| !points.urls.is_empty());
            if !needed || out.iter().any(|lookup| lookup.der == *der) {
                continue;
            }
            let subject = Certificate::parse(der).map_or_else(|| "(unreadable)".to_owned(), |c| c.subject);
            let issuer = issuer(chain, analysis.signed.as_ref(), at);
            out.push(Lookup { der: der.clone(), issuer, points, subject });
        }
    }
    out
}

/// The certificates of the path of signatures, or the leaf alone where there is none.
fn used<'v>(
    chain: &'v [CertificateDer<'static>],
    analysis: &'v ChainAnalysis,
) -> impl Iterator<Item = &'v CertificateDer<'static>> {
    let places = analysis.signed.as_ref().map_or_else(|| vec![0], |path| path.used.clone());
    places.into_iter().filter_map(|at| chain.get(at))
}

async fn look_up(lookup: &Lookup, timeout: Duration) -> Result<LookupResult, Fault> {
    let nothing = |status: CrlStatus, detail: String| LookupResult { status, detail, next_update: None };
    let points = match &lookup.points {
        Err(why) => return Ok(nothing(CrlStatus::Invalid, format!(" ({why})"))),
        Ok(points) if points.urls.is_empty() => {
            return Ok(nothing(CrlStatus::None, " (it names no list)".to_owned()));
        }
        Ok(points) => points,
    };
    let Some(issuer) = &lookup.issuer else {
        return Ok(nothing(CrlStatus::Invalid, " (its issuer is neither served nor trusted)".to_owned()));
    };
    let mut worst: Option<LookupResult> = None;
    for url in &points.urls {
        let result = match fetch::get(url, MOST, timeout).await? {
            Err(why) => nothing(CrlStatus::Unreachable, format!(" ({url}: {why})")),
            Ok(list) => match crl::read(&list, &lookup.der, issuer, &points.urls) {
                Err(why) => nothing(CrlStatus::Invalid, format!(" ({url}: {why})")),
                Ok(entry) => status_in_list(url, &entry),
            },
        };
        if matches!(result.status, CrlStatus::Good | CrlStatus::Revoked) {
            return Ok(result);
        }
        if worst.as_ref().is_none_or(|worst| worst.status < result.status) {
            worst = Some(result);
        }
    }
    let mut worst = worst.unwrap_or_else(|| nothing(CrlStatus::None, String::new()));
    if points.left_out > 0 {
        worst.detail = format!("{}; not tried: {} of it", worst.detail, counted(points.left_out, "more address"));
    }
    Ok(worst)
}

fn status_in_list(url: &str, entry: &crl::CrlEntry) -> LookupResult {
    let old = entry.next_update.is_some_and(|next| (next as f64) < now());
    let (status, detail) = match (&entry.revoked, entry.holds_from(now())) {
        // A list that names it is not taken back by its dates.
        (Some(revoked), _) => (CrlStatus::Revoked, format!(" {revoked} ({url})")),
        (None, Some(from)) => (CrlStatus::Invalid, format!(" ({url}: the list holds only from {from} on)")),
        (None, None) if old => (CrlStatus::Expired, format!(" ({url}: the list is too old)")),
        (None, None) => (CrlStatus::Good, format!(" ({url})")),
    };
    LookupResult { status, detail, next_update: entry.next_update }
}

#[cfg(test)]
mod tests {
    use super::{CrlStatus, FACTS, LookupResult, OPERATION, record};
    use crate::model::{Choices as _, Fault, Observation, Unseen};
    use crate::testing::recorded;

    fn seen(status: CrlStatus, left_out: usize) -> Observation {
        let next_update = Some(4_000_000_000);
        let result = LookupResult { status, detail: String::new(), next_update };
        let why = format!("not looked up: {left_out} more");
        let unseen = (left_out > 0).then(|| Fault::local(OPERATION, "", why, ""));
        recorded(FACTS, |cx| record(cx, &[("CN=a", result)], unseen.as_ref())).0
    }

    #[test]
    fn with_certificates_left_out_only_a_revoked_one_is_known() {
        for status in [CrlStatus::Good, CrlStatus::None, CrlStatus::Unreachable, CrlStatus::Expired, CrlStatus::Invalid]
        {
            let observation = seen(status, 2);
            assert_eq!(observation.last("crl.status"), None, "{}: another may be revoked", status.word());
            let why = observation.unavailable("crl.status").expect("its absence is this side's").to_string();
            assert!(why.contains("not looked up: 2 more"), "{why}");
        }
        let revoked = seen(CrlStatus::Revoked, 2);
        assert_eq!(revoked.last("crl.status").unwrap(), "revoked");
        assert!(revoked.unavailable("crl.status").is_none());
        let round = revoked.counted().next().unwrap();
        assert!(round.partial("crl.checked").unwrap().contains("2 more"));
        assert_eq!(round.rest("crl.next_update_in"), Some(Unseen::Less), "another list may end earlier");
        // What this side could not fetch leaves the rest as open.
        let fault = Fault::local("connect", "192.0.2.1:80", "this side could not reach it", "");
        let none = recorded(FACTS, |cx| record(cx, &[], Some(&fault))).0;
        assert!(none.unavailable("crl.status").is_some() && none.last("crl.checked").is_none());
        let all = seen(CrlStatus::Good, 0);
        assert_eq!(all.last("crl.status").unwrap(), "good");
        assert!(all.unavailable("crl.status").is_none() && all.partial("crl.checked").is_none());
    }
}
