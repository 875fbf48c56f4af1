//! One request, on a connection of its own unless one is kept: resolve, connect, make a handshake, ask.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::FutureExt as _;
use hyper::header::PROXY_AUTHORIZATION;
use hyper::http::uri::PathAndQuery;
use hyper::{Request, StatusCode, Uri};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use url::{Host, Url};

use super::client::{Channel, Unanswered};
use super::dial::refused_by;
use super::kept::{KeptConnection, KeptConnections, Listener};
use super::proxy::Proxy;
use super::{ContinueState, ExchangeError, FailureKind, NoResponse, Outgoing, Response, ResponseLimits, Version};
use crate::model::Text;
use crate::net::clock::MeasuredTime;
use crate::net::{IpVersion, Origin, connect};
use crate::proto::tls::certificate::Certificate;
use crate::proto::tls::{
    Handshake, HandshakeEnd, Offer, TlsStream, Trust, beyond_offer, handshake, server_name, versions,
};

/// Between whose certificate it is and why it does not verify.
pub const UNVERIFIED: &str = "does not verify: ";
/// Behind why it does not.
pub const UNSENT: &str = "; no request was sent";

/// More than a timer is late by itself.
const LAST_WORD: Duration = Duration::from_millis(3);
pub(super) const LIMITS: ResponseLimits = ResponseLimits { head: 64 * 1024, window: None };

/// Steps of an exchange, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Name to address.
    Resolve,
    /// TCP handshake.
    Connect,
    /// What a proxy has to say before it lets the request through.
    Proxy,
    /// TLS handshake.
    Tls,
    /// The handshake of QUIC, which is one of TLS.
    Quic,
    /// From the request to the head of the response.
    Head,
    /// The body of the response.
    Body,
}

/// Hears of each step as it happens, so that what came before a limit in time is not lost.
pub trait Observer {
    /// The exchange waits for this phase from now on.
    fn begins(&mut self, phase: Phase);

    /// The phase took so long.
    fn ended(&mut self, phase: Phase, took: MeasuredTime);

    /// The name has these addresses, of which the first is connected to.
    fn resolved(&mut self, addresses: &[IpAddr]);

    /// The address that is connected to.
    fn connects_to(&mut self, address: IpAddr);

    /// What a proxy did, in one word, and the status of its answer where it gave one.
    fn proxied(&mut self, word: &'static str, status: Option<u16>);

    /// The server's certificate, whether it verifies or not.
    fn certificate(&mut self, leaf: &Certificate);

    /// Something unusual about why it is trusted, for people.
    fn trusted(&mut self, note: &str);

    /// Something unusual on the way, for people.
    fn noted(&mut self, note: String);
}

/// Versions asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionChoice {
    /// The server's choice over https, else 1.1.
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; over http with prior knowledge.
    Http2,
    /// HTTP/3, over https alone.
    Http3,
}

impl VersionChoice {
    /// Offered over https.
    pub(super) fn alpn(self) -> Vec<String> {
        let offered: &[&str] = match self {
            Self::Auto => &["h2", "http/1.1"],
            Self::Http1 => &["http/1.1"],
            Self::Http2 => &["h2"],
            Self::Http3 => &["h3"],
        };
        offered.iter().map(ToString::to_string).collect()
    }
}

/// The name a server is asked for in TLS, and the one its certificate must be for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateNames {
    /// Sent as SNI.
    pub sni: Option<ServerName<'static>>,
    /// Verified.
    pub verify: ServerName<'static>,
}

/// A server, and on what terms it is asked.
pub struct HttpServer<'a> {
    /// Names scheme, host and port.
    pub url: &'a Url,
    /// The host of the URL, as people may see it.
    pub host: &'a Text,
    /// Address to connect to instead of resolving the host.
    pub address: Option<IpAddr>,
    /// Which addresses of the host are used.
    pub ip_version: IpVersion,
    /// Where packets leave from.
    pub origin: Origin,
    /// Versions asked for.
    pub version: VersionChoice,
    /// Names of its certificate, where these are not the URL's host.
    pub names: Option<&'a CertificateNames>,
    /// Asked in its place, to pass the request on.
    pub proxy: Option<&'a Proxy>,
    /// Whom to trust over https.
    pub trust: &'a Trust,
    /// Nothing is sent to a server whose certificate does not verify.
    pub verify: bool,
    /// Connections that stay open for the next request; without, the connection ends with the response.
    pub kept: Option<&'a KeptConnections>,
    /// When the connection must be there; the caller limits the whole.
    pub until: Instant,
}

