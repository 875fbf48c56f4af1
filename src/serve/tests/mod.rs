mod amounts;
mod unnamed;

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{ClientLimits, Server};
use crate::proto::iperf3::datagram::{HELLO, Header, REPLY};
use crate::proto::iperf3::frame::{COOKIE, Cookie, make_cookie, read_json, read_state, write_json, write_state};
use crate::proto::iperf3::state;

async fn start(limits: ClientLimits) -> (SocketAddr, DropGuard) {
    let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap().with_limits(limits);
    let (addr, cancel) = (server.addr(), CancellationToken::new());
    tokio::spawn(server.run(cancel.clone()));
    (addr, cancel.drop_guard())
}

/// A connection that begins with `cookie`.
async fn dial(addr: SocketAddr, cookie: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(cookie).await.unwrap();
    stream
}

/// Opens a test up to `CREATE_STREAMS`.
async fn open(addr: SocketAddr, params: Value) -> (TcpStream, Cookie) {
    let cookie = make_cookie();
    let mut control = dial(addr, &cookie).await;
    assert_eq!(read_state(&mut control).await.unwrap(), state::PARAM_EXCHANGE);
    write_json(&mut control, &params).await.unwrap();
    assert_eq!(read_state(&mut control).await.unwrap(), state::CREATE_STREAMS);
    (control, cookie)
}

async fn running(control: &mut TcpStream) {
    assert_eq!(read_state(control).await.unwrap(), state::TEST_START);
    assert_eq!(read_state(control).await.unwrap(), state::TEST_RUNNING);
}

/// Ends a test; the server's results.
async fn finish(control: &mut TcpStream) -> Value {
    write_state(control, state::TEST_END).await.unwrap();
    assert_eq!(read_state(control).await.unwrap(), state::EXCHANGE_RESULTS);
    write_json(control, &json!({"streams": []})).await.unwrap();
    let results = read_json(control, 1 << 20).await.unwrap();
    assert_eq!(read_state(control).await.unwrap(), state::DISPLAY_RESULTS);
    write_state(control, state::IPERF_DONE).await.unwrap();
    results
}

#[tokio::test]
async fn an_upload_is_counted_to_the_byte() {
    let (addr, _guard) = start(ClientLimits::default()).await;
    let (mut control, cookie) = open(addr, json!({"tcp": true, "time": 1, "parallel": 2})).await;
    let (mut one, mut two) = (dial(addr, &cookie).await, dial(addr, &cookie).await);
    running(&mut control).await;
    one.write_all(&[7; 5000]).await.unwrap();
    two.write_all(&[7; 123]).await.unwrap();
    let results = finish(&mut control).await;
    let streams = &results["streams"];
    assert_eq!((&streams[0]["id"], &streams[1]["id"]), (&json!(1), &json!(3)));
    assert_eq!((&streams[0]["bytes"], &streams[1]["bytes"]), (&json!(5000), &json!(123)));
    assert_eq!(streams[0]["retransmits"], json!(-1), "a receiver sends nothing again");
}

#[tokio::test]
async fn a_download_ends_its_streams_before_the_results() {
    let (addr, _guard) = start(ClientLimits::default()).await;
    let (mut control, cookie) = open(addr, json!({"tcp": true, "time": 1, "parallel": 1, "reverse": 1})).await;
    let mut data = dial(addr, &cookie).await;
    running(&mut control).await;
    data.read_exact(&mut [0; 1000]).await.unwrap();
    write_state(&mut control, state::TEST_END).await.unwrap();
    // iperf3 reads its last block to the end before it answers: this must not depend on the results.
    let mut rest = Vec::new();
    data.read_to_end(&mut rest).await.unwrap();
    assert_eq!(read_state(&mut control).await.unwrap(), state::EXCHANGE_RESULTS);
    write_json(&mut control, &json!({"streams": []})).await.unwrap();
    let results = read_json(&mut control, 1 << 20).await.unwrap();
    assert_eq!(results["streams"][0]["bytes"], json!(1000 + rest.len()));
}

#[tokio::test]
async fn in_both_directions_the_clients_senders_come_first() {
    let (addr, _guard) = start(ClientLimits::default()).await;
    let params = json!({"tcp": true, "time": 1, "parallel": 1, "bidirectional": 1, "len": 1000, "bandwidth": 1e6});
    let (mut control, cookie) = open(addr, params).await;
    let (mut up, mut down) = (dial(addr, &cookie).await, dial(addr, &cookie).await);
    running(&mut control).await;
    up.write_all(&[7; 50]).await.unwrap();
    down.read_exact(&mut [0; 1000]).await.unwrap();
    let results = finish(&mut control).await;
    assert_eq!(results["streams"][0]["bytes"], json!(50));
    assert!(results["streams"][1]["bytes"].as_u64().unwrap() >= 1000);
}

