//! Web servers of the lab: https and http with a few routes, and two whose certificates are wrong.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::pki::{Identity, Pki};
use super::{Tasks, routes};
use crate::model::Fault;
use crate::net::scope::{Scope, Spawner};

/// How long a client may take for the handshake, and for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
const HEAD: usize = 64 * 1024;
/// HTTP/2 streams per connection.
const STREAMS: u32 = 64;

/// Running servers; they stop when this is dropped.
#[derive(Debug)]
pub struct WebLab {
    https: SocketAddr,
    http: SocketAddr,
    expired: SocketAddr,
    wrong_name: SocketAddr,
    _accepting: Tasks,
    _serving: Scope,
}

impl WebLab {
    /// Starts all servers on 127.0.0.1, each on a port of the system's choice.
    pub async fn start(pki: &Pki) -> Result<Self, Fault> {
        let mut accepting = Tasks::default();
        let serving = Scope::default();
        let spawner = serving.spawner();
        let secure = |identity: &Identity| identity.server(&["h2", "http/1.1"]).map(Some);
        let https = serve(&mut accepting, &spawner, secure(&pki.good)?).await?;
        let http = serve(&mut accepting, &spawner, None).await?;
        let expired = serve(&mut accepting, &spawner, secure(&pki.expired)?).await?;
        let wrong_name = serve(&mut accepting, &spawner, secure(&pki.wrong_name)?).await?;
        Ok(Self { https, http, expired, wrong_name, _accepting: accepting, _serving: serving })
    }

    /// https with a good certificate, HTTP/2 and HTTP/1.1.
    #[must_use]
    pub const fn https(&self) -> SocketAddr {
        self.https
    }

    /// The same routes without TLS, HTTP/1.1 and HTTP/2 with prior knowledge.
    #[must_use]
    pub const fn http(&self) -> SocketAddr {
        self.http
    }

    /// https with an expired certificate.
    #[must_use]
    pub const fn expired(&self) -> SocketAddr {
        self.expired
    }

    /// https with a certificate for another name.
    #[must_use]
    pub const fn wrong_name(&self) -> SocketAddr {
        self.wrong_name
    }
}

async fn serve(accepting: &mut Tasks, spawner: &Spawner, tls: Option<Arc<ServerConfig>>) -> Result<SocketAddr, Fault> {
    let fault = |error: std::io::Error| {
        Fault::local("start the lab's web server", "127.0.0.1", error.to_string(), "check the limit of open files")
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(fault)?;
    let address = listener.local_addr().map_err(fault)?;
    let spawner = spawner.clone();
    accepting.spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (tls, inner) = (tls.clone(), spawner.clone());
                    spawner.spawn(async move { serve_connection(stream, tls, inner).await });
                }
                // Out of descriptors, or the client left before it was accepted: neither ends the server.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
    Ok(address)
}

/// One connection. Its errors are the client's business.
async fn serve_connection(stream: TcpStream, tls: Option<Arc<ServerConfig>>, spawner: Spawner) {
    let _ = stream.set_nodelay(true);
    let Some(config) = tls else {
        let mut start = [0_u8; 4];
        // "PRI " is how HTTP/2 with prior knowledge begins, and no method of HTTP/1.1.
        let peeked = tokio::time::timeout(PATIENCE, stream.peek(&mut start)).await;
        if let Ok(Ok(count)) = peeked {
            serve_http(stream, start.get(..count) == Some(b"PRI "), spawner).await;
        }
        return;
    };
    let accepted = tokio::time::timeout(PATIENCE, TlsAcceptor::from(config).accept(stream)).await;
    if let Ok(Ok(stream)) = accepted {
        let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        serve_http(stream, two, spawner).await;
    }
}

async fn serve_http<S>(stream: S, two: bool, spawner: Spawner)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(routes::answer);
    if two {
        let mut server = hyper::server::conn::http2::Builder::new(spawner);
        server.timer(TokioTimer::new()).max_concurrent_streams(STREAMS).max_header_list_size(64 * 1024);
        let _ = server.serve_connection(TokioIo::new(stream), service).await;
    } else {
        let mut server = hyper::server::conn::http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(HEAD).max_header_size(HEAD);
        let _ = server.serve_connection(TokioIo::new(stream), service).await;
    }
}