/// Connects to `server` and sends the request that `build` makes for the version agreed on; comes back with the head of the
/// response.
pub async fn exchange(
    server: &HttpServer<'_>,
    build: impl Fn(Version) -> Result<Request<Outgoing>, String> + Send + Sync,
    observer: &mut (impl Observer + Send),
) -> Result<Response, ExchangeError> {
    if server.version == VersionChoice::Http3 {
        return server.over_quic(build, observer).await;
    }
    let Some(kept) = server.kept else {
        let (channel, version) = server.open(|| (), observer).await?;
        return server.ask(channel, build(version), drop, observer).await.map_err(|unanswered| unanswered.error);
    };
    while let Some(KeptConnection { channel, version, heard, close_state }) = kept.take() {
        heard.tell(observer);
        let keep = kept.keeps(version, heard, close_state.clone());
        match server.ask(channel, build(version), keep, observer).await {
            // It had ended meanwhile, and nobody has seen the request.
            Err(NotAnswered { is_unsent: true, .. }) => {}
            answered => {
                return answered.inspect(|response| close_state.hear(&response.head)).map_err(|none| none.error);
            }
        }
    }
    let mut listener = Listener::of(&mut *observer);
    let close_state = kept.close_state();
    let ended = close_state.clone();
    let (channel, version) = server.open(move || ended.end(), &mut listener).await?;
    let heard = listener.heard;
    kept.count_opened();
    let keep = kept.keeps(version, heard, close_state.clone());
    let answered = server.ask(channel, build(version), keep, observer).await;
    answered.inspect(|response| close_state.hear(&response.head)).map_err(|none| none.error)
}

/// An exchange that came to no response.
struct NotAnswered {
    error: ExchangeError,
    /// Nothing of the request was sent.
    is_unsent: bool,
}

impl From<NoResponse> for NotAnswered {
    fn from(none: NoResponse) -> Self {
        Self { error: none.into(), is_unsent: false }
    }
}

