//! Streams of probes: a thread each keeps its schedule, whatever became of the probes before.

mod identity;
mod log;
mod rounds;
mod sender;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

pub(super) use identity::IdentityFact;
pub(super) use log::{Gap, OwnerChange, StreamLog};
use rounds::RoundProber;
pub(super) use rounds::{RoundQuestion, Rounds};
use sender::Sender;

use super::expected::Expected;
use super::outage::ProbeResult;
use super::writes::{WriteLog, Writes};
use crate::model::{Fault, Text};
use crate::net::heartbeat::STALL;
use crate::net::open_loop::{self, Bounds, Clock, Schedule, ScheduleCounts, Threads, nanos};
use crate::probe::{Connection, Connections, Cx, DynProbe, Prober, StreamSpec};
use crate::stats::samples::NANOS;

/// The stream has no end of its own, and what is in flight never delays it.
const BOUNDS: Bounds = Bounds { in_flight: usize::MAX, close: u64::MAX, drain: 0, stale: u64::MAX };
/// Probes ahead of everything, while the service does not show all that is expected.
const REHEARSALS: u64 = 3;
/// From one look at whether all probes have ended to the next.
const LOOK: Duration = Duration::from_millis(5);

/// A stream as the suite describes it.
#[derive(Clone)]
pub(super) struct StreamConfig {
    /// Its name.
    pub(super) name: Text,
    pub(super) probe: Arc<dyn DynProbe>,
    /// From one probe to the next.
    pub(super) interval: Duration,
    /// An answer that takes longer is late.
    pub(super) timeout: Duration,
    pub(super) connection: Connection,
    pub(super) echo: bool,
    /// The fact that tells who answered.
    pub(super) identity: Option<IdentityFact>,
    /// What each answer must show.
    pub(super) expected: Expected,
    /// Of a stream that writes numbered values.
    pub(super) writes: Option<Writes>,
}

