//! Notes of everything a handshake shows, while it goes on whatever they say.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{Error, SignatureScheme};

use super::validation::ValidationError;
use super::verifier::{Policy, PresentedChain, TrustCheck};

/// Entries of a [`HandshakeLog`].
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// As served, leaf first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// Path and name: everything that is wrong with them, or a note about what verifies.
    pub(super) trust: Option<Result<Option<String>, ValidationError>>,
    /// What judges path and name, and when they were shown: done when the notes are taken, so that this side's work is not
    /// part of the handshake's time.
    pub(super) pending: Option<(Arc<TrustCheck>, UnixTime)>,
    /// Whether the peer holds the leaf's key.
    pub(super) key_proof: Option<Result<(), ValidationError>>,
    /// The server asked for a client certificate.
    pub(super) certificate_requested: bool,
    /// There was a client certificate to show, but its key cannot sign as the server wishes.
    pub(super) client_unfit: bool,
    /// OCSP response stapled to the handshake; empty when there was none.
    pub(super) staple: Vec<u8>,
    /// Whose certificates it accepts: names in DER, as sent. The handshake message bounds them to 64 KiB.
    pub(super) authorities: Vec<Vec<u8>>,
}

/// Shared with the handshake that is being watched.
#[derive(Clone, Debug, Default)]
pub(in crate::proto) struct HandshakeLog(Arc<Mutex<Entries>>);

impl HandshakeLog {
    fn open(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out everything so far, judged.
    pub(super) fn take(&self) -> Entries {
        let mut entries = std::mem::take(&mut *self.open());
        if let (Some((check, now)), Some((leaf, others))) = (entries.pending.take(), entries.chain.split_first()) {
            entries.trust = Some(check.check(&PresentedChain { leaf, others, staple: &entries.staple, now }));
        }
        entries
    }

    /// Whether the server has shown no certificate yet.
    pub(super) fn before_certificate(&self) -> bool {
        self.open().chain.is_empty()
    }
}

/// Notes everything, and lets the handshake go on.
#[derive(Debug)]
pub(super) struct ObservingVerifier {
    pub(super) check: Arc<TrustCheck>,
    pub(super) log: HandshakeLog,
}

impl Policy for ObservingVerifier {
    fn certificates(&self, presented: &PresentedChain<'_>) -> Result<(), Error> {
        let mut entries = self.log.open();
        entries.chain = presented.chain().map(|der| der.clone().into_owned()).collect();
        entries.staple = presented.staple.to_vec();
        entries.pending = Some((self.check.clone(), presented.now));
        Ok(())
    }

    fn key_proof(&self, proof: Result<(), ValidationError>) -> Result<(), Error> {
        self.log.open().key_proof = Some(proof);
        Ok(())
    }
}

/// Notes that a client certificate was asked for, and shows the one there is.
#[derive(Debug)]
pub(super) struct ClientCertResolver {
    pub(super) key: Option<Arc<CertifiedKey>>,
    pub(super) log: HandshakeLog,
}

impl ResolvesClientCert for ClientCertResolver {
    fn resolve(&self, issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let mut entries = self.log.open();
        entries.certificate_requested = true;
        entries.authorities = issuers.iter().map(|name| name.to_vec()).collect();
        // A key that cannot sign as the server wishes is as good as none; the server's refusal is then the fact.
        let fit = self.key.as_ref().filter(|key| key.key.choose_scheme(schemes).is_some()).cloned();
        entries.client_unfit = self.key.is_some() && fit.is_none();
        fit
    }

    fn has_certs(&self) -> bool {
        self.key.is_some()
    }
}
