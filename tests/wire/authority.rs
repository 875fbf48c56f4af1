//! Authorities that should not have been believed.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use shakedown::model::{Arg, Args, Observation, Value};

use crate::script::{accepting, args, fact, run, text};
use crate::tls_quic;

const NAME: &str = "a.allowed.test";

/// An authority, valid through the years `valid`.
fn authority(name: &str, key: &KeyPair, valid: (i32, i32)) -> (CertificateParams, Certificate) {
    constrained(name, key, valid, None)
}

fn constrained(
    name: &str,
    key: &KeyPair,
    valid: (i32, i32),
    to: Option<NameConstraints>,
) -> (CertificateParams, Certificate) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.not_before = date_time_ymd(valid.0, 1, 1);
    params.not_after = date_time_ymd(valid.1, 1, 1);
    params.name_constraints = to;
    let certificate = params.self_signed(key).unwrap();
    (params, certificate)
}

/// A TLS server with a certificate for [`NAME`] that is good today.
async fn serving(params: CertificateParams, key: KeyPair) -> SocketAddr {
    accepting(config(params, key, &["h2", "http/1.1", "dot"])).await
}

fn config(params: CertificateParams, key: KeyPair, alpn: &[&str]) -> rustls::ServerConfig {
    let leaf_key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    leaf.not_before = date_time_ymd(2020, 1, 1);
    leaf.not_after = date_time_ymd(2100, 1, 1);
    let leaf = leaf.signed_by(&leaf_key, &Issuer::new(params, key)).unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(shakedown::proto::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into()))
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

fn check(address: SocketAddr, ca_file: &std::path::Path) -> Args {
    args([
        ("host", text("127.0.0.1")),
        ("port", Arg::Integer(address.port().into())),
        ("sni", text(NAME)),
        ("ca_file", text(ca_file.to_str().unwrap())),
        ("timeout", Arg::Number(10.0)),
    ])
}

async fn judged(address: SocketAddr, authorities: &[&Certificate]) -> Observation {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authorities.iter().map(|authority| authority.pem()).collect::<String>()).unwrap();
    run("tls", check(address, &file)).await.unwrap()
}

#[tokio::test]
async fn an_authority_outside_its_dates_proves_nothing() {
    let (_, bystander) = authority("bystander", &KeyPair::generate().unwrap(), (2020, 2021));
    for (valid, why) in [
        ((2020, 2021), Some("the authority CN=root in ca_file expired on 2021-01-01T00:00:00Z")),
        ((2099, 2100), Some("the authority CN=root in ca_file is not valid before 2099-01-01T00:00:00Z")),
        ((2020, 2100), None),
    ] {
        let key = KeyPair::generate().unwrap();
        let (params, root) = authority("root", &key, valid);
        let observation = judged(serving(params, key).await, &[&bystander, &root]).await;
        assert_eq!(fact(&observation, "outcome"), "completed");
        assert_eq!(fact(&observation, "verified"), &Value::Bool(why.is_none()), "{:?}", observation.notes());
        assert_eq!(observation.last("verify_error"), why.map(Value::from).as_ref());
    }
}

#[tokio::test]
async fn a_renewed_authority_beside_the_expired_one_is_enough() {
    let key = KeyPair::generate().unwrap();
    let (_, old) = authority("root", &key, (2020, 2021));
    let (params, renewed) = authority("root", &key, (2020, 2100));
    let observation = judged(serving(params, key).await, &[&old, &renewed]).await;
    assert_eq!(fact(&observation, "verified"), &Value::Bool(true), "{:?}", observation.notes());
}

#[tokio::test]
async fn http_sends_nothing_on_the_word_of_an_expired_authority() {
    let key = KeyPair::generate().unwrap();
    let (params, root) = authority("root", &key, (2020, 2021));
    let address = serving(params, key).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, root.pem()).unwrap();
    let get = args([
        ("url", text(format!("https://{NAME}:{}/", address.port()))),
        ("resolve", text("127.0.0.1")),
        ("ca_file", text(file.to_str().unwrap())),
        ("timeout", Arg::Number(10.0)),
    ]);
    let observation = run("http", get).await.unwrap();
    assert_eq!(fact(&observation, "outcome"), "untrusted");
    assert!(
        observation.notes().iter().any(|note| note.contains("in ca_file expired on 2021-01-01")),
        "{:?}",
        observation.notes()
    );
}

#[tokio::test]
async fn broken_name_constraints_are_reported_in_words() {
    let key = KeyPair::generate().unwrap();
    let only = |name: &str| NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(name.to_owned())],
        excluded_subtrees: Vec::new(),
    };
    let (params, root) = constrained("root", &key, (2020, 2100), Some(only("elsewhere.test")));
    let observation = judged(serving(params, key).await, &[&root]).await;
    let error = fact(&observation, "verify_error").as_str().unwrap();
    assert!(error.contains("may not issue for") && error.contains(NAME) && !error.contains("Other"), "{error}");

    let key = KeyPair::generate().unwrap();
    let (params, root) = constrained("root", &key, (2020, 2100), Some(only("allowed.test")));
    let observation = judged(serving(params, key).await, &[&root]).await;
    assert_eq!(fact(&observation, "verified"), &Value::Bool(true), "{:?}", observation.notes());
}

