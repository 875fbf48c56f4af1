//! Schemas of fields, by their kind.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::expectations::unit_word;
use crate::model::{FieldInfo, FieldKind, Unit, quantity};

/// One part of an IPv4 address.
const OCTET: &str = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
/// The first part of that of one host: neither of none nor of many.
const FIRST: &str = "(2[014][0-9]|22[0-3]|25[0-5]|1[0-9][0-9]|[1-9]?[0-9])";
/// A label of a name; names beyond ASCII are taken as well.
const LABEL: &str = "[^\\s./:%\\[\\]\\\\,;'\"<>{}()*?#@!$&=+|^~`\u{2018}-\u{201f}]{1,63}";
/// The last label of a name: were it a number, the name would be an address.
const LAST: &str = "[^\\s./:%\\[\\]\\\\,;'\"<>{}()*?#@!$&=+|^~`\u{2018}-\u{201f}]*[^\\s0-9./:%\\[\\]\\\\,;'\"<>{}()*?#@!$&=+|^~`\u{2018}-\u{201f}][^\\s./:%\\[\\]\\\\,;'\"<>{}()*?#@!$&=+|^~`\u{2018}-\u{201f}]*";

/// Definitions that fields share.
pub(super) fn shared() -> Map<String, Value> {
    let mut out = Map::new();
    let scalar = json!({"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]});
    let ipv4 = format!("{FIRST}(\\.{OCTET}){{3}}");
    let ipv6 = "[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*(\\.?[0-9.]*)";
    // Of IPv6, one of a link may have a zone behind it.
    let zoned = format!("({ipv6}|[Ff][Ee][89AaBb][0-9A-Fa-f]:[0-9A-Fa-f:]*%[^\\s/:%\\[\\]]{{1,15}})");
    let name = format!("({LABEL}\\.)*{LAST}\\.?");
    let nobody = json!({"type": "string", "pattern": "^\\[?([Ff][Ff][0-9A-Fa-f]{2}:|::[Ff]{4}:|::\\]?$|0\\.0\\.0\\.0$|255\\.255\\.255\\.255$)"});
    let text = |pattern: String| or_variable(json!({"type": "string", "pattern": pattern, "not": nobody}));
    for (name, schema) in [
        ("text", scalar),
        ("texts", json!({"anyOf": [{"type": "array", "items": reference("text")}, reference("text")]})),
        (
            "time",
            or_variable(json!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}"})),
        ),
        ("variable", json!({"type": "string", "pattern": "\\$\\{"})),
        (
            "name",
            json!({"anyOf": [
                {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}, {"type": "integer"}, {"type": "boolean"}
            ]}),
        ),
        (
            "flag",
            or_variable(
                json!({"anyOf": [{"type": "boolean"}, {"enum": ["true", "false", "True", "False", "TRUE", "FALSE"]}]}),
            ),
        ),
        ("host", text(format!("^({ipv4}|\\[?{zoned}\\]?|{name})$"))),
        ("address", text(format!("^({ipv4}|{ipv6})$"))),
        ("endpoint", text(format!("^(({ipv4}|{name}|\\[{zoned}\\])(:[0-9]{{1,5}})?|{zoned})$"))),
        (
            "url",
            or_variable(
                json!({"type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^\\s/?#:@]+[^\\s@]*$|^[Hh][Tt][Tt][Pp][Ss]?://[^\\s/?#:@][^\\s/?#@]*[/?#]\\S*$"}),
            ),
        ),
        ("path", json!({"anyOf": [{"type": "string", "minLength": 1}, {"type": "number"}, {"type": "boolean"}]})),
        ("key", json!({"type": "string", "not": {"type": "string", "pattern": "\\$\\{"}})),
        ("port", whole(1, 65535)),
        ("thousand", whole(1, 1000)),
        ("number", or_digits(json!({"type": "number"}))),
        // What stands in a document has an order when it is a number or a version.
        ("ordered", json!({"anyOf": [{"type": "number"}, {"type": "string", "pattern": "[0-9]|\\$\\{"}]})),
        ("part", json!({"anyOf": [{"type": "string", "minLength": 1}, {"type": "number"}, {"type": "boolean"}]})),
        (
            "pattern",
            json!({"anyOf": [
                {"type": "string", "minLength": 1, "not": {"enum": [".*", "^.*", ".*$", "^.*$", "^", "$", ".*?"]}},
                {"type": "number"}, {"type": "boolean"}
            ]}),
        ),
    ] {
        out.insert(name.into(), schema);
    }
    for unit in Unit::ALL.into_iter().filter(|unit| *unit != Unit::Count) {
        let examples = json!([unit.example()]);
        let signed = json!({"type": "string", "pattern": quantity::pattern(unit), "examples": examples});
        let pattern = quantity::pattern(unit).replacen("[+-]?", "\\+?", 1);
        let unsigned = json!({"type": "string", "pattern": pattern, "examples": examples});
        out.insert(format!("quantity.{}", unit_word(unit)), or_variable(signed));
        out.insert(format!("quantity.{}.unsigned", unit_word(unit)), or_variable(unsigned));
    }
    out
}

/// Where definitions stand.
const DEFINITIONS: &str = "#/$defs/";

pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("{DEFINITIONS}{name}")})
}

