//! What was seen and did not hold, told so that nobody takes it for what was wanted, and finds in a long list what is wrong with it.

use super::operands::human;
use crate::model::expectation::{Expectation, Sort, Test};
use crate::model::typed::{self, ValueType};
use crate::model::{Unit, Value};

/// Elements of a list that are named; further ones are counted.
const NAMED: usize = 5;
/// What stands in a suite's texts in place of a secret.
const HIDDEN: &str = "***";

/// `text`, which is `value` for people, with what makes it another value than the one wanted, where that does not meet the eye.
pub(super) fn distinguish(expectation: &Expectation, value: &Value, typing: ValueType<'_>, text: String) -> String {
    if let Some(needed) = expectation.test.needs(value).filter(|_| !value.is_null()) {
        return format!("{text} ({}, not {needed})", typed::kind(value));
    }
    let hidden = expectation.want.contains(HIDDEN);
    // Backticks hold a piece of what was wanted.
    let alike = alike(expectation, value, typing).filter(|why| !(hidden && why.contains('`')));
    let why = alike
        .or_else(|| incomparable(&expectation.test, value))
        .or_else(|| quotes(&expectation.test, value))
        .or_else(|| of_list(expectation, value, typing));
    if let Some(why) = why {
        return format!("{text} ({why})");
    }
    if text != expectation.operator.sentence(&expectation.want) {
        return text;
    }
    let json = value.to_string();
    if json == text { format!("{text} (of another kind)") } else { format!("{text} (as JSON: {json})") }
}

/// `text`, which says what is there in place of a value, beside what a test wants that names what must not be.
pub(super) fn of_negation(test: &Test, text: String) -> String {
    match test {
        Test::Not(_) | Test::Excludes(_) | Test::None(_) => {
            format!("{text} (what is not there satisfies `present: false` alone)")
        }
        _ => text,
    }
}

/// Why a null, or a value of another kind, does not satisfy what must not be one of other values: it can be held against none.
fn incomparable(test: &Test, value: &Value) -> Option<String> {
    let Test::Not(part) = test else { return None };
    let (mut wants, mut elements) = (Vec::new(), Vec::new());
    part.wanted(&mut wants, &mut elements);
    let other = wants.iter().chain(&elements).find(|want| {
        std::mem::discriminant(*want) != std::mem::discriminant(value) && !want.is_null() && !value.is_array()
    })?;
    let own = if value.is_null() { String::new() } else { format!("{}, ", typed::kind(value)) };
    Some(format!("{own}not compared with {}", typed::kind(other)))
}

/// In what two values differ that look alike: the wanted and the seen one, or an element of either.
fn alike(expectation: &Expectation, value: &Value, typing: ValueType<'_>) -> Option<String> {
    let (mut wants, mut elements) = (Vec::new(), Vec::new());
    expectation.test.wanted(&mut wants, &mut elements);
    let other = |want: &&Value| typing.equal(value, want) != Some(true);
    let whole = |want: &Value| {
        let of_lists = typing.difference(want, value);
        of_lists.or_else(|| rounded(want, value, expectation.sort))
    };
    if let Some(why) = wants.iter().filter(other).find_map(whole) {
        return Some(why);
    }
    // A list is held against single elements, a text against its parts.
    let parts = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let is = |item: &Value, want: &Value| typing.of_element(item).equal(item, want) == Some(true);
    let missing = elements.iter().filter(|want| !parts.iter().any(|item| is(item, want)));
    let unexpected: Vec<&Value> = parts.iter().filter(|item| !elements.iter().any(|want| is(item, want))).collect();
    let of_part = |want: &Value, item: &Value| {
        let why = typed::difference(want, item)?;
        Some(if value.is_array() { format!("{}: {why}", human(item, Sort::Any)) } else { why })
    };
    missing.into_iter().find_map(|want| unexpected.iter().find_map(|item| of_part(want, item)))
}

/// A pattern that would match without the quotation marks, which are part of a text as it is shown.
fn quotes(test: &Test, value: &Value) -> Option<String> {
    let (Test::Any(part) | Test::All(part)) = test else { return None };
    let Test::Matches(pattern) = &**part else { return None };
    let mut texts = value.as_array()?.iter().filter_map(Value::as_str);
    let bare = |text: &str| text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map(str::to_owned);
    let found = texts.any(|text| !pattern.is_match(text) && bare(text).is_some_and(|bare| pattern.is_match(&bare)));
    found.then(|| "the quotation marks are part of the text, and the pattern matches without them".to_owned())
}

/// Which elements of a list are wrong, where it has several.
fn of_list(expectation: &Expectation, value: &Value, typing: ValueType<'_>) -> Option<String> {
    let items = value.as_array()?;
    let hidden = expectation.want.contains(HIDDEN);
    let named = |word: &str, values: Vec<&Value>| (!values.is_empty()).then(|| format!("{word}: {}", listed(&values)));
    let lacking = |wants| if hidden { None } else { named("missing", typing.only_in(wants, items)) };
    match &expectation.test {
        Test::Exactly(wants) | Test::Eq(Value::Array(wants)) if items.len() + wants.len() > 2 => {
            let parts = [lacking(wants), named("not expected", typing.only_in(items, wants))];
            let told: Vec<String> = parts.into_iter().flatten().collect();
            if told.is_empty() { (!hidden).then(|| "in another order".to_owned()) } else { Some(told.join("; ")) }
        }
        Test::Contains(wants) if wants.len() > 1 && !hidden => {
            named("missing", wants.iter().filter(|want| typing.contains(value, want) != Some(true)).collect())
        }
        Test::All(part) if items.len() > 1 => {
            named("not so", items.iter().filter(|item| part.of_element(item, typing) != Some(true)).collect())
        }
        Test::Not(part) => match &**part {
            Test::Any(part) => {
                named("found", items.iter().filter(|item| part.of_element(item, typing) == Some(true)).collect())
            }
            _ => None,
        },
        Test::None(part) if items.len() > 1 => {
            named("found", items.iter().filter(|item| part.of_element(item, typing) == Some(true)).collect())
        }
        _ => None,
    }
}

fn listed(values: &[&Value]) -> String {
    let mut shown: Vec<String> = values.iter().take(NAMED).map(|value| human(value, Sort::Any)).collect();
    if let Some(more) = values.len().checked_sub(NAMED).filter(|more| *more > 0) {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}

/// All digits of a number that reads like the one wanted once it is rounded.
fn rounded(want: &Value, seen: &Value, sort: Sort) -> Option<String> {
    let (Value::Number(one), Value::Number(other), Sort::Number(unit)) = (want, seen, sort) else { return None };
    let alike = !typed::same_number(one, other) && human(want, sort) == human(seen, sort);
    let symbol = if matches!(unit, Unit::Count | Unit::Ratio) { "" } else { unit.symbol() };
    alike.then(|| format!("exactly {other}{symbol}, where {one}{symbol} is wanted"))
}
