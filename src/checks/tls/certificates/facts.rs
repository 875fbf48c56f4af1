//! The facts of every check that saw a certificate.

use super::chain_analysis::{Age, Ages, ChainAnalysis, Staple};
use crate::checks::shared::advice;
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Choice, Fact, Rule, TimeOf, Unit};
use crate::probe::Cx;
use crate::proto::tls::ocsp::Status;
use crate::proto::tls::{lint, now};

/// Findings in the evidence.
const EVIDENCE_LINES: usize = 10;

/// Advice for a certificate that must not be used any more.
pub(super) const REVOKED: (&str, &str) =
    ("revoked", "the authority has revoked it: replace certificate and key now, and find out why");
const OTHER_PATH: &str =
    "the path a client verifies is another one or ends too soon: see `path.subjects`, and what is in `ca_file`";
const STAPLE: &str =
    "the staple is missing, old or not proven: can the server reach its OCSP responder, and does it know its issuer?";

facts! { pub(crate) FACTS;
    const LINT: Fact<Vec<String>> = Fact::list(
        "lint",
        "Rules that the served certificates break although they may verify, one word each (listed on the page of this family); empty when there is none.",
    )
    .own_evidence()
    .form(Form::Words(lint::WORDS))
    .ruled(Rule::MayShrink)
    .on_breach(
        "each finding names its rule and the certificate: correct the order of the chain, or have it issued anew",
    )
    .part_of("certificate");
    const EXPIRES_IN: Fact<f64> =
        Fact::number("expires_in", Unit::Seconds, "Time until the leaf expires; negative once it has.").lasting(TimeOf::Validity)
            .on_breach(advice::RENEW)
    .part_of("certificate");
    const LIFETIME_LEFT: Fact<f64> =
        Fact::number("lifetime_left", Unit::Ratio, "Share of the leaf's lifetime that is left, 0 once it has expired.").lasting(TimeOf::Validity)
            .on_breach("renewal should have run by now: look why it did not")
    .part_of("certificate");
    const CHAIN_EXPIRES_IN: Fact<f64> = Fact::number(
        "chain.expires_in",
        Unit::Seconds,
        "Time until the first certificate of the served chain expires; negative once one has.",
    ).lasting(TimeOf::Validity)
    .on_breach(advice::RENEW_CHAIN)
    .part_of("certificate");
    const CHAIN_LIFETIME_LEFT: Fact<f64> = Fact::number(
        "chain.lifetime_left",
        Unit::Ratio,
        "Smallest remaining share of a lifetime among the certificates of the served chain.",
    ).lasting(TimeOf::Validity)
    .on_breach("a certificate of the chain is late in its life: ask its issuer for the next one")
    .part_of("certificate");
    const CHAIN_SPKI: Fact<Vec<String>> = Fact::list(
        "chain.spki",
        "Pins of the served keys, leaf first: base64 of the SHA-256 of the public key, as RFC 7469 writes them.",
    )
    .form(Form::Digest)
    .part_of("certificate");
    const PATH_EXPIRES_IN: Fact<f64> = Fact::number(
        "path.expires_in",
        Unit::Seconds,
        "Time until the first certificate of the verified path expires; the root counts if its dates are known (`ca_file`, `system`).",
    ).lasting(TimeOf::Validity)
    .on_breach(OTHER_PATH)
    .part_of("certificate");
    const PATH_LIFETIME_LEFT: Fact<f64> = Fact::number(
        "path.lifetime_left",
        Unit::Ratio,
        "Smallest remaining share of a lifetime among the certificates of the verified path.",
    ).lasting(TimeOf::Validity)
    .on_breach(OTHER_PATH)
    .part_of("certificate");
    const PATH_LENGTH: Fact<i64> =
        Fact::integer("path.length", Unit::Count, "Certificates of the verified path, the root included.")
            .ruled(Rule::Same)
            .on_breach(OTHER_PATH)
    .part_of("certificate");
    const PATH_SUBJECTS: Fact<Vec<String>> =
        Fact::list("path.subjects", "Subjects of the verified path, from the leaf to the root.")
            .on_breach(OTHER_PATH)
            .form(Form::DistinguishedName)
    .part_of("certificate");
    const MUST_STAPLE: Fact<bool> =
        Fact::flag("must_staple", "The leaf demands a stapled OCSP response (TLS feature, RFC 7633).")
    .part_of("certificate");
    pub(in crate::checks::tls) const STAPLED: Fact<bool> =
        Fact::flag("ocsp.stapled", "The server stapled an OCSP response.").on_breach(STAPLE)
    .part_of("certificate");
    const ACCEPTABLE: Fact<bool> = Fact::flag(
        "ocsp.acceptable",
        "No stapled response says that a leaf is revoked, and a leaf that demands a staple, on a path that verifies, comes with one that \
         proves it good.",
    )
    .expected("true")
    .lifted_by(&["ocsp.status", "verified"])
    .advice(&[(
        "false",
        "see `ocsp.status` and the evidence: a revoked certificate is replaced, key and all; a demanded staple needs a server that fetches it",
    )])
    .part_of("certificate");
    const OCSP_STATUS: Fact<Choice> = Fact::choice(
        "ocsp.status",
        &["good", "revoked", "unknown", "expired", "invalid"],
        "What the stapled response says about the leaf; `expired` if it is too old, `invalid` if it proves nothing.",
    )
    .advice(&[REVOKED])
    .on_breach(STAPLE)
    .part_of("certificate");
    const OCSP_ERROR: Fact<String> =
        Fact::text("ocsp.error", "Why the stapled response proves nothing.").on_breach(STAPLE)
    .part_of("certificate");
    const OCSP_NEXT: Fact<f64> = Fact::number(
        "ocsp.next_update_in",
        Unit::Seconds,
        "Time until the stapled response must be replaced; negative once it is too old.",
    ).lasting(TimeOf::Validity)
    .on_breach(STAPLE)
    .part_of("certificate");
    const SCTS: Fact<i64> =
        Fact::integer("sct.count", Unit::Count, "Signed certificate timestamps embedded in the leaf (RFC 6962).")
    .part_of("certificate");
}

