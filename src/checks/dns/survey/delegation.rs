//! Which servers a zone has: as the suite gives them, as the parent delegates, as the zone itself adds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hickory_proto::rr::Name;
use tokio::time::Instant;

use super::fields::{MAX_SERVERS, PARENT};
use super::querier::{Querier, QueryPolicy};
use super::resolver::Resolver;
use super::rules::{ParentDs, SiblingGlue, ask_ds};
use super::server_report::{DnsServer, ServerAddresses, ServerReport};
use super::zone::Zone;
use super::{names, records};
use crate::checks::shared::target::{self, Target};
use crate::model::Fault;
use crate::net::{dial, resolve};
use crate::proto::dns::message::Reply;
use crate::proto::dns::question::Question;
use crate::proto::dns::{rcode, types};

/// Words of the note of a name that is another one's as well, by its address.
pub(super) const SAME_ADDRESS: &str = "has the address of";

/// Servers of the parent that are asked.
const PARENTS: usize = 32;
/// Questions in flight while servers are discovered.
const IN_FLIGHT: usize = 8;

/// The servers of a zone, as far as known before one of them is asked.
#[derive(Default)]
pub(super) struct Delegation {
    pub(super) servers: Vec<DnsServer>,
    /// Names of the servers as delegated or given; nothing when the parent does not show them, or its servers differ.
    pub(super) names: Option<BTreeSet<String>>,
    /// Servers of the parent name different servers.
    pub(super) split: bool,
    /// Servers of the parent without a delegation.
    pub(super) failed: Vec<String>,
    /// DS records at the servers of the parent that answered.
    pub(super) ds: Vec<(String, ParentDs)>,
    /// Glue of servers outside the zone, beside what a resolver finds; nothing when there is none, or no resolver.
    pub(super) siblings: Option<SiblingGlue>,
    /// Addresses that a server with the zone itself sent along with the names.
    hints: BTreeMap<String, BTreeSet<IpAddr>>,
    /// Addresses that came with the names; nothing when no delegation was seen.
    pub(super) glue: Option<BTreeMap<String, BTreeSet<IpAddr>>>,
    pub(super) aliases: BTreeSet<String>,
    pub(super) unresolved: BTreeSet<String>,
    /// Addresses behind several names.
    pub(super) shared: Vec<String>,
    pub(super) notes: Vec<String>,
    /// Why there may be more than was seen.
    pub(super) in_part: Option<String>,
}

/// Finds the servers of a zone.
pub(super) async fn discover(zone: &Zone, policy: &QueryPolicy, end: Instant, seed: u64) -> Result<Delegation, Fault> {
    let mut out = Delegation::default();
    let names = if zone.ns.is_empty() {
        from_parent(zone, policy, end, seed, &mut out).await?
    } else {
        let given = zone.ns.iter().filter(|(_, addresses)| !addresses.is_empty());
        let glue = given.map(|(name, found)| (name.clone(), found.iter().map(SocketAddr::ip).collect()));
        out.glue = Some(glue.collect());
        out.names = Some(zone.ns.iter().map(|(name, _)| name.clone()).collect());
        zone.ns.iter().map(|(name, _)| name.clone()).collect()
    };
    let mut found: Vec<(String, Vec<SocketAddr>)> = Vec::new();
    let mut unknown = Vec::new();
    for name in names {
        let given = zone.ns.iter().find(|(given, _)| *given == name).map(|(_, addresses)| addresses.clone());
        let glue = || out.glue.as_ref().and_then(|glue| glue.get(&name)).or_else(|| out.hints.get(&name));
        let addresses = given.unwrap_or_else(|| sockets(glue().into_iter().flatten().copied(), zone.port));
        if addresses.is_empty() {
            unknown.push(name.clone());
        }
        found.push((name, addresses));
    }
    for (name, addresses) in resolved(zone, policy, end, seed, &unknown).await? {
        if addresses.alias {
            out.aliases.insert(name.clone());
        }
        out.half(&name, &addresses, policy);
        if let Some((_, slot)) = found.iter_mut().find(|(known, _)| *known == name) {
            *slot = sockets(addresses.found, zone.port);
        }
    }
    for (name, addresses) in found {
        out.add(&name, &addresses, zone, policy);
    }
    Ok(out)
}

