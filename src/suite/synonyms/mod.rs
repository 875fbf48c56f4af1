//! What people write who know another tool, and what a suite writes in its place: words, comparisons, and where a key belongs.

mod comparison;
mod subject;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;
use std::path::Path;

use regex::Regex;

pub(super) use comparison::comparison;
use comparison::{between, fits, hundreds};
pub(super) use subject::{Subject, corrected};
use words::{CHECK, EVENTUALLY, OPERATORS, STATISTICS, SUITE};

use super::syntax::flow;
use super::tables;
use super::tree::{Kind as NodeKind, Node};
use crate::model::expectation::{OperandForm, Operator, Sort};
use crate::model::fact::STATISTICS as PARTS;
use crate::model::parse::parse;
use crate::model::{FactInfo, FieldInfo, Kind as FactKind, Unit, corrections, quantity};
use crate::probe::{Family, Synonyms, plain};

/// A table of words by the key that the entries stand below.
fn table(owner: &str) -> &'static [(&'static str, &'static str)] {
    match owner {
        "check" => CHECK,
        "suite" => SUITE,
        "eventually" => EVENTUALLY,
        _ => &[],
    }
}

/// Every table of words, with what its words stand for.
pub(crate) const TABLES: &[(&str, &[(&str, &str)])] = &[
    ("a key of a check", CHECK),
    ("a key of the file", SUITE),
    ("below `eventually`", EVENTUALLY),
    ("an operator", OPERATORS),
    ("a part of a distribution", STATISTICS),
];

/// The fields that the words of such a table stand for.
fn fields_of(owner: &str) -> &'static [FieldInfo] {
    match owner {
        "check" => tables::CHECK,
        "eventually" => tables::EVENTUALLY,
        _ => &[],
    }
}

/// What a word of another tool is in suites, with where it belongs: a key, an operator, a part of a distribution.
pub(crate) fn otherwise(word: &str) -> Vec<(&'static str, &'static str)> {
    // A word that is a sign of its own table stands for a pattern.
    let shown = |instead: &'static str| match instead {
        "^" => "matches: \"^…\"",
        "$" => "matches: \"…$\"",
        other => other,
    };
    let found = TABLES.iter().map(|(place, table)| (*place, Synonyms::find(table, word)));
    found.filter_map(|(place, instead)| Some((place, shown(instead?)))).collect()
}

/// The entry in place of one whose key another tool has, from a table whose words stand for keys or whole entries. `Err` says
/// what to do where no entry takes its place; `None` where the table has no such word.
pub(super) fn replaced(
    table: &'static [(&'static str, &'static str)],
    word: &str,
    value: &Node,
    fields: &[FieldInfo],
) -> Option<Result<String, String>> {
    let instead = Synonyms::find(table, word)?;
    let flag = value.text().and_then(corrections::flag).filter(|_| value.text() != Some("0"));
    if let Some(why) = instead.strip_prefix('!') {
        let off = flag == Some("false");
        return Some(Err(if off { format!("leave `{word}` out: it is so by default") } else { why.to_owned() }));
    }
    let idle = if Synonyms::is_meant_off(table, word) { flag == Some("true") } else { flag == Some("false") };
    Some(match (instead.split_once(": "), &value.kind) {
        // What the word is for is off: so it is without it.
        (Some((key, "false")), _) if idle => Ok(format!("{key}: true")),
        (Some((key @ "follow", _)), _) if idle => Ok(format!("{key}: 0")),
        (Some(_), _) if idle => Err(format!("leave `{word}` out: it is so by default")),
        (Some(_), _) => Ok(filled(instead, value)),
        (None, NodeKind::Scalar(..)) => Ok(format!("{instead}: {}", value_of(instead, value, fields))),
        (None, _) => Ok(instead.to_owned()),
    })
}

/// The value of a field, with the unit or the word of a suite.
pub(super) fn value_of(field: &str, value: &Node, fields: &[FieldInfo]) -> String {
    let kind = fields.iter().find(|info| info.name == field).map(|info| info.kind);
    let text = value.text().filter(|_| value.shown.is_none());
    let (Some(kind), Some(text)) = (kind, text) else { return flow(value) };
    if parse(text, &kind, Path::new("")).is_ok() {
        return flow(value);
    }
    corrections::value(text, &kind).into_iter().next().unwrap_or_else(|| flow(value))
}

