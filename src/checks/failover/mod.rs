//! Failover: breaks something, measures how long the service was away, and puts it back.

mod change;
mod facts;
mod fields;
mod outage;
mod report;
mod settings;
mod stream;
#[cfg(test)]
mod tests;

use std::time::Duration;

use change::Change;
use facts::{INJECT_EXIT, RECOVERED, RESTORE_EXIT, RESTORED, STEADY_BEFORE};
use outage::Fate;
use report::Marks;
use settings::Phases;
use stream::{Aim, Stream};

use crate::guard::CommandResult;
use crate::model::{Args, Fact, FactInfo, Fault, FieldInfo, Invalid, Observation, Value};
use crate::probe::{Cx, Footprint, Probe};

/// The probe.
pub struct Failover {
    aim: Aim,
    phases: Phases,
    change: Change,
    commands: Duration,
}

impl Probe for Failover {
    const SUMMARY: &'static str = "Inject a fault, measure the outage with bounds, restore on every path";
    const FIELDS: &'static [FieldInfo] = fields::FIELDS;
    const FACTS: &'static [FactInfo] = facts::FACTS;
    const STREAMS: bool = false;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (fields::PROBE.name(), None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let aim = settings::aim(args)?;
        let phases = Phases::from_args(args, &aim)?;
        let (inject, plan) = settings::commands(args)?;
        let commands = inject.timeout + plan.longest();
        Ok(Self { aim, phases, change: Change::new(inject, plan), commands })
    }

    fn target(&self) -> String {
        self.aim.probe.target()
    }

    fn footprint(&self) -> Footprint {
        Footprint::Disruptive
    }

    fn longest(&self) -> Duration {
        // The rehearsal, the wait after the first steady phase and the end each have the patience; 10 s arm the guard.
        self.phases.all() + self.aim.patience * 3 + self.commands + Duration::from_secs(10)
    }

    fn answered(seen: &Observation) -> bool {
        seen.last(RECOVERED.info.name) == Some(&Value::Bool(true))
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        self.aim.rehearse(cx.cancelled()).await?;
        let stream = Stream::start(self.aim.clone(), cx.cancelled());
        let mut marks = self.steady_before(cx, &stream).await?;
        self.change.arm().await?;
        self.inject(cx).await?;
        marks.injected = stream.now();
        tokio::time::sleep(self.phases.observe).await;
        marks.restoring = stream.now();
        let restored = self.put_back(cx).await;
        tokio::time::sleep(self.phases.settle).await;
        marks.after = stream.now();
        tokio::time::sleep(self.phases.steady).await;
        let log = stream.finish().await;
        let measured = report::facts(cx, &log, &marks, &self.phases, &self.aim);
        // Something left broken matters more than a measurement that failed.
        restored.and(measured)
    }

    async fn restore(&self) -> Result<(), Fault> {
        self.change.restore().await.map(|_| ()).map_err(|stuck| stuck.fault)
    }
}

impl Failover {
    /// A service that loses probes before the fault cannot be measured: nothing is injected then.
    async fn steady_before(&self, cx: &mut Cx<'_>, stream: &Stream) -> Result<Marks, Fault> {
        tokio::time::sleep(self.phases.steady).await;
        let steady = stream.now();
        let shots = stream.settled(steady).await;
        let answered = shots.iter().filter(|shot| shot.fate == Fate::Answered).count();
        cx.set(&STEADY_BEFORE, answered == shots.len() && answered > 0);
        if answered == shots.len() && answered > 0 {
            return Ok(Marks { steady, ..Marks::default() });
        }
        let (loss, fault) = stream.reasons();
        if let (0, Some(fault)) = (answered, &fault) {
            return Err(fault.clone());
        }
        let why = loss.or_else(|| fault.map(|fault| fault.to_string())).unwrap_or_else(|| "no probe was sent".into());
        Err(Fault::local(
            "check the steady state",
            self.aim.probe.target(),
            format!(
                "was not steady before: {answered} of {} probes answered ({why}); nothing was injected",
                shots.len()
            ),
            "make the service healthy first; when answers are merely slow, raise the probe's `timeout`",
        ))
    }

    async fn inject(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let outcome = self.change.inject().await?;
        exit(cx, &INJECT_EXIT, &outcome);
        if outcome.succeeded() {
            return Ok(());
        }
        // A command that failed half-way may have broken something all the same.
        self.put_back(cx).await?;
        Err(Fault::local(
            "inject the fault",
            self.aim.probe.target(),
            outcome.failure_text(),
            "run the inject command by hand; it must exit 0 (`restore` was run)",
        ))
    }

    async fn put_back(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let (restored, result) = match self.change.restore().await {
            Ok(restored) => (restored, Ok(())),
            Err(stuck) => (Some(stuck.restored), Err(stuck.fault)),
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
