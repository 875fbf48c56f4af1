//! TCP connections whose outcome is a fact, and whose local errors are faults.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;

use crate::model::Fault;

/// An open connection and how long the handshake took.
pub struct Dialled {
    /// The connection.
    pub stream: TcpStream,
    /// From SYN to established.
    pub elapsed: Duration,
}

/// Why the peer could not be connected to. A fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// RST in answer to SYN, or the connection met itself.
    Refused,
    /// Silence for the whole patience.
    Timeout,
    /// An ICMP error or no route.
    Unreachable(String),
    /// RST after SYN-ACK.
    Reset,
}

impl ConnectError {
    /// Sorts an error of a socket into what the peer or the path did, or a fault of this side.
    pub fn classify(error: &io::Error, operation: &str, peer: SocketAddr) -> Result<Self, Fault> {
        match error.raw_os_error() {
            Some(libc::ECONNREFUSED) => Ok(Self::Refused),
            Some(libc::ECONNRESET | libc::EPIPE) => Ok(Self::Reset),
            Some(libc::ETIMEDOUT) => Ok(Self::Timeout),
            Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ENONET | libc::EHOSTDOWN | libc::ENOPROTOOPT) => {
                Ok(Self::Unreachable(error.to_string()))
            }
            // ICMPv6 "administratively prohibited" and "reject route" arrive as EACCES, "parameter problem" as EPROTO; a filter
            // of this host gives EPERM, which stays a fault.
            Some(libc::EACCES) => Ok(Self::Unreachable("a firewall or a prohibit route rejects it".to_owned())),
            Some(libc::EPROTO) => Ok(Self::Unreachable(error.to_string())),
            // A blackhole route; a link-local address without a zone is something else.
            Some(libc::EINVAL) if !link_local(peer) => {
                Ok(Self::Unreachable("a blackhole route? see: ip route get".to_owned()))
            }
            _ => Err(local_fault(error, operation, peer)),
        }
    }

    /// The word of fact `outcome`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::Reset => "reset",
        }
    }
}

/// Connects to `peer`, waiting at most `patience`.
/// The outer `Err` is a fault of this side: no permission, no descriptors, no such source address.
pub async fn connect(
    peer: SocketAddr,
    source: Option<IpAddr>,
    patience: Duration,
) -> Result<Result<Dialled, ConnectError>, Fault> {
    connect_on(open(peer, source)?, peer, patience).await
}

/// [`connect`] on a socket of [`open`], for options that must be set before the SYN.
pub async fn connect_on(
    socket: TcpSocket,
    peer: SocketAddr,
    patience: Duration,
) -> Result<Result<Dialled, ConnectError>, Fault> {
    let start = Instant::now();
    let stream = match tokio::time::timeout(patience, socket.connect(peer)).await {
        Err(_) => return Ok(Err(ConnectError::Timeout)),
        Ok(Err(error)) => return ConnectError::classify(&error, "connect", peer).map(Err),
        Ok(Ok(stream)) => stream,
    };
    let elapsed = start.elapsed();
    // On loopback the kernel may pick the target's own port: simultaneous open with itself, nobody listens there.
    if stream.local_addr().is_ok_and(|local| local == peer) {
        return Ok(Err(ConnectError::Refused));
    }
    let _ = stream.set_nodelay(true);
    Ok(Ok(Dialled { stream, elapsed }))
}

/// A socket that fits `peer`, bound to `source` if there is one.
pub fn open(peer: SocketAddr, source: Option<IpAddr>) -> Result<TcpSocket, Fault> {
    let socket = if peer.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
        .map_err(|error| local_fault(&error, "open TCP socket", peer))?;
    if let Some(source) = source {
        socket
            .bind(SocketAddr::new(source, 0))
            .map_err(|error| local_fault(&error, &format!("bind to source {source}"), peer))?;
    }
    Ok(socket)
}

fn link_local(peer: SocketAddr) -> bool {
    matches!(peer.ip(), IpAddr::V6(address) if address.is_unicast_link_local())
}

/// A fault of this side, with the remedy for the errors people meet.
#[must_use]
pub fn local_fault(error: &io::Error, operation: &str, peer: SocketAddr) -> Fault {
    let remedy = match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => "raise the limit of open files (ulimit -n) or lower --jobs",
        Some(libc::EADDRNOTAVAIL) => {
            "check that `source` is an address of this machine, and that local ports are left (ip_local_port_range)"
        }
        Some(libc::EACCES | libc::EPERM) => "allow it in the local firewall, or run with the capability it needs",
        Some(libc::EINVAL) if link_local(peer) => {
            "a link-local address needs a zone, which shakedown does not take: use a global or unique local address"
        }
        _ => "see the system's message",
    };
    Fault::local(operation, peer.to_string(), error.to_string(), remedy)
}

/// `host:port` for people, with brackets around IPv6.
#[must_use]
pub fn endpoint(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
