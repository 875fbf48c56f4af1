//! The rows of a table: keys beside columns. Of most columns of a large table all cells are alike, and such a column is kept once.

use super::Cell;

/// Keys and cells, in order.
#[derive(Clone, Debug, Default)]
pub struct RowList {
    keys: Vec<Box<str>>,
    columns: Vec<Column>,
    /// Rows to make room for where a column turns out to differ.
    expected: usize,
}

/// The cells of one column.
#[derive(Clone, Debug, Default)]
struct Column {
    /// The cell of each row, as long as all are alike.
    same: Cell,
    /// The cells one by one, once they are not.
    each: Option<Vec<Cell>>,
}

/// The cells of one row.
#[derive(Clone, Copy, Debug)]
pub struct RowCells<'r> {
    columns: &'r [Column],
    row: usize,
}

impl Column {
    fn get(&self, row: usize) -> Option<&Cell> {
        match &self.each {
            None => Some(&self.same),
            Some(cells) => cells.get(row),
        }
    }

    /// Adds the cell of the row behind `rows` others, and leaves an empty one.
    fn push(&mut self, cell: &mut Cell, rows: usize, expected: usize) {
        let new = std::mem::take(cell);
        if self.each.is_none() && rows == 0 {
            self.same = new;
        } else if self.each.is_some() || !self.same.is_identical(&new) {
            self.each(rows, expected.max(rows + 1)).push(new);
        }
    }

    /// The cells of `rows` rows one by one, with room for `expected`.
    fn each(&mut self, rows: usize, expected: usize) -> &mut Vec<Cell> {
        let same = &self.same;
        self.each.get_or_insert_with(|| {
            let mut cells = Vec::with_capacity(expected);
            cells.resize(rows, same.clone());
            cells
        })
    }
}

impl<'r> RowCells<'r> {
    /// The cell of a column.
    #[must_use]
    pub fn get(self, column: usize) -> Option<&'r Cell> {
        self.columns.get(column)?.get(self.row)
    }

    /// All cells, in the order of the columns.
    pub fn iter(self) -> impl Iterator<Item = &'r Cell> {
        self.columns.iter().filter_map(move |column| column.get(self.row))
    }

    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.columns.len()
    }

    /// Whether the table has no columns but its key.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.columns.is_empty()
    }
}

impl RowList {
    /// No rows yet, each of which will have `width` cells.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { columns: vec![Column::default(); width], ..Self::default() }
    }

    /// Makes room for `count` more rows.
    pub fn reserve(&mut self, count: usize) {
        self.keys.reserve(count);
        self.expected = self.keys.len().saturating_add(count);
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
    pub fn get(&self, at: usize) -> Option<(&str, RowCells<'_>)> {
        self.keys.get(at).map(|key| (&**key, RowCells { columns: &self.columns, row: at }))
    }

    /// All rows, each as its key and its cells.
    pub fn iter(&self) -> impl Iterator<Item = (&str, RowCells<'_>)> {
        let cells = |row| RowCells { columns: &self.columns, row };
        self.keys.iter().enumerate().map(move |(at, key)| (&**key, cells(at)))
    }

    /// Adds a row, and leaves its cells empty; what is beyond the width of the table is left out, what is missing is empty.
    pub fn push(&mut self, key: Box<str>, cells: &mut [Cell]) {
        let (rows, mut cells) = (self.keys.len(), cells.iter_mut());
        for column in &mut self.columns {
            column.push(cells.next().unwrap_or(&mut Cell::Empty), rows, self.expected);
        }
        self.keys.push(key);
    }

    /// Takes the last row away; false where there was none.
    pub fn pop(&mut self) -> bool {
        let is_one = self.keys.pop().is_some();
        for column in &mut self.columns {
            if let Some(cells) = &mut column.each {
                cells.truncate(self.keys.len());
            }
        }
        is_one
    }

    /// The rows of `other` behind its own. Both are of one table.
    pub fn append(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        let (rows, more) = (self.keys.len(), other.keys.len());
        for (own, mut others) in self.columns.iter_mut().zip(other.columns) {
            if own.each.is_some() || others.each.is_some() || !own.same.is_identical(&others.same) {
                own.each(rows, rows + more).append(others.each(more, more));
            }
        }
        self.keys.extend(other.keys);
    }

    /// All keys, and all cells that differ, to be changed.
    pub fn texts_mut(&mut self) -> (impl Iterator<Item = &mut Box<str>>, impl Iterator<Item = &mut Cell>) {
        let cells = self.columns.iter_mut().flat_map(|column| match &mut column.each {
            None => std::slice::from_mut(&mut column.same),
            Some(cells) => cells,
        });
        (self.keys.iter_mut(), cells)
    }
}

/// However they are kept.
impl PartialEq for RowList {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
            && self.columns.len() == other.columns.len()
            && self.iter().zip(other.iter()).all(|((_, own), (_, others))| own.iter().eq(others.iter()))
    }
}
