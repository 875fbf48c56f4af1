//! Servers whose results do not fit what happened.

use super::*;
use crate::model::Unseen;
use crate::proto::iperf3::datagram::{Header, is_hello};

/// What a server makes its results of: the highest sequence number it saw.
type Claim = fn(u64) -> Value;

/// A server of one UDP upload with one stream; `results` makes its results from the highest sequence number it saw.
async fn counting(results: Claim) -> SocketAddr {
    let (listener, socket) = one_port().await;
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut control, _) = one_datagram_stream(&listener, &socket).await?;
        let (mut highest, mut datagram) = (0, [0; 2048]);
        loop {
            // Datagrams first, so that none is left when the end is read.
            tokio::select! {
                biased;
                Ok((length, _)) = socket.recv_from(&mut datagram) => {
                    let header = Header::parse(&datagram[..length], false).filter(|_| !is_hello(&datagram[..length]));
                    highest = header.map_or(highest, |header| header.sequence.max(highest));
                }
                word = read_state(&mut control) => if word? == state::TEST_END { break },
            }
        }
        farewell(&mut control, &json!({"streams": [results(highest)]})).await
    });
    addr
}

#[tokio::test]
async fn more_than_was_sent_cannot_have_arrived() {
    let observation =
        facts(scripted(Act::Results(r#"{"streams": [{"id": 1, "bytes": 10000000000000}]}"#)).await, &[]).await;
    assert_eq!(outcome(&observation), "protocol_error");
    assert!(observation.notes()[0].contains("10000000000000 bytes"), "{:?}", observation.notes());
    assert!(number(&observation, "transferred") < 1e12, "only what this side knows is reported");
    let bytes: Claim = |sent| json!({"id": 1, "bytes": sent * 2 * 1448 + 1, "errors": 0, "packets": sent});
    let numbers: Claim = |sent| json!({"id": 1, "bytes": 1448, "errors": 0, "packets": sent + 1});
    // A path that doubles every datagram.
    let twice: Claim = |sent| json!({"id": 1, "bytes": sent * 2 * 1448, "errors": 0, "packets": sent});
    let [bytes, numbers, twice] =
        [bytes, numbers, twice].map(async |claim| facts(counting(claim).await, &udp(&[])).await);
    let (bytes, numbers, twice) = tokio::join!(bytes, numbers, twice);
    for observation in [bytes, numbers] {
        assert_eq!(outcome(&observation), "protocol_error", "{observation:?}");
        assert!(observation.last("loss").is_none() && observation.last("transferred").is_none(), "{observation:?}");
    }
    assert_eq!(outcome(&twice), "transferred");
}

/// Counts of datagrams and of bytes are of one test.
#[tokio::test]
async fn bytes_do_not_arrive_without_datagrams() {
    let none: Claim = |sent| json!({"id": 1, "bytes": sent * 1448, "errors": 0, "packets": 0});
    let few: Claim = |sent| json!({"id": 1, "bytes": sent * 1448, "errors": 0, "packets": sent / 4});
    for claim in [none, few] {
        let observation = facts(counting(claim).await, &udp(&[])).await;
        assert_eq!(outcome(&observation), "protocol_error", "{observation:?}");
        assert!(observation.notes()[0].contains("datagrams"), "{:?}", observation.notes());
        assert!(observation.last("loss").is_none(), "{observation:?}");
    }
}

/// What the server leaves out, or tells in a form nobody reads, is not known: neither good nor bad.
#[tokio::test]
async fn counts_that_the_server_does_not_tell_are_open() {
    let claims: [Claim; 4] = [
        |sent| json!({"id": 1, "bytes": sent * 1448, "errors": 0}),
        |sent| json!({"id": 1, "bytes": sent * 1448, "packets": sent}),
        |sent| json!({"id": 1, "bytes": sent * 1448, "errors": -1, "packets": sent}),
        |sent| json!({"id": 1, "bytes": sent * 1448, "errors": "0", "packets": sent.to_string()}),
    ];
    for claim in claims {
        let observation = facts(counting(claim).await, &udp(&[])).await;
        assert_eq!(outcome(&observation), "transferred", "{observation:?}");
        for fact in ["loss", "lost", "packets"] {
            assert!(observation.last(fact).is_none() && observation.partial(fact).is_some(), "{fact}: {observation:?}");
        }
    }
}

#[tokio::test]
async fn results_of_some_streams_are_not_those_of_the_test() {
    let both = ["upload", "download"].map(async |direction| {
        let addr = scripted(Act::Results(r#"{"streams": [{"id": 1, "bytes": 5000}]}"#)).await;
        let observation = facts(addr, &[("streams", Arg::Integer(4)), ("direction", text(direction))]).await;
        assert_eq!(outcome(&observation), "protocol_error", "{direction}");
        assert!(observation.notes()[0].contains("list 1 stream, the test had 4"), "{:?}", observation.notes());
    });
    join_all(both).await;
}

/// The results of iperf3 before 3.14 for a stream: whatever was lost, at any time, is one number.
fn old(packets: u64, errors: u64) -> Value {
    json!({"id": 1, "bytes": packets * 1448, "jitter": 0.001, "errors": errors, "packets": packets})
}

#[tokio::test]
async fn loss_of_an_unknown_part_of_the_test_is_not_reported() {
    let omit = udp(&[("omit", Arg::Number(0.3))]);
    let claims: [(Claim, _); 4] = [
        (|sent| old(sent, 5), omit.clone()),
        (|sent| old(sent, 0), omit.clone()),
        (|sent| old(sent, 5), udp(&[])),
        (|_| old(1, 0), omit),
    ];
    let all = claims.map(async |(claim, more)| facts(counting(claim).await, &more).await);
    let Ok([observation, none, whole, first]) = <[_; 4]>::try_from(join_all(all).await) else { panic!("four") };
    assert_eq!(outcome(&observation), "transferred");
    assert!(observation.last("loss").is_none() && observation.last("lost").is_none(), "{observation:?}");
    assert!(observation.partial("loss").is_some() && observation.partial("lost").is_some(), "{observation:?}");
    assert!(observation.notes().iter().any(|note| note.contains("3.14")), "{:?}", observation.notes());
    assert!(
        count(&observation, "packets") > 2 && observation.last("jitter").is_some(),
        "the rest is known: {observation:?}"
    );
    assert_eq!(count(&observation, "packets") * 1448, count(&observation, "sent"));
    // None lost in all, and no warm-up at all, leave nothing open.
    assert!(number(&none, "loss").abs() < 1e-9 && none.notes().is_empty(), "{none:?}");
    assert!(count(&whole, "lost") == 5 && number(&whole, "loss") > 0.0, "{whole:?}");
    // What goes missing after the last datagram observation was sent in the measurement only as far as it was sent there.
    assert_eq!(count(&first, "lost"), count(&first, "packets"), "{first:?}");
    assert_eq!(count(&first, "packets") * 1448, count(&first, "sent"));
}

#[tokio::test]
async fn a_path_that_dies_while_the_server_still_answers_is_stalled() {
    let long = [("duration", Arg::Number(1.5))];
    let stopped = async |direction| {
        let more = [&long[..], &[("direction", text(direction))]].concat();
        facts(scripted(Act::Stop(100_000)).await, &more).await
    };
    let udp_long = udp(&long);
    let tenth = async { facts(counting(|_| old(10, 0)).await, &udp_long).await };
    let (upload, download, tenth) = tokio::join!(stopped("upload"), stopped("download"), tenth);
    for (direction, observation) in [("upload", upload), ("download", download)] {
        assert_eq!(outcome(&observation), "stalled", "{direction}: {observation:?}");
        assert_eq!(count(&observation, "transferred"), 100_000, "{direction}");
        assert!(
            observation.last("sent").is_some() && observation.text("peer").is_some(),
            "{direction}: {observation:?}"
        );
        assert!(!Throughput::answered(&observation));
    }
    // The first tenth of the datagrams arrived.
    assert_eq!(outcome(&tenth), "stalled", "{tenth:?}");
    assert!(count(&tenth, "transferred") == 14_480 && number(&tenth, "loss") > 0.5, "{tenth:?}");
}

#[tokio::test]
async fn the_silence_of_a_slow_sender_is_no_stall() {
    // A block each 2 s: the second is not due within the test, nor missed by a short patience.
    let slow = [("rate", Arg::Number(8e5)), ("block", Arg::Number(2e5)), ("direction", text("download"))];
    let more = [&slow[..], &[("duration", Arg::Number(1.5)), ("timeout", Arg::Number(0.5))]].concat();
    let observation = facts(scripted(Act::Stop(200_000)).await, &more).await;
    assert_eq!(outcome(&observation), "transferred", "{observation:?}");
}

/// 14.9 % beside busy cores were the receiver's own.
#[tokio::test]
async fn what_a_receiver_may_have_dropped_itself_is_not_certain() {
    let claims: [(Claim, _, _); 3] = [
        (|sent| old(sent, 5), Value::from(false), Some(Unseen::Less)),
        (|sent| old(sent, 0), Value::from(false), None),
        (
            |sent| json!({"id": 1, "bytes": sent * 1448, "errors": 5, "queue_drops": 5, "packets": sent}),
            Value::from(true),
            None,
        ),
    ];
    for (claim, certain, rest) in claims {
        let observation = facts(counting(claim).await, &udp(&[])).await;
        assert_eq!(observation.last("loss.certain"), Some(&certain), "{observation:?}");
        for fact in ["loss", "lost"] {
            assert!(observation.last(fact).is_some(), "{observation:?}");
            assert_eq!(observation.rounds()[0].rest(fact), rest, "{fact}: {observation:?}");
        }
    }
    let (addr, _guard) = server().await;
    let both = ["upload", "download"].map(async |direction| {
        let observation = facts(addr, &udp(&[("direction", text(direction))])).await;
        assert_eq!(observation.last("loss.certain"), Some(&Value::from(true)), "{direction}");
    });
    join_all(both).await;
}
