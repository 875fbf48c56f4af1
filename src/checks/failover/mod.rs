//! Failover: breaks something, measures how long the service was away, and puts it back.

mod diagnosis;
mod disruptions;
mod exclusion;
mod expected;
mod facts;
mod fields;
mod injection;
mod outage;
mod report;
mod settings;
mod stream;
mod synonyms;
#[cfg(test)]
mod tests;

use std::time::Duration;

use facts::{INJECT_EXIT, RECOVERED, RESTORE_EXIT, RESTORED, STEADY_BEFORE};
use injection::FaultInjection;
use outage::ProbeOutcome;
use report::PhaseTimes;
use settings::Phases;
use stream::{ProbeStream, StreamConfig};

use crate::guard::{CommandResult, RestoreResult};
use crate::model::{Args, Fact, FactInfo, Fault, FieldInfo, Invalid, Observation, Value};
use crate::net::heartbeat::Heartbeat;
use crate::probe::{Cx, Diagnosis, Failure, Footprint, Probe, RestoreOutcome, Synonyms};

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
    const NO_PARITY: Option<&'static str> =
        Some("what it breaks is broken for both IP versions at once: give its probe an `ip_version`");
    const SYNONYMS: Synonyms = synonyms::SYNONYMS;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (fields::PROBE.name(), None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let stream = settings::stream(args)?;
        let phases = Phases::from_args(args, &stream)?;
        let plan = settings::fault(args, &phases)?;
        let commands = plan.inject_timeout() + plan.longest_restore();
        let keys = settings::exclusive(args, &plan);
        Ok(Self { stream, phases, injection: FaultInjection::new(plan, keys), commands })
    }

    fn target(&self) -> String {
        self.stream.probe.target()
    }

    fn footprint(&self) -> Footprint {
        Footprint::Disruptive
    }

    fn longest(&self) -> Duration {
        // The wait after the first steady phase and the end each have the patience; 10 s arm the guard.
        let patience = self.stream.rehearsal() + self.stream.patience * 2;
        self.phases.all() + patience + self.commands + Duration::from_secs(10)
    }

    fn answered(observation: &Observation) -> bool {
        observation.last(RECOVERED.info.name) == Some(&Value::Bool(true))
    }

    fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
        diagnosis::diagnose(failure)
    }

    fn is_cpu_bound(&self) -> bool {
        self.stream.probe.is_cpu_bound()
    }

    async fn prepare(&self) {
        self.stream.probe.prepare().await;
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        self.injection.check_commands(&self.stream.probe.target())?;
        // Held to the end of the round; the guard holds them for as long as it lives.
        let locks = self.injection.lock(cx.check(), &self.stream.probe.target())?;
        let config = self.stream.rehearsed(cx).await?;
        let heartbeat = self.heartbeat()?;
        let stream = ProbeStream::start(config)?;
        let mut times = self.steady_before(cx, &stream, &heartbeat).await?;
        self.injection.arm(&locks, cx.check(), &self.stream.probe.target()).await?;
        let injecting = stream.now();
        self.inject(cx).await?;
        times.injected = stream.now();
        let guarded = tokio::select! {
            () = tokio::time::sleep(self.phases.observe) => Ok(()),
            lost = self.injection.lost() => Err(lost),
            // Nothing of it can be judged any more, so there is no reason to leave it broken for longer.
            () = stream.interrupted(&heartbeat, injecting) => Ok(()),
        };
        times.restoring = stream.now();
        // After a failure nothing of it will be judged; what counts is that everybody hears of it soon.
        self.restore_service(cx).await.and(guarded)?;
        self.watched(&stream, &heartbeat, &times)?;
        tokio::time::sleep(self.phases.settle).await;
        times.after = stream.now();
        tokio::time::sleep(self.phases.steady).await;
        times.end = stream.now();
        self.watched(&stream, &heartbeat, &times)?;
        let log = stream.finish().await?;
        report::facts(cx, &log, &times, &self.phases, &self.stream)
    }

    async fn restore(&self, cx: &mut Cx<'_>) -> Result<RestoreOutcome, Fault> {
        match self.injection.restore().await {
            // A round that is stopped after its own restore says so as well.
            Ok(None) if cx.observation().last(RESTORED.info.name) == Some(&true.into()) => Ok(RestoreOutcome::Done),
            Ok(None) => Ok(RestoreOutcome::Nothing),
            Ok(Some(restored)) => {
                Self::record(cx, &restored);
                Ok(RestoreOutcome::Done)
            }
            Err(failed) => {
                Self::record(cx, &failed.restored);
                Err(failed.fault)
            }
        }
    }
}

