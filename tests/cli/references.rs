//! `run --baseline`: what a run is held against, and what is no reference for it.

use serde_json::{Value, json};

use super::peer::{Peer, suite};
use super::{CliSandbox, Ended, read};

/// Rounds of a few samples, and a tolerance that a loaded machine does not use up.
const REST: &str = "    rounds: 3\n    samples: 3\n    baseline: {response_time: {tolerance: 900%}}\n";
/// Seconds the peer needs.
const USUAL: f64 = 0.020;
/// Eight runs that differ by 1.5 %, and their mean is `USUAL`.
const EIGHT: [f64; 8] = [0.0197, 0.0203, 0.0198, 0.0202, 0.0199, 0.0201, 0.0196, 0.0204];

/// A suite `s`, its peer, and a store `b` with one run of it.
struct Kept {
    sandbox: CliSandbox,
    peer: Peer,
    class: String,
}

impl Kept {
    fn new() -> Self {
        let peer = Peer::slow(20);
        let sandbox = CliSandbox::new(&suite(peer.port, REST));
        let ended = sandbox.run(&["run", "suite.yaml", "--json", "first.json", "--save-baseline", "b"]);
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
        let class = sandbox.json("first.json")["host"]["class"].as_str().unwrap().to_owned();
        Self { sandbox, peer, class }
    }

    fn file(&self) -> String {
        format!("b/s/{}.json", self.class)
    }

    /// Changes the stored baseline by hand.
    fn edit(&self, edit: impl Fn(&mut Value)) {
        let mut baseline = self.sandbox.json(&self.file());
        edit(&mut baseline);
        self.sandbox.write(&self.file(), &baseline.to_string());
    }

    /// Makes as many runs of the stored one as there are values, oldest first.
    fn history(&self, values: &[f64]) {
        self.edit(|baseline| {
            let model = baseline["runs"][0].clone();
            baseline["runs"] = values.iter().enumerate().map(|(at, value)| made(&model, at, *value)).collect();
        });
    }

    fn run(&self, more: &[&str]) -> Ended {
        let ends = ["run", "suite.yaml", "--baseline", "b", "--json", "r.json", "--junit", "r.xml"];
        self.sandbox.run(&[&ends[..], more].concat())
    }

    /// The comparison of the one metric of a run that must end with `code`.
    fn compared(&self, code: i32, more: &[&str]) -> Value {
        let ended = self.run(more);
        assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
        self.sandbox.json("r.json")["checks"][0]["comparison"]["response_time"].clone()
    }

    /// Runs that are refused before anything is sent.
    fn refused(&self, baseline: &str) -> String {
        let before = self.peer.asked();
        let ended = self.sandbox.run(&["run", "suite.yaml", "--baseline", baseline]);
        assert_eq!((ended.code, self.peer.asked()), (2, before), "{}{}", ended.out, ended.err);
        ended.err
    }

    /// Nothing could be compared, for this reason, and the run says so.
    fn not_compared(&self, words: &[&str]) {
        let ended = self.run(&[]);
        assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
        let comparison = &self.sandbox.json("r.json")["checks"][0]["comparison"]["response_time"];
        assert_eq!(comparison["verdict"], "not_compared");
        let reason = comparison["reason"].as_str().unwrap();
        assert!(words.iter().all(|word| reason.contains(word)), "{words:?}: {reason}");
        assert!(ended.out.contains(reason) && ended.out.contains("no metric was compared"), "{}", ended.out);
        // Who reads only JUnit sees it, too.
        let xml = read(&self.sandbox.path("r.xml"));
        assert!(xml.contains("errors=\"1\"") && xml.contains("type=\"comparison.missing\""), "{xml}");
    }
}

fn made(model: &Value, at: usize, value: f64) -> Value {
    let mut run = model.clone();
    run["id"] = format!("made-{at}").into();
    run["started"] = format!("2026-01-{:02}T06:00:00Z", at + 1).into();
    for round in run["metrics"]["a response_time"]["rounds"].as_array_mut().unwrap() {
        round["p50"] = value.into();
    }
    run
}

/// The mean logarithm of the medians of the rounds that speak for a run, and its standard error.
fn level(report: &Value) -> (f64, f64) {
    let rounds = report["checks"][0]["metrics"]["response_time"]["rounds"].as_array().unwrap();
    let counts = |round: &&Value| round["discarded"].is_null() && round["confirm"] != true;
    let logs: Vec<f64> = rounds.iter().filter(counts).map(|round| round["p50"].as_f64().unwrap().ln()).collect();
    assert_eq!(logs.len(), 3);
    let mean = logs.iter().sum::<f64>() / 3.0;
    (mean, (logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / 2.0 / 3.0).sqrt())
}

