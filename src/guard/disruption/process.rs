//! A process that is frozen, ended or killed. It is known by its number and the time it was started, so that another one that has got its
//! number is never hit.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::control;
use super::tool::{Tool, installed};
use crate::guard::processes::{self, Process};
use crate::model::Choices as _;
use crate::model::argument::choices;
use crate::model::human_time;

/// A signal takes effect within this, also where a process first finishes a call of the kernel, or puts its house in order.
const EFFECT: Duration = Duration::from_secs(10);
/// From one look to the next meanwhile.
const LOOK: Duration = Duration::from_millis(5);
/// The parent of all threads of the kernel.
const KERNEL: i32 = 2;

choices! {
    /// Which signal.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum SignalWord {
        /// `SIGSTOP`: frozen.
        Stop = "stop",
        /// `SIGKILL`.
        Kill = "kill",
        /// `SIGTERM`.
        Term = "term",
        /// `SIGCONT`, to one that is stopped.
        Cont = "cont",
    }
}

impl SignalWord {
    const fn signal(self) -> Signal {
        match self {
            Self::Stop => Signal::SIGSTOP,
            Self::Kill => Signal::SIGKILL,
            Self::Term => Signal::SIGTERM,
            Self::Cont => Signal::SIGCONT,
        }
    }

    /// As kill(1) takes it.
    fn name(self) -> String {
        self.word().to_uppercase()
    }

    /// Whether the process is to be gone afterwards.
    const fn ends(self) -> bool {
        matches!(self, Self::Kill | Self::Term)
    }
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
    /// Who they are, once [`Self::prepare`] has found them.
    #[serde(default)]
    found: Vec<Process>,
}

impl ProcessSignal {
    /// A signal to be sent.
    #[must_use]
    pub fn new(signal: SignalWord, target: ProcessTarget, children: bool, has_restore: bool) -> Self {
        Self { signal, target, children, has_restore, found: Vec::new() }
    }

    pub(super) async fn prepare(&mut self) -> Result<Vec<SignalUndo>, String> {
        if self.signal.ends() && !self.has_restore {
            return Err(format!(
                "nothing starts a process again after SIG{}: write the command that does, `restore: {{run: […]}}`",
                self.signal.name()
            ));
        }
        let root = self.target.find().await?;
        let found = if self.children { processes::family(root) } else { vec![root] };
        refuse(&found)?;
        let stopped = matches!(processes::state(root), Some('T'));
        let text = named(root);
        match self.signal {
            SignalWord::Stop if stopped => return Err(format!("{text} is stopped already")),
            SignalWord::Cont if !stopped => {
                return Err(format!("{text} is not stopped, so there is nothing to continue"));
            }
            SignalWord::Term if ignores(root.pid, Signal::SIGTERM) => {
                return Err(format!("{text} ignores SIGTERM: use `signal: kill`"));
            }
            _ => {}
        }
        self.found = found;
        if self.signal.ends() {
            return Ok(Vec::new());
        }
        // In the order of injecting: undone in reverse, the parent goes on when its children can answer it.
        let undo = |process: &Process| SignalUndo {
            process: *process,
            stopped: self.signal == SignalWord::Cont,
            name: processes::name(process.pid),
        };
        // One that is as it will be needs no undoing.
        let changes =
            |process: &&Process| matches!(processes::state(**process), Some('T')) == (self.signal == SignalWord::Cont);
        Ok(self.found.iter().filter(changes).map(undo).collect())
    }

    pub(super) fn inject(&self) -> Result<(), String> {
        let Some(root) = self.found.first().copied() else {
            return Err("the process was not looked for".into());
        };
        let mut sent = self.found.clone();
        if self.signal.ends() && self.children {
            // Some may have been started since; once killed they need no undoing.
            sent.extend(processes::family(root).into_iter().filter(|process| !self.found.contains(process)));
        }
        for process in sent {
            if processes::signal(process, self.signal.signal()) || processes::state(process).is_none() {
                continue;
            }
            return Err(format!("{} may not be sent SIG{}: run it as root", named(process), self.signal.name()));
        }
        Ok(())
    }

    /// Waits for it: a signal is taken when the process runs next, and a process that is told to end may do so at its ease.
    pub(super) async fn in_effect(&self) -> Result<(), String> {
        let end = Instant::now() + EFFECT;
        loop {
            let unmoved = self.found.iter().find(|process| !self.has_reached(**process));
            let Some(process) = unmoved else { return self.reached_any() };
            if Instant::now() >= end {
                let what = if self.signal.ends() { "still runs" } else { "is as it was" };
                return Err(format!(
                    "{} {what} {} after SIG{}",
                    named(*process),
                    human_time(EFFECT),
                    self.signal.name()
                ));
            }
            sleep(LOOK).await;
        }
    }

    /// Why it is not in place any more. One that ended meanwhile did not go on: what watches over it may have ended it.
    pub(super) fn ended_early(&self) -> Option<String> {
        if self.signal.ends() {
            return None;
        }
        let (unmoved, what) = match self.signal {
            // Stopped by a debugger is stopped.
            SignalWord::Stop => (
                self.found.iter().find(|one| !matches!(processes::state(**one), None | Some('T' | 't' | 'Z' | 'X'))),
                "runs again",
            ),
            _ => (self.found.iter().find(|one| matches!(processes::state(**one), Some('T'))), "is stopped again"),
        };
        unmoved.map(|process| format!("{} {what}", named(*process)))
    }

