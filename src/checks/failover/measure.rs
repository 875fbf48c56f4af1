//! What a stream came to: pure arithmetic over its log and the times of the phases.

use std::time::Duration;

use super::degraded::{self, Degraded};
use super::isolated;
use super::outage::{Outage, ProbeResult, TravelTimes, conclusive, longest_possible, outages};
use super::settings::Phases;
use super::stream::{Finished, Gap, StreamLog};
use crate::model::Interval;

/// Samples of the rate have so many probes (RFC 6412 leaves the sampling interval to the tester).
const SAMPLE: f64 = 10.0;
/// Intervals, beside twice the slowest answer of the steady phase, within which an answer is prompt.
const PROMPT: f64 = 8.0;

/// When the phases began and ended; seconds since the start of the streams.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PhaseTimes {
    /// End of the first steady phase.
    pub(super) steady: f64,
    /// The inject command ended; without a disruption the same as `steady`.
    pub(super) injected: f64,
    /// The restore command was asked for; without a disruption the end of `observe`.
    pub(super) restoring: f64,
    /// Start of the last steady phase.
    pub(super) after: f64,
    /// And its end.
    pub(super) end: f64,
}

impl PhaseTimes {
    /// Name, beginning and end of each phase; empty ones have not begun.
    pub(super) fn phases(&self) -> [(&'static str, f64, f64); 5] {
        [
            ("`steady`", 0.0, self.steady),
            ("`inject`", self.steady, self.injected),
            ("`observe`", self.injected, self.restoring),
            ("`restore` and `settle`", self.restoring, self.after),
            ("the last `steady`", self.after, self.end),
        ]
    }
}

/// What one stream came to. Times are seconds.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// The longest outage before `restore`.
    pub(super) outage: Interval,
    /// All outages before `restore` together.
    pub(super) downtime: Interval,
    /// The longest that began with or after `restore`, or the rest of one that it ended.
    pub(super) failback: Interval,
    /// Outages before `restore`, and with or after it.
    pub(super) main: Vec<Outage>,
    pub(super) after_restore: Vec<Outage>,
    /// Of both, those that reach into the last steady phase; and times in which a share failed that do.
    pub(super) after: usize,
    /// Longest time between two answers, before `restore`; `None` without answers.
    pub(super) gap: Option<f64>,
    /// Times in which only a share of the probes was answered.
    pub(super) degraded: Vec<Degraded>,
    /// Probes without an answer, and late ones, after the first steady phase.
    pub(super) lost: u64,
    pub(super) late: u64,
    pub(super) sent: u64,
    /// Probes before `restore` without an answer, or with a late one.
    pub(super) impaired: u64,
    /// When the first and the last of those were sent.
    pub(super) failing: Option<(f64, f64)>,
    /// No probe was lost or late in the last steady phase.
    pub(super) steady_after: bool,
    pub(super) recovered: bool,
    /// From the end of `inject`: to the first failed probe, to the first answer after the first outage, to the one that lasted.
    pub(super) detected_after: Option<f64>,
    pub(super) answered_after: Option<f64>,
    pub(super) recovered_after: Option<f64>,
    /// Consecutive failures that make an outage.
    pub(super) isolated: u64,
}

/// The arithmetic over one stream.
pub(super) fn measure(
    stream: &Finished,
    times: &PhaseTimes,
    phases: &Phases,
    (interval, timeout): (f64, f64),
) -> Measured {
    let log = &stream.log;
    let probes = conclusive(&log.probes, timeout);
    let steady: Vec<ProbeResult> = probes.iter().copied().filter(|probe| probe.due < times.steady).collect();
    let travel = TravelTimes::of(&probes, &steady);
    let background = isolated::Background::of(&steady);
    let isolated = phases.isolated.map_or_else(|| background.isolated(total(&probes)), u64::from);
    let runs: Vec<Outage> = outages_of(&probes, &travel, interval);
    let (all, degraded) = degraded::split(&runs, isolated, (interval, phases.settle.as_secs_f64()));
    let after = all.iter().filter(|outage| outage.last >= times.after).count()
        + degraded.iter().filter(|share| share.until >= times.after).count();
    let (main, after_restore): (Vec<Outage>, Vec<Outage>) =
        all.into_iter().partition(|outage| outage.first < times.restoring);
    let most = |from, until| most(&probes, &travel, (from, until));
    let gaps = Gaps { stream, travel, interval };
    let mut measured = Measured {
        outage: longest(&main, most(0.0, times.restoring), gaps.least(0.0, times.restoring)),
        downtime: main.iter().map(bounds).sum(),
        gap: gaps.longest((0.0, times.restoring), times.end),
        after,
        degraded,
        sent: total(&log.probes),
        isolated,
        ..Measured::default()
    };
    let open = main.iter().any(|outage| outage.hi.is_none());
    let failback_most = most(times.restoring, f64::INFINITY).filter(|_| !open);
    let since = gaps.least(times.restoring, f64::INFINITY);
    measured.failback = longest(&after_restore, failback_most, since);
    counts(&mut measured, &log.probes, times);
    recovery(&mut measured, &main, times, phases);
    (measured.main, measured.after_restore) = (main, after_restore);
    measured
}

