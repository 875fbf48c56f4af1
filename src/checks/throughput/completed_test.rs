//! A test that ran, between its measurement and its results.

use std::time::Duration;

use super::measure::StreamTasks;
use crate::net::sys::cpu::CpuTime;

/// A test that ran.
pub(super) struct CompletedTest {
    /// Length without warm-up.
    pub(super) elapsed: Duration,
    /// Seconds of a processor this process used per second of the test.
    pub(super) cpu: Option<CpuTime>,
    /// Set when nothing moved at the end, with the evidence.
    pub(super) stalled: Option<String>,
    /// The streams' tasks; those that receive still do.
    pub(super) tasks: StreamTasks,
}
