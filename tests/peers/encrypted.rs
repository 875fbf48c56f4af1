//! BIND and Unbound: DNS over TLS and in HTTP as they serve it, with `dig` as judge.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use super::daemon::{Daemon, free_port, listens};
use super::peer::{DIG, NAMED, OPENSSL, UNBOUND, installed};
use super::pki::{Authority, Identity};
use super::sandbox::{CliSandbox, Ran};

/// Questions about zone peer.test: plain ones, an alias, a wildcard, a name and a type that are not there, a referral.
pub const QUESTIONS: &[(&str, &str)] = &[
    ("peer.test", "SOA"),
    ("peer.test", "MX"),
    ("www.peer.test", "A"),
    ("www.peer.test", "AAAA"),
    ("alias.peer.test", "A"),
    ("txt.peer.test", "TXT"),
    ("anything.wild.peer.test", "TXT"),
    ("web.peer.test", "HTTPS"),
    ("unknown.peer.test", "TYPE65280"),
    ("mail.peer.test", "AAAA"),
    ("nowhere.peer.test", "A"),
    ("www.sub.peer.test", "A"),
];

pub struct Server {
    pub sandbox: CliSandbox,
    ports: Ports,
    _daemon: Daemon,
}

#[derive(Clone, Copy)]
struct Ports {
    plain: u16,
    tls: u16,
    https: u16,
}

impl Ports {
    fn new() -> Self {
        Self { plain: free_port(), tls: free_port(), https: free_port() }
    }

    fn up(self) -> bool {
        [self.plain, self.tls, self.https].into_iter().all(listens)
    }
}

/// The answer of `dig`: code, answers line by line, sorted, and whether the answer was padded.
pub struct Dug {
    pub code: String,
    pub records: Vec<String>,
    padded: bool,
}

impl Server {
    /// BIND, with zone peer.test and an identity of an authority of its own.
    pub fn bind(identity: impl Fn(&Authority) -> Identity) -> Self {
        let sandbox = CliSandbox::new();
        let identity = identity(&Authority::new(sandbox.path("authority")));
        sandbox.write("peer.zone", include_str!("data/knot/peer.zone"));
        let prepare = || {
            let ports = Ports::new();
            let config = named(sandbox.folder(), &identity, ports);
            let mut command = NAMED.command();
            command.arg("-g").arg("-c").arg(sandbox.write("named.conf", &config));
            (command, ports)
        };
        let (daemon, ports) = Daemon::start(&sandbox.path("named.log"), prepare, |ports, output| {
            output.contains("all zones loaded") && ports.up()
        });
        Self { sandbox, ports, _daemon: daemon }
    }

    fn unbound() -> Self {
        let sandbox = CliSandbox::new();
        let identity = Authority::new(sandbox.path("authority")).server();
        sandbox.write("peer.zone", include_str!("data/knot/peer.zone"));
        let prepare = || {
            let ports = Ports::new();
            let config = unbound(sandbox.folder(), &identity, ports);
            let mut command = UNBOUND.command();
            command.arg("-d").arg("-c").arg(sandbox.write("unbound.conf", &config));
            (command, ports)
        };
        let (daemon, ports) = Daemon::start(&sandbox.path("unbound.log"), prepare, |ports, _| ports.up());
        Self { sandbox, ports, _daemon: daemon }
    }

    fn run(&self, checks: &str) -> Ran {
        let Ports { plain, tls, https } = self.ports;
        let checks = checks.replace("@TLS", &tls.to_string()).replace("@HTTPS", &https.to_string());
        self.sandbox.run(&checks.replace("@PLAIN", &plain.to_string()), &[])
    }

    /// The port for UDP and TCP.
    pub fn plain(&self) -> u16 {
        self.ports.plain
    }

    fn port(&self, transport: &str) -> u16 {
        if transport == "dot" { self.ports.tls } else { self.ports.https }
    }

