//! An address that is taken from a device, or given to one.

use serde::{Deserialize, Serialize};

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

/// The addresses and routes of a device as they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressUndo {
    device: String,
    netns: Option<String>,
}

impl AddressChange {
    pub(super) async fn prepare(&self) -> Result<AddressUndo, String> {
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

impl AddressUndo {
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
