//! Knot, NSD and BIND as the servers of one zone, below a parent: what a survey sees of them, sound and not, and how a change
//! reaches them one after the other.

use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;

use nix::sys::signal::{Signal, kill};

use super::daemon::{Daemon, free_port};
use super::peer::{DIG, KNOT, NAMED, NSD, installed};
use super::sandbox::{CliSandbox, rows};
use super::{PATIENCE, within};

const PARENT: &str = "127.0.0.4";
const KNOTS: &str = "127.0.0.2";
const NSDS: &str = "127.0.0.3";
/// BIND listens only on addresses an interface has.
const BINDS: &str = "127.0.0.1";
/// Another parent, with another delegation.
const ASTRAY: &str = "127.0.0.5";

/// Text of the zone; big.survey.test is larger than any datagram of a resolver.
fn zone(serial: u32) -> String {
    let text = "x".repeat(240);
    let big: Vec<String> = (0..8).map(|n| format!("big TXT \"{n}{text}\"\n")).collect();
    format!(
        "$ORIGIN survey.test.\n$TTL 300\n@ SOA ns1 hostmaster {serial} 3600 600 604800 60\n@ NS ns1\n@ NS ns2\n@ NS ns3\n\
         ns1 A {KNOTS}\nns2 A {NSDS}\nns3 A {BINDS}\nwww A 192.0.2.10\nwww AAAA 2001:db8::10\nalias CNAME www\n\
         around CNAME about\nabout CNAME around\ndead CNAME gone\nout CNAME www.outside.test.\ntree DNAME deep\n\
         leaf.deep A 192.0.2.11\n*.wild A 192.0.2.12\n{}",
        big.concat()
    )
}

/// Zones to file names.
type Zones<'a> = &'a [(&'a str, &'a str)];

/// A port that is free on every address used here.
fn port() -> u16 {
    loop {
        let port = free_port();
        let free =
            |address: &str| TcpListener::bind((address, port)).is_ok() && UdpSocket::bind((address, port)).is_ok();
        if [PARENT, KNOTS, NSDS, ASTRAY].iter().all(|address| free(address)) {
            return port;
        }
    }
}

fn dig(address: &str, port: u16, words: &[&str]) -> String {
    let mut command: Command = DIG.command();
    command.args([&format!("@{address}"), "-p", &port.to_string(), "+short", "+norec", "+tries=1", "+time=2"]);
    let output = command.args(words).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().filter(|line| !line.starts_with(';')).collect::<Vec<_>>().join("\n")
}

/// Starts a server whose configuration is `config`, and waits until it answers for the first of its zones.
fn start(
    sandbox: &CliSandbox,
    title: &str,
    command: impl Fn() -> Command,
    address: &str,
    port: u16,
    ready: &str,
) -> Daemon {
    let log = sandbox.path(&format!("{title}.log"));
    let up = |(): &(), _: &str| {
        !dig(address, port, &[ready, "SOA"]).is_empty() || !dig(address, port, &[ready, "NS"]).is_empty()
    };
    Daemon::start(&log, || (command(), ()), up).0
}

fn knot(sandbox: &CliSandbox, title: &str, address: &str, port: u16, zones: Zones<'_>) -> Daemon {
    let folder = sandbox.path(title);
    std::fs::create_dir(&folder).unwrap();
    let folder = folder.display();
    let listed: String = zones.iter().fold(String::new(), |all, (name, file)| {
        all + &format!(
            "  - domain: {name}\n    file: \"{}\"\n    journal-content: none\n    zonefile-load: whole\n",
            sandbox.path(file).display()
        )
    });
    let config = sandbox.write(
        &format!("{title}.conf"),
        &format!(
            "server:\n    rundir: \"{folder}\"\n    listen: [ {address}@{port} ]\n    nsid: \"{title}\"\n    version: \"\"\n    udp-workers: 1\n    \
             tcp-workers: 1\n    background-workers: 1\nlog:\n  - target: stderr\n    any: warning\ndatabase:\n    storage: \
             \"{folder}\"\nzone:\n{listed}"
        ),
    );
    let command = || {
        let mut command = KNOT.command();
        command.arg("-c").arg(&config);
        command
    };
    // The referral of a delegated zone has no answer section: the zone above is asked for.
    start(sandbox, title, command, address, port, zones[0].0)
}

