//! Load on real DNS servers, beside dnsperf: what both count when all is well, when the server stands still, and when its answers
//! are wrong.

use std::fmt::Write as _;
use std::net::UdpSocket;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use serde_json::Value;

use super::daemon::{Daemon, free_port};
use super::peer::{DIG, DNSPERF, KNOT, NSD, Peer, installed};
use super::sandbox::{CliSandbox, Ran};
use super::{PATIENCE, printed, quiet, within};

const HEAD: &str = "\
$TTL 300
@    SOA ns hostmaster 2026010100 3600 600 604800 60
@    NS  ns
@    MX  10 mail
ns   A   127.0.0.1
mail A   192.0.2.25
two  A   192.0.2.1
two  A   192.0.2.2
link CNAME two
";
/// Names n0 to n199 beside those of [`HEAD`].
const NAMES: usize = 200;

/// NSD answers 200 times a second to one network about one name; then it cuts every other answer short, and drops the rest.
const UNLIMITED: &str = "rrl-ratelimit: 0\n  ";

struct Served {
    sandbox: CliSandbox,
    port: u16,
    daemon: Daemon,
}

impl Served {
    fn start(peer: Peer) -> Self {
        Self::limited(peer, UNLIMITED)
    }

    fn limited(peer: Peer, limit: &str) -> Self {
        let sandbox = CliSandbox::new();
        let mut zone = HEAD.to_owned();
        let mut queries = String::new();
        for n in 0..NAMES {
            writeln!(zone, "n{n} A 192.0.2.{}", n % 250).unwrap();
            writeln!(queries, "n{n}.load.test A").unwrap();
        }
        queries.push_str("load.test MX\ntwo.load.test A\nlink.load.test A\nabsent.load.test A\nn1.load.test AAAA\n");
        sandbox.write("load.zone", &zone);
        sandbox.write("queries.txt", &queries);
        let folder = sandbox.folder().to_str().unwrap().to_owned();
        let prepare = || {
            let port = free_port();
            let config = sandbox.write("server.conf", &config(peer, limit, &folder, port));
            let mut command = peer.command();
            if peer == NSD {
                command.arg("-d");
            }
            command.arg("-c").arg(config);
            (command, port)
        };
        let ready = |port: &u16, _: &str| {
            let mut dig = DIG.command();
            dig.args([
                "@127.0.0.1",
                "-p",
                &port.to_string(),
                "+short",
                "+norec",
                "+tries=1",
                "+time=2",
                "load.test",
                "SOA",
            ]);
            dig.output().is_ok_and(|output| output.status.success() && !output.stdout.is_empty())
        };
        let (daemon, port) = Daemon::start(&sandbox.path("server.log"), prepare, ready);
        Self { sandbox, port, daemon }
    }

    fn run(&self, checks: &str) -> Ran {
        self.sandbox.run(&checks.replace('@', &self.port.to_string()), &[])
    }
}

fn config(peer: Peer, limit: &str, folder: &str, port: u16) -> String {
    if peer == NSD {
        return format!(
            "server:\n  ip-address: 127.0.0.1@{port}\n  server-count: 1\n  username: \"\"\n  {limit}zonesdir: \"{folder}\"\n  \
             pidfile: \"{folder}/nsd.pid\"\n  xfrdfile: \"{folder}/xfrd.state\"\n  zonelistfile: \"{folder}/zone.list\"\n  \
             database: \"\"\nremote-control:\n  control-enable: no\nzone:\n  name: load.test\n  zonefile: load.zone\n"
        );
    }
    format!(
        "server:\n  rundir: \"{folder}\"\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  \
         background-workers: 1\nlog:\n- target: stderr\n  any: warning\ndatabase:\n  storage: \"{folder}/db\"\n\
         zone:\n- domain: load.test\n  storage: \"{folder}\"\n  file: load.zone\n  zonefile-sync: -1\n  journal-content: none\n"
    )
}

/// dnsperf's figures of a run: sent, completed, lost, and the average latency in seconds.
fn dnsperf(port: u16, queries: &std::path::Path, more: &[&str]) -> [f64; 4] {
    let mut command: Command = DNSPERF.command();
    command.args(["-s", "127.0.0.1", "-p", &port.to_string(), "-d"]).arg(queries).args(more);
    let output = printed(&mut command);
    let number = |title: &str| {
        let line = output
            .lines()
            .find_map(|line| line.trim().strip_prefix(title))
            .unwrap_or_else(|| panic!("{title}: {output}"));
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap()
    };
    [number("Queries sent:"), number("Queries completed:"), number("Queries lost:"), number("Average Latency (s):")]
}

