//! DNS in HTTP/2 over TLS.

use http_body_util::Full;
use tokio::time::Instant;

use super::attempt::Attempt;
use super::facts;
use super::http::Body;
use super::secure::Secure;
use crate::model::count::counted;
use crate::net::{Deadline, deadline};
use crate::probe::{Cx, EarlyEnd};
use crate::proto::http::{self, FailureKind, NoResponse, ResponseLimits, Version};

/// Of the window one answer fits.
const LIMITS: ResponseLimits = ResponseLimits { head: 16 * 1024, window: Some(128 * 1024) };

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
        let sent = Instant::now();
        let response = deadline::until(attempt.end, http::send(stream, Version::Http2, LIMITS, request)).await;
        let response = response
            .map_err(|_| attempt.silence("the head of the HTTP response"))?
            .map_err(|none| failed(cx, attempt, none))?;
        let body = Body::of(cx, &response.head)?;
        let body = read(cx, attempt, response.body, body).await?;
        body.finish(attempt, sent)
    }
}

async fn read(
    cx: &mut Cx<'_>,
    attempt: &Attempt<'_>,
    mut incoming: http::Body,
    mut body: Body,
) -> Result<Body, EarlyEnd> {
    let mut deadline = Deadline::at(attempt.end);
    loop {
        match deadline.wait(incoming.next()).await {
            Err(_) => {
                return Err(
                    attempt.silence(&format!("the end of the HTTP response; {} came", counted(body.len(), "byte")))
                );
            }
            Ok(Ok(None)) => return Ok(body),
            Ok(Ok(Some(part))) => body.add(&part)?,
            Ok(Err(none)) => return Err(failed(cx, attempt, none)),
        }
    }
}

/// Sorts the end of an exchange; what the HTTP layer calls malformed is HTTP that is, not DNS.
fn failed(cx: &mut Cx<'_>, attempt: &Attempt<'_>, none: NoResponse) -> EarlyEnd {
    let NoResponse { kind, why, alert } = none.clone();
    let outcome = match kind {
        FailureKind::TooLarge => return none.of(&attempt.request.server.to_string()).into(),
        FailureKind::Malformed => "protocol_error",
        FailureKind::TlsFailed => {
            cx.set(&facts::ALERT, alert.unwrap_or_else(|| format!("sent ({why})")));
            "alert"
        }
        other => other.word(),
    };
    EarlyEnd::outcome(outcome, format!("{}: HTTP/2: {why}", attempt.request.server))
}
