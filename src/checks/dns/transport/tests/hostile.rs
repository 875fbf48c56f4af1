//! DoT servers that lie, stutter or say nothing, and ports that are something else.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::{Duration, sleep};

use super::lab::Lab;
use super::servers::{framed, good, tls};
use super::{ENCRYPTED, flag};
use crate::checks::dns::tests::{BRIEF, observed};
use crate::lab::Tasks;
use crate::lab::dns::DnsLab;
use crate::lab::pki::NAME;
use crate::model::{Arg, Value};
use crate::testing::{count, list, noted, text};

/// Bytes a server sends for a query, part by part.
type Script = fn(&[u8]) -> Vec<Vec<u8>>;

/// Reads a query, and sends what the script makes of it.
async fn dot(lab: &Lab, script: Script) -> (SocketAddr, Tasks) {
    tls(&lab.pki.good, "dot", move |mut stream| async move {
        let Ok(length) = stream.read_u16().await else { return };
        let mut query = vec![0; usize::from(length)];
        if stream.read_exact(&mut query).await.is_err() {
            return;
        }
        for part in script(&query) {
            let _ = stream.write_all(&part).await;
            let _ = stream.flush().await;
        }
        let _ = stream.shutdown().await;
    })
    .await
}

#[tokio::test]
async fn truncated_frames_are_closed_connections() {
    let lab = Lab::new().await;
    let scripts: [(Script, &str); 3] = [
        (|_| vec![], "0 bytes"),
        (|query| vec![framed(&good(query))[..20].to_vec()], "20 bytes"),
        (|query| vec![vec![0xff, 0xff], good(query)], "bytes came"),
    ];
    for (script, why) in scripts {
        let (addr, _tasks) = dot(&lab, script).await;
        let observation = observed(addr, "www.example", &lab.fields("dot")).await;
        assert_eq!(observation.text("outcome"), Some("closed"), "{why}: {:?}", observation.notes());
        assert!(observation.merged("rtt").is_none() && observation.merged("handshake_time").is_some(), "{why}");
        noted(&observation, why);
    }
}

#[tokio::test]
async fn what_is_no_answer_is_discarded_and_the_right_one_counts() {
    let lab = Lab::new().await;
    let (addr, _tasks) = dot(&lab, |query| {
        let (mut id, mut question) = (good(query), good(query));
        id[0] ^= 1;
        question[13] = b'x';
        vec![framed(&id), framed(&question), framed(b"garbage"), framed(&good(query))]
    })
    .await;
    let observation = observed(addr, "www.example", &lab.fields("dot")).await;
    assert_eq!(list(&observation, "answers"), ["192.0.2.1"], "{:?}", observation.notes());
    assert_eq!(count(&observation, "discarded"), 3);
}

#[tokio::test]
async fn padding_of_the_answer_is_a_fact() {
    let lab = Lab::new().await;
    let (addr, _tasks) = dot(&lab, |query| {
        let mut reply = good(query);
        reply[11] = 1;
        reply.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 8, 0, 12, 0, 4, 0, 0, 0, 0]);
        vec![framed(&reply)]
    })
    .await;
    let observation = observed(addr, "www.example", &lab.fields("dot")).await;
    assert_eq!(flag(&observation, "edns.padding"), Some(true), "{:?}", observation.notes());
    let server = lab.serve("dot", &lab.pki.good).await;
    let observation = observed(server.addr, "www.shakedown.test", &lab.fields("dot")).await;
    assert_eq!(flag(&observation, "edns.padding"), Some(false));
}

#[tokio::test]
async fn an_answer_that_drips_without_end_ends_in_time() {
    let lab = Lab::new().await;
    let (addr, _tasks) = tls(&lab.pki.good, "dot", |mut stream| async move {
        while stream.write_all(&[0xff]).await.is_ok() && stream.flush().await.is_ok() {
            // The drip itself; rare enough to be skipped as silence.
            sleep(Duration::from_millis(200)).await;
        }
    })
    .await;
    let mut fields = lab.fields("dot");
    fields.push(("timeout", Arg::Number(3.0)));
    let observation = observed(addr, "www.example", &fields).await;
    assert_eq!(observation.text("outcome"), Some("timeout"), "{:?}", observation.notes());
    noted(&observation, "still waiting for a complete answer");
}

