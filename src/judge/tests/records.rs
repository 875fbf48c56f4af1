//! The record of a case: its facts, its metrics, and what the other arm saw.

use std::time::Duration;

use serde_json::{Value, json};

use super::{case, expecting, judge, observed};
use crate::judge::{base_arm, metrics, record};
use crate::model::record::Timing;
use crate::model::{Arm, CheckRecord, Observation, Verdict};
use crate::plan::{Case, Settings};
use crate::testing::scripted::FAMILIES;
use crate::testing::{load, planned};

fn recorded(case: &Case, observation: &Observation, attempts: u32) -> CheckRecord {
    let timing = Timing { attempts, duration: Duration::from_secs(3), ..Timing::default() };
    record(case, observation, judge(case, observation, None), metrics(case, observation), timing)
}

fn facts(record: &CheckRecord) -> Value {
    serde_json::to_value(&record.facts).unwrap()
}

#[test]
fn facts_are_the_last_that_count_and_distributions_are_of_all() {
    let observation = observed([
        json!({"warm_up": true, "ok": true, "banner": "cold", "latency": [9.0]}),
        json!({"ok": true, "hops": 3, "latency": [0.1]}),
        json!({"ok": true, "hops": 4, "latency": [0.3]}),
    ]);
    let facts = facts(&recorded(&expecting("ok: true"), &observation, 1));
    assert_eq!(facts["hops"], json!(4));
    assert!(facts.get("banner").is_none(), "{facts}");
    assert_eq!((&facts["latency"]["count"], &facts["latency"]["max"]), (&json!(2), &json!(0.3)));
}

#[test]
fn a_pass_after_a_failure_is_flaky_unless_it_was_to_converge() {
    let observation = observed([json!({"ok": true})]);
    let bad = observed([json!({"ok": false})]);
    for (keys, observation, attempts, flaky) in [
        ("retries: 2", &observation, 2, true),
        ("retries: 2", &observation, 1, false),
        ("retries: 2", &bad, 3, false),
        ("eventually: {within: 5s, every: 1s}", &observation, 2, false),
    ] {
        assert_eq!(recorded(&case(keys), observation, attempts).flaky, flaky, "{keys} {attempts}");
    }
}

#[test]
fn only_a_pass_settles() {
    let case = case("eventually: {within: 5s, every: 1s}");
    for (ok, want) in [(true, Some(2.5)), (false, None)] {
        let mut observation = observed([json!({"ok": ok})]);
        observation.settled_in = Some(Duration::from_millis(2500));
        assert_eq!(recorded(&case, &observation, 1).settled_in_s, want);
    }
}

#[test]
fn metrics_keep_every_round_and_the_tolerances_of_the_suite() {
    let observation = observed([
        json!({"warm_up": true, "ok": true, "latency": [9.0]}),
        json!({"arm": "base", "ok": true, "latency": [0.1, 0.2], "loss": 0.0}),
        json!({"arm": "head", "ok": true, "latency": [0.4], "loss": 0.5}),
    ]);
    let case = case("baseline: {latency: {tolerance: 20%, p99: 50%}}");
    let metrics = metrics(&case, &observation);
    let names: Vec<&str> = metrics.0.iter().map(|(name, _)| name.as_ref()).collect();
    assert_eq!(names, ["loss", "latency"], "what was measured, in the order of the table");
    let of = |name: &str| metrics.0.iter().find(|(own, _)| own == name).map(|(_, metric)| metric).unwrap();
    let latency = of("latency");
    assert!((latency.tolerance - 0.2).abs() < 1e-12);
    assert_eq!(latency.tails.0.len(), 1);
    let rounds: Vec<_> =
        latency.rounds.iter().map(|round| (round.slot, round.arm, round.discarded.is_some(), round.count)).collect();
    assert_eq!(rounds, [(0, None, true, 1), (1, Some(Arm::Base), false, 2), (2, Some(Arm::Head), false, 1)],);
    assert_eq!(of("loss").rounds.len(), 2, "a round without the fact has no value of it");
}

/// A suite speaks of a metric by what it expects, or by a tolerance; a default speaks of none.
#[test]
fn the_metrics_that_a_suite_gates_are_named() {
    for (keys, want) in [
        ("expect: {ok: true}", &[][..]),
        ("expect: {latency.p95: {lt: 1s}}", &["latency"]),
        ("expect: {loss: 0%}, baseline: {latency: {tolerance: 20%}}", &["loss", "latency"]),
        ("baseline: {latency: {p99: 50%}}", &["latency"]),
    ] {
        let observation = observed([json!({"ok": true, "latency": [0.1], "loss": 0.0})]);
        assert_eq!(recorded(&case(keys), &observation, 1).gated, want, "{keys}");
    }
}

/// `defaults` hold for every check that has the fact; what a check says of a fact itself comes first.
#[test]
fn how_facts_are_compared_has_defaults() {
    let suite = "defaults: {baseline: {latency: {at_least: 1ms}, loss: {change: ignore}}}
checks:
  - {id: a, scripted: {target: x}}
  - {id: b, scripted: {target: y}, baseline: {latency: {tolerance: 20%}}}
";
    let plan = planned(load(FAMILIES, suite, &[]), None, &Settings::default()).unwrap();
    let observation = observed([json!({"ok": true, "latency": [0.1], "loss": 0.0})]);
    let latency = |at: usize| {
        let all = metrics(&plan.cases[at], &observation);
        all.get("latency").map(|metric| (metric.tolerance, metric.at_least)).unwrap()
    };
    assert_eq!((latency(0), latency(1)), ((0.05, Some(0.001)), (0.2, Some(0.001))));
    let record = recorded(&plan.cases[1], &observation, 1);
    assert_eq!(record.rules.get("loss").map(|rule| &**rule), Some("ignore"));
    // What counts at least, or not at all, is no word about what is wanted.
    assert_eq!((recorded(&plan.cases[0], &observation, 1).gated.len(), record.gated.len()), (0, 1));
    let ignored = suite.replace("latency: {at_least: 1ms}", "latency: {change: ignore}");
    let plan = planned(load(FAMILIES, &ignored, &[]), None, &Settings::default()).unwrap();
    let ignores: Vec<bool> = plan.cases.iter().map(|case| case.baseline.ignores("latency")).collect();
    assert_eq!(ignores, [true, false], "whoever gives a tolerance wants it compared");
}

/// The old target is judged by the suite as written, apart from the new one.
#[test]
fn the_base_arm_has_a_verdict_of_its_own() {
    let suite = "vars: {where: base}
checks:
  - {id: a, scripted: {target: \"${where}\"}, expect: {ok: true, hops: {lt: 5}}}
";
    let heads = load(FAMILIES, suite, &[("where", "head")]);
    let plan = planned(load(FAMILIES, suite, &[]), Some(heads), &Settings::default()).unwrap();
    let case = plan.cases.into_iter().next().unwrap();
    let observation =
        observed([json!({"arm": "base", "ok": true, "hops": 9}), json!({"arm": "head", "ok": true, "hops": 1})]);
    assert_eq!(judge(&case, &observation, None).verdict, Verdict::Passed);
    let base = base_arm(&case, &observation).unwrap();
    assert_eq!((base.verdict, base.reason.as_deref()), (Verdict::Failed, Some("hops: expected less than 5, saw 9")));
    assert_eq!(serde_json::to_value(&base.facts).unwrap()["hops"], json!(9));
    assert_eq!((base.target.as_str(), case.subject().probe.target().as_str()), ("base", "head"));
    assert!(base_arm(&expecting("ok: true"), &observation).is_none(), "of one target there is no other arm");
}
