//! One outside command: no terminal, bounded output, a limit in time, and nothing of it left behind when it overruns.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until, timeout};

use crate::net::sys::session::own_session;

/// The variable that marks what the commands of a fault started, whatever became of the parents.
pub(super) const MARK: &str = "SHAKEDOWN_FAULT";
/// Bytes kept of a command's output: its end, where the reason stands.
const TAIL: usize = 2048;
/// A daemon the command started may hold its output open for ever; after the command ended, this much silence is the end.
const SILENCE: Duration = Duration::from_millis(50);
/// Reads after the command ended, for a daemon that never falls silent.
const LAST_READS: usize = 64;

/// A command as the suite wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandSpec {
    /// Program and arguments; no shell.
    pub run: Vec<String>,
    /// Folder to run in; the process's own when left out.
    pub cwd: Option<PathBuf>,
    /// After this its whole process group is killed.
    pub timeout: Duration,
}

/// How a command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandResult {
    /// Exit status; `None` when it did not start, was killed, or overran.
    pub exit: Option<i32>,
    /// Why there is no exit status, or empty.
    pub error: String,
    /// The end of what it printed, both streams together.
    pub output: String,
}

impl CommandResult {
    /// Exit status 0.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.exit == Some(0)
    }

    /// How it ended, without its output.
    #[must_use]
    pub fn status_text(&self) -> String {
        self.exit.map_or_else(|| self.error.clone(), |status| format!("exit status {status}"))
    }

    /// How it failed and the end of its output, for a fault's detail.
    #[must_use]
    pub fn failure_text(&self) -> String {
        let head = self.status_text();
        let output = self.output.trim();
        // The mark of a cut: what redacts secrets looks for pieces of them beside it.
        let cut = if self.output.len() >= TAIL { "…" } else { "" };
        if output.is_empty() { head } else { format!("{head}; it said: {cut}{output}") }
    }

    fn error(why: impl Into<String>) -> Self {
        Self { error: why.into(), ..Self::default() }
    }
}

impl CommandSpec {
    /// The command as one would type it into a shell.
    #[must_use]
    pub fn shell_text(&self) -> String {
        self.run.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }

    /// Runs it to its end. Dropping the future kills its process group, so an interrupted command cannot go on in the
    /// background and undo what is done after it.
    pub async fn run(&self) -> CommandResult {
        self.run_marked(None).await
    }

    /// The same, with the variable [`MARK`] of this value.
    pub(super) async fn run_marked(&self, mark: Option<&str>) -> CommandResult {
        let mut started = match self.start(mark) {
            Ok(started) => started,
            Err(failed) => return failed,
        };
        let mut group = Group(started.leader());
        let status = started.ended().await;
        if status.is_some() {
            group.0 = None;
        }
        drop(group);
        started.result(status).await
    }

    /// Starts it, in a session of its own, with the variable [`MARK`] of this value.
    pub(super) fn start(&self, mark: Option<&str>) -> Result<StartedCommand, CommandResult> {
        self.spawn(mark).map_err(|error| CommandResult::error(format!("could not start: {error}")))
    }

    fn spawn(&self, mark: Option<&str>) -> std::io::Result<StartedCommand> {
        let Some((program, arguments)) = self.run.split_first() else {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "the command is empty"));
        };
        let (reader, writer) = std::io::pipe()?;
        let mut command = std::process::Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        // It may stand in our own environment, when this program was started by the command of another run.
        match mark {
            Some(mark) => command.env(MARK, mark),
            None => command.env_remove(MARK),
        };
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        own_session(&mut command);
        let child = Command::from(command).spawn()?;
        let pipe = Receiver::from_owned_fd(reader.into())?;
        Ok(StartedCommand {
            child,
            pipe,
            tail: Tail::default(),
            end: Instant::now() + self.timeout,
            limit: self.timeout,
        })
    }
}

/// A command that runs. Nothing ends it when this is dropped.
#[derive(Debug)]
pub(super) struct StartedCommand {
    child: Child,
    pipe: Receiver,
    tail: Tail,
    end: Instant,
    limit: Duration,
}

impl StartedCommand {
    /// Its process, which leads its session, until it was waited for.
    pub(super) fn leader(&self) -> Option<i32> {
        self.child.id().and_then(|id| i32::try_from(id).ok())
    }

    /// When its time is over.
    pub(super) fn end(&self) -> Instant {
        self.end
    }

