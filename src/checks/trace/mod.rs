//! Trace: which way packets go to a target, hop by hop, all hops at once; and where they end if they do not arrive.

mod diagnosis;
mod facts;
mod fields;
mod flow_paths;
mod prober;
mod report;
mod synonyms;

use std::net::SocketAddr;
use std::time::Duration;

use facts::{ADDRESS, OUTCOME};
use fields::{COUNT, FLOWS, HOST, INTERVAL, MAX_HOPS, MTU, PORT, PROTOCOL, Protocol, RETRIES, TIMEOUT};
use prober::{LENGTHS, LIMITED, Prober, TRIES, TraceJob, TraceResult};

use crate::checks::shared::target::Target;
use crate::model::table::joined;
use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid, Observation};
use crate::net::dial;
use crate::net::open_loop::Threads;
use crate::probe::{
    self, Cx, Diagnosis, EarlyEnd, Failure, FieldRules, Footprint, PhaseInfo, Probe, Synonyms, fact_is,
};

/// Port of datagrams, which nobody listens on.
const UDP_PORT: u16 = 33_434;
const TCP_PORT: u16 = 80;
/// Most packets of a check, further ones included.
const MOST_PACKETS: u64 = 32_768;
/// Most SYNs, each of which holds a descriptor.
const MOST_SYNS: u64 = 512;
/// Time for the name, threads and the report.
const MARGIN: Duration = Duration::from_secs(5);

/// The probe.
pub struct Trace {
    target: Target,
    protocol: Protocol,
    flows: u16,
    max_hops: u8,
    count: u32,
    retries: u32,
    interval: Duration,
    mtu: bool,
}

const MODES: &[probe::Mode] = &[probe::Mode::of("mtu: discover", |args| args.given(&MTU), facts::MTU_FACTS)];

impl Probe for Trace {
    const SUMMARY: &'static str =
        "The path to a host, hop by hop: routers, loss and round-trip times, equal ways, loops, and where packets end";
    const FIELDS: &'static [FieldInfo] = fields::FIELDS;
    const FACTS: &'static [FactInfo] = joined!(FactInfo; facts::FACTS, facts::MTU_FACTS);
    const MODES: &'static [probe::Mode] = MODES;
    const STREAMS: bool = false;
    const NO_PARITY: Option<&'static str> = Some(
        "routers have other addresses in each IP version, so no two ways are the same: write a check for each `ip_version`",
    );
    const FIELD_RULES: FieldRules = FieldRules { exclusive: &[], any: &[], with: &[] };
    const SYNONYMS: Synonyms = synonyms::SYNONYMS;
    const DIAGNOSED_BY: &'static [&'static str] = &[PROTOCOL.name(), PORT.name()];
    const PHASES: &'static [PhaseInfo] = diagnosis::PHASES;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (HOST.name(), Some(PORT.name()));

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let (protocol, port) = (args.get(&PROTOCOL), args.get(&PORT));
        let port = match (protocol, port) {
            (Protocol::Icmp, Some(_)) => {
                return Err(
                    PORT.invalid("ICMP has no ports", "write `protocol: udp` or `protocol: tcp`, or leave `port` out")
                );
            }
            (Protocol::Icmp, None) => 0,
            (Protocol::Udp, port) => port.unwrap_or(UDP_PORT),
            (Protocol::Tcp, port) => port.unwrap_or(TCP_PORT),
        };
        let mtu = args.given(&MTU);
        if mtu && protocol == Protocol::Tcp {
            return Err(MTU.invalid("a SYN has one length", "write `protocol: icmp` or `protocol: udp`"));
        }
        let target = Target::from_args(args, args.get(&HOST), port, args.get(&TIMEOUT))?;
        let (flows, max_hops) = (args.get(&FLOWS), args.get(&MAX_HOPS));
        let (count, retries) = (args.get(&COUNT), args.get(&RETRIES));
        let packets = u64::from(flows) * u64::from(max_hops) * (u64::from(count) + u64::from(retries));
        let most = if protocol == Protocol::Tcp { MOST_SYNS.max(u64::from(max_hops) * 16) } else { MOST_PACKETS };
        if packets > most {
            let message = format!("it takes up to {packets} packets, and a check has at most {most}");
            return Err(FLOWS.invalid(message, "lower `flows`, `count`, `retries` or `max_hops`"));
        }
        Ok(Self { target, protocol, flows, max_hops, count, retries, interval: args.get(&INTERVAL), mtu })
    }

    fn target(&self) -> String {
        self.target.label()
    }

    fn footprint(&self) -> Footprint {
        Footprint::Quiet
    }

    fn longest(&self) -> Duration {
        let volleys = u32::from(self.flows) * (self.count + self.retries);
        // Hops whose routers do not say which datagram they answer are asked one by one, of each flow.
        let each = if self.protocol == Protocol::Udp { u32::from(self.max_hops) * u32::from(self.flows) } else { 1 };
        let passes = 3 + self.retries * (1 + each);
        let lengths = if self.mtu { TRIES * (LENGTHS + 3) } else { 0 };
        let limited = if self.protocol == Protocol::Udp {
            LIMITED * (u32::from(self.flows) * self.retries)
        } else {
            Duration::ZERO
        };
        let waits = (self.interval * volleys).saturating_add(limited);
        waits.saturating_add(self.target.timeout * (passes + lengths)).saturating_add(MARGIN)
    }

    fn answered(observation: &Observation) -> bool {
        fact_is(observation, OUTCOME.info.name, "reached")
    }

    fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
        diagnosis::diagnose(failure)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match self.trace(cx).await {
            Ok(()) => Ok(()),
            Err(end) => end.record(cx, &OUTCOME),
        }
    }
}

impl Trace {
    async fn trace(&self, cx: &mut Cx<'_>) -> Result<(), EarlyEnd> {
        let address = self.target.address().await?;
        cx.set(&ADDRESS, self.target.origin.label(address));
        let found = self.ask(cx.seed(), self.target.socket(address)).await?;
        report::report(cx, self, address, &found);
        Ok(())
    }

    /// Traces on a thread of its own, and waits until that is done.
    async fn ask(&self, seed: u64, peer: SocketAddr) -> Result<TraceResult, Fault> {
        let job = TraceJob {
            peer,
            protocol: self.protocol,
            flows: self.flows,
            max_hops: self.max_hops,
            count: self.count,
            retries: self.retries,
            interval: self.interval,
            timeout: self.target.timeout,
            origin: self.target.origin,
            mtu: self.mtu,
            seed,
        };
        let prober = Prober::open(job)?;
        let mut owner = Threads::new();
        let result = owner
            .spawn("trace", move |stop| prober.run(stop))
            .map_err(|error| dial::local_fault(&error, "start a thread to trace", peer))?;
        result.await.map_err(|_| {
            Fault::local("trace", self.target.label(), "the thread ended early", "report this: it is a defect")
        })?
    }

    /// Whether the packets of a flow are one flow to routers.
    fn is_of_flows(&self) -> bool {
        self.protocol != Protocol::Tcp
    }
}

#[cfg(test)]
mod tests;
