//! TCP: does it accept, how fast, and does it say what it should.

mod exchange;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use exchange::{Heard, Script};

use crate::model::fact::Distribution;
use crate::model::field::{IP_FAMILY, PATIENCE, PORT};
use crate::model::{
    Args, Better, Choice, Fact, FactInfo, Fault, FieldInfo, FieldKind, FieldRole, Invalid, Observation, Rule, Unit,
};
use crate::net::{ConnectError, IpFamily, bytes, connect, resolve};
use crate::probe::{Cx, Footprint, Probe, fact_is};

const OUTCOME: Fact<Choice> = Fact::choice(
    "outcome",
    &["connected", "refused", "timeout", "unreachable", "unresolved", "reset", "closed", "mismatch"],
    "What became of the connection; with `addresses: all` the first that is not `connected`.",
)
.expected("connected")
.decisive();
const ADDRESS: Fact<String> = Fact::text("address", "The address `outcome` speaks of.").ruled(Rule::Ignore);
const ADDRESSES: Fact<Vec<String>> = Fact::list("addresses", "Every address the name has.");
const FAILED: Fact<Vec<String>> =
    Fact::list("addresses.failed", "Addresses that did not end as `connected`, with their outcome.");
const CONNECT_TIME: Fact<Distribution> =
    Fact::distribution("connect_time", Unit::Seconds, Better::Lower, "From SYN to established, name lookup excluded.");
const BANNER: Fact<String> = Fact::text("banner", "First line the server sent.");
const RECEIVED: Fact<String> = Fact::text("received", "What the server sent, up to `limit`.").ruled(Rule::Ignore);

/// The probe.
pub struct Tcp {
    host: String,
    port: u16,
    family: IpFamily,
    all: bool,
    source: Option<IpAddr>,
    patience: Duration,
    script: Option<Script>,
}

impl Probe for Tcp {
    const SUMMARY: &'static str = "TCP connect, and optionally what the server says";
    const FIELDS: &'static [FieldInfo] = &[
        FieldInfo::required("host", FieldKind::Host, "Name or address to connect to."),
        FieldInfo::required("port", PORT, "Port to connect to.").role(FieldRole::Location),
        FieldInfo::default("family", IP_FAMILY, "any", "Which addresses of the name to use."),
        FieldInfo::default(
            "addresses",
            FieldKind::Choice(&["first", "all"]),
            "first",
            "The first address the resolver gives, or every A and AAAA.",
        ),
        FieldInfo::optional("source", FieldKind::Address, "Local address to connect from."),
        FieldInfo::default("timeout", PATIENCE, "5s", "How long a silent peer is waited for.")
            .role(FieldRole::Patience),
        FieldInfo::optional("send", FieldKind::Text, "Text to send once connected."),
        FieldInfo::optional("send_hex", FieldKind::Text, "Bytes to send once connected, in hexadecimal."),
        FieldInfo::optional("expect", FieldKind::Text, "Text that must be in the answer, else `mismatch`."),
        FieldInfo::optional("expect_hex", FieldKind::Text, "Bytes that must be in the answer, else `mismatch`."),
        FieldInfo::default("banner", FieldKind::Bool, "false", "Wait for the server to speak, even without `expect`."),
        FieldInfo::default("limit", FieldKind::Size(1.0, 1_048_576.0), "16 KiB", "Most bytes read of the answer."),
    ];
    const FACTS: &'static [FactInfo] =
        &[OUTCOME.info, ADDRESS.info, ADDRESSES.info, FAILED.info, CONNECT_TIME.info, BANNER.info, RECEIVED.info];
    const TARGET_FIELD: (&'static str, Option<&'static str>) = ("host", Some("port"));

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let (family, source) = IpFamily::with_source(args)?;
        Ok(Self {
            host: args.string("host"),
            port: args.port("port").unwrap_or_default(),
            family,
            all: args.text("addresses") == Some("all"),
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
        // Name lookup, connect and exchange each have the patience; `all` connects to its addresses at once.
        self.patience * 3
    }

    fn answered(seen: &Observation) -> bool {
        fact_is(seen, OUTCOME.info.name, "connected")
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let addresses = match resolve(&self.host, self.family, self.patience).await? {
            Ok(addresses) => addresses,
            Err(why) => {
                cx.set(&OUTCOME, "unresolved");
                cx.note(why);
                return Ok(());
            }
        };
        self.look(cx, &addresses).await
    }
}

/// What one address did.
struct Visit {
    outcome: &'static str,
    connect_time: Option<Duration>,
    heard: Option<Heard>,
    why: Option<String>,
}

impl Tcp {
    /// Visits the addresses of a name, all at once.
    async fn look(&self, cx: &mut Cx<'_>, addresses: &[IpAddr]) -> Result<(), Fault> {
        cx.set(&ADDRESSES, addresses.iter().map(ToString::to_string).collect::<Vec<_>>());
        let used = if self.all { addresses } else { addresses.get(..1).unwrap_or_default() };
        let visits = futures_util::future::join_all(used.iter().map(|address| self.visit(*address))).await;
        self.report(cx, used, visits)
    }

    async fn visit(&self, address: IpAddr) -> Result<Visit, Fault> {
        let peer = SocketAddr::new(address, self.port);
        let mut dialled = match connect(peer, self.source, self.patience).await? {
            Ok(dialled) => dialled,
            Err(error) => {
                let why = match &error {
                    ConnectError::Unreachable(why) => Some(format!("{peer}: {why}")),
                    _ => None,
                };
                return Ok(Visit { outcome: error.word(), connect_time: None, heard: None, why });
            }
        };
        let connect_time = Some(dialled.elapsed);
        let Some(script) = &self.script else {
            return Ok(Visit { outcome: "connected", connect_time, heard: None, why: None });
        };
        let heard = script.play(&mut dialled.stream, self.patience).await;
        Ok(Visit { outcome: heard.outcome, connect_time, why: heard.why.clone(), heard: Some(heard) })
    }

    fn report(&self, cx: &mut Cx<'_>, used: &[IpAddr], visits: Vec<Result<Visit, Fault>>) -> Result<(), Fault> {
        let mut failed = Vec::new();
        let mut chosen: Option<(IpAddr, Visit)> = None;
        for (address, visit) in used.iter().zip(visits) {
            let visit = visit?;
            if let Some(elapsed) = visit.connect_time {
                cx.record_time(&CONNECT_TIME, elapsed);
            }
            if let Some(why) = &visit.why {
                cx.note(why.clone());
            }
            if visit.outcome != "connected" {
                failed.push(format!("{address} {}", visit.outcome));
            }
            let replace = chosen.as_ref().is_none_or(|(_, c)| c.outcome == "connected" && visit.outcome != "connected");
            if replace {
                chosen = Some((*address, visit));
            }
        }
        let Some((address, visit)) = chosen else {
            return Ok(());
        };
        cx.set(&OUTCOME, visit.outcome);
        cx.set(&ADDRESS, address.to_string());
        if self.all {
            cx.set(&FAILED, failed);
        }
        if let Some(heard) = visit.heard {
            let text = bytes::readable(&heard.received);
            cx.set(&BANNER, text.lines().next().unwrap_or_default());
            cx.set(&RECEIVED, text);
        }
        Ok(())
    }
}
