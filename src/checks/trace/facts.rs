//! The facts of a check.

use crate::checks::shared::advice::{EVIDENCE, SILENT, SLOWER, UNREACHABLE, UNRESOLVED};
use crate::model::fact::Distribution;
use crate::model::rows::Rows;
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Better, Choice, Fact, Rule, TimeOf, Unit};

/// What to do about a path that is not the one that is expected.
const OTHER_WAY: &str = "packets take another way: was it meant to change? look at the routes of the router before the first hop that differs";

facts! { pub(super) FACTS;
    pub(super) const OUTCOME: Fact<Choice> = Fact::choice(
        "outcome",
        &["reached", "loop", "time_exceeded", "unreachable", "silent", "unresolved"],
        "`reached` if the target answered every flow. Else what came of the worst one: a routing loop, a hop limit that ran out, \
         a router that says unreachable, or nothing behind the last answer.",
    )
    .expected("reached")
    .outcome(&["silent", "unreachable"])
    .elsewhere(&["unresolved", "time_exceeded", "loop"])
    .advice(&[
        SILENT,
        UNREACHABLE,
        UNRESOLVED,
        ("loop", "routers send packets to each other: compare their routes to the target"),
        ("time_exceeded", "the target is farther than `max_hops`: raise it"),
    ])
    .on_breach(EVIDENCE);
    pub(super) const ADDRESS: Fact<String> = Fact::address("address", "The address traced.");
    pub(super) const DISTANCE: Fact<i64> = Fact::integer(
        "distance",
        Unit::Count,
        "Hops to the target: the least TTL with which a packet arrived. Absent where none did.",
    )
    .ruled(Rule::Same)
    .part_of("path")
    .headline()
    .on_breach(OTHER_WAY);
    pub(super) const PATH: Fact<Vec<String>> = Fact::list(
        "path",
        "Who answered at each hop: `3 192.0.2.1`, with several ways all of them: `3 192.0.2.1, 192.0.2.5`. `*` stands for flows that nobody answered, at the end \
         for a path that was not followed to its end. Compared hop by hop: `*` is no change.",
    )
    .form(Form::Hops)
    .on_breach(OTHER_WAY);
    pub(super) const ROUTERS: Fact<Vec<String>> = Fact::list(
        "routers",
        "All addresses that answered before the target, each once: `{contains: 192.0.2.1}` says that packets pass there, `{excludes: …}` that they do not.",
    )
    .form(Form::Address)
    .ruled(Rule::Ignore)
    .on_breach(OTHER_WAY);
    pub(super) const PATHS: Fact<i64> = Fact::integer("paths.count", Unit::Count, "Different ways that the flows take. Not known with `protocol: tcp`.")
        .on_breach("look at the routes of the router where the ways part: are all equal ways (ECMP) there? few `flows` may miss one");
    pub(super) const UNREACHED: Fact<Vec<String>> = Fact::list(
        "flows.unreached",
        "Flows that the target did not answer: their source port, with `protocol: icmp` their identifier.",
    )
    .ruled(Rule::Ignore);
    pub(super) const FARTHEST: Fact<String> =
        Fact::text("farthest", "Who answered from farthest, of the flow that came least far; absent where nobody answered.")
            .form(Form::Address)
            .ruled(Rule::Ignore);
    pub(super) const LOOP: Fact<Vec<String>> =
        Fact::list("loop", "The routers of a routing loop, in their order; absent without one.").form(Form::Address);
    pub(super) const CHANGED: Fact<Vec<String>> = Fact::list(
        "changed",
        "Hops where packets of one flow were answered by several routers: the way changed meanwhile, or somebody balances packet by packet. Not known with `protocol: tcp`.",
    )
    .ruled(Rule::Ignore);
    pub(super) const SENT: Fact<i64> = Fact::integer("sent", Unit::Count, "Packets that left this host.").work();
    pub(super) const ERRORS: Fact<Vec<String>> = Fact::list(
        "errors",
        "ICMP errors other than that a hop limit ran out, with sender and number: `host_unreachable from 192.0.2.1 x3`.",
    )
    .ruled(Rule::Ignore);
    pub(super) const RTT: Fact<Distribution> =
        Fact::distribution("rtt", Unit::Seconds, Better::Lower, "Round-trip times of the packets that the target answered.")
            .on_breach(SLOWER)
            .reached();
    pub(super) const HOPS: Fact<Rows> = Fact::table("hops", "hop", "What is known of each hop, by its number.");
    pub(super) const ADDRESSES: Fact<Vec<String>> =
        Fact::list("hops.addresses", "Who answered there; several where flows take several ways.").form(Form::Address).column();
    pub(super) const STATE: Fact<Choice> = Fact::choice(
        "hops.state",
        &["target", "answered", "rate_limited", "lossy", "silent"],
        "`rate_limited`: answers are missing here and not behind, so the router limits the errors it sends, and forwards. `lossy`: they are missing behind \
         as well. `silent`: nothing came from here; where hops behind answer, the router only keeps silent.",
    )
    .column();
    pub(super) const HOP_SENT: Fact<i64> = Fact::integer("hops.sent", Unit::Count, "Packets that were to end there.").column();
    pub(super) const RECEIVED: Fact<i64> = Fact::integer("hops.received", Unit::Count, "Those that were answered.").column();
    pub(super) const LOSS: Fact<f64> = Fact::number("hops.loss", Unit::Ratio, "Share of them that was not answered.").column();
    pub(super) const HOP_RTT: Fact<f64> =
        Fact::number("hops.rtt", Unit::Seconds, "Median of the round-trip times. Routers answer late when they have better things to do.")
            .lasting(TimeOf::Latency)
            .column();
    pub(super) const HOP_RTT_MAX: Fact<f64> =
        Fact::number("hops.rtt_max", Unit::Seconds, "Longest of them.").lasting(TimeOf::Latency).column();
    pub(super) const ERROR: Fact<String> = Fact::text("hops.error", "What was said there in place of the usual: `admin_prohibited`.").column();
}

