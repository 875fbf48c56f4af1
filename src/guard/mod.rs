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

pub use command::{Order, Outcome};
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

/// What to do to put things back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Puts things back; may be run twice, so it must not mind.
    pub restore: Order,
    /// Exits 0 when things really are back.
    pub verify: Option<Order>,
}

/// How putting back went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The last run of the restore command.
    pub restore: Outcome,
    /// The last run of the verify command, if there is one and the restore succeeded.
    pub verify: Option<Outcome>,
}

/// What the run tells the guard, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    /// First: what to do when asked, or when the run vanishes.
    Arm(Plan),
    /// The change is about to be made: from here an end of input means "restore".
    Live,
    /// Restore now and report.
    Restore,
    /// Nothing is left to do.
    Done,
}

/// What the guard answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Armed,
    Restored(Restored),
}

impl Restored {
    /// Everything is back.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.restore.succeeded() && self.verify.as_ref().is_none_or(Outcome::succeeded)
    }

    /// What went wrong.
    #[must_use]
    pub fn complaint(&self) -> String {
        match &self.verify {
            Some(verify) if !verify.succeeded() => format!("restored, but `verify`: {}", verify.complaint()),
            _ => self.restore.complaint(),
        }
    }
}

impl Plan {
    /// Restores and verifies; once more when that failed.
    pub async fn carry_out(&self) -> Restored {
        let mut result = Restored::default();
        for _ in 0..ATTEMPTS {
            result = Restored { restore: self.restore.run().await, verify: None };
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
        (self.carried_out_within() + GRACE) * 2
    }

    fn carried_out_within(&self) -> Duration {
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
    plan: Plan,
    live: bool,
    asked: bool,
}

impl Guard {
    /// Starts a guard and waits until it holds `plan`.
    pub async fn arm(plan: Plan) -> Result<Self, Fault> {
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
        match timeout(ARMING, guard.converse(&request)).await {
            Ok(Ok(Reply::Armed)) => Ok(guard),
            Ok(Ok(Reply::Restored(_))) => Err(broken("it answered out of turn".into())),
            Ok(Err(error)) => Err(broken(error.to_string())),
            Err(_) => Err(broken(format!("it did not answer within {ARMING:?}"))),
        }
    }

    fn spawn(plan: Plan) -> std::io::Result<Self> {
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
        Ok(Self { child, input, output, plan, live: false, asked: false })
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// From here on the guard restores when this process vanishes.
    pub async fn live(&mut self) -> Result<(), Fault> {
        self.live = true;
        self.tell(&Request::Live).await.map_err(|error| {
            Fault::local(
                "tell the guard that the change begins",
                "",
                error.to_string(),
                "nothing was changed; something ended the guard process, find out what",
            )
        })
    }

    /// Restores, unless nothing was begun. Does it here when the guard is gone. May be called again after being dropped.
    pub async fn restore(&mut self) -> Option<Restored> {
        if !self.live {
            self.dismiss().await;
            return None;
        }
        let limit = self.plan.carried_out_within() + GRACE;
        let result = match timeout(limit, self.ask()).await {
            Ok(Ok(result)) => result,
            _ => self.plan.carry_out().await,
        };
        self.live = !result.succeeded();
        self.dismiss().await;
        Some(result)
    }

    async fn ask(&mut self) -> std::io::Result<Restored> {
        // A call that was dropped half-way has asked already; asking again would restore twice.
        if !self.asked {
            self.tell(&Request::Restore).await?;
            self.asked = true;
        }
        match self.hear().await? {
            Reply::Restored(result) => Ok(result),
            Reply::Armed => Err(std::io::Error::other("the guard answered out of turn")),
        }
    }

    async fn dismiss(&mut self) {
        if self.tell(&Request::Done).await.is_ok() {
            let _ = timeout(GRACE, self.child.wait()).await;
        }
    }

    async fn converse(&mut self, request: &Request) -> std::io::Result<Reply> {
        self.tell(request).await?;
        self.hear().await
    }

    async fn tell(&mut self, request: &Request) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.input.write_all(&line).await?;
        self.input.flush().await
    }

    async fn hear(&mut self) -> std::io::Result<Reply> {
        let line = self.output.next_line().await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        Ok(serde_json::from_str(&line)?)
    }
}
