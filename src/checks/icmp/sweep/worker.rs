//! A thread that asks its share of the hosts, and hears what comes back: one socket for each class of addresses, nothing shared.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::SockAddr;
use tokio_util::sync::CancellationToken;

use super::tally::{HostTally, ProbeCounts, ProbeState, SentProbe, counts};
use crate::model::Fault;
use crate::net::clock::{ClockReading, Stamp};
use crate::net::datagram::{self, IcmpError};
use crate::net::open_loop::{self, Bounds, Clock, Due, Schedule, Workload, nanos};
use crate::net::origin::AddressClass;
use crate::net::sys::mmsg::{self, BATCH, Inbox, Waiter};
use crate::proto::icmp::{self, EchoSocket, Number, Options, Received, Requests, icmp_fault};
use crate::stats::Samples;

/// Receive buffer asked for: some thousand replies.
const BUFFER: usize = 8 << 20;
/// At full speed: probes without a reply that are younger than [`YOUNG`]. Well below what the receive buffer holds.
const WINDOW: usize = 2048;
/// What is older does not hold back others, nanoseconds.
const YOUNG: u64 = 20_000_000;
/// At full speed: probes sent before replies are read.
const TURN: usize = 32;
/// At full speed: the schedule of one thread, probes per second; more than any host sends.
const FULL_SPEED: f64 = 2e6;
/// How long to wait for room, where a window or a queue is full.
const PAUSE: Duration = Duration::from_micros(200);
/// Reports of the path read in one turn.
const REPORTS: usize = 1024;

/// How fast probes leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pace {
    /// So many per second.
    Rate(f64),
    /// As fast as this host can.
    Max,
}

/// What a thread has to do.
#[derive(Clone, Debug)]
pub(super) struct SweepJob {
    pub(super) hosts: Vec<IpAddr>,
    /// Probes to each, and further ones to those that answered none.
    pub(super) count: u32,
    pub(super) retries: u32,
    /// Least time between two probes to the same host.
    pub(super) interval: Duration,
    pub(super) pace: Pace,
    pub(super) size: usize,
    pub(super) options: Options,
    pub(super) timeout: Duration,
    pub(super) seed: u64,
}

/// What a thread found out; hosts in the order of the job.
pub(super) struct SweepResult {
    pub(super) hosts: Vec<HostTally>,
    /// The counts of each.
    pub(super) counts: Vec<ProbeCounts>,
    pub(super) lateness: Samples,
    /// A stamp of the kernel was missing, or of no use.
    pub(super) user_stamped: bool,
    /// Datagrams of the last pass that the kernel dropped, because this process did not read them in time.
    pub(super) dropped: u32,
}

/// One class of addresses.
struct Version {
    class: AddressClass,
    echo: EchoSocket,
    requests: Requests,
    inbox: Inbox,
}

/// The thread's state.
pub(super) struct Worker {
    job: SweepJob,
    versions: Vec<Version>,
    waiter: Waiter,
    clock: Clock,
    start: ClockReading,
    found: SweepResult,
    probes: Vec<SentProbe>,
    waiting: usize,
    /// First probe of this pass.
    first: usize,
    /// Probes before this one hold back no other.
    released: usize,
    /// Hosts of this pass: all, or those that are asked again.
    again: Option<Vec<u32>>,
    /// Datagrams dropped since the start, of each socket.
    drops: Vec<u32>,
    buffer: Vec<u8>,
    by_address: HashMap<IpAddr, u32>,
    has_reports: bool,
}

impl Worker {
    /// Opens its sockets.
    pub(super) fn open(job: SweepJob) -> Result<Self, Fault> {
        let open = |(class, target): (AddressClass, IpAddr)| {
            let echo = EchoSocket::open(target, job.size, job.seed, job.options)?;
            let fault = |error: io::Error| icmp_fault(&error, "watch ICMP socket", target);
            echo.socket.set_nonblocking(true).map_err(fault)?;
            datagram::enable_reports(&echo.socket);
            mmsg::prepare(&echo.socket, BUFFER).map_err(fault)?;
            let (requests, inbox) = (Requests::new(&echo.echo), Inbox::with_senders(icmp::room(job.size)));
            Ok(Version { class, echo, requests, inbox })
        };
        let versions: Vec<Version> = AddressClass::among(&job.hosts).map(open).collect::<Result<_, Fault>>()?;
        let hosts: Vec<HostTally> = job.hosts.iter().map(|address| HostTally::new(*address)).collect();
        Ok(Self {
            waiter: Waiter::new(versions.iter().map(|version| &version.echo.socket)),
            clock: Clock::start(),
            start: ClockReading::now(),
            probes: Vec::with_capacity(hosts.len()),
            found: SweepResult {
                hosts,
                counts: Vec::new(),
                lateness: Samples::default(),
                user_stamped: false,
                dropped: 0,
            },
            waiting: 0,
            first: 0,
            released: 0,
            again: None,
            drops: vec![0; versions.len()],
            buffer: vec![0; icmp::room(job.size)],
            by_address: HashMap::new(),
            has_reports: false,
            versions,
            job,
        })
    }

