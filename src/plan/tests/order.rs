//! The order of cases, their stages, and what they need.

use super::{Case, Plan, case, errors, ids, needs, plan, planned, settings};
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
    // It is never itself that is meant.
    for need in ["b", "u/a"] {
        let text = errors(&format!("  - {{id: a, needs: [{need}], scripted: {{}}}}\n"));
        assert!(!text.contains("write `needs:") && text.contains("= help: "), "{text}");
    }
    let other = errors("  - {id: c, needs: [d], scripted: {}}\n  - {id: e, scripted: {}}\n");
    assert!(other.contains("write `needs: [e]`"), "{other}");
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
    assert!(circle.contains("error: dependency cycle: a -> c -> b -> a\n") && circle.contains("t.yaml:5:"), "{circle}");
    assert!(circle.contains("take `c` out of `needs` here"), "{circle}");
    assert_eq!(circle.matches("error:").count(), 1, "{circle}");
}

/// Names of cells have brackets of their own, and what was named twice is written once.
#[test]
fn the_line_to_write_is_one_that_can_be_read() {
    let text = errors(
        "  - {id: cell, matrix: {n: [1, 2]}, scripted: {target: \"${matrix.n}\"}}\n  \
         - {id: free, scripted: {}}\n  - {id: b, needs: ['cell[n=1]', fre, free], scripted: {}}\n",
    );
    assert!(text.contains("write `needs: ['cell[n=1]', free]`"), "{text}");
    let text = errors("  - {id: free, scripted: {}}\n  - {id: a, needs: [free, a], scripted: {}}\n");
    assert!(text.contains("write `needs: [free]`: a check cannot wait for itself"), "{text}");
}

