//! Family `tls`: client certificates, resumption, the set of application protocols.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use shakedown::checks::family;
use shakedown::lab::pki::{NAME, Pki};
use shakedown::model::{Arg, Args, Observation, Value};
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsAcceptor;

use crate::script::{accepting, args, asking_config, fact, run, server, text};

struct Lab {
    pki: Pki,
    folder: tempfile::TempDir,
}

impl Lab {
    async fn new() -> Self {
        let (pki, folder) = (Pki::new().unwrap(), tempfile::tempdir().unwrap());
        pki.write_ca(&folder.path().join("ca.pem")).await.unwrap();
        std::fs::write(folder.path().join("client.pem"), pki.good.chain_pem()).unwrap();
        std::fs::write(folder.path().join("client.key"), pki.good.key_pem()).unwrap();
        Self { pki, folder }
    }

    fn check<const N: usize>(&self, address: SocketAddr, more: [(&'static str, Arg); N]) -> Args {
        let mut all = args([
            ("host", text(address.ip().to_string())),
            ("port", Arg::Integer(address.port().into())),
            ("timeout", Arg::Number(20.0)),
            ("sni", text(NAME)),
            ("ca_file", self.file("ca.pem")),
        ]);
        all.0.extend(more);
        all
    }

    fn file(&self, name: &str) -> Arg {
        text(self.folder.path().join(name).to_str().unwrap())
    }

    fn client(&self) -> [(&'static str, Arg); 2] {
        [("client_cert", self.file("client.pem")), ("client_key", self.file("client.key"))]
    }

    fn config(&self, change: impl FnOnce(&mut ServerConfig)) -> ServerConfig {
        let mut config = (*self.pki.good.server(&[]).unwrap()).clone();
        change(&mut config);
        config
    }
}

/// Connections go to these servers in turn.
async fn in_turn(configs: Vec<ServerConfig>) -> SocketAddr {
    let acceptors: Vec<_> = configs.into_iter().map(|config| TlsAcceptor::from(Arc::new(config))).collect();
    let turn = Arc::new(AtomicUsize::new(0));
    server(move |stream| {
        let acceptor = acceptors[turn.fetch_add(1, Ordering::Relaxed) % acceptors.len()].clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 16]).await;
            }
        }
    })
    .await
}

fn noted(observation: &Observation, part: &str) -> bool {
    observation.notes().iter().any(|note| note.contains(part))
}

#[tokio::test]
async fn what_a_server_wants_of_clients() {
    let lab = Lab::new().await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for optional in [true, false] {
            for tickets in [0, 2] {
                let mut config = asking_config(&lab.pki, version, optional);
                // Without tickets nothing is said after the handshake, and only a goodbye can tell.
                config.send_tls13_tickets = tickets;
                // Short, so that the silence is.
                let patience = if tickets == 0 { 2.0 } else { 20.0 };
                let check = lab.check(accepting(config).await, [("timeout", Arg::Number(patience))]);
                let observation = run("tls", check).await.unwrap();
                let want = if optional { "optional" } else { "required" };
                assert_eq!(
                    fact(&observation, "client_certificate"),
                    want,
                    "{version:?} {tickets}: {:?}",
                    observation.notes()
                );
                let authorities = serde_json::json!(["CN=shakedown lab CA"]);
                assert_eq!(fact(&observation, "client_certificate.authorities"), &authorities);
            }
        }
    }
    let address = accepting(lab.config(|_| ())).await;
    let observation = run("tls", lab.check(address, [])).await.unwrap();
    assert_eq!(fact(&observation, "client_certificate"), "none");
    assert_eq!(observation.last("client_certificate.authorities"), None);
}

