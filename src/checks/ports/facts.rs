//! The facts of a check.

use crate::checks::shared::advice::{UNREACHABLE, UNRESOLVED};
use crate::model::rows::Rows;
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Better, Choice, Fact, Rule, Unit};

/// Of these a check must expect something: what a scan is to find, nobody but its author knows.
pub(super) const MUST_EXPECT: &[&str] = &[
    "open",
    "closed",
    "filtered",
    "open_on_any",
    "open_on_all",
    "closed_on_any",
    "filtered_on_any",
    "hosts.open",
    "hosts.closed",
    "hosts.filtered",
];

const NO_ANSWER: &str = "not one port answers: is it the right address, and is the host up? if it is, a firewall drops all of it (`nft list ruleset` \
                         there and on the routers before it)";
const FILTERED: &str = "a firewall drops or rejects them: `nft list ruleset` there, and on the routers before it";
const OPEN: &str = "who listens is listed there by `ss -ltnup`";

// Of one host and of many.
facts! { pub(super) FACTS;
    pub(super) const OUTCOME: Fact<Choice> = Fact::choice(
        "outcome",
        &["answered", "silent", "unreachable", "unresolved"],
        "`answered` if a host said of at least one port that it is open or closed; else `unreachable` if somebody on the way rejected a probe, \
         and `silent` if nothing came back.",
    )
    .expected("answered")
    .outcome(&["silent", "unreachable"])
    .elsewhere(&["unresolved"])
    .advice(&[("silent", NO_ANSWER), UNREACHABLE, UNRESOLVED]);
    pub(super) const DURATION: Fact<f64> = Fact::metric(
        "duration",
        Unit::Seconds,
        Better::Lower,
        "From the first probe to the last answer, or to the end of the wait for it.",
    );
    pub(super) const PROBES: Fact<i64> = Fact::integer("probes", Unit::Count, "Connections begun, or datagrams sent.").work();
    pub(super) const ERRORS: Fact<Vec<String>> = Fact::list(
        "errors",
        "ICMP errors received, with sender and number: `admin_prohibited from 192.0.2.1 x3`.",
    )
    .ruled(Rule::Ignore);
}

// Of one host alone.
facts! { pub(super) SINGLE;
    pub(super) const ADDRESS: Fact<String> = Fact::address("address", "The address whose ports were asked.");
    pub(super) const OPEN_PORTS: Fact<Vec<String>> =
        Fact::list("open", "Ports where a connection came about, or a datagram was answered.").form(Form::Ports).on_breach(OPEN);
    pub(super) const CLOSED_PORTS: Fact<Vec<String>> = Fact::list(
        "closed",
        "Ports of which the host itself said that nobody listens: by a RST, or by ICMP port unreachable of UDP.",
    )
    .form(Form::Ports)
    .on_breach(OPEN);
    pub(super) const FILTERED_PORTS: Fact<Vec<String>> = Fact::list(
        "filtered",
        "Ports where nothing came back, or an ICMP error that rejects the probe. Of UDP a port that is open and does not answer is among \
         them.",
    )
    .form(Form::Ports)
    .on_breach(FILTERED);
}

// Of many hosts alone.
facts! { pub(super) MANY;
    pub(super) const OPEN_ON_ANY: Fact<Vec<String>> =
        Fact::list("open_on_any", "Ports that are open on at least one host.").form(Form::Ports).on_breach(OPEN);
    pub(super) const OPEN_ON_ALL: Fact<Vec<String>> =
        Fact::list("open_on_all", "Ports that are open on every host.").form(Form::Ports).on_breach(OPEN);
    pub(super) const CLOSED_ON_ANY: Fact<Vec<String>> =
        Fact::list("closed_on_any", "Ports that are closed on at least one host.").form(Form::Ports).on_breach(OPEN);
    pub(super) const FILTERED_ON_ANY: Fact<Vec<String>> =
        Fact::list("filtered_on_any", "Ports that are filtered on at least one host.").form(Form::Ports).on_breach(FILTERED);
    pub(super) const HOSTS: Fact<Rows> = Fact::table("hosts", "host", "What became of the ports of each host, by its name or address.");
    pub(super) const SILENT: Fact<Vec<String>> = Fact::list("hosts.silent", "Hosts of which nothing came back from any port.")
        .form(Form::Host)
        .on_breach("is the host up, and is it the right address? a firewall may drop all of it");
    pub(super) const UNREACHABLE_HOSTS: Fact<Vec<String>> = Fact::list(
        "hosts.unreachable",
        "Hosts that answered nothing, and for which somebody on the way rejected a probe; `hosts.error` names it.",
    )
    .form(Form::Host)
    .on_breach(UNREACHABLE.1);
    pub(super) const UNRESOLVED_HOSTS: Fact<Vec<String>> =
        Fact::list("hosts.unresolved", "Names without an address.").form(Form::Host).on_breach(UNRESOLVED.1);
    pub(super) const STATE: Fact<Choice> =
        Fact::choice("hosts.state", &["answered", "silent", "unreachable", "unresolved"], "What it came to, as `outcome` of one host.").column();
    pub(super) const HOST_ADDRESS: Fact<String> = Fact::text("hosts.address", "Address of a name.").form(Form::Address).column();
    pub(super) const HOST_OPEN: Fact<Vec<String>> =
        Fact::list("hosts.open", "Its open ports.").form(Form::Ports).column().on_breach(OPEN);
    pub(super) const HOST_CLOSED: Fact<Vec<String>> = Fact::list("hosts.closed", "Its closed ports.").form(Form::Ports).column();
    pub(super) const HOST_FILTERED: Fact<Vec<String>> =
        Fact::list("hosts.filtered", "Its filtered ports.").form(Form::Ports).column().on_breach(FILTERED);
    pub(super) const ERROR: Fact<String> =
        Fact::text("hosts.error", "The ICMP error that came most often, with its sender; or why its ports could not be asked.").column();
}
