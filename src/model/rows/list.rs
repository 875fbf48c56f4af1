//! The rows of a table: keys beside one block of cells, so that a row costs no allocation but that of its key.

use super::Cell;

/// Keys and cells, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowList {
    keys: Vec<Box<str>>,
    /// Those of the first row, then those of the second, and so on.
    cells: Vec<Cell>,
    /// Cells of a row.
    width: usize,
}

impl RowList {
    /// No rows yet, each of which will have `width` cells.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// Makes room for `count` more rows.
    pub fn reserve(&mut self, count: usize) {
        self.keys.reserve(count);
        self.cells.reserve(count.saturating_mul(self.width));
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The row at a position: its key, and its cells.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<(&str, &[Cell])> {
        let start = at.checked_mul(self.width)?;
        Some((self.keys.get(at)?, self.cells.get(start..start + self.width)?))
    }

    /// All rows, each as its key and its cells.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Cell])> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// Adds a row; what is beyond the width of the table is left out, what is missing is empty.
    pub fn push(&mut self, key: Box<str>, cells: impl IntoIterator<Item = Cell>) {
        self.keys.push(key);
        self.cells.extend(cells.into_iter().take(self.width));
        self.cells.resize(self.keys.len() * self.width, Cell::Empty);
    }

    /// Takes the last row away; false where there was none.
    pub fn pop(&mut self) -> bool {
        let is_one = self.keys.pop().is_some();
        self.cells.truncate(self.keys.len() * self.width);
        is_one
    }

    /// The rows of `other` behind its own. Both are of one table.
    pub fn append(&mut self, mut other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        self.keys.append(&mut other.keys);
        self.cells.append(&mut other.cells);
    }

    /// All keys and all cells, to be changed.
    pub fn texts_mut(&mut self) -> (impl Iterator<Item = &mut Box<str>>, impl Iterator<Item = &mut Cell>) {
        (self.keys.iter_mut(), self.cells.iter_mut())
    }
}
