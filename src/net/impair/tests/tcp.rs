//! What becomes of bytes.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::{PATIENCE, QUIET, Rig, arrives, end, is_reset, millis, pair, passes, quiet, tcp, within};
use crate::net::impair::{Impairment, ProxyDirection, ProxyTransport};

const NONE: Impairment = Impairment {
    latency: std::time::Duration::ZERO,
    jitter: std::time::Duration::ZERO,
    loss: 0,
    rate: 0,
    black_hole: false,
    half_open: false,
    reset: false,
    new_connections: None,
    direction: ProxyDirection::Both,
};

/// Bytes that tell where they stand.
fn counted(count: usize) -> Vec<u8> {
    (0..count / 4).flat_map(|number| u32::try_from(number).unwrap().to_be_bytes()).collect()
}

#[tokio::test]
async fn bytes_and_the_end_of_each_side_pass() {
    let (rig, target) = tcp().await;
    let (mut client, mut server) = pair(&rig, &target).await;
    let (there, back) = (counted(6 << 20), counted(5 << 20));
    let mut seen = Vec::new();
    let (sent, read) = within(async {
        tokio::join!(
            async {
                client.write_all(&there).await?;
                client.shutdown().await
            },
            server.read_to_end(&mut seen)
        )
    })
    .await;
    sent.unwrap();
    read.unwrap();
    assert!(seen == there, "{} of {} bytes", seen.len(), there.len());
    // One side has closed, the other one has not.
    let mut seen = Vec::new();
    let writes = async {
        server.write_all(&back).await.unwrap();
        drop(server);
    };
    let ((), read) = within(async { tokio::join!(writes, client.read_to_end(&mut seen)) }).await;
    read.unwrap();
    assert!(seen == back, "{} of {} bytes", seen.len(), back.len());
}

#[tokio::test]
async fn a_reset_passes_either_way() {
    let (rig, target) = tcp().await;
    for swap in [false, true] {
        let (client, server) = pair(&rig, &target).await;
        let (ends, hears) = if swap { (server, client) } else { (client, server) };
        ends.set_zero_linger().unwrap();
        drop(ends);
        is_reset(hears).await;
    }
}

/// Also while the target is only just being connected to: a session that ends is reset, or never began.
#[tokio::test]
async fn a_client_that_resets_at_once_is_no_client_that_closes() {
    let (rig, target) = tcp().await;
    for _ in 0..100 {
        let client = rig.connect().await;
        client.set_zero_linger().unwrap();
        drop(client);
        let mut last = rig.connect().await;
        last.write_all(b"x").await.unwrap();
        loop {
            let mut server = within(target.accept()).await.unwrap().0;
            match within(server.read(&mut [0])).await {
                Ok(1) => break,
                Ok(_) => panic!("it was closed"),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
            }
        }
    }
}

#[tokio::test]
async fn a_target_that_refuses_is_passed_on_as_a_reset() {
    let (rig, target) = tcp().await;
    drop(target);
    is_reset(rig.connect().await).await;
}

#[tokio::test]
async fn latency_holds_what_comes_and_is_let_go_in_order() {
    let (rig, target) = tcp().await;
    let (mut client, mut server) = pair(&rig, &target).await;
    passes(&mut client, &mut server, b"before").await;
    rig.impair(Impairment { latency: millis(40), ..NONE }).await;
    let began = Instant::now();
    passes(&mut client, &mut server, b"there").await;
    assert!(began.elapsed() >= millis(40));
    passes(&mut server, &mut client, b"back").await;
    assert!(began.elapsed() >= millis(80), "each way");
    // One that begins meanwhile, with its end.
    let (mut client, server) = pair(&rig, &target).await;
    let began = Instant::now();
    client.write_all(b"new").await.unwrap();
    drop(client);
    assert_eq!(end(server).await.unwrap(), 3);
    assert!(began.elapsed() >= millis(40));
    // Far beyond the patience of this test: only to be let go makes it come.
    rig.impair(Impairment { latency: PATIENCE * 10, ..NONE }).await;
    let (mut client, mut server) = pair(&rig, &target).await;
    for piece in counted(4000).chunks(100) {
        client.write_all(piece).await.unwrap();
    }
    quiet(&mut server).await;
    rig.clear().await;
    arrives(&mut server, &counted(4000)).await;
    passes(&mut client, &mut server, b"after").await;
}

