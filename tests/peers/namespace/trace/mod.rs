//! Paths of kernel routers, one namespace each: the way is the one that mtr finds, equal ways are all found, and what can be wrong
//! with a path is told apart.

mod ends;
mod hops;
mod path;
mod scripted;
mod ways;

use std::fmt::Write as _;
use std::process::Command;

use serde_json::Value;

use super::super::sandbox::rows;
use super::{Namespace, namespace};

/// Runs a batch of `ip` in the namespace.
pub fn ip(inside: &Namespace, script: &str) {
    let file = std::env::temp_dir().join(format!("shakedown-trace-{}", inside.name()));
    std::fs::write(&file, script).unwrap();
    let output = Command::new("ip").args(["-n", inside.name(), "-batch"]).arg(&file).output().unwrap();
    let _ = std::fs::remove_file(&file);
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a router of it that answers as often as it is asked, and from the start: while it looks whether somebody has its address of a
/// link, it asks for no neighbour. (Where the kernel has one limit of errors for all namespaces, that stays.)
pub fn router(inside: &Namespace) {
    inside.setup(
        "ip link set lo up
        sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
        sysctl -qw net.ipv4.icmp_msgs_per_sec=100000 net.ipv4.icmp_msgs_burst=100000 || true
        sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
        sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0",
    );
}

/// A link of two namespaces, with these ends: interface, addresses.
pub fn link(one: (&Namespace, &str, &[&str]), two: (&Namespace, &str, &[&str])) {
    ip(one.0, &format!("link add {} type veth peer name {} netns {}", one.1, two.1, two.0.name()));
    for (inside, name, addresses) in [one, two] {
        let mut script = format!("link set dev {name} up\n");
        for address in addresses {
            let nodad = if address.contains(':') { " nodad" } else { "" };
            writeln!(script, "address add {address} dev {name}{nodad}").unwrap();
        }
        ip(inside, &script);
    }
}

/// A client, and namespaces in a row behind it; the last is the target.
pub struct Chain(pub Vec<Namespace>);

impl Chain {
    pub fn new(length: usize) -> Option<Self> {
        let all: Vec<Namespace> = (0..=length).map(|_| namespace()).collect::<Option<_>>()?;
        let chain = Self(all);
        for (at, inside) in chain.0.iter().enumerate() {
            router(inside);
            if at == 0 {
                continue;
            }
            let (four, six) =
                ([format!("10.80.{at}.1/30"), format!("10.80.{at}.2/30")], [1, 2].map(|end| six(at, end) + "/64"));
            link((&chain.0[at - 1], "dn0", &[&four[0], &six[0]]), (inside, "up0", &[&four[1], &six[1]]));
        }
        for (at, inside) in chain.0.iter().enumerate() {
            let mut script = String::new();
            if at > 0 {
                writeln!(script, "route add default via 10.80.{at}.1\nroute add default via {}", six(at, 1)).unwrap();
            }
            for behind in at + 2..=length {
                let next = at + 1;
                writeln!(script, "route add 10.80.{behind}.0/30 via 10.80.{next}.2").unwrap();
                writeln!(script, "route add {} via {}", six(behind, 0) + "/64", six(next, 2)).unwrap();
            }
            ip(inside, &script);
        }
        Some(chain)
    }

    pub fn client(&self) -> &Namespace {
        &self.0[0]
    }

    pub fn target(&self) -> String {
        four(self.0.len() - 1)
    }

    /// Who answers at each hop.
    pub fn path(&self, address: fn(usize) -> String) -> Vec<String> {
        (1..self.0.len()).map(|at| format!("{at} {}", address(at))).collect()
    }

    /// A check of `trace` with these fields of its target.
    pub fn trace(&self, more: &str) -> (Value, String) {
        trace(self.client(), &self.target(), more)
    }
}

pub fn four(at: usize) -> String {
    format!("10.80.{at}.2")
}

pub fn six(at: usize, end: usize) -> String {
    let end = if end == 0 { String::new() } else { end.to_string() };
    format!("2001:db8:80:{at:x}::{end}")
}

pub fn suite(host: &str, more: &str) -> String {
    format!("version: 1\nsuite: trace\nchecks:\n  - {{id: a, trace: {{host: '{host}', timeout: 400ms, {more}}}}}\n")
}

pub fn trace(client: &Namespace, host: &str, more: &str) -> (Value, String) {
    let (report, shown) = client.run(&suite(host, more));
    (report["checks"][0].clone(), shown)
}

pub fn path(check: &Value) -> Vec<String> {
    serde_json::from_value(check["facts"]["path"].clone()).unwrap_or_else(|_| panic!("no path: {check:#}"))
}

/// The states of the hops, in their order.
pub fn states(check: &Value) -> Vec<String> {
    let rows = rows(&check["facts"]["hops"]);
    (1..).map_while(|ttl: usize| Some(rows.get(ttl.to_string())?["state"].as_str()?.to_owned())).collect()
}

#[track_caller]
pub fn is(check: &Value, verdict: &str, outcome: &str, shown: &str) {
    assert_eq!(
        (check["verdict"].as_str(), check["facts"]["outcome"].as_str()),
        (Some(verdict), Some(outcome)),
        "{shown}"
    );
}
