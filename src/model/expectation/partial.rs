//! Tests of what was seen in part: only what more data cannot undo is decided.

use regex::Regex;

use super::sort::Sort;
use super::test::{self, Test};
use crate::model::typed::ValueType;
use crate::model::{Interval, Unit, Value};

/// What may tie a match to what follows it: ends of lines and texts, edges of words.
const TIED: [&str; 6] = ["$", r"\z", r"\b", r"\B", r"\<", r"\>"];

impl Test {
    /// Whether it holds for all that `value`, of which more may follow, can be part of: a text or a list that goes on, a
    /// count that is at least this. `None`: what is missing decides. Without a value nothing is known.
    #[must_use]
    pub fn holds_in_part<'a>(&self, value: Option<&Value>, typing: impl Into<ValueType<'a>>) -> Option<bool> {
        let typing = typing.into();
        match self {
            Self::Not(part) => return part.holds_in_part(value, typing).map(|held| !held),
            Self::AllOf(parts) => return test::all(parts.iter().map(|part| part.holds_in_part(value, typing))),
            Self::AnyOf(parts) => return test::any(parts.iter().map(|part| part.holds_in_part(value, typing))),
            _ => {}
        }
        let value = value.filter(|value| typing.is_value(value))?;
        match self {
            Self::Present(want) => Some(*want),
            // A word or a flag is no beginning of another: with more to see it may be any.
            _ if matches!(typing.sort, Sort::Choice(_) | Sort::Bool | Sort::Time) => Option::None,
            // Too much already, or the wrong beginning.
            Self::Lt(_) | Self::Le(_) => (!self.holds(Some(value), typing)).then_some(false),
            Self::Between(_, high) => (!Self::Le(high.clone()).holds(Some(value), typing)).then_some(false),
            Self::Eq(want) => (!may_become(value, want, typing)).then_some(false),
            Self::In(wants) => (!wants.iter().any(|want| may_become(value, want, typing))).then_some(false),
            Self::Exactly(wants) => {
                let known =
                    |item: &Value| wants.iter().any(|want| typing.of_element(item).equal(item, want) == Some(true));
                let items = value.as_array()?;
                (items.len() > wants.len() || !items.iter().all(known)).then_some(false)
            }
            // Found, and it stays.
            Self::Gt(_) | Self::Ge(_) | Self::Contains(_) | Self::Any(_) => {
                self.holds(Some(value), typing).then_some(true)
            }
            Self::Matches(regex) => matches_on(regex, value.as_str()?).then_some(true),
            // Found, and it stays wrong.
            Self::Excludes(wants) => {
                let found = |want: &Value| Self::Contains(vec![want.clone()]).holds(Some(value), typing);
                wants.iter().any(found).then_some(false)
            }
            Self::None(part) => Self::Any(part.clone()).holds(Some(value), typing).then_some(false),
            Self::All(part) => {
                let wrong = Self::Any(Box::new(Self::Not(part.clone())));
                wrong.holds(Some(value), typing).then_some(false)
            }
            // What was not kept is counted all the same.
            Self::Len(_) if typing.total.is_some() => Some(self.holds(Some(value), typing)),
            Self::Len(part) => part.holds_in_part(Some(&Value::from(test::length(value)?)), Sort::Number(Unit::Count)),
            Self::Not(_) | Self::AllOf(_) | Self::AnyOf(_) => Option::None,
        }
    }
}

/// Whether more data can make `value` equal to `want`.
fn may_become(value: &Value, want: &Value, typing: ValueType<'_>) -> bool {
    match (value, want) {
        // What a text stands for may change with its end.
        (Value::String(seen), Value::String(want)) => !typing.form.is_plain() || want.starts_with(seen.as_str()),
        (Value::Array(seen), Value::Array(want)) => {
            let same = |(item, want): (&Value, &Value)| typing.of_element(item).equal(item, want) == Some(true);
            seen.len() <= want.len() && seen.iter().zip(want).all(same)
        }
        (Value::Number(_), Value::Number(_)) => Test::Le(want.clone()).holds(Some(value), typing),
        _ => value == want,
    }
}

