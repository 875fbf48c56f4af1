//! What tells two values apart that look alike: kind of value, case, Unicode form, blanks, line ends, characters that cannot be
//! seen. A message that says "expected 5, saw 5" helps nobody.

use unicode_normalization::UnicodeNormalization as _;

use super::{Form, ValueType, distinguished};
use crate::model::Value;
use crate::model::count::counted;
use crate::model::visible::{is_hidden, visible};

/// Characters around the first difference of two long texts.
const AROUND: usize = 20;
/// Texts with so many characters in common at the front are told apart by the place of their first difference.
const LONG: usize = 60;

/// In which way `seen` differs from `want`, when they look alike; `None` when anybody sees that they differ.
#[must_use]
pub fn difference(want: &Value, seen: &Value) -> Option<String> {
    match (want, seen) {
        (Value::String(want), Value::String(seen)) => texts(want, seen),
        (Value::Array(wants), Value::Array(items)) => lists(wants, items),
        _ if kind(want) != kind(seen) && looks_like(want, seen) => Some(format!("{}, not {}", kind(seen), kind(want))),
        _ => None,
    }
}

impl ValueType<'_> {
    /// In which way `seen` differs from `want`, when they look alike; elements that are one value are no difference.
    #[must_use]
    pub fn difference(self, want: &Value, seen: &Value) -> Option<String> {
        match (want, seen) {
            (Value::Array(wants), Value::Array(items)) => {
                let owned = |values: Vec<&Value>| values.into_iter().cloned().collect::<Vec<_>>();
                let (missing, unexpected) = (self.only_in(wants, items), self.only_in(items, wants));
                lists(&owned(missing), &owned(unexpected))
            }
            (Value::String(want), Value::String(seen))
                if matches!(self.form, Form::DistinguishedName) && distinguished::same_parts(want, seen) =>
            {
                Some("the same but for the order of its parts".to_owned())
            }
            _ => difference(want, seen),
        }
    }
}

/// Whether two values are read alike: 5 and "5", or texts that differ in what a reader overlooks.
pub(super) fn looks_like(one: &Value, other: &Value) -> bool {
    folded(&plain(one)) == folded(&plain(other))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// The kind of a value, for people.
#[must_use]
pub const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a document",
    }
}

/// The first pair that looks alike and differs; else what the lists differ in as lists.
fn lists(wants: &[Value], items: &[Value]) -> Option<String> {
    let missing = wants.iter().filter(|want| !items.contains(want));
    let found = missing.clone().find_map(|want| {
        items.iter().filter(|item| !wants.contains(item)).find_map(|item| Some((item, difference(want, item)?)))
    });
    if let Some((item, why)) = found {
        return Some(format!("{}: {why}", visible(&plain(item))));
    }
    let joined = |values: &[Value]| values.iter().map(plain).collect::<Vec<_>>().join(", ");
    let lengths = || format!("{}, not {}", counted(items.len(), "element"), wants.len());
    (wants.len() != items.len() && joined(wants) == joined(items)).then(lengths)
}

/// What a reader overlooks, one after the other: its name, and the text without it.
type Fold = (&'static str, fn(&str) -> String);
const FOLDS: [Fold; 7] = [
    ("line ends", |text| text.replace("\r\n", "\n").replace('\r', "\n")),
    ("blanks", |text| text.split_whitespace().collect::<Vec<_>>().join(" ")),
    ("blanks", |text| text.chars().filter(|c| !c.is_whitespace()).collect()),
    ("characters that cannot be seen", |text| text.chars().filter(|c| !is_hidden(*c)).collect()),
    ("the Unicode form (NFC or NFD)", |text| text.nfc().collect()),
    ("upper and lower case", str::to_lowercase),
    ("quotation marks", |text| text.chars().filter(|c| !matches!(c, '"' | '\'')).collect()),
];

fn folded(text: &str) -> String {
    FOLDS.iter().fold(text.to_owned(), |text, (_, fold)| fold(&text))
}

fn texts(want: &str, seen: &str) -> Option<String> {
    if want == seen {
        return None;
    }
    if folded(want) != folded(seen) {
        return long(want, seen);
    }
    // Those matter without which the two would not be one; what a later one undoes too, a blank for one, is named once.
    let without = |skipped: &str| {
        let fold = |text: &str| {
            FOLDS.iter().filter(|(name, _)| *name != skipped).fold(text.to_owned(), |text, (_, fold)| fold(&text))
        };
        fold(want) != fold(seen)
    };
    let mut names: Vec<&str> = FOLDS.iter().map(|(name, _)| *name).filter(|name| without(name)).collect();
    names.dedup();
    if names.is_empty() {
        // A line end is a blank too: either alone explains it.
        let first = |(name, fold): &Fold| (fold(want) == fold(seen)).then_some(*name);
        names.extend(FOLDS.iter().find_map(first));
    }
    let what = if names.is_empty() { "what cannot be seen".to_owned() } else { names.join(" and ") };
    Some(format!("the same but for {what}"))
}

/// Where two long texts begin to differ.
fn long(want: &str, seen: &str) -> Option<String> {
    let common = want.chars().zip(seen.chars()).take_while(|(one, other)| one == other).count();
    if common < LONG {
        return None;
    }
    let at = |text: &str| visible(&text.chars().skip(common).take(AROUND).collect::<String>());
    Some(match (at(want), at(seen)) {
        (want, seen) if seen.is_empty() => format!("it ends after {}, before `{want}`", counted(common, "character")),
        (want, seen) if want.is_empty() => format!("it goes on after {}: `{seen}`", counted(common, "character")),
        (want, seen) => format!("from character {} on `{seen}`, not `{want}`", common + 1),
    })
}
