//! The observations of a probe. The engine owns them, the probe borrows them: deadline, cancel and panic keep what was recorded.

mod round;
mod rows_of_rounds;
mod side;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub use round::{Round, Unseen};
use rows_of_rounds::RowsOfRounds;
pub use side::Side;

use super::comparison::Arm;
use super::document_path::is_of;
use super::fact::FactInfo;
use super::rows::{Rows, RowsBuilder};
use super::text::CUT;
use super::timeline::Timeline;
use super::{Fault, Interval, Value};
use crate::stats::Samples;

/// Evidence lines kept per case.
const NOTES: usize = 32;
/// Characters kept per evidence line.
const NOTE_CHARS: usize = 500;
/// Rounds of a side of which everything is kept, where two sides are held against each other: of two servers that answer by chance,
/// each side meets one of its own in all of them once in 128 times.
pub const KEPT_OF_EACH: usize = 4;
/// Bytes of text that is kept of every round: outcomes, addresses.
const SMALL: usize = 64;

/// Why an expectation cannot be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// Only a part of the fact was seen, for this reason, and the rest decides.
    Part(String),
    /// Nothing of the fact was seen, for this reason, although there is something.
    Nothing(String),
    /// A share of what was counted may not be the target's, for this reason, and how much decides.
    Less(String),
    /// Only bounds of the fact are known, these, and where between them it lies decides.
    Bounds(String),
    /// The fact was measured late, for this reason, and by how much decides.
    Late(String),
}

/// What the rounds so far brought for one expectation that is about each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rounds it speaks of.
    pub total: usize,
    /// The first of them that broke it, from 0.
    pub broken: Option<usize>,
    /// What was seen: in the round that broke it, else in the first.
    pub got: Option<String>,
    /// Why a round could not be decided.
    pub open: Option<Undecided>,
}

