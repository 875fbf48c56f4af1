//! What a stream saw: every probe until it is certain what became of it, then only as much as the arithmetic needs.
//!
//! A probe is certain once it was answered, and further answers to it would be seen for a while ([`RETAINED`]), or when no answer is
//! awaited any more. Of many alike in a row the middle ones are dropped, and counted at the one before them ([`Dropped`]): what
//! is kept of a stream grows with what happens to it, not with its length.

use std::collections::VecDeque;

use crate::checks::failover::outage::{Dropped, ProbeOutcome, ProbeResult};
use crate::checks::failover::writes::WriteLog;
use crate::model::Fault;
use crate::model::timeline::{Run, Series};
use crate::probe::{Identity, ProbeFailure};
use crate::stats::Samples;
use crate::stats::samples::NANOS;

/// How long after it was sent a second answer to a probe is told from others, nanoseconds.
const RETAINED: u64 = 1_000_000_000;
/// An answer that came in time may not have been read for so long, on a busy host.
const UNREAD: u64 = 250_000_000;
/// Probes alike that are kept at each end of a run of them.
const EDGE: usize = 32;
/// An answered probe is like its neighbours when the next proof of life comes within so many intervals, and twice its round trip.
const PROMPT: f64 = 8.0;
/// Results kept at most. What changes more often than this in the time it is watched is not followed.
const KEPT: usize = 200_000;
/// Identities told apart; further ones are one.
const IDENTITIES: usize = 64;
/// Longest times without an arrival that are kept.
const GAPS: usize = 64;
/// Probes sent late that are remembered, to tell a time without an arrival that is this side's own.
const LATE: usize = 1024;
/// Changes of the owner that are kept.
const CHANGES: usize = 1024;

/// One probe that is not certain yet.
#[derive(Clone, Copy, Debug)]
struct Pending {
    due: u64,
    sent: u64,
    received: u64,
    outcome: Option<ProbeOutcome>,
    owner: u8,
}

impl Pending {
    /// What it comes to if nothing more is heard of it; `None` of one that was never begun.
    fn result(&self, timeout: u64) -> Option<ProbeResult> {
        let (outcome, ended) = match self.outcome {
            Some(ProbeOutcome::Skipped) => return None,
            Some(outcome) => (outcome, self.received),
            None => (ProbeOutcome::Failed(ProbeFailure::Lost), self.sent.saturating_add(timeout)),
        };
        let late = outcome == ProbeOutcome::Answered && self.received - self.sent > timeout;
        let result = ProbeResult::new(seconds(self.due), seconds(self.sent), seconds(ended), outcome);
        Some(ProbeResult { owner: self.owner, late, ..result })
    }
}

/// A time without an arrival, seconds since the start of the stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::checks::failover) struct Gap {
    /// The arrival before.
    pub(in crate::checks::failover) from: f64,
    /// The arrival behind.
    pub(in crate::checks::failover) until: f64,
    /// How late probes were sent in it, at most.
    pub(in crate::checks::failover) lateness: f64,
}

impl Gap {
    /// How long it was.
    pub(in crate::checks::failover) fn length(&self) -> f64 {
        self.until - self.from
    }
}

/// An answer by another owner than the one before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::checks::failover) struct OwnerChange {
    /// When the first probe that the new one answered was sent.
    pub(in crate::checks::failover) at: f64,
    /// Index of the new owner, see [`StreamLog::owner`].
    pub(in crate::checks::failover) owner: u8,
}

/// What came back about a probe.
pub(super) struct ProbeAnswer {
    pub(super) number: u64,
    pub(super) sent: Option<u64>,
    pub(super) received: u64,
    pub(super) outcome: ProbeOutcome,
    pub(super) owner: Option<Identity>,
}

