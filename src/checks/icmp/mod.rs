//! ICMP echo: loss, round-trip time, and errors from the path.

mod counts;
mod diagnosis;
mod facts;
mod fields;
mod stream;
mod synonyms;

use std::time::Duration;

use facts::{ADDRESS, OUTCOME};
use fields::{COUNT, DONT_FRAGMENT, HOP_LIMIT, HOST, INTERVAL, SIZE, TIMEOUT};

use crate::checks::shared::target::Target;
use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid, Observation};
use crate::probe::{Cx, Diagnosis, EarlyEnd, Failure, Footprint, PhaseInfo, Probe, Synonyms, fact_is};
use crate::proto::icmp::{Options, Pinger};

/// Above this rate in bit/s a check would disturb, or be disturbed by, measurements beside it.
const LOUD: f64 = 10e6;
/// IP and ICMP header of a probe.
const OVERHEAD: f64 = 28.0;
/// Time beyond the schedule for the last wake-up and the evaluation.
const MARGIN: Duration = Duration::from_millis(500);

/// The probe.
pub struct Icmp {
    target: Target,
    count: u32,
    interval: Duration,
    size: usize,
    options: Options,
}

/// Whether this process may send ICMP echo requests; the fault names the remedies.
pub fn permission() -> Result<(), Fault> {
    crate::proto::icmp::permission()
}

impl Probe for Icmp {
    const SUMMARY: &'static str = "ICMP echo: loss, round-trip time, jitter, and errors from the path";
    const FIELDS: &'static [FieldInfo] = fields::FIELDS;
    const FACTS: &'static [FactInfo] = facts::FACTS;
    const SYNONYMS: Synonyms = synonyms::SYNONYMS;
    const PHASES: &'static [PhaseInfo] = diagnosis::PHASES;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (HOST.name(), None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let target = Target::from_args(args, args.get(&HOST), 0, args.get(&TIMEOUT))?;
        let (ttl, dont_fragment) = (args.get(&HOP_LIMIT), args.get(&DONT_FRAGMENT));
        Ok(Self {
            count: args.get(&COUNT),
            interval: args.get(&INTERVAL),
            size: args.get(&SIZE),
            options: Options { source: target.source, ttl, dont_fragment },
            target,
        })
    }

    fn target(&self) -> String {
        self.target.label()
    }

    fn footprint(&self) -> Footprint {
        let rate = (self.size as f64 + OVERHEAD) * 8.0 / self.interval.as_secs_f64();
        if self.count > 1 && rate > LOUD { Footprint::Noisy } else { Footprint::Quiet }
    }

    fn longest(&self) -> Duration {
        // The patience twice: for the name, and for the last reply.
        self.interval * self.count + self.target.timeout * 2 + MARGIN
    }

    fn answered(observation: &Observation) -> bool {
        fact_is(observation, OUTCOME.info.name, "replied")
    }

    fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
        diagnosis::diagnose(failure)
    }

    fn watches(&self) -> bool {
        self.count > 1
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match self.probe(cx).await {
            Ok(()) => Ok(()),
            Err(end) => end.record(cx, &OUTCOME),
        }
    }
}

impl Icmp {
    async fn probe(&self, cx: &mut Cx<'_>) -> Result<(), EarlyEnd> {
        let address = self.target.address().await?;
        cx.set(&ADDRESS, address.to_string());
        let pinger = Pinger::open(address, self.size, cx.seed(), self.options)?;
        Ok(stream::run(self, pinger, address, cx).await?)
    }
}

#[cfg(test)]
mod tests;
