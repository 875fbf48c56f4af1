//! Why a check failed: which ports are not as expected, on which hosts, and what to look at.

use super::facts::{
    CLOSED_ON_ANY, CLOSED_PORTS, FILTERED_ON_ANY, FILTERED_PORTS, HOST_OPEN, HOSTS, OPEN_ON_ALL, OPEN_ON_ANY,
    OPEN_PORTS, OUTCOME, SILENT, UNREACHABLE_HOSTS, UNRESOLVED_HOSTS,
};
use super::fields::{METHOD, ScanMethod};
use crate::checks::shared::diagnosis::{HERE, Peer, silence_of, unconnected};
use crate::model::record::Outcome;
use crate::model::rows::RowCells;
use crate::model::{PortSet, Value};
use crate::probe::{Diagnosis, Failure};

/// Hosts named in a sentence.
const NAMED: usize = 4;
/// Ranges of ports named in a sentence.
const RANGES: usize = 8;

pub(super) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    if failure.breach(OUTCOME.info.name).is_some() {
        return outcome(failure);
    }
    hosts(failure).or_else(|| ports(failure))
}

fn outcome(failure: &Failure<'_>) -> Option<Diagnosis> {
    let peer = Peer::of(failure, 't');
    let host = &peer.host;
    match failure.word(&OUTCOME)? {
        "answered" => {
            let open = listed(failure, OPEN_PORTS.info.name)
                .or_else(|| listed(failure, OPEN_ON_ANY.info.name))
                .unwrap_or_default();
            let what = if open.is_empty() {
                "no port is open, but ports are refused, not dropped".to_owned()
            } else {
                format!("open: {}", shown(&open))
            };
            Some(Diagnosis::new(
                format!("{host} answers, where nothing should ({what})"),
                format!(
                    "is the filter in place that should drop it? on {host} and the routers before it: `nft list ruleset`"
                ),
            ))
        }
        "silent" => {
            let cause = failure.ending().map_or_else(|| format!("no answer from {host} on any port"), str::to_owned);
            let next = format!(
                "is it the right address, and is the host up? here: `ip route get {host}`, `ping -c3 {host}`; if it answers ping, a firewall drops all of \
                 it, there or on the way: `nft list ruleset`{HERE}"
            );
            Some(Diagnosis::new(cause, next).group(silence_of(host)))
        }
        _ => unconnected(failure, &OUTCOME, &peer),
    }
}

/// Hosts that did not answer at all.
fn hosts(failure: &Failure<'_>) -> Option<Diagnosis> {
    let total = failure.rows(&HOSTS)?.total;
    let broken = |name: &'static str| failure.breach(name).map(|_| failure.list(name)).filter(|list| !list.is_empty());
    let first = |list: &[&str]| list.first().map(|host| (*host).to_owned()).unwrap_or_default();
    if let Some(list) = broken(SILENT.info.name) {
        let host = first(&list);
        let next = format!(
            "is it the right address, and is the host up? here: `ip route get {host}`, `ping -c3 {host}`; if it is, a firewall drops all of it{HERE}"
        );
        return Some(Diagnosis::new(
            format!("{} of {total} hosts answer on no port: {}", list.len(), named(&list)),
            next,
        ));
    }
    if let Some(list) = broken(UNREACHABLE_HOSTS.info.name) {
        let next = format!(
            "who rejects it is in `hosts.error`: look at its routes and rules; the hops up to it: `traceroute -n {}`",
            first(&list)
        );
        return Some(Diagnosis::new(
            format!("{} of {total} hosts cannot be reached: {}", list.len(), named(&list)),
            next,
        ));
    }
    let list = broken(UNRESOLVED_HOSTS.info.name)?;
    let next = format!("is the name right, and does DNS know it? `dig {}`", first(&list));
    Some(Diagnosis::new(format!("{} of {total} hosts have no address: {}", list.len(), named(&list)), next))
}

/// Ports that are not what they should be.
fn ports(failure: &Failure<'_>) -> Option<Diagnosis> {
    let of_open = [&OPEN_PORTS, &OPEN_ON_ANY, &OPEN_ON_ALL];
    let others = [
        (&CLOSED_PORTS, "closed"),
        (&CLOSED_ON_ANY, "closed"),
        (&FILTERED_PORTS, "filtered"),
        (&FILTERED_ON_ANY, "filtered"),
    ];
    let udp = failure.argument(&METHOD) == ScanMethod::Udp;
    let listeners = if udp { "ss -lunp" } else { "ss -ltnp" };
    for fact in of_open {
        let Some(breach) = failure.breach(fact.info.name) else { continue };
        let seen = listed(failure, fact.info.name)?;
        let (surplus, missing) = difference(breach, &seen)?;
        let host = holder(failure, &surplus);
        let mut causes = Vec::new();
        if !surplus.is_empty() {
            causes.push(format!("{} open on {host} that should not be: {}", counted(&surplus), shown(&surplus)));
        }
        if !missing.is_empty() {
            let where_ = if fact.info.name == OPEN_ON_ALL.info.name {
                "every host".to_owned()
            } else {
                holder(failure, &PortSet::default())
            };
            causes.push(format!(
                "{} not open on {where_} that should be: {}{}",
                counted(&missing),
                shown(&missing),
                as_what(failure, &missing)
            ));
        }
        let next = if surplus.is_empty() {
            format!(
                "is the service up, and on this address? there: `{listeners}`; where it is, a firewall is in between: `nft list ruleset` there and on the way"
            )
        } else {
            format!("stop what listens, or put the filter in place; there: `{listeners}`, `nft list ruleset`")
        };
        return Some(Diagnosis::new(causes.join("; "), next));
    }
    for (fact, word) in others {
        let Some(breach) = failure.breach(fact.info.name) else { continue };
        let (surplus, missing) = difference(breach, &listed(failure, fact.info.name)?)?;
        let mut causes = Vec::new();
        if !surplus.is_empty() {
            causes.push(format!("{} {word} that should not be: {}", counted(&surplus), shown(&surplus)));
        }
        if !missing.is_empty() {
            causes.push(format!(
                "{} not {word} that should be: {}{}",
                counted(&missing),
                shown(&missing),
                as_what(failure, &missing)
            ));
        }
        let next = format!(
            "what listens, and what is filtered, is told there by `{listeners}` and `nft list ruleset`; on the way: the rules of each router"
        );
        return Some(Diagnosis::new(causes.join("; "), next));
    }
    None
}

