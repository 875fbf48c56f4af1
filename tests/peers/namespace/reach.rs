//! A policy of nft on a router between six networks: what is right is green, each wrong rule is found and nothing else, and
//! with a cut network nothing is "denied as expected".

mod network_policy;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

use serde_json::Value;

use super::{Namespace, Running, namespace};

/// The networks; each host has the address 10.80.N.2.
const HOSTS: [&str; 6] = ["web", "app", "db", "cache", "log", "ops"];
const PORTS: [&str; 3] = ["tcp/80", "tcp/5432", "udp/7007"];

/// Who may reach whom.
const ALLOW: &[(&str, &str, &str)] = &[
    ("web", "app", "tcp/80"),
    ("web", "cache", "tcp/80"),
    ("web", "log", "udp/7007"),
    ("app", "db", "tcp/5432"),
    ("app", "cache", "tcp/80"),
    ("app", "log", "udp/7007"),
    ("db", "log", "udp/7007"),
    ("db", "cache", "tcp/5432"),
    ("cache", "log", "udp/7007"),
    ("cache", "db", "tcp/80"),
    ("log", "ops", "tcp/80"),
    ("log", "web", "tcp/80"),
    ("ops", "web", "tcp/80"),
    ("ops", "web", "tcp/5432"),
    ("ops", "app", "tcp/80"),
    ("ops", "db", "tcp/5432"),
    ("ops", "log", "udp/7007"),
    ("app", "ops", "tcp/80"),
    ("db", "web", "tcp/80"),
];

type Cell = (&'static str, &'static str, &'static str);

/// Listens on every port of a host, and echoes datagrams.
const SERVER: &str = "
import socket, threading
def tcp(port):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('0.0.0.0', port)); s.listen(64)
    while True: s.accept()[0].close()
for port in (80, 5432): threading.Thread(target=tcp, args=(port,)).start()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('0.0.0.0', 7007))
while True:
    data, peer = u.recvfrom(2048); u.sendto(data, peer)
";

struct Lab {
    router: Namespace,
    hosts: Vec<Namespace>,
    _servers: Vec<Running>,
}

