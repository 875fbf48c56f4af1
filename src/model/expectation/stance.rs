//! What an expectation does with the default of the same fact: it takes its place, or stands beside it.

use super::test::Test;

/// Which side of a number a bound is on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Lower,
    Upper,
}

impl Test {
    /// Whether it says what is wanted, not only what is not: an empty list or an absent part satisfies the latter.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        match self {
            Self::Eq(_)
            | Self::Lt(_)
            | Self::Le(_)
            | Self::Gt(_)
            | Self::Ge(_)
            | Self::Between(..)
            | Self::In(_)
            | Self::Matches(_)
            | Self::Contains(_)
            | Self::Exactly(_)
            | Self::Any(_)
            | Self::Present(true) => true,
            Self::Excludes(_) | Self::All(_) | Self::None(_) | Self::Not(_) | Self::Present(false) => false,
            Self::Len(part) => part.is_positive(),
            Self::AllOf(parts) => parts.iter().any(Self::is_positive),
            Self::AnyOf(parts) => parts.iter().all(Self::is_positive),
        }
    }

    /// Whether it names words and nothing else: `eq`, `in`, and groups of them.
    #[must_use]
    pub fn names_words(&self) -> bool {
        match self {
            Self::Eq(_) | Self::In(_) => true,
            Self::AllOf(parts) | Self::AnyOf(parts) => parts.iter().all(Self::names_words),
            _ => false,
        }
    }

    /// Whether it bounds only the side that `default` leaves open: "at most 4" says nothing against "at least 1".
    #[must_use]
    pub fn bounds_other_side(&self, default: &Self) -> bool {
        match (self.bound(), default.bound()) {
            (Some(own), Some(other)) => own != other,
            _ => false,
        }
    }

    /// The side it bounds, of a number or a length; `None` unless it is one bound.
    fn bound(&self) -> Option<Bound> {
        match self {
            Self::Lt(_) | Self::Le(_) => Some(Bound::Upper),
            Self::Gt(_) | Self::Ge(_) => Some(Bound::Lower),
            Self::Len(part) => part.bound(),
            Self::AllOf(parts) => {
                let mut sides = parts.iter().map(Self::bound);
                let first = sides.next()??;
                sides.all(|side| side == Some(first)).then_some(first)
            }
            _ => Option::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Test;

    fn not(test: Test) -> Test {
        Test::Not(Box::new(test))
    }

    fn len(test: Test) -> Test {
        Test::Len(Box::new(test))
    }

    #[test]
    fn only_what_names_a_value_takes_the_place_of_a_default() {
        let x = || Test::Eq(json!("x"));
        for positive in [
            x(),
            Test::In(vec![json!("x")]),
            Test::Le(json!(5)),
            Test::Present(true),
            Test::Any(Box::new(not(x()))),
            len(Test::Eq(json!(0))),
            Test::Exactly(Vec::new()),
            Test::AllOf(vec![not(x()), x()]),
            Test::AnyOf(vec![x(), Test::Present(true)]),
        ] {
            assert!(positive.is_positive(), "{positive:?}");
        }
        for negative in [
            not(x()),
            not(not(x())),
            Test::Excludes(vec![json!("x")]),
            Test::All(Box::new(x())),
            Test::None(Box::new(x())),
            Test::Present(false),
            len(not(Test::Eq(json!(0)))),
            Test::AllOf(vec![not(x()), not(x())]),
            Test::AnyOf(vec![x(), Test::Present(false)]),
        ] {
            assert!(!negative.is_positive(), "{negative:?}");
        }
    }

    #[test]
    fn a_bound_on_the_other_side_is_beside_a_default() {
        let some = len(Test::Ge(json!(1)));
        assert!(len(Test::Le(json!(4))).bounds_other_side(&some));
        assert!(!len(Test::Ge(json!(4))).bounds_other_side(&some));
        assert!(!len(Test::Eq(json!(4))).bounds_other_side(&some));
        assert!(!len(Test::Between(json!(0), json!(4))).bounds_other_side(&some), "it says what the low end is");
        let none_lost = Test::Le(json!(0));
        assert!(!Test::Lt(json!(0.05)).bounds_other_side(&none_lost));
        assert!(Test::Ge(json!(0.5)).bounds_other_side(&none_lost));
        assert!(!Test::Lt(json!(500)).bounds_other_side(&Test::Between(json!(200), json!(299))));
    }
}
