//! What people write who know another tool, and what a suite writes in its place: words, comparisons, and where a key belongs.

mod subject;
#[cfg(test)]
mod tests;
mod words;

use regex::Regex;

pub(super) use subject::{Subject, corrected};
use words::{CHECK, EVENTUALLY, OPERATORS, STATISTICS, SUITE};

use super::syntax::flow;
use super::tree::{Kind as NodeKind, Node};
use crate::model::expectation::{OperandForm, Operator, Sort};
use crate::model::{FactInfo, Kind as FactKind, Unit, corrections, quantity};
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

/// What a word of another tool is in suites, with where it belongs: a key, an operator, a part of a distribution.
pub(crate) fn otherwise(word: &str) -> Vec<(&'static str, &'static str)> {
    let tables = [
        ("a key of a check", CHECK),
        ("a key of the file", SUITE),
        ("below `eventually`", EVENTUALLY),
        ("an operator", OPERATORS),
        ("a part of a distribution", STATISTICS),
    ];
    // A word that is a sign of its own table stands for a pattern.
    let shown = |instead: &'static str| match instead {
        "^" => "matches: \"^…\"",
        "$" => "matches: \"…$\"",
        other => other,
    };
    let found = tables.into_iter().map(|(place, table)| (place, Synonyms::find(table, word)));
    found.filter_map(|(place, instead)| Some((place, shown(instead?)))).collect()
}

/// The entry in place of one whose key another tool has, from a table whose words stand for keys or whole entries. `Err` says
/// what to do where no entry takes its place; `None` where the table has no such word.
pub(super) fn replaced(
    table: &'static [(&'static str, &'static str)],
    word: &str,
    value: &Node,
) -> Option<Result<String, String>> {
    let instead = Synonyms::find(table, word)?;
    let flag = value.text().and_then(corrections::flag).filter(|_| value.text() != Some("0"));
    let idle = if Synonyms::is_meant_off(table, word) { flag == Some("true") } else { flag == Some("false") };
    Some(match (instead.split_once(": "), &value.kind) {
        // What the word is for is off: so it is without it.
        (Some((key, "false")), _) if idle => Ok(format!("{key}: true")),
        (Some((key @ "follow", _)), _) if idle => Ok(format!("{key}: 0")),
        (Some(_), _) if idle => Err(format!("leave `{word}` out: it is so by default")),
        (Some(_), _) => Ok(filled(instead, value)),
        (None, NodeKind::Scalar(..)) => Ok(format!("{instead}: {}", flow(value))),
        (None, _) => Ok(instead.to_owned()),
    })
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
    let entry = match replaced(table(owner), word, value)? {
        Ok(entry) => entry,
        Err(help) => return Some(help),
    };
    if entry == "tags: [skip]" {
        return Some("write `tags: [skip]`, and leave it out with --skip-tag skip; or take the check out".to_owned());
    }
    Some(format!("write `{entry}`"))
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
    match (form, operand.shown()) {
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

fn between(text: &str, subject: Subject) -> Option<String> {
    let separators = ["..=", "...", "..", " to ", " and ", " - ", "–", ",", "-"];
    let (low, high) = separators.iter().find_map(|separator| {
        text.split_once(separator).filter(|(low, high)| !low.trim().is_empty() && !high.trim().is_empty())
    })?;
    let high = single(high.trim(), subject)?;
    let unit = high.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ' ').to_owned();
    let low =
        single(low.trim(), subject).filter(|_| !low.trim().bytes().all(|b| b.is_ascii_digit()) || unit.is_empty());
    let low = low.unwrap_or_else(|| {
        format!("{}{unit}", text.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default())
    });
    let known = |text: &str| !matches!(subject.sort, Sort::Number(unit) if quantity::parse(text, unit).is_err());
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

/// The tests that a comparison written as text may mean: `>= 200`, `200-299`, `2xx`, `200|201`, `/pattern/`.
pub(super) fn comparison(text: &str, subject: Subject) -> Vec<String> {
    subject.each(|subject| one_comparison(text, subject))
}

fn one_comparison(text: &str, subject: Subject) -> Option<String> {
    let sort = subject.sort;
    let text = text.trim();
    let numeric = matches!(sort, Sort::Number(_));
    let parts: Vec<&str> = if numeric {
        text.split(" and ").flat_map(|part| part.split(" && ")).flat_map(|part| part.split(',')).collect()
    } else {
        vec![text]
    };
    let tests: Option<Vec<String>> = parts.iter().map(|part| signed(part.trim(), subject)).collect();
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
    if numeric { several(text, subject) } else { None }
}

fn fits(sort: Sort, word: &str) -> bool {
    sort.operators().any(|operator| operator.word() == word)
}

/// One comparison with its sign.
fn signed(part: &str, subject: Subject) -> Option<String> {
    let sort = subject.sort;
    let (sign, word) = SIGNS.iter().find(|(sign, _)| part.starts_with(sign))?;
    let value = part[sign.len()..].trim();
    let numeric = matches!(sort, Sort::Number(_));
    // Of a text, such as `<html>`, only what compares with a number is a comparison without doubt.
    let ordered = matches!(*word, "lt" | "le" | "gt" | "ge");
    if !fits(sort, word) || value.is_empty() || (!numeric && (ordered || *sign == "=") && value.parse::<f64>().is_err())
    {
        return None;
    }
    let value = if numeric { single(value, subject)? } else { value.to_owned() };
    Some(if *word == "matches" {
        format!("matches: '{}'", value.replace('\'', "''"))
    } else {
        format!("{word}: {value}")
    })
}

/// Several numbers, or all but one: `2xx`, `not 500`, `200|201`, `200-299`.
fn several(text: &str, subject: Subject) -> Option<String> {
    if subject.sort == Sort::Number(Unit::Count)
        && let Some(range) = hundreds(text).filter(|_| !text.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Some(range);
    }
    if let Some(rest) = text.strip_prefix('!').or_else(|| text.strip_prefix("not ")) {
        return Some(format!("{{ne: {}}}", single(rest.trim(), subject)?));
    }
    let parts: Vec<&str> =
        text.split('|').flat_map(|part| part.split(" or ")).flat_map(|part| part.split(',')).map(str::trim).collect();
    if parts.len() > 1 {
        let values: Option<Vec<String>> = parts.iter().map(|part| single(part, subject)).collect();
        return values.map(|values| format!("{{in: [{}]}}", values.join(", ")));
    }
    between(text, subject).map(|range| format!("{{between: {range}}}"))
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
