//! Failover: breaks something, measures how long the service was away, and puts it back.

mod facts;
mod fields;
mod injection;
mod outage;
mod report;
mod settings;
mod stream;
#[cfg(test)]
mod tests;

use std::time::Duration;

use facts::{INJECT_EXIT, RECOVERED, RESTORE_EXIT, RESTORED, STEADY_BEFORE};
use injection::FaultInjection;
use outage::ProbeOutcome;
use report::PhaseTimes;
use settings::Phases;
use stream::{ProbeStream, StreamConfig};

use crate::guard::CommandResult;
use crate::model::{Args, Fact, FactInfo, Fault, FieldInfo, Invalid, Observation, Value};
use crate::probe::{Cx, Footprint, Probe};

/// The probe.
pub struct Failover {
    stream: StreamConfig,
    phases: Phases,
    injection: FaultInjection,
    commands: Duration,
}

impl Probe for Failover {
    const SUMMARY: &'static str = "Inject a fault, measure the outage with bounds, restore on every path";
    const FIELDS: &'static [FieldInfo] = fields::FIELDS;
    const FACTS: &'static [FactInfo] = facts::FACTS;
    const STREAMS: bool = false;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (fields::PROBE.name(), None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let stream = settings::stream(args)?;
        let phases = Phases::from_args(args, &stream)?;
        let (inject, restore) = settings::commands(args)?;
        let commands = inject.timeout + restore.longest();
        Ok(Self { stream, phases, injection: FaultInjection::new(inject, restore), commands })
    }

    fn target(&self) -> String {
        self.stream.probe.target()
    }

    fn footprint(&self) -> Footprint {
        Footprint::Disruptive
    }

    fn longest(&self) -> Duration {
        // The first probe, the wait after the first steady phase and the end each have the patience; 10 s arm the guard.
        self.phases.all() + self.stream.patience * 3 + self.commands + Duration::from_secs(10)
    }

    fn answered(observation: &Observation) -> bool {
        observation.last(RECOVERED.info.name) == Some(&Value::Bool(true))
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        self.stream.try_once(cx.cancelled()).await?;
        let stream = ProbeStream::start(self.stream.clone())?;
        let mut times = self.steady_before(cx, &stream).await?;
        self.injection.arm().await?;
        self.inject(cx).await?;
        times.injected = stream.now();
        tokio::time::sleep(self.phases.observe).await;
        times.restoring = stream.now();
        let restored = self.restore_service(cx).await;
        tokio::time::sleep(self.phases.settle).await;
        times.after = stream.now();
        tokio::time::sleep(self.phases.steady).await;
        let log = stream.finish().await;
        let measured = log.and_then(|log| report::facts(cx, &log, &times, &self.phases, &self.stream));
        // Something left broken matters more than a measurement that failed.
        restored.and(measured)
    }

    async fn restore(&self) -> Result<(), Fault> {
        self.injection.restore().await.map(|_| ()).map_err(|failed| failed.fault)
    }
}

impl Failover {
    /// A service that loses probes before the fault cannot be measured: nothing is injected then.
    async fn steady_before(&self, cx: &mut Cx<'_>, stream: &ProbeStream) -> Result<PhaseTimes, Fault> {
        tokio::time::sleep(self.phases.steady).await;
        let steady = stream.now();
        let probes = stream.results(steady).await;
        let answered = probes.iter().filter(|probe| probe.outcome == ProbeOutcome::Answered).count();
        cx.set(&STEADY_BEFORE, answered == probes.len() && answered > 0);
        if answered == probes.len() && answered > 0 {
            return Ok(PhaseTimes { steady, ..PhaseTimes::default() });
        }
        let (loss, fault) = stream.first_errors();
        if let (0, Some(fault)) = (answered, &fault) {
            return Err(fault.clone());
        }
        let why = loss.or_else(|| fault.map(|fault| fault.to_string())).unwrap_or_else(|| "no probe was sent".into());
        Err(Fault::local(
            "check the steady state",
            self.stream.probe.target(),
            format!(
                "was not steady before: {answered} of {} probes answered ({why}); nothing was injected",
                probes.len()
            ),
            "make the service healthy first; when answers are merely slow, raise the probe's `timeout`",
        ))
    }

    async fn inject(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let outcome = self.injection.inject().await?;
        exit(cx, &INJECT_EXIT, &outcome);
        if outcome.succeeded() {
            return Ok(());
        }
        // A command that failed half-way may have broken something all the same.
        self.restore_service(cx).await?;
        Err(Fault::local(
            "inject the fault",
            self.stream.probe.target(),
            outcome.failure_text(),
            "run the inject command by hand; it must exit 0 (`restore` was run)",
        ))
    }

    async fn restore_service(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let (restored, result) = match self.injection.restore().await {
            Ok(restored) => (restored, Ok(())),
            Err(failed) => (Some(failed.restored), Err(failed.fault)),
        };
        cx.set(&RESTORED, result.is_ok());
        if let Some(restored) = restored {
            exit(cx, &RESTORE_EXIT, &restored.restore);
        }
        result
    }
}

fn exit(cx: &mut Cx<'_>, fact: &Fact<i64>, outcome: &CommandResult) {
    if let Some(status) = outcome.exit {
        cx.set(fact, i64::from(status));
    }
}
