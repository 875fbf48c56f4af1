//! The guard process: whatever becomes of the run, what it changed is put back once.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod leftovers;
#[path = "../marks/mod.rs"]
mod marks;
mod remote_host;
#[path = "../skips/mod.rs"]
mod skips;
mod steps;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use marks::{BINARY, Marks, command, pipe, shell};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use shakedown::guard::{self, Custody, FaultPlan, Guard, RestorePlan, Step};

/// A guard spoken to over its pipe, as if by a run that can die at any line.
struct Bare {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    journals: tempfile::TempDir,
}

impl Bare {
    fn start() -> Self {
        Self::by(Command::new(BINARY).arg(guard::SUBCOMMAND))
    }

    /// By a command that becomes a guard.
    fn by(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let journals = tempfile::tempdir().unwrap();
        // A guard of another user keeps one as well.
        std::fs::set_permissions(journals.path(), PermissionsExt::from_mode(0o777)).unwrap();
        Self { child, input, output, journals }
    }

    fn armed(plan: &FaultPlan) -> Self {
        Self::start().arm(plan)
    }

    fn arm(mut self, plan: &FaultPlan) -> Self {
        let bare = &mut self;
        let custody = Custody { journals: vec![bare.journals.path().join("journal")], ..Custody::default() };
        bare.send(&json!({ "arm": { "plan": plan, "mark": mark(), "custody": custody } }));
        assert_eq!(bare.receive()["armed"]["id"], bare.child.id());
        self
    }

