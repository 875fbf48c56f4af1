//! Two arms measured in turn: the effect of the arm beside a smooth drift over time.

use super::effect::{Effect, t_quantile};

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

/// Share of the arm's variance that a smooth drift must leave: a block of one arm after the other leaves a quarter.
const LEFT: f64 = 0.5;
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
pub enum Unfit {
    /// An arm has fewer than three rounds.
    TooFew,
    /// The arms were measured one after the other: a drift and the arm cannot be told apart.
    Blocked,
}

/// Least squares of value on arm and a polynomial in the slot: head - base, with N - degree - 2 degrees of freedom
/// (2R - degree - 2 for R rounds per arm).
///
/// By Frisch and Waugh (1933) the coefficient of the arm is that of a regression on what the polynomial leaves of it.
pub fn effect(points: &[Point]) -> Result<Effect, Unfit> {
    let heads = points.iter().filter(|point| point.head).count();
    let rounds = heads.min(points.len() - heads);
    if rounds < 3 {
        return Err(Unfit::TooFew);
    }
    let degree = degree(rounds);
    let first = points.iter().map(|point| point.slot).min().unwrap_or(0);
    let last = points.iter().map(|point| point.slot).max().unwrap_or(0);
    let span = f64::from(last - first).max(1.0);
    // On -1..1 powers stay of one size; the basis made orthogonal step by step needs no matrix.
    let time: Vec<f64> = points.iter().map(|point| 2.0 * f64::from(point.slot - first) / span - 1.0).collect();
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(degree + 1);
    for power in 0..=degree {
        let mut column: Vec<f64> = time.iter().map(|t| t.powi(i32::try_from(power).unwrap_or(0))).collect();
        sweep(&mut column, &basis);
        basis.push(column);
    }
    let mut arm: Vec<f64> = points.iter().map(|point| if point.head { 0.5 } else { -0.5 }).collect();
    let mut value: Vec<f64> = points.iter().map(|point| point.value).collect();
    sweep(&mut arm, &basis[..1]);
    let whole = dot(&arm, &arm);
    sweep(&mut arm, &basis[1..]);
    sweep(&mut value, &basis);
    let left = dot(&arm, &arm);
    if left < LEFT * whole {
        return Err(Unfit::Blocked);
    }
    let estimate = dot(&arm, &value) / left;
    let residual = (dot(&value, &value) - estimate * estimate * left).max(0.0);
    let df = (points.len() - degree - 2) as f64;
    Ok(Effect { estimate, se: (residual / df / left).sqrt(), df })
}

/// Takes out of `column` its part along each vector of `basis`.
fn sweep(column: &mut [f64], basis: &[Vec<f64>]) {
    for vector in basis {
        let length = dot(vector, vector);
        if length > 0.0 {
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
    (rounds.max(3)..=MOST).find(|more| {
        let df = f64::from(2 * more) - degree(*more as usize) as f64 - 2.0;
        (t_quantile(0.975, df) + t_quantile(0.8, df)) * one / f64::from(*more).sqrt() <= wanted
    })
}
