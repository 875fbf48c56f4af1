//! A client that comes back with a session it was given, and the keepsakes it is known by.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, NamedGroup};
use tokio::net::TcpStream;

use super::handshake::{Handshake, Offer, Way, config, shake};
use super::kind::Asked;
use super::recorder::Notebook;
use super::trust::Loaded;
use crate::model::Fault;

/// One client that collects the sessions it is given. Before a visit one of them may be drawn, and is offered then. A TLS 1.3
/// ticket is offered once (RFC 8446, C.4), an older session as often as it is drawn.
#[derive(Debug)]
pub struct Returning {
    config: Arc<ClientConfig>,
    keepsake: Arc<Keepsake>,
    notebook: Notebook,
    name: ServerName<'static>,
    known: bool,
    peer: SocketAddr,
}

impl Returning {
    /// A client without a session.
    pub fn new(loaded: &Loaded, offer: &Offer, peer: SocketAddr) -> Result<Self, Fault> {
        let (notebook, keepsake) = (Notebook::default(), Arc::new(Keepsake::new(Keep::Drawn)));
        // One configuration for all visits: a session is only valid with the verifier it was made under.
        let mut config = config(Asked::Any, loaded, offer, &notebook, peer)?;
        config.resumption = Resumption::store(keepsake.clone());
        let known = loaded.client.is_some();
        Ok(Self { config: Arc::new(config), keepsake, notebook, name: offer.named(), known, peer })
    }

    /// Shakes hands over `stream` within `patience`, then waits for a ticket at most `late`.
    pub async fn visit(&self, stream: TcpStream, patience: Duration, late: Duration) -> Result<Handshake, Fault> {
        let way = Way { peer: self.peer, known: self.known, name: self.name.clone() };
        let mut shaken = shake(stream, way, self.config.clone(), &self.notebook, patience).await?;
        shaken.hear_ticket(late).await?;
        // What was drawn for this visit and not offered is offered no more.
        self.keepsake.open().drawn = Drawn::default();
        Ok(shaken)
    }

    /// Draws the session for the next visit: `pick` chooses one of so many. False when there is none.
    pub fn draw(&self, pick: impl FnOnce(usize) -> usize) -> bool {
        let mut state = self.keepsake.open();
        let State { old, new, drawn, .. } = &mut *state;
        let count = old.len() + new.len();
        if count == 0 {
            return false;
        }
        let index = pick(count) % count;
        match index.checked_sub(old.len()) {
            None => drawn.old = old.get(index).cloned(),
            Some(index) => drawn.new = Some(new.swap_remove(index)),
        }
        true
    }
}

/// Which sessions are offered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// None.
    Nothing,
    /// The latest.
    Latest,
    /// The one that [`Returning::draw`] chose.
    Drawn,
}

/// Sessions kept for [`Keep::Latest`]: servers hand out two tickets at a time.
const LATEST: usize = 4;
/// Sessions kept for [`Keep::Drawn`].
const COLLECTED: usize = 4096;

#[derive(Debug, Default)]
struct Drawn {
    old: Option<Tls12ClientSessionValue>,
    new: Option<Tls13ClientSessionValue>,
}

#[derive(Debug, Default)]
struct State {
    /// The group the server chose, so that the next ClientHello brings a share of it.
    group: Option<NamedGroup>,
    old: Vec<Tls12ClientSessionValue>,
    new: Vec<Tls13ClientSessionValue>,
    drawn: Drawn,
}

/// The sessions of one client with one server.
#[derive(Debug)]
pub(super) struct Keepsake {
    keep: Keep,
    state: Mutex<State>,
}

impl Keepsake {
    pub(super) fn new(keep: Keep) -> Self {
        Self { keep, state: Mutex::default() }
    }

    fn open(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put<T>(&self, session: T, among: impl FnOnce(&mut State) -> &mut Vec<T>) {
        let most = match self.keep {
            Keep::Nothing => return,
            Keep::Latest => LATEST,
            Keep::Drawn => COLLECTED,
        };
        let mut state = self.open();
        let sessions = among(&mut state);
        if sessions.len() >= most {
            sessions.remove(0);
        }
        sessions.push(session);
    }
}

impl ClientSessionStore for Keepsake {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.open().group = Some(group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.open().group
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.put(value, |state| &mut state.old);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        let state = self.open();
        if self.keep == Keep::Drawn { state.drawn.old.clone() } else { state.old.last().cloned() }
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        if self.keep == Keep::Latest {
            self.open().old.clear();
        }
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.put(value, |state| &mut state.new);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let mut state = self.open();
        if self.keep == Keep::Drawn { state.drawn.new.take() } else { state.new.pop() }
    }
}
