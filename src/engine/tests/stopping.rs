//! Runs that end early: signals, the first failure, and defects of this program.

use super::{Entry, Event, FaultKind, Value, Verdict, bench};
use crate::probe::Footprint;
use crate::testing::scripted::{OK, Script, Step, bad, good, set, wait};

fn taking(seconds: f64) -> Script {
    Script::always([set(&OK, true), wait(seconds)]).longest(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_what_runs_and_starts_nothing_more() {
    let ran = bench()
        .jobs(2)
        .check("a", "retries: 3", taking(9.0))
        .check("b", "", taking(9.0))
        .check("c", "", taking(9.0))
        .check("d", "needs: [a]", taking(9.0))
        .check("e", "", taking(1.0).footprint(Footprint::Disruptive))
        .signals(2.0, None)
        .run()
        .await;
    assert!((ran.took - 2.0).abs() < 0.01, "{}", ran.took);
    for id in ["a", "b"] {
        assert_eq!(ran.fault(id), (FaultKind::Cancelled, "the run was interrupted"));
        assert_eq!(ran.entries(id), [Entry::Run, Entry::Cut, Entry::Restore, Entry::Restored]);
        assert_eq!(ran.fact(id, "ok"), Some(Value::from(true)), "what was recorded is kept");
    }
    for id in ["c", "d", "e"] {
        assert_eq!(ran.verdict(id), (Verdict::Skipped, "not run: interrupted"));
        assert!(ran.record(id).unmet && ran.entries(id).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_the_wait_for_the_next_attempt() {
    let ran = bench()
        .check("a", "eventually: {within: 100s, every: 50s}", Script::always(bad()))
        .signals(7.0, None)
        .run()
        .await;
    assert!((ran.took - 7.0).abs() < 0.01, "{}", ran.took);
    assert_eq!(ran.times("a", Entry::Run), [0.0]);
    assert_eq!(ran.fault("a").0, FaultKind::Cancelled, "it might still have converged");
}

#[tokio::test(start_paused = true)]
async fn a_signal_between_rounds_ends_the_attempt() {
    let ran = bench().check("a", "rounds: 50", taking(1.0)).signals(2.5, None).run().await;
    assert_eq!(ran.times("a", Entry::Run), [0.0, 1.0, 2.0]);
    assert_eq!(ran.fault("a").0, FaultKind::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_that_counts_ends_a_run_that_was_told_so() {
    let run = async |fail_fast: bool, first: &str, script: Script| {
        let mut suite = bench().jobs(1).check("a", first, script).check("b", "", Script::always(good()));
        suite.settings.fail_fast = fail_fast;
        suite.run().await
    };
    let ran = run(true, "", Script::always(bad())).await;
    assert_eq!(ran.verdict("b"), (Verdict::Skipped, "not run: --fail-fast after a"));
    assert!(ran.record("b").unmet);
    for (fail_fast, keys, script) in [
        (false, "", Script::always(bad())),
        (true, "severity: warn", Script::always(bad())),
        (true, "", Script::always([Step::Fault("no socket")])),
    ] {
        assert_eq!(run(fail_fast, keys, script).await.verdict("b").0, Verdict::Passed, "{fail_fast} {keys}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_probe_is_its_own_and_keeps_what_was_recorded() {
    let panicking = |message| Script::always([set(&OK, true), wait(1.0), Step::Panic(message)]);
    let ran = bench()
        .check("str", "retries: 2", panicking("overflow"))
        .check("string", "", panicking("index 3 of 2"))
        .check("next", "", taking(2.0))
        .run()
        .await;
    assert_eq!(ran.fault("str"), (FaultKind::Panicked, "overflow"));
    assert_eq!(ran.fault("string"), (FaultKind::Panicked, "index 3 of 2"));
    assert_eq!(ran.record("str").attempts, 1, "a defect is not tried again");
    assert_eq!(ran.fact("str", "ok"), Some(Value::from(true)));
    assert_eq!(ran.verdict("next").0, Verdict::Passed);
}

/// A defect outside the probes must not lose the case, nor the others.
#[tokio::test(start_paused = true)]
async fn a_case_whose_record_never_came_is_errored() {
    let mut suite =
        bench().check("a", "", taking(1.0)).check("b", "", taking(2.0)).check("c", "needs: [a]", taking(1.0));
    suite.judge.breaks_at = Some("a");
    let ran = suite.run().await;
    assert_eq!(ran.fault("a"), (FaultKind::Panicked, "the check ended without a record"));
    assert_eq!(ran.verdict("b").0, Verdict::Passed);
    assert_eq!(ran.verdict("c"), (Verdict::Skipped, "needs a, which could not be measured"));
}

#[tokio::test(start_paused = true)]
async fn a_case_begins_before_it_ends_and_its_record_has_both_clocks() {
    let ran = bench().jobs(1).check("a", "", taking(1.5)).check("b", "", taking(2.0)).run().await;
    let names: Vec<String> = ran
        .events
        .iter()
        .map(|event| match event {
            Event::CheckStarted { index, id, .. } => format!("{index} {id} starts"),
            Event::CheckFinished { index, record } => format!("{index} {} ends", record.id),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(names, ["0 a starts", "0 a ends", "1 b starts", "1 b ends"]);
    assert_eq!(ran.record("a").started.as_deref(), Some("2026-01-01T00:00:00.000Z"));
    assert_eq!(ran.record("b").started.as_deref(), Some("2026-01-01T00:00:01.500Z"));
    assert!((ran.record("b").duration_s - 2.0).abs() < 0.01);
}
