//! The guard: a small process that owns a fault. It runs the command that breaks something, and outlives us, so that what
//! was broken is put back even after `kill -9` of the run.
//!
//! - It is started and armed before anything is changed. It stands in a session of its own, is no child of the run, and
//!   ignores every signal it may.
//! - It runs `inject` itself. So it knows everything `inject` started, and ends that, or waits for it, before it restores.
//! - When its standard input ends without `done`, the run has vanished; when nothing is asked of it for longer than the fault
//!   should last, the run was stopped. It restores at once in both cases.
//! - Each asks after the other, several times a second. A guard that is dead or stopped is killed, so that it cannot go on
//!   later, and the run restores; a run that is stopped is restored for.
//!
//! - Before it breaks anything it has a journal on disk, for when nobody is left to restore (`shakedown restore`).
//!
//! The commands travel over its standard input, never in its arguments, where every user of the machine could read them.

mod client;
pub mod command;
pub mod disruption;
mod fault;
pub mod journal;
pub mod lock;
mod process;
mod processes;
mod program;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use client::{Guard, set_program};
pub use command::{CommandResult, CommandSpec};
pub use disruption::{Disruption, Undo};
pub use process::main;

/// The hidden subcommand that leads to [`main`].
pub const SUBCOMMAND: &str = "__guard";
/// Restoring is tried this often.
const ATTEMPTS: u32 = 2;
/// From one question of the run after the guard to the next.
const PERIOD: Duration = Duration::from_millis(200);
/// A run that asked after the guard and then does not for so long was stopped.
const SILENCE: Duration = Duration::from_secs(3);
/// Beyond the commands' own limits; then the guard is taken for dead.
const GRACE: Duration = Duration::from_secs(5);

/// How to break something and put it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultPlan {
    /// Breaks it.
    pub inject: CommandSpec,
    /// How to put it back.
    pub restore: RestorePlan,
    /// The fault should be in place for no longer than this once `inject` has ended; then the guard restores unasked.
    pub hold: Duration,
}

/// How to put things back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePlan {
    /// Puts things back; may be run twice, so it must not mind.
    pub restore: CommandSpec,
    /// Exits 0 when things really are back.
    pub verify: Option<CommandSpec>,
}

/// How putting back went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreResult {
    /// The last run of the restore command.
    pub restore: CommandResult,
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
}

/// Requests of the run to the guard, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    /// First: what to do, and what to keep meanwhile.
    Arm(Box<Arming>),
    /// Break it: from here an end of input means "restore".
    Inject,
    /// Restore now and report.
    Restore,
    /// Say that you are there.
    Ping,
    /// Nothing is left to do.
    Done,
}

/// Whose fault it is, and what is kept while it is in place.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Custody {
    /// The check, `suite/id`.
    pub check: String,
    /// The target, for people.
    pub target: String,
    /// Locks of the run that the guard holds as well.
    pub locks: Vec<PathBuf>,
    /// Folders for its journal: the first that can be made.
    pub journals: Vec<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Arming {
    plan: FaultPlan,
    /// Marks the processes of the fault: the value of a variable in their environment.
    mark: String,
    custody: Custody,
}

/// Answers of the guard.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    /// It holds the plan.
    Armed {
        /// Its process.
        id: i32,
        /// The journal of the fault.
        journal: PathBuf,
    },
    /// It could not take it, and ends.
    Refused {
        /// Why.
        detail: String,
        /// Advice.
        remedy: String,
    },
    /// It is there.
    Alive,
    /// The inject command was started as this process.
    Started(i32),
    /// The inject command ended.
    Injected(CommandResult),
    /// It begins to put things back.
    Restoring,
    /// Everything was tried to put things back.
    Restored(RestoreResult),
}

impl RestoreResult {
    /// Everything is back.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.commands_succeeded() && !self.threatened()
    }

    fn commands_succeeded(&self) -> bool {
        self.restore.succeeded() && self.verify.as_ref().is_none_or(CommandResult::succeeded)
    }

    /// Something may break it again.
    fn threatened(&self) -> bool {
        self.unfinished && !self.remaining.is_empty()
    }

    /// The threat, for people.
    fn threat_text(&self) -> String {
        format!(
            "restored, but what the inject command started still runs and may break it again: {}",
            self.remaining.join(", ")
        )
    }

    /// The reason of a failure, for people.
    #[must_use]
    pub fn failure_text(&self) -> String {
        match &self.verify {
            Some(verify) if !verify.succeeded() => format!("restored, but `verify`: {}", verify.failure_text()),
            _ if self.commands_succeeded() && self.threatened() => self.threat_text(),
            _ => self.restore.failure_text(),
        }
    }
}

impl RestorePlan {
    /// Restores and verifies; once more when that failed.
    async fn execute(&self, mark: &str) -> RestoreResult {
        let mut result = RestoreResult::default();
        for _ in 0..ATTEMPTS {
            result = self.verified(self.restore_once(mark).await, mark).await;
            if result.commands_succeeded() {
                break;
            }
        }
        result
    }

    /// The restore command alone, marked as one of the fault `mark`.
    async fn restore_once(&self, mark: &str) -> CommandResult {
        self.restore.run_marked(Some(&restore_mark(mark))).await
    }

    /// Verifies after a restore command that ended so.
    async fn verified(&self, restore: CommandResult, mark: &str) -> RestoreResult {
        let verify = match &self.verify {
            Some(verify) if restore.succeeded() => Some(verify.run_marked(Some(&restore_mark(mark))).await),
            _ => None,
        };
        RestoreResult { restore, verify, ..RestoreResult::default() }
    }

    fn execute_timeout(&self) -> Duration {
        let verify = self.verify.as_ref().map_or(Duration::ZERO, |verify| verify.timeout);
        (self.restore.timeout + verify + Duration::from_secs(2)) * ATTEMPTS
    }
}

/// The mark of commands that restore after the fault `mark`.
fn restore_mark(mark: &str) -> String {
    format!("{mark}-restore")
}

impl FaultPlan {
    /// Why one of its commands cannot be started, and which; `None` when nothing is known against them.
    #[must_use]
    pub fn unstartable(&self) -> Option<String> {
        let commands = [
            ("inject", Some(&self.inject)),
            ("restore", Some(&self.restore.restore)),
            ("verify", self.restore.verify.as_ref()),
        ];
        commands.into_iter().find_map(|(name, command)| Some(format!("`{name}`: {}", command?.unstartable()?)))
    }

    /// The longest [`Guard::restore`] can take, the guard's death included.
    #[must_use]
    pub fn longest_restore(&self) -> Duration {
        (self.restore_timeout() + GRACE) * 2
    }

    /// What `inject` left running may have the rest of its time, with a restore before and after.
    fn restore_timeout(&self) -> Duration {
        self.restore.restore.timeout + self.inject.timeout + self.restore.execute_timeout()
    }
}
