//! Change points of a series: e-divisive (Matteson and James 2014, "A Nonparametric Approach for Multiple Change Point
//! Analysis of Multivariate Data", JASA 109), with the energy distance of exponent 1.
//!
//! A series is bisected again and again at the place where what stands before and what follows differ most; a bisection
//! stands when random orders of the same values seldom look as different. Successive runs are often alike (a warm cache, a
//! busy neighbour), and then random orders are no fair comparison: they get the same memory, an autoregression of order 1
//! whose innovations are shuffled (a sieve, as in Buehlmann 1997). Without memory it is the plain permutation test.

use super::splitmix::SplitMix;

/// How change points are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A split stands when its p-value is at most this.
    pub alpha: f64,
    /// Random orders it is held against.
    pub orders: u32,
    /// Fewest values on either side of a split, at least 2.
    pub segment: usize,
    /// Whether random orders get the series' own memory.
    pub memory: bool,
    /// Seed of the random orders.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { alpha: 0.01, orders: 499, segment: 3, memory: true, seed: 1 }
    }
}

/// A place where the series changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// Index of the first value after the change.
    pub at: usize,
    /// p-value of "the values in random order differ as much somewhere".
    pub p: f64,
}

/// Largest memory assumed; beyond it the random orders of a short series would drift without end.
const MEMORY: f64 = 0.9;

/// Every change point, in order. Quadratic in the length of the series for each random order. Values must be finite.
#[must_use]
pub fn splits(values: &[f64], options: &Options) -> Vec<Split> {
    let mut random = SplitMix::new(options.seed);
    let mut ends = vec![0, values.len()];
    let mut out = Vec::new();
    while let Some(candidate) = best_candidate(values, &ends, options.segment) {
        let p = p_value(values, &ends, &candidate, options, &mut random);
        if p > options.alpha {
            break;
        }
        out.push(Split { at: candidate.at, p });
        ends.push(candidate.at);
        ends.sort_unstable();
    }
    out.sort_unstable_by_key(|split| split.at);
    out
}

/// Takes away the change points between levels that are less than `least` apart by `distance`, the nearest levels first, and
/// gives what is left with the levels before and after. The level of a segment is its median: one odd run is no level.
pub fn steps(
    values: &[f64],
    splits: &[Split],
    distance: impl Fn(f64, f64) -> f64,
    least: f64,
) -> Vec<(Split, f64, f64)> {
    let mut splits = splits.to_vec();
    loop {
        let mut ends: Vec<usize> = splits.iter().map(|split| split.at).collect();
        ends.insert(0, 0);
        ends.push(values.len());
        let levels: Vec<f64> = ends.windows(2).map(|pair| median(&values[pair[0]..pair[1]])).collect();
        let near = |index: &usize| distance(levels[*index], levels[index + 1]);
        let nearest = (0..splits.len()).min_by(|a, b| near(a).total_cmp(&near(b)));
        match nearest {
            Some(index) if near(&index) < least => {
                splits.remove(index);
            }
            _ => {
                let with = |(index, split): (usize, &Split)| (*split, levels[index], levels[index + 1]);
                return splits.iter().enumerate().map(with).collect();
            }
        }
    }
}

/// Median; 0 for no values.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

/// The best split of a stretch: before `at`, and from there to `until`.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// Scaled energy distance of the two sides.
    distance: f64,
    at: usize,
    until: usize,
}

/// The best split of all segments, with places in the whole series; `None` when no segment can be split or all are constant.
fn best_candidate(values: &[f64], ends: &[usize], segment: usize) -> Option<Candidate> {
    let mut best: Option<Candidate> = None;
    for pair in ends.windows(2) {
        let candidate = best_split(&values[pair[0]..pair[1]], segment);
        if let Some(candidate) =
            candidate.filter(|candidate| best.is_none_or(|best| candidate.distance > best.distance))
        {
            best = Some(Candidate { at: candidate.at + pair[0], until: candidate.until + pair[0], ..candidate });
        }
    }
    best
}

