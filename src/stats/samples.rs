//! A recorder of samples: exact while few, a histogram once many; memory is bounded either way.

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};

use super::summary::{Summary, quantile};

/// Samples kept exactly before the histogram takes over the quantiles.
const EXACT: usize = 1024;
/// Histogram ticks per unit for seconds: nanoseconds.
pub const NANOS: f64 = 1e9;

/// Collects samples of one distribution. Recording costs no allocation after the first few.
#[derive(Clone, Debug)]
pub struct Samples {
    scale: f64,
    exact: Vec<f64>,
    histogram: Option<Box<Histogram<u64>>>,
    count: u64,
    sum: f64,
    squares: f64,
    mean: f64,
    min: f64,
    max: f64,
}

impl Default for Samples {
    fn default() -> Self {
        Self::scaled(NANOS)
    }
}

impl Samples {
    /// A recorder whose histogram has `scale` ticks per unit: [`NANOS`] for seconds, 1 for bytes and bit/s.
    #[must_use]
    pub fn scaled(scale: f64) -> Self {
        Self {
            scale,
            exact: Vec::new(),
            histogram: None,
            count: 0,
            sum: 0.0,
            squares: 0.0,
            mean: 0.0,
            min: 0.0,
            max: 0.0,
        }
    }

    /// Adds one sample; a value that is not finite is ignored.
    pub fn record(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = if self.count == 0 { value } else { self.max.max(value) };
        self.count += 1;
        self.sum += value;
        // Welford 1962: stable running variance.
        let delta = value - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (value - self.mean);
        if self.exact.len() < EXACT {
            self.exact.push(value);
        } else {
            self.spill();
        }
        if let Some(histogram) = &mut self.histogram {
            // Auto-resizing: recording fails only beyond u64, where `ticks` has saturated already.
            let _ = histogram.record(ticks(value, self.scale));
        }
    }

    fn spill(&mut self) {
        if self.histogram.is_none() {
            self.histogram = Self::histogram_of(&self.exact, self.scale).map(Box::new);
        }
    }

    fn histogram_of(values: &[f64], scale: f64) -> Option<Histogram<u64>> {
        let mut histogram = Histogram::new(3).ok()?;
        histogram.auto(true);
        for value in values {
            let _ = histogram.record(ticks(*value, scale));
        }
        Some(histogram)
    }

    /// Adds all samples of `other`.
    pub fn merge(&mut self, other: &Self) {
        if other.histogram.is_none() {
            for value in &other.exact {
                self.record(*value);
            }
            return;
        }
        self.spill();
        let total = self.count + other.count;
        let delta = other.mean - self.mean;
        if let (Some(mine), Some(theirs)) = (&mut self.histogram, &other.histogram) {
            // Both are auto-sized with the same precision: adding cannot fail.
            let _ = mine.add(theirs.as_ref());
        }
        // Chan, Golub, LeVeque 1979: merging two variances.
        self.squares += other.squares + delta * delta * (self.count as f64) * (other.count as f64) / total as f64;
        self.min = if self.count == 0 { other.min } else { self.min.min(other.min) };
        self.max = if self.count == 0 { other.max } else { self.max.max(other.max) };
        self.sum += other.sum;
        self.count = total;
        self.mean = self.sum / total as f64;
    }

    /// Number of samples.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Sum of the samples.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The first samples, exactly, in the order recorded (at most 1024).
    #[must_use]
    pub fn first(&self) -> &[f64] {
        &self.exact
    }

    /// Statistics; `None` without samples.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        if self.count == 0 {
            return None;
        }
        let q: Box<dyn Fn(f64) -> f64> = if let Some(histogram) = &self.histogram {
            Box::new(|q| (histogram.value_at_quantile(q) as f64 / self.scale).clamp(self.min, self.max))
        } else {
            let mut sorted = self.exact.clone();
            sorted.sort_by(f64::total_cmp);
            Box::new(move |q| quantile(&sorted, q))
        };
        let variance = if self.count > 1 { self.squares / (self.count - 1) as f64 } else { 0.0 };
        Some(Summary {
            count: self.count,
            min: self.min,
            mean: self.sum / self.count as f64,
            p50: q(0.5),
            p90: q(0.9),
            p95: q(0.95),
            p99: q(0.99),
            max: self.max,
            stddev: variance.max(0.0).sqrt(),
        })
    }

    /// The `HdrHistogram` V2 log format in base64, in ticks; `None` for fewer than two samples.
    #[must_use]
    pub fn encoded(&self) -> Option<String> {
        if self.count < 2 {
            return None;
        }
        let histogram = match &self.histogram {
            Some(histogram) => histogram.as_ref().clone(),
            None => Self::histogram_of(&self.exact, self.scale)?,
        };
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&histogram, &mut bytes).ok()?;
        Some(base64::engine::general_purpose::STANDARD.encode(bytes))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, which is wanted here")]
fn ticks(value: f64, scale: f64) -> u64 {
    (value.max(0.0) * scale).round() as u64
}

#[cfg(test)]
mod tests {
    use super::Samples;

    #[test]
    fn few_samples_are_exact() {
        let mut samples = Samples::default();
        for value in [0.003, 0.001, 0.002] {
            samples.record(value);
        }
        let summary = samples.summary().unwrap();
        assert_eq!(summary.count, 3);
        assert!((summary.p50 - 0.002).abs() < 1e-15);
        assert!((summary.stddev - 0.001).abs() < 1e-12);
    }

    #[test]
    fn many_samples_stay_within_three_digits() {
        let mut samples = Samples::default();
        for n in 1..=100_000_u32 {
            samples.record(f64::from(n) * 1e-6);
        }
        let summary = samples.summary().unwrap();
        assert_eq!(summary.count, 100_000);
        assert!((summary.p99 - 0.099).abs() < 0.099 * 0.002, "{}", summary.p99);
        assert!((summary.max - 0.1).abs() < 1e-12);
        assert!(samples.first().len() <= 1024);
    }

    #[test]
    fn merging_equals_recording_together() {
        let (mut left, mut right, mut both) = (Samples::default(), Samples::default(), Samples::default());
        for n in 0..5000_u32 {
            let value = f64::from(n % 977) * 1e-5;
            if n % 3 == 0 {
                left.record(value);
            } else {
                right.record(value);
            }
            both.record(value);
        }
        left.merge(&right);
        let (a, b) = (left.summary().unwrap(), both.summary().unwrap());
        assert_eq!(a.count, b.count);
        assert!((a.stddev - b.stddev).abs() < 1e-9);
        assert!((a.p95 - b.p95).abs() <= b.p95 * 0.002);
    }

    #[test]
    fn nothing_has_no_summary() {
        assert!(Samples::default().summary().is_none());
        let mut samples = Samples::default();
        samples.record(f64::NAN);
        assert!(samples.summary().is_none());
    }
}
