//! Paths into documents, as `expect` writes them behind the name of a fact: keys and positions with dots between, and filters
//! (`services[name=db].status`), which choose the one element of a list that has these values.

use std::fmt;

use super::Value;
use super::typed::{self, Form};

/// Conditions of one filter.
const MOST: usize = 16;
/// Longest path, bytes: no document has one, and brackets are looked for again and again.
const LONGEST: usize = 4096;

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A key of an object, or a position of a list, from 0.
    Key(String),
    /// The one element of a list that has these values.
    Where(Filter),
}

/// Values that an element has, as written between brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    conditions: Vec<Condition>,
    written: String,
}

/// `name=db`: what stands at a path of the element.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    path: Vec<Step>,
    text: String,
    /// A text and nothing else: `port="443"` is no number.
    quoted: bool,
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Why nothing can be told of what a path means: not because it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindError<'v> {
    /// The name differs from the one asked for in case alone: another name, and most likely the one that is meant.
    OtherName(&'v str),
    /// So many elements fit a filter, which must mean one.
    Several(usize, String),
    /// A filter stands where there is no list of objects but this.
    NoList(&'static str, String),
}

impl fmt::Display for FindError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherName(name) => write!(f, "the name there is `{name}`"),
            Self::Several(count, filter) => {
                write!(
                    f,
                    "{count} elements fit `[{filter}]`, which must mean one: add what tells them apart, `[{filter},key=value]`"
                )
            }
            Self::NoList(kind, filter) => write!(f, "`[{filter}]` chooses from a list of objects, and there is {kind}"),
        }
    }
}

/// Whether `path` names the fact `name`, or something below it.
#[must_use]
pub fn is_of(path: &str, name: &str) -> bool {
    path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Reads a path. The error says what is wrong with it, and what to write.
pub fn read(text: &str) -> Result<Vec<Step>, (String, String)> {
    if text.len() > LONGEST {
        return Err((
            format!("a path has at most {LONGEST} bytes, this one {}", text.len()),
            "write a shorter one".to_owned(),
        ));
    }
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        let (key, after) = rest.split_at(key_length(rest));
        // Several filters, and one at the very beginning, have no key before them.
        if !key.is_empty() || !after.starts_with('[') {
            steps.push(Step::Key(key.to_owned()));
        }
        rest = after;
        let mut conditions: Option<Filter> = None;
        while let Some(inner) = rest.strip_prefix('[') {
            let (written, behind) = inside(inner)?;
            let filter = filter(written)?;
            match &mut conditions {
                None => conditions = Some(filter),
                // Two in a row hold of one element together.
                Some(before) => {
                    before.conditions.extend(filter.conditions);
                    before.written = format!("{},{}", before.written, filter.written);
                }
            }
            rest = behind;
        }
        steps.extend(conditions.map(Step::Where));
        match rest.strip_prefix('.') {
            Some(more) => rest = more,
            None if rest.is_empty() => return Ok(steps),
            None => {
                let message = format!("`{rest}` stands right behind a filter");
                return Err((message, "write a dot between: services[name=db].status".to_owned()));
            }
        }
    }
}

/// Bytes up to the next dot or filter. Brackets without `=` are a part of a key.
fn key_length(text: &str) -> usize {
    let begins = |at: usize| {
        let inner = &text[at + 1..];
        let end = closing(inner).unwrap_or(inner.len());
        inner[..end].contains('=')
    };
    let mut ends = text.match_indices(['.', '[']);
    ends.find(|(at, sign)| *sign == "." || begins(*at)).map_or(text.len(), |(at, _)| at)
}

/// The place of the bracket that closes, quotes passed over.
fn closing(text: &str) -> Option<usize> {
    outside_quotes(text).find(|(_, c)| *c == ']').map(|(at, _)| at)
}

/// The characters that no quotes hold, with their places.
fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote: Option<char> = None;
    let mut escaped = false;
    text.char_indices().filter(move |(_, c)| match quote {
        Some(open) => {
            if *c == open && !escaped {
                quote = None;
            }
            escaped = open == '"' && *c == '\\' && !escaped;
            false
        }
        None if matches!(c, '"' | '\'') => {
            quote = Some(*c);
            escaped = false;
            false
        }
        None => true,
    })
}

