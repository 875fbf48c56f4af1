//! `compare` over generated reports: facts, checks, metrics of sessions, hostile files.

use serde_json::{Value, json};

use super::report_fixture::{Builder, CLASS, metric, round};
use super::{CliSandbox, Ended, read};

/// Two-sided 3 % and one in a million of Student's t with 7 degrees of freedom.
const T_3_PERCENT: f64 = 2.714_573_011;
const T_MILLIONTH: f64 = 15.767_009_437;

fn rounds(p50: f64) -> Vec<Value> {
    (0..3).map(|slot| round(slot, p50, &json!({}))).collect()
}

fn latency(p50: f64) -> Value {
    metric("ratio", 0.01, &rounds(p50))
}

/// Logarithms of eight runs about those of 10 ms: mean 0, standard deviation 0.02.
fn spread(run: u32) -> f64 {
    let sign = if run.is_multiple_of(2) { 1.0 } else { -1.0 };
    sign * 0.02 * (7.0_f64 / 8.0).sqrt()
}

/// A value at which the prediction interval of eight such runs gives the t value asked for.
fn at(t: f64) -> f64 {
    0.010 * (t * 0.02 * (1.0 + 1.0 / 8.0_f64).sqrt()).exp()
}

/// Eight reports `b0.json` to `b7.json` of a check with so many metrics.
fn eight(metrics: usize) -> (CliSandbox, Vec<String>) {
    let sandbox = CliSandbox::new("");
    let mut args = Vec::new();
    for run in 0..8 {
        let all: Value = (0..metrics).map(|n| (format!("m{n:02}"), latency(0.010 * spread(run).exp()))).collect();
        sandbox.write(&format!("b{run}.json"), &Builder::new(run, CLASS).check("edge", "a", "d", all).text());
        args.extend(["--base".to_owned(), format!("b{run}.json")]);
    }
    (sandbox, args)
}

fn compare(sandbox: &CliSandbox, args: &[&str]) -> (Ended, Value) {
    let ended = sandbox.run(&[&["compare", "--json", "c.json"], args].concat());
    let document = sandbox.path("c.json");
    let value = if document.exists() { serde_json::from_str(&read(&document)).unwrap() } else { Value::Null };
    (ended, value)
}

/// The rows of one metric each, with these medians, against eight runs.
fn rows(values: &[f64], code: i32) -> Vec<Value> {
    let (sandbox, base) = eight(values.len());
    let all: Value = values.iter().enumerate().map(|(n, value)| (format!("m{n:02}"), latency(*value))).collect();
    sandbox.write("now.json", &Builder::new(20, CLASS).check("edge", "a", "d", all).text());
    let mut args: Vec<&str> = base.iter().map(String::as_str).collect();
    args.push("now.json");
    let (ended, document) = compare(&sandbox, &args);
    assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
    assert_eq!(document["base"].as_array().unwrap().len(), 8);
    document["metrics"].as_array().unwrap().clone()
}

#[test]
fn among_many_metrics_a_rare_one_is_expected() {
    let alone = rows(&[at(T_3_PERCENT)], 4).remove(0);
    assert!((alone["p"].as_f64().unwrap() - 0.03).abs() < 1e-6, "{alone}");
    assert_eq!(alone["verdict"], "regressed");
    let mut values = vec![0.010; 30];
    values[7] = at(T_3_PERCENT);
    let row = rows(&values, 0).remove(7);
    assert_eq!((&row["metric"], &row["verdict"]), (&"m07".into(), &"inconclusive".into()), "{row}");
    assert!(row["reason"].as_str().unwrap().contains("among 30 metrics"), "{row}");
    values[7] = at(T_MILLIONTH);
    let all = rows(&values, 4);
    assert!((all[7]["p"].as_f64().unwrap() / 1e-6 - 1.0).abs() < 1e-3, "{}", all[7]);
    let regressed: Vec<&Value> = all.iter().filter(|row| row["verdict"] == "regressed").collect();
    assert_eq!(regressed, [&all[7]]);
}

