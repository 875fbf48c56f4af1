//! How far an exchange came. It outlives the exchange when time runs out.

use std::net::IpAddr;
use std::time::Duration;

use hyper::StatusCode;
use url::Url;

use crate::proto::http::Phase;

/// See the module.
pub(super) struct Trace {
    /// The phase that is waited for.
    pub(super) phase: Phase,
    pub(super) url: Url,
    /// The URL for people, as it is asked.
    pub(super) shown: String,
    pub(super) redirects: Vec<String>,
    pub(super) address: Option<IpAddr>,
    pub(super) status: Option<StatusCode>,
    /// Bytes of body that arrived.
    pub(super) bytes: u64,
}

impl Trace {
    pub(super) fn new(url: Url, shown: String) -> Self {
        Self { phase: Phase::Resolve, url, shown, redirects: Vec::new(), address: None, status: None, bytes: 0 }
    }

    /// Starts over at `target`.
    pub(super) fn follow(&mut self, target: Url) {
        let mut redirects = std::mem::take(&mut self.redirects);
        let shown = target.to_string();
        redirects.push(shown.clone());
        *self = Self { redirects, ..Self::new(target, shown) };
    }

    /// Evidence of a limit in time that ran out.
    pub(super) fn silence(&self, timeout: Duration) -> String {
        let awaited = match self.phase {
            Phase::Resolve => "the name to resolve",
            Phase::Connect => "the connection",
            Phase::Tls => "the TLS handshake",
            Phase::Head => "the head of the answer",
            Phase::Body => "the rest of the body",
        };
        format!("after {timeout:?} still waiting for {awaited} of {}", self.shown)
    }

    /// The part of an answer that never became whole. It is evidence, not the facts of an answer.
    pub(super) fn partial(&self) -> Option<String> {
        self.status.map(|status| format!("{} had answered {status} and {} bytes of body", self.shown, self.bytes))
    }
}
