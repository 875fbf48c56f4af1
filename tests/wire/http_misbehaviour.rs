//! Servers that misbehave, each in a way of its own: what is told of it is a word and a sentence, and never an answer.

use std::io::Write as _;
use std::time::Duration;

use futures_util::StreamExt as _;
use shakedown::lab::pki::{NAME, Pki};
use shakedown::model::{Arg, Args, Fault, Observation};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::script::{args, run, server, text};

/// How a server goes on once it has said its words.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// FIN.
    Close,
    /// RST.
    Reset,
    /// It stays, and says no more.
    Stay,
    /// It says these words again, without end and without haste.
    Drip(&'static [u8]),
    /// The same as fast as they are taken.
    Flood(&'static [u8]),
}
use Then::{Close, Drip, Flood, Reset, Stay};

/// How it is asked.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Http1,
    Http2,
    /// https, HTTP/1.1; the words are said inside TLS, which is never closed as it should be.
    Tls,
    /// https with HTTP/2 agreed on.
    Tls2,
    /// https; the words are said in place of a TLS handshake.
    Raw,
}
use By::{Http1, Http2, Raw, Tls, Tls2};

/// One server: its name, how it is asked, its words, how it goes on, the outcome (`fault` where the check is errored), and a
/// part of the sentence.
type Row = (&'static str, By, Vec<u8>, Then, &'static str, &'static str);

const CUT: &str = "the connection ended in the middle of the answer";
const NO_ANSWER: &str = "accepted the request, but sent no answer within";
const NO_END: &str = "but its body did not end within";
const TOO_LARGE: &str = "the head of the answer is larger than this side reads";

fn row(
    name: &'static str,
    by: By,
    words: impl AsRef<[u8]>,
    then: Then,
    outcome: &'static str,
    sentence: &'static str,
) -> Row {
    (name, by, words.as_ref().to_vec(), then, outcome, sentence)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// An answer with a body that is coded.
fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[rustfmt::skip]
fn heads() -> Vec<Row> {
    vec![
        row("says nothing and closes", Http1, "", Close, "closed", CUT),
        row("resets at once", Http1, "", Reset, "reset", "reset"),
        row("says nothing and stays", Http1, "", Stay, "timeout", NO_ANSWER),
        row("closes in the status line", Http1, "HTTP/1.1 20", Close, "closed", CUT),
        row("stops in the status line", Http1, "HTTP/1.1 20", Stay, "timeout", NO_ANSWER),
        row("resets in the head", Http1, "HTTP/1.1 200 OK\r\nx-a: 1\r\n", Reset, "reset", "reset"),
        row("closes in the head", Http1, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n", Close, "closed", CUT),
        row("stops in the head", Http1, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n", Stay, "timeout", NO_ANSWER),
        row("drips a head without end", Http1, "HTTP/1.1 200 OK\r\nx: ", Drip(b"x"), "timeout", NO_ANSWER),
        row("floods with headers", Http1, "HTTP/1.1 200 OK\r\n", Flood(b"x-header: y\r\n"), "fault", TOO_LARGE),
        row("floods with one header", Http1, "HTTP/1.1 200 OK\r\nx: ", Flood(b"xxxxxxxxxxxxxxxx"), "fault", TOO_LARGE),
        row("answers as HTTP/0.9", Http1, "<html>hello</html>\r\n\r\n", Close, "malformed", "invalid HTTP version"),
        row("speaks SMTP", Http1, "220 mail.example ESMTP\r\n\r\n", Stay, "malformed", "invalid HTTP version"),
        row("speaks SSH", Http1, "SSH-2.0-OpenSSH_9.2\r\n\r\n", Stay, "malformed", "invalid HTTP version"),
        row("speaks binary", Http1, b"\x00\xff\x00\xff\r\n\r\n", Stay, "malformed", "invalid HTTP version"),
        row("speaks TLS to plain HTTP", Http1, b"\x15\x03\x03\x00\x02\x02\x28", Close, "malformed", "invalid HTTP version"),
        row("names a version that is none", Http1, "HTTP/9.9 200 OK\r\n\r\n", Stay, "malformed", "invalid HTTP version"),
        row("has a status in words", Http1, "HTTP/1.1 OK\r\n\r\n", Stay, "malformed", "invalid HTTP status-code"),
        row("has a status too small", Http1, "HTTP/1.1 99 OK\r\n\r\n", Stay, "malformed", "invalid HTTP status-code"),
        row("has a status too long", Http1, "HTTP/1.1 2000 OK\r\n\r\n", Stay, "malformed", "invalid"),
        row("has a header without a colon", Http1, "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Stay, "malformed", "invalid HTTP header"),
        row("has a header without a name", Http1, "HTTP/1.1 200 OK\r\n: x\r\n\r\n", Stay, "malformed", "invalid HTTP header"),
        row("has a control byte in a name", Http1, "HTTP/1.1 200 OK\r\na\x01b: c\r\n\r\n", Stay, "malformed", "invalid HTTP header"),
        row("has a zero in a value", Http1, "HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n", Stay, "malformed", "invalid HTTP header"),
        row("has no UTF-8 in a name", Http1, b"HTTP/1.1 200 OK\r\n\xfc\xfd: c\r\n\r\n", Stay, "malformed", "invalid HTTP header"),
        row("says 100 for ever", Http1, "", Flood(b"HTTP/1.1 100 Continue\r\n\r\n"), "timeout", NO_ANSWER),
        row("says 100 and closes", Http1, "HTTP/1.1 100 Continue\r\n\r\n", Close, "closed", CUT),
        row("says 103 and stays", Http1, "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", Stay, "timeout", NO_ANSWER),
    ]
}

#[rustfmt::skip]
fn bodies() -> Vec<Row> {
    let head = |headers: &str, body: &str| format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{body}");
    let chunked = |body: &str| head("transfer-encoding: chunked", body);
    let whole = gzip(&[b'x'; 5000]);
    vec![
        row("has a length in words", Http1, head("content-length: many", ""), Stay, "malformed", "invalid content-length"),
        row("has a length below zero", Http1, head("content-length: -5", ""), Stay, "malformed", "invalid content-length"),
        row("has a length beyond numbers", Http1, head("content-length: 99999999999999999999", ""), Stay, "malformed", "invalid content-length"),
        row("has two lengths that differ", Http1, head("content-length: 1\r\ncontent-length: 2", "xx"), Stay, "malformed", "invalid content-length"),
        row("has two lengths in one", Http1, head("content-length: 1, 2", "xx"), Stay, "malformed", "invalid content-length"),
        row("closes in the body", Http1, head("content-length: 100", "only this"), Close, "closed", CUT),
        row("resets in the body", Http1, head("content-length: 100", "only this"), Reset, "reset", "reset"),
        row("stops in the body", Http1, head("content-length: 100", "only this"), Stay, "timeout", NO_END),
        row("drips a body", Http1, head("content-length: 100000", ""), Drip(b"x"), "timeout", "more was still arriving"),
        row("drips a body of unknown length", Http1, head("x: y", ""), Drip(b"x"), "timeout", "more was still arriving"),
        row("has a chunk of no size", Http1, chunked("zz\r\n"), Stay, "malformed", "chunk size"),
        row("has a chunk beyond numbers", Http1, chunked("fffffffffffffffffff\r\n"), Stay, "malformed", "chunk size"),
        row("has a chunk longer than it says", Http1, chunked("5\r\nhelloXX\r\n0\r\n\r\n"), Stay, "malformed", "chunk"),
        row("closes in a chunk", Http1, chunked("5\r\nhel"), Close, "closed", CUT),
        row("closes before the last chunk", Http1, chunked("5\r\nhello\r\n"), Close, "closed", CUT),
        row("stops before the last chunk", Http1, chunked("5\r\nhello\r\n"), Stay, "timeout", NO_END),
        row("closes after the last chunk", Http1, chunked("5\r\nhello\r\n0\r\n"), Close, "closed", CUT),
        row("floods with chunk extensions", Http1, chunked("5;"), Flood(b"xxxxxxxxxxxxxxxx"), "fault", "larger than this side reads"),
        row("floods with trailers", Http1, chunked("0\r\n"), Flood(b"x-trailer: xxxxxxxxxxxxxxxx\r\n"), "fault", "larger than this side reads"),
        row("says gzip, and it is none", Http1, coded("gzip", b"hello"), Stay, "malformed", "the body is not gzip"),
        row("cuts what it compressed", Http1, coded("gzip", &whole[..whole.len() - 9]), Stay, "malformed", "the body is not gzip"),
        row("says br, and it is none", Http1, coded("br", b"\xff\xff\xff\xff"), Stay, "malformed", "the body is not br"),
        row("says zstd, and it is none", Http1, coded("zstd", b"hello hello hello"), Stay, "malformed", "the body is not zstd"),
        row("redirects to itself", Http1, "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", Stay, "too_many_redirects", "more than 3 redirects"),
        row("redirects to no URL", Http1, "HTTP/1.1 302 Found\r\nlocation: http://\r\ncontent-length: 0\r\n\r\n", Stay, "malformed", "redirect to"),
        row("redirects to mail", Http1, "HTTP/1.1 302 Found\r\nlocation: mailto:a@b\r\ncontent-length: 0\r\n\r\n", Stay, "malformed", "not http or https"),
        row("redirects to nobody", Http1, "HTTP/1.1 302 Found\r\nlocation: http://none.invalid/\r\ncontent-length: 0\r\n\r\n", Stay, "unresolved", "never exist"),
    ]
}

/// A frame of HTTP/2 (RFC 9113, 4.1) of stream `stream`.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

/// A header that is not indexed (RFC 7541, 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let sized = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [vec![0], sized(name), sized(value)].concat()
}

#[rustfmt::skip]
fn frames() -> Vec<Row> {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    const SETTINGS: u8 = 4;
    const GOAWAY: u8 = 7;
    let after = |frames: &[Vec<u8>]| [frame(SETTINGS, 0, 0, &[]), frames.concat()].concat();
    let ok = || frame(HEADERS, 4, 1, &field(":status", "200"));
    let goaway = |code: u8, words: &[u8]| frame(GOAWAY, 0, 0, &[&[0, 0, 0, 0, 0, 0, 0, code], words].concat());
    let reset = |code: u8| frame(RST_STREAM, 0, 1, &[0, 0, 0, code]);
    let head = |fields: &[Vec<u8>]| frame(HEADERS, 4, 1, &fields.concat());
    let status = || field(":status", "200");
    let detected = "error detected";
    vec![
        row("says nothing to HTTP/2", Http2, "", Stay, "timeout", NO_ANSWER),
        row("closes on HTTP/2", Http2, "", Close, "closed", CUT),
        row("resets on HTTP/2", Http2, "", Reset, "reset", "reset"),
        row("answers HTTP/2 with HTTP/1.1", Http2, "HTTP/1.1 400 Bad Request\r\n\r\n", Close, "malformed", detected),
        row("has settings and no answer", Http2, after(&[]), Stay, "timeout", NO_ANSWER),
        row("has settings and closes", Http2, after(&[]), Close, "closed", CUT),
        row("drains", Http2, after(&[goaway(0, b"max_age")]), Close, "closed", "GOAWAY (not a result of an error: \"max_age\")"),
        row("drains for pings", Http2, after(&[goaway(11, b"too_many_pings")]), Close, "closed", "too_many_pings"),
        row("refuses the stream", Http2, after(&[reset(7)]), Stay, "reset", "RST_STREAM"),
        row("resets the stream in the body", Http2, after(&[ok(), frame(DATA, 0, 1, b"half"), reset(8)]), Stay, "reset", "RST_STREAM"),
        row("resets without an error in the body", Http2, after(&[ok(), frame(DATA, 0, 1, b"half"), reset(0)]), Stay, "reset", "RST_STREAM before its end"),
        row("closes in the body of HTTP/2", Http2, after(&[ok(), frame(DATA, 0, 1, b"half")]), Close, "closed", CUT),
        row("stops in the body of HTTP/2", Http2, after(&[ok(), frame(DATA, 0, 1, b"half")]), Stay, "timeout", NO_END),
        row("has a head without a status", Http2, after(&[head(&[field("a", "b")])]), Stay, "malformed", detected),
        row("has a header in capitals", Http2, after(&[head(&[status(), field("A", "b")])]), Stay, "malformed", detected),
        row("has a broken header block", Http2, after(&[frame(HEADERS, 4, 1, &[0xff, 0xff, 0xff, 0xff, 0xff])]), Stay, "malformed", detected),
        row("has data before its head", Http2, after(&[frame(DATA, 0, 1, b"x")]), Stay, "malformed", detected),
        row("has data of no stream", Http2, after(&[frame(DATA, 0, 0, b"x")]), Stay, "malformed", detected),
        row("has a frame beyond the limit", Http2, after(&[vec![0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]]), Stay, "malformed", detected),
        row("has settings of a wrong length", Http2, frame(SETTINGS, 0, 0, &[1]), Stay, "malformed", detected),
        row("has less than its length", Http2, after(&[head(&[status(), field("content-length", "9")]), frame(DATA, 1, 1, b"half")]), Stay, "malformed", detected),
        row("pushes what nobody wants", Http2, after(&[frame(5, 4, 1, &[0, 0, 0, 2, 0x82])]), Stay, "malformed", detected),
        row("opens a window by nothing", Http2, after(&[frame(8, 0, 1, &[0; 4])]), Stay, "malformed", detected),
    ]
}

#[rustfmt::skip]
fn handshakes() -> Vec<Row> {
    vec![
        row("speaks plain HTTP on https", Raw, "HTTP/1.1 400 Bad Request\r\n\r\n", Close, "tls_failed", "TLS"),
        row("speaks SMTP on https", Raw, "220 mail.example ESMTP\r\n", Stay, "tls_failed", "TLS"),
        row("refuses the handshake", Raw, b"\x15\x03\x03\x00\x02\x02\x28", Close, "tls_failed", "handshake_failure"),
        row("closes in the handshake", Raw, "", Close, "closed", "closed"),
        row("resets in the handshake", Raw, "", Reset, "reset", "reset"),
        row("says nothing to a handshake", Raw, "", Stay, "timeout", "did not finish the TLS handshake"),
        row("closes TLS without a word", Tls, "", Close, "closed", "without the close_notify of TLS"),
        row("cuts a body that ends with TLS", Tls, "HTTP/1.1 200 OK\r\n\r\nhalf", Close, "closed", "without the close_notify of TLS"),
        row("cuts a body within TLS", Tls, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", Close, "closed", "without the close_notify of TLS"),
        row("stays silent in TLS", Tls, "", Stay, "timeout", NO_ANSWER),
        row("agrees on HTTP/2 and speaks HTTP/1.1", Tls2, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Stay, "malformed", "error detected"),
    ]
}

/// Whether a client has said what it wants: in HTTP/2 that follows its preface and its settings.
fn is_request(heard: &[u8]) -> bool {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const HEADERS: u8 = 1;
    let Some(mut frames) = heard.strip_prefix(PREFACE) else { return !heard.is_empty() && !PREFACE.starts_with(heard) };
    while let [a, b, c, kind, ..] = frames {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        if *kind == HEADERS {
            return frames.len() >= 9 + length;
        }
        frames = frames.get(9 + length..).unwrap_or_default();
    }
    false
}

/// Plays a server's part on a stream that was asked something.
async fn play<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, words: &[u8], then: Then) {
    let (mut heard, mut buffer) = (Vec::new(), vec![0; 16384]);
    while !is_request(&heard) {
        let Ok(count @ 1..) = stream.read(&mut buffer).await else { break };
        heard.extend_from_slice(&buffer[..count]);
    }
    let _ = stream.write_all(words).await;
    let _ = stream.flush().await;
    match then {
        Close | Reset => {}
        Stay => while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {},
        Drip(piece) => {
            let mut pace = tokio::time::interval(Duration::from_millis(5));
            while stream.write_all(piece).await.is_ok() && stream.flush().await.is_ok() {
                pace.tick().await;
            }
        }
        Flood(piece) => {
            let many = piece.repeat(1000);
            while stream.write_all(&many).await.is_ok() {}
        }
    }
}

/// Ends a connection: in order, so that nothing that was sent is lost, or by RST.
async fn end(mut stream: TcpStream, then: Then) {
    if then == Reset {
        let _ = stream.set_zero_linger();
        return;
    }
    let _ = stream.shutdown().await;
    while stream.read(&mut [0; 4096]).await.is_ok_and(|count| count > 0) {}
}

async fn seen(row: &Row, pki: &Pki, ca: &str) -> Result<Observation, Fault> {
    let (_, by, words, then, ..) = row.clone();
    let protocol: &[&str] = if by == Tls2 { &["h2"] } else { &["http/1.1"] };
    let acceptor = tokio_rustls::TlsAcceptor::from(pki.good.server(protocol).unwrap());
    let address = server(move |mut stream| {
        let (words, acceptor) = (words.clone(), acceptor.clone());
        async move {
            if matches!(by, Tls | Tls2) {
                let Ok(mut secure) = acceptor.accept(stream).await else { return };
                Box::pin(play(&mut secure, &words, then)).await;
                stream = secure.into_inner().0;
            } else {
                Box::pin(play(&mut stream, &words, then)).await;
            }
            end(stream, then).await;
        }
    })
    .await;
    let patience = if matches!(then, Stay | Drip(_)) || row.4 == "timeout" { 2.0 } else { 20.0 };
    run("http", check(by, address.port(), patience, ca)).await
}

fn check(by: By, port: u16, patience: f64, ca: &str) -> Args {
    let version = match by {
        Http2 | Tls2 => "2",
        Http1 | Tls | Raw => "1.1",
    };
    let plain = matches!(by, Http1 | Http2);
    let url = if plain { format!("http://127.0.0.1:{port}/") } else { format!("https://{NAME}:{port}/") };
    let mut all = args([
        ("url", text(url)),
        ("version", text(version)),
        ("follow", Arg::Integer(3)),
        ("timeout", Arg::Number(patience)),
    ]);
    if !plain {
        all.0.insert("ca_file", text(ca));
        all.0.insert("resolve", text("127.0.0.1"));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_misbehaviour_has_its_word_and_its_sentence() {
    let pki = Pki::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    pki.write_ca(&ca).await.unwrap();
    let rows: Vec<Row> = [heads(), bodies(), frames(), handshakes()].concat();
    assert!(rows.len() >= 40, "{}", rows.len());
    let all = rows.iter().map(|row| seen(row, &pki, ca.to_str().unwrap()));
    // A few at a time, so that none is late because of the others.
    let all = futures_util::stream::iter(all).buffered(24).collect::<Vec<_>>();
    let all = tokio::time::timeout(Duration::from_mins(2), all).await.expect("one of them holds a check up");
    let mut problems = Vec::new();
    for ((name, _, _, _, outcome, sentence), seen) in rows.iter().zip(all) {
        let (word, told) = match &seen {
            Ok(seen) => {
                let word = seen.last("outcome").and_then(|word| word.as_str()).unwrap_or("none");
                let answered = ["status", "body", "headers", "version"].iter().any(|fact| seen.last(fact).is_some());
                (if answered { "an answer" } else { word }, seen.notes().join("; "))
            }
            Err(fault) => ("fault", fault.to_string()),
        };
        if word != *outcome || !told.contains(sentence) {
            problems.push(format!("{name}: {word} instead of {outcome}: {told}"));
        }
    }
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), rows.len(), problems.join("\n"));
}
