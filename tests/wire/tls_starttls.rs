//! Family `tls`, `starttls`: from plain text to a certificate, or to the reason why not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shakedown::checks::family;
use shakedown::lab::pki::{NAME, Pki};
use shakedown::model::{Arg, Args, Observation, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::script::{args, fact, run, server, text};

fn to(address: SocketAddr, folder: &tempfile::TempDir) -> Args {
    args([
        ("host", text(address.ip().to_string())),
        ("port", Arg::Integer(address.port().into())),
        ("timeout", Arg::Number(5.0)),
        ("sni", text(NAME)),
        ("ca_file", text(folder.path().join("ca.pem").to_str().unwrap())),
        ("starttls", text("smtp")),
    ])
}

async fn folder(pki: &Pki) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    pki.write_ca(&folder.path().join("ca.pem")).await.unwrap();
    folder
}

/// Greets, lists what it can do, and answers STARTTLS with `answer`.
async fn mail(stream: &mut TcpStream, can: &str, answer: &[u8]) {
    let mut buffer = [0; 1024];
    stream.write_all(b"220 mail.test ESMTP\r\n").await.unwrap();
    let _ = stream.read(&mut buffer).await;
    stream.write_all(format!("250-mail.test\r\n250 {can}\r\n").as_bytes()).await.unwrap();
    if stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {
        stream.write_all(answer).await.unwrap();
    }
}

fn outcome(observation: &Observation) -> (&str, &str) {
    (fact(observation, "outcome").as_str().unwrap(), fact(observation, "starttls").as_str().unwrap())
}

#[tokio::test]
async fn after_the_go_ahead_the_certificate_is_seen() {
    let pki = Pki::new().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(pki.good.server(&[]).unwrap());
    let address = server(move |mut stream| {
        let acceptor = acceptor.clone();
        async move {
            mail(&mut stream, "STARTTLS", b"220 go\r\n").await;
            let mut stream = acceptor.accept(stream).await.unwrap();
            let _ = stream.read(&mut [0; 16]).await;
        }
    })
    .await;
    let observation = run("tls", to(address, &folder(&pki).await)).await.unwrap();
    assert_eq!(outcome(&observation), ("completed", "upgraded"), "{:?}", observation.notes());
    assert_eq!(fact(&observation, "verified"), &Value::Bool(true));
    assert_eq!(fact(&observation, "starttls.injected"), &Value::Bool(false));
    assert_eq!(observation.merged("starttls_time").unwrap().count(), 1);
}

#[tokio::test]
async fn a_server_that_does_not_want_is_never_verified() {
    let pki = Pki::new().unwrap();
    let folder = folder(&pki).await;
    for (can, answer, word) in [
        ("SIZE 1000", "", "not_offered"),
        ("STARTTLS", "454 TLS not available\r\n", "refused"),
        ("STARTTLS", "\u{1b}[2J what?\r\n", "other_protocol"),
    ] {
        let address = server(move |mut stream| async move {
            mail(&mut stream, can, answer.as_bytes()).await;
            let _ = stream.read(&mut [0; 16]).await;
        })
        .await;
        let observation = run("tls", to(address, &folder)).await.unwrap();
        assert_eq!(outcome(&observation), ("no_starttls", word), "{:?}", observation.notes());
        assert_eq!(observation.last("verified"), None);
        assert_eq!(observation.last("starttls.injected"), None, "nobody injected, and nothing was upgraded");
        assert!(observation.notes().iter().all(|note| !note.contains('\u{1b}')), "{:?}", observation.notes());
        assert!(observation.merged("connect_time").is_some() && observation.merged("handshake_time").is_none());
    }
}

#[tokio::test]
async fn plain_text_after_the_go_ahead_is_reported_and_not_a_byte_follows_it() {
    let pki = Pki::new().unwrap();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let address = server(move |mut stream| {
        let sender = sender.clone();
        async move {
            mail(&mut stream, "STARTTLS", b"220 go\r\n250 injected\r\n").await;
            let mut hello = Vec::new();
            let _ = stream.read_to_end(&mut hello).await;
            sender.send(hello).unwrap();
        }
    })
    .await;
    let observation = run("tls", to(address, &folder(&pki).await)).await.unwrap();
    assert_eq!(outcome(&observation), ("no_starttls", "injected"), "{:?}", observation.notes());
    assert_eq!(fact(&observation, "starttls.injected"), &Value::Bool(true));
    assert!(observation.notes().iter().any(|note| note.contains("\"250 injected\"")), "{:?}", observation.notes());
    assert_eq!(receiver.recv().await.unwrap(), b"", "no ClientHello");
}

