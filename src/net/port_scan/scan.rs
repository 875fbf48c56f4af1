//! The loop of a scan, the same for every method: when probes leave, how long to wait for each, and which are sent again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::{SockAddr, Socket};
use tokio_util::sync::CancellationToken;

use super::{HostPort, Pace, PortState, ScanJob, ScanShare};
use crate::model::Fault;
use crate::net::open_loop::park;
use crate::net::this_host::OwnAddresses;
use crate::net::{datagram, dial};

/// Probes sent before answers are read.
const TURN: usize = 32;
/// What a schedule that was held up may catch up with at once.
const CATCH_UP: Duration = Duration::from_millis(5);
/// How long this host may lack something, with nothing in flight, before that is its fault.
const STARVED: Duration = Duration::from_secs(1);
/// Between two looks at what waited long enough, or whether this host has what it lacked.
const LOOK: Duration = Duration::from_millis(10);
/// Answers of a host after which its round-trip time is known.
const KNOWN: u32 = 16;
/// Longest round-trip time, of those seen, after which a port is first taken for silent.
const ROUND_TRIPS: u32 = 4;
/// The least of it.
const SHORTEST: Duration = Duration::from_millis(100);
/// Most asks beyond `retries`, of hosts whose answers get lost.
pub const EXTRA: u32 = 3;

/// One method: how its probes are sent, and what is read of their answers.
pub(super) trait Prober {
    /// Whether a silent port that answers when it is asked again shows a loss: of UDP it may be a limit of errors.
    const SILENCE_IS_LOSS: bool = true;

    /// Sends a probe. An error is something that this host lacks now and may have later: nothing was sent.
    fn send(&mut self, scan: &mut Scan, pair: HostPort) -> io::Result<()>;

    /// Reads what has come; where nothing has, waits for at most `length`.
    fn receive(&mut self, scan: &mut Scan, length: Duration);

    /// A port was waited for long enough: the last look at it.
    fn expire(&mut self, _: &mut Scan, _: HostPort, _token: usize) {}

    /// Gives back what it keeps for later probes: this host lacks it.
    fn give_back(&mut self) {}

    /// Answers that the kernel has dropped, because they were not read in time.
    fn dropped(&self) -> u64 {
        0
    }

    /// Whether the port is one that the scan itself has, so that it must be asked from another.
    fn is_own_port(&self, _: HostPort) -> bool {
        false
    }

    /// Takes other local ports.
    fn change_ports(&mut self, _: &ScanJob) -> io::Result<()> {
        Ok(())
    }
}

/// A probe without an answer.
#[derive(Clone, Copy)]
struct InFlight {
    at: Instant,
    /// What the prober knows it by.
    token: usize,
}

/// Round-trip times of a host.
#[derive(Clone, Copy, Default)]
struct RoundTrips {
    answers: u32,
    longest: Duration,
}

/// A share of a scan.
pub(super) struct Scan {
    pub(super) job: ScanJob,
    pub(super) own: OwnAddresses,
    pub(super) found: ScanShare,
    /// Probes in flight, by the number of their pair.
    in_flight: HashMap<usize, InFlight>,
    round_trips: Vec<RoundTrips>,
    /// Hosts of which a silent port answered when it was asked again.
    lossy: HashSet<usize>,
    /// Most probes in flight now, and at all.
    window: usize,
    most: usize,
    /// When the next probe may leave.
    due: Instant,
    /// When what waited long enough is looked for again.
    next_look: Instant,
    /// What came before was read.
    pub(super) read_until: Instant,
    /// Since when this host lacks something.
    starved: Option<Instant>,
    /// No silent port is asked again after this pass.
    is_last: bool,
}

impl Scan {
    pub(super) fn new(job: ScanJob, window: usize) -> Self {
        let now = Instant::now();
        Self {
            own: OwnAddresses::of(job.origin),
            found: ScanShare::new(&job),
            in_flight: HashMap::new(),
            round_trips: vec![RoundTrips::default(); job.hosts.len()],
            lossy: HashSet::new(),
            window,
            most: window,
            due: now,
            next_look: now,
            read_until: now,
            starved: None,
            is_last: false,
            job,
        }
    }

