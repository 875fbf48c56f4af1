//! Routes of the lab's web servers.

use std::convert::Infallible;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Request, Response, StatusCode};
use serde_json::json;

/// Bytes of `/big`.
pub const BIG: usize = 2 * 1024 * 1024;
/// Most bytes of a request's body; `/echo` sends them back.
const ECHO: usize = 1024 * 1024;
/// Longest wait of `/slow`.
const SLOWEST: u64 = 60_000;

/// Answers one request: `/`, `/health`, `/redirect?to=`, `/slow?ms=`, `/echo`, `/big`.
pub(super) async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let query = |name: &str| {
        let pairs = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
        pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    Ok(match request.uri().path() {
        "/" => text(StatusCode::OK, "shakedown lab\n"),
        "/health" => document(&json!({"status": "ok", "version": "1.0.0"})),
        "/redirect" => redirect(&query("to").unwrap_or_else(|| "/".to_owned())),
        "/slow" => {
            let wait = query("ms").and_then(|ms| ms.parse::<u64>().ok()).unwrap_or(1000).min(SLOWEST);
            tokio::time::sleep(Duration::from_millis(wait)).await;
            text(StatusCode::OK, "at last\n")
        }
        "/echo" => echo(request).await,
        "/big" => with(StatusCode::OK, "application/octet-stream", Bytes::from(vec![b'x'; BIG])),
        _ => text(StatusCode::NOT_FOUND, "no such page\n"),
    })
}

async fn echo(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, ECHO).collect().await else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "too much\n");
    };
    let headers: serde_json::Map<String, serde_json::Value> = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    document(&json!({
        "method": head.method.as_str(),
        "authority": head.uri.authority().map(ToString::to_string),
        "headers": headers,
        "body": String::from_utf8_lossy(&body.to_bytes()),
    }))
}

fn redirect(to: &str) -> Response<Full<Bytes>> {
    let Ok(target) = HeaderValue::from_str(to) else {
        return text(StatusCode::BAD_REQUEST, "no such target\n");
    };
    let mut response = text(StatusCode::FOUND, "elsewhere\n");
    response.headers_mut().insert(LOCATION, target);
    response
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    with(status, "text/plain", Bytes::from_static(body.as_bytes()))
}

fn document(value: &serde_json::Value) -> Response<Full<Bytes>> {
    with(StatusCode::OK, "application/json", Bytes::from(value.to_string()))
}

fn with(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
