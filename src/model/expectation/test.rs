//! Tests: what an operator asks of a value. Pure.

use regex::Regex;

use super::sort::Sort;
use crate::model::{Unit, Value};

/// A test of one value.
#[derive(Clone, Debug)]
pub enum Test {
    /// Equal.
    Eq(Value),
    /// Less than.
    Lt(Value),
    /// At most.
    Le(Value),
    /// Greater than.
    Gt(Value),
    /// At least.
    Ge(Value),
    /// Within a closed range.
    Between(Value, Value),
    /// One of.
    In(Vec<Value>),
    /// Text matches.
    Matches(Regex),
    /// List holds all of these; text holds all of these.
    Contains(Vec<Value>),
    /// List holds none of these; text holds none of these.
    Excludes(Vec<Value>),
    /// The same elements, in any order.
    Exactly(Vec<Value>),
    /// Some element passes.
    Any(Box<Test>),
    /// There is an element, and each passes.
    All(Box<Test>),
    /// No element passes.
    None(Box<Test>),
    /// The length passes.
    Len(Box<Test>),
    /// The fact is there, or is not.
    Present(bool),
    /// Every part holds.
    AllOf(Vec<Test>),
    /// Some part holds.
    AnyOf(Vec<Test>),
    /// The part does not hold.
    Not(Box<Test>),
}

impl Test {
    /// Whether it holds for `value`. An absent fact satisfies nothing but `present: false`.
    #[must_use]
    pub fn holds(&self, value: Option<&Value>, sort: Sort) -> bool {
        self.verdict(value, sort) == Some(true)
    }

    /// Whether it refuses a number for being too large: some number satisfies it, and some larger one does not.
    #[must_use]
    pub fn limits_above(&self, sort: Sort) -> bool {
        let mut wanted = Vec::new();
        self.numbers(&mut wanted);
        // It can only change at the numbers it names.
        let beside = |at: f64| [at * (1.0 - 1e-6), at, at * (1.0 + 1e-6)];
        let mut points: Vec<f64> = wanted.into_iter().flat_map(beside).chain([0.0, f64::MAX]).collect();
        points.sort_by(f64::total_cmp);
        let held = points.into_iter().map(|point| self.holds(Some(&Value::from(point)), sort));
        held.skip_while(|held| !held).any(|held| !held)
    }

    fn numbers(&self, out: &mut Vec<f64>) {
        match self {
            Self::Eq(want) | Self::Lt(want) | Self::Le(want) | Self::Gt(want) | Self::Ge(want) => {
                out.extend(want.as_f64());
            }
            Self::Between(low, high) => out.extend([low, high].into_iter().filter_map(Value::as_f64)),
            Self::In(wants) => out.extend(wants.iter().filter_map(Value::as_f64)),
            Self::AllOf(parts) | Self::AnyOf(parts) => parts.iter().for_each(|part| part.numbers(out)),
            Self::Not(part) => part.numbers(out),
            _ => {}
        }
    }

    /// `None`: it cannot be decided, as the fact is absent or of another sort. Negation keeps that.
    fn verdict(&self, value: Option<&Value>, sort: Sort) -> Option<bool> {
        let value = value.filter(|value| !value.is_null());
        match self {
            Self::Present(want) => return Some(value.is_some() == *want),
            Self::Not(part) => return part.verdict(value, sort).map(|held| !held),
            Self::AllOf(parts) => return all(parts.iter().map(|part| part.verdict(value, sort))),
            Self::AnyOf(parts) => {
                return any(parts.iter().map(|part| part.verdict(value, sort)));
            }
            _ => {}
        }
        let value = value?;
        match self {
            Self::Eq(want) => equal(value, want, sort),
            Self::Lt(want) => Some(compare(value, want, sort)?.is_lt()),
            Self::Le(want) => Some(compare(value, want, sort)?.is_le()),
            Self::Gt(want) => Some(compare(value, want, sort)?.is_gt()),
            Self::Ge(want) => Some(compare(value, want, sort)?.is_ge()),
            Self::Between(low, high) => Some(compare(value, low, sort)?.is_ge() && compare(value, high, sort)?.is_le()),
            Self::In(wants) => any(wants.iter().map(|want| equal(value, want, sort))),
            Self::Matches(regex) => Some(regex.is_match(&text_of(value)?)),
            Self::Contains(wants) => all(wants.iter().map(|want| holds(value, want))),
            Self::Excludes(wants) => all(wants.iter().map(|want| holds(value, want).map(|held| !held))),
            Self::Exactly(wants) => Some(same_elements(value.as_array()?, wants)),
            Self::Any(part) => any(value.as_array()?.iter().map(|item| part.element(item))),
            Self::All(part) => {
                let items = value.as_array()?;
                if items.is_empty() { Some(false) } else { all(items.iter().map(|item| part.element(item))) }
            }
            Self::None(part) => any(value.as_array()?.iter().map(|item| part.element(item))).map(|found| !found),
            Self::Len(part) => part.verdict(Some(&Value::from(length(value)?)), Sort::Number(Unit::Count)),
            Self::Present(_) | Self::Not(_) | Self::AllOf(_) | Self::AnyOf(_) => Option::None,
        }
    }

