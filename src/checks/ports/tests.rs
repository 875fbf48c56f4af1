//! What a check of ports refuses, allows and records. Scans of a whole host are in `tests/peers/namespace/ports.rs`.

use std::net::TcpListener;
use std::time::Duration;

use super::{Host, Ports, ScanResult, ScanShare, report};
use crate::model::{Arg, Args, Fault};
use crate::probe::{Footprint, Probe};
use crate::testing::{self, Written, text, texts};

fn args(host: &str, ports: &[&str], more: Written<'_>) -> Args {
    testing::args([("host", text(host)), ("ports", texts(ports))], more)
}

fn many(hosts: &[&str], ports: &[&str], more: Written<'_>) -> Args {
    testing::args([("hosts", texts(hosts)), ("ports", texts(ports))], more)
}

fn why(args: &Args) -> String {
    testing::invalid::<Ports>(args)
}

#[test]
fn fields_that_do_not_fit_are_told() {
    assert_eq!(why(&args("127.0.0.1", &["70000"], &[])), "ports: there is no port 70000: they go from 1 to 65535");
    assert_eq!(
        why(&args("127.0.0.1", &["ssh"], &[])),
        "ports: `ssh` is the name of a service, and ports are numbers: write 22"
    );
    assert_eq!(why(&args("127.0.0.1", &[], &[])), "ports: there is no port in it");
    let too_many = why(&many(&["10.0.0.0/16"], &["1-1000"], &[]));
    assert!(too_many.starts_with("ports: these are 65534000 ports of all hosts together"), "{too_many}");
    assert!(why(&testing::args([("ports", texts(&["22"]))], &[])).starts_with("host: no host is named"));
}

#[test]
fn many_ports_of_others_are_a_scan_and_noise_is_alone() {
    let scan = |args: &Args| Ports::from_args(args).unwrap().scan();
    assert_eq!(scan(&args("192.0.2.1", &["1-1024"], &[])), None);
    assert_eq!(
        scan(&args("192.0.2.1", &["1-1025"], &[])).as_deref(),
        Some("asks 1025 ports of a host beyond this machine and its links")
    );
    assert_eq!(
        scan(&many(&["192.0.2.0/28", "127.0.0.1"], &["1-100"], &[])).as_deref(),
        Some("asks 1400 ports of 14 hosts, together, beyond this machine and its links")
    );
    assert_eq!(scan(&args("127.0.0.1", &["1-65535"], &[])), None);
    let footprint = |args: &Args| Ports::from_args(args).unwrap().footprint();
    assert_eq!(footprint(&args("127.0.0.1", &["1-65535"], &[])), Footprint::Noisy);
    assert_eq!(footprint(&args("192.0.2.1", &["1-1024"], &[])), Footprint::Quiet);
    let threads = |more| Ports::from_args(&args("127.0.0.1", &["1-65535"], more)).unwrap().shares(65_535);
    assert!(threads(&[]) > 1 || std::thread::available_parallelism().unwrap().get() == 1);
    assert_eq!(threads(&[("method", text("udp"))]), 1, "datagrams to the port of another thread would be answers");
    assert_eq!(footprint(&args("127.0.0.1", &["1-60"], &[])), Footprint::Quiet, "a few are over at once");
    assert_eq!(footprint(&many(&["192.0.2.0/28"], &["1-64"], &[])), Footprint::Quiet, "slowly, where others are asked");
    // A second for 100 ports and the wait, twice, and three times more where packets are lost.
    let longest = Ports::from_args(&args("192.0.2.1", &["1-100"], &[])).unwrap().longest();
    assert!(longest > Duration::from_millis(5 * 2500), "{longest:?}");
    let rate = [("rate", Arg::Number(20_000.0))];
    assert_eq!(footprint(&args("192.0.2.1", &["1-1024"], &rate)), Footprint::Noisy);
}

#[tokio::test]
async fn open_and_closed_ports_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap().port().to_string();
    // A port below those that the kernel gives away, on an address of its own: nobody listens there.
    let (seen, ended) = testing::observe(&Ports::from_args(&args("127.0.0.1", &[&open, "1"], &[])).unwrap()).await;
    assert_eq!((ended, seen.text("outcome")), (Ok(()), Some("answered")));
    assert_eq!(testing::list(&seen, "open"), [open.as_str()]);
    assert_eq!(testing::list(&seen, "closed"), ["1"]);
    assert!(testing::list(&seen, "filtered").is_empty());
    let (seen, _) = testing::observe(&Ports::from_args(&args("127.0.0.1", &["1"], &[])).unwrap()).await;
    assert_eq!(seen.text("outcome"), Some("answered"), "who refuses all is there");
}

#[tokio::test]
async fn each_of_many_hosts_has_a_row() {
    let listener = TcpListener::bind("127.0.0.5:0").unwrap();
    let open = listener.local_addr().unwrap().port().to_string();
    let probe = Ports::from_args(&many(&["127.0.0.5-6", "a.invalid"], &[&open], &[])).unwrap();
    let (seen, ended) = testing::observe(&probe).await;
    assert_eq!(ended, Ok(()));
    assert_eq!(testing::list(&seen, "open_on_any"), [open.as_str()]);
    assert_eq!(testing::list(&seen, "closed_on_any"), [open.as_str()]);
    assert!(testing::list(&seen, "open_on_all").is_empty(), "closed on one, and one has no address");
    assert_eq!(testing::list(&seen, "hosts.unresolved"), ["a.invalid"]);
    assert_eq!(seen.last_rows("hosts").unwrap().total, 3);
    for hosts in [&["127.0.0.5-6"][..], &["127.0.0.5", "a.invalid"]] {
        let (seen, _) = testing::observe(&Ports::from_args(&many(hosts, &[&open], &[])).unwrap()).await;
        assert!(testing::list(&seen, "open_on_all").is_empty(), "{hosts:?}");
    }
}

