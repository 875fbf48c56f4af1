//! What becomes of datagrams.

use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout};

use super::{PATIENCE, QUIET, Rig, SEED, millis, within};
use crate::net::impair::{Impairment, ProxyDirection, ProxyTransport};
use crate::stats::seed::derive;
use crate::stats::splitmix::SplitMix;

/// A client, a proxy, and the target.
async fn udp() -> (Rig, UdpSocket, UdpSocket) {
    let target = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let rig = Rig::start(ProxyTransport::Udp, target.local_addr().unwrap());
    let client = client(&rig).await;
    (rig, client, target)
}

async fn client(rig: &Rig) -> UdpSocket {
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(rig.listen).await.unwrap();
    client
}

/// The next datagram and where it came from.
async fn next(socket: &UdpSocket) -> (Vec<u8>, std::net::SocketAddr) {
    let mut bytes = vec![0; 65_535];
    let (length, from) = within(socket.recv_from(&mut bytes)).await.unwrap();
    bytes.truncate(length);
    (bytes, from)
}

async fn quiet(socket: &UdpSocket) {
    assert!(timeout(QUIET, socket.recv(&mut [0; 16])).await.is_err());
}

#[tokio::test]
async fn answers_go_to_the_client_that_asked() {
    let (rig, first, target) = udp().await;
    let second = client(&rig).await;
    for size in [0_usize, 1, 1472, 60_000] {
        first.send(&vec![1; size]).await.unwrap();
        let (bytes, of_first) = next(&target).await;
        assert_eq!(bytes, vec![1; size]);
        second.send(b"second").await.unwrap();
        let (_, of_second) = next(&target).await;
        assert_ne!(of_first, of_second);
        target.send_to(b"to second", of_second).await.unwrap();
        target.send_to(&vec![2; size], of_first).await.unwrap();
        assert_eq!(next(&first).await, (vec![2; size], rig.listen));
        assert_eq!(next(&second).await.0, b"to second");
    }
}

/// The generator is seeded, so it is known which are lost; and their number is what chance allows.
#[tokio::test]
async fn the_share_that_is_asked_for_is_lost() {
    const SENT: u32 = 2_400;
    let (rig, client, target) = udp().await;
    let loss = Impairment { loss: 200_000, direction: ProxyDirection::ToTarget, ..Impairment::default() };
    rig.impair(loss).await;
    let mut random = SplitMix::new(derive(SEED, "p"));
    let mut lost = 0;
    for number in 0..SENT {
        client.send(&number.to_be_bytes()).await.unwrap();
        if random.below(1_000_000) < 200_000 {
            lost += 1;
            continue;
        }
        let (bytes, from) = next(&target).await;
        assert_eq!(bytes, number.to_be_bytes(), "one was lost that should not be, or the other way round");
        target.send_to(&bytes, from).await.unwrap();
        assert_eq!(next(&client).await.0, bytes, "the other way nothing is lost");
    }
    // Of a binomial distribution, five standard deviations.
    let (mean, deviation) = (f64::from(SENT) * 0.2, (f64::from(SENT) * 0.2 * 0.8).sqrt());
    assert!((f64::from(lost) - mean).abs() < 5.0 * deviation, "{lost} of {SENT}");
    rig.clear().await;
    client.send(b"all").await.unwrap();
    assert_eq!(next(&target).await.0, b"all");
}

#[tokio::test]
async fn latency_keeps_the_order_and_jitter_does_not() {
    let (rig, client, target) = udp().await;
    let slow = Impairment { latency: millis(40), ..Impairment::default() };
    for (impairment, ordered) in [(slow, true), (Impairment { jitter: millis(40), ..slow }, false)] {
        rig.impair(impairment).await;
        let began = Instant::now();
        for number in 0..100_u8 {
            client.send(&[number]).await.unwrap();
        }
        let mut seen = Vec::new();
        for _ in 0..100 {
            seen.push(next(&target).await.0[0]);
        }
        assert_eq!(seen.is_sorted(), ordered, "{seen:?}");
        assert!(!ordered || began.elapsed() >= millis(40));
    }
    // Only to be let go makes it come.
    rig.impair(Impairment { latency: PATIENCE * 10, ..Impairment::default() }).await;
    client.send(b"held").await.unwrap();
    quiet(&target).await;
    rig.clear().await;
    assert_eq!(next(&target).await.0, b"held");
}

#[tokio::test]
async fn datagrams_are_lost_in_a_black_hole() {
    let (rig, client, target) = udp().await;
    client.send(b"before").await.unwrap();
    let (_, from) = next(&target).await;
    rig.impair(Impairment { black_hole: true, direction: ProxyDirection::FromTarget, ..Impairment::default() }).await;
    client.send(b"there").await.unwrap();
    assert_eq!(next(&target).await.0, b"there");
    target.send_to(b"back", from).await.unwrap();
    quiet(&client).await;
    rig.impair(Impairment { black_hole: true, ..Impairment::default() }).await;
    client.send(b"lost").await.unwrap();
    quiet(&target).await;
    rig.clear().await;
    client.send(b"after").await.unwrap();
    assert_eq!(next(&target).await.0, b"after");
}

/// A target that is not there yet is no reason to forget its clients.
#[tokio::test]
async fn a_target_that_comes_back_is_reached() {
    let (_rig, client, target) = udp().await;
    let at = target.local_addr().unwrap();
    drop(target);
    for _ in 0..3 {
        client.send(b"nobody").await.unwrap();
    }
    quiet(&client).await;
    let target = UdpSocket::bind(at).await.unwrap();
    client.send(b"somebody").await.unwrap();
    assert_eq!(next(&target).await.0, b"somebody");
}

/// A link that is too slow loses what does not fit, and delays the rest.
#[tokio::test]
async fn a_rate_is_a_link_with_a_queue() {
    let (rig, client, target) = udp().await;
    rig.impair(Impairment { rate: 800_000, direction: ProxyDirection::ToTarget, ..Impairment::default() }).await;
    let began = Instant::now();
    for _ in 0..40 {
        client.send(&[0; 1000]).await.unwrap();
    }
    for _ in 0..40 {
        next(&target).await;
    }
    // 40 kB at 100 kB/s, less the bucket and one packet.
    assert!(began.elapsed() >= Duration::from_millis(400 - 10 - 15), "{:?}", began.elapsed());
}
