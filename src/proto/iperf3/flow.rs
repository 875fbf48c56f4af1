//! One data stream of a test: its socket, its direction, its counters.

use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::amount::Budget;
use super::pump::{self, Meter, ReceivePlan, SendPlan};
use super::receive_counter::{ReceiveCounter, ReceiveCounts};
use super::results::StreamResult;
use super::{Params, socket, stream_id};
use crate::net::sys::tcp_info::{TcpInfo, queue_drops, tcp_info};

/// The socket of a stream.
#[derive(Clone, Debug)]
pub enum DataSocket {
    /// A connection.
    Tcp(Arc<TcpStream>),
    /// A connected datagram socket.
    Udp(Arc<UdpSocket>),
}

/// A data stream.
#[derive(Debug)]
pub struct Flow {
    id: u32,
    sends: bool,
    socket: DataSocket,
    meter: Arc<Meter>,
    counter: Arc<Mutex<ReceiveCounter>>,
    omitted: WarmUpCounters,
}

/// Counters at the end of the warm-up; `None` for what could not be read then, which leaves no count of what came after.
#[derive(Clone, Copy, Debug)]
struct WarmUpCounters {
    bytes: u64,
    acked: Option<u64>,
    datagrams: u64,
    retransmits: Option<u32>,
    drops: Option<u32>,
    counts: ReceiveCounts,
}

impl WarmUpCounters {
    /// A socket that has done nothing yet.
    const NOTHING: Self = Self {
        bytes: 0,
        acked: Some(0),
        datagrams: 0,
        retransmits: Some(0),
        drops: Some(0),
        counts: ReceiveCounts::NONE,
    };
}

impl Flow {
    /// Stream number `index`, from 0.
    #[must_use]
    pub fn new(index: u32, sends: bool, socket: DataSocket) -> Self {
        Self {
            id: stream_id(index),
            sends,
            socket,
            meter: Arc::default(),
            counter: Arc::default(),
            omitted: WarmUpCounters::NOTHING,
        }
    }

    /// Starts moving data; the task ends with `stop`, an error, or `tasks`. What `budget` allows is for all streams together.
    pub fn start(
        &self,
        tasks: &mut JoinSet<io::Result<()>>,
        params: &Params,
        block: &Arc<[u8]>,
        budget: Option<&Arc<Budget>>,
        stop: &CancellationToken,
    ) {
        let (meter, stop) = (Arc::clone(&self.meter), stop.clone());
        let plan = SendPlan {
            rate: params.bandwidth,
            wide: params.wide,
            burst: params.burst as usize,
            budget: budget.cloned(),
        };
        // Boxed: the runtime's code of a task is compiled once for the four of them.
        let task: Pin<Box<dyn Future<Output = io::Result<()>> + Send>> = match (&self.socket, self.sends) {
            (DataSocket::Tcp(stream), true) => {
                let (stream, block) = (Arc::clone(stream), Arc::clone(block));
                Box::pin(async move { pump::send_tcp(&stream, &block, plan, &meter, &stop).await })
            }
            (DataSocket::Tcp(stream), false) => {
                let stream = Arc::clone(stream);
                Box::pin(async move { pump::receive_tcp(&stream, &meter, &stop).await })
            }
            (DataSocket::Udp(socket), true) => {
                let socket = Arc::clone(socket);
                let block = params.block as usize;
                Box::pin(async move { pump::send_udp(socket, block, plan, meter, &stop).await })
            }
            (DataSocket::Udp(socket), false) => {
                let (socket, counter) = (Arc::clone(socket), Arc::clone(&self.counter));
                let plan = ReceivePlan {
                    wide: params.wide,
                    block: params.block as usize,
                    buffer: params.window.unwrap_or(if params.merge {
                        socket::BURST_BUFFER
                    } else {
                        socket::UDP_BUFFER
                    }),
                    merge: params.merge,
                };
                Box::pin(async move { pump::receive_udp(socket, plan, meter, counter, &stop).await })
            }
        };
        tasks.spawn(task);
    }

    /// Tells a TCP receiver that no more comes; counters can still be read.
    pub fn finish(&self) {
        if let (DataSocket::Tcp(stream), true) = (&self.socket, self.sends) {
            // Fails only on a connection that is gone, which says the same.
            let _ = socket2::SockRef::from(stream.as_ref()).shutdown(std::net::Shutdown::Write);
        }
    }

    /// Ends the warm-up: counters from here on are the result.
    pub fn mark(&mut self) {
        let info = self.info();
        self.omitted = WarmUpCounters {
            bytes: self.meter.bytes(),
            acked: info.as_ref().and_then(|info| info.bytes_acked),
            datagrams: self.meter.datagrams(),
            retransmits: info.and_then(|info| info.retransmits),
            drops: self.drops(),
            counts: self.counts(),
        };
    }

