//! Connections to one server that stay open between requests. Each carries one request at a time: one that stalls holds up no other.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::http::response::Parts;
use tokio::time::Instant;

use super::client::Channel;
use super::{Observer, Outgoing, Phase, Version};
use crate::net::clock::MeasuredTime;
use crate::proto::tls::certificate::Certificate;

/// Connections without a request that are kept.
const MOST: usize = 64;
/// What a burst left over is closed by this side once it was not needed for so long, and not counted as lost when the server does.
const UNNEEDED: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Clone, Default)]
pub struct KeptConnections(Arc<Kept>);

#[derive(Default)]
struct Kept {
    /// Those without a request, the one used last at the end.
    idle: Mutex<Vec<IdleConnection>>,
    opened: AtomicU64,
    lost: AtomicU64,
}

struct IdleConnection {
    connection: KeptConnection,
    since: Instant,
}

/// A connection that carried requests before.
pub(super) struct KeptConnection {
    pub(super) channel: Channel<Outgoing>,
    pub(super) version: Version,
    pub(super) heard: Heard,
    pub(super) close_state: CloseState,
}

/// How a connection ends. A server that closes it may have said so before, or its end may be heard of first.
#[derive(Clone)]
pub(super) struct CloseState {
    kept: Arc<Kept>,
    state: Arc<AtomicU8>,
}

/// Nothing is known yet.
const OPEN: u8 = 0;
/// It has ended, and counts as lost.
const LOST: u8 = 1;
/// The server said that it closes it.
const ANNOUNCED: u8 = 2;

impl CloseState {
    /// It ended otherwise than by this side.
    pub(super) fn end(&self) {
        if self.state.compare_exchange(OPEN, LOST, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.kept.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What a response says of it (RFC 9112, section 9.3). An end that is announced loses nothing.
    pub(super) fn hear(&self, head: &Parts) {
        if announces_end(head) && self.state.swap(ANNOUNCED, Ordering::AcqRel) == LOST {
            self.kept.lost.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn announces_end(head: &Parts) -> bool {
    let options = head.headers.get_all(hyper::header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut options = options.flat_map(|value| value.split(',')).map(str::trim);
    if head.version == hyper::Version::HTTP_10 {
        !options.any(|option| option.eq_ignore_ascii_case("keep-alive"))
    } else {
        options.any(|option| option.eq_ignore_ascii_case("close"))
    }
}

impl KeptConnections {
    /// Connections that were made so far.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.0.opened.load(Ordering::Relaxed)
    }

    /// Those of them that ended otherwise than by this side.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<IdleConnection>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that is open and carries no request.
    pub(super) fn take(&self) -> Option<KeptConnection> {
        let mut idle = self.idle();
        idle.retain(|idle| !idle.connection.channel.is_closed());
        let ready = idle.iter().rposition(|idle| idle.connection.channel.is_ready());
        let taken = ready.map(|at| idle.remove(at).connection);
        idle.retain(|idle| idle.since.elapsed() < UNNEEDED);
        taken
    }

    /// A connection was made.
    pub(super) fn count_opened(&self) {
        self.0.opened.fetch_add(1, Ordering::Relaxed);
    }

    /// How a connection that is made ends.
    pub(super) fn close_state(&self) -> CloseState {
        CloseState { kept: Arc::clone(&self.0), state: Arc::default() }
    }

    /// Takes a connection back.
    pub(super) fn keeps(
        &self,
        version: Version,
        heard: Heard,
        close_state: CloseState,
    ) -> impl FnOnce(Channel<Outgoing>) + Send + 'static + use<> {
        let kept = self.clone();
        move |channel| {
            let mut idle = kept.idle();
            if idle.len() < MOST && !channel.is_closed() {
                let connection = KeptConnection { channel, version, heard, close_state };
                idle.push(IdleConnection { connection, since: Instant::now() });
            }
        }
    }
}

/// What an observer hears of a connection while it is made, for the requests after the first.
#[derive(Clone, Default)]
pub(super) struct Heard {
    address: Option<IpAddr>,
    leaf: Option<Box<Certificate>>,
    trusted: Option<String>,
}

impl Heard {
    pub(super) fn tell(&self, observer: &mut impl Observer) {
        if let Some(address) = self.address {
            observer.connects_to(address);
        }
        if let Some(leaf) = &self.leaf {
            observer.certificate(leaf);
        }
        if let Some(note) = &self.trusted {
            observer.trusted(note);
        }
    }
}

/// Remembers what `observer` hears.
pub(super) struct Listener<'o, O> {
    observer: &'o mut O,
    pub(super) heard: Heard,
}

impl<'o, O> Listener<'o, O> {
    pub(super) fn of(observer: &'o mut O) -> Self {
        Self { observer, heard: Heard::default() }
    }
}

impl<O: Observer> Observer for Listener<'_, O> {
    fn begins(&mut self, phase: Phase) {
        self.observer.begins(phase);
    }

    fn ended(&mut self, phase: Phase, took: MeasuredTime) {
        self.observer.ended(phase, took);
    }

    fn resolved(&mut self, addresses: &[IpAddr]) {
        self.observer.resolved(addresses);
    }

    fn connects_to(&mut self, address: IpAddr) {
        self.heard.address = Some(address);
        self.observer.connects_to(address);
    }

    fn proxied(&mut self, word: &'static str, status: Option<u16>) {
        self.observer.proxied(word, status);
    }

    fn certificate(&mut self, leaf: &Certificate) {
        self.heard.leaf = Some(Box::new(leaf.clone()));
        self.observer.certificate(leaf);
    }

    fn trusted(&mut self, note: &str) {
        self.heard.trusted = Some(note.to_owned());
        self.observer.trusted(note);
    }

    fn noted(&mut self, note: String) {
        self.observer.noted(note);
    }
}

#[cfg(test)]
mod tests {
    use super::KeptConnections;

    fn head(version: hyper::Version, connection: Option<&str>) -> hyper::http::response::Parts {
        let mut response = hyper::Response::builder().version(version);
        if let Some(options) = connection {
            response = response.header("connection", options);
        }
        response.body(()).unwrap().into_parts().0
    }

    #[test]
    fn an_end_that_the_server_announced_loses_nothing() {
        use hyper::Version;
        for (version, connection, lost) in [
            (Version::HTTP_11, None, 1),
            (Version::HTTP_11, Some("keep-alive"), 1),
            (Version::HTTP_11, Some("upgrade, Close"), 0),
            (Version::HTTP_10, None, 0),
            (Version::HTTP_10, Some("Keep-Alive"), 1),
            (Version::HTTP_2, None, 1),
        ] {
            for end_first in [false, true] {
                let kept = KeptConnections::default();
                let close_state = kept.close_state();
                if end_first {
                    close_state.end();
                    close_state.hear(&head(version, connection));
                } else {
                    close_state.hear(&head(version, connection));
                    close_state.end();
                }
                assert_eq!(kept.lost(), lost, "{version:?} {connection:?} {end_first}");
            }
        }
    }
}