    /// Asks every host, and those that are silent again.
    pub(super) fn run(mut self, stop: &CancellationToken) -> SweepResult {
        let mut left = self.job.retries;
        self.pass(self.job.hosts.len() as u64 * u64::from(self.job.count), stop);
        while left > 0 && !stop.is_cancelled() {
            left -= 1;
            let silent = self.found.hosts.iter().zip(0_u32..).filter(|(host, _)| host.is_silent());
            let silent: Vec<u32> = silent.map(|(_, at)| at).collect();
            if silent.is_empty() {
                break;
            }
            let total = silent.len() as u64;
            self.again = Some(silent);
            self.pass(total, stop);
        }
        self.found.counts = counts(self.found.hosts.len(), &self.probes);
        self.found
    }

    fn pass(&mut self, total: u64, stop: &CancellationToken) {
        let least = self.job.interval.as_secs_f64() / self.job.hosts.len().max(1) as f64;
        let gap = match self.job.pace {
            Pace::Rate(rate) => rate.recip(),
            Pace::Max => FULL_SPEED.recip(),
        };
        // Only who gets several probes has an interval between them.
        let several = self.job.count > 1 && self.again.is_none();
        let gap = if several { gap.max(least) } else { gap };
        let schedule = Schedule::at_rate(gap.recip(), Duration::from_secs_f64(gap * total as f64));
        let bounds = Bounds { in_flight: usize::MAX, close: u64::MAX, drain: nanos(self.job.timeout), stale: u64::MAX };
        let at = self.clock.now();
        self.waiting = 0;
        self.first = self.probes.len();
        self.released = self.first;
        let dropped: u32 = self.drops.iter().sum();
        open_loop::run(&schedule, &bounds, stop, &mut Pass { worker: self, at });
        self.found.dropped = self.drops.iter().sum::<u32>() - dropped;
    }

    /// The host of the `number`-th probe of this pass.
    fn host(&self, number: u64) -> u32 {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        let count = self.job.hosts.len().max(1);
        match &self.again {
            None => u32::try_from(at % count).unwrap_or(u32::MAX),
            Some(silent) => silent.get(at).copied().unwrap_or(u32::MAX),
        }
    }

    /// Sends one probe; whether it is dealt with.
    fn send(&mut self, host: u32) -> bool {
        let Some(address) = usize::try_from(host).ok().and_then(|at| self.job.hosts.get(at)).copied() else {
            return true;
        };
        let class = AddressClass::of(address);
        let Some(version) = self.versions.iter_mut().find(|version| version.class == class) else { return true };
        let number = u32::try_from(self.probes.len()).unwrap_or(u32::MAX);
        // Made before the clock is read: its making is no part of a round trip.
        let packet = version.requests.of(number);
        let to = SockAddr::from(SocketAddr::new(address, 0));
        let (clock, socket) = (&self.clock, &version.echo.socket);
        let (mut sent, mut tries) = (0, 0);
        let result = datagram::past_errors(|| {
            (sent, tries) = (clock.now(), tries + 1);
            socket.send_to(packet, &to)
        });
        self.has_reports |= tries > 1;
        let state = match result {
            Ok(_) => ProbeState::Waiting,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(error) => {
                if let Some(host) = self.found.hosts.get_mut(host as usize) {
                    host.own = error.raw_os_error().or(Some(0));
                }
                ProbeState::Blocked
            }
        };
        self.waiting += usize::from(state == ProbeState::Waiting);
        self.probes.push(SentProbe { sent, host, rtt: 0.0, state });
        true
    }

    /// At full speed: whether more may be in flight.
    fn is_full(&mut self) -> bool {
        let before = self.clock.now().saturating_sub(YOUNG);
        let done = |probe: &SentProbe| probe.state != ProbeState::Waiting || probe.sent < before;
        while self.probes.get(self.released).is_some_and(done) {
            self.released += 1;
        }
        self.probes.len() - self.released >= WINDOW
    }

    fn receive(&mut self) {
        for at in 0..self.versions.len() {
            while let Some(version) = self.versions.get_mut(at) {
                let count = version.inbox.receive(&version.echo.socket);
                if let (Some(count), Some(drops)) = (version.inbox.drops(), self.drops.get_mut(at)) {
                    *drops = count;
                }
                let Ok(count) = count else {
                    self.has_reports = true;
                    break;
                };
                let now = ClockReading::now();
                for index in 0..count {
                    self.arrived(at, index, now);
                }
                if count < BATCH {
                    break;
                }
            }
            if self.has_reports {
                self.reports(at);
            }
        }
        self.has_reports = false;
    }

