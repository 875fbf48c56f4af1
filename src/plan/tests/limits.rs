//! What keeps cases apart: names they must not share at the same time, and hosts only so many may be about.

use super::{Plan, case, plan, planned, settings};
use crate::plan::SharedResource;
use crate::testing::load_all;
use crate::testing::scripted::FAMILIES;

/// Each limit: what is shared, how many at once, and how many cases share it.
fn limits(plan: &Plan) -> Vec<(String, usize, usize)> {
    let name = |shared: &SharedResource| match shared {
        SharedResource::Serial(name) => format!("serial {name}"),
        SharedResource::Host(name) => format!("host {name}"),
    };
    plan.limits.iter().map(|limit| (name(&limit.shared), limit.most, limit.cases)).collect()
}

#[test]
fn a_name_and_a_host_are_limits_where_somebody_would_wait() {
    let plan = plan(
        "
  - {id: a, serial: lab, scripted: {target: one}}
  - {id: b, serial: lab, per_target: 2, scripted: {target: ONE.}}
  - {id: c, serial: alone, per_target: 3, scripted: {target: one}}
  - {id: d, per_target: 5, scripted: {target: two}}
  - {id: e, scripted: {target: two}}
  - {id: f, serial: lab, per_target: 1, scripted: {target: one, footprint: noisy}}
",
    );
    // A host is its name; the smallest number counts; what runs alone, or never waits, has no limit.
    assert_eq!(limits(&plan), [("serial lab".to_owned(), 1, 2), ("host one".to_owned(), 2, 3)]);
    let of = |id: &str| case(&plan, id).limits.clone();
    assert_eq!((of("a"), of("b"), of("c"), of("d"), of("f")), (vec![0, 1], vec![0, 1], vec![1], vec![], vec![]));
}

#[test]
fn a_name_is_one_in_all_suites_and_defaults_give_the_number() {
    let one = "defaults: {per_target: 1}\nchecks:\n  - {id: a, serial: lab, scripted: {}}\n";
    let two = "checks:\n  - {id: b, matrix: {n: [1, 2]}, serial: \"lab${matrix.n}\", scripted: {}}\n  - {id: c, serial: lab, scripted: {}}\n";
    let plan = planned(load_all(FAMILIES, &[("one", one), ("two", two)], &[]), None, &settings()).unwrap();
    assert_eq!(limits(&plan), [("serial lab".to_owned(), 1, 2), ("host somewhere".to_owned(), 1, 4)]);
}

#[test]
fn the_longest_time_has_the_lines_and_the_chains() {
    let seconds = |checks: &str| plan(checks).longest().as_secs_f64();
    let same = |keys: &str| {
        format!(
            "  - {{id: a, {keys}scripted: {{longest: 1s}}}}\n  - {{id: b, {keys}scripted: {{longest: 1s}}}}\n  - {{id: c, {keys}scripted: {{longest: 1s}}}}\n"
        )
    };
    // Each takes one second, and five for scheduling.
    for (keys, want) in [("", 6.0), ("serial: x, ", 18.0), ("per_target: 1, ", 18.0), ("per_target: 2, ", 9.0)] {
        assert!((seconds(&same(keys)) - want).abs() < 1e-9, "{keys}: {}", seconds(&same(keys)));
    }
    let chain = "  - {id: a, scripted: {longest: 1s}}\n  - {id: b, needs: [a], scripted: {longest: 2s}}\n";
    assert!((seconds(chain) - 13.0).abs() < 1e-9);
}

#[test]
fn an_address_is_another_host_in_another_network_namespace() {
    let plan = plan(
        "
  - {id: a, matrix: {n: [1, 2]}, netns: x, per_target: 1, scripted: {target: \"one\"}, tags: [\"${matrix.n}\"], retries: \"${matrix.n}\"}
  - {id: b, netns: y, scripted: {target: one}}
  - {id: c, scripted: {target: one}}
",
    );
    assert_eq!(limits(&plan), [("host one in netns x".to_owned(), 1, 2)]);
}
