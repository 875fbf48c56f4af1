//! Against sockets of this process, on ports the system chooses.

use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::Udp;
use crate::model::{Arg, Args, Fault, Observation, Value};
use crate::probe::Probe;
use crate::testing::{self, Written, text};

/// Long enough never to be waited out by a test that gets its answer.
const PATIENT: f64 = 60.0;
/// For the tests that are about silence.
const BRIEF: f64 = 0.05;

fn args(peer: SocketAddr, patience: f64, more: Written<'_>) -> Args {
    let target = [
        ("host", text(&peer.ip().to_string())),
        ("port", Arg::Integer(i64::from(peer.port()))),
        ("timeout", Arg::Number(patience)),
        ("send", text("hello")),
    ];
    testing::args(target, more)
}

async fn observe(args: &Args) -> Result<Observation, Fault> {
    let (observation, ended) = testing::observe(&Udp::from_args(args).unwrap()).await;
    ended.map(|()| observation)
}

/// Answers every datagram with `answers`, in this order.
async fn server(bind: &str, answers: &'static [&'static [u8]]) -> (JoinSet<()>, SocketAddr) {
    let socket = UdpSocket::bind(bind).await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((_, peer)) = socket.recv_from(&mut buffer).await {
            for answer in answers {
                let _ = socket.send_to(answer, peer).await;
            }
        }
    });
    (tasks, address)
}

#[tokio::test]
async fn an_answer_is_a_reply_with_time_text_and_size() {
    for bind in ["127.0.0.1:0", "[::1]:0"] {
        if UdpSocket::bind(bind).await.is_err() {
            assert!(bind.starts_with('['), "only IPv6 may be missing");
            continue;
        }
        let (_tasks, peer) = server(bind, &[b"world"]).await;
        let observation = observe(&args(peer, PATIENT, &[])).await.unwrap();
        assert_eq!(observation.text("outcome"), Some("replied"));
        assert_eq!(observation.text("response"), Some("world"));
        assert_eq!(observation.last("response.size").and_then(Value::as_i64), Some(5));
        assert_eq!(observation.merged("response_time").unwrap().count(), 1);
        assert!(Udp::answered(&observation));
    }
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let unused = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = unused.local_addr().unwrap();
    drop(unused);
    let observation = observe(&args(peer, PATIENT, &[])).await.unwrap();
    assert_eq!(observation.text("outcome"), Some("refused"), "{:?}", observation.notes());
    assert!(observation.merged("response_time").is_none());
    assert!(!Udp::answered(&observation));
}

#[tokio::test]
async fn sending_alone_is_silence_and_not_success() {
    let (_tasks, peer) = server("127.0.0.1:0", &[]).await;
    let observation = observe(&args(peer, BRIEF, &[])).await.unwrap();
    assert_eq!(observation.text("outcome"), Some("silent"));
    assert!(observation.last("response").is_none(), "absent is absent");
}

#[tokio::test]
async fn the_expected_answer_may_come_after_others() {
    let (_tasks, peer) = server("127.0.0.1:0", &[b"first", b"second"]).await;
    let observation = observe(&args(peer, PATIENT, &[("expect", text("sec"))])).await.unwrap();
    assert_eq!((observation.text("outcome"), observation.text("response")), (Some("replied"), Some("second")));
    let observation = observe(&args(peer, BRIEF, &[("expect_hex", text("ff00"))])).await.unwrap();
    assert_eq!(observation.text("outcome"), Some("mismatch"));
    assert!(observation.notes()[0].contains("second"), "{:?}", observation.notes());
}

#[tokio::test]
async fn a_flood_of_wrong_answers_ends() {
    const WRONG: &[u8] = b"no";
    const FLOOD: &[&[u8]] = &[WRONG; 100];
    let (_tasks, peer) = server("127.0.0.1:0", FLOOD).await;
    // Would otherwise listen for the whole hour.
    let observation = observe(&args(peer, 3600.0, &[("expect", text("yes"))])).await.unwrap();
    assert_eq!(observation.text("outcome"), Some("mismatch"));
    assert!(observation.partial("outcome").unwrap().contains("after 64 datagrams"), "the right one may come yet");
}