/// Ratio and 95 % prediction interval of a run against eight, as `docs/statistics.md` gives them: t with 7 degrees of freedom.
///
/// On a loaded machine the rounds of the run differ more than the made-up runs: then their own spread counts, t with 2.
fn predicted(base: &[f64; 8], (head, within): (f64, f64)) -> [f64; 3] {
    let logs = base.map(f64::ln);
    let mean = logs.iter().sum::<f64>() / 8.0;
    let deviation = (logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / 7.0).sqrt();
    let (between, own) = (deviation * (1.0 + 1.0 / 8.0_f64).sqrt(), within * 2.0_f64.sqrt());
    let half = if between < own / 3.0 { 4.302_652_729_911_275 * own } else { 2.364_624_251_592_787 * between };
    [head - mean, head - mean - half, head - mean + half].map(f64::exp)
}

fn close(value: &Value, want: f64) {
    let number = value.as_f64().unwrap_or_else(|| panic!("{value} is no number"));
    assert!((number / want - 1.0).abs() < 1e-9, "{number} instead of {want}");
}

#[test]
fn eight_runs_decide_by_their_prediction_interval() {
    let kept = Kept::new();
    for (share, code, verdict) in [(1.0, 0, "unchanged"), (0.025, 4, "regressed"), (200.0, 0, "improved")] {
        let base = EIGHT.map(|value| value * share);
        kept.history(&base);
        let one = kept.compared(code, &["--strict"]);
        assert_eq!(one["verdict"], verdict, "{one}");
        let report = kept.sandbox.json("r.json");
        let [ratio, low, high] = predicted(&base, level(&report));
        close(&one["ratio"], ratio);
        close(&one["ci"][0], low);
        close(&one["ci"][1], high);
        let (level, mean) = (level(&report).0.exp(), base.iter().map(|value| value.ln()).sum::<f64>() / 8.0);
        close(&one["head"], level);
        close(&one["base"], mean.exp());
        assert_eq!((&one["method"], &one["counts"]), (&"prediction-interval/1".into(), &json!([8, 1])));
        assert!(one["p"].is_number() && one["mde"].is_number() && one["against"] == "8 earlier runs", "{one}");
        let named = &report["checks"][0]["baseline"];
        assert_eq!((&named["file"], &named["runs"], &named["comparable"]), (&kept.file().into(), &8.into(), &8.into()));
        assert_eq!((&report["design"]["baseline"], &report["design"]["kind"]), (&"b".into(), &"single".into()));
    }
}

