//! Against the lab's server, and against one that answers as it is told.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::super::Dns;
use crate::lab::dns::DnsLab;
use crate::model::{Arg, Args, Observation};
use crate::probe::{Probe, ProbeFailure, Prober, Reply, Seen};
use crate::testing::prober::{ask, failure, keep, numbers, prober, stream};
use crate::testing::{self, Written, list, text, texts};

fn args(server: SocketAddr, name: &str, more: Written<'_>) -> Args {
    let common = [("server", texts(&[&server.to_string()])), ("name", text(name)), ("timeout", Arg::Number(60.0))];
    testing::args(common, more)
}

async fn open(server: SocketAddr, name: &str) -> Box<dyn Prober> {
    prober(&Dns::from_args(&args(server, name, &[])).unwrap(), &stream()).await
}

fn observed(reply: &Reply) -> &Observation {
    match &reply.seen {
        Seen::Observed(observation) => observation,
        _ => panic!("an observation: {reply:?}"),
    }
}

/// Answers queries in groups of so many, with what `answer` makes of each group.
async fn server(
    group: usize,
    answer: impl Fn(&[Vec<u8>]) -> Vec<Vec<u8>> + Send + 'static,
) -> (JoinSet<()>, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
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

/// The query as its own answer: QR, and a code.
fn answer(query: &[u8], rcode: u8) -> Vec<u8> {
    let mut answer = query.to_vec();
    answer[2] |= 0x80;
    answer[3] = rcode;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_what_a_round_would_have_recorded() {
    let lab = DnsLab::start().await.unwrap();
    let mut prober = open(lab.addr(), "two.shakedown.test").await;
    let (round, ended) = testing::observe(&Dns::from_args(&args(lab.addr(), "two.shakedown.test", &[])).unwrap()).await;
    ended.unwrap();
    for first in [0, 65_535, 1 << 40] {
        let replies = ask(&mut *prober, first..first + 2, 2);
        // It has several threads.
        assert_eq!(numbers(&replies).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([first, first + 1]));
        for reply in &replies {
            let seen = observed(reply);
            assert!(Dns::answered(seen) && list(seen, "answers").len() == 2, "{seen:?}");
            for fact in ["outcome", "rcode", "truncated", "flags", "type", "edns.version"] {
                assert_eq!(seen.last(fact), round.last(fact), "{fact}");
            }
        }
    }
    let mut prober = open(lab.addr(), "none.shakedown.test").await;
    let replies = ask(&mut *prober, 0..1, 1);
    assert_eq!(observed(&replies[0]).text("rcode"), Some("NXDOMAIN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn late_reordered_and_repeated_answers_have_their_numbers() {
    let twice_in_reverse =
        |group: &[Vec<u8>]| group.iter().rev().flat_map(|one| [answer(one, 5), answer(one, 0)]).collect();
    let (_tasks, peer) = server(3, twice_in_reverse).await;
    let mut prober = open(peer, "www.test").await;
    assert!(ask(&mut *prober, 0..2, 0).is_empty(), "they are held back");
    let replies = ask(&mut *prober, 2..3, 6);
    assert_eq!(numbers(&replies), [2, 2, 1, 1, 0, 0]);
    let codes: Vec<_> = replies.iter().map(|reply| observed(reply).text("rcode").unwrap()).collect();
    assert_eq!(codes[..2], ["REFUSED", "NOERROR"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_kept() {
    let (_tasks, peer) = server(1, |group| vec![answer(&group[0], 0)]).await;
    let mut prober = open(peer, "www.test").await;
    let replies = keep(&mut *prober, &stream(), 50);
    let mut seen = numbers(&replies);
    seen.sort_unstable();
    assert_eq!(seen, (0..50).collect::<Vec<_>>());
}

/// An answer to another question, a query and noise may come of anybody: the answer is still waited for.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_to_the_question_is_discarded() {
    let noise = |group: &[Vec<u8>]| {
        let mut other = answer(&group[0], 0);
        other[13] ^= 1;
        vec![other, group[0].clone(), vec![7], answer(&group[0], 3)]
    };
    let (_tasks, peer) = server(1, noise).await;
    let mut prober = open(peer, "www.test").await;
    let replies = ask(&mut *prober, 0..1, 1);
    assert_eq!((numbers(&replies), observed(&replies[0]).text("rcode")), (vec![0], Some("NXDOMAIN")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_from_another_address_is_none() {
    let asked = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = asked.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let other = UdpSocket::bind("127.0.0.2:0").await.unwrap();
        let mut buffer = [0; 512];
        while let Ok((length, client)) = asked.recv_from(&mut buffer).await {
            let _ = other.send_to(&answer(&buffer[..length], 0), client).await;
        }
    });
    let mut prober = open(peer, "www.test").await;
    let replies = ask(&mut *prober, 0..1, 1);
    let (how, why) = failure(&replies[0]);
    assert!(how == ProbeFailure::Unexpected && why.contains("answered in place of"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_port_refuses_the_query_that_met_it() {
    let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = gone.local_addr().unwrap();
    drop(gone);
    let mut prober = open(peer, "www.test").await;
    let replies = ask(&mut *prober, 0..3, 3);
    assert_eq!(numbers(&replies), [0, 1, 2]);
    let why = format!("nothing listens on UDP {peer} (port_unreachable from 127.0.0.1)");
    assert_eq!(failure(&replies[2]), (ProbeFailure::Refused, &*why));
}

#[tokio::test]
async fn a_refusal_is_of_the_query_it_quotes() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut prober = open(silent.local_addr().unwrap(), "www.test").await;
    assert!(ask(&mut *prober, 0..2, 0).is_empty());
    drop(silent);
    assert_eq!(numbers(&ask(&mut *prober, 2..3, 1)), [2], "the others are in flight");
}

#[tokio::test]
async fn only_one_question_over_udp_has_a_prober() {
    let server: SocketAddr = "127.0.0.1:53".parse().unwrap();
    let of = async |args: Args| {
        let probe = Dns::from_args(&args).unwrap();
        Probe::stream(&probe, &stream()).await.unwrap().is_some()
    };
    assert!(of(args(server, "www.test", &[("dnssec", text("true")), ("recursion", Arg::Bool(false))])).await);
    for field in [
        ("transport", text("tcp")),
        ("transport", text("dot")),
        ("attempts", Arg::Integer(3)),
        ("dnssec", text("validate")),
        ("server", texts(&["127.0.0.1", "127.0.0.2"])),
    ] {
        assert!(!of(args(server, "www.test", std::slice::from_ref(&field))).await, "{field:?}");
    }
}
