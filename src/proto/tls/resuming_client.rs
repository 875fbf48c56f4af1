//! A client that comes back with a session it was given.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use tokio::net::TcpStream;

use super::client_config::Offer;
use super::handshake::{Handshake, ObservingClient};
use super::key_kind::RequestedKey;
use super::session_store::{Reuse, SessionStore};
use super::trust::Credentials;
use crate::model::Fault;

/// One client that collects the sessions it is given. Before a handshake one of them may be chosen, and is offered then. A
/// TLS 1.3 ticket is offered once (RFC 8446, C.4), an older session as often as it is chosen.
#[derive(Debug)]
pub struct ResumingClient {
    // One configuration for all handshakes: a session is only valid with the verifier it was made under.
    client: ObservingClient,
    sessions: Arc<SessionStore>,
}

impl ResumingClient {
    /// A client without a session.
    pub fn new(credentials: &Credentials, offer: &Offer, peer: SocketAddr) -> Result<Self, Fault> {
        let sessions = Arc::new(SessionStore::new(Reuse::Chosen));
        let resumption = Resumption::store(sessions.clone());
        let client = ObservingClient::new(RequestedKey::Any, credentials, offer, resumption, peer)?;
        Ok(Self { client, sessions })
    }

    /// Makes the handshake over `stream` within `patience`, then waits for a ticket at most `late`.
    pub async fn handshake(&self, stream: TcpStream, patience: Duration, late: Duration) -> Result<Handshake, Fault> {
        let mut handshake = self.client.handshake(stream, patience).await?;
        handshake.await_ticket(late).await?;
        self.sessions.forget_choice();
        Ok(handshake)
    }

    /// Chooses the session for the next handshake: `pick` chooses one of so many. False when there is none.
    pub fn choose_session(&self, pick: impl FnOnce(usize) -> usize) -> bool {
        self.sessions.choose(pick)
    }
}
