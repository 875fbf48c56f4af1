//! What a fact can be, as far as tests can tell values apart: enough of them to see that a test cannot fail, or that two
//! contradict each other.

use regex::Regex;

use super::sort::Sort;
use super::test::Test;
use crate::model::Value;
use crate::model::typed::ValueType;

/// Longest list made up to try a length.
const LONGEST: u16 = 256;
/// Most constants that are tried against each other.
const MOST: usize = 1000;
/// A text no suite names.
const OTHER: &str = "\u{1}";
/// Texts that have nothing in common: a pattern that matches each of them matches anything.
const TEXTS: [&str; 7] = ["", "a", "0", " ", "é", "~!", "a b-c.d:e/f"];

/// The smallest and the largest number a fact can be; open where there is none.
pub type Range = (Option<f64>, Option<f64>);

/// Values of a fact, and whether they stand for all it can be.
struct Values {
    values: Vec<Value>,
    complete: bool,
}

/// Whether `test` holds for every value the fact can have.
#[must_use]
pub fn always_holds<'a>(test: &Test, typing: impl Into<ValueType<'a>>, range: Range) -> bool {
    let typing = typing.into();
    let domain = values(&[test], typing.sort, range);
    domain.complete && !domain.values.is_empty() && domain.values.iter().all(|value| test.holds(Some(value), typing))
}

/// Whether no value, and no absence, satisfies all of `tests`. Where that cannot be told, they are taken to agree.
#[must_use]
pub fn contradict<'a>(tests: &[&Test], typing: impl Into<ValueType<'a>>, range: Range) -> bool {
    let typing = typing.into();
    let domain = values(tests, typing.sort, range);
    let holds = |value: Option<&Value>| tests.iter().all(|test| test.holds(value, typing));
    domain.complete && !domain.values.iter().map(Some).chain([None]).any(holds)
}

/// Whether a test refuses a number for being too large: some number satisfies it, and some larger one does not.
#[must_use]
pub fn limits_above(test: &Test, sort: Sort) -> bool {
    let mut named = Constants::default();
    named.add(test);
    // It can only change at the numbers it names.
    let beside = |at: f64| [at * (1.0 - 1e-6), at, at * (1.0 + 1e-6)];
    let mut points: Vec<f64> = named.numbers.into_iter().flat_map(beside).chain([0.0, f64::MAX]).collect();
    points.sort_by(f64::total_cmp);
    let held = points.into_iter().map(|point| test.holds(Some(&Value::from(point)), sort));
    held.skip_while(|held| !held).any(|held| !held)
}

/// Whether `test` holds for every number of a range, or for none; `None` where it depends on which.
#[must_use]
pub fn holds_throughout<'a>(test: &Test, typing: impl Into<ValueType<'a>>, (low, high): (f64, f64)) -> Option<bool> {
    let typing = typing.into();
    let mut named = Constants::default();
    named.add(test);
    let numbers = numbers(named.numbers, (Some(low), Some(high)));
    let mut held = numbers.iter().map(|number| test.holds(Some(number), typing));
    let first = held.next()?;
    held.all(|other| other == first).then_some(first)
}

/// Whether a pattern matches whatever it is tried on.
#[must_use]
pub fn matches_anything(pattern: &Regex) -> bool {
    TEXTS.iter().all(|text| pattern.is_match(text))
}

/// One value of each kind that the tests tell apart.
fn values(tests: &[&Test], sort: Sort, range: Range) -> Values {
    let mut named = Constants::default();
    for test in tests {
        named.add(test);
    }
    if named.numbers.len() + named.texts.len() > MOST {
        return Values { values: Vec::new(), complete: false };
    }
    match sort {
        Sort::Bool => Values { values: vec![Value::Bool(true), Value::Bool(false)], complete: true },
        Sort::Choice(words) => Values { values: words.iter().map(|word| Value::from(*word)).collect(), complete: true },
        Sort::Number(_) => Values { values: numbers(named.numbers, range), complete: true },
        Sort::List => Values { complete: !named.open, values: lists(&named) },
        Sort::Text => Values { complete: !named.open, values: texts(&named) },
        Sort::Time | Sort::Any | Sort::Column(_) => Values { values: Vec::new(), complete: false },
    }
}

