//! Why a check failed.

use super::facts::{ALTERED, ERRORS, LATE, LOSS, MTU, OUTCOME, RECEIVED, RTT, SENT, TTL};
use super::{path_mtu, sweep};
use crate::checks::shared::diagnosis::{DRIVER, HERE, Peer, silence_of, slow, unconnected};
use crate::model::Value;
use crate::probe::{Diagnosis, Failure, PhaseInfo};

const PATH: &str =
    "the path is slow or full: find the hop from which on it is, and look at queues there (`tc -s qdisc`)";
/// Packets that come back as they were not sent.
const CHANGED: &str = "something on the way changes packets: look for broken memory or cables (errors in `ip -s link`), and for a device that \
     answers in the target's place";

/// What to look at when an answer takes long.
pub(super) const PHASES: &[PhaseInfo] = &[PhaseInfo::new(RTT.info.name, PATH)];

pub(super) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    if let Some(diagnosis) = sweep::diagnose(failure) {
        return Some(diagnosis);
    }
    let peer = Peer::of(failure, 'u');
    if let Some(diagnosis) = path_mtu::diagnose(failure, &peer.host) {
        return Some(diagnosis);
    }
    if failure.breach(OUTCOME.info.name).is_some() {
        return answered(failure, &peer);
    }
    let sent = count(failure, SENT.info.name);
    let of_sent = |name: &str| format!("{} of {sent} probes to {}", count(failure, name), peer.host);
    if let Some(breach) = failure.breach(LOSS.info.name).or_else(|| failure.breach(RECEIVED.info.name)) {
        let lost = sent
            - count(failure, RECEIVED.info.name)
            - count(failure, LATE.info.name)
            - count(failure, ALTERED.info.name);
        let errors = failure.list(ERRORS.info.name);
        let said = if errors.is_empty() { String::new() } else { format!("; the path said: {}", errors.join(", ")) };
        let share = breach.got.as_deref().filter(|_| &*breach.fact == LOSS.info.name);
        let share = share.map(|share| format!(" ({share}, expected {})", breach.in_words())).unwrap_or_default();
        let cause = format!("{lost} of {sent} probes to {} were lost{share}{said}", peer.host);
        return Some(Diagnosis::new(cause, after_loss(failure, &peer.host)));
    }
    if failure.breach(LATE.info.name).is_some() {
        let cause = format!("{} were answered after `timeout`", of_sent(LATE.info.name));
        return Some(Diagnosis::new(cause, hops(PATH, &peer.host)));
    }
    if failure.breach(ALTERED.info.name).is_some() {
        return Some(Diagnosis::new(format!("{} came back changed", of_sent(ALTERED.info.name)), CHANGED));
    }
    let slow = slow(failure, failure.breach(RTT.info.name)?, &peer)?;
    Some(Diagnosis { next: hops(&slow.next, &peer.host), ..slow })
}

fn answered(failure: &Failure<'_>, peer: &Peer) -> Option<Diagnosis> {
    let (sent, host) = (count(failure, SENT.info.name), &peer.host);
    let errors = failure.list(ERRORS.info.name);
    let said = if errors.is_empty() { String::new() } else { format!(": {}", errors.join(", ")) };
    let (cause, next) = match failure.word(&OUTCOME)? {
        "silent" => {
            let cause = format!("no answer from {host} to ping: 0 of {sent} probes came back");
            return Some(Diagnosis::new(cause, after_silence(host)).group(silence_of(host)));
        }
        "unreachable" => {
            let diagnosis = unconnected(failure, &OUTCOME, peer)?;
            (format!("{host} cannot be reached{said}"), diagnosis.next)
        }
        "time_exceeded" => (
            format!("probes to {host} run out of hops{said}"),
            format!(
                "a routing loop, or a `ttl` that is too small; this shows the routers that repeat: `traceroute -n {host}`"
            ),
        ),
        "too_big" => {
            let mtu = failure
                .value(MTU.info.name)
                .and_then(Value::as_i64)
                .map_or_else(String::new, |mtu| format!("; the MTU there is {mtu}"));
            (
                format!("probes of this size do not fit the path to {host}{said}{mtu}"),
                format!(
                    "raise the MTU of that link, or lower `size`; this shows where it shrinks: `tracepath -n {host}`"
                ),
            )
        }
        "altered" => (format!("only changed replies came from {host}"), CHANGED.to_owned()),
        "replied" => (
            format!("{host} answers ping, where nothing should"),
            format!(
                "is the filter in place that should drop it? on {host} and the routers before it: `nft list ruleset`"
            ),
        ),
        _ => return unconnected(failure, &OUTCOME, peer),
    };
    Some(Diagnosis::new(cause, next))
}

/// Advice about a path, with the command that shows its hops.
fn hops(next: &str, host: &str) -> String {
    format!("{next}; here: `mtr -n {host}`")
}

/// Where to look for packets that were lost.
fn after_loss(failure: &Failure<'_>, host: &str) -> String {
    // Replies begin their way with one of these.
    let at_once = failure.summary(TTL.info.name).is_some_and(|ttl| [64.0, 128.0, 255.0].contains(&ttl.min));
    if at_once {
        return format!(
            "no router is in between (the TTL of the replies says so): does {host} limit ICMP, or drop in a queue? on {host}: `nft list \
             ruleset`, `tc -s qdisc`; else the link loses them (an interface, a cable, the switch); there and here: `ip -s link`; {DRIVER}"
        );
    }
    format!(
        "find the hop that loses them: `mtr -n {host}`; then its drops, there: `ip -s link`, `tc -s qdisc`; {DRIVER}"
    )
}

/// What to look at where nothing comes back.
pub(super) fn after_silence(host: &str) -> String {
    let version = if host.contains(':') { 6 } else { 4 };
    format!(
        "is it the right address, and is the host up? here: `ip -{version} route get {host}`, `ip -{version} neigh show {host}`; if other checks reach \
         it, a firewall drops ICMP; on {host}: `nft list ruleset`{HERE}"
    )
}

fn count(failure: &Failure<'_>, name: &str) -> i64 {
    failure.value(name).and_then(Value::as_i64).unwrap_or(0)
}
