//! What is broken and put back, and what the check records of it.

use super::Failover;
use super::facts::{INJECT_EXIT, RESTORE_EXIT, RESTORED};
use super::injection::FaultInjection;
use crate::guard::disruption::UNCHANGED;
use crate::guard::{CommandResult, DisruptionProblem, RestoreResult};
use crate::model::{Fact, Fault};
use crate::probe::{Cx, Probe as _};

impl Failover {
    pub(super) async fn inject(&self, injection: &FaultInjection, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let outcome = injection.inject().await?;
        exit(cx, &INJECT_EXIT, outcome.command.as_ref());
        if outcome.succeeded() {
            for blind in injection.blind() {
                cx.note(format!(
                    "nobody looked whether {blind} took effect: give it a `verify`, which must fail while it is broken"
                ));
            }
            return Ok(());
        }
        // A command that failed half-way may have broken something all the same.
        let doubts = self.restore_service(injection, cx).await?;
        if outcome.failed.is_empty() {
            let remedy = "run the inject command by hand; it must exit 0 (`restore` was run)";
            return Err(Fault::local("inject the fault", self.target(), outcome.failure_text(), remedy));
        }
        // What could not be undone, and is as it was, was never done.
        let became = if doubts.ends_with(UNCHANGED) { "nothing was changed" } else { "it was undone" };
        Err(Fault::caused(outcome.place, format!("{}; {became}", outcome.failed), outcome.next))
    }

    /// Puts it back; with why nothing that was seen can be judged, if that is so.
    pub(super) async fn restore_service(&self, injection: &FaultInjection, cx: &mut Cx<'_>) -> Result<String, Fault> {
        match injection.restore().await {
            Ok(None) => {
                cx.set(&RESTORED, true);
                Ok(String::new())
            }
            Ok(Some(restored)) => {
                Self::record(cx, &restored);
                if restored.incident.is_empty() {
                    return Ok(restored.doubts);
                }
                Err(Fault::local(
                    "keep the fault under control",
                    self.target(),
                    format!("{}; it is put back", restored.incident),
                    "find out what stopped this process or ended its guard, and run it again",
                ))
            }
            Err(failed) => {
                Self::record(cx, &failed.restored);
                Err(failed.fault)
            }
        }
    }

    /// A disruption that was another one than planned must not be judged as that.
    pub(super) fn as_planned(&self, ended: Option<DisruptionProblem>, doubts: &str) -> Result<(), Fault> {
        if let Some(DisruptionProblem { cause, next, .. }) = ended {
            return Err(Fault::local(
                "keep it broken as planned",
                self.target(),
                format!(
                    "ended by somebody else before it was restored: {cause}; what recovered did not recover by itself, so nothing of it is judged"
                ),
                next,
            ));
        }
        if doubts.is_empty() {
            return Ok(());
        }
        Err(Fault::local(
            "keep it broken as planned",
            self.target(),
            format!("{doubts}; it is put back, and nothing of it is judged"),
            "find out what came between, and run it again; an `undo_after` that is too short can be lengthened",
        ))
    }

    pub(super) fn record(cx: &mut Cx<'_>, restored: &RestoreResult) {
        cx.set(&RESTORED, restored.succeeded());
        exit(cx, &RESTORE_EXIT, restored.restore.as_ref());
        if !restored.repeated.is_empty() {
            cx.note(format!(
                "`restore` ended what the inject command had left running; run once more after that, it failed ({}): let it be \
                 safe to run twice, or give `verify`",
                restored.repeated
            ));
        }
        if !restored.remaining.is_empty() {
            cx.note(format!("still running, started by the inject command: {}", restored.remaining.join(", ")));
        }
    }
}

fn exit(cx: &mut Cx<'_>, fact: &Fact<i64>, outcome: Option<&CommandResult>) {
    if let Some(status) = outcome.and_then(|outcome| outcome.exit) {
        cx.set(fact, i64::from(status));
    }
}
