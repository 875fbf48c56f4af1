//! The facts of a cell.

use crate::checks::shared::advice::{EVIDENCE, SLOWER};
use crate::model::fact::Distribution;
use crate::model::table::facts;
use crate::model::{Better, Choice, Fact, Unit};

facts! { pub(super) FACTS;
    pub(super) const OUTCOME: Fact<Choice> = Fact::choice(
        "outcome",
        &["open", "refused", "silent", "unreachable", "unresolved"],
        "What became of it: a connection or an answer, a refusal (RST, ICMP port unreachable, a firewall's ICMP error), silence, another ICMP error.",
    )
    .expected("open")
    .outcome(&["refused", "silent", "unreachable"])
    .elsewhere(&["unresolved"])
    .on_breach(EVIDENCE);
    pub(super) const EXPECTED: Fact<Choice> =
        Fact::choice("expected", &["allowed", "denied"], "What the policy says of this cell.");
    pub(super) const ADDRESS: Fact<String> = Fact::address("address", "The address that was asked.");
    pub(super) const CONNECT_TIME: Fact<Distribution> = Fact::distribution(
        "connect_time",
        Unit::Seconds,
        Better::Lower,
        "TCP: time from the SYN to the established connection, without the name lookup.",
    )
    .on_breach(SLOWER)
    .reached();
    pub(super) const RESPONSE_TIME: Fact<Distribution> = Fact::distribution(
        "response_time",
        Unit::Seconds,
        Better::Lower,
        "UDP: time from sending to the answer, without the name lookup.",
    )
    .on_breach(SLOWER)
    .reached();
    pub(super) const NONCE: Fact<bool> = Fact::flag(
        "nonce",
        "UDP: whether the answer holds the number that was sent, as that of `shakedown serve --echo` does: then it reached the far end itself.",
    );
}
