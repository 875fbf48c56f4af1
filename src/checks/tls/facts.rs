//! What the family can see, and how a handshake becomes facts.

use super::certificates::Examined;
use crate::checks::shared::advice;
use crate::model::fact::{Distribution, NO_FAILURE, Time};
use crate::model::table::facts;
use crate::model::{Better, Choice, Fact, Rule, Unit};
use crate::probe::Cx;
use crate::proto::tls::certificate::{Certificate, rfc3339};
use crate::proto::tls::{Handshake, Session};

facts! { pub(super) FACTS;
    pub(super) const OUTCOME: Fact<Choice> = Fact::choice(
        "outcome",
        &[
            "handshaken",
            "scanned",
            "refused",
            "timeout",
            "unreachable",
            "unresolved",
            "reset",
            "alert",
            "not_tls",
            "closed",
            "no_starttls",
        ],
        "What became of the handshake; `handshaken` says nothing about trust, see `verified`. `scanned`: the scan found something.",
    )
    .decisive()
    .advice(&[
        ("scanned", NO_FAILURE),
        advice::REFUSED,
        advice::TIMEOUT,
        advice::UNREACHABLE,
        advice::UNRESOLVED,
        advice::RESET,
        advice::ALERT,
        advice::NOT_TLS,
        advice::CLOSED,
        (
            "no_starttls",
            "the server stays in plain text: is TLS configured there (certificate and key readable), and is it the right port and protocol?",
        ),
    ])
    .on_breach(advice::EVIDENCE);
    pub(super) const ALERT: Fact<String> = Fact::text(
        "alert",
        "TLS alert that ended it, such as handshake_failure; `sent (why)` when this side ended it.",
    );
    const VERIFIED: Fact<bool> = Fact::flag(
        "verified",
        "The handshake completed, the chain leads to a trusted root, the name fits, the key is proven.",
    )
    .expected("true")
    .advice(&[(
        "false",
        "see `verify_error`: renew or replace the certificate, send the whole chain, or give `ca_file` for a private CA",
    )]);
    const VERIFY_ERROR: Fact<String> = Fact::text("verify_error", "Everything that is wrong with the certificate.");
    const VERSION: Fact<Choice> =
        Fact::choice("version", &["SSLv3", "TLS1.0", "TLS1.1", "TLS1.2", "TLS1.3"], "Version agreed on.")
            .on_breach(advice::OTHER_VERSION);
    const CIPHER: Fact<String> = Fact::text("cipher", "Cipher suite agreed on, IANA name.");
    const GROUP: Fact<String> = Fact::text("group", "Key exchange group agreed on, IANA name such as X25519MLKEM768.");
    const ALPN: Fact<String> = Fact::text("alpn", "Application protocol agreed on; absent when there is none.")
        .on_breach("the peer chose another protocol: is it enabled there, and on what terminates TLS before it?");
    const RESUMED: Fact<bool> = Fact::flag(
        "resumed",
        "An earlier session was resumed; no session is offered, so that the certificate is seen.",
    );
    const SAN: Fact<Vec<String>> = Fact::list("san", "DNS names and addresses the leaf is for.").on_breach(
        "the certificate is another one than expected: which server answered (`address`), with which SNI?",
    );
    const SUBJECT: Fact<String> = Fact::text("subject", "Subject of the leaf.");
    const ISSUER: Fact<String> = Fact::text("issuer", "Issuer of the leaf.");
    const NOT_BEFORE: Fact<Time> =
        Fact::time("not_before", "First second of the leaf's validity.").ruled(Rule::Same);
    const NOT_AFTER: Fact<Time> = Fact::time("not_after", "Last second of the leaf's validity.").ruled(Rule::Same);
    const CHAIN_LENGTH: Fact<i64> =
        Fact::integer("chain.length", Unit::Count, "Certificates served.").ruled(Rule::Same);
    const CHAIN_SUBJECTS: Fact<Vec<String>> =
        Fact::list("chain.subjects", "Subjects of the served chain, leaf first.");
    const KEY: Fact<String> = Fact::text("key", "Key of the leaf, such as ECDSA P-256 or RSA 2048.");
    const SIGNATURE: Fact<String> =
        Fact::text("signature", "Signature algorithm of the leaf, such as ecdsa-with-SHA256.");
    const SERIAL: Fact<String> = Fact::text("serial", "Serial number of the leaf, lower-case hexadecimal.");
    const FINGERPRINT: Fact<String> =
        Fact::text("fingerprint.sha256", "SHA-256 of the leaf, lower-case hexadecimal without colons.");
    const SPKI: Fact<String> = Fact::text(
        "spki.sha256",
        "SHA-256 of the leaf's public key, lower-case hexadecimal; stays when a renewal keeps the key.",
    );
    const HANDSHAKE_TIME: Fact<Distribution> = Fact::distribution(
        "handshake_time",
        Unit::Seconds,
        Better::Lower,
        "From the connection to the end of a completed TLS handshake.",
    );
    pub(super) const CONNECT_TIME: Fact<Distribution> = Fact::distribution(
        "connect_time",
        Unit::Seconds,
        Better::Lower,
        "From SYN to established, name lookup excluded.",
    )
    .on_breach(advice::SLOWER)
    .reached();
    pub(super) const ADDRESS: Fact<String> =
        Fact::text("address", "The address connected to.").ruled(Rule::Ignore);
}

