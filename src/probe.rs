//! The contract between a family and the rest: what a probe is given, and what it may say.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::fact::Choice;
use crate::model::fact::{Distribution, Scalar};
use crate::model::{Args, Fact, FactInfo, Fault, FieldInfo, Invalid, Kind, Observation, Value};
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

/// Context of one round, lent to the probe: where it records, and how long it may take.
pub struct Cx<'a> {
    observation: &'a mut Observation,
    facts: &'static [FactInfo],
    deadline: Instant,
    seed: u64,
    cancel: CancellationToken,
    check: String,
}

impl<'a> Cx<'a> {
    /// A context that records into `observation` what stands in the table `facts` of a family.
    pub fn new(
        observation: &'a mut Observation,
        facts: &'static [FactInfo],
        deadline: Instant,
        seed: u64,
        cancel: CancellationToken,
    ) -> Self {
        Self { observation, facts, deadline, seed, cancel, check: String::new() }
    }

    /// The same context, for the check of this name.
    #[must_use]
    pub fn of_check(self, check: impl Into<String>) -> Self {
        Self { check: check.into(), ..self }
    }

    /// Suite and id of the check, for messages to other processes; empty outside of a run.
    #[must_use]
    pub fn check(&self) -> &str {
        &self.check
    }

    /// Sets a fact of this round.
    pub fn set<T: Scalar>(&mut self, fact: &Fact<T>, value: impl Into<T::In>) {
        let value = T::value(value.into());
        debug_assert!(in_table(self.facts, &fact.info), "`{}` is not in the family's table of facts", fact.info.name);
        debug_assert!(is_word(&fact.info, &value), "`{}` has no word {value}", fact.info.name);
        self.observation.set(fact.info.name, value);
    }

    /// Adds a sample, in the fact's unit.
    pub fn record(&mut self, fact: &Fact<Distribution>, sample: f64) {
        debug_assert!(in_table(self.facts, &fact.info), "`{}` is not in the family's table of facts", fact.info.name);
        self.observation.samples_mut(&fact.info).record(sample);
    }

    /// Adds a length of time as a sample in seconds.
    pub fn record_time(&mut self, fact: &Fact<Distribution>, sample: Duration) {
        self.record(fact, sample.as_secs_f64());
    }

    /// Adds all samples of a collector a worker kept for itself; it must have the fact's unit.
    pub fn merge(&mut self, fact: &Fact<Distribution>, samples: &Samples) {
        debug_assert!(in_table(self.facts, &fact.info), "`{}` is not in the family's table of facts", fact.info.name);
        self.observation.samples_mut(&fact.info).merge(samples);
    }

    /// Adds a line of evidence for the reader of a failure.
    pub fn note(&mut self, text: impl Into<String>) {
        self.observation.note(text);
    }

