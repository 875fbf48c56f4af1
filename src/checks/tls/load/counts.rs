//! The counts of a load, kept by each thread and added up at the end.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::stats::Samples;

/// Kinds of errors kept apart; a server that fails in more ways than these is no longer understood by counting.
const KINDS: usize = 16;

/// Handshakes, by how they ended.
#[derive(Clone, Debug, Default)]
pub(super) struct HandshakeCounts {
    /// From begin, or due time, to completion, in seconds.
    pub(super) times: Samples,
    /// With a rate: from due time to begin, in seconds.
    pub(super) lateness: Samples,
    /// Begun.
    pub(super) begun: u64,
    /// Completed and verified.
    pub(super) completed: u64,
    /// Those before the end of the load.
    pub(super) in_time: u64,
    /// Those that resumed a session.
    pub(super) resumed: u64,
    /// Failed, for a reason of the server or of the path.
    pub(super) failed: u64,
    /// Not begun because this host had no port left.
    pub(super) no_port: u64,
    /// When the last one was completed.
    pub(super) last: Option<Instant>,
    kinds: BTreeMap<String, u64>,
}

impl HandshakeCounts {
    /// One more, completed at `at`.
    pub(super) fn complete(&mut self, from: Instant, at: Instant, end: Instant, resumed: bool) {
        self.times.record(at.saturating_duration_since(from).as_secs_f64());
        self.completed += 1;
        self.in_time += u64::from(at <= end);
        self.resumed += u64::from(resumed);
        self.last = self.last.max(Some(at));
    }

    /// One more that failed.
    pub(super) fn fail(&mut self, kind: String) {
        self.failed += 1;
        self.count(kind, 1);
    }

    fn count(&mut self, kind: String, times: u64) {
        let kind =
            if self.kinds.len() >= KINDS && !self.kinds.contains_key(&kind) { "others".to_owned() } else { kind };
        *self.kinds.entry(kind).or_default() += times;
    }

    /// Adds those of another thread.
    pub(super) fn merge(&mut self, other: &Self) {
        self.times.merge(&other.times);
        self.lateness.merge(&other.lateness);
        self.begun += other.begun;
        self.completed += other.completed;
        self.in_time += other.in_time;
        self.resumed += other.resumed;
        self.failed += other.failed;
        self.no_port += other.no_port;
        self.last = self.last.max(other.last);
        for (kind, times) in &other.kinds {
            self.count(kind.clone(), *times);
        }
    }

    /// Errors by kind, the most frequent first.
    pub(super) fn error_summary(&self) -> Vec<String> {
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
        kinds.into_iter().map(|(kind, times)| format!("{times} of {} failed: {kind}", self.begun)).collect()
    }
}
