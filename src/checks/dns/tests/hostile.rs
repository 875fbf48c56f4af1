//! Against servers that lie, stutter or say nothing.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use proptest::prelude::{any, proptest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};

use super::{BRIEF, args, observed};
use crate::checks::dns::{Dns, question};
use crate::lab::Tasks;
use crate::model::{Arg, Value};
use crate::probe::Probe as _;
use crate::proto::dns::message::{self, Received};
use crate::proto::dns::rdata;
use crate::testing::{count, list, text};

/// Datagrams a scripted server sends back for a query.
pub(super) type Script = fn(&[u8]) -> Vec<Vec<u8>>;

/// A UDP server that follows a script; it ends with its `Tasks`.
pub(super) async fn udp(script: Script) -> (SocketAddr, Tasks) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    let mut tasks = Tasks::default();
    tasks.spawn(async move {
        let mut buffer = [0_u8; 4096];
        while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
            for reply in script(&buffer[..length]) {
                socket.send_to(&reply, client).await.unwrap();
            }
        }
    });
    (addr, tasks)
}

/// A TCP server that sends what the script says, byte for byte, and closes.
pub(super) async fn tcp(script: Script) -> (SocketAddr, Tasks) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut tasks = Tasks::default();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let length = stream.read_u16().await.unwrap();
            let mut query = vec![0_u8; usize::from(length)];
            stream.read_exact(&mut query).await.unwrap();
            for bytes in script(&query) {
                stream.write_all(&bytes).await.unwrap();
            }
        }
    });
    (addr, tasks)
}

/// The query with QR set and one A record, the OPT record dropped.
pub(super) fn good(query: &[u8]) -> Vec<u8> {
    let mut reply = bare(query);
    reply[7] = 1;
    reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    reply
}

/// Header and question of the query, as a response without records.
pub(super) fn bare(query: &[u8]) -> Vec<u8> {
    let question = query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let mut reply = query[..12 + question].to_vec();
    reply[2] |= 0x80;
    reply[10..12].copy_from_slice(&[0, 0]);
    reply
}

pub(super) fn edited(mut reply: Vec<u8>, at: usize, change: impl Fn(u8) -> u8) -> Vec<u8> {
    reply[at] = change(reply[at]);
    reply
}

pub(super) fn framed(message: Vec<u8>) -> Vec<u8> {
    let mut bytes = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(message);
    bytes
}

const SILENT: (&str, Arg) = ("timeout", Arg::Number(BRIEF));

#[tokio::test]
async fn what_is_no_answer_is_discarded_and_waiting_goes_on() {
    let scripts: [(&str, Script); 8] = [
        ("its id is", |q| vec![edited(good(q), 0, |b| b ^ 1)]),
        ("its question is xww.example. IN A", |q| vec![edited(good(q), 13, |_| b'x')]),
        ("its question is www.example. IN AAAA", |q| vec![edited(good(q), bare(q).len() - 3, |_| 28)]),
        ("its question is www.example. CH A", |q| vec![edited(good(q), bare(q).len() - 1, |_| 3)]),
        ("it carries 0 questions", |q| vec![edited(good(q)[..12].to_vec(), 5, |_| 0)]),
        ("not a response", |q| vec![edited(good(q), 2, |b| b & 0x7f)]),
        ("opcode is 4", |q| vec![edited(good(q), 2, |b| b | 0x20)]),
        ("too short", |_| vec![b"garbage".to_vec()]),
    ];
    for (why, script) in scripts {
        let (addr, _tasks) = udp(script).await;
        let observation = observed(addr, "www.example", &[SILENT]).await;
        assert_eq!(observation.text("outcome"), Some("timeout"), "{why}");
        assert_eq!(count(&observation, "discarded"), 1, "{why}");
        assert!(observation.notes().iter().any(|note| note.contains(why)), "{why}: {:?}", observation.notes());
        assert!(observation.last("answers").is_none() && observation.last("rcode").is_none(), "{why}");
        assert!(!Dns::answered(&observation));
    }
}

