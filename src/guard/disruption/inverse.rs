//! What undoes a disruption, for people, before the state of this host is known.

use super::tool::Tool;
use super::{AddressChange, ChangeKind, Disruption, ProcessSignal, SignalWord};

impl Disruption {
    /// What undoes it, as one line for a shell; `None` where only the suite knows.
    #[must_use]
    pub fn inverse(&self) -> Option<String> {
        let table = |netns: &Option<String>, family: &str, table: &str| {
            Tool::nft(netns.as_deref()).args(["delete", "table", family, table]).shell_text()
        };
        match self {
            Self::Link(link) => {
                let up = Tool::ip(link.netns.as_deref()).args(["link", "set", "dev", &link.device, "up"]);
                Some(format!("{}  # and its addresses and routes, as they were", up.shell_text()))
            }
            Self::Drop(drop) => Some(table(&drop.netns, "inet", &drop.table)),
            Self::Partition(partition) => Some(table(&partition.netns, "netdev", &partition.table)),
            Self::Process(signal) => {
                let back = match signal.signal {
                    SignalWord::Stop => SignalWord::Cont,
                    SignalWord::Cont => SignalWord::Stop,
                    SignalWord::Kill | SignalWord::Term => return None,
                };
                let undo = ProcessSignal::new(back, signal.target.clone(), signal.children, signal.has_restore);
                Some(undo.shell_text())
            }
            Self::Address(change) => {
                let kind = match change.kind {
                    ChangeKind::Remove => ChangeKind::Add,
                    ChangeKind::Add => ChangeKind::Remove,
                };
                Some(AddressChange { kind, ..change.clone() }.shell_text())
            }
            Self::Proxy(proxy) => Some(proxy.inverse()),
            Self::Haproxy(change) => Some(change.inverse()),
            Self::Http(change) => change.inverse(),
            Self::Ssh(far) => Some(far.inverse()),
            Self::DnsUpdate(update) => Some(update.inverse()),
        }
    }
}
