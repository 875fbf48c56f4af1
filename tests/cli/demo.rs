//! The demo shows the whole product, and its report proves it.

use std::collections::BTreeSet;

use super::CliSandbox;

#[test]
fn the_demo_holds_and_shows_every_kind_of_check() {
    let sandbox = CliSandbox::new("");
    let ended = sandbox.run(&["demo", "--out", "runs"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let report = sandbox.json("runs/demo.json");
    let checks = report["checks"].as_array().unwrap();
    let families: BTreeSet<&str> = checks.iter().map(|check| check["family"].as_str().unwrap()).collect();
    assert_eq!(families, BTreeSet::from(["tcp", "udp", "icmp", "http", "dns", "tls", "throughput", "failover"]));
    // Without permission for ICMP that check is skipped with the remedy; everything else was measured.
    for check in checks.iter().filter(|check| check["verdict"] != "passed") {
        assert_eq!(check["family"], "icmp", "{check}");
        assert!(check["reason"].as_str().unwrap().contains("setcap"), "{check}");
    }
    let expired = checks.iter().find(|check| check["id"] == "tls-expired").unwrap();
    assert_eq!(expired["facts"]["verified"], false);
    assert!(expired["facts"]["not_after"].is_string(), "the facts of an expired certificate are there");
    let failover = checks.iter().find(|check| check["family"] == "failover").unwrap();
    assert!(failover["facts"]["outage.hi"].as_f64().unwrap() > 0.0, "something really broke");
    assert_eq!(failover["facts"]["restored"], true);
    for file in ["runs/demo.xml", "runs/demo.jsonl"] {
        assert!(std::fs::metadata(sandbox.path(file)).unwrap().len() > 1000, "{file}");
    }
    let class = report["host"]["class"].as_str().unwrap();
    assert_eq!(sandbox.json(&format!("runs/baselines/demo/{class}.json"))["runs"].as_array().unwrap().len(), 1);
}