#[test]
fn a_rate_that_a_server_holds_passes() {
    if !installed(&[KNOT, NSD, DIG, DNSPERF]) {
        return;
    }
    let _alone = quiet();
    for peer in [KNOT, NSD] {
        let served = Served::start(peer);
        let ran = served.run(
            r#"
  - id: file
    dns: {server: "127.0.0.1:@", recursion: false, load: {rate: 1000 /s, duration: 2s, queries: queries.txt, late: 5s}}
    expect: {load.sent: 2000, load.answered: 2000, load.wrong: 0, load.lost: 0, load.late: 0, load.duplicates: 0,
             load.rcodes.NXDOMAIN: {ge: 1}, load.latency.count: 2000, load.sent_rate: {le: 1000 /s}, limited_by: rate}
  - id: names
    dns: {server: "127.0.0.1:@", recursion: false,
          load: {rate: 500 /s, duration: 1s, late: 5s, names: [n1.load.test, "load.test MX NOERROR 10 mail.load.test.",
                 "two.load.test A 192.0.2.2 | 192.0.2.1", link.load.test, "absent.load.test A NXDOMAIN", "n1.load.test AAAA NOERROR"]}}
  - id: most
    dns: {server: "127.0.0.1:@", recursion: false, load: {rate: max, duration: 1s, queries: queries.txt}}
    expect: {load.answered: {ge: 1000}, load.wrong: 0, load.loss: {le: 0.1%}}
"#,
        );
        ran.all_held();
        let [sent, completed, ..] =
            dnsperf(served.port, &served.sandbox.path("queries.txt"), &["-Q", "1000", "-l", "2"]);
        assert!(completed > 0.0 && completed <= sent, "{sent} {completed}");
    }
}

#[test]
fn what_is_not_in_the_zone_fails() {
    if !installed(&[KNOT, DIG]) {
        return;
    }
    let _alone = quiet();
    let served = Served::start(KNOT);
    served.sandbox.write("gone.txt", "gone.load.test A\nlost.load.test MX\n");
    let ran = served.run(
        r#"
  - {id: absent, dns: {server: "127.0.0.1:@", load: {rate: 200 /s, duration: 500ms, late: 5s, names: [n1.load.test, absent.load.test]}}}
  - {id: other, dns: {server: "127.0.0.1:@", load: {rate: 200 /s, duration: 500ms, late: 5s, names: ["n1.load.test A 192.0.2.9"]}}}
  - {id: elsewhere, dns: {server: "127.0.0.1:@", name: www.example.com, load: {rate: 200 /s, duration: 500ms, late: 5s}}}
  - {id: lost-zone, dns: {server: "127.0.0.1:@", load: {rate: 200 /s, duration: 500ms, late: 5s, queries: gone.txt}}}
"#,
    );
    // Every answer of the last is what it was before, and none has anything to say.
    assert_eq!(ran.fact("lost-zone", "load.answered"), 100, "{}", ran.shown);
    ran.failed(&["absent", "other", "elsewhere", "lost-zone"]);
    assert_eq!(ran.fact("absent", "load.answered"), 50);
    assert_eq!(ran.fact("absent", "load.wrong"), 50);
    assert_eq!(ran.fact("other", "load.answered"), 0);
    assert_eq!(ran.fact("elsewhere", "load.rcodes")["REFUSED"], 100, "{}", ran.shown);
}

#[test]
fn rate_limiting_is_no_answer() {
    if !installed(&[NSD, DIG]) {
        return;
    }
    let _alone = quiet();
    let served = Served::limited(NSD, "");
    let ran = served.run(
        r#"
  - id: limited
    dns: {server: "127.0.0.1:@", recursion: false, name: n1.load.test, timeout: 1s, load: {rate: 2000 /s, duration: 2s, late: 5s}}
"#,
    );
    ran.failed(&["limited"]);
    let count = |name: &str| ran.fact("limited", name).as_i64().unwrap();
    assert!(count("load.wrong") > 100 && count("load.lost") > 100, "{}", ran.shown);
    assert_eq!(count("load.answered") + count("load.wrong") + count("load.lost"), 4000, "{}", ran.shown);
    assert!(ran.shown.contains("wrong (truncated)"), "{}", ran.shown);
}

/// Lets the daemon stand still for a second.
fn stand_still(daemon: &Daemon) {
    kill(daemon.pid(), Signal::SIGSTOP).unwrap();
    std::thread::park_timeout(Duration::from_secs(1));
    kill(daemon.pid(), Signal::SIGCONT).unwrap();
}

