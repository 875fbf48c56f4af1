//! The keys of a suite and of a check. Validation, JSON Schema and docs derive from these tables.

use crate::model::{FieldInfo, FieldKind};

const TEXTS: FieldKind = FieldKind::List(&FieldKind::Text);

/// Keys of the file.
pub const SUITE: &[FieldInfo] = &[
    FieldInfo::required("version", FieldKind::Integer(1, 1), "Format version; always 1."),
    FieldInfo::required("suite", FieldKind::Text, "Name of the suite: letters, digits, `_` and `-`."),
    FieldInfo::optional("description", FieldKind::Text, "What the suite shows, for people."),
    FieldInfo::optional(
        "vars",
        FieldKind::Map(&FieldKind::Text),
        "Variables, used as ${name}; overridden by --var and --vars.",
    ),
    FieldInfo::optional("secrets", TEXTS, "Environment variables that hold secrets, used as ${NAME}; never printed."),
    FieldInfo::optional(
        "include",
        FieldKind::List(&FieldKind::Path),
        "Files whose checks are appended; anything defined twice is an error.",
    ),
    FieldInfo::optional("defaults", FieldKind::Group(DEFAULTS), "Values for every check that does not say otherwise."),
    FieldInfo::required("checks", FieldKind::List(&FieldKind::Group(CHECK)), "The checks."),
];

/// Keys of `defaults`.
pub const DEFAULTS: &[FieldInfo] = &[
    FieldInfo::optional("timeout", crate::model::field::PATIENCE, "How long a silent peer is waited for."),
    ROUNDS,
    SAMPLES,
    RETRIES,
    SEVERITY,
    BUDGET,
];

const ROUNDS: FieldInfo = FieldInfo::default(
    "rounds",
    FieldKind::Integer(1, 1000),
    "1",
    "Independent repetitions of the measurement; with more than one, a warm-up round is made first and discarded.",
);
const SAMPLES: FieldInfo = FieldInfo::default(
    "samples",
    FieldKind::Integer(1, 10_000),
    "1",
    "Measurements in a round, one after the other, each with new connections; every one of them is judged. A round ends with \
     the first that got no answer.",
);
const RETRIES: FieldInfo = FieldInfo::default(
    "retries",
    FieldKind::Integer(0, 10),
    "0",
    "Further attempts when it does not hold; a pass after a retry is reported as flaky.",
);
const SEVERITY: FieldInfo = FieldInfo::default(
    "severity",
    FieldKind::Choice(&["fail", "warn"]),
    "fail",
    "`warn` reports a failure without failing the run.",
);
const BUDGET: FieldInfo = FieldInfo::optional(
    "budget",
    FieldKind::Duration(0.01, 86_400.0),
    "Bounds the whole check, all attempts and rounds; beyond it the check is errored.",
);

/// Keys of `eventually`.
pub const EVENTUALLY: &[FieldInfo] = &[
    FieldInfo::required("within", FieldKind::Duration(0.01, 86_400.0), "How long it may take until it holds."),
    FieldInfo::default("every", FieldKind::Duration(0.01, 3600.0), "1s", "Time between the starts of attempts."),
];

/// Keys of one fact below `baseline`.
pub const BASELINE: &[FieldInfo] = &[
    FieldInfo::optional(
        "tolerance",
        FieldKind::Text,
        "Smallest change worth an alarm: a share (5%), or an amount in the fact's unit for facts that may be zero.",
    ),
    FieldInfo::optional("p90", FieldKind::Text, "The same for the 90th percentile of a round."),
    FieldInfo::optional("p99", FieldKind::Text, "The same for the 99th percentile of a round."),
    FieldInfo::optional(
        "change",
        FieldKind::Choice(&["same", "may_grow", "may_shrink", "ignore"]),
        "Of a fact that is no metric: what may become of it from one report to the next.",
    ),
];

/// Keys of a check besides the family key.
pub const CHECK: &[FieldInfo] = &[
    FieldInfo::required("id", FieldKind::Text, "Unique name: letters, digits, `_` and `-`."),
    FieldInfo::optional("description", FieldKind::Text, "What it shows, for people."),
    FieldInfo::optional("tags", TEXTS, "For --tag and --skip-tag."),
    FieldInfo::optional("matrix", FieldKind::Map(&TEXTS), "One case per combination, used as ${matrix.key}."),
    FieldInfo::optional("needs", TEXTS, "Checks that must pass first; otherwise this one is skipped with the reason."),
    FieldInfo::optional(
        "when",
        FieldKind::Map(&TEXTS),
        "Variables and the values with which the check runs; otherwise it is skipped with the reason.",
    ),
    FieldInfo::optional(
        "expect",
        FieldKind::Map(&FieldKind::Text),
        "Facts and what must hold; left out, the family's default.",
    ),
    FieldInfo::optional("eventually", FieldKind::Group(EVENTUALLY), "Convergence: repeat until it holds."),
    RETRIES,
    ROUNDS,
    SAMPLES,
    SEVERITY,
    BUDGET,
    FieldInfo::optional("baseline", FieldKind::Map(&FieldKind::Group(BASELINE)), "Per metric, how it is compared."),
];

/// Names of a table.
pub fn names(fields: &'static [FieldInfo]) -> impl Iterator<Item = &'static str> {
    fields.iter().map(|field| field.name)
}