fn nsd(sandbox: &CliSandbox, title: &str, address: &str, port: u16, zones: Zones<'_>) -> Daemon {
    let folder = sandbox.path(title);
    std::fs::create_dir(&folder).unwrap();
    let folder = folder.display();
    let listed: String = zones.iter().fold(String::new(), |all, (name, file)| {
        all + &format!("zone:\n  name: {name}\n  zonefile: \"{}\"\n", sandbox.path(file).display())
    });
    let config = sandbox.write(
        &format!("{title}.conf"),
        &format!(
            "server:\n  ip-address: {address}@{port}\n  server-count: 1\n  username: \"\"\n  zonesdir: \"{folder}\"\n  hide-version: yes\n  \
             nsid: \"ascii_{title}\"\n  pidfile: \"{folder}/nsd.pid\"\n  xfrdfile: \"{folder}/xfrd.state\"\n  zonelistfile: \
             \"{folder}/zone.list\"\n  database: \"\"\nremote-control:\n  control-enable: no\n{listed}"
        ),
    );
    let command = || {
        let mut command = NSD.command();
        command.arg("-d").arg("-c").arg(&config);
        command
    };
    start(sandbox, title, command, address, port, zones[0].0)
}

/// `options` are further options of the server, `more` further statements.
fn bind(sandbox: &CliSandbox, port: u16, zones: Zones<'_>, options: &str, more: &str) -> Daemon {
    let folder = sandbox.path("bind");
    std::fs::create_dir(&folder).unwrap();
    let listed: String = zones.iter().fold(String::new(), |all, (name, file)| {
        all + &format!("zone \"{name}\" {{ type primary; file \"{}\"; }};\n", sandbox.path(file).display())
    });
    let config = sandbox.write(
        "bind.conf",
        &format!(
            "options {{ directory \"{}\"; listen-on port {port} {{ {BINDS}; }}; listen-on-v6 {{ none; }}; pid-file \"named.pid\"; \
             session-keyfile none; dnssec-validation no; notify no; server-id \"bind\"; {options} }};\ncontrols {{ }};\n{listed}{more}",
            folder.display()
        ),
    );
    let command = || {
        let mut command = NAMED.command();
        command.arg("-g").arg("-n").arg("1").arg("-c").arg(&config);
        command
    };
    start(sandbox, "bind", command, BINDS, port, zones[0].0)
}

const SOUND: &str = "recursion no; allow-transfer { none; }; version none;";

/// Field `ns` with all three.
fn given() -> String {
    format!("{{ns1.survey.test: {KNOTS}, ns2.survey.test: {NSDS}, ns3.survey.test: {BINDS}}}")
}

fn peers() -> bool {
    installed(&[KNOT, NSD, NAMED, DIG])
}

/// Checks that sound servers hold.
const AGREED: &str = r#"
  - id: usual
    dns: {authoritative: {zone: survey.test, port: @, ns: %}}
  - id: all
    dns: {authoritative: {zone: survey.test, port: @, ns: %}, name: big.survey.test, type: TXT, probes: [all], outside: www.outside.test, nsid: true}
    expect:
      servers.failed: {len: 0}
      consistent: true
      serial: 2026010101
      serial.spread: 0
      serial.behind: {len: 0}
      ns.agree: true
      glue.agree: true
      glue: {exactly: [ns1.survey.test. 127.0.0.2, ns2.survey.test. 127.0.0.3, ns3.survey.test. 127.0.0.1]}
      lame: {len: 0}
      nsid.distinct: {exactly: [bind, knot, nsd]}
      reachable.udp: true
      reachable.tcp: true
      tcp.same: true
      source.mismatch: {len: 0}
      edns.supported: true
      edns.version_ok: true
      edns.unknown_option_ok: true
      edns.unknown_flag_ok: true
      truncation.512: truncated
      truncation.1232: truncated
      axfr: refused
      axfr.open: {len: 0}
      recursion.open: {len: 0}
      referral.upward: {len: 0}
      qname.case: true
      qname.caseless: true
      version.hidden: true
      nxdomain: nxdomain
      nodata: nodata
      wildcard: false
      negative.soa: true
      negative_ttl: 60s
      soa.refresh: 1h
      soa.mname: ns1.survey.test.
      "servers.row.ns3.survey.test./127.0.0.1.nsid": bind
  - {id: deep, dns: {authoritative: {zone: survey.test, port: @, ns: %}, name: leaf.deep.survey.test, probes: [negative]}, expect: {empty_non_terminal: nodata, answers: {len: 1}}}
  - {id: wild, dns: {authoritative: {zone: survey.test, port: @, ns: %}, name: any.wild.survey.test}, expect: {answers: {exactly: [192.0.2.12]}, consistent: true}}
  - {id: alias, dns: {authoritative: {zone: survey.test, port: @, ns: %}, name: alias.survey.test}, expect: {answers: {exactly: [192.0.2.10]}, cname.length: 1, cname.loop: false, cname.dangling: false}}
  - {id: around, dns: {authoritative: {zone: survey.test, port: @, ns: %}, name: around.survey.test}, expect: {outcome: answered, cname.loop: true, servers.failed: {len: 0}, consistent: false, rcode: {present: false}, answers: {len: 0}}}
  - {id: dead, dns: {authoritative: {zone: survey.test, port: @, ns: %}, name: dead.survey.test}, expect: {cname.dangling: true, rcode: NXDOMAIN}}
  - {id: out, dns: {authoritative: {zone: survey.test, port: @, ns: %}, name: out.survey.test}, expect: {cname: {exactly: [www.outside.test.]}, answers: {present: true}, cname.dangling: {present: false}}}
  - {id: tree, dns: {authoritative: {zone: survey.test, port: @, ns: %}, name: leaf.tree.survey.test}, expect: {answers: {exactly: [192.0.2.11]}, cname: {exactly: [leaf.deep.survey.test.]}}}
  - {id: over-tcp, dns: {authoritative: {zone: survey.test, port: @, ns: %}, transport: tcp}, expect: {servers.failed: {len: 0}, consistent: true, authoritative: true}}
  - {id: list, dns: {server: ["127.0.0.2:@", "127.0.0.3:@", "127.0.0.1:@"], name: www.survey.test, recursion: false}}
