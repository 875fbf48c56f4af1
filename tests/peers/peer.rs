//! Which peers are installed, and the count of those used and of tests skipped.

use std::path::PathBuf;
use std::process::Command;

use super::skips::record;
pub use super::skips::skip;

/// A program by others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peer {
    /// Its name.
    name: &'static str,
    program: &'static str,
    /// Whether it only judges what others serve.
    tool: bool,
}

pub const KNOT: Peer = daemon("knot", "knotd");
pub const NSD: Peer = daemon("nsd", "nsd");
pub const NGINX: Peer = daemon("nginx", "nginx");
pub const OPENSSL: Peer = daemon("openssl", "openssl");
pub const IP: Peer = tool("iproute2", "ip");
pub const NFT: Peer = tool("nftables", "nft");
pub const MTR: Peer = tool("mtr", "mtr");
pub const IPERF3: Peer = daemon("iperf3", "iperf3");
/// As strict about the types of parameters as every release since 3.18.
pub const IPERF3_CURRENT: Peer = daemon("iperf3 3.22", "/opt/shakedown-iperf3/bin/iperf3");
pub const HAPROXY: Peer = daemon("haproxy", "haproxy");
pub const KEEPALIVED: Peer = daemon("keepalived", "keepalived");
pub const BIRD: Peer = daemon("bird", "bird");
pub const PYTHON_NFTABLES: Peer = tool("python3-nftables", "/usr/lib/python3/dist-packages/nftables/nftables.py");
pub const NAMED: Peer = daemon("bind", "named");
pub const UNBOUND: Peer = daemon("unbound", "unbound");
pub const POSTFIX: Peer = daemon("postfix", "postfix");
pub const DOVECOT: Peer = daemon("dovecot", "dovecot");
pub const POSTGRES: Peer = daemon("postgres", "postgres");
pub const MARIADB: Peer = daemon("mariadb", "mariadbd");
pub const SLAPD: Peer = daemon("slapd", "slapd");
pub const PROFTPD: Peer = daemon("proftpd", "proftpd");
pub const PROSODY: Peer = daemon("prosody", "prosody");
pub const DELV: Peer = tool("delv", "delv");
pub const LDNS: Peer = tool("ldns", "ldns-signzone");
pub const DNSPERF: Peer = tool("dnsperf", "dnsperf");
pub const SSLSCAN: Peer = tool("sslscan", "sslscan");
pub const CURL: Peer = tool("curl", "curl");
pub const GNUTLS: Peer = tool("gnutls", "certtool");
pub const SSLYZE: Peer = tool("sslyze", "/opt/shakedown-peers/bin/sslyze");
pub const DIG: Peer = tool("dig", "dig");
pub const JQ: Peer = tool("jq", "jq");
pub const SSHD: Peer = daemon("openssh", "sshd");
pub const XMLLINT: Peer = tool("xmllint", "xmllint");
/// The Python peers have one place, so that it is their measured versions that are used.
pub const OTAVA: Peer = tool("otava", "/opt/shakedown-peers/bin/otava");
pub const AIOQUIC: Peer = daemon("aioquic", "/opt/shakedown-peers/bin/python3");
pub const PROMETHEUS: Peer = tool("prometheus_client", "/opt/shakedown-peers/bin/python3");
pub const JSONSCHEMA: Peer = tool("jsonschema", "/opt/shakedown-peers/bin/python3");

const fn daemon(name: &'static str, program: &'static str) -> Peer {
    Peer { name, program, tool: false }
}

const fn tool(name: &'static str, program: &'static str) -> Peer {
    Peer { name, program, tool: true }
}

impl Peer {
    /// A call of the program.
    pub fn command(self) -> Command {
        Command::new(self.path().unwrap_or_else(|| PathBuf::from(self.program)))
    }

    pub fn path(self) -> Option<PathBuf> {
        // Daemons live in folders that only root has in PATH.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path)
            .chain(["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/lib/postgresql/15/bin"].map(PathBuf::from));
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
    skip(&format!("{} not installed", missing.join(", ")), "tests/peers/install gets it")
}
