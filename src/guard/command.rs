//! One outside command: no terminal, bounded output, a limit in time, and nothing of it left behind when it overruns.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt as _};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::model::{Text, shell};
use crate::net::sys::session::own_session;

/// The variable that marks what the commands of a fault started, whatever became of the parents.
pub(super) const MARK: &str = "SHAKEDOWN_FAULT";
/// Bytes kept of a command's output: its end, where the reason stands.
const TAIL: usize = 2048;
/// A daemon the command started may hold its output open for ever; after the command ended, this much silence is the end.
const SILENCE: Duration = Duration::from_millis(50);
/// Reads after the command ended, for a daemon that never falls silent.
const LAST_READS: usize = 64;

/// Shells whose script may be read from a file.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "ksh", "zsh"];
/// The script in place of one that is read from standard input.
const READ_SCRIPT: &str = ". /dev/stdin";
/// What such a script begins with: its commands have no standard input, like all others. The shell reads on by a descriptor
/// of its own.
const NO_INPUT: &str = "exec </dev/null\n";

/// The position of the script in `sh -c SCRIPT`, with whatever options.
fn script_of(run: &[Text]) -> Option<usize> {
    let shell = run.first()?.rsplit('/').next()?;
    if !SHELLS.contains(&shell) {
        return None;
    }
    let is_c = |word: &Text| word.starts_with('-') && !word.starts_with("--") && word.contains('c');
    let at = run.iter().position(is_c)? + 1;
    (at < run.len()).then_some(at)
}

