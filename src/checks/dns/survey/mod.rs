//! Several servers, asked alike and compared: a list of them, or every address of every server of a zone.

mod chain;
mod common_facts;
mod consensus;
mod delegation;
mod delegation_facts;
mod diagnosis;
mod facts;
mod fields;
mod gaps;
mod modes;
mod names;
mod probe_facts;
mod probes;
mod propagation;
mod querier;
mod records;
mod resolver;
mod response_summary;
mod rules;
mod serial;
mod server_probe;
mod server_report;
mod server_rows;
mod settings;
#[cfg(test)]
mod tests;
mod zone;
mod zone_facts;

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::Instant;

use delegation::Delegation;
pub(super) use diagnosis::diagnose;
pub(super) use facts::FACTS;
pub(super) use fields::{AUTHORITATIVE, FIELDS};
use fields::{MAX_SERVERS, Probe, WANTED};
pub(super) use modes::{MODES, applies};
use propagation::Propagation;
use server_probe::Delegated;
use server_report::{DnsServer, ServerReport};
use settings::Settings;
use zone::Zone;

use super::facts::OUTCOME;
use crate::model::interface::is_link_local;
use crate::model::{Args, Fault, Invalid};
use crate::net::dial::ZONE;
use crate::net::origin::NO_LINK;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::dns::types;

/// Servers asked at the same time; each is asked one question at a time.
const PARALLEL: usize = 32;
/// Patiences that finding the servers may take.
const DISCOVERY: u32 = 12;

/// A survey of several servers, or of a zone.
pub(super) struct Survey {
    settings: Settings,
    /// Of a check with `wanted`.
    propagation: Option<Propagation>,
}