    /// The answer of `dig` by this transport, with the certificate verified.
    pub fn dig(&self, transport: &str, name: &str, kind: &str) -> Dug {
        let mut command = DIG.command();
        command.args(["@127.0.0.1", "-p", &self.port(transport).to_string(), "+norec", "+nosplit", "+tries=1"]);
        command.args(["+time=20", "+noall", "+comments", "+answer", "+padding=128", "+tls-hostname=www.peer.test"]);
        command.arg(format!("+tls-ca={}", self.sandbox.path("authority/ca.pem").display()));
        command.arg(if transport == "dot" { "+tls" } else { "+https" });
        let text = super::printed(command.args([name, kind]));
        let code = text.split("status: ").nth(1).and_then(|rest| rest.split(',').next());
        let code = code.unwrap_or_else(|| panic!("{text}")).to_owned();
        let records = text.lines().filter(|line| !line.starts_with(';')).filter_map(|line| {
            // Owner, TTL, class and type stand in columns, the data behind them.
            let mut rest = line;
            let mut word = || {
                let (word, behind) = rest.split_once(|c: char| c.is_ascii_whitespace())?;
                rest = behind.trim_start();
                Some(word)
            };
            let (_owner, _ttl, _class, found) = (word()?, word()?, word()?, word()?);
            (found == kind).then(|| rest.to_owned())
        });
        let mut records: Vec<String> = records.collect();
        records.sort();
        Dug { code, records, padded: text.contains("; PAD") }
    }

    /// Every question by DoT and DoH: what `dig` gets by the same transport, and what UDP gives.
    fn agrees(&self, more: &serde_json::Value) {
        let (mut checks, mut expected) = (String::new(), Vec::new());
        for transport in ["dot", "doh"] {
            for (number, (name, kind)) in QUESTIONS.iter().enumerate() {
                let Dug { code, records, padded } = self.dig(transport, name, kind);
                assert!(padded || transport == "doh", "both servers pad over TLS; Unbound 1.17 does not in HTTP");
                let mut dns = json!({"server": format!("127.0.0.1:{}", self.port(transport)), "name": name,
                    "type": kind, "transport": transport, "recursion": false, "sni": "www.peer.test",
                    "ca_file": "authority/ca.pem", "same_as": format!("127.0.0.1:{}", self.ports.plain)});
                for (field, value) in more.as_object().unwrap().iter().filter(|_| transport == "doh") {
                    dns[field] = value.clone();
                }
                let id = format!("{transport}-{number}-{kind}");
                let check = json!({"id": id, "dns": dns, "expect": {"rcode": code, "answers": {"present": true},
                    "same_answer": true, "tls.verified": true, "edns.padding": padded, "discarded": 0}});
                // JSON is YAML.
                writeln!(checks, "  - {check}").unwrap();
                expected.push((id, records));
            }
        }
        let ran = self.run(&checks);
        ran.all_held();
        for (id, records) in expected {
            let mut answers = ran.texts(&id, "answers");
            answers.sort();
            assert_eq!(answers, records, "{id}");
        }
    }
}

