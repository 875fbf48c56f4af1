//! Against services of this process.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::super::Udp;
use crate::model::{Arg, Args, Text};
use crate::probe::{Probe, ProbeFailure, Prober, StreamSpec};
use crate::testing::prober::{ask, failure, identity, keep, numbers, prober, stream};
use crate::testing::{self, Written, text};

fn args(peer: SocketAddr, more: Written<'_>) -> Args {
    let target = [
        ("host", text(&peer.ip().to_string())),
        ("port", Arg::Integer(i64::from(peer.port()))),
        ("timeout", Arg::Number(60.0)),
        ("send", text("hello")),
    ];
    testing::args(target, more)
}

async fn open(peer: SocketAddr, more: Written<'_>) -> Box<dyn Prober> {
    prober(&Udp::from_args(&args(peer, more)).unwrap(), &stream()).await
}

/// Answers what comes in groups of so many datagrams, with what `answer` makes of each group.
async fn service(
    bind: &str,
    group: usize,
    answer: impl Fn(&[Vec<u8>]) -> Vec<Vec<u8>> + Send + 'static,
) -> (JoinSet<()>, SocketAddr) {
    let socket = UdpSocket::bind(bind).await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (mut buffer, mut held) = ([0; 2048], Vec::new());
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            held.push(buffer[..length].to_vec());
            if held.len() < group {
                continue;
            }
            for answer in answer(&std::mem::take(&mut held)) {
                let _ = socket.send_to(&answer, peer).await;
            }
        }
    });
    (tasks, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_has_its_number_and_what_stands_around_it_says_who_answers() {
    for bind in ["127.0.0.1:0", "[::1]:0"] {
        let tagged = |group: &[Vec<u8>]| vec![[b"[two] ", &*group[0], b" (two)\n"].concat()];
        let (_tasks, peer) = service(bind, 1, tagged).await;
        let mut prober = open(peer, &[]).await;
        // A number of more than 32 bits is one as well.
        for first in [0, 1 << 33] {
            let replies = ask(&mut *prober, first..first + 3, 3);
            assert_eq!(numbers(&replies), [first, first + 1, first + 2]);
            assert!(replies.iter().all(|reply| identity(reply) == Some("[two] (two)")), "{replies:?}");
        }
        let (_tasks, peer) = service(bind, 1, <[Vec<u8>]>::to_vec).await;
        let mut prober = open(peer, &[]).await;
        assert_eq!(identity(&ask(&mut *prober, 0..1, 1)[0]), None, "nothing stands around it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_sees_the_text_and_a_number_in_digits() {
    let (_tasks, peer) = service("127.0.0.1:0", 1, |group| vec![[b"saw ", &*group[0]].concat()]).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut prober = open(socket.local_addr().unwrap(), &[]).await;
    ask(&mut *prober, 0x12ab..0x12ac, 0);
    let mut seen = [0; 64];
    let length = socket.recv(&mut seen).await.unwrap();
    let seen = std::str::from_utf8(&seen[..length]).unwrap();
    assert!(seen.len() == 5 + 24 && seen.starts_with("hello") && seen.ends_with("00000000000012ab"), "{seen}");
    assert!(seen.bytes().skip(5).all(|digit| digit.is_ascii_hexdigit()), "{seen}");
    // Another stream is not taken for this one.
    let (one, other) = (open(peer, &[]).await, open(peer, &[]).await);
    let tags: Vec<String> =
        [one, other].map(|mut prober| identity(&ask(&mut *prober, 0..1, 1)[0]).unwrap().to_owned()).to_vec();
    assert_eq!(tags, ["saw", "saw"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn late_reordered_and_repeated_answers_have_their_numbers() {
    let twice_in_reverse = |group: &[Vec<u8>]| group.iter().rev().flat_map(|one| [one.clone(), one.clone()]).collect();
    let (_tasks, peer) = service("127.0.0.1:0", 3, twice_in_reverse).await;
    let mut prober = open(peer, &[]).await;
    let before = ask(&mut *prober, 0..2, 0);
    assert!(before.is_empty(), "they are held back");
    prober.give_up(0);
    let replies = ask(&mut *prober, 2..3, 6);
    assert_eq!(numbers(&replies), [2, 2, 1, 1, 0, 0]);
    assert!(replies.iter().all(|reply| identity(reply).is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_kept_and_every_answer_stamped_on_its_clock() {
    let (_tasks, peer) = service("127.0.0.1:0", 1, <[Vec<u8>]>::to_vec).await;
    let spec = stream();
    let mut prober = prober(&Udp::from_args(&args(peer, &[])).unwrap(), &spec).await;
    let replies = keep(&mut *prober, &spec, 100);
    let mut seen = numbers(&replies);
    seen.sort_unstable();
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
    let stamps: Vec<u64> = replies.iter().map(|reply| reply.received).collect();
    assert!(stamps.is_sorted() && stamps.last().unwrap() <= &spec.clock.now(), "{stamps:?}");
}

/// What the kernel stamps does not wait for this process.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_read_late_came_when_it_came() {
    let (_tasks, peer) = service("127.0.0.1:0", 1, <[Vec<u8>]>::to_vec).await;
    let spec = stream();
    let mut prober = prober(&Udp::from_args(&args(peer, &[])).unwrap(), &spec).await;
    // The kernel begins to stamp a moment after it is asked to.
    let is_stamped = |number| {
        ask(&mut *prober, number..number + 1, 0);
        prober.wait(Duration::from_secs(20));
        let there = spec.clock.now();
        let replies = ask(&mut *prober, 0..0, 1);
        assert_eq!(numbers(&replies), [number]);
        replies[0].received <= there
    };
    assert!((0..1000).any(is_stamped), "every answer came only when it was read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_port_refuses_the_probe_that_met_it() {
    for bind in ["127.0.0.1:0", "[::1]:0"] {
        let gone = UdpSocket::bind(bind).await.unwrap();
        let peer = gone.local_addr().unwrap();
        drop(gone);
        let mut prober = open(peer, &[]).await;
        let replies = ask(&mut *prober, 0..3, 3);
        assert_eq!(numbers(&replies), [0, 1, 2], "{replies:?}");
        for reply in &replies {
            let (how, why) = failure(reply);
            assert_eq!(how, ProbeFailure::Refused);
            let expected = format!("nothing listens on UDP {peer} (port_unreachable from {})", peer.ip());
            assert_eq!(why, expected);
        }
    }
}

#[tokio::test]
async fn a_refusal_is_of_the_probe_it_quotes() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut prober = open(silent.local_addr().unwrap(), &[]).await;
    assert!(ask(&mut *prober, 0..2, 0).is_empty());
    drop(silent);
    assert_eq!(numbers(&ask(&mut *prober, 2..3, 1)), [2], "the others are in flight");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_from_another_address_is_none() {
    let asked = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = asked.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let other = UdpSocket::bind("127.0.0.2:0").await.unwrap();
        let mut buffer = [0; 64];
        while let Ok((length, client)) = asked.recv_from(&mut buffer).await {
            let _ = other.send_to(b"what is not ours at all", client).await;
            let _ = other.send_to(&buffer[..length], client).await;
        }
    });
    let mut prober = open(peer, &[]).await;
    let replies = ask(&mut *prober, 0..2, 2);
    assert_eq!(numbers(&replies), [0, 1]);
    let (how, why) = failure(&replies[0]);
    assert!(how == ProbeFailure::Unexpected && why.starts_with("127.0.0.2:") && why.contains("in place of"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_echo_fails_the_oldest_probe_in_flight() {
    let (_tasks, peer) = service("127.0.0.1:0", 2, |_| vec![b"busy, later".to_vec()]).await;
    let mut prober = open(peer, &[]).await;
    let replies = ask(&mut *prober, 0..2, 1);
    assert_eq!(numbers(&replies), [0]);
    let expected = (ProbeFailure::Unexpected, "the answer is \"busy, later\", without what was sent");
    assert_eq!(failure(&replies[0]), expected);
    let secret = ("send", Arg::Text(Text::new("hello", Some("***"))));
    let mut prober = open(peer, &[secret]).await;
    let replies = ask(&mut *prober, 0..2, 1);
    let (_, why) = failure(&replies[0]);
    assert_eq!(why, "the answer is of 11 bytes, without what was sent", "it might hold a secret that was sent");
    let (_tasks, peer) = service("127.0.0.1:0", 1, <[Vec<u8>]>::to_vec).await;
    let mut prober = open(peer, &[("expect", text("ready"))]).await;
    let replies = ask(&mut *prober, 0..1, 1);
    let (how, why) = failure(&replies[0]);
    assert!(how == ProbeFailure::Unexpected && why.ends_with("without what the field `expect` names"), "{why}");
}

/// A new network namespace has its loopback down: nothing leaves.
#[test]
fn what_this_host_does_not_send_is_blocked() {
    let thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Err(why) = nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET) {
            assert_eq!(why, nix::errno::Errno::EPERM, "only root may");
            return;
        }
        let mut prober = runtime.block_on(open("127.0.0.1:9".parse().unwrap(), &[]));
        let begun = Instant::now();
        let replies = ask(&mut *prober, 0..3, 3);
        assert_eq!(numbers(&replies), [0, 1, 2]);
        let (how, why) = failure(&replies[0]);
        assert!(how == ProbeFailure::Blocked && why.starts_with("this host did not send it: it has no route"), "{why}");
        assert!(begun.elapsed() < Duration::from_secs(10), "it does not wait");
    });
    thread.join().unwrap();
}

#[tokio::test]
async fn only_one_datagram_that_comes_back_has_a_prober() {
    let peer = "127.0.0.1:9".parse().unwrap();
    let of = async |spec: StreamSpec, more: Written<'_>| {
        let probe = Udp::from_args(&args(peer, more)).unwrap();
        Probe::stream(&probe, &spec).await.unwrap().is_some()
    };
    assert!(of(stream(), &[]).await);
    assert!(!of(StreamSpec { echo: false, ..stream() }, &[]).await);
    assert!(!of(stream(), &[("count", Arg::Integer(2))]).await);
    assert!(!of(stream(), &[("send", text(&"x".repeat(65_490)))]).await, "there is no room for a number");
}