    /// Facts, samples and notes recorded so far.
    #[must_use]
    pub fn observation(&self) -> &Observation {
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

fn in_table(facts: &[FactInfo], fact: &FactInfo) -> bool {
    facts.iter().any(|known| known.name == fact.name)
}

/// Whether a value is one of the words of its choice; anything goes for other kinds of facts.
fn is_word(fact: &FactInfo, value: &Value) -> bool {
    match fact.kind {
        Kind::Choice(words) => value.as_str().is_some_and(|word| words.contains(&word)),
        _ => true,
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
    /// One line for lists.
    const SUMMARY: &'static str;
    /// Fields a suite may write.
    const FIELDS: &'static [FieldInfo];
    /// Facts it can record, with their default expectations.
    const FACTS: &'static [FactInfo];
    /// Modes of measurement that fields switch on. Of several, the first with expectations of its own decides the default.
    const MODES: &'static [Mode] = &[];
    /// Whether it can be a probe of a stream, asked again and again by `failover`.
    const STREAMS: bool = true;
    /// The field that `shakedown probe FAMILY TARGET` fills, and a second one that takes a `:port` suffix.
    const TARGET_FIELD: (&'static str, Option<&'static str>);

    /// Builds the probe from validated arguments; checks the rules between fields.
    fn from_args(args: &Args) -> Result<Self, Invalid>;
    /// The target, for people (`192.0.2.10:443`).
    fn target(&self) -> String;
    /// How it may share the machine.
    fn footprint(&self) -> Footprint;
    /// The longest one round may take, patience included; the planner builds budgets from it.
    fn longest(&self) -> Duration;
    /// Whether an observation means "the service answered", for failover streams.
    fn answered(observation: &Observation) -> bool;
    /// One round.
    fn run(&self, cx: &mut Cx<'_>) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Puts back what `run` changed; called on every path once `run` was polled.
    fn restore(&self, _: &mut Cx<'_>) -> impl Future<Output = Result<PutBack, Fault>> + Send {
        async { Ok(PutBack::Nothing) }
    }
}

/// The end of [`Probe::restore`] when all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutBack {
    /// Nothing was changed, or it was put back before.
    Nothing,
    /// What was changed is as it was.
    Done,
}

/// A boxed future of a probe.
pub type ProbeFuture<'f, T = ()> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'f>>;

/// `Probe` as an object.
pub trait DynProbe: Send + Sync {
    /// See [`Probe::target`].
    fn target(&self) -> String;
    /// See [`Probe::footprint`].
    fn footprint(&self) -> Footprint;
    /// See [`Probe::longest`].
    fn longest(&self) -> Duration;
    /// See [`Probe::FACTS`].
    fn facts(&self) -> &'static [FactInfo];
    /// See [`Probe::answered`].
    fn answered(&self, observation: &Observation) -> bool;
    /// See [`Probe::run`].
    fn run<'f>(&'f self, cx: &'f mut Cx<'_>) -> ProbeFuture<'f>;
    /// See [`Probe::restore`].
    fn restore<'f>(&'f self, cx: &'f mut Cx<'_>) -> ProbeFuture<'f, PutBack>;
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
    fn facts(&self) -> &'static [FactInfo] {
        P::FACTS
    }
    fn answered(&self, observation: &Observation) -> bool {
        P::answered(observation)
    }
    fn run<'f>(&'f self, cx: &'f mut Cx<'_>) -> ProbeFuture<'f> {
        Box::pin(Probe::run(self, cx))
    }
    fn restore<'f>(&'f self, cx: &'f mut Cx<'_>) -> ProbeFuture<'f, PutBack> {
        Box::pin(Probe::restore(self, cx))
    }
}

/// A registered family: its tables and its constructor.
#[derive(Clone, Copy)]
pub struct Family {
    /// Key in the suite.
    pub name: &'static str,
    /// One line for lists.
    pub summary: &'static str,
    /// Fields a suite may write.
    pub fields: &'static [FieldInfo],
    /// Facts it can record.
    pub facts: &'static [FactInfo],
    /// See [`Probe::MODES`].
    pub modes: &'static [Mode],
    /// See [`Probe::STREAMS`].
    pub streams: bool,
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
    /// Default expectations of its facts where neither a check nor a mode says otherwise, as a suite would write them.
    #[must_use]
    pub fn default_expect(&self) -> String {
        let expected = self.facts.iter().filter_map(|fact| Some(format!("{}: {}", fact.name, fact.expected?)));
        expected.collect::<Vec<_>>().join("\n")
    }

    /// Default expectations of a check with these fields and no `expect`, as a suite would write them, in parts.
    #[must_use]
    pub fn default_expectations(&self, args: &Args) -> Vec<Cow<'static, str>> {
        let applying = || self.modes.iter().filter(|mode| (mode.applies)(args));
        let first = applying().find_map(|mode| mode.expect).map(Cow::Borrowed);
        let first = first.unwrap_or_else(|| Cow::Owned(self.default_expect()));
        std::iter::once(first).chain(applying().filter_map(|mode| mode.adds).map(Cow::Borrowed)).collect()
    }

    /// How to switch on the fact `name`, if these fields leave it off.
    #[must_use]
    pub fn required_mode(&self, args: &Args, name: &str) -> Option<&'static str> {
        let mut needs = None;
        for mode in self.modes.iter().filter(|mode| mode.facts.iter().any(|fact| fact.name == name)) {
            if (mode.applies)(args) {
                return None;
            }
            needs = needs.or(Some(mode.with));
        }
        needs
    }

    /// The registration of `P` under `name`, with what its folder says of it: README and example.
    #[must_use]
    pub const fn of<P: Probe>(name: &'static str, readme: &'static str, example: &'static str) -> Self {
        Self {
            name,
            summary: P::SUMMARY,
            fields: P::FIELDS,
            facts: P::FACTS,
            modes: P::MODES,
            streams: P::STREAMS,
            readme,
            example,
            target_field: P::TARGET_FIELD,
            build: build::<P>,
        }
    }
}

