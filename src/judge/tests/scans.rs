//! What scans of ports and sweeps say of their failures: which ports and hosts, of how many, and what to look at.

use std::net::{TcpListener, UdpSocket};

use serde_json::{Value, json};

use super::judge;
use crate::checks::FAMILIES;
use crate::model::{Observation, Round};
use crate::plan::{Case, Settings};
use crate::testing::{load, observe, observe_icmp, planned};

#[track_caller]
fn case(check: &str) -> Case {
    let up = "  - {id: up, ports: {host: 192.0.2.1, ports: 22}, expect: {open: {contains: 22}}}\n";
    let loaded = load(FAMILIES, &format!("checks:\n  - {{id: a, {check}}}\n{up}"), &[]);
    let plan = planned(loaded, None, &Settings::default()).unwrap_or_else(|errors| panic!("{errors}"));
    plan.cases.into_iter().find(|case| &*case.id == "a").unwrap()
}

/// Cause and next step.
fn told(case: &Case, seen: &Observation) -> String {
    let judgement = judge(case, seen, None);
    format!("{} | {}", judgement.reason.unwrap_or_default(), judgement.next.unwrap_or_default())
}

/// Ports 20 to 100 of a host, of which 22 and 80 are open and those beyond 50 filtered.
fn of_one(more: &str, expect: &str, seen: &[(&'static str, Value)]) -> String {
    let case = case(&format!("ports: {{host: 192.0.2.1, ports: 20-100{more}}}, {expect}"));
    let mut observation = Observation::default();
    observation.begin_round(Round::default());
    observation.set("outcome", json!("answered"));
    observation.set("open", json!(["22", "80"]));
    observation.set("closed", json!(["20-21", "23-50"]));
    observation.set("filtered", json!(["51-79", "81-100"]));
    for (name, value) in seen {
        observation.set(name, value.clone());
    }
    told(&case, &observation)
}

#[test]
fn ports_that_are_not_as_expected_are_named() {
    let listens = "there: `ss -ltnp`";
    let stop = "192.0.2.1 that should not be: 80 | stop what listens";
    for (expect, wanted) in [
        ("open: {exactly: [22]}", &["1 port is open on", stop, listens][..]),
        ("open: {excludes: 80}", &["1 port is open on", stop]),
        ("open: {none: {in: [80]}}", &["1 port is open on", stop]),
        ("open: {none: {not_in: [22]}}", &["1 port is open on", stop]),
        ("open: {all: {in: [22]}}", &["1 port is open on", stop]),
        ("open: {len: 0}", &["2 ports are open on 192.0.2.1 that should not be: 22, 80 | stop"]),
        (
            "open: {contains: 23}",
            &["1 port is not open on 192.0.2.1 that should be: 23 (closed) | is the service up", listens],
        ),
        (
            "open: {exactly: [22-23, 60, 80]}",
            &["2 ports are not open on", "that should be: 23, 60 (23 closed, 60 filtered)"],
        ),
        (
            "open: {exactly: [22, 23]}",
            &["should not be: 80; 1 port is not open on 192.0.2.1 that should be: 23 (closed) | stop"],
        ),
        (
            "closed: {exactly: [20-21]}",
            &["28 ports are closed that should not be: 23-50 |", "is told there by `ss -ltnp`"],
        ),
        ("closed: {contains: 80}", &["1 port is not closed that should be: 80 (open) |"]),
        ("filtered: {len: 0}", &["49 ports are filtered that should not be: 51-79, 81-100 |"]),
    ] {
        let text = of_one("", &format!("expect: {{{expect}}}"), &[]);
        assert!(wanted.iter().all(|part| text.contains(part)), "{expect}: {text}");
    }
    let datagrams = of_one(", method: udp", "expect: {open: {contains: 23}}", &[]);
    assert!(datagrams.contains("there: `ss -lunp`"), "{datagrams}");
    let odd: Vec<String> = (21..=39).step_by(2).map(|port: u16| port.to_string()).collect();
    let many = of_one("", "expect: {open: {len: 0}}", &[("open", json!(odd))]);
    assert!(many.contains("should not be: 21, 23, 25, 27, 29, 31, 33, 35 and 2 more |"), "{many}");
}

#[test]
fn who_answers_where_nothing_should_and_who_does_not_answer_is_told() {
    let silent = "expect: {outcome: silent, open: {len: 0}}, control: up";
    let open = of_one("", silent, &[]);
    assert!(
        open.starts_with("192.0.2.1 answers, where nothing should (open: 22, 80) | is the filter in place"),
        "{open}"
    );
    let refused = of_one("", silent, &[("open", json!([]))]);
    assert!(refused.contains("(no port is open, but ports are refused, not dropped)"), "{refused}");
    let dead = of_one("", "expect: {open: {len: 0}}", &[("outcome", json!("silent")), ("open", json!([]))]);
    assert!(dead.starts_with("no answer from 192.0.2.1 on any port | is it the right address"), "{dead}");
}

#[tokio::test]
async fn hosts_whose_ports_are_not_as_expected_are_named() {
    let listener = TcpListener::bind("127.0.0.5:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let fields = format!("ports: {{hosts: [127.0.0.5-10, a.invalid], ports: [1, {port}]}}");
    let seen = |expect: &str| case(&format!("{fields}, expect: {{{expect}}}"));
    let (observation, ended) = observe(&*seen("open_on_any: {len: 1}").base.probe).await;
    assert_eq!(ended, Ok(()));
    let by_default = told(&seen("open_on_any: {len: 1}"), &observation);
    assert!(by_default.starts_with("1 of 7 hosts have no address: a.invalid | is the name right"), "{by_default}");
    let of_ports = |expect: &str| told(&seen(&format!("hosts.unresolved: {{len: 1}}, {expect}")), &observation);
    let surplus = of_ports("open_on_any: {len: 0}");
    assert!(
        surplus.starts_with(&format!("1 port is open on 127.0.0.5 that should not be: {port} | stop")),
        "{surplus}"
    );
    let missing = of_ports(&format!("open_on_any: {{exactly: [1, {port}]}}"));
    assert!(missing.starts_with("1 port is not open on any host that should be: 1 | is the service up"), "{missing}");
    let on_all = of_ports(&format!("open_on_all: {{contains: {port}}}"));
    assert!(on_all.starts_with(&format!("1 port is not open on every host that should be: {port} |")), "{on_all}");
    let all: Vec<String> = (5..=10).map(|last| format!("127.0.0.{last}")).collect();
    for (list, cause, next) in [
        ("hosts.silent", "hosts answer on no port", "`ping -c3 127.0.0.5`"),
        ("hosts.unreachable", "hosts cannot be reached", "who rejects it is in `hosts.error`"),
    ] {
        let mut observation = observation.clone();
        observation.set(list, json!(all));
        let text = told(&seen("open_on_any: {len: 0}"), &observation);
        let cause = format!("6 of 7 {cause}: 127.0.0.5, 127.0.0.6, 127.0.0.7, 127.0.0.8 and 2 more | ");
        assert!(text.starts_with(&cause) && text.contains(next), "{text}");
    }
}

#[tokio::test]
async fn a_host_that_answers_no_datagram_is_silent() {
    let mute = UdpSocket::bind("127.0.0.9:0").unwrap();
    let port = mute.local_addr().unwrap().port();
    let one = |fields: &str| {
        case(&format!("ports: {{{fields}, ports: {port}, method: udp, timeout: 100ms}}, expect: {{open: {{len: 0}}}}"))
    };
    let (seen, ended) = observe(&*one("host: 127.0.0.9").base.probe).await;
    assert_eq!((ended, seen.text("outcome")), (Ok(()), Some("silent")));
    let text = told(&one("host: 127.0.0.9"), &seen);
    assert!(text.starts_with("no answer from 127.0.0.9 on the port asked within 100 ms | "), "{text}");
}

#[tokio::test]
async fn hosts_of_a_sweep_that_are_not_well_are_named() {
    let case = case("icmp: {hosts: [127.8.0.1-6, a.invalid]}, expect: {hosts.alive: {len: 6}}");
    let Some(seen) = observe_icmp(&*case.base.probe).await else { return };
    let unresolved = told(&case, &seen);
    assert!(
        unresolved.starts_with("1 of 7 hosts have no address: a.invalid (") && unresolved.contains("`dig a.invalid`"),
        "{unresolved}"
    );
    let all: Vec<String> = (1..=6).map(|last| format!("127.8.0.{last}")).collect();
    let with = |lists: &[(&'static str, Value)]| {
        let mut seen = seen.clone();
        for (name, list) in lists {
            seen.set(name, list.clone());
        }
        told(&case, &seen)
    };
    let first = "127.8.0.1, 127.8.0.2, 127.8.0.3, 127.8.0.4 and 2 more | ";
    let dead = with(&[("hosts.dead", json!(all)), ("hosts.alive", json!([]))]);
    assert!(dead.starts_with(&format!("6 of 7 hosts do not answer ping: {first}not one host answers")), "{dead}");
    let some = with(&[("hosts.dead", json!(all))]);
    assert!(some.contains(first) && !some.contains("not one host answers"), "{some}");
    let unreachable = with(&[("hosts.unreachable", json!(all))]);
    assert!(
        unreachable.starts_with(&format!("6 of 7 hosts cannot be reached: {first}the router that is named")),
        "{unreachable}"
    );
}
