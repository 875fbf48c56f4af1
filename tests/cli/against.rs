//! `run --against`: what the verdicts on two targets are, and what reports say of them.

use serde_json::Value;

use super::peer::{Peer, suite};
use super::{CliSandbox, Ended, closed_port, read};

/// Enough that a pause of the scheduler is not the median of a round.
const SAMPLES: &str = "    samples: 3\n";
/// Milliseconds of two peers; far apart, as a loaded machine adds its own to both.
const FAST: u64 = 10;
const SLOW: u64 = 40;
const REPORTS: [&str; 4] = ["--json", "r.json", "--junit", "r.xml"];

fn against(sandbox: &CliSandbox, port: u16, more: &[&str]) -> Ended {
    let head = format!("port={port}");
    sandbox.run(&[&["run", "suite.yaml", "--against", &head], &REPORTS[..], more].concat())
}

fn check(sandbox: &CliSandbox) -> Value {
    sandbox.json("r.json")["checks"][0].clone()
}

/// Failures that the JUnit report counts, and those that are in it, by type.
fn failures(xml: &str) -> (Vec<u32>, Vec<String>) {
    let all = |pattern: &str| -> Vec<String> {
        let pattern = regex::Regex::new(pattern).unwrap();
        pattern.captures_iter(xml).map(|found| found[1].to_owned()).collect()
    };
    let counted = all(r#"<testsuite [^>]*failures="([0-9]+)""#).iter().map(|count| count.parse().unwrap()).collect();
    (counted, all(r#"<failure [^>]*type="([^"]*)""#))
}

#[test]
fn a_slower_target_is_regressed() {
    let (base, head) = (Peer::slow(FAST), Peer::slow(SLOW));
    let sandbox = CliSandbox::new(&suite(base.port, SAMPLES));
    let ended = against(&sandbox, head.port, &["--seed", "1"]);
    assert_eq!(ended.code, 4, "{}{}", ended.out, ended.err);
    let report = sandbox.json("r.json");
    let schema = serde_json::from_str(&sandbox.run(&["schema", "report"]).out).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&report), "{report}");
    assert_eq!((&report["summary"]["regressed"], &report["summary"]["passed"]), (&1.into(), &1.into()));
    assert_eq!(report["design"]["kind"], "interleaved");
    assert_eq!(report["design"]["against"], serde_json::json!({"port": head.port.to_string()}));
    assert_eq!((&report["design"]["rounds"], &report["design"]["seed"]), (&10.into(), &1.into()));
    let one = &report["checks"][0]["comparison"]["response_time"];
    let number = |name: &str| one[name].as_f64().unwrap_or_else(|| panic!("{name} of {one}"));
    let ci: Vec<f64> = one["ci"].as_array().unwrap().iter().map(|end| end.as_f64().unwrap()).collect();
    assert_eq!(ci.len(), 2);
    let ratio = number("ratio");
    assert!(1.0 < ci[0] && ci[0] < ratio && ratio < ci[1] && (1.5..8.0).contains(&ratio), "{one}");
    assert!(number("p") < 0.05 && number("mde") > 0.0 && number("base") > 0.010 && number("head") > 0.040, "{one}");
    assert_eq!(one["tolerance"], 0.05);
    assert_eq!((&one["verdict"], &one["method"]), (&"regressed".into(), &"interleaved-least-squares/1".into()));
    assert_eq!((&one["counts"], &one["unit"]), (&serde_json::json!([10, 10]), &"s".into()));
    let confirmation = &one["confirmation"];
    assert_eq!((&confirmation["stands"], &confirmation["alpha"]), (&true.into(), &0.05.into()), "{one}");
    assert!(confirmation["p"].as_f64().unwrap() <= 0.05, "{one}");
    for words in [
        "REGRESSED     s/a  response_time",
        "confirmed by fresh rounds",
        "next: on 127.0.0.1, the service or the path is slow",
        "0 passed  1 REGRESSED",
    ] {
        assert!(ended.out.contains(words), "`{words}` is not in\n{}", ended.out);
    }
    // Both arms of every pair, in rounds that confirm as well, of all samples.
    assert_eq!((base.asked(), head.asked()), (63, 63), "1 + 10 + 10 rounds of 3");
}

#[test]
fn rounds_say_arm_place_and_purpose() {
    let (base, head) = (Peer::slow(FAST), Peer::slow(SLOW));
    let sandbox = CliSandbox::new(&suite(base.port, SAMPLES));
    assert_eq!(against(&sandbox, head.port, &["--seed", "1"]).code, 4);
    let check = check(&sandbox);
    let rounds = check["metrics"]["response_time"]["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 42);
    for (at, round) in rounds.iter().enumerate() {
        assert_eq!(round["slot"], at, "{round}");
        assert_eq!(round["count"], 3, "{round}");
        assert_eq!(round["discarded"], if at < 2 { Value::from("warm_up") } else { Value::Null });
        assert_eq!(round["confirm"] == true, at >= 22, "{round}");
        let slow = round["p50"].as_f64().unwrap() > 0.040;
        assert!(slow || round["arm"] == "base", "what arm head measured came from head: {round}");
    }
    // The facts are those of the new target alone.
    assert_eq!(check["target"], format!("127.0.0.1:{}", head.port));
    assert!(check["facts"]["response_time"]["min"].as_f64().unwrap() >= 0.040, "{check}");
    assert_eq!(check["base"]["target"], format!("127.0.0.1:{}", base.port));
    assert_eq!(check["base"]["verdict"], "passed");
    assert!(check["base"]["facts"]["response_time"]["min"].as_f64().unwrap() < 0.040, "{check}");
}

#[test]
fn junit_fails_with_the_type_that_pipelines_know() {
    let (base, head) = (Peer::slow(FAST), Peer::slow(SLOW));
    let sandbox = CliSandbox::new(&suite(base.port, SAMPLES));
    assert_eq!(against(&sandbox, head.port, &[]).code, 4);
    let strict = read(&sandbox.path("r.xml"));
    assert_eq!(failures(&strict), (vec![1], vec!["performance.regressed".to_owned()]), "{strict}");
    for words in ["response_time regressed: ", "tolerance 5.0%", "(MDE)", "confirmed by fresh rounds"] {
        assert!(strict.contains(words), "{words}: {strict}");
    }
    // What both schemas of the strict dialect know, and nothing else.
    let tags = regex::Regex::new("<([a-z][A-Za-z]*)").unwrap();
    let known =
        ["testsuites", "testsuite", "properties", "property", "testcase", "failure", "system-out", "system-err"];
    for tag in tags.captures_iter(&strict).map(|found| found[1].to_owned()) {
        assert!(known.iter().any(|name| name.split('-').next() == Some(&tag)), "{tag}: {strict}");
    }
    let case = strict.find("<testcase").unwrap();
    assert!(!strict[case..].contains("<property"), "no properties of a case: {strict}");
    // Both dialects and the exit code again, from the stored report.
    let again =
        sandbox.run(&["report", "r.json", "--junit", "rich.xml", "--junit-dialect", "rich", "--json", "again.json"]);
    assert_eq!(again.code, 4, "{}", again.err);
    assert_eq!(read(&sandbox.path("r.json")), read(&sandbox.path("again.json")));
    assert_eq!(failures(&read(&sandbox.path("rich.xml"))), failures(&strict));
}

#[test]
fn a_target_like_the_other_is_not_regressed() {
    // The tolerance keeps even a rare alarm from standing: what is tested is that arms are not mixed up, not the size of the test.
    let rest = format!("{SAMPLES}    baseline: {{response_time: {{tolerance: 900%}}}}\n");
    let (base, head) = (Peer::slow(20), Peer::slow(20));
    let sandbox = CliSandbox::new(&suite(base.port, &rest));
    for seed in ["1", "2"] {
        let ended = against(&sandbox, head.port, &["--seed", seed]);
        let one = &check(&sandbox)["comparison"]["response_time"];
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
        assert_eq!(one["tolerance"], 9.0);
        assert!(["unchanged", "inconclusive"].contains(&one["verdict"].as_str().unwrap()), "{one}");
        let ratio = one["ratio"].as_f64().unwrap();
        assert!((0.1..10.0).contains(&ratio), "{one}");
        assert!(one["confirmation"].is_null(), "nothing to confirm: {one}");
    }
    assert_eq!((base.asked(), head.asked()), (66, 66), "no further rounds without an alarm");
}

#[test]
fn a_faster_target_is_improved() {
    let (base, head) = (Peer::slow(SLOW), Peer::slow(FAST));
    let sandbox = CliSandbox::new(&suite(base.port, SAMPLES));
    let ended = against(&sandbox, head.port, &["--strict"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let one = &check(&sandbox)["comparison"]["response_time"];
    assert_eq!(one["verdict"], "improved");
    assert!(one["ratio"].as_f64().unwrap() < 0.8 && one["ci"][1].as_f64().unwrap() < 1.0, "{one}");
    assert!(ended.out.contains("IMPROVED      s/a  response_time  "), "{}", ended.out);
    assert_eq!(failures(&read(&sandbox.path("r.xml"))), (vec![0], vec![]));
}

#[test]
fn a_regression_that_only_warns_is_reported() {
    let (base, head) = (Peer::slow(FAST), Peer::slow(SLOW));
    let sandbox = CliSandbox::new(&suite(base.port, &format!("{SAMPLES}    severity: warn\n")));
    let ended = against(&sandbox, head.port, &["--strict", "--save-baseline", "kept"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("1 regressed (warning only)"), "{}", ended.out);
    assert!(
        ended.out.contains("no baseline saved: a metric regressed") && !sandbox.path("kept").exists(),
        "{}",
        ended.out
    );
    assert_eq!(check(&sandbox)["comparison"]["response_time"]["verdict"], "regressed");
    assert_eq!(sandbox.json("r.json")["summary"]["regressed"], 0);
    assert!(ended.out.contains("WARN ") && ended.out.contains("WARNING       s/a  response_time  "), "{}", ended.out);
    let xml = read(&sandbox.path("r.xml"));
    assert_eq!(failures(&xml), (vec![0], vec![]), "{xml}");
    assert!(xml.contains("response_time regressed"), "{xml}");
}

#[test]
fn a_dead_target_fails_and_a_dead_reference_compares_nothing() {
    let (_held, closed) = closed_port();
    let alive = Peer::slow(1);
    let sandbox = CliSandbox::new(&suite(alive.port, ""));
    let ended = against(&sandbox, closed, &[]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    let record = check(&sandbox);
    assert_eq!((&record["verdict"], &record["base"]["verdict"]), (&"failed".into(), &"passed".into()));
    let one = &record["comparison"]["response_time"];
    assert_eq!((&one["verdict"], &one["ratio"]), (&"not_compared".into(), &Value::Null));
    assert!(one["reason"].as_str().unwrap().contains("the check did not hold"), "{one}");
    assert!(ended.out.contains("cause  nothing listens on UDP"), "{}", ended.out);
    assert_eq!(failures(&read(&sandbox.path("r.xml"))), (vec![1], vec!["assertion".to_owned()]));

    let sandbox = CliSandbox::new(&suite(closed, ""));
    let ended = against(&sandbox, alive.port, &[]);
    assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
    let record = check(&sandbox);
    assert_eq!((&record["verdict"], &record["base"]["verdict"]), (&"passed".into(), &"failed".into()));
    let one = &record["comparison"]["response_time"];
    assert!(one["reason"].as_str().unwrap().contains("the old target did not hold"), "{one}");
    let xml = read(&sandbox.path("r.xml"));
    assert!(xml.contains("type=\"comparison.missing\""), "a gate that compared nothing is not green: {xml}");
    assert_eq!(sandbox.run(&["compare", "r.json"]).code, 3, "nor is its report, looked at again");
    for words in ["base   the old target", "no metric was compared", "the old target did not hold"] {
        assert!(ended.out.contains(words), "`{words}` is not in\n{}", ended.out);
    }
}

#[test]
fn two_dead_targets_are_not_the_same() {
    let (_held, closed) = closed_port();
    let sandbox = CliSandbox::new(&suite(closed, ""));
    assert_eq!(against(&sandbox, closed, &[]).code, 1);
    let again = sandbox.run(&["compare", "r.json"]);
    assert!(again.code == 3 && again.out.contains("no metric was compared"), "{}{}", again.out, again.err);
}

#[test]
fn what_is_expected_is_expected_of_head_in_every_sample() {
    // One wrong answer in forty, in the rounds of the new target.
    let fickle =
        |wrong: u64| Peer::new(move |n| Some((std::time::Duration::ZERO, if n == wrong { "no" } else { "ok" })));
    let rest = "    samples: 4\n    expect: {response: ok}\n    baseline: {response_time: {tolerance: 1000000%}}\n";
    let pairs = [(Peer::slow(0), fickle(23), 1), (fickle(23), Peer::slow(0), 3), (fickle(999), fickle(0), 0)];
    for (at, (base, head, code)) in pairs.into_iter().enumerate() {
        let sandbox = CliSandbox::new(&suite(base.port, rest));
        let ended = against(&sandbox, head.port, &[]);
        // A warm-up round (requests 0 to 3) proves nothing, and a reference that errs is told: its numbers are none.
        assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
        let record = check(&sandbox);
        assert_eq!(record["verdict"], if code == 1 { "failed" } else { "passed" });
        assert_eq!(record["base"]["verdict"], if at == 1 { "failed" } else { "passed" });
        if code == 1 {
            assert!(ended.out.contains("response: expected ok, saw no"), "{}", ended.out);
            assert!(ended.out.contains("of 40"), "{}", ended.out);
        }
    }
}
