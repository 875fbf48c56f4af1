//! Family `tls` over QUIC.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use quinn::crypto::rustls::QuicServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::UdpSocket;

use crate::script::{args, asking_config, fact, run, text};
use shakedown::checks::family;
use shakedown::lab::pki::{Identity, NAME, OTHER_NAME, Pki};
use shakedown::model::{Arg, Args, Observation, Value};

struct Lab {
    pki: Pki,
    folder: tempfile::TempDir,
}

/// A QUIC server that accepts whoever gets through the handshake; it stops when dropped.
pub struct Server {
    pub addr: SocketAddr,
    endpoint: quinn::Endpoint,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.endpoint.close(0_u32.into(), b"");
    }
}

pub fn serve(config: Arc<rustls::ServerConfig>) -> Server {
    let crypto = QuicServerConfig::try_from(config).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let endpoint = quinn::Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let (addr, accepting) = (endpoint.local_addr().unwrap(), endpoint.clone());
    tokio::spawn(async move {
        while let Some(incoming) = accepting.accept().await {
            tokio::spawn(async move {
                if let Ok(connection) = incoming.await {
                    connection.closed().await;
                }
            });
        }
    });
    Server { addr, endpoint }
}

impl Lab {
    async fn new() -> Self {
        let lab = Self { pki: Pki::new().unwrap(), folder: tempfile::tempdir().unwrap() };
        lab.pki.write_ca(&lab.ca()).await.unwrap();
        lab
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn file(&self, name: &str, content: &str) -> Arg {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        text(path.to_str().unwrap())
    }

    /// A check of `addr` that trusts this authority.
    fn check(&self, addr: SocketAddr, more: &[(&'static str, Arg)]) -> Args {
        let mut all = args([
            ("host", text(addr.ip().to_string())),
            ("port", Arg::Integer(addr.port().into())),
            ("timeout", Arg::Number(20.0)),
            ("transport", text("quic")),
            ("sni", text(NAME)),
            ("ca_file", text(self.ca().to_str().unwrap())),
        ]);
        all.0.extend(more.iter().cloned());
        all
    }

    fn serve(&self, identity: &Identity, alpn: &[&str]) -> Server {
        let _ = &self.pki;
        serve(identity.server(alpn).unwrap())
    }
}

fn outcome(observation: &Observation) -> &str {
    fact(observation, "outcome").as_str().unwrap()
}

#[tokio::test]
async fn a_good_certificate_verifies_and_every_fact_is_there() {
    let lab = Lab::new().await;
    let server = lab.serve(&lab.pki.good, &["h3"]);
    let observation = run("tls", lab.check(server.addr, &[])).await.unwrap();
    assert_eq!(outcome(&observation), "completed", "{:?}", observation.notes());
    assert_eq!(fact(&observation, "verified"), &Value::Bool(true));
    for (name, value) in [("version", "TLS1.3"), ("group", "X25519MLKEM768"), ("alpn", "h3"), ("key", "ECDSA P-256")] {
        assert_eq!(fact(&observation, name), value);
    }
    assert!(fact(&observation, "cipher").as_str().unwrap().starts_with("TLS_AES_"));
    assert_eq!(fact(&observation, "san"), &serde_json::json!(["localhost", NAME, "127.0.0.1"]));
    let tls = family("tls").unwrap();
    let elsewhere = |name: &str| tls.modes.iter().any(|mode| mode.facts.iter().any(|info| info.name == name));
    let sometimes = ["alert", "verify_error", "connect_time", "ocsp.status", "ocsp.error", "ocsp.next_update_in"];
    let missing = tls.facts.iter().map(|info| info.name).filter(|name| {
        !sometimes.contains(name)
            && !elsewhere(name)
            && observation.last(name).is_none()
            && observation.merged(name).is_none()
    });
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&str>::new());
    let fields = [("alpn", Arg::List(vec![text("hq"), text("doq")]))];
    let server = lab.serve(&lab.pki.good, &["doq"]);
    let observation = run("tls", lab.check(server.addr, &fields)).await.unwrap();
    assert_eq!(fact(&observation, "alpn"), "doq");
}

#[tokio::test]
async fn a_wrong_certificate_keeps_its_facts() {
    let lab = Lab::new().await;
    let server = lab.serve(&lab.pki.expired, &["h3"]);
    let observation = run("tls", lab.check(server.addr, &[])).await.unwrap();
    assert_eq!(outcome(&observation), "completed");
    assert_eq!(fact(&observation, "verified"), &Value::Bool(false));
    assert!(fact(&observation, "verify_error").as_str().unwrap().starts_with("expired since"));
    assert!(fact(&observation, "expires_in").as_f64().unwrap() < 0.0);
    let server = lab.serve(&lab.pki.wrong_name, &["h3"]);
    let observation = run("tls", lab.check(server.addr, &[])).await.unwrap();
    assert_eq!(fact(&observation, "verified"), &Value::Bool(false));
    assert_eq!(fact(&observation, "san"), &serde_json::json!([OTHER_NAME]));
}

#[tokio::test]
async fn a_server_of_another_protocol_refuses() {
    let lab = Lab::new().await;
    let server = lab.serve(&lab.pki.good, &["doq"]);
    let observation = run("tls", lab.check(server.addr, &[])).await.unwrap();
    assert_eq!(outcome(&observation), "alert", "{:?}", observation.notes());
    assert_eq!(fact(&observation, "alert"), "no_application_protocol");
    assert!(observation.last("verified").is_none());
}

#[tokio::test]
async fn a_client_certificate_is_asked_for_and_its_lack_refused_late() {
    let lab = Lab::new().await;
    let mut config = asking_config(&lab.pki, &rustls::version::TLS13, false);
    config.alpn_protocols = vec![b"h3".to_vec()];
    let server = serve(Arc::new(config));
    let observation = run("tls", lab.check(server.addr, &[])).await.unwrap();
    assert_eq!(outcome(&observation), "alert", "{:?}", observation.notes());
    assert_eq!(fact(&observation, "alert"), "certificate_required");
    assert!(observation.last("verified").is_none() && observation.last("san").is_some());
    let known = [
        ("client_cert", lab.file("client.pem", lab.pki.good.chain_pem())),
        ("client_key", lab.file("client.key", lab.pki.good.key_pem())),
    ];
    let observation = run("tls", lab.check(server.addr, &known)).await.unwrap();
    assert_eq!(outcome(&observation), "completed", "{:?}", observation.notes());
    assert!(observation.notes().iter().any(|note| note.contains("asked for a client certificate")));
}

#[tokio::test]
async fn a_silent_port_is_a_timeout_and_a_closed_one_refuses() {
    let lab = Lab::new().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    let observation = run("tls", lab.check(addr, &[("timeout", Arg::Number(0.3))])).await.unwrap();
    assert_eq!(outcome(&observation), "timeout");
    assert!(observation.last("verified").is_none() && observation.merged("handshake_time").is_none());
    drop(socket);
    let observation = run("tls", lab.check(addr, &[])).await.unwrap();
    assert_eq!(outcome(&observation), "refused", "{:?}", observation.notes());
    let server = lab.serve(&lab.pki.good, &["h3"]);
    let mut nowhere = lab.check(server.addr, &[("ip_version", text("ipv6"))]);
    nowhere.0.remove("ca_file");
    assert_eq!(outcome(&run("tls", nowhere).await.unwrap()), "unresolved");
}

#[tokio::test]
async fn the_group_is_seen_after_a_second_hello() {
    let lab = Lab::new().await;
    let mut provider = (*shakedown::proto::tls::provider()).clone();
    // Offered by the client, but without a key share at first.
    provider.kx_groups.retain(|group| group.name() == rustls::NamedGroup::secp384r1);
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain(&lab.pki), key(&lab.pki))
        .unwrap();
    config.alpn_protocols = vec![b"h3".to_vec()];
    let server = serve(Arc::new(config));
    let observation = run("tls", lab.check(server.addr, &[])).await.unwrap();
    assert_eq!(fact(&observation, "group"), "secp384r1");
    assert_eq!(fact(&observation, "verified"), &Value::Bool(true));
}

#[tokio::test]
async fn a_chain_of_a_hundred_certificates_ends() {
    let lab = Lab::new().await;
    let mut long = chain(&lab.pki);
    let root = long.last().unwrap().clone();
    long.extend(std::iter::repeat_n(root, 99));
    let mut config = rustls::ServerConfig::builder_with_provider(shakedown::proto::tls::provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(long, key(&lab.pki))
        .unwrap();
    config.alpn_protocols = vec![b"h3".to_vec()];
    let server = serve(Arc::new(config));
    let observation = run("tls", lab.check(server.addr, &[])).await.unwrap();
    assert_eq!(outcome(&observation), "completed", "{:?}", observation.notes());
    assert_eq!(fact(&observation, "chain.length"), 101);
}

pub fn chain(pki: &Pki) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pki.good.chain_pem().as_bytes()).map(Result::unwrap).collect()
}

