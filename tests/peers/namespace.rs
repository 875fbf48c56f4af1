//! This host's own inability is never the target's fact: in a network namespace without anything, behind each kind of route
//! that forbids, and behind this host's own firewall, every family is errored, alike.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use shakedown::checks::FAMILIES;

use super::peer::{IP, NFT, installed, skip};
use super::sandbox::CliSandbox;

/// A network namespace of its own, removed with this.
pub struct Namespace(String);

impl Namespace {
    /// `None` where this user may make none.
    fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("sd-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let made = Command::new("ip").args(["netns", "add", &name]).output().unwrap();
        made.status.success().then_some(Self(name))
    }

    pub fn name(&self) -> &str {
        &self.0
    }

    /// Runs commands inside, one a line.
    pub fn setup(&self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", &self.0]).args(["sh", "-c", line]);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// The report of a suite that is run inside, and what it says to people.
    pub fn run(&self, suite: &str) -> (Value, String) {
        let sandbox = CliSandbox::new();
        sandbox.write("suite.yaml", suite);
        let inner = sandbox.shakedown(&["run", "suite.yaml", "--json", "report.json"]);
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0]).arg(inner.get_program()).args(inner.get_args());
        let output = command.current_dir(sandbox.folder()).env_remove("SHAKEDOWN_PEER_LOG").output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let report = std::fs::read(sandbox.path("report.json")).unwrap_or_else(|_| panic!("no report: {shown}"));
        (serde_json::from_slice(&report).unwrap(), shown)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.0]).output();
    }
}

pub fn namespace() -> Option<Namespace> {
    if !installed(&[IP, NFT]) {
        return None;
    }
    let made = Namespace::new();
    if made.is_none() {
        skip("this user may make no network namespace", "run the tests as root");
    }
    made
}

/// One check of each family at `host`, each of which accepts whatever a host that is not there may come to.
fn every_family(host: &str) -> String {
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let any = "expect: {outcome: {in: [refused, unreachable, unresolved, reset]}}";
    format!(
        "version: 1\nsuite: own\ndefaults: {{timeout: 2s}}\nchecks:\n\
         - {{id: tcp, tcp: {{host: \"{host}\", port: 9}}, {}, control: up}}\n\
         - {{id: udp, udp: {{host: \"{host}\", port: 9, send: x}}, {}, control: up}}\n\
         - {{id: icmp, icmp: {{host: \"{host}\", count: 2}}, {}, control: up}}\n\
         - {{id: http, http: {{url: \"http://{bracketed}:9/\"}}, {}, control: up}}\n\
         - {{id: dns, dns: {{server: \"{bracketed}:9\", name: x.test, attempts: 1}}, {}, control: up}}\n\
         - {{id: dns-tcp, dns: {{server: \"{bracketed}:9\", name: x.test, transport: tcp}}, {}, control: up}}\n\
         - {{id: tls, tls: {{host: \"{host}\", port: 9}}, {}, control: up}}\n\
         - {{id: throughput, throughput: {{server: \"{bracketed}:9\", duration: 1s}}, {}, control: up}}\n\
         - {{id: up, tcp: {{host: \"{host}\", port: 80}}}}\n",
        any.replace("unresolved", "unresolved, timeout"),
        any.replace("reset", "silent"),
        any.replace("refused, ", "").replace("reset", "silent"),
        any.replace("unresolved", "unresolved, timeout"),
        any.replace("unresolved", "unresolved, timeout"),
        any.replace("unresolved", "unresolved, timeout"),
        any.replace("unresolved", "unresolved, timeout"),
        any.replace("unresolved", "unresolved, timeout"),
    )
}

/// Checks that are not errored, with what they came to.
fn not_errored(report: &Value) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap();
    let wrong = checks.iter().filter(|check| check["verdict"] != "errored");
    wrong.map(|check| format!("{} {} {}", check["id"], check["verdict"], check["reason"])).collect()
}

