//! What is measured through a path with known faults, against what the path itself says it did.

use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::lab::{self, Did, Faults, TARGET};
use super::super::quiet;
use super::{Namespace, Running, namespace};

/// Keeps a core busy; for twenty seconds of it, should nobody end it.
const BUSY: &str = "ulimit -t 20; while :; do :; done";
/// How far a median may be off, seconds.
const CLOSE: f64 = 300e-6;
/// Runs until the probe had its turn: a machine that builds or tests beside it takes it for seconds.
const TURNS: usize = 12;

/// Client, forwarder, target.
struct Lab([Namespace; 3]);

impl Lab {
    fn new(mtu: usize) -> Option<Self> {
        let all = [namespace()?, namespace()?, namespace()?];
        lab::connect(all[0].name(), all[1].name(), all[2].name(), mtu);
        Some(Self(all))
    }

    /// What a check of `icmp` with these fields finds, and what the path did.
    fn run(&self, fields: &str, faults: Faults) -> (Value, Did) {
        let path = lab::start(self.0[1].name(), faults);
        let suite = format!("version: 1\nsuite: impaired\nchecks:\n  - {{id: a, icmp: {{{fields}}}}}\n");
        let (report, _) = self.0[0].run(&suite);
        (report["checks"][0].clone(), path.end())
    }

    /// As [`Self::run`], once more where the probe says that this machine gave it no turn: what was measured plays no part in that.
    fn timed(&self, fields: &str, faults: &Faults) -> (Value, Did) {
        let mut late = Vec::new();
        for _ in 0..TURNS {
            let (check, did) = self.run(fields, faults.clone());
            if check["verdict"] != "errored" {
                return (check, did);
            }
            late.push(check["reason"].to_string());
        }
        panic!("this machine gave the probe no turn in {TURNS} runs:\n{}", late.join("\n"));
    }
}

fn host(more: &str) -> String {
    format!("host: {TARGET}, timeout: 500ms, {more}")
}

fn ms(length: u64) -> Duration {
    Duration::from_millis(length)
}

fn p50(check: &Value) -> f64 {
    check["metrics"]["rtt"]["rounds"][0]["p50"].as_f64().unwrap_or_else(|| panic!("no rtt: {check:#}"))
}

#[track_caller]
fn close(got: f64, truth: f64) {
    assert!((got - truth).abs() < CLOSE, "{got} s, and the truth is {truth} s");
}

/// The median is what the path did. A machine that wakes the path late makes its delay longer than `wanted`, never shorter: that is its
/// delay then, and what has to be measured.
#[track_caller]
fn as_it_was(check: &Value, did: &Did, wanted: f64) {
    assert!(did.p50() >= wanted, "a path of {} s, where {wanted} s was wanted", did.p50());
    close(p50(check), did.p50());
}

#[test]
fn a_delay_is_measured_as_it_is() {
    let (_quiet, Some(lab)) = (quiet(), Lab::new(1500)) else { return };
    let faults = Faults { delay: ms(20), ..Faults::default() };
    let (check, did) = lab.timed(&host("count: 100, interval: 10ms"), &faults);
    assert_eq!((check["facts"]["received"].as_u64(), did.requests), (Some(100), 100));
    assert_eq!(check["facts"]["rtt_source"], "kernel_both");
    as_it_was(&check, &did, 0.020);
    let (check, did) = lab.timed(&format!("hosts: [{TARGET}], count: 50, interval: 10ms"), &faults);
    let row = &check["facts"]["hosts"];
    let at = row["columns"].as_array().unwrap().iter().position(|name| name == "rtt").unwrap();
    close(row["rows"][0][at].as_f64().unwrap(), did.p50());
}

