//! Two arms measured in turn: the effect of the arm beside a smooth drift over time.

use super::effect::Effect;

/// Pairs below which nothing is called.
pub const PAIRS: u32 = 6;

/// One round: its place in the order of all rounds, its arm, its value on the scale tested.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Position in time, from 0.
    pub slot: u32,
    /// True for the new target.
    pub head: bool,
    /// Log, square root or raw value of the round.
    pub value: f64,
}

/// Share of the arm's variance that a smooth drift must leave: two equal blocks leave a quarter, pairs of random order
/// nearly all.
const LEFT: f64 = 0.5;
/// Part of the values below which a difference is an error of rounding.
const ROUNDING: f64 = 1e-12;
/// Rounds per arm beyond which more are not proposed.
const MOST: u32 = 1000;

/// Degree of the drift polynomial for `rounds` rounds per arm.
#[must_use]
pub fn degree(rounds: usize) -> usize {
    match rounds {
        0..=7 => 1,
        8..=11 => 2,
        12..=19 => 3,
        _ => 4,
    }
}

/// Why there is no effect to estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectError {
    /// An arm has fewer than three rounds.
    TooFew,
    /// The arms were measured one after the other: a drift and the arm cannot be told apart.
    Blocked,
}

/// Least squares of value on arm and a polynomial in the slot: head - base, with N - degree - 2 degrees of freedom
/// (2R - degree - 2 for R rounds per arm).
///
/// By Frisch and Waugh (1933) the coefficient of the arm is that of a regression on what the polynomial leaves of it.
/// A value that is not finite leaves nothing known: the standard error is infinite.
pub fn effect(points: &[Point]) -> Result<Effect, EffectError> {
    let heads = points.iter().filter(|point| point.head).count();
    let rounds = heads.min(points.len() - heads);
    if rounds < 3 {
        return Err(EffectError::TooFew);
    }
    if in_blocks(points, rounds) {
        return Err(EffectError::Blocked);
    }
    let degree = degree(rounds);
    let basis = drift(points, degree);
    let mut arm: Vec<f64> = points.iter().map(|point| if point.head { 0.5 } else { -0.5 }).collect();
    let mut value: Vec<f64> = points.iter().map(|point| point.value).collect();
    let size = dot(&value, &value);
    sweep(&mut arm, &basis[..1]);
    let whole = dot(&arm, &arm);
    sweep(&mut arm, &basis[1..]);
    let left = dot(&arm, &arm);
    if left < LEFT * whole {
        return Err(EffectError::Blocked);
    }
    let df = (points.len() - degree - 2) as f64;
    if !size.is_finite() {
        return Ok(Effect { estimate: 0.0, se: f64::INFINITY, df });
    }
    sweep(&mut value, &basis);
    let least = ROUNDING * size.sqrt();
    let estimate = zero_if_rounding(dot(&arm, &value) / left, least);
    value.iter_mut().zip(&arm).for_each(|(v, a)| *v -= estimate * a);
    let residual = zero_if_rounding(dot(&value, &value).sqrt(), least);
    Ok(Effect { estimate, se: residual / (df * left).sqrt(), df })
}

/// True when the arms change places less often than every fourth round: long blocks, between which even a smooth drift
/// can pass for an effect. Pairs change at least once each.
fn in_blocks(points: &[Point], rounds: usize) -> bool {
    let mut order: Vec<(u32, bool)> = points.iter().map(|point| (point.slot, point.head)).collect();
    order.sort_unstable();
    let changes = order.windows(2).filter(|two| two[0].1 != two[1].1).count();
    2 * changes < rounds
}

/// Powers of time up to `degree`, made orthogonal step by step (Gram and Schmidt), so that no matrix is needed.
fn drift(points: &[Point], degree: usize) -> Vec<Vec<f64>> {
    let first = points.iter().map(|point| point.slot).min().unwrap_or(0);
    let last = points.iter().map(|point| point.slot).max().unwrap_or(0);
    let span = f64::from(last - first).max(1.0);
    // On -1..1 powers stay of one size.
    let time: Vec<f64> = points.iter().map(|point| 2.0 * f64::from(point.slot - first) / span - 1.0).collect();
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(degree + 1);
    let mut power = vec![1.0; points.len()];
    for _ in 0..=degree {
        let mut column = power.clone();
        sweep(&mut column, &basis);
        basis.push(column);
        power.iter_mut().zip(&time).for_each(|(p, t)| *p *= t);
    }
    basis
}

/// `value`, or zero when it is an error of rounding.
fn zero_if_rounding(value: f64, least: f64) -> f64 {
    if value.abs() <= least { 0.0 } else { value }
}

/// Takes out of `column` its part along each vector of `basis`.
fn sweep(column: &mut [f64], basis: &[Vec<f64>]) {
    for vector in basis {
        let length = dot(vector, vector);
        if length > ROUNDING {
            let share = dot(column, vector) / length;
            column.iter_mut().zip(vector).for_each(|(c, v)| *c -= share * v);
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Rounds per arm at which an effect of `wanted` would be detectable, from what `rounds` rounds showed; `None` beyond 1000.
#[must_use]
pub fn rounds_needed(effect: &Effect, rounds: u32, wanted: f64) -> Option<u32> {
    let one = effect.se * f64::from(rounds).sqrt();
    let enough = |more: u32| {
        let df = f64::from(2 * more) - degree(more as usize) as f64 - 2.0;
        Effect { estimate: 0.0, se: one / f64::from(more).sqrt(), df }.detectable() <= wanted
    };
    // More rounds never detect less, so halving finds the first that suffices: a gate may hold 100,000 metrics.
    let (mut least, mut most) = (rounds.max(3), MOST);
    if !enough(most) {
        return None;
    }
    while least < most {
        let middle = u32::midpoint(least, most);
        if enough(middle) {
            most = middle;
        } else {
            least = middle + 1;
        }
    }
    Some(least)
}
