//! Family `http`: what a request says, byte for byte, and when it says it.

use std::net::SocketAddr;

use shakedown::model::{Arg, Text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::script::{args, fact, run, server, text};

/// A server that hands on what it reads, and answers `words` to each piece in turn.
async fn listens(words: &'static [&'static str]) -> (SocketAddr, UnboundedReceiver<String>) {
    let (sender, heard) = unbounded_channel();
    let address = server(move |mut stream| {
        let sender = sender.clone();
        async move {
            let mut buffer = [0; 16384];
            for word in words {
                // The head and the body may come in two pieces.
                let mut piece = String::new();
                while !complete(&piece) {
                    let Ok(count @ 1..) = stream.read(&mut buffer).await else { break };
                    piece.push_str(&String::from_utf8_lossy(&buffer[..count]));
                }
                let _ = sender.send(piece);
                let _ = stream.write_all(word.as_bytes()).await;
            }
            let _ = stream.read(&mut buffer).await;
        }
    })
    .await;
    (address, heard)
}

/// Whether a piece is a head with the body it announces, a head that waits, or a body alone.
fn complete(piece: &str) -> bool {
    let Some((head, body)) = piece.split_once("\r\n\r\n") else { return !piece.is_empty() && !piece.contains("HTTP/") };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    head.contains("100-continue") || body.len() >= length
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn secret(value: &str) -> Arg {
    Arg::Text(Text::new(value, Some("***")))
}

fn group<const N: usize>(pairs: [(&'static str, Arg); N]) -> Arg {
    Arg::Group(args(pairs))
}

#[tokio::test]
async fn bodies_and_credentials_are_sent_as_written() {
    let list = |values: &[&str]| Arg::List(values.iter().map(|value| text(*value)).collect());
    for (fields, lines) in [
        (
            vec![("json", text("{\"a\":1.10}"))],
            &["POST / HTTP/1.1", "content-type: application/json", "{\"a\":1.10}"][..],
        ),
        (
            vec![("form", Arg::Map(vec![("a".into(), list(&["1", "x y"]))])), ("method", text("PUT"))],
            &["PUT / HTTP/1.1", "content-type: application/x-www-form-urlencoded", "a=1&a=x+y"],
        ),
        (
            vec![("auth", group([("user", text("u")), ("password", secret("p"))]))],
            &["GET / HTTP/1.1", "authorization: Basic dTpw"],
        ),
        (vec![("auth", group([("token", secret("t0k"))]))], &["authorization: Bearer t0k"]),
        (vec![("headers", Arg::Map(vec![("x-a".into(), list(&["1", "2"]))]))], &["x-a: 1\r\nx-a: 2"]),
    ] {
        let (address, mut heard) = listens(&[OK]).await;
        let mut all = args([("url", text(format!("http://{address}/"))), ("timeout", Arg::Number(10.0))]);
        all.0.extend(fields);
        let observation = run("http", all).await.unwrap();
        assert_eq!(fact(&observation, "status"), 200);
        let request = heard.recv().await.unwrap();
        assert!(lines.iter().all(|line| request.contains(line)), "{lines:?}: {request}");
    }
}

#[tokio::test]
async fn a_body_waits_until_the_server_asks_for_it() {
    const GO: &str = "HTTP/1.1 100 Continue\r\n\r\n";
    for (words, continued, pieces) in [
        // It is asked for.
        (const { &[GO, OK] as &[_] }, true, &["", "hello"][..]),
        // The server never speaks of it, and gets it after a second.
        (&["", OK], false, &["", "hello"]),
        // It is turned down before it was sent.
        (&["HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n"], false, &[""]),
    ] {
        let (address, mut heard) = listens(words).await;
        let all = args([
            ("url", text(format!("http://{address}/"))),
            ("timeout", Arg::Number(10.0)),
            ("body", text("hello")),
            ("expect_continue", Arg::Bool(true)),
        ]);
        let observation = run("http", all).await.unwrap();
        assert_eq!(fact(&observation, "continued"), continued, "{words:?}");
        for want in pieces {
            let piece = heard.recv().await.unwrap();
            let body = piece.rsplit_once("\r\n\r\n").map_or(&*piece, |(_, body)| body);
            assert_eq!(&body, want, "{words:?}: {piece}");
        }
        assert!(heard.try_recv().is_err(), "nothing more was sent");
        assert_eq!(observation.last("status").is_some_and(|status| *status == 417), words.len() == 1);
    }
}

#[tokio::test]
async fn headers_that_repeat_are_lists() {
    let (address, _heard) =
        listens(&["HTTP/1.1 200 OK\r\nx-a: 1\r\nX-A: 2\r\nx-b: 1\r\nset-cookie: a=1\r\nset-cookie: b=1\r\ncontent-length: 0\r\n\r\n"])
            .await;
    let all = args([("url", text(format!("http://{address}/"))), ("timeout", Arg::Number(10.0))]);
    let observation = run("http", all).await.unwrap();
    assert_eq!(fact(&observation, "repeated_headers"), &serde_json::json!({"x-a": ["1", "2"]}));
    assert_eq!(fact(&observation, "headers")["x-a"], "1, 2");
}
