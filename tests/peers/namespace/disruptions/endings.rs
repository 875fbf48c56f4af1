//! However a run ends, and whoever dies with it: each built-in disruption is undone, by the guard at once, or by `shakedown restore`
//! when that died as well. The table is the product of [`KINDS`] and [`ENDINGS`].

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use shakedown::checks::FAMILIES;
use shakedown::model::FieldKind;

use super::{PATIENCE, Wire, assert_same, unordered, within};
use crate::api::Api;
use crate::daemon::Daemon;
use crate::dns_update;
use crate::peer::{DIG, HAPROXY, KNOT, SSHD, installed};
use crate::sandbox::CliSandbox;
use crate::sshd::Sshd;

/// The far end of the wire.
const FAR: &str = "10.83.0.2";

/// From the death of a run to the moment when all is verified to be back.
const RESTORED_WITHIN: Duration = Duration::from_secs(2);
/// A host that does other things as well may be slow in one of these; a guard that waits is slow in each.
const ATTEMPTS: usize = 3;

/// What `inject` is; `PID` stands for a process of the test, `SOCKET` for that of a HAProxy, `API` for a service with an API, `ZONE` for the
/// fields of an update of Knot's zone, and `SSH` for the fields that lead to the far host.
const KINDS: &[(&str, &str)] = &[
    ("link", "{link: {down: e0}}"),
    ("drop", "{drop: {peer: 10.83.0.2}}"),
    ("partition", "{partition: {device: e0}}"),
    ("process", "{process: {signal: stop, pid: PID}}"),
    ("address", "{address: {remove: 10.83.0.1/24, from: e0}}"),
    ("haproxy", "{haproxy: {socket: SOCKET, server: web/a}}"),
    (
        "http",
        "{http: {url: \"http://API/down?t=${TSIG}\", undo: {url: \"http://API/up?t=${TSIG}\", headers: {x-token: \"${TSIG}\"}, body: \"${TSIG}\"}, \
         verify: {url: \"http://API/\", headers: {x-token: \"${TSIG}\"}, contains: up}}}",
    ),
    (
        "command",
        "{run: [sh, -c, \"k=${TSIG}; kill -STOP PID\"]}\n      restore: {run: [sh, -c, \"k=${TSIG}; kill -CONT PID\"]}\n      \
         verify: {run: [sh, -c, \"k=${TSIG}; ! grep -q State:.T /proc/PID/status\"]}",
    ),
    (
        "ssh",
        "{ssh: {SSH, run: [kill, -STOP, \"PID\"], undo: [kill, -CONT, \"PID\"], verify: [sh, -c, \"! grep -q State:.T /proc/PID/status\"]}}",
    ),
    ("dns_update", "{dns_update: ZONE}"),
    ("sequence", "[{drop: {peer: 10.83.0.2}}, {address: {add: 10.83.0.9/24, to: e0}}, {process: {pid: PID}}]"),
    (
        "sequence of others",
        "[{haproxy: {socket: SOCKET, server: web/a, state: maint}}, {drop: {peer: 10.83.0.2}}, \
         {http: {url: \"http://API/down\", undo: {url: \"http://API/up\"}}}]",
    ),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    /// The run restores when `observe` is over.
    Itself,
    /// The time of the whole run is over.
    Deadline,
    Signal(Signal),
    /// Its whole process group gets the signal.
    Group(Signal),
    /// Run and guard die at the same moment.
    WithGuard,
}

const ENDINGS: &[Ending] = &[
    Ending::Itself,
    Ending::Deadline,
    Ending::Signal(Signal::SIGINT),
    Ending::Signal(Signal::SIGTERM),
    Ending::Signal(Signal::SIGKILL),
    Ending::Group(Signal::SIGKILL),
    Ending::WithGuard,
];

