//! What a forwarder did: the truth that a report must agree with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Counts of requests, and how long each took from the client's link and back to it.
#[derive(Debug, Default)]
pub struct Did {
    pub requests: u64,
    pub lost: u64,
    /// Most requests in a row that were dropped.
    pub loss_run: u64,
    pub duplicated: u64,
    /// Requests that left after one that had arrived later.
    pub reordered: u64,
    pub too_big: u64,
    pub reported: u64,
    /// Bytes for DSCP and ECN that requests bore.
    pub traffic_classes: BTreeSet<u8>,
    /// Round trips in the order of their ends, seconds.
    pub rtts: Vec<f64>,
    arrived: BTreeMap<u16, Instant>,
    highest: Option<u64>,
    run: u64,
}

impl Did {
    pub(super) fn arrived(&mut self, sequence: u16, at: Instant, traffic_class: u8) {
        self.requests += 1;
        self.arrived.insert(sequence, at);
        self.traffic_classes.insert(traffic_class);
    }

    pub(super) fn dropped(&mut self, dropped: bool) {
        self.run = if dropped { self.run + 1 } else { 0 };
        self.lost += u64::from(dropped);
        self.loss_run = self.loss_run.max(self.run);
    }

    /// The `number`-th request leaves.
    pub(super) fn left(&mut self, number: u64) {
        self.reordered += u64::from(self.highest.is_some_and(|highest| number < highest));
        self.highest = self.highest.max(Some(number));
    }

    /// The first reply to a request leaves.
    pub(super) fn answered(&mut self, sequence: u16, at: Instant) {
        if let Some(sent) = self.arrived.remove(&sequence) {
            self.rtts.push((at - sent).as_secs_f64());
        }
    }

    /// Median of the round trips.
    pub fn p50(&self) -> f64 {
        let mut sorted = self.rtts.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    /// The estimator of RFC 3550, section 6.4.1.
    pub fn jitter(&self) -> f64 {
        self.rtts.windows(2).fold(0.0, |jitter, pair| jitter + ((pair[1] - pair[0]).abs() - jitter) / 16.0)
    }
}
