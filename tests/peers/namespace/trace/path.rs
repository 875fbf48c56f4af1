//! The path through thirty routers, without any capability, and compared with an earlier one.

use std::fmt::Write as _;

use serde_json::json;

use super::super::super::peer::{MTR, installed};
use super::super::{CliSandbox, Namespace};
use super::{Chain, four, is, path, six, states, suite, trace};

/// Runs its arguments without any capability.
const WITHOUT_ANY: &[&str] = &["setpriv", "--bounding-set=-all", "--inh-caps=-all"];

/// The hops that mtr finds.
fn by_mtr(client: &Namespace, host: &str) -> Vec<String> {
    let mut command = client.command("mtr");
    let output = command.args(["-n", "-r", "-c", "1", "-i", "0.1", "-G", "1", host]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let hop = |line: &str| {
        let (number, rest) = line.split_once(".|--")?;
        Some(format!("{} {}", number.trim(), rest.split_whitespace().next()?))
    };
    text.lines().filter_map(hop).collect()
}

#[test]
fn through_thirty_routers_the_path_is_that_of_mtr() {
    if !installed(&[MTR]) {
        return;
    }
    let Some(chain) = Chain::new(30) else { return };
    let by_six = six(30, 2);
    for (host, wanted) in [(chain.target(), chain.path(four)), (by_six, chain.path(|at| six(at, 2)))] {
        assert_eq!(by_mtr(chain.client(), &host), wanted);
        for protocol in ["icmp", "udp", "tcp"] {
            let (check, shown) = trace(chain.client(), &host, &format!("protocol: {protocol}"));
            is(&check, "passed", "reached", &shown);
            assert_eq!(path(&check), wanted, "{protocol}");
            assert_eq!((&check["facts"]["distance"], &check["facts"]["sent"]), (&json!(30), &json!(30)), "{protocol}");
            let states = states(&check);
            assert!(states[..29].iter().all(|state| state == "answered") && states[29] == "target", "{states:?}");
        }
    }
}

#[test]
fn no_capability_is_needed() {
    let Some(chain) = Chain::new(4) else { return };
    chain.client().setup("sysctl -qw net.ipv4.ping_group_range='0 0'");
    for host in [chain.target(), six(4, 2)] {
        let mut checks = String::from("version: 1\nsuite: trace\nchecks:\n");
        for protocol in ["icmp", "udp", "tcp"] {
            writeln!(checks, "  - {{id: {protocol}, trace: {{host: '{host}', protocol: {protocol}}}}}").unwrap();
        }
        writeln!(
            checks,
            "  - {{id: mtu, trace: {{host: '{host}', protocol: udp, mtu: discover}}, expect: {{path_mtu: 1500 B}}}}"
        )
        .unwrap();
        let (report, shown) = chain.client().run_by(WITHOUT_ANY, &checks);
        for check in report["checks"].as_array().unwrap() {
            is(check, "passed", "reached", &shown);
            assert_eq!(path(check).len(), 4, "{shown}");
        }
    }
    // Nothing is left to a process that is started so.
    let output = chain
        .client()
        .command("setpriv")
        .args(&WITHOUT_ANY[1..])
        .args(["grep", "CapEff", "/proc/self/status"])
        .output();
    assert!(String::from_utf8_lossy(&output.unwrap().stdout).trim().ends_with("\t0000000000000000"));
}

#[test]
fn another_way_is_a_change_and_a_silent_router_is_none() {
    let Some(chain) = Chain::new(4) else { return };
    let client = chain.client();
    let sandbox = CliSandbox::new();
    sandbox.write("suite.yaml", &suite(&chain.target(), ""));
    let run = |name: &str| {
        let inner = sandbox.shakedown(&["run", "-q", "suite.yaml", "--json", name]);
        let output = client
            .command("env")
            .arg(inner.get_program())
            .args(inner.get_args())
            .current_dir(sandbox.folder())
            .output();
        assert!(output.unwrap().status.success());
    };
    let compare = |other: &str| {
        let output = sandbox.shakedown(&["compare", "before.json", other, "--json", "changes.json"]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    };
    run("before.json");
    // Packets go the same way, by an address that was not there: the second router has another one on its link.
    chain.0[2].setup("nft 'add table ip f; add chain ip f out { type filter hook output priority 0; }; add rule ip f out meta l4proto icmp drop'");
    run("silent.json");
    let (code, text) = compare("silent.json");
    assert!(code == Some(0) && !text.contains("path"), "{code:?} {text}");
    chain.0[2].setup(
        "nft flush ruleset
        ip address add 10.80.2.6/30 dev up0",
    );
    chain.0[1].setup("ip address add 10.80.2.5/30 dev dn0");
    chain.0[2]
        .setup("ip route replace 10.80.1.0/30 via 10.80.2.5\nip route replace default via 10.80.2.5 src 10.80.2.6");
    run("other.json");
    let (code, text) = compare("other.json");
    assert!(text.contains("path") && text.contains("2 10.80.2.6"), "{code:?} {text}");
}
