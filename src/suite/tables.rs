//! The keys of a suite and of a check. Validation, JSON Schema and docs derive from these tables.

use std::time::Duration;

use crate::model::argument::choices;
use crate::model::field::PATIENCE;
use crate::model::table::{fields, joined};
use crate::model::target::MOST_TARGETS;
use crate::model::{Field, FieldInfo, FieldKind, FieldRole};

const TEXTS: FieldKind = FieldKind::List(&FieldKind::Text);

/// Keys of the file. Keys that begin with `x-` are left alone: a place for anchors.
pub const SUITE: &[FieldInfo] = &[
    FieldInfo::required("version", FieldKind::Integer(1, 1), "Format version; always 1."),
    FieldInfo::required("suite", FieldKind::Text, "Name of the suite: letters, digits, `_` and `-`."),
    FieldInfo::optional("description", FieldKind::Text, "What the suite is for, in words."),
    FieldInfo::optional(
        "vars",
        FieldKind::Map(&FieldKind::Text),
        "Variables, used as ${name}; overridden by --var and --vars.",
    ),
    FieldInfo::optional(
        "secrets",
        TEXTS,
        "Environment variables that hold secrets, used as ${NAME}; shown as ***, and never an argument of a command.",
    ),
    FieldInfo::optional(
        "allowed_targets",
        TEXTS,
        "All that checks which break something may touch: hosts and devices by name or pattern, networks, processes. Other such checks are errors. Without it only --allow-disruptive decides.",
    ),
    FieldInfo::optional(
        "include",
        FieldKind::List(&FieldKind::Path),
        "Files whose checks are added; anything defined twice is an error.",
    ),
    FieldInfo::optional("defaults", FieldKind::Group(DEFAULTS), "Values for every check that sets no others."),
    FieldInfo::required("checks", FieldKind::List(&FieldKind::Group(CHECK)), "The checks."),
];

choices! {
    /// Weight of a failure, as a suite writes it.
    pub enum Weight {
        /// It fails the run.
        Fail = "fail",
        /// It is reported.
        Warn = "warn",
    }
}

/// Keys of `defaults`: the common ones of checks, and `baseline`.
pub const DEFAULTS: &[FieldInfo] = joined!(FieldInfo; COMMON, &[BASELINE_OF_ALL]);

const BASELINE_OF_ALL: FieldInfo = FieldInfo::optional(
    "baseline",
    FieldKind::Map(&FieldKind::Group(BASELINE)),
    "How each fact is compared, for every check that has it; what a check itself says of a fact comes first.",
);

fields! { pub COMMON;
    /// Patience of every family.
    pub const TIMEOUT: Field<Option<Duration>> =
        Field::optional("timeout", PATIENCE, "How long to wait for an unresponsive peer.").role(FieldRole::Patience);
    /// Rounds that count.
    pub const ROUNDS: Field<u32> = Field::default(
        "rounds",
        FieldKind::Integer(1, 1000),
        "1",
        "Independent repetitions of the measurement. With more than one, a warm-up round is made first and discarded.",
    );
    /// Measurements in a round.
    pub const SAMPLES: Field<u32> = Field::default(
        "samples",
        FieldKind::Integer(1, 10_000),
        "1",
        "Measurements in a round, one after the other, each on new connections; every one of them is judged. A round ends with the first that gets no answer.",
    );
    /// Further attempts.
    pub const RETRIES: Field<u32> = Field::default(
        "retries",
        FieldKind::Integer(0, 10),
        "0",
        "Further attempts if the check does not pass, `retry_delay` apart; a pass after a retry is reported as flaky.",
    );
    /// The wait before a further attempt.
    pub const RETRY_DELAY: Field<Option<Duration>> = Field::optional(
        "retry_delay",
        FieldKind::Duration(0.0, 3600.0),
        "Time from the end of an attempt to the next retry; without it half a second, then twice as long each time, 10 s at most.",
    );
    /// Cases about one host at once.
    pub const PER_TARGET: Field<Option<u32>> = Field::optional(
        "per_target",
        FieldKind::Integer(1, 1000),
        "How many checks of the same host may run at once, across all suites of the run, whatever --jobs says; of several values for a host the smallest counts.",
    );
    /// The network namespace to run in.
    pub const NETNS: Field<Option<String>> = Field::optional(
        "netns",
        FieldKind::Text,
        "The network namespace to run in, by its name in `ip netns list`: every socket, name lookup, route and command of the check is in it.",
    );
    /// Weight of a failure.
    pub const SEVERITY: Field<Weight> =
        Field::choice("severity", "fail", "`warn` reports a failure without failing the run.");
    /// Bound of the whole check.
    pub const BUDGET: Field<Option<Duration>> = Field::optional(
        "budget",
        FieldKind::Duration(0.01, 86_400.0),
        "Time limit of the whole check, all attempts and rounds; beyond it the check is errored (not measured).",
    );
}

fields! { pub EVENTUALLY;
    /// How long it may take.
    pub const WITHIN: Field<Duration> =
        Field::required("within", FieldKind::Duration(0.01, 86_400.0), "How long it may take until it holds.");
    /// Between the starts of attempts.
    pub const EVERY: Field<Duration> =
        Field::default("every", FieldKind::Duration(0.01, 3600.0), "1s", "Time between the starts of attempts; the last one is at the end of `within`.");
}

