//! A server as strict as iperf3 since 3.18, which does what it understood.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::*;
use crate::checks::throughput::facts;
use crate::proto::iperf3::datagram::{Header, REPLY};

/// One UDP socket of the server and the client's address on it, where it has one.
type Datagrams = (tokio::net::UdpSocket, SocketAddr);

/// What a strict server got and did.
#[derive(Debug, Default)]
struct ReceivedTest {
    params: Value,
}

/// Serves one test by what it understood of the parameters.
async fn strict() -> (SocketAddr, Arc<Mutex<ReceivedTest>>) {
    let (listener, socket) = loop {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(socket) = tokio::net::UdpSocket::bind(listener.local_addr().unwrap()).await {
            break (listener, socket);
        }
    };
    let (addr, seen) = (listener.local_addr().unwrap(), Arc::<Mutex<ReceivedTest>>::default());
    let shown = Arc::clone(&seen);
    tokio::spawn(async move { serve(&listener, socket, &shown).await });
    (addr, seen)
}

async fn serve(
    listener: &TcpListener,
    socket: tokio::net::UdpSocket,
    seen: &Mutex<ReceivedTest>,
) -> std::io::Result<()> {
    let (mut control, _) = listener.accept().await?;
    read_cookie(&mut control).await?;
    write_state(&mut control, state::PARAM_EXCHANGE).await?;
    let params = understood(read_json(&mut control, 8192).await?);
    seen.lock().await.params = params.clone();
    write_state(&mut control, state::CREATE_STREAMS).await?;
    let count = params["parallel"].as_u64().unwrap();
    let sends = params.get("reverse").is_some();
    if params.get("udp").is_some() {
        let mut hello = [0; 64];
        let (_, client) = socket.recv_from(&mut hello).await?;
        socket.send_to(&REPLY, client).await?;
        return datagrams(control, (socket, client), &params, sends).await;
    }
    let mut streams = Vec::new();
    for _ in 0..count {
        let (mut stream, _) = listener.accept().await?;
        read_cookie(&mut stream).await?;
        streams.push(stream);
    }
    bytes(control, streams, sends).await
}

async fn begin(control: &mut TcpStream) -> std::io::Result<()> {
    write_state(control, state::TEST_START).await?;
    write_state(control, state::TEST_RUNNING).await
}

async fn bytes(mut control: TcpStream, mut streams: Vec<TcpStream>, sends: bool) -> std::io::Result<()> {
    begin(&mut control).await?;
    let mut moved = vec![0_usize; streams.len()];
    let mut block = vec![0; 10_000];
    loop {
        for (stream, moved) in streams.iter_mut().zip(&mut moved) {
            // A sender that was not told to send waits for data for ever.
            let act = async {
                if sends { stream.write_all(&block).await.map(|()| block.len()) } else { stream.read(&mut block).await }
            };
            if let Ok(count) = tokio::time::timeout(Duration::from_millis(50), act).await {
                *moved += count?;
            }
        }
        let word = tokio::time::timeout(Duration::from_millis(5), read_state(&mut control)).await;
        if let Ok(word) = word
            && word? == state::TEST_END
        {
            break;
        }
    }
    let flag = if sends { 1 } else { -1 };
    let ids = [1, 3, 4, 5];
    let streams: Vec<Value> = moved
        .iter()
        .zip(ids)
        .map(|(bytes, id)| json!({"id": id, "bytes": bytes, "retransmits": if sends { 2 } else { -1 }}))
        .collect();
    farewell(&mut control, &json!({"sender_has_retransmits": flag, "streams": streams})).await
}