/// Any scalar may be written as `${…}` instead.
#[expect(clippy::needless_pass_by_value, reason = "called with literals")]
pub(super) fn or_variable(schema: Value) -> Value {
    json!({"anyOf": [schema, reference("variable")]})
}

/// A quantity; `unsigned` where it is never below zero.
pub(super) fn quantity(unit: Unit, unsigned: bool) -> Value {
    reference(&quantity_name(unit, unsigned))
}

pub(super) fn quantity_name(unit: Unit, unsigned: bool) -> String {
    match (unit, unsigned) {
        (Unit::Count, _) => "number".into(),
        (unit, true) => format!("quantity.{}.unsigned", unit_word(unit)),
        (unit, false) => format!("quantity.{}", unit_word(unit)),
    }
}

/// One of what `name` defines, or a list of some.
pub(super) fn several(name: &str) -> Value {
    reference(&format!("{SEVERAL}{name}"))
}

const SEVERAL: &str = "several.";

/// Defines the lists that these definitions refer to.
pub(super) fn define_several(definitions: &mut Map<String, Value>) {
    fn find(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(entries) => {
                let name = entries.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix(DEFINITIONS));
                found.extend(name.and_then(|name| name.strip_prefix(SEVERAL)).map(str::to_owned));
                entries.values().for_each(|below| find(below, found));
            }
            Value::Array(items) => items.iter().for_each(|below| find(below, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    definitions.values().for_each(|definition| find(definition, &mut found));
    for name in found {
        let one = reference(&name);
        let schema = json!({"anyOf": [{"type": "array", "minItems": 1, "items": one}, one]});
        definitions.insert(format!("{SEVERAL}{name}"), schema);
    }
}

/// A number may be quoted; one that begins with a zero is refused.
#[expect(clippy::needless_pass_by_value, reason = "called with literals")]
pub(super) fn or_digits(schema: Value) -> Value {
    json!({"anyOf": [
        schema, {"type": "string", "pattern": "^[+-]?(0|[1-9][0-9]*)?(\\.[0-9]+)?$", "minLength": 1}, reference("variable")
    ]})
}

fn whole(low: i64, high: i64) -> Value {
    let number = if high == i64::MAX {
        json!({"type": "integer", "minimum": low})
    } else {
        json!({"type": "integer", "minimum": low, "maximum": high})
    };
    let sign = if low < 0 { "[+-]?" } else { "\\+?" };
    // As long as the largest one; that is all a pattern can say of its size.
    let digits = if high == i64::MAX { 18 } else { high.to_string().len() - 1 };
    let pattern = format!("^{sign}(0|[1-9][0-9]{{0,{digits}}})$");
    let pattern = if low == 1 { pattern.replace("(0|[", "([") } else { pattern };
    json!({"anyOf": [number, {"type": "string", "pattern": pattern}, reference("variable")]})
}

/// A map with these keys. `special` takes the place of the schema of a field.
pub(super) fn object(fields: &[FieldInfo], special: &mut dyn FnMut(&FieldInfo) -> Option<Value>) -> Value {
    let mut properties = Map::new();
    for field in fields {
        let mut schema = special(field).unwrap_or_else(|| kind(&field.kind));
        if let Some(reference) = schema.get("$ref").cloned() {
            // Beside a reference nothing else counts.
            schema = json!({"allOf": [{"$ref": reference}]});
        }
        let default = field.default.map(|text| format!(" Default: {text}.")).unwrap_or_default();
        schema["description"] = json!(format!("{}{default}", field.help));
        properties.insert(field.name.into(), schema);
    }
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let mut out = json!({"type": "object", "additionalProperties": false, "properties": properties});
    if !required.is_empty() {
        out["required"] = json!(required);
    }
    out
}

fn kind(kind_of: &FieldKind) -> Value {
    match kind_of {
        FieldKind::Text | FieldKind::Argument => reference("text"),
        FieldKind::Host => reference("host"),
        FieldKind::Address => reference("address"),
        FieldKind::Endpoint => reference("endpoint"),
        FieldKind::Url => reference("url"),
        FieldKind::Path | FieldKind::Inline => reference("path"),
        FieldKind::Document => json!({"anyOf": [{"type": "object"}, {"type": "array"}, {"type": "string"}]}),
        FieldKind::FileOr(words) => {
            json!({"anyOf": [{"enum": words}, {"type": "string", "pattern": "[./]|\\$\\{"}]})
        }
        FieldKind::Bool => reference("flag"),
        FieldKind::Integer(1, 65535) => reference("port"),
        FieldKind::Integer(1, 1000) => reference("thousand"),
        FieldKind::Integer(low, high) => whole(*low, *high),
        FieldKind::Duration(low, _) => quantity(Unit::Seconds, *low >= 0.0),
        FieldKind::Size(low, _) => quantity(Unit::Bytes, *low >= 0.0),
        FieldKind::Ratio(low, _) => quantity(Unit::Ratio, *low >= 0.0),
        FieldKind::BitRate => quantity(Unit::BitsPerSecond, true),
        FieldKind::Rate => quantity(Unit::PerSecond, true),
        FieldKind::DurationOr(low, _, words) => {
            json!({"anyOf": [{"enum": words}, quantity(Unit::Seconds, *low >= 0.0)]})
        }
        FieldKind::BitRateOr(words) => json!({"anyOf": [{"enum": words}, quantity(Unit::BitsPerSecond, true)]}),
        FieldKind::RateOr(words) => json!({"anyOf": [{"enum": words}, quantity(Unit::PerSecond, true)]}),
        // Words such as 1.1 or true look like numbers or flags to an editor.
        FieldKind::Choice(words) => {
            let mut values: Vec<Value> = words.iter().map(|word| json!(word)).collect();
            values.extend(words.iter().filter_map(|word| word.parse::<f64>().ok()).map(|number| json!(number)));
            values.extend(words.iter().filter_map(|word| word.parse::<bool>().ok()).map(|flag| json!(flag)));
            or_variable(json!({"enum": values}))
        }
        FieldKind::List(FieldKind::Text | FieldKind::Argument) => reference("texts"),
        FieldKind::List(item) => json!({"anyOf": [{"type": "array", "items": kind(item)}, kind(item)]}),
        FieldKind::Map(item) => json!({"type": "object", "additionalProperties": kind(item)}),
        FieldKind::Group(fields) => object(fields, &mut |_| None),
        FieldKind::GroupOr(main, fields) => {
            let alone = fields
                .iter()
                .find(|field| field.name == *main)
                .map_or_else(|| reference("text"), |field| kind(&field.kind));
            json!({"anyOf": [alone, object(fields, &mut |_| None)]})
        }
        FieldKind::Switch(fields) => json!({"anyOf": [reference("flag"), object(fields, &mut |_| None)]}),
        FieldKind::Probe(families, fields) => {
            let mut group = object(fields, &mut |_| None);
            for family in families() {
                group["properties"][family] = reference(family);
            }
            group["oneOf"] = families().into_iter().map(super::required).collect();
            group
        }
    }
}
