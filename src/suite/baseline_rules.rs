//! `baseline:` of a check: how each of its facts is compared with an earlier or another measurement.

use super::args::HIDDEN;
use super::diagnostic::{Diagnostics, suggest};
use super::tables;
use super::tree::{Kind as Shape, Node};
use crate::model::{BaselineRules, FactInfo, Kind, Rule, Unit, quantity};
use crate::probe::Family;

/// Reads `baseline:`.
pub(super) fn read(family: &'static Family, node: Option<&Node>, errors: &mut Diagnostics) -> BaselineRules {
    let mut out = BaselineRules::default();
    for (key, below) in node.map(Node::entries).unwrap_or_default() {
        let Some(fact) = family.facts.iter().find(|fact| fact.name == key.name) else {
            let help = suggest(&key.name, family.facts.iter().map(|fact| fact.name));
            errors.add(key.span, format!("`{}` has no fact `{}`", family.name, key.name), help);
            continue;
        };
        if !matches!(below.kind, Shape::Map(_)) {
            errors.add(below.span, format!("`{}` of `baseline` is {}", key.name, below.sort()), example(fact));
            continue;
        }
        if below.entries().is_empty() {
            errors.add(below.span, format!("`{}` of `baseline` is empty", key.name), example(fact));
        }
        for (inner, value) in below.entries() {
            let known = tables::BASELINE.iter().find(|field| field.name == inner.name);
            let Some(field) = known else {
                let help = suggest(&inner.name, tables::names(tables::BASELINE));
                errors.add(inner.span, format!("unknown key `{}` in `baseline`", inner.name), help);
                continue;
            };
            let text = value.text().unwrap_or_default();
            if let Err((why, help)) = entry(&mut out, fact, field.name, text) {
                let of_shown = |shown: &str| entry(&mut BaselineRules::default(), fact, field.name, shown).err();
                let told = |shown: &str| of_shown(shown).map_or_else(|| HIDDEN.to_owned(), |(why, _)| why);
                let why = value.shown.as_deref().map_or(why, told);
                errors.add(value.span, format!("`{}` of `{}`: {why}", inner.name, key.name), help);
            }
        }
    }
    out
}

fn entry(out: &mut BaselineRules, fact: &FactInfo, key: &'static str, text: &str) -> Result<(), (String, String)> {
    let name = fact.name.to_owned();
    if key == "change" {
        if fact.better.is_some() {
            let help = format!("write {{tolerance: …}}, or compare one of its neighbours by {key}");
            return Err(("it is a metric, compared by its numbers".into(), help));
        }
        let words = Rule::ALL.map(Rule::word);
        let Some(rule) = Rule::ALL.into_iter().find(|rule| rule.word() == text) else {
            return Err((format!("`{text}` is no rule"), format!("write one of {}", words.join(", "))));
        };
        out.rules.insert(name, rule);
        return Ok(());
    }
    if fact.better.is_none() {
        let help = format!("write {{change: {}}}", Rule::ALL.map(Rule::word).join("|"));
        return Err(("it is no metric: it has no direction".into(), help));
    }
    let tolerance = tolerance(text, fact).map_err(|why| (why, example(fact)))?;
    match key {
        "tolerance" => drop(out.tolerances.insert(name, tolerance)),
        _ if fact.kind != Kind::Distribution => {
            return Err(("it has one value per round, so it has no quantiles".into(), example(fact)));
        }
        _ => out.tails.entry(name).or_default().push((key, tolerance)),
    }
    Ok(())
}

fn example(fact: &FactInfo) -> String {
    match (fact.better, fact.kind, fact.unit) {
        (None, ..) => "write {change: ignore}".into(),
        (_, Kind::Distribution, _) => "write {tolerance: 5%}".into(),
        (.., Unit::Ratio) => "write {tolerance: 0.5%}: percentage points".into(),
        (.., Unit::Count) => "write {tolerance: 1}".into(),
        (.., Unit::Seconds) => "write {tolerance: 10ms}".into(),
        (.., unit) => format!("write {{tolerance: …}} in {}", unit.symbol()),
    }
}

fn tolerance(text: &str, fact: &FactInfo) -> Result<f64, String> {
    let share = text.trim_end().ends_with('%');
    let number = match (fact.kind, fact.unit) {
        (Kind::Distribution, _) if !share => return Err("it is compared by ratio, so this must be a share".into()),
        (Kind::Distribution, _) | (_, Unit::Ratio) => quantity::parse(text, Unit::Ratio)?,
        _ if share => return Err("it may be zero and is compared by difference: a share says nothing".into()),
        (_, unit) => quantity::parse(text, unit)?,
    };
    if number > 0.0 { Ok(number) } else { Err("it must be above zero".into()) }
}