impl HttpServer<'_> {
    /// The time left, less a moment: what ends first inside knows why nothing came.
    pub(super) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now()).saturating_sub(LAST_WORD)
    }

    /// Whether a proxy is handed the request itself.
    fn is_forwarded(&self) -> bool {
        self.proxy.is_some_and(|proxy| !proxy.tunnels(self.url))
    }

    pub(super) fn certificate_names(&self) -> Result<CertificateNames, ExchangeError> {
        if let Some(names) = self.names {
            return Ok(names.clone());
        }
        let host = self.url.host_str().unwrap_or_default();
        let name = server_name(host).ok_or_else(|| {
            NoResponse::new(FailureKind::TlsFailed, format!("{} is not a name a certificate can carry", self.host))
        })?;
        let sni = matches!(self.url.host(), Some(Host::Domain(_))).then(|| name.clone());
        Ok(CertificateNames { sni, verify: name })
    }

    async fn secure(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        observer: &mut (impl Observer + Send),
    ) -> Result<TlsStream, ExchangeError> {
        let CertificateNames { sni, verify: verify_name } = self.certificate_names()?;
        let offer = Offer { sni, verify_name, alpn: self.version.alpn(), versions: versions(None, None) };
        let credentials = self.trust.load().await?;
        observer.begins(Phase::Tls);
        let patience = self.left();
        let handshake = handshake(stream, peer, credentials, &offer, patience).await?;
        // Behind a proxy it is not asked once more.
        if handshake.may_be_beyond_offer() && self.proxy.is_none() {
            let left = self.left();
            let origin = self.origin;
            let open = async move || Ok(connect(peer, origin, left).await?.ok().map(|dialled| dialled.stream));
            if let Some(fault) = beyond_offer(peer, &offer, left, &|| open().boxed()).await? {
                return Err(fault.into());
            }
        }
        self.admit(handshake, peer, patience, observer)
    }

    /// The stream of a handshake whose certificate is trusted, or need not be.
    pub(super) fn admit<S>(
        &self,
        handshake: Handshake<S>,
        peer: SocketAddr,
        patience: Duration,
        observer: &mut (impl Observer + Send),
    ) -> Result<S, ExchangeError> {
        if let Some(Some(leaf)) = handshake.certificates().first() {
            observer.certificate(leaf);
        }
        if let Some(note) = &handshake.trust_note {
            observer.trusted(note);
        }
        let (verified, unjudged) = (handshake.verified(), handshake.judgement_fault());
        let ending = handshake.ending(peer, patience);
        let Handshake { end, elapsed, verify_error, .. } = handshake;
        let stream = match (end, ending) {
            (HandshakeEnd::Completed(stream), _) => *stream,
            (other, ending) => return Err(unsecured(&other, ending.unwrap_or_default(), verify_error).into()),
        };
        observer.ended(Phase::Tls, MeasuredTime::by_user(elapsed));
        if self.verify && verified != Some(true) {
            if let Some(fault) = unjudged {
                return Err(fault.into());
            }
            let why = verify_error.unwrap_or_else(|| "the server proved nothing".to_owned());
            let why = format!("the certificate of {peer} {UNVERIFIED}{why}{UNSENT}");
            return Err(ExchangeError::new(FailureKind::Untrusted, why));
        }
        Ok(stream)
    }

    /// A connection over which requests can go, and the version they are made for; `ended` is called when it does.
    async fn open(
        &self,
        ended: impl FnOnce() + Send + 'static,
        observer: &mut (impl Observer + Send),
    ) -> Result<(Channel<Outgoing>, Version), ExchangeError> {
        let (mut stream, peer) = match self.proxy {
            Some(proxy) => self.reach(proxy, observer).await?,
            None => self.connect(observer).await?,
        };
        if let Some(proxy) = self.proxy.filter(|proxy| proxy.tunnels(self.url)) {
            observer.begins(Phase::Proxy);
            if let Err(refusal) = proxy.open(&mut stream, self.url).await {
                observer.proxied(refusal.word, refusal.status);
                return Err(refused_by(proxy, &refusal.why));
            }
            observer.proxied("passed", None);
        }
        let located = |none: NoResponse| none.of(self.url.as_str());
        if self.url.scheme() != "https" {
            let prior = self.version == VersionChoice::Http2 && !self.is_forwarded();
            let version = if prior { Version::Http2 } else { Version::Http1 };
            observer.begins(Phase::Head);
            return Ok((Channel::open(stream, version, LIMITS, ended).await.map_err(located)?, version));
        }
        let stream = self.secure(stream, peer, observer).await?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        if self.version == VersionChoice::Http2 && !http2 {
            return Err(ExchangeError::new(FailureKind::TlsFailed, "the server did not agree to HTTP/2 (ALPN h2)"));
        }
        let version = if http2 { Version::Http2 } else { Version::Http1 };
        observer.begins(Phase::Head);
        Ok((Channel::open(stream, version, LIMITS, ended).await.map_err(located)?, version))
    }

    async fn ask(
        &self,
        channel: Channel<Outgoing>,
        request: Result<Request<Outgoing>, String>,
        keep: impl FnOnce(Channel<Outgoing>) + Send + 'static,
        observer: &mut (impl Observer + Send),
    ) -> Result<Response, NotAnswered> {
        observer.begins(Phase::Head);
        let mut request = request.map_err(|why| NoResponse::new(FailureKind::Malformed, why))?;
        if let Some(proxy) = self.proxy.filter(|_| self.is_forwarded()) {
            forward(&mut request, self.url, proxy).map_err(|why| NoResponse::new(FailureKind::Malformed, why))?;
        }
        let signal = request.body().signal();
        if let Some(signal) = signal.clone() {
            hyper::ext::on_informational(&mut request, move |response| {
                if response.status() == StatusCode::CONTINUE {
                    signal.say(ContinueState::Continue);
                }
            });
        }
        let start = Instant::now();
        let response = channel.ask(request, keep).await;
        if let Some(signal) = signal {
            signal.say(ContinueState::Answered);
        }
        let response = response
            .map_err(|Unanswered { none, is_unsent }| NotAnswered { error: none.of(self.url.as_str()), is_unsent })?;
        observer.ended(Phase::Head, MeasuredTime::by_user(start.elapsed()));
        Ok(response)
    }
}

/// A request as a proxy takes it: with the whole URL in its first line, which says where it goes whatever the header `host` asks
/// for there, and the credentials for the proxy.
fn forward(request: &mut Request<Outgoing>, url: &Url, proxy: &Proxy) -> Result<(), String> {
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
    let uri = Uri::builder().scheme("http").authority(host).path_and_query(path).build();
    *request.uri_mut() = uri.map_err(|error| error.to_string())?;
    if let Some(credentials) = proxy.authorization() {
        request.headers_mut().insert(PROXY_AUTHORIZATION, credentials);
    }
    Ok(())
}

/// A TLS handshake that ended early.
fn unsecured<S>(end: &HandshakeEnd<S>, ending: String, verify_error: Option<String>) -> NoResponse {
    let kind = match end {
        HandshakeEnd::Timeout => FailureKind::Timeout,
        HandshakeEnd::Reset => FailureKind::Reset,
        HandshakeEnd::Unreachable(_) => FailureKind::Unreachable,
        HandshakeEnd::NotTls(_) | HandshakeEnd::Alert(_) => FailureKind::TlsFailed,
        HandshakeEnd::Closed | HandshakeEnd::Completed(_) => FailureKind::Closed,
    };
    let distrust = verify_error.map(|error| format!("; and the certificate does not verify: {error}"));
    NoResponse::new(kind, ending + &distrust.unwrap_or_default())
}
