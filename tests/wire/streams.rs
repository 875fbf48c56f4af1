//! Rounds and requests of a stream, of which thousands follow each other.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shakedown::checks::family;
use shakedown::lab::pki::{NAME, Pki};
use shakedown::lab::web::WebLab;
use shakedown::model::{Arg, Args, Observation};
use shakedown::net::dial::closing_by_reset;
use shakedown::net::open_loop::{Clock, nanos};
use shakedown::probe::{Connection, Connections, DynProbe, ProbeFailure, Prober, Reply, Seen, StreamSpec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::observe::observe;
use crate::script::{args, says, text};

const INTERVAL: Duration = Duration::from_millis(10);
/// A test that takes longer has failed.
const LONGEST: u64 = 30_000_000_000;

fn spec(connection: Connection) -> StreamSpec {
    let timeout = Duration::from_secs(1);
    StreamSpec { clock: Clock::start(), interval: INTERVAL, timeout, connection, echo: false, seed: 7 }
}

fn probe(name: &str, args: &Args) -> Arc<dyn DynProbe> {
    family(name).unwrap().probe(args).unwrap()
}

async fn prober(args: &Args) -> Option<Box<dyn Prober>> {
    probe("http", args).stream(&spec(Connection::Keep)).await.unwrap()
}

/// Sends `count` probes on schedule, and takes in what becomes of them until each is there and `lost` connections are.
async fn drive(mut prober: Box<dyn Prober>, count: u64, lost: u64) -> (BTreeMap<u64, Reply>, Connections) {
    let drives = move || {
        let (clock, mut replies, mut next) = (Clock::start(), Vec::new(), 0);
        loop {
            while next < count && next * nanos(INTERVAL) <= clock.now() {
                prober.send(next, &mut replies);
                next += 1;
            }
            prober.receive(&mut replies);
            let connections = prober.connections().unwrap();
            if replies.len() as u64 == count && connections.lost >= lost {
                return (replies.into_iter().map(|reply| (reply.number, reply)).collect(), connections);
            }
            assert!(clock.now() < LONGEST, "{} of {count} came, {connections:?}", replies.len());
            let due = if next < count { next * nanos(INTERVAL) } else { clock.now() + nanos(INTERVAL) };
            prober.wait(Duration::from_nanos(due.saturating_sub(clock.now())));
        }
    };
    tokio::task::spawn_blocking(drives).await.unwrap()
}

fn observed(reply: &Reply) -> &Observation {
    match &reply.seen {
        Seen::Observed(observation) => observation,
        other => panic!("{}: {other:?}", reply.number),
    }
}

fn statuses(replies: &BTreeMap<u64, Reply>) -> Vec<i64> {
    replies.values().map(|reply| observed(reply).last("status").unwrap().as_i64().unwrap()).collect()
}

/// What a server does with a request.
#[derive(Clone, Copy)]
enum Answer {
    Status(u16),
    /// It answers, and closes the connection.
    Last,
    /// It answers after this time.
    After(Duration),
    /// It begins to answer, and resets the connection.
    BreaksOff,
}

/// A server of HTTP/1.1 that answers the request of each number so.
async fn server(answer: fn(u64) -> Answer) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, requests, connections) =
        (listener.local_addr().unwrap(), Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(serve(stream, Arc::clone(&requests), answer));
        }
    });
    (address, connections)
}

async fn serve(mut stream: TcpStream, requests: Arc<AtomicU64>, answer: fn(u64) -> Answer) {
    let mut buffer = Vec::new();
    loop {
        while !buffer.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            buffer.push(byte);
        }
        buffer.clear();
        let whole = |status| format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nok");
        let (text, ends) = match answer(requests.fetch_add(1, Ordering::Relaxed)) {
            Answer::Status(status) => (whole(status), false),
            Answer::Last => (whole(200), true),
            Answer::After(length) => {
                // A server that stalls.
                tokio::time::sleep(length).await;
                (whole(200), false)
            }
            Answer::BreaksOff => {
                let _ = stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\no").await;
                stream.set_zero_linger().unwrap();
                return;
            }
        };
        if stream.write_all(text.as_bytes()).await.is_err() || ends {
            return;
        }
    }
}

