//! One request on one connection: resolve, connect, shake hands, ask.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::Full;
use hyper::StatusCode;
use hyper::body::{Bytes, Incoming};
use hyper::http::response::Parts;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
use url::{Host, Url};

use super::fields::HttpVersion;
use super::request::Request;
use super::{Http, facts};
use crate::model::Fault;
use crate::net::scope::Scope;
use crate::net::{ConnectError, IpVersion, connect, resolve};
use crate::probe::Cx;
use crate::proto::http::stream_end::{Watch, Watched};
use crate::proto::tls::{Handshake, HandshakeEnd, Offer, TlsStream, handshake, now, server_name, versions};

/// Bytes and number of an answer's headers.
const HEAD: usize = 64 * 1024;
const HEADERS: usize = 256;

/// What ends an exchange before there is an answer.
pub(super) enum Stop {
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

/// What the exchange waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Resolve,
    Connect,
    Tls,
    Head,
    Body,
}

/// How far the exchange came; outlives it when time runs out.
pub(super) struct Trace {
    pub(super) phase: Phase,
    pub(super) url: Url,
    pub(super) redirects: Vec<String>,
    pub(super) address: Option<IpAddr>,
    pub(super) status: Option<StatusCode>,
    pub(super) bytes: u64,
}

impl Trace {
    pub(super) fn new(url: Url) -> Self {
        Self { phase: Phase::Resolve, url, redirects: Vec::new(), address: None, status: None, bytes: 0 }
    }

    /// Starts over at `target`.
    pub(super) fn follow(&mut self, target: Url) {
        let redirects = std::mem::take(&mut self.redirects);
        *self = Self { redirects, ..Self::new(target) };
    }

    /// What was waited for when time ran out.
    pub(super) fn silence(&self, timeout: Duration) -> String {
        let what = match self.phase {
            Phase::Resolve => "the name to resolve",
            Phase::Connect => "the connection",
            Phase::Tls => "the TLS handshake",
            Phase::Head => "the head of the answer",
            Phase::Body => "the rest of the body",
        };
        format!("after {timeout:?} still waiting for {what} of {}", self.url)
    }

    /// What had arrived of an answer that never became whole. It is evidence, not the facts of an answer.
    pub(super) fn partial(&self) -> Option<String> {
        self.status.map(|status| format!("{} had answered {status} and {} bytes of body", self.url, self.bytes))
    }
}

/// The connection an answer is read from; its background tasks end with it.
pub(super) struct Connection {
    pub(super) watch: Watch,
    _scope: Scope,
}

/// See the module.
pub(super) struct Hop<'p> {
    pub(super) probe: &'p Http,
    pub(super) request: &'p Request,
    pub(super) url: Url,
}

