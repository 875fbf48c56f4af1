use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Baseline, FileUpdate, MetricKey, Problem, accept, all, find, host_classes, pin, read, remove, remove_all};
use crate::model::{Record, Unit, Value};

/// Writes through the real thing, a rename.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    crate::report::atomic::write(path, |out| out.write_all(bytes))
}

fn round(slot: u32, p50: f64, more: &Value) -> Value {
    let mut round = json!({"slot": slot, "arm": null, "start_s": 0.5, "count": 5, "p50": p50, "p90": p50, "p99": p50,
                           "min": p50, "max": p50, "mean": p50, "discarded": null});
    for (key, value) in more.as_object().unwrap() {
        round[key] = value.clone();
    }
    round
}

fn metric(rounds: &[Value]) -> Value {
    json!({"unit": "s", "better": "lower", "compared_by": "ratio", "tolerance": 0.05, "rounds": rounds, "histogram": "HISTF"})
}

fn case(suite: &str, id: &str, digest: &str, metrics: &Value) -> Value {
    json!({
        "suite": suite, "id": id, "check": id, "family": "tcp", "target": "t", "tags": [], "verdict": "passed",
        "flaky": false, "unmet": false, "reason": null, "fault": null, "severity": "fail", "at": {"file": "s.yaml", "line": 3, "column": 5},
        "started": null, "duration_s": 0.1, "attempts": 1, "earlier": [], "settled_in_s": null, "digest": digest,
        "facts": {}, "expectations": [], "metrics": metrics, "notes": [], "baseline": null
    })
}

/// A run of the minute `at`.
fn report(at: u32, checks: &[Value]) -> Record {
    let counts = ["total", "passed", "failed", "errored", "skipped", "unmet", "flaky", "warned", "regressed"];
    let counts: serde_json::Map<String, Value> = counts.iter().map(|key| ((*key).to_owned(), json!(0))).collect();
    let names: std::collections::BTreeSet<&str> = checks.iter().map(|check| check["suite"].as_str().unwrap()).collect();
    let suites: Vec<Value> =
        names.iter().map(|name| json!({"name": name, "file": "s.yaml", "sha256": "ab12"})).collect();
    let value = json!({
        "schema": "shakedown.report/1", "tool": {"name": "shakedown", "version": "0"},
        "run": {"id": format!("run-{at}"), "started": format!("2026-01-01T{:02}:{:02}:00Z", at / 60, at % 60),
                "duration_s": 1.0, "interrupted": false, "signal": null, "labels": {"release": "1.4"}},
        "host": {"name": "h", "os": "", "kernel": "", "cpu": "", "cores": 1, "memory_bytes": 1, "interfaces": [],
                 "tcp_congestion": null, "clock": null, "virtualization": null, "class": "c1a55"},
        "design": {"kind": "single", "seed": 1, "rounds": 1, "warm_up": 0}, "suites": suites, "summary": counts,
        "checks": checks
    });
    serde_json::from_value(value).unwrap()
}

fn simple(at: u32) -> Record {
    let rounds = [round(0, 0.001, &json!({"discarded": "warm_up"})), round(1, 0.25, &json!({}))];
    report(at, &[case("edge", "a", "d1", &json!({"rtt": metric(&rounds)}))])
}

fn add(dir: &Path, record: &Record) -> Result<Vec<FileUpdate>, Problem> {
    accept(record, dir, false, &write)
}

fn file(dir: &Path) -> PathBuf {
    dir.join("edge/c1a55.json")
}

fn found(dir: &Path) -> Baseline {
    find(dir, "edge", "c1a55").unwrap().unwrap()
}

fn ids(baseline: &Baseline) -> Vec<&str> {
    baseline.runs.iter().map(|run| run.id.as_str()).collect()
}

fn wanted<'a>(check: &'a str, digest: &'a str, unit: Unit) -> MetricKey<'a> {
    MetricKey { check, metric: "rtt", digest: Some(digest), unit }
}

