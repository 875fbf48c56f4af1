//! HTTP/3 (RFC 9114): one request on a QUIC connection of its own, and the body of its response piece by piece.

use h3::client::{RequestStream, SendRequest};
use h3::error::StreamError;
use hyper::body::{Buf as _, Bytes};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::http::response::Parts;
use hyper::{Method, Request, StatusCode};

use super::client::ResponseLimits;
use super::stream_end::too_large_head;
use super::{FailureKind, NoResponse, Outgoing, http3_error};
use crate::net::ConnectError;
use crate::net::scope::Scope;
use crate::proto::quic::{self, Connection, PathError, classify_end};
use crate::proto::tls::HandshakeEnd;

/// Answers of status 1xx that are read before the one that counts (RFC 9114, 4.1).
const INFORMATIONAL: usize = 32;

/// The rest of a response, and the connection it is read from.
pub(super) struct Http3Body {
    stream: RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>,
    connection: Connection,
    /// Bytes still to come, by the length that the head names.
    left: Option<u64>,
    /// The connection closes with its last sender.
    _sender: SendRequest<h3_quinn::OpenStreams, Bytes>,
    _scope: Scope,
}

impl Http3Body {
    /// The next piece; `None` is the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, NoResponse> {
        let part = tokio::select! {
            biased;
            error = self.connection.path_error() => return Err(path_failed(error)),
            part = self.stream.recv_data() => part,
        };
        match part {
            Ok(Some(mut part)) => {
                let bytes = part.copy_to_bytes(part.remaining());
                self.left = match self.left {
                    None => None,
                    Some(left) => Some(left.checked_sub(bytes.len() as u64).ok_or_else(|| other_length("more"))?),
                };
                Ok(Some(bytes))
            }
            Ok(None) if self.left.is_some_and(|left| left > 0) => Err(other_length("less")),
            Ok(None) => Ok(None),
            Err(error) => Err(failed(&self.connection, &error)),
        }
    }
}

/// Sends `request` over `connection`; comes back with the head of the response.
pub(super) async fn send(
    connection: Connection,
    limits: ResponseLimits,
    request: Request<Outgoing>,
) -> Result<(Parts, Http3Body), NoResponse> {
    let scope = Scope::default();
    let is_head = request.method() == Method::HEAD;
    let asked = tokio::select! {
        biased;
        error = connection.path_error() => return Err(path_failed(error)),
        asked = ask(&connection, &scope, limits, request) => asked,
    };
    match asked {
        Ok((head, stream, sender)) => {
            if limits.exceeded_by(&head) {
                return Err(too_large_head(limits.head));
            }
            let left = if is_head { None } else { length(&head) };
            Ok((head, Http3Body { stream, connection, left, _sender: sender, _scope: scope }))
        }
        Err(RequestError::Stream(StreamError::HeaderTooBig { .. })) => Err(too_large_head(limits.head)),
        Err(RequestError::Stream(error)) => Err(failed(&connection, &error)),
        Err(RequestError::Setup(error)) => {
            let why = format!("HTTP/3: {}", http3_error::of_connection(&error));
            Err(ended(&connection).unwrap_or_else(|| NoResponse::new(FailureKind::Malformed, why)))
        }
    }
}

/// The length of the body that a head names; an answer with a 304 names that of another one.
fn length(head: &Parts) -> Option<u64> {
    let named = head.headers.get(CONTENT_LENGTH).filter(|_| head.status != StatusCode::NOT_MODIFIED)?;
    named.to_str().ok()?.parse().ok()
}

/// A body that is not as long as its head says is no whole answer (RFC 9114, 4.1.2).
fn other_length(word: &str) -> NoResponse {
    NoResponse::new(FailureKind::Malformed, format!("HTTP/3: the body has {word} bytes than `content-length` says"))
}

enum RequestError {
    Setup(h3::error::ConnectionError),
    Stream(StreamError),
}

impl From<StreamError> for RequestError {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}

type Answered = (Parts, RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>, SendRequest<h3_quinn::OpenStreams, Bytes>);

async fn ask(
    connection: &Connection,
    scope: &Scope,
    limits: ResponseLimits,
    request: Request<Outgoing>,
) -> Result<Answered, RequestError> {
    let mut client = h3::client::builder();
    client.max_field_section_size(u64::from(limits.head));
    let quic = h3_quinn::Connection::new(connection.quic.clone());
    let (mut driver, mut sender) = client.build::<_, _, Bytes>(quic).await.map_err(RequestError::Setup)?;
    scope.spawner().spawn(async move { std::future::poll_fn(|cx| driver.poll_close(cx)).await });
    let (mut head, body) = request.into_parts();
    let body = body.into_bytes();
    if !body.is_empty() {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let mut stream = sender.send_request(Request::from_parts(head, ())).await?;
    if !body.is_empty() {
        stream.send_data(body).await?;
    }
    stream.finish().await?;
    let mut response = stream.recv_response().await?;
    for _ in 0..INFORMATIONAL {
        if !response.status().is_informational() || response.status() == StatusCode::SWITCHING_PROTOCOLS {
            break;
        }
        response = stream.recv_response().await?;
    }
    Ok((response.into_parts().0, stream, sender))
}

/// Why a stream failed. The end of the connection explains more than the end of the stream.
fn failed(connection: &Connection, error: &StreamError) -> NoResponse {
    if let Some(end) = ended(connection) {
        return end;
    }
    let words = http3_error::words(error);
    match error {
        StreamError::RemoteTerminate { .. } => NoResponse::new(FailureKind::Reset, words),
        _ => NoResponse::new(FailureKind::Malformed, format!("HTTP/3: {words}")),
    }
}

/// How the connection ended; `None` while it is there, or where this side ended it over what it found wrong.
fn ended(connection: &Connection) -> Option<NoResponse> {
    let error = connection.quic.close_reason()?;
    if matches!(error, quinn::ConnectionError::LocallyClosed) {
        return None;
    }
    let (end, detail) = classify_end(&error);
    let (kind, why) = match end {
        HandshakeEnd::Timeout => (FailureKind::Timeout, "the connection timed out".to_owned()),
        HandshakeEnd::Reset => (FailureKind::Reset, "the server reset the connection".to_owned()),
        HandshakeEnd::Alert(alert) => (FailureKind::TlsFailed, format!("TLS alert {alert}")),
        HandshakeEnd::NotTls(why) | HandshakeEnd::Unreachable(why) => (FailureKind::Malformed, why),
        HandshakeEnd::Closed | HandshakeEnd::Completed(_) => {
            (FailureKind::Closed, "the server closed the connection in the middle of the answer".to_owned())
        }
    };
    let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
    Some(NoResponse::new(kind, why + &detail))
}

fn path_failed(error: PathError) -> NoResponse {
    match error {
        // What this side could not do is a fault, as what it does not read.
        PathError::Fault(fault) => NoResponse::new(FailureKind::TooLarge, fault.to_string()),
        PathError::Connect(ConnectError::Unreachable(why)) => NoResponse::new(FailureKind::Unreachable, why),
        PathError::Connect(_) => {
            let why = "nothing listens there any more (ICMP port unreachable after the handshake)";
            NoResponse::new(FailureKind::Refused, why)
        }
        PathError::Flood(bytes) => NoResponse::new(FailureKind::Malformed, quic::flood_text(bytes)),
    }
}
