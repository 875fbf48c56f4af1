//! Several servers, asked alike and compared: a list of them, or every address of every server of a zone.

mod agree;
mod asker;
mod chain;
mod delegation;
mod facts;
mod fields;
mod found;
mod look;
mod modes;
mod probes;
mod propagation;
mod resolver;
mod said;
mod serial;
#[cfg(test)]
mod tests;
mod zone;
mod zones;

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hickory_proto::rr::Name;
use tokio::time::Instant;

use asker::Way;
use delegation::Delegation;
pub(super) use facts::FACTS;
pub(super) use fields::FIELDS;
use fields::{AUTHORITATIVE, MAX_SERVERS, OUTSIDE, PROBES, Probe, WANTED};
use look::{Look, Server};
pub(super) use modes::{MODES, applies};
use propagation::Wanted;
use zone::Zone;

use super::facts::OUTCOME;
use super::fields::{ATTEMPTS, CLASS, Class, NAME, NSID, SERVER, TIMEOUT, TYPE};
use super::question;
use super::transport::{TRANSPORT, TransportWord};
use crate::checks::shared::target::{self, Target};
use crate::model::{Args, Choices as _, Fault, Invalid};
use crate::net::endpoint;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::dns::question::{EdnsWish, Question};
use crate::proto::dns::{rdata, types};

/// Servers asked at the same time; each is asked one question at a time.
const PARALLEL: usize = 32;
/// Patiences that finding the servers may take.
const FINDING: u32 = 12;
/// Queries after silence, where the check does not say: one lost packet of hundreds is no news.
const DEFAULT_ATTEMPTS: u32 = 3;

/// The servers, the question, and what else to look at.
pub(super) struct Survey {
    way: Way,
    zone: Option<Zone>,
    /// Servers of the list.
    given: Vec<Target>,
    question: Question,
    /// The check names something else than the zone itself.
    named: bool,
    nsid: bool,
    probes: Vec<Probe>,
    outside: Name,
    wanted: Option<Wanted>,
}

