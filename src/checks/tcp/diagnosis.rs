//! Why a check failed.

use super::conversation::AFTER_HALF_CLOSE;
use super::dialogue::CAME_BEFORE;
use super::facts::{ADDRESSES, COMPLETED, CONNECT_TIME, DIALOGUE_TIME, EARLY, ENDED, FAILED, OUTCOME};
use super::fields;
use crate::checks::shared::diagnosis::{Peer, ending, one_version, slow, some_addresses, unconnected};
use crate::checks::shared::payload::with_expected;
use crate::model::{Fact, Value};
use crate::probe::{Diagnosis, Failure, PhaseInfo};

/// What to look at when a handshake takes long.
const HANDSHAKE: &str = "the handshake is the path and the host's queue: compare with ping, and look for lost SYNs (on the host: `nstat -az TcpExtListenOverflows`)";

/// What to look at when the steps of a dialogue do.
const STEPS: &str = "the service is slow to answer: the rows of `dialogue.steps` say which step it was; look at its load, and at what it asks others";

/// What to look at when an answer takes long.
pub(super) const PHASES: &[PhaseInfo] =
    &[PhaseInfo::new(CONNECT_TIME.info.name, HANDSHAKE), PhaseInfo::new(DIALOGUE_TIME.info.name, STEPS)];

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
    if let Some(diagnosis) = noted(failure, &EARLY, CAME_BEFORE).or_else(|| noted(failure, &ENDED, AFTER_HALF_CLOSE)) {
        return Some(diagnosis);
    }
    let too_long = [CONNECT_TIME.info.name, DIALOGUE_TIME.info.name].into_iter().find_map(|fact| failure.breach(fact));
    slow(failure, too_long?, &peer)
}

/// The cause of a breach that a note with these words tells.
fn noted<T>(failure: &Failure<'_>, fact: &Fact<T>, words: &str) -> Option<Diagnosis> {
    failure.breach(fact.info.name)?;
    let cause = failure.notes().iter().find(|note| note.contains(words))?;
    Some(Diagnosis::new(cause.clone(), fact.info.advice.breach?))
}

/// Whether the name has more than one address.
fn several(failure: &Failure<'_>) -> bool {
    failure.list(ADDRESSES.info.name).len() > 1
}

fn other(failure: &Failure<'_>, peer: &Peer) -> Option<Diagnosis> {
    let breach = failure.breach(OUTCOME.info.name)?;
    let next = match failure.word(&OUTCOME)? {
        // It got somewhere, so it is the right service.
        "mismatch" if failure.value(COMPLETED.info.name).and_then(Value::as_i64) > Some(0) => format!(
            "the service answers, and not as this step wants: look into its log, or take the steps by hand: `nc {} {}`",
            peer.host, peer.port
        ),
        "mismatch" => format!(
            "another service or another version answers there: talk to it by hand: `nc {} {}`",
            peer.host, peer.port
        ),
        _ => return None,
    };
    let (text, hex) = (failure.argument(&fields::EXPECT), failure.argument(&fields::EXPECT_HEX));
    Some(Diagnosis::new(with_expected(&ending(failure, breach), text, hex), next))
}
