//! Attempts and their bounds: retries, `eventually`, budgets.

use super::{Entry, Event, FaultKind, Value, Verdict, bench};
use crate::testing::scripted::{OK, Script, Step, bad, good, seed, set, wait};

#[tokio::test(start_paused = true)]
async fn a_flake_is_tried_again_after_a_delay_that_doubles() {
    let script = Script::rounds([bad(), vec![Step::Fault("no socket")], good()]);
    let ran = bench().check("a", "retries: 3", script).run().await;
    let record = ran.record("a");
    assert_eq!((record.verdict, record.attempts, record.flaky), (Verdict::Passed, 3, true));
    assert_eq!(record.earlier, ["ok: expected true, saw false", "could not follow the script (a): no socket"]);
    assert_eq!(ran.times("a", Entry::Run), [0.0, 0.5, 1.5]);
    let ended: Vec<_> = ran
        .events
        .iter()
        .filter_map(|event| match event {
            Event::AttemptEnded { index: 0, attempt, verdict, reason } => {
                Some((*attempt, *verdict, reason.as_deref().unwrap_or_default().to_owned()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        ended,
        [(1, Verdict::Failed, record.earlier[0].clone()), (2, Verdict::Errored, record.earlier[1].clone())]
    );
}

#[tokio::test(start_paused = true)]
async fn what_always_fails_has_all_its_retries_and_the_last_reason() {
    let script = Script::rounds([vec![Step::Fault("no socket")], bad()]);
    let ran = bench().check("a", "retries: 7", script).check("b", "", Script::always(bad())).run().await;
    let record = ran.record("a");
    assert_eq!((record.verdict, record.attempts, record.flaky), (Verdict::Failed, 8, false));
    assert_eq!(record.reason.as_deref(), Some("ok: expected true, saw false"));
    assert_eq!(record.earlier.len(), super::super::attempt::EARLIER, "no more reasons are kept");
    assert_eq!(ran.record("b").attempts, 1, "without `retries`, none");
}

#[tokio::test(start_paused = true)]
async fn a_passed_check_is_not_tried_again() {
    let ran = bench().check("a", "retries: 3", Script::always(good())).run().await;
    assert_eq!((ran.record("a").attempts, ran.record("a").flaky), (1, false));
}

#[tokio::test(start_paused = true)]
async fn the_budget_ends_a_hanging_probe_and_keeps_what_it_recorded() {
    let script = Script::always([set(&OK, true), Step::Hang]);
    let ran = bench()
        .check("default", "", script.clone().longest(2.0))
        .check("written", "budget: 3s", script.clone())
        .check("retried", "budget: 3s, retries: 2", script)
        .run()
        .await;
    // The longest round and what scheduling is granted.
    assert_eq!(ran.fault("default"), (FaultKind::Deadline, "the budget of 7.0s was used up"));
    assert_eq!(ran.fault("written"), (FaultKind::Deadline, "the budget of 3.0s was used up"));
    for (id, seconds) in [("default", 7.0), ("written", 3.0), ("retried", 3.0)] {
        assert_eq!(ran.times(id, Entry::Cut), [seconds]);
        assert_eq!(ran.fact(id, "ok"), Some(Value::from(true)), "it is evidence");
        assert!(ran.record(id).expectations.is_empty(), "and not held against the target");
        assert_eq!(ran.record(id).attempts, 1, "there is no time for another one");
        assert!((ran.record(id).duration_s - seconds).abs() < 0.01);
    }
}

#[tokio::test(start_paused = true)]
async fn the_budget_bounds_all_attempts_together() {
    let script = Script::always([wait(2.0), set(&OK, false)]).longest(2.0);
    let ran = bench().check("a", "budget: 6s, retries: 9", script).run().await;
    // The third one is cut short: what the second proved stands.
    let record = ran.record("a");
    assert_eq!((record.verdict, record.attempts), (Verdict::Failed, 2));
    assert_eq!(ran.entries("a").iter().filter(|entry| **entry == Entry::Cut).count(), 1);
    assert_eq!(ran.fact("a", "ok"), Some(Value::from(false)));
}

#[tokio::test(start_paused = true)]
async fn convergence_is_timed_from_the_first_attempt() {
    let script = Script::rounds([bad(), bad(), vec![wait(0.5), set(&OK, true)]]);
    let ran = bench().check("a", "eventually: {within: 10s, every: 2s}", script).run().await;
    let record = ran.record("a");
    assert_eq!(ran.times("a", Entry::Run), [0.0, 2.0, 4.0]);
    assert_eq!((record.verdict, record.attempts), (Verdict::Passed, 3));
    assert!(!record.flaky, "it was to converge");
    assert_eq!(record.settled_in_s, Some(4.0), "it held when it was looked at, not when the look was over");
    assert_eq!(ran.fact("a", "settled_in"), Some(Value::from(4.0)));
}

/// What holds, breaks and holds again has settled with the second time.
#[tokio::test(start_paused = true)]
async fn it_has_settled_from_where_on_it_stayed() {
    let script = Script::rounds([good(), bad(), good()]);
    let ran = bench().check("a", "rounds: 3, eventually: {within: 10s, every: 2s}", script).run().await;
    let record = ran.record("a");
    assert_eq!((record.verdict, record.attempts), (Verdict::Passed, 2));
    assert_eq!(record.settled_in_s, Some(2.0), "the first round of all did not last");
}

#[tokio::test(start_paused = true)]
async fn attempts_that_take_longer_than_every_follow_at_once() {
    let script = Script::always([wait(3.0), set(&OK, false)]).longest(3.0);
    let ran = bench().check("a", "eventually: {within: 8s, every: 2s}", script).run().await;
    assert_eq!(ran.times("a", Entry::Run), [0.0, 3.0, 6.0], "and none begins after `within`");
    assert_eq!(ran.verdict("a"), (Verdict::Failed, "ok: expected true, saw false; still so after 8 s (3 attempts)"));
    assert_eq!((ran.record("a").settled_in_s, ran.fact("a", "settled_in")), (None, None), "it never did");
}

#[tokio::test(start_paused = true)]
async fn what_never_converges_is_tried_until_within_is_over() {
    let ran = bench()
        .check("failing", "eventually: {within: 5s, every: 2s}", Script::always(bad()))
        .check("errored", "eventually: {within: 5s, every: 2s}", Script::always([Step::Fault("no socket")]))
        .run()
        .await;
    for id in ["failing", "errored"] {
        assert_eq!(ran.times(id, Entry::Run), [0.0, 2.0, 4.0, 5.0], "once more when it is over");
    }
    assert_eq!(ran.verdict("failing").0, Verdict::Failed);
    assert_eq!(ran.fault("errored"), (FaultKind::Local, "no socket"));
}

#[tokio::test(start_paused = true)]
async fn what_converges_too_late_fails() {
    let script = Script::rounds([bad(), vec![wait(2.0), set(&OK, true)]]).longest(2.0);
    let ran = bench().check("a", "eventually: {within: 5s, every: 4s}", script).run().await;
    assert_eq!(ran.verdict("a"), (Verdict::Failed, "settled_in: expected at most 5 s, saw 6 s"));
}

/// The last look is at the end of the window, whatever the steps: what holds by then is in time.
#[tokio::test(start_paused = true)]
async fn what_converges_at_the_end_of_the_window_passes() {
    for (within, every, looks) in [
        ("8s", "2s", vec![0.0, 2.0, 4.0, 6.0, 8.0]),
        ("5s", "2s", vec![0.0, 2.0, 4.0, 5.0]),
        ("3s", "1m", vec![0.0, 3.0]),
    ] {
        let mut rounds = vec![bad(); looks.len() - 1];
        rounds.push(vec![wait(0.2), set(&OK, true)]);
        let keys = format!("eventually: {{within: {within}, every: {every}}}");
        let ran = bench().check("a", &keys, Script::rounds(rounds)).run().await;
        assert_eq!(ran.times("a", Entry::Run), looks);
        assert_eq!(ran.verdict("a"), (Verdict::Passed, ""), "{keys}");
        assert_eq!(ran.record("a").settled_in_s, looks.last().copied());
    }
    let ran = bench().check("a", "eventually: {within: 8s, every: 2s}", Script::always(bad())).run().await;
    assert_eq!(ran.times("a", Entry::Run).len(), 5, "and none after it");
}

#[tokio::test(start_paused = true)]
async fn every_measurement_has_a_seed_of_its_own_that_the_run_decides() {
    let seeds = async |run: u64| {
        let script = Script::always([seed(), set(&OK, false)]);
        let mut suite = bench().check("a", "retries: 2", script.clone()).check("b", "", script);
        suite.settings.seed = run;
        let ran = suite.run().await;
        [ran.fact("a", "seed"), ran.fact("b", "seed")].map(|seed| seed.unwrap().as_str().unwrap().to_owned())
    };
    // SHA-256 of `1 t/a 3 0 0` and `1 t/b 1 0 0`: case, attempt, round, sample.
    assert_eq!(seeds(1).await, ["2018741710258402618", "12954041711325244099"]);
    assert_ne!(seeds(1).await, seeds(2).await);
}

#[tokio::test(start_paused = true)]
async fn a_delay_between_retries_is_kept_and_cut_by_what_ends_the_run() {
    let ran = bench().check("a", "retries: 3, retry_delay: 5s", Script::always(bad())).run().await;
    assert_eq!(ran.times("a", Entry::Run), [0.0, 5.0, 10.0, 15.0]);
    let ran = bench().check("a", "retries: 2, retry_delay: 0s", Script::always(bad())).run().await;
    assert_eq!(ran.times("a", Entry::Run), [0.0, 0.0, 0.0]);
    let ran = bench().check("a", "retries: 3, retry_delay: 1h", Script::always(bad())).signals(7.0, None).run().await;
    assert!((ran.took - 7.0).abs() < 0.01, "{}", ran.took);
    assert_eq!(ran.fault("a").0, FaultKind::Cancelled, "the retry might have held");
    // A budget that leaves no time for it ends with what was seen.
    let ran = bench().check("a", "retries: 3, retry_delay: 5s, budget: 8s", Script::always(bad())).run().await;
    assert_eq!((ran.times("a", Entry::Run), ran.verdict("a").0), (vec![0.0, 5.0], Verdict::Failed));
}

/// It would be measured somewhere else.
#[tokio::test(start_paused = true)]
async fn a_case_whose_network_namespace_is_not_there_does_not_run() {
    let bench = bench().check("lost", "netns: shakedown-no-such-namespace", Script::always(good()));
    let ran = bench.check("after", "needs: [lost]", Script::always(good())).run().await;
    let (kind, detail) = ran.fault("lost");
    assert_eq!(kind, FaultKind::Local);
    assert!(detail.contains("no network namespace of this name"), "{detail}");
    assert!(ran.entries("lost").is_empty(), "it ran elsewhere");
    assert_eq!(ran.record("lost").netns.as_deref(), Some("shakedown-no-such-namespace"));
    assert_eq!(ran.verdict("after").0, Verdict::Skipped);
}
