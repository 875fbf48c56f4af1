//! Headers and bodies that a redirect to another origin takes along.

use std::net::SocketAddr;

use shakedown::lab::pki::Pki;
use shakedown::lab::web::WebLab;
use shakedown::model::{Arg, Args, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::script::{args, fact, run, server, text};

/// A server that sends everybody to `to` with `status`.
async fn sends_away(status: u16, to: String) -> SocketAddr {
    server(move |mut stream| {
        let answer = format!("HTTP/1.1 {status} Away\r\nlocation: {to}\r\ncontent-length: 4\r\n\r\naway");
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.read(&mut [0; 4096]).await;
        }
    })
    .await
}

fn post(address: SocketAddr) -> Args {
    let headers = vec![("x-api-key".to_owned(), text("s3cret")), ("accept-language".to_owned(), text("de"))];
    args([
        ("url", text(format!("http://{address}/"))),
        ("method", text("POST")),
        ("body", text("s3cret")),
        ("headers", Arg::Map(headers)),
        ("follow", Arg::Integer(3)),
        ("timeout", Arg::Number(10.0)),
    ])
}

#[tokio::test]
async fn no_header_of_the_suite_and_no_body_reaches_another_origin() {
    let lab = WebLab::start(&Pki::new().unwrap()).await.unwrap();
    let echo = format!("http://{}/echo", lab.http());
    let observation = run("http", post(sends_away(302, echo.clone()).await)).await.unwrap();
    assert_eq!(fact(&observation, "url"), &Value::from(echo));
    let echoed = fact(&observation, "body.json");
    assert_eq!((&echoed["method"], &echoed["body"]), (&Value::from("GET"), &Value::from("")));
    assert_eq!(echoed["headers"]["accept-language"], "de");
    assert!(!echoed.to_string().contains("s3cret"), "{echoed}");
}

#[tokio::test]
async fn a_redirect_that_would_repeat_the_body_elsewhere_is_not_followed() {
    let lab = WebLab::start(&Pki::new().unwrap()).await.unwrap();
    let echo = format!("http://{}/echo", lab.http());
    for status in [307, 308] {
        let address = sends_away(status, echo.clone()).await;
        let observation = run("http", post(address)).await.unwrap();
        assert_eq!(fact(&observation, "outcome"), &Value::from("not_followed"));
        assert!(observation.last("status").is_none(), "nothing that `status` is expected to be may hold");
        assert_eq!(fact(&observation, "url"), &Value::from(format!("http://{address}/")));
        let explained = observation.notes().iter().any(|note| note.contains("another origin") && note.contains(&echo));
        assert!(explained, "{:?}", observation.notes());
    }
}
