//! How long the service was away, from a stream of probes: pure arithmetic, no clock.
//!
//! A probe touches the service at one moment we do not see, some travel time after it was sent. Travel times have a
//! constant part, the same for every probe, which shifts the whole picture and changes no length; and a varying part.
//! So, on the shifted time axis:
//! - an **answered** probe proves the service up at some moment in `[sent, sent + latency - fastest]`;
//! - a **lost** probe proves it down at some moment in `[sent, sent + slowest]`, where `slowest` is the slowest answer of the
//!   steady phase (and never later than when the loss was known): it may be lost at any moment of its life, on its way or
//!   while the service works on it. A probe that is sent later by more than the spread of the steady phase and is answered met
//!   the service after that moment, though;
//! - a probe that this side could not send proves nothing, and is left out, which widens the bounds.
//!
//! Everything below follows from these intervals alone. In particular a probe answered late, because a retransmission or
//! a queue carried it over the outage, proves nothing about the time in between.

use crate::probe::ProbeFailure;

/// How one probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProbeOutcome {
    /// The service answered.
    Answered,
    /// It did not, or this host did not let the probe leave.
    Failed(ProbeFailure),
    /// This side could not ask.
    NotSent,
    /// It was never begun.
    Skipped,
}

/// One probe; times in seconds since the start of the stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProbeResult {
    /// When it was due.
    pub(super) due: f64,
    pub(super) sent: f64,
    pub(super) ended: f64,
    pub(super) outcome: ProbeOutcome,
    /// The answer took longer than the timeout.
    pub(super) late: bool,
    /// Who answered; 0 where that is not known.
    pub(super) owner: u8,
    /// Those behind it that are like it and not kept.
    pub(super) dropped: Dropped,
}

/// Probes behind a kept one that are like it, and are not kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dropped {
    /// How many.
    pub(super) count: u32,
    /// Longest time from the sending of one of them, or of the one before, to the answer to the next.
    pub(super) stretch: f64,
    /// When the last of them was sent.
    pub(super) last_sent: f64,
}

impl ProbeResult {
    pub(super) fn new(due: f64, sent: f64, ended: f64, outcome: ProbeOutcome) -> Self {
        Self { due, sent, ended, outcome, late: false, owner: 0, dropped: Dropped::default() }
    }

    pub(super) fn latency(&self) -> f64 {
        self.ended - self.sent
    }

    pub(super) fn is_answered(&self) -> bool {
        self.outcome == ProbeOutcome::Answered
    }

    pub(super) fn is_failed(&self) -> bool {
        matches!(self.outcome, ProbeOutcome::Failed(_))
    }

    /// How many it stands for.
    pub(super) fn count(&self) -> u64 {
        1 + u64::from(self.dropped.count)
    }

    /// Its word in reports.
    pub(super) fn word(&self) -> &'static str {
        match self.outcome {
            ProbeOutcome::Answered if self.late => "late",
            ProbeOutcome::Answered => "answered",
            ProbeOutcome::Failed(failure) => failure.word(),
            ProbeOutcome::NotSent | ProbeOutcome::Skipped => "not_sent",
        }
    }
}

/// How travel times vary.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TravelTimes {
    /// Latency of the fastest answered probe.
    pub(super) fastest: f64,
    /// Latency of the slowest answer of the steady phase: how long a lost probe may have lived.
    pub(super) slowest: f64,
}

impl TravelTimes {
    /// From all probes, and those of the steady phase before the fault.
    pub(super) fn of(all: &[ProbeResult], steady: &[ProbeResult]) -> Self {
        let latencies = |probes: &[ProbeResult]| -> Vec<f64> {
            probes.iter().filter(|probe| probe.is_answered()).map(ProbeResult::latency).collect()
        };
        let fastest = latencies(all).into_iter().reduce(f64::min).unwrap_or_default();
        let slowest = latencies(steady).into_iter().reduce(f64::max).unwrap_or(fastest);
        Self { fastest, slowest }
    }

    /// Latest moment at which the service was away for a lost probe.
    fn end_of_life(&self, probe: &ProbeResult) -> f64 {
        probe.sent + self.slowest.min(probe.latency())
    }

