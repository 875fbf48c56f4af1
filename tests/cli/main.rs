//! The program from outside: what it prints, what it writes, how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics is a test that fails

mod across;
mod against;
mod away;
mod baseline;
mod calibrating;
mod capture;
mod causes;
mod compare_arms;
mod compare_reports;
mod compare_text;
mod corrections;
mod counted;
mod crowd;
mod demo;
mod documents;
mod endings;
mod failing_over;
mod files;
mod foreign;
mod gates;
mod gobench;
mod good_suites;
mod guarded;
mod hidden;
mod history;
mod memory;
mod next_steps;
mod overlap;
mod pairing;
mod peer;
mod pipe;
mod probe;
mod references;
mod repeats;
#[path = "../reports/mod.rs"]
mod report_fixture;
mod reports;
mod rerun;
mod secrets;
mod settings;
mod sides;
mod signals;
#[path = "../skips/mod.rs"]
mod skips;
mod strangers;
mod suite_schema;
mod targets;
mod words;
mod writes;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::mpsc;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A scratch folder with a suite in it, and the program.
struct CliSandbox {
    folder: tempfile::TempDir,
}

impl CliSandbox {
    fn new(suite: &str) -> Self {
        let sandbox = Self { folder: tempfile::tempdir().unwrap() };
        sandbox.write("suite.yaml", suite);
        sandbox
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        self.clean(Command::new(env!("CARGO_BIN_EXE_shakedown")), args)
    }

    /// By way of `env` with an option about signals.
    fn command_by_env(&self, option: &str, args: &[&str]) -> Command {
        let mut command = Command::new("env");
        command.args([option, env!("CARGO_BIN_EXE_shakedown")]);
        self.clean(command, args)
    }

    /// In the sandbox, with nothing from the environment of the tests.
    fn clean(&self, mut command: Command, args: &[&str]) -> Command {
        command.args(args).current_dir(self.folder.path());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SHAKEDOWN_")) {
            command.env_remove(name);
        }
        command.env_remove("CI").env_remove("COLUMNS");
        // One that a test leaves open stands in nobody else's way.
        command.env("SHAKEDOWN_JOURNAL", self.path("journal"));
        command
    }

    fn run(&self, args: &[&str]) -> Ended {
        Ended::of(self.command(args).output().unwrap())
    }

    fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(self.path(name)).unwrap()).unwrap()
    }
}

struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        let Output { status, stdout, stderr } = output;
        Self {
            code: status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&stdout).into_owned(),
            err: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }
}

/// A listener that accepts in its backlog; connections to it succeed while it lives.
fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A port of loopback on which nobody listens: held by a socket that never does, so that nobody else gets it.
fn closed_port() -> (socket2::Socket, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

fn tcp_suite(port: u16, rest: &str) -> String {
    format!("version: 1\nsuite: s\nchecks:\n  - id: a\n    tcp: {{host: 127.0.0.1, port: {port}}}\n{rest}")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Longest wait for something that happens at once when all is well: it only bounds a test that would hang.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(2);

/// A run in the background; it does not outlive its test, whatever the test's end.
struct Running {
    id: Pid,
    ended: mpsc::Receiver<std::io::Result<Output>>,
    over: bool,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        use std::process::Stdio;
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let id = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let (tell, ended) = mpsc::channel();
        std::thread::spawn(move || tell.send(child.wait_with_output()));
        Self { id, ended, over: false }
    }

    fn signal(&self, signal: Signal) {
        kill(self.id, signal).unwrap();
    }

    /// Its end, by itself.
    fn end(mut self) -> Ended {
        let output = self.ended.recv_timeout(PATIENCE).expect("the run ends");
        self.over = true;
        Ended::of(output.unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Once its end is told, its id may be another's.
        if !self.over && self.ended.try_recv().is_err() {
            let _ = kill(self.id, Signal::SIGKILL);
            let _ = self.ended.recv_timeout(PATIENCE);
        }
    }
}