/// How long the handshake took, if it completed.
pub(super) fn record_time<S>(cx: &mut Cx<'_>, shaken: &Handshake<S>) {
    if shaken.session.is_some() {
        cx.record_time(&HANDSHAKE_TIME, shaken.elapsed);
    }
}

/// Records session, trust, leaf and chain; whatever the server did not show stays absent.
pub(super) fn record<S>(cx: &mut Cx<'_>, shaken: &Handshake<S>, examined: Option<&Examined>) {
    if let Some(verified) = shaken.verified() {
        cx.set(&VERIFIED, verified);
    }
    if let Some(error) = &shaken.verify_error {
        cx.set(&VERIFY_ERROR, error.clone());
    }
    if let Some(session) = &shaken.session {
        record_session(cx, session);
    }
    let Some(examined) = examined else { return };
    match examined.leaf() {
        Some(leaf) => record_leaf(cx, leaf),
        None => cx.note("the leaf cannot be read as an X.509 certificate"),
    }
    record_chain(cx, &examined.certificates);
}

fn record_session(cx: &mut Cx<'_>, session: &Session) {
    if let Some(version) = session.version {
        cx.set(&VERSION, version);
    }
    let texts = [(&CIPHER, &session.cipher), (&GROUP, &session.group), (&ALPN, &session.alpn)];
    for (fact, text) in texts {
        if let Some(text) = text {
            cx.set(fact, text.clone());
        }
    }
    cx.set(&RESUMED, session.resumed);
}

fn record_leaf(cx: &mut Cx<'_>, leaf: &Certificate) {
    cx.set(&SAN, leaf.san.clone());
    for (fact, text) in [
        (&SUBJECT, &leaf.subject),
        (&ISSUER, &leaf.issuer),
        (&KEY, &leaf.key),
        (&SIGNATURE, &leaf.signature),
        (&SERIAL, &leaf.serial),
        (&FINGERPRINT, &leaf.fingerprint),
        (&SPKI, &leaf.spki),
    ] {
        cx.set(fact, text.clone());
    }
    for (fact, seconds) in [(&NOT_BEFORE, leaf.not_before), (&NOT_AFTER, leaf.not_after)] {
        if let Some(instant) = rfc3339(seconds) {
            cx.set(fact, instant);
        }
    }
}

fn record_chain(cx: &mut Cx<'_>, chain: &[Option<Certificate>]) {
    cx.set(&CHAIN_LENGTH, i64::try_from(chain.len()).unwrap_or(i64::MAX));
    let subjects = chain.iter().map(|certificate| {
        certificate.as_ref().map_or_else(|| "(unreadable)".to_owned(), |certificate| certificate.subject.clone())
    });
    cx.set(&CHAIN_SUBJECTS, subjects.collect::<Vec<_>>());
}
