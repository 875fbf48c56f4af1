//! The facts of a check.

use crate::checks::shared::advice::{EVIDENCE, PROTOCOL_ERROR, REFUSED, RESET, SLOWER, UNREACHABLE, UNRESOLVED};
use crate::model::fact::Distribution;
use crate::model::table::facts;
use crate::model::{Better, Choice, Fact, TimeOf, Unit};

/// Segments or datagrams per round that are no alarm yet: one lost burst.
const FEW: f64 = 10.0;

facts! { pub(super) FACTS;
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
    pub(super) const BITRATE: Fact<Distribution> = Fact::distribution(
        "bitrate",
        Unit::BitsPerSecond,
        Better::Higher,
        "Payload of all streams together, one sample per interval: received (download), acknowledged (TCP upload), sent (UDP upload).",
    )
    .on_breach(
        "slower than expected: look at `retransmits`, `cpu.local` (near 1 per stream: this host was the limit) and `rtt`",
    );
    pub(super) const TRANSFERRED: Fact<i64> =
        Fact::integer("transferred", Unit::Bytes, "Payload as the receiver counted it, without the warm-up.")
            .expected("{gt: 0 B}");
    pub(super) const SENT: Fact<i64> = Fact::integer("sent", Unit::Bytes, "Payload as the sender counted it, without the warm-up.");
    pub(super) const RETRANSMITS: Fact<i64> =
        Fact::counter("retransmits", Unit::Count, Better::Lower, "TCP segments the sender sent again, all streams.")
            .within(FEW);
    pub(super) const RTT: Fact<Distribution> = Fact::distribution(
        "rtt",
        Unit::Seconds,
        Better::Lower,
        "Round-trip time under load as the kernel smooths it, one sample per interval and stream; TCP upload only.",
    )
    .on_breach(SLOWER);
    pub(super) const LOSS: Fact<f64> = Fact::metric(
        "loss",
        Unit::Ratio,
        Better::Lower,
        "Share of the UDP datagrams sent that never arrived; those that the receiver's own sockets dropped do not count, if `loss.certain`.",
    )
    .on_breach("packets are lost: look at errors and drops (`ip -s link`, `nstat`) and at queues on the way");
    pub(super) const LOSS_CERTAIN: Fact<bool> = Fact::flag(
        "loss.certain",
        "Whether the receiver tells lost datagrams from those its own sockets dropped: this side and `shakedown serve` do, iperf3 does not. \
         Without it `loss` and `lost` are the most that can have been lost.",
    );
    pub(super) const JITTER: Fact<f64> = Fact::metric(
        "jitter",
        Unit::Seconds,
        Better::Lower,
        "Variation of the transit time of UDP datagrams at the receiver (RFC 3550), mean over streams.",
    ).lasting(TimeOf::Latency)
    .on_breach("the delay varies: look for a queue that fills (bandwidth), Wi-Fi, or a busy peer");
    pub(super) const LOST: Fact<i64> = Fact::integer("lost", Unit::Count, "UDP datagrams that never arrived.");
    pub(super) const PACKETS: Fact<i64> = Fact::integer("packets", Unit::Count, "UDP datagrams sent.").work();
    pub(super) const REORDERED: Fact<i64> =
        Fact::counter("reordered", Unit::Count, Better::Lower, "UDP datagrams that came after a later one; download only.")
            .within(FEW);
    pub(super) const DUPLICATES: Fact<i64> =
        Fact::counter("duplicates", Unit::Count, Better::Lower, "UDP datagrams that came again; download only.")
            .within(FEW);
    pub(super) const DROPPED: Fact<i64> = Fact::integer(
        "dropped.receiver",
        Unit::Count,
        "UDP datagrams that arrived and were dropped because the receiving program was too slow; not counted as lost.",
    );
    pub(super) const BURST: Fact<i64> = Fact::integer(
        "burst",
        Unit::Count,
        "Most UDP datagrams that the sender handed over as one message, which the kernel or the device cut; 1 if each left by itself. Of a download \
         only `shakedown serve` tells.",
    );
    pub(super) const CPU: Fact<f64> = Fact::number(
        "cpu.local",
        Unit::Ratio,
        "Processor time of this process during the test, as a share of one core; near 100% this host was the limit.",
    );
    pub(super) const CONGESTION: Fact<String> = Fact::text("congestion", "Congestion control the TCP sender used.");
}
