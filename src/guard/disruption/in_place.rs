//! Whether what was broken is still as it was left. What somebody else put back meanwhile did not recover by itself.

use futures_util::future::join_all;
use tokio::time::timeout;

use super::{Disruption, DisruptionProblem, LOOK};

/// Where the look is one at the service itself.
const BY_ITSELF: &str = "find out who put it back, and run it again; where the service is meant to put it back by itself, as what restarts it does, \
                         leave `verify` out of the disruption";
const BY_ANOTHER: &str = "find out who put it back, or what was reloaded, and run it again";

/// Why the first of these that is not in place any more is not; all of them are looked at together, for a moment.
pub(in crate::guard) async fn ended_early<'a>(
    disruptions: impl Iterator<Item = &'a Disruption> + Send,
) -> Option<DisruptionProblem> {
    // What does not answer so soon tells nothing, and is not left broken for longer.
    let looks = disruptions.map(|one| async { timeout(LOOK, Box::pin(one.ended_early())).await.ok().flatten() });
    join_all(looks).await.into_iter().flatten().next()
}

impl Disruption {
    /// Why it is no longer broken as it was left, although nobody has asked to restore it. `None` while it is, and where that
    /// cannot be told: then what undoes it decides.
    pub async fn ended_early(&self) -> Option<DisruptionProblem> {
        let (found, next) = match self {
            Self::Link(link) => (link.ended_early().await, BY_ANOTHER),
            Self::Drop(drop) => (drop.ended_early().await, BY_ANOTHER),
            Self::Partition(partition) => (partition.ended_early().await, BY_ANOTHER),
            Self::Process(signal) => (signal.ended_early(), BY_ANOTHER),
            Self::Address(change) => (change.ended_early().await, BY_ANOTHER),
            // Only this run reaches its proxies, and some are meant to end by themselves.
            Self::Proxy(_) => (None, BY_ANOTHER),
            Self::Haproxy(change) => (change.ended_early().await, BY_ANOTHER),
            Self::Http(change) => (change.ended_early().await, BY_ITSELF),
            // Told by what undoes it, which is on that host already.
            Self::Ssh(_) => (None, BY_ITSELF),
            Self::DnsUpdate(update) => (update.ended_early().await, BY_ANOTHER),
        };
        found.map(|cause| DisruptionProblem { cause, next: next.to_owned(), place: String::new() })
    }
}
