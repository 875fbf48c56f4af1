//! How a question travels: UDP, TCP, and what encrypts them: DoT (RFC 7858), DoH (RFC 8484) in HTTP/2 and HTTP/3, DoQ
//! (RFC 9250).
//!
//! One attempt is one connection and one query on it. Connecting, handshake and exchange share one patience. A transport
//! that fails is reported, never replaced by another one.

mod doh;
mod facts;
mod http;
mod quic;
mod same;
mod settings;
#[cfg(test)]
mod tests;
mod tls;

use tokio::time::Instant;

use self::same::SAME;
pub(super) use self::same::Same;
pub(super) use self::settings::{FIELDS, plain, port};
use self::settings::{encrypted, in_http, strict};
use crate::model::table::joined;
use crate::model::{FactInfo, Fault};
use crate::net::ConnectError;
use crate::probe::{Cx, Mode};
use crate::proto::dns::exchange::{self, Asking, Exchange};
use crate::proto::dns::message::Reply;
use crate::proto::tls::{Handshake, HandshakeEnd, Offer, Trust};

pub(super) const FACTS: &[FactInfo] = joined!(FactInfo; facts::SECURE, facts::HTTP, SAME);

/// What the encrypted transports, and a comparison, add to what is expected, and their facts.
pub(super) const MODES: &[Mode] = &[
    Mode {
        with: "same_as",
        applies: |args| args.has("same_as"),
        expect: None,
        adds: Some("same_answer: true"),
        facts: SAME,
    },
    Mode {
        with: "transport: dot, doh, doq or doh3",
        applies: |args| encrypted(args) && strict(args),
        expect: None,
        adds: Some("tls.verified: true"),
        facts: &[],
    },
    Mode {
        with: "transport: dot, doh, doq or doh3",
        applies: encrypted,
        expect: None,
        adds: None,
        facts: facts::SECURE,
    },
    Mode { with: "transport: doh or doh3", applies: in_http, expect: None, adds: None, facts: facts::HTTP },
];

/// How to ask.
pub(super) enum Transport {
    Udp,
    Tcp,
    Secure(Box<Secure>),
}

/// An encrypted transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// DoT.
    Tls,
    /// DoH in HTTP/2.
    Https,
    /// DoQ.
    Quic,
    /// DoH in HTTP/3.
    Http3,
}

impl Kind {
    const fn in_http(self) -> bool {
        matches!(self, Self::Https | Self::Http3)
    }

    const fn over_quic(self) -> bool {
        matches!(self, Self::Quic | Self::Http3)
    }

    /// As in plans and reports, where ports alone do not tell.
    const fn title(self) -> &'static str {
        match self {
            Self::Tls => " (dot)",
            Self::Https => " (doh)",
            Self::Quic => " (doq)",
            Self::Http3 => " (doh3)",
        }
    }

    const fn port(self) -> u16 {
        if self.in_http() { 443 } else { 853 }
    }

    const fn alpn(self) -> &'static str {
        match self {
            Self::Tls => "dot",
            Self::Https => "h2",
            Self::Quic => "doq",
            Self::Http3 => "h3",
        }
    }
}

/// An encrypted transport, what to offer the server and whom to trust.
pub(super) struct Secure {
    kind: Kind,
    trust: Trust,
    offer: Offer,
    verify: bool,
    http: Option<http::Http>,
}

/// What ends an attempt before there is an answer.
enum Stop {
    /// A fact: outcome and evidence.
    Seen(&'static str, String),
    /// This side could not look.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// One attempt that is under way.
struct Attempt<'a> {
    asking: &'a Asking<'a>,
    id: u16,
    query: Vec<u8>,
    end: Instant,
    seen: Exchange,
}

impl Transport {
    /// One attempt. What is seen on the way to the answer is recorded at once.
    pub(super) async fn ask(&self, cx: &mut Cx<'_>, asking: &Asking<'_>) -> Result<Exchange, Fault> {
        match self {
            Self::Udp => exchange::udp(asking).await,
            Self::Tcp => exchange::tcp(asking).await,
            Self::Secure(secure) => secure.ask(cx, asking).await,
        }
    }

    /// What follows the server's name, for people; the plain ones go without.
    pub(super) const fn title(&self) -> &'static str {
        match self {
            Self::Udp | Self::Tcp => "",
            Self::Secure(secure) => secure.kind.title(),
        }
    }

