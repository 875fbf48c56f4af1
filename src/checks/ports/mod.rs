//! Ports: which ports of one or many hosts are open, closed or filtered from here.

mod diagnosis;
mod facts;
mod fields;
mod report;
mod synonyms;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use facts::{ADDRESS, OUTCOME};
use fields::{HOST, METHOD, PORTS, RATE, RETRIES, ScanMethod, TIMEOUT};
use tokio::time::Instant;

use crate::checks::shared::hosts::{HOSTS, HOSTS_FILE, Host, HostList, is_near};
use crate::checks::shared::target::{self, Target};
use crate::checks::shared::udp_payloads;
use crate::model::table::joined;
use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid, Observation, PortSet, RateOr, Text};
use crate::net::dial::ZONE;
use crate::net::open_loop::Threads;
use crate::net::origin::NO_LINK;
use crate::net::port_scan::{self, Method, Pace, ScanJob, ScanShare};
use crate::net::this_host::{self, syn::REPEATED};
use crate::net::{IpVersion, Origin};
use crate::probe::{self, Cx, Diagnosis, EarlyEnd, Failure, FieldRules, Footprint, Probe, Synonyms, fact_is};

/// Probes per second to hosts beyond this machine and its links, unless the check says otherwise.
const RATE_BEYOND: f64 = 100.0;
/// Most pairs of host and port of a check; each costs a byte while it runs.
const MOST_PAIRS: u64 = 1 << 24;
/// Most pairs beyond this machine and its links that are asked without permission: somebody may take more for an attack.
const MOST_UNASKED: u64 = 1024;
/// Above this rate one thread is not enough, and measurements beside it would be disturbed.
const FAST: f64 = 5_000.0;
/// Pairs that are asked before a second thread has begun.
const FEW: u64 = 64;
/// Most threads.
const THREADS: usize = 2;
/// What a slow machine does in a second at full speed.
const SLOWEST: f64 = 2_000.0;
/// Silent ports that are waited for together on a machine with few descriptors.
const TOGETHER: f64 = 256.0;
/// Time for names, threads and the report, beside the schedule.
const MARGIN: Duration = Duration::from_secs(5);

/// The probe.
pub struct Ports {
    targets: Targets,
    version: IpVersion,
    asked: PortSet,
    method: ScanMethod,
    pace: Pace,
    timeout: Duration,
    retries: u32,
    origin: Origin,
}

/// Whose ports are asked.
enum Targets {
    One(Target),
    Many(HostList),
}

fn is_of_many(args: &Args) -> bool {
    args.given(&HOSTS) || args.given(&HOSTS_FILE)
}

const MODES: &[probe::Mode] = &[
    probe::Mode::of("host: 192.0.2.1", |args| !is_of_many(args), facts::SINGLE),
    probe::Mode::of("hosts: [192.0.2.0/24]", is_of_many, facts::MANY)
        .adds("hosts.silent: {len: 0}\nhosts.unreachable: {len: 0}\nhosts.unresolved: {len: 0}"),
];

