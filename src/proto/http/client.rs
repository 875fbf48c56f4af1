//! One request on a stream that is already there, and the body of its response piece by piece.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::response::Parts;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use super::http3::Http3Body;
use super::stream_end::{StreamEnd, TrackedStream, too_large_head};
use super::{FailureKind, NoResponse};
use crate::net::deadline;
use crate::net::scope::Scope;

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
pub struct Limits {
    /// Bytes of the head of a response, counted as in HTTP/2: those of names and values, and 32 for each header (RFC 9113, 6.5.2).
    pub head: u32,
    /// Bytes ahead of what was read, in HTTP/2; absent leaves it to the library.
    pub window: Option<u32>,
}

impl Limits {
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
    _scope: Scope,
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
        Ok(None)
    }
}

/// Sends `request` over `stream`; comes back with the head of the response.
pub async fn send<S, B>(
    stream: S,
    version: Version,
    limits: Limits,
    request: Request<B>,
) -> Result<Response, NoResponse>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: hyper::body::Body<Data = Bytes, Error = std::convert::Infallible> + Unpin + Send + 'static,
{
    let (stream, end) = TrackedStream::new(stream);
    // The library works in the background; it ends with the body.
    let scope = Scope::default();
    let io = TokioIo::new(stream);
    let response = match version {
        Version::Http1 => http1(io, &scope, limits, request).await,
        Version::Http2 | Version::Http3 => http2(io, &scope, limits, request).await,
    };
    let (head, incoming) = response.map_err(|error| end.explain_head(&error, limits.head))?.into_parts();
    if limits.exceeded_by(&head) {
        return Err(too_large_head(limits.head));
    }
    let marked = version == Version::Http2;
    Ok(Response { head, body: Body(Source::Stream(StreamBody { incoming, marked, end, _scope: scope })) })
}

async fn http1<S, B>(
    io: TokioIo<TrackedStream<S>>,
    scope: &Scope,
    limits: Limits,
    request: Request<B>,
) -> Result<hyper::Response<Incoming>, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: hyper::body::Body<Data = Bytes, Error = std::convert::Infallible> + Send + 'static,
{
    let head = usize::try_from(limits.head.saturating_mul(SPARE)).unwrap_or(usize::MAX);
    let mut client = hyper::client::conn::http1::Builder::new();
    client.max_buf_size(head).max_header_size(head).max_headers(HEADERS);
    // A value that goes on in the next line is one value to whoever reads the answer (RFC 9112, 5.2).
    client.allow_obsolete_multiline_headers_in_responses(true);
    let (mut sender, connection) = client.handshake(io).await?;
    let (ended, own) = oneshot::channel();
    scope.spawner().spawn(async move { ended.send(connection.await.err()) });
    // Queued before the connection reads anything, so that a server that talks early is heard out all the same.
    by_connection(sender.send_request(request).await, own).await
}

async fn http2<S, B>(
    io: TokioIo<TrackedStream<S>>,
    scope: &Scope,
    limits: Limits,
    request: Request<B>,
) -> Result<hyper::Response<Incoming>, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: hyper::body::Body<Data = Bytes, Error = std::convert::Infallible> + Unpin + Send + 'static,
{
    let mut client = hyper::client::conn::http2::Builder::new(scope.spawner());
    client.max_header_list_size(limits.head.saturating_mul(SPARE));
    if let Some(window) = limits.window {
        client
            .initial_stream_window_size(window)
            .initial_connection_window_size(window)
            .max_concurrent_reset_streams(0);
    }
    let (mut sender, connection) = client.handshake(io).await?;
    let (ended, own) = oneshot::channel();
    scope.spawner().spawn(async move { ended.send(connection.await.err()) });
    let response = match sender.ready().await {
        Ok(()) => sender.send_request(request).await,
        Err(error) => Err(error),
    };
    by_connection(response, own).await
}

/// A request that was given up with its connection knows nothing of why; the connection, which is over by then, does.
async fn by_connection(
    response: Result<hyper::Response<Incoming>, hyper::Error>,
    own: oneshot::Receiver<Option<hyper::Error>>,
) -> Result<hyper::Response<Incoming>, hyper::Error> {
    match response {
        Err(error) if error.is_canceled() || error.is_closed() => match deadline::within(LAST_WORD, own).await {
            Ok(Ok(Some(cause))) => Err(cause),
            _ => Err(error),
        },
        response => response,
    }
}