#[test]
fn several_runs_on_the_base_side_are_a_history() {
    let (sandbox, base) = eight(1);
    let one = |value| json!({"m00": latency(value)});
    sandbox.write("now.json", &Builder::new(20, CLASS).check("edge", "a", "d", one(0.012)).text());
    let all: Vec<&str> = base.iter().map(String::as_str).collect();
    // The last of them may also stand before the head.
    let (ended, document) = compare(&sandbox, &[&all[..14], &["b7.json", "now.json"]].concat());
    assert_eq!((ended.code, document["kind"].as_str()), (4, Some("sessions")), "{}", ended.err);
    let row = &document["metrics"][0];
    assert!((row["ratio"].as_f64().unwrap() - 1.2).abs() < 1e-9, "{row}");
    let half = 2.364_624_251_592_787 * 0.02 * (9.0_f64 / 8.0).sqrt();
    assert!((row["ci"][0].as_f64().unwrap() / (1.2 * (-half).exp()) - 1.0).abs() < 1e-9, "{row}");
    assert!((row["ci"][1].as_f64().unwrap() / (1.2 * half.exp()) - 1.0).abs() < 1e-9, "{row}");
    // One fewer is no history, and strict does not let it pass.
    let (ended, document) = compare(&sandbox, &[&all[2..], &["now.json"]].concat());
    assert_eq!((ended.code, &document["metrics"][0]["runs_needed"]), (0, &1.into()), "{}", ended.out);
    assert_eq!(document["metrics"][0]["verdict"], "inconclusive");
    assert_eq!(compare(&sandbox, &[&all[2..], &["now.json", "--strict"]].concat()).0.code, 3);
    // As an accepted baseline, with a release pinned.
    let reports: Vec<String> = (0..8).map(|run| format!("b{run}.json")).collect();
    let accept: Vec<&str> = ["baseline", "accept", "--dir", "kept", "--pin"]
        .into_iter()
        .chain(reports.iter().map(String::as_str))
        .collect();
    assert_eq!(sandbox.run(&accept).code, 0);
    let file = format!("kept/edge/{CLASS}.json");
    let (ended, document) = compare(&sandbox, &[&file, "now.json"]);
    let row = &document["metrics"][0];
    assert_eq!(
        (ended.code, &row["verdict"], &row["counts"]),
        (4, &"regressed".into(), &json!([8, 1])),
        "{}",
        ended.err
    );
    assert!(row["pinned"]["against"].as_str().unwrap().contains("release 1.7"), "{row}");
}

#[test]
fn no_run_counts_twice() {
    let (sandbox, base) = eight(1);
    let all: Vec<&str> = base.iter().map(String::as_str).collect();
    // Eight times one run has no spread at all: every difference would be an alarm.
    let same = ["--base", "b0.json"].repeat(8);
    for (args, words) in [
        ([&same[..], &["b1.json"]].concat(), "run run-000 is in b0.json and in b0.json"),
        ([&all[..], &["b3.json"]].concat(), "run run-003 is in b3.json and in b3.json"),
    ] {
        let ended = sandbox.run(&[&["compare"], &args[..]].concat());
        assert_eq!(ended.code, 2, "{}", ended.out);
        assert!(ended.err.contains(words), "{}", ended.err);
    }
    let accept = ["baseline", "accept", "--dir", "kept", "b0.json", "b1.json", "b2.json"];
    assert_eq!(sandbox.run(&accept).code, 0);
    let file = format!("kept/edge/{CLASS}.json");
    for args in [["compare", "--base", &file, "b1.json", "b4.json"], ["compare", "--base", &file, "b4.json", "b1.json"]]
    {
        let ended = sandbox.run(&args);
        assert!(ended.code == 2 && ended.err.contains("run run-001 is in"), "{}{}", ended.out, ended.err);
    }
    assert_eq!(sandbox.run(&["compare", "--base", &file, "b3.json", "b4.json"]).code, 0);
    // Compared with itself a run shows nothing, and would look unchanged.
    assert_eq!(sandbox.run(&["compare", "b0.json", "b0.json"]).code, 2);
}

