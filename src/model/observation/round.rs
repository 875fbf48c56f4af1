//! One round of an observation: its facts, tables and samples.

use std::sync::Arc;
use std::time::Duration;

use crate::model::Value;
use crate::model::comparison::Arm;
use crate::model::rows::Rows;
use crate::model::text::CUT;
use crate::model::timeline::Timeline;
use crate::stats::Samples;

/// One independent repetition of a measurement.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Position in the run's order, from 0.
    pub slot: u32,
    /// Start, after the start of the case.
    pub start: Duration,
    /// Its side of an interleaved comparison.
    pub arm: Option<Arm>,
    /// What evidence calls its side; empty where there is no other.
    pub label: &'static str,
    /// Measured only because the rounds before it gave an alarm.
    pub confirm: bool,
    /// Why this round does not count (`warm_up`), if it does not.
    pub discarded: Option<&'static str>,
    pub(super) facts: Vec<(&'static str, Value)>,
    pub(super) tables: Vec<(&'static str, Arc<Rows>)>,
    /// Elements that lists had of which not all are kept.
    pub(super) totals: Vec<(&'static str, u64)>,
    pub(super) samples: Vec<(&'static str, Samples)>,
    /// Samples that this side took late.
    pub(super) late: Vec<(&'static str, Samples)>,
    /// Facts of which only a part was seen, which way, and why.
    pub(super) partial: Vec<(&'static str, Unseen, String)>,
    /// Its outcome is about a peer that was not reached, whatever was reached before.
    pub(super) unreached: bool,
    /// Its facts are counted in the tallies.
    pub(super) tallied: bool,
    /// How its outcome came about.
    pub(super) ending: Option<String>,
    /// What streams of probes saw over time.
    pub(super) timeline: Option<Arc<Timeline>>,
}

/// What is not known of a fact that was not seen whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unseen {
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

    /// The rows of a table of this round.
    #[must_use]
    pub fn rows(&self, name: &str) -> Option<&Arc<Rows>> {
        self.tables.iter().find(|(n, _)| *n == name).map(|(_, rows)| rows)
    }

    /// How many elements a list or a table of this round had, where that is more than what is kept.
    #[must_use]
    pub fn total(&self, name: &str) -> Option<u64> {
        self.totals.iter().find(|(n, _)| *n == name).map(|(_, total)| *total)
    }

    /// The samples of a distribution of this round.
    #[must_use]
    pub fn samples(&self, name: &str) -> Option<&Samples> {
        self.samples.iter().find(|(n, _)| *n == name).map(|(_, samples)| samples)
    }

    /// The samples of a distribution of this round that this side took late: upper bounds, nothing else.
    #[must_use]
    pub fn late(&self, name: &str) -> Option<&Samples> {
        self.late.iter().find(|(n, _)| *n == name).map(|(_, samples)| samples)
    }

    /// Why only a part of a fact was seen; `None` when it was seen whole.
    #[must_use]
    pub fn partial(&self, name: &str) -> Option<&str> {
        self.partial.iter().find(|(n, ..)| *n == name).map(|(.., why)| why.as_str())
    }

    /// Marks the texts that were cut by a sign at their end: a piece of a secret there can be told from other words only by it.
    pub(super) fn mark_cut(&mut self, is_text: impl Fn(&str) -> bool) {
        let Self { facts, partial, .. } = self;
        for (name, value) in facts {
            let is_cut = partial.iter().any(|(cut, rest, _)| cut == name && *rest == Unseen::More);
            if let Value::String(text) = value
                && is_cut
                && is_text(name)
                && !text.is_empty()
                && !text.ends_with(['\n', CUT])
            {
                text.push(CUT);
            }
        }
    }

    /// Which way a fact is open that was not seen whole.
    #[must_use]
    pub fn rest(&self, name: &str) -> Option<Unseen> {
        self.partial.iter().find(|(n, ..)| *n == name).map(|(_, rest, _)| *rest)
    }

    /// Whether its outcome is about a peer that was not reached, as a redirect led there: what was reached before is no sign
    /// of life of that one.
    #[must_use]
    pub fn is_unreached(&self) -> bool {
        self.unreached
    }

    /// Whether its facts are counted in the tallies. Large ones of an earlier round are gone then: they are `null`.
    #[must_use]
    pub fn is_tallied(&self) -> bool {
        self.tallied
    }

    /// How its outcome came about, in one sentence: who did what, in which phase, after how long.
    #[must_use]
    pub fn ending(&self) -> Option<&str> {
        self.ending.as_deref()
    }

    /// Only that there was such a fact stays.
    pub(super) fn forget(&mut self, name: &str) {
        if let Some((_, value)) = self.facts.iter_mut().find(|(n, _)| *n == name) {
            *value = Value::Null;
        }
        self.tables.retain(|(n, _)| *n != name);
    }

    /// All scalar facts, in the order first set.
    #[must_use]
    pub fn facts(&self) -> &[(&'static str, Value)] {
        &self.facts
    }
}
