//! Tests: what an operator asks of a value. Pure.

use regex::Regex;

use super::sort::Sort;
use crate::model::typed::ValueType;
use crate::model::{Interval, Unit, Value};

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
    pub fn holds<'a>(&self, value: Option<&Value>, typing: impl Into<ValueType<'a>>) -> bool {
        self.verdict(value, typing.into()) == Some(true)
    }

    /// Whether it holds for `value`; `None` where that cannot be decided: the fact is absent or of another sort, or its bounds are
    /// too far apart.
    #[must_use]
    pub fn decide<'a>(&self, value: Option<&Value>, typing: impl Into<ValueType<'a>>) -> Option<bool> {
        self.verdict(value, typing.into())
    }

    /// `None`: it cannot be decided, as the fact is absent or of another sort. Negation keeps that.
    fn verdict(&self, value: Option<&Value>, typing: ValueType<'_>) -> Option<bool> {
        let value = value.filter(|value| typing.is_value(value));
        match self {
            Self::Present(want) => return Some(value.is_some() == *want),
            Self::Not(part) => return part.verdict(value, typing).map(|held| !held),
            Self::AllOf(parts) => return all(parts.iter().map(|part| part.verdict(value, typing))),
            Self::AnyOf(parts) => {
                return any(parts.iter().map(|part| part.verdict(value, typing)));
            }
            _ => {}
        }
        let value = value?;
        if let (Sort::Number(_), Some(bounds)) = (typing.sort, Interval::of(value)) {
            return self.holds_within(bounds);
        }
        match self {
            Self::Eq(want) => typing.equal(value, want),
            Self::Lt(want) => Some(typing.compare(value, want)?.is_lt()),
            Self::Le(want) => Some(typing.compare(value, want)?.is_le()),
            Self::Gt(want) => Some(typing.compare(value, want)?.is_gt()),
            Self::Ge(want) => Some(typing.compare(value, want)?.is_ge()),
            Self::Between(low, high) => {
                Some(typing.compare(value, low)?.is_ge() && typing.compare(value, high)?.is_le())
            }
            Self::In(wants) => typing.is_among(value, wants),
            Self::Matches(regex) => Some(regex.is_match(&text_of(value)?)),
            Self::Contains(wants) => all(wants.iter().map(|want| typing.contains(value, want))),
            Self::Excludes(wants) => all(wants.iter().map(|want| typing.contains_some(value, want).map(|held| !held))),
            Self::Exactly(wants) => Some(typing.same_elements(value.as_array()?, wants)),
            Self::Any(part) => any(typing.elements(value)?.iter().map(|item| part.of_element(item, typing))),
            Self::All(part) => {
                let items = typing.elements(value)?;
                if items.is_empty() { Some(false) } else { all(items.iter().map(|item| part.of_element(item, typing))) }
            }
            Self::None(part) => {
                any(typing.elements(value)?.iter().map(|item| part.of_element(item, typing))).map(|found| !found)
            }
            Self::Len(part) => {
                let length = typing.count(value).map_or_else(|| length(value), Some)?;
                part.verdict(Some(&Value::from(length)), Sort::Number(Unit::Count).into())
            }
            Self::Present(_) | Self::Not(_) | Self::AllOf(_) | Self::AnyOf(_) => Option::None,
        }
    }

    /// Every value it wants, or does not want: of the whole value, and of the elements of a list.
    pub fn wanted(&self, whole: &mut Vec<Value>, elements: &mut Vec<Value>) {
        match self {
            Self::Eq(want) | Self::Lt(want) | Self::Le(want) | Self::Gt(want) | Self::Ge(want) => {
                elements.extend(want.as_array().into_iter().flatten().cloned());
                whole.push(want.clone());
            }
            Self::Between(low, high) => whole.extend([low.clone(), high.clone()]),
            Self::In(wants) => whole.extend(wants.iter().cloned()),
            Self::Contains(wants) | Self::Excludes(wants) => elements.extend(wants.iter().cloned()),
            Self::Exactly(wants) => {
                elements.extend(wants.iter().cloned());
                whole.push(Value::Array(wants.clone()));
            }
            Self::Any(part) | Self::All(part) | Self::None(part) => part.wanted(elements, &mut Vec::new()),
            Self::Not(part) => part.wanted(whole, elements),
            Self::AllOf(parts) | Self::AnyOf(parts) => parts.iter().for_each(|part| part.wanted(whole, elements)),
            Self::Matches(_) | Self::Len(_) | Self::Present(_) => {}
        }
    }

    /// The kind of value it is about, when `value` is none.
    #[must_use]
    pub fn needs(&self, value: &Value) -> Option<&'static str> {
        let is_list = value.is_array();
        match self {
            Self::Exactly(_) | Self::Any(_) | Self::All(_) | Self::None(_) => (!is_list).then_some("a list"),
            Self::Contains(_) | Self::Excludes(_) => {
                (!is_list && !value.is_string() && !value.is_object()).then_some("a list or a text")
            }
            Self::Matches(_) => (is_list || value.is_object()).then_some("a text"),
            Self::Not(part) => part.needs(value),
            Self::AllOf(parts) | Self::AnyOf(parts) => parts.iter().find_map(|part| part.needs(value)),
            _ => Option::None,
        }
    }

    /// Whether it holds for an element of a list; `None` where it cannot be decided.
    #[must_use]
    pub fn of_element(&self, item: &Value, typing: ValueType<'_>) -> Option<bool> {
        self.verdict(Some(item), typing.of_element(item))
    }
}

pub(super) fn all(verdicts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
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
pub fn any(verdicts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    all(verdicts.map(|verdict| verdict.map(|held| !held))).map(|held| !held)
}

pub(super) fn length(value: &Value) -> Option<u64> {
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
            (Test::Eq(json!(9_007_199_254_740_992_u64)), json!(9_007_199_254_740_993_u64), Sort::Any, false),
            (Test::Gt(json!(9_007_199_254_740_992_u64)), json!(9_007_199_254_740_993_u64), Sort::Any, true),
            (Test::Eq(json!(u64::MAX)), json!(u64::MAX), Sort::Any, true),
            (Test::Lt(json!(0)), json!(i64::MIN), Sort::Any, true),
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
