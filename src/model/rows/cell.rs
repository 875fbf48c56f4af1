//! One cell of a row.

use crate::model::Value;

/// What stands in one column of one row. A whole JSON value would cost twice as much, and a number of it an allocation.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Not seen, or not applicable.
    #[default]
    Empty,
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A number in the unit of the column.
    Number(f64),
    /// One of the column's words.
    Word(&'static str),
    /// Text.
    Text(Box<str>),
    /// A list, or a number that nothing above holds exactly.
    Other(Box<Value>),
}

impl Cell {
    /// As a value; none for an empty cell.
    #[must_use]
    pub fn to_value(&self) -> Option<Value> {
        Some(match self {
            Self::Empty => return None,
            Self::Flag(flag) => Value::from(*flag),
            Self::Integer(number) => Value::from(*number),
            Self::Number(number) => Value::from(*number),
            Self::Word(word) => Value::from(*word),
            Self::Text(text) => Value::from(&**text),
            Self::Other(value) => (**value).clone(),
        })
    }

    /// Whether it is written with the very same characters.
    #[must_use]
    pub fn is_identical(&self, other: &Self) -> bool {
        match (self, other) {
            // Zero has two signs.
            (Self::Number(own), Self::Number(others)) => own.to_bits() == others.to_bits(),
            _ => self == other,
        }
    }

    /// As a number, for statistics of the column.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 a statistic is rounded")]
            Self::Integer(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            Self::Other(value) => value.as_f64(),
            _ => None,
        }
    }

    /// As text, where it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The smallest form that holds the very same value.
impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Empty,
            Value::Bool(flag) => Self::Flag(flag),
            Value::String(text) => Self::Text(text.into()),
            Value::Number(ref number) => {
                let same = |cell: Self| (cell.to_value().as_ref() == Some(&value)).then_some(cell);
                let integer = number.as_i64().and_then(|number| same(Self::Integer(number)));
                let decimal = || number.as_f64().and_then(|number| same(Self::Number(number)));
                integer.or_else(decimal).unwrap_or_else(|| Self::Other(Box::new(value.clone())))
            }
            other => Self::Other(Box::new(other)),
        }
    }
}
