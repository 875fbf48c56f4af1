//! Expectations of a fact that would hold for what was seen of it: the most dangerous ones a suite could hold.

use serde_json::{Value, json};
use shakedown::model::document_path::{self, Step};
use shakedown::model::expectation::{FactPart, RowKey, Sort};
use shakedown::model::{FactInfo, Kind, Observation, Unit};

/// The fact, or the parts of it a suite can name.
pub fn paths(fact: &FactInfo, observation: &Observation) -> Vec<(String, FactPart)> {
    match fact.kind {
        Kind::Distribution => {
            let parts = ["p50", "max", "count"];
            parts.iter().map(|part| (format!("{}.{part}", fact.name), FactPart::Statistic(part))).collect()
        }
        Kind::Object => {
            let keys = observation.last(fact.name).and_then(Value::as_object).into_iter().flat_map(|map| map.keys());
            let keys = keys.take(3).cloned().chain(["nothing".to_owned()]);
            let below = keys.map(|key| (format!("{}.{key}", fact.name), FactPart::Path(vec![Step::Key(key)])));
            below.chain([(fact.name.to_owned(), FactPart::Whole)]).collect()
        }
        Kind::Table(_) => {
            let keys = observation.last_rows(fact.name).into_iter().flat_map(|rows| rows.rows.iter());
            let keys = keys.take(3).map(|(key, _)| key.to_string()).chain(["nothing".to_owned()]);
            let row = |key: String| (format!("{}.row.{key}", fact.name), row(&key, fact));
            keys.map(row).chain([(fact.name.to_owned(), FactPart::Whole)]).collect()
        }
        _ if fact.is_column => {
            let (table, short) = fact.name.rsplit_once('.').unwrap();
            let keys = observation.last_rows(table).into_iter().flat_map(|rows| rows.rows.iter());
            let keys = keys.take(3).map(|(key, _)| key.to_string()).chain(["nothing".to_owned()]);
            let cell = |key: String| (format!("{table}.row.{key}.{short}"), row(&key, fact));
            let statistics = ["max", "count"].iter().filter(|_| fact.has_statistics());
            let statistics = statistics.map(|part| (format!("{}.{part}", fact.name), FactPart::Statistic(part)));
            keys.map(cell).chain(statistics).chain([(fact.name.to_owned(), FactPart::Whole)]).collect()
        }
        _ => vec![(fact.name.to_owned(), FactPart::Whole)],
    }
}

fn row(key: &str, fact: &FactInfo) -> FactPart {
    FactPart::Row(RowKey { text: key.into(), form: fact.form })
}

/// The sort of what an expectation of this part is about.
pub fn sort(fact: &FactInfo, part: &FactPart) -> Sort {
    match part {
        FactPart::Statistic("count") => Sort::Number(Unit::Count),
        FactPart::Path(_) => Sort::Any,
        FactPart::Row(_) if !fact.is_column => Sort::Any,
        FactPart::Whole if fact.is_column => Sort::of_column(fact),
        _ => Sort::of(fact.kind, fact.unit),
    }
}

/// What was seen there.
pub fn seen(fact: &FactInfo, part: &FactPart, observation: &Observation) -> Option<Value> {
    match part {
        FactPart::Statistic(part) => observation.merged(fact.name)?.summary()?.get(part).map(Value::from),
        FactPart::Whole if fact.is_column => {
            let (table, short) = fact.name.rsplit_once('.')?;
            observation.last_rows(table)?.values(short)
        }
        FactPart::Whole => match observation.last_rows(fact.name) {
            Some(rows) => Some(rows.keys()),
            None => observation.last(fact.name).cloned(),
        },
        FactPart::Row(key) if fact.is_column => {
            let (table, short) = fact.name.rsplit_once('.')?;
            let rows = observation.last_rows(table)?;
            rows.row(&key.text, key.form)?.get(rows.column(short)?)?.to_value()
        }
        FactPart::Row(key) => {
            let rows = observation.last_rows(fact.name)?;
            Some(rows.object(rows.row(&key.text, key.form)?))
        }
        FactPart::Path(path) => document_path::find(observation.last(fact.name)?, path, fact.form).ok()?.cloned(),
    }
}

