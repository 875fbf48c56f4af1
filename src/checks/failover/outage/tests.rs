//! Pictures of streams, and streams whose truth is known.

use proptest::prelude::*;

use super::{
    Outage, ProbeOutcome, ProbeResult, TravelTimes, conclusive, longest_possible, longest_unsent_run, outages,
};
use crate::probe::ProbeFailure;

/// One letter a probe, 10 ms apart: `.` answered within 1 ms, `x` lost, `?` not sent, `l` answered 95 ms late.
fn stream(picture: &str) -> Vec<ProbeResult> {
    let probes = picture.chars().enumerate().map(|(n, letter)| {
        let sent = n as f64 * 0.010;
        let (outcome, latency) = match letter {
            'x' => (ProbeOutcome::Failed(ProbeFailure::Lost), 0.5),
            '?' => (ProbeOutcome::NotSent, 0.0),
            'l' => (ProbeOutcome::Answered, 0.096),
            _ => (ProbeOutcome::Answered, 0.001),
        };
        ProbeResult::new(sent, sent, sent + latency, outcome)
    });
    probes.collect()
}

fn outages_of(picture: &str, isolated: u64) -> Vec<Outage> {
    let probes = stream(picture);
    outages(&conclusive(&probes, 0.5), &TravelTimes::of(&probes, probes.get(..1).unwrap_or_default()), isolated)
}

/// Losses, lower and upper bound in whole milliseconds.
fn brief(found: &[Outage]) -> Vec<(u64, i64, Option<i64>)> {
    #[expect(clippy::cast_possible_truncation, reason = "test data of some milliseconds")]
    let ms = |s: f64| (s * 1e3).round() as i64;
    found.iter().map(|e| (e.losses, ms(e.lo), e.hi.map(ms))).collect()
}

#[test]
fn outages_and_bounds() {
    for (picture, isolated, want) in [
        ("......", 1, vec![]),
        ("..x...", 1, vec![(1, 0, Some(20))]),
        ("..xxx.", 1, vec![(3, 19, Some(40))]),
        // Two outages when an answer stands between them, one when nothing is known of the time between.
        ("..xx.x..", 1, vec![(2, 9, Some(30)), (1, 0, Some(20))]),
        ("..xx?x..", 1, vec![(3, 29, Some(50))]),
        // A late answer proves nothing about the time it was on its way: it may stand between the losses, or not.
        ("..xxlx..", 1, vec![(3, 9, Some(50))]),
        // Its arrival does bound an outage when nothing better does.
        ("..xxlll", 1, vec![(2, 9, Some(125))]),
        // Where it can only stand before most of the losses, the outage may have begun behind it: 170 ms are certain.
        (&*format!("..xl{}.", "x".repeat(27)), 1, vec![(28, 169, Some(280))]),
        // Isolated losses are not outages.
        ("..x..x.xxx..", 3, vec![(3, 19, Some(40))]),
        // Never came back, never was there.
        ("...xxx", 1, vec![(3, 19, None)]),
        ("xxx...", 1, vec![(3, 19, None)]),
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
        longest_possible(&conclusive(&probes, 0.5), &TravelTimes::of(&probes, &probes[..1]), 0.0, 1.0)
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
    let known = conclusive(&probes, 0.5);
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
    /// The service works so long on a request at least, and so much longer at most.
    response: (f64, f64),
    /// Begin and length.
    outages: Vec<(f64, f64)>,
    refuses: bool,
    /// Per probe: lateness of the sender, travel variation and variation of the response, all 0..1.
    noise: Vec<(f64, f64, f64)>,
}

fn world(outages: usize) -> impl Strategy<Value = World> {
    (
        prop_oneof![Just(0.001_f64), Just(0.010), Just(0.1)],
        0.0..0.05_f64,
        0.0..0.03_f64,
        (0.0..1.0_f64, 0.0..1.0_f64),
        // With the latest start there is room behind it for answers that show its end, whatever their jitter.
        proptest::collection::vec((0.2..0.5_f64, 0.0..2.0_f64), outages),
        any::<bool>(),
        proptest::collection::vec((0.0..1.0_f64, 0.0..1.0_f64, 0.0..1.0_f64), 900),
    )
        .prop_map(|(interval, travel, jitter, (least, more), outages, refuses, noise)| {
            let interval: f64 = interval;
            // Less than the patience, with travel and jitter, and fewer probes than there is room for.
            let response = (least * (100.0 * interval).min(0.2), more * (50.0 * interval).min(0.1));
            // Before the first outage some probes are answered.
            let first = travel + jitter + response.0 + response.1 + 3.0 * interval;
            let place = |(at, length): &(f64, f64)| (first + at * 600.0 * interval, length * 100.0 * interval);
            let outages = outages.iter().map(place).collect();
            World { interval, travel, jitter, response, outages, refuses, noise }
        })
}

impl World {
    fn stream(&self) -> Vec<ProbeResult> {
        self.noise.iter().enumerate().map(|(n, noise)| self.probe(n, *noise)).collect()
    }

    /// One probe. It is lost if the service is away at any moment from when it arrives to when its answer leaves.
    fn probe(&self, n: usize, (late, variation, work): (f64, f64, f64)) -> ProbeResult {
        let due = n as f64 * self.interval;
        let sent = due + late * self.interval;
        // The very first is the fastest possible, and the second the slowest, so that both are known.
        let (variation, work) = match n {
            0 => (0.0, 0.0),
            1 => (1.0, 1.0),
            _ => (variation, work),
        };
        let arrives = sent + self.travel + variation * self.jitter;
        let leaves = arrives + self.response.0 + work * self.response.1;
        let hit =
            |(start, length): &(f64, f64)| (*start <= leaves && start + length > arrives).then_some(start.max(arrives));
        let killed = self.outages.iter().filter_map(hit).reduce(f64::min);
        let (ended, outcome) = match killed {
            None => (leaves + self.travel, ProbeOutcome::Answered),
            Some(at) if self.refuses => (at + self.travel, ProbeOutcome::Failed(ProbeFailure::Lost)),
            Some(_) => (sent + 0.5, ProbeOutcome::Failed(ProbeFailure::Lost)),
        };
        ProbeResult::new(due, sent, ended, outcome)
    }

    fn travel_times(&self) -> TravelTimes {
        let fastest = self.travel * 2.0 + self.response.0;
        TravelTimes { fastest, slowest: fastest + self.jitter + self.response.1 }
    }

    /// The longest time for which the service was away. Times in which it was up for less than `up` count as away.
    fn longest(&self, up: f64) -> f64 {
        let mut sorted = self.outages.clone();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut longest, mut begin, mut end) = (0.0_f64, f64::NEG_INFINITY, f64::NEG_INFINITY);
        for (start, length) in sorted {
            if start > end + up {
                begin = start;
            }
            end = end.max(start + length);
            longest = longest.max(end - begin);
        }
        longest
    }
}

