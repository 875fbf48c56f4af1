//! Servers that do exactly what a test says, and probes run against them.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use shakedown::checks::family;
use shakedown::lab::pki::Pki;
use shakedown::model::{Arg, Args, Fault, Observation, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::observe::observe;

/// A server on loopback that plays `script` with every client, until the test's runtime ends.
pub async fn server<F, Fut>(script: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(script(stream));
        }
    });
    address
}

/// Reads something, says `words`, and hangs up after the client did.
pub async fn says(words: &'static [u8]) -> SocketAddr {
    server(move |mut stream| async move {
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer).await;
        let _ = stream.write_all(words).await;
        let _ = stream.read(&mut buffer).await;
    })
    .await
}

/// Reads something, says `words`, and hangs up.
pub async fn says_and_closes(words: &'static [u8]) -> SocketAddr {
    server(move |mut stream| async move {
        let _ = stream.read(&mut [0; 16384]).await;
        let _ = stream.write_all(words).await;
    })
    .await
}

/// Accepts and resets.
pub async fn resets() -> SocketAddr {
    server(|mut stream| async move {
        let _ = stream.read(&mut [0; 16384]).await;
        let _ = stream.set_zero_linger();
    })
    .await
}

/// A TLS server that reads a little and hangs up.
pub async fn accepting(config: rustls::ServerConfig) -> SocketAddr {
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.flush().await;
                let _ = stream.read(&mut [0; 16]).await;
            }
        }
    })
    .await
}

/// A TLS server that insists on a client certificate issued by the lab's authority.
pub async fn asking(pki: &Pki, version: &'static rustls::SupportedProtocolVersion) -> SocketAddr {
    accepting(asking_config(pki, version, false)).await
}

/// The configuration of a server that asks for a client certificate, and does without if `optional`.
pub fn asking_config(
    pki: &Pki,
    version: &'static rustls::SupportedProtocolVersion,
    optional: bool,
) -> rustls::ServerConfig {
    let provider = shakedown::proto::tls::provider();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pki.ca_pem().as_bytes()).unwrap()).unwrap();
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let chain = CertificateDer::pem_slice_iter(pki.good.chain_pem().as_bytes()).map(Result::unwrap).collect();
    let verifier = if optional { verifier.allow_unauthenticated() } else { verifier };
    rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(pki.good.key_pem().as_bytes()).unwrap())
        .unwrap()
}

/// A port on which nobody listens.
pub async fn nobody() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap()
}

/// One run of a probe, with the arguments a suite would have given it.
pub async fn run(name: &str, args: Args) -> Result<Observation, Fault> {
    let family = family(name).expect("a registered family");
    let probe = (family.build)(&args).expect("valid arguments");
    let (observation, ended) = observe(&*probe).await;
    ended?;
    for round in observation.rounds() {
        for (fact, _) in round.facts() {
            assert!(family.facts.iter().any(|info| info.name == *fact), "{fact} is not in the table");
        }
    }
    Ok(observation)
}

/// Arguments from pairs.
pub fn args<const N: usize>(pairs: [(&'static str, Arg); N]) -> Args {
    Args(pairs.into_iter().collect())
}

/// Text argument.
pub fn text(text: impl Into<String>) -> Arg {
    let text: String = text.into();
    Arg::Text(text.into())
}

/// A fact that must be there.
pub fn fact<'o>(observation: &'o Observation, name: &str) -> &'o Value {
    observation
        .last(name)
        .unwrap_or_else(|| panic!("{name} is absent; seen {:?}; notes {:?}", observation.rounds(), observation.notes()))
}
