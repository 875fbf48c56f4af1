//! Several servers, asked alike and compared: a list of them, or every address of every server of a zone.

mod agree;
mod asker;
mod chain;
mod delegation;
mod facts;
mod found;
mod look;
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
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hickory_proto::rr::Name;
use tokio::time::Instant;

use asker::Way;
use delegation::Delegation;
use look::{Look, Server};
use probes::Probe;
use propagation::Wanted;
use zone::Zone;

use super::ask;
use super::question;
use crate::model::{Arg, Args, FactInfo, Fault, FieldInfo, FieldKind, Invalid};
use crate::net::{IpVersion, dial, endpoint, resolve};
use crate::probe::{self, Cx};
use crate::proto::dns::question::{EdnsWish, Question};
use crate::proto::dns::types;

/// Servers asked at most.
const MOST: usize = 64;
/// Servers asked at the same time; each is asked one question at a time.
const PARALLEL: usize = 32;
/// Patiences that finding the servers may take.
const FINDING: u32 = 12;
/// Queries after silence, where the check does not say: one lost packet of hundreds is no news.
const ATTEMPTS: u32 = 3;

pub(super) const FIELDS: &[FieldInfo] = &[
    FieldInfo::optional(
        "authoritative",
        FieldKind::Group(zone::FIELDS),
        "Ask every address of every server of a zone, instead of `server`.",
    ),
    FieldInfo::optional(
        "probes",
        FieldKind::List(&FieldKind::Choice(Probe::WORDS)),
        "What else to look at on each server; each costs queries. axfr, recursion and version may show in its logs.",
    ),
    FieldInfo::default(
        "outside",
        FieldKind::Text,
        "example.com",
        "Name that probe recursion asks for: one the servers have nothing to do with.",
    ),
    FieldInfo::optional(
        "wanted",
        FieldKind::Group(propagation::FIELDS),
        "What is to appear on every server; with `eventually`, seconds until then are facts.",
    ),
];

/// All facts.
pub(super) const FACTS: &[FactInfo] = crate::model::table::joined!(
    FactInfo;
    facts::SURVEY, facts::ZONE, facts::TCP, facts::EDNS, facts::TRUNCATION, facts::TRANSFER, facts::RECURSION,
    facts::LETTERS, facts::VERSION, facts::NEGATIVE, facts::PROPAGATION,
);

const WANTED: &str = "outcome: answered\nservers.failed: {len: 0}\npropagation.pending: {len: 0}\nconsistent: true";
const LANDED: &str = "outcome: answered\nservers.failed: {len: 0}\npropagation.pending: {len: 0}\nconsistent: true\n\
                      authoritative: true\nlame: {len: 0}";
/// Mismatches with the parent fail where they can be seen; a parent that serves the zone itself does not show them.
const AUTHORITATIVE: &str = "outcome: answered\nrcode: NOERROR\nservers.failed: {len: 0}\nauthoritative: true\nlame: {len: 0}\n\
                             consistent: true\nns.agree: {any_of: [{eq: true}, {present: false}]}\n\
                             glue.agree: {any_of: [{eq: true}, {present: false}]}";
const SEVERAL: &str = "outcome: answered\nrcode: NOERROR\nanswers: {len: {ge: 1}}\ntruncated: false\nservers.failed: {len: 0}\nconsistent: true";

const fn mode(
    with: &'static str,
    applies: fn(&Args) -> bool,
    expect: Option<&'static str>,
    facts: &'static [FactInfo],
) -> probe::Mode {
    probe::Mode { with, applies, expect, adds: None, facts }
}

/// The ways of looking, for the table of the family.
pub(super) const MODES: &[probe::Mode] = &[
    mode("wanted: {…}` and `authoritative: {zone: …}", lands, Some(LANDED), &[]),
    mode("wanted: {…}", |args| args.has("wanted"), Some(WANTED), facts::PROPAGATION),
    mode("authoritative: {zone: …}", |args| args.has("authoritative"), Some(AUTHORITATIVE), facts::ZONE),
    mode("authoritative: {zone: …}` or several in `server: […]", applies, Some(SEVERAL), facts::SURVEY),
    mode("probes: [tcp]", |args| probing(args, Probe::Tcp), None, facts::TCP),
    mode("probes: [edns]", |args| probing(args, Probe::Edns), None, facts::EDNS),
    mode("probes: [truncation]", |args| probing(args, Probe::Truncation), None, facts::TRUNCATION),
    mode("probes: [axfr]", |args| probing(args, Probe::Axfr), None, facts::TRANSFER),
    mode("probes: [recursion]", |args| probing(args, Probe::Recursion), None, facts::RECURSION),
    mode("probes: [case]", |args| probing(args, Probe::Case), None, facts::LETTERS),
    mode("probes: [version]", |args| probing(args, Probe::Version), None, facts::VERSION),
    mode("probes: [negative]", |args| probing(args, Probe::Negative), None, facts::NEGATIVE),
];

/// Whether the fields ask for a survey: a zone, several servers, or something only a survey sees.
pub(super) fn applies(args: &Args) -> bool {
    let several = args.texts("server").len() > 1;
    several || ["authoritative", "probes", "wanted"].into_iter().any(|field| args.has(field))
}

