//! DNS in HTTP/2 over TLS.

use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};

use super::attempt::Attempt;
use super::facts;
use super::http::Body;
use super::secure::Secure;
use crate::net::scope::Scope;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::http::stream_end::{Watch, Watched};
use crate::proto::tls::TlsStream;

/// Most bytes of headers.
const HEAD: u32 = 16 * 1024;
/// Bytes the server may send ahead of what was read; one answer fits.
const WINDOW: u32 = 128 * 1024;

impl Secure {
    pub(super) async fn over_https(&self, cx: &mut Cx<'_>, attempt: &mut Attempt<'_>) -> Result<(), EarlyEnd> {
        let Some(http) = &self.http else { return Ok(()) };
        let stream = self.secured(cx, attempt).await?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            let why = "the server did not agree to HTTP/2 (ALPN h2), which DoH needs";
            return Err(EarlyEnd::outcome("protocol_error", why.to_owned()));
        }
        let (head, body) = http.request(&attempt.query)?;
        let request = head.map(|()| Full::new(body));
        // What the library does in the background ends with this function.
        let scope = Scope::default();
        let (stream, watch) = Watched::new(stream);
        let sent = Instant::now();
        let answered = timeout_at(attempt.end, send(stream, &scope, request)).await;
        let response = answered
            .map_err(|_| attempt.silence("the head of the HTTP response"))?
            .map_err(|error| failed(cx, attempt, &watch, &error))?;
        let (head, incoming) = response.into_parts();
        let body = Body::of(cx, &head)?;
        let body = read(cx, attempt, &watch, incoming, body).await?;
        body.finish(attempt, sent)
    }
}

async fn send(
    stream: Watched<TlsStream>,
    scope: &Scope,
    request: hyper::Request<Full<hyper::body::Bytes>>,
) -> Result<hyper::Response<Incoming>, hyper::Error> {
    let mut client = hyper::client::conn::http2::Builder::new(scope.spawner());
    client
        .max_header_list_size(HEAD)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_concurrent_reset_streams(0);
    let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await?;
    scope.spawner().spawn(connection);
    sender.ready().await?;
    sender.send_request(request).await
}

async fn read(
    cx: &mut Cx<'_>,
    attempt: &Attempt<'_>,
    watch: &Watch,
    mut incoming: Incoming,
    mut body: Body,
) -> Result<Body, EarlyEnd> {
    loop {
        match timeout_at(attempt.end, incoming.frame()).await {
            Err(_) => {
                return Err(attempt.silence(&format!("the end of the HTTP response; {} bytes came", body.len())));
            }
            Ok(None) => return Ok(body),
            Ok(Some(Err(error))) => return Err(failed(cx, attempt, watch, &error)),
            Ok(Some(Ok(frame))) => {
                if let Some(part) = frame.data_ref() {
                    body.add(part)?;
                }
            }
        }
    }
}

/// Sorts the end of an exchange; what the HTTP layer calls malformed is HTTP that is, not DNS.
fn failed(cx: &mut Cx<'_>, attempt: &Attempt<'_>, watch: &Watch, error: &hyper::Error) -> EarlyEnd {
    let (outcome, why) = watch.explain(error);
    let outcome = match outcome {
        "malformed" => "protocol_error",
        "tls_failed" => {
            cx.set(&facts::ALERT, watch.alert().unwrap_or_else(|| format!("sent ({why})")));
            "alert"
        }
        other => other,
    };
    EarlyEnd::outcome(outcome, format!("{}: HTTP/2: {why}", attempt.asking.server))
}
