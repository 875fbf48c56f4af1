//! An address that is taken from a device, or given to one.

use serde::{Deserialize, Serialize};

use super::control;
use super::network::{Address, Network};
use super::snapshot::Snapshot;
use super::tool::{Tool, installed};

/// Whether it is taken or given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The device loses it.
    Remove,
    /// The device gets it.
    Add,
}

/// `ip address del ADDRESS dev DEVICE`, or `add`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressChange {
    /// Which of both.
    pub kind: ChangeKind,
    /// Address and length of its prefix: `192.0.2.10/24`.
    pub address: String,
    /// The device.
    pub device: String,
    /// The network namespace it is in; the one of this process when left out.
    pub netns: Option<String>,
}

impl AddressChange {
    pub(super) async fn prepare(&self) -> Result<AddressUndo, String> {
        installed(&["ip"])?;
        let network = self.network();
        let (device, address) = (&self.device, &self.address);
        let link = network.link(device).await?;
        let has = find(&link.addresses, address).is_some();
        match self.kind {
            ChangeKind::Remove if !has => {
                let own: Vec<String> = link.addresses.iter().map(Address::text).collect();
                let own = if own.is_empty() { "none".into() } else { own.join(", ") };
                return Err(format!("{device} has no address {address} that could be removed; it has {own}"));
            }
            ChangeKind::Remove => control::must_not_lose_address(&network, address)?,
            ChangeKind::Add if has => return Err(format!("{device} has the address {address} already")),
            ChangeKind::Add => {}
        }
        let before = Snapshot::take(self.netns.as_deref(), device).await?;
        Ok(AddressUndo { added: (self.kind == ChangeKind::Add).then(|| self.clone()), before })
    }

    pub(super) async fn inject(&self) -> Result<(), String> {
        self.command().run().await
    }

    pub(super) async fn in_effect(&self) -> Result<(), String> {
        let (device, address) = (&self.device, &self.address);
        let has = self.is_there().await?;
        match self.kind {
            ChangeKind::Remove if has => Err(format!("{device} has the address {address} all the same")),
            ChangeKind::Add if !has => Err(format!("{device} has no address {address} all the same")),
            _ => Ok(()),
        }
    }

    /// Why it is not in place any more; `None` while it is, and where that cannot be told. One that is given again may be so by the
    /// daemon whose address it is, and then the service has recovered.
    pub(super) async fn ended_early(&self) -> Option<String> {
        let gone = self.kind == ChangeKind::Add && !self.is_there().await.ok()?;
        gone.then(|| format!("{} has no address {} any more", self.device, self.address))
    }

    pub(super) fn shell_text(&self) -> String {
        self.command().shell_text()
    }

    async fn is_there(&self) -> Result<bool, String> {
        let link = self.network().link(&self.device).await?;
        Ok(find(&link.addresses, &self.address).is_some())
    }

    fn network(&self) -> Network<'_> {
        Network::of(self.netns.as_deref())
    }

    fn command(&self) -> Tool {
        let verb = match self.kind {
            ChangeKind::Remove => "del",
            ChangeKind::Add => "add",
        };
        self.network().ip().args(["address", verb, &self.address, "dev", &self.device])
    }
}

/// The address `ADDRESS/LENGTH` among these.
fn find<'a>(addresses: &'a [Address], wanted: &str) -> Option<&'a Address> {
    addresses.iter().find(|own| format!("{}/{}", own.local, own.prefixlen) == wanted)
}

/// The addresses and routes of a device as they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressUndo {
    /// It was given this one.
    added: Option<AddressChange>,
    before: Snapshot,
}

impl AddressUndo {
    pub(super) async fn restore(&self) -> Result<(), String> {
        if let Some(added) = &self.added
            && !added.network().is_gone()
            && added.is_there().await?
        {
            removal(added).command().run().await?;
        }
        self.before.restore().await
    }

    pub(super) async fn verify(&self) -> Result<(), String> {
        if let Some(added) = &self.added
            && !added.network().is_gone()
            && added.is_there().await?
        {
            return Err(format!("{} still has the address {}", added.device, added.address));
        }
        self.before.verify().await
    }

    pub(super) fn by_hand(&self) -> String {
        match &self.added {
            Some(added) => removal(added).shell_text(),
            None => self.before.by_hand(),
        }
    }
}

fn removal(added: &AddressChange) -> AddressChange {
    AddressChange { kind: ChangeKind::Remove, ..added.clone() }
}
