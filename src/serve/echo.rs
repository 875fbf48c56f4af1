//! Echo: what comes goes back, over TCP and over UDP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Connections at once; one more is closed at once.
const CONNECTIONS: usize = 256;
/// A connection that says and takes nothing for this long is closed.
const IDLE: Duration = Duration::from_mins(1);

/// Echoes byte streams.
#[derive(Debug)]
pub struct TcpEcho {
    listener: TcpListener,
    addr: SocketAddr,
}

impl TcpEcho {
    /// Binds `addr`.
    pub async fn bind(addr: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        Ok(Self { listener, addr })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `cancel`.
    pub async fn run(self, cancel: CancellationToken) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        if let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
                            tasks.spawn(async move {
                                let _ = echo(stream).await;
                                drop(slot);
                            });
                        }
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            }
        }
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0_u8; 16 * 1024];
    loop {
        let length = timeout(IDLE, stream.read(&mut buffer)).await??;
        if length == 0 {
            return Ok(());
        }
        timeout(IDLE, stream.write_all(buffer.get(..length).unwrap_or_default())).await??;
    }
}

/// Echoes datagrams.
#[derive(Debug)]
pub struct UdpEcho {
    socket: UdpSocket,
    addr: SocketAddr,
}

impl UdpEcho {
    /// Binds `addr`.
    pub async fn bind(addr: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(addr).await?;
        let addr = socket.local_addr()?;
        Ok(Self { socket, addr })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `cancel`. Answers are never larger than questions, so nobody can be flooded through it.
    pub async fn run(self, cancel: CancellationToken) {
        let mut buffer = vec![0_u8; 65_536];
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                received = self.socket.recv_from(&mut buffer) => match received {
                    // A datagram from our own port would come back for ever.
                    Ok((length, peer)) if peer != self.addr => {
                        let _ = self.socket.try_send_to(buffer.get(..length).unwrap_or_default(), peer);
                    }
                    Ok(_) => {}
                    // ICMP errors of earlier answers; without a pause a lasting error would spin.
                    Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                },
            }
        }
    }
}
