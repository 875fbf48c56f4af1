//! A verifier that checks everything, writes down what it found, and lets the handshake go on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::authority::Authorities;
use super::words;

/// What the handshake showed.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// As served, leaf first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// Path and name: everything that is wrong with them.
    pub(super) trust: Option<Result<(), String>>,
    /// Whether the peer holds the leaf's key.
    pub(super) signature: Option<Result<(), String>>,
    /// The server asked for a client certificate.
    pub(super) asked: bool,
    /// OCSP response stapled to the handshake; empty when there was none.
    pub(super) staple: Vec<u8>,
    /// Whose certificates it accepts: names in DER, as sent. The handshake message bounds them to 64 KiB.
    pub(super) authorities: Vec<Vec<u8>>,
}

/// Shared with the handshake that is being watched.
#[derive(Clone, Debug, Default)]
pub(in crate::proto) struct Notebook(Arc<Mutex<Seen>>);

impl Notebook {
    fn open(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was written so far.
    pub(super) fn take(&self) -> Seen {
        std::mem::take(&mut self.open())
    }

    /// Whether the server has shown no certificate yet.
    pub(super) fn before_certificate(&self) -> bool {
        self.open().chain.is_empty()
    }

    /// Whether the server asked for a client certificate.
    pub(super) fn asked(&self) -> bool {
        self.open().asked
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) roots: Arc<Authorities>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    pub(super) name: ServerName<'static>,
    /// Signature schemes offered for the server's key; `None` offers all there are.
    pub(super) schemes: Option<Vec<SignatureScheme>>,
    pub(super) notebook: Notebook,
}

impl Recorder {
    /// Path first, then name: both are looked at, so that renewing an expired certificate does not only then reveal
    /// that it carries the wrong name.
    pub(super) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), String> {
        let parsed = ParsedCertificate::try_from(leaf).map_err(|error| words::verification(&error, leaf, others))?;
        let path = |roots: &RootCertStore| {
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, others, now, self.algorithms.all)
        };
        let told = |error: Error| words::verification(&error, leaf, others);
        let today = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let trusted = match path(self.roots.all()) {
            Err(error) => Some(told(error)),
            Ok(()) => self.roots.lapse(today, |roots| path(roots).is_ok()),
        };
        let name = verify_server_name(&parsed, &self.name).err().map(told);
        let wrong: Vec<String> = [trusted, name].into_iter().flatten().collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }

    fn note_signature(&self, outcome: Result<HandshakeSignatureValid, Error>) -> HandshakeSignatureValid {
        let told = outcome.map(|_| ()).map_err(|error| {
            format!("the server did not prove that it holds the certificate's key: {}", words::signature(&error))
        });
        self.notebook.open().signature = Some(told);
        HandshakeSignatureValid::assertion()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        staple: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let trust = self.judge(leaf, others, now);
        let mut seen = self.notebook.open();
        seen.chain = std::iter::once(leaf).chain(others).map(|der| der.clone().into_owned()).collect();
        seen.staple = staple.to_vec();
        seen.trust = Some(trust);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(self.note_signature(verify_tls12_signature(message, leaf, signed, &self.algorithms)))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(self.note_signature(verify_tls13_signature(message, leaf, signed, &self.algorithms)))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone().unwrap_or_else(|| self.algorithms.supported_schemes())
    }
}

/// Notes that a client certificate was asked for, and shows the one there is.
#[derive(Debug)]
pub(super) struct Appearance {
    pub(super) key: Option<Arc<CertifiedKey>>,
    pub(super) notebook: Notebook,
}

impl ResolvesClientCert for Appearance {
    fn resolve(&self, issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let mut seen = self.notebook.open();
        seen.asked = true;
        seen.authorities = issuers.iter().map(|name| name.to_vec()).collect();
        drop(seen);
        // A key that cannot sign as the server wishes is as good as none; the server's refusal is then the fact.
        self.key.as_ref().filter(|key| key.key.choose_scheme(schemes).is_some()).cloned()
    }

    fn has_certs(&self) -> bool {
        self.key.is_some()
    }
}
