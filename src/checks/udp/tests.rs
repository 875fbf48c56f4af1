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

#[tokio::test]
async fn datagrams_of_others_do_not_count() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = socket.local_addr().unwrap();
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut buffer = [0; 64];
        if let Ok((_, client)) = socket.recv_from(&mut buffer).await {
            let _ = stranger.send_to(b"I am the server", client).await;
        }
        // Stays open, so that the port is silent and not closed.
        let _ = socket.recv_from(&mut buffer).await;
    });
    let observation = observe(&args(peer, BRIEF, &[])).await.unwrap();
    assert_eq!(observation.text("outcome"), Some("silent"));
}

#[tokio::test]
async fn a_foreign_source_address_is_a_fault_of_this_side() {
    let (_tasks, peer) = server("127.0.0.1:0", &[b"world"]).await;
    let fault = observe(&args(peer, PATIENT, &[("source", text("192.0.2.77"))])).await.unwrap_err();
    assert_eq!(fault.operation, "bind to source 192.0.2.77");
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
}
