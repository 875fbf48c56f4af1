//! What a server says it sent, held against what came.

use super::*;
use crate::checks::throughput::settings::Settings;
use crate::model::Unseen;
use crate::proto::iperf3::datagram::Header;

/// A server of one TCP download that sends `bytes` and then claims `results`.
async fn sending(bytes: usize, results: Value) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut control, _, mut streams) = running(&listener).await?;
        streams[0].write_all(&vec![0; bytes]).await?;
        conclude(&mut control, &json!({"streams": [results]})).await
    });
    addr
}

/// A server of one UDP download with one stream that sends `count` datagrams and then claims `results`.
async fn sending_datagrams(count: u64, results: Value) -> SocketAddr {
    let (listener, socket) = one_port().await;
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut control, client) = one_datagram_stream(&listener, &socket).await?;
        // The client's socket may still hold the answer to its hello; what counts comes after it.
        tokio::time::sleep(Duration::from_millis(50)).await;
        for sequence in 1..=count {
            let mut datagram = [0; 100];
            Header { sent_us: sequence * 1000, sequence }.write(&mut datagram, false);
            socket.send_to(&datagram, client).await?;
        }
        conclude(&mut control, &json!({"streams": [results]})).await
    });
    addr
}

fn download(more: &[(&'static str, Arg)]) -> Vec<(&'static str, Arg)> {
    [&[("direction", text("download")), ("block", Arg::Number(1000.0))], more].concat()
}

#[tokio::test]
async fn more_than_was_sent_cannot_have_come() {
    // Since 3.16 a block counts when all of it is written; such a server is known by `omitted_packets`.
    let counted = |bytes: u64| json!({"id": 1, "bytes": bytes, "omitted_errors": 0, "omitted_packets": 0});
    for (results, want) in [
        (json!({"id": 1, "bytes": 0}), "protocol_error"),
        (json!({"id": 1, "bytes": 99_999}), "protocol_error"),
        (json!({"id": 1, "bytes": 100_000}), "transferred"),
        (json!({"id": 1, "bytes": 5_000_000}), "transferred"),
        (json!({"id": 1}), "transferred"),
        (counted(0), "protocol_error"),
        (counted(98_999), "protocol_error"),
        (counted(99_000), "transferred"),
    ] {
        let observation = facts(sending(100_000, results.clone()).await, &download(&[])).await;
        assert_eq!(outcome(&observation), want, "{results}: {:?}", observation.notes());
        if want == "protocol_error" {
            assert!(observation.notes()[0].contains("of which 100000 arrived"), "{:?}", observation.notes());
            assert!(observation.last("sent").is_none(), "nothing else of it is believed");
        }
    }
}

#[tokio::test]
async fn more_datagrams_than_were_sent_cannot_have_come() {
    for (results, want) in [
        (json!({"id": 1, "bytes": 0, "packets": 0}), "protocol_error"),
        (json!({"id": 1, "bytes": 4000, "packets": 39}), "protocol_error"),
        (json!({"id": 1, "bytes": 0, "packets": 40}), "protocol_error"),
        (json!({"id": 1, "bytes": 4000, "packets": 40}), "transferred"),
    ] {
        let observation = facts(sending_datagrams(40, results.clone()).await, &udp(&download(&[]))).await;
        assert_eq!(outcome(&observation), want, "{results}: {:?}", observation.notes());
        assert_eq!(observation.last("loss").is_some(), want == "transferred", "{results}");
    }
}

#[tokio::test]
async fn what_the_server_does_not_tell_is_no_zero() {
    let told =
        facts(sending_datagrams(40, json!({"id": 1, "bytes": 8000, "packets": 80})).await, &udp(&download(&[]))).await;
    assert_eq!((count(&told, "packets"), count(&told, "lost")), (80, 40), "half of them never came");
    assert_eq!(told.last("loss.certain"), Some(&Value::from(true)), "our own sockets are counted here");
    assert!(told.partial("loss").is_none());
    let untold = facts(sending_datagrams(40, json!({"id": 1})).await, &udp(&download(&[]))).await;
    assert_eq!(outcome(&untold), "transferred");
    for fact in ["packets", "lost", "loss"] {
        assert_eq!(untold.partial(fact), Some("the server does not say how many datagrams it sent"), "{fact}");
        assert_eq!(untold.rounds()[0].rest(fact), Some(Unseen::More), "{fact}");
    }
    assert!(untold.last("sent").is_none());
    // A single datagram varies from nothing.
    let one =
        facts(sending_datagrams(1, json!({"id": 1, "bytes": 100, "packets": 1})).await, &udp(&download(&[]))).await;
    assert!(one.last("jitter").is_none() && number(&one, "loss").abs() < 1e-9, "{one:?}");
}

/// iperf3 keeps a rate by whole blocks: each interval of a slow download must see some.
#[test]
fn a_download_at_a_low_rate_comes_in_small_blocks() {
    let block = |more: &[(&'static str, Arg)]| {
        let more = [&[("direction", text("download"))], more].concat();
        Settings::from_args(&args("192.0.2.1", &more)).unwrap().params.block
    };
    let (rate, streams) = (("rate", Arg::Number(48e6)), ("streams", Arg::Integer(3)));
    // 16 Mbit/s a stream, of which each tenth of 100 ms is 20 kB.
    assert_eq!(block(&[rate.clone(), streams.clone()]), 20_000);
    assert_eq!(block(&[("rate", Arg::Number(1e4))]), 1024);
    assert_eq!(block(&[("rate", Arg::Number(1e10))]), 1 << 20);
    assert_eq!(block(std::slice::from_ref(&streams)), 1 << 20);
    assert_eq!(block(&[rate.clone(), streams.clone(), ("block", Arg::Integer(1 << 19))]), 1 << 19);
    assert_eq!(block(&[rate, streams, ("direction", text("upload"))]), 1 << 20, "this side's writes are sliced anyway");
}
