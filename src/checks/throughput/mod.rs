//! Throughput: how much goes through, and what it costs, against any iperf3 server.

mod client;
mod measure;
mod report;
mod settings;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use client::{Client, Stop};
use settings::Settings;

use crate::model::fact::Distribution;
use crate::model::field::{IP_FAMILY, PATIENCE};
use crate::model::{
    Args, Better, Choice, Fact, FactInfo, Fault, FieldInfo, FieldKind, FieldRole, Invalid, Observation, Rule, Unit,
};
use crate::net::{connect, dial, resolve};
use crate::probe::{Cx, Footprint, Probe, fact_is};

/// Segments or datagrams per round that are no alarm yet: one lost burst.
const BURST: f64 = 10.0;

const OUTCOME: Fact<Choice> = Fact::choice(
    "outcome",
    &["transferred", "refused", "timeout", "unreachable", "unresolved", "reset", "busy", "protocol_error", "stalled"],
    "What became of the test; `transferred` when data moved to its end and both sides exchanged their counts.",
)
.expected("transferred")
.decisive();
const ADDRESS: Fact<String> = Fact::text("address", "Address the test ran against.").ruled(Rule::Ignore);
const PEER: Fact<String> = Fact::text("peer", "What serves, as far as it says so: `iperf3`, or a name with a version.");
const BITRATE: Fact<Distribution> = Fact::distribution(
    "bitrate",
    Unit::BitsPerSecond,
    Better::Higher,
    "Payload of all streams together, one sample per interval: received (download), acknowledged (TCP upload), sent (UDP upload).",
);
const TRANSFERRED: Fact<i64> =
    Fact::integer("transferred", Unit::Bytes, "Payload as the receiver counted it, warm-up left out.")
        .expected("{gt: 0 B}");
const SENT: Fact<i64> = Fact::integer("sent", Unit::Bytes, "Payload as the sender counted it, warm-up left out.");
const RETRANSMITS: Fact<i64> =
    Fact::counter("retransmits", Unit::Count, Better::Lower, "TCP segments the sender sent again, all streams.")
        .within(BURST);
const RTT: Fact<Distribution> = Fact::distribution(
    "rtt",
    Unit::Seconds,
    Better::Lower,
    "Round-trip time under load as the kernel smooths it, one sample per interval and stream; TCP upload only.",
);
const LOSS: Fact<f64> = Fact::metric(
    "loss",
    Unit::Ratio,
    Better::Lower,
    "Share of UDP datagrams that were sent and never arrived; drops in this side's own buffer are not among them.",
);
const JITTER: Fact<f64> = Fact::metric(
    "jitter",
    Unit::Seconds,
    Better::Lower,
    "Variation of the transit time of UDP datagrams at the receiver (RFC 3550), mean over streams.",
);
const LOST: Fact<i64> = Fact::integer("lost", Unit::Count, "UDP datagrams that never arrived.");
const PACKETS: Fact<i64> = Fact::integer("packets", Unit::Count, "UDP datagrams sent.").work();
const REORDERED: Fact<i64> =
    Fact::counter("reordered", Unit::Count, Better::Lower, "UDP datagrams that came after a later one; download only.")
        .within(BURST);
const DUPLICATES: Fact<i64> =
    Fact::counter("duplicates", Unit::Count, Better::Lower, "UDP datagrams that came again; download only.")
        .within(BURST);
const DROPPED: Fact<i64> = Fact::integer(
    "dropped.receiver",
    Unit::Count,
    "UDP datagrams that arrived and were dropped because the receiving program was too slow; not counted as lost.",
);
const CPU: Fact<f64> = Fact::number(
    "cpu.local",
    Unit::Ratio,
    "Processor time of this process during the test, as a share of one core; near 100% this host was the limit.",
);
const CONGESTION: Fact<String> = Fact::text("congestion", "Congestion control the TCP sender used.");

/// The probe.
pub struct Throughput {
    settings: Settings,
}