#[tokio::test]
async fn a_client_that_shows_a_certificate_connects_again_without_one() {
    let lab = Lab::new().await;
    for (optional, want) in [(true, "optional"), (false, "required")] {
        let address = accepting(asking_config(&lab.pki, &rustls::version::TLS13, optional)).await;
        let mut check = lab.check(address, lab.client());
        let observation = run("tls", check.clone()).await.unwrap();
        assert_eq!(fact(&observation, "verified"), &Value::Bool(true));
        assert_eq!(observation.last("client_certificate"), None, "with a certificate nobody can tell");

        check.0.insert("mtls", Arg::Bool(true));
        let observation = run("tls", check).await.unwrap();
        assert_eq!(fact(&observation, "verified"), &Value::Bool(true), "the first handshake is the one that counts");
        assert_eq!(fact(&observation, "client_certificate"), want);
    }
}

#[tokio::test]
async fn a_hang_up_is_neither_optional_nor_required() {
    let lab = Lab::new().await;
    let mut config = asking_config(&lab.pki, &rustls::version::TLS13, true);
    config.send_tls13_tickets = 0;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let stream = acceptor.accept(stream).await.unwrap();
            stream.get_ref().0.set_zero_linger().unwrap();
        }
    })
    .await;
    let observation = run("tls", lab.check(address, [])).await.unwrap();
    assert_eq!(fact(&observation, "outcome"), "reset", "{:?}", observation.notes());
    assert_eq!(observation.last("client_certificate"), None);
    assert!(noted(&observation, "neither optional nor required"), "{:?}", observation.notes());
}

#[tokio::test]
async fn sessions_are_resumed_as_often_as_the_server_knows_them() {
    let lab = Lab::new().await;
    let tries = [("resumption", Arg::Integer(6))];
    let observation = run("tls", lab.check(accepting(lab.config(|_| ())).await, tries.clone())).await.unwrap();
    assert_eq!(fact(&observation, "resumption.tls1.2"), 1.0, "{:?}", observation.notes());
    assert_eq!(fact(&observation, "resumption.tls1.3"), 1.0, "{:?}", observation.notes());
    assert_eq!(fact(&observation, "resumed"), &Value::Bool(false), "the handshake that is looked at is a full one");

    let forgetful = lab.config(|config| config.session_storage = Arc::new(NoServerSessionStorage {}));
    let observation = run("tls", lab.check(accepting(forgetful).await, tries.clone())).await.unwrap();
    assert_eq!(fact(&observation, "resumption.tls1.2"), 0.0, "{:?}", observation.notes());
    assert_eq!(fact(&observation, "resumption.tls1.3"), 0.0, "{:?}", observation.notes());
    assert!(noted(&observation, "neither a ticket nor an id"), "{:?}", observation.notes());

    let only = [("resumption", Arg::Integer(6)), ("max_version", text("TLS1.2"))];
    let observation = run("tls", lab.check(accepting(lab.config(|_| ())).await, only)).await.unwrap();
    assert_eq!(observation.last("resumption.tls1.3"), None, "not offered");
    assert_eq!(fact(&observation, "resumption.tls1.2"), 1.0);
}

#[tokio::test]
async fn two_servers_that_do_not_share_their_sessions_know_about_half() {
    let lab = Lab::new().await;
    let check =
        lab.check(in_turn(vec![lab.config(|_| ()), lab.config(|_| ())]).await, [("resumption", Arg::Integer(60))]);
    let observation = run("tls", check).await.unwrap();
    for name in ["resumption.tls1.2", "resumption.tls1.3"] {
        let ratio = fact(&observation, name).as_f64().unwrap();
        assert!((0.25..0.75).contains(&ratio), "{name} {ratio}: {:?}", observation.notes());
    }
    assert!(noted(&observation, "of 60 tries resumed"), "{:?}", observation.notes());
}