#[tokio::test]
async fn a_flood_of_strays_ends_in_time() {
    let lab = Lab::new().await;
    let (addr, _tasks) = tls(&lab.pki.good, "dot", |mut stream| async move {
        let many = framed(b"garbage").repeat(1000);
        while stream.write_all(&many).await.is_ok() {}
    })
    .await;
    let mut fields = lab.fields("dot");
    fields.push(("timeout", Arg::Number(1.5)));
    let observation = observed(addr, "www.example", &fields).await;
    assert_eq!(observation.text("outcome"), Some("timeout"));
    assert!(count(&observation, "discarded") > 1000);
    assert!(observation.notes().len() < 20);
}

#[tokio::test]
async fn a_silent_port_is_a_timeout_and_a_closed_one_refuses() {
    let lab = Lab::new().await;
    for (transport, _) in ENCRYPTED {
        let mut fields = lab.fields(transport);
        let (listener, socket);
        let silent = if matches!(transport, "dot" | "doh") {
            listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        } else {
            socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
            socket.local_addr().unwrap()
        };
        fields.push(("timeout", Arg::Number(BRIEF)));
        let observation = observed(silent, "www.example", &fields).await;
        assert_eq!(observation.text("outcome"), Some("timeout"), "{transport}");
        assert!(
            flag(&observation, "tls.verified").is_none() && observation.merged("handshake_time").is_none(),
            "{transport}"
        );
        noted(&observation, "to the TLS handshake within 200 ms");
    }
    // Taken for TCP and UDP, and given back: the system hands it to nobody else that soon.
    let (tcp, udp) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let (no_tcp, no_udp) = (tcp.local_addr().unwrap(), udp.local_addr().unwrap());
    drop((tcp, udp));
    for (transport, _) in ENCRYPTED {
        let closed = if matches!(transport, "dot" | "doh") { no_tcp } else { no_udp };
        let observation = observed(closed, "www.example", &lab.fields(transport)).await;
        assert_eq!(observation.text("outcome"), Some("refused"), "{transport}: {:?}", observation.notes());
    }
}

#[tokio::test]
async fn plain_dns_on_the_port_is_not_tls() {
    let (lab, plain) = (Lab::new().await, DnsLab::start().await.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let talker = listener.local_addr().unwrap();
    let mut tasks = Tasks::default();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"220 ready\r\n").await;
            let _ = stream.read(&mut [0; 4096]).await;
        }
    });
    for transport in ["dot", "doh"] {
        let observation = observed(talker, "www.example", &lab.fields(transport)).await;
        assert_eq!(observation.text("outcome"), Some("not_tls"), "{transport}: {:?}", observation.notes());
    }
    // A DNS server takes the ClientHello for a long message, and waits or hangs up.
    let mut fields = lab.fields("dot");
    fields.push(("timeout", Arg::Number(BRIEF)));
    let observation = observed(plain.addr(), "www.shakedown.test", &fields).await;
    assert!(matches!(observation.text("outcome"), Some("timeout" | "closed" | "reset" | "not_tls")));
    assert!(observation.last("answers").is_none(), "there is no other way than the one asked for");
}

#[tokio::test]
async fn a_server_of_another_protocol_refuses_or_is_refused() {
    let lab = Lab::new().await;
    for (transport, _) in ENCRYPTED {
        let server = lab.serve_as(transport, &lab.pki.good, &["something-else"]).await;
        let observation = observed(server.addr, "www.shakedown.test", &lab.fields(transport)).await;
        assert_eq!(observation.text("outcome"), Some("alert"), "{transport}: {:?}", observation.notes());
        assert_eq!(observation.text("tls.alert"), Some("no_application_protocol"), "{transport}");
    }
    // Without any, DoT goes on (RFC 7858 knows no ALPN); DoH cannot.
    let server = lab.serve_as("dot", &lab.pki.good, &[]).await;
    let observation = observed(server.addr, "www.shakedown.test", &lab.fields("dot")).await;
    assert_eq!(list(&observation, "answers"), ["127.0.0.1"]);
    assert!(observation.last("tls.alpn").is_none());
    let server = lab.serve_as("doh", &lab.pki.good, &[]).await;
    let observation = observed(server.addr, "www.shakedown.test", &lab.fields("doh")).await;
    assert_eq!(observation.text("outcome"), Some("protocol_error"));
    noted(&observation, "ALPN h2");
}