#[test]
fn what_regressed_is_confirmed_reported_and_not_accepted() {
    let kept = Kept::new();
    kept.history(&EIGHT.map(|value| value / 40.0));
    let before = read(&kept.sandbox.path(&kept.file()));
    let asked = kept.peer.asked();
    let ended = kept.run(&["--save-baseline", "b"]);
    assert_eq!(ended.code, 4, "{}{}", ended.out, ended.err);
    assert_eq!(kept.peer.asked() - asked, 21, "1 + 3 rounds of 3, and 3 more because of the alarm");
    let report = kept.sandbox.json("r.json");
    let one = &report["checks"][0]["comparison"]["response_time"];
    assert_eq!((&one["verdict"], &one["confirmation"]["stands"]), (&"regressed".into(), &true.into()));
    assert_eq!(report["summary"]["regressed"], 1);
    assert!(ended.out.contains("no baseline saved: a metric regressed"), "{}", ended.out);
    assert_eq!(read(&kept.sandbox.path(&kept.file())), before);
    assert!(read(&kept.sandbox.path("r.xml")).contains("type=\"performance.regressed\""));
    // Nor where it only warns.
    kept.sandbox.write("suite.yaml", &suite(kept.peer.port, &format!("{REST}    severity: warn\n")));
    let ended = kept.run(&["--save-baseline", "b"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("no baseline saved: a metric regressed"), "{}", ended.out);
    assert_eq!(read(&kept.sandbox.path(&kept.file())), before);
    // The same without an alarm is kept.
    kept.history(&EIGHT);
    assert_eq!(kept.run(&["--save-baseline", "b"]).code, 0);
    assert_eq!(kept.sandbox.json(&kept.file())["runs"].as_array().unwrap().len(), 9);
}

#[test]
fn without_a_reference_nothing_is_green() {
    let kept = Kept::new();
    let missing = kept.refused("nowhere");
    let remedy = "accept a run with `shakedown baseline accept REPORT.json --dir nowhere`";
    assert!(missing.contains(&format!("there is no folder of baselines nowhere; {remedy}")), "{missing}");
    // A folder with other suites.
    std::fs::rename(kept.sandbox.path("b/s"), kept.sandbox.path("b/t")).unwrap();
    kept.not_compared(&["b has no baseline of suite s", "shakedown baseline accept"]);
    std::fs::rename(kept.sandbox.path("b/t"), kept.sandbox.path("b/s")).unwrap();
    // Other hosts only.
    kept.edit(|baseline| baseline["host_class"] = "feed0000feed0000".into());
    std::fs::rename(kept.sandbox.path(&kept.file()), kept.sandbox.path("b/s/feed0000feed0000.json")).unwrap();
    kept.not_compared(&["host class feed0000feed0000", &kept.class]);
    assert!(read(&kept.sandbox.path("r.xml")).contains("feed0000feed0000"));
    assert_eq!(kept.run(&["--strict"]).code, 3);
    assert!(read(&kept.sandbox.path("r.xml")).contains("type=\"comparison.missing\""));
}

#[test]
fn few_runs_are_inconclusive_and_say_how_many_are_missing() {
    let kept = Kept::new();
    kept.history(&[USUAL / 40.0; 3]);
    let one = kept.compared(0, &[]);
    assert_eq!((&one["verdict"], &one["runs_needed"]), (&"inconclusive".into(), &5.into()), "{one}");
    assert!(one["ci"].is_null() && one["ratio"].as_f64().unwrap() > 2.0, "{one}");
    assert!(one["reason"].as_str().unwrap().contains("is not known from fewer than 8"), "{one}");
    assert_eq!(kept.sandbox.json("r.json")["summary"]["inconclusive"], 1);
    assert!(!read(&kept.sandbox.path("r.xml")).contains("<failure"));
    let text = kept.sandbox.run(&["report", "r.json"]).out;
    for words in ["to decide: accept 5 more runs of the unchanged target", "inconclusive is no pass"] {
        assert!(text.contains(words), "`{words}` is not in\n{text}");
    }
    kept.compared(3, &["--strict"]);
    let xml = read(&kept.sandbox.path("r.xml"));
    assert!(xml.contains("failures=\"1\"") && xml.contains("type=\"performance.inconclusive\""), "{xml}");
    assert_eq!(kept.sandbox.run(&["report", "r.json"]).code, 3, "the report remembers that it was to be strict");
    // A check that only warns is not strict.
    kept.sandbox.write("suite.yaml", &suite(kept.peer.port, &format!("{REST}    severity: warn\n")));
    assert_eq!(kept.compared(0, &["--strict"])["verdict"], "inconclusive");
    assert_eq!(kept.sandbox.json("r.json")["summary"]["inconclusive"], 0);
    assert!(read(&kept.sandbox.path("r.xml")).contains("failures=\"0\""));
}

#[test]
fn numbers_of_something_else_are_no_reference() {
    let kept = Kept::new();
    kept.history(&EIGHT);
    let written = suite(kept.peer.port, REST);
    kept.sandbox.write("suite.yaml", &written.replace("id: a", "id: renamed"));
    kept.not_compared(&["8 runs did not measure it", "the same definition was measured as `a`"]);
    kept.sandbox.write("suite.yaml", &written.replace("send: hi", "send: ho"));
    kept.not_compared(&["8 runs measured another definition of the check"]);
    // What is judged may change, what is looked at may not.
    kept.sandbox.write("suite.yaml", &written.replace("samples: 3", "samples: 2\n    expect: {response: ok}"));
    assert_eq!(kept.compared(0, &[])["verdict"], "unchanged");
    kept.sandbox.write("suite.yaml", &written);
    kept.edit(|baseline| {
        for run in baseline["runs"].as_array_mut().unwrap() {
            run["metrics"]["a response_time"]["unit"] = "B".into();
        }
    });
    kept.not_compared(&["8 runs measured it in B, it is in s now"]);
}

#[test]
fn runs_that_do_not_fit_leave_the_others_standing() {
    let kept = Kept::new();
    kept.history(&[&EIGHT[..], &[1.0, 1.0]].concat());
    kept.edit(|baseline| {
        for at in [8, 9] {
            baseline["runs"][at]["checks"]["a"] = "0123456789abcdef".into();
        }
    });
    let one = kept.compared(0, &[]);
    assert_eq!((&one["verdict"], &one["counts"]), (&"unchanged".into(), &json!([8, 1])), "{one}");
    assert_eq!(kept.sandbox.json("r.json")["checks"][0]["baseline"]["comparable"], 8);
}

#[test]
fn an_override_of_a_variable_is_the_same_definition() {
    let kept = Kept::new();
    kept.history(&EIGHT);
    let moved = Peer::slow(20);
    let one = kept.compared(0, &["--var", &format!("port={}", moved.port)]);
    assert_eq!(one["verdict"], "unchanged", "{one}");
    assert!(moved.asked() > 0);
    // The same value, written into the suite.
    let written = suite(kept.peer.port, REST).replace(&kept.peer.port.to_string(), &moved.port.to_string());
    kept.sandbox.write("suite.yaml", &written);
    kept.not_compared(&["measured another definition"]);
}

#[test]
fn an_override_of_what_is_sent_is_another_definition() {
    let peer = Peer::slow(1);
    let written =
        suite(peer.port, REST).replace("vars: {", "vars: {what: hi, ").replace("send: hi", "send: \"${what}\"");
    let sandbox = CliSandbox::new(&written);
    let digest = |more: &[&str]| {
        let ended = sandbox.run(&[&["run", "suite.yaml", "--json", "r.json"], more].concat());
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
        sandbox.json("r.json")["checks"][0]["digest"].clone()
    };
    let one = digest(&[]);
    assert_eq!(digest(&["--var", "what=hi"]), one);
    assert_ne!(digest(&["--var", "what=ho"]), one);
    let moved = Peer::slow(1);
    assert_eq!(digest(&["--var", &format!("port={}", moved.port)]), one);
}

#[test]
fn of_two_references_the_output_says_which_one_counts() {
    let kept = Kept::new();
    let head = Peer::slow(20);
    let words = "1 check paired by --against: compared between the arms only, not with --baseline";
    let ended = kept.run(&["--against", &format!("port={}", head.port), "--pairs", "6"]);
    assert!(ended.out.contains(words), "{}{}", ended.out, ended.err);
    assert!(!kept.run(&[]).out.contains("arms only"));
}

#[test]
fn a_slow_drift_is_seen_against_the_pinned_release() {
    let kept = Kept::new();
    // Step by step from 13 to 20 ms with a small wobble, long after a release of half a millisecond.
    let drift: Vec<f64> =
        (0..10).map(|at| 0.013 * 1.049_f64.powi(at) * if at % 2 == 0 { 1.005 } else { 0.995 }).collect();
    kept.history(&drift);
    kept.edit(|baseline| {
        let release = made(&baseline["runs"][0], 40, 0.0005);
        baseline["pinned"] = json!({"id": "made-40", "run": release});
        baseline["pinned"]["run"]["started"] = "2025-01-01T00:00:00Z".into();
    });
    let one = kept.compared(4, &[]);
    assert_eq!((&one["verdict"], &one["pinned"]["verdict"]), (&"regressed".into(), &"regressed".into()), "{one}");
    assert!(one["ratio"].as_f64().unwrap() < 10.0, "the window alone is no alarm: {one}");
    assert!(one["pinned"]["ratio"].as_f64().unwrap() > 20.0, "{one}");
    assert_eq!(one["pinned"]["method"], "pinned-release/1");
    assert!(one["reason"].as_str().unwrap().contains("a drift too slow for the runs before this one"), "{one}");
    assert!(one["pinned"]["against"].as_str().unwrap().contains("made-40"), "{one}");
    assert!(read(&kept.sandbox.path("r.xml")).contains("against pinned made-40: regressed"));
    assert_eq!(kept.sandbox.json("r.json")["checks"][0]["baseline"]["pinned"], "made-40");
    // Without it, nobody would have noticed.
    kept.edit(|baseline| baseline["pinned"] = Value::Null);
    assert_ne!(kept.compared(0, &[])["verdict"], "regressed");
}

#[test]
fn a_damaged_store_is_an_error_before_anything_is_sent() {
    let kept = Kept::new();
    let sound = read(&kept.sandbox.path(&kept.file()));
    let newer = sound.replace("shakedown.baseline/1", "shakedown.baseline/2");
    let infinite = sound.replacen("\"p50\":", "\"p50\":1e999,\"p51\":", 1);
    let twice = {
        let mut baseline = kept.sandbox.json(&kept.file());
        let run = baseline["runs"][0].clone();
        baseline["runs"].as_array_mut().unwrap().push(run);
        baseline.to_string()
    };
    let other = sound.replace("\"suite\": \"s\"", "\"suite\": \"t\"");
    for text in [&sound[..sound.len() / 2], "", "[]", "{}", "null", &newer, &infinite, &twice, &other] {
        kept.sandbox.write(&kept.file(), text);
        let why = kept.refused("b");
        assert!(why.contains(&kept.file()), "{text}: {why}");
        // A file named by itself may well belong to another suite.
        if text != other {
            let why = kept.refused(&kept.file());
            assert!(why.contains(&kept.file()), "{text}: {why}");
        }
    }
}

#[test]
fn a_damaged_calibration_is_an_error_before_anything_is_sent() {
    let kept = Kept::new();
    let file = format!("b/s/{}.noise.json", kept.class);
    let digest = kept.sandbox.json("first.json")["checks"][0]["digest"].clone();
    let write = |key: &str, value: Value| {
        let mut metric =
            json!({"digest": digest, "compared_by": "ratio", "runs": 8, "round": 0.1, "tau": 0.02, "unit": "s"});
        metric[key] = value;
        let noise = json!({"host_class": kept.class, "measured": "2026-01-01T00:00:00Z",
            "metrics": {"a response_time": metric}, "schema": "shakedown.noise/1", "suite": "s"});
        kept.sandbox.write(&file, &noise.to_string());
    };
    for (key, value) in [
        ("tau", json!(-0.1)),
        ("tau", json!(10.0)),
        ("tau", json!(1e300)),
        ("round", json!(-1e-9)),
        ("round", json!(10)),
        ("runs", json!(2)),
        ("runs", json!(1001)),
    ] {
        write(key, value.clone());
        let why = kept.refused("b");
        assert!(why.contains(&file) && why.contains("metric a response_time"), "{key} {value}: {why}");
        assert!(why.contains(&format!("`{key}` is")), "{key} {value}: {why}");
    }
    for (key, value) in
        [("tau", json!(0)), ("tau", json!(9.99)), ("round", Value::Null), ("runs", json!(3)), ("runs", json!(1000))]
    {
        write(key, value.clone());
        let ended = kept.run(&[]);
        assert_ne!(ended.code, 2, "{key} {value}: {}", ended.err);
    }
}

#[test]
fn calibrate_and_baseline_know_the_store_by_one_name() {
    let peer = Peer::slow(1);
    let sandbox = CliSandbox::new(&suite(peer.port, REST));
    let mut command = sandbox.command(&["calibrate", "suite.yaml", "--runs", "3"]);
    let ended = Ended::of(command.env("SHAKEDOWN_BASELINES", "kept").output().unwrap());
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let files = std::fs::read_dir(sandbox.path("kept/s")).unwrap();
    let names: Vec<String> = files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert!(names.len() == 1 && names[0].ends_with(".noise.json"), "{names:?}");
}

#[test]
fn a_check_that_is_gone_is_reported_and_strict_fails() {
    let kept = Kept::new();
    kept.history(&EIGHT);
    kept.edit(|baseline| {
        for run in baseline["runs"].as_array_mut().unwrap() {
            run["checks"]["gone"] = "d".into();
        }
    });
    let junit = || super::read(&kept.sandbox.path("r.xml"));
    let (plain, plain_xml) = (kept.run(&[]), junit());
    let (strict, strict_xml) = (kept.run(&["--strict"]), junit());
    assert_eq!((plain.code, strict.code), (0, 3), "{}{}", plain.out, strict.out);
    // Who looks at JUnit alone sees the same.
    assert!(!plain_xml.contains("vanished"), "{plain_xml}");
    for words in ["name=\"s/gone\"", "errors=\"1\"", "type=\"vanished\""] {
        assert!(strict_xml.contains(words), "`{words}` is not in {strict_xml}");
    }
    assert!(plain.out.contains("s/gone: the baseline has it"), "{}", plain.out);
    assert_eq!(kept.sandbox.json("r.json")["run"]["vanished"], json!(["s/gone"]));
}

#[test]
fn fewer_rounds_are_no_run_of_this_history() {
    let kept = Kept::new();
    kept.history(&EIGHT);
    let one = kept.compared(3, &["--rounds", "2"]);
    assert_eq!(one["verdict"], "not_compared");
    assert!(one["reason"].as_str().unwrap().contains("2 rounds where the reference has 3"), "{one}");
    assert_eq!(kept.compared(0, &["--rounds", "4"])["verdict"], "unchanged", "more rounds are only surer");
}
