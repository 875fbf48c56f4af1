//! Rows: a fact that is a table, such as one line for each host of a sweep. A row has a key and a cell for each column; a
//! column is a fact of the same family, `hosts.loss` of `hosts`.

mod builder;
mod cell;
mod list;
mod serial;
#[cfg(test)]
mod tests;

pub use builder::{Row, RowsBuilder};
pub use cell::Cell;
pub use list::{RowCells, RowList};

use super::Value;
use super::named::Named;
use super::text::Word;
use super::typed::{Form, ValueType};
use super::unit::Unit;
use crate::model::expectation::Sort;

/// Rows a table keeps; of more, those with something wrong stay, and the others are counted.
pub const MOST_ROWS: usize = 65_536;
/// Elements a list of keys keeps; of more, the first stay, and the others are counted.
pub const MOST_LISTED: usize = 65_536;

/// A list in the making that may be long: the first elements are kept, all are counted.
#[derive(Clone, Debug, Default)]
pub struct LongList {
    /// At most [`MOST_LISTED`].
    pub first: Vec<String>,
    /// Elements in all.
    pub total: u64,
}

impl LongList {
    /// Adds an element.
    pub fn push(&mut self, element: String) {
        self.total += 1;
        if self.first.len() < MOST_LISTED {
            self.first.push(element);
        }
    }
}

impl FromIterator<String> for LongList {
    fn from_iter<I: IntoIterator<Item = String>>(elements: I) -> Self {
        let mut list = Self::default();
        elements.into_iter().for_each(|element| list.push(element));
        list
    }
}

/// The rows of a table as reports hold them: those with something wrong first.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// What a row is about: `host`, `port`. Heads the first column.
    pub key: Word,
    /// The other columns, each without the name of the table.
    pub columns: Vec<Word>,
    /// Units of those that have one.
    pub units: Named<Unit>,
    /// The rows: key, and a cell for each column.
    pub rows: RowList,
    /// Rows that there were.
    pub total: u64,
    /// Rows that were not kept.
    pub omitted: u64,
}

impl Rows {
    /// The position of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// The cells of a key, whose texts are of this form.
    #[must_use]
    pub fn row(&self, key: &str, form: Form) -> Option<RowCells<'_>> {
        let exact = self.rows.iter().find(|(own, _)| *own == key);
        let typing = ValueType { form, ..Sort::Text.into() };
        let wanted = Value::from(key);
        let same = |own: &str| typing.equal(&Value::from(own), &wanted) == Some(true);
        let found = exact.or_else(|| self.rows.iter().find(|(own, _)| same(own)));
        found.map(|(_, cells)| cells)
    }

    /// All values of a column that are there, in the order of the rows.
    #[must_use]
    pub fn values(&self, column: &str) -> Option<Value> {
        let at = self.column(column)?;
        Some(self.rows.iter().filter_map(|(_, cells)| cells.get(at)?.to_value()).collect())
    }

    /// The keys, in the order of the rows.
    #[must_use]
    pub fn keys(&self) -> Value {
        self.rows.iter().map(|(key, _)| Value::from(key)).collect()
    }

    /// A row as an object, without the cells that are empty.
    #[must_use]
    pub fn object(&self, cells: RowCells<'_>) -> Value {
        let named = self.columns.iter().zip(cells.iter());
        named.filter_map(|(name, cell)| Some((name.to_string(), cell.to_value()?))).collect()
    }

    /// Why it is not all of the table; `None` when it is.
    #[must_use]
    pub fn why_partial(&self) -> Option<String> {
        let kept = self.rows.len();
        (self.omitted > 0).then(|| format!("{kept} rows are kept of {}", self.total))
    }
}
