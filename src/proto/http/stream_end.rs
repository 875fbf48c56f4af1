//! A stream that remembers how it ended. The HTTP layer says that an exchange failed, but not always whether the peer
//! reset, hung up or talked nonsense.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Cause, NoResponse};
use crate::proto::tls::iana_names;

/// Events of a stream, in the order of what tells most.
#[derive(Clone, Debug, Default)]
struct Events {
    alert: Option<String>,
    read_error: Option<(Cause, String)>,
    eof: bool,
    /// Bytes read.
    read: u64,
    write_error: Option<(Cause, String)>,
}

/// The end of a [`TrackedStream`], which it outlives.
#[derive(Clone, Debug, Default)]
pub(super) struct StreamEnd(Arc<Mutex<Events>>);

impl StreamEnd {
    /// Why there is no head of an answer, of which this side reads `most` bytes.
    pub(super) fn explain_head(&self, error: &hyper::Error, most: u32) -> NoResponse {
        let none = self.explain(error);
        let read = self.0.lock().unwrap_or_else(PoisonError::into_inner).read;
        // In HTTP/2 a head that is too large has no words of its own. It is compressed, mostly to some two thirds.
        let perhaps = none.cause == Cause::Malformed && none.why.contains(DETECTED);
        if perhaps && read > u64::from(most / 2) {
            return NoResponse { alert: none.alert, ..too_large_head(most) };
        }
        if error.is_parse_too_large() && read <= u64::from(most) {
            return NoResponse { cause: Cause::Malformed, why: LENGTH.to_owned(), ..none };
        }
        if error.is_parse_too_large() { NoResponse { alert: none.alert, ..too_large_head(most) } } else { none }
    }

    /// Why an exchange failed.
    pub(super) fn explain(&self, error: &hyper::Error) -> NoResponse {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let alert = events.alert.clone();
        let text = chain(error);
        // Nonsense is found before the stream ends, and the end that follows then says nothing.
        let nonsense = error.is_parse() || text.contains(DETECTED);
        let (cause, why) = match (too_large(error).or_else(|| http2_end(error)), events) {
            (Some(end), _) => end,
            _ if nonsense => (Cause::Malformed, text),
            (None, Events { read_error: Some(end), .. }) => end,
            (None, Events { eof: true, .. }) => (Cause::Closed, CUT.to_owned()),
            (None, Events { write_error: Some(end), .. }) => end,
            _ => (Cause::Malformed, text),
        };
        NoResponse { cause, why, alert }
    }

    fn note(&self, change: impl FnOnce(&mut Events)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Evidence of an answer that breaks off with its connection.
const CUT: &str = "the connection ended in the middle of the answer";
/// How the library begins to say that an HTTP/2 server breaks the protocol.
const DETECTED: &str = " error detected: ";
/// Of what is too large, the library says no more of a length that no body has.
const LENGTH: &str = "the head of the answer names a length that no body has";
/// What is mostly too large.
const HEAD: &str = "the head of the answer";
const BEYOND: &str = "is larger than this side reads";

/// A head of more than `most` bytes.
pub(super) fn too_large_head(most: u32) -> NoResponse {
    NoResponse::new(Cause::TooLarge, format!("{HEAD} {BEYOND} ({} KiB, with 32 bytes for each header)", most / 1024))
}

/// More than this side reads. Of HTTP/2 and of the parts of a body the HTTP layer hands on these words alone.
fn too_large(error: &hyper::Error) -> Option<(Cause, String)> {
    const WORDS: [(&str, &str); 4] = [
        ("too_many_continuations", HEAD),
        ("connection error detected: detected excessive load", "the number of frames"),
        ("chunk extensions over limit", "what stands beside the chunks of the body"),
        ("chunk trailers", "what follows the body"),
    ];
    let mut what = error.is_parse_too_large().then_some(HEAD);
    let mut source = std::error::Error::source(error);
    while let (None, Some(inner)) = (what, source) {
        let text = inner.to_string();
        what = WORDS.iter().find(|(words, _)| text.contains(words)).map(|(_, what)| *what);
        source = inner.source();
    }
    what.map(|what| (Cause::TooLarge, format!("{what} {BEYOND}")))
}

/// A reason of HTTP/2 with what the server said beside it, without the marks of a list of bytes.
fn reason(text: &str) -> String {
    match text.strip_suffix("\")").and_then(|text| text.split_once(" (b\"")) {
        Some((reason, said)) => format!("{reason}: \"{said}\""),
        None => text.to_owned(),
    }
}

/// An HTTP/2 server that ends the stream or the connection. That is the protocol at work, not nonsense. The HTTP layer hands
/// on no type for it, only these words, with a reason in plain English behind them.
fn http2_end(error: &hyper::Error) -> Option<(Cause, String)> {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let text = inner.to_string();
        for (words, cause, frame) in [
            ("connection error received: ", Cause::Closed, "GOAWAY"),
            ("stream error received: ", Cause::Reset, "RST_STREAM"),
        ] {
            if let Some(why) = text.strip_prefix(words) {
                return Some((cause, format!("the server drains or refuses: {frame} ({})", reason(why))));
            }
        }
        source = inner.source();
    }
    None
}

/// An error with its causes.
fn chain(error: &hyper::Error) -> String {
    if error.is_incomplete_message() {
        return CUT.to_owned();
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof) {
            return CUT.to_owned();
        }
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// Sorts an error of the stream.
fn classify(error: &io::Error) -> (Cause, String) {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let cause = match (tls, error.raw_os_error()) {
        (Some(_), _) => Cause::TlsFailed,
        (_, Some(libc::ECONNRESET | libc::EPIPE)) => Cause::Reset,
        (_, Some(libc::ETIMEDOUT)) => Cause::Timeout,
        (_, Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EHOSTDOWN)) => Cause::Unreachable,
        _ => Cause::Closed,
    };
    (cause, error.to_string())
}

fn alert(error: &io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(iana_names::alert(*alert)),
        _ => None,
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct TrackedStream<S> {
    stream: S,
    end: StreamEnd,
}

impl<S> TrackedStream<S> {
    /// Tracks `stream`.
    pub(super) fn new(stream: S) -> (Self, StreamEnd) {
        let end = StreamEnd::default();
        (Self { stream, end: end.clone() }, end)
    }

    fn written<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &outcome {
            self.end.note(|events| events.write_error = Some(classify(error)));
        }
        outcome
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TrackedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        match &outcome {
            Poll::Ready(Err(error)) => self.end.note(|events| {
                events.read_error = Some(classify(error));
                events.alert = alert(error);
            }),
            Poll::Ready(Ok(())) => {
                let count = buffer.filled().len() - before;
                self.end.note(|events| {
                    events.read += count as u64;
                    events.eof |= count == 0;
                });
            }
            Poll::Pending => {}
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TrackedStream<S> {
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
