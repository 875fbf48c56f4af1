//! DoQ servers that reset, close and talk too much.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, VarInt};
use tokio::net::UdpSocket;
use tokio::time::{Duration, sleep};

use super::flag;
use super::lab::Lab;
use super::servers::{framed, good, quic};
use crate::checks::dns::tests::observed;
use crate::lab::Tasks;
use crate::model::Arg;
use crate::testing::{count, list, noted};

/// Reads a query from one stream; the stream to answer on.
async fn asked(connection: &Connection) -> Option<(quinn::SendStream, Vec<u8>)> {
    let (send, mut receive) = connection.accept_bi().await.ok()?;
    let query = receive.read_to_end(4096).await.ok()?;
    assert_eq!(usize::from(u16::from_be_bytes([query[0], query[1]])), query.len() - 2, "one query, then the end");
    assert_eq!(query[2..4], [0, 0], "id 0");
    Some((send, query[2..].to_vec()))
}

#[tokio::test]
async fn a_stream_that_is_reset_is_reset() {
    let lab = Lab::new().await;
    let (addr, _tasks) = quic(&lab.pki.good, "doq", |connection| async move {
        let Some((mut send, _)) = asked(&connection).await else { return };
        let _ = send.reset(VarInt::from_u32(4));
        connection.closed().await;
    })
    .await;
    let observation = observed(addr, "www.example", &lab.fields("doq")).await;
    assert_eq!(observation.text("outcome"), Some("reset"), "{:?}", observation.notes());
    noted(&observation, "DOQ_EXCESSIVE_LOAD");
    assert_eq!(flag(&observation, "tls.verified"), Some(true));
}

#[tokio::test]
async fn a_connection_that_is_closed_is_closed() {
    let lab = Lab::new().await;
    let (addr, _tasks) = quic(&lab.pki.good, "doq", |connection| async move {
        let _ = asked(&connection).await;
        connection.close(VarInt::from_u32(2), b"what was\x07 that?");
    })
    .await;
    let observation = observed(addr, "www.example", &lab.fields("doq")).await;
    assert_eq!(observation.text("outcome"), Some("closed"), "{:?}", observation.notes());
    noted(&observation, "application error 2, \"what was that?\"");
}

/// Bytes a server sends for a query.
type Script = fn(&[u8]) -> Vec<u8>;

/// Answers one query with these bytes.
async fn answering(lab: &Lab, script: Script) -> (SocketAddr, Tasks) {
    quic(&lab.pki.good, "doq", move |connection| async move {
        let Some((mut send, query)) = asked(&connection).await else { return };
        let _ = send.write_all(&script(&query)).await;
        let _ = send.finish();
        connection.closed().await;
    })
    .await
}

#[tokio::test]
async fn truncated_frames_and_foreign_answers_are_no_answers() {
    let lab = Lab::new().await;
    let scripts: [(Script, &str, &str, i64); 4] = [
        (|_| vec![], "closed", "0 bytes came", 0),
        (|query| framed(&good(query))[..20].to_vec(), "closed", "20 bytes came", 0),
        (|query| [&[0xff, 0xff], good(query).as_slice()].concat(), "closed", "ended the stream", 0),
        (
            |query| {
                let mut reply = good(query);
                reply[0] = 1;
                framed(&reply)
            },
            "malformed",
            "its id is 256, not 0",
            1,
        ),
    ];
    for (script, outcome, why, discarded) in scripts {
        let (addr, _tasks) = answering(&lab, script).await;
        let observation = observed(addr, "www.example", &lab.fields("doq")).await;
        assert_eq!(observation.text("outcome"), Some(outcome), "{why}: {:?}", observation.notes());
        assert_eq!(count(&observation, "discarded"), discarded, "{why}");
        noted(&observation, why);
    }
    let (addr, _tasks) = answering(&lab, |query| [framed(&good(query)), b"more".to_vec()].concat()).await;
    let observation = observed(addr, "www.example", &lab.fields("doq")).await;
    assert_eq!(list(&observation, "answers"), ["192.0.2.1"], "{:?}", observation.notes());
}

#[tokio::test]
async fn an_answer_that_drips_ends_in_time() {
    let lab = Lab::new().await;
    let (addr, _tasks) = quic(&lab.pki.good, "doq", |connection| async move {
        let Some((mut send, _)) = asked(&connection).await else { return };
        while send.write_all(&[0xff]).await.is_ok() {
            // The drip itself; rare enough to be skipped as silence.
            sleep(Duration::from_millis(200)).await;
        }
    })
    .await;
    let mut fields = lab.fields("doq");
    fields.push(("timeout", Arg::Number(3.0)));
    let observation = observed(addr, "www.example", &fields).await;
    assert_eq!(observation.text("outcome"), Some("timeout"), "{:?}", observation.notes());
    noted(&observation, "still waiting for a complete answer");
}

