//! A stream that remembers how it ended. The HTTP layer says that an exchange failed, but not always whether the peer
//! reset, hung up or talked nonsense.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::client::HEADERS;
use super::{FailureKind, NoResponse};
use crate::proto::tls::{error_words, iana_names};

/// Events of a stream, in the order of what tells most.
#[derive(Clone, Debug, Default)]
struct Events {
    alert: Option<String>,
    read_error: Option<(FailureKind, String)>,
    eof: bool,
    /// Bytes read.
    read: u64,
    write_error: Option<(FailureKind, String)>,
}

/// The end of a [`TrackedStream`], which it outlives.
#[derive(Clone, Debug, Default)]
pub(super) struct StreamEnd(Arc<Mutex<Events>>);

impl StreamEnd {
    /// Why there is no head of an answer, of which this side reads `most` bytes.
    pub(super) fn explain_head(&self, error: &hyper::Error, most: u32) -> NoResponse {
        let none = self.explain(error);
        let read = self.0.lock().unwrap_or_else(PoisonError::into_inner).read;
        // Fewer bytes than the headers have that are read: the library counts a length beyond all numbers as too large as well.
        if error.is_parse_too_large() && read < SHORTEST * HEADERS as u64 {
            return NoResponse { kind: FailureKind::Malformed, why: LENGTH.to_owned(), ..none };
        }
        // In HTTP/2 a head that is too large has no words of its own. It is compressed, mostly to some two thirds.
        let perhaps = none.kind == FailureKind::Malformed && none.why.contains(DETECTED) && read > u64::from(most / 2);
        if perhaps || (none.kind == FailureKind::TooLarge && none.why.starts_with(HEAD)) {
            return NoResponse { alert: none.alert, ..too_large_head(most) };
        }
        none
    }

    /// Why an exchange failed.
    pub(super) fn explain(&self, error: &hyper::Error) -> NoResponse {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let alert = events.alert.clone();
        let text = chain(error);
        // Nonsense is found before the stream ends, and the end that follows then says nothing.
        let nonsense = error.is_parse() || text.contains(DETECTED);
        let (kind, why) = match (too_large(error).or_else(|| http2_end(error)), events) {
            (Some(end), _) => end,
            _ if nonsense => (FailureKind::Malformed, text),
            (None, Events { read_error: Some(end), .. }) => end,
            (None, Events { eof: true, .. }) => (FailureKind::Closed, CUT.to_owned()),
            (None, Events { write_error: Some(end), .. }) => end,
            _ => (FailureKind::Malformed, text),
        };
        NoResponse { kind, why, alert }
    }

    /// Another exchange begins on the stream.
    pub(super) fn begin(&self) {
        self.note(|events| events.read = 0);
    }

    fn note(&self, change: impl FnOnce(&mut Events)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Evidence of an answer that breaks off with its connection.
const CUT: &str = "the connection ended in the middle of the answer";
/// How the library begins to say that an HTTP/2 server breaks the protocol.
const DETECTED: &str = " error detected: ";
/// Bytes of the shortest header in HTTP/1.1: a name, a colon, the end of the line.
const SHORTEST: u64 = 4;
/// Of what is too large, the library says no more of a length that no body has.
const LENGTH: &str = "the head of the answer names a length that no body has";
/// What is mostly too large.
const HEAD: &str = "the head of the answer";
const BEYOND: &str = "is larger than this side reads";

/// A head of more than `most` bytes.
pub(super) fn too_large_head(most: u32) -> NoResponse {
    let why = format!("{HEAD} {BEYOND} ({} KiB, with 32 bytes for each of {HEADERS} headers at most)", most / 1024);
    NoResponse::new(FailureKind::TooLarge, why)
}

/// More than this side reads. Of HTTP/2 and of the parts of a body the HTTP layer hands on these words alone.
fn too_large(error: &hyper::Error) -> Option<(FailureKind, String)> {
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
    what.map(|what| (FailureKind::TooLarge, format!("{what} {BEYOND}")))
}

/// An HTTP/2 server that ends the stream or the connection. That is the protocol at work, not nonsense. The HTTP layer hands
/// on no type for it, only these words, with a reason in plain English behind them.
fn http2_end(error: &hyper::Error) -> Option<(FailureKind, String)> {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let text = inner.to_string();
        for (words, kind, frame) in [
            ("connection error received: ", FailureKind::Closed, "GOAWAY"),
            ("stream error received: ", FailureKind::Reset, "RST_STREAM"),
        ] {
            if let Some(reason) = text.strip_prefix(words) {
                return Some((kind, format!("the server drains or refuses: {frame} ({})", quoted(reason))));
            }
        }
        source = inner.source();
    }
    None
}

/// What a peer says with its frame; the library shows it as a literal of the language it is written in: `reason (b"words")`.
fn quoted(reason: &str) -> String {
    let parts = reason.strip_suffix("\")").and_then(|reason| reason.split_once(" (b\""));
    parts.map_or_else(|| reason.to_owned(), |(code, words)| format!("{code}: \"{words}\""))
}

/// The error of TLS in one of the stream.
fn of_tls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
}

