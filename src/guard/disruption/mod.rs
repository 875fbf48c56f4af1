//! Built-in disruptions: what each does, whether it took effect, and exactly what undoes it.
//!
//! - [`Disruption::prepare`] looks and changes nothing. What it hands back is enough to undo the disruption even for a process that knows
//!   nothing else: the present state is in it.
//! - An [`Undo`] may be restored twice, and when the thing is already back. It is verified by reading the state back.
//! - What is done to this host is done by `ip`, `nft` and signals: a command in a text for people does the same as this program. What is
//!   elsewhere is broken by a command there (`ssh`), by an update of a zone, or over an API.

mod address;
mod control;
mod dns_update;
mod haproxy;
mod http;
pub(super) mod in_place;
mod inverse;
mod link;
mod network;
mod nft;
mod packets;
mod partition;
mod problem;
mod process;
mod proxy;
mod routes;
mod snapshot;
mod ssh;
mod tool;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use address::{AddressChange, AddressUndo, ChangeKind};
pub use dns_update::{DnsKey, DnsRecords, DnsUndo, DnsUpdate};
pub use haproxy::{HaproxyChange, HaproxyServer, HaproxyUndo, OutState};
pub use http::{HttpChange, HttpProof, HttpRequestSpec, HttpRoots, HttpTerms, HttpUndo};
pub use link::{LinkDown, LinkUndo};
pub use nft::NftUndo;
pub use packets::{DropDirection, DroppedProtocol, PacketDrop};
pub use partition::Partition;
pub use problem::DisruptionProblem;
pub use process::{ProcessSignal, ProcessTarget, SignalUndo, SignalWord};
pub use proxy::{ImpairedProxy, ProxyImpairment, ProxyUndo};
pub use ssh::{SshCommand, SshHost, SshUndo};

use super::CommandSpec;
use super::secrets::HoldsSecrets;
use crate::model::Text;

/// Something that is broken on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disruption {
    /// A network device goes down.
    Link(LinkDown),
    /// IP packets are dropped.
    Drop(PacketDrop),
    /// A device neither receives nor sends a frame.
    Partition(Partition),
    /// A process gets a signal.
    Process(ProcessSignal),
    /// An address is taken from a device, or given to one.
    Address(AddressChange),
    /// A proxy of the run impairs what passes it.
    Proxy(ProxyImpairment),
    /// HAProxy takes a server out.
    Haproxy(HaproxyChange),
    /// A request has somebody else break it.
    Http(Box<HttpChange>),
    /// A command on another host.
    Ssh(SshCommand),
    /// Records of a name are others.
    DnsUpdate(Box<DnsUpdate>),
}

/// What undoes a step of a disruption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// A command of the suite.
    Command(CommandSpec),
    /// A device goes up again, with what it had lost.
    Link(LinkUndo),
    /// An nft table is deleted.
    Nft(NftUndo),
    /// A stopped process continues.
    Signal(SignalUndo),
    /// An address is put back, or taken away again.
    Address(AddressUndo),
    /// A proxy of the run impairs nothing any more.
    Proxy(ProxyUndo),
    /// HAProxy uses a server again.
    Haproxy(HaproxyUndo),
    /// A request has somebody else put it back.
    Http(Box<HttpUndo>),
    /// A command on another host.
    Ssh(Box<SshUndo>),
    /// A name has the records that it had.
    DnsUpdate(Box<DnsUndo>),
}

/// Why something could not be undone.
#[derive(Debug)]
pub(super) struct Unrestored {
    pub(super) why: String,
    /// Somebody else has changed it: no trial undoes that, and nobody should but who knows what is to be there.
    pub(super) is_left_alone: bool,
}

impl Unrestored {
    fn left_alone(why: String) -> Self {
        Self { why, is_left_alone: true }
    }
}

impl From<String> for Unrestored {
    fn from(why: String) -> Self {
        Self { why, is_left_alone: false }
    }
}

/// What stands before the output of a command in a reason.
pub(super) const OUTPUT: &str = "; it said: ";