#[tokio::test]
async fn a_long_answer_is_cut_at_the_limit_and_measured_in_full() {
    let (_tasks, peer) = server("127.0.0.1:0", &[&[b'x'; 1000]]).await;
    let observation = observe(&args(peer, PATIENT, &[("limit", Arg::Number(10.0))])).await.unwrap();
    assert_eq!(observation.text("response"), Some("xxxxxxxxxx"));
    assert_eq!(observation.partial("response"), Some("10 of 1000 bytes are kept (`limit`)"));
    assert_eq!(observation.last("response.size").and_then(Value::as_i64), Some(1000));
    // The right answer may be what was cut off, of the first one too.
    let (_tasks, peer) = server("127.0.0.1:0", &[&[b'x'; 1000], b"short"]).await;
    let written = [("limit", Arg::Number(10.0)), ("expect", text("y"))];
    let observation = observe(&args(peer, BRIEF, &written)).await.unwrap();
    assert_eq!(observation.text("outcome"), Some("mismatch"));
    assert!(observation.partial("outcome").unwrap().contains("of 1000 bytes 10 were looked at"));
}

#[tokio::test]
async fn an_empty_answer_is_an_answer() {
    let (_tasks, peer) = server("127.0.0.1:0", &[b""]).await;
    let observation = observe(&args(peer, PATIENT, &[])).await.unwrap();
    assert_eq!(observation.text("outcome"), Some("replied"));
    assert_eq!(observation.last("response.size").and_then(Value::as_i64), Some(0));
}

/// A service whose answers come from another socket, and from its own as well if `own`.
async fn from_elsewhere(own: bool) -> (JoinSet<()>, SocketAddr, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = socket.local_addr().unwrap();
    let other = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let elsewhere = other.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut buffer = [0; 64];
        // Stays open, so that the port is silent and not closed.
        while let Ok((_, client)) = socket.recv_from(&mut buffer).await {
            let _ = other.send_to(b"I am the server", client).await;
            let _ = other.send_to(b"I am the server", client).await;
            if own {
                let _ = socket.send_to(b"world", client).await;
            }
        }
    });
    (tasks, peer, elsewhere)
}

#[tokio::test]
async fn an_answer_from_elsewhere_is_no_answer_and_no_silence() {
    let (_tasks, peer, elsewhere) = from_elsewhere(false).await;
    let observation = observe(&args(peer, BRIEF, &[])).await.unwrap();
    assert_eq!(observation.text("outcome"), Some("other_source"));
    assert_eq!(observation.last("other_sources").unwrap(), &serde_json::json!([elsewhere.to_string()]));
    assert_eq!(observation.text("response"), Some("I am the server"));
    assert!(observation.merged("response_time").is_none(), "it is no answer of the peer");
    let ending = observation.counted().last().unwrap().ending().unwrap();
    assert_eq!(ending, format!("{elsewhere} answered in place of {peer} (UDP), which clients ignore"));
    // Whatever they say, the answer of the peer decides.
    let (_tasks, peer, elsewhere) = from_elsewhere(true).await;
    let observation = observe(&args(peer, PATIENT, &[("expect", text("world"))])).await.unwrap();
    assert_eq!((observation.text("outcome"), observation.text("response")), (Some("replied"), Some("world")));
    assert_eq!(observation.last("other_sources").unwrap(), &serde_json::json!([elsewhere.to_string()]));
}

#[tokio::test]
async fn others_neither_end_the_listening_nor_fill_the_memory() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = socket.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut buffer = [0; 64];
        while let Ok((_, client)) = socket.recv_from(&mut buffer).await {
            for _ in 0..100 {
                let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                let _ = stranger.send_to(b"no", client).await;
            }
            let _ = socket.send_to(b"world", client).await;
        }
    });
    let observation = observe(&args(peer, PATIENT, &[])).await.unwrap();
    assert_eq!(observation.text("outcome"), Some("replied"));
    assert_eq!(observation.last("other_sources").and_then(Value::as_array).unwrap().len(), 16);
    assert_eq!(observation.partial("other_sources"), Some("only the first 16 are kept"));
}

/// Answers what it got with `echo: ` before it, but for datagrams with one of these words.
async fn echo(silent_for: &'static [&'static str]) -> (JoinSet<()>, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((count, peer)) = socket.recv_from(&mut buffer).await {
            let word = String::from_utf8_lossy(&buffer[..count]).into_owned();
            if !silent_for.contains(&word.as_str()) {
                let _ = socket.send_to(format!("echo: {word}").as_bytes(), peer).await;
            }
        }
    });
    (tasks, address)
}

