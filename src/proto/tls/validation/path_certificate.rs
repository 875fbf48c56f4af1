//! One certificate of a path.

use x509_parser::prelude::{FromDer, GeneralName, NameConstraints, ParsedExtension, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Version};

use super::{ValidationError, same_name};
use crate::proto::tls::certificate::bits;

/// Bits of RSA keys that are trusted and that can be computed with.
const RSA: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Where a certificate of a path comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CertificateSource {
    /// It is the server's own.
    Leaf,
    /// It stands in the served chain, counted from 0.
    Served(usize),
    /// It is trusted; the word says where it is written.
    Trusted(&'static str),
}

/// A certificate, read.
pub(super) struct PathCertificate<'a> {
    pub(super) der: &'a [u8],
    pub(super) x509: X509Certificate<'a>,
    pub(super) place: CertificateSource,
}

impl<'a> PathCertificate<'a> {
    pub(super) fn read(der: &'a [u8], place: CertificateSource) -> Option<Self> {
        let (rest, x509) = X509Certificate::from_der(der).ok()?;
        rest.is_empty().then_some(Self { der, x509, place })
    }

    /// As a person would name it.
    pub(super) fn who(&self) -> String {
        match self.place {
            CertificateSource::Leaf => "the server's certificate".to_owned(),
            CertificateSource::Served(at) => format!("certificate {} of the chain ({})", at + 1, self.x509.subject()),
            CertificateSource::Trusted(origin) => format!("the authority {} in {origin}", self.x509.subject()),
        }
    }

    /// Issued by an authority to itself under another key: it does not count (RFC 5280, 6.1).
    pub(super) fn self_issued(&self) -> bool {
        same_name(self.x509.subject().as_raw(), self.x509.issuer().as_raw())
    }

    pub(super) fn is_v3(&self) -> bool {
        self.x509.version() == X509Version::V3
    }

    /// Whether it is an authority, by its basic constraints; `None` when it has none.
    pub(super) fn ca(&self) -> Option<bool> {
        self.x509.basic_constraints().ok().flatten().map(|basic| basic.value.ca)
    }

    pub(super) fn path_length(&self) -> Option<u32> {
        self.x509.basic_constraints().ok().flatten().and_then(|basic| basic.value.path_len_constraint)
    }

    /// Whether its key usage has one of the given bits; `None` without key usage.
    pub(super) fn usage(&self, any: impl Fn(&x509_parser::extensions::KeyUsage) -> bool) -> Option<bool> {
        self.x509.key_usage().ok().flatten().map(|usage| any(usage.value))
    }

    /// Whether its extended key usage, if it has one, lets it serve TLS.
    pub(super) fn for_servers(&self) -> bool {
        self.x509.extended_key_usage().ok().flatten().is_none_or(|usage| usage.value.server_auth)
    }

    pub(super) fn name_constraints(&self) -> Option<&NameConstraints<'a>> {
        self.x509.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::NameConstraints(found) => Some(found),
            _ => None,
        })
    }

    /// Its alternative names.
    pub(super) fn names(&self) -> &[GeneralName<'a>] {
        let names = self.x509.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => Some(names.general_names.as_slice()),
            _ => None,
        });
        names.unwrap_or_default()
    }

    /// A key that is too small to be trusted, or too large for this program.
    pub(super) fn key_problem(&self) -> Option<ValidationError> {
        key_size(self.x509.public_key(), &self.who()).err()
    }
}

/// Whether signatures of the key can be verified; `who` holds it.
pub(in crate::proto::tls) fn key_size(key: &SubjectPublicKeyInfo<'_>, who: &str) -> Result<(), ValidationError> {
    let Ok(PublicKey::RSA(rsa)) = key.parsed() else { return Ok(()) };
    let bits = bits(rsa.modulus);
    if bits < *RSA.start() {
        return Err(ValidationError::Wrong(format!(
            "the key of {who} is RSA {bits}: keys below 2048 bits are not trusted"
        )));
    }
    if bits > *RSA.end() {
        return Err(ValidationError::CannotJudge(format!(
            "the key of {who} is RSA {bits}: this program verifies RSA keys of 2048 to 8192 bits"
        )));
    }
    Ok(())
}
