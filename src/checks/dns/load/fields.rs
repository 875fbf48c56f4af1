//! What a suite may write below `load`, and what it can expect of one.

use crate::model::fact::Distribution;
use crate::model::table::joined;
use crate::model::{Args, Better, Choice, Fact, FactInfo, FieldInfo, FieldKind, Rule, Unit, Value};
use crate::probe::Mode;

const LOAD: &[FieldInfo] = &[
    FieldInfo::required(
        "rate",
        FieldKind::RateOr(&["max"]),
        "Queries per second, sent on schedule whatever becomes of them; `max` looks for the most that are answered.",
    ),
    FieldInfo::default(
        "duration",
        FieldKind::Duration(0.1, 3600.0),
        "5s",
        "Length of the load, without what finds `max`.",
    ),
    FieldInfo::optional(
        "names",
        FieldKind::List(&FieldKind::Text),
        "Names to ask for in turn, each as `name`, `name type` or `name type rcode data`; without a type that of the check.",
    ),
    FieldInfo::optional(
        "queries",
        FieldKind::Path,
        "File of lines `name type` as dnsperf reads it; a response code and data may follow.",
    ),
    FieldInfo::default(
        "concurrency",
        FieldKind::Integer(1, 64),
        "2",
        "Sockets, each with a port of its own; at most one thread per core serves them.",
    ),
    FieldInfo::default(
        "late",
        FieldKind::Duration(0.0001, 3600.0),
        "100ms",
        "An answer later than this, from the time its query should have left, is counted as late.",
    ),
    FieldInfo::optional(
        "loss",
        FieldKind::Ratio(0.0, 1.0),
        "With `rate: max`: the share of queries that may stay without an answer; 0.1% if left out.",
    ),
];
pub(in crate::checks::dns) const FIELDS: &[FieldInfo] = &[FieldInfo::optional(
    "load",
    FieldKind::Group(LOAD),
    "Send many queries and check every answer, instead of asking once.",
)];

/// Lost, late and wrong answers in a round that are no alarm yet: one lost burst.
const FEW: f64 = 10.0;

pub(super) const QPS: Fact<f64> = Fact::metric(
    "load.qps",
    Unit::PerSecond,
    Better::Higher,
    "Right answers per second, from the first query to the last answer, or to the end of `duration` if that is later.",
);
pub(super) const RATE: Fact<f64> =
    Fact::number("load.rate", Unit::PerSecond, "Queries per second of the schedule; absent with `rate: max`.");
pub(super) const SENT_RATE: Fact<f64> =
    Fact::number("load.sent_rate", Unit::PerSecond, "Queries per second that left.");
pub(super) const SENT: Fact<i64> = Fact::integer("load.sent", Unit::Count, "Queries sent.");
pub(super) const ANSWERED: Fact<i64> = Fact::integer(
    "load.answered",
    Unit::Count,
    "Queries whose right answer came in time: id, question, flags, response code and records are as they must be.",
);
pub(super) const WRONG: Fact<i64> = Fact::counter(
    "load.wrong",
    Unit::Count,
    Better::Lower,
    "Replies that were not the right answer; the notes say what was wrong, with an example of each kind.",
)
.within(FEW);
pub(super) const LOST: Fact<i64> = Fact::counter(
    "load.lost",
    Unit::Count,
    Better::Lower,
    "Queries without any reply within `timeout`; replies that this side dropped are not among them.",
)
.within(FEW);
pub(super) const LOSS: Fact<f64> =
    Fact::metric("load.loss", Unit::Ratio, Better::Lower, "Share of the queries sent that were lost.");
pub(super) const LATE: Fact<i64> = Fact::counter(
    "load.late",
    Unit::Count,
    Better::Lower,
    "Right answers that came later than `late` after the time their query should have left.",
)
.within(FEW);
pub(super) const DUPLICATES: Fact<i64> = Fact::counter(
    "load.duplicates",
    Unit::Count,
    Better::Lower,
    "Right answers to queries that had been answered already.",
)
.within(FEW);
pub(super) const LATENCY: Fact<Distribution> = Fact::distribution(
    "load.latency",
    Unit::Seconds,
    Better::Lower,
    "From the time a query should have left to its right answer; with `rate: max` from the time it left.",
);
pub(super) const LATENESS: Fact<Distribution> = Fact::spread(
    "load.lateness",
    Unit::Seconds,
    "How late queries left: what of `load.latency` is this side's; absent with `rate: max`.",
);
pub(super) const RCODES: Fact<Value> =
    Fact::object("load.rcodes", "Replies to their question by response code.").ruled(Rule::Ignore);
pub(super) const WINDOW: Fact<i64> = Fact::integer(
    "load.window",
    Unit::Count,
    "With `rate: max`: queries of each socket that were on their way at once.",
);
pub(super) const CPU: Fact<f64> =
    Fact::number("cpu.local", Unit::Ratio, "Processor time of the threads of the load, as a share of one core.");
pub(super) const LIMITED_BY: Fact<Choice> = Fact::choice(
    "limited_by",
    &["client", "server", "rate"],
    "What kept the load from being higher: this host, the server or the way to it, or the rate asked for.",
)
.ruled(Rule::Ignore);

/// Of every load.
const ALWAYS: &[FactInfo] = &[
    QPS.info,
    SENT_RATE.info,
    SENT.info,
    ANSWERED.info,
    WRONG.info,
    LOST.info,
    LOSS.info,
    LATE.info,
    DUPLICATES.info,
    LATENCY.info,
    RCODES.info,
    CPU.info,
    LIMITED_BY.info,
];
/// Of one with a schedule.
const SCHEDULE: &[FactInfo] = &[RATE.info, LATENESS.info];
/// Of one that looks for the most.
const SEARCH: &[FactInfo] = &[WINDOW.info];
pub(in crate::checks::dns) const FACTS: &[FactInfo] = joined!(FactInfo; ALWAYS, SCHEDULE, SEARCH);

/// Looking for the most may lose some. A server that has lost its zone says NXDOMAIN to every line of a file: not all may.
const MOST: Mode = Mode {
    with: "load: {rate: max}",
    applies: most,
    expect: Some("load.answered: {ge: 1}\nload.rcodes.NOERROR: {ge: 1}\nload.wrong: 0\nload.loss: {le: 0.1%}"),
    adds: None,
    facts: SEARCH,
};
const PACED: Mode = Mode { with: "load: {rate: 1000 /s}", applies: paced, expect: None, adds: None, facts: SCHEDULE };
const LOADED: Mode = Mode {
    with: "load",
    applies: on,
    expect: Some("load.answered: {ge: 1}\nload.rcodes.NOERROR: {ge: 1}\nload.wrong: 0\nload.lost: 0"),
    adds: None,
    facts: ALWAYS,
};
pub(in crate::checks::dns) const MODES: &[Mode] = &[MOST, PACED, LOADED];

fn on(args: &Args) -> bool {
    args.on("load")
}

fn most(args: &Args) -> bool {
    args.group("load").is_some_and(|load| load.text("rate") == Some("max"))
}

fn paced(args: &Args) -> bool {
    on(args) && !most(args)
}

/// A quantity as a whole number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, which is wanted here")]
pub(super) fn whole(value: f64) -> u64 {
    value as u64
}
