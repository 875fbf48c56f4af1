//! The facts of a load.

use crate::checks::shared::advice::LIMITED_HERE;
use crate::model::fact::Distribution;
use crate::model::table::{facts, joined};
use crate::model::{Better, Choice, Fact, FactInfo, Rule, Unit, Value};
use crate::net::open_loop::Limit;

/// Lost, late and wrong answers in a round that are no alarm yet: one lost burst.
const FEW: f64 = 10.0;

/// Advice for queries without a reply.
const SILENCE: &str = "queries met silence: look at drops of the server's socket (`ss -ulm`, `nstat UdpRcvbufErrors`), at rate limiting (RRL) and at firewalls that track UDP (`conntrack -S`)";
/// Advice for a load that came out lower than expected, where no fact says more.
const SHORT_OF_LOAD: &str = "less or slower than expected: look at `limited_by` first, then at the server's processors";
const FEW_ANSWERS: &str = "fewer answers than expected: see `limited_by`; for `client` give this host more cores, for `server` look at its threads and sockets";
const WRONG_ANSWERS: &str = "replies were not the right answer: the notes show one of each kind; ask for it alone (dig), then look at what the server does under load (RRL, zone reload, EDNS size)";
const LATE_ANSWERS: &str = "answers came too late: the server stood still (zone reload, garbage collection, a busy neighbour); compare `load.latency.p50` with `load.latency.max`";
const SLOW_ANSWERS: &str = "slower than expected: compare `load.lateness` (this host's share), `load.latency.p50` with `load.latency.max`, and the server's processor";

// Of every load.
facts! { pub(super) ALWAYS;
    pub(super) const QPS: Fact<f64> = Fact::metric(
        "load.qps",
        Unit::PerSecond,
        Better::Higher,
        "Correct answers per second, from the first query to the last answer, or to the end of `duration` if that is later.",
    )
    .on_breach(FEW_ANSWERS);
    pub(super) const SENT_RATE: Fact<f64> =
        Fact::number("load.sent_rate", Unit::PerSecond, "Queries sent per second.").on_breach(SHORT_OF_LOAD);
    pub(super) const SENT: Fact<i64> =
        Fact::integer("load.sent", Unit::Count, "Queries sent.").on_breach(SHORT_OF_LOAD);
    pub(super) const ANSWERED: Fact<i64> = Fact::integer(
        "load.answered",
        Unit::Count,
        "Queries with a correct answer in time: id, question, flags, response code and records are as they should be.",
    )
    .on_breach("no answer was right: see the notes for what came instead, and ask the server once without `load`");
    pub(super) const WRONG: Fact<i64> = Fact::counter(
        "load.wrong",
        Unit::Count,
        Better::Lower,
        "Replies that were not the correct answer; the notes say what was wrong, with an example of each kind.",
    )
    .within(FEW)
    .on_breach(WRONG_ANSWERS);
    pub(super) const LOST: Fact<i64> = Fact::counter(
        "load.lost",
        Unit::Count,
        Better::Lower,
        "Queries without any reply within `timeout`; replies that this side dropped are not among them.",
    )
    .within(FEW)
    .lifted_by(&["load.loss"])
    .on_breach(SILENCE);
    pub(super) const LOSS: Fact<f64> =
        Fact::metric("load.loss", Unit::Ratio, Better::Lower, "Share of the queries sent that were lost.")
            .lifted_by(&["load.lost"])
            .on_breach(SILENCE);
    pub(super) const LATE: Fact<i64> = Fact::counter(
        "load.late",
        Unit::Count,
        Better::Lower,
        "Correct answers that came later than `late`, counted from when the query was due.",
    )
    .within(FEW)
    .on_breach(LATE_ANSWERS);
    pub(super) const DUPLICATES: Fact<i64> = Fact::counter(
        "load.duplicates",
        Unit::Count,
        Better::Lower,
        "Correct answers to queries that had been answered already.",
    )
    .within(FEW)
    .on_breach(SHORT_OF_LOAD);
    pub(super) const LATENCY: Fact<Distribution> = Fact::distribution(
        "load.latency",
        Unit::Seconds,
        Better::Lower,
        "Time from when a query was due to its correct answer; with `rate: max` from when it was sent.",
    )
    .on_breach(SLOW_ANSWERS);
    pub(super) const RCODES: Fact<Value> = Fact::object("load.rcodes", "Number of replies by response code.")
        .ruled(Rule::Ignore)
        .on_breach(SHORT_OF_LOAD);
    pub(super) const CPU: Fact<f64> =
        Fact::number("cpu.local", Unit::Ratio, "Processor time of the threads of the load, as a share of one core.");
    pub(super) const LIMITED_BY: Fact<Choice> = Fact::choice(
        "limited_by",
        Limit::WORDS,
        "What limited the load: this host, the server or the path to it, or the rate asked for.",
    )
    .ruled(Rule::Ignore)
    .on_breach(LIMITED_HERE);
}

// Of one with a schedule.
facts! { pub(super) SCHEDULE;
    pub(super) const RATE: Fact<f64> =
        Fact::number("load.rate", Unit::PerSecond, "Queries per second of the schedule; absent with `rate: max`.")
            .on_breach(SHORT_OF_LOAD);
    pub(super) const LATENESS: Fact<Distribution> = Fact::spread(
        "load.lateness",
        Unit::Seconds,
        "How late queries were sent: the part of `load.latency` that is due to this host; absent with `rate: max`.",
    )
    .on_breach(SHORT_OF_LOAD);
}

// Of one that looks for the most.
facts! { pub(super) SEARCH;
    pub(super) const WINDOW: Fact<i64> = Fact::integer(
        "load.window",
        Unit::Count,
        "With `rate: max`: number of queries in flight at once on each socket.",
    )
    .on_breach(SHORT_OF_LOAD);
}

pub(in crate::checks::dns) const FACTS: &[FactInfo] = joined!(FactInfo; ALWAYS, SCHEDULE, SEARCH);
