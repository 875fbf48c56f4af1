//! A small file over plain HTTP, within limits of size and time. For what is signed by itself, such as revocation
//! lists, which are published over HTTP on purpose (RFC 5280, 8): TLS there would need a list to trust the server of lists.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use url::{Host, Url};

use crate::model::Fault;
use crate::net::scope::Scope;
use crate::net::{IpVersion, connect, resolve};

/// Bytes of an answer's head.
const HEAD: usize = 16 * 1024;

/// Fetches `url` within `patience` in all, at most `most` bytes; redirects are not followed. The inner `Err` says what the
/// other side did instead: a fact. The outer one is a fault of this side.
pub async fn get(url: &str, most: usize, patience: Duration) -> Result<Result<Vec<u8>, String>, Fault> {
    match tokio::time::timeout(patience, ask(url, most, patience)).await {
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
        Some(Host::Domain(name)) => resolve(name, IpVersion::Any, patience).await?,
        None => Err("it names no host".to_owned()),
    };
    let addresses = match found {
        Ok(addresses) => addresses,
        Err(why) => return Ok(Err(why)),
    };
    let mut last = "it has no address".to_owned();
    for address in addresses.into_iter().take(2) {
        let peer = SocketAddr::new(address, port);
        match connect(peer, None, patience / 2).await? {
            Ok(dialled) => {
                return Ok(exchange(dialled.stream, &url, most).await.map_err(|why| format!("{peer}: {why}")));
            }
            Err(error) => last = format!("{peer}: {}", error.word()),
        }
    }
    Ok(Err(last))
}

async fn exchange(stream: tokio::net::TcpStream, url: &Url, most: usize) -> Result<Vec<u8>, String> {
    let scope = Scope::default();
    let mut client = hyper::client::conn::http1::Builder::new();
    client.max_buf_size(HEAD).max_header_size(HEAD).max_headers(100);
    let (mut sender, connection) =
        client.handshake(TokioIo::new(stream)).await.map_err(|error| format!("HTTP: {error}"))?;
    scope.spawner().spawn(connection);
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let request = hyper::Request::get(target)
        .header(hyper::header::HOST, url[url::Position::BeforeHost..url::Position::AfterPort].to_owned())
        .header(hyper::header::USER_AGENT, concat!("shakedown/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("HTTP: {error}"))?;
    let answer = sender.send_request(request).await.map_err(|error| format!("HTTP: {error}"))?;
    if answer.status() != hyper::StatusCode::OK {
        return Err(format!("HTTP {}", answer.status()));
    }
    body(answer.into_body(), most).await
}

async fn body(mut body: Incoming, most: usize) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| format!("the body breaks off after {} bytes: {error}", out.len()))?;
        let Ok(data) = frame.into_data() else { continue };
        if out.len() + data.len() > most {
            return Err(format!("it has more than {most} bytes"));
        }
        out.extend_from_slice(&data);
    }
    Ok(out)
}
