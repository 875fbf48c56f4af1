//! Facts as lines: values with their units, long ones shortened with what was left out counted.

use std::fmt::Write as _;

use crate::model::count::counted;
use crate::model::record::FactValue;
use crate::model::{FactInfo, Interval, Kind, Unit, Value};
use crate::probe::Family;
use crate::report::style::visible;
use crate::report::table;
use crate::stats::Summary;

/// Lines of one fact.
const LINES: usize = 8;
/// Characters of a line.
const CHARACTERS: usize = 120;
/// Elements of a list in the first line.
const FEW: usize = 3;
/// Column of the values.
const NAME: usize = 22;
/// Samples from which on quantiles say something.
const MANY: u64 = 20;

/// A line for each fact, and further ones for lists and long texts; all of them if `verbose`.
pub(super) fn lines<'f>(
    family: &Family,
    facts: impl IntoIterator<Item = (&'f str, &'f FactValue)>,
    verbose: bool,
) -> String {
    let mut out = String::new();
    for (name, value) in facts {
        let info = family.facts.iter().find(|fact| fact.name == name);
        let (lines, what) = of_value(info, value);
        let most = if verbose { usize::MAX } else { LINES };
        // One line more is as short as to say that there is one.
        let shown = if lines.len() <= most.saturating_add(1) { lines.len() } else { most };
        for (at, line) in lines.iter().take(shown).enumerate() {
            let name = if at == 0 { name } else { "" };
            let _ = writeln!(out, "  {name:<NAME$} {}", visible(&cut(line, verbose)));
        }
        let more = lines.len() - shown;
        if more > 0 {
            let _ = writeln!(out, "  {:<NAME$} … {}; -v shows all", "", counted(more, &format!("more {what}")));
        }
    }
    out
}

/// The lines of a value, and what each of them is.
fn of_value(info: Option<&FactInfo>, value: &FactValue) -> (Vec<String>, &'static str) {
    match value {
        FactValue::Distribution(unit, summary) => (vec![samples(*unit, summary)], "line"),
        FactValue::Table(rows) if rows.rows.is_empty() => (vec!["(none)".to_owned()], "line"),
        FactValue::Table(rows) => (table::lines(rows, rows.rows.len()), "row"),
        FactValue::Scalar(Value::Array(items)) if items.is_empty() => (vec!["(none)".to_owned()], "line"),
        FactValue::Scalar(Value::Array(items)) => (items.iter().map(plain).collect(), "value"),
        FactValue::Scalar(Value::Object(map)) if map.is_empty() => (vec!["(none)".to_owned()], "line"),
        FactValue::Scalar(Value::Object(map)) => {
            (map.iter().map(|(key, value)| format!("{key}: {}", plain(value))).collect(), "entry")
        }
        FactValue::Scalar(Value::String(text)) if text.is_empty() => (vec!["(empty)".to_owned()], "line"),
        FactValue::Scalar(Value::String(text)) => (text.lines().map(str::to_owned).collect(), "line"),
        FactValue::Scalar(value) => (vec![with_unit(info, value)], "line"),
    }
}

/// A single value as text.
pub(super) fn scalar(info: Option<&FactInfo>, value: &FactValue) -> String {
    let (lines, _) = of_value(info, value);
    lines.join(" ")
}

/// The first elements of a list in a line.
pub(super) fn few(items: &[Value]) -> String {
    let shown: Vec<String> = items.iter().take(FEW).map(plain).collect();
    let more = items.len().saturating_sub(FEW);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", shown.join(", "))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn with_unit(info: Option<&FactInfo>, value: &Value) -> String {
    let unit = info.filter(|info| matches!(info.kind, Kind::Integer | Kind::Number)).map(|info| info.unit);
    if let Some((info, bounds)) = info.filter(|info| info.kind == Kind::Interval).zip(Interval::of(value)) {
        return bounds.human(info.unit);
    }
    match (unit.filter(|unit| *unit != Unit::Count), value.as_f64()) {
        (Some(unit), Some(number)) => unit.human(number),
        _ => plain(value),
    }
}

/// Samples: the number where there is one, quantiles where there are enough for them.
pub(super) fn samples(unit: Unit, summary: &Summary) -> String {
    let part = |value: f64| unit.human(value);
    let Summary { count, p50, p95, min, max, .. } = summary;
    match *count {
        0 | 1 => part(*p50),
        all if min >= max => format!("{} ({all} samples)", part(*p50)),
        few if few < MANY => format!("median {}, {} to {} ({few} samples)", part(*p50), part(*min), part(*max)),
        many => {
            format!("median {}, p95 {}, {} to {} ({many} samples)", part(*p50), part(*p95), part(*min), part(*max))
        }
    }
}

fn cut(line: &str, verbose: bool) -> String {
    let count = line.chars().count();
    if verbose || count <= CHARACTERS {
        return line.to_owned();
    }
    format!("{}… ({count} characters)", line.chars().take(CHARACTERS).collect::<String>())
}
