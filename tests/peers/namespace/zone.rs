//! Zones and interfaces: hosts of a link are asked by every family, over the link that a check names, and over no other.
//!
//! The client has one address three times: a server's on link `a0`, that of a host without services on `b0`, and its own on `c0`.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::Value;
use shakedown::checks::FAMILIES;
use shakedown::model::{FieldKind, FieldRole};
use tempfile::TempDir;

use super::{Namespace, Running, namespace, suites};
use crate::peer::{IPERF3, OPENSSL, installed};

/// HTTP that sends back its `Host`, DNS with one address for every name, over UDP and TCP, and a UDP echo.
const SERVERS: &str = "
import http.server, os, socket, sys, threading
sys.stderr = open(os.devnull, 'w')
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.headers['Host'].encode()
        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
class S(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
def answer(query):
    end = query.index(0, 12) + 5
    record = b'\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4\\xc0\\0\\2\\1'
    return query[:2] + bytes([query[2] | 0x80, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]) + query[12:end] + record
def datagrams(port, of):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(('::', port))
    while True:
        data, peer = s.recvfrom(4096)
        try: s.sendto(of(data), peer)
        except (ValueError, IndexError): pass
def streams(port):
    s = socket.socket(socket.AF_INET6); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('::', port)); s.listen(64)
    def one(c):
        try:
            while True:
                n = int.from_bytes(c.recv(2, socket.MSG_WAITALL), 'big')
                if not n: return
                a = answer(c.recv(n, socket.MSG_WAITALL)); c.sendall(len(a).to_bytes(2, 'big') + a)
        except OSError: pass
        finally: c.close()
    while True: threading.Thread(target=one, args=(s.accept()[0],), daemon=True).start()
for port, of in ((5300, answer), (5355, bytes)): threading.Thread(target=datagrams, args=(port, of), daemon=True).start()
threading.Thread(target=streams, args=(5300,), daemon=True).start()
S(('::', 8080), H).serve_forever()
";

/// Checks that pass where the server is; `MORE` is the field `interface` where the host has no zone.
const ASKED: &str = "
- {id: ready, tcp: {host: HOST, port: 8080 MORE}, eventually: {within: 20s, every: 100ms}}
- {id: udp, needs: [ready], udp: {host: HOST, port: 5355, send: x, expect: x MORE}}
- {id: icmp, icmp: {host: HOST, count: 2, interval: 10ms MORE}, expect: {address: 'fe80::2%LINK'}}
- {id: sweep, icmp: {hosts: [HOST], retries: 0 MORE}, expect: {hosts.alive: {exactly: [HOST]}}}
- {id: path-mtu, icmp: {host: HOST, mtu: discover MORE}, expect: {path_mtu: 1500 B}}
- {id: duplicate, icmp: {host: HOST, count: 1, duplicate_address: true MORE}, expect: {link_addresses: {len: 1}}}
- {id: trace, trace: {host: HOST, max_hops: 5 MORE}, expect: {hops: {len: 1}}}
- {id: trace-udp, trace: {host: HOST, protocol: udp, max_hops: 5 MORE}}
- {id: trace-tcp, trace: {host: HOST, protocol: tcp, port: 8080, max_hops: 5 MORE}}
- {id: ports, needs: [ready], ports: {host: HOST, ports: 8079-8081 MORE}, expect: {open: {exactly: ['8080']}, closed: {len: 2}}}
- {id: ports-syn, needs: [ready], ports: {host: HOST, ports: 8079-8081, method: syn MORE}, expect: {open: {exactly: ['8080']}, closed: {len: 2}}}
- {id: ports-udp, needs: [ready], ports: {host: HOST, ports: [5300, 5301], method: udp MORE}, expect: {closed: {exactly: ['5301']}}}
- {id: ports-many, needs: [ready], ports: {hosts: [HOST], ports: 8080 MORE}, expect: {open_on_all: {exactly: ['8080']}}}
- {id: reach, needs: [ready], reach: {from: [FROM], to: [{name: there, host: HOST}], ports: [8080, udp/5355], allow: [{from: any, to: any}]}}
- {id: http, needs: [ready], http: {url: 'http://AT:8080/' MORE}, expect: {body: '[fe80::2]:8080'}}
- {id: https, http: {url: 'https://AT:8443/', ca_file: CA MORE}, eventually: {within: 20s, every: 100ms}}
- {id: tls, needs: [https], tls: {host: HOST, port: 8443, ca_file: CA MORE}}
- {id: tls-load, needs: [https], tls: {host: HOST, port: 8443, ca_file: CA, load: {duration: 300ms} MORE}}
- {id: dns, needs: [ready], dns: {server: 'AT:5300', name: x.test MORE}, expect: {address: 'fe80::2%LINK'}}
- {id: dns-tcp, needs: [ready], dns: {server: 'AT:5300', name: x.test, transport: tcp MORE}}
- {id: dns-load, needs: [ready], dns: {server: 'AT:5300', name: x.test, load: {rate: 50 /s, duration: 300ms} MORE}}
- {id: dns-quic, dns: {server: 'AT:5301', name: x.test, transport: doq, sni: x.test MORE}, expect: {outcome: refused}}
- {id: throughput, throughput: {server: 'AT:5201', duration: 1s MORE}, eventually: {within: 20s, every: 200ms}}
";

