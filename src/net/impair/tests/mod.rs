//! Real sockets on loopback, with a proxy between them.

mod accuracy;
mod connections;
mod tcp;
mod udp;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::control::{Reply, Request, ask};
use super::{Impairment, Proxies, ProxyConfig, ProxyTransport};

/// Something that is to come has come by then on any machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// What is not to come has not come by then.
const QUIET: Duration = Duration::from_millis(100);
const SEED: u64 = 7;

/// A proxy named `p` before a target.
struct Rig {
    proxies: Proxies,
    control: String,
    listen: SocketAddr,
    /// It is meant to have some.
    troubled: bool,
}

/// The name of a socket that no other test has.
fn control_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("shakedown-test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

fn config(name: &str, protocol: ProxyTransport, listen: SocketAddr, target: SocketAddr) -> ProxyConfig {
    ProxyConfig { name: name.to_owned(), protocol, listen, target }
}

impl Rig {
    fn start(protocol: ProxyTransport, target: SocketAddr) -> Self {
        Self::start_with(protocol, target, 1000)
    }

    /// With room for so many clients.
    fn start_with(protocol: ProxyTransport, target: SocketAddr, most: usize) -> Self {
        // Another test may be given the port before it is bound again.
        for _ in 0..20 {
            let bound = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let listen = bound.local_addr().unwrap();
            drop(bound);
            let control = control_name();
            let config = config("p", protocol, listen, target);
            if let Ok(proxies) = Proxies::start_with(vec![config], &control, SEED, most) {
                return Self { proxies, control, listen, troubled: false };
            }
        }
        panic!("no port for a proxy");
    }

    async fn ask(&self, request: &Request) -> Reply {
        ask(&self.control, request).await.unwrap().0
    }

    async fn impair(&self, impairment: Impairment) {
        let request = Request::Impair(BTreeMap::from([("p".to_owned(), (impairment, PATIENCE * 60))]));
        assert_eq!(self.ask(&request).await.unwrap()["p"].impairment, impairment);
    }

    async fn clear(&self) {
        assert!(self.ask(&Request::Clear(vec!["p".to_owned()])).await.unwrap()["p"].impairment.is_none());
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.listen).await.unwrap()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.proxies.trouble().filter(|_| !self.troubled), None);
        }
    }
}

/// A TCP target and a proxy before it.
async fn tcp() -> (Rig, TcpListener) {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (Rig::start(ProxyTransport::Tcp, target.local_addr().unwrap()), target)
}

/// Both ends of a connection through the proxy.
async fn pair(rig: &Rig, target: &TcpListener) -> (TcpStream, TcpStream) {
    let client = rig.connect().await;
    let server = within(target.accept()).await.unwrap().0;
    (client, server)
}

/// What happens within the patience of a test.
async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.expect("it took too long")
}

/// Bytes go from one end to the other.
async fn passes(from: &mut TcpStream, to: &mut TcpStream, bytes: &[u8]) {
    from.write_all(bytes).await.unwrap();
    arrives(to, bytes).await;
}

async fn arrives(to: &mut TcpStream, bytes: &[u8]) {
    let mut seen = vec![0; bytes.len()];
    within(to.read_exact(&mut seen)).await.unwrap();
    assert_eq!(seen, bytes);
}

/// Nothing arrives, no end either.
async fn quiet(at: &mut TcpStream) {
    let read = timeout(QUIET, at.read(&mut [0; 64])).await;
    assert!(read.is_err(), "something came: {read:?}");
}

/// How a connection ends: the bytes before, or the error.
async fn end(mut at: TcpStream) -> io::Result<usize> {
    let mut all = Vec::new();
    within(at.read_to_end(&mut all)).await
}

async fn is_reset(at: TcpStream) {
    assert_eq!(end(at).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[tokio::test]
async fn either_all_listen_or_none() {
    let (taken, free) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let (at, target) = (taken.local_addr().unwrap(), free.local_addr().unwrap());
    drop(free);
    let both =
        |first, second| vec![config("a", ProxyTransport::Tcp, first, at), config("b", ProxyTransport::Tcp, second, at)];
    let error = Proxies::start(both(target, at), &control_name(), SEED).unwrap_err();
    assert_eq!((error.name.as_str(), error.error.kind()), ("b", io::ErrorKind::AddrInUse));
    drop(taken);
    // Nothing is left of the one that could be bound, nor of both once they have ended.
    for _ in 0..2 {
        drop(Proxies::start(both(target, at), &control_name(), SEED).unwrap());
    }
}

/// What does not fit is this host's own limit, and is told.
#[tokio::test]
async fn more_clients_than_there_is_room_for_are_told_of() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut rig = Rig::start_with(ProxyTransport::Tcp, target.local_addr().unwrap(), 2);
    let mut kept = [pair(&rig, &target).await, pair(&rig, &target).await];
    assert_eq!(rig.proxies.trouble(), None);
    // The reset may be there before this side has seen that it was connected.
    match TcpStream::connect(rig.listen).await {
        Ok(client) => is_reset(client).await,
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    assert!(rig.proxies.trouble().unwrap().contains("more than 2 connections at once"));
    for (client, server) in &mut kept {
        passes(client, server, b"stays").await;
    }
    rig.troubled = true;
    let target = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut rig = Rig::start_with(ProxyTransport::Udp, target.local_addr().unwrap(), 2);
    for number in 0..3_u8 {
        let client = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.send_to(&[number], rig.listen).await.unwrap();
        within(target.recv(&mut [0])).await.unwrap();
    }
    assert!(rig.proxies.trouble().unwrap().contains("more than 2 clients at once"));
    rig.troubled = true;
}

#[tokio::test]
async fn an_impairment_that_nobody_ends_ends_by_itself() {
    let (rig, target) = tcp().await;
    let hole = Impairment { black_hole: true, ..Impairment::default() };
    let request = Request::Impair(BTreeMap::from([("p".to_owned(), (hole, millis(50)))]));
    rig.ask(&request).await.unwrap();
    // Its time was short, and that of the next one is not.
    let (mut client, mut server) = pair(&rig, &target).await;
    passes(&mut client, &mut server, b"again").await;
    rig.ask(&request).await.unwrap();
    rig.impair(hole).await;
    client.write_all(b"held").await.unwrap();
    quiet(&mut server).await;
}

#[tokio::test]
async fn only_its_own_proxies_are_switched() {
    let (rig, _target) = tcp().await;
    let hole = Impairment { black_hole: true, ..Impairment::default() };
    let both = BTreeMap::from([("p".to_owned(), (hole, PATIENCE)), ("other".to_owned(), (hole, PATIENCE))]);
    let refused = rig.ask(&Request::Impair(both)).await.unwrap_err();
    assert_eq!(refused, "there is no proxy `other`");
    assert!(rig.ask(&Request::State).await.unwrap()["p"].impairment.is_none(), "all or none");
    let name = rig.control.clone();
    drop(rig);
    let gone = ask(&name, &Request::State).await.unwrap_err();
    assert_eq!(gone.kind(), io::ErrorKind::ConnectionRefused);
}
