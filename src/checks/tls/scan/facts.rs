//! How a scan becomes facts. What could not be decided to the end leaves its list absent: half a list would satisfy
//! `excludes`.

use super::result::{Preference, ScanResult, ShownChain, VersionSupport, describe};
use crate::checks::tls::facts::{ALERT, OUTCOME, SCANNED};
use crate::model::count::counted;
use crate::model::fact::Time;
use crate::model::rows::{Row, Rows};
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Choice, Choices as _, Fact, Rule, TimeOf, Unit, Value};
use crate::probe::Cx;
use crate::proto::tls::certificate::{Certificate, rfc3339};
use crate::proto::tls::hello::{HelloAnswer, Version, group_name, suite, suite_name};
use crate::proto::tls::{now, spelling};

/// Entries of a list of texts.
const LINES: usize = 64;

const UNEXPECTED: &str =
    "the server takes more, or less, than expected: see the `scan` facts, and compare its TLS settings on every node";

facts! { pub(in crate::checks::tls) FACTS;
    const VERSIONS: Fact<Vec<String>> = Fact::list(
        "scan.versions",
        "Versions that the server accepts, of SSLv3, TLS1.0, TLS1.1, TLS1.2 and TLS1.3; absent if one of them is undecided.",
    )
    .on_breach(UNEXPECTED).form(Form::Words(Version::WORDS));
    const CIPHERS: Fact<Vec<String>> =
        Fact::list("scan.ciphers", "Cipher suites accepted in any version, IANA names; absent if some are undecided.")
            .on_breach(UNEXPECTED).form(Form::Data(&spelling::SUITES));
    const CIPHERS_SSL3: Fact<Vec<String>> =
        Fact::list("scan.ciphers.ssl3", "Cipher suites accepted in SSLv3.").on_breach(UNEXPECTED).form(Form::Data(&spelling::SUITES));
    const CIPHERS_TLS10: Fact<Vec<String>> =
        Fact::list("scan.ciphers.tls1.0", "Cipher suites accepted in TLS1.0.").on_breach(UNEXPECTED).form(Form::Data(&spelling::SUITES));
    const CIPHERS_TLS11: Fact<Vec<String>> =
        Fact::list("scan.ciphers.tls1.1", "Cipher suites accepted in TLS1.1.").on_breach(UNEXPECTED).form(Form::Data(&spelling::SUITES));
    const CIPHERS_TLS12: Fact<Vec<String>> =
        Fact::list("scan.ciphers.tls1.2", "Cipher suites accepted in TLS1.2.").on_breach(UNEXPECTED).form(Form::Data(&spelling::SUITES));
    const CIPHERS_TLS13: Fact<Vec<String>> =
        Fact::list("scan.ciphers.tls1.3", "Cipher suites accepted in TLS1.3.").on_breach(UNEXPECTED).form(Form::Data(&spelling::SUITES));
    const WEAK: Fact<Vec<String>> = Fact::list(
        "scan.weak",
        "Accepted suites that are NULL, anonymous, for export, or use RC4, RC2, DES or 3DES; the reason precedes the name.",
    )
    .on_breach(UNEXPECTED).form(Form::Data(&spelling::WEAK_SUITES));
    const GROUPS: Fact<Vec<String>> = Fact::list(
        "scan.groups",
        "Key exchange groups accepted, in the order the server chose them: those of TLS1.3 and of the newest version before it.",
    )
    .on_breach(UNEXPECTED).form(Form::Data(&spelling::NAMED_GROUPS));
    const GROUPS_12: Fact<Vec<String>> =
        Fact::list("scan.groups.tls1.2", "Groups accepted in the newest version up to TLS1.2 that has curves.")
            .on_breach(UNEXPECTED).form(Form::Data(&spelling::NAMED_GROUPS));
    const GROUPS_13: Fact<Vec<String>> =
        Fact::list("scan.groups.tls1.3", "Groups accepted in TLS1.3.").on_breach(UNEXPECTED).form(Form::Data(&spelling::NAMED_GROUPS));
    const GROUP_PREFERENCE: Fact<Choice> = Fact::choice(
        "scan.groups.preference",
        Preference::WORDS,
        "Whose order of preference of groups counts in the newest version; absent with fewer than two groups.",
    )
    .on_breach(UNEXPECTED);
    const PREFERENCE: Fact<Value> = Fact::object(
        "scan.preference",
        "Whose order of preference of suites counts (server, client or mixed), by version: `scan.preference.tls1.2`. Only versions with two suites or more.",
    )
    .form(Form::Words(&["server", "client", "mixed"]))
    .on_breach(UNEXPECTED);
    const UNKNOWN: Fact<Vec<String>> =
        Fact::list("scan.unknown", "What could not be decided, and why; empty if the scan decided everything.")
            .on_breach(
                "some of it could not be decided (see the evidence): a rate limit, a firewall or a flaky path; scan from nearer, or with a lower `scan.rate`",
            );
    const CONNECTIONS: Fact<i64> = Fact::integer(
        "scan.connections",
        Unit::Count,
        "Number of connections that the scan made, without the handshake before it.",
    )
    .on_breach(UNEXPECTED);
    const CERTIFICATES: Fact<Rows> = Fact::table(
        "scan.certificates",
        "kind",
        "Leaf certificates shown, by kind of key (`scan.certificates.row.rsa.not_after`). A second one of a kind is `rsa2`.",
    )
    .ruled(Rule::Same)
    .on_breach(UNEXPECTED)
    .part_of("certificate");
    const KEY: Fact<String> = Fact::text("scan.certificates.key", "Its key, such as RSA 2048.").form(Form::Data(&spelling::KEYS)).column();
    const SAN: Fact<Vec<String>> = Fact::list("scan.certificates.san", "The names it is for.").form(Form::Host).column();
    const SUBJECT: Fact<String> = Fact::text("scan.certificates.subject", "Its subject, a distinguished name.").form(Form::DistinguishedName).column();
    const NOT_AFTER: Fact<Time> = Fact::time("scan.certificates.not_after", "The instant at which it expires.").ruled(Rule::Same).column();
    const LEAF_EXPIRES_IN: Fact<f64> = Fact::number("scan.certificates.expires_in", Unit::Seconds, "Seconds until it expires, negative after that.").lasting(TimeOf::Validity)
    .column();
    const FINGERPRINT: Fact<String> = Fact::text("scan.certificates.fingerprint", "Its SHA-256, in hexadecimal.").form(Form::Digest).column();
    const SNI: Fact<Choice> =
        Fact::choice("scan.certificates.sni", &["both", "with", "without"], "Whether it was shown with SNI, without, or both.").column();
    const LEAF_VERSIONS: Fact<Vec<String>> =
        Fact::list("scan.certificates.versions", "Versions in which it was shown.").form(Form::Words(Version::WORDS)).column();
    const CHAIN: Fact<i64> = Fact::integer("scan.certificates.chain", Unit::Count, "Certificates of its chain.").ruled(Rule::Same).column();
    const EXPIRES_IN: Fact<f64> = Fact::number(
        "scan.expires_in",
        Unit::Seconds,
        "Time until the first of all leaf certificates shown expires.",
    ).lasting(TimeOf::Validity)
    .on_breach(
        "one of the server's certificates runs out: `scan.certificates` says which; a second one is often forgotten by renewal",
    );
    const DH_BITS: Fact<i64> = Fact::integer(
        "scan.dh_bits",
        Unit::Count,
        "Smallest Diffie-Hellman prime seen, in bits; absent without DHE suites.",
    )
    .ruled(Rule::Same)
    .on_breach(UNEXPECTED);
    const COMPRESSION: Fact<bool> =
        Fact::flag("scan.compression", "The server compresses what it encrypts (CRIME).").on_breach(UNEXPECTED);
    const RENEGOTIATION: Fact<bool> = Fact::flag(
        "scan.secure_renegotiation",
        "Every answer up to TLS1.2 has the extension of RFC 5746; absent with TLS1.3 only, which has no renegotiation.",
    )
    .on_breach(UNEXPECTED);
    const EMS: Fact<bool> =
        Fact::flag("scan.ems", "Every answer from TLS1.0 to TLS1.2 has the extended master secret (RFC 7627).")
            .on_breach(UNEXPECTED);
    const FALLBACK: Fact<bool> = Fact::flag(
        "scan.fallback_scsv",
        "A fallback below the best version is refused (RFC 7507); absent with one version only, or no version to fall back to.",
    )
    .on_breach(UNEXPECTED);
    const TICKET: Fact<bool> =
        Fact::flag("scan.ticket", "Session tickets are offered in TLS1.0 to TLS1.2 (RFC 5077).").on_breach(UNEXPECTED);
    const SPLIT_HELLO: Fact<bool> =
        Fact::flag("scan.hello.split", "Whether a hello in two TCP segments is accepted.").on_breach(UNEXPECTED);
    const LARGE_HELLO: Fact<bool> = Fact::flag(
        "scan.hello.large",
        "Whether a hello larger than a segment, as with post-quantum key shares, is accepted.",
    )
    .on_breach(UNEXPECTED);
}

