//! Facts about certificates.

use super::examine::{Age, Ages, Examined, Staple};
use crate::model::{Choice, Fact, FactInfo, Rule, Unit, Value};
use crate::probe::Cx;
use crate::proto::tls::now;
use crate::proto::tls::ocsp::Status;

/// Findings told in the evidence.
const TOLD: usize = 10;

pub(super) const LINT: Fact<Vec<String>> = Fact::list(
    "lint",
    "Rules the served certificates break although they may verify, a word each (see README); empty when there is none.",
)
.ruled(Rule::MayShrink);
const EXPIRES_IN: Fact<f64> =
    Fact::number("expires_in", Unit::Seconds, "Until the leaf expires; negative once it has.");
const LIFETIME_LEFT: Fact<f64> =
    Fact::number("lifetime_left", Unit::Ratio, "Share of the leaf's lifetime that is left, 0 once it has expired.");
const CHAIN_EXPIRES_IN: Fact<f64> = Fact::number(
    "chain.expires_in",
    Unit::Seconds,
    "Until the first certificate of the served chain expires; negative once one has.",
);
const CHAIN_LIFETIME_LEFT: Fact<f64> = Fact::number(
    "chain.lifetime_left",
    Unit::Ratio,
    "The smallest share of its lifetime that a certificate of the served chain has left.",
);
const CHAIN_SPKI: Fact<Vec<String>> = Fact::list(
    "chain.spki",
    "Pins of the served keys, leaf first: base64 of the SHA-256 of the public key, as RFC 7469 writes them.",
);
const PATH_EXPIRES_IN: Fact<f64> = Fact::number(
    "path.expires_in",
    Unit::Seconds,
    "Until the first certificate of the verified path expires; its root counts if its dates are known (`ca_file`, `system`).",
);
const PATH_LIFETIME_LEFT: Fact<f64> = Fact::number(
    "path.lifetime_left",
    Unit::Ratio,
    "The smallest share of its lifetime that a certificate of the verified path has left.",
);
const PATH_LENGTH: Fact<i64> =
    Fact::integer("path.length", Unit::Count, "Certificates of the verified path, the root included.")
        .ruled(Rule::Same);
const PATH_SUBJECTS: Fact<Vec<String>> =
    Fact::list("path.subjects", "Subjects of the verified path, from the leaf to the root.");
const MUST_STAPLE: Fact<bool> =
    Fact::flag("must_staple", "The leaf demands a stapled OCSP response (TLS feature, RFC 7633).");
const STAPLED: Fact<bool> = Fact::flag("ocsp.stapled", "The server stapled an OCSP response.");
const OCSP_STATUS: Fact<Choice> = Fact::choice(
    "ocsp.status",
    &["good", "revoked", "unknown", "expired", "invalid"],
    "What the stapled response says of the leaf; `expired` when it is too old, `invalid` when it proves nothing.",
);
const OCSP_ERROR: Fact<String> = Fact::text("ocsp.error", "Why the stapled response proves nothing.");
const OCSP_NEXT: Fact<f64> = Fact::number(
    "ocsp.next_update_in",
    Unit::Seconds,
    "Until the stapled response must be replaced; negative once it is too old.",
);
const SCTS: Fact<i64> =
    Fact::integer("sct.count", Unit::Count, "Signed certificate timestamps embedded in the leaf (RFC 6962).");

/// Facts of every check that saw a certificate.
pub(crate) const ALWAYS: &[FactInfo] = &[
    LINT.info,
    EXPIRES_IN.info,
    LIFETIME_LEFT.info,
    CHAIN_EXPIRES_IN.info,
    CHAIN_LIFETIME_LEFT.info,
    CHAIN_SPKI.info,
    PATH_EXPIRES_IN.info,
    PATH_LIFETIME_LEFT.info,
    PATH_LENGTH.info,
    PATH_SUBJECTS.info,
    MUST_STAPLE.info,
    STAPLED.info,
    OCSP_STATUS.info,
    OCSP_ERROR.info,
    OCSP_NEXT.info,
    SCTS.info,
];

pub(super) const ADDRESSES: Fact<Vec<String>> = Fact::list("addresses", "Every address the name has.");
pub(super) const FAILED: Fact<Vec<String>> = Fact::list(
    "addresses.failed",
    "Addresses that did not end as `handshaken`, with their outcome, or whose certificate does not verify.",
);
pub(super) const AGREE: Fact<bool> = Fact::flag(
    "addresses.agree",
    "Every address shows the same leaf with the same verdict; absent when one could not be asked.",
);

/// Facts of `addresses: all`.
pub(crate) const ADDRESSES_FACTS: &[FactInfo] = &[ADDRESSES.info, FAILED.info, AGREE.info];

pub(super) const CERTIFICATES: Fact<Value> = Fact::object(
    "certificates",
    "Every certificate the server can show, by kind of key: `certificates.rsa.not_after`; a differing one without SNI as `rsa_no_sni`.",
);
pub(super) const COUNT: Fact<i64> =
    Fact::integer("certificates.count", Unit::Count, "Different leaves the server can show.").ruled(Rule::Same);
pub(super) const KEYS: Fact<Vec<String>> =
    Fact::list("certificates.keys", "Keys of all leaves, such as ECDSA P-256 and RSA 2048.");
