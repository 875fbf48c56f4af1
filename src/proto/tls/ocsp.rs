//! OCSP responses (RFC 6960) as servers staple them to a handshake: is it about this certificate, is it signed by who
//! may sign it, and what does it say. rustls hands the staple over and looks no further.

use aws_lc_rs::digest;
use der::{Decode, Encode};
use x509_ocsp::{BasicOcspResponse, CertId, CertStatus, OcspResponse, OcspResponseStatus, SingleResponse};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Issuer;
use super::signed::{Signed, key_bits};
use crate::model::count::counted;
use crate::proto::tls::certificate::rfc3339;

const BASIC: &str = "1.3.6.1.5.5.7.48.1.1";
const SHA1: &str = "1.3.14.3.2.26";
const SHA256: &str = "2.16.840.1.101.3.4.2.1";
/// Certificates of responders looked at.
const RESPONDERS: usize = 8;
/// How far the clock of the responder may be ahead, seconds.
pub(super) const SKEW: i64 = 300;

/// The status of a certificate in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not revoked.
    Good,
    /// Revoked.
    Revoked,
    /// The responder does not know it.
    Unknown,
}

/// A response about one certificate whose signature is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedAnswer {
    /// The status.
    pub status: Status,
    /// Since when it is known to be so, seconds since 1970.
    pub this_update: i64,
    /// Until when it may be used; absent when newer information is always there.
    pub next_update: Option<i64>,
    /// Since when it is revoked, and why, for people.
    pub revoked: Option<String>,
}

/// Reads the response `der` about the certificate `leaf` issued by `issuer`; `Err` says why it proves nothing. An answer
/// past its `next_update` is returned all the same: its age is a fact of its own.
pub fn read(der: &[u8], leaf: &[u8], issuer: &Issuer, now: i64) -> Result<VerifiedAnswer, String> {
    let response = OcspResponse::from_der(der).map_err(|error| format!("it is no OCSP response: {error}"))?;
    if response.response_status != OcspResponseStatus::Successful {
        return Err(format!("the responder could not answer: {}", status_words(response.response_status)));
    }
    let bytes = response.response_bytes.ok_or_else(|| "the response is empty".to_owned())?;
    if bytes.response_type.to_string() != BASIC {
        return Err(format!("the response is of an unknown type {}", bytes.response_type));
    }
    let basic = bytes.response.as_bytes();
    let parsed = BasicOcspResponse::from_der(basic).map_err(|error| format!("the response cannot be read: {error}"))?;
    let single = about(&parsed, leaf, issuer)?;
    signed(basic, &parsed, issuer, now)?;
    let answer = answer(single);
    // An answer that says revoked is not taken back by a clock that is ahead.
    if answer.status != Status::Revoked && answer.this_update > now.saturating_add(SKEW) {
        return Err(format!("it holds only from {} on", day(answer.this_update)));
    }
    Ok(answer)
}

fn answer(single: &SingleResponse) -> VerifiedAnswer {
    let seconds =
        |time: &x509_ocsp::OcspGeneralizedTime| i64::try_from(time.0.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    let (status, revoked) = match &single.cert_status {
        CertStatus::Good(_) => (Status::Good, None),
        CertStatus::Unknown(_) => (Status::Unknown, None),
        CertStatus::Revoked(info) => {
            let reason = info.revocation_reason.map(|reason| format!(", {}", super::crl::reason_name(reason as u8)));
            let reason = reason.unwrap_or_default();
            (Status::Revoked, Some(format!("since {}{reason}", day(seconds(&info.revocation_time)))))
        }
    };
    let next_update = single.next_update.as_ref().map(seconds);
    VerifiedAnswer { status, this_update: seconds(&single.this_update), next_update, revoked }
}

/// The answer that is about `leaf`.
fn about<'r>(parsed: &'r BasicOcspResponse, leaf: &[u8], issuer: &Issuer) -> Result<&'r SingleResponse, String> {
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|_| "the leaf cannot be read".to_owned())?;
    let serial = positive(leaf.raw_serial());
    // As many as there are: the handshake bounds a response to 64 KiB.
    let mut answers = parsed.tbs_response_data.responses.iter();
    let found = answers.find(|single| identifies(&single.cert_id, serial, issuer));
    found.ok_or_else(|| "it is about another certificate".to_owned())
}