/// An expectation in place of one whose fact another tool calls differently: `instead` is a fact, or a whole entry. All that may
/// be meant, the likeliest first.
pub(super) fn expectation(instead: &str, value: &Node, facts: &[FactInfo]) -> Vec<String> {
    let Some((path, test)) = instead.split_once(": ") else {
        let subject = Subject::at(facts, instead).unwrap_or(Subject::of_sort(Sort::Any));
        return corrected(value, subject).into_iter().map(|value| format!("{instead}: {value}")).collect();
    };
    if !is_off(value) {
        return vec![filled(instead, value)];
    }
    let kind = facts.iter().find(|fact| fact.name == path).map(|fact| (fact.kind, fact.elsewhere));
    vec![match kind {
        Some((FactKind::Bool, _)) => format!("{path}: false"),
        Some((FactKind::Choice(words), elsewhere)) => {
            let others = words.iter().filter(|word| **word != test && !elsewhere.contains(word));
            format!("{path}: {{in: [{}]}}", others.take(4).copied().collect::<Vec<_>>().join(", "))
        }
        _ => format!("{path}: {}", test.replace("{contains:", "{excludes:")),
    }]
}

/// "`a` or `b`".
pub(super) fn alternatives(texts: &[String]) -> String {
    texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(" or ")
}

fn is_off(value: &Node) -> bool {
    value.text().is_some_and(|text| corrections::flag(text) == Some("false") && text != "0")
}

/// A whole entry with the value of the one it takes the place of.
fn filled(instead: &str, value: &Node) -> String {
    let every = instead
        .strip_suffix("every: 5s}")
        .filter(|_| quantity::parse(value.text().unwrap_or_default(), Unit::Seconds).is_ok());
    if let Some(before) = every {
        return format!("{before}every: {}}}", flow(value));
    }
    let stands_for = [": N}", ": TEXT}", ": PATTERN}"].into_iter().find(|end| instead.ends_with(end));
    let value = match &value.kind {
        NodeKind::List(items) if items.len() == 1 => &items[0],
        _ => value,
    };
    match stands_for {
        Some(end) if value.text().is_some() => {
            format!("{}: {}}}", instead.strip_suffix(end).unwrap_or(instead), flow(value))
        }
        _ => instead.to_owned(),
    }
}

/// What to write in place of a key of a check, a file or a group of theirs.
pub(super) fn key(owner: &str, word: &str, value: &Node) -> Option<String> {
    let instead = Synonyms::find(table(owner), word)?;
    if instead == "id"
        && let Some(text) = value.text()
    {
        return Some(format!("write `id: {}`", name(text)));
    }
    if instead == "suite"
        && let Some(text) = value.text()
    {
        return Some(format!("write `suite: {}`", name(text)));
    }
    let entry = match replaced(table(owner), word, value, fields_of(owner))? {
        Ok(entry) => entry,
        Err(help) => return Some(help),
    };
    if let Some(entry) = group(instead, value) {
        return Some(format!("write `{entry}`"));
    }
    if entry == "tags: [skip]" {
        return Some("write `tags: [skip]`, and leave it out with --skip-tag skip; or take the check out".to_owned());
    }
    Some(format!("write `{entry}`"))
}

/// A key whose value is a map, for who writes another thing there.
fn group(key: &str, value: &Node) -> Option<String> {
    let is_time = value.text().is_some_and(|text| quantity::parse(text, Unit::Seconds).is_ok());
    match (key, &value.kind) {
        (_, NodeKind::Map(_)) => None,
        ("matrix", NodeKind::List(_)) => Some(format!("matrix: {{item: {}}}", flow(value))),
        ("eventually", _) if is_time => Some(format!("eventually: {{within: {}}}", flow(value))),
        ("eventually", _) => Some("eventually: {within: 30s, every: 5s}".to_owned()),
        ("expect", _) => Some("expect: {FACT: VALUE}".to_owned()),
        ("matrix", _) => Some("matrix: {KEY: [VALUE, …]}".to_owned()),
        ("when", _) => Some("when: {VARIABLE: [VALUE, …]}".to_owned()),
        _ => None,
    }
}

