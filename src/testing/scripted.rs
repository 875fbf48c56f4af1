//! A probe that follows a script, and the family it belongs to: engine, judge and plan are tested without a network.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::argument::choices;
use crate::model::fact::{Distribution, Scalar, Time};
use crate::model::rows::Rows;
use crate::model::table::{facts, fields};
use crate::model::typed::Form;
use crate::model::{
    Args, Better, Choice, Fact, FactInfo, Fault, Field, FieldInfo, FieldKind, FieldRole, Invalid, Observation, Unit,
    Value,
};
use crate::probe::{Cx, Family, Footprint, Probe, RestoreOutcome};

/// The registry of tests: this family alone.
pub const FAMILIES: &[Family] = &[Family::of::<Scripted>("scripted", "", "")];

facts! { pub FACTS;
    /// Whether the scripted target is well; what a check expects by default.
    pub const OK: Fact<bool> = Fact::flag("ok", "Whether it is well.").expected("true");
    /// A number with a unit.
    pub const AGE: Fact<f64> = Fact::number("age", Unit::Seconds, "Seconds since something.");
    /// A whole number.
    pub const HOPS: Fact<i64> = Fact::integer("hops", Unit::Count, "A number of hops.");
    /// A metric that may be zero.
    pub const LOSS: Fact<f64> = Fact::metric("loss", Unit::Ratio, Better::Lower, "The share that was lost.");
    /// A metric of samples.
    pub const LATENCY: Fact<Distribution> =
        Fact::distribution("latency", Unit::Seconds, Better::Lower, "Seconds an answer took.");
    /// One of ordered words.
    pub const LEVEL: Fact<Choice> = Fact::choice("level", &["low", "middle", "high"], "How high it stands.");
    /// Free text.
    pub const BANNER: Fact<String> = Fact::text("banner", "The greeting of the server.");
    /// A list.
    pub const NAMES: Fact<Vec<String>> = Fact::list("names", "The names in the order seen.");
    /// An instant.
    pub const SINCE: Fact<Time> = Fact::time("since", "The instant something began.");
    /// A document.
    pub const BODY: Fact<Value> = Fact::object("body", "The document that came back.");
    /// What became of the round; it has no default.
    pub const REPLY: Fact<Choice> =
        Fact::choice("reply", &["alive", "refused", "silent"], "What came back.").outcome(&["silent"]);
    /// The time in which the peer answered; it is no metric.
    pub const ANSWERED_IN: Fact<Distribution> =
        Fact::spread("answered_in", Unit::Seconds, "Seconds until the peer answered.").reached();
    /// The address that was looked at.
    pub const ADDRESS: Fact<String> = Fact::address("address", "The address that was looked at.");
    /// A table.
    pub const HOSTS: Fact<Rows> = Fact::table("hosts", "host", "The hosts that were asked.").form(Form::Address);
    /// A column of words.
    pub const HOST_STATE: Fact<Choice> = Fact::choice("hosts.state", &["alive", "dead"], "What became of it.").column();
    /// A column of numbers.
    pub const HOST_LOSS: Fact<f64> =
        Fact::metric("hosts.loss", Unit::Ratio, Better::Lower, "The share it lost.").column();
    /// A column of texts.
    pub const HOST_NAME: Fact<String> = Fact::text("hosts.name", "Its name.").column();
    /// The seed a round was given.
    pub const SEED: Fact<String> = Fact::text("seed", "The seed of the round.");
}

/// Does what it is told, and keeps a journal.
pub struct Scripted {
    name: String,
    script: Script,
    journal: Arc<Journal>,
    runs: AtomicUsize,
    restores: AtomicUsize,
}

/// How a scripted probe behaves.
#[derive(Clone)]
pub struct Script {
    footprint: Footprint,
    longest: Duration,
    target: &'static str,
    patience: Option<Duration>,
    answers: bool,
    is_cpu_bound: bool,
    rounds: Vec<Vec<Step>>,
    restores: Vec<Vec<Step>>,
}

