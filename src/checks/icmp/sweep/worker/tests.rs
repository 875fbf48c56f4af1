//! What a thread of a sweep makes of replies and reports. A system that allows no ICMP tests nothing here.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Pace, ProbeState, SentProbe, SweepJob, WINDOW, Worker};
use crate::net::Origin;
use crate::net::datagram::IcmpError;
use crate::proto::icmp::{Number, Options};
use ProbeState::{Altered, Answered, Blocked, Late, Refused, Waiting};

fn worker(hosts: &[&str]) -> Option<Worker> {
    let options = Options { origin: Origin::default(), ttl: None, dont_fragment: false, dscp: None, flow: None };
    let job = SweepJob {
        hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
        count: 1,
        retries: 0,
        interval: Duration::ZERO,
        pace: Pace::Max,
        size: 56,
        options,
        timeout: Duration::from_secs(30),
        seed: 7,
    };
    Worker::open(job).ok()
}

fn state(worker: &Worker, number: usize) -> ProbeState {
    worker.probes[number].state
}

/// Reads until the last probe has its reply; those of loopback come in order.
fn receive(worker: &mut Worker) {
    let end = Instant::now() + Duration::from_secs(20);
    while state(worker, worker.probes.len() - 1) == Waiting {
        assert!(Instant::now() < end, "no reply");
        worker.waiter.arrivals(Duration::from_millis(10));
        worker.receive();
    }
}

#[test]
fn what_a_reply_changes_depends_on_what_came_before() {
    for (before, after, duplicates, replied) in [
        (Waiting, Answered, 0, true),
        // A reply is believed, whatever a router said.
        (Refused, Answered, 0, true),
        (Answered, Answered, 1, false),
        (Late, Late, 1, false),
        (Altered, Altered, 1, false),
        (Blocked, Blocked, 0, false),
    ] {
        let Some(mut worker) = worker(&["127.8.0.1", "127.8.0.2"]) else { return };
        assert!(worker.send(0) && worker.send(1));
        worker.probes[0].state = before;
        // The first is of an earlier pass, and not waited for.
        (worker.first, worker.waiting) = (1, 1);
        receive(&mut worker);
        let host = &worker.found.hosts[0];
        assert_eq!((state(&worker, 0), host.duplicates, !host.is_silent()), (after, duplicates, replied), "{before:?}");
        assert_eq!((state(&worker, 1), worker.waiting), (Answered, 0));
    }
}

#[test]
fn a_reply_is_that_of_its_host_and_in_time() {
    let Some(mut worker) = worker(&["127.8.0.1", "127.8.0.2"]) else { return };
    assert!(worker.send(0) && worker.send(1));
    worker.found.hosts[0].address = "127.8.0.9".parse().unwrap();
    worker.job.timeout = Duration::ZERO;
    receive(&mut worker);
    assert_eq!((state(&worker, 0), state(&worker, 1)), (Waiting, Late));
    assert!(worker.found.hosts[1].is_silent(), "who answers too late is asked again");
}

#[test]
fn a_report_is_about_the_probe_or_the_host_that_it_quotes() {
    let Some(mut worker) = worker(&["127.8.0.1", "127.8.0.2", "127.8.0.3"]) else { return };
    let probe = |host| SentProbe { sent: 0, host, rtt: 0.0, state: Waiting };
    worker.probes = vec![probe(0), probe(1), probe(2)];
    worker.waiting = 3;
    let to = |address: &str| address.parse::<IpAddr>().ok();
    let report = || IcmpError::from_icmp(false, 3, 1, 0, to("192.0.2.9"), 8);
    let told = |worker: &Worker| [0, 1, 2].map(|at: usize| worker.found.hosts[at].report.is_some());
    worker.reported(report(), None, to("127.8.0.1"));
    assert_eq!((told(&worker), worker.waiting), ([false; 3], 3), "of another program");
    worker.reported(report(), Some(Number::Exact(0)), to("127.8.0.1"));
    assert_eq!((told(&worker), state(&worker, 0), worker.waiting), ([true, false, false], Refused, 2));
    worker.reported(report(), Some(Number::Exact(1)), to("127.8.0.3"));
    assert_eq!(
        (told(&worker), state(&worker, 1), worker.waiting),
        ([true, false, true], Waiting, 2),
        "who was asked counts"
    );
    worker.reported(report(), Some(Number::Low(1)), to("127.8.0.2"));
    assert_eq!(
        (told(&worker), state(&worker, 1), worker.waiting),
        ([true; 3], Waiting, 2),
        "too little for its number"
    );
    (worker.first, worker.waiting) = (3, 0);
    worker.reported(report(), Some(Number::Exact(1)), to("127.8.0.2"));
    assert_eq!((state(&worker, 1), worker.waiting), (Refused, 0), "of an earlier pass");
}

#[test]
fn a_window_is_full_of_probes_that_are_young() {
    let Some(mut worker) = worker(&["127.8.0.1"]) else { return };
    worker.probes = vec![SentProbe { sent: u64::MAX, host: 0, rtt: 0.0, state: Waiting }; WINDOW];
    assert!(worker.is_full());
    worker.probes[0].state = Answered;
    assert!(!worker.is_full());
    worker.probes.push(worker.probes[1]);
    assert!(worker.is_full());
    worker.probes[1].sent = 0;
    while worker.clock.now() < 25_000_000 {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    assert!(!worker.is_full(), "an old one holds back no other");
}

#[test]
fn who_is_asked_again_is_asked_alone_and_several_probes_are_apart() {
    let Some(mut worker) = worker(&["127.8.0.1", "127.8.0.2"]) else { return };
    assert_eq!([0, 1, 2].map(|number| worker.host(number)), [0, 1, 0]);
    (worker.job.count, worker.job.interval) = (2, Duration::from_millis(100));
    let stop = CancellationToken::new();
    worker.pass(4, &stop);
    let sent = |worker: &Worker, at: usize| worker.probes[at].sent;
    assert!(sent(&worker, 2) - sent(&worker, 0) >= 95_000_000, "{:?}", worker.probes);
    worker.again = Some(vec![1, 1]);
    assert_eq!([0, 1].map(|number| worker.host(number)), [1, 1]);
    worker.pass(2, &stop);
    assert!(sent(&worker, 5) - sent(&worker, 4) < 40_000_000, "they are no several: {:?}", worker.probes);
    assert_eq!(worker.probes.iter().map(|probe| probe.host).collect::<Vec<_>>(), [0, 1, 0, 1, 1, 1]);
}