#[tokio::test]
async fn datagrams_are_counted_and_a_repeated_hello_is_answered() {
    let (addr, _guard) = start(ClientLimits::default()).await;
    let (mut control, _) = open(addr, json!({"udp": true, "time": 1, "parallel": 1, "udp_counters_64bit": 1})).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(addr).await.unwrap();
    socket.send(&HELLO).await.unwrap();
    let mut answer = [0; 8];
    assert_eq!(socket.recv(&mut answer).await.unwrap(), 4);
    running(&mut control).await;
    for sequence in [1_u64, 2, 4, 4] {
        let mut datagram = [0; 100];
        Header { sent_us: 0, sequence }.write(&mut datagram, true);
        socket.send(&datagram).await.unwrap();
    }
    socket.send(&HELLO).await.unwrap();
    // Answered in order, so by now the datagrams before it are counted.
    socket.recv(&mut answer).await.unwrap();
    assert_eq!(answer[..4], REPLY);
    let results = finish(&mut control).await;
    let stream = &results["streams"][0];
    assert_eq!((&stream["packets"], &stream["errors"], &stream["bytes"]), (&json!(4), &json!(1), &json!(400)));
}

#[tokio::test]
async fn broken_clients_lose_only_their_own_test() {
    let limits = ClientLimits { step: Duration::from_millis(100), ..ClientLimits::default() };
    let (addr, _guard) = start(limits).await;
    // Silent from the start; half a cookie; an endless document; a document that is none; no streams; gone.
    let _silent = TcpStream::connect(addr).await.unwrap();
    let _half = dial(addr, &[b'x'; COOKIE / 2]).await;
    let mut endless = dial(addr, &make_cookie()).await;
    endless.write_all(&[0xff; 64]).await.unwrap();
    let mut text = dial(addr, &make_cookie()).await;
    text.write_all(b"\0\0\0\x04nope").await.unwrap();
    let (mut waiting, _) = open(addr, json!({"tcp": true, "time": 1})).await;
    drop(open(addr, json!({"udp": true, "time": 1})).await);
    // A test without streams ends by itself.
    assert!(read_state(&mut waiting).await.is_err());
    let (mut control, cookie) = open(addr, json!({"tcp": true, "time": 1})).await;
    let mut data = dial(addr, &cookie).await;
    running(&mut control).await;
    data.write_all(&[1; 10]).await.unwrap();
    assert_eq!(finish(&mut control).await["streams"][0]["bytes"], json!(10));
}

#[tokio::test]
async fn a_test_that_moves_nothing_is_ended() {
    let (addr, _guard) = start(ClientLimits { idle: Duration::ZERO, ..ClientLimits::default() }).await;
    let (mut control, cookie) = open(addr, json!({"tcp": true, "time": 3000})).await;
    let _data = dial(addr, &cookie).await;
    running(&mut control).await;
    assert_eq!(read_state(&mut control).await.unwrap(), state::SERVER_TERMINATE);
}

#[tokio::test]
async fn one_test_too_many_is_refused_as_such() {
    let (addr, _guard) = start(ClientLimits { sessions: 1, ..ClientLimits::default() }).await;
    let (_first, _) = open(addr, json!({"tcp": true, "time": 1})).await;
    let mut second = dial(addr, &make_cookie()).await;
    assert_eq!(read_state(&mut second).await.unwrap(), state::ACCESS_DENIED);
}

/// A connection from another host than the rest.
async fn dial_from_afar(addr: SocketAddr, cookie: &[u8]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 2], 0))).unwrap();
    let mut stream = socket.connect(addr).await.unwrap();
    stream.write_all(cookie).await.unwrap();
    stream
}

#[tokio::test]
async fn one_host_cannot_take_every_seat() {
    let (addr, _guard) = start(ClientLimits { sessions: 8, ..ClientLimits::default() }).await;
    // Nothing but a cookie takes a seat.
    let mut taken = Vec::new();
    for want in [state::PARAM_EXCHANGE, state::PARAM_EXCHANGE, state::ACCESS_DENIED] {
        taken.push(dial(addr, &make_cookie()).await);
        assert_eq!(read_state(taken.last_mut().unwrap()).await.unwrap(), want);
    }
    let mut other = dial_from_afar(addr, &make_cookie()).await;
    assert_eq!(read_state(&mut other).await.unwrap(), state::PARAM_EXCHANGE);
    // A test that ends leaves its seat; its connection is closed after that.
    let mut first = taken.swap_remove(0);
    write_json(&mut first, &json!({"sctp": true})).await.unwrap();
    first.read_to_end(&mut Vec::new()).await.unwrap();
    let again = async {
        while read_state(&mut dial(addr, &make_cookie()).await).await.unwrap() != state::PARAM_EXCHANGE {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), again).await.expect("the seat is free again");
}

/// A client of `addr` at another address of this machine than the one of the control connection, or at the same.
async fn greet(addr: SocketAddr, from: [u8; 4]) -> UdpSocket {
    let socket = UdpSocket::bind(SocketAddr::from((from, 0))).await.unwrap();
    socket.connect(addr).await.unwrap();
    socket.send(&HELLO).await.unwrap();
    socket
}

