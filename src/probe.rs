//! The contract between a family and the rest: what a probe is given, and what it may say.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::fact::{Distribution, Scalar};
use crate::model::{Args, Fact, FactInfo, Fault, Field, Invalid, Observation, Value};
use crate::stats::Samples;

/// How a check may share the machine and the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Footprint {
    /// Beside others.
    Quiet,
    /// Alone: it would disturb other measurements, or they would disturb it.
    Noisy,
    /// Alone, last, opt-in, restored on every path.
    Disruptive,
}

impl Footprint {
    /// The word `plan` prints.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Noisy => "noisy",
            Self::Disruptive => "disruptive",
        }
    }
}

/// What a probe is lent for one round.
pub struct Cx<'a> {
    observation: &'a mut Observation,
    deadline: Instant,
    seed: u64,
    cancel: CancellationToken,
}

impl<'a> Cx<'a> {
    /// A context that records into `observation`.
    pub fn new(observation: &'a mut Observation, deadline: Instant, seed: u64, cancel: CancellationToken) -> Self {
        Self { observation, deadline, seed, cancel }
    }

    /// Sets a fact of this round.
    pub fn set<T: Scalar>(&mut self, fact: &Fact<T>, value: impl Into<T::In>) {
        self.observation.set(fact.info.name, T::value(value.into()));
    }

    /// Adds a sample, in the fact's unit.
    pub fn record(&mut self, fact: &Fact<Distribution>, sample: f64) {
        self.observation.samples_mut(&fact.info).record(sample);
    }

    /// Adds a length of time as a sample in seconds.
    pub fn record_time(&mut self, fact: &Fact<Distribution>, sample: Duration) {
        self.record(fact, sample.as_secs_f64());
    }

    /// Adds all samples of a collector a worker kept for itself; it must have the fact's unit.
    pub fn merge(&mut self, fact: &Fact<Distribution>, samples: &Samples) {
        self.observation.samples_mut(&fact.info).merge(samples);
    }

    /// Adds a line of evidence for the reader of a failure.
    pub fn note(&mut self, text: impl Into<String>) {
        self.observation.note(text);
    }

    /// What was recorded so far.
    #[must_use]
    pub fn seen(&self) -> &Observation {
        self.observation
    }

    /// When the engine will end this round.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Seed for everything random in this round; recorded, so a run can be repeated.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Fires when the run is interrupted. The engine drops the probe then; a probe needs this only for tasks of its own.
    #[must_use]
    pub fn cancelled(&self) -> &CancellationToken {
        &self.cancel
    }
}

/// A way of looking that fields of a check switch on.
#[derive(Clone, Copy)]
pub struct Mode {
    /// How a suite switches it on (`load`, `dnssec: validate`), for messages and docs.
    pub with: &'static str,
    /// Whether the fields of a check do.
    pub applies: fn(&Args) -> bool,
    /// Expectations when the check has no `expect`; absent when those of the family stay right.
    pub expect: Option<&'static str>,
    /// Expectations added to those of the family, or of another mode, when the check has no `expect`.
    pub adds: Option<&'static str>,
    /// Facts that no check without it can have.
    pub facts: &'static [FactInfo],
}

/// One family of checks. `Err` means only that this side could not look.
pub trait Probe: Send + Sync + Sized + 'static {
    /// Key in the suite.
    const FAMILY: &'static str;
    /// One line for lists.
    const SUMMARY: &'static str;
    /// What a suite may write.
    const FIELDS: &'static [Field];
    /// What it can see.
    const FACTS: &'static [FactInfo];
    /// Expectations when a check has no `expect`, as a suite would write them.
    const DEFAULT_EXPECT: &'static str;
    /// Ways of looking that fields switch on. Of several, the first with expectations of its own decides the default.
    const MODES: &'static [Mode] = &[];
    /// Shown by `explain`.
    const README: &'static str;
    /// A suite that plans without errors.
    const EXAMPLE: &'static str;
    /// The field that `shakedown probe FAMILY TARGET` fills, and a second one that takes a `:port` suffix.
    const TARGET_FIELD: (&'static str, Option<&'static str>);

    /// Builds the probe from validated arguments; checks the rules between fields.
    fn from_args(args: &Args) -> Result<Self, Invalid>;
    /// What is looked at, for people (`192.0.2.10:443`).
    fn target(&self) -> String;
    /// How it may share the machine.
    fn footprint(&self) -> Footprint;
    /// The longest one round may take, patience included; the planner builds budgets from it.
    fn longest(&self) -> Duration;
    /// Whether an observation means "the service answered", for failover streams.
    fn answered(seen: &Observation) -> bool;
    /// One round.
    fn run(&self, cx: &mut Cx<'_>) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Puts back what `run` changed; called on every path once `run` was polled.
    fn restore(&self) -> impl Future<Output = Result<(), Fault>> + Send {
        async { Ok(()) }
    }
}

