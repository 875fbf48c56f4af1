//! What a scan found out.

use std::collections::BTreeMap;

use super::ScanJob;
use crate::model::Fault;

/// Most reports of the path that are told apart; of more, the rest is not named.
const MOST_REPORTS: usize = 4096;

/// What a port came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PortState {
    /// This host did not ask.
    #[default]
    Unasked,
    /// A connection came about, or a datagram was answered.
    Open,
    /// The host itself said that nobody listens.
    Closed,
    /// Nothing came back.
    Silent,
    /// Somebody on the path, or a firewall of the host, said no.
    Rejected,
}

/// What a share of a scan found out.
#[derive(Debug, Default)]
pub struct ScanShare {
    /// Of each pair.
    states: Vec<PortState>,
    share: (usize, usize),
    hosts: usize,
    /// Errors from the path, each with the number of its host, and how often it came.
    pub reports: BTreeMap<(usize, String), u64>,
    /// Why this host could not ask a host, by its number.
    pub faults: BTreeMap<usize, Fault>,
    /// Probes sent.
    pub probes: u64,
}

impl ScanShare {
    pub(super) fn new(job: &ScanJob) -> Self {
        Self {
            states: vec![PortState::Unasked; job.len()],
            share: job.share,
            hosts: job.hosts.len(),
            ..Self::default()
        }
    }

    /// The state of a port by its number, of a host by its own; `None` where it is of another share.
    #[must_use]
    pub fn state(&self, host: usize, port: usize) -> Option<PortState> {
        let number = port * self.hosts + host;
        let (share, shares) = self.share;
        (number % shares.max(1) == share).then(|| self.states.get(number / shares.max(1)).copied()).flatten()
    }

    /// The state of a pair of this share.
    pub(super) fn at(&self, at: usize) -> PortState {
        self.states.get(at).copied().unwrap_or_default()
    }

    pub(super) fn set(&mut self, at: usize, state: PortState) {
        if let Some(known) = self.states.get_mut(at) {
            *known = state;
        }
    }

    pub(super) fn is_answered(&self, at: usize) -> bool {
        matches!(self.at(at), PortState::Open | PortState::Closed)
    }

    pub(super) fn report(&mut self, host: usize, text: String) {
        let is_full = self.reports.len() >= MOST_REPORTS;
        let key = (host, text);
        if !is_full || self.reports.contains_key(&key) {
            *self.reports.entry(key).or_default() += 1;
        }
    }
}
