//! What a guard is to do: steps that break something, and what undoes each.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::disruption::{Disruption, Undo};
use super::result::FailedUndo;
use super::{CommandSpec, DisruptionProblem, GRACE, RestoreResult};
use crate::model::human_time;

/// Restoring is tried this often.
const ATTEMPTS: u32 = 2;
/// Looking at the state of this host, before and after.
const LOOK: Duration = Duration::from_secs(25);

/// How to break something and put it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultPlan {
    /// Breaks it, one after the other.
    pub inject: Vec<Step>,
    /// How to put it back.
    pub restore: RestorePlan,
    /// The fault should be in place for no longer than this once `inject` has ended; then the guard restores unasked.
    pub hold: Duration,
}

/// One thing that is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// By a command of the suite.
    Run(CommandSpec),
    /// By this program.
    BuiltIn(Disruption),
}

/// What only the suite knows of putting things back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePlan {
    /// Puts back what commands broke; may be run twice, so it must not mind.
    pub restore: Option<CommandSpec>,
    /// Exits 0 when things really are back.
    pub verify: Option<CommandSpec>,
}

/// What undoes a fault, complete: nothing has to be looked up any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UndoPlan {
    /// In the order of injecting: the last is undone first.
    pub(super) undos: Vec<Undo>,
    /// Exits 0 when things really are back.
    pub(super) verify: Option<CommandSpec>,
    /// What commands of `inject` left running is waited for so long.
    pub(super) patience: Duration,
}

impl Step {
    /// The same by hand, as one line for a shell.
    #[must_use]
    pub fn shell_text(&self) -> String {
        match self {
            Self::Run(command) => command.shell_text(),
            Self::BuiltIn(disruption) => disruption.shell_text(),
        }
    }

    /// The longest it can take.
    fn timeout(&self) -> Duration {
        match self {
            Self::Run(command) => command.timeout,
            Self::BuiltIn(disruption) => disruption.limits().inject + LOOK,
        }
    }

    /// What this host has that it works on; nobody else may break the same. Empty for a command.
    #[must_use]
    pub fn built_in(&self) -> Option<&Disruption> {
        match self {
            Self::Run(_) => None,
            Self::BuiltIn(disruption) => Some(disruption),
        }
    }
}

/// Does what a step of this program does, and sees to it that it took effect.
pub(super) async fn inject(disruption: &Disruption) -> Result<(), DisruptionProblem> {
    let injected = limited(disruption.limits().inject, Box::pin(disruption.inject())).await;
    injected.map_err(|why| disruption.problem(why))?;
    let seen = limited(LOOK, Box::pin(disruption.in_effect())).await;
    seen.map_err(|why| disruption.problem(format!("it did not take effect: {why}")))
}

async fn limited<T, E: From<String>>(limit: Duration, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let ended = tokio::time::timeout(limit, work).await;
    ended.unwrap_or_else(|_| Err(format!("not done within {}", human_time(limit)).into()))
}

impl FaultPlan {
    /// Looks at the present state, and changes nothing on this host; the steps learn whom they meet. The error tells what cannot be
    /// broken, or be put back.
    pub(super) async fn prepare(&mut self) -> Result<UndoPlan, DisruptionProblem> {
        let mut undos = Vec::new();
        let mut restore = self.restore.restore.clone();
        for step in &mut self.inject {
            let before = undos.len();
            if let Step::BuiltIn(disruption) = step {
                let prepared = limited(LOOK.max(disruption.limits().prepare), Box::pin(disruption.prepare())).await;
                undos.extend(prepared.map_err(|why| disruption.problem(why))?);
            }
            // The one command of the suite undoes all of them, once everything that came later is undone.
            if undos.len() == before {
                undos.extend(restore.take().map(Undo::Command));
            }
        }
        undos.extend(restore.map(Undo::Command));
        Ok(UndoPlan { undos, verify: self.restore.verify.clone(), patience: self.inject_timeout() })
    }

    /// What undoes it, in the order of undoing, as lines for a shell: as far as it can be told before the state of this host is known.
    #[must_use]
    pub fn inverse(&self) -> Vec<String> {
        let mut restore = self.restore.restore.as_ref().map(CommandSpec::shell_text);
        let inverse = |step: &Step| match step.built_in().and_then(Disruption::inverse) {
            Some(line) => Some(line),
            None => restore.take(),
        };
        let mut lines: Vec<String> = self.inject.iter().filter_map(inverse).collect();
        lines.extend(restore);
        lines.reverse();
        lines
    }

