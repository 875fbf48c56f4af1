//! Knot DNS and BIND: records of a zone are changed by a signed update, put back exactly, and never over somebody else's change.

use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::daemon::{Daemon, free_port};
use super::peer::{DIG, KNOT, NAMED, NSD, Peer, installed};
use super::sandbox::{CliSandbox, Ran};
use super::{PATIENCE, within};

/// In base64.
pub const SECRET: &str = "c2hha2Vkb3duIHBlZXIgdGVzdCBzZWNyZXQgIzEh";
const ZONE: &str = "$TTL 300\n@ IN SOA ns. host. 1 3600 600 86400 60\n@ IN NS ns\nns IN A 127.0.0.1\n\
    www 120 IN A 192.0.2.1\nwww 120 IN A 192.0.2.2\n@ IN MX 10 ns\n*.wild IN A 192.0.2.7\nalias IN CNAME www\n";
/// Sets a name, as somebody else would.
const OTHER: &str = "update delete www.up.test. A\nupdate add www.up.test. 60 A 192.0.2.99\n";

pub struct Server {
    sandbox: CliSandbox,
    port: u16,
    /// What it is started by, and asked by.
    wrapper: Vec<String>,
    _daemon: Daemon,
}

impl Server {
    fn start(peer: Peer) -> Self {
        Self::within(peer, &[])
    }

    /// Started by `wrapper`.
    pub fn within(peer: Peer, wrapper: &[&str]) -> Self {
        let sandbox = CliSandbox::new();
        sandbox.write("up.zone", ZONE);
        std::fs::create_dir(sandbox.path("db")).unwrap();
        sandbox.write("lab-key.key", &format!("key \"lab-key\" {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n"));
        let folder = sandbox.folder().display().to_string();
        let prepare = || {
            let port = free_port();
            let (config, mut command) = (Self::config(peer, &folder, port), wrapped(wrapper, peer));
            let file = sandbox.write("server.conf", &config);
            if peer == NAMED {
                command.args(["-g", "-n", "1"]);
            } else if peer == NSD {
                command.arg("-d");
            }
            command.arg("-c").arg(file);
            (command, port)
        };
        let ready = |port: &u16, _: &str| !dig_by(wrapped(wrapper, DIG), *port, &["up.test", "SOA"]).is_empty();
        let (daemon, port) = Daemon::start(&sandbox.path("server.log"), prepare, ready);
        let wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
        Self { sandbox, port, wrapper, _daemon: daemon }
    }

    fn config(peer: Peer, folder: &str, port: u16) -> String {
        let key = |name: &str| format!("key \"{name}\" {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n");
        if peer == NAMED {
            return format!(
                "options {{ directory \"{folder}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file \"named.pid\"; \
                 session-keyfile none; dnssec-validation no; notify no; recursion no; }};\ncontrols {{ }};\n{}{}\
                 zone \"up.test\" {{ type primary; file \"up.zone\"; allow-update {{ key lab-key; }}; }};\n",
                key("lab-key"),
                key("idle-key")
            );
        }
        if peer == NSD {
            return format!(
                "server:\n  ip-address: 127.0.0.1@{port}\n  server-count: 1\n  username: \"\"\n  zonesdir: \"{folder}\"\n  pidfile: \
                 \"{folder}/nsd.pid\"\n  xfrdfile: \"{folder}/xfrd.state\"\n  zonelistfile: \"{folder}/zone.list\"\n  database: \"\"\n\
                 remote-control:\n  control-enable: no\nzone:\n  name: up.test\n  zonefile: \"{folder}/up.zone\"\n"
            );
        }
        format!(
            "server:\n    rundir: \"{folder}\"\n    listen: [ 127.0.0.1@{port} ]\n    udp-workers: 1\n    tcp-workers: 1\n    \
             background-workers: 1\nlog:\n  - target: stderr\n    any: warning\ndatabase:\n    storage: \"{folder}/db\"\nkey:\n  - id: \
             lab-key\n    algorithm: hmac-sha256\n    secret: {SECRET}\n  - id: idle-key\n    algorithm: hmac-sha256\n    secret: {SECRET}\n\
             acl:\n  - id: lab\n    key: lab-key\n    action: update\nzone:\n  - domain: up.test\n    file: \"{folder}/up.zone\"\n    \
             zonefile-sync: -1\n    zonefile-load: difference\n    journal-content: changes\n    acl: lab\n"
        )
    }