"#;

#[test]
fn three_servers_of_one_zone_agree() {
    if !peers() {
        return;
    }
    let (sandbox, port) = (CliSandbox::new(), port());
    sandbox.write("survey.zone", &zone(2_026_010_101));
    let zones: Zones<'_> = &[("survey.test", "survey.zone")];
    let _daemons = [
        knot(&sandbox, "knot", KNOTS, port, zones),
        nsd(&sandbox, "nsd", NSDS, port, zones),
        bind(&sandbox, port, zones, SOUND, ""),
    ];
    let ran = sandbox.run(&AGREED.replace('@', &port.to_string()).replace('%', &given()), &[]);
    ran.all_held();
    let serial = dig(BINDS, port, &["survey.test", "SOA"]).split(' ').nth(2).map(str::to_owned);
    assert_eq!(serial.as_deref(), Some("2026010101"));
}

/// Checks of servers with defects.
const WRONG: &str = r#"
  - id: old
    dns: {authoritative: {zone: survey.test, port: @, ns: %}}
  - id: behind
    dns: {authoritative: {zone: survey.test, port: @, ns: %}}
    expect: {consistent: false, serial: 2026010103, serial.spread: 2, serial.behind: {exactly: [ns2.survey.test./127.0.0.3]}, servers.differing: {exactly: [ns2.survey.test./127.0.0.3]}}
  - id: lame
    dns: {authoritative: {zone: lame.test, port: @, ns: LAME}}
  - id: lame-seen
    dns: {authoritative: {zone: lame.test, port: @, ns: LAME}}
    expect: {outcome: answered, rcode: {present: false}, consistent: false, lame: {exactly: [ns2.lame.test./127.0.0.3]}, "servers.row.ns2.lame.test./127.0.0.3.rcode": REFUSED, authoritative: false}
  - id: open
    dns: {authoritative: {zone: survey.test, port: @, ns: %}, probes: [recursion, axfr, version], outside: www.outside.test}
    expect:
      consistent: false
      recursion.open: {exactly: [ns3.survey.test./127.0.0.1]}
      axfr.open: {exactly: [ns3.survey.test./127.0.0.1]}
      "servers.row.ns3.survey.test./127.0.0.1.axfr": complete
      "servers.row.ns2.survey.test./127.0.0.3.axfr": refused
      axfr: {present: false}
      version.texts: {exactly: [BIND 0]}
      version.hidden: false
  - id: open-gate
    dns: {authoritative: {zone: survey.test, port: @, ns: %}, probes: [recursion, axfr], outside: www.outside.test}
    expect: {recursion.open: {len: 0}, axfr: refused}
  - id: glue
    dns: {authoritative: {zone: survey.test, port: @, ns: ASTRAY}}
    expect: {glue.agree: true}
  - id: silent
    dns: {authoritative: {zone: survey.test, port: @, ns: {ns1.survey.test: 127.0.0.2, ns9.survey.test: 127.0.0.9}}}
"#;