/// Everything a stream saw.
#[derive(Debug, Default)]
pub(in crate::checks::failover) struct StreamLog {
    /// What is certain, in the order of sending.
    pub(in crate::checks::failover) probes: Vec<ProbeResult>,
    /// Probes not sent because too many were in flight.
    pub(in crate::checks::failover) skipped: u64,
    /// Probes not sent because this side stood still while they were due.
    pub(in crate::checks::failover) missed: u64,
    /// Why the first probe that could not be sent could not.
    pub(in crate::checks::failover) fault: Option<Fault>,
    /// Why the first lost probe counts as lost.
    pub(in crate::checks::failover) first_loss: Option<String>,
    /// Second answers to a probe: two that hold one address, or a path that doubles packets.
    pub(in crate::checks::failover) duplicates: u64,
    /// Answers that came after one to a later probe.
    pub(in crate::checks::failover) reordered: u64,
    /// Round-trip times of answered probes, seconds.
    pub(in crate::checks::failover) latency: Option<Samples>,
    /// From due to sent, seconds.
    pub(in crate::checks::failover) lateness: Option<Samples>,
    /// Probes sent more than an interval after they were due.
    pub(in crate::checks::failover) behind: u64,
    /// The longest times between two arrivals.
    pub(in crate::checks::failover) gaps: Vec<Gap>,
    /// When the last answer came.
    pub(in crate::checks::failover) last_arrival: Option<f64>,
    /// Changes of the owner, the first one included.
    pub(in crate::checks::failover) changes: Vec<OwnerChange>,
    /// Changes beyond those.
    pub(in crate::checks::failover) more_changes: u64,
    /// Over time, for the report.
    pub(in crate::checks::failover) series: Series,
    /// More happened than is kept.
    pub(in crate::checks::failover) full: bool,
    /// Of a stream that writes numbered values.
    pub(in crate::checks::failover) writes: Option<WriteLog>,
    identities: Vec<Identity>,
    pending: VecDeque<Pending>,
    /// Number of the first that is pending.
    base: u64,
    /// Highest number answered so far.
    highest: Option<u64>,
    /// Kept results alike at the end of `probes`.
    alike: usize,
    /// When probes were sent late, and how late.
    late: VecDeque<(f64, f64)>,
    /// When phases ended, of which a probe has not yet passed.
    cuts: VecDeque<f64>,
    interval: f64,
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / NANOS
}

impl StreamLog {
    /// Of a stream with this time between two probes, seconds.
    pub(super) fn new(interval: f64) -> Self {
        let samples = || Some(Samples::scaled(NANOS));
        Self { series: Series::new(interval), interval, latency: samples(), lateness: samples(), ..Self::default() }
    }

    /// Who the owner of this index is; `None` where answers do not tell.
    pub(in crate::checks::failover) fn owner(&self, index: u8) -> Option<&Identity> {
        self.identities.get(usize::from(index).checked_sub(1)?)
    }

    /// Names the owners, from index 1 on.
    #[cfg(test)]
    pub(in crate::checks::failover) fn name_owners(&mut self, names: &[&str]) {
        self.identities = names.iter().map(|name| (*name).into()).collect();
    }

    /// What is alike before and behind this moment is kept apart.
    pub(super) fn cut(&mut self, at: f64) {
        self.cuts.push_back(at);
    }

    /// A probe leaves.
    pub(super) fn sent(&mut self, number: u64, due: u64, sent: u64) {
        if let Some(writes) = &mut self.writes {
            writes.sent(number);
        }
        if self.pending.is_empty() {
            self.base = number;
        }
        // Those that were skipped left no trace.
        while self.base + (self.pending.len() as u64) < number {
            let nothing = Pending { due, sent: due, received: due, outcome: Some(ProbeOutcome::Skipped), owner: 0 };
            self.pending.push_back(nothing);
        }
        self.pending.push_back(Pending { due, sent, received: sent, outcome: None, owner: 0 });
        let lateness = seconds(sent.saturating_sub(due));
        if lateness > self.interval / 4.0 {
            self.late.push_back((seconds(sent), lateness));
            self.late.drain(..self.late.len().saturating_sub(LATE));
        }
    }

