//! The loops that move data. Each runs until it is stopped, the peer ends, or the system reports an error. Those of bytes give
//! way often enough that timers of the same runtime stay punctual; those of datagrams have threads of their own.

mod tcp;
mod udp;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use tcp::{receive_tcp, send_tcp};
pub use udp::{ReceivePlan, receive_udp, send_udp};

use super::MAX_BLOCK;
use super::amount::Budget;

/// A paced TCP sender writes at most this much of its rate at once.
const SLICE: f64 = 0.01;

/// Bytes and datagrams one stream has moved.
#[derive(Debug, Default)]
pub struct Meter {
    bytes: AtomicU64,
    datagrams: AtomicU64,
    burst: AtomicU64,
}

impl Meter {
    fn add(&self, bytes: usize, datagrams: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.datagrams.fetch_add(datagrams as u64, Ordering::Relaxed);
    }

    /// So many datagrams were one message between this process and its kernel.
    fn was_burst(&self, datagrams: usize) {
        self.burst.fetch_max(datagrams as u64, Ordering::Relaxed);
    }

    /// Payload bytes so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Datagrams so far (writes, for TCP).
    #[must_use]
    pub fn datagrams(&self) -> u64 {
        self.datagrams.load(Ordering::Relaxed)
    }

    /// Most datagrams that were one message between this process and its kernel; 0 before there were any, and of TCP.
    #[must_use]
    pub fn burst(&self) -> u64 {
        self.burst.load(Ordering::Relaxed)
    }
}

/// Bytes a TCP sender at `rate` bit/s writes at once, of a block of `block` bytes.
#[must_use]
pub fn slice(block: usize, rate: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut to the length of the block")]
    let slice = (rate / 8.0 * SLICE) as usize;
    slice.clamp(1448.min(block), block)
}

/// How a stream sends.
#[derive(Clone, Debug)]
pub struct SendPlan {
    /// Bit/s of payload; `None` for as fast as possible.
    pub rate: Option<f64>,
    /// 64-bit counters in datagrams.
    pub wide: bool,
    /// Datagrams that may leave as one message, which the kernel or the device cuts; 1 for each by itself.
    pub burst: usize,
    /// What all streams together may send, if that is bounded.
    pub budget: Option<Arc<Budget>>,
}