/// A command as the suite wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandSpec {
    /// Program and arguments; no shell. Of words that hold a secret only the script of a shell may be one, see [`Self::exposed`].
    pub run: Vec<Text>,
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
        self.run.iter().map(|word| shell::word(word.shown())).collect::<Vec<_>>().join(" ")
    }

    /// The word that holds a secret and would stand in the list of processes, where every user of this host can read it. The
    /// script of a shell does not: it goes to the shell by a pipe.
    #[must_use]
    pub fn exposed(&self) -> Option<&Text> {
        let script = script_of(&self.run);
        let words = self.run.iter().enumerate().filter(|(at, _)| Some(*at) != script);
        words.map(|(_, word)| word).find(|word| word.holds_secret())
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
        let mut group = ProcessGroup(started.leader());
        if started.ended().await {
            group.0 = None;
        }
        drop(group);
        started.result().await
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
        let mut command = std::process::Command::new(&**program);
        let hidden = script_of(&self.run).filter(|at| self.run.get(*at).is_some_and(Text::holds_secret));
        let words = arguments.iter().enumerate();
        command.args(words.map(|(at, word)| if Some(at + 1) == hidden { READ_SCRIPT } else { word }));
        command.stdin(if hidden.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(writer.try_clone()?).stderr(writer);
        // It may stand in our own environment, when this program was started by the command of another run.
        match mark {
            Some(mark) => command.env(MARK, mark),
            None => command.env_remove(MARK),
        };
        // One that was removed is still the folder of this process; what needs no file of it goes on.
        if let Some(cwd) = self.cwd.as_ref().filter(|cwd| cwd.is_dir()) {
            command.current_dir(cwd);
        }
        own_session(&mut command);
        let mut child = Command::from(command).spawn()?;
        if let (Some(mut input), Some(script)) = (child.stdin.take(), hidden.and_then(|at| self.run.get(at))) {
            let script = format!("{NO_INPUT}{}\n", &**script);
            // By itself, because a pipe holds less than a script may have. It ends when the shell does.
            tokio::spawn(async move { input.write_all(script.as_bytes()).await });
        }
        let pipe = Receiver::from_owned_fd(reader.into())?;
        Ok(StartedCommand {
            child,
            pipe,
            tail: Tail::default(),
            end: Instant::now() + self.timeout,
            limit: self.timeout,
            status: None,
            overran: false,
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
    /// How it ended.
    status: Option<std::io::Result<ExitStatus>>,
    /// Its time was over before it ended.
    overran: bool,
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

    /// Reads what it prints until it ends; false when its time is over first. May be dropped and called again.
    pub(super) async fn ended(&mut self) -> bool {
        let mut chunk = [0_u8; 4096];
        let mut open = true;
        while self.status.is_none() && !self.overran {
            tokio::select! {
                status = self.child.wait() => self.status = Some(status),
                read = self.pipe.read(&mut chunk), if open => match read {
                    Ok(count) if count > 0 => self.tail.push(chunk.get(..count).unwrap_or_default()),
                    _ => open = false,
                },
                () = sleep_until(self.end) => self.overran = true,
            }
        }
        !self.overran
    }

    /// How it ended; of one that overran, once it was killed. May be dropped and called again.
    pub(super) async fn result(&mut self) -> CommandResult {
        if self.overran {
            let _ = timeout(Duration::from_secs(1), self.child.wait()).await;
        }
        self.tail.finish(&mut self.pipe).await;
        let mut outcome = CommandResult { output: self.tail.text(), ..CommandResult::default() };
        match &self.status {
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
pub(in crate::guard) struct ProcessGroup(pub(in crate::guard) Option<i32>);

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            let _ = killpg(Pid::from_raw(leader), Signal::SIGKILL);
        }
    }
}

/// The end of what was printed.
#[derive(Debug, Default)]
struct Tail {
    bytes: Vec<u8>,
    /// After the command ended: how often something more came, and when nothing more is waited for.
    last_reads: usize,
    silent_at: Option<Instant>,
}

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let surplus = self.bytes.len().saturating_sub(TAIL);
        self.bytes.drain(..surplus);
    }

    /// Reads what a command that ended has still printed. May be dropped and called again: however often, the silence is one.
    async fn finish(&mut self, pipe: &mut Receiver) {
        let mut chunk = [0_u8; 4096];
        while self.last_reads < LAST_READS {
            let silent_at = *self.silent_at.get_or_insert_with(|| Instant::now() + SILENCE);
            match timeout_at(silent_at, pipe.read(&mut chunk)).await {
                Ok(Ok(count)) if count > 0 => self.push(chunk.get(..count).unwrap_or_default()),
                _ => return,
            }
            (self.last_reads, self.silent_at) = (self.last_reads + 1, None);
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CommandSpec, TAIL, Text, script_of};

    fn shell(script: &str) -> CommandSpec {
        CommandSpec { run: ["sh", "-c", script].map(Text::from).to_vec(), cwd: None, timeout: Duration::from_secs(30) }
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

    /// The script of a shell does what it would do as an argument, and stands in no list of processes.
    #[tokio::test]
    async fn a_secret_in_a_script_is_no_argument() {
        for shell in ["sh", "bash"] {
            let script = "echo $0 $1 $#; cat; tr '\\0' '\\n' </proc/$$/cmdline; x=s3cret; echo ${#x}; sleep 0; false";
            let filler = ":\n".repeat(60_000);
            let run = |script: Text| {
                let run = vec![shell.into(), "-eu".into(), "-c".into(), script, "name".into(), "first".into()];
                CommandSpec { run, cwd: None, timeout: Duration::from_secs(30) }
            };
            let plain = run(script.into()).run().await;
            let hidden = run(Text::new(script, Some("echo ***"))).run().await;
            assert_eq!((plain.exit, hidden.exit), (Some(1), Some(1)), "{shell}: {hidden:?}");
            assert!(plain.output.contains("s3cret") && !hidden.output.contains("s3cret"), "{shell}: {}", hidden.output);
            assert!(
                hidden.output.starts_with("name first 1\n") && hidden.output.ends_with("\n6\n"),
                "{}",
                hidden.output
            );
            let long = run(Text::new(format!("{filler}echo end"), Some("***"))).run().await;
            assert_eq!((long.exit, long.output.as_str()), (Some(0), "end\n"), "{shell}: longer than a pipe");
        }
    }

    #[test]
    fn only_the_script_of_a_shell_may_hold_a_secret() {
        let secret = || Text::new("s3cret", Some("***"));
        let exposed =
            |run: &[Text]| CommandSpec { run: run.to_vec(), cwd: None, timeout: Duration::ZERO }.exposed().is_some();
        assert!(!exposed(&["sh".into(), "-c".into(), secret()]));
        assert!(!exposed(&["/bin/bash".into(), "-euo".into(), "pipefail".into(), "-c".into(), secret(), "x".into()]));
        assert!(exposed(&["sh".into(), "-c".into(), "x".into(), secret()]), "its arguments are arguments");
        assert!(exposed(&["curl".into(), "-c".into(), secret()]) && exposed(&[secret()]));
        assert_eq!(script_of(&["sh".into(), "-c".into()]), None);
        let command =
            CommandSpec { run: vec!["sh".into(), "-c".into(), Text::new("x s3cret", Some("x ***"))], ..shell("") };
        assert_eq!(command.shell_text(), "sh -c 'x ***'");
    }

    #[test]
    fn a_typed_command_survives_a_shell() {
        let command = CommandSpec { run: ["a/b", "it's", "", "$x y"].map(Text::from).to_vec(), ..shell("") };
        assert_eq!(command.shell_text(), r"a/b 'it'\''s' '' '$x y'");
    }
}