/// A name in the letters that names have.
pub(super) fn name(text: &str) -> String {
    let mut out = String::new();
    for c in text.trim().chars().take(60) {
        if c.is_ascii_alphanumeric() || c == '_' {
            out.push(c.to_ascii_lowercase());
        } else if !out.ends_with('-') {
            out.push('-');
        }
    }
    let out = out.trim_matches('-');
    if out.is_empty() { "NAME".to_owned() } else { out.to_owned() }
}

/// The family that is meant by a key of a check.
pub(super) fn family(families: &'static [Family], word: &str, value: &Node) -> Option<String> {
    let word = plain(word);
    let found = families.iter().find(|family| family.name == word || family.synonyms.is_called(&word))?;
    let keys = if value.text().is_none_or(|text| text.parse::<f64>().is_ok()) {
        format!("{}: {{…}}", found.name)
    } else {
        target(found, value)
    };
    Some(format!("write `{keys}`"))
}

/// A family with nothing but its target: `tcp: {host: x, port: 443}` for `x:443`.
pub(super) fn target(family: &Family, value: &Node) -> String {
    let (field, port) = family.target_field;
    let Some(text) = value.text() else { return format!("{}: {{{field}: …}}", family.name) };
    let parts = match (port, corrections::port_of(&corrections::endpoint_of(text).unwrap_or_else(|| text.to_owned()))) {
        (Some(port), Some((host, number))) => format!("{field}: {host}, {port}: {number}"),
        (Some(port), None) => format!("{field}: {text}, {port}: PORT"),
        (None, _) if field == "url" && !text.contains("://") => format!("{field}: \"{}\"", corrections::urls(text)[0]),
        (None, _) => format!("{field}: {}", flow(value)),
    };
    format!("{}: {{{parts}}}", family.name)
}

/// The operator that a word of another tool stands for.
fn known_test(word: &str) -> Option<&'static str> {
    let instead = OPERATORS.iter().find(|(known, _)| *known == word.trim()).map(|(_, instead)| *instead);
    instead.or_else(|| Synonyms::find(OPERATORS, word)).or_else(|| Operator::of(&plain(word)).map(Operator::word))
}

/// Whether a word is an operator, here or elsewhere.
pub(super) fn is_operator(word: &str) -> bool {
    known_test(word).is_some()
}

/// The tests that an operator of another tool may mean, of a fact: several where its unit is not known.
pub(super) fn test(word: &str, operand: &Node, subject: Subject) -> Vec<String> {
    subject.each(|subject| one_test(word, operand, subject))
}

fn one_test(word: &str, operand: &Node, subject: Subject) -> Option<String> {
    let instead = known_test(word)?;
    let sort = subject.sort;
    let text = operand.shown().unwrap_or_default();
    match instead {
        "^" | "$" if fits(sort, "matches") => {
            let pattern = regex::escape(text);
            let pattern = if instead == "^" { format!("^{pattern}") } else { format!("{pattern}$") };
            Some(format!("{{matches: '{}'}}", pattern.replace('\'', "''")))
        }
        whole if whole.contains(": ") => {
            let operator = whole.split(':').next().unwrap_or_default();
            let off = corrections::flag(text) == Some("false");
            let opposite = if operator == "len" { "len: {ge: 1}" } else { "present: true" };
            fits(sort, operator).then(|| format!("{{{}}}", if off { opposite } else { whole }))
        }
        "matches" if !fits(sort, "matches") => hundreds(text).filter(|_| sort == Sort::Number(Unit::Count)),
        // Of a list, that it is a value means that it has that one.
        "eq" if sort == Sort::List && operand.text().is_some() => Some(format!("{{contains: {}}}", flow(operand))),
        word if fits(sort, word) => Some(format!("{{{word}: {}}}", operand_of(word, operand, subject))),
        _ => None,
    }
}