/// What this program does by itself to this host takes this long only when something is broken.
const BUILT_IN: Duration = Duration::from_secs(25);
/// Behind why something could not be undone that needs no undoing.
pub const UNCHANGED: &str = "; but it is as it was before";
/// Looking whether it is still in place takes this long at most: meanwhile it is broken for longer than was asked for.
pub(super) const LOOK: Duration = Duration::from_secs(2);

/// The longest that each part of a disruption can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeLimits {
    /// Beyond a moment.
    pub(super) prepare: Duration,
    pub(super) inject: Duration,
    pub(super) restore: Duration,
    pub(super) verify: Duration,
}

impl TimeLimits {
    /// Of what is done to this host.
    const OF_HOST: Self = Self { prepare: Duration::ZERO, inject: BUILT_IN, restore: BUILT_IN, verify: BUILT_IN };
}

impl Disruption {
    /// Looks at the present state and changes nothing: what undoes the disruption, in the order of injecting. `Err` says why it
    /// cannot be done, and what to do about it. It also finds whom [`Self::inject`] then meets: the very processes that the undo names.
    pub async fn prepare(&mut self) -> Result<Vec<Undo>, String> {
        match self {
            Self::Link(link) => Ok(vec![Undo::Link(link.prepare().await?)]),
            Self::Drop(drop) => Ok(vec![Undo::Nft(drop.prepare().await?)]),
            Self::Partition(partition) => Ok(vec![Undo::Nft(partition.prepare().await?)]),
            Self::Process(signal) => Ok(signal.prepare().await?.into_iter().map(Undo::Signal).collect()),
            Self::Address(change) => Ok(vec![Undo::Address(change.prepare().await?)]),
            Self::Proxy(proxy) => Ok(vec![Undo::Proxy(proxy.prepare().await?)]),
            Self::Haproxy(change) => Ok(vec![Undo::Haproxy(change.prepare().await?)]),
            Self::Http(change) => {
                Ok(change.prepare().await?.into_iter().map(|undo| Undo::Http(Box::new(undo))).collect())
            }
            Self::Ssh(far) => Ok(vec![Undo::Ssh(Box::new(far.prepare().await?))]),
            Self::DnsUpdate(update) => Ok(vec![Undo::DnsUpdate(Box::new(update.prepare().await?))]),
        }
    }

    /// Does it. Call [`Self::prepare`] first, and keep what it gave where a crash cannot take it.
    pub async fn inject(&self) -> Result<(), String> {
        match self {
            Self::Link(link) => link.inject().await,
            Self::Drop(drop) => drop.inject().await,
            Self::Partition(partition) => partition.inject().await,
            Self::Process(signal) => signal.inject(),
            Self::Address(change) => change.inject().await,
            Self::Proxy(proxy) => proxy.inject().await,
            Self::Haproxy(change) => change.inject().await,
            Self::Http(change) => change.inject().await,
            Self::Ssh(far) => far.inject().await,
            Self::DnsUpdate(update) => update.inject().await,
        }
    }

    /// Whether it took effect: `Err` when it did not.
    pub async fn in_effect(&self) -> Result<(), String> {
        match self {
            Self::Link(link) => link.in_effect().await,
            Self::Drop(drop) => drop.in_effect().await,
            Self::Partition(partition) => partition.in_effect().await,
            Self::Process(signal) => signal.in_effect().await,
            Self::Address(change) => change.in_effect().await,
            Self::Proxy(proxy) => proxy.in_effect().await,
            Self::Haproxy(change) => change.in_effect().await,
            Self::Http(change) => change.in_effect().await,
            // It was looked at there, where a path that was cut does not matter.
            Self::Ssh(_) => Ok(()),
            Self::DnsUpdate(update) => update.in_effect().await,
        }
    }

    /// Nobody looks whether it took effect, for people: what it is.
    #[must_use]
    pub fn blind(&self) -> Option<String> {
        match self {
            Self::Ssh(far) if far.is_blind() => Some(format!("`ssh` to {}", far.host.destination)),
            Self::Http(change) if change.undo.is_some() && change.verify.is_none() => Some("`http`".to_owned()),
            _ => None,
        }
    }

