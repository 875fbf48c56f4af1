//! Failover: breaks something, measures how long the service was away, and puts it back.

mod abort;
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
mod steps;
mod stream;
mod streams;
mod synonyms;
#[cfg(test)]
mod tests;
mod timers;
mod touched;
mod writes;

use std::pin::pin;
use std::time::Duration;

use abort::{AbortCondition, Aborted};
use facts::{RECOVERED, RESTORED};
use injection::FaultInjection;
use measure::PhaseTimes;
use proxies::ProxySettings;
use settings::Phases;
use stream::StreamConfig;
use streams::Streams;

use crate::guard::FaultPlan;
use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid, Observation, Value};
use crate::net::heartbeat::NOT_RUN;
use crate::probe::open_ends::in_hours;
use crate::probe::{
    Cx, DerivedExpectation, Diagnosis, Failure, FieldRules, Footprint, Mode, OpenEnd, Probe, RestoreOutcome, Synonyms,
    Touched, Watch,
};

/// The probe.
pub struct Failover {
    streams: Vec<StreamConfig>,
    phases: Phases,
    /// What ends it before its time.
    aborts: Vec<AbortCondition>,
    /// What it breaks; `None` of a check that only watches.
    injection: Option<FaultInjection>,
    proxies: ProxySettings,
    commands: Duration,
    /// What it touches, of a check that breaks something.
    touched: Vec<Touched>,
}

