//! Reports: valid, stable, reproducible.

use serde_json::json;

use super::report_fixture::{Builder, CLASS, metric, round};
use super::{CliSandbox, closed_port, listener, read, tcp_suite};

fn sample() -> (CliSandbox, std::net::TcpListener, socket2::Socket) {
    let (keep, address) = listener();
    let (held, closed) = closed_port();
    let suite = format!(
        "version: 1\nsuite: edge\nchecks:\n\
         \x20 - id: up\n    tags: [smoke]\n    matrix: {{ip_version: [ipv4, any]}}\n    tcp: {{host: 127.0.0.1, port: {}, ip_version: \"${{matrix.ip_version}}\"}}\n    rounds: 3\n\
         \x20 - id: down\n    tcp: {{host: 127.0.0.1, port: {closed}}}\n\
         \x20 - id: blocked\n    tcp: {{host: 127.0.0.1, port: {closed}, source: 192.0.2.1}}\n\
         \x20 - id: after\n    needs: [down]\n    tcp: {{host: 127.0.0.1, port: {closed}}}\n",
        address.port()
    );
    (CliSandbox::new(&suite), keep, held)
}

#[test]
fn the_json_report_follows_its_schema_and_counts_rounds() {
    let (sandbox, _a, _b) = sample();
    let ended = sandbox.run(&["run", "suite.yaml", "--json", "r.json", "--label", "release=1.4"]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    let report = sandbox.json("r.json");
    let schema = serde_json::from_str(&sandbox.run(&["schema", "report"]).out).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(report["schema"], "shakedown.report/1");
    assert_eq!(report["run"]["labels"]["release"], "1.4");
    assert_eq!(report["design"]["rounds"], 3);
    let ids: Vec<&str> = report["checks"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["up[ip_version=ipv4]", "up[ip_version=any]", "down", "blocked", "after"]);
    let summary = &report["summary"];
    let counts: Vec<u64> =
        ["total", "passed", "failed", "errored", "skipped"].iter().map(|k| summary[k].as_u64().unwrap()).collect();
    assert_eq!(counts, [5, 2, 1, 1, 1]);
    let metric = &report["checks"][0]["metrics"]["connect_time"];
    let rounds = metric["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 4, "one warm-up round and three that count");
    assert_eq!(rounds[0]["discarded"], "warm_up");
    assert_eq!(report["checks"][0]["facts"]["connect_time"]["count"], 3, "the warm-up does not count");
    assert!(metric["histogram"].as_str().unwrap().starts_with("HISTF"), "{metric}");
}

/// Also of a check that passed: what was expected of it is what the report proves.
#[test]
fn every_report_shows_each_expectation_with_its_origin() {
    let (_keep, address) = listener();
    let sandbox = CliSandbox::new(&tcp_suite(address.port(), "    expect: {connect_time.p95: {lt: 50s}}\n"));
    let files = ["--json", "r.json", "--junit", "r.xml", "--events", "r.jsonl"];
    let ended = sandbox.run(&[&["run", "suite.yaml", "-v"][..], &files].concat());
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let (own, default) =
        ("connect_time.p95: less than 50s, saw ", "outcome: connected, saw connected (default of tcp)");
    let held = |text: &str| ended.out.lines().any(|line| line.trim_start().starts_with(&format!("held  {text}")));
    assert!(held(own) && held(default), "{}", ended.out);
    assert!(ended.out.contains(" (suite.yaml:"), "{}", ended.out);
    assert!(!sandbox.run(&["run", "suite.yaml"]).out.contains("held"));
    assert!(sandbox.run(&["report", "r.json", "-v"]).out.contains(default));

    let check = &sandbox.json("r.json")["checks"][0];
    let origin = |fact: &str| {
        let of = |all: &serde_json::Value| {
            let one = all.as_array().unwrap().iter().find(|one| one["fact"] == fact).unwrap();
            (one["origin"].as_str().unwrap().to_owned(), one["at"]["line"].as_u64())
        };
        let events = read(&sandbox.path("r.jsonl"));
        let mut finished = events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let finished = finished.find_map(|event| event.pointer("/record/expectations").map(of)).unwrap();
        let report = of(&check["expectations"]);
        assert_eq!(report, finished);
        report
    };
    assert_eq!(origin("outcome"), ("default".to_owned(), None));
    let (word, line) = origin("connect_time.p95");
    assert!(word == "suite" && line.is_some(), "{word} {line:?}");

    let expects = "outcome eq connected (default of tcp)";
    let strict = read(&sandbox.path("r.xml"));
    assert!(strict.contains(&format!("value=\"{expects}; connect_time.p95 lt 50s (suite.yaml:")), "{strict}");
    sandbox.run(&["report", "r.json", "--junit", "rich.xml", "--junit-dialect", "rich"]);
    let rich = read(&sandbox.path("rich.xml"));
    assert!(rich.contains(&format!("<property name=\"expects\" value=\"{expects}\"")), "{rich}");
}

#[test]
fn a_report_is_rendered_again_byte_for_byte() {
    let (sandbox, _a, _b) = sample();
    let ended = sandbox.run(&["run", "suite.yaml", "--json", "r.json", "--junit", "r.xml"]);
    let again = sandbox.run(&["report", "r.json", "--junit", "again.xml", "--json", "again.json"]);
    assert_eq!(again.code, ended.code, "{}", again.err);
    assert_eq!(read(&sandbox.path("r.xml")), read(&sandbox.path("again.xml")));
    assert_eq!(read(&sandbox.path("r.json")), read(&sandbox.path("again.json")));
    let shown = sandbox.run(&["report", "r.json"]);
    assert!(shown.out.contains("edge  2 passed  1 FAILED  1 not measured  1 skipped"), "{}", shown.out);
    sandbox.write("broken.json", "{\"schema\": \"shakedown.report/9\"}");
    let broken = sandbox.run(&["report", "broken.json"]);
    assert_eq!(broken.code, 2);
    assert!(broken.err.contains("schema is shakedown.report/9"), "{}", broken.err);
}

fn normalized(text: &str) -> String {
    let rules = [
        (r"[0-9a-f]{10,}-[0-9a-f]+", "[run]"),
        (r#"hostname="[^"]*""#, r#"hostname="[host]""#),
        (r#"timestamp="[0-9T:-]+""#, r#"timestamp="[time]""#),
        (r#"timestamp="[0-9T:-]+Z""#, r#"timestamp="[time]Z""#),
        (r#"time="[0-9.]+""#, r#"time="[s]""#),
        (r#"value="[0-9.e-]+ s""#, r#"value="[n] s""#),
        (r"127\.0\.0\.1:[0-9]+", "127.0.0.1:[port]"),
        (r"sport = :[0-9]+", "sport = :[port]"),
    ];
    rules.iter().fold(text.to_owned(), |text, (pattern, with)| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
    })
}

#[test]
fn junit_strict_is_golden() {
    let (sandbox, _a, _b) = sample();
    sandbox.run(&["run", "suite.yaml", "--junit", "r.xml"]);
    insta::assert_snapshot!("junit_strict", normalized(&read(&sandbox.path("r.xml"))));
}

#[test]
fn junit_rich_is_golden() {
    let (sandbox, _a, _b) = sample();
    sandbox.run(&["run", "suite.yaml", "--junit", "r.xml", "--junit-dialect", "rich"]);
    insta::assert_snapshot!("junit_rich", normalized(&read(&sandbox.path("r.xml"))));
}

#[test]
fn events_are_json_lines_in_order() {
    let (sandbox, _a, _b) = sample();
    let ended = sandbox.run(&["run", "suite.yaml", "--events", "-"]);
    assert!(ended.err.contains("2 passed  1 FAILED"), "text for people moves to stderr: {}", ended.err);
    let events: Vec<serde_json::Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.first().unwrap()["event"], "run_started");
    assert_eq!(events.last().unwrap()["event"], "run_finished");
    let finished = events.iter().filter(|event| event["event"] == "check_finished").count();
    assert_eq!(finished, 5);
    let schema = serde_json::from_str(&sandbox.run(&["schema", "events"]).out).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for event in &events {
        let errors: Vec<String> = validator.iter_errors(event).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?} in {event}");
    }
}

#[test]
fn only_one_report_goes_to_stdout() {
    let sandbox = CliSandbox::new(&tcp_suite(1, ""));
    let ended = sandbox.run(&["run", "suite.yaml", "--json", "-", "--junit", "-"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("only one of"), "{}", ended.err);
}

#[test]
fn a_baseline_is_saved_only_when_all_held() {
    let (sandbox, _a, _b) = sample();
    let ended = sandbox.run(&["run", "suite.yaml", "--save-baseline", "b"]);
    assert!(ended.err.contains("no baseline saved"), "{}", ended.err);
    assert!(!sandbox.path("b").exists());
    let args = ["run", "suite.yaml", "--only", "up", "--json", "r.json", "--save-baseline", "b"];
    assert_eq!(sandbox.run(&args).code, 0);
    assert_eq!(sandbox.run(&args).code, 0);
    let class = sandbox.json("r.json")["host"]["class"].as_str().unwrap().to_owned();
    let file = format!("b/edge/{class}.json");
    let baseline = sandbox.json(&file);
    assert_eq!(baseline["schema"], "shakedown.baseline/1");
    assert_eq!(baseline["runs"].as_array().unwrap().len(), 2);
    let text = read(&sandbox.path(&file));
    let rows = text.lines().filter(|line| line.contains("connect_time\": {")).count();
    assert_eq!(rows, 4, "one metric per line");
    sandbox.write(&file, "{\"schema\": \"shakedown.baseline/2\"}");
    let ended = sandbox.run(&args);
    assert_eq!(ended.code, 3, "a newer file is an error, never overwritten");
    assert!(ended.err.contains("shakedown.baseline/2"), "{}", ended.err);
    assert!(read(&sandbox.path(&file)).contains("shakedown.baseline/2"));
}

#[test]
fn a_metric_in_junit_is_the_typical_value_of_the_run() {
    let sandbox = CliSandbox::new("");
    let rounds = [
        round(0, 0.01, &json!({"arm": "head"})),
        round(1, 7.0, &json!({"arm": "head", "discarded": "warm_up"})),
        round(2, 0.04, &json!({"arm": "head"})),
        round(3, 9.0, &json!({"arm": "base"})),
        round(4, 5.0, &json!({"arm": "head", "confirm": true})),
    ];
    let metrics = json!({"some": metric("ratio", 0.01, &rounds), "none": metric("ratio", 0.01, &rounds[1..2])});
    sandbox.write("r.json", &Builder::new(1, CLASS).check("edge", "a", "d", metrics).text());
    let ended = sandbox.run(&["report", "r.json", "--junit", "r.xml"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let xml = read(&sandbox.path("r.xml"));
    let pattern = regex::Regex::new("name=\"metric.a.(some|none)\" value=\"([0-9.]+) s\"").unwrap();
    let values: Vec<(String, f64)> =
        pattern.captures_iter(&xml).map(|found| (found[1].to_owned(), found[2].parse().unwrap())).collect();
    assert_eq!(values.len(), 1, "{xml}");
    assert!(values[0].0 == "some" && (values[0].1 / 0.02 - 1.0).abs() < 1e-12, "{values:?}");
}

#[test]
fn a_gate_that_compared_nothing_is_no_green_junit() {
    let sandbox = CliSandbox::new("");
    let open = json!({"rtt": {"verdict": "not_compared", "compared_by": "ratio", "unit": "s", "ratio": null, "difference": null,
        "ci": null, "p": null, "mde": null, "tolerance": 0.05, "method": "prediction-interval/1", "against": "nothing",
        "base": null, "head": null, "counts": [0, 1], "reason": "no baseline was found in b"}});
    let mut report = Builder::new(1, CLASS);
    for id in ["open", "bare", "warns", "failed", "skipped"] {
        report = report.check("edge", id, "d", json!({}));
    }
    let checks = &mut report.0["checks"];
    checks[0]["comparison"].clone_from(&open);
    checks[2]["severity"] = "warn".into();
    (checks[3]["verdict"], checks[3]["reason"]) = ("failed".into(), "it broke".into());
    checks[4]["verdict"] = "skipped".into();
    let junit = |report: &Builder, dialect: &str| {
        sandbox.write("r.json", &report.text());
        sandbox.run(&["report", "r.json", "--junit", "r.xml", "--junit-dialect", dialect]);
        read(&sandbox.path("r.xml"))
    };
    let counts = |xml: &str| ["<error ", "<failure ", "<skipped ", "<testcase "].map(|tag| xml.matches(tag).count());
    // It was not to compare anything.
    assert_eq!(counts(&junit(&report, "strict")), [0, 1, 1, 5]);
    report.0["design"]["baseline"] = "b".into();
    for dialect in ["strict", "rich"] {
        let xml = junit(&report, dialect);
        assert_eq!(counts(&xml), [2, 1, 1, 5], "{xml}");
        assert!(xml.contains("tests=\"5\" failures=\"1\" errors=\"2\" skipped=\"1\""), "{xml}");
        assert_eq!(xml.matches("type=\"comparison.missing\"").count(), 2, "{xml}");
        for words in ["rtt: no baseline was found in b", "the check has no metric to compare"] {
            assert!(xml.contains(words), "{words}: {xml}");
        }
    }
    // One number compared, and it is a gate again.
    let mut compared = open;
    compared["rtt"]["verdict"] = "inconclusive".into();
    report.0["checks"][2]["comparison"] = compared;
    assert_eq!(counts(&junit(&report, "strict")), [0, 1, 1, 5]);
}

/// A warning fails no pipeline, and is found all the same: in the properties, and with all that a failure would tell.
#[test]
fn warnings_are_visible_in_strict_junit() {
    let (_held, closed) = closed_port();
    let sandbox = CliSandbox::new(&tcp_suite(closed, "    severity: warn\n"));
    let ended = sandbox.run(&["run", "suite.yaml", "--junit", "r.xml"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let xml = read(&sandbox.path("r.xml"));
    for part in [
        "failures=\"0\"",
        "<property name=\"shakedown.warnings\" value=\"1\"/>",
        "<property name=\"warned.a\" value=\"connection refused by 127.0.0.1:",
        "WARN a: connection refused by 127.0.0.1:",
        "\n  target: tcp 127.0.0.1:",
        "\n  next: ",
    ] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
    // A regression that only warns.
    let worse = json!({"rtt": {"verdict": "regressed", "compared_by": "ratio", "unit": "s", "ratio": 1.5, "difference": null,
        "ci": [1.4, 1.6], "p": 0.001, "mde": 0.05, "tolerance": 0.05, "method": "prediction-interval/1", "against": "baseline",
        "base": 0.01, "head": 0.015, "counts": [8, 1], "reason": null}});
    let mut report = Builder::new(1, CLASS).check("edge", "slow", "d", json!({})).check("edge", "well", "d", json!({}));
    report.0["design"]["baseline"] = "b".into();
    report.0["checks"][0]["severity"] = "warn".into();
    report.0["checks"][0]["comparison"] = worse;
    sandbox.write("r.json", &report.text());
    sandbox.run(&["report", "r.json", "--junit", "r.xml"]);
    let xml = read(&sandbox.path("r.xml"));
    let property = xml.lines().find(|line| line.contains("name=\"warned.slow\"")).unwrap_or_else(|| panic!("{xml}"));
    assert!(property.contains("rtt") && xml.contains("WARN slow: ") && !xml.contains("warned.well"), "{xml}");
    assert!(xml.contains("failures=\"0\""), "{xml}");
    // In the other dialect it belongs to the case.
    sandbox.run(&["report", "r.json", "--junit", "r.xml", "--junit-dialect", "rich"]);
    assert!(read(&sandbox.path("r.xml")).contains("<property name=\"warned\" value="));
}

/// A report of which the first check passed and the third failed, both with what a stream saw.
fn watched() -> (CliSandbox, std::net::TcpListener, socket2::Socket) {
    let (sandbox, keep, held) = sample();
    sandbox.run(&["run", "suite.yaml", "--json", "r.json"]);
    let run =
        |at: f64, until: f64, outcome: &str| json!({"at_s": at, "until_s": until, "probes": 100, "outcome": outcome});
    let timeline = json!({
        "started": "2026-01-02T03:04:05Z", "end_s": 6.0, "marks": [{"at_s": 2.0, "what": "inject"}],
        "streams": {"probe": {"interval_s": 0.01, "runs": [
            run(0.0, 1.99, "answered"), run(2.0, 3.99, "lost"), run(4.0, 6.0, "answered"),
        ]}},
    });
    let mut report = sandbox.json("r.json");
    for at in [0, 2] {
        report["checks"][at]["timeline"] = timeline.clone();
    }
    sandbox.write("r.json", &report.to_string());
    (sandbox, keep, held)
}

#[test]
fn what_a_stream_saw_is_one_line_where_a_check_did_not_pass_and_with_v_where_it_did() {
    let (sandbox, _a, _b) = watched();
    let shown = |args: &[&str], locale: &str, columns: &str| {
        let mut command = sandbox.command(&[&["report", "r.json"], args].concat());
        command.env_remove("LC_ALL").env_remove("LC_CTYPE").env("LANG", locale);
        if !columns.is_empty() {
            command.env("COLUMNS", columns);
        }
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let strip = "\n  time                       |inject\n         ____________________####################____________________\n";
    let plain = shown(&[], "C", "");
    assert!(plain.contains(strip) && plain.matches("|inject").count() == 1, "{plain}");
    assert!(plain.contains("\n         6 s, 100 ms a column   _ answered   # failed\n"), "{plain}");
    let verbose = shown(&["-v"], "C.UTF-8", "77");
    assert_eq!(verbose.matches("|inject").count(), 2, "{verbose}");
    let of_passed = format!("\n{}{}{}{}\n", " ".repeat(17), "▁".repeat(20), "█".repeat(20), "▁".repeat(20));
    assert!(verbose.contains(&of_passed), "{verbose}");
    assert!(verbose.contains(&format!("\n{:>15}  {}|inject\n", "time", " ".repeat(20))), "{verbose}");
}

#[test]
fn what_streams_saw_is_drawn_by_run_and_again_from_the_report() {
    let (sandbox, _a, _b) = watched();
    let ended = sandbox.run(&["report", "r.json", "--timeline", "t.svg"]);
    assert!(ended.code == 1 && ended.out.is_empty() && ended.err.is_empty(), "{}{}", ended.out, ended.err);
    let picture = read(&sandbox.path("t.svg"));
    for words in ["<title>up[ip_version=ipv4]: 127.0.0.1:", ", passed</title>", "<title>down: ", ", failed</title>"] {
        assert!(picture.contains(words), "{words}: {picture}");
    }
    assert_eq!(sandbox.run(&["report", "r.json", "--timeline", "-"]).out, picture);
    let none = sandbox.run(&["run", "suite.yaml", "--timeline", "t.svg"]);
    assert!(none.code == 1 && none.out.contains("FAIL"), "{}", none.out);
    assert!(read(&sandbox.path("t.svg")).contains("no check of this run watched anything over time"));
    let both = sandbox.run(&["run", "suite.yaml", "--timeline", "-", "--json", "-"]);
    assert!(both.code == 2 && both.err.contains("--timeline"), "{}", both.err);
}
