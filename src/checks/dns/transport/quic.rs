//! Over QUIC: DoQ (RFC 9250), one stream for one query, and DoH in HTTP/3.

use h3::error::StreamError;
use hyper::body::{Buf as _, Bytes};
use quinn::{ReadError, RecvStream, VarInt, WriteError};
use tokio::time::Instant;

use super::attempt::{Attempt, lost, refused_datagram};
use super::facts;
use super::http::Body;
use super::secure::{Encryption, Secure};
use crate::model::count::counted;
use crate::net::bytes::readable;
use crate::net::scope::Scope;
use crate::net::{ConnectError, Deadline, deadline};
use crate::probe::{Cx, EarlyEnd};
use crate::proto::dns::exchange::{frame, framed};
use crate::proto::http::http3_error;
use crate::proto::quic::{self, Connection, PathError, classify_end, flood_text};

/// Most bytes of headers in HTTP/3.
const HEAD: u64 = 16 * 1024;
/// Bytes behind an answer on its stream that are still counted.
const EXTRA: usize = 4096;
/// `DOQ_NO_ERROR` and `H3_NO_ERROR`.
const NO_ERROR: (VarInt, VarInt) = (VarInt::from_u32(0), VarInt::from_u32(0x100));

/// An exchange that failed, before it is sorted.
enum QuicFailure {
    Write(WriteError),
    Read(ReadError),
    Io(std::io::Error),
    Setup(h3::error::ConnectionError),
    Http(StreamError),
    ClassifiedError(EarlyEnd),
}

impl From<EarlyEnd> for QuicFailure {
    fn from(end: EarlyEnd) -> Self {
        Self::ClassifiedError(end)
    }
}

impl Secure {
    pub(super) async fn over_quic(&self, cx: &mut Cx<'_>, attempt: &mut Attempt<'_>) -> Result<(), EarlyEnd> {
        let server = attempt.request.server;
        let credentials = self.trust.load().await?;
        let left = attempt.end.saturating_duration_since(Instant::now());
        let dialled = quic::dial(server, attempt.request.origin, credentials, &self.offer, left).await?;
        attempt.strays(dialled.strays);
        let handshake = dialled.handshake.map_err(|error| refused_datagram(server, &error))?;
        facts::record(cx, &handshake);
        let admitted = self.admit(&handshake);
        let connection = attempt.done(cx, handshake, dialled.why)?;
        admitted?;
        let before = connection.strays();
        let outcome = tokio::select! {
            biased;
            error = connection.path_error() => Err(path_failed(server, error)),
            outcome = self.exchange(cx, attempt, &connection) => outcome,
        };
        attempt.strays(connection.strays() - before);
        let code = if self.encryption == Encryption::Doq { NO_ERROR.0 } else { NO_ERROR.1 };
        connection.quic.close(code, b"");
        outcome
    }

    async fn exchange(
        &self,
        cx: &mut Cx<'_>,
        attempt: &mut Attempt<'_>,
        connection: &Connection,
    ) -> Result<(), EarlyEnd> {
        let outcome = match &self.http {
            None => doq(attempt, connection).await,
            Some(http) => {
                let (head, body) = http.request(&attempt.query)?;
                doh3(cx, attempt, connection, head, body).await
            }
        };
        outcome.map_err(|failure| sorted(cx, attempt, connection, failure))
    }
}

impl Attempt<'_> {
    fn strays(&mut self, count: u64) {
        if count > 0 {
            self.exchange.discarded += i64::try_from(count).unwrap_or(i64::MAX);
            let server = self.request.server;
            self.exchange.notes.push(format!("discarded {} from elsewhere than {server}", counted(count, "datagram")));
        }
    }
}

async fn doq(attempt: &mut Attempt<'_>, connection: &Connection) -> Result<(), QuicFailure> {
    let end = attempt.end;
    let query = framed(&attempt.query);
    let sent = Instant::now();
    let ask = async {
        let (mut send, receive) =
            connection.quic.open_bi().await.map_err(|error| QuicFailure::Read(ReadError::ConnectionLost(error)))?;
        send.write_all(&query).await.map_err(QuicFailure::Write)?;
        // Cannot fail: the stream is open, and nobody else finishes it.
        let _ = send.finish();
        Ok::<_, QuicFailure>(receive)
    };
    let mut receive = match deadline::until(end, ask).await {
        Ok(asked) => asked?,
        Err(_) => return Err(attempt.silence("the query to be taken").into()),
    };
    let mut buffer = Vec::new();
    match deadline::until(end, frame(&mut receive, &mut buffer)).await {
        Err(_) => Err(attempt.silence(&format!("a complete answer; {} came", counted(buffer.len(), "byte"))).into()),
        Ok(Err(error)) => Err(QuicFailure::Io(error)),
        Ok(Ok(false)) => {
            let (server, came) = (attempt.request.server, counted(buffer.len(), "byte"));
            let why = format!("{server} ended the stream before a complete answer; {came} came");
            Err(EarlyEnd::outcome("closed", why).into())
        }
        Ok(Ok(true)) => {
            attempt.take_only(buffer.get(2..).unwrap_or_default(), sent)?;
            attempt.note_rest(receive).await;
            Ok(())
        }
    }
}

impl Attempt<'_> {
    /// One stream carries one answer, and ends (RFC 9250, 4.2); what follows is noted. Only what is there already is
    /// read, so that a stream left open costs no time.
    async fn note_rest(&mut self, mut receive: RecvStream) {
        let now = tokio::time::timeout(std::time::Duration::ZERO, receive.read_to_end(EXTRA)).await;
        if let Ok(Ok(rest)) = now
            && !rest.is_empty()
        {
            self.exchange.notes.push(format!("beyond the answer, {} came on its stream", counted(rest.len(), "byte")));
        }
    }
}

