//! A small file over plain HTTP, within limits of size and time. For what is signed by itself, such as revocation
//! lists, which are published over HTTP on purpose (RFC 5280, 8): TLS there would need a list to trust the server of lists.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use url::{Host, Url};

use super::{Limits, Version, send};
use crate::model::Fault;
use crate::net::{IpVersion, connect, deadline, resolve};

/// More than a timer is late by itself: what ends first inside knows why nothing came.
const LAST_WORD: Duration = Duration::from_millis(3);
const LIMITS: Limits = Limits { head: 16 * 1024, window: None };

/// Fetches `url` within `patience` in all, at most `most` bytes; redirects are not followed. The inner `Err` says what the
/// other side did instead: a fact. The outer one is a fault of this side.
pub async fn get(url: &str, most: usize, patience: Duration) -> Result<Result<Vec<u8>, String>, Fault> {
    match deadline::within(patience, ask(url, most, patience)).await {
        Ok(got) => got,
        Err(_) => Ok(Err(format!("not fetched within {patience:?}"))),
    }
}

async fn ask(text: &str, most: usize, patience: Duration) -> Result<Result<Vec<u8>, String>, Fault> {
    let url = match Url::parse(text) {
        Ok(url) if url.scheme() == "http" => url,
        Ok(url) => return Ok(Err(format!("{} is not fetched, only http is", url.scheme()))),
        Err(error) => return Ok(Err(format!("it is no URL: {error}"))),
    };
    let port = url.port_or_known_default().unwrap_or(80);
    let found = match url.host() {
        Some(Host::Ipv4(address)) => Ok(vec![address.into()]),
        Some(Host::Ipv6(address)) => Ok(vec![address.into()]),
        Some(Host::Domain(name)) => resolve(&name.into(), IpVersion::Any, patience).await?.map(|found| found.list),
        None => Err("it names no host".to_owned()),
    };
    let addresses = match found {
        Ok(addresses) => addresses,
        Err(why) => return Ok(Err(why)),
    };
    let mut last = "it has no address".to_owned();
    for address in addresses.into_iter().take(2) {
        let peer = SocketAddr::new(address, port);
        match connect(peer, None, (patience / 2).saturating_sub(LAST_WORD)).await? {
            Ok(dialled) => {
                return Ok(exchange(dialled.stream, &url, most).await.map_err(|why| format!("{peer}: {why}")));
            }
            Err(error) => last = format!("{peer}: {}", error.word()),
        }
    }
    Ok(Err(last))
}

async fn exchange(stream: tokio::net::TcpStream, url: &Url, most: usize) -> Result<Vec<u8>, String> {
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let request = hyper::Request::get(target)
        .header(hyper::header::HOST, url[url::Position::BeforeHost..url::Position::AfterPort].to_owned())
        .header(hyper::header::USER_AGENT, concat!("shakedown/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("HTTP: {error}"))?;
    let response =
        send(stream, Version::Http1, LIMITS, request).await.map_err(|error| format!("HTTP: {}", error.why()))?;
    if response.head.status != hyper::StatusCode::OK {
        return Err(format!("HTTP {}", response.head.status));
    }
    let (mut body, mut out) = (response.body, Vec::new());
    loop {
        match body.next().await {
            Ok(None) => return Ok(out),
            Ok(Some(data)) if out.len() + data.len() > most => return Err(format!("it has more than {most} bytes")),
            Ok(Some(data)) => out.extend_from_slice(&data),
            Err(none) => return Err(format!("the body breaks off after {} bytes: {}", out.len(), none.why)),
        }
    }
}