impl Test {
    /// Whether it holds for every number within `bounds`, or for none of them. `None`: where between them the number lies decides.
    pub(super) fn holds_within(&self, bounds: Interval) -> Option<bool> {
        let Interval { lo, hi } = bounds;
        let hi = hi.unwrap_or(f64::INFINITY);
        let decided = |all: bool, none: bool| if none { Some(false) } else { all.then_some(true) };
        match self {
            Self::Lt(want) => want.as_f64().and_then(|want| decided(hi < want, lo >= want)),
            Self::Le(want) => want.as_f64().and_then(|want| decided(hi <= want, lo > want)),
            Self::Gt(want) => want.as_f64().and_then(|want| decided(lo > want, hi <= want)),
            Self::Ge(want) => want.as_f64().and_then(|want| decided(lo >= want, hi < want)),
            Self::Between(low, high) => {
                test::all([Self::Ge(low.clone()), Self::Le(high.clone())].iter().map(|part| part.holds_within(bounds)))
            }
            Self::Eq(want) => want.as_f64().and_then(|want| {
                let exact = lo.to_bits() == hi.to_bits() && lo.to_bits() == want.to_bits();
                decided(exact, want < lo || want > hi)
            }),
            Self::In(wants) => test::any(wants.iter().map(|want| Self::Eq(want.clone()).holds_within(bounds))),
            _ => Option::None,
        }
    }

    /// Whether it holds for every number from nothing up to `value`, which is the most that it can be. `None`: how much less
    /// it is decides. Without a value nothing is known.
    #[must_use]
    pub fn holds_at_most<'a>(&self, value: Option<&Value>, typing: impl Into<ValueType<'a>>) -> Option<bool> {
        let typing = typing.into();
        match self {
            Self::Not(part) => return part.holds_at_most(value, typing).map(|held| !held),
            Self::AllOf(parts) => return test::all(parts.iter().map(|part| part.holds_at_most(value, typing))),
            Self::AnyOf(parts) => return test::any(parts.iter().map(|part| part.holds_at_most(value, typing))),
            _ => {}
        }
        let value = value.filter(|value| value.is_number())?;
        let held = |test: &Self| test.holds(Some(value), typing);
        match self {
            Self::Present(want) => Some(*want),
            // Less only helps.
            Self::Lt(_) | Self::Le(_) => held(self).then_some(true),
            // Less never helps.
            Self::Gt(_) | Self::Ge(_) => (!held(self)).then_some(false),
            Self::Between(low, high) => {
                let from_nothing = Self::Ge(low.clone()).holds(Some(&Value::from(0)), typing);
                if held(&Self::Ge(low.clone())) {
                    (from_nothing && held(&Self::Le(high.clone()))).then_some(true)
                } else {
                    Some(false)
                }
            }
            Self::Eq(want) => (!held(&Self::Ge(want.clone()))).then_some(false),
            Self::In(wants) => (!wants.iter().any(|want| held(&Self::Ge(want.clone())))).then_some(false),
            _ => Option::None,
        }
    }
}

/// A match that what follows cannot undo. One that is tied to what follows looks at one character of it: that one must be there.
fn matches_on(regex: &Regex, text: &str) -> bool {
    let tied = TIED.iter().any(|tie| regex.as_str().contains(tie));
    if tied { regex.find_iter(text).any(|found| found.end() < text.len()) } else { regex.is_match(text) }
}

#[cfg(test)]
mod tests {
    use regex::Regex;
    use serde_json::{Value, json};

    use super::Test;
    use crate::model::Unit;
    use crate::model::expectation::Sort;

    fn regex(pattern: &str) -> Test {
        Test::Matches(Regex::new(pattern).unwrap())
    }

    fn boxed(test: Test) -> Box<Test> {
        Box::new(test)
    }

