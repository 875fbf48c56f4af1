//! Knot DNS: every record as `dig` prints it, and what a server says besides records.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::json;

use super::daemon::{Daemon, free_port};
use super::peer::{DIG, KNOT, installed};
use super::printed;
use super::sandbox::CliSandbox;

/// Questions about zone peer.test, one for every type of record in it.
const QUESTIONS: &[(&str, &str)] = &[
    ("peer.test", "SOA"),
    ("peer.test", "NS"),
    ("peer.test", "MX"),
    ("peer.test", "CAA"),
    ("www.peer.test", "A"),
    ("www.peer.test", "AAAA"),
    ("txt.peer.test", "TXT"),
    ("anything.wild.peer.test", "TXT"),
    ("spf.peer.test", "SPF"),
    ("srv.peer.test", "SRV"),
    ("naptr.peer.test", "NAPTR"),
    ("alias.peer.test", "CNAME"),
    ("tree.peer.test", "DNAME"),
    ("ptr.peer.test", "PTR"),
    ("hinfo.peer.test", "HINFO"),
    ("loc.peer.test", "LOC"),
    ("rp.peer.test", "RP"),
    ("afsdb.peer.test", "AFSDB"),
    ("kx.peer.test", "KX"),
    ("sshfp.peer.test", "SSHFP"),
    ("tlsa.peer.test", "TLSA"),
    ("smimea.peer.test", "SMIMEA"),
    ("cert.peer.test", "CERT"),
    ("dhcid.peer.test", "DHCID"),
    ("pgp.peer.test", "OPENPGPKEY"),
    ("csync.peer.test", "CSYNC"),
    ("zonemd.peer.test", "ZONEMD"),
    ("eui48.peer.test", "EUI48"),
    ("eui64.peer.test", "EUI64"),
    ("uri.peer.test", "URI"),
    ("svc.peer.test", "SVCB"),
    ("web.peer.test", "HTTPS"),
    ("sub.peer.test", "DS"),
    ("unknown.peer.test", "TYPE65280"),
    ("empty.peer.test", "TYPE65281"),
    ("nsec.test", "DNSKEY"),
    ("nsec.test", "CDS"),
    ("nsec.test", "NSEC"),
    ("nsec3.test", "DNSKEY"),
    ("nsec3.test", "NSEC3PARAM"),
    ("nsec3.test", "RRSIG"),
];

struct Knot {
    sandbox: CliSandbox,
    port: u16,
    _daemon: Daemon,
}

impl Knot {
    fn start() -> Self {
        let sandbox = CliSandbox::new();
        sandbox.write("peer.zone", include_str!("data/knot/peer.zone"));
        std::fs::create_dir(sandbox.path("db")).unwrap();
        let prepare = || {
            let port = free_port();
            let text = include_str!("data/knot/knot.conf").replace("@PORT@", &port.to_string());
            sandbox.write("knot.conf", &text.replace("@DIR@", sandbox.folder().to_str().unwrap()));
            let mut command = KNOT.command();
            command.arg("-c").arg(sandbox.path("knot.conf"));
            (command, port)
        };
        // The last zone is there once it is signed.
        let signed = |port: &u16, _: &str| !dig(*port, &["nsec3.test", "DNSKEY"]).is_empty();
        let (daemon, port) = Daemon::start(&sandbox.path("knotd.log"), prepare, signed);
        Self { sandbox, port, _daemon: daemon }
    }
}

