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

/// An answer to a GET, with these lines of the head and this body.
async fn answered<const N: usize>(
    head: &str,
    body: &str,
    fields: [(&'static str, Arg); N],
) -> shakedown::model::Observation {
    let answer = format!("HTTP/1.1 200 OK\r\n{head}content-length: {}\r\n\r\n{body}", body.len()).leak();
    let words: &'static [&'static str] = vec![&*answer].leak();
    let (address, _heard) = listens(words).await;
    let mut all = args([("url", text(format!("http://{address}/a/b"))), ("timeout", Arg::Number(10.0))]);
    all.0.extend(fields);
    run("http", all).await.unwrap()
}

#[tokio::test]
async fn what_headers_ask_for_is_told_without_the_values_of_cookies() {
    let head = "cache-control: max-age=60, private\r\nalt-svc: h3=\":443\"\r\nset-cookie: id=s3cr3t; HttpOnly; SameSite=Lax\r\n\
                set-cookie: t=s3cr3t; Secure\r\nset-cookie: id=s3cr3t; Path=/x\r\nstrict-transport-security: max-age=5\r\n";
    let observation = answered(head, "", []).await;
    assert_eq!(
        (fact(&observation, "cache.max_age").as_f64(), fact(&observation, "cache.private")),
        (Some(60.0), &true.into())
    );
    assert_eq!(fact(&observation, "alt_svc"), &serde_json::json!(["h3=:443"]));
    assert!(
        observation.last("hsts.max_age").is_none() && observation.notes().iter().any(|note| note.contains("over http"))
    );
    let cookies = observation.last_rows("cookies").unwrap();
    let keys: Vec<&str> = cookies.rows.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["t", "id", "id; path=/x"], "what browsers reject comes first");
    let row = |key: &str| cookies.object(cookies.row(key, shakedown::model::typed::Form::Plain).unwrap());
    assert_eq!(row("t")["rejected"], "`Secure` over http");
    assert_eq!((&row("id")["http_only"], &row("id")["same_site"]), (&true.into(), &"lax".into()));
    assert!(!format!("{observation:?}").contains("s3cr3t"), "{observation:?}");
    let twice = answered("cache-control: max-age=1\r\ncache-control: s-maxage=3, max-age=2\r\n", "", []).await;
    assert!(twice.last("cache.max_age").is_none() && fact(&twice, "cache.s_maxage").as_f64() == Some(3.0));
    assert!(twice.notes().iter().any(|note| note.contains("`max-age` more than once")), "{:?}", twice.notes());
}

#[tokio::test]
async fn a_body_has_a_digest_and_is_queried() {
    let queries = [("jsonpath", Arg::Map(vec![("one".into(), text("$.a[0]")), ("all".into(), text("$.a[?@ > 1]"))]))];
    let observation = answered("", "{\"a\":[1,2,3]}", queries.clone()).await;
    assert_eq!(fact(&observation, "jsonpath"), &serde_json::json!({"one": 1, "all": [2, 3]}));
    let digest = "730bc329ebcd24c6c9663ca4bb0e199a090dbf9d9d1058651d8560236abb1095";
    assert_eq!(fact(&observation, "body.sha256"), digest);
    let empty = answered("", "", queries.clone()).await;
    assert_eq!(fact(&empty, "body.sha256"), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert!(empty.last("jsonpath").is_none() && empty.partial("jsonpath").is_none());
    let [query] = queries;
    let cut = answered("", "{\"a\":[1,2,3]}", [query, ("limit", Arg::Number(5.0))]).await;
    assert!(cut.last("jsonpath").is_none() && cut.partial("jsonpath").is_some(), "what was not read is not judged");
    assert_eq!(fact(&cut, "body.sha256"), fact(&observation, "body.sha256"), "it counts on beyond the limit");
}

#[tokio::test]
async fn cookies_are_kept_from_one_redirect_to_the_next() {
    let to_b = "HTTP/1.1 302 Found\r\nlocation: /b\r\nset-cookie: id=1; Path=/\r\nset-cookie: only=a; Path=/a\r\nset-cookie: s=2; Path=/; Domain=shop.example\r\n\
        content-length: 0\r\nconnection: close\r\n\r\n";
    let (sender, mut heard) = unbounded_channel();
    let address = server(move |mut stream| {
        let sender = sender.clone();
        async move {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&buffer[..count]).into_owned();
            let answer = if request.starts_with("GET /a") { to_b } else { OK };
            let _ = sender.send(request);
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    })
    .await;
    let own = Arg::Map(vec![("cookie".into(), text("mine=0"))]);
    let all = args([
        ("url", text(format!("http://{address}/a"))),
        ("timeout", Arg::Number(10.0)),
        ("follow", Arg::Integer(2)),
        ("headers", own),
    ]);
    assert_eq!(fact(&run("http", all).await.unwrap(), "status"), 200);
    assert!(heard.recv().await.unwrap().contains("cookie: mine=0\r\n"));
    assert!(heard.recv().await.unwrap().contains("cookie: mine=0; id=1\r\n"));
    // A site of this server that is asked for by `host` has cookies for its own name.
    let own = Arg::Map(vec![("host".into(), text("www.shop.example"))]);
    let all = args([
        ("url", text(format!("http://{address}/a"))),
        ("timeout", Arg::Number(10.0)),
        ("follow", Arg::Integer(2)),
        ("headers", own.clone()),
    ]);
    assert_eq!(fact(&run("http", all).await.unwrap(), "status"), 200);
    heard.recv().await.unwrap();
    assert!(heard.recv().await.unwrap().contains("cookie: id=1; s=2\r\n"));
    let all = args([("url", text(format!("http://{address}/a"))), ("timeout", Arg::Number(10.0)), ("headers", own)]);
    let seen = run("http", all).await.unwrap();
    let rows = seen.last_rows("cookies").unwrap();
    let rejected: Vec<bool> =
        rows.rows.iter().map(|row| rows.object(row.1).get("rejected").is_none_or(serde_json::Value::is_null)).collect();
    assert_eq!(rejected, [true; 3], "browsers of that site take them all");
}

#[tokio::test]
async fn an_address_in_place_of_the_name_is_for_that_host_alone() {
    // Listens on another address of loopback alone.
    let there = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap();
    let port = there.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = there.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(OK.as_bytes()).await;
        }
    });
    let leads = format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.2:{port}/\r\ncontent-length: 0\r\n\r\n").leak();
    let words: &'static [&'static str] = vec![&*leads].leak();
    let (address, _heard) = listens(words).await;
    let all = args([
        ("url", text(format!("http://site.invalid:{}/", address.port()))),
        ("resolve", text("127.0.0.1")),
        ("timeout", Arg::Number(10.0)),
        ("follow", Arg::Integer(1)),
    ]);
    let seen = run("http", all).await.unwrap();
    assert_eq!((fact(&seen, "status"), fact(&seen, "address")), (&200.into(), &"127.0.0.2".into()));
}
