//! Family `http` over HTTP/3.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper::Response;
use hyper::body::{Buf as _, Bytes};
use quinn::crypto::rustls::QuicServerConfig;
use shakedown::lab::pki::{Identity, NAME, Pki};
use shakedown::model::{Arg, Args, Observation};
use tokio::net::UdpSocket;

use crate::script::{args, fact, run, text};

/// What a server does with a request.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// Says what it heard.
    Echoes,
    /// Resets the stream in the middle of the body.
    Resets,
    /// Closes the connection in the middle of the body.
    Closes,
    /// Takes the request, and says nothing.
    Waits,
    /// Says half of the body, and no more.
    Stops,
    /// Ends the body in the middle, as if it were whole.
    Cuts,
    /// Says something of its own before the answer.
    Hints,
}

/// A server of HTTP/3 on loopback, until the test's runtime ends.
fn serve(identity: &Identity, alpn: &str, part: Part) -> SocketAddr {
    let crypto = QuicServerConfig::try_from(identity.server(&[alpn]).unwrap()).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let endpoint = quinn::Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = endpoint.local_addr().unwrap();
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            tokio::spawn(async move {
                let Ok(connection) = incoming.await else { return };
                play(connection, part).await;
            });
        }
    });
    address
}

async fn play(connection: quinn::Connection, part: Part) {
    let Ok(mut server) = h3::server::Connection::<_, Bytes>::new(h3_quinn::Connection::new(connection.clone())).await
    else {
        return;
    };
    while let Ok(Some(resolver)) = server.accept().await {
        let Ok((request, mut stream)) = resolver.resolve_request().await else { return };
        let mut body = Vec::new();
        while let Ok(Some(mut piece)) = stream.recv_data().await {
            body.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
        }
        if part == Part::Waits {
            connection.closed().await;
            return;
        }
        let heard = format!(
            "{} {} {} {:?} {}",
            request.method(),
            request.uri(),
            String::from_utf8_lossy(&body),
            request.headers().get("content-length"),
            request.headers().get("x-a").is_some()
        );
        if part == Part::Hints {
            let hint = Response::builder().status(103).header("link", "</style.css>").body(()).unwrap();
            let _ = stream.send_response(hint).await;
        }
        let length = if matches!(part, Part::Echoes | Part::Hints) { heard.len() } else { 100_000 };
        let _ = stream
            .send_response(Response::builder().status(200).header("content-length", length).body(()).unwrap())
            .await;
        let _ = stream.send_data(Bytes::from(heard)).await;
        match part {
            Part::Resets => stream.stop_stream(h3::error::Code::H3_INTERNAL_ERROR),
            Part::Closes => {
                // What was sent is read first.
                let _ = tokio::time::timeout(std::time::Duration::from_millis(100), connection.closed()).await;
                connection.close(quinn::VarInt::from_u32(0x102), b"over");
            }
            Part::Stops | Part::Waits => {
                connection.closed().await;
            }
            Part::Echoes | Part::Hints | Part::Cuts => {
                let _ = stream.finish().await;
            }
        }
    }
}

struct Lab {
    pki: Pki,
    folder: tempfile::TempDir,
}

impl Lab {
    async fn new() -> Self {
        let lab = Self { pki: Pki::new().unwrap(), folder: tempfile::tempdir().unwrap() };
        lab.pki.write_ca(&lab.folder.path().join("ca.pem")).await.unwrap();
        lab
    }

    fn check(&self, port: u16, patience: f64) -> Args {
        args([
            ("url", text(format!("https://{NAME}:{port}/a?b"))),
            ("version", text("3")),
            ("resolve", text("127.0.0.1")),
            ("ca_file", text(self.folder.path().join("ca.pem").to_str().unwrap())),
            ("timeout", Arg::Number(patience)),
        ])
    }
}

fn told(observation: &Observation) -> String {
    observation.notes().join("; ")
}

#[tokio::test]
async fn a_request_and_its_answer_go_over_quic() {
    let lab = Lab::new().await;
    let address = serve(&lab.pki.good, "h3", Part::Echoes);
    let mut check = lab.check(address.port(), 10.0);
    check.0.insert("body", text("hello"));
    check.0.insert("headers", Arg::Map(vec![("x-a".into(), text("1")), ("host".into(), text("site.example"))]));
    let observation = run("http", check).await.unwrap();
    assert_eq!(
        fact(&observation, "body"),
        "POST https://site.example/a?b hello Some(\"5\") true",
        "{}",
        told(&observation)
    );
    assert_eq!((fact(&observation, "version"), fact(&observation, "status")), (&"HTTP/3".into(), &200.into()));
    assert!(observation.merged("tls_time").is_some() && observation.merged("connect_time").is_none());
    assert!(fact(&observation, "certificate.expires_in").as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn an_answer_comes_after_hints_and_one_to_head_has_no_body() {
    let lab = Lab::new().await;
    let hinted = run("http", lab.check(serve(&lab.pki.good, "h3", Part::Hints).port(), 10.0)).await.unwrap();
    assert_eq!(fact(&hinted, "status"), 200, "{}", told(&hinted));
    assert!(fact(&hinted, "body").as_str().unwrap().starts_with("GET https://"), "{}", told(&hinted));
    let mut check = lab.check(serve(&lab.pki.good, "h3", Part::Cuts).port(), 10.0);
    check.0.insert("method", text("HEAD"));
    let head = run("http", check).await.unwrap();
    assert_eq!(fact(&head, "status"), 200, "its length is that of the answer to GET: {}", told(&head));
}

#[tokio::test]
async fn what_goes_wrong_over_quic_has_its_word() {
    let lab = Lab::new().await;
    let good = &lab.pki.good;
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let gone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    for (address, word, why) in [
        (gone, "refused", "nothing listens there on UDP"),
        (silent.local_addr().unwrap(), "timeout", "to a QUIC handshake (UDP)"),
        (serve(good, "other", Part::Echoes), "tls_failed", "no_application_protocol"),
        (serve(&lab.pki.expired, "h3", Part::Echoes), "untrusted", "expired since"),
        (serve(good, "h3", Part::Waits), "timeout", "sent no answer within"),
        (serve(good, "h3", Part::Stops), "timeout", "its body did not end within"),
        (serve(good, "h3", Part::Cuts), "malformed", "less bytes than `content-length` says"),
        (serve(good, "h3", Part::Resets), "reset", "the server reset the stream"),
        (serve(good, "h3", Part::Closes), "closed", "the server closed the connection"),
    ] {
        let patience = if word == "timeout" { 1.0 } else { 10.0 };
        let observation = run("http", lab.check(address.port(), patience)).await.unwrap();
        assert_eq!(fact(&observation, "outcome"), word, "{why}: {}", told(&observation));
        assert!(told(&observation).contains(why), "{why}: {}", told(&observation));
        assert!(observation.last("status").is_none(), "{why}");
    }
}