async fn datagrams(
    mut control: TcpStream,
    (socket, client): Datagrams,
    params: &Value,
    sends: bool,
) -> std::io::Result<()> {
    begin(&mut control).await?;
    let (wide, length) =
        (params.get("udp_counters_64bit").is_some(), usize::try_from(params["len"].as_u64().unwrap()).unwrap());
    let (mut packets, mut received) = (0, 0);
    loop {
        let mut datagram = vec![0; length];
        if sends {
            Header { sent_us: packets * 1000, sequence: packets + 1 }.write(&mut datagram, wide);
            socket.send_to(&datagram, client).await?;
            packets += 1;
        }
        tokio::select! {
            biased;
            Ok((_, _)) = socket.recv_from(&mut datagram), if !sends => {
                let header = Header::parse(&datagram, wide).unwrap();
                (packets, received) = (header.sequence.max(packets), received + length);
            }
            word = read_state(&mut control) => if word? == state::TEST_END { break },
            // The gap between two datagrams.
            () = tokio::time::sleep(Duration::from_millis(5)), if sends => {}
        }
    }
    let bytes = if sends { usize::try_from(packets).unwrap() * length } else { received };
    let stream = json!({"id": 1, "bytes": bytes, "errors": 0, "packets": packets, "jitter": 0.001});
    farewell(&mut control, &json!({"sender_has_retransmits": if sends { 0 } else { -1 }, "streams": [stream]})).await
}

/// 3.18 and later run an upload when they do not understand `reverse`, and count 32-bit numbers when not told otherwise.
#[tokio::test]
async fn a_server_that_wants_every_type_right_understands_every_test() {
    let mut tests = Vec::new();
    for direction in ["upload", "download"] {
        for streams in [1, 3] {
            tests.push(vec![
                ("direction", text(direction)),
                ("streams", Arg::Integer(streams)),
                ("congestion", text("reno")),
            ]);
        }
        tests.push(vec![("direction", text(direction)), ("rate", Arg::Number(1e8)), ("omit", Arg::Number(0.1))]);
        tests.push(udp(&[("direction", text(direction)), ("block", Arg::Number(500.0))]));
    }
    for more in tests {
        let (addr, seen) = strict().await;
        let observation = facts(addr, &more).await;
        let params = seen.lock().await.params.clone();
        assert_eq!(outcome(&observation), "transferred", "{more:?}: {:?} {params}", observation.notes());
        for name in ["omit", "time", "num", "blockcount", "parallel", "len"] {
            assert!(params[name].is_number(), "{name}: {params}");
        }
        assert_eq!(params.get("congestion").is_some(), more.iter().any(|(name, _)| *name == "congestion"), "{params}");
    }
}

#[tokio::test]
async fn a_server_that_did_not_understand_the_direction_is_told_as_that() {
    let deaf = r#"{"sender_has_retransmits": -1, "streams": [{"id": 1, "bytes": 0, "retransmits": -1}]}"#;
    let old = r#"{"sender_has_retransmits": 18446744073709551615, "streams": [{"id": 1, "bytes": 0}]}"#;
    for results in [deaf, old] {
        let observation = facts(scripted(Act::Results(results)).await, &[("direction", text("download"))]).await;
        assert_eq!(outcome(&observation), "protocol_error");
        assert!(observation.notes()[0].contains("did not understand that it was to send"), "{:?}", observation.notes());
    }
    // The server of an upload is a receiver.
    let upload = r#"{"sender_has_retransmits": -1, "streams": [{"id": 1, "bytes": 5}]}"#;
    assert_eq!(outcome(&facts(scripted(Act::Results(upload)).await, &[]).await), "transferred");
}

/// What goes wrong once a connection is open is no firewall's doing; only a reset may be.
#[tokio::test]
async fn no_firewall_is_blamed_once_there_is_a_connection() {
    let results = Act::Results(r#"{"streams": [{"id": 1, "bytes": 0}]}"#);
    let fault = run(scripted(results).await, &[("direction", text("download"))]).await.1.unwrap_err();
    assert!(!fault.to_string().contains("firewall") && !fault.remedy.contains("firewall"), "{fault}");
    for word in ["stalled", "protocol_error", "busy"] {
        let (_, advice) = facts::OUTCOME.info.advice.values.iter().find(|(known, _)| *known == word).unwrap();
        assert!(!advice.contains("firewall"), "{word}: {advice}");
    }
}
