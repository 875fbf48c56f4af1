//! `JSONPath` queries (RFC 9535) of an answer that is JSON.

use serde_json_path::JsonPath;

use super::fields::{ADDRESSES, Addresses, JSONPATH};
use crate::model::count::counted;
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Args, Fact, Invalid, Rule, Value};

facts! { pub(super) FACTS;
    pub(super) const FOUND: Fact<Value> = Fact::object(
        "jsonpath",
        "What the queries of `jsonpath` find in `body.json`, by name: one that can find one thing at most finds a value or is absent, every other finds a list.",
    )
    .ruled(Rule::Ignore)
    .form(Form::Document)
    .on_breach("the content differs: is the new release really what answers here?");
}

/// Queries of a check.
const MOST_QUERIES: usize = 64;
/// Longest query, bytes.
const LONGEST: usize = 4096;
/// Times that a query may go down through all levels: each multiplies the work by the depth of a document.
const MOST_DESCENTS: usize = 2;
/// Elements that a query may find.
const MOST_FOUND: usize = 10_000;

/// A query with its name.
#[derive(Clone, Debug)]
pub(super) struct JsonPathQuery {
    name: String,
    path: JsonPath,
    /// It finds one thing at most.
    is_singular: bool,
}

/// The queries of a check.
pub(super) fn queries(args: &Args) -> Result<Vec<JsonPathQuery>, Invalid> {
    let written = args.get(&JSONPATH);
    if !written.is_empty() && args.get(&ADDRESSES) == Addresses::All {
        let help = "ask one address (`addresses: first`), or each in a check of its own with `resolve`";
        return Err(JSONPATH.invalid("with `addresses: all` there is no one answer to query", help));
    }
    if written.len() > MOST_QUERIES {
        return Err(JSONPATH.invalid(format!("a check has at most {MOST_QUERIES} queries"), "write another check"));
    }
    written.into_iter().map(|(name, text)| query(name, &text)).collect()
}

fn query(name: String, text: &str) -> Result<JsonPathQuery, Invalid> {
    let help = "write a query of RFC 9535, such as `$.items[?@.ok == false].name`";
    if text.len() > LONGEST {
        return Err(JSONPATH.invalid(format!("`{name}` has more than {LONGEST} bytes"), help));
    }
    let path = JsonPath::parse(text)
        .map_err(|error| JSONPATH.invalid(format!("`{name}`: `{text}` is no query: {error}"), help))?;
    let bare = without_quotes(text);
    if bare.matches("..").count() > MOST_DESCENTS || bare.get(1..).is_some_and(|rest| rest.contains("$..")) {
        let message = format!("`{name}`: `{text}` goes through all levels again and again");
        let help = "use `..` at most twice, and not behind a `$` in a filter: name the levels instead";
        return Err(JSONPATH.invalid(message, help));
    }
    Ok(JsonPathQuery { name, path, is_singular: is_singular(text) })
}

/// What the queries find in a document; `Err` names one that finds too much to be kept.
pub(super) fn find(queries: &[JsonPathQuery], document: &Value) -> Result<Value, String> {
    let mut out = serde_json::Map::new();
    for JsonPathQuery { name, path, is_singular } in queries {
        let found = path.query(document);
        if found.len() > MOST_FOUND {
            return Err(format!("`{name}` finds {}, and {MOST_FOUND} are kept", counted(found.len(), "element")));
        }
        let mut values = found.into_iter().cloned();
        if !is_singular {
            out.insert(name.clone(), values.collect());
        } else if let Some(value) = values.next() {
            out.insert(name.clone(), value);
        }
    }
    Ok(Value::Object(out))
}

/// A query with nothing between its quotes.
fn without_quotes(text: &str) -> String {
    let (mut out, mut quote, mut escaped) = (String::new(), None, false);
    for c in text.chars() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => {
                quote = None;
                out.push(c);
            }
            (Some(_), _) => {}
            (None, '\'' | '"') => {
                quote = Some(c);
                out.push(c);
            }
            (None, c) => out.push(c),
        }
    }
    out
}

/// Whether a valid query has names and positions alone (RFC 9535, 2.3.5.1).
fn is_singular(text: &str) -> bool {
    let bare = without_quotes(text);
    !bare.contains("..") && !bare.contains(['*', '?', ':', ','])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{find, query};

    fn found(text: &str) -> serde_json::Value {
        let document = json!({
            "items": [{"name": "a", "ok": true, "n": 1}, {"name": "b", "ok": false, "n": 2.5}, {"name": "c..d*", "n": null}],
            "a,b": {"*": 7, "big": 12_345_678_901_234_567_890_u64},
        });
        find(&[query("x".to_owned(), text).unwrap()], &document).unwrap()
    }

    #[test]
    fn a_query_of_one_thing_finds_it_or_is_absent() {
        for (text, want) in [
            ("$.items[0].name", json!("a")),
            ("$['items'][-1]['name']", json!("c..d*")),
            ("$['a,b']['*']", json!(7)),
            ("$.items[2].n", json!(null)),
            ("$['a,b'].big", json!(12_345_678_901_234_567_890_u64)),
        ] {
            assert_eq!(found(text), json!({"x": want}), "{text}");
        }
        assert_eq!(found("$.items[3].name"), json!({}));
        assert_eq!(found("$.nothing"), json!({}));
    }

    #[test]
    fn every_other_finds_a_list() {
        for (text, want) in [
            ("$.items[*].name", json!(["a", "b", "c..d*"])),
            ("$.items[?@.ok == false].name", json!(["b"])),
            ("$.items[?@.n > 1.5].name", json!(["b"])),
            ("$.items[?@.n == 1].name", json!(["a"])),
            ("$.items[?@.n == 1.0].name", json!(["a"])),
            ("$.items[?match(@.name, '[ab]')].name", json!(["a", "b"])),
            ("$.items[?length(@.name) > 1].name", json!(["c..d*"])),
            ("$.items[?@.name == 'zzz']", json!([])),
            ("$..ok", json!([true, false])),
            ("$.items[0,1].n", json!([1, 2.5])),
            ("$.items[1:].name", json!(["b", "c..d*"])),
            ("$.nothing[*]", json!([])),
        ] {
            assert_eq!(found(text), json!({"x": want}), "{text}");
        }
    }

    #[test]
    fn what_is_no_query_or_without_end_is_refused() {
        for (text, why) in [
            ("items", "items"),
            ("$.items[", "$.items["),
            ("$.items[?length(@) ]", "length"),
            ("$..a..b..c", "again and again"),
            ("$..*[?$..x]", "again and again"),
        ] {
            let invalid = query("x".to_owned(), text).unwrap_err();
            assert!(invalid.field == "jsonpath" && invalid.message.contains(why), "{text}: {}", invalid.message);
        }
        assert!(query("x".to_owned(), "$['a..b..c..d']").is_ok(), "quotes hold names");
        let many = serde_json::Value::from(vec![0; super::MOST_FOUND + 1]);
        assert!(find(&[query("x".to_owned(), "$[*]").unwrap()], &many).unwrap_err().contains("10001 elements"));
    }
}