    /// True when this side sends.
    #[must_use]
    pub const fn sends(&self) -> bool {
        self.sends
    }

    /// Bytes moved, warm-up included.
    #[must_use]
    pub fn moved(&self) -> u64 {
        self.meter.bytes()
    }

    /// Bytes moved after the warm-up.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.meter.bytes().saturating_sub(self.omitted.bytes)
    }

    /// Bytes that are known to be on the other side, after the warm-up: acknowledged ones of a TCP sender, so that what
    /// only fills this side's buffer is not called transferred; received ones of a receiver.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        match (self.info(), self.omitted.acked) {
            (Some(TcpInfo { bytes_acked: Some(acked), .. }), Some(before)) if self.sends => {
                acked.saturating_sub(before)
            }
            _ => self.bytes(),
        }
    }

    /// Datagrams moved: warm-up included, and the warm-up alone.
    #[must_use]
    pub fn datagrams(&self) -> (u64, u64) {
        (self.meter.datagrams(), self.omitted.datagrams)
    }

    /// Most datagrams that were one message between this process and its kernel; 0 of TCP.
    #[must_use]
    pub fn burst(&self) -> u64 {
        self.meter.burst()
    }

    /// The kernel's view of a TCP stream.
    #[must_use]
    pub fn info(&self) -> Option<TcpInfo> {
        match &self.socket {
            DataSocket::Tcp(stream) => tcp_info(stream.as_ref()).ok(),
            DataSocket::Udp(_) => None,
        }
    }

    /// Congestion control of a TCP stream.
    #[must_use]
    pub fn congestion(&self) -> Option<String> {
        match &self.socket {
            DataSocket::Tcp(stream) => socket::congestion(&stream.as_fd()),
            DataSocket::Udp(_) => None,
        }
    }

    /// Counts of a UDP stream that is received, warm-up included.
    #[must_use]
    pub fn counts(&self) -> ReceiveCounts {
        self.counter.lock().unwrap_or_else(PoisonError::into_inner).counts()
    }

    /// Counters of the warm-up.
    #[must_use]
    pub const fn omitted_counts(&self) -> ReceiveCounts {
        self.omitted.counts
    }

    fn drops(&self) -> Option<u32> {
        match &self.socket {
            DataSocket::Udp(socket) if !self.sends => queue_drops(socket.as_ref()),
            _ => None,
        }
    }

    /// Datagrams this side's socket dropped after the warm-up. The kernel counts messages: of those that it merges it is not known
    /// how many datagrams each held.
    #[must_use]
    pub fn queue_drops(&self) -> Option<u64> {
        let (drops, before) = self.drops().zip(self.omitted.drops)?;
        let drops = u64::from(drops.saturating_sub(before));
        (drops == 0 || self.burst() <= 1).then_some(drops)
    }

    /// Segments sent again after the warm-up, by a TCP sender.
    #[must_use]
    pub fn retransmits(&self) -> Option<u64> {
        let info = self.info().filter(|_| self.sends)?;
        let (all, before) = info.retransmits.zip(self.omitted.retransmits)?;
        Some(u64::from(all.saturating_sub(before)))
    }

    /// This side's view, for the other side.
    #[must_use]
    pub fn result(&self, elapsed: Duration) -> StreamResult {
        let (counts, omitted) = (self.counts(), self.omitted.counts);
        let received = matches!(self.socket, DataSocket::Udp(_)) && !self.sends;
        let (packets, omitted_packets) = match (&self.socket, self.sends) {
            (DataSocket::Tcp(_), _) => (None, None),
            (DataSocket::Udp(_), true) => (Some(self.meter.datagrams()), Some(self.omitted.datagrams)),
            (DataSocket::Udp(_), false) => (Some(counts.highest), Some(omitted.highest)),
        };
        StreamResult {
            id: u64::from(self.id),
            bytes: Some(self.bytes()),
            retransmits: self.retransmits(),
            jitter: counts.jitter,
            errors: received.then_some(counts.lost),
            packets,
            omitted_errors: received.then_some(omitted.lost),
            omitted_packets,
            queue_drops: self.queue_drops(),
            reordered: received.then(|| counts.reordered - omitted.reordered),
            duplicates: received.then(|| counts.duplicates - omitted.duplicates),
            burst: (matches!(self.socket, DataSocket::Udp(_)) && self.sends).then(|| self.burst()),
            seconds: Some(elapsed.as_secs_f64()),
        }
    }
}

/// Waits until no receiving stream got anything for `still`, at most `limit`.
pub async fn quiet(flows: &[Flow], still: Duration, limit: Duration) {
    let end = Instant::now() + limit;
    let mut before = None;
    while Instant::now() < end {
        let now: u64 = flows.iter().filter(|flow| !flow.sends()).map(Flow::moved).sum();
        if before == Some(now) {
            return;
        }
        before = Some(now);
        tokio::time::sleep(still).await;
    }
}
