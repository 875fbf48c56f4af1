//! Topics about what the console shows.

use super::{Chapter, topic};

pub(super) const CHAPTER: Chapter = Chapter {
    title: "On the console",
    intro: "The words in capitals, and those that lines begin with, in what `run` prints. An example, read line by line: [reading a failure](how-to/reading-a-failure.md).",
    picture: None,
    topics: &[
        topic(
            &["marks", "console", "output"],
            "\
Each case has a line that begins with `PASS`, `FAIL`, `WARN` (it failed or regressed, with `severity: warn`), `ERROR` (not measured), `SKIP`, `FLAKY` (passed after
a retry) or `REGR` (held, but a measured value regressed). What did not pass is told below, and in the last lines are the counts, the
exit code, and the command that runs it again.",
        ),
        topic(
            &["cause"],
            "\
Why the case did not pass, in one sentence: who, what, after how long. It is `reason` in the JSON report and the `message` in JUnit.",
        ),
        topic(
            &["next"],
            "\
What a person would try next in this very case, mostly a command to copy. It is `next` in the JSON report.",
        ),
        topic(
            &["also", "group"],
            "\
Other cases that failed for the same cause, such as one expired certificate or one address that answers nothing, with their address
where it is another one. In the JSON report they have the same `group`.",
        ),
        topic(
            &["works"],
            "\
What holds of the same thing elsewhere: other cells of the check, and checks of the same target at another address. What works beside
a failure narrows its cause down.",
        ),
        topic(
            &["unmet", "breach"],
            "\
An expectation that did not hold: what was expected, what was seen, and the place in the suite (`gate.yaml:8:22` is line 8,
column 22), or the family whose default it is. What follows from the cause is in one line (`not reached`).",
        ),
        topic(
            &["worst"],
            "\
The rows of a table that are worst in what was expected of it: those that a list of keys names, or the largest or smallest of a column.
The report has all of them.",
        ),
        topic(
            &["seen"],
            "\
Evidence beyond the cause: what the server sent, who reset the connection, which certificate is meant. `-v` shows all of it.",
        ),
        topic(
            &["time", "strip", "timeline"],
            "\
What the streams of a failover check saw, from left to right: a line per stream, where the worse a slice of time was, the higher it is
(`▁` all answered, `▃` late, `▅` some failed, `█` all failed, `?` not sent; `_`, `-`, `%`, `#` where the locale is not UTF-8). Marks above
say when the check broke and restored; letters below say who answered, where answers tell it. The last line says what occurs, and how
long a column is: what is shorter is `some failed`. Passed checks show it with `-v`. `--timeline t.svg` draws the same as a picture, with
round-trip times; the JSON report has every run of probes as `timeline`.",
        ),
        topic(
            &["at"],
            "The place of the check in the suite, where no expectation has one.",
        ),
        topic(
            &["tries"],
            "\
How many attempts there were, and how the earlier ones ended, with `retries` or `eventually`.",
        ),
        topic(
            &["again", "rerun"],
            "\
The command that runs only the cases that failed or were not measured. `run --failed-from REPORT` does the same from a report.",
        ),
    ],
};
