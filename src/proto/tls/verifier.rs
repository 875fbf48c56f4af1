//! One verifier for every handshake. It checks that the server holds the key of its certificate; what the chain must be
//! like, and whether the handshake goes on, a [`Policy`] decides.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::authority::Authorities;
use super::iana_names::scheme_name;
use super::signed::below;
use super::validation::{ValidationError, fits_name, key_size};

/// Schemes that TLS 1.3 knows for certificates only (RFC 8446, 4.2.3).
const OLD_SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::RSA_PKCS1_SHA1,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::ECDSA_SHA1_Legacy,
];

/// Certificates as a server presents them in a handshake.
pub(super) struct PresentedChain<'a> {
    pub(super) leaf: &'a CertificateDer<'a>,
    /// The others, in the order sent.
    pub(super) others: &'a [CertificateDer<'a>],
    /// OCSP response stapled to them; empty when there is none.
    pub(super) staple: &'a [u8],
    pub(super) now: UnixTime,
}

impl<'a> PresentedChain<'a> {
    /// All of them, leaf first.
    pub(super) fn chain(&self) -> impl Iterator<Item = &'a CertificateDer<'a>> {
        std::iter::once(self.leaf).chain(self.others)
    }
}

/// Decides over a handshake at its two proofs; `Err` ends it.
pub(super) trait Policy: Debug + Send + Sync {
    /// The certificates are there.
    fn certificates(&self, presented: &PresentedChain<'_>) -> Result<(), Error>;

    /// Whether the server proved that it holds the leaf's key.
    fn key_proof(&self, proof: Result<(), ValidationError>) -> Result<(), Error>;
}

/// See the module.
#[derive(Debug)]
pub(super) struct Verifier<P> {
    algorithms: WebPkiSupportedAlgorithms,
    /// Signature schemes offered for the server's key.
    schemes: Vec<SignatureScheme>,
    policy: P,
}

impl<P: Policy> Verifier<P> {
    /// Offers `schemes`, or all that `algorithms` have.
    pub(super) fn new(algorithms: WebPkiSupportedAlgorithms, schemes: Option<Vec<SignatureScheme>>, policy: P) -> Self {
        Self { algorithms, schemes: schemes.unwrap_or_else(|| algorithms.supported_schemes()), policy }
    }

    fn key_proof(&self, proof: Result<(), ValidationError>) -> Result<HandshakeSignatureValid, Error> {
        self.policy.key_proof(proof).map(|()| HandshakeSignatureValid::assertion())
    }
}

impl<P: Policy> ServerCertVerifier for Verifier<P> {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        staple: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let presented = PresentedChain { leaf, others, staple, now };
        self.policy.certificates(&presented).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let library = verify_tls12_signature(message, leaf, signed, &self.algorithms);
        self.key_proof(proof(leaf, signed.scheme, library, |algorithm, key| {
            signed_by_hand(&self.algorithms, message, signed, (algorithm, key))
        }))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let library = verify_tls13_signature(message, leaf, signed, &self.algorithms);
        self.key_proof(proof(leaf, signed.scheme, library, |algorithm, key| {
            !OLD_SCHEMES.contains(&signed.scheme) && signed_by_hand(&self.algorithms, message, signed, (algorithm, key))
        }))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

/// Path and name: whom a client trusts, and as whom the server must appear.
#[derive(Debug)]
pub(super) struct TrustCheck {
    roots: Arc<Authorities>,
    name: ServerName<'static>,
    /// A load shows the same chain again and again.
    last: Mutex<Option<CachedValidation>>,
}

/// A chain that was checked in this second, and what came of it.
#[derive(Debug)]
struct CachedValidation {
    chain: Vec<CertificateDer<'static>>,
    second: i64,
    result: Result<Option<String>, ValidationError>,
}

impl TrustCheck {
    pub(super) fn new(roots: Arc<Authorities>, name: ServerName<'static>) -> Self {
        Self { roots, name, last: Mutex::new(None) }
    }

