//! What this host lacks: permission, descriptors, a resolver.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shakedown::lab::pki::{NAME, Pki};

use super::super::peer::{OPENSSL, installed};
use super::super::sandbox::CliSandbox;
use super::suites::{every_family, rows};
use super::{Namespace, Running, WAY, namespace, not_errored};

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
        for check in run_with(&own, limit, checks).as_array().into_iter().flatten() {
            assert_ne!(check["verdict"], "failed", "{limit} {}: {}", check["id"], check["reason"]);
            errored += usize::from(check["verdict"] == "errored");
            passed += usize::from(check["verdict"] == "passed");
        }
    }
    assert!(errored >= 5 && passed >= 12, "{errored} errored, {passed} passed: the limits are not those that matter");
}

/// The checks of a run with so many descriptors; `Null` where there are too few to begin with, and so no report and no success.
fn run_with(own: &Namespace, limit: usize, suite: &str) -> Value {
    let sandbox = CliSandbox::new();
    sandbox.write("suite.yaml", suite);
    let args = ["run", "suite.yaml", "--json", "report.json", "--jobs", "8", "--allow-disruptive"];
    let inner = sandbox.shakedown(&args);
    let mut command = own.command("sh");
    command
        .env("SHAKEDOWN_JOURNAL", sandbox.folder().join("journal"))
        .args(["-c", &format!("ulimit -n {limit}; exec \"$@\""), "sh"])
        .arg(inner.get_program())
        .args(inner.get_args());
    let output = command.current_dir(sandbox.folder()).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!shown.contains("panicked"), "{limit}: {shown}");
    let Ok(report) = std::fs::read(sandbox.path("report.json")) else {
        assert!(!output.status.success(), "{limit}: {shown}");
        return Value::Null;
    };
    serde_json::from_slice::<Value>(&report).unwrap()["checks"].take()
}

/// Services that are well, checks that wait for them, and checks of them.
struct Services {
    _running: [Running; 2],
    _folder: tempfile::TempDir,
    wait: String,
    checks: String,
}

impl Services {
    fn start(own: &Namespace) -> Self {
        let (folder, pki) = (tempfile::tempdir().unwrap(), Pki::new().unwrap());
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (ca, chain, key) = (
            file("ca.pem", pki.ca_pem()),
            file("chain.pem", pki.good.chain_pem()),
            file("key.pem", pki.good.key_pem()),
        );
        let tls = [
            "s_server",
            "-quiet",
            "-www",
            "-accept",
            "127.0.0.1:8443",
            "-cert",
            &chain,
            "-cert_chain",
            &chain,
            "-key",
            &key,
        ];
        let reflector = ["serve", "--listen", "127.0.0.1:5201", "--echo", "127.0.0.1:7"];
        let running = [own.spawn("openssl", &tls), own.spawn(env!("CARGO_BIN_EXE_shakedown"), &reflector)];
        let tls = format!("tls: {{host: 127.0.0.1, port: 8443, sni: {NAME}, ca_file: '{ca}'");
        let checks = [
            format!("https-well, http: {{url: 'https://{NAME}:8443/', resolve: 127.0.0.1, ca_file: '{ca}'}}"),
            format!("tls-well, {tls}}}"),
            format!("tls-load-well, {tls}, load: {{duration: 300ms, connections: 4}}}}"),
            format!("tls-scan-well, {tls}, scan: true}}"),
            format!("tls-certificates-well, {tls}, addresses: all, certificates: all}}"),
            "udp-well, udp: {host: 127.0.0.1, port: 7, send: x, expect: x}".to_owned(),
            "throughput-well, throughput: {server: '127.0.0.1:5201', duration: 300ms, interval: 100ms, streams: 4}".to_owned(),
            "throughput-udp-well, throughput: {server: '127.0.0.1:5201', protocol: udp, rate: 1 Mbit/s, duration: 300ms, interval: 100ms}"
                .to_owned(),
            "failover-well, failover: {probe: {tcp: {host: 127.0.0.1, port: 7}, interval: 20ms}, inject: {run: ['true']}, \
             restore: {run: ['true']}, steady: 200ms, observe: 300ms, settle: 50ms}"
                .to_owned(),
        ];
        let wait = |port| {
            let patience = "eventually: {within: 20s, every: 100ms}";
            format!("- {{id: up{port}, tcp: {{host: 127.0.0.1, port: {port}}}, {patience}}}\n")
        };
        let wait = [8443, 5201, 7].map(wait).concat();
        let checks = checks.map(|check| format!("- {{id: {check}}}\n")).concat();
        Self { _running: running, _folder: folder, wait, checks }
    }
}

/// What each check came to: verdict and outcome.
fn ends(checks: &Value) -> BTreeMap<String, [Value; 2]> {
    let each = checks.as_array().into_iter().flatten();
    let end = |check: &Value| [check["verdict"].clone(), check["facts"]["outcome"].clone()];
    each.map(|check| (check["id"].as_str().unwrap().to_owned(), end(check))).collect()
}

/// Every row, at ports where nobody listens and of services that are well: with too few descriptors it comes to what it comes to
/// with enough, or is errored.
#[test]
fn in_every_family_too_few_descriptors_change_nothing_but_to_errored() {
    let Some(own) = namespace() else { return };
    if !installed(&[OPENSSL]) {
        return;
    }
    own.setup("ip link set lo up");
    let services = Services::start(&own);
    let mut checks = services.checks.clone();
    for row in rows("127.0.0.1", None) {
        checks.push_str(&row.plain());
    }
    let head = "version: 1\nsuite: own\ndefaults: {timeout: 2s}\nchecks:\n";
    let enough = run_with(&own, 4096, &format!("{head}{}", services.wait));
    assert!(ends(&enough).values().all(|[verdict, _]| verdict == "passed"), "{enough}");
    let suite = format!("{head}{checks}");
    let enough = ends(&run_with(&own, 4096, &suite));
    for (id, [verdict, _]) in enough.iter().filter(|(id, _)| id.ends_with("-well")) {
        assert_eq!(verdict, "passed", "{id}");
    }
    let (mut errored, mut same) = (BTreeSet::new(), 0);
    // One by one where a report can be written and no socket be had: at those limits every row is errored, whichever comes first.
    for limit in (9..24).chain((24..48).step_by(6)).chain([64]) {
        let checks = run_with(&own, limit, &suite);
        for (id, end) in ends(&checks) {
            if end[0] == "errored" {
                errored.insert(id);
                continue;
            }
            assert!(end == enough[&id], "{limit} {id}: {end:?} in place of {:?}\n{checks}", enough[&id]);
            same += 1;
        }
    }
    let never: Vec<&String> = enough.keys().filter(|id| !errored.contains(*id)).collect();
    assert!(same > enough.len() && never.is_empty(), "{same} as with enough; never errored: {never:?}");
}