#[tokio::test]
async fn jitter_does_not_reorder_a_connection() {
    let (rig, target) = tcp().await;
    let (mut client, mut server) = pair(&rig, &target).await;
    rig.impair(Impairment { latency: millis(20), jitter: millis(20), ..NONE }).await;
    let bytes = counted(20_000);
    for piece in bytes.chunks(100) {
        client.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    arrives(&mut server, &bytes).await;
}

#[tokio::test]
async fn nothing_passes_a_black_hole_and_all_comes_afterwards() {
    let (rig, target) = tcp().await;
    let (mut client, mut server) = pair(&rig, &target).await;
    rig.impair(Impairment { black_hole: true, ..NONE }).await;
    client.write_all(b"held ").await.unwrap();
    server.write_all(b"too").await.unwrap();
    quiet(&mut server).await;
    quiet(&mut client).await;
    // A new one is accepted, and nobody is reached; one that gives up never reaches anybody.
    let mut fresh = rig.connect().await;
    fresh.write_all(b"fresh").await.unwrap();
    let mut gone = rig.connect().await;
    gone.write_all(b"gone").await.unwrap();
    gone.shutdown().await.unwrap();
    is_reset(gone).await;
    assert!(timeout(QUIET, target.accept()).await.is_err());
    client.write_all(b"and more").await.unwrap();
    rig.clear().await;
    arrives(&mut server, b"held and more").await;
    arrives(&mut client, b"too").await;
    let mut reached = within(target.accept()).await.unwrap().0;
    arrives(&mut reached, b"fresh").await;
    assert!(timeout(QUIET, target.accept()).await.is_err(), "who had gone is not brought back");
}

#[tokio::test]
async fn a_black_hole_may_have_one_way() {
    let (rig, target) = tcp().await;
    let (mut client, mut server) = pair(&rig, &target).await;
    rig.impair(Impairment { black_hole: true, direction: ProxyDirection::FromTarget, ..NONE }).await;
    passes(&mut client, &mut server, b"request").await;
    server.write_all(b"answer").await.unwrap();
    quiet(&mut client).await;
    rig.impair(Impairment { black_hole: true, direction: ProxyDirection::ToTarget, ..NONE }).await;
    arrives(&mut client, b"answer").await;
    client.write_all(b"again").await.unwrap();
    quiet(&mut server).await;
    rig.clear().await;
    arrives(&mut server, b"again").await;
}

/// What does not fit is not read: the sender has to wait.
#[tokio::test]
async fn what_waits_has_a_bound() {
    let (rig, target) = tcp().await;
    let (mut client, mut server) = pair(&rig, &target).await;
    rig.impair(Impairment { black_hole: true, ..NONE }).await;
    let (block, mut taken) = (counted(64 << 10), 0_usize);
    while let Ok(sent) = timeout(QUIET * 3, client.write(&block[taken % block.len()..])).await {
        taken += sent.unwrap();
        assert!(taken < 64 << 20, "there is no bound");
    }
    assert!(taken > 4 << 20, "{taken}");
    // Another connection has its own.
    let mut other = rig.connect().await;
    other.write_all(b"other").await.unwrap();
    rig.clear().await;
    let mut bytes = vec![0; taken];
    within(server.read_exact(&mut bytes)).await.unwrap();
    assert!(
        bytes
            .chunks_exact(4)
            .enumerate()
            .all(|(at, four)| at % (16 << 10) == u32::from_be_bytes(four.try_into().unwrap()) as usize)
    );
    let mut server = within(target.accept()).await.unwrap().0;
    arrives(&mut server, b"other").await;
}

/// Also while the other end reads nothing.
#[tokio::test]
async fn a_reset_passes_when_nothing_is_read() {
    let (rig, target) = tcp().await;
    let (mut client, server) = pair(&rig, &target).await;
    let block = counted(64 << 10);
    while timeout(QUIET, client.write(&block)).await.is_ok() {}
    client.set_zero_linger().unwrap();
    drop(client);
    let gone = async {
        while !server.ready(tokio::io::Interest::ERROR | tokio::io::Interest::READABLE).await.unwrap().is_error() {
            tokio::task::yield_now().await;
        }
    };
    within(gone).await;
}

#[tokio::test]
async fn a_client_that_asks_and_closes_is_answered() {
    let (rig, target) = tcp().await;
    for _ in 0..20 {
        let mut client = rig.connect().await;
        client.write_all(b"ask").await.unwrap();
        client.shutdown().await.unwrap();
        let mut server = within(target.accept()).await.unwrap().0;
        arrives(&mut server, b"ask").await;
        server.write_all(b"told").await.unwrap();
        drop(server);
        assert_eq!(end(client).await.unwrap(), 4);
    }
}

/// The address of IPv6 too.
#[tokio::test]
async fn both_ip_versions_pass() {
    let target = tokio::net::TcpListener::bind("[::1]:0").await.unwrap();
    let rig = Rig::start(ProxyTransport::Tcp, target.local_addr().unwrap());
    let mut client: TcpStream = rig.connect().await;
    let mut server = within(target.accept()).await.unwrap().0;
    passes(&mut client, &mut server, b"six").await;
}
