//! A connection that counts the bytes received, since the TLS layer keeps that to itself when it fails.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The connection after a handshake.
pub type TlsStream = tokio_rustls::client::TlsStream<CountingStream>;

/// See the module.
#[derive(Debug)]
pub struct CountingStream {
    stream: TcpStream,
    received: Arc<Received>,
}

/// The bytes a connection received: how many, and how they begin.
#[derive(Debug, Default)]
pub(super) struct Received {
    count: AtomicU64,
    begins: OnceLock<[u8; HEAD]>,
}

/// A record's head and the type of the first handshake message.
const HEAD: usize = 6;

impl Received {
    /// So many.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// They begin with a `ServerHello`, so that it is TLS, whatever follows.
    pub(super) fn server_hello(&self) -> bool {
        matches!(self.begins.get(), Some([22, 3, _, _, _, 2]))
    }
}

impl CountingStream {
    /// The connection, and what is known of the bytes read from it, which outlives it.
    pub(super) fn new(stream: TcpStream) -> (Self, Arc<Received>) {
        let received = Arc::default();
        (Self { stream, received: Arc::clone(&received) }, received)
    }
}

impl AsyncRead for CountingStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let new = buffer.filled().get(before..).unwrap_or_default();
        if self.received.count.fetch_add(new.len() as u64, Ordering::Relaxed) == 0
            && let Some(head) = new.first_chunk()
        {
            let _ = self.received.begins.set(*head);
        }
        outcome
    }
}

impl AsyncWrite for CountingStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
