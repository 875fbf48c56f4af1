//! Processes that are frozen, ended and killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::json;
use shakedown::guard::disruption::{Disruption, ProcessSignal, ProcessTarget, SignalWord, Undo};

use super::{ANSWER, Held, refused};

/// A process that repeats lines, until it is dropped.
struct Echo {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    asked: u32,
}

impl Echo {
    fn start(script: &str) -> Self {
        let mut command = Command::new("sh");
        let mut child = command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (give, lines) = channel();
        thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).all(|line| give.send(line).is_ok()));
        let mut own = Self { child, input, lines, asked: 0 };
        assert!(own.answers(), "{script}");
        own
    }

    /// Whether it repeats this very line; those of before may come first.
    fn answers(&mut self) -> bool {
        self.asked += 1;
        let line = format!("line {}", self.asked);
        let _ = writeln!(self.input, "{line}");
        std::iter::from_fn(|| self.lines.recv_timeout(ANSWER * 4).ok()).any(|answer| answer == line)
    }

    fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(signal: SignalWord, target: ProcessTarget) -> Disruption {
    Disruption::Process(ProcessSignal::new(signal, target, true, true))
}

#[test]
fn a_frozen_process_goes_on() {
    // The process that answers is a child of the one that is named.
    for script in ["exec cat", "cat; true"] {
        let mut echo = Echo::start(script);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        std::fs::write(&file, format!("{}\nmore\n", echo.pid())).unwrap();
        for target in [ProcessTarget::Pid(echo.pid()), ProcessTarget::PidFile(file)] {
            let held = Held::try_prepare(send(SignalWord::Stop, target.clone())).unwrap();
            held.restore();
            held.inject();
            assert!(!echo.answers(), "{script}");
            let again = refused(send(SignalWord::Stop, target));
            assert!(again.contains("is stopped already"), "{again}");
            held.restore();
            assert!(echo.answers(), "{script}");
            held.inject();
            held.by_hand();
            held.restore();
            assert!(echo.answers(), "{script}");
        }
    }
}

#[test]
fn one_that_was_continued_is_stopped_again() {
    let mut echo = Echo::start("exec cat");
    let target = ProcessTarget::Pid(echo.pid());
    let words = refused(send(SignalWord::Cont, target.clone()));
    assert!(words.contains("is not stopped"), "{words}");
    let frozen = Held::try_prepare(send(SignalWord::Stop, target.clone())).unwrap();
    frozen.inject();
    let held = Held::try_prepare(send(SignalWord::Cont, target)).unwrap();
    held.inject();
    assert!(echo.answers());
    held.restore();
    assert!(!echo.answers());
    frozen.restore();
}

/// Another process that has got its number is never hit.
#[test]
fn a_number_that_was_given_again_is_left_alone() {
    let mut echo = Echo::start("exec cat");
    let held = Held::try_prepare(send(SignalWord::Stop, ProcessTarget::Pid(echo.pid()))).unwrap();
    let mut other = serde_json::to_value(&held.disruption).unwrap();
    other["process"]["found"][0]["start"] = json!(1);
    let other: Disruption = serde_json::from_value(other).unwrap();
    let _ = held.runtime.block_on(other.inject());
    assert!(echo.answers());
    held.inject();
    let mut undo = serde_json::to_value(&held.undo[0]).unwrap();
    undo["signal"]["process"]["start"] = json!(1);
    let undo: Undo = serde_json::from_value(undo).unwrap();
    held.runtime.block_on(undo.restore()).unwrap();
    assert!(!echo.answers(), "it was another process that was to go on");
    held.restore();
}

#[test]
fn what_is_killed_is_gone_with_all_it_started() {
    for signal in [SignalWord::Kill, SignalWord::Term] {
        let mut echo = Echo::start("sleep 600 & sleep 600 & echo $!; cat; wait");
        let held = Held::try_prepare(send(signal, ProcessTarget::Pid(echo.pid()))).unwrap();
        assert!(held.undo.is_empty());
        held.inject();
        assert!(!echo.answers());
        echo.child.wait().unwrap();
        let gone = refused(send(signal, ProcessTarget::Pid(echo.pid())));
        assert!(gone.contains("there is no process"), "{gone}");
    }
}

#[test]
fn only_the_process_itself_where_that_is_asked() {
    let mut echo = Echo::start("cat; true");
    let own = ProcessSignal::new(SignalWord::Stop, ProcessTarget::Pid(echo.pid()), false, true);
    let held = Held::try_prepare(Disruption::Process(own)).unwrap();
    held.inject();
    assert!(echo.answers(), "its child answers");
    held.restore();
}

#[test]
fn processes_that_may_not_be_met_are_refused() {
    let own = std::process::id().cast_signed();
    let parent = std::os::unix::process::parent_id().cast_signed();
    let words = |signal: SignalWord, target: ProcessTarget| refused(send(signal, target));
    let stop = |pid: i32| words(SignalWord::Stop, ProcessTarget::Pid(pid));
    assert!(stop(1).contains("init of this host"), "{}", stop(1));
    assert!(stop(own).contains("is this run"), "{}", stop(own));
    assert!(stop(parent).contains("is this run"), "{}", stop(parent));
    let echo = Echo::start("trap '' TERM; cat; true");
    let ignored = words(SignalWord::Term, ProcessTarget::Pid(echo.pid()));
    assert!(ignored.contains("ignores SIGTERM"), "{ignored}");
    let bare = ProcessSignal::new(SignalWord::Kill, ProcessTarget::Pid(echo.pid()), true, false);
    assert!(refused(Disruption::Process(bare)).contains("restore: {run: […]}"));
    let folder = tempfile::tempdir().unwrap();
    for (text, want) in [
        ("", "holds no number"),
        ("x\n", "holds no number"),
        ("-1\n", "holds no number"),
        ("4194999\n", "there is no process 4194999"),
    ] {
        let file = folder.path().join("pid");
        std::fs::write(&file, text).unwrap();
        let why = words(SignalWord::Stop, ProcessTarget::PidFile(file));
        assert!(why.contains(want), "{text:?}: {why}");
    }
    let why = words(SignalWord::Stop, ProcessTarget::PidFile(folder.path().join("none")));
    assert!(why.contains("cannot be read"), "{why}");
    let why = words(SignalWord::Stop, ProcessTarget::Unit("shakedown-no-such.service".into()));
    assert!(why.contains("systemctl"), "{why}");
}