#[test]
fn what_is_wrong_with_one_server_is_found() {
    if !peers() {
        return;
    }
    let (sandbox, port) = (CliSandbox::new(), port());
    sandbox.write("survey.zone", &zone(2_026_010_103));
    sandbox.write("old.zone", &zone(2_026_010_101));
    sandbox.write("wrap.zone", &zone(0));
    sandbox.write("unwrapped.zone", &zone(u32::MAX));
    sandbox.write(
        "outside.zone",
        "$ORIGIN outside.test.\n$TTL 300\n@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.77\nwww A 192.0.2.77\n",
    );
    // NSD lacks one zone, is behind in another; BIND looks up anything and transfers its zones, and tells its version.
    let forward =
        format!("zone \"outside.test\" {{ type forward; forward only; forwarders {{ {KNOTS} port {port}; }}; }};\n");
    let open = "recursion yes; allow-recursion { any; }; allow-query-cache { any; }; allow-transfer { any; }; version \"BIND 0\";";
    let text = |name: &str| zone(2_026_010_103).replace("survey.test", name);
    sandbox.write("lame.zone", &text("lame.test"));
    let _daemons = [
        knot(
            &sandbox,
            "knot",
            KNOTS,
            port,
            &[("survey.test", "survey.zone"), ("lame.test", "lame.zone"), ("outside.test", "outside.zone")],
        ),
        nsd(&sandbox, "nsd", NSDS, port, &[("survey.test", "old.zone")]),
        bind(&sandbox, port, &[("survey.test", "survey.zone"), ("lame.test", "lame.zone")], open, &forward),
    ];
    let lame = given().replace("survey", "lame");
    let astray = given().replace(BINDS, KNOTS);
    let ran = sandbox.run(
        &WRONG.replace("LAME", &lame).replace("ASTRAY", &astray).replace('@', &port.to_string()).replace('%', &given()),
        &[],
    );
    ran.failed(&["old", "lame", "open-gate", "glue", "silent"]);
    let whole = dig(BINDS, port, &["survey.test", "AXFR"]).lines().count();
    assert_eq!(*ran.fact("open", "axfr.records"), whole, "records, as dig counts them");
    assert!(ran.shown.contains("ns3.survey.test. has glue [127.0.0.2], and in the zone [127.0.0.1]"), "{}", ran.shown);
    assert_eq!(ran.texts("silent", "servers.failed"), ["ns9.survey.test./127.0.0.9"], "{}", ran.shown);
}

#[test]
fn the_parent_is_held_against_the_zone() {
    if !peers() {
        return;
    }
    let (sandbox, port) = (CliSandbox::new(), port());
    sandbox.write("survey.zone", &zone(7));
    let above =
        |servers: &str| format!("$ORIGIN test.\n$TTL 300\n@ SOA a b 1 2 3 4 5\n@ NS a\na A {PARENT}\n{servers}");
    let delegation = format!(
        "survey NS ns1.survey\nsurvey NS ns2.survey\nsurvey NS ns3.survey\nns1.survey A {KNOTS}\nns2.survey A {NSDS}\nns3.survey A {BINDS}\n"
    );
    sandbox.write("test.zone", &above(&delegation));
    // The other parent lacks a server of the zone, has one too many, and a wrong address.
    let wrong =
        delegation.replace("survey NS ns3.survey", "survey NS ns4.survey").replace("ns3.survey A", "ns4.survey A");
    let wrong = wrong.replace(&format!("ns2.survey A {NSDS}"), &format!("ns2.survey A {KNOTS}"));
    sandbox.write("astray.zone", &above(&wrong));
    let zones: Zones<'_> = &[("survey.test", "survey.zone")];
    let _daemons = [
        knot(&sandbox, "parent", PARENT, port, &[("test", "test.zone")]),
        nsd(&sandbox, "astray", ASTRAY, port, &[("test", "astray.zone")]),
        knot(&sandbox, "knot", KNOTS, port, zones),
        nsd(&sandbox, "nsd", NSDS, port, zones),
        bind(&sandbox, port, zones, SOUND, ""),
    ];
    let ran = sandbox.run(
        &r#"
  - id: right
    dns: {authoritative: {zone: survey.test, port: @, parent: "127.0.0.4:@"}}
    expect: {ns.agree: true, glue.agree: true, consistent: true, servers.count: 3, lame: {len: 0}}
  - id: wrong
    dns: {authoritative: {zone: survey.test, port: @, parent: "127.0.0.5:@"}}
  - id: wrong-seen
    dns: {authoritative: {zone: survey.test, port: @, parent: "127.0.0.5:@"}}
    expect:
      ns.parent: {exactly: [ns1.survey.test., ns2.survey.test., ns4.survey.test.]}
      ns.child: {exactly: [ns1.survey.test., ns2.survey.test., ns3.survey.test.]}
      ns.agree: false
      glue.agree: false
      servers.shared: {exactly: [127.0.0.1, 127.0.0.2]}
      servers.count: 3
  - id: both
    dns: {authoritative: {zone: survey.test, port: @, parent: ["127.0.0.4:@", "127.0.0.5:@"]}}
  - id: undelegated
    dns: {authoritative: {zone: nowhere.test, port: @, parent: "127.0.0.4:@"}}
"#
        .replace('@', &port.to_string()),
        &[],
    );
    ran.failed(&["wrong", "both", "undelegated"]);
    assert!(ran.shown.contains("servers of the parent name different servers"), "{}", ran.shown);
}

