//! Family `tls`, `load`: every number is of handshakes that a user would have gone on with.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use shakedown::checks::{FAMILIES, family};
use shakedown::lab::pki::{NAME, Pki};
use shakedown::model::{Arg, Args, Observation};
use shakedown::suite::Diagnostics;
use shakedown::suite::defaults::Defaults;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::script::{accepting, args, fact, nobody, run, server, text};

struct Lab {
    pki: Pki,
    folder: tempfile::TempDir,
}

impl Lab {
    async fn new() -> Self {
        let (pki, folder) = (Pki::new().unwrap(), tempfile::tempdir().unwrap());
        pki.write_ca(&folder.path().join("ca.pem")).await.unwrap();
        Self { pki, folder }
    }

    fn config(&self) -> ServerConfig {
        (*self.pki.good.server(&[]).unwrap()).clone()
    }

    fn check(&self, address: SocketAddr, load: Vec<(&'static str, Arg)>) -> Args {
        let load = [vec![("connections", Arg::Integer(4)), ("duration", Arg::Number(0.5))], load].concat();
        args([
            ("host", text(address.ip().to_string())),
            ("port", Arg::Integer(address.port().into())),
            ("timeout", Arg::Number(20.0)),
            ("sni", text(NAME)),
            ("ca_file", text(self.folder.path().join("ca.pem").to_str().unwrap())),
            ("load", Arg::Group(Args(load.into_iter().collect()))),
        ])
    }
}

fn count(observation: &Observation, name: &str) -> u64 {
    fact(observation, name).as_u64().unwrap()
}

fn noted(observation: &Observation, part: &str) -> bool {
    observation.notes().iter().any(|note| note.contains(part))
}

/// Nothing that a default expectation could hold for.
#[track_caller]
fn nothing_measured(observation: &Observation) {
    for name in ["load.handshakes_per_second", "load.resumed"] {
        assert_eq!(observation.last(name), None, "{name}: {:?}", observation.notes());
    }
    assert!(observation.merged("load.handshake_time").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_handshakes_are_counted_and_timed() {
    let lab = Lab::new().await;
    let address = accepting(lab.config()).await;
    for reset in [false, true] {
        let observation = run("tls", lab.check(address, vec![("reset", Arg::Bool(reset))])).await.unwrap();
        let all = count(&observation, "load.handshakes");
        assert!(all > 4, "{all}: {:?}", observation.notes());
        assert_eq!(count(&observation, "load.errors"), 0, "{:?}", observation.notes());
        assert_eq!(observation.merged("load.handshake_time").unwrap().count(), all);
        assert_eq!(fact(&observation, "load.resumed"), 0.0);
        assert_eq!(observation.last("load.missed"), None, "without a rate nothing is missed");
        assert!(observation.merged("load.lateness").is_none(), "nor late");
        let rate = fact(&observation, "load.handshakes_per_second").as_f64().unwrap();
        assert!(rate > 0.0 && rate <= all as f64 / 0.5, "{rate} of {all}");
        assert!(fact(&observation, "cpu.local").as_f64().unwrap() > 0.0);
        assert!(["client", "unknown"].contains(&fact(&observation, "limited_by").as_str().unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_ends_it_exactly() {
    let lab = Lab::new().await;
    let address = accepting(lab.config()).await;
    let load = vec![("count", Arg::Integer(21)), ("duration", Arg::Number(60.0))];
    let observation = run("tls", lab.check(address, load)).await.unwrap();
    assert_eq!(count(&observation, "load.handshakes"), 21, "{:?}", observation.notes());
    // The rate is that of the handshakes, not of a minute in which nothing was left to do.
    assert!(fact(&observation, "load.handshakes_per_second").as_f64().unwrap() > 21.0 / 60.0 * 2.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resumed_is_what_was_resumed() {
    let lab = Lab::new().await;
    for version in ["TLS1.2", "TLS1.3"] {
        for forgets in [false, true] {
            let mut config = lab.config();
            if forgets {
                config.session_storage = Arc::new(NoServerSessionStorage {});
            }
            let address = accepting(config).await;
            let load = vec![("resume", Arg::Bool(true)), ("count", Arg::Integer(20)), ("duration", Arg::Number(60.0))];
            let mut check = lab.check(address, load);
            check.0.insert("min_version", text(version));
            check.0.insert("max_version", text(version));
            // A server that hands out no ticket is waited for, a little, each time.
            check.0.insert("timeout", Arg::Number(if forgets { 2.0 } else { 20.0 }));
            let observation = run("tls", check).await.unwrap();
            assert_eq!(count(&observation, "load.handshakes"), 20, "{:?}", observation.notes());
            let want = if forgets { 0.0 } else { 1.0 };
            assert_eq!(fact(&observation, "load.resumed"), want, "{version} {forgets}: {:?}", observation.notes());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_is_accounted_for_to_the_last_handshake() {
    let lab = Lab::new().await;
    let address = accepting(lab.config()).await;
    let load = vec![("rate", Arg::Number(40.0)), ("duration", Arg::Number(1.0))];
    let observation = run("tls", lab.check(address, load)).await.unwrap();
    let all = count(&observation, "load.handshakes")
        + count(&observation, "load.errors")
        + count(&observation, "load.missed");
    assert_eq!(all, 40, "{:?}", observation.notes());
    assert!(count(&observation, "load.handshakes") > 10);
}

/// Does its handshakes one after the other, and stands still once.
async fn stalls(config: ServerConfig, at: usize, stall: Duration) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            if number == at {
                // The stall itself.
                tokio::time::sleep(stall).await;
            }
            let _ = acceptor.accept(stream).await;
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stall_is_in_the_times_of_all_who_had_to_wait() {
    let lab = Lab::new().await;
    // Few connections are all stuck, and what is due meanwhile begins late; of many each is stuck by itself.
    for connections in [4, 200] {
        let address = stalls(lab.config(), 20, Duration::from_secs(1)).await;
        let load = vec![
            ("rate", Arg::Number(50.0)),
            ("duration", Arg::Number(2.5)),
            ("connections", Arg::Integer(connections)),
        ];
        let observation = run("tls", lab.check(address, load)).await.unwrap();
        let times = observation.merged("load.handshake_time").unwrap();
        let waited = times.first().iter().filter(|time| **time > 0.3).count();
        // 50 became due while it stood still; only those of its last 300 ms may have been quick.
        assert!(waited >= 30, "{waited} of {} with {connections}: {:?}", times.count(), observation.notes());
        // Where it waited: for a free connection, or on its own.
        let late = observation.merged("load.lateness").unwrap().first().iter().filter(|time| **time > 0.3).count();
        assert_eq!(late >= 30, connections == 4, "{late} began late with {connections}: {:?}", observation.notes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_counted_by_kind_and_never_as_a_handshake() {
    let lab = Lab::new().await;
    let acceptor = TlsAcceptor::from(Arc::new(lab.config()));
    let turn = Arc::new(AtomicUsize::new(0));
    let address = server(move |stream| {
        let (acceptor, number) = (acceptor.clone(), turn.fetch_add(1, Ordering::Relaxed));
        async move {
            if number % 3 == 2 {
                let _ = stream.set_zero_linger();
            } else if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 16]).await;
            }
        }
    })
    .await;
    let load = vec![("count", Arg::Integer(30)), ("duration", Arg::Number(60.0))];
    let observation = run("tls", lab.check(address, load)).await.unwrap();
    // The first connection was the look's.
    assert_eq!(
        (count(&observation, "load.handshakes"), count(&observation, "load.errors")),
        (20, 10),
        "{:?}",
        observation.notes()
    );
    assert!(
        noted(&observation, "of 30 failed: reset") || noted(&observation, "of 30 failed: no connection"),
        "{:?}",
        observation.notes()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_does_not_verify_is_an_error_each_time() {
    let lab = Lab::new().await;
    let good = TlsAcceptor::from(Arc::new(lab.config()));
    let wrong = TlsAcceptor::from(lab.pki.wrong_name.server(&[]).unwrap());
    let turn = Arc::new(AtomicUsize::new(0));
    // Good when it is looked at, and never again.
    let address = server(move |stream| {
        let first = turn.fetch_add(1, Ordering::Relaxed) == 0;
        let acceptor = if first { good.clone() } else { wrong.clone() };
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 16]).await;
            }
        }
    })
    .await;
    let load = vec![("count", Arg::Integer(10)), ("duration", Arg::Number(60.0))];
    let observation = run("tls", lab.check(address, load)).await.unwrap();
    assert_eq!(
        (count(&observation, "load.handshakes"), count(&observation, "load.errors")),
        (0, 10),
        "{:?}",
        observation.notes()
    );
    assert!(noted(&observation, "not valid for name"), "{:?}", observation.notes());
    nothing_measured(&observation);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_in_order_is_not_loaded() {
    let lab = Lab::new().await;
    let turn = Arc::new(AtomicUsize::new(0));
    let (wrong, counted) = (TlsAcceptor::from(lab.pki.wrong_name.server(&[]).unwrap()), turn.clone());
    let address = server(move |stream| {
        counted.fetch_add(1, Ordering::Relaxed);
        let acceptor = wrong.clone();
        async move {
            let _ = acceptor.accept(stream).await;
        }
    })
    .await;
    let observation = run("tls", lab.check(address, vec![])).await.unwrap();
    assert!(noted(&observation, "no load was made"), "{:?}", observation.notes());
    assert_eq!(turn.load(Ordering::Relaxed), 1);
    nothing_measured(&observation);
    let observation = run("tls", lab.check(nobody().await, vec![])).await.unwrap();
    assert_eq!(fact(&observation, "outcome"), "refused");
    assert!(noted(&observation, "no load was made"), "{:?}", observation.notes());
    nothing_measured(&observation);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_away_is_not_hammered() {
    let lab = Lab::new().await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(lab.config()));
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut stream = acceptor.accept(stream).await.unwrap();
        let _ = stream.read(&mut [0; 16]).await;
    });
    let observation = run("tls", lab.check(address, vec![("duration", Arg::Number(1.0))])).await.unwrap();
    let errors = count(&observation, "load.errors");
    assert!((1..100).contains(&errors), "{errors}: {:?}", observation.notes());
    assert_eq!(count(&observation, "load.handshakes"), 0);
    assert!(noted(&observation, "no connection: refused"), "{:?}", observation.notes());
    nothing_measured(&observation);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_is_given_up_ends_its_threads() {
    let lab = Lab::new().await;
    let acceptor = TlsAcceptor::from(Arc::new(lab.config()));
    let connections = Arc::new(tokio::sync::watch::Sender::new(0_usize));
    let counted = connections.clone();
    let address = server(move |stream| {
        counted.send_modify(|count| *count += 1);
        let acceptor = acceptor.clone();
        async move {
            let _ = acceptor.accept(stream).await;
        }
    })
    .await;
    let mut begun = connections.subscribe();
    let load = run("tls", lab.check(address, vec![("duration", Arg::Number(600.0))]));
    // Given up once it is well under way.
    tokio::select! {
        _ = load => panic!("ten minutes are not over"),
        enough = begun.wait_for(|count| *count >= 20) => drop(enough),
    }
    // What had begun may still arrive; then nothing does.
    for _ in 0..200 {
        begun.mark_unchanged();
        if tokio::time::timeout(Duration::from_millis(100), begun.changed()).await.is_err() {
            return;
        }
    }
    panic!("still at it after {} connections", *begun.borrow());
}

#[test]
fn what_load_expects_by_default() {
    let tls = family("tls").unwrap();
    let check = |load| args([("host", text("www.test")), ("load", load)]);
    let mut errors = Diagnostics::default();
    let defaults = Defaults::of(FAMILIES, &mut errors);
    let of = |load| -> Vec<String> { defaults.of_check(tls, &check(load)).iter().map(ToString::to_string).collect() };
    let without = of(Arg::Bool(false));
    assert_eq!(without, ["outcome eq completed", "verified eq true", "ocsp.acceptable eq true"]);
    let load = of(Arg::Bool(true));
    assert_eq!(load[without.len()..], ["load.errors eq 0", "load.handshakes_per_second gt 0 /s"]);
    let resume = of(Arg::Group(args([("resume", Arg::Bool(true))])));
    assert_eq!(resume[load.len()..], ["load.resumed gt 0%"]);
    assert!(tls.required_mode(&check(Arg::Bool(false)), "load.errors").is_some());
    let idle = Arg::Group(args([("rate", Arg::Number(1.0)), ("duration", Arg::Number(0.5))]));
    assert_eq!((tls.build)(&check(idle)).err().map(|invalid| invalid.field), Some("load"));
}
