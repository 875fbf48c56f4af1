//! `netns`: a check runs in the network namespace that it names, with all its sockets, threads and commands, or not at all.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Namespace, namespace};
use crate::peer::{OPENSSL, installed};

/// Answers HTTP with its name, on an address that another namespace has too.
fn server(name: &str) -> String {
    format!(
        "import http.server, os, sys
sys.stderr = open(os.devnull, 'w')
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'{name}')
http.server.ThreadingHTTPServer(('10.66.0.1', 8080), H).serve_forever()"
    )
}

fn serving(name: &str) -> Option<(Namespace, super::Running)> {
    let own = namespace()?;
    own.setup("ip link set lo up mtu 9000\nip address add 10.66.0.1/32 dev lo");
    let running = own.spawn("python3", &["-c", &server(name)]);
    Some((own, running))
}

fn check<'r>(report: &'r Value, id: &str) -> &'r Value {
    report["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap()
}

#[test]
fn a_check_runs_in_its_namespace_and_nowhere_else() {
    let (Some((one, _first)), Some((two, _second)), Some(home)) = (serving("one"), serving("two"), namespace()) else {
        return;
    };
    if !installed(&[OPENSSL]) {
        return;
    }
    let _tls = two.spawn(
        "sh",
        &["-c", "cd $(mktemp -d) && openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -subj /CN=x -days 2 2>/dev/null && exec openssl s_server -quiet -accept 10.66.0.1:8443 -key k -cert c"],
    );
    home.setup("ip link set lo up");
    let mut suite = format!(
        "version: 1\nsuite: own\ndefaults: {{timeout: 2s}}\nchecks:
- {{id: ready, matrix: {{in: [{0}, {1}]}}, netns: '${{matrix.in}}', tcp: {{host: 10.66.0.1, port: 8080}}, eventually: {{within: 20s, every: 100ms}}}}
- {{id: nowhere, tcp: {{host: 10.66.0.1, port: 8080}}}}\n",
        one.name(),
        two.name()
    );
    for (word, own) in [("one", &one), ("two", &two)] {
        writeln!(
            suite,
            "- {{id: {word}, needs: [ready], netns: {0}, http: {{url: 'http://10.66.0.1:8080/'}}, expect: {{body: {word}}}}}
- {{id: ping-{word}, netns: {0}, icmp: {{host: 10.66.0.1, count: 2, interval: 10ms}}}}
- {{id: sweep-{word}, netns: {0}, icmp: {{hosts: [10.66.0.1], retries: 0}}}}
- {{id: scan-{word}, needs: [ready], netns: {0}, ports: {{host: 10.66.0.1, ports: 8079-8081}}, expect: {{open: {{exactly: ['8080']}}}}}}
- {{id: mtu-{word}, netns: {0}, icmp: {{host: 10.66.0.1, mtu: discover}}, expect: {{path_mtu: 9000 B}}}}",
            own.name()
        )
        .unwrap();
    }
    writeln!(
        suite,
        "- {{id: tls, netns: {}, tls: {{host: 10.66.0.1, port: 8443}}, expect: {{outcome: completed, verified: {{present: true}}}}, eventually: {{within: 20s, every: 100ms}}}}",
        two.name()
    )
    .unwrap();
    let (report, shown) = home.run(&suite);
    assert_eq!(check(&report, "nowhere")["verdict"], "errored", "{shown}");
    assert!(shown.contains("this host has no route there"), "{shown}");
    for own in report["checks"].as_array().unwrap().iter().filter(|check| check["id"] != "nowhere") {
        assert_eq!(own["verdict"], "passed", "{own}\n{shown}");
    }
    assert_eq!(check(&report, "one")["netns"], one.name());
    assert!(shown.contains(&format!("in netns {}", one.name())), "{shown}");
}

/// The fault, what puts it back and what verifies it are of the namespace too.
#[test]
fn commands_run_in_the_namespace() {
    let (Some((own, _server)), Some(home)) = (serving("one"), namespace()) else { return };
    let marks = tempfile::tempdir().unwrap();
    let told = |what: &str| {
        let file = marks.path().join(what);
        format!("[sh, -c, 'ip netns identify $$ > {}']", file.display())
    };
    let suite = format!(
        "version: 1\nsuite: own\nchecks:
- {{id: ready, netns: {0}, tcp: {{host: 10.66.0.1, port: 8080}}, eventually: {{within: 20s, every: 100ms}}}}
- id: broken
  needs: [ready]
  netns: {0}
  failover:
    probe: {{tcp: {{host: 10.66.0.1, port: 8080}}, interval: 20ms}}
    inject: {{run: {1}}}
    restore: {{run: {2}}}
    verify: {{run: {3}}}
    observe: 2s
  expect: {{outages: 0}}\n",
        own.name(),
        told("inject"),
        told("restore"),
        told("verify")
    );
    let (report, shown) = home.run(&suite);
    assert_eq!(check(&report, "broken")["facts"]["restored"], true, "{shown}");
    for what in ["inject", "restore", "verify"] {
        let namespace = std::fs::read_to_string(marks.path().join(what)).unwrap();
        assert_eq!(namespace.trim(), own.name(), "{what}: {shown}");
    }
}

/// What cannot enter does not run: here is a server that would answer.
#[test]
fn a_check_whose_namespace_cannot_be_entered_does_not_run() {
    let (Some((home, _server)), Some(other)) = (serving("home"), namespace()) else { return };
    let suite = |netns: &str| {
        format!(
            "version: 1\nsuite: own\ndefaults: {{timeout: 2s}}\nchecks:
- {{id: ready, tcp: {{host: 10.66.0.1, port: 8080}}, eventually: {{within: 20s, every: 100ms}}}}
- {{id: gone, needs: [ready], netns: {netns}, tcp: {{host: 10.66.0.1, port: 8080}}}}
- {{id: tls, needs: [ready], netns: {netns}, tls: {{host: 10.66.0.1, port: 8080}}}}
- {{id: after, needs: [gone], tcp: {{host: 10.66.0.1, port: 8080}}}}\n"
        )
    };
    let told = |report: &Value, shown: &str, why: &str, remedy: &str| {
        for id in ["gone", "tls"] {
            let gone = check(report, id);
            assert_eq!((&gone["verdict"], &gone["attempts"]), (&"errored".into(), &0.into()), "{shown}");
            assert!(gone["reason"].as_str().unwrap().contains(why), "{shown}");
            assert!(gone["fault"]["remedy"].as_str().unwrap().contains(remedy), "{shown}");
        }
        assert_eq!(check(report, "after")["verdict"], "skipped", "{shown}");
    };
    let (report, shown) = home.run(&suite("sd-nowhere"));
    told(&report, &shown, "this host has no network namespace of this name", "`ip netns list`");
    let left_over = std::path::PathBuf::from("/run/netns").join(format!("{}-left", home.name()));
    std::fs::write(&left_over, "").unwrap();
    let (report, shown) = home.run(&suite(&format!("{}-left", home.name())));
    std::fs::remove_file(&left_over).unwrap();
    told(&report, &shown, "is a file, and no network namespace", "ip netns delete");
    let without = ["setpriv", "--inh-caps=-sys_admin", "--bounding-set=-sys_admin"];
    let (report, shown) = home.run_by(&without, &suite(other.name()));
    told(&report, &shown, "CAP_SYS_ADMIN", "sudo");
}
