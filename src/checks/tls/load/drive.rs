//! The threads that shake hands. Each has a runtime of its own, so that a handshake stays on its core from SYN to goodbye, and
//! a tally of its own; what they share is which turn is next.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, TryStreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Barrier, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::tally::Tally;
use crate::checks::tls::reach::Way;
use crate::model::Fault;
use crate::net::dial::{self, ConnectError};
use crate::net::sys::cpu::CpuReading;
use crate::net::sys::timer::{FINEST, Timer};
use crate::proto::tls::{HandshakeEnd, LoadClient, LoadClients, LoadStream, await_ticket, resumed};

/// A connection pauses after an error, longer after each further one: a server that is down is not hammered.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(320);

/// What is done, and how far it is.
pub(super) struct Plan {
    pub(super) way: Way,
    clients: LoadClients,
    settings: Settings,
    /// How long a ticket is waited for.
    late: Duration,
    threads: usize,
    /// Threads begin together, once each has the sessions it will resume.
    ready: Barrier,
    window: OnceLock<Window>,
    next: AtomicU64,
}

/// When handshakes are begun.
#[derive(Debug)]
pub(super) struct Window {
    start: Instant,
    end: Instant,
    pub(super) usage: CpuReading,
}

impl Plan {
    pub(super) fn new(way: Way, clients: LoadClients, settings: Settings, late: Duration) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = cores.min(settings.connections).max(1);
        let ready = Barrier::new(threads);
        Self { way, clients, settings, late, threads, ready, window: OnceLock::new(), next: AtomicU64::new(0) }
    }

    pub(super) const fn threads(&self) -> usize {
        self.threads
    }

    /// When it began; `None` when it did not.
    pub(super) fn window(&self) -> Option<&Window> {
        self.window.get()
    }

    /// How long handshakes were begun: to the end, or, when `count` came first, to the last one.
    pub(super) fn length(&self, window: &Window, tally: &Tally) -> Duration {
        let counted = self.settings.count.is_some_and(|count| tally.begun >= count);
        let last = tally.last.filter(|last| counted && *last < window.end && *last > window.start);
        last.unwrap_or(window.end).duration_since(window.start)
    }

    /// How many handshakes a rate asks for.
    pub(super) fn offered(&self, rate: f64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates, and both are positive"
        )]
        let all = (rate * self.settings.duration.as_secs_f64()).ceil() as u64;
        self.settings.count.map_or(all, |count| count.min(all))
    }

    fn begin(&self) -> &Window {
        self.window.get_or_init(|| {
            let usage = CpuReading::now();
            let start = Instant::now();
            Window { start, end: start + self.settings.duration, usage }
        })
    }

    /// Waits for the next turn, and says from when its handshake is measured; `None` when there is none any more.
    async fn turn(&self, window: &Window, timer: Option<&Timer>) -> Result<Option<Instant>, Fault> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        if now >= window.end || self.settings.count.is_some_and(|count| number >= count) {
            return Ok(None);
        }
        let (Some(rate), Some(timer)) = (self.settings.rate, timer) else {
            return Ok(Some(now));
        };
        let due = window.start + Duration::try_from_secs_f64(number as f64 / rate).unwrap_or(Duration::MAX);
        if due >= window.end {
            return Ok(None);
        }
        match due.checked_duration_since(now).filter(|ahead| *ahead >= FINEST) {
            // What is overdue is measured from when it was due; what is due in no time begins now.
            None => Ok(Some(due.min(now))),
            Some(ahead) => {
                timer.wait(ahead).await.map_err(|error| timers(&error))?;
                Ok(Some(due))
            }
        }
    }
}

/// Makes the load and adds up what came of it. Returns early, and ends the threads, when one cannot work.
pub(super) async fn drive(plan: &Arc<Plan>, stop: &CancellationToken) -> Result<Tally, Fault> {
    let mut workers = FuturesUnordered::new();
    for index in 0..plan.threads {
        let connections = plan.settings.connections;
        let share = connections / plan.threads + usize::from(index < connections % plan.threads);
        let (plan, stop) = (plan.clone(), stop.clone());
        let (tell, told) = oneshot::channel();
        let work = move || {
            // Nobody listens any more when the run was given up.
            let _ = tell.send(thread(&plan, share, &stop));
        };
        std::thread::Builder::new().name(format!("tls-load-{index}")).spawn(work).map_err(|error| threads(&error))?;
        workers.push(async move { told.await.unwrap_or_else(|_| Err(threads(&"it ended without a word"))) });
    }
    let mut all = Tally::default();
    while let Some(tally) = workers.try_next().await? {
        all.merge(&tally);
    }
    Ok(all)
}

fn thread(plan: &Plan, connections: usize, stop: &CancellationToken) -> Result<Tally, Fault> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| threads(&error))?;
    let tally = RefCell::default();
    runtime.block_on(async {
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            outcome = all(plan, connections, &tally) => outcome,
        }
    })?;
    Ok(tally.into_inner())
}

/// All connections of a thread.
async fn all(plan: &Plan, connections: usize, tally: &RefCell<Tally>) -> Result<(), Fault> {
    let mut slots = Vec::with_capacity(connections);
    // Sessions belong to one connection; without them one client does for all.
    let shared = Arc::new(plan.clients.client());
    for _ in 0..connections {
        let client = if plan.settings.resume { Arc::new(plan.clients.client()) } else { shared.clone() };
        let timer = plan.settings.rate.map(|_| Timer::new()).transpose().map_err(|error| timers(&error))?;
        slots.push(Slot { plan, client, timer, tally });
    }
    if plan.settings.resume {
        let first: FuturesUnordered<_> = slots.iter().map(Slot::prime).collect();
        first.try_collect::<()>().await?;
    }
    plan.ready.wait().await;
    let window = plan.begin();
    let running: FuturesUnordered<_> = slots.iter().map(|slot| slot.run(window)).collect();
    running.try_collect().await
}