#[test]
fn the_file_is_made_for_review() {
    let dir = tempfile::tempdir().unwrap();
    let rounds = [round(0, 0.001, &json!({"discarded": "warm_up"})), round(1, 0.25, &json!({}))];
    let metrics = json!({"rtt": metric(&rounds), "late": metric(&rounds)});
    let record =
        report(1, &[case("edge", "b", "d2", &metrics), case("edge", "a", "d1", &json!({"rtt": metric(&rounds)}))]);
    let saved = accept(&record, dir.path(), true, &write).unwrap();
    assert_eq!(saved, [FileUpdate { path: file(dir.path()), skipped: None, notes: vec![] }]);
    let row = r#"{"better":"lower","compared_by":"ratio","rounds":[{"count":5,"p50":0.25,"p90":0.25,"p99":0.25,"slot":1}],"tolerance":0.05,"unit":"s"}"#;
    let golden = format!(
        r#"{{
"host_class": "c1a55",
"pinned": {{"id": "run-1"}},
"runs": [
{{
"checks": {{
"a": "d1",
"b": "d2"
}},
"id": "run-1",
"labels": {{"release":"1.4"}},
"metrics": {{
"a rtt": {row},
"b late": {row},
"b rtt": {row}
}},
"started": "2026-01-01T00:01:00Z",
"suite_sha256": "ab12"
}}
],
"schema": "shakedown.baseline/1",
"suite": "edge"
}}
"#
    );
    assert_eq!(std::fs::read_to_string(file(dir.path())).unwrap(), golden);
    let schema = schemars::schema_for!(Baseline).to_value();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let value: Value = serde_json::from_str(&golden).unwrap();
    let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn what_was_accepted_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    add(dir.path(), &simple(5)).unwrap();
    // Another order than that of acceptance: the start decides.
    add(dir.path(), &simple(3)).unwrap();
    let baseline = found(dir.path());
    assert_eq!(ids(&baseline), ["run-3", "run-5"]);
    let window = baseline.comparable(wanted("a", "d1", Unit::Seconds));
    assert!(window.left_out.is_empty(), "{:?}", window.left_out);
    let rounds: Vec<f64> = window.values.iter().flat_map(|(_, metric)| &metric.rounds).map(|round| round.p50).collect();
    assert_eq!(rounds, [0.25, 0.25], "the warm-up stays out");
    assert_eq!(find(&file(dir.path()), "edge", "c1a55").unwrap().unwrap().runs.len(), 2, "by its file");
    assert!(find(&file(dir.path()), "edge", "other").unwrap().is_none());
    assert!(find(dir.path(), "edge", "other").unwrap().is_none());
    assert_eq!(host_classes(dir.path(), "edge").unwrap(), ["c1a55"]);
    assert_eq!(host_classes(dir.path(), "../edge").unwrap(), Vec::<String>::new());
    let missing = find(&dir.path().join("nowhere"), "edge", "c1a55").unwrap_err();
    assert!(missing.contains("nowhere") && missing.contains("baseline accept"), "{missing}");
}

#[test]
fn only_the_new_target_of_two_arms_is_accepted_and_no_confirming_round() {
    let rounds = [
        round(0, 1.0, &json!({"arm": "base"})),
        round(1, 2.0, &json!({"arm": "head"})),
        round(2, 3.0, &json!({"arm": "head", "confirm": true})),
        round(3, 4.0, &json!({"arm": "head", "discarded": "warm_up"})),
    ];
    let only_base = [round(0, 1.0, &json!({"arm": "base"}))];
    let metrics = json!({"rtt": metric(&rounds), "none": metric(&only_base)});
    let dir = tempfile::tempdir().unwrap();
    let saved = add(dir.path(), &report(1, &[case("edge", "a", "d1", &metrics)])).unwrap();
    assert!(saved[0].notes[0].contains("only `head`"), "{saved:?}");
    let baseline = found(dir.path());
    let metrics: Vec<&String> = baseline.runs[0].metrics.keys().collect();
    assert_eq!(metrics, ["a rtt"]);
    let kept = &baseline.runs[0].metrics["a rtt"].rounds;
    assert_eq!(kept.iter().map(|round| (round.slot, round.arm)).collect::<Vec<_>>(), [(1, None)]);
}

