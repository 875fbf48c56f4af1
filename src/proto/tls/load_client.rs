//! A client as users have it: it ends the handshake when the certificate does not verify. For load, where only handshakes
//! that a user would have gone on with may count.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, Error, HandshakeKind, OtherError};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::client_config::{Offer, builder};
use super::handshake::server_message;
use super::handshake_end::{HandshakeEnd, HandshakeProgress};
use super::handshake_log::{ClientCertResolver, HandshakeLog};
use super::provider;
use super::session_store::{Reuse, SessionStore};
use super::trust::Credentials;
use super::validation::ValidationError;
use super::verifier::{Policy, PresentedChain, TrustCheck, Verifier};
use crate::model::Fault;

/// Verifies as the family `tls` judges, and refuses what that finds wrong.
#[derive(Debug)]
struct EnforcingVerifier(TrustCheck);

impl Policy for EnforcingVerifier {
    fn certificates(&self, presented: &PresentedChain<'_>) -> Result<(), Error> {
        self.0.check(presented).map(|_| ()).map_err(refusal)
    }

    fn key_proof(&self, proof: Result<(), ValidationError>) -> Result<(), Error> {
        proof.map_err(refusal)
    }
}

/// Ends the handshake; [`HandshakeEnd::classify`] reads the reason again.
fn refusal(why: ValidationError) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(why))))
}

/// A configuration that many clients share: one verifier, so that a session made by one is valid for it later.
#[derive(Clone, Debug)]
pub struct LoadClients {
    config: ClientConfig,
    name: ServerName<'static>,
    resume: bool,
    peer: SocketAddr,
}

impl LoadClients {
    /// With `resume` each client offers its latest session.
    pub fn new(credentials: &Credentials, offer: &Offer, resume: bool, peer: SocketAddr) -> Result<Self, Fault> {
        let algorithms = provider().signature_verification_algorithms;
        let check = TrustCheck::new(credentials.roots.clone(), offer.verify_name.clone());
        let verifier = Verifier::new(algorithms, None, EnforcingVerifier(check));
        let builder = builder(provider(), &offer.versions, Arc::new(verifier), peer)?;
        let resolver = ClientCertResolver { key: credentials.client.clone(), log: HandshakeLog::default() };
        let config = offer.apply(builder.with_client_cert_resolver(Arc::new(resolver)));
        Ok(Self { config, name: offer.server_name(), resume, peer })
    }

    /// One client, with sessions of its own.
    #[must_use]
    pub fn client(&self) -> LoadClient {
        let reuse = if self.resume { Reuse::Latest } else { Reuse::None };
        let mut config = self.config.clone();
        config.resumption = Resumption::store(Arc::new(SessionStore::new(reuse)));
        LoadClient { connector: TlsConnector::from(Arc::new(config)), name: self.name.clone(), peer: self.peer }
    }
}

/// One client that does nothing but make a handshake.
pub struct LoadClient {
    connector: TlsConnector,
    name: ServerName<'static>,
    peer: SocketAddr,
}

/// A connection of [`LoadClient`].
pub type LoadStream = tokio_rustls::client::TlsStream<TcpStream>;

impl LoadClient {
    /// Makes the handshake. The inner `Err` says how it ended instead.
    pub async fn handshake(&self, stream: TcpStream) -> Result<Result<LoadStream, HandshakeEnd>, Fault> {
        match self.connector.connect(self.name.clone(), stream).await {
            Ok(stream) => Ok(Ok(stream)),
            Err(error) => self.classify(&error).map(Err),
        }
    }

    /// Sorts an error of a connection that was there.
    pub fn classify(&self, error: &io::Error) -> Result<HandshakeEnd, Fault> {
        HandshakeEnd::classify(error, HandshakeProgress::Certificate, self.peer)
    }
}

/// Whether an earlier session was resumed.
#[must_use]
pub fn resumed(stream: &LoadStream) -> bool {
    stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
}

/// Reads until a session ticket is there, which TLS 1.3 hands out after the handshake. Data and
/// `close_notify` end it, too.
pub async fn await_ticket(stream: &mut LoadStream) -> io::Result<()> {
    if stream.get_ref().1.protocol_version() != Some(rustls::ProtocolVersion::TLSv1_3) {
        return Ok(());
    }
    server_message(stream).await
}