    fn element(&self, item: &Value) -> Option<bool> {
        let sort = if item.is_string() { Sort::Text } else { Sort::Any };
        self.verdict(Some(item), sort)
    }
}

fn all(verdicts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut undecided = false;
    for verdict in verdicts {
        match verdict {
            Some(false) => return Some(false),
            Some(true) => {}
            None => undecided = true,
        }
    }
    (!undecided).then_some(true)
}

/// One that holds decides; otherwise one that cannot be decided leaves all of it undecided.
fn any(verdicts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    all(verdicts.map(|verdict| verdict.map(|held| !held))).map(|held| !held)
}

fn length(value: &Value) -> Option<u64> {
    match value {
        Value::Array(items) => Some(items.len() as u64),
        Value::String(text) => Some(text.chars().count() as u64),
        Value::Object(map) => Some(map.len() as u64),
        _ => None,
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn holds(value: &Value, want: &Value) -> Option<bool> {
    match value {
        Value::Array(items) => Some(items.iter().any(|item| item == want)),
        Value::String(text) => Some(text.contains(want.as_str()?)),
        Value::Object(map) => Some(map.contains_key(want.as_str()?)),
        _ => None,
    }
}

fn same_elements(items: &[Value], wants: &[Value]) -> bool {
    let key = |values: &[Value]| {
        let mut texts: Vec<String> = values.iter().map(ToString::to_string).collect();
        texts.sort();
        texts
    };
    key(items) == key(wants)
}

fn equal(value: &Value, want: &Value, sort: Sort) -> Option<bool> {
    match (value, want) {
        (Value::Number(_), Value::Number(_)) => Some(compare(value, want, sort)?.is_eq()),
        _ if sort == Sort::Time => Some(compare(value, want, sort)?.is_eq()),
        // "500" is neither equal to 500 nor surely different from it: undecided, so that `ne` does not hold either.
        _ if std::mem::discriminant(value) != std::mem::discriminant(want) => None,
        _ => Some(value == want),
    }
}

fn compare(value: &Value, want: &Value, sort: Sort) -> Option<std::cmp::Ordering> {
    match sort {
        Sort::Choice(words) => {
            let rank = |v: &Value| words.iter().position(|word| v.as_str() == Some(word));
            Some(rank(value)?.cmp(&rank(want)?))
        }
        Sort::Time => {
            let instant = |v: &Value| v.as_str()?.parse::<jiff::Timestamp>().ok();
            Some(instant(value)?.cmp(&instant(want)?))
        }
        _ => {
            let (a, b) = (value.as_f64()?, want.as_f64()?);
            // Units are scaled in binary: 0.1% and 0.001 may differ in the last bit.
            if (a - b).abs() <= b.abs() * 1e-12 { Some(std::cmp::Ordering::Equal) } else { a.partial_cmp(&b) }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::Test;
    use crate::model::expectation::Sort;
    use crate::model::{Unit, Value};

    const COUNT: Sort = Sort::Number(Unit::Count);
    const TLS: Sort = Sort::Choice(&["TLS1.0", "TLS1.1", "TLS1.2", "TLS1.3"]);

    #[test]
    fn operators_decide() {
        let list = || json!(["a", "b"]);
        let cases: Vec<(Test, Value, Sort, bool)> = vec![
            (Test::Lt(json!(5)), json!(4.9), COUNT, true),
            (Test::Lt(json!(5)), json!(5), COUNT, false),
            (Test::Between(json!(1), json!(2)), json!(2), COUNT, true),
            (Test::Ge(json!("TLS1.2")), json!("TLS1.3"), TLS, true),
            (Test::Ge(json!("TLS1.2")), json!("TLS1.1"), TLS, false),
            (Test::Ge(json!("TLS1.2")), json!("TLS9"), TLS, false),
            (Test::In(vec![json!("x"), json!("y")]), json!("y"), Sort::Text, true),
            (Test::Contains(vec![json!("a")]), list(), Sort::List, true),
            (Test::Contains(vec![json!("a"), json!("c")]), list(), Sort::List, false),
            (Test::Excludes(vec![json!("c")]), list(), Sort::List, true),
            (Test::Exactly(vec![json!("b"), json!("a")]), list(), Sort::List, true),
            (Test::Exactly(vec![json!("b")]), list(), Sort::List, false),
            (Test::Exactly(vec![json!("a"), json!("a")]), list(), Sort::List, false),
            (Test::Eq(json!(["b", "a"])), list(), Sort::List, false),
            (Test::All(Box::new(Test::Eq(json!("a")))), json!([]), Sort::List, false),
            (Test::Any(Box::new(Test::Eq(json!("b")))), list(), Sort::List, true),
            (Test::None(Box::new(Test::Eq(json!("z")))), list(), Sort::List, true),
            (Test::Len(Box::new(Test::Ge(json!(2)))), list(), Sort::List, true),
            (Test::Contains(vec![json!("ell")]), json!("hello"), Sort::Text, true),
            (Test::Gt(json!("2026-01-01T00:00:00Z")), json!("2026-01-01T01:00:00+00:30"), Sort::Time, true),
            (Test::Not(Box::new(Test::Eq(json!("a")))), json!("b"), Sort::Text, true),
            // What cannot be compared satisfies neither a test nor its negation.
            (Test::Not(Box::new(Test::In(vec![json!(500)]))), json!("500"), Sort::Any, false),
            (Test::Not(Box::new(Test::Eq(json!(500)))), json!("500"), Sort::Any, false),
            (Test::None(Box::new(Test::Gt(json!(5)))), json!(["10", "20"]), Sort::Any, false),
            (Test::None(Box::new(Test::Eq(json!("x")))), json!([{"msg": "x"}]), Sort::Any, false),
            (Test::Excludes(vec![json!(2)]), json!([1, 2, 3]), Sort::Any, false),
            (Test::Contains(vec![json!(2)]), json!([1, 2, 3]), Sort::Any, true),
        ];
        for (test, value, sort, want) in cases {
            assert_eq!(test.holds(Some(&value), sort), want, "{test:?} {value}");
        }
    }

    #[test]
    fn an_absent_fact_satisfies_only_present_false() {
        let not_a = Test::Not(Box::new(Test::Eq(json!("a"))));
        let none = Test::None(Box::new(Test::Eq(json!("a"))));
        for absent in [None, Some(&Value::Null)] {
            assert!(!not_a.holds(absent, Sort::Text));
            assert!(!none.holds(absent, Sort::List));
            assert!(!Test::AnyOf(vec![not_a.clone(), none.clone()]).holds(absent, Sort::Text));
            assert!(!Test::Not(Box::new(Test::AllOf(vec![not_a.clone()]))).holds(absent, Sort::Text));
            assert!(Test::Present(false).holds(absent, Sort::Text));
            assert!(!Test::Present(true).holds(absent, Sort::Text));
        }
    }

    #[test]
    fn an_upper_limit_is_recognised_in_every_form() {
        let (one, two): (Value, Value) = (json!(1.0), json!(2.0));
        let not = |test| Test::Not(Box::new(test));
        for (test, limits) in [
            (Test::Lt(one.clone()), true),
            (Test::Le(one.clone()), true),
            (Test::Eq(one.clone()), true),
            (Test::Eq(json!(0)), true),
            (Test::In(vec![one.clone(), two.clone()]), true),
            (Test::Between(one.clone(), two.clone()), true),
            (not(Test::Gt(one.clone())), true),
            (not(Test::Ge(one.clone())), true),
            (Test::AllOf(vec![Test::Gt(json!(0)), Test::Lt(two.clone())]), true),
            (Test::AnyOf(vec![Test::Lt(one.clone()), Test::Gt(two.clone())]), true),
            (Test::Gt(one.clone()), false),
            (Test::Ge(json!(0)), false),
            (not(Test::Lt(one.clone())), false),
            (not(Test::Eq(json!(0))), false),
            (Test::Present(true), false),
            (Test::Present(false), false),
        ] {
            assert_eq!(test.limits_above(COUNT), limits, "{test:?}");
        }
    }

    proptest! {
        #[test]
        fn exactly_one_of_lt_eq_gt_holds(a in -1e6_f64..1e6, b in -1e6_f64..1e6) {
            let value = json!(a);
            let held = [Test::Lt(json!(b)), Test::Eq(json!(b)), Test::Gt(json!(b))]
                .iter().filter(|test| test.holds(Some(&value), COUNT)).count();
            prop_assert_eq!(held, 1);
        }

        #[test]
        fn contains_and_excludes_never_both_hold(items in prop::collection::vec("[a-c]", 0..4), want in "[a-c]") {
            let value = json!(items);
            let contains = Test::Contains(vec![json!(want)]).holds(Some(&value), Sort::List);
            let excludes = Test::Excludes(vec![json!(want)]).holds(Some(&value), Sort::List);
            prop_assert!(contains != excludes);
        }
    }
}