fn named(folder: &Path, identity: &Identity, ports: Ports) -> String {
    let (folder, certificate, key) = (folder.display(), identity.certificate.display(), identity.key.display());
    let Ports { plain, tls, https } = ports;
    format!(
        "tls here {{ cert-file \"{certificate}\"; key-file \"{key}\"; }};
http here {{ endpoints {{ \"/dns-query\"; \"/other\"; }}; }};
controls {{ }};
options {{
    directory \"{folder}\";
    pid-file \"{folder}/named.pid\";
    session-keyfile \"{folder}/session.key\";
    listen-on-v6 {{ none; }};
    listen-on port {plain} {{ 127.0.0.1; }};
    listen-on port {tls} tls here {{ 127.0.0.1; }};
    listen-on port {https} tls here http here {{ 127.0.0.1; }};
    recursion no;
    response-padding {{ any; }} block-size 468;
}};
zone \"peer.test\" {{ type primary; file \"{folder}/peer.zone\"; }};
"
    )
}

fn unbound(folder: &Path, identity: &Identity, ports: Ports) -> String {
    let (folder, certificate, key) = (folder.display(), identity.certificate.display(), identity.key.display());
    let Ports { plain, tls, https } = ports;
    format!(
        "server:
  directory: \"{folder}\"
  chroot: \"\"
  username: \"\"
  pidfile: \"\"
  use-syslog: no
  num-threads: 1
  interface: 127.0.0.1@{plain}
  interface: 127.0.0.1@{tls}
  interface: 127.0.0.1@{https}
  tls-port: {tls}
  https-port: {https}
  tls-service-pem: \"{certificate}\"
  tls-service-key: \"{key}\"
  pad-responses: yes
  module-config: \"iterator\"
  access-control: 127.0.0.0/8 allow_snoop
  local-zone: \"test.\" nodefault
remote-control:
  control-enable: no
auth-zone:
  name: peer.test
  zonefile: \"{folder}/peer.zone\"
  for-downstream: yes
  for-upstream: no
"
    )
}

#[test]
fn bind_answers_over_tls_and_https_as_dig_sees_it_and_as_by_udp() {
    if !installed(&[NAMED, DIG, OPENSSL]) {
        return;
    }
    let server = Server::bind(Authority::server);
    server.agrees(&json!({}));
    server.agrees(&json!({"method": "GET", "path": "/other"}));
}

#[test]
fn unbound_answers_over_tls_and_https_as_dig_sees_it_and_as_by_udp() {
    if !installed(&[UNBOUND, DIG, OPENSSL]) {
        return;
    }
    Server::unbound().agrees(&json!({}));
}

/// Every way to be wrong, by each server.
const WRONG: &str = r#"
  - id: right-dot
    dns: {server: "127.0.0.1:@TLS", name: www.peer.test, transport: dot, sni: www.peer.test, ca_file: authority/ca.pem}
  - id: right-doh
    dns: {server: "127.0.0.1:@HTTPS", name: www.peer.test, transport: doh, sni: www.peer.test, ca_file: authority/ca.pem}
  - id: wrong-name-dot
    dns: {server: "127.0.0.1:@TLS", name: www.peer.test, transport: dot, sni: elsewhere.test, ca_file: authority/ca.pem}
  - id: wrong-name-doh
    dns: {server: "127.0.0.1:@HTTPS", name: www.peer.test, transport: doh, sni: elsewhere.test, ca_file: authority/ca.pem}
  - id: answers-alone-do-not-pass
    dns: {server: "127.0.0.1:@TLS", name: www.peer.test, transport: dot, sni: elsewhere.test, ca_file: authority/ca.pem}
    expect: {answers: {contains: [192.0.2.10]}}
  - id: unknown-authority
    dns: {server: "127.0.0.1:@TLS", name: www.peer.test, transport: dot, sni: www.peer.test}
  - id: not-verified-on-request
    dns: {server: "127.0.0.1:@TLS", name: www.peer.test, transport: dot, sni: elsewhere.test, ca_file: authority/ca.pem, verify: false}
    expect: {answers: {contains: [192.0.2.10]}, tls.verified: false, tls.verify_error: {matches: "not valid for name elsewhere.test"}}
  - id: other-path
    dns: {server: "127.0.0.1:@HTTPS", name: www.peer.test, transport: doh, sni: www.peer.test, ca_file: authority/ca.pem, path: /nothing-here}
    expect: {outcome: http_error, http.status: 404}
  - id: plain-port
    dns: {server: "127.0.0.1:@PLAIN", name: www.peer.test, transport: dot, sni: www.peer.test, ca_file: authority/ca.pem, timeout: 1s}
"#;

#[test]
fn a_wrong_name_fails_and_nothing_falls_back() {
    if !installed(&[NAMED, UNBOUND, DIG, OPENSSL]) {
        return;
    }
    for server in [Server::bind(Authority::server), Server::unbound()] {
        let ran = server.run(WRONG);
        ran.failed(&[
            "wrong-name-dot",
            "wrong-name-doh",
            "answers-alone-do-not-pass",
            "unknown-authority",
            "plain-port",
        ]);
        for id in ["wrong-name-dot", "wrong-name-doh", "answers-alone-do-not-pass", "unknown-authority"] {
            assert_eq!(*ran.fact(id, "outcome"), "untrusted", "{id}");
            assert_eq!(*ran.fact(id, "tls.verified"), false, "{id}");
            assert!(ran.fact(id, "answers").is_null(), "{id}");
        }
        assert!(ran.fact("plain-port", "answers").is_null());
        assert_eq!(*ran.fact("right-dot", "tls.subject"), "O=Peer Tests, CN=www.peer.test");
    }
}

#[test]
fn an_expired_certificate_is_not_asked_and_its_facts_are_there() {
    if !installed(&[NAMED, OPENSSL]) {
        return;
    }
    let server = Server::bind(Authority::expired_server);
    let ran = server.run(
        r#"
  - id: gate
    dns: {server: "127.0.0.1:@TLS", name: www.peer.test, transport: dot, sni: www.peer.test, ca_file: authority/ca.pem}
  - id: dates
    dns: {server: "127.0.0.1:@HTTPS", name: www.peer.test, transport: doh, sni: www.peer.test, ca_file: authority/ca.pem}
    expect: {outcome: untrusted, tls.verify_error: {matches: expired}, tls.expires_in: {lt: 0s}, tls.san: {contains: [www.peer.test]}}
"#,
    );
    ran.failed(&["gate"]);
    assert_eq!(*ran.fact("dates", "tls.not_after"), "2020-02-01T00:00:00Z");
}
