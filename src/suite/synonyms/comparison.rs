//! Comparisons written as text, as tests.

use regex::Regex;

use super::{Subject, single};
use crate::model::expectation::Sort;
use crate::model::{Unit, quantity};

pub(super) fn between(text: &str, subject: Subject) -> Option<String> {
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
pub(super) fn hundreds(text: &str) -> Option<String> {
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
pub(in crate::suite) fn comparison(text: &str, subject: Subject) -> Vec<String> {
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

pub(super) fn fits(sort: Sort, word: &str) -> bool {
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
