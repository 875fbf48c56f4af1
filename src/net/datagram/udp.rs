//! UDP sockets that hear of replies from wrong addresses and of ICMP errors alike ([`open`], [`unconnected`]), or of one peer alone
//! ([`connected`]).
//!
//! On Linux a socket of [`open`] stays unconnected, so that a reply from a wrong address is seen and counted instead of being
//! dropped by the kernel; `IP_RECVERR` still delivers ICMP errors to it. Elsewhere the socket is connected for their
//! sake, and the kernel drops replies from wrong addresses unseen.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::UdpSocket;

use super::Datagram;
use crate::model::Fault;
use crate::net::Origin;
use crate::net::dial::{ConnectError, local_fault};

/// Sockets opened in search of one on another port than the peer's.
const PORTS_TRIED: usize = 4;

/// A socket for an exchange with `peer`, bound to what `origin` names, on a port of the system's choice.
pub async fn open(peer: SocketAddr, origin: Origin) -> Result<UdpSocket, Fault> {
    let bound = || {
        let socket = bound(peer, origin)?;
        socket.set_nonblocking(true)?;
        UdpSocket::from_std(socket.into())
    };
    let socket = bound().map_err(|error| local_fault(&error, &opening(peer, origin), peer))?;
    enable_icmp_errors(&socket, peer).await.map_err(|error| local_fault(&error, "prepare UDP socket", peer))?;
    Ok(socket)
}

/// A socket for an exchange with `peer` that tells kernel stamps, ICMP errors and replies from wrong addresses alike.
pub fn unconnected(peer: SocketAddr, origin: Origin) -> Result<Datagram, Fault> {
    let socket = on_own_port(peer, origin)?;
    Datagram::new(socket).map_err(|error| local_fault(&error, &opening(peer, origin), peer))
}

/// The socket of [`unconnected`], on another port than the peer's: where the kernel picks that one and the peer is this host, what is
/// sent comes back as if it were an answer.
pub fn on_own_port(peer: SocketAddr, origin: Origin) -> Result<Socket, Fault> {
    let bound = || {
        let socket = bound(peer, origin)?;
        #[cfg(not(target_os = "linux"))]
        socket.connect(&SockAddr::from(peer))?;
        Ok(socket)
    };
    // Those that do not fit stay open, so that the kernel picks another port.
    let mut unfit = Vec::new();
    while unfit.len() < PORTS_TRIED {
        let socket = bound().map_err(|error| local_fault(&error, &opening(peer, origin), peer))?;
        let own = socket.local_addr().ok().and_then(|own| own.as_socket());
        if own.is_none_or(|own| own.port() != peer.port()) {
            return Ok(socket);
        }
        unfit.push(socket);
    }
    let why = format!("every local port is {}, which is the one to ask", peer.port());
    Err(Fault::local("open UDP socket", peer.to_string(), why, "widen the range of local ports (ip_local_port_range)"))
}

/// A socket connected to `peer`, so that datagrams of others never count; it tells kernel stamps and ICMP errors. The inner
/// `Err` is a fact, such as no route.
pub fn connected(peer: SocketAddr, origin: Origin) -> Result<Result<Datagram, ConnectError>, Fault> {
    let dial = || {
        let socket = bound(peer, origin).map_err(|error| {
            let operation = origin.source.map(|source| format!("bind to source {source}"));
            (error, operation.unwrap_or_else(|| "open UDP socket".to_owned()))
        })?;
        socket.connect(&SockAddr::from(peer)).map_err(|error| (error, "connect UDP socket".to_owned()))?;
        Ok(socket)
    };
    match dial() {
        Ok(socket) => Datagram::new(socket).map(Ok).map_err(|error| local_fault(&error, "watch UDP socket", peer)),
        Err((error, operation)) => ConnectError::classify(&error, &operation, peer, origin).map(Err),
    }
}

/// A UDP socket for datagrams to `peer`, bound to what `origin` names, and to a port.
pub fn bound(peer: SocketAddr, origin: Origin) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(peer), Type::DGRAM, Some(Protocol::UDP))?;
    origin.bind_device(&socket, peer.ip())?;
    socket.bind(&SockAddr::from(SocketAddr::new(origin.address(peer.ip()), 0)))?;
    Ok(socket)
}

fn opening(peer: SocketAddr, origin: Origin) -> String {
    format!("open UDP socket on {}", origin.address(peer.ip()))
}

/// Whether `sender` is `peer`: flow label and scope of an IPv6 sender may differ from what was dialled.
#[must_use]
pub fn same_endpoint(sender: SocketAddr, peer: SocketAddr) -> bool {
    sender.ip() == peer.ip() && sender.port() == peer.port()
}

#[cfg(target_os = "linux")]
#[expect(clippy::unused_async, reason = "elsewhere the socket is connected here")]
async fn enable_icmp_errors(socket: &UdpSocket, peer: SocketAddr) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt};
    if peer.is_ipv4() {
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)?;
    } else {
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
async fn enable_icmp_errors(socket: &UdpSocket, peer: SocketAddr) -> io::Result<()> {
    socket.connect(peer).await
}

/// Sends one datagram to the peer of [`open`].
#[cfg(target_os = "linux")]
pub async fn send(socket: &UdpSocket, datagram: &[u8], peer: SocketAddr) -> io::Result<usize> {
    socket.send_to(datagram, peer).await
}

/// Sends one datagram to the peer of [`open`].
#[cfg(not(target_os = "linux"))]
pub async fn send(socket: &UdpSocket, datagram: &[u8], _peer: SocketAddr) -> io::Result<usize> {
    socket.send(datagram).await
}

/// [`send`] at once or not at all (`WouldBlock`).
#[cfg(target_os = "linux")]
pub fn try_send(socket: &UdpSocket, datagram: &[u8], peer: SocketAddr) -> io::Result<usize> {
    socket.try_send_to(datagram, peer)
}

/// [`send`] at once or not at all (`WouldBlock`).
#[cfg(not(target_os = "linux"))]
pub fn try_send(socket: &UdpSocket, datagram: &[u8], _peer: SocketAddr) -> io::Result<usize> {
    socket.try_send(datagram)
}