#[test]
fn a_slow_link_and_jitter_are_measured_as_they_are() {
    let (_quiet, Some(lab)) = (quiet(), Lab::new(1500)) else { return };
    // 1,028 bytes at 1 Mbit/s.
    let faults = Faults { rate: 1e6, ..Faults::default() };
    let (check, did) = lab.timed(&host("count: 50, interval: 12ms, size: 1000 B"), &faults);
    as_it_was(&check, &did, 0.008_224);
    let faults = Faults { delay: ms(5), jitter: ms(4), ..Faults::default() };
    let (check, did) = lab.timed(&host("count: 100, interval: 10ms"), &faults);
    as_it_was(&check, &did, 0.005);
    close(check["facts"]["jitter"].as_f64().unwrap(), did.jitter());
    assert!(did.jitter() > 0.000_5, "{} s", did.jitter());
}

#[test]
fn losses_duplicates_and_reordering_are_counted_exactly() {
    let (_quiet, Some(lab)) = (quiet(), Lab::new(1500)) else { return };
    let faults = Faults { delay: ms(2), loss: 0.02, seed: 7, ..Faults::default() };
    let (check, did) = lab.run(&host("count: 1000, interval: 2ms"), faults.clone());
    let count = |name: &str| check["facts"][name].as_u64().unwrap();
    assert_eq!((count("sent"), count("received")), (did.requests, did.requests - did.lost));
    assert_eq!(check["facts"]["loss"], json!(did.lost as f64 / 1000.0));
    assert_eq!(count("loss_run"), did.loss_run);
    // 99 % of binomial(1000, 0.02).
    assert!((10..=33).contains(&did.lost), "{}", did.lost);
    let (check, did) = lab.run(&format!("hosts: [{TARGET}], count: 1000, interval: 2ms, rate: 1000 /s"), faults);
    let row = &check["facts"]["hosts"];
    let cell = |name: &str| {
        let at = row["columns"].as_array().unwrap().iter().position(|column| column == name).unwrap();
        row["rows"][0][at].clone()
    };
    assert_eq!(
        (cell("received").as_u64(), cell("loss_run").as_u64()),
        (Some(did.requests - did.lost), Some(did.loss_run))
    );
    let faults = Faults { duplicate_every: 7, hold_every: 10, hold: ms(15), ..Faults::default() };
    let (check, did) = lab.run(&host("count: 206, interval: 5ms"), faults);
    let facts = &check["facts"];
    assert_eq!((did.duplicated, did.reordered), (29, 20));
    assert_eq!((&facts["duplicates"], &facts["reordered"], &facts["received"]), (&json!(29), &json!(20), &json!(206)));
}

#[test]
fn a_busy_machine_does_not_make_the_path_look_slow() {
    let (_quiet, Some(lab)) = (quiet(), Lab::new(1500)) else { return };
    let faults = Faults { delay: Duration::from_micros(1720), ..Faults::default() };
    let busy: Vec<Running> =
        (0..13).map(|_| Running(Command::new("sh").args(["-c", BUSY]).stdin(Stdio::null()).spawn().unwrap())).collect();
    let (check, did) = lab.timed(&host("count: 200, interval: 10ms"), &faults);
    drop(busy);
    as_it_was(&check, &did, 0.001_72);
}

/// What a search finds: MTU of the path, whether longer packets vanish, and who says so.
fn found(lab: &Lab, faults: Faults) -> (Value, Did) {
    let target = if faults.is_ipv6 { IpAddr::from(lab::TARGET_V6) } else { TARGET.into() };
    lab.run(&format!("host: '{target}', mtu: discover, interval: 5ms, timeout: 300ms"), faults)
}

#[test]
fn the_mtu_of_the_path_is_found_exactly() {
    let Some(lab) = Lab::new(1500) else { return };
    let four = [1500, 1492, 1400, 1281, 576].map(|mtu| (mtu, false));
    // No link of IPv6 carries less than 1,280 bytes (RFC 8200, 5).
    for (mtu, is_ipv6) in four.into_iter().chain([1500, 1400, 1281, 1280].map(|mtu| (mtu, true))) {
        let (check, did) = found(&lab, Faults { mtu, is_ipv6, reports: true, delay: ms(1), ..Faults::default() });
        let facts = &check["facts"];
        assert_eq!((&check["verdict"], &facts["path_mtu"]), (&json!("passed"), &json!(mtu)), "{check:#}");
        let small = mtu < 1500;
        let router = if is_ipv6 { lab::ROUTER_V6.to_string() } else { lab::ROUTER.to_string() };
        let router = small.then_some(router);
        assert_eq!(
            (facts["path_mtu.router"].as_str(), facts["path_mtu.reported"].as_u64()),
            (router.as_deref(), small.then_some(mtu as u64))
        );
        assert_eq!((&facts["path_mtu.interface"], facts["path_mtu.black_hole"].as_bool()), (&json!(1500), Some(false)));
        assert!(did.requests <= 5, "the report says where to look: {} packets", did.requests);
    }
}

