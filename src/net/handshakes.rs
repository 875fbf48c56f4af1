//! Handshakes of checks take turns: at most two at once towards one address and port. A server with a short queue of
//! connections would drop what this side sends at once, and look as if it were down. The wait is this side's own: it counts
//! neither as time to connect nor against any patience ([`super::deadline`]).
//!
//! A server that takes up its connections slowly has a full queue all the same, as each one that is established stays in it
//! until then. A SYN without an answer soon after other handshakes of this run is therefore given up and sent again a little
//! later, some times, before its silence is the server's.
//!
//! Only what runs inside [`of_check`] takes turns: loads and probe streams, which keep a schedule on threads and tasks of
//! their own, do not.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::model::Interface;

/// Handshakes towards one address at once.
const AT_ONCE: usize = 2;

/// A connection established this recently may still be in the server's queue.
const RECENT: Duration = Duration::from_secs(3);
/// Behind such connections an answer to a SYN is waited for so long at least, or for so many of their round trips.
const SOON: Duration = Duration::from_millis(250);
const ROUND_TRIPS: u32 = 4;
/// Addresses that nobody dials are forgotten when there are more than this.
const KEPT: usize = 1024;

/// An address, in the network namespace of a check and by the interface it chooses: in another one it may be another host's.
type Peer = (Option<Arc<str>>, Option<Interface>, SocketAddr);

/// Addresses that somebody dials, waits to, or dialled a moment ago.
static PEERS: LazyLock<Mutex<HashMap<Peer, PeerState>>> = LazyLock::new(Mutex::default);

/// Turns towards an address, and the last handshake there that succeeded: when, and how long it took.
#[derive(Debug)]
struct PeerState {
    turns: Arc<Semaphore>,
    established: Option<(Instant, Duration)>,
}

impl PeerState {
    fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), established: None }
    }

    fn recent(&self) -> Option<Duration> {
        self.established.filter(|(at, _)| at.elapsed() < RECENT).map(|(_, took)| took)
    }

    /// Somebody dials, waits to, or did so a moment ago.
    fn in_use(&self) -> bool {
        Arc::strong_count(&self.turns) > 1 || self.recent().is_some()
    }
}

tokio::task_local! {
    static CHECK: CheckScope;
}

/// The check that a handshake belongs to.
#[derive(Clone, Debug)]
struct CheckScope {
    netns: Option<Arc<str>>,
    waits: Arc<Mutex<Waits>>,
}

/// How long a check has waited for its turns.
#[derive(Debug, Default)]
struct Waits {
    ended: Duration,
    /// Handshakes of the check that wait now, and since when there is one.
    waiting: usize,
    since: Option<Instant>,
}

impl Waits {
    fn total(&self) -> Duration {
        self.ended + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// Runs a measurement of a check in this network namespace: its handshakes take turns with those of others there.
pub async fn of_check<F: Future>(netns: Option<Arc<str>>, measurement: F) -> F::Output {
    CHECK.scope(CheckScope { netns, waits: Arc::default() }, measurement).await
}

/// How long the check waited for its turns since a moment. Zero outside of [`of_check`].
#[derive(Debug)]
pub struct Waited(Duration);

impl Waited {
    /// From now on.
    #[must_use]
    pub fn so_far() -> Self {
        Self(total())
    }

    /// The wait since then, one that goes on included.
    #[must_use]
    pub fn since(&self) -> Duration {
        total().saturating_sub(self.0)
    }
}

/// How long the check has waited for its turns so far.
#[must_use]
pub fn waited() -> Duration {
    total()
}

/// Time that a check spent on its own behalf, which counts against no patience either.
pub(super) fn not_counted(length: Duration) {
    let _ = CHECK.try_with(|check| lock(&check.waits).ended += length);
}

fn total() -> Duration {
    CHECK.try_with(|check| lock(&check.waits).total()).unwrap_or_default()
}

/// A turn to make a handshake; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    peer: Peer,
    permit: Option<OwnedSemaphorePermit>,
}

/// Waits for a turn towards `peer`; `None` at once for what takes none.
pub(super) async fn turn(peer: SocketAddr, interface: Option<Interface>) -> Option<Turn> {
    let CheckScope { netns, waits } = CHECK.try_with(CheckScope::clone).ok()?;
    let peer = (netns, interface, peer);
    let turns = Arc::clone(&lock(&PEERS).entry(peer.clone()).or_insert_with(PeerState::new).turns);
    if let Ok(permit) = Arc::clone(&turns).try_acquire_owned() {
        return Some(Turn { peer, permit: Some(permit) });
    }
    let waiting = WaitGuard::begin(waits);
    // It is never closed.
    let permit = turns.acquire_owned().await.ok();
    drop(waiting);
    Some(Turn { peer, permit })
}

impl Turn {
    /// How long to wait for an answer to a SYN, where connections of this run may fill the server's queue; `None` where there
    /// are none.
    pub(super) fn crowded(&self) -> Option<Duration> {
        let took = lock(&PEERS).get(&self.peer)?.recent()?;
        Some(SOON.max(took * ROUND_TRIPS))
    }