/// Servers that only the zone itself names, or gives another address, once its own servers were asked; for names outside the
/// zone, a resolver has the addresses. Of a zone given in the suite nobody else is asked.
pub(super) async fn added_by_zone(
    zone: &Zone,
    policy: &QueryPolicy,
    end: Instant,
    seed: u64,
    reports: &[ServerReport],
    known: &mut Delegation,
) -> Result<Vec<DnsServer>, Fault> {
    if !zone.ns.is_empty() {
        return Ok(Vec::new());
    }
    let before = known.servers.len();
    let named: BTreeSet<String> =
        reports.iter().filter_map(|report| report.ns.as_ref()).flat_map(|(_, names)| names.iter().cloned()).collect();
    let known_names: BTreeSet<String> = known.servers.iter().filter_map(|server| server.name.clone()).collect();
    let mut outside = Vec::new();
    if named.len() > MAX_SERVERS {
        known.cut(format!("the zone names {} servers, and the addresses of {MAX_SERVERS} are looked for", named.len()));
    }
    for name in named.into_iter().take(MAX_SERVERS) {
        let fresh = !known_names.contains(&name);
        if !names::parse(&name).is_some_and(|parsed| zone.name.zone_of(&parsed)) {
            outside.extend(Some(name).filter(|_| fresh));
            continue;
        }
        let own = reports.iter().filter_map(|report| report.addresses.get(&name)).flat_map(|found| found.found.clone());
        let own = sockets(own.collect::<BTreeSet<_>>(), zone.port);
        let new: Vec<SocketAddr> = own.iter().copied().filter(|socket| !known.asks(*socket)).collect();
        if fresh {
            known.add(&name, &own, zone, policy);
        } else if !new.is_empty() {
            known.add(&name, &new, zone, policy);
        }
    }
    for (name, addresses) in resolved(zone, policy, end, seed, &outside).await? {
        if addresses.alias {
            known.aliases.insert(name.clone());
        }
        known.half(&name, &addresses, policy);
        known.add(&name, &sockets(addresses.found, zone.port), zone, policy);
    }
    Ok(known.servers.split_off(before))
}

impl Delegation {
    fn asks(&self, socket: SocketAddr) -> bool {
        self.servers.iter().any(|server| server.address == Some(socket))
    }

    /// Adds the servers behind a name; an address is asked once, whatever its names.
    fn add(&mut self, name: &str, addresses: &[SocketAddr], zone: &Zone, policy: &QueryPolicy) {
        let admitted: Vec<SocketAddr> =
            addresses.iter().copied().filter(|socket| policy.version.admits(socket.ip())).collect();
        if addresses.is_empty() {
            self.unresolved.insert(name.to_owned());
            self.push(DnsServer { label: name.to_owned(), name: Some(name.to_owned()), address: None });
        }
        if admitted.is_empty() && !addresses.is_empty() {
            self.notes.push(format!("{name} is not asked: it has no address of the family asked for"));
        }
        for socket in admitted {
            let place = place(socket, zone.port);
            if let Some(same) = self.servers.iter().find(|server| server.address == Some(socket)) {
                self.notes.push(format!("{name} {SAME_ADDRESS} {}", same.label));
                if !self.shared.contains(&place) {
                    self.shared.push(place);
                }
                continue;
            }
            self.push(DnsServer {
                label: format!("{name}/{place}"),
                name: Some(name.to_owned()),
                address: Some(socket),
            });
        }
    }

    /// A resolver found addresses of one IP version, and could not look up the other: there may be more servers.
    fn half(&mut self, name: &str, addresses: &ServerAddresses, policy: &QueryPolicy) {
        for (kind, known, any) in
            [("A", addresses.v4_known, IpAddr::from([0; 4])), ("AAAA", addresses.v6_known, IpAddr::from([0_u16; 8]))]
        {
            if !known && policy.version.admits(any) && !addresses.found.is_empty() {
                self.cut(format!("the {kind} records of {name} could not be looked up"));
            }
        }
    }

    /// A server of the parent of which no address was found gives no delegation to those who look for it, unless its address is
    /// of the IP version that is left out, or the resolver failed to say.
    fn lost_parent(&mut self, name: String, addresses: &ServerAddresses, policy: &QueryPolicy) {
        let versions = [(addresses.v4_known, IpAddr::from([0; 4])), (addresses.v6_known, IpAddr::from([0_u16; 8]))];
        let asked = versions.map(|(known, any)| policy.version.admits(any).then_some(known));
        if asked.contains(&Some(false)) {
            self.cut(format!("the addresses of {name}, a server of the parent, could not be looked up"));
        } else if asked.contains(&None) {
            self.notes.push(format!("{name} of the parent is not asked: it has no address of the family asked for"));
        } else {
            self.notes.push(format!("{name} of the parent: it has no address"));
            self.failed.push(name);
        }
    }

    fn push(&mut self, server: DnsServer) {
        if self.servers.len() < MAX_SERVERS {
            self.servers.push(server);
        } else {
            self.cut(format!("the zone has more than the {MAX_SERVERS} servers that are asked"));
        }
    }

    /// Something is left out, for this reason; the first one is told.
    fn cut(&mut self, why: String) {
        self.in_part.get_or_insert(why);
    }
}

