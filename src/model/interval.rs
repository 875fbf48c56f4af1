//! A number that is known by its bounds alone.

use serde_json::json;

use super::{Unit, Value};

/// Bounds of a number: it is at least `lo` and at most `hi`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// It is at least this.
    pub lo: f64,
    /// It is at most this; `None` when nothing bounds it above.
    pub hi: Option<f64>,
}

impl Interval {
    /// Bounds, neither of which is open.
    #[must_use]
    pub const fn new(lo: f64, hi: f64) -> Self {
        Self { lo, hi: Some(hi) }
    }

    /// Bounds of a number of which only the least is known.
    #[must_use]
    pub const fn at_least(lo: f64) -> Self {
        Self { lo, hi: None }
    }

    /// The bounds in a value of a report: `{"lo": 0.48, "hi": 0.51}`, without `hi` where nothing bounds it above.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        let map = value.as_object()?;
        let hi = map.get("hi").and_then(Value::as_f64);
        let known = map.keys().all(|key| matches!(key.as_str(), "lo" | "hi"));
        Some(Self { lo: map.get("lo")?.as_f64()?, hi }).filter(|_| known)
    }

    /// As a value of a report.
    #[must_use]
    pub fn value(self) -> Value {
        // A sum of nothing is -0.0, and nobody measures that.
        match self.hi {
            Some(hi) => json!({"lo": self.lo + 0.0, "hi": hi + 0.0}),
            None => json!({"lo": self.lo + 0.0}),
        }
    }

    /// The middle of the bounds: an estimate, wrong by at most half of their distance. `None` where one is open.
    #[must_use]
    pub fn middle(self) -> Option<f64> {
        self.hi.map(|hi| f64::midpoint(self.lo, hi))
    }

    /// The larger of two numbers, each known by its bounds.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { lo: self.lo.max(other.lo), hi: self.hi.zip(other.hi).map(|(one, two)| one.max(two)) }
    }

    /// For people: `480 ms to 510 ms`.
    #[must_use]
    pub fn human(self, unit: Unit) -> String {
        let lo = unit.human(self.lo);
        match self.hi {
            None => format!("at least {lo}"),
            Some(hi) if unit.human(hi) == lo => lo,
            Some(hi) => format!("{lo} to {}", unit.human(hi)),
        }
    }
}

impl std::iter::Sum for Interval {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::new(0.0, 0.0), |sum, one| Self {
            lo: sum.lo + one.lo,
            hi: sum.hi.zip(one.hi).map(|(one, two)| one + two),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Interval, Unit};

    #[test]
    fn bounds_are_read_back_from_a_report() {
        for bounds in [Interval::new(0.5, 1.5), Interval::at_least(2.0), Interval::new(0.0, 0.0)] {
            assert_eq!(Interval::of(&bounds.value()), Some(bounds));
        }
        assert_eq!(Interval::of(&json!({"lo": 1, "hi": 2, "p50": 1})), None, "another map");
        assert_eq!(Interval::of(&json!({"hi": 2})), None);
        assert_eq!(Interval::of(&json!(2)), None);
    }

    #[test]
    fn what_has_no_end_has_none_in_a_sum_either() {
        let bounds = [Interval::new(1.0, 2.0), Interval::new(0.5, 0.75)];
        assert_eq!(bounds.into_iter().sum::<Interval>(), Interval::new(1.5, 2.75));
        assert_eq!(bounds[0].max(bounds[1]), bounds[0]);
        let open = [bounds[0], Interval::at_least(4.0)];
        assert_eq!(open.into_iter().sum::<Interval>(), Interval::at_least(5.0));
        assert_eq!((open[0].max(open[1]).middle(), bounds[0].middle()), (None, Some(1.5)));
    }

    #[test]
    fn people_read_both_bounds() {
        assert_eq!(Interval::new(0.48, 0.51).human(Unit::Seconds), "480 ms to 510 ms");
        assert_eq!(Interval::new(0.0, 0.0).human(Unit::Seconds), Unit::Seconds.human(0.0));
        assert_eq!(Interval::at_least(2.0).human(Unit::Seconds), "at least 2 s");
    }
}
