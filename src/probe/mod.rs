//! The contract between a family and the rest: what a probe is given, and what it may say.

mod captured;
mod context;
mod cut_marked;
pub mod diagnosis;
mod family;
mod grid;
mod host;
mod late;
mod lateness;
pub mod open_ends;
mod prober;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use captured::{CapturedValues, FoundTargets};
pub use context::Cx;
pub use diagnosis::{Diagnosis, Failure, PhaseInfo};
pub use family::{Family, FieldRules, Mode, Synonyms, called, plain};
pub use grid::{Grid, PlannedCell};
pub use host::Host;
pub use prober::{Connection, Connections, Identity, ProbeFailure, Prober, Reply, Seen, StreamSpec};

use crate::model::fact::Choice;
use crate::model::{Args, Fact, FactInfo, Fault, FieldInfo, Invalid, Observation, Value};
pub use lateness::Watch;
pub use open_ends::{OpenEnd, OpenEnds};

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

/// A default expectation that follows from the fields of a check.
#[derive(Clone, Debug)]
pub struct DerivedExpectation {
    /// As a suite would write it: `outage: {lt: 3.8s}`.
    pub expect: String,
    /// How it comes about, for people.
    pub why: String,
    /// What the fact may be when all is well, by the same fields.
    pub range: (f64, f64),
    /// Facts that an upper limit below that range would break although all is well.
    pub bounded: &'static [&'static str],
}

/// Something that a check which breaks something touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// For people.
    pub what: String,
    /// Each name that a suite may call it by; one is enough to allow it.
    pub names: Vec<String>,
}

/// The longest that the search for a cause may take.
pub const INVESTIGATION: Duration = Duration::from_secs(1);