    /// The proxies of the run that it impairs.
    #[must_use]
    pub fn of_proxies(&self) -> Option<&ProxyImpairment> {
        if let Self::Proxy(proxy) = self { Some(proxy) } else { None }
    }

    /// What of this host it is done to: nothing else may break the same meanwhile.
    #[must_use]
    pub fn subject(&self) -> String {
        let inside = |netns: &Option<String>| netns.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        let (device, netns) = match self {
            Self::Link(link) => (&link.device, &link.netns),
            Self::Partition(partition) => (&partition.device, &partition.netns),
            Self::Address(change) => (&change.device, &change.netns),
            Self::Drop(PacketDrop { device: Some(device), netns, .. }) => (device, netns),
            Self::Drop(drop) => return format!("packets{}", inside(&drop.netns)),
            Self::Process(signal) => return format!("process {}", signal.target.text()),
            Self::Proxy(proxy) => return proxy.subject(),
            Self::Haproxy(change) => return change.subject(),
            Self::Http(change) => return change.subject(),
            Self::Ssh(far) => return far.subject(),
            Self::DnsUpdate(update) => return update.subject(),
        };
        format!("device {device}{}", inside(netns))
    }

    /// What is done, as one line for a shell.
    #[must_use]
    pub fn shell_text(&self) -> String {
        match self {
            Self::Link(link) => link.shell_text(),
            Self::Drop(drop) => drop.shell_text(),
            Self::Partition(partition) => partition.shell_text(),
            Self::Process(signal) => signal.shell_text(),
            Self::Address(change) => change.shell_text(),
            Self::Proxy(proxy) => proxy.shell_text(),
            Self::Haproxy(change) => change.shell_text(),
            Self::Http(change) => change.shell_text(),
            Self::Ssh(far) => far.shell_text(),
            Self::DnsUpdate(update) => update.shell_text(),
        }
    }

    /// The longest that each part of it can take.
    pub(super) fn limits(&self) -> TimeLimits {
        match self {
            Self::Ssh(far) => far.limits(),
            Self::DnsUpdate(_) => DnsUpdate::limits(),
            _ => TimeLimits::OF_HOST,
        }
    }
}

impl Undo {
    /// Puts things back. May be done twice, and when they are back.
    pub async fn restore(&self) -> Result<(), String> {
        match self {
            Self::Command(command) => {
                let result = command.run().await;
                if result.succeeded() { Ok(()) } else { Err(result.failure_text()) }
            }
            Self::Link(link) => link.restore().await,
            Self::Nft(table) => table.restore().await,
            Self::Signal(process) => process.restore(),
            Self::Address(address) => address.restore().await,
            Self::Proxy(proxy) => proxy.restore().await,
            Self::Haproxy(server) => server.restore().await.map_err(|failed| failed.why),
            Self::Http(request) => request.restore().await,
            Self::Ssh(far) => far.restore().await.map(drop),
            Self::DnsUpdate(update) => update.restore().await.map_err(|failed| failed.why),
        }
    }

    /// The same; the text says why nothing that was seen meanwhile can be judged, or is empty.
    pub(super) async fn restore_with_doubts(&self) -> Result<String, Unrestored> {
        let restored = match self {
            Self::Ssh(far) => far.restore().await.map_err(Unrestored::from),
            Self::DnsUpdate(update) => update.restore().await.map(|()| String::new()),
            Self::Haproxy(server) => server.restore().await.map(|()| String::new()),
            _ => self.restore().await.map(|()| String::new()).map_err(Unrestored::from),
        };
        match restored {
            // Nothing was changed, or somebody else has put it back: then there is nothing left to undo.
            Err(unrestored) if self.is_back().await => Ok(format!("{}{UNCHANGED}", unrestored.why)),
            restored => restored,
        }
    }

    /// Whether its own state shows that it is as it was.
    async fn is_back(&self) -> bool {
        match self {
            // Of the one nobody knows; the other looks in the same breath as it undoes.
            Self::Command(_) | Self::Ssh(_) => false,
            Self::Http(request) => request.is_back().await,
            built_in => built_in.verify().await.is_ok(),
        }
    }