/// One connection after the other.
struct Slot<'a> {
    plan: &'a Plan,
    client: Arc<LoadClient>,
    timer: Option<Timer>,
    tally: &'a RefCell<Tally>,
}

/// A completed handshake.
struct Done {
    at: Instant,
    resumed: bool,
}

/// Why there is none.
enum Failure {
    /// The server or the path; the kind of error.
    Theirs(String),
    /// This host has no port left.
    NoPort,
}

impl Slot<'_> {
    /// The session that the first handshake will resume. Not counted, unless it fails.
    async fn prime(&self) -> Result<(), Fault> {
        if let Err(Failure::Theirs(kind)) = self.attempt().await? {
            let mut tally = self.tally.borrow_mut();
            tally.begun += 1;
            tally.fail(kind);
        }
        Ok(())
    }

    async fn run(&self, window: &Window) -> Result<(), Fault> {
        let mut pause = PAUSE;
        while let Some(from) = self.plan.turn(window, self.timer.as_ref()).await? {
            let outcome = self.attempt().await?;
            if self.count(outcome, from, window) {
                pause = PAUSE;
                continue;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }

    /// Counts what became of a turn; true when it was completed.
    fn count(&self, outcome: Result<Done, Failure>, from: Instant, window: &Window) -> bool {
        let mut tally = self.tally.borrow_mut();
        tally.begun += u64::from(!matches!(outcome, Err(Failure::NoPort)));
        match outcome {
            Ok(done) => {
                tally.complete(from, done.at, window.end, done.resumed);
                return true;
            }
            Err(Failure::Theirs(kind)) => tally.fail(kind),
            Err(Failure::NoPort) => tally.no_port += 1,
        }
        false
    }

    /// One connection from SYN to goodbye.
    async fn attempt(&self) -> Result<Result<Done, Failure>, Fault> {
        let step = Cell::new("to the connection");
        let patience = self.plan.way.patience;
        match timeout(patience, self.shake(&step)).await {
            Ok(Ok(Ok(stream))) => self.leave(stream).await,
            Ok(Ok(Err(failure))) => Ok(Err(failure)),
            Ok(Err(fault)) => Err(fault),
            Err(_) => Ok(Err(Failure::Theirs(format!("it took more than {patience:?} {}", step.get())))),
        }
    }

    async fn shake(&self, step: &Cell<&'static str>) -> Result<Result<LoadStream, Failure>, Fault> {
        let way = &self.plan.way;
        let stream = match self.connect().await? {
            Ok(stream) => stream,
            Err(failure) => return Ok(Err(failure)),
        };
        step.set("to the go-ahead of STARTTLS");
        let stream = match way.upgrade(stream, Duration::ZERO).await? {
            Ok(opened) => opened.stream,
            Err(why) => return Ok(Err(Failure::Theirs(format!("STARTTLS: {}", why.outcome())))),
        };
        step.set("to the end of the handshake");
        Ok(self.client.handshake(stream).await?.map_err(|end| Failure::Theirs(kind(&end))))
    }

    async fn connect(&self) -> Result<Result<TcpStream, Failure>, Fault> {
        let peer = self.plan.way.peer;
        match dial::open(peer, self.plan.way.source)?.connect(peer).await {
            Ok(stream) if stream.local_addr().is_ok_and(|local| local == peer) => {
                Ok(Err(Failure::Theirs("the connection was refused".to_owned())))
            }
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                Ok(Ok(stream))
            }
            Err(error) if error.raw_os_error() == Some(libc::EADDRNOTAVAIL) => Ok(Err(Failure::NoPort)),
            Err(error) => {
                let error = ConnectError::classify(&error, "connect", peer)?;
                Ok(Err(Failure::Theirs(format!("no connection: {}", error.word()))))
            }
        }
    }

    /// The end of a handshake, and a goodbye that is no part of it.
    async fn leave(&self, mut stream: LoadStream) -> Result<Result<Done, Failure>, Fault> {
        let done = Done { at: Instant::now(), resumed: resumed(&stream) };
        if self.plan.settings.resume
            && let Ok(Err(error)) = timeout(self.plan.late, await_ticket(&mut stream)).await
        {
            let end = self.client.classify(&error)?;
            return Ok(Err(Failure::Theirs(format!("after the handshake: {}", kind(&end)))));
        }
        if self.plan.settings.reset {
            let _ = stream.get_ref().0.set_zero_linger();
        } else {
            // A server that is gone by now was there when it mattered.
            let _ = tokio::io::AsyncWriteExt::shutdown(&mut stream).await;
        }
        Ok(Ok(done))
    }
}

fn kind(end: &HandshakeEnd) -> String {
    match end {
        HandshakeEnd::Completed(_) => "completed".to_owned(),
        HandshakeEnd::Timeout => "the connection timed out".to_owned(),
        HandshakeEnd::Reset => "reset during the handshake".to_owned(),
        HandshakeEnd::Closed => "closed during the handshake".to_owned(),
        HandshakeEnd::Unreachable(why) => why.clone(),
        HandshakeEnd::NotTls(why) => format!("not TLS ({why})"),
        HandshakeEnd::Alert(alert) => format!("TLS alert {alert}"),
    }
}

fn threads(error: &dyn std::fmt::Display) -> Fault {
    Fault::local(
        "start a thread for load",
        "",
        error.to_string(),
        "check the limits of processes and memory (ulimit -a)",
    )
}

fn timers(error: &std::io::Error) -> Fault {
    Fault::local(
        "set a timer for load",
        "",
        error.to_string(),
        "raise the limit of open files (ulimit -n), or lower `connections`",
    )
}
