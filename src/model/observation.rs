//! The observations of a probe. The engine owns them, the probe borrows them: deadline, cancel and panic keep what was recorded.

use std::time::Duration;

use super::comparison::Arm;
use super::fact::FactInfo;
use super::{Fault, Value};
use crate::stats::Samples;

/// Evidence lines kept per case.
const NOTES: usize = 32;
/// Characters kept per evidence line.
const NOTE_CHARS: usize = 500;

/// One independent repetition of a measurement.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Position in the run's order, from 0.
    pub slot: u32,
    /// Start, after the start of the case.
    pub start: Duration,
    /// Its side of an interleaved comparison.
    pub arm: Option<Arm>,
    /// Measured only because the rounds before it gave an alarm.
    pub confirm: bool,
    /// Why this round does not count (`warm_up`), if it does not.
    pub discarded: Option<&'static str>,
    facts: Vec<(&'static str, Value)>,
    samples: Vec<(&'static str, Samples)>,
    /// Facts of which only a part was seen, which way, and why.
    partial: Vec<(&'static str, Rest, String)>,
}

/// What is not known of a fact that was not seen whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// There may be more than was seen: a list that was cut, a count that goes on.
    More,
    /// It may be less than was counted, down to nothing: a loss that is partly the counter's own.
    Less,
}

impl Round {
    /// A round that counts; its other marks are set by whoever lays out the rounds.
    #[must_use]
    pub fn new(slot: u32, start: Duration) -> Self {
        Self { slot, start, ..Self::default() }
    }

    /// A fact of this round.
    #[must_use]
    pub fn fact(&self, name: &str) -> Option<&Value> {
        self.facts.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The samples of a distribution of this round.
    #[must_use]
    pub fn samples(&self, name: &str) -> Option<&Samples> {
        self.samples.iter().find(|(n, _)| *n == name).map(|(_, samples)| samples)
    }

    /// Why only a part of a fact was seen; `None` when it was seen whole.
    #[must_use]
    pub fn partial(&self, name: &str) -> Option<&str> {
        self.partial.iter().find(|(n, ..)| *n == name).map(|(.., why)| why.as_str())
    }

    /// Which way a fact is open that was not seen whole.
    #[must_use]
    pub fn rest(&self, name: &str) -> Option<Rest> {
        self.partial.iter().find(|(n, ..)| *n == name).map(|(_, rest, _)| *rest)
    }

    /// All scalar facts, in the order first set.
    #[must_use]
    pub fn facts(&self) -> &[(&'static str, Value)] {
        &self.facts
    }
}

/// Everything one attempt of one case saw.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    rounds: Vec<Round>,
    notes: Vec<String>,
    /// Facts that could not be measured from here, and why.
    unavailable: Vec<(&'static str, Fault)>,
    /// Time from the first attempt to the end of this one; set for checks with `eventually`.
    pub settled_in: Option<Duration>,
}

impl Observation {
    /// Starts a round; what is recorded from here belongs to it.
    pub fn begin_round(&mut self, round: Round) {
        self.rounds.push(round);
    }

    fn current(&mut self) -> &mut Round {
        if self.rounds.is_empty() {
            self.rounds.push(Round::default());
        }
        let last = self.rounds.len() - 1;
        &mut self.rounds[last]
    }

    /// Sets a fact of the current round; the last value wins.
    pub fn set(&mut self, name: &'static str, value: Value) {
        let round = self.current();
        match round.facts.iter_mut().find(|(n, _)| *n == name) {
            Some(slot) => slot.1 = value,
            None => round.facts.push((name, value)),
        }
    }

    /// Marks a fact of the current round as seen in part; the first reason stays.
    pub fn set_partial(&mut self, name: &'static str, why: impl Into<String>) {
        self.set_open(name, Rest::More, why);
    }

    /// Marks a fact of the current round as at most what was counted; the first reason stays.
    pub fn set_at_most(&mut self, name: &'static str, why: impl Into<String>) {
        self.set_open(name, Rest::Less, why);
    }

    fn set_open(&mut self, name: &'static str, rest: Rest, why: impl Into<String>) {
        let round = self.current();
        if round.partial(name).is_none() {
            round.partial.push((name, rest, why.into()));
        }
    }

    /// Why only a part of a fact was seen in some round that counts.
    #[must_use]
    pub fn partial(&self, name: &str) -> Option<&str> {
        self.counted().find_map(|round| round.partial(name))
    }

    /// The collector of a distribution of the current round.
    pub fn samples_mut(&mut self, info: &FactInfo) -> &mut Samples {
        let round = self.current();
        let index = if let Some(index) = round.samples.iter().position(|(n, _)| *n == info.name) {
            index
        } else {
            round.samples.push((info.name, Samples::scaled(info.ticks())));
            round.samples.len() - 1
        };
        &mut round.samples[index].1
    }

    /// These facts could not be measured from here, where others could.
    pub fn set_unavailable(&mut self, names: Vec<&'static str>, why: &Fault) {
        self.unavailable.extend(names.into_iter().map(|name| (name, why.clone())));
    }

    /// Why the fact of a path (`name`, or `name.part`) could not be measured from here, if it could not.
    #[must_use]
    pub fn unavailable(&self, path: &str) -> Option<&Fault> {
        let below = |name: &str| path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.unavailable.iter().find(|(name, _)| below(name)).map(|(_, why)| why)
    }

    /// Adds a line of evidence; bounded in length and number. What every round says again is said once.
    pub fn note(&mut self, text: impl Into<String>) {
        if self.notes.len() >= NOTES {
            return;
        }
        let of_base = self.rounds.last().is_some_and(|round| round.arm == Some(Arm::Base));
        let text: String = if of_base { format!("arm base: {}", text.into()) } else { text.into() };
        let mut kept: String = text.chars().take(NOTE_CHARS).collect();
        if kept.len() < text.len() {
            kept.push('…');
        }
        if !self.notes.contains(&kept) {
            self.notes.push(kept);
        }
    }

    /// Evidence lines.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// All rounds, warm-up included.
    #[must_use]
    pub fn rounds(&self) -> &[Round] {
        &self.rounds
    }

    /// The last measurement alone.
    #[must_use]
    pub fn latest(&self) -> Self {
        let rounds = self.rounds.last().cloned().map(|round| Round { arm: None, discarded: None, ..round });
        Self { rounds: rounds.into_iter().collect(), ..Self::default() }
    }

    /// The rounds that count and look at what the check is about: of two arms, the new target.
    pub fn counted(&self) -> impl Iterator<Item = &Round> {
        self.rounds.iter().filter(|round| round.discarded.is_none() && round.arm != Some(Arm::Base))
    }

    /// The rounds of the old target, as an observation of their own; `None` without an interleaved comparison.
    #[must_use]
    pub fn of_base(&self) -> Option<Self> {
        let mut rounds: Vec<Round> = self.rounds.iter().filter(|round| round.arm == Some(Arm::Base)).cloned().collect();
        for round in &mut rounds {
            round.arm = None;
        }
        (!rounds.is_empty()).then(|| Self { rounds, ..Self::default() })
    }

    /// The last value of a scalar fact in the rounds that count.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&Value> {
        let counted: Vec<&Round> = self.counted().collect();
        counted.into_iter().rev().find_map(|round| round.fact(name))
    }

    /// Text of a scalar fact; a shortcut for probes that look at what they recorded.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.last(name).and_then(Value::as_str)
    }

    /// All samples of a distribution in the rounds that count, merged.
    #[must_use]
    pub fn merged(&self, name: &str) -> Option<Samples> {
        let mut all: Option<Samples> = None;
        for samples in self.counted().filter_map(|round| round.samples(name)) {
            match &mut all {
                None => all = Some(samples.clone()),
                Some(all) => all.merge(samples),
            }
        }
        all
    }
}
