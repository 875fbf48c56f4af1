//! Changes are put back on every path, and a target that stays changed stops the run.

use super::{Entry, FaultKind, Ran, Value, Verdict, bench};
use crate::probe::Footprint;
use crate::testing::scripted::{OK, Script, Step, bad, good, set, wait};

/// A check that changes something for two seconds at most.
fn breaking(steps: impl IntoIterator<Item = Step>) -> Script {
    Script::always(steps).footprint(Footprint::Disruptive).longest(2.0)
}

const KEPT: (FaultKind, &str) = (FaultKind::NotRestored, "it stays broken");

/// A check that ends in each way, with `restores` after it.
async fn every_path(restores: &[Vec<Step>]) -> Vec<(&'static str, Ran)> {
    let mut out = Vec::new();
    for (path, steps, signal) in [
        ("ok", good(), None),
        ("failed", bad(), None),
        ("fault", vec![set(&OK, true), Step::Fault("no socket")], None),
        ("panic", vec![set(&OK, true), Step::Panic("a defect")], None),
        ("deadline", vec![set(&OK, true), Step::Hang], None),
        ("cancel", vec![set(&OK, true), Step::Hang], Some(1.0)),
    ] {
        let mut suite =
            bench().check("a", "", breaking(steps).restores(restores.to_vec())).check("z", "", breaking(good()));
        if let Some(at) = signal {
            suite = suite.signals(at, None);
        }
        out.push((path, suite.run().await));
    }
    out
}

#[tokio::test(start_paused = true)]
async fn it_is_put_back_after_every_end() {
    for (path, ran) in every_path(&[vec![wait(1.0)]]).await {
        let end = if matches!(path, "ok" | "failed" | "fault") { Entry::End } else { Entry::Cut };
        assert_eq!(ran.entries("a"), [Entry::Run, end, Entry::Restore, Entry::Restored], "{path}");
        let verdict = match path {
            "ok" => Verdict::Passed,
            "failed" => Verdict::Failed,
            _ => Verdict::Errored,
        };
        assert_eq!(ran.verdict("a").0, verdict, "{path}");
        let kind = ran.record("a").fault.as_ref().map(|fault| fault.kind);
        let want = match path {
            "fault" => Some(FaultKind::Local),
            "panic" => Some(FaultKind::Panicked),
            "deadline" => Some(FaultKind::Deadline),
            "cancel" => Some(FaultKind::Cancelled),
            _ => None,
        };
        assert_eq!(kind, want, "{path}");
        if matches!(path, "panic" | "deadline" | "cancel") {
            let (_, detail) = ran.fault("a");
            assert!(detail.ends_with("; what it had changed was put back"), "{path}: {detail}");
        }
        assert_eq!(ran.fact("a", "ok"), Some(Value::from(path != "failed")), "{path}: what was recorded is kept");
        assert_eq!(ran.order().contains(&"z"), path != "cancel", "{path}: the run goes on");
    }
}

