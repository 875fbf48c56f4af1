//! A device that neither receives nor sends a frame, ARP included.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::control;
use super::network::Network;
use super::nft::{Family, NftUndo, Ruleset};

/// Every frame of a device is dropped, both ways, and for how long at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Name of the table, which nobody else has.
    pub table: String,
    /// The kernel ends it after this time, whatever became of this program.
    pub hold: Duration,
    /// The device.
    pub device: String,
    /// The network namespace it is in; the one of this process when left out.
    pub netns: Option<String>,
}

impl Partition {
    pub(super) async fn prepare(&self) -> Result<NftUndo, String> {
        let network = Network::of(self.netns.as_deref());
        let link = network.link(&self.device).await?;
        if !link.is_up() {
            return Err(format!("{} is down already, so a partition would change nothing", self.device));
        }
        control::must_not_lose(&network, &self.device).await?;
        let old = "frames that leave are dropped by the egress hook of nftables, which Linux has since 5.16";
        self.ruleset()
            .prepare()
            .await
            .map_err(|why| if why.contains("not supported") { format!("{why}; {old}") } else { why })
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
        let device = format!("\"{}\"", self.device);
        let chain = |hook: &str, key: &str| {
            format!(
                "chain {hook} {{ type filter hook {hook} device {device} priority -500; policy accept; {key} @active counter drop; }}; "
            )
        };
        Ruleset {
            netns: self.netns.clone(),
            family: Family::Netdev,
            table: self.table.clone(),
            hold: self.hold,
            key: "type ifname",
            body: chain("ingress", "iifname") + &chain("egress", "oifname"),
            elements: vec![device],
        }
    }
}
