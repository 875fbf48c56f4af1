//! A load while it runs: its settings, its schedule, and how far it is. All its threads share one.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Barrier;
use tokio::time::Instant;

use super::Settings;
use super::counts::HandshakeCounts;
use crate::checks::tls::connect::Connector;
use crate::model::Fault;
use crate::net::heartbeat::Heartbeat;
use crate::net::open_loop::Schedule;
use crate::net::sys::cpu::CpuReading;
use crate::net::sys::timer::{FINEST, Timer};
use crate::proto::tls::LoadClients;

/// A load, and how far it is.
pub(super) struct LoadRun {
    pub(super) connector: Connector,
    pub(super) clients: LoadClients,
    pub(super) settings: Settings,
    /// With a rate: when each handshake is due.
    schedule: Option<Schedule>,
    /// How long to wait for a ticket.
    pub(super) ticket_wait: Duration,
    threads: usize,
    /// Threads begin together, once each has the sessions it will resume.
    pub(super) ready: Barrier,
    period: OnceLock<Period>,
    next: AtomicU64,
    /// With a rate: what was due while this process did not run is not made up for.
    heartbeat: Option<Heartbeat>,
}

/// When handshakes are begun.
#[derive(Debug)]
pub(super) struct Period {
    start: Instant,
    pub(super) end: Instant,
    pub(super) cpu: CpuReading,
}

impl LoadRun {
    pub(super) fn new(
        connector: Connector,
        clients: LoadClients,
        settings: Settings,
        ticket_wait: Duration,
    ) -> Result<Self, Fault> {
        let heartbeat = settings.rate.map(|_| Heartbeat::start()).transpose().map_err(|error| {
            let remedy = "check the limits of processes and memory (`ulimit -a`)";
            Fault::local("start a thread that watches this process", "", error.to_string(), remedy)
        })?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = cores.min(settings.connections).max(1);
        Ok(Self {
            connector,
            clients,
            settings,
            schedule: settings.rate.map(|rate| Schedule::at_rate(rate, settings.duration)),
            ticket_wait,
            threads,
            ready: Barrier::new(threads),
            period: OnceLock::new(),
            next: AtomicU64::new(0),
            heartbeat,
        })
    }

    pub(super) const fn threads(&self) -> usize {
        self.threads
    }

    /// When it began; `None` when it did not.
    pub(super) fn period(&self) -> Option<&Period> {
        self.period.get()
    }

    /// How long handshakes were begun: to the end, or, when `count` came first, to the last one.
    pub(super) fn length(&self, period: &Period, counts: &HandshakeCounts) -> Duration {
        let counted = self.settings.count.is_some_and(|count| counts.begun >= count);
        let last = counts.last.filter(|last| counted && *last < period.end && *last > period.start);
        last.unwrap_or(period.end).duration_since(period.start)
    }

    /// How many handshakes a rate asks for; `None` without one.
    pub(super) fn offered(&self) -> Option<u64> {
        let all = self.schedule.as_ref()?.total();
        Some(self.settings.count.map_or(all, |count| count.min(all)))
    }

    pub(super) fn begin(&self) -> &Period {
        self.period.get_or_init(|| {
            let cpu = CpuReading::now();
            let start = Instant::now();
            Period { start, end: start + self.settings.duration, cpu }
        })
    }

    /// Waits until the next handshake is due, and says from when it is measured; `None` when there is none any more.
    pub(super) async fn next(&self, period: &Period, timer: Option<&Timer>) -> Result<Option<Instant>, Fault> {
        let mut number = self.next.fetch_add(1, Ordering::Relaxed);
        while self.was_missed(period, number) {
            number = self.next.fetch_add(1, Ordering::Relaxed);
        }
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

impl LoadRun {
    /// Whether handshake `number` was due while this process did not run.
    fn was_missed(&self, period: &Period, number: u64) -> bool {
        let (Some(schedule), Some(heartbeat)) = (&self.schedule, &self.heartbeat) else { return false };
        if number >= schedule.total() {
            return false;
        }
        let due = (period.start + Duration::from_nanos(schedule.due(number))).into_std();
        heartbeat.gaps().iter().any(|gap| gap.from <= due && due < gap.until)
    }
}

pub(super) fn timer_fault(error: &std::io::Error) -> Fault {
    Fault::local(
        "set a timer for load",
        "",
        error.to_string(),
        "raise the limit of open files (`ulimit -n`), or lower `connections`",
    )
}
