//! Why a check failed: where the way ends, who says so, and what to look at there.

use super::facts::{BLACK_HOLE, FARTHEST, INTERFACE, LAST, LOOP, MTU_FACTS, OUTCOME, PATH_MTU, ROUTER, RTT, UNREACHED};
use super::fields::{PORT, PROTOCOL, Protocol};
use crate::checks::shared::diagnosis::{HERE, Peer, ending, silence_of, slow, unconnected};
use crate::model::Value;
use crate::model::shell::{self, command};
use crate::probe::{Diagnosis, Failure, PhaseInfo};

/// What to look at when an answer takes long.
pub(super) const PHASES: &[PhaseInfo] = &[PhaseInfo::new(
    RTT.info.name,
    "the path is slow: `hops.rtt` tells the hop from which on it is; look at queues there (`tc -s qdisc`)",
)];

pub(super) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    let peer = Peer::of(failure, 'u');
    if failure.breach(OUTCOME.info.name).is_some() {
        return outcome(failure, &peer);
    }
    path_mtu(failure, &peer.host).or_else(|| slow(failure, failure.breach(RTT.info.name)?, &peer))
}

fn outcome(failure: &Failure<'_>, peer: &Peer) -> Option<Diagnosis> {
    let host = &peer.host;
    let word = failure.word(&OUTCOME)?;
    let breach = failure.breach(OUTCOME.info.name)?;
    let cause = ending(failure, breach);
    let farthest = failure.text(FARTHEST.info.name);
    let next = match word {
        "reached" => {
            let next = format!(
                "is the filter in place that should drop it? on {host} and the routers before it: `nft list ruleset`"
            );
            return Some(Diagnosis::new(format!("{host} is reached, where nothing should be"), next));
        }
        "loop" => {
            let routers = failure.list(LOOP.info.name);
            let on = if routers.is_empty() { "the routers that repeat".to_owned() } else { routers.join(" and ") };
            format!(
                "each takes the other for the way there: compare their routes; on {on}: `ip route get {host}`; a default route that points back does this"
            )
        }
        "time_exceeded" => format!("raise `max_hops`; how far it is: `mtr -rwnc 1 -m 64 {host}`"),
        "unreachable" => unreachable(host, &cause, farthest),
        "silent" => {
            let some = !failure.list(UNREACHED.info.name).is_empty() && failure.summary(RTT.info.name).is_some();
            let next = silent(failure, host, farthest, some);
            // Some flows arrive, so the host is not silent.
            let group = if some { format!("ways to {host}") } else { silence_of(host) };
            return Some(Diagnosis::new(cause, next).group(group));
        }
        _ => return unconnected(failure, &OUTCOME, peer),
    };
    Some(Diagnosis::new(cause, next))
}

fn unreachable(host: &str, cause: &str, farthest: Option<&str>) -> String {
    let on = farthest.unwrap_or("the router that is named");
    if cause.contains("prohibited") || cause.contains("port_unreachable") || cause.contains("policy") {
        return format!("a firewall or an access list rejects it: allow it there; on {on}: `nft list ruleset`");
    }
    if cause.contains("host_unreachable") || cause.contains("address_unreachable") {
        return format!(
            "nobody answers for {host} in its own network (ARP, neighbour discovery): is the host up, and is it the right address? on {on}: \
             `ip neigh show {host}`"
        );
    }
    format!("that router has no way there: look at its routes; on {on}: `ip route get {host}`")
}

/// Where to look for packets that vanish, and another protocol to ask by.
fn silent(failure: &Failure<'_>, host: &str, farthest: Option<&str>, some: bool) -> String {
    let other = match failure.argument(&PROTOCOL) {
        Protocol::Tcp => format!("mtr -rwnc 10 {}", shell::word(host)),
        Protocol::Icmp | Protocol::Udp => {
            let port = failure.argument(&PORT).filter(|port| *port != 33_434).unwrap_or(443);
            format!("traceroute -n -T -p {port} {}", shell::word(host))
        }
    };
    let other = command(&other);
    match farthest {
        Some(last) if some => format!(
            "one of several equal ways is broken, the one behind {last}: look at the links and routes there; `hops` and `path` show the ways; on {last}: \
             `ip route get {host}`, `ip -s link`{HERE}"
        ),
        Some(last) => format!(
            "look behind {last}: at its route there and the link (`ip route get {host}`, `ip -s link`), then at the rules of what comes next, \
             {host} itself perhaps: `nft list ruleset`; does it drop only this protocol? {other}{HERE}"
        ),
        None => format!(
            "not one hop answers: is the gateway up? here: `ip route get {host}`, `ip neigh`; does a firewall drop this protocol? {other}{HERE}"
        ),
    }
}

/// `None` where the failure is not about the MTU of the path.
fn path_mtu(failure: &Failure<'_>, host: &str) -> Option<Diagnosis> {
    let number = |name: &str| failure.value(name).and_then(Value::as_i64);
    let mtu = number(PATH_MTU.info.name)?;
    let behind = failure.text(LAST.info.name).map(|last| format!(" behind {last}")).unwrap_or_default();
    let is_hole = failure.value(BLACK_HOLE.info.name).and_then(Value::as_bool) == Some(true);
    if failure.breach(BLACK_HOLE.info.name).is_some() && is_hole {
        let longest = number(INTERFACE.info.name).unwrap_or(mtu);
        let cause = format!(
            "packets to {host} of more than {mtu} bytes vanish{behind}, and no router says so; this host's interface sends up to {longest}: connections hang \
             once they send much"
        );
        let next = format!(
            "allow ICMP type 3 code 4 (ICMPv6 type 2) to come back from the routers there; until then lower the MTU of the route, or clamp the MSS; the same \
             by hand: `tracepath -n {host}`"
        );
        return Some(Diagnosis::new(cause, next));
    }
    // Not one of what is said beside it.
    let breach = failure
        .breach(PATH_MTU.info.name)
        .filter(|breach| !MTU_FACTS.iter().skip(1).any(|info| *info.name == *breach.fact))?;
    let by = failure.text(ROUTER.info.name).map(|router| format!("; {router} says so")).unwrap_or_default();
    let cause =
        format!("the path to {host} carries packets of up to {mtu} bytes{behind} (expected {}){by}", breach.in_words());
    Some(Diagnosis::new(
        cause,
        format!(
            "raise the MTU of that link, or lower what is expected; this shows where it shrinks: `tracepath -n {host}`"
        ),
    ))
}
