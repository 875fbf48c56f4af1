//! Why a check failed, in one sentence, and what a person does next. Each family says it of its own observation; where it has
//! nothing to say, its tables do.

use super::Family;
use crate::model::argument::Argument;
use crate::model::document_path::is_of;
use crate::model::fact::{FactKeys, NO_FAILURE};
use crate::model::record::Outcome;
use crate::model::rows::Rows;
use crate::model::{Args, Choice, Fact, FactInfo, Field, GridCell, Observation, Round, Value, shell};
use crate::stats::Summary;

/// The cause of a failure, and the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The decisive fact, as one sentence without a full stop: who, what, how long.
    pub cause: String,
    /// What to do about it, with a command where there is one.
    pub next: String,
    /// What failures with one cause have alike, and no other has: reports tell them once. Without it, failures with the same
    /// cause and next step are told once.
    pub group: Option<String>,
}

impl Diagnosis {
    /// A cause, and what to do.
    pub fn new(cause: impl Into<String>, next: impl Into<String>) -> Self {
        Self { cause: cause.into(), next: next.into(), group: None }
    }

    /// The same, as one of the failures that have `group` alike.
    #[must_use]
    pub fn group(self, group: impl Into<String>) -> Self {
        Self { group: Some(group.into()), ..self }
    }
}

/// A part of a measurement that has a time of its own.
#[derive(Clone, Copy, Debug)]
pub struct PhaseInfo {
    /// The fact with its times.
    pub fact: &'static str,
    /// What it means that this part takes long, and where to look.
    pub slow: &'static str,
}

impl PhaseInfo {
    /// A phase.
    #[must_use]
    pub const fn new(fact: &'static str, slow: &'static str) -> Self {
        Self { fact, slow }
    }
}

/// A failed attempt: what was seen of it, and every expectation, judged. At least one of them did not hold.
pub struct Failure<'f> {
    /// The target, for people.
    pub target: &'f str,
    /// The family of the check.
    pub family: &'static Family,
    /// Every expectation.
    pub expectations: &'f [Outcome],
    /// The typical value of a metric in earlier runs, where such are known.
    pub usual: Usual<'f>,
    /// The arguments of the check that are kept, secrets masked.
    args: &'f Args,
    observation: &'f Observation,
    /// What it asks, of a check that is a grid.
    cell: Option<&'f GridCell>,
    /// The round that broke the first of them that is about rounds.
    round: Option<&'f Round>,
}

/// The typical value of a metric in earlier runs, by its name.
pub type Usual<'f> = &'f dyn Fn(&str) -> Option<f64>;

/// Nothing is known of earlier runs.
#[must_use]
pub const fn unknown(_: &str) -> Option<f64> {
    None
}

impl<'f> Failure<'f> {
    /// A failure, of which round `broken` of those that count is to blame; the last, where that is not known.
    #[must_use]
    pub fn new(
        (target, family, args): (&'f str, &'static Family, &'f Args),
        expectations: &'f [Outcome],
        (observation, usual): (&'f Observation, Usual<'f>),
        broken: Option<usize>,
    ) -> Self {
        let round = broken.and_then(|at| observation.counted().nth(at)).or_else(|| observation.counted().last());
        Self { target, family, expectations, usual, args, observation, cell: None, round }
    }

    /// The same, of a cell of a grid.
    #[must_use]
    pub fn of_cell(self, cell: Option<&'f GridCell>) -> Self {
        Self { cell, ..self }
    }

    /// The cell, of a check that is a grid.
    #[must_use]
    pub fn cell(&self) -> Option<&'f GridCell> {
        self.cell
    }

    /// The argument of a field, its default where it is not written. The family names the field among those that are kept
    /// (`Probe::DIAGNOSED_BY`).
    #[must_use]
    pub fn argument<T: Argument>(&self, field: &Field<T>) -> T {
        debug_assert!(self.family.diagnosed_by.contains(&field.info.name), "`{}` is not kept", field.info.name);
        self.args.get(field)
    }

