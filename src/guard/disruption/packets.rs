//! IP packets that are dropped by an nft table of their own.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Which way packets go, seen from this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    Both,
    /// What arrives.
    In,
    /// What leaves.
    Out,
}

/// A protocol, by the name that people use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP, of both IP versions.
    Icmp,
    /// Virtual Router Redundancy Protocol.
    Vrrp,
    /// Bidirectional Forwarding Detection, single hop and multihop.
    Bfd,
    /// BGP.
    Bgp,
    /// OSPF.
    Ospf,
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
    pub protocol: Option<Protocol>,
    /// Only those from or to this port of TCP and UDP.
    pub port: Option<u16>,
    /// Which way they go.
    pub direction: Direction,
    /// So many of ten thousand, at random.
    pub loss: u16,
}

/// An nft table that was not there before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NftUndo {
    netns: Option<String>,
    family: String,
    table: String,
}

impl PacketDrop {
    pub(super) async fn prepare(&self) -> Result<NftUndo, String> {
        Err("not yet".into())
    }

    pub(super) async fn inject(&self) -> Result<(), String> {
        Err("not yet".into())
    }

    pub(super) async fn in_effect(&self) -> Result<(), String> {
        Err("not yet".into())
    }

    pub(super) fn shell_text(&self) -> String {
        String::new()
    }
}

impl NftUndo {
    pub(super) async fn restore(&self) -> Result<(), String> {
        Err("not yet".into())
    }

    pub(super) async fn verify(&self) -> Result<(), String> {
        Err("not yet".into())
    }

    pub(super) fn by_hand(&self) -> String {
        String::new()
    }
}
