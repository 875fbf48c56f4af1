//! The reflector in the lab: iperf3 server, echoes, and ports that stay silent or are closed.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpSocket, UdpSocket};
use tokio_util::sync::CancellationToken;

use super::Tasks;
use crate::serve::echo::{TcpEcho, UdpEcho};
use crate::serve::{ClientLimits, Server};

/// Loopback, any port.
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Running servers on loopback; dropping it stops them.
#[derive(Debug)]
pub struct Reflector {
    throughput: SocketAddr,
    tcp_echo: SocketAddr,
    udp_echo: SocketAddr,
    _tasks: Tasks,
}

impl Reflector {
    /// Starts all of them.
    pub async fn start() -> io::Result<Self> {
        Self::with_limits(ClientLimits::default()).await
    }

    /// Starts all of them, with other limits for the throughput server.
    pub async fn with_limits(limits: ClientLimits) -> io::Result<Self> {
        let mut tasks = Tasks::default();
        let server = Server::bind(ANY).await?.with_limits(limits);
        let (tcp, udp) = (TcpEcho::bind(ANY).await?, UdpEcho::bind(ANY).await?);
        let (throughput, tcp_echo, udp_echo) = (server.addr(), tcp.addr(), udp.addr());
        // The tasks end by being dropped, so nobody needs to fire the token.
        let never = CancellationToken::new();
        tasks.spawn(server.run(never.clone()));
        tasks.spawn(tcp.run(never.clone()));
        tasks.spawn(udp.run(never));
        Ok(Self { throughput, tcp_echo, udp_echo, _tasks: tasks })
    }

    /// The iperf3-compatible server.
    #[must_use]
    pub const fn throughput(&self) -> SocketAddr {
        self.throughput
    }

    /// The TCP echo.
    #[must_use]
    pub const fn tcp_echo(&self) -> SocketAddr {
        self.tcp_echo
    }

    /// The UDP echo.
    #[must_use]
    pub const fn udp_echo(&self) -> SocketAddr {
        self.udp_echo
    }
}

/// A UDP port that takes everything and never answers.
#[derive(Debug)]
pub struct SilentUdp {
    socket: UdpSocket,
}

impl SilentUdp {
    /// Binds one.
    pub async fn bind() -> io::Result<Self> {
        Ok(Self { socket: UdpSocket::bind(ANY).await? })
    }

    /// Where it listens.
    pub fn addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// A TCP port where nobody listens, and which nobody else gets while this lives: bound, but not listening.
#[derive(Debug)]
pub struct ClosedTcp {
    socket: TcpSocket,
}

impl ClosedTcp {
    /// Reserves one.
    pub fn bind() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(ANY)?;
        Ok(Self { socket })
    }

    /// The address that refuses.
    pub fn addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpStream, UdpSocket};

    use super::{ClosedTcp, Reflector, SilentUdp};

    #[tokio::test]
    async fn echoes_echo() {
        let lab = Reflector::start().await.unwrap();
        let mut stream = TcpStream::connect(lab.tcp_echo()).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"hello");
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(b"hello", lab.udp_echo()).await.unwrap();
        assert_eq!(socket.recv_from(&mut answer).await.unwrap(), (5, lab.udp_echo()));
    }

    #[tokio::test]
    async fn servers_stop_when_dropped() {
        let lab = Reflector::start().await.unwrap();
        let addr = lab.tcp_echo();
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(b"x").await.unwrap();
        stream.read_exact(&mut [0]).await.unwrap();
        drop(lab);
        // The open connection ends with its server.
        assert!(matches!(stream.read(&mut [0]).await, Ok(0) | Err(_)));
    }

    #[tokio::test]
    async fn closed_and_silent_ports_are_what_they_say() {
        let closed = ClosedTcp::bind().unwrap();
        let refused = TcpStream::connect(closed.addr().unwrap()).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        let silent = SilentUdp::bind().await.unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(silent.addr().unwrap()).await.unwrap();
        socket.send(b"anyone?").await.unwrap();
        let wait = std::time::Duration::from_millis(100);
        // Silence, and no ICMP error either: a closed port would give an error at once.
        assert!(tokio::time::timeout(wait, socket.recv(&mut [0; 8])).await.is_err());
    }
}