    /// Latest moment at which `probe` touched the service. What is sent later, and is answered, met it after the outage.
    fn latest(&self, probe: &ProbeResult) -> f64 {
        match probe.outcome {
            ProbeOutcome::Answered => probe.sent + (probe.latency() - self.fastest).max(0.0),
            ProbeOutcome::Failed(_) | ProbeOutcome::NotSent | ProbeOutcome::Skipped => {
                probe.sent + (self.slowest - self.fastest).max(0.0).min(probe.latency())
            }
        }
    }
}

/// Consecutive losses without a proof of life between them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outage {
    /// When the first lost probe was due.
    pub(super) due: f64,
    /// When the first lost probe was sent.
    pub(super) first: f64,
    /// When the last lost probe was due.
    pub(super) last: f64,
    /// Lost probes.
    pub(super) losses: u64,
    /// The service was away at least this long.
    pub(super) lo: f64,
    /// And at most this long; `None` when it never answered again (or never had before).
    pub(super) hi: Option<f64>,
    /// When the answer came that proves the end.
    pub(super) resumed: Option<f64>,
}

/// The probes that prove something, in the order sent. For the question how long the service was away, one whose answer came after its
/// timeout was not answered: a packet that takes longer than the forwarding delay threshold is impaired (RFC 6412), and whoever asked
/// has given up.
pub(super) fn conclusive(probes: &[ProbeResult], timeout: f64) -> Vec<ProbeResult> {
    let known = probes.iter().copied().filter(|probe| probe.is_answered() || probe.is_failed());
    let impaired = |probe: ProbeResult| {
        if !probe.late {
            return probe;
        }
        ProbeResult { outcome: ProbeOutcome::Failed(ProbeFailure::Lost), ended: probe.sent + timeout, ..probe }
    };
    let mut known: Vec<ProbeResult> = known.map(impaired).collect();
    known.sort_by(|a, b| a.sent.total_cmp(&b.sent));
    known
}

/// The outages of at least `isolated` losses. `probes` as [`conclusive`] gives them.
pub(super) fn outages(probes: &[ProbeResult], travel: &TravelTimes, isolated: u64) -> Vec<Outage> {
    let mut found = Vec::new();
    let certainly = ProofsOfLife::of(probes, travel);
    let mut run: Option<(usize, usize, u64)> = None;
    for (index, probe) in probes.iter().enumerate() {
        if !probe.is_failed() {
            continue;
        }
        run = Some(match run {
            Some((first, last, losses)) if !answered_between(probes, travel, last, index) => {
                (first, index, losses + probe.count())
            }
            closed => {
                found.extend(closed);
                (index, index, probe.count())
            }
        });
    }
    found.extend(run);
    found
        .into_iter()
        .filter(|(_, _, losses)| *losses >= isolated)
        .filter_map(|(first, last, losses)| outage(probes, travel, &certainly, (first, last, losses)))
        .collect()
}

/// Whether an answer proves the service up after loss `before` and before loss `after`.
fn answered_between(probes: &[ProbeResult], travel: &TravelTimes, before: usize, after: usize) -> bool {
    let (Some(earlier), Some(later)) = (probes.get(before), probes.get(after)) else { return false };
    let from = travel.latest(earlier);
    probes
        .get(before..after)
        .unwrap_or_default()
        .iter()
        .any(|probe| probe.is_answered() && probe.sent >= from && travel.latest(probe) <= later.sent)
}

fn outage(
    probes: &[ProbeResult],
    travel: &TravelTimes,
    certainly: &ProofsOfLife,
    (first, last, losses): (usize, usize, u64),
) -> Option<Outage> {
    let (begin, end) = (probes.get(first)?, probes.get(last)?);
    let before =
        probes.get(..first)?.iter().rposition(|probe| probe.is_answered() && travel.latest(probe) <= begin.sent);
    let down_until = travel.latest(end);
    let after = probes
        .get(last..)?
        .iter()
        .filter(|probe| probe.is_answered() && probe.sent >= down_until)
        .min_by(|a, b| travel.latest(a).total_cmp(&travel.latest(b)));
    Some(Outage {
        due: begin.due,
        first: begin.sent,
        last: end.due,
        losses,
        lo: certainly.down(probes.get(first..=last)?, travel),
        // A late answer among the losses may stand anywhere between them: the outage may have begun behind it as well.
        hi: before.zip(after).and_then(|(before, _)| longest_from(probes, travel, before, down_until)),
        resumed: after.map(|probe| probe.ended),
    })
}

/// Proofs of life, for the question whether one may stand between two losses.
struct ProofsOfLife {
    /// Latest moment of each answered probe, ascending, and the earliest moment of it and all behind it.
    answers: Vec<(f64, f64)>,
}

