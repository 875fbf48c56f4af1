//! The values an expectation is about, out of an observation.

use crate::model::expectation::{Expectation, Given, Part, Sort};
use crate::model::fact::SETTLED_IN;
use crate::model::{Observation, Rest, Round, Unit, Value};

/// Characters of a value shown to people.
const SHOWN: usize = 400;

/// A value an expectation is tested on.
pub(super) enum Operand {
    /// A value, or nothing.
    Value(Option<Value>),
    /// There is none to test, for this reason; nothing holds of it.
    Unavailable(String),
    /// A part of a value, or nothing of it, and why.
    Partial(Option<Value>, String),
    /// The most a value can be, and why it may be less.
    AtMost(Option<Value>, String),
}

/// One operand per round that counts for scalars (each must hold), one for all rounds together for a distribution.
pub(super) fn operands(expectation: &Expectation, observation: &Observation) -> Vec<Operand> {
    let name = expectation.info.name;
    if name == SETTLED_IN.name {
        return vec![Operand::Value(observation.settled_in.map(|settled| Value::from(settled.as_secs_f64())))];
    }
    let spoken_of = |round: &&Round| expectation.given.iter().all(|given| is_given(round, given));
    match &expectation.part {
        Part::Statistic(statistic) => {
            let rounds = observation.counted().count();
            let empty = observation.counted().filter(|round| round.samples(name).is_none()).count();
            if (1..rounds).contains(&empty) {
                // The rounds that went well must not speak for those that did not.
                return vec![Operand::Unavailable(format!("nothing in {empty} of {rounds} rounds"))];
            }
            let summary = observation.merged(name).and_then(|samples| samples.summary());
            let value = summary.and_then(|summary| summary.get(statistic)).map(Value::from);
            match observation.partial(name) {
                // Further samples can only add to the count, and change everything else.
                Some(why) => vec![Operand::Partial(value.filter(|_| *statistic == "count"), why.to_owned())],
                None => vec![Operand::Value(value)],
            }
        }
        Part::Whole => {
            let rounds = observation.counted().filter(spoken_of);
            rounds.map(|round| whole_or_part(round, name, round.fact(name).cloned())).collect()
        }
        Part::Path(path) => observation
            .counted()
            .filter(spoken_of)
            .map(|round| match round.fact(name) {
                Some(value) => whole_or_part(round, name, walk(value, path).cloned()),
                None if round.partial(name).is_some() => whole_or_part(round, name, None),
                // Nothing can be absent from what was never there.
                None => Operand::Unavailable(format!("nothing: there is no `{name}`")),
            })
            .collect(),
    }
}

fn whole_or_part(round: &Round, name: &str, value: Option<Value>) -> Operand {
    let why = round.partial(name).map(str::to_owned);
    match (why, round.rest(name)) {
        (Some(why), Some(Rest::Less)) => Operand::AtMost(value, why),
        (Some(why), _) => Operand::Partial(value, why),
        (None, _) => Operand::Value(value),
    }
}

/// Whether a default that speaks only of some outcomes speaks of this round.
fn is_given(round: &Round, given: &Given) -> bool {
    match round.fact(given.fact) {
        Some(Value::String(word)) => given.words.contains(&word.as_str()),
        Some(Value::Bool(flag)) => given.words.contains(&if *flag { "true" } else { "false" }),
        _ => false,
    }
}

/// Follows a dotted path; keys that themselves hold dots (`servers.192.0.2.53.serial`) are tried first, the longest before
/// shorter ones.
fn walk<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    let Some((first, rest)) = path.split_first() else { return Some(value) };
    match value {
        Value::Object(map) => {
            let dotted = (2..=path.len()).rev().filter_map(|length| path.split_at_checked(length));
            let mut dotted = dotted.filter_map(|(key, rest)| walk(map.get(&key.join("."))?, rest));
            if let Some(found) = dotted.next() {
                return Some(found);
            }
            let exact = map.get(first);
            let found = exact.or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(first)).map(|(_, v)| v));
            walk(found?, rest)
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
    use crate::model::expectation::Sort;

    #[test]
    fn paths_lead_into_documents() {
        let value = json!({
            "status": {"ok": true, "list": [1, {"a": 2}]},
            "x.y": 3,
            "Server": "s",
            "ns1.example./192.0.2.53": {"serial": 7, "a.b": {"c": 8}},
        });
        let at = |path: &str| {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            walk(&value, &path).cloned()
        };
        assert_eq!(at("status.ok"), Some(json!(true)));
        assert_eq!(at("status.list.1.a"), Some(json!(2)));
        assert_eq!(at("x.y"), Some(json!(3)));
        assert_eq!(at("ns1.example./192.0.2.53.serial"), Some(json!(7)));
        assert_eq!(at("ns1.example./192.0.2.53.a.b.c"), Some(json!(8)));
        assert_eq!(at("ns1.example./192.0.2.5.serial"), None);
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
