//! What refused a TCP connection: a reset, or which ICMP error from whom.

use serde_json::Value;

use super::{Namespace, namespace};

/// Two hosts and a way between: the second is 192.0.2.1.
struct Pair {
    near: Namespace,
    far: Namespace,
}

impl Pair {
    fn new() -> Option<Self> {
        let (near, far) = (namespace()?, namespace()?);
        near.setup(&format!(
            "ip link set lo up\nip link add w0 type veth peer name w1 netns {}\nip link set w0 up\nip address add 192.0.2.2/24 dev w0\n\
             nft add table inet f\nnft 'add chain inet f in {{ type filter hook input priority 0; }}'",
            far.0
        ));
        far.setup(
            "ip link set lo up\nip link set w1 up\nip address add 192.0.2.1/24 dev w1\nsysctl -qw net.ipv4.icmp_ratelimit=0
             nft add table inet f
             nft 'add chain inet f in { type filter hook input priority 0; }'",
        );
        Some(Self { near, far })
    }

    fn run(&self, check: &str) -> (Value, String) {
        let (mut report, shown) = self.near.run(&format!("version: 1\nsuite: ends\nchecks:\n- {{id: a, {check}}}\n"));
        (report["checks"][0].take(), shown)
    }
}

#[test]
fn what_refused_is_evidence() {
    let Some(pair) = Pair::new() else { return };
    let (check, shown) = pair.run("tcp: {host: 192.0.2.1, port: 9}");
    assert_eq!((&check["facts"]["outcome"], &check["verdict"]), (&"refused".into(), &"failed".into()), "{shown}");
    assert!(check.to_string().contains("RST from 192.0.2.1"), "{check}");
    pair.far.setup("nft 'add rule inet f in tcp dport 9 reject with icmp type port-unreachable'");
    let (check, shown) = pair.run("tcp: {host: 192.0.2.1, port: 9}");
    assert_eq!(check["facts"]["outcome"], "refused", "{shown}");
    assert!(check.to_string().contains("port_unreachable from 192.0.2.1"), "{check}");
    // This host's own rule against what comes in: no trace, and so the target's silence, with what to look at here.
    pair.near.setup("nft 'add rule inet f in tcp sport 9 drop'");
    let (check, shown) = pair.run("tcp: {host: 192.0.2.1, port: 7, timeout: 300ms}");
    assert_eq!(check["facts"]["outcome"], "refused", "{shown}");
    pair.far.setup("nft 'insert rule inet f in tcp dport 7 drop'");
    let (check, shown) = pair.run("tcp: {host: 192.0.2.1, port: 7, timeout: 300ms}");
    assert_eq!(check["facts"]["outcome"], "timeout", "{shown}");
    assert!(shown.contains("perhaps this host") && shown.contains("nft list ruleset"), "{shown}");
}
