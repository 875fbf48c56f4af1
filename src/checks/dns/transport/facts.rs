//! Facts of encrypted transports besides the answer: the session and the certificate as in family `tls`, below `tls.`,
//! and HTTP.

use hyper::http::HeaderMap;
use hyper::http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE};

use crate::model::fact::{Distribution, Time};
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Better, Choice, Fact, Rule, TimeOf, Unit};
use crate::net::bytes::readable;
use crate::probe::Cx;
use crate::proto::tls::certificate::{Certificate, rfc3339};
use crate::proto::tls::{ChainSummary, Handshake, Session, spelling};

/// Most of a header that is shown.
const HEADER: usize = 200;
const NOT_VERIFIED: &str = "see `tls.verify_error`: renew or replace the certificate, or name what it is for (`sni`, `verify_name`) and who issued it (`ca_file`)";
const RENEW: &str = "renew the certificate, and look why its renewal did not run";

// Of every encrypted transport.
facts! { pub(super) SECURE;
    const HANDSHAKE_TIME: Fact<Distribution> = Fact::distribution(
        "handshake_time",
        Unit::Seconds,
        Better::Lower,
        "Time of the TLS handshake after the connection; over QUIC of the whole handshake, which also connects.",
    );
    const VERIFIED: Fact<bool> = Fact::flag(
        "tls.verified",
        "Whether the handshake completed, the chain leads to a trusted root, the name matches and the server proved its key.",
    )
    .lifted_by(&["tls.verify_error"])
    .advice(&[("false", NOT_VERIFIED)])
    .part_of("certificate");
    const VERIFY_ERROR: Fact<String> = Fact::text("tls.verify_error", "Everything that is wrong with the certificate.").failure()
    .part_of("certificate");
    pub(super) const ALERT: Fact<String> =
        Fact::text("tls.alert", "TLS alert that ended it, as of family tls; `sent (why)` when this side ended it.").form(Form::Word);
    const VERSION: Fact<Choice> = Fact::choice("tls.version", &["TLS1.2", "TLS1.3"], "Negotiated TLS version.");
    const CIPHER: Fact<String> = Fact::text("tls.cipher", "Negotiated cipher suite, IANA name; OpenSSL's name is understood too.").form(Form::Data(&spelling::SUITES));
    const GROUP: Fact<String> = Fact::text("tls.group", "Negotiated key exchange group, IANA name.").form(Form::Data(&spelling::NAMED_GROUPS));
    const ALPN: Fact<String> = Fact::text("tls.alpn", "Negotiated application protocol; absent if there is none.");
    const SAN: Fact<Vec<String>> = Fact::list("tls.san", "DNS names and addresses the leaf is for.").form(Form::Host)
    .part_of("certificate");
    const SUBJECT: Fact<String> = Fact::text("tls.subject", "Subject of the leaf.").form(Form::DistinguishedName)
    .part_of("certificate");
    const ISSUER: Fact<String> = Fact::text("tls.issuer", "Issuer of the leaf.").form(Form::DistinguishedName)
    .part_of("certificate");
    const NOT_BEFORE: Fact<Time> =
        Fact::time("tls.not_before", "First second of the leaf's validity.").ruled(Rule::Same)
    .part_of("certificate");
    const NOT_AFTER: Fact<Time> = Fact::time("tls.not_after", "Last second of the leaf's validity.").ruled(Rule::Same)
    .part_of("certificate");
    const EXPIRES_IN: Fact<f64> =
        Fact::number("tls.expires_in", Unit::Seconds, "Time until the leaf expires; negative once it has.").lasting(TimeOf::Validity).on_breach(RENEW)
    .part_of("certificate");
    const CHAIN_EXPIRES_IN: Fact<f64> = Fact::number(
        "tls.chain.expires_in",
        Unit::Seconds,
        "Time until the first certificate of the served chain expires; negative once one has.",
    ).lasting(TimeOf::Validity)
    .on_breach("renew the certificate of the chain that ends first, and look why its renewal did not run")
    .part_of("certificate");
    const CHAIN_LENGTH: Fact<i64> =
        Fact::integer("tls.chain.length", Unit::Count, "Certificates served.").ruled(Rule::Same)
    .part_of("certificate");
    const CHAIN_SUBJECTS: Fact<Vec<String>> =
        Fact::list("tls.chain.subjects", "Subjects of the served chain, leaf first.").form(Form::DistinguishedName)
    .part_of("certificate");
    const KEY: Fact<String> = Fact::text("tls.key", "Key of the leaf, such as ECDSA P-256 or RSA 2048.").form(Form::Data(&spelling::KEYS))
    .part_of("certificate");
    const SIGNATURE: Fact<String> = Fact::text("tls.signature", "Signature algorithm of the leaf.").form(Form::Data(&spelling::SIGNATURES))
    .part_of("certificate");
    const SERIAL: Fact<String> = Fact::text("tls.serial", "Serial number of the leaf, lower-case hexadecimal.").form(Form::HexNumber)
    .part_of("certificate");
    const FINGERPRINT: Fact<String> =
        Fact::text("tls.fingerprint.sha256", "SHA-256 of the leaf, lower-case hexadecimal without colons.").form(Form::Digest)
    .part_of("certificate");
    const SPKI: Fact<String> =
        Fact::text("tls.spki.sha256", "SHA-256 of the leaf's public key; stays when a renewal keeps the key.").form(Form::Digest)
    .part_of("certificate");
    pub(super) const PADDING: Fact<bool> = Fact::flag(
        "edns.padding",
        "Whether the answer is padded (RFC 7830), so that its length reveals less; queries always are, to 128 bytes.",
    )
    .on_breach("the server does not pad: see its settings (BIND response-padding, Unbound pad-responses)");
}