/// An address as it stands in names of servers: with its port where that is not the usual one.
pub(super) fn place(socket: SocketAddr, usual: u16) -> String {
    if socket.port() == usual {
        socket.ip().to_string()
    } else {
        dial::endpoint(&socket.ip().to_string(), socket.port())
    }
}

/// [`place`] of an address of a server of the list; one of a link with the link.
pub(super) fn place_of(target: &Target, address: IpAddr) -> String {
    let label = target.origin.label(address);
    if target.port == 53 { label } else { dial::endpoint(&label, target.port) }
}

fn sockets(addresses: impl IntoIterator<Item = IpAddr>, port: u16) -> Vec<SocketAddr> {
    addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()
}

/// Looks up the servers outside the zone for which the parent sends addresses along.
pub(super) async fn look_up_siblings(
    zone: &Zone,
    policy: &QueryPolicy,
    end: Instant,
    seed: u64,
    known: &mut Delegation,
) {
    if !zone.ns.is_empty() || (zone.via.is_empty() && !zone.parent.is_empty()) {
        return;
    }
    let outside = |name: &str| names::parse(name).is_some_and(|name| !zone.name.zone_of(&name));
    // Of an IP version that is left out (`ip_version`) no resolver is asked.
    let asked = |all: &BTreeSet<IpAddr>| -> BTreeSet<IpAddr> {
        all.iter().copied().filter(|one| policy.version.admits(*one)).collect()
    };
    let glue = known.glue.iter().flatten().filter(|(name, _)| outside(name));
    let glue: Vec<(String, BTreeSet<IpAddr>)> = glue
        .map(|(name, addresses)| (name.clone(), asked(addresses)))
        .filter(|(_, addresses)| !addresses.is_empty())
        .collect();
    if glue.is_empty() {
        return;
    }
    let names: Vec<String> = glue.iter().map(|(name, _)| name.clone()).collect();
    known.siblings = Some(match resolved(zone, policy, end, seed, &names).await {
        Err(fault) => SiblingGlue::Failed(fault),
        Ok(found) => SiblingGlue::Asked(
            glue.into_iter()
                .map(|(name, glue)| {
                    let own = found.iter().find(|(known, _)| *known == name).map(|(_, own)| own.clone());
                    (name, glue, own.unwrap_or_default())
                })
                .collect(),
        ),
    });
}

/// Asks a resolver for the addresses of `names`; nobody is asked when there are none.
async fn resolved(
    zone: &Zone,
    policy: &QueryPolicy,
    end: Instant,
    seed: u64,
    names: &[String],
) -> Result<Vec<(String, ServerAddresses)>, Fault> {
    let parsed: Vec<(String, Name)> =
        names.iter().filter_map(|text| Some((text.clone(), names::parse(text)?))).collect();
    if parsed.is_empty() {
        return Ok(Vec::new());
    }
    let resolver = Resolver::new(policy, &zone.via, end, seed).await?;
    let asked = parsed.into_iter().map(|(text, name)| {
        let resolver = &resolver;
        async move { Ok((text, resolver.addresses(&name).await?)) }
    });
    let asked: Vec<_> = asked.collect();
    stream::iter(asked).buffered(IN_FLIGHT).try_collect().await
}

