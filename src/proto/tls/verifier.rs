//! One verifier for every handshake. It checks that the server holds the key of its certificate; what the chain must be
//! like, and whether the handshake goes on, a [`Policy`] decides.

use std::fmt::Debug;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::authority::Authorities;
use super::verify_errors::certificate_error;

/// Certificates as a server presents them in a handshake.
pub(super) struct Presented<'a> {
    pub(super) leaf: &'a CertificateDer<'a>,
    /// The others, in the order sent.
    pub(super) others: &'a [CertificateDer<'a>],
    /// OCSP response stapled to them; empty when there is none.
    pub(super) staple: &'a [u8],
    pub(super) now: UnixTime,
}

impl<'a> Presented<'a> {
    /// All of them, leaf first.
    pub(super) fn chain(&self) -> impl Iterator<Item = &'a CertificateDer<'a>> {
        std::iter::once(self.leaf).chain(self.others)
    }
}

/// Decides over a handshake at its two proofs; `Err` ends it.
pub(super) trait Policy: Debug + Send + Sync {
    /// The certificates are there.
    fn certificates(&self, presented: &Presented<'_>) -> Result<(), Error>;

    /// Whether the server proved that it holds the leaf's key.
    fn key_proof(&self, proof: Result<(), Error>) -> Result<(), Error>;
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

    fn key_proof(&self, proof: Result<HandshakeSignatureValid, Error>) -> Result<HandshakeSignatureValid, Error> {
        self.policy.key_proof(proof.map(|_| ())).map(|()| HandshakeSignatureValid::assertion())
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
        let presented = Presented { leaf, others, staple, now };
        self.policy.certificates(&presented).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.key_proof(verify_tls12_signature(message, leaf, signed, &self.algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.key_proof(verify_tls13_signature(message, leaf, signed, &self.algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

/// Path and name: whom a client trusts, and as whom the server must appear.
#[derive(Debug)]
pub(super) struct TrustCheck {
    pub(super) roots: Arc<Authorities>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    pub(super) name: ServerName<'static>,
}

impl TrustCheck {
    /// Everything that is wrong with the certificates. Path first, then name: both are looked at, so that renewing an expired
    /// certificate does not only then reveal that it carries the wrong name.
    pub(super) fn check(&self, presented: &Presented<'_>) -> Result<(), String> {
        let Presented { leaf, others, now, .. } = *presented;
        let explain = |error: Error| certificate_error(&error, leaf, others);
        let parsed = ParsedCertificate::try_from(leaf).map_err(explain)?;
        let path = |roots: &RootCertStore| {
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, others, now, self.algorithms.all)
        };
        let today = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let trusted = match path(self.roots.all()) {
            Err(error) => Some(explain(error)),
            Ok(()) => self.roots.lapse(today, |roots| path(roots).is_ok()),
        };
        let name = verify_server_name(&parsed, &self.name).err().map(explain);
        let wrong: Vec<String> = [trusted, name].into_iter().flatten().collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }
}
