//! From what the threads found to facts.

use std::io;
use std::net::SocketAddr;

use super::facts::{
    ADDRESS, ALIVE, ALTERED, DEAD, DUPLICATES, ERROR, HOSTS, LATE, LOSS, LOSS_RUN, RECEIVED, REORDERED, RTT, RTT_MAX,
    SENT, STATE, TTL, UNREACHABLE, UNRESOLVED_HOSTS,
};
use super::tally::{HostTally, ProbeCounts};
use super::worker::SweepResult;
use crate::checks::icmp::facts::{
    BLOCKED, HOST_LIMITED, LATENESS, OUTCOME, RTT_SOURCE, SENT as ALL_SENT, is_host_limited,
};
use crate::checks::shared::host_table::{HostFacts, HostResult, HostState, HostTable};
use crate::checks::shared::hosts::Host;
use crate::model::Fault;
use crate::model::count::counted;
use crate::model::rows::Row;
use crate::net::Origin;
use crate::net::datagram::Class;
use crate::net::dial::local_fault;
use crate::net::this_host::{self, OwnAddresses};
use crate::probe::Cx;
use crate::proto::icmp::icmp_fault;
use crate::stats::Samples;

const OPERATION: &str = "send ICMP echo request";

const FACTS: HostFacts = HostFacts {
    hosts: &HOSTS,
    state: &STATE,
    address: &ADDRESS,
    error: &ERROR,
    outcome: &OUTCOME,
    states: &[
        HostState { word: "alive", outcome: "replied", list: Some(&ALIVE) },
        HostState { word: "dead", outcome: "silent", list: Some(&DEAD) },
        HostState { word: "unreachable", outcome: "unreachable", list: Some(&UNREACHABLE) },
        HostState { word: "unresolved", outcome: "unresolved", list: Some(&UNRESOLVED_HOSTS) },
    ],
};

