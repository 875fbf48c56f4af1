//! How a handshake becomes facts.

use super::certificates::ChainAnalysis;
use super::facts::{
    ALPN, CHAIN_LENGTH, CHAIN_SUBJECTS, CIPHER, FINGERPRINT, GROUP, HANDSHAKE_TIME, ISSUER, KEY, NOT_AFTER, NOT_BEFORE,
    RESUMED, SAN, SERIAL, SIGNATURE, SPKI, SUBJECT, VERIFIED, VERIFY_ERROR, VERSION,
};
use crate::probe::Cx;
use crate::proto::tls::certificate::{Certificate, rfc3339};
use crate::proto::tls::{Handshake, Session};

/// Records how long the handshake took, if it was completed.
pub(super) fn record_time<S>(cx: &mut Cx<'_>, handshake: &Handshake<S>) {
    if handshake.session.is_some() {
        cx.record_time(&HANDSHAKE_TIME, handshake.elapsed);
    }
}

/// Records session, trust, leaf and chain; whatever the server did not show stays absent.
pub(super) fn record<S>(cx: &mut Cx<'_>, handshake: &Handshake<S>, chain: Option<&ChainAnalysis>) {
    if let Some(verified) = handshake.verified() {
        cx.set(&VERIFIED, verified);
    }
    if let Some(error) = &handshake.verify_error {
        cx.set(&VERIFY_ERROR, error.clone());
    }
    if let Some(session) = &handshake.session {
        record_session(cx, session);
    }
    let Some(chain) = chain else { return };
    match chain.leaf() {
        Some(leaf) => record_leaf(cx, leaf),
        None => cx.note("the leaf cannot be read as an X.509 certificate"),
    }
    record_chain(cx, &chain.certificates);
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

/// Evidence beside how the handshake ended.
pub(super) fn note_certificates<S>(cx: &mut Cx<'_>, handshake: &Handshake<S>) {
    if handshake.certificate_requested {
        cx.note("the server asked for a client certificate");
    }
    if handshake.client_unfit {
        cx.note("client_cert was not shown: its key cannot sign in a way that the server takes");
    }
    if let Some(error) = &handshake.verify_error {
        cx.note(format!("the certificate does not verify: {error}"));
    }
    if let Some(note) = &handshake.trust_note {
        cx.note(format!("the certificate is {note}"));
    }
}