    /// One that has injected the fault.
    fn live(plan: &FaultPlan) -> Self {
        let mut bare = Self::armed(plan);
        bare.send(&json!("inject"));
        assert!(bare.receive()["started"].is_number());
        assert_eq!(bare.receive()["injected"]["exit"], 0);
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

fn mark() -> String {
    format!("test-{}-{:?}", std::process::id(), std::thread::current().id())
}

fn plan(inject: Vec<String>, restore: Vec<String>) -> FaultPlan {
    FaultPlan {
        inject: vec![Step::Run(command(inject))],
        restore: RestorePlan { restore: Some(command(restore)), verify: None },
        hold: Duration::from_hours(1),
    }
}

/// How long the inject command may take.
fn limit(plan: &mut FaultPlan) -> &mut Duration {
    match &mut plan.inject[0] {
        Step::Run(command) => &mut command.timeout,
        step @ Step::BuiltIn(_) => panic!("{step:?}"),
    }
}

/// One whose inject command does nothing.
fn idle(restore: Vec<String>) -> FaultPlan {
    plan(shell("true"), restore)
}

/// A guard of this process, with the fault in place.
async fn injected(marks: &Marks, plan: FaultPlan) -> Guard {
    let mut guard = Guard::arm(plan, marks.custody()).await.unwrap();
    assert!(guard.inject().await.unwrap().succeeded());
    guard
}

fn killed(id: i32, signal: Signal) {
    kill(Pid::from_raw(id), signal).unwrap();
}

#[test]
fn the_guard_restores_when_the_run_vanishes_and_minds_no_signal() {
    let marks = Marks::new();
    let mut plan = idle(marks.leave("restored", ""));
    plan.restore.verify = Some(command(marks.leave("verified", "")));
    let mut bare = Bare::armed(&plan);
    // An answered line proves that the signals before it were survived.
    for signal in Signal::iterator().filter(|signal| {
        use Signal as S;
        let deadly = matches!(signal, S::SIGKILL | S::SIGSTOP);
        let defects =
            matches!(signal, S::SIGILL | S::SIGTRAP | S::SIGABRT | S::SIGBUS | S::SIGFPE | S::SIGSEGV | S::SIGSYS);
        !deadly && !defects && !matches!(signal, S::SIGSTKFLT | S::SIGPWR)
    }) {
        killed(i32::try_from(bare.child.id()).unwrap(), signal);
    }
    bare.send(&json!("inject"));
    assert!(bare.receive()["started"].is_number());
    assert_eq!((bare.receive()["injected"]["exit"].clone(), marks.count("restored")), (json!(0), 0));
    let (output, content) = bare.vanish();
    assert!(content && output.contains("restored"), "{output}");
    assert_eq!((marks.count("restored"), marks.count("verified")), (1, 1));
}

#[test]
fn the_guard_leaves_everything_alone_when_nothing_was_begun_or_all_is_done() {
    let marks = Marks::new();
    let plan = idle(marks.leave("restored", ""));
    assert!(Bare::armed(&plan).vanish().1);
    assert_eq!(marks.count("restored"), 0);
    let mut bare = Bare::live(&plan);
    bare.send(&json!("restore"));
    assert_eq!(bare.receive(), "restoring");
    assert_eq!(bare.receive()["restored"]["restore"]["exit"], 0);
    assert!(bare.vanish().1);
    assert_eq!(marks.count("restored"), 1, "a restore that succeeded is not repeated");
}

#[test]
fn a_guard_that_cannot_restore_says_what_to_run_by_hand() {
    let marks = Marks::new();
    let plan = idle(marks.leave("tried", "echo no route >&2; exit 4"));
    let (output, content) = Bare::live(&plan).vanish();
    assert!(!content && output.contains("exit status 4") && output.contains("(sh …) by hand"), "{output}");
    assert!(
        !output.contains("no route") && !output.contains("echo"),
        "arguments and output may hold secrets: {output}"
    );
    assert_eq!(marks.count("tried"), 2, "tried once more");
}

/// A service that `inject` breaks after a while and `restore` mends; the truth is a file.
struct Target {
    marks: Marks,
}

impl Target {
    fn new() -> Self {
        let target = Self { marks: Marks::new() };
        std::fs::write(target.marks.path("state"), "ok\n").unwrap();
        target
    }

    /// A script that breaks it when the pipe `go` is written to.
    fn breaks(&self) -> String {
        let (go, state) = (self.marks.path("go"), self.marks.path("state"));
        format!("read _ <'{}'; echo broken >'{}'", go.display(), state.display())
    }

    fn restore(&self) -> Vec<String> {
        self.marks.leave("restored", &format!("echo ok >'{}'", self.marks.path("state").display()))
    }

    /// Waits for a file.
    async fn exists(&self, name: &str) {
        while !self.marks.path(name).exists() {
            tokio::task::yield_now().await;
        }
    }

    fn state(&self) -> String {
        std::fs::read_to_string(self.marks.path("state")).unwrap()
    }
}

/// The run asks whether the guard is there while the last output of `inject` is read: how it ended is told all the same.
#[test]
fn how_inject_ended_is_not_lost_between_two_questions() {
    let marks = Marks::new();
    let inject = shell("sleep 600 & echo $!; exit 0");
    let mut bare = Bare::armed(&plan(inject, marks.leave("restored", "")));
    bare.send(&json!("inject"));
    let mut injected = Value::Null;
    while injected.is_null() {
        bare.send(&json!("ping"));
        injected = bare.receive().get("injected").cloned().unwrap_or_default();
    }
    assert_eq!((injected["exit"].clone(), injected["error"].clone()), (json!(0), json!("")));
    let left = injected["output"].as_str().unwrap().trim().parse().unwrap();
    killed(left, Signal::SIGKILL);
}

/// The same of one whose time is over.
#[test]
fn an_inject_command_that_overran_is_called_that_whatever_is_asked_meanwhile() {
    let marks = Marks::new();
    let mut plan = plan(shell("sleep 600"), marks.leave("restored", ""));
    *limit(&mut plan) = Duration::from_millis(100);
    let mut bare = Bare::armed(&plan);
    bare.send(&json!("inject"));
    let mut injected = Value::Null;
    while injected.is_null() {
        bare.send(&json!("ping"));
        injected = bare.receive().get("injected").cloned().unwrap_or_default();
    }
    assert!(injected["error"].as_str().unwrap().contains("not done within 100ms"), "{injected}");
}

#[test]
fn a_run_that_asks_for_nothing_is_not_waited_for_for_ever() {
    let marks = Marks::new();
    let mut plan = idle(marks.leave("restored", ""));
    plan.hold = Duration::from_millis(50);
    let mut bare = Bare::live(&plan);
    while marks.count("restored") == 0 {
        std::thread::yield_now();
    }
    // It wakes up, and is told.
    assert_eq!(bare.receive(), "restoring");
    bare.send(&json!("restore"));
    assert_eq!(bare.receive(), "restoring");
    let answer = bare.receive();
    assert!(answer["restored"]["incident"].as_str().unwrap().contains("did not ask"), "{answer}");
    assert_eq!((answer["restored"]["restore"]["exit"].clone(), marks.count("restored")), (json!(0), 1));
}

/// A run that was stopped before its first question, and goes on, does not watch a service that is whole again.
#[test]
fn a_run_that_never_asked_is_restored_for() {
    let marks = Marks::new();
    let mut bare = Bare::live(&idle(marks.leave("restored", "")));
    assert_eq!(bare.receive(), "restoring", "unasked");
    bare.send(&json!("restore"));
    assert_eq!(bare.receive(), "restoring");
    let answer = bare.receive();
    assert!(answer["restored"]["incident"].as_str().unwrap().contains("the run was stopped"), "{answer}");
    assert_eq!(marks.count("restored"), 1);
}

#[tokio::test]
async fn a_run_hears_that_the_guard_restored_unasked() {
    let marks = Marks::new();
    let mut plan = idle(marks.leave("restored", ""));
    plan.hold = Duration::from_millis(50);
    let mut guard = injected(&marks, plan).await;
    guard.lost().await;
    let restored = guard.restore().await.unwrap();
    assert!(restored.succeeded() && restored.incident.contains("did not ask for it in time"), "{restored:?}");
    assert_eq!(marks.count("restored"), 1);
}

#[tokio::test]
async fn when_the_guard_is_killed_the_run_restores_itself() {
    let marks = Marks::new();
    let mut guard = injected(&marks, idle(marks.leave("restored", ""))).await;
    killed(guard.id(), Signal::SIGKILL);
    guard.lost().await;
    let restored = guard.restore().await.unwrap();
    assert!(restored.succeeded() && restored.incident.contains("guard process ended"), "{restored:?}");
    assert_eq!(marks.count("restored"), 1);
}

/// A guard that is stopped holds nothing up, and is not there any more when it could go on.
#[tokio::test]
async fn when_the_guard_does_not_answer_the_run_restores_itself() {
    let marks = Marks::new();
    let mut guard = injected(&marks, idle(marks.leave("restored", ""))).await;
    killed(guard.id(), Signal::SIGSTOP);
    let restored = guard.restore().await.unwrap();
    assert!(restored.succeeded() && !restored.incident.is_empty(), "{restored:?}");
    guard.lost().await;
    assert_eq!(marks.count("restored"), 1);
}

/// It is noticed at once, not at the end of what was planned; it does not go on later, so nothing is restored twice.
#[tokio::test]
async fn a_guard_that_is_stopped_is_lost_within_a_second() {
    let marks = Marks::new();
    let mut guard = injected(&marks, idle(marks.leave("restored", ""))).await;
    // One that is well answers as long as it is asked.
    let well = tokio::time::timeout(Duration::from_millis(1500), guard.lost()).await;
    assert!(well.is_err(), "it is there");
    let id = guard.id();
    killed(id, Signal::SIGSTOP);
    let begun = std::time::Instant::now();
    guard.lost().await;
    // That it can be a second at most where this process gets its turn, `guard/client.rs` adds up; twice is for a busy host.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}; half a second on an idle host", begun.elapsed());
    let restored = guard.restore().await.unwrap();
    assert!(restored.succeeded() && restored.incident.contains("or was stopped"), "{restored:?}");
    let _ = kill(Pid::from_raw(id), Signal::SIGCONT);
    guard.lost().await;
    assert_eq!(marks.count("restored"), 1);
}

/// A run that is stopped once the fault is in place is restored for; when it goes on, it hears of it and restores nothing.
#[test]
fn a_run_that_asks_no_more_is_restored_for() {
    let marks = Marks::new();
    let mut bare = Bare::live(&idle(marks.leave("restored", "")));
    bare.send(&json!("ping"));
    assert_eq!(bare.receive(), "alive");
    let begun = std::time::Instant::now();
    while marks.count("restored") == 0 {
        std::thread::yield_now();
    }
    assert!(begun.elapsed() > Duration::from_secs(2), "a busy run may be late");
    assert_eq!(bare.receive(), "restoring");
    bare.send(&json!("ping"));
    assert_eq!(bare.receive(), "alive");
    bare.send(&json!("restore"));
    assert_eq!(bare.receive(), "restoring");
    let answer = bare.receive();
    assert!(answer["restored"]["incident"].as_str().unwrap().contains("the run was stopped"), "{answer}");
    assert_eq!(marks.count("restored"), 1);
}

/// While a command of it runs, the guard says that it is there.
#[tokio::test]
async fn a_guard_at_work_answers() {
    for held in ["inject", "restore"] {
        let marks = Marks::new();
        let go = pipe(marks.path("go"));
        let mut go = File::options().read(true).write(true).open(go).unwrap();
        let waits = marks.leave("begun", &format!("read _ <'{}'", marks.path("go").display()));
        let plan = if held == "inject" { plan(waits, shell("true")) } else { idle(waits) };
        let mut bare = Bare::armed(&plan);
        bare.send(&json!("inject"));
        assert!(bare.receive()["started"].is_number());
        if held == "restore" {
            assert_eq!(bare.receive()["injected"]["exit"], 0);
            bare.send(&json!("restore"));
            assert_eq!(bare.receive(), "restoring");
        }
        marks.wait("begun", 1).await;
        for _ in 0..3 {
            bare.send(&json!("ping"));
            assert_eq!(bare.receive(), "alive", "{held}");
        }
        go.write_all(b"x\n").unwrap();
        let answer = bare.receive();
        assert!(answer["injected"]["exit"] == 0 || answer["restored"]["restore"]["exit"] == 0, "{answer}");
    }
}

/// The inject command outlives its guard; the run ends it before it restores.
#[tokio::test]
async fn when_the_guard_is_killed_while_it_injects_the_run_ends_the_command() {
    let target = Target::new();
    let go = pipe(target.marks.path("go"));
    let mut go = File::options().read(true).write(true).open(go).unwrap();
    let inject = target.marks.leave("begun", &target.breaks());
    let mut guard = Guard::arm(plan(inject, target.restore()), target.marks.custody()).await.unwrap();
    let id = guard.id();
    let injected = async {
        target.marks.wait("begun", 1).await;
        killed(id, Signal::SIGKILL);
    };
    let (result, ()) = tokio::join!(guard.inject(), injected);
    assert!(result.is_none(), "{result:?}");
    assert!(guard.restore().await.unwrap().succeeded());
    go.write_all(b"x\n").unwrap();
    assert_eq!((target.state().as_str(), target.marks.count("restored")), ("ok\n", 1));
    let mut left = [0_u8; 2];
    std::io::Read::read_exact(&mut go, &mut left).unwrap();
}

#[tokio::test]
async fn a_dropped_guard_restores() {
    let marks = Marks::new();
    let mut guard = Guard::arm(idle(marks.leave("restored", "")), marks.custody()).await.unwrap();
    guard.inject().await.unwrap();
    drop(guard);
    marks.wait("restored", 1).await;
}

#[tokio::test]
async fn a_restore_asked_for_twice_runs_once() {
    let marks = Marks::new();
    let go = pipe(marks.path("go"));
    let script = format!("read _ <'{}'", go.display());
    let mut guard = Guard::arm(idle(marks.leave("restored", &script)), marks.custody()).await.unwrap();
    guard.inject().await.unwrap();
    tokio::select! {
        result = guard.restore() => panic!("ended by itself: {result:?}"),
        () = marks.wait("restored", 1) => {}
    }
    std::fs::write(go, "\n").unwrap();
    assert!(guard.restore().await.unwrap().succeeded());
    assert_eq!(marks.count("restored"), 1);
}
