//! Which rounds count, and how those of a distribution are taken together.

use std::time::Duration;

use serde_json::json;

use super::{add, expecting, judge, judged, tally};
use crate::model::{Observation, Round, Value, Verdict};

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
    assert_eq!(broken.reason.as_deref(), Some("latency.max: expected at most 3ms, saw 4 ms"));
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

/// The word is that of the suite: `samples: 5`, or rounds, or both.
#[test]
fn measurements_of_one_round_are_samples() {
    let case = expecting("hops: {lt: 5}");
    let reason = |slots: &[u32]| {
        let mut observation = Observation::default();
        for (at, slot) in slots.iter().enumerate() {
            observation.begin_round(Round::new(*slot, Duration::ZERO));
            observation.set("hops", Value::from(at * 6));
        }
        judge(&case, &observation, None).reason.unwrap()
    };
    assert_eq!(reason(&[0, 0, 0]), "hops: expected less than 5, saw 6 in sample 2 of 3");
    assert_eq!(reason(&[0, 1, 2]), "hops: expected less than 5, saw 6 in round 2 of 3");
    assert_eq!(reason(&[0, 0, 1, 1]), "hops: expected less than 5, saw 6 in measurement 2 of 4");
}

#[test]
fn the_first_round_that_breaks_is_reported() {
    let case = expecting("ok: true, hops: {lt: 5}, banner: x");
    let judgement = judged(
        &case,
        [
            json!({"ok": true, "hops": 1, "banner": "x"}),
            json!({"ok": true, "hops": 7, "banner": "y"}),
            json!({"ok": true, "hops": 8, "banner": "x"}),
        ],
    );
    assert_eq!(judgement.reason.as_deref(), Some("hops: expected less than 5, saw 7 in round 2 of 3"));
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

/// Bytes of all facts of all rounds.
fn kept(observation: &Observation) -> usize {
    observation.rounds().iter().flat_map(Round::facts).map(|(_, value)| value.to_string().len()).sum()
}

/// A document is judged and dropped: what a case keeps does not grow with the documents it saw.
#[test]
fn large_facts_of_earlier_rounds_are_judged_and_dropped() {
    const LARGE: usize = 100_000;
    let case = expecting("banner: {contains: [end]}, hops: {lt: 2000}");
    let round = |at: usize, arm: &str| json!({"arm": arm, "ok": true, "hops": at, "banner": format!("{at}{}end", "x".repeat(LARGE))});
    let mut observation = Observation::default();
    for at in 0..1000 {
        add(&mut observation, &round(at, if at % 2 == 0 { "base" } else { "head" }));
        tally(&case, &mut observation);
        assert!(kept(&observation) < 2 * LARGE + 1000 * 50, "round {at}: {}", kept(&observation));
    }
    let judgement = judge(&case, &observation, None);
    assert_eq!((judgement.verdict, judgement.reason), (Verdict::Passed, None));
    let last = observation.last("banner").and_then(|value| value.as_str()).unwrap();
    assert!(last.starts_with("999x"), "the last one is in the record");
    let numbers = observation.rounds().iter().filter_map(|round| round.fact("hops")?.as_u64()).count();
    assert_eq!(numbers, 1000, "numbers stay: they are metrics");
    // The one that broke it is told though it is gone.
    add(&mut observation, &json!({"arm": "head", "ok": true, "hops": 1, "banner": "y".repeat(LARGE)}));
    tally(&case, &mut observation);
    add(&mut observation, &round(1001, "head"));
    tally(&case, &mut observation);
    let reason = judge(&case, &observation, None).reason.unwrap();
    assert!(
        reason.starts_with("banner: expected to contain [end], saw yyy") && reason.ends_with("in round 501 of 502"),
        "{reason}"
    );
    assert!(kept(&observation) < 2 * LARGE + 1000 * 50);
}

/// A large fact that only the first round had stays, as it is told; what warms up is dropped as well.
#[test]
fn of_each_fact_the_last_large_value_stays() {
    let case = expecting("ok: true");
    let large = |letter: &str| json!(letter.repeat(1000));
    let mut observation = Observation::default();
    for round in [
        json!({"warm_up": true, "ok": true, "banner": large("w")}),
        json!({"warm_up": true, "ok": true, "banner": large("v")}),
        json!({"ok": true, "banner": large("a")}),
        json!({"ok": true}),
        json!({"ok": true}),
    ] {
        add(&mut observation, &round);
        tally(&case, &mut observation);
    }
    assert_eq!(observation.last("banner"), Some(&large("a")));
    assert_eq!(kept(&observation), 2 * 1002 + 4 + 5 * 4);
    // A small one in a later round is the last then.
    add(&mut observation, &json!({"ok": true, "banner": "b"}));
    tally(&case, &mut observation);
    assert_eq!(observation.last("banner"), Some(&json!("b")));
    assert!(kept(&observation) < 1100);
}
