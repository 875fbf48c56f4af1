//! A small file over plain HTTP, within limits of size and time. For what is signed by itself, such as revocation
//! lists, which are published over HTTP on purpose (RFC 5280, 8): TLS there would need a list to trust the server of lists.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http_body_util::Empty;
use hyper::body::Bytes;
use tokio::net::TcpStream;
use tokio::time::Instant;
use url::{Host, Url};

use super::{FailureKind, ResponseLimits, Version, send};
use crate::model::Fault;
use crate::model::shell::{self, command};
use crate::net::{Addresses, IpVersion, Origin, connect, deadline, resolve};

/// More than a timer is late by itself: what ends first inside knows why nothing came.
const LAST_WORD: Duration = Duration::from_millis(3);
/// Addresses of a name that are tried.
const ADDRESSES: usize = 8;
const LIMITS: ResponseLimits = ResponseLimits { head: 16 * 1024, window: None };

/// Fetches `url` within `patience` in all, at most `most` bytes; redirects are not followed. The inner `Err` says what the
/// other side did instead: a fact. The outer one is a fault of this side.
pub async fn get(url: &str, most: usize, patience: Duration) -> Result<Result<Vec<u8>, String>, Fault> {
    match deadline::within(patience, ask(url, most, patience)).await {
        Ok(got) => got,
        Err(_) => Ok(Err(format!("not fetched within {patience:?}"))),
    }
}

async fn ask(text: &str, most: usize, patience: Duration) -> Result<Result<Vec<u8>, String>, Fault> {
    let begun = Instant::now();
    let url = match Url::parse(text) {
        Ok(url) if url.scheme() == "http" => url,
        Ok(url) => return Ok(Err(format!("{} is not fetched, only http is", url.scheme()))),
        Err(error) => return Ok(Err(format!("it is no URL: {error}"))),
    };
    let found = match url.host() {
        Some(Host::Ipv4(address)) => Ok(Addresses { list: vec![address.into()], partial: None }),
        Some(Host::Ipv6(address)) => Ok(Addresses { list: vec![address.into()], partial: None }),
        Some(Host::Domain(name)) => resolve(&name.into(), IpVersion::Any, patience).await?,
        None => Err("it names no host".to_owned()),
    };
    match found {
        Ok(addresses) => ask_one_of(addresses, &url, most, begun + patience).await,
        Err(why) => Ok(Err(why)),
    }
}

/// The command that fetches the same.
fn by_hand(url: &Url) -> String {
    command(&format!("curl -sSv -o /dev/null {}", shell::word(url.as_str())))
}

async fn ask_one_of(
    addresses: Addresses,
    url: &Url,
    most: usize,
    end: Instant,
) -> Result<Result<Vec<u8>, String>, Fault> {
    let Addresses { list, partial } = addresses;
    let port = url.port_or_known_default().unwrap_or(80);
    let untried =
        (list.len() > ADDRESSES).then(|| format!("only {ADDRESSES} of its {} addresses are tried", list.len()));
    let peers: Vec<SocketAddr> =
        list.into_iter().take(ADDRESSES).map(|address| SocketAddr::new(address, port)).collect();
    match (reach(&peers, end).await?, untried.or(partial)) {
        (Ok((peer, stream)), _) => match exchange(stream, url, most).await {
            Ok(bytes) => Ok(Ok(bytes)),
            Err((FailureKind::TooLarge, why)) => {
                let remedy = format!("fetch it by hand, and see how large it is: {}", by_hand(url));
                Err(Fault::local("fetch a file", url.as_str(), format!("{peer}: {why}"), remedy))
            }
            Err((_, why)) => Ok(Err(format!("{peer}: {why}"))),
        },
        (Err(why), None) => Ok(Err(why)),
        // An address that was not tried may have it.
        (Err(why), Some(more)) => {
            let remedy = format!("fetch it by hand: {}", by_hand(url));
            Err(Fault::local("fetch a file", url.as_str(), format!("{why}; {more}"), remedy))
        }
    }
}

