//! Why a check failed.

use super::facts::{CPU, DOWNLOAD, DirectionFacts, ONLY, OUTCOME, UPLOAD};
use crate::checks::shared::diagnosis::{DRIVER, Peer, ending, endpoint, unconnected};
use crate::model::Value;
use crate::model::record::Outcome;
use crate::probe::{Diagnosis, Failure};

/// Share of one core from which on this host may be what limits a stream.
const BUSY: f64 = 0.9;

pub(super) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    let peer = Peer::of(failure, 't');
    if let Some(breach) = failure.breach(OUTCOME.info.name) {
        return ended(failure, breach, &peer).or_else(|| unconnected(failure, &OUTCOME, &peer));
    }
    let slow = |way: &DirectionFacts| {
        let breach = failure.breach(way.bitrate.info.name)?;
        matches!(&*breach.operator, "gt" | "ge").then_some((breach, way.retransmits.info.name))
    };
    let (breach, retransmits) = [ONLY, UPLOAD, DOWNLOAD].iter().find_map(slow)?;
    let cpu = failure.value(CPU.info.name).and_then(Value::as_f64);
    let resent = failure.value(retransmits).and_then(Value::as_i64);
    let (cause, next) = match (cpu, resent) {
        (Some(cpu), _) if cpu >= BUSY => (
            format!("{}; this host was busy itself ({:.0}% of a core)", breach.sentence(), cpu * 100.0),
            "this host may be the limit: measure from a larger one, or with more `streams`, before calling the path slow".to_owned(),
        ),
        (_, Some(resent)) if resent > 0 => (
            format!("{}; {resent} segments were sent again", breach.sentence()),
            format!("packets are lost on the way to {}: look at policers, and at drops on both ends: `ip -s link`; {DRIVER}", peer.host),
        ),
        _ => (
            breach.sentence(),
            format!("nothing was lost: look at the load of {}, at shapers (`tc -s qdisc`), and at the speed of the links in Mbit/s, on both ends: `grep -s . /sys/class/net/*/speed`", peer.host),
        ),
    };
    Some(Diagnosis::new(cause, next))
}

fn ended(failure: &Failure<'_>, breach: &Outcome, peer: &Peer) -> Option<Diagnosis> {
    let Peer { host, port, .. } = peer;
    let next = match failure.word(&OUTCOME)? {
        "refused" => format!(
            "start a server there, one of these: `iperf3 -s -p {port}`, `shakedown serve --listen {}`",
            // The zone is this host's, and its server calls the link otherwise.
            if host.contains('%') { format!("[::]:{port}") } else { endpoint(peer) }
        ),
        "busy" => "another test runs on that server: wait for its end, or use `shakedown serve`, which takes several clients at once".to_owned(),
        "protocol_error" => format!("is it an iperf3 server (3.0 or later)? try by hand: `iperf3 -c {host} -p {port} -t 1`"),
        "stalled" => "the transfer stopped, or never began: look at the server's log, at losses on the way, and whether only small packets pass (`block: 1 KiB`)".to_owned(),
        _ => return None,
    };
    Some(Diagnosis::new(ending(failure, breach), next))
}