/// What stands behind an operator, corrected where it needs a unit, brackets, or another word.
fn operand_of(word: &str, operand: &Node, subject: Subject) -> String {
    let form = Operator::of(word).map(Operator::operand);
    let value = |text: &str| single(text, subject).unwrap_or_else(|| text.to_owned());
    let numeric = matches!(subject.sort, Sort::Number(_));
    let sort_is_list = subject.sort == Sort::List;
    let nested = |sort: Sort| corrected(operand, subject.with(sort)).swap_remove(0);
    match (form, operand.shown()) {
        (Some(OperandForm::OfLength), _) => nested(Sort::Number(Unit::Count)),
        (Some(OperandForm::OfElement), None) => nested(if sort_is_list { Sort::Text } else { subject.sort }),
        (Some(OperandForm::OfValue), None) => nested(subject.sort),
        (Some(OperandForm::Flag), Some(text)) => corrections::flag(text).unwrap_or("true").to_owned(),
        (Some(OperandForm::Range), Some(text)) => {
            between(text, subject).unwrap_or_else(|| format!("[{}, …]", value(text)))
        }
        (Some(OperandForm::Values), Some(text)) => format!("[{}]", value(text)),
        (Some(OperandForm::Value | OperandForm::Whole), Some(text)) if numeric => value(text),
        (Some(OperandForm::Range | OperandForm::Values), None) if numeric => match &operand.kind {
            NodeKind::List(items) => {
                let values: Vec<String> =
                    items.iter().map(|item| item.shown().map_or_else(|| flow(item), value)).collect();
                format!("[{}]", values.join(", "))
            }
            _ => flow(operand),
        },
        _ => flow(operand),
    }
}

/// A single value of this sort, corrected.
fn single(text: &str, subject: Subject) -> Option<String> {
    match subject.sort {
        Sort::Number(unit) if quantity::parse(text, unit).is_ok() => Some(text.to_owned()),
        Sort::Number(unit) => subject.quantity(text, unit),
        Sort::Bool => corrections::flag(text).map(str::to_owned),
        Sort::Choice(words) => corrections::word(text, words).map(str::to_owned),
        _ => Some(text.to_owned()),
    }
}

/// `${name}` for a variable as other tools have it: `{{ name }}`, `$name`, `$(name)`, `%name%`, `<name>`, `#{name}`.
pub(super) fn variable(text: &str) -> Option<String> {
    let regex = Regex::new(
        r"\$?\{\{\s*\.?([A-Za-z_][\w.-]*)\s*\}\}|\$\(([A-Za-z_][\w.-]*)\)|\$([A-Za-z_]\w*)|%\{?([A-Za-z_]\w*)[%}]|#\{([A-Za-z_]\w*)\}|<([A-Z_]{2,})>",
    )
    .ok()?;
    let ours = text.contains("${") && !text.contains("${{");
    if ours || !regex.is_match(text) {
        return None;
    }
    let corrected = regex.replace_all(text, |found: &regex::Captures<'_>| {
        let name = (1..=6).find_map(|at| found.get(at)).map_or("", |name| name.as_str());
        // What a loop is at, in Ansible.
        let name = if name == "item" { "matrix.item" } else { name.strip_prefix("vars.").unwrap_or(name) };
        format!("${{{name}}}")
    });
    Some(format!("\"{corrected}\""))
}

/// A fact, or a part of one, that is meant by the word of another tool.
pub(super) fn fact(family: &Family, path: &str, known: impl Fn(&str) -> bool) -> Option<Cow<'static, str>> {
    if let Some(instead) = Synonyms::find(family.synonyms.facts, path) {
        return Some(instead.into());
    }
    // `latency.max` is `total_time.max` where `latency` means that.
    let (before, last) = path.rsplit_once('.')?;
    let instead = Synonyms::find(family.synonyms.facts, before).filter(|_| known(last))?;
    let part = PARTS.iter().find(|part| **part == last).copied().or_else(|| statistic(last));
    let usual = instead.rsplit_once('.').filter(|(_, part)| PARTS.contains(part));
    Some(match (usual, part) {
        (Some((fact, _)), Some(part)) => format!("{fact}.{part}").into(),
        _ => instead.into(),
    })
}

/// The part of a distribution that is meant.
pub(super) fn statistic(word: &str) -> Option<&'static str> {
    Synonyms::find(STATISTICS, word)
}
