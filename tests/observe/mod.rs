//! One round of a probe, without suite, plan and engine; as `src/testing/observe.rs` has it for unit tests.

use std::sync::Arc;
use std::time::Duration;

use shakedown::model::{Fault, Observation};
use shakedown::probe::{CapturedValues, Cx, DynProbe, RestoreOutcome};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// Beyond the time a probe says it may take: a loaded machine. A hang is what this catches.
const SLACK: Duration = Duration::from_secs(20);
/// The seed of every round.
const SEED: u64 = 7;

/// One round; it must end in about the time the probe says.
#[allow(dead_code, reason = "not every test is without captured values")]
pub async fn observe(probe: &dyn DynProbe) -> (Observation, Result<(), Fault>) {
    observe_with(probe, &Arc::default()).await
}

/// One round in a run that has captured these values.
pub async fn observe_with(probe: &dyn DynProbe, captured: &Arc<CapturedValues>) -> (Observation, Result<(), Fault>) {
    let (mut observation, longest) = (Observation::default(), probe.longest());
    let cx = Cx::new(&mut observation, probe.facts(), Instant::now() + longest, SEED, CancellationToken::new());
    let mut cx = cx.with_captured(captured);
    let ended = timeout(longest * 4 + SLACK, probe.run(&mut cx)).await;
    (observation, ended.unwrap_or_else(|_| panic!("it should take {longest:?} at most")))
}

/// Puts back what the probe changed, as the engine does after a round.
#[allow(dead_code, reason = "not every test changes something")]
pub async fn put_back(probe: &dyn DynProbe) -> Result<RestoreOutcome, Fault> {
    let mut observation = Observation::default();
    let mut cx = Cx::new(&mut observation, probe.facts(), Instant::now(), SEED, CancellationToken::new());
    probe.restore(&mut cx).await
}