    /// Records what only answers over encrypted transports have.
    pub(super) fn tell(&self, cx: &mut Cx<'_>, reply: &Reply) {
        if let (Self::Secure(_), Some(edns)) = (self, &reply.edns) {
            cx.set(&facts::PADDING, edns.padded);
        }
    }
}

impl Secure {
    async fn ask(&self, cx: &mut Cx<'_>, asking: &Asking<'_>) -> Result<Exchange, Fault> {
        // DoQ wants 0 (RFC 9250, 4.2.1), DoH prefers it for the sake of caches (RFC 8484, 4.1).
        let zero = self.kind != Kind::Tls;
        let (id, query) = asking.question.encode_padded(asking.seed, zero)?;
        // Loaded before the clock starts: it is this side's own work.
        self.trust.load().await?;
        let end = Instant::now() + asking.patience;
        let mut attempt = Attempt { asking, id, query, end, seen: Exchange::new() };
        let outcome = match self.kind {
            Kind::Tls => self.over_tls(cx, &mut attempt).await,
            Kind::Https => self.over_https(cx, &mut attempt).await,
            Kind::Quic | Kind::Http3 => self.over_quic(cx, &mut attempt).await,
        };
        match outcome {
            Ok(()) => Ok(attempt.seen),
            Err(Stop::Seen(outcome, why)) => Ok(attempt.seen.ended(outcome, why)),
            Err(Stop::Fault(fault)) => Err(fault),
        }
    }

    /// Nothing is asked of a server that did not prove itself.
    fn admit<S>(&self, shaken: &Handshake<S>) -> Result<(), Stop> {
        if !self.verify || shaken.verified() == Some(true) {
            return Ok(());
        }
        let why = shaken.verify_error.as_deref().unwrap_or("the server proved nothing");
        Err(Stop::Seen("untrusted", format!("nothing was asked: the certificate does not verify: {why}")))
    }
}

impl Attempt<'_> {
    /// A limit in time ran out while waiting for `what`.
    fn silence(&self, what: &str) -> Stop {
        let Asking { server, patience, .. } = self.asking;
        Stop::Seen("timeout", format!("{server}: after {patience:?} still waiting for {what}"))
    }

    /// Takes the message of a transport that carries one only: what is no answer to the question ends the attempt.
    fn take_only(&mut self, message: &[u8], sent: Instant) -> Result<(), Stop> {
        let server = self.asking.server;
        if self.seen.take(message, server, self.id, self.asking, sent) {
            return Ok(());
        }
        Err(Stop::Seen("malformed", format!("{server} answered with something else than an answer to the question")))
    }

    /// The handshake is over: the connection, or how it ended before there was one. `why` is in the peer's words.
    fn done<S>(&self, cx: &mut Cx<'_>, shaken: Handshake<S>, why: Option<String>) -> Result<S, Stop> {
        let server = self.asking.server;
        let reached = shaken.reached().unwrap_or_else(|| "ClientHello".to_owned());
        let distrust = shaken.verify_error.map(|error| format!("; and the certificate does not verify: {error}"));
        let (outcome, told) = match shaken.end {
            HandshakeEnd::Completed(connection) => return Ok(*connection),
            HandshakeEnd::Timeout => (
                "timeout",
                format!("no end of the handshake within {:?}; it came as far as {reached}", self.asking.patience),
            ),
            HandshakeEnd::Reset => ("reset", format!("the handshake was reset after {reached}")),
            HandshakeEnd::Closed => ("closed", format!("hung up during the handshake, after {reached}")),
            HandshakeEnd::Unreachable(why) => ("unreachable", why),
            HandshakeEnd::NotTls(why) => ("not_tls", format!("the answer is not TLS ({why}); is it the right port?")),
            HandshakeEnd::Alert(alert) => {
                cx.set(&facts::ALERT, alert.clone());
                ("alert", format!("TLS alert: {alert}"))
            }
        };
        let said = why.map(|why| format!(" ({why})")).unwrap_or_default();
        Err(Stop::Seen(outcome, format!("{server}: {told}{said}{}", distrust.unwrap_or_default())))
    }
}

/// An error of an established TLS or QUIC connection, as an outcome.
fn lost<S>(cx: &mut Cx<'_>, end: HandshakeEnd<S>) -> (&'static str, String) {
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
fn refused(server: impl std::fmt::Display, error: &ConnectError) -> Stop {
    let why = match error {
        ConnectError::Unreachable(why) => why.clone(),
        other => other.word().to_owned(),
    };
    Stop::Seen(error.word(), format!("{server}: connect: {why}"))
}
