//! Reach: a policy as a grid of who may reach whom at which ports; everything not allowed must be denied.

mod diagnosis;
mod exchange;
mod facts;
mod fields;
mod grid;
mod network_policy;
mod pods;
mod policy_file;
mod synonyms;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use facts::{ADDRESS, CONNECT_TIME, EXPECTED, OUTCOME};
use fields::{FROM, Protocol, TIMEOUT, TO};
use grid::{Destination, Port};

use crate::checks::shared::silence;
use crate::checks::shared::target::{IP_VERSION, Target};
use crate::model::count::counted;
use crate::model::{Args, FactInfo, Fault, FieldInfo, GridCell, Invalid, Observation};
use crate::net::dial::local_fault;
use crate::net::{Addresses, IpVersion, this_host};
use crate::probe::{
    Cx, Diagnosis, EarlyEnd, Failure, FieldRules, Footprint, Grid, Mode, PhaseInfo, Probe, Synonyms, fact_is,
};

#[cfg(feature = "fuzzing")]
pub use network_policy::fuzz_policies;

/// One cell of a grid.
pub struct Reach {
    cell: GridCell,
    target: Target,
    protocol: Protocol,
}

/// Whether the policy denies a cell of the grid; of a case, its own.
fn is_denied(args: &Args) -> bool {
    grid::cells(args).is_ok_and(|cells| cells.iter().any(|planned| !planned.cell.allowed))
}

impl Probe for Reach {
    const SUMMARY: &'static str = "Policy as a grid: who may reach whom at which ports, and that nobody else can";
    const FIELDS: &'static [FieldInfo] = fields::FIELDS;
    const FACTS: &'static [FactInfo] = facts::FACTS;
    const MODES: &'static [Mode] =
        &[Mode::of("allow: []", is_denied, &[]).adds("outcome: {in: [refused, silent, unreachable]}")];
    const STREAMS: bool = false;
    const NO_PARITY: Option<&'static str> =
        Some("it is a grid of sources and destinations: write a row for the addresses of each IP version");
    const GRID: Option<Grid> = Some(grid::cells);
    const FIELD_RULES: FieldRules = FieldRules {
        exclusive: &[&["network_policies", "allow"], &["network_policies", "allow_file"]],
        any: &[],
        with: &[],
    };
    const SYNONYMS: Synonyms = synonyms::SYNONYMS;
    const PHASES: &'static [PhaseInfo] = diagnosis::PHASES;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (TO.name(), None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let (sources, destinations, ports) = (grid::sources(args)?, grid::destinations(args)?, grid::ports(args)?);
        let ([source], [Destination { name, host, .. }], [port]) = (&*sources, &*destinations, &*ports) else {
            return Err(FROM.invalid("it has several cells", "a case asks one of them"));
        };
        let version = match source.address {
            Some(address) if address.is_ipv4() => IpVersion::V4,
            Some(_) => IpVersion::V6,
            None => args.get(&IP_VERSION),
        };
        let Port { protocol, number } = *port;
        Ok(Self {
            cell: GridCell {
                from: source.name.clone(),
                to: name.clone(),
                port: port.label(),
                allowed: !is_denied(args),
                policy: None,
            },
            target: Target {
                host: host.as_str().into(),
                port: number,
                version,
                origin: grid::origin(source, host)?,
                timeout: args.get(&TIMEOUT),
            },
            protocol,
        })
    }

    fn target(&self) -> String {
        format!("{} ({})", self.target.label(), self.cell.sentence())
    }

    fn footprint(&self) -> Footprint {
        Footprint::Quiet
    }

    fn longest(&self) -> Duration {
        // Name lookup and exchange each have the patience; a third one covers a busy host.
        self.target.timeout * 3
    }

    fn answered(observation: &Observation) -> bool {
        ["open", "refused"].iter().any(|word| fact_is(observation, OUTCOME.info.name, word))
    }

    fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
        diagnosis::diagnose(failure)
    }

    async fn investigate(&self, cx: &mut Cx<'_>) {
        if self.protocol == Protocol::Tcp {
            silence::investigate(cx, &ADDRESS, self.target.port, self.target.origin).await;
        }
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        cx.set(&EXPECTED, if self.cell.allowed { "allowed" } else { "denied" });
        let found = match self.target.addresses().await {
            Ok(found) => found,
            Err(end) => return self.ended(cx, end),
        };
        let Some(address) = found.list.first().copied() else {
            let why = format!("{} has no address", self.target.host);
            return self.ended(cx, EarlyEnd::outcome("unresolved", why));
        };
        match self.ask(cx, address).await {
            Ok(()) => Ok(()),
            // That one of several denies says nothing of the others.
            Err(EarlyEnd::Outcome { .. })
                if !self.cell.allowed && (found.list.len() > 1 || found.partial.is_some()) =>
            {
                Err(self.one_of_several(address, &found))
            }
            Err(end) => self.ended(cx, end),
        }
    }
}

impl Reach {
    /// Why a denial by `asked`, one of these addresses, is none of the name.
    fn one_of_several(&self, asked: IpAddr, found: &Addresses) -> Fault {
        let count = counted(found.list.len(), "address");
        let has = found.partial.clone().unwrap_or_else(|| format!("it has {count}"));
        let why = format!("{}: {has}, and only {asked} was asked: others may answer", self.target.host);
        let remedy = "write each address in `to`, or `ip_version` where it has one of each IP version";
        Fault::local(format!("ask {}", self.cell.to), Probe::target(self), why, remedy)
    }

    fn ended(&self, cx: &mut Cx<'_>, end: EarlyEnd) -> Result<(), Fault> {
        match end {
            // A name that is not found denies nothing.
            EarlyEnd::Outcome { word: "unresolved", evidence } if !self.cell.allowed => {
                let why = evidence.unwrap_or_else(|| "its name does not resolve".to_owned());
                let remedy = "write its address in `to`, or see that its name resolves where it is asked from";
                Err(Fault::local(format!("ask {}", self.cell.to), Probe::target(self), why, remedy))
            }
            end => {
                if matches!(end, EarlyEnd::Outcome { word: "silent" | "unreachable" | "unresolved", .. }) {
                    cx.unreached();
                }
                end.record(cx, &OUTCOME)
            }
        }
    }

    async fn ask(&self, cx: &mut Cx<'_>, address: IpAddr) -> Result<(), EarlyEnd> {
        cx.set(&ADDRESS, self.target.origin.label(address));
        let peer = self.target.socket(address);
        if this_host::is_local(address, self.target.origin).map_err(|error| local_fault(&error, "connect", peer))? {
            // Nothing leaves for its own address: that it answers shows nothing of the network.
            cx.unreached();
        }
        if self.protocol == Protocol::Udp {
            return exchange::udp(&self.target, peer, cx).await;
        }
        let connected = self.target.connect(address).await.map_err(as_refusal)?;
        cx.set(&OUTCOME, "open");
        cx.record_measured(&CONNECT_TIME, connected.took);
        Ok(())
    }
}

/// The end of a connection that did not come about, in the words of a grid.
fn as_refusal(end: EarlyEnd) -> EarlyEnd {
    match end {
        EarlyEnd::Outcome { word, evidence } => {
            let by_firewall = evidence.as_deref().is_some_and(exchange::prohibits);
            let word = match word {
                "timeout" => "silent",
                "reset" => "refused",
                "unreachable" if by_firewall => "refused",
                other => other,
            };
            EarlyEnd::Outcome { word, evidence }
        }
        fault @ EarlyEnd::Fault(_) => fault,
    }
}