fn build<P: Probe>(args: &Args) -> Result<Arc<dyn DynProbe>, Invalid> {
    Ok(Arc::new(P::from_args(args)?))
}

/// The end of a round before its whole measurement. Probes hand it up with `?` and record it in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EarlyEnd {
    /// A fact about the target or the path to it, in place of the measurement.
    Outcome {
        /// The word of the fact `outcome`.
        word: &'static str,
        /// Evidence for the reader of a failure.
        evidence: Option<String>,
    },
    /// This side could not look.
    Fault(Fault),
}

impl EarlyEnd {
    /// An outcome with its evidence.
    pub fn outcome(word: &'static str, evidence: impl Into<String>) -> Self {
        Self::Outcome { word, evidence: Some(evidence.into()) }
    }

    /// The evidence of an outcome, its word where there is none; hands on a fault. For what a check goes on without.
    pub fn into_evidence(self) -> Result<String, Fault> {
        match self {
            Self::Outcome { word, evidence } => Ok(evidence.unwrap_or_else(|| word.to_owned())),
            Self::Fault(fault) => Err(fault),
        }
    }

    /// Records the outcome and its evidence; hands on a fault.
    pub fn record(self, cx: &mut Cx<'_>, outcome: &Fact<Choice>) -> Result<(), Fault> {
        match self {
            Self::Outcome { word, evidence } => {
                cx.set(outcome, word);
                if let Some(evidence) = evidence {
                    cx.note(evidence);
                }
                Ok(())
            }
            Self::Fault(fault) => Err(fault),
        }
    }
}

impl From<Fault> for EarlyEnd {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The text of a fact in an observation, for [`Probe::answered`].
#[must_use]
pub fn fact_is(observation: &Observation, name: &str, word: &str) -> bool {
    observation.last(name).and_then(Value::as_str) == Some(word)
}

#[cfg(test)]
mod tests {
    use super::EarlyEnd;
    use crate::model::table::facts;
    use crate::model::{Choice, Fact, Fault};
    use crate::testing::recorded;

    facts! { FACTS;
        const OUTCOME: Fact<Choice> = Fact::choice("outcome", &["done", "refused"], "What became of it.");
    }
    const STRANGER: Fact<String> = Fact::text("stranger", "It stands in no table.");

    #[test]
    #[should_panic(expected = "`stranger` is not in the family's table of facts")]
    fn a_fact_that_is_in_no_table_cannot_be_recorded() {
        recorded(FACTS, |cx| cx.set(&STRANGER, "x"));
    }

    #[test]
    #[should_panic(expected = "`outcome` has no word \"gone\"")]
    fn a_word_that_is_none_of_the_choice_cannot_be_recorded() {
        recorded(FACTS, |cx| cx.set(&OUTCOME, "gone"));
    }

    #[test]
    fn an_early_end_is_an_outcome_with_evidence_or_a_fault() {
        let (observation, ended) = recorded(FACTS, |cx| EarlyEnd::outcome("refused", "RST").record(cx, &OUTCOME));
        assert_eq!((ended, observation.text("outcome")), (Ok(()), Some("refused")));
        assert_eq!(observation.notes(), ["RST"]);
        let fault = Fault::local("open socket", "peer", "no descriptors", "raise the limit");
        let (observation, ended) = recorded(FACTS, |cx| EarlyEnd::from(fault.clone()).record(cx, &OUTCOME));
        assert_eq!((ended, observation.text("outcome")), (Err(fault), None), "a fault has no outcome");
    }
}