    /// Fields of the disruption with others in their place.
    pub fn update(&self, more: &Value) -> Value {
        let mut fields = json!({"server": "127.0.0.1", "port": self.port, "zone": "up.test", "name": "www.up.test", "ttl": "30s",
            "data": ["192.0.2.9"], "key": {"name": "lab-key", "secret": "${TSIG}"}});
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fields.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        fields
    }

    fn check(&self, more: &Value, observe: &str) -> String {
        let check = json!({"id": "f", "failover": {
            "probe": {"tcp": {"host": "127.0.0.1", "port": self.port}, "interval": "50ms"},
            "inject": {"dns_update": self.update(more)}, "observe": observe, "steady": "200ms", "settle": "100ms"}});
        format!("  - {check}\nsecrets: [TSIG]\n")
    }

    fn suite(&self, more: &Value, observe: &str) -> Command {
        let text = format!("version: 1\nsuite: peers\nchecks:\n{}", self.check(more, observe));
        self.sandbox.write("suite.yaml", &text);
        let shown = std::fs::File::create(self.sandbox.path("shown.txt")).unwrap();
        let mut command = self.sandbox.shakedown(&["run", "suite.yaml", "--allow-disruptive", "--json", "report.json"]);
        command.env("TSIG", SECRET).stdout(shown.try_clone().unwrap()).stderr(shown);
        command
    }

    fn run(&self, more: &Value) -> Ran {
        let status = self.suite(more, "400ms").status().unwrap();
        let shown = std::fs::read_to_string(self.sandbox.path("shown.txt")).unwrap();
        let report = std::fs::read(self.sandbox.path("report.json")).unwrap_or_else(|_| panic!("no report: {shown}"));
        let ran = Ran { code: status.code().unwrap_or(-1), report: serde_json::from_slice(&report).unwrap(), shown };
        assert!(!String::from_utf8_lossy(&report).contains(SECRET) && !ran.shown.contains(SECRET));
        ran
    }

    pub fn www(&self) -> Vec<String> {
        let wrapper: Vec<&str> = self.wrapper.iter().map(String::as_str).collect();
        dig_by(wrapped(&wrapper, DIG), self.port, &["www.up.test", "A"])
    }

    fn journals(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.sandbox.path("journal")).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// As somebody else does it.
    fn nsupdate(&self, commands: &str) {
        let script = format!("server 127.0.0.1 {}\nzone up.test\n{commands}send\n", self.port);
        let file = self.sandbox.write("nsupdate", &script);
        super::printed(Command::new("nsupdate").arg("-k").arg(self.sandbox.path("lab-key.key")).arg(file));
    }

    fn restore(&self) -> (Option<i32>, String) {
        let mut command = self.sandbox.shakedown(&["restore"]);
        let output = command.env("TSIG", SECRET).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.code(), said.into_owned())
    }
}

/// A program, started by another one if there is a wrapper.
fn wrapped(wrapper: &[&str], peer: Peer) -> Command {
    let Some((first, rest)) = wrapper.split_first() else { return peer.command() };
    let mut command = Command::new(first);
    command.args(rest).arg(peer.command().get_program());
    command
}

/// Answers with their TTL, sorted.
fn dig(port: u16, words: &[&str]) -> Vec<String> {
    dig_by(DIG.command(), port, words)
}

fn dig_by(mut command: Command, port: u16, words: &[&str]) -> Vec<String> {
    command.args(["@127.0.0.1", "-p", &port.to_string(), "+noall", "+answer", "+norec", "+tries=1", "+time=2"]);
    let output = command.args(words).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut lines: Vec<String> = text.lines().filter(|line| !line.starts_with(';')).map(line).collect();
    lines.sort();
    lines
}

fn detail(ran: &Ran) -> &str {
    ran.report["checks"][0]["fault"]["detail"].as_str().unwrap_or_default()
}

fn report(server: &Server) -> Value {
    serde_json::from_slice(&std::fs::read(server.sandbox.path("report.json")).unwrap()).unwrap()
}

const BEFORE: [&str; 2] = ["www.up.test. 120 IN A 192.0.2.1", "www.up.test. 120 IN A 192.0.2.2"];
const BROKEN: [&str; 1] = ["www.up.test. 30 IN A 192.0.2.9"];

