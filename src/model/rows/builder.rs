//! Rows while a probe collects them: every row counts, in totals and statistics, also those that are not kept.

use std::sync::Arc;

use super::{Cell, MOST_ROWS, RowList, Rows};
use crate::model::fact::{Fact, FactInfo, Kind, Scalar};
use crate::model::named::Named;
use crate::model::text::Word;
use crate::model::unit::Unit;
use crate::stats::Samples;

/// A row that is being put together.
#[derive(Clone, Debug)]
pub struct Row {
    key: Box<str>,
    cells: Vec<Cell>,
    columns: Arc<[&'static FactInfo]>,
    is_wrong: bool,
}

impl Row {
    /// Sets a cell.
    ///
    /// # Panics
    /// In debug builds, where the table has no such column.
    pub fn set<T: Scalar>(&mut self, column: &Fact<T>, value: impl Into<T::In>) {
        // A table of a million rows asks this many times: mostly it is the very same name.
        let same = |info: &&&FactInfo| std::ptr::eq(info.name, column.info.name);
        let at = self.columns.iter().position(|info| same(&info));
        let at = at.or_else(|| self.columns.iter().position(|info| info.name == column.info.name));
        debug_assert!(at.is_some(), "`{}` is no column of this table", column.info.name);
        if let Some(cell) = at.and_then(|at| self.cells.get_mut(at)) {
            *cell = T::cell(value.into());
        }
    }

    /// The same where there is something to set.
    pub fn set_some<T: Scalar>(&mut self, column: &Fact<T>, value: Option<impl Into<T::In>>) {
        if let Some(value) = value {
            self.set(column, value);
        }
    }

    /// Marks it as one with something wrong: it is shown first, and kept before others.
    pub fn mark_wrong(&mut self) {
        self.is_wrong = true;
    }
}

/// The rows of one table, in the order added.
#[derive(Clone, Debug)]
pub struct RowsBuilder {
    table: FactInfo,
    columns: Arc<[&'static FactInfo]>,
    wrong: RowList,
    well: RowList,
    /// The cells of the row that was added last, empty: the next one takes them.
    spare: Vec<Cell>,
    total: u64,
    most: usize,
    samples: Vec<Option<Samples>>,
}

impl RowsBuilder {
    /// No rows yet of the table `table`, whose columns are among `facts`.
    #[must_use]
    pub fn new(table: &Fact<Rows>, facts: &'static [FactInfo]) -> Self {
        let columns: Arc<[_]> = facts.iter().filter(|info| info.is_column_of(&table.info)).collect();
        let sampled = |info: &&FactInfo| info.has_statistics().then(|| Samples::scaled(info.ticks()));
        Self {
            table: table.info,
            wrong: RowList::new(columns.len()),
            well: RowList::new(columns.len()),
            spare: Vec::new(),
            total: 0,
            most: MOST_ROWS,
            samples: columns.iter().map(sampled).collect(),
            columns,
        }
    }

    /// The same, which keeps at most `most` rows.
    #[must_use]
    pub fn keeping(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// The same, with room for so many rows at once.
    #[must_use]
    pub fn expecting(mut self, count: usize) -> Self {
        self.well.reserve(count.min(self.most));
        self
    }

    /// A row of its own key, empty; it counts once it is added.
    #[must_use]
    pub fn row(&mut self, key: impl Into<Box<str>>) -> Row {
        let mut cells = std::mem::take(&mut self.spare);
        if cells.is_empty() {
            cells.resize(self.columns.len(), Cell::Empty);
        }
        Row { key: key.into(), cells, columns: Arc::clone(&self.columns), is_wrong: false }
    }

    /// Adds a row. Where there is no place left, one with something wrong takes that of one without.
    pub fn add(&mut self, mut row: Row) {
        self.total += 1;
        for (samples, cell) in self.samples.iter_mut().zip(&row.cells) {
            if let (Some(samples), Some(number)) = (samples, cell.as_f64()) {
                samples.record(number);
            }
        }
        let is_full = self.wrong.len() + self.well.len() >= self.most;
        if !row.is_wrong && !is_full {
            self.well.push(row.key, &mut row.cells);
        } else if row.is_wrong && (!is_full || self.well.pop()) {
            self.wrong.push(row.key, &mut row.cells);
        } else {
            row.cells.fill(Cell::Empty);
        }
        self.spare = row.cells;
    }

    /// All numbers of a column so far, also of rows that are not kept.
    #[must_use]
    pub fn samples<T>(&self, column: &Fact<T>) -> Option<&Samples> {
        let at = self.columns.iter().position(|info| info.name == column.info.name)?;
        self.samples.get(at)?.as_ref()
    }

    /// Rows so far.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The name of the table, its rows, and the samples of its columns of numbers, by the names of these.
    pub(in crate::model) fn finish(self) -> (&'static str, Rows, Vec<(&'static str, Samples)>) {
        let table = self.table.name;
        let short = |info: &&'static FactInfo| info.name.strip_prefix(table).map_or(info.name, |rest| &rest[1..]);
        let units = self.columns.iter().filter(|info| info.unit != Unit::Count);
        let units: Named<Unit> = units.map(|info| (Word::Borrowed(short(info)), info.unit)).collect();
        let key = if let Kind::Table(key) = self.table.kind { key } else { "" };
        let columns = self.columns.iter().map(|info| Word::Borrowed(short(info))).collect();
        let mut rows = self.wrong;
        rows.append(self.well);
        let omitted = self.total - rows.len() as u64;
        let rows = Rows { key: Word::Borrowed(key), columns, units, rows, total: self.total, omitted };
        let sampled = self.columns.iter().zip(self.samples);
        let sampled = sampled.filter_map(|(info, samples)| Some((info.name, samples.filter(|all| all.count() > 0)?)));
        (self.table.name, rows, sampled.collect())
    }
}