    /// Its side that the journal asks for secrets; `None` of one that cannot have any.
    fn holder_mut(&mut self) -> Option<&mut dyn HoldsSecrets> {
        match self {
            Self::Command(command) => Some(command),
            Self::Http(request) => Some(&mut **request),
            Self::DnsUpdate(update) => Some(&mut **update),
            Self::Link(_)
            | Self::Nft(_)
            | Self::Signal(_)
            | Self::Address(_)
            | Self::Proxy(_)
            | Self::Haproxy(_)
            | Self::Ssh(_) => None,
        }
    }

    /// Whether what a text has for a shell is what this program runs; else it speaks with somebody itself, to the same effect.
    pub(super) fn is_by_command(&self) -> bool {
        !matches!(self, Self::DnsUpdate(_) | Self::Http(_) | Self::Haproxy(_) | Self::Proxy(_))
    }

    /// It leaves alone what somebody else has changed meanwhile.
    pub(super) fn leaves_alone(&self) -> bool {
        matches!(self, Self::DnsUpdate(_) | Self::Haproxy(_))
    }

    /// It tries for as long as that may help: once more is of no use.
    pub(super) fn is_patient(&self) -> bool {
        matches!(self, Self::Ssh(_))
    }

    /// The longest that each part of it can take.
    pub(super) fn limits(&self) -> TimeLimits {
        match self {
            Self::Ssh(far) => far.limits(),
            Self::DnsUpdate(_) => DnsUpdate::limits(),
            _ => TimeLimits::OF_HOST,
        }
    }

    /// Whether things are back, by what this host says now: `Err` when they are not. Of a command of the suite only the suite knows.
    pub async fn verify(&self) -> Result<(), String> {
        match self {
            Self::Command(_) => Ok(()),
            Self::Link(link) => link.verify().await,
            Self::Nft(table) => table.verify().await,
            Self::Signal(process) => process.verify().await,
            Self::Address(address) => address.verify().await,
            Self::Proxy(proxy) => proxy.verify().await,
            Self::Haproxy(server) => server.verify().await,
            Self::Http(request) => request.verify().await,
            Self::Ssh(far) => far.verify().await,
            Self::DnsUpdate(update) => update.verify().await,
        }
    }

    /// The same by hand, as one line for a shell.
    #[must_use]
    pub fn by_hand(&self) -> String {
        match self {
            Self::Command(command) => command.shell_text(),
            Self::Link(link) => link.by_hand(),
            Self::Nft(table) => table.by_hand(),
            Self::Signal(process) => process.by_hand(),
            Self::Address(address) => address.by_hand(),
            Self::Proxy(proxy) => proxy.by_hand(),
            Self::Haproxy(server) => server.by_hand(),
            Self::Http(request) => request.by_hand(),
            Self::Ssh(far) => far.by_hand(),
            Self::DnsUpdate(update) => update.by_hand(),
        }
    }

    /// It undoes what the kernel or a process of this host keeps: after a restart of this host nothing of it is left, and its numbers
    /// and names mean something else.
    fn is_of_boot(&self) -> bool {
        match self {
            Self::Command(_) | Self::Http(_) | Self::Ssh(_) | Self::DnsUpdate(_) => false,
            Self::Haproxy(server) => server.is_of_this_host(),
            _ => true,
        }
    }

    /// Why nothing of it is left to undo, for people; `None` when something may be. `rebooted` since it was kept.
    #[must_use]
    pub fn void(&self, rebooted: bool) -> Option<&'static str> {
        match self {
            Self::Proxy(proxy) if !rebooted && proxy.has_ended() => Some("the run has ended, and its proxies with it"),
            one if rebooted && one.is_of_boot() => Some("the system was started again since, so nothing is left of it"),
            _ => None,
        }
    }
}

impl HoldsSecrets for Undo {
    fn title(&self) -> String {
        self.clone().holder_mut().map_or_else(|| self.by_hand(), |holder| holder.title())
    }

    fn texts_mut(&mut self) -> Vec<&mut Text> {
        self.holder_mut().map(|holder| holder.texts_mut()).unwrap_or_default()
    }

    fn reads(&self) -> BTreeSet<String> {
        self.clone().holder_mut().map(|holder| holder.reads()).unwrap_or_default()
    }
}
