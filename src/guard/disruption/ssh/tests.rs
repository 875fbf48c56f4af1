//! The scripts, run by shells of this host as if they were those of another one.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::super::Undo;
use super::call::ScriptReport;
use super::{SshCommand, SshHost, SshUndo, chance};

/// Shells that are here; `sh` always is.
fn shells() -> Vec<&'static str> {
    let there = |shell: &&str| Command::new(shell).args(["-c", "exit 0"]).output().is_ok();
    ["sh", "bash", "dash", "ksh", "busybox"].into_iter().filter(there).collect()
}

/// A far host: this one, by one of its shells.
struct RemoteHost {
    shell: &'static str,
    command: SshCommand,
    state: tempfile::TempDir,
}

impl Drop for RemoteHost {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.folder());
    }
}

impl RemoteHost {
    /// `run` makes a file, `undo` removes it.
    fn new(shell: &'static str) -> Self {
        let state = tempfile::tempdir().unwrap();
        let broken = state.path().join("broken").to_str().unwrap().to_owned();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let command = SshCommand {
            host: SshHost { destination: "far".into(), ..SshHost::default() },
            run: words(&["touch", &broken]),
            undo: words(&["rm", "-f", &broken]),
            verify: words(&["test", "!", "-e", &broken]),
            undo_after: Duration::from_mins(5),
            timeout: Duration::from_secs(10),
            id: chance(),
        };
        Self { shell, command, state }
    }

    fn folder(&self) -> PathBuf {
        PathBuf::from(format!("/tmp/{}", self.command.id))
    }

    fn is_broken(&self) -> bool {
        self.state.path().join("broken").exists()
    }

    fn start(&self) -> Child {
        let mut command = Command::new(self.shell);
        if self.shell == "busybox" {
            command.arg("sh");
        }
        command.arg("-s").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// What a script says, line by line, without what commands print.
    fn says(&self, script: &str) -> Vec<String> {
        let mut child = self.start();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        self.own_lines(&String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap())
    }

    fn own_lines(&self, printed: &str) -> Vec<String> {
        let own = printed.lines().filter_map(|line| line.strip_prefix(&self.command.id));
        own.map(|line| line.trim().to_owned()).collect()
    }

    /// Arms it and breaks it; what was said.
    fn broken(&self) -> Vec<String> {
        assert_eq!(self.says(&self.command.arm()), ["armed", "end"], "{}", self.shell);
        let mut child = self.begun();
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        let mut printed = String::new();
        child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        child.wait().unwrap();
        self.own_lines(&printed)
    }

    /// A script that has said `ready`.
    fn begun(&self) -> Child {
        let mut child = self.start();
        child.stdin.as_mut().unwrap().write_all(self.command.break_it().as_bytes()).unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.ends_with(" ready\n") {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "{}: it ended", self.shell);
        }
        assert!(!self.is_broken());
        child.stdout = Some(output.into_inner());
        child
    }

    /// The timer, by what `ps` shows.
    fn timers(&self) -> usize {
        let all = Command::new("ps").args(["-eo", "args="]).output().unwrap();
        let timer = format!("{}/timer", self.folder().display());
        String::from_utf8_lossy(&all.stdout).lines().filter(|line| line.contains(&timer)).count()
    }
}