#[tokio::test]
async fn the_right_answer_after_a_wrong_one_counts() {
    let (addr, _tasks) = udp(|q| vec![edited(good(q), 1, |b| b ^ 0x80), good(q)]).await;
    let observation = observed(addr, "www.example", &[]).await;
    assert_eq!(observation.text("outcome"), Some("answered"));
    assert_eq!(list(&observation, "answers"), ["192.0.2.1"]);
    assert_eq!(count(&observation, "discarded"), 1);
    let (addr, _tasks) = tcp(|q| vec![framed(edited(good(q), 1, |b| b ^ 0x80)), framed(good(q))]).await;
    let observation = observed(addr, "www.example", &[("transport", text("tcp"))]).await;
    assert_eq!(list(&observation, "answers"), ["192.0.2.1"]);
    assert_eq!(count(&observation, "discarded"), 1);
}

#[tokio::test]
async fn a_reply_from_another_address_is_seen_and_discarded() {
    let asked = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (addr, stranger) = (asked.local_addr().unwrap(), other.local_addr().unwrap());
    let mut tasks = Tasks::default();
    tasks.spawn(async move {
        let mut buffer = [0_u8; 4096];
        let (length, client) = asked.recv_from(&mut buffer).await.unwrap();
        other.send_to(&good(&buffer[..length]), client).await.unwrap();
        asked.send_to(&good(&buffer[..length]), client).await.unwrap();
    });
    let observation = observed(addr, "www.example", &[]).await;
    assert_eq!(observation.text("outcome"), Some("answered"));
    assert_eq!(count(&observation, "discarded"), 1);
    assert!(observation.notes()[0].contains(&stranger.to_string()), "{:?}", observation.notes());
}

#[tokio::test]
async fn the_echoed_question_may_differ_in_case() {
    let (addr, _tasks) = udp(|q| vec![edited(good(q), 13, |b| b.to_ascii_uppercase())]).await;
    let observation = observed(addr, "www.example", &[]).await;
    assert_eq!(observation.text("outcome"), Some("answered"));
}

#[tokio::test]
async fn silence_is_a_timeout_and_attempts_are_counted() {
    let queries = Arc::new(Mutex::new(Vec::new()));
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    let received = Arc::clone(&queries);
    let mut tasks = Tasks::default();
    tasks.spawn(async move {
        let mut buffer = [0_u8; 4096];
        while let Ok((_, client)) = socket.recv_from(&mut buffer).await {
            let id = u16::from_be_bytes([buffer[0], buffer[1]]);
            received.lock().unwrap().push((id, client.port()));
        }
    });
    let observation = observed(addr, "www.example", &[SILENT, ("attempts", Arg::Integer(3))]).await;
    assert_eq!(observation.text("outcome"), Some("timeout"));
    assert_eq!(count(&observation, "attempts"), 3);
    assert_eq!(count(&observation, "discarded"), 0);
    assert!(observation.merged("rtt").is_none());
    let queries = queries.lock().unwrap();
    assert_eq!(queries.len(), 3);
    assert_eq!(queries.iter().map(|(_, port)| port).collect::<BTreeSet<_>>().len(), 3, "{queries:?}");
}

#[tokio::test]
async fn one_attempt_sends_one_query_even_when_the_answer_is_an_error() {
    let (addr, _tasks) = udp(|q| vec![edited(bare(q), 3, |_| 2)]).await;
    let observation = observed(addr, "www.example", &[("attempts", Arg::Integer(3))]).await;
    assert_eq!((observation.text("outcome"), observation.text("rcode")), (Some("answered"), Some("SERVFAIL")));
    assert_eq!(count(&observation, "attempts"), 1);
    assert!(!Dns::answered(&observation));
}

#[test]
fn ids_do_not_follow_from_the_seed() {
    let question = question::from_args(&args("127.0.0.1", "www.example", &[])).unwrap();
    let ids: BTreeSet<u16> = (0..64).map(|_| question.encode(7).unwrap().0).collect();
    assert!(ids.len() > 48, "{} different ids of 64", ids.len());
}

