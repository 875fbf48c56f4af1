//! Why there is no response, or only a part of one.

use crate::model::Fault;

/// How an exchange ended without a whole response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
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
    /// A proxy did not let the request through, or was not reached.
    Proxy,
    /// More than this side reads: a limit of its own, and no fault of the server.
    TooLarge,
}

impl FailureKind {
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
            Self::Malformed | Self::TooLarge => "malformed",
            Self::Closed => "closed",
            Self::Proxy => "proxy_failed",
        }
    }
}

/// No response, or not all of it. A fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoResponse {
    /// Its cause.
    pub kind: FailureKind,
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
    pub(super) fn new(kind: FailureKind, why: impl Into<String>) -> Self {
        Self { kind, why: why.into(), alert: None }
    }

    /// The same, of an exchange with `peer`, where it is a fact; what this side does not read is a fault.
    #[must_use]
    pub fn of(self, peer: &str) -> ExchangeError {
        if self.kind == FailureKind::TooLarge {
            let remedy = "see with another client, such as curl, how large it is, and what on the server makes it so";
            return Fault::local("read the answer", peer, self.why, remedy).into();
        }
        Self { why: format!("{peer}: {}", self.why), ..self }.into()
    }
}

impl ExchangeError {
    pub(super) fn new(kind: FailureKind, why: impl Into<String>) -> Self {
        Self::NoResponse(NoResponse::new(kind, why))
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
