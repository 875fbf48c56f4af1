//! The facts of every handshake. Those of a mode stand beside it.

use crate::checks::shared::advice;
use crate::model::fact::{Distribution, NO_FAILURE, Time};
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Better, Choice, Fact, Rule, Unit};
use crate::proto::tls::spelling;

/// Outcome of a handshake that was completed, whether the certificate verifies or not.
pub(super) const COMPLETED: &str = "completed";
/// Outcome of a scan that found something.
pub(super) const SCANNED: &str = "scanned";

facts! { pub(super) FACTS;
    pub(super) const OUTCOME: Fact<Choice> = Fact::choice(
        "outcome",
        &[
            COMPLETED,
            SCANNED,
            "refused",
            "timeout",
            "unreachable",
            "unresolved",
            "reset",
            "alert",
            "not_tls",
            "closed",
            "no_starttls",
            "service_refused",
        ],
        "What became of the handshake; `completed` says nothing about trust, see `verified`. `scanned`: the scan found something.",
    )
    .expected(COMPLETED)
    .outcome(&["timeout", "unreachable"])
    .elsewhere(&["unresolved"])
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
            "service_refused",
            "the service itself refuses this client before a word about TLS: is it overloaded, is this address blocked there, is it the right host?",
        ),
        (
            "no_starttls",
            "the server stays in plain text: is TLS configured there (certificate and key readable), and is it the right port and protocol?",
        ),
    ])
    .on_breach(advice::EVIDENCE);
    pub(super) const ALERT: Fact<String> = Fact::text(
        "alert",
        "TLS alert that ended it, such as handshake_failure; `sent (why)` when this side ended it.",
    )
    .form(Form::Word);
    pub(super) const VERIFIED: Fact<bool> = Fact::flag(
        "verified",
        "The handshake completed, the chain leads to a trusted root, the name fits, the key is proven.",
    )
    .expected("true")
    .lifted_by(&["verify_error"])
    .advice(&[(
        "false",
        "see `verify_error`: renew or replace the certificate, send the whole chain, or give `ca_file` for a private CA",
    )])
    .part_of("certificate");
    pub(super) const VERIFY_ERROR: Fact<String> = Fact::text("verify_error", "Everything that is wrong with the certificate.").failure()
    .part_of("certificate");
    pub(super) const VERSION: Fact<Choice> =
        Fact::choice("version", &["SSLv3", "TLS1.0", "TLS1.1", "TLS1.2", "TLS1.3"], "Version agreed on.")
            .on_breach(advice::OTHER_VERSION);
    pub(super) const CIPHER: Fact<String> = Fact::text("cipher", "Cipher suite agreed on, IANA name; OpenSSL's is understood.")
    .form(Form::Data(&spelling::SUITES));
    pub(super) const GROUP: Fact<String> = Fact::text("group", "Key exchange group agreed on, IANA name such as X25519MLKEM768.")
    .form(Form::Data(&spelling::NAMED_GROUPS));
    pub(super) const ALPN: Fact<String> = Fact::text("alpn", "Application protocol agreed on; absent when there is none.")
        .on_breach("the peer chose another protocol: is it enabled there, and on what terminates TLS before it?");
    pub(super) const RESUMED: Fact<bool> = Fact::flag(
        "resumed",
        "An earlier session was resumed; no session is offered, so that the certificate is seen.",
    );
    pub(super) const SAN: Fact<Vec<String>> = Fact::list("san", "DNS names and addresses the leaf is for.").on_breach(
        "the certificate is another one than expected: which server answered (`address`), with which SNI?",
    )
    .form(Form::Host)
    .part_of("certificate");
    pub(super) const SUBJECT: Fact<String> = Fact::text("subject", "Subject of the leaf.").form(Form::DistinguishedName)
    .part_of("certificate");
    pub(super) const ISSUER: Fact<String> = Fact::text("issuer", "Issuer of the leaf.").form(Form::DistinguishedName)
    .part_of("certificate");
    pub(super) const NOT_BEFORE: Fact<Time> =
        Fact::time("not_before", "First second of the leaf's validity.").ruled(Rule::Same)
    .part_of("certificate");
    pub(super) const NOT_AFTER: Fact<Time> = Fact::time("not_after", "Last second of the leaf's validity.").ruled(Rule::Same)
    .part_of("certificate");
    pub(super) const CHAIN_LENGTH: Fact<i64> =
        Fact::integer("chain.length", Unit::Count, "Certificates served.").ruled(Rule::Same)
    .part_of("certificate");
    pub(super) const CHAIN_SUBJECTS: Fact<Vec<String>> =
        Fact::list("chain.subjects", "Subjects of the served chain, leaf first.")
    .form(Form::DistinguishedName)
    .part_of("certificate");
    pub(super) const KEY: Fact<String> = Fact::text("key", "Key of the leaf, such as ECDSA P-256 or RSA 2048.")
    .form(Form::Data(&spelling::KEYS))
    .part_of("certificate");
    pub(super) const SIGNATURE: Fact<String> =
        Fact::text("signature", "Signature algorithm of the leaf, such as ecdsa-with-SHA256.")
    .form(Form::Data(&spelling::SIGNATURES))
    .part_of("certificate");
    pub(super) const SERIAL: Fact<String> = Fact::text("serial", "Serial number of the leaf, lower-case hexadecimal.")
    .form(Form::HexNumber)
    .part_of("certificate");
    pub(super) const FINGERPRINT: Fact<String> =
        Fact::text("fingerprint.sha256", "SHA-256 of the leaf, lower-case hexadecimal without colons.")
    .form(Form::Digest)
    .part_of("certificate");
    pub(super) const SPKI: Fact<String> = Fact::text(
        "spki.sha256",
        "SHA-256 of the leaf's public key, lower-case hexadecimal; stays when a renewal keeps the key.",
    )
    .form(Form::Digest)
    .part_of("certificate");
    pub(super) const HANDSHAKE_TIME: Fact<Distribution> = Fact::distribution(
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
        Fact::address("address", "The address connected to.");
}
