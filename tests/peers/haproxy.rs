//! haproxy: a balancer whose servers are taken out and put back over its admin socket.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use super::daemon::{Daemon, free_port, listens};
use super::peer::{HAPROXY, installed};
use super::sandbox::CliSandbox;
use super::{PATIENCE, quiet, within};

/// The restore command must have run this long after the run was killed.
const RESTORED_WITHIN: Duration = Duration::from_secs(2);

struct Pair {
    sandbox: CliSandbox,
    front: u16,
    admin: u16,
    /// Of another `stats socket`, which may not change anything.
    operator: u16,
    _daemon: Daemon,
}

impl Pair {
    fn start() -> Self {
        let sandbox = CliSandbox::new();
        let prepare = || {
            let ports = [free_port(), free_port(), free_port(), free_port(), free_port()];
            let [front, admin, operator, a, b] = ports;
            let config = format!(
                "global\n    stats socket ipv4@127.0.0.1:{admin} level admin\n    \
                 stats socket ipv4@127.0.0.1:{operator} level operator\n    stats socket {} level admin\n\
                 defaults\n    timeout connect 2s\n    timeout client 10s\n    timeout server 10s\n\
                 frontend front\n    mode tcp\n    bind 127.0.0.1:{front}\n    default_backend pair\n\
                 backend pair\n    mode tcp\n    server a 127.0.0.1:{a}\n    server b 127.0.0.1:{b} backup\n{}{}",
                sandbox.path("admin.sock").display(),
                backend("a", a),
                backend("b", b)
            );
            let mut command = HAPROXY.command();
            command.arg("-db").arg("-f").arg(sandbox.write("haproxy.cfg", &config));
            (command, [front, admin, operator])
        };
        let ready = |ports: &[u16; 3], _: &str| ports.iter().all(|port| listens(*port));
        let (daemon, [front, admin, operator]) = Daemon::start(&sandbox.path("haproxy.log"), prepare, ready);
        // `./admin WORDS` is a command of the admin socket.
        sandbox.script(
            "admin",
            &format!("#!/bin/bash\nset -e\nexec 3<>/dev/tcp/127.0.0.1/{admin}\necho \"$*\" >&3\ncat <&3\n"),
        );
        Self { sandbox, front, admin, operator, _daemon: daemon }
    }

    /// The answer of the admin socket.
    fn admin(&self, words: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.admin)).unwrap();
        writeln!(stream, "{words}").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// The state of a server, such as `MAINT` or `no check` (enabled, and not watched).
    fn state(&self, server: &str) -> String {
        let table = self.admin("show stat");
        let row = table.lines().find(|line| line.starts_with(&format!("pair,{server},")));
        row.and_then(|row| row.split(',').nth(17)).unwrap_or_else(|| panic!("{table}")).to_owned()
    }

    fn check(&self, inject: &str, observe: &str) -> String {
        let inject = format!("inject: {{run: {inject}}}\n      restore: {{run: [./admin, enable, server, pair/a]}}");
        self.check_of(&inject, observe)
    }

    /// The same, by the program itself.
    fn built_in(&self, socket: &str, server: &str, state: &str, observe: &str) -> String {
        let fields = format!("socket: \"{socket}\", server: {server}, state: {state}");
        self.check_of(&format!("inject: {{haproxy: {{{fields}}}}}"), observe)
    }

    fn check_of(&self, inject: &str, observe: &str) -> String {
        format!(
            "  - id: failover\n    failover:\n      \
             probe: {{http: {{url: \"http://127.0.0.1:{}/\", timeout: 900ms}}, interval: 10ms}}\n      \
             {inject}\n      observe: {observe}\n      steady: 300ms\n      settle: 300ms\n    \
             expect: {{recovered: true, restored: true, steady.after: true, EXPECT}}\n",
            self.front
        )
    }
}

fn backend(name: &str, port: u16) -> String {
    format!(
        "frontend web-{name}\n    mode http\n    bind 127.0.0.1:{port}\n    \
         http-request return status 200 content-type text/plain string \"{name}\"\n"
    )
}

#[test]
fn the_spare_takes_over_and_the_first_comes_back() {
    if !installed(&[HAPROXY]) {
        return;
    }
    let (_room, pair) = (quiet(), Pair::start());
    // New connections go to the spare at once: nobody notices.
    let check = pair.check("[./admin, disable, server, pair/a]", "1s").replace("EXPECT", "outages: 0");
    let ran = pair.sandbox.run(&check, &["--allow-disruptive"]);
    ran.all_held();
    assert!(ran.number("failover", "sent") > 100.0);
    assert_eq!(pair.state("a"), "no check", "it is back");
    // Without permission nothing is touched.
    let refused = pair.sandbox.begin(&check, &[]).wait().unwrap();
    assert_eq!(refused.code(), Some(2));
}

