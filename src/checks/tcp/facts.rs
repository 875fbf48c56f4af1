//! The facts of a check.

use crate::checks::shared::advice::{
    CLOSED, EVIDENCE, MISMATCH, REFUSED, RESET, SLOWER, TIMEOUT, UNREACHABLE, UNRESOLVED,
};
use crate::model::fact::Distribution;
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Better, Choice, Fact, Rule, Unit};
use crate::proto::dns::presentation::labels;

facts! { pub(super) FACTS;
    pub(super) const OUTCOME: Fact<Choice> = Fact::choice(
        "outcome",
        &["connected", "refused", "timeout", "unreachable", "unresolved", "reset", "closed", "mismatch"],
        "How the connection attempt ended; with `addresses: all`, the first result that is not `connected`.",
    )
    .expected("connected")
    .outcome(&["timeout", "unreachable"])
    .elsewhere(&["unresolved"])
    .advice(&[REFUSED, TIMEOUT, UNREACHABLE, UNRESOLVED, RESET, CLOSED, MISMATCH])
    .on_breach(EVIDENCE);
    pub(super) const ADDRESS: Fact<String> =
        Fact::address("address", "The address that `outcome` is about.");
    pub(super) const ADDRESSES: Fact<Vec<String>> = Fact::list("addresses", "Every address of the name.")
    .form(Form::Address);
    pub(super) const CONNECT_TIME: Fact<Distribution> = Fact::distribution(
        "connect_time",
        Unit::Seconds,
        Better::Lower,
        "Time from the SYN to the established connection, without the name lookup.",
    )
    .on_breach(SLOWER)
    .reached();
}

// Of a check of every address.
facts! { pub(super) EVERY;
    pub(super) const FAILED: Fact<Vec<String>> =
        Fact::list("addresses.failed", "Addresses whose outcome is not `connected`, with that outcome.").form(Form::Data(&labels::OUTCOMES));
}

// Of a check that waits for the server's words.
facts! { pub(super) CONVERSATION;
    pub(super) const BANNER: Fact<String> = Fact::text("banner", "First line the server sent.");
    pub(super) const RECEIVED: Fact<String> =
        Fact::text("received", "What the server sent, up to `limit`.").ruled(Rule::Ignore).content();
}
