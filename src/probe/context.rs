//! What a probe is lent for a round.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::captured::CapturedValues;
use super::lateness::{Lateness, Watch};
use super::open_ends::{OpenEnd, OpenEnds};
use crate::model::fact::{Choice, Distribution, Scalar};
use crate::model::rows::{LongList, Rows, RowsBuilder};
use crate::model::typed::Form;
use crate::model::{Fact, FactInfo, Fault, Kind, Observation, Timeline, Value};
use crate::net::clock::{MeasuredTime, Stamp};
use crate::stats::Samples;

/// Context of one round, lent to the probe: where it records, and how long it may take.
pub struct Cx<'a> {
    observation: &'a mut Observation,
    facts: &'static [FactInfo],
    deadline: Instant,
    seed: u64,
    cancel: CancellationToken,
    check: String,
    lateness: Lateness,
    captured: Arc<CapturedValues>,
    open_ends: OpenEnds,
}

impl<'a> Cx<'a> {
    /// A context that records into `observation` what is in the table `facts` of a family.
    pub fn new(
        observation: &'a mut Observation,
        facts: &'static [FactInfo],
        deadline: Instant,
        seed: u64,
        cancel: CancellationToken,
    ) -> Self {
        let (check, lateness, captured) = (String::new(), Lateness::unknown(), Arc::default());
        let open_ends = OpenEnds::default();
        Self { observation, facts, deadline, seed, cancel, check, lateness, captured, open_ends }
    }

    /// The same context, of a measurement that begins now, where this process is watched: what it samples late is marked.
    #[must_use]
    pub fn watched(self, watch: &Watch) -> Self {
        Self { lateness: Lateness::from_now(watch), ..self }
    }

    /// Who watches whether this process runs.
    #[must_use]
    pub fn watch(&self) -> &Watch {
        self.lateness.watch()
    }

    /// What this check times has stamps of its own, by the kernel or by a thread: of delays of the runtime only stalls count from now
    /// on, and it is not woken two hundred times a second to see shorter ones.
    pub fn has_own_stamps(&mut self) {
        self.lateness.inattentive();
    }

    /// The same context, for the check of this name.
    #[must_use]
    pub fn of_check(self, check: impl Into<String>) -> Self {
        Self { check: check.into(), ..self }
    }

    /// The same context, in a run whose checks have captured these values.
    #[must_use]
    pub fn with_captured(self, captured: &Arc<CapturedValues>) -> Self {
        Self { captured: Arc::clone(captured), ..self }
    }

    /// The same context, in a run whose user may end what is open.
    #[must_use]
    pub fn with_open_ends(self, open_ends: &OpenEnds) -> Self {
        Self { open_ends: open_ends.clone(), ..self }
    }

    /// Says that this measurement lasts until somebody ends it, from now on until the result is dropped.
    #[must_use]
    pub fn open_end(&self) -> OpenEnd {
        self.open_ends.begin()
    }

