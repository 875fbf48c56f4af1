//! The run's side of the guard.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout};

use super::disruption::LOOK;
use super::fault::InjectedFault;
use super::plan::UndoPlan;
use super::processes::{self, Process};
use super::unfinished::{self, Unfinished};
use super::{
    Arming, Custody, DisruptionProblem, FaultPlan, GRACE, InjectResult, PERIOD, Reply, Request, RestoreResult,
    SUBCOMMAND, journal,
};
use crate::model::{Fault, human_time};
use crate::net::sys::session::detached;

/// Starting a process and reading one line takes this long only when something is broken.
const ARMING: Duration = Duration::from_secs(10);
/// A guard that does not answer so soon is looked at: it may be stopped, or on a busy host.
const ANSWER: Duration = Duration::from_millis(400);
/// A guard that is gone is noticed within this: docs/families/failover.md promises it.
const NOTICED: Duration = Duration::from_secs(1);
const _: () = assert!(
    PERIOD.as_millis() + ANSWER.as_millis() <= NOTICED.as_millis() * 3 / 4,
    "a quarter is left for the question, the look at its process, and a host that is busy"
);
/// One that has not answered by then is gone, whatever it looks like.
const MOST: Duration = Duration::from_secs(10);
/// What the run does when the guard is gone.
const LOST: &str =
    "the guard process ended, or was stopped, while the fault was in place; the run restored in its stead";

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
/// Faults of this process so far.
static FAULTS: AtomicU32 = AtomicU32::new(0);

/// Names the `shakedown` binary for programs that are not it (tests). The first call counts.
pub fn set_program(path: impl Into<PathBuf>) {
    let _ = PROGRAM.set(path.into());
}

/// A running guard. Dropping it without [`Guard::restore`] leaves the restoring to it.
#[derive(Debug)]
pub struct Guard {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    plan: FaultPlan,
    mark: String,
    /// The file of its journal.
    journal: PathBuf,
    /// What undoes the fault.
    undo: UndoPlan,
    /// Its process.
    id: i32,
    process: Option<Process>,
    /// The process of the last command that was started.
    leader: Option<i32>,
    live: bool,
    /// Everything was injected with success.
    complete: bool,
    restore_requested: bool,
    /// It ended, or was stopped.
    gone: bool,
    /// Whose fault it is, and at which target.
    of: (String, String),
}

impl Guard {
    /// Starts a guard and waits until it holds `plan` and its journal, and the locks of `custody` beside us.
    pub async fn arm(plan: FaultPlan, custody: Custody) -> Result<Self, Fault> {
        const OPERATION: &str = "start the guard that restores when this process dies";
        let broken = |why: String| {
            let remedy = "nothing was changed; check that this binary can start itself, and the limit of processes \
                          (`ulimit -u`)";
            Fault::local(OPERATION, "", why, remedy)
        };
        let (mut guard, mut starter) = Self::spawn(plan).map_err(|error| broken(error.to_string()))?;
        guard.of = (custody.check.clone(), custody.target.clone());
        let request = Request::Arm(Box::new(Arming { plan: guard.plan.clone(), mark: guard.mark.clone(), custody }));
        let limit = ARMING + guard.plan.preparing_timeout();
        let armed = timeout(limit, async {
            // Ends at once: the guard is no child of ours.
            starter.wait().await?;
            guard.send(&request).await?;
            guard.receive().await
        });
        match armed.await {
            Ok(Ok(Reply::Armed { id, journal, undo })) => {
                (guard.id, guard.journal, guard.undo) = (id, journal, undo);
                guard.process = processes::identity(id);
                Ok(guard)
            }
            Ok(Ok(Reply::Refused { detail, remedy, place })) if place.is_empty() => {
                Err(Fault::local("prepare to restore", "", format!("{detail}; nothing was injected"), remedy))
            }
            Ok(Ok(Reply::Refused { detail, remedy, place })) => {
                Err(Fault::caused(place, format!("{detail}; nothing was changed"), remedy))
            }
            Ok(Ok(_)) => Err(broken("it answered out of turn".into())),
            Ok(Err(error)) => Err(broken(error.to_string())),
            Err(_) => Err(broken(format!("it did not answer within {}", human_time(limit)))),
        }
    }

