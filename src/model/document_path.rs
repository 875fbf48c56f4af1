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
pub enum Astray<'v> {
    /// The name differs from the one asked for in case alone: another name, and most likely the one that is meant.
    OtherName(&'v str),
    /// So many elements fit a filter, which must mean one.
    Several(usize, String),
    /// A filter stands where there is no list of objects but this.
    NoList(&'static str, String),
}

impl fmt::Display for Astray<'_> {
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
            return Err((format!("`{text}`: nothing stands behind `=`"), help));
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
pub fn find<'v>(value: &'v Value, path: &[Step], form: Form) -> Result<Option<&'v Value>, Astray<'v>> {
    let Some((first, rest)) = path.split_first() else { return Ok(Some(value)) };
    let first = match first {
        Step::Key(first) => first,
        Step::Where(filter) => return chosen(value, filter, form)?.map_or(Ok(None), |item| find(item, rest, form)),
    };
    match value {
        Value::Object(map) => {
            let written: Vec<&str> = path.iter().map_while(key_of).collect();
            let dotted = (2..=written.len()).rev();
            let mut dotted =
                dotted.filter_map(|length| Some((map.get(&written[..length].join("."))?, &path[length..])));
            if let Some(found) = dotted.find_map(|(below, rest)| find(below, rest, form).ok()?) {
                return Ok(Some(found));
            }
            if let Some(found) = map.get(first) {
                return find(found, rest, form);
            }
            match map.iter().find(|(key, _)| key.eq_ignore_ascii_case(first)) {
                Some((key, _)) if matches!(form, Form::Document) => Err(Astray::OtherName(key)),
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

/// The element that fits a filter; `None` when none does.
fn chosen<'v>(value: &'v Value, filter: &Filter, form: Form) -> Result<Option<&'v Value>, Astray<'v>> {
    let Value::Array(items) = value else { return Err(Astray::NoList(typed::kind(value), filter.to_string())) };
    if !items.is_empty() && !items.iter().any(Value::is_object) {
        return Err(Astray::NoList("a list of others", filter.to_string()));
    }
    let mut other_name = None;
    let mut fits = |item: &'v Value| {
        filter.conditions.iter().all(|condition| match find(item, &condition.path, form) {
            Ok(found) => found.is_some_and(|found| condition.holds(found, form)),
            Err(astray) => {
                other_name.get_or_insert(astray);
                false
            }
        })
    };
    let found: Vec<&Value> = items.iter().filter(|item| fits(item)).collect();
    match (found.as_slice(), other_name) {
        ([], Some(astray)) => Err(astray),
        ([], None) => Ok(None),
        ([item], _) => Ok(Some(item)),
        (several, _) => Err(Astray::Several(several.len(), filter.to_string())),
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
mod tests {
    use serde_json::{Value, json};

    use super::{find, is_of, read};
    use crate::model::typed::Form;

    fn at(document: &Value, path: &str, form: Form) -> Result<Option<Value>, String> {
        let steps = read(path).unwrap_or_else(|(why, _)| panic!("{path}: {why}"));
        find(document, &steps, form).map(Option::<&Value>::cloned).map_err(|astray| astray.to_string())
    }

    fn services() -> Value {
        json!({"services": [
            {"name": "db", "port": 5432, "status": "ok", "meta": {"zone": "eu", "tier": 1}, "up": true, "note": null},
            {"name": "web", "port": "80", "status": "down", "meta": {"zone": "eu", "tier": 2}, "up": false},
            {"name": "my, db]", "status": "new", "meta": {"zone": "us"}, "a.b": 1},
            {"name": "", "status": "none"},
        ], "none": [], "texts": ["db"], "map": {"name": "db"}})
    }

    #[test]
    fn paths_lead_into_documents() {
        let value = json!({
            "status": {"ok": true, "list": [1, {"a": 2}]},
            "x.y": 3,
            "Server": "s",
            "a[b]": 5,
            "ns1.example./192.0.2.53": {"serial": 7, "a.b": {"c": 8}},
        });
        let at = |path: &str| at(&value, path, Form::Fields).unwrap();
        assert_eq!(at("status.ok"), Some(json!(true)));
        assert_eq!(at("status.list.1.a"), Some(json!(2)));
        assert_eq!(at("x.y"), Some(json!(3)));
        assert_eq!(at("ns1.example./192.0.2.53.serial"), Some(json!(7)));
        assert_eq!(at("ns1.example./192.0.2.53.a.b.c"), Some(json!(8)));
        assert_eq!(at("ns1.example./192.0.2.5.serial"), None);
        assert_eq!(at("server"), Some(json!("s")));
        assert_eq!(at("status.nope"), None);
        assert_eq!(at("a[b]"), Some(json!(5)), "brackets without = are a part of a key");
    }

    #[test]
    fn names_of_a_document_have_case() {
        let value = json!({"Status": "up", "list": [{"Id": 1, "id": 2}]});
        let at = |path: &str| at(&value, path, Form::Document);
        let other = |name: &str| Err(format!("the name there is `{name}`"));
        assert_eq!(at("Status"), Ok(Some(json!("up"))));
        assert_eq!(at("status"), other("Status"));
        assert_eq!(at("list.0.id"), Ok(Some(json!(2))));
        assert_eq!(at("list.0.ID"), other("Id"));
        assert_eq!(at("list[ID=1]"), other("Id"), "also in a filter");
        assert_eq!(at("state"), Ok(None));
    }

    #[test]
    fn a_filter_chooses_the_element_with_a_value() {
        let value = services();
        let status = |path: &str| at(&value, &format!("services{path}.status"), Form::Document);
        for (path, want) in [
            ("[name=db]", "ok"),
            ("[ name = db ]", "ok"),
            ("[name='db']", "ok"),
            ("[name=\"db\"]", "ok"),
            ("[name=\"my, db]\"]", "new"),
            ("[name='my, db]']", "new"),
            ("[name=\"\"]", "none"),
            ("[port=5432]", "ok"),
            ("[port=5432.0]", "ok"),
            // A text that reads so is meant as well.
            ("[port=80]", "down"),
            ("[port=\"80\"]", "down"),
            ("[up=true]", "ok"),
            ("[note=null]", "ok"),
            ("[meta.tier=2]", "down"),
            ("[meta.zone=eu,meta.tier=1]", "ok"),
            ("[meta.zone=eu][name=web]", "down"),
            ("[a.b=1]", "new"),
        ] {
            assert_eq!(status(path), Ok(Some(json!(want))), "{path}");
        }
        for none in ["[name=DB]", "[port=\"5432\"]", "[name=db,port=1]", "[nothing=db]", "[meta=eu]"] {
            assert_eq!(status(none), Ok(None), "{none}");
        }
        assert_eq!(at(&value, "none[name=db].status", Form::Document), Ok(None));
        assert_eq!(at(&value, "services[name=db].meta.zone", Form::Document), Ok(Some(json!("eu"))));
        assert_eq!(
            at(&value["services"], "[name=db].status", Form::Document),
            Ok(Some(json!("ok"))),
            "the root is a list"
        );
        let nested = json!([{"id": 1, "ports": [{"name": "http", "port": 80}]}, {"id": 2, "ports": []}]);
        assert_eq!(at(&nested, "[id=1].ports[name=http].port", Form::Document), Ok(Some(json!(80))));
    }

    /// What cannot be told is never an absence.
    #[test]
    fn what_means_several_or_no_list_is_told() {
        let value = services();
        let error = |path: &str| at(&value, path, Form::Document).unwrap_err();
        let several = error("services[meta.zone=eu].status");
        assert!(several.starts_with("2 elements fit `[meta.zone=eu]`, which must mean one"), "{several}");
        for (path, there) in
            [("map", "a document"), ("services[name=db].status", "a text"), ("texts", "a list of others")]
        {
            let told = error(&format!("{path}[name=db]"));
            assert_eq!(told, format!("`[name=db]` chooses from a list of objects, and there is {there}"), "{path}");
        }
    }

    #[test]
    fn mistakes_in_filters_say_what_to_write() {
        for (path, why) in [
            ("services[name=db.status", "`[name=db.status` is not closed"),
            ("services[name=\"db].status", "is not closed"),
            ("services[name==db]", "a filter compares by a single `=`"),
            ("services[port>=5]", "a filter compares by a single `=`"),
            ("services[name!=db]", "a filter compares by a single `=`"),
            ("services[name=~db]", "a filter compares by a single `=`"),
            ("services[=db]", "a filter begins with a key of the element"),
            ("services[@.name=db]", "a filter begins with a key of the element"),
            ("services[name=]", "nothing stands behind `=`"),
            ("services[name=db,up]", "`up` in a filter is no key=value"),
            ("services[name=db]status", "`status` stands right behind a filter"),
            ("services[name=\"db\"x]", "does not end with its quote"),
            ("services[name=${svc}]", "variables are replaced in values, and this is a key"),
            (&"[".repeat(5000), "a path has at most 4096 bytes, this one 5000"),
        ] {
            let (told, help) = read(path).err().unwrap_or_else(|| panic!("{path} is read"));
            assert!(told.contains(why) && !help.is_empty(), "{path}: {told} ({help})");
        }
    }

    #[test]
    fn what_is_below_a_fact() {
        for (path, name, want) in [
            ("body.json", "body.json", true),
            ("body.json.a", "body.json", true),
            ("body.json[a=b]", "body.json", true),
            ("body.jsonl", "body.json", false),
        ] {
            assert_eq!(is_of(path, name), want, "{path} {name}");
        }
    }
}