    /// Asks every port, and those that are silent again.
    pub(super) fn run<P: Prober>(mut self, mut prober: P, stop: &CancellationToken) -> io::Result<ScanShare> {
        let is_own = |at: &usize| self.job.pair(*at).is_some_and(|pair| prober.is_own_port(pair));
        let own: BTreeSet<usize> = (0..self.job.len()).filter(is_own).collect();
        self.ask(&mut prober, |at| !own.contains(&at), stop);
        if !own.is_empty() {
            prober.change_ports(&self.job)?;
            self.ask(&mut prober, |at| own.contains(&at), stop);
        }
        Ok(self.found)
    }

    /// Asks ports, and those that are silent again.
    fn ask<P: Prober>(&mut self, prober: &mut P, concerns: impl Fn(usize) -> bool, stop: &CancellationToken) {
        let mut dropped = prober.dropped();
        let (mut retries, mut extra) = (self.job.retries, if P::SILENCE_IS_LOSS { EXTRA } else { 0 });
        self.is_last = retries == 0;
        self.pass(prober, (0..self.job.len()).filter(|at| concerns(*at)), stop);
        while !stop.is_cancelled() {
            let mut silent: Vec<usize> = (0..self.job.len()).filter(|at| concerns(*at)).collect();
            silent.retain(|at| self.found.at(*at) == PortState::Silent);
            if retries > 0 {
                retries -= 1;
            } else if extra > 0 && !self.lossy.is_empty() {
                extra -= 1;
                silent.retain(|at| self.job.pair(*at).is_some_and(|pair| self.lossy.contains(&pair.host)));
            } else {
                self.blame(&silent, prober.dropped() - dropped);
                return;
            }
            if silent.is_empty() {
                return;
            }
            dropped = prober.dropped();
            self.is_last = retries == 0;
            self.lossy.clear();
            self.pass(prober, silent.into_iter(), stop);
        }
    }

    /// Of silent ports nothing is known where this host dropped answers.
    fn blame(&mut self, silent: &[usize], dropped: u64) {
        if dropped == 0 {
            return;
        }
        for at in silent {
            let Some(pair) = self.job.pair(*at) else { continue };
            let why = format!("this host dropped {dropped} answers, because it did not read them in time");
            let remedy = "run it again where less runs beside it, or with a lower `rate`";
            self.fault(pair, Fault::local("receive answers", pair.peer.ip().to_string(), why, remedy));
        }
    }

    fn pass<P: Prober>(&mut self, prober: &mut P, mut pairs: impl Iterator<Item = usize>, stop: &CancellationToken) {
        let mut next = pairs.next();
        while (next.is_some() || !self.in_flight.is_empty()) && !stop.is_cancelled() {
            let mut lacks = false;
            for _ in 0..TURN {
                let Some(at) = next.filter(|_| self.may_send()) else { break };
                if let Err(error) = self.send(prober, at) {
                    lacks = true;
                    if !self.is_starved(prober, at, &error) {
                        break;
                    }
                }
                next = pairs.next();
            }
            let length = self.wait(next.is_some(), lacks);
            if self.in_flight.is_empty() {
                if !length.is_zero() {
                    park(length);
                }
            } else {
                prober.receive(self, length);
                self.expire(prober);
            }
        }
    }

    fn may_send(&self) -> bool {
        let is_due = self.job.pace == Pace::Max || self.due <= Instant::now();
        is_due && self.in_flight.len() < self.window
    }

    fn send<P: Prober>(&mut self, prober: &mut P, at: usize) -> io::Result<()> {
        let Some(pair) = self.job.pair(at) else { return Ok(()) };
        // An answer to an earlier probe may have come late.
        if self.found.faults.contains_key(&pair.host) || self.found.is_answered(at) {
            return Ok(());
        }
        prober.send(self, pair)?;
        self.starved = None;
        if let Pace::Rate(rate) = self.job.pace {
            let late = Instant::now().checked_sub(CATCH_UP).unwrap_or(self.due);
            self.due = (self.due + Duration::from_secs_f64(rate.recip())).max(late);
        }
        Ok(())
    }

    /// How long nothing needs to be done until something comes.
    fn wait(&self, more: bool, lacks: bool) -> Duration {
        let now = Instant::now();
        if more && !lacks && self.in_flight.len() < self.window {
            return match self.job.pace {
                Pace::Max => Duration::ZERO,
                Pace::Rate(_) => self.due.saturating_duration_since(now).min(LOOK),
            };
        }
        LOOK
    }