#[tokio::test]
async fn nobody_is_sent_data_that_another_host_asked_for() {
    for extra in [json!({"reverse": 1}), json!({"bidirectional": 1})] {
        let (addr, _guard) = start(ClientLimits::default()).await;
        let mut params = json!({"udp": true, "time": 1, "parallel": 1, "len": 100, "bandwidth": 1e6});
        params.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let (mut control, _) = open(addr, params).await;
        let stranger = greet(addr, [127, 0, 0, 2]).await;
        let mut own = vec![greet(addr, [127, 0, 0, 1]).await];
        if extra.get("bidirectional").is_some() {
            own.push(greet(addr, [127, 0, 0, 1]).await);
        }
        timeout(Duration::from_secs(30), running(&mut control)).await.expect("the client's own streams are the test's");
        // Hellos are handled in order, so the stranger's would have been answered by now.
        let error = stranger.try_recv(&mut [0; 2048]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{extra}");
    }
}

/// Others of its host would else wait for as long as a step may take, and give up one after the other.
#[tokio::test]
async fn a_client_that_leaves_before_its_streams_holds_nobody_up() {
    for udp in [true, false] {
        let (addr, _guard) = start(ClientLimits { step: Duration::from_hours(1), ..ClientLimits::default() }).await;
        let params = json!({"udp": udp, "tcp": !udp, "time": 1, "parallel": 1, "len": 100, "bandwidth": 1e6});
        let (first, _) = open(addr, params.clone()).await;
        // Of datagrams, this one waits for its turn, and leaves as well.
        let waiting = tokio::spawn(open(addr, params.clone()));
        drop(first);
        waiting.abort();
        let next = timeout(Duration::from_secs(30), open(addr, params)).await;
        assert!(next.is_ok(), "its turn comes, udp {udp}");
    }
}

/// Tries until the server has a seat for a test with these parameters.
async fn seated(addr: SocketAddr, params: &Value) -> TcpStream {
    loop {
        let mut control = dial(addr, &make_cookie()).await;
        if read_state(&mut control).await.unwrap() == state::PARAM_EXCHANGE {
            write_json(&mut control, params).await.unwrap();
            return control;
        }
        tokio::task::yield_now().await;
    }
}

/// A client that has left keeps no seat, whether it had its turn (TCP has no turns) or still waited for it.
#[tokio::test]
async fn a_client_that_leaves_before_its_streams_keeps_no_seat() {
    for udp in [true, false] {
        // A quarter of all is for one host: of datagrams one that has its turn, and one that waits.
        let sessions = if udp { 8 } else { 4 };
        let (addr, _guard) =
            start(ClientLimits { step: Duration::from_hours(1), sessions, ..ClientLimits::default() }).await;
        let params = json!({"udp": udp, "tcp": !udp, "time": 1, "parallel": 1, "len": 100, "bandwidth": 1e6});
        let first = open(addr, params.clone()).await;
        let _held = udp.then_some(first);
        for _ in 0..3 {
            let seat = timeout(Duration::from_secs(30), seated(addr, &params)).await;
            let mut control = seat.unwrap_or_else(|_| panic!("no seat is free, udp {udp}"));
            if !udp {
                assert_eq!(read_state(&mut control).await.unwrap(), state::CREATE_STREAMS);
            }
        }
    }
}

#[tokio::test]
async fn a_client_may_send_from_another_of_its_addresses() {
    let (addr, _guard) = start(ClientLimits::default()).await;
    let (mut control, _) = open(addr, json!({"udp": true, "time": 1, "parallel": 1})).await;
    let _socket = greet(addr, [127, 0, 0, 2]).await;
    timeout(Duration::from_secs(30), running(&mut control)).await.expect("its hello is taken");
}

#[tokio::test]
async fn refused_parameters_come_back_as_an_error_number() {
    let (addr, _guard) = start(ClientLimits::default()).await;
    let mut control = dial(addr, &make_cookie()).await;
    assert_eq!(read_state(&mut control).await.unwrap(), state::PARAM_EXCHANGE);
    write_json(&mut control, &json!({"sctp": true})).await.unwrap();
    assert_eq!(read_state(&mut control).await.unwrap(), state::SERVER_ERROR);
    assert_eq!(control.read_i32().await.unwrap(), 13);
}

#[tokio::test]
async fn every_test_ends_with_the_server() {
    let (addr, guard) = start(ClientLimits::default()).await;
    let (mut control, _) = open(addr, json!({"tcp": true, "time": 60})).await;
    drop(guard);
    assert!(read_state(&mut control).await.is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_client_is_survived(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let limits = ClientLimits { step: Duration::from_secs(1), ..ClientLimits::default() };
            let (addr, _guard) = start(limits).await;
            let mut noisy = dial(addr, &make_cookie()).await;
            let _ = noisy.write_all(&noise).await;
            UdpSocket::bind("127.0.0.1:0").await.unwrap().send_to(&noise, addr).await.unwrap();
            let (mut control, cookie) = open(addr, json!({"tcp": true, "time": 1})).await;
            let _data = dial(addr, &cookie).await;
            running(&mut control).await;
        });
    }
}
