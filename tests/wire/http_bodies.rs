//! Family `http`: bodies that are coded, cut or documents, and the request exactly as it is sent.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use shakedown::model::{Arg, Observation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::script::{args, fact, run, server, text};

/// What is seen of an answer with this head and body; `fields` beside `url`.
async fn seen<const N: usize>(head: &str, body: &[u8], fields: [(&'static str, Arg); N]) -> Observation {
    let answer = [format!("HTTP/1.1 200 OK\r\n{head}content-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat();
    seen_of(answer, fields).await
}

/// What is seen of an answer, byte for byte.
async fn seen_of<const N: usize>(answer: Vec<u8>, fields: [(&'static str, Arg); N]) -> Observation {
    let address = server(move |mut stream| {
        let answer = answer.clone();
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(&answer).await;
            let _ = stream.read(&mut [0; 16]).await;
        }
    })
    .await;
    let mut all = args([("url", text(format!("http://{address}/"))), ("timeout", Arg::Number(10.0))]);
    all.0.extend(fields);
    run("http", all).await.unwrap()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_coded_body_is_judged_as_it_was_before() {
    let document = format!("{{\"status\": \"ok\", \"fill\": \"{}\"}}", "x".repeat(1000));
    let coded = gzip(document.as_bytes());
    let observation = seen("content-encoding: gzip\r\n", &coded, []).await;
    assert_eq!(fact(&observation, "body.json")["status"], "ok");
    assert_eq!(fact(&observation, "body"), document.as_str());
    assert_eq!(fact(&observation, "body.size"), coded.len(), "what was transferred");
    assert_eq!(fact(&observation, "body.decoded_size"), document.len());
    assert_eq!(fact(&observation, "body.truncated"), false);
    assert!(observation.partial("body").is_none());
    let plain = seen("", b"plain", []).await;
    assert_eq!((fact(&plain, "body.size"), fact(&plain, "body.decoded_size")), (&json!(5), &json!(5)));
}

#[tokio::test]
async fn a_body_of_another_coding_is_not_judged_and_a_broken_one_is_no_answer() {
    let observation = seen("content-encoding: compress\r\n", b"abc", []).await;
    assert_eq!(fact(&observation, "outcome"), "answered");
    assert!(observation.last("body").is_none() && observation.last("body.json").is_none());
    assert!(observation.partial("body").unwrap().contains("compress is not known"));
    assert!(observation.partial("body.json").is_some() && observation.partial("body.decoded_size").is_some());
    let broken = seen("content-encoding: gzip\r\n", b"not gzip at all", []).await;
    assert_eq!(fact(&broken, "outcome"), "malformed");
    assert!(broken.notes().iter().any(|note| note.contains("the body is not gzip, as its content-encoding says")));
    assert!(broken.last("status").is_none());
}

/// An old page in Latin-1 hides no word from a check.
#[tokio::test]
async fn a_body_is_read_in_the_charset_it_names() {
    let latin = b"<p>St\xf6rung</p>";
    let named = seen("content-type: text/html; charset=ISO-8859-1\r\n", latin, []).await;
    assert_eq!(fact(&named, "body"), "<p>Störung</p>");
    assert!(named.partial("body").is_none());
    let nameless = seen("content-type: text/html\r\n", latin, []).await;
    assert!(nameless.partial("body").unwrap().contains("not UTF-8, and its content-type names no charset"));
    let unknown = seen("content-type: text/html; charset=utf-7\r\n", b"+AOk-", []).await;
    assert!(unknown.partial("body").unwrap().contains("charset utf-7 is not known"));
    let utf16: Vec<u8> = "{\"a\": \"é\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide = seen("content-type: application/json; charset=utf-16le\r\n", &utf16, []).await;
    assert_eq!(fact(&wide, "body.json")["a"], "é");
    let marked = seen("", b"\xef\xbb\xbf{\"a\": 1}", []).await;
    assert_eq!(fact(&marked, "body.json")["a"], 1, "a byte order mark is no part of a document");
}

#[tokio::test]
async fn a_document_that_may_be_read_in_two_ways_says_so() {
    let seen_of = async |body: &'static str| seen("", body.as_bytes(), []).await;
    let twice = seen_of("{\"status\": \"down\", \"status\": \"up\"}").await;
    assert_eq!(fact(&twice, "body.json")["status"], "up");
    assert!(twice.notes().iter().any(|note| note.contains("the name `status` more than once")), "{:?}", twice.notes());
    assert!(seen_of("{\"a\": {\"b\": 1}, \"b\": 2}").await.notes().is_empty());
}

#[tokio::test]
async fn what_is_not_read_here_is_not_the_servers_fault() {
    let deep = "[".repeat(500) + &"]".repeat(500);
    let observation = seen("content-type: application/json\r\n", deep.as_bytes(), []).await;
    assert!(observation.partial("body.json").unwrap().contains("nested deeper"));
    assert!(observation.partial("body").is_none(), "its text was seen");
    let broken = seen("content-type: application/json\r\n", b"[[", []).await;
    assert!(broken.partial("body.json").is_none() && broken.last("body.json").is_none());
    let no_text = seen("content-type: application/json\r\n", b"{\"a\": \"\xff\"}", []).await;
    assert!(no_text.last("body.json").is_none(), "JSON is UTF-8, and what stands for other bytes is not sent");
    let coded = seen("content-encoding: compress\r\n", b"abc", []).await;
    assert!(coded.notes().iter().any(|note| note.contains("3 bytes of body came, and cannot be read")));
}

/// Nobody may use it unasked; a word is found in it by chance alone.
#[tokio::test]
async fn a_body_whose_transfer_is_coded_is_not_judged() {
    let coded = gzip(b"ok");
    let body = [format!("{:x}\r\n", coded.len()).as_bytes(), &coded, b"\r\n0\r\n\r\n"].concat();
    let answer = [b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", body.as_slice()].concat();
    let observation = seen_of(answer, []).await;
    assert_eq!(fact(&observation, "outcome"), "answered");
    assert!(observation.partial("body").unwrap().contains("transfer-encoding gzip is not undone here"));
    assert!(observation.last("body").is_none());
}

#[tokio::test]
async fn what_is_cut_says_so() {
    let limit = || ("limit", Arg::Number(10.0));
    let observation = seen("", b"0123456789abcdef", [limit()]).await;
    assert_eq!(fact(&observation, "body"), "0123456789");
    assert_eq!(fact(&observation, "body.size"), 16);
    assert!(observation.partial("body").unwrap().contains("only 10 bytes of the body are kept (`limit`)"));
    assert!(observation.partial("body.json").is_some());
    assert!(observation.partial("body.size").is_none() && observation.partial("body.decoded_size").is_none());
    // A bomb: counted to the limit of decoding, never kept.
    let bomb = gzip(&vec![b'0'; 70 * 1024 * 1024]);
    let observation = seen("content-encoding: gzip\r\n", &bomb, [("limit", Arg::Number(100_000.0))]).await;
    assert_eq!(fact(&observation, "body").as_str().unwrap().len(), 100_000);
    assert!(observation.partial("body.decoded_size").unwrap().contains("decoding stops"));
    // Cut before it could be decoded to its end.
    let observation = seen("content-encoding: gzip\r\n", &bomb, [limit()]).await;
    assert_eq!(fact(&observation, "body"), "0000000000");
    assert!(observation.partial("body.decoded_size").unwrap().contains("of a coded body"));
    // More than is ever read.
    let observation = seen("", &vec![b'0'; 65 * 1024 * 1024], [limit()]).await;
    assert_eq!(observation.partial("body.size"), Some("reading stops after 64 MiB"));
    assert!(observation.partial("body.decoded_size").unwrap().contains("reading stops"));
    let whole = seen("", b"0123456789", [limit()]).await;
    assert!(whole.partial("body").is_none(), "just as long as the limit");
}

#[tokio::test]
async fn any_json_is_a_document_and_cookies_are_a_list() {
    for (kind, body, want) in [
        ("text/plain", "true", json!(true)),
        ("text/plain", "9007199254740993", json!(9_007_199_254_740_993_u64)),
        ("text/html", "\"ok\"", json!("ok")),
        ("application/octet-stream", "[1, 2]", json!([1, 2])),
        ("application/json", "null", json!(null)),
    ] {
        let observation = seen(&format!("content-type: {kind}\r\n"), body.as_bytes(), []).await;
        assert_eq!(observation.last("body.json").cloned().unwrap_or_default(), want, "{kind} {body}");
    }
    let none = seen("content-type: text/plain\r\n", b"hello", []).await;
    assert!(none.last("body.json").is_none() && none.partial("body.json").is_none());
    let head = "set-cookie: a=1; expires=Sun, 06 Nov 2094 08:49:37 GMT\r\nset-cookie: b=2\r\nvary: x\r\nvary: y\r\n";
    let headers = fact(&seen(head, b"", []).await, "headers").clone();
    assert_eq!(headers["set-cookie"], json!(["a=***; expires=Sun, 06 Nov 2094 08:49:37 GMT", "b=***"]));
    assert_eq!(headers["vary"], "x, y");
}

/// The head of the request that a check sends.
async fn request<const N: usize>(path: &str, fields: [(&'static str, Arg); N]) -> (String, Observation) {
    let (sender, mut receiver) = mpsc::channel(1);
    let address = server(move |mut stream| {
        let sender = sender.clone();
        async move {
            let mut buffer = vec![0; 4096];
            let length = stream.read(&mut buffer).await.unwrap_or(0);
            let _ = sender.send(String::from_utf8_lossy(&buffer[..length]).into_owned()).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        }
    })
    .await;
    let mut all = args([("url", text(format!("http://{address}{path}"))), ("timeout", Arg::Number(10.0))]);
    all.0.extend(fields);
    let observation = run("http", all).await.unwrap();
    (receiver.recv().await.unwrap(), observation)
}

#[tokio::test]
async fn the_url_is_sent_as_it_is_written() {
    for (written, sent) in [
        ("/a/%2e%2e/b", "/a/%2e%2e/b"),
        ("/a/../b/./c", "/a/../b/./c"),
        ("/%2E%2E/etc", "/%2E%2E/etc"),
        ("//double//slash", "//double//slash"),
        ("/q?a=1&b=%20&c", "/q?a=1&b=%20&c"),
        ("/empty?", "/empty?"),
        ("?only=query", "/?only=query"),
        ("", "/"),
        ("/über weg", "/%C3%BCber%20weg"),
        ("/f#fragment", "/f"),
    ] {
        let (head, observation) = request(written, []).await;
        let line = head.lines().next().unwrap_or_default();
        assert_eq!(line, format!("GET {sent} HTTP/1.1"), "{written}");
        let url = fact(&observation, "url").as_str().unwrap().to_owned();
        assert!(url.ends_with(written.split('#').next().unwrap()), "{url}");
    }
}

#[tokio::test]
async fn a_request_without_a_body_says_so_where_one_is_expected() {
    for (method, length) in
        [("POST", true), ("PUT", true), ("PATCH", true), ("GET", false), ("DELETE", false), ("HEAD", false)]
    {
        let (head, _) = request("/", [("method", text(method))]).await;
        assert_eq!(head.to_lowercase().contains("content-length: 0"), length, "{method}: {head}");
        assert!(!head.to_lowercase().contains("accept-encoding"), "nothing is asked for coded: {head}");
    }
    let asked = Arg::Map([("accept-encoding".to_owned(), text("gzip, br"))].into());
    let (head, _) = request("/", [("headers", asked)]).await;
    assert_eq!(head.to_lowercase().matches("accept-encoding: gzip, br\r\n").count(), 1, "{head}");
    let (head, _) = request("/", [("method", text("POST")), ("body", text("abc"))]).await;
    assert!(head.to_lowercase().contains("content-length: 3"), "{head}");
}