struct Links {
    client: Namespace,
    _server: Namespace,
    other: Namespace,
    certificate: TempDir,
    _running: Vec<Running>,
}

impl Links {
    /// The checks of [`ASKED`], of a host with its zone or with the field `interface`; `every` stands in each of them.
    fn suite(&self, zone: Option<&str>, interface: Option<&str>, every: &str) -> String {
        let of = |sign: &str| zone.map_or_else(|| "fe80::2".to_owned(), |zone| format!("fe80::2{sign}{zone}"));
        let more = interface.map(|name| format!(", interface: {name}")).unwrap_or_default();
        let from = interface.map_or_else(|| "self".to_owned(), |name| format!("{{name: me, interface: {name}}}"));
        let link = zone.or(interface).unwrap_or_default();
        let checks = ASKED.replace("FROM", &from).replace(" MORE", &more).replace("LINK", link);
        let mut out = String::from("version: 1\nsuite: own\ndefaults: {timeout: 2s}\nchecks:\n");
        for line in checks.lines().filter(|line| !line.is_empty()) {
            let sign = if line.contains("://") { "%25" } else { "%" };
            let line = line.replace("AT", &format!("[{}]", of(sign))).replace("HOST", &format!("'{}'", of("%")));
            writeln!(out, "{}", line.replacen("- {", &format!("- {{{every}"), 1)).unwrap();
        }
        out.replace("ca_file: CA", &format!("ca_file: {}", self.certificate.path().join("c").display()))
    }
}

fn links() -> Option<Links> {
    let (client, server, other) = (namespace()?, namespace()?, namespace()?);
    if !installed(&[OPENSSL, IPERF3]) {
        return None;
    }
    client.setup("ip link set lo up\nip link add c0 type veth peer name c1\nip link set c1 up");
    for (near, far, with) in [("b0", "b1", &other), ("a0", "a1", &server)] {
        client.setup(&format!("ip link add {near} type veth peer name {far} netns {}", with.name()));
        with.setup(&format!("ip link set lo up\n{}", addressed(far, "fe80::2")));
        client.setup(&addressed(near, "fe80::1"));
    }
    client.setup(&addressed("c0", "fe80::2"));
    // What a link carries is asked of that link, not of the first one with its address.
    client.setup("ip link set b0 mtu 1400");
    let certificate = tempfile::tempdir().unwrap();
    // Of the address alone: a zone stands in no certificate.
    let make = "req -x509 -newkey rsa:2048 -nodes -keyout k -out c -subj /CN=x -days 2 -addext subjectAltName=IP:fe80::2 \
                -addext basicConstraints=critical,CA:FALSE";
    let mut openssl = Command::new("openssl");
    assert!(openssl.args(make.split_whitespace()).current_dir(&certificate).output().unwrap().status.success());
    let [key, chain] = ["k", "c"].map(|name| certificate.path().join(name).display().to_string());
    let tls = ["s_server", "-6", "-quiet", "-www", "-accept", "8443", "-key", &key, "-cert", &chain];
    let running =
        vec![server.spawn("python3", &["-c", SERVERS]), server.spawn("openssl", &tls), server.spawn("iperf3", &["-s"])];
    Some(Links { client, _server: server, other, certificate, _running: running })
}

/// An interface with this address and no other; that nobody else has it is not waited for.
fn addressed(interface: &str, address: &str) -> String {
    format!(
        "ip link set {interface} addrgenmode none\nip -6 address add {address}/64 dev {interface} nodad\nip link set {interface} up"
    )
}

