//! How rounds are laid out: interleaved pairs, one arm after the other, separate sessions. What comes out is the
//! `Metric` of a report, so that what ships is what is tested.

use shakedown::baseline::metrics::{self, Statistic};
use shakedown::model::reduced::{Metric, Round};
use shakedown::model::{Arm, Better, Change, ComparedBy, Comparison, Unit};
use shakedown::stats::Samples;

use crate::noise::{Noise, Rng, Session};

/// The order of the arms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Pairs, each in random order.
    Pairs,
    /// All of base, then all of head.
    Blocks,
}

/// Rounds per arm and samples per round.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Rounds per arm.
    pub rounds: usize,
    /// Samples in each.
    pub samples: usize,
}

/// The arm of each slot.
pub fn slots(order: Order, rounds: usize, rng: &mut Rng) -> Vec<Arm> {
    match order {
        Order::Blocks => [vec![Arm::Base; rounds], vec![Arm::Head; rounds]].concat(),
        Order::Pairs => (0..rounds)
            .flat_map(|_| if rng.chance(0.5) { [Arm::Head, Arm::Base] } else { [Arm::Base, Arm::Head] })
            .collect(),
    }
}

/// A latency in two arms that do not differ.
pub fn two_arms(noise: Noise, order: Order, size: Size, rng: &mut Rng) -> Metric {
    let arms = slots(order, size.rounds, rng);
    let mut out = latency();
    let mut session = Session::new(noise, rng);
    measure(&mut out, &mut session, size, &arms, false);
    out
}

/// The same with as many fresh pairs when it alarms, the new target taking any of `factors` times as long.
pub fn two_arms_confirmed(noise: Noise, size: Size, factors: &[f64], rng: &mut Rng) -> Metric {
    let arms = slots(Order::Pairs, size.rounds, rng);
    let fresh = slots(Order::Pairs, size.rounds, rng);
    let mut out = latency();
    let mut session = Session::new(noise, rng);
    measure(&mut out, &mut session, size, &arms, false);
    if factors.iter().any(|factor| judged(&with_head(&out, *factor)).verdict == Change::Regressed) {
        measure(&mut out, &mut session, size, &fresh, true);
    }
    out
}

/// A run of one target, its own session; `longer` is what the run adds (log).
pub fn run(noise: Noise, size: Size, longer: f64, rng: &mut Rng) -> Metric {
    let mut out = latency();
    let mut session = Session::new(noise, rng);
    let mut samples = Vec::new();
    session.round(size.samples, &mut samples);
    for slot in 0..size.rounds {
        session.round(size.samples, &mut samples);
        out.rounds.push(reduced(slot, None, &samples));
    }
    for round in &mut out.rounds {
        stretch(round, longer.exp());
    }
    out
}

fn measure(out: &mut Metric, session: &mut Session<'_>, size: Size, arms: &[Arm], confirm: bool) {
    let mut samples = Vec::new();
    // One warm-up, discarded.
    session.round(size.samples, &mut samples);
    for arm in arms {
        session.round(size.samples, &mut samples);
        let round = reduced(out.rounds.len(), Some(*arm), &samples);
        out.rounds.push(Round { confirm, ..round });
    }
}

/// A metric without rounds: a latency, lower is better, tolerance 5 %.
fn latency() -> Metric {
    Metric {
        unit: Unit::Seconds,
        better: Better::Lower,
        compared_by: ComparedBy::Ratio,
        tolerance: 0.05,
        at_least: None,
        tails: shakedown::model::named::Named::default(),
        rounds: Vec::new(),
    }
}

/// A loss in two arms of their `rates`: `sent` packets a round, lost by a rate that itself varies from round to round
/// (log-normal), so that counts vary more than a binomial's. The tolerance is so small that it hides no false alarm.
pub fn loss(rates: [f64; 2], varies: f64, sent: u32, rounds: usize, rng: &mut Rng) -> Metric {
    let arms = slots(Order::Pairs, rounds, rng);
    let mut out = Metric { compared_by: ComparedBy::Difference, unit: Unit::Count, tolerance: 1e-4, ..latency() };
    for (slot, arm) in arms.into_iter().enumerate() {
        let rate = if arm == Arm::Head { rates[1] } else { rates[0] };
        let here = rate * (varies * rng.normal() - varies * varies / 2.0).exp();
        let lost = rng.poisson(here.min(1.0) * f64::from(sent)).min(sent);
        out.rounds.push(reduced(slot, Some(arm), &[f64::from(lost) / f64::from(sent)]));
    }
    out
}

/// A round by the recorder that ships.
fn reduced(slot: usize, arm: Option<Arm>, samples: &[f64]) -> Round {
    let mut recorder = Samples::default();
    for sample in samples {
        recorder.record(*sample);
    }
    let summary = recorder.summary().unwrap();
    Round {
        slot: u32::try_from(slot).unwrap(),
        arm,
        confirm: false,
        count: summary.count,
        p50: summary.p50,
        p90: summary.p90,
        p99: summary.p99,
        discarded: None,
    }
}

/// The same measurement, had the new target taken `factor` times as long: every statistic of a round scales with its samples.
pub fn with_head(metric: &Metric, factor: f64) -> Metric {
    let mut out = metric.clone();
    for round in out.rounds.iter_mut().filter(|round| round.arm == Some(Arm::Head)) {
        stretch(round, factor);
    }
    out
}

/// Makes every statistic of a round `factor` times as long.
pub fn stretch(round: &mut Round, factor: f64) {
    for value in [&mut round.p50, &mut round.p90, &mut round.p99] {
        *value *= factor;
    }
}

/// The round medians of an arm.
pub fn medians(metric: &Metric, arm: Arm) -> Vec<f64> {
    metric.rounds.iter().filter(|round| round.arm == Some(arm) && !round.confirm).map(|round| round.p50).collect()
}

/// shakedown's comparison of the median.
pub fn judged(metric: &Metric) -> Comparison {
    let found = metrics::interleaved(metric);
    found.into_iter().find(|(statistic, _)| *statistic == Statistic::P50).unwrap().1
}
