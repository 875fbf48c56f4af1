//! Arguments of one check: the fields of its family, validated, typed, defaults filled in.

use std::collections::BTreeMap;
use std::path::Path;

use super::argument::Argument;
use super::field::{Field, FieldInfo};
use super::parse::parse;

/// A typed argument. Numbers are in base units (seconds, bytes, bit/s).
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// Text, host, URL, choice.
    Text(String),
    /// Yes or no.
    Bool(bool),
    /// Whole number.
    Integer(i64),
    /// Quantity.
    Number(f64),
    /// List.
    List(Vec<Arg>),
    /// Name to value, in the order written.
    Map(Vec<(String, Arg)>),
    /// Nested group.
    Group(Args),
    /// Nested probe: its family, its arguments, the group's own fields.
    Probe {
        /// Family key.
        family: &'static str,
        /// Arguments of the nested family.
        args: Args,
        /// Fields beside the family key.
        group: Args,
    },
}

/// The arguments of one family, by field name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args(pub BTreeMap<&'static str, Arg>);

/// A rule between fields was broken; the suite layer adds file and line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Field to point at; empty for the whole check.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl Invalid {
    /// A broken rule at `field`.
    pub fn at(field: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { field, message: message.into(), help: help.into() }
    }
}

impl Args {
    /// The argument of a field, as the type of its key; the field's default where it is not written.
    #[must_use]
    pub fn get<T: Argument>(&self, field: &Field<T>) -> T {
        match self.0.get(field.info.name) {
            Some(arg) => T::read(Some(arg)),
            None => T::read(default(&field.info).as_ref()),
        }
    }

    /// Whether the field is written or has a default.
    #[must_use]
    pub fn given<T>(&self, field: &Field<T>) -> bool {
        self.0.contains_key(field.info.name)
    }
}

/// The default of a field, typed.
#[must_use]
pub fn default(field: &FieldInfo) -> Option<Arg> {
    field.default.and_then(|text| parse(text, &field.kind, Path::new("")).ok())
}