#[tokio::test]
async fn a_different_answer_by_udp_is_reported() {
    let (lab, plain) = (Lab::new().await, DnsLab::start().await.unwrap());
    let (addr, _tasks) = dot(&lab, |query| vec![framed(&good(query))]).await;
    let mut fields = lab.fields("dot");
    fields.push(("same_as", text(&plain.addr().to_string())));
    let observation = observed(addr, "www.shakedown.test", &fields).await;
    assert_eq!(flag(&observation, "same_answer"), Some(false));
    noted(&observation, "not in the answer by UDP: www.shakedown.test. 1 A 192.0.2.1");
    noted(&observation, "only in the answer by UDP: www.shakedown.test. 1 A 127.0.0.1");
    let observation = observed(addr, "absent.shakedown.test", &fields).await;
    assert_eq!(flag(&observation, "same_answer"), Some(false));
    noted(&observation, "code 3 by UDP, 0 by this transport");
}

#[tokio::test]
async fn nothing_to_compare_with_is_no_sameness() {
    let lab = Lab::new().await;
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = lab.serve("dot", &lab.pki.good).await;
    let mut fields = lab.fields("dot");
    fields.push(("same_as", text(&silent.local_addr().unwrap().to_string())));
    fields.push(("timeout", Arg::Number(3.0)));
    let observation = observed(server.addr, "www.shakedown.test", &fields).await;
    assert_eq!(observation.text("outcome"), Some("answered"), "{:?}", observation.notes());
    assert!(observation.last("same_answer").is_none());
    noted(&observation, "nothing to compare with");
}

#[tokio::test]
async fn the_name_may_go_without_sni_and_an_address_be_verified() {
    let lab = Lab::new().await;
    for (transport, _) in ENCRYPTED.into_iter().filter(|(transport, _)| *transport != "doh") {
        let server = lab.serve(transport, &lab.pki.good).await;
        let mut fields = lab.fields(transport);
        fields.retain(|(field, _)| *field != "sni");
        let observation = observed(server.addr, "www.shakedown.test", &fields).await;
        assert_eq!(flag(&observation, "tls.verified"), Some(true), "{transport}: 127.0.0.1 is in the certificate");
        fields.extend([("sni", text("")), ("verify_name", text(NAME))]);
        let observation = observed(server.addr, "www.shakedown.test", &fields).await;
        assert_eq!(
            observation.last("tls.verified"),
            Some(&Value::Bool(true)),
            "{transport}: {:?}",
            observation.notes()
        );
    }
}

#[tokio::test]
async fn a_server_that_wants_to_know_its_clients_refuses_late() {
    let lab = Lab::new().await;
    for (transport, alpn) in ENCRYPTED {
        let server = lab.serve_with(transport, lab.asking(alpn)).await;
        let observation = observed(server.addr, "www.shakedown.test", &lab.fields(transport)).await;
        assert_eq!(observation.text("outcome"), Some("alert"), "{transport}: {:?}", observation.notes());
        assert_eq!(
            observation.text("tls.alert"),
            Some("certificate_required"),
            "{transport}: {:?}",
            observation.notes()
        );
        assert!(observation.last("rcode").is_none(), "{transport}");
        let mut known = lab.fields(transport);
        known.extend([
            ("client_cert", lab.file("client.pem", lab.pki.good.chain_pem())),
            ("client_key", lab.file("client.key", lab.pki.good.key_pem())),
        ]);
        let observation = observed(server.addr, "www.shakedown.test", &known).await;
        assert_eq!(list(&observation, "answers"), ["127.0.0.1"], "{transport}: {:?}", observation.notes());
    }
}