/// Whether something is wanted on the servers of a zone.
fn lands(args: &Args) -> bool {
    args.has("wanted") && args.has("authoritative")
}

fn probing(args: &Args, probe: Probe) -> bool {
    args.texts("probes").iter().any(|word| word == probe.word() || word == "all")
}

/// The servers, the question, and what else to look at.
pub(super) struct Survey {
    way: Way,
    zone: Option<Zone>,
    /// Servers of the list.
    given: Vec<(String, u16)>,
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
        let zone = args.group("authoritative").map(Zone::from_args).transpose()?;
        let given = servers(args, zone.is_some())?;
        let (family, source) = IpVersion::with_source(args)?;
        let transport = args.text("transport").unwrap_or("udp");
        if !matches!(transport, "udp" | "tcp") {
            let message = format!("several servers are asked over udp or tcp, not {transport}");
            return Err(Invalid::at("transport", message, "write a check for each server"));
        }
        let way = Way {
            source,
            family,
            patience: args.wait("timeout"),
            attempts: args.unsigned("attempts").unwrap_or(ATTEMPTS),
            stream: transport == "tcp",
        };
        let survey = Self {
            way,
            question: asked(args, zone.as_ref())?,
            named: args.has("name"),
            nsid: args.flag("nsid"),
            probes: Probe::ALL.into_iter().filter(|probe| probing(args, *probe)).collect(),
            outside: question::name(args.text("outside").unwrap_or("example.com"), types::A)
                .map_err(|why| Invalid::at("outside", why.message, why.help))?,
            wanted: args.group("wanted").map(Wanted::from_args).transpose()?,
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
                return Err(Invalid::at("probes", message, "write authoritative: {zone: …} in place of `server`"));
            }
            if self.wanted.as_ref().is_some_and(Wanted::by_serial) && self.question.code != types::SOA {
                return Err(Invalid::at("wanted", "a serial stands in a SOA record", "ask for type: SOA"));
            }
            return Ok(());
        };
        if !zone.zone_of(&self.question.name) {
            let message = format!("{} is not in the zone {}", said::text(&self.question.name), said::text(zone));
            return Err(Invalid::at("name", message, "ask for a name of the zone, or leave `name` out"));
        }
        if self.probes.contains(&Probe::Recursion) && zone.zone_of(&self.outside) {
            let message = format!("{} is inside the zone", said::text(&self.outside));
            return Err(Invalid::at("outside", message, "give a name the servers have nothing to do with"));
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

    /// What is asked of whom, for people.
    pub(super) fn target(&self) -> String {
        let title = self.question.title();
        match &self.zone {
            Some(zone) => format!("{title} @every server of {}", said::text(&zone.name)),
            None => {
                let list: Vec<String> = self.given.iter().map(|(host, port)| dial::endpoint(host, *port)).collect();
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
        let batches = if fixed { known.div_ceil(PARALLEL) } else { MOST / PARALLEL + 1 };
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
            cx.set(&ask::OUTCOME, "unresolved");
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
        for (host, port) in &self.given {
            let found = resolve(host, self.way.family, self.way.patience).await?.unwrap_or_default();
            if found.is_empty() {
                out.push(Server { label: dial::endpoint(host, *port), name: Some(host.clone()), address: None });
            }
            let literal = host.parse::<std::net::IpAddr>().is_ok();
            for address in found {
                let socket = SocketAddr::new(address, *port);
                let place = delegation::place(socket, 53);
                let label = if literal { place } else { format!("{host}/{place}") };
                let name = (!literal).then(|| host.clone());
                if out.len() < MOST && !out.iter().any(|server| server.address == Some(socket)) {
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
fn servers(args: &Args, zone: bool) -> Result<Vec<(String, u16)>, Invalid> {
    let servers = args.texts("server");
    if zone {
        let message = "`authoritative` finds the servers, `server` names them";
        let help = "keep one; names and addresses of a zone's servers stand in authoritative.ns";
        return if servers.is_empty() { Ok(Vec::new()) } else { Err(Invalid::at("server", message, help)) };
    }
    if servers.is_empty() || servers.len() > MOST {
        let message = format!("`server` names {} servers", servers.len());
        return Err(Invalid::at("server", message, format!("name 1 to {MOST}, or write authoritative: {{zone: …}}")));
    }
    servers.iter().map(|text| endpoint::of("server", text, Some(53))).collect()
}

/// The question of the check; without a name, the SOA of the zone. Servers of a zone are asked without RD, as resolvers do.
fn asked(args: &Args, zone: Option<&Zone>) -> Result<Question, Invalid> {
    let mut args = args.clone();
    match zone {
        None if !args.has("name") => {
            return Err(Invalid::at(
                "",
                "`dns` needs `name`",
                "write the name to ask for, or authoritative: {zone: …}",
            ));
        }
        None => return question::from_args(&args),
        Some(zone) if !args.has("name") => {
            args.0.insert("name", Arg::Text(crate::proto::dns::rdata::name(&zone.name)));
            args.0.entry("type").or_insert_with(|| Arg::Text("SOA".to_owned()));
        }
        Some(_) => {}
    }
    if args.text("class").is_some_and(|class| class != "IN") {
        return Err(Invalid::at("class", "a zone is surveyed in class IN", "leave `class` out"));
    }
    Ok(question::from_args(&args)?.recursive(false))
}
