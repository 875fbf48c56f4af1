//! `--against`: which checks are paired, in which order, and what is refused before anything is sent.

use serde_json::Value;

use super::peer::{Peer, suite};
use super::{CliSandbox, Ended, closed_port, read};

/// Wide enough that two equal peers are never an alarm, although one pause is many times what they take.
const CALM: &str = "    baseline: {response_time: {tolerance: 1000000%}}\n";

fn refused(sandbox: &CliSandbox, args: &[&str]) -> String {
    let ended = sandbox.run(&[&["run", "suite.yaml"], args].concat());
    assert_eq!(ended.code, 2, "{args:?}: {}{}", ended.out, ended.err);
    ended.err
}

fn good(sandbox: &CliSandbox, args: &[&str]) -> Ended {
    let ended = sandbox.run(&[&["run", "suite.yaml", "--json", "r.json"], args].concat());
    assert_eq!(ended.code, 0, "{args:?}: {}{}", ended.out, ended.err);
    ended
}

/// The arms of the rounds that count, as `plan` writes them.
fn order(check: &Value) -> String {
    let rounds = check["metrics"]["response_time"]["rounds"].as_array().unwrap();
    let arms: Vec<&str> = rounds
        .iter()
        .filter(|round| round["discarded"].is_null())
        .map(|round| &round["arm"].as_str().unwrap()[..1])
        .collect();
    arms.chunks(2).map(<[&str]>::concat).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_seed_decides_the_order_and_plan_prints_it() {
    let (base, head) = (Peer::slow(0), Peer::slow(0));
    let sandbox = CliSandbox::new(&suite(base.port, CALM));
    let head_port = format!("port={}", head.port);
    let args = |seed| ["--against", &head_port, "--pairs", "12", "--seed", seed].map(str::to_owned);
    let planned = |seed| {
        let args = args(seed);
        let args: Vec<&str> = ["plan", "suite.yaml"].into_iter().chain(args.iter().map(String::as_str)).collect();
        let ended = sandbox.run(&args);
        assert_eq!(ended.code, 0, "{}", ended.err);
        assert!(ended.out.contains(&format!("arm base 127.0.0.1:{}, arm head 127.0.0.1:{}", base.port, head.port)));
        let (_, order) =
            ended.out.split_once("12 pairs after 1 to warm up: ").unwrap_or_else(|| panic!("{}", ended.out));
        order.lines().next().unwrap().to_owned()
    };
    let (first, second) = (planned("1"), planned("2"));
    assert_ne!(first, second);
    assert_eq!(first, planned("1"));
    for order in [&first, &second] {
        let pairs: Vec<&str> = order.split(' ').collect();
        assert_eq!(pairs.len(), 12, "{order}");
        assert!(pairs.iter().all(|pair| ["bh", "hb"].contains(pair)), "{order}");
        assert!(pairs.contains(&"bh") && pairs.contains(&"hb"), "{order}");
    }
    assert_eq!((base.asked(), head.asked()), (0, 0), "a plan sends nothing");
    for (seed, want) in [("1", &first), ("2", &second)] {
        let args = args(seed);
        good(&sandbox, &args.iter().map(String::as_str).collect::<Vec<_>>());
        let report = sandbox.json("r.json");
        assert_eq!(&order(&report["checks"][0]), want);
        assert_eq!(report["design"]["seed"].to_string(), seed);
    }
    assert_eq!((base.asked(), head.asked()), (26, 26), "1 + 12 rounds of each arm, twice");
}

#[test]
fn only_checks_that_name_the_variable_are_paired() {
    let (base, head, other) = (Peer::slow(0), Peer::slow(0), Peer::slow(0));
    let rest = format!(
        "{CALM}  - id: b\n    udp: {{host: 127.0.0.1, port: {}, send: hi}}\n    rounds: 2\n  - id: c\n    udp: {{host: 127.0.0.1, port: \"${{via}}\", send: hi}}\n{CALM}",
        other.port
    );
    // `c` names it by way of another variable.
    let text = suite(base.port, &rest).replace("vars: {", "vars: {via: \"${port}\", ");
    let sandbox = CliSandbox::new(&text);
    let ended = good(&sandbox, &["--against", &format!("port={}", head.port), "--pairs", "6"]);
    let report = sandbox.json("r.json");
    let checks = report["checks"].as_array().unwrap();
    let of = |id: &str| checks.iter().find(|check| check["id"] == id).unwrap();
    let rounds = |id: &str| of(id)["metrics"]["response_time"]["rounds"].as_array().unwrap().len();
    assert_eq!((rounds("a"), rounds("b"), rounds("c")), (14, 3, 14));
    assert!(of("b")["comparison"].is_null() && of("b")["base"].is_null(), "{}", of("b"));
    assert!(of("c")["comparison"]["response_time"]["ratio"].is_number(), "{}", ended.out);
    assert_eq!(report["summary"]["compared"], 2);
    assert_eq!((base.asked(), head.asked(), other.asked()), (14, 14, 3));
}

#[test]
fn what_cannot_be_paired_is_refused_before_anything_is_sent() {
    let (base, head) = (Peer::slow(0), Peer::slow(0));
    let text = suite(base.port, "").replace("vars: {", "vars: {unused: 1, ");
    let sandbox = CliSandbox::new(&text);
    let unused = refused(&sandbox, &["--against", "unused=2"]);
    assert!(unused.contains("--against compares nothing: no selected check that measures something names unused"));
    let unknown = refused(&sandbox, &["--against", "prot=1"]);
    assert!(
        unknown.contains("no suite has a variable `prot`") && unknown.contains("write `--against port=1`"),
        "{unknown}"
    );
    assert!(unknown.contains("--against prot"), "{unknown}");
    let few = refused(&sandbox, &["--against", &format!("port={}", head.port), "--pairs", "5"]);
    assert!(few.contains("--pairs") && few.contains('6'), "{few}");
    let text = refused(&sandbox, &["--against", "port=abc"]);
    assert!(text.contains("`abc` is not a whole number") && text.contains("--against port"), "{text}");
    assert!(!text.contains("matrix") && text.contains("1 error; nothing was sent"), "{text}");
    let shape = refused(&sandbox, &["--against", "port"]);
    assert!(shape.contains("write port=VALUE"), "{shape}");
    // The check that names it is left out by the selection.
    sandbox.write("suite.yaml", &suite(base.port, "  - id: b\n    tcp: {host: 127.0.0.1, port: 1}\n"));
    let left = refused(&sandbox, &["--against", "port=2", "--only", "b"]);
    assert!(left.contains("--against compares nothing"), "{left}");
    let matrix = suite(base.port, "    matrix: {n: \"${cells}\"}\n    when: {matrix.n: [1, 2, 7]}\n")
        .replace("vars: {", "vars: {cells: [1, 2], ");
    sandbox.write("suite.yaml", &matrix);
    let cells = refused(&sandbox, &["--against", "cells=7"]);
    assert!(cells.contains("--against"), "{cells}");
    assert_eq!((base.asked(), head.asked()), (0, 0));
}

#[test]
fn a_secret_in_an_override_is_never_shown() {
    const SECRET: &str = "tr0ub4dor-zw3i";
    let (base, _held) = (Peer::slow(0), closed_port());
    let text = suite(base.port, CALM)
        .replace("vars: {", "secrets: [MY_TOKEN]\nvars: {say: hi, ")
        .replace("send: hi", "send: \"${say}\"");
    let sandbox = CliSandbox::new(&text);
    let (plain, label) = (format!("say={SECRET}"), format!("k={SECRET}"));
    let mut all = String::new();
    for value in [plain.as_str(), "say=Bearer ${MY_TOKEN}"] {
        let run = ["run", "-vvv", "--json", "r.json", "--junit", "r.xml", "--events", "e.jsonl", "--label", &label];
        for first in [&["plan"][..], &run] {
            let args = [first, &["suite.yaml", "--against", value]].concat();
            let ended = Ended::of(sandbox.command(&args).env("MY_TOKEN", SECRET).output().unwrap());
            assert_eq!(ended.code, 0, "{args:?}: {}{}", ended.out, ended.err);
            all += &(ended.out + &ended.err);
        }
        for file in ["r.json", "r.xml", "e.jsonl"] {
            all += &read(&sandbox.path(file));
        }
        assert!(sandbox.json("r.json")["design"]["against"]["say"].is_string());
        let ended = Ended::of(sandbox.command(&["compare", "r.json", "--json", "-"]).output().unwrap());
        all += &(ended.out + &ended.err);
    }
    assert!(!all.contains("tr0ub4dor"), "{all}");
    assert!(all.contains("***"), "its place shows");
    // Nor in what is said of an override that cannot be used.
    let bad = suite(base.port, "").replace("vars: {", "secrets: [MY_TOKEN]\nvars: {");
    let sandbox = CliSandbox::new(&bad);
    let command = &mut sandbox.command(&["run", "suite.yaml", "--against", &format!("port={SECRET}")]);
    let ended = Ended::of(command.env("MY_TOKEN", SECRET).output().unwrap());
    assert_eq!(ended.code, 2);
    assert!(!ended.err.contains("tr0ub4dor") && ended.err.contains("***"), "{}", ended.err);
}

#[test]
fn a_matrix_keeps_the_ids_of_the_suite_as_written() {
    let (base, head) = (Peer::slow(0), Peer::slow(0));
    let text = suite(base.port, &format!("    matrix: {{to: [\"${{port}}\"]}}\n{CALM}"))
        .replace("port: \"${port}\"", "port: \"${matrix.to}\"");
    let sandbox = CliSandbox::new(&text);
    good(&sandbox, &["--against", &format!("port={}", head.port), "--pairs", "6"]);
    let check = &sandbox.json("r.json")["checks"][0];
    assert_eq!(check["id"], format!("a[to={}]", base.port));
    assert_eq!(check["target"], format!("127.0.0.1:{}", head.port));
    assert_eq!((base.asked(), head.asked()), (7, 7));
}

#[test]
fn a_condition_that_does_not_hold_for_head_skips_the_case() {
    let (base, head) = (Peer::slow(0), Peer::slow(0));
    let sandbox = CliSandbox::new(&suite(base.port, &format!("    when: {{port: [{}]}}\n", base.port)));
    let port = format!("port={}", head.port);
    let ended = sandbox.run(&["run", "suite.yaml", "--against", &port, "--json", "r.json"]);
    assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains(&format!("when port is {}; it is {}", base.port, head.port)), "{}", ended.out);
    assert_eq!(sandbox.json("r.json")["checks"][0]["verdict"], "skipped");
    assert_eq!((base.asked(), head.asked()), (0, 0), "neither arm");
}

