use std::net::{IpAddr, Ipv4Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::Tcp;
use crate::model::{Arg, Args, Fault, Observation};
use crate::probe::Probe;
use crate::testing::{self, Written, observe_with, text};

fn args(port: u16, more: Written<'_>) -> Args {
    let target = [("host", text("127.0.0.1")), ("port", Arg::Integer(port.into())), ("timeout", Arg::Number(2.0))];
    testing::args(target, more)
}

async fn observe(args: Args, addresses: Option<&[IpAddr]>) -> (Observation, Result<(), Fault>) {
    let probe = Tcp::from_args(&args).unwrap();
    match addresses {
        Some(addresses) => observe_with(Tcp::FACTS, probe.longest(), async |cx| probe.probe(cx, addresses).await).await,
        None => testing::observe(&probe).await,
    }
}

/// A server that says `greeting`, reads once, says `answer`, and keeps the connection until the peer leaves.
async fn server(greeting: &'static str, answer: &'static str) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(greeting.as_bytes()).await;
                let mut chunk = [0; 1024];
                if stream.read(&mut chunk).await.is_ok_and(|count| count > 0) {
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.read(&mut chunk).await;
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn one_dead_address_of_two_is_seen_with_addresses_all() {
    // All of 127/8 is loopback; the server listens on the first address only.
    let port = server("", "").await;
    let both = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2])];
    let (observation, ended) = observe(args(port, &[("addresses", Arg::Text("all".into()))]), Some(&both)).await;
    ended.unwrap();
    assert_eq!(observation.text("outcome"), Some("refused"));
    assert_eq!(observation.text("address"), Some("127.0.0.2"));
    assert_eq!(observation.last("addresses.failed").unwrap(), &serde_json::json!(["127.0.0.2 refused"]));
    assert_eq!(observation.last("addresses").unwrap(), &serde_json::json!(["127.0.0.1", "127.0.0.2"]));
    let (observation, ended) = observe(args(port, &[]), Some(&both)).await;
    ended.unwrap();
    assert_eq!(observation.text("outcome"), Some("connected"), "`first` looks at the first address only");
    assert!(observation.last("addresses.failed").is_none());
}

/// What one address says is not what another says, and that one was reached shows nothing of another.
#[tokio::test]
async fn one_address_does_not_speak_for_another() {
    let port = server("220 ready\r\n", "").await;
    let both = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2])];
    let all = || ("addresses", Arg::Text("all".into()));
    let (observation, ended) = observe(args(port, &[all(), ("banner", Arg::Bool(true))]), Some(&both[..1])).await;
    ended.unwrap();
    assert_eq!(observation.text("outcome"), Some("connected"));
    assert!(observation.last("banner").is_none() && observation.last("received").is_none());
    assert!(observation.counted().all(|round| !round.is_unreached()));
    let (observation, ended) = observe(args(port, &[all()]), Some(&both)).await;
    ended.unwrap();
    assert_eq!(observation.text("address"), Some("127.0.0.2"));
    assert!(observation.merged("connect_time").is_some(), "of the other address");
    assert!(observation.counted().all(crate::model::Round::is_unreached));
}

#[tokio::test]
async fn an_answer_is_compared_and_silence_is_no_answer() {
    let port = server("220 ready\r\n", "+PONG\r\n").await;
    let (observation, _) =
        observe(args(port, &[("send", Arg::Text("PING".into())), ("expect", Arg::Text("+PONG".into()))]), None).await;
    assert_eq!(observation.text("outcome"), Some("connected"));
    assert_eq!(observation.text("banner"), Some("220 ready"));
    assert!(observation.text("received").unwrap().contains("+PONG"));
    let wrong = [("expect", Arg::Text("554".into())), ("timeout", Arg::Number(0.1))];
    let (observation, _) = observe(args(port, &wrong), None).await;
    assert_eq!(observation.text("outcome"), Some("mismatch"));
    let mute = server("", "").await;
    let (observation, _) =
        observe(args(mute, &[("banner", Arg::Bool(true)), ("timeout", Arg::Number(0.1))]), None).await;
    assert_eq!(observation.text("outcome"), Some("timeout"));
    let silence = [("expect", Arg::Text("220".into())), ("timeout", Arg::Number(0.1))];
    let (observation, _) = observe(args(mute, &silence), None).await;
    assert_eq!(observation.text("outcome"), Some("timeout"), "silence is not a wrong answer");
}

