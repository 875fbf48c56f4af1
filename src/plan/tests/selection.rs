//! Which cases run: tags, globs, what those need, and disruptive checks.

use super::{Plan, Settings, ids, needs, plan_with, settings};
use crate::plan::Selection;

const SUITE: &str = "
  - {id: d, matrix: {n: [1, 2]}, scripted: {target: \"${matrix.n}\"}}
  - {id: a, tags: [x], scripted: {}}
  - {id: b, tags: [y], needs: [a], scripted: {}}
  - {id: c, tags: [y, slow], needs: [b], scripted: {}}
";

fn select(tags: &[&str], skip: &[&str], only: &[&str]) -> Plan {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let only = only.iter().map(|glob| glob.parse().unwrap()).collect();
    let selection = Selection { tags: words(tags), skip_tags: words(skip), only, rerun: None };
    plan_with(SUITE, &Settings { selection, ..settings() }).unwrap()
}

#[test]
fn tags_and_globs_choose_and_bring_what_is_needed() {
    for (tags, skip, only, want, pulled_in, left_out) in [
        (&[][..], &[][..], &[][..], &["d[n=1]", "d[n=2]", "a", "b", "c"][..], &[][..], &[][..]),
        (&["x"], &[], &[], &["a"], &[], &[]),
        (&["y"], &[], &[], &["a", "b", "c"], &["a"], &[]),
        (&["x", "slow"], &[], &[], &["a", "b", "c"], &["b"], &[]),
        (&[], &["slow"], &[], &["d[n=1]", "d[n=2]", "a", "b"], &[], &[]),
        // What needs something that is left out is left out as well.
        (&[], &["x"], &[], &["d[n=1]", "d[n=2]"], &[], &["b", "c"]),
        (&["y"], &["x"], &[], &[], &[], &["b", "c"]),
        (&[], &[], &["b"], &["a", "b"], &["a"], &[]),
        (&[], &[], &["t/c"], &["a", "b", "c"], &["a", "b"], &[]),
        (&[], &[], &["d"], &["d[n=1]", "d[n=2]"], &[], &[]),
        (&[], &[], &["d[n=2]"], &["d[n=2]"], &[], &[]),
        (&[], &[], &["t/d*1*", "a"], &["d[n=1]", "a"], &[], &[]),
        // A tag and a glob must both fit.
        (&["y"], &[], &["a", "b"], &["a", "b"], &["a"], &[]),
        (&["x"], &[], &["d*"], &[], &[], &[]),
    ] {
        let plan = select(tags, skip, only);
        let what = format!("--tag {tags:?} --skip-tag {skip:?} --only {only:?}");
        assert_eq!(ids(&plan), want, "{what}");
        assert_eq!(plan.pulled_in, pulled_in, "{what}");
        assert_eq!(plan.left_out, left_out, "{what}");
        assert_eq!(plan.deselected, 5 - want.len(), "{what}");
        assert_eq!(plan.known.len(), 5, "{what}: what was left out did not vanish");
        assert!(plan.unmatched.is_empty(), "{what}: {:?}", plan.unmatched);
    }
}

#[test]
fn needs_point_at_the_same_cases_after_a_selection() {
    let plan = select(&[], &[], &["c"]);
    assert_eq!((needs(&plan, "b"), needs(&plan, "c")), (vec!["a"], vec!["b"]));
}

/// One mistyped word must not quietly shrink a gate.
#[test]
fn words_that_match_nothing_are_reported() {
    let unmatched = select(&["y", "z"], &["nothing"], &["a", "e*"]).unmatched;
    let told: Vec<String> = unmatched.iter().map(|one| format!("--{} {}", one.flag, one.word)).collect();
    assert_eq!(told, ["--tag z", "--skip-tag nothing", "--only e*"]);
}

#[test]
fn the_notice_says_what_the_command_line_does_not() {
    assert_eq!(select(&[], &[], &[]).notice(), "");
    let notice = select(&[], &["x"], &[]).notice();
    assert_eq!(notice, "left out, because they need a check that --skip-tag leaves out: b, c\n");
    assert_eq!(select(&["y"], &[], &[]).notice(), "included, because a selected check needs them: a\n");
}

#[test]
fn disruptive_checks_run_only_when_allowed() {
    let suite = "
  - {id: a, scripted: {}}
  - {id: breaks, tags: [chaos], scripted: {footprint: disruptive}}
";
    let with = |allow_disruptive: bool, skip: &[&str]| {
        let selection = Selection { skip_tags: skip.iter().map(ToString::to_string).collect(), ..Selection::default() };
        plan_with(suite, &Settings { selection, allow_disruptive, ..Settings::default() })
    };
    let error = with(false, &[]).err().unwrap();
    assert!(error.contains("check `breaks` breaks something on purpose"), "{error}");
    assert!(error.contains("--allow-disruptive") && error.contains("t.yaml:6:"), "{error}");
    assert_eq!(ids(&with(true, &[]).unwrap()), ["a", "breaks"]);
    assert_eq!(ids(&with(false, &["chaos"]).unwrap()), ["a"], "what is left out needs no permission");
}
