//! The deadline of the whole run: what it did not come to is errored, and what was changed is put back.

use std::time::Duration;

use super::{Bench, Entry, FaultKind, Value, Verdict, bench};
use crate::probe::Footprint;
use crate::testing::scripted::{OK, REPLY, Script, bad, good, set, wait};

fn taking(seconds: f64) -> Script {
    Script::always([set(&OK, true), wait(seconds)]).longest(seconds)
}

impl Bench {
    fn deadline(mut self, seconds: f64) -> Self {
        self.settings.deadline = Some(Duration::from_secs_f64(seconds));
        self
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_reached_is_errored_and_what_ended_keeps_its_verdict() {
    let ran = bench()
        .jobs(2)
        .check("held", "", taking(1.0))
        .check("runs", "", taking(9.0))
        .check("failed", "", Script::always(bad()))
        .check("fills", "", taking(9.0))
        .check("waits", "", taking(1.0))
        .check("after", "needs: [runs]", taking(1.0))
        .check("unmet", "needs: [failed]", taking(1.0))
        .check("other", "when: {where: [nowhere]}", taking(1.0))
        .check("breaks", "", taking(1.0).footprint(Footprint::Disruptive))
        .deadline(2.0)
        .run()
        .await;
    assert!((ran.took - 2.0).abs() < 0.01, "{}", ran.took);
    assert_eq!((ran.verdict("held").0, ran.verdict("failed").0), (Verdict::Passed, Verdict::Failed));
    assert_eq!(ran.fault("runs"), (FaultKind::RunDeadline, "the deadline of the run (2 s) cut it short after 2 s"));
    assert_eq!(ran.entries("runs"), [Entry::Run, Entry::Cut, Entry::Restore, Entry::Restored]);
    assert_eq!(ran.fact("runs", "ok"), Some(Value::from(true)), "what was recorded is kept");
    for id in ["waits", "after", "breaks"] {
        let told = "not reached: the deadline of the run (2 s) passed before it could start";
        assert_eq!(ran.fault(id), (FaultKind::RunDeadline, told), "{id}");
        assert!(ran.entries(id).is_empty() && ran.record(id).started.is_none());
    }
    assert_eq!(ran.verdict("unmet"), (Verdict::Skipped, "needs failed, which failed"));
    assert_eq!(ran.verdict("other").0, Verdict::Skipped, "more time would not have let it run");
    assert!(!ran.record("other").unmet);
}

/// What is broken is put back to the end, however long that takes.
#[tokio::test(start_paused = true)]
async fn a_restore_is_never_cut() {
    let script = Script::always([wait(60.0)]).footprint(Footprint::Disruptive).longest(60.0);
    let ran = bench().check("f", "", script.restores([vec![wait(30.0)]])).deadline(5.0).run().await;
    assert_eq!(ran.entries("f"), [Entry::Run, Entry::Cut, Entry::Restore, Entry::Restored]);
    assert!((ran.took - 35.0).abs() < 0.01, "{}", ran.took);
    let (kind, detail) = ran.fault("f");
    assert_eq!(kind, FaultKind::RunDeadline);
    assert!(detail.ends_with("cut it short after 5 s; what it had changed was put back"), "{detail}");
}

/// Neither the failure of a look before the last nor a pass that was never seen.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_due_leaves_the_check_errored() {
    for (keys, seen) in [
        ("eventually: {within: 100s, every: 3s}", vec![0.0, 3.0, 6.0]),
        ("retries: 3, retry_delay: 5s", vec![0.0, 5.0]),
    ] {
        let ran = bench().check("a", keys, Script::always(bad())).deadline(7.0).run().await;
        assert_eq!(ran.times("a", Entry::Run), seen, "{keys}");
        assert_eq!(ran.fault("a").0, FaultKind::RunDeadline, "{keys}: it might still have held");
        assert_eq!(ran.record("a").attempts, u32::try_from(seen.len()).unwrap(), "{keys}");
    }
    let last = bench().check("a", "retries: 1, retry_delay: 5s", Script::always(bad())).deadline(7.0).run().await;
    assert_eq!(last.verdict("a").0, Verdict::Failed, "nothing was due any more");
}

#[tokio::test(start_paused = true)]
async fn silence_whose_control_the_deadline_left_no_time_for_is_errored() {
    let reply = |word: &'static str| Script::always([wait(1.0), set(&OK, true), set(&REPLY, word)]).longest(1.0);
    let suite = || {
        bench().check("shut", "control: up, expect: {reply: silent}", reply("silent")).check(
            "up",
            "expect: {reply: alive}",
            reply("alive"),
        )
    };
    assert_eq!(suite().deadline(9.0).run().await.verdict("shut").0, Verdict::Passed);
    let ran = suite().deadline(1.5).run().await;
    assert_eq!(ran.verdict("up").0, Verdict::Passed, "the check itself had ended");
    assert!(ran.fault("shut").1.contains("the deadline of the run (1.5 s) cut it short"), "{:?}", ran.fault("shut"));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_in_time_knows_nothing_of_it() {
    let ran = bench().check("a", "", Script::always(good())).deadline(3600.0).run().await;
    assert_eq!((ran.verdict("a").0, ran.took < 1.0), (Verdict::Passed, true));
}

#[tokio::test(start_paused = true)]
async fn a_signal_after_the_deadline_changes_nothing_of_what_was_cut() {
    let script = taking(9.0).restores([vec![wait(3.0)]]);
    let ran =
        bench().jobs(1).check("a", "", script).check("b", "", taking(1.0)).deadline(2.0).signals(3.0, None).run().await;
    assert_eq!(ran.fault("a").0, FaultKind::RunDeadline);
    assert_eq!(ran.verdict("b").0, Verdict::Skipped, "interrupted before it was looked at");
}

/// What passed on silence keeps its record where nothing else starts any more.
#[tokio::test(start_paused = true)]
async fn silence_is_settled_also_when_the_rest_is_left_out() {
    let reply = |word: &'static str| Script::always([wait(1.0), set(&OK, true), set(&REPLY, word)]).longest(1.0);
    let suite = || {
        bench()
            .jobs(1)
            .check("shut", "control: up, expect: {reply: silent}", reply("silent"))
            .check("up", "expect: {reply: alive}", reply("alive"))
            .check("waits", "", taking(1.0))
    };
    let ran = suite().deadline(1.5).run().await;
    for id in ["shut", "up", "waits"] {
        assert_eq!(ran.record(id).verdict, Verdict::Errored, "{id}");
    }
    let ran = suite().signals(1.5, None).run().await;
    assert_eq!((ran.record("shut").verdict, ran.verdict("waits").0), (Verdict::Errored, Verdict::Skipped));
}
