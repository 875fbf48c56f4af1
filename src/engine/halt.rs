//! What ends a run before its time: a signal, or its own deadline.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::StopSignals;
use crate::model::{Fault, FaultKind, Unit};
use crate::plan::{Case, PlannedArm};

/// Ends measurements early. Nothing that is put back is ended by it.
pub(super) struct Halt {
    token: CancellationToken,
    signal: CancellationToken,
    /// The length of the run, if it has one.
    deadline: Option<Duration>,
}

impl Halt {
    /// That of a run that began at `start`, and the task that waits for its deadline.
    pub(super) fn of(stop: &StopSignals, start: Instant, deadline: Option<Duration>) -> (Self, Option<JoinHandle<()>>) {
        let (signal, token) = (stop.soft.clone(), stop.soft.child_token());
        let timer = deadline.map(|deadline| {
            let token = token.clone();
            tokio::spawn(async move {
                tokio::time::sleep_until(start + deadline).await;
                token.cancel();
            })
        });
        (Self { token, signal, deadline }, timer)
    }

    /// Whether it is over.
    pub(super) fn is_set(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Returns when it is over.
    pub(super) async fn set(&self) {
        self.token.cancelled().await;
    }

    /// A token that is cancelled with it.
    pub(super) fn child(&self) -> CancellationToken {
        self.token.child_token()
    }

    /// Whether the deadline ended the run, and no signal.
    pub(super) fn is_overdue(&self) -> bool {
        self.is_set() && !self.signal.is_cancelled()
    }

    /// The fault of a check that began at `began`, and which it cut short.
    pub(super) fn fault(&self, case: &Case, arm: &PlannedArm, began: Instant) -> Fault {
        let (operation, target) = (format!("run the {} probe", case.family.name), arm.probe.target());
        if self.is_overdue() {
            let detail = format!(
                "the deadline of the run ({}) cut it short after {}",
                self.shown(),
                Unit::Seconds.human(began.elapsed().as_secs_f64())
            );
            return Fault::new(FaultKind::RunDeadline, operation, target, detail, REMEDY);
        }
        Fault::new(FaultKind::Cancelled, operation, target, "the run was interrupted", "run it again")
    }

    /// The fault of a case that the deadline left no time for.
    pub(super) fn not_reached(&self, case: &Case) -> Fault {
        let (operation, target) = (format!("run the {} probe", case.family.name), case.subject().probe.target());
        let detail = format!("not reached: the deadline of the run ({}) passed before it could start", self.shown());
        Fault::new(FaultKind::RunDeadline, operation, target, detail, REMEDY)
    }

    fn shown(&self) -> String {
        Unit::Seconds.human(self.deadline.unwrap_or_default().as_secs_f64())
    }
}

/// What to do about a deadline that is too short.
const REMEDY: &str = "raise --deadline, or run fewer checks; `shakedown plan` shows how long each may take";