type Recording = Arc<dyn Fn(&mut Cx<'_>) + Send + Sync>;

/// One thing a scripted probe does.
#[derive(Clone)]
pub enum Step {
    /// Records something.
    Record(Recording),
    /// Takes time.
    Wait(Duration),
    /// Ends with a fault of this detail.
    Fault(&'static str),
    /// Panics with this message.
    Panic(&'static str),
    /// Never ends.
    Hang,
}

/// Sets a fact.
pub fn set<T: Scalar + 'static>(fact: &'static Fact<T>, value: T::In) -> Step
where
    T::In: Clone + Send + Sync + 'static,
{
    Step::Record(Arc::new(move |cx| cx.set(fact, value.clone())))
}

/// Adds a sample of [`LATENCY`], in seconds.
pub fn sample(seconds: f64) -> Step {
    Step::Record(Arc::new(move |cx| cx.record(&LATENCY, seconds)))
}

/// Adds a sample of [`LATENCY`] that ended by this process's own clock, in seconds.
pub fn timed(seconds: f64) -> Step {
    Step::Record(Arc::new(move |cx| cx.record_time(&LATENCY, Duration::from_secs_f64(seconds))))
}

/// Adds a sample of [`ANSWERED_IN`], in seconds.
pub fn answered_in(seconds: f64) -> Step {
    Step::Record(Arc::new(move |cx| cx.record(&ANSWERED_IN, seconds)))
}

/// Sets [`SEED`] to the seed of the round.
pub fn seed() -> Step {
    Step::Record(Arc::new(|cx| cx.set(&SEED, cx.seed().to_string())))
}

/// Takes this many seconds.
pub fn wait(seconds: f64) -> Step {
    Step::Wait(Duration::from_secs_f64(seconds))
}

/// A round that finds the target well.
pub fn good() -> Vec<Step> {
    vec![set(&OK, true)]
}

/// A round that finds the target ill.
pub fn bad() -> Vec<Step> {
    vec![set(&OK, false)]
}

impl Script {
    /// These rounds one after the other; the last one again and again.
    pub fn rounds(rounds: impl IntoIterator<Item = Vec<Step>>) -> Self {
        Self {
            footprint: Footprint::Quiet,
            longest: Duration::from_secs(1),
            target: "${where}",
            patience: None,
            answers: true,
            is_cpu_bound: false,
            rounds: rounds.into_iter().collect(),
            restores: vec![Vec::new()],
        }
    }

    /// The same round again and again.
    pub fn always(round: impl IntoIterator<Item = Step>) -> Self {
        Self::rounds([round.into_iter().collect()])
    }

    /// Shares the machine like this.
    pub fn footprint(self, footprint: Footprint) -> Self {
        Self { footprint, ..self }
    }

    /// Says that a round may take this many seconds.
    pub fn longest(self, seconds: f64) -> Self {
        Self { longest: Duration::from_secs_f64(seconds), ..self }
    }

    /// Looks at this target, and not at that of the bench.
    pub fn target(self, target: &'static str) -> Self {
        Self { target, ..self }
    }

    /// Waits for an unresponsive peer this many seconds.
    pub fn patience(self, seconds: f64) -> Self {
        Self { patience: Some(Duration::from_secs_f64(seconds)), ..self }
    }

    /// Gets no answer.
    pub fn unanswered(self) -> Self {
        Self { answers: false, ..self }
    }

    /// Has threads of its own, as what needs much CPU time.
    pub fn computing(self) -> Self {
        Self { is_cpu_bound: true, ..self }
    }

    /// Restores like this, one after the other; the last one again and again.
    pub fn restores(self, restores: impl IntoIterator<Item = Vec<Step>>) -> Self {
        Self { restores: restores.into_iter().collect(), ..self }
    }

    /// The fields of the family, as a suite would write them.
    pub fn fields(&self) -> String {
        let patience =
            self.patience.map_or_else(String::new, |patience| format!(", timeout: {}ms", patience.as_millis()));
        let (footprint, longest) = (self.footprint.word(), self.longest.as_millis());
        format!("target: \"{}\", footprint: {footprint}, longest: {longest}ms{patience}", self.target)
    }
}

/// When scripted probes did what, by the paused clock.
pub struct Journal {
    start: Instant,
    lines: Mutex<Vec<(Duration, String, Entry)>>,
}

/// Something a scripted probe came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It was prepared, ahead of the first round of all.
    Prepared,
    /// A round begins.
    Run,
    /// A round came to its end.
    End,
    /// A round was dropped, or panicked, before its end.
    Cut,
    /// Restoring begins.
    Restore,
    /// Restoring came to its end.
    Restored,
    /// Restoring was dropped, or panicked, before its end.
    Abandoned,
}

impl Journal {
    /// An empty one; its clock starts now.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), lines: Mutex::default() })
    }

    fn add(&self, name: &str, entry: Entry) {
        self.lines.lock().unwrap().push((self.start.elapsed(), name.to_owned(), entry));
    }

    /// Everything, in order.
    pub fn lines(&self) -> Vec<(f64, String, Entry)> {
        let lines = self.lines.lock().unwrap();
        lines.iter().map(|(at, name, entry)| (at.as_secs_f64(), name.clone(), *entry)).collect()
    }
}

