//! The fault that is injected, and the certainty that it is put back once, on every path.

use tokio::sync::Mutex;

use crate::guard::lock::LockKey;
use crate::guard::{
    Custody, Disruption, DisruptionProblem, FaultPlan, Guard, InjectResult, RestoreResult, Step, journal,
};
use crate::model::{Fault, FaultKind};

use super::exclusion;
use crate::guard::lock::Locks;

/// A fault to inject and to put back.
pub(super) struct FaultInjection {
    plan: FaultPlan,
    /// What nobody else on this host may break meanwhile.
    keys: Vec<LockKey>,
    state: Mutex<InjectionState>,
}

/// Why it could not be broken, and what it was; empty unless that is so.
#[derive(Clone, Default)]
struct RefusedInject {
    why: String,
    place: String,
}

#[derive(Default)]
enum InjectionState {
    /// Nothing is changed.
    #[default]
    Idle,
    /// A guard stands by; something may be changed.
    Guarded(Box<Guard>, RefusedInject),
    /// Something is changed and could not be put back.
    NotRestored(Box<NotRestored>),
}

/// A restore that failed.
#[derive(Clone, Debug)]
pub(super) struct NotRestored {
    pub(super) fault: Fault,
    pub(super) restored: RestoreResult,
}

impl FaultInjection {
    /// Nothing happens yet.
    pub(super) fn new(plan: FaultPlan, keys: Vec<LockKey>) -> Self {
        Self { plan, keys, state: Mutex::default() }
    }

    /// What is broken, in order, and what undoes it, in the order of undoing, for people.
    pub(super) fn breaks(&self) -> Vec<(&'static str, String)> {
        let inject = self.plan.inject.iter().map(|step| ("inject", step.shell_text()));
        let verify = self.plan.restore.verify.iter().map(|verify| ("verify", verify.shell_text()));
        let restore = self.plan.inverse().into_iter().map(|line| ("restore", line));
        inject.chain(restore).chain(verify).collect()
    }

    /// What is broken although nobody looks whether it took effect, for people.
    pub(super) fn blind(&self) -> Vec<String> {
        self.plan.inject.iter().filter_map(Step::built_in).filter_map(Disruption::blind).collect()
    }

    /// Finds out what can be known against its commands while nothing is broken yet.
    pub(super) fn check_commands(&self, target: &str) -> Result<(), Fault> {
        let open = journal::open(&journal::folders()).map_err(|why| {
            let remedy = "let this user read that folder, or name another one (--journal DIR)";
            Fault::local("see whether anything is still broken", target, format!("{why}; nothing was injected"), remedy)
        })?;
        if let Some(open) = open {
            let why = format!(
                "what an earlier run broke may still be in place: {}; nothing was injected (journal {})",
                open.title(),
                open.path.display()
            );
            let remedy = if open.is_damaged() {
                "the journal is damaged, so `shakedown restore` does not run it: read what is left of it, put back by hand what it names, then \
                 remove the file"
            } else {
                "put it back with `shakedown restore`; `shakedown restore --dry-run` shows what that runs"
            };
            return Err(Fault::local("begin with nothing broken", target, why, remedy));
        }
        self.plan.unstartable().map_or(Ok(()), |why| {
            Err(Fault::local(
                "find the commands of the fault",
                target,
                format!("{why}; nothing was injected"),
                "name programs that can be executed; a relative path starts at the folder that shakedown was started from",
            ))
        })
    }

    /// Sees to it that nobody else on this host breaks the same while the result lives.
    pub(super) fn lock(&self, check: &str, target: &str) -> Result<Locks, Fault> {
        exclusion::take(&self.keys, check, target)
    }

    /// Starts the guard. Refuses when an earlier round could not be put back.
    pub(super) async fn arm(&self, locks: &Locks, check: &str, target: &str) -> Result<(), Fault> {
        let mut state = self.state.lock().await;
        if let InjectionState::NotRestored(failed) = &*state {
            return Err(failed.fault.clone());
        }
        let custody = Custody {
            check: check.to_owned(),
            target: target.to_owned(),
            locks: locks.paths(),
            journals: journal::folders(),
        };
        let guard = Guard::arm(self.plan.clone(), custody).await?;
        *state = InjectionState::Guarded(Box::new(guard), RefusedInject::default());
        Ok(())
    }

