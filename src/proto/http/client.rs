//! One request on a stream that is already there, and the body of its response piece by piece.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::response::Parts;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use super::http3::Http3Body;
use super::stream_end::{StreamEnd, TrackedStream, too_large_head};
use super::{FailureKind, NoResponse};
use crate::net::deadline;
use crate::net::scope::{Scope, Spawner};

/// Version spoken on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
    /// HTTP/3, which has a connection of its own kind.
    Http3,
}

/// The library reads heads so many times longer: what it refuses itself it mostly calls nonsense, and a long head is none.
const SPARE: u32 = 4;
/// How long a connection that is over may take to say why.
const LAST_WORD: Duration = Duration::from_millis(100);
/// Counted for each header beside its name and value.
const PER_HEADER: usize = 32;
/// Headers of a response. The library clears a place for each before it reads a head, which is part of the time to its first byte.
pub(super) const HEADERS: usize = 256;

/// Bounds of what a server may send beside the body.
#[derive(Clone, Copy, Debug)]
pub struct ResponseLimits {
    /// Bytes of the head of a response, counted as in HTTP/2: those of names and values, and 32 for each header (RFC 9113, 6.5.2).
    pub head: u32,
    /// Bytes ahead of what was read, in HTTP/2; absent leaves it to the library.
    pub window: Option<u32>,
}

impl ResponseLimits {
    pub(super) fn exceeded_by(self, head: &Parts) -> bool {
        let size = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + PER_HEADER;
        head.headers.len() > HEADERS || head.headers.iter().map(size).sum::<usize>() as u64 > u64::from(self.head)
    }
}

/// A response whose head is there.
pub struct Response {
    /// Status, version and headers.
    pub head: Parts,
    /// The rest.
    pub body: Body,
}

/// The body of a response, and the connection it is read from; both end when it is dropped.
pub struct Body(Source);

enum Source {
    Stream(StreamBody),
    Http3(Box<Http3Body>),
}

/// A body over a stream of bytes.
struct StreamBody {
    incoming: Incoming,
    /// Whether the end of the body is a mark on its stream.
    marked: bool,
    end: StreamEnd,
    /// Takes the connection over once the body has ended; dropped before that, it ends it.
    hand_over: Option<Box<dyn FnOnce() + Send>>,
}

impl Body {
    /// The next piece; `None` is the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, NoResponse> {
        match &mut self.0 {
            Source::Stream(body) => body.next().await,
            Source::Http3(body) => body.next().await,
        }
    }
}

impl Response {
    pub(super) fn over_http3(head: Parts, body: Http3Body) -> Self {
        Self { head, body: Body(Source::Http3(Box::new(body))) }
    }
}

impl StreamBody {
    async fn next(&mut self) -> Result<Option<Bytes>, NoResponse> {
        while let Some(frame) = self.incoming.frame().await {
            // Trailers are no data.
            if let Ok(data) = frame.map_err(|error| self.end.explain(&error))?.into_data() {
                return Ok(Some(data));
            }
        }
        // The library takes a reset without an error for the end, as it may follow one (RFC 9113, 8.1); here none came before.
        if self.marked && !self.incoming.is_end_stream() {
            let why = "the server broke off the answer: RST_STREAM before its end";
            return Err(NoResponse::new(FailureKind::Reset, why));
        }
        if let Some(hand_over) = self.hand_over.take() {
            hand_over();
        }
        Ok(None)
    }
}

/// Sends `request` over `stream`; comes back with the head of the response.
pub async fn send<S, B>(
    stream: S,
    version: Version,
    limits: ResponseLimits,
    request: Request<B>,
) -> Result<Response, NoResponse>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: OwnBody,
{
    let channel = Channel::open(stream, version, limits, || ()).await?;
    channel.ask(request, drop).await.map_err(|unanswered| unanswered.none)
}

/// A body that is sent.
pub trait OwnBody: hyper::body::Body<Data = Bytes, Error = std::convert::Infallible> + Unpin + Send + 'static {}

impl<B> OwnBody for B where B: hyper::body::Body<Data = Bytes, Error = std::convert::Infallible> + Unpin + Send + 'static
{}

/// A connection, over which one request goes after another.
pub(super) struct Channel<B> {
    /// Gone when this side drops the connection: what ends then has not been lost. Dropped ahead of what ends it.
    _held: Arc<()>,
    /// The library works in the background; it ends with the connection.
    _scope: Scope,
    sender: Sender<B>,
    limits: ResponseLimits,
    end: StreamEnd,
    /// Why the connection ended.
    own: oneshot::Receiver<Option<hyper::Error>>,
}

enum Sender<B> {
    Http1(http1::SendRequest<B>),
    Http2(http2::SendRequest<B>),
}

