//! The facts of a check.

use crate::checks::shared::advice::{EVIDENCE, MISMATCH, REFUSED, SILENT, SLOWER, UNREACHABLE, UNRESOLVED};
use crate::model::fact::Distribution;
use crate::model::table::facts;
use crate::model::{Better, Choice, Fact, Rule, Unit};

facts! { pub(super) FACTS;
    pub(super) const OUTCOME: Fact<Choice> = Fact::choice(
        "outcome",
        &["replied", "refused", "silent", "unreachable", "unresolved", "mismatch"],
        "What came back. Having sent is never a success: a datagram that is dropped was sent, too.",
    )
    .expected("replied")
    .outcome(&["silent", "unreachable"])
    .elsewhere(&["unresolved"])
    .advice(&[REFUSED, SILENT, UNREACHABLE, UNRESOLVED, MISMATCH])
    .on_breach(EVIDENCE);
    pub(super) const ADDRESS: Fact<String> = Fact::address("address", "The address probed.");
    pub(super) const RESPONSE_TIME: Fact<Distribution> = Fact::distribution(
        "response_time",
        Unit::Seconds,
        Better::Lower,
        "Time from sending to the datagram that decided the outcome, without the name lookup.",
    )
    .on_breach(SLOWER)
    .reached();
    pub(super) const RESPONSE: Fact<String> =
        Fact::text("response", "The datagram that decided the outcome, up to `limit`.").ruled(Rule::Ignore).content();
    pub(super) const SIZE: Fact<i64> = Fact::integer("response.size", Unit::Bytes, "Full length of that datagram, even if `limit` cut it.");
}
