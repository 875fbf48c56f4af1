//! Family `http`.

use std::net::SocketAddr;

use shakedown::checks::family;
use shakedown::lab::pki::{NAME, Pki};
use shakedown::lab::web::WebLab;
use shakedown::model::{Arg, Args, Observation, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::script::{args, asking, fact, nobody, resets, run, says, says_and_closes, server, text};

struct Lab {
    pki: Pki,
    web: WebLab,
    folder: tempfile::TempDir,
}

impl Lab {
    async fn start() -> Self {
        let pki = Pki::new().unwrap();
        let web = WebLab::start(&pki).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        pki.write_ca(&folder.path().join("ca.pem")).await.unwrap();
        Self { pki, web, folder }
    }

    /// A check of `path` that trusts the lab.
    fn check<const N: usize>(&self, address: SocketAddr, path: &str, more: [(&'static str, Arg); N]) -> Args {
        let mut all = get(&format!("https://{NAME}:{}{path}", address.port()));
        all.0.insert("ca_file", text(self.folder.path().join("ca.pem").to_str().unwrap()));
        all.0.insert("resolve", text("127.0.0.1"));
        all.0.extend(more);
        all
    }
}

fn get(url: &str) -> Args {
    args([("url", text(url)), ("timeout", Arg::Number(10.0))])
}

fn with<const N: usize>(mut all: Args, more: [(&'static str, Arg); N]) -> Args {
    all.0.extend(more);
    all
}

fn outcome(observation: &Observation) -> &str {
    fact(observation, "outcome").as_str().unwrap()
}

fn noted(observation: &Observation, words: &str) -> bool {
    observation.notes().iter().any(|note| note.contains(words))
}

/// Facts only a whole answer has.
fn nothing_answered(observation: &Observation) {
    for absent in ["status", "headers", "body", "body.size", "version"] {
        assert_eq!(observation.last(absent), None, "{absent}; {:?}", observation.notes());
    }
    assert!(observation.merged("total_time").is_none());
}

#[tokio::test]
async fn every_version_that_is_asked_for() {
    let lab = Lab::start().await;
    let plain = format!("http://{}/health", lab.web.http());
    for (check, want) in [
        (lab.check(lab.web.https(), "/health", []), "HTTP/2"),
        (lab.check(lab.web.https(), "/health", [("version", text("1.1"))]), "HTTP/1.1"),
        (lab.check(lab.web.https(), "/health", [("version", text("2"))]), "HTTP/2"),
        (get(&plain), "HTTP/1.1"),
        (with(get(&plain), [("version", text("2"))]), "HTTP/2"),
    ] {
        let observation = run("http", check).await.unwrap();
        assert_eq!(
            (outcome(&observation), fact(&observation, "version")),
            ("answered", &Value::from(want)),
            "{:?}",
            observation.notes()
        );
        assert_eq!(fact(&observation, "status"), 200);
        assert_eq!(fact(&observation, "body.json"), &serde_json::json!({"status": "ok", "version": "1.0.0"}));
        assert_eq!(fact(&observation, "headers")["content-type"], "application/json");
        assert_eq!(
            fact(&observation, "body.size").as_u64().unwrap(),
            fact(&observation, "body").as_str().unwrap().len() as u64
        );
        assert_eq!(fact(&observation, "body.truncated"), &Value::Bool(false));
        assert_eq!(fact(&observation, "address"), "127.0.0.1");
        for time in ["connect_time", "first_byte_time", "total_time"] {
            assert!(observation.merged(time).is_some(), "{time}");
        }
    }
}

#[tokio::test]
async fn https_shows_the_certificate_and_its_time() {
    let lab = Lab::start().await;
    let observation = run("http", lab.check(lab.web.https(), "/", [])).await.unwrap();
    assert!(fact(&observation, "certificate.expires_in").as_f64().unwrap() > 88.0 * 86_400.0);
    assert!(observation.merged("tls_time").is_some());
    assert_eq!(fact(&observation, "body"), "shakedown lab\n");
    assert_eq!(observation.last("body.json"), None);
}

#[tokio::test]
async fn an_untrusted_server_is_sent_nothing() {
    let lab = Lab::start().await;
    let (sender, mut received) = tokio::sync::mpsc::unbounded_channel();
    let acceptor = tokio_rustls::TlsAcceptor::from(lab.pki.expired.server(&[]).unwrap());
    let listener = server(move |stream| {
        let (sender, acceptor) = (sender.clone(), acceptor.clone());
        async move {
            let mut request = [0; 4096];
            let count = acceptor.accept(stream).await.unwrap().read(&mut request).await.unwrap_or(0);
            sender.send(count).unwrap();
        }
    })
    .await;
    let observation = run("http", lab.check(listener, "/", [])).await.unwrap();
    assert_eq!((outcome(&observation), received.recv().await), ("untrusted", Some(0)));
    let impatient = [("verify", Arg::Bool(false))];
    run("http", lab.check(listener, "/", impatient)).await.unwrap();
    assert!(received.recv().await > Some(0), "this test can see a request");

    for (address, why) in [(lab.web.expired(), "expired since"), (lab.web.wrong_name(), "not valid for name")] {
        let observation = run("http", lab.check(address, "/", [])).await.unwrap();
        assert_eq!(outcome(&observation), "untrusted");
        assert!(noted(&observation, why), "{:?}", observation.notes());
        assert!(observation.last("certificate.expires_in").is_some());
        nothing_answered(&observation);
        assert!(observation.merged("first_byte_time").is_none(), "nothing was sent");
        let observation = run("http", lab.check(address, "/", [("verify", Arg::Bool(false))])).await.unwrap();
        assert_eq!(fact(&observation, "status"), 200);
    }
}

#[tokio::test]
async fn what_is_sent_arrives() {
    let lab = Lab::start().await;
    let headers = Arg::Map(vec![("x-trace".into(), text("a")), ("Host".into(), text("site.example"))]);
    for version in ["1.1", "2"] {
        let more = [
            ("version", text(version)),
            ("method", text("POST")),
            ("body", text("hello")),
            ("headers", headers.clone()),
        ];
        let observation = run("http", lab.check(lab.web.https(), "/echo", more)).await.unwrap();
        let echo = fact(&observation, "body.json");
        assert_eq!((&echo["method"], &echo["body"]), (&Value::from("POST"), &Value::from("hello")));
        assert_eq!(echo["headers"]["x-trace"], "a");
        let host = if version == "2" { &echo["authority"] } else { &echo["headers"]["host"] };
        assert_eq!(host, "site.example", "{echo}");
    }
}

#[tokio::test]
async fn redirects_are_followed_only_when_asked() {
    let lab = Lab::start().await;
    let url = format!("http://{}/redirect?to=/redirect", lab.web.http());
    let observation = run("http", get(&url)).await.unwrap();
    assert_eq!((outcome(&observation), fact(&observation, "status")), ("answered", &Value::from(302)));
    assert_eq!(fact(&observation, "headers")["location"], "/redirect");
    assert!(observation.last("redirects").is_none(), "none could be followed");

    let observation = run("http", with(get(&url), [("follow", Arg::Integer(2))])).await.unwrap();
    assert_eq!((outcome(&observation), fact(&observation, "status")), ("answered", &Value::from(200)));
    let base = format!("http://{}", lab.web.http());
    assert_eq!(fact(&observation, "redirects"), &serde_json::json!([format!("{base}/redirect"), format!("{base}/")]));
    assert_eq!(fact(&observation, "url"), &Value::from(format!("{base}/")));
    assert_eq!(observation.merged("connect_time").unwrap().summary().unwrap().count, 3);

    let observation = run("http", with(get(&url), [("follow", Arg::Integer(1))])).await.unwrap();
    assert_eq!(outcome(&observation), "too_many_redirects");
    nothing_answered(&observation);
    assert!(!observation.counted().next().unwrap().is_unreached());

    // Where a redirect leads to nobody, the first server is no sign of life.
    let nowhere = format!("{base}/redirect?to=http://127.0.0.1:1/");
    let observation = run("http", with(get(&nowhere), [("follow", Arg::Integer(1))])).await.unwrap();
    assert_eq!(outcome(&observation), "refused");
    assert!(observation.merged("connect_time").is_some());
    assert!(observation.counted().next().unwrap().is_unreached());
}

#[tokio::test]
async fn a_redirect_loop_ends_and_is_no_answer() {
    let address = says(b"HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n").await;
    let observation =
        run("http", with(get(&format!("http://{address}/")), [("follow", Arg::Integer(5))])).await.unwrap();
    assert_eq!(outcome(&observation), "too_many_redirects");
    assert_eq!(fact(&observation, "redirects").as_array().unwrap().len(), 5);
    nothing_answered(&observation);

    let address = says(b"HTTP/1.1 302 Found\r\nlocation: mailto:x@y\r\ncontent-length: 0\r\n\r\n").await;
    let observation =
        run("http", with(get(&format!("http://{address}/")), [("follow", Arg::Integer(5))])).await.unwrap();
    assert_eq!(outcome(&observation), "malformed");
}

#[tokio::test]
async fn credentials_do_not_follow_to_another_origin() {
    let lab = Lab::start().await;
    let secret =
        [("follow", Arg::Integer(1)), ("headers", Arg::Map(vec![("authorization".into(), text("Bearer s3cret"))]))];
    let echo = format!("http://{}/echo", lab.web.http());
    let near = format!("http://{}/redirect?to=/echo", lab.web.http());
    let observation = run("http", with(get(&near), secret.clone())).await.unwrap();
    assert_eq!(fact(&observation, "body.json")["headers"]["authorization"], "Bearer s3cret");
    let observation = run("http", lab.check(lab.web.https(), &format!("/redirect?to={echo}"), secret)).await.unwrap();
    assert_eq!(fact(&observation, "url"), &Value::from(echo));
    assert_eq!(fact(&observation, "body.json")["headers"].get("authorization"), None);
}

#[tokio::test]
async fn a_large_body_is_counted_but_not_kept() {
    let lab = Lab::start().await;
    for version in ["1.1", "2"] {
        let more = [("version", text(version)), ("limit", Arg::Number(1000.0))];
        let observation = run("http", lab.check(lab.web.https(), "/big", more)).await.unwrap();
        assert_eq!(fact(&observation, "body.size"), 2 * 1024 * 1024);
        assert_eq!(fact(&observation, "body").as_str().unwrap().len(), 1000);
        assert_eq!(fact(&observation, "body.truncated"), &Value::Bool(true));
    }
}

#[tokio::test]
async fn an_endless_body_is_left() {
    let address = server(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 16384]).await.is_ok() {}
    })
    .await;
    let observation =
        run("http", with(get(&format!("http://{address}/")), [("timeout", Arg::Number(120.0))])).await.unwrap();
    assert_eq!(outcome(&observation), "answered");
    assert_eq!(fact(&observation, "body.truncated"), &Value::Bool(true));
    let size = fact(&observation, "body.size").as_u64().unwrap();
    assert!((64 * 1024 * 1024..66 * 1024 * 1024).contains(&size), "{size}");
}

#[tokio::test]
async fn half_an_answer_is_no_answer() {
    let address = says_and_closes(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this").await;
    let observation = run("http", get(&format!("http://{address}/"))).await.unwrap();
    assert_eq!(outcome(&observation), "closed");
    assert!(noted(&observation, "200 OK and 9 bytes"), "{:?}", observation.notes());
    nothing_answered(&observation);

    let address = says(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this").await;
    let slow = with(get(&format!("http://{address}/")), [("timeout", Arg::Number(0.3))]);
    let observation = run("http", slow).await.unwrap();
    assert_eq!(outcome(&observation), "timeout");
    assert!(noted(&observation, "its body did not end within 300 ms"), "{:?}", observation.notes());
    nothing_answered(&observation);
}

#[tokio::test]
async fn a_slow_server_is_a_timeout() {
    let lab = Lab::start().await;
    for (url, version) in [("/slow?ms=60000", "1.1"), ("/slow?ms=60000", "2")] {
        let more = [("version", text(version)), ("timeout", Arg::Number(0.5))];
        let observation = run("http", lab.check(lab.web.https(), url, more)).await.unwrap();
        assert_eq!(outcome(&observation), "timeout");
        assert!(noted(&observation, "sent no answer within 500 ms"), "{:?}", observation.notes());
        nothing_answered(&observation);
    }
    let observation = run("http", lab.check(lab.web.https(), "/slow?ms=1", [])).await.unwrap();
    assert_eq!(outcome(&observation), "answered");
}

#[tokio::test]
async fn misbehaviour_has_its_own_words() {
    let length = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", u64::MAX);
    let cases = [
        (says(length.leak().as_bytes()).await, "1.1", "malformed"),
        (says(b"220 mail.example ESMTP\r\n\r\n").await, "1.1", "malformed"),
        (says(b"\x00\xff\x00\xff\r\n\r\n").await, "1.1", "malformed"),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, "2", "malformed"),
        (says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n").await, "1.1", "malformed"),
        (says_and_closes(b"").await, "1.1", "closed"),
        (says_and_closes(b"").await, "2", "closed"),
        (says_and_closes(b"HTTP/1.1 20").await, "1.1", "closed"),
        (resets().await, "1.1", "reset"),
        (resets().await, "2", "reset"),
        (nobody().await, "auto", "refused"),
    ];
    for (index, (address, version, want)) in cases.into_iter().enumerate() {
        let check = with(get(&format!("http://{address}/")), [("version", text(version))]);
        let observation = run("http", check).await.unwrap();
        assert_eq!(outcome(&observation), want, "case {index}: {:?}", observation.notes());
        nothing_answered(&observation);
    }
    let observation = run("http", get("http://no-such-name.invalid/")).await.unwrap();
    assert_eq!(outcome(&observation), "unresolved");
    nothing_answered(&observation);
}

#[tokio::test]
async fn a_refused_client_certificate_is_distinguished() {
    let lab = Lab::start().await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let address = asking(&lab.pki, version).await;
        for http in ["1.1", "auto"] {
            let observation = run("http", lab.check(address, "/", [("version", text(http))])).await.unwrap();
            assert_eq!(outcome(&observation), "tls_failed", "{version:?} {:?}", observation.notes());
            nothing_answered(&observation);
        }
    }
}

#[tokio::test]
async fn https_to_something_else_is_distinguished() {
    let lab = Lab::start().await;
    let plain = lab.web.http();
    for (address, want) in [
        (plain, "tls_failed"),
        (says(b"220 mail.example ESMTP\r\n").await, "tls_failed"),
        (says(b"\x15\x03\x03\x00\x02\x02\x28").await, "tls_failed"),
        (says_and_closes(b"").await, "closed"),
        (resets().await, "reset"),
    ] {
        let observation = run("http", lab.check(address, "/", [])).await.unwrap();
        assert_eq!(outcome(&observation), want, "{:?}", observation.notes());
        nothing_answered(&observation);
    }
}

#[tokio::test]
async fn a_balancer_without_backend_is_not_the_service() {
    for (answer, want) in [
        (&b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"[..], false),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", true),
    ] {
        let check = get(&format!("http://{}/", says(answer).await));
        let probe = (family("http").unwrap().build)(&check).unwrap();
        assert_eq!(probe.answered(&run("http", check).await.unwrap()), want);
    }
}

#[tokio::test]
async fn repeated_headers_are_joined() {
    let address = says(b"HTTP/1.0 204 No Content\r\nVia: a\r\nX: 1\r\nvia: b\r\n\r\n").await;
    let observation = run("http", get(&format!("http://{address}/"))).await.unwrap();
    assert_eq!(fact(&observation, "headers"), &serde_json::json!({"via": "a, b", "x": "1"}));
    assert_eq!(fact(&observation, "version"), "HTTP/1.0");
    assert_eq!((fact(&observation, "body.size"), fact(&observation, "status")), (&Value::from(0), &Value::from(204)));
}

#[tokio::test]
async fn the_lab_outlives_bad_clients_and_stops_when_dropped() {
    let lab = Lab::start().await;
    let (https, http) = (lab.web.https(), lab.web.http());
    for address in [https, http] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(b"\x00nonsense\r\n\r\n").await.unwrap();
        // Its end may be a reset, since it need not read all of the nonsense.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    let long = Arg::Map(vec![("x".into(), text("y".repeat(100_000)))]);
    let observation = run("http", lab.check(https, "/", [("headers", long), ("version", text("1.1"))])).await.unwrap();
    assert_ne!(observation.last("status"), Some(&Value::from(200)), "the head is bounded");
    let more = [("method", text("POST")), ("body", text("x".repeat(1_100_000)))];
    let observation = run("http", lab.check(https, "/echo", more)).await.unwrap();
    assert_eq!(fact(&observation, "status"), 413, "the body is bounded");
    assert_eq!(fact(&run("http", lab.check(https, "/none", [])).await.unwrap(), "status"), 404);
    let after = lab.check(https, "/", []);
    let Lab { web, folder, .. } = lab;
    drop(web);
    while tokio::net::TcpStream::connect(https).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(outcome(&run("http", after).await.unwrap()), "refused");
    drop(folder);
}
