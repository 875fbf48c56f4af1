//! A client as users have it: it ends the handshake when the certificate does not verify. For load, where only handshakes
//! that a user would have gone on with may count.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, HandshakeKind, OtherError, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::ending::{End, end_of};
use super::handshake::{Offer, client};
use super::provider;
use super::recorder::{Appearance, Notebook, Recorder};
use super::returning::{Keep, Keepsake};
use super::trust::Loaded;
use crate::model::Fault;

/// Verifies as the family `tls` judges, and refuses what that finds wrong.
#[derive(Debug)]
struct Verifier(Recorder);

/// What clients that verify share: one verifier, so that a session made by one is valid for it later.
#[derive(Clone, Debug)]
pub struct Strict {
    config: ClientConfig,
    name: ServerName<'static>,
    resume: bool,
    peer: SocketAddr,
}

impl Strict {
    /// From what a suite trusts and offers. With `resume` each client offers its latest session.
    pub fn new(loaded: &Loaded, offer: &Offer, resume: bool, peer: SocketAddr) -> Result<Self, Fault> {
        let notebook = Notebook::default();
        let recorder = Recorder {
            roots: loaded.roots.clone(),
            algorithms: provider().signature_verification_algorithms,
            name: offer.verify_name.clone(),
            schemes: None,
            notebook: notebook.clone(),
        };
        let builder = client(provider(), &offer.versions, Arc::new(Verifier(recorder)), peer)?;
        let appearance = Appearance { key: loaded.client.clone(), notebook };
        let config = offer.finish(builder.with_client_cert_resolver(Arc::new(appearance)));
        Ok(Self { config, name: offer.named(), resume, peer })
    }

    /// One client, with sessions of its own.
    #[must_use]
    pub fn client(&self) -> Swift {
        let keep = if self.resume { Keep::Latest } else { Keep::Nothing };
        let mut config = self.config.clone();
        config.resumption = Resumption::store(Arc::new(Keepsake::new(keep)));
        Swift { connector: TlsConnector::from(Arc::new(config)), name: self.name.clone(), peer: self.peer }
    }
}

/// One client that does nothing but shake hands.
pub struct Swift {
    connector: TlsConnector,
    name: ServerName<'static>,
    peer: SocketAddr,
}

/// A connection of [`Swift`].
pub type SwiftStream = tokio_rustls::client::TlsStream<TcpStream>;

impl Swift {
    /// Shakes hands. The inner `Err` says how it ended instead.
    pub async fn shake(&self, stream: TcpStream) -> Result<Result<SwiftStream, End>, Fault> {
        match self.connector.connect(self.name.clone(), stream).await {
            Ok(stream) => Ok(Ok(stream)),
            Err(error) => self.end(&error).map(Err),
        }
    }

    /// Sorts an error of a connection that was there.
    pub fn end(&self, error: &io::Error) -> Result<End, Fault> {
        end_of(error, false, self.peer)
    }
}

/// Whether an earlier session was resumed.
#[must_use]
pub fn resumed(stream: &SwiftStream) -> bool {
    stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
}

/// Reads until a session ticket is there, which TLS 1.3 hands out after the handshake. Data and
/// goodbyes end it, too.
pub async fn ticket(stream: &mut SwiftStream) -> io::Result<()> {
    if stream.get_ref().1.protocol_version() != Some(rustls::ProtocolVersion::TLSv1_3) {
        return Ok(());
    }
    super::handshake::first_word(stream).await
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.0.judge(leaf, others, now).map(|()| ServerCertVerified::assertion()).map_err(|why| {
            Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(io::Error::other(why)))))
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.0.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.0.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.algorithms.supported_schemes()
    }
}
