//! aioquic: QUIC and HTTP/3 by another hand than the one this program uses, in front of BIND.

use std::fmt::Write as _;

use serde_json::json;

use super::daemon::{Daemon, free_port};
use super::encrypted::{Dug, QUESTIONS, Server};
use super::peer::{AIOQUIC, DIG, NAMED, OPENSSL, installed};
use super::pki::Authority;
use super::sandbox::Ran;

struct Quic {
    bind: Server,
    doq: u16,
    http3: u16,
    _daemon: Daemon,
}

impl Quic {
    fn start() -> Self {
        let bind = Server::bind(Authority::server);
        let authority = bind.sandbox.path("authority");
        let script = bind.sandbox.write("dns.py", include_str!("data/aioquic/dns.py"));
        let prepare = || {
            let ports = (free_port(), free_port());
            let mut command = AIOQUIC.command();
            command.arg(&script).arg(authority.join("server.pem")).arg(authority.join("server.key"));
            command.args([ports.0, ports.1, bind.plain()].map(|port| port.to_string()));
            (command, ports)
        };
        let (daemon, (doq, http3)) =
            Daemon::start(&bind.sandbox.path("aioquic.log"), prepare, |_, output| output.contains("ready"));
        Self { bind, doq, http3, _daemon: daemon }
    }

    fn run(&self, checks: &str) -> Ran {
        let checks = checks.replace("@DOQ", &self.doq.to_string()).replace("@HTTP3", &self.http3.to_string());
        self.bind.sandbox.run(&checks, &[])
    }
}

#[test]
fn answers_over_quic_are_those_dig_gets_over_tls_and_those_by_udp() {
    if !installed(&[AIOQUIC, NAMED, DIG, OPENSSL]) {
        return;
    }
    let quic = Quic::start();
    let (mut checks, mut expected) = (String::new(), Vec::new());
    for (transport, method) in [("doq", None), ("doh3", Some("POST")), ("doh3", Some("GET"))] {
        let port = if transport == "doq" { quic.doq } else { quic.http3 };
        for (number, (name, kind)) in QUESTIONS.iter().enumerate() {
            let Dug { code, records, .. } = quic.bind.dig("dot", name, kind);
            let mut dns = json!({"server": format!("127.0.0.1:{port}"), "name": name, "type": kind,
                "transport": transport, "recursion": false, "sni": "www.peer.test", "ca_file": "authority/ca.pem",
                "same_as": format!("127.0.0.1:{}", quic.bind.plain())});
            if let Some(method) = method {
                dns["method"] = json!(method);
            }
            let id = format!("{transport}-{}-{number}-{kind}", method.unwrap_or("stream"));
            let alpn = if transport == "doq" { "doq" } else { "h3" };
            let check = json!({"id": id, "dns": dns, "expect": {"rcode": code, "answers": {"present": true}, "same_answer": true,
                "tls.verified": true, "tls.version": "TLS1.3", "tls.alpn": alpn, "edns.padding": true, "discarded": 0}});
            // JSON is YAML.
            writeln!(checks, "  - {check}").unwrap();
            expected.push((id, records));
        }
    }
    let ran = quic.run(&checks);
    ran.all_held();
    for (id, records) in expected {
        let mut answers = ran.texts(&id, "answers");
        answers.sort();
        assert_eq!(answers, records, "{id}");
    }
    // Its groups are the classical ones.
    assert_eq!(*ran.fact("doq-stream-0-SOA", "tls.group"), "x25519");
}

#[test]
fn a_wrong_name_fails_over_quic_and_nothing_falls_back() {
    if !installed(&[AIOQUIC, NAMED, OPENSSL]) {
        return;
    }
    let quic = Quic::start();
    let ran = quic.run(
        r#"
  - id: right-doq
    dns: {server: "127.0.0.1:@DOQ", name: www.peer.test, transport: doq, sni: www.peer.test, ca_file: authority/ca.pem}
  - id: right-doh3
    dns: {server: "127.0.0.1:@HTTP3", name: www.peer.test, transport: doh3, sni: www.peer.test, ca_file: authority/ca.pem}
  - id: wrong-name-doq
    dns: {server: "127.0.0.1:@DOQ", name: www.peer.test, transport: doq, sni: elsewhere.test, ca_file: authority/ca.pem}
  - id: wrong-name-doh3
    dns: {server: "127.0.0.1:@HTTP3", name: www.peer.test, transport: doh3, sni: elsewhere.test, ca_file: authority/ca.pem}
  - id: other-path
    dns: {server: "127.0.0.1:@HTTP3", name: www.peer.test, transport: doh3, sni: www.peer.test, ca_file: authority/ca.pem, path: /other}
    expect: {outcome: http_error, http.status: 404, http.content_type: text/plain}
  - id: other-path-http
    http: {url: "https://www.peer.test:@HTTP3/other", version: 3, resolve: 127.0.0.1, ca_file: authority/ca.pem}
    expect: {status: 404, version: HTTP/3, headers.content-type: text/plain}
  - id: wrong-name-http
    http: {url: "https://elsewhere.test:@HTTP3/other", version: 3, resolve: 127.0.0.1, ca_file: authority/ca.pem}
  - id: other-protocol
    dns: {server: "127.0.0.1:@HTTP3", name: www.peer.test, transport: doq, sni: www.peer.test, ca_file: authority/ca.pem}
    expect: {outcome: {in: [alert, closed]}, answers: {present: false}, tls.verified: {present: false}}
  - id: certificate
    tls: {host: 127.0.0.1, port: @HTTP3, transport: quic, sni: www.peer.test, ca_file: authority/ca.pem}
    expect: {verified: true, version: TLS1.3, alpn: h3, group: x25519, subject: "O=Peer Tests, CN=www.peer.test"}
  - id: certificate-of-another
    tls: {host: 127.0.0.1, port: @HTTP3, transport: quic, sni: elsewhere.test, ca_file: authority/ca.pem}
"#,
    );
    ran.failed(&["wrong-name-doq", "wrong-name-doh3", "wrong-name-http", "certificate-of-another"]);
    for id in ["wrong-name-doq", "wrong-name-doh3"] {
        assert_eq!(*ran.fact(id, "outcome"), "untrusted", "{id}");
        assert!(ran.fact(id, "answers").is_null(), "{id}");
    }
}