    fn spawn(plan: FaultPlan) -> std::io::Result<(Self, Child)> {
        let program = PROGRAM.get().map_or_else(std::env::current_exe, |path| Ok(path.clone()))?;
        let mut command = std::process::Command::new(program);
        // Its complaints go to our standard error, because after our death nobody else can pass them on.
        command.arg(SUBCOMMAND).stdin(Stdio::piped()).stdout(Stdio::piped());
        detached(&mut command);
        let mut child = Command::from(command).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("no pipe to it"));
        };
        let output = BufReader::new(output).lines();
        let mark = format!("{}-{}", processes::own().text(), FAULTS.fetch_add(1, Ordering::Relaxed));
        let guard = Self {
            input,
            output,
            plan,
            mark,
            journal: PathBuf::new(),
            undo: UndoPlan::default(),
            id: 0,
            process: None,
            leader: None,
            live: false,
            complete: false,
            restore_requested: false,
            gone: false,
            of: Default::default(),
        };
        Ok((guard, child))
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.id
    }

    /// Has the guard break it. From here on it restores when this process vanishes, or is stopped: wait in [`Guard::lost`] until
    /// it is time to [`Guard::restore`]. `None` when the guard is gone.
    pub async fn inject(&mut self) -> Option<InjectResult> {
        self.live = true;
        let (check, target) = self.of.clone();
        unfinished::begun(&self.mark, Unfinished { check, target, journal: self.journal.clone() });
        let limit = self.plan.inject_timeout() + GRACE;
        let ended = async {
            self.send(&Request::Inject).await?;
            loop {
                match self.receive_watched().await? {
                    Reply::Injected(result) => {
                        self.complete = result.succeeded();
                        return std::io::Result::Ok(result);
                    }
                    Reply::Started(leader) => self.leader = Some(leader),
                    Reply::Alive
                    | Reply::Armed { .. }
                    | Reply::Refused { .. }
                    | Reply::Looked(_)
                    | Reply::Restoring
                    | Reply::Restored(_) => {}
                }
            }
        };
        timeout(limit, ended).await.ok()?.ok()
    }

    /// Ends when the guard does, is stopped, or restores unasked. Call it only while nothing else is asked of the guard; may be
    /// dropped.
    pub async fn lost(&mut self) {
        while !matches!(self.receive_watched().await, Ok(Reply::Restoring) | Err(_)) {}
    }

    /// Why it is not broken any more as it was left, although nobody has asked to restore; `None` while it is, and where that cannot be
    /// told. May be dropped.
    pub async fn ended_early(&mut self) -> Option<DisruptionProblem> {
        let looked = async {
            self.send(&Request::Look).await.ok()?;
            loop {
                match self.receive_watched().await.ok()? {
                    Reply::Looked(ended) => return ended,
                    // Unasked.
                    Reply::Restoring | Reply::Restored(_) => return None,
                    Reply::Alive
                    | Reply::Started(_)
                    | Reply::Injected(_)
                    | Reply::Armed { .. }
                    | Reply::Refused { .. } => {}
                }
            }
        };
        timeout(LOOK + GRACE, looked).await.ok().flatten()
    }

    /// Restores, unless nothing was begun. Does it here when the guard is gone. May be called again after being dropped.
    pub async fn restore(&mut self) -> Option<RestoreResult> {
        if !self.live {
            self.dismiss().await;
            return None;
        }
        let limit = self.plan.restore_timeout() + GRACE;
        let asked = async { if self.gone { None } else { self.request_restore().await.ok() } };
        let result = match timeout(limit, asked).await {
            Ok(Some(result)) => result,
            _ => {
                // One that does not answer must not come back to life beside us.
                if let Some(process) = self.process {
                    processes::kill(process);
                }
                self.restore_here().await
            }
        };
        self.live = !result.succeeded();
        if !self.live {
            unfinished::ended(&self.mark);
        }
        self.dismiss().await;
        Some(result)
    }

    async fn restore_here(&mut self) -> RestoreResult {
        // Held, so that nobody takes the fault for one that is left alone.
        let _held = journal::hold(&self.journal);
        let mut orphaned = InjectedFault::orphaned(&self.undo, &self.mark, self.leader, self.complete).await;
        let result = orphaned.undo(&self.undo).await;
        if result.succeeded() {
            // One that stays is told by the next run, and by `shakedown restore`, which finds everything in place.
            let _ = journal::remove(&self.journal);
        }
        RestoreResult { incident: LOST.to_owned(), ..result }
    }

    async fn request_restore(&mut self) -> std::io::Result<RestoreResult> {
        // A call that was dropped half-way has asked already; asking again would restore twice.
        if !self.restore_requested {
            self.send(&Request::Restore).await?;
            self.restore_requested = true;
        }
        loop {
            match self.receive_watched().await? {
                Reply::Restored(result) => return Ok(result),
                Reply::Started(leader) => self.leader = Some(leader),
                // Also of an inject command that was interrupted.
                Reply::Alive
                | Reply::Restoring
                | Reply::Injected(_)
                | Reply::Looked(_)
                | Reply::Armed { .. }
                | Reply::Refused { .. } => {}
            }
        }
    }

    /// Waits until it has ended, so that it no longer holds its locks.
    async fn dismiss(&mut self) {
        if self.send(&Request::Done).await.is_ok() {
            let _ = timeout(GRACE, async { while self.receive().await.is_ok() {} }).await;
        }
    }

    async fn send(&mut self, request: &Request) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.input.write_all(&line).await?;
        self.input.flush().await
    }

    /// The next that it says, while it answers that it is there. May be dropped: what comes late says so once more.
    async fn receive_watched(&mut self) -> std::io::Result<Reply> {
        let reply = self.reply_or_silence().await;
        self.gone |= reply.is_err();
        reply
    }

    async fn reply_or_silence(&mut self) -> std::io::Result<Reply> {
        loop {
            self.send(&Request::Ping).await?;
            let asked = Instant::now();
            loop {
                match timeout(ANSWER, self.receive()).await {
                    Ok(Ok(Reply::Alive)) => break,
                    Ok(other) => return other,
                    // On a busy host one that is not stopped answers late.
                    Err(_) if self.process.is_some_and(processes::stopped) || asked.elapsed() > MOST => {
                        return Err(std::io::ErrorKind::TimedOut.into());
                    }
                    Err(_) => {}
                }
            }
            match timeout(PERIOD, self.receive()).await {
                Ok(Ok(Reply::Alive)) | Err(_) => {}
                Ok(other) => return other,
            }
        }
    }

    async fn receive(&mut self) -> std::io::Result<Reply> {
        let line = self.output.next_line().await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        Ok(serde_json::from_slice(line.as_bytes())?)
    }
}
