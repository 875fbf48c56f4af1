//! UDP sockets that hear of replies from wrong addresses and of ICMP errors alike ([`open`], [`unconnected`]), or of one peer alone
//! ([`connected`]).
//!
//! On Linux a socket of [`open`] stays unconnected, so that a reply from a wrong address is seen and counted instead of being
//! dropped by the kernel; `IP_RECVERR` still delivers ICMP errors to it. Elsewhere the socket is connected for their
//! sake, and the kernel drops replies from wrong addresses unseen.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::UdpSocket;

use super::Datagram;
use crate::model::Fault;
use crate::net::dial::{ConnectError, local_fault};

/// A socket for an exchange with `peer`, bound to `source` if there is one, on a port of the system's choice.
pub async fn open(peer: SocketAddr, source: Option<IpAddr>) -> Result<UdpSocket, Fault> {
    let bind = own_address(peer, source);
    let socket = UdpSocket::bind(SocketAddr::new(bind, 0))
        .await
        .map_err(|error| local_fault(&error, &format!("open UDP socket on {bind}"), peer))?;
    enable_icmp_errors(&socket, peer).await.map_err(|error| local_fault(&error, "prepare UDP socket", peer))?;
    Ok(socket)
}

/// A socket for an exchange with `peer` that tells kernel stamps, ICMP errors and replies from wrong addresses alike.
pub fn unconnected(peer: SocketAddr, source: Option<IpAddr>) -> Result<Datagram, Fault> {
    let socket = bound(peer, source).map_err(|(error, operation)| local_fault(&error, &operation, peer))?;
    #[cfg(not(target_os = "linux"))]
    socket.connect(&SockAddr::from(peer)).map_err(|error| local_fault(&error, "connect UDP socket", peer))?;
    Datagram::new(socket).map_err(|error| local_fault(&error, "watch UDP socket", peer))
}

/// A socket connected to `peer`, so that datagrams of others never count; it tells kernel stamps and ICMP errors. The inner
/// `Err` is a fact, such as no route.
pub fn connected(peer: SocketAddr, source: Option<IpAddr>) -> Result<Result<Datagram, ConnectError>, Fault> {
    let dial = || {
        let socket = bound(peer, source)?;
        socket.connect(&SockAddr::from(peer)).map_err(|error| (error, "connect UDP socket".to_owned()))?;
        Ok(socket)
    };
    match dial() {
        Ok(socket) => Datagram::new(socket).map(Ok).map_err(|error| local_fault(&error, "watch UDP socket", peer)),
        Err((error, operation)) => ConnectError::classify(&error, &operation, peer).map(Err),
    }
}

/// A socket that fits `peer`, on a port of the system's choice; an error comes with what failed.
fn bound(peer: SocketAddr, source: Option<IpAddr>) -> Result<Socket, (io::Error, String)> {
    let own = own_address(peer, source);
    let socket = Socket::new(Domain::for_address(peer), Type::DGRAM, Some(Protocol::UDP))
        .map_err(|error| (error, "open UDP socket".to_owned()))?;
    socket.bind(&SockAddr::from(SocketAddr::new(own, 0))).map_err(|error| (error, format!("bind to source {own}")))?;
    Ok(socket)
}

fn own_address(peer: SocketAddr, source: Option<IpAddr>) -> IpAddr {
    source.unwrap_or(match peer {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    })
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
