//! ICMP echo: is it there, what gets lost, how long does it take, and who on the path says no.

mod stream;
mod tally;

use std::net::IpAddr;
use std::time::Duration;

use crate::model::fact::Distribution;
use crate::model::field::{IP_FAMILY, PATIENCE};
use crate::model::{
    Args, Better, Choice, Fact, FactInfo, Fault, FieldInfo, FieldKind, FieldRole, Invalid, Observation, Rule, Unit,
};
use crate::net::{IpVersion, resolve};
use crate::probe::{Cx, Footprint, Probe, fact_is};
use crate::proto::icmp::{Options, Pinger};

const OUTCOME: Fact<Choice> = Fact::choice(
    "outcome",
    &["replied", "silent", "unreachable", "time_exceeded", "too_big", "unresolved"],
    "`replied` when at least one probe was answered, else the plainest of what came instead.",
)
.decisive();
const ADDRESS: Fact<String> = Fact::text("address", "The address probed.").ruled(Rule::Ignore);
const LOSS: Fact<f64> = Fact::metric(
    "loss",
    Unit::Ratio,
    Better::Lower,
    "Probes never answered, of `sent` and `blocked` together. A probe is received, late or lost: never two of them.",
)
.expected("{le: 0%}");
const SENT: Fact<i64> = Fact::integer("sent", Unit::Count, "Probes that left this host.").work();
const BLOCKED: Fact<i64> = Fact::integer(
    "blocked",
    Unit::Count,
    "Probes this host could not send when they were due (no route, too big, queue full); lost as well.",
);
const RECEIVED: Fact<i64> = Fact::integer("received", Unit::Count, "Probes answered within `timeout`.");
const LATE: Fact<i64> = Fact::counter(
    "late",
    Unit::Count,
    Better::Lower,
    "Probes answered after `timeout`, while the check still listened; neither received nor lost.",
)
.expected("{le: 0}");
const DUPLICATES: Fact<i64> =
    Fact::counter("duplicates", Unit::Count, Better::Lower, "Replies beyond the first to the same probe.");
const REORDERED: Fact<i64> =
    Fact::counter("reordered", Unit::Count, Better::Lower, "First replies that came after the reply to a later probe.");
const RTT: Fact<Distribution> = Fact::distribution(
    "rtt",
    Unit::Seconds,
    Better::Lower,
    "Round-trip time of the first reply to each probe, late ones included.",
);
const JITTER: Fact<f64> = Fact::metric(
    "jitter",
    Unit::Seconds,
    Better::Lower,
    "Smoothed variation: J += (|D| - J) / 16, the estimator of RFC 3550 section 6.4.1, with D the difference of the \
     round-trip times of two consecutive replies (the RFC has one-way transit times). Needs two replies.",
);
const TTL: Fact<Distribution> = Fact::spread("ttl", Unit::Count, "TTL or hop limit the replies arrived with.");
const ERRORS: Fact<Vec<String>> =
    Fact::list("errors", "What was said instead of a reply, by whom, how often: `host_unreachable from 192.0.2.1 x3`.")
        .ruled(Rule::Ignore);
const MTU: Fact<i64> =
    Fact::integer("mtu", Unit::Bytes, "Smallest MTU that a router, or this host, named when a probe was too big.")
        .ruled(Rule::Same);
const RTT_SOURCE: Fact<Choice> = Fact::choice(
    "rtt_source",
    &["kernel", "user"],
    "Who stamped the replies; `user` as soon as one kernel stamp was missing, or useless because the clock was set.",
)
.ruled(Rule::Ignore);
const LATENESS: Fact<Distribution> = Fact::spread(
    "lateness",
    Unit::Seconds,
    "How long after its intended time each probe was sent: the quality of this host, not of the path.",
);

/// Above this rate in bit/s a check would disturb, or be disturbed by, measurements beside it.
const LOUD: f64 = 10e6;
/// IP and ICMP header of a probe.
const OVERHEAD: f64 = 28.0;
/// What the last wake-up and the evaluation may take beyond the schedule.
const MARGIN: Duration = Duration::from_millis(500);

