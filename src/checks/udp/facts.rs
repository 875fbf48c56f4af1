//! The facts of a check.

use crate::checks::shared::advice::{EVIDENCE, MISMATCH, REFUSED, SILENT, SLOWER, UNREACHABLE, UNRESOLVED};
use crate::model::fact::Distribution;
use crate::model::table::facts;
use crate::model::{Better, Choice, Fact, Rule, Unit};

/// Advice for an answer that clients ignore.
pub(super) const OTHER_SOURCE: (&str, &str) = (
    "other_source",
    "clients ignore an answer from another address or port than they asked: bind the service to the address that is asked (a virtual one \
     above all), or look at what translates addresses on the way (`nft list ruleset`)",
);

facts! { pub(super) FACTS;
    pub(super) const OUTCOME: Fact<Choice> = Fact::choice(
        "outcome",
        &["replied", "refused", "silent", "unreachable", "unresolved", "mismatch", "other_source"],
        "What came back. Having sent is never a success: a datagram that is dropped was sent, too.",
    )
    .expected("replied")
    .outcome(&["silent", "unreachable"])
    .elsewhere(&["unresolved"])
    .advice(&[REFUSED, SILENT, UNREACHABLE, UNRESOLVED, MISMATCH, OTHER_SOURCE])
    .on_breach(EVIDENCE);
    pub(super) const ADDRESS: Fact<String> = Fact::address("address", "The address probed.");
    pub(super) const RESPONSE_TIME: Fact<Distribution> = Fact::distribution(
        "response_time",
        Unit::Seconds,
        Better::Lower,
        "Time from sending to the datagram that decided the outcome, without the name lookup. Of several datagrams, that of each answer that can only be to the last one sent.",
    )
    .on_breach(SLOWER)
    .reached();
    pub(super) const RESPONSE: Fact<String> =
        Fact::text("response", "The datagram that decided the outcome, up to `limit`.").ruled(Rule::Ignore).content();
    pub(super) const SIZE: Fact<i64> = Fact::integer("response.size", Unit::Bytes, "Full length of that datagram, even if `limit` cut it.");
    pub(super) const OTHER_SOURCES: Fact<Vec<String>> = Fact::list(
        "other_sources",
        "Addresses other than the one asked that answered this side's port until the outcome was decided. Clients ignore what they say.",
    )
    .ruled(Rule::Ignore);
}

// Of several datagrams.
facts! { pub(super) SEVERAL;
    pub(super) const SENT: Fact<i64> = Fact::integer("sent", Unit::Count, "Datagrams that were sent.").work();
    pub(super) const ANSWERS: Fact<Vec<String>> = Fact::list(
        "answers",
        "The answers that hold what is expected, in the order they came, each up to `limit`; `len` of it is their number.",
    )
    .ruled(Rule::Ignore);
    pub(super) const LOSS: Fact<f64> = Fact::metric(
        "loss",
        Unit::Ratio,
        Better::Lower,
        "Share of the datagrams that were not answered: every answer is taken for one to another datagram.",
    )
    .expected("{le: 0%}")
    .given(&["outcome"])
    .unanswered(1.0)
    .on_breach("datagrams are lost, or the service limits its answers: look at errors and drops on both ends (`ip -s link`, `nstat`), and try a longer `interval`");
}
