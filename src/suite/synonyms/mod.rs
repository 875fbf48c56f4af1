//! What people write who know another tool, and what a suite writes in its place: words, comparisons, and where a key belongs.

#[cfg(test)]
mod tests;
mod words;

use regex::Regex;

use words::{CHECK, EVENTUALLY, OPERATORS, STATISTICS, SUITE};

use super::syntax::flow;
use super::tree::{Kind as NodeKind, Node};
use crate::model::expectation::{OperandForm, Operator, Sort};
use crate::model::{Unit, corrections, quantity};
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

/// "write `status: 200`" for an entry whose key another tool has: `instead` is a key, or a whole entry.
pub(super) fn entry(instead: &str, value: &Node) -> String {
    match (instead.contains(": "), &value.kind) {
        (true, _) => format!("write `{instead}`"),
        // A time that runs down is never exactly one.
        (false, NodeKind::Scalar(..)) if instead.ends_with("expires_in") => {
            format!("write `{instead}: {{gt: {}}}`", flow(value))
        }
        (false, NodeKind::Scalar(..)) => format!("write `{instead}: {}`", flow(value)),
        (false, _) => format!("write `{instead}`"),
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
    if instead == "tags: [skip]" {
        return Some("write `tags: [skip]`, and leave it out with --skip-tag skip; or take the check out".to_owned());
    }
    Some(entry(instead, value))
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
    let keys =
        if matches!(value.kind, NodeKind::Map(_)) { format!("{}: {{…}}", found.name) } else { target(found, value) };
    Some(format!("write `{keys}`"))
}

/// A family with nothing but its target: `tcp: {host: x, port: 443}` for `x:443`.
pub(super) fn target(family: &Family, value: &Node) -> String {
    let (field, port) = family.target_field;
    let Some(text) = value.text() else { return format!("{}: {{{field}: …}}", family.name) };
    let parts = match (port, corrections::port_of(&corrections::endpoint_of(text).unwrap_or_else(|| text.to_owned()))) {
        (Some(port), Some((host, number))) => format!("{field}: {host}, {port}: {number}"),
        (Some(port), None) => format!("{field}: {text}, {port}: PORT"),
        (None, _) if field == "url" && !text.contains("://") => format!("{field}: https://{text}"),
        (None, _) => format!("{field}: {}", flow(value)),
    };
    format!("{}: {{{parts}}}", family.name)
}

/// The test that an operator of another tool means, of a fact of this sort.
pub(super) fn test(word: &str, operand: &Node, sort: Sort) -> Option<String> {
    let written = word.trim();
    let instead = OPERATORS.iter().find(|(known, _)| *known == written).map(|(_, instead)| *instead);
    let instead = instead
        .or_else(|| Synonyms::find(OPERATORS, word))
        .or_else(|| Operator::of(&plain(word)).map(Operator::word))?;
    let fits = |word: &str| sort.operators().any(|operator| operator.word() == word);
    let text = operand.shown().unwrap_or_default();
    match instead {
        "^" | "$" if fits("matches") => {
            let pattern = regex::escape(text);
            let pattern = if instead == "^" { format!("^{pattern}") } else { format!("{pattern}$") };
            Some(format!("{{matches: '{}'}}", pattern.replace('\'', "''")))
        }
        whole if whole.contains(": ") => {
            let operator = whole.split(':').next().unwrap_or_default();
            let off = corrections::flag(text) == Some("false");
            let opposite = if operator == "len" { "len: {ge: 1}" } else { "present: true" };
            fits(operator).then(|| format!("{{{}}}", if off { opposite } else { whole }))
        }
        "matches" if !fits("matches") => hundreds(text).filter(|_| sort == Sort::Number(Unit::Count)),
        // Of a list, that it is a value means that it has that one.
        "eq" if sort == Sort::List && operand.text().is_some() => Some(format!("{{contains: {}}}", flow(operand))),
        word if fits(word) => Some(format!("{{{word}: {}}}", operand_of(word, operand, sort))),
        _ => None,
    }
}

/// What stands behind an operator, corrected where it needs a unit, brackets, or another word.
fn operand_of(word: &str, operand: &Node, sort: Sort) -> String {
    let form = Operator::of(word).map(Operator::operand);
    let value = |text: &str| single(text, sort).unwrap_or_else(|| text.to_owned());
    match (form, operand.shown()) {
        (Some(OperandForm::Flag), Some(text)) => corrections::flag(text).unwrap_or("true").to_owned(),
        (Some(OperandForm::Range), Some(text)) => {
            between(text, sort).unwrap_or_else(|| format!("[{}, …]", value(text)))
        }
        (Some(OperandForm::Values), Some(text)) => format!("[{}]", value(text)),
        (Some(OperandForm::Value | OperandForm::Whole), Some(text)) if matches!(sort, Sort::Number(_)) => value(text),
        _ => flow(operand),
    }
}

/// A single value of this sort, corrected.
pub(super) fn single(text: &str, sort: Sort) -> Option<String> {
    match sort {
        Sort::Number(unit) if quantity::parse(text, unit).is_ok() => Some(text.to_owned()),
        Sort::Number(unit) => corrections::quantity(text, unit, None).into_iter().next(),
        Sort::Bool => corrections::flag(text).map(str::to_owned),
        Sort::Choice(words) => corrections::word(text, words).map(str::to_owned),
        _ => Some(text.to_owned()),
    }
}

fn between(text: &str, sort: Sort) -> Option<String> {
    let separators = ["..=", "...", "..", " to ", " and ", " - ", "–", ",", "-"];
    let (low, high) = separators.iter().find_map(|separator| {
        text.split_once(separator).filter(|(low, high)| !low.trim().is_empty() && !high.trim().is_empty())
    })?;
    let high = single(high.trim(), sort)?;
    let unit = high.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ' ').to_owned();
    let low = single(low.trim(), sort).filter(|_| !low.trim().bytes().all(|b| b.is_ascii_digit()) || unit.is_empty());
    let low = low.unwrap_or_else(|| {
        format!("{}{unit}", text.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default())
    });
    let known = |text: &str| !matches!(sort, Sort::Number(unit) if quantity::parse(text, unit).is_err());
    (known(&low) && known(&high)).then(|| format!("[{low}, {high}]"))
}