#[test]
fn in_an_empty_namespace_nothing_passes_and_no_target_is_blamed() {
    let Some(empty) = namespace() else { return };
    for host in ["192.0.2.1", "2001:db8::1"] {
        let (report, shown) = empty.run(&every_family(host));
        let wrong = not_errored(&report);
        assert!(wrong.is_empty(), "{host}: {}\n{shown}", wrong.join("\n"));
    }
    // The examples of the documentation too: nothing in them holds where there is no network.
    for family in FAMILIES.iter().filter(|family| family.name != "failover") {
        // One attempt is as good as ten minutes of them.
        let example = family.example.replace("within: 10m", "within: 100ms");
        let (report, shown) = empty.run(&example.replace("\nchecks:", "\ndefaults: {timeout: 500ms}\nchecks:"));
        let passed: Vec<&Value> =
            report["checks"].as_array().unwrap().iter().filter(|check| check["verdict"] == "passed").collect();
        assert!(passed.is_empty(), "{}: {passed:?}\n{shown}", family.name);
    }
}

/// A route of this host that forbids, and its words.
const ROUTES: &[(&str, &str)] = &[
    ("prohibit", "a route of this host prohibits it"),
    ("unreachable", "a route of this host says unreachable"),
    ("blackhole", "a route of this host is a black hole"),
];

#[test]
fn a_route_that_forbids_is_this_hosts_own() {
    for (kind, words) in ROUTES {
        let Some(own) = namespace() else { return };
        own.setup(&format!("ip link set lo up\nip route add {kind} 192.0.2.0/24"));
        let (report, shown) = own.run(&every_family("192.0.2.1"));
        let wrong = not_errored(&report);
        assert!(wrong.is_empty(), "{kind}: {}\n{shown}", wrong.join("\n"));
        assert!(shown.contains(words), "{kind}: {shown}");
    }
}

/// A way out to a neighbour that is known and never answers.
const WAY: &str = "ip link set lo up
    ip link add way0 type veth peer name way1
    ip link set way0 up
    ip link set way1 up
    ip address add 10.9.0.1/24 dev way0
    ip -6 address add 2001:db8:9::1/64 dev way0 nodad
    ip route add 192.0.2.0/24 dev way0
    ip -6 route add 2001:db8::/64 dev way0
    ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev way0
    ip -6 neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 dev way0
    nft add table inet f
    nft 'add chain inet f out { type filter hook output priority 0; }'";

#[test]
fn a_filter_of_this_host_is_not_the_targets_refusal() {
    for kind in ["port-unreachable", "admin-prohibited", "no-route"] {
        let Some(own) = namespace() else { return };
        own.setup(WAY);
        own.setup(&format!(
            "nft 'add rule inet f out ip daddr 192.0.2.0/24 reject with icmpx type {kind}'\n\
             nft 'add rule inet f out ip6 daddr 2001:db8::/64 reject with icmpx type {kind}'"
        ));
        for host in ["192.0.2.1", "2001:db8::1"] {
            let (report, shown) = own.run(&every_family(host));
            let wrong = not_errored(&report);
            assert!(wrong.is_empty(), "{kind} {host}: {}\n{shown}", wrong.join("\n"));
            assert!(shown.contains("a filter of this host rejects it"), "{kind} {host}: {shown}");
        }
    }
}

/// A packet larger than the own interface says nothing of the path; silence with a way out is the target's or the path's.
#[test]
fn the_own_interface_and_a_silent_neighbour() {
    let Some(own) = namespace() else { return };
    own.setup(WAY);
    let icmp = |size: &str| {
        format!(
            "version: 1\nsuite: own\nchecks:\n- {{id: a, icmp: {{host: 192.0.2.1, count: 1, timeout: 300ms, size: {size}, dont_fragment: true}}}}\n"
        )
    };
    let (report, shown) = own.run(&icmp("1500 B"));
    assert!(not_errored(&report).is_empty() && shown.contains("this host's own interface"), "{shown}");
    let (report, shown) = own.run(&icmp("1000 B"));
    assert_eq!(report["checks"][0]["facts"]["outcome"], "silent", "{shown}");
    assert_eq!(report["checks"][0]["verdict"], "failed", "{shown}");
}
