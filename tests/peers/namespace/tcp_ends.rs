//! What refused a TCP connection: a reset, or which ICMP error from whom.

use serde_json::Value;

use super::super::peer::{OPENSSL, installed};
use super::{Namespace, namespace};

/// Two hosts and a way between: the second is 192.0.2.1.
struct Pair {
    near: Namespace,
    far: Namespace,
}

impl Pair {
    fn new() -> Option<Self> {
        let (near, far) = (namespace()?, namespace()?);
        near.setup(&format!(
            "ip link set lo up\nip link add w0 type veth peer name w1 netns {}\nip link set w0 up\nip address add 192.0.2.2/24 dev w0\n\
             nft add table inet f\nnft 'add chain inet f in {{ type filter hook input priority 0; }}'",
            far.0
        ));
        far.setup(
            "ip link set lo up\nip link set w1 up\nip address add 192.0.2.1/24 dev w1\nsysctl -qw net.ipv4.icmp_ratelimit=0
             nft add table inet f
             nft 'add chain inet f in { type filter hook input priority 0; }'",
        );
        Some(Self { near, far })
    }

    fn run(&self, check: &str) -> (Value, String) {
        let (mut report, shown) = self.near.run(&format!("version: 1\nsuite: ends\nchecks:\n- {{id: a, {check}}}\n"));
        (report["checks"][0].take(), shown)
    }
}

#[test]
fn what_refused_is_evidence() {
    let Some(pair) = Pair::new() else { return };
    let (check, shown) = pair.run("tcp: {host: 192.0.2.1, port: 9}");
    assert_eq!((&check["facts"]["outcome"], &check["verdict"]), (&"refused".into(), &"failed".into()), "{shown}");
    assert!(check.to_string().contains("connection refused by 192.0.2.1:9 (RST)"), "{check}");
    pair.far.setup("nft 'add rule inet f in tcp dport 9 reject with icmp type port-unreachable'");
    let (check, shown) = pair.run("tcp: {host: 192.0.2.1, port: 9}");
    assert_eq!(check["facts"]["outcome"], "refused", "{shown}");
    assert!(check.to_string().contains("port_unreachable from 192.0.2.1"), "{check}");
    // This host's own rule against what comes in: no trace, and so the target's silence, with what to look at here.
    pair.near.setup("nft 'add rule inet f in tcp sport 9 drop'");
    let (check, shown) = pair.run("tcp: {host: 192.0.2.1, port: 7, timeout: 300ms}");
    assert_eq!(check["facts"]["outcome"], "refused", "{shown}");
    pair.far.setup("nft 'insert rule inet f in tcp dport 7 drop'");
    let (check, shown) = pair.run("tcp: {host: 192.0.2.1, port: 7, timeout: 300ms}");
    assert_eq!(check["facts"]["outcome"], "timeout", "{shown}");
    assert!(shown.contains("perhaps this host") && shown.contains("nft list ruleset"), "{shown}");
}

