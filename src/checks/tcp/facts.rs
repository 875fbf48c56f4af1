//! The facts of a check.

use crate::checks::shared::advice::{
    CLOSED, EVIDENCE, MISMATCH, REFUSED, RESET, SLOWER, TIMEOUT, UNREACHABLE, UNRESOLVED,
};
use crate::model::fact::{Distribution, TimeOf};
use crate::model::rows::Rows;
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

// Of a dialogue.
facts! { pub(super) DIALOGUE_FACTS;
    pub(super) const COMPLETED: Fact<i64> =
        Fact::integer("dialogue.completed", Unit::Count, "Steps that came to their end; where not all did, the next one is the one that failed.")
            .ruled(Rule::Same);
    pub(super) const EARLY: Fact<i64> = Fact::counter(
        "dialogue.early",
        Unit::Count,
        Better::Lower,
        "Steps whose text had come before the `send` ahead of them, so that it answers something earlier.",
    )
    .expected("{le: 0}")
    .given(&["outcome"])
    .on_breach("read all of an answer before the next `send`: wait for its last line, as `matches: \"^250 \"` does for SMTP");
    pub(super) const DIALOGUE_TIME: Fact<Distribution> = Fact::distribution(
        "dialogue.time",
        Unit::Seconds,
        Better::Lower,
        "Time from the established connection to the end of the last step; absent where a step failed.",
    )
    .on_breach(SLOWER);
    pub(super) const STEPS: Fact<Rows> = Fact::table("dialogue.steps", "step", "The steps that were taken, by their number.");
    pub(super) const STEP_TIME: Fact<f64> =
        Fact::number("dialogue.steps.time", Unit::Seconds, "How long it took.").lasting(TimeOf::Latency).column();
    pub(super) const STEP_RECEIVED: Fact<String> =
        Fact::text("dialogue.steps.received", "The lines that it read, the last one whole.").column();
}

// Of a check that ends its sending.
facts! { pub(super) HALF_CLOSE_FACTS;
    pub(super) const ENDED: Fact<Choice> = Fact::choice(
        "half_close.ended",
        &["closed", "reset", "open"],
        "What the server did once this side had ended its sending: closed the connection in order, reset it, or left it open for all of `timeout`.",
    )
    .expected("closed")
    .given(&["outcome"])
    .on_breach("the service does not end when its client has: look into its log; a proxy or a load balancer on the way may keep the connection open or cut it");
    pub(super) const AFTER: Fact<i64> =
        Fact::integer("half_close.received", Unit::Bytes, "What the server sent after that.");
}
