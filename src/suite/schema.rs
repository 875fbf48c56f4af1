//! The JSON Schema of a suite, from the same tables as validation.
//!
//! Strict validators must take it: no unions of types, a type beside every keyword that needs one, and keys that are required
//! are described where they are. What several places share stands in `$defs` once.

mod baselines;
mod expectations;
mod fields;
mod words;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::tables;
use crate::probe::Family;

/// Draft 7: what editors' YAML support reads.
#[must_use]
pub fn schema(families: &[Family]) -> Value {
    let mut definitions = fields::shared();
    definitions.extend(expectations::shared(families));
    definitions.insert("check".into(), check(families));
    for family in families {
        let mut own = fields::object(family.fields, &mut |_| None);
        rules(family, &mut own);
        definitions.insert(family.name.into(), own);
        let mut expect = expectations::of(family);
        must_expect(family, &mut expect);
        definitions.insert(format!("{}.expect", family.name), expect);
        definitions.insert(format!("{}.baseline", family.name), baselines::of(family));
    }
    definitions.extend(baselines::shared(families));
    share_fields(families, &mut definitions);
    share_elements(families, &mut definitions);
    share_groups(families, &mut definitions);
    fields::define_several(&mut definitions);
    let mut root = fields::object(tables::SUITE, &mut |field| match field.name {
        "version" => Some(json!({"enum": [1, "1"]})),
        "checks" => Some(json!({"type": "array", "minItems": 1, "items": fields::reference("check")})),
        "vars" => Some(json!({"type": "object", "propertyNames": fields::reference("key")})),
        "suite" => Some(fields::reference("name")),
        "defaults" => Some(fields::object(tables::DEFAULTS, &mut |field| {
            (field.name == "baseline").then(|| baselines::of_all(families))
        })),
        _ => None,
    });
    let any: Vec<Value> =
        ["checks", "include", "vars", "defaults", "secrets", "allowed_targets"].into_iter().map(required).collect();
    for (key, value) in [
        ("$schema", json!("http://json-schema.org/draft-07/schema#")),
        ("title", json!("shakedown suite, format version 1")),
        // Included files leave out what the including file says.
        ("required", json!(["version"])),
        ("anyOf", json!(any)),
        ("patternProperties", json!({"^x-": {"description": "A place for anchors; left alone."}})),
        ("$defs", Value::Object(definitions)),
    ] {
        root[key] = value;
    }
    root
}

/// The schema as text: one line for each key of a definition, so that it is short, and a change shows where it is.
#[must_use]
pub fn text(families: &[Family]) -> String {
    let mut out = String::new();
    print(&schema(families), 0, &mut out);
    out.push('\n');
    out
}

/// Levels of a schema that have lines of their own: `$defs`, a definition, its `properties`, one of these.
const LEVELS: usize = 4;

fn print(value: &Value, level: usize, out: &mut String) {
    match value {
        Value::Object(entries) if level < LEVELS && !entries.is_empty() => {
            out.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                out.push_str(if at == 0 { "\n" } else { ",\n" });
                // A definition is found by its line; deeper ones would be half blanks.
                out.push_str(if level == 1 { " " } else { "" });
                out.push_str(&json!(key).to_string());
                out.push_str(": ");
                print(value, level + 1, out);
            }
            out.push_str("\n}");
        }
        other => out.push_str(&other.to_string()),
    }
}

/// An object that has this key.
fn required(name: &str) -> Value {
    json!({"type": "object", "properties": {name: true}, "required": [name]})
}

fn check(families: &[Family]) -> Value {
    let names: Vec<&str> = families.iter().map(|family| family.name).collect();
    let mut check = fields::object(tables::CHECK, &mut |field| match field.name {
        "id" => Some(fields::reference("name")),
        "serial" => {
            Some(json!({"anyOf": [{"type": "string", "pattern": "\\S"}, {"type": "number"}, {"type": "boolean"}]}))
        }
        "expect" => Some(json!({"type": "object", "minProperties": 1})),
        "matrix" => Some(json!({
            "type": "object", "minProperties": 1,
            "additionalProperties": {"anyOf": [
                {"type": "array", "minItems": 1, "uniqueItems": true, "items": fields::reference("text")}, fields::reference("variable"),
                fields::object(tables::TARGETS, &mut |_| None)
            ]}
        })),
        "when" => Some(json!({
            "type": "object", "minProperties": 1,
            "additionalProperties": {"anyOf": [
                {"type": "array", "minItems": 1, "items": fields::reference("text")}, fields::reference("text")
            ]}
        })),
        "baseline" => Some(json!({"type": "object"})),
        "capture" => Some(json!({
            "type": "object", "minProperties": 1, "propertyNames": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
            "additionalProperties": {"anyOf": [{"type": "string"}, fields::object(tables::CAPTURE, &mut |_| None)]}
        })),
        _ => None,
    });
    for family in families {
        check["properties"][family.name] =
            json!({"description": family.summary, "allOf": [fields::reference(family.name)]});
    }
    check["oneOf"] = names.iter().map(|name| required(name)).collect();
    let eventually = {
        let mut both = required("eventually");
        both["properties"]["retries"] = json!({"enum": [0, "0"]});
        both["properties"]["retry_delay"] = json!(false);
        both
    };
    let not_both = json!({"if": required("eventually"), "then": eventually});
    let of_family = |family: &Family| {
        let name = family.name;
        let [expect, baseline] = ["expect", "baseline"].map(|part| fields::reference(&format!("{name}.{part}")));
        let mut then = json!({"type": "object", "properties": {"expect": expect, "baseline": baseline}});
        if !family.must_expect.is_empty() {
            then["required"] = json!(["expect"]);
        }
        json!({"if": required(name), "then": then})
    };
    check["allOf"] = families.iter().map(of_family).chain([not_both]).collect();
    check
}