/// A wire, a process that may be stopped, a HAProxy, a service with an API, and runs that break them.
struct Stage {
    wire: Wire,
    sandbox: CliSandbox,
    victim: Child,
    api: (Api, u16),
    haproxy: Option<Daemon>,
    /// On the far host.
    sshd: Option<Sshd>,
    zone: Option<dns_update::Server>,
}

/// What there is of a stage: of the namespace, and beside it.
#[derive(Debug, PartialEq)]
struct State {
    namespace: Value,
    is_stopped: bool,
    /// Why HAProxy does not use its server: bits.
    server: Option<String>,
    is_down: bool,
    records: Option<Vec<String>>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

impl Stage {
    fn new(inject: &str) -> Option<Self> {
        let needs_ssh = inject.contains("SSH");
        if needs_ssh && !installed(&[SSHD]) {
            return None;
        }
        let needs_zone = inject.contains("ZONE");
        if needs_zone && !installed(&[KNOT, DIG]) {
            return None;
        }
        let wire = Wire::new()?.acquainted();
        let sandbox = CliSandbox::new();
        let haproxy = installed(&[HAPROXY]).then(|| haproxy(&sandbox));
        let victim = wire.near.command("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
        let far = ["ip", "netns", "exec", wire.far.name()];
        let sshd = needs_ssh.then(|| Sshd::start(sandbox.path("sshd"), &far, FAR));
        let near = ["ip", "netns", "exec", wire.near.name()];
        let zone = needs_zone.then(|| dns_update::Server::within(KNOT, &near));
        let api = Api::default();
        let service = api.clone();
        let port = wire.near.inside(move || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            service.serve(listener);
            port
        });
        Some(Self { wire, sandbox, victim, api: (api, port), haproxy, sshd, zone })
    }

    /// Starts a run in the namespace, as the leader of its process group.
    fn run(&self, inject: &str, ending: Ending) -> Child {
        let observe = if ending == Ending::Itself { "200ms" } else { "10m" };
        let host = self.sshd.as_ref().map(|sshd| sshd.host(FAR).to_string()).unwrap_or_default();
        let host = host.trim_matches(['{', '}']).to_owned();
        let zone = self.zone.as_ref().map(|zone| zone.update(&json!({})).to_string()).unwrap_or_default();
        let suite = format!(
            "version: 1\nsuite: s\nsecrets: [TSIG]\nchecks:\n  - id: f\n    netns: {}\n    failover:\n      probe: {{icmp: {{host: 10.83.0.2}}, \
             interval: 20ms, timeout: 200ms}}\n      inject: {}\n      steady: 100ms\n      settle: 50ms\n      observe: {observe}\n",
            self.wire.near.name(),
            inject
                .replace("PID", &self.victim.id().to_string())
                .replace("API", &format!("127.0.0.1:{}", self.api.1))
                .replace("SSH", &host)
                .replace("ZONE", &zone)
                .replace("SOCKET", &self.sandbox.path("admin.sock").display().to_string())
        );
        self.sandbox.write("suite.yaml", &suite);
        let mut args = vec![
            "run",
            "suite.yaml",
            "--allow-disruptive",
            "-vvv",
            "--json",
            "report.json",
            "--events",
            "events.jsonl",
        ];
        if ending == Ending::Deadline {
            args.extend(["--deadline", "2s"]);
        }
        let mut command = self.shakedown(&args);
        let said = std::fs::File::create(self.sandbox.path("said")).unwrap();
        command.process_group(0).stdout(said.try_clone().unwrap()).stderr(said).spawn().unwrap()
    }

    /// With the secret of the zone's key.
    fn shakedown(&self, args: &[&str]) -> Command {
        let mut command = self.sandbox.shakedown(args);
        command.env("TSIG", dns_update::SECRET);
        command
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.sandbox.path("said")).unwrap()
    }

    fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.victim.id())).unwrap();
        stat.rsplit_once(") ").unwrap().1.starts_with('T')
    }

    fn state(&self) -> State {
        State {
            namespace: unordered(self.wire.near.state()),
            is_stopped: self.is_stopped(),
            server: self.haproxy.as_ref().map(|_| admin_state(&self.sandbox.path("admin.sock"))),
            is_down: self.api.0.is_down(),
            records: self.zone.as_ref().map(dns_update::Server::www),
        }
    }

    fn journals(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.sandbox.path("journal")).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn guard(&self) -> i32 {
        let journals = self.journals();
        let document: Value = serde_json::from_slice(&std::fs::read(&journals[0]).unwrap()).unwrap();
        i32::try_from(document["journal"]["guard"]["pid"].as_i64().unwrap()).unwrap()
    }

    fn hold(&self, kind: &str, inject: &str, ending: Ending) {
        let took: Vec<Duration> = (0..ATTEMPTS).map_while(|_| self.play(kind, inject, ending)).collect();
        assert!(took.len() < ATTEMPTS, "{kind}, {ending:?}: restored after {took:?}: {}", self.said());
    }

    /// No journal, output, report or list of processes has the secret.
    fn assert_hidden(&self, cell: &str) {
        let is_shown =
            |bytes: &[u8]| bytes.windows(dns_update::SECRET.len()).any(|part| part == dns_update::SECRET.as_bytes());
        let outputs = ["said", "report.json", "events.jsonl"].map(|name| self.sandbox.path(name));
        for file in self.journals().iter().chain(&outputs) {
            // A run that was killed has no report.
            assert!(!is_shown(&std::fs::read(file).unwrap_or_default()), "{cell}: {}", file.display());
        }
        let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        for line in entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok()) {
            assert!(!is_shown(&line), "{cell}: {}", String::from_utf8_lossy(&line));
        }
    }

    /// What cannot be undone for want of a variable is not begun.
    fn refuse_without_secret(&self, cell: &str) {
        let bare = self.sandbox.shakedown(&["restore"]).env_remove("TSIG").output().unwrap();
        let said = String::from_utf8_lossy(&bare.stdout) + String::from_utf8_lossy(&bare.stderr);
        let journal = self.journals()[0].display().to_string();
        let run = format!("run `shakedown restore --journal {}`", self.sandbox.path("journal").display());
        assert!(bare.status.code() == Some(3) && said.contains("variables that are not set: TSIG"), "{cell}: {said}");
        assert!(
            said.contains(&format!("the journal {journal} keeps no secrets")) && said.contains(&run),
            "{cell}: {said}"
        );
    }

    /// One cell of the table; how long it took where that was too long.
    fn play(&self, kind: &str, inject: &str, ending: Ending) -> Option<Duration> {
        let cell = format!("{kind}, {ending:?}");
        let mut too_long = None;
        let before = self.state();
        let mut child = self.run(inject, ending);
        let run = i32::try_from(child.id()).unwrap();
        if !matches!(ending, Ending::Itself | Ending::Deadline) {
            let broken = within(PATIENCE, || (!self.journals().is_empty() && self.state() != before).then_some(()));
            assert!(broken.is_some(), "{cell}: nothing was broken: {}", self.said());
            self.assert_hidden(&cell);
        }
        let ended = Instant::now();
        match ending {
            Ending::Itself | Ending::Deadline => {}
            Ending::Signal(signal) => kill(Pid::from_raw(run), signal).unwrap(),
            Ending::Group(signal) => killpg(Pid::from_raw(run), signal).unwrap(),
            Ending::WithGuard => {
                let both = [self.guard(), run];
                // Stopped first, so that neither sees the other go.
                for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
                    for id in both {
                        kill(Pid::from_raw(id), signal).unwrap();
                    }
                }
            }
        }
        let code = child.wait().unwrap().code();
        match ending {
            Ending::WithGuard => {
                assert!(self.state() != before, "{cell}: nobody was left to restore");
                if inject.contains("TSIG") || inject.contains("ZONE") {
                    self.refuse_without_secret(&cell);
                    assert!(self.state() != before, "{cell}: nothing was run");
                }
                let restore = self.shakedown(&["restore"]).output().unwrap();
                let said = String::from_utf8_lossy(&restore.stdout) + String::from_utf8_lossy(&restore.stderr);
                assert_eq!(restore.status.code(), Some(0), "{cell}: {said}");
                assert!(!said.contains(dns_update::SECRET), "{cell}: {said}");
            }
            // What the check says of it is another matter: a host cannot watch by a device that it took down itself.
            Ending::Itself => assert!(code.is_some(), "{cell}: {}", self.said()),
            _ => {
                let restored = within(PATIENCE, || self.journals().is_empty().then_some(()));
                let took = ended.elapsed();
                assert!(restored.is_some(), "{cell}: the journal stays: {}", self.said());
                too_long = Some(took).filter(|took| ending != Ending::Deadline && *took > RESTORED_WITHIN);
            }
        }
        let same = within(PATIENCE, || (self.state() == before).then_some(()));
        if same.is_none() {
            let mut after = self.state();
            assert_same(&before.namespace, &after.namespace, &cell);
            after.namespace = before.namespace.clone();
            assert_eq!(before, after, "{cell}");
        }
        assert!(self.journals().is_empty(), "{cell}");
        self.assert_hidden(&cell);
        too_long
    }
}