pub fn key(pki: &Pki) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(pki.good.key_pem().as_bytes()).unwrap()
}

#[test]
fn quic_is_tls_1_3() {
    let family = family("tls").unwrap();
    let more = [("host", text("192.0.2.1")), ("transport", text("quic")), ("max_version", text("TLS1.2"))];
    assert_eq!((family.build)(&args(more)).err().unwrap().field, "max_version");
    let more = [("host", text("192.0.2.1")), ("transport", text("quic")), ("starttls", text("smtp"))];
    assert_eq!((family.build)(&args(more)).err().unwrap().field, "starttls");
}

/// P-521 with the private key 1: the public key is the generator, and the secret the other side's x coordinate.
#[derive(Debug)]
struct P521;

const GENERATOR: &str = "0400c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de33\
    48b3c1856a429bf97e7e31c2e5bd66011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761\
    353c7086a272c24088be94769fd16650";

impl rustls::crypto::SupportedKxGroup for P521 {
    fn start(&self) -> Result<Box<dyn rustls::crypto::ActiveKeyExchange>, rustls::Error> {
        let hex = GENERATOR.as_bytes().chunks(2);
        let share = hex.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
        Ok(Box::new(Begun(share)))
    }

    fn name(&self) -> rustls::NamedGroup {
        rustls::NamedGroup::secp521r1
    }
}