async fn doh3(
    cx: &mut Cx<'_>,
    attempt: &mut Attempt<'_>,
    connection: &Connection,
    head: hyper::Request<()>,
    query: Bytes,
) -> Result<(), QuicFailure> {
    let end = attempt.end;
    // The driver of the HTTP/3 connection ends with this function.
    let scope = Scope::default();
    let sent = Instant::now();
    let ask = async {
        let mut client = h3::client::builder();
        client.max_field_section_size(HEAD);
        let (mut driver, mut sender) = client
            .build::<_, _, Bytes>(h3_quinn::Connection::new(connection.quic.clone()))
            .await
            .map_err(QuicFailure::Setup)?;
        scope.spawner().spawn(async move { std::future::poll_fn(|cx| driver.poll_close(cx)).await });
        let mut stream = sender.send_request(head).await.map_err(QuicFailure::Http)?;
        if !query.is_empty() {
            stream.send_data(query).await.map_err(QuicFailure::Http)?;
        }
        stream.finish().await.map_err(QuicFailure::Http)?;
        let response = stream.recv_response().await.map_err(QuicFailure::Http)?;
        // The connection closes with its last sender.
        Ok::<_, QuicFailure>((response, stream, sender))
    };
    let (response, mut stream, _sender) = match deadline::until(end, ask).await {
        Ok(asked) => asked?,
        Err(_) => return Err(attempt.silence("the head of the HTTP response").into()),
    };
    let mut body = Body::of(cx, &response.into_parts().0)?;
    let mut deadline = Deadline::at(end);
    loop {
        match deadline.wait(stream.recv_data()).await {
            Err(_) => {
                let what = format!("the end of the HTTP response; {} came", counted(body.len(), "byte"));
                return Err(attempt.silence(&what).into());
            }
            Ok(Err(error)) => return Err(QuicFailure::Http(error)),
            Ok(Ok(None)) => break,
            Ok(Ok(Some(mut part))) => {
                while part.has_remaining() {
                    let chunk = part.chunk();
                    let length = chunk.len();
                    body.add(chunk)?;
                    part.advance(length);
                }
            }
        }
    }
    Ok(body.finish(attempt, sent)?)
}

/// An outcome for an exchange that failed. The end of the connection explains more than the end of the stream.
fn sorted(cx: &mut Cx<'_>, attempt: &Attempt<'_>, connection: &Connection, failure: QuicFailure) -> EarlyEnd {
    let server = attempt.request.server;
    if let QuicFailure::ClassifiedError(end) = failure {
        return end;
    }
    if let Some(error) = connection.quic.close_reason() {
        let (end, detail) = classify_end(&error);
        let (outcome, why) = lost(cx, end);
        let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
        // An end of this side's making is what HTTP/3 found wrong.
        if let (quinn::ConnectionError::LocallyClosed, QuicFailure::Http(error)) = (&error, &failure) {
            return EarlyEnd::outcome("protocol_error", format!("{server}: HTTP/3: {}", http3_error::words(error)));
        }
        return EarlyEnd::outcome(outcome, format!("{server}: {why}{detail}"));
    }
    let (outcome, why) = match failure {
        QuicFailure::Write(WriteError::Stopped(code)) => {
            ("reset", format!("the server takes no query: {}", word(code)))
        }
        QuicFailure::Read(ReadError::Reset(code)) => ("reset", format!("the stream was reset: {}", word(code))),
        QuicFailure::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<ReadError>()) {
            Some(ReadError::Reset(code)) => ("reset", format!("the stream was reset: {}", word(*code))),
            _ => ("closed", error.to_string()),
        },
        QuicFailure::Write(error) => ("closed", error.to_string()),
        QuicFailure::Read(error) => ("closed", error.to_string()),
        QuicFailure::Http(error @ StreamError::RemoteTerminate { .. }) => ("reset", http3_error::words(&error)),
        QuicFailure::Setup(error) => ("protocol_error", format!("HTTP/3: {}", http3_error::of_connection(&error))),
        QuicFailure::Http(error) => ("protocol_error", format!("HTTP/3: {}", http3_error::words(&error))),
        QuicFailure::ClassifiedError(end) => return end,
    };
    EarlyEnd::outcome(outcome, format!("{server}: {}", readable(why.as_bytes())))
}

fn path_failed(server: std::net::SocketAddr, error: PathError) -> EarlyEnd {
    match error {
        PathError::Fault(fault) => EarlyEnd::Fault(fault),
        PathError::Connect(ConnectError::Unreachable(why)) => {
            EarlyEnd::outcome("unreachable", format!("{server}: {why}"))
        }
        PathError::Connect(error) => {
            let why = "nothing listens there any more (ICMP port unreachable after the handshake)";
            EarlyEnd::outcome(error.word(), format!("{server}: {why}"))
        }
        PathError::Flood(bytes) => EarlyEnd::outcome("protocol_error", format!("{server}: {}", flood_text(bytes))),
    }
}

/// Names of the codes of RFC 9250, 4.3.
fn word(code: VarInt) -> String {
    let names =
        ["DOQ_NO_ERROR", "DOQ_INTERNAL_ERROR", "DOQ_PROTOCOL_ERROR", "DOQ_REQUEST_CANCELLED", "DOQ_EXCESSIVE_LOAD"];
    let name = usize::try_from(code.into_inner()).ok().and_then(|code| names.get(code));
    name.map_or_else(|| format!("error {code}"), |name| (*name).to_owned())
}