/// Connects to the first of `peers` that can be reached before `end`: the next one beside the last once half of the time left is
/// over, or at once when that failed. None is given up before the end, since this host's own filter shows only after a second
/// ([`crate::net::this_host::syn`]). The inner `Err` says what came of the last one, the outer one that this side is to blame for one.
async fn reach(peers: &[SocketAddr], end: Instant) -> Result<Result<(SocketAddr, TcpStream), String>, Fault> {
    let left = || end.saturating_duration_since(Instant::now()).saturating_sub(LAST_WORD);
    let mut waiting = peers.iter();
    let mut running = FuturesUnordered::new();
    let (mut fault, mut last) = (None, "it has no address".to_owned());
    loop {
        if let Some(peer) = waiting.next() {
            running.push(async move { (*peer, connect(*peer, Origin::default(), left()).await) });
        }
        let patience = if waiting.len() > 0 { left() / 2 } else { left() + 2 * LAST_WORD };
        match deadline::within(patience, running.next()).await {
            Ok(Some((peer, Ok(Ok(dialled))))) => return Ok(Ok((peer, dialled.stream))),
            Ok(Some((peer, Ok(Err(error))))) => last = format!("{peer}: {}", error.word()),
            Ok(Some((_, Err(why)))) => fault = fault.or(Some(why)),
            Ok(None) => break,
            Err(_) if waiting.len() > 0 => {}
            Err(_) => break,
        }
    }
    fault.map_or(Ok(Err(last)), Err)
}

async fn exchange(stream: TcpStream, url: &Url, most: usize) -> Result<Vec<u8>, (FailureKind, String)> {
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let request = hyper::Request::get(target)
        .header(hyper::header::HOST, url[url::Position::BeforeHost..url::Position::AfterPort].to_owned())
        .header(hyper::header::USER_AGENT, concat!("shakedown/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|error| (FailureKind::Malformed, format!("HTTP: {error}")))?;
    let response = send(stream, Version::Http1, LIMITS, request).await;
    let response = response.map_err(|none| (none.kind, format!("HTTP: {}", none.why)))?;
    if response.head.status != hyper::StatusCode::OK {
        return Err((FailureKind::Malformed, format!("HTTP {}", response.head.status)));
    }
    let (mut body, mut out) = (response.body, Vec::new());
    loop {
        match body.next().await {
            Ok(None) => return Ok(out),
            Ok(Some(data)) if out.len() + data.len() > most => {
                return Err((FailureKind::TooLarge, format!("it has more than the {most} bytes that are read")));
            }
            Ok(Some(data)) => out.extend_from_slice(&data),
            Err(none) => {
                return Err((none.kind, format!("the body breaks off after {} bytes: {}", out.len(), none.why)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_was_not_tried_leaves_it_open() {
        // Bound and not listening: every connection is refused.
        let held = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        held.bind(&SocketAddr::from(([127, 0, 0, 77], 0)).into()).unwrap();
        let port = held.local_addr().unwrap().as_socket().unwrap().port();
        let url = Url::parse(&format!("http://lists.example:{port}/ca.crl")).unwrap();
        let asked = async |count: usize, partial: Option<&str>| {
            let list = vec![[127, 0, 0, 77].into(); count];
            let addresses = Addresses { list, partial: partial.map(str::to_owned) };
            ask_one_of(addresses, &url, 1000, Instant::now() + Duration::from_secs(9)).await
        };
        assert!(asked(8, None).await.unwrap().unwrap_err().contains("refused"));
        let many = asked(9, None).await.unwrap_err();
        assert!(many.detail.contains("refused; only 8 of its 9 addresses are tried"), "{many:?}");
        let half = asked(1, Some("its AAAA records could not be looked up")).await.unwrap_err();
        assert!(half.detail.contains("refused; its AAAA records"), "{half:?}");
    }
}
