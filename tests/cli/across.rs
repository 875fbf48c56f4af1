//! What checks have to do with each other: needs of other suites, names they do not share at the same time, and the plan
//! that says so, as text and as a document.

use std::collections::BTreeMap;

use shakedown::lab::reflect::Reflector;

use super::{CliSandbox, closed_port, listener, read};

fn base(port: u16) -> String {
    format!(
        "version: 1\nsuite: base\nchecks:\n  - id: up\n    tags: [ground]\n    tcp: {{host: 127.0.0.1, port: {port}}}\n"
    )
}

fn gate(port: u16) -> String {
    format!(
        "version: 1\nsuite: gate\nchecks:\n  - id: page\n    tags: [page]\n    needs: [base/up]\n    tcp: {{host: 127.0.0.1, port: {port}}}\n\
         \x20 - id: alone\n    tcp: {{host: 127.0.0.1, port: {port}}}\n"
    )
}

#[test]
fn a_check_of_another_suite_is_waited_for_and_pulled_in() {
    let (_keep, address) = listener();
    let sandbox = CliSandbox::new(&gate(address.port()));
    sandbox.write("base.yaml", &base(address.port()));
    let ended = sandbox.run(&["run", "suite.yaml", "base.yaml", "--json", "r.json"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let names: Vec<String> = sandbox.json("r.json")["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| format!("{}/{}", check["suite"].as_str().unwrap(), check["id"].as_str().unwrap()))
        .collect();
    assert_eq!(names, ["gate/alone", "base/up", "gate/page"], "the order in which they start");
    for selection in [["--only", "page"], ["--tag", "page"], ["--only", "gate/page"]] {
        let ended = sandbox.run(&[&["run", "suite.yaml", "base.yaml", "--json", "r.json"], &selection[..]].concat());
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
        assert_eq!(sandbox.json("r.json")["summary"]["total"], 2, "{selection:?}");
        assert!(ended.out.contains("taken in because a selected check needs them: base/up"), "{}", ended.out);
    }
    let ended = sandbox.run(&["run", "suite.yaml", "base.yaml", "--skip-tag", "ground"]);
    assert!(ended.out.contains("left out because they need what --skip-tag leaves out: gate/page"), "{}", ended.out);
}

#[test]
fn a_need_of_another_suite_that_failed_is_named_in_full() {
    let (_keep, address) = listener();
    let (_held, shut) = closed_port();
    let sandbox = CliSandbox::new(&gate(address.port()));
    sandbox.write("base.yaml", &base(shut));
    let ended = sandbox.run(&["run", "suite.yaml", "base.yaml", "--json", "r.json"]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    let report = sandbox.json("r.json");
    let page = report["checks"].as_array().unwrap().iter().find(|check| check["id"] == "page").unwrap();
    assert_eq!((&page["verdict"], &page["reason"]), (&"skipped".into(), &"needs base/up, which failed".into()));
    assert_eq!(page["unmet"], true);
}

#[test]
fn a_suite_that_is_needed_and_not_given_stops_everything() {
    let sandbox = CliSandbox::new(&gate(1));
    let ended = sandbox.run(&["run", "suite.yaml"]);
    assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
    for part in [
        "`base/up` in `needs` is a check of suite `base`, which is no part of this run",
        "suite.yaml:6",
        "`shakedown run suite.yaml base.yaml`",
        "nothing was sent",
    ] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    let cyclic =
        "version: 1\nsuite: base\nchecks:\n  - id: up\n    needs: [gate/page]\n    tcp: {host: 127.0.0.1, port: 1}\n";
    sandbox.write("base.yaml", cyclic);
    let ended = sandbox.run(&["run", "suite.yaml", "base.yaml"]);
    assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("dependency cycle: gate/page -> base/up -> gate/page"), "{}", ended.err);
}

/// The most checks under way at once, by the group that `of` gives each.
fn most_at_once(events: &str, of: impl Fn(&str) -> &'static str) -> BTreeMap<&'static str, usize> {
    let (mut running, mut most) = (BTreeMap::new(), BTreeMap::new());
    let mut names = BTreeMap::new();
    for line in events.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let index = event["index"].as_u64();
        let change = match event["event"].as_str().unwrap() {
            "check_started" => {
                names.insert(index, event["id"].as_str().unwrap().to_owned());
                1
            }
            "check_finished" => -1,
            _ => continue,
        };
        let group = of(&names[&index]);
        let now: &mut i64 = running.entry(group).or_default();
        *now += change;
        let most: &mut usize = most.entry(group).or_default();
        *most = (*most).max(usize::try_from(*now).unwrap());
    }
    most
}

#[test]
fn serial_and_per_target_hold_whatever_jobs_says() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let reflector = runtime.block_on(Reflector::start()).unwrap();
    let port = reflector.tcp_echo().port();
    let suite = format!(
        "version: 1\nsuite: s\ndefaults: {{rounds: 20}}\nchecks:\n\
         \x20 - id: lab\n    matrix: {{n: [1, 2, 3]}}\n    serial: lab\n    tcp: {{host: \"127.0.0.${{matrix.n}}\", port: {port}}}\n    expect: {{outcome: {{in: [connected, refused]}}}}\n\
         \x20 - id: many\n    matrix: {{n: [1, 2, 3, 4, 5, 6]}}\n    tags: [\"${{matrix.n}}\"]\n    per_target: 2\n    samples: \"${{matrix.n}}\"\n    tcp: {{host: 127.0.0.1, port: {port}}}\n"
    );
    let sandbox = CliSandbox::new(&suite);
    let ended = sandbox.run(&["run", "suite.yaml", "--jobs", "16", "--events", "e.jsonl"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let most = most_at_once(&read(&sandbox.path("e.jsonl")), |id| if id.starts_with("lab") { "lab" } else { "many" });
    assert_eq!(most["lab"], 1, "{most:?}");
    assert!((1..=2).contains(&most["many"]), "{most:?}");
    let plan = sandbox.run(&["plan", "suite.yaml"]).out;
    assert!(plan.contains("serial lab: 3 cases, one at a time\n"), "{plan}");
    assert!(plan.contains("target 127.0.0.1: 7 cases, at most 2 at a time\n"), "{plan}");
    let plan = sandbox.run(&["plan", "suite.yaml", "--per-target", "1"]).out;
    assert!(plan.contains("target 127.0.0.1: 7 cases, at most 1 at a time\n"), "{plan}");
    let mut command = sandbox.command(&["plan", "suite.yaml"]);
    let ended = super::Ended::of(command.env("SHAKEDOWN_PER_TARGET", "0").output().unwrap());
    assert_eq!(ended.code, 2, "{}", ended.err);
}

#[test]
fn the_plan_is_a_document_too() {
    let suite = "version: 1\nsuite: s\nvars: {host: 127.0.0.1}\nsecrets: [TOKEN]\nchecks:\n\
         \x20 - {id: a, serial: lab, tcp: {host: \"${host}\", port: 9}}\n\
         \x20 - {id: b, serial: lab, needs: [a], retries: 2, retry_delay: 3s, rounds: 4, samples: 5, severity: warn, tcp: {host: 127.0.0.1, port: 9, send: \"${TOKEN}\"}, expect: {connect_time.p95: {lt: 20ms}}}\n\
         \x20 - {id: c, tags: [x, y], eventually: {within: 30s, every: 2s}, tcp: {host: 127.0.0.1, port: 9, timeout: 4s}}\n\
         \x20 - {id: d, when: {host: [other]}, tcp: {host: 127.0.0.1, port: 9}}\n\
         \x20 - id: f\n    failover: {probe: {tcp: {host: 127.0.0.1, port: 9}}, inject: {run: [\"true\", \"${TOKEN}\"]}, restore: {run: [\"true\"]}}\n    expect: {outage.hi: {lt: 1s}}\n";
    let suite = suite.replace(", \"${TOKEN}\"]", "]");
    let sandbox = CliSandbox::new(&suite);
    let run = |args: &[&str]| {
        let mut command = sandbox.command(&[&["plan", "suite.yaml", "--seed", "7"], args].concat());
        super::Ended::of(command.env("TOKEN", "s3cret-token").output().unwrap())
    };
    let ended = run(&["--json", "-"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(!ended.out.contains("s3cret"), "{}", ended.out);
    let plan: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&plan["schema"], &plan["seed"]), (&"shakedown.plan/1".into(), &7.into()));
    assert_eq!(plan["limits"], serde_json::json!([{"kind": "serial", "name": "lab", "most": 1, "cases": 2}]));
    let cases = plan["cases"].as_array().unwrap();
    let ids: Vec<&str> = cases.iter().map(|case| case["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a", "b", "c", "d", "f"]);
    let [first, second, converges, skipped, breaks] = cases.as_slice() else { panic!("{plan}") };
    assert_eq!(
        (&first["serial"], &first["limits"], &first["target"]),
        (&"lab".into(), &serde_json::json!([0]), &"127.0.0.1:9".into())
    );
    assert_eq!(second["needs"], serde_json::json!(["s/a"]));
    for (name, want) in [("retries", 2.0), ("retry_delay_s", 3.0), ("rounds", 4.0), ("warm_up", 1.0), ("samples", 5.0)]
    {
        assert_eq!(second[name].as_f64(), Some(want), "{name}");
    }
    assert_eq!(
        (&second["severity"], &second["stage"], &second["alone"]),
        (&"warn".into(), &"quiet".into(), &false.into())
    );
    let expects = second["expects"].as_array().unwrap();
    let of = |fact: &str| expects.iter().find(|one| one["fact"] == fact).unwrap();
    assert_eq!(
        (&of("connect_time.p95")["origin"], &of("connect_time.p95")["at"]["line"]),
        (&"suite".into(), &7.into())
    );
    assert_eq!((&of("outcome")["origin"], &of("outcome")["at"]), (&"default".into(), &serde_json::Value::Null));
    assert_eq!(converges["eventually"], serde_json::json!({"within_s": 30.0, "every_s": 2.0}));
    assert_eq!((converges["timeout_s"].as_f64(), &converges["tags"]), (Some(4.0), &serde_json::json!(["x", "y"])));
    assert!(skipped["skip"].as_str().unwrap().contains("when host is other"), "{skipped}");
    assert_eq!((&breaks["stage"], &breaks["alone"]), (&"disruptive".into(), &true.into()));
    assert!(cases.iter().all(|case| case["budget_s"].as_f64() >= case["attempt_s"].as_f64().or(Some(0.0))), "{plan}");
    // Two arms, in the order of the seed.
    let plan: serde_json::Value =
        serde_json::from_str(&run(&["--json", "-", "--against", "host=127.0.0.2", "--pairs", "6"]).out).unwrap();
    let paired = plan["cases"].as_array().unwrap().iter().find(|case| case["id"] == "a").unwrap();
    assert_eq!(
        (&paired["head"], &paired["alone"], paired["first_arms"].as_array().unwrap().len()),
        (&"127.0.0.2:9".into(), &true.into(), 6)
    );
    // It is valid by its own schema, and replaces nothing that is read.
    let schema: serde_json::Value = serde_json::from_str(&sandbox.run(&["schema", "plan"]).out).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&plan));
    let ended = run(&["--json", "suite.yaml"]);
    assert_eq!(ended.code, 2, "{}", ended.err);
    assert_eq!(read(&sandbox.path("suite.yaml")), suite);
}
