//! A stream of requests over connections that stay open: each goes over one that carries no other, so that a request that stalls
//! delays none.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::facts::OUTCOME;
use super::fields::Addresses;
use super::{Http, LOADING};
use crate::model::{Fault, Observation, Round};
use crate::net::dial::closing_by_reset;
use crate::net::open_loop::Clock;
use crate::net::sys::limits;
use crate::probe::{Connection, Connections, Cx, Probe, ProbeFailure, Prober, Reply, Seen, StreamSpec, fact_is};
use crate::proto::http::{KeptConnections, VersionChoice};

/// Requests under way at once.
const MOST: usize = 4096;

/// See the module.
struct KeepAlive {
    http: Arc<Http>,
    clock: Clock,
    seed: u64,
    kept: KeptConnections,
    runtime: Handle,
    tell: mpsc::Sender<Reply>,
    told: mpsc::Receiver<Reply>,
    /// What ended a wait.
    first: Option<Reply>,
    running: BTreeMap<u64, AbortHandle>,
    capacity: usize,
}

/// A prober of a stream, of a check whose answers are judged as in a round: what leads to other servers, or says how the
/// connection was made, is asked in rounds.
pub(super) async fn open(http: &Http, spec: &StreamSpec) -> Result<Option<Box<dyn Prober>>, Fault> {
    let is_one = http.addresses == Addresses::First && http.follow == 0 && http.proxy.is_none();
    let is_plain = http.version != VersionChoice::Http3 && !http.request.awaits_word();
    if spec.connection != Connection::Keep || !is_one || !is_plain {
        return Ok(None);
    }
    http.origin.check()?;
    if http.is_cpu_bound() {
        http.trust.load().await?;
    }
    let (tell, told) = mpsc::channel();
    Ok(Some(Box::new(KeepAlive {
        http: Arc::new(http.clone()),
        clock: spec.clock,
        seed: spec.seed,
        kept: KeptConnections::default(),
        runtime: Handle::current(),
        tell,
        told,
        first: None,
        running: BTreeMap::new(),
        capacity: limits::files_of_stream().min(MOST),
    })))
}

impl Http {
    /// What one request of a stream sees.
    async fn see(&self, kept: &KeptConnections, seed: u64) -> Seen {
        let (mut observation, cancel) = (Observation::default(), CancellationToken::new());
        let end = Instant::now() + self.timeout + LOADING;
        let mut cx = Cx::new(&mut observation, Self::FACTS, end, seed, cancel);
        let ended = Box::pin(AssertUnwindSafe(closing_by_reset(self.ask(&mut cx, Some(kept)))).catch_unwind()).await;
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => return Seen::Fault(fault),
            Err(_) => {
                let remedy = "report this: it is a defect";
                return Seen::Fault(Fault::local("ask", &*self.shown, "the request ended early", remedy));
            }
        }
        if ["reset", "closed"].iter().any(|word| fact_is(&observation, OUTCOME.info.name, word)) {
            let ending = observation.counted().last().and_then(Round::ending);
            let why = ending.unwrap_or("the connection ended in the middle of the answer").to_owned();
            return Seen::Failure(ProbeFailure::Reset, why);
        }
        Seen::Observed(Box::new(observation))
    }
}

impl Prober for KeepAlive {
    fn send(&mut self, number: u64, _: &mut Vec<Reply>) {
        let (http, kept, tell, clock) = (Arc::clone(&self.http), self.kept.clone(), self.tell.clone(), self.clock);
        let seed = self.seed.wrapping_add(number);
        let task = self.runtime.spawn(async move {
            let sent = Some(clock.now());
            let seen = Box::pin(http.see(&kept, seed)).await;
            // Nobody hears it once the stream has ended.
            let _ = tell.send(Reply { number, sent, received: clock.now(), seen });
        });
        self.running.insert(number, task.abort_handle());
    }

    fn receive(&mut self, replies: &mut Vec<Reply>) {
        for reply in self.first.take().into_iter().chain(self.told.try_iter()) {
            self.running.remove(&reply.number);
            replies.push(reply);
        }
    }

    fn wait(&mut self, length: Duration) {
        if self.first.is_none() {
            self.first = self.told.recv_timeout(length).ok();
        }
    }

    fn give_up(&mut self, number: u64) {
        if let Some(task) = self.running.remove(&number) {
            task.abort();
        }
    }

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn stamps_exactly(&self) -> bool {
        false
    }

    fn connections(&self) -> Option<Connections> {
        Some(Connections { opened: self.kept.opened(), lost: self.kept.lost() })
    }
}

impl Drop for KeepAlive {
    fn drop(&mut self) {
        self.running.values().for_each(AbortHandle::abort);
    }
}
