//! OpenSSH: a command on another host breaks something there, and it is undone however the run ends; what keeps `ssh` from connecting is
//! told with what to try.

use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::daemon::{Daemon, free_port, listens};
use super::peer::{SSHD, installed};
use super::printed;
use super::sandbox::{CliSandbox, Ran};
use super::{PATIENCE, within};

/// A server of the user of this test, with keys and a configuration of its own.
pub struct Sshd {
    folder: PathBuf,
    pub port: u16,
    _daemon: Daemon,
}

impl Sshd {
    /// Its files are in this folder.
    pub fn start(folder: PathBuf, wrapper: &[&str], address: &str) -> Self {
        std::fs::create_dir_all(&folder).unwrap();
        for key in ["host_key", "key", "other_key"] {
            let mut keygen = Command::new("ssh-keygen");
            printed(keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(folder.join(key)));
        }
        std::fs::copy(folder.join("key.pub"), folder.join("authorized_keys")).unwrap();
        // Where the package would have its service make it.
        let _ = std::fs::create_dir("/run/sshd");
        let text = |port: u16| {
            format!(
                "Port {port}\nListenAddress {address}\nHostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized_keys\nPidFile none\n\
                 StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n",
                folder.display()
            )
        };
        let prepare = || {
            let port = free_port();
            std::fs::write(folder.join("sshd_config"), text(port)).unwrap();
            let program = SSHD.path().unwrap();
            let words: Vec<&str> = wrapper.iter().copied().chain([program.to_str().unwrap()]).collect();
            let mut command = Command::new(words[0]);
            command.args(&words[1..]).args(["-D", "-e", "-f"]).arg(folder.join("sshd_config"));
            (command, port)
        };
        let ready = |_: &u16, said: &str| said.contains("Server listening on");
        let (daemon, port) = Daemon::start(&folder.join("sshd.log"), prepare, ready);
        let own = Self { folder, port, _daemon: daemon };
        own.knows("known", address, "host_key.pub");
        own
    }

    /// An `ssh_config` of this name, which takes this key for that of the server.
    fn knows(&self, name: &str, address: &str, key: &str) {
        let public = std::fs::read_to_string(self.folder.join(key)).unwrap_or_default();
        let hosts = self.folder.join(format!("{name}_hosts"));
        std::fs::write(&hosts, if public.is_empty() { public } else { format!("[{address}]:{} {public}", self.port) })
            .unwrap();
        let text = format!(
            "UserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\nIdentitiesOnly yes\nIdentityAgent none\n",
            hosts.display()
        );
        std::fs::write(self.file(name), text).unwrap();
    }

    /// A file of it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The fields that lead there.
    pub fn host(&self, address: &str) -> Value {
        let user = printed(Command::new("id").arg("-un"));
        json!({"host": format!("{}@{address}", user.trim()), "port": self.port, "identity_file": self.file("key"),
               "config_file": self.file("known")})
    }
}

/// A check that breaks the file `broken` of the sandbox, with these fields besides.
fn check(sandbox: &CliSandbox, sshd: &Sshd, more: &Value, observe: &str) -> String {
    let broken = sandbox.path("broken");
    let mut ssh = sshd.host("127.0.0.1");
    let own = json!({"run": ["touch", broken], "undo": ["rm", "-f", broken], "verify": ["test", "!", "-e", broken]});
    for fields in [&own, more] {
        ssh.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    }
    let check = json!({"id": "f", "failover": {
        "probe": {"tcp": {"host": "127.0.0.1", "port": sshd.port}, "interval": "50ms"},
        "inject": {"ssh": ssh}, "observe": observe, "steady": "200ms", "settle": "100ms"}});
    format!("  - {check}\n")
}

fn detail(ran: &Ran) -> &str {
    ran.report["checks"][0]["fault"]["detail"].as_str().unwrap_or_default()
}

struct Stage {
    sandbox: CliSandbox,
    sshd: Sshd,
}

impl Stage {
    fn new() -> Option<Self> {
        if !installed(&[SSHD]) {
            return None;
        }
        let sandbox = CliSandbox::new();
        let sshd = Sshd::start(sandbox.path("sshd"), &[], "127.0.0.1");
        Some(Self { sandbox, sshd })
    }

    fn is_broken(&self) -> bool {
        self.sandbox.path("broken").exists()
    }

    fn run(&self, more: &Value, observe: &str) -> Ran {
        self.sandbox.run(&check(&self.sandbox, &self.sshd, more, observe), &["--allow-disruptive"])
    }

    fn journals(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.sandbox.path("journal")).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

#[test]
fn a_command_on_another_host_is_undone_however_the_run_ends() {
    let Some(stage) = Stage::new() else { return };
    let ran = stage.run(&json!({}), "300ms");
    ran.all_held();
    assert_eq!(ran.fact("f", "restored"), true);
    assert!(!stage.is_broken() && stage.journals().is_empty());
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let mut child =
            stage.sandbox.begin(&check(&stage.sandbox, &stage.sshd, &json!({}), "10m"), &["--allow-disruptive"]);
        assert!(within(PATIENCE, || stage.is_broken().then_some(())).is_some(), "{signal}");
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        child.wait().unwrap();
        let back = within(PATIENCE, || (!stage.is_broken() && stage.journals().is_empty()).then_some(()));
        assert!(back.is_some(), "{signal}");
    }
}

