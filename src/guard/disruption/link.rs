//! A network device that goes down.

use serde::{Deserialize, Serialize};

/// `ip link set DEV down`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDown {
    /// The device.
    pub device: String,
    /// The network namespace it is in; the one of this process when left out.
    pub netns: Option<String>,
}

/// A device as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkUndo {
    device: String,
    netns: Option<String>,
}

impl LinkDown {
    pub(super) async fn prepare(&self) -> Result<LinkUndo, String> {
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

impl LinkUndo {
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