#[test]
fn a_black_hole_is_told_from_a_small_mtu() {
    let Some(lab) = Lab::new(1500) else { return };
    for (mtu, is_ipv6) in [(1499, false), (1400, false), (900, false), (1400, true)] {
        let (check, did) = found(&lab, Faults { mtu, is_ipv6, delay: ms(1), ..Faults::default() });
        let facts = &check["facts"];
        assert_eq!((&facts["path_mtu"], &facts["path_mtu.black_hole"]), (&json!(mtu), &json!(true)), "{check:#}");
        assert_eq!((&check["verdict"], did.reported), (&json!("failed"), 0));
        let reason = check["reason"].as_str().unwrap();
        assert!(reason.contains(&format!("of more than {mtu} bytes vanish, and no router says so")), "{reason}");
    }
}

#[test]
fn losses_are_no_mtu() {
    let Some(lab) = Lab::new(1500) else { return };
    for seed in 1..=2 {
        let faults = Faults { mtu: 1400, loss: 0.1, seed, delay: ms(1), ..Faults::default() };
        let (check, did) =
            lab.run(&format!("host: {TARGET}, mtu: discover, count: 6, interval: 5ms, timeout: 100ms"), faults);
        assert_eq!(check["facts"]["path_mtu"], json!(1400), "{did:?} {check:#}");
    }
}

/// Every packet of one length is lost, and none later.
#[test]
fn an_outage_is_no_mtu() {
    let Some(lab) = Lab::new(1500) else { return };
    let fields = format!("host: {TARGET}, mtu: discover, count: 2, interval: 5ms, timeout: 100ms");
    let (check, did) = lab.run(&fields, Faults { outage: 1..3, delay: ms(1), ..Faults::default() });
    assert_eq!((&check["facts"]["path_mtu"], did.lost), (&json!(1500), 2), "{check:#}");
}

#[test]
fn a_dead_host_has_no_mtu() {
    let Some(lab) = Lab::new(1500) else { return };
    let (check, _) = found(&lab, Faults { loss: 1.1, ..Faults::default() });
    assert_eq!((&check["facts"]["outcome"], &check["facts"]["path_mtu"]), (&json!("silent"), &Value::Null));
}

#[test]
fn the_class_of_service_is_sent_and_seen_where_an_error_quotes_it() {
    let Some(lab) = Lab::new(1500) else { return };
    let big = host("count: 3, interval: 5ms, size: 1000 B, dont_fragment: true, dscp: 46");
    let quoted = |fields: &str, faults| {
        let (check, did) = lab.run(fields, faults);
        (check["facts"]["dscp.quoted"].as_u64(), did.traffic_classes.into_iter().collect::<Vec<_>>())
    };
    let small = Faults { mtu: 500, reports: true, ..Faults::default() };
    assert_eq!(quoted(&big, small.clone()), (Some(46), vec![46 << 2]));
    assert_eq!(
        quoted(&big, Faults { dscp: Some(8), ..small.clone() }),
        (Some(8), vec![46 << 2]),
        "a router changed it"
    );
    assert_eq!(quoted(&big.replace(", dscp: 46", ""), small), (None, vec![0]));
    let many = format!("hosts: [{TARGET}], dscp: 10");
    assert_eq!(quoted(&many, Faults::default()), (None, vec![10 << 2]));
    let path = format!("host: {TARGET}, mtu: discover, interval: 5ms, timeout: 300ms, dscp: 10");
    assert_eq!(quoted(&path, Faults::default()), (None, vec![10 << 2]));
}