#[test]
fn samples_are_measured_in_each_round_until_one_is_not_answered() {
    let peer = Peer::slow(0);
    let sandbox = CliSandbox::new(&suite(peer.port, "    samples: 20\n    rounds: 3\n"));
    good(&sandbox, &[]);
    let check = &sandbox.json("r.json")["checks"][0];
    let rounds = check["metrics"]["response_time"]["rounds"].as_array().unwrap();
    assert_eq!(rounds.iter().map(|round| round["count"].as_u64().unwrap()).collect::<Vec<_>>(), [20; 4]);
    assert_eq!((&check["facts"]["response_time"]["count"], peer.asked()), (&60.into(), 80));
    // A round ends with the first silence: the patience is spent once per round, not twenty times.
    let rest = "    samples: 20\n    rounds: 3\n    expect: {outcome: silent}\n";
    let silent = Peer::silent();
    let alive = Peer::slow(0);
    let control =
        format!("    control: alive\n  - id: alive\n    udp: {{host: 127.0.0.1, port: {}, send: x}}\n", alive.port);
    sandbox.write("suite.yaml", &(suite(silent.port, rest).replace("send: hi", "send: hi, timeout: 50ms") + &control));
    good(&sandbox, &[]);
    assert_eq!(silent.asked(), 4, "1 + 3 rounds of one sample");
    // In the middle of a round as well.
    let tired = Peer::new(|n| (n % 7 != 6).then_some((std::time::Duration::ZERO, "ok")));
    sandbox.write("suite.yaml", &suite(tired.port, "    samples: 20\n").replace("send: hi", "send: hi, timeout: 2s"));
    let ended = sandbox.run(&["run", "suite.yaml"]);
    assert_eq!((ended.code, tired.asked()), (1, 7), "{}", ended.out);
}

#[test]
fn a_failover_has_one_sample_per_round() {
    let suite = "version: 1\nsuite: s\nchecks:\n  - id: f\n    samples: 2\n    failover:\n      probe: {tcp: {host: 127.0.0.1, port: 1}}\n\
         \x20     inject: {run: [touch, injected]}\n      restore: {run: [\"true\"]}\n";
    let sandbox = CliSandbox::new(suite);
    let why = refused(&sandbox, &["--allow-disruptive"]);
    assert!(why.contains("`failover` has one sample per round") && why.contains("raise `rounds`"), "{why}");
    assert!(!sandbox.path("injected").exists());
}
