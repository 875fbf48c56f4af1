//! The shop: web servers with certificates of its own authority, which answer as the state of the world says.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The token of the page about secrets.
pub const TOKEN: &str = "a-token-nobody-may-see";

/// What a login is answered with.
const SESSION: &str = "a-session-nobody-may-see";

/// A chain and its key, as PEM.
pub struct Identity {
    chain: String,
    key: String,
}

/// The authority, and what it issued.
pub struct Issued {
    ca: String,
    good: Identity,
    renewed: Identity,
    expired: Identity,
    client: Identity,
}

const NAMES: [&str; 3] = ["www.shop.example", "api.shop.example", "new.shop.example"];

impl Issued {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Shop CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        days(&mut params, -300, 3000);
        let ca = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self {
            good: leaf(&issuer, -10, 80),
            renewed: leaf(&issuer, -1, 89),
            expired: leaf(&issuer, -95, -5),
            client: leaf(&issuer, -1, 89),
            ca,
        }
    }

    /// What lies in the folder of every page.
    pub fn files(&self) -> [(&str, &str); 3] {
        [("ca.pem", &self.ca), ("client.pem", &self.client.chain), ("client.key", &self.client.key)]
    }

    fn config(&self, identity: &Identity, clients: bool) -> Arc<ServerConfig> {
        let provider = shakedown::proto::tls::provider();
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.ca.as_bytes()).unwrap()).unwrap();
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
        let builder = if clients { builder.with_client_cert_verifier(verifier) } else { builder.with_no_client_auth() };
        let chain = CertificateDer::pem_slice_iter(identity.chain.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

fn leaf(issuer: &Issuer<'_, KeyPair>, from: i64, until: i64) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(NAMES.map(str::to_owned).to_vec()).unwrap();
    params.distinguished_name.push(DnType::CommonName, NAMES[0]);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    days(&mut params, from, until);
    Identity { chain: params.signed_by(&key, issuer).unwrap().pem(), key: key.serialize_pem() }
}

/// Valid between two days counted from today.
fn days(params: &mut CertificateParams, from: i64, until: i64) {
    let day = |offset: i64| {
        let when = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(offset * 86_400);
        let date = when.to_zoned(jiff::tz::TimeZone::UTC).date();
        rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    (params.not_before, params.not_after) = (day(from), day(until));
}

/// One server: how it answers is a matter of the state and of its own address.
#[derive(Clone)]
pub struct Site {
    pub address: SocketAddr,
    pub state: String,
    /// The certificates it shows, in turn; none over plain HTTP.
    pub configs: Vec<Arc<ServerConfig>>,
}

impl Site {
    /// A server over plain HTTP.
    pub fn plain(address: SocketAddr, state: &str) -> Self {
        Self { address, state: state.to_owned(), configs: Vec::new() }
    }

    /// A server over TLS.
    pub fn secure(address: SocketAddr, state: &str, issued: &Issued) -> Self {
        let host = address.ip().to_string();
        let clients = host == "192.0.2.30" && state != "no-client-certificate-asked-for";
        let good = issued.config(&issued.good, clients);
        let configs = match state {
            "expired-certificate" if host == "192.0.2.12" => vec![issued.config(&issued.expired, clients)],
            "new-release" => vec![issued.config(&issued.renewed, clients)],
            "one-bad-instance" => vec![good.clone(), good.clone(), good, issued.config(&issued.expired, clients)],
            _ => vec![good],
        };
        Self { address, state: state.to_owned(), configs }
    }

    /// Serves for as long as the task is not aborted.
    pub async fn serve(self, listener: TcpListener) {
        let turn = Arc::new(AtomicUsize::new(0));
        while let Ok((stream, _)) = listener.accept().await {
            let (site, turn) = (self.clone(), turn.clone());
            tokio::spawn(async move {
                let Some(at) = turn.fetch_add(1, Ordering::Relaxed).checked_rem(site.configs.len()) else {
                    return site.answer(stream).await;
                };
                if let Ok(stream) = TlsAcceptor::from(site.configs[at].clone()).accept(stream).await {
                    site.answer(stream).await;
                }
            });
        }
    }

    async fn answer(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") && request.len() < 64 * 1024 {
            match stream.read_u8().await {
                Ok(byte) => request.push(byte),
                Err(_) => return,
            }
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        let path = request.split(' ').nth(1).unwrap_or("/");
        let (status, headers, body) = self.page(path, &request);
        // It is this that is measured.
        tokio::time::sleep(self.takes()).await;
        let mut response = Vec::new();
        write!(
            response,
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}",
            body.len()
        )
        .unwrap();
        let _ = stream.write_all(&response).await;
        let _ = stream.shutdown().await;
    }

    /// How long it thinks: long enough that a busy machine does not matter beside it.
    fn takes(&self) -> Duration {
        let slow = match self.state.as_str() {
            "slow-release" => self.address.ip().to_string() == "192.0.2.20",
            "slow-backend" => true,
            _ => false,
        };
        Duration::from_millis(if slow { 120 } else { 20 })
    }

    /// Status, headers and body of a path.
    fn page(&self, path: &str, request: &str) -> (&'static str, String, String) {
        let state = self.state.as_str();
        if self.configs.is_empty() && self.address.port() == 80 {
            return match state {
                "no-redirect" => ("200 OK", "content-type: text/plain\r\n".to_owned(), "the shop\n".to_owned()),
                _ => ("301 Moved Permanently", format!("location: https://www.shop.example{path}\r\n"), String::new()),
            };
        }
        let release = if state == "new-release" { "1.5.0" } else { "1.4.0" };
        let hsts =
            if state == "no-hsts" { "" } else { "strict-transport-security: max-age=31536000; includeSubDomains\r\n" };
        let headers = format!("server: shop\r\ncontent-type: application/json\r\n{hsts}");
        match path {
            "/" if state == "redirect-loop" => {
                ("302 Found", "location: https://www.shop.example/\r\n".to_owned(), String::new())
            }
            "/health" if state == "unhealthy" => {
                ("503 Service Unavailable", headers, "{\"status\": \"database unreachable\"}\n".to_owned())
            }
            "/login" if request.contains(TOKEN) => {
                ("200 OK", headers, format!("{{\"token\": \"{SESSION}\", \"customer\": 4711}}\n"))
            }
            "/login" => ("401 Unauthorized", headers, "{\"error\": \"unknown key\"}\n".to_owned()),
            "/customers/4711/orders" if request.contains(SESSION) => {
                ("200 OK", headers, "{\"orders\": []}\n".to_owned())
            }
            "/orders" if !request.to_lowercase().contains(&format!("authorization: bearer {TOKEN}")) => {
                ("401 Unauthorized", headers, "{\"error\": \"no valid token\"}\n".to_owned())
            }
            _ => ("200 OK", headers, format!("{{\"status\": \"ok\", \"version\": \"{release}\"}}\n")),
        }
    }
}