/// The same while it goes on, of what is certain by now: what of it has a lower bound only grows. The disruption began with the end of
/// the first steady phase, and lasts for `longest` at most.
pub(super) fn so_far(
    probes: Vec<ProbeResult>,
    steady: f64,
    (phases, longest): (&Phases, Duration),
    (interval, timeout): (Duration, Duration),
) -> Measured {
    let (interval, timeout) = (interval.as_secs_f64(), timeout.as_secs_f64());
    let before: Vec<ProbeResult> = probes.iter().copied().filter(|probe| probe.due < steady).collect();
    // The more probes, the more failures in a row are chance: it counts how many there will be at the end.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of probes")]
    let all = ((phases.steady + longest).as_secs_f64() / interval) as u64;
    let chance = isolated::Background::of(&conclusive(&before, timeout)).isolated(all);
    let isolated = phases.isolated.unwrap_or_else(|| u32::try_from(chance).unwrap_or(u32::MAX));
    let phases = Phases { isolated: Some(isolated), ..*phases };
    let open = f64::INFINITY;
    let times = PhaseTimes { steady, injected: steady, restoring: open, after: open, end: open };
    let mut log = StreamLog::default();
    log.probes = probes;
    measure(&Finished { log, ..Finished::default() }, &times, &phases, (interval, timeout))
}

fn total(probes: &[ProbeResult]) -> u64 {
    probes.iter().map(ProbeResult::count).sum()
}

/// Failures in a row. What was dropped between two windows parts them where it was answered promptly; what a queue let go at once,
/// after an outage, does not.
fn outages_of(probes: &[ProbeResult], travel: &TravelTimes, interval: f64) -> Vec<Outage> {
    let prompt = interval * PROMPT + travel.slowest * 2.0;
    let parts = |probe: &ProbeResult| probe.is_answered() && probe.dropped.count > 0 && probe.dropped.stretch <= prompt;
    probes.split_inclusive(parts).flat_map(|window| outages(window, travel, 1)).collect()
}

/// What happens without a break: between two of these, everything was answered.
fn windows(probes: &[ProbeResult]) -> impl Iterator<Item = &[ProbeResult]> {
    probes.split_inclusive(|probe| probe.is_answered() && probe.dropped.count > 0)
}

/// The longest outage that the stream leaves room for, among those that began in a time.
fn most(probes: &[ProbeResult], travel: &TravelTimes, (from, until): (f64, f64)) -> Option<f64> {
    let of_windows = windows(probes).filter_map(|window| longest_possible(window, travel, from, until));
    let quiet = probes.windows(2).filter_map(|pair| {
        let [before, next] = pair else { return None };
        let within = before.is_answered() && before.dropped.count > 0 && before.sent < until && next.sent >= from;
        within.then(|| before.dropped.stretch.max(next.ended - before.dropped.last_sent) - travel.fastest)
    });
    of_windows.chain(quiet).reduce(f64::max)
}

fn bounds(outage: &Outage) -> Interval {
    Interval { lo: outage.lo, hi: outage.hi }
}

/// The longest of outages: at most what the stream leaves room for, and at least the longest time without an answer that is not
/// explained by the schedule. One that has no end has no upper bound.
fn longest(outages: &[Outage], most: Option<f64>, least: f64) -> Interval {
    let lo = outages.iter().map(|outage| outage.lo).fold(least, f64::max);
    let hi = most.filter(|_| outages.iter().all(|outage| outage.hi.is_some()));
    Interval { lo, hi }
}

/// The times without an arrival.
struct Gaps<'s> {
    stream: &'s Finished,
    travel: TravelTimes,
    interval: f64,
}

impl Gaps<'_> {
    fn log(&self) -> &StreamLog {
        &self.stream.log
    }

    /// The longest that began in a time; that at the end has lasted at least until then.
    fn longest(&self, (from, until): (f64, f64), end: f64) -> Option<f64> {
        let last = self.log().last_arrival?;
        let trailing = Gap { from: last, until: end.max(last), lateness: 0.0 };
        let own = self.log().gaps.iter().filter(|gap| gap.from >= from && gap.from < until);
        let trailing = Some(trailing).filter(|gap| gap.from < until && gap.length() > self.interval * 2.0);
        let all = own.chain(&trailing).map(Gap::length);
        Some(all.fold(0.0, f64::max))
    }

    /// For how long at least nothing was answered in a time: no answer came between two arrivals, though it was asked; the neighbours
    /// on either side, what answers vary by and what this side was late itself taken off. Zero where arrivals are stamped by
    /// tasks of this process, which wait for their turn.
    fn least(&self, from: f64, until: f64) -> f64 {
        if !self.stream.exact {
            return 0.0;
        }
        let varied = (self.travel.slowest - self.travel.fastest).max(0.0);
        let own = self.log().gaps.iter().filter(|gap| gap.from >= from && gap.from < until);
        own.map(|gap| gap.length() - self.interval * 2.0 - gap.lateness - varied).fold(0.0, f64::max)
    }
}

