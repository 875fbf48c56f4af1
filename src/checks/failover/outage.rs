//! How long the service was away, from a stream of probes: pure arithmetic, no clock.
//!
//! A probe touches the service at one moment we do not see, some travel time after it was sent. Travel times have a
//! constant part, the same for every probe, which shifts the whole picture and changes no length; and a varying part.
//! So, on the shifted time axis:
//! - an **answered** probe proves the service up at some moment in `[sent, sent + latency - fastest]`;
//! - a **lost** probe proves it down at some moment in `[sent, sent + jitter]`, where `jitter` is the spread of the steady
//!   phase (and never later than when the loss was known);
//! - a probe that this side could not send proves nothing, and is left out, which widens the bounds.
//!
//! Everything below follows from these intervals alone. In particular a probe answered late, because a retransmission or
//! a queue carried it over the outage, proves nothing about the time in between.

/// How one probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProbeOutcome {
    /// The service answered.
    Answered,
    /// It did not.
    Lost,
    /// This side could not ask.
    NotSent,
}

/// One probe; times in seconds since the start of the stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProbeResult {
    /// When it was due.
    pub(super) due: f64,
    pub(super) sent: f64,
    pub(super) ended: f64,
    pub(super) outcome: ProbeOutcome,
}

impl ProbeResult {
    pub(super) fn latency(&self) -> f64 {
        self.ended - self.sent
    }
}

/// How travel times vary.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TravelTimes {
    /// Latency of the fastest answered probe.
    pub(super) fastest: f64,
    /// Slowest minus fastest answer of the steady phase.
    pub(super) jitter: f64,
}

impl TravelTimes {
    /// From all probes, and those of the steady phase before the fault.
    pub(super) fn of(all: &[ProbeResult], steady: &[ProbeResult]) -> Self {
        let latencies = |probes: &[ProbeResult]| -> Vec<f64> {
            probes.iter().filter(|probe| probe.outcome == ProbeOutcome::Answered).map(ProbeResult::latency).collect()
        };
        let fastest = latencies(all).into_iter().reduce(f64::min).unwrap_or_default();
        let slowest = latencies(steady).into_iter().reduce(f64::max).unwrap_or(fastest);
        Self { fastest, jitter: slowest - fastest }
    }