impl Probe for Ports {
    const SUMMARY: &'static str =
        "TCP and UDP ports: which ports of one or many hosts are open, closed or filtered from here";
    const FIELDS: &'static [FieldInfo] = fields::FIELDS;
    const FACTS: &'static [FactInfo] = joined!(FactInfo; facts::FACTS, facts::SINGLE, facts::MANY);
    const MODES: &'static [probe::Mode] = MODES;
    const STREAMS: bool = false;
    const MUST_EXPECT: &'static [&'static str] = facts::MUST_EXPECT;
    const FIELD_RULES: FieldRules = FieldRules {
        exclusive: &[&["host", "hosts"], &["host", "hosts_file"]],
        any: &[&["host", "hosts", "hosts_file"]],
        with: &[],
    };
    const SYNONYMS: Synonyms = synonyms::SYNONYMS;
    const DIAGNOSED_BY: &'static [&'static str] = &["method"];
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (HOST.name(), None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let version = target::version(args)?;
        let timeout = args.get(&TIMEOUT);
        let targets = match (args.get(&HOST), HostList::from_args(args, version)?) {
            (Some(host), None) => Targets::One(Target::from_args(args, host, 0, timeout)?),
            (None, Some(list)) => Targets::Many(list),
            (Some(_), Some(_)) => {
                return Err(HOST.invalid("`host` names one host, and `hosts` many", "write all of them in `hosts`"));
            }
            (None, None) => {
                return Err(HOST.invalid("no host is named", format!("write `host`, or `{}` for many", HOSTS.name())));
            }
        };
        let origin = match &targets {
            Targets::One(target) => target.origin,
            Targets::Many(list) => list.origin(args)?,
        };
        let asked = ports(&args.get(&PORTS))?;
        let is_near = match &targets {
            Targets::One(target) => target.literal().is_some_and(is_near),
            Targets::Many(list) => list.remote() == 0,
        };
        let pace = match args.get(&RATE) {
            Some(RateOr::Rate(rate)) => Pace::Rate(rate),
            Some(RateOr::Word(_)) => Pace::Max,
            None if is_near => Pace::Max,
            None => Pace::Rate(RATE_BEYOND),
        };
        let (method, retries) = (args.get(&METHOD), args.get(&RETRIES));
        let scan = Self { targets, version, asked, method, pace, timeout, retries, origin };
        let pairs = scan.pairs();
        if pairs > MOST_PAIRS {
            let message =
                format!("these are {pairs} ports of all hosts together, and a check has at most {MOST_PAIRS}");
            return Err(PORTS.invalid(message, "write fewer ports or hosts, or several checks"));
        }
        Ok(scan)
    }

    fn target(&self) -> String {
        match &self.targets {
            Targets::One(target) => target.label(),
            Targets::Many(list) => list.label(),
        }
    }

    fn footprint(&self) -> Footprint {
        let fast = match self.pace {
            Pace::Rate(rate) => rate > FAST,
            Pace::Max => true,
        };
        if fast && self.pairs() > FEW { Footprint::Noisy } else { Footprint::Quiet }
    }

    fn longest(&self) -> Duration {
        let pairs = self.pairs() as f64;
        let rate = match self.pace {
            Pace::Rate(rate) => rate.min(SLOWEST),
            Pace::Max => SLOWEST,
        };
        let timeout = self.timeout.max(REPEATED);
        let silent = (pairs / TOGETHER).ceil() * timeout.as_secs_f64();
        let pass = Duration::try_from_secs_f64((pairs / rate).max(silent)).unwrap_or(Duration::MAX);
        let passes = self.retries + 1 + port_scan::EXTRA;
        (pass + timeout).saturating_mul(passes).saturating_add(timeout * 2 + MARGIN)
    }

    fn answered(observation: &Observation) -> bool {
        fact_is(observation, OUTCOME.info.name, "answered")
    }

    fn scan(&self) -> Option<String> {
        let beyond = match &self.targets {
            Targets::One(target) => u64::from(!target.literal().is_some_and(is_near)),
            Targets::Many(list) => list.remote(),
        };
        let pairs = beyond * self.asked.len();
        let hosts = if beyond == 1 { "a host".to_owned() } else { format!("{beyond} hosts, together,") };
        (pairs > MOST_UNASKED).then(|| format!("asks {pairs} ports of {hosts} beyond this machine and its links"))
    }

    fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
        diagnosis::diagnose(failure)
    }

    fn watches(&self) -> bool {
        false
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match &self.targets {
            Targets::One(target) => match self.one(target, cx).await {
                Ok(()) => Ok(()),
                Err(end) => end.record(cx, &OUTCOME),
            },
            Targets::Many(list) => {
                self.origin.check()?;
                let hosts = list.resolve(self.version, self.timeout).await?;
                let addresses: BTreeSet<IpAddr> =
                    hosts.iter().filter_map(|host| host.address.as_ref().ok().copied()).collect();
                let result = self.ask(addresses.into_iter().collect()).await?;
                report::many(cx, &hosts, &result)
            }
        }
    }
}

/// What a scan found out.
struct ScanResult {
    /// The hosts and the ports that were asked, in order.
    hosts: Arc<[IpAddr]>,
    ports: Arc<[u16]>,
    /// By each thread.
    found: Vec<ScanShare>,
    /// How long a silent port was waited for.
    patience: Duration,
    took: Duration,
}

