//! One proxy: what its tasks share. All of them run on one thread, so a change is in place for every byte that moves after it.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use super::ProxyConfig;
use super::frontend::Frontend;
use super::impairment::{FlowDirection, Impairment, Rule};
use super::pace::{self, TokenBucket};
use super::queue::Memory;
use crate::net::{Origin, this_host};
use crate::stats::splitmix::SplitMix;

/// Read at once; all tasks of the thread share the buffer.
pub(super) const SCRATCH: usize = 256 << 10;

/// How it impairs, and since which change.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Setting {
    pub(super) number: u64,
    pub(super) impairment: Impairment,
}

impl Setting {
    pub(super) fn rule(&self, way: FlowDirection) -> Rule {
        self.impairment.rule(way)
    }
}

/// The first of failures. Of what the proxies themselves could not do: what passed them then is not the target's doing. Of targets that
/// they did not reach: what clients saw then is none of the proxy's.
#[derive(Clone, Debug, Default)]
pub(super) struct FirstFailure(Arc<Mutex<Option<String>>>);

impl FirstFailure {
    pub(super) fn note(&self, what: impl FnOnce() -> String) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() {
            *first = Some(what());
        }
    }

    pub(super) fn first(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the tasks of a proxy share.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) config: ProxyConfig,
    setting: watch::Sender<Setting>,
    /// Of TCP.
    frontend: Option<Frontend>,
    paces: [Cell<TokenBucket>; 2],
    random: RefCell<SplitMix>,
    pub(super) memory: Rc<Memory>,
    pub(super) scratch: Rc<RefCell<Vec<u8>>>,
    trouble: FirstFailure,
    unreached: FirstFailure,
    /// Connections, or clients of UDP, at once.
    pub(super) most: usize,
}

/// What proxies share: the buffer, their trouble, and how many connections each may have.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) scratch: Rc<RefCell<Vec<u8>>>,
    pub(super) trouble: FirstFailure,
    pub(super) unreached: FirstFailure,
    pub(super) most: usize,
}

impl Proxy {
    pub(super) fn new(config: ProxyConfig, frontend: Option<Frontend>, seed: u64, common: &Common) -> Self {
        Self {
            config,
            setting: watch::Sender::default(),
            frontend,
            paces: [Cell::new(TokenBucket::new()), Cell::new(TokenBucket::new())],
            random: RefCell::new(SplitMix::new(seed)),
            memory: Rc::default(),
            scratch: Rc::clone(&common.scratch),
            trouble: common.trouble.clone(),
            unreached: common.unreached.clone(),
            most: common.most,
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Setting> {
        self.setting.subscribe()
    }

    pub(super) fn setting(&self) -> Setting {
        *self.setting.borrow()
    }

    pub(super) fn frontend(&self) -> Option<&Frontend> {
        self.frontend.as_ref()
    }

    /// From when this returns it impairs so; with the number of the change.
    pub(super) async fn set(&self, impairment: Impairment) -> io::Result<u64> {
        let number = self.setting().number + 1;
        for pace in &self.paces {
            let mut fresh = pace.get();
            fresh.reset();
            pace.set(fresh);
        }
        self.setting.send_replace(Setting { number, impairment });
        if let Some(frontend) = &self.frontend {
            frontend.set(impairment.new_connections).await?;
        }
        Ok(number)
    }

    /// When something that comes now may go on.
    pub(super) fn due(&self, rule: &Rule) -> Instant {
        Instant::now() + pace::delay(rule, &mut self.random.borrow_mut())
    }

    pub(super) fn loses(&self, rule: &Rule) -> bool {
        pace::is_lost(rule, &mut self.random.borrow_mut())
    }

    /// When the next piece may leave at the rate; `None` at once.
    pub(super) fn wait(&self, way: FlowDirection, rule: &Rule, now: Instant) -> Option<Instant> {
        if rule.rate == 0 { None } else { self.pace(way).get().wait(now) }
    }

    pub(super) fn spend(&self, way: FlowDirection, rule: &Rule, now: Instant, bytes: usize) {
        if rule.rate > 0 {
            let mut pace = self.pace(way).get();
            pace.spend(now, bytes, rule.rate);
            self.pace(way).set(pace);
        }
    }

    fn pace(&self, way: FlowDirection) -> &Cell<TokenBucket> {
        let [to, from] = &self.paces;
        if way == FlowDirection::ToTarget { to } else { from }
    }

    /// This host could not do something for it.
    pub(super) fn trouble(&self, what: impl FnOnce() -> String) {
        self.trouble.note(|| format!("proxy `{}`: {}", self.config.name, what()));
    }

    /// The target was not reached: that is its own doing, unless it is this host's.
    pub(super) fn unreached(&self, error: &io::Error) {
        let target = self.config.target;
        if is_own(error) || this_host::route_error(target, Origin::default()).is_some() {
            self.trouble(|| format!("this host could not send to {target}: {error}"));
        } else {
            self.unreached.note(|| format!("proxy `{}` did not reach its target {target}: {error}", self.config.name));
        }
    }
}

/// Whether an error speaks of this host and not of the other side.
pub(super) fn is_own(error: &io::Error) -> bool {
    let own = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EADDRNOTAVAIL, libc::EPERM, libc::EACCES];
    error.raw_os_error().is_some_and(|number| own.contains(&number))
}
