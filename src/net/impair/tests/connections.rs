//! What becomes of connections.

use std::io;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{QUIET, Rig, is_reset, pair, passes, quiet, tcp, within};
use crate::net::impair::{Impairment, NewConnections};

fn new_connections(new: NewConnections) -> Impairment {
    Impairment { new_connections: Some(new), ..Impairment::default() }
}

#[tokio::test]
async fn connections_are_reset_at_both_ends() {
    let (rig, target) = tcp().await;
    let ends = [pair(&rig, &target).await, pair(&rig, &target).await];
    rig.impair(Impairment { reset: true, ..Impairment::default() }).await;
    for (client, server) in ends {
        is_reset(client).await;
        is_reset(server).await;
    }
    // New ones pass, unless they are to be reset as well.
    let (mut client, mut server) = pair(&rig, &target).await;
    passes(&mut client, &mut server, b"new").await;
    rig.impair(new_connections(NewConnections::Reset)).await;
    is_reset(rig.connect().await).await;
    assert!(timeout(QUIET, target.accept()).await.is_err(), "it reaches nobody");
    passes(&mut client, &mut server, b"stays").await;
    rig.clear().await;
    let (mut client, mut server) = pair(&rig, &target).await;
    passes(&mut client, &mut server, b"again").await;
}

#[tokio::test]
async fn half_open_connections_are_not_told_until_it_ends() {
    let (rig, target) = tcp().await;
    let (mut client, server) = pair(&rig, &target).await;
    rig.impair(Impairment { half_open: true, ..Impairment::default() }).await;
    is_reset(server).await;
    client.write_all(b"into nothing").await.unwrap();
    quiet(&mut client).await;
    let (mut new, mut other) = pair(&rig, &target).await;
    passes(&mut new, &mut other, b"new ones pass").await;
    rig.clear().await;
    is_reset(client).await;
    passes(&mut new, &mut other, b"and go on").await;
}

#[tokio::test]
async fn new_connections_are_refused_and_old_ones_stay() {
    let (rig, target) = tcp().await;
    let (mut client, mut server) = pair(&rig, &target).await;
    // Twice: it can be switched on and off.
    for _ in 0..2 {
        rig.impair(new_connections(NewConnections::Refused)).await;
        let refused = TcpStream::connect(rig.listen).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        passes(&mut client, &mut server, b"stays").await;
        // The port stays taken.
        let taken = std::net::TcpListener::bind(rig.listen).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        rig.clear().await;
        let (mut new, mut other) = pair(&rig, &target).await;
        passes(&mut new, &mut other, b"again").await;
    }
}

#[tokio::test]
async fn new_connections_are_not_answered_and_old_ones_stay() {
    let (rig, target) = tcp().await;
    let (mut client, mut server) = pair(&rig, &target).await;
    for _ in 0..2 {
        rig.impair(new_connections(NewConnections::Unanswered)).await;
        for _ in 0..3 {
            let connecting = timeout(QUIET, TcpStream::connect(rig.listen)).await;
            assert!(connecting.is_err(), "{connecting:?}");
        }
        passes(&mut client, &mut server, b"stays").await;
        rig.clear().await;
        let (mut new, mut other) = pair(&rig, &target).await;
        passes(&mut new, &mut other, b"again").await;
        // What keeps clients out reaches nobody.
        assert!(timeout(QUIET, target.accept()).await.is_err());
    }
    // From one to the other, and both at once with what is done to connections.
    rig.impair(new_connections(NewConnections::Unanswered)).await;
    let all = Impairment { reset: true, ..new_connections(NewConnections::Refused) };
    rig.impair(all).await;
    is_reset(client).await;
    let refused = within(TcpStream::connect(rig.listen)).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

/// A proxy that is not read must not turn in circles: its thread takes no time while nothing passes.
#[tokio::test]
async fn nothing_turns_in_circles() {
    let (rig, target) = tcp().await;
    let (mut client, mut server) = pair(&rig, &target).await;
    let hole = Impairment { black_hole: true, ..Impairment::default() };
    for impairment in [
        hole,
        Impairment { half_open: true, ..Impairment::default() },
        new_connections(NewConnections::Refused),
        new_connections(NewConnections::Unanswered),
        Impairment { rate: 8_000, ..Impairment::default() },
        Impairment::default(),
    ] {
        rig.impair(impairment).await;
        // Some of it waits for good.
        let _ = client.write_all(b"bytes").await;
        let _ = server.write_all(b"bytes").await;
        let before = cpu(&rig).await;
        // The time itself: what a thread does in it is the thing.
        tokio::time::sleep(QUIET * 3).await;
        let used = cpu(&rig).await - before;
        assert!(used <= 10, "{impairment:?}: {used} ticks of 10 ms");
        rig.clear().await;
        (client, server) = pair(&rig, &target).await;
    }
}

/// Ticks of processor time that the thread of a proxy has used.
async fn cpu(rig: &Rig) -> u64 {
    let thread = rig.proxies.runtime().spawn(async { nix::unistd::gettid() }).await.unwrap();
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
    // In user space and in the kernel.
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