#[test]
fn runs_of_another_thing_are_left_out_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let rounds = [round(0, 0.25, &json!({}))];
    let row = |at, id, digest: &str, metrics: &Value| report(at, &[case("edge", id, digest, metrics)]);
    let rtt = json!({"rtt": metric(&rounds)});
    let mut bytes = rtt.clone();
    bytes["rtt"]["unit"] = json!("B");
    let mut undigested = row(6, "a", "", &rtt);
    undigested.checks[0].digest = None;
    for record in [
        row(1, "a", "old", &rtt),
        row(2, "a", "old", &rtt),
        row(3, "a", "d1", &bytes),
        row(4, "a", "d1", &json!({"other": metric(&rounds)})),
        row(5, "a", "d1", &rtt),
        undigested,
    ] {
        add(dir.path(), &record).unwrap();
    }
    let baseline = found(dir.path());
    let window = baseline.comparable(wanted("a", "d1", Unit::Seconds));
    assert_eq!(window.values.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["run-5"]);
    assert_eq!(
        window.left_out,
        [
            "2 runs measured another definition of the check",
            "1 run cannot be held against it: a digest of the check's definition is missing",
            "1 run measured it in B, it is in s now",
            "1 run did not measure it",
        ]
    );
    let renamed = baseline.comparable(wanted("new-name", "d1", Unit::Seconds));
    assert_eq!(renamed.values.len(), 0);
    assert_eq!(
        renamed.left_out,
        ["6 runs did not measure it", "the same definition was measured as `a`: was the check renamed?"]
    );
    let unknown = MetricKey { digest: None, ..wanted("a", "", Unit::Seconds) };
    assert!(baseline.comparable(unknown).values.is_empty(), "without a digest nothing is comparable");
}

#[test]
fn the_thirty_first_run_rolls_out_and_the_pinned_stays() {
    let dir = tempfile::tempdir().unwrap();
    let place = (dir.path(), "edge", "c1a55");
    for at in 1..=30 {
        add(dir.path(), &simple(at)).unwrap();
    }
    let pinned = pin(place, Some("run-2"), &write).unwrap().unwrap();
    assert!(pinned.notes.is_empty());
    assert_eq!(found(dir.path()).pinned().unwrap().id, "run-2");
    let saved = add(dir.path(), &simple(31)).unwrap();
    assert_eq!(saved[0].notes, ["run run-1 of 2026-01-01T00:01:00Z rolled out"]);
    let baseline = found(dir.path());
    assert_eq!((baseline.runs.len(), ids(&baseline)[0], ids(&baseline)[29]), (30, "run-2", "run-31"));
    assert_eq!(add(dir.path(), &simple(32)).unwrap()[0].notes, Vec::<String>::new(), "the pinned run is not lost");
    for at in 33..=70 {
        add(dir.path(), &simple(at)).unwrap();
    }
    let baseline = found(dir.path());
    assert_eq!((baseline.runs.len(), ids(&baseline)[0]), (30, "run-41"));
    assert_eq!(baseline.pinned().unwrap().id, "run-2");
    assert_eq!(baseline.comparable(wanted("a", "d1", Unit::Seconds)).values.len(), 30, "it is no part of the window");
    let (id, metric) = baseline.pinned_metric(wanted("a", "d1", Unit::Seconds)).unwrap().unwrap();
    assert_eq!((id, metric.rounds.len()), ("run-2", 1));
    let why = baseline.pinned_metric(wanted("a", "d2", Unit::Seconds)).unwrap().unwrap_err();
    assert_eq!(why, "the pinned run run-2 measured another definition of the check");
    // Too old to be kept; and known already, although it is not in the window.
    let before = found(dir.path());
    let skipped = |run| add(dir.path(), &simple(run)).unwrap()[0].skipped.clone();
    assert_eq!(skipped(1).unwrap(), "run run-1 is older than the 30 runs it keeps");
    assert_eq!(skipped(2).unwrap(), "run run-2 is in it already");
    assert_eq!(skipped(70).unwrap(), "run run-70 is in it already");
    assert_eq!(ids(&found(dir.path())), ids(&before));
    // A run that is there already can still be pinned.
    let saved = accept(&simple(50), dir.path(), true, &write).unwrap();
    assert_eq!((&saved[0].skipped, &*saved[0].notes[0]), (&None, "run run-2 is no longer pinned"));
    assert_eq!(found(dir.path()).pinned().unwrap().id, "run-50");
    assert!(accept(&simple(50), dir.path(), true, &write).unwrap()[0].skipped.is_some(), "and is pinned once");
    assert_eq!(accept(&simple(2), dir.path(), true, &write).unwrap()[0].skipped, None, "and so can one that was gone");
    let pinned = pin(place, None, &write).unwrap().unwrap();
    assert!(pinned.notes[0].contains("run-2 is no longer pinned, and gone"), "{pinned:?}");
    assert!(found(dir.path()).pinned().is_none());
    assert_eq!(accept(&simple(1), dir.path(), true, &write).unwrap()[0].notes, Vec::<String>::new());
    assert_eq!(found(dir.path()).pinned().unwrap().id, "run-1", "an old release may be pinned, and goes aside at once");
}

