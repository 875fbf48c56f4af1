//! Certificates by the kind of their key: a server may hold one of each, and shows the one a client can use.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::{SignatureScheme, SupportedCipherSuite, SupportedProtocolVersion};

use super::certificate::Certificate;
use super::provider;

/// Kind of the key a server signs its handshake with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// ECDSA on a NIST curve.
    Ecdsa,
    /// RSA, PSS or PKCS #1.
    Rsa,
    /// Ed25519.
    Ed25519,
}

impl KeyKind {
    /// All that this program can ask for.
    pub const ALL: [Self; 3] = [Self::Ecdsa, Self::Rsa, Self::Ed25519];

    /// The word in facts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ecdsa => "ecdsa",
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }

    /// The kind of a certificate's key.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Option<Self> {
        match certificate.key.split(' ').next()? {
            "ECDSA" => Some(Self::Ecdsa),
            "RSA" => Some(Self::Rsa),
            "Ed25519" => Some(Self::Ed25519),
            _ => None,
        }
    }

    fn can(self, scheme: SignatureScheme) -> bool {
        match self {
            Self::Ecdsa => matches!(
                scheme,
                SignatureScheme::ECDSA_NISTP256_SHA256
                    | SignatureScheme::ECDSA_NISTP384_SHA384
                    | SignatureScheme::ECDSA_NISTP521_SHA512
            ),
            Self::Rsa => matches!(
                scheme,
                SignatureScheme::RSA_PSS_SHA256
                    | SignatureScheme::RSA_PSS_SHA384
                    | SignatureScheme::RSA_PSS_SHA512
                    | SignatureScheme::RSA_PKCS1_SHA256
                    | SignatureScheme::RSA_PKCS1_SHA384
                    | SignatureScheme::RSA_PKCS1_SHA512
            ),
            Self::Ed25519 => scheme == SignatureScheme::ED25519,
        }
    }
}

/// The kind of key a client asks the server's certificate to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestedKey {
    /// Whichever it likes best.
    Any,
    /// One of this kind, by the signature schemes offered.
    Schemes(KeyKind),
    /// One of this kind, by TLS 1.2 cipher suites alone. A server that holds the schemes against the signatures of its whole
    /// chain (RFC 5246, 7.4.2) has no ECDSA certificate to show for ECDSA schemes if an RSA authority issued it.
    Suites(KeyKind),
}

impl RequestedKey {
    /// The signature schemes to offer; `None` for all.
    pub(super) fn schemes(self) -> Option<Vec<SignatureScheme>> {
        let Self::Schemes(kind) = self else { return None };
        let known = provider().signature_verification_algorithms.supported_schemes();
        Some(known.into_iter().filter(|scheme| kind.can(*scheme)).collect())
    }

    /// The cryptography with the cipher suites to offer.
    pub(super) fn provider(self) -> Arc<CryptoProvider> {
        let (kind, also_13) = match self {
            Self::Any => return provider(),
            Self::Schemes(kind) => (kind, true),
            Self::Suites(kind) => (kind, false),
        };
        let mut narrowed = (*provider()).clone();
        narrowed.cipher_suites.retain(|suite| match suite {
            SupportedCipherSuite::Tls12(suite) => suite.sign.iter().any(|scheme| kind.can(*scheme)),
            SupportedCipherSuite::Tls13(_) => also_13,
        });
        Arc::new(narrowed)
    }

    /// Those of `versions` in which it can be asked.
    #[must_use]
    pub fn versions(self, versions: &[&'static SupportedProtocolVersion]) -> Vec<&'static SupportedProtocolVersion> {
        let fits = |version: &&&'static SupportedProtocolVersion| match self {
            Self::Any | Self::Schemes(_) => true,
            Self::Suites(_) => version.version == rustls::ProtocolVersion::TLSv1_2,
        };
        versions.iter().filter(fits).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyKind, RequestedKey};

    #[test]
    fn kinds_share_no_scheme_and_every_scheme_has_a_kind() {
        let all = super::provider().signature_verification_algorithms.supported_schemes();
        for scheme in all {
            let kinds = KeyKind::ALL.into_iter().filter(|kind| kind.can(scheme)).count();
            assert_eq!(kinds, usize::from(!format!("{scheme:?}").contains("ML_DSA")), "{scheme:?}");
        }
        for kind in KeyKind::ALL {
            assert!(!RequestedKey::Schemes(kind).schemes().unwrap().is_empty());
            assert!(!RequestedKey::Schemes(kind).provider().cipher_suites.is_empty());
        }
        assert!(
            RequestedKey::Suites(KeyKind::Rsa).provider().cipher_suites.iter().all(|suite| suite.tls13().is_none())
        );
        assert_eq!(RequestedKey::Suites(KeyKind::Rsa).versions(rustls::ALL_VERSIONS).len(), 1);
    }
}