#[derive(Default)]
struct Shared {
    log: Mutex<StreamLog>,
}

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut StreamLog) -> T) -> T {
        act(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a stream came to.
#[derive(Debug, Default)]
pub(super) struct Finished {
    pub(super) log: StreamLog,
    /// Of a prober that keeps connections.
    pub(super) connections: Option<Connections>,
    /// Arrivals are stamped by the kernel, or by the thread that sends: a time without one is no delay of this process.
    pub(super) exact: bool,
}

/// A running stream; dropping it ends every probe.
pub(super) struct ProbeStream {
    pub(super) config: StreamConfig,
    clock: Clock,
    shared: Arc<Shared>,
    exact: bool,
    /// The thread's result: how the schedule was kept, and the prober.
    sender: oneshot::Receiver<(ScheduleCounts, Box<dyn Prober>)>,
    threads: Threads,
}

impl StreamConfig {
    /// How long the probe ahead of everything may take: all the time it has by itself. That this host drops what it sends is known
    /// only when nothing has come for a while.
    pub(super) fn rehearsal(&self) -> Duration {
        self.timeout.max(self.probe.longest())
    }

    /// What it takes beside the phases, at most: the probe ahead of everything, and reading back what was written.
    pub(super) fn aside(&self) -> Duration {
        let rehearsal = self.rehearsal();
        rehearsal + self.writes.as_ref().map_or(Duration::ZERO, |writes| writes.longest(rehearsal))
    }

    /// Its probe, and the one that reads back what it writes.
    pub(super) fn probes(&self) -> impl Iterator<Item = &Arc<dyn DynProbe>> {
        std::iter::once(&self.probe).chain(self.writes.as_ref().map(Writes::read_sample))
    }

    pub(super) fn rounds(&self) -> Rounds {
        let same = || RoundQuestion::Same(Arc::clone(&self.probe));
        Rounds { question: self.writes.as_ref().map_or_else(same, Writes::question), limit: self.rehearsal() }
    }

    /// Probes ahead of everything: what this side cannot do at all is found before anything is changed, and what the service never
    /// shows when all is well is expected of no probe. One bad answer says nothing of that.
    pub(super) async fn rehearsed(&self, cx: &mut Cx<'_>) -> Result<Self, Fault> {
        if let Some(writes) = &self.writes {
            return writes.rehearsed(self, cx).await;
        }
        let mut fewest: Option<(Expected, Vec<String>)> = None;
        for number in 0..REHEARSALS {
            let Some(observation) = self.rounds().ask(number, cx.cancelled()).await? else { break };
            if !self.probe.answered(&observation) {
                break;
            }
            let shown = self.expected.clone().shown_by(&observation);
            let whole = shown.1.is_empty();
            if fewest.as_ref().is_none_or(|(_, left_out)| shown.1.len() < left_out.len()) {
                fewest = Some(shown);
            }
            if whole {
                break;
            }
        }
        let Some((expected, left_out)) = fewest else { return Ok(self.clone()) };
        for what in left_out {
            cx.note(format!("before anything was changed, {what}: so this is expected of no probe"));
        }
        Ok(Self { expected, ..self.clone() })
    }

    async fn prober(&self, clock: Clock, seed: u64) -> Result<Box<dyn Prober>, Fault> {
        if self.writes.is_some() {
            return Ok(Box::new(RoundProber::new(self.rounds(), clock)));
        }
        let Self { interval, timeout, connection, echo, .. } = *self;
        let spec = StreamSpec { clock, interval, timeout, connection, echo, seed };
        // A fact is seen in a round alone, or in a request over a connection that is kept.
        let kept = connection == Connection::Keep;
        let own = if self.identity.is_some() && !kept { None } else { self.probe.stream(&spec).await? };
        match own {
            Some(prober) => Ok(prober),
            None if kept || echo => Err(Fault::local(
                "open the stream",
                self.probe.target(),
                if kept {
                    "this check cannot be asked over a connection that stays"
                } else {
                    "this check sends more than one text to be echoed"
                },
                if kept {
                    "leave out what needs a connection of its own (`follow`, `proxy`, a dialogue), or write `connection: new`"
                } else {
                    "give it one `send` and no `datagrams`, or leave `echo` out"
                },
            )),
            None => Ok(Box::new(RoundProber::new(self.rounds(), clock))),
        }
    }
}

impl ProbeStream {
    /// Starts to probe; all times are on `clock`.
    pub(super) async fn start(config: StreamConfig, clock: Clock, seed: u64) -> Result<Self, Fault> {
        let prober = config.prober(clock, seed).await?;
        let exact = prober.stamps_exactly();
        let interval = config.interval.as_secs_f64();
        let mut threads = Threads::new();
        // What is overdue for longer was not watched.
        let bounds = Bounds { stale: nanos(STALL), ..BOUNDS };
        let schedule = Schedule::every(config.interval, u64::MAX);
        let from = clock.now();
        let mut log = StreamLog::new(interval);
        log.writes = config.writes.is_some().then(|| WriteLog::new(from as f64 / NANOS, interval));
        let shared = Arc::new(Shared { log: Mutex::new(log) });
        let mut sender = Sender::new(config.clone(), prober, (clock, from), Arc::clone(&shared));
        let work = move |stop: &_| (open_loop::run(&schedule, &bounds, stop, &mut sender), sender.into_prober());
        let sender = threads.spawn(format!("stream-{}", config.name.shown()), work).map_err(|error| {
            let remedy = "check the limits of processes and memory (`ulimit -a`)";
            Fault::local("start a thread for the probes", config.probe.target(), error.to_string(), remedy)
        })?;
        Ok(Self { config, clock, shared, exact, sender, threads })
    }

    /// A phase ends here.
    pub(super) fn cut(&self) {
        let now = self.clock.seconds();
        self.shared.with(|log| log.cut(now));
    }

    /// Waits until every probe due before `until` has ended, its timeout at the latest, and gives what became of them.
    pub(super) async fn results(&self, until: f64) -> Vec<ProbeResult> {
        let timeout = nanos(self.config.timeout);
        while self.shared.with(|log| log.waiting(until, timeout, self.clock.now())) {
            tokio::time::sleep(LOOK).await;
        }
        self.shared.with(|log| log.so_far(until, timeout))
    }

    /// What is certain by now of the probes.
    pub(super) fn certain(&self) -> Vec<ProbeResult> {
        let (now, timeout) = (self.clock.now(), nanos(self.config.timeout));
        self.shared.with(|log| log.certain(now, timeout))
    }

    /// Why the first probes were lost or not sent so far, for messages.
    pub(super) fn first_errors(&self) -> (Option<String>, Option<Fault>) {
        self.shared.with(|log| (log.first_loss.clone(), log.fault.clone()))
    }

    /// Waits for the probes due before `until`, sends no more, gives the log.
    pub(super) async fn finish(self, until: f64) -> Result<Finished, Fault> {
        self.results(until).await;
        drop(self.threads);
        let (sent, prober) = self.sender.await.map_err(|_| {
            let target = self.config.probe.target();
            Fault::local("probe on schedule", target, "the thread ended early", "report this: it is a defect")
        })?;
        let connections = prober.connections();
        drop(prober);
        let mut log = self.shared.with(std::mem::take);
        log.finish(nanos(self.config.timeout), until);
        (log.skipped, log.missed) = (sent.skipped, sent.missed);
        Ok(Finished { log, connections, exact: self.exact })
    }
}
