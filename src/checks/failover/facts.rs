//! The facts of a check. Those without a stream in their name are the worst of all streams, fact by fact.

use crate::checks::shared::advice::SENT_LATE;
use crate::model::fact::Distribution;
use crate::model::table::facts;
use crate::model::{Better, Choice, Fact, FactInfo, Interval, Rows, Rule, Unit, Value};

/// Difference of an outage that is no alarm yet, seconds: timers of routers and load balancers have such steps.
const NOTICED: f64 = 0.1;
/// The same in probes, at an interval of 10 ms.
const BURST: f64 = 10.0;
/// The words for when an outage began.
pub(super) const PHASES: &[&str] = &["inject", "observe", "restore", "after"];
/// Advice where the service was away for too long.
const OUTAGE: &str =
    "the service was gone for longer than allowed: look at detection (health checks, timers) first, then at the switch";

/// Facts of a check that breaks something; one that only watches has none of them.
pub(super) const OF_DISRUPTION: &[FactInfo] =
    &[RESTORED.info, INJECT_EXIT.info, RESTORE_EXIT.info, FAILBACK.info, FAILBACK_HI.info];

/// Facts of a check with conditions that end it before its time.
pub(super) const OF_ABORT: &[FactInfo] = &[ABORTED.info, ABORTED_AFTER.info, ABORT_REASON.info];

/// Facts of a check with a stream whose writes are read back.
pub(super) const OF_WRITES: &[FactInfo] = &[
    WRITES_ACKNOWLEDGED.info,
    WRITES_LOST.info,
    WRITES_LOST_NUMBERS.info,
    WRITES_UNACKNOWLEDGED_PRESENT.info,
    WRITES_DUPLICATED.info,
    WRITES_UNREAD.info,
];

/// Columns of the table of streams, by their names behind its own.
pub(super) fn columns() -> impl Iterator<Item = &'static str> {
    FACTS.iter().filter_map(|fact| fact.name.strip_prefix("streams."))
}