impl Scripted {
    /// A probe with a script of its own.
    pub fn new(name: impl Into<String>, script: Script, journal: &Arc<Journal>) -> Self {
        let (runs, restores) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { name: name.into(), script, journal: Arc::clone(journal), runs, restores }
    }

    /// Follows `steps`; the journal says how it began and how it ended.
    async fn follow(&self, steps: &[Step], cx: &mut Cx<'_>, [begin, end, cut]: [Entry; 3]) -> Result<(), Fault> {
        self.journal.add(&self.name, begin);
        let mut cut = DropEntry { journal: &self.journal, name: &self.name, entry: cut, armed: true };
        for step in steps {
            match step {
                Step::Record(recording) => {
                    recording(cx);
                }
                // By the paused clock of the test.
                Step::Wait(length) => tokio::time::sleep(*length).await,
                Step::Hang => std::future::pending().await,
                // Half of all panics carry a String: both sorts of message are read.
                Step::Panic(message) if message.contains(' ') => panic!("{}", (*message).to_owned()),
                Step::Panic(message) => std::panic::panic_any(*message),
                Step::Fault(detail) => {
                    cut.armed = false;
                    self.journal.add(&self.name, end);
                    return Err(Fault::local("follow the script", &self.name, *detail, "write another script"));
                }
            }
        }
        cut.armed = false;
        self.journal.add(&self.name, end);
        Ok(())
    }
}

/// Writes into the journal that a future ended without coming to its end.
struct DropEntry<'a> {
    journal: &'a Journal,
    name: &'a str,
    entry: Entry,
    armed: bool,
}

impl Drop for DropEntry<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.journal.add(self.name, self.entry);
        }
    }
}

/// The steps of the `count`th time.
fn nth<'s>(all: &'s [Vec<Step>], count: &AtomicUsize) -> &'s [Step] {
    let at = count.fetch_add(1, Ordering::Relaxed);
    all.get(at).or(all.last()).map_or(&[], Vec::as_slice)
}

choices! {
    enum Sharing {
        Quiet = "quiet",
        Noisy = "noisy",
        Disruptive = "disruptive",
    }
}

fields! { FIELDS;
    const TARGET: Field<String> = Field::default("target", FieldKind::Text, "somewhere", "Where it looks.")
        .role(FieldRole::Host);
    const TIMEOUT: Field<Option<Duration>> =
        Field::optional("timeout", FieldKind::Duration(0.001, 3600.0), "How long to wait for an unresponsive peer.")
            .role(FieldRole::Patience);
    const FOOTPRINT: Field<Sharing> = Field::choice("footprint", "quiet", "How it shares the machine.");
    const LONGEST: Field<Duration> =
        Field::default("longest", FieldKind::Duration(0.001, 3600.0), "1s", "The longest one round may take.");
}

impl Probe for Scripted {
    const SUMMARY: &'static str = "follows a script";
    const FIELDS: &'static [FieldInfo] = FIELDS;
    const FACTS: &'static [FactInfo] = FACTS;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (TARGET.name(), None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let footprint = match args.get(&FOOTPRINT) {
            Sharing::Quiet => Footprint::Quiet,
            Sharing::Noisy => Footprint::Noisy,
            Sharing::Disruptive => Footprint::Disruptive,
        };
        let script = Script { footprint, longest: args.get(&LONGEST), ..Script::always(good()) };
        Ok(Self::new(args.get(&TARGET), script, &Journal::new()))
    }
    fn target(&self) -> String {
        self.name.clone()
    }
    fn footprint(&self) -> Footprint {
        self.script.footprint
    }
    fn longest(&self) -> Duration {
        self.script.longest
    }
    fn is_cpu_bound(&self) -> bool {
        self.script.is_cpu_bound
    }
    async fn prepare(&self) {
        self.journal.add(&self.name, Entry::Prepared);
    }
    fn answered(observation: &Observation) -> bool {
        observation.text("banner") != Some(SILENT)
    }
    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        if !self.script.answers {
            cx.set(&BANNER, SILENT);
        }
        let steps = nth(&self.script.rounds, &self.runs);
        self.follow(steps, cx, [Entry::Run, Entry::End, Entry::Cut]).await
    }
    async fn restore(&self, cx: &mut Cx<'_>) -> Result<RestoreOutcome, Fault> {
        let steps = nth(&self.script.restores, &self.restores);
        self.follow(steps, cx, [Entry::Restore, Entry::Restored, Entry::Abandoned]).await?;
        Ok(if steps.is_empty() { RestoreOutcome::Nothing } else { RestoreOutcome::Done })
    }
}

/// The greeting of a target that gave no answer.
const SILENT: &str = "(silent)";
