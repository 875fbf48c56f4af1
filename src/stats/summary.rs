//! The fixed set of statistics a distribution is reported with.

/// Statistics of a set of samples, in the samples' unit. All `NaN`-free; an empty set has no summary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Number of samples, at least 1.
    pub count: u64,
    /// Smallest.
    pub min: f64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest.
    pub max: f64,
    /// Sample standard deviation (n - 1); 0 for one sample.
    pub stddev: f64,
}

impl Summary {
    /// The statistic a suite names; `None` for an unknown name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        Some(match name {
            "min" => self.min,
            "mean" => self.mean,
            "p50" | "median" => self.p50,
            "p90" => self.p90,
            "p95" => self.p95,
            "p99" => self.p99,
            "max" => self.max,
            "stddev" => self.stddev,
            "count" => self.count as f64,
            _ => return None,
        })
    }

    /// The summary of one value.
    #[must_use]
    pub fn single(value: f64) -> Self {
        Self {
            count: 1,
            min: value,
            mean: value,
            p50: value,
            p90: value,
            p95: value,
            p99: value,
            max: value,
            stddev: 0.0,
        }
    }
}

/// Quantile by linear interpolation between closest ranks (Hyndman and Fan 1996, type 7: R's and `NumPy`'s default).
/// `sorted` ascending and not empty, `q` in 0..=1.
#[must_use]
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let position = q * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= position <= last")]
    let below = (position.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let fraction = position - below as f64;
    match (sorted.get(below), sorted.get(above)) {
        (Some(a), Some(b)) => a + (b - a) * fraction,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_match_r_type_7() {
        let data = [1.0, 2.0, 3.0, 4.0];
        assert!((quantile(&data, 0.5) - 2.5).abs() < 1e-12);
        assert!((quantile(&data, 0.9) - 3.7).abs() < 1e-12);
        assert!((quantile(&data, 0.0) - 1.0).abs() < 1e-12);
        assert!((quantile(&data, 1.0) - 4.0).abs() < 1e-12);
        assert!((quantile(&[7.0], 0.95) - 7.0).abs() < 1e-12);
    }
}
