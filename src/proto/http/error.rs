//! Why there is no response, or only a part of one.

use crate::model::Fault;

/// How an exchange ended without a whole response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The name has no address.
    Unresolved,
    /// RST in answer to SYN.
    Refused,
    /// Silence.
    Timeout,
    /// An ICMP error, or no route.
    Unreachable,
    /// RST, or `RST_STREAM`.
    Reset,
    /// The certificate does not verify, so nothing was sent.
    Untrusted,
    /// No TLS, or not on the terms asked for.
    TlsFailed,
    /// The response is not HTTP, or the request cannot be written as such.
    Malformed,
    /// FIN in the middle, or `GOAWAY`.
    Closed,
}

impl Cause {
    /// Its word in facts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unresolved => "unresolved",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Reset => "reset",
            Self::Untrusted => "untrusted",
            Self::TlsFailed => "tls_failed",
            Self::Malformed => "malformed",
            Self::Closed => "closed",
        }
    }
}

/// No response, or not all of it. A fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoResponse {
    /// Its cause.
    pub cause: Cause,
    /// Evidence.
    pub why: String,
    /// The TLS alert the peer sent, by the name RFC 8446 gives it.
    pub alert: Option<String>,
}

/// An exchange that came to no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExchangeError {
    /// The server, or the way to it, did not give one.
    NoResponse(NoResponse),
    /// This side could not look.
    Fault(Fault),
}

impl NoResponse {
    pub(super) fn new(cause: Cause, why: impl Into<String>) -> Self {
        Self { cause, why: why.into(), alert: None }
    }
}

impl ExchangeError {
    pub(super) fn new(cause: Cause, why: impl Into<String>) -> Self {
        Self::NoResponse(NoResponse::new(cause, why))
    }
}

impl ExchangeError {
    /// The same, with whose answer it was.
    #[must_use]
    pub fn of(self, url: &str) -> Self {
        match self {
            Self::NoResponse(none) => Self::NoResponse(NoResponse { why: format!("{url}: {}", none.why), ..none }),
            Self::Fault(fault) => Self::Fault(Fault { peer: url.to_owned(), ..fault }),
        }
    }

    /// What happened, in words.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::NoResponse(none) => &none.why,
            Self::Fault(fault) => &fault.detail,
        }
    }
}

impl From<NoResponse> for ExchangeError {
    fn from(none: NoResponse) -> Self {
        Self::NoResponse(none)
    }
}

impl From<Fault> for ExchangeError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
