//! Expectations: an operator, a fact and the wanted value, parsed and ready to be tested. `suite` reads them, the judge tests.

mod operator;
mod sort;
mod test;

use std::sync::Arc;

pub use operator::{OperandForm, Operator, Parsed};
pub use sort::Sort;
pub use test::Test;

use super::{FactInfo, Place};

/// An expectation of one fact: one operator of one entry of `expect`.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Path as written.
    pub path: Arc<str>,
    /// The fact's row.
    pub info: FactInfo,
    /// Which part of the fact.
    pub part: Part,
    /// Sort of the value tested.
    pub sort: Sort,
    /// Operator.
    pub operator: Operator,
    /// The test.
    pub test: Test,
    /// The wanted value, as written.
    pub want: Arc<str>,
    /// Where it is written; absent for a family's default.
    pub at: Option<Place>,
}

/// A part of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// A statistic of a distribution.
    Statistic(&'static str),
    /// A path into a document.
    Path(Vec<String>),
}
