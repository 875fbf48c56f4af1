//! The sessions a client was given by a server, and which of them it offers again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;

/// Which sessions are offered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    /// None.
    None,
    /// The latest.
    Latest,
    /// The one that [`SessionStore::choose`] chose.
    Chosen,
}

/// Sessions kept for [`Reuse::Latest`]: servers hand out two tickets at a time.
const LATEST: usize = 4;
/// Sessions kept for [`Reuse::Chosen`].
const COLLECTED: usize = 4096;

#[derive(Debug, Default)]
struct ChosenSession {
    old: Option<Tls12ClientSessionValue>,
    new: Option<Tls13ClientSessionValue>,
}

#[derive(Debug, Default)]
struct StoreState {
    /// The group the server chose, so that the next ClientHello brings a share of it.
    group: Option<NamedGroup>,
    old: Vec<Tls12ClientSessionValue>,
    new: Vec<Tls13ClientSessionValue>,
    chosen: ChosenSession,
}

/// The sessions of one client with one server.
#[derive(Debug)]
pub(super) struct SessionStore {
    reuse: Reuse,
    state: Mutex<StoreState>,
}

impl SessionStore {
    pub(super) fn new(reuse: Reuse) -> Self {
        Self { reuse, state: Mutex::default() }
    }

    /// Chooses the session to offer next: `pick` chooses one of so many. False when there is none.
    pub(super) fn choose(&self, pick: impl FnOnce(usize) -> usize) -> bool {
        let mut state = self.open();
        let StoreState { old, new, chosen, .. } = &mut *state;
        let count = old.len() + new.len();
        if count == 0 {
            return false;
        }
        let index = pick(count) % count;
        match index.checked_sub(old.len()) {
            None => chosen.old = old.get(index).cloned(),
            Some(index) => chosen.new = Some(new.swap_remove(index)),
        }
        true
    }

    /// Offers no more what was chosen and not offered.
    pub(super) fn forget_choice(&self) {
        self.open().chosen = ChosenSession::default();
    }

    fn open(&self) -> MutexGuard<'_, StoreState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put<T>(&self, session: T, among: impl FnOnce(&mut StoreState) -> &mut Vec<T>) {
        let most = match self.reuse {
            Reuse::None => return,
            Reuse::Latest => LATEST,
            Reuse::Chosen => COLLECTED,
        };
        let mut state = self.open();
        let sessions = among(&mut state);
        if sessions.len() >= most {
            sessions.remove(0);
        }
        sessions.push(session);
    }
}

impl ClientSessionStore for SessionStore {
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
        if self.reuse == Reuse::Chosen { state.chosen.old.clone() } else { state.old.last().cloned() }
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        if self.reuse == Reuse::Latest {
            self.open().old.clear();
        }
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.put(value, |state| &mut state.new);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let mut state = self.open();
        if self.reuse == Reuse::Chosen { state.chosen.new.take() } else { state.new.pop() }
    }
}
