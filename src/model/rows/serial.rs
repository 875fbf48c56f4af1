//! Rows in JSON: the names of the columns once, and each row as a list of its cells.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Map;

use super::{Cell, RowCells, RowList, Rows};
use crate::model::Value;
use crate::model::named::Named;
use crate::model::text::Word;
use crate::model::unit::Unit;

/// The keys of a table in a report, in order.
const KEYS: [&str; 6] = ["key", "columns", "units", "rows", "total", "omitted"];

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [key, columns, units, rows, total, omitted] = KEYS;
        let mut map = serializer.serialize_map(Some(KEYS.len()))?;
        map.serialize_entry(key, &self.key)?;
        let all: Vec<&Word> = std::iter::once(&self.key).chain(&self.columns).collect();
        map.serialize_entry(columns, &all)?;
        map.serialize_entry(units, &self.units)?;
        map.serialize_entry(rows, &self.rows)?;
        map.serialize_entry(total, &self.total)?;
        map.serialize_entry(omitted, &self.omitted)?;
        map.end()
    }
}

impl Serialize for RowList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|(key, cells)| RowLine(key, cells)))
    }
}

struct RowLine<'a>(&'a str, RowCells<'a>);

impl Serialize for RowLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.1.len() + 1))?;
        list.serialize_element(self.0)?;
        for cell in self.1.iter() {
            list.serialize_element(cell)?;
        }
        list.end()
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => serializer.serialize_unit(),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Word(word) => serializer.serialize_str(word),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Other(value) => value.serialize(serializer),
        }
    }
}

impl Rows {
    /// The table that an object of a report is; the object again if it is none. An object of somebody else that is just like
    /// one is one: it is written as it was read.
    pub(in crate::model) fn read(mut object: Map<String, Value>) -> Result<Self, Map<String, Value>> {
        if object.len() != KEYS.len() || !is_table(&object) {
            return Err(object);
        }
        let mut take = |name: &str| object.remove(name).unwrap_or_default();
        let [_, columns, units, rows, total, omitted] = KEYS.map(&mut take);
        let text = |value: Value| if let Value::String(text) = value { Word::Owned(text) } else { Word::default() };
        let mut columns = list(columns).into_iter().map(text);
        let key = columns.next().unwrap_or_default();
        let columns: Vec<Word> = columns.collect();
        let written = list(rows);
        let mut rows = RowList::new(columns.len());
        rows.reserve(written.len());
        let mut cells = Vec::with_capacity(columns.len());
        for row in written {
            let mut row = list(row).into_iter();
            let key = row.next().map(text).unwrap_or_default();
            cells.extend(row.map(Cell::from));
            rows.push(key.into(), &mut cells);
            cells.clear();
        }
        let unit = |(name, unit): (String, Value)| Some((Word::Owned(name), Unit::of(unit.as_str()?)?));
        let units = if let Value::Object(units) = units { units } else { Map::new() };
        Ok(Self {
            key,
            columns,
            units: units.into_iter().filter_map(unit).collect::<Named<Unit>>(),
            rows,
            total: total.as_u64().unwrap_or_default(),
            omitted: omitted.as_u64().unwrap_or_default(),
        })
    }
}

fn list(value: Value) -> Vec<Value> {
    if let Value::Array(items) = value { items } else { Vec::new() }
}

/// Whether reading and writing it again gives the same.
fn is_table(object: &Map<String, Value>) -> bool {
    let texts = |value: &Value| value.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(Value::is_string));
    let (Some(key), Some(columns)) = (object.get("key"), object.get("columns").filter(|columns| texts(columns))) else {
        return false;
    };
    let width = columns.as_array().map_or(0, Vec::len);
    let count = |name: &str| object.get(name).is_some_and(Value::is_u64);
    let unit = |unit: &Value| unit.as_str().is_some_and(|unit| Unit::of(unit).is_some());
    let row = |row: &Value| {
        row.as_array().is_some_and(|cells| cells.len() == width && cells.first().is_some_and(Value::is_string))
    };
    columns.get(0) == Some(key)
        && count("total")
        && count("omitted")
        && object.get("units").and_then(Value::as_object).is_some_and(|units| units.values().all(unit))
        && object.get("rows").and_then(Value::as_array).is_some_and(|rows| rows.iter().all(row))
}
