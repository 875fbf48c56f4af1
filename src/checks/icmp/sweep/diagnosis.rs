//! Why a sweep failed: which hosts, how many of how many, and what to look at.

use super::facts::{ALIVE, DEAD, ERROR, HOSTS, UNREACHABLE, UNRESOLVED_HOSTS};
use crate::checks::icmp::diagnosis::after_silence;
use crate::model::Value;
use crate::probe::{Diagnosis, Failure};

/// Hosts named in a sentence.
const NAMED: usize = 4;

/// `None` where the failure is not about the lists of a sweep.
pub(in crate::checks::icmp) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    let total = failure.rows(&HOSTS)?.total;
    let alive = failure.list(ALIVE.info.name);
    let broken = |name: &'static str| failure.breach(name).map(|_| failure.list(name)).filter(|list| !list.is_empty());
    if let Some(dead) = broken(DEAD.info.name) {
        let first = dead.first().copied().unwrap_or_default();
        let cause =
            format!("{} of {total} hosts do not answer ping: {}{}", dead.len(), named(&dead), said(failure, first));
        let next = if alive.is_empty() {
            format!(
                "not one host answers: is it the way there, or does a firewall drop ICMP? `ip route get {first}`, `mtr -n {first}`"
            )
        } else {
            after_silence(first)
        };
        return Some(Diagnosis::new(cause, next));
    }
    if let Some(hosts) = broken(UNREACHABLE.info.name) {
        let first = hosts.first().copied().unwrap_or_default();
        let cause =
            format!("{} of {total} hosts cannot be reached: {}{}", hosts.len(), named(&hosts), said(failure, first));
        let next = format!(
            "the router that is named has no way there: look at its routes and rules; the hops up to it: `traceroute -n {first}`"
        );
        return Some(Diagnosis::new(cause, next));
    }
    let hosts = broken(UNRESOLVED_HOSTS.info.name)?;
    let first = hosts.first().copied().unwrap_or_default();
    let cause = format!("{} of {total} hosts have no address: {}{}", hosts.len(), named(&hosts), said(failure, first));
    Some(Diagnosis::new(cause, format!("is the name right, and does DNS know it? `dig {first}`")))
}

/// What the table says of a host, behind its name.
fn said(failure: &Failure<'_>, host: &str) -> String {
    let rows = failure.rows(&HOSTS);
    let error = rows.and_then(|rows| {
        let at = rows.column(ERROR.info.name.strip_prefix("hosts.")?)?;
        let (_, cells) = rows.rows.iter().find(|(key, _)| *key == host)?;
        cells.get(at)?.to_value()
    });
    error.as_ref().and_then(Value::as_str).map(|error| format!(" ({error})")).unwrap_or_default()
}

/// The first few, and how many more.
fn named(hosts: &[&str]) -> String {
    let first = hosts.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match hosts.len().checked_sub(NAMED) {
        Some(more) if more > 0 => format!("{first} and {more} more"),
        _ => first,
    }
}
