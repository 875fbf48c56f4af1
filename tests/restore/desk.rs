//! A service that always answers, the suites that break it, and what shakedown says of them.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::marks::{BINARY, Marks};

/// A service that always answers, and a suite that breaks and mends a file.
pub struct Desk {
    pub marks: Marks,
    pub listener: TcpListener,
    pub environment: Vec<(&'static str, &'static str)>,
}

pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Desk {
    pub fn new() -> Self {
        let desk =
            Self { marks: Marks::new(), listener: TcpListener::bind("127.0.0.1:0").unwrap(), environment: Vec::new() };
        desk.write("state", "ok\n");
        desk
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.marks.path(name), text).unwrap();
    }

    pub fn state(&self) -> String {
        std::fs::read_to_string(self.marks.path("state")).unwrap()
    }

    /// A suite whose `inject` breaks the file, with what its restore command does, and more keys of the check.
    pub fn suite(&self, name: &str, restore: &str, more: &str) {
        let state = self.marks.path("state");
        let inject = self.marks.leave("injected", &format!("echo broken >'{}'", state.display()));
        let restore = self.marks.leave("restored", restore);
        let text = format!(
            "version: 1\nsuite: s\nchecks:\n  - id: {name}\n    failover:\n      probe: {{tcp: {{host: 127.0.0.1, port: {}}}, \
             interval: 20ms}}\n      inject: {{run: {}}}\n      restore: {{run: {}}}\n      steady: 60ms\n      settle: 20ms\n{more}",
            self.listener.local_addr().unwrap().port(),
            json!(inject),
            json!(restore)
        );
        self.write(&format!("{name}.yaml"), &text);
    }

    pub fn mends(&self) -> String {
        format!("echo ok >'{}'", self.marks.path("state").display())
    }

    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SHAKEDOWN_")) {
            command.env_remove(name);
        }
        command.current_dir(self.marks.path("")).env("SHAKEDOWN_JOURNAL", self.marks.path("journal"));
        command.envs(self.environment.iter().copied()).stdin(Stdio::null());
        command
    }

    pub fn shakedown(&self, args: &[&str]) -> Ended {
        Self::end(self.command(BINARY).args(args))
    }

    pub fn end(command: &mut Command) -> Ended {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs a suite; how it ended, and the check of its report.
    pub fn run(&self, suite: &str) -> (Ended, Value) {
        let ended = self.shakedown(&["run", suite, "--allow-disruptive", "--json", "r.json"]);
        let report = std::fs::read(self.marks.path("r.json")).unwrap();
        (ended, serde_json::from_slice::<Value>(&report).unwrap()["checks"][0].clone())
    }

    /// Starts a run that goes on until it is killed, and waits until its fault is in place.
    pub async fn broken(&self, suite: &str) -> Child {
        let before = self.marks.count("injected");
        let mut command = self.command(BINARY);
        command.args(["run", suite, "--allow-disruptive"]).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        self.marks.wait("injected", before + 1).await;
        while self.state() != "broken\n" {
            tokio::task::yield_now().await;
        }
        child
    }

    /// The fault is in place, and run and guard are dead, at the same moment.
    pub async fn dead(&self, suite: &str) {
        let mut child = self.broken(suite).await;
        let run = i32::try_from(child.id()).unwrap();
        let both = [self.guard(), run];
        // Stopped first, so that neither sees the other go.
        for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
            for id in both {
                kill(Pid::from_raw(id), signal).unwrap();
            }
        }
        child.wait().unwrap();
        while std::fs::read_to_string(format!("/proc/{}/stat", both[0])).is_ok_and(|stat| !stat.contains(") Z")) {
            tokio::task::yield_now().await;
        }
        assert_eq!(self.state(), "broken\n");
    }

    pub fn guard(&self) -> i32 {
        let record: Value = serde_json::from_slice(&std::fs::read(self.journal()).unwrap()).unwrap();
        i32::try_from(record["journal"]["guard"]["pid"].as_i64().unwrap()).unwrap()
    }

    /// The one journal.
    pub fn journal(&self) -> PathBuf {
        let mut found = self.marks.journals();
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }
}
