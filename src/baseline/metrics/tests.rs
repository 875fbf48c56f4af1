//! The promises of the verdicts, case by case; how often they are wrong is for the simulation.

use super::*;
use crate::model::named::Named;
use crate::model::reduced::{Metric, Round};
use crate::model::{Arm, Better, Change, ComparedBy, Comparison, Unit};
use crate::stats::splitmix::SplitMix;

/// A latency or a rate, compared by ratio; or a loss.
fn metric(compared_by: ComparedBy, better: Better, tolerance: f64) -> Metric {
    let unit = if compared_by == ComparedBy::Ratio { Unit::Seconds } else { Unit::Ratio };
    Metric { unit, better, compared_by, tolerance, at_least: None, tails: Named::default(), rounds: Vec::new() }
}

fn round(slot: usize, arm: Option<Arm>, value: f64, count: u64) -> Round {
    Round {
        slot: u32::try_from(slot).unwrap(),
        arm,
        confirm: false,
        count,
        p50: value,
        p90: value,
        p99: value,
        discarded: None,
    }
}

/// Pairs, the order within them alternating by threes.
fn arms(metric: &Metric, base: &[f64], head: &[f64], count: u64) -> Metric {
    let mut out = metric.clone();
    for (pair, (base, head)) in base.iter().zip(head).enumerate() {
        let mut two = [(Arm::Base, *base), (Arm::Head, *head)];
        if pair % 3 == 0 {
            two.reverse();
        }
        for (arm, value) in two {
            let slot = out.rounds.len();
            out.rounds.push(round(slot, Some(arm), value, count));
        }
    }
    out
}

fn run(metric: &Metric, values: &[f64], count: u64) -> Metric {
    let rounds = values.iter().enumerate().map(|(slot, value)| round(slot, None, *value, count)).collect();
    Metric { rounds, ..metric.clone() }
}

fn first(metric: &Metric) -> Comparison {
    interleaved(metric).remove(0).1
}

fn against(runs: &[Metric], head: &Metric) -> Comparison {
    let reference = Reference { window: runs.iter().collect(), ..Reference::default() };
    sessions(head, &reference).remove(0).1
}

/// Ten values about `level`, never twice the same.
fn about(level: f64, share: f64) -> Vec<f64> {
    let wobble = [0.3, -0.8, 0.9, -0.1, 0.5, -0.6, 0.1, 0.7, -0.9, -0.2];
    wobble.map(|w| level * (1.0 + share * w)).to_vec()
}

#[test]
fn the_four_verdicts_on_a_latency() {
    let latency = metric(ComparedBy::Ratio, Better::Lower, 0.05);
    let verdict = |head: f64, noise: f64| {
        let mut head = about(head, noise);
        head.rotate_left(3);
        first(&arms(&latency, &about(1.0, noise), &head, 100)).verdict
    };
    assert_eq!(verdict(1.2, 0.02), Change::Regressed);
    assert_eq!(verdict(0.8, 0.02), Change::Improved);
    assert_eq!(verdict(1.001, 0.02), Change::Unchanged);
    assert_eq!(verdict(1.02, 0.3), Change::Inconclusive);
    // Beyond chance, but less than the tolerance.
    assert_eq!(verdict(1.03, 0.005), Change::Unchanged);
}

#[test]
fn a_rate_is_worse_when_it_falls() {
    let rate = metric(ComparedBy::Ratio, Better::Higher, 0.03);
    let verdict = |head: f64| first(&arms(&rate, &about(1e9, 0.01), &about(head, 0.012), 10)).verdict;
    assert_eq!(verdict(0.9e9), Change::Regressed);
    assert_eq!(verdict(1.1e9), Change::Improved);
}

#[test]
fn a_rate_that_stops_is_no_gap_in_the_data() {
    let rate = metric(ComparedBy::Ratio, Better::Higher, 0.03);
    let base = about(1e9, 0.01);
    let all = first(&arms(&rate, &base, &[0.0; 10], 10));
    assert_eq!(all.verdict, Change::Regressed, "{all:?}");
    let mut half = about(1e9, 0.012);
    half.iter_mut().step_by(2).for_each(|value| *value = 0.0);
    assert_eq!(first(&arms(&rate, &base, &half, 10)).verdict, Change::Regressed);
    let mut one = about(1e9, 0.012);
    one[4] = 0.0;
    assert_eq!(first(&arms(&rate, &base, &one, 10)).verdict, Change::Inconclusive);
    let runs: Vec<Metric> =
        about(1e9, 0.02).into_iter().map(|level| run(&rate, &about(level, 0.01)[..5], 10)).collect();
    assert_eq!(against(&runs, &run(&rate, &[0.0; 5], 10)).verdict, Change::Regressed);
}

