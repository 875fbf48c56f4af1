//! Topics about verdicts.

use super::{Chapter, topic};

pub(super) const CHAPTER: Chapter = Chapter {
    title: "Verdicts",
    intro: "Every case has one of four verdicts; the exit code says the worst.",
    picture: None,
    topics: &[
        topic(
            &["passed", "pass", "verdict", "verdicts"],
            "\
Every expectation held, in every round and sample, and all of it was really measured.",
        ),
        topic(
            &["failed", "fail"],
            "\
An expectation did not hold of what was seen. The report says what was expected, what was seen, and where it is written.
Exit code 1, unless the check has `severity: warn`.",
        ),
        topic(
            &["errored", "error", "fault", "not measured"],
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
            &["skipped", "skip", "gap", "unmet"],
            "\
Not run, with the reason. Skipped on purpose (`when`) is no gap. Skipped because a check in `needs` did not pass is one:
the run is not green (exit code 3, or 1 where that check failed).",
        ),
        topic(
            &["breach"],
            "\
An expectation that did not hold, with what was expected and what was seen.",
        ),
        topic(
            &["junit", "strict", "rich", "dialect"],
            "\
`--junit F` writes JUnit. The dialect `strict` is valid by both common schemas; `rich` adds properties, the place in the
suite, and earlier attempts. In both, a failure is an expectation that did not hold, and an error something that was not
measured. (`--strict` of `run` and `compare` is something else: see `inconclusive`.)",
        ),
    ],
};
