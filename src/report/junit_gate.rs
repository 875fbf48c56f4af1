//! The verdict that `JUnit` shows of a case: that of the run as a whole, as pipelines look at nothing else.

use crate::exit::{self, RunOutcome};
use crate::model::{CheckRecord, Record, Severity, Verdict};

/// How the run as a whole judges cases that hold.
#[derive(Clone, Copy)]
pub(super) struct JunitGate {
    /// `--strict`.
    strict: bool,
    /// It was to compare and compared nothing: it cannot be green.
    nothing_compared: bool,
    /// Nothing failed or errored, so that nobody would see a gap in the run, which is not green by its exit code.
    quiet: bool,
    /// Every case was skipped.
    nothing_measured: bool,
}

impl JunitGate {
    pub(super) fn of(record: &Record) -> Self {
        let ending = RunOutcome::of(record, false);
        let counts = record.summary;
        Self {
            strict: record.run.strict,
            nothing_compared: exit::nothing_compared(ending),
            quiet: counts.failed + counts.errored == 0,
            nothing_measured: exit::nothing_measured(counts),
        }
    }

    /// Whether a case that holds is an error because nothing was compared.
    pub(super) fn misses(self, check: &CheckRecord) -> bool {
        self.nothing_compared && check.verdict == Verdict::Passed && check.severity == Severity::Fail
    }

    /// Whether a case that did not run is an error: it should have, and no other case shows that the run is not green.
    pub(super) fn leaves_gap(self, check: &CheckRecord) -> bool {
        check.verdict == Verdict::Skipped && self.quiet && (check.unmet || self.nothing_measured)
    }

    /// The verdict shown. A failure of severity `warn` must not turn a pipeline red: it is a pass, told in system-out.
    pub(super) fn verdict(self, check: &CheckRecord) -> Verdict {
        if is_warning(check) {
            return Verdict::Passed;
        }
        if self.misses(check) || self.leaves_gap(check) {
            return Verdict::Errored;
        }
        let worse = check.regressed() && check.severity == Severity::Fail;
        if worse || (self.strict && check.undecided()) { Verdict::Failed } else { check.verdict }
    }
}

/// Whether a case failed with `severity: warn`.
pub(super) fn is_warning(check: &CheckRecord) -> bool {
    check.verdict == Verdict::Failed && check.severity == Severity::Warn
}
