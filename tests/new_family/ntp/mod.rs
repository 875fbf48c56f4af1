//! NTP: does a time server answer, and is it synchronised.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::checks::shared::advice::{EVIDENCE, MALFORMED, REFUSED, SILENT, SLOWER, UNREACHABLE, UNRESOLVED};
use crate::checks::shared::target::{INTERFACE, IP_VERSION, SOURCE, Target};
use crate::model::fact::Distribution;
use crate::model::field::{PATIENCE, PORT as PORT_NUMBER};
use crate::model::table::{facts, fields};
use crate::model::{
    Args, Better, Choice, Fact, FactInfo, Fault, Field, FieldInfo, FieldKind, FieldRole, Invalid, Observation, Text,
    Unit,
};
use crate::net::datagram::udp;
use crate::net::dial::{ConnectError, local_fault};
use crate::probe::{Cx, EarlyEnd, Footprint, Probe, fact_is};

fields! { FIELDS;
    const HOST: Field<Text> = Field::required("host", FieldKind::Host, "Name or address of the server.");
    const PORT: Field<u16> = Field::default("port", PORT_NUMBER, "123", "Port of the server.").role(FieldRole::Location);
    use IP_VERSION;
    use SOURCE;
    use INTERFACE;
    const TIMEOUT: Field<Duration> =
        Field::default("timeout", PATIENCE, "2s", "How long to wait for an unresponsive server.").role(FieldRole::Patience);
}

facts! { FACTS;
    const OUTCOME: Fact<Choice> = Fact::choice(
        "outcome",
        &["answered", "refused", "silent", "unreachable", "unresolved", "malformed"],
        "How the request ended.",
    )
    .expected("answered")
    .outcome(&["silent"])
    .advice(&[REFUSED, SILENT, UNREACHABLE, UNRESOLVED, MALFORMED])
    .on_breach(EVIDENCE);
    const STRATUM: Fact<i64> = Fact::integer("stratum", Unit::Count, "Steps to a reference clock; 16 is none.")
        .expected("{lt: 16}")
        .on_breach("the server follows no clock: look at its sources (chronyc sources, ntpq -p)");
    const RTT: Fact<Distribution> =
        Fact::distribution("rtt", Unit::Seconds, Better::Lower, "From request to reply.").on_breach(SLOWER);
}

/// A request of a client, version 4.
const REQUEST: u8 = 0x23;
/// Bytes of a header without extensions.
const HEADER: usize = 48;

/// The probe.
pub struct Ntp {
    target: Target,
}

impl Probe for Ntp {
    const SUMMARY: &'static str = "NTP: a time server answers and is synchronised";
    const FIELDS: &'static [FieldInfo] = FIELDS;
    const FACTS: &'static [FactInfo] = FACTS;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (HOST.name(), Some(PORT.name()));

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        Ok(Self { target: Target::from_args(args, args.get(&HOST), args.get(&PORT), args.get(&TIMEOUT))? })
    }

    fn target(&self) -> String {
        self.target.label()
    }

    fn footprint(&self) -> Footprint {
        Footprint::Quiet
    }

    fn longest(&self) -> Duration {
        self.target.timeout * 2
    }

    fn answered(observation: &Observation) -> bool {
        fact_is(observation, OUTCOME.info.name, "answered")
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match self.ask(cx).await {
            Ok(()) => Ok(()),
            Err(end) => end.record(cx, &OUTCOME),
        }
    }
}

impl Ntp {
    async fn ask(&self, cx: &mut Cx<'_>) -> Result<(), EarlyEnd> {
        let peer = self.target.socket(self.target.address().await?);
        let socket = udp::open(peer, self.target.origin).await?;
        let mut request = [0; HEADER];
        request[0] = REQUEST;
        // The server gives the transmit timestamp of the request back as its origin: a number of ours will do.
        request[40..].copy_from_slice(&cx.seed().to_be_bytes());
        let failed = |error: std::io::Error| match ConnectError::classify(
            &error,
            "ask the time server",
            peer,
            self.target.origin,
        ) {
            Ok(ConnectError::Refused) => EarlyEnd::outcome("refused", error.to_string()),
            Ok(_) => EarlyEnd::outcome("unreachable", error.to_string()),
            Err(fault) => EarlyEnd::Fault(fault),
        };
        udp::send(&socket, &request, peer).await.map_err(|error| local_fault(&error, "send NTP request", peer))?;
        let (sent, mut reply) = (Instant::now(), [0; 512]);
        let end = sent + self.target.timeout;
        loop {
            let Ok(arrival) = timeout_at(end, socket.recv_from(&mut reply)).await else {
                return Err(EarlyEnd::outcome("silent", format!("no reply within {:?}", self.target.timeout)));
            };
            let (length, sender) = arrival.map_err(failed)?;
            if !udp::same_endpoint(sender, peer) {
                continue;
            }
            if length < HEADER || reply[0] & 7 != 4 || reply[24..32] != request[40..] {
                return Err(EarlyEnd::outcome("malformed", format!("{length} bytes that are no reply to the request")));
            }
            cx.set(&OUTCOME, "answered");
            cx.set(&STRATUM, i64::from(reply[1]));
            cx.record_time(&RTT, sent.elapsed());
            return Ok(());
        }
    }
}
