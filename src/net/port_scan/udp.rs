//! A thread that asks its share of UDP ports: two sockets for each IP version, the second for the port that the first one has itself.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio_util::sync::CancellationToken;

use super::{Found, Job, OwnHost, Pace, PortState};
use crate::net::datagram::{self, Class, IcmpError};
use crate::net::dial::{self, ConnectError};
use crate::net::sys::mmsg::Waiter;
use crate::net::this_host;

/// Datagrams sent before answers are read: errors of them wait in a buffer of this host.
const TURN: usize = 16;
/// At full speed: datagrams that wait for an answer.
const WINDOW: usize = 512;
/// What a schedule that was held up may catch up with at once.
const CATCH_UP: Duration = Duration::from_millis(5);
/// How long to wait for room in a queue.
const PAUSE: Duration = Duration::from_millis(1);
const OPERATION: &str = "send UDP datagram";

struct Asker {
    job: Job,
    own: OwnHost,
    sockets: Vec<(bool, Socket, u16)>,
    by_address: HashMap<IpAddr, usize>,
    /// Pairs that wait, each until when, in the order sent.
    waits: VecDeque<(Instant, usize)>,
    waiting: HashSet<usize>,
    found: Found,
    due: Instant,
}

pub(super) fn run(job: Job, stop: &CancellationToken) -> io::Result<Found> {
    let mut sockets = Vec::new();
    for v6 in [false, true] {
        if job.hosts.iter().any(|host| host.is_ipv6() == v6) {
            for _ in 0..2 {
                let socket = open(v6, job.source)?;
                let port = socket.local_addr()?.as_socket().map_or(0, |local| local.port());
                sockets.push((v6, socket, port));
            }
        }
    }
    let by_address = job.hosts.iter().copied().zip(0..).collect();
    let found = Found::new(&job);
    let asker = Asker {
        own: OwnHost::read(),
        sockets,
        by_address,
        waits: VecDeque::new(),
        waiting: HashSet::new(),
        found,
        due: Instant::now(),
        job,
    };
    Ok(asker.run(stop))
}

fn open(v6: bool, source: Option<IpAddr>) -> io::Result<Socket> {
    let any = if v6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    let own = SocketAddr::new(source.unwrap_or(any), 0);
    let socket = Socket::new(Domain::for_address(own), Type::DGRAM.nonblocking(), None)?;
    if v6 {
        socket.set_only_v6(true)?;
    }
    socket.bind(&SockAddr::from(own))?;
    datagram::enable_icmp_errors(&socket);
    Ok(socket)
}

impl Asker {
    fn run(mut self, stop: &CancellationToken) -> Found {
        self.pass(self.job.len(), |at| at, stop);
        for _ in 0..self.job.retries {
            let silent = self.found.silent();
            if silent.is_empty() || stop.is_cancelled() {
                break;
            }
            self.pass(silent.len(), |at| silent.get(at).copied().unwrap_or(usize::MAX), stop);
        }
        self.found
    }

    fn pass(&mut self, total: usize, pair: impl Fn(usize) -> usize, stop: &CancellationToken) {
        let mut waiter = Waiter::new(self.sockets.iter().map(|(_, socket, _)| socket));
        let mut next = 0;
        while (next < total || !self.waiting.is_empty()) && !stop.is_cancelled() {
            let mut has_room = true;
            for _ in 0..TURN {
                if next >= total || !self.is_due() {
                    break;
                }
                has_room = self.send(pair(next));
                if !has_room {
                    break;
                }
                next += 1;
            }
            let now = Instant::now();
            let mut length = self.waits.front().map_or(PAUSE, |(until, _)| until.saturating_duration_since(now));
            if !has_room {
                length = length.min(PAUSE);
            } else if next < total && self.waiting.len() < WINDOW {
                let due = self.due.saturating_duration_since(now);
                length = if self.job.pace == Pace::Max { Duration::ZERO } else { length.min(due) };
            }
            waiter.arrivals(length);
            self.receive();
            self.expire();
        }
    }

    fn is_due(&self) -> bool {
        match self.job.pace {
            Pace::Max => self.waiting.len() < WINDOW,
            Pace::Rate(_) => self.due <= Instant::now(),
        }
    }