/// Families from which on a field that they describe alike has a definition of its own.
const FAMILIES_THAT_SHARE: usize = 3;

/// Moves what several families say of a field, word for word, to one definition.
fn share_fields(families: &[Family], definitions: &mut Map<String, Value>) {
    let mut found: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for family in families {
        let properties = definitions.get(family.name).and_then(|own| own["properties"].as_object());
        for (field, schema) in
            properties.into_iter().flatten().filter(|(_, schema)| schema.get("description").is_some())
        {
            found.entry((field.clone(), schema.to_string())).or_default().push(family.name);
        }
    }
    found.retain(|_, families| families.len() >= FAMILIES_THAT_SHARE);
    for ((field, _), families) in found {
        let name = format!("field.{field}");
        // A field that two groups of families describe in two ways has one definition, that of the first group.
        if definitions.contains_key(&name) {
            continue;
        }
        let mut shared = Value::Null;
        for family in families {
            shared = std::mem::replace(&mut definitions[family]["properties"][&field], fields::reference(&name));
        }
        definitions.insert(name, shared);
    }
}

/// Characters of the shortest element that is worth a definition.
const LONG_ELEMENT: usize = 200;

/// Moves the maps that stand in a list, or in its place as a single one, to one definition: `element.reach.to`.
fn share_elements(families: &[Family], definitions: &mut Map<String, Value>) {
    for family in families {
        let own = definitions.get_mut(family.name).and_then(|own| own.get_mut("properties"));
        let Some(properties) = own.and_then(Value::as_object_mut) else { continue };
        let mut elements = Vec::new();
        for (field, schema) in properties {
            let Some(either) = schema.get_mut("anyOf").and_then(Value::as_array_mut) else { continue };
            let [list, one] = either.as_mut_slice() else { continue };
            if list.get("items") != Some(&*one) || one.to_string().len() < LONG_ELEMENT {
                continue;
            }
            let name = format!("element.{}.{field}", family.name);
            elements.push((name.clone(), std::mem::replace(one, fields::reference(&name))));
            list["items"] = fields::reference(&name);
        }
        definitions.extend(elements);
    }
}

/// Moves the maps that several fields of a family are, alike but for their help, to one definition: `group.failover.inject`, by the
/// first of these fields.
fn share_groups(families: &[Family], definitions: &mut Map<String, Value>) {
    for family in families {
        let own = definitions.get_mut(family.name).and_then(|own| own.get_mut("properties"));
        let Some(properties) = own.and_then(Value::as_object_mut) else { continue };
        let mut groups: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
        for (field, schema) in properties.iter().filter(|(_, schema)| schema.get("properties").is_some()) {
            let mut group = schema.clone();
            let help = group.as_object_mut().and_then(|group| group.remove("description")).unwrap_or_default();
            groups.entry(group.to_string()).or_default().push((field.clone(), help));
        }
        let mut shared = Map::new();
        for fields in groups.into_values().filter(|fields| fields.len() > 1) {
            let Some(name) = fields.first().map(|(field, _)| format!("group.{}.{field}", family.name)) else {
                continue;
            };
            for (field, help) in fields {
                let alike = json!({"description": help, "allOf": [fields::reference(&name)]});
                let mut group = properties.insert(field, alike).unwrap_or_default();
                group.as_object_mut().and_then(|group| group.remove("description"));
                shared.insert(name.clone(), group);
            }
        }
        definitions.extend(shared);
    }
}

/// That one of some facts is named, or a column or a statistic of one.
fn must_expect(family: &Family, schema: &mut Value) {
    if family.must_expect.is_empty() {
        return;
    }
    let of_table = |name: &&str| name.split_once('.').map(|(table, column)| format!("{table}[.]row[.].*[.]{column}"));
    let names = family.must_expect.iter().map(|name| name.replace('.', "[.]"));
    let words: Vec<String> = names.chain(family.must_expect.iter().filter_map(of_table)).collect();
    let named = json!({"type": "string", "pattern": format!("^({})([.]|$)", words.join("|"))});
    // No key is another one: JSON Schema has no keyword for a key that must match.
    let others = json!({"type": "string", "not": named});
    schema["not"] = json!({"type": "object", "propertyNames": others});
}

/// What the fields of a family say about each other.
fn rules(family: &Family, schema: &mut Value) {
    let exclusive = family.field_rules.exclusive.iter().map(|fields| {
        let keys: Map<String, Value> = fields.iter().map(|field| ((*field).to_owned(), json!(true))).collect();
        json!({"not": {"type": "object", "properties": keys, "required": fields}})
    });
    let any = family.field_rules.any.iter().map(|fields| {
        let one: Vec<Value> = fields.iter().map(|field| required(field)).collect();
        json!({"anyOf": one})
    });
    let all: Vec<Value> = exclusive.chain(any).collect();
    if !all.is_empty() {
        schema["allOf"] = json!(all);
    }
    let with: Map<String, Value> =
        family.field_rules.with.iter().map(|(field, others)| ((*field).to_owned(), json!(others))).collect();
    if !with.is_empty() {
        schema["dependencies"] = json!(with);
    }
}