struct Begun(Vec<u8>);

impl rustls::crypto::ActiveKeyExchange for Begun {
    fn complete(self: Box<Self>, theirs: &[u8]) -> Result<rustls::crypto::SharedSecret, rustls::Error> {
        Ok(rustls::crypto::SharedSecret::from(&theirs[1..67]))
    }

    fn pub_key(&self) -> &[u8] {
        &self.0
    }

    fn group(&self) -> rustls::NamedGroup {
        rustls::NamedGroup::secp521r1
    }
}

#[tokio::test]
async fn a_server_beyond_the_offer_is_errored_over_quic_too() {
    let lab = Lab::new().await;
    let mut provider = (*shakedown::proto::tls::provider()).clone();
    provider.kx_groups = vec![&P521];
    let chain = CertificateDer::pem_slice_iter(lab.pki.good.chain_pem().as_bytes()).map(Result::unwrap).collect();
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(lab.pki.good.key_pem().as_bytes()).unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"h3".to_vec()];
    let server = serve(Arc::new(config));
    let fault = run("tls", lab.check(server.addr, &[])).await.unwrap_err();
    assert!(fault.detail.contains("takes only groups or keys that this program does not offer"), "{fault}");
    assert!(fault.detail.contains("secp384r1"), "{fault}");
}