/// The probe.
pub struct Icmp {
    host: String,
    family: IpVersion,
    count: u32,
    interval: Duration,
    size: usize,
    patience: Duration,
    options: Options,
}

/// Whether this process may send ICMP echo requests; the fault names the remedies.
pub fn permission() -> Result<(), Fault> {
    crate::proto::icmp::permission()
}

impl Probe for Icmp {
    const SUMMARY: &'static str = "ICMP echo: loss, round-trip time, jitter, and errors from the path";
    const FIELDS: &'static [FieldInfo] = &[
        FieldInfo::required("host", FieldKind::Host, "Name or address to probe."),
        FieldInfo::default("family", IP_FAMILY, "any", "Which addresses of the name to use."),
        FieldInfo::default("count", FieldKind::Integer(1, 100_000), "5", "How many probes to send.")
            .role(FieldRole::Repetition),
        FieldInfo::default(
            "interval",
            FieldKind::Duration(0.001, 3600.0),
            "200ms",
            "Between the intended send times of two probes; an absolute schedule that slow replies never move.",
        ),
        FieldInfo::default(
            "size",
            FieldKind::Size(0.0, 65_500.0),
            "56 B",
            "Payload of a probe, without ICMP and IP header.",
        ),
        FieldInfo::optional("ttl", FieldKind::Integer(1, 255), "TTL or hop limit to send with."),
        FieldInfo::default(
            "dont_fragment",
            FieldKind::Bool,
            "false",
            "Forbid fragmentation on the way and in this host, so that a path too small shows as `too_big`.",
        ),
        FieldInfo::optional("source", FieldKind::Address, "Local address to send from."),
        FieldInfo::default("timeout", PATIENCE, "1s", "How long each reply is waited for.").role(FieldRole::Patience),
    ];
    const FACTS: &'static [FactInfo] = &[
        OUTCOME.info,
        ADDRESS.info,
        LOSS.info,
        SENT.info,
        BLOCKED.info,
        RECEIVED.info,
        LATE.info,
        DUPLICATES.info,
        REORDERED.info,
        RTT.info,
        JITTER.info,
        TTL.info,
        ERRORS.info,
        MTU.info,
        RTT_SOURCE.info,
        LATENESS.info,
    ];
    const TARGET_FIELD: (&'static str, Option<&'static str>) = ("host", None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let (family, source) = IpVersion::with_source(args)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the table's range is 0..=65500")]
        let size = args.number("size").unwrap_or(56.0) as usize;
        Ok(Self {
            host: args.string("host"),
            family,
            count: args.unsigned("count").unwrap_or(5),
            interval: args.wait("interval"),
            size,
            patience: args.wait("timeout"),
            options: Options { source, ttl: args.unsigned("ttl"), dont_fragment: args.flag("dont_fragment") },
        })
    }

    fn target(&self) -> String {
        self.host.clone()
    }

    fn footprint(&self) -> Footprint {
        let rate = (self.size as f64 + OVERHEAD) * 8.0 / self.interval.as_secs_f64();
        if self.count > 1 && rate > LOUD { Footprint::Noisy } else { Footprint::Quiet }
    }

    fn longest(&self) -> Duration {
        // The patience twice: for the name, and for the last reply.
        self.interval * self.count + self.patience * 2 + MARGIN
    }

    fn answered(seen: &Observation) -> bool {
        fact_is(seen, OUTCOME.info.name, "replied")
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let target = match self.address().await? {
            Ok(target) => target,
            Err(why) => {
                cx.set(&OUTCOME, "unresolved");
                cx.note(why);
                return Ok(());
            }
        };
        cx.set(&ADDRESS, target.to_string());
        let pinger = Pinger::open(target, self.size, cx.seed(), self.options)?;
        stream::run(self, pinger, target, cx).await
    }
}

impl Icmp {
    async fn address(&self) -> Result<Result<IpAddr, String>, Fault> {
        let found = resolve(&self.host, self.family, self.patience).await?;
        let first = |found: Vec<IpAddr>| found.first().copied().ok_or_else(|| format!("{} has no address", self.host));
        Ok(found.and_then(first))
    }
}

#[cfg(test)]
mod tests;
