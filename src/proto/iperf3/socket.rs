//! Socket options both sides of a test set.

use std::io;
use std::os::fd::AsFd;

use socket2::SockRef;

/// Receive and send buffer asked for of UDP sockets: a burst must not be lost on this side.
pub const UDP_BUFFER: usize = 4 * 1024 * 1024;

/// The receive buffer where datagrams come in bursts, at rates of which a moment without a turn has megabytes.
pub const BURST_BUFFER: usize = 16 * 1024 * 1024;

/// Enlarges both buffers as far as the system allows; with less the drop counter tells.
pub fn widen(socket: &impl AsFd, window: Option<usize>) {
    let size = window.unwrap_or(UDP_BUFFER);
    let socket = SockRef::from(socket);
    // Refused sizes leave the buffer as it was, and that is not worth ending a test.
    let _ = socket.set_recv_buffer_size(size);
    let _ = socket.set_send_buffer_size(size);
}

/// Chooses congestion control. Before `connect`: a socket that began under BBR keeps its pacing.
pub fn set_congestion(socket: &impl AsFd, name: &str) -> io::Result<()> {
    SockRef::from(socket).set_tcp_congestion(name.as_bytes())
}

/// Congestion control in use; `None` where the system cannot tell.
#[must_use]
pub fn congestion(socket: &impl AsFd) -> Option<String> {
    let name = SockRef::from(socket).tcp_congestion().ok()?;
    let name = String::from_utf8(name).ok()?;
    let name = name.trim_end_matches('\0');
    (!name.is_empty()).then(|| name.to_owned())
}
