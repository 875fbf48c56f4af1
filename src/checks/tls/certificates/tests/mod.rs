//! Servers with more than one certificate, more than one address, a staple, or an authority with a list.

mod addresses;
mod enumeration;
mod revocation;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{
    CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, KeyIdMethod, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, RevokedCertParams, RsaKeySize, SerialNumber,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::handshake_check::HandshakeCheck;
use crate::checks::family;
use crate::checks::shared::tls_fields::trust;
use crate::model::{Arg, Args, Observation};
use crate::proto::tls::tests::chains::{Ca, root};
use crate::proto::tls::tests::ocsp::Draft;
use crate::proto::tls::{now, provider};
use crate::testing::{self, Written, fact, observe_with, table, text};

const NAME: &str = "www.real.test";
const DAY: i64 = 86_400;

/// Of the clock that the probe uses.
#[allow(clippy::cast_possible_truncation)]
fn today() -> i64 {
    now() as i64
}

/// Valid between two days counted from today.
fn valid(params: &mut CertificateParams, from: i64, until: i64) {
    let day = |offset: i64| {
        let when = jiff::Timestamp::from_second(today() + offset * DAY).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
        rcgen::date_time_ymd(when.year().into(), when.month().unsigned_abs(), when.day().unsigned_abs())
    };
    params.not_before = day(from);
    params.not_after = day(until);
}

struct Lab {
    ca: Ca,
    folder: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let ca = root("top", (2020, 2090));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), ca.certificate.pem()).unwrap();
        Self { ca, folder }
    }

    /// A certificate of a kind of key, valid from yesterday until that many days from now, or before if negative.
    fn certificate(&self, kind: &str, until: i64, more: impl FnOnce(&mut CertificateParams)) -> Arc<CertifiedKey> {
        let key = match kind {
            "rsa" => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
            "ed25519" => KeyPair::generate_for(&PKCS_ED25519),
            _ => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        };
        let key = key.unwrap();
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.distinguished_name.remove(rcgen::DnType::CommonName);
        params.distinguished_name.push(rcgen::DnType::CommonName, NAME);
        valid(&mut params, until.min(0) - 30, until);
        more(&mut params);
        let der = params.signed_by(&key, &self.ca.issuer).unwrap().der().clone();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Arc::new(CertifiedKey::new(vec![der], provider().key_provider.load_private_key(key).unwrap()))
    }

    fn args(&self, address: SocketAddr, more: Written<'_>) -> Args {
        let common = [
            ("host", text(&address.ip().to_string())),
            ("port", Arg::Integer(address.port().into())),
            ("sni", text(NAME)),
            ("ca_file", text(self.folder.path().join("ca.pem").to_str().unwrap())),
            ("timeout", Arg::Number(20.0)),
        ];
        testing::args(common, more)
    }

    async fn observed(&self, address: SocketAddr, more: Written<'_>) -> Observation {
        let probe = (family("tls").unwrap().build)(&self.args(address, more)).unwrap();
        let (observation, ended) = testing::observe(&*probe).await;
        ended.unwrap();
        observation
    }
}

fn all() -> [(&'static str, Arg); 1] {
    [("certificates", Arg::Text("all".into()))]
}

/// Shows the first of its certificates that the client can use; another list without SNI.
#[derive(Debug)]
struct Shelf {
    named: Vec<Arc<CertifiedKey>>,
    nameless: Vec<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Shelf {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let list = if hello.server_name().is_some() { &self.named } else { &self.nameless };
        list.iter().find(|key| key.key.choose_scheme(hello.signature_schemes()).is_some()).cloned()
    }
}

fn config(named: &[&Arc<CertifiedKey>], nameless: &[&Arc<CertifiedKey>]) -> ServerConfig {
    let owned = |list: &[&Arc<CertifiedKey>]| list.iter().map(|key| Arc::clone(key)).collect();
    let shelf = Shelf { named: owned(named), nameless: owned(nameless) };
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shelf))
}

async fn listen(address: impl Into<IpAddr>, port: u16) -> TcpListener {
    TcpListener::bind((address.into(), port)).await.unwrap()
}

fn serve<F, Fut>(listener: TcpListener, script: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(script(stream));
        }
    });
    address
}

fn shaking(listener: TcpListener, config: ServerConfig) -> SocketAddr {
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    serve(listener, move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.flush().await;
                let _ = stream.read(&mut [0; 16]).await;
            }
        }
    })
}

async fn tls(config: ServerConfig) -> SocketAddr {
    shaking(listen(Ipv4Addr::LOCALHOST, 0).await, config)
}

#[test]
fn every_word_of_lint_is_in_the_readme() {
    let readme = family("tls").unwrap().readme;
    let words: Vec<&str> = readme.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for rule in crate::proto::tls::lint::RULES {
        assert!(words.contains(&rule.word), "{} is not explained", rule.word);
    }
}
