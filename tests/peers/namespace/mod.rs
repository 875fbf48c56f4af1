//! This host's own inability is never the target's fact: in a network namespace without anything, behind each kind of route
//! that forbids, and behind this host's own firewall, every family is errored, alike.

mod altered;
mod backends;
mod disruptions;
mod duplicate_address;
mod fixed_answer;
mod impaired;
mod limits;
mod netns;
mod parity;
mod ports;
mod reach;
mod silence;
mod suites;
mod sweep;
mod table;
mod tcp_ends;
mod trace;
mod zone;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use shakedown::lab::pki::Pki;

use super::peer::{IP, NFT, installed, skip};
use super::sandbox::CliSandbox;

/// A way out to a neighbour that is known and never answers.
const WAY: &str = "ip link set lo up
    ip link add way0 type veth peer name way1
    ip link set way0 up
    ip link set way1 up
    ip address add 10.9.0.1/24 dev way0
    ip -6 address add 2001:db8:9::1/64 dev way0 nodad
    ip route add 192.0.2.0/24 dev way0
    ip -6 route add 2001:db8::/64 dev way0
    for n in 1 10 11 20 53 54 123; do ip neigh add 192.0.2.$n lladdr 02:00:00:00:00:01 dev way0; done
    for n in 1 10 53 54; do ip -6 neigh add 2001:db8::$n lladdr 02:00:00:00:00:01 dev way0; done
    nft add table inet f
    nft 'add chain inet f out { type filter hook output priority 0; }'
    nft 'add chain inet f in { type filter hook input priority 0; }'";

/// A network namespace of its own, removed with this.
pub struct Namespace(String);

impl Namespace {
    /// `None` where this user may make none. Its resolver is where nothing is, and the names of examples are 192.0.2.1.
    fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("sd-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let made = Command::new("ip").args(["netns", "add", &name]).output().unwrap();
        let own = made.status.success().then_some(Self(name))?;
        let mut hosts = String::from("127.0.0.1 localhost\n");
        for name in suites::names() {
            writeln!(hosts, "192.0.2.1 {name}").unwrap();
        }
        std::fs::create_dir_all(own.etc()).unwrap();
        std::fs::write(own.etc().join("hosts"), hosts).unwrap();
        own.resolver("nameserver 192.0.2.53\noptions timeout:1 attempts:1\n");
        Some(own)
    }

    pub fn name(&self) -> &str {
        &self.0
    }

    /// Has this resolv.conf inside.
    pub fn resolver(&self, conf: &str) {
        std::fs::write(self.etc().join("resolv.conf"), conf).unwrap();
    }

    /// What `ip netns exec` shows in place of files of `/etc`.
    fn etc(&self) -> PathBuf {
        PathBuf::from("/etc/netns").join(&self.0)
    }

    /// Runs commands inside, one a line.
    pub fn setup(&self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut command = self.command("sh");
            command.args(["-c", line]);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// A program inside.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }

    /// Starts a program inside, that ends with the value.
    fn spawn(&self, program: &str, args: &[&str]) -> Running {
        let mut command = self.command(program);
        Running(command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }

    /// The report of a suite that is run inside, and what it says to people.
    pub fn run(&self, suite: &str) -> (Value, String) {
        self.run_by(&[], suite)
    }

    /// What is said of a suite that is run inside, with these options and no others.
    fn run_suite(&self, suite: &str, options: &[&str]) -> String {
        let sandbox = CliSandbox::new();
        sandbox.write("suite.yaml", suite);
        let inner = sandbox.shakedown(&["run", "suite.yaml"]);
        let mut command = self.command("env");
        command.arg(inner.get_program()).args(inner.get_args()).args(options).current_dir(sandbox.folder());
        let output = command.output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    /// [`Self::run`] by way of another program.
    fn run_by(&self, wrapper: &[&str], suite: &str) -> (Value, String) {
        let sandbox = CliSandbox::new();
        sandbox.write("suite.yaml", suite);
        let pki = Pki::new().unwrap();
        for (name, text) in
            [("ca.pem", pki.ca_pem()), ("client.pem", pki.good.chain_pem()), ("client.key", pki.good.key_pem())]
        {
            sandbox.write(name, text);
        }
        let inner =
            sandbox.shakedown(&["run", "suite.yaml", "--json", "report.json", "--allow-disruptive", "--allow-scan"]);
        let mut command = self.command("env");
        command.args(wrapper).arg(inner.get_program()).args(inner.get_args());
        let output = command.current_dir(sandbox.folder()).env_remove("SHAKEDOWN_PEER_LOG").output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!sandbox.path(suites::INJECTED).exists(), "a service was broken that cannot be watched: {shown}");
        let report = std::fs::read(sandbox.path("report.json")).unwrap_or_else(|_| panic!("no report: {shown}"));
        (serde_json::from_slice(&report).unwrap(), shown)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.0]).output();
        let _ = std::fs::remove_dir_all(self.etc());
    }
}

/// A program that is killed with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn namespace() -> Option<Namespace> {
    if !installed(&[IP, NFT]) {
        return None;
    }
    let made = Namespace::new();
    if made.is_none() {
        skip("this user may make no network namespace", "run the tests as root");
    }
    made
}

/// Checks that are not errored, or errored for another reason than one of `words`, with what they came to.
fn not_errored(report: &Value, words: &[&str]) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap();
    assert!(!checks.is_empty());
    let own = |check: &Value| words.iter().any(|word| check["reason"].as_str().unwrap_or_default().contains(word));
    let wrong = checks.iter().filter(|check| check["verdict"] != "errored" || !own(check));
    wrong.map(|check| format!("{} {} {}", check["id"], check["verdict"], check["reason"])).collect()
}
