//! Facts of `certificates: all`: each certificate, and what holds of all of them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Map, json};

use super::addresses::{AddressResult, note_more};
use super::chain_analysis::Age;
use super::enumeration::{Answer, CertificateQuery, ShownCertificate};
use super::facts::set_age;
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Fact, Rule, TimeOf, Unit, Value};
use crate::probe::Cx;
use crate::proto::tls::KeyKind;
use crate::proto::tls::certificate::rfc3339;
use crate::proto::tls::{lint, spelling};

/// Lines of evidence about certificates that do not verify.
const EVIDENCE_LINES: usize = 8;

const OTHER_CERTIFICATES: &str =
    "the server shows other certificates than expected: see `certificates.unknown` for what was not answered";

/// What stands below a certificate.
const OF_CERTIFICATE: &[(&str, Form)] = &[
    ("key", Form::Data(&spelling::KEYS)),
    ("signature", Form::Data(&spelling::SIGNATURES)),
    ("subject", Form::DistinguishedName),
    ("issuer", Form::DistinguishedName),
    ("san", Form::Host),
    ("fingerprint", Form::Digest),
    ("lint", Form::Words(lint::WORDS)),
];

facts! { pub(super) FACTS;
    const CERTIFICATES: Fact<Value> = Fact::object(
        "certificates",
        "Every certificate the server can show, by kind of key: `certificates.rsa.not_after`; a differing one without SNI as `rsa_no_sni`.",
    )
    .form(Form::Keyed(OF_CERTIFICATE))
    .on_breach(OTHER_CERTIFICATES);
    const COUNT: Fact<i64> =
        Fact::integer("certificates.count", Unit::Count, "Different leaves the server can show.")
            .ruled(Rule::Same)
            .on_breach(OTHER_CERTIFICATES);
    const KEYS: Fact<Vec<String>> =
        Fact::list("certificates.keys", "Keys of all leaves, such as ECDSA P-256 and RSA 2048.")
            .form(Form::Data(&spelling::KEYS))
            .on_breach(OTHER_CERTIFICATES);
    const VERIFIED: Fact<bool> = Fact::flag(
        "certificates.verified",
        "Every certificate shown to a client with the name verifies; absent when one kind could not be asked for.",
    )
    .on_breach(
        "another certificate of this server does not verify: see `certificates` and the evidence, and renew that one as well",
    );
    const EXPIRES_IN: Fact<f64> = Fact::number(
        "certificates.expires_in",
        Unit::Seconds,
        "Time until the first of all certificates that the server can show expires, also those shown without SNI, and intermediates.",
    ).lasting(TimeOf::Validity)
    .on_breach(
        "one of the server's certificates ends first: see `certificates` for which kind of key, and why its renewal did not run",
    );
    const LIFETIME_LEFT: Fact<f64> = Fact::number(
        "certificates.lifetime_left",
        Unit::Ratio,
        "Smallest remaining share of a lifetime among them.",
    ).lasting(TimeOf::Validity)
    .on_breach(OTHER_CERTIFICATES);
    const LINT: Fact<Vec<String>> =
        Fact::list("certificates.lint", "Rules that one of the chains the server can show breaks, one word each.")
            .own_evidence()
            .form(Form::Words(lint::WORDS))
            .ruled(Rule::MayShrink)
            .on_breach(OTHER_CERTIFICATES);
    const UNKNOWN: Fact<Vec<String>> = Fact::list(
        "certificates.unknown",
        "Kinds of certificate for which it could not be found out whether the server has one, with the reason.",
    )
    .ruled(Rule::MayShrink)
    .on_breach(OTHER_CERTIFICATES);
}

/// Records the facts. `visits` that were not asked for every certificate leave open which ones there are.
pub(crate) fn record(cx: &mut Cx<'_>, results: &[AddressResult]) {
    let shown: Vec<(IpAddr, &CertificateQuery, &ShownCertificate)> = results
        .iter()
        .flat_map(|result| result.certificates.iter().map(|query| (result.address, query)))
        .filter_map(|(address, query)| match &query.answer {
            Answer::Shown(shown) => Some((address, query, &**shown)),
            Answer::Refused | Answer::Unknown(_) => None,
        })
        .collect();
    let unknown = unknown(results);
    cx.set(&CERTIFICATES, Value::Object(document(results, &shown)));
    aggregates(cx, &shown, unknown.is_empty());
    if !unknown.is_empty() {
        const WHY: &str = "not every kind of certificate could be asked for, see `certificates.unknown`";
        cx.partial_all(&[LINT.info, COUNT.info, KEYS.info, EXPIRES_IN.info, LIFETIME_LEFT.info], WHY);
        // One that does not verify is enough to know.
        if cx.observation().last(VERIFIED.info.name) != Some(&Value::Bool(false)) {
            cx.partial(&VERIFIED, WHY);
        }
    }
    let untrusted = || shown.iter().filter(|(.., shown)| shown.handshake.verify_error.is_some());
    for (address, query, shown) in untrusted().take(EVIDENCE_LINES) {
        let error = shown.handshake.verify_error.as_deref().unwrap_or_default();
        cx.note(format!(
            "{address}: the {} certificate{} does not verify: {error}",
            query.kind.word(),
            without(query.sni)
        ));
    }
    note_more(cx, untrusted().count(), "certificates do not verify");
    for line in unknown.iter().take(EVIDENCE_LINES) {
        cx.note(format!("whether there is such a certificate is not known: {line}"));
    }
    note_more(cx, unknown.len(), "are not known");
    cx.set(&UNKNOWN, unknown);
}

