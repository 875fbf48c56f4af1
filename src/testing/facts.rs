//! Facts of an observation that a test knows to be there.

use crate::model::{Observation, Value};

/// A fact.
#[track_caller]
pub fn fact<'o>(seen: &'o Observation, name: &str) -> &'o Value {
    seen.last(name).unwrap_or_else(|| panic!("no {name} in {:?} {:?}", seen.rounds(), seen.notes()))
}

/// A whole number.
#[track_caller]
pub fn count(seen: &Observation, name: &str) -> i64 {
    fact(seen, name).as_i64().unwrap_or_else(|| panic!("{name} is no whole number: {seen:?}"))
}

/// A number.
#[track_caller]
pub fn number(seen: &Observation, name: &str) -> f64 {
    fact(seen, name).as_f64().unwrap_or_else(|| panic!("{name} is no number: {seen:?}"))
}

/// A list of texts.
#[track_caller]
pub fn list(seen: &Observation, name: &str) -> Vec<String> {
    let items = fact(seen, name).as_array().unwrap_or_else(|| panic!("{name} is no list: {seen:?}"));
    items.iter().map(|item| item.as_str().unwrap_or_else(|| panic!("{name} holds no texts")).to_owned()).collect()
}

/// A line of evidence holds these words.
#[track_caller]
pub fn noted(seen: &Observation, words: &str) {
    assert!(seen.notes().iter().any(|note| note.contains(words)), "no note says {words:?}: {:?}", seen.notes());
}
