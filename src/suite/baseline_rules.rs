//! `baseline:` of a check and of `defaults`: how each fact is compared with an earlier or another measurement.

use super::args::HIDDEN;
use super::diagnostic::{Diagnostics, suggest};
use super::tables;
use super::tree::{Key, Kind as Shape, Node};
use crate::model::{BaselineRules, FactInfo, Rule, Unit, quantity};
use crate::probe::Family;

/// The message, and what to write.
type Problem = (String, String);

/// The rules of a check: its own, and beside them those of `defaults` for the facts it can have.
pub(super) fn of_check(
    (family, families): (&'static Family, &'static [Family]),
    defaults: Option<&Node>,
    own: Option<&Node>,
    errors: &mut Diagnostics,
) -> BaselineRules {
    let mut out = BaselineRules::default();
    for (key, below) in entries(own, errors) {
        match fact(family, &key.name) {
            Some(fact) => read(&mut out, fact, (key, below), errors),
            None => {
                let help = suggest(&key.name, family.facts.iter().map(|fact| fact.name));
                errors.add(key.span, format!("`{}` has no fact `{}`", family.name, key.name), help);
            }
        }
    }
    let mut of_all = BaselineRules::default();
    for (key, below) in entries(defaults, errors) {
        let mut known = families.iter().filter_map(|family| fact(family, &key.name)).peekable();
        if known.peek().is_none() {
            let names = families.iter().flat_map(|family| family.facts.iter().map(|fact| fact.name));
            let help = suggest(&key.name, names);
            errors.add(key.span, format!("no family has a fact `{}`", key.name), help);
        }
        let Some(fact) = fact(family, &key.name) else { continue };
        // One name may stand for a metric here and for a list there: what fits neither is wrong.
        let fits = |fact: &FactInfo| {
            let mut tried = Diagnostics::default();
            read(&mut BaselineRules::default(), fact, (key, below), &mut tried);
            tried.is_empty()
        };
        if fits(fact) || !known.any(fits) {
            read(&mut of_all, fact, (key, below), errors);
        }
    }
    out.over(of_all)
}

fn fact(family: &Family, name: &str) -> Option<&'static FactInfo> {
    family.facts.iter().find(|fact| fact.name == name)
}

fn entries<'n>(node: Option<&'n Node>, errors: &mut Diagnostics) -> &'n [(Key, Node)] {
    let Some(node) = node else { return &[] };
    if !matches!(node.kind, Shape::Map(_)) {
        errors.add(node.span, format!("`baseline` is {}, not a map", node.sort()), "write FACT: {tolerance: 5%}");
    }
    node.entries()
}

/// Reads what is written of one fact.
fn read(out: &mut BaselineRules, fact: &FactInfo, (key, below): (&Key, &Node), errors: &mut Diagnostics) {
    if !matches!(below.kind, Shape::Map(_)) {
        errors.add(below.span, format!("`{}` of `baseline` is {}", key.name, below.sort()), example(fact));
        return;
    }
    if below.entries().is_empty() {
        errors.add(below.span, format!("`{}` of `baseline` says nothing", key.name), example(fact));
    }
    for (inner, value) in below.entries() {
        let known = tables::BASELINE.iter().find(|field| field.name == inner.name);
        let Some(field) = known else {
            let help = suggest(&inner.name, tables::names(tables::BASELINE));
            errors.add(inner.span, format!("unknown key `{}` in `baseline`", inner.name), help);
            continue;
        };
        let text = value.text().unwrap_or_default();
        if let Err((why, help)) = entry(out, fact, field.name, text) {
            let of_shown = |shown: &str| entry(&mut BaselineRules::default(), fact, field.name, shown).err();
            let told = |shown: &str| of_shown(shown).map_or_else(|| HIDDEN.to_owned(), |(why, _)| why);
            let why = value.shown.as_deref().map_or(why, told);
            errors.add(value.span, format!("`{}` of `{}`: {why}", inner.name, key.name), help);
        }
    }
    if let Some(change) = below.get("change")
        && fact.better.is_some()
        && below.entries().len() > 1
    {
        let message = format!("`{}` is ignored, so that nothing else says anything of it", key.name);
        errors.add(change.span, message, "leave `change` out, or everything beside it");
    }
}

fn entry(out: &mut BaselineRules, fact: &FactInfo, key: &'static str, text: &str) -> Result<(), Problem> {
    let name = fact.name.to_owned();
    if key == "change" {
        let words = Rule::ALL.map(Rule::word);
        let Some(rule) = Rule::ALL.into_iter().find(|rule| rule.word() == text) else {
            return Err((format!("`{text}` is no rule"), format!("write one of {}", words.join(", "))));
        };
        if fact.better.is_some() && rule != Rule::Ignore {
            let help = format!("{}, or {{change: ignore}} to leave it out", example(fact));
            return Err(("it is a metric, compared by its numbers".into(), help));
        }
        out.rules.insert(name, rule);
        return Ok(());
    }
    if fact.better.is_none() {
        let help = format!("write {{change: {}}}", Rule::ALL.map(Rule::word).join("|"));
        return Err(("it is no metric: it has no direction".into(), help));
    }
    if key == "at_least" {
        out.floors.insert(name, floor(text, fact)?);
        return Ok(());
    }
    let tolerance = tolerance(text, fact).map_err(|why| (why, example(fact)))?;
    match key {
        "tolerance" => drop(out.tolerances.insert(name, tolerance)),
        _ if !fact.is_compared_by_ratio() => {
            return Err(("it has one value per round, so it has no quantiles".into(), example(fact)));
        }
        _ => out.tails.entry(name).or_default().push((key, tolerance)),
    }
    Ok(())
}

fn example(fact: &FactInfo) -> String {
    match (fact.better, fact.is_compared_by_ratio(), fact.unit) {
        (None, ..) => "write {change: ignore}".into(),
        (_, true, _) => "write {tolerance: 5%}".into(),
        (.., Unit::Ratio) => "write {tolerance: 0.5%}: percentage points".into(),
        (.., Unit::Count) => "write {tolerance: 1}".into(),
        (.., Unit::Seconds) => "write {tolerance: 10ms}".into(),
        (.., unit) => format!("write {{tolerance: …}} in {}", unit.symbol()),
    }
}

/// The smallest movement that counts, in the fact's unit.
fn floor(text: &str, fact: &FactInfo) -> Result<f64, Problem> {
    if !fact.is_compared_by_ratio() {
        return Err(("its tolerance is an amount already".into(), example(fact)));
    }
    let wanted = format!("write an amount, such as {{at_least: {}}}", fact.unit.example().replace("20ms", "1ms"));
    if text.trim_end().ends_with('%') {
        return Err(("a share of it is its tolerance".into(), wanted));
    }
    match quantity::parse(text, fact.unit) {
        Ok(number) if number > 0.0 => Ok(number),
        Ok(_) => Err(("it must be above zero".into(), wanted)),
        Err(why) => Err((why, wanted)),
    }
}

fn tolerance(text: &str, fact: &FactInfo) -> Result<f64, String> {
    let share = text.trim_end().ends_with('%');
    let number = match (fact.is_compared_by_ratio(), fact.unit) {
        (true, _) if !share => {
            return Err("it is compared by ratio, so this must be a share (an amount goes into `at_least`)".into());
        }
        (true, _) | (_, Unit::Ratio) => quantity::parse(text, Unit::Ratio)?,
        _ if share => return Err("it may be zero and is compared by difference: a share says nothing".into()),
        (_, unit) => quantity::parse(text, unit)?,
    };
    if number > 0.0 { Ok(number) } else { Err("it must be above zero".into()) }
}
