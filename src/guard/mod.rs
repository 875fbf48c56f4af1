//! The guard: a small process that holds the restore command and outlives us, so that what a check changed is put back
//! even after `kill -9` of the run.
//!
//! It is started and armed before anything is changed, stands in its own process group, and ignores INT, TERM and HUP.
//! When its standard input ends without `done`, the run has vanished, and it restores at once. The commands travel over
//! its standard input, never in its arguments, where every user of the machine could read them.

pub mod command;
mod process;

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

pub use command::{CommandResult, CommandSpec};
pub use process::main;

use crate::model::Fault;

/// The hidden subcommand that leads to [`main`].
pub const SUBCOMMAND: &str = "__guard";
/// Starting a process and reading one line takes this long only when something is broken.
const ARMING: Duration = Duration::from_secs(10);
/// Beyond the commands' own limits; then the guard is taken for dead.
const GRACE: Duration = Duration::from_secs(5);
/// Restoring is tried this often.
const ATTEMPTS: u32 = 2;

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
}

/// Requests of the run to the guard, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    /// First: how to restore when asked to, or when the run vanishes.
    Arm(RestorePlan),
    /// The change is about to be made: from here an end of input means "restore".
    Live,
    /// Restore now and report.
    Restore,
    /// Nothing is left to do.
    Done,
}

/// Answers of the guard.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Armed,
    Restored(RestoreResult),
}

impl RestoreResult {
    /// Everything is back.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.restore.succeeded() && self.verify.as_ref().is_none_or(CommandResult::succeeded)
    }

    /// The reason of a failure, for people.
    #[must_use]
    pub fn failure_text(&self) -> String {
        match &self.verify {
            Some(verify) if !verify.succeeded() => format!("restored, but `verify`: {}", verify.failure_text()),
            _ => self.restore.failure_text(),
        }
    }
}

impl RestorePlan {
    /// Restores and verifies; once more when that failed.
    pub async fn execute(&self) -> RestoreResult {
        let mut result = RestoreResult::default();
        for _ in 0..ATTEMPTS {
            result = RestoreResult { restore: self.restore.run().await, verify: None };
            if let (true, Some(verify)) = (result.restore.succeeded(), &self.verify) {
                result.verify = Some(verify.run().await);
            }
            if result.succeeded() {
                break;
            }
        }
        result
    }

    /// The longest [`Guard::restore`] can take, the guard's death included.
    #[must_use]
    pub fn longest(&self) -> Duration {
        (self.execute_timeout() + GRACE) * 2
    }

    fn execute_timeout(&self) -> Duration {
        let verify = self.verify.as_ref().map_or(Duration::ZERO, |verify| verify.timeout);
        (self.restore.timeout + verify + Duration::from_secs(2)) * ATTEMPTS
    }
}

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Names the `shakedown` binary for programs that are not it (tests). The first call counts.
pub fn set_program(path: impl Into<PathBuf>) {
    let _ = PROGRAM.set(path.into());
}

/// A running guard. Dropping it without [`Guard::restore`] leaves the restoring to it.
#[derive(Debug)]
pub struct Guard {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    plan: RestorePlan,
    live: bool,
    restore_requested: bool,
}

impl Guard {
    /// Starts a guard and waits until it holds `plan`.
    pub async fn arm(plan: RestorePlan) -> Result<Self, Fault> {
        let broken = |why: String| {
            Fault::local(
                "start the guard that restores when this process dies",
                "",
                why,
                "nothing was changed; check that this binary can start itself, and the limit of processes (ulimit -u)",
            )
        };
        let mut guard = Self::spawn(plan).map_err(|error| broken(error.to_string()))?;
        let request = Request::Arm(guard.plan.clone());
        match timeout(ARMING, guard.exchange(&request)).await {
            Ok(Ok(Reply::Armed)) => Ok(guard),
            Ok(Ok(Reply::Restored(_))) => Err(broken("it answered out of turn".into())),
            Ok(Err(error)) => Err(broken(error.to_string())),
            Err(_) => Err(broken(format!("it did not answer within {ARMING:?}"))),
        }
    }

    fn spawn(plan: RestorePlan) -> std::io::Result<Self> {
        let program = PROGRAM.get().map_or_else(std::env::current_exe, |path| Ok(path.clone()))?;
        let mut command = Command::new(program);
        // Its own process group: Ctrl-C in the terminal must not reach it. Its complaints go to our standard error,
        // because after our death nobody else can pass them on.
        command.arg(SUBCOMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("no pipe to it"));
        };
        let output = tokio::io::AsyncBufReadExt::lines(BufReader::new(output));
        Ok(Self { child, input, output, plan, live: false, restore_requested: false })
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// From here on the guard restores when this process vanishes.
    pub async fn live(&mut self) -> Result<(), Fault> {
        self.live = true;
        self.send(&Request::Live).await.map_err(|error| {
            Fault::local(
                "tell the guard that the change begins",
                "",
                error.to_string(),
                "nothing was changed; something ended the guard process, find out what",
            )
        })
    }

    /// Restores, unless nothing was begun. Does it here when the guard is gone. May be called again after being dropped.
    pub async fn restore(&mut self) -> Option<RestoreResult> {
        if !self.live {
            self.dismiss().await;
            return None;
        }
        let limit = self.plan.execute_timeout() + GRACE;
        let result = match timeout(limit, self.request_restore()).await {
            Ok(Ok(result)) => result,
            _ => self.plan.execute().await,
        };
        self.live = !result.succeeded();
        self.dismiss().await;
        Some(result)
    }

    async fn request_restore(&mut self) -> std::io::Result<RestoreResult> {
        // A call that was dropped half-way has asked already; asking again would restore twice.
        if !self.restore_requested {
            self.send(&Request::Restore).await?;
            self.restore_requested = true;
        }
        match self.receive().await? {
            Reply::Restored(result) => Ok(result),
            Reply::Armed => Err(std::io::Error::other("the guard answered out of turn")),
        }
    }

    async fn dismiss(&mut self) {
        if self.send(&Request::Done).await.is_ok() {
            let _ = timeout(GRACE, self.child.wait()).await;
        }
    }

    async fn exchange(&mut self, request: &Request) -> std::io::Result<Reply> {
        self.send(request).await?;
        self.receive().await
    }

    async fn send(&mut self, request: &Request) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.input.write_all(&line).await?;
        self.input.flush().await
    }

    async fn receive(&mut self) -> std::io::Result<Reply> {
        let line = self.output.next_line().await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        Ok(serde_json::from_slice(line.as_bytes())?)
    }
}
