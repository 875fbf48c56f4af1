//! Where a check looks is the suite's own input: facts that repeat it, or lead on from it, are no change of what was seen there.

use std::borrow::Cow;

use crate::model::Value;
use crate::model::record::{FactValue, Facts};

/// The facts of one side as they would read at the target of the other, wherever the other side does not read the same anyway.
pub(super) fn moved<'f>((before, from): (&'f Facts, &str), (after, to): (&Facts, &str)) -> Cow<'f, Facts> {
    if from == to || from.is_empty() {
        return Cow::Borrowed(before);
    }
    let mut places = vec![(from, to)];
    places.extend(origin(from).zip(origin(to)));
    let mut out = before.clone();
    for (name, value) in &mut out.0 {
        if let (FactValue::Scalar(value), Some(FactValue::Scalar(other))) = (value, after.get(name)) {
            rewrite(value, other, &places);
        }
    }
    Cow::Owned(out)
}

/// `https://host:port` of a URL.
fn origin(target: &str) -> Option<&str> {
    let begin = target.find("://")? + "://".len();
    let end = target.get(begin..)?.find(['/', '?', '#']).map_or(target.len(), |end| begin + end);
    target.get(..end)
}

fn rewrite(value: &mut Value, other: &Value, places: &[(&str, &str)]) {
    if value == other {
        return;
    }
    match (value, other) {
        (Value::String(text), Value::String(other)) => {
            let found = places.iter().map(|(from, to)| text.replace(from, to)).find(|moved| moved == other);
            // A text that holds more than the target is shown as it would read there.
            *text = found.unwrap_or_else(|| text.replace(places[0].0, places[0].1));
        }
        (Value::Array(items), Value::Array(others)) => {
            items.iter_mut().zip(others).for_each(|(item, other)| rewrite(item, other, places));
        }
        (Value::Object(map), Value::Object(others)) => {
            for (key, value) in map {
                if let Some(other) = others.get(key) {
                    rewrite(value, other, places);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{origin, rewrite};

    fn rewritten(before: Value, after: &Value) -> Value {
        let mut value = before;
        rewrite(&mut value, after, &[("http://a:1/x", "https://b/x"), ("http://a:1", "https://b")]);
        value
    }

    #[test]
    fn what_leads_on_from_the_target_moves_with_it() {
        let same = |before: Value, after: Value| assert_eq!(rewritten(before, &after), after);
        same(json!("http://a:1/x"), json!("https://b/x"));
        same(json!("http://a:1/y"), json!("https://b/y"));
        same(json!(["http://a:1/y", "http://c/"]), json!(["https://b/y", "http://c/"]));
        same(json!({"location": "http://a:1/y"}), json!({"location": "https://b/y"}));
        // The same place on both sides is no change either, though it was the first side's own.
        same(json!("http://a:1/y"), json!("http://a:1/y"));
        same(json!("http://a:1/x"), json!("http://a:1/x"));
        let differs = |before: Value, after: Value| assert_ne!(rewritten(before, &after), after);
        differs(json!("http://a:1/y"), json!("https://b/z"));
        differs(json!("http://c/y"), json!("https://b/y"));
    }

    #[test]
    fn an_origin_is_all_before_the_path() {
        assert_eq!(origin("http://a:1/x?y"), Some("http://a:1"));
        assert_eq!(origin("https://[::1]:8443"), Some("https://[::1]:8443"));
        assert_eq!(origin("127.0.0.1:53"), None);
    }
}