#[test]
fn records_are_changed_and_put_back_exactly() {
    if !installed(&[KNOT, NAMED, DIG]) {
        return;
    }
    for peer in [KNOT, NAMED] {
        let server = Server::start(peer);
        assert_eq!(server.www(), BEFORE);
        server.run(&json!({})).all_held();
        assert_eq!(server.www(), BEFORE, "{peer:?}");
        // Deleted, and put back; and one that was not there, and is not afterwards.
        server.run(&json!({"data": []})).all_held();
        assert_eq!(server.www(), BEFORE, "{peer:?}");
        server.run(&json!({"name": "new.up.test", "type": "TXT", "data": ["\"a b\" c"]})).all_held();
        assert!(dig(server.port, &["new.up.test", "TXT"]).is_empty(), "{peer:?}");
        server.run(&json!({"name": "up.test", "type": "MX", "data": ["20 NS.up.test", "30 mx.example."]})).all_held();
        assert_eq!(dig(server.port, &["up.test", "MX"]), ["up.test. 300 IN MX 10 ns.up.test."], "{peer:?}");
        assert!(server.journals().is_empty());
    }
}

#[test]
fn however_the_run_ends_the_records_are_put_back() {
    if !installed(&[KNOT, NAMED, DIG]) {
        return;
    }
    for peer in [KNOT, NAMED] {
        let server = Server::start(peer);
        for ending in [Some(Signal::SIGINT), Some(Signal::SIGKILL), None] {
            let mut child = server.suite(&json!({}), "10m").spawn().unwrap();
            assert!(within(PATIENCE, || (server.www() == BROKEN).then_some(())).is_some(), "{peer:?}, {ending:?}");
            let run = i32::try_from(child.id()).unwrap();
            let kept = std::fs::read_to_string(&server.journals()[0]).unwrap();
            assert!(!kept.contains(SECRET) && kept.contains("TSIG"), "{kept}");
            if let Some(signal) = ending {
                kill(Pid::from_raw(run), signal).unwrap();
                child.wait().unwrap();
            } else {
                let journal: Value = serde_json::from_str(&kept).unwrap();
                let guard = i32::try_from(journal["journal"]["guard"]["pid"].as_i64().unwrap()).unwrap();
                for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
                    for id in [guard, run] {
                        kill(Pid::from_raw(id), signal).unwrap();
                    }
                }
                child.wait().unwrap();
                // It dies a moment after the signal.
                let is_gone = || kill(Pid::from_raw(guard), None).is_err().then_some(());
                assert!(within(PATIENCE, is_gone).is_some(), "{peer:?}: the guard lives");
                let bare = server.sandbox.shakedown(&["restore"]).env_remove("TSIG").output().unwrap();
                let said = String::from_utf8_lossy(&bare.stderr) + String::from_utf8_lossy(&bare.stdout);
                assert!(bare.status.code() == Some(3) && said.contains("variables that are not set: TSIG"), "{said}");
                assert_eq!(server.www(), BROKEN);
                let (code, said) = server.restore();
                assert!(code == Some(0) && !said.contains(SECRET), "{said}");
            }
            let back = within(PATIENCE, || (server.www() == BEFORE && server.journals().is_empty()).then_some(()));
            assert!(back.is_some(), "{peer:?}, {ending:?}: {:?}", server.www());
        }
    }
}

