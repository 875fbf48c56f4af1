//! What would decide a comparison that has no result, in the place where it was made.

use crate::baseline::metrics::INTERLEAVED;
use crate::model::count::counted;
use crate::model::{Change, Comparison, Unit};
use crate::report::comparison_text;

use super::numbers::by_ratio;

/// Where the comparison was made: what can still be done about it depends on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparisonKind {
    /// `run --against`, or its report read again: both targets can be measured again.
    Pairs,
    /// `run --baseline`: more runs can be accepted.
    Baseline,
    /// `compare` of reports: the state before may be gone.
    Reports,
}

/// Whether both arms were measured in turn.
pub(in crate::report) fn is_interleaved(one: &Comparison) -> bool {
    one.method == INTERLEAVED
}

/// What would make these comparisons, of one reason, conclusive; `None` where the reason says it all.
pub(in crate::report) fn advice(all: &[&Comparison], kind: ComparisonKind) -> Option<String> {
    let first = all.first()?;
    if first.verdict != Change::Inconclusive {
        return None;
    }
    let runs = all.iter().filter_map(|one| one.runs_needed).max();
    if let Some(missing) = runs {
        return Some(more_runs(missing, kind));
    }
    if let Some(pairs) = all.iter().filter_map(|one| one.rounds_needed).max() {
        return Some(format!("measure {pairs} pairs (--pairs {pairs})"));
    }
    let mut ways = Vec::new();
    if kind == ComparisonKind::Pairs {
        ways.push("longer rounds (`samples: 50`) or more pairs".to_owned());
    } else {
        ways.push(format!("measure both targets in one run ({AGAINST})"));
    }
    let seen = all.iter().filter_map(|one| one.mde).max_by(f64::total_cmp);
    if let Some(seen) = seen.filter(|seen| *seen > first.tolerance) {
        let seen = comparison_text::amount(first, seen);
        ways.push(format!("or accept a tolerance of {seen}, the smallest change that was to be seen here"));
    }
    if all.iter().all(|one| by_ratio(one)) {
        let least = if first.unit == Unit::Seconds { "1ms" } else { first.unit.example() };
        ways.push(format!(
            "or say from what amount on it counts (`baseline: {{METRIC: {{at_least: {least}}}}}`), or `{{change: ignore}}`"
        ));
    }
    Some(ways.join(", "))
}

const AGAINST: &str = "`shakedown run SUITE --against VARIABLE=VALUE`";

fn more_runs(missing: u32, kind: ComparisonKind) -> String {
    let runs = counted(missing, "more run");
    match kind {
        ComparisonKind::Baseline => format!(
            "accept {runs} of the unchanged target (`shakedown baseline accept`), measure its spread once \
             (`shakedown calibrate SUITE`), or measure both targets in one run (--against)"
        ),
        ComparisonKind::Reports | ComparisonKind::Pairs => format!(
            "if both targets can be reached, measure them in one run ({AGAINST}). Runs from before the change cannot be made up \
             for: {runs} would be needed (--base REPORT), so keep some before the next one (`shakedown baseline accept`)"
        ),
    }
}
