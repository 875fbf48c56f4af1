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
    /// Where what needs much CPU time has threads of its own: what wakes the source of randomness.
    wake_randomness: Option<fn() -> Result<(), Fault>>,
    own: Arc<Mutex<BTreeMap<RuntimePlace, OwnThreads>>>,
    /// Open from before the first check to the end.
    _stamping: Option<Arc<Stamping>>,
}

/// Those in a network namespace, or in that of this process; and whether they are for what needs much CPU time.
type RuntimePlace = (Option<Arc<str>>, bool);

/// Threads of their own, and who watches them. They begin with the first case there, since each watch has its price, and end
/// with the run.
struct OwnThreads {
    handle: Handle,
    runtime: Option<Runtime>,
    watch: Watch,
}

impl OwnThreads {
    fn start((netns, is_cpu_bound): &RuntimePlace) -> Result<Self, Fault> {
        let runtime = match netns {
            Some(netns) => netns::runtime(netns, if *is_cpu_bound { "netns computing" } else { "netns" })?,
            None => Builder::new_multi_thread()
                .thread_name("computing")
                .enable_all()
                .build()
                .map_err(|error| no_threads("start threads for what needs much CPU time", &error))?,
        };
        let handle = runtime.handle().clone();
        let watch = Heartbeat::of(handle.clone());
        let watch = watch.map_err(|error| no_threads("start a thread to watch the run", &error))?;
        Ok(Self { handle, runtime: Some(runtime), watch: Watch::by(watch) })
    }
}

fn no_threads(operation: &str, error: &io::Error) -> Fault {
    let remedy = "check the limits of processes and memory (`ulimit -a`)";
    Fault::local(operation, "this host", error.to_string(), remedy)
}

impl Runtimes {
    /// Watches the runtime this is called on; what needs much CPU time gets threads of its own.
    pub fn start() -> io::Result<Self> {
        Self::start_with(draw_randomness)
    }

    /// [`Self::start`], with what wakes the source of randomness.
    pub(super) fn start_with(wake_randomness: fn() -> Result<(), Fault>) -> io::Result<Self> {
        let timed = Watch::by(Heartbeat::of(Handle::current())?);
        let stamping = Stamping::start().map(Arc::new);
        Ok(Self { timed, wake_randomness: Some(wake_randomness), _stamping: stamping, ..Self::default() })
    }

    /// Everything where the engine runs, under this watch.
    #[cfg(test)]
    pub(super) fn watched(timed: Watch) -> Self {
        Self { timed, ..Self::default() }
    }

    /// Where a case runs, if not where the engine does.
    fn place(&self, case: &Case) -> Option<RuntimePlace> {
        let is_cpu_bound = case.is_cpu_bound();
        let apart = case.netns.is_some() || (is_cpu_bound && self.wake_randomness.is_some());
        apart.then(|| (case.netns.clone(), is_cpu_bound))
    }

    /// The watch over the measurements of a case.
    pub(super) fn watch(&self, case: &Case) -> Watch {
        let Some(place) = self.place(case) else { return self.timed.clone() };
        lock(&self.own).get(&place).map(|own| own.watch.clone()).unwrap_or_default()
    }

    /// The runtime of a case. One that names a network namespace runs there or not at all.
    pub(super) fn runtime(&self, case: &Case) -> Result<Handle, Fault> {
        self.place(case).map_or_else(|| Ok(Handle::current()), |place| self.at(place))
    }

    fn at(&self, place: RuntimePlace) -> Result<Handle, Fault> {
        let mut own = lock(&self.own);
        if let Some(threads) = own.get(&place) {
            return Ok(threads.handle.clone());
        }
        let threads = OwnThreads::start(&place)?;
        let handle = threads.handle.clone();
        own.insert(place, threads);
        Ok(handle)
    }

    /// Does what every CPU-bound measurement needs, ahead of the first: trust stores are read, and the source of
    /// randomness is woken, which costs tens of milliseconds of one thread where it takes entropy from the jitter of the
    /// processor.
    pub(super) async fn prepare(&self, plan: &Plan) {
        let cases = plan.cases.iter().filter(|case| case.skip.is_none());
        let arms = cases.flat_map(Case::arms);
        let probes: Vec<_> = arms.map(|arm| &arm.probe).filter(|probe| probe.is_cpu_bound()).map(Arc::clone).collect();
        let Some(wake_randomness) = self.wake_randomness.filter(|_| !probes.is_empty()) else { return };
        // What fails here fails again in the check, which says so; so does what panics.
        let Ok(threads) = self.at((None, true)) else { return };
        let work = async move {
            let _ = tokio::task::spawn_blocking(wake_randomness).await;
            for probe in probes {
                probe.prepare().await;
            }
        };
        let _ = threads.spawn(work).await;
    }
}

fn lock(own: &Mutex<BTreeMap<RuntimePlace, OwnThreads>>) -> MutexGuard<'_, BTreeMap<RuntimePlace, OwnThreads>> {
    own.lock().unwrap_or_else(PoisonError::into_inner)
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
        f.debug_struct("Runtimes").field("own", &lock(&self.own).keys()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Runtimes, draw_randomness};

    /// What `engine/tests/prepared.rs` puts in its place is there to be counted.
    #[tokio::test]
    async fn what_wakes_the_randomness_is_what_tls_draws_from() {
        let runtimes = Runtimes::start().unwrap();
        assert!(std::ptr::fn_addr_eq(runtimes.wake_randomness.unwrap(), draw_randomness as fn() -> _));
        assert!(super::lock(&runtimes.own).is_empty(), "threads that nothing runs on are woken for nothing");
    }
}