fn all_pass(report: &Value, shown: &str) {
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.len() >= ASKED.lines().filter(|line| line.starts_with('-')).count(), "{shown}");
    for check in checks {
        assert_eq!(check["verdict"], "passed", "{check:#}\n{shown}");
    }
}

#[test]
fn every_family_asks_over_the_link_it_names() {
    let Some(links) = links() else { return };
    let client = &links.client;
    let index = client.command("cat").arg("/sys/class/net/a0/ifindex").output().unwrap();
    let index = String::from_utf8(index.stdout).unwrap().trim().to_owned();
    for (zone, interface) in [(Some("a0"), None), (None, Some("a0")), (Some(index.as_str()), None)] {
        let (report, shown) = client.run(&links.suite(zone, interface, ""));
        all_pass(&report, &shown);
        assert!(zone != Some("a0") || shown.contains("fe80::2%a0"), "{shown}");
    }
    // What the name means is known only where the check is run.
    let Some(home) = namespace() else { return };
    let netns = format!("netns: {}, ", links.client.name());
    let inside = links.suite(Some("a0"), None, &netns).replace("from: [self]", &format!("from: [{{{netns}name: me}}]"));
    let (report, shown) = home.run(&inside.replace(&format!("{netns}id: reach"), "id: reach"));
    all_pass(&report, &shown);
}

/// The same address on another link is another host: one that refuses, this host itself, and nobody.
#[test]
fn another_link_is_another_host() {
    let Some(links) = links() else { return };
    let client = &links.client;
    // Beside hosts of a link, one of another link that has no zone.
    client.setup("ip -6 address add 2001:db8:b::1/64 dev b0 nodad");
    links.other.setup("ip -6 address add 2001:db8:b::2/64 dev b1 nodad");
    let suite = "version: 1\nsuite: own\ndefaults: {timeout: 500ms}\nchecks:
- {id: ready, tcp: {host: 'fe80::2%a0', port: 8080}, eventually: {within: 20s, every: 100ms}}
- {id: other, needs: [ready], tcp: {host: 'fe80::2%b0', port: 8080}, expect: {outcome: refused}}
- {id: own, needs: [ready], tcp: {host: 'fe80::2%c0', port: 8080}, expect: {outcome: refused}}
- {id: udp, needs: [ready], udp: {host: 'fe80::2', interface: b0, port: 5355, send: x}, expect: {outcome: refused}}
- {id: sources, needs: [ready], tcp: {host: 'fe80::2%a0', port: 8080, source: 'fe80::1'}}
- {id: nobody, icmp: {hosts: ['fe80::2%a0', 'fe80::9%a0'], retries: 0}, expect: {hosts.dead: {exactly: ['fe80::9%a0']}}}
- {id: beside, icmp: {hosts: ['fe80::2%a0', '2001:db8:b::2'], retries: 0}, expect: {hosts.alive: {len: 2}}}
- {id: ports-beside, needs: [ready], ports: {hosts: ['fe80::2%a0', '2001:db8:b::2'], ports: 8080}, expect: {open_on_any: {len: 1}, closed_on_any: {len: 1}}}
- {id: syn-beside, needs: [ready], ports: {hosts: ['fe80::2%a0', '2001:db8:b::2'], ports: 8080, method: syn}, expect: {open_on_any: {len: 1}, closed_on_any: {len: 1}}}
- {id: udp-beside, needs: [ready], ports: {hosts: ['fe80::2%a0', '2001:db8:b::2'], ports: 5301, method: udp}, expect: {closed_on_any: {len: 1}, filtered_on_any: {len: 0}}}\n";
    let (report, shown) = client.run(suite);
    for check in report["checks"].as_array().unwrap() {
        assert_eq!(check["verdict"], "passed", "{check:#}\n{shown}");
    }
    let wrong =
        links.suite(Some("b0"), None, "").replace("within: 20s", "within: 1s").replace("timeout: 2s", "timeout: 500ms");
    let (report, shown) = client.run(&wrong.replace("needs: [ready], ", "").replace("needs: [https], ", ""));
    let served = [
        "ready",
        "udp",
        // Its link carries less.
        "path-mtu",
        "ports",
        "ports-syn",
        "ports-udp",
        "ports-many",
        "http",
        "https",
        "tls",
        "tls-load",
        "dns",
        "dns-tcp",
        "dns-load",
        "throughput",
    ];
    // QUIC hears of a refusal when it sends again, after a second.
    for check in report["checks"].as_array().unwrap().iter().filter(|check| check["id"] != "dns-quic") {
        let id = check["id"].as_str().unwrap();
        let is_served = served.contains(&id) || id.starts_with("reach");
        assert_eq!(is_served, check["verdict"] != "passed", "{check:#}\n{shown}");
    }
}