#[tokio::test]
async fn a_server_that_sends_http3_headers_without_end_is_cut_off() {
    let lab = Lab::new().await;
    let (addr, _tasks) = quic(&lab.pki.good, "h3", |connection| async move {
        let Ok((mut send, _receive)) = connection.accept_bi().await else { return };
        // A HEADERS frame that claims 1 GiB, and goes on coming.
        let _ = send.write_all(&[1, 0xc0, 0, 0, 0, 0x40, 0, 0, 0]).await;
        while send.write_all(&[0; 8192]).await.is_ok() {}
    })
    .await;
    let observation = observed(addr, "www.example", &lab.fields("doh3")).await;
    assert_eq!(observation.text("outcome"), Some("protocol_error"), "{:?}", observation.notes());
    noted(&observation, "more than anybody needs");
}

#[tokio::test]
async fn datagrams_from_elsewhere_are_counted_and_do_no_harm() {
    let lab = Lab::new().await;
    let server = lab.serve("doq", &lab.pki.good).await;
    // A middlebox that passes everything on, and lets somebody else speak first.
    let (front, back, other) = (
        UdpSocket::bind("127.0.0.1:0").await.unwrap(),
        UdpSocket::bind("127.0.0.1:0").await.unwrap(),
        UdpSocket::bind("127.0.0.1:0").await.unwrap(),
    );
    back.connect(server.addr).await.unwrap();
    let addr = front.local_addr().unwrap();
    let mut tasks = Tasks::default();
    tasks.spawn(async move {
        let (mut out, mut home, mut client) = ([0; 2048], [0; 2048], None);
        loop {
            tokio::select! {
                Ok((length, from)) = front.recv_from(&mut out) => {
                    if client.is_none() {
                        for _ in 0..3 {
                            other.send_to(&out[..length], from).await.unwrap();
                        }
                    }
                    client = Some(from);
                    back.send(&out[..length]).await.unwrap();
                }
                Ok(length) = back.recv(&mut home) => {
                    front.send_to(&home[..length], client.unwrap()).await.unwrap();
                }
            }
        }
    });
    let observation = observed(addr, "www.shakedown.test", &lab.fields("doq")).await;
    assert_eq!(list(&observation, "answers"), ["127.0.0.1"], "{:?}", observation.notes());
    assert_eq!(count(&observation, "discarded"), 3);
    noted(&observation, "discarded 3 datagrams");
}

#[tokio::test]
async fn a_port_that_echoes_is_a_timeout_that_received_something() {
    let lab = Lab::new().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    let mut tasks = Tasks::default();
    tasks.spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            socket.send_to(&buffer[..length], from).await.unwrap();
        }
    });
    let mut fields = lab.fields("doq");
    fields.push(("timeout", Arg::Number(3.0)));
    let observation = observed(addr, "www.example", &fields).await;
    assert_eq!(observation.text("outcome"), Some("timeout"), "{:?}", observation.notes());
    noted(&observation, "bytes from the server, before its certificate");
}

#[tokio::test]
async fn another_version_of_quic_is_reported() {
    let lab = Lab::new().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    let mut tasks = Tasks::default();
    tasks.spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            // Version negotiation (RFC 8999, 6): version 0, connection ids exchanged, one version offered.
            let packet = &buffer[..length];
            let to = usize::from(packet[5]);
            let source = usize::from(packet[6 + to]);
            let mut reply = vec![0x80, 0, 0, 0, 0, packet[6 + to]];
            reply.extend(&packet[7 + to..7 + to + source]);
            reply.push(packet[5]);
            reply.extend(&packet[6..6 + to]);
            reply.extend([0x6b, 0x33, 0x43, 0xcf]);
            socket.send_to(&reply, from).await.unwrap();
        }
    });
    let observation = observed(addr, "www.example", &lab.fields("doq")).await;
    assert_eq!(observation.text("outcome"), Some("not_tls"), "{:?}", observation.notes());
    noted(&observation, "no version that is known here");
}

#[tokio::test]
async fn a_server_that_wants_the_address_proven_first_is_answered() {
    let lab = Lab::new().await;
    let crypto = QuicServerConfig::try_from(lab.pki.good.server(&["doq"]).unwrap()).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let endpoint = quinn::Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let addr = endpoint.local_addr().unwrap();
    let mut tasks = Tasks::default();
    tasks.spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            if incoming.may_retry() {
                incoming.retry().unwrap();
                continue;
            }
            let connection = incoming.await.unwrap();
            let (mut send, query) = asked(&connection).await.unwrap();
            send.write_all(&framed(&good(&query))).await.unwrap();
            let _ = send.finish();
            connection.closed().await;
        }
    });
    let observation = observed(addr, "www.example", &lab.fields("doq")).await;
    assert_eq!(list(&observation, "answers"), ["192.0.2.1"], "{:?}", observation.notes());
    assert!(observation.text("tls.cipher").is_some(), "seen past the Retry packet");
}