    /// What is decided is decided for every number between the bounds, and what is not has an example of either.
    #[test]
    fn of_bounds_only_what_no_number_between_them_undoes_is_decided() {
        let rows: Vec<(Test, Option<bool>, Option<bool>)> = vec![
            // The test; of 0.48 to 0.51; of at least 0.48.
            (Test::Lt(json!(1)), Some(true), None),
            (Test::Lt(json!(0.51)), None, None),
            (Test::Le(json!(0.51)), Some(true), None),
            (Test::Lt(json!(0.5)), None, None),
            (Test::Lt(json!(0.48)), Some(false), Some(false)),
            (Test::Le(json!(0.48)), None, None),
            (Test::Gt(json!(0.4)), Some(true), Some(true)),
            (Test::Gt(json!(0.51)), Some(false), None),
            (Test::Ge(json!(0.51)), None, None),
            (Test::Ge(json!(0.48)), Some(true), Some(true)),
            (Test::Between(json!(0.4), json!(0.6)), Some(true), None),
            (Test::Between(json!(0.5), json!(0.6)), None, None),
            (Test::Between(json!(0.49), json!(0.5)), None, None),
            (Test::Between(json!(0.1), json!(0.4)), Some(false), Some(false)),
            (Test::Between(json!(0.6), json!(0.7)), Some(false), None),
            (Test::Eq(json!(0.5)), None, None),
            (Test::Eq(json!(0)), Some(false), Some(false)),
            (Test::Not(boxed(Test::Eq(json!(0)))), Some(true), Some(true)),
            (Test::In(vec![json!(0.1), json!(0.2)]), Some(false), Some(false)),
            (Test::Present(true), Some(true), Some(true)),
            (Test::Present(false), Some(false), Some(false)),
            (Test::AllOf(vec![Test::Lt(json!(1)), Test::Gt(json!(0.9))]), Some(false), None),
            (Test::AnyOf(vec![Test::Lt(json!(0.1)), Test::Gt(json!(0.4))]), Some(true), Some(true)),
        ];
        let seconds = Sort::Number(Unit::Seconds);
        for (test, closed, open) in rows {
            assert_eq!(test.decide(Some(&json!({"lo": 0.48, "hi": 0.51})), seconds), closed, "{test:?}");
            assert_eq!(test.decide(Some(&json!({"lo": 0.48})), seconds), open, "{test:?} without an end");
        }
        let all = Test::All(boxed(Test::Lt(json!(1))));
        let column = Sort::of_column(&crate::model::FactInfo {
            is_column: true,
            ..crate::model::Fact::interval("t.outage", Unit::Seconds, crate::model::Better::Lower, "").info
        });
        let bounds = |hi: f64| json!({"lo": 0.48, "hi": hi});
        assert_eq!(all.decide(Some(&json!([bounds(0.51), bounds(0.9)])), column), Some(true));
        assert_eq!(all.decide(Some(&json!([bounds(0.51), bounds(1.1)])), column), None);
        assert_eq!(all.decide(Some(&json!([{"lo": 1.2, "hi": 1.3}, bounds(1.1)])), column), Some(false));
    }

    /// What is decided is decided for every smaller number, and what is not has an example of either.
    #[test]
    fn of_a_most_only_what_less_cannot_undo_is_decided() {
        let rows: Vec<(Test, Option<bool>)> = vec![
            (Test::Le(json!(0.2)), Some(true)),
            (Test::Lt(json!(0.2)), Some(true)),
            (Test::Le(json!(0.001)), None),
            (Test::Lt(json!(0.149)), None),
            (Test::Ge(json!(0.1)), None),
            (Test::Gt(json!(0.149)), Some(false)),
            (Test::Ge(json!(0.2)), Some(false)),
            (Test::Eq(json!(0.149)), None),
            (Test::Eq(json!(0)), None),
            (Test::Eq(json!(0.5)), Some(false)),
            (Test::Not(boxed(Test::Eq(json!(0.5)))), Some(true)),
            (Test::Not(boxed(Test::Eq(json!(0)))), None),
            (Test::Between(json!(0), json!(0.5)), Some(true)),
            (Test::Between(json!(0), json!(0.1)), None),
            (Test::Between(json!(0.1), json!(0.5)), None),
            (Test::Between(json!(0.2), json!(0.5)), Some(false)),
            (Test::In(vec![json!(0.3), json!(0.4)]), Some(false)),
            (Test::In(vec![json!(0), json!(0.4)]), None),
            (Test::Present(true), Some(true)),
            (Test::AllOf(vec![Test::Le(json!(0.2)), Test::Ge(json!(0.3))]), Some(false)),
            (Test::AnyOf(vec![Test::Le(json!(0.2)), Test::Eq(json!(0))]), Some(true)),
        ];
        for (test, want) in rows {
            assert_eq!(test.holds_at_most(Some(&json!(0.149)), Sort::Number(Unit::Ratio)), want, "{test:?}");
        }
        assert_eq!(Test::Le(json!(1)).holds_at_most(None, Sort::Number(Unit::Ratio)), None, "nothing was counted");
    }

