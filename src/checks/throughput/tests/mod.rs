mod both;
mod claims;
mod downloads;
mod patience;
mod strict;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Throughput;
use crate::model::{Arg, Args, Fault, Observation};
use crate::probe::Probe;
use crate::proto::iperf3::datagram::REPLY;
use crate::proto::iperf3::frame::{read_cookie, read_json, read_state, write_json, write_state};
use crate::proto::iperf3::{parameter, state};
use crate::serve::{ClientLimits, Server};
use crate::testing::{self, Written, count, number, text};

fn args(server: &str, more: Written<'_>) -> Args {
    let common = [("server", text(server)), ("duration", Arg::Number(0.3)), ("interval", Arg::Number(0.1))];
    testing::args(common, more)
}

async fn run(server: SocketAddr, more: Written<'_>) -> (Observation, Result<(), Fault>) {
    testing::observe(&Throughput::from_args(&args(&server.to_string(), more)).unwrap()).await
}

async fn facts(server: SocketAddr, more: Written<'_>) -> Observation {
    let (observation, result) = run(server, more).await;
    result.unwrap();
    observation
}

fn outcome(observation: &Observation) -> &str {
    observation.text("outcome").unwrap()
}

/// A server on a task of its own; dropping the guard stops it.
async fn server_with(limits: ClientLimits) -> (SocketAddr, tokio_util::sync::DropGuard) {
    let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap().with_limits(limits);
    let (addr, cancel) = (server.addr(), CancellationToken::new());
    tokio::spawn(server.run(cancel.clone()));
    (addr, cancel.drop_guard())
}

async fn server() -> (SocketAddr, tokio_util::sync::DropGuard) {
    server_with(ClientLimits::default()).await
}

const UDP: [(&str, Arg); 1] = [("rate", Arg::Number(1e6))];

