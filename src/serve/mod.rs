//! The reflector behind `shakedown serve`: the far end of two-sided tests.
//!
//! [`Server`] speaks iperf3 (TCP, UDP, upload, `-R`, `--bidir`), for many clients at once on one port: a test is found by
//! its cookie. [`echo`] sends back what it gets. A client that breaks the rules loses its own test and nothing else.

pub mod echo;
mod registry;
mod session;
mod slots;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::proto::iperf3::{datagram, frame, state};
use registry::StreamRegistry;
use slots::{ServeSlot, Slots};

/// Connections that have not named their test yet, and have not sent the name by the time they are accepted …
const PENDING: usize = 256;
/// … and those of one host. A client of iperf3 names each before it opens the next.
const PENDING_PER_HOST: usize = 64;
/// Tries to find a port that is free for TCP and UDP, when any port will do.
const PORT_TRIES: usize = 16;

/// Limits of what clients may use up.
#[derive(Clone, Copy, Debug)]
pub struct ClientLimits {
    /// Tests at once; one more is answered that the server is busy. A quarter of them at most, but one at least, are of one
    /// host, so that no client can take all; this host is a host like any other.
    pub sessions: usize,
    /// Longest test, warm-up included.
    pub duration: Duration,
    /// How long each step before and after the data may take.
    pub step: Duration,
    /// How long a running test may move nothing.
    pub idle: Duration,
}

impl ClientLimits {
    /// Tests of one host at once.
    const fn per_host(&self) -> usize {
        self.sessions.div_ceil(4)
    }
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            sessions: 64,
            duration: Duration::from_hours(1),
            step: Duration::from_secs(10),
            idle: Duration::from_secs(30),
        }
    }
}

/// An iperf3-compatible server, bound and ready to run.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    socket: UdpSocket,
    addr: SocketAddr,
    limits: ClientLimits,
}

impl Server {
    /// Binds TCP and UDP of one port; port 0 takes one that is free for both.
    pub async fn bind(addr: SocketAddr) -> io::Result<Self> {
        let mut tries = 0;
        loop {
            let listener = TcpListener::bind(addr).await?;
            let bound = listener.local_addr()?;
            tries += 1;
            match bind_udp(bound) {
                Ok(socket) => return Ok(Self { listener, socket, addr: bound, limits: ClientLimits::default() }),
                Err(error) if addr.port() == 0 && error.kind() == io::ErrorKind::AddrInUse && tries < PORT_TRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// With other limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: ClientLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `cancel`; every test ends with it.
    pub async fn run(self, cancel: CancellationToken) {
        let registry = Arc::new(StreamRegistry::new(self.addr.port()));
        let pending = Slots::new(PENDING, PENDING_PER_HOST);
        let tests = Slots::new(self.limits.sessions, self.limits.per_host());
        let mut tasks = JoinSet::new();
        let (mut hello, mut number) = ([0_u8; 64], 0_u64);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        // Beyond the limit the connection is closed at once.
                        let named = has_cookie(&stream);
                        let slot = if named { None } else { pending.take(peer) };
                        if named || slot.is_some() {
                            number += 1;
                            let (registry, tests) = (Arc::clone(&registry), Arc::clone(&tests));
                            let connection = Connection { number, stream, peer, registry, tests, limits: self.limits };
                            tasks.spawn(async move { connection.serve(slot).await });
                        }
                    }
                    // Out of descriptors: the next connection may find one.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Ok((length, peer)) = self.socket.recv_from(&mut hello) => {
                    if hello.get(..length).is_some_and(datagram::is_hello) {
                        registry.deliver_hello(peer);
                    }
                }
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            }
        }
    }
}

/// A connection whose test is not known yet.
struct Connection {
    number: u64,
    stream: TcpStream,
    peer: SocketAddr,
    registry: Arc<StreamRegistry>,
    tests: Arc<Slots>,
    limits: ClientLimits,
}

impl Connection {
    async fn serve(mut self, pending: Option<ServeSlot>) {
        let Ok(Ok(cookie)) = timeout(self.limits.step, frame::read_cookie(&mut self.stream)).await else {
            return;
        };
        drop(pending);
        let Some(stream) = self.registry.deliver_stream(&cookie, self.number, self.stream) else {
            return;
        };
        self.stream = stream;
        let Some(_place) = self.tests.take(self.peer) else {
            let limits = self.limits;
            tracing::info!(peer = %self.peer, "busy: {} tests run, or {} of it", limits.sessions, limits.per_host());
            let _ = timeout(self.limits.step, frame::write_state(&mut self.stream, state::ACCESS_DENIED)).await;
            return;
        };
        let _ = self.stream.set_nodelay(true);
        tracing::info!(peer = %self.peer, "test begins");
        match session::serve(self.stream, self.peer, &cookie, &self.registry, self.limits).await {
            Ok(()) => tracing::info!(peer = %self.peer, "test ended"),
            Err(error) => tracing::info!(peer = %self.peer, "test ended early: {error}"),
        }
    }
}

/// Whether the name of the test is there already, so that nothing has to be waited for: many streams that were opened while
/// this process was busy are no crowd of silent ones.
fn has_cookie(stream: &TcpStream) -> bool {
    use std::os::fd::AsRawFd as _;

    use nix::sys::socket::{MsgFlags, recv};
    let mut cookie = [0_u8; frame::COOKIE];
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    recv(stream.as_raw_fd(), &mut cookie, flags).is_ok_and(|length| length == cookie.len())
}

/// A UDP socket that lets the stream sockets of this process share its port.
fn bind_udp(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    // Other systems than Linux share a port by this one; on Linux it would spread datagrams over all sockets.
    #[cfg(not(target_os = "linux"))]
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    UdpSocket::from_std(socket.into())
}

/// One host is one host, however the address is written.
fn host(peer: SocketAddr) -> IpAddr {
    peer.ip().to_canonical()
}