/// A HAProxy with a backend `web` of one server, and its socket in this folder.
fn haproxy(sandbox: &CliSandbox) -> Daemon {
    let path = |name: &str| sandbox.path(name).display().to_string();
    let config = format!(
        "global\n    stats socket {} level admin\n\
         defaults\n    mode tcp\n    timeout connect 2s\n    timeout client 2s\n    timeout server 2s\n\
         frontend front\n    bind unix@{}\n    default_backend web\nbackend web\n    server a 127.0.0.1:9\n",
        path("admin.sock"),
        path("front.sock")
    );
    let prepare = || {
        let mut command = HAPROXY.command();
        command.arg("-db").arg("-f").arg(sandbox.write("haproxy.cfg", &config));
        (command, sandbox.path("admin.sock"))
    };
    Daemon::start(&sandbox.path("haproxy.log"), prepare, |socket, _| UnixStream::connect(socket).is_ok()).0
}

/// Why HAProxy does not use its server, as it says.
fn admin_state(socket: &Path) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(b"show servers state web\n").unwrap();
    let mut table = String::new();
    stream.read_to_string(&mut table).unwrap();
    let row = table.lines().find(|line| line.contains(" web 1 a ")).unwrap_or_else(|| panic!("{table}"));
    row.split(' ').nth(6).unwrap_or_else(|| panic!("{table}")).to_owned()
}

/// A disruption of its own fields, whose guard outlives the run.
#[test]
fn each_disruption_has_a_row() {
    let failover = FAMILIES.iter().find(|family| family.name == "failover").unwrap();
    let inject = failover.fields.iter().find(|field| field.name == "inject").unwrap();
    let fields = inject.kind.inner().unwrap().iter().filter(|field| matches!(field.kind, FieldKind::Group(_)));
    let names: Vec<&str> = fields.map(|field| field.name).collect();
    assert!(names.len() > 8, "{names:?}");
    for name in names {
        assert!(KINDS.iter().any(|(kind, _)| *kind == name), "`{name}`");
    }
}

#[test]
fn however_a_run_ends_each_disruption_is_undone() {
    let mut stages: Vec<_> = KINDS.iter().map_while(|kind| Some((kind, Stage::new(kind.1)?))).collect();
    if stages.len() < KINDS.len() {
        return;
    }
    // Without a HAProxy there is none to break.
    stages.retain(|((_, inject), stage)| stage.haproxy.is_some() || !inject.contains("SOCKET"));
    for both in stages.chunks(2) {
        std::thread::scope(|scope| {
            for ((kind, inject), stage) in both {
                scope.spawn(move || ENDINGS.iter().for_each(|ending| stage.hold(kind, inject, *ending)));
            }
        });
    }
}