#[test]
fn numbers_of_something_else_are_not_compared() {
    let (sandbox, base) = eight(1);
    let all: Vec<&str> = base.iter().map(String::as_str).collect();
    let unit = {
        let mut metric = latency(0.010);
        metric["unit"] = "B".into();
        metric
    };
    let higher = {
        let mut metric = latency(0.010);
        metric["better"] = "higher".into();
        metric
    };
    for (report, words) in [
        (Builder::new(20, "bbbb").check("edge", "a", "d", json!({"m00": latency(0.010)})), "host class"),
        (Builder::new(20, CLASS).check("edge", "a", "e", json!({"m00": latency(0.010)})), "defined otherwise"),
        (Builder::new(20, CLASS).check("edge", "a", "d", json!({"m00": unit})), "its unit is B, it was s"),
        (Builder::new(20, CLASS).check("edge", "a", "d", json!({"m00": higher})), "its direction is higher"),
        (Builder::new(20, CLASS).check("edge", "a", "d", json!({"m00": metric("ratio", 0.01, &[])})), "no rounds"),
        (Builder::new(20, CLASS).check("edge", "a", "d", json!({"m00": latency(-0.010)})), "a value of zero"),
        (Builder::new(20, CLASS).check("edge", "a", "d", json!({"m00": latency(0.0)})), "a value of zero"),
    ] {
        sandbox.write("now.json", &report.text());
        let (ended, document) = compare(&sandbox, &[&all[..], &["now.json"]].concat());
        assert_eq!(ended.code, 3, "{words}: {}{}", ended.out, ended.err);
        assert!(ended.out.contains("no metric was compared"), "{}", ended.out);
        let row = &document["metrics"][0];
        assert_eq!((&row["verdict"], &row["p"]), (&"not_compared".into(), &Value::Null), "{words}");
        assert!(row["reason"].as_str().unwrap().contains(words), "{words}: {row}");
    }
    // Without a digest the file of the suite decides: here it is another one.
    let mut bare = Builder::new(20, CLASS).check("edge", "a", "d", json!({"m00": latency(0.010)}));
    bare.0["checks"][0].as_object_mut().unwrap().remove("digest");
    sandbox.write("now.json", &bare.text());
    assert_eq!(compare(&sandbox, &[&all[..], &["now.json"]].concat()).0.code, 3);
}

#[test]
fn a_tail_without_the_samples_is_not_compared() {
    let (sandbox, base) = eight(1);
    let asked = |count: u32| {
        let mut metric = latency(0.010);
        metric["tails"] = json!({"p99": 0.1});
        for round in metric["rounds"].as_array_mut().unwrap() {
            round["count"] = count.into();
        }
        json!({"m00": metric})
    };
    let mut args: Vec<&str> = base.iter().map(String::as_str).collect();
    args.push("now.json");
    for (count, verdict) in [(999, "not_compared"), (1000, "unchanged")] {
        sandbox.write("now.json", &Builder::new(20, CLASS).check("edge", "a", "d", asked(count)).text());
        let (_, document) = compare(&sandbox, &args);
        let row = document["metrics"].as_array().unwrap().iter().find(|row| row["metric"] == "m00.p99").unwrap();
        assert_eq!((&row["verdict"], &row["tolerance"]), (&verdict.into(), &0.1.into()), "{row}");
        let reason = row["reason"].as_str().unwrap_or_default();
        assert_eq!(
            reason.contains("p99 needs 1000 samples in every round, the smallest has 999"),
            count == 999,
            "{row}"
        );
    }
}

/// The definition pairs what has another name now, numbers and all, but for twins; what was not measured is not called gone.
#[test]
fn numbers_follow_a_check_to_its_new_name() {
    let (sandbox, base) = eight(1);
    let all: Vec<&str> = base.iter().map(String::as_str).collect();
    let numbers = || json!({"m00": latency(0.0101)});
    let twins = Builder::new(20, CLASS).check("edge", "b", "d", numbers()).check("edge", "c", "d", numbers());
    for (report, verdicts, words) in [
        (
            Builder::new(20, CLASS).check("edge", "b", "d", numbers()),
            vec!["inconclusive"],
            "1 check renamed: edge/a -> edge/b",
        ),
        (
            Builder::new(20, CLASS).check("web", "a", "d", numbers()),
            vec!["inconclusive"],
            "1 check renamed: edge/a -> web/a",
        ),
        (twins, vec!["not_compared"; 3], "edge/a: only the first report has it; passed there"),
        (
            Builder::new(20, CLASS).check("edge", "a", "d", json!({})),
            vec!["not_compared"],
            "the head has no number of it: it was not measured there, or only late (late_here)",
        ),
    ] {
        sandbox.write("now.json", &report.text());
        let (ended, document) = compare(&sandbox, &[&all[..], &["now.json"]].concat());
        let found: Vec<&str> =
            document["metrics"].as_array().unwrap().iter().map(|row| row["verdict"].as_str().unwrap()).collect();
        assert_eq!(found, verdicts, "{}", ended.out);
        assert!(ended.out.contains(words), "{words} is not in {}", ended.out);
    }
}

