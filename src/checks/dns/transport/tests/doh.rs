//! HTTP servers that answer with something else than an answer.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::{Request, Response};
use tokio::time::{Duration, Interval, interval};

use super::flag;
use super::lab::Lab;
use super::servers::{good, https, quic};
use crate::checks::dns::Dns;
use crate::checks::dns::tests::observed;
use crate::model::Arg;
use crate::probe::Probe as _;
use crate::testing::{count, list, noted, text};

const MESSAGE: &str = "application/dns-message";

/// The query of a GET.
fn decoded(query: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(query.strip_prefix("dns=").unwrap()).unwrap()
}

async fn query(request: Request<Incoming>) -> Vec<u8> {
    request.into_body().collect().await.unwrap().to_bytes().to_vec()
}

fn response(status: u16, kind: Option<&str>, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(status);
    if let Some(kind) = kind {
        response = response.header("content-type", kind);
    }
    response.body(Full::new(body.into())).unwrap()
}

#[tokio::test]
async fn http_that_is_no_answer_is_an_http_error() {
    let lab = Lab::new().await;
    for (status, kind, length, why) in [
        (404, Some(MESSAGE), 0, "404 Not Found"),
        (500, Some("text/html"), 10, "500 Internal Server Error"),
        (
            200,
            Some("text/html; charset=utf-8"),
            10,
            "content type text/html; charset=utf-8, not application/dns-message",
        ),
        (200, None, 10, "no content type"),
        (200, Some(MESSAGE), 65_536, "more than the 65535 bytes"),
    ] {
        let (addr, _tasks) =
            https(&lab.pki.good, move |_| async move { response(status, kind, vec![b'x'; length]) }).await;
        let observation = observed(addr, "www.example", &lab.fields("doh")).await;
        assert_eq!(observation.text("outcome"), Some("http_error"), "{why}: {:?}", observation.notes());
        assert_eq!(count(&observation, "http.status"), i64::from(status), "{why}");
        assert_eq!(observation.text("http.content_type"), kind, "{why}");
        assert_eq!(flag(&observation, "tls.verified"), Some(true), "{why}");
        assert!(observation.last("rcode").is_none() && observation.merged("rtt").is_none(), "{why}");
        noted(&observation, why);
        assert!(!Dns::answered(&observation));
    }
}

#[tokio::test]
async fn a_header_that_is_cut_says_so() {
    let lab = Lab::new().await;
    let long = format!("text/{}", "x".repeat(300));
    let kind = long.clone();
    let (addr, _tasks) = https(&lab.pki.good, move |_| {
        let kind = kind.clone();
        async move { response(200, Some(&kind), "") }
    })
    .await;
    let observation = observed(addr, "www.example", &lab.fields("doh")).await;
    assert_eq!(observation.text("http.content_type"), Some(&long[..200]));
    assert_eq!(observation.partial("http.content_type"), Some("it has 305 bytes, of which 200 characters are kept"));
}

#[tokio::test]
async fn a_redirect_is_reported_and_not_followed() {
    let lab = Lab::new().await;
    let (addr, _tasks) = https(&lab.pki.good, |_| async {
        let mut response = response(302, None, "");
        response.headers_mut().insert("location", "https://elsewhere.example/dns-query".parse().unwrap());
        response
    })
    .await;
    let observation = observed(addr, "www.example", &lab.fields("doh")).await;
    assert_eq!(observation.text("outcome"), Some("http_error"));
    noted(&observation, "302 Found, to https://elsewhere.example/dns-query; nothing is followed");
}

#[tokio::test]
async fn the_request_is_as_the_rfc_wants_it() {
    let lab = Lab::new().await;
    let (addr, _tasks) = https(&lab.pki.good, |request: Request<Incoming>| async {
        let uri = request.uri().clone();
        assert_eq!(uri.authority().unwrap().host(), crate::lab::pki::NAME);
        assert_eq!(request.headers()["accept"], MESSAGE);
        assert!(request.headers().get("user-agent").is_none());
        let query = if request.method() == "GET" {
            decoded(uri.query().unwrap().strip_prefix("ct&").unwrap())
        } else {
            assert_eq!(request.headers()["content-type"], MESSAGE);
            query(request).await
        };
        assert_eq!(uri.path(), "/other");
        assert_eq!((query[0], query[1], query.len() % 128), (0, 0, 0), "id 0, padded");
        let mut response = response(200, Some("Application/DNS-Message; x=y"), good(&query));
        response.headers_mut().insert("age", "17".parse().unwrap());
        response.headers_mut().insert("cache-control", "private, max-age=61".parse().unwrap());
        response
    })
    .await;
    for method in ["GET", "POST"] {
        let mut fields = lab.fields("doh");
        fields.extend([("path", text("/other?ct")), ("method", text(method))]);
        let observation = observed(addr, "www.example", &fields).await;
        assert_eq!(observation.text("outcome"), Some("answered"), "{method}: {:?}", observation.notes());
        assert_eq!(list(&observation, "answers"), ["192.0.2.1"]);
        assert_eq!(observation.last("http.age").unwrap().as_f64(), Some(17.0));
        assert_eq!(observation.last("http.max_age").unwrap().as_f64(), Some(61.0));
        noted(&observation, "caches may keep the response for 61 s, longer than its shortest TTL of 60 s");
    }
}

