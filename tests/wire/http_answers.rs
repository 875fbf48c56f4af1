//! Family `http`: answers at the edges of the protocol, byte for byte.

use shakedown::model::{Arg, Fault, Observation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::script::{args, fact, run, says, server, text};

/// What is seen of an answer, byte for byte; `fields` beside `url`.
async fn asked<const N: usize>(answer: Vec<u8>, fields: [(&'static str, Arg); N]) -> Result<Observation, Fault> {
    let address = server(move |mut stream| {
        let answer = answer.clone();
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
            while stream.read(&mut [0; 4096]).await.is_ok_and(|count| count > 0) {}
        }
    })
    .await;
    let mut all = args([("url", text(format!("http://{address}/"))), ("timeout", Arg::Number(10.0))]);
    all.0.extend(fields);
    run("http", all).await
}

fn noted(observation: &Observation, words: &str) -> bool {
    observation.notes().iter().any(|note| note.contains(words))
}

/// A frame of HTTP/2 (RFC 9113, 4.1) of stream `stream`.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

/// A field that is not indexed (RFC 7541, 6.2.2), with lengths of at most 126 bytes.
fn field(name: &str, value: &str) -> Vec<u8> {
    let sized = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [vec![0], sized(name), sized(value)].concat()
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What is seen of these frames, behind the server's settings.
async fn seen_in_frames(frames: &[Vec<u8>]) -> Result<Observation, Fault> {
    let answer = [frame(SETTINGS, 0, 0, &[]), frames.concat()].concat();
    asked(answer, [("version", text("2"))]).await
}

fn ok() -> Vec<u8> {
    frame(HEADERS, END_HEADERS, 1, &field(":status", "200"))
}

#[tokio::test]
async fn an_answer_without_a_body_says_nothing_of_one() {
    let length = "content-length: 5\r\n\r\n";
    for (status, method, why) in [
        ("200 OK", "HEAD", "HEAD asks for none"),
        ("404 Not Found", "HEAD", "HEAD asks for none"),
        ("304 Not Modified", "GET", "what has not changed is not sent again"),
        ("101 Switching Protocols", "GET", "what follows is no HTTP"),
    ] {
        let answer = format!("HTTP/1.1 {status}\r\n{length}").into_bytes();
        let observation = asked(answer, [("method", text(method))]).await.unwrap();
        assert_eq!(fact(&observation, "outcome"), "answered", "{status}");
        for name in ["body", "body.json", "body.size", "body.decoded_size", "body.truncated"] {
            assert!(observation.last(name).is_none(), "{name} of {status} to {method}");
        }
        assert!(noted(&observation, why), "{:?}", observation.notes());
        assert_eq!(observation.partial("body").is_some(), status.starts_with("304"), "there is one that was not sent");
    }
    let empty = asked(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), []).await.unwrap();
    assert_eq!((fact(&empty, "body"), fact(&empty, "body.size")), (&"".into(), &0.into()), "it has nothing to say");
}

/// RFC 9113, 8.1: a reset without an error may follow a whole answer, and does not make one.
#[tokio::test]
async fn a_stream_that_is_reset_is_no_whole_answer() {
    let half = || frame(DATA, 0, 1, b"hello");
    for code in [0, 8, 2] {
        let reset = frame(RST_STREAM, 0, 1, &[0, 0, 0, code]);
        let observation = seen_in_frames(&[ok(), half(), reset]).await.unwrap();
        assert_eq!(fact(&observation, "outcome"), "reset", "{code}");
        assert!(observation.last("status").is_none() && observation.last("body").is_none());
    }
    let whole = frame(DATA, END_STREAM, 1, b"hello");
    let observation = seen_in_frames(&[ok(), whole, frame(RST_STREAM, 0, 1, &[0; 4])]).await.unwrap();
    assert_eq!(fact(&observation, "body"), "hello");
    let trailers = frame(HEADERS, END_HEADERS | END_STREAM, 1, &field("x-sum", "1"));
    let observation = seen_in_frames(&[ok(), half(), trailers]).await.unwrap();
    assert_eq!(fact(&observation, "body"), "hello", "trailers end it too");
    let cut = seen_in_frames(&[ok(), half()]).await.unwrap();
    assert_eq!(fact(&cut, "outcome"), "closed");
    assert!(noted(&cut, "the connection ended in the middle of the answer"), "{:?}", cut.notes());
}

#[tokio::test]
async fn what_a_server_says_beside_a_reason_reads_well() {
    let goaway = frame(GOAWAY, 0, 0, &[&[0; 8], b"max_age".as_slice()].concat());
    let observation = seen_in_frames(&[goaway]).await.unwrap();
    assert!(noted(&observation, "GOAWAY (not a result of an error: \"max_age\")"), "{:?}", observation.notes());
}

/// Limits of this side are no fault of the server.
#[tokio::test]
async fn a_head_beyond_the_limits_of_this_side_is_errored() {
    let many = (0..2000).map(|n| format!("x-{n}: y\r\n")).collect::<Vec<_>>().concat();
    let long = format!("x: {}\r\n", "y".repeat(70_000));
    let part: Vec<u8> = (0..120).flat_map(|n| field(&format!("x-{n}"), &"y".repeat(120))).collect();
    let mut frames = vec![frame(HEADERS, 0, 1, &[field(":status", "200"), part.clone()].concat())];
    frames.extend((0..30).map(|_| frame(CONTINUATION, 0, 1, &part)));
    let endless = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await;
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    })
    .await;
    let many_of_them = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"x-header: y\r\n").await.is_ok() {}
    })
    .await;
    let unending =
        |address| run("http", args([("url", text(format!("http://{address}/"))), ("timeout", Arg::Number(10.0))]));
    for (which, fault) in [
        unending(endless).await,
        unending(many_of_them).await,
        asked(format!("HTTP/1.1 200 OK\r\n{many}\r\n").into_bytes(), []).await,
        asked(format!("HTTP/1.1 200 OK\r\n{long}\r\n").into_bytes(), []).await,
        seen_in_frames(&frames).await,
        seen_in_frames(&[&frames[..4], &[frame(CONTINUATION, END_HEADERS, 1, &part)]].concat()).await,
    ]
    .into_iter()
    .enumerate()
    {
        let Err(fault) = fault else { panic!("head {which} is judged") };
        let fault = fault.to_string();
        assert!(fault.contains("the head of the answer is larger than this side reads"), "{fault}");
        assert!(!fault.contains("b\""), "{fault}");
    }
    // 633 bytes each, as they are counted, or 34, beside the length of the body, 47.
    let head = |count: usize, length: usize| {
        let headers = format!("x: {}\r\n", "y".repeat(length)).repeat(count);
        format!("HTTP/1.1 200 OK\r\n{headers}content-length: 0\r\n\r\n").into_bytes()
    };
    for (count, length, read) in
        [(103, 600, true), (104, 600, false), (255, 1, true), (256, 1, false), (30_000, 1, false)]
    {
        let ran = asked(head(count, length), []).await;
        match ran {
            Ok(observation) if read => assert_eq!(fact(&observation, "outcome"), "answered"),
            Err(fault) if !read => {
                assert!(
                    fault.to_string().contains("(64 KiB, with 32 bytes for each of 256 headers at most)"),
                    "{fault}"
                );
            }
            other => panic!("{count} of {length}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn headers_are_read_as_every_client_reads_them() {
    let folded = b"HTTP/1.1 200 OK\r\nx-a: one\r\n two\r\ncontent-length: 0\r\n\r\n".to_vec();
    assert_eq!(fact(&asked(folded, []).await.unwrap(), "headers")["x-a"], "one two", "RFC 9112, 5.2");
    let latin = b"HTTP/1.1 200 OK\r\nx-a: gr\xfc\xdfe\r\ncontent-length: 0\r\n\r\n".to_vec();
    assert_eq!(fact(&asked(latin, []).await.unwrap(), "headers")["x-a"], "grüße", "RFC 9110, 5.5");
}

#[tokio::test]
async fn a_redirect_without_a_location_leads_nowhere() {
    let answer = b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".to_vec();
    let observation = asked(answer, [("follow", Arg::Integer(3))]).await.unwrap();
    assert_eq!((fact(&observation, "status"), fact(&observation, "outcome")), (&302.into(), &"answered".into()));
    assert!(noted(&observation, "302 Found without `location` leads nowhere"), "{:?}", observation.notes());
}

/// A socket would lead to this host itself, whose answer is not the target's.
#[tokio::test]
async fn a_redirect_to_no_host_is_not_followed_to_this_one() {
    let here = says(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    for host in ["0.0.0.0", "[::]"] {
        let head =
            format!("HTTP/1.1 302 Found\r\nlocation: http://{host}:{}/\r\ncontent-length: 0\r\n\r\n", here.port());
        let observation = asked(head.into_bytes(), [("follow", Arg::Integer(3))]).await.unwrap();
        assert_eq!(fact(&observation, "outcome"), "unresolved", "{host}");
        assert!(noted(&observation, "is the address of no host"), "{:?}", observation.notes());
    }
}
