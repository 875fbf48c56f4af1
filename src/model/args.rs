//! Arguments of one check: the fields of its family, validated, typed, defaults filled in.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

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

    /// The argument, if written or defaulted.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&Arg> {
        self.0.get(name)
    }

    /// True when the argument is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Text, host, URL or choice.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.raw(name) {
            Some(Arg::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Text of a required or defaulted field; empty only if the table says neither.
    #[must_use]
    pub fn string(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    /// Flag; false when left out.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.raw(name), Some(Arg::Bool(true)))
    }

    /// Whole number.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.raw(name) {
            Some(Arg::Integer(n)) => Some(*n),
            _ => None,
        }
    }

    /// Whole number as any unsigned type; the table's range keeps it in bounds.
    #[must_use]
    pub fn unsigned<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        self.integer(name).and_then(|n| T::try_from(n).ok())
    }

    /// Port number.
    #[must_use]
    pub fn port(&self, name: &str) -> Option<u16> {
        self.unsigned(name)
    }

    /// Quantity in its base unit.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.raw(name) {
            Some(Arg::Number(n)) => Some(*n),
            _ => None,
        }
    }

    /// Length of time.
    #[must_use]
    pub fn duration(&self, name: &str) -> Option<Duration> {
        self.number(name).and_then(|s| Duration::try_from_secs_f64(s).ok())
    }

    /// Length of time of a defaulted field, zero if the table gives none.
    #[must_use]
    pub fn wait(&self, name: &str) -> Duration {
        self.duration(name).unwrap_or_default()
    }

    /// IP address.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<IpAddr> {
        self.text(name).and_then(|t| t.parse().ok())
    }

    /// File, already relative to the working directory.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// List of texts; empty when left out.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<String> {
        match self.raw(name) {
            Some(Arg::List(items)) => items
                .iter()
                .filter_map(|item| match item {
                    Arg::Text(text) => Some(text.clone()),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Map of texts; empty when left out.
    #[must_use]
    pub fn pairs(&self, name: &str) -> Vec<(String, String)> {
        match self.raw(name) {
            Some(Arg::Map(items)) => items
                .iter()
                .filter_map(|(key, item)| match item {
                    Arg::Text(text) => Some((key.clone(), text.clone())),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// A switch or a group is on: `true`, or a map.
    #[must_use]
    pub fn on(&self, name: &str) -> bool {
        matches!(self.raw(name), Some(Arg::Bool(true) | Arg::Group(_)))
    }

    /// Nested group.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Args> {
        match self.raw(name) {
            Some(Arg::Group(group)) => Some(group),
            _ => None,
        }
    }
}

/// The default of a field, typed.
#[must_use]
pub fn default(field: &FieldInfo) -> Option<Arg> {
    field.default.and_then(|text| parse(text, &field.kind, Path::new("")).ok())
}