/// Whether a process has begun to send: its workers are threads with a name.
fn loading(process: u32) -> bool {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{process}/task")) else { return false };
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.flatten().any(|task| name(task).starts_with("dns-load-"))
}

#[test]
fn a_server_that_stands_still_for_a_second_shows() {
    if !installed(&[KNOT, DIG, DNSPERF]) {
        return;
    }
    let _alone = quiet();
    let served = Served::start(KNOT);
    let checks = r#"
  - id: stall
    dns: {server: "127.0.0.1:@", recursion: false, timeout: 3s,
          load: {rate: 1000 /s, duration: 4s, queries: queries.txt, late: 500ms}}
    expect: {load.wrong: 0, load.late: 0, load.latency.p99: {lt: 300ms}}
"#;
    let mut child = served.sandbox.begin(&checks.replace('@', &served.port.to_string()), &[]);
    within(PATIENCE, || loading(child.id()).then_some(())).expect("it never sends");
    std::thread::park_timeout(Duration::from_millis(500));
    stand_still(&served.daemon);
    let status = within(PATIENCE, || child.try_wait().unwrap()).expect("it does not end");
    let report = std::fs::read(served.sandbox.path("report.json")).unwrap();
    let shown = std::fs::read_to_string(served.sandbox.path("shown.txt")).unwrap();
    let ran = Ran { code: status.code().unwrap(), report: serde_json::from_slice(&report).unwrap(), shown };
    ran.failed(&["stall"]);
    let count = |name: &str| ran.fact("stall", name).as_i64().unwrap();
    // All queries are accounted for: a thousand fell into the second, and waited, or found the stopped server's buffer full.
    assert_eq!(count("load.sent"), 4000, "{}", ran.shown);
    assert_eq!(count("load.answered") + count("load.lost"), 4000, "{}", ran.shown);
    assert!(count("load.late") >= 100, "{}", ran.shown);
    let latency = &ran.fact("stall", "load.latency");
    assert!(latency["p99"].as_f64().unwrap() > 0.5 && latency["max"].as_f64().unwrap() > 0.9, "{latency}");
    // dnsperf waits for answers before it sends on: the same second costs it a hundred slow queries, and it finds nothing lost.
    let queries = served.sandbox.path("queries.txt");
    let [sent, completed, lost, average] = std::thread::scope(|scope| {
        let running = scope.spawn(|| dnsperf(served.port, &queries, &["-Q", "1000", "-l", "4"]));
        std::thread::park_timeout(Duration::from_millis(1500));
        stand_still(&served.daemon);
        running.join().unwrap()
    });
    assert!(completed / sent > 0.999 && lost <= 4.0, "{sent} {completed} {lost} {average}");
    assert!(average < 0.2, "{sent} {completed} {lost} {average}");
}

#[test]
fn wrong_answers_are_complete_to_dnsperf_and_wrong_here() {
    if !installed(&[DNSPERF]) {
        return;
    }
    let _alone = quiet();
    let sandbox = CliSandbox::new();
    let queries = sandbox.write("queries.txt", "load.test MX\n");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let port = socket.local_addr().unwrap().port();
    let stop = Arc::<AtomicBool>::default();
    let ended = Arc::clone(&stop);
    // An address for whoever asks for a mail server, in a record that is cut short.
    let serve = std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while !ended.load(Ordering::Relaxed) {
            let Ok((length, peer)) = socket.recv_from(&mut buffer) else { continue };
            let mut reply = buffer[..length].to_vec();
            reply[2] |= 0x84;
            reply[7] = 1;
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 10, 1]);
            let _ = socket.send_to(&reply, peer);
        }
    });
    let [sent, completed, lost, _] = dnsperf(port, &queries, &["-Q", "200", "-l", "1"]);
    assert!(sent > 0.0 && completed >= sent - 1.0 && lost <= 1.0, "{sent} {completed} {lost}");
    let ran = sandbox.run(
        &format!(
            r#"
  - id: file
    dns: {{server: "127.0.0.1:{port}", load: {{rate: 200 /s, duration: 1s, queries: queries.txt, late: 5s}}}}
"#
        ),
        &[],
    );
    stop.store(true, Ordering::Relaxed);
    serve.join().unwrap();
    ran.failed(&["file"]);
    assert_eq!(
        (ran.fact("file", "load.answered"), ran.fact("file", "load.wrong")),
        (&Value::from(0), &Value::from(200))
    );
    assert!(ran.shown.contains("malformed"), "{}", ran.shown);
}
