//! Stand-ins: words in the place of values that another check captures while the run goes on. A check is typed and built with
//! them before anything is sent, and once more with the values when it runs.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::Value;

/// Begins each: letters and digits of one case, so that it stays as it is in names, URLs, headers and patterns.
const PREFIX: &str = "zqcaptured";
/// Hexadecimal digits behind it.
const DIGITS: usize = 24;

/// The stand-in of what the check `check` of a suite captures as `name`.
#[must_use]
pub fn of(suite: &str, check: &str, name: &str) -> Box<str> {
    let mut out = PREFIX.to_owned();
    for byte in Sha256::digest(format!("{suite}\0{check}\0{name}")).iter().take(DIGITS / 2) {
        let _ = write!(out, "{byte:02x}");
    }
    out.into()
}

/// Those in a text, in the order written.
pub fn all(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(PREFIX).filter_map(|(at, _)| {
        let word = text.get(at..at + PREFIX.len() + DIGITS)?;
        let digits = word.get(PREFIX.len()..)?;
        digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).then_some(word)
    })
}

/// Whether a text holds one.
#[must_use]
pub fn is_in(text: &str) -> bool {
    all(text).next().is_some()
}

/// The text with values in their place.
pub fn replaced<E>(text: &str, mut value: impl FnMut(&str) -> Result<String, E>) -> Result<String, E> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(word) = all(rest).next() {
        let at = rest.find(word).unwrap_or(0);
        out.push_str(&rest[..at]);
        out.push_str(&value(word)?);
        rest = &rest[at + word.len()..];
    }
    out.push_str(rest);
    Ok(out)
}

/// The JSON document with values in their place. A number or a flag that is all of a string takes the place of that string, so that it
/// stays what it is; anything else becomes a part of the string.
pub fn replaced_in_json<E>(text: &str, mut value: impl FnMut(&str) -> Result<Value, E>) -> Result<String, E> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(word) = all(rest).next() {
        let at = rest.find(word).unwrap_or(0);
        out.push_str(&rest[..at]);
        rest = &rest[at + word.len()..];
        let value = value(word)?;
        let literal = value.to_string();
        match (&value, after_string(&out, rest)) {
            (Value::Number(_) | Value::Bool(_), Some(behind)) => {
                out.pop();
                out.push_str(&literal);
                rest = behind;
            }
            (Value::String(_), _) => out.push_str(literal.get(1..literal.len() - 1).unwrap_or_default()),
            _ => out.push_str(&literal),
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// What follows a string that begins and ends here, and is no name of a member.
fn after_string<'t>(before: &str, behind: &'t str) -> Option<&'t str> {
    let (before, behind) = (before.strip_suffix('"')?, behind.strip_prefix('"')?);
    let escapes = before.bytes().rev().take_while(|byte| *byte == b'\\').count();
    (escapes % 2 == 0 && !behind.trim_start().starts_with(':')).then_some(behind)
}

#[cfg(test)]
mod tests {
    use super::{all, is_in, of, replaced, replaced_in_json};
    use crate::model::Value;

    #[test]
    fn a_value_stays_one_value_of_a_document_and_keeps_its_sort() {
        let id = of("s", "create", "id");
        let filled = |template: &str, value: &Value| {
            let text = replaced_in_json(&template.replace("ID", &id), |_| Ok::<_, ()>(value.clone())).unwrap();
            (serde_json::from_str::<Value>(&text).unwrap(), text).1
        };
        let (number, flag) = (serde_json::from_str("12345678901234567890.10").unwrap(), Value::Bool(true));
        let text = Value::from("1\",\"admin\":true,\"\\");
        assert_eq!(filled(r#"{"id": "ID"}"#, &number), r#"{"id": 12345678901234567890.10}"#);
        assert_eq!(filled(r#"["ID","ID",["ID" ]]"#, &flag), "[true,true,[true ]]");
        assert_eq!(filled(r#"{"ID" : "ID"}"#, &Value::from(7)), r#"{"7" : 7}"#, "a name is a text");
        assert_eq!(filled(r#"["a ID", "IDID", "\"ID"]"#, &Value::from(7)), r#"["a 7", "77", "\"7"]"#);
        assert_eq!(filled(r#"["\\", "ID"]"#, &flag), r#"["\\", true]"#);
        assert_eq!(filled(r#"{"id": "ID"}"#, &text), format!(r#"{{"id": {text}}}"#));
        assert_eq!(filled(r#"{"id": "ID"}"#, &Value::from("007")), r#"{"id": "007"}"#, "a text of digits is a text");
    }

    #[test]
    fn stand_ins_are_found_and_replaced_wherever_they_stand() {
        let (one, two) = (of("s", "login", "token"), of("s", "login", "id"));
        assert_ne!(one, two);
        assert_ne!(of("t", "login", "token"), one, "of another suite it is another one");
        let text = format!("Bearer {one}0af/{two}{one}");
        assert_eq!(all(&text).collect::<Vec<_>>(), [&*one, &*two, &*one]);
        let value = |word: &str| Ok::<_, ()>(if word == &*one { format!("<{two}>") } else { "é".to_owned() });
        // A value is no template: what it holds is not replaced once more.
        assert_eq!(replaced(&text, value), Ok(format!("Bearer <{two}>0af/é<{two}>")));
        assert!(!is_in("zqcaptured") && !is_in("zqcaptured0123456789abcdefXYZ01234") && !is_in("é"));
        assert_eq!(replaced(&text, |_| Err("none")), Err("none"));
    }
}
