//! The values an expectation is about, out of an observation.

use std::borrow::Cow;
use std::time::Duration;

use super::table;
use crate::model::count::counted;
use crate::model::document_path::{self, FindError};
use crate::model::expectation::{Expectation, FactPart, Precondition, Sort, Test};
use crate::model::fact::{SETTLED_IN, parity::is_parity};
use crate::model::record::EXPIRED;
use crate::model::typed::{Form, ValueType};
use crate::model::{FactInfo, Interval, Observation, Round, TimeOf, Unit, Unseen, Value};
use crate::stats::Samples;

/// Characters of a value shown to people.
const SHOWN: usize = 400;

/// A value an expectation is tested on.
pub(super) enum Operand<'v> {
    /// A value, or nothing.
    Value(Option<Cow<'v, Value>>),
    /// Nothing is at the path, in a document that was seen whole: what there is instead.
    Missing(String),
    /// There is none to test, for this reason; nothing holds of it.
    Unavailable(String),
    /// A part of a value, or nothing of it, and why.
    Partial(Option<Cow<'v, Value>>, &'v str),
    /// The most a value can be, and why it may be less.
    AtMost(Option<Cow<'v, Value>>, &'v str),
    /// The same of what this side measured late.
    Late(Option<Cow<'v, Value>>, String),
}

/// Whether an expectation is about each round by itself, and each must hold; else it is about all of them together.
pub(super) fn by_round(expectation: &Expectation) -> bool {
    expectation.info.name != SETTLED_IN.name
        && !is_parity(&expectation.info)
        && !matches!(expectation.part, FactPart::Statistic(_))
}

/// The operand of one round that counts; `None` where the expectation does not speak of that round.
pub(super) fn of_round<'v>(expectation: &Expectation, round: &'v Round) -> Option<Operand<'v>> {
    let name = expectation.info.name;
    if !expectation.given.iter().all(|given| holds_in(round, given)) {
        return None;
    }
    if let Some(of_table) = table::of_round(expectation, round) {
        return Some(of_table);
    }
    let FactPart::Path(path) = &expectation.part else {
        return Some(whole_or_part(round, name, round.fact(name)));
    };
    Some(match round.fact(name) {
        Some(value) => match document_path::find(value, path, expectation.info.form) {
            // Of a list that goes on, another element may fit as well.
            Ok(_) if document_path::filters(path) && round.partial(name).is_some() => whole_or_part(round, name, None),
            Ok(None) if round.partial(name).is_none() => {
                Operand::Missing(document_path::missing(value, path, expectation.info.form))
            }
            Ok(found) => whole_or_part(round, name, found),
            Err(FindError::OtherName(_)) if matches!(expectation.test, Test::Present(false)) => {
                whole_or_part(round, name, None)
            }
            Err(error) => Operand::Unavailable(format!("nothing: {error}")),
        },
        None if round.partial(name).is_some() => whole_or_part(round, name, None),
        // Nothing can be absent from what was never there.
        None => Operand::Unavailable(format!("nothing: there is no `{name}`")),
    })
}

/// How the values of a round are compared: data by its kind, which is a fact of the same round.
pub(super) fn typing<'v>(expectation: &Expectation, round: &'v Round) -> ValueType<'v> {
    let typing = expectation.typing(match expectation.form() {
        Form::Data(data) => round.fact(data.kind).and_then(Value::as_str),
        _ => None,
    });
    ValueType { total: table::total(expectation, round), ..typing }
}

/// The operand of all rounds together. When it settled is the caller's to know.
pub(super) fn of_all<'v>(
    expectation: &Expectation,
    observation: &'v Observation,
    settled: Option<Duration>,
) -> Operand<'v> {
    match &expectation.part {
        FactPart::Statistic(part) => statistic(&expectation.info, part, observation),
        _ => Operand::Value(settled.map(|settled| Cow::Owned(Value::from(settled.as_secs_f64())))),
    }
}

/// What a reader calls the measurements that count: of one round that has several, its samples.
pub(super) fn noun(observation: &Observation) -> &'static str {
    let count = observation.counted().count();
    let first = observation.counted().next().map(|round| round.slot);
    let rounds = observation.counted().filter(|round| Some(round.slot) != first).count();
    let of_first = count - rounds;
    match (of_first, rounds) {
        (2.., 0) => "sample",
        (2.., _) => "measurement",
        _ => "round",
    }
}

