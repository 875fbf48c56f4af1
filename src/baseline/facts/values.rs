//! Two values of one fact: what differs, key by key.

use std::collections::{BTreeSet, HashMap};

use super::attributes;
use crate::model::{Rule, Shift, Value};

/// Levels of an object looked into; what is deeper is compared as a whole.
const DEPTH: usize = 16;
/// Elements listed of what a list gained or lost.
const ELEMENTS: usize = 100;
/// Characters kept of a text, and of the JSON of anything else.
const CHARACTERS: usize = 2000;

/// The key whose values are cookies.
const COOKIES: &str = ".set-cookie";

/// One difference.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) path: String,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
    pub(super) shift: Shift,
    pub(super) added: Vec<Value>,
    pub(super) removed: Vec<Value>,
    pub(super) rule: Rule,
    pub(super) allowed: bool,
}

/// A walk through both values at once.
pub(super) struct Walk<'a> {
    /// The rule of a path.
    pub(super) rule: &'a dyn Fn(&str) -> Rule,
    /// Whether a path must stay although its value is ignored.
    pub(super) stays: &'a dyn Fn(&str) -> bool,
    /// Words of a choice, in order.
    pub(super) words: &'static [&'static str],
    /// The differences.
    pub(super) out: Vec<Difference>,
}

impl Walk<'_> {
    /// Compares what stands at `path`.
    pub(super) fn at(&mut self, path: &str, before: Option<&Value>, after: Option<&Value>) {
        self.level(path.to_owned(), before, after, 0);
    }

    fn level(&mut self, path: String, before: Option<&Value>, after: Option<&Value>, depth: usize) {
        let (before, after) = (present(before), present(after));
        if let (Some(Value::Object(old)), Some(Value::Object(new))) = (before, after)
            && depth < DEPTH
        {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                self.level(format!("{path}.{key}"), old.get(key), new.get(key), depth + 1);
            }
            return;
        }
        let shifted = match (before, after) {
            (None, None) => None,
            (None, Some(_)) => Some((Shift::Appeared, Vec::new(), Vec::new())),
            (Some(_), None) => Some((Shift::Vanished, Vec::new(), Vec::new())),
            (Some(before), Some(after)) => difference(before, after, self.words),
        };
        let Some((shift, added, removed)) = shifted else { return };
        let rule = (self.rule)(&path);
        if rule != Rule::Ignore {
            let allowed = allows(rule, shift);
            let (before, after) = (before.map(cut), after.map(cut));
            self.out.push(Difference { path, before, after, shift, added, removed, rule, allowed });
            return;
        }
        // Below an object alone: of a whole fact that is ignored, absence is too.
        if depth == 0 || !(self.stays)(&path) {
            return;
        }
        let removed = match (before, after) {
            (Some(_), None) => Vec::new(),
            (Some(old), Some(new)) if path.ends_with(COOKIES) => attributes::lost(old, new),
            _ => return,
        };
        if after.is_none() || !removed.is_empty() {
            let (before, after, shift) = (before.map(cut), after.map(cut), Shift::Vanished);
            let removed = listed(removed.iter().collect());
            let rule = Rule::Same;
            self.out.push(Difference { path, before, after, shift, added: Vec::new(), removed, rule, allowed: false });
        }
    }
}

/// Absent is null.
fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// Whether `rule` allows a fact to change so.
pub(super) fn allows(rule: Rule, shift: Shift) -> bool {
    match rule {
        Rule::Same => false,
        Rule::MayGrow => matches!(shift, Shift::Grew | Shift::Appeared),
        Rule::MayShrink => matches!(shift, Shift::Shrank | Shift::Vanished),
        Rule::Ignore => true,
    }
}

type Shifted = (Shift, Vec<Value>, Vec<Value>);

/// How `after` differs from `before`; `None` when it does not.
fn difference(before: &Value, after: &Value, words: &[&str]) -> Option<Shifted> {
    let plain = |shift| Some((shift, Vec::new(), Vec::new()));
    match (before, after) {
        (Value::Array(old), Value::Array(new)) => {
            let (added, removed) = (only_in(new, old), only_in(old, new));
            let shift = match (added.is_empty(), removed.is_empty()) {
                (true, true) => return None,
                (false, true) => Shift::Grew,
                (true, false) => Shift::Shrank,
                (false, false) => Shift::Changed,
            };
            Some((shift, listed(added), listed(removed)))
        }
        (Value::Number(old), Value::Number(new)) => {
            if old == new {
                return None;
            }
            let order = match (old.as_i64(), new.as_i64()) {
                (Some(old), Some(new)) => Some(old.cmp(&new)),
                _ => old.as_f64().zip(new.as_f64()).and_then(|(old, new)| old.partial_cmp(&new)),
            };
            match order {
                Some(std::cmp::Ordering::Less) => plain(Shift::Grew),
                Some(std::cmp::Ordering::Greater) => plain(Shift::Shrank),
                // 1 and 1.0, which two writers may put for one value.
                Some(std::cmp::Ordering::Equal) => None,
                None => plain(Shift::Changed),
            }
        }
        (Value::String(old), Value::String(new)) if old != new => {
            let rank = |word: &str| words.iter().position(|known| *known == word);
            match (rank(old), rank(new)) {
                (Some(old), Some(new)) if old < new => plain(Shift::Grew),
                (Some(_), Some(_)) => plain(Shift::Shrank),
                _ => plain(Shift::Changed),
            }
        }
        _ if before == after => None,
        _ => plain(Shift::Changed),
    }
}

/// The elements of `these` that `those` lacks, one for one, in the order seen.
fn only_in<'a>(these: &'a [Value], those: &[Value]) -> Vec<&'a Value> {
    let mut left: HashMap<String, usize> = HashMap::with_capacity(those.len());
    for value in those {
        *left.entry(value.to_string()).or_default() += 1;
    }
    let mut extra = |value: &&Value| match left.get_mut(&value.to_string()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    these.iter().filter(|value| extra(value)).collect()
}

fn listed(values: Vec<&Value>) -> Vec<Value> {
    let more = values.len().saturating_sub(ELEMENTS);
    let mut out: Vec<Value> = values.into_iter().take(ELEMENTS).map(cut).collect();
    if more > 0 {
        out.push(Value::from(format!("… and {more} more")));
    }
    out
}

/// The value, or its beginning when it is long.
fn cut(value: &Value) -> Value {
    let text = match value {
        Value::String(text) if text.len() > CHARACTERS => text.clone(),
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            if text.len() <= CHARACTERS {
                return value.clone();
            }
            text
        }
        _ => return value.clone(),
    };
    let count = text.chars().count();
    if count <= CHARACTERS {
        return value.clone();
    }
    let beginning: String = text.chars().take(CHARACTERS).collect();
    Value::from(format!("{beginning}… ({count} characters)"))
}