#[tokio::test]
async fn a_try_without_a_handshake_leaves_the_ratio_open() {
    let lab = Lab::new().await;
    let acceptor = TlsAcceptor::from(Arc::new(lab.config(|_| ())));
    let turn = Arc::new(AtomicUsize::new(0));
    let address = server(move |stream| {
        let (acceptor, number) = (acceptor.clone(), turn.fetch_add(1, Ordering::Relaxed));
        async move {
            if number % 4 == 3 {
                let _ = stream.set_zero_linger();
            } else if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 16]).await;
            }
        }
    })
    .await;
    let observation = run("tls", lab.check(address, [("resumption", Arg::Integer(10))])).await.unwrap();
    assert_eq!(fact(&observation, "outcome"), "completed");
    for name in ["resumption.tls1.2", "resumption.tls1.3"] {
        assert_eq!(observation.last(name), None, "{name}: {:?}", observation.notes());
    }
    assert!(noted(&observation, "came to no handshake"), "{:?}", observation.notes());
}

#[tokio::test]
async fn protocols_are_asked_for_one_by_one() {
    let lab = Lab::new().await;
    let set = [("alpn_set", Arg::List(["http/1.0", "h2", "http/1.1"].map(text).to_vec()))];
    let speaks = |protocols: &[&str]| {
        let protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        lab.config(|config| config.alpn_protocols = protocols)
    };
    for (speaks, want) in [(speaks(&["http/1.1", "h2"]), vec!["h2", "http/1.1"]), (speaks(&[]), vec![])] {
        let observation = run("tls", lab.check(accepting(speaks).await, set.clone())).await.unwrap();
        assert_eq!(fact(&observation, "alpn.accepted"), &serde_json::json!(want), "{:?}", observation.notes());
    }
    // The third connection asks for h2.
    let acceptor = TlsAcceptor::from(Arc::new(speaks(&["h2"])));
    let turn = Arc::new(AtomicUsize::new(0));
    let address = server(move |stream| {
        let (acceptor, number) = (acceptor.clone(), turn.fetch_add(1, Ordering::Relaxed));
        async move {
            if number == 2 {
                let _ = stream.set_zero_linger();
            } else if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 16]).await;
            }
        }
    })
    .await;
    let observation = run("tls", lab.check(address, set)).await.unwrap();
    assert_eq!(observation.last("alpn.accepted"), None, "one that is unknown must not read as not accepted");
    assert!(noted(&observation, "asked for h2 alone"), "{:?}", observation.notes());
}

#[tokio::test]
async fn a_dead_target_has_no_terms() {
    let lab = Lab::new().await;
    let address = crate::script::resets().await;
    let more = [("resumption", Arg::Integer(2)), ("alpn_set", Arg::List(vec![text("h2")]))];
    let observation = run("tls", lab.check(address, more)).await.unwrap();
    for name in ["client_certificate", "resumption.tls1.2", "resumption.tls1.3", "alpn.accepted"] {
        assert_eq!(observation.last(name), None, "{name}");
    }
}

#[test]
fn rules_of_fields_and_of_facts() {
    let tls = family("tls").unwrap();
    let base = || args([("host", text("www.test"))]);
    let with = |name, arg| {
        let mut all = base();
        all.0.insert(name, arg);
        all
    };
    for (name, arg) in [
        ("alpn_set", Arg::List(vec![])),
        ("alpn_set", Arg::List(vec![text("")])),
        ("alpn_set", Arg::List(vec![text("h3")])),
        ("alpn_set", Arg::List(vec![text("h3-29")])),
    ] {
        assert_eq!((tls.build)(&with(name, arg)).err().map(|invalid| invalid.field), Some(name));
    }
    assert_eq!(tls.required_mode(&base(), "client_certificate"), None, "the first handshake tells");
    assert_eq!(tls.required_mode(&with("client_cert", text("a.pem")), "client_certificate"), Some("mtls: true"));
    assert!(tls.required_mode(&base(), "resumption.tls1.3").is_some());
    assert!(tls.required_mode(&base(), "starttls").is_some());
    assert_eq!(tls.required_mode(&with("starttls", text("imap")), "starttls_time"), None);
}