/// A statistic over all rounds. Samples that this side took late count only where there are no others: then as what they are,
/// upper bounds.
fn statistic<'v>(info: &FactInfo, part: &'static str, observation: &'v Observation) -> Operand<'v> {
    let name = info.name;
    let rounds = observation.counted().count();
    let none = |round: &&Round| round.samples(name).is_none() && round.late(name).is_none();
    let empty = observation.counted().filter(none).count();
    if (1..rounds).contains(&empty) {
        // The rounds that went well must not speak for those that did not.
        return Operand::Unavailable(format!("nothing in {empty} of {}", counted(rounds, noun(observation))));
    }
    let value = |samples: Option<Samples>| {
        let number = samples.and_then(|samples| samples.summary()?.get(part));
        number.map(|number| Cow::Owned(Value::from(number)))
    };
    let in_time = observation.merged(name);
    if in_time.is_none()
        && let Some(late) = observation.late(name)
    {
        let why = match late.count() {
            1 => "its only sample was taken while this host itself was late (late_here)".to_owned(),
            count => format!("all its {count} samples were taken while this host itself was late (late_here)"),
        };
        return match part {
            "count" => Operand::Value(value(Some(late))),
            // It may be wrong in either direction.
            "stddev" => Operand::Late(None, why),
            _ => Operand::Late(value(Some(late)), why),
        };
    }
    match observation.partial(name).or_else(|| table::unseen(info, observation)) {
        // Further samples can only add to the count, and change everything else.
        Some(why) => Operand::Partial(value(in_time).filter(|_| part == "count"), why),
        None => Operand::Value(value(in_time)),
    }
}

fn whole_or_part<'v>(round: &'v Round, name: &str, value: Option<&'v Value>) -> Operand<'v> {
    let value = value.map(Cow::Borrowed);
    match (round.partial(name), round.rest(name)) {
        (Some(why), Some(Unseen::Less)) => Operand::AtMost(value, why),
        (Some(why), _) => Operand::Partial(value, why),
        (None, _) => Operand::Value(value),
    }
}

/// Whether a default that speaks only of some outcomes speaks of this round.
fn holds_in(round: &Round, given: &Precondition) -> bool {
    match round.fact(given.fact) {
        Some(Value::String(word)) => given.words.contains(&word.as_str()),
        Some(Value::Bool(flag)) => given.words.contains(&if *flag { "true" } else { "false" }),
        _ => false,
    }
}

/// Bounds for people: those of a number, or of each number of a column.
pub(super) fn of_bounds(value: Option<&Value>, unit: Unit) -> String {
    let all = match value {
        Some(Value::Array(items)) => items.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let shown: Vec<String> = all.iter().filter_map(Interval::of).take(5).map(|bounds| bounds.human(unit)).collect();
    shown.join(", ")
}

/// A value for people.
pub(super) fn human(value: &Value, sort: Sort) -> String {
    shown(value, sort, false)
}

/// What was seen of the fact of an expectation, for people: of what has run out, how long ago.
pub(super) fn seen(expectation: &Expectation, value: &Value, sort: Sort) -> String {
    shown(value, sort, expectation.info.time == TimeOf::Validity)
}

fn shown(value: &Value, sort: Sort, runs_out: bool) -> String {
    let text = match (value, sort) {
        (Value::Number(number), Sort::Number(unit)) if unit != Unit::Count => match number.as_f64() {
            Some(number) if runs_out && unit == Unit::Seconds && number < 0.0 => {
                format!("{EXPIRED}{} ago", unit.human(-number))
            }
            Some(number) => unit.human(number),
            None => number.to_string(),
        },
        (Value::Object(_), Sort::Number(unit)) if let Some(bounds) = Interval::of(value) => bounds.human(unit),
        (Value::String(text), _) => text.clone(),
        (Value::Array(items), _) => {
            let element = if matches!(sort, Sort::Column(_)) { sort.element() } else { Sort::Any };
            // Beyond these nothing is shown, of however long a list.
            let parts: Vec<String> = items.iter().take(SHOWN).map(|item| shown(item, element, runs_out)).collect();
            let more = items.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(", … {more} more") } else { String::new() };
            format!("[{}{more}]", parts.join(", "))
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

    use super::{human, shown};
    use crate::model::Unit;
    use crate::model::expectation::Sort;

    #[test]
    fn values_read_well() {
        assert_eq!(human(&json!(0.0031), Sort::Number(Unit::Seconds)), "3.1 ms");
        assert_eq!(human(&json!(["a", "b"]), Sort::List), "[a, b]");
        assert_eq!(human(&json!(200), Sort::Number(Unit::Count)), "200");
        assert_eq!(human(&json!(-5_184_000.0), Sort::Number(Unit::Seconds)), "-60 d");
    }

    #[test]
    fn what_has_run_out_did_so_some_time_ago() {
        let seconds = Sort::Number(Unit::Seconds);
        assert_eq!(shown(&json!(-5_184_000.0), seconds, true), "expired 60 d ago");
        assert_eq!(shown(&json!(5_184_000.0), seconds, true), "60 d");
        assert_eq!(shown(&json!(-0.5), Sort::Number(Unit::Ratio), true), "-50%");
    }
}
