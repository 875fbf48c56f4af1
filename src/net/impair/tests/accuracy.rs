//! What is set, and what is measured.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{millis, pair, tcp, within};
use crate::net::impair::{Impairment, ProxyDirection};

/// The times of round trips of one byte.
async fn round_trips(client: &mut TcpStream, server: &mut TcpStream, count: usize) -> Vec<Duration> {
    let mut all = Vec::new();
    for _ in 0..count {
        let began = Instant::now();
        let mut byte = [0];
        client.write_all(b"x").await.unwrap();
        within(server.read_exact(&mut byte)).await.unwrap();
        server.write_all(b"x").await.unwrap();
        within(client.read_exact(&mut byte)).await.unwrap();
        all.push(began.elapsed());
    }
    all.sort();
    all
}

/// At least the latency; and beyond it not much more than what the bare path takes on this host now.
#[tokio::test]
async fn a_latency_is_kept() {
    let (rig, target) = tcp().await;
    let (mut client, mut server) = pair(&rig, &target).await;
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let bare = round_trips(&mut client, &mut server, 20).await;
    for (direction, most) in [(ProxyDirection::Both, 2), (ProxyDirection::ToTarget, 1), (ProxyDirection::FromTarget, 1)]
    {
        rig.impair(Impairment { latency: millis(50), direction, ..Impairment::default() }).await;
        let seen = round_trips(&mut client, &mut server, 9).await;
        assert!(seen[0] >= millis(50) * most, "{direction:?}: {seen:?}");
        // The median, so that one turn that came late on a busy host does not count.
        let beyond = seen[4].saturating_sub(millis(50) * most);
        assert!(beyond < millis(25) + bare[19] * 20, "{direction:?}: {seen:?}; bare {bare:?}");
        rig.clear().await;
    }
}

/// Never above the rate but for the bucket and one piece of each end; connections share it.
#[tokio::test]
async fn a_rate_is_kept() {
    const RATE: u64 = 20_000_000;
    const BYTES: usize = 400_000;
    let (rig, target) = tcp().await;
    let mut pairs = [pair(&rig, &target).await, pair(&rig, &target).await];
    rig.impair(Impairment { rate: RATE, direction: ProxyDirection::FromTarget, ..Impairment::default() }).await;
    let began = Instant::now();
    let transfers = pairs.iter_mut().map(|(client, server)| async {
        let (bytes, mut seen) = (vec![7; BYTES], vec![0; BYTES]);
        let (sent, read) = tokio::join!(server.write_all(&bytes), client.read_exact(&mut seen));
        sent.unwrap();
        read.unwrap();
        began.elapsed()
    });
    let elapsed = within(futures_util::future::join_all(transfers)).await.into_iter().max().unwrap();
    let bits = (2 * BYTES * 8) as f64;
    let least = (bits - RATE as f64 * 0.012 - 2.0 * 8.0 * 5_000.0) / RATE as f64;
    assert!(elapsed.as_secs_f64() >= least, "{elapsed:?} for {bits} bits at {RATE}");
    // Generous: a host where threads wait for their turn is slower than any rate.
    assert!(elapsed.as_secs_f64() < least * 3.0, "{elapsed:?} for {bits} bits at {RATE}");
}