    /// Why one of its commands cannot be started, and which; `None` when nothing is known against them.
    #[must_use]
    pub fn unstartable(&self) -> Option<String> {
        let steps = self.inject.iter().filter_map(|step| match step {
            Step::Run(command) => Some(("inject", command)),
            Step::BuiltIn(_) => None,
        });
        let restore = self.restore.restore.iter().map(|command| ("restore", command));
        let verify = self.restore.verify.iter().map(|command| ("verify", command));
        let mut commands = steps.chain(restore).chain(verify);
        commands.find_map(|(name, command)| Some(format!("`{name}`: {}", command.unstartable()?)))
    }

    /// The longest that looking at what is elsewhere can take, before anything is broken.
    #[must_use]
    pub fn preparing_timeout(&self) -> Duration {
        self.built_in().map(|disruption| disruption.limits().prepare).sum::<Duration>()
    }

    pub(super) fn built_in(&self) -> impl Iterator<Item = &Disruption> {
        self.inject.iter().filter_map(Step::built_in)
    }

    /// The longest that all steps can take.
    #[must_use]
    pub fn inject_timeout(&self) -> Duration {
        self.inject.iter().map(Step::timeout).sum()
    }

    /// The longest that the commands among them can take; what this program does itself takes moments.
    #[must_use]
    pub fn commands_timeout(&self) -> Duration {
        self.inject.iter().filter(|step| step.built_in().is_none()).map(Step::timeout).sum()
    }

    /// The longest [`super::Guard::restore`] can take, the guard's death included.
    #[must_use]
    pub fn longest_restore(&self) -> Duration {
        (self.restore_timeout() + GRACE) * 2
    }

    /// What `inject` left running may have the rest of its time, with a restore before and after.
    pub(super) fn restore_timeout(&self) -> Duration {
        let limit = |command: &Option<CommandSpec>| command.as_ref().map_or(Duration::ZERO, |command| command.timeout);
        let once = limit(&self.restore.restore) + self.built_in().map(|one| one.limits().restore).sum::<Duration>();
        let looked = limit(&self.restore.verify) + self.built_in().map(|one| one.limits().verify).sum::<Duration>();
        let attempt = once + looked + Duration::from_secs(2);
        once + self.inject_timeout() + attempt * ATTEMPTS
    }
}

impl UndoPlan {
    /// Restores and verifies; once more when that failed.
    pub(super) async fn execute(&self, mark: &str) -> RestoreResult {
        let (mut result, mut doubts) = (RestoreResult::default(), String::new());
        for _ in 0..ATTEMPTS {
            result = self.verified(self.restore_once(mark).await, mark).await;
            // What one attempt learned the next does not find any more.
            if doubts.is_empty() {
                doubts.clone_from(&result.doubts);
            }
            if result.undone() || result.is_final() {
                break;
            }
        }
        RestoreResult { doubts, ..result }
    }

    /// Undoes everything, the last first, and whatever became of the one before. Commands are marked as those of the fault `mark`.
    pub(super) async fn restore_once(&self, mark: &str) -> RestoreResult {
        let mut result = RestoreResult::default();
        for undo in self.undos.iter().rev() {
            match undo {
                Undo::Command(command) => {
                    result.restore = Some(command.run_marked(Some(&restore_mark(mark))).await);
                }
                built_in => {
                    let restored = limited(built_in.limits().restore, Box::pin(built_in.restore_with_doubts())).await;
                    let restored = restored.map(|doubts| result.doubt(doubts));
                    result.failed.extend(FailedUndo::of(built_in, restored));
                }
            }
        }
        result
    }

    /// Verifies after a restore that ended so.
    pub(super) async fn verified(&self, restored: RestoreResult, mark: &str) -> RestoreResult {
        if !restored.undone() {
            return restored;
        }
        let mut result = restored;
        for undo in &self.undos {
            result.failed.extend(FailedUndo::of(undo, limited(undo.limits().verify, Box::pin(undo.verify())).await));
        }
        if let Some(verify) = self.verify.as_ref().filter(|_| result.failed.is_empty()) {
            result.verify = Some(verify.run_marked(Some(&restore_mark(mark))).await);
        }
        result
    }
}

/// The mark of commands that restore after the fault `mark`.
pub(super) fn restore_mark(mark: &str) -> String {
    format!("{mark}-restore")
}