#[test]
fn a_loss_nobody_could_have_seen_is_not_shown_to_be_absent() {
    let loss = metric(ComparedBy::Difference, Better::Lower, 0.005);
    let few = first(&arms(&loss, &[0.0; 10], &[0.0; 10], 10));
    assert_eq!((few.verdict, few.ci), (Change::Inconclusive, Some([-0.03, 0.03])), "{few:?}");
    let many = first(&arms(&loss, &[0.0; 10], &[0.0; 10], 100));
    assert_eq!(many.verdict, Change::Unchanged, "{many:?}");
    let runs: Vec<Metric> = (0..8).map(|_| run(&loss, &[0.0; 5], 10)).collect();
    assert_eq!(against(&runs, &run(&loss, &[0.0; 5], 10)).verdict, Change::Inconclusive);
    let runs: Vec<Metric> = (0..8).map(|_| run(&loss, &[0.0; 5], 200)).collect();
    assert_eq!(against(&runs, &run(&loss, &[0.0; 5], 200)).verdict, Change::Unchanged);
}

#[test]
fn a_burst_counts_with_all_that_was_lost() {
    let loss = metric(ComparedBy::Difference, Better::Lower, 0.005);
    let mut head = vec![0.0; 20];
    head[7] = 0.2;
    let burst = first(&arms(&loss, &[0.0; 20], &head, 100));
    assert!((burst.difference.unwrap() - 0.01).abs() < 1e-3, "{burst:?}");
    assert_eq!(burst.verdict, Change::Inconclusive, "one burst is neither a trend nor nothing");
    let often = first(&arms(&loss, &[0.0; 20], &about(0.02, 0.3).repeat(2), 100));
    assert_eq!(often.verdict, Change::Regressed, "{often:?}");
}

/// Means and mean roots must both say so: rounds with none and rounds with much are not simply more.
#[test]
fn both_views_must_agree() {
    let loss = metric(ComparedBy::Difference, Better::Lower, 0.005);
    let head = [0.1, 0.1, 0.0, 0.1, 0.1, 0.1, 0.0, 0.1, 0.1, 0.1];
    let mixed = first(&arms(&loss, &about(0.04, 0.05), &head, 1000));
    assert!(mixed.ci.unwrap()[0] > 0.0, "{mixed:?}");
    assert_eq!(mixed.verdict, Change::Inconclusive);
    assert!(mixed.p.unwrap() > 0.05, "the p-value is that of the doubtful view");
}

#[test]
fn equal_runs_before_are_no_certainty() {
    let loss = metric(ComparedBy::Difference, Better::Lower, 0.005);
    let clean: Vec<Metric> = (0..8).map(|_| run(&loss, &[0.0; 5], 100)).collect();
    let once = against(&clean, &run(&loss, &[0.0, 0.0, 0.1, 0.0, 0.0], 100));
    assert_eq!(once.verdict, Change::Inconclusive, "{once:?}");
    let always = against(&clean, &run(&loss, &[0.05, 0.06, 0.04, 0.05, 0.07], 100));
    assert_eq!(always.verdict, Change::Regressed, "{always:?}");
    let alone = against(&clean, &run(&loss, &[0.1], 100));
    assert_eq!((alone.verdict, alone.ci), (Change::Inconclusive, None), "{alone:?}");
}

#[test]
fn an_alarm_is_taken_back_only_by_a_measurement() {
    let latency = metric(ComparedBy::Ratio, Better::Lower, 0.05);
    let alarm = arms(&latency, &about(1.0, 0.01), &about(1.3, 0.012), 100);
    let after = |fresh: Metric| {
        let mut all = alarm.clone();
        all.rounds.extend(fresh.rounds.into_iter().map(|round| Round {
            confirm: true,
            slot: round.slot + 20,
            ..round
        }));
        let mut comparison = first(&all);
        confirm(&mut comparison, &all, Statistic::P50, Against::OtherArm, 0.05);
        comparison
    };
    let same = after(arms(&latency, &about(1.0, 0.01), &about(1.0, 0.012), 100));
    assert_eq!(same.verdict, Change::Inconclusive);
    assert!(!same.confirmation.unwrap().stands);
    let again = after(arms(&latency, &about(1.0, 0.01), &about(1.3, 0.012), 100));
    assert_eq!((again.verdict, again.confirmation.unwrap().stands), (Change::Regressed, true));
    let mut gone = arms(&latency, &about(1.0, 0.01), &about(1.3, 0.012), 100);
    gone.rounds.retain(|round| round.arm == Some(Arm::Base));
    let gone = after(gone);
    assert_eq!(gone.verdict, Change::Regressed, "{gone:?}");
    assert!(gone.reason.unwrap().contains("could not be measured") && gone.confirmation.unwrap().stands);
}