#[tokio::test]
async fn two_names_of_one_address_are_two_rows_of_it() {
    let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port().to_string();
    let answers = std::thread::spawn(move || {
        let (_, from) = server.recv_from(&mut [0; 64]).unwrap();
        server.send_to(b"x", from).unwrap();
        server
    });
    let more = [("method", text("udp")), ("timeout", Arg::Number(0.5)), ("ip_version", text("ipv4"))];
    let probe = Ports::from_args(&many(&["localhost", "127.0.0.1", "localhost"], &[&port], &more)).unwrap();
    let (seen, ended) = testing::observe(&probe).await;
    drop(answers.join().unwrap());
    assert_eq!((ended, testing::list(&seen, "open_on_all")), (Ok(()), vec![port]));
    assert_eq!((seen.last_rows("hosts").unwrap().total, testing::count(&seen, "probes")), (2, 1));
}

#[tokio::test]
async fn datagrams_are_answered_refused_or_not() {
    let server = std::net::UdpSocket::bind("127.0.0.7:0").unwrap();
    let mute = std::net::UdpSocket::bind("127.0.0.7:0").unwrap();
    let [open, silent] = [&server, &mute].map(|socket| socket.local_addr().unwrap().port().to_string());
    let answers = std::thread::spawn(move || {
        let (_, from) = server.recv_from(&mut [0; 64]).unwrap();
        server.send_to(b"x", from).unwrap();
        server
    });
    let more = [("method", text("udp")), ("timeout", Arg::Number(0.5))];
    let probe = Ports::from_args(&args("127.0.0.7", &[&open, &silent, "1"], &more)).unwrap();
    let (seen, ended) = testing::observe(&probe).await;
    assert_eq!(ended, Ok(()));
    drop(answers.join().unwrap());
    assert_eq!(testing::list(&seen, "open"), [open.as_str()]);
    assert_eq!(testing::list(&seen, "closed"), ["1"]);
    assert_eq!(testing::list(&seen, "filtered"), [silent.as_str()]);
}

#[tokio::test]
async fn where_this_host_has_no_such_address_nothing_is_known() {
    let more = [("source", text("192.0.2.7"))];
    let (seen, ended) = testing::observe(&Ports::from_args(&args("127.0.0.1", &["1"], &more)).unwrap()).await;
    assert!(ended.is_err() && seen.text("outcome").is_none(), "{ended:?}");
    let more = [("source", text("192.0.2.7")), ("method", text("udp"))];
    let (_, ended) = testing::observe(&Ports::from_args(&args("127.0.0.1", &["1"], &more)).unwrap()).await;
    assert!(ended.unwrap_err().remedy.starts_with("`source` is no address of this machine"));
}

/// What two threads found of two hosts, by the errors that came: number of the host, text and how often.
fn found(errors: [&[(usize, &str, u64)]; 2]) -> ScanResult {
    let share = |errors: &[(usize, &str, u64)]| {
        let mut share = ScanShare::default();
        share.reports.extend(errors.iter().map(|(host, text, count)| ((*host, (*text).to_owned()), *count)));
        share
    };
    ScanResult {
        hosts: ["127.0.0.1", "127.0.0.2"].map(|host| host.parse().unwrap()).into(),
        ports: [22].into(),
        found: errors.map(share).into(),
        patience: Duration::from_secs(1),
        took: Duration::ZERO,
    }
}

#[test]
fn errors_are_counted_and_the_most_frequent_ones_come_first() {
    let mut result = found([&[(0, "a", 1), (0, "b", 2), (1, "c", 1)], &[(0, "b", 3), (1, "d", 2)]]);
    let hosts: Vec<Host> =
        result.hosts.iter().map(|address| Host { name: None, address: Ok(*address), zone: None }).collect();
    let (seen, ended) = testing::recorded(Ports::FACTS, |cx| report::one(cx, &hosts[0], &result));
    assert_eq!(
        (ended, testing::list(&seen, "errors")),
        (Ok(()), ["b x5", "d x2", "a x1", "c x1"].map(String::from).into())
    );
    let ending = seen.rounds().last().unwrap().ending();
    assert_eq!(ending, Some("no answer from 127.0.0.1 on the port asked within 1 s (b)"));
    let fault = Fault::local("ask", "127.0.0.2", "a test cannot", "ask another");
    result.found[1].faults.insert(1, fault);
    let (seen, ended) = testing::recorded(Ports::FACTS, |cx| report::many(cx, &hosts, &result));
    assert_eq!(ended.unwrap_err().peer, "127.0.0.2");
    let rows = testing::table(&seen, "hosts");
    let error = |host: &str| rows[host]["error"].as_str().unwrap().to_owned();
    assert_eq!((error("127.0.0.1"), error("127.0.0.2")), ("b".to_owned(), "a test cannot".to_owned()));
}