/// Two values that read alike are told apart, and a target that the suite was given is no change.
#[test]
fn a_change_that_does_not_meet_the_eye_is_named() {
    let sandbox = CliSandbox::new("");
    let body = |number: u32, value: Value| {
        let with = json!({"family": "http", "facts": {"outcome": "answered", "body.json": {"n": value}}});
        shown(Builder::new(number, CLASS), "a", "1", &with).text()
    };
    sandbox.write("before.json", &body(1, json!(5)));
    sandbox.write("after.json", &body(2, json!("5")));
    let (ended, _) = compare(&sandbox, &["before.json", "after.json", "--rule", "a:body.json=same"]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("(a text, not a number)"), "{}", ended.out);
    let at = |number: u32, host: &str, path: &str| {
        let url = |path: &str| format!("http://{host}{path}");
        let facts = json!({"outcome": "answered", "url": url(path), "redirects": [url("/x"), url(path)],
            "headers": {"location": url(path)}});
        let with = json!({"family": "http", "target": url("/app"), "facts": facts});
        shown(Builder::new(number, CLASS), "a", "1", &with).text()
    };
    sandbox.write("before.json", &at(1, "192.0.2.1:80", "/y"));
    sandbox.write("after.json", &at(2, "192.0.2.2", "/y"));
    let (ended, document) = compare(&sandbox, &["before.json", "after.json"]);
    assert_eq!((ended.code, &document["facts"]), (0, &json!([])), "{}", ended.out);
    sandbox.write("after.json", &at(2, "192.0.2.2", "/z"));
    let (ended, document) = compare(&sandbox, &["before.json", "after.json"]);
    assert_eq!((ended.code, document["facts"].as_array().unwrap().len()), (1, 3), "{}", ended.out);
}

/// A check with facts and without numbers.
fn shown(report: Builder, id: &str, digest: &str, with: &Value) -> Builder {
    let mut report = report.check("edge", id, digest, json!({}));
    let check = report.0["checks"].as_array_mut().unwrap().last_mut().unwrap();
    check["target"] = format!("192.0.2.1:{digest}").into();
    for (key, value) in with.as_object().unwrap() {
        check[key] = value.clone();
    }
    report
}

fn two() -> CliSandbox {
    let sandbox = CliSandbox::new("");
    let banner = |text: &str| json!({"facts": {"outcome": "connected", "banner": text, "address": text}});
    let failed = json!({"verdict": "failed", "reason": "it broke", "facts": {"outcome": "refused"}});
    let before = Builder::new(1, CLASS);
    let before = shown(before, "same", "1", &banner("hello"));
    let before = shown(before, "spoke", "2", &banner("hello"));
    let before = shown(before, "worse", "3", &json!({"facts": {"outcome": "connected"}}));
    let before = shown(before, "old-name", "4", &banner("hello"));
    sandbox.write("before.json", &shown(before, "gone", "5", &banner("hello")).text());
    let after = Builder::new(2, CLASS);
    let after = shown(after, "same", "1", &banner("hello"));
    let after = shown(after, "spoke", "2", &banner("good day"));
    let after = shown(after, "worse", "3", &failed);
    let after = shown(after, "new-name", "4", &banner("hello"));
    sandbox.write("after.json", &shown(after, "fresh", "6", &banner("hello")).text());
    sandbox
}

