//! The values an expectation is about, out of an observation.

use crate::model::fact::SETTLED_IN;
use crate::model::{Observation, Unit, Value};
use crate::suite::Expectation;
use crate::suite::expect::Part;
use crate::suite::operator::Sort;

/// Characters of a value shown to people.
const SHOWN: usize = 400;

/// One value per round that counts for scalars (each must hold), one for all rounds together for a distribution.
pub(super) fn sights(expectation: &Expectation, seen: &Observation) -> Vec<Option<Value>> {
    let name = expectation.info.name;
    if name == SETTLED_IN.name {
        return vec![seen.settled_in.map(|settled| Value::from(settled.as_secs_f64()))];
    }
    match &expectation.part {
        Part::Statistic(statistic) => {
            let summary = seen.merged(name).and_then(|samples| samples.summary());
            vec![summary.and_then(|summary| summary.get(statistic)).map(Value::from)]
        }
        Part::Whole => seen.counted().map(|round| round.fact(name).cloned()).collect(),
        Part::Path(path) => {
            seen.counted().map(|round| round.fact(name).and_then(|value| walk(value, path)).cloned()).collect()
        }
    }
}

/// Follows a dotted path; a key that itself holds dots is tried first.
fn walk<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    let Some((first, rest)) = path.split_first() else { return Some(value) };
    match value {
        Value::Object(map) => {
            if let Some(found) = map.get(&path.join(".")) {
                return Some(found);
            }
            let key = map.keys().find(|key| key.eq_ignore_ascii_case(first))?;
            walk(map.get(key)?, rest)
        }
        Value::Array(items) => walk(items.get(first.parse::<usize>().ok()?)?, rest),
        _ => None,
    }
}

/// A value for people.
pub(super) fn human(value: &Value, sort: Sort) -> String {
    let text = match (value, sort) {
        (Value::Number(number), Sort::Number(unit)) if unit != Unit::Count => {
            number.as_f64().map_or_else(|| number.to_string(), |number| unit.human(number))
        }
        (Value::String(text), _) => text.clone(),
        (Value::Array(items), _) => {
            let parts: Vec<String> = items.iter().map(|item| human(item, Sort::Any)).collect();
            format!("[{}]", parts.join(", "))
        }
        (other, _) => other.to_string(),
    };
    if text.chars().count() > SHOWN {
        let head: String = text.chars().take(SHOWN).collect();
        return format!("{head}… ({} characters)", text.chars().count());
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{human, walk};
    use crate::model::Unit;
    use crate::suite::operator::Sort;

    #[test]
    fn paths_lead_into_documents() {
        let value = json!({"status": {"ok": true, "list": [1, {"a": 2}]}, "x.y": 3, "Server": "s"});
        let at = |path: &str| {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            walk(&value, &path).cloned()
        };
        assert_eq!(at("status.ok"), Some(json!(true)));
        assert_eq!(at("status.list.1.a"), Some(json!(2)));
        assert_eq!(at("x.y"), Some(json!(3)));
        assert_eq!(at("server"), Some(json!("s")));
        assert_eq!(at("status.nope"), None);
    }

    #[test]
    fn values_read_well() {
        assert_eq!(human(&json!(0.0031), Sort::Number(Unit::Seconds)), "3.1ms");
        assert_eq!(human(&json!(["a", "b"]), Sort::List), "[a, b]");
        assert_eq!(human(&json!(200), Sort::Number(Unit::Count)), "200");
    }
}
