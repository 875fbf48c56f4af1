//! The fields of a check, each a typed key.

use std::time::Duration;

use super::disruptions::{ADDRESS, DROP, LINK, PARTITION, PROCESS};
use crate::model::table::fields;
use crate::model::{Args, Field, FieldKind, NestedProbe, Text};

const COMMAND: FieldKind = FieldKind::Group(COMMAND_FIELDS);
const PROBE_KIND: FieldKind = FieldKind::Probe(stream_families, STREAM_FIELDS);

/// Families that can be asked again and again.
fn stream_families() -> Vec<&'static str> {
    crate::checks::FAMILIES.iter().filter(|family| family.streams).map(|family| family.name).collect()
}

fields! { COMMAND_FIELDS;
    pub(super) const RUN: Field<Vec<Text>> = Field::required(
        "run",
        FieldKind::List(&FieldKind::Argument),
        "Program and arguments. No shell; it runs in the folder that shakedown was started in.",
    );
    pub(super) const COMMAND_TIMEOUT: Field<Duration> = Field::default(
        "timeout",
        FieldKind::Duration(0.01, 3600.0),
        "30s",
        "After this time the command and its session are killed. Until then, shakedown also waits for what the command started elsewhere.",
    );
}

fields! { INJECT_FIELDS;
    const OWN_RUN: Field<Vec<Text>> = Field::optional(RUN.info.name, RUN.info.kind, RUN.info.help);
    use COMMAND_TIMEOUT;
    use LINK;
    use DROP;
    use PARTITION;
    use PROCESS;
    use ADDRESS;
}

fields! { STREAM_FIELDS;
    pub(super) const INTERVAL: Field<Duration> = Field::default(
        "interval",
        FieldKind::Duration(0.001, 10.0),
        "10ms",
        "Time from one probe to the next. An outage cannot be timed more precisely than this.",
    );
    pub(super) const PROBE_TIMEOUT: Field<Duration> = Field::default(
        "timeout",
        FieldKind::Duration(0.001, 60.0),
        "500ms",
        "After this time a probe counts as lost. Keep it below 1s, so that a retransmitted SYN cannot hide an outage.",
    );
}

fields! { pub(super) FIELDS;
    pub(super) const PROBE: Field<NestedProbe> =
        Field::required("probe", PROBE_KIND, "The probe that asks the service, on a fixed schedule.");
    pub(super) const INJECT: Field<Args> = Field::required(
        "inject",
        FieldKind::Group(INJECT_FIELDS),
        "What breaks something: a command that exits 0 once it is broken, or one of the built-in disruptions.",
    );
    pub(super) const RESTORE: Field<Option<Args>> = Field::optional(
        "restore",
        COMMAND,
        "The command that puts it back; must be safe to run twice. A built-in disruption needs none, unless it ends a process.",
    );
    pub(super) const VERIFY: Field<Option<Args>> = Field::optional(
        "verify",
        COMMAND,
        "A command that exits 0 when everything is back, run after `restore`.",
    );
    pub(super) const OBSERVE: Field<Duration> =
        Field::default("observe", FieldKind::Duration(0.05, 3600.0), "30s", "Time from the fault to `restore`.");
    pub(super) const STEADY: Field<Duration> = Field::default(
        "steady",
        FieldKind::Duration(0.05, 600.0),
        "1s",
        "How long the service must answer without a loss before the fault; also how long it is watched at the very end.",
    );
    pub(super) const SETTLE: Field<Duration> = Field::default(
        "settle",
        FieldKind::Duration(0.01, 3600.0),
        "1s",
        "How long an answer must last to count as recovered; also the time for failback after `restore`.",
    );
    pub(super) const ISOLATED: Field<u32> = Field::default(
        "isolated",
        FieldKind::Integer(1, 1000),
        "1",
        "How many lost probes in a row make an outage; fewer are isolated losses and only count in `lost`.",
    );
}
