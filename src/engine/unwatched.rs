//! What this process did not watch it must not judge: after SIGSTOP, on a machine that slept, with no turn for its threads.

use std::time::Duration;

use tokio::time::Instant;

use super::Assess;
use super::Shared;
use crate::model::{Fault, FaultKind, Observation};
use crate::net::heartbeat::NOT_RUN;
use crate::plan::{Case, PlannedArm, PlannedRound};
use crate::probe::Watch;

/// How much of the time since `from` this process did not run.
pub(super) fn missed(watch: &Watch, from: Instant) -> Duration {
    watch.missed(from.into_std(), Instant::now().into_std())
}

/// The end of a measurement of which `missed` was not watched. A question that was answered all the same is answered, and
/// what was timed of it is marked; silence is not, and of a load, a schedule, or rounds that are to say how it is over time,
/// a part is missing.
pub(super) fn ended<A: Assess>(
    shared: &Shared<A>,
    case: &Case,
    arm: &PlannedArm,
    (turn, began): (PlannedRound, Instant),
    observation: &mut Observation,
    fault: Option<Fault>,
) -> Option<Fault> {
    let watch = shared.settings.runtimes.watch(case);
    let missed = match observation.decided.filter(|decided| *decided >= began.into_std()) {
        Some(decided) => watch.missed(began.into_std(), decided),
        None => missed(&watch, began),
    };
    if missed.is_zero() || (turn.warm_up && fault.is_none()) {
        return fault;
    }
    observation.unwatched += missed;
    let several = case.layout.turns().count() > 1 || case.layout.samples > 1;
    let answered = fault.is_none() && !several && !arm.probe.watches() && arm.probe.answered(&observation.latest());
    let other = |kind| {
        matches!(kind, FaultKind::Cancelled | FaultKind::RunDeadline | FaultKind::Panicked | FaultKind::NotRestored)
    };
    match fault {
        None if answered => None,
        // A check that watches for this by itself has said it, and in which phase.
        Some(fault) if other(fault.kind) || fault.detail.starts_with(NOT_RUN) => Some(fault),
        fault => Some(not_run(case, arm, missed, fault)),
    }
}

/// The fault of a process that did not run for `missed`, and what came of it.
pub(super) fn not_run(case: &Case, arm: &PlannedArm, missed: Duration, fault: Option<Fault>) -> Fault {
    let came_of_it = fault.map(|fault| format!(" ({})", fault.detail)).unwrap_or_default();
    Fault::local(
        format!("watch the {} probe", case.family.name),
        arm.probe.target(),
        format!("{NOT_RUN} {:.1}s, so nobody looked meanwhile{came_of_it}", missed.as_secs_f64()),
        "it was stopped (SIGSTOP), the machine slept or was far too busy; run it again where it gets its turn",
    )
}
