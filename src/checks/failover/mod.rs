//! Failover: breaks something, measures how long the service was away, and puts it back.

mod degraded;
mod diagnosis;
mod disruptions;
mod exclusion;
mod expected;
mod facts;
mod fields;
mod injection;
mod isolated;
mod measure;
mod outage;
mod owners;
mod proxies;
mod report;
mod rows;
mod settings;
mod stream;
mod streams;
mod synonyms;
#[cfg(test)]
mod tests;

use std::time::Duration;

use facts::{INJECT_EXIT, RECOVERED, RESTORE_EXIT, RESTORED};
use injection::FaultInjection;
use measure::PhaseTimes;
use proxies::ProxySettings;
use settings::Phases;
use stream::StreamConfig;
use streams::Streams;

use crate::guard::{CommandResult, RestoreResult};
use crate::model::{Args, Fact, FactInfo, Fault, FieldInfo, Invalid, Observation, Value};
use crate::net::heartbeat::Heartbeat;
use crate::probe::{Cx, Diagnosis, Failure, FieldRules, Footprint, Mode, Probe, RestoreOutcome, Synonyms};

/// The probe.
pub struct Failover {
    streams: Vec<StreamConfig>,
    phases: Phases,
    /// What it breaks; `None` of a check that only watches.
    injection: Option<FaultInjection>,
    proxies: ProxySettings,
    commands: Duration,
}

impl Probe for Failover {
    const SUMMARY: &'static str =
        "Break something or watch a change, measure outages with bounds, restore on every path";
    const FIELDS: &'static [FieldInfo] = fields::FIELDS;
    const FACTS: &'static [FactInfo] = facts::FACTS;
    const MODES: &'static [Mode] =
        &[Mode::of("inject", |args| !args.get(&fields::INJECT).is_empty(), facts::OF_DISRUPTION)];
    const STREAMS: bool = false;
    const NO_PARITY: Option<&'static str> =
        Some("what it breaks is broken for both IP versions at once: give its probe an `ip_version`");
    const FIELD_RULES: FieldRules = FieldRules {
        exclusive: &[],
        any: &[&["probe", "streams"]],
        with: &[("restore", &["inject"]), ("verify", &["inject"]), ("proxies", &["inject"])],
    };
    const SYNONYMS: Synonyms = synonyms::SYNONYMS;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (fields::PROBE.name(), None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let streams = settings::streams(args)?;
        let phases = Phases::from_args(args, &streams)?;
        let proxies = proxies::settings(args)?;
        let plan = settings::fault(args, &phases, &proxies)?;
        let commands = plan.as_ref().map_or(Duration::ZERO, |plan| plan.inject_timeout() + plan.longest_restore());
        let injection = plan.map(|plan| {
            let keys = settings::exclusive(args, &plan);
            FaultInjection::new(plan, keys)
        });
        Ok(Self { streams, phases, injection, proxies, commands })
    }

    fn target(&self) -> String {
        let mut targets: Vec<String> = self.streams.iter().map(|stream| stream.probe.target()).collect();
        targets.dedup();
        let more = targets.len().saturating_sub(1);
        let first = targets.into_iter().next().unwrap_or_default();
        if more == 0 { first } else { format!("{first} and {more} more") }
    }

    fn footprint(&self) -> Footprint {
        if self.injection.is_some() { Footprint::Disruptive } else { Footprint::Quiet }
    }

    fn watches(&self) -> bool {
        true
    }

    fn longest(&self) -> Duration {
        // The wait after the first steady phase and the end each have the patience; 10 s arm the guard.
        let rehearsals: Duration = self.streams.iter().map(StreamConfig::rehearsal).sum();
        let timeout = self.streams.iter().map(|stream| stream.timeout).max().unwrap_or_default();
        self.phases.all()
            + rehearsals
            + timeout * 2
            + self.commands
            + self.proxies.longest_start()
            + Duration::from_secs(10)
    }

    fn answered(observation: &Observation) -> bool {
        observation.last(RECOVERED.info.name) == Some(&Value::Bool(true))
    }

    fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
        diagnosis::diagnose(failure)
    }

    fn breaks(&self) -> Vec<(&'static str, String)> {
        self.injection.as_ref().map_or_else(Vec::new, FaultInjection::breaks)
    }

    fn is_cpu_bound(&self) -> bool {
        self.streams.iter().any(|stream| stream.probe.is_cpu_bound())
    }

    async fn prepare(&self) {
        for stream in &self.streams {
            stream.probe.prepare().await;
        }
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let proxies = self.proxies.start(cx).await?;
        let ended = match &self.injection {
            Some(injection) => self.disrupt(injection, cx).await,
            None => self.watch(cx).await,
        };
        match proxies {
            Some(proxies) => proxies.end(ended, cx),
            None => ended,
        }
    }

    async fn restore(&self, cx: &mut Cx<'_>) -> Result<RestoreOutcome, Fault> {
        let Some(injection) = &self.injection else { return Ok(RestoreOutcome::Nothing) };
        match injection.restore().await {
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
    /// Breaks it while the streams run.
    async fn disrupt(&self, injection: &FaultInjection, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let target = self.target();
        injection.check_commands(&target)?;
        // Held to the end of the round; the guard holds them for as long as it lives.
        let locks = injection.lock(cx.check(), &target)?;
        let heartbeat = self.heartbeat()?;
        let streams = Streams::start(&self.streams, cx).await?;
        let mut times = self.steady_before(cx, &streams, &heartbeat).await?;
        injection.arm(&locks, cx.check(), &target).await?;
        let injecting = streams.now();
        self.inject(injection, cx).await?;
        times.injected = streams.now();
        let guarded = tokio::select! {
            () = tokio::time::sleep(self.phases.observe) => Ok(()),
            lost = injection.lost() => Err(lost),
            // Nothing of it can be judged any more, so there is no reason to leave it broken for longer.
            () = streams.interrupted(&heartbeat, injecting) => Ok(()),
        };
        times.restoring = streams.cut();
        // After a failure nothing of it will be judged; what counts is that everybody hears of it soon.
        self.restore_service(injection, cx).await.and(guarded)?;
        self.watched(&streams, &heartbeat, &times)?;
        tokio::time::sleep(self.phases.settle).await;
        self.steady_after(cx, streams, &heartbeat, times).await
    }

    /// Watches what somebody else changes.
    async fn watch(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let heartbeat = self.heartbeat()?;
        let streams = Streams::start(&self.streams, cx).await?;
        let mut times = self.steady_before(cx, &streams, &heartbeat).await?;
        times.injected = times.steady;
        tokio::time::sleep(self.phases.observe).await;
        times.restoring = streams.cut();
        self.watched(&streams, &heartbeat, &times)?;
        self.steady_after(cx, streams, &heartbeat, times).await
    }

    async fn steady_after(
        &self,
        cx: &mut Cx<'_>,
        streams: Streams,
        heartbeat: &Heartbeat,
        mut times: PhaseTimes,
    ) -> Result<(), Fault> {
        times.after = streams.cut();
        tokio::time::sleep(self.phases.steady).await;
        times.end = streams.cut();
        self.watched(&streams, heartbeat, &times)?;
        let started = streams.started();
        let finished = streams.finish(times.end).await?;
        report::facts(cx, &finished, &times, (&self.phases, started, self.injection.is_some()))
    }

    /// A service that loses probes before the fault cannot be measured: nothing is injected then.
    async fn steady_before(
        &self,
        cx: &mut Cx<'_>,
        streams: &Streams,
        heartbeat: &Heartbeat,
    ) -> Result<PhaseTimes, Fault> {
        tokio::time::sleep(self.phases.steady).await;
        let times = PhaseTimes { steady: streams.cut(), ..PhaseTimes::default() };
        self.watched(streams, heartbeat, &times)?;
        streams.steady(times.steady, &self.phases, self.injection.is_some(), cx).await?;
        Ok(times)
    }

    async fn inject(&self, injection: &FaultInjection, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let outcome = injection.inject().await?;
        exit(cx, &INJECT_EXIT, outcome.command.as_ref());
        if outcome.succeeded() {
            return Ok(());
        }
        // A command that failed half-way may have broken something all the same.
        self.restore_service(injection, cx).await?;
        Err(Fault::local(
            "inject the fault",
            self.target(),
            outcome.failure_text(),
            if outcome.failed.is_empty() {
                "run the inject command by hand; it must exit 0 (`restore` was run)"
            } else {
                "do it by hand (`shakedown plan` shows the command) to see what keeps it from taking effect; it was undone"
            },
        ))
    }

    async fn restore_service(&self, injection: &FaultInjection, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match injection.restore().await {
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
                    self.target(),
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
            Fault::local("start a thread that watches this process", self.target(), error.to_string(), remedy)
        })
    }

    /// What this process did not watch, because it did not run, it must not judge.
    fn watched(&self, streams: &Streams, heartbeat: &Heartbeat, times: &PhaseTimes) -> Result<(), Fault> {
        let phases = times.phases().map(|(name, from, until)| (name, streams.unwatched(heartbeat, from, until)));
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
            self.target(),
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