#[tokio::test]
async fn truncation_is_a_fact() {
    let (addr, _tasks) = udp(|q| vec![edited(bare(q), 2, |b| b | 2)]).await;
    let observation = observed(addr, "www.example", &[]).await;
    assert_eq!(observation.text("outcome"), Some("answered"));
    assert_eq!(observation.last("truncated"), Some(&Value::Bool(true)));
    assert!(list(&observation, "flags").contains(&"tc".to_owned()));
}

#[tokio::test]
async fn a_server_that_cannot_read_the_query_may_leave_the_question_out() {
    let (addr, _tasks) = udp(|q| vec![edited(edited(bare(q)[..12].to_vec(), 5, |_| 0), 3, |_| 1)]).await;
    let observation = observed(addr, "www.example", &[]).await;
    assert_eq!((observation.text("outcome"), observation.text("rcode")), (Some("answered"), Some("FORMERR")));
}

#[tokio::test]
async fn the_upper_bits_of_the_code_and_options_come_from_edns() {
    let (addr, _tasks) = udp(|q| {
        let mut reply = edited(bare(q), 11, |_| 1);
        // OPT: size 1232, upper bits of the code 1, version 1; then NSID and an extended error.
        reply.extend([0, 0, 41, 4, 208, 1, 1, 0, 0, 0, 20]);
        reply.extend(b"\0\x03\0\x03ns1\0\x0f\0\x09\0\x16no way!");
        vec![reply]
    })
    .await;
    let observation = observed(addr, "www.example", &[("nsid", Arg::Bool(true))]).await;
    assert_eq!(observation.text("rcode"), Some("BADVERS"), "{:?}", observation.notes());
    assert_eq!(count(&observation, "edns.version"), 1);
    assert_eq!(count(&observation, "edns.size"), 1232);
    assert_eq!(observation.text("nsid"), Some("ns1"));
    assert_eq!(list(&observation, "edns.errors"), ["22 no way!"]);
    assert!(list(&observation, "additional").is_empty());
}

#[tokio::test]
async fn codes_without_a_name_keep_their_number() {
    let (addr, _tasks) = udp(|q| vec![edited(bare(q), 3, |_| 13)]).await;
    let observation = observed(addr, "www.example", &[]).await;
    assert_eq!(observation.text("rcode"), Some("RCODE13"));
}

#[tokio::test]
async fn an_answer_that_does_not_hold_together_is_malformed() {
    let scripts: [Script; 3] = [
        |q| vec![edited(bare(q), 7, |_| 1)],
        |q| vec![good(q)[..good(q).len() - 1].to_vec()],
        // The owner name points at itself.
        |q| {
            let own = u8::try_from(bare(q).len()).unwrap();
            vec![edited(good(q), bare(q).len() + 1, |_| own)]
        },
    ];
    for script in scripts {
        let (addr, _tasks) = udp(script).await;
        let observation = observed(addr, "www.example", &[]).await;
        assert_eq!(observation.text("outcome"), Some("malformed"));
        assert!(observation.last("answers").is_none());
        assert!(observation.notes()[0].contains("record 1 of 1 of the answer section"), "{:?}", observation.notes());
    }
}

#[tokio::test]
async fn data_that_has_not_the_form_of_its_type_is_shown_as_bytes() {
    let (addr, _tasks) = udp(|q| {
        let mut reply = edited(good(q), bare(q).len() + 11, |_| 3);
        reply.pop();
        vec![reply]
    })
    .await;
    let observation = observed(addr, "www.example", &[]).await;
    assert_eq!(list(&observation, "answers.records"), ["www.example. 60 IN A \\# 3 C00002"]);
    assert!(list(&observation, "answers").is_empty(), "a broken record is no answer");
    assert!(observation.notes()[0].contains("has not the form of its type"), "{:?}", observation.notes());
}

