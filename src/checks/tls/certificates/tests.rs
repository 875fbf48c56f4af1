//! Servers with more than one certificate, more than one address, a staple, or an authority with a list.

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
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::look::Look;
use crate::checks::family;
use crate::model::{Arg, Args, Observation, Value};
use crate::net::tls::tests::chains::{Ca, root};
use crate::net::tls::tests::ocsp::Draft;
use crate::net::tls::{Trust, now, provider};
use crate::probe::Cx;

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

struct Desk {
    ca: Ca,
    folder: tempfile::TempDir,
}

impl Desk {
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
        Arc::new(CertifiedKey::from_der(vec![der], key, &provider()).unwrap())
    }

    fn args(&self, address: SocketAddr, more: &[(&'static str, Arg)]) -> Args {
        let text = |text: String| Arg::Text(text);
        let mut all = Args::default();
        all.0.insert("host", text(address.ip().to_string()));
        all.0.insert("port", Arg::Integer(address.port().into()));
        all.0.insert("sni", text(NAME.to_owned()));
        all.0.insert("ca_file", text(self.folder.path().join("ca.pem").to_str().unwrap().to_owned()));
        all.0.insert("timeout", Arg::Number(20.0));
        all.0.extend(more.iter().cloned());
        all
    }

    async fn look(&self, address: SocketAddr, more: &[(&'static str, Arg)]) -> Observation {
        let probe = (family("tls").unwrap().build)(&self.args(address, more)).unwrap();
        let mut seen = Observation::default();
        let mut cx = Cx::new(&mut seen, Instant::now() + probe.longest(), 1, CancellationToken::new());
        probe.run(&mut cx).await.unwrap();
        in_the_table(&seen);
        seen
    }
}

fn in_the_table(seen: &Observation) {
    let facts = family("tls").unwrap().facts;
    for (name, _) in seen.rounds().iter().flat_map(|round| round.facts()) {
        assert!(facts.iter().any(|info| info.name == *name), "{name} is not in the table");
    }
}

fn all() -> [(&'static str, Arg); 1] {
    [("certificates", Arg::Text("all".to_owned()))]
}

#[track_caller]
fn fact<'o>(seen: &'o Observation, name: &str) -> &'o Value {
    seen.last(name).unwrap_or_else(|| panic!("{name} is absent: {:?} {:?}", seen.rounds(), seen.notes()))
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

#[tokio::test]
async fn a_second_expired_certificate_is_found() {
    let desk = Desk::new();
    let (good, bad) = (desk.certificate("ecdsa", 60, |_| {}), desk.certificate("rsa", -3, |_| {}));
    let address = tls(config(&[&good, &bad], &[&good, &bad])).await;
    let plain = desk.look(address, &[]).await;
    assert_eq!(fact(&plain, "verified"), true, "one handshake sees the good one: {:?}", plain.notes());
    assert_eq!(plain.last("certificates"), None);

    let seen = desk.look(address, &all()).await;
    assert_eq!(fact(&seen, "verified"), true);
    assert_eq!(fact(&seen, "certificates.verified"), false);
    assert_eq!(fact(&seen, "certificates.count"), 2);
    assert_eq!(fact(&seen, "certificates.keys"), &json!(["ECDSA P-256", "RSA 2048"]));
    assert_eq!(fact(&seen, "certificates.unknown"), &json!([]));
    assert_eq!(fact(&seen, "certificates.lint"), &json!(["expired_certificate"]));
    assert!(fact(&seen, "certificates.expires_in").as_f64().unwrap() < -2.0 * DAY as f64);
    assert_eq!(fact(&seen, "certificates.lifetime_left"), 0.0);
    let shown = fact(&seen, "certificates").as_object().unwrap();
    assert_eq!(shown.keys().collect::<Vec<_>>(), ["ecdsa", "rsa"]);
    assert_eq!((&shown["ecdsa"]["verified"], &shown["rsa"]["verified"]), (&json!(true), &json!(false)));
    assert_eq!((&shown["rsa"]["san"], &shown["rsa"]["sni"]), (&json!([NAME]), &json!(true)));
    assert!(shown["rsa"]["verify_error"].as_str().unwrap().starts_with("expired since"));
    assert!(seen.notes().iter().any(|note| note.contains("the rsa certificate does not verify")), "{:?}", seen.notes());
}

#[tokio::test]
async fn every_kind_is_found_and_nothing_that_is_not_there() {
    let desk = Desk::new();
    let kinds = ["ecdsa", "rsa", "ed25519"].map(|kind| desk.certificate(kind, 60, |_| {}));
    for some in [&[0][..], &[1], &[2], &[0, 1], &[1, 0], &[2, 1, 0]] {
        let list: Vec<&Arc<CertifiedKey>> = some.iter().map(|at| &kinds[*at]).collect();
        let seen = desk.look(tls(config(&list, &list)).await, &all()).await;
        let mut want: Vec<&str> = some.iter().map(|at| ["ecdsa", "rsa", "ed25519"][*at]).collect();
        want.sort_unstable();
        assert_eq!(fact(&seen, "certificates").as_object().unwrap().keys().collect::<Vec<_>>(), want);
        assert_eq!(fact(&seen, "certificates.count"), some.len());
        assert_eq!(fact(&seen, "certificates.verified"), true, "{:?}", seen.notes());
    }
}

#[tokio::test]
async fn what_is_shown_without_a_name_counts_apart() {
    let desk = Desk::new();
    let own = desk.certificate("ecdsa", 60, |_| {});
    let default = desk.certificate("ecdsa", 10, |params| {
        params.subject_alt_names = vec![rcgen::SanType::DnsName("default.test".try_into().unwrap())];
    });
    let seen = desk.look(tls(config(&[&own], &[&default])).await, &all()).await;
    let shown = fact(&seen, "certificates").as_object().unwrap();
    assert_eq!(shown.keys().collect::<Vec<_>>(), ["ecdsa", "ecdsa_no_sni"]);
    let nameless = &shown["ecdsa_no_sni"];
    assert_eq!(
        (&nameless["sni"], &nameless["trusted"], &nameless["verified"]),
        (&json!(false), &json!(true), &json!(false))
    );
    assert_eq!(fact(&seen, "certificates.verified"), true, "the default is nobody's for this name");
    let days = fact(&seen, "certificates.expires_in").as_f64().unwrap() / DAY as f64;
    assert!((8.0..11.0).contains(&days), "{days}");

    // Nothing without a name: it says so by an alert, which is an answer.
    let seen = desk.look(tls(config(&[&own], &[])).await, &all()).await;
    assert_eq!(fact(&seen, "certificates.unknown"), &json!([]));
    assert_eq!(fact(&seen, "certificates.count"), 1);
}

#[tokio::test]
async fn a_reset_is_not_the_absence_of_a_certificate() {
    let desk = Desk::new();
    let own = desk.certificate("ecdsa", 60, |_| {});
    let config = Arc::new(config(&[&own], &[&own]));
    let listener = listen(Ipv4Addr::LOCALHOST, 0).await;
    // Hangs up on who does not offer ECDSA.
    let address = serve(listener, move |stream| {
        let config = Arc::clone(&config);
        async move {
            let acceptor = rustls::server::Acceptor::default();
            let Ok(start) = tokio_rustls::LazyConfigAcceptor::new(acceptor, stream).await else { return };
            let ecdsa =
                start.client_hello().signature_schemes().contains(&rustls::SignatureScheme::ECDSA_NISTP256_SHA256);
            if ecdsa && let Ok(mut stream) = start.into_stream(config).await {
                let _ = stream.flush().await;
                let _ = stream.read(&mut [0; 16]).await;
            }
        }
    });
    let seen = desk.look(address, &all()).await;
    assert_eq!(fact(&seen, "verified"), true);
    let unknown: Vec<String> = serde_json::from_value(fact(&seen, "certificates.unknown").clone()).unwrap();
    // Ed25519 and RSA, with and without the name; for RSA the suites of TLS 1.2 come with every scheme and get an answer.
    assert_eq!(unknown.len(), 4, "{unknown:?}");
    assert!(unknown.iter().all(|line| line.contains("closed") || line.contains("reset")), "{unknown:?}");
    assert_eq!(fact(&seen, "certificates").as_object().unwrap().keys().collect::<Vec<_>>(), ["ecdsa"]);
    for absent in ["certificates.verified", "certificates.count", "certificates.expires_in", "certificates.keys"] {
        assert_eq!(seen.last(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn a_server_that_answers_nobody_has_no_aggregates() {
    let desk = Desk::new();
    let address = listen(Ipv4Addr::LOCALHOST, 0).await.local_addr().unwrap();
    let seen = desk.look(address, &all()).await;
    assert_eq!(fact(&seen, "outcome"), "refused");
    assert_eq!(fact(&seen, "certificates.unknown"), &json!(["127.0.0.1: refused"]));
    for absent in ["verified", "certificates.verified", "certificates.count", "certificates.lint", "lint"] {
        assert_eq!(seen.last(absent), None, "{absent}");
    }
}

async fn at_all(desk: &Desk, port: u16, addresses: &[IpAddr], more: &[(&'static str, Arg)]) -> Observation {
    let mut args = desk.args(SocketAddr::new(addresses[0], port), more);
    args.0.insert("addresses", Arg::Text("all".to_owned()));
    let look = Look::from_args(&args).unwrap();
    let trust = Trust::from_args(&args).unwrap();
    let mut seen = Observation::default();
    let mut cx = Cx::new(&mut seen, Instant::now() + look.longest(), 1, CancellationToken::new());
    look.look_at(&mut cx, addresses, trust.load().await.unwrap()).await.unwrap();
    in_the_table(&seen);
    seen
}

/// 127.0.0.1, .2 and .3 on one port, each with its own certificate.
async fn three(keys: [&Arc<CertifiedKey>; 3]) -> (u16, Vec<IpAddr>) {
    'port: loop {
        let first = listen(Ipv4Addr::LOCALHOST, 0).await;
        let port = first.local_addr().unwrap().port();
        let mut listeners = vec![first];
        for last in [2, 3] {
            match TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), port)).await {
                Ok(listener) => listeners.push(listener),
                Err(_) => continue 'port,
            }
        }
        let addresses = listeners.iter().map(|listener| listener.local_addr().unwrap().ip()).collect();
        for (listener, key) in listeners.into_iter().zip(keys) {
            shaking(listener, config(&[key], &[key]));
        }
        return (port, addresses);
    }
}

#[cfg(target_os = "linux")] // the whole of 127.0.0.0/8 is local
#[tokio::test]
async fn the_worst_of_all_addresses_is_what_is_reported() {
    let desk = Desk::new();
    let (good, bad) = (desk.certificate("ecdsa", 60, |_| {}), desk.certificate("ecdsa", -3, |_| {}));
    let soon = desk.certificate("ecdsa", 5, |_| {});
    let (port, addresses) = three([&good, &good, &good]).await;
    let seen = at_all(&desk, port, &addresses, &[]).await;
    assert_eq!(fact(&seen, "addresses"), &json!(["127.0.0.1", "127.0.0.2", "127.0.0.3"]));
    assert_eq!(fact(&seen, "addresses.failed"), &json!([]));
    assert_eq!((fact(&seen, "addresses.agree"), fact(&seen, "verified")), (&json!(true), &json!(true)));
    assert_eq!(seen.merged("handshake_time").unwrap().summary().unwrap().get("count"), Some(3.0));

    let (port, addresses) = three([&good, &bad, &good]).await;
    let seen = at_all(&desk, port, &addresses, &all()).await;
    assert_eq!(fact(&seen, "addresses.failed"), &json!(["127.0.0.2 unverified"]));
    assert_eq!((fact(&seen, "addresses.agree"), fact(&seen, "verified")), (&json!(false), &json!(false)));
    assert_eq!(fact(&seen, "address"), "127.0.0.2");
    assert!(fact(&seen, "expires_in").as_f64().unwrap() < 0.0);
    assert_eq!(fact(&seen, "lint"), &json!(["expired_certificate"]));
    let shown: Vec<&String> = fact(&seen, "certificates").as_object().unwrap().keys().collect();
    assert_eq!(shown, ["ecdsa", "ecdsa@127.0.0.2"]);
    assert_eq!(fact(&seen, "certificates.verified"), false);
    let told = |part: &str| seen.notes().iter().any(|note| note.contains(part));
    assert!(told("127.0.0.1, 127.0.0.3: CN=www.real.test") && told("does not verify"), "{:?}", seen.notes());

    // Different and both good: the first to expire is the one to know of.
    let (port, addresses) = three([&good, &good, &soon]).await;
    let seen = at_all(&desk, port, &addresses, &[]).await;
    assert_eq!((fact(&seen, "addresses.agree"), fact(&seen, "verified")), (&json!(false), &json!(true)));
    assert!(fact(&seen, "expires_in").as_f64().unwrap() < 6.0 * DAY as f64);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_address_that_was_not_seen_leaves_open_whether_they_agree() {
    let desk = Desk::new();
    let good = desk.certificate("ecdsa", 60, |_| {});
    let (port, mut addresses) = three([&good, &good, &good]).await;
    addresses.push(Ipv4Addr::new(127, 0, 0, 4).into());
    let seen = at_all(&desk, port, &addresses, &[]).await;
    assert_eq!(fact(&seen, "outcome"), "refused");
    assert_eq!(fact(&seen, "addresses.failed"), &json!(["127.0.0.4 refused"]));
    for absent in ["addresses.agree", "verified", "expires_in", "lint"] {
        assert_eq!(seen.last(absent), None, "{absent}");
    }
}

/// A server that staples `response` to its certificate.
async fn stapling(key: &Arc<CertifiedKey>, response: Vec<u8>) -> SocketAddr {
    let mut with = (**key).clone();
    with.ocsp = Some(response).filter(|response| !response.is_empty());
    let with = Arc::new(with);
    tls(config(&[&with], &[&with])).await
}

#[tokio::test]
async fn what_is_stapled_is_read_and_proven() {
    let desk = Desk::new();
    let must = |params: &mut CertificateParams| {
        let feature = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], vec![0x30, 3, 2, 1, 5]);
        params.custom_extensions.push(feature);
    };
    let key = desk.certificate("ecdsa", 60, must);
    let leaf = key.cert[0].clone();
    let staple = |change: &dyn Fn(&mut Draft)| {
        let mut draft = Draft::about(&leaf, &desk.ca);
        (draft.this_update, draft.next_update) = (today() - DAY, Some(today() + 3 * DAY));
        change(&mut draft);
        draft.signed(desk.ca.issuer.key())
    };
    let seen = desk.look(stapling(&key, staple(&|_| {})).await, &[]).await;
    assert_eq!((fact(&seen, "ocsp.stapled"), fact(&seen, "ocsp.status")), (&json!(true), &json!("good")));
    assert_eq!((fact(&seen, "must_staple"), fact(&seen, "lint")), (&json!(true), &json!([])));
    let days = fact(&seen, "ocsp.next_update_in").as_f64().unwrap() / DAY as f64;
    assert!((2.9..3.0).contains(&days), "{days}");

    let seen = desk.look(stapling(&key, Vec::new()).await, &[]).await;
    assert_eq!(fact(&seen, "ocsp.stapled"), false);
    assert_eq!(fact(&seen, "lint"), &json!(["staple_missing"]));
    assert_eq!(seen.last("ocsp.status"), None);

    let old: &dyn Fn(&mut Draft) = &|draft| draft.next_update = Some(today() - 60);
    let revoked: &dyn Fn(&mut Draft) = &|draft| {
        draft.status = crate::net::tls::tests::forge::tlv(0xa1, &[&crate::net::tls::tests::forge::time(today() - DAY)]);
    };
    let spoiled: &dyn Fn(&mut Draft) = &|draft| draft.spoil = true;
    for (want, change) in [("expired", old), ("revoked", revoked), ("invalid", spoiled)] {
        let seen = desk.look(stapling(&key, staple(change)).await, &[]).await;
        assert_eq!(fact(&seen, "ocsp.status"), want);
        assert_eq!(fact(&seen, "verified"), true);
        assert_eq!(seen.last("ocsp.error").is_some(), want == "invalid");
    }
    let seen = desk.look(stapling(&key, b"junk".to_vec()).await, &[]).await;
    assert_eq!(fact(&seen, "ocsp.status"), "invalid");
}

fn list(desk: &Desk, revoked: &[&CertificateDer<'_>], until: i64) -> Vec<u8> {
    let mut dates = CertificateParams::default();
    valid(&mut dates, -9, until);
    let revoked = revoked.iter().map(|der| {
        let (_, parsed) = x509_parser::parse_x509_certificate(der).unwrap();
        RevokedCertParams {
            serial_number: SerialNumber::from_slice(parsed.raw_serial()),
            revocation_time: dates.not_before,
            reason_code: None,
            invalidity_date: None,
        }
    });
    let params = CertificateRevocationListParams {
        this_update: dates.not_before,
        next_update: dates.not_after,
        crl_number: SerialNumber::from(7),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&desk.ca.issuer).unwrap().der().to_vec()
}

/// An HTTP server that answers whoever asks with `head` and `body`.
async fn publishing(listener: TcpListener, status: &'static str, body: Vec<u8>) -> Arc<AtomicUsize> {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    serve(listener, move |mut stream| {
        count.fetch_add(1, Ordering::Relaxed);
        let body = body.clone();
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
        }
    });
    asked
}

#[tokio::test]
async fn a_list_is_fetched_when_asked_for_and_says_what_it_says() {
    let desk = Desk::new();
    let on = [("crl", Arg::Bool(true))];
    for (want, status, revoked, until) in [
        ("good", "200 OK", false, 9),
        ("revoked", "200 OK", true, 9),
        ("expired", "200 OK", false, -1),
        ("revoked", "200 OK", true, -1),
        ("unreachable", "404 Not Found", false, 9),
    ] {
        let listener = listen(Ipv4Addr::LOCALHOST, 0).await;
        let url = format!("http://{}/a.crl", listener.local_addr().unwrap());
        let key = desk.certificate("ecdsa", 60, |params| {
            params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![url.clone()] }];
        });
        let leaf = key.cert[0].clone();
        let named: &[&CertificateDer<'_>] = if revoked { &[&leaf] } else { &[] };
        let asked = publishing(listener, status, list(&desk, named, until)).await;
        let address = tls(config(&[&key], &[&key])).await;
        let seen = desk.look(address, &[]).await;
        assert_eq!((seen.last("crl.status"), asked.load(Ordering::Relaxed)), (None, 0), "nothing is fetched unasked");
        let seen = desk.look(address, &on).await;
        assert_eq!(fact(&seen, "crl.status"), want, "{:?}", seen.notes());
        assert_eq!(seen.last("crl.next_update_in").is_some(), want != "unreachable");
        let checked = fact(&seen, "crl.checked").as_array().unwrap();
        assert!(checked[0].as_str().unwrap().starts_with(&format!("CN=www.real.test: {want}")), "{checked:?}");
        assert_eq!(fact(&seen, "verified"), true);
    }
    let none = desk.certificate("ecdsa", 60, |_| {});
    let seen = desk.look(tls(config(&[&none], &[&none])).await, &on).await;
    assert_eq!(fact(&seen, "crl.status"), "none");
}

#[tokio::test]
async fn a_server_of_lists_cannot_hold_a_check_up() {
    use crate::net::fetch::get;
    let patience = Duration::from_millis(400);
    let drip = serve(listen(Ipv4Addr::LOCALHOST, 0).await, |mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let endless = serve(listen(Ipv4Addr::LOCALHOST, 0).await, |mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        while stream.write_all(b"10\r\n0123456789abcdef\r\n").await.is_ok() {}
    });
    let banner = serve(listen(Ipv4Addr::LOCALHOST, 0).await, |mut stream| async move {
        while stream.write_all(b"HTTP/1.1 200 OK\r\nX: y\r\n").await.is_ok() {}
    });
    let moved = publishing_at("301 Moved\r\nLocation: http://127.0.0.1:1/").await;
    let why = async |address: SocketAddr, patience| {
        get(&format!("http://{address}/"), 4096, patience).await.unwrap().unwrap_err()
    };
    assert!(why(drip, patience).await.contains("not fetched within"));
    let long = Duration::from_secs(20);
    assert!(why(endless, long).await.contains("more than 4096 bytes"));
    assert!(why(banner, long).await.contains("HTTP"));
    assert!(why(moved, long).await.contains("301"));
    for (url, want) in [("https://127.0.0.1/", "only http"), ("ldap://127.0.0.1/", "only http"), ("nonsense", "no URL")]
    {
        let why = get(url, 4096, patience).await.unwrap().unwrap_err();
        assert!(why.contains(want), "{why}");
    }
}

async fn publishing_at(status: &'static str) -> SocketAddr {
    let listener = listen(Ipv4Addr::LOCALHOST, 0).await;
    let address = listener.local_addr().unwrap();
    publishing(listener, status, Vec::new()).await;
    address
}
