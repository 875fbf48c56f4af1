//! Which peers are installed, and the count of those used and of tests skipped.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program by others.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// What it is called.
    name: &'static str,
    program: &'static str,
    /// Whether it only judges what others serve.
    tool: bool,
}

pub const KNOT: Peer = daemon("knot", "knotd");
pub const NSD: Peer = daemon("nsd", "nsd");
pub const NGINX: Peer = daemon("nginx", "nginx");
pub const OPENSSL: Peer = daemon("openssl", "openssl");
pub const IPERF3: Peer = daemon("iperf3", "iperf3");
pub const HAPROXY: Peer = daemon("haproxy", "haproxy");
pub const DIG: Peer = Peer { name: "dig", program: "dig", tool: true };
pub const XMLLINT: Peer = Peer { name: "xmllint", program: "xmllint", tool: true };
/// The Python peers have one place, so that it is their measured versions that are used.
pub const OTAVA: Peer = Peer { name: "otava", program: "/opt/shakedown-peers/bin/otava", tool: true };
pub const PROMETHEUS: Peer =
    Peer { name: "prometheus_client", program: "/opt/shakedown-peers/bin/python3", tool: true };

const fn daemon(name: &'static str, program: &'static str) -> Peer {
    Peer { name, program, tool: false }
}

impl Peer {
    /// A call of the program.
    pub fn command(self) -> Command {
        Command::new(self.path().unwrap_or_else(|| PathBuf::from(self.program)))
    }

    fn path(self) -> Option<PathBuf> {
        // Daemons live in folders that only root has in PATH.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from));
        folders.map(|folder| folder.join(self.program)).find(|path| path.is_file())
    }
}

/// Whether every one of `peers` is installed. If not, the test must end: its skip has been shown and recorded, or, where
/// `SHAKEDOWN_REQUIRE_PEERS` is set, has failed it.
pub fn installed(peers: &[Peer]) -> bool {
    let missing: Vec<&str> = peers.iter().filter(|peer| peer.path().is_none()).map(|peer| peer.name).collect();
    if missing.is_empty() {
        for peer in peers {
            record(&format!("{} {}", if peer.tool { "tool" } else { "used" }, peer.name));
        }
        return true;
    }
    let missing = missing.join(", ");
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    // Past the capture of the test's output: a skip is always seen.
    let _ = writeln!(std::io::stderr(), "SKIPPED {missing}: not installed ({test}); tests/peers/install gets it");
    record(&format!("skipped {test}: {missing} not installed"));
    let required = std::env::var_os("SHAKEDOWN_REQUIRE_PEERS").is_some_and(|value| !value.is_empty() && value != "0");
    assert!(!required, "{missing} not installed, and SHAKEDOWN_REQUIRE_PEERS is set: run tests/peers/install");
    false
}

/// One line, in one write, so that tests beside each other do not mix theirs.
fn record(line: &str) {
    let Some(log) = std::env::var_os("SHAKEDOWN_PEER_LOG") else { return };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(Path::new(&log)).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}