    /// Sends to a port; whether that is dealt with.
    fn send(&mut self, pair: usize) -> bool {
        let Some((host, port)) = self.job.pair(pair) else { return true };
        let Some(address) = self.job.hosts.get(host).copied() else { return true };
        if self.found.faults.contains_key(&host) {
            self.found.set(pair, PortState::Unasked);
            return true;
        }
        // An answer to an earlier datagram came late.
        if self.found.is_answered(pair) {
            return true;
        }
        let usable = |(v6, _, own): &&(bool, Socket, u16)| *v6 == address.is_ipv6() && *own != port;
        let Some((_, socket, _)) = self.sockets.iter().find(usable) else { return true };
        let (payload, peer) = ((self.job.payload)(port), SocketAddr::new(address, port));
        let to = SockAddr::from(peer);
        let mut result = socket.send_to(&payload, &to);
        if result.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock) {
            // What an earlier datagram met is told here, once.
            self.receive();
            let Some((_, socket, _)) = self.sockets.iter().find(usable) else { return true };
            result = socket.send_to(&payload, &to);
        }
        self.found.probes += 1;
        match result {
            Ok(_) => {
                // Silent until something comes.
                self.found.set(pair, PortState::Silent);
                self.waits.push_back((Instant::now() + self.job.timeout, pair));
                self.waiting.insert(pair);
            }
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS)) => return false,
            Err(error) => self.unsent(&error, host, peer),
        }
        if let Pace::Rate(rate) = self.job.pace {
            let late = Instant::now().checked_sub(CATCH_UP).unwrap_or(self.due);
            self.due = (self.due + Duration::from_secs_f64(rate.recip())).max(late);
        }
        true
    }

    fn unsent(&mut self, error: &io::Error, host: usize, peer: SocketAddr) {
        let fault = match this_host::route_error(peer, self.job.source) {
            Some(why) => this_host::route_fault(&why, OPERATION, peer),
            None => match ConnectError::classify(error, OPERATION, peer) {
                Err(fault) => fault,
                Ok(_) => dial::local_fault(error, OPERATION, peer),
            },
        };
        self.found.fault(host, fault);
    }

    fn receive(&mut self) {
        for at in 0..self.sockets.len() {
            let mut buffer = [0; 128];
            while let Some((report, to)) =
                self.sockets.get(at).and_then(|(_, socket, _)| datagram::next_report_of_port(socket, &mut buffer))
            {
                if let Some(to) = to {
                    self.reported(&report, to);
                }
            }
            let mut bytes = [MaybeUninit::uninit(); 16];
            while let Some((_, socket, _)) = self.sockets.get(at) {
                match socket.recv_from(&mut bytes) {
                    Ok((_, from)) => {
                        if let Some(from) = from.as_socket() {
                            self.answered(from);
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // The error of a datagram, whose report is read above, or in the next turn.
                    Err(_) => {}
                }
            }
        }
    }

    /// The pair of a peer, if it is of this share.
    fn pair(&self, peer: SocketAddr) -> Option<(usize, usize)> {
        let host = *self.by_address.get(&peer.ip())?;
        let port = self.job.ports.binary_search(&peer.port()).ok()?;
        let (share, shares) = self.job.share;
        let number = port * self.job.hosts.len() + host;
        (number % shares == share).then_some((number / shares, host))
    }

    fn answered(&mut self, from: SocketAddr) {
        if let Some((pair, host)) = self.pair(from) {
            self.settle(pair, host, PortState::Open);
        }
    }

    fn reported(&mut self, report: &IcmpError, to: SocketAddr) {
        let Some((pair, host)) = self.pair(to) else { return };
        if let Some(why) = this_host::rejection(report, to.ip()) {
            self.found.fault(host, this_host::rejection_fault(why, OPERATION, to));
            return;
        }
        let by_itself =
            report.router.is_some_and(|router| router == to.ip() || self.own.has(router) && self.own.has(to.ip()));
        match report.class {
            Class::Port if by_itself => self.settle(pair, host, PortState::Closed),
            Class::Advice => {}
            _ if report.router.is_none_or(|router| self.own.has(router)) => {
                self.found.report(host, format!("no answer to ARP or neighbour discovery ({report})"));
            }
            _ => {
                self.settle(pair, host, PortState::Rejected);
                self.found.report(host, report.to_string());
            }
        }
    }

    fn settle(&mut self, pair: usize, host: usize, state: PortState) {
        let Some((_, port)) = self.job.pair(pair) else { return };
        let known = self.job.ports.binary_search(&port).ok().and_then(|port| self.found.state(host, port));
        match known {
            Some(PortState::Silent) => {
                self.waiting.remove(&pair);
            }
            // An answer says more than an error that came before.
            Some(PortState::Rejected) if state != PortState::Rejected => {}
            _ => return,
        }
        self.found.set(pair, state);
    }

    fn expire(&mut self) {
        let now = Instant::now();
        while let Some((_, pair)) = self.waits.front().copied().filter(|(until, _)| *until <= now) {
            self.waits.pop_front();
            self.waiting.remove(&pair);
        }
    }
}
