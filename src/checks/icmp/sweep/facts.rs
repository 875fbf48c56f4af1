//! The facts of a sweep.

use crate::checks::shared::advice::UNRESOLVED;
use crate::model::rows::Rows;
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Choice, Fact, Rule, TimeOf, Unit};

/// What a host of a sweep can come to.
pub(super) const STATES: &[&str] = &["alive", "dead", "unreachable", "unresolved"];

facts! { pub(in crate::checks::icmp) FACTS;
    pub(super) const HOSTS: Fact<Rows> = Fact::table("hosts", "host", "What became of each host, by its name or address.");
    pub(super) const ALIVE: Fact<Vec<String>> =
        Fact::list("hosts.alive", "Hosts that answered within `timeout`.").form(Form::Host).ruled(Rule::Ignore);
    pub(super) const DEAD: Fact<Vec<String>> = Fact::list(
        "hosts.dead",
        "Hosts that answered no probe within `timeout`, and about which no router said anything; `hosts.error` says what came instead.",
    )
    .form(Form::Host)
    .on_breach("is the host up, and is it the right address? if other hosts of its network answer, look at the host; if none does, at the router");
    pub(super) const UNREACHABLE: Fact<Vec<String>> =
        Fact::list("hosts.unreachable", "Hosts about which a router said that it cannot reach them; `hosts.error` names it.")
            .form(Form::Host)
            .on_breach("the router that is named has no way there: look at its routes and rules");
    pub(super) const UNRESOLVED_HOSTS: Fact<Vec<String>> =
        Fact::list("hosts.unresolved", "Names without an address.").form(Form::Host).on_breach(UNRESOLVED.1);
    pub(super) const STATE: Fact<Choice> = Fact::choice("hosts.state", STATES, "What it came to.").column();
    pub(super) const ADDRESS: Fact<String> =
        Fact::text("hosts.address", "Address of a name.").form(Form::Address).column();
    pub(super) const SENT: Fact<i64> = Fact::integer("hosts.sent", Unit::Count, "Probes it was sent.").column();
    pub(super) const RECEIVED: Fact<i64> =
        Fact::integer("hosts.received", Unit::Count, "Probes it answered within `timeout`.").column();
    pub(super) const LOSS: Fact<f64> = Fact::number("hosts.loss", Unit::Ratio, "Share of its probes that were never answered.").column();
    pub(super) const LOSS_RUN: Fact<i64> =
        Fact::integer("hosts.loss_run", Unit::Count, "Most probes in a row that were never answered.").column();
    pub(super) const RTT: Fact<f64> = Fact::number("hosts.rtt", Unit::Seconds, "Median of its round-trip times.")
        .lasting(TimeOf::Latency)
        .column();
    pub(super) const RTT_MAX: Fact<f64> = Fact::number("hosts.rtt_max", Unit::Seconds, "Longest of its round-trip times.")
        .lasting(TimeOf::Latency)
        .column();
    pub(super) const LATE: Fact<i64> =
        Fact::integer("hosts.late", Unit::Count, "Probes it answered after `timeout`; absent for none.").column();
    pub(super) const ALTERED: Fact<i64> =
        Fact::integer("hosts.altered", Unit::Count, "Probes whose reply is not what was sent; absent for none.").column();
    pub(super) const DUPLICATES: Fact<i64> =
        Fact::integer("hosts.duplicates", Unit::Count, "Replies beyond the first to the same probe; absent for none.").column();
    pub(super) const REORDERED: Fact<i64> =
        Fact::integer("hosts.reordered", Unit::Count, "Replies that came after the reply to a later probe; absent for none.").column();
    pub(super) const TTL: Fact<i64> = Fact::integer("hosts.ttl", Unit::Count, "TTL or hop limit of its last reply.").column();
    pub(super) const ERROR: Fact<String> =
        Fact::text("hosts.error", "What came instead of an answer, with its sender: `host_unreachable from 192.0.2.1`.").column();
}
