//! Why a check of several servers failed.

use super::delegation::SAME_ADDRESS;
use super::fields::{AUTHORITATIVE, PARENT};
use super::server_rows::SERVERS;
use crate::checks::dns::diagnosis::{listed, words};
use crate::checks::shared::diagnosis::{HERE, Peer, listening, split};
use crate::model::Value;
use crate::model::shell::{self, command};
use crate::probe::{Diagnosis, Failure};

/// Nothing listens on the port of a server.
const CLOSED: &str = "port closed";
/// Port of name servers.
const DNS: u16 = 53;

/// What several servers say: the most decisive of it first.
pub(in crate::checks::dns) fn diagnose(failure: &Failure<'_>, question: &str) -> Option<Diagnosis> {
    let zone = question.split(' ').next().unwrap_or(failure.target);
    if failure.rows(&SERVERS).is_none() && failure.value("servers.count").is_none() {
        return None;
    }
    let soa = |server: &str| dig(server, &format!("{zone} SOA"));
    let count = failure.value("servers.count").and_then(Value::as_i64).unwrap_or(0);
    let failed = failure.list("servers.failed");
    if failure.breach("servers.failed").is_some() || (!failed.is_empty() && failure.breach("lame").is_some()) {
        let who = if i64::try_from(failed.len()) == Ok(count) {
            if count == 1 {
                format!("the only server of {zone} does not answer")
            } else {
                format!("none of the {count} servers of {zone} answers")
            }
        } else {
            format!("{} of {count} servers of {zone} do not answer", failed.len())
        };
        let how = how_they_failed(failure, &failed);
        let first = address_of(failed.first()?);
        let addresses: Vec<&str> = failed.iter().map(address_of).collect();
        let next = if how.iter().all(|how| how.ends_with(&format!("({CLOSED})"))) {
            let listeners = Peer { host: listed(&addresses), port: DNS, sockets: 'u', patient: None };
            listening(&listeners)
        } else {
            format!("is the daemon up, and port 53 open (UDP and TCP)? ask it: {}{HERE}", soa(first))
        };
        return Some(Diagnosis::new(format!("{who}: {}", listed(&how)), next));
    }
    if failure.breach("ns.agree").is_some()
        && ["ns.parent", "ns.child"].iter().all(|fact| failure.value(fact).is_some())
    {
        return Some(delegation(failure, zone));
    }
    if failure.breach("lame").is_some() {
        let lame = failure.list("lame");
        let first = address_of(lame.first()?);
        return Some(Diagnosis::new(
            format!("{} of {count} servers do not answer for {zone} with authority: {}", lame.len(), listed(&lame)),
            format!("is the zone loaded there? its log says why it was not; ask it: {}", soa(first)),
        ));
    }
    let behind = failure.list("serial.behind");
    if !behind.is_empty() && ["serial", "consistent"].iter().any(|fact| failure.breach(fact).is_some()) {
        let first = address_of(behind.first()?);
        return Some(Diagnosis::new(
            format!("{} of {count} servers of {zone} have an older serial: {}", behind.len(), listed(&behind)),
            format!("do notify and zone transfer reach them? see the log of that server, and ask it: {}", soa(first)),
        ));
    }
    let differing = failure.list("servers.differing");
    if !differing.is_empty() && failure.breach("consistent").is_some() {
        let first = address_of(differing.first()?);
        return Some(Diagnosis::new(
            format!("{} of {count} servers of {zone} answer differently: {}", differing.len(), listed(&differing)),
            format!("ask it, then another one: {}", dig(first, question)),
        ));
    }
    None
}

/// Parent and zone name different servers.
fn delegation(failure: &Failure<'_>, zone: &str) -> Diagnosis {
    let (parent, child) = (failure.list("ns.parent"), failure.list("ns.child"));
    let only = |these: &[&str], those: &[&str]| {
        let missing: Vec<&str> = these.iter().filter(|name| !those.contains(name)).copied().collect();
        listed(&missing)
    };
    let (of_parent, of_zone) = (only(&parent, &child), only(&child, &parent));
    let cause = match (of_parent.is_empty(), of_zone.is_empty()) {
        (true, true) => format!("the servers of {zone} and of its parent do not agree on who serves it"),
        (false, true) => format!("the parent delegates {zone} to {of_parent}, which the zone itself does not name"),
        (true, false) => format!("the zone {zone} names {of_zone}, to which its parent does not delegate"),
        (false, false) => {
            format!("the parent delegates {zone} to {of_parent}; the zone itself names {of_zone} instead")
        }
    };
    // A server that was renamed, on one side only, is the most frequent reason.
    let renamed = failure.notes().iter().find(|note| note.contains(SAME_ADDRESS));
    let cause = renamed.map_or(cause.clone(), |note| format!("{cause} ({note})"));
    let server = failure.rows(&SERVERS).and_then(|servers| servers.rows.get(0)).map(|(server, _)| server);
    let ns = format!("{zone} NS");
    let at_zone = server.map(|server| format!(" the zone: {}", dig(address_of(&server), &ns)));
    let at_zone = at_zone.unwrap_or_default();
    let parents = failure.argument(&AUTHORITATIVE).map(|zone| zone.get(&PARENT)).unwrap_or_default();
    let at_parent = match parents.first() {
        Some(parent) => format!("ask the parent: {};", dig(split(parent.shown()).0, &ns)),
        None => format!("ask the parent: {};", command(&format!("dig +trace {}", words(&ns)))),
    };
    let next = format!(
        "decide which is right, then correct the delegation at the registry, or the NS records in the zone; {at_parent}{at_zone}"
    );
    Diagnosis::new(cause, next)
}

/// Servers with how the question to each ended, as the evidence has it.
fn how_they_failed(failure: &Failure<'_>, servers: &[&str]) -> Vec<String> {
    let how = |server: &&str| {
        let noted = |note: &&String| {
            note.strip_prefix(*server).is_some_and(|rest| rest.starts_with(" (") && rest.ends_with(')'))
        };
        failure.notes().iter().find(noted).map_or_else(|| (*server).to_owned(), Clone::clone)
    };
    servers.iter().map(how).collect()
}

/// The command that asks a server of the zone.
fn dig(server: &str, question: &str) -> String {
    command(&format!("dig +norecurse @{} {}", shell::word(server), words(question)))
}

/// The address of a server of a survey: `ns1.example./192.0.2.53`, or an address alone; its name where it has none.
fn address_of<'f>(server: &&'f str) -> &'f str {
    let server = server.split(' ').next().unwrap_or(server);
    server.rsplit_once('/').map_or(server, |(_, address)| address)
}