#[tokio::test]
async fn plain_text_that_comes_later_is_not_tls() {
    let pki = Pki::new().unwrap();
    let address = server(|mut stream| async move {
        mail(&mut stream, "STARTTLS", b"220 go\r\n").await;
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"250 injected\r\n").await;
        let _ = stream.read(&mut [0; 16]).await;
    })
    .await;
    let observation = run("tls", to(address, &folder(&pki).await)).await.unwrap();
    assert_eq!(outcome(&observation), ("not_tls", "upgraded"), "{:?}", observation.notes());
    assert_eq!(fact(&observation, "starttls.injected"), &Value::Bool(true));
    assert_eq!(observation.last("verified"), None);
}

#[tokio::test]
async fn hostile_greetings_end_in_time_and_bounds() {
    let pki = Pki::new().unwrap();
    let folder = folder(&pki).await;
    let endless = server(|mut stream| async move { while stream.write_all(b"220-more\r\n").await.is_ok() {} }).await;
    let line = server(|mut stream| async move { while stream.write_all(&[b'2'; 4096]).await.is_ok() {} }).await;
    let slow = server(|mut stream| async move {
        for byte in b"220 one byte after the other, for longer than anybody waits\r\n".repeat(10) {
            if stream.write_all(&[byte]).await.is_err() {
                return;
            }
            // The drip itself.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let silent = server(|mut stream| async move {
        let _ = stream.read(&mut [0; 16]).await;
    })
    .await;
    for (address, patience, want) in [
        (endless, 20.0, ("no_starttls", "endless")),
        (line, 20.0, ("no_starttls", "other_protocol")),
        (slow, 0.5, ("timeout", "timeout")),
        (silent, 0.2, ("timeout", "timeout")),
    ] {
        let mut check = to(address, &folder);
        check.0.insert("timeout", Arg::Number(patience));
        let observation = run("tls", check).await.unwrap();
        assert_eq!(outcome(&observation), want, "{:?}", observation.notes());
        assert_eq!(observation.last("verified"), None);
    }
}

#[test]
fn the_port_is_the_protocols_own() {
    let build = family("tls").unwrap().build;
    for (protocol, port) in [("smtp", 25), ("postgres", 5432), ("xmpp-server", 5269), ("sieve", 4190)] {
        let check = args([("host", text("mail.test")), ("starttls", text(protocol))]);
        assert_eq!(build(&check).ok().unwrap().target(), format!("mail.test:{port}"));
    }
    assert_eq!(build(&args([("host", text("mail.test"))])).ok().unwrap().target(), "mail.test:443");
}

#[tokio::test]
async fn terms_are_asked_in_plain_text_first_as_well() {
    let pki = Pki::new().unwrap();
    let config = Arc::new(tokio_rustls::TlsAcceptor::from(pki.good.server(&["x"]).unwrap()));
    let address = server(move |mut stream| {
        let acceptor = config.clone();
        async move {
            mail(&mut stream, "STARTTLS", b"220 go\r\n").await;
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 16]).await;
            }
        }
    })
    .await;
    let folder = folder(&pki).await;
    let mut check = to(address, &folder);
    check.0.insert("resumption", Arg::Integer(3));
    check.0.insert("alpn_set", Arg::List(vec![text("x"), text("y")]));
    let observation = run("tls", check).await.unwrap();
    assert_eq!(fact(&observation, "resumption.tls1.3"), 1.0, "{:?}", observation.notes());
    assert_eq!(fact(&observation, "alpn.accepted"), &serde_json::json!(["x"]));
}

#[tokio::test]
async fn a_service_that_refuses_the_client_is_not_one_without_starttls() {
    let pki = Pki::new().unwrap();
    let folder = folder(&pki).await;
    for words in [&b"421 too many connections\r\n"[..], b"554 5.7.1 blocked\r\n"] {
        let address = server(move |mut stream| async move {
            let _ = stream.write_all(words).await;
            let _ = stream.read(&mut [0; 64]).await;
        })
        .await;
        let observation = run("tls", to(address, &folder)).await.unwrap();
        assert_eq!(outcome(&observation), ("service_refused", "service_refused"), "{:?}", observation.notes());
        assert!(observation.notes().iter().any(|note| note.contains("the service refuses this client")));
    }
}