/// An error with its causes.
fn chain(error: &hyper::Error) -> String {
    if error.is_incomplete_message() {
        return CUT.to_owned();
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let of_stream = inner.downcast_ref::<io::Error>();
        if of_stream.is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof) {
            return CUT.to_owned();
        }
        if let Some(tls) = of_stream.and_then(of_tls) {
            return format!("{text}: {}", error_words::words(tls));
        }
        text = format!("{text}: {}", quoted(&inner.to_string()));
        source = inner.source();
    }
    text
}

/// Sorts an error of the stream.
fn classify(error: &io::Error) -> (FailureKind, String) {
    if let Some(tls) = of_tls(error) {
        return (FailureKind::TlsFailed, error_words::words(tls));
    }
    // A stream of bytes just ends; that of TLS says that it does.
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return (FailureKind::Closed, format!("{CUT}, without the close_notify of TLS"));
    }
    let kind = match error.raw_os_error() {
        Some(libc::ECONNRESET | libc::EPIPE) => FailureKind::Reset,
        Some(libc::ETIMEDOUT) => FailureKind::Timeout,
        Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EHOSTDOWN) => FailureKind::Unreachable,
        _ => FailureKind::Closed,
    };
    (kind, error.to_string())
}

fn alert(error: &io::Error) -> Option<String> {
    match of_tls(error)? {
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

#[cfg(test)]
mod tests {
    use std::io;

    use http_body_util::Full;
    use hyper::Request;
    use hyper::body::Bytes;
    use rustls::{AlertDescription, Error, InvalidMessage, PeerMisbehaved};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::{FailureKind, classify, quoted};
    use crate::proto::http::client::{Channel, ResponseLimits, Version, send};
    use crate::testing::is_plain;

    const LIMITS: ResponseLimits = ResponseLimits { head: 65_536, window: None };

    /// What is said of a server that answers these bytes, and hangs up; `None` of an answer that will do.
    async fn error_for(version: Version, answer: &[u8]) -> Option<String> {
        let (client, mut server) = tokio::io::duplex(1 << 20);
        let answer = answer.to_vec();
        tokio::spawn(async move {
            let mut request = [0; 4096];
            let _ = server.read(&mut request).await;
            let _ = server.write_all(&answer).await;
        });
        let request = Request::get("http://x.test/").body(Full::<Bytes>::default()).unwrap();
        let response = match send(client, version, LIMITS, request).await {
            Err(none) => return Some(none.why),
            Ok(response) => response,
        };
        let mut body = response.body;
        loop {
            match body.next().await {
                Err(none) => return Some(none.why),
                Ok(None) => return None,
                Ok(Some(_)) => {}
            }
        }
    }

    /// A connection that stays has read a lot before the answer that is wrong.
    #[tokio::test]
    async fn earlier_answers_of_a_connection_say_nothing_of_how_the_next_one_ends() {
        const WRONG: &str = "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n";
        let (client, mut server) = tokio::io::duplex(1 << 20);
        tokio::spawn(async move {
            let long = format!("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{}", "x".repeat(5000));
            for answer in [&long, WRONG] {
                let _ = server.read(&mut [0; 4096]).await;
                let _ = server.write_all(answer.as_bytes()).await;
            }
        });
        let request = || Request::get("http://x.test/").body(Full::<Bytes>::default()).unwrap();
        let (keep, kept) = tokio::sync::oneshot::channel();
        let channel = Channel::open(client, Version::Http1, LIMITS, || ()).await.unwrap();
        let first = channel.ask(request(), |channel| drop(keep.send(channel))).await.map_err(|first| first.none);
        let mut body = first.unwrap().body;
        while body.next().await.unwrap().is_some() {}
        let second = kept.await.unwrap().ask(request(), drop).await.err().unwrap();
        assert_eq!(second.none.why, super::LENGTH);
    }

    /// A frame of HTTP/2.
    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let [.., high, middle, low] = payload.len().to_be_bytes();
        [&[high, middle, low, kind, flags, 0, 0, 0, stream], payload].concat()
    }

    #[tokio::test]
    async fn no_error_of_http_1_is_told_in_the_librarys_own_names() {
        let answers = [
            "",
            "HTTP/1.1 2",
            "not HTTP at all\r\n\r\n",
            "HTTP/9.9 200 OK\r\n\r\n",
            "HTTP/1.1 abc OK\r\n\r\n",
            "HTTP/1.1 99 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\na\x01b: c\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: \x01\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        ];
        let mut wrong = 0;
        for answer in answers {
            let Some(text) = error_for(Version::Http1, answer.as_bytes()).await else { continue };
            assert!(is_plain(&text.replace("HTTP/", "")), "{answer:?}: {text}");
            wrong += 1;
        }
        assert!(wrong >= 12, "{wrong} of {} were refused", answers.len());
    }

    #[tokio::test]
    async fn no_error_of_http_2_is_told_in_the_librarys_own_names() {
        let settings = frame(4, 0, 0, &[]);
        let mut ends: Vec<Vec<u8>> = vec![
            frame(1, 4, 1, &[0xff]),
            frame(1, 4, 1, &[0x88, 0x88]),
            frame(0, 0, 1, b"data before its headers"),
            frame(0, 0, 0, b"data of no stream"),
            frame(4, 0, 1, &[]),
            frame(4, 0, 0, &[1]),
            frame(6, 0, 0, b"short"),
            frame(8, 0, 0, &[0; 4]),
            frame(9, 0, 1, &[]),
            frame(5, 4, 1, &[0, 0, 0, 2, 0x82]),
            [0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1].to_vec(),
            Vec::new(),
        ];
        for code in (0..=14).chain([99]) {
            let code = [0, 0, 0, code];
            ends.push(frame(3, 0, 1, &code));
            for words in [&b""[..], b"too_many_pings", b"a \"quoted\" {word}\n"] {
                ends.push(frame(7, 0, 0, &[&[0, 0, 0, 0][..], &code, words].concat()));
            }
        }
        for end in ends {
            let text = error_for(Version::Http2, &[settings.clone(), end.clone()].concat()).await.unwrap();
            // What the peer says stands between quotes.
            let own = text.split_once(": \"").map_or(&*text, |(own, _)| own).replace("HTTP/", "");
            assert!(is_plain(own.replace("GOAWAY", "").trim_start()), "{end:?}: {text}");
            assert!(!text.contains("b\""), "{end:?}: {text}");
        }
        assert_eq!(quoted("enhance your calm (b\"too_many_pings\")"), "enhance your calm: \"too_many_pings\"");
        assert_eq!(quoted("refused stream"), "refused stream");
    }

    #[test]
    fn no_error_of_tls_under_http_is_told_in_the_librarys_own_names() {
        for error in [
            Error::PeerMisbehaved(PeerMisbehaved::TooManyKeyUpdateRequests),
            Error::InvalidMessage(InvalidMessage::InvalidContentType),
            Error::AlertReceived(AlertDescription::BadCertificateStatusResponse),
            Error::InappropriateMessage { expect_types: Vec::new(), got_type: rustls::ContentType::Handshake },
            Error::DecryptError,
        ] {
            let (kind, text) = classify(&io::Error::new(io::ErrorKind::InvalidData, error));
            assert!(kind == FailureKind::TlsFailed && is_plain(&text), "{text}");
        }
    }
}