/// One family of checks. `Err` means only that this side could not look.
pub trait Probe: Send + Sync + Sized + 'static {
    /// One line for lists.
    const SUMMARY: &'static str;
    /// Fields a suite may write.
    const FIELDS: &'static [FieldInfo];
    /// Facts it can record, with their default expectations.
    const FACTS: &'static [FactInfo];
    /// Modes of measurement that fields switch on.
    const MODES: &'static [Mode] = &[];
    /// Whether it can be a probe of a stream, asked again and again by `failover`.
    const STREAMS: bool = true;
    /// Facts of which the `expect` of a check must name one, as no default would say anything; empty where none must.
    const MUST_EXPECT: &'static [&'static str] = &[];
    /// Of a family whose checks are grids: what gives the cells, each of which is a case.
    const GRID: Option<Grid> = None;
    /// Why a check of it cannot be made over IPv4 and IPv6 in turn (`parity`); `None` where it can.
    const NO_PARITY: Option<&'static str> = None;
    /// Rules between its fields, for the schema.
    const FIELD_RULES: FieldRules = FieldRules { exclusive: &[], any: &[], with: &[] };
    /// What other tools call it, its fields and its facts.
    const SYNONYMS: Synonyms = Synonyms { names: &[], fields: &[], facts: &[], options: &[] };
    /// Fields that [`Self::diagnose`] reads: they are kept until the end of the run, and no others are.
    const DIAGNOSED_BY: &'static [&'static str] = &[];
    /// What a measurement that takes long consists of.
    const PHASES: &'static [PhaseInfo] = &[];
    /// The field that `shakedown probe FAMILY TARGET` fills, and a second one that takes a `:port` suffix.
    const TARGET_FIELD: (&'static str, Option<&'static str>);

    /// Builds the probe from validated arguments; checks the rules between fields.
    fn from_args(args: &Args) -> Result<Self, Invalid>;
    /// Default expectations that its fields give, beside those of the tables.
    #[must_use]
    fn derives(_: &Args) -> Vec<DerivedExpectation> {
        Vec::new()
    }
    /// The target, for people (`192.0.2.10:443`).
    fn target(&self) -> String;
    /// How it may share the machine.
    fn footprint(&self) -> Footprint;
    /// The longest one round may take, patience included; the planner builds budgets from it.
    fn longest(&self) -> Duration;
    /// Whether an observation means "the service answered", for failover streams.
    fn answered(observation: &Observation) -> bool;
    /// Why an attempt failed, and what a person does next in that very case; `None` where the tables of facts say enough.
    #[must_use]
    fn diagnose(_: &Failure<'_>) -> Option<Diagnosis> {
        None
    }
    /// The command that times the same by hand, of a target as the probe calls it, at an address.
    #[must_use]
    fn timed_by_hand(_target: &str, _address: Option<&str>) -> Option<String> {
        None
    }
    /// Whether a round is a length of time in which something is watched or kept up (a schedule, a load), and not a question
    /// with an answer: what this process missed of it cannot be made up for.
    fn watches(&self) -> bool {
        self.footprint() != Footprint::Quiet
    }
    /// Whether a round needs so much CPU time (TLS handshakes, signatures) that what is timed on the same thread would wait for it.
    fn is_cpu_bound(&self) -> bool {
        false
    }
    /// What makes it a scan, which must be allowed (`asks 4094 hosts beyond this machine and its links`); `None` where it is none.
    fn scan(&self) -> Option<String> {
        None
    }
    /// What it breaks on purpose and what undoes it, in order: a word (`inject`), and the line for a shell that does the same.
    fn breaks(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// Its phases and what ends them early, a line each for people.
    fn schedule(&self) -> Vec<String> {
        Vec::new()
    }
    /// Whether it lasts until somebody ends it by a signal.
    fn is_open_ended(&self) -> bool {
        false
    }
    /// What it touches, of a check that breaks something; a suite may say what that may be.
    fn touches(&self) -> Vec<Touched> {
        Vec::new()
    }
    /// Reads and prepares what a round would otherwise do in the middle of a run: trust stores, configurations. Sends
    /// nothing; what fails here fails again, and is told, when the check runs.
    fn prepare(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
    /// One round.
    fn run(&self, cx: &mut Cx<'_>) -> impl Future<Output = Result<(), Fault>> + Send;
    /// A long-lived prober of a stream; `None` where each of its probes is a round by itself. It is opened on the thread of the
    /// network namespace it is to stand in.
    fn stream(&self, _: &StreamSpec) -> impl Future<Output = Result<Option<Box<dyn Prober>>, Fault>> + Send {
        async { Ok(None) }
    }
    /// Looks for what tells more of the cause, once, after the last attempt failed: it may add evidence, and nothing else. What
    /// it sends is bounded by [`INVESTIGATION`].
    fn investigate(&self, _: &mut Cx<'_>) -> impl Future<Output = ()> + Send {
        async {}
    }
    /// Puts back what `run` changed; called on every path once `run` was polled.
    fn restore(&self, _: &mut Cx<'_>) -> impl Future<Output = Result<RestoreOutcome, Fault>> + Send {
        async { Ok(RestoreOutcome::Nothing) }
    }
}

/// The end of [`Probe::restore`] when all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreOutcome {
    /// Nothing was changed.
    Nothing,
    /// What was changed is as it was, put back now or before.
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
    /// See [`Probe::watches`].
    fn watches(&self) -> bool;
    /// See [`Probe::is_cpu_bound`].
    fn is_cpu_bound(&self) -> bool;
    /// See [`Probe::scan`].
    fn scan(&self) -> Option<String>;
    /// See [`Probe::breaks`].
    fn breaks(&self) -> Vec<(&'static str, String)>;
    /// See [`Probe::schedule`].
    fn schedule(&self) -> Vec<String>;
    /// See [`Probe::is_open_ended`].
    fn is_open_ended(&self) -> bool;
    /// See [`Probe::touches`].
    fn touches(&self) -> Vec<Touched>;
    /// See [`Probe::prepare`].
    fn prepare(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// See [`Probe::run`].
    fn run<'f>(&'f self, cx: &'f mut Cx<'_>) -> ProbeFuture<'f>;
    /// See [`Probe::stream`].
    fn stream<'f>(&'f self, spec: &'f StreamSpec) -> ProbeFuture<'f, Option<Box<dyn Prober>>>;
    /// See [`Probe::investigate`].
    fn investigate<'f>(&'f self, cx: &'f mut Cx<'_>) -> Pin<Box<dyn Future<Output = ()> + Send + 'f>>;
    /// See [`Probe::restore`].
    fn restore<'f>(&'f self, cx: &'f mut Cx<'_>) -> ProbeFuture<'f, RestoreOutcome>;
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
    fn watches(&self) -> bool {
        Probe::watches(self)
    }
    fn is_cpu_bound(&self) -> bool {
        Probe::is_cpu_bound(self)
    }
    fn scan(&self) -> Option<String> {
        Probe::scan(self)
    }
    fn breaks(&self) -> Vec<(&'static str, String)> {
        Probe::breaks(self)
    }
    fn schedule(&self) -> Vec<String> {
        Probe::schedule(self)
    }
    fn is_open_ended(&self) -> bool {
        Probe::is_open_ended(self)
    }
    fn touches(&self) -> Vec<Touched> {
        Probe::touches(self)
    }
    fn prepare(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(Probe::prepare(self))
    }
    fn run<'f>(&'f self, cx: &'f mut Cx<'_>) -> ProbeFuture<'f> {
        Box::pin(Probe::run(self, cx))
    }
    fn stream<'f>(&'f self, spec: &'f StreamSpec) -> ProbeFuture<'f, Option<Box<dyn Prober>>> {
        Box::pin(Probe::stream(self, spec))
    }
    fn investigate<'f>(&'f self, cx: &'f mut Cx<'_>) -> Pin<Box<dyn Future<Output = ()> + Send + 'f>> {
        Box::pin(Probe::investigate(self, cx))
    }
    fn restore<'f>(&'f self, cx: &'f mut Cx<'_>) -> ProbeFuture<'f, RestoreOutcome> {
        Box::pin(Probe::restore(self, cx))
    }
}

/// The end of a round before its whole measurement. Probes hand it up with `?` and record it in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EarlyEnd {
    /// A fact about the target or the path to it, in place of the measurement.
    Outcome {
        /// The word of the fact `outcome`.
        word: &'static str,
        /// How it came about, in one sentence.
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
                match evidence {
                    Some(evidence) => cx.end(outcome, word, &evidence),
                    None => cx.set(outcome, word),
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
    const STRANGER: Fact<String> = Fact::text("stranger", "It is in no table.");

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