#[test]
fn runs_are_removed_but_not_the_pinned_one() {
    let dir = tempfile::tempdir().unwrap();
    let place = (dir.path(), "edge", "c1a55");
    assert_eq!(remove(place, "run-1", &write), Ok(None));
    for at in 1..=3 {
        add(dir.path(), &simple(at)).unwrap();
    }
    pin(place, Some("run-1"), &write).unwrap();
    let refused = |found: Result<Option<FileUpdate>, Problem>| match found {
        Err(Problem::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused(remove(place, "run-1", &write)).contains("--none"));
    assert!(refused(remove(place, "run-9", &write)).contains("has no run `run-9`; did you mean `run-1`?"));
    assert!(refused(pin(place, Some("run-9"), &write)).contains("did you mean"));
    assert!(refused(pin(place, Some("run-1"), &write)).contains("pinned already"));
    assert!(refused(remove((dir.path(), "../edge", "c1a55"), "run-1", &write)).contains("is no name"));
    assert_eq!(remove(place, "run-2", &write).unwrap().unwrap().notes, ["2 runs left"]);
    assert_eq!(ids(&found(dir.path())), ["run-1", "run-3"]);
    pin(place, None, &write).unwrap();
    assert!(refused(pin(place, None, &write)).contains("no run is pinned"));
    remove(place, "run-1", &write).unwrap();
    remove(place, "run-3", &write).unwrap();
    assert!(!file(dir.path()).exists(), "no file of no runs");
    add(dir.path(), &simple(1)).unwrap();
    remove_all(place).unwrap().unwrap();
    assert_eq!(remove_all(place), Ok(None));
}

#[test]
fn a_file_that_cannot_be_used_is_an_error_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    add(dir.path(), &simple(1)).unwrap();
    add(dir.path(), &simple(2)).unwrap();
    let good = std::fs::read_to_string(file(dir.path())).unwrap();
    let restore = "restore it from version control";
    let rows: &[(&str, String, &str)] = &[
        ("empty", String::new(), restore),
        ("truncated", good[..good.len() / 2].to_owned(), restore),
        ("conflict", format!("<<<<<<< HEAD\n{good}"), restore),
        ("a list", "[]".into(), "this is no baseline"),
        ("no schema", "{}".into(), "there is no `schema`"),
        ("newer", good.replace("baseline/1", "baseline/2"), "use the version that wrote it"),
        ("foreign", good.replace("shakedown.baseline/1", "shakedown.report/1"), "this is no baseline"),
        ("twice", good.replace("run-2", "run-1"), "run run-1 is in it twice"),
        ("no start", good.replace("2026-01-01T00:02:00Z", "yesterday"), "`yesterday`, which is no time"),
        ("no runs", good.replace("\"runs\"", "\"rums\""), "missing field `runs`"),
        (
            "lost pin",
            good.replace("\"pinned\": null", "\"pinned\": {\"id\": \"run-7\"}"),
            "run-7 is pinned and not in it",
        ),
        ("renamed", good.replace("\"suite\": \"edge\"", "\"suite\": \"core\""), "holds the baseline of suite core"),
        ("moved", good.replace("\"c1a55\"", "\"f00\""), "on host class f00"),
    ];
    for (name, text, want) in rows {
        assert_ne!(*text, good, "{name}");
        std::fs::write(file(dir.path()), text).unwrap();
        let why = find(dir.path(), "edge", "c1a55").unwrap_err();
        assert!(why.contains(want) && why.contains("edge/c1a55.json"), "{name}: {why}");
        let Err(Problem::File(why)) = add(dir.path(), &simple(3)) else { panic!("{name}") };
        assert!(why.contains(want), "{name}: {why}");
        assert_eq!(std::fs::read_to_string(file(dir.path())).unwrap(), *text, "{name}");
        let listed = all(dir.path()).unwrap();
        assert!(matches!(listed.as_slice(), [(_, Err(why))] if why.contains(want)), "{name}: {listed:?}");
    }
    std::fs::File::create(file(dir.path())).unwrap().set_len(super::LARGEST + 1).unwrap();
    let why = read(&file(dir.path())).unwrap_err();
    assert!(why.contains("larger than 256 MiB") && why.contains("baseline rm"), "{why}");
}

