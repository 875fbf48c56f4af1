//! `compare`: what never ran, a run on both sides, severity, and words of a hostile report.

use std::process::Stdio;

use serde_json::{Value, json};

use super::compare_arms::twice;
use super::report_fixture::{Builder, CLASS, metric, round};
use super::{CliSandbox, Ended};

fn latency(p50: f64) -> Value {
    let rounds: Vec<Value> = (0..3).map(|slot| round(slot, p50, &json!({}))).collect();
    json!({"m": metric("ratio", 0.01, &rounds)})
}

/// A report of one check with a number and one without, which has the fields of `with`.
fn report(run: u32, p50: f64, with: &Value) -> Builder {
    let mut report = Builder::new(run, CLASS).check("edge", "a", "d", latency(p50)).check("edge", "b", "d", json!({}));
    set(&mut report.0["checks"][1], with);
    report
}

fn set(one: &mut Value, with: &Value) {
    for (key, value) in with.as_object().unwrap() {
        one[key] = value.clone();
    }
}

/// Eight runs of 10 ms that differ by 2 %, as `b0.json` to `b7.json`.
fn history(with: &Value) -> (CliSandbox, Vec<String>) {
    let sandbox = CliSandbox::new("");
    let mut args = Vec::new();
    for run in 0..8 {
        let p50 = if run % 2 == 0 { 0.0101 } else { 0.0099 };
        sandbox.write(&format!("b{run}.json"), &report(run, p50, with).text());
        args.extend(["--base".to_owned(), format!("b{run}.json")]);
    }
    (sandbox, args)
}

fn compare(sandbox: &CliSandbox, base: &[String], args: &[&str]) -> (Ended, Value) {
    let base: Vec<&str> = base.iter().map(String::as_str).collect();
    let ended = sandbox.run(&[&["compare", "--json", "c.json"], &base[..], args].concat());
    let document = if ended.code == 2 { Value::Null } else { sandbox.json("c.json") };
    (ended, document)
}

/// What a check had under its old name it has under the new one, its failure too.
#[test]
fn a_check_that_failed_before_it_was_renamed_is_told_as_that() {
    let sandbox = CliSandbox::new("");
    let mut before = Builder::new(1, CLASS).check("edge", "old", "d", json!({}));
    set(&mut before.0["checks"][0], &json!({"verdict": "failed", "reason": "it broke"}));
    sandbox.write("before.json", &before.text());
    sandbox.write("after.json", &Builder::new(2, CLASS).check("edge", "new", "d", latency(0.010)).text());
    let (ended, document) = compare(&sandbox, &[], &["before.json", "after.json"]);
    let why = "the reference has no numbers of it: the check failed there";
    assert_eq!(document["metrics"][0]["reason"], why, "{}{}", ended.out, ended.err);
}

/// What the reference had no number of is not called new: under its own name, under another, and in a baseline.
#[test]
fn a_number_the_reference_lacks_is_told_as_that() {
    let sandbox = CliSandbox::new("");
    let report = |run: u32, name: &str, digest: &str, numbers: Value| {
        Builder::new(run, CLASS).check("edge", name, digest, numbers).check("edge", "kept", "k", latency(0.010)).text()
    };
    let other = || json!({"other": latency(0.010)["m"]});
    sandbox.write("before.json", &report(1, "old", "d", other()));
    sandbox.write("same.json", &report(2, "old", "d", latency(0.010)));
    sandbox.write("renamed.json", &report(2, "new", "d", latency(0.010)));
    sandbox.write("other.json", &report(2, "new", "e", latency(0.010)));
    let accepted = sandbox.run(&["baseline", "accept", "before.json", "--dir", "store"]);
    assert_eq!(accepted.code, 0, "{}{}", accepted.out, accepted.err);
    let baseline = format!("store/edge/{CLASS}.json");
    let untold = "the reference has no number of it: it was not measured there, or only late (late_here)";
    let new = "the reference does not have it: a new check, or a renamed one";
    for base in ["before.json", &baseline] {
        for (head, why) in [("same.json", untold), ("renamed.json", untold), ("other.json", new)] {
            let (ended, document) = compare(&sandbox, &[], &[base, head]);
            let rows = document["metrics"].as_array().unwrap();
            let row = rows.iter().find(|row| row["metric"] == "m" && row["check"] != "kept").unwrap();
            assert_eq!(row["reason"], why, "{base} {head}: {}{}", ended.out, ended.err);
        }
    }
}