/// Several datagrams in place of one.
fn several(peer: SocketAddr, patience: f64, words: &[&str], more: Written<'_>) -> Args {
    let mut args = args(peer, patience, more);
    args.0.remove("send");
    let parts = words.iter().map(|word| Arg::Group(Args([("send", text(word))].into())));
    args.0.insert("datagrams", Arg::List(parts.collect()));
    args
}

#[tokio::test]
async fn several_datagrams_are_each_answered() {
    let (_tasks, peer) = echo(&[]).await;
    let observation = observe(&several(peer, PATIENT, &["one", "two"], &[("count", Arg::Integer(2))])).await.unwrap();
    assert_eq!(observation.text("outcome"), Some("replied"));
    assert_eq!(observation.last("sent").and_then(Value::as_i64), Some(4));
    let answers = serde_json::json!(["echo: one", "echo: two", "echo: one", "echo: two"]);
    assert_eq!(observation.last("answers").unwrap(), &answers);
    assert_eq!(observation.last("loss").and_then(Value::as_f64), Some(0.0));
    assert!(observation.merged("response_time").unwrap().count() >= 1);
    let observation = observe(&args(peer, PATIENT, &[("count", Arg::Integer(3))])).await.unwrap();
    assert_eq!(observation.last("answers").and_then(Value::as_array).unwrap().len(), 3);
    // One datagram has no loss: it is answered or not.
    let observation = observe(&args(peer, PATIENT, &[])).await.unwrap();
    assert!(observation.last("loss").is_none() && observation.last("sent").is_none());
}

#[tokio::test]
async fn what_is_not_answered_is_lost_and_nothing_is_paired_by_guess() {
    let (_tasks, peer) = echo(&["two"]).await;
    let observation = observe(&several(peer, BRIEF, &["two", "one", "three", "two"], &[])).await.unwrap();
    assert_eq!(observation.text("outcome"), Some("replied"));
    assert_eq!(observation.last("loss").and_then(Value::as_f64), Some(0.5));
    assert!(observation.merged("response_time").is_none(), "each answer may be to the first");
    // A wrong answer is none.
    let wrong = observe(&several(peer, BRIEF, &["one", "three"], &[("expect", text("one"))])).await.unwrap();
    assert_eq!((wrong.text("outcome"), wrong.last("loss").and_then(Value::as_f64)), (Some("replied"), Some(0.5)));
    let wrong = observe(&several(peer, BRIEF, &["one", "three"], &[("expect", text("four"))])).await.unwrap();
    assert_eq!((wrong.text("outcome"), wrong.last("loss").and_then(Value::as_f64)), (Some("mismatch"), Some(1.0)));
    let (_tasks, mute) = echo(&["one", "two"]).await;
    let silent = observe(&several(mute, BRIEF, &["one", "two"], &[])).await.unwrap();
    assert_eq!((silent.text("outcome"), silent.last("loss").and_then(Value::as_f64)), (Some("silent"), Some(1.0)));
}

/// Answers that come twice may hide that others are lost, and do not end the sending.
#[tokio::test]
async fn who_answers_twice_leaves_open_what_is_lost() {
    let (_tasks, peer) = server("127.0.0.1:0", &[b"yes", b"yes"]).await;
    let apart = [("count", Arg::Integer(4)), ("interval", Arg::Number(0.1))];
    let observation = observe(&args(peer, PATIENT, &apart)).await.unwrap();
    assert_eq!(observation.last("sent").and_then(Value::as_i64), Some(4));
    assert_eq!(observation.last("answers").unwrap(), &serde_json::json!(["yes", "yes", "yes", "yes"]));
    assert_eq!(observation.merged("response_time").unwrap().count(), 1, "the next ones may be to the one before");
    let why = observation.partial("loss").unwrap();
    assert!(why.contains("came of datagrams that were answered already"), "{why}");
}

/// The time of an answer that came late is not that of the datagram sent last.
#[tokio::test]
async fn a_late_answer_is_no_fast_one() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = socket.local_addr().unwrap();
    let _task = tokio::spawn(async move {
        let _ = socket.recv_from(&mut [0; 64]).await.unwrap();
        let (_, client) = socket.recv_from(&mut [0; 64]).await.unwrap();
        for answer in ["two", "one"] {
            let _ = socket.send_to(answer.as_bytes(), client).await;
        }
    });
    let observation = observe(&several(peer, PATIENT, &["one", "two"], &[])).await.unwrap();
    assert_eq!(observation.last("loss").and_then(Value::as_f64), Some(0.0));
    assert!(observation.merged("response_time").is_none(), "nobody knows which is late");
}

