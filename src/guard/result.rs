//! How breaking and putting back went.

use serde::{Deserialize, Serialize};

use super::disruption::{Undo, Unrestored};
use super::{CommandResult, FaultPlan};

/// How injecting went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InjectResult {
    /// The last command of it, if there was one.
    #[serde(flatten)]
    pub command: Option<CommandResult>,
    /// Why what this program was to break is not broken, or empty.
    #[serde(default)]
    pub failed: String,
    /// Advice for that.
    #[serde(default)]
    pub next: String,
    /// What it was.
    #[serde(default)]
    pub place: String,
}

impl InjectResult {
    /// Everything is broken that should be.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.failed.is_empty() && self.command.as_ref().is_none_or(CommandResult::succeeded)
    }

    /// The reason of a failure, for people.
    #[must_use]
    pub fn failure_text(&self) -> String {
        match &self.command {
            Some(command) if self.failed.is_empty() => command.failure_text(),
            _ => self.failed.clone(),
        }
    }
}

/// How putting back went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreResult {
    /// The last run of the restore command, if there is one.
    pub restore: Option<CommandResult>,
    /// What this program could not undo.
    #[serde(default)]
    pub failed: Vec<FailedUndo>,
    /// The last run of the verify command, if there is one and the restore succeeded.
    pub verify: Option<CommandResult>,
    /// Processes that the inject command started and that still run: name and number.
    pub remaining: Vec<String>,
    /// The inject command did not end by itself with success, so those that remain may still be about to break something.
    pub unfinished: bool,
    /// How the restore command ended that ran once more, after what `inject` left running had ended, if it failed then;
    /// else empty.
    #[serde(default)]
    pub repeated: String,
    /// Why it was not the run that decided to restore, or not the guard that did it; empty when all went as it should.
    pub incident: String,
    /// Why nothing that was seen meanwhile can be judged, although everything is back; empty when it can be.
    #[serde(default)]
    pub doubts: String,
}

/// Something that could not be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedUndo {
    /// What undoes it, as one line for a shell.
    pub by_hand: String,
    /// Why it could not be done here.
    pub why: String,
    /// It was tried for as long as that may help.
    #[serde(default)]
    pub(super) patient: bool,
    /// Somebody else has changed it, so it is not for this program to undo.
    #[serde(default)]
    pub left_alone: bool,
}

impl FailedUndo {
    pub(super) fn of(undo: &Undo, result: Result<(), impl Into<Unrestored>>) -> Option<Self> {
        let Unrestored { why, is_left_alone } = result.err()?.into();
        let patient = undo.is_patient() || is_left_alone;
        Some(Self { by_hand: undo.by_hand(), why, patient, left_alone: is_left_alone })
    }
}

impl RestoreResult {
    /// Everything is back.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.undone() && !self.threatened()
    }

    /// Nothing failed.
    pub(super) fn undone(&self) -> bool {
        self.failed.is_empty() && self.command_succeeded()
    }

    /// Once more is of no use.
    pub(super) fn is_final(&self) -> bool {
        !self.failed.is_empty() && self.failed.iter().all(|one| one.patient) && self.command_succeeded()
    }

    /// Adds a reason why nothing can be judged, if it is one.
    pub(super) fn doubt(&mut self, why: String) {
        if self.doubts.is_empty() {
            self.doubts = why;
        }
    }

    /// The commands of the suite succeeded.
    pub(super) fn command_succeeded(&self) -> bool {
        let well = |command: &Option<CommandResult>| command.as_ref().is_none_or(CommandResult::succeeded);
        well(&self.restore) && well(&self.verify)
    }

    /// Something may break it again.
    fn threatened(&self) -> bool {
        self.unfinished && !self.remaining.is_empty()
    }

    /// The threat, for people.
    pub(super) fn threat_text(&self) -> String {
        format!(
            "restored, but what the inject command started still runs and may break it again: {}",
            self.remaining.join(", ")
        )
    }

    /// The reason of a failure, for people.
    #[must_use]
    pub fn failure_text(&self) -> String {
        let mut reasons: Vec<String> = self.failed.iter().map(|one| one.why.clone()).collect();
        let command = self.restore.as_ref().filter(|command| !command.succeeded());
        reasons.extend(command.map(CommandResult::failure_text));
        let verify = self.verify.as_ref().filter(|verify| !verify.succeeded());
        reasons.extend(verify.map(|verify| format!("restored, but `verify`: {}", verify.failure_text())));
        if reasons.is_empty() && self.threatened() {
            reasons.push(self.threat_text());
        }
        reasons.join("; ")
    }

    /// Nothing failed but what somebody else has changed.
    #[must_use]
    pub fn is_left_alone(&self) -> bool {
        !self.failed.is_empty() && self.failed.iter().all(|one| one.left_alone) && self.command_succeeded()
    }

    /// What to run by hand, as lines for a shell; the command of the suite is that of `plan`.
    #[must_use]
    pub fn by_hand(&self, plan: &FaultPlan) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for failed in &self.failed {
            if !lines.contains(&failed.by_hand) {
                lines.push(failed.by_hand.clone());
            }
        }
        let commanded = !self.command_succeeded() || lines.is_empty();
        let restore = plan.restore.restore.as_ref().filter(|_| commanded);
        lines.extend(restore.map(super::CommandSpec::shell_text));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::{FailedUndo, RestoreResult};
    use crate::guard::{CommandResult, CommandSpec, Undo};

    /// Only where everything that failed was tried for long is once more of no use.
    #[test]
    fn what_was_not_tried_for_long_is_tried_again() {
        let failed = |patient| FailedUndo { by_hand: String::new(), why: String::new(), patient, left_alone: false };
        let of = |failed: &[FailedUndo]| RestoreResult { failed: failed.to_vec(), ..RestoreResult::default() };
        assert!(of(&[failed(true), failed(true)]).is_final());
        assert!(!of(&[failed(true), failed(false)]).is_final() && !of(&[]).is_final());
        let restore = Some(CommandResult { exit: Some(1), ..CommandResult::default() });
        assert!(
            !RestoreResult { restore, ..of(&[failed(true)]) }.is_final(),
            "the command of the suite failed as well"
        );
        let command = CommandSpec { run: vec!["true".into()], cwd: None, timeout: std::time::Duration::ZERO };
        let undo = FailedUndo::of(&Undo::Command(command), Err("why".to_owned()));
        assert!(undo.is_some_and(|undo| !undo.patient && undo.why == "why"));
    }
}
