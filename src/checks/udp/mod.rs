//! UDP: send one datagram, and tell an answer from a refusal from silence.

mod exchange;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use exchange::{Heard, Script};

use crate::model::fact::Distribution;
use crate::model::field::{IP_FAMILY, PATIENCE, PORT};
use crate::model::{
    Args, Better, Choice, Fact, FactInfo, Fault, FieldInfo, FieldKind, FieldRole, Invalid, Observation, Rule, Unit,
};
use crate::net::{IpVersion, bytes, resolve};
use crate::probe::{Cx, Footprint, Probe, fact_is};

const OUTCOME: Fact<Choice> = Fact::choice(
    "outcome",
    &["replied", "refused", "silent", "unreachable", "unresolved", "mismatch"],
    "What came back. Having sent is never a success: a dropped datagram looks just like that.",
)
.expected("replied")
.decisive();
const ADDRESS: Fact<String> = Fact::text("address", "The address probed.").ruled(Rule::Ignore);
const RESPONSE_TIME: Fact<Distribution> = Fact::distribution(
    "response_time",
    Unit::Seconds,
    Better::Lower,
    "From sending to the datagram that decided the outcome, name lookup excluded.",
);
const RESPONSE: Fact<String> =
    Fact::text("response", "The datagram that decided the outcome, up to `limit`.").ruled(Rule::Ignore);
const SIZE: Fact<i64> = Fact::integer("response.size", Unit::Bytes, "Its true length, whatever `limit` kept of it.");

/// The probe.
pub struct Udp {
    host: String,
    port: u16,
    family: IpVersion,
    source: Option<IpAddr>,
    patience: Duration,
    script: Script,
}

impl Probe for Udp {
    const SUMMARY: &'static str = "UDP request and reply: answered, refused or silent";
    const FIELDS: &'static [FieldInfo] = &[
        FieldInfo::required("host", FieldKind::Host, "Name or address to send to."),
        FieldInfo::required("port", PORT, "Port to send to.").role(FieldRole::Location),
        FieldInfo::default("family", IP_FAMILY, "any", "Which addresses of the name to use."),
        FieldInfo::optional("source", FieldKind::Address, "Local address to send from."),
        FieldInfo::optional("send", FieldKind::Text, "Text to send; this or `send_hex` is required."),
        FieldInfo::optional("send_hex", FieldKind::Text, "Bytes to send, in hexadecimal."),
        FieldInfo::optional("expect", FieldKind::Text, "Text that must be in an answer, else `mismatch`."),
        FieldInfo::optional("expect_hex", FieldKind::Text, "Bytes that must be in an answer, else `mismatch`."),
        FieldInfo::default("timeout", PATIENCE, "5s", "How long a silent peer is waited for.")
            .role(FieldRole::Patience),
        FieldInfo::default(
            "limit",
            FieldKind::Size(1.0, 65_535.0),
            "4 KiB",
            "Most bytes of a datagram looked at and kept.",
        ),
    ];
    const FACTS: &'static [FactInfo] = &[OUTCOME.info, ADDRESS.info, RESPONSE_TIME.info, RESPONSE.info, SIZE.info];
    const TARGET_FIELD: (&'static str, Option<&'static str>) = ("host", Some("port"));

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let (family, source) = IpVersion::with_source(args)?;
        Ok(Self {
            host: args.string("host"),
            port: args.port("port").unwrap_or_default(),
            family,
            source,
            patience: args.wait("timeout"),
            script: Script::from_args(args)?,
        })
    }

    fn target(&self) -> String {
        crate::net::dial::endpoint(&self.host, self.port)
    }

    fn footprint(&self) -> Footprint {
        Footprint::Quiet
    }

    fn longest(&self) -> Duration {
        // Name lookup and exchange each have the patience; a third one covers a busy host.
        self.patience * 3
    }

    fn answered(seen: &Observation) -> bool {
        fact_is(seen, OUTCOME.info.name, "replied")
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let address = match self.address().await? {
            Ok(address) => address,
            Err(why) => {
                cx.set(&OUTCOME, "unresolved");
                cx.note(why);
                return Ok(());
            }
        };
        cx.set(&ADDRESS, address.to_string());
        let heard = self.script.play(SocketAddr::new(address, self.port), self.source, self.patience).await?;
        report(cx, heard);
        Ok(())
    }
}

impl Udp {
    async fn address(&self) -> Result<Result<IpAddr, String>, Fault> {
        let found = resolve(&self.host, self.family, self.patience).await?;
        let first = |found: Vec<IpAddr>| found.first().copied().ok_or_else(|| format!("{} has no address", self.host));
        Ok(found.and_then(first))
    }
}

fn report(cx: &mut Cx<'_>, heard: Heard) {
    cx.set(&OUTCOME, heard.outcome);
    if let Some(answer) = heard.answer {
        cx.record_time(&RESPONSE_TIME, answer.elapsed);
        cx.set(&RESPONSE, bytes::readable(&answer.kept));
        cx.set(&SIZE, i64::try_from(answer.length).unwrap_or(i64::MAX));
    }
    if let Some(why) = heard.why {
        cx.note(why);
    }
}

#[cfg(test)]
mod tests;
