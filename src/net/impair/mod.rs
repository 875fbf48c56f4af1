//! An impairment proxy for TCP and UDP: it stands between clients and a target, and delays, slows, loses, cuts or swallows what
//! passes, switchable while it runs, and without root.
//!
//! - Proxies run on a thread of their own, all on one: a change is in place for every byte that moves after it, and streams that
//!   measure are not disturbed.
//! - A TCP proxy sees bytes, not packets. So nothing of a connection is lost or reordered; it comes later, or the connection ends.
//!   Half-close and reset are passed on.
//! - What the proxies themselves could not do (descriptors, memory, routes) is told by [`Proxies::trouble`]: it is not the target's doing.
//! - When they are dropped, their ports are free again.

pub mod control;
mod frontend;
mod impairment;
mod pace;
mod proxy;
mod pump;
mod queue;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::rc::Rc;
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Handle};
use tokio::task::{JoinSet, LocalSet};
use tokio_util::sync::CancellationToken;

pub use impairment::{Impairment, LOSS_OF, NewConnections, ProxyDirection};

use crate::model::argument::choices;
use crate::net::open_loop::precise_timers;
use crate::net::sys::limits;
use crate::stats::seed;
use control::Control;
use frontend::Frontend;
use proxy::{Common, FirstFailure, Proxy, SCRATCH};

/// Connections of a proxy, or its clients of UDP, as far as the system has descriptors for them.
const MOST: usize = 4096;

choices! {
    /// What a proxy passes.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum ProxyTransport {
        /// Connections.
        Tcp = "tcp",
        /// Datagrams.
        Udp = "udp",
    }
}

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyConfig {
    /// Its name.
    pub name: String,
    /// What it passes.
    pub protocol: ProxyTransport,
    /// Where clients come in; a port is always named.
    pub listen: SocketAddr,
    /// Where they get to.
    pub target: SocketAddr,
}

/// Why proxies could not be started; none was.
#[derive(Debug)]
pub struct StartError {
    /// The proxy; empty where it is none of a single one.
    pub name: String,
    /// The cause.
    pub error: io::Error,
}

/// Running proxies; they end when this is dropped.
#[derive(Debug)]
pub struct Proxies {
    stop: CancellationToken,
    runtime: Handle,
    thread: Option<JoinHandle<()>>,
    trouble: FirstFailure,
    unreached: FirstFailure,
}

/// What clients come in by.
enum Entry {
    Tcp(Frontend),
    Udp(std::net::UdpSocket),
}

impl Proxies {
    /// Starts all, or none; they listen when this returns. `control` is the name of the socket that [`control::ask`] takes.
    pub fn start(configs: Vec<ProxyConfig>, control: &str, seed: u64) -> Result<Self, StartError> {
        // Two descriptors each.
        Self::start_with(configs, control, seed, MOST.min(limits::files_of_stream() / 2))
    }

    fn start_with(configs: Vec<ProxyConfig>, control: &str, seed: u64, most: usize) -> Result<Self, StartError> {
        let failed = |error| StartError { name: String::new(), error };
        let mut entries = Vec::with_capacity(configs.len());
        for config in configs {
            let opened = match config.protocol {
                ProxyTransport::Tcp => Frontend::open(config.listen).map(Entry::Tcp),
                ProxyTransport::Udp => udp::bind(config.listen).map(Entry::Udp),
            };
            let entry = opened.map_err(|error| StartError { name: config.name.clone(), error })?;
            entries.push((config, entry));
        }
        let control = control::bind(control).map_err(failed)?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (stop, handle) = (CancellationToken::new(), runtime.handle().clone());
        let (trouble, unreached) = (FirstFailure::default(), FirstFailure::default());
        let (stopped, troubled) = (stop.clone(), trouble.clone());
        let common = (trouble.clone(), unreached.clone());
        let work = move || {
            precise_timers();
            let ended = LocalSet::new().block_on(&runtime, async {
                tokio::select! {
                    () = stopped.cancelled() => Ok(()),
                    ended = run(entries, control, common, (seed, most)) => ended,
                }
            });
            if let Err(error) = ended {
                troubled.note(|| error.to_string());
            }
        };
        let thread = std::thread::Builder::new().name("proxies".to_owned()).spawn(work).map_err(failed)?;
        Ok(Self { stop, runtime: handle, thread: Some(thread), trouble, unreached })
    }

    /// What they run on: whoever asks whether it gets its turn.
    #[must_use]
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// The first thing that the proxies themselves could not do, for people.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let ended = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        let early = || ended.then(|| "their thread ended early: this is a defect of shakedown".to_owned());
        self.trouble.first().or_else(early)
    }

    /// The first time that one of them did not reach its target, for people.
    #[must_use]
    pub fn unreached(&self) -> Option<String> {
        self.unreached.first()
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        self.stop.cancel();
        // It has nothing to wait for; afterwards the ports are free.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn run(
    entries: Vec<(ProxyConfig, Entry)>,
    socket: UnixListener,
    (trouble, unreached): (FirstFailure, FirstFailure),
    (seed, most): (u64, usize),
) -> io::Result<()> {
    let scratch = Rc::new(RefCell::new(vec![0; SCRATCH]));
    let common = Common { scratch, trouble, unreached, most };
    let (mut proxies, mut serving) = (Vec::with_capacity(entries.len()), JoinSet::new());
    for (config, entry) in entries {
        let seed = seed::derive(seed, &config.name);
        let (frontend, socket) = match entry {
            Entry::Tcp(frontend) => (Some(frontend), None),
            Entry::Udp(socket) => (None, Some(socket)),
        };
        let proxy = Rc::new(Proxy::new(config, frontend, seed, &common));
        proxies.push(Rc::clone(&proxy));
        match socket {
            Some(socket) => serving.spawn_local(udp::serve(proxy, socket)),
            None => serving.spawn_local(tcp::serve(proxy)),
        };
    }
    tokio::select! {
        ended = control::serve(Rc::new(Control { proxies, turn: tokio::sync::Mutex::default() }), socket) => ended,
        _ = serving.join_next() => Err(io::Error::other("a proxy ended early: this is a defect of shakedown")),
    }
}