    /// What is decided is decided for everything that begins so, and what is not has an example of either.
    #[test]
    fn only_what_more_data_cannot_undo_is_decided() {
        let text = |test: Test, want: Option<bool>| (test, json!("hello"), Sort::Text, want);
        let list = |test: Test, want: Option<bool>| (test, json!(["a", "b"]), Sort::List, want);
        let count = |test: Test, want: Option<bool>| (test, json!(64), Sort::Number(Unit::Count), want);
        let a = || Test::Eq(json!("a"));
        let rows: Vec<(Test, Value, Sort, Option<bool>)> = vec![
            text(Test::Contains(vec![json!("ell")]), Some(true)),
            text(Test::Contains(vec![json!("world")]), None),
            text(Test::Excludes(vec![json!("ell")]), Some(false)),
            text(Test::Excludes(vec![json!("world")]), None),
            text(regex("ell"), Some(true)),
            text(regex("o$"), None),
            text(regex(r"o\b"), None),
            text(regex("^[^y]*$"), None),
            text(regex(r"^h[a-z]+\z"), None),
            text(regex("(?m)^hel"), Some(true)),
            text(regex(r"\bhel"), Some(true)),
            (regex(r"hello\b"), json!("hello there"), Sort::Text, Some(true)),
            (regex("(?m)^up$"), json!("up\nand"), Sort::Text, Some(true)),
            (regex("(?m)^and$"), json!("up\nand"), Sort::Text, None),
            text(regex("world"), None),
            text(Test::Not(boxed(regex("ell"))), Some(false)),
            text(Test::Not(boxed(regex("world"))), None),
            text(Test::Eq(json!("hello")), None),
            text(Test::Eq(json!("hello world")), None),
            text(Test::Eq(json!("help")), Some(false)),
            text(Test::Not(boxed(Test::Eq(json!("help")))), Some(true)),
            text(Test::In(vec![json!("help"), json!("hell")]), Some(false)),
            text(Test::Len(boxed(Test::Ge(json!(5)))), Some(true)),
            text(Test::Len(boxed(Test::Le(json!(5)))), None),
            text(Test::Len(boxed(Test::Le(json!(4)))), Some(false)),
            text(Test::Len(boxed(Test::Eq(json!(5)))), None),
            text(Test::Present(true), Some(true)),
            text(Test::Present(false), Some(false)),
            list(Test::Contains(vec![json!("a")]), Some(true)),
            list(Test::Contains(vec![json!("a"), json!("c")]), None),
            list(Test::Exactly(vec![json!("a"), json!("b")]), None),
            list(Test::Exactly(vec![json!("a"), json!("c"), json!("d")]), Some(false)),
            list(Test::Exactly(vec![json!("a")]), Some(false)),
            list(Test::Any(boxed(a())), Some(true)),
            list(Test::All(boxed(a())), Some(false)),
            list(Test::All(boxed(regex("[ab]"))), None),
            list(Test::None(boxed(a())), Some(false)),
            list(Test::None(boxed(Test::Eq(json!("z")))), None),
            count(Test::Ge(json!(64)), Some(true)),
            count(Test::Ge(json!(65)), None),
            count(Test::Le(json!(64)), None),
            count(Test::Lt(json!(64)), Some(false)),
            count(Test::Eq(json!(64)), None),
            count(Test::Between(json!(1), json!(63)), Some(false)),
            count(Test::AllOf(vec![Test::Ge(json!(1)), Test::Le(json!(99))]), None),
            count(Test::AnyOf(vec![Test::Ge(json!(1)), Test::Eq(json!(0))]), Some(true)),
        ];
        for (test, value, sort, want) in rows {
            assert_eq!(test.holds_in_part(Some(&value), sort), want, "{test:?} of {value}");
        }
        let (word, words) = (json!("connected"), Sort::Choice(&["connected", "refused"]));
        assert_eq!(Test::Eq(word.clone()).holds_in_part(Some(&word), words), None, "another address may refuse");
        assert_eq!(Test::Eq(json!("refused")).holds_in_part(Some(&word), words), None);
        assert_eq!(Test::Eq(json!(true)).holds_in_part(Some(&json!(true)), Sort::Bool), None);
        for test in [Test::Present(true), Test::Present(false), a(), Test::Not(boxed(a()))] {
            assert_eq!(test.holds_in_part(None, Sort::Text), None, "{test:?}: nothing was seen");
        }
    }
}