facts! { pub(super) FACTS;
    pub(super) const OUTAGE_BOUNDS: Fact<Interval> = Fact::interval(
        "outage",
        Unit::Seconds,
        Better::Lower,
        "The longest outage, by its bounds: the service was away at least `lo` and at most `hi`; without `hi` when it never came back. An \
         upper limit holds when `hi` keeps it, is broken when `lo` breaks it, and is errored in between. Without a limit of the check it is that of \
         `timers`, where they are given.",
    )
    .headline()
    .lifted_by(&["outage.hi"])
    .within(NOTICED)
    .on_breach(OUTAGE);
    pub(super) const LO: Fact<f64> = Fact::number(
        "outage.lo",
        Unit::Seconds,
        "Lower bound: the longest outage took at least this long.",
    )
    .on_breach(OUTAGE);
    pub(super) const HI: Fact<f64> = Fact::metric(
        "outage.hi",
        Unit::Seconds,
        Better::Lower,
        "Upper bound: no outage took longer than this. It is the longest stretch without an answer; absent when the service never came back.",
    )
    .within(NOTICED)
    .on_breach(OUTAGE);
    pub(super) const DOWNTIME: Fact<Interval> = Fact::interval(
        "downtime",
        Unit::Seconds,
        Better::Lower,
        "All outages before `restore` together, by their bounds.",
    )
    .within(NOTICED)
    .on_breach(OUTAGE);
    pub(super) const OUTAGES: Fact<i64> = Fact::counter(
        "outages",
        Unit::Count,
        Better::Lower,
        "Outages that began after the steady phase and before `restore`: at least `isolated` failed or late probes in a row.",
    );
    pub(super) const GAP: Fact<f64> = Fact::metric(
        "gap.longest",
        Unit::Seconds,
        Better::Lower,
        "Longest time between the arrivals of two answers before `restore`: how long a freeze lasted, in which no probe was lost.",
    )
    .within(NOTICED)
    .on_breach(OUTAGE);
    pub(super) const DEGRADED: Fact<f64> = Fact::metric(
        "degraded",
        Unit::Seconds,
        Better::Lower,
        "Time before `restore` in which failures alternated with answers, from the first failure to the last: one of several backends was gone.",
    )
    .within(NOTICED);
    pub(super) const DEGRADED_SHARE: Fact<f64> = Fact::metric(
        "degraded.share",
        Unit::Ratio,
        Better::Lower,
        "Largest share of the probes that failed in such a time; 0 without one.",
    )
    .within(0.05);
    pub(super) const LOSS_DERIVED: Fact<f64> = Fact::metric(
        "convergence.loss_derived",
        Unit::Seconds,
        Better::Lower,
        "Loss-derived convergence time (RFC 6412): failed and late probes before `restore`, times the interval.",
    )
    .within(NOTICED);
    pub(super) const RATE_DERIVED: Fact<f64> = Fact::metric(
        "convergence.rate_derived",
        Unit::Seconds,
        Better::Lower,
        "Rate-derived convergence time (RFC 6412): from the first sample of ten intervals with a failure to the end of the last.",
    )
    .within(NOTICED);
    pub(super) const DETECTED_AFTER: Fact<f64> = Fact::number(
        "detected_after",
        Unit::Seconds,
        "From the end of the inject command to when the first lost probe of the first outage was due; negative when the \
         service went while the command still ran, absent without an outage.",
    );
    pub(super) const ANSWERED_AFTER: Fact<f64> = Fact::number(
        "answered_after",
        Unit::Seconds,
        "From the end of the inject command to the first answer after the first outage; absent without one.",
    );
    pub(super) const RECOVERED: Fact<bool> = Fact::flag(
        "recovered",
        "Before `restore` began, the service had answered for `settle` without an outage; so also when there was none at all.",
    )
    .expected("true")
    .advice(&[(
        "false",
        "the service did not come back by itself: look at health checks, election and the standby's log",
    )]);
    pub(super) const RECOVERED_AFTER: Fact<f64> = Fact::metric(
        "recovered_after",
        Unit::Seconds,
        Better::Lower,
        "From the end of the inject command to the answer that began the lasting recovery; absent without an outage, and \
         when not recovered.",
    )
    .within(NOTICED);
    pub(super) const LOST: Fact<i64> =
        Fact::counter("lost", Unit::Count, Better::Lower, "Probes without an answer after the first steady phase.")
            .within(BURST);
    pub(super) const FAILURES: Fact<Value> = Fact::object(
        "failures",
        "Probes without an answer by how they ended, of all streams: `lost`, `refused`, `reset`, `unreachable`, `blocked` (this host did \
         not let it leave), `unexpected` (another answer than the one expected).",
    )
    .ruled(Rule::Ignore);
    pub(super) const LATE: Fact<i64> = Fact::counter(
        "late",
        Unit::Count,
        Better::Lower,
        "Probes after the first steady phase whose answer took longer than their `timeout`: delayed, not lost.",
    )
    .within(BURST);
    pub(super) const DUPLICATES: Fact<i64> = Fact::counter(
        "duplicates",
        Unit::Count,
        Better::Lower,
        "Second answers to a probe: two hosts hold one address (split brain), or the path doubles packets.",
    )
    .on_breach("two hosts may answer for one address: look who holds it, and whether they still hear each other");
    pub(super) const REORDERED: Fact<i64> = Fact::counter(
        "reordered",
        Unit::Count,
        Better::Lower,
        "Answers that came after the answer to a later probe.",
    )
    .within(BURST);
    pub(super) const SENT: Fact<i64> = Fact::integer("sent", Unit::Count, "Probes sent, steady phases included.").work();
    pub(super) const OWNERS_BEFORE: Fact<Vec<String>> = Fact::list(
        "owners.before",
        "Who answered in the first steady phase, where answers tell: icmp by hop limit, others by their `identity`.",
    );
    pub(super) const OWNERS_DURING: Fact<Vec<String>> =
        Fact::list("owners.during", "Who answered in the last `settle` before `restore`.");
    pub(super) const OWNERS_AFTER: Fact<Vec<String>> =
        Fact::list("owners.after", "Who answered in the last steady phase.");
    pub(super) const OWNER_CHANGES: Fact<i64> = Fact::counter(
        "owners.changes",
        Unit::Count,
        Better::Lower,
        "How often another owner answered than before, after the first steady phase and before `restore`. Absent where several answered \
         in turn when all was well.",
    )
    .on_breach("look who answered, and when: `owners.before`, `owners.during` and `episodes` in the report");
    pub(super) const SWITCHED_AFTER: Fact<f64> = Fact::metric(
        "switched_after",
        Unit::Seconds,
        Better::Lower,
        "From the end of the inject command to the first answer by another owner; absent when there was none.",
    )
    .within(NOTICED);
    pub(super) const CONNECTIONS: Fact<i64> =
        Fact::integer("connections.opened", Unit::Count, "Connections that streams with `connection: keep` opened.");
    pub(super) const CONNECTIONS_LOST: Fact<i64> = Fact::counter(
        "connections.lost",
        Unit::Count,
        Better::Lower,
        "Those of them that were reset or closed in the middle: sessions that users lost. A stream of http has several at once where answers take \
         longer than its `interval`.",
    )
    .on_breach(
        "look at what cut the sessions (a balancer that moves, a proxy that was started again); a stream of http opens another connection whenever \
         an answer takes longer than `interval`: expect at least one, not how many",
    );
    pub(super) const BACKGROUND: Fact<f64> = Fact::number(
        "background_loss",
        Unit::Ratio,
        "Share of the probes that failed in the first steady phase, by the path alone.",
    );
    pub(super) const RESTORED: Fact<bool> = Fact::flag("restored", "`restore` and `verify` succeeded.").expected("true")
    .advice(&[("false", "what was broken on purpose is still broken: run the restore command by hand, now")]);
    pub(super) const ABORTED: Fact<bool> = Fact::flag(
        "aborted",
        "A condition of `abort_if` was reached while the disruption lasted, so that it was ended at once.",
    )
    .expected("false")
    .advice(&[("true", "the service was worse off than `abort_if` allows: look at health checks, election and the standby's log")]);
    pub(super) const ABORTED_AFTER: Fact<f64> = Fact::number(
        "aborted_after",
        Unit::Seconds,
        "From the beginning of `inject`, or of `observe` without one, to when a condition of `abort_if` was seen to be reached.",
    );
    pub(super) const ABORT_REASON: Fact<String> =
        Fact::text("abort_reason", "Which stream was worse off than `abort_if` allows, by how much, and at what time.");
    pub(super) const STEADY_BEFORE: Fact<bool> =
        Fact::flag("steady.before", "No more probes failed before the disruption than `background_loss` allows.");
    pub(super) const STEADY_AFTER: Fact<bool> = Fact::flag("steady.after", "No probe was lost or late in the last steady phase.");
    pub(super) const FAILBACK: Fact<Interval> = Fact::interval(
        "failback",
        Unit::Seconds,
        Better::Lower,
        "The longest outage that began with or after `restore`, or the rest of one that it ended, by its bounds.",
    )
    .within(NOTICED)
    .on_breach(OUTAGE);
    pub(super) const FAILBACK_HI: Fact<f64> = Fact::metric(
        "failback.hi",
        Unit::Seconds,
        Better::Lower,
        "From when `restore` began, no outage took longer than this, nor the rest of one that it ended; absent when the \
         service stayed away.",
    )
    .within(NOTICED)
    .on_breach(OUTAGE);
    pub(super) const OUTAGES_AFTER: Fact<i64> = Fact::counter(
        "after.outages",
        Unit::Count,
        Better::Lower,
        "Outages in the last steady phase, including those that began before it: what users are left with.",
    )
    .expected("0")
    .on_breach(
        "the service was away after `restore` had ended: look at what it starts, and whether `verify` asks for what users need",
    );
    pub(super) const LATENCY: Fact<Distribution> = Fact::distribution(
        "latency",
        Unit::Seconds,
        Better::Lower,
        "Time from sending a probe to its answer; answered probes only, of all streams.",
    );
    pub(super) const LATENESS: Fact<Distribution> = Fact::spread(
        "lateness",
        Unit::Seconds,
        "Delay between when each probe was due and when it was sent: a property of this host. The bounds account for it, but more than an interval means an overloaded sender.",
    )
    .on_breach(SENT_LATE);
    pub(super) const BEHIND_SCHEDULE: Fact<i64> = Fact::integer(
        "behind_schedule",
        Unit::Count,
        "Probes that were sent more than one interval after they were due, of all streams: this host was busy, and the bounds are as much wider.",
    )
    .ruled(Rule::Ignore)
    .on_breach(SENT_LATE);
    pub(super) const WRITES_ACKNOWLEDGED: Fact<i64> = Fact::integer(
        "writes.acknowledged",
        Unit::Count,
        "Writes of streams with `read_back` that were acknowledged: the answer that is expected came, in time or late.",
    );
    pub(super) const WRITES_LOST: Fact<i64> = Fact::counter(
        "writes.lost",
        Unit::Count,
        Better::Lower,
        "Writes that were acknowledged and are not there at the very end (recovery point: RPO). Not judged as long as one of them could not be \
         read, unless too many are lost already, nor when none was acknowledged after the disruption.",
    )
    .expected("0")
    .on_breach("writes were acknowledged before the node that took over had them: look whether replication is synchronous");
    pub(super) const WRITES_LOST_NUMBERS: Fact<Vec<String>> = Fact::list(
        "writes.lost_numbers",
        "The lost writes, those in a row together: number, value, and when they were due, relative to the end of `inject`; the first hundred.",
    )
    .ruled(Rule::Ignore);
    pub(super) const WRITES_UNACKNOWLEDGED_PRESENT: Fact<i64> = Fact::integer(
        "writes.unacknowledged_present",
        Unit::Count,
        "Writes that were not acknowledged and are there all the same: that is allowed, as only the answer was lost.",
    )
    .ruled(Rule::Ignore);
    pub(super) const WRITES_DUPLICATED: Fact<i64> = Fact::counter(
        "writes.duplicated",
        Unit::Count,
        Better::Lower,
        "Values that the list of `read_back` has more than once, although each was sent once; absent where each value is read by itself.",
    )
    .on_breach("look for what repeats a request: a proxy, a balancer, a log that is replayed");
    pub(super) const WRITES_UNREAD: Fact<i64> = Fact::integer(
        "writes.unread",
        Unit::Count,
        "Writes that could not be looked for, acknowledged or not: the read failed three times, or `within` was over.",
    )
    .ruled(Rule::Ignore);
    pub(super) const INJECT_EXIT: Fact<i64> =
        Fact::integer("inject.exit", Unit::Count, "Exit status of the inject command.").ruled(Rule::Same);
    pub(super) const RESTORE_EXIT: Fact<i64> =
        Fact::integer("restore.exit", Unit::Count, "Exit status of the last restore command.").ruled(Rule::Same);
    pub(super) const STREAMS: Fact<Rows> = Fact::table(
        "streams",
        "stream",
        "What each stream saw. A cell of it is a fact too: `streams.NAME.outage`.",
    )
    .rows_named(super::settings::names);
    pub(super) const S_OUTAGE: Fact<Interval> =
        Fact::bounds("streams.outage", Unit::Seconds, "How long its longest outage took, by its bounds.").lifted_by(&["outage", "outage.hi"]).on_breach(OUTAGE).column();
    pub(super) const S_OUTAGES: Fact<i64> =
        Fact::integer("streams.outages", Unit::Count, "How many outages it had before `restore`.").column();
    pub(super) const S_DOWNTIME: Fact<Interval> =
        Fact::bounds("streams.downtime", Unit::Seconds, "All its outages before `restore` together, by their bounds.").on_breach(OUTAGE).column();
    pub(super) const S_GAP: Fact<f64> =
        Fact::number("streams.gap", Unit::Seconds, "Its longest time between two answers before `restore`.").on_breach(OUTAGE).column();
    pub(super) const S_FAILBACK: Fact<Interval> =
        Fact::bounds("streams.failback", Unit::Seconds, "Its longest outage from `restore` on.").on_breach(OUTAGE).column();
    pub(super) const S_DEGRADED: Fact<f64> =
        Fact::number("streams.degraded", Unit::Seconds, "Time in which only a share of its probes was answered.").column();
    pub(super) const S_RECOVERED: Fact<bool> =
        Fact::flag("streams.recovered", "It had recovered before `restore` began.").column();
    pub(super) const S_SENT: Fact<i64> = Fact::integer("streams.sent", Unit::Count, "How many probes of it were sent.").column();
    pub(super) const S_LOST: Fact<i64> =
        Fact::integer("streams.lost", Unit::Count, "Probes of it without an answer, after the first steady phase.").column();
    pub(super) const S_LATE: Fact<i64> =
        Fact::integer("streams.late", Unit::Count, "Probes of it that were answered after their `timeout`.").column();
    pub(super) const S_DUPLICATES: Fact<i64> =
        Fact::integer("streams.duplicates", Unit::Count, "Second answers to one of its probes.").column();
    pub(super) const S_CONNECTIONS_LOST: Fact<i64> =
        Fact::integer("streams.connections_lost", Unit::Count, "Connections of it that were lost, with `connection: keep`.").column();
    pub(super) const S_OWNER_CHANGES: Fact<i64> =
        Fact::integer("streams.owner_changes", Unit::Count, "How often another owner answered than before.").column();
    pub(super) const EPISODES: Fact<Rows> = Fact::table(
        "episodes",
        "outage",
        "Every outage, by stream and number: `web.1`.",
    );
    pub(super) const E_AT: Fact<f64> =
        Fact::number("episodes.at", Unit::Seconds, "When its first failed probe was sent, after the start of the streams.").column();
    pub(super) const E_LENGTH: Fact<Interval> =
        Fact::bounds("episodes.length", Unit::Seconds, "How long it took, by its bounds.").column();
    pub(super) const E_LOST: Fact<i64> = Fact::integer("episodes.lost", Unit::Count, "How many probes failed in it.").column();
    pub(super) const E_PHASE: Fact<Choice> = Fact::choice(
        "episodes.phase",
        PHASES,
        "When it began: while `inject` ran, in the time after it, with `restore` or in `settle` after it, or in the last steady phase.",
    )
    .column();
    pub(super) const E_OWNER_BEFORE: Fact<String> =
        Fact::text("episodes.owner_before", "Who answered last before it, where answers tell.").column();
    pub(super) const E_OWNER_AFTER: Fact<String> =
        Fact::text("episodes.owner_after", "Who answered first after it.").column();
}
