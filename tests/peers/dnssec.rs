//! DNSSEC: verdict and reason about zones that were broken on purpose, held against delv, and through a resolver.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use super::daemon::{Daemon, free_port};
use super::peer::{DELV, DIG, KNOT, LDNS, NSD, UNBOUND, installed};
use super::printed;
use super::sandbox::{CliSandbox, Ran};
use super::signed::Signed;

/// A question, what must be said of it, and what delv says where it means something else by it.
struct Case {
    name: &'static str,
    kind: &'static str,
    verdict: &'static str,
    reason: Option<&'static str>,
    delv: Option<&'static str>,
}

const fn case(name: &'static str, kind: &'static str, verdict: &'static str, reason: Option<&'static str>) -> Case {
    Case { name, kind, verdict, reason, delv: None }
}

const fn secure(name: &'static str, kind: &'static str) -> Case {
    case(name, kind, "secure", None)
}

const fn bogus(name: &'static str, kind: &'static str, reason: &'static str) -> Case {
    case(name, kind, "bogus", Some(reason))
}

const fn insecure(name: &'static str, kind: &'static str) -> Case {
    case(name, kind, "insecure", None)
}

const CASES: &[Case] = &[
    secure("www.good.test", "A"),
    secure("nowhere.good.test", "A"),
    secure("deep.nowhere.good.test", "A"),
    secure("www.good.test", "MX"),
    secure("ent.good.test", "A"),
    secure("b.ent.good.test", "TXT"),
    secure("x.wild.good.test", "A"),
    secure("x.y.wild.good.test", "A"),
    secure("x.wild.good.test", "MX"),
    secure("*.wild.good.test", "A"),
    secure("alias.good.test", "A"),
    secure("alias.good.test", "CNAME"),
    secure("x.tree.good.test", "A"),
    secure("lost.good.test", "A"),
    secure("good.test", "SOA"),
    secure("good.test", "DNSKEY"),
    secure("good.test", "DS"),
    secure("unsigned.test", "DS"),
    secure("nowhere.test", "A"),
    secure("www.nsec3.test", "A"),
    secure("nowhere.nsec3.test", "A"),
    secure("deep.nowhere.nsec3.test", "A"),
    secure("www.nsec3.test", "MX"),
    secure("ent.nsec3.test", "A"),
    secure("x.wild.nsec3.test", "A"),
    secure("x.wild.nsec3.test", "MX"),
    secure("away.nsec3.test", "A"),
    secure("www.optout.test", "A"),
    secure("www.optout.test", "MX"),
    secure("www.iterated.test", "A"),
    secure("www.p384.test", "A"),
    secure("nowhere.ed25519.test", "A"),
    secure("x.wild.rsa.test", "A"),
    secure("www.nonsec.test", "A"),
    secure("nowhere.norrsig.test", "A"),
    secure("nowhere.altered.test", "A"),
    bogus("www.expired.test", "A", "expired"),
    bogus("nowhere.expired.test", "A", "expired"),
    bogus("www.future.test", "A", "not_yet_valid"),
    bogus("www.wrongds.test", "A", "ds_mismatch"),
    bogus("www.nokeys.test", "A", "ds_mismatch"),
    bogus("www.nokeysig.test", "A", "missing_rrsig"),
    bogus("nowhere.nonsec.test", "A", "missing_denial"),
    bogus("www.nonsec.test", "MX", "missing_denial"),
    bogus("x.wild.nonsec.test", "A", "missing_denial"),
    bogus("www.norrsig.test", "A", "missing_rrsig"),
    bogus("alias.norrsig.test", "A", "missing_rrsig"),
    bogus("www.altered.test", "A", "bad_signature"),
    bogus("fall.good.test", "A", "expired"),
    insecure("www.unsigned.test", "A"),
    insecure("nowhere.unsigned.test", "A"),
    insecure("drop.good.test", "A"),
    insecure("away.unsigned.test", "A"),
    case("nowhere.iterated.test", "A", "insecure", Some("nsec3_iterations")),
    case("x.wild.iterated.test", "A", "insecure", Some("nsec3_iterations")),
    insecure("x.wild.optout.test", "A"),
    case("www.unknown.test", "A", "insecure", Some("unsupported_algorithm")),
    // RFC 5155 section 9.2 forbids to call this authentic. BIND keeps that apart from validity: named sets no AD either, but
    // delv, which tells validity, says it is valid.
    Case { delv: Some("secure"), ..insecure("nowhere.optout.test", "A") },
];

