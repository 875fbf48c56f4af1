//! The exports of `history`, read by the tools they are for: Apache Otava, the parser of `prometheus_client`, and `jq`.

use std::process::Command;

use serde_json::{Value, json};
use shakedown::stats::splitmix::SplitMix;

use super::peer::{JQ, OTAVA, PROMETHEUS, installed};
use super::reports::{Builder, CLASS, metric, round};
use super::sandbox::CliSandbox;
use super::{PATIENCE, printed, within};

/// The run, from 0, with which `slow` becomes 15 % slower.
const CHANGED: u32 = 22;

/// Thirty-five reports; names and labels are awkward on purpose.
fn folder() -> CliSandbox {
    let sandbox = CliSandbox::new();
    std::fs::create_dir(sandbox.path("runs")).unwrap();
    let mut random = SplitMix::new(5);
    for number in 0..35 {
        let mut latency = |level: f64| {
            let p50 = 0.010 * level * (0.02 * random.normal()).exp();
            let rounds: Vec<Value> = (0..3).map(|slot| round(slot, p50, &json!({}))).collect();
            json!({"connect_time": metric("ratio", 0.05, &rounds)})
        };
        let mut report = Builder::new(number, CLASS)
            .check("edge", "slow", "d", latency(if number < CHANGED { 1.0 } else { 1.15 }))
            .check("edge", "flat[a=1, b=\"x\\y\"]", "d", latency(1.0))
            .check("edge", "gap", "d", if number % 2 == 0 { latency(1.0) } else { json!({}) });
        report.0["run"]["labels"] = json!({"branch": "release, \"two\"", "release": "1.4"});
        sandbox.write(&format!("runs/{number}.json"), &report.text());
    }
    sandbox
}

/// The output of a program; it must end in time and succeed.
fn bounded(command: &mut Command, sandbox: &CliSandbox) -> String {
    let file = |name: &str| std::fs::File::create(sandbox.path(name)).unwrap();
    let mut child = command.stdout(file("out.txt")).stderr(file("err.txt")).spawn().unwrap();
    let ended = within(PATIENCE, || child.try_wait().unwrap());
    let read = |name: &str| std::fs::read_to_string(sandbox.path(name)).unwrap();
    let Some(status) = ended else {
        let _ = child.kill();
        let _ = child.wait();
        panic!("{command:?} does not end: {}", read("err.txt"));
    };
    let (out, err) = (read("out.txt"), read("err.txt"));
    // Otava says what it could not read, and succeeds.
    assert!(status.success() && !err.contains("ERROR") && !err.contains("WARN"), "{command:?}: {status}\n{out}{err}");
    out
}

