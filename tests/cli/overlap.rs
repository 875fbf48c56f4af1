//! Quiet checks run in parallel, noisy ones alone, disruptive ones alone and last.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use shakedown::lab::reflect::Reflector;

use super::{CliSandbox, read};

fn suite(reflector: &Reflector) -> String {
    let (echo, throughput) = (reflector.tcp_echo().port(), reflector.throughput());
    let mut text = String::from("version: 1\nsuite: s\nchecks:\n");
    let _ = write!(
        text,
        "  - id: breaks\n    failover:\n      probe: {{tcp: {{host: 127.0.0.1, port: {echo}}}, interval: 10ms}}\n\
         \x20     inject: {{run: [\"true\"]}}\n      restore: {{run: [\"true\"]}}\n      steady: 50ms\n      observe: 50ms\n      settle: 50ms\n"
    );
    for n in 0..2 {
        let _ = write!(
            text,
            "  - id: loud{n}\n    throughput: {{server: \"{throughput}\", duration: 200ms, interval: 100ms}}\n"
        );
    }
    for n in 0..12 {
        let _ = write!(
            text,
            "  - id: calm{n}\n    tcp: {{host: 127.0.0.1, port: {echo}, send: x, expect: x}}\n    rounds: 20\n"
        );
    }
    let _ = write!(text, "  - id: afterwards\n    needs: [breaks]\n    tcp: {{host: 127.0.0.1, port: {echo}}}\n");
    text
}

#[test]
fn loud_checks_run_alone_and_disruptive_ones_last() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let reflector = runtime.block_on(Reflector::start()).unwrap();
    let sandbox = CliSandbox::new(&suite(&reflector));
    let ended = sandbox.run(&["run", "suite.yaml", "--allow-disruptive", "--jobs", "4", "--events", "e.jsonl"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let mut running: BTreeMap<u64, String> = BTreeMap::new();
    let (mut most, mut order) = (0, Vec::new());
    for line in read(&sandbox.path("e.jsonl")).lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let index = event["index"].as_u64();
        match event["event"].as_str().unwrap() {
            "check_started" => {
                let id = event["id"].as_str().unwrap().to_owned();
                let alone = |id: &str| id.starts_with("loud") || id == "breaks";
                assert!(running.is_empty() || !alone(&id), "{id} started beside {running:?}");
                assert!(!running.values().any(|other| alone(other)), "{id} started beside {running:?}");
                order.push(id.clone());
                running.insert(index.unwrap(), id);
                most = most.max(running.len());
            }
            "check_finished" => drop(running.remove(&index.unwrap())),
            _ => {}
        }
    }
    assert!((2..=4).contains(&most), "{most} ran in parallel with --jobs 4");
    let place = |id: &str| order.iter().position(|known| known == id).unwrap();
    assert_eq!(order.len(), 16);
    assert_eq!(place("breaks"), 14, "{order:?}");
    assert_eq!(place("afterwards"), 15, "{order:?}");
}

#[test]
fn plan_shows_a_check_in_the_stage_of_what_it_needs() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let reflector = runtime.block_on(Reflector::start()).unwrap();
    let text = CliSandbox::new(&suite(&reflector)).run(&["plan", "suite.yaml"]).out;
    let (_, disruptive) = text.split_once("stage disruptive: 2 cases").expect(&text);
    assert!(disruptive.contains("s/breaks") && disruptive.contains("s/afterwards"), "{text}");
}