/// Algorithms the second validator does not know.
const ALONE: &[&str] = &["p384.test", "ed25519.test"];

/// The output of dig; nothing while there is no answer.
pub fn dig(port: u16, words: &[&str]) -> String {
    let mut command: Command = DIG.command();
    command.args(["@127.0.0.1", "-p", &port.to_string(), "+norec", "+tries=1", "+time=2"]).args(words);
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().filter(|line| !line.starts_with(';')).collect()
}

/// delv's verdict, and its output.
fn delv(signed: &Signed, port: u16, case: &Case) -> (&'static str, String) {
    let words: Vec<&str> = signed.key.split_whitespace().collect();
    let ["test.", _, "DNSKEY", flags, protocol, algorithm, public, ..] = words.as_slice() else { panic!("{words:?}") };
    let anchor = format!("trust-anchors {{ \"test.\" static-key {flags} {protocol} {algorithm} \"{public}\"; }};\n");
    let file = signed.sandbox.write("delv.keys", &anchor);
    let mut command = DELV.command();
    command.args(["@127.0.0.1", "-p", &port.to_string(), "-a", file.to_str().unwrap(), "+root=test"]);
    let output = command.args([case.name, case.kind]).output().unwrap();
    let output = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // One mark for each set of the answer, and a last line for what does not resolve: the weakest decides. A proven absence
    // does not resolve either ("ncache").
    let failed = output.lines().any(|line| line.starts_with(";; resolution failed:") && !line.contains("ncache"));
    let verdict = if failed || !output.contains("fully validated") && !output.contains("unsigned answer") {
        "bogus"
    } else if output.contains("unsigned answer") {
        "insecure"
    } else {
        "secure"
    };
    (verdict, output)
}

/// A check for each case, against `port`.
fn checks(cases: &[Case], port: u16, anchor: &str, recursion: bool) -> String {
    let mut checks = String::new();
    for (number, case) in cases.iter().enumerate() {
        let reason = case.reason.map_or_else(|| json!({"present": false}), |word| json!(word));
        let check = json!({
            "id": format!("q{number}"),
            "dns": {"server": format!("127.0.0.1:{port}"), "name": case.name, "type": case.kind, "recursion": recursion,
                    "dnssec": "validate", "trust_anchor": anchor, "timeout": "20s"},
            "expect": {"rcode": {"present": true}, "answers": {"present": true}, "dnssec.verdict": case.verdict,
                       "dnssec.reason": reason},
        });
        // JSON is YAML.
        writeln!(checks, "  - {check}").unwrap();
    }
    checks
}

#[track_caller]
fn fact<'r>(ran: &'r Ran, number: usize, name: &str) -> &'r Value {
    ran.fact(&format!("q{number}"), name)
}

#[test]
fn every_verdict_has_the_right_reason_and_delv_agrees() {
    if !installed(&[NSD, LDNS, DELV, DIG]) {
        return;
    }
    let signed = Signed::start();
    let ran = signed.sandbox.run(&checks(CASES, signed.port, &signed.anchor, false), &[]);
    for (number, case) in CASES.iter().enumerate() {
        let Case { name, kind, verdict, .. } = case;
        let found = (fact(&ran, number, "dnssec.verdict"), fact(&ran, number, "dnssec.reason"));
        assert_eq!(found, (&json!(verdict), &json!(case.reason)), "{name} {kind}: {}", ran.report["checks"][number]);
        let (by_delv, words) = delv(&signed, signed.port, case);
        assert_eq!(by_delv, case.delv.unwrap_or(verdict), "delv on {name} {kind}: {words}");
        let opinion = if ALONE.iter().any(|zone| name.ends_with(zone)) { "none" } else { "agrees" };
        assert_eq!(fact(&ran, number, "dnssec.second_opinion"), opinion, "{name} {kind}");
    }
    ran.all_held();
}

