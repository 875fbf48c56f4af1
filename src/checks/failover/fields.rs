//! The fields of a check, each a typed key.

use std::time::Duration;

pub(super) use super::abort::ABORT_IF;
use super::disruptions::{ADDRESS, DNS_UPDATE, DROP, HAPROXY, HTTP, LINK, PARTITION, PROCESS, PROXY, SSH};
use super::proxies::PLACE;
pub(super) use super::timers::TIMERS;
use crate::model::table::fields;
use crate::model::{Args, DurationOr, Field, FieldKind, NestedProbe, Text};
use crate::probe::Connection;

const COMMAND: FieldKind = FieldKind::Group(COMMAND_FIELDS);
const INJECT_KIND: FieldKind = FieldKind::Group(INJECT_FIELDS);
const READ_KIND: FieldKind = FieldKind::Probe(reading_families, READ_BACK_FIELDS);
const PROBE_KIND: FieldKind = FieldKind::Probe(stream_families, STREAM_FIELDS);
/// Share of probes that may fail when all is well.
const BACKGROUND: FieldKind = FieldKind::Ratio(0.0, 0.2);

/// The word of `observe` that leaves its end to whoever watches.
pub(super) const UNTIL_SIGNAL: &str = "until_signal";

/// Families that can be asked again and again.
fn stream_families() -> Vec<&'static str> {
    crate::checks::FAMILIES.iter().filter(|family| family.streams).map(|family| family.name).collect()
}

/// Families by which values can be read back.
fn reading_families() -> Vec<&'static str> {
    stream_families().into_iter().filter(|name| matches!(*name, "http" | "tcp")).collect()
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
    use SSH;
    use DNS_UPDATE;
    use PROXY;
    use HAPROXY;
    use HTTP;
}

fields! { READ_BACK_FIELDS;
    pub(super) const EVENTUALLY: Field<Duration> = Field::default(
        "eventually",
        FieldKind::Duration(0.0, 3600.0),
        "0s",
        "A value that is not there is looked for again for so long. Without it, what was acknowledged must be there at once.",
    );
    pub(super) const WITHIN: Field<Duration> = Field::default(
        "within",
        FieldKind::Duration(0.1, 3600.0),
        "1m",
        "How long reading may take in all. What is not read by then is not judged, and the check is errored.",
    );
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
        "An answer that takes longer is late, and a probe without one is lost. Keep it below 1s, so that a retransmitted SYN cannot hide an outage.",
    );
    pub(super) const CONNECTION: Field<Connection> = Field::choice(
        "connection",
        "new",
        "Of tcp and http: a connection for each probe, or one that stays. A tcp session expects back what it sends.",
    );
    pub(super) const ECHO: Field<bool> = Field::default(
        "echo",
        FieldKind::Bool,
        "false",
        "Of udp: the service sends back what it is sent. Each probe carries its number, so that late, doubled and reordered answers are told apart.",
    );
    pub(super) const IDENTITY: Field<Option<Text>> = Field::optional(
        "identity",
        FieldKind::Text,
        "The fact of the probe that tells who answered, such as `body` or `headers.x-served-by`.",
    );
    pub(super) const READ_BACK: Field<Option<NestedProbe>> = Field::optional(
        "read_back",
        READ_KIND,
        "Of a http or tcp probe that writes, with `{number}` where its value goes: the probe that looks at the very end what is there. With \
         `{number}` it asks for each value; without, its body lists all (http).",
    );
}

fields! { pub(super) FIELDS;
    pub(super) const PROBE: Field<Option<NestedProbe>> =
        Field::optional("probe", PROBE_KIND, "The probe that asks the service, on a fixed schedule: a stream named `probe`.");
    pub(super) const STREAMS: Field<Vec<(String, NestedProbe)>> = Field::optional(
        "streams",
        FieldKind::Map(&PROBE_KIND),
        "Several probes by name, each on a schedule of its own, through the same disruption.",
    );
    pub(super) const PROXIES: Field<Vec<(String, Args)>> = Field::optional(
        "proxies",
        FieldKind::Map(&PLACE),
        "Proxies by name that the check starts between clients and service, for `inject: {proxy: …}`.",
    );
    pub(super) const INJECT: Field<Vec<Args>> = Field::optional(
        "inject",
        FieldKind::List(&INJECT_KIND),
        "What breaks something: a command that exits 0 once it is broken, or a built-in disruption; or several, one after the other. Without it \
         the check only watches, and breaks nothing.",
    );
    pub(super) const RESTORE: Field<Option<Args>> = Field::optional(
        "restore",
        COMMAND,
        "The command that puts back what commands break; must be safe to run twice. A built-in disruption needs none, unless it ends a process.",
    );
    pub(super) const VERIFY: Field<Option<Args>> = Field::optional(
        "verify",
        COMMAND,
        "A command that exits 0 when everything is back, run after `restore`.",
    );
    pub(super) const OBSERVE: Field<DurationOr> = Field::default(
        "observe",
        FieldKind::DurationOr(0.05, 86400.0, &[UNTIL_SIGNAL]),
        "30s",
        "Time from the disruption to `restore`; without a disruption, how long to watch, or `until_signal`: until Ctrl-C (SIGINT or SIGTERM), for a day at most, \
         or an hour where there is no terminal.",
    );
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
    pub(super) const ISOLATED: Field<Option<u32>> = Field::optional(
        "isolated",
        FieldKind::Integer(1, 1000),
        "How many failed probes in a row make an outage; fewer are isolated losses and only count in `lost`. Left out, as many as the loss \
         of the first steady phase would not make by chance: 1 where nothing was lost.",
    );
    pub(super) const BACKGROUND_LOSS: Field<f64> = Field::default(
        "background_loss",
        BACKGROUND,
        "0%",
        "Share of the probes that may fail when all is well; with more in the first steady phase nothing is injected.",
    );
    use TIMERS;
    use ABORT_IF;
}