/// A fault of the restore weighs more than whatever the probe came to, and nothing else is touched after it.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_put_back_errors_the_check_and_ends_the_run() {
    for (path, ran) in every_path(&[vec![Step::Panic("it stays broken")]]).await {
        let (kind, detail) = ran.fault("a");
        assert_eq!((kind, detail), (FaultKind::NotRestored, "restoring panicked"), "{path}");
        let reason =
            if path == "cancel" { "not run: interrupted" } else { "not run: what a changed could not be put back" };
        assert!(["not run: what a changed could not be put back", reason].contains(&ran.verdict("z").1), "{path}");
        assert!(ran.record("z").unmet && ran.entries("z").is_empty(), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restore_that_hangs_is_given_up_after_its_bound() {
    let ran = bench()
        .check("a", "", breaking(good()).restores([vec![Step::Hang]]))
        .check("z", "", breaking(good()))
        .run()
        .await;
    // The longest round, and ten seconds.
    assert_eq!(ran.fault("a"), (FaultKind::NotRestored, "restoring took longer than 12s"));
    assert_eq!(ran.times("a", Entry::Abandoned), [12.0]);
    assert_eq!(ran.verdict("z").0, Verdict::Skipped);
    let remedy = &ran.record("a").fault.as_ref().unwrap().remedy;
    assert!(remedy.contains("put back by hand what t.yaml:"), "{remedy}");
}

/// The bound is the restore's own: a probe that used up the whole budget is put back nevertheless.
#[tokio::test(start_paused = true)]
async fn a_slow_restore_has_its_time_after_the_budget_is_gone() {
    let ran = bench().check("a", "budget: 3s", breaking([Step::Hang]).restores([vec![wait(11.0)]])).run().await;
    assert_eq!(ran.times("a", Entry::Cut), [3.0]);
    assert_eq!(ran.times("a", Entry::Restored), [14.0]);
    assert_eq!(ran.fault("a").0, FaultKind::Deadline);
}

#[tokio::test(start_paused = true)]
async fn a_first_signal_does_not_interrupt_a_restore_and_a_second_one_leaves_it_little_time() {
    let hanging = || breaking(good()).restores([vec![Step::Hang]]);
    let ran = bench().check("a", "", hanging()).signals(1.0, None).run().await;
    assert_eq!(ran.times("a", Entry::Abandoned), [12.0]);
    let ran = bench().check("a", "", hanging()).signals(1.0, Some(2.0)).run().await;
    assert_eq!(ran.times("a", Entry::Abandoned), [5.0]);
    let (kind, detail) = ran.fault("a");
    assert_eq!(kind, FaultKind::NotRestored);
    assert!(detail.contains("second signal") && detail.contains("the guard process goes on"), "{detail}");
    // A restore that needs less comes to its end.
    let ran = bench().check("a", "", breaking(good()).restores([vec![wait(4.0)]])).signals(1.0, Some(2.0)).run().await;
    assert_eq!(ran.entries("a"), [Entry::Run, Entry::End, Entry::Restore, Entry::Restored]);
    assert_eq!(ran.verdict("a").0, Verdict::Passed);
}

/// Who reads the report of an interrupted run wants to know whether something is left to mend.
#[tokio::test(start_paused = true)]
async fn an_interrupted_check_says_that_nothing_was_changed() {
    let hanging = |footprint| Script::always([Step::Hang]).footprint(footprint).longest(9.0);
    for (footprint, detail) in [
        (Footprint::Disruptive, "the run was interrupted; nothing was left changed"),
        (Footprint::Quiet, "the run was interrupted"),
    ] {
        let ran = bench().check("a", "", hanging(footprint)).signals(1.0, None).run().await;
        assert_eq!(ran.fault("a"), (FaultKind::Cancelled, detail));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_restore_records_is_in_the_report() {
    let ran = bench()
        .check("a", "", breaking(vec![Step::Hang]).restores([vec![set(&OK, true)]]))
        .signals(1.0, None)
        .run()
        .await;
    assert_eq!(ran.fact("a", "ok"), Some(Value::from(true)));
}

#[tokio::test(start_paused = true)]
async fn the_faults_of_a_restore_are_its_own() {
    let ran = bench().check("a", "", breaking(bad()).restores([vec![Step::Fault(KEPT.1)]])).run().await;
    assert_eq!(ran.fault("a"), (FaultKind::Local, KEPT.1), "the family says whether it is `not_restored`");
}

/// Nothing the engine does may depend on the footprint of what it puts back.
#[tokio::test(start_paused = true)]
async fn quiet_checks_are_put_back_within_the_same_bounds() {
    let quiet = |restores| Script::always(good()).longest(2.0).restores([restores]);
    let ran = bench()
        .check("hangs", "", quiet(vec![Step::Hang]))
        .check("panics", "", quiet(vec![Step::Panic("a defect")]))
        .run()
        .await;
    assert_eq!(ran.fault("hangs"), (FaultKind::NotRestored, "restoring took longer than 12s"));
    assert_eq!(ran.fault("panics"), (FaultKind::NotRestored, "restoring panicked"));
}