/// What stands in brackets, and what behind them.
fn inside(text: &str) -> Result<(&str, &str), (String, String)> {
    match closing(text) {
        Some(end) => Ok((&text[..end], &text[end + 1..])),
        None => Err((format!("`[{text}` is not closed"), "write it like services[name=db].status".to_owned())),
    }
}

fn filter(written: &str) -> Result<Filter, (String, String)> {
    let mut conditions = Vec::new();
    let mut start = 0;
    let commas = outside_quotes(written).filter(|(_, c)| *c == ',').map(|(at, _)| at);
    for end in commas.chain([written.len()]) {
        conditions.push(condition(written[start..end].trim())?);
        start = (end + 1).min(written.len());
    }
    if conditions.len() > MOST {
        return Err((format!("`[{written}]` has more than {MOST} conditions"), "write fewer".to_owned()));
    }
    Ok(Filter { conditions, written: written.trim().to_owned() })
}

fn condition(text: &str) -> Result<Condition, (String, String)> {
    let wrong = |why: String| (why, "write it like services[name=db,zone=eu].status".to_owned());
    let Some((key, value)) = text.split_once('=') else {
        return Err(wrong(format!("`{text}` in a filter is no key=value")));
    };
    let (key, value) = (key.trim(), value.trim());
    if key.ends_with(['!', '<', '>', '~', '=', ':', '*', '^', '$']) || value.starts_with(['=', '~']) {
        return Err(wrong(format!("`{text}`: a filter compares by a single `=`")));
    }
    if key.is_empty() || key.contains(['"', '\'', '[', '@', '?', '(']) {
        return Err(wrong(format!("`{text}`: a filter begins with a key of the element")));
    }
    if text.contains("${") {
        let help = "write the name itself; a matrix cannot choose an element".to_owned();
        return Err((format!("`{text}`: variables are replaced in values, and this is a key"), help));
    }
    let path = key.split('.').map(|key| Step::Key(key.to_owned())).collect();
    let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        if value.is_empty() {
            let help = format!("write {key}=\"\" for the empty text");
            return Err((format!("`{text}`: nothing follows `=`"), help));
        }
        return Ok(Condition { path, text: value.to_owned(), quoted: false });
    };
    let inner = value[1..].strip_suffix(quote).filter(|inner| !inner.contains(quote) || quote == '"');
    let Some(inner) = inner else { return Err(wrong(format!("`{value}` does not end with its quote"))) };
    let text = if quote == '"' { unescaped(inner) } else { inner.to_owned() };
    Ok(Condition { path, text, quoted: true })
}

/// A text in double quotes without its backslashes.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

/// The key of a step; a filter has none.
fn key_of(step: &Step) -> Option<&str> {
    match step {
        Step::Key(key) => Some(key),
        Step::Where(_) => None,
    }
}

/// The keys of a path, filters left out.
#[must_use]
pub fn keys(path: &[Step]) -> Vec<&str> {
    path.iter().filter_map(key_of).collect()
}

/// Whether a path chooses elements.
#[must_use]
pub fn filters(path: &[Step]) -> bool {
    path.iter().any(|step| matches!(step, Step::Where(_)))
}

/// Follows a path into a document of this form; `None` when it leads nowhere. Keys that themselves hold dots
/// (`servers.192.0.2.53.serial`) are tried first, the longest before shorter ones.
pub fn find<'v>(value: &'v Value, path: &[Step], form: Form) -> Result<Option<&'v Value>, FindError<'v>> {
    let Some((first, rest)) = path.split_first() else { return Ok(Some(value)) };
    let first = match first {
        Step::Key(first) => first,
        Step::Where(filter) => return chosen(value, filter, form)?.map_or(Ok(None), |item| find(item, rest, form)),
    };
    match value {
        Value::Object(map) => {
            let written: Vec<&str> = path.iter().map_while(key_of).collect();
            let dotted = (2..=written.len()).rev();
            let dotted = dotted.filter_map(|length| Some((map.get(&written[..length].join("."))?, &path[length..])));
            let mut astray = None;
            for (below, rest) in dotted {
                match find(below, rest, form) {
                    Ok(None) => {}
                    Ok(found) => return Ok(found),
                    // Nothing can be told of it, unless another way leads to a value.
                    Err(why) => _ = astray.get_or_insert(why),
                }
            }
            if let Some(found) = map.get(first) {
                let found = find(found, rest, form)?;
                return astray.filter(|_| found.is_none()).map_or(Ok(found), Err);
            }
            if let Some(astray) = astray {
                return Err(astray);
            }
            match map.iter().find(|(key, _)| key.eq_ignore_ascii_case(first)) {
                Some((key, _)) if matches!(form, Form::Document) => Err(FindError::OtherName(key)),
                Some((_, found)) => find(found, rest, form),
                None => Ok(None),
            }
        }
        Value::Array(items) => {
            let item = first.parse::<usize>().ok().and_then(|position| items.get(position));
            item.map_or(Ok(None), |item| find(item, rest, form))
        }
        _ => Ok(None),
    }
}

