//! The UDP socket of one QUIC connection. It counts what comes, sorts out what comes from elsewhere, hears ICMP errors,
//! and stops reading a peer that talks without end.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;
use tokio::sync::Notify;

use crate::model::Fault;
use crate::net::datagram::{self, udp};
use crate::net::dial::ConnectError;
use crate::net::{Origin, this_host};

/// Bytes taken from one peer in all. Handshake, one answer of 64 KiB and their repetitions need a tenth of it.
const MOST: u64 = 4 * 1024 * 1024;

/// Errors in a row that are looked past.
const FAILURES: u32 = 64;

/// An end of the socket from outside of QUIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathError {
    /// The path or the peer's host said so by ICMP.
    Connect(ConnectError),
    /// This side cannot send.
    Fault(Fault),
    /// The peer sent more than anybody needs; the bytes taken until then.
    Flood(u64),
}

#[derive(Debug)]
pub(super) struct QuicSocket {
    socket: UdpSocket,
    peer: SocketAddr,
    origin: Origin,
    received: AtomicU64,
    strays: AtomicU64,
    path_error: Mutex<Option<PathError>>,
    bell: Notify,
}

impl QuicSocket {
    pub(super) async fn open(peer: SocketAddr, origin: Origin) -> Result<Arc<Self>, Fault> {
        Ok(Arc::new(Self {
            socket: udp::open(peer, origin).await?,
            peer,
            origin,
            received: AtomicU64::new(0),
            strays: AtomicU64::new(0),
            path_error: Mutex::new(None),
            bell: Notify::new(),
        }))
    }

    /// Bytes from the peer.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Datagrams from elsewhere.
    pub(super) fn strays(&self) -> u64 {
        self.strays.load(Ordering::Relaxed)
    }

    /// Waits for the first error, and stays with it.
    pub(super) async fn path_error(&self) -> PathError {
        loop {
            let rung = self.bell.notified();
            if let Some(error) = self.path_error.lock().unwrap_or_else(PoisonError::into_inner).clone() {
                return error;
            }
            rung.await;
        }
    }

    fn report(&self, error: PathError) {
        self.path_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.bell.notify_one();
    }

    fn fail(&self, error: &io::Error) {
        // A packet that is too large for the path concerns that packet alone, and QUIC repeats it in smaller ones.
        if error.raw_os_error() == Some(libc::EMSGSIZE) {
            return;
        }
        let report = datagram::reported(&self.socket);
        if let Some(why) = report.as_ref().and_then(|report| this_host::rejection(report, self.peer.ip(), self.origin))
        {
            return self.report(PathError::Fault(this_host::rejection_fault(why, "exchange QUIC packets", self.peer)));
        }
        self.report(match ConnectError::classify(error, "exchange QUIC packets", self.peer, self.origin) {
            Ok(error) => PathError::Connect(error.reported_by(report.as_ref())),
            Err(fault) => PathError::Fault(fault),
        });
    }
}

impl AsyncUdpSocket for QuicSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Poller { socket: self, waiting: None })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        match udp::try_send(&self.socket, transmit.contents, transmit.destination) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            // Whoever dialled hears of it; to QUIC the packet is one that got lost.
            Err(error) => {
                self.fail(&error);
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(buffer), Some(meta)) = (buffers.first_mut(), meta.first_mut()) else {
            return Poll::Ready(Ok(0));
        };
        let mut failures = 0;
        loop {
            if self.received() > MOST {
                self.report(PathError::Flood(self.received()));
                return Poll::Pending;
            }
            let mut into = ReadBuf::new(buffer);
            match self.socket.poll_recv_from(cx, &mut into) {
                Poll::Pending => return Poll::Pending,
                // An ICMP error is told once; one that comes back without end is of the socket itself.
                Poll::Ready(Err(error)) => {
                    self.fail(&error);
                    failures += 1;
                    if failures > FAILURES {
                        return Poll::Ready(Err(error));
                    }
                }
                Poll::Ready(Ok(sender)) if !udp::same_endpoint(sender, self.peer) => {
                    self.strays.fetch_add(1, Ordering::Relaxed);
                }
                Poll::Ready(Ok(_)) => {
                    let len = into.filled().len();
                    self.received.fetch_add(len as u64, Ordering::Relaxed);
                    *meta = RecvMeta { addr: self.peer, len, stride: len, ecn: None, dst_ip: None };
                    return Poll::Ready(Ok(1));
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// Waits for room to send.
struct Poller {
    socket: Arc<QuicSocket>,
    waiting: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send + Sync>>>,
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").finish_non_exhaustive()
    }
}

impl UdpPoller for Poller {
    fn poll_writable(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = self.socket.clone();
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(async move { socket.socket.writable().await }));
        let polled = waiting.as_mut().poll(cx);
        if polled.is_ready() {
            self.waiting = None;
        }
        polled
    }
}
