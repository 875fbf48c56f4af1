//! DNS over TLS (RFC 7858): messages with their length before them, as over TCP.

use std::io;

use futures_util::FutureExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use super::attempt::{Attempt, lost, refused};
use super::facts;
use super::secure::Secure;
use crate::model::count::counted;
use crate::net::clock::MeasuredTime;
use crate::net::{Deadline, connect, deadline};
use crate::probe::{Cx, EarlyEnd};
use crate::proto::dns::exchange::{frame, framed};
use crate::proto::tls::{HandshakeEnd, HandshakeProgress, TlsStream, beyond_offer, handshake};

impl Secure {
    /// Connects and makes a handshake over TCP.
    pub(super) async fn secured(&self, cx: &mut Cx<'_>, attempt: &mut Attempt<'_>) -> Result<TlsStream, EarlyEnd> {
        let server = attempt.request.server;
        let credentials = self.trust.load().await?;
        let dialled = connect(server, attempt.request.origin, attempt.request.patience).await?;
        let dialled = dialled.map_err(|error| refused(attempt.request, &error))?;
        attempt.exchange.connect_time = Some(dialled.took);
        attempt.exchange.notes.extend(dialled.note(server));
        attempt.end += dialled.waited;
        let left = attempt.end.saturating_duration_since(Instant::now());
        let handshake = handshake(dialled.stream, server, credentials, &self.offer, left).await?;
        if handshake.may_be_beyond_offer() {
            let (origin, left) = (attempt.request.origin, attempt.end.saturating_duration_since(Instant::now()));
            let open = async move || Ok(connect(server, origin, left).await?.ok().map(|dialled| dialled.stream));
            if let Some(fault) = beyond_offer(server, &self.offer, left, &|| open().boxed()).await? {
                return Err(EarlyEnd::Fault(fault));
            }
        }
        facts::record(cx, &handshake);
        let admitted = self.admit(&handshake);
        let stream = attempt.done(cx, handshake, None)?;
        admitted.map(|()| stream)
    }

    pub(super) async fn over_tls(&self, cx: &mut Cx<'_>, attempt: &mut Attempt<'_>) -> Result<(), EarlyEnd> {
        let mut stream = self.secured(cx, attempt).await?;
        let (server, end) = (attempt.request.server, attempt.end);
        let query = framed(&attempt.query);
        let sent = Instant::now();
        let write = async {
            stream.write_all(&query).await?;
            stream.flush().await
        };
        match deadline::until(end, write).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(broken(cx, attempt, &error, 0)),
            Err(_) => return Err(attempt.silence("the query to be taken")),
        }
        let (mut buffer, mut deadline) = (Vec::new(), Deadline::at(end));
        loop {
            match deadline.wait(frame(&mut stream, &mut buffer)).await {
                Err(_) => {
                    return Err(attempt.silence(&format!("a complete answer; {} came", counted(buffer.len(), "byte"))));
                }
                Ok(Err(error)) => return Err(broken(cx, attempt, &error, buffer.len())),
                Ok(Ok(false)) => {
                    let came = counted(buffer.len(), "byte");
                    let why = format!("{server} closed the connection before a complete answer; {came} came");
                    return Err(EarlyEnd::outcome("closed", why));
                }
                Ok(Ok(true)) => {}
            }
            let message = buffer.get(2..).unwrap_or_default();
            let rtt = MeasuredTime::by_user(sent.elapsed());
            if attempt.exchange.take(message, server, attempt.id, attempt.request, rtt) {
                // `close_notify` if there is room for it at once; servers write its lack into their logs.
                let _ = stream.shutdown().now_or_never();
                return Ok(());
            }
        }
    }
}

fn broken(cx: &mut Cx<'_>, attempt: &Attempt<'_>, error: &io::Error, came: usize) -> EarlyEnd {
    let server = attempt.request.server;
    match HandshakeEnd::classify(error, HandshakeProgress::Certificate, server) {
        Err(fault) => EarlyEnd::Fault(fault),
        Ok(end) => {
            let (outcome, why) = lost(cx, end);
            EarlyEnd::outcome(
                outcome,
                format!("{server}: {why} before a complete answer; {} came", counted(came, "byte")),
            )
        }
    }
}
