//! Facts of `certificates: all`: each certificate, and what holds of all of them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::addresses::{AddressResult, note_more};
use super::chain_analysis::Age;
use super::enumeration::{CertificateAnswer, CertificateQuery, ShownCertificate};
use super::facts::set_age;
use crate::model::fact::Time;
use crate::model::rows::{Row, Rows, RowsBuilder};
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

facts! { pub(super) FACTS;
    const CERTIFICATES: Fact<Rows> = Fact::table(
        "certificates",
        "kind",
        "Every certificate the server can show, by kind of key: `certificates.row.rsa.not_after`; a differing one without SNI as `rsa_no_sni`.",
    )
    .ruled(Rule::Same)
    .on_breach(OTHER_CERTIFICATES);
    const KEY: Fact<String> = Fact::text("certificates.key", "Its key, such as RSA 2048.").form(Form::Data(&spelling::KEYS)).column();
    const SIGNATURE: Fact<String> =
        Fact::text("certificates.signature", "Algorithm that it is signed with.").form(Form::Data(&spelling::SIGNATURES)).column();
    const SUBJECT: Fact<String> = Fact::text("certificates.subject", "Its subject, a distinguished name.").form(Form::DistinguishedName).column();
    const ISSUER: Fact<String> = Fact::text("certificates.issuer", "Its issuer, a distinguished name.").form(Form::DistinguishedName).column();
    const SAN: Fact<Vec<String>> = Fact::list("certificates.san", "The names it is for.").form(Form::Host).column();
    const NOT_BEFORE: Fact<Time> = Fact::time("certificates.not_before", "The instant from which it is valid.").ruled(Rule::Same).column();
    const NOT_AFTER: Fact<Time> = Fact::time("certificates.not_after", "The instant at which it expires.").ruled(Rule::Same).column();
    const FINGERPRINT: Fact<String> = Fact::text("certificates.fingerprint", "Its SHA-256, in hexadecimal.").form(Form::Digest).column();
    const TRUSTED: Fact<bool> = Fact::flag("certificates.trusted", "A path leads to a trusted root.").column();
    const VERIFIES: Fact<bool> =
        Fact::flag("certificates.verifies", "It verifies for the name; absent where that could not be judged.").column();
    const VERIFY_ERROR: Fact<String> = Fact::text("certificates.verify_error", "Why it does not.").column();
    const SNI: Fact<bool> = Fact::flag("certificates.sni", "It was asked for by name.").column();
    const FINDINGS: Fact<Vec<String>> =
        Fact::list("certificates.findings", "Rules that its chain breaks, one word each.").form(Form::Words(lint::WORDS)).column();
    const UNREADABLE: Fact<bool> = Fact::flag("certificates.unreadable", "It cannot be read as X.509; absent otherwise.").column();
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
            CertificateAnswer::Shown(shown) => Some((address, query, &**shown)),
            CertificateAnswer::Refused | CertificateAnswer::Unknown(_) => None,
        })
        .collect();
    let unknown = unknown(results);
    let table = rows(cx.rows(&CERTIFICATES), results, &shown);
    cx.set_rows(table);
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
            if let CertificateAnswer::Unknown(why) = &query.answer {
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
fn rows(
    mut out: RowsBuilder,
    results: &[AddressResult],
    shown: &[(IpAddr, &CertificateQuery, &ShownCertificate)],
) -> RowsBuilder {
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
                let row = row(out.row(format!("{}{place}", kind.word())), shown, asked_by_name);
                out.add(row);
            }
            let differs = print(nameless) != print(own) && !like_first(false, nameless);
            if let Some(shown) = nameless.filter(|_| differs) {
                let row = row(out.row(format!("{}_no_sni{place}", kind.word())), shown, false);
                out.add(row);
            }
        }
    }
    out
}

fn row(mut row: Row, shown: &ShownCertificate, sni: bool) -> Row {
    row.set(&SNI, sni);
    let Some(leaf) = shown.analysis.leaf() else {
        row.set(&UNREADABLE, true);
        row.mark_wrong();
        return row;
    };
    row.set(&KEY, leaf.key.clone());
    row.set(&SIGNATURE, leaf.signature.clone());
    row.set(&SUBJECT, leaf.subject.clone());
    row.set(&ISSUER, leaf.issuer.clone());
    row.set(&SAN, leaf.san.clone());
    row.set_some(&NOT_BEFORE, rfc3339(leaf.not_before));
    row.set_some(&NOT_AFTER, rfc3339(leaf.not_after));
    row.set(&FINGERPRINT, leaf.fingerprint.clone());
    row.set(&TRUSTED, shown.analysis.path.is_some());
    row.set(&FINDINGS, lint::words(&shown.analysis.findings));
    row.set_some(&VERIFIES, shown.handshake.verified());
    row.set_some(&VERIFY_ERROR, shown.handshake.verify_error.clone());
    if shown.handshake.verified() == Some(false) {
        row.mark_wrong();
    }
    row
}
