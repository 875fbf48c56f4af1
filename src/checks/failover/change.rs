//! The change: what is injected, and the certainty that it is put back once, on every path.

use tokio::sync::Mutex;

use crate::guard::{CommandResult, CommandSpec, Guard, RestorePlan, RestoreResult};
use crate::model::{Fault, FaultKind};

/// A change to make and to put back.
pub(super) struct Change {
    inject: CommandSpec,
    plan: RestorePlan,
    state: Mutex<State>,
}

#[derive(Default)]
enum State {
    /// Nothing is changed.
    #[default]
    Idle,
    /// A guard stands by; something may be changed.
    Guarded(Box<Guard>),
    /// Something is changed and could not be put back.
    Stuck(Box<Stuck>),
}

/// A restore that failed.
#[derive(Clone, Debug)]
pub(super) struct Stuck {
    pub(super) fault: Fault,
    pub(super) restored: RestoreResult,
}

impl Change {
    /// Nothing happens yet.
    pub(super) fn new(inject: CommandSpec, plan: RestorePlan) -> Self {
        Self { inject, plan, state: Mutex::default() }
    }

    /// Starts the guard. Refuses when an earlier round could not be put back.
    pub(super) async fn arm(&self) -> Result<(), Fault> {
        let mut state = self.state.lock().await;
        if let State::Stuck(stuck) = &*state {
            return Err(stuck.fault.clone());
        }
        *state = State::Guarded(Box::new(Guard::arm(self.plan.clone()).await?));
        Ok(())
    }

    /// Makes the change. Call [`Change::arm`] first.
    pub(super) async fn inject(&self) -> Result<CommandResult, Fault> {
        match &mut *self.state.lock().await {
            State::Guarded(guard) => guard.live().await?,
            State::Stuck(stuck) => return Err(stuck.fault.clone()),
            State::Idle => {
                let remedy = "report this as a defect of shakedown";
                return Err(Fault::local("inject the fault", "", "no guard stands by", remedy));
            }
        }
        Ok(self.inject.run().await)
    }

    /// Puts the change back; does nothing when there is none, or when it was done before.
    pub(super) async fn restore(&self) -> Result<Option<RestoreResult>, Box<Stuck>> {
        let mut state = self.state.lock().await;
        let guard = match &mut *state {
            State::Idle => return Ok(None),
            State::Stuck(stuck) => return Err(stuck.clone()),
            State::Guarded(guard) => guard,
        };
        let restored = guard.restore().await;
        *state = State::Idle;
        match restored {
            Some(restored) if !restored.succeeded() => {
                let stuck = Box::new(Stuck { fault: self.stuck(&restored), restored });
                *state = State::Stuck(stuck.clone());
                Err(stuck)
            }
            restored => Ok(restored),
        }
    }

    fn stuck(&self, restored: &RestoreResult) -> Fault {
        let verify = self.plan.verify.as_ref().map(|verify| format!("; then check: {}", verify.shell_text()));
        Fault::new(
            FaultKind::NotRestored,
            "restore after the injected fault",
            "",
            restored.failure_text(),
            format!(
                "the fault may still be in place; run by hand: {}{}",
                self.plan.restore.shell_text(),
                verify.unwrap_or_default()
            ),
        )
    }
}
