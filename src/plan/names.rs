//! Names of checks and of cells, as `needs` and `control` write them.

use std::collections::{BTreeMap, HashMap};

use crate::suite::check::Check;
use crate::suite::diagnostic::Diagnostics;
use crate::suite::matrix;

/// Cases by the name of their check.
pub(super) struct Names<'c> {
    checks: &'c [Check],
    by_check: BTreeMap<&'c str, Vec<usize>>,
    by_id: HashMap<&'c str, usize>,
}

impl<'c> Names<'c> {
    pub(super) fn of(checks: &'c [Check]) -> Self {
        let mut by_check: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, check) in checks.iter().enumerate() {
            by_check.entry(&check.check).or_default().push(index);
        }
        let by_id = checks.iter().enumerate().map(|(index, check)| (&*check.id, index)).collect();
        Self { checks, by_check, by_id }
    }

    /// Positions of the cases of a check, or of those that a name with some of its keys means: `alive[site=a]` has every
    /// cell with this site.
    pub(super) fn find(&self, name: &str) -> Vec<usize> {
        // A whole id means its case, and nothing else: thousands of cells may each name one of thousands.
        if let Some(index) = self.by_id.get(name) {
            return vec![*index];
        }
        let Some((check, wanted)) = matrix::split_id(name) else { return Vec::new() };
        let Some(cases) = self.by_check.get(check) else { return Vec::new() };
        let fits = |index: &&usize| {
            let cell = self.checks.get(**index).map_or(&[][..], |check| &check.cell);
            wanted.iter().all(|(key, value)| cell.iter().any(|(own, part)| own == key && part == value))
        };
        cases.iter().filter(fits).copied().collect()
    }

    /// What to write in place of a name that means nothing.
    pub(super) fn suggestion(&self, name: &str, ids: &[String], errors: &Diagnostics) -> String {
        let check = matrix::split_id(name).map_or(name, |(check, _)| check);
        match self.by_check.get(check).and_then(|cases| self.checks.get(*cases.first()?)) {
            Some(first) => format!("its cells are named like `{}`", first.id),
            None => errors.suggest(name, ids.iter().map(String::as_str)),
        }
    }
}