impl ProofsOfLife {
    fn of(probes: &[ProbeResult], travel: &TravelTimes) -> Self {
        let answered = probes.iter().filter(|probe| probe.is_answered());
        let mut answers: Vec<(f64, f64)> = answered.map(|probe| (travel.latest(probe), probe.sent)).collect();
        answers.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut earliest = f64::INFINITY;
        for answer in answers.iter_mut().rev() {
            earliest = earliest.min(answer.1);
            answer.1 = earliest;
        }
        Self { answers }
    }

    /// The earliest moment of a proof of life that may stand after `moment`.
    fn next_proof(&self, moment: f64) -> f64 {
        let at = self.answers.partition_point(|(latest, _)| *latest <= moment);
        self.answers.get(at).map_or(f64::INFINITY, |(_, earliest)| *earliest)
    }

    /// The longest time for which the service was away whenever in its life each of these probes was lost: from the latest
    /// end of one to the sending of another, where no proof of life may stand between the two.
    fn down(&self, probes: &[ProbeResult], travel: &TravelTimes) -> f64 {
        let lost = || probes.iter().filter(|probe| probe.is_failed());
        let mut ends: Vec<(f64, f64)> = lost().map(|probe| (travel.end_of_life(probe), probe.sent)).collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut latest_sent = f64::NEG_INFINITY;
        for end in &mut ends {
            latest_sent = latest_sent.max(end.1);
            end.1 = latest_sent;
        }
        let from = |first: &ProbeResult| {
            let until = self.next_proof(first.sent);
            let count = ends.partition_point(|(latest, _)| *latest <= until);
            let last = ends.get(count.checked_sub(1)?)?;
            Some(last.1 - travel.end_of_life(first))
        };
        lost().filter_map(from).fold(0.0, f64::max)
    }
}

/// The longest outage that can have begun between answered probe `before` and time `until`.
fn longest_from(probes: &[ProbeResult], travel: &TravelTimes, before: usize, until: f64) -> Option<f64> {
    let candidates = probes.iter().enumerate().skip(before).take_while(|(_, probe)| probe.sent <= until);
    candidates
        .filter(|(_, probe)| probe.is_answered())
        .filter_map(|(index, probe)| {
            let proof = next_proof(probes, travel, index)?;
            // Those that were dropped were answered too.
            let Dropped { count, stretch, last_sent } = probe.dropped;
            Some(if count == 0 { proof - probe.sent } else { (proof - last_sent).max(stretch - travel.fastest) })
        })
        .reduce(f64::max)
}

/// The earliest time by which a probe sent after the one at `index` proves the service up.
fn next_proof(probes: &[ProbeResult], travel: &TravelTimes, index: usize) -> Option<f64> {
    let mut earliest: Option<f64> = None;
    for probe in probes.iter().skip(index + 1) {
        if earliest.is_some_and(|proof| probe.sent >= proof) {
            break;
        }
        if probe.is_answered() {
            let proof = travel.latest(probe);
            earliest = Some(earliest.map_or(proof, |known| known.min(proof)));
        }
    }
    earliest
}

/// The longest outage the stream leaves room for, among those that began in `from..until`: the longest stretch without a
/// proof of life, and of one that began earlier only the part from `from` on. `None` without answers. Covers outages that
/// cost no probe at all, because all were answered late.
pub(super) fn longest_possible(probes: &[ProbeResult], travel: &TravelTimes, from: f64, until: f64) -> Option<f64> {
    let mut next_proof = f64::INFINITY;
    let mut longest: Option<f64> = None;
    for probe in probes.iter().rev().filter(|probe| probe.is_answered()) {
        if next_proof.is_finite() && probe.sent < until && next_proof >= from {
            longest = Some(longest.unwrap_or(0.0).max(next_proof - probe.sent.max(from)));
        }
        next_proof = next_proof.min(travel.latest(probe));
    }
    longest
}

/// Most neighbouring probes that this side could not send.
pub(super) fn longest_unsent_run(probes: &[ProbeResult]) -> usize {
    let mut sorted = probes.to_vec();
    sorted.sort_by(|a, b| a.due.total_cmp(&b.due));
    sorted
        .chunk_by(|a, b| a.outcome == b.outcome)
        .filter(|run| run.iter().all(|s| s.outcome == ProbeOutcome::NotSent))
        .map(<[_]>::len)
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
