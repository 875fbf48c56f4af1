//! Scans over TCP against servers in this process, hostile ones among them, as a suite would run them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::model::{Back, End, Model, Quirk, length};
use crate::checks::tls::Tls;
use crate::model::{Arg, Args, Observation, Value};
use crate::probe::Probe as _;
use crate::proto::tls::hello::Version;
use crate::testing::{args, fast_forward, list, observe, table, text};

/// Where an answer comes at all.
const PATIENCE: f64 = 20.0;
/// Where silence is part of the test.
const BRIEF: f64 = 0.3;

const SUITES: &[u16] = &[0xc02f, 0xc030, 0x009c, 0x000a];

/// A server that does with each connection what `serve` says.
async fn server<F, S>(serve: S) -> u16
where
    F: Future<Output = ()> + Send + 'static,
    S: Fn(TcpStream) -> F + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    port
}

/// A model over TCP.
async fn modelled(model: Model) -> (u16, Arc<Mutex<Model>>) {
    let model = Arc::new(Mutex::new(model));
    let shared = model.clone();
    let port = server(move |stream| answer(stream, shared.clone())).await;
    (port, model)
}

async fn answer(mut stream: TcpStream, model: Arc<Mutex<Model>>) {
    if let Some(hello) = hello(&mut stream).await {
        answer_to(&hello, stream, model).await;
    }
}

async fn answer_to(hello: &[u8], mut stream: TcpStream, model: Arc<Mutex<Model>>) {
    let back = model.lock().unwrap().answer(hello, false);
    match back {
        Back::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.read(&mut [0; 16]).await;
        }
        Back::End(End::Reset) => {
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        Back::End(End::Silence) => {
            let _ = stream.read(&mut [0; 16]).await;
        }
        Back::End(_) => {}
    }
}