    /// Whether this host lacks something for so long, with nothing in flight that would give it back, that it is its fault.
    fn is_starved<P: Prober>(&mut self, prober: &mut P, at: usize, error: &io::Error) -> bool {
        if !self.in_flight.is_empty() {
            self.starved = None;
            self.window = self.in_flight.len();
            return false;
        }
        prober.give_back();
        if self.starved.get_or_insert_with(Instant::now).elapsed() < STARVED {
            return false;
        }
        if let Some(pair) = self.job.pair(at) {
            self.fault(pair, dial::local_fault(error, self.job.method.operation(), pair.peer));
        }
        true
    }

    /// This host cannot ask the host of a pair.
    pub(super) fn fault(&mut self, pair: HostPort, fault: Fault) {
        self.in_flight.remove(&pair.at);
        self.found.faults.entry(pair.host).or_insert(fault);
    }

    /// A probe has left; it is silent until something comes.
    pub(super) fn sent(&mut self, pair: HostPort, token: usize) {
        self.in_flight.insert(pair.at, InFlight { at: Instant::now(), token });
    }

    /// Sends the packet of a pair. The kernel tells here what earlier packets met: `read` takes it in, and this packet is sent again.
    pub(super) fn send_to(
        &mut self,
        pair: HostPort,
        socket: &Socket,
        (packet, to): (&[u8], SocketAddr),
        read: impl Fn(&mut Self) -> bool,
    ) -> io::Result<()> {
        let to = SockAddr::from(to);
        let mut is_first = true;
        let result = datagram::past_errors(|| {
            if !std::mem::take(&mut is_first) {
                read(self);
            }
            socket.send_to(packet, &to)
        });
        match result {
            Ok(_) => {
                self.found.probes += 1;
                self.sent(pair, 0);
            }
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS)) => return Err(error),
            Err(error) => self.unsent(&error, pair),
        }
        Ok(())
    }

    /// Whether a probe of this pair has left at all.
    pub(super) fn was_asked(&self, pair: HostPort) -> bool {
        self.in_flight.contains_key(&pair.at) || self.found.at(pair.at) != PortState::Unasked
    }

    /// What a port came to. An answer says more than an error that came before, and nothing says more than an answer.
    pub(super) fn settle(&mut self, pair: HostPort, state: PortState) {
        let known = self.found.at(pair.at);
        // Whoever rejects may limit how many errors it sends: those that come later show no loss.
        if known == PortState::Silent && matches!(state, PortState::Open | PortState::Closed) {
            self.lossy.insert(pair.host);
        }
        if !self.found.is_answered(pair.at) {
            self.found.set(pair.at, state);
        }
        let Some(sent) = self.in_flight.remove(&pair.at) else { return };
        // A window that was too large for this host grows again, slowly.
        self.window = self.window.saturating_add(1).min(self.most);
        if self.found.is_answered(pair.at)
            && let Some(of_host) = self.round_trips.get_mut(pair.host)
        {
            of_host.answers = of_host.answers.saturating_add(1);
            of_host.longest = of_host.longest.max(sent.at.elapsed());
        }
    }

    /// How long to wait for a port of a host. Only of one that is asked again it may be less than what the check says.
    fn patience(&self, host: usize) -> Duration {
        if self.is_last {
            return self.job.last_timeout();
        }
        match self.round_trips.get(host) {
            Some(known) if known.answers >= KNOWN => (known.longest * ROUND_TRIPS).max(SHORTEST).min(self.job.timeout),
            _ => self.job.timeout,
        }
    }

    /// Those that waited long enough.
    fn expire<P: Prober>(&mut self, prober: &mut P) {
        let now = self.read_until;
        if now < self.next_look {
            return;
        }
        self.next_look = now + LOOK;
        let is_over =
            |pair: HostPort, sent: &InFlight| now.saturating_duration_since(sent.at) >= self.patience(pair.host);
        let over: Vec<(HostPort, usize)> = self
            .in_flight
            .iter()
            .filter_map(|(at, sent)| {
                self.job.pair(*at).filter(|pair| is_over(*pair, sent)).map(|pair| (pair, sent.token))
            })
            .collect();
        for (pair, token) in over {
            prober.expire(self, pair, token);
            if self.in_flight.contains_key(&pair.at) {
                self.settle(pair, PortState::Silent);
            }
        }
    }
}
