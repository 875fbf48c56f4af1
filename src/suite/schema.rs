//! The JSON Schema of a suite, from the same tables as validation.

mod words;

use serde_json::{Map, Value, json};

use super::tables;
use crate::model::expectation::{OperandForm, Sort};
use crate::model::fact::{SETTLED_IN, STATISTICS};
use crate::model::typed::Form;
use crate::model::{FactInfo, FieldInfo, FieldKind, Kind, Unit, quantity};
use crate::probe::Family;

/// Draft 7: what editors' YAML support reads.
#[must_use]
pub fn schema(families: &[Family]) -> Value {
    let check = check(families);
    let mut root = object(tables::SUITE, &mut |field| match field.name {
        "checks" => Some(json!({"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/check"}})),
        "vars" => Some(json!({"type": "object"})),
        "suite" => Some(json!({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"})),
        _ => None,
    });
    let mut definitions = Map::new();
    definitions.insert("check".into(), check);
    for sort in SHARED {
        if let Some(name) = name(*sort) {
            definitions.insert(name.into(), tests(*sort));
        }
    }
    for family in families {
        definitions.insert(family.name.into(), object(family.fields, &mut |_| None));
        definitions.insert(format!("{}.expect", family.name), expect(family.facts));
        definitions.insert(format!("{}.baseline", family.name), baseline(family.facts));
        words::define(family.facts, &mut definitions);
    }
    if let Value::Object(map) = &mut root {
        map.insert("$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
        map.insert("title".into(), json!("shakedown suite, format version 1"));
        // Included files leave out what the including file says.
        map.insert("required".into(), json!(["version", "checks"]));
        map.insert("definitions".into(), Value::Object(definitions));
    }
    root
}

fn check(families: &[Family]) -> Value {
    let names: Vec<&str> = families.iter().map(|family| family.name).collect();
    let mut check = object(tables::CHECK, &mut |field| match field.name {
        "id" => Some(json!({"type": ["string", "number"], "pattern": "^[A-Za-z0-9_-]+$"})),
        "expect" => Some(json!({"type": "object", "minProperties": 1})),
        "matrix" => Some(json!({"type": "object", "minProperties": 1})),
        "when" => Some(json!({"type": "object", "minProperties": 1})),
        "baseline" => Some(json!({"type": "object"})),
        _ => None,
    });
    if let Some(properties) = check.get_mut("properties").and_then(Value::as_object_mut) {
        for family in families {
            let reference = format!("#/definitions/{}", family.name);
            properties.insert(family.name.into(), json!({"$ref": reference, "description": family.summary}));
        }
    }
    if let Value::Object(map) = &mut check {
        let one: Vec<Value> = names.iter().map(|name| json!({"required": [name]})).collect();
        map.insert("oneOf".into(), json!(one));
        let rules: Vec<Value> = names
            .iter()
            .map(|name| {
                let expect = format!("#/definitions/{name}.expect");
                let baseline = format!("#/definitions/{name}.baseline");
                let then = json!({"expect": {"$ref": expect}, "baseline": {"$ref": baseline}});
                json!({"if": {"required": [name]}, "then": {"properties": then}})
            })
            .collect();
        map.insert("allOf".into(), json!(rules));
    }
    check
}

/// Schema of the entries below `baseline`: a metric has tolerances, of its quantiles too where it has some; any other fact a rule.
fn baseline(facts: &[FactInfo]) -> Value {
    let mut properties = Map::new();
    for fact in facts {
        let fits = |field: &&FieldInfo| match field.name {
            "change" => true,
            "p90" | "p99" | "at_least" => fact.better.is_some() && fact.kind == Kind::Distribution,
            _ => fact.better.is_some(),
        };
        let unit = if fact.kind == Kind::Distribution { Unit::Ratio } else { fact.unit };
        let fields: Vec<FieldInfo> = tables::BASELINE.iter().filter(fits).copied().collect();
        let mut group = object(&fields, &mut |field| match field.name {
            "change" if fact.better.is_some() => Some(json!({"enum": ["ignore"]})),
            "change" => None,
            "at_least" => Some(quantity_of(fact.unit)),
            _ => Some(quantity_of(unit)),
        });
        if let Value::Object(map) = &mut group {
            map.insert("minProperties".into(), json!(1));
        }
        properties.insert(fact.name.into(), group);
    }
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

fn object(fields: &[FieldInfo], special: &mut dyn FnMut(&FieldInfo) -> Option<Value>) -> Value {
    let mut properties = Map::new();
    for field in fields {
        let mut schema = special(field).unwrap_or_else(|| kind(&field.kind));
        if let Value::Object(map) = &mut schema {
            let default = field.default.map(|text| format!(" Default: {text}.")).unwrap_or_default();
            map.insert("description".into(), json!(format!("{}{default}", field.help)));
        }
        properties.insert(field.name.into(), schema);
    }
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({"type": "object", "additionalProperties": false, "properties": properties, "required": required})
}

/// Any scalar may be written as `${…}` instead.
#[expect(clippy::needless_pass_by_value, reason = "called with literals")]
fn or_variable(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "string", "pattern": "\\$\\{"}]})
}