/// The pinned release follows a check to its new name as well.
#[test]
fn a_pinned_release_knows_a_renamed_check() {
    let sandbox = CliSandbox::new("");
    sandbox.write("old.json", &Builder::new(1, CLASS).check("edge", "old", "d", latency(0.010)).text());
    sandbox.write("new.json", &Builder::new(2, CLASS).check("edge", "new", "d", latency(0.010)).text());
    sandbox.write("now.json", &Builder::new(3, CLASS).check("edge", "new", "d", latency(0.011)).text());
    assert_eq!(sandbox.run(&["baseline", "accept", "old.json", "--dir", "store"]).code, 0);
    let id = sandbox.json("old.json")["run"]["id"].as_str().unwrap().to_owned();
    let pinned = sandbox.run(&["baseline", "pin", "edge", &id, "--dir", "store", "--host-class", CLASS]);
    assert_eq!(pinned.code, 0, "{}{}", pinned.out, pinned.err);
    let (ended, document) = compare(&sandbox, &[], &[&format!("store/edge/{CLASS}.json"), "now.json"]);
    let rows = document["metrics"].as_array().unwrap();
    let [row] = rows.as_slice() else { panic!("{}{}", ended.out, ended.err) };
    assert_eq!((&row["check"], &row["counts"]), (&"new".into(), &json!([1, 1])), "{row}");
    assert!(row["pinned"]["against"].as_str().is_some_and(|against| against.contains(&id)), "{row}");
}

#[test]
fn what_never_ran_is_not_green() {
    let errored = json!({"verdict": "errored", "reason": "no route to 192.0.2.1"});
    let unmet = json!({"verdict": "skipped", "unmet": true, "reason": "needs c, which failed"});
    let skipped = json!({"verdict": "skipped", "reason": "when stage is prod"});
    for (with, code) in [(&errored, 3), (&unmet, 3), (&skipped, 0)] {
        let (sandbox, base) = history(with);
        sandbox.write("now.json", &report(20, 0.010, with).text());
        let (ended, document) = compare(&sandbox, &base, &["now.json"]);
        assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
        let named = if code == 3 { json!(["edge/b"]) } else { json!([]) };
        assert_eq!(document["unmeasured"], named);
        assert_eq!(document["summary"]["checks_unmeasured"], u64::from(code == 3));
        let line = format!(
            "NOT MEASURED  edge/b: {}: {}",
            with["verdict"].as_str().unwrap(),
            with["reason"].as_str().unwrap()
        );
        assert_eq!(ended.out.contains(&line), code == 3, "{}", ended.out);
        // What is known to be worse is the stronger word.
        sandbox.write("now.json", &report(20, 0.020, with).text());
        assert_eq!(compare(&sandbox, &base, &["now.json"]).0.code, 4);
        let mut worse = report(20, 0.010, with);
        set(&mut worse.0["checks"][0], &json!({"verdict": "failed", "reason": "it broke"}));
        sandbox.write("now.json", &worse.text());
        assert_eq!(compare(&sandbox, &base, &["now.json"]).0.code, 1);
    }
}

#[test]
fn an_interrupted_head_is_not_green() {
    let (sandbox, base) = history(&json!({}));
    let cut = |run| {
        let mut report = report(run, 0.010, &json!({}));
        set(&mut report.0["run"], &json!({"interrupted": true, "signal": "interrupt"}));
        report.text()
    };
    sandbox.write("now.json", &cut(20));
    let (ended, document) = compare(&sandbox, &base, &["now.json"]);
    assert_eq!((ended.code, &document["head"]["interrupted"]), (3, &true.into()), "{}", ended.out);
    assert!(ended.out.contains("INTERRUPTED") && ended.out.contains("the second run was interrupted"), "{}", ended.out);
    // Of the other side it is told.
    sandbox.write("b7.json", &cut(7));
    sandbox.write("now.json", &report(20, 0.010, &json!({})).text());
    let (ended, document) = compare(&sandbox, &base, &["now.json"]);
    assert_eq!((ended.code, &document["base"][7]["interrupted"]), (0, &true.into()), "{}", ended.out);
}

