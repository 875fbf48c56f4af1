//! Where data streams meet their tests: TCP streams by cookie, UDP streams by the host they come from.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::{Limits, host};
use crate::proto::iperf3::frame::Cookie;

/// A data connection and its place in the order of acceptance: cookies may be read in another order than streams came.
pub(super) type Numbered = (u64, TcpStream);

/// The tests that wait for streams.
#[derive(Debug)]
pub(super) struct Lobby {
    port: u16,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    streams: HashMap<Cookie, mpsc::Sender<Numbered>>,
    hellos: HashMap<IpAddr, Expected>,
    seats: HashMap<IpAddr, usize>,
    gates: HashMap<IpAddr, Arc<tokio::sync::Mutex<()>>>,
}

/// A test that waits for hellos.
#[derive(Debug)]
struct Expected {
    sender: mpsc::Sender<SocketAddr>,
    reach: Reach,
}

/// Whose hellos are meant for a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only those from the host that asked for it: the test sends to where a hello came from, and anybody can write
    /// another's address into one.
    Host,
    /// Any, as long as no other test waits: a client with several addresses may send data from another one than control.
    Any,
}

/// One of the tests at a time.
#[derive(Debug)]
pub(super) struct Seat<'l> {
    lobby: &'l Lobby,
    host: IpAddr,
}

/// A test's place in the lobby; leaving is dropping it.
pub(super) struct Place<'l> {
    lobby: &'l Lobby,
    key: Key,
}

enum Key {
    Cookie(Cookie),
    Host(IpAddr),
}

impl Lobby {
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
    pub(super) fn deliver(&self, cookie: &Cookie, number: u64, stream: TcpStream) -> Option<TcpStream> {
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

    /// Opens a test for data connections. `None` when the cookie is taken.
    pub(super) fn expect_streams(&self, cookie: &Cookie, most: usize) -> Option<(Place<'_>, mpsc::Receiver<Numbered>)> {
        let (sender, receiver) = mpsc::channel(most.max(1));
        let mut inner = self.inner();
        if inner.streams.contains_key(cookie) {
            return None;
        }
        inner.streams.insert(*cookie, sender);
        Some((Place { lobby: self, key: Key::Cookie(*cookie) }, receiver))
    }

    /// A seat for a test of `peer`; `None` when all are taken, or this host has its share.
    pub(super) fn sit(&self, peer: SocketAddr, limits: &Limits) -> Option<Seat<'_>> {
        let mut inner = self.inner();
        let host = host(peer);
        let (all, own) = (inner.seats.values().sum::<usize>(), inner.seats.get(&host).copied().unwrap_or_default());
        if all >= limits.sessions || own >= limits.per_host() {
            return None;
        }
        inner.seats.insert(host, own + 1);
        Some(Seat { lobby: self, host })
    }

    /// Tells the test that waits for `peer`, or a single one that takes any.
    pub(super) fn hello(&self, peer: SocketAddr) {
        let inner = self.inner();
        let single = if inner.hellos.len() == 1 { inner.hellos.values().next() } else { None };
        let single = single.filter(|expected| expected.reach == Reach::Any);
        if let Some(expected) = inner.hellos.get(&host(peer)).or(single) {
            let _ = expected.sender.try_send(peer);
        }
    }

    /// A hello carries no cookie, so tests from one host open their UDP streams one after the other: the holder of this
    /// lock is the one that is meant.
    pub(super) fn gate(&self, peer: SocketAddr) -> Arc<tokio::sync::Mutex<()>> {
        let mut inner = self.inner();
        inner.gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        Arc::clone(inner.gates.entry(host(peer)).or_default())
    }

    /// Opens a test for hellos from the host of `peer`; its gate must be held.
    pub(super) fn expect_hellos(
        &self,
        peer: SocketAddr,
        reach: Reach,
        most: usize,
    ) -> (Place<'_>, mpsc::Receiver<SocketAddr>) {
        let (sender, receiver) = mpsc::channel(most.max(1));
        self.inner().hellos.insert(host(peer), Expected { sender, reach });
        (Place { lobby: self, key: Key::Host(host(peer)) }, receiver)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut inner = self.lobby.inner();
        let left = inner.seats.get(&self.host).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            inner.seats.remove(&self.host);
        } else {
            inner.seats.insert(self.host, left);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut inner = self.lobby.inner();
        match &self.key {
            Key::Cookie(cookie) => drop(inner.streams.remove(cookie)),
            Key::Host(host) => drop(inner.hellos.remove(host)),
        }
    }
}