fn get(address: SocketAddr) -> Args {
    args([("url", text(format!("http://{address}/health"))), ("timeout", Arg::Number(5.0))])
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_over_one_connection_that_stays() {
    let (address, connections) = server(|number| Answer::Status(if number == 7 { 500 } else { 200 })).await;
    let prober = prober(&get(address)).await.unwrap();
    let (replies, counts) = drive(prober, 50, 0).await;
    assert_eq!(statuses(&replies), (0..50).map(|at| if at == 7 { 500 } else { 200 }).collect::<Vec<i64>>());
    let judged = |number: u64| probe("http", &get(address)).answered(observed(&replies[&number]));
    assert!(judged(6) && !judged(7), "it is judged as in a round");
    for reply in replies.values() {
        let seen = observed(reply);
        assert_eq!(seen.text("outcome"), Some("answered"));
        assert_eq!((seen.text("body"), seen.text("address")), (Some("ok"), Some("127.0.0.1")));
    }
    // On a busy machine a request may still be under way when the next one is due.
    assert_eq!((connections.load(Ordering::Relaxed), counts.lost), (counts.opened, 0));
    assert!(counts.opened < 25, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_its_server_closes_between_requests_fails_none() {
    let (address, connections) =
        server(|number| if number % 5 == 4 { Answer::Last } else { Answer::Status(200) }).await;
    let (replies, counts) = drive(prober(&get(address)).await.unwrap(), 50, 10).await;
    assert_eq!(statuses(&replies), vec![200; 50]);
    assert_eq!((connections.load(Ordering::Relaxed), counts.lost), (counts.opened, 10));
    assert!((10..25).contains(&counts.opened), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_stalls_delays_no_other_and_is_answered_late() {
    const STALL: Duration = Duration::from_secs(1);
    let (address, connections) =
        server(|number| if number == 5 { Answer::After(STALL) } else { Answer::Status(200) }).await;
    let (replies, counts) = drive(prober(&get(address)).await.unwrap(), 30, 0).await;
    assert_eq!(statuses(&replies), vec![200; 30]);
    let took = |number: u64| replies[&number].received - replies[&number].sent.unwrap();
    assert!(took(5) >= nanos(STALL), "{}", took(5));
    assert!((6..30).all(|number| took(number) < nanos(STALL) / 2), "{replies:?}");
    assert_eq!((connections.load(Ordering::Relaxed), counts.lost), (counts.opened, 0));
    assert!((2..15).contains(&counts.opened), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_in_the_middle_fails_its_request() {
    let (address, _) = server(|number| if number == 3 { Answer::BreaksOff } else { Answer::Status(200) }).await;
    let (mut replies, counts) = drive(prober(&get(address)).await.unwrap(), 10, 1).await;
    let broken = replies.remove(&3).unwrap();
    assert!(matches!(&broken.seen, Seen::Failure(ProbeFailure::Reset, why) if !why.is_empty()), "{broken:?}");
    assert_eq!(statuses(&replies), vec![200; 9]);
    assert!(counts.lost == 1 && counts.opened >= 2, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_is_given_up_ends_and_counts_as_no_lost_connection() {
    const STALL: Duration = Duration::from_millis(300);
    let answers = |number| if number == 0 { Answer::After(STALL) } else { Answer::Status(200) };
    let (address, _) = server(answers).await;
    let mut prober = prober(&get(address)).await.unwrap();
    let (replies, counts) = tokio::task::spawn_blocking(move || {
        let (clock, mut replies) = (Clock::start(), Vec::new());
        prober.send(0, &mut replies);
        // Until it is under way.
        prober.wait(STALL / 3);
        prober.give_up(0);
        prober.send(1, &mut replies);
        while clock.now() < nanos(STALL * 2) {
            prober.wait(INTERVAL);
            prober.receive(&mut replies);
        }
        (replies, prober.connections())
    })
    .await
    .unwrap();
    assert_eq!(replies.iter().map(|reply| reply.number).collect::<Vec<u64>>(), [1]);
    assert_eq!(counts, Some(Connections { opened: 2, lost: 0 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn https_and_http_2_keep_their_connections_and_what_they_say_of_the_certificate() {
    let pki = Pki::new().unwrap();
    let web = WebLab::start(&pki).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    pki.write_ca(&folder.path().join("ca.pem")).await.unwrap();
    let ca = text(folder.path().join("ca.pem").to_str().unwrap());
    for (version, spoken) in [("1.1", "HTTP/1.1"), ("2", "HTTP/2"), ("auto", "HTTP/2")] {
        let url = text(format!("https://{NAME}:{}/health", web.https().port()));
        let all = [("url", url), ("ca_file", ca.clone()), ("resolve", text("127.0.0.1")), ("version", text(version))];
        let (replies, counts) = drive(prober(&args(all)).await.unwrap(), 30, 0).await;
        assert!(counts.lost == 0 && counts.opened < 15, "{version}: {counts:?}");
        for seen in replies.values().map(observed) {
            assert_eq!((seen.text("outcome"), seen.text("version")), (Some("answered"), Some(spoken)), "{seen:?}");
            assert!(seen.last("certificate.expires_in").is_some() && seen.text("address").is_some());
        }
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_asked_in_rounds() {
    let address = SocketAddr::from(([127, 0, 0, 1], 9));
    for more in [
        ("follow", Arg::Integer(1)),
        ("addresses", text("all")),
        ("proxy", Arg::Group(args([("http", text("127.0.0.1:9"))]))),
    ] {
        let mut all = get(address);
        all.0.insert(more.0, more.1.clone());
        assert!(prober(&all).await.is_none(), "{more:?}");
    }
    let new = probe("http", &get(address)).stream(&spec(Connection::New)).await.unwrap();
    assert!(new.is_none() && prober(&get(address)).await.is_some());
}

/// Connections of this host, from or to `port`, that are over and keep their port.
fn in_time_wait(port: u16) -> usize {
    let text = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let port = format!(":{port:04X}");
    let waits = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().skip(1).take(3).collect();
        words[2] == "06" && (words[0].ends_with(&port) || words[1].ends_with(&port))
    };
    text.lines().skip(1).filter(waits).count()
}

#[tokio::test]
async fn a_round_of_a_stream_keeps_no_port_whatever_the_family() {
    let pki = Pki::new().unwrap();
    let web = WebLab::start(&pki).await.unwrap();
    let banner = says(b"220 ready\r\n").await;
    let (http, https) = (web.http(), web.https());
    let at = |address: SocketAddr| [("host", text("127.0.0.1")), ("port", Arg::Integer(address.port().into()))];
    for (name, address, all) in [
        ("tcp", banner, args([("send", text("x")), ("expect", text("220"))])),
        ("http", http, args([("url", text(format!("http://{http}/health")))])),
        ("http", https, args([("url", text(format!("https://{https}/health"))), ("verify", Arg::Bool(false))])),
        ("tls", https, args([])),
    ] {
        let mut all = all;
        if name != "http" {
            all.0.extend(at(address));
        }
        let probe = probe(name, &all);
        let already = in_time_wait(address.port());
        for _ in 0..20 {
            closing_by_reset(observe(&*probe)).await.1.unwrap();
        }
        assert_eq!(in_time_wait(address.port()), already, "{name} {address}");
    }
}
