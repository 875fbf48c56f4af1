//! Which alarms stand.

use super::comparisons::{StatisticComparison, confirm};
use crate::baseline::metrics::{self, Against, Reference, Statistic};
use crate::model::named::Named;
use crate::model::reduced::{Metric, Round};
use crate::model::{Arm, Better, Change, ComparedBy, Unit};

const WOBBLE: [f64; 10] = [0.3, -0.8, 0.9, -0.1, 0.5, -0.6, 0.1, 0.7, -0.9, -0.2];

fn metric(rounds: Vec<Round>) -> Metric {
    Metric {
        unit: Unit::Seconds,
        better: Better::Lower,
        compared_by: ComparedBy::Ratio,
        tolerance: 0.01,
        at_least: None,
        tails: Named::default(),
        rounds,
    }
}

fn round(slot: usize, arm: Option<Arm>, value: f64) -> Round {
    let value = value * (1.0 + 0.05 * WOBBLE[(slot * 7) % 10]);
    Round {
        slot: u32::try_from(slot).unwrap(),
        arm,
        confirm: false,
        count: 9,
        p50: value,
        p90: value,
        p99: value,
        discarded: None,
    }
}

/// Ten pairs, the head `share` slower.
fn pairs(share: f64) -> Metric {
    let one = |slot: usize| {
        let head = slot % 4 == 1 || slot % 4 == 2;
        round(slot, Some(if head { Arm::Head } else { Arm::Base }), if head { 1.0 + share } else { 1.0 })
    };
    metric((0..20).map(one).collect())
}

/// With as many rounds again, of which the head is `share` slower.
fn confirmed_by(first: Metric, share: f64) -> Metric {
    let fresh = pairs(share).rounds.into_iter();
    let fresh = fresh.map(|round| Round { slot: round.slot + 20, confirm: true, ..round });
    Metric { rounds: first.rounds.into_iter().chain(fresh).collect(), ..first }
}

/// The verdict on an alarm among so many comparisons of the run.
fn verdict(metric: &Metric, against: Against<'_>, tests: usize) -> Change {
    let (statistic, comparison) = metrics::compare(metric, against).remove(0);
    assert_eq!((statistic, comparison.verdict), (Statistic::P50, Change::Regressed), "{comparison:?}");
    let mut one = StatisticComparison { metric: 0, statistic, comparison, tests, left_out: None };
    confirm(&mut one, metric, against);
    one.comparison.verdict
}

/// A failover is not broken again to confirm an alarm.
#[test]
fn what_cannot_be_measured_again_must_hold_among_all_metrics() {
    let verdict = |share: f64, tests: usize| verdict(&pairs(share), Against::OtherArm, tests);
    assert_eq!(verdict(0.05, 1), Change::Regressed);
    assert_eq!(verdict(0.05, 40), Change::Inconclusive);
    assert_eq!(verdict(0.5, 40), Change::Regressed);
}

#[test]
fn fresh_rounds_decide_between_arms() {
    let verdict = |fresh: f64| verdict(&confirmed_by(pairs(0.05), fresh), Against::OtherArm, 40);
    assert_eq!(verdict(0.05), Change::Regressed, "although it would not hold among forty by itself");
    assert_eq!(verdict(0.0), Change::Inconclusive);
}

/// Fresh rounds share what made the whole run differ.
#[test]
fn against_other_days_fresh_rounds_are_not_enough() {
    let run = |value: f64| metric((0..5).map(|slot| round(slot, None, value)).collect());
    let earlier: Vec<Metric> = WOBBLE[..8].iter().map(|wobble| run(1.0 + 0.02 * wobble)).collect();
    let reference = Reference { window: earlier.iter().collect(), ..Reference::default() };
    let mut slower = run(1.05);
    let fresh = (5..10).map(|slot| Round { confirm: true, ..round(slot, None, 1.05) });
    slower.rounds.extend(fresh);
    assert_eq!(verdict(&slower, Against::Runs(&reference), 1), Change::Regressed);
    assert_eq!(verdict(&slower, Against::Runs(&reference), 40), Change::Inconclusive);
}