/// The whole hello of a client.
async fn hello(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if length(&bytes).is_some_and(|length| bytes.len() >= length) {
            return Some(bytes);
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

async fn scan(port: u16, patience: f64) -> (Observation, Duration) {
    scan_with(port, patience, Arg::Bool(true)).await
}

async fn scan_with(port: u16, patience: f64, how: Arg) -> (Observation, Duration) {
    let written = [
        ("host", text("127.0.0.1")),
        ("port", Arg::Integer(port.into())),
        ("sni", text("www.example")),
        ("timeout", Arg::Number(patience)),
        ("scan", how),
    ];
    let probe = Tls::from_args(&args(written, &[])).unwrap();
    let _fast_forward = fast_forward();
    let start = Instant::now();
    let (observation, ended) = observe(&probe).await;
    ended.unwrap();
    assert!(start.elapsed() < probe.longest());
    (observation, start.elapsed())
}

/// Whatever a gate could expect of a finished scan is absent.
#[track_caller]
fn nothing(observation: &Observation, outcome: &str) {
    assert_eq!(observation.text("outcome"), Some(outcome), "{:?}", observation.notes());
    for fact in crate::checks::tls::scan::facts::FACTS.iter().filter(|fact| fact.name != "scan.connections") {
        assert_eq!(observation.last(fact.name), None, "{}", fact.name);
    }
}

/// A server that takes only what this program does not speak is scanned; its certificate is not told as untrusted.
#[tokio::test]
async fn what_needs_a_handshake_is_unavailable_where_none_can_be_made_here() {
    // CCM and CBC.
    let takes: &[(Version, &[u16])] = &[(Version::Tls13, &[0x1304]), (Version::Tls12, &[0xc013, 0x002f])];
    let (port, _) = modelled(Model::new(takes)).await;
    let (observation, _) = scan(port, PATIENCE).await;
    assert_eq!(observation.text("outcome"), Some("scanned"), "{:?}", observation.notes());
    for fact in ["verified", "verify_error", "cipher", "chain.expires_in", "ocsp.acceptable"] {
        assert_eq!(observation.last(fact), None, "{fact}");
        let why = observation.unavailable(fact).map(ToString::to_string);
        assert!(why.is_some_and(|why| !why.is_empty()), "{fact}: {:?}", observation.notes());
    }
    for fact in ["scan.versions", "scan.unknown", "outcome"] {
        assert!(observation.unavailable(fact).is_none() && observation.last(fact).is_some(), "{fact}");
    }
}

/// Connections before those of a scan of a server that refuses the handshake: the handshake's, and three that ask whether the
/// server takes something else.
const BEFORE: u32 = 4;

#[tokio::test]
async fn every_fact_of_an_old_server() {
    let mut model = Model::new(&[(Version::Ssl3, &[0x0005, 0x0003]), (Version::Tls12, SUITES)]);
    model.rsa = include_bytes!("p256.der").to_vec();
    let (port, model) = modelled(model).await;
    let (observation, _) = scan(port, PATIENCE).await;
    assert_eq!(observation.text("outcome"), Some("scanned"));
    assert_eq!(list(&observation, "scan.versions"), ["SSLv3", "TLS1.2"]);
    let old = ["TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_EXPORT_WITH_RC4_40_MD5"];
    let (mut got, mut want) = (list(&observation, "scan.ciphers.ssl3"), old.map(str::to_owned).to_vec());
    got.sort();
    want.sort();
    assert_eq!(got, want);
    assert_eq!(list(&observation, "scan.ciphers.tls1.2").len(), SUITES.len());
    assert_eq!(list(&observation, "scan.ciphers").len(), SUITES.len() + 2);
    assert_eq!(list(&observation, "scan.ciphers.tls1.3"), [""; 0]);
    let mut weak = list(&observation, "scan.weak");
    weak.sort();
    assert_eq!(
        weak,
        ["3DES TLS_RSA_WITH_3DES_EDE_CBC_SHA", "RC4 TLS_RSA_WITH_RC4_128_SHA", "export TLS_RSA_EXPORT_WITH_RC4_40_MD5"]
    );
    assert_eq!(list(&observation, "scan.groups"), ["x25519", "secp256r1"]);
    assert_eq!(observation.last("scan.preference").unwrap()["tls1.2"], "server");
    assert_eq!(observation.last("scan.secure_renegotiation"), Some(&Value::Bool(true)));
    assert_eq!(list(&observation, "scan.unknown"), [""; 0]);
    let connections = i64::from(model.lock().unwrap().connections);
    assert_eq!(observation.last("scan.connections").unwrap().as_i64(), Some(connections - i64::from(BEFORE)));
    let leaf = &table(&observation, "scan.certificates")["ecdsa"];
    assert_eq!((&leaf["sni"], &leaf["san"][0]), (&"both".into(), &"www.peer.test".into()));
    assert!(observation.last("scan.expires_in").is_some());
}

#[tokio::test]
async fn resets_of_every_third_connection_are_unknown_not_refused() {
    let (port, _model) = modelled(Model::with(Quirk::ResetsEvery(3), &[(Version::Tls12, SUITES)])).await;
    let (observation, _) = scan(port, PATIENCE).await;
    assert_eq!(observation.text("outcome"), Some("scanned"));
    assert!(!list(&observation, "scan.unknown").is_empty());
    // Where a list is complete, nothing is missing from it.
    if observation.last("scan.ciphers.tls1.2").is_some() {
        assert_eq!(list(&observation, "scan.ciphers.tls1.2").len(), SUITES.len());
    }
    if observation.last("scan.versions").is_some() {
        assert_eq!(list(&observation, "scan.versions"), ["TLS1.2"]);
    }
}

#[tokio::test]
async fn half_a_list_is_no_list() {
    let (port, _model) = modelled(Model::with(Quirk::Stops(12, End::Reset), &[(Version::Tls12, SUITES)])).await;
    let (observation, _) = scan(port, PATIENCE).await;
    assert_eq!(observation.text("outcome"), Some("scanned"));
    assert!(!list(&observation, "scan.unknown").is_empty());
    for fact in ["scan.ciphers", "scan.ciphers.tls1.2", "scan.weak"] {
        assert_eq!(observation.last(fact), None, "{fact}");
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (observation, _) = scan(port, PATIENCE).await;
    nothing(&observation, "refused");
}

#[tokio::test]
async fn a_name_without_an_address() {
    let written = [("host", text("nowhere.invalid")), ("timeout", Arg::Number(1.0)), ("scan", Arg::Bool(true))];
    let (observation, ended) = observe(&Tls::from_args(&args(written, &[])).unwrap()).await;
    ended.unwrap();
    nothing(&observation, "unresolved");
}

#[tokio::test]
async fn silence_garbage_closes_and_refusals() {
    let ends = [
        (Quirk::Stops(0, End::Silence), "timeout"),
        (Quirk::Stops(0, End::Reset), "reset"),
        (Quirk::Stops(0, End::Close), "closed"),
        (Quirk::Stops(0, End::Alert(40)), "alert"),
        (Quirk::Garbage, "not_tls"),
    ];
    let scans = ends.map(|(quirk, outcome)| async move {
        let patience = if outcome == "timeout" { BRIEF } else { PATIENCE };
        let (port, _model) = modelled(Model::with(quirk, &[])).await;
        let (observation, _) = scan(port, patience).await;
        nothing(&observation, outcome);
        assert!(!observation.notes().is_empty(), "{outcome}");
    });
    futures_util::future::join_all(scans).await;
}

#[tokio::test]
async fn a_slow_drip_ends_with_the_patience() {
    // A byte of a good answer now and then: every wait is short, the whole is not.
    let port = server(|mut stream| async move {
        if hello(&mut stream).await.is_none() {
            return;
        }
        for byte in [22, 3, 3, 0, 80].into_iter().chain([0; 80]) {
            if stream.write_all(&[byte]).await.is_err() {
                return;
            }
            // The drip itself.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let (observation, elapsed) = scan(port, BRIEF).await;
    nothing(&observation, "timeout");
    assert!(elapsed < Duration::from_secs(30), "{elapsed:?}");
}

#[tokio::test]
async fn an_endless_answer_ends() {
    let port = server(|mut stream| async move {
        if hello(&mut stream).await.is_some() {
            while stream.write_all(&[22, 3, 3, 0x40, 0].repeat(1000)).await.is_ok() {}
        }
    })
    .await;
    let (observation, _) = scan(port, PATIENCE).await;
    nothing(&observation, "not_tls");
}

#[tokio::test]
async fn parallel_and_rate_are_kept() {
    let group = |parallel: i64, rate: f64| {
        let mut group = Args::default();
        group.0.insert("parallel", Arg::Integer(parallel));
        group.0.insert("rate", Arg::Number(rate));
        Arg::Group(group)
    };
    let (port, model) = modelled(Model::new(&[(Version::Tls12, SUITES)])).await;
    let (observation, elapsed) = scan_with(port, PATIENCE, group(2, 100.0)).await;
    assert_eq!(list(&observation, "scan.versions"), ["TLS1.2"]);
    let connections = model.lock().unwrap().connections;
    // The schedule is a lower bound of the time, whatever the load; it begins with the first connection of the scan.
    assert!(elapsed >= Duration::from_millis(10) * (connections - BEFORE - 1), "{connections} in {elapsed:?}");
    // Connections so far, those that are open, and the most that were.
    let busy = Arc::new(Mutex::new((0_u32, 0_u32, 0_u32)));
    let counted = busy.clone();
    let (shared, waiting) = (model.clone(), watch::Sender::new(0_u32));
    let together = waiting.clone();
    let port = server(move |mut stream| {
        let (busy, model, together) = (counted.clone(), shared.clone(), together.clone());
        async move {
            let number = {
                let mut busy = busy.lock().unwrap();
                busy.0 += 1;
                busy.1 += 1;
                busy.2 = busy.2.max(busy.1);
                busy.0
            };
            let hello = hello(&mut stream).await.unwrap();
            // Those before the scan are alone. Its first two are not answered before both are there.
            if (BEFORE + 1..=BEFORE + 2).contains(&number) {
                together.send_modify(|waiting| *waiting += 1);
                let mut both = together.subscribe();
                tokio::select! {
                    met = both.wait_for(|waiting| *waiting == 2) => drop(met),
                    _ = stream.read_u8() => together.send_modify(|waiting| *waiting -= 1),
                }
            }
            answer_to(&hello, stream, model).await;
            busy.lock().unwrap().1 -= 1;
        }
    })
    .await;
    scan_with(port, PATIENCE, group(2, 10_000.0)).await;
    assert_eq!(*waiting.borrow(), 2, "one was given up before the next one came");
    let most = busy.lock().unwrap().2;
    // A connection counts here until its close is seen, so one more may be on its way out for each.
    assert!((2..=4).contains(&most), "{most}");
}

#[test]
fn the_longest_scan_is_counted_with_its_rate() {
    let mut args = Args::default();
    args.0.insert("host", Arg::Text("192.0.2.1".into()));
    args.0.insert("timeout", Arg::Number(5.0));
    args.0.insert("scan", Arg::Bool(true));
    let usual = Tls::from_args(&args).unwrap().longest();
    // 17.5 s for the name, the handshake and a late word after it, 60 s of patience, 800 connections at 20 a second.
    assert_eq!(usual, Duration::from_millis(17_500 + 60_000 + 40_000));
}