/// A request without a response.
pub(super) struct Unanswered {
    pub(super) none: NoResponse,
    /// The connection had ended before anything of the request was sent.
    pub(super) is_unsent: bool,
}

impl<B: OwnBody> Channel<B> {
    /// Speaks HTTP over `stream`; `ended` is called when the connection does, unless this side drops it.
    pub(super) async fn open<S>(
        stream: S,
        version: Version,
        limits: ResponseLimits,
        ended: impl FnOnce() + Send + 'static,
    ) -> Result<Self, NoResponse>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (stream, end) = TrackedStream::new(stream);
        let scope = Scope::default();
        let (tell, own) = oneshot::channel();
        let held = Arc::new(());
        let is_held = Arc::downgrade(&held);
        let told = move |why: Option<hyper::Error>| {
            if is_held.strong_count() > 0 {
                ended();
            }
            tell.send(why)
        };
        let io = TokioIo::new(stream);
        let explained = |error: hyper::Error| end.explain_head(&error, limits.head);
        let sender = match version {
            Version::Http1 => {
                let (sender, connection) = http1_client(limits).handshake(io).await.map_err(explained)?;
                scope.spawner().spawn(async move { told(connection.await.err()) });
                Sender::Http1(sender)
            }
            Version::Http2 | Version::Http3 => {
                let client = http2_client(limits, scope.spawner());
                let (sender, connection) = client.handshake(io).await.map_err(explained)?;
                scope.spawner().spawn(async move { told(connection.await.err()) });
                Sender::Http2(sender)
            }
        };
        Ok(Self { _held: held, _scope: scope, sender, limits, end, own })
    }

    /// Whether a request would be taken at once.
    pub(super) fn is_ready(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => sender.is_ready(),
            Sender::Http2(sender) => sender.is_ready(),
        }
    }

    /// Whether the connection has ended.
    pub(super) fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => sender.is_closed(),
            Sender::Http2(sender) => sender.is_closed(),
        }
    }

    /// Sends `request`; comes back with the head of the response. Once its body has been read, `keep` has the connection.
    pub(super) async fn ask(
        mut self,
        request: Request<B>,
        keep: impl FnOnce(Self) + Send + 'static,
    ) -> Result<Response, Unanswered> {
        self.end.begin();
        // Over HTTP/1.1 queued before the connection reads anything, so that a server that talks early is heard out all the same.
        let response = match &mut self.sender {
            Sender::Http1(sender) => sender.try_send_request(request).await,
            Sender::Http2(sender) => sender.try_send_request(request).await,
        };
        let (head, incoming) = match response {
            Ok(response) => response.into_parts(),
            Err(mut unsent) => {
                let is_unsent = unsent.take_message().is_some();
                let error = by_connection(unsent.into_error(), self.own).await;
                return Err(Unanswered { none: self.end.explain_head(&error, self.limits.head), is_unsent });
            }
        };
        if self.limits.exceeded_by(&head) {
            return Err(Unanswered { none: too_large_head(self.limits.head), is_unsent: false });
        }
        let marked = matches!(self.sender, Sender::Http2(_));
        let (end, hand_over) = (self.end.clone(), Box::new(move || keep(self)));
        let body = StreamBody { incoming, marked, end, hand_over: Some(hand_over) };
        Ok(Response { head, body: Body(Source::Stream(body)) })
    }
}

fn http1_client(limits: ResponseLimits) -> http1::Builder {
    let head = usize::try_from(limits.head.saturating_mul(SPARE)).unwrap_or(usize::MAX);
    let mut client = http1::Builder::new();
    client.max_buf_size(head).max_header_size(head).max_headers(HEADERS);
    // A value that goes on in the next line is one value to whoever reads the answer (RFC 9112, 5.2).
    client.allow_obsolete_multiline_headers_in_responses(true);
    client
}

fn http2_client(limits: ResponseLimits, spawner: Spawner) -> http2::Builder<Spawner> {
    let mut client = http2::Builder::new(spawner);
    client.max_header_list_size(limits.head.saturating_mul(SPARE));
    if let Some(window) = limits.window {
        client
            .initial_stream_window_size(window)
            .initial_connection_window_size(window)
            .max_concurrent_reset_streams(0);
    }
    client
}

/// A request that was given up with its connection knows nothing of why; the connection, which is over by then, does.
async fn by_connection(error: hyper::Error, own: oneshot::Receiver<Option<hyper::Error>>) -> hyper::Error {
    if !error.is_canceled() && !error.is_closed() {
        return error;
    }
    match deadline::within(LAST_WORD, own).await {
        Ok(Ok(Some(cause))) => cause,
        _ => error,
    }
}
