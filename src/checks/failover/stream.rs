//! The probe stream: an absolute schedule, one task a probe. A slow answer never delays the next question.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::outage::{Fate, Shot};
use crate::model::{Fault, Observation};
use crate::net::Pacer;
use crate::probe::{Cx, DynProbe};

/// Most probes on their way at once; beyond it the measurement is void rather than late.
pub(super) const IN_FLIGHT: usize = 4096;

/// What to ask, how often, and how long to wait for the answer.
#[derive(Clone)]
pub(super) struct Aim {
    pub(super) probe: Arc<dyn DynProbe>,
    pub(super) interval: Duration,
    pub(super) patience: Duration,
}

/// Everything the stream saw.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) shots: Vec<Shot>,
    /// Probes not sent because too many were on their way.
    pub(super) skipped: u32,
    /// Why the first probe that could not be sent could not.
    pub(super) fault: Option<Fault>,
    /// What the first lost probe saw.
    pub(super) loss: Option<String>,
    launched: u32,
    flying: BTreeSet<u32>,
}

#[derive(Default)]
struct Shared {
    log: Mutex<Log>,
    landed: Notify,
}

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut Log) -> T) -> T {
        act(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A running stream; dropping it ends every probe.
pub(super) struct Stream {
    start: Instant,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Aim {
    /// One probe ahead of everything: what this side cannot do at all is told before anything is changed.
    pub(super) async fn rehearse(&self, cancel: &CancellationToken) -> Result<(), Fault> {
        self.ask(0, cancel).await.map(|_| ())
    }

    /// `None` when answered, else what was seen instead.
    async fn ask(&self, number: u32, cancel: &CancellationToken) -> Result<Option<String>, Fault> {
        let mut seen = Observation::default();
        let mut cx =
            Cx::new(&mut seen, self.probe.facts(), Instant::now() + self.patience, u64::from(number), cancel.clone());
        match timeout(self.patience, self.probe.run(&mut cx)).await {
            Err(_) => return Ok(Some(format!("no answer within {:?}", self.patience))),
            Ok(result) => result?,
        }
        if self.probe.answered(&seen) {
            return Ok(None);
        }
        let decisive = self.probe.facts().iter().filter(|fact| fact.roles.decisive);
        let word = decisive.filter_map(|fact| seen.last(fact.name)).next().map(ToString::to_string);
        let why = seen.notes().first().cloned();
        Ok(Some(word.into_iter().chain(why).collect::<Vec<_>>().join(", ")))
    }
}

impl Stream {
    /// Starts to ask.
    pub(super) fn start(aim: Aim, cancel: &CancellationToken) -> Self {
        let pacer = Pacer::new(aim.interval);
        let start = pacer.due(0);
        let shared = Arc::new(Shared::default());
        let stop = cancel.child_token();
        let mut tasks = JoinSet::new();
        tasks.spawn(drive(aim, pacer, Arc::clone(&shared), stop.clone()));
        Self { start, shared, stop, tasks }
    }

    /// Seconds since its start.
    pub(super) fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Waits until every probe launched so far has an end, and gives those due before `until`.
    pub(super) async fn settled(&self, until: f64) -> Vec<Shot> {
        let launched = self.shared.with(|log| log.launched);
        loop {
            let landing = self.shared.landed.notified();
            if self.shared.with(|log| log.flying.first().is_none_or(|oldest| *oldest >= launched)) {
                return self.shared.with(|log| log.shots.iter().copied().filter(|s| s.intended < until).collect());
            }
            landing.await;
        }
    }

    /// Why probes were lost or not sent so far, for messages.
    pub(super) fn reasons(&self) -> (Option<String>, Option<Fault>) {
        self.shared.with(|log| (log.loss.clone(), log.fault.clone()))
    }

    /// Asks no more, waits for the probes on their way, gives what was seen.
    pub(super) async fn finish(mut self) -> Log {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.shared.with(std::mem::take)
    }
}

async fn drive(aim: Aim, mut pacer: Pacer, shared: Arc<Shared>, stop: CancellationToken) {
    let start = pacer.due(0);
    // Probes keep the run's own token: a stopped stream still wants the answers that are on their way.
    let probes = CancellationToken::new();
    let mut flying = JoinSet::new();
    loop {
        let tick = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            tick = pacer.tick() => tick,
        };
        while flying.try_join_next().is_some() {}
        if flying.len() >= IN_FLIGHT {
            shared.with(|log| log.skipped += 1);
            continue;
        }
        shared.with(|log| {
            log.launched = log.launched.max(tick.number + 1);
            log.flying.insert(tick.number);
        });
        let due = tick.intended.duration_since(start).as_secs_f64();
        let flight = Flight::new(Arc::clone(&shared), tick.number, start, due);
        flying.spawn(flight.go(aim.clone(), probes.clone()));
    }
    while flying.join_next().await.is_some() {}
}

/// One probe on its way. Lands on every path, a panic of the probe included.
struct Flight {
    shared: Arc<Shared>,
    number: u32,
    start: Instant,
    shot: Shot,
    fault: Option<Fault>,
    loss: Option<String>,
}

impl Flight {
    fn new(shared: Arc<Shared>, number: u32, start: Instant, due: f64) -> Self {
        let shot = Shot { intended: due, sent: due, ended: due, fate: Fate::Unknown };
        Self { shared, number, start, shot, fault: None, loss: None }
    }

    async fn go(mut self, aim: Aim, cancel: CancellationToken) {
        self.shot.sent = self.start.elapsed().as_secs_f64();
        let answer = aim.ask(self.number, &cancel).await;
        self.shot.ended = self.start.elapsed().as_secs_f64();
        match answer {
            Ok(None) => self.shot.fate = Fate::Answered,
            Ok(loss) => {
                self.shot.fate = Fate::Lost;
                self.loss = loss;
            }
            Err(fault) => self.fault = Some(fault),
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.shared.with(|log| {
            log.flying.remove(&self.number);
            log.shots.push(self.shot);
            log.fault = log.fault.take().or_else(|| self.fault.take());
            log.loss = log.loss.take().or_else(|| self.loss.take());
        });
        self.shared.landed.notify_waiters();
    }
}