    /// The value of a fact: in the round to blame, else the last.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'f Value> {
        let here = self.round.and_then(|round| round.fact(name)).filter(|value| !value.is_null());
        here.or_else(|| self.observation.last(name))
    }

    /// The rows of a table: in the round to blame, else the last.
    #[must_use]
    pub fn rows(&self, table: &Fact<Rows>) -> Option<&'f Rows> {
        let here = self.round.and_then(|round| round.rows(table.info.name));
        here.or_else(|| self.observation.last_rows(table.info.name)).map(|rows| &**rows)
    }

    /// The text of a fact.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'f str> {
        self.value(name)?.as_str()
    }

    /// The word of a choice.
    #[must_use]
    pub fn word(&self, fact: &Fact<Choice>) -> Option<&'f str> {
        self.text(fact.info.name)
    }

    /// The elements of a list.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<&'f str> {
        let elements = self.value(name).and_then(Value::as_array).into_iter().flatten();
        elements.filter_map(Value::as_str).collect()
    }

    /// The samples of a distribution, over all rounds that count.
    #[must_use]
    pub fn summary(&self, name: &str) -> Option<Summary> {
        self.observation.merged(name)?.summary()
    }

    /// How the outcome came about, as the probe put it.
    #[must_use]
    pub fn ending(&self) -> Option<&'f str> {
        self.round?.ending()
    }

    /// Whether the peer was reached: silence after that is its own, not the network's.
    #[must_use]
    pub fn reached(&self) -> bool {
        let Some(round) = self.round.filter(|round| !round.is_unreached()) else { return false };
        let mut signs = self.family.facts.iter().filter(|fact| fact.roles.reached);
        signs.any(|fact| {
            round.fact(fact.name).is_some() || round.samples(fact.name).is_some() || round.late(fact.name).is_some()
        })
    }

    /// Lines of evidence.
    #[must_use]
    pub fn notes(&self) -> &'f [String] {
        self.observation.notes()
    }

    /// Expectations that did not hold.
    pub fn unmet(&self) -> impl Iterator<Item = &'f Outcome> {
        self.expectations.iter().filter(|outcome| !outcome.held)
    }

    /// The first expectation of a fact, or of a path below it, that did not hold.
    #[must_use]
    pub fn breach(&self, name: &str) -> Option<&'f Outcome> {
        self.unmet().find(|outcome| is_of(&outcome.fact, name))
    }

    /// The expectation that did not hold and says most: what is absent is mostly so because of something that was seen.
    #[must_use]
    pub fn first(&self) -> Option<&'f Outcome> {
        self.unmet().find(|outcome| outcome.got.is_some()).or_else(|| self.unmet().next())
    }

    /// Whether what was seen of a fact is what somebody expects.
    #[must_use]
    pub fn is_expected(&self, name: &str) -> bool {
        self.expectations.iter().any(|outcome| outcome.held && &*outcome.fact == name)
    }

    /// The cause, and what to do: as the family says it, else as its tables do.
    #[must_use]
    pub fn diagnose(&self) -> Diagnosis {
        let tables = || of_tables(self).unwrap_or_default();
        let diagnosis = match (self.family.diagnose)(self) {
            Some(diagnosis) if diagnosis.next.is_empty() => Diagnosis { next: tables().to_owned(), ..diagnosis },
            Some(diagnosis) => diagnosis,
            None => Diagnosis::new(self.cause(), tables()),
        };
        Diagnosis { next: shell::zones_for_ip(&diagnosis.next), ..diagnosis }
    }

    /// How the outcome came about where it is not as expected; else the expectation that did not hold and says most.
    fn cause(&self) -> String {
        let outcome = self.family.facts.iter().find(|fact| fact.roles.outcome);
        let broken = outcome.is_some_and(|fact| self.breach(fact.name).is_some());
        let ending = self.ending().filter(|_| broken).map(str::to_owned);
        ending.or_else(|| Some(self.first()?.sentence())).unwrap_or_default()
    }

    fn is(&self, name: &str, want: &str) -> bool {
        match self.value(name) {
            Some(Value::String(text)) => text == want,
            Some(Value::Number(number)) => number.to_string() == want,
            Some(Value::Bool(flag)) => want == if *flag { "true" } else { "false" },
            _ => false,
        }
    }
}

/// The next step as the tables of a family have it: after a value that tells of a fault by itself, else after the first
/// expectation that did not hold.
#[must_use]
pub fn of_tables(failure: &Failure<'_>) -> Option<&'static str> {
    // A name server may refuse by rcode while the exchange itself went well: the more specific fact stands further down the
    // table and speaks first. What is as expected (a port that must be closed is refused) needs no advice.
    let values = failure.family.facts.iter().rev().filter(|fact| !failure.is_expected(fact.name));
    let by_value = values.clone().find_map(|fact| of_value(failure, fact).filter(|advice| *advice != NO_FAILURE));
    let by_breach = of_breach(failure);
    let fine = values.clone().any(|fact| fact.roles.decisive && of_value(failure, fact) == Some(NO_FAILURE));
    if fine { by_breach.or(by_value) } else { by_value.or(by_breach) }
}

/// The advice for the value a fact has.
fn of_value(failure: &Failure<'_>, fact: &FactInfo) -> Option<&'static str> {
    fact.advice.values.iter().find(|(value, _)| failure.is(fact.name, value)).map(|(_, advice)| *advice)
}

/// The advice for the expectation that says most: of its fact, or of the one it is a part of.
fn of_breach(failure: &Failure<'_>) -> Option<&'static str> {
    let path = &*failure.first()?.fact;
    let facts = failure.family.facts.iter().chain(FactKeys::ALL.facts());
    let named = facts.filter(|fact| is_of(path, fact.name) && fact.advice.breach.is_some());
    named.max_by_key(|fact| fact.name.len())?.advice.breach
}
