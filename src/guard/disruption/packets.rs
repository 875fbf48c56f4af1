//! IP packets that are dropped, by an nft table that nothing else is in.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::network::Network;
use super::nft::{Family, NftUndo, Ruleset};
use crate::model::argument::choices;

choices! {
    /// Which way packets go, seen from this host.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum DropDirection {
        /// Both ways.
        Both = "both",
        /// What arrives.
        In = "in",
        /// What leaves.
        Out = "out",
    }
}

choices! {
    /// A protocol, by the name that people use.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum DroppedProtocol {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
        /// ICMP of both IP versions, but for what finds neighbours and routers.
        Icmp = "icmp",
        /// Virtual Router Redundancy Protocol.
        Vrrp = "vrrp",
        /// Bidirectional Forwarding Detection, its echo and that over several hops too.
        Bfd = "bfd",
        /// BGP.
        Bgp = "bgp",
        /// OSPF.
        Ospf = "ospf",
    }
}

/// Packets that are dropped, and for how long at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketDrop {
    /// Name of the table, which nobody else has.
    pub table: String,
    /// The kernel ends it after this time, whatever became of this program.
    pub hold: Duration,
    /// The network namespace; the one of this process when left out.
    pub netns: Option<String>,
    /// Only those of this device.
    pub device: Option<String>,
    /// Only those from and to this address, or `ADDRESS/LENGTH`.
    pub peer: Option<String>,
    /// Only those of this protocol.
    pub protocol: Option<DroppedProtocol>,
    /// Only those from or to this port of TCP and UDP.
    pub port: Option<u16>,
    /// Which way they go.
    pub direction: DropDirection,
    /// So many of ten thousand, at random.
    pub loss: u16,
}

/// All of ten thousand.
const ALL: u16 = 10_000;

impl PacketDrop {
    pub(super) async fn prepare(&self) -> Result<NftUndo, String> {
        if let Some(device) = &self.device {
            // A rule for a device that is not there would drop nothing, in silence.
            Network::of(self.netns.as_deref()).link(device).await?;
        }
        self.ruleset().prepare().await
    }

    pub(super) async fn inject(&self) -> Result<(), String> {
        self.ruleset().load().await
    }

    pub(super) async fn in_effect(&self) -> Result<(), String> {
        self.ruleset().loaded().await
    }

    /// Why it is not in place any more; `None` while it is, and where that cannot be told.
    pub(super) async fn ended_early(&self) -> Option<String> {
        self.ruleset().ended_early().await
    }

    pub(super) fn shell_text(&self) -> String {
        self.ruleset().shell_text()
    }

    fn ruleset(&self) -> Ruleset {
        let ways = [
            (DropDirection::In, "in", "prerouting", "iifname", "saddr"),
            (DropDirection::Out, "out", "postrouting", "oifname", "daddr"),
        ];
        let mut body = String::new();
        for (_, chain, hook, device, peer) in
            ways.into_iter().filter(|(way, ..)| self.direction == *way || self.direction == DropDirection::Both)
        {
            // Before connection tracking: what is dropped was never seen.
            let _ = write!(body, "chain {chain} {{ type filter hook {hook} priority -300; policy accept; ");
            for protocol in self.protocols() {
                body.push_str("meta nfproto @active ");
                if let Some(name) = &self.device {
                    let _ = write!(body, "{device} \"{name}\" ");
                }
                if let Some(address) = &self.peer {
                    let _ = write!(body, "{} {peer} {address} ", if address.contains(':') { "ip6" } else { "ip" });
                }
                body.push_str(&protocol);
                if self.loss < ALL {
                    let _ = write!(body, "numgen random mod {ALL} < {} ", self.loss);
                }
                body.push_str("counter drop; ");
            }
            body.push_str("}; ");
        }
        Ruleset {
            netns: self.netns.clone(),
            family: Family::Inet,
            table: self.table.clone(),
            hold: self.hold,
            key: "typeof meta nfproto",
            elements: vec!["ipv4".into(), "ipv6".into()],
            body,
        }
    }

    /// What the packets are, each in the words of one rule. No packet meets two of them: it would be lost twice as often.
    fn protocols(&self) -> Vec<String> {
        const NEIGHBOURS: &str =
            "{ nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect }";
        let ports = |protocol: &str, port: u16| {
            vec![
                format!("meta l4proto {protocol} th dport {port} "),
                format!("meta l4proto {protocol} th dport != {port} th sport {port} "),
            ]
        };
        let word = match (self.protocol, self.port) {
            (None, None) => "",
            (None, Some(port)) => return ports("{ tcp, udp }", port),
            (Some(DroppedProtocol::Tcp), Some(port)) => return ports("tcp", port),
            (Some(DroppedProtocol::Udp), Some(port)) => return ports("udp", port),
            (Some(DroppedProtocol::Bgp), _) => return ports("tcp", 179),
            (Some(DroppedProtocol::Tcp), None) => "meta l4proto tcp ",
            (Some(DroppedProtocol::Udp), None) => "meta l4proto udp ",
            (Some(DroppedProtocol::Icmp), _) => {
                return vec![
                    "meta l4proto icmp ".into(),
                    format!("meta l4proto ipv6-icmp icmpv6 type != {NEIGHBOURS} "),
                ];
            }
            (Some(DroppedProtocol::Vrrp), _) => "meta l4proto 112 ",
            (Some(DroppedProtocol::Ospf), _) => "meta l4proto 89 ",
            (Some(DroppedProtocol::Bfd), _) => "udp dport { 3784, 3785, 4784 } ",
        };
        vec![word.into()]
    }
}
