//! Sorts of values: what an operator fits, and how a test compares.

use crate::model::{FactInfo, Kind, Unit};

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
    /// The values of a column, each of this kind and unit.
    Column(ColumnKind),
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColumnKind {
    kind: Kind,
    unit: Unit,
}

impl Sort {
    /// The sort of the values of a column.
    #[must_use]
    pub const fn of_column(column: &FactInfo) -> Self {
        Self::Column(ColumnKind { kind: column.kind, unit: column.unit })
    }

    /// The sort of the elements of a list or a column; the same for everything else.
    #[must_use]
    pub const fn element(self) -> Self {
        match self {
            Self::List => Self::Text,
            Self::Column(column) => Self::of(column.kind, column.unit),
            other => other,
        }
    }

    /// The sort of a whole fact.
    #[must_use]
    pub const fn of(kind: Kind, unit: Unit) -> Self {
        match kind {
            Kind::Bool => Self::Bool,
            Kind::Integer | Kind::Number | Kind::Interval | Kind::Distribution => Self::Number(unit),
            Kind::Text => Self::Text,
            Kind::Choice(words) => Self::Choice(words),
            Kind::List | Kind::Table(_) => Self::List,
            Kind::Time => Self::Time,
            Kind::Object => Self::Any,
        }
    }
}