/// Patience of less than a second ends before a kernel repeats a SYN, by which a drop of this host shows.
#[test]
fn silence_that_is_expected_is_not_taken_from_a_drop_of_this_host() {
    let Some(pair) = Pair::new() else { return };
    pair.near.setup(
        "nft 'add chain inet f out { type filter hook output priority 0; }'
         nft 'add rule inet f out tcp dport 23 drop'",
    );
    pair.far.setup("nft 'insert rule inet f in tcp dport 24 drop'");
    let silent =
        |id: &str, check: &str| format!("- {{id: {id}, control: alive, {check}, expect: {{outcome: timeout}}}}\n");
    let checks = [
        silent("own", "tcp: {host: 192.0.2.1, port: 23, timeout: 300ms}"),
        silent("own-http", "http: {url: \"http://192.0.2.1:23/\", timeout: 300ms}"),
        silent("theirs", "tcp: {host: 192.0.2.1, port: 24, timeout: 300ms}"),
        silent("theirs-http", "http: {url: \"http://192.0.2.1:24/\", timeout: 300ms}"),
    ];
    let (report, shown) = pair.near.run(&format!(
        "version: 1\nsuite: ends\nchecks:\n- {{id: alive, tcp: {{host: 192.0.2.1, port: 9}}, expect: {{outcome: refused}}}}\n{}",
        checks.concat()
    ));
    let check = |id: &str| report["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap();
    for id in ["own", "own-http"] {
        assert_eq!(check(id)["verdict"], "errored", "{shown}");
        assert!(check(id).to_string().contains("this host itself drops it"), "{shown}");
    }
    for id in ["theirs", "theirs-http"] {
        assert_eq!(check(id)["verdict"], "passed", "{shown}");
    }
}

/// The time to connect is the wait of whoever connects; that a SYN was lost is evidence, in every family.
#[test]
fn a_syn_that_was_sent_again_is_in_the_time_and_in_the_evidence() {
    let Some(pair) = Pair::new() else { return };
    let greeter = "import socket, threading
def serve(port):
    listener = socket.create_server(('192.0.2.1', port))
    while True: listener.accept()[0].sendall(b'hello\\r\\n')
threads = [threading.Thread(target=serve, args=(port,)) for port in range(81, 86)]
[thread.start() for thread in threads]";
    let _greeter = pair.far.spawn("python3", &["-c", &greeter.replace("\\\\", "\\")]);
    let up = |port| {
        format!("- {{id: up{port}, tcp: {{host: 192.0.2.1, port: {port}}}, eventually: {{within: 30s, every: 50ms}}}}")
    };
    let up = (81..86).map(up).collect::<Vec<_>>().join("\n");
    pair.near.run(&format!("version: 1\nsuite: up\nchecks:\n{up}"));
    for port in 81..86 {
        pair.far.setup(&format!(
            "nft 'add rule inet f in tcp dport {port} tcp flags & (syn | ack) == syn numgen inc mod 2 == 0 drop'"
        ));
    }
    let (report, shown) = pair.near.run(
        "version: 1\nsuite: lost\nchecks:
- {id: tcp, tcp: {host: 192.0.2.1, port: 81}}
- {id: http, http: {url: 'http://192.0.2.1:82/'}}
- {id: tls, tls: {host: 192.0.2.1, port: 83}}
- {id: dns, dns: {server: '192.0.2.1:84', name: x.test, transport: tcp}}
- {id: dot, dns: {server: '192.0.2.1:85', name: x.test, transport: dot, sni: x.test}}\n",
    );
    for check in report["checks"].as_array().unwrap() {
        let text = check.to_string();
        assert!(text.contains("the SYN was sent again once before an answer came"), "{text}\n{shown}");
        // It is repeated after a second (RFC 6298); how much later the answer is taken up is this host's.
        let took = check["facts"]["connect_time"]["max"].as_f64().unwrap();
        assert!(took > 0.9, "{text}\n{shown}");
    }
}

/// An ICMP error about the last packet of the handshake: somebody listens, so nothing refused.
#[test]
fn an_error_after_the_handshake_is_no_refusal() {
    let Some(pair) = Pair::new() else { return };
    let greeter = "import socket
listener = socket.create_server(('192.0.2.1', 81))
while True: listener.accept()[0].sendall(b'hello\\r\\n')";
    let _greeter = pair.far.spawn("python3", &["-c", &greeter.replace("\\\\", "\\")]);
    pair.run("tcp: {host: 192.0.2.1, port: 81}, eventually: {within: 30s, every: 50ms}");
    // The first ACK alone: the next packet gets through.
    pair.near.setup(
        "nft 'add chain inet f out { type filter hook output priority 0; }'
         nft 'add rule inet f out tcp dport 81 tcp flags & (syn | ack) == ack numgen inc mod 2 == 0 reject'",
    );
    let (check, shown) = pair.run("tcp: {host: 192.0.2.1, port: 81}");
    assert_eq!((&check["facts"]["outcome"], &check["verdict"]), (&"connected".into(), &"passed".into()), "{shown}");
}

/// A list of an authority that this host itself does not let out for is no word about the authority, and takes nothing from the rest.
#[test]
fn a_revocation_list_that_this_host_keeps_back_is_not_unreachable() {
    let Some(pair) = Pair::new() else { return };
    if !installed(&[OPENSSL]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (at("own.pem"), at("own.key"));
    pair.near.setup(&format!(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj /CN=own -addext subjectAltName=IP:127.0.0.1 \
         -addext crlDistributionPoints=URI:http://192.0.2.1/a.crl -keyout {key} -out {certificate}
         nft 'add chain inet f out {{ type filter hook output priority 0; }}'"
    ));
    let server = ["s_server", "-accept", "127.0.0.1:443", "-cert", &certificate, "-key", &key, "-www"];
    let _server = pair.near.spawn("openssl", &server);
    pair.run("tcp: {host: 127.0.0.1, port: 443}, eventually: {within: 30s, every: 50ms}");
    let list = format!("tls: {{host: 127.0.0.1, ca_file: {certificate}, crl: true, timeout: 2s}}");
    let (check, shown) = pair.run(&list);
    assert_eq!(
        (&check["facts"]["crl.status"], &check["verdict"]),
        (&"unreachable".into(), &"failed".into()),
        "{shown}"
    );
    pair.near.setup("nft 'add rule inet f out ip daddr 192.0.2.1 tcp dport 80 drop'");
    let (check, shown) = pair.run(&list);
    assert_eq!((&check["facts"]["verified"], &check["verdict"]), (&true.into(), &"errored".into()), "{shown}");
    assert!(check["facts"]["crl.status"].is_null() && shown.contains("this host itself drops it"), "{check} {shown}");
}
