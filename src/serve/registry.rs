//! Where data streams meet their tests: TCP streams by cookie, UDP streams by the host they come from.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::host;
use crate::proto::iperf3::frame::Cookie;

/// A data connection and its place in the order of acceptance: cookies may be read in another order than streams came.
pub(super) type AcceptedStream = (u64, TcpStream);

/// The tests that wait for streams.
#[derive(Debug)]
pub(super) struct StreamRegistry {
    port: u16,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    streams: HashMap<Cookie, mpsc::Sender<AcceptedStream>>,
    hellos: HashMap<IpAddr, HelloReceiver>,
    hello_locks: HashMap<IpAddr, Arc<tokio::sync::Mutex<()>>>,
}

/// A test that waits for hellos.
#[derive(Debug)]
struct HelloReceiver {
    sender: mpsc::Sender<SocketAddr>,
    source: HelloSource,
}

/// Whose hellos are meant for a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HelloSource {
    /// Only those from the host that asked for it: the test sends to where a hello came from, and anybody can write
    /// another's address into one.
    ControlHost,
    /// Any, as long as no other test waits: a client with several addresses may send data from another one than control.
    AnyHost,
}

/// The entry of a test; dropping it takes it out.
pub(super) struct Registration<'r> {
    registry: &'r StreamRegistry,
    key: Key,
}

enum Key {
    Cookie(Cookie),
    Host(IpAddr),
}

impl StreamRegistry {
    pub(super) fn new(port: u16) -> Self {
        Self { port, inner: Mutex::default() }
    }

    /// The port the server listens on.
    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a data connection to the test of `cookie`. Gives it back when no test has that cookie: then it opens one.
    pub(super) fn deliver_stream(&self, cookie: &Cookie, number: u64, stream: TcpStream) -> Option<TcpStream> {
        let sender = self.inner().streams.get(cookie).cloned();
        match sender {
            None => Some(stream),
            // A full or closed queue means more streams than agreed: the connection is dropped.
            Some(sender) => {
                let _ = sender.try_send((number, stream));
                None
            }
        }
    }

    /// Registers a test for data connections. `None` when the cookie is taken.
    pub(super) fn register_streams(
        &self,
        cookie: &Cookie,
        most: usize,
    ) -> Option<(Registration<'_>, mpsc::Receiver<AcceptedStream>)> {
        let (sender, receiver) = mpsc::channel(most.max(1));
        let mut inner = self.inner();
        if inner.streams.contains_key(cookie) {
            return None;
        }
        inner.streams.insert(*cookie, sender);
        Some((Registration { registry: self, key: Key::Cookie(*cookie) }, receiver))
    }

    /// Hands a hello to the test that waits for `peer`, or to a single one that takes any.
    pub(super) fn deliver_hello(&self, peer: SocketAddr) {
        let inner = self.inner();
        let single = if inner.hellos.len() == 1 { inner.hellos.values().next() } else { None };
        let single = single.filter(|expected| expected.source == HelloSource::AnyHost);
        if let Some(expected) = inner.hellos.get(&host(peer)).or(single) {
            let _ = expected.sender.try_send(peer);
        }
    }

    /// A hello carries no cookie, so tests from one host open their UDP streams one after the other: the holder of this
    /// lock is the one that is meant.
    pub(super) fn hello_lock(&self, peer: SocketAddr) -> Arc<tokio::sync::Mutex<()>> {
        let mut inner = self.inner();
        inner.hello_locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(inner.hello_locks.entry(host(peer)).or_default())
    }

    /// Registers a test for hellos from the host of `peer`; its [`Self::hello_lock`] must be held.
    pub(super) fn register_hellos(
        &self,
        peer: SocketAddr,
        source: HelloSource,
        most: usize,
    ) -> (Registration<'_>, mpsc::Receiver<SocketAddr>) {
        let (sender, receiver) = mpsc::channel(most.max(1));
        self.inner().hellos.insert(host(peer), HelloReceiver { sender, source });
        (Registration { registry: self, key: Key::Host(host(peer)) }, receiver)
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        let mut inner = self.registry.inner();
        match &self.key {
            Key::Cookie(cookie) => drop(inner.streams.remove(cookie)),
            Key::Host(host) => drop(inner.hellos.remove(host)),
        }
    }
}