/// Each number that is named, one between each two, and one beyond either end.
fn numbers(mut named: Vec<f64>, (low, high): Range) -> Vec<Value> {
    named.extend(low.into_iter().chain(high).chain([0.0]));
    named.sort_by(f64::total_cmp);
    named.dedup();
    let mut all = named.clone();
    all.extend(named.windows(2).map(|pair| f64::midpoint(pair[0], pair[1])));
    all.extend(named.first().map(|first| first - 1.0));
    all.extend(named.last().map(|last| last + 1.0));
    let within = |number: &f64| low.is_none_or(|low| *number >= low) && high.is_none_or(|high| *number <= high);
    all.into_iter().filter(within).map(Value::from).collect()
}

fn lists(named: &Constants) -> Vec<Value> {
    let items = || named.texts.iter().map(String::as_str).chain([OTHER]);
    let list = |items: Vec<&str>| Value::from(items);
    let mut out =
        vec![list(Vec::new()), list(items().collect()), list(named.texts.iter().map(String::as_str).collect())];
    out.extend(items().map(|item| list(vec![item])));
    out.extend(named.lengths().map(|length| list(vec![OTHER; length])));
    out.extend(named.lists.iter().cloned());
    out
}

fn texts(named: &Constants) -> Vec<Value> {
    let mut out: Vec<Value> = named.texts.iter().map(|text| Value::from(text.as_str())).collect();
    out.extend([Value::from(""), Value::from(OTHER), Value::from(named.texts.concat())]);
    out.extend(named.lengths().map(|length| Value::from(OTHER.repeat(length))));
    out
}

/// The constants of tests.
#[derive(Default)]
struct Constants {
    numbers: Vec<f64>,
    texts: Vec<String>,
    lists: Vec<Value>,
    /// A pattern stands for texts that are not known.
    open: bool,
}

impl Constants {
    fn add(&mut self, test: &Test) {
        match test {
            Test::Eq(value) | Test::Lt(value) | Test::Le(value) | Test::Gt(value) | Test::Ge(value) => {
                self.value(value);
            }
            Test::Between(low, high) => {
                self.value(low);
                self.value(high);
            }
            Test::In(values) | Test::Contains(values) | Test::Excludes(values) | Test::Exactly(values) => {
                for value in values {
                    self.value(value);
                }
                self.lists.push(Value::Array(values.clone()));
            }
            Test::Matches(_) => self.open = true,
            Test::Any(part) | Test::All(part) | Test::None(part) | Test::Not(part) => self.add(part),
            Test::Len(part) => {
                let before = self.numbers.len();
                self.add(part);
                // An example of such a length is not made: nothing is known of it.
                self.open |= self.numbers.iter().skip(before).any(|length| *length >= f64::from(LONGEST));
            }
            Test::AllOf(parts) | Test::AnyOf(parts) => parts.iter().for_each(|part| self.add(part)),
            Test::Present(_) => {}
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Number(number) => self.numbers.extend(number.as_f64()),
            Value::String(text) => self.texts.push(text.clone()),
            Value::Array(items) => {
                for item in items {
                    self.value(item);
                }
                self.lists.push(value.clone());
            }
            _ => {}
        }
    }