#[test]
fn fewer_rounds_are_another_measurement() {
    let latency = metric(ComparedBy::Ratio, Better::Lower, 0.05);
    let ten = run(&latency, &about(1.0, 0.1), 100);
    assert!(same_sort(&ten, &ten).is_ok());
    assert!(same_sort(&run(&latency, &[1.0], 100), &ten).unwrap_err().contains("1 round "));
    assert!(same_sort(&run(&latency, &about(1.0, 0.1), 10), &ten).unwrap_err().contains("10 samples"));
    let other = Metric { better: Better::Higher, ..ten.clone() };
    assert!(same_sort(&other, &ten).unwrap_err().contains("direction"));
}

#[test]
fn tails_need_their_samples() {
    let latency = metric(ComparedBy::Ratio, Better::Lower, 0.05);
    let keys = |count: u64, tails: Named<f64>| {
        let measured = arms(&Metric { tails, ..latency.clone() }, &about(1.0, 0.01), &about(1.0, 0.012), count);
        interleaved(&measured)
            .into_iter()
            .map(|(statistic, one)| (statistic.key("rtt"), one.verdict))
            .collect::<Vec<_>>()
    };
    let names = |count| keys(count, Named::default()).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(299), ["rtt"]);
    assert_eq!(names(300), ["rtt", "rtt.p90"]);
    assert_eq!(names(1000), ["rtt", "rtt.p90", "rtt.p99"]);
    let asked = keys(50, Named(vec![("p99".into(), 0.1)]));
    assert_eq!(asked.last().unwrap(), &("rtt.p99".to_owned(), Change::NotCompared));
}

#[test]
fn among_many_metrics_one_small_p_is_chance() {
    let latency = metric(ComparedBy::Ratio, Better::Lower, 0.001);
    let alarm = |head: f64| first(&arms(&latency, &about(1.0, 0.05), &about(head, 0.06), 100));
    let (weak, strong) = (alarm(1.05), alarm(1.5));
    assert_eq!((weak.verdict, strong.verdict), (Change::Regressed, Change::Regressed));
    assert!(weak.p.unwrap() > 0.0025 && strong.p.unwrap() < 1e-6, "{weak:?}");
    for alone in [weak.clone(), strong.clone()] {
        let mut kept = alone.clone();
        beyond_chance(&mut kept, 1);
        assert_eq!(kept.verdict, Change::Regressed);
    }
    let mut many: Vec<Comparison> =
        (0..19).map(|_| Comparison { verdict: Change::Inconclusive, p: Some(0.5), ..weak.clone() }).collect();
    many.extend([weak, strong]);
    holm(&mut many.iter_mut().collect::<Vec<_>>());
    assert_eq!((many[19].verdict, many[20].verdict), (Change::Inconclusive, Change::Regressed));
}

/// Losses so rare that most runs have none are where equal runs come from.
#[test]
fn rare_losses_alarm_no_gate() {
    let loss = metric(ComparedBy::Difference, Better::Lower, 0.001);
    let mut rng = SplitMix::new(5);
    let mut measured = || {
        let lossy = |rng: &mut SplitMix| if rng.unit() < 0.01 { 0.01 + 0.05 * rng.unit() } else { 0.0 };
        let values: Vec<f64> = (0..5).map(|_| lossy(&mut rng)).collect();
        run(&loss, &values, 100)
    };
    let mut alarms = 0;
    for _ in 0..2000 {
        let runs: Vec<Metric> = (0..8).map(|_| measured()).collect();
        let mut one = against(&runs, &measured());
        beyond_chance(&mut one, 20);
        alarms += u32::from(one.verdict == Change::Regressed);
    }
    // Twenty such metrics in a gate: one in twenty gates may alarm, so 5 of 2000 metrics.
    assert!(alarms <= 5, "{alarms} of 2000");
}

/// A latency with an amount from which on a movement counts.
fn floored(at_least: f64) -> Metric {
    Metric { at_least: Some(at_least), ..metric(ComparedBy::Ratio, Better::Lower, 0.05) }
}

