//! Servers that follow a script, below TLS and QUIC that are as they should be.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioIo};
use quinn::crypto::rustls::QuicServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::lab::Tasks;
use crate::lab::pki::Identity;

/// A TLS server that plays `script` with every client, until its `Tasks` end.
pub(super) async fn tls<F, Fut>(identity: &Identity, alpn: &str, script: F) -> (SocketAddr, Tasks)
where
    F: Fn(TlsStream<TcpStream>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(identity.server(&[alpn]).unwrap());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut tasks = Tasks::default();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                script(stream).await;
            }
        }
    });
    (addr, tasks)
}

/// An HTTP/2 server that answers every request as `answer` says.
pub(super) async fn https<F, Fut, B>(identity: &Identity, answer: F) -> (SocketAddr, Tasks)
where
    F: Fn(hyper::Request<hyper::body::Incoming>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = hyper::Response<B>> + Send + 'static,
    B: hyper::body::Body<Data = hyper::body::Bytes, Error = std::convert::Infallible> + Send + 'static,
{
    tls(identity, "h2", move |stream| {
        let answer = answer.clone();
        async move {
            let service = hyper::service::service_fn(move |request| {
                let answer = answer(request);
                async move { Ok::<_, std::convert::Infallible>(answer.await) }
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        }
    })
    .await
}

/// A QUIC server that plays `script` with every connection.
pub(super) async fn quic<F, Fut>(identity: &Identity, alpn: &str, script: F) -> (SocketAddr, Tasks)
where
    F: Fn(quinn::Connection) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let crypto = QuicServerConfig::try_from(identity.server(&[alpn]).unwrap()).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let endpoint = quinn::Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let addr = endpoint.local_addr().unwrap();
    let mut tasks = Tasks::default();
    tasks.spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            let script = script.clone();
            tokio::spawn(async move {
                if let Ok(connection) = incoming.await {
                    script(connection).await;
                }
            });
        }
    });
    (addr, tasks)
}

/// A good answer to a query without EDNS: one A record of 192.0.2.1.
pub(super) fn good(query: &[u8]) -> Vec<u8> {
    let question = query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let mut reply = query[..12 + question].to_vec();
    reply[2] |= 0x80;
    (reply[7], reply[11]) = (1, 0);
    reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    reply
}

/// With its length before it.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    crate::proto::dns::exchange::framed(message)
}