fn ip(args: &str) {
    let output = Command::new("ip").args(args.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {args}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Lab {
    fn new() -> Option<Self> {
        let router = namespace()?;
        router.setup("ip link set lo up\nsysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0");
        let (mut hosts, mut servers) = (Vec::new(), Vec::new());
        for number in 0..HOSTS.len() {
            let host = namespace()?;
            ip(&format!("-n {} link add h{number} type veth peer name eth0 netns {}", router.name(), host.name()));
            router.setup(&format!("ip address add 10.80.{number}.1/24 dev h{number}\nip link set h{number} up"));
            host.setup(&format!(
                "ip link set lo up\nip address add 10.80.{number}.2/24 dev eth0\nip link set eth0 up\nip route add default via 10.80.{number}.1"
            ));
            servers.push(host.spawn("python3", &["-c", SERVER]));
            hosts.push(host);
        }
        for host in &hosts {
            host.setup(
                "for i in $(seq 200); do [ $(ss -Hlntu | grep -cE ':(80|5432|7007) ') -ge 3 ] && exit 0; sleep 0.05; done; exit 1",
            );
        }
        let lab = Self { router, hosts, _servers: servers };
        lab.rules(ALLOW, "drop");
        Some(lab)
    }

    /// Has the router let these through, and do this with all else.
    fn rules(&self, allow: &[Cell], otherwise: &str) {
        let address = |name: &str| format!("10.80.{}.2", HOSTS.iter().position(|host| *host == name).unwrap());
        let mut rules =
            String::from("flush ruleset\ntable ip f {\n chain forward {\n  type filter hook forward priority 0;\n");
        rules.push_str("  ct state established,related accept\n");
        for (from, to, port) in allow {
            let (protocol, number) = port.split_once('/').unwrap();
            writeln!(rules, "  ip saddr {} ip daddr {} {protocol} dport {number} accept", address(from), address(to))
                .unwrap();
        }
        writeln!(rules, "  {otherwise}\n }}\n}}").unwrap();
        let file = std::env::temp_dir().join(format!("shakedown-reach-{}.nft", self.router.name()));
        std::fs::write(&file, rules).unwrap();
        self.router.setup(&format!("nft -f {}\nconntrack -F >/dev/null 2>&1 || true", file.display()));
        let _ = std::fs::remove_file(&file);
    }

    fn suite(&self) -> String {
        let from: Vec<String> = HOSTS
            .iter()
            .zip(&self.hosts)
            .map(|(name, host)| format!("{{name: {name}, netns: {}}}", host.name()))
            .collect();
        let to: Vec<String> =
            HOSTS.iter().enumerate().map(|(at, name)| format!("{{name: {name}, host: 10.80.{at}.2}}")).collect();
        let mut suite = format!(
            "version: 1\nsuite: lab\nchecks:\n  - id: policy\n    reach:\n      from: [{}]\n      to: [{}]\n      ports: [{}]\n      timeout: 250ms\n      allow:\n",
            from.join(", "),
            to.join(", "),
            PORTS.join(", ")
        );
        for (from, to, port) in ALLOW {
            writeln!(suite, "        - {{from: {from}, to: {to}, ports: {port}}}").unwrap();
        }
        // Whoever is asked by itself shows nothing of the policy between networks.
        for name in HOSTS {
            writeln!(suite, "        - {{from: {name}, to: {name}}}").unwrap();
        }
        suite
    }

    /// Runs the check, and gives the cells that did not pass, by verdict.
    fn run(&self) -> (BTreeSet<String>, BTreeSet<String>, Value, String) {
        self.run_suite(&self.suite())
    }

    fn run_suite(&self, suite: &str) -> (BTreeSet<String>, BTreeSet<String>, Value, String) {
        let (report, shown) = self.router.run_by(&["SHAKEDOWN_JOBS=128"], suite);
        let with = |verdict: &str| {
            let checks = report["checks"].as_array().unwrap().iter().filter(|check| check["verdict"] == verdict);
            checks.map(|check| check["id"].as_str().unwrap().to_owned()).collect()
        };
        let (failed, errored) = (with("failed"), with("errored"));
        (failed, errored, report, shown)
    }
}

fn id((from, to, port): &Cell) -> String {
    format!("policy[from={from},port={port},to={to}]")
}

fn ids<'c>(cells: impl IntoIterator<Item = &'c Cell>) -> BTreeSet<String> {
    cells.into_iter().map(id).collect()
}

/// Twenty policies with one rule wrong: a row that is missing, or one too many, and the cell that is.
fn mutations() -> Vec<(Vec<Cell>, Cell)> {
    let without = (0..ALLOW.len()).step_by(2).map(|at| {
        let mut rules = ALLOW.to_vec();
        let gone = rules.remove(at);
        (rules, gone)
    });
    let more: [Cell; 10] = [
        ("web", "db", "tcp/5432"),
        ("web", "db", "tcp/80"),
        ("app", "web", "tcp/80"),
        ("app", "web", "udp/7007"),
        ("db", "app", "tcp/5432"),
        ("cache", "ops", "udp/7007"),
        ("log", "db", "tcp/5432"),
        ("log", "app", "tcp/80"),
        ("ops", "cache", "tcp/80"),
        ("ops", "db", "udp/7007"),
    ];
    let with = more.into_iter().map(|row| (ALLOW.iter().copied().chain([row]).collect(), row));
    without.chain(with).collect()
}

#[test]
fn each_wrong_rule_is_found_and_nothing_else() {
    let Some(lab) = Lab::new() else { return };
    let (failed, errored, report, shown) = lab.run();
    assert!(failed.is_empty() && errored.is_empty(), "{failed:?} {errored:?}\n{shown}");
    assert_eq!(report["checks"].as_array().unwrap().len(), HOSTS.len() * HOSTS.len() * PORTS.len());
    assert!(shown.contains("policy: who reaches whom (108 cells, 0 not as allowed, 0 not measured)"), "{shown}");
    let mutations = mutations();
    assert_eq!(mutations.len(), 20);
    for (at, (rules, wrong)) in mutations.iter().enumerate() {
        let otherwise = ["drop", "reject", "reject with tcp reset", "reject with icmp type admin-prohibited"][at % 4];
        let otherwise =
            if otherwise.contains("tcp") { "meta l4proto tcp reject with tcp reset\n  drop" } else { otherwise };
        lab.rules(rules, otherwise);
        let (failed, errored, _, shown) = lab.run();
        assert_eq!((failed, errored), (ids([wrong]), BTreeSet::new()), "{otherwise} {wrong:?}\n{shown}");
        let (from, to, port) = wrong;
        let cause = if ALLOW.contains(wrong) {
            format!("{from} does not reach {to} {port}: expected allowed")
        } else {
            format!("{from} reached {to} {port}: expected denied")
        };
        assert!(shown.contains(&cause), "{cause}\n{shown}");
    }
}

#[test]
fn with_a_cut_network_nothing_is_denied_as_expected() {
    let Some(lab) = Lab::new() else { return };
    let all: Vec<Cell> = HOSTS
        .iter()
        .flat_map(|from| HOSTS.iter().flat_map(move |to| PORTS.iter().map(move |port| (*from, *to, *port))))
        .collect();
    let abroad = |cell: &&Cell| cell.0 != cell.1;
    // The router forwards nothing.
    lab.router.setup("sysctl -qw net.ipv4.ip_forward=0");
    let (failed, errored, _, shown) = lab.run();
    assert_eq!((failed, errored), (BTreeSet::new(), ids(all.iter().filter(abroad))), "{shown}");
    lab.router.setup("sysctl -qw net.ipv4.ip_forward=1");
    // The link of one host is down, on the router's side: it reaches nobody, and nobody reaches it. Who may, and reaches others, fails.
    lab.router.setup("ip link set h2 down");
    let (failed, errored, _, shown) = lab.run();
    let of_db = all.iter().filter(abroad).filter(|(from, to, _)| *from == "db" || *to == "db");
    let (missed, unknown): (Vec<&Cell>, Vec<&Cell>) = of_db.partition(|cell| cell.0 != "db" && ALLOW.contains(cell));
    assert!(!missed.is_empty());
    assert_eq!((failed, errored), (ids(missed), ids(unknown)), "{shown}");
    lab.router.setup("ip link set h2 up");
    let (failed, errored, _, shown) = lab.run();
    assert!(failed.is_empty() && errored.is_empty(), "{failed:?} {errored:?}\n{shown}");
    // A host's own route is gone: that is this host's own.
    lab.hosts[0].setup("ip route delete default");
    let (failed, errored, report, shown) = lab.run();
    let of_web = all.iter().filter(abroad).filter(|(from, ..)| *from == "web");
    // It answers nobody either, and who may reach it fails.
    let to_web = ALLOW.iter().filter(|(_, to, _)| *to == "web");
    assert_eq!(failed, ids(to_web), "{errored:?}\n{shown}");
    assert!(ids(of_web).is_subset(&errored), "{errored:?}\n{shown}");
    let passed = report["checks"].as_array().unwrap().iter().filter(|check| check["verdict"] == "passed");
    let denied = passed.filter(|check| check["cell"]["allowed"] == false && check["cell"]["from"] == "web");
    assert_eq!(denied.count(), 0, "{shown}");
}

#[test]
fn a_denial_of_one_address_is_none_of_a_name_that_has_several() {
    let Some(own) = namespace() else { return };
    own.setup("ip link set lo up\nip link add d0 type veth peer name d1\nip link set d0 up\nip address add 10.81.0.1/24 dev d0");
    std::fs::write(own.etc().join("hosts"), "10.81.0.1 one.test two.test\n127.0.0.9 two.test\n").unwrap();
    let _server = own.spawn("python3", &["-c", SERVER]);
    own.setup("for i in $(seq 200); do [ $(ss -Hlntu | grep -cE ':(80|5432|7007) ') -ge 3 ] && exit 0; sleep 0.05; done; exit 1");
    let suite = "version: 1\nsuite: s\nchecks:\n  - {id: up, tcp: {host: 10.81.0.1, port: 80}}\n  - id: p\n    control: up\n    reach:\n      ip_version: ipv4\n      from: [self]\n      \
        to: [one.test, two.test]\n      ports: [80, 81]\n      allow: [{from: self, to: any, ports: 80}]\n";
    let (report, shown) = own.run(suite);
    let cell = |id: &str| {
        let check = report["checks"].as_array().unwrap().iter().find(|check| check["id"] == id);
        check.unwrap_or_else(|| panic!("{shown}")).clone()
    };
    assert_eq!(
        cell("p[from=self,port=tcp/80,to=two.test]")["verdict"],
        "passed",
        "who is allowed goes to the first: {shown}"
    );
    let denied = cell("p[from=self,port=tcp/81,to=two.test]");
    assert_eq!(denied["verdict"], "errored", "{shown}");
    assert!(denied["reason"].as_str().unwrap().contains("two.test: it has 2 addresses, and only"), "{denied:#}");
    let of_one = cell("p[from=self,port=tcp/81,to=one.test]")["reason"].to_string();
    assert!(!of_one.contains("address"), "{of_one}");
}