/// A family that sends something, and names no interface at its top, with the reason.
const ELSEWHERE: &[(&str, &str)] =
    &[("reach", "each source in `from` names its own"), ("failover", "the probe inside names it")];

/// An interface that is not there is this host's own lack, in every family, by zone and by field.
#[test]
fn without_the_interface_nothing_is_known() {
    let Some(own) = namespace() else { return };
    own.setup("ip link set lo up\nip -6 address add 2001:db8::1/128 dev lo nodad");
    let by_zone = suites::rows("fe80::2%gone0", None).into_iter().filter(|row| row.family.name != "failover");
    let checks: Vec<String> = by_zone.map(|row| row.plain()).chain(by("2001:db8::1", "gone0")).collect();
    all_errored(&own, &checks, "no such interface");
}

/// Nor by a name that stands for an address of a link: the kernel would choose one for some packets.
#[test]
fn a_name_says_no_link() {
    let Some(own) = namespace() else { return };
    own.setup("ip link set lo up\nip link add a0 type veth peer name a1\nip link set a1 up");
    own.setup(&addressed("a0", "fe80::1"));
    std::fs::write(own.etc().join("hosts"), "fe80::2 near.test\n").unwrap();
    let rows = suites::rows("near.test", None).into_iter().filter(|row| row.family.name != "failover");
    let checks: Vec<String> = rows.map(|row| row.plain()).collect();
    for check in all_errored(&own, &checks, "no link is named") {
        let remedy = check["fault"]["remedy"].as_str().unwrap();
        assert!(remedy.contains("write `interface: eth0`"), "{check:#}");
    }
}

/// Nor where it leads nowhere: the way by another one is none.
#[test]
fn an_interface_without_a_route_is_this_hosts_own_lack() {
    let Some(own) = namespace() else { return };
    own.setup("ip link set lo up\nip link add a0 type veth peer name a1\nip link set a1 up\nip link add b0 type veth peer name b1\nip link set b1 up");
    own.setup(&(addressed("a0", "2001:db8::9") + "\n" + &addressed("b0", "fe80::1")));
    all_errored(&own, &by("2001:db8::1", "b0"), "this host has no route there");
}

/// Checks of every kind at a host, by an interface.
fn by(host: &str, interface: &str) -> Vec<String> {
    let rows = suites::rows(host, None).into_iter().filter(|row| row.family.name != "failover");
    let by = |row: suites::Row| {
        let plain = row.plain().replacen(&format!("id: {}", row.id), &format!("id: by-{}", row.id), 1);
        let fields = format!("{}: {{", row.family.name);
        if row.family.fields.iter().any(|field| field.has(FieldRole::Interface)) {
            plain.replacen(&fields, &format!("{fields}interface: {interface}, "), 1)
        } else {
            plain.replacen("from: [self]", &format!("from: [{{interface: {interface}}}]"), 1)
        }
    };
    rows.map(by).collect()
}

fn all_errored(own: &Namespace, checks: &[String], why: &str) -> Vec<Value> {
    let suite = format!("version: 1\nsuite: own\ndefaults: {{timeout: 500ms}}\nchecks:\n{}", checks.concat());
    let (report, shown) = own.run(&suite);
    let seen = report["checks"].as_array().unwrap();
    assert_eq!(seen.len(), checks.len(), "{shown}");
    for check in seen {
        assert_eq!(check["verdict"], "errored", "{check:#}\n{shown}");
        assert!(check["reason"].as_str().unwrap().contains(why), "{check:#}");
    }
    seen.clone()
}

/// Whatever names hosts chooses its interface, or is on the list.
#[test]
fn every_family_that_names_a_host_names_an_interface() {
    for family in FAMILIES {
        let asks = family.fields.iter().any(|field| {
            let kind = if let FieldKind::List(item) = &field.kind { item } else { &field.kind };
            field.has(FieldRole::Host) || matches!(kind, FieldKind::Host | FieldKind::Endpoint | FieldKind::Url)
        });
        let names = family.fields.iter().any(|field| field.has(FieldRole::Interface));
        let listed = ELSEWHERE.iter().any(|(name, _)| *name == family.name);
        assert!(names != listed || !asks && !names, "{}", family.name);
        assert_eq!(names, family.fields.iter().any(|field| field.has(FieldRole::Source)), "{}: `source`", family.name);
    }
}
