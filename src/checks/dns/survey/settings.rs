//! The fields of a check as a survey.

use std::time::Duration;

use hickory_proto::rr::Name;

use super::fields::{AUTHORITATIVE, MAX_SERVERS, NS, OUTSIDE, PARENT, PROBES, Probe, VIA};
use super::querier::QueryPolicy;
use super::zone::Zone;
use super::{delegation, names};
use crate::checks::dns::fields::{ATTEMPTS, CLASS, Class, NAME, NSID, SERVER, TIMEOUT, TYPE};
use crate::checks::dns::question;
use crate::checks::dns::transport::{TRANSPORT, TransportWord};
use crate::checks::shared::target::{self, Target};
use crate::model::{Args, Choices as _, Invalid, Text};
use crate::net::endpoint;
use crate::proto::dns::presentation::labels;
use crate::proto::dns::question::{EdnsRequest, Question};
use crate::proto::dns::{rdata, types};

/// Queries after silence, where the check does not say: one lost packet of hundreds is no news.
const DEFAULT_ATTEMPTS: u32 = 3;

/// The servers, the question, and the probes.
pub(super) struct Settings {
    pub(super) policy: QueryPolicy,
    pub(super) zone: Option<Zone>,
    /// Servers of the list.
    pub(super) servers: Vec<Target>,
    pub(super) question: Question,
    /// The check names something else than the zone itself.
    pub(super) named: bool,
    pub(super) nsid: bool,
    pub(super) probes: Vec<Probe>,
    pub(super) outside: Name,
}

impl Settings {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let zone = args.get(&AUTHORITATIVE).map(|zone| Zone::from_args(&zone)).transpose()?;
        let servers = servers(args, zone.is_some())?;
        let hosts = hosts(args);
        let (version, origin) = target::version_and_origin(args, hosts.iter().map(String::as_str))?;
        let transport = args.get(&TRANSPORT);
        if !matches!(transport, TransportWord::Udp | TransportWord::Tcp) {
            let message = format!("several servers are asked over udp or tcp, not {}", transport.word());
            return Err(TRANSPORT.invalid(message, "write a check for each server"));
        }
        let policy = QueryPolicy {
            origin,
            version,
            patience: args.get(&TIMEOUT),
            attempts: args.get(&ATTEMPTS).unwrap_or(DEFAULT_ATTEMPTS),
            over_tcp: transport == TransportWord::Tcp,
        };
        let settings = Self {
            policy,
            question: asked(args, zone.as_ref())?,
            named: args.given(&NAME),
            nsid: args.get(&NSID),
            probes: Probe::all_requested(args),
            outside: question::name(&args.get(&OUTSIDE), types::A)
                .map_err(|why| OUTSIDE.invalid(why.message, why.help))?,
            zone,
            servers,
        };
        settings.check()?;
        Ok(settings)
    }

    /// Rules between fields.
    fn check(&self) -> Result<(), Invalid> {
        let Some(zone) = self.zone() else {
            if let Some(probe) =
                self.probes.iter().find(|probe| matches!(probe, Probe::Axfr | Probe::Negative | Probe::Dnssec))
            {
                let message = format!("probe {} needs to know the zone", probe.word());
                return Err(PROBES.invalid(message, "write authoritative: {zone: …} in place of `server`"));
            }
            return Ok(());
        };
        if !zone.zone_of(&self.question.name) {
            let message = format!("{} is not in the zone {}", names::text(&self.question.name), names::text(zone));
            return Err(NAME.invalid(message, "ask for a name of the zone, or leave `name` out"));
        }
        if self.probes.contains(&Probe::Recursion) && zone.zone_of(&self.outside) {
            let outside = names::text(&self.outside);
            let message = format!("probe recursion asks for {outside} (field `outside`), which is inside the zone");
            return Err(OUTSIDE.invalid(message, "give `outside` a name the servers have nothing to do with"));
        }
        Ok(())
    }

    pub(super) fn zone(&self) -> Option<&Name> {
        self.zone.as_ref().map(|zone| &zone.name)
    }

    /// The question without wishes, for probes that change one thing of it.
    pub(super) fn plain_question(&self) -> Question {
        self.question.clone().edns(Some(EdnsRequest::default()))
    }

    /// The question and its servers, for people.
    pub(super) fn label(&self) -> String {
        let title = self.question.title();
        match &self.zone {
            Some(zone) => format!("{title} @every server of {}", names::text(&zone.name)),
            None => {
                let list: Vec<String> = self.servers.iter().map(Target::label).collect();
                format!("{title} @{}", list.join(" @"))
            }
        }
    }

    /// The longest one server may take.
    pub(super) fn per_server(&self) -> Duration {
        let probes = u32::try_from(self.probes.len()).unwrap_or(u32::MAX);
        self.policy.patience.saturating_mul(4 * self.policy.attempts + 2 * probes + 4)
    }
}

/// What the servers of a check can be called, as far as its fields tell ([`labels::foreseen`]).
pub(super) fn labels(args: &Args) -> Option<String> {
    let settings = Settings::from_args(args).ok()?;
    let known: Option<Vec<String>> = match &settings.zone {
        // Of a name without addresses in the suite a resolver finds them.
        Some(zone) if zone.ns.iter().any(|(_, addresses)| addresses.is_empty()) => None,
        Some(zone) => {
            let each =
                zone.ns.iter().flat_map(|(name, addresses)| addresses.iter().map(move |address| (name, address)));
            Some(each.map(|(name, address)| format!("{name}/{}", delegation::place(*address, zone.port))).collect())
        }
        None => {
            let literal = |target: &Target| Some(delegation::place_of(target, target.literal()?));
            settings.servers.iter().map(literal).collect()
        }
    };
    Some(labels::foreseen(settings.zone.is_some(), known.as_deref()))
}

/// Everybody who is named: servers of the list, of the zone, of its parent, and resolvers.
fn hosts(args: &Args) -> Vec<String> {
    let mut texts: Vec<String> = args.get(&SERVER).into_iter().map(Text::into_value).collect();
    if let Some(zone) = args.get(&AUTHORITATIVE) {
        let others = zone.get(&PARENT).into_iter().chain(zone.get(&VIA)).map(Text::into_value);
        texts.extend(others.chain(zone.get(&NS).into_iter().flat_map(|(_, addresses)| addresses)));
    }
    texts.iter().filter_map(|text| Some(endpoint::parse(text, Some(53)).ok()?.0)).collect()
}

/// The servers of the list; a zone finds its own.
fn servers(args: &Args, zone: bool) -> Result<Vec<Target>, Invalid> {
    let servers = args.get(&SERVER);
    if zone {
        let message = "`authoritative` finds the servers, `server` names them";
        let help = "keep one; names and addresses of a zone's servers go into authoritative.ns";
        return if servers.is_empty() { Ok(Vec::new()) } else { Err(SERVER.invalid(message, help)) };
    }
    if servers.is_empty() || servers.len() > MAX_SERVERS {
        let message = format!("`server` names {} servers", servers.len());
        return Err(SERVER.invalid(message, format!("name 1 to {MAX_SERVERS}, or write authoritative: {{zone: …}}")));
    }
    let target = |text: &Text| {
        let (host, port) = target::endpoint_in(&SERVER, text, Some(53))?;
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
