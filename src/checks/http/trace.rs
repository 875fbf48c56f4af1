//! How far an exchange came. It outlives the exchange when time runs out.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::StatusCode;
use tokio::time::Instant;
use url::Url;

use crate::checks::shared::diagnosis::TOOK_REQUEST;
use crate::model::count::counted;
use crate::model::{Unit, human_time};
use crate::net::dial::NO_HANDSHAKE;
use crate::proto::http::Phase;

/// What is said of a body that comes, and takes longer than there is time.
pub(super) const STILL_ARRIVES: &str = "more was still arriving";
/// The share of the time without a byte from which on a body no longer arrives.
const STALLED: u32 = 4;

/// See the module.
pub(super) struct Trace {
    /// The phase that is waited for.
    pub(super) phase: Phase,
    /// Whether that is one whose own end tells what it ended of; shared with who limits the whole.
    connecting: Arc<AtomicBool>,
    pub(super) url: Url,
    /// Its site, where a `host` header asks for another one than the URL names.
    pub(super) site: Option<Url>,
    /// The URL for people, as it is asked.
    pub(super) shown: String,
    pub(super) redirects: Vec<String>,
    pub(super) address: Option<IpAddr>,
    /// The proxy that is asked, for people.
    pub(super) via: Option<String>,
    /// SHA-256 of the certificate of the last connection.
    pub(super) fingerprint: Option<String>,
    /// Further addresses of the name, which are not connected to.
    pub(super) untried: Vec<IpAddr>,
    pub(super) status: Option<StatusCode>,
    /// Bytes of body that arrived.
    pub(super) bytes: u64,
    /// When the last of them did.
    last_byte: Option<Instant>,
}

impl Trace {
    pub(super) fn new(url: Url, shown: String) -> Self {
        Self {
            phase: Phase::Resolve,
            connecting: Arc::default(),
            url,
            site: None,
            shown,
            redirects: Vec::new(),
            address: None,
            via: None,
            fingerprint: None,
            untried: Vec::new(),
            status: None,
            bytes: 0,
            last_byte: None,
        }
    }

    /// A phase begins.
    pub(super) fn begin(&mut self, phase: Phase) {
        self.phase = phase;
        self.connecting.store(matches!(phase, Phase::Connect | Phase::Tls | Phase::Quic), Ordering::Relaxed);
    }

    /// Whether it ended before there was a connection.
    pub(super) fn is_unconnected(&self) -> bool {
        matches!(self.phase, Phase::Resolve | Phase::Connect | Phase::Quic | Phase::Proxy)
    }

    /// The outcome of a limit in time that ran out: the proxy's silence is not the server's.
    pub(super) fn silent_word(&self) -> &'static str {
        let by_proxy = self.via.is_some() && matches!(self.phase, Phase::Connect | Phase::Proxy);
        if by_proxy { "proxy_failed" } else { "timeout" }
    }

    /// Whether a connection is being made, also while the exchange holds the trace.
    pub(super) fn connecting(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.connecting)
    }

    /// A part of the body arrives.
    pub(super) fn arrived(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.last_byte = Some(Instant::now());
    }

    /// Starts over at `target`.
    pub(super) fn follow(&mut self, target: Url) {
        let mut redirects = std::mem::take(&mut self.redirects);
        let shown = target.to_string();
        redirects.push(shown.clone());
        let via = self.via.take();
        *self = Self { redirects, via, connecting: self.connecting(), ..Self::new(target, shown) };
        self.begin(Phase::Resolve);
    }

    /// How a limit in time ran out: who was silent, and in which phase.
    pub(super) fn silence(&self, timeout: Duration) -> String {
        let within = human_time(timeout);
        let peer = self.peer();
        let redirected =
            if self.redirects.is_empty() { String::new() } else { format!(" (redirected to {})", self.shown) };
        let silence = match self.phase {
            Phase::Resolve => format!("the name of {} was not resolved within {within}", self.shown),
            Phase::Proxy => {
                format!("{peer} accepted the connection, but did not let the request through within {within}")
            }
            Phase::Quic => format!("no answer from {peer} to a QUIC handshake (UDP) within {within}"),
            Phase::Connect => format!("no answer from {peer} {NO_HANDSHAKE} within {within}"),
            Phase::Tls => {
                format!("{peer} accepted the connection, but did not finish the TLS handshake within {within}")
            }
            Phase::Head => format!("{peer} {TOOK_REQUEST}, but sent no answer within {within}"),
            Phase::Body => {
                let (status, bytes) = (self.status.map_or(0, |status| status.as_u16()), counted(self.bytes, "byte"));
                let since = self.last_byte.map(|last| last.elapsed());
                let pace = match since {
                    Some(since) if since < timeout / STALLED => format!("; {STILL_ARRIVES}"),
                    Some(since) => format!(", the last {} before", Unit::Seconds.human(since.as_secs_f64())),
                    None => String::new(),
                };
                format!("{peer} answered {status}, but its body did not end within {within} ({bytes} came{pace})")
            }
        };
        silence + &redirected
    }

    /// What a connection that did not come about leaves open: the other addresses of the name.
    pub(super) fn untried(&self) -> Option<String> {
        let (first, more) = self.untried.split_first()?;
        let connecting = matches!(self.phase, Phase::Connect | Phase::Tls | Phase::Quic);
        let others = if more.is_empty() { first.to_string() } else { format!("{first} and {} more", more.len()) };
        connecting.then(|| format!(" (the first address of the name; {others} not tried)"))
    }

    /// Address and port connected to; the URL's host where no address is known yet.
    fn peer(&self) -> String {
        if let Some(via) = &self.via {
            let host = self.url.host_str().unwrap_or_default();
            return match self.phase {
                Phase::Resolve | Phase::Connect | Phase::Proxy => format!("the proxy {via}"),
                Phase::Tls | Phase::Quic | Phase::Head | Phase::Body => format!("{host}, through the proxy {via},"),
            };
        }
        let port = self.url.port_or_known_default().unwrap_or_default();
        match self.address {
            Some(address) => SocketAddr::new(address, port).to_string(),
            None => self.url.host_str().unwrap_or_default().to_owned(),
        }
    }

    /// The part of an answer that never became whole. It is evidence, not the facts of an answer.
    pub(super) fn partial(&self) -> Option<String> {
        let bytes = counted(self.bytes, "byte");
        self.status.map(|status| format!("{} had answered {status} and {bytes} of body", self.shown))
    }
}