#[test]
fn an_outage_until_the_spare_is_switched_on_is_measured() {
    if !installed(&[HAPROXY]) {
        return;
    }
    let (_room, pair) = (quiet(), Pair::start());
    pair.admin("disable server pair/b");
    pair.sandbox.script(
        "inject",
        "#!/bin/bash\nset -e\n./admin disable server pair/a\n(sleep 0.5; ./admin enable server pair/b) >/dev/null 2>&1 &\n",
    );
    let check = pair.check("[./inject]", "3s").replace("EXPECT", "outages: 1, outage.hi: {between: [500ms, 3s]}");
    let ran = pair.sandbox.run(&check, &["--allow-disruptive"]);
    ran.all_held();
    assert!(ran.number("failover", "outage.lo") > 0.0 && ran.number("failover", "lost") > 0.0, "{}", ran.shown);
    assert_eq!((pair.state("a"), pair.state("b")), ("no check".into(), "no check".into()));
    // The same, and a limit it breaks: failed, and put back all the same.
    pair.admin("disable server pair/b");
    let check = pair.check("[./inject]", "3s").replace("EXPECT", "outage.hi: {lt: 100ms}");
    pair.sandbox.run(&check, &["--allow-disruptive"]).failed(&["failover"]);
    assert_eq!(pair.state("a"), "no check");
}

#[test]
fn a_run_that_is_killed_leaves_nothing_broken() {
    if !installed(&[HAPROXY]) {
        return;
    }
    let (_room, pair) = (quiet(), Pair::start());
    let check = pair.check("[./admin, disable, server, pair/a]", "1m").replace("EXPECT", "outages: 0");
    let mut run = pair.sandbox.begin(&check, &["--allow-disruptive"]);
    let broken = within(PATIENCE, || (pair.state("a") == "MAINT").then_some(()));
    run.kill().unwrap();
    let restored = within(RESTORED_WITHIN, || (pair.state("a") == "no check").then_some(()));
    run.wait().unwrap();
    let shown = std::fs::read_to_string(pair.sandbox.path("shown.txt")).unwrap();
    assert!(broken.is_some(), "never broken: {shown}");
    assert!(restored.is_some(), "not restored within {RESTORED_WITHIN:?}: {shown}");
    assert!(!pair.sandbox.path("report.json").exists(), "it was killed in the middle");
}

#[test]
fn a_server_is_taken_out_and_put_back_by_the_program_itself() {
    if !installed(&[HAPROXY]) {
        return;
    }
    let (_room, pair) = (quiet(), Pair::start());
    let unix = pair.sandbox.path("admin.sock").display().to_string();
    let tcp = format!("127.0.0.1:{}", pair.admin);
    for (socket, state, said) in [(&unix, "drain", "DRAIN"), (&tcp, "maint", "MAINT")] {
        let check = pair.built_in(socket, "pair/a", state, "1s").replace("EXPECT", "outages: 0, lost: 0");
        let run = pair.sandbox.begin(&check, &["--allow-disruptive"]);
        let broken = within(PATIENCE, || (pair.state("a") == said).then_some(()));
        let ended = run.wait_with_output().unwrap();
        let shown = std::fs::read_to_string(pair.sandbox.path("shown.txt")).unwrap();
        assert!(broken.is_some() && ended.status.success(), "{state}: {shown}");
        assert_eq!(pair.state("a"), "no check", "{state}: it is back");
    }
    // Whoever kills the run puts it back as well.
    let check = pair.built_in(&unix, "pair/a", "maint", "1m").replace("EXPECT", "outages: 0");
    let mut run = pair.sandbox.begin(&check, &["--allow-disruptive"]);
    let broken = within(PATIENCE, || (pair.state("a") == "MAINT").then_some(()));
    run.kill().unwrap();
    let restored = within(RESTORED_WITHIN, || (pair.state("a") == "no check").then_some(()));
    run.wait().unwrap();
    assert!(broken.is_some() && restored.is_some(), "{broken:?} {restored:?}");
}

/// HAProxy's own words, of whatever version is installed, are understood.
#[test]
fn what_haproxy_will_not_do_is_told_before_anything_is_broken() {
    if !installed(&[HAPROXY]) {
        return;
    }
    let (_room, pair) = (quiet(), Pair::start());
    let (tcp, operator) = (format!("127.0.0.1:{}", pair.admin), format!("127.0.0.1:{}", pair.operator));
    let front = format!("127.0.0.1:{}", pair.front);
    pair.admin("set server pair/b state drain");
    let missing = pair.sandbox.path("no.sock").display().to_string();
    for (socket, server, why) in [
        (&tcp, "pair/c", "backend `pair` has no server `c`; it has a, b"),
        (&tcp, "pear/a", "HAProxy has no backend `pear`; it has pair"),
        (&tcp, "pair/b", "pair/b was taken out before (state `drain`)"),
        (&operator, "pair/a", "has the level `operator`: write `level admin`"),
        (&front, "pair/a", "this is not what HAProxy says of servers"),
        (&missing, "pair/a", "there is no socket"),
    ] {
        let check = pair.built_in(socket, server, "drain", "1s").replace("EXPECT", "outages: 0");
        let ran = pair.sandbox.run(&check, &["--allow-disruptive"]);
        let detail = ran.report["checks"][0]["fault"]["detail"].as_str().unwrap_or_default();
        assert!(
            ran.code == 3 && detail.contains(why) && detail.contains("nothing was changed"),
            "{why}: {}",
            ran.shown
        );
        assert_eq!((pair.state("a"), pair.state("b")), ("no check".into(), "DRAIN".into()));
    }
}
