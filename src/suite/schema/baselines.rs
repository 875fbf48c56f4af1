//! Schemas of `baseline`: a metric has tolerances, of its quantiles too where it has some, or is ignored; any other fact has a
//! rule. What facts of one form allow stands in `$defs` once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::expectations::unit_word;
use super::{fields, required};
use crate::model::{FactInfo, FieldInfo, Unit};
use crate::probe::Family;
use crate::suite::tables;

/// What may be said of a fact.
#[derive(Clone, Copy)]
enum BaselineForm {
    /// It is no metric.
    Rule,
    /// A metric of many values per round, in this unit.
    Distribution(Unit),
    /// A metric of one value per round, in this unit.
    Value(Unit),
}

impl BaselineForm {
    const fn of(fact: &FactInfo) -> Self {
        match (fact.better, fact.is_compared_by_ratio()) {
            (None, _) => Self::Rule,
            (Some(_), true) => Self::Distribution(fact.unit),
            (Some(_), false) => Self::Value(fact.unit),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Rule => "baseline.fact".into(),
            Self::Distribution(unit) => format!("baseline.distribution.{}", unit_word(unit)),
            Self::Value(unit) => format!("baseline.{}", unit_word(unit)),
        }
    }

    fn schema(self) -> Value {
        let keys: &[&str] = match self {
            Self::Rule => &["change"],
            Self::Distribution(_) => &["tolerance", "p90", "p99", "at_least", "change"],
            Self::Value(_) => &["tolerance", "change"],
        };
        let fields: Vec<FieldInfo> =
            tables::BASELINE.iter().filter(|field| keys.contains(&field.name)).copied().collect();
        let mut group = fields::object(&fields, &mut |field| match (self, field.name) {
            (Self::Rule, _) => None,
            // A metric is compared by its numbers, or not at all.
            (_, "change") => Some(fields::reference("baseline.ignored")),
            (Self::Distribution(unit), "at_least") | (Self::Value(unit), _) => Some(fields::quantity(unit, true)),
            (Self::Distribution(_), _) => Some(fields::quantity(Unit::Ratio, true)),
        });
        group["minProperties"] = json!(1);
        if !matches!(self, Self::Rule) {
            // Of what is ignored nothing else is said.
            group["if"] = required("change");
            group["then"] = json!({"type": "object", "maxProperties": 1});
        }
        group
    }
}

/// Definitions of every form that the facts of `families` have.
pub(super) fn shared(families: &[Family]) -> Map<String, Value> {
    let forms = families.iter().flat_map(|family| family.facts).map(BaselineForm::of);
    let of_family = |family: &Family| {
        let pattern = pattern(family.facts.iter().map(|fact| fact.name));
        (names(family), json!({"type": "string", "pattern": pattern}))
    };
    let ignored = fields::or_variable(json!({"enum": ["ignore"]}));
    let forms = forms.map(|form| (form.name(), form.schema())).chain([("baseline.ignored".to_owned(), ignored)]);
    forms.chain(families.iter().map(of_family)).collect()
}

/// Schema of the entries below `baseline` of a check.
pub(super) fn of(family: &Family) -> Value {
    let metrics = family.facts.iter().filter(|fact| fact.better.is_some());
    let properties: Map<String, Value> =
        metrics.map(|fact| (fact.name.to_owned(), fields::reference(&BaselineForm::of(fact).name()))).collect();
    json!({
        "type": "object", "propertyNames": fields::reference(&names(family)),
        "properties": properties, "additionalProperties": fields::reference(&BaselineForm::Rule.name())
    })
}

/// Schema of the entries below `baseline` of `defaults`. A name that several families have may be said as any of them has it.
pub(super) fn of_all(families: &[Family]) -> Value {
    let mut forms: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for fact in families.iter().flat_map(|family| family.facts) {
        forms.entry(fact.name).or_default().insert(BaselineForm::of(fact).name());
    }
    let properties: Map<String, Value> = forms
        .into_iter()
        .map(|(name, forms)| (name.to_owned(), forms.iter().map(|form| fields::reference(form)).collect::<Vec<_>>()))
        .filter(|(_, any)| *any != [fields::reference(&BaselineForm::Rule.name())])
        .map(|(name, mut any)| (name, if any.len() == 1 { any.remove(0) } else { json!({"anyOf": any}) }))
        .collect();
    let known: Vec<Value> = families.iter().map(|family| fields::reference(&names(family))).collect();
    json!({
        "type": "object", "propertyNames": {"anyOf": known},
        "properties": properties, "additionalProperties": fields::reference(&BaselineForm::Rule.name())
    })
}

/// The definition of the names of the facts of a family.
fn names(family: &Family) -> String {
    format!("{}.facts", family.name)
}

/// A pattern of exactly these names.
fn pattern<'n>(names: impl Iterator<Item = &'n str>) -> String {
    format!("^({})$", names.map(|name| name.replace('.', "\\.")).collect::<Vec<_>>().join("|"))
}