#[test]
fn otava_finds_the_planted_change_and_no_other() {
    if !installed(&[OTAVA]) {
        return;
    }
    let sandbox = folder();
    printed(&mut sandbox.shakedown(&["history", "runs", "--otava", "otava"]));
    let analyze = |test: &str| {
        let mut command = OTAVA.command();
        command.args(["analyze", test, "--output", "json"]).current_dir(sandbox.path("otava"));
        command.env("OTAVA_CONFIG", "otava.yaml").env("OTAVA_CONFIG_FILE", "otava.yaml");
        serde_json::from_str::<Value>(&bounded(&mut command, &sandbox)).unwrap()
    };
    let slow = analyze("edge.slow.connect_time");
    let changes = slow["edge.slow.connect_time"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{slow}");
    assert_eq!(changes[0]["attributes"]["commit"], format!("run-{CHANGED:03}"), "{slow}");
    assert_eq!(changes[0]["attributes"]["branch"], "release, \"two\"");
    assert_eq!(changes[0]["changes"][0]["metric"], "connect_time");

    let others: Vec<String> = std::fs::read_dir(sandbox.path("otava"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".csv").map(str::to_owned))
        .filter(|name| name != "edge.slow.connect_time")
        .collect();
    assert_eq!(others.len(), 2, "{others:?}");
    for name in others {
        let found = analyze(&name);
        assert_eq!(found[&name], json!([]), "{found}");
    }
    // Otava itself reads no more than what is there: a test it does not know is an error it tells.
    let mut command = OTAVA.command();
    command.arg("list-tests").current_dir(sandbox.path("otava")).env("OTAVA_CONFIG", "otava.yaml");
    assert_eq!(bounded(&mut command, &sandbox).lines().count(), 3);
}

#[test]
fn prometheus_reads_our_openmetrics() {
    if !installed(&[PROMETHEUS]) {
        return;
    }
    let sandbox = folder();
    printed(&mut sandbox.shakedown(&["history", "runs", "--openmetrics", "metrics.txt", "--json", "history.json"]));
    let script = "
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
families = list(parse(open(sys.argv[1]).read()))
print(json.dumps([[f.name, f.type, f.unit, [[s.name, s.labels, s.value, s.timestamp] for s in f.samples]] for f in families]))
";
    let read = |name: &str| bounded(PROMETHEUS.command().arg("-c").arg(script).arg(sandbox.path(name)), &sandbox);
    let families: Value = serde_json::from_str(&read("metrics.txt")).unwrap();
    let named = |name: &str| {
        let all = families.as_array().unwrap();
        all.iter().find(|family| family[0] == name).unwrap_or_else(|| panic!("no {name}: {families}"))
    };
    let times = named("shakedown_connect_time_seconds");
    assert_eq!((times[1].as_str(), times[2].as_str()), (Some("gauge"), Some("seconds")));
    let samples = times[3].as_array().unwrap();
    assert_eq!(samples.len(), 3);
    let awkward = samples.iter().find(|sample| sample[1]["check"] == "flat[a=1, b=\"x\\y\"]").unwrap();
    assert!(awkward[3].is_null(), "no timestamps: {awkward}");
    let history: Value = serde_json::from_str(&std::fs::read_to_string(sandbox.path("history.json")).unwrap()).unwrap();
    let series = history["series"].as_array().unwrap();
    let ours = series.iter().find(|series| series["check"] == awkward[1]["check"]).unwrap();
    assert_eq!(ours["last"], awkward[2]);
    assert_eq!(named("shakedown_check_verdict")[3].as_array().unwrap().len(), 12);
    assert!(named("shakedown_run_timestamp_seconds")[3][0][2].as_f64().unwrap() > 1.7e9);

    // The parser would notice.
    let text = std::fs::read_to_string(sandbox.path("metrics.txt")).unwrap();
    sandbox.write("cut.txt", text.trim_end_matches("# EOF\n"));
    let cut = PROMETHEUS.command().arg("-c").arg(script).arg(sandbox.path("cut.txt")).output().unwrap();
    assert!(!cut.status.success());
}

#[test]
fn the_questions_of_the_docs_have_answers() {
    if !installed(&[JQ]) {
        return;
    }
    let sandbox = folder();
    std::fs::create_dir(sandbox.path("reports")).unwrap();
    std::fs::rename(sandbox.path("runs"), sandbox.path("reports/runs")).unwrap();
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/history.md")).unwrap();
    let queries: Vec<&str> = docs.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_shakedown")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let rows: Vec<Vec<Vec<String>>> = queries
        .iter()
        .map(|query| {
            let mut command = Command::new("sh");
            let query = query.replace("web-0", "slow");
            command.args(["-ec", &query]).current_dir(sandbox.folder()).env("PATH", &path).env("LC_ALL", "C");
            let out = bounded(&mut command, &sandbox);
            out.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
        })
        .collect();
    let [over_time, releases, spread] = rows.as_slice() else { panic!("{queries:?}") };
    assert_eq!((over_time.len(), over_time[0][1].as_str()), (35, "run-000"));
    let value = |row: &[String], at: usize| row[at].parse::<f64>().unwrap();
    assert!(value(&over_time[34], 2) > 1.1 * value(&over_time[0], 2), "{over_time:?}");
    assert_eq!((releases.len(), &releases[0][..2]), (1, ["1.4".to_owned(), "35".to_owned()].as_slice()));
    let [mean, least, most] = [2, 3, 4].map(|at| value(&releases[0], at));
    assert!(least < mean && mean < most, "{releases:?}");
    assert_eq!((spread.len(), spread[0][0].as_str()), (10, "1"), "every round of a report is alike: {spread:?}");
}
