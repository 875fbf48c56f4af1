//! Which part of a measurement a regression is in: it says where to look.

use super::numbers::ComparedMetric;
use crate::checks::{FAMILIES, family};
use crate::model::Change;
use crate::probe::PhaseInfo;
use crate::report::comparison_text;

/// The phases of a check whose total is worse.
pub(super) struct Phases<'d> {
    /// The one that moved furthest.
    pub(super) worst: ComparedMetric<'d>,
    /// What it means.
    pub(super) slow: &'static str,
    /// Those that were shown not to have moved.
    pub(super) unchanged: Vec<&'d str>,
}

impl<'d> Phases<'d> {
    /// Of the metrics of one check; `None` where no phase of it is worse.
    pub(super) fn of(rows: &[ComparedMetric<'d>]) -> Option<Self> {
        let all = phases(rows);
        let of_phase = |row: &&ComparedMetric<'d>| all.iter().any(|phase| phase.fact == row.metric);
        let worse = rows.iter().filter(of_phase).filter(|row| row.comparison.verdict == Change::Regressed);
        let worst = *worse.max_by(|one, other| one.moved().total_cmp(&other.moved()))?;
        let slow = all.iter().find(|phase| phase.fact == worst.metric)?.slow;
        let still = all.iter().filter_map(|phase| rows.iter().find(|row| row.metric == phase.fact));
        let still = still.filter(|row| row.comparison.verdict == Change::Unchanged);
        Some(Self { worst, slow, unchanged: still.map(|row| row.metric).collect() })
    }

    /// Whether it says more than the line of this metric.
    pub(super) fn says_more_than(&self, row: &ComparedMetric<'_>) -> bool {
        self.worst.metric != row.metric || !self.unchanged.is_empty()
    }

    /// `first_byte_time moved most (x54); connect_time and tls_time did not`.
    pub(super) fn text(&self) -> String {
        let effect = comparison_text::effect(self.worst.comparison);
        let still = match self.unchanged.as_slice() {
            [] => String::new(),
            [one] => format!("; {one} did not"),
            [first @ .., last] => format!("; {} and {last} did not", first.join(", ")),
        };
        format!("{} moved most ({effect}){still}", self.worst.metric)
    }
}

/// The phases of the family that these are metrics of: where it is not known, that which has the most of them.
fn phases(rows: &[ComparedMetric<'_>]) -> &'static [PhaseInfo] {
    let known = rows.iter().find_map(|row| family(&row.case?.family));
    let count =
        |phases: &[PhaseInfo]| phases.iter().filter(|phase| rows.iter().any(|row| row.metric == phase.fact)).count();
    let most = || FAMILIES.iter().max_by_key(|family| count(family.phases));
    known.or_else(most).map_or(&[], |family| family.phases)
}