impl Ports {
    fn pairs(&self) -> u64 {
        let hosts = match &self.targets {
            Targets::One(_) => 1,
            Targets::Many(list) => list.count(),
        };
        hosts.saturating_mul(self.asked.len())
    }

    async fn one(&self, target: &Target, cx: &mut Cx<'_>) -> Result<(), EarlyEnd> {
        let address = target.address().await?;
        cx.set(&ADDRESS, self.origin.label(address));
        let result = self.ask(Arc::from([address])).await?;
        let host = Host { name: Some(target.host.clone()), address: Ok(address), zone: None };
        Ok(report::one(cx, &host, &result)?)
    }

    /// Asks all ports of all addresses, and waits until that is done.
    async fn ask(&self, hosts: Arc<[IpAddr]>) -> Result<ScanResult, Fault> {
        let ports: Arc<[u16]> = self.asked.iter().collect();
        let shares = self.shares(hosts.len() as u64 * ports.len() as u64);
        let start = Instant::now();
        let mut owner = Threads::new();
        let mut results = Vec::new();
        let mut patience = self.timeout;
        for share in 0..shares {
            let pace = match self.pace {
                Pace::Rate(rate) => Pace::Rate(rate / shares as f64),
                Pace::Max => Pace::Max,
            };
            let job = ScanJob {
                hosts: Arc::clone(&hosts),
                ports: Arc::clone(&ports),
                method: match self.method {
                    ScanMethod::Connect => Method::Connect,
                    ScanMethod::Syn => Method::Syn,
                    ScanMethod::Udp => Method::Udp,
                },
                payload: udp_payloads::of,
                pace,
                timeout: self.timeout,
                retries: self.retries,
                origin: self.origin,
                share: (share, shares),
            };
            patience = job.last_timeout();
            let spawned = owner.spawn(format!("ports-{share}"), move |stop| port_scan::run(job, stop));
            results.push(spawned.map_err(|error| self.own("start a thread to ask ports", &error.to_string()))?);
        }
        let mut found = Vec::new();
        for result in results {
            let ended = result.await.map_err(|_| self.own("ask ports", "the thread ended early: this is a defect"))?;
            found.push(ended.map_err(|error| self.unopened(&error))?);
        }
        Ok(ScanResult { hosts, ports, found, patience, took: start.elapsed() })
    }

    fn own(&self, operation: &str, why: &str) -> Fault {
        Fault::local(
            operation,
            Probe::target(self),
            why,
            "check the limits of processes and memory (`ulimit -a`), or lower --jobs",
        )
    }

    fn unopened(&self, error: &std::io::Error) -> Fault {
        let forbidden = matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES));
        let remedy =
            match self.origin.source.filter(|source| matches!(this_host::is_local(*source, self.origin), Ok(false))) {
                Some(_) => "`source` is no address of this machine: `ip address` lists them",
                None if forbidden => {
                    "give the binary the capability (`setcap cap_net_raw+ep shakedown`), or leave out `method: syn`"
                }
                // Of a name that stands for an address of a link.
                None if error.to_string() == NO_LINK => ZONE,
                None => "raise the limit of open files (`ulimit -n`) or lower --jobs",
            };
        Fault::local("open sockets", Probe::target(self), error.to_string(), remedy)
    }

    /// Threads that share the pairs; one where that is enough.
    fn shares(&self, pairs: u64) -> usize {
        let fast = match self.pace {
            Pace::Rate(rate) => rate > FAST,
            Pace::Max => true,
        };
        // Datagrams of one thread to the port of another would pass for answers, and a SYN costs little.
        let several = fast && pairs > FEW && self.method == ScanMethod::Connect;
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        if several { cores } else { 1 }
    }
}

/// The ports of the field.
fn ports(texts: &[Text]) -> Result<PortSet, Invalid> {
    let mut all = PortSet::default();
    for text in texts {
        let ports = PortSet::parse(text)
            .map_err(|why| PORTS.invalid(why, "write ports and ranges: `22`, `[22, 80, 8000-8100]`"))?;
        all = all.or(&ports);
    }
    if all.is_empty() {
        return Err(PORTS.invalid("there is no port in it", "write ports and ranges: `22`, `[22, 80, 8000-8100]`"));
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
