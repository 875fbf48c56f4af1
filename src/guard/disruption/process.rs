//! A process that gets a signal.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalWord {
    /// `SIGSTOP`: frozen.
    Stop,
    /// `SIGKILL`.
    Kill,
    /// `SIGTERM`.
    Term,
    /// `SIGCONT`, to one that is stopped.
    Cont,
}

/// How a process is found, at the moment of need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessTarget {
    /// By its number.
    Pid(i32),
    /// By a file that holds its number.
    PidFile(PathBuf),
    /// By the unit of systemd whose main process it is.
    Unit(String),
}

/// A signal to a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSignal {
    /// The signal.
    pub signal: SignalWord,
    /// The process.
    pub target: ProcessTarget,
    /// Every process that it started gets it as well, and those of these.
    pub children: bool,
    /// A command of the suite starts it again; nothing else can after `kill` and `term`.
    pub has_restore: bool,
}

/// A process that was stopped, or continued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalUndo {
    pid: i32,
    /// Clock ticks from the start of this host to that of the process: another one with the same number has another.
    start_time: u64,
    /// It was stopped before.
    stopped: bool,
    /// Its name, for people.
    name: String,
}

impl ProcessSignal {
    pub(super) async fn prepare(&self) -> Result<Vec<SignalUndo>, String> {
        Err("not yet".into())
    }

    pub(super) async fn inject(&self) -> Result<(), String> {
        Err("not yet".into())
    }

    pub(super) async fn in_effect(&self) -> Result<(), String> {
        Err("not yet".into())
    }

    pub(super) fn shell_text(&self) -> String {
        String::new()
    }
}

impl SignalUndo {
    pub(super) fn restore(&self) -> Result<(), String> {
        Err("not yet".into())
    }

    pub(super) fn verify(&self) -> Result<(), String> {
        Err("not yet".into())
    }

    pub(super) fn by_hand(&self) -> String {
        String::new()
    }
}