#[test]
fn the_same_holds_for_two_arms() {
    let sandbox = CliSandbox::new("");
    let made = |arms: &str, edit: &dyn Fn(&mut Value)| {
        let mut report: Value = serde_json::from_str(&twice(arms)).unwrap();
        let mut other = report["checks"][0].clone();
        set(&mut other, &json!({"id": "b", "metrics": {}}));
        report["checks"].as_array_mut().unwrap().push(other);
        edit(&mut report);
        sandbox.write("r.json", &report.to_string());
        compare(&sandbox, &[], &["r.json"])
    };
    let errored = |report: &mut Value| set(&mut report["checks"][1], &json!({"verdict": "errored", "reason": "why"}));
    let interrupted = |report: &mut Value| report["run"]["interrupted"] = true.into();
    assert_eq!(made("bhhbbhhbbh", &|_| {}).0.code, 0);
    let (ended, document) = made("bhhbbhhbbh", &errored);
    assert_eq!((ended.code, &document["unmeasured"]), (3, &json!(["edge/b"])), "{}", ended.out);
    assert_eq!(made("bhhbbhhbbh", &interrupted).0.code, 3);
    assert_eq!(made("bhhbbhhbbhbhbhhbhbbh", &errored).0.code, 4);
}

#[test]
fn a_thousand_are_named_and_all_are_counted() {
    let sandbox = CliSandbox::new("");
    for (run, name) in [(1, "before.json"), (2, "after.json")] {
        let mut report = Builder::new(run, CLASS).check("edge", "sound", "d", json!({}));
        for number in 0..1001 {
            report = report.check("edge", &format!("c{number}"), "d", json!({}));
        }
        for check in report.0["checks"].as_array_mut().unwrap().iter_mut().skip(1) {
            check["verdict"] = "errored".into();
        }
        sandbox.write(name, &report.text());
    }
    let (ended, document) = compare(&sandbox, &[], &["before.json", "after.json"]);
    assert_eq!(ended.code, 3, "{}", ended.err);
    assert_eq!(document["unmeasured"].as_array().unwrap().len(), 1000);
    assert_eq!(document["summary"]["checks_unmeasured"], 1001);
    assert!(ended.out.contains("1001 checks without a result"), "{}", ended.out);
}

#[test]
fn a_run_stands_on_one_side_once() {
    let (sandbox, base) = history(&json!({}));
    sandbox.write("now.json", &report(20, 0.010, &json!({})).text());
    sandbox.write("copy.json", &report(20, 0.010, &json!({})).text());
    let accept =
        ["baseline", "accept", "--dir", "kept", "--pin", "b0.json", "b1.json", "b2.json", "b3.json", "now.json"];
    assert_eq!(sandbox.run(&accept).code, 0);
    let store = format!("kept/edge/{CLASS}.json");
    for (args, id, files) in [
        (vec!["now.json", "now.json"], "run-020", ["now.json", "now.json"]),
        (vec!["copy.json", "now.json"], "run-020", ["now.json", "copy.json"]),
        (vec!["--base", "b1.json", "--base", "./b1.json", "now.json"], "run-001", ["b1.json", "./b1.json"]),
        (vec![&store, "now.json"], "run-020", ["now.json", &store]),
        (vec!["--base", "b1.json", &store, "b7.json"], "run-001", ["b1.json", &store]),
        (vec!["--base", &store, &store, "b7.json"], "run-000", [&store, &store]),
    ] {
        let (ended, _) = compare(&sandbox, &[], &args);
        assert_eq!(ended.code, 2, "{args:?}: {}", ended.out);
        let want = format!("error: run {id} is in {} and in {}: ", files[0], files[1]);
        assert!(ended.err.starts_with(&want), "{args:?}: {}", ended.err);
    }
    assert_eq!(compare(&sandbox, &base, &["now.json"]).0.code, 0);
    assert_eq!(compare(&sandbox, &[], &[&store, "b7.json"]).0.code, 0);
}

