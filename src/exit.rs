//! The documented exit codes, as one pure function.

use crate::model::comparison_document::{ComparisonDocument, MetricRow};
use crate::model::record::Counts;
use crate::model::{Change, Record, Severity, Signal};

/// Every expectation held.
pub const OK: u8 = 0;
/// At least one expectation did not hold.
pub const FAILED: u8 = 1;
/// Usage or suite invalid; nothing was sent.
pub const USAGE: u8 = 2;
/// None failed, but something could not be measured or was not run though it applies, or a report could not be written.
pub const INCOMPLETE: u8 = 3;
/// All held, but a baseline regressed.
pub const REGRESSED: u8 = 4;

/// A code and what it says.
pub type Meaning = (u8, &'static str);

/// The codes of what runs checks, or shows a stored run again.
pub const OF_RUNS: &[Meaning] = &[
    (OK, "Every check held."),
    (FAILED, "At least one check failed."),
    (USAGE, "The command line, shakedown.toml or a suite is invalid. Nothing was sent."),
    (INCOMPLETE, "No check failed, but something was not measured or not run, or a report was not written."),
    (REGRESSED, "Every check held, but a measured value regressed."),
    (130, "Interrupted (SIGINT). The reports are complete and say so; after a third signal there are none."),
    (143, "Terminated (SIGTERM). The reports are complete and say so; after a third signal there are none."),
];

/// The codes of `compare`.
pub const OF_COMPARISONS: &[Meaning] = &[
    (OK, "Nothing worse was found."),
    (FAILED, "A fact changed that must not, or a check shows less than before."),
    (USAGE, "The command line is invalid, a file cannot be read, or one run was given twice."),
    (
        INCOMPLETE,
        "The newer run was interrupted, a check of it has no result, nothing could be compared (with --strict: something could \
         not), or a report could not be written.",
    ),
    (REGRESSED, "A measured value regressed."),
];

/// The codes of `restore`.
pub const OF_RESTORES: &[Meaning] = &[
    (OK, "Everything is back, or nothing was left broken; what a living run has broken is left to its guard."),
    (USAGE, "The command line is invalid."),
    (INCOMPLETE, "Something could not be put back. The command to run by hand is printed."),
    (130, "Interrupted (SIGINT). What is not back stays in its journal."),
    (143, "Terminated (SIGTERM). What is not back stays in its journal."),
];

/// The codes of a command that runs no checks.
pub const OF_TOOLS: &[Meaning] = &[
    (OK, "Done."),
    (USAGE, "The command line is invalid, or what it names is."),
    (INCOMPLETE, "Something could not be read, written or started."),
];

/// The codes of a command, named as on the command line.
#[must_use]
pub fn meanings(command: &str) -> &'static [Meaning] {
    match command {
        "" | "run" | "probe" | "demo" | "report" | "calibrate" => OF_RUNS,
        "compare" => OF_COMPARISONS,
        "restore" => OF_RESTORES,
        _ => OF_TOOLS,
    }
}

/// All that the exit code of a run is a function of.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOutcome {
    /// Counts of verdicts.
    pub counts: Counts,
    /// The signal that ended the run early.
    pub signal: Option<Signal>,
    /// A report could not be written.
    pub report_lost: bool,
    /// The run was to compare with another arm or a baseline.
    pub compares: bool,
    /// A comparison without a result fails, and a check that the baseline has and the suites no longer do.
    pub strict: bool,
    /// There is such a check.
    pub vanished: bool,
}

impl RunOutcome {
    /// The ending of a run as its record tells it.
    #[must_use]
    pub fn of(record: &Record, report_lost: bool) -> Self {
        let signal = record.run.interrupted.then(|| record.run.signal.unwrap_or(Signal::Interrupt));
        let strict = record.run.strict;
        let vanished = !record.run.vanished.is_empty();
        Self { counts: record.summary, signal, report_lost, compares: record.design.compares(), strict, vanished }
    }
}

/// The exit code of a run.
#[must_use]
pub fn code(ending: RunOutcome) -> u8 {
    let counts = ending.counts;
    match ending.signal {
        Some(Signal::Interrupt) => return 130,
        Some(Signal::Terminate) => return 143,
        None => {}
    }
    if counts.failed > 0 {
        FAILED
    } else if counts.errored + counts.unmet > 0 || ending.report_lost || nothing_measured(counts) {
        INCOMPLETE
    } else if counts.regressed > 0 {
        REGRESSED
    } else if nothing_compared(ending) || (ending.strict && (counts.inconclusive > 0 || ending.vanished)) {
        INCOMPLETE
    } else {
        OK
    }
}

/// The exit code of `compare`.
#[must_use]
pub fn comparison_code(compared: &ComparisonDocument, report_lost: bool) -> u8 {
    let counts = compared.summary;
    let open = |row: &MetricRow| matches!(row.comparison.verdict, Change::Inconclusive | Change::NotCompared);
    let undecided = compared.metrics.iter().any(|row| row.severity == Severity::Fail && open(row));
    let unmeasured = counts.checks_unmeasured > 0 || compared.head.interrupted;
    if counts.facts_not_allowed + counts.checks_worse > 0 {
        FAILED
    } else if counts.regressed > 0 {
        REGRESSED
    } else if report_lost || unmeasured || compared.nothing_compared() || (compared.strict && undecided) {
        INCOMPLETE
    } else {
        OK
    }
}