impl Probe for Throughput {
    const SUMMARY: &'static str = "TCP and UDP throughput, loss and jitter against any iperf3 server";
    const FIELDS: &'static [FieldInfo] = &[
        FieldInfo::required(
            "server",
            FieldKind::Endpoint,
            "iperf3 server or `shakedown serve`; port 5201 if left out.",
        ),
        FieldInfo::default("protocol", FieldKind::Choice(&["tcp", "udp"]), "tcp", "What carries the data."),
        FieldInfo::default(
            "direction",
            FieldKind::Choice(&["upload", "download"]),
            "upload",
            "Who sends: this side (upload) or the server (download).",
        ),
        FieldInfo::default("streams", FieldKind::Integer(1, 128), "1", "Parallel streams."),
        FieldInfo::default("duration", FieldKind::Duration(0.1, 3600.0), "5s", "Length of the measurement."),
        FieldInfo::default(
            "omit",
            FieldKind::Duration(0.0, 600.0),
            "0s",
            "Warm-up before it, left out of every number; whole seconds, unless `shakedown serve` answers.",
        ),
        FieldInfo::optional(
            "rate",
            FieldKind::BitRate,
            "Payload rate of all streams together; required for udp, no limit for tcp when left out.",
        ),
        FieldInfo::optional(
            "block",
            FieldKind::Size(16.0, 1_048_576.0),
            "Bytes per write (tcp: 1 MiB if left out) or per datagram (udp: 1448 B if left out, at most 65507 B).",
        ),
        FieldInfo::optional("congestion", FieldKind::Text, "Congestion control, such as cubic or bbr, on both ends."),
        FieldInfo::default(
            "interval",
            FieldKind::Duration(0.1, 60.0),
            "1s",
            "Length of one sample of `bitrate` and `rtt`.",
        ),
        FieldInfo::default(
            "timeout",
            PATIENCE,
            "5s",
            "How long a silent server, or a path that moves nothing, is waited for.",
        )
        .role(FieldRole::Patience),
        FieldInfo::optional("source", FieldKind::Address, "Local address to connect from."),
        FieldInfo::default("family", IP_FAMILY, "any", "Which addresses of the name to use."),
    ];
    const FACTS: &'static [FactInfo] = &[
        OUTCOME.info,
        ADDRESS.info,
        PEER.info,
        BITRATE.info,
        TRANSFERRED.info,
        SENT.info,
        RETRANSMITS.info,
        RTT.info,
        LOSS.info,
        JITTER.info,
        LOST.info,
        PACKETS.info,
        REORDERED.info,
        DUPLICATES.info,
        DROPPED.info,
        CPU.info,
        CONGESTION.info,
    ];
    const STREAMS: bool = false;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = ("server", None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        Ok(Self { settings: Settings::from_args(args)? })
    }

    fn target(&self) -> String {
        dial::endpoint(&self.settings.host, self.settings.port)
    }

    fn footprint(&self) -> Footprint {
        Footprint::Noisy
    }

    fn longest(&self) -> Duration {
        let settings = &self.settings;
        // Lookup and connect have the patience each, agreeing on the test and exchanging results twice that.
        settings.patience * 6 + settings.params.omit + settings.duration + Duration::from_secs(3)
    }

    fn answered(seen: &Observation) -> bool {
        fact_is(seen, OUTCOME.info.name, "transferred")
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match self.test(cx).await {
            Ok(()) => Ok(()),
            Err(Stop::Fault(fault)) => Err(fault),
            Err(Stop::Fact(outcome, why)) => {
                cx.set(&OUTCOME, outcome);
                cx.note(why);
                Ok(())
            }
        }
    }
}

impl Throughput {
    async fn test(&self, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let settings = &self.settings;
        let addresses = resolve(&settings.host, settings.family, settings.patience).await?;
        let addresses = addresses.map_err(|why| Stop::Fact("unresolved", why))?;
        let Some(address) = addresses.first() else {
            return Err(Stop::Fact("unresolved", format!("{} has no address", settings.host)));
        };
        let peer = SocketAddr::new(*address, settings.port);
        cx.set(&ADDRESS, address.to_string());
        let control = match connect(peer, settings.source, settings.patience).await? {
            Ok(dialled) => dialled.stream,
            Err(error) => return Err(Stop::refused(&error, peer)),
        };
        let mut client = Client::new(control, peer, settings);
        let mut flows = client.negotiate().await?;
        let span = match client.measure(cx, &mut flows).await {
            Ok(span) => span,
            Err(stop) => {
                report::partial(cx, &settings.params, &flows);
                return Err(stop);
            }
        };
        let results = match client.conclude(&flows, &span).await {
            Ok(results) => results,
            Err(stop) => {
                report::partial(cx, &settings.params, &flows);
                return Err(match (stop, span.stalled) {
                    // Data stopped first and the server is silent since: the path died, or the server with it.
                    (Stop::Fact("timeout", why), Some(stalled)) => Stop::Fact("stalled", format!("{stalled}; {why}")),
                    (stop, _) => stop,
                });
            }
        };
        report::complete(cx, peer, settings, &flows, &results, span.stalled)
    }
}
