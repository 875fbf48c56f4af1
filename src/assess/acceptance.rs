//! Which runs may become the reference of later ones.

use crate::exit;
use crate::model::{Change, Record};

/// Why a run cannot be a baseline.
#[must_use]
pub fn unfit(record: &Record) -> Option<&'static str> {
    let counts = record.summary;
    let held = counts.failed + counts.errored + counts.unmet + counts.warned == 0;
    (!held || record.run.interrupted || exit::nothing_measured(counts))
        .then_some("only a run in which everything was measured and held can be a baseline")
}

/// Whether a run is worse than what it was compared with: no new normal until somebody says so, also where it only warns.
#[must_use]
pub fn regressed(record: &Record) -> bool {
    record.checks.iter().any(|check| check.worst_change() == Some(Change::Regressed))
}
