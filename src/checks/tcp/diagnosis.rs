//! Why a check failed.

use super::facts::{ADDRESSES, CONNECT_TIME, FAILED, OUTCOME};
use super::fields;
use crate::checks::shared::diagnosis::{Peer, ending, one_version, slow, some_addresses, unconnected};
use crate::checks::shared::payload::with_expected;
use crate::probe::{Diagnosis, Failure, PhaseInfo};

/// What to look at when a handshake takes long.
const HANDSHAKE: &str = "the handshake is the path and the host's queue: compare with ping, and look for lost SYNs (on the host: `nstat -az TcpExtListenOverflows`)";

/// What to look at when an answer takes long.
pub(super) const PHASES: &[PhaseInfo] = &[PhaseInfo::new(CONNECT_TIME.info.name, HANDSHAKE)];

pub(super) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    let peer = Peer::of(failure, 't');
    if let Some(breach) = failure.breach(OUTCOME.info.name) {
        let mut diagnosis = unconnected(failure, &OUTCOME, &peer).or_else(|| other(failure, &peer))?;
        let failed = failure.list(FAILED.info.name);
        let all = failure.list(ADDRESSES.info.name);
        if let Some(cause) =
            some_addresses(&failed, &all, &ending(failure, breach)).filter(|_| failed.len() > 1 || several(failure))
        {
            if cause.contains(" is dead, ") {
                diagnosis.next = one_version(&peer.host, peer.port);
            }
            diagnosis.cause = cause;
        }
        return Some(diagnosis);
    }
    slow(failure, failure.breach(CONNECT_TIME.info.name)?, &peer)
}

/// Whether the name has more than one address.
fn several(failure: &Failure<'_>) -> bool {
    failure.list(ADDRESSES.info.name).len() > 1
}

fn other(failure: &Failure<'_>, peer: &Peer) -> Option<Diagnosis> {
    let breach = failure.breach(OUTCOME.info.name)?;
    let next = match failure.word(&OUTCOME)? {
        "mismatch" => format!(
            "another service or another version answers there: talk to it by hand: `nc {} {}`",
            peer.host, peer.port
        ),
        _ => return None,
    };
    let (text, hex) = (failure.argument(&fields::EXPECT), failure.argument(&fields::EXPECT_HEX));
    Some(Diagnosis::new(with_expected(&ending(failure, breach), text, hex), next))
}
