//! An estimated effect with its uncertainty: interval, p-value, smallest effect that would be seen.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// An estimate whose error follows Student's t: `(estimate - truth) / se ~ t(df)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// The estimate, on the scale of the values tested (log, square root or raw).
    pub estimate: f64,
    /// Its standard error, at least 0.
    pub se: f64,
    /// Degrees of freedom, above 0.
    pub df: f64,
}

impl Effect {
    /// The two-sided confidence interval at `level` (0.95); without end when nothing is known.
    #[must_use]
    pub fn interval(&self, level: f64) -> [f64; 2] {
        let half = t_quantile(f64::midpoint(1.0, level), self.df) * self.se;
        if self.estimate.is_finite() && half.is_finite() {
            [self.estimate - half, self.estimate + half]
        } else {
            [f64::NEG_INFINITY, f64::INFINITY]
        }
    }

    /// Two-sided p-value of "the effect is zero". Without any spread, 1 for no effect and 0 for any other.
    #[must_use]
    pub fn p(&self) -> f64 {
        // From the tail on the estimate's own side: 1 - (1 - tiny) would lose its digits.
        let aside = Self { estimate: self.estimate.abs(), ..*self };
        (2.0 * aside.p_above()).min(1.0)
    }

    /// One-sided p-value of "the effect is not above zero".
    #[must_use]
    pub fn p_above(&self) -> f64 {
        if self.se <= 0.0 {
            return match self.estimate {
                e if e > 0.0 => 0.0,
                e if e < 0.0 => 1.0,
                _ => 0.5,
            };
        }
        let t = self.estimate / self.se;
        if t.is_nan() {
            // Nothing is known, and the distribution would panic.
            return 0.5;
        }
        StudentsT::new(0.0, 1.0, self.df).map_or(0.5, |distribution| distribution.sf(t))
    }

    /// Minimum detectable effect: found at the two-sided 5 % level in 80 % of repetitions, (t.975 + t.80) se
    /// (Bloom 1995).
    #[must_use]
    pub fn detectable(&self) -> f64 {
        (t_quantile(0.975, self.df) + t_quantile(0.8, self.df)) * self.se
    }
}

/// Quantile of Student's t with `df` degrees of freedom; infinite when there is no such distribution.
#[must_use]
pub fn t_quantile(q: f64, df: f64) -> f64 {
    StudentsT::new(0.0, 1.0, df).map_or(f64::INFINITY, |t| t.inverse_cdf(q.clamp(0.0, 1.0)))
}
