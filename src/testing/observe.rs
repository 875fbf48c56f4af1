//! Rounds of one probe, or of a part of it, without suite, plan and engine.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::{Args, FactInfo, Fault, Observation};
use crate::probe::{Cx, DynProbe, Probe};
use crate::proto::icmp::permission;

/// Beyond the time a probe says it may take: a loaded machine. A hang is what this catches.
const SLACK: Duration = Duration::from_secs(20);
/// The seed of every round.
const SEED: u64 = 7;

/// One round of a probe; it must end in about the time it says.
pub async fn observe(probe: &dyn DynProbe) -> (Observation, Result<(), Fault>) {
    let longest = probe.longest();
    observe_with(probe.facts(), longest, async |cx| {
        let ended = tokio::time::timeout(longest * 4 + SLACK, probe.run(cx)).await;
        ended.unwrap_or_else(|_| panic!("it should take {longest:?} at most"))
    })
    .await
}

/// The same of a probe that needs ICMP; `None` where this system allows none, which it must explain.
pub async fn observe_icmp(probe: &dyn DynProbe) -> Option<Observation> {
    let (observation, ended) = observe(probe).await;
    let Err(fault) = ended else { return Some(observation) };
    assert!(permission().is_err() && fault.remedy.contains("cap_net_raw"), "{fault:?}");
    None
}

/// Why a family refuses arguments: the field, and what is wrong with it.
pub fn invalid<P: Probe>(args: &Args) -> String {
    let invalid = P::from_args(args).err().unwrap();
    format!("{}: {}", invalid.field, invalid.message)
}

/// One round of a part of a probe, whose context ends after `longest`.
pub async fn observe_with<T>(
    facts: &'static [FactInfo],
    longest: Duration,
    round: impl AsyncFnOnce(&mut Cx<'_>) -> T,
) -> (Observation, T) {
    let mut observation = Observation::default();
    let mut cx = Cx::new(&mut observation, facts, Instant::now() + longest, SEED, CancellationToken::new());
    let ended = round(&mut cx).await;
    (observation, ended)
}

/// The same for what does not wait.
pub fn recorded<T>(facts: &'static [FactInfo], record: impl FnOnce(&mut Cx<'_>) -> T) -> (Observation, T) {
    let mut observation = Observation::default();
    let mut cx = Cx::new(&mut observation, facts, Instant::now(), SEED, CancellationToken::new());
    let ended = record(&mut cx);
    (observation, ended)
}
