//! A fact in the terminal, a part of it, and words it may be.

use std::fmt::Write as _;

use super::operators_of;
use crate::judge;
use crate::model::expectation::Sort;
use crate::model::fact::STATISTICS;
use crate::model::typed::Form;
use crate::model::{Better, ComparedBy, FactInfo, Kind, Unit};

/// Each statistic of a distribution, in words.
const PARTS: &[(&str, &str)] = &[
    ("min", "the smallest sample"),
    ("mean", "the mean of the samples"),
    ("p50", "the median, which half of the samples do not exceed"),
    ("median", "the median, which half of the samples do not exceed"),
    ("p90", "the value that 90 of 100 samples do not exceed"),
    ("p95", "the value that 95 of 100 samples do not exceed"),
    ("p99", "the value that 99 of 100 samples do not exceed"),
    ("max", "the largest sample"),
    ("stddev", "the standard deviation of the samples"),
    ("count", "the number of samples"),
];

/// A statistic in words; nothing for a word that is none.
#[must_use]
pub fn statistic(word: &str) -> Option<&'static str> {
    PARTS.iter().find(|(name, _)| *name == word).map(|(_, text)| *text)
}

/// Kind and unit of a fact.
#[must_use]
pub fn fact_sort(fact: &FactInfo) -> String {
    let sort = match fact.kind {
        Kind::Table(key) => format!("table, a row for each {key}"),
        kind if fact.is_column => format!("column, {} in each row", kind.word()),
        kind => kind.word().to_owned(),
    };
    match fact.unit.symbol() {
        "1" => sort,
        unit => format!("{sort}, in {unit}"),
    }
}

/// Direction and default tolerance of a metric.
#[must_use]
pub fn margin(fact: &FactInfo) -> String {
    let better = fact.better.map_or("", Better::word);
    let tolerance = judge::tolerance(fact);
    let amount = match (judge::compared_by(fact), fact.unit) {
        (ComparedBy::Ratio, _) => format!("{}%", tolerance * 100.0),
        (ComparedBy::Difference, Unit::Ratio) => format!("{} percentage points", tolerance * 100.0),
        (ComparedBy::Difference, unit) => unit.human(tolerance),
    };
    format!("{better} is better, tolerance {amount}")
}

/// A fact of a family; of every family without a name.
pub(super) fn text(family: &str, fact: &FactInfo) -> String {
    let mut out = format!("{family}.{}  {}\n  {}\n", fact.name, fact_sort(fact), fact.help);
    match fact.kind {
        Kind::Choice(words) => {
            let _ = writeln!(out, "  in order: {}", words.join(", "));
        }
        _ if fact.has_statistics() => {
            let _ = writeln!(out, "  parts: .{}", STATISTICS.join(" ."));
        }
        Kind::Table(key) => {
            let (name, key) = (fact.name, key.to_uppercase());
            let _ = writeln!(out, "  parts: `{name}.row.{key}` is one row, `{name}.row.{key}.COLUMN` a cell of it,");
            let _ = writeln!(out, "         `{name}.COLUMN` all values of a column, with any, all, none or len");
        }
        Kind::Object => {
            let _ = writeln!(
                out,
                "  parts: any path below it, such as {}.name; positions of lists count from 0",
                fact.name
            );
            if !matches!(fact.form, Form::Fields) {
                let help = "the element of a list that has a value: LIST[KEY=VALUE], and behind it a dot and its keys";
                let _ = writeln!(out, "  {help}");
            }
            if matches!(fact.form, Form::Document) {
                let help = "null is a value: `null` wants it, {present: false} wants that the key is not there";
                let _ = writeln!(out, "  {help}");
            }
        }
        _ => {}
    }
    if let Some(expected) = fact.expected {
        let _ = writeln!(out, "  expected by default: {expected}");
    }
    if fact.better.is_some() {
        let _ = writeln!(out, "  metric: {}", margin(fact));
    } else {
        let given = fact
            .rule_given
            .map_or_else(String::new, |(list, word)| format!(", where `{list}` holds {word} in both; else ignore"));
        let _ = writeln!(out, "  between two measurements: {}{given}", fact.rule.word());
    }
    if !fact.except.is_empty() {
        let _ = writeln!(out, "  ignored below it: {}", fact.except.join(", "));
    }
    let _ = writeln!(out, "  operators: {}", operators_of(sort_of(fact), ", "));
    out
}

/// The sort of all of a fact.
fn sort_of(fact: &FactInfo) -> Sort {
    if fact.is_column { Sort::of_column(fact) } else { Sort::of(fact.kind, fact.unit) }
}

/// A statistic of a distribution, or a path into a document.
pub(super) fn part(family: &str, fact: &FactInfo, part: &str) -> Option<String> {
    let name = format!("{family}.{}.{part}", fact.name);
    match fact.kind {
        _ if fact.has_statistics() => {
            let sort = Sort::of(fact.kind, fact.unit);
            let mut out = format!("{name}  number, {}\n", unit(fact.unit));
            let _ = writeln!(out, "  Of the samples of `{}`: {}.", fact.name, statistic(part)?);
            let _ = writeln!(out, "  such as: expect: {{{}.{part}: {{le: {}}}}}", fact.name, fact.unit.example());
            let exact = "; an exact value (`eq`) is refused: what is measured is never the same twice";
            let exact = if fact.better.is_some() && part != "count" { exact } else { "" };
            let _ = writeln!(out, "  operators: {}{exact}\n", operators_of(sort, ", "));
            Some(out + &text(family, fact))
        }
        Kind::Object => {
            let mut out = format!("{name}  a path into `{}`\n", fact.name);
            let _ = writeln!(out, "  Absent where the document has no such path.");
            let _ = writeln!(out, "  operators: {}\n", operators_of(Sort::Any, ", "));
            Some(out + &text(family, fact))
        }
        Kind::Table(key) => {
            let mut out = format!("{name}  a row of `{}`, or a cell of one\n", fact.name);
            let _ = writeln!(out, "  Absent where there is no such {key}.\n");
            Some(out + &text(family, fact))
        }
        _ => None,
    }
}

fn unit(unit: Unit) -> String {
    match unit {
        Unit::Count => "without a unit".to_owned(),
        Unit::Ratio => "a share".to_owned(),
        unit => format!("in {}", unit.symbol()),
    }
}

/// A fact that a key of a check gives it, whatever its family.
pub(super) fn of_any_family(fact: &FactInfo) -> String {
    text("any family", fact)
}

#[cfg(test)]
mod tests {
    use super::{STATISTICS, statistic};

    #[test]
    fn every_statistic_is_explained() {
        for word in STATISTICS {
            assert!(statistic(word).is_some(), "{word}");
        }
    }
}