    fn arrived(&mut self, at: usize, index: usize, now: ClockReading) {
        let Some(version) = self.versions.get(at) else { return };
        let Some((packet, _)) = version.inbox.datagram(index) else { return };
        let (number, altered) = match version.echo.read(packet) {
            Received::Reply(Number::Exact(number)) => (number, false),
            Received::Altered(Number::Exact(number)) => (number, true),
            _ => return,
        };
        let Some(probe) = self.probes.get_mut(number as usize) else { return };
        let Some(host) = self.found.hosts.get_mut(probe.host as usize) else { return };
        if version.inbox.sender(index).is_some_and(|from| from != host.address) {
            return;
        }
        match probe.state {
            // Those of an earlier pass are not waited for any more.
            ProbeState::Waiting => self.waiting -= usize::from(number as usize >= self.first),
            ProbeState::Refused => {}
            ProbeState::Answered | ProbeState::Late | ProbeState::Altered => {
                host.duplicates += 1;
                return;
            }
            ProbeState::Blocked => return,
        }
        if altered {
            probe.state = ProbeState::Altered;
            return;
        }
        let (rtt, stamp) = self.start.after(probe.sent).elapsed(now, version.inbox.stamp(index));
        self.found.user_stamped |= stamp == Stamp::User;
        let in_time = rtt <= self.job.timeout;
        probe.state = if in_time { ProbeState::Answered } else { ProbeState::Late };
        probe.rtt = rtt.as_secs_f32();
        host.replied(number, in_time, version.inbox.ttl(index));
    }

    fn reports(&mut self, at: usize) {
        for _ in 0..REPORTS {
            let Some(version) = self.versions.get(at) else { return };
            let Some((report, to)) = datagram::next_report(&version.echo.socket, &mut self.buffer) else { return };
            let quoted = version.echo.echo.quoted(self.buffer.get(..report.quoted).unwrap_or_default());
            self.reported(report, quoted, to);
        }
    }

    /// A report about the probe it quotes; one that quotes too little for its number is about the host.
    fn reported(&mut self, report: IcmpError, quoted: Option<Number>, to: Option<IpAddr>) {
        let exact = if let Some(Number::Exact(number)) = quoted { Some(number) } else { None };
        let of_host = |host: Option<&HostTally>| host.is_some_and(|host| to.is_none_or(|to| to == host.address));
        let probe = exact.and_then(|number| self.probes.get_mut(number as usize));
        let probe = probe.filter(|probe| of_host(self.found.hosts.get(probe.host as usize)));
        let host = match probe {
            Some(probe) => {
                if probe.state == ProbeState::Waiting {
                    probe.state = ProbeState::Refused;
                    self.waiting -= usize::from(exact.is_some_and(|number| number as usize >= self.first));
                }
                Some(probe.host)
            }
            None => quoted.and(to).and_then(|to| self.host_at(to)),
        };
        if let Some(host) = host.and_then(|host| self.found.hosts.get_mut(host as usize)) {
            host.reported(report);
        }
    }

    fn host_at(&mut self, address: IpAddr) -> Option<u32> {
        if self.by_address.is_empty() {
            self.by_address = self.job.hosts.iter().copied().zip(0..).collect();
        }
        self.by_address.get(&address).copied()
    }
}

/// One pass over the hosts, on its own clock.
struct Pass<'w> {
    worker: &'w mut Worker,
    /// When it began, on the worker's clock.
    at: u64,
}

impl Workload for Pass<'_> {
    fn now(&self) -> u64 {
        self.worker.clock.now().saturating_sub(self.at)
    }

    fn send(&mut self, due: Due<'_>) -> u64 {
        let worker = &mut *self.worker;
        let full_speed = worker.job.pace == Pace::Max;
        if full_speed && worker.is_full() {
            worker.waiter.arrivals(PAUSE);
            return 0;
        }
        let mut done = 0;
        for number in due.numbers().take(if full_speed { TURN } else { usize::MAX }) {
            if !worker.send(worker.host(number)) {
                worker.waiter.room(PAUSE);
                break;
            }
            if !full_speed {
                worker.found.lateness.record(due.lateness(number).as_secs_f64());
            }
            done += 1;
        }
        done
    }

    fn receive(&mut self) {
        self.worker.receive();
    }

    fn in_flight(&self) -> usize {
        self.worker.waiting
    }

    fn wait(&mut self, length: Duration, _: bool) {
        self.worker.waiter.arrivals(length);
        self.worker.has_reports |= self.worker.waiter.has_errors();
    }
}
