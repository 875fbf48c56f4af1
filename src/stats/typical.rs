//! The typical value of a run: one number for its rounds.

/// Mean of the values; their geometric mean for a `ratio`, as ratios are symmetric in the logarithm.
///
/// `None` for no values, for a value that is not finite, and for a ratio of what is not above zero: it has no logarithm.
pub fn typical(values: impl Iterator<Item = f64>, ratio: bool) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for value in values {
        if !value.is_finite() || (ratio && value <= 0.0) {
            return None;
        }
        sum += if ratio { value.ln() } else { value };
        count += 1;
    }
    let mean = sum / f64::from(count);
    let value = if ratio { mean.exp() } else { mean };
    (count > 0 && value.is_finite()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::typical;

    #[test]
    fn a_ratio_has_the_geometric_mean() {
        let near = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-12, "{a:?} {b}");
        near(typical([1.0, 4.0].into_iter(), true), 2.0);
        near(typical([1.0, 4.0].into_iter(), false), 2.5);
        near(typical([0.0, 0.0, 3.0].into_iter(), false), 1.0);
    }

    #[test]
    fn what_has_no_value_is_none_and_never_a_nan() {
        assert_eq!(typical(std::iter::empty(), false), None);
        assert_eq!(typical([1.0, 0.0].into_iter(), true), None);
        assert_eq!(typical([1.0, -2.0].into_iter(), true), None);
        assert_eq!(typical([1.0, f64::NAN].into_iter(), false), None);
        assert_eq!(typical([f64::MAX, f64::MAX].into_iter(), false), None, "the sum is not finite");
    }
}
