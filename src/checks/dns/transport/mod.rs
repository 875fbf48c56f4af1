//! How a question travels: UDP, TCP, and what encrypts them: DoT (RFC 7858), DoH (RFC 8484) in HTTP/2 and HTTP/3, DoQ
//! (RFC 9250).
//!
//! One attempt is one connection and one query on it. Connecting, handshake and exchange share one patience. A transport
//! that fails is reported, never replaced by another one.

mod attempt;
mod doh;
mod facts;
mod fields;
mod http;
mod quic;
mod secure;
mod settings;
#[cfg(test)]
mod tests;
mod tls;
mod udp_comparison;

use tokio::time::Instant;

use self::attempt::Attempt;
use self::fields::SAME_AS;
pub(super) use self::fields::{FIELDS, TRANSPORT, TransportWord};
use self::secure::{Encryption, Secure};
pub(super) use self::settings::{default_port, plain};
use self::settings::{encrypted, in_http, verified};
pub(super) use self::udp_comparison::UdpComparison;
use crate::checks::shared::target::Target;
use crate::model::table::joined;
use crate::model::{Args, FactInfo, Fault, Invalid};
use crate::probe::{Cx, EarlyEnd, Mode};
use crate::proto::dns::exchange::{self, Exchange, Request};
use crate::proto::dns::message::Reply;

pub(super) const FACTS: &[FactInfo] = joined!(FactInfo; facts::SECURE, facts::HTTP, facts::COMPARISON);

/// Expectations that encryption and a comparison add, and their facts.
pub(super) const MODES: &[Mode] = &[
    Mode::of("same_as", |args| args.given(&SAME_AS), facts::COMPARISON)
        .example("same_as: tcp")
        .adds("same_answer: true"),
    Mode::of("transport: dot, doh, doq or doh3` without `verify: false", verified, &[]).adds("tls.verified: true"),
    Mode::of("transport: dot, doh, doq or doh3", encrypted, facts::SECURE),
    Mode::of("transport: doh or doh3", in_http, facts::HTTP),
];

/// How to ask.
pub(super) enum Transport {
    Udp,
    Tcp,
    Secure(Box<Secure>),
}

impl Transport {
    /// The transport to `target`.
    pub(super) fn from_args(args: &Args, target: &Target) -> Result<Self, Invalid> {
        Ok(match (settings::secure(args, target)?, args.get(&TRANSPORT)) {
            (Some(secure), _) => Self::Secure(Box::new(secure)),
            (None, TransportWord::Tcp) => Self::Tcp,
            (None, _) => Self::Udp,
        })
    }

    /// Whether it makes a handshake and verifies.
    pub(super) const fn is_cpu_bound(&self) -> bool {
        matches!(self, Self::Secure(_))
    }

    /// Reads what is trusted ahead of the first question.
    pub(super) async fn prepare(&self) {
        if let Self::Secure(secure) = self {
            // The check itself tells what fails.
            let _ = secure.trust.load().await;
        }
    }

    /// One attempt. What is seen on the way to the answer is recorded at once.
    pub(super) async fn ask(&self, cx: &mut Cx<'_>, request: &Request<'_>) -> Result<Exchange, Fault> {
        match self {
            Self::Udp => exchange::udp(request).await,
            Self::Tcp => exchange::tcp(request).await,
            Self::Secure(secure) => ask_securely(secure, cx, request).await,
        }
    }

    /// A suffix to the server's name, for people; the plain ones go without.
    pub(super) const fn title(&self) -> &'static str {
        match self {
            Self::Udp | Self::Tcp => "",
            Self::Secure(secure) => secure.encryption.title(),
        }
    }

    /// Records the facts that only answers over encrypted transports have.
    pub(super) fn record_reply(&self, cx: &mut Cx<'_>, reply: &Reply) {
        if let (Self::Secure(_), Some(edns)) = (self, &reply.edns) {
            cx.set(&facts::PADDING, edns.padded);
        }
    }
}

async fn ask_securely(secure: &Secure, cx: &mut Cx<'_>, request: &Request<'_>) -> Result<Exchange, Fault> {
    // DoQ wants 0 (RFC 9250, 4.2.1), DoH prefers it for the sake of caches (RFC 8484, 4.1).
    let zero = secure.encryption != Encryption::Dot;
    let (id, query) = request.question.encode_padded(request.seed, zero)?;
    // Loaded before the clock starts: it is this side's own work.
    secure.trust.load().await?;
    let end = Instant::now() + request.patience;
    let mut attempt = Attempt { request, id, query, end, exchange: Exchange::new() };
    let outcome = match secure.encryption {
        Encryption::Dot => secure.over_tls(cx, &mut attempt).await,
        Encryption::Doh => secure.over_https(cx, &mut attempt).await,
        Encryption::Doq | Encryption::Doh3 => secure.over_quic(cx, &mut attempt).await,
    };
    match outcome {
        Ok(()) => Ok(attempt.exchange),
        Err(EarlyEnd::Outcome { word, evidence }) => Ok(attempt.exchange.ended(word, evidence.unwrap_or_default())),
        Err(EarlyEnd::Fault(fault)) => Err(fault),
    }
}