/// Asks every server of the parent for the delegation. Returns the names of all servers in the answers.
async fn from_parent(
    zone: &Zone,
    policy: &QueryPolicy,
    end: Instant,
    seed: u64,
    out: &mut Delegation,
) -> Result<BTreeSet<String>, Fault> {
    if zone.name.is_root() && zone.parent.is_empty() {
        let reply = Resolver::new(policy, &zone.via, end, seed).await?.ask(&zone.name, types::NS).await?;
        return Ok(records::ns_names(&reply.answers, &zone.name));
    }
    let parents = parents(zone, policy, end, seed, out).await?;
    if parents.len() > PARENTS {
        out.cut(format!("the parent has {} servers, and {PARENTS} of them are asked", parents.len()));
    }
    let asked = parents.into_iter().take(PARENTS).map(|(label, socket)| async move {
        let time = end.saturating_duration_since(Instant::now());
        let mut querier = Querier::new(policy, socket, time, seed);
        let result = querier.ask(&Question::own(zone.name.clone(), types::NS)).await?;
        let found = result.reply.as_deref().map(|reply| referral(reply, &zone.name));
        let ds = match found {
            Some(Referral::Delegated(_) | Referral::Own(_)) => Some(ask_ds(&mut querier, &zone.name).await?),
            Some(Referral::None(_)) | None => None,
        };
        Ok::<_, Fault>((label, result, found, ds))
    });
    let asked: Vec<_> = asked.collect();
    let result: Vec<_> = stream::iter(asked).buffered(IN_FLIGHT).try_collect().await?;
    let (mut delegated, mut all, mut glue) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
    for (label, result, found, ds) in result {
        out.ds.extend(ds.map(|ds| (label.clone(), ds)));
        if result.reply.as_ref().is_some_and(|reply| reply.truncated()) {
            out.cut(format!("the delegation {label} gives is truncated"));
        }
        match found {
            Some(Referral::Delegated(names)) => {
                all.extend(names.iter().cloned());
                along(result.reply.as_deref(), &names, &mut glue);
                delegated.push(names);
            }
            Some(Referral::Own(names)) => {
                out.notes.push(format!("{label} serves the zone itself and does not show how it is delegated"));
                along(result.reply.as_deref(), &names, &mut out.hints);
                all.extend(names);
            }
            Some(Referral::None(why)) => {
                out.notes.push(format!("{label} of the parent: {why}"));
                out.failed.push(label);
            }
            None => {
                out.notes.push(format!("{label} of the parent: {}", result.outcome));
                out.failed.push(label);
            }
        }
    }
    let first = delegated.first().cloned();
    out.split = delegated.iter().any(|names| Some(names) != first.as_ref());
    if out.split {
        let sets: Vec<String> = delegated.iter().map(|names| Vec::from_iter(names.clone()).join(" ")).collect();
        out.notes.push(format!("servers of the parent name different servers: {}", sets.join(" | ")));
    }
    out.names = first.filter(|_| !out.split);
    out.glue = (!delegated.is_empty()).then_some(glue);
    Ok(all)
}

/// Addresses of `names` that an answer has in its additional section.
fn along(reply: Option<&Reply>, names: &BTreeSet<String>, into: &mut BTreeMap<String, BTreeSet<IpAddr>>) {
    let records = reply.into_iter().flat_map(|reply| &reply.additional);
    for record in records.filter(|record| matches!(record.code, types::A | types::AAAA) && record.sound) {
        let owner = names::text(&record.owner);
        if let (true, Ok(address)) = (names.contains(&owner), record.data.parse::<IpAddr>()) {
            into.entry(owner).or_default().insert(address);
        }
    }
}

/// Servers of the parent: as given, or as a resolver finds them.
pub(super) async fn parents(
    zone: &Zone,
    policy: &QueryPolicy,
    end: Instant,
    seed: u64,
    out: &mut Delegation,
) -> Result<Vec<(String, SocketAddr)>, Fault> {
    let mut sockets = Vec::new();
    for text in &zone.parent {
        let Ok((host, port)) = target::endpoint_in(&PARENT, text, Some(53)) else { continue };
        match resolve(&host, policy.version, policy.patience).await? {
            Ok(found) => {
                if let Some(why) = found.partial {
                    out.cut(format!("{host}: {why}"));
                }
                sockets.extend(found.list.into_iter().map(|address| {
                    let socket = SocketAddr::new(address, port);
                    (place(socket, 53), socket)
                }));
            }
            Err(why) => {
                out.notes.push(why);
                out.failed.push(text.to_string());
            }
        }
    }
    if !zone.parent.is_empty() {
        return Ok(sockets);
    }
    let resolver = Resolver::new(policy, &zone.via, end, seed).await?;
    let Some((parent, names)) = resolver.parent_of(&zone.name).await? else {
        out.notes.push(format!("no resolver knows a zone above {}", names::text(&zone.name)));
        return Ok(sockets);
    };
    out.notes.push(format!("the parent is {}", names::text(&parent)));
    let names: Vec<String> = names.into_iter().collect();
    for (name, addresses) in resolved(zone, policy, end, seed, &names).await? {
        out.half(&name, &addresses, policy);
        if addresses.found.is_empty() {
            out.lost_parent(name.clone(), &addresses, policy);
        }
        sockets.extend(
            addresses.found.into_iter().map(|address| (format!("{name}/{address}"), SocketAddr::new(address, 53))),
        );
    }
    Ok(sockets)
}

enum Referral {
    /// NS of the zone in the authority section.
    Delegated(BTreeSet<String>),
    /// An answer with authority: this server has the zone itself.
    Own(BTreeSet<String>),
    None(String),
}

fn referral(reply: &Reply, zone: &Name) -> Referral {
    let own = records::ns_names(&reply.answers, zone);
    if reply.has("aa") && !own.is_empty() {
        return Referral::Own(own);
    }
    let delegated = records::ns_names(&reply.authority, zone);
    if reply.rcode == rcode::NOERROR && !delegated.is_empty() {
        return Referral::Delegated(delegated);
    }
    Referral::None(format!("{} without a delegation", rcode::text(reply.rcode)))
}
