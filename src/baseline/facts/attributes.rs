//! Attributes of a cookie, when its values are not compared: `Secure` that is gone is gone whatever the session's number.

use std::collections::BTreeSet;

use crate::model::Value;

/// Attributes whose value is part of what they ask for (RFC 6265, 5.2; `SameSite` of its successor).
const VALUED: [&str; 3] = ["samesite", "domain", "path"];

/// What cookies of `before` had and those of `after` lack, as `name` or `name; attribute`; cookies by their names.
pub(super) fn lost(before: &Value, after: &Value) -> Vec<Value> {
    let after = attributes(after);
    attributes(before).into_iter().filter(|one| !after.contains(one)).map(Value::from).collect()
}

fn attributes(cookies: &Value) -> BTreeSet<String> {
    let one = |cookie: &Value| of_cookie(cookie.as_str().unwrap_or_default());
    match cookies {
        Value::Array(cookies) => cookies.iter().flat_map(one).collect(),
        cookie => one(cookie).into_iter().collect(),
    }
}

fn of_cookie(text: &str) -> Vec<String> {
    let mut parts = text.split(';').map(str::trim);
    let Some((name, _)) = parts.next().and_then(|first| first.split_once('=')) else { return Vec::new() };
    let mut out = vec![name.to_owned()];
    for part in parts.filter(|part| !part.is_empty()) {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        let attribute = attribute.trim().to_ascii_lowercase();
        let value = if VALUED.contains(&attribute.as_str()) {
            format!("={}", value.trim().to_ascii_lowercase())
        } else {
            String::new()
        };
        out.push(format!("{name}; {attribute}{value}"));
    }
    out
}