/// `2xx`, and patterns that mean it.
fn hundreds(text: &str) -> Option<String> {
    let regex =
        Regex::new(r"^\^?\(?([1-5])(?:[xX]{2}|\.\.|\\d\\d|\\d\{2\}|\[0-9\]\[0-9\]|\[0-9\]\{2\}|\.\*|\*|[xX*])?\)?\$?$")
            .ok()?;
    let digit = &regex.captures(text.trim())?[1];
    Some(format!("{{between: [{digit}00, {digit}99]}}"))
}

/// Signs of comparisons, longer ones first.
const SIGNS: [(&str, &str); 13] = [
    (">=", "ge"),
    ("=>", "ge"),
    ("≥", "ge"),
    ("<=", "le"),
    ("=<", "le"),
    ("≤", "le"),
    ("!=", "ne"),
    ("==", "eq"),
    ("=~", "matches"),
    (">", "gt"),
    ("<", "lt"),
    ("~ ", "matches"),
    ("=", "eq"),
];

/// The test that a comparison written as text means: `>= 200`, `200-299`, `2xx`, `200|201`, `/pattern/`.
pub(super) fn comparison(text: &str, sort: Sort) -> Option<String> {
    let text = text.trim();
    let numeric = matches!(sort, Sort::Number(_));
    let parts: Vec<&str> = if numeric {
        text.split(" and ").flat_map(|part| part.split(" && ")).flat_map(|part| part.split(',')).collect()
    } else {
        vec![text]
    };
    let tests: Option<Vec<String>> = parts.iter().map(|part| signed(part.trim(), sort)).collect();
    if let Some(tests) = tests {
        return Some(format!("{{{}}}", tests.join(", ")));
    }
    if let Some(inner) = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'))
        // `/login/` is a path.
        && inner.contains(['^', '$', '*', '+', '?', '[', '(', '|', '\\'])
        && !inner.contains('/')
        && fits(sort, "matches")
    {
        return Some(format!("{{matches: '{}'}}", inner.replace('\'', "''")));
    }
    if numeric { several(text, sort) } else { None }
}

fn fits(sort: Sort, word: &str) -> bool {
    sort.operators().any(|operator| operator.word() == word)
}

/// One comparison with its sign.
fn signed(part: &str, sort: Sort) -> Option<String> {
    let (sign, word) = SIGNS.iter().find(|(sign, _)| part.starts_with(sign))?;
    let value = part[sign.len()..].trim();
    let numeric = matches!(sort, Sort::Number(_));
    // Of a text, such as `<html>`, only what compares with a number is a comparison without doubt.
    let ordered = matches!(*word, "lt" | "le" | "gt" | "ge");
    if !fits(sort, word) || value.is_empty() || (!numeric && (ordered || *sign == "=") && value.parse::<f64>().is_err())
    {
        return None;
    }
    let value = if numeric { single(value, sort)? } else { value.to_owned() };
    Some(if *word == "matches" {
        format!("matches: '{}'", value.replace('\'', "''"))
    } else {
        format!("{word}: {value}")
    })
}

/// Several numbers, or all but one: `2xx`, `not 500`, `200|201`, `200-299`.
fn several(text: &str, sort: Sort) -> Option<String> {
    if sort == Sort::Number(Unit::Count)
        && let Some(range) = hundreds(text).filter(|_| !text.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Some(range);
    }
    if let Some(rest) = text.strip_prefix('!').or_else(|| text.strip_prefix("not ")) {
        return Some(format!("{{ne: {}}}", single(rest.trim(), sort)?));
    }
    let parts: Vec<&str> =
        text.split('|').flat_map(|part| part.split(" or ")).flat_map(|part| part.split(',')).map(str::trim).collect();
    if parts.len() > 1 {
        let values: Option<Vec<String>> = parts.iter().map(|part| single(part, sort)).collect();
        return values.map(|values| format!("{{in: [{}]}}", values.join(", ")));
    }
    between(text, sort).map(|range| format!("{{between: {range}}}"))
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
        format!("${{{}}}", name.strip_prefix("vars.").unwrap_or(name))
    });
    Some(format!("\"{corrected}\""))
}

/// A fact, or a part of one, that is meant by the word of another tool.
pub(super) fn fact(family: &Family, path: &str, known: impl Fn(&str) -> bool) -> Option<&'static str> {
    if let Some(instead) = Synonyms::find(family.synonyms.facts, path) {
        return Some(instead);
    }
    let last = path.rsplit_once('.').map(|(_, last)| last)?;
    // `latency.p95` is `total_time.p95` where `latency` means that.
    let (before, _) = path.rsplit_once('.')?;
    let instead = Synonyms::find(family.synonyms.facts, before)?;
    known(last).then_some(instead)
}

/// The part of a distribution that is meant.
pub(super) fn statistic(word: &str) -> Option<&'static str> {
    Synonyms::find(STATISTICS, word)
}
