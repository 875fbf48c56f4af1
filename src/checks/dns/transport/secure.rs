//! An encrypted transport, before anything is asked.

use super::http::Http;
use crate::probe::EarlyEnd;
use crate::proto::tls::{Handshake, Offer, Trust};

/// How a transport is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// TLS (RFC 7858).
    Dot,
    /// HTTP/2 over TLS (RFC 8484).
    Doh,
    /// QUIC (RFC 9250).
    Doq,
    /// HTTP/3.
    Doh3,
}

impl Encryption {
    pub(super) const fn in_http(self) -> bool {
        matches!(self, Self::Doh | Self::Doh3)
    }

    pub(super) const fn over_quic(self) -> bool {
        matches!(self, Self::Doq | Self::Doh3)
    }

    /// As in plans and reports, where ports alone do not say it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Dot => " (dot)",
            Self::Doh => " (doh)",
            Self::Doq => " (doq)",
            Self::Doh3 => " (doh3)",
        }
    }

    pub(super) const fn port(self) -> u16 {
        if self.in_http() { 443 } else { 853 }
    }

    pub(super) const fn alpn(self) -> &'static str {
        match self {
            Self::Dot => "dot",
            Self::Doh => "h2",
            Self::Doq => "doq",
            Self::Doh3 => "h3",
        }
    }
}

/// An encrypted transport, what to offer the server and whom to trust.
pub(in crate::checks::dns) struct Secure {
    pub(super) encryption: Encryption,
    pub(super) trust: Trust,
    pub(super) offer: Offer,
    pub(super) verify: bool,
    pub(super) http: Option<Http>,
}

impl Secure {
    /// Nothing is asked of a server that did not prove itself.
    pub(super) fn admit<S>(&self, handshake: &Handshake<S>) -> Result<(), EarlyEnd> {
        if !self.verify || handshake.verified() == Some(true) {
            return Ok(());
        }
        if let Some(fault) = handshake.judgement_fault() {
            return Err(fault.into());
        }
        let why = handshake.verify_error.as_deref().unwrap_or("the server proved nothing");
        Err(EarlyEnd::outcome("untrusted", format!("nothing was asked: the certificate does not verify: {why}")))
    }
}