    /// Injects the fault. Call [`FaultInjection::arm`] first.
    pub(super) async fn inject(&self) -> Result<InjectResult, Fault> {
        match &mut *self.state.lock().await {
            InjectionState::Guarded(guard, refused) => {
                let injected = guard.inject().await.ok_or_else(guard_lost)?;
                if !injected.succeeded() {
                    *refused = RefusedInject { why: injected.failure_text(), place: injected.place.clone() };
                }
                Ok(injected)
            }
            InjectionState::NotRestored(failed) => Err(failed.fault.clone()),
            InjectionState::Idle => {
                let remedy = "report this as a defect of shakedown";
                Err(Fault::local("inject the fault", "", "no guard stands by", remedy))
            }
        }
    }

    /// Ends when the guard does, though nobody told it to.
    pub(super) async fn lost(&self) -> Fault {
        if let InjectionState::Guarded(guard, _) = &mut *self.state.lock().await {
            guard.lost().await;
        }
        guard_lost()
    }

    /// Why it is not broken any more as it was left, although nobody has asked to restore it, if that can be told.
    pub(super) async fn ended_early(&self) -> Option<DisruptionProblem> {
        match &mut *self.state.lock().await {
            InjectionState::Guarded(guard, _) => guard.ended_early().await,
            InjectionState::Idle | InjectionState::NotRestored(_) => None,
        }
    }

    /// Puts it back; does nothing when there is none, or when it was done before.
    pub(super) async fn restore(&self) -> Result<Option<RestoreResult>, Box<NotRestored>> {
        let mut state = self.state.lock().await;
        let (guard, refused) = match &mut *state {
            InjectionState::Idle => return Ok(None),
            InjectionState::NotRestored(failed) => return Err(failed.clone()),
            InjectionState::Guarded(guard, refused) => (guard, refused),
        };
        let restored = guard.restore().await;
        let refused = std::mem::take(refused);
        *state = InjectionState::Idle;
        match restored {
            Some(restored) if !restored.succeeded() => {
                let failed = Box::new(NotRestored { fault: self.not_restored(&restored, &refused), restored });
                *state = InjectionState::NotRestored(failed.clone());
                Err(failed)
            }
            restored => Ok(restored),
        }
    }

    /// What kept it from being broken comes first, if anything did.
    fn not_restored(&self, restored: &RestoreResult, refused: &RefusedInject) -> Fault {
        let verify = self.plan.restore.verify.as_ref();
        let verify = verify.map(|verify| format!("; then check: {}", verify.shell_text())).unwrap_or_default();
        let lines = restored.by_hand(&self.plan).join("; ");
        let remedy = if restored.is_left_alone() {
            format!(
                "see who has changed it, and what should be there; if it is what was there before, run by hand: {lines}{verify}; then \
                 `shakedown restore`, which changes nothing of somebody else's, names the journal to remove"
            )
        } else {
            format!(
                "the fault may still be in place; run by hand: {lines}{verify}; or `shakedown restore`, which tries it again"
            )
        };
        let why = restored.failure_text();
        if refused.why.is_empty() {
            return Fault::new(FaultKind::NotRestored, "restore after the injected fault", "", why, remedy);
        }
        let detail = format!("{}; and it could not be restored either: {why}", refused.why);
        Fault::new(FaultKind::NotRestored, "", &refused.place, detail, remedy)
    }
}

fn guard_lost() -> Fault {
    Fault::local(
        "keep a guard beside the fault",
        "",
        "the guard process ended, or was stopped, before the fault was put back",
        "find out what ended or stopped it (the log of the kernel tells of memory that ran out); `restore` was run",
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::{FaultInjection, RefusedInject};
    use crate::guard::{FaultPlan, RestorePlan, RestoreResult};

    /// Both errors are told, that of breaking it first.
    #[test]
    fn what_kept_it_from_being_broken_is_told_before_what_kept_it_from_being_undone() {
        let plan = FaultPlan { inject: Vec::new(), restore: RestorePlan::default(), hold: Duration::ZERO };
        let injection = FaultInjection::new(plan, Vec::new());
        let mut restored = RestoreResult::default();
        restored
            .failed
            .push(serde_json::from_value(json!({"by_hand": "put it back", "why": "the undo was refused"})).unwrap());
        let refused = RefusedInject { why: "the break was refused".into(), place: "http api:80".into() };
        let fault = injection.not_restored(&restored, &refused);
        let want = "the break was refused; and it could not be restored either: the undo was refused (http api:80)";
        assert!(fault.to_string() == want && fault.remedy.contains("run by hand: put it back"), "{fault:?}");
        let fault = injection.not_restored(&restored, &RefusedInject::default());
        assert_eq!(fault.to_string(), "could not restore after the injected fault: the undo was refused");
    }
}