/// Every way to look that verifies a certificate, of a server whose issuer may not sign any: over TCP and over QUIC.
#[tokio::test]
async fn no_family_believes_an_issuer_without_the_right_to_sign_certificates() {
    const WHY: &str = "its key usage lacks keyCertSign";
    let (folder, key) = (tempfile::tempdir().unwrap(), KeyPair::generate().unwrap());
    let (mut params, _) = authority("root", &key, (2020, 2100));
    params.key_usages = vec![KeyUsagePurpose::CrlSign];
    let root = params.self_signed(&key).unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, root.pem()).unwrap();
    let again = KeyPair::try_from(key.serialize_der()).unwrap();
    let quic = tls_quic::serve(Arc::new(config(params.clone(), again, &["h3", "doq"])));
    let tcp = serving(params, key).await;
    let with = |address: SocketAddr, more: &[(&'static str, Arg)]| {
        let mut all = check(address, &file);
        all.0.extend(more.iter().cloned());
        all
    };
    let load = Arg::Group(args([("duration", Arg::Number(0.2))]));
    for (what, check) in [
        ("a handshake", with(tcp, &[])),
        ("over QUIC", with(quic.addr, &[("transport", text("quic"))])),
        ("all certificates", with(tcp, &[("addresses", text("all")), ("certificates", text("all"))])),
        ("a load", with(tcp, &[("load", load)])),
        ("a scan", with(tcp, &[("scan", Arg::Bool(true))])),
    ] {
        let observation = run("tls", check).await.unwrap();
        assert_eq!(fact(&observation, "verified"), &Value::Bool(false), "{what}: {:?}", observation.notes());
        let error = fact(&observation, "verify_error").as_str().unwrap();
        assert!(error.contains(WHY), "{what}: {error}");
        let all = observation.last("certificates.verified");
        assert_eq!(all, (what == "all certificates").then_some(&Value::Bool(false)), "{what}");
    }
    let file = || text(file.to_str().unwrap());
    let get = args([
        ("url", text(format!("https://{NAME}:{}/", tcp.port()))),
        ("resolve", text("127.0.0.1")),
        ("ca_file", file()),
        ("timeout", Arg::Number(10.0)),
    ]);
    let over = |transport: &str, address: SocketAddr| {
        args([
            ("server", Arg::List(vec![text(address.to_string())])),
            ("name", text("a.test")),
            ("transport", text(transport)),
            ("sni", text(NAME)),
            ("ca_file", file()),
            ("timeout", Arg::Number(10.0)),
        ])
    };
    let mut checks = vec![("http", "https", get)];
    for (transport, address) in [("dot", tcp), ("doh", tcp), ("doq", quic.addr), ("doh3", quic.addr)] {
        checks.push(("dns", transport, over(transport, address)));
    }
    for (family, what, check) in checks {
        let observation = run(family, check).await.unwrap();
        assert_eq!(fact(&observation, "outcome"), "untrusted", "{what}: {:?}", observation.notes());
        assert!(observation.notes().iter().any(|note| note.contains(WHY)), "{what}: {:?}", observation.notes());
    }
}

#[tokio::test]
async fn a_leaf_that_stands_in_ca_file_verifies_with_a_note() {
    let key = KeyPair::generate().unwrap();
    let mut own = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    // As `openssl req -x509` makes them.
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = own.self_signed(&key).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(shakedown::proto::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let address = accepting(config).await;
    let observation = judged(address, &[&own]).await;
    assert_eq!(fact(&observation, "verified"), &Value::Bool(true), "{:?}", observation.notes());
    assert_eq!(fact(&observation, "path.length"), &Value::from(1));
    let note = "trusted because this very certificate is in ca_file";
    assert!(observation.notes().iter().any(|one| one.contains(note)), "{:?}", observation.notes());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, own.pem()).unwrap();
    let get = args([
        ("url", text(format!("https://{NAME}:{}/", address.port()))),
        ("resolve", text("127.0.0.1")),
        ("ca_file", text(file.to_str().unwrap())),
        ("timeout", Arg::Number(10.0)),
    ]);
    // The server hangs up after the handshake; what counts is that the request was sent.
    let fetched = run("http", get).await.unwrap();
    assert_ne!(fact(&fetched, "outcome"), "untrusted");
    assert!(fetched.notes().iter().any(|one| one.contains(note)), "{:?}", fetched.notes());
    let (_, stranger) = authority("root", &KeyPair::generate().unwrap(), (2020, 2100));
    let observation = judged(address, &[&stranger]).await;
    assert_eq!(fact(&observation, "verified"), &Value::Bool(false));
}

#[tokio::test]
async fn an_address_in_a_dns_name_is_told_as_what_it_is() {
    let key = KeyPair::generate().unwrap();
    let (params, root) = authority("root", &key, (2020, 2100));
    let leaf_key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::default();
    leaf.subject_alt_names = vec![rcgen::SanType::DnsName("127.0.0.1".try_into().unwrap())];
    let leaf = leaf.signed_by(&leaf_key, &Issuer::new(params, key)).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(shakedown::proto::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into()));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, root.pem()).unwrap();
    let mut all = check(accepting(config.unwrap()).await, &file);
    all.0.remove("sni");
    let observation = run("tls", all).await.unwrap();
    let error = fact(&observation, "verify_error").as_str().unwrap();
    assert!(error.starts_with("not valid for address 127.0.0.1: the certificate has it as a DNS name"), "{error}");
}