/// Keys of an object that are named; more are counted.
const KEYS: usize = 8;
/// Characters of a key.
const KEY: usize = 40;

/// What there is where a path leads nowhere: how far it leads, and which keys are there.
#[must_use]
pub fn missing(value: &Value, path: &[Step], form: Form) -> String {
    let leads = |length: &usize| find(value, path.get(..*length)?, form).ok().flatten().map(|here| (*length, here));
    let (length, here) = (0..path.len()).rev().find_map(|length| leads(&length)).unwrap_or((0, value));
    let place = match keys(path.get(..length).unwrap_or_default()).join(".") {
        place if place.is_empty() => String::new(),
        place => format!(" in `{place}`"),
    };
    let rest = path.get(length..).unwrap_or_default();
    let Some(Step::Key(key)) = rest.first() else {
        let filter = rest.first().map(|step| match step {
            Step::Where(filter) => filter.to_string(),
            Step::Key(key) => key.clone(),
        });
        return format!("no element{place} that fits `[{}]`", filter.unwrap_or_default());
    };
    match here {
        Value::Object(map) if map.is_empty() => format!("no `{key}`{place}, and nothing else there"),
        Value::Object(map) => {
            // Of names that hold dots nobody knows where one ends.
            let dotted = map.keys().any(|key| key.contains('.'));
            let wanted = if dotted { keys(rest).join(".") } else { (*key).clone() };
            let mut names: Vec<String> = map.keys().take(KEYS).map(|key| key.chars().take(KEY).collect()).collect();
            if map.len() > KEYS {
                names.push(format!("{} more", map.len() - KEYS));
            }
            let are = if map.len() == 1 { "is" } else { "are" };
            format!("no `{wanted}`{place}; there {are} {}", names.join(", "))
        }
        Value::Array(items) => format!("no element {key}{place}; there are {}", items.len()),
        other => format!("no `{key}`{place}, which is {}", typed::kind(other)),
    }
}

/// The element that fits a filter; `None` when none does.
fn chosen<'v>(value: &'v Value, filter: &Filter, form: Form) -> Result<Option<&'v Value>, FindError<'v>> {
    let Value::Array(items) = value else { return Err(FindError::NoList(typed::kind(value), filter.to_string())) };
    if !items.is_empty() && !items.iter().any(Value::is_object) {
        return Err(FindError::NoList("a list of others", filter.to_string()));
    }
    let mut other_name = None;
    let mut fits = |item: &'v Value| {
        filter.conditions.iter().all(|condition| match find(item, &condition.path, form) {
            Ok(found) => found.is_some_and(|found| condition.holds(found, form)),
            Err(error) => {
                other_name.get_or_insert(error);
                false
            }
        })
    };
    let found: Vec<&Value> = items.iter().filter(|item| fits(item)).collect();
    match (found.as_slice(), other_name) {
        ([], Some(error)) => Err(error),
        ([], None) => Ok(None),
        ([item], _) => Ok(Some(item)),
        (several, _) => Err(FindError::Several(several.len(), filter.to_string())),
    }
}

impl Condition {
    fn holds(&self, value: &Value, form: Form) -> bool {
        match value {
            Value::String(text) => form.at(&keys(&self.path)).same(None, text, &self.text),
            _ if self.quoted => false,
            Value::Number(number) => {
                typed::number_text(&self.text).is_some_and(|want| typed::same_number(number, &want))
            }
            Value::Bool(flag) => self.text == if *flag { "true" } else { "false" },
            Value::Null => self.text == "null",
            Value::Array(_) | Value::Object(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
