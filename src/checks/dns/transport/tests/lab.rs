//! One authority, and a DNS server for the lab's zone over every encrypted transport.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hickory_server::Server;
use hickory_server::zone_handler::Catalog;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, UdpSocket};

use super::More;
use crate::lab::dns::catalog;
use crate::lab::pki::{Identity, NAME, Pki};
use crate::model::Arg;
use crate::proto::tls::provider;

const IDLE: Duration = Duration::from_mins(1);

pub(super) struct Lab {
    pub(super) pki: Pki,
    folder: tempfile::TempDir,
}

/// A server over one transport; it ends when dropped.
pub(super) struct Running {
    pub(super) addr: SocketAddr,
    _server: Server<Catalog>,
}

impl Lab {
    pub(super) async fn new() -> Self {
        let lab = Self { pki: Pki::new().unwrap(), folder: tempfile::tempdir().unwrap() };
        lab.pki.write_ca(&lab.ca()).await.unwrap();
        lab
    }

    pub(super) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Fields of a check that trusts this authority and asks for the name of its certificates.
    pub(super) fn fields(&self, transport: &str) -> More {
        super::trusting(transport, &self.ca(), NAME)
    }

    /// A server with the application protocol of its transport.
    pub(super) async fn serve(&self, transport: &str, identity: &Identity) -> Running {
        let (_, alpn) = super::ENCRYPTED.into_iter().find(|(name, _)| *name == transport).unwrap();
        self.serve_as(transport, identity, &[alpn]).await
    }

    /// A server that agrees to `alpn` only.
    pub(super) async fn serve_as(&self, transport: &str, identity: &Identity, alpn: &[&str]) -> Running {
        self.serve_with(transport, identity.server(alpn).unwrap()).await
    }

    /// The configuration of a server that wants a certificate of this authority from its clients.
    pub(super) fn asking(&self, alpn: &str) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pki.ca_pem().as_bytes()).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider()).build().unwrap();
        let chain = CertificateDer::pem_slice_iter(self.pki.good.chain_pem().as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(self.pki.good.key_pem().as_bytes()).unwrap();
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        Arc::new(config)
    }

    /// A file for a field of a check.
    pub(super) fn file(&self, name: &str, content: &str) -> Arg {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        Arg::Text(path.to_str().unwrap().into())
    }

    pub(super) async fn serve_with(&self, transport: &str, tls: Arc<ServerConfig>) -> Running {
        let mut server = Server::new(catalog().unwrap());
        let here = (Ipv4Addr::LOCALHOST, 0);
        let addr = match transport {
            "dot" | "doh" => {
                let listener = TcpListener::bind(here).await.unwrap();
                let addr = listener.local_addr().unwrap();
                if transport == "dot" {
                    server.register_tls_listener_with_tls_config(listener, IDLE, tls).unwrap();
                } else {
                    let (host, path) = (Some(NAME.to_owned()), "/dns-query".to_owned());
                    server.register_https_listener_with_tls_config(listener, IDLE, tls, host, path).unwrap();
                }
                addr
            }
            _ => {
                let socket = UdpSocket::bind(here).await.unwrap();
                let addr = socket.local_addr().unwrap();
                if transport == "doq" {
                    server.register_quic_listener_and_tls_config(socket, IDLE, tls).unwrap();
                } else {
                    server.register_h3_listener_with_tls_config(socket, IDLE, tls, None).unwrap();
                }
                addr
            }
        };
        Running { addr, _server: server }
    }
}
