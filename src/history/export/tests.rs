use super::{EXPORTS, ExportFile, export};
use crate::history::reading::ReportFile;
use crate::history::run::{Check, Metric, Round, Run};
use crate::history::series::{Classes, Filter, select};
use crate::model::Verdict;

const FILTER: Filter = Filter { suites: vec![], checks: vec![], metrics: vec![], last: None, classes: Classes::All };

fn round(slot: u32, p50: f64) -> Round {
    Round { slot, count: 9, p50, p90: p50, p99: p50, min: p50, max: p50, mean: p50 }
}

fn metric(name: &str, unit: &str, better: &str, kind: &str, medians: &[f64]) -> Metric {
    let rounds = medians.iter().zip(0..).map(|(p50, slot)| round(slot, *p50)).collect();
    let [name, unit, better, kind] = [name, unit, better, kind].map(str::to_owned);
    Metric { name, unit, better, kind, tolerance: 0.05, rounds }
}

fn latency(medians: &[f64]) -> Metric {
    metric("connect_time", "s", "lower", "ratio", medians)
}

fn check(suite: &str, id: &str, metrics: Vec<Metric>) -> Check {
    Check { suite: suite.into(), id: id.into(), digest: Some("d".into()), verdict: Verdict::Passed, metrics }
}

fn found(day: u32, labels: &[(&str, &str)], checks: Vec<Check>) -> ReportFile {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let started = format!("2026-11-{day:02}T08:00:00.5Z");
    ReportFile {
        file: format!("{day}.json"),
        run: Run { id: format!("id{day}"), started, host_class: "h".into(), labels, checks },
    }
}

fn parts(name: &str, runs: &[ReportFile]) -> Vec<ExportFile> {
    (export(name).unwrap().render)(&select(runs, &FILTER))
}

fn text(name: &str, runs: &[ReportFile]) -> String {
    let mut parts = parts(name, runs);
    assert_eq!(parts.len(), 1);
    parts.remove(0).text
}

#[test]
fn nothing_is_exported_as_nothing_and_readable() {
    assert_eq!(text("gobench", &[]), "");
    assert_eq!(text("bencher", &[]), "{}\n");
    assert_eq!(text("openmetrics", &[]), "# EOF\n");
    assert_eq!(parts("otava", &[]), [ExportFile { name: "otava.yaml".into(), text: "tests: {}\n".into() }]);
    let empty = [found(1, &[], vec![check("s", "a", vec![])])];
    assert_eq!(text("bencher", &empty), "{}\n");
    assert!(text("openmetrics", &empty).contains("verdict=\"passed\"} 1"), "a check without metrics has a verdict");
}

#[test]
fn no_export_ever_holds_a_nan() {
    // A report cannot hold one, and a function that makes one must be caught all the same.
    let rounds = [f64::NAN, f64::INFINITY, -1.0, 0.0];
    for bad in rounds {
        let metrics = vec![latency(&[0.01, bad]), metric("loss", "1", "lower", "zeroable", &[bad, f64::NAN])];
        let runs = [found(1, &[], vec![check("s", "a", metrics)])];
        for export in EXPORTS {
            for part in (export.render)(&select(&runs, &FILTER)) {
                let low = part.text.to_lowercase();
                assert!(
                    !low.contains("nan") && !low.contains("inf") && !low.contains("null"),
                    "{}: {low}",
                    export.name
                );
            }
        }
    }
}

#[test]
fn otava_has_a_file_per_series_and_no_empty_cell() {
    let runs = [
        found(1, &[("branch", "feature, \"x\""), ("commit", " ")], vec![check("s", "a", vec![latency(&[1.0])])]),
        found(2, &[("commit", "abc\n1")], vec![check("s", "a", vec![latency(&[0.0])])]),
        found(3, &[("commit", "abc\n1\u{202e}")], vec![check("s", "a", vec![latency(&[0.02, 0.02])])]),
    ];
    let parts = parts("otava", &runs);
    assert_eq!(parts[0].name, "s.a.connect_time.csv");
    let lines: Vec<&str> = parts[0].text.lines().collect();
    assert_eq!(lines[0], "time,branch,commit,connect_time");
    assert_eq!(lines[1], "2026-11-01T08:00:00+00:00,\"feature, \"\"x\"\"\",id1,1");
    assert!(
        lines[2].starts_with("2026-11-03T08:00:00+00:00,main,abc 1\\u{202e},0.02"),
        "a run without value has no row: {lines:?}"
    );
    assert_eq!(lines.len(), 3);
    let config = &parts[1].text;
    assert!(config.contains("direction: -1") && config.contains("file: \"s.a.connect_time.csv\""), "{config}");
}

