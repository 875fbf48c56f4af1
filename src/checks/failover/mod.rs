//! Failover: breaks something, measures how long the service was away, and puts it back.

mod change;
mod outage;
mod report;
mod settings;
mod stream;
#[cfg(test)]
mod tests;

use std::time::Duration;

use change::Change;
use outage::Fate;
use report::Marks;
use settings::Phases;
use stream::{Aim, Stream};

use crate::guard::Outcome;
use crate::model::fact::Distribution;
use crate::model::{
    Args, Better, Fact, FactInfo, Fault, FieldInfo, FieldKind, Invalid, Observation, Rule, Unit, Value,
};
use crate::probe::{Cx, Footprint, Probe};

/// Difference of an outage that is no alarm yet, seconds: timers of routers and load balancers have such steps.
const NOTICED: f64 = 0.1;
/// The same in probes, at an interval of 10 ms.
const BURST: f64 = 10.0;

const LONGEST: Fact<f64> = Fact::metric(
    "outage.longest",
    Unit::Seconds,
    Better::Lower,
    "Longest outage: the middle of its bounds; 0 when there was none, absent when the service never came back.",
)
.within(NOTICED);
const TOTAL: Fact<f64> = Fact::metric(
    "outage.total",
    Unit::Seconds,
    Better::Lower,
    "All outages together; absent when the service never came back.",
)
.within(NOTICED);
const LO: Fact<f64> = Fact::number(
    "outage.lo",
    Unit::Seconds,
    "The longest outage took at least this long: last minus first lost probe.",
);
const HI: Fact<f64> = Fact::number(
    "outage.hi",
    Unit::Seconds,
    "No outage took longer than this: the longest stretch without a proof of life. Assert recovery times on it.",
);
const OUTAGES: Fact<i64> = Fact::counter(
    "outages",
    Unit::Count,
    Better::Lower,
    "Outages that began after the steady phase and before `restore`: at least `isolated` lost probes in a row.",
);
const DETECTED_AFTER: Fact<f64> = Fact::number(
    "detected_after",
    Unit::Seconds,
    "From the end of the inject command to when the first lost probe of the first outage was due; negative when the \
     service went while the command still ran, absent without an outage.",
);
const RECOVERED: Fact<bool> = Fact::flag(
    "recovered",
    "Before `restore` began, the service had answered for `settle` without an outage; so also when there was none at all.",
)
.expected("true");
const RECOVERED_AFTER: Fact<f64> = Fact::metric(
    "recovered_after",
    Unit::Seconds,
    Better::Lower,
    "From the end of the inject command to the answer that began the lasting recovery; absent without an outage, and \
     when not recovered.",
)
.within(NOTICED);
const LOST: Fact<i64> =
    Fact::counter("lost", Unit::Count, Better::Lower, "Probes without an answer after the first steady phase.")
        .within(BURST);
const LATE: Fact<i64> = Fact::counter(
    "late",
    Unit::Count,
    Better::Lower,
    "Answered probes that took over twice as long as the slowest of the first steady phase, and over one interval: \
     held up, not lost.",
)
.within(BURST);
const SENT: Fact<i64> = Fact::integer("sent", Unit::Count, "Probes sent, steady phases included.").work();
const RESTORED: Fact<bool> = Fact::flag("restored", "`restore` and `verify` succeeded.").expected("true");
const STEADY_BEFORE: Fact<bool> = Fact::flag("steady.before", "No probe was lost before the fault.");
const STEADY_AFTER: Fact<bool> = Fact::flag("steady.after", "No probe was lost in the last steady phase.");
const FAILBACK: Fact<f64> = Fact::metric(
    "failback.outage",
    Unit::Seconds,
    Better::Lower,
    "Longest outage that began with or after `restore`; 0 when there was none, absent when the service stayed away.",
)
.within(NOTICED);
const LATENCY: Fact<Distribution> = Fact::distribution(
    "latency",
    Unit::Seconds,
    Better::Lower,
    "From sending a probe to its answer, answered probes only.",
);
const SCHEDULE_LATE: Fact<Distribution> = Fact::spread(
    "schedule.late",
    Unit::Seconds,
    "How late this side sent its probes; the bounds account for it, but more than an interval means an overloaded sender.",
);
const INJECT_EXIT: Fact<i64> =
    Fact::integer("inject.exit", Unit::Count, "Exit status of the inject command.").ruled(Rule::Same);