fn identifies(id: &CertId, serial: &[u8], issuer: &Issuer) -> bool {
    let algorithm = match id.hash_algorithm.oid.to_string().as_str() {
        SHA1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        SHA256 => &digest::SHA256,
        _ => return false,
    };
    let fits = |bytes: &[u8], hash: &[u8]| digest::digest(algorithm, bytes).as_ref() == hash;
    positive(id.serial_number.as_bytes()) == serial
        && fits(&issuer.name, id.issuer_name_hash.as_bytes())
        && key_bits(&issuer.spki).is_some_and(|key| fits(key, id.issuer_key_hash.as_bytes()))
}

/// A number without the zero that keeps it positive.
fn positive(raw: &[u8]) -> &[u8] {
    match raw {
        [0, rest @ ..] if !rest.is_empty() => rest,
        whole => whole,
    }
}

/// Signed by the issuer, or by a responder it issued a certificate for that purpose to (RFC 6960, 4.2.2.2).
fn signed(basic: &[u8], parsed: &BasicOcspResponse, issuer: &Issuer, now: i64) -> Result<(), String> {
    let response = Signed::read(basic).ok_or_else(|| "the response cannot be read".to_owned())?;
    let Err(why) = response.is_by(&issuer.spki) else { return Ok(()) };
    let mut last = why;
    for certificate in parsed.certs.iter().flatten().take(RESPONDERS) {
        let Ok(der) = certificate.to_der() else { continue };
        match delegated(&der, issuer, now).and_then(|key| response.is_by(&key)) {
            Ok(()) => return Ok(()),
            Err(why) => last = format!("by the responder it comes with: {why}"),
        }
    }
    let came = parsed.certs.as_ref().map_or(0, Vec::len);
    let untried = came.checked_sub(RESPONDERS).filter(|untried| *untried > 0);
    let untried = untried.map(|untried| format!("; not tried: {}", counted(untried, "more responder certificate")));
    Err(format!("the response is not proven: {last}{}", untried.unwrap_or_default()))
}

/// The key of a responder that may sign for `issuer`.
fn delegated(der: &[u8], issuer: &Issuer, now: i64) -> Result<Vec<u8>, String> {
    let (_, responder) = X509Certificate::from_der(der).map_err(|_| "its certificate cannot be read".to_owned())?;
    if responder.issuer().as_raw() != issuer.name {
        return Err("its certificate has another issuer".to_owned());
    }
    let usage = responder.extended_key_usage().ok().flatten();
    if !usage.is_some_and(|usage| usage.value.ocsp_signing) {
        return Err("its certificate is not for OCSP signing".to_owned());
    }
    let validity = responder.validity();
    if !(validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now) {
        return Err("its certificate is outside its dates".to_owned());
    }
    Signed::read(der).ok_or_else(|| "its certificate cannot be read".to_owned())?.is_by(&issuer.spki)?;
    Ok(responder.public_key().raw.to_vec())
}

const fn status_words(status: OcspResponseStatus) -> &'static str {
    match status {
        OcspResponseStatus::Successful => "it could",
        OcspResponseStatus::MalformedRequest => "it takes the request for malformed",
        OcspResponseStatus::InternalError => "an internal error",
        OcspResponseStatus::TryLater => "it asks to try later",
        OcspResponseStatus::SigRequired => "it wants a signed request",
        OcspResponseStatus::Unauthorized => "it is not authorised to answer for this certificate",
    }
}

fn day(seconds: i64) -> String {
    rfc3339(seconds).unwrap_or_else(|| "an impossible date".to_owned())
}