/// Records what the reported chain is like; `ages` and `lint` are those of every address that was asked.
pub(crate) fn record(cx: &mut Cx<'_>, analysis: &ChainAnalysis, ages: &Ages, lint: Vec<String>) {
    let ages = [
        (&EXPIRES_IN, &LIFETIME_LEFT, ages.leaf),
        (&CHAIN_EXPIRES_IN, &CHAIN_LIFETIME_LEFT, ages.chain),
        (&PATH_EXPIRES_IN, &PATH_LIFETIME_LEFT, ages.path),
    ];
    for (expires_in, left, age) in ages {
        set_age(cx, expires_in, left, age);
    }
    cx.set(&LINT, lint);
    for finding in analysis.findings.iter().take(EVIDENCE_LINES) {
        cx.note(finding.evidence());
    }
    if let Some(more) = analysis.findings.len().checked_sub(EVIDENCE_LINES).filter(|more| *more > 0) {
        cx.note(format!("lint: and {more} more"));
    }
    if let Some(pins) = &analysis.pins {
        cx.set(&CHAIN_SPKI, pins.clone());
    }
    if let Some(path) = &analysis.path {
        cx.set(&PATH_LENGTH, i64::try_from(path.subjects.len()).unwrap_or(i64::MAX));
        cx.set(&PATH_SUBJECTS, path.subjects.clone());
    }
    if let Some(must_staple) = analysis.must_staple {
        cx.set(&MUST_STAPLE, must_staple);
    }
    if let Some(scts) = analysis.scts {
        cx.set(&SCTS, i64::try_from(scts).unwrap_or(i64::MAX));
    }
    record_staple(cx, &analysis.staple);
}

/// Records whether the staples of all chains that were seen let clients go on.
pub(crate) fn record_acceptable<'a>(cx: &mut Cx<'_>, analyses: impl Iterator<Item = &'a ChainAnalysis>) {
    let mut seen = false;
    let mut acceptable = true;
    for analysis in analyses {
        seen = true;
        if let Some(why) = analysis.unacceptable_staple(now()) {
            acceptable = false;
            cx.note(why);
        }
    }
    if seen {
        cx.set(&ACCEPTABLE, acceptable);
    }
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