/// Twice as much of almost nothing is no regression, and that it did not move by what counts is shown by the interval.
#[test]
fn a_movement_smaller_than_what_counts_is_never_a_regression() {
    let us = 1e-6;
    let verdict = |at_least: Option<f64>, base: f64, head: f64, noise: f64| {
        let latency = Metric { at_least, ..metric(ComparedBy::Ratio, Better::Lower, 0.05) };
        let mut head = about(head, noise);
        head.rotate_left(3);
        first(&arms(&latency, &about(base, noise), &head, 100))
    };
    // 20 us on a LAN, with the noise there: undecided without, shown to be of no account with.
    assert_eq!(verdict(None, 20.0 * us, 22.0 * us, 0.6).verdict, Change::Inconclusive);
    let small = verdict(Some(1e-3), 20.0 * us, 22.0 * us, 0.6);
    assert_eq!((small.verdict, small.at_least), (Change::Unchanged, Some(1e-3)), "{small:?}");
    assert_eq!(verdict(None, 20.0 * us, 60.0 * us, 0.02).verdict, Change::Regressed);
    assert_eq!(verdict(Some(1e-3), 20.0 * us, 60.0 * us, 0.02).verdict, Change::Unchanged);
    // What moved by more than that counts as ever.
    assert_eq!(verdict(Some(1e-3), 20.0 * us, 2000.0 * us, 0.02).verdict, Change::Regressed);
    assert_eq!(verdict(Some(1e-3), 0.010, 0.012, 0.02).verdict, Change::Regressed);
    // 5 % of 100 ms is 5 ms: the larger of both limits counts.
    assert_eq!(verdict(Some(1e-3), 0.100, 0.103, 0.005).verdict, Change::Unchanged);
    assert_eq!(verdict(Some(8e-3), 0.100, 0.107, 0.005).verdict, Change::Unchanged);
    // The noise is larger than what counts: then nothing is shown, and nobody says that it is.
    assert_eq!(verdict(Some(1e-3), 0.010, 0.0105, 0.5).verdict, Change::Inconclusive);
    // Nothing that takes 20 us can get better by a millisecond.
    assert_eq!(verdict(Some(1e-3), 20.0 * us, 5.0 * us, 0.02).verdict, Change::Unchanged);
    assert_eq!(verdict(Some(1e-3), 0.010, 0.005, 0.02).verdict, Change::Improved);
}

#[test]
fn what_counts_at_least_holds_for_rates_and_for_runs_of_other_days() {
    let rate = Metric { at_least: Some(10.0), ..metric(ComparedBy::Ratio, Better::Higher, 0.03) };
    let of = |base: f64, head: f64| {
        let mut head = about(head, 0.002);
        head.rotate_left(3);
        first(&arms(&rate, &about(base, 0.002), &head, 100)).verdict
    };
    assert_eq!(of(100.0, 95.0), Change::Unchanged, "5 less than 100 is less than 10");
    assert_eq!(of(100.0, 85.0), Change::Regressed);
    assert_eq!(of(1000.0, 950.0), Change::Regressed);
    let latency = floored(1e-3);
    let history =
        |level: f64| (0..8).map(|n| run(&latency, &[level * (1.0 + 0.004 * f64::from(n % 3))], 9)).collect::<Vec<_>>();
    let verdict = |level: f64, head: f64| against(&history(level), &run(&latency, &[head], 9)).verdict;
    assert_eq!(verdict(20e-6, 40e-6), Change::Unchanged);
    assert_eq!(verdict(0.010, 0.0125), Change::Regressed);
    assert_eq!(verdict(0.010, 0.0108), Change::Unchanged, "0.8 ms of 10 ms are less than counts");
    // Fewer rounds than a verdict needs are told as that, whatever counts.
    let few = arms(&latency, &about(20e-6, 0.02)[..4], &about(21e-6, 0.02)[..4], 100);
    assert_eq!(first(&few).verdict, Change::Inconclusive);
}

/// A movement of exactly what counts is called `unchanged` in 5 of 100 comparisons at most, as one of exactly the tolerance is.
#[test]
fn what_counts_is_shown_not_to_have_happened_at_the_level_of_the_test() {
    let mut rng = SplitMix::new(7);
    let mut calm = |level: f64| (0..10).map(|_| level * (0.25 * rng.normal()).exp()).collect::<Vec<f64>>();
    let (mut unchanged, mut regressed) = (0_u32, 0_u32);
    let tries = 2000;
    for _ in 0..tries {
        let one = first(&arms(&floored(1e-3), &calm(0.004), &calm(0.005), 100));
        unchanged += u32::from(one.verdict == Change::Unchanged);
        let none = first(&arms(&floored(1e-3), &calm(0.004), &calm(0.004), 100));
        regressed += u32::from(none.verdict == Change::Regressed);
    }
    assert!(unchanged <= tries / 20 + tries / 50, "{unchanged} of {tries}");
    assert!(regressed <= tries / 40 + tries / 100, "{regressed} of {tries}");
}