fn without(sni: bool) -> &'static str {
    if sni { "" } else { " (without SNI)" }
}

fn unknown(results: &[AddressResult]) -> Vec<String> {
    let mut out = Vec::new();
    for result in results {
        if result.certificates.is_empty() {
            out.push(format!("{}: {}", result.address, result.outcome));
        }
        for query in &result.certificates {
            if let Answer::Unknown(why) = &query.answer {
                out.push(format!("{} {}{}: {why}", result.address, query.kind.word(), without(query.sni)));
            }
        }
    }
    out
}

fn aggregates(cx: &mut Cx<'_>, shown: &[(IpAddr, &CertificateQuery, &ShownCertificate)], complete: bool) {
    // What is wrong with one is certain, even when another could not be seen.
    let named = |with_name: bool| shown.iter().filter(move |(_, query, _)| query.sni == with_name);
    let with_name = named(true).count() > 0;
    let verdicts: Vec<Option<bool>> = named(with_name).map(|(.., shown)| shown.handshake.verified()).collect();
    if verdicts.contains(&Some(false)) {
        cx.set(&VERIFIED, false);
    } else if complete && !verdicts.is_empty() && verdicts.iter().all(|verdict| *verdict == Some(true)) {
        cx.set(&VERIFIED, true);
    } else if let Some(fault) = named(with_name).find_map(|(.., shown)| shown.handshake.judgement_fault()) {
        cx.unavailable(std::iter::once(&VERIFIED.info), &fault);
    }
    let found: Vec<lint::Finding> =
        shown.iter().flat_map(|(.., shown)| shown.analysis.findings.iter().cloned()).collect();
    if !shown.is_empty() {
        cx.set(&LINT, lint::words(&found));
    }
    if !complete || shown.is_empty() {
        return;
    }
    let leaves = || shown.iter().filter_map(|(.., shown)| shown.analysis.leaf());
    let prints: BTreeSet<&str> = leaves().map(|leaf| leaf.fingerprint.as_str()).collect();
    cx.set(&COUNT, i64::try_from(prints.len()).unwrap_or(i64::MAX));
    let keys: BTreeSet<String> = leaves().map(|leaf| leaf.key.clone()).collect();
    cx.set(&KEYS, keys.into_iter().collect::<Vec<_>>());
    let ages: Option<Vec<Age>> = shown.iter().map(|(.., shown)| shown.analysis.ages.chain).collect();
    let least = ages.and_then(|ages| Age::least(ages.into_iter()));
    set_age(cx, &EXPIRES_IN, &LIFETIME_LEFT, least);
}

/// `ecdsa`, `rsa`, `ed25519` of the first address, `rsa_no_sni` where it differs, `rsa@ADDRESS` where another address
/// differs from the first.
fn document(results: &[AddressResult], shown: &[(IpAddr, &CertificateQuery, &ShownCertificate)]) -> Map<String, Value> {
    let mut out = Map::new();
    let find = |address: IpAddr, kind: KeyKind, sni: bool| {
        shown.iter().find(|(a, query, _)| (*a, query.kind, query.sni) == (address, kind, sni)).map(|(.., shown)| *shown)
    };
    let print =
        |shown: Option<&ShownCertificate>| shown.and_then(|s| s.analysis.leaf()).map(|leaf| leaf.fingerprint.clone());
    let first = results.first().map(|result| result.address);
    for result in results {
        let address = result.address;
        let place = if Some(address) == first { String::new() } else { format!("@{address}") };
        let asked_by_name = result.certificates.iter().any(|query| query.sni);
        for kind in KeyKind::ALL {
            let own = find(address, kind, asked_by_name);
            let nameless = find(address, kind, false).filter(|_| asked_by_name);
            let like_first = |sni: bool, shown: Option<&ShownCertificate>| {
                !place.is_empty() && first.is_some_and(|first| print(find(first, kind, sni)) == print(shown))
            };
            if let Some(shown) = own.filter(|own| !like_first(asked_by_name, Some(*own))) {
                out.insert(format!("{}{place}", kind.word()), entry(shown, asked_by_name));
            }
            let differs = print(nameless) != print(own) && !like_first(false, nameless);
            if let Some(shown) = nameless.filter(|_| differs) {
                out.insert(format!("{}_no_sni{place}", kind.word()), entry(shown, false));
            }
        }
    }
    out
}

fn entry(shown: &ShownCertificate, sni: bool) -> Value {
    let Some(leaf) = shown.analysis.leaf() else {
        return json!({"unreadable": true, "sni": sni});
    };
    let mut entry = json!({
        "key": leaf.key,
        "signature": leaf.signature,
        "subject": leaf.subject,
        "issuer": leaf.issuer,
        "san": leaf.san,
        "not_before": rfc3339(leaf.not_before),
        "not_after": rfc3339(leaf.not_after),
        "fingerprint": leaf.fingerprint,
        "trusted": shown.analysis.path.is_some(),
        "sni": sni,
        "lint": lint::words(&shown.analysis.findings),
    });
    if let Some(object) = entry.as_object_mut() {
        if let Some(verified) = shown.handshake.verified() {
            object.insert("verified".to_owned(), verified.into());
        }
        if let Some(error) = &shown.handshake.verify_error {
            object.insert("verify_error".to_owned(), error.clone().into());
        }
    }
    entry
}
