//! Why something is not broken as it was to be, and what to do about it.

use serde::{Deserialize, Serialize};

use super::Disruption;

/// The cause and the advice are told apart, so that a report has each in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisruptionProblem {
    /// The cause, for people.
    pub cause: String,
    /// Advice.
    pub next: String,
    /// What was to be broken; empty where the cause says it.
    #[serde(default)]
    pub place: String,
}

impl Disruption {
    /// What keeps it from being done, with what to try.
    pub(in crate::guard) fn problem(&self, cause: String) -> DisruptionProblem {
        let next = match self {
            Self::Link(_) | Self::Partition(_) | Self::Address(_) => {
                "see whether the device is as the suite has it (`ip address` there), and whether this user may change it: that takes root"
            }
            Self::Drop(_) => {
                "see whether the kernel here can do it (`nft list ruleset` as root), and whether `device` and `netns` are there"
            }
            Self::Process(_) => {
                "see whether the process runs (`ps -ef`), and whether this user may signal it: that takes root for another user's"
            }
            Self::Proxy(_) => "run it again; if it comes back, report it as a defect of shakedown",
            Self::Haproxy(_) => {
                "check `socket` and `server` of the disruption with the command that `shakedown plan` shows"
            }
            Self::Http(_) => {
                "check the URL, the headers and the rights of the disruption with the command that `shakedown plan` shows, and see the log of that API"
            }
            Self::Ssh(_) => "check it with the command that `shakedown plan` shows: it must work without a question",
            Self::DnsUpdate(_) => {
                "check `server`, `zone`, `name` and `key` of the disruption with the command that `shakedown plan` shows, and see the log of that server"
            }
        };
        DisruptionProblem { cause, next: next.to_owned(), place: self.subject() }
    }
}