impl Survey {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let zone = args.get(&AUTHORITATIVE).map(|zone| Zone::from_args(&zone)).transpose()?;
        let given = servers(args, zone.is_some())?;
        let (family, source) = target::version_and_source(args)?;
        let transport = args.get(&TRANSPORT);
        if !matches!(transport, TransportWord::Udp | TransportWord::Tcp) {
            let message = format!("several servers are asked over udp or tcp, not {}", transport.word());
            return Err(TRANSPORT.invalid(message, "write a check for each server"));
        }
        let way = Way {
            source,
            family,
            patience: args.get(&TIMEOUT),
            attempts: args.get(&ATTEMPTS).unwrap_or(DEFAULT_ATTEMPTS),
            stream: transport == TransportWord::Tcp,
        };
        let survey = Self {
            way,
            question: asked(args, zone.as_ref())?,
            named: args.given(&NAME),
            nsid: args.get(&NSID),
            probes: Probe::all_requested(args),
            outside: question::name(&args.get(&OUTSIDE), types::A)
                .map_err(|why| OUTSIDE.invalid(why.message, why.help))?,
            wanted: args.get(&WANTED).map(|wanted| Wanted::from_args(&wanted)).transpose()?,
            zone,
            given,
        };
        survey.sensible()?;
        Ok(survey)
    }

    /// Rules between fields.
    fn sensible(&self) -> Result<(), Invalid> {
        let Some(zone) = self.zone() else {
            if let Some(probe) = self.probes.iter().find(|probe| matches!(probe, Probe::Axfr | Probe::Negative)) {
                let message = format!("probe {} needs to know the zone", probe.word());
                return Err(PROBES.invalid(message, "write authoritative: {zone: …} in place of `server`"));
            }
            if self.wanted.as_ref().is_some_and(Wanted::by_serial) && self.question.code != types::SOA {
                return Err(WANTED.invalid("a serial stands in a SOA record", "ask for type: SOA"));
            }
            return Ok(());
        };
        if !zone.zone_of(&self.question.name) {
            let message = format!("{} is not in the zone {}", said::text(&self.question.name), said::text(zone));
            return Err(NAME.invalid(message, "ask for a name of the zone, or leave `name` out"));
        }
        if self.probes.contains(&Probe::Recursion) && zone.zone_of(&self.outside) {
            let message = format!("{} is inside the zone", said::text(&self.outside));
            return Err(OUTSIDE.invalid(message, "give a name the servers have nothing to do with"));
        }
        Ok(())
    }

    fn zone(&self) -> Option<&Name> {
        self.zone.as_ref().map(|zone| &zone.name)
    }

    /// The question without wishes, for probes that change one thing of it.
    fn plain_question(&self) -> Question {
        self.question.clone().edns(Some(EdnsWish::default()))
    }

    /// The question and its servers, for people.
    pub(super) fn label(&self) -> String {
        let title = self.question.title();
        match &self.zone {
            Some(zone) => format!("{title} @every server of {}", said::text(&zone.name)),
            None => {
                let list: Vec<String> = self.given.iter().map(Target::label).collect();
                format!("{title} @{}", list.join(" @"))
            }
        }
    }

    /// Finding the servers, then each batch of them.
    pub(super) fn longest(&self) -> Duration {
        let known = self.zone.as_ref().map_or(0, |zone| zone.ns.iter().map(|(_, addresses)| addresses.len()).sum());
        let fixed =
            known > 0 && self.zone.as_ref().is_some_and(|zone| zone.ns.iter().all(|(_, list)| !list.is_empty()));
        // Those the zone adds by itself are a batch of their own.
        let batches = if fixed { known.div_ceil(PARALLEL) } else { MAX_SERVERS / PARALLEL + 1 };
        let one = self.per_server() + 4 * self.way.patience;
        let names = self.given.len() + self.zone.as_ref().map_or(0, |zone| zone.parent.len() + zone.via.len());
        let finding = 2 * FINDING + u32::try_from(names).unwrap_or(u32::MAX);
        self.way.patience.saturating_mul(finding) + one.saturating_mul(u32::try_from(batches).unwrap_or(u32::MAX))
    }

    fn per_server(&self) -> Duration {
        look::longest(self.way.patience, self.way.attempts, self.probes.len())
    }

    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        if let Some(wanted) = &self.wanted {
            wanted.begin();
        }
        let seed = cx.seed();
        let (known, looks) = match &self.zone {
            None => (None, self.ask(self.listed().await?, &BTreeSet::new(), seed).await?),
            Some(zone) => {
                let (known, looks) = self.survey(zone, seed).await?;
                (Some((zone, known)), looks)
            }
        };
        if looks.is_empty() {
            for note in known.iter().flat_map(|(_, known)| &known.notes) {
                cx.note(note.clone());
            }
            cx.note("no server was found");
            cx.set(&OUTCOME, "unresolved");
            return Ok(());
        }
        agree::report(cx, self, &looks);
        if let Some((zone, known)) = &known {
            zones::report(cx, zone, known, &looks);
        }
        if let Some(wanted) = &self.wanted {
            wanted.report(cx, &looks);
        }
        found::report(cx, self, &looks);
        Ok(())
    }

    /// The servers of a zone: those delegated, then those it adds itself.
    async fn survey(&self, zone: &Zone, seed: u64) -> Result<(Delegation, Vec<Look>), Fault> {
        let finding = self.way.patience * FINDING;
        let mut known = delegation::find(zone, &self.way, Instant::now() + finding, seed).await?;
        let names: BTreeSet<String> = known.servers.iter().filter_map(|server| server.name.clone()).collect();
        let mut looks = self.ask(known.servers.clone(), &names, seed).await?;
        let end = Instant::now() + finding;
        let more = delegation::added(zone, &self.way, end, seed, &looks, &mut known).await?;
        looks.extend(self.ask(more, &names, seed).await?);
        Ok((known, looks))
    }

    /// Addresses of the list, each once.
    async fn listed(&self) -> Result<Vec<Server>, Fault> {
        let mut out: Vec<Server> = Vec::new();
        for target in &self.given {
            let host = &target.host;
            let found = match target.addresses().await {
                Ok(found) => found,
                Err(EarlyEnd::Fault(fault)) => return Err(fault),
                Err(EarlyEnd::Outcome { .. }) => {
                    out.push(Server { label: target.label(), name: Some(host.clone()), address: None });
                    continue;
                }
            };
            let literal = host.parse::<std::net::IpAddr>().is_ok();
            for address in found {
                let socket = target.socket(address);
                let place = delegation::place(socket, 53);
                let label = if literal { place } else { format!("{host}/{place}") };
                let name = (!literal).then(|| host.clone());
                if out.len() < MAX_SERVERS && !out.iter().any(|server| server.address == Some(socket)) {
                    out.push(Server { label, name, address: Some(socket) });
                }
            }
        }
        Ok(out)
    }

    async fn ask(&self, servers: Vec<Server>, names: &BTreeSet<String>, seed: u64) -> Result<Vec<Look>, Fault> {
        let asked: Vec<_> = servers.into_iter().map(|server| look::at(self, server, names, seed)).collect();
        stream::iter(asked).buffered(PARALLEL).try_collect().await
    }
}

/// The servers of the list; a zone finds its own.
fn servers(args: &Args, zone: bool) -> Result<Vec<Target>, Invalid> {
    let servers = args.get(&SERVER);
    if zone {
        let message = "`authoritative` finds the servers, `server` names them";
        let help = "keep one; names and addresses of a zone's servers stand in authoritative.ns";
        return if servers.is_empty() { Ok(Vec::new()) } else { Err(SERVER.invalid(message, help)) };
    }
    if servers.is_empty() || servers.len() > MAX_SERVERS {
        let message = format!("`server` names {} servers", servers.len());
        return Err(SERVER.invalid(message, format!("name 1 to {MAX_SERVERS}, or write authoritative: {{zone: …}}")));
    }
    let target = |text: &String| {
        let (host, port) = endpoint::of(SERVER.name(), text, Some(53))?;
        Target::from_args(args, host, port, args.get(&TIMEOUT))
    };
    servers.iter().map(target).collect()
}

/// The question of the check; without a name, the SOA of the zone. Servers of a zone are asked without RD, as resolvers do.
fn asked(args: &Args, zone: Option<&Zone>) -> Result<Question, Invalid> {
    let (name, kind) = (args.get(&NAME), args.get(&TYPE));
    let Some(zone) = zone else {
        let Some(name) = name else {
            let help = "write the name to ask for, or authoritative: {zone: …}";
            return Err(Invalid::at("", "`dns` needs `name`", help));
        };
        return question::with(args, &name, kind.as_deref());
    };
    if args.get(&CLASS) != Class::In {
        return Err(CLASS.invalid("a zone is surveyed in class IN", "leave `class` out"));
    }
    let question = match name {
        Some(name) => question::with(args, &name, kind.as_deref()),
        None => question::with(args, &rdata::name(&zone.name), Some(kind.as_deref().unwrap_or("SOA"))),
    };
    Ok(question?.recursive(false))
}