    /// The handshake succeeded in this time.
    pub(super) fn established(&self, took: Duration) {
        if let Some(peer) = lock(&PEERS).get_mut(&self.peer) {
            peer.established = Some((Instant::now(), took));
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut dialled = lock(&PEERS);
        if dialled.get(&self.peer).is_some_and(|peer| !peer.in_use()) {
            dialled.remove(&self.peer);
        }
        if dialled.len() > KEPT {
            dialled.retain(|_, peer| peer.in_use());
        }
    }
}

/// A wait, ended on every path.
struct WaitGuard(Arc<Mutex<Waits>>);

impl WaitGuard {
    fn begin(waits: Arc<Mutex<Waits>>) -> Self {
        let mut own = lock(&waits);
        own.waiting += 1;
        own.since = own.since.or_else(|| Some(Instant::now()));
        drop(own);
        Self(waits)
    }
}

impl Drop for WaitGuard {
    fn drop(&mut self) {
        let mut own = lock(&self.0);
        own.waiting -= 1;
        if own.waiting == 0 {
            let length = own.since.take().map_or(Duration::ZERO, |since| since.elapsed());
            own.ended += length;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::time::{Instant, sleep};

    use super::{AT_ONCE, PEERS, Waited, lock, of_check, turn};
    use crate::net::deadline::within;

    const SECOND: Duration = Duration::from_secs(1);

    fn peer(last: u8) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, last], 1))
    }

    /// A handshake of a second; how long its turn was waited for.
    async fn shake(peer: SocketAddr) -> Duration {
        let waited = Waited::so_far();
        let _turn = turn(peer, None).await;
        // By the paused clock.
        sleep(SECOND).await;
        waited.since()
    }

    #[tokio::test(start_paused = true)]
    async fn two_at_once_towards_one_address_and_any_number_towards_others() {
        let start = Instant::now();
        let waits = join_all((0..6).map(|_| of_check(None, shake(peer(77))))).await;
        assert_eq!(start.elapsed(), SECOND * 3);
        let waits: Vec<u64> = waits.iter().map(Duration::as_secs).collect();
        assert_eq!(waits, [0, 0, 1, 1, 2, 2]);
        let start = Instant::now();
        join_all((0..6).map(|of| of_check(Some(format!("n{of}").into()), shake(peer(77))))).await;
        assert_eq!(start.elapsed(), SECOND, "in another network namespace it is another host");
        let start = Instant::now();
        join_all((0..6).map(|last| of_check(None, shake(peer(80 + last))))).await;
        assert_eq!(start.elapsed(), SECOND);
        assert!(!lock(&PEERS).contains_key(&(None, None, peer(77))), "nothing is kept of addresses that nobody dials");
        let turn = of_check(None, turn(peer(77), None)).await.unwrap();
        assert_eq!(turn.crowded(), None);
        turn.established(SECOND);
        assert_eq!(turn.crowded(), Some(SECOND * 4), "a server far away answers later");
        // The clock stands still otherwise: after three seconds the others are forgotten.
        sleep(SECOND * 3).await;
        assert_eq!(turn.crowded(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn loads_take_no_turns() {
        let start = Instant::now();
        join_all((0..6).map(|_| shake(peer(78)))).await;
        assert_eq!(start.elapsed(), SECOND);
    }

    /// Patience of 1.5 s is enough for a handshake of a second, however long its turn is waited for.
    #[tokio::test(start_paused = true)]
    async fn the_wait_for_a_turn_uses_up_no_patience() {
        let patient = || of_check(None, within(SECOND * 3 / 2, shake(peer(79))));
        let ended = join_all((0..4 * AT_ONCE).map(|_| patient())).await;
        assert!(ended.iter().all(Result::is_ok), "{ended:?}");
        let hangs = of_check(
            None,
            within(SECOND, async {
                let _turn = turn(peer(79), None).await;
                std::future::pending::<()>().await;
            }),
        );
        assert!(hangs.await.is_err(), "but what hangs after its turn came does");
    }
}