/// Ports that are there and should not be, and those that should and are not; `None` where the expectation names none.
fn difference(breach: &Outcome, seen: &PortSet) -> Option<(PortSet, PortSet)> {
    let want = wanted(&breach.want);
    let (surplus, missing) = match &*breach.operator {
        "exactly" | "eq" => (seen.without(&want?), wanted(&breach.want)?.without(seen)),
        "contains" => (PortSet::default(), want?.without(seen)),
        "excludes" => (seen.and(&want?), PortSet::default()),
        "len" if matches!(&*breach.want, "0" | "{eq: 0}") => (seen.clone(), PortSet::default()),
        // `all: {in: […]}`: what else there is.
        "all" => (seen.without(&wanted(breach.want.strip_prefix("{in: ")?.strip_suffix('}')?)?), PortSet::default()),
        "none" => {
            let inner = |word: &str| wanted(breach.want.strip_prefix(word)?.strip_suffix('}')?);
            let surplus = inner("{in: ")
                .map(|ports| seen.and(&ports))
                .or_else(|| inner("{not_in: ").map(|ports| seen.without(&ports)))?;
            (surplus, PortSet::default())
        }
        _ => return None,
    };
    (!surplus.is_empty() || !missing.is_empty()).then_some((surplus, missing))
}

/// The ports of a value as a suite writes it.
fn wanted(want: &str) -> Option<PortSet> {
    let inside = want.trim_start_matches('[').trim_end_matches(']').trim();
    if inside.is_empty() { Some(PortSet::default()) } else { PortSet::parse(inside).ok() }
}

fn listed(failure: &Failure<'_>, name: &'static str) -> Option<PortSet> {
    failure.value(name)?;
    PortSet::of_texts(failure.list(name).into_iter().map(Some))
}

/// Which host has one of these ports open, where there are many.
fn holder(failure: &Failure<'_>, ports: &PortSet) -> String {
    let Some(rows) = failure.rows(&HOSTS) else { return Peer::of(failure, 't').host };
    let column = HOST_OPEN.info.name.strip_prefix("hosts.").and_then(|name| rows.column(name));
    let has = |cells: RowCells<'_>| {
        let value = column.and_then(|at| cells.get(at)?.to_value());
        let texts = value.as_ref().and_then(Value::as_array).map(|list| list.iter().map(Value::as_str));
        texts.and_then(PortSet::of_texts).is_some_and(|open| open.touches(ports))
    };
    let holders: Vec<&str> = rows.rows.iter().filter(|(_, cells)| has(*cells)).map(|(key, _)| key).collect();
    if holders.is_empty() { "any host".to_owned() } else { named(&holders) }
}

/// What ports are that are not open, of one host.
fn as_what(failure: &Failure<'_>, missing: &PortSet) -> String {
    let parts: Vec<String> = [(&OPEN_PORTS, "open"), (&CLOSED_PORTS, "closed"), (&FILTERED_PORTS, "filtered")]
        .into_iter()
        .filter_map(|(fact, word)| {
            let ports = listed(failure, fact.info.name)?.and(missing);
            (!ports.is_empty())
                .then(|| if ports == *missing { word.to_owned() } else { format!("{} {word}", shown(&ports)) })
        })
        .collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn counted(ports: &PortSet) -> String {
    match ports.len() {
        1 => "1 port is".to_owned(),
        count => format!("{count} ports are"),
    }
}

fn shown(ports: &PortSet) -> String {
    first_few(&ports.texts(), RANGES)
}

fn named(hosts: &[&str]) -> String {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    first_few(&hosts, NAMED)
}

/// The first few, and how many more.
fn first_few(texts: &[String], few: usize) -> String {
    let first = texts.iter().take(few).cloned().collect::<Vec<_>>().join(", ");
    match texts.len().checked_sub(few) {
        Some(more) if more > 0 => format!("{first} and {more} more"),
        _ => first,
    }
}
