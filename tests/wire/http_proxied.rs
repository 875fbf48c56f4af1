//! Family `http` through proxies that are scripted: what a proxy does is never told as the server's doing.

use std::net::SocketAddr;

use shakedown::lab::pki::{NAME, Pki};
use shakedown::lab::web::WebLab;
use shakedown::model::{Arg, Args, Observation, Text};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::script::{args, fact, nobody, resets, run, says, says_and_closes, server, text};

/// A proxy of either protocol that lets everything through to `target`, whatever name it is told.
async fn lets_through(target: SocketAddr) -> SocketAddr {
    server(move |mut stream| async move {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        if buffer[0] == 5 {
            let _ = stream.write_all(b"\x05\x00").await;
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00").await;
        } else if buffer[..count].starts_with(b"CONNECT") {
            let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
        } else {
            // The whole request was handed over, and is passed on as it is.
            let mut far = TcpStream::connect(target).await.unwrap();
            let _ = far.write_all(&buffer[..count]).await;
            let _ = copy_bidirectional(&mut stream, &mut far).await;
            return;
        }
        let mut far = TcpStream::connect(target).await.unwrap();
        let _ = copy_bidirectional(&mut stream, &mut far).await;
    })
    .await
}

fn through(url: &str, kind: &'static str, proxy: SocketAddr) -> Args {
    let group = Arg::Group(args([(kind, text(proxy.to_string()))]));
    args([("url", text(url)), ("timeout", Arg::Number(5.0)), ("proxy", group)])
}

fn told(observation: &Observation) -> String {
    observation.notes().join("; ")
}

#[tokio::test]
async fn a_server_is_asked_through_every_kind_of_proxy() {
    let pki = Pki::new().unwrap();
    let web = WebLab::start(&pki).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    pki.write_ca(&ca).await.unwrap();
    let (plain, secure) = (lets_through(web.http()).await, lets_through(web.https()).await);
    for kind in ["http", "connect", "socks5"] {
        // Nobody here knows the name: the proxy does.
        let mut https = through(&format!("https://{NAME}/health"), kind, secure);
        https.0.insert("ca_file", text(ca.to_str().unwrap()));
        for check in [https, through("http://site.invalid/health", kind, plain)] {
            let observation = run("http", check).await.unwrap();
            assert_eq!(fact(&observation, "status"), 200, "{kind}: {}", told(&observation));
            assert_eq!(fact(&observation, "proxy.outcome"), "passed", "{kind}");
        }
    }
}