#[tokio::test]
async fn another_answer_than_the_one_asked_for_is_discarded() {
    let lab = Lab::new().await;
    let (addr, _tasks) = https(&lab.pki.good, |request| async {
        let mut reply = good(&query(request).await);
        reply[13] = b'x';
        response(200, Some(MESSAGE), reply)
    })
    .await;
    let observation = observed(addr, "www.example", &lab.fields("doh")).await;
    assert_eq!(observation.text("outcome"), Some("malformed"));
    assert_eq!(count(&observation, "discarded"), 1);
    noted(&observation, "its question is xww.example. IN A");
}

/// One byte, then another, and so on without end.
struct Drip(Interval);

impl Body for Drip {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_tick(cx).map(|_| Some(Ok(Frame::data(Bytes::from_static(b"x")))))
    }
}

#[tokio::test]
async fn a_body_that_drips_without_end_ends_in_time() {
    let lab = Lab::new().await;
    let (addr, _tasks) = https(&lab.pki.good, |_| async {
        let body = Drip(interval(Duration::from_millis(200)));
        Response::builder().header("content-type", MESSAGE).body(body).unwrap()
    })
    .await;
    let mut fields = lab.fields("doh");
    fields.push(("timeout", Arg::Number(3.0)));
    let observation = observed(addr, "www.example", &fields).await;
    assert_eq!(observation.text("outcome"), Some("timeout"), "{:?}", observation.notes());
    noted(&observation, "still waiting for");
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout() {
    let lab = Lab::new().await;
    let (addr, _tasks) = https(&lab.pki.good, |_| async {
        std::future::pending::<()>().await;
        response(200, None, "")
    })
    .await;
    let mut fields = lab.fields("doh");
    // The handshake has to fit in as well.
    fields.push(("timeout", Arg::Number(3.0)));
    let observation = observed(addr, "www.example", &fields).await;
    assert_eq!(observation.text("outcome"), Some("timeout"), "{:?}", observation.notes());
    noted(&observation, "the head of the HTTP response");
}

/// A response of one HTTP/3 server for every request.
async fn http3(
    lab: &Lab,
    status: u16,
    kind: &'static str,
    body: impl Fn(&[u8]) -> Vec<u8> + Clone + Send + Sync + 'static,
) -> (std::net::SocketAddr, crate::lab::Tasks) {
    quic(&lab.pki.good, "h3", move |connection| {
        let body = body.clone();
        async move {
            let mut server =
                h3::server::Connection::<_, Bytes>::new(h3_quinn::Connection::new(connection)).await.unwrap();
            while let Ok(Some(resolver)) = server.accept().await {
                let (request, mut stream) = resolver.resolve_request().await.unwrap();
                let mut query = request.uri().query().map(decoded).unwrap_or_default();
                while let Some(part) = stream.recv_data().await.unwrap() {
                    use hyper::body::Buf as _;
                    query.extend_from_slice(part.chunk());
                }
                let head = Response::builder().status(status).header("content-type", kind).body(()).unwrap();
                let _ = stream.send_response(head).await;
                let _ = stream.send_data(Bytes::from(body(&query))).await;
                let _ = stream.finish().await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn the_same_holds_in_http3() {
    let lab = Lab::new().await;
    for (status, kind, length, why) in [
        (404, MESSAGE, 0, "404 Not Found"),
        (200, "text/html", 10, "content type text/html"),
        (200, MESSAGE, 70_000, "more than the 65535 bytes"),
    ] {
        let (addr, _tasks) = http3(&lab, status, kind, move |_| vec![b'x'; length]).await;
        let observation = observed(addr, "www.example", &lab.fields("doh3")).await;
        assert_eq!(observation.text("outcome"), Some("http_error"), "{why}: {:?}", observation.notes());
        noted(&observation, why);
    }
    let (addr, _tasks) = http3(&lab, 200, MESSAGE, good).await;
    for method in ["POST", "GET"] {
        let mut fields = lab.fields("doh3");
        fields.push(("method", text(method)));
        let observation = observed(addr, "www.example", &fields).await;
        assert_eq!(list(&observation, "answers"), ["192.0.2.1"], "{method}: {:?}", observation.notes());
    }
}
