//! A stream that remembers how it ended. The HTTP layer says that an exchange failed, but not always whether the peer
//! reset, hung up or talked nonsense.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::proto::tls::iana_names;

/// What the peer did to the stream, in the order of what tells most.
#[derive(Clone, Debug, Default)]
struct Ended {
    alert: Option<String>,
    read: Option<(&'static str, String)>,
    eof: bool,
    written: Option<(&'static str, String)>,
}

/// Reader of what a [`Watched`] saw.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Mutex<Ended>>);

impl Watch {
    /// Outcome (`reset`, `closed`, `timeout`, `unreachable`, `tls_failed`, `malformed`) and words for a failed exchange.
    #[must_use]
    pub fn explain(&self, error: &hyper::Error) -> (&'static str, String) {
        let said = chain(error);
        if let Some(told) = told(error) {
            return told;
        }
        // Nonsense is found before the stream ends, and the end that follows then says nothing.
        if error.is_parse() || error.is_parse_too_large() {
            return ("malformed", said);
        }
        let ended = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match ended {
            Ended { read: Some((outcome, why)), .. } => (outcome, why),
            Ended { eof: true, .. } => ("closed", said),
            Ended { written: Some((outcome, why)), .. } => (outcome, why),
            _ => ("malformed", said),
        }
    }

    /// The TLS alert the peer sent, by the name RFC 8446 gives it.
    #[must_use]
    pub fn alert(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).alert.clone()
    }

    fn note(&self, change: impl FnOnce(&mut Ended)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What an HTTP/2 server said to end the stream or the connection. That is the protocol at work, not nonsense. The HTTP
/// layer hands on no type for it, only these words, with a reason in plain English behind them.
fn told(error: &hyper::Error) -> Option<(&'static str, String)> {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let said = inner.to_string();
        for (words, outcome, frame) in
            [("connection error received: ", "closed", "GOAWAY"), ("stream error received: ", "reset", "RST_STREAM")]
        {
            if let Some(reason) = said.strip_prefix(words) {
                return Some((outcome, format!("the server drains or refuses: {frame} ({reason})")));
            }
        }
        cause = inner.source();
    }
    None
}

/// An error with its causes.
fn chain(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// Sorts an error of the stream.
fn sort(error: &io::Error) -> (&'static str, String) {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let outcome = match (tls, error.raw_os_error()) {
        (Some(_), _) => "tls_failed",
        (_, Some(libc::ECONNRESET | libc::EPIPE)) => "reset",
        (_, Some(libc::ETIMEDOUT)) => "timeout",
        (_, Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EHOSTDOWN)) => "unreachable",
        _ => "closed",
    };
    (outcome, error.to_string())
}

fn alert(error: &io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(iana_names::alert(*alert)),
        _ => None,
    }
}

/// A stream that is watched; see the module.
#[derive(Debug)]
pub struct Watched<S> {
    stream: S,
    watch: Watch,
}

impl<S> Watched<S> {
    /// Watches `stream`; the reader outlives it.
    pub fn new(stream: S) -> (Self, Watch) {
        let watch = Watch::default();
        (Self { stream, watch: watch.clone() }, watch)
    }

    fn written<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &outcome {
            self.watch.note(|ended| ended.written = Some(sort(error)));
        }
        outcome
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        match &outcome {
            Poll::Ready(Err(error)) => self.watch.note(|ended| {
                ended.read = Some(sort(error));
                ended.alert = alert(error);
            }),
            Poll::Ready(Ok(())) if buffer.filled().len() == before => self.watch.note(|ended| ended.eof = true),
            _ => {}
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
