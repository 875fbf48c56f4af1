//! Faults: "the harness could not look". Never what was seen.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why nothing could be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The check's budget was used up.
    Deadline,
    /// The deadline of the whole run passed before the check ended, or before it could start.
    RunDeadline,
    /// The run was interrupted.
    Cancelled,
    /// The probe panicked: a defect of shakedown.
    Panicked,
    /// A change of the check could not be put back.
    NotRestored,
    /// Missing permission, a broken fixture, an empty measurement: this side could not look.
    Local,
}

impl FaultKind {
    /// The word in reports; JUnit's type is `fault.` and this word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::RunDeadline => "run_deadline",
            Self::Cancelled => "cancelled",
            Self::Panicked => "panicked",
            Self::NotRestored => "not_restored",
            Self::Local => "local",
        }
    }
}

/// A fault names the operation, the peer, what happened and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// Why.
    pub kind: FaultKind,
    /// The operation ("open ICMP socket"); empty where the cause says it all.
    pub operation: String,
    /// With whom; empty when there is no peer.
    pub peer: String,
    /// The cause, in the system's words.
    pub detail: String,
    /// Advice.
    pub remedy: String,
}

impl Fault {
    /// A fault of this side of the wire.
    pub fn local(
        operation: impl Into<String>,
        peer: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(FaultKind::Local, operation, peer, detail, remedy)
    }

    /// One of this side whose cause says it all: it is told first.
    pub fn caused(peer: impl Into<String>, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::local("", peer, detail, remedy)
    }

    /// Any fault.
    pub fn new(
        kind: FaultKind,
        operation: impl Into<String>,
        peer: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let detail = without_number(detail.into());
        Self { kind, operation: operation.into(), peer: peer.into(), detail, remedy: remedy.into() }
    }
}

/// The system's words for an error say it; its number helps nobody who reads a report.
fn without_number(mut detail: String) -> String {
    while let Some(start) = detail.find(" (os error ") {
        let Some(length) = detail[start..].find(')') else { break };
        detail.replace_range(start..=start + length, "");
    }
    detail
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of what ran and was cut short nothing else is to be told.
        if matches!(self.kind, FaultKind::Deadline | FaultKind::RunDeadline | FaultKind::Cancelled) {
            return f.write_str(&self.detail);
        }
        if self.operation.is_empty() {
            f.write_str(&self.detail)?;
            return if self.peer.is_empty() { Ok(()) } else { write!(f, " ({})", self.peer) };
        }
        write!(f, "could not {}", self.operation)?;
        if !self.peer.is_empty() {
            write!(f, " ({})", self.peer)?;
        }
        write!(f, ": {}", self.detail)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::Fault;

    #[test]
    fn a_cause_that_says_it_all_comes_first() {
        let told = |peer: &str| Fault::caused(peer, "HAProxy has no backend `x`", "name another one").to_string();
        assert_eq!(told("haproxy /run/x"), "HAProxy has no backend `x` (haproxy /run/x)");
        assert_eq!(told(""), "HAProxy has no backend `x`");
        assert_eq!(Fault::local("look", "x", "gone", "").to_string(), "could not look (x): gone");
    }
}
