//! A client that can repeat its handshake with one address.

use std::time::Duration;

use super::connect::Connector;
use super::facts::COMPLETED;
use crate::probe::EarlyEnd;
use crate::proto::tls::{Credentials, Handshake, HandshakeEnd, Offer, handshake};

/// How to connect, what to offer, and whom to trust.
pub(super) struct TlsClient<'a> {
    pub(super) connector: Connector,
    pub(super) credentials: &'a Credentials,
    pub(super) offer: &'a Offer,
    /// How long to wait for a refusal or a ticket after a handshake.
    pub(super) late_wait: Duration,
}

impl TlsClient<'_> {
    /// One more handshake, with credentials and an offer of its own. An outcome is that there was not even a connection.
    pub(super) async fn handshake(&self, credentials: &Credentials, offer: &Offer) -> Result<Handshake, EarlyEnd> {
        let connection = self.connector.connect().await?;
        let (peer, timeout) = (self.connector.peer, self.connector.timeout);
        Ok(handshake(connection.stream, peer, credentials, offer, timeout).await?)
    }
}

/// The word of fact `outcome` for the end of a handshake.
pub(super) const fn outcome<S>(end: &HandshakeEnd<S>) -> &'static str {
    match end {
        HandshakeEnd::Completed(_) => COMPLETED,
        HandshakeEnd::Timeout => "timeout",
        HandshakeEnd::Reset => "reset",
        HandshakeEnd::Closed => "closed",
        HandshakeEnd::Unreachable(_) => "unreachable",
        HandshakeEnd::NotTls(_) => "not_tls",
        HandshakeEnd::Alert(_) => "alert",
    }
}

/// The end of a handshake that should have been completed, for evidence.
pub(super) fn describe_end(end: &HandshakeEnd) -> String {
    match end {
        HandshakeEnd::Completed(_) => "completed".to_owned(),
        HandshakeEnd::Timeout => "silence".to_owned(),
        HandshakeEnd::Reset => "a reset".to_owned(),
        HandshakeEnd::Closed => "a hang-up".to_owned(),
        HandshakeEnd::Unreachable(why) | HandshakeEnd::NotTls(why) => why.clone(),
        HandshakeEnd::Alert(alert) => format!("TLS alert {alert}"),
    }
}
