//! The processes that a command started: found by session, by descent and by a mark in their environment, ended or waited for.
//!
//! A process that left the session, one of another user, and a session in which one holds a socket (`ssh`, `systemctl`,
//! `kubectl`) are not killed: they may have handed their work to somebody else, or be a service that was only just started.
//! They are waited for.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::{self, Signal};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::command::MARK;

/// Looks for new processes while freezing a session; each is stopped before it can start many more.
const FREEZES: usize = 50;
/// Lists of all processes until one is complete, on a host where processes come and go.
const LISTS: usize = 20;
/// From one look to the next while waiting for processes to end.
const LOOK: Duration = Duration::from_millis(20);
/// A killed process is gone after this, unless it hangs in the kernel; then it is waited for like the others.
const GONE: Duration = Duration::from_secs(1);

/// One process, and what cannot be said of another that gets its number later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Process {
    pub(super) pid: i32,
    /// Clock ticks since boot.
    start: u64,
}

impl Process {
    /// Its number and its start, which no other has until the system starts again.
    pub(super) fn text(self) -> String {
        format!("{}-{}", self.pid, self.start)
    }
}

/// A line of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug)]
struct Stat {
    process: Process,
    parent: i32,
    session: i32,
    zombie: bool,
}

/// Everything a command started.
#[derive(Debug)]
pub(super) struct Processes {
    /// The value of [`MARK`] that the command was started with.
    mark: String,
    /// Processes of commands themselves, which lead their sessions.
    leaders: Vec<i32>,
    /// Whether orphans of the command become children of this process, and it has no others.
    adopts: bool,
    /// Nothing older belongs to it; clock ticks since boot.
    since: u64,
    /// Those found once: who loses its parent and its session stays known.
    known: HashSet<Process>,
}

impl Processes {
    /// Those of commands started with `mark`, of which one has the process `leader`. `adopts` when this process is a subreaper.
    pub(super) fn of(mark: &str, leader: Option<i32>, adopts: bool) -> Self {
        let since = leader.and_then(stat).map_or(0, |stat| stat.process.start);
        Self { mark: mark.to_owned(), leaders: leader.into_iter().collect(), adopts, since, known: HashSet::new() }
    }

    /// One more command was started, as this process.
    pub(super) fn lead(&mut self, leader: Option<i32>) {
        if self.leaders.is_empty() {
            self.since = leader.and_then(stat).map_or(0, |stat| stat.process.start);
        }
        self.leaders.extend(leader);
    }

    /// From here on children of this process may be others' as well.
    pub(super) fn stop_adopting(&mut self) {
        self.running();
        self.adopts = false;
    }

    /// Those that run now.
    fn running(&mut self) -> Vec<Stat> {
        let own = std::process::id().cast_signed();
        for _ in 0..LISTS {
            let (mut members, complete) = self.listed(own);
            for stat in members.iter().filter(|stat| stat.zombie && stat.parent == own) {
                // The runtime waits for the command itself; nobody else does for what it left to us.
                if !self.leaders.contains(&stat.process.pid) {
                    let _ = waitpid(Pid::from_raw(stat.process.pid), Some(WaitPidFlag::WNOHANG));
                }
            }
            members.retain(|stat| !stat.zombie);
            self.known.extend(members.iter().map(|stat| stat.process));
            if !members.is_empty() || complete {
                return members;
            }
        }
        Vec::new()
    }

    /// Those of one list of all processes, and whether none can be missing: one that had ended when it was looked at may have
    /// started another after the list was made.
    fn listed(&self, own: i32) -> (Vec<Stat>, bool) {
        let (all, mut complete) = stats();
        let mut members: Vec<Stat> = Vec::new();
        let mut others: Vec<Stat> = all.into_iter().filter(|stat| stat.process.start >= self.since).collect();
        complete &= others.iter().all(|stat| !stat.zombie);
        loop {
            let (found, rest): (Vec<Stat>, Vec<Stat>) = others.into_iter().partition(|stat| {
                stat.process.pid != own
                    && (self.leaders.contains(&stat.session)
                        || self.known.contains(&stat.process)
                        || (self.adopts && stat.parent == own)
                        || members.iter().any(|member| member.process.pid == stat.parent)
                        || marked(stat.process.pid, &self.mark).unwrap_or_else(|| {
                            complete = false;
                            false
                        }))
            });
            others = rest;
            if found.is_empty() {
                return (members, complete);
            }
            members.extend(found);
        }
    }

    /// Names and numbers of those that run, for people.
    pub(super) fn names(&mut self) -> Vec<String> {
        self.running().iter().map(|stat| format!("{} {}", name(stat.process.pid), stat.process.pid)).collect()
    }

    /// Whether any runs.
    pub(super) fn any(&mut self) -> bool {
        !self.running().is_empty()
    }

    /// Kills the session, unless it may have handed on its work (or even then, for `all`). Returns when the killed are gone.
    pub(super) async fn end(&mut self, all: bool) {
        let mut frozen: HashSet<Process> = HashSet::new();
        let mut foreign: HashSet<Process> = HashSet::new();
        // Stopped first, so that none can start another, or open a connection, between being looked at and being killed.
        for _ in 0..FREEZES {
            let leaders = self.leaders.clone();
            let fresh: Vec<Process> = self
                .running()
                .into_iter()
                .filter(|stat| leaders.contains(&stat.session))
                .map(|stat| stat.process)
                .filter(|process| !frozen.contains(process) && !foreign.contains(process))
                .collect();
            if fresh.is_empty() {
                break;
            }
            for process in fresh {
                let stopped = signal(process, Signal::SIGSTOP);
                if stopped {
                    frozen.insert(process)
                } else {
                    foreign.insert(process)
                };
            }
        }
        // One that speaks with somebody else may have asked for what only that one can undo; what it waits for, and who waits
        // for it, cannot be told apart from here.
        let spared = !all && frozen.iter().any(|process| holds_socket(process.pid));
        let last = if spared { Signal::SIGCONT } else { Signal::SIGKILL };
        let killed: HashSet<Process> = frozen.into_iter().filter(|process| signal(*process, last) && !spared).collect();
        let end = Instant::now() + GONE;
        while Instant::now() < end && self.running().iter().any(|stat| killed.contains(&stat.process)) {
            // Until the kernel has taken them down: one that is killed in the middle of a call still finishes it.
            sleep(LOOK).await;
        }
    }