/// A number may be quoted.
#[expect(clippy::needless_pass_by_value, reason = "called with literals")]
fn or_digits(schema: Value) -> Value {
    or_variable(json!({"anyOf": [schema, {"type": "string", "pattern": "^[+-]?[0-9.]+$"}]}))
}

fn quantity_of(unit: Unit) -> Value {
    or_variable(json!({"type": "string", "pattern": quantity::pattern(unit), "examples": [unit.example()]}))
}

fn kind(kind_of: &FieldKind) -> Value {
    match kind_of {
        FieldKind::Text
        | FieldKind::Host
        | FieldKind::Address
        | FieldKind::Endpoint
        | FieldKind::Url
        | FieldKind::Path
        | FieldKind::Inline
        | FieldKind::Argument
        | FieldKind::FileOr(_) => {
            json!({"type": ["string", "number", "boolean"]})
        }
        FieldKind::Bool => or_variable(json!({"type": "boolean"})),
        FieldKind::Integer(low, high) if *high == i64::MAX => or_digits(json!({"type": "integer", "minimum": low})),
        FieldKind::Integer(low, high) => or_digits(json!({"type": "integer", "minimum": low, "maximum": high})),
        FieldKind::Duration(..) => quantity_of(Unit::Seconds),
        FieldKind::Size(..) => quantity_of(Unit::Bytes),
        FieldKind::Ratio(..) => quantity_of(Unit::Ratio),
        FieldKind::BitRate => quantity_of(Unit::BitsPerSecond),
        FieldKind::Rate => quantity_of(Unit::PerSecond),
        FieldKind::RateOr(words) => json!({"anyOf": [quantity_of(Unit::PerSecond), {"enum": words}]}),
        // Words such as 1.1 or true look like numbers or flags to an editor.
        FieldKind::Choice(words) => {
            let mut values: Vec<Value> = words.iter().map(|word| json!(word)).collect();
            values.extend(words.iter().filter_map(|word| word.parse::<f64>().ok()).map(|number| json!(number)));
            values.extend(words.iter().filter_map(|word| word.parse::<bool>().ok()).map(|flag| json!(flag)));
            or_variable(json!({"enum": values}))
        }
        FieldKind::List(item) => json!({"anyOf": [{"type": "array", "items": kind(item)}, kind(item)]}),
        FieldKind::Map(item) => json!({"type": "object", "additionalProperties": kind(item)}),
        FieldKind::Group(fields) => object(fields, &mut |_| None),
        FieldKind::Switch(fields) => {
            json!({"anyOf": [or_variable(json!({"type": "boolean"})), object(fields, &mut |_| None)]})
        }
        FieldKind::Probe(families, fields) => {
            let mut group = object(fields, &mut |_| None);
            if let Some(properties) = group.get_mut("properties").and_then(Value::as_object_mut) {
                for family in families() {
                    properties.insert(family.into(), json!({"$ref": format!("#/definitions/{family}")}));
                }
            }
            group
        }
    }
}

