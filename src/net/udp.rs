//! UDP sockets that hear of everything: replies from wrong addresses and ICMP errors alike.
//!
//! On Linux the socket stays unconnected, so that a reply from a wrong address is seen and counted instead of being
//! dropped by the kernel; `IP_RECVERR` still delivers ICMP errors to it. Elsewhere the socket is connected for their
//! sake, and the kernel drops replies from wrong addresses unseen.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::UdpSocket;

use super::dial::local;
use crate::model::Fault;

/// A socket for an exchange with `peer`, bound to `source` if there is one, on a port of the system's choice.
pub async fn open(peer: SocketAddr, source: Option<IpAddr>) -> Result<UdpSocket, Fault> {
    let bind = source.unwrap_or(match peer {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    });
    let socket = UdpSocket::bind(SocketAddr::new(bind, 0))
        .await
        .map_err(|error| local(&error, &format!("open UDP socket on {bind}"), peer))?;
    aim(&socket, peer).await.map_err(|error| local(&error, "prepare UDP socket", peer))?;
    Ok(socket)
}

/// Whether `sender` is `peer`: flow label and scope of an IPv6 sender may differ from what was dialled.
#[must_use]
pub fn same(sender: SocketAddr, peer: SocketAddr) -> bool {
    sender.ip() == peer.ip() && sender.port() == peer.port()
}

#[cfg(target_os = "linux")]
#[expect(clippy::unused_async, reason = "elsewhere the socket is connected here")]
async fn aim(socket: &UdpSocket, peer: SocketAddr) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt};
    if peer.is_ipv4() {
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)?;
    } else {
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
async fn aim(socket: &UdpSocket, peer: SocketAddr) -> io::Result<()> {
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
