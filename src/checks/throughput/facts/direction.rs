//! The facts of what flows one way: of a test in one direction, and of each direction of one in both.

use crate::checks::shared::advice::SLOWER;
use crate::model::fact::Distribution;
use crate::model::{Better, Fact, FactInfo, TimeOf, Unit};

/// Segments or datagrams per round that are no alarm yet: one lost burst.
const FEW: f64 = 10.0;

/// The facts of what flows one way.
pub(in crate::checks::throughput) struct DirectionFacts {
    pub(in crate::checks::throughput) bitrate: Fact<Distribution>,
    pub(in crate::checks::throughput) transferred: Fact<i64>,
    pub(in crate::checks::throughput) sent: Fact<i64>,
    pub(in crate::checks::throughput) retransmits: Fact<i64>,
    pub(in crate::checks::throughput) rtt: Fact<Distribution>,
    pub(in crate::checks::throughput) congestion: Fact<String>,
    pub(in crate::checks::throughput) loss: Fact<f64>,
    pub(in crate::checks::throughput) loss_certain: Fact<bool>,
    pub(in crate::checks::throughput) jitter: Fact<f64>,
    pub(in crate::checks::throughput) lost: Fact<i64>,
    pub(in crate::checks::throughput) packets: Fact<i64>,
    pub(in crate::checks::throughput) reordered: Fact<i64>,
    pub(in crate::checks::throughput) duplicates: Fact<i64>,
    pub(in crate::checks::throughput) dropped: Fact<i64>,
    pub(in crate::checks::throughput) burst: Fact<i64>,
}

/// How many those are.
const COUNT: usize = 15;

/// Their names, behind a prefix.
macro_rules! names {
    ($prefix:literal) => {
        names!(@ $prefix, "bitrate" "transferred" "sent" "retransmits" "rtt" "congestion" "loss" "loss.certain" "jitter" "lost"
            "packets" "reordered" "duplicates" "dropped.receiver" "burst")
    };
    (@ $prefix:literal, $($name:literal)+) => { [$(concat!($prefix, $name)),+] };
}

/// Of a test in one direction.
pub(in crate::checks::throughput) const ONLY: DirectionFacts = DirectionFacts::named(names!(""));
/// What this side sends while it receives.
pub(in crate::checks::throughput) const UPLOAD: DirectionFacts = DirectionFacts::named(names!("upload."));
/// What this side receives while it sends.
pub(in crate::checks::throughput) const DOWNLOAD: DirectionFacts = DirectionFacts::named(names!("download."));

impl DirectionFacts {
    /// The rows of the table.
    pub(super) const fn rows(&self) -> [FactInfo; COUNT] {
        [
            self.bitrate.info,
            self.transferred.info,
            self.sent.info,
            self.retransmits.info,
            self.rtt.info,
            self.congestion.info,
            self.loss.info,
            self.loss_certain.info,
            self.jitter.info,
            self.lost.info,
            self.packets.info,
            self.reordered.info,
            self.duplicates.info,
            self.dropped.info,
            self.burst.info,
        ]
    }

    const fn named(names: [&'static str; COUNT]) -> Self {
        let [bitrate, transferred, sent, retransmits, rtt, congestion, datagrams @ ..] = names;
        let DatagramFacts { loss, loss_certain, jitter, lost, packets, reordered, duplicates, dropped, burst } =
            DatagramFacts::named(datagrams);
        Self {
            bitrate: Fact::distribution(
                bitrate,
                Unit::BitsPerSecond,
                Better::Higher,
                "Payload of all streams together, one sample per interval: received (download), acknowledged (TCP upload), sent (UDP upload).",
            )
            .on_breach(
                "slower than expected: look at `retransmits`, `cpu.local` (near 1 per stream: this host was the limit) and `rtt`",
            ),
            transferred: Fact::integer(transferred, Unit::Bytes, "Payload as the receiver counted it, without the warm-up.")
                .expected("{gt: 0 B}"),
            sent: Fact::integer(sent, Unit::Bytes, "Payload as the sender counted it, without the warm-up."),
            retransmits: Fact::counter(
                retransmits,
                Unit::Count,
                Better::Lower,
                "TCP segments the sender sent again, all streams.",
            )
            .within(FEW),
            rtt: Fact::distribution(
                rtt,
                Unit::Seconds,
                Better::Lower,
                "Round-trip time under load as the kernel smooths it, one sample per interval and stream; TCP upload only.",
            )
            .on_breach(SLOWER),
            congestion: Fact::text(congestion, "Congestion control the TCP sender used."),
            loss,
            loss_certain,
            jitter,
            lost,
            packets,
            reordered,
            duplicates,
            dropped,
            burst,
        }
    }
}

/// Those of datagrams.
struct DatagramFacts {
    loss: Fact<f64>,
    loss_certain: Fact<bool>,
    jitter: Fact<f64>,
    lost: Fact<i64>,
    packets: Fact<i64>,
    reordered: Fact<i64>,
    duplicates: Fact<i64>,
    dropped: Fact<i64>,
    burst: Fact<i64>,
}

impl DatagramFacts {
    const fn named(names: [&'static str; 9]) -> Self {
        let [loss, loss_certain, jitter, lost, packets, reordered, duplicates, dropped, burst] = names;
        Self {
            loss: Fact::metric(
                loss,
                Unit::Ratio,
                Better::Lower,
                "Share of the UDP datagrams sent that never arrived; those that the receiver's own sockets dropped do not count, if `loss.certain`.",
            )
            .on_breach("packets are lost: look at errors and drops (`ip -s link`, `nstat`) and at queues on the way"),
            loss_certain: Fact::flag(
                loss_certain,
                "Whether the receiver tells lost datagrams from those its own sockets dropped: this side and `shakedown serve` do, iperf3 does not. \
                 Without it `loss` and `lost` are the most that can have been lost.",
            ),
            jitter: Fact::metric(
                jitter,
                Unit::Seconds,
                Better::Lower,
                "Variation of the transit time of UDP datagrams at the receiver (RFC 3550), mean over streams.",
            )
            .lasting(TimeOf::Latency)
            .on_breach("the delay varies: look for a queue that fills (bandwidth), Wi-Fi, or a busy peer"),
            lost: Fact::integer(lost, Unit::Count, "UDP datagrams that never arrived."),
            packets: Fact::integer(packets, Unit::Count, "UDP datagrams sent.").work(),
            reordered: Fact::counter(
                reordered,
                Unit::Count,
                Better::Lower,
                "UDP datagrams that came after a later one; of an upload only `shakedown serve` tells.",
            )
            .within(FEW),
            duplicates: Fact::counter(
                duplicates,
                Unit::Count,
                Better::Lower,
                "UDP datagrams that came again; of an upload only `shakedown serve` tells.",
            )
            .within(FEW),
            dropped: Fact::integer(
                dropped,
                Unit::Count,
                "UDP datagrams that arrived and were dropped because the receiving program was too slow; not counted as lost.",
            ),
            burst: Fact::integer(
                burst,
                Unit::Count,
                "Most UDP datagrams that the sender handed over as one message, which the kernel or the device cut; 1 if each left by itself. \
                 Of a download only `shakedown serve` tells.",
            ),
        }
    }
}
