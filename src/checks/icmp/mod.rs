//! ICMP echo: loss, round-trip time, and errors from the path, of one host or of many.

mod counts;
mod diagnosis;
mod facts;
mod fields;
mod path_mtu;
mod prober;
mod single;
mod stream;
mod sweep;
mod synonyms;

use std::time::Duration;

use facts::OUTCOME;
use fields::{DUPLICATE_ADDRESS, HOST, HOSTS};
use path_mtu::{MTU, PathMtu};
use prober::EchoProber;
use single::Single;
use sweep::Sweep;

use crate::model::table::joined;
use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid, Observation};
use crate::probe::{
    self, Cx, Diagnosis, Failure, FieldRules, Footprint, PhaseInfo, Probe, Prober, StreamSpec, Synonyms, fact_is,
};

/// Above this rate in bit/s a check would disturb, or be disturbed by, measurements beside it.
const LOUD: f64 = 10e6;
/// IP and ICMP header of a probe.
const OVERHEAD: f64 = 28.0;

/// The probe.
pub struct Icmp {
    mode: Mode,
}

enum Mode {
    Single(Box<Single>),
    PathMtu(Box<PathMtu>),
    Sweep(Box<Sweep>),
}

/// Whether this process may send ICMP echo requests; the fault names the remedies.
pub fn permission() -> Result<(), Fault> {
    crate::proto::icmp::permission()
}

/// The kinds of checks, and the facts that each has alone.
const MODES: &[probe::Mode] = &[
    probe::Mode::of("host: 192.0.2.1", |args| !sweep::applies(args) && !path_mtu::applies(args), facts::SINGLE),
    probe::Mode::of("duplicate_address: true", |args| args.get(&DUPLICATE_ADDRESS), facts::LINK)
        .adds("link_addresses: {len: {le: 1}}"),
    probe::Mode::of("mtu: discover", path_mtu::applies, path_mtu::FACTS),
    probe::Mode::of("hosts: [192.0.2.0/24]", sweep::applies, sweep::FACTS)
        .adds("hosts.dead: {len: 0}\nhosts.unreachable: {len: 0}\nhosts.unresolved: {len: 0}"),
];

impl Probe for Icmp {
    const SUMMARY: &'static str =
        "ICMP echo: which hosts answer, loss, round-trip time, jitter, and errors from the path";
    const FIELDS: &'static [FieldInfo] = joined!(FieldInfo; fields::FIELDS, path_mtu::FIELDS, sweep::FIELDS);
    const FACTS: &'static [FactInfo] =
        joined!(FactInfo; facts::FACTS, facts::SINGLE, facts::LINK, path_mtu::OWN, sweep::FACTS);
    const MODES: &'static [probe::Mode] = MODES;
    const FIELD_RULES: FieldRules = FieldRules {
        exclusive: &[
            &["host", "hosts"],
            &["host", "hosts_file"],
            &["host", "rate"],
            &["host", "retries"],
            &["duplicate_address", "hosts"],
            &["duplicate_address", "hosts_file"],
            &["duplicate_address", "mtu"],
            &["mtu", "hosts"],
            &["mtu", "hosts_file"],
        ],
        any: &[&["host", "hosts", "hosts_file"]],
        with: &[],
    };
    const SYNONYMS: Synonyms = synonyms::SYNONYMS;
    const PHASES: &'static [PhaseInfo] = diagnosis::PHASES;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (HOST.name(), None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        if path_mtu::applies(args) && sweep::applies(args) {
            return Err(
                MTU.invalid("the MTU of a path is searched to one host", "write `host`, in a `matrix` for several")
            );
        }
        if args.get(&DUPLICATE_ADDRESS) && (sweep::applies(args) || path_mtu::applies(args)) {
            return Err(DUPLICATE_ADDRESS.invalid(
                "a link is asked who has one address",
                "write `host`, in a `matrix` for several, without `mtu`",
            ));
        }
        let mode = match (args.get(&HOST), sweep::applies(args)) {
            (Some(host), false) if path_mtu::applies(args) => Mode::PathMtu(Box::new(PathMtu::from_args(args, host)?)),
            (Some(host), false) => Mode::Single(Box::new(Single::from_args(args, host)?)),
            (None, true) => Mode::Sweep(Box::new(Sweep::from_args(args)?)),
            (Some(_), true) => {
                return Err(HOST.invalid("`host` names one host, and `hosts` many", "write all of them in `hosts`"));
            }
            (None, false) => {
                return Err(HOST.invalid("no host is named", format!("write `host`, or `{}` for many", HOSTS.name())));
            }
        };
        Ok(Self { mode })
    }

    fn target(&self) -> String {
        match &self.mode {
            Mode::Single(single) => single.target.label(),
            Mode::PathMtu(path) => path.target.label(),
            Mode::Sweep(sweep) => sweep.label(),
        }
    }

    fn footprint(&self) -> Footprint {
        let (rate, size) = match &self.mode {
            Mode::PathMtu(_) => return Footprint::Quiet,
            Mode::Single(single) if single.count == 1 => return Footprint::Quiet,
            Mode::Single(single) => (single.interval.as_secs_f64().recip(), single.size),
            Mode::Sweep(sweep) => (sweep.rate(), sweep.size()),
        };
        if (size as f64 + OVERHEAD) * 8.0 * rate > LOUD { Footprint::Noisy } else { Footprint::Quiet }
    }

    fn longest(&self) -> Duration {
        match &self.mode {
            Mode::Single(single) => single.longest(),
            Mode::PathMtu(path) => path.longest(),
            Mode::Sweep(sweep) => sweep.longest(),
        }
    }

    fn scan(&self) -> Option<String> {
        match &self.mode {
            Mode::Single(_) | Mode::PathMtu(_) => None,
            Mode::Sweep(sweep) => sweep.scan(),
        }
    }

    fn answered(observation: &Observation) -> bool {
        fact_is(observation, OUTCOME.info.name, "replied")
    }

    fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
        diagnosis::diagnose(failure)
    }

    fn watches(&self) -> bool {
        match &self.mode {
            Mode::Single(single) => single.count > 1,
            Mode::PathMtu(_) => false,
            Mode::Sweep(_) => true,
        }
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match &self.mode {
            Mode::Single(single) => single.run(cx).await,
            Mode::PathMtu(path) => path.run(cx).await,
            Mode::Sweep(sweep) => sweep.run(cx).await,
        }
    }

    async fn stream(&self, spec: &StreamSpec) -> Result<Option<Box<dyn Prober>>, Fault> {
        let Mode::Single(single) = &self.mode else { return Ok(None) };
        let prober = EchoProber::open(single, spec).await?;
        Ok(prober.map(|prober| Box::new(prober) as Box<dyn Prober>))
    }
}

#[cfg(test)]
mod tests;