pub(super) const ALL_VERIFIED: Fact<bool> = Fact::flag(
    "certificates.verified",
    "Every certificate shown to a client with the name verifies; absent when one kind could not be asked for.",
);
pub(super) const ALL_EXPIRES_IN: Fact<f64> = Fact::number(
    "certificates.expires_in",
    Unit::Seconds,
    "Until the first of all certificates the server can show expires, without SNI too, intermediates included.",
);
pub(super) const ALL_LIFETIME_LEFT: Fact<f64> = Fact::number(
    "certificates.lifetime_left",
    Unit::Ratio,
    "The smallest share of its lifetime that one of them has left.",
);
pub(super) const ALL_LINT: Fact<Vec<String>> =
    Fact::list("certificates.lint", "Rules that one of the chains the server can show breaks, a word each.")
        .ruled(Rule::MayShrink);
pub(super) const UNKNOWN: Fact<Vec<String>> = Fact::list(
    "certificates.unknown",
    "Kinds of certificate of which it is not known whether the server has one, and why.",
)
.ruled(Rule::MayShrink);

/// Facts of `certificates: all`.
pub(crate) const ALL_FACTS: &[FactInfo] = &[
    CERTIFICATES.info,
    COUNT.info,
    KEYS.info,
    ALL_VERIFIED.info,
    ALL_EXPIRES_IN.info,
    ALL_LIFETIME_LEFT.info,
    ALL_LINT.info,
    UNKNOWN.info,
];

pub(super) const CRL_STATUS: Fact<Choice> = Fact::choice(
    "crl.status",
    &["good", "none", "unreachable", "expired", "invalid", "revoked"],
    "The worst the revocation lists of leaf and intermediates say; `none` when the leaf names no list.",
);
pub(super) const CRL_NEXT: Fact<f64> = Fact::number(
    "crl.next_update_in",
    Unit::Seconds,
    "Until the first of the lists must be replaced; negative once one is too old.",
);
pub(super) const CRL_CHECKED: Fact<Vec<String>> =
    Fact::list("crl.checked", "Each certificate looked up, with what its list says.");

/// Facts of `crl: true`.
pub(crate) const CRL_FACTS: &[FactInfo] = &[CRL_STATUS.info, CRL_NEXT.info, CRL_CHECKED.info];

/// Records what the reported chain is like; `ages` and `lint` are those of every address that was asked.
pub(crate) fn record(cx: &mut Cx<'_>, examined: &Examined, ages: &Ages, lint: Vec<String>) {
    let ages = [
        (&EXPIRES_IN, &LIFETIME_LEFT, ages.leaf),
        (&CHAIN_EXPIRES_IN, &CHAIN_LIFETIME_LEFT, ages.chain),
        (&PATH_EXPIRES_IN, &PATH_LIFETIME_LEFT, ages.path),
    ];
    for (expires_in, left, age) in ages {
        set_age(cx, expires_in, left, age);
    }
    cx.set(&LINT, lint);
    for finding in examined.findings.iter().take(TOLD) {
        cx.note(finding.told());
    }
    if let Some(more) = examined.findings.len().checked_sub(TOLD).filter(|more| *more > 0) {
        cx.note(format!("lint: and {more} more"));
    }
    if let Some(pins) = &examined.pins {
        cx.set(&CHAIN_SPKI, pins.clone());
    }
    if let Some(path) = &examined.path {
        cx.set(&PATH_LENGTH, i64::try_from(path.subjects.len()).unwrap_or(i64::MAX));
        cx.set(&PATH_SUBJECTS, path.subjects.clone());
    }
    if let Some(must_staple) = examined.must_staple {
        cx.set(&MUST_STAPLE, must_staple);
    }
    if let Some(scts) = examined.scts {
        cx.set(&SCTS, i64::try_from(scts).unwrap_or(i64::MAX));
    }
    record_staple(cx, &examined.staple);
}

pub(super) fn set_age(cx: &mut Cx<'_>, expires_in: &Fact<f64>, left: &Fact<f64>, age: Option<Age>) {
    if let Some(age) = age {
        cx.set(expires_in, age.expires_in);
        if let Some(share) = age.left {
            cx.set(left, share);
        }
    }
}

fn record_staple(cx: &mut Cx<'_>, staple: &Staple) {
    cx.set(&STAPLED, !matches!(staple, Staple::None));
    match staple {
        Staple::None => {}
        Staple::Unusable(why) => {
            cx.set(&OCSP_STATUS, "invalid");
            cx.set(&OCSP_ERROR, why.clone());
            cx.note(format!("the stapled OCSP response proves nothing: {why}"));
        }
        Staple::Answer(answer) => {
            let left = answer.next_update.map(|next| next as f64 - now());
            if let Some(left) = left {
                cx.set(&OCSP_NEXT, left);
            }
            if let Some(revoked) = &answer.revoked {
                cx.note(format!("the stapled OCSP response says that the leaf is revoked {revoked}"));
            }
            // An old answer that says revoked is not taken back by its age.
            let word = match (answer.status, left) {
                (Status::Revoked, _) => "revoked",
                (_, Some(left)) if left < 0.0 => "expired",
                (Status::Good, _) => "good",
                (Status::Unknown, _) => "unknown",
            };
            cx.set(&OCSP_STATUS, word);
        }
    }
}
