//! Family `http`: what stands in the evidence when a fact is absent or the answer is an error.

use shakedown::model::{Arg, Observation};

use crate::script::{args, run, says, text};

async fn notes(answer: &'static [u8], limit: f64) -> Observation {
    let url = text(format!("http://{}/", says(answer).await));
    run("http", args([("url", url), ("timeout", Arg::Number(10.0)), ("limit", Arg::Number(limit))])).await.unwrap()
}

#[tokio::test]
async fn an_absent_document_and_an_error_show_how_the_body_begins() {
    for (answer, words) in [
        (
            &b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n<h1>\nlog\tin</h1"[..],
            &["content-type application/json, but expected value", "the body is: <h1> log\tin</h1"][..],
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\nhello",
            &["not a JSON document, content-type text/html", "the body is: hello"],
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", &["the body is empty"]),
        (
            b"HTTP/1.1 503 Busy\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{\"why\": \"full\"}",
            &["answered 503", "{\"why\": \"full\"}"],
        ),
        (b"HTTP/1.1 502 Bad\r\ncontent-length: 10\r\n\r\nno backend", &["answered 502", "no backend"]),
    ] {
        let observation = notes(answer, 1000.0).await;
        let all = observation.notes().join("\n");
        assert!(words.iter().all(|words| all.contains(words)), "{words:?} in {all:?}");
    }
    let observation = notes(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"a\": true}", 1000.0).await;
    assert_eq!(observation.notes(), &[] as &[String], "nothing is absent, nothing to explain");
}

/// 200 bytes, and never half a character.
#[tokio::test]
async fn a_long_body_is_cut_between_characters() {
    for (body, want) in [
        ("x".repeat(200), format!("the body is: {}", "x".repeat(200))),
        ("x".repeat(201), format!("the body begins: {}…", "x".repeat(200))),
        (format!("x{}", "ü".repeat(300)), format!("the body begins: x{}…", "ü".repeat(99))),
    ] {
        let answer = format!("HTTP/1.1 500 Oops\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let observation = notes(answer.leak().as_bytes(), 1000.0).await;
        assert!(observation.notes().iter().any(|note| note.ends_with(&want)), "{want}: {:?}", observation.notes());
    }
    let long = format!("HTTP/1.1 200 OK\r\ncontent-length: 601\r\n\r\nx{}", "ü".repeat(300));
    let observation = notes(long.leak().as_bytes(), 300.0).await;
    let note = observation.notes().first().unwrap();
    assert!(note.contains("only 300 bytes of the body are kept"), "{note}");
}

#[tokio::test]
async fn a_redirect_that_is_not_followed_says_where_it_leads() {
    let address = says(b"HTTP/1.1 302 Found\r\nlocation: /next?a=1\r\ncontent-length: 0\r\n\r\n").await;
    let get = args([("url", text(format!("http://{address}/here"))), ("follow", Arg::Number(0.0))]);
    let observation = run("http", get).await.unwrap();
    let want = format!("redirects to http://{address}/next?a=1, which is not followed: `follow` is 0");
    assert!(observation.notes().contains(&want), "{:?}", observation.notes());
}
