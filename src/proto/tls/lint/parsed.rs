//! One certificate, read once.

use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::der_parser::oid::Oid;
use x509_parser::extensions::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, GeneralName, KeyUsage, NameConstraints,
    ParsedExtension, X509Extension,
};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// The TLS feature extension (RFC 7633) and the feature it demands, `status_request`.
const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";
const STATUS_REQUEST: u32 = 5;
/// SCT list embedded in a certificate (RFC 6962, 3.3).
const SCT_LIST: &str = "1.3.6.1.4.1.11129.2.4.2";

/// A certificate taken apart.
pub(super) struct ParsedCertificate<'a> {
    pub(super) certificate: X509Certificate<'a>,
}

/// The properties of a key that rules speak of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFacts {
    /// `rsa`, `ecdsa`, `ed25519`, `ed448`, `dsa`, or the object identifier.
    pub kind: String,
    /// Bits of an RSA modulus.
    pub bits: Option<u32>,
    /// Named curve of an ECDSA key: `P-256`, or the object identifier.
    pub curve: Option<String>,
    /// Bits of the field of a known curve.
    pub curve_bits: Option<u32>,
    /// The public exponent of RSA is odd and 3 or more; true for other keys.
    pub exponent_fits: bool,
}

impl<'a> ParsedCertificate<'a> {
    /// Reads a certificate that is nothing but one certificate.
    pub(super) fn of(der: &'a [u8]) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        rest.is_empty().then_some(Self { certificate })
    }

    pub(super) fn subject(&self) -> &'a [u8] {
        self.certificate.tbs_certificate.subject.as_raw()
    }

    pub(super) fn issuer(&self) -> &'a [u8] {
        self.certificate.tbs_certificate.issuer.as_raw()
    }

    /// First and last second of validity.
    pub(super) fn dates(&self) -> (i64, i64) {
        let validity = self.certificate.validity();
        (validity.not_before.timestamp(), validity.not_after.timestamp())
    }

    /// The first extension `pick` recognises.
    fn extension<T>(&self, pick: impl Fn(&ParsedExtension<'a>) -> Option<T>) -> Option<(T, bool)> {
        self.certificate
            .tbs_certificate
            .extensions()
            .iter()
            .find_map(|extension| pick(extension.parsed_extension()).map(|found| (found, extension.critical)))
    }

    pub(super) fn extensions(&self) -> &[X509Extension<'a>] {
        self.certificate.tbs_certificate.extensions()
    }

    pub(super) fn authority_key(&self) -> Option<AuthorityKeyIdentifier<'a>> {
        let pick = |extension: &ParsedExtension<'a>| match extension {
            ParsedExtension::AuthorityKeyIdentifier(found) => Some(found.clone()),
            _ => None,
        };
        self.extension(pick).map(|(found, _)| found)
    }

    /// Identifier of the key of its issuer.
    pub(super) fn authority_key_id(&self) -> Option<&'a [u8]> {
        self.authority_key().and_then(|found| found.key_identifier).map(|id| id.0)
    }

    /// Identifier of its own key.
    pub(super) fn subject_key_id(&self) -> Option<&'a [u8]> {
        let pick = |extension: &ParsedExtension<'a>| match extension {
            ParsedExtension::SubjectKeyIdentifier(found) => Some(found.0),
            _ => None,
        };
        self.extension(pick).map(|(found, _)| found)
    }

    /// Basic constraints, and whether they are critical.
    pub(super) fn basic_constraints(&self) -> Option<(BasicConstraints, bool)> {
        self.extension(|extension| match extension {
            ParsedExtension::BasicConstraints(found) => Some(found.clone()),
            _ => None,
        })
    }

    pub(super) fn is_ca(&self) -> bool {
        self.basic_constraints().is_some_and(|(constraints, _)| constraints.ca)
    }

    pub(super) fn key_usage(&self) -> Option<KeyUsage> {
        let pick = |extension: &ParsedExtension<'a>| match extension {
            ParsedExtension::KeyUsage(found) => Some(*found),
            _ => None,
        };
        self.extension(pick).map(|(found, _)| found)
    }

    pub(super) fn extended_key_usage(&self) -> Option<ExtendedKeyUsage<'a>> {
        let pick = |extension: &ParsedExtension<'a>| match extension {
            ParsedExtension::ExtendedKeyUsage(found) => Some(found.clone()),
            _ => None,
        };
        self.extension(pick).map(|(found, _)| found)
    }

    pub(super) fn extended_key_usage_critical(&self) -> bool {
        let pick =
            |extension: &ParsedExtension<'a>| matches!(extension, ParsedExtension::ExtendedKeyUsage(_)).then_some(());
        self.extension(pick).is_some_and(|((), critical)| critical)
    }

    /// Name constraints, and whether they are critical.
    pub(super) fn name_constraints(&self) -> Option<(NameConstraints<'a>, bool)> {
        self.extension(|extension| match extension {
            ParsedExtension::NameConstraints(found) => Some(found.clone()),
            _ => None,
        })
    }

    /// Alternative names, and whether they are critical.
    pub(super) fn alternative_names(&self) -> Option<(Vec<GeneralName<'a>>, bool)> {
        self.extension(|extension| match extension {
            ParsedExtension::SubjectAlternativeName(found) => Some(found.general_names.clone()),
            _ => None,
        })
    }

    /// It names itself as its issuer, with the same key as far as identifiers tell.
    pub(super) fn issues_itself(&self) -> bool {
        self.subject() == self.issuer() && self.key_fits(self)
    }

    /// `issuer` may have issued it: the names fit, and the key identifiers do not contradict.
    pub(super) fn issued_by(&self, issuer: &Self) -> bool {
        self.issuer() == issuer.subject() && self.key_fits(issuer)
    }

    fn key_fits(&self, issuer: &Self) -> bool {
        match (self.authority_key_id(), issuer.subject_key_id()) {
            (Some(wanted), Some(own)) => wanted == own,
            _ => true,
        }
    }

    pub(super) fn key(&self) -> KeyFacts {
        key_of(self.certificate.public_key())
    }

    pub(super) fn must_staple(&self) -> bool {
        let features = self.extensions().iter().find(|extension| is(&extension.oid, TLS_FEATURE));
        features.is_some_and(|extension| {
            Vec::<u32>::from_der(extension.value).is_ok_and(|(_, features)| features.contains(&STATUS_REQUEST))
        })
    }
}

