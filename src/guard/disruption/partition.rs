//! A device that neither receives nor sends a frame, ARP included.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::NftUndo;

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
