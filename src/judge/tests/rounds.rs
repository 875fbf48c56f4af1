//! Which rounds count, and how those of a distribution are taken together.

use serde_json::json;

use super::{expecting, judged};
use crate::model::Verdict;

#[test]
fn rounds_to_warm_up_do_not_count() {
    let case = expecting("ok: true, hops: {lt: 5}, latency.max: {lt: 1s}");
    let cold = json!({"warm_up": true, "ok": false, "hops": 9, "latency": [7.0]});
    let warm = json!({"ok": true, "hops": 1, "latency": [0.1]});
    assert_eq!(judged(&case, [cold.clone(), warm.clone(), warm]).verdict, Verdict::Passed);
    let only_cold = judged(&case, [cold]);
    assert_eq!(only_cold.verdict, Verdict::Errored, "nothing was measured");
}

#[test]
fn of_two_arms_the_new_target_is_judged() {
    let case = expecting("ok: true, latency.max: {lt: 1s}");
    let base = json!({"arm": "base", "ok": false, "latency": [7.0]});
    let head = json!({"arm": "head", "ok": true, "latency": [0.1]});
    assert_eq!(judged(&case, [base, head]).verdict, Verdict::Passed);
    let base = json!({"arm": "base", "ok": true, "latency": [0.1]});
    let head = json!({"arm": "head", "ok": false, "latency": [0.1]});
    assert_eq!(judged(&case, [base, head]).verdict, Verdict::Failed);
}

#[test]
fn samples_of_all_rounds_are_one_distribution() {
    let case = |limit: &str| expecting(&format!("ok: true, latency.max: {{le: {limit}}}, latency.count: 4"));
    let rounds = || [json!({"ok": true, "latency": [0.001, 0.004]}), json!({"ok": true, "latency": [0.002, 0.003]})];
    assert_eq!(judged(&case("4ms"), rounds()).verdict, Verdict::Passed);
    let broken = judged(&case("3ms"), rounds());
    assert_eq!(broken.reason.as_deref(), Some("latency.max: expected at most 3ms, saw 4ms"));
}

/// The rounds that went well must not speak for those that did not.
#[test]
fn a_distribution_with_an_empty_round_holds_of_nothing() {
    let case = expecting("ok: true, latency.p50: {lt: 1s}");
    let (full, empty) = (json!({"ok": true, "latency": [0.1]}), json!({"ok": true}));
    let cold = json!({"warm_up": true, "ok": true});
    for (rounds, want) in [
        ([full.clone(), full.clone(), full.clone()], None),
        ([full.clone(), empty.clone(), full.clone()], Some("nothing in 1 of 3 rounds")),
        ([empty.clone(), empty.clone(), full.clone()], Some("nothing in 2 of 3 rounds")),
        ([empty.clone(), empty.clone(), empty.clone()], Some("nothing")),
        ([cold, full.clone(), full], None),
    ] {
        let judgement = judged(&case, rounds.clone());
        let want = want.map(|saw| format!("latency.p50: expected less than 1s, saw {saw}"));
        assert_eq!(judgement.reason, want, "{rounds:?}");
    }
}

#[test]
fn the_first_round_that_breaks_is_reported_and_the_other_breaches_are_counted() {
    let case = expecting("ok: true, hops: {lt: 5}, banner: x");
    let judgement = judged(
        &case,
        [
            json!({"ok": true, "hops": 1, "banner": "x"}),
            json!({"ok": true, "hops": 7, "banner": "y"}),
            json!({"ok": true, "hops": 8, "banner": "x"}),
        ],
    );
    assert_eq!(judgement.reason.as_deref(), Some("hops: expected less than 5, saw 7 in round 2 of 3 (and 1 more)"));
    let held: Vec<(&str, bool, Option<&str>)> =
        judgement.expectations.iter().map(|outcome| (&*outcome.fact, outcome.held, outcome.got.as_deref())).collect();
    assert_eq!(
        held,
        [
            ("ok", true, Some("true")),
            ("hops", false, Some("7 in round 2 of 3")),
            ("banner", false, Some("y in round 2 of 3"))
        ]
    );
}
