//! Family `tls`.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::script::{
    accepting, args, asking, asking_config, fact, nobody, resets, run, says, says_and_closes, server, text,
};
use crate::tls_quic;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use shakedown::checks::family;
use shakedown::lab::pki::{NAME, OTHER_NAME, Pki};
use shakedown::lab::web::WebLab;
use shakedown::model::{Arg, Args, Observation, Value};

struct Lab {
    pki: Pki,
    web: WebLab,
    folder: tempfile::TempDir,
}

impl Lab {
    async fn start() -> Self {
        let pki = Pki::new().unwrap();
        let web = WebLab::start(&pki).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        pki.write_ca(&folder.path().join("ca.pem")).await.unwrap();
        Self { pki, web, folder }
    }

    fn file(&self, name: &str) -> Arg {
        text(self.folder.path().join(name).to_str().unwrap())
    }

    /// A check of `address` that trusts the lab.
    fn check<const N: usize>(&self, address: SocketAddr, more: [(&'static str, Arg); N]) -> Args {
        let mut all = to(address);
        all.0.insert("ca_file", self.file("ca.pem"));
        all.0.extend(more);
        all
    }
}

fn to(address: SocketAddr) -> Args {
    args([
        ("host", text(address.ip().to_string())),
        ("port", Arg::Integer(address.port().into())),
        ("timeout", Arg::Number(5.0)),
    ])
}

fn with<const N: usize>(mut all: Args, more: [(&'static str, Arg); N]) -> Args {
    all.0.extend(more);
    all
}

fn outcome(observation: &Observation) -> &str {
    fact(observation, "outcome").as_str().unwrap()
}

#[tokio::test]
async fn a_good_certificate_verifies_and_every_fact_is_there() {
    let lab = Lab::start().await;
    let alpn = Arg::List(vec![text("h2"), text("http/1.1")]);
    let observation = run("tls", lab.check(lab.web.https(), [("sni", text(NAME)), ("alpn", alpn)])).await.unwrap();
    assert_eq!(fact(&observation, "verified"), &Value::Bool(true));
    assert_eq!(observation.last("verify_error"), None);
    assert_eq!(fact(&observation, "version"), "TLS1.3");
    assert!(fact(&observation, "cipher").as_str().unwrap().starts_with("TLS_"));
    assert_eq!(fact(&observation, "group"), "X25519MLKEM768");
    assert_eq!(fact(&observation, "alpn"), "h2");
    assert_eq!(fact(&observation, "key"), "ECDSA P-256");
    assert_eq!(fact(&observation, "signature"), "ecdsa-with-SHA256");
    assert_eq!(fact(&observation, "issuer"), "CN=shakedown lab CA");
    assert_eq!(fact(&observation, "san"), &serde_json::json!(["localhost", NAME, "127.0.0.1"]));
    assert_eq!(fact(&observation, "chain.length"), 2);
    let subjects = serde_json::json!([format!("CN={NAME}"), "CN=shakedown lab CA"]);
    assert_eq!(fact(&observation, "chain.subjects"), &subjects);
    assert_eq!(fact(&observation, "fingerprint.sha256").as_str().unwrap().len(), 64);
    assert_ne!(fact(&observation, "fingerprint.sha256"), fact(&observation, "spki.sha256"));
    let leaf = fact(&observation, "expires_in").as_f64().unwrap();
    assert!((88.0 * 86_400.0..91.0 * 86_400.0).contains(&leaf), "{leaf}");
    let tls = family("tls").unwrap();
    // What another way of looking sees, and what there is only when something is wrong, or stapled.
    let elsewhere = |name: &str| tls.modes.iter().any(|mode| mode.facts.iter().any(|info| info.name == name));
    let sometimes = ["alert", "verify_error", "ocsp.status", "ocsp.error", "ocsp.next_update_in"];
    let missing = tls.facts.iter().map(|info| info.name).filter(|name| {
        !sometimes.contains(name)
            && !elsewhere(name)
            && observation.last(name).is_none()
            && observation.merged(name).is_none()
    });
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[tokio::test]
async fn an_expired_certificate_keeps_its_facts() {
    let lab = Lab::start().await;
    let observation = run("tls", lab.check(lab.web.expired(), [("sni", text(NAME))])).await.unwrap();
    assert_eq!(outcome(&observation), "completed");
    assert_eq!(fact(&observation, "verified"), &Value::Bool(false));
    let not_after = fact(&observation, "not_after").as_str().unwrap().to_owned();
    assert_eq!(fact(&observation, "verify_error").as_str().unwrap(), format!("expired since {not_after}"));
    assert_eq!(fact(&observation, "san"), &serde_json::json!(["localhost", NAME, "127.0.0.1"]));
    assert!(fact(&observation, "expires_in").as_f64().unwrap() < -28.0 * 86_400.0);
    assert!(fact(&observation, "chain.expires_in").as_f64().unwrap() < -28.0 * 86_400.0);
    assert!(observation.merged("handshake_time").is_some());
}

#[tokio::test]
async fn a_certificate_for_another_name_keeps_its_facts() {
    let lab = Lab::start().await;
    let observation = run("tls", lab.check(lab.web.wrong_name(), [("sni", text(NAME))])).await.unwrap();
    assert_eq!(fact(&observation, "verified"), &Value::Bool(false));
    let error = fact(&observation, "verify_error").as_str().unwrap();
    assert_eq!(error, format!("not valid for name {NAME} (names are {OTHER_NAME})"));
    assert_eq!(fact(&observation, "san"), &serde_json::json!([OTHER_NAME]));
    assert!(fact(&observation, "expires_in").as_f64().unwrap() > 0.0);

    let fits = [("sni", text(NAME)), ("verify_name", text(OTHER_NAME))];
    let observation = run("tls", lab.check(lab.web.wrong_name(), fits)).await.unwrap();
    assert_eq!(fact(&observation, "verified"), &Value::Bool(true), "verify_name decides, not sni");
}

#[tokio::test]
async fn everything_wrong_is_reported_at_once() {
    let lab = Lab::start().await;
    let observation = run("tls", lab.check(lab.web.expired(), [("verify_name", text("x.example"))])).await.unwrap();
    let error = fact(&observation, "verify_error").as_str().unwrap();
    assert!(error.contains("expired since") && error.contains("not valid for name x.example"), "{error}");
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let lab = Lab::start().await;
    let observation = run("tls", with(to(lab.web.https()), [("sni", text(NAME))])).await.unwrap();
    assert_eq!(fact(&observation, "verified"), &Value::Bool(false));
    assert!(fact(&observation, "verify_error").as_str().unwrap().starts_with("unknown issuer"));
    assert_eq!(fact(&observation, "chain.length"), 2);
}

#[tokio::test]
async fn an_address_is_verified_without_sni() {
    let lab = Lab::start().await;
    let observation = run("tls", lab.check(lab.web.https(), [])).await.unwrap();
    assert_eq!(fact(&observation, "verified"), &Value::Bool(true));
}

#[tokio::test]
async fn the_highest_version_is_a_limit() {
    let lab = Lab::start().await;
    let observation = run("tls", lab.check(lab.web.https(), [("max_version", text("TLS1.2"))])).await.unwrap();
    assert_eq!(fact(&observation, "version"), "TLS1.2");
    assert_eq!(fact(&observation, "verified"), &Value::Bool(true));
}

#[tokio::test]
async fn no_common_protocol_is_an_alert_and_not_verified() {
    let lab = Lab::start().await;
    let observation = run("tls", lab.check(lab.web.https(), [("alpn", text("x").into_list())])).await.unwrap();
    assert_eq!(
        (outcome(&observation), fact(&observation, "alert").as_str().unwrap()),
        ("alert", "no_application_protocol")
    );
    assert_eq!(observation.last("verified"), None);
}

trait IntoList {
    fn into_list(self) -> Arg;
}

impl IntoList for Arg {
    fn into_list(self) -> Arg {
        Arg::List(vec![self])
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_never_verified() {
    let silent = server(|mut stream| async move {
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    })
    .await;
    let cases = [
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, "not_tls"),
        (says(b"220 mail.example ESMTP\r\n").await, "not_tls"),
        (says(b"\x16\x03\x03\xff\xff garbage").await, "not_tls"),
        (says(b"\x00\x01\x02\x03\x04\x05\x06\x07").await, "not_tls"),
        (says(b"\x15\x03\x03\x00\x02\x02\x28").await, "alert"),
        (says_and_closes(b"").await, "closed"),
        (says_and_closes(b"\x16\x03\x03\x00\x40\x02").await, "closed"),
        (resets().await, "reset"),
        (nobody().await, "refused"),
        (silent, "timeout"),
    ];
    for (address, want) in cases {
        let patience = if want == "timeout" { 0.2 } else { 5.0 };
        let observation = run("tls", with(to(address), [("timeout", Arg::Number(patience))])).await.unwrap();
        assert_eq!(outcome(&observation), want, "{:?}", observation.notes());
        for absent in ["verified", "verify_error", "version", "expires_in", "chain.length"] {
            assert_eq!(observation.last(absent), None, "{absent} of {want}");
        }
        assert!(observation.merged("handshake_time").is_none());
    }
    let observation = run("tls", with(to(nobody().await), [("host", text("no-such-name.invalid"))])).await.unwrap();
    assert_eq!(outcome(&observation), "unresolved");
    assert_eq!(observation.last("verified"), None);
}

#[tokio::test]
async fn a_refused_client_is_an_alert_in_both_versions() {
    let lab = Lab::start().await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let address = asking(&lab.pki, version).await;
        let observation = run("tls", lab.check(address, [])).await.unwrap();
        assert_eq!(outcome(&observation), "alert", "{version:?}: {:?}", observation.notes());
        assert_eq!(fact(&observation, "alert"), "certificate_required");
        assert_eq!(observation.last("verified"), None, "refused is not verified");
        assert_eq!(fact(&observation, "chain.length"), 2, "the certificate was seen all the same");

        std::fs::write(lab.folder.path().join("client.pem"), lab.pki.good.chain_pem()).unwrap();
        std::fs::write(lab.folder.path().join("client.key"), lab.pki.good.key_pem()).unwrap();
        let client = [("client_cert", lab.file("client.pem")), ("client_key", lab.file("client.key"))];
        let observation = run("tls", lab.check(address, client)).await.unwrap();
        assert_eq!(fact(&observation, "verified"), &Value::Bool(true), "{:?}", observation.notes());
    }
}

#[tokio::test]
async fn a_goodbye_after_the_handshake_is_no_refusal_but_a_hang_up_is() {
    let lab = Lab::start().await;
    for (polite, want) in [(true, "completed"), (false, "closed")] {
        let mut config = asking_config(&lab.pki, &rustls::version::TLS13, true);
        // Tickets would tell that the server is content before it goes.
        config.send_tls13_tickets = 0;
        let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
        let address = server(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await.unwrap();
                if polite {
                    let _ = stream.shutdown().await;
                }
            }
        })
        .await;
        let observation = run("tls", lab.check(address, [])).await.unwrap();
        assert_eq!(outcome(&observation), want, "{:?}", observation.notes());
        assert_eq!(observation.last("verified"), polite.then_some(&Value::Bool(true)));
    }
}

/// Answers every hello of less than `beyond` (the minor number of its version) with a `ServerHello` of TLS 1.1, the others with an alert.
async fn old_server(beyond: u8) -> SocketAddr {
    server(move |mut stream| async move {
        let mut hello = [0; 4096];
        let read = stream.read(&mut hello).await.unwrap_or(0);
        // 9 bytes of headers, then the version: 3, 3 in TLS 1.2 and above.
        if read > 10 && hello[10] < beyond {
            let mut answer = vec![0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
            answer.extend([7; 32]);
            answer.extend([0, 0, 0x2f, 0]);
            let _ = stream.write_all(&answer).await;
        } else {
            let _ = stream.write_all(&[0x15, 3, 1, 0, 2, 2, 70]).await;
        }
    })
    .await
}

#[tokio::test]
async fn an_old_server_is_not_told_as_wrong() {
    let lab = Lab::start().await;
    for beyond in [3, 4] {
        let fault = run("tls", lab.check(old_server(beyond).await, [])).await.unwrap_err();
        assert!(fault.to_string().contains("this program offers TLS1.2 and TLS1.3"), "{beyond}: {fault}");
    }
    let newer = [("min_version", text("TLS1.3"))];
    let observation = run("tls", lab.check(old_server(3).await, newer)).await.unwrap();
    assert_eq!(outcome(&observation), "alert", "what the suite itself leaves out");
    let observation = run("tls", lab.check(old_server(0).await, [])).await.unwrap();
    assert_eq!(observation.last("alert"), Some(&Value::from("protocol_version")), "it takes no version at all");
}

/// Shows a certificate without having its key.
#[derive(Debug)]
struct Impostor(std::sync::Arc<rustls::sign::CertifiedKey>);

impl rustls::server::ResolvesServerCert for Impostor {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<std::sync::Arc<rustls::sign::CertifiedKey>> {
        Some(self.0.clone())
    }
}

#[tokio::test]
async fn a_stolen_certificate_is_not_verified() {
    let lab = Lab::start().await;
    let chain = CertificateDer::pem_slice_iter(lab.pki.good.chain_pem().as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(lab.pki.expired.key_pem().as_bytes()).unwrap();
    let provider = shakedown::proto::tls::provider();
    let signer = provider.key_provider.load_private_key(key).unwrap();
    let stolen = std::sync::Arc::new(rustls::sign::CertifiedKey::new(chain, signer));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(std::sync::Arc::new(Impostor(stolen.clone())));
        let observation = run("tls", lab.check(accepting(config).await, [])).await.unwrap();
        assert_eq!(fact(&observation, "verified"), &Value::Bool(false));
        let error = fact(&observation, "verify_error").as_str().unwrap();
        assert!(error.contains("did not prove"), "{error}");
    }
}

#[tokio::test]
async fn broken_files_are_faults_that_name_them() {
    let lab = Lab::start().await;
    let empty = lab.folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing here").unwrap();
    std::fs::write(lab.folder.path().join("client.pem"), lab.pki.good.chain_pem()).unwrap();
    std::fs::write(lab.folder.path().join("other.key"), lab.pki.expired.key_pem()).unwrap();
    for (more, file) in [
        (vec![("ca_file", lab.file("absent.pem"))], "absent.pem"),
        (vec![("ca_file", lab.file("empty.pem"))], "empty.pem"),
        (vec![("client_cert", lab.file("client.pem")), ("client_key", lab.file("empty.pem"))], "empty.pem"),
        (vec![("client_cert", lab.file("client.pem")), ("client_key", lab.file("other.key"))], "other.key"),
    ] {
        let mut check = lab.check(lab.web.https(), []);
        check.0.extend(more);
        let fault = run("tls", check).await.unwrap_err();
        assert!(fault.peer.ends_with(file), "{fault:?}");
        assert!(!fault.remedy.is_empty());
    }
}

#[test]
fn rules_between_fields() {
    let build = family("tls").unwrap().build;
    let base = || to("127.0.0.1:1".parse().unwrap());
    for (more, field) in [
        (vec![("client_cert", text("a.pem"))], "client_cert"),
        (vec![("client_key", text("a.pem"))], "client_key"),
        (vec![("sni", text("192.0.2.1"))], "sni"),
        (vec![("sni", text("two words"))], "sni"),
        (vec![("alpn", text("").into_list())], "alpn"),
        (vec![("min_version", text("TLS1.3")), ("max_version", text("TLS1.2"))], "min_version"),
    ] {
        let mut args = base();
        args.0.extend(more);
        assert_eq!(build(&args).err().map(|invalid| invalid.field), Some(field));
    }
    assert!(build(&with(base(), [("sni", text(""))])).is_ok());
}

#[tokio::test]
async fn a_source_narrows_the_addresses_to_its_family() {
    let six = [("source", text("::1"))];
    let observation = run("tls", with(to("127.0.0.1:9".parse().unwrap()), six.clone())).await.unwrap();
    assert_eq!(outcome(&observation), "unresolved", "{:?}", observation.notes());

    let crossed = with(with(to("127.0.0.1:9".parse().unwrap()), six), [("ip_version", text("ipv4"))]);
    assert_eq!((family("tls").unwrap().build)(&crossed).err().map(|invalid| invalid.field), Some("source"));
}

/// Hands on the first flights of client and server, then hangs up.
async fn first_flight_of(server_behind: SocketAddr) -> SocketAddr {
    server(move |mut client| async move {
        let mut behind = tokio::net::TcpStream::connect(server_behind).await.unwrap();
        let mut flight = vec![0; 65_536];
        let hello = client.read(&mut flight).await.unwrap();
        behind.write_all(&flight[..hello]).await.unwrap();
        let answer = behind.read(&mut flight).await.unwrap();
        client.write_all(&flight[..answer]).await.unwrap();
        // Whatever the client says next is read, so that closing is no reset.
        let _ = client.read(&mut flight).await;
    })
    .await
}

#[tokio::test]
async fn every_early_end_names_its_phase() {
    let lab = Lab::start().await;
    let behind = asking(&lab.pki, &rustls::version::TLS12).await;
    let cases = [
        (nobody().await, "refused", "connection refused by"),
        (resets().await, "reset", "reset the connection in the TLS handshake, after the ClientHello"),
        (says_and_closes(b"").await, "closed", "closed the connection in the TLS handshake, after the ClientHello"),
        (
            says_and_closes(b"\x16\x03\x03\x00\x40\x02").await,
            "closed",
            "after 6 bytes from the server, before its cert",
        ),
        (
            first_flight_of(behind).await,
            "closed",
            "closed the connection in the TLS handshake, after the server's certificate",
        ),
        (says(b"").await, "timeout", "accepted the connection, but sent no ServerHello within 200 ms"),
        (says(b"\x16\x03\x03\x00\x40\x02").await, "timeout", "silence after 6 bytes from the server"),
    ];
    for (address, want, words) in cases {
        let patience = if want == "timeout" { 0.2 } else { 5.0 };
        let observation = run("tls", with(to(address), [("timeout", Arg::Number(patience))])).await.unwrap();
        assert_eq!(outcome(&observation), want, "{:?}", observation.notes());
        let first = observation.notes().first().unwrap_or_else(|| panic!("{want} has no evidence"));
        assert!(first.contains(words) && first.contains(&address.to_string()), "{first}");
    }
}

/// A server whose chain is the good one, with its authority `more` times again.
async fn with_a_long_chain(pki: &Pki, more: usize, version: &'static rustls::SupportedProtocolVersion) -> SocketAddr {
    let mut long = tls_quic::chain(pki);
    let root = long.last().unwrap().clone();
    long.extend(std::iter::repeat_n(root, more));
    let config = rustls::ServerConfig::builder_with_provider(shakedown::proto::tls::provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(long, tls_quic::key(pki))
        .unwrap();
    accepting(config).await
}

#[tokio::test]
async fn a_long_chain_is_no_other_protocol() {
    let lab = Lab::start().await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let address = with_a_long_chain(&lab.pki, 99, version).await;
        let check = || lab.check(address, [("sni", text(NAME)), ("timeout", Arg::Number(20.0))]);
        let observation = run("tls", with(check(), [("scan", Arg::Bool(true))])).await.unwrap();
        assert_eq!(outcome(&observation), "scanned", "{:?}", observation.notes());
        assert_eq!(fact(&observation, "chain.length"), 101);
        let shown = format!("{:?}", observation.last_rows("scan.certificates").unwrap());
        assert!(version.version == rustls::ProtocolVersion::TLSv1_3 || shown.contains("101"), "{shown}");
        let observation = run("tls", check()).await.unwrap();
        assert_eq!(outcome(&observation), "completed", "{:?}", observation.notes());
        assert_eq!(fact(&observation, "verified"), &Value::Bool(true), "{:?}", observation.notes());
        // A certificate of the lab has some 500 bytes.
        let address = with_a_long_chain(&lab.pki, 300, version).await;
        let check = lab.check(address, [("sni", text(NAME)), ("timeout", Arg::Number(20.0))]);
        let fault = run("tls", check).await.unwrap_err().to_string();
        assert!(fault.contains("larger than this side reads (64 KiB)"), "{version:?}: {fault}");
    }
}