#[test]
fn margins_and_parameters_are_reported() {
    if !installed(&[NSD, LDNS, DIG]) {
        return;
    }
    let signed = Signed::start();
    signed.sandbox.write("anchor.key", &format!("; the key of test.\n{}", signed.key));
    let checks = r#"
  - id: good
    dns: {server: "127.0.0.1:@", name: www.good.test, recursion: false, dnssec: validate, trust_anchor: anchor.key}
    expect:
      dnssec.verdict: secure
      rrsig.expires_in: {between: [13d, 14d]}
      rrsig.inception_age: {between: [1d, 2d]}
      dnssec.algorithms: {exactly: [ECDSAP256SHA256]}
      dnssec.keys: {len: 4}
      dnssec.denial: {present: false}
      ds.match: true
      ds.unmatched: {len: 0}
      soa.expire_margin: {between: [6d, 7d]}
      nsec3.iterations: {present: false}
      cds.match: {present: false}
      answers: {exactly: [192.0.2.10]}
  - id: expired
    dns: {server: "127.0.0.1:@", name: www.expired.test, recursion: false, dnssec: validate, trust_anchor: anchor.key}
    expect: {dnssec.verdict: bogus, rrsig.expires_in: {lt: 0s}}
  - id: salted
    dns: {server: "127.0.0.1:@", name: nowhere.optout.test, recursion: false, dnssec: validate, trust_anchor: anchor.key}
    expect: {nsec3.iterations: 1, nsec3.salt: ABCD, nsec3.opt_out: true, dnssec.denial: nsec3, rcode: NXDOMAIN, dnssec.verdict: {in: [secure, insecure]}}
  - id: iterated
    dns: {server: "127.0.0.1:@", name: nowhere.iterated.test, recursion: false, dnssec: validate, trust_anchor: anchor.key}
    expect: {nsec3.iterations: 200, dnssec.verdict: insecure, rcode: NXDOMAIN}
  - id: by-default-secure
    dns: {server: "127.0.0.1:@", name: www.good.test, recursion: false, dnssec: validate, trust_anchor: anchor.key}
  - id: by-default-bogus
    dns: {server: "127.0.0.1:@", name: www.altered.test, recursion: false, dnssec: validate, trust_anchor: anchor.key}
  - id: by-default-insecure
    dns: {server: "127.0.0.1:@", name: www.unsigned.test, recursion: false, dnssec: validate, trust_anchor: anchor.key}
  - id: then
    dns: {server: "127.0.0.1:@", name: www.expired.test, recursion: false, dnssec: validate, trust_anchor: anchor.key, at: "THEN"}
    expect: {dnssec.verdict: bogus, dnssec.reason: not_yet_valid, dnssec.second_opinion: none}
"#;
    // Before the parent's signatures begin, so that the anchor's own set is too early.
    let then = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() - 20 * 86_400).unwrap().to_string();
    let checks = checks.replace('@', &signed.port.to_string()).replace("THEN", &then);
    signed.sandbox.run(&checks, &[]).failed(&["by-default-bogus", "by-default-insecure"]);
}

/// Zones, and the fact that fails of a server of theirs: NSD, which serves their parent as well.
const SERVED: &[(&str, Option<&str>)] = &[
    ("good", None),
    ("expired", Some("rrsig.unsound")),
    ("future", Some("rrsig.unsound")),
    ("wrongds", Some("dnskey.unmatched")),
    ("nokeys", Some("dnskey.unmatched")),
    ("nonsec", Some("denial.unproven")),
    ("norrsig", Some("rrsig.unsound")),
    ("altered", Some("rrsig.unsound")),
    ("iterated", Some("denial.unproven")),
    // DS of an algorithm nobody knows leave a zone unsigned, whose signatures are sound all the same.
    ("unknown", None),
    ("unsigned", None),
    ("nsec3", None),
    ("optout", None),
    ("p384", None),
    ("ed25519", None),
    ("rsa", None),
];

#[test]
fn each_server_is_judged_by_what_it_gives_a_validator() {
    if !installed(&[NSD, LDNS, DIG]) {
        return;
    }
    let signed = Signed::start();
    let mut checks = String::new();
    for (zone, _) in SERVED {
        let port = signed.port;
        writeln!(
            checks,
            "  - {{id: {zone}, dns: {{authoritative: {{zone: {zone}.test, port: {port}, parent: \"127.0.0.1:{port}\"}}, \
             name: www.{zone}.test, probes: [dnssec]}}}}"
        )
        .unwrap();
    }
    let ran = signed.sandbox.run(&checks, &[]);
    for (place, (zone, fact)) in SERVED.iter().enumerate() {
        let check = &ran.report["checks"][place];
        let reason = check["reason"].as_str().unwrap_or_default();
        match fact {
            None => assert_eq!(check["verdict"], "passed", "{zone}: {check:#}"),
            Some(fact) => assert!(check["verdict"] == "failed" && reason.contains(fact), "{zone}: {check:#}"),
        }
    }
}