#[test]
fn stdin_holds_one_report() {
    let sandbox = CliSandbox::new("");
    sandbox.write("now.json", &report(20, 0.010, &json!({})).text());
    for args in [&["-", "-"][..], &["--base", "-", "-"], &["--base", "-", "-", "now.json"]] {
        let ended = sandbox.run(&[&["compare"], args].concat());
        assert_eq!(ended.code, 2, "{}", ended.out);
        assert!(ended.err.contains("stdin holds one report"), "{args:?}: {}", ended.err);
    }
    let from = std::fs::File::open(sandbox.write("before.json", &report(1, 0.010, &json!({})).text())).unwrap();
    let output = sandbox.command(&["compare", "-", "now.json"]).stdin(Stdio::from(from)).output().unwrap();
    assert_eq!(Ended::of(output).code, 0);
}

#[test]
fn a_hostile_report_does_not_move_the_terminal() {
    let sandbox = CliSandbox::new("");
    let hostile = "\u{1b}[2J\r\u{9b}1A";
    let mut twice = report(1, 0.010, &json!({}));
    twice.0["run"]["id"] = hostile.into();
    let mut schema = report(2, 0.010, &json!({}));
    schema.0["schema"] = hostile.into();
    let mut ids = report(3, 0.010, &json!({}));
    for check in ids.0["checks"].as_array_mut().unwrap() {
        check["id"] = hostile.into();
    }
    for made in [&twice, &schema, &ids] {
        sandbox.write("bad.json", &made.text());
        let ended = sandbox.run(&["compare", "bad.json", "bad.json"]);
        assert_eq!(ended.code, 2, "{}", ended.out);
        assert!(!ended.err.trim_end().contains(char::is_control), "{:?}", ended.err);
        assert!(ended.err.contains("\\u{1b}[2J\\r\\u{9b}1A"), "{:?}", ended.err);
    }
}

#[test]
fn a_check_that_only_warns_fails_nothing() {
    let (sandbox, base) = history(&json!({}));
    let slow = |severity: &str| {
        let mut report = report(20, 0.020, &json!({}));
        report.0["checks"][0]["severity"] = severity.into();
        sandbox.write("now.json", &report.text());
        compare(&sandbox, &base, &["now.json", "--strict"])
    };
    assert_eq!(slow("fail").0.code, 4);
    let (ended, document) = slow("warn");
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let (row, summary) = (&document["metrics"][0], &document["summary"]);
    assert_eq!((&row["verdict"], &row["severity"]), (&"regressed".into(), &"warn".into()), "{row}");
    assert_eq!((&summary["regressed"], &summary["regressed_warned"]), (&0.into(), &1.into()), "{summary}");
    assert!(
        ended.out.contains("WARNING       edge/a  m  ") && ended.out.contains("1 regressed (warn only)"),
        "{}",
        ended.out
    );
    // Too short a history is nothing to be strict about either.
    assert_eq!(compare(&sandbox, &base[..6], &["now.json", "--strict"]).0.code, 0);
    // And so with a verdict.
    for (severity, code) in [("fail", 1), ("warn", 0)] {
        let failed = json!({"verdict": "failed", "reason": "it broke", "severity": severity});
        let mut report = report(20, 0.010, &failed);
        report = report.check("edge", "fresh", "d", json!({}));
        set(&mut report.0["checks"][2], &failed);
        sandbox.write("now.json", &report.text());
        let (ended, document) = compare(&sandbox, &base, &["now.json"]);
        assert_eq!(ended.code, code, "{}", ended.out);
        let worse: Vec<&Value> = document["checks"].as_array().unwrap().iter().map(|row| &row["worse"]).collect();
        assert_eq!(worse, [code == 1, code == 1], "{document}");
        assert!(ended.out.contains("it broke"), "{}", ended.out);
    }
}

#[test]
fn a_reference_that_did_not_pass_says_so() {
    for (verdict, words) in
        [("failed", "the check failed there"), ("errored", "errored there"), ("skipped", "was skipped there")]
    {
        let sandbox = CliSandbox::new("");
        let mut before = report(1, 0.010, &json!({}));
        before.0["checks"][0]["verdict"] = verdict.into();
        sandbox.write("before.json", &before.text());
        sandbox.write("now.json", &report(20, 0.010, &json!({})).text());
        let (_, document) = compare(&sandbox, &[], &["before.json", "now.json"]);
        let row = &document["metrics"][0];
        assert_eq!(row["verdict"], "not_compared");
        assert!(row["reason"].as_str().unwrap().contains(words), "{row}");
    }
}
