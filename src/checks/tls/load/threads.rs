//! The threads of a load. Each has a runtime of its own, so that a handshake stays on its core from SYN to goodbye, and
//! counts of its own; they share the schedule.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, TryStreamExt as _};
use tokio::sync::Barrier;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::connection::Connection;
use super::counts::Counts;
use crate::checks::tls::connect::Connector;
use crate::model::Fault;
use crate::net::open_loop::{Schedule, Threads};
use crate::net::sys::cpu::CpuReading;
use crate::net::sys::timer::{FINEST, Timer};
use crate::proto::tls::LoadClients;

/// A load, and how far it is.
pub(super) struct LoadRun {
    pub(super) connector: Connector,
    clients: LoadClients,
    pub(super) settings: Settings,
    /// With a rate: when each handshake is due.
    schedule: Option<Schedule>,
    /// How long a ticket is waited for.
    pub(super) ticket_wait: Duration,
    threads: usize,
    /// Threads begin together, once each has the sessions it will resume.
    ready: Barrier,
    period: OnceLock<Period>,
    next: AtomicU64,
}

/// When handshakes are begun.
#[derive(Debug)]
pub(super) struct Period {
    start: Instant,
    pub(super) end: Instant,
    pub(super) cpu: CpuReading,
}

impl LoadRun {
    pub(super) fn new(connector: Connector, clients: LoadClients, settings: Settings, ticket_wait: Duration) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = cores.min(settings.connections).max(1);
        Self {
            connector,
            clients,
            settings,
            schedule: settings.rate.map(|rate| Schedule::at_rate(rate, settings.duration)),
            ticket_wait,
            threads,
            ready: Barrier::new(threads),
            period: OnceLock::new(),
            next: AtomicU64::new(0),
        }
    }

    pub(super) const fn threads(&self) -> usize {
        self.threads
    }

    /// When it began; `None` when it did not.
    pub(super) fn period(&self) -> Option<&Period> {
        self.period.get()
    }

    /// How long handshakes were begun: to the end, or, when `count` came first, to the last one.
    pub(super) fn length(&self, period: &Period, counts: &Counts) -> Duration {
        let counted = self.settings.count.is_some_and(|count| counts.begun >= count);
        let last = counts.last.filter(|last| counted && *last < period.end && *last > period.start);
        last.unwrap_or(period.end).duration_since(period.start)
    }

    /// How many handshakes a rate asks for; `None` without one.
    pub(super) fn offered(&self) -> Option<u64> {
        let all = self.schedule.as_ref()?.total();
        Some(self.settings.count.map_or(all, |count| count.min(all)))
    }

    fn begin(&self) -> &Period {
        self.period.get_or_init(|| {
            let cpu = CpuReading::now();
            let start = Instant::now();
            Period { start, end: start + self.settings.duration, cpu }
        })
    }

    /// Waits until the next handshake is due, and says from when it is measured; `None` when there is none any more.
    pub(super) async fn next(&self, period: &Period, timer: Option<&Timer>) -> Result<Option<Instant>, Fault> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        if now >= period.end || self.settings.count.is_some_and(|count| number >= count) {
            return Ok(None);
        }
        let (Some(schedule), Some(timer)) = (&self.schedule, timer) else {
            return Ok(Some(now));
        };
        if number >= schedule.total() {
            return Ok(None);
        }
        let due = period.start + Duration::from_nanos(schedule.due(number));
        match due.checked_duration_since(now).filter(|ahead| *ahead >= FINEST) {
            // An overdue handshake is measured from when it was due; one that is due in no time begins now.
            None => Ok(Some(due.min(now))),
            Some(ahead) => {
                timer.wait(ahead).await.map_err(|error| timer_fault(&error))?;
                Ok(Some(due))
            }
        }
    }
}

/// Makes the load and adds up the counts. Returns early, and ends the threads, when one cannot work.
pub(super) async fn run(load: &Arc<LoadRun>) -> Result<Counts, Fault> {
    let (mut threads, mut workers) = (Threads::new(), FuturesUnordered::new());
    for index in 0..load.threads {
        let connections = load.settings.connections;
        let share = connections / load.threads + usize::from(index < connections % load.threads);
        let load = load.clone();
        let result = threads
            .spawn(format!("tls-load-{index}"), move |stop| thread(&load, share, stop))
            .map_err(|error| thread_fault(&error))?;
        workers.push(async move { result.await.unwrap_or_else(|_| Err(thread_fault(&"it ended without a word"))) });
    }
    let mut all = Counts::default();
    while let Some(counts) = workers.try_next().await? {
        all.merge(&counts);
    }
    Ok(all)
}

fn thread(load: &LoadRun, connections: usize, stop: &CancellationToken) -> Result<Counts, Fault> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| thread_fault(&error))?;
    let counts = RefCell::default();
    runtime.block_on(async {
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            outcome = all_connections(load, connections, &counts) => outcome,
        }
    })?;
    Ok(counts.into_inner())
}

/// All connections of a thread.
async fn all_connections(load: &LoadRun, number: usize, counts: &RefCell<Counts>) -> Result<(), Fault> {
    let mut connections = Vec::with_capacity(number);
    // Sessions belong to one connection; without them one client does for all.
    let shared = Arc::new(load.clients.client());
    for _ in 0..number {
        let client = if load.settings.resume { Arc::new(load.clients.client()) } else { shared.clone() };
        let timer = load.settings.rate.map(|_| Timer::new()).transpose().map_err(|error| timer_fault(&error))?;
        connections.push(Connection { load, client, timer, counts });
    }
    if load.settings.resume {
        let first: FuturesUnordered<_> = connections.iter().map(Connection::first_session).collect();
        first.try_collect::<()>().await?;
    }
    load.ready.wait().await;
    let period = load.begin();
    let running: FuturesUnordered<_> = connections.iter().map(|connection| connection.run(period)).collect();
    running.try_collect().await
}

fn thread_fault(error: &dyn std::fmt::Display) -> Fault {
    Fault::local(
        "start a thread for load",
        "",
        error.to_string(),
        "check the limits of processes and memory (ulimit -a)",
    )
}

fn timer_fault(error: &std::io::Error) -> Fault {
    Fault::local(
        "set a timer for load",
        "",
        error.to_string(),
        "raise the limit of open files (ulimit -n), or lower `connections`",
    )
}
