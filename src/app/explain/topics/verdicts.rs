//! Topics about verdicts.

use super::{Chapter, topic};

pub(super) const CHAPTER: Chapter = Chapter {
    title: "Verdicts",
    intro: "Every case has one of four verdicts. The exit code reports the worst of them.",
    picture: None,
    topics: &[
        topic(
            &["passed", "pass", "verdict", "verdicts", "green"],
            "\
Every expectation held, in every round and sample, and all of it was really measured.",
        ),
        topic(
            &["failed", "fail", "failure", "red"],
            "\
An expectation did not hold of what was seen. The report says what was expected, what was seen, and where it is written.
Exit code 1, unless the check has `severity: warn`.",
        ),
        topic(
            &["errored", "error", "fault", "not measured", "permission"],
            "\
Not measured: this side could not look, so nothing is said about the target. No permission, no route here, a resolver
that does not answer, a budget that ran out, a fact seen only in part. Never counted as passed: exit code 3.",
        ),
        topic(
            &["kind of fault", "deadline", "cancelled", "panicked", "not_restored", "local"],
            "\
Why a check is errored, as reports have it. `local`: this side could not look (no permission, no route, an empty
measurement). `deadline`: the budget of the check ran out. `cancelled`: the run was interrupted. `not_restored`: what the
check changed could not be put back. `panicked`: a defect of shakedown.",
        ),
        topic(
            &["skipped", "skip", "gap"],
            "\
Not run, with the reason. A check that `when` leaves out is skipped on purpose, and the exit code may be 0. A check that was skipped
because one in its `needs` did not pass is a gap: the run is not green (exit code 1 if that check failed, else 3).",
        ),
        topic(
            &["junit", "strict", "rich", "dialect"],
            "\
`--junit F` writes JUnit XML. The dialect `strict`, the default, validates against the two common schemas (Apache Ant's and that of the
Jenkins xUnit plugin); `rich` adds properties, the place in the suite, and earlier attempts. In both, a `failure` is an expectation
that did not hold, and an `error` something that was not measured. (`--strict` of `run` and `compare` is something else: see
`inconclusive`.)",
        ),
    ],
};