    /// Lengths around those that are named.
    fn lengths(&self) -> impl Iterator<Item = usize> {
        let around = |length: f64| [length - 1.0, length, length + 1.0];
        let lengths = self.numbers.iter().copied().flat_map(around).filter(|length| *length >= 0.0);
        lengths.filter_map(|length| (0..=LONGEST).find(|whole| f64::from(*whole) >= length)).map(usize::from)
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;
    use serde_json::json;

    use super::{Range, always_holds, contradict, holds_throughout, limits_above, matches_anything};
    use crate::model::Unit;
    use crate::model::expectation::{Sort, Test};

    const COUNT: Sort = Sort::Number(Unit::Count);
    const NATURAL: Range = (Some(0.0), None);
    const SHARE: Range = (Some(0.0), Some(1.0));
    const WORDS: Sort = Sort::Choice(&["answered", "refused", "timeout"]);

    fn not(test: Test) -> Test {
        Test::Not(Box::new(test))
    }

    fn len(test: Test) -> Test {
        Test::Len(Box::new(test))
    }

    #[test]
    fn a_test_that_cannot_fail_is_seen() {
        assert!(always_holds(&Test::Ge(json!(0)), COUNT, NATURAL));
        assert!(!always_holds(&Test::Ge(json!(0)), COUNT, (None, None)), "it may be negative");
        assert!(!always_holds(&Test::Gt(json!(0)), COUNT, NATURAL));
        assert!(always_holds(&Test::Le(json!(1)), COUNT, SHARE));
        assert!(always_holds(&Test::Ge(json!("answered")), WORDS, NATURAL));
        assert!(always_holds(&Test::In(vec![json!("answered"), json!("refused"), json!("timeout")]), WORDS, NATURAL));
        assert!(!always_holds(&Test::In(vec![json!("answered"), json!("refused")]), WORDS, NATURAL));
        assert!(always_holds(&len(Test::Ge(json!(0))), Sort::List, NATURAL));
        assert!(!always_holds(&Test::Excludes(vec![json!("a")]), Sort::List, NATURAL));
        assert!(always_holds(&Test::AnyOf(vec![Test::Eq(json!("a")), not(Test::Eq(json!("a")))]), Sort::Text, NATURAL));
        assert!(!always_holds(&Test::Eq(json!("a")), Sort::Any, NATURAL));
        assert!(!contradict(&[&Test::Present(true)], COUNT, (None, None)));
    }

    #[test]
    fn a_contradiction_is_seen_and_nothing_else() {
        let some = len(Test::Ge(json!(1)));
        let two_xx = Test::Between(json!(200), json!(299));
        assert!(contradict(&[&two_xx, &Test::Lt(json!(200))], COUNT, NATURAL));
        assert!(!contradict(&[&two_xx, &not(Test::Eq(json!(204)))], COUNT, NATURAL));
        assert!(contradict(&[&Test::Eq(json!(true)), &not(Test::Eq(json!(true)))], Sort::Bool, NATURAL));
        assert!(contradict(&[&Test::Eq(json!("answered")), &not(Test::In(vec![json!("answered")]))], WORDS, NATURAL));
        assert!(contradict(&[&some, &not(len(Test::Gt(json!(0))))], Sort::List, NATURAL));
        assert!(contradict(&[&some, &Test::Present(false)], Sort::List, NATURAL));
        assert!(!contradict(&[&some, &Test::Excludes(vec![json!("a")])], Sort::List, NATURAL));
        assert!(!contradict(&[&some, &Test::All(Box::new(Test::Eq(json!("a"))))], Sort::List, NATURAL));
        assert!(!contradict(&[&some, &len(Test::Le(json!(4)))], Sort::List, NATURAL));
        assert!(!contradict(&[&len(Test::Eq(json!(65_536)))], Sort::List, NATURAL), "a list may be long");
        let pattern = Test::Any(Box::new(Test::Matches(Regex::new("^10 ").unwrap())));
        assert!(!contradict(&[&some, &pattern], Sort::List, NATURAL), "it cannot be told");
    }

    #[test]
    fn of_an_interval_every_number_counts() {
        let (between, outside) = (Test::Between(json!(1.4), json!(1.6)), not(Test::Between(json!(1.4), json!(1.6))));
        for (interval, held) in
            [((1.5, 1.6), Some(true)), ((1.7, 2.0), Some(false)), ((1.5, 2.0), None), ((1.0, 2.0), None)]
        {
            assert_eq!(holds_throughout(&between, COUNT, interval), held, "{interval:?}");
            assert_eq!(holds_throughout(&outside, COUNT, interval), held.map(|held| !held), "{interval:?}");
        }
        assert_eq!(holds_throughout(&Test::Eq(json!(1)), COUNT, (0.9, 1.1)), None);
        assert_eq!(holds_throughout(&Test::Present(false), COUNT, (0.9, 1.1)), Some(false));
    }

    #[test]
    fn a_pattern_that_matches_anything_is_seen() {
        for open in [".*", "^", "a*", "ok|", "^.*$", "(?:x)?"] {
            assert!(matches_anything(&Regex::new(open).unwrap()), "{open}");
        }
        for real in [".", ".+", "^$", "^ok$", "a|0", r"\w"] {
            assert!(!matches_anything(&Regex::new(real).unwrap()), "{real}");
        }
    }

    #[test]
    fn an_upper_limit_is_recognised_in_every_form() {
        let (one, two): (crate::model::Value, crate::model::Value) = (json!(1.0), json!(2.0));
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
            assert_eq!(limits_above(&test, COUNT), limits, "{test:?}");
        }
    }
}
