//! Cases that are measured against two targets.

use super::{Plan, Settings, case, planned, settings};
use crate::model::Arm;
use crate::probe::{Family, Footprint};
use crate::stats::seed;
use crate::testing::load;
use crate::testing::scripted::{FAMILIES, OK, Scripted};

/// The plan of `base` with `--against where=head`, whose new targets stand in `head`.
fn pair(families: &'static [Family], base: &str, head: &str) -> Result<Plan, String> {
    let settings = Settings { pairs: 3, ..settings() };
    planned(load(families, base, &[]), Some(load(families, head, &[("where", "head")])), &settings)
}

const SUITE: &str = "vars: {where: base, other: x}
checks:
  - {id: a, scripted: {target: \"${where}\"}}
  - {id: b, scripted: {target: \"${other}\"}}
  - {id: c, scripted: {target: \"${where}\", footprint: disruptive}}
  - {id: d, rounds: 7, matrix: {n: [1, \"${where}\"]}, scripted: {target: \"there/${matrix.n}\"}}
";

#[test]
fn a_case_that_names_the_variable_has_two_targets() {
    let plan = pair(FAMILIES, SUITE, SUITE).unwrap();
    assert_eq!(plan.paired(), 4);
    let a = case(&plan, "a");
    assert_eq!((a.base.probe.target(), a.subject().probe.target()), ("base".to_owned(), "head".to_owned()));
    let sides = [None, Some(Arm::Base), Some(Arm::Head)].map(|arm| a.arm(arm).probe.target());
    assert_eq!(sides, ["base", "base", "head"]);
    let b = case(&plan, "b");
    assert!(b.head.is_none() && b.layout.pairs.is_none());
    assert_eq!(b.subject().probe.target(), "x");
}

/// Neighbours would add their noise to what is compared.
#[test]
fn a_pair_runs_alone() {
    let plan = pair(FAMILIES, SUITE, SUITE).unwrap();
    let footprints = ["a", "b", "c"].map(|id| case(&plan, id).footprint);
    assert_eq!(footprints, [Footprint::Noisy, Footprint::Quiet, Footprint::Disruptive]);
}

#[test]
fn pairs_take_the_place_of_rounds_and_have_a_seed_of_their_own() {
    let plan = pair(FAMILIES, SUITE, SUITE).unwrap();
    let layout = case(&plan, "a").layout;
    assert_eq!((layout.warm_up, layout.rounds, layout.most()), (1, 3, 8));
    assert_eq!(layout.pairs, Some(seed::derive(1, "t/a")));
    assert_eq!(case(&plan, "d[n=1]").layout.rounds, 3, "whatever `rounds` says");
    assert_eq!(case(&plan, "c").layout.warm_up, 0, "nothing is broken to warm up");
}

/// The case keeps the id of the suite as written, so that its history goes on.
#[test]
fn the_new_target_has_the_id_of_the_old_one() {
    let plan = pair(FAMILIES, SUITE, SUITE).unwrap();
    let targets = |id| case(&plan, id).head.is_some();
    assert!(targets("d[n=base]") && targets("d[n=1]"));
}

#[test]
fn the_longer_arm_decides_the_budget() {
    let suite = |base: &str, head: &str| {
        let text = |longest: &str| {
            format!(
                "vars: {{where: x}}\nchecks:\n  - {{id: a, scripted: {{target: \"${{where}}\", longest: {longest}}}}}\n"
            )
        };
        let plan = pair(FAMILIES, &text(base), &text(head)).unwrap();
        case(&plan, "a").budget.as_secs_f64()
    };
    // Eight measurements, and five seconds.
    for (base, head, seconds) in [("1s", "1s", 13.0), ("1s", "4s", 37.0), ("4s", "1s", 37.0)] {
        assert!((suite(base, head) - seconds).abs() < 1e-9, "{base} {head}");
    }
}

#[test]
fn a_new_target_that_is_left_out_leaves_the_case_out() {
    let suite = "vars: {where: base}
checks:
  - {id: a, when: {where: [base]}, scripted: {target: \"${where}\"}}
";
    let plan = pair(FAMILIES, suite, suite).unwrap();
    assert_eq!(case(&plan, "a").skip.as_deref(), Some("when where is base; it is head"));
}

#[test]
fn both_arms_must_have_the_same_cases() {
    let head = SUITE.replace("[1, \"${where}\"]", "[1, 2, \"${where}\"]");
    let error = pair(FAMILIES, SUITE, &head).err().unwrap();
    assert!(error.contains("with the overrides of --against `d` has 3 cases instead of 2"), "{error}");
}

/// A family without a metric has nothing to compare.
#[test]
fn only_what_measures_something_is_paired() {
    static PLAIN: &[Family] = &[Family { facts: &[OK.info], ..Family::of::<Scripted>("scripted", "", "") }];
    let plan = pair(PLAIN, SUITE, SUITE).unwrap();
    assert_eq!(plan.paired(), 0);
}
