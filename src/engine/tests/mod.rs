//! The engine by a paused clock, with probes that follow scripts: no socket, no waiting.

mod attempts;
mod controls;
mod deadline;
mod overlap;
mod prepared;
mod restores;
mod rounds;
mod stopping;
mod unwatched;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Duration, Instant};

use super::{Assess, Settings, StopSignals, run};
use crate::judge::{self, Judgement};
use crate::model::named::Named;
use crate::model::record::Timing;
use crate::model::{Arm, CheckRecord, Event, Fault, FaultKind, Observation, Silence, Value, Verdict};
use crate::plan::{self, Case, Plan};
use crate::testing::scripted::{Entry, FAMILIES, Journal, Script, Scripted};
use crate::testing::{load, planned};

/// A suite of scripted checks, and how it is to be run.
struct Bench {
    suite: String,
    scripts: BTreeMap<String, [Script; 2]>,
    settings: Settings,
    plan: plan::Settings,
    against: bool,
    stop: StopSignals,
    judge: TestJudge,
}

/// Judges like the product, without comparisons.
#[derive(Clone, Copy, Default)]
struct TestJudge {
    /// Whether whatever was measured is an alarm.
    alarm: bool,
    /// Panics instead of judging this case.
    breaks_at: Option<&'static str>,
}

/// All that came of a run.
struct Ran {
    journal: Vec<(f64, String, Entry)>,
    events: Vec<Event>,
    took: f64,
}

/// Begins a suite; checks are added to it.
fn bench() -> Bench {
    Bench {
        suite: String::new(),
        scripts: BTreeMap::new(),
        settings: Settings {
            jobs: 4,
            fail_fast: false,
            seed: 1,
            wall: "2026-01-01T00:00:00Z".parse().unwrap(),
            start: Instant::now(),
            deadline: None,
            runtimes: super::Runtimes::default(),
            captured: Arc::default(),
            found: Arc::default(),
        },
        plan: plan::Settings { allow_disruptive: true, seed: 1, ..plan::Settings::default() },
        against: false,
        stop: StopSignals::default(),
        judge: TestJudge::default(),
    }
}

impl Bench {
    /// Adds a check, with more keys as a suite would write them.
    fn check(self, id: &str, keys: &str, script: Script) -> Self {
        let head = script.clone();
        self.pair(id, keys, script, head)
    }

    /// Adds a check whose new target behaves otherwise; compared only by [`Self::against`].
    fn pair(mut self, id: &str, keys: &str, base: Script, head: Script) -> Self {
        let comma = if keys.is_empty() { "" } else { ", " };
        let fields = base.fields();
        writeln!(self.suite, "  - {{id: {id}{comma}{keys}, scripted: {{{fields}}}}}").unwrap();
        self.scripts.insert(id.to_owned(), [base, head]);
        self
    }

    /// Measures two targets, in this many pairs.
    fn against(mut self, pairs: u32, confirm: bool) -> Self {
        self.against = true;
        self.plan.pairs = pairs;
        self.plan.confirm = confirm;
        self
    }

    /// This many quiet cases in parallel.
    fn jobs(mut self, jobs: usize) -> Self {
        self.settings.jobs = jobs;
        self
    }

    /// A signal after this many seconds, and the second one after so many.
    fn signals(self, soft: f64, hurry: Option<f64>) -> Self {
        let stop = self.stop.clone();
        tokio::spawn(async move {
            // By the paused clock.
            tokio::time::sleep(Duration::from_secs_f64(soft)).await;
            stop.soft.cancel();
            let Some(hurry) = hurry else { return };
            // The same.
            tokio::time::sleep(Duration::from_secs_f64(hurry - soft)).await;
            stop.hurry.cancel();
        });
        self
    }