    /// Everything that is wrong with the certificates. Path first, then name: both are looked at, so that renewing an expired
    /// certificate does not only then reveal that it carries the wrong name. What verifies may come with a note.
    pub(super) fn check(&self, presented: &PresentedChain<'_>) -> Result<Option<String>, ValidationError> {
        let second = i64::try_from(presented.now.as_secs()).unwrap_or(i64::MAX);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = last.as_ref()
            && known.second == second
            && known.chain.iter().eq(presented.chain())
        {
            return known.result.clone();
        }
        let chain: Vec<CertificateDer<'static>> = presented.chain().map(|der| der.clone().into_owned()).collect();
        let result = self.validate(&chain, second);
        *last = Some(CachedValidation { chain, second, result: result.clone() });
        result
    }

    fn validate(&self, chain: &[CertificateDer<'static>], second: i64) -> Result<Option<String>, ValidationError> {
        let found = self.roots.validate(chain, second);
        let mut problems = found.problems;
        let leaf = chain.first().map(CertificateDer::as_ref).unwrap_or_default();
        if let Err(why) = self.name_error(leaf) {
            problems.push(ValidationError::Wrong(why));
        }
        match ValidationError::joined(&problems) {
            Some(problem) => Err(problem),
            None if found.places.is_some_and(|places| places.pinned) => Ok(Some(format!(
                "trusted because this very certificate is in {}: no authority vouches for it",
                self.roots.origin()
            ))),
            None => Ok(None),
        }
    }

    /// The names, as this program and as the library reads them.
    fn name_error(&self, leaf: &[u8]) -> Result<(), String> {
        fits_name(leaf, &self.name)?;
        match ParsedCertificate::try_from(&CertificateDer::from(leaf)) {
            Ok(parsed) => verify_server_name(&parsed, &self.name).map_err(|_| {
                format!("not valid for name {}: the names of the certificate are malformed", self.name.to_str())
            }),
            // It has something the library does not read, which the path is judged for.
            Err(_) => Ok(()),
        }
    }
}

/// Whether the server holds the key of `leaf`.
fn proof(
    leaf: &CertificateDer<'_>,
    scheme: SignatureScheme,
    by_library: Result<HandshakeSignatureValid, Error>,
    by_hand: impl FnOnce(&[u8], &[u8]) -> bool,
) -> Result<(), ValidationError> {
    const UNPROVEN: &str = "the server did not prove that it holds the certificate's key";
    let Err(error) = by_library else { return Ok(()) };
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else {
        return Err(ValidationError::Wrong(format!("{UNPROVEN}: the certificate is not correctly encoded")));
    };
    key_size(certificate.public_key(), "the server's certificate")?;
    let spki = certificate.public_key().raw;
    let parts = below(spki, 2).unwrap_or_default();
    let [algorithm, key] = parts.as_slice() else {
        return Err(ValidationError::Wrong(format!("{UNPROVEN}: its key cannot be read")));
    };
    // The library reads no key out of a certificate whose rest it does not like.
    let legible = ParsedCertificate::try_from(leaf).is_ok();
    if !legible && by_hand(algorithm.content, key.content.get(1..).unwrap_or_default()) {
        return Ok(());
    }
    Err(match error {
        Error::PeerMisbehaved(_) => {
            ValidationError::Wrong(format!("{UNPROVEN}: it signed with a scheme that was not offered"))
        }
        Error::InvalidCertificate(CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }) => {
            ValidationError::Wrong(format!(
                "{UNPROVEN}: it signed with {}, which does not go with the key",
                scheme_name(scheme)
            ))
        }
        _ => ValidationError::Wrong(format!("{UNPROVEN}: its signature does not match")),
    })
}

/// A signature over `message` by the key with this algorithm.
fn signed_by_hand(
    algorithms: &WebPkiSupportedAlgorithms,
    message: &[u8],
    signed: &DigitallySignedStruct,
    (algorithm, key): (&[u8], &[u8]),
) -> bool {
    let known = algorithms.mapping.iter().find(|(scheme, _)| *scheme == signed.scheme);
    let mut fitting = known
        .into_iter()
        .flat_map(|(_, known)| known.iter())
        .filter(|known| known.public_key_alg_id().as_ref() == algorithm);
    fitting.any(|known| known.verify_signature(key, message, signed.signature()).is_ok())
}
