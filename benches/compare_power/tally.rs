//! The outcomes of many comparisons, counted.

use shakedown::model::reduced::Metric;
use shakedown::model::{Arm, Change, Comparison};

use crate::design::{self, Order, Size};
use crate::noise::{Noise, Rng};
use crate::peers::mann_whitney;

/// A count of trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Hits.
    pub hits: u32,
    /// Trials.
    pub of: u32,
}

impl Share {
    /// Counts one trial.
    pub fn count(&mut self, hit: bool) {
        self.hits += u32::from(hit);
        self.of += 1;
    }

    /// Hits in 100 trials.
    pub fn percent(self) -> f64 {
        100.0 * f64::from(self.hits) / f64::from(self.of.max(1))
    }

    /// Wilson's (1927) 95 % interval, per cent.
    pub fn wilson(self) -> [f64; 2] {
        self.wilson_at(1.959_964)
    }

    /// The same for the normal quantile `z`.
    pub fn wilson_at(self, z: f64) -> [f64; 2] {
        let n = f64::from(self.of.max(1));
        let p = f64::from(self.hits) / n;
        let centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        [100.0 * (centre - half), 100.0 * (centre + half)]
    }
}

/// The verdicts on one metric in many comparisons.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// p <= .05, two-sided.
    pub changed: Share,
    /// Verdict `regressed`.
    pub regressed: Share,
    /// Verdict `unchanged`.
    pub unchanged: Share,
    /// The 95 % interval holds the truth.
    pub covered: Share,
    /// Mann-Whitney on the round medians: p <= .05.
    pub peer: Share,
}

impl Tally {
    /// Counts one comparison whose true ratio (or difference) is `truth`.
    pub fn count(&mut self, comparison: &Comparison, truth: f64, peer: Option<f64>) {
        self.changed.count(comparison.p.is_some_and(|p| p <= 0.05));
        self.regressed.count(comparison.verdict == Change::Regressed);
        self.unchanged.count(comparison.verdict == Change::Unchanged);
        self.covered.count(comparison.ci.is_some_and(|[low, high]| low <= truth && truth <= high));
        if let Some(p) = peer {
            self.peer.count(p <= 0.05);
        }
    }
}

/// The true changes of the new target in tables.
pub const SHIFTS: [f64; 3] = [0.0, 0.05, 0.10];

/// Compares `comparisons` times what `make` measures, at each of [`SHIFTS`].
pub fn shifted(noise: Noise, comparisons: u32, rng: &mut Rng, make: impl Fn(Noise, &mut Rng) -> Metric) -> [Tally; 3] {
    let mut out: [Tally; 3] = Default::default();
    for _ in 0..comparisons {
        let metric = make(noise, rng);
        for (tally, shift) in out.iter_mut().zip(SHIFTS) {
            let metric = design::with_head(&metric, 1.0 + shift);
            let peer = mann_whitney(&design::medians(&metric, Arm::Base), &design::medians(&metric, Arm::Head));
            tally.count(&design::judged(&metric), 1.0 + shift, Some(peer));
        }
    }
    out
}

/// How much is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Comparisons per cell.
    pub comparisons: u32,
    /// Seed of all cells.
    pub seed: u64,
}

impl Effort {
    /// Random numbers of a cell.
    pub fn rng(self, cell: &str) -> Rng {
        Rng::new(self.seed, cell)
    }
}

/// An interleaved comparison of `size` at each of [`SHIFTS`].
pub fn interleaved(effort: Effort, noise: Noise, size: Size) -> [Tally; 3] {
    let name = format!("{} {}x{}", noise.name, size.rounds, size.samples);
    shifted(noise, effort.comparisons, &mut effort.rng(&name), |noise, rng| {
        design::two_arms(noise, Order::Pairs, size, rng)
    })
}
