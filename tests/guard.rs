//! The guard process: whatever becomes of the run, what it changed is put back once.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod marks;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use marks::{BINARY, Marks, command, pipe};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use shakedown::guard::{self, Guard, RestorePlan};

/// A guard spoken to over its pipe, as if by a run that can die at any line.
struct Bare {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Bare {
    fn start() -> Self {
        let mut child = Command::new(BINARY)
            .arg(guard::SUBCOMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    fn armed(plan: &RestorePlan) -> Self {
        let mut bare = Self::start();
        bare.send(&json!({ "arm": plan }));
        assert_eq!(bare.receive(), json!("armed"));
        bare
    }

    fn send(&mut self, line: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// The run is gone. What the guard said about it on standard error, and whether it was content.
    fn vanish(mut self) -> (String, bool) {
        self.input = None;
        let end = self.child.wait_with_output().unwrap();
        (String::from_utf8(end.stderr).unwrap(), end.status.success())
    }
}

#[test]
fn the_guard_restores_when_the_run_vanishes_and_minds_no_signal() {
    let marks = Marks::new();
    let plan = RestorePlan {
        restore: command(marks.leave("restored", "")),
        verify: Some(command(marks.leave("verified", ""))),
    };
    let mut bare = Bare::armed(&plan);
    bare.send(&json!("live"));
    // An answered line proves that the signals before it were survived.
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        kill(Pid::from_raw(i32::try_from(bare.child.id()).unwrap()), signal).unwrap();
    }
    assert_eq!(marks.count("restored"), 0);
    let (output, content) = bare.vanish();
    assert!(content && output.contains("restored"), "{output}");
    assert_eq!((marks.count("restored"), marks.count("verified")), (1, 1));
}

#[test]
fn the_guard_leaves_everything_alone_when_nothing_was_begun_or_all_is_done() {
    let marks = Marks::new();
    let plan = RestorePlan { restore: command(marks.leave("restored", "")), verify: None };
    assert!(Bare::armed(&plan).vanish().1);
    assert_eq!(marks.count("restored"), 0);
    let mut bare = Bare::armed(&plan);
    bare.send(&json!("live"));
    bare.send(&json!("restore"));
    assert_eq!(bare.receive()["restored"]["restore"]["exit"], 0);
    assert!(bare.vanish().1);
    assert_eq!(marks.count("restored"), 1, "a restore that succeeded is not repeated");
}

#[test]
fn a_guard_that_cannot_restore_says_what_to_run_by_hand() {
    let marks = Marks::new();
    let plan = RestorePlan { restore: command(marks.leave("tried", "echo no route >&2; exit 4")), verify: None };
    let mut bare = Bare::armed(&plan);
    bare.send(&json!("live"));
    let (output, content) = bare.vanish();
    assert!(!content && output.contains("exit status 4") && output.contains("(sh …) by hand"), "{output}");
    assert!(
        !output.contains("no route") && !output.contains("echo"),
        "arguments and output may hold secrets: {output}"
    );
    assert_eq!(marks.count("tried"), 2, "tried once more");
}

#[tokio::test]
async fn when_the_guard_is_killed_the_run_restores_itself() {
    let marks = Marks::new();
    let plan = RestorePlan { restore: command(marks.leave("restored", "")), verify: None };
    let mut guard = Guard::arm(plan).await.unwrap();
    guard.live().await.unwrap();
    kill(Pid::from_raw(i32::try_from(guard.id().unwrap()).unwrap()), Signal::SIGKILL).unwrap();
    let restored = guard.restore().await.unwrap();
    assert!(restored.succeeded(), "{restored:?}");
    assert_eq!(marks.count("restored"), 1);
}

#[tokio::test]
async fn a_dropped_guard_restores() {
    let marks = Marks::new();
    let mut guard =
        Guard::arm(RestorePlan { restore: command(marks.leave("restored", "")), verify: None }).await.unwrap();
    guard.live().await.unwrap();
    drop(guard);
    marks.wait("restored", 1).await;
}

#[tokio::test]
async fn a_restore_asked_for_twice_runs_once() {
    let marks = Marks::new();
    let go = pipe(marks.path("go"));
    let script = format!("read _ <'{}'", go.display());
    let mut guard =
        Guard::arm(RestorePlan { restore: command(marks.leave("restored", &script)), verify: None }).await.unwrap();
    guard.live().await.unwrap();
    tokio::select! {
        result = guard.restore() => panic!("ended by itself: {result:?}"),
        () = marks.wait("restored", 1) => {}
    }
    std::fs::write(go, "\n").unwrap();
    assert!(guard.restore().await.unwrap().succeeded());
    assert_eq!(marks.count("restored"), 1);
}