    fn plan(&self) -> Plan {
        let suite = format!("vars: {{where: base}}\nchecks:\n{}", self.suite);
        let against = [("where", "head")];
        let heads = self.against.then(|| load(FAMILIES, &suite, &against));
        planned(load(FAMILIES, &suite, &[]), heads, &self.plan).unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// Plans the suite and runs it to its end.
    async fn run(self) -> Ran {
        let journal = Journal::new();
        let mut plan = self.plan();
        for case in &mut plan.cases {
            let [base, head] = self.scripts[&*case.check].clone();
            let name = |arm: &str| {
                if case.head.is_some() { format!("{}.{arm}", case.id) } else { case.id.to_string() }
            };
            let (base, head) =
                (Scripted::new(name("base"), base, &journal), Scripted::new(name("head"), head, &journal));
            case.base.probe = Arc::new(base);
            if let Some(arm) = &mut case.head {
                arm.probe = Arc::new(head);
            }
        }
        let total = plan.cases.len();
        let (sender, mut receiver) = mpsc::channel(4);
        let reader = tokio::spawn(async move {
            let mut events = Vec::new();
            while let Some(event) = receiver.recv().await {
                events.push(event);
            }
            events
        });
        let start = Instant::now();
        // A run that never ends would otherwise go on for ever, however fast the clock is.
        let engine = run(Arc::new(plan), Arc::new(self.judge), self.settings, self.stop, sender);
        tokio::time::timeout(Duration::from_hours(10), engine).await.expect("the engine never ends");
        let took = start.elapsed().as_secs_f64();
        let ran = Ran { journal: journal.lines(), events: reader.await.unwrap(), took };
        assert_eq!(ran.records().len(), total, "one record for every case");
        ran
    }
}

impl Ran {
    fn records(&self) -> BTreeMap<usize, &CheckRecord> {
        let mut records = BTreeMap::new();
        for event in &self.events {
            if let Event::CheckFinished { index, record } = event {
                assert!(records.insert(*index, &**record).is_none(), "two records of case {index}");
            }
        }
        records
    }

    /// The record of a case.
    #[track_caller]
    fn record(&self, id: &str) -> &CheckRecord {
        self.records().into_values().find(|record| &*record.id == id).unwrap()
    }

    /// Verdict and reason of a case.
    #[track_caller]
    fn verdict(&self, id: &str) -> (Verdict, &str) {
        let record = self.record(id);
        (record.verdict, record.reason.as_deref().unwrap_or_default())
    }

    /// Kind and detail of the fault of an errored case.
    #[track_caller]
    fn fault(&self, id: &str) -> (FaultKind, &str) {
        let record = self.record(id);
        assert_eq!(record.verdict, Verdict::Errored, "{record:?}");
        let fault = record.fault.as_ref().unwrap();
        (fault.kind, &fault.detail)
    }

    /// A fact of a record, as JSON.
    #[track_caller]
    fn fact(&self, id: &str, name: &str) -> Option<Value> {
        serde_json::to_value(&self.record(id).facts).unwrap().get(name).cloned()
    }

    /// When a probe did this, in seconds.
    fn times(&self, name: &str, entry: Entry) -> Vec<f64> {
        let own = self.journal.iter().filter(|(_, who, what)| who == name && *what == entry);
        own.map(|(at, ..)| *at).collect()
    }

    /// Everything a probe did, in order.
    fn entries(&self, name: &str) -> Vec<Entry> {
        self.journal.iter().filter(|(_, who, _)| who == name).map(|(.., what)| *what).collect()
    }

    /// The probes in the order they began their rounds.
    fn order(&self) -> Vec<&str> {
        self.journal.iter().filter(|(.., what)| *what == Entry::Run).map(|(_, who, _)| who.as_str()).collect()
    }
}

impl Assess for TestJudge {
    type Judgement = Judgement;

    fn assess(
        &self,
        case: &Case,
        observation: &Observation,
        fault: Option<Fault>,
    ) -> (Verdict, Option<String>, Judgement) {
        let lost = fault.as_ref().is_some_and(|fault| fault.detail.contains("without a record"));
        assert!(lost || self.breaks_at != Some(&*case.id), "a defect of the judge");
        let judgement = judge::judge(case, observation, fault);
        (judgement.verdict, judgement.reason.clone(), judgement)
    }

    fn needs_confirmation(&self, _: &Case, _: &Observation, _: &Judgement) -> bool {
        self.alarm
    }

    fn silence<'a>(&self, judgement: &'a Judgement) -> Option<&'a Silence> {
        judgement.silence.as_ref()
    }

    fn record(&self, case: &Case, observation: &Observation, judgement: Judgement, timing: Timing) -> CheckRecord {
        judge::record(case, observation, judgement, judge::metrics(case, observation), timing)
    }

    fn skipped(&self, case: &Case, reason: String) -> CheckRecord {
        let judgement = Judgement::of(Verdict::Skipped, Some(reason));
        judge::record(case, &Observation::default(), judgement, Named::default(), Timing::default())
    }
}