/// Records the facts.
pub(super) fn report(cx: &mut Cx<'_>, hosts: &[Host], found: Vec<SweepResult>, origin: Origin) -> Result<(), Fault> {
    let mut lateness = Samples::default();
    for part in &found {
        lateness.merge(&part.lateness);
    }
    cx.merge(&LATENESS, &lateness);
    let dropped: u64 = found.iter().map(|part| u64::from(part.dropped)).sum();
    let user_stamped = found.iter().any(|part| part.user_stamped);
    let mut shares: Vec<_> = found.into_iter().map(|part| part.hosts.into_iter().zip(part.counts)).collect();
    let threads = shares.len().max(1);
    let (mut table, mut own) = (HostTable::new(cx, &FACTS, hosts.len()), OwnAddresses::of(origin));
    let (mut sent, mut blocked) = (0, 0);
    // Hosts with an address were dealt out in turn.
    let mut next = 0;
    for host in hosts {
        table.add(host, |row, address| {
            let seen = shares.get_mut(next % threads).and_then(Iterator::next);
            next += 1;
            let (tally, counts) = seen.unwrap_or_else(|| (HostTally::new(address), ProbeCounts::default()));
            sent += i64::from(counts.sent);
            blocked += i64::from(counts.blocked);
            cells(row, &tally, &counts);
            asked(&tally, &counts, &mut own, origin)
        });
    }
    cx.set(&ALL_SENT, sent);
    cx.set(&BLOCKED, blocked);
    if table.has("alive") {
        let source = if user_stamped { "user" } else { "kernel" };
        cx.set(&RTT_SOURCE, source);
        if let Some(limited) = is_host_limited(source, &lateness, table.samples(&RTT)) {
            cx.set(&HOST_LIMITED, limited);
        }
    }
    let dropped = (dropped > 0).then(|| counted(dropped, "reply"));
    let unread = dropped.as_ref().filter(|_| table.has("dead")).map(|dropped| {
        let why = format!("this host dropped {dropped}, because it did not read them in time");
        let remedy = "run it again where less runs beside it, or with a lower `rate`";
        Fault::local("receive ICMP", "the hosts", why, remedy)
    });
    if let Some(dropped) = dropped.filter(|_| unread.is_none()) {
        cx.note(format!("{dropped} dropped by this host itself: it did not read them in time"));
    }
    table.finish(cx, unread)
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

/// What a host came to.
fn asked(tally: &HostTally, counts: &ProbeCounts, own: &mut OwnAddresses, origin: Origin) -> HostResult {
    if counts.received > 0 {
        return HostResult::State("alive", None);
    }
    let peer = SocketAddr::new(tally.address, 0);
    if let Some(report) = tally.report.as_deref() {
        match report.router.map_or(Ok(true), |router| own.has(router)) {
            Ok(true) => {}
            Ok(false) => return HostResult::State("unreachable", Some(report.to_string())),
            Err(error) => return HostResult::NotMeasured(Box::new(local_fault(&error, OPERATION, peer))),
        }
        if let Some(why) = this_host::rejection(report, tally.address, origin) {
            return HostResult::NotMeasured(Box::new(this_host::rejection_fault(why, OPERATION, peer)));
        }
        if counts.sent > 0 && report.class == Class::Unreachable {
            // A neighbour that does not answer is reported by this host too, and is its silence.
            return HostResult::State("dead", Some(format!("no answer to ARP or neighbour discovery ({report})")));
        }
        return HostResult::State("unreachable", Some(report.to_string()));
    }
    if counts.sent == 0 {
        return HostResult::NotMeasured(Box::new(own_fault(tally, peer, origin)));
    }
    let error = match (counts.late, counts.altered) {
        (0, 0) => None,
        (0, _) => Some("only replies came that are not what was sent".to_owned()),
        _ => Some("answered after `timeout`".to_owned()),
    };
    HostResult::State("dead", error)
}

/// Why this host did not send to it.
fn own_fault(tally: &HostTally, peer: SocketAddr, origin: Origin) -> Fault {
    if let Some(error) = this_host::route_error(peer, origin) {
        return this_host::route_fault(&error, OPERATION, peer, origin);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Host, HostTally, ProbeCounts, SweepResult, own_fault, report};
    use crate::checks::icmp::Icmp;
    use crate::model::{Fault, Observation};
    use crate::net::Origin;
    use crate::net::datagram::IcmpError;
    use crate::stats::Samples;
    use crate::testing;

    #[test]
    fn a_packet_that_does_not_fit_names_its_remedy() {
        let mut tally = HostTally::new("127.0.0.9".parse().unwrap());
        tally.own = Some(libc::EMSGSIZE);
        let fault = own_fault(&tally, "127.0.0.9:0".parse().unwrap(), Origin::default());
        assert!(fault.remedy.starts_with("lower `size`") && fault.detail.contains("MTU"), "{fault:?}");
    }

    #[test]
    fn a_full_table_of_neighbours_names_its_remedy() {
        let mut tally = HostTally::new("127.0.0.9".parse().unwrap());
        tally.own = Some(libc::ENOBUFS);
        let fault = own_fault(&tally, "127.0.0.9:0".parse().unwrap(), Origin::default());
        assert!(fault.remedy.contains("gc_thresh3") && fault.detail.contains("neighbour"), "{fault:?}");
    }

    fn counted_as(sent: u32, received: u32) -> ProbeCounts {
        let mut counts = ProbeCounts::default();
        (counts.sent, counts.received) = (sent, received);
        counts
    }

    /// A sweep of one host that had an answer or not, and replies that this host dropped.
    fn of_one(received: u32, dropped: u32, report_of: Option<IcmpError>) -> (String, bool) {
        let (seen, ended) = seen_of(counted_as(1, received), dropped, report_of);
        (seen.text("outcome").unwrap_or_default().to_owned(), ended.is_ok())
    }

    fn seen_of(counts: ProbeCounts, dropped: u32, report_of: Option<IcmpError>) -> (Observation, Result<(), Fault>) {
        let address = "192.0.2.1".parse().unwrap();
        let mut tally = HostTally::new(address);
        if let Some(error) = report_of {
            tally.reported(error);
        }
        let lateness = Samples::default();
        let found = SweepResult { hosts: vec![tally], counts: vec![counts], lateness, user_stamped: false, dropped };
        let hosts = [Host { name: None, address: Ok(address), zone: None }];
        testing::recorded(<Icmp as crate::probe::Probe>::FACTS, |cx| report(cx, &hosts, vec![found], Origin::default()))
    }

    #[test]
    fn replies_that_are_no_answer_are_told() {
        let row = |late: u32, altered: u32| {
            let mut counts = counted_as(2, 0);
            (counts.late, counts.altered) = (late, altered);
            testing::table(&seen_of(counts, 0, None).0, "hosts")["192.0.2.1"].clone()
        };
        assert_eq!((&row(1, 0)["error"], &row(1, 0)["loss"]), (&json!("answered after `timeout`"), &json!(0.5)));
        assert_eq!(
            (&row(0, 2)["error"], &row(0, 2)["loss"]),
            (&json!("only replies came that are not what was sent"), &json!(0.0))
        );
        assert!(row(0, 0)["error"].is_null() && row(0, 0)["state"] == "dead");
        let (answered, _) = seen_of(counted_as(1, 1), 3, None);
        assert_eq!(answered.text("rtt_source"), Some("kernel"));
        testing::noted(&answered, "3 replies dropped by this host itself");
    }

    #[test]
    fn a_filter_of_this_host_is_no_answer_of_the_path() {
        let (seen, ended) =
            seen_of(counted_as(1, 0), 0, Some(IcmpError::from_icmp(false, 3, 13, 0, "127.0.0.1".parse().ok(), 8)));
        assert!(seen.text("outcome").is_none() && ended.unwrap_err().remedy.contains("nft list ruleset"));
    }

    #[test]
    fn a_host_is_not_dead_where_this_host_dropped_replies() {
        assert_eq!(of_one(1, 3, None), ("replied".into(), true));
        assert_eq!(of_one(0, 0, None), ("silent".into(), true));
        assert!(!of_one(0, 3, None).1);
    }

    /// What is silent beside hosts that were not asked is not all there is.
    #[test]
    fn hosts_that_were_not_asked_leave_the_outcome_open() {
        let hosts = ["192.0.2.1", "127.0.0.9"].map(|address| Host {
            name: None,
            address: Ok(address.parse().unwrap()),
            zone: None,
        });
        let mut tallies = hosts.clone().map(|host| HostTally::new(host.address.unwrap())).to_vec();
        tallies[1].own = Some(libc::ENOBUFS);
        let counts = [counted_as(1, 0), counted_as(0, 0)].to_vec();
        let found =
            SweepResult { hosts: tallies, counts, lateness: Samples::default(), user_stamped: false, dropped: 0 };
        let (seen, ended) = testing::recorded(<Icmp as crate::probe::Probe>::FACTS, |cx| {
            report(cx, &hosts, vec![found], Origin::default())
        });
        assert_eq!((seen.text("outcome"), ended.unwrap_err().peer.as_str()), (None, "127.0.0.9"));
        assert_eq!(testing::list(&seen, "hosts.dead"), ["192.0.2.1"]);
    }

    #[test]
    fn a_neighbour_that_does_not_answer_is_dead_and_not_unreachable() {
        let error = |router: &str| Some(IcmpError::from_icmp(false, 3, 1, 0, router.parse().ok(), 8));
        assert_eq!(of_one(0, 0, error("127.0.0.1")).0, "silent");
        assert_eq!(of_one(0, 0, error("198.51.100.1")).0, "unreachable");
    }
}
