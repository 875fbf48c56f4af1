//! Facts of an observation that a test knows to be there.

use crate::model::{Observation, Value};

/// A fact.
#[track_caller]
pub fn fact<'o>(observation: &'o Observation, name: &str) -> &'o Value {
    observation
        .last(name)
        .unwrap_or_else(|| panic!("no {name} in {:?} {:?}", observation.rounds(), observation.notes()))
}

/// A table as an object of rows by key.
#[track_caller]
pub fn table(observation: &Observation, name: &str) -> Value {
    let rows = observation.last_rows(name);
    let rows = rows.unwrap_or_else(|| panic!("no {name} in {:?} {:?}", observation.rounds(), observation.notes()));
    rows.rows.iter().map(|(key, cells)| (key.to_string(), rows.object(cells))).collect()
}

/// A whole number.
#[track_caller]
pub fn count(observation: &Observation, name: &str) -> i64 {
    fact(observation, name).as_i64().unwrap_or_else(|| panic!("{name} is no whole number: {observation:?}"))
}

/// A number.
#[track_caller]
pub fn number(observation: &Observation, name: &str) -> f64 {
    fact(observation, name).as_f64().unwrap_or_else(|| panic!("{name} is no number: {observation:?}"))
}

/// A list of texts.
#[track_caller]
pub fn list(observation: &Observation, name: &str) -> Vec<String> {
    let items = fact(observation, name).as_array().unwrap_or_else(|| panic!("{name} is no list: {observation:?}"));
    items.iter().map(|item| item.as_str().unwrap_or_else(|| panic!("{name} holds no texts")).to_owned()).collect()
}

/// A line of evidence holds these words.
#[track_caller]
pub fn noted(observation: &Observation, words: &str) {
    assert!(
        observation.notes().iter().any(|note| note.contains(words)),
        "no note says {words:?}: {:?}",
        observation.notes()
    );
}
