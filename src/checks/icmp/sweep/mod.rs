//! Sweep: many hosts at once, each with its own row. Which of them answer, which do not, and about which a router says that it
//! cannot reach them.

mod diagnosis;
mod facts;
mod fields;
mod report;
mod tally;
#[cfg(test)]
mod tests;
mod worker;

use std::net::IpAddr;
use std::time::Duration;

pub(super) use diagnosis::diagnose;
pub(super) use facts::FACTS;
pub(super) use fields::FIELDS;
use fields::{RATE, RETRIES};
use worker::{Pace, SweepJob, SweepResult, Worker};

use super::fields::{COUNT, DONT_FRAGMENT, DSCP, HOP_LIMIT, INTERVAL, SIZE, TIMEOUT};
use crate::checks::shared::hosts::{HOSTS, HOSTS_FILE, Host, HostList};
use crate::checks::shared::target;
use crate::model::count::counted;
use crate::model::{Args, Fault, Invalid, RateOr};
use crate::net::IpVersion;
use crate::net::datagram::Stamping;
use crate::net::open_loop::Threads;
use crate::probe::Cx;
use crate::proto::icmp::Options;

/// Probes per second to hosts beyond this machine and its links, unless the check says otherwise.
const RATE_BEYOND: f64 = 100.0;
/// Most probes of a check, further ones included; each costs 24 bytes.
const MOST_PROBES: u64 = 1 << 23;
/// Above this rate one thread is not enough.
const PER_THREAD: f64 = 20_000.0;
/// Most threads.
const THREADS: usize = 4;
/// Least payload: the number of the probe must be in it.
const LEAST_SIZE: usize = 16;
/// Payload that passes every link: 576 bytes (RFC 791, 3.1) without the longest IP header and that of ICMP.
const CARRIED: usize = 576 - 60 - 8;
/// Time for names, threads and the report, beside the schedule.
const MARGIN: Duration = Duration::from_secs(5);

/// Whether the fields of a check ask for a sweep.
pub(super) fn applies(args: &Args) -> bool {
    args.given(&HOSTS) || args.given(&HOSTS_FILE)
}

/// Many hosts, and how to ask them.
pub(super) struct Sweep {
    list: HostList,
    version: IpVersion,
    job: SweepJob,
}

impl Sweep {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let version = target::version(args)?;
        let field = if args.given(&HOSTS) { HOSTS.name() } else { HOSTS_FILE.name() };
        let list =
            HostList::from_args(args, version)?.ok_or_else(|| Invalid::at(field, "no host is named", "name one"))?;
        let origin = list.origin(args)?;
        let size = args.get(&SIZE);
        if size < LEAST_SIZE {
            let message = format!("with {size} bytes of payload the replies of many hosts cannot be told apart");
            return Err(SIZE.invalid(message, format!("write {LEAST_SIZE} B or more, or leave `size` out")));
        }
        let count = args.get(&COUNT).unwrap_or(1);
        let retries = args.get(&RETRIES).unwrap_or(if count == 1 { 2 } else { 0 });
        let probes = list.count().saturating_mul(u64::from(count) + u64::from(retries));
        if probes > MOST_PROBES {
            let message = format!("it takes {}, and a check has at most {MOST_PROBES}", counted(probes, "probe"));
            return Err(Invalid::at(field, message, "lower `count` or `retries`, or write several checks"));
        }
        let pace = match args.get(&RATE) {
            Some(RateOr::Rate(rate)) => Pace::Rate(rate),
            Some(RateOr::Word(_)) => Pace::Max,
            None if list.remote() == 0 => Pace::Max,
            None => Pace::Rate(RATE_BEYOND),
        };
        // What every link carries is not fragmented anyway, and the kernel need not look for an identification.
        let dont_fragment = args.get(&DONT_FRAGMENT) || size <= CARRIED;
        let options = Options { origin, ttl: args.get(&HOP_LIMIT), dont_fragment, dscp: args.get(&DSCP), flow: None };
        let (interval, timeout) = (args.get(&INTERVAL), args.get(&TIMEOUT));
        let job = SweepJob { hosts: Vec::new(), count, retries, interval, pace, size, options, timeout, seed: 0 };
        Ok(Self { list, version, job })
    }

    pub(super) fn label(&self) -> String {
        self.list.label()
    }

    /// What makes it a scan that must be allowed; `None` where it is none.
    pub(super) fn scan(&self) -> Option<String> {
        self.list.scan()
    }

    /// Probes per second, of what is known before.
    pub(super) fn rate(&self) -> f64 {
        match self.job.pace {
            Pace::Rate(rate) => rate,
            Pace::Max => f64::INFINITY,
        }
    }

    /// Payload of a probe, bytes.
    pub(super) fn size(&self) -> usize {
        self.job.size
    }

    pub(super) fn longest(&self) -> Duration {
        let hosts = self.list.count() as f64;
        // At full speed, what a slow machine may need.
        let gap = self.rate().min(PER_THREAD / 2.0).recip();
        let spread = if self.job.count > 1 { self.job.interval.as_secs_f64() } else { 0.0 };
        let first = (hosts * gap).max(spread) * f64::from(self.job.count);
        let sending = Duration::from_secs_f64(first + hosts * gap * f64::from(self.job.retries));
        sending + self.job.timeout * (self.job.retries + 2) + MARGIN
    }

    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        self.job.options.origin.check()?;
        let hosts = self.list.resolve(self.version, self.job.timeout).await?;
        let found = self.ask(cx.seed(), &hosts).await?;
        report::report(cx, &hosts, found, self.job.options.origin)
    }

    /// Asks all hosts with an address, and waits until that is done.
    async fn ask(&self, seed: u64, hosts: &[Host]) -> Result<Vec<SweepResult>, Fault> {
        let addresses: Vec<IpAddr> = hosts.iter().filter_map(|host| host.address.as_ref().ok().copied()).collect();
        let threads = self.threads(addresses.len());
        let _stamping = Stamping::start();
        let mut owner = Threads::new();
        let mut results = Vec::new();
        for share in 0..threads {
            let hosts: Vec<IpAddr> = addresses.iter().skip(share).step_by(threads).copied().collect();
            let pace = match self.job.pace {
                Pace::Rate(rate) => Pace::Rate(rate / threads as f64),
                Pace::Max => Pace::Max,
            };
            let worker =
                Worker::open(SweepJob { hosts, pace, seed: seed.wrapping_add(share as u64), ..self.job.clone() })?;
            let spawned = owner.spawn(format!("icmp-sweep-{share}"), move |stop| worker.run(stop));
            results.push(spawned.map_err(|error| {
                let remedy = "check the limits of processes and memory (`ulimit -a`), or lower --jobs";
                Fault::local("start a thread to send ICMP", self.label(), error.to_string(), remedy)
            })?);
        }
        let mut found = Vec::new();
        for result in results {
            let ended_early = |_| {
                Fault::local(
                    "send ICMP echo requests",
                    self.label(),
                    "the thread ended early",
                    "report this: it is a defect",
                )
            };
            found.push(result.await.map_err(ended_early)?);
        }
        Ok(found)
    }

    /// Threads that share the hosts; one where that is enough.
    fn threads(&self, hosts: usize) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        let wanted = if self.rate() > PER_THREAD { cores } else { 1 };
        // A few hosts are asked before a second thread has begun.
        wanted.min(hosts / 64 + 1)
    }
}