/// A gate that compared nothing cannot be green.
#[must_use]
pub fn nothing_compared(ending: RunOutcome) -> bool {
    ending.compares && ending.counts.compared == 0
}

/// A run in which every case was skipped measured nothing and cannot be green.
#[must_use]
pub fn nothing_measured(counts: Counts) -> bool {
    counts.passed + counts.failed + counts.warned + counts.errored == 0
}

#[cfg(test)]
mod tests {
    use super::{RunOutcome, Signal, code};
    use crate::model::record::Counts;

    #[test]
    fn every_row_of_the_table() {
        type Row = (&'static str, [u64; 7], Option<Signal>, bool, u8);
        let rows: &[Row] = &[
            // passed failed errored skipped unmet warned regressed
            ("all held", [5, 0, 0, 0, 0, 0, 0], None, false, 0),
            ("held, some skipped", [5, 0, 0, 2, 0, 0, 0], None, false, 0),
            ("warned only", [4, 0, 0, 0, 0, 1, 0], None, false, 0),
            ("nothing but warnings", [0, 0, 0, 0, 0, 1, 0], None, false, 0),
            ("one failed", [4, 1, 0, 0, 0, 0, 0], None, false, 1),
            ("failed beats errored", [0, 1, 3, 0, 0, 0, 0], None, false, 1),
            ("failed beats a lost report", [0, 1, 0, 0, 0, 0, 0], None, true, 1),
            ("failed beats regressed", [3, 1, 0, 0, 0, 0, 1], None, false, 1),
            ("errored", [4, 0, 1, 0, 0, 0, 0], None, false, 3),
            ("errored beats regressed", [4, 0, 1, 0, 0, 0, 1], None, false, 3),
            ("a lost report", [4, 0, 0, 0, 0, 0, 0], None, true, 3),
            ("a lost report beats regressed", [4, 0, 0, 0, 0, 0, 1], None, true, 3),
            ("a need was only warned about, its user was skipped", [1, 0, 0, 1, 1, 1, 0], None, false, 3),
            ("failed beats a gap", [1, 1, 0, 1, 1, 0, 0], None, false, 1),
            ("everything skipped", [0, 0, 0, 4, 0, 0, 0], None, false, 3),
            ("nothing at all", [0, 0, 0, 0, 0, 0, 0], None, false, 3),
            ("regressed", [4, 0, 0, 0, 0, 0, 1], None, false, 4),
            ("interrupted beats failed", [1, 1, 0, 3, 0, 0, 0], Some(Signal::Interrupt), false, 130),
            ("interrupted while all held", [1, 0, 0, 3, 0, 0, 0], Some(Signal::Interrupt), false, 130),
            ("terminated", [1, 0, 0, 3, 0, 0, 0], Some(Signal::Terminate), true, 143),
        ];
        for (name, [passed, failed, errored, skipped, unmet, warned, regressed], signal, report_lost, want) in rows {
            let (passed, failed, errored) = (*passed, *failed, *errored);
            let (skipped, unmet, warned, regressed) = (*skipped, *unmet, *warned, *regressed);
            let total = passed + failed + errored + skipped + warned;
            let counts =
                Counts { total, passed, failed, errored, skipped, unmet, warned, regressed, ..Counts::default() };
            let ending = RunOutcome { counts, signal: *signal, report_lost: *report_lost, ..RunOutcome::default() };
            assert_eq!(code(ending), *want, "{name}");
        }
    }

    #[test]
    fn a_gate_that_compares_must_have_compared() {
        let ending = |compared, inconclusive, regressed, compares, strict| {
            let counts = Counts { total: 3, passed: 3, compared, inconclusive, regressed, ..Counts::default() };
            code(RunOutcome { counts, compares, strict, ..RunOutcome::default() })
        };
        assert_eq!(ending(0, 0, 0, false, true), 0, "nothing was to be compared");
        assert_eq!(ending(0, 3, 0, true, false), 3, "nothing was compared");
        assert_eq!(ending(3, 0, 0, true, true), 0);
        assert_eq!(ending(3, 1, 0, true, false), 0, "inconclusive is shown, not failed");
        assert_eq!(ending(3, 1, 0, true, true), 3, "unless it is to be strict");
        assert_eq!(ending(3, 1, 1, true, true), 4, "a regression is the stronger word");
        let gone = |strict| {
            let counts = Counts { total: 3, passed: 3, compared: 3, ..Counts::default() };
            code(RunOutcome { counts, compares: true, strict, vanished: true, ..RunOutcome::default() })
        };
        assert_eq!((gone(false), gone(true)), (0, 3), "a check that vanished is shown, and strict fails");
    }
}
