//! How long cases may take, and in how many rounds they are measured.

use std::time::Duration;

use super::{Settings, case, errors, plan, plan_with, settings};

/// Seconds of budget and the number of measurements of one attempt of a case with these keys, whose rounds take 2 s at most.
fn budget(keys: &str, footprint: &str, confirm: bool) -> (f64, u32) {
    let suite = format!("  - {{id: a{keys}, scripted: {{longest: 2s, footprint: {footprint}}}}}\n");
    let plan = plan_with(&suite, &Settings { confirm, ..settings() }).unwrap_or_else(|errors| panic!("{errors}"));
    let case = case(&plan, "a");
    (case.budget.as_secs_f64(), case.layout.most())
}

#[test]
fn a_budget_is_made_of_all_the_rounds_and_attempts_there_may_be() {
    // Five seconds are for scheduling, once per attempt.
    for (keys, footprint, confirm, seconds, measurements) in [
        ("", "quiet", false, 7.0, 1),
        // Half a second and a second lie between the attempts.
        (", retries: 2", "quiet", false, 22.5, 1),
        (", retries: 2, retry_delay: 5s", "quiet", false, 31.0, 1),
        (", retries: 2, retry_delay: 0s", "quiet", false, 21.0, 1),
        // One more round to warm up, as soon as there are several.
        (", rounds: 3", "quiet", false, 13.0, 4),
        (", rounds: 3, samples: 4", "quiet", false, 37.0, 16),
        (", samples: 4", "noisy", false, 13.0, 4),
        (", rounds: 3, retries: 1", "quiet", false, 26.5, 4),
        // An alarm asks for as many rounds again.
        (", rounds: 3", "quiet", true, 19.0, 7),
        ("", "quiet", true, 9.0, 2),
        // Nothing is broken to warm up, nor to confirm.
        (", rounds: 3", "disruptive", true, 11.0, 3),
        // The last attempt may begin just before the end.
        (", eventually: {within: 30s, every: 1s}", "quiet", false, 37.0, 1),
        (", budget: 2s", "quiet", false, 2.0, 1),
        (", budget: 60s, retries: 5", "quiet", false, 60.0, 1),
        (", budget: 60s, eventually: {within: 90s, every: 1s}", "quiet", false, 60.0, 1),
    ] {
        let (budget, most) = budget(keys, footprint, confirm);
        assert!((budget - seconds).abs() < 1e-9, "{keys} {footprint} {confirm}: {budget}");
        assert_eq!(most, measurements, "{keys} {footprint} {confirm}");
    }
}

#[test]
fn a_budget_that_no_round_fits_into_is_an_error() {
    let error = errors("  - {id: a, budget: 1s, scripted: {longest: 2s}}\n");
    assert!(error.contains("the budget of 1 s is shorter than one round may take (2 s)"), "{error}");
    assert!(error.contains("t.yaml:4:"), "{error}");
}

#[test]
fn the_whole_run_takes_what_runs_alone_and_the_longest_of_what_does_not() {
    let plan = plan(
        "
  - {id: a, scripted: {longest: 1s}}
  - {id: b, scripted: {longest: 9s}}
  - {id: c, scripted: {longest: 2s, footprint: noisy}}
  - {id: d, scripted: {longest: 3s, footprint: noisy}}
  - {id: e, scripted: {longest: 4s, footprint: disruptive}}
",
    );
    assert_eq!(plan.longest(), Duration::from_secs(14 + 7 + 8 + 9));
    assert_eq!(
        super::plan("  - {id: a, scripted: {longest: 1s, footprint: noisy}}\n").longest(),
        Duration::from_secs(6)
    );
}

#[test]
fn the_report_says_how_many_rounds_there_are_at_most() {
    let plan =
        plan("  - {id: a, scripted: {}}\n  - {id: b, rounds: 5, scripted: {}}\n  - {id: c, rounds: 3, scripted: {}}\n");
    assert_eq!(plan.rounds(), (5, 1));
    assert_eq!(super::plan("  - {id: a, scripted: {}}\n").rounds(), (1, 0));
}