fn within(what: impl Fn() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        if what() {
            return true;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    false
}

#[test]
fn it_is_armed_broken_undone_and_disarmed() {
    for shell in shells() {
        let remote = RemoteHost::new(shell);
        assert_eq!(remote.says(&remote.command.look()), ["verify 0", "end"], "{shell}");
        assert!(!remote.folder().exists(), "{shell}: looking changes nothing");
        assert_eq!(remote.broken(), ["ended 0", "effect 1", "end"], "{shell}");
        assert!(remote.is_broken() && remote.timers() == 1, "{shell}");
        assert_eq!(remote.says(&remote.command.check()), ["left", "verify 1", "end"], "{shell}");
        assert_eq!(remote.says(&remote.command.restore()), ["undo 0", "ended 0", "effect 1", "end"], "{shell}");
        assert!(!remote.is_broken() && !remote.folder().exists(), "{shell}");
        assert!(within(|| remote.timers() == 0), "{shell}: the timer is gone as well");
        // Once more, and nothing is left to disarm.
        assert_eq!(remote.says(&remote.command.restore()), ["undo 0", "end"], "{shell}");
        assert_eq!(remote.says(&remote.command.check()), ["verify 0", "end"], "{shell}");
    }
}

#[test]
fn the_timer_undoes_it_when_nobody_else_does() {
    for shell in shells() {
        let mut remote = RemoteHost::new(shell);
        remote.command.undo_after = Duration::from_secs(2);
        assert_eq!(remote.broken(), ["ended 0", "effect 1", "end"], "{shell}");
        assert!(within(|| !remote.is_broken() && remote.folder().join("undone").exists()), "{shell}");
        let said = remote.says(&remote.command.restore());
        assert!(said[0] == "undo 0" && said[1].starts_with("fired ") && said[2] == "ended 0", "{shell}: {said:?}");
        assert!(!remote.folder().exists(), "{shell}");
        assert!(within(|| remote.timers() == 0), "{shell}: the timer ends behind it");
    }
}

/// Who ends the timer while it is armed, as a host that shuts down does, has it undo what is broken.
#[test]
fn a_timer_that_is_told_to_end_undoes_it_at_once() {
    for shell in shells() {
        let remote = RemoteHost::new(shell);
        remote.broken();
        let pid = std::fs::read_to_string(remote.folder().join("timer.pid")).unwrap();
        Command::new("kill").arg(pid.trim()).status().unwrap();
        assert!(within(|| !remote.is_broken() && remote.folder().join("undone").exists()), "{shell}");
    }
}

/// A connection that comes late, or goes on late, cannot break what is undone.
#[test]
fn a_command_that_was_called_off_never_runs() {
    for shell in shells() {
        let remote = RemoteHost::new(shell);
        remote.says(&remote.command.arm());
        let mut child = remote.begun();
        assert_eq!(remote.says(&remote.command.restore()), ["undo 0", "never", "end"], "{shell}");
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        child.wait().unwrap();
        assert!(!remote.is_broken(), "{shell}");
        // One whose connection goes before the word runs nothing either.
        let other = RemoteHost::new(shell);
        other.says(&other.command.arm());
        drop(other.begun().stdin.take());
        assert!(!other.is_broken(), "{shell}");
        let half = remote.command.arm();
        assert_eq!(remote.says(&half[..half.len() - 4]), Vec::<String>::new(), "{shell}: part of a script");
        assert!(!remote.folder().exists(), "{shell}");
        other.says(&other.command.restore());
    }
}

/// What still breaks it is ended before it is undone.
#[test]
fn a_command_that_goes_on_is_ended_first() {
    for shell in shells() {
        let mut remote = RemoteHost::new(shell);
        let again = format!("touch '{0}'; sleep 600; touch '{0}'", remote.state.path().join("broken").display());
        remote.command.run = ["sh", "-c", &again].map(str::to_owned).to_vec();
        remote.says(&remote.command.arm());
        let mut child = remote.begun();
        child.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
        assert!(within(|| remote.is_broken()), "{shell}");
        let pid = std::fs::read_to_string(remote.folder().join("run.pid")).unwrap();
        assert_eq!(remote.says(&remote.command.restore()), ["undo 0", "killed", "end"], "{shell}");
        child.wait().unwrap();
        assert!(!remote.is_broken(), "{shell}");
        let lives = Command::new("kill").args(["-0", pid.trim()]).stderr(Stdio::null()).status().unwrap();
        assert!(!lives.success(), "{shell}");
    }
}

/// A word reaches the program there as it stands in the suite.
#[test]
fn words_are_quoted_once() {
    let hostile =
        ["A=b", "it's", "\"q\"", "$HOME `id` $(id)", "line\nbreak", "-n", "--", "*", "~", "", "\\", "a;b&c|d", "ü"];
    for shell in shells() {
        let mut remote = RemoteHost::new(shell);
        let got = remote.state.path().join("got");
        let script = format!("for word; do printf '%s\\0' \"$word\"; done >'{}'", got.display());
        remote.command.run = ["sh", "-c", &script, "name"].map(str::to_owned).to_vec();
        remote.command.run.extend(hostile.map(str::to_owned));
        remote.command.verify.clear();
        assert_eq!(remote.broken(), ["ended 0", "end"], "{shell}");
        let text = std::fs::read_to_string(&got).unwrap();
        assert_eq!(text.split_terminator('\0').collect::<Vec<_>>(), hostile, "{shell}");
        remote.says(&remote.command.restore());
        // What a person pastes into a shell comes to the same.
        let line = remote.command.host.command(&remote.command.run);
        let printed =
            Command::new("sh").args(["-c", &format!("ssh() {{ shift; eval \"$1\"; }}; {line}")]).output().unwrap();
        assert!(printed.status.success() && std::fs::read_to_string(&got).unwrap() == text, "{printed:?}");
    }
}

/// A failing undo leaves the timer armed: it is a second chance.
#[test]
fn an_undo_that_fails_does_not_disarm() {
    for shell in shells() {
        let mut remote = RemoteHost::new(shell);
        remote.broken();
        let undo = std::mem::replace(&mut remote.command.undo, vec!["false".into()]);
        assert_eq!(remote.says(&remote.command.restore()), ["undo 1", "end"], "{shell}");
        assert!(remote.is_broken() && remote.timers() == 1 && remote.folder().join("armed").exists(), "{shell}");
        remote.command.undo = undo;
        assert_eq!(remote.says(&remote.command.restore()), ["undo 0", "ended 0", "effect 1", "end"], "{shell}");
    }
}

/// What `run` did is looked at there, for a while: a service may need a moment to go.
#[test]
fn what_took_no_effect_is_told() {
    for shell in shells() {
        let late = "(sleep 2; touch \"$0\") >/dev/null 2>&1 &";
        for (script, wanted) in [("true", "effect 0"), (late, "effect 1"), ("false", "")] {
            let mut remote = RemoteHost::new(shell);
            let broken = remote.state.path().join("broken").display().to_string();
            remote.command.run = ["sh", "-c", script, &broken].map(str::to_owned).to_vec();
            // One that fails is not looked at.
            let mut told = vec!["ended 0", wanted, "end"];
            if wanted.is_empty() {
                told = vec!["ended 1", "end"];
            }
            assert_eq!(remote.broken(), told, "{shell}: {script}");
            told.insert(0, "undo 0");
            assert_eq!(remote.says(&remote.command.restore()), told, "{shell}: {script}");
        }
    }
}

/// Each command has its time, and is ended there with all that it has started.
#[test]
fn what_does_not_end_is_ended_there() {
    for shell in shells() {
        let mark = format!("sleep 600.{}", std::process::id());
        let is_gone = || {
            let all = Command::new("ps").args(["-eo", "args="]).output().unwrap();
            !String::from_utf8_lossy(&all.stdout).lines().any(|line| line == mark)
        };
        let hangs = ["sh", "-c", &format!("{mark}; true")].map(str::to_owned).to_vec();
        // Each has a host of its own: the timer of an earlier one may still be on its way out.
        let remote = || {
            let mut remote = RemoteHost::new(shell);
            remote.command.timeout = Duration::from_secs(1);
            remote
        };
        let mut one = remote();
        one.command.verify.clone_from(&hangs);
        assert_eq!(one.says(&one.command.look())[0], "late verify", "{shell}");
        assert!(within(is_gone), "{shell}: verify");
        let mut one = remote();
        one.command.run.clone_from(&hangs);
        assert_eq!(one.broken(), ["late run", "end"], "{shell}");
        assert_eq!(one.says(&one.command.restore()), ["undo 0", "late run", "end"], "{shell}");
        assert!(within(is_gone), "{shell}: run");
        // What ends by itself has the usual time, on a busy host too.
        let mut one = RemoteHost::new(shell);
        one.broken();
        let (undo, usual) = (std::mem::replace(&mut one.command.undo, hangs), one.command.timeout);
        one.command.timeout = Duration::from_secs(1);
        let said = one.says(&one.command.restore());
        assert!(said[0] == "late undo" && said[1] != "undo 0" && said[2] == "end", "{shell}: {said:?}");
        assert!(within(is_gone), "{shell}: undo");
        (one.command.undo, one.command.timeout) = (undo, usual);
        assert_eq!(one.says(&one.command.restore()), ["undo 0", "ended 0", "effect 1", "end"], "{shell}");
    }
}

/// What another user has put in the place of the folder is neither read nor removed.
#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let remote = RemoteHost::new("sh");
    std::fs::create_dir(remote.folder()).unwrap();
    // Others may write to it, so it is not what was made there.
    std::fs::set_permissions(remote.folder(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    std::fs::write(remote.folder().join("fired"), "").unwrap();
    assert_eq!(remote.says(&remote.command.restore()), ["undo 0", "end"]);
    assert!(remote.folder().join("fired").exists());
    assert_eq!(remote.says(&remote.command.arm()), ["unmade", "end"]);
    assert_eq!(remote.says(&remote.command.break_it()), ["unarmed", "end"]);
}

/// What is missing there is told before anything is broken.
#[test]
fn what_is_missing_there_is_named() {
    let mut remote = RemoteHost::new("sh");
    remote.command.run[0] = "/nonexistent/break".into();
    assert_eq!(remote.says(&remote.command.look()), ["missing /nonexistent/break", "verify 0", "end"]);
}

/// What is undone is not always what was meant: what nobody here saw, and what ended before its time, is told, so that it is not judged.
#[test]
fn what_was_not_as_meant_leaves_doubts() {
    let undo = SshUndo(RemoteHost::new("sh").command.clone());
    assert!(Undo::Ssh(Box::new(undo.clone())).is_patient(), "it is tried for long enough already");
    for (said, asked, want) in [
        (&["undo 0", "ended 0", "effect 1"][..], 0, ""),
        (&["undo 0", "ended 0"], 0, "it was undone before `verify` on far had told whether it took effect"),
        (
            &["undo 0", "ended 0", "effect 0"],
            0,
            "`run` on far did not take effect: it exited 0, and so did `verify` 5 s later, as when all is well",
        ),
        (&["undo 0", "late run"], 0, "`run` on far did not end within its `timeout` of 10 s, so it was ended"),
        (&["undo 0"], 0, ""),
        // It fires while this side tries to get there, as it is meant to; whole seconds are not exact.
        (&["undo 0", "fired 30", "ended 0", "effect 1"], 30, ""),
        (&["undo 0", "fired 32", "ended 0", "effect 1"], 30, ""),
        (&["undo 0", "fired 33", "ended 0"], 30, "the timer on far undid it before the run did (33 s ago)"),
        (&["undo 0", "never"], 0, "`run` was never started on far: its connection went before"),
        (&["undo 0", "killed"], 0, "`run` on far had not ended when it was undone, so it was ended"),
        (&["undo 0", "ended 3"], 0, "`run` on far failed with exit status 3"),
    ] {
        assert_eq!(undo.doubts(&ScriptReport::lines(said), Duration::from_secs(asked)), want, "{said:?}");
    }
}

/// Nothing is broken without a timer that undoes it: one that ended with the session that armed it, and one that has fired.
#[test]
fn nothing_is_broken_without_a_timer() {
    for shell in shells() {
        for signal in ["KILL", "TERM"] {
            let remote = RemoteHost::new(shell);
            remote.says(&remote.command.arm());
            // A busy host may not have started it yet.
            let timer = || std::fs::read_to_string(remote.folder().join("timer.pid"));
            assert!(within(|| timer().is_ok()), "{shell} {signal}");
            let timer = timer().unwrap();
            let kill = |words: &[&str]| Command::new("kill").args(words).stderr(Stdio::null()).status().unwrap();
            // With the `sleep` that it waits for, where it is ended so that it can end nothing itself.
            let whom = if signal == "KILL" { format!("-{}", timer.trim()) } else { timer.trim().to_owned() };
            kill(&["-s", signal, "--", &whom]);
            assert!(within(|| !kill(&["-0", timer.trim()]).success()), "{shell} {signal}");
            assert_eq!(remote.says(&remote.command.break_it()), ["unarmed", "end"], "{shell} {signal}");
            assert!(!remote.is_broken(), "{shell} {signal}");
        }
    }
}
