//! From what the threads found to facts.

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::OwnAddresses;
use super::facts::{
    ADDRESS, ALIVE, ALTERED, DEAD, DUPLICATES, ERROR, HOSTS, LATE, LOSS, LOSS_RUN, RECEIVED, REORDERED, RTT, RTT_MAX,
    SENT, STATE, TTL, UNREACHABLE, UNRESOLVED_HOSTS,
};
use super::tally::{HostTally, ProbeCounts};
use super::worker::Found;
use crate::checks::icmp::facts::{BLOCKED, LATENESS, OUTCOME, RTT_SOURCE, SENT as ALL_SENT};
use crate::checks::shared::hosts::Host;
use crate::model::Fault;
use crate::model::count::counted;
use crate::model::rows::Row;
use crate::net::datagram::{Class, IcmpError};
use crate::net::this_host;
use crate::probe::Cx;
use crate::proto::icmp::icmp_fault;

const OPERATION: &str = "send ICMP echo request";

/// What a host came to: a word of its state, or why this host could not ask it.
enum HostState {
    Seen(&'static str, Option<String>),
    Unasked(Box<Fault>),
}

/// The lists and sums of a sweep.
#[derive(Default)]
struct HostLists {
    alive: Vec<String>,
    dead: Vec<String>,
    unreachable: Vec<String>,
    unresolved: Vec<String>,
    sent: i64,
    blocked: i64,
    /// The first that could not be asked and why, and how many.
    unasked: Option<(Box<Fault>, u64)>,
}

/// Records the facts. Hosts that this host could not ask are a fault, beside what was seen of the others.
pub(super) fn report(cx: &mut Cx<'_>, hosts: &[Host], found: Vec<Found>, source: Option<IpAddr>) -> Result<(), Fault> {
    for part in &found {
        cx.merge(&LATENESS, &part.lateness);
    }
    let dropped: u64 = found.iter().map(|part| u64::from(part.dropped)).sum();
    let user_stamped = found.iter().any(|part| part.user_stamped);
    let mut shares: Vec<_> = found.into_iter().map(|part| part.hosts.into_iter().zip(part.counts)).collect();
    let threads = shares.len().max(1);
    let (mut rows, mut own, mut summary) = (cx.rows(&HOSTS), OwnAddresses::default(), HostLists::default());
    // Hosts with an address were dealt out in turn.
    let mut next = 0;
    for host in hosts {
        let key = host.key();
        let mut row = rows.row(key.as_str());
        match &host.address {
            Err(why) => {
                row.set(&STATE, "unresolved");
                row.set(&ERROR, why.to_string());
                row.mark_wrong();
                summary.unresolved.push(key);
            }
            Ok(_) => {
                let seen = shares.get_mut(next % threads).and_then(Iterator::next);
                next += 1;
                if let Some((tally, counts)) = seen {
                    asked(&mut row, (key, host), (&tally, &counts), (&mut own, source), &mut summary);
                }
            }
        }
        rows.add(row);
    }
    cx.set_rows(rows);
    finish(cx, summary, user_stamped, dropped)
}

fn asked(
    row: &mut Row,
    (key, host): (String, &Host),
    (tally, counts): (&HostTally, &ProbeCounts),
    (own, source): (&mut OwnAddresses, Option<IpAddr>),
    summary: &mut HostLists,
) {
    summary.sent += i64::from(counts.sent);
    summary.blocked += i64::from(counts.blocked);
    if host.name.is_some() {
        row.set(&ADDRESS, tally.address.to_string());
    }
    cells(row, tally, counts);
    match host_state(tally, counts, own, source) {
        HostState::Seen(state, error) => {
            row.set(&STATE, state);
            row.set_some(&ERROR, error);
            let list = match state {
                "alive" => &mut summary.alive,
                "dead" => &mut summary.dead,
                _ => &mut summary.unreachable,
            };
            list.push(key);
            if state != "alive" {
                row.mark_wrong();
            }
        }
        HostState::Unasked(fault) => {
            row.set(&ERROR, fault.detail.clone());
            row.mark_wrong();
            summary.unasked.get_or_insert((fault, 0)).1 += 1;
        }
    }
}

fn cells(row: &mut Row, tally: &HostTally, counts: &ProbeCounts) {
    let some = |count: u32| Some(i64::from(count)).filter(|count| *count > 0);
    row.set(&SENT, i64::from(counts.sent));
    row.set(&RECEIVED, i64::from(counts.received));
    if counts.sent > 0 {
        row.set(&LOSS, f64::from(counts.lost()) / f64::from(counts.sent));
        row.set(&LOSS_RUN, i64::from(counts.loss_run));
    }
    if let Some((median, longest)) = counts.rtt {
        // No clock is finer than a nanosecond, and no digits beyond are written.
        let whole = |seconds: f32| (f64::from(seconds) * 1e9).round() / 1e9;
        row.set(&RTT, whole(median));
        row.set(&RTT_MAX, whole(longest));
    }
    row.set_some(&LATE, some(counts.late));
    row.set_some(&ALTERED, some(counts.altered));
    row.set_some(&DUPLICATES, some(tally.duplicates));
    row.set_some(&REORDERED, some(tally.reordered));
    row.set_some(&TTL, tally.ttl.map(i64::from));
}

fn host_state(tally: &HostTally, counts: &ProbeCounts, own: &mut OwnAddresses, source: Option<IpAddr>) -> HostState {
    if counts.received > 0 {
        return HostState::Seen("alive", None);
    }
    let peer = SocketAddr::new(tally.address, 0);
    let by_this_host = |report: &IcmpError, own: &mut OwnAddresses| report.router.is_none_or(|router| own.has(router));
    if let Some(report) = tally.report.as_deref() {
        if !by_this_host(report, own) {
            return HostState::Seen("unreachable", Some(report.to_string()));
        }
        if let Some(why) = this_host::rejection(report, tally.address) {
            return HostState::Unasked(Box::new(this_host::rejection_fault(why, OPERATION, peer)));
        }
        if counts.sent > 0 && report.class == Class::Unreachable {
            // A neighbour that does not answer is reported by this host too, and is its silence.
            return HostState::Seen("dead", Some(format!("no answer to ARP or neighbour discovery ({report})")));
        }
        return HostState::Seen("unreachable", Some(report.to_string()));
    }
    if counts.sent == 0 {
        return HostState::Unasked(Box::new(own_fault(tally, peer, source)));
    }
    let error = match (counts.late, counts.altered) {
        (0, 0) => None,
        (0, _) => Some("only replies came that are not what was sent".to_owned()),
        _ => Some("answered after `timeout`".to_owned()),
    };
    HostState::Seen("dead", error)
}

/// Why this host did not send to it.
fn own_fault(tally: &HostTally, peer: SocketAddr, source: Option<IpAddr>) -> Fault {
    if let Some(error) = this_host::route_error(peer, source) {
        return this_host::route_fault(&error, OPERATION, peer);
    }
    let error = io::Error::from_raw_os_error(tally.own.unwrap_or(libc::EAGAIN));
    if tally.own == Some(libc::ENOBUFS) {
        let remedy = "the table of neighbours is full: raise `sysctl net.ipv4.neigh.default.gc_thresh3` (or net.ipv6…), or ask fewer \
                      hosts of the same network in one check";
        return Fault::local(
            OPERATION,
            tally.address.to_string(),
            format!("no room for one more neighbour ({error})"),
            remedy,
        );
    }
    icmp_fault(&error, OPERATION, tally.address)
}

fn finish(cx: &mut Cx<'_>, summary: HostLists, user_stamped: bool, dropped: u64) -> Result<(), Fault> {
    let outcome = match &summary {
        HostLists { alive, .. } if !alive.is_empty() => "replied",
        HostLists { dead, .. } if !dead.is_empty() => "silent",
        HostLists { unreachable, .. } if !unreachable.is_empty() => "unreachable",
        _ => "unresolved",
    };
    if summary.unasked.is_none() || outcome == "replied" {
        cx.set(&OUTCOME, outcome);
    }
    cx.set(&ALL_SENT, summary.sent);
    cx.set(&BLOCKED, summary.blocked);
    if !summary.alive.is_empty() {
        cx.set(&RTT_SOURCE, if user_stamped { "user" } else { "kernel" });
    }
    if dropped > 0 {
        let remedy = "run it again where less runs beside it, or with a lower `rate`";
        if !summary.dead.is_empty() {
            let why = format!("this host dropped {}, because it did not read them in time", counted(dropped, "reply"));
            return Err(Fault::local("receive ICMP", "the hosts", why, remedy));
        }
        cx.note(format!("{} dropped by this host itself: it did not read them in time", counted(dropped, "reply")));
    }
    for (fact, list) in [
        (&ALIVE, summary.alive),
        (&DEAD, summary.dead),
        (&UNREACHABLE, summary.unreachable),
        (&UNRESOLVED_HOSTS, summary.unresolved),
    ] {
        cx.set_long(fact, list.into_iter());
    }
    match summary.unasked {
        None => Ok(()),
        Some((fault, 1)) => Err(*fault),
        Some((fault, count)) => {
            let peer = format!("{} and {} others", fault.peer, count - 1);
            Err(Fault { peer, ..*fault })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HostTally, own_fault};

    #[test]
    fn a_full_table_of_neighbours_names_its_remedy() {
        let mut tally = HostTally::new("127.0.0.9".parse().unwrap());
        tally.own = Some(libc::ENOBUFS);
        let fault = own_fault(&tally, "127.0.0.9:0".parse().unwrap(), None);
        assert!(fault.remedy.contains("gc_thresh3") && fault.detail.contains("neighbour"), "{fault:?}");
    }
}