/// Everything one attempt of one case saw.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    rounds: Vec<Round>,
    notes: Vec<String>,
    /// What makes facts be seen whole that were seen in part.
    remedies: Vec<(&'static str, String)>,
    /// Facts that could not be measured from here, and why.
    unavailable: Vec<(&'static str, Fault)>,
    /// One per expectation of the subject, and of the old target; empty until a round was tallied.
    tallies: [Vec<Tally>; 2],
    /// Rounds that are tallied.
    tallied: usize,
    /// Which round holds the last value of a large fact, by side (none: of rounds that do not count).
    large: Vec<(Option<Side>, &'static str, usize)>,
    /// Of tables that other cases go by.
    targets: RowsOfRounds,
    /// Time from the first attempt to the end of this one; set for checks with `eventually`.
    pub settled_in: Option<Duration>,
    /// Time in which this process did not run while it measured.
    pub unwatched: Duration,
    /// When it was decided for good what the round comes to: what is not watched from then on cannot change it.
    pub decided: Option<Instant>,
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

    /// Sets a table of the current round, and the samples of its columns; what is not kept of it is marked as not seen.
    pub fn set_rows(&mut self, rows: RowsBuilder) {
        let (name, rows, samples) = rows.finish();
        if let Some(why) = rows.why_partial() {
            self.not_kept(name, rows.total, why);
        }
        let round = self.current();
        round.tables.retain(|(known, _)| *known != name);
        round.tables.push((name, Arc::new(rows)));
        round.samples.retain(|(known, _)| samples.iter().all(|(new, _)| new != known));
        round.samples.extend(samples);
    }

    /// Sets what streams of probes saw over time in the current round. Of several rounds the last is kept.
    pub fn set_timeline(&mut self, timeline: Timeline) {
        self.rounds.iter_mut().for_each(|round| round.timeline = None);
        self.current().timeline = Some(Arc::new(timeline));
    }

    /// What streams of probes saw over time, in the last round that did.
    #[must_use]
    pub fn timeline(&self) -> Option<&Arc<Timeline>> {
        self.rounds.iter().rev().find_map(|round| round.timeline.as_ref())
    }

    /// Says that a list of the current round had so many elements, more than are kept.
    pub fn set_total(&mut self, name: &'static str, total: u64, kept: usize) {
        self.not_kept(name, total, format!("{kept} are kept of {total}"));
    }

    /// Of what was seen in part already, how many there are is not known.
    fn not_kept(&mut self, name: &'static str, total: u64, why: String) {
        if self.current().partial(name).is_none() {
            self.set_partial(name, why);
            self.current().totals.push((name, total));
        }
    }

    /// Marks a fact of the current round as seen in part; the first reason stays, but for that not all was kept.
    pub fn set_partial(&mut self, name: &'static str, why: impl Into<String>) {
        self.set_open(name, Unseen::More, why);
    }

    /// What to do so that a fact that was seen in part is seen whole; the first one stays.
    pub fn set_remedy(&mut self, name: &'static str, remedy: String) {
        if self.remedy(name).is_none() {
            self.remedies.push((name, remedy));
        }
    }

    /// What to do so that a fact that was seen in part is seen whole, where its family knows.
    #[must_use]
    pub fn remedy(&self, name: &str) -> Option<&str> {
        self.remedies.iter().find(|(known, _)| *known == name).map(|(_, remedy)| remedy.as_str())
    }

    /// Marks the current round: the peer its outcome is about was not reached.
    pub fn set_unreached(&mut self) {
        self.current().unreached = true;
    }

    /// Says how the outcome of the current round came about; it is evidence as well.
    pub fn set_ending(&mut self, sentence: &str) {
        self.note(sentence);
        self.current().ending = Some(shortened(sentence));
    }

    /// Marks a fact of the current round as at most what was counted; the first reason stays.
    pub fn set_at_most(&mut self, name: &'static str, why: impl Into<String>) {
        self.set_open(name, Unseen::Less, why);
    }

    fn set_open(&mut self, name: &'static str, rest: Unseen, why: impl Into<String>) {
        let round = self.current();
        // Whatever was not seen weighs more than that something was not kept.
        if round.total(name).is_some() {
            round.totals.retain(|(known, _)| *known != name);
            round.partial.retain(|(known, ..)| *known != name);
        }
        if round.partial(name).is_none() {
            round.partial.push((name, rest, why.into()));
        }
    }

    /// See [`Round::mark_cut`]; of the current round.
    pub fn mark_cut(&mut self, is_text: impl Fn(&str) -> bool) {
        self.current().mark_cut(is_text);
    }

    /// Why only a part of a fact was seen in some round that counts.
    #[must_use]
    pub fn partial(&self, name: &str) -> Option<&str> {
        self.counted().find_map(|round| round.partial(name))
    }

    /// The collector of a distribution of the current round.
    pub fn samples_mut(&mut self, info: &FactInfo) -> &mut Samples {
        collector(&mut self.current().samples, info)
    }

    /// The collector of samples of the current round that this side took late.
    pub fn late_mut(&mut self, info: &FactInfo) -> &mut Samples {
        collector(&mut self.current().late, info)
    }

    /// Counts every new round that counts into the tallies of its side, by `take`, and then forgets what nobody asks for again:
    /// large facts of rounds that have `keep` later ones with the same fact, and of all but the last measurement of a round. What was
    /// seen last stays.
    pub fn tally_rounds(&mut self, keep: usize, mut take: impl FnMut(Side, &mut Vec<Tally>, &Round)) {
        for at in self.tallied..self.rounds.len() {
            let round = &mut self.rounds[at];
            let side = Side::of(round);
            if let Some(side) = side {
                take(side, &mut self.tallies[side as usize], round);
            }
            round.tallied = true;
            let mut fresh: Vec<(&'static str, bool)> =
                round.facts.iter().map(|(name, value)| (*name, is_small(value))).collect();
            fresh.extend(round.tables.iter().map(|(name, _)| (*name, false)));
            let slot = round.slot;
            for (name, small) in fresh {
                let of_it = |(of, held, _): &(Option<Side>, &'static str, usize)| *of == side && *held == name;
                let same = self.large.iter().position(|row| of_it(row) && self.rounds[row.2].slot == slot);
                let full = self.large.iter().filter(|row| of_it(row)).count() >= keep;
                let oldest = || self.large.iter().position(of_it).filter(|_| full);
                if let Some(at) = same.or_else(oldest) {
                    let (_, _, earlier) = self.large.remove(at);
                    self.rounds[earlier].forget(name);
                }
                if !small {
                    self.large.push((side, name, at));
                }
            }
        }
        self.tallied = self.rounds.len();
    }

    /// Holds the rows of a table in the current round, if that counts, against those of the first one. Call it before the round is
    /// tallied.
    pub fn compare_targets(&mut self, table: &'static str) {
        let current = self.rounds.last().filter(|round| round.discarded.is_none());
        if let Some(rows) = current.and_then(|round| round.rows(table)) {
            self.targets.compare(table, rows);
        }
    }

    /// Whether not all rounds that count had the same rows in a table that [`Self::compare_targets`] was told of.
    #[must_use]
    pub fn targets_differ(&self, table: &str) -> bool {
        self.targets.differ(table)
    }

    /// What the rounds that are tallied brought for the expectation at `index`.
    #[must_use]
    pub fn tally(&self, index: usize) -> Option<&Tally> {
        self.tallies[Side::Subject as usize].get(index)
    }

    /// These facts could not be measured from here, where others could.
    pub fn set_unavailable(&mut self, names: Vec<&'static str>, why: &Fault) {
        // The first reason is the one that is told.
        for name in names {
            if !self.unavailable.iter().any(|(known, _)| *known == name) {
                self.unavailable.push((name, why.clone()));
            }
        }
    }

    /// Why the fact of a path (`name`, or `name.part`) could not be measured from here, if it could not.
    #[must_use]
    pub fn unavailable(&self, path: &str) -> Option<&Fault> {
        self.unavailable.iter().find(|(name, _)| is_of(path, name)).map(|(_, why)| why)
    }

    /// Adds a line of evidence; bounded in length and number. What every round says again is said once.
    pub fn note(&mut self, text: impl Into<String>) {
        let label = self.rounds.last().map_or("", |round| round.label);
        self.note_of(label, text);
    }

    /// The same, of the side that evidence calls so.
    pub fn note_of(&mut self, label: &str, text: impl Into<String>) {
        if self.notes.len() >= NOTES {
            return;
        }
        let text: String = if label.is_empty() { text.into() } else { format!("{label}: {}", text.into()) };
        let kept = shortened(&text);
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
        let base = self.of_side(Side::Base);
        (!base.rounds.is_empty()).then(|| Self { notes: Vec::new(), unavailable: Vec::new(), settled_in: None, ..base })
    }

    /// What was seen of one side, as an observation of its own.
    #[must_use]
    pub fn of_side(&self, side: Side) -> Self {
        let own = |round: &&Round| (round.arm == Some(Arm::Base)) == (side == Side::Base);
        let mut rounds: Vec<Round> = self.rounds.iter().filter(own).cloned().collect();
        let label = rounds.first().map_or("", |round| round.label);
        let own = |note: &String| match label {
            "" => Some(note.clone()),
            label => note.strip_prefix(label)?.strip_prefix(": ").map(str::to_owned),
        };
        for round in &mut rounds {
            (round.arm, round.label) = (None, "");
        }
        Self {
            rounds,
            notes: self.notes.iter().filter_map(own).collect(),
            unavailable: self.unavailable.clone(),
            tallies: [self.tallies[side as usize].clone(), Vec::new()],
            settled_in: self.settled_in,
            ..Self::default()
        }
    }

    /// The last rounds that count of which everything is kept, newest first, each by its last measurement, as an observation of its
    /// own.
    pub fn whole_rounds(&self) -> impl Iterator<Item = Self> {
        let mut counted: Vec<&Round> = self.counted().collect();
        counted.reverse();
        counted.dedup_by_key(|round| round.slot);
        let is_whole = |round: &Round| round.facts.iter().all(|(_, value)| !value.is_null());
        let newest = counted.into_iter().enumerate().take(KEPT_OF_EACH);
        let whole = newest.take_while(move |(at, round)| *at == 0 || is_whole(round));
        whole.map(|(_, round)| Self { rounds: vec![round.clone()], ..Self::default() }).collect::<Vec<_>>().into_iter()
    }

    /// The last value of a scalar fact in the rounds that count.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&Value> {
        let counted: Vec<&Round> = self.counted().collect();
        counted.into_iter().rev().find_map(|round| round.fact(name))
    }

    /// The last rows of a table in the rounds that count.
    #[must_use]
    pub fn last_rows(&self, name: &str) -> Option<&Arc<Rows>> {
        let counted: Vec<&Round> = self.counted().collect();
        counted.into_iter().rev().find_map(|round| round.rows(name))
    }

    /// Text of a scalar fact; a shortcut for probes that look at what they recorded.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.last(name).and_then(Value::as_str)
    }

    /// All samples of a distribution in the rounds that count, merged; those taken late are not among them.
    #[must_use]
    pub fn merged(&self, name: &str) -> Option<Samples> {
        merged(self.counted().filter_map(|round| round.samples(name)))
    }

    /// All samples of a distribution in the rounds that count that this side took late, merged.
    #[must_use]
    pub fn late(&self, name: &str) -> Option<Samples> {
        merged(self.counted().filter_map(|round| round.late(name)))
    }
}

/// At most [`NOTE_CHARS`] characters; what was cut off is marked.
fn shortened(text: &str) -> String {
    let mut kept: String = text.chars().take(NOTE_CHARS).collect();
    if kept.len() < text.len() {
        kept.push(CUT);
    }
    kept
}

fn collector<'s>(all: &'s mut Vec<(&'static str, Samples)>, info: &FactInfo) -> &'s mut Samples {
    let index = if let Some(index) = all.iter().position(|(name, _)| *name == info.name) {
        index
    } else {
        all.push((info.name, Samples::scaled(info.ticks())));
        all.len() - 1
    };
    &mut all[index].1
}

fn merged<'s>(parts: impl Iterator<Item = &'s Samples>) -> Option<Samples> {
    let mut all: Option<Samples> = None;
    for samples in parts {
        match &mut all {
            None => all = Some(samples.clone()),
            Some(all) => all.merge(samples),
        }
    }
    all
}

/// Whether a value is kept of every round: numbers, their bounds, and words.
fn is_small(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.len() <= SMALL,
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty() || Interval::of(value).is_some(),
    }
}