    /// The values that checks of this run have captured.
    pub(super) fn captured(&self) -> Arc<CapturedValues> {
        Arc::clone(&self.captured)
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

    /// A table of this round, to be filled and then handed to [`Self::set_rows`].
    #[must_use]
    pub fn rows(&self, table: &Fact<Rows>) -> RowsBuilder {
        debug_assert!(in_table(self.facts, &table.info), "`{}` is not in the family's table of facts", table.info.name);
        RowsBuilder::new(table, self.facts)
    }

    /// Sets a table of this round, and the statistics of its columns.
    pub fn set_rows(&mut self, rows: RowsBuilder) {
        self.observation.set_rows(rows);
    }

    /// Sets what streams of probes saw over time.
    pub fn set_timeline(&mut self, timeline: Timeline) {
        self.observation.set_timeline(timeline);
    }

    /// Sets a list of this round that may be long.
    pub fn set_long(&mut self, fact: &Fact<Vec<String>>, list: LongList) {
        let kept = list.first.len();
        self.set(fact, list.first);
        if list.total > kept as u64 {
            self.observation.set_total(fact.info.name, list.total, kept);
        }
    }

    /// Says that only a part of a fact was seen in this round, or nothing of it although it is there: what more data could
    /// undo is not judged then. `why` follows "seen in part:".
    pub fn partial<T>(&mut self, fact: &Fact<T>, why: impl Into<String>) {
        debug_assert!(in_table(self.facts, &fact.info), "`{}` is not in the family's table of facts", fact.info.name);
        self.observation.set_partial(fact.info.name, why);
    }

    /// [`Self::partial`], with what to do so that all of the fact is seen.
    pub fn partial_until<T>(&mut self, fact: &Fact<T>, why: impl Into<String>, remedy: impl Into<String>) {
        self.partial(fact, why);
        self.observation.set_remedy(fact.info.name, remedy.into());
    }

    /// Marks the texts of this round that were cut: a piece of a secret may stand at their end.
    pub(super) fn mark_cut(&mut self) {
        mark_cut(self.observation, self.facts);
    }

    /// Says that a fact of this round is at most its value, down to nothing: what a smaller one could undo is not judged then.
    /// `why` follows "may be less than was counted:".
    pub fn at_most<T>(&mut self, fact: &Fact<T>, why: impl Into<String>) {
        debug_assert!(in_table(self.facts, &fact.info), "`{}` is not in the family's table of facts", fact.info.name);
        self.observation.set_at_most(fact.info.name, why);
    }

    /// Says that the peer the outcome is about was not reached, although another was before: its silence needs a control.
    pub fn unreached(&mut self) {
        self.observation.set_unreached();
    }

    /// [`Self::partial`] for all facts of a table.
    pub fn partial_all(&mut self, facts: &[FactInfo], why: &str) {
        for fact in facts {
            debug_assert!(in_table(self.facts, fact), "`{}` is not in the family's table of facts", fact.name);
            self.observation.set_partial(fact.name, why);
        }
    }

    /// Adds a sample, in the fact's unit.
    pub fn record(&mut self, fact: &Fact<Distribution>, sample: f64) {
        debug_assert!(in_table(self.facts, &fact.info), "`{}` is not in the family's table of facts", fact.info.name);
        self.observation.samples_mut(&fact.info).record(sample);
    }

    /// Adds a length of time that ended by this process's own clock, as a sample in seconds. Where this process was late to
    /// take it, it is kept apart: it only shows that the target took no longer.
    pub fn record_time(&mut self, fact: &Fact<Distribution>, sample: Duration) {
        if self.lateness.affects(sample) {
            debug_assert!(
                in_table(self.facts, &fact.info),
                "`{}` is not in the family's table of facts",
                fact.info.name
            );
            self.observation.late_mut(&fact.info).record(sample.as_secs_f64());
        } else {
            self.record(fact, sample.as_secs_f64());
        }
    }

    /// [`Self::record_time`] of a length of time that knows whose clock ended it: the kernel's is never late.
    pub fn record_measured(&mut self, fact: &Fact<Distribution>, sample: MeasuredTime) {
        match sample.stamp {
            Stamp::Kernel => self.record(fact, sample.length.as_secs_f64()),
            Stamp::User => self.record_time(fact, sample.length),
        }
    }

    /// Adds all samples of a collector a worker kept for itself; it must have the fact's unit.
    pub fn merge(&mut self, fact: &Fact<Distribution>, samples: &Samples) {
        debug_assert!(in_table(self.facts, &fact.info), "`{}` is not in the family's table of facts", fact.info.name);
        self.observation.samples_mut(&fact.info).merge(samples);
    }

    /// Those of `facts` that are not set could not be measured from here, for the reason of `fault`: expecting something of
    /// them is errored, while the others are judged.
    pub fn unavailable<'f>(&mut self, facts: impl Iterator<Item = &'f FactInfo>, fault: &Fault) {
        let missing = facts
            .filter(|info| self.observation.last(info.name).is_none() && self.observation.merged(info.name).is_none());
        let names: Vec<&'static str> = missing.map(|info| info.name).collect();
        self.observation.set_unavailable(names, fault);
    }

    /// Sets the outcome of this round, and how it came about: who did what, in which phase, after how long. It begins the
    /// report of a failure, so it is one sentence without a full stop.
    pub fn end(&mut self, outcome: &Fact<Choice>, word: &'static str, sentence: &str) {
        self.set(outcome, word);
        self.observation.set_ending(sentence);
    }

    /// Says how the outcome of this round came about, where the outcome itself is set elsewhere.
    pub fn ending(&mut self, sentence: &str) {
        self.observation.set_ending(sentence);
    }

    /// What this measurement comes to is certain: that this process does not run from now on cannot change it.
    pub fn decide(&mut self) {
        self.observation.decided = Some(std::time::Instant::now());
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

/// Marks the texts of a round of a family with these facts that were cut.
pub(super) fn mark_cut(observation: &mut Observation, facts: &[FactInfo]) {
    let is_text = |info: &FactInfo| matches!(info.kind, Kind::Text) && matches!(info.form, Form::Plain);
    observation.mark_cut(|name| facts.iter().any(|info| info.name == name && is_text(info)));
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