/// Who changes the name meanwhile keeps what was changed, and it is told.
#[test]
fn what_somebody_else_changed_is_left_alone() {
    if !installed(&[KNOT, NAMED, DIG]) {
        return;
    }
    for peer in [KNOT, NAMED] {
        let server = Server::start(peer);
        let mut child = server.suite(&json!({}), "10m").spawn().unwrap();
        assert!(within(PATIENCE, || (server.www() == BROKEN).then_some(())).is_some(), "{peer:?}");
        server.nsupdate(OTHER);
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
        child.wait().unwrap();
        assert_eq!(server.www(), ["www.up.test. 60 IN A 192.0.2.99"], "{peer:?}");
        assert_eq!(server.journals().len(), 1);
        // What somebody else has set is not to be overwritten, and nobody is told to.
        let fault = &report(&server)["checks"][0]["fault"];
        let (why, next) = (fault["detail"].as_str().unwrap(), fault["remedy"].as_str().unwrap());
        assert!(why.starts_with("www.up.test. A is 192.0.2.99") && why.ends_with("it is left alone"), "{why}");
        assert!(next.starts_with("see who has changed it") && !next.contains("tries it again"), "{next}");
        let rehearsed = server.sandbox.shakedown(&["restore", "--dry-run"]).env("TSIG", SECRET).output().unwrap();
        let rehearsed = String::from_utf8_lossy(&rehearsed.stdout).into_owned();
        assert!(
            rehearsed.contains("would do the same as, unless somebody else has changed it meanwhile: printf"),
            "{rehearsed}"
        );
        let (code, said) = server.restore();
        let want = "www.up.test. A is 192.0.2.99 (TTL 60 s): neither what was set (192.0.2.9 (TTL 30 s)) nor what it was (192.0.2.1, 192.0.2.2";
        let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(code == Some(3) && flat.contains(want), "{peer:?}: {said}");
        // By hand, as it says: then everything is back.
        let line = said
            .lines()
            .find_map(|line| line.split_once("if what was there before is to be back, run by hand: "))
            .unwrap()
            .1;
        assert!(line.contains("\"$TSIG\"") && !line.contains(SECRET), "{line}");
        let done = Command::new("sh").args(["-c", line]).env("TSIG", SECRET).output().unwrap();
        assert!(done.status.success(), "{line}: {done:?}");
        assert_eq!(server.www(), BEFORE, "{line}");
        assert_eq!(server.restore().0, Some(0));
        assert!(server.journals().is_empty());
    }
}

#[test]
fn what_cannot_be_done_is_told_before_anything_is_changed() {
    if !installed(&[KNOT, NAMED, DIG]) {
        return;
    }
    let key =
        |name: &str, secret: &str, algorithm: &str| json!({"name": name, "secret": secret, "algorithm": algorithm});
    for peer in [KNOT, NAMED] {
        let server = Server::start(peer);
        let closed = free_port();
        for (more, want) in [
            (json!({"key": key("no-key", "${TSIG}", "hmac-sha256")}), "(BADKEY): it does not know the key `no-key`"),
            (
                json!({"key": key("lab-key", "x${TSIG}xxx", "hmac-sha256")}),
                "(BADSIG): the server has a different secret for the key `lab-key`",
            ),
            (
                json!({"key": key("idle-key", "${TSIG}", "hmac-sha256")}),
                // Knot DNS says of a key that no `acl` has that it does not know it.
                if peer == KNOT {
                    "(BADKEY): it does not know the key `idle-key`"
                } else {
                    "it does not let this key do that: allow it for up.test."
                },
            ),
            (json!({"zone": "other.test", "name": "www.other.test"}), "REFUSED"),
            (json!({"name": "a.wild.up.test"}), "they are made from a wildcard"),
            (json!({"name": "alias.up.test"}), "alias.up.test. is an alias: write `type: CNAME`"),
            (
                json!({"data": ["192.0.2.2", "192.0.2.1"], "ttl": "120s"}),
                "has these records already: write other `data`",
            ),
            (json!({"data": ["192.0.2.2", "192.0.2.1"]}), "has these records already, and another TTL breaks nothing"),
            (json!({"name": "none.up.test", "data": []}), "none.up.test. A has no records already: write other `data`"),
            (json!({"port": closed}), "connection refused by 127.0.0.1"),
        ] {
            let ran = server.run(&more);
            assert!(ran.code == 3 && detail(&ran).contains(want), "{peer:?} {more}: {}\n{}", detail(&ran), ran.shown);
            assert_eq!(
                (server.www(), server.journals().len()),
                (BEFORE.map(str::to_owned).to_vec(), 0),
                "{peer:?} {more}"
            );
        }
    }
}

/// A server that takes no updates says so, whatever the zone.
#[test]
fn a_server_without_updates_is_no_primary() {
    if !installed(&[NSD, DIG]) {
        return;
    }
    let server = Server::start(NSD);
    let ran = server.run(&json!({"key": null}));
    assert!(ran.code == 3 && detail(&ran).contains("it answers NOTIMP: it takes no updates"), "{}", detail(&ran));
}
