//! The facts of a check.

use crate::checks::shared::advice::SENT_LATE;
use crate::model::fact::Distribution;
use crate::model::table::facts;
use crate::model::{Better, Fact, Rule, Unit};

/// Difference of an outage that is no alarm yet, seconds: timers of routers and load balancers have such steps.
const NOTICED: f64 = 0.1;
/// The same in probes, at an interval of 10 ms.
const BURST: f64 = 10.0;
/// Advice where the service was away for too long.
const OUTAGE: &str =
    "the service was gone for longer than allowed: look at detection (health checks, timers) first, then at the switch";

facts! { pub(super) FACTS;
    pub(super) const LONGEST: Fact<f64> = Fact::metric(
        "outage.longest",
        Unit::Seconds,
        Better::Lower,
        "Longest outage: the middle of its bounds; 0 when there was none, absent when the service never came back.",
    )
    .headline()
    .within(NOTICED)
    .bounded_by("outage.hi")
    .on_breach(OUTAGE);
    pub(super) const TOTAL: Fact<f64> = Fact::metric(
        "outage.total",
        Unit::Seconds,
        Better::Lower,
        "All outages together, each the middle of its bounds; absent when the service never came back.",
    )
    .within(NOTICED)
    .bounded_by("outage.hi")
    .on_breach(OUTAGE);
    pub(super) const LO: Fact<f64> = Fact::number(
        "outage.lo",
        Unit::Seconds,
        "The longest outage took at least this long, whenever in its life each lost probe was lost.",
    )
    .on_breach(OUTAGE);
    pub(super) const HI: Fact<f64> = Fact::metric(
        "outage.hi",
        Unit::Seconds,
        Better::Lower,
        "No outage took longer than this: the longest stretch without a proof of life. Assert recovery times on it.",
    )
    .within(NOTICED)
    .on_breach(OUTAGE);
    pub(super) const OUTAGES: Fact<i64> = Fact::counter(
        "outages",
        Unit::Count,
        Better::Lower,
        "Outages that began after the steady phase and before `restore`: at least `isolated` lost probes in a row.",
    );
    pub(super) const DETECTED_AFTER: Fact<f64> = Fact::number(
        "detected_after",
        Unit::Seconds,
        "From the end of the inject command to when the first lost probe of the first outage was due; negative when the \
         service went while the command still ran, absent without an outage.",
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
    pub(super) const LATE: Fact<i64> = Fact::counter(
        "late",
        Unit::Count,
        Better::Lower,
        "Answered probes that took over twice as long as the slowest of the first steady phase, and over one interval: \
         held up, not lost.",
    )
    .within(BURST);
    pub(super) const SENT: Fact<i64> = Fact::integer("sent", Unit::Count, "Probes sent, steady phases included.").work();
    pub(super) const RESTORED: Fact<bool> = Fact::flag("restored", "`restore` and `verify` succeeded.").expected("true")
    .advice(&[("false", "what was broken on purpose is still broken: run the restore command by hand, now")]);
    pub(super) const STEADY_BEFORE: Fact<bool> = Fact::flag("steady.before", "No probe was lost before the fault.");
    pub(super) const STEADY_AFTER: Fact<bool> = Fact::flag("steady.after", "No probe was lost in the last steady phase.");
    pub(super) const FAILBACK: Fact<f64> = Fact::metric(
        "failback.outage",
        Unit::Seconds,
        Better::Lower,
        "Longest outage that began with or after `restore`; 0 when there was none, absent when the service stayed away.",
    )
    .within(NOTICED)
    .bounded_by("failback.hi")
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
        "Outages in the last steady phase, those that began before it included: what users live with afterwards.",
    )
    .expected("0")
    .on_breach(
        "the service was away after `restore` had ended: look at what it starts, and whether `verify` asks for what users need",
    );
    pub(super) const LATENCY: Fact<Distribution> = Fact::distribution(
        "latency",
        Unit::Seconds,
        Better::Lower,
        "From sending a probe to its answer, answered probes only.",
    );
    pub(super) const LATENESS: Fact<Distribution> = Fact::spread(
        "lateness",
        Unit::Seconds,
        "How long after it was due each probe was sent: the quality of this host. The bounds account for it, but more than an interval means an overloaded sender.",
    )
    .on_breach(SENT_LATE);
    pub(super) const INJECT_EXIT: Fact<i64> =
        Fact::integer("inject.exit", Unit::Count, "Exit status of the inject command.").ruled(Rule::Same);
    pub(super) const RESTORE_EXIT: Fact<i64> =
        Fact::integer("restore.exit", Unit::Count, "Exit status of the last restore command.").ruled(Rule::Same);
}
