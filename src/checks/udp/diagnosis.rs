//! Why a check failed.

use super::facts::{OTHER_SOURCE, OUTCOME, RESPONSE_TIME};
use super::fields;
use crate::checks::shared::diagnosis::{Peer, ending, slow, unconnected};
use crate::checks::shared::payload::with_expected;
use crate::model::shell::command;
use crate::probe::{Diagnosis, Failure, PhaseInfo};

const ANSWER: &str = "the service or the path is slow: compare with ping, and look at the load of the host";

/// What to look at when an answer takes long.
pub(super) const PHASES: &[PhaseInfo] = &[PhaseInfo::new(RESPONSE_TIME.info.name, ANSWER)];

pub(super) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    let peer = Peer::of(failure, 'u');
    if let Some(breach) = failure.breach(OUTCOME.info.name) {
        let mismatch = || {
            let next = format!(
                "another service or another version answers there; on {}: {}",
                peer.host,
                command(&peer.listeners())
            );
            (failure.word(&OUTCOME)? == "mismatch")
                .then(|| Diagnosis::new(expected(failure, &ending(failure, breach)), next))
        };
        let other_source = || {
            let (word, next) = OTHER_SOURCE;
            let listens = command(&peer.listeners());
            (failure.word(&OUTCOME)? == word)
                .then(|| Diagnosis::new(ending(failure, breach), format!("{next}; on {}: {listens}", peer.host)))
        };
        return unconnected(failure, &OUTCOME, &peer).or_else(mismatch).or_else(other_source);
    }
    slow(failure, failure.breach(RESPONSE_TIME.info.name)?, &peer)
}

fn expected(failure: &Failure<'_>, cause: &str) -> String {
    with_expected(cause, failure.argument(&fields::EXPECT), failure.argument(&fields::EXPECT_HEX))
}