    /// Probes whose end is not certain, and that wait for an answer at `now`.
    pub(super) fn waiting(&self, until: f64, timeout: u64, now: u64) -> bool {
        // The oldest may be lost for long while younger ones still have their time.
        let mut open = self.pending.iter().filter(|probe| seconds(probe.due) < until && probe.outcome.is_none());
        open.any(|probe| now < probe.sent.saturating_add(timeout))
    }

    /// Takes in what came back.
    pub(super) fn take(&mut self, answer: ProbeAnswer) {
        let ProbeAnswer { number, sent, received, outcome, owner } = answer;
        let owner = owner.map_or(0, |owner| self.index(owner));
        let answered = outcome == ProbeOutcome::Answered;
        if answered {
            if let Some(writes) = &mut self.writes {
                writes.acknowledged(number);
            }
            self.arrived(number, seconds(received));
        }
        let Some(probe) = number.checked_sub(self.base).and_then(|at| self.pending.get_mut(usize::try_from(at).ok()?))
        else {
            self.duplicates += u64::from(answered);
            return;
        };
        match probe.outcome {
            Some(ProbeOutcome::Answered) => self.duplicates += u64::from(answered),
            // An error on the way may come before the answer by another.
            Some(_) if !answered => {}
            _ => {
                probe.sent = sent.unwrap_or(probe.sent).max(probe.due);
                (probe.received, probe.outcome, probe.owner) = (received.max(probe.sent), Some(outcome), owner);
            }
        }
    }

    fn arrived(&mut self, number: u64, at: f64) {
        if self.highest.is_some_and(|highest| number < highest) {
            self.reordered += 1;
        }
        self.highest = self.highest.max(Some(number));
        if let Some(last) = self.last_arrival
            && at - last > self.interval * 2.0
        {
            let around =
                self.late.iter().filter(|(sent, _)| *sent >= last - self.interval && *sent <= at + self.interval);
            let lateness = around.map(|(_, lateness)| *lateness).fold(0.0, f64::max);
            self.gaps.push(Gap { from: last, until: at, lateness });
            if self.gaps.len() > GAPS * 2 {
                self.gaps.sort_by(|a, b| b.length().total_cmp(&a.length()));
                self.gaps.truncate(GAPS);
            }
        }
        self.last_arrival = Some(self.last_arrival.map_or(at, |last| last.max(at)));
    }

    fn index(&mut self, owner: Identity) -> u8 {
        let known = self.identities.iter().position(|known| *known == owner);
        let at = known.unwrap_or_else(|| {
            if self.identities.len() < IDENTITIES {
                let others = self.identities.len() + 1 == IDENTITIES;
                self.identities.push(if others { "others".into() } else { owner });
            }
            self.identities.len() - 1
        });
        u8::try_from(at + 1).unwrap_or(u8::MAX)
    }

    /// Settles the oldest probes: those that were answered, and without one those that were sent before `lost`, or that are more than
    /// `capacity`. Gives the numbers of the latter.
    pub(super) fn settle(&mut self, now: u64, lost: u64, (timeout, capacity): (u64, usize), given_up: &mut Vec<u64>) {
        while let Some(probe) = self.pending.front() {
            let crowded = self.pending.len() > capacity;
            let certain = match probe.outcome {
                Some(_) => crowded || probe.sent.saturating_add(RETAINED) < now,
                None => crowded || probe.sent < lost,
            };
            if !certain {
                return;
            }
            if probe.outcome.is_none() {
                given_up.push(self.base);
            }
            self.settle_one(timeout);
        }
    }

    /// Settles all. Of those due from `until` on nobody waited for the answers, so only those count that came.
    pub(super) fn finish(&mut self, timeout: u64, until: f64) {
        self.pending.retain(|probe| probe.outcome.is_some() || seconds(probe.due) < until);
        while !self.pending.is_empty() {
            self.settle_one(timeout);
        }
    }