const RESTORE_EXIT: Fact<i64> =
    Fact::integer("restore.exit", Unit::Count, "Exit status of the last restore command.").ruled(Rule::Same);

const COMMAND_TIMEOUT: FieldKind = FieldKind::Duration(0.01, 3600.0);
const COMMAND: FieldKind = FieldKind::Group(&[
    FieldInfo::required(
        "run",
        FieldKind::List(&FieldKind::Text),
        "Program and arguments; no shell, folder of the process.",
    ),
    FieldInfo::default("timeout", COMMAND_TIMEOUT, "30s", "After this the command and its children are killed."),
]);
/// Families that can be asked again and again.
fn stream_families() -> Vec<&'static str> {
    crate::checks::FAMILIES.iter().filter(|family| family.streams).map(|family| family.name).collect()
}

const PROBE: FieldKind = FieldKind::Probe(
    stream_families,
    &[
        FieldInfo::default(
            "interval",
            FieldKind::Duration(0.001, 10.0),
            "10ms",
            "From one probe to the next; the bounds of an outage are about this far apart on either side.",
        ),
        FieldInfo::default(
            "timeout",
            FieldKind::Duration(0.001, 60.0),
            "500ms",
            "After this a probe counts as lost. Below 1s, so that a retransmitted SYN cannot hide an outage.",
        ),
    ],
);

/// The probe.
pub struct Failover {
    aim: Aim,
    phases: Phases,
    change: Change,
    commands: Duration,
}

impl Probe for Failover {
    const SUMMARY: &'static str = "Inject a fault, measure the outage with bounds, restore on every path";
    const FIELDS: &'static [FieldInfo] = &[
        FieldInfo::required("probe", PROBE, "What asks the service, on a fixed schedule."),
        FieldInfo::required("inject", COMMAND, "The command that breaks something; must exit 0 once it is broken."),
        FieldInfo::required("restore", COMMAND, "The command that puts it back; must be safe to run twice."),
        FieldInfo::optional("verify", COMMAND, "A command that exits 0 when everything is back, run after `restore`."),
        FieldInfo::default("observe", FieldKind::Duration(0.05, 3600.0), "30s", "From the fault to `restore`."),
        FieldInfo::default(
            "steady",
            FieldKind::Duration(0.05, 600.0),
            "1s",
            "How long the service must answer without a loss before the fault, and is watched at the very end.",
        ),
        FieldInfo::default(
            "settle",
            FieldKind::Duration(0.01, 3600.0),
            "1s",
            "How long an answer must last to count as recovered; also the time for failback after `restore`.",
        ),
        FieldInfo::default(
            "isolated",
            FieldKind::Integer(1, 1000),
            "1",
            "Lost probes in a row that make an outage; fewer are isolated losses and only count in `lost`.",
        ),
    ];
    const FACTS: &'static [FactInfo] = &[
        LONGEST.info,
        TOTAL.info,
        LO.info,
        HI.info,
        OUTAGES.info,
        DETECTED_AFTER.info,
        RECOVERED.info,
        RECOVERED_AFTER.info,
        LOST.info,
        LATE.info,
        SENT.info,
        RESTORED.info,
        STEADY_BEFORE.info,
        STEADY_AFTER.info,
        FAILBACK.info,
        LATENCY.info,
        SCHEDULE_LATE.info,
        INJECT_EXIT.info,
        RESTORE_EXIT.info,
    ];
    const STREAMS: bool = false;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = ("probe", None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let aim = settings::aim(args)?;
        let phases = Phases::from_args(args, &aim)?;
        let (inject, plan) = settings::orders(args)?;
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
            outcome.complaint(),
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

fn exit(cx: &mut Cx<'_>, fact: &Fact<i64>, outcome: &Outcome) {
    if let Some(status) = outcome.exit {
        cx.set(fact, i64::from(status));
    }
}
