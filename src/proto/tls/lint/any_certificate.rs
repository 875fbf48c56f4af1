//! Rules for every certificate, whoever shows it.

use std::collections::HashSet;

use x509_parser::extensions::ParsedExtension;

use super::super::name_text;
use super::parsed::{ParsedCertificate, is};
use super::{Context, Findings, rules};
use crate::net::bytes::hex;
use crate::proto::tls::certificate::rfc3339;

/// Signature algorithms over digests for which collisions can be made.
const WEAK: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.2", "MD2 with RSA"),
    ("1.2.840.113549.1.1.3", "MD4 with RSA"),
    ("1.2.840.113549.1.1.4", "MD5 with RSA"),
    ("1.2.840.113549.1.1.5", "SHA-1 with RSA"),
    ("1.3.14.3.2.29", "SHA-1 with RSA"),
    ("1.2.840.10045.4.1", "SHA-1 with ECDSA"),
    ("1.2.840.10040.4.3", "SHA-1 with DSA"),
];

/// Extensions clients know, beside those the parser does: the TLS feature (RFC 7633).
const KNOWN: &[&str] = &["1.3.6.1.5.5.7.1.24"];

pub(super) fn check(found: &mut Findings, at: usize, parsed: &ParsedCertificate<'_>, context: &Context<'_>) {
    dates(found, at, parsed, context);
    key(found, at, parsed);
    signature(found, at, parsed);
    serial(found, at, parsed.certificate.raw_serial());
    extensions(found, at, parsed);
    let version = parsed.certificate.version().0;
    found.when(version != 2, rules::NOT_V3, at, || format!("version {}", version.saturating_add(1)));
    let nobody = parsed.certificate.issuer().iter().next().is_none();
    found.when(nobody, rules::NO_ISSUER, at, || name_text::text(parsed.certificate.subject()));
    let id = parsed.authority_key_id();
    found.when(id.is_none() && parsed.subject() != parsed.issuer(), rules::MISSING_AKI, at, || {
        name_text::text(parsed.certificate.subject())
    });
}

fn dates(found: &mut Findings, at: usize, parsed: &ParsedCertificate<'_>, context: &Context<'_>) {
    let (first, last) = parsed.dates();
    let day = |seconds| rfc3339(seconds).unwrap_or_else(|| "an impossible date".to_owned());
    found.when(last < context.now, rules::EXPIRED, at, || {
        format!("{} since {}", parsed.certificate.subject(), day(last))
    });
    found.when(first > context.now, rules::NOT_YET, at, || {
        format!("{} until {}", parsed.certificate.subject(), day(first))
    });
    found.when(last < first, rules::BACKWARDS, at, || format!("from {} to {}", day(first), day(last)));
}

pub(super) fn key(found: &mut Findings, at: usize, parsed: &ParsedCertificate<'_>) {
    let key = parsed.key();
    match key.kind.as_str() {
        "rsa" => {
            let bits = key.bits.unwrap_or_default();
            found.when(bits < 2048, rules::WEAK_RSA, at, || format!("RSA {bits}"));
            found.when(!bits.is_multiple_of(8), rules::ODD_RSA, at, || format!("RSA {bits}"));
            found.when(!key.exponent_fits, rules::RSA_EXPONENT, at, String::new);
        }
        "ecdsa" => {
            let named = key.curve.clone();
            found.when(named.is_none(), rules::EXPLICIT_CURVE, at, String::new);
            found.when(key.curve_bits.is_some_and(|bits| bits < 224), rules::WEAK_CURVE, at, || {
                named.unwrap_or_default()
            });
        }
        "dsa" => found.add(rules::DSA, at, ""),
        _ => {}
    }
}

fn signature(found: &mut Findings, at: usize, parsed: &ParsedCertificate<'_>) {
    let outer = &parsed.certificate.signature_algorithm;
    let inner = &parsed.certificate.tbs_certificate.signature;
    // The signature of a root is nobody's proof: a client has the root or has not.
    let weak = WEAK.iter().find(|(oid, _)| is(&outer.algorithm, oid)).filter(|_| at == 0 || !parsed.issues_itself());
    found.when(weak.is_some(), rules::WEAK_SIGNATURE, at, || {
        weak.map(|(_, name)| (*name).to_owned()).unwrap_or_default()
    });
    found.when(outer != inner, rules::SIGNATURE_MISMATCH, at, || {
        format!("{} outside, {} inside", outer.algorithm.to_id_string(), inner.algorithm.to_id_string())
    });
}

fn serial(found: &mut Findings, at: usize, raw: &[u8]) {
    let shown = || hex(raw.get(..32).unwrap_or(raw));
    found.when(raw.first().is_some_and(|first| first & 0x80 != 0), rules::NEGATIVE_SERIAL, at, shown);
    found.when(raw.iter().all(|byte| *byte == 0), rules::ZERO_SERIAL, at, shown);
    found.when(raw.len() > 20, rules::LONG_SERIAL, at, || format!("{} octets", raw.len()));
}

pub(super) fn extensions(found: &mut Findings, at: usize, parsed: &ParsedCertificate<'_>) {
    let mut seen = HashSet::new();
    for extension in parsed.extensions() {
        let name = extension.oid.to_id_string();
        match extension.parsed_extension() {
            ParsedExtension::UnsupportedExtension { .. } => {
                let unknown = extension.critical && !KNOWN.contains(&name.as_str());
                found.when(unknown, rules::UNKNOWN_CRITICAL, at, || name.clone());
            }
            // Critical means that who cannot follow it must refuse; these help to build paths, and bind nobody.
            ParsedExtension::AuthorityKeyIdentifier(_) | ParsedExtension::SubjectKeyIdentifier(_) => {
                found.when(extension.critical, rules::CRITICALITY, at, || name.clone());
            }
            ParsedExtension::PolicyConstraints(_) | ParsedExtension::InhibitAnyPolicy(_) => {
                found.when(!extension.critical, rules::CRITICALITY, at, || name.clone());
            }
            ParsedExtension::NameConstraints(limits) => {
                let empty = |subtrees: &Option<Vec<_>>| subtrees.as_ref().is_none_or(Vec::is_empty);
                let nothing = empty(&limits.permitted_subtrees) && empty(&limits.excluded_subtrees);
                found.when(nothing, rules::BROKEN_EXTENSION, at, || {
                    "name constraints that constrain nothing".to_owned()
                });
            }
            ParsedExtension::ParseError { .. } => found.add(rules::BROKEN_EXTENSION, at, name.clone()),
            _ => {}
        }
        found.when(seen.contains(&name), rules::DUPLICATE_EXTENSION, at, || name.clone());
        seen.insert(name);
    }
}
