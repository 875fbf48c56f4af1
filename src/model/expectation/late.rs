//! Tests of what was measured late: a number that is too high by an unknown length, because this side was not there in time.

use super::test::Test;
use crate::model::Value;
use crate::model::typed::Typing;

impl Test {
    /// Whether it holds for every number up to `value`, so for the true one, whatever it is. `None`: that decides. It is never
    /// known not to hold.
    #[must_use]
    pub fn holds_below<'a>(&self, value: Option<&Value>, typing: impl Into<Typing<'a>>) -> Option<bool> {
        let typing = typing.into();
        let held = match self {
            Self::Present(true) | Self::Lt(_) | Self::Le(_) => self.holds(value, typing),
            Self::AllOf(parts) => parts.iter().all(|part| part.holds_below(value, typing).is_some()),
            Self::AnyOf(parts) => parts.iter().any(|part| part.holds_below(value, typing).is_some()),
            _ => false,
        };
        held.then_some(true)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Test;
    use crate::model::Unit;
    use crate::model::expectation::Sort;

    #[test]
    fn only_upper_bounds_hold_of_what_is_at_most_so_much() {
        let seconds = Sort::Number(Unit::Seconds);
        let (lt, ge) = (|n: f64| Test::Lt(json!(n)), |n: f64| Test::Ge(json!(n)));
        for (test, want) in [
            (lt(0.2), Some(true)),
            (lt(0.1), None),
            (Test::Le(json!(0.1)), Some(true)),
            (ge(0.05), None),
            (ge(0.2), None),
            (Test::Between(json!(0.05), json!(0.2)), None),
            (Test::Eq(json!(0.1)), None),
            (Test::Not(Box::new(lt(0.05))), None),
            (Test::Present(true), Some(true)),
            (Test::AllOf(vec![lt(0.2), ge(0.05)]), None),
            (Test::AllOf(vec![lt(0.2), lt(0.3)]), Some(true)),
            (Test::AnyOf(vec![ge(0.3), lt(0.2)]), Some(true)),
        ] {
            assert_eq!(test.holds_below(Some(&json!(0.1)), seconds), want, "{test:?}");
            assert_eq!(test.holds_below(None, seconds), None, "{test:?}");
        }
    }
}
