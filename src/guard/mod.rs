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
//! - Before it breaks anything it has a journal on disk, for when nobody is left to restore (`shakedown restore`).
//!
//! The commands travel over its standard input, never in its arguments, where every user of the machine could read them.

mod client;
pub mod command;
pub mod disruption;
mod fault;
pub mod journal;
pub mod lock;
mod plan;
mod process;
mod processes;
mod program;
mod recovery;
mod result;
mod secrets;
mod unfinished;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use client::{Guard, set_program};
pub use command::{CommandResult, CommandSpec};
pub use disruption::{Disruption, DisruptionProblem, Undo};
pub use plan::{FaultPlan, RestorePlan, Step};
pub use process::main;
pub use recovery::Recovery;
pub use result::{FailedUndo, InjectResult, RestoreResult};
pub use unfinished::{Unfinished, unfinished};

/// The hidden subcommand that leads to [`main`].
pub const SUBCOMMAND: &str = "__guard";
/// From one question of the run after the guard to the next.
const PERIOD: Duration = Duration::from_millis(200);
/// A run that asked after the guard and then does not for so long was stopped.
const SILENCE: Duration = Duration::from_secs(3);
/// Beyond the commands' own limits; then the guard is taken for dead.
const GRACE: Duration = Duration::from_secs(5);

/// Requests of the run to the guard, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    /// First: what to do, and what to keep meanwhile.
    Arm(Box<Arming>),
    /// Break it: from here an end of input means "restore".
    Inject,
    /// Look whether it is still broken as it was left.
    Look,
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
        /// What undoes it.
        undo: plan::UndoPlan,
    },
    /// It could not take it, and ends.
    Refused {
        /// Why.
        detail: String,
        /// Advice.
        remedy: String,
        /// What cannot be broken; empty where that is not why.
        place: String,
    },
    /// It is there.
    Alive,
    /// The inject command was started as this process.
    Started(i32),
    /// Injecting has ended.
    Injected(InjectResult),
    /// Why it is not broken any more as it was left, if that is so.
    Looked(Option<DisruptionProblem>),
    /// It begins to put things back.
    Restoring,
    /// Everything was tried to put things back.
    Restored(RestoreResult),
}
