//! A test that ran, between its measurement and its results.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::net::sys::cpu::CpuTime;

/// A test that ran.
pub(super) struct CompletedTest {
    /// Length without warm-up.
    pub(super) elapsed: Duration,
    /// Seconds of a processor this process used per second of the test.
    pub(super) cpu: Option<CpuTime>,
    /// Set when nothing moved at the end, with the evidence.
    pub(super) stalled: Option<String>,
    /// Ends the streams that still receive.
    pub(super) stop: CancellationToken,
    /// The streams' tasks; they end with it.
    pub(super) _tasks: JoinSet<std::io::Result<()>>,
}
