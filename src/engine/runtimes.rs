//! Where measurements run: what needs much CPU time (TLS handshakes, signatures) has threads of its own, so that what is timed on
//! the others does not wait for it, and so has what runs in a network namespace. Each set of threads is watched.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::model::Fault;
use crate::net::datagram::Stamping;
use crate::net::heartbeat::Heartbeat;
use crate::net::netns;
use crate::plan::{Case, Plan};
use crate::probe::Watch;
use crate::proto::tls::draw_randomness;

/// See the module. By default everything runs where the engine does, and nobody watches.
#[derive(Clone, Default)]
pub struct Runtimes {
    timed: Watch,
    computing: Option<Arc<CpuRuntime>>,
    namespaces: Arc<Mutex<Namespaces>>,
    /// Open from before the first check to the end.
    _stamping: Option<Arc<Stamping>>,
}

/// Those of network namespaces, for what needs much CPU time and for the rest, from the first case there on.
type Namespaces = BTreeMap<(Arc<str>, bool), OwnThreads>;

/// Threads of their own, and who watches them.
struct OwnThreads {
    runtime: Option<Runtime>,
    watch: Watch,
}

impl OwnThreads {
    fn of(runtime: Runtime) -> io::Result<Self> {
        let watch = Watch::by(Heartbeat::of(runtime.handle().clone())?);
        Ok(Self { runtime: Some(runtime), watch })
    }

    fn handle(&self) -> Option<Handle> {
        self.runtime.as_ref().map(|runtime| runtime.handle().clone())
    }
}

/// Threads of their own for what needs much CPU time.
struct CpuRuntime {
    threads: OwnThreads,
    wake_randomness: fn() -> Result<(), Fault>,
}

impl Runtimes {
    /// Watches the runtime this is called on, and starts another one for what needs much CPU time.
    pub fn start() -> io::Result<Self> {
        Self::start_with(draw_randomness)
    }

    /// [`Self::start`], with what wakes the source of randomness.
    pub(super) fn start_with(wake_randomness: fn() -> Result<(), Fault>) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().thread_name("computing").enable_all().build()?;
        let timed = Watch::by(Heartbeat::of(Handle::current())?);
        let computing = Some(Arc::new(CpuRuntime { threads: OwnThreads::of(runtime)?, wake_randomness }));
        Ok(Self { timed, computing, namespaces: Arc::default(), _stamping: Stamping::start().map(Arc::new) })
    }

    /// Everything where the engine runs, under this watch.
    #[cfg(test)]
    pub(super) fn watched(timed: Watch) -> Self {
        Self { timed, ..Self::default() }
    }

    /// The watch over the measurements of a case.
    pub(super) fn watch(&self, case: &Case) -> Watch {
        if let Some(netns) = &case.netns {
            let threads = lock(&self.namespaces);
            let own = threads.get(&(Arc::clone(netns), case.is_cpu_bound()));
            return own.map(|own| own.watch.clone()).unwrap_or_default();
        }
        let computing = self.computing.as_ref().filter(|_| case.is_cpu_bound());
        computing.map_or(&self.timed, |computing| &computing.threads.watch).clone()
    }

    /// The runtime of a case. One that names a network namespace runs there or not at all.
    pub(super) fn runtime(&self, case: &Case) -> Result<Handle, Fault> {
        match &case.netns {
            Some(netns) => self.inside(netns, case.is_cpu_bound()),
            None => Ok(self.here(case.is_cpu_bound())),
        }
    }

    fn here(&self, is_cpu_bound: bool) -> Handle {
        let own = self.computing.as_ref().filter(|_| is_cpu_bound);
        own.and_then(|computing| computing.threads.handle()).unwrap_or_else(Handle::current)
    }

    /// The threads of a network namespace, which begin with its first case and end with the run.
    fn inside(&self, netns: &Arc<str>, is_cpu_bound: bool) -> Result<Handle, Fault> {
        let key = (Arc::clone(netns), is_cpu_bound);
        let mut threads = lock(&self.namespaces);
        if let Some(handle) = threads.get(&key).and_then(OwnThreads::handle) {
            return Ok(handle);
        }
        let runtime = netns::runtime(netns, if is_cpu_bound { "netns computing" } else { "netns" })?;
        let handle = runtime.handle().clone();
        let own = OwnThreads::of(runtime).map_err(|error| {
            let remedy = "check the limits of processes and memory (`ulimit -a`)";
            Fault::local("start a thread to watch the run", "this host", error.to_string(), remedy)
        })?;
        threads.insert(key, own);
        Ok(handle)
    }

    /// Does what every CPU-bound measurement needs, ahead of the first: trust stores are read, and the source of
    /// randomness is woken, which costs tens of milliseconds of one thread where it takes entropy from the jitter of the
    /// processor.
    pub(super) async fn prepare(&self, plan: &Plan) {
        let cases = plan.cases.iter().filter(|case| case.skip.is_none());
        let arms = cases.flat_map(Case::arms);
        let probes: Vec<_> = arms.map(|arm| &arm.probe).filter(|probe| probe.is_cpu_bound()).map(Arc::clone).collect();
        let Some(computing) = self.computing.as_ref().filter(|_| !probes.is_empty()) else { return };
        let wake_randomness = computing.wake_randomness;
        let work = async move {
            // What fails here fails again in the check, which says so; so does what panics.
            let _ = tokio::task::spawn_blocking(wake_randomness).await;
            for probe in probes {
                probe.prepare().await;
            }
        };
        let _ = self.here(true).spawn(work).await;
    }
}

fn lock(namespaces: &Mutex<Namespaces>) -> MutexGuard<'_, Namespaces> {
    namespaces.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for OwnThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // It may be dropped by a task, which must not wait.
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Runtimes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtimes").field("computing", &self.computing.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Runtimes, draw_randomness};

    /// What `engine/tests/prepared.rs` puts in its place is there to be counted.
    #[tokio::test]
    async fn what_wakes_the_randomness_is_what_tls_draws_from() {
        let runtimes = Runtimes::start().unwrap();
        assert!(std::ptr::fn_addr_eq(
            runtimes.computing.as_ref().unwrap().wake_randomness,
            draw_randomness as fn() -> _
        ));
    }
}
