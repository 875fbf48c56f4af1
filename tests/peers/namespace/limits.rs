//! What this host lacks: permission, descriptors, a resolver.

use super::super::sandbox::CliSandbox;
use super::suites::every_family;
use super::{WAY, namespace, not_errored};

/// Runs its arguments without the right to raw sockets.
const WITHOUT_RAW: &[&str] = &["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"];

#[test]
fn without_permission_icmp_is_errored_and_nothing_is_broken_for_it() {
    let Some(own) = namespace() else { return };
    own.setup(WAY);
    own.setup("sysctl -qw net.ipv4.ping_group_range='1 0'");
    let suite = "version: 1\nsuite: own\nchecks:
- {id: plain, icmp: {host: 127.0.0.1, count: 1}}
- {id: six, icmp: {host: '::1', count: 1}}
- id: broken
  failover: {probe: {icmp: {host: 127.0.0.1}, interval: 20ms}, inject: {run: [touch, SCRATCH/injected]}, restore: {run: [\"true\"]}, observe: 1s}\n";
    let scratch = CliSandbox::new();
    let suite = suite.replace("SCRATCH", scratch.folder().to_str().unwrap());
    let (report, shown) = own.run_by(WITHOUT_RAW, &suite);
    let icmp = ["plain", "six"];
    for check in
        report["checks"].as_array().unwrap().iter().filter(|check| icmp.contains(&check["id"].as_str().unwrap()))
    {
        let reason = check["reason"].as_str().unwrap_or_default();
        assert_eq!(check["verdict"], "errored", "{shown}");
        assert!(reason.contains("not permitted") || reason.contains("Permission denied"), "{reason}\n{shown}");
    }
    assert!(shown.contains("cap_net_raw") && shown.contains("ping_group_range"), "{shown}");
    assert!(!scratch.path("injected").exists(), "a service was broken that cannot be watched: {shown}");
    // With the permission the same checks hold.
    let (report, shown) = own.run(&suite);
    assert_eq!(report["checks"][0]["verdict"], "passed", "{shown}");
}

/// In every family: nothing is known of a name when its resolver does not answer, is not there, or is no address.
#[test]
fn a_dead_resolver_is_no_absent_name() {
    let Some(own) = namespace() else { return };
    own.setup(WAY);
    own.setup("nft 'add rule inet f out ip daddr 192.0.2.53 counter'");
    for resolver in ["nameserver 192.0.2.53\noptions timeout:1 attempts:1\n", "nameserver 127.0.0.53\n", ""] {
        std::fs::write(own.etc().join("resolv.conf"), resolver).unwrap();
        let (report, shown) = own.run(&every_family("nowhere.test", None).replace("timeout: 2s", "timeout: 500ms"));
        let wrong = not_errored(&report, &["ask the system's resolver", "resolver"]);
        assert!(wrong.is_empty(), "{resolver}: {}\n{shown}", wrong.join("\n"));
    }
}

/// However few descriptors there are, a target that is well is never told to be unwell; at some number everything passes.
#[test]
fn without_descriptors_no_target_is_blamed() {
    let Some(own) = namespace() else { return };
    own.setup("ip link set lo up");
    let _web = own.spawn("python3", &["-c", "import http.server as h; h.test(h.SimpleHTTPRequestHandler, h.ThreadingHTTPServer, port=8080, bind='127.0.0.1')"]);
    let checks = "version: 1\nsuite: own\ndefaults: {timeout: 5s}\nchecks:
- {id: up, tcp: {host: 127.0.0.1, port: 8080}, eventually: {within: 20s, every: 100ms}}
- {id: tcp, tcp: {host: localhost, port: 8080}}
- {id: http, http: {url: 'http://127.0.0.1:8080/'}}
- {id: icmp, icmp: {host: 127.0.0.1, count: 1}}
- {id: udp, udp: {host: 127.0.0.1, port: 9, send: x}, expect: {outcome: refused}}
- {id: dns, dns: {server: '127.0.0.1:9', name: x.test, attempts: 1}, expect: {outcome: refused}}\n";
    let (mut errored, mut passed) = (0, 0);
    for limit in (9..40).chain([256]) {
        let sandbox = CliSandbox::new();
        sandbox.write("suite.yaml", checks);
        let inner = sandbox.shakedown(&["run", "suite.yaml", "--json", "report.json", "--jobs", "8"]);
        let mut command = own.command("sh");
        command
            .args(["-c", &format!("ulimit -n {limit}; exec \"$@\""), "sh"])
            .arg(inner.get_program())
            .args(inner.get_args());
        let output = command.current_dir(sandbox.folder()).output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!shown.contains("panicked"), "{limit}: {shown}");
        // With too few to begin with there is no report, and no success either.
        let Ok(report) = std::fs::read(sandbox.path("report.json")) else {
            assert!(!output.status.success(), "{limit}: {shown}");
            continue;
        };
        let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
        for check in report["checks"].as_array().unwrap() {
            assert_ne!(check["verdict"], "failed", "{limit} {}: {}\n{shown}", check["id"], check["reason"]);
            errored += usize::from(check["verdict"] == "errored");
            passed += usize::from(check["verdict"] == "passed");
        }
    }
    assert!(errored >= 5 && passed >= 12, "{errored} errored, {passed} passed: the limits are not those that matter");
}