/// A resolver that validates and forwards everything to `port`.
fn unbound(sandbox: &CliSandbox, port: u16, anchor: &str) -> (Daemon, u16) {
    let folder = sandbox.folder().to_str().unwrap().to_owned();
    let prepare = || {
        let own = free_port();
        let config = format!(
            "server:\n  interface: 127.0.0.1@{own}\n  username: \"\"\n  chroot: \"\"\n  directory: \"{folder}\"\n  \
             pidfile: \"{folder}/unbound.pid\"\n  use-syslog: no\n  num-threads: 1\n  do-not-query-localhost: no\n  \
             local-zone: \"test.\" nodefault\n  module-config: \"validator iterator\"\n  trust-anchor: \"{anchor}\"\n  \
             val-sig-skew-min: 0\n  val-sig-skew-max: 0\nremote-control:\n  control-enable: no\nforward-zone:\n  \
             name: \".\"\n  forward-addr: 127.0.0.1@{port}\n"
        );
        let mut command = UNBOUND.command();
        command.arg("-d").arg("-c").arg(sandbox.write("unbound.conf", &config));
        (command, own)
    };
    Daemon::start(&sandbox.path("unbound.log"), prepare, |port, _| {
        dig(*port, &["good.test", "SOA", "+rec"]).contains("ns.good.test.")
    })
}

#[test]
fn a_resolver_is_asked_with_cd_and_sees_the_same() {
    if !installed(&[NSD, LDNS, UNBOUND, DIG]) {
        return;
    }
    let signed = Signed::start();
    let (_daemon, port) = unbound(&signed.sandbox, signed.port, &signed.anchor);
    signed.sandbox.run(&checks(CASES, port, &signed.anchor, true), &[]).all_held();
    // What is not secure, this validator does not call authentic either.
    for case in CASES {
        let mut command: Command = DIG.command();
        command.args(["@127.0.0.1", "-p", &port.to_string(), "+tries=1", "+time=10", "+adflag", case.name, case.kind]);
        let output = printed(&mut command);
        let flags = output.lines().find(|line| line.starts_with(";; flags:")).unwrap_or_default();
        let authentic = flags.split(';').nth(2).is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "ad"));
        assert_eq!(authentic, case.verdict == "secure", "{} {}: {output}", case.name, case.kind);
    }
}

#[test]
fn a_zone_signed_by_knot_is_secure_and_its_cds_match() {
    if !installed(&[KNOT, DIG]) {
        return;
    }
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
    let signed = |port: &u16, _: &str| dig(*port, &["+short", "nsec3.test", "DNSKEY"]).contains("257");
    let (_daemon, port) = Daemon::start(&sandbox.path("knotd.log"), prepare, signed);
    let ds = |zone: &str| {
        let mut command = Command::new("keymgr");
        command.arg("-c").arg(sandbox.path("knot.conf")).args([zone, "ds"]);
        printed(&mut command)
    };
    sandbox.write("anchors", &format!("{}{}", ds("nsec.test."), ds("nsec3.test.")));
    let mut all = String::new();
    for zone in ["nsec", "nsec3"] {
        for (name, kind) in [
            ("www", "A"),
            ("txt", "TXT"),
            ("anything.wild", "TXT"),
            ("nowhere", "A"),
            ("www", "LOC"),
            ("svc", "SVCB"),
            ("naptr", "NAPTR"),
            ("rp", "RP"),
            ("afsdb", "AFSDB"),
            ("kx", "KX"),
            ("srv", "SRV"),
            ("unknown", "TYPE65280"),
            ("alias", "A"),
        ] {
            let check = json!({
                "id": format!("{zone}-{}-{kind}", name.replace('.', "-")),
                "dns": {"server": format!("127.0.0.1:{port}"), "name": format!("{name}.{zone}.test"), "type": kind,
                        "recursion": false, "dnssec": "validate", "trust_anchor": "anchors"},
                "expect": {"rcode": {"present": true}, "answers": {"present": true}, "truncated": {"present": true},
                           "dnssec.verdict": "secure", "ds.match": true, "soa.expire_margin": {"present": true}},
            });
            writeln!(all, "  - {check}").unwrap();
        }
    }
    let ran = sandbox.run(&all, &[]);
    ran.all_held();
    assert_eq!(ran.fact("nsec-www-A", "cds.match"), true);
    assert_eq!(ran.fact("nsec3-nowhere-A", "dnssec.denial"), "nsec3");
}