#[test]
fn a_report_cannot_lead_out_of_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    for (suite, class) in [("../out", "c1a55"), ("edge", "../../out"), ("edge", ""), (".", "c1a55"), ("a/b", "c1a55")] {
        let mut record = simple(1);
        record.suites[0].name = suite.to_owned();
        record.checks[0].suite = suite.into();
        record.host.class = class.to_owned();
        let Err(Problem::Refused(why)) = add(&dir.path().join("store"), &record) else { panic!("{suite} {class}") };
        assert!(why.contains("is no name"), "{why}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let mut record = simple(1);
    record.run.started = "soon".into();
    assert!(add(dir.path(), &record).is_err());
}

#[test]
fn all_suites_of_a_report_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let rtt = json!({"rtt": metric(&[round(0, 0.25, &json!({}))])});
    add(dir.path(), &simple(1)).unwrap();
    std::fs::write(file(dir.path()), "{").unwrap();
    let both =
        report(2, &[case("core", "a", "d", &rtt), case("edge", "a", "d", &rtt), case("quiet", "a", "d", &json!({}))]);
    assert!(add(dir.path(), &both).is_err());
    assert!(!dir.path().join("core/c1a55.json").exists(), "the sound suite has to wait");
    std::fs::remove_file(file(dir.path())).unwrap();
    let saved = add(dir.path(), &both).unwrap();
    assert_eq!(saved.len(), 2, "a suite without metrics has no baseline: {saved:?}");
    let listed: Vec<String> = all(dir.path()).unwrap().into_iter().map(|(_, read)| read.unwrap().suite).collect();
    assert_eq!(listed, ["core", "edge"]);
}

#[test]
fn two_accepts_at_once_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for at in 1..=24 {
            let dir = dir.path();
            scope.spawn(move || add(dir, &simple(at)).unwrap());
        }
    });
    let baseline = found(dir.path());
    assert_eq!(ids(&baseline), (1..=24).map(|at| format!("run-{at}")).collect::<Vec<_>>());
    let rest: Vec<_> = std::fs::read_dir(dir.path().join("edge")).unwrap().collect();
    assert_eq!(rest.len(), 1, "nothing but the file stays behind: {rest:?}");
}

#[test]
fn a_failed_write_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let full = |_: &Path, _: &[u8]| Err(std::io::Error::other("disk full"));
    let Err(Problem::File(why)) = accept(&simple(1), dir.path(), false, &full) else { panic!() };
    assert!(why.contains("cannot write baseline") && why.contains("disk full"), "{why}");
}