    /// Waits until none runs; false when some still do at `until`.
    pub(super) async fn gone(&mut self, until: Instant) -> bool {
        loop {
            if !self.any() {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            sleep(LOOK).await;
        }
    }
}

/// This process.
pub(super) fn own() -> Process {
    let pid = std::process::id().cast_signed();
    identity(pid).unwrap_or(Process { pid, start: 0 })
}

/// Whether a process is still there.
pub(super) fn lives(process: Process) -> bool {
    stat(process.pid).is_some_and(|now| now.process == process && !now.zombie)
}

/// The process of this number, while it has it.
pub(super) fn identity(pid: i32) -> Option<Process> {
    stat(pid).map(|stat| stat.process)
}

/// Its state as one letter, see `proc_pid_stat(5)`; `None` when it is not there any more.
pub(super) fn state(process: Process) -> Option<char> {
    let text = fs::read_to_string(format!("/proc/{}/stat", process.pid)).ok()?;
    let same = parse(process.pid, &text)?.process == process;
    text.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next()).filter(|_| same)
}

/// Whether a process is stopped, or is not there any more.
pub(super) fn stopped(process: Process) -> bool {
    matches!(state(process), None | Some('T' | 't' | 'Z' | 'X'))
}

/// The parent of a process.
pub(super) fn parent(pid: i32) -> Option<i32> {
    stat(pid).map(|stat| stat.parent)
}

/// Its name.
pub(super) fn name(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// A process, then those that it started, and those that these started.
pub(super) fn family(root: Process) -> Vec<Process> {
    let (all, _) = stats();
    let mut out = vec![root];
    let mut at = 0;
    while let Some(parent) = out.get(at).copied() {
        let children = all.iter().filter(|stat| stat.parent == parent.pid && !stat.zombie).map(|stat| stat.process);
        let fresh: Vec<Process> = children.filter(|child| !out.contains(child)).collect();
        out.extend(fresh);
        at += 1;
    }
    out
}

/// Kills a process, and no other that has got its number.
pub(super) fn kill(process: Process) {
    signal(process, Signal::SIGKILL);
}

/// False when it may not be sent.
pub(super) fn signal(process: Process, signal: Signal) -> bool {
    // A number may have been given to another by now.
    let same = stat(process.pid).is_some_and(|now| now.process == process);
    same && signal::kill(Pid::from_raw(process.pid), signal).is_ok()
}

/// Every process, and whether each was still there when it was looked at. The youngest first: they may be gone soon.
fn stats() -> (Vec<Stat>, bool) {
    let Ok(entries) = fs::read_dir("/proc") else { return (Vec::new(), true) };
    let mut ids: Vec<i32> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    let all: Vec<Stat> = ids.iter().filter_map(|id| stat(*id)).collect();
    let complete = all.len() == ids.len();
    (all, complete)
}

fn stat(pid: i32) -> Option<Stat> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// See `proc_pid_stat(5)`. The name stands in parentheses and may hold anything.
fn parse(pid: i32, text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<i32>().ok();
    Some(Stat {
        process: Process { pid, start: fields.get(19)?.parse().ok()? },
        parent: number(1)?,
        session: number(3)?,
        zombie: matches!(*fields.first()?, "Z" | "X"),
    })
}

/// Whether a process was started with `mark` in its environment; `None` when it cannot be told now. Those of other users cannot
/// be asked.
fn marked(pid: i32, mark: &str) -> Option<bool> {
    let environment = match fs::read(format!("/proc/{pid}/environ")) {
        // One that is ending has none any more, and one that begins another program has none yet.
        Ok(environment) if environment.is_empty() => return None,
        Ok(environment) => environment,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Some(false),
        Err(_) => return None,
    };
    let wanted = format!("{MARK}={mark}");
    Some(environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes()))
}

/// The leader of a session that was started with `mark`.
pub(super) fn leader_of(mark: &str) -> Option<i32> {
    let leads = |stat: &Stat| stat.session == stat.process.pid && marked(stat.process.pid, mark) == Some(true);
    stats().0.into_iter().find(leads).map(|stat| stat.process.pid)
}

/// Whether a process holds a socket that we do not hold as well; true when it cannot be asked.
fn holds_socket(pid: i32) -> bool {
    let Some(theirs) = sockets(&format!("/proc/{pid}/fd")) else { return true };
    let ours = sockets("/proc/self/fd").unwrap_or_default();
    theirs.iter().any(|socket| !ours.contains(socket))
}

fn sockets(folder: &str) -> Option<Vec<PathBuf>> {
    let links = fs::read_dir(folder).ok()?.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    Some(links.filter(|link| link.to_str().is_some_and(|text| text.starts_with("socket:"))).collect())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_name_may_hold_anything() {
        let text = "4711 (a) S 1 (b) Z 12 13 14 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 10 11";
        let stat = parse(4711, text).unwrap();
        assert_eq!((stat.parent, stat.session, stat.process.start, stat.zombie), (12, 14, 987_654, true));
        assert!(parse(1, "1 (x").is_none() && parse(1, "1 (x) S 1 2").is_none());
    }
}