/// Whether a certificate demands a stapled OCSP response (RFC 7633); `None` when it cannot be read.
#[must_use]
pub fn must_staple(der: &[u8]) -> Option<bool> {
    ParsedCertificate::of(der).map(|parsed| parsed.must_staple())
}

/// How many signed certificate timestamps are embedded in a certificate (RFC 6962); `None` when it, or the list, cannot
/// be read.
#[must_use]
pub fn scts(der: &[u8]) -> Option<usize> {
    let parsed = ParsedCertificate::of(der)?;
    let list = parsed.extensions().iter().find(|extension| is(&extension.oid, SCT_LIST));
    match list.map(X509Extension::parsed_extension) {
        None => Some(0),
        Some(ParsedExtension::SCT(list)) => Some(list.len()),
        Some(_) => None,
    }
}

/// The properties of a key; `None` when the certificate cannot be read.
#[must_use]
pub fn key_facts(der: &[u8]) -> Option<KeyFacts> {
    ParsedCertificate::of(der).map(|parsed| parsed.key())
}

pub(super) fn is(oid: &Oid<'_>, dotted: &str) -> bool {
    oid.to_id_string() == dotted
}

fn key_of(spki: &SubjectPublicKeyInfo<'_>) -> KeyFacts {
    let plain = |kind: &str| KeyFacts { kind: kind.to_owned(), exponent_fits: true, ..KeyFacts::default() };
    match spki.algorithm.algorithm.to_id_string().as_str() {
        // rsaEncryption and id-RSASSA-PSS.
        "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => rsa(spki),
        "1.2.840.10045.2.1" => ec(spki),
        "1.2.840.10040.4.1" => plain("dsa"),
        "1.3.101.112" => plain("ed25519"),
        "1.3.101.113" => plain("ed448"),
        other => plain(other),
    }
}

fn rsa(spki: &SubjectPublicKeyInfo<'_>) -> KeyFacts {
    let mut facts = KeyFacts { kind: "rsa".to_owned(), ..KeyFacts::default() };
    if let Ok(PublicKey::RSA(key)) = spki.parsed() {
        facts.bits = Some(u32::try_from(super::super::certificate::bits(key.modulus)).unwrap_or(u32::MAX));
        let exponent: Vec<u8> = key.exponent.iter().copied().skip_while(|byte| *byte == 0).collect();
        let odd = exponent.last().is_some_and(|last| last % 2 == 1);
        facts.exponent_fits = odd && exponent != [1];
    }
    facts
}

fn ec(spki: &SubjectPublicKeyInfo<'_>) -> KeyFacts {
    // The parser reads any element as an object identifier that is asked to; a curve written out is a SEQUENCE.
    let named = |parameters: &&Any<'_>| parameters.tag() == Tag::Oid;
    let curve = spki.algorithm.parameters.as_ref().filter(named).and_then(|parameters| parameters.as_oid().ok());
    let named = curve.map(|oid| oid.to_id_string());
    let (curve, curve_bits) = match named.as_deref() {
        Some("1.2.840.10045.3.1.7") => (Some("P-256".to_owned()), Some(256)),
        Some("1.3.132.0.34") => (Some("P-384".to_owned()), Some(384)),
        Some("1.3.132.0.35") => (Some("P-521".to_owned()), Some(521)),
        Some("1.3.132.0.33") => (Some("P-224".to_owned()), Some(224)),
        Some("1.2.840.10045.3.1.1") => (Some("P-192".to_owned()), Some(192)),
        // secp112, secp128, secp160 and the small binary curves.
        Some("1.3.132.0.6" | "1.3.132.0.7") => (named, Some(112)),
        Some("1.3.132.0.28" | "1.3.132.0.29") => (named, Some(128)),
        Some("1.3.132.0.8" | "1.3.132.0.9" | "1.3.132.0.30") => (named, Some(160)),
        Some("1.3.132.0.31") => (named, Some(192)),
        Some("1.3.132.0.1" | "1.3.132.0.15") => (named, Some(163)),
        _ => (named, None),
    };
    KeyFacts { kind: "ecdsa".to_owned(), curve, curve_bits, exponent_fits: true, bits: None }
}
