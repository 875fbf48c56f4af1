//! The facts of a check.

mod direction;

pub(super) use direction::{DOWNLOAD, DirectionFacts, ONLY, UPLOAD};

use crate::checks::shared::advice::{EVIDENCE, PROTOCOL_ERROR, REFUSED, RESET, UNREACHABLE, UNRESOLVED};
use crate::model::table::{facts, joined};
use crate::model::{Choice, Fact, FactInfo, Unit};

/// Those of a test in one direction, and of one in both.
pub(super) const FACTS: &[FactInfo] = joined!(FactInfo; SHARED, &ONLY.rows(), BOTH);
/// Those that only a test in both directions has.
pub(super) const BOTH: &[FactInfo] = joined!(FactInfo; &UPLOAD.rows(), &DOWNLOAD.rows());

facts! { SHARED;
    pub(super) const OUTCOME: Fact<Choice> = Fact::choice(
        "outcome",
        &["transferred", "refused", "timeout", "unreachable", "unresolved", "reset", "busy", "protocol_error", "stalled"],
        "How the test ended; `transferred` if data moved to the end and both sides exchanged their counts.",
    )
    .expected("transferred")
    .outcome(&["timeout", "unreachable"])
    .elsewhere(&["unresolved"])
    .advice(&[
        REFUSED,
        (
            "timeout",
            "no answer within `timeout`: the evidence names the step; before there was a connection see route, firewall and host \
             (perhaps this host itself drops what comes back: `nft list ruleset`), \
             after it the server (its log, its load, whether it is iperf3)",
        ),
        UNREACHABLE,
        UNRESOLVED,
        RESET,
        ("busy", "another test runs on that server: wait, or use a reflector that serves several clients"),
        PROTOCOL_ERROR,
        (
            "stalled",
            "the transfer stopped, or never began: look at the server's log, at losses on the way, and whether only small packets pass \
             (`block: 1 KiB`)",
        ),
    ])
    .on_breach(EVIDENCE);
    pub(super) const ADDRESS: Fact<String> = Fact::address("address", "Address that the test ran against.");
    pub(super) const PEER: Fact<String> = Fact::text("peer", "Software of the server, as far as it says: `iperf3`, or a name with a version.");
    pub(super) const CPU: Fact<f64> = Fact::number(
        "cpu.local",
        Unit::Ratio,
        "Processor time of this process during the test, as a share of one core; near 100% this host was the limit.",
    );
}
