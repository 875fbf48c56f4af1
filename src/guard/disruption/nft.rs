//! An nft table of our own: loaded at once or not at all, ended by the kernel when its time is over, and deleted without a trace.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tool::{Tool, installed};
use crate::model::shell;

/// What a table sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Family {
    /// Packets of both IP versions.
    Inet,
    /// Frames of a device.
    Netdev,
}

impl Family {
    const fn word(self) -> &'static str {
        match self {
            Self::Inet => "inet",
            Self::Netdev => "netdev",
        }
    }
}

/// A table whose rules ask the set `active`: its elements end by themselves.
#[derive(Debug)]
pub(super) struct Ruleset {
    pub(super) netns: Option<String>,
    pub(super) family: Family,
    pub(super) table: String,
    pub(super) hold: Duration,
    /// What the elements of `active` are.
    pub(super) key: &'static str,
    pub(super) elements: Vec<String>,
    /// Its chains.
    pub(super) body: String,
}

impl Ruleset {
    /// In one line.
    fn text(&self) -> String {
        let limit = self.hold.as_millis().max(1);
        let elements: Vec<String> =
            self.elements.iter().map(|element| format!("{element} timeout {limit}ms")).collect();
        format!(
            "table {} {} {{ set active {{ {}; flags timeout; elements = {{ {} }}; }}; {}}}",
            self.family.word(),
            self.table,
            self.key,
            elements.join(", "),
            self.body,
        )
    }

    /// What the kernel would say of it, without loading it.
    pub(super) async fn prepare(&self) -> Result<NftUndo, String> {
        installed(if self.netns.is_some() { &["ip", "nft"] } else { &["nft"] })?;
        let checked = self.nft().args(["-c", "-f", "-"]).input(self.text()).run().await;
        checked.map_err(|why| {
            let remedy = if why.contains("not permitted") {
                "run it as root: `sudo shakedown …`"
            } else {
                "the kernel refuses the rules; see which part of nf_tables it lacks (`modprobe nf_tables`, `uname -r`)"
            };
            format!("{why}; {remedy}")
        })?;
        Ok(self.undo())
    }

    /// In one transaction. A table of this name that is still there gives way.
    pub(super) async fn load(&self) -> Result<(), String> {
        let name = format!("{} {}", self.family.word(), self.table);
        let batch = format!("table {name}\ndelete table {name}\n{}\n", self.text());
        self.nft().args(["-f", "-"]).input(batch).run().await
    }

    /// Whether the kernel has it, and its time is not over.
    pub(super) async fn loaded(&self) -> Result<(), String> {
        let listed = self.nft().args(["-j", "list", "table", self.family.word(), &self.table]).output().await?;
        let listed: Value = serde_json::from_slice(listed.as_bytes()).map_err(|error| error.to_string())?;
        let parts = || listed["nftables"].as_array().into_iter().flatten();
        let alive = parts().filter_map(|part| part["set"]["elem"].as_array()).map(Vec::len).sum::<usize>();
        let rules = parts().filter(|part| part.get("rule").is_some()).count();
        let wanted = self.body.matches("drop;").count();
        if alive < self.elements.len() {
            return Err(format!("the time of the nft table {} is over: it drops nothing any more", self.table));
        }
        if rules != wanted {
            return Err(format!("the nft table {} has {rules} of {wanted} rules", self.table));
        }
        Ok(())
    }

    /// Why it is not loaded any more, as after a firewall was reloaded; `None` while it is, and where that cannot be told.
    pub(super) async fn ended_early(&self) -> Option<String> {
        let undo = self.undo();
        if !undo.is_there().await.ok()? {
            return Some(format!("the nft table {} is gone", self.table));
        }
        self.loaded().await.err()
    }

    fn undo(&self) -> NftUndo {
        NftUndo { netns: self.netns.clone(), family: self.family, table: self.table.clone() }
    }

    pub(super) fn shell_text(&self) -> String {
        format!("{} {}", self.nft().shell_text(), shell::word(&self.text()))
    }

    fn nft(&self) -> Tool {
        Tool::nft(self.netns.as_deref())
    }
}

/// An nft table that was not there before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NftUndo {
    netns: Option<String>,
    family: Family,
    table: String,
}

impl NftUndo {
    pub(super) async fn restore(&self) -> Result<(), String> {
        // Made first where it is gone, so that deleting it cannot fail for that.
        let name = format!("{} {}", self.family.word(), self.table);
        let batch = format!("table {name}\ndelete table {name}\n");
        Tool::nft(self.netns.as_deref()).args(["-f", "-"]).input(batch).run().await
    }

    pub(super) async fn verify(&self) -> Result<(), String> {
        if self.is_there().await? { Err(format!("the nft table {} is still there", self.table)) } else { Ok(()) }
    }

    async fn is_there(&self) -> Result<bool, String> {
        let listed = Tool::nft(self.netns.as_deref()).args(["-j", "list", "tables"]).output().await?;
        let listed: Value = serde_json::from_slice(listed.as_bytes()).map_err(|error| error.to_string())?;
        let mut tables = listed["nftables"].as_array().into_iter().flatten().map(|part| &part["table"]);
        Ok(tables.any(|table| table["family"] == self.family.word() && table["name"] == *self.table))
    }

    pub(super) fn by_hand(&self) -> String {
        Tool::nft(self.netns.as_deref()).args(["delete", "table", self.family.word(), &self.table]).shell_text()
    }
}
