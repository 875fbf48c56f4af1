//! Family `tls` and servers that serve one client after the other; client certificates that cannot be used.

use std::net::SocketAddr;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P521_SHA512};
use shakedown::lab::pki::{NAME, Pki};
use shakedown::model::{Arg, Args, Value};
use tokio::io::AsyncReadExt;

use crate::script::{args, asking, fact, run, text};

fn check<const N: usize>(address: SocketAddr, folder: &tempfile::TempDir, more: [(&'static str, Arg); N]) -> Args {
    let mut all = args([
        ("host", text(address.ip().to_string())),
        ("port", Arg::Integer(address.port().into())),
        ("timeout", Arg::Number(5.0)),
        ("ca_file", text(folder.path().join("ca.pem").to_str().unwrap())),
    ]);
    all.0.extend(more);
    all
}

/// A TLS server that serves one client after the other, each until it hangs up.
async fn one_at_a_time(pki: &Pki) -> SocketAddr {
    let acceptor = tokio_rustls::TlsAcceptor::from(pki.good.server(&[]).unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                while stream.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {}
            }
        }
    });
    address
}

#[tokio::test]
async fn every_further_connection_finds_a_server_that_serves_one_at_a_time() {
    let pki = Pki::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    pki.write_ca(&folder.path().join("ca.pem")).await.unwrap();
    let address = one_at_a_time(&pki).await;
    let all = [
        ("certificates", text("all")),
        ("sni", text(NAME)),
        ("resumption", Arg::Integer(2)),
        ("mtls", Arg::Bool(true)),
    ];
    let observation = run("tls", check(address, &folder, all)).await.unwrap();
    assert_eq!(fact(&observation, "outcome"), "completed");
    assert_eq!(fact(&observation, "certificates.unknown"), &Value::Array(vec![]), "{:?}", observation.notes());
    assert_eq!(fact(&observation, "certificates.count"), &Value::from(1));
    assert_eq!(fact(&observation, "certificates.verified"), &Value::Bool(true));
    assert_eq!(fact(&observation, "client_certificate"), "none");
    let scanned = run("tls", check(address, &folder, [("scan", Arg::Bool(true)), ("sni", text(NAME))])).await.unwrap();
    assert_eq!(fact(&scanned, "outcome"), "scanned", "{:?}", scanned.notes());
}

#[tokio::test]
async fn a_client_certificate_that_cannot_be_used_names_the_file_and_the_side() {
    let pki = Pki::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    pki.write_ca(&folder.path().join("ca.pem")).await.unwrap();
    let address = asking(&pki, &rustls::version::TLS13).await;
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let odd = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
    let own = CertificateParams::new(vec!["a".to_owned()]).unwrap().self_signed(&odd).unwrap();
    let good = write("good.pem", pki.good.chain_pem());
    let good_key = write("good.key", pki.good.key_pem());
    let other = write("other.key", pki.expired.key_pem());
    let stranger = (write("own.pem", &own.pem()), write("own.key", &odd.serialize_pem()));
    let no_x509 = write("no.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    // What this side can see to be wrong is a fault that names the file it is in.
    for (certificate, key, at, why) in [
        (&good, &other, "other.key", "it is not the key of the certificate in"),
        (&no_x509, &good_key, "no.pem", "it holds no X.509 certificate"),
        (&good, &good, "good.pem", "load client_key"),
    ] {
        let fields = [("client_cert", text(certificate.clone())), ("client_key", text(key.clone()))];
        let fault = run("tls", check(address, &folder, fields)).await.unwrap_err();
        assert!(fault.peer.contains(at), "{fault}");
        assert!(fault.to_string().contains(why), "{fault}");
    }
    // What the server refuses is a fact of it, about the certificate of this side.
    let fields = [("client_cert", text(stranger.0)), ("client_key", text(stranger.1))];
    let observation = run("tls", check(address, &folder, fields)).await.unwrap();
    assert_eq!(fact(&observation, "outcome"), "alert");
    let told = |what: &str| observation.notes().iter().any(|note| note.contains(what));
    assert!(told("the server does not take the certificate in client_cert"), "{:?}", observation.notes());
    let observation = run("tls", check(address, &folder, [])).await.unwrap();
    assert!(observation.notes().iter().any(|note| note.contains("set client_cert and client_key")));
}

#[tokio::test]
async fn a_refusal_by_chance_is_not_beyond_the_offer() {
    let pki = Pki::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    pki.write_ca(&folder.path().join("ca.pem")).await.unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(pki.good.server(&[]).unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        let (mut first, _) = listener.accept().await.unwrap();
        let _ = first.read(&mut [0; 16_384]).await;
        let _ = first.write_all(&[21, 3, 3, 0, 2, 2, 40]).await;
        drop(first);
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { acceptor.accept(stream).await.map(|_| ()) });
        }
    });
    let observation = run("tls", check(address, &folder, [])).await.unwrap();
    assert_eq!(
        (fact(&observation, "outcome"), fact(&observation, "alert")),
        (&Value::from("alert"), &Value::from("handshake_failure"))
    );
}