/// Suites by version.
const CIPHERS_OF: [(Version, Fact<Vec<String>>); 5] = [
    (Version::Ssl3, CIPHERS_SSL3),
    (Version::Tls10, CIPHERS_TLS10),
    (Version::Tls11, CIPHERS_TLS11),
    (Version::Tls12, CIPHERS_TLS12),
    (Version::Tls13, CIPHERS_TLS13),
];

/// Records a scan and its outcome.
pub(in crate::checks::tls) fn record(cx: &mut Cx<'_>, scan: &ScanResult) {
    cx.set(&CONNECTIONS, i64::from(scan.connections));
    let outcome = outcome(cx, scan);
    cx.set(&OUTCOME, outcome);
    if scan.suites.is_empty() {
        for line in scan.notes.iter().take(8) {
            cx.note(line.clone());
        }
        return;
    }
    cx.set(&UNKNOWN, scan.unknown.iter().take(LINES).cloned().collect::<Vec<_>>());
    suites(cx, scan);
    groups(cx, scan);
    certificates(cx, scan);
    let flags = [
        (&COMPRESSION, scan.compression),
        (&RENEGOTIATION, scan.renegotiation),
        (&EMS, scan.ems),
        (&FALLBACK, scan.fallback),
        (&TICKET, scan.ticket),
        (&SPLIT_HELLO, scan.split_hello),
        (&LARGE_HELLO, scan.large_hello),
    ];
    for (fact, value) in flags {
        if let Some(value) = value {
            cx.set(fact, value);
        }
    }
    if let Some(bits) = scan.dh_bits {
        cx.set(&DH_BITS, i64::from(bits));
    }
    note_evidence(cx, scan);
}

