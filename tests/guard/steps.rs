//! Faults of several steps: done in order, undone in reverse, also by a run whose guard was killed.

use std::process::{Child, Command};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use shakedown::guard::disruption::{ProcessSignal, ProcessTarget, SignalWord};
use shakedown::guard::{Disruption, FaultPlan, Guard, Step};

use super::marks::{Marks, command};
use super::{Bare, killed, plan};

/// A process that may be stopped.
struct Victim(Child);

impl Victim {
    fn new() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }

    fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        stat.rsplit_once(") ").unwrap().1.starts_with('T')
    }

    /// A command, then this process is stopped. The restore command fails while it still is.
    fn plan(&self, marks: &Marks) -> FaultPlan {
        let id = self.0.id();
        let goes_on = format!("grep -q 'State:.T' /proc/{id}/status && exit 9; exit 0");
        let mut plan = plan(marks.leave("first", ""), marks.leave("restored", &goes_on));
        let target = ProcessTarget::Pid(i32::try_from(id).unwrap());
        let stop = ProcessSignal::new(SignalWord::Stop, target, true, false);
        plan.inject.push(Step::BuiltIn(Disruption::Process(stop)));
        plan
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn steps_are_done_in_order_until_one_fails() {
    let marks = Marks::new();
    let mut plan = plan(marks.leave("first", ""), marks.leave("restored", ""));
    plan.inject.push(Step::Run(command(marks.leave("second", "exit 3"))));
    plan.inject.push(Step::Run(command(marks.leave("third", ""))));
    let mut bare = Bare::armed(&plan);
    bare.send(&json!("inject"));
    let mut injected = Value::Null;
    while injected.is_null() {
        injected = bare.receive().get("injected").cloned().unwrap_or_default();
    }
    assert_eq!(injected["exit"], 3);
    assert_eq!(["first", "second", "third"].map(|name| marks.count(name)), [1, 1, 0]);
    assert!(bare.vanish().1);
    assert_eq!(marks.count("restored"), 1);
}

#[test]
fn what_was_broken_last_is_undone_first_when_the_run_vanishes() {
    let (marks, victim) = (Marks::new(), Victim::new());
    let bare = Bare::live(&victim.plan(&marks));
    assert!(victim.is_stopped());
    let (output, content) = bare.vanish();
    assert!(content && !victim.is_stopped(), "{output}");
    assert_eq!(marks.count("restored"), 1, "once, so that it succeeded at once");
}

#[tokio::test]
async fn when_the_guard_is_killed_the_run_undoes_every_step_and_removes_the_journal() {
    let (marks, victim) = (Marks::new(), Victim::new());
    let mut guard = Guard::arm(victim.plan(&marks), marks.custody()).await.unwrap();
    assert!(guard.inject().await.unwrap().succeeded() && victim.is_stopped());
    assert_eq!(marks.journals().len(), 1);
    killed(guard.id(), Signal::SIGKILL);
    guard.lost().await;
    let restored = guard.restore().await.unwrap();
    assert!(restored.succeeded() && !victim.is_stopped(), "{restored:?}");
    assert_eq!((marks.count("restored"), marks.journals().len()), (1, 0));
}

/// What cannot be broken is told before anything is.
#[tokio::test]
async fn a_step_that_cannot_be_prepared_keeps_all_of_them_away() {
    let (marks, victim) = (Marks::new(), Victim::new());
    let plan = victim.plan(&marks);
    drop(victim);
    let fault = Guard::arm(plan, marks.custody()).await.unwrap_err();
    assert!(fault.detail.contains("nothing was changed") && fault.peer.starts_with("process "), "{fault}");
    assert_eq!(marks.count("first") + marks.count("restored") + marks.journals().len(), 0);
}