    /// Latest moment at which `probe` touched the service.
    fn latest(&self, probe: &ProbeResult) -> f64 {
        match probe.outcome {
            ProbeOutcome::Answered => probe.sent + (probe.latency() - self.fastest).max(0.0),
            ProbeOutcome::Lost | ProbeOutcome::NotSent => probe.sent + self.jitter.min(probe.latency()),
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
    /// Lost probes.
    pub(super) losses: u32,
    /// The service was away at least this long.
    pub(super) lo: f64,
    /// And at most this long; `None` when it never answered again (or never had before).
    pub(super) hi: Option<f64>,
    /// When the answer came that proves the end.
    pub(super) resumed: Option<f64>,
}

impl Outage {
    /// Middle of the bounds.
    pub(super) fn estimate(&self) -> Option<f64> {
        self.hi.map(|hi| f64::midpoint(self.lo, hi))
    }
}

/// The probes that prove something, in the order sent.
pub(super) fn conclusive(probes: &[ProbeResult]) -> Vec<ProbeResult> {
    let mut known: Vec<ProbeResult> =
        probes.iter().copied().filter(|probe| probe.outcome != ProbeOutcome::NotSent).collect();
    known.sort_by(|a, b| a.sent.total_cmp(&b.sent));
    known
}

/// The outages of at least `isolated` losses. `probes` as [`conclusive`] gives them.
pub(super) fn outages(probes: &[ProbeResult], travel: &TravelTimes, isolated: u32) -> Vec<Outage> {
    let mut found = Vec::new();
    let mut run: Option<(usize, usize, u32)> = None;
    for (index, probe) in probes.iter().enumerate() {
        if probe.outcome != ProbeOutcome::Lost {
            continue;
        }
        run = Some(match run {
            Some((first, last, losses)) if !answered_between(probes, travel, last, index) => (first, index, losses + 1),
            closed => {
                found.extend(closed);
                (index, index, 1)
            }
        });
    }
    found.extend(run);
    found
        .into_iter()
        .filter(|(_, _, losses)| *losses >= isolated)
        .filter_map(|(first, last, losses)| outage(probes, travel, first, last, losses))
        .collect()
}

/// Whether an answer proves the service up after loss `before` and before loss `after`.
fn answered_between(probes: &[ProbeResult], travel: &TravelTimes, before: usize, after: usize) -> bool {
    let (Some(earlier), Some(later)) = (probes.get(before), probes.get(after)) else { return false };
    let from = travel.latest(earlier);
    probes.get(before..after).unwrap_or_default().iter().any(|probe| {
        probe.outcome == ProbeOutcome::Answered && probe.sent >= from && travel.latest(probe) <= later.sent
    })
}

fn outage(probes: &[ProbeResult], travel: &TravelTimes, first: usize, last: usize, losses: u32) -> Option<Outage> {
    let (begin, end) = (probes.get(first)?, probes.get(last)?);
    let before = probes
        .get(..first)?
        .iter()
        .rposition(|probe| probe.outcome == ProbeOutcome::Answered && travel.latest(probe) <= begin.sent);
    let down_until = travel.latest(end);
    let after = probes
        .get(last..)?
        .iter()
        .filter(|probe| probe.outcome == ProbeOutcome::Answered && probe.sent >= down_until)
        .min_by(|a, b| travel.latest(a).total_cmp(&travel.latest(b)));
    Some(Outage {
        due: begin.due,
        first: begin.sent,
        losses,
        lo: (end.sent - travel.latest(begin)).max(0.0),
        hi: before.zip(after).and_then(|(before, _)| longest_from(probes, travel, before, travel.latest(begin))),
        resumed: after.map(|probe| probe.ended),
    })
}

/// The longest outage that can have begun between answered probe `before` and time `until`.
fn longest_from(probes: &[ProbeResult], travel: &TravelTimes, before: usize, until: f64) -> Option<f64> {
    let candidates = probes.iter().enumerate().skip(before).take_while(|(_, probe)| probe.sent <= until);
    candidates
        .filter(|(_, probe)| probe.outcome == ProbeOutcome::Answered)
        .filter_map(|(index, probe)| next_proof(probes, travel, index).map(|proof| proof - probe.sent))
        .reduce(f64::max)
}

/// The earliest time by which a probe sent after the one at `index` proves the service up.
fn next_proof(probes: &[ProbeResult], travel: &TravelTimes, index: usize) -> Option<f64> {
    let mut earliest: Option<f64> = None;
    for probe in probes.iter().skip(index + 1) {
        if earliest.is_some_and(|proof| probe.sent >= proof) {
            break;
        }
        if probe.outcome == ProbeOutcome::Answered {
            let proof = travel.latest(probe);
            earliest = Some(earliest.map_or(proof, |known| known.min(proof)));
        }
    }
    earliest
}

/// The longest outage the stream leaves room for, among those that began in `from..until`: the longest stretch without a
/// proof of life. `None` without answers. Covers outages that cost no probe at all, because all were answered late.
pub(super) fn longest_possible(probes: &[ProbeResult], travel: &TravelTimes, from: f64, until: f64) -> Option<f64> {
    let mut next_proof = f64::INFINITY;
    let mut longest: Option<f64> = None;
    for probe in probes.iter().rev().filter(|probe| probe.outcome == ProbeOutcome::Answered) {
        if next_proof.is_finite() && probe.sent < until && next_proof >= from {
            longest = Some(longest.unwrap_or(0.0).max(next_proof - probe.sent));
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
mod tests {
    use proptest::prelude::*;

    use super::{
        Outage, ProbeOutcome, ProbeResult, TravelTimes, conclusive, longest_possible, longest_unsent_run, outages,
    };

    /// One letter a probe, 10 ms apart: `.` answered within 1 ms, `x` lost, `?` not sent, `l` answered 95 ms late.
    fn stream(picture: &str) -> Vec<ProbeResult> {
        let probes = picture.chars().enumerate().map(|(n, letter)| {
            let sent = n as f64 * 0.010;
            let (outcome, latency) = match letter {
                'x' => (ProbeOutcome::Lost, 0.5),
                '?' => (ProbeOutcome::NotSent, 0.0),
                'l' => (ProbeOutcome::Answered, 0.096),
                _ => (ProbeOutcome::Answered, 0.001),
            };
            ProbeResult { due: sent, sent, ended: sent + latency, outcome }
        });
        probes.collect()
    }

    fn outages_of(picture: &str, isolated: u32) -> Vec<Outage> {
        let probes = stream(picture);
        outages(&conclusive(&probes), &TravelTimes::of(&probes, probes.get(..1).unwrap_or_default()), isolated)
    }

    /// Losses, lower and upper bound in whole milliseconds.
    fn brief(found: &[Outage]) -> Vec<(u32, i64, Option<i64>)> {
        #[expect(clippy::cast_possible_truncation, reason = "test data of some milliseconds")]
        let ms = |s: f64| (s * 1e3).round() as i64;
        found.iter().map(|e| (e.losses, ms(e.lo), e.hi.map(ms))).collect()
    }

    #[test]
    fn outages_and_bounds() {
        for (picture, isolated, want) in [
            ("......", 1, vec![]),
            ("..x...", 1, vec![(1, 0, Some(20))]),
            ("..xxx.", 1, vec![(3, 20, Some(40))]),
            // Two outages when an answer stands between them, one when nothing is known of the time between.
            ("..xx.x..", 1, vec![(2, 10, Some(30)), (1, 0, Some(20))]),
            ("..xx?x..", 1, vec![(3, 30, Some(50))]),
            // A late answer proves nothing about the time it was on its way.
            ("..xxlx..", 1, vec![(3, 30, Some(50))]),
            // Its arrival does bound an outage when nothing better does.
            ("..xxlll", 1, vec![(2, 10, Some(125))]),
            // Isolated losses are not outages.
            ("..x..x.xxx..", 3, vec![(3, 20, Some(40))]),
            // Never came back, never was there.
            ("...xxx", 1, vec![(3, 20, None)]),
            ("xxx...", 1, vec![(3, 20, None)]),
            ("", 1, vec![]),
        ] {
            assert_eq!(brief(&outages_of(picture, isolated)), want, "{picture}");
        }
    }

    #[test]
    fn the_end_of_an_outage_is_when_the_answer_came() {
        let found = outages_of("..xx..", 1);
        assert!((found[0].resumed.unwrap() - 0.041).abs() < 1e-9);
        assert!((found[0].first - 0.02).abs() < 1e-9);
        assert!(outages_of("..xx", 1)[0].resumed.is_none());
    }

    #[test]
    fn an_outage_that_only_delays_is_within_the_ceiling() {
        let of = |picture: &str| {
            let probes = stream(picture);
            longest_possible(&conclusive(&probes), &TravelTimes::of(&probes, &probes[..1]), 0.0, 1.0)
        };
        assert!((of("......").unwrap() - 0.010).abs() < 1e-9);
        // The last prompt answer was sent at 10 ms, the next proof is the prompt one sent at 60 ms.
        assert!((of("..llll...").unwrap() - 0.050).abs() < 1e-9);
        assert!((of("..xxx..").unwrap() - 0.040).abs() < 1e-9);
        assert_eq!(of("xxx"), None);
    }

    #[test]
    fn the_ceiling_counts_only_its_phase() {
        let probes = stream("..xxx......xx....");
        let travel = TravelTimes::of(&probes, &probes[..1]);
        let known = conclusive(&probes);
        assert!((longest_possible(&known, &travel, 0.0, 0.08).unwrap() - 0.040).abs() < 1e-9);
        assert!((longest_possible(&known, &travel, 0.08, 1.0).unwrap() - 0.030).abs() < 1e-9);
    }

    #[test]
    fn blindness_is_the_longest_run() {
        assert_eq!(longest_unsent_run(&stream("..?..???..??x")), 3);
        assert_eq!(longest_unsent_run(&stream("..x..")), 0);
    }

    #[derive(Clone, Debug)]
    struct World {
        interval: f64,
        travel: f64,
        jitter: f64,
        start: f64,
        length: f64,
        refuses: bool,
        /// Per probe: lateness of the sender and travel variation, both 0..1.
        noise: Vec<(f64, f64)>,
    }

    fn world() -> impl Strategy<Value = World> {
        (
            prop_oneof![Just(0.001), Just(0.010), Just(0.1)],
            0.0..0.05_f64,
            0.0..0.03_f64,
            0.2..0.5_f64,
            // With the latest start there is room behind it for answers that show its end, whatever their jitter.
            0.0..2.0_f64,
            any::<bool>(),
            proptest::collection::vec((0.0..1.0_f64, 0.0..1.0_f64), 600),
        )
            .prop_map(|(interval, travel, jitter, start, length, refuses, noise)| World {
                interval,
                travel,
                jitter,
                start: start * 600.0 * interval,
                length: length * 100.0 * interval,
                refuses,
                noise,
            })
    }

    impl World {
        fn stream(&self) -> Vec<ProbeResult> {
            let probe = |(n, (late, variation)): (usize, &(f64, f64))| {
                let due = n as f64 * self.interval;
                let sent = due + late * self.interval;
                // The very first is the fastest possible, so that the constant part is known.
                let jitter = if n == 0 { 0.0 } else { variation * self.jitter };
                let touches = sent + self.travel + jitter;
                let away = touches >= self.start && touches < self.start + self.length;
                let patience = if self.refuses { self.travel * 2.0 + jitter } else { 0.5 };
                let ended = if away { sent + patience } else { sent + self.travel * 2.0 + jitter };
                ProbeResult {
                    due,
                    sent,
                    ended,
                    outcome: if away { ProbeOutcome::Lost } else { ProbeOutcome::Answered },
                }
            };
            self.noise.iter().enumerate().map(probe).collect()
        }
    }

    proptest! {
        #[test]
        fn the_true_outage_is_within_the_bounds(world in world()) {
            let probes = world.stream();
            let known = conclusive(&probes);
            let travel = TravelTimes { fastest: world.travel * 2.0, jitter: world.jitter };
            let found = outages(&known, &travel, 1);
            let tiny = 1e-9;
            let most = longest_possible(&known, &travel, 0.0, f64::INFINITY).unwrap();
            prop_assert!(world.length <= most + tiny, "{} > ceiling {most}", world.length);
            if probes.iter().any(|probe| probe.outcome == ProbeOutcome::Lost) {
                prop_assert_eq!(found.len(), 1);
                let hi = found[0].hi.unwrap();
                prop_assert!(found[0].lo <= world.length + tiny, "lo {} > {}", found[0].lo, world.length);
                prop_assert!(world.length <= hi + tiny, "hi {hi} < {}", world.length);
                prop_assert!(hi <= most + tiny);
                // And tight: neighbours on both sides, with their lateness and variation.
                prop_assert!(hi - found[0].lo <= 4.0 * (world.interval + world.jitter) + 4.0 * world.interval);
            } else {
                prop_assert!(found.is_empty());
            }
        }
    }
}