impl Failover {
    /// A service that loses probes before the fault cannot be measured: nothing is injected then.
    async fn steady_before(
        &self,
        cx: &mut Cx<'_>,
        stream: &ProbeStream,
        heartbeat: &Heartbeat,
    ) -> Result<PhaseTimes, Fault> {
        tokio::time::sleep(self.phases.steady).await;
        let steady = stream.now();
        let times = PhaseTimes { steady, ..PhaseTimes::default() };
        self.watched(stream, heartbeat, &times)?;
        let probes = stream.results(steady).await;
        let answered = probes.iter().filter(|probe| probe.outcome == ProbeOutcome::Answered).count();
        cx.set(&STEADY_BEFORE, answered == probes.len() && answered > 0);
        if answered == probes.len() && answered > 0 {
            return Ok(times);
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
        exit(cx, &INJECT_EXIT, outcome.command.as_ref());
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
        match self.injection.restore().await {
            Ok(None) => {
                cx.set(&RESTORED, true);
                Ok(())
            }
            Ok(Some(restored)) => {
                Self::record(cx, &restored);
                if restored.incident.is_empty() {
                    return Ok(());
                }
                Err(Fault::local(
                    "keep the fault under control",
                    self.stream.probe.target(),
                    format!("{}; it is put back", restored.incident),
                    "find out what stopped this process or ended its guard, and run it again",
                ))
            }
            Err(failed) => {
                Self::record(cx, &failed.restored);
                Err(failed.fault)
            }
        }
    }

    fn record(cx: &mut Cx<'_>, restored: &RestoreResult) {
        cx.set(&RESTORED, restored.succeeded());
        exit(cx, &RESTORE_EXIT, restored.restore.as_ref());
        if !restored.repeated.is_empty() {
            cx.note(format!(
                "`restore` ended what the inject command had left running; run once more after that, it failed ({}): let it be \
                 safe to run twice, or give `verify`",
                restored.repeated
            ));
        }
        if !restored.remaining.is_empty() {
            cx.note(format!("still running, started by the inject command: {}", restored.remaining.join(", ")));
        }
    }

    fn heartbeat(&self) -> Result<Heartbeat, Fault> {
        Heartbeat::start().map_err(|error| {
            let remedy = "check the limits of processes and memory (`ulimit -a`)";
            Fault::local(
                "start a thread that watches this process",
                self.stream.probe.target(),
                error.to_string(),
                remedy,
            )
        })
    }

    /// What this process did not watch, because it did not run, it must not judge.
    fn watched(&self, stream: &ProbeStream, heartbeat: &Heartbeat, times: &PhaseTimes) -> Result<(), Fault> {
        let phases = times.phases().map(|(name, from, until)| (name, stream.unwatched(heartbeat, from, until)));
        let missed: Vec<String> = phases
            .iter()
            .filter(|(_, seconds)| *seconds > 0.0)
            .map(|(name, seconds)| format!("{seconds:.1}s of {name}"))
            .collect();
        if missed.is_empty() {
            return Ok(());
        }
        Err(Fault::local(
            "watch the service",
            self.stream.probe.target(),
            format!("this process did not run for {}, so nobody looked meanwhile", missed.join(" and ")),
            "it was stopped (SIGSTOP), the machine slept or was far too busy; run it again where it gets its turn",
        ))
    }
}

fn exit(cx: &mut Cx<'_>, fact: &Fact<i64>, outcome: Option<&CommandResult>) {
    if let Some(status) = outcome.and_then(|outcome| outcome.exit) {
        cx.set(fact, i64::from(status));
    }
}
