//! The order of cases, their stages, and what they need.

use super::{Plan, case, errors, ids, needs, plan, planned, settings};
use crate::probe::Footprint;
use crate::testing::load_all;
use crate::testing::scripted::FAMILIES;

/// Every case stands behind all it needs.
#[track_caller]
fn nothing_before_its_needs(plan: &Plan) {
    for (index, case) in plan.cases.iter().enumerate() {
        assert!(case.needs.iter().all(|need| *need < index), "{} at {index}: {:?}", case.id, case.needs);
    }
}

#[test]
fn quiet_before_noisy_before_disruptive_else_as_written() {
    let plan = plan(
        "
  - {id: d1, scripted: {footprint: disruptive}}
  - {id: n1, scripted: {footprint: noisy}}
  - {id: q1, scripted: {}}
  - {id: n2, scripted: {footprint: noisy}}
  - {id: q2, scripted: {}}
  - {id: d2, scripted: {footprint: disruptive}}
",
    );
    assert_eq!(ids(&plan), ["q1", "q2", "n1", "n2", "d1", "d2"]);
    assert!(plan.cases.iter().all(|case| case.stage == case.footprint));
}

#[test]
fn what_needs_a_late_case_is_late_itself_and_stays_what_it_is() {
    let plan = plan(
        "
  - {id: last, needs: [after], scripted: {}}
  - {id: after, needs: [breaks, first], scripted: {}}
  - {id: breaks, needs: [loud], scripted: {footprint: disruptive}}
  - {id: loud, scripted: {footprint: noisy}}
  - {id: first, scripted: {}}
",
    );
    assert_eq!(ids(&plan), ["first", "loud", "breaks", "after", "last"]);
    nothing_before_its_needs(&plan);
    for id in ["after", "last"] {
        assert_eq!((case(&plan, id).footprint, case(&plan, id).stage), (Footprint::Quiet, Footprint::Disruptive));
    }
    assert_eq!(case(&plan, "first").stage, Footprint::Quiet);
}

#[test]
fn a_need_is_every_cell_of_a_matrix() {
    let plan = plan(
        "
  - {id: user, needs: [cells, one], scripted: {}}
  - {id: cells, matrix: {n: [1, 2], m: [a, b]}, scripted: {target: \"${matrix.n}${matrix.m}\"}}
  - {id: one, scripted: {}}
",
    );
    let cells = ["cells[m=a,n=1]", "cells[m=b,n=1]", "cells[m=a,n=2]", "cells[m=b,n=2]"];
    assert_eq!(needs(&plan, "user"), [cells.as_slice(), &["one"]].concat());
    nothing_before_its_needs(&plan);
}

#[test]
fn suites_follow_each_other_and_need_only_their_own() {
    let suite = "checks:\n  - {id: b, needs: [a], scripted: {}}\n  - {id: a, scripted: {}}\n";
    let loaded = load_all(FAMILIES, &[("one", suite), ("two", suite)], &[]);
    let plan = planned(loaded, None, &settings()).unwrap();
    let names: Vec<String> = plan.cases.iter().map(|case| format!("{}/{}", case.suite, case.id)).collect();
    assert_eq!(names, ["one/a", "one/b", "two/a", "two/b"]);
    assert_eq!(plan.cases[1].needs, [0]);
    assert_eq!(plan.cases[3].needs, [2]);
    assert_eq!(plan.suites.iter().map(|suite| suite.name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    let foreign =
        load_all(FAMILIES, &[("one", suite), ("two", "checks:\n  - {id: c, needs: [b], scripted: {}}\n")], &[]);
    let error = planned(foreign, None, &settings()).err().unwrap();
    assert!(error.contains("unknown check `b` in `needs`"), "{error}");
}

#[test]
fn needs_that_cannot_be_met_are_errors_in_their_place() {
    let unknown = errors("  - {id: first, scripted: {}}\n  - {id: b, needs: [frist], scripted: {}}\n");
    assert!(unknown.contains("unknown check `frist` in `needs`"), "{unknown}");
    assert!(unknown.contains("t.yaml:5:20") && unknown.contains("write `needs: [first]`"), "{unknown}");
    let own = errors("  - {id: a, needs: [a], scripted: {}}\n");
    assert!(own.contains("`a` needs itself\n") && own.contains("take `needs` out"), "{own}");
    let circle = errors(
        "
  - {id: a, needs: [c], scripted: {}}
  - {id: b, needs: [a], scripted: {}}
  - {id: c, needs: [b, free], scripted: {}}
  - {id: free, scripted: {}}
",
    );
    for (check, by) in [("a", "c"), ("b", "a"), ("c", "b")] {
        assert!(circle.contains(&format!("`{check}` needs itself by way of {by}\n")), "{circle}");
    }
    assert!(!circle.contains("way of free") && !circle.contains("`free`"), "{circle}");
}

/// A check that cannot be read has one error, not one more for each check that needs it.
#[test]
fn a_need_with_errors_of_its_own_is_known() {
    let text = errors("  - {id: a, scriptde: {}}\n  - {id: b, needs: [a], scripted: {}}\n");
    assert_eq!(text.matches("error:").count(), 1, "{text}");
}