impl Hop<'_> {
    /// Sends the request; comes back with the head of the answer.
    pub(super) async fn send(&self, cx: &mut Cx<'_>, trace: &mut Trace) -> Result<(Parts, Incoming, Connection), Stop> {
        let address = self.address(cx, trace).await?;
        let peer = SocketAddr::new(address, self.url.port_or_known_default().unwrap_or_default());
        trace.address = Some(address);
        trace.phase = Phase::Connect;
        // The whole exchange has one limit in time, kept by the caller; no phase has one of its own.
        let dialled = match connect(peer, None, self.probe.timeout).await? {
            Ok(dialled) => dialled,
            Err(ConnectError::Unreachable(why)) => return Err(Stop::Seen("unreachable", format!("{peer}: {why}"))),
            Err(error) => return Err(Stop::Seen(error.word(), format!("{peer}: connect: {}", error.word()))),
        };
        cx.record_time(&facts::CONNECT_TIME, dialled.elapsed);
        if self.url.scheme() == "https" {
            let stream = self.secure(cx, trace, dialled.stream, peer).await?;
            let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            if self.probe.version == HttpVersion::Http2 && !two {
                return Err(Stop::Seen("tls_failed", "the server did not agree to HTTP/2 (ALPN h2)".to_owned()));
            }
            self.ask(cx, trace, stream, two).await
        } else {
            self.ask(cx, trace, dialled.stream, self.probe.version == HttpVersion::Http2).await
        }
    }

    async fn address(&self, cx: &mut Cx<'_>, trace: &mut Trace) -> Result<IpAddr, Stop> {
        trace.phase = Phase::Resolve;
        let name = match self.url.host() {
            // `resolve` speaks of the URL's host, not of wherever a redirect leads.
            Some(host) => match self.probe.pin.filter(|_| Some(&host) == self.probe.url.host().as_ref()) {
                Some(pinned) => return Ok(pinned),
                None => host,
            },
            None => return Err(Stop::Seen("unresolved", format!("{} names no host", self.url))),
        };
        let name = match name {
            Host::Ipv4(address) => return Ok(address.into()),
            Host::Ipv6(address) => return Ok(address.into()),
            Host::Domain(name) => name,
        };
        let start = Instant::now();
        let found = resolve(name, IpVersion::Any, self.probe.timeout).await?;
        let addresses = found.map_err(|why| Stop::Seen("unresolved", why))?;
        cx.record_time(&facts::RESOLVE_TIME, start.elapsed());
        addresses.first().copied().ok_or_else(|| Stop::Seen("unresolved", format!("{name} has no address")))
    }

    async fn secure(
        &self,
        cx: &mut Cx<'_>,
        trace: &mut Trace,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Result<TlsStream, Stop> {
        let host = self.url.host_str().unwrap_or_default();
        let name = server_name(host)
            .ok_or_else(|| Stop::Seen("tls_failed", format!("{host} is not a name a certificate can carry")))?;
        let sni = matches!(self.url.host(), Some(Host::Domain(_))).then(|| name.clone());
        let offer = Offer { sni, verify_name: name, alpn: self.probe.version.alpn(), versions: versions(None, None) };
        let credentials = self.probe.trust.load().await?;
        trace.phase = Phase::Tls;
        let shaken = handshake(stream, peer, credentials, &offer, self.probe.timeout).await?;
        if let Some(Some(leaf)) = shaken.certificates().first() {
            cx.set(&facts::CERTIFICATE_EXPIRES_IN, leaf.expires_in(now()));
        }
        let verified = shaken.verified();
        let Handshake { end, elapsed, verify_error, .. } = shaken;
        let stream = match end {
            HandshakeEnd::Completed(stream) => *stream,
            other => return Err(failed(other, verify_error)),
        };
        cx.record_time(&facts::TLS_TIME, elapsed);
        if self.probe.verify && verified != Some(true) {
            let why = verify_error.unwrap_or_else(|| "the server proved nothing".to_owned());
            return Err(Stop::Seen("untrusted", format!("nothing was sent: the certificate does not verify: {why}")));
        }
        Ok(stream)
    }

    async fn ask<S>(
        &self,
        cx: &mut Cx<'_>,
        trace: &mut Trace,
        stream: S,
        two: bool,
    ) -> Result<(Parts, Incoming, Connection), Stop>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        trace.phase = Phase::Head;
        let request = self.request.for_url(&self.url, two).map_err(|why| Stop::Seen("malformed", why))?;
        let (stream, watch) = Watched::new(stream);
        let scope = Scope::default();
        let start = Instant::now();
        let io = TokioIo::new(stream);
        let answer = if two { second(io, &scope, request).await } else { first(io, &scope, request).await };
        let (head, body) = answer
            .map_err(|error| {
                let (outcome, why) = watch.explain(&error);
                Stop::Seen(outcome, format!("{}: {why}", self.url))
            })?
            .into_parts();
        cx.record_time(&facts::FIRST_BYTE_TIME, start.elapsed());
        trace.status = Some(head.status);
        Ok((head, body, Connection { watch, _scope: scope }))
    }
}

type Answered = Result<hyper::Response<Incoming>, hyper::Error>;

async fn first<S>(io: TokioIo<Watched<S>>, scope: &Scope, request: hyper::Request<Full<Bytes>>) -> Answered
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut client = hyper::client::conn::http1::Builder::new();
    client.max_buf_size(HEAD).max_header_size(HEAD).max_headers(HEADERS);
    let (mut sender, connection) = client.handshake(io).await?;
    scope.spawner().spawn(connection);
    sender.ready().await?;
    sender.send_request(request).await
}

async fn second<S>(io: TokioIo<Watched<S>>, scope: &Scope, request: hyper::Request<Full<Bytes>>) -> Answered
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut client = hyper::client::conn::http2::Builder::new(scope.spawner());
    client.max_header_list_size(u32::try_from(HEAD).unwrap_or(u32::MAX));
    let (mut sender, connection) = client.handshake(io).await?;
    scope.spawner().spawn(connection);
    sender.ready().await?;
    sender.send_request(request).await
}

/// A handshake that ended early, as an outcome of this family.
fn failed(end: HandshakeEnd, verify_error: Option<String>) -> Stop {
    let mut stop = match end {
        HandshakeEnd::Timeout => ("timeout", "the TLS handshake: silence".to_owned()),
        HandshakeEnd::Reset => ("reset", "the TLS handshake was reset".to_owned()),
        HandshakeEnd::Unreachable(why) => ("unreachable", why),
        HandshakeEnd::NotTls(why) => ("tls_failed", format!("the server does not speak TLS on this port ({why})")),
        HandshakeEnd::Alert(alert) => ("tls_failed", format!("TLS alert: {alert}")),
        HandshakeEnd::Closed | HandshakeEnd::Completed(_) => {
            ("closed", "the server hung up during the TLS handshake".to_owned())
        }
    };
    if let Some(error) = verify_error {
        stop.1 = format!("{}; and the certificate does not verify: {error}", stop.1);
    }
    Stop::Seen(stop.0, stop.1)
}