    /// Reads what it prints until it ends; `None` when the time is over first. May be dropped and called again.
    pub(super) async fn ended(&mut self) -> Option<std::io::Result<ExitStatus>> {
        let mut chunk = [0_u8; 4096];
        let mut open = true;
        loop {
            tokio::select! {
                status = self.child.wait() => return Some(status),
                read = self.pipe.read(&mut chunk), if open => match read {
                    Ok(count) if count > 0 => self.tail.push(chunk.get(..count).unwrap_or_default()),
                    _ => open = false,
                },
                () = sleep_until(self.end) => return None,
            }
        }
    }

    /// How it ended; of one whose time was over (`None`), once it was killed.
    pub(super) async fn result(mut self, status: Option<std::io::Result<ExitStatus>>) -> CommandResult {
        if status.is_none() {
            let _ = timeout(Duration::from_secs(1), self.child.wait()).await;
        }
        self.tail.finish(&mut self.pipe).await;
        let mut outcome = CommandResult { output: self.tail.text(), ..CommandResult::default() };
        match status {
            None => outcome.error = format!("not done within {:?}, killed", self.limit),
            Some(Err(error)) => outcome.error = format!("could not wait for it: {error}"),
            Some(Ok(status)) => match status.code() {
                Some(code) => outcome.exit = Some(code),
                None => outcome.error = format!("{status}"),
            },
        }
        outcome
    }
}

/// The process group of a running command; killed when dropped.
struct Group(Option<i32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            let _ = killpg(Pid::from_raw(leader), Signal::SIGKILL);
        }
    }
}

#[derive(Debug, Default)]
struct Tail(Vec<u8>);

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        let surplus = self.0.len().saturating_sub(TAIL);
        self.0.drain(..surplus);
    }

    async fn finish(&mut self, pipe: &mut Receiver) {
        let mut chunk = [0_u8; 4096];
        for _ in 0..LAST_READS {
            match timeout(SILENCE, pipe.read(&mut chunk)).await {
                Ok(Ok(count)) if count > 0 => self.push(chunk.get(..count).unwrap_or_default()),
                _ => return,
            }
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CommandSpec, TAIL};

    fn shell(script: &str) -> CommandSpec {
        CommandSpec {
            run: ["sh", "-c", script].map(str::to_owned).to_vec(),
            cwd: None,
            timeout: Duration::from_secs(30),
        }
    }

    #[tokio::test]
    async fn exit_status_and_the_end_of_the_output_are_kept() {
        let outcome = shell("head -c 100000 /dev/zero | tr '\\0' x; echo; echo last >&2; exit 3").run().await;
        assert_eq!(outcome.exit, Some(3));
        assert!(outcome.output.ends_with("x\nlast\n"), "{:?}", outcome.output);
        assert_eq!(outcome.output.len(), TAIL);
        assert!(outcome.failure_text().starts_with("exit status 3; it said: …x"));
    }

    #[tokio::test]
    async fn a_command_that_is_not_there_is_reported() {
        let command = CommandSpec { run: vec!["/nonexistent/restore".into()], ..shell("") };
        let outcome = command.run().await;
        assert_eq!(outcome.exit, None);
        assert!(outcome.failure_text().contains("could not start"), "{}", outcome.failure_text());
        let empty = CommandSpec { run: Vec::new(), ..shell("") };
        assert!(!empty.run().await.succeeded());
    }

    #[tokio::test]
    async fn an_overrunning_command_is_killed_with_its_children() {
        // The child of the shell holds the pipe: were it left alive, reading would see no end.
        let command = CommandSpec { timeout: Duration::from_millis(100), ..shell("sleep 600 & echo $!; wait") };
        let outcome = command.run().await;
        assert_eq!(outcome.exit, None);
        assert!(outcome.error.contains("killed"), "{}", outcome.error);
        let child: i32 = outcome.output.trim().parse().unwrap();
        let gone = || {
            // A zombie waiting for its reaper is dead as well.
            std::fs::read_to_string(format!("/proc/{child}/stat"))
                .map_or(true, |stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
        };
        tokio::time::timeout(Duration::from_secs(20), async {
            while !gone() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_daemon_left_behind_does_not_hold_the_result_back() {
        let outcome = shell("sleep 5 & echo started").run().await;
        assert_eq!(outcome.exit, Some(0));
        assert_eq!(outcome.output, "started\n");
    }

    #[test]
    fn a_typed_command_survives_a_shell() {
        let command = CommandSpec { run: ["a/b", "it's", "", "$x y"].map(str::to_owned).to_vec(), ..shell("") };
        assert_eq!(command.shell_text(), r"a/b 'it'\''s' '' '$x y'");
    }
}