fn udp(more: &[(&'static str, Arg)]) -> Vec<(&'static str, Arg)> {
    [&UDP[..], &[("protocol", text("udp"))], more].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tcp_upload_counts_agree_on_both_sides() {
    let (addr, _guard) = server().await;
    let observation = facts(addr, &[]).await;
    assert_eq!(outcome(&observation), "transferred");
    assert!(Throughput::answered(&observation));
    assert!(count(&observation, "transferred") > 0);
    assert!(count(&observation, "transferred") <= count(&observation, "sent"));
    assert_eq!(observation.merged("bitrate").unwrap().count(), 3);
    assert_eq!(observation.merged("rtt").unwrap().count(), 3);
    assert!(observation.last("retransmits").is_some() && observation.last("congestion").is_some());
    assert!(observation.last("loss").is_none() && observation.last("jitter").is_none());
    assert!(observation.text("peer").unwrap().starts_with("shakedown "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tcp_download_with_three_streams() {
    let (addr, _guard) = server().await;
    let observation = facts(addr, &[("direction", text("download")), ("streams", Arg::Integer(3))]).await;
    assert_eq!(outcome(&observation), "transferred");
    assert!(count(&observation, "transferred") > 0);
    assert!(count(&observation, "transferred") <= count(&observation, "sent"));
    assert!(observation.last("retransmits").is_some(), "the server's count");
    assert!(observation.merged("rtt").is_none(), "a receiver has no round-trip time");
}

#[tokio::test]
async fn a_tcp_rate_is_kept() {
    let (addr, _guard) = server().await;
    let start = Instant::now();
    let observation = facts(addr, &[("rate", Arg::Number(8e6))]).await;
    // Against the time that really passed, so that a slow machine cannot fail the test; the schedule sends one slice ahead.
    let most = 1e6 * start.elapsed().as_secs_f64() + 20_000.0;
    assert!(
        number(&observation, "sent") > 10_000.0 && number(&observation, "sent") <= most,
        "{}",
        number(&observation, "sent")
    );
}

#[tokio::test]
async fn udp_upload_loses_nothing_on_loopback() {
    let (addr, _guard) = server().await;
    let observation = facts(addr, &udp(&[("streams", Arg::Integer(2))])).await;
    assert_eq!(outcome(&observation), "transferred");
    assert!(count(&observation, "lost") == 0 && number(&observation, "loss").abs() < 1e-9, "{observation:?}");
    assert!(count(&observation, "packets") > 2);
    assert_eq!(count(&observation, "transferred"), count(&observation, "packets") * 1448);
    assert_eq!(count(&observation, "transferred"), count(&observation, "sent"));
    assert!(observation.last("jitter").is_some());
    assert_eq!((count(&observation, "reordered"), count(&observation, "duplicates")), (0, 0), "the receiver says so");
    assert_eq!(count(&observation, "burst"), 1, "at this rate each leaves by itself");
}

#[tokio::test]
async fn udp_download_loses_nothing_on_loopback() {
    let (addr, _guard) = server().await;
    let observation = facts(addr, &udp(&[("direction", text("download")), ("block", Arg::Number(200.0))])).await;
    assert_eq!(outcome(&observation), "transferred");
    assert!(count(&observation, "lost") == 0 && number(&observation, "loss").abs() < 1e-9, "{observation:?}");
    assert_eq!(count(&observation, "transferred"), count(&observation, "packets") * 200);
    assert_eq!(count(&observation, "transferred"), count(&observation, "sent"));
    assert_eq!(
        count(&observation, "reordered") + count(&observation, "duplicates") + count(&observation, "dropped.receiver"),
        0
    );
}

#[tokio::test]
async fn the_warm_up_is_left_out() {
    let both = ["upload", "download"].map(async |direction| {
        let (addr, _guard) = server().await;
        let start = Instant::now();
        let more = [("omit", Arg::Number(0.6)), ("duration", Arg::Number(0.1)), ("direction", text(direction))];
        let observation = facts(addr, &udp(&more)).await;
        // Datagrams are due each 11.6 ms; the bound stretches with the time that really passed.
        let most = (start.elapsed().as_secs_f64() - 0.6) * 1e6 / 8.0 / 1448.0 + 2.0;
        assert!(
            number(&observation, "packets") <= most,
            "{direction}: {} of at most {most}",
            number(&observation, "packets")
        );
        assert!(number(&observation, "sent") <= most * 1448.0, "{direction}");
        assert!(
            count(&observation, "transferred") > 0 && number(&observation, "transferred") <= most * 1448.0,
            "{direction}"
        );
        assert_eq!(observation.merged("bitrate").unwrap().count(), 1, "{direction}");
    });
    join_all(both).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_clients_at_once() {
    let (addr, _guard) = server().await;
    let (one, two, three) = (udp(&[]), udp(&[("streams", Arg::Integer(2))]), [("rate", Arg::Number(1e7))]);
    let (one, two, three) = tokio::join!(facts(addr, &one), facts(addr, &two), facts(addr, &three));
    for observation in [&one, &two, &three] {
        assert_eq!(outcome(observation), "transferred");
    }
    for observation in [&one, &two] {
        assert_eq!(count(observation, "transferred"), count(observation, "sent"), "each test counts its own datagrams");
    }
}

#[tokio::test]
async fn a_busy_server_is_a_fact() {
    let (addr, _guard) = server_with(ClientLimits { sessions: 0, ..ClientLimits::default() }).await;
    assert_eq!(outcome(&facts(addr, &[]).await), "busy");
}

#[tokio::test]
async fn a_server_that_refuses_the_parameters_is_a_fact() {
    let (addr, _guard) =
        server_with(ClientLimits { duration: Duration::from_millis(10), ..ClientLimits::default() }).await;
    let observation = facts(addr, &[]).await;
    assert_eq!(outcome(&observation), "protocol_error");
    assert!(observation.notes()[0].contains("error 5"), "{:?}", observation.notes());
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let closed = crate::net::dial::open(SocketAddr::from(([127, 0, 0, 1], 0)), crate::net::Origin::default()).unwrap();
    closed.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    assert_eq!(outcome(&facts(closed.local_addr().unwrap().as_socket().unwrap(), &[]).await), "refused");
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let observation = facts(listener.local_addr().unwrap(), &[("timeout", Arg::Number(0.1))]).await;
    assert_eq!(outcome(&observation), "timeout");
    assert!(!Throughput::answered(&observation));
    assert!(observation.last("transferred").is_none());
}

/// The part of a scripted server once the data stream runs.
#[derive(Clone, Copy)]
enum Act {
    Die,
    Nothing,
    Results(&'static str),
    Say(i8),
    /// Moves this many bytes and then nothing, but answers and tells that count.
    Stop(usize),
}

/// What a current iperf3 takes of a client's parameters: it leaves out what has another type than it wants.
fn understood(mut params: Value) -> Value {
    for name in parameter::misread(&params) {
        params.as_object_mut().unwrap().remove(name);
    }
    params
}

/// A listener and a socket of UDP on one port.
async fn one_port() -> (TcpListener, UdpSocket) {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(socket) = UdpSocket::bind(listener.local_addr().unwrap()).await {
            return (listener, socket);
        }
    }
}

/// The protocol up to the data of one stream of UDP: the control connection, and whose datagrams they are.
async fn one_datagram_stream(listener: &TcpListener, socket: &UdpSocket) -> io::Result<(TcpStream, SocketAddr)> {
    let (mut control, _) = listener.accept().await?;
    read_cookie(&mut control).await?;
    write_state(&mut control, state::PARAM_EXCHANGE).await?;
    read_json(&mut control, 8192).await?;
    write_state(&mut control, state::CREATE_STREAMS).await?;
    let (_, client) = socket.recv_from(&mut [0; 64]).await?;
    socket.send_to(&REPLY, client).await?;
    write_state(&mut control, state::TEST_START).await?;
    write_state(&mut control, state::TEST_RUNNING).await?;
    Ok((control, client))
}

/// The control connection, the parameters and the data streams of a test over TCP, each direction's count of them, that runs.
async fn running(listener: &TcpListener) -> io::Result<(TcpStream, Value, Vec<TcpStream>)> {
    let (mut control, _) = listener.accept().await?;
    read_cookie(&mut control).await?;
    write_state(&mut control, state::PARAM_EXCHANGE).await?;
    let params = understood(read_json(&mut control, 8192).await?);
    write_state(&mut control, state::CREATE_STREAMS).await?;
    let directions = if params.get("bidirectional").is_some() { 2 } else { 1 };
    let mut streams = Vec::new();
    for _ in 0..params["parallel"].as_u64().unwrap_or(1) * directions {
        let (mut data, _) = listener.accept().await?;
        read_cookie(&mut data).await?;
        streams.push(data);
    }
    write_state(&mut control, state::TEST_START).await?;
    write_state(&mut control, state::TEST_RUNNING).await?;
    Ok((control, params, streams))
}

/// A server of one test that follows the protocol up to the data, and then a script.
async fn scripted(act: Act) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (control, params, mut streams) = running(&listener).await?;
        play(act, control, &mut streams, params.get("reverse").is_some()).await
    });
    addr
}

async fn play(act: Act, mut control: TcpStream, streams: &mut [TcpStream], sends: bool) -> std::io::Result<()> {
    let data = &mut streams[0];
    match act {
        Act::Die if sends => data.write_all(&vec![0; 100_000]).await,
        Act::Die => data.read_exact(&mut vec![0; 100_000]).await.map(drop),
        Act::Nothing => loop {
            read_state(&mut control).await?;
        },
        Act::Say(word) => {
            write_state(&mut control, word).await?;
            read_state(&mut control).await.map(drop)
        }
        Act::Results(text) => conclude(&mut control, &serde_json::from_str(text)?).await,
        Act::Stop(bytes) => {
            let mut block = vec![0; bytes];
            if sends {
                data.write_all(&block).await?;
            } else {
                data.read_exact(&mut block).await?;
            }
            conclude(&mut control, &json!({"streams": [{"id": 1, "bytes": bytes}]})).await
        }
    }
}

/// From the client's end to its farewell.
async fn conclude(control: &mut TcpStream, results: &Value) -> std::io::Result<()> {
    while read_state(control).await? != state::TEST_END {}
    farewell(control, results).await
}

async fn farewell(control: &mut TcpStream, results: &Value) -> std::io::Result<()> {
    write_state(control, state::EXCHANGE_RESULTS).await?;
    read_json(control, 65_536).await?;
    write_json(control, results).await?;
    write_state(control, state::DISPLAY_RESULTS).await?;
    read_state(control).await.map(drop)
}

#[tokio::test]
async fn a_server_that_dies_midway_is_a_reset_with_what_was_moved() {
    for direction in ["upload", "download"] {
        let addr = scripted(Act::Die).await;
        let observation = facts(addr, &[("direction", text(direction)), ("duration", Arg::Number(20.0))]).await;
        assert_eq!(outcome(&observation), "reset", "{direction} {:?}", observation.notes());
        assert!(
            count(&observation, "transferred") >= 100_000 - 37,
            "{direction}: {}",
            count(&observation, "transferred")
        );
    }
}

#[tokio::test]
async fn a_path_that_moves_nothing_is_stalled() {
    let more = [("direction", text("download")), ("duration", Arg::Number(20.0)), ("timeout", Arg::Number(0.2))];
    let observation = facts(scripted(Act::Nothing).await, &more).await;
    assert_eq!(outcome(&observation), "stalled");
    assert!(observation.last("transferred").is_none(), "absent is not zero");
}

#[tokio::test]
async fn zero_bytes_are_a_fault() {
    let results = Act::Results(r#"{"streams": [{"id": 1, "bytes": 0}]}"#);
    let both = ["upload", "download"].map(async |direction| {
        let (observation, result) = run(scripted(results).await, &[("direction", text(direction))]).await;
        let fault = result.unwrap_err();
        assert!(fault.detail.contains("nothing was transferred"), "{direction}: {fault}");
        assert!(observation.last("outcome").is_none(), "{direction}");
    });
    join_all(both).await;
}

#[tokio::test]
async fn broken_results_are_a_protocol_error() {
    let texts = ["{}", "[]", r#"{"streams": []}"#, r#"{"streams": [{"id": 1, "bytes": -5}]}"#];
    let all = texts.map(async |text| {
        let observation = facts(scripted(Act::Results(text)).await, &[]).await;
        assert_eq!(outcome(&observation), "protocol_error", "{text}");
        assert!(count(&observation, "sent") > 0, "what this side knows stays");
    });
    join_all(all).await;
}

#[tokio::test]
async fn a_server_that_ends_the_test_is_distinguished_from_nonsense() {
    for (word, want) in [(state::SERVER_TERMINATE, "reset"), (77, "protocol_error")] {
        let observation = facts(scripted(Act::Say(word)).await, &[("duration", Arg::Number(20.0))]).await;
        assert_eq!(outcome(&observation), want);
    }
}

#[tokio::test]
async fn congestion_control_is_chosen_or_a_fault() {
    let (addr, _guard) = server().await;
    let observation = facts(addr, &[("congestion", text("reno"))]).await;
    assert_eq!(observation.text("congestion"), Some("reno"));
    let (_, result) = run(addr, &[("congestion", text("no-such-one"))]).await;
    assert!(result.unwrap_err().remedy.contains("tcp_available_congestion_control"));
}

#[test]
fn rules_between_fields() {
    let field =
        |more: &[(&'static str, Arg)]| Throughput::from_args(&args("h", more)).err().map(|invalid| invalid.field);
    assert_eq!(field(&[]), None);
    assert_eq!(field(&[("protocol", text("udp"))]), Some("rate"));
    assert_eq!(field(&udp(&[])), None);
    assert_eq!(field(&udp(&[("block", Arg::Number(65_508.0))])), Some("block"));
    assert_eq!(field(&udp(&[("congestion", text("bbr"))])), Some("congestion"));
    assert_eq!(field(&[("interval", Arg::Number(1.0))]), Some("interval"));
    assert_eq!(field(&[("server", text("a:b:c"))]), Some("server"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_server_is_survived(answers in proptest::collection::vec(any::<u8>(), 0..64)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addr = listener.local_addr().unwrap();
            tokio::spawn(async move {
                // The start is right, so that the noise reaches every reader.
                let wire = [&[9, 10, 1, 2][..], &answers].concat();
                while let Ok((mut stream, _)) = listener.accept().await {
                    let _ = stream.write_all(&wire).await;
                }
            });
            let (observation, result) = run(addr, &[("timeout", Arg::Number(0.1))]).await;
            prop_assert!(result.is_err() || observation.text("outcome").is_some());
            Ok(())
        })?;
    }
}