#[tokio::test]
async fn a_request_is_handed_over_whole_with_credentials_for_the_proxy_alone() {
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let proxy = server(move |mut stream| {
        let sender = sender.clone();
        async move {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).await.unwrap_or(0);
            sender.send(String::from_utf8_lossy(&buffer[..count]).into_owned()).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        }
    })
    .await;
    let mut check = through("http://site.invalid:81/a?b", "http", proxy);
    let Some(Arg::Group(group)) = check.0.get_mut("proxy") else { panic!("a group") };
    group.0.insert("user", text("u"));
    group.0.insert("password", Arg::Text(Text::new("p", Some("***"))));
    let mut other = check.clone();
    other.0.insert("headers", Arg::Map(vec![("host".into(), text("other.invalid"))]));
    assert_eq!(fact(&run("http", check).await.unwrap(), "status"), 200);
    let request = heard.recv().await.unwrap();
    assert!(request.starts_with("GET http://site.invalid:81/a?b HTTP/1.1\r\n"), "{request}");
    assert!(
        request.contains("proxy-authorization: Basic dTpw\r\n") && request.contains("host: site.invalid:81\r\n"),
        "{request}"
    );
    // Another site of the same server: the proxy goes where the URL says.
    assert_eq!(fact(&run("http", other).await.unwrap(), "status"), 200);
    let request = heard.recv().await.unwrap();
    assert!(request.starts_with("GET http://site.invalid:81/a?b HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("host: other.invalid\r\n"), "{request}");
}

#[tokio::test]
async fn behind_a_tunnel_nobody_hears_the_credentials_for_the_proxy() {
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let proxy = server(move |mut stream| {
        let sender = sender.clone();
        async move {
            let mut buffer = [0; 4096];
            for answer in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"] {
                let count = stream.read(&mut buffer).await.unwrap_or(0);
                let _ = sender.send(String::from_utf8_lossy(&buffer[..count]).to_lowercase());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    })
    .await;
    let mut check = through("http://site.invalid/", "connect", proxy);
    let Some(Arg::Group(group)) = check.0.get_mut("proxy") else { panic!("a group") };
    group.0.insert("user", text("u"));
    group.0.insert("password", Arg::Text(Text::new("p", Some("***"))));
    assert_eq!(fact(&run("http", check).await.unwrap(), "status"), 200);
    let (tunnel, request) = (heard.recv().await.unwrap(), heard.recv().await.unwrap());
    assert!(
        tunnel.starts_with("connect site.invalid:80 ") && tunnel.contains("proxy-authorization: basic dtpw"),
        "{tunnel}"
    );
    assert!(request.starts_with("get / ") && !request.contains("proxy-authorization"), "{request}");
}

#[tokio::test]
async fn what_a_proxy_does_is_not_the_servers_doing() {
    let https = "https://site.invalid/";
    let http = "http://site.invalid/";
    for (url, kind, proxy, word) in [
        (https, "http", nobody().await, "refused"),
        (https, "http", resets().await, "reset"),
        (https, "http", says_and_closes(b"").await, "closed"),
        (https, "http", says(b"HTTP/1.1 403 Forbidden\r\n\r\n").await, "denied"),
        (https, "connect", says(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await, "no_way"),
        (http, "connect", says(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await, "unauthorized"),
        (
            http,
            "http",
            says(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n").await,
            "unauthorized",
        ),
        (http, "socks5", says(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, "malformed"),
        (http, "socks5", says(b"\x05\xff").await, "unauthorized"),
    ] {
        let observation = run("http", through(url, kind, proxy)).await.unwrap();
        assert_eq!(fact(&observation, "outcome"), "proxy_failed", "{kind} {word}: {}", told(&observation));
        assert_eq!(fact(&observation, "proxy.outcome"), word, "{kind}: {}", told(&observation));
        assert!(told(&observation).contains(&format!("the proxy {proxy}")), "{}", told(&observation));
        assert!(observation.last("status").is_none());
        let reached = observation.counted().next().unwrap().is_unreached();
        assert_eq!(reached, kind != "http" || url == https, "the server was not reached: {kind} {word}");
    }
    let mut silent = through(https, "http", says(b"").await);
    silent.0.insert("timeout", Arg::Number(0.3));
    let observation = run("http", silent).await.unwrap();
    assert_eq!(fact(&observation, "outcome"), "proxy_failed", "{}", told(&observation));
    assert!(told(&observation).contains("did not let the request through within 300 ms"), "{}", told(&observation));
}

/// A tunnel that ends, and a gateway's own page, have the proxy in their sentence.
#[tokio::test]
async fn an_end_behind_the_proxy_names_both() {
    let dead = lets_through(says_and_closes(b"").await).await;
    let observation = run("http", through("http://site.invalid/", "connect", dead)).await.unwrap();
    assert_eq!(
        (fact(&observation, "outcome"), fact(&observation, "proxy.outcome")),
        (&"closed".into(), &"passed".into())
    );
    assert!(told(&observation).contains(&format!("through the proxy {dead}")), "{}", told(&observation));
    let gateway =
        says(b"HTTP/1.1 502 Bad Gateway\r\nproxy-status: edge; error=connection_refused\r\ncontent-length: 0\r\n\r\n")
            .await;
    let observation = run("http", through("http://site.invalid/", "http", gateway)).await.unwrap();
    assert_eq!(fact(&observation, "status"), 502);
    assert_eq!(fact(&observation, "proxy.error"), "proxy-status: edge; error=connection_refused");
}
