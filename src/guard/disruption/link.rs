//! A network device that goes down, and comes back with the addresses and routes it had: `up` alone is no inverse.

use serde::{Deserialize, Serialize};

use super::control;
use super::network::Network;
use super::snapshot::Snapshot;
use super::tool::{Tool, installed};

/// `ip link set DEV down`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDown {
    /// The device.
    pub device: String,
    /// The network namespace it is in; the one of this process when left out.
    pub netns: Option<String>,
}

impl LinkDown {
    pub(super) async fn prepare(&self) -> Result<LinkUndo, String> {
        installed(&["ip"])?;
        let network = self.network();
        let link = network.link(&self.device).await?;
        if link.is_loopback() {
            return Err(format!(
                "{} is the loopback device, without which nothing on this host finds itself",
                self.device
            ));
        }
        if !link.is_up() {
            return Err(format!("{} is down already, so taking it down would change nothing", self.device));
        }
        control::must_not_lose(&network, &self.device).await?;
        Ok(LinkUndo(Snapshot::take(self.netns.as_deref(), &self.device).await?))
    }

    pub(super) async fn inject(&self) -> Result<(), String> {
        self.command().run().await
    }

    pub(super) async fn in_effect(&self) -> Result<(), String> {
        let link = self.network().link(&self.device).await?;
        if link.is_up() { Err(format!("{} is up all the same", self.device)) } else { Ok(()) }
    }

    /// Why it is not in place any more; `None` while it is, and where that cannot be told.
    pub(super) async fn ended_early(&self) -> Option<String> {
        let link = self.network().link(&self.device).await.ok()?;
        link.is_up().then(|| format!("{} is up", self.device))
    }

    pub(super) fn shell_text(&self) -> String {
        self.command().shell_text()
    }

    fn network(&self) -> Network<'_> {
        Network::of(self.netns.as_deref())
    }

    fn command(&self) -> Tool {
        self.network().ip().args(["link", "set", "dev", &self.device, "down"])
    }
}

/// A device as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkUndo(Snapshot);

impl LinkUndo {
    pub(super) async fn restore(&self) -> Result<(), String> {
        self.0.restore().await
    }

    pub(super) async fn verify(&self) -> Result<(), String> {
        self.0.verify().await
    }

    pub(super) fn by_hand(&self) -> String {
        self.0.by_hand()
    }
}
