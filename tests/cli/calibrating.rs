//! `calibrate`: the noise floor it writes, and what a run makes of it.

use serde_json::{Value, json};

use super::peer::{Peer, suite};
use super::{CliSandbox, Ended, Running, closed_port, read};

const REST: &str = "    rounds: 3\n    samples: 3\n    baseline: {response_time: {tolerance: 900%}}\n";

fn calibrate(sandbox: &CliSandbox, more: &[&str]) -> Ended {
    sandbox.run(&[&["calibrate", "suite.yaml", "--runs", "3", "--dir", "b"], more].concat())
}

fn noise_file(sandbox: &CliSandbox) -> String {
    let found =
        std::fs::read_dir(sandbox.path("b/s")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let found: Vec<String> = found.filter(|name| name.ends_with(".noise.json")).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    format!("b/s/{}", found[0])
}

/// A calibrated suite with one accepted run; the peer needs 20 ms.
struct Calibrated {
    sandbox: CliSandbox,
    peer: Peer,
    noise: String,
    baseline: String,
}

impl Calibrated {
    fn new() -> Self {
        let peer = Peer::slow(20);
        let sandbox = CliSandbox::new(&suite(peer.port, REST));
        let ended = calibrate(&sandbox, &[]);
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
        let ended = sandbox.run(&["run", "suite.yaml", "--save-baseline", "b"]);
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
        let noise = noise_file(&sandbox);
        let baseline = noise.replace(".noise", "");
        Self { sandbox, peer, noise, baseline }
    }

    /// Changes the noise of the one metric, and the value of the one run.
    fn set(&self, noise: &Value, value: f64) {
        let mut file = self.sandbox.json(&self.noise);
        for (key, value) in noise.as_object().unwrap() {
            file["metrics"]["a response_time"][key] = value.clone();
        }
        self.sandbox.write(&self.noise, &file.to_string());
        let mut file = self.sandbox.json(&self.baseline);
        for round in file["runs"][0]["metrics"]["a response_time"]["rounds"].as_array_mut().unwrap() {
            round["p50"] = value.into();
        }
        self.sandbox.write(&self.baseline, &file.to_string());
    }

    fn run(&self, code: i32, more: &[&str]) -> (Ended, Value) {
        let ended = self.sandbox.run(&[&["run", "suite.yaml", "--baseline", "b", "--json", "r.json"], more].concat());
        assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
        let one = self.sandbox.json("r.json")["checks"][0]["comparison"]["response_time"].clone();
        (ended, one)
    }
}

#[test]
fn the_noise_floor_is_written_sorted_and_line_by_line() {
    let (one, two) = (Peer::slow(2), Peer::slow(2));
    let rest = format!(
        "    rounds: 3\n  - id: B\n    udp: {{host: 127.0.0.1, port: {}, send: hi}}\n    rounds: 2\n",
        two.port
    );
    let sandbox = CliSandbox::new(&suite(one.port, &rest));
    let ended = calibrate(&sandbox, &[]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!((one.asked(), two.asked()), (12, 9), "three runs of 1 + 3 and 1 + 2 rounds");
    let file = noise_file(&sandbox);
    assert!(ended.out.contains(&format!("noise floor: {file}")), "{}", ended.out);
    assert!(ended.out.contains("10 pairs") && ended.out.contains("a response_time"), "{}", ended.out);
    let text = read(&sandbox.path(&file));
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("response_time")).collect();
    assert!(
        lines.len() == 2
            && lines[0].starts_with("\"B response_time\": {")
            && lines[1].starts_with("\"a response_time\": {"),
        "{text}"
    );
    let noise = sandbox.json(&file);
    assert_eq!((&noise["schema"], &noise["suite"]), (&"shakedown.noise/1".into(), &"s".into()));
    assert_eq!(file, format!("b/s/{}.noise.json", noise["host_class"].as_str().unwrap()));
    let metric = &noise["metrics"]["a response_time"];
    assert_eq!((&metric["runs"], &metric["compared_by"], &metric["unit"]), (&3.into(), &"ratio".into(), &"s".into()));
    assert!(metric["tau"].as_f64().unwrap() > 0.0 && metric["round"].as_f64().unwrap() > 0.0, "{metric}");
    // It is no baseline, and none of the commands for those takes it for one.
    assert_eq!(sandbox.run(&["baseline", "list", "--dir", "b"]).code, 2);
    // The variable that moves baselines moves it along.
    let mut elsewhere = sandbox.command(&["calibrate", "suite.yaml", "--runs", "3"]);
    assert!(elsewhere.env("SHAKEDOWN_BASELINES", "c").output().unwrap().status.success());
    assert!(sandbox.path(&file.replacen('b', "c", 1)).exists());
}

#[test]
fn with_a_noise_floor_one_run_is_something_to_compare_with() {
    let kept = Calibrated::new();
    let spread = json!({"tau": 0.02, "runs": 8});
    for (value, code, verdict) in [(0.020, 0, "unchanged"), (0.0005, 4, "regressed"), (4.0, 0, "improved")] {
        kept.set(&spread, value);
        let (_, one) = kept.run(code, &["--strict"]);
        assert_eq!((&one["verdict"], &one["method"]), (&verdict.into(), &"noise-floor/1".into()), "{one}");
        assert_eq!(one["counts"], json!([1, 1]));
        // t with 7 degrees of freedom, tau sqrt(1 + 1/1).
        let half = 2.364_624_251_592_787 * 0.02 * 2.0_f64.sqrt();
        let ratio = one["ratio"].as_f64().unwrap();
        for (end, sign) in [(0, -1.0), (1, 1.0)] {
            let want = ratio * (sign * half).exp();
            assert!((one["ci"][end].as_f64().unwrap() / want - 1.0).abs() < 1e-9, "{one}");
        }
    }
    // The floor of another definition is none.
    kept.set(&json!({"digest": "0123456789abcdef"}), 0.0005);
    let (_, one) = kept.run(0, &[]);
    assert_eq!((&one["verdict"], &one["runs_needed"]), (&"inconclusive".into(), &7.into()), "{one}");
    std::fs::remove_file(kept.sandbox.path(&kept.noise)).unwrap();
    assert_eq!(kept.run(3, &["--strict"]).1["verdict"], "inconclusive");
}

#[test]
fn a_damaged_noise_floor_is_an_error_before_anything_is_sent() {
    let kept = Calibrated::new();
    let sound = read(&kept.sandbox.path(&kept.noise));
    let asked = kept.peer.asked();
    let tau = regex::Regex::new("\"tau\":[0-9.e-]+").unwrap();
    let runs = sound.replace("\"runs\":3", "\"runs\":1");
    assert_ne!(runs, sound);
    let mut damaged: Vec<String> = ["\"tau\":-0.01", "\"tau\":null", "\"tau\":1e999"]
        .iter()
        .map(|text| tau.replace(&sound, *text).into_owned())
        .collect();
    damaged.extend([&sound[..sound.len() / 2], "", "[]", "{}", "null"].map(str::to_owned));
    damaged.extend([sound.replace("noise/1", "noise/2"), runs]);
    for text in damaged {
        kept.sandbox.write(&kept.noise, &text);
        let ended = kept.sandbox.run(&["run", "suite.yaml", "--baseline", "b"]);
        assert_eq!((ended.code, kept.peer.asked()), (2, asked), "{text}: {}", ended.out);
        assert!(ended.err.contains(&kept.noise) && ended.err.contains("calibrate again"), "{text}: {}", ended.err);
    }
}

#[test]
fn a_run_that_does_not_hold_calibrates_nothing() {
    let (_held, closed) = closed_port();
    let sandbox = CliSandbox::new(&suite(closed, ""));
    let ended = calibrate(&sandbox, &[]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("nothing was calibrated: a run did not hold"), "{}", ended.err);
    assert!(!sandbox.path("b").exists());
    // The last of three runs; what was known before stays.
    let peer = Peer::new(|n| Some((std::time::Duration::ZERO, if n < 3 || n == 5 { "ok" } else { "no" })));
    sandbox.write("suite.yaml", &suite(peer.port, ""));
    assert_eq!(calibrate(&sandbox, &[]).code, 0);
    let before = read(&sandbox.path(&noise_file(&sandbox)));
    sandbox.write("suite.yaml", &suite(peer.port, "    expect: {response: \"no\"}\n"));
    let ended = calibrate(&sandbox, &[]);
    assert_eq!((ended.code, peer.asked()), (1, 6), "{}{}", ended.out, ended.err);
    assert_eq!(read(&sandbox.path(&noise_file(&sandbox))), before);
    for more in [&["--baseline", "b"][..], &["--against", "port=1"], &["--pause", "soon"]] {
        let ended = calibrate(&sandbox, more);
        assert_eq!((ended.code, peer.asked()), (2, 6), "{more:?}: {}{}", ended.out, ended.err);
    }
    let few = sandbox.run(&["calibrate", "suite.yaml", "--runs", "2", "--dir", "b"]);
    assert_eq!((few.code, peer.asked()), (2, 6), "{}", few.err);
}

#[test]
fn a_tolerance_finer_than_the_noise_is_warned_of() {
    let kept = Calibrated::new();
    kept.set(&json!({"tau": 0.02, "runs": 8, "round": 0.02}), 0.020);
    assert!(!kept.run(0, &[]).0.out.contains("warning"));
    // (t.975 + t.80) x 1.0 x sqrt(9/8) with 7 degrees of freedom, as a share.
    let detectable = ((2.364_624_251_592_787 + 0.896_029_644_313_76) * (9.0_f64 / 8.0).sqrt()).exp_m1() * 100.0;
    kept.set(&json!({"tau": 1.0}), 0.020);
    let (ended, _) = kept.run(0, &[]);
    let warning = format!(
        "warning: a response_time: the tolerance is 900.0%, but only changes from {detectable:.1}% can be seen"
    );
    assert!(ended.out.contains(&warning), "{warning}: {}", ended.out);
    // Between interleaved rounds only their own noise counts.
    let other = Peer::slow(20);
    let against = ["--against", &format!("port={}", other.port), "--pairs", "6"];
    assert!(!kept.run(0, &against).0.out.contains("warning"));
    kept.set(&json!({"round": 3.0}), 0.020);
    assert!(kept.run(0, &against).0.out.contains("raise --pairs"));
}

#[test]
fn ctrl_c_between_two_runs_ends_the_calibration() {
    let peer = Peer::slow(1);
    let sandbox = CliSandbox::new(&suite(peer.port, REST));
    let args = ["calibrate", "suite.yaml", "--runs", "3", "--pause", "1h", "--dir", "b"];
    let running = Running::start(&mut sandbox.command(&args));
    peer.wait(12);
    // Its end takes a moment; from then on there is an hour of waiting.
    std::thread::sleep(std::time::Duration::from_secs(1));
    running.signal(nix::sys::signal::Signal::SIGINT);
    let ended = running.end();
    assert_eq!(ended.code, 130, "{}{}", ended.out, ended.err);
    assert!(!sandbox.path("b").exists(), "half a calibration is none");
}