fields! { pub CAPTURE;
    /// The fact whose value it is.
    pub const CAPTURED_FACT: Field<String> = Field::required(
        "fact",
        FieldKind::Text,
        "Fact that holds the value, or a path into a document, as in `expect`.",
    );
    /// Whether no output may show it.
    pub const IS_SECRET: Field<bool> = Field::default(
        "secret",
        FieldKind::Bool,
        "true",
        "Whether the value is hidden in everything that is printed and written; `false` for what everybody may see.",
    );
}

/// Whether both IP versions are asked.
pub const PARITY: Field<bool> = Field::default(
    "parity",
    FieldKind::Bool,
    "false",
    "Whether to ask over IPv4 and over IPv6, in turn and as one case: all that is expected must hold over both, and nothing may differ (`parity.same`). `rounds` are pairs then.",
);

fields! { pub TARGETS;
    /// The table whose rows they are.
    pub const FROM: Field<String> = Field::required(
        "from",
        FieldKind::Text,
        "Table of targets of another check: `${checks.ID.targets}`.",
    );
    /// The most there may be.
    pub const MOST: Field<u32> = Field::default(
        "max",
        FieldKind::Integer(1, MOST_TARGETS),
        "16",
        "The most targets that are looked at. Where there are more, none is, and the check is errored.",
    );
}

/// Keys of one fact below `baseline`.
pub const BASELINE: &[FieldInfo] = &[
    FieldInfo::optional(
        "tolerance",
        FieldKind::Text,
        "Smallest change that counts: a share (5%), or an amount in the fact's unit for facts that may be zero.",
    ),
    FieldInfo::optional("p90", FieldKind::Text, "The same for the 90th percentile of a round."),
    FieldInfo::optional("p99", FieldKind::Text, "The same for the 99th percentile of a round."),
    FieldInfo::optional(
        "at_least",
        FieldKind::Text,
        "Smallest change that counts, as an amount (1ms), beside the tolerance: a smaller one is never a regression.",
    ),
    FieldInfo::optional(
        "change",
        FieldKind::Choice(&["same", "may_grow", "may_shrink", "ignore"]),
        "How a fact that is no metric may change from one report to the next; `ignore` also leaves out a metric.",
    ),
];

/// Keys of a check besides the family key.
pub const CHECK: &[FieldInfo] = &[
    FieldInfo::required("id", FieldKind::Text, "Unique name: letters, digits, `_` and `-`."),
    FieldInfo::optional("description", FieldKind::Text, "What the check is for, in words."),
    FieldInfo::optional("tags", TEXTS, "For --tag and --skip-tag."),
    NETNS.info,
    FieldInfo::optional(
        "matrix",
        FieldKind::Map(&TEXTS),
        "One case per combination, used as ${matrix.key}; a key that the check does not use is an error. `KEY: \"${checks.ID.targets}\"` (or `{from: …, max: 16}`) has a case for each target that another check finds, used as ${matrix.KEY.host}, .port and .priority.",
    ),
    FieldInfo::optional(
        "needs",
        TEXTS,
        "Checks, or cells of one (`alive[site=a]`), that must pass first; otherwise this one is skipped, with the reason. `suite/check` names one of another suite of the run.",
    ),
    FieldInfo::optional(
        "control",
        FieldKind::Text,
        "A check, or a cell of one, that shows that the host can be reached. Needed where silence is expected; it runs again afterwards.",
    ),
    FieldInfo::optional(
        "when",
        FieldKind::Map(&TEXTS),
        "Variables, and the values with which the check runs. With other values it is skipped, with the reason.",
    ),
    FieldInfo::optional(
        "expect",
        FieldKind::Map(&FieldKind::Text),
        "Facts, and what must hold for each. Defaults of the family stay in force until a fact is named here.",
    ),
    FieldInfo::optional(
        "capture",
        FieldKind::Map(&FieldKind::Text),
        "Names, and the facts whose values they stand for (`token: body.json.token`). Another check writes `${checks.ID.NAME}` in its fields, and needs this one. Values are secret unless `{fact: FACT, secret: false}` says otherwise.",
    ),
    FieldInfo::optional(
        "eventually",
        FieldKind::Group(EVENTUALLY),
        "Repeat the check until it holds, for things that take a while. Not with `retries`.",
    ),
    PARITY.info,
    RETRIES.info,
    RETRY_DELAY.info,
    FieldInfo::optional(
        "serial",
        FieldKind::Text,
        "A name. Checks with the same name, also of other suites, never run at the same time.",
    ),
    PER_TARGET.info,
    ROUNDS.info,
    SAMPLES.info,
    SEVERITY.info,
    BUDGET.info,
    FieldInfo::optional(
        "baseline",
        FieldKind::Map(&FieldKind::Group(BASELINE)),
        "How facts are compared with another run or target: for each fact a tolerance, a smallest amount, a rule, or `ignore`.",
    ),
];

/// Names of a table.
pub fn names(fields: &'static [FieldInfo]) -> impl Iterator<Item = &'static str> {
    fields.iter().map(|field| field.name)
}