#[test]
fn otava_names_are_safe_and_unique() {
    let ids = ["../../etc/x", "a b", "a_b", "A_b", "-x", "ü", "", &"long".repeat(100)];
    let checks: Vec<Check> =
        ids.iter().map(|id| check("s", id, vec![metric("time", "s", "higher", "ratio", &[1.0])])).collect();
    let parts = parts("otava", &[found(1, &[], checks)]);
    let names: std::collections::BTreeSet<String> = parts.iter().map(|part| part.name.to_lowercase()).collect();
    assert_eq!(names.len(), ids.len() + 1, "{names:?}");
    for part in &parts {
        assert!(part.name.len() < 200 && !part.name.starts_with(['.', '-']), "{}", part.name);
        assert!(part.name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "{}", part.name);
        assert!(part.name == "otava.yaml" || part.text.starts_with("time,branch,commit,time_\n"), "{}", part.text);
    }
    assert!(parts.last().unwrap().text.contains("direction: 1"));
}

#[test]
fn gobench_has_a_line_per_round_and_tells_directions() {
    let metrics = vec![
        latency(&[0.01, 0.02]),
        metric("goodput", "bit/s", "higher", "ratio", &[8e9]),
        metric("loss", "1", "lower", "zeroable", &[0.0]),
        metric("rate-2", "/s", "higher", "ratio", &[5.0]),
        metric("left", "s", "higher", "ratio", &[3.0]),
    ];
    let labels = [("Release", "1.4\n2"), ("suite", "mine"), ("9 x", "y")];
    let runs = [
        found(1, &labels, vec![check("edge", "a b/c", metrics)]),
        found(2, &[], vec![check("9s", "a", vec![latency(&[0.01])])]),
    ];
    let text = text("gobench", &runs);
    for line in [
        "Unit loss better=lower",
        "Unit rate-2/s better=higher",
        "Unit left-s better=higher",
        "suite: edge",
        "host-class: h",
        "release: 1.4 2",
        "label-suite: mine",
        "label-9-x: y",
        "release:",
        "BenchmarkEdge/check=a%20b%2Fc/metric=connect_time 1 10000000 ns/op",
        "BenchmarkEdge/check=a%20b%2Fc/metric=connect_time 1 20000000 ns/op",
        "BenchmarkEdge/check=a%20b%2Fc/metric=goodput 1 1000000000 B/s",
        "BenchmarkEdge/check=a%20b%2Fc/metric=loss 1 0 loss",
        "BenchmarkEdge/check=a%20b%2Fc/metric=rate%2D2 1 5 rate-2/s",
        "BenchmarkX9s/check=a/metric=connect_time 1 10000000 ns/op",
    ] {
        assert!(text.lines().any(|known| known == line), "no `{line}` in\n{text}");
    }
}

#[test]
fn a_go_unit_has_one_direction() {
    let both = vec![
        check("s", "a", vec![metric("open", "1", "lower", "zeroable", &[1.0])]),
        check("s", "b", vec![metric("open", "1", "higher", "zeroable", &[1.0])]),
    ];
    let text = text("gobench", &[found(1, &[], both)]);
    assert!(text.contains("Unit open better=lower\n") && text.contains("Unit open-higher better=higher\n"), "{text}");
}

#[test]
fn bencher_is_the_newest_run_with_the_range_of_its_rounds() {
    let runs = [
        found(1, &[], vec![check("s", "gone", vec![latency(&[1.0])])]),
        found(2, &[], vec![check("s", "a\"", vec![latency(&[0.25, 1.0])])]),
    ];
    let value: serde_json::Value = serde_json::from_str(&text("bencher", &runs)).unwrap();
    let want = serde_json::json!({"s/a\"": {"connect_time": {"value": 0.5, "lower_value": 0.25, "upper_value": 1.0}}});
    assert_eq!(value, want);
}

#[test]
fn openmetrics_escapes_and_keeps_families_together() {
    let metrics = |name: &str| vec![latency(&[0.5]), metric(name, "1", "lower", "zeroable", &[0.0])];
    let checks = vec![check("s", "a\"\\\nb", metrics("chain.length")), check("s", "b", metrics("chain_length"))];
    let text = text("openmetrics", &[found(1, &[], checks)]);
    assert!(text.contains("check=\"a\\\"\\\\\\nb\""), "{text}");
    assert!(text.ends_with("# EOF\n") && text.matches("# TYPE shakedown_chain_length gauge").count() == 1, "{text}");
    assert!(text.contains("# UNIT shakedown_connect_time_seconds seconds\n"), "{text}");
    assert!(text.contains("\nshakedown_run_timestamp_seconds{run=\"id1\"} 1793520000\n"), "{text}");
    let families: Vec<&str> =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('{').next().unwrap()).collect();
    let mut blocks = families.clone();
    blocks.dedup();
    let mut once = blocks.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(blocks.len(), once.len(), "{families:?}");
}

#[test]
fn openmetrics_families_of_two_units_have_two_names() {
    let metrics = vec![
        metric("x", "s", "lower", "ratio", &[1.0]),
        metric("x_seconds", "1", "lower", "ratio", &[1.0]),
        metric("check_verdict", "1", "lower", "ratio", &[1.0]),
    ];
    let text = text("openmetrics", &[found(1, &[], vec![check("s", "a", metrics)])]);
    let mut types: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
    let count = types.len();
    types.sort_unstable();
    types.dedup();
    assert_eq!((types.len(), count), (5, 5), "{text}");
}
