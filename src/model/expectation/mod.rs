//! Expectations: an operator, a fact and the wanted value, parsed and ready to be tested. `suite` reads them, the judge tests.

pub mod domain;
mod operator;
mod partial;
mod sort;
mod stance;
mod test;

use std::fmt;
use std::sync::Arc;

pub use operator::{OperandForm, Operator, ParsedOperand};
pub use sort::{ColumnKind, Sort};
pub use test::{Test, any};

use super::document_path::{self, Step};
use super::typed::{Form, ValueType};
use super::{FactInfo, Place};

/// An expectation of one fact: one operator of one entry of `expect`, or a default.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Path as written.
    pub path: Arc<str>,
    /// The fact's row.
    pub info: FactInfo,
    /// Which part of the fact.
    pub part: FactPart,
    /// Sort of the value tested.
    pub sort: Sort,
    /// Operator.
    pub operator: Operator,
    /// The test.
    pub test: Test,
    /// The wanted value, as written.
    pub want: Arc<str>,
    /// Where it comes from.
    pub origin: Origin,
    /// It speaks only of rounds in which all of these hold.
    pub given: Arc<[Precondition]>,
}

impl Expectation {
    /// What the texts of its value stand for.
    #[must_use]
    pub fn form(&self) -> Form {
        match &self.part {
            FactPart::Path(path) => self.info.form.at(&document_path::keys(path)),
            FactPart::Row(_) if !self.info.is_column => Form::Plain,
            _ => self.info.form,
        }
    }

    /// How its value is compared; `kind` is what the fact shows that the form depends on.
    #[must_use]
    pub fn typing<'a>(&self, kind: Option<&'a str>) -> ValueType<'a> {
        ValueType { sort: self.sort, form: self.form(), kind, total: None }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.path, self.operator.word(), self.want)
    }
}

/// Where an expectation comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The `expect` of a check.
    Suite(Place),
    /// The family, until a check replaces it.
    Default,
    /// The same, by fields of the check; how, for people.
    Derived(Arc<str>),
}

impl Origin {
    /// The place in a suite; `None` for a default.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Suite(place) => Some(place),
            Self::Default | Self::Derived(_) => None,
        }
    }

    /// How fields of the check give it, of a default that they give.
    #[must_use]
    pub fn derivation(&self) -> Option<&str> {
        match self {
            Self::Derived(why) => Some(why),
            Self::Suite(_) | Self::Default => None,
        }
    }
}

/// A fact must be one of these words for a default to speak at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precondition {
    /// Name of the fact.
    pub fact: &'static str,
    /// Its words.
    pub words: Vec<&'static str>,
}

/// A part of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactPart {
    /// All of it.
    Whole,
    /// A statistic of a distribution.
    Statistic(&'static str),
    /// A path into a document.
    Path(Vec<Step>),
    /// Of a table, the row of this key; of a column, its cell in that row.
    Row(RowKey),
}

/// The key of a row, as a suite writes it.
#[derive(Clone, Debug)]
pub struct RowKey {
    /// As written.
    pub text: Box<str>,
    /// What it stands for, such as an address.
    pub form: Form,
}

impl PartialEq for RowKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for RowKey {}

impl FactPart {
    /// Whether it is `other`, of the same fact, or lies in it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Whole) => true,
            (Self::Path(own), Self::Path(other)) => own.starts_with(other),
            _ => self == other,
        }
    }
}
