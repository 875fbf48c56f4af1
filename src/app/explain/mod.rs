//! `shakedown explain`: docs from the same tables as validation.

mod fields;
mod sections;
mod suite;

use std::fmt::Write as _;

use super::terminal::Terminal;
use crate::checks::{FAMILIES, family};
use crate::exit;
use crate::judge;
use crate::model::document_path::is_of;
use crate::model::expectation::{Operator, Sort};
use crate::model::fact::STATISTICS;
use crate::model::typed::Form;
use crate::model::{Better, ComparedBy, FactInfo, Kind, Rule, Unit};
use crate::probe::Family;
use crate::suite::diagnostic::suggest;

/// Explains a family, a fact, or lists the families.
pub(super) fn explain(topic: Option<&str>, terminal: &Terminal) -> u8 {
    let Some(topic) = topic else {
        terminal.out(&list());
        return exit::OK;
    };
    if topic == "suite" {
        terminal.out(&suite::text());
        return exit::OK;
    }
    if let Some(family) = family(topic) {
        terminal.out(&of_family(family));
        return exit::OK;
    }
    let (owner, name) = match topic.split_once('.') {
        Some((owner, name)) if family(owner).is_some() => (Some(owner), name),
        _ => (None, topic),
    };
    let mut out = String::new();
    for family in FAMILIES.iter().filter(|family| owner.is_none_or(|owner| owner == family.name)) {
        // A path into a document, or a part of a distribution, is explained with its fact.
        let of_kind = |fact: &&FactInfo| matches!(fact.kind, Kind::Object | Kind::Distribution);
        let nearest = family.facts.iter().filter(|fact| fact.name == name || (of_kind(fact) && is_of(name, fact.name)));
        let Some(longest) = nearest.clone().map(|fact| fact.name.len()).max() else { continue };
        for fact in nearest.filter(|fact| fact.name.len() == longest) {
            of_fact(&mut out, family, fact);
        }
    }
    if out.is_empty() {
        let known = FAMILIES.iter().flat_map(|f| f.facts.iter().map(|fact| fact.name).chain([f.name]));
        terminal.err(&format!("error: nothing is called `{topic}`; {}\n", suggest(topic, known)));
        return exit::USAGE;
    }
    terminal.out(&out);
    exit::OK
}

fn list() -> String {
    let mut out = String::from("the file format: shakedown explain suite\n\nfamilies (shakedown explain FAMILY):\n");
    for family in FAMILIES {
        let _ = writeln!(out, "  {:<12} {}", family.name, family.summary);
    }
    out
}

fn of_family(family: &Family) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}\n\n## Fields\n", family.readme.trim_end());
    fields::list(&mut out, family.fields, 0);
    let _ = writeln!(out, "\n## Facts\n");
    for fact in family.facts {
        let _ = writeln!(out, "  {:<22} {:<13} {}", fact.name, sort(fact), fact.help);
    }
    let _ = writeln!(out, "\n## Compared with an earlier measurement\n");
    out.push_str(&compared(family));
    let _ = writeln!(out, "\n## Expected until `expect` says what else it should be\n");
    expected(&mut out, family);
    let _ = writeln!(out, "\n## Example\n\n{}", family.example.trim_end());
    out
}

/// The default expectations: of every check, then what each mode adds and takes away.
fn expected(out: &mut String, family: &Family) {
    let of_mode = |name: &str| family.modes.iter().any(|mode| mode.facts.iter().any(|fact| fact.name == name));
    for fact in family.facts.iter().filter(|fact| !of_mode(fact.name)) {
        if let Some(expected) = fact.expected {
            let lifted = fact.lifted_by.join(", ");
            let lifted = if lifted.is_empty() { lifted } else { format!("   (or until it speaks of {lifted})") };
            let _ = writeln!(out, "  {}: {expected}{lifted}", fact.name);
        }
    }
    for mode in family.modes {
        let own = mode.facts.iter().filter_map(|fact| Some(format!("{}: {}", fact.name, fact.expected?)));
        let lines: Vec<String> = own.chain(mode.adds.unwrap_or_default().lines().map(str::to_owned)).collect();
        if lines.is_empty() && mode.lacks.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n  with `{}`:", mode.with);
        for line in lines {
            let _ = writeln!(out, "    {line}");
        }
        if !mode.lacks.is_empty() {
            let _ = writeln!(out, "    nothing of {}", mode.lacks.join(", "));
        }
    }
}

/// How facts are compared, and which are not, unless a check says otherwise under `baseline`.
fn compared(family: &Family) -> String {
    let mut out = String::new();
    let metrics = family.facts.iter().filter(|fact| fact.better.is_some());
    for fact in metrics {
        let _ = writeln!(out, "  {:<22} {}", fact.name, margin(fact));
    }
    for rule in Rule::ALL {
        let names = family.facts.iter().filter(|fact| fact.better.is_none() && fact.rule == rule);
        let names: Vec<&str> = names.map(|fact| fact.name).collect();
        if !names.is_empty() {
            let _ = writeln!(out, "  {:<22} {}", rule.word(), names.join(", "));
        }
    }
    for fact in family.facts.iter().filter(|fact| !fact.except.is_empty()) {
        let _ = writeln!(out, "  {:<22} below {}: {}", "ignore", fact.name, fact.except.join(", "));
    }
    out
}

/// Direction and default tolerance of a metric.
fn margin(fact: &FactInfo) -> String {
    let better = fact.better.map_or("", Better::word);
    let tolerance = judge::tolerance(fact);
    let amount = match (judge::compared_by(fact), fact.unit) {
        (ComparedBy::Ratio, _) => format!("{}%", tolerance * 100.0),
        (ComparedBy::Difference, Unit::Ratio) => format!("{} percentage points", tolerance * 100.0),
        (ComparedBy::Difference, unit) => unit.human(tolerance),
    };
    format!("{better} is better, tolerance {amount}")
}

fn sort(fact: &FactInfo) -> String {
    match fact.unit.symbol() {
        "1" => fact.kind.word().to_owned(),
        unit => format!("{} {unit}", fact.kind.word()),
    }
}

fn of_fact(out: &mut String, family: &Family, fact: &FactInfo) {
    let _ = writeln!(out, "{}.{}  {}\n  {}", family.name, fact.name, sort(fact), fact.help);
    match fact.kind {
        Kind::Choice(words) => {
            let _ = writeln!(out, "  in order: {}", words.join(", "));
        }
        Kind::Distribution => {
            let _ = writeln!(out, "  parts: .{}", STATISTICS.join(" ."));
        }
        Kind::Object => {
            let _ = writeln!(out, "  a path below it is a fact too: {}.KEY, positions of lists from 0", fact.name);
            if !matches!(fact.form, Form::Fields) {
                let help =
                    "  the element of a list that has a value: LIST[KEY=VALUE], and behind it a dot and its keys";
                let _ = writeln!(out, "{help}");
            }
            if matches!(fact.form, Form::Document) {
                let help = "  null is a value: `null` wants it, {present: false} wants that the key is not there";
                let _ = writeln!(out, "{help}");
            }
        }
        _ => {}
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
    let _ = writeln!(out, "  operators: {}\n", operators(Sort::of(fact.kind, fact.unit), ", "));
}

/// The operators that fit a sort of value.
fn operators(sort: Sort, between: &str) -> String {
    sort.operators().map(Operator::word).collect::<Vec<_>>().join(between)
}
