//! Where measurements run: what needs much CPU time (TLS handshakes, signatures) has threads of its own, so that what is timed on
//! the others does not wait for it. Each set of threads is watched.

use std::io;
use std::sync::Arc;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::model::Fault;
use crate::net::datagram::Stamping;
use crate::net::heartbeat::Heartbeat;
use crate::plan::Plan;
use crate::probe::Watch;
use crate::proto::tls::draw_randomness;

/// See the module. By default everything runs where the engine does, and nobody watches.
#[derive(Clone, Default)]
pub struct Runtimes {
    timed: Watch,
    computing: Option<Arc<CpuRuntime>>,
    /// Open from before the first check to the end.
    _stamping: Option<Arc<Stamping>>,
}

/// Threads of their own for what needs much CPU time.
struct CpuRuntime {
    runtime: Option<Runtime>,
    watch: Watch,
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
        let watch = Watch::by(Heartbeat::of(runtime.handle().clone())?);
        let timed = Watch::by(Heartbeat::of(Handle::current())?);
        let computing = Some(Arc::new(CpuRuntime { runtime: Some(runtime), watch, wake_randomness }));
        Ok(Self { timed, computing, _stamping: Stamping::start().map(Arc::new) })
    }

    /// Everything where the engine runs, under this watch.
    #[cfg(test)]
    pub(super) fn watched(timed: Watch) -> Self {
        Self { timed, ..Self::default() }
    }

    /// The watch over a measurement that needs much CPU time, or one that does not.
    pub(super) fn watch(&self, is_cpu_bound: bool) -> &Watch {
        self.computing.as_ref().filter(|_| is_cpu_bound).map_or(&self.timed, |computing| &computing.watch)
    }

    /// The runtime of a measurement that needs much CPU time, or of one that does not.
    pub(super) fn runtime(&self, is_cpu_bound: bool) -> Handle {
        let own = self.computing.as_ref().filter(|_| is_cpu_bound);
        let own = own.and_then(|computing| computing.runtime.as_ref());
        own.map_or_else(Handle::current, |runtime| runtime.handle().clone())
    }

    /// Does what every CPU-bound measurement needs, ahead of the first: trust stores are read, and the source of
    /// randomness is woken, which costs tens of milliseconds of one thread where it takes entropy from the jitter of the
    /// processor.
    pub(super) async fn prepare(&self, plan: &Plan) {
        let cases = plan.cases.iter().filter(|case| case.skip.is_none());
        let arms = cases.flat_map(|case| case.head.iter().chain([&case.base]));
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
        let _ = self.runtime(true).spawn(work).await;
    }
}

impl Drop for CpuRuntime {
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