fn outcome(cx: &mut Cx<'_>, scan: &ScanResult) -> &'static str {
    if !scan.suites.is_empty() {
        return SCANNED;
    }
    let refusal = scan.refusal.as_ref();
    if let Some(answer) = refusal {
        cx.note(format!("no hello was taken; the most telling answer: {}", describe(answer)));
    }
    match refusal {
        Some(HelloAnswer::Alert(alert)) => {
            cx.set(&ALERT, alert.word());
            "alert"
        }
        Some(HelloAnswer::Unconnected(error)) => error.word(),
        Some(HelloAnswer::Reset) => "reset",
        Some(HelloAnswer::Closed) => "closed",
        Some(HelloAnswer::NotTls(_) | HelloAnswer::Flight(_)) => "not_tls",
        Some(HelloAnswer::Timeout) | None => "timeout",
    }
}

fn suites(cx: &mut Cx<'_>, scan: &ScanResult) {
    if scan.versions.values().all(|support| *support != VersionSupport::Unknown) {
        cx.set(&VERSIONS, scan.offered().iter().map(|version| version.word().to_owned()).collect::<Vec<_>>());
    }
    let names = |numbers: &[u16]| numbers.iter().map(|number| suite_name(*number)).collect::<Vec<_>>();
    let whole = |version: &Version| {
        let known = scan.versions.get(version).is_some_and(|support| *support != VersionSupport::Unknown);
        known && !scan.incomplete_suites.contains(version)
    };
    for (version, fact) in CIPHERS_OF.iter().filter(|(version, _)| whole(version)) {
        cx.set(fact, names(scan.suites.get(version).map_or(&[], Vec::as_slice)));
    }
    if Version::ALL.iter().all(whole) {
        let mut all: Vec<u16> = Vec::new();
        for number in scan.suites.values().rev().flatten() {
            if !all.contains(number) {
                all.push(*number);
            }
        }
        let weak =
            |number: &u16| suite(*number).and_then(|suite| Some(format!("{} {}", suite.weakness()?, suite.name)));
        cx.set(&WEAK, all.iter().filter_map(weak).collect::<Vec<_>>());
        cx.set(&CIPHERS, names(&all));
    }
    if !scan.preference.is_empty() {
        let by = scan.preference.iter().map(|(version, whose)| (version.key().to_owned(), Value::from(whose.word())));
        cx.set(&PREFERENCE, Value::Object(by.collect()));
    }
}

fn groups(cx: &mut Cx<'_>, scan: &ScanResult) {
    if let Some(whose) = scan.group_preference.map(Preference::word) {
        cx.set(&GROUP_PREFERENCE, whose);
    }
    let names = |version: Version| -> Option<Vec<String>> {
        let known = scan.complete_groups.contains(&version);
        known.then(|| scan.groups.get(&version).into_iter().flatten().map(|number| group_name(*number)).collect())
    };
    let unknown = |version: Version| scan.versions.get(&version) == Some(&VersionSupport::Unknown);
    let before = scan.newest(Version::Tls12).filter(|version| *version != Version::Ssl3);
    let after = scan.suites.contains_key(&Version::Tls13).then_some(Version::Tls13);
    // A version that is not taken has none; one that is undecided leaves the list open.
    let (old, new) = (before.map(names), after.map(names));
    for (fact, list) in [(&GROUPS_12, &old), (&GROUPS_13, &new)] {
        if let Some(Some(list)) = list {
            cx.set(fact, list.clone());
        }
    }
    let open = unknown(Version::Tls13) || unknown(Version::Tls12);
    if let (Some(old), Some(new), false) =
        (old.unwrap_or_else(|| Some(Vec::new())), new.unwrap_or_else(|| Some(Vec::new())), open)
    {
        let mut all = new;
        all.extend(old.into_iter().filter(|name| !all.contains(name)).collect::<Vec<_>>());
        cx.set(&GROUPS, all);
    }
}

fn certificates(cx: &mut Cx<'_>, scan: &ScanResult) {
    let mut rows = cx.rows(&CERTIFICATES);
    let mut kinds: Vec<String> = Vec::new();
    let mut first: Option<f64> = None;
    let mut readable = true;
    for shown in &scan.certificates {
        let Some(certificate) = shown.chain.first().and_then(|der| Certificate::parse(der)) else {
            readable = false;
            continue;
        };
        let left = certificate.expires_in(now());
        first = Some(first.map_or(left, |least| least.min(left)));
        let kind = certificate.key.split(' ').next().unwrap_or("key").to_lowercase();
        let taken = kinds.iter().filter(|known| **known == kind).count();
        let mut row = rows.row(if taken == 0 { kind.clone() } else { format!("{kind}{}", taken + 1) });
        kinds.push(kind);
        fill(&mut row, shown, &certificate, left);
        rows.add(row);
    }
    if !readable {
        cx.note("a leaf certificate that was shown cannot be read as X.509");
        return;
    }
    if let Some(first) = first {
        cx.set(&EXPIRES_IN, first);
        cx.set_rows(rows);
    }
}

fn fill(row: &mut Row, shown: &ShownChain, certificate: &Certificate, left: f64) {
    let sni = match (shown.with_sni, shown.without_sni) {
        (true, true) => "both",
        (true, false) => "with",
        (false, _) => "without",
    };
    row.set(&KEY, certificate.key.clone());
    row.set(&SAN, certificate.san.clone());
    row.set(&SUBJECT, certificate.subject.clone());
    row.set_some(&NOT_AFTER, rfc3339(certificate.not_after));
    row.set(&LEAF_EXPIRES_IN, left);
    row.set(&FINGERPRINT, certificate.fingerprint.clone());
    row.set(&SNI, sni);
    row.set(&LEAF_VERSIONS, shown.versions.iter().map(|version| version.word().to_owned()).collect::<Vec<_>>());
    row.set(&CHAIN, i64::try_from(shown.chain.len()).unwrap_or(i64::MAX));
    if left <= 0.0 {
        row.mark_wrong();
    }
}

/// Evidence: whatever is known of lists that are absent, and anything peculiar.
fn note_evidence(cx: &mut Cx<'_>, scan: &ScanResult) {
    for line in scan.notes.iter().take(8) {
        cx.note(line.clone());
    }
    for line in scan.unknown.iter().take(8) {
        cx.note(format!("undecided: {line}"));
    }
    if scan.unknown.len() > 8 {
        cx.note(format!("undecided: {} more, see scan.unknown", scan.unknown.len() - 8));
    }
    let offered: Vec<&str> = scan.offered().iter().map(|version| version.word()).collect();
    if !scan.unknown.is_empty() {
        let suites = counted(scan.suites.values().map(Vec::len).sum::<usize>(), "suite");
        cx.note(format!("accepted so far: {}, {suites}", offered.join(" ")));
    }
    if scan.asks_certificate {
        cx.note("the server asks for a client certificate");
    }
}
