//! Which ports of which hosts are open, closed or silent. A loop of its own: a task of the runtime for each port costs several
//! times what the connection does.

mod connect;
mod found;
mod scan;
mod syn;
#[cfg(test)]
mod tests;
mod udp;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use connect::ConnectProber;
pub use found::{PortState, ScanShare};
pub use scan::EXTRA;
use scan::Scan;
use syn::SynProber;
use tokio_util::sync::CancellationToken;
use udp::UdpProber;

use super::Origin;
use super::datagram::{Class, IcmpError};
use super::sys::limits;
use super::this_host;

/// Most connections in flight of all threads together.
const CONNECTIONS: u64 = 4096;
/// Descriptors left to the rest of the process.
const SPARE: u64 = 256;
/// At full speed: SYNs that wait for an answer.
const SYNS: usize = 16_384;
/// At full speed: datagrams that wait for an answer.
const DATAGRAMS: usize = 512;

/// How fast probes leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// So many per second.
    Rate(f64),
    /// As fast as this host can.
    Max,
}

/// How a port is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A TCP connection, closed at once.
    Connect,
    /// A SYN alone: a half-open connection that the kernel resets. Needs a raw socket (`CAP_NET_RAW`).
    Syn,
    /// A UDP datagram that the protocol of the port answers.
    Udp,
}

impl Method {
    const fn operation(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Syn => "send SYN",
            Self::Udp => "send UDP datagram",
        }
    }
}

/// What to ask. A pair is a port of a host; pairs go over all hosts before the next port.
#[derive(Clone, Debug)]
pub struct ScanJob {
    /// The hosts, in order, each once.
    pub hosts: Arc<[IpAddr]>,
    /// The ports of each, in order.
    pub ports: Arc<[u16]>,
    /// How they are asked.
    pub method: Method,
    /// Of UDP: what to send to a port.
    pub payload: fn(u16) -> Vec<u8>,
    /// Probes per second of this share.
    pub pace: Pace,
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// How often a silent port is asked again.
    pub retries: u32,
    /// Where packets leave from.
    pub origin: Origin,
    /// This share, and how many there are: the pairs are dealt out in turn.
    pub share: (usize, usize),
}

/// A port of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HostPort {
    /// Its number in its share.
    at: usize,
    /// The number of its host.
    host: usize,
    peer: SocketAddr,
}

impl ScanJob {
    /// One port, asked once, all of which is this share.
    #[cfg(test)]
    fn of_one(peer: SocketAddr, method: Method) -> Self {
        Self {
            hosts: [peer.ip()].into(),
            ports: [peer.port()].into(),
            method,
            payload: |_| Vec::new(),
            pace: Pace::Max,
            timeout: Duration::from_secs(1),
            retries: 0,
            origin: Origin::default(),
            share: (0, 1),
        }
    }

    /// How long to wait for a port that is not asked again. A connection has at least so long that a filter of this host shows.
    #[must_use]
    pub fn last_timeout(&self) -> Duration {
        match self.method {
            Method::Connect => self.timeout.max(this_host::syn::REPEATED),
            Method::Syn | Method::Udp => self.timeout,
        }
    }

    /// Pairs of this share.
    fn len(&self) -> usize {
        let (share, shares) = self.share;
        let all = self.hosts.len() * self.ports.len();
        (all + shares - 1).saturating_sub(share) / shares.max(1)
    }

    /// A pair of this share.
    fn pair(&self, at: usize) -> Option<HostPort> {
        let (share, shares) = self.share;
        let number = at * shares + share;
        let count = self.hosts.len().max(1);
        let (host, port) = (number % count, number / count);
        Some(HostPort { at, host, peer: SocketAddr::new(*self.hosts.get(host)?, *self.ports.get(port)?) })
    }

    /// The pair of a peer, if it is of this share.
    fn pair_of(&self, peer: SocketAddr) -> Option<HostPort> {
        let host = self.hosts.binary_search(&peer.ip()).ok()?;
        let port = self.ports.binary_search(&peer.port()).ok()?;
        let (share, shares) = self.share;
        let number = port * self.hosts.len() + host;
        (number % shares == share).then(|| self.pair(number / shares)).flatten()
    }
}

/// Asks all of a share; ends soon after `stop` is cancelled.
pub fn run(job: ScanJob, stop: &CancellationToken) -> io::Result<ScanShare> {
    let (_, shares) = job.share;
    match job.method {
        Method::Connect => {
            let files = limits::open_files(CONNECTIONS + SPARE);
            let all = CONNECTIONS.min(files.saturating_sub(SPARE.min(files / 2)));
            let window = usize::try_from(all / shares.max(1) as u64).unwrap_or(1).max(1);
            let prober = ConnectProber::new(&job)?;
            Scan::new(job, window).run(prober, stop)
        }
        Method::Syn => {
            let window = if job.pace == Pace::Max { SYNS } else { usize::MAX };
            let prober = SynProber::open(&job)?;
            Scan::new(job, window).run(prober, stop)
        }
        Method::Udp => {
            let window = if job.pace == Pace::Max { DATAGRAMS } else { usize::MAX };
            let prober = UdpProber::open(&job)?;
            Scan::new(job, window).run(prober, stop)
        }
    }
}

impl Scan {
    /// This host could not send to a host.
    fn unsent(&mut self, error: &io::Error, pair: HostPort) {
        let operation = self.job.method.operation();
        let fault = match this_host::route_error(pair.peer, self.job.origin) {
            Some(why) => this_host::route_fault(&why, operation, pair.peer, self.job.origin),
            None => match super::dial::ConnectError::classify(error, operation, pair.peer, self.job.origin) {
                Err(fault) => fault,
                Ok(_) => super::dial::local_fault(error, operation, pair.peer),
            },
        };
        self.fault(pair, fault);
    }

    /// An ICMP error about a probe; whether it ends the wait for an answer.
    fn reported(&mut self, report: &IcmpError, pair: HostPort) -> bool {
        let to = pair.peer.ip();
        if let Some(why) = this_host::rejection(report, to, self.job.origin) {
            let operation = self.job.method.operation();
            self.fault(pair, this_host::rejection_fault(why, operation, pair.peer));
            return true;
        }
        if report.class == Class::Advice {
            return false;
        }
        let by_this_host = report.router.map_or(Ok(true), |router| self.own.has(router));
        let looked_up = by_this_host.and_then(|by_this_host| Ok((by_this_host, self.own.has(to)?)));
        let (by_this_host, is_own) = match looked_up {
            Ok(known) => known,
            Err(error) => {
                let operation = self.job.method.operation();
                self.fault(pair, super::dial::local_fault(&error, operation, pair.peer));
                return true;
            }
        };
        if by_this_host && !is_own {
            // That a neighbour does not answer is its silence.
            self.found.report(pair.host, format!("no answer to ARP or neighbour discovery ({report})"));
            return false;
        }
        let by_itself = report.router == Some(to) || by_this_host;
        if self.job.method == Method::Udp && report.class == Class::Port && by_itself {
            self.settle(pair, PortState::Closed);
            return true;
        }
        self.settle(pair, PortState::Rejected);
        self.found.report(pair.host, report.to_string());
        true
    }
}