// Of the transports in HTTP.
facts! { pub(super) HTTP;
    const STATUS: Fact<i64> =
        Fact::integer("http.status", Unit::Count, "Status of the HTTP response.").ruled(Rule::Same);
    const TYPE: Fact<String> = Fact::text("http.content_type", "Content type of the HTTP response.").form(Form::MediaType);
    const HTTP_AGE: Fact<f64> =
        Fact::number("http.age", Unit::Seconds, "Age header: how long a cache has held the response.").lasting(TimeOf::Age);
    const MAX_AGE: Fact<f64> = Fact::number(
        "http.max_age",
        Unit::Seconds,
        "How long caches may keep the response; must not exceed the smallest TTL of the answer (RFC 8484 section 5.1).",
    ).lasting(TimeOf::Setting);
}

// Of a comparison with the answer by UDP.
facts! { pub(super) COMPARISON;
    pub(super) const SAME_ANSWER: Fact<bool> = Fact::flag(
        "same_answer",
        "Whether the answer over UDP (TCP if truncated) has the same code and records, apart from TTLs; absent if there is none.",
    )
    .advice(&[(
        "false",
        "the server answers differently by UDP: see the evidence; is another process, view or cache behind the encrypted port?",
    )])
    .on_breach("there was nothing to compare with: does the server answer by UDP (`same_as`), and this transport at all?");
}

/// Records session, trust, leaf and chain; whatever the server did not show stays absent.
pub(super) fn record<S>(cx: &mut Cx<'_>, handshake: &Handshake<S>) {
    if let Some(verified) = handshake.verified() {
        cx.set(&VERIFIED, verified);
    }
    if let Some(error) = &handshake.verify_error {
        cx.set(&VERIFY_ERROR, error.clone());
    }
    if let Some(note) = &handshake.trust_note {
        cx.note(format!("the certificate is {note}"));
    }
    if let Some(session) = &handshake.session {
        cx.record_time(&HANDSHAKE_TIME, handshake.elapsed);
        record_session(cx, session);
    }
    if let Some(shown) = handshake.chain_summary() {
        record_chain(cx, shown);
    }
}

fn record_session(cx: &mut Cx<'_>, session: &Session) {
    if let Some(version) = session.version {
        cx.set(&VERSION, version);
    }
    for (fact, text) in [(&CIPHER, &session.cipher), (&GROUP, &session.group), (&ALPN, &session.alpn)] {
        if let Some(text) = text {
            cx.set(fact, text.clone());
        }
    }
}

fn record_chain(cx: &mut Cx<'_>, shown: ChainSummary) {
    cx.set(&CHAIN_LENGTH, i64::try_from(shown.subjects.len()).unwrap_or(i64::MAX));
    cx.set(&CHAIN_SUBJECTS, shown.subjects);
    for (fact, seconds) in [(&EXPIRES_IN, shown.expires_in), (&CHAIN_EXPIRES_IN, shown.chain_expires_in)] {
        if let Some(seconds) = seconds {
            cx.set(fact, seconds);
        }
    }
    match shown.leaf {
        Some(leaf) => record_leaf(cx, leaf),
        None => cx.note("the leaf cannot be read as an X.509 certificate"),
    }
}

fn record_leaf(cx: &mut Cx<'_>, leaf: Certificate) {
    for (fact, seconds) in [(&NOT_BEFORE, leaf.not_before), (&NOT_AFTER, leaf.not_after)] {
        if let Some(instant) = rfc3339(seconds) {
            cx.set(fact, instant);
        }
    }
    cx.set(&SAN, leaf.san);
    for (fact, text) in [
        (&SUBJECT, leaf.subject),
        (&ISSUER, leaf.issuer),
        (&KEY, leaf.key),
        (&SIGNATURE, leaf.signature),
        (&SERIAL, leaf.serial),
        (&FINGERPRINT, leaf.fingerprint),
        (&SPKI, leaf.spki),
    ] {
        cx.set(fact, text);
    }
}

/// Records status and headers; comes back with how long caches may keep the response, in seconds.
pub(super) fn record_http(cx: &mut Cx<'_>, status: u16, headers: &HeaderMap) -> Option<u32> {
    cx.set(&STATUS, i64::from(status));
    if let Some(kind) = headers.get(CONTENT_TYPE) {
        cx.set(&TYPE, shown(kind.as_bytes()));
        if kind.len() > HEADER {
            cx.partial(&TYPE, format!("it has {} bytes, of which {HEADER} characters are kept", kind.len()));
        }
    }
    if let Some(age) = headers.get(AGE).and_then(|age| age.to_str().ok()).and_then(|age| age.trim().parse::<u32>().ok())
    {
        cx.set(&HTTP_AGE, f64::from(age));
    }
    let kept = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()).find_map(max_age);
    if let Some(kept) = kept {
        cx.set(&MAX_AGE, f64::from(kept));
    }
    kept
}

/// A header as evidence.
pub(super) fn shown(value: &[u8]) -> String {
    readable(value).chars().filter(|c| !c.is_control()).take(HEADER).collect()
}

/// `max-age` of a `Cache-Control` value.
fn max_age(value: &str) -> Option<u32> {
    let directive = |part: &str| {
        let (name, seconds) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("max-age").then(|| seconds.trim().trim_matches('"').parse().ok())?
    };
    value.split(',').find_map(directive)
}
