//! Two values of one fact: what differs, key by key.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use super::attributes;
use crate::model::expectation::Sort;
use crate::model::typed::{self, Form, ValueType};
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
    /// Whether somebody wrote the rule of a path.
    pub(super) written: &'a dyn Fn(&str) -> bool,
    /// Words of a choice, in order.
    pub(super) words: &'static [&'static str],
    /// What texts stand for, and of data its kind.
    pub(super) form: Form,
    pub(super) kind: Option<&'a str>,
    /// The differences.
    pub(super) out: Vec<Difference>,
}

impl Walk<'_> {
    /// Compares what stands at `path`.
    pub(super) fn at(&mut self, path: &str, before: Option<&Value>, after: Option<&Value>) {
        self.level(path.to_owned(), (before, after), self.form, 0);
    }

    fn level(&mut self, path: String, (before, after): (Option<&Value>, Option<&Value>), form: Form, depth: usize) {
        let (before, after) = (present(before, form), present(after, form));
        if let (Some(Value::Object(old)), Some(Value::Object(new))) = (before, after)
            && depth < DEPTH
        {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                self.level(format!("{path}.{key}"), (old.get(key), new.get(key)), form.below(key), depth + 1);
            }
            return;
        }
        let shifted = match (before, after) {
            (None, None) => None,
            (None, Some(_)) => Some(ValueChange::plain(Shift::Appeared)),
            (Some(_), None) => Some(ValueChange::plain(Shift::Vanished)),
            (Some(before), Some(after)) => self.difference(before, after, form),
        };
        let Some(ValueChange { shift, added, removed, is_newer }) = shifted else { return };
        let rule = match (self.rule)(&path) {
            // Another state of the same thing, which is to go on: a zone by its serial.
            Rule::Same if is_newer && !(self.written)(&path) => Rule::MayGrow,
            rule => rule,
        };
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

/// Absent is null, but in a document of somebody else.
fn present(value: Option<&Value>, form: Form) -> Option<&Value> {
    value.filter(|value| ValueType { form, ..Sort::Any.into() }.is_value(value))
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

/// How a value changed.
struct ValueChange {
    shift: Shift,
    added: Vec<Value>,
    removed: Vec<Value>,
    /// Both are states of one thing that have an order of their own.
    is_newer: bool,
}

impl ValueChange {
    const fn plain(shift: Shift) -> Self {
        Self { shift, added: Vec::new(), removed: Vec::new(), is_newer: false }
    }
}

impl Walk<'_> {
    /// How `after` differs from `before`; `None` when it does not.
    fn difference(&self, before: &Value, after: &Value, form: Form) -> Option<ValueChange> {
        let plain = |shift| Some(ValueChange::plain(shift));
        let typing = ValueType { form, kind: self.kind, ..Sort::Any.into() };
        match (before, after) {
            (Value::Array(old), Value::Array(new)) => {
                let (removed, added) = match form {
                    Form::Hops => typed::hops::differences(old, new),
                    _ => (only_in(old, new, typing), only_in(new, old, typing)),
                };
                let shift = match (added.is_empty(), removed.is_empty()) {
                    (true, true) => return None,
                    (false, true) => Shift::Grew,
                    (true, false) => Shift::Shrank,
                    (false, false) => Shift::Changed,
                };
                let order = self.order(form, &removed, &added);
                let shift = order.map_or(shift, |order| if order.is_lt() { Shift::Grew } else { Shift::Shrank });
                Some(ValueChange { shift, added: listed(added), removed: listed(removed), is_newer: order.is_some() })
            }
            (Value::Number(old), Value::Number(new)) if matches!(form, Form::Serial) => {
                let serial =
                    |number: &serde_json::Number| number.as_u64().and_then(|number| u32::try_from(number).ok());
                match serial(old).zip(serial(new)).map(|(old, new)| typed::serial_order(old, new)) {
                    Some(Some(Ordering::Less)) => plain(Shift::Grew),
                    Some(Some(Ordering::Greater)) => plain(Shift::Shrank),
                    Some(Some(Ordering::Equal)) => None,
                    Some(None) | None => plain(Shift::Changed),
                }
            }
            // 1 and 1.0, which two writers may put for one value, are equal.
            (Value::Number(_), Value::Number(_)) => match typing.compare(before, after) {
                Some(Ordering::Less) => plain(Shift::Grew),
                Some(Ordering::Greater) => plain(Shift::Shrank),
                Some(Ordering::Equal) => None,
                None => plain(Shift::Changed),
            },
            _ if typing.equal(before, after) == Some(true) => None,
            (Value::String(old), Value::String(new)) => {
                let rank = |word: &str| self.words.iter().position(|known| *known == word);
                let order = rank(old).zip(rank(new)).map(|(old, new)| old.cmp(&new));
                // A version, or a number in a text, has an order too.
                let by_value =
                    || if matches!(form, Form::Version | Form::Field) { field_order(old, new) } else { None };
                match order.or_else(by_value) {
                    Some(Ordering::Less) => plain(Shift::Grew),
                    Some(_) => plain(Shift::Shrank),
                    None => plain(Shift::Changed),
                }
            }
            _ => plain(Shift::Changed),
        }
    }
}

impl Walk<'_> {
    /// The order of the one element that went and the one that came.
    fn order(&self, form: Form, removed: &[&Value], added: &[&Value]) -> Option<Ordering> {
        match (form, removed, added) {
            (Form::Data(data), [Value::String(old)], [Value::String(new)]) => (data.order)(self.kind, old, new),
            _ => None,
        }
    }
}

/// The order of two values of an HTTP field.
fn field_order(old: &str, new: &str) -> Option<Ordering> {
    typed::number_text(old)
        .zip(typed::number_text(new))
        .and_then(|(old, new)| ValueType::from(Sort::Any).compare(&Value::Number(old), &Value::Number(new)))
        .or_else(|| typed::compare_versions(old, new))
        .filter(|order| order.is_ne())
}

/// The elements of `these` that `those` lacks, one for one, in the order seen.
fn only_in<'a>(these: &'a [Value], those: &[Value], typing: ValueType<'_>) -> Vec<&'a Value> {
    let mut left: HashMap<String, usize> = HashMap::with_capacity(those.len());
    for value in those {
        *left.entry(typing.key(value)).or_default() += 1;
    }
    let mut extra = |value: &&Value| match left.get_mut(&typing.key(value)) {
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