fn counts(measured: &mut Measured, probes: &[ProbeResult], times: &PhaseTimes) {
    measured.steady_after = true;
    for probe in probes.iter().filter(|probe| probe.due >= times.steady && (probe.is_failed() || probe.late)) {
        let counter = if probe.late { &mut measured.late } else { &mut measured.lost };
        *counter += probe.count();
        measured.steady_after &= probe.due < times.after;
        if probe.due < times.restoring {
            measured.impaired += probe.count();
            let first = measured.failing.map_or(probe.sent, |(first, _)| first);
            measured.failing = Some((first, probe.sent.max(probe.dropped.last_sent)));
        }
    }
}

fn recovery(measured: &mut Measured, main: &[Outage], times: &PhaseTimes, phases: &Phases) {
    let last = main.last();
    let resumed = last.and_then(|outage| outage.resumed);
    let lasting = times.restoring - phases.settle.as_secs_f64();
    let is_shared = measured.degraded.iter().any(|share| share.from < times.restoring && share.until > lasting);
    measured.recovered = !is_shared && (last.is_none() || resumed.is_some_and(|at| at <= lasting));
    let Some(first) = main.first() else { return };
    measured.detected_after = Some(first.due - times.injected);
    measured.answered_after = first.resumed.map(|at| at - times.injected);
    measured.recovered_after = resumed.filter(|_| measured.recovered).map(|at| at - times.injected);
}

impl Measured {
    /// Time before `restoring` in which only a share was answered, from the first failure to the last; and the largest share that
    /// failed.
    pub(super) fn degraded_before(&self, restoring: f64) -> (f64, f64) {
        let before = self.degraded.iter().filter(|one| one.from < restoring);
        before.fold((0.0, 0.0), |(length, share), one| {
            (length + one.until.min(restoring) - one.from, f64::max(share, one.share))
        })
    }

    /// Loss-derived convergence time (RFC 6412): probes impaired before `restore`, by the rate they were sent at.
    pub(super) fn loss_derived(&self, interval: f64) -> f64 {
        self.impaired as f64 * interval
    }

    /// Rate-derived convergence time (RFC 6412): from the first sample of the rate that is below the offered one to the
    /// first after which all are full again.
    pub(super) fn rate_derived(&self, interval: f64) -> f64 {
        let sample = interval * SAMPLE;
        self.failing.map_or(0.0, |(first, last)| ((last / sample).floor() - (first / sample).floor() + 1.0) * sample)
    }
}

#[cfg(test)]
mod tests {
    use super::outages_of;
    use crate::checks::failover::outage::{Dropped, ProbeOutcome, ProbeResult, TravelTimes};
    use crate::probe::ProbeFailure;

    /// One probe each millisecond, answered at a time or lost.
    fn probe(number: u32, answered: Option<f64>) -> ProbeResult {
        let sent = f64::from(number) / 1e3;
        match answered {
            Some(at) => ProbeResult::new(sent, sent, at, ProbeOutcome::Answered),
            None => ProbeResult::new(sent, sent, sent + 0.5, ProbeOutcome::Failed(ProbeFailure::Lost)),
        }
    }

    fn prompt(number: u32) -> ProbeResult {
        probe(number, Some((f64::from(number) + 1.0) / 1e3))
    }

    /// While ARP looks for a neighbour the kernel keeps some packets, and lets them go at once; of many alike the middle ones are dropped.
    #[test]
    fn what_a_queue_let_go_does_not_part_an_outage() {
        let held = |number| probe(number, Some(0.471));
        let mut probes: Vec<ProbeResult> = (0..100).map(prompt).collect();
        probes.extend((100..300).map(|number| probe(number, None)));
        probes.extend((300..332).map(held));
        probes[331].dropped = Dropped { count: 4, stretch: 0.14, last_sent: 0.335 };
        probes.extend((336..368).map(held));
        probes.extend((368..470).map(|number| probe(number, None)));
        probes.extend((470..600).map(prompt));
        let found = outages_of(&probes, &TravelTimes::of(&probes, &probes[..100]), 0.001);
        let [outage] = &*found else { panic!("{found:?}") };
        assert_eq!(outage.losses, 302);
        assert!(outage.hi.is_some_and(|hi| (hi - 0.371).abs() < 0.002), "{outage:?}");
    }

    /// A quiet time is no part of the outage behind it.
    #[test]
    fn what_was_answered_promptly_is_no_outage() {
        let mut probes: Vec<ProbeResult> = (0..100).map(prompt).collect();
        probes[99].dropped = Dropped { count: 10_000, stretch: 0.002, last_sent: 10.099 };
        probes.extend((10_100..10_200).map(prompt));
        probes.extend((10_200..10_300).map(|number| probe(number, None)));
        probes.extend((10_300..10_400).map(prompt));
        let found = outages_of(&probes, &TravelTimes::of(&probes, &probes[..100]), 0.001);
        let [outage] = &*found else { panic!("{found:?}") };
        assert!(outage.hi.is_some_and(|hi| (hi - 0.101).abs() < 0.002), "{outage:?}");
    }
}