#[tokio::test]
async fn a_peer_that_hangs_up_without_a_word_is_closed() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    for more in [("banner", Arg::Bool(true)), ("expect", Arg::Text("220".into()))] {
        let (observation, _) = observe(args(port, &[more]), None).await;
        assert_eq!(observation.text("outcome"), Some("closed"));
    }
}

#[tokio::test]
async fn a_match_across_two_segments_is_found() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"220 rea").await.unwrap();
        let mut chunk = [0; 8];
        let _ = stream.read(&mut chunk).await;
        stream.write_all(b"dy\r\n").await.unwrap();
        let _ = stream.read(&mut chunk).await;
    });
    let halves = [("send", Arg::Text("x".into())), ("expect", Arg::Text("ready".into()))];
    let (observation, _) = observe(args(port, &halves), None).await;
    assert_eq!(observation.text("outcome"), Some("connected"));
}

#[tokio::test]
async fn the_answer_is_bounded() {
    let port = server("0123456789", "").await;
    let few = [("expect", Arg::Text("9".into())), ("limit", Arg::Number(4.0))];
    let (observation, _) = observe(args(port, &few), None).await;
    assert_eq!(observation.text("outcome"), Some("mismatch"));
    assert!(observation.partial("outcome").unwrap().contains("may come after it"), "a wrong answer is not proven");
    assert_eq!(observation.text("received"), Some("0123"));
    let whole = [("expect", Arg::Text("x".into())), ("limit", Arg::Number(64.0)), ("timeout", Arg::Number(0.2))];
    let (observation, _) = observe(args(port, &whole), None).await;
    assert_eq!((observation.text("outcome"), observation.partial("outcome")), (Some("mismatch"), None));
}

#[tokio::test]
async fn names_and_sources() {
    let (observation, ended) = observe(args(1, &[("host", Arg::Text("nowhere.invalid".into()))]), None).await;
    ended.unwrap();
    assert_eq!(observation.text("outcome"), Some("unresolved"));
    assert!(observation.merged("connect_time").is_none(), "absent, not zero");
    let port = server("", "").await;
    let (observation, ended) = observe(args(port, &[("source", Arg::Text("192.0.2.1".into()))]), None).await;
    let fault = ended.unwrap_err();
    assert!(fault.remedy.contains("source"), "{fault:?}");
    assert!(observation.last("outcome").is_none(), "what could not be looked at has no outcome");
}

/// A server that says these pieces one after the other, each once the kernel has sent the one before, and then does this.
async fn in_pieces(pieces: &'static [&'static str], hangs_up: bool) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        for piece in pieces {
            stream.write_all(piece.as_bytes()).await.unwrap();
            // A segment of its own: what is tested is that the line goes on in the next one.
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        }
        if !hangs_up {
            let _ = stream.read(&mut [0; 16]).await;
        }
    });
    port
}

#[tokio::test]
async fn a_banner_is_a_line_and_not_a_segment() {
    let banner = || ("banner", Arg::Bool(true));
    for (pieces, hangs_up, line, part) in [
        (&["220 mail", ".example ES", "MTP\r\n"][..], false, "220 mail.example ESMTP", false),
        (&["SSH-2.0-x\r\nmore"][..], false, "SSH-2.0-x", false),
        (&["no end"][..], true, "no end", false),
        (&["no end"][..], false, "no end", true),
    ] {
        let port = in_pieces(pieces, hangs_up).await;
        let (observation, ended) = observe(args(port, &[banner(), ("timeout", Arg::Number(0.5))]), None).await;
        ended.unwrap();
        assert_eq!(
            (observation.text("outcome"), observation.text("banner")),
            (Some("connected"), Some(line)),
            "{pieces:?}"
        );
        assert_eq!(observation.partial("banner").is_some(), part, "{pieces:?}: a line that may go on");
        assert_eq!(observation.partial("received").is_none(), hangs_up, "{pieces:?}: more may come unless it hung up");
    }
    // Where `limit` cuts a line, it may go on as well.
    let port = in_pieces(&["0123456789\r\n"], false).await;
    let (observation, _) = observe(args(port, &[banner(), ("limit", Arg::Number(4.0))]), None).await;
    assert_eq!((observation.text("banner"), observation.partial("banner")), (Some("0123"), Some("`limit` is reached")));
}