/// A slow service, and two probes lost on the way: answers between them were sent after the first and are proofs of life.
#[test]
fn isolated_losses_of_a_slow_service_stay_isolated() {
    let probes: Vec<ProbeResult> = (0..60)
        .map(|n| {
            let sent = f64::from(n) * 0.010;
            let lost = matches!(n, 20 | 30 | 40);
            let outcome = if lost { ProbeOutcome::Failed(ProbeFailure::Lost) } else { ProbeOutcome::Answered };
            ProbeResult::new(sent, sent, sent + if lost { 0.5 } else { 0.2 }, outcome)
        })
        .collect();
    let travel = TravelTimes::of(&probes, &probes[..10]);
    let found = outages(&conclusive(&probes, 0.5), &travel, 1);
    assert_eq!(found.iter().map(|outage| outage.losses).collect::<Vec<_>>(), [1, 1, 1]);
    assert!(outages(&conclusive(&probes, 0.5), &travel, 2).is_empty());
}

proptest! {
    #[test]
    fn the_true_outage_is_within_the_bounds(world in world(1)) {
        let probes = world.stream();
        let known = conclusive(&probes, 0.5);
        let travel = world.travel_times();
        let found = outages(&known, &travel, 1);
        let tiny = 1e-9;
        let truth = world.longest(0.0);
        let most = longest_possible(&known, &travel, 0.0, f64::INFINITY).unwrap();
        prop_assert!(truth <= most + tiny, "{truth} > ceiling {most}");
        if probes.iter().any(|probe| probe.outcome == ProbeOutcome::Failed(ProbeFailure::Lost)) {
            prop_assert_eq!(found.len(), 1);
            let hi = found[0].hi.unwrap();
            prop_assert!(found[0].lo <= truth + tiny, "lo {} > {truth}", found[0].lo);
            prop_assert!(truth <= hi + tiny, "hi {hi} < {truth}");
            prop_assert!(hi <= most + tiny);
            // And tight: neighbours on both sides, with their lateness and variation, and the life of a probe.
            let life = travel.slowest + world.jitter + world.response.1;
            prop_assert!(hi - found[0].lo <= 8.0 * world.interval + 4.0 * life);
        } else {
            prop_assert!(found.is_empty());
        }
    }

    /// Whatever was lost, and whatever stood between: neither bound is ever wrong.
    #[test]
    fn of_several_outages_the_bounds_hold_the_longest(world in world(3)) {
        let probes = world.stream();
        let known = conclusive(&probes, 0.5);
        let travel = world.travel_times();
        let (tiny, truth) = (1e-9, world.longest(0.0));
        // A time too short for any answer is none in which the service was there for somebody.
        let felt = world.longest(world.jitter + world.response.0 + world.response.1 + 2.0 * world.interval);
        let lo = outages(&known, &travel, 1).iter().map(|outage| outage.lo).fold(0.0, f64::max);
        let most = longest_possible(&known, &travel, 0.0, f64::INFINITY).unwrap();
        prop_assert!(lo <= felt + tiny, "lo {lo} > {felt}");
        prop_assert!(truth <= most + tiny, "ceiling {most} < {truth}");
        prop_assert!(lo <= most + tiny);
    }
}