/// Run and guard die at the same moment: the other host undoes it by its own timer, and `shakedown restore` sees to it.
#[test]
fn when_nobody_is_left_the_other_host_undoes_it() {
    let Some(stage) = Stage::new() else { return };
    let suite = check(&stage.sandbox, &stage.sshd, &json!({"undo_after": "9s"}), "5s");
    let mut child = stage.sandbox.begin(&suite, &["--allow-disruptive"]);
    assert!(within(PATIENCE, || stage.is_broken().then_some(())).is_some());
    let journal: Value = serde_json::from_slice(&std::fs::read(&stage.journals()[0]).unwrap()).unwrap();
    let guard = i32::try_from(journal["journal"]["guard"]["pid"].as_i64().unwrap()).unwrap();
    for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
        for id in [guard, i32::try_from(child.id()).unwrap()] {
            kill(Pid::from_raw(id), signal).unwrap();
        }
    }
    child.wait().unwrap();
    assert!(within(PATIENCE, || (!stage.is_broken()).then_some(())).is_some(), "the timer");
    assert_eq!(stage.journals().len(), 1);
    let restore = stage.sandbox.shakedown(&["restore"]).output().unwrap();
    let said = String::from_utf8_lossy(&restore.stdout) + String::from_utf8_lossy(&restore.stderr);
    assert!(restore.status.success() && said.contains("everything is back"), "{said}");
    assert!(stage.journals().is_empty());
}

/// A service that the other host put back before its time did not come back by itself: nothing of that is judged.
#[test]
fn what_was_undone_before_its_time_is_not_judged() {
    let Some(stage) = Stage::new() else { return };
    let mut child = stage.sandbox.begin(&check(&stage.sandbox, &stage.sshd, &json!({}), "6s"), &["--allow-disruptive"]);
    assert!(within(PATIENCE, || stage.is_broken().then_some(())).is_some());
    let own = stage.sandbox.path("broken").display().to_string();
    let folders = std::fs::read_dir("/tmp").unwrap().flatten().map(|entry| entry.path());
    let mut ours =
        folders.filter(|folder| std::fs::read_to_string(folder.join("run")).is_ok_and(|run| run.contains(&own)));
    let timer = std::fs::read_to_string(ours.next().unwrap().join("timer.pid")).unwrap();
    // As a host that shuts down does.
    kill(Pid::from_raw(timer.trim().parse().unwrap()), Signal::SIGTERM).unwrap();
    assert!(within(PATIENCE, || (!stage.is_broken()).then_some(())).is_some());
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let report: Value = serde_json::from_slice(&std::fs::read(stage.sandbox.path("report.json")).unwrap()).unwrap();
    let check = &report["checks"][0];
    let detail = check["fault"]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("the timer on ") && detail.contains("undid it before the run did"), "{check}");
    assert!(
        detail.ends_with("it is put back, and nothing of it is judged") && check["verdict"] == "errored",
        "{check}"
    );
    assert!(stage.journals().is_empty());
}

#[test]
fn what_keeps_ssh_from_connecting_says_what_to_try() {
    let Some(stage) = Stage::new() else { return };
    let sshd = &stage.sshd;
    sshd.knows("unknown", "127.0.0.1", "none");
    sshd.knows("changed", "127.0.0.1", "other_key.pub");
    std::fs::write(sshd.file("wrong"), "Hots x\n").unwrap();
    let closed = free_port();
    assert!(!listens(closed));
    for (more, want) in [
        (json!({"config_file": sshd.file("unknown")}), "its host key is not known here"),
        (json!({"config_file": sshd.file("changed")}), "its host key is not the one that is known"),
        (json!({"config_file": sshd.file("wrong")}), "check `config_file`"),
        (json!({"identity_file": sshd.file("other_key")}), "it takes no key of this user"),
        (json!({"identity_file": sshd.file("none")}), "there is no file "),
        (json!({"port": closed}), "nothing listens there"),
        (json!({"host": "no-such-host.invalid"}), "the name is not known here"),
        (json!({"run": ["no-such-program-anywhere"]}), "has no program no-such-program-anywhere"),
        (json!({"verify": ["false"]}), "nothing is broken yet, and `verify` on"),
        (
            json!({"verify": ["sleep", "50"], "timeout": "1s"}),
            "did not end within its `timeout` of 1 s, so it was ended",
        ),
        (json!({"run": ["sleep", "50"], "timeout": "1s"}), "127.0.0.1 did not end within its `timeout` of 1 s"),
        (json!({"run": ["true"]}), "127.0.0.1 did not take effect: it exited 0, and so did `verify`"),
        (json!({"run": ["sh", "-c", "echo no such device; exit 3"]}), "; it said: no such device"),
    ] {
        let ran = stage.run(&more, "300ms");
        assert!(ran.code == 3 && detail(&ran).contains(want), "{more}: {}\n{}", detail(&ran), ran.shown);
        assert!(!stage.is_broken() && stage.journals().is_empty(), "{more}");
    }
}

/// A word reaches the program there as it stands in the suite.
#[test]
fn words_reach_the_other_host_as_they_are() {
    let Some(stage) = Stage::new() else { return };
    let got = stage.sandbox.path("got");
    let script = stage.sandbox.script("keep", &format!("#!/bin/sh\nprintf '%s\\0' \"$@\" >'{}'\n", got.display()));
    let words =
        ["A=b", "it's", "\"q\"", "$HOME `id` $(id)", "line\nbreak", "-n", "--", "*", "~", "", "\\", "a;b&c|d", "ü"];
    let run: Vec<&str> = [script.to_str().unwrap()].into_iter().chain(words).collect();
    stage.run(&json!({"run": run, "verify": []}), "100ms").all_held();
    let text = std::fs::read_to_string(&got).unwrap();
    assert_eq!(text.split_terminator('\0').collect::<Vec<_>>(), words);
}
