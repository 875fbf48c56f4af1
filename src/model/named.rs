//! A small map in insertion order, written as a JSON object. A tree map would cost kilobytes per case.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Value;
use super::rows::Rows;
use super::text::Word;
use super::unit::Unit;
use crate::stats::Summary;

/// Values by name, in the order added.
#[derive(Clone, Debug, PartialEq)]
pub struct Named<T>(pub Vec<(Word, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Named<T> {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// A value by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl<T> FromIterator<(Word, T)> for Named<T> {
    fn from_iter<I: IntoIterator<Item = (Word, T)>>(entries: I) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.shrink_to_fit();
        Self(entries)
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for Entries<T> {
            type Value = Named<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map by name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, T>()? {
                    entries.push((Cow::Owned(name), value));
                }
                Ok(Named(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}ByName", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let values = generator.subschema_for::<T>();
        json_schema!({"type": "object", "additionalProperties": values})
    }
}

/// The numbers of a distribution in a report, in order.
const NUMBERS: [&str; 8] = ["min", "mean", "p50", "p90", "p95", "p99", "max", "stddev"];

/// A fact's value in a report.
#[derive(Clone, Debug, PartialEq)]
pub enum FactValue {
    /// Anything but a distribution.
    Scalar(Value),
    /// A distribution with its unit.
    Distribution(Unit, Box<Summary>),
    /// A table.
    Table(Arc<Rows>),
}

impl Serialize for FactValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Scalar(value) => value.serialize(serializer),
            Self::Table(rows) => rows.serialize(serializer),
            Self::Distribution(unit, summary) => {
                let mut map = serializer.serialize_map(Some(NUMBERS.len() + 2))?;
                map.serialize_entry("unit", unit)?;
                map.serialize_entry("count", &summary.count)?;
                for name in NUMBERS {
                    map.serialize_entry(name, &summary.get(name))?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for FactValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyFact)
    }
}

/// Most facts of a report are distributions: they are read without a tree of values in between.
struct AnyFact;

impl<'de> Visitor<'de> for AnyFact {
    type Value = FactValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fact")
    }
    fn visit_bool<E>(self, value: bool) -> Result<FactValue, E> {
        Ok(FactValue::Scalar(value.into()))
    }
    fn visit_i64<E>(self, value: i64) -> Result<FactValue, E> {
        Ok(FactValue::Scalar(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<FactValue, E> {
        Ok(FactValue::Scalar(value.into()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<FactValue, E> {
        Ok(FactValue::Scalar(value.into()))
    }
    fn visit_str<E>(self, value: &str) -> Result<FactValue, E> {
        Ok(FactValue::Scalar(value.into()))
    }
    fn visit_unit<E>(self) -> Result<FactValue, E> {
        Ok(FactValue::Scalar(Value::Null))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<FactValue, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(list)).map(FactValue::Scalar)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FactValue, A::Error> {
        let mut entries: Vec<(String, Value)> = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(number(&entries).or_else(|| distribution(&entries)).unwrap_or_else(|| {
            match Rows::read(entries.into_iter().collect()) {
                Ok(rows) => FactValue::Table(Arc::new(rows)),
                Err(object) => FactValue::Scalar(Value::Object(object)),
            }
        }))
    }
}

/// A number, which `serde_json` hands over as its digits under a key of its own, so that none is rounded.
fn number(entries: &[(String, Value)]) -> Option<FactValue> {
    match entries {
        [(key, Value::String(digits))] if key == "$serde_json::private::Number" => {
            digits.parse().ok().map(|number| FactValue::Scalar(Value::Number(number)))
        }
        _ => None,
    }
}

/// An object with exactly the keys of a distribution is one.
fn distribution(entries: &[(String, Value)]) -> Option<FactValue> {
    if entries.len() != NUMBERS.len() + 2 {
        return None;
    }
    let get = |name: &str| entries.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let number = |name: &str| get(name).and_then(Value::as_f64);
    let summary = Summary {
        count: get("count")?.as_u64()?,
        min: number("min")?,
        mean: number("mean")?,
        p50: number("p50")?,
        p90: number("p90")?,
        p95: number("p95")?,
        p99: number("p99")?,
        max: number("max")?,
        stddev: number("stddev")?,
    };
    let unit = Unit::of(get("unit")?.as_str()?)?;
    Some(FactValue::Distribution(unit, Box::new(summary)))
}

impl JsonSchema for FactValue {
    fn schema_name() -> Cow<'static, str> {
        "Fact".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A scalar, list or object; a distribution is an object of unit, count, min, mean, p50, p90, p95, p99, max, stddev; a table one of key, columns (the key is the first), units, rows (a list of cells each, those with something wrong first), total and omitted."
        })
    }
}
