//! The content of a certificate, read without trusting it. Its size is bounded by the handshake: rustls refuses a
//! certificate message above 64 KiB.

use std::net::IpAddr;

use sha2::{Digest, Sha256};
use x509_parser::asn1_rs::Tag;
use x509_parser::der_parser::oid::Oid;
use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::name_text;
use crate::net::bytes::hex;

/// The parts of a certificate that checks look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Distinguished name of the subject.
    pub subject: String,
    /// Distinguished name of the issuer.
    pub issuer: String,
    /// DNS names and addresses it is for, in its own order.
    pub san: Vec<String>,
    /// First second of validity, since 1970.
    pub not_before: i64,
    /// Last second of validity, since 1970.
    pub not_after: i64,
    /// Key, as people write it: `ECDSA P-256`, `RSA 2048`.
    pub key: String,
    /// Signature algorithm: `ecdsa-with-SHA256`.
    pub signature: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the whole certificate, lower-case hexadecimal.
    pub fingerprint: String,
    /// SHA-256 of the public key with its algorithm, lower-case hexadecimal.
    pub spki: String,
}

impl Certificate {
    /// Reads a certificate; `None` when it is not one.
    #[must_use]
    pub fn parse(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(Self {
            subject: name_text::text(certificate.subject()),
            issuer: name_text::text(certificate.issuer()),
            san: names_of(&certificate),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            key: key(certificate.public_key()),
            signature: name_of(&certificate.signature_algorithm.algorithm),
            serial: hex(serial(certificate.raw_serial())),
            fingerprint: hex(&Sha256::digest(der)),
            spki: hex(&Sha256::digest(certificate.public_key().raw)),
        })
    }

    /// Seconds from `now` (seconds since 1970) until it expires; negative once it has.
    #[must_use]
    pub fn expires_in(&self, now: f64) -> f64 {
        self.not_after as f64 - now
    }
}

/// DER keeps a positive number positive with a leading zero; people and tools leave it out.
fn serial(raw: &[u8]) -> &[u8] {
    match raw {
        [0, rest @ ..] if !rest.is_empty() => rest,
        whole => whole,
    }
}

/// Seconds since 1970 as RFC 3339; `None` outside the calendar.
#[must_use]
pub fn rfc3339(seconds: i64) -> Option<String> {
    jiff::Timestamp::from_second(seconds).ok().map(|instant| instant.to_string())
}

/// The DNS names and addresses of a certificate, in its own order.
pub(super) fn names_of(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = extension.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect()
}

/// An address of a certificate; `None` for an odd number of bytes.
pub(super) fn address(bytes: &[u8]) -> Option<String> {
    let address = if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        IpAddr::from(v4)
    } else {
        IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)
    };
    Some(address.to_string())
}

/// The key of a `SubjectPublicKeyInfo` in DER, as people write it.
pub(super) fn key_words(spki: &[u8]) -> String {
    SubjectPublicKeyInfo::from_der(spki).map_or_else(|_| "unreadable".to_owned(), |(_, spki)| key(&spki))
}

fn key(spki: &SubjectPublicKeyInfo<'_>) -> String {
    match spki.parsed() {
        Ok(PublicKey::RSA(rsa)) => format!("RSA {}", bits(rsa.modulus)),
        Ok(PublicKey::EC(_)) => {
            let named = spki.algorithm.parameters.as_ref().filter(|any| any.tag() == Tag::Oid);
            let curve = named.and_then(|any| any.as_oid().ok());
            curve.map_or_else(|| "ECDSA".to_owned(), |curve| format!("ECDSA {}", name_of(&curve)))
        }
        _ => name_of(&spki.algorithm.algorithm),
    }
}

/// Significant bits of a big-endian number.
pub(super) fn bits(number: &[u8]) -> usize {
    let significant = number.iter().position(|byte| *byte != 0).and_then(|start| number.get(start..));
    significant.map_or(0, |bytes| {
        let lead = bytes.first().map_or(0, |byte| byte.leading_zeros() as usize);
        bytes.len() * 8 - lead
    })
}

/// Names that the registry lacks, or has others for.
const NAMES: &[(&str, &str)] = &[
    ("1.2.840.10045.3.1.1", "P-192"),
    ("1.3.132.0.33", "P-224"),
    ("1.2.840.10045.3.1.7", "P-256"),
    ("1.3.132.0.34", "P-384"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10040.4.3", "dsa-with-SHA1"),
];

/// The short name of an object identifier, or its numbers.
pub(super) fn name_of(oid: &Oid<'_>) -> String {
    let numbers = oid.to_id_string();
    match NAMES.iter().find(|(known, _)| *known == numbers) {
        Some((_, name)) => (*name).to_owned(),
        None => oid2sn(oid, oid_registry()).map_or(numbers, str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use x509_parser::asn1_rs::oid;

    use super::{Certificate, address, bits, name_of, rfc3339};

    #[test]
    fn junk_is_not_a_certificate() {
        assert_eq!(Certificate::parse(&[]), None);
        assert_eq!(Certificate::parse(b"0\x82\xff\xff"), None);
    }

    #[test]
    fn what_is_in_use_has_a_name() {
        for (oid, name) in [
            (oid!(1.3.132.0.10), "secp256k1"),
            (oid!(1.3.36.3.3.2.8.1.1.7), "brainpoolP256r1"),
            (oid!(1.2.840.10045.4.1), "ecdsa-with-SHA1"),
            (oid!(1.2.840.10045.4.3.2), "ecdsa-with-SHA256"),
            (oid!(1.2.3.4), "1.2.3.4"),
        ] {
            assert_eq!(name_of(&oid), name);
        }
    }

    #[test]
    fn small_parts() {
        assert_eq!(bits(&[0, 0x80, 0]), 16);
        assert_eq!(bits(&[1]), 1);
        assert_eq!(bits(&[]), 0);
        assert_eq!(address(&[127, 0, 0, 1]).unwrap(), "127.0.0.1");
        assert_eq!(address(&[1, 2]), None);
        assert_eq!(rfc3339(0).unwrap(), "1970-01-01T00:00:00Z");
    }
}
