//! Why a cell is not as the policy says.

use super::facts::{ADDRESS, CONNECT_TIME, OUTCOME, RESPONSE_TIME};
use crate::checks::shared::diagnosis::{Peer, ending, endpoint, slow, split, unconnected};
use crate::model::shell::command;
use crate::probe::{Diagnosis, Failure, PhaseInfo};

const PATH: &str = "the path or the host is slow: compare with ping, and look at the load of the host";

/// That a policy is written does not deny anything yet.
const IN_FORCE: &str = "does the cluster have the policies of the files, and does its network plugin enforce them? `kubectl get networkpolicies -A`";
/// What is denied beside the files.
const OTHERS: &str = "does the cluster have other policies than the files? `kubectl get networkpolicies -A`";

/// What to look at when an answer takes long.
pub(super) const PHASES: &[PhaseInfo] =
    &[PhaseInfo::new(CONNECT_TIME.info.name, PATH), PhaseInfo::new(RESPONSE_TIME.info.name, PATH)];

pub(super) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    let (from, to) = names(failure.target);
    let is_udp = to.contains(" udp/");
    let policy = failure.cell().and_then(|cell| cell.policy.as_deref());
    let by = policy.map(|policy| format!(" ({policy})")).unwrap_or_default();
    let peer = Peer::of(failure, if is_udp { 'u' } else { 't' });
    let Some(breach) = failure.breach(OUTCOME.info.name) else {
        let times = [CONNECT_TIME, RESPONSE_TIME].map(|time| time.info.name);
        return slow(failure, times.into_iter().find_map(|time| failure.breach(time))?, &peer);
    };
    if failure.word(&OUTCOME)? == "open" {
        let cause = format!("{from} reached {to}: expected denied{by}");
        let by_hand = format!("nc -vz{} {} {}", if is_udp { "u" } else { "" }, peer.host, peer.port);
        let where_to = match policy {
            None => format!(
                "put the rule that denies it in place, on {} or on the way there: `nft list ruleset`; or add a row to `allow`",
                peer.host
            ),
            Some(_) => IN_FORCE.to_owned(),
        };
        return Some(Diagnosis::new(cause, format!("{where_to}; by hand, here: {}", command(&by_hand))));
    }
    let shared = unconnected(failure, &OUTCOME, &peer)?;
    let how = ending(failure, breach);
    let at = failure.text(ADDRESS.info.name).filter(|address| !how.contains(address));
    let at = at.map(|_| format!(" at {}", endpoint(&peer))).unwrap_or_default();
    let cause = format!("{from} does not reach {to}: expected allowed{by}; {how}{at}");
    let may_be = if policy.is_some() { OTHERS } else { "a rule on the way may deny it" };
    let next = format!("{may_be}; {}", shared.next);
    Some(Diagnosis::new(cause, next))
}

/// Who, and whom: of `192.0.2.7:5432 (web to db tcp/5432)`.
fn names(target: &str) -> (&str, &str) {
    let cell = target.split_once(" (").and_then(|(_, cell)| cell.strip_suffix(')')?.split_once(" to "));
    cell.unwrap_or_else(|| ("this host", split(target).0))
}
