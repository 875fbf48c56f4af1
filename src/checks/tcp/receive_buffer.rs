//! What a peer says on a connection, bounded in bytes.

use std::io;
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Bytes of one read.
const CHUNK: usize = 4096;

/// Why there is nothing more to read.
#[derive(Debug)]
pub(super) enum ReadEnd {
    /// The peer ended the connection in order.
    Closed,
    /// `limit` is reached.
    Full,
    /// An error of the connection.
    Broken(io::Error),
}

impl ReadEnd {
    /// Whether the peer tore the connection down.
    pub(super) fn is_reset(&self) -> bool {
        const TORN_DOWN: [i32; 3] = [libc::ECONNRESET, libc::EPIPE, libc::ENOTCONN];
        matches!(self, Self::Broken(error) if error.raw_os_error().is_some_and(|errno| TORN_DOWN.contains(&errno)))
    }
}

/// All that came so far.
pub(super) struct ReceiveBuffer {
    pub(super) received: Vec<u8>,
    limit: usize,
    closed: bool,
}

impl ReceiveBuffer {
    pub(super) const fn new(limit: usize) -> Self {
        Self { received: Vec::new(), limit, closed: false }
    }

    /// Whether the peer has ended the connection in order.
    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Waits for more.
    pub(super) async fn more(&mut self, stream: &mut TcpStream) -> Result<(), ReadEnd> {
        let mut chunk = [0_u8; CHUNK];
        let room = self.limit.saturating_sub(self.received.len()).min(CHUNK);
        if self.closed {
            return Err(ReadEnd::Closed);
        }
        if room == 0 {
            return Err(ReadEnd::Full);
        }
        let count = stream.read(&mut chunk[..room]).await.map_err(ReadEnd::Broken)?;
        self.take(&chunk[..count]);
        if self.closed { Err(ReadEnd::Closed) } else { Ok(()) }
    }

    /// Takes in what this host has received already, and waits for nothing.
    pub(super) fn drain(&mut self, stream: &TcpStream) -> Result<(), ReadEnd> {
        let mut chunk = [0_u8; CHUNK];
        while !self.closed {
            let room = self.limit.saturating_sub(self.received.len()).min(CHUNK);
            if room == 0 {
                break;
            }
            // The kernel is asked itself: the runtime may not have heard yet that there is something.
            match recv(stream.as_raw_fd(), &mut chunk[..room], MsgFlags::MSG_DONTWAIT) {
                Ok(count) => self.take(&chunk[..count]),
                Err(Errno::EAGAIN | Errno::EINTR) => break,
                Err(error) => return Err(ReadEnd::Broken(error.into())),
            }
        }
        Ok(())
    }

    /// Ends the sending of this side, and says how much had come before.
    pub(super) async fn half_close(&mut self, stream: &mut TcpStream) -> Result<usize, ReadEnd> {
        self.drain(stream)?;
        stream.shutdown().await.map_err(ReadEnd::Broken)?;
        Ok(self.received.len())
    }

    fn take(&mut self, chunk: &[u8]) {
        self.closed = chunk.is_empty();
        self.received.extend_from_slice(chunk);
    }
}
