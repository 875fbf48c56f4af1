//! Tests that end by an amount instead of a time: what the senders of one side may still send, all streams together.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// How much a test is to move, counted by iperf3 over all streams of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Payload bytes; the last block is sent whole.
    Bytes(u64),
    /// Blocks: writes of TCP, datagrams of UDP.
    Blocks(u64),
}

impl Amount {
    /// In blocks of `block` bytes.
    #[must_use]
    pub const fn blocks(self, block: u32) -> u64 {
        match self {
            // A block of no bytes does not exist; it must not divide either.
            Self::Bytes(bytes) => bytes.div_ceil(if block == 0 { 1 } else { block as u64 }),
            Self::Blocks(blocks) => blocks,
        }
    }
}

/// Blocks that may still be sent, shared by all streams that send.
#[derive(Debug)]
pub struct Budget {
    left: AtomicU64,
    /// In the warm-up nothing is counted.
    counts: AtomicBool,
    changed: Notify,
}

impl Budget {
    /// Of so many blocks, counted from [`Self::begin`] on.
    #[must_use]
    pub fn new(blocks: u64) -> Self {
        Self { left: AtomicU64::new(blocks), counts: AtomicBool::new(false), changed: Notify::new() }
    }

    /// Ends the warm-up.
    pub fn begin(&self) {
        self.counts.store(true, Ordering::Relaxed);
    }

    /// Takes a block; false when none is left.
    pub fn take(&self) -> bool {
        let less = |left: u64| left.checked_sub(1);
        !self.counts.load(Ordering::Relaxed)
            || self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// Waits until there are more blocks than none.
    pub async fn wait(&self) {
        let changed = self.changed.notified();
        if self.is_spent() {
            changed.await;
        }
    }

    /// Whether everything was taken.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// Allows more blocks.
    pub fn add(&self, blocks: u64) {
        let more = |left: u64| Some(left.saturating_add(blocks));
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        self.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::{Amount, Budget};

    #[test]
    fn amounts_are_whole_blocks() {
        assert_eq!(Amount::Bytes(100).blocks(30), 4);
        assert_eq!(Amount::Bytes(90).blocks(30), 3);
        assert_eq!(Amount::Bytes(1).blocks(0), 1);
        assert_eq!(Amount::Blocks(7).blocks(30), 7);
    }

    #[tokio::test]
    async fn a_budget_ends_and_is_enlarged() {
        let budget = Budget::new(2);
        assert!((0..5).all(|_| budget.take()), "the warm-up is not counted");
        budget.begin();
        assert_eq!([(); 3].map(|()| budget.take()), [true, true, false]);
        assert!(budget.is_spent());
        let waits = async {
            budget.wait().await;
            budget.take()
        };
        let adds = async { budget.add(1) };
        assert!(tokio::join!(waits, adds).0);
    }
}
