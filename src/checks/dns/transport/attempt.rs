//! One attempt over an encrypted transport: one connection and one query on it.

use std::net::SocketAddr;

use tokio::time::Instant;

use super::facts;
use crate::model::human_time;
use crate::net::ConnectError;
use crate::net::clock::MeasuredTime;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::dns::exchange::{Exchange, Request};
use crate::proto::tls::{Handshake, HandshakeEnd};

/// One attempt that is under way.
pub(super) struct Attempt<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) id: u16,
    pub(super) query: Vec<u8>,
    pub(super) end: Instant,
    pub(super) exchange: Exchange,
}

impl Attempt<'_> {
    /// A limit in time ran out while waiting for `what`.
    pub(super) fn silence(&self, what: &str) -> EarlyEnd {
        let Request { server, patience, .. } = self.request;
        EarlyEnd::outcome(
            "timeout",
            format!("{server} kept silent for {}: still waiting for {what}", human_time(*patience)),
        )
    }

    /// Takes the message of a transport that carries one only: what is no answer to the question ends the attempt.
    pub(super) fn take_only(&mut self, message: &[u8], sent: Instant) -> Result<(), EarlyEnd> {
        let server = self.request.server;
        let rtt = MeasuredTime::by_user(sent.elapsed());
        if self.exchange.take(message, server, self.id, self.request, rtt) {
            return Ok(());
        }
        Err(EarlyEnd::outcome(
            "malformed",
            format!("{server} answered with something else than an answer to the question"),
        ))
    }

    /// The handshake is over: the connection, or how it ended before there was one. `why` is in the peer's words.
    pub(super) fn done<S>(&self, cx: &mut Cx<'_>, handshake: Handshake<S>, why: Option<String>) -> Result<S, EarlyEnd> {
        let server = self.request.server;
        let patience = self.request.patience;
        let described = match &handshake.end {
            // Over QUIC there is no connection that could have been accepted before.
            HandshakeEnd::Timeout if handshake.reached().is_none() => {
                Some(format!("no answer from {server} to the TLS handshake within {}", human_time(patience)))
            }
            _ => handshake.ending(server, patience),
        };
        let distrust = handshake.verify_error.map(|error| format!("; and the certificate does not verify: {error}"));
        let outcome = match handshake.end {
            HandshakeEnd::Completed(connection) => return Ok(*connection),
            HandshakeEnd::Timeout => "timeout",
            HandshakeEnd::Reset => "reset",
            HandshakeEnd::Closed => "closed",
            HandshakeEnd::Unreachable(_) => "unreachable",
            HandshakeEnd::NotTls(_) => "not_tls",
            HandshakeEnd::Alert(alert) => {
                cx.set(&facts::ALERT, alert);
                "alert"
            }
        };
        let peer_reason = why.map(|why| format!(" ({why})")).unwrap_or_default();
        let sentence = described.unwrap_or_default() + &peer_reason + &distrust.unwrap_or_default();
        Err(EarlyEnd::outcome(outcome, sentence))
    }
}

/// An error of an established TLS or QUIC connection, as an outcome.
pub(super) fn lost<S>(cx: &mut Cx<'_>, end: HandshakeEnd<S>) -> (&'static str, String) {
    match end {
        HandshakeEnd::Timeout => ("timeout", "the connection timed out".to_owned()),
        HandshakeEnd::Reset => ("reset", "the connection was reset".to_owned()),
        HandshakeEnd::Unreachable(why) => ("unreachable", why),
        HandshakeEnd::Closed | HandshakeEnd::Completed(_) => ("closed", "the connection was closed".to_owned()),
        HandshakeEnd::NotTls(why) => ("protocol_error", why),
        HandshakeEnd::Alert(alert) => {
            cx.set(&facts::ALERT, alert.clone());
            ("alert", format!("TLS alert: {alert}"))
        }
    }
}

/// A connection that never came about.
pub(super) fn refused(request: &Request<'_>, error: &ConnectError) -> EarlyEnd {
    EarlyEnd::outcome(error.word(), error.sentence(request.server, request.patience))
}

/// The same of a connection over UDP.
pub(super) fn refused_datagram(server: SocketAddr, error: &ConnectError) -> EarlyEnd {
    let sentence = match error {
        ConnectError::Unreachable(why) => format!("{server} cannot be reached: {why}"),
        _ => format!("nothing listens on UDP {server} (ICMP port unreachable)"),
    };
    EarlyEnd::outcome(error.word(), sentence)
}