    fn has_reached(&self, process: Process) -> bool {
        let state = processes::state(process);
        match self.signal {
            SignalWord::Stop => matches!(state, None | Some('T' | 'Z' | 'X')),
            SignalWord::Cont => !matches!(state, Some('T')),
            SignalWord::Kill | SignalWord::Term => matches!(state, None | Some('Z' | 'X')),
        }
    }

    /// A process that ended while it was to be stopped is another disruption than was asked for.
    fn reached_any(&self) -> Result<(), String> {
        let root = self.found.first().copied();
        match root {
            Some(root) if !self.signal.ends() && processes::state(root).is_none() => {
                Err(format!("the process {} ended by itself", root.pid))
            }
            Some(_) => Ok(()),
            None => Err("the process was not looked for".into()),
        }
    }

    pub(super) fn shell_text(&self) -> String {
        let word = self.signal.name();
        let who = match &self.target {
            _ if !self.found.is_empty() => {
                self.found.iter().map(|process| process.pid.to_string()).collect::<Vec<_>>().join(" ")
            }
            ProcessTarget::Pid(pid) => pid.to_string(),
            ProcessTarget::PidFile(file) => format!("$(cat {})", crate::model::shell::word(&file.to_string_lossy())),
            ProcessTarget::Unit(unit) => format!("$({})", main_pid(unit).shell_text()),
        };
        let children =
            if self.children && self.found.is_empty() { "  # and every process that it started" } else { "" };
        format!("kill -{word} {who}{children}")
    }
}

impl ProcessTarget {
    /// As the suite names it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Pid(pid) => pid.to_string(),
            Self::PidFile(file) => file.display().to_string(),
            Self::Unit(unit) => unit.clone(),
        }
    }

    async fn find(&self) -> Result<Process, String> {
        let (pid, place) = match self {
            Self::Pid(pid) => (*pid, String::new()),
            Self::PidFile(file) => (of_file(file)?, format!(", named by {}", file.display())),
            Self::Unit(unit) => {
                installed(&["systemctl"])?;
                let shown = main_pid(unit).output().await?;
                match shown.trim().parse() {
                    Ok(pid) if pid > 0 => (pid, format!(", the main process of {unit}")),
                    _ => return Err(format!("{unit} has no main process: `systemctl status {unit}` says why")),
                }
            }
        };
        let process = processes::identity(pid).filter(|process| !matches!(processes::state(*process), Some('Z' | 'X')));
        process.ok_or_else(|| format!("there is no process {pid}{place}"))
    }
}

fn main_pid(unit: &str) -> Tool {
    Tool::systemctl().args(["show", "--property=MainPID", "--value", "--", unit])
}

/// The number in a file: its first word, as daemons write it.
fn of_file(file: &Path) -> Result<i32, String> {
    let shown = file.display();
    let text = fs::read_to_string(file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let pid = text.split_ascii_whitespace().next().and_then(|word| word.parse().ok()).filter(|pid| *pid > 0);
    pid.ok_or_else(|| format!("{shown} holds no number of a process"))
}

/// Refuses what this host, or this run, cannot do without.
fn refuse(found: &[Process]) -> Result<(), String> {
    let lineage = control::lineage();
    for process in found {
        if process.pid == 1 {
            return Err("process 1 is the init of this host: nothing works without it".into());
        }
        if lineage.contains(&process.pid) {
            return Err(format!("{} is this run, or what it was started from", named(*process)));
        }
        if process.pid == KERNEL || processes::parent(process.pid) == Some(KERNEL) {
            return Err(format!("{} is a thread of the kernel, which takes no signals", named(*process)));
        }
    }
    Ok(())
}

/// Whether a process ignores the signal.
fn ignores(pid: i32, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask & (1 << (signal as i32 - 1)) != 0
}

/// Name and number, for people.
fn named(process: Process) -> String {
    format!("{} ({})", processes::name(process.pid), process.pid)
}

/// A process that was stopped, or continued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalUndo {
    process: Process,
    /// It was stopped before.
    stopped: bool,
    /// Its name, for people.
    name: String,
}

impl SignalUndo {
    /// One that has ended needs nothing any more.
    pub(super) fn restore(&self) -> Result<(), String> {
        let signal = if self.stopped { Signal::SIGSTOP } else { Signal::SIGCONT };
        if processes::signal(self.process, signal) || processes::state(self.process).is_none() {
            return Ok(());
        }
        Err(format!("{} ({}) may not be sent {signal}", self.name, self.process.pid))
    }

    pub(super) async fn verify(&self) -> Result<(), String> {
        let end = Instant::now() + EFFECT;
        loop {
            let state = processes::state(self.process);
            let back = match state {
                None | Some('Z' | 'X') => true,
                state => matches!(state, Some('T')) == self.stopped,
            };
            if back {
                return Ok(());
            }
            if Instant::now() >= end {
                let what = if self.stopped { "runs, though it was stopped before" } else { "is still stopped" };
                return Err(format!("{} ({}) {what}", self.name, self.process.pid));
            }
            sleep(LOOK).await;
        }
    }

    pub(super) fn by_hand(&self) -> String {
        format!("kill -{} {}", if self.stopped { "STOP" } else { "CONT" }, self.process.pid)
    }
}