/// The answer of `dig`, line by line, sorted; nothing while there is no answer.
fn dig(port: u16, words: &[&str]) -> Vec<String> {
    let mut command: Command = DIG.command();
    command.args(["@127.0.0.1", "-p", &port.to_string(), "+short", "+nosplit", "+norec", "+tries=1", "+time=2"]);
    let output = command.args(words).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Before 9.20 dig had no name for this key of SVCB (RFC 9461).
    let lines = text.lines().filter(|line| !line.starts_with(';')).map(|line| line.replace(" key7=", " dohpath="));
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

#[test]
fn every_record_is_what_dig_prints() {
    if !installed(&[KNOT, DIG]) {
        return;
    }
    let knot = Knot::start();
    let mut checks = String::new();
    let mut expected = Vec::new();
    for (number, (name, kind)) in QUESTIONS.iter().enumerate() {
        let answers = dig(knot.port, &[name, kind]);
        assert!(!answers.is_empty(), "dig has no answer for {name} {kind}");
        let check = json!({
            "id": format!("q{number}-{kind}"),
            "matrix": {"transport": ["udp", "tcp"]},
            "dns": {"server": format!("127.0.0.1:{}", knot.port), "name": name, "type": kind,
                    "transport": "${matrix.transport}", "recursion": false, "edns_size": "4096 B"},
            "expect": {"rcode": "NOERROR", "answers": {"exactly": answers}, "truncated": false,
                       "flags": {"contains": ["aa"]}},
        });
        // JSON is YAML.
        writeln!(checks, "  - {check}").unwrap();
        expected.extend(
            ["udp", "tcp"].map(|transport| (format!("q{number}-{kind}[transport={transport}]"), answers.clone())),
        );
    }
    let ran = knot.sandbox.run(&checks, &[]);
    for (id, answers) in expected {
        let mut found = ran.texts(&id, "answers");
        found.sort();
        assert_eq!(found, answers, "{id}");
    }
    ran.all_held();
}

#[test]
fn absence_truncation_aliases_and_names_of_servers_are_reported() {
    if !installed(&[KNOT, DIG]) {
        return;
    }
    let knot = Knot::start();
    let ran = knot.sandbox.run(
        &r#"
  - id: absent
    matrix: {transport: [udp, tcp]}
    dns: {server: "127.0.0.1:@", name: nowhere.peer.test, transport: "${matrix.transport}", recursion: false}
    expect: {rcode: NXDOMAIN, answers: {len: 0}, authority: {len: 1}, flags: {exactly: [qr, aa]}}
  - id: no-data
    dns: {server: "127.0.0.1:@", name: mail.peer.test, type: AAAA, recursion: false}
    expect: {rcode: NOERROR, answers: {len: 0}}
  - id: alias
    dns: {server: "127.0.0.1:@", name: alias.peer.test, type: A, recursion: false}
    expect: {cname: {exactly: [link.peer.test., www.peer.test.]}, answers: {exactly: [192.0.2.10, 192.0.2.11]}}
  - id: too-long-for-udp
    dns: {server: "127.0.0.1:@", name: nsec3.test, type: DNSKEY, dnssec: true, edns_size: 512 B, recursion: false}
    expect: {truncated: true, flags: {contains: [tc]}, size: {le: 512 B}}
  - id: whole-over-tcp
    dns: {server: "127.0.0.1:@", name: nsec3.test, type: DNSKEY, dnssec: true, transport: tcp, recursion: false}
    expect: {truncated: false, flags: {excludes: [tc]}, size: {gt: 512 B}}
  - id: referral
    dns: {server: "127.0.0.1:@", name: www.sub.peer.test, recursion: false}
    expect: {rcode: NOERROR, answers: {len: 0}, flags: {excludes: [aa]}, additional: {len: 1}}
  - id: not-here
    dns: {server: "127.0.0.1:@", name: example.com, recursion: false}
    expect: {rcode: REFUSED}
  - id: who
    dns: {server: "127.0.0.1:@", name: peer.test, type: SOA, nsid: true}
    expect: {nsid: knot-peer, flags: {contains: [rd], excludes: [ra]}, ttl.max: {eq: 300s}}
"#
        .replace('@', &knot.port.to_string()),
        &[],
    );
    ran.all_held();
    let comments =
        printed(DIG.command().args(["@127.0.0.1", "-p", &knot.port.to_string(), "+norec", "nowhere.peer.test"]));
    assert!(comments.contains("status: NXDOMAIN") && comments.contains("flags: qr aa;"), "{comments}");
}

#[test]
fn a_zone_that_is_not_as_expected_fails() {
    if !installed(&[KNOT, DIG]) {
        return;
    }
    let knot = Knot::start();
    let ran = knot.sandbox.run(
        &r#"
  - {id: one-less, dns: {server: "127.0.0.1:@", name: www.peer.test}, expect: {answers: {exactly: [192.0.2.10]}}}
  - {id: other, dns: {server: "127.0.0.1:@", name: mail.peer.test}, expect: {answers: {contains: [192.0.2.26]}}}
  - {id: gone, dns: {server: "127.0.0.1:@", name: nowhere.peer.test}}
  - {id: there, dns: {server: "127.0.0.1:@", name: mail.peer.test}, expect: {rcode: NXDOMAIN}}
  - {id: held, dns: {server: "127.0.0.1:@", name: mail.peer.test}, expect: {answers: {exactly: [192.0.2.25]}}}
"#
        .replace('@', &knot.port.to_string()),
        &[],
    );
    ran.failed(&["one-less", "other", "gone", "there"]);
}