/// A boxed future of a probe.
pub type ProbeFuture<'f> = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send + 'f>>;

/// `Probe` as an object.
pub trait DynProbe: Send + Sync {
    /// See [`Probe::target`].
    fn target(&self) -> String;
    /// See [`Probe::footprint`].
    fn footprint(&self) -> Footprint;
    /// See [`Probe::longest`].
    fn longest(&self) -> Duration;
    /// See [`Probe::answered`].
    fn answered(&self, seen: &Observation) -> bool;
    /// See [`Probe::run`].
    fn run<'f>(&'f self, cx: &'f mut Cx<'_>) -> ProbeFuture<'f>;
    /// See [`Probe::restore`].
    fn restore(&self) -> ProbeFuture<'_>;
}

impl<P: Probe> DynProbe for P {
    fn target(&self) -> String {
        Probe::target(self)
    }
    fn footprint(&self) -> Footprint {
        Probe::footprint(self)
    }
    fn longest(&self) -> Duration {
        Probe::longest(self)
    }
    fn answered(&self, seen: &Observation) -> bool {
        P::answered(seen)
    }
    fn run<'f>(&'f self, cx: &'f mut Cx<'_>) -> ProbeFuture<'f> {
        Box::pin(Probe::run(self, cx))
    }
    fn restore(&self) -> ProbeFuture<'_> {
        Box::pin(Probe::restore(self))
    }
}

/// A registered family: its tables and its constructor.
#[derive(Clone, Copy)]
pub struct Family {
    /// Key in the suite.
    pub name: &'static str,
    /// One line for lists.
    pub summary: &'static str,
    /// What a suite may write.
    pub fields: &'static [Field],
    /// What it can see.
    pub facts: &'static [FactInfo],
    /// Expectations when a check has none.
    pub default_expect: &'static str,
    /// See [`Probe::MODES`].
    pub modes: &'static [Mode],
    /// Shown by `explain`.
    pub readme: &'static str,
    /// A suite that plans without errors.
    pub example: &'static str,
    /// See [`Probe::TARGET_FIELD`].
    pub target_field: (&'static str, Option<&'static str>),
    /// Builds a probe.
    pub build: fn(&Args) -> Result<Arc<dyn DynProbe>, Invalid>,
}

impl Family {
    /// What a check with these fields expects when it has no `expect`, as a suite would write it, in parts.
    #[must_use]
    pub fn usual(&self, args: &Args) -> Vec<&'static str> {
        let applying = || self.modes.iter().filter(|mode| (mode.applies)(args));
        let first = applying().find_map(|mode| mode.expect).unwrap_or(self.default_expect);
        std::iter::once(first).chain(applying().filter_map(|mode| mode.adds)).collect()
    }

    /// How to switch on the fact `name`, if these fields leave it off.
    #[must_use]
    pub fn missing(&self, args: &Args, name: &str) -> Option<&'static str> {
        let mut needs = None;
        for mode in self.modes.iter().filter(|mode| mode.facts.iter().any(|fact| fact.name == name)) {
            if (mode.applies)(args) {
                return None;
            }
            needs = needs.or(Some(mode.with));
        }
        needs
    }

    /// The registration of `P`.
    #[must_use]
    pub const fn of<P: Probe>() -> Self {
        Self {
            name: P::FAMILY,
            summary: P::SUMMARY,
            fields: P::FIELDS,
            facts: P::FACTS,
            default_expect: P::DEFAULT_EXPECT,
            modes: P::MODES,
            readme: P::README,
            example: P::EXAMPLE,
            target_field: P::TARGET_FIELD,
            build: build::<P>,
        }
    }
}

fn build<P: Probe>(args: &Args) -> Result<Arc<dyn DynProbe>, Invalid> {
    Ok(Arc::new(P::from_args(args)?))
}

/// The text of a fact in an observation, for [`Probe::answered`].
#[must_use]
pub fn fact_is(seen: &Observation, name: &str, word: &str) -> bool {
    seen.last(name).and_then(Value::as_str) == Some(word)
}
