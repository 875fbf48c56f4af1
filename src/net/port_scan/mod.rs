//! Which ports of which hosts are open, closed or silent. A loop of its own: a task of the runtime for each port costs several
//! times what the connection does.
//!
//! A socket that was refused is used again for the next port: making and closing one costs the kernel as much as the refusal.
//! Most answers of this very host are there when `connect` returns; only who waits is watched.

mod found;
#[cfg(test)]
mod tests;
mod udp;
mod worker;

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

pub use found::{Found, PortState};
use tokio_util::sync::CancellationToken;
use worker::Worker;

use super::sys::limits;
use super::this_host;

/// Most connections in flight of all threads together.
const WINDOW: u64 = 4096;
/// Descriptors left to the rest of the process.
const SPARE: u64 = 256;

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
    /// A UDP datagram that the protocol of the port answers.
    Udp,
}

/// What to ask. A pair is a port of a host; pairs go over all hosts before the next port.
#[derive(Clone, Debug)]
pub struct Job {
    /// The hosts.
    pub hosts: Arc<[IpAddr]>,
    /// The ports of each.
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
    /// Local address.
    pub source: Option<IpAddr>,
    /// This share, and how many there are: the pairs are dealt out in turn.
    pub share: (usize, usize),
}

impl Job {
    /// Pairs of this share.
    fn len(&self) -> usize {
        let (share, shares) = self.share;
        let all = self.hosts.len() * self.ports.len();
        (all + shares - 1).saturating_sub(share) / shares.max(1)
    }

    /// The host, by its number, and the port of a pair of this share.
    fn pair(&self, at: usize) -> Option<(usize, u16)> {
        let (share, shares) = self.share;
        let number = at * shares + share;
        let hosts = self.hosts.len().max(1);
        Some((number % hosts, *self.ports.get(number / hosts)?))
    }
}

/// Asks all of a share; ends soon after `stop` is cancelled.
pub fn run(job: Job, stop: &CancellationToken) -> std::io::Result<Found> {
    let (_, shares) = job.share;
    let share = |all: u64| usize::try_from(all / shares.max(1) as u64).unwrap_or(1).max(1);
    match job.method {
        Method::Connect => {
            let files = limits::open_files(WINDOW + SPARE);
            let window = share(WINDOW.min(files.saturating_sub(SPARE.min(files / 2))));
            Ok(Worker::new(job, window)?.run(stop))
        }
        Method::Udp => udp::run(job, stop),
    }
}

/// What this host is, as far as a scan of its own ports needs it.
struct OwnHost {
    addresses: BTreeSet<IpAddr>,
    /// Ports the kernel gives to those who connect.
    ephemeral: RangeInclusive<u16>,
}

impl OwnHost {
    fn read() -> Self {
        let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
        let mut ends = text.split_whitespace().map(str::parse::<u16>);
        let ephemeral = match (ends.next(), ends.next()) {
            (Some(Ok(low)), Some(Ok(high))) => low..=high,
            _ => 1024..=u16::MAX,
        };
        Self { addresses: this_host::addresses(), ephemeral }
    }

    fn has(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.addresses.contains(&address)
    }
}