    /// What became so far of the probes due before `until`; those without an answer are lost.
    pub(super) fn so_far(&self, until: f64, timeout: u64) -> Vec<ProbeResult> {
        let settled = self.probes.iter().copied();
        let pending = self.pending.iter().filter_map(|probe| probe.result(timeout));
        settled.chain(pending).filter(|probe| probe.due < until).collect()
    }

    /// What is certain by `now` of the probes, from the first to the last before one that may still be answered in time.
    pub(super) fn certain(&self, now: u64, timeout: u64) -> Vec<ProbeResult> {
        let is_certain = |probe: &&Pending| {
            probe.outcome.is_some() || probe.sent.saturating_add(timeout).saturating_add(UNREAD) < now
        };
        let pending = self.pending.iter().take_while(is_certain).filter_map(|probe| probe.result(timeout));
        self.probes.iter().copied().chain(pending).collect()
    }

    fn settle_one(&mut self, timeout: u64) {
        let Some(probe) = self.pending.pop_front() else { return };
        self.base += 1;
        let Some(result) = probe.result(timeout) else { return };
        let ProbeResult { due, sent, outcome, .. } = result;
        if let Some(lateness) = &mut self.lateness {
            lateness.record(sent - due);
        }
        if let Some(latency) = self.latency.as_mut().filter(|_| outcome == ProbeOutcome::Answered) {
            latency.record(result.latency());
        }
        self.behind += u64::from(sent - due > self.interval);
        let owner = self.owner(probe.owner).cloned();
        let rtt = (outcome == ProbeOutcome::Answered).then(|| result.latency());
        self.series.push(Run::of(sent, result.word(), rtt, owner));
        self.owned(&result);
        self.keep(result);
    }

    fn owned(&mut self, result: &ProbeResult) {
        let same = self.changes.last().is_some_and(|last| last.owner == result.owner);
        if result.owner == 0 || same {
            return;
        }
        if self.changes.len() < CHANGES {
            self.changes.push(OwnerChange { at: result.sent, owner: result.owner });
        } else {
            self.more_changes += 1;
        }
    }

    /// Keeps a result; of many alike the middle one goes.
    fn keep(&mut self, result: ProbeResult) {
        let mut apart = false;
        while self.cuts.front().is_some_and(|cut| *cut <= result.due) {
            self.cuts.pop_front();
            apart = true;
        }
        let alike = self.probes.last().is_some_and(|last| self.is_like(last, &result));
        self.alike = if alike && !apart { self.alike + 1 } else { 1 };
        if self.probes.len() >= KEPT && self.alike <= 2 * EDGE {
            self.full = true;
            return;
        }
        self.probes.push(result);
        if self.alike > 2 * EDGE {
            self.alike -= 1;
            let at = self.probes.len() - 1 - EDGE;
            let dropped = self.probes.remove(at);
            if let Some(before) = at.checked_sub(1).and_then(|at| self.probes.get_mut(at)) {
                before.dropped.take(before.sent, &dropped);
            }
        }
    }

    fn is_like(&self, last: &ProbeResult, next: &ProbeResult) -> bool {
        let prompt = next.ended - last.sent <= self.interval * PROMPT + last.latency() * 2.0;
        let same = last.outcome == next.outcome && last.owner == next.owner && last.late == next.late;
        same && (prompt || next.outcome != ProbeOutcome::Answered)
    }
}

impl Dropped {
    /// Takes in the one behind those that are dropped already; `sent` is when the one before them was.
    fn take(&mut self, sent: f64, next: &ProbeResult) {
        let before = if self.count == 0 { sent } else { self.last_sent };
        self.count += 1;
        self.stretch = self.stretch.max(next.ended - before);
        self.last_sent = next.sent;
    }
}

#[cfg(test)]
mod tests;