#[test]
fn what_changed_beside_the_numbers_is_listed() {
    let sandbox = two();
    let (ended, document) = compare(&sandbox, &["before.json", "after.json"]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    let schema: Value = serde_json::from_str(&sandbox.run(&["schema", "comparison"]).out).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(document["schema"], "shakedown.comparison/1");
    let facts: Vec<[&str; 5]> = document["facts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| ["check", "fact", "before", "after", "change"].map(|key| row[key].as_str().unwrap()))
        .collect();
    assert_eq!(
        facts,
        [["spoke", "banner", "hello", "good day", "changed"], ["worse", "outcome", "connected", "refused", "grew"]]
    );
    let mut checks: Vec<(&str, &str, bool)> = document["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["check"].as_str().unwrap(), row["change"].as_str().unwrap(), row["worse"].as_bool().unwrap()))
        .collect();
    checks.sort_unstable();
    assert_eq!(
        checks,
        [
            ("fresh", "new", false),
            ("gone", "vanished", true),
            ("new-name", "renamed", false),
            ("worse", "verdict", true)
        ]
    );
    let summary = &document["summary"];
    assert_eq!((&summary["facts_not_allowed"], &summary["checks_worse"]), (&2.into(), &2.into()), "{summary}");
    for words in [
        "good day",
        "only the first report has it; passed there",
        "renamed: edge/old-name -> edge/new-name",
        "it broke",
    ] {
        assert!(ended.out.contains(words), "`{words}` is not in\n{}", ended.out);
    }
    // The same again, by another run.
    let mut again = sandbox.json("before.json");
    again["run"]["id"] = "again".into();
    sandbox.write("again.json", &again.to_string());
    let (ended, document) = compare(&sandbox, &["before.json", "again.json"]);
    assert_eq!((ended.code, &document["facts"]), (0, &json!([])), "{}", ended.out);
}

#[test]
fn a_rule_allows_and_one_that_fits_nothing_is_refused() {
    let sandbox = two();
    for name in ["before.json", "after.json"] {
        let mut report = sandbox.json(name);
        report["checks"].as_array_mut().unwrap().truncate(2);
        sandbox.write(name, &report.to_string());
    }
    assert_eq!(compare(&sandbox, &["before.json", "after.json"]).0.code, 1);
    let (ended, document) = compare(&sandbox, &["before.json", "after.json", "--rule", "sp*:banner=ignore"]);
    assert_eq!((ended.code, &document["facts"]), (0, &json!([])), "{}", ended.out);
    for (rule, words) in [
        ("nothing:banner=ignore", "nothing"),
        ("spoke:baner=ignore", "baner"),
        ("spoke:banner=ingore", "did you mean `ignore`"),
        ("spoke", "there is no `=`"),
    ] {
        let ended = sandbox.run(&["compare", "before.json", "after.json", "--rule", rule]);
        assert_eq!(ended.code, 2, "{rule}: {}", ended.out);
        assert!(ended.err.contains(words), "{rule}: {}", ended.err);
    }
}

#[test]
fn a_file_that_is_no_report_is_named() {
    let sandbox = CliSandbox::new("");
    let sound = Builder::new(1, CLASS).check("edge", "a", "d", json!({"m00": latency(0.010)}));
    let text = sound.text();
    sandbox.write("sound.json", &text);
    let twice = {
        let mut report = sound.0.clone();
        let check = report["checks"][0].clone();
        report["checks"].as_array_mut().unwrap().push(check);
        report.to_string()
    };
    let metric_twice = text.replacen("\"m00\":", "\"m00\":{\"unit\":\"s\",\"better\":\"lower\",\"compared_by\":\"ratio\",\"tolerance\":1,\"rounds\":[],\"histogram\":null},\"m00\":", 1);
    for (bad, words) in [
        (&text[..text.len() / 2], "cut short"),
        ("", "not JSON"),
        ("[1, 2]", "it is a list"),
        ("{}", "there is no `schema`"),
        ("null", ""),
        ("\u{0}\u{0}", "not JSON"),
        (&text.replace("report/1", "report/2"), "schema is shakedown.report/2"),
        (&text.replace("\"p50\":0.01", "\"p50\":null"), "damaged"),
        (&text.replace("\"p50\":0.01", "\"p50\":1e999"), "number out of range"),
        (&text.replace("\"p50\":0.01", "\"p50\":NaN"), "expected value"),
        (&text.replace("\"slot\":0", "\"slot\":-1"), "damaged"),
        (&twice, "check edge/a is in it twice"),
        (&metric_twice, "metric m00 of edge/a is in it twice"),
        (&"[".repeat(100_000), "list"),
        (&format!("{{\"schema\":{}", "[".repeat(100_000)), "cut short"),
        (&format!("{{\"schema\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000)), "recursion"),
    ] {
        sandbox.write("bad.json", bad);
        for args in [["sound.json", "bad.json"], ["bad.json", "sound.json"]] {
            let ended = sandbox.run(&["compare", args[0], args[1]]);
            let short: String = bad.chars().take(300).collect();
            assert_eq!(ended.code, 2, "{short}: {}{}", ended.out, ended.err);
            assert!(ended.err.starts_with("error: bad.json: ") && ended.err.contains(words), "{short}: {}", ended.err);
        }
    }
    let missing = sandbox.run(&["compare", "sound.json", "missing.json"]);
    assert!(missing.code == 2 && missing.err.contains("cannot read missing.json"), "{}", missing.err);
    let alone = sandbox.run(&["compare", "sound.json"]);
    assert!(alone.code == 2 && alone.err.contains("sound.json has one arm only"), "{}", alone.err);
    assert_eq!(sandbox.run(&["compare", "."]).code, 2);
}