/// What leads into a cycle is no part of it; two cycles are two errors; the cells of a check are one.
#[test]
fn each_cycle_is_told_once_and_whole() {
    let text = errors(
        "
  - {id: user, needs: [a, free], scripted: {}}
  - {id: a, matrix: {n: [1, 2, 3]}, needs: [\"b[n=${matrix.n}]\"], scripted: {target: \"${matrix.n}\"}}
  - {id: b, matrix: {n: [1, 2, 3]}, needs: [\"a[n=${matrix.n}]\"], scripted: {target: \"${matrix.n}\"}}
  - {id: c, needs: [d], scripted: {}}
  - {id: d, needs: [e], scripted: {}}
  - {id: e, needs: [c, user], scripted: {}}
  - {id: free, scripted: {}}
",
    );
    assert_eq!(text.matches("error:").count(), 2, "{text}");
    for cycle in ["cycle: a -> b -> a\n", "cycle: c -> d -> e -> c\n"] {
        assert!(text.contains(cycle), "{cycle}: {text}");
    }
}

const BASE: &str = "checks:
  - {id: up, scripted: {}}
  - {id: alive, matrix: {site: [a, b]}, scripted: {target: \"${matrix.site}\"}}
";

fn suites(suites: &[(&str, &str)]) -> Result<Plan, String> {
    planned(load_all(FAMILIES, suites, &[]), None, &settings())
}

fn full_needs(plan: &Plan, name: &str) -> Vec<String> {
    let full = |case: &Case| format!("{}/{}", case.suite, case.id);
    let case = plan.cases.iter().find(|case| full(case) == name).unwrap();
    case.needs.iter().map(|need| full(&plan.cases[*need])).collect()
}

#[test]
fn checks_of_other_suites_are_needed_by_their_full_name() {
    let gate = "checks:
  - {id: up, needs: [base/up], scripted: {}}
  - {id: page, needs: [base/up, \"base/alive[site=b]\", up, base/up, gate/up], scripted: {}}
  - {id: all, needs: [base/alive], scripted: {}}
";
    // The one that is needed may be given last.
    for order in [[("base", BASE), ("gate", gate)], [("gate", gate), ("base", BASE)]] {
        let plan = suites(&order).unwrap();
        assert_eq!(full_needs(&plan, "gate/page"), ["base/up", "base/alive[site=b]", "gate/up"]);
        assert_eq!(full_needs(&plan, "gate/all"), ["base/alive[site=a]", "base/alive[site=b]"]);
        assert_eq!(full_needs(&plan, "gate/up"), ["base/up"]);
        nothing_before_its_needs(&plan);
    }
}

#[test]
fn a_need_of_another_suite_that_is_not_there_says_what_to_do() {
    let gate = |need: &str| format!("checks:\n  - {{id: page, needs: [\"{need}\"], scripted: {{}}}}\n");
    let with = |need: &str| suites(&[("base", BASE), ("gate", &gate(need))]).err().unwrap();
    for (need, told, help) in [
        (
            "other/up",
            "`other/up` in `needs` is a check of suite `other`, which is no part of this run",
            "`shakedown run gate.yaml other.yaml`",
        ),
        ("bsae/up", "which is no part of this run", "write `needs: [base/up]`"),
        ("bsae/alive[site=b]", "which is no part of this run", "write `needs: ['base/alive[site=b]']`"),
        ("bsae/none", "which is no part of this run", "did you mean a check of suite `base`?"),
        ("base/upp", "unknown check `base/upp` in `needs`", "write `needs: [base/up]`"),
        ("base/alive[site=c]", "unknown check `base/alive[site=c]`", "its cells are named like `alive[site=a]`"),
        ("up", "unknown check `up` in `needs`", "it is a check of another suite: write `needs: [base/up]`"),
        ("base/", "unknown check `base/` in `needs`", ""),
        ("/up", "unknown check `/up` in `needs`", ""),
    ] {
        let text = with(need);
        assert!(text.contains(told) && text.contains(help) && text.contains("gate.yaml:4:"), "{need}: {text}");
        assert_eq!(text.matches("error:").count(), 1, "{need}: {text}");
    }
}

#[test]
fn a_cycle_across_suites_is_shown_whole() {
    let one = "checks:\n  - {id: a, needs: [two/b], scripted: {}}\n";
    let two = "checks:\n  - {id: b, needs: [three/c], scripted: {}}\n";
    let three = "checks:\n  - {id: c, needs: [one/a], scripted: {}}\n";
    let text = suites(&[("one", one), ("two", two), ("three", three)]).err().unwrap();
    assert!(text.contains("dependency cycle: one/a -> two/b -> three/c -> one/a\n"), "{text}");
    assert!(text.contains("one.yaml:4:") && text.matches("error:").count() == 1, "{text}");
    // Checks of one name in two suites are two checks.
    let (one, two) = (one.replace("two/b", "two/a"), two.replace("id: b, needs: [three/c]", "id: a, needs: [one/a]"));
    let text = suites(&[("one", &one), ("two", &two)]).err().unwrap();
    assert!(text.contains("dependency cycle: one/a -> two/a -> one/a\n"), "{text}");
}

/// One mistake is one error: neither what has an error itself nor a suite that could not be read is unknown as well.
#[test]
fn needs_of_suites_with_errors_are_no_further_errors() {
    let gate = "checks:\n  - {id: page, needs: [base/up, \"base/up[site=a]\"], scripted: {}}\n";
    let broken = "checks:\n  - {id: up, scriptde: {}}\n";
    let text = suites(&[("base", broken), ("gate", gate)]).err().unwrap();
    assert_eq!(text.matches("error:").count(), 1, "{text}");
    let unreadable = "checks: [}\n";
    let text = suites(&[("base", unreadable), ("gate", gate)]).err().unwrap();
    assert!(!text.contains("no part of this run"), "{text}");
    let text = suites(&[
        ("base", BASE),
        ("base", BASE),
        ("gate", "checks:\n  - {id: page, needs: [base/up], scripted: {}}\n"),
    ]);
    let text = text.err().unwrap();
    assert!(text.contains("two suites are called `base`") && text.matches("error:").count() == 1, "{text}");
}

/// A check that cannot be read has one error, not one more for each check that needs it.
#[test]
fn a_need_with_errors_of_its_own_is_known() {
    let text = errors("  - {id: a, scriptde: {}}\n  - {id: b, needs: [a], scripted: {}}\n");
    assert_eq!(text.matches("error:").count(), 1, "{text}");
}