#[tokio::test]
async fn wrong_answers_to_many_datagrams_are_no_flood() {
    let (_tasks, peer) = echo(&[]).await;
    let words = vec!["no"; 80].into_iter().chain(["yes"]).collect::<Vec<_>>();
    let more = [("expect", text("yes")), ("interval", Arg::Number(0.001))];
    let observation = observe(&several(peer, BRIEF, &words, &more)).await.unwrap();
    assert_eq!((observation.text("outcome"), observation.partial("loss")), (Some("replied"), None));
    assert_eq!(observation.last("sent").and_then(Value::as_i64), Some(81));
}

#[tokio::test]
async fn answers_that_are_cut_are_not_seen_whole() {
    let (_tasks, peer) = server("127.0.0.1:0", &[b"0123456789"]).await;
    let more = [("count", Arg::Integer(2)), ("limit", Arg::Number(4.0))];
    let observation = observe(&args(peer, PATIENT, &more)).await.unwrap();
    assert_eq!(observation.last("answers").unwrap(), &serde_json::json!(["0123…", "0123…"]));
    assert_eq!(observation.partial("answers"), Some("`limit` cut one of them"));
}

#[tokio::test]
async fn a_closed_port_ends_several_datagrams() {
    let unused = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = unused.local_addr().unwrap();
    drop(unused);
    let many = [("count", Arg::Integer(1000)), ("interval", Arg::Number(60.0))];
    let observation = observe(&args(peer, PATIENT, &many)).await.unwrap();
    assert_eq!(observation.text("outcome"), Some("refused"));
    assert_eq!(observation.last("sent").and_then(Value::as_i64), Some(1));
}

#[tokio::test]
async fn a_foreign_source_address_is_a_fault_of_this_side() {
    let (_tasks, peer) = server("127.0.0.1:0", &[b"world"]).await;
    let fault = observe(&args(peer, PATIENT, &[("source", text("192.0.2.77"))])).await.unwrap_err();
    assert_eq!(fault.operation, "open UDP socket on 192.0.2.77");
    assert!(fault.remedy.contains("source"));
}

#[tokio::test]
async fn a_name_without_address_is_unresolved() {
    let peer = "127.0.0.1:9".parse().unwrap();
    let observation = observe(&args(peer, PATIENT, &[("ip_version", text("ipv6"))])).await.unwrap();
    assert_eq!(observation.text("outcome"), Some("unresolved"));
    assert_eq!(observation.notes().len(), 1);
}

#[test]
fn the_rules_between_fields_hold() {
    let peer = "127.0.0.1:9".parse().unwrap();
    let mut nothing = args(peer, PATIENT, &[]);
    nothing.0.remove("send");
    assert!(Udp::from_args(&nothing).err().unwrap().help.contains("send_hex"));
    let both = args(peer, PATIENT, &[("send_hex", text("00"))]);
    assert_eq!(Udp::from_args(&both).err().unwrap().field, "send_hex");
    let empty = args(peer, PATIENT, &[("expect", text(""))]);
    assert_eq!(Udp::from_args(&empty).err().unwrap().field, "expect");
    let huge = args(peer, PATIENT, &[("send", Arg::Text("x".repeat(65_508).into()))]);
    assert_eq!(Udp::from_args(&huge).err().unwrap().field, "send");
    let refused = |args: &Args| Udp::from_args(args).err().unwrap();
    let many = several(peer, PATIENT, &["a", "b"], &[("count", Arg::Integer(501))]);
    assert!(refused(&many).message.contains("1002 datagrams"));
    assert_eq!(refused(&args(peer, PATIENT, &[("interval", Arg::Number(1.0))])).field, "interval");
    let twice = args(peer, PATIENT, &[("datagrams", Arg::List(vec![Arg::Group(Args::default())]))]);
    assert!(refused(&twice).message.contains("exclude each other"));
    let mut empty = several(peer, PATIENT, &[], &[]);
    assert!(refused(&empty).message.contains("is empty"));
    empty.0.insert("datagrams", Arg::List(vec![Arg::Group(Args::default())]));
    assert!(refused(&empty).message.contains("datagram 1 has nothing to send"));
}