#[test]
fn a_change_is_timed_on_every_server() {
    if !peers() {
        return;
    }
    let (sandbox, port) = (CliSandbox::new(), port());
    for file in ["knot.zone", "nsd.zone", "bind.zone"] {
        sandbox.write(file, &zone(u32::MAX));
    }
    let daemons = [
        knot(&sandbox, "knot", KNOTS, port, &[("survey.test", "knot.zone")]),
        nsd(&sandbox, "nsd", NSDS, port, &[("survey.test", "nsd.zone")]),
        bind(&sandbox, port, &[("survey.test", "bind.zone")], SOUND, ""),
    ];
    let mut run = sandbox.begin(
        &r"
  - id: change
    dns: {authoritative: {zone: survey.test, port: @, ns: %}, wanted: {serial: 1}}
    eventually: {within: 40s, every: 200ms}
"
        .replace('@', &port.to_string())
        .replace('%', &given()),
        &["--events", "events.jsonl"],
    );
    // Each change comes when the one before was looked at: two more attempts have ended, one of which began after it.
    let attempts = || {
        let text = std::fs::read_to_string(sandbox.path("events.jsonl")).unwrap_or_default();
        text.matches("attempt_ended").count()
    };
    let await_attempts = |more: usize| {
        let before = attempts();
        assert!(within(PATIENCE, || (attempts() >= before + more).then_some(())).is_some(), "the attempts have ended");
    };
    await_attempts(1);
    reload(&sandbox.path("nsd.zone"), NSDS, port, &daemons[1]);
    await_attempts(2);
    reload(&sandbox.path("bind.zone"), BINDS, port, &daemons[2]);
    await_attempts(2);
    reload(&sandbox.path("knot.zone"), KNOTS, port, &daemons[0]);
    let status = within(PATIENCE, || run.try_wait().unwrap()).expect("the run does not end");
    let shown = std::fs::read_to_string(sandbox.path("shown.txt")).unwrap();
    assert!(status.success(), "{shown}");
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(sandbox.path("report.json")).unwrap()).unwrap();
    let check = &report["checks"][0];
    let facts = &check["facts"];
    let seconds =
        |label: &str| rows(&facts["propagated"])[label]["after"].as_f64().unwrap_or_else(|| panic!("{label}: {facts}"));
    let (first, second, third) = (
        seconds("ns2.survey.test./127.0.0.3"),
        seconds("ns3.survey.test./127.0.0.1"),
        seconds("ns1.survey.test./127.0.0.2"),
    );
    assert!(0.0 < first && first < second && second < third, "{first} {second} {third}");
    assert_eq!(facts["propagation.slowest"].as_f64(), Some(third));
    assert_eq!(facts["propagation.pending"], serde_json::json!([]));
    assert_eq!(facts["serial"].as_i64(), Some(1), "{facts}");
    // The look that held began before its answers came.
    let (settled, step) = (facts["settled_in"].as_f64().unwrap(), facts["propagation.resolution"].as_f64().unwrap());
    assert!(settled > second && settled + step >= third, "{facts}");
    assert!(check["attempts"].as_u64().is_none_or(|attempts| attempts > 1), "{check}");
    eprintln!(
        "seconds: nsd {first:.2}, bind {second:.2}, knot {third:.2}, resolution {}",
        facts["propagation.resolution"]
    );
}

/// Gives a server a zone beyond the wrap of its serial, and waits until it shows.
fn reload(file: &Path, address: &str, port: u16, daemon: &Daemon) {
    // NSD compares times of files in seconds.
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    std::fs::write(file, zone(1)).unwrap();
    std::fs::File::options().append(true).open(file).unwrap().set_modified(later).unwrap();
    kill(daemon.pid(), Signal::SIGHUP).unwrap();
    let shows = || dig(address, port, &["survey.test", "SOA"]).split(' ').nth(2) == Some("1");
    assert!(within(PATIENCE, || shows().then_some(())).is_some(), "{address} does not reload: {}", daemon.output());
}
