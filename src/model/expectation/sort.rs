//! Sorts of values: what an operator fits, and how a test compares.

use crate::model::{Kind, Unit};

/// The sort of value an operator works on, from the fact table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sort {
    /// True or false.
    Bool,
    /// A number in a unit.
    Number(Unit),
    /// Text.
    Text,
    /// Ordered words.
    Choice(&'static [&'static str]),
    /// List of texts.
    List,
    /// RFC 3339 instant.
    Time,
    /// A path inside a document: typed by what is written.
    Any,
}

impl Sort {
    /// The sort of a whole fact.
    #[must_use]
    pub const fn of(kind: Kind, unit: Unit) -> Self {
        match kind {
            Kind::Bool => Self::Bool,
            Kind::Integer | Kind::Number | Kind::Distribution => Self::Number(unit),
            Kind::Text => Self::Text,
            Kind::Choice(words) => Self::Choice(words),
            Kind::List => Self::List,
            Kind::Time => Self::Time,
            Kind::Object => Self::Any,
        }
    }
}
