//! Old and new values for people, shortened so that what differs is shown.

use std::fmt::Write as _;

use crate::model::{FactChange, Shift, Value, typed};

/// Characters of a value in a line.
const SHORT: usize = 40;
/// Characters of a digest in a line, and the shortest text that is one.
const DIGEST: usize = 12;
const LEAST: usize = 32;
/// Characters of a value by itself.
const LONG: usize = 200;
/// Characters shown before the first that differs.
const BEFORE: usize = 8;
/// Elements of a list in a line.
const ELEMENTS: usize = 3;

/// What became what.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Movement {
    text: String,
}

impl Movement {
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// "A -> B", "lost A; gained B", "A is gone".
pub(super) fn movement(change: &FactChange) -> Movement {
    let mut text = if change.added.is_empty() && change.removed.is_empty() {
        match (&change.before, &change.after) {
            (None, None) => "changed".to_owned(),
            (None, Some(new)) => format!("{}, absent before", short(new)),
            (Some(old), None) => format!("{} before, absent now", short(old)),
            (Some(old), Some(new)) => {
                let (old, new) = shortened_to_difference(&plain(old), &plain(new));
                format!("{old} -> {new}")
            }
        }
    } else {
        let parts = [("lost", &change.removed), ("gained", &change.added)];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(_, all)| !all.is_empty())
            .map(|(word, all)| format!("{word} {}", list(all)))
            .collect();
        match (change.removed.as_slice(), change.added.as_slice(), change.change) {
            ([old], [new], _) => {
                let (old, new) = shortened_to_difference(&plain(old), &plain(new));
                format!("{old} -> {new}")
            }
            (_, _, Shift::Vanished) if change.after.is_none() => format!("{}, absent now", parts.join("; ")),
            _ => parts.join("; "),
        }
    };
    if let Some(why) = distinction(change) {
        let _ = write!(text, " ({why})");
    }
    Movement { text }
}

/// In what both sides differ, where they look alike.
fn distinction(change: &FactChange) -> Option<String> {
    if change.added.is_empty() && change.removed.is_empty() {
        return typed::difference(change.before.as_ref()?, change.after.as_ref()?);
    }
    typed::difference(&Value::Array(change.removed.clone()), &Value::Array(change.added.clone()))
}

/// A value by itself, to its beginning when it is very long.
pub(super) fn whole(value: Option<&Value>) -> String {
    value.map_or_else(|| "(absent)".to_owned(), |value| beginning(&plain(value), LONG))
}

fn short(value: &Value) -> String {
    beginning(&plain(value), SHORT)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn list(values: &[Value]) -> String {
    let shown: Vec<String> = values.iter().take(ELEMENTS).map(short).collect();
    let more = values.len().saturating_sub(ELEMENTS);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", shown.join(", "))
}

fn beginning(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    format!("{}… ({count} characters)", text.chars().take(most).collect::<String>())
}

/// Two values, each shortened to where they differ.
fn shortened_to_difference(old: &str, new: &str) -> (String, String) {
    let common = old.chars().zip(new.chars()).take_while(|(one, other)| one == other).count();
    let skip = common.saturating_sub(BEFORE);
    let cut = |text: &str| {
        let most = if is_digest(text) { DIGEST } else { SHORT };
        if text.chars().count() <= most {
            return text.to_owned();
        }
        let rest: String = text.chars().skip(skip).collect();
        let head = if skip > 0 { "…" } else { "" };
        let tail = if rest.chars().count() > most { "…" } else { "" };
        format!("{head}{}{tail}", rest.chars().take(most).collect::<String>())
    };
    (cut(old), cut(new))
}

/// A text of nothing but hexadecimal digits tells people nothing by its end.
fn is_digest(text: &str) -> bool {
    text.len() >= LEAST && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':')
}

#[cfg(test)]
mod tests {
    use super::{beginning, shortened_to_difference};

    #[test]
    fn long_values_show_where_they_differ() {
        let same = "k=v; ".repeat(40);
        let (old, new) = shortened_to_difference(&format!("{same}max-age=600"), &format!("{same}max-age=60"));
        assert!(old.contains("600") && new.ends_with("60") && old != new, "{old} {new}");
        assert!(old.starts_with('…') && old.chars().count() < 60, "{old}");
        assert_eq!(shortened_to_difference("a", "b"), ("a".into(), "b".into()));
        let (old, new) = shortened_to_difference(&"0123456789abcdef".repeat(4), &"fedcba9876543210".repeat(4));
        assert_eq!((&*old, &*new), ("0123456789ab…", "fedcba987654…"));
        assert_eq!(beginning("abc", 2), "ab… (3 characters)");
    }
}
