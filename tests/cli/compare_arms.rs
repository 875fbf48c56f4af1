//! `compare` of a report with both arms: the same numbers again, and none from a design that shows nothing.

use serde_json::{Value, json};

use super::peer::{Peer, suite};
use super::report_fixture::{Builder, CLASS, metric, round};
use super::{CliSandbox, Ended};

fn compare(sandbox: &CliSandbox, report: &str) -> (Ended, Value) {
    let ended = sandbox.run(&["compare", report, "--json", "c.json"]);
    let document = sandbox.json("c.json");
    (ended, document)
}

#[test]
fn a_report_of_two_arms_says_again_what_the_run_said() {
    let (base, head) = (Peer::slow(10), Peer::slow(40));
    let sandbox = CliSandbox::new(&suite(base.port, "    samples: 3\n"));
    let args = ["run", "suite.yaml", "--json", "r.json", "--against", &format!("port={}", head.port)];
    assert_eq!(sandbox.run(&args).code, 4);
    let (ended, document) = compare(&sandbox, "r.json");
    assert_eq!((ended.code, document["kind"].as_str()), (4, Some("interleaved")), "{}{}", ended.out, ended.err);
    let (first, again) = (&sandbox.json("r.json")["checks"][0]["comparison"]["response_time"], &document["metrics"][0]);
    for key in ["verdict", "ratio", "ci", "p", "mde", "tolerance", "method", "base", "head", "counts", "confirmation"] {
        assert!(first[key] == again[key] && !again[key].is_null(), "{key}: {first} {again}");
    }
    assert_eq!(
        (&again["suite"], &again["check"], &again["metric"]),
        (&"s".into(), &"a".into(), &"response_time".into())
    );
    assert_eq!((&document["summary"]["regressed"], &document["base"]), (&1.into(), &json!([])));

    // The same rounds, made to look as if one arm had been measured after the other.
    let mut blocked = sandbox.json("r.json");
    let rounds = blocked["checks"][0]["metrics"]["response_time"]["rounds"].as_array_mut().unwrap();
    rounds.sort_by_key(|round| (round["confirm"] == true, round["arm"] == "head"));
    for (slot, round) in rounds.iter_mut().enumerate() {
        round["slot"] = slot.into();
    }
    sandbox.write("blocked.json", &blocked.to_string());
    let (ended, document) = compare(&sandbox, "blocked.json");
    let row = &document["metrics"][0];
    assert_eq!((ended.code, &row["verdict"]), (0, &"inconclusive".into()), "{row}");
    assert!(row["reason"].as_str().unwrap().contains("one arm was measured after the other"), "{row}");
    assert!(row["p"].is_null() && row["ci"].is_null(), "{row}");
    let strict = sandbox.run(&["compare", "blocked.json", "--strict"]);
    assert_eq!(strict.code, 3, "{}", strict.out);
}

/// A report of two arms whose head is twice as slow, with the rounds in the order of `arms`.
pub(super) fn twice(arms: &str) -> String {
    let rounds: Vec<Value> = (0..)
        .zip(arms.chars())
        .map(|(slot, arm)| {
            let (name, p50) = if arm == 'h' { ("head", 0.020) } else { ("base", 0.010) };
            round(slot, p50 * (1.0 + 0.001 * f64::from(slot * 7 % 5)), &json!({"arm": name}))
        })
        .collect();
    let mut report = Builder::new(1, CLASS).check("edge", "a", "d", json!({"rtt": metric("ratio", 0.05, &rounds)}));
    report.0["design"]["kind"] = "interleaved".into();
    report.text()
}

#[test]
fn only_interleaved_rounds_regress() {
    let sandbox = CliSandbox::new("");
    for (arms, code) in [
        ("bhhbbhhbbhbhbhhbhbbh", 4),
        ("bbbbbbbbbbhhhhhhhhhh", 0),
        ("hhhhhhhhhhbbbbbbbbbb", 0),
        ("bbbbbhhhhhhhhhhbbbbb", 0),
        ("bhhbbhhbbh", 0),
        ("bbbbbbbbbb", 3),
        ("hhhhhhhhhh", 3),
        ("bh", 0),
    ] {
        sandbox.write("r.json", &twice(arms));
        let (ended, document) = compare(&sandbox, "r.json");
        let row = &document["metrics"][0];
        assert_eq!(ended.code, code, "{arms}: {row}");
        assert_eq!(row["verdict"] == "regressed", code == 4, "{arms}: {row}");
        assert_eq!(row["verdict"] == "not_compared", code == 3, "{arms}: {row}");
        assert_eq!(row["reason"].is_string(), code != 4, "{arms}: {row}");
    }
    // All in one slot, or in no order at all, is no design either.
    let mut report: Value = serde_json::from_str(&twice("bhhbbhhbbhbhbhhbhbbh")).unwrap();
    for round in report["checks"][0]["metrics"]["rtt"]["rounds"].as_array_mut().unwrap() {
        round["slot"] = u32::MAX.into();
    }
    sandbox.write("r.json", &report.to_string());
    let (ended, document) = compare(&sandbox, "r.json");
    assert_eq!((ended.code, &document["metrics"][0]["verdict"]), (0, &"inconclusive".into()));
}

/// An arm that failed answered something else, and its time is the time of that.
#[test]
fn an_arm_that_did_not_hold_has_no_numbers() {
    let sandbox = CliSandbox::new("");
    let arms = "bhhbbhhbbhbhbhhbhbbh";
    let arm = |verdict: &str| json!({"target": "h:1", "verdict": verdict, "reason": "status 500", "facts": {}});
    for (base, head, code) in [("passed", "passed", 4), ("failed", "passed", 3), ("passed", "failed", 1)] {
        let mut report: Value = serde_json::from_str(&twice(arms)).unwrap();
        report["checks"][0]["base"] = arm(base);
        report["checks"][0]["verdict"] = head.into();
        sandbox.write("r.json", &report.to_string());
        let (ended, document) = compare(&sandbox, "r.json");
        let row = &document["metrics"][0];
        assert_eq!(ended.code, code, "{base} {head}: {}", ended.out);
        let verdict = if code == 4 { "regressed" } else { "not_compared" };
        assert_eq!(row["verdict"], verdict, "{base} {head}: {row}");
    }
}