impl Survey {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let settings = Settings::from_args(args)?;
        let zone = settings.zone.is_some();
        let propagation = args.get(&WANTED).map(|wanted| Propagation::from_args(&wanted, settings.question.code, zone));
        let propagation = propagation.transpose()?;
        let by_serial = propagation.as_ref().is_some_and(Propagation::by_serial);
        if by_serial && settings.zone.is_none() && settings.question.code != types::SOA {
            return Err(WANTED.invalid("a serial is part of a SOA record", "ask for type: SOA"));
        }
        let apex = settings.zone().is_some_and(|zone| zone.eq_ignore_root(&settings.question.name));
        let by_absence = propagation.as_ref().is_some_and(Propagation::by_absence);
        if by_absence && apex && matches!(settings.question.code, types::SOA | types::NS) {
            let message = "a zone is never without its SOA and NS records";
            return Err(WANTED.invalid(message, "write the `name` and the `type` of what is to be gone"));
        }
        Ok(Self { settings, propagation })
    }

    /// The question and its servers, for people.
    pub(super) fn label(&self) -> String {
        self.settings.label()
    }

    /// Whether it verifies signatures.
    pub(super) fn is_cpu_bound(&self) -> bool {
        self.settings.probes.contains(&Probe::Dnssec)
    }

    /// Finding the servers, then each batch of them.
    pub(super) fn longest(&self) -> Duration {
        let zone = self.settings.zone.as_ref();
        let known = zone.map_or(0, |zone| zone.ns.iter().map(|(_, addresses)| addresses.len()).sum());
        let fixed = known > 0 && zone.is_some_and(|zone| zone.ns.iter().all(|(_, list)| !list.is_empty()));
        // Those the zone adds by itself are a batch of their own.
        let batches = if fixed { known.div_ceil(PARALLEL) } else { MAX_SERVERS / PARALLEL + 1 };
        let one = self.settings.per_server() + 4 * self.settings.policy.patience;
        let names = self.settings.servers.len() + zone.map_or(0, |zone| zone.parent.len() + zone.via.len());
        // Servers, servers outside the zone, those only the zone names; with `best_practice` the primary and PTR records.
        let finding = 5 * DISCOVERY + u32::try_from(names).unwrap_or(u32::MAX);
        self.settings.policy.patience.saturating_mul(finding)
            + one.saturating_mul(u32::try_from(batches).unwrap_or(u32::MAX))
    }

    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        self.settings.policy.origin.check()?;
        if let Some(propagation) = &self.propagation {
            propagation.begin();
        }
        let seed = cx.seed();
        let mut in_part = None;
        let (known, reports) = match &self.settings.zone {
            None => {
                let (servers, why) = self.of_list().await?;
                in_part = why;
                (None, self.probe(servers, &Delegated::default(), seed).await?)
            }
            Some(zone) => {
                let (known, reports) = self.of_zone(zone, seed).await?;
                (Some((zone, known)), reports)
            }
        };
        if reports.is_empty() {
            for note in known.iter().flat_map(|(_, known)| &known.notes) {
                cx.note(note.clone());
            }
            cx.note("no server was found");
            cx.set(&OUTCOME, "unresolved");
            return Ok(());
        }
        common_facts::record(cx, &self.settings, &reports);
        if let Some((zone, known)) = &known {
            zone_facts::record(cx, &self.settings, zone, known, &reports);
            rules::collect(cx, &self.settings, zone, &reports, seed).await?;
        }
        if let Some(propagation) = &self.propagation {
            propagation.record(cx, &reports);
        }
        probe_facts::record(cx, &self.settings, &reports);
        gaps::record(cx, &reports);
        if let Some((_, known)) = known {
            in_part = in_part.or(known.in_part);
        }
        if let Some(why) = in_part {
            gaps::everything(cx, &why);
        }
        Ok(())
    }

    /// The servers of a zone: those delegated, then those it adds itself.
    async fn of_zone(&self, zone: &Zone, seed: u64) -> Result<(Delegation, Vec<ServerReport>), Fault> {
        let discovery = self.settings.policy.patience * DISCOVERY;
        let mut known = delegation::discover(zone, &self.settings.policy, Instant::now() + discovery, seed).await?;
        delegation::look_up_siblings(zone, &self.settings.policy, Instant::now() + discovery, seed, &mut known).await;
        let delegated = Delegated {
            names: known.servers.iter().filter_map(|server| server.name.clone()).collect(),
            ds: rules::usable(&known.ds),
        };
        let mut reports = self.probe(known.servers.clone(), &delegated, seed).await?;
        let end = Instant::now() + discovery;
        let more = delegation::added_by_zone(zone, &self.settings.policy, end, seed, &reports, &mut known).await?;
        reports.extend(self.probe(more, &delegated, seed).await?);
        Ok((known, reports))
    }

    /// Addresses of the list, each once, and why there may be more.
    async fn of_list(&self) -> Result<(Vec<DnsServer>, Option<String>), Fault> {
        let mut out: Vec<DnsServer> = Vec::new();
        let mut in_part = None;
        for target in &self.settings.servers {
            let host = &target.host;
            let found = match target.addresses().await {
                Ok(found) => found,
                Err(EarlyEnd::Fault(fault)) => return Err(fault),
                Err(EarlyEnd::Outcome { .. }) => {
                    out.push(DnsServer { label: target.label(), name: Some(host.clone().into_value()), address: None });
                    continue;
                }
            };
            let literal = target.literal().is_some();
            if let Some(why) = found.partial {
                in_part = in_part.or(Some(format!("{host}: {why}")));
            }
            for address in found.list {
                let socket = target.socket(address);
                // Who writes it says where it is.
                if is_link_local(address) && target.origin.device(address).is_none() {
                    return Err(Fault::local("ask it", target.label(), NO_LINK, ZONE));
                }
                let place = delegation::place_of(target, address);
                let label = if literal { place } else { format!("{host}/{place}") };
                let name = (!literal).then(|| host.clone().into_value());
                if out.iter().any(|server| server.address == Some(socket)) {
                    continue;
                }
                if out.len() < MAX_SERVERS {
                    out.push(DnsServer { label, name, address: Some(socket) });
                } else {
                    in_part =
                        in_part.or(Some(format!("there are more than the {MAX_SERVERS} addresses that are asked")));
                }
            }
        }
        Ok((out, in_part))
    }

    async fn probe(
        &self,
        servers: Vec<DnsServer>,
        delegated: &Delegated,
        seed: u64,
    ) -> Result<Vec<ServerReport>, Fault> {
        let asked: Vec<_> =
            servers.into_iter().map(|server| server_probe::probe(&self.settings, server, delegated, seed)).collect();
        stream::iter(asked).buffered(PARALLEL).try_collect().await
    }
}