/// The best split of one segment. The right side may end early (the paper's kappa), so that a level that comes and goes is
/// not diluted by what follows it. Sums are carried along, so each pair of places costs a few additions.
fn best_split(values: &[f64], segment: usize) -> Option<Candidate> {
    let (count, least) = (values.len(), segment.max(2));
    if count < 2 * least {
        return None;
    }
    // Of each value, the distances to all values before it.
    let before: Vec<f64> = values
        .iter()
        .enumerate()
        .map(|(k, value)| values[..k].iter().map(|other| (value - other).abs()).sum())
        .collect();
    // The same, to the values left of the split.
    let mut across = vec![0.0; count];
    let mut within_left = 0.0;
    let mut best: Option<Candidate> = None;
    for at in 1..=count - least {
        let moved = values[at - 1];
        across[at..].iter_mut().zip(&values[at..]).for_each(|(sum, value)| *sum += (value - moved).abs());
        within_left += before[at - 1];
        if at < least {
            continue;
        }
        let left = at as f64;
        let left_mean = within_left / (left * (left - 1.0) / 2.0);
        let (mut between, mut within_right) = (0.0, 0.0);
        for last in at..count {
            between += across[last];
            within_right += before[last] - across[last];
            let size = last - at + 1;
            if size < least {
                continue;
            }
            let right = size as f64;
            let energy = 2.0 * between / (left * right) - left_mean - within_right / (right * (right - 1.0) / 2.0);
            let distance = energy * left * right / (left + right);
            if distance > best.map_or(0.0, |best| best.distance) {
                best = Some(Candidate { distance, at, until: last + 1 });
            }
        }
    }
    best
}

/// The share of random orders in which some split is at least as wide. Ends early, above alpha, once it can only be above.
fn p_value(values: &[f64], ends: &[usize], candidate: &Candidate, options: &Options, random: &mut SplitMix) -> f64 {
    let memory = if options.memory { memory(values, ends, candidate) } else { 0.0 };
    let mut order = innovations(values, ends, memory);
    let (mut wider, mut drawn) = (0_u32, 0_u32);
    while drawn < options.orders {
        for pair in ends.windows(2) {
            random.shuffle(&mut order[pair[0]..pair[1]]);
        }
        drawn += 1;
        let series = with_memory(&order, ends, memory);
        // Equal values in another order add up to equal sums only within rounding.
        let width = best_candidate(&series, ends, options.segment).map_or(0.0, |other| other.distance);
        wider += u32::from(width >= candidate.distance * (1.0 - 1e-9));
        if f64::from(1 + wider) / f64::from(1 + options.orders) > options.alpha {
            break;
        }
    }
    f64::from(1 + wider) / f64::from(1 + drawn)
}

/// Correlation of successive values about their levels, the found split taken as a change of level; 0 to 0.9.
/// Levels taken from few values hide part of it: corrected to the first order (Kendall 1954, per level).
fn memory(values: &[f64], ends: &[usize], candidate: &Candidate) -> f64 {
    let mut cuts = ends.to_vec();
    cuts.extend([candidate.at, candidate.until]);
    cuts.sort_unstable();
    cuts.dedup();
    let (mut product, mut square) = (0.0, 0.0);
    for pair in cuts.windows(2) {
        let stretch = &values[pair[0]..pair[1]];
        let mean = stretch.iter().sum::<f64>() / stretch.len() as f64;
        square += stretch.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        product += stretch.windows(2).map(|two| (two[0] - mean) * (two[1] - mean)).sum::<f64>();
    }
    let share = (cuts.len() as f64 - 1.0) / values.len() as f64;
    let room = 1.0 - 3.0 * share;
    if square <= 0.0 || room <= 0.0 {
        return 0.0;
    }
    ((product / square + share) / room).clamp(0.0, MEMORY)
}

/// The part of each value that the one before it does not explain; per segment, about the segment's mean.
fn innovations(values: &[f64], ends: &[usize], memory: f64) -> Vec<f64> {
    let mut out = Vec::with_capacity(values.len());
    for pair in ends.windows(2) {
        let stretch = &values[pair[0]..pair[1]];
        let mean = stretch.iter().sum::<f64>() / stretch.len() as f64;
        let mut last = None;
        for value in stretch {
            let here = value - mean;
            out.push(last.map_or(here * (1.0 - memory * memory).sqrt(), |last| here - memory * last));
            last = Some(here);
        }
    }
    out
}

/// The series that has these innovations.
fn with_memory(innovations: &[f64], ends: &[usize], memory: f64) -> Vec<f64> {
    let mut out = Vec::with_capacity(innovations.len());
    for pair in ends.windows(2) {
        let mut last = None;
        for new in &innovations[pair[0]..pair[1]] {
            let here = last.map_or(new / (1.0 - memory * memory).sqrt(), |last: f64| memory * last + new);
            out.push(here);
            last = Some(here);
        }
    }
    out
}

#[cfg(test)]
mod tests;