fn expect(facts: &[FactInfo]) -> Value {
    let mut properties = Map::new();
    let mut patterns = Map::new();
    for info in facts.iter().chain([&SETTLED_IN]) {
        let sort = Sort::of(info.kind, info.unit);
        match info.kind {
            Kind::Distribution => {
                for statistic in STATISTICS {
                    let sort = if *statistic == "count" { Sort::Number(Unit::Count) } else { sort };
                    properties.insert(format!("{}.{statistic}", info.name), test(sort, info.help));
                }
            }
            Kind::Object => {
                let of_document = matches!(info.form, Form::Document);
                // A null of a document is a value.
                let test = || match test(sort, info.help) {
                    test if of_document => json!({"anyOf": [test, {"type": "null"}]}),
                    test => test,
                };
                // Headers are texts: there is no list of objects to choose from.
                let below = if matches!(info.form, Form::Fields) { "\\." } else { "[.\\[]" };
                properties.insert(info.name.into(), test());
                patterns.insert(format!("^{}{below}", info.name.replace('.', "\\.")), test());
            }
            _ => {
                properties.insert(info.name.into(), test(sort, info.help));
            }
        }
    }
    json!({
        "type": "object", "minProperties": 1, "additionalProperties": false,
        "properties": properties, "patternProperties": patterns
    })
}

/// Schema of an expectation of a fact. Sorts that many facts share stand in `definitions` once.
fn test(sort: Sort, help: &str) -> Value {
    match name(sort) {
        Some(name) => json!({"description": help, "allOf": [{"$ref": format!("#/definitions/{name}")}]}),
        None => {
            let mut inline = tests(sort);
            if let Value::Object(map) = &mut inline {
                map.insert("description".into(), json!(help));
            }
            inline
        }
    }
}

/// Every sort with a name.
const SHARED: &[Sort] = &[
    Sort::Bool,
    Sort::Number(Unit::Count),
    Sort::Number(Unit::Ratio),
    Sort::Number(Unit::Seconds),
    Sort::Number(Unit::Bytes),
    Sort::Number(Unit::BitsPerSecond),
    Sort::Number(Unit::PerSecond),
    Sort::Text,
    Sort::List,
    Sort::Time,
    Sort::Any,
];

fn name(sort: Sort) -> Option<&'static str> {
    Some(match sort {
        Sort::Bool => "is.bool",
        Sort::Number(Unit::Count) => "is.count",
        Sort::Number(Unit::Ratio) => "is.ratio",
        Sort::Number(Unit::Seconds) => "is.seconds",
        Sort::Number(Unit::Bytes) => "is.bytes",
        Sort::Number(Unit::BitsPerSecond) => "is.bits_per_second",
        Sort::Number(Unit::PerSecond) => "is.per_second",
        Sort::Text => "is.text",
        Sort::List => "is.list",
        Sort::Time => "is.time",
        Sort::Any => "is.any",
        Sort::Choice(_) => return None,
    })
}

fn tests(sort: Sort) -> Value {
    let mut operators = Map::new();
    for operator in sort.operators() {
        let schema = match operator.operand() {
            OperandForm::Flag => json!({"type": "boolean"}),
            OperandForm::Whole if matches!(sort, Sort::List | Sort::Any) => json!({}),
            OperandForm::Whole | OperandForm::Value => value(sort),
            OperandForm::Values | OperandForm::Elements | OperandForm::Alternatives => {
                json!({"not": {"type": "array", "maxItems": 0}})
            }
            OperandForm::Range => json!({"type": "array", "minItems": 2, "maxItems": 2}),
            OperandForm::AllElements
            | OperandForm::Pattern
            | OperandForm::OfElement
            | OperandForm::OfLength
            | OperandForm::OfValue => {
                json!({})
            }
        };
        operators.insert(operator.word().into(), schema);
    }
    let map = json!({"type": "object", "minProperties": 1, "additionalProperties": false, "properties": operators});
    match sort {
        Sort::List => map,
        _ => json!({"anyOf": [value(sort), map]}),
    }
}

fn value(sort: Sort) -> Value {
    match sort {
        Sort::Bool => or_variable(json!({"type": "boolean"})),
        Sort::Number(Unit::Count) => or_digits(json!({"type": "number"})),
        Sort::Number(unit) => quantity_of(unit),
        Sort::Choice(words) => json!({"$ref": format!("#/definitions/{}", words::name(words))}),
        Sort::List => json!({}),
        Sort::Text | Sort::Time | Sort::Any => json!({"type": ["string", "number", "boolean"]}),
    }
}