impl Probe for Failover {
    const SUMMARY: &'static str =
        "Break something or watch a change, measure outages with bounds, restore on every path";
    const FIELDS: &'static [FieldInfo] = fields::FIELDS;
    const FACTS: &'static [FactInfo] = facts::FACTS;
    const MODES: &'static [Mode] = &[
        Mode::of("inject", |args| !args.get(&fields::INJECT).is_empty(), facts::OF_DISRUPTION),
        Mode::of("abort_if", |args| !args.get(&fields::ABORT_IF).is_empty(), facts::OF_ABORT)
            .example("abort_if: {outage: {gt: 10s}}"),
        Mode::of("read_back", settings::reads_back, facts::OF_WRITES)
            .example("streams: {orders: {http: {url: \"http://192.0.2.10/{number}\", method: PUT}, read_back: {http: {url: \"http://192.0.2.10/{number}\"}}}}"),
    ];
    const STREAMS: bool = false;
    const NO_PARITY: Option<&'static str> =
        Some("what it breaks is broken for both IP versions at once: give its probe an `ip_version`");
    const FIELD_RULES: FieldRules = FieldRules {
        exclusive: &[],
        any: &[&["probe", "streams"]],
        with: &[("restore", &["inject"]), ("verify", &["inject"]), ("proxies", &["inject"])],
    };
    const SYNONYMS: Synonyms = synonyms::SYNONYMS;
    const DIAGNOSED_BY: &'static [&'static str] = &[fields::TIMERS.name()];
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (fields::PROBE.name(), None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let streams = settings::streams(args)?;
        let phases = Phases::from_args(args, &streams)?;
        let proxies = proxies::settings(args)?;
        timers::check(args)?;
        let plan = settings::fault(args, &phases, &proxies)?;
        let timeouts = |plan: &FaultPlan| plan.preparing_timeout() + plan.inject_timeout() + plan.longest_restore();
        let commands = plan.as_ref().map_or(Duration::ZERO, timeouts);
        writes::check_room(&streams, phases.all() + commands, fields::OBSERVE.name())?;
        let lasts = phases.observe + plan.as_ref().map_or(Duration::ZERO, FaultPlan::commands_timeout);
        let aborts = abort::conditions(args, &streams, lasts)?;
        let touched = plan.as_ref().map_or_else(Vec::new, |plan| settings::touched(args, &streams, plan));
        let injection = plan.map(|plan| {
            let keys = settings::exclusive(args, &plan);
            FaultInjection::new(plan, keys)
        });
        Ok(Self { streams, phases, aborts, injection, proxies, commands, touched })
    }

    fn derives(args: &Args) -> Vec<DerivedExpectation> {
        timers::expectations(args)
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
        let rehearsals: Duration = self.streams.iter().map(StreamConfig::aside).sum();
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

    fn schedule(&self) -> Vec<String> {
        let unexpected = self.longest().saturating_sub(self.phases.all());
        let phases = self.phases.text(self.injection.is_some(), unexpected);
        std::iter::once(phases).chain(self.aborts.iter().map(AbortCondition::text)).collect()
    }

    fn is_open_ended(&self) -> bool {
        self.phases.until_signal
    }

    fn touches(&self) -> Vec<Touched> {
        self.touched.clone()
    }

    fn is_cpu_bound(&self) -> bool {
        self.streams.iter().flat_map(StreamConfig::probes).any(|probe| probe.is_cpu_bound())
    }

    async fn prepare(&self) {
        for probe in self.streams.iter().flat_map(StreamConfig::probes) {
            probe.prepare().await;
        }
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        cx.has_own_stamps();
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
        let watch = cx.watch().clone();
        let streams = Streams::start(&self.streams, cx).await?;
        let mut times = self.steady_before(cx, &streams, &watch).await?;
        injection.arm(&locks, cx.check(), &target).await?;
        let (aborted, guarded) = self.keep_broken(injection, cx, (&streams, &watch), &mut times).await?;
        let ended = match (&aborted, &guarded) {
            // Before the phase ends: what looking takes is no part of restoring.
            (None, Ok(())) => injection.ended_early().await,
            _ => None,
        };
        times.restoring = streams.cut();
        self.record_abort(cx, aborted.as_ref());
        let until_now = self.watched(&streams, &watch, &times);
        // After a failure nothing of it will be judged; what counts is that everybody hears of it soon.
        let doubts = self.restore_service(injection, cx).await?;
        guarded.and(until_now)?;
        // What was long enough to end it early was so, whatever else came to pass.
        if aborted.is_none() {
            self.as_planned(ended, &doubts)?;
        }
        let rest = async {
            self.watched(&streams, &watch, &times)?;
            tokio::time::sleep(self.phases.settle).await;
            self.steady_after(cx, streams, &watch, times).await
        };
        let ended = rest.await;
        Self::certain(aborted.is_some(), ended, cx)
    }

    /// What was certain when the disruption was aborted stays so, whatever kept this host from measuring the rest.
    fn certain(aborted: bool, ended: Result<(), Fault>, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match ended {
            Err(fault) if aborted => {
                cx.note(format!("what came after the abort was not measured: {fault}"));
                Ok(())
            }
            ended => ended,
        }
    }

    /// Breaks it and leaves it broken until it is time to restore; with why that came early, and whether the guard was there.
    async fn keep_broken(
        &self,
        injection: &FaultInjection,
        cx: &mut Cx<'_>,
        (streams, watch): (&Streams, &Watch),
        times: &mut PhaseTimes,
    ) -> Result<(Option<Aborted>, Result<(), Fault>), Fault> {
        let injecting = streams.now();
        let mut abort = pin!(self.abort(streams, times.steady));
        let early = tokio::select! {
            injected = self.inject(injection, cx) => injected.map(|()| None)?,
            // The guard ends what still injects before it restores.
            reached = &mut abort => Some(reached),
        };
        times.injected = streams.now();
        if early.is_some() {
            return Ok((early, Ok(())));
        }
        Ok(tokio::select! {
            () = tokio::time::sleep(self.phases.observe) => (None, Ok(())),
            reached = abort => (Some(reached), Ok(())),
            lost = injection.lost() => (None, Err(lost)),
            // Nothing of it can be judged any more, so there is no reason to leave it broken for longer.
            () = streams.interrupted(watch, injecting) => (None, Ok(())),
        })
    }

    /// Watches what somebody else changes.
    async fn watch(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let open_end = self.phases.until_signal.then(|| cx.open_end());
        let watch = cx.watch().clone();
        let streams = Streams::start(&self.streams, cx).await?;
        let mut times = self.steady_before(cx, &streams, &watch).await?;
        times.injected = times.steady;
        let watched = async {
            self.watched_long_enough(open_end, cx).await;
            // What came back just before the end shows here that it stays.
            tokio::time::sleep(self.phases.settle).await;
        };
        let aborted = tokio::select! {
            () = watched => None,
            reached = self.abort(&streams, times.steady) => Some(reached),
        };
        times.restoring = streams.cut();
        self.record_abort(cx, aborted.as_ref());
        self.watched(&streams, &watch, &times)?;
        let ended = self.steady_after(cx, streams, &watch, times).await;
        Self::certain(aborted.is_some(), ended, cx)
    }

    /// Returns when it is time to end the watch.
    async fn watched_long_enough(&self, open_end: Option<OpenEnd>, cx: &mut Cx<'_>) {
        let Some(open_end) = open_end else {
            tokio::time::sleep(self.phases.observe).await;
            return;
        };
        if !open_end.over().await {
            cx.note(format!("nobody ended the watch: it ended by itself after {}", in_hours(open_end.longest())));
        }
    }

    /// Returns once a condition of `abort_if` is reached.
    async fn abort(&self, streams: &Streams, steady: f64) -> Aborted {
        let lasts = self.phases.observe + self.commands;
        abort::reached(streams, &self.aborts, (&self.phases, lasts), steady).await
    }

    fn record_abort(&self, cx: &mut Cx<'_>, aborted: Option<&Aborted>) {
        if !self.aborts.is_empty() {
            abort::record(cx, aborted);
        }
    }

    async fn steady_after(
        &self,
        cx: &mut Cx<'_>,
        streams: Streams,
        watch: &Watch,
        mut times: PhaseTimes,
    ) -> Result<(), Fault> {
        times.after = streams.cut();
        tokio::time::sleep(self.phases.steady).await;
        times.end = streams.cut();
        self.watched(&streams, watch, &times)?;
        let started = streams.started();
        let mut finished = streams.finish(times.end).await?;
        writes::read_back(&mut finished, cx).await;
        report::facts(cx, &finished, &times, (&self.phases, started, self.injection.is_some()))
    }

    /// A service that loses probes before the fault cannot be measured: nothing is injected then.
    async fn steady_before(&self, cx: &mut Cx<'_>, streams: &Streams, watch: &Watch) -> Result<PhaseTimes, Fault> {
        tokio::time::sleep(self.phases.steady).await;
        let times = PhaseTimes { steady: streams.cut(), ..PhaseTimes::default() };
        self.watched(streams, watch, &times)?;
        streams.steady(times.steady, &self.phases, self.injection.is_some(), cx).await?;
        Ok(times)
    }

    /// What this process did not watch, because it did not run, it must not judge.
    fn watched(&self, streams: &Streams, watch: &Watch, times: &PhaseTimes) -> Result<(), Fault> {
        let phases = times.phases().map(|(name, from, until)| (name, streams.unwatched(watch, from, until)));
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
            format!("{NOT_RUN} {}, so nobody looked meanwhile", missed.join(" and ")),
            "it was stopped (SIGSTOP), the machine slept or was far too busy; run it again where it gets its turn",
        ))
    }
}