/// Each operator of the sort with operands that hold for `seen`, or for its absence.
pub fn all(sort: Sort, seen: Option<&Value>) -> Vec<String> {
    let mut out = Vec::new();
    for operator in sort.operators() {
        let word = operator.word();
        let mut add = |operand: String| out.push(format!("{{{word}: {operand}}}"));
        let values = values(sort, seen);
        match word {
            "eq" | "ne" | "lt" | "le" | "gt" | "ge" => values.iter().cloned().for_each(&mut add),
            "between" => {
                for low in &values {
                    for high in &values {
                        add(format!("[{low}, {high}]"));
                    }
                }
            }
            "in" | "not_in" => {
                add(format!("[{}]", values.join(", ")));
                for value in &values {
                    add(format!("[{value}]"));
                }
            }
            "matches" => patterns(seen).into_iter().for_each(&mut add),
            "not_matches" => add("\"zzz\"".to_owned()),
            "contains" | "excludes" | "exactly" => elements(seen).into_iter().for_each(&mut add),
            "any" | "all" | "none" if matches!(sort, Sort::Column(_)) => {
                let first = seen.and_then(|all| all.get(0));
                for value in self::values(sort.element(), first) {
                    add(format!("{{ne: {value}}}"));
                    add(format!("{{eq: {value}}}"));
                }
            }
            "any" | "all" | "none" => {
                ["{ne: zzz}", "{eq: zzz}", "{matches: \".\"}"].map(str::to_owned).into_iter().for_each(&mut add);
            }
            "len" => ["{ge: 0}", "{le: 1000}", "{ge: 1}", "0", "1", "{ne: 77}"]
                .map(str::to_owned)
                .into_iter()
                .for_each(&mut add),
            "present" => ["true", "false"].map(str::to_owned).into_iter().for_each(&mut add),
            "all_of" | "any_of" => {
                for value in &values {
                    add(format!("[{{ne: {value}}}, {{present: false}}]"));
                    add(format!("[{{eq: {value}}}, {{present: true}}]"));
                    add(format!("[{{eq: {value}}}, {{present: false}}]"));
                    add(format!("[{{ne: {value}}}]"));
                }
            }
            "not" => {
                for value in &values {
                    add(format!("{{eq: {value}}}"));
                }
                add("{present: true}".to_owned());
                add("{present: false}".to_owned());
            }
            other => panic!("the walk does not know operator {other}"),
        }
    }
    out.sort();
    out.dedup();
    out
}

/// Whether an expectation of [`all`] says only what is not wanted; read from its text, as a person would.
pub fn only_negates(text: &str) -> bool {
    let operand = text.split_once(": {").map_or(text, |(_, operand)| operand);
    let negations = ["ne:", "not:", "not_in:", "not_matches:", "excludes:", "none:", "all:", "present: false"];
    let negated = negations.iter().any(|word| operand.starts_with(word));
    let inside = |word: &str| operand.contains(&format!("{{{word}"));
    negated || (!operand.starts_with("any:") && (inside("ne:") || inside("present: false")))
}

/// Whether an expectation of [`all`] bounds a number only on its good side; `lower` numbers are the better ones.
pub fn is_open_to_the_worst(text: &str, lower: bool) -> bool {
    let operand = text.split_once(": {").map_or(text, |(_, operand)| operand);
    let open = if lower { ["ge:", "gt:", "present: true"] } else { ["le:", "lt:", "present: true"] };
    open.iter().any(|word| operand.starts_with(word))
}

/// Values around what was seen, as a suite writes them.
fn values(sort: Sort, seen: Option<&Value>) -> Vec<String> {
    match sort {
        Sort::Bool => vec!["true".into(), "false".into()],
        Sort::Choice(words) => {
            let seen = seen.and_then(Value::as_str);
            let ends = words.first().into_iter().chain(words.last()).copied();
            let mut all: Vec<String> = seen.into_iter().chain(ends).map(quoted).collect();
            all.dedup();
            all
        }
        Sort::Number(unit) => {
            let number = seen.and_then(Value::as_f64).unwrap_or(0.0);
            let around = [number, number.mul_add(2.0, 1.0), (number / 2.0).floor()];
            around.iter().map(|number| quantity(*number, unit)).collect()
        }
        Sort::Time => vec![quoted("1970-01-01T00:00:00Z"), quoted("2999-01-01T00:00:00Z")],
        Sort::List | Sort::Column(_) => {
            vec![json!(seen.and_then(Value::as_array).cloned().unwrap_or_default()).to_string(), "[zzz]".into()]
        }
        Sort::Text | Sort::Any => {
            let scalar = seen.filter(|value| value.is_string() || value.is_number() || value.is_boolean());
            scalar.map(Value::to_string).into_iter().chain(["\"zzz\"".to_owned()]).collect()
        }
    }
}

fn quantity(number: f64, unit: Unit) -> String {
    match unit.symbol() {
        "1" if unit == Unit::Ratio => format!("{}%", number * 100.0),
        "1" => format!("{number}"),
        symbol => format!("{number:.9} {symbol}"),
    }
}

fn patterns(seen: Option<&Value>) -> Vec<String> {
    let text = seen.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let exact = text.map(|text| quoted(&format!("^{}$", regex::escape(&text))));
    exact.into_iter().chain(["\".\"".to_owned(), "\"^[^z]\"".to_owned()]).collect()
}

fn elements(seen: Option<&Value>) -> Vec<String> {
    let of_list = seen.and_then(Value::as_array).cloned().unwrap_or_default();
    vec![json!(of_list).to_string(), "[zzz]".to_owned(), "[]".to_owned()]
}

fn quoted(text: &str) -> String {
    json!(text).to_string()
}
