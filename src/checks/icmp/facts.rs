//! The facts of a check.

use crate::checks::shared::advice::{EVIDENCE, SENT_LATE, SILENT, SLOWER, UNREACHABLE, UNRESOLVED};
use crate::model::fact::Distribution;
use crate::model::table::facts;
use crate::model::{Better, Choice, Fact, Rule, TimeOf, Unit};
use crate::stats::Samples;

/// What is sent must come back.
const ALTERED_REPLY: (&str, &str) = (
    "altered",
    "something on the way or the target changes packets: look for broken memory or cables (errors in `ip -s link`), and for devices that \
     answer in the target's place",
);

// Of one host and of many.
facts! { pub(super) FACTS;
    pub(super) const OUTCOME: Fact<Choice> = Fact::choice(
        "outcome",
        &["replied", "altered", "silent", "unreachable", "time_exceeded", "too_big", "unresolved"],
        "`replied` if at least one probe was answered, `altered` if only changed replies came, otherwise the clearest of what came instead.",
    )
    .expected("replied")
    .outcome(&["silent", "unreachable"])
    .elsewhere(&["unresolved", "time_exceeded", "too_big"])
    .advice(&[
        SILENT,
        UNREACHABLE,
        UNRESOLVED,
        ALTERED_REPLY,
        ("too_big", "a router or the own interface has a smaller MTU: see `mtu`"),
        ("time_exceeded", "the packet ran out of hops: a routing loop, or `ttl` is too small"),
    ])
    .on_breach(EVIDENCE);
    pub(super) const SENT: Fact<i64> = Fact::integer("sent", Unit::Count, "Probes that left this host.").work();
    pub(super) const BLOCKED: Fact<i64> = Fact::integer(
        "blocked",
        Unit::Count,
        "Probes this host could not send when they were due (queue full, larger than the known MTU of the path); never lost.",
    );
    pub(super) const ERRORS: Fact<Vec<String>> =
        Fact::list("errors", "Errors received instead of replies, with sender and number: `host_unreachable from 192.0.2.1 x3`.")
            .ruled(Rule::Ignore);
    pub(super) const RTT_SOURCE: Fact<Choice> = Fact::choice(
        "rtt_source",
        &["kernel_both", "kernel", "user"],
        "Whose clock the round-trip times are by: `kernel_both` where the kernel stamped each departure and each arrival, `kernel` where it stamped \
         each arrival; `user` if a stamp of an arrival was missing, or useless because the clock was set.",
    )
    .ruled(Rule::Ignore);
    pub(super) const HOST_LIMITED: Fact<bool> = Fact::flag(
        "host_limited",
        "This host's own delays may be more than a tenth of the round-trip times: no stamp of the kernel begins them (`rtt_source` is not \
         `kernel_both`), and the median of `lateness` is more than 10 % of theirs. They say more of this host then than of the path.",
    )
    .ruled(Rule::Ignore)
    .on_breach("this host is too busy to time such a short path: measure where less runs, or on an interface whose driver stamps departures");
    pub(super) const LATENESS: Fact<Distribution> = Fact::spread(
        "lateness",
        Unit::Seconds,
        "Delay between when each probe was due and when it was sent: a property of this host, not of the path.",
    )
    .on_breach(SENT_LATE);
}

/// The share of the round-trip time from which on delays of this host matter.
const SHARE: f64 = 0.1;

/// Whether this host's own delays say much of what was measured; `None` where nothing was, or nobody knows how late probes were sent.
pub(super) fn is_host_limited(source: &str, lateness: &Samples, rtt: Option<&Samples>) -> Option<bool> {
    let (late, rtt) = (lateness.summary()?, rtt?.summary()?);
    Some(source != "kernel_both" && late.p50 > rtt.p50 * SHARE)
}

// Of one host alone.
facts! { pub(super) SINGLE;
    pub(super) const ADDRESS: Fact<String> = Fact::address("address", "The address probed.");
    pub(super) const LOSS: Fact<f64> = Fact::metric(
        "loss",
        Unit::Ratio,
        Better::Lower,
        "Share of the probes `sent` that were never answered. A probe is either received, late, altered or lost.",
    )
    .expected("{le: 0%}")
    .lifted_by(&["received"])
    .unanswered(1.0)
    .on_breach("packets are lost: look at errors and drops (`ip -s link`, `nstat`) and at queues on the way");
    pub(super) const LOSS_RUN: Fact<i64> =
        Fact::integer("loss_run", Unit::Count, "Most probes in a row that were never answered: one outage, or losses here and there.");
    pub(super) const RECEIVED: Fact<i64> = Fact::integer("received", Unit::Count, "Probes answered within `timeout`.");
    pub(super) const LATE: Fact<i64> = Fact::counter(
        "late",
        Unit::Count,
        Better::Lower,
        "Probes answered after `timeout`, while the check still listened; neither received nor lost.",
    )
    .expected("{le: 0}");
    pub(super) const ALTERED: Fact<i64> = Fact::counter(
        "altered",
        Unit::Count,
        Better::Lower,
        "Probes whose first reply is not what was sent: another payload, length, sequence number or checksum; neither received nor \
         lost.",
    )
    .expected("{le: 0}")
    .on_breach(ALTERED_REPLY.1);
    pub(super) const DUPLICATES: Fact<i64> =
        Fact::counter("duplicates", Unit::Count, Better::Lower, "Replies beyond the first to the same probe.");
    pub(super) const REORDERED: Fact<i64> =
        Fact::counter("reordered", Unit::Count, Better::Lower, "First replies that came after the reply to a later probe.");
    pub(super) const RTT: Fact<Distribution> = Fact::distribution(
        "rtt",
        Unit::Seconds,
        Better::Lower,
        "Round-trip time of the first reply to each probe, late ones included.",
    )
    .on_breach(SLOWER)
    .reached();
    pub(super) const JITTER: Fact<f64> = Fact::metric(
        "jitter",
        Unit::Seconds,
        Better::Lower,
        "Smoothed variation: J += (|D| - J) / 16, the estimator of RFC 3550 section 6.4.1, with D the difference of the \
         round-trip times of two consecutive replies (the RFC has one-way transit times). Needs two replies.",
    ).lasting(TimeOf::Latency)
    .on_breach("the delay varies: look for a queue that fills (bandwidth), Wi-Fi, or a busy peer");
    pub(super) const TTL: Fact<Distribution> = Fact::spread("ttl", Unit::Count, "TTL or hop limit the replies arrived with.");
    pub(super) const DSCP_QUOTED: Fact<i64> = Fact::integer(
        "dscp.quoted",
        Unit::Count,
        "DSCP that probes bore where an ICMP error about them came from, as the last one quotes it: another than `dscp` was changed on the way. \
         Needs the field `dscp`, and CAP_NET_RAW.",
    )
    .ruled(Rule::Same);
    pub(super) const MTU: Fact<i64> =
        Fact::integer("mtu", Unit::Bytes, "Smallest MTU that a router, or this host, named when a probe was too big.")
            .ruled(Rule::Same);
}

// With `duplicate_address` alone.
facts! { pub(super) LINK;
    pub(super) const LINK_ADDRESSES: Fact<Vec<String>> = Fact::list(
        "link_addresses",
        "Link-layer addresses of those who say that they have the address; a router that answers for others (proxy ARP) is among them.",
    )
    .on_breach(
        "several devices have this address: find their ports by these link-layer addresses (`bridge fdb`, the switch's table), and give all but one \
         another address",
    );
}