#[tokio::test]
async fn a_record_about_something_else_is_no_answer() {
    let scripts: [Script; 2] = [
        // Another owner.
        |q| {
            let mut reply = edited(bare(q), 7, |_| 1);
            reply.extend(b"\x04evil\x07example\x00");
            reply.extend([0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
            vec![reply]
        },
        // Another class.
        |q| vec![edited(good(q), bare(q).len() + 5, |_| 3)],
    ];
    for script in scripts {
        let (addr, _tasks) = udp(script).await;
        let observation = observed(addr, "www.example", &[]).await;
        assert_eq!(observation.text("outcome"), Some("answered"));
        assert!(list(&observation, "answers").is_empty(), "{:?}", list(&observation, "answers"));
        assert_eq!(list(&observation, "answers.records").len(), 1, "it is shown where it stands");
        assert!(observation.notes().iter().any(|note| note.contains("not an answer")), "{:?}", observation.notes());
    }
}

#[tokio::test]
async fn an_alias_loop_ends() {
    let (addr, _tasks) = udp(|q| {
        let mut reply = edited(bare(q), 7, |_| 1);
        reply.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 12]);
        vec![reply]
    })
    .await;
    let observation = observed(addr, "www.example", &[]).await;
    assert_eq!(list(&observation, "cname"), ["www.example."]);
    assert!(list(&observation, "answers").is_empty());
}

#[tokio::test]
async fn a_connection_closed_early_is_closed() {
    let scripts: [(Script, &str); 3] = [
        (|_| vec![], "0 bytes"),
        (|q| vec![framed(good(q))[..20].to_vec()], "20 bytes"),
        // A length far beyond what follows.
        (|q| vec![vec![0xff, 0xff], good(q)], "bytes came"),
    ];
    for (script, why) in scripts {
        let (addr, _tasks) = tcp(script).await;
        let observation = observed(addr, "www.example", &[("transport", text("tcp"))]).await;
        assert_eq!(observation.text("outcome"), Some("closed"), "{why}");
        assert!(observation.notes()[0].contains(why), "{:?}", observation.notes());
        assert_eq!(observation.merged("connect_time").unwrap().count(), 1);
        assert!(observation.merged("rtt").is_none());
    }
}

#[tokio::test]
async fn a_connection_that_stays_silent_is_a_timeout() {
    // The backlog accepts the connection; nobody reads from it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let observation =
        observed(listener.local_addr().unwrap(), "www.example", &[SILENT, ("transport", text("tcp"))]).await;
    assert_eq!(observation.text("outcome"), Some("timeout"));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let question = question::from_args(&args("127.0.0.1", "www.example", &[])).unwrap();
        message::read(&bytes, 1, &question);
    }

    #[test]
    fn an_answer_with_arbitrary_records_never_panics(
        counts in any::<[u8; 3]>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let question = question::from_args(&args("127.0.0.1", "www.example", &[])).unwrap();
        let (id, query) = question.encode(1).unwrap();
        let mut reply = bare(&query);
        (reply[7], reply[9], reply[11]) = (counts[0], counts[1], counts[2]);
        reply.extend(bytes);
        assert!(!matches!(message::read(&reply, id, &question), Received::Stray(_)));
    }

    #[test]
    fn arbitrary_data_of_any_type_never_panics(
        code in 0_u16..300,
        bytes in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        if let Some(text) = rdata::text(&bytes, 0, bytes.len(), code) {
            assert!(text.is_ascii(), "{text}");
        }
    }
}

/// Whole messages of another id, without pause: the stream is always ready, and a timer alone is never looked at.
#[tokio::test]
async fn a_flood_of_strays_over_tcp_ends_with_the_patience() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut tasks = Tasks::default();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let length = stream.read_u16().await.unwrap();
            let mut query = vec![0_u8; usize::from(length)];
            stream.read_exact(&mut query).await.unwrap();
            let mut stray = good(&query);
            stray[0] ^= 0xff;
            let frame = [&u16::try_from(stray.len()).unwrap().to_be_bytes()[..], &stray].concat();
            let flood = frame.repeat(1000);
            while stream.write_all(&flood).await.is_ok() {}
        }
    });
    let begun = std::time::Instant::now();
    let observation = observed(addr, "www.example", &[SILENT, ("transport", text("tcp"))]).await;
    assert_eq!(observation.text("outcome"), Some("timeout"), "{:?}", observation.notes());
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}
