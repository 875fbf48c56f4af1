//! Whether all rounds had the same rows in a table that other cases go by: large facts of earlier rounds are not kept.

use std::collections::BTreeSet;

use crate::model::rows::Rows;

/// Of each table the keys that the first round had, and whether a later one had others.
#[derive(Clone, Debug, Default)]
pub(super) struct RowsOfRounds(Vec<(&'static str, BTreeSet<Box<str>>, bool)>);

impl RowsOfRounds {
    /// Counts the rows of one more round in.
    pub(super) fn compare(&mut self, table: &'static str, rows: &Rows) {
        let keys: BTreeSet<Box<str>> = rows.rows.iter().map(|(key, _)| key.into()).collect();
        match self.0.iter_mut().find(|(known, ..)| *known == table) {
            Some((_, first, differ)) => *differ |= *first != keys,
            None => self.0.push((table, keys, false)),
        }
    }

    /// Whether they were not the same.
    pub(super) fn differ(&self, table: &str) -> bool {
        self.0.iter().any(|(known, _, differ)| *known == table && *differ)
    }
}