// With `mtu: discover`.
facts! { pub(super) MTU_FACTS;
    pub(super) const PATH_MTU: Fact<i64> = Fact::integer(
        "path_mtu",
        Unit::Bytes,
        "Largest IP packet that the path of the first flow carries without fragmentation: one of it was answered.",
    )
    .ruled(Rule::Same)
    .on_breach("a link on the way carries less, a tunnel most often: `path_mtu.last` is before it; raise its MTU or lower what is expected");
    pub(super) const BLACK_HOLE: Fact<bool> =
        Fact::flag("path_mtu.black_hole", "Longer packets vanish, and no router says so: connections that send them hang.")
            .ruled(Rule::Same)
            .expected("false")
            .on_breach(
                "somebody drops the errors that routers send (ICMP type 3 code 4, ICMPv6 type 2): allow them on the way, raise the MTU of the link, or clamp the MSS \
                 of TCP there",
            );
    pub(super) const ROUTER: Fact<String> =
        Fact::text("path_mtu.router", "Who reported the smallest MTU. Absent where nobody reported one.").form(Form::Address).ruled(Rule::Ignore);
    pub(super) const LAST: Fact<String> = Fact::text(
        "path_mtu.last",
        "The last router that answered packets of the length that this host's interface carries: the link behind it carries less. Absent where the target did, \
         and where no router did.",
    )
    .form(Form::Address)
    .ruled(Rule::Ignore);
    pub(super) const INTERFACE: Fact<i64> =
        Fact::integer("path_mtu.interface", Unit::Bytes, "Longest packet that was tried: what the interface of this host carries.");
    pub(super) const HOP_MTU: Fact<i64> =
        Fact::integer("hops.mtu", Unit::Bytes, "Longest IP packet that was answered from there.").column();
}
