//! The example of each operator is planned, and decides as its page says.

use shakedown::app::explain::operators::{SORTS, example_of};
use shakedown::model::Value;
use shakedown::model::expectation::{Operator, Sort};

use super::suites::{planned, whole};

/// The verdict of an operator's example on a value; of an absent fact without one.
fn holds(operator: Operator, value: Option<&Value>) -> bool {
    let text = whole(&example_of(operator).yaml()).unwrap();
    let plan = planned(&text).unwrap_or_else(|errors| panic!("{}:\n{errors}", operator.word()));
    let case = &plan.cases[0];
    let own: Vec<_> = case.base.expectations.iter().filter(|one| one.origin.place().is_some()).collect();
    assert_eq!(own.len(), 1, "{}: one expectation", operator.word());
    assert_eq!(own[0].operator, operator, "the example of `{}` uses it", operator.word());
    own[0].test.holds(value, own[0].typing(Some("A")))
}

#[test]
fn examples_hold_and_fail_as_the_page_says() {
    for operator in Operator::all() {
        let example = example_of(operator);
        assert!(!example.holds.is_empty() && !example.fails.is_empty(), "{}: both sides", operator.word());
        for (values, want) in [(example.holds, true), (example.fails, false)] {
            for text in values {
                let value: Value = serde_json::from_str(text).unwrap();
                assert_eq!(holds(operator, Some(&value)), want, "{}: {} of {text}", operator.word(), example.expect);
            }
        }
        assert!(!holds(operator, None), "{}: an absent fact", operator.word());
    }
}

#[test]
fn the_sorts_are_all_there_are() {
    // Every operator fits what is typed by what is written.
    assert!(Operator::all().all(|operator| operator.fits(Sort::Any)));
    let fitting = |sort: Sort| Operator::all().filter(|operator| operator.fits(sort)).count();
    for (word, sort) in SORTS {
        assert_eq!(fitting(*sort), sort.operators().count(), "{word}");
    }
    assert_eq!(SORTS.len(), 7);
}
