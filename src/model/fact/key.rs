//! Typed keys of facts, and the builders their tables are written with.

use std::marker::PhantomData;

use super::{Advice, Better, FactInfo, Kind, Roles, Rule, TimeOf};
use crate::model::Value;
use crate::model::args::Args;
use crate::model::field::is_among;
use crate::model::interval::Interval;
use crate::model::rows::{Cell, Rows};
use crate::model::typed::Form;
use crate::model::unit::Unit;

/// A typed key: recording a value of the wrong type does not compile.
#[derive(Clone, Copy, Debug)]
pub struct Fact<T> {
    /// The row this key stands for.
    pub info: FactInfo,
    marker: PhantomData<fn(T)>,
}

/// Marker of a fact that is one of a fixed list of words.
#[derive(Clone, Copy, Debug)]
pub struct Choice;

/// Marker of a fact that collects samples.
#[derive(Clone, Copy, Debug)]
pub struct Distribution;

/// Marker of an instant; set from an RFC 3339 text.
#[derive(Clone, Copy, Debug)]
pub struct Time;

/// Types a fact can be set from.
pub trait Scalar {
    /// The argument type of `set`.
    type In;
    /// As a report value.
    fn value(input: Self::In) -> Value;
    /// As a cell of a row.
    fn cell(input: Self::In) -> Cell {
        Cell::from(Self::value(input))
    }
}

macro_rules! scalar {
    ($marker:ty, $input:ty, $cell:expr) => {
        impl Scalar for $marker {
            type In = $input;
            fn value(input: Self::In) -> Value {
                Value::from(input)
            }
            fn cell(input: Self::In) -> Cell {
                $cell(input)
            }
        }
    };
}
scalar!(bool, bool, Cell::Flag);
scalar!(i64, i64, Cell::Integer);
impl Scalar for f64 {
    type In = Self;
    fn value(input: Self::In) -> Value {
        // A sum of nothing is -0.0, and nobody measures that.
        Value::from(input + 0.0)
    }
    fn cell(input: Self::In) -> Cell {
        if input.is_finite() { Cell::Number(input + 0.0) } else { Cell::Empty }
    }
}
scalar!(String, String, |text: String| Cell::Text(text.into()));
scalar!(Vec<String>, Vec<String>, |list: Vec<String>| Cell::from(Value::from(list)));
scalar!(Choice, &'static str, Cell::Word);
scalar!(Time, String, |text: String| Cell::Text(text.into()));
scalar!(Value, Value, Cell::from);
impl Scalar for Interval {
    type In = Self;
    fn value(input: Self::In) -> Value {
        input.value()
    }
}

impl<T> Fact<T> {
    const fn with(name: &'static str, kind: Kind, unit: Unit, better: Option<Better>, help: &'static str) -> Self {
        // A number that is no metric (an age, a size) describes the moment; everything else describes the thing.
        let rule = match kind {
            // Rows are compared where a suite asks for it: what they come to is told by facts of its own.
            Kind::Integer | Kind::Number | Kind::Interval | Kind::Distribution | Kind::Time | Kind::Table(_) => {
                Rule::Ignore
            }
            Kind::Bool | Kind::Text | Kind::Choice(_) | Kind::List | Kind::Object => Rule::Same,
        };
        let time = match kind {
            Kind::Distribution => TimeOf::Latency,
            _ => TimeOf::Period,
        };
        Self {
            info: FactInfo {
                name,
                kind,
                form: Form::Plain,
                unit,
                time,
                better,
                help,
                tolerance: None,
                rule,
                rule_given: None,
                part_of: None,
                except: &[],
                fleeting: &[],
                expected: None,
                given: &[],
                lifted_by: &[],
                foreseen: None,
                row_names: None,
                unanswered: None,
                silent: &[],
                elsewhere: &[],
                roles: Roles {
                    work: false,
                    decisive: false,
                    outcome: false,
                    address: false,
                    reached: false,
                    headline: false,
                    own_evidence: false,
                    failure: false,
                    content: false,
                    targets: false,
                },
                advice: Advice { values: &[], breach: None },
                is_column: false,
            },
            marker: PhantomData,
        }
    }

    /// The same fact, expected to be as `text` says until a check speaks of it.
    #[must_use]
    pub const fn expected(self, text: &'static str) -> Self {
        Self { info: FactInfo { expected: Some(text), ..self.info }, ..self }
    }

    /// The same fact; its default speaks only where those of these facts, choices or flags, hold.
    #[must_use]
    pub const fn given(self, names: &'static [&'static str]) -> Self {
        Self { info: FactInfo { given: names, ..self.info }, ..self }
    }

    /// The same fact; a check that speaks of one of these facts replaces its default too.
    #[must_use]
    pub const fn lifted_by(self, names: &'static [&'static str]) -> Self {
        Self { info: FactInfo { lifted_by: names, ..self.info }, ..self }
    }

    /// The same fact, which is `value` where nothing answered. A check that expects just that must name the outcome too.
    #[must_use]
    pub const fn unanswered(self, value: f64) -> Self {
        Self { info: FactInfo { unanswered: Some(value), ..self.info }, ..self }
    }

    /// The same fact, which will be what `of` reads from the fields of a check.
    #[must_use]
    pub const fn foreseen(self, of: fn(&Args) -> Option<String>) -> Self {
        Self { info: FactInfo { foreseen: Some(of), ..self.info }, ..self }
    }

    /// The same fact, whose texts stand for something else than themselves.
    #[must_use]
    pub const fn form(self, form: Form) -> Self {
        Self { info: FactInfo { form, ..self.info }, ..self }
    }

    /// The same fact, a length of time of another sort than its kind tells.
    #[must_use]
    pub const fn lasting(self, time: TimeOf) -> Self {
        Self { info: FactInfo { time, ..self.info }, ..self }
    }

    /// The same fact as a column of the table whose name its own begins with.
    #[must_use]
    pub const fn column(self) -> Self {
        Self { info: FactInfo { is_column: true, ..self.info }, ..self }
    }

    /// The same fact, which counts what the probe did.
    #[must_use]
    pub const fn work(self) -> Self {
        Self { info: FactInfo { roles: Roles { work: true, ..self.info.roles }, ..self.info }, ..self }
    }

    /// The same fact, which says in one word what came of the probe.
    #[must_use]
    pub const fn decisive(self) -> Self {
        Self { info: FactInfo { roles: Roles { decisive: true, ..self.info.roles }, ..self.info }, ..self }
    }

    /// The same fact, whose presence shows that the peer was reached.
    #[must_use]
    pub const fn reached(self) -> Self {
        Self { info: FactInfo { roles: Roles { reached: true, ..self.info.roles }, ..self.info }, ..self }
    }

    /// The same fact, with evidence that is of interest only where something is expected of it.
    #[must_use]
    pub const fn own_evidence(self) -> Self {
        Self { info: FactInfo { roles: Roles { own_evidence: true, ..self.info.roles }, ..self.info }, ..self }
    }

    /// The same fact, which is the number people look for first.
    #[must_use]
    pub const fn headline(self) -> Self {
        Self { info: FactInfo { roles: Roles { headline: true, ..self.info.roles }, ..self.info }, ..self }
    }

    /// The same fact, which is there only when something is wrong.
    #[must_use]
    pub const fn failure(self) -> Self {
        Self { info: FactInfo { roles: Roles { failure: true, ..self.info.roles }, ..self.info }, ..self }
    }

    /// The same fact, which stands for all that the peer sent: the same at one time, wherever it is asked.
    #[must_use]
    pub const fn content(self) -> Self {
        Self { info: FactInfo { roles: Roles { content: true, ..self.info.roles }, ..self.info }, ..self }
    }

    /// The same fact, with what to try next for values that are no success. Of a choice, each must be one of its words.
    ///
    /// # Panics
    /// Where the fact is defined, at compile time, if a word is none of the choice.
    #[must_use]
    pub const fn advice(self, values: &'static [(&'static str, &'static str)]) -> Self {
        if let Kind::Choice(words) = self.info.kind {
            let mut at = 0;
            while at < values.len() {
                assert!(is_among(words, values[at].0), "advice for a word that is none of the choice");
                at += 1;
            }
        }
        Self { info: FactInfo { advice: Advice { values, ..self.info.advice }, ..self.info }, ..self }
    }

    /// The same fact, with what to try next when an expectation of it did not hold.
    #[must_use]
    pub const fn on_breach(self, text: &'static str) -> Self {
        Self { info: FactInfo { advice: Advice { breach: Some(text), ..self.info.advice }, ..self.info }, ..self }
    }

    /// The same fact, with another default tolerance.
    #[must_use]
    pub const fn within(self, tolerance: f64) -> Self {
        Self { info: FactInfo { tolerance: Some(tolerance), ..self.info }, ..self }
    }

    /// The same fact, with another default rule where the list `fact` holds `word`; ignored elsewhere.
    #[must_use]
    pub const fn ruled_given(self, rule: Rule, fact: &'static str, word: &'static str) -> Self {
        Self { info: FactInfo { rule, rule_given: Some((fact, word)), ..self.info }, ..self }
    }

    /// The same fact, one of several that describe the same thing.
    #[must_use]
    pub const fn part_of(self, thing: &'static str) -> Self {
        Self { info: FactInfo { part_of: Some(thing), ..self.info }, ..self }
    }

    /// The same fact, with another default rule.
    #[must_use]
    pub const fn ruled(self, rule: Rule) -> Self {
        Self { info: FactInfo { rule, ..self.info }, ..self }
    }
}

impl Fact<bool> {
    /// A yes/no fact.
    #[must_use]
    pub const fn flag(name: &'static str, help: &'static str) -> Self {
        Self::with(name, Kind::Bool, Unit::Count, None, help)
    }
}

impl Fact<i64> {
    /// A whole number without direction.
    #[must_use]
    pub const fn integer(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self::with(name, Kind::Integer, unit, None, help)
    }
    /// A whole number that is a metric.
    #[must_use]
    pub const fn counter(name: &'static str, unit: Unit, better: Better, help: &'static str) -> Self {
        Self::with(name, Kind::Integer, unit, Some(better), help)
    }
}

impl Fact<f64> {
    /// A number without direction.
    #[must_use]
    pub const fn number(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self::with(name, Kind::Number, unit, None, help)
    }
    /// A number that is a metric.
    #[must_use]
    pub const fn metric(name: &'static str, unit: Unit, better: Better, help: &'static str) -> Self {
        Self::with(name, Kind::Number, unit, Some(better), help)
    }
}

impl Fact<Interval> {
    /// The bounds of a number that is a metric.
    #[must_use]
    pub const fn interval(name: &'static str, unit: Unit, better: Better, help: &'static str) -> Self {
        Self::with(name, Kind::Interval, unit, Some(better), help)
    }

    /// The bounds of a number without direction.
    #[must_use]
    pub const fn bounds(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self::with(name, Kind::Interval, unit, None, help)
    }
}

impl Fact<String> {
    /// The address that was looked at; it may be another one next time.
    #[must_use]
    pub const fn address(name: &'static str, help: &'static str) -> Self {
        let text = Self::text(name, help);
        let roles = Roles { address: true, ..text.info.roles };
        Self { info: FactInfo { roles, rule: Rule::Ignore, form: Form::Address, ..text.info }, ..text }
    }
    /// Free text.
    #[must_use]
    pub const fn text(name: &'static str, help: &'static str) -> Self {
        Self::with(name, Kind::Text, Unit::Count, None, help)
    }
}

impl Fact<Choice> {
    /// One of a fixed list of words.
    #[must_use]
    pub const fn choice(name: &'static str, words: &'static [&'static str], help: &'static str) -> Self {
        Self::with(name, Kind::Choice(words), Unit::Count, None, help)
    }

    /// The same fact, which is the outcome of the probe; `silent` are its words that a dead host or a cut path leads to
    /// as well.
    ///
    /// # Panics
    /// Where the fact is defined, at compile time, if a word is none of the choice.
    #[must_use]
    pub const fn outcome(self, silent: &'static [&'static str]) -> Self {
        self.among_its_words(silent);
        let roles = Roles { decisive: true, outcome: true, ..self.info.roles };
        Self { info: FactInfo { silent, roles, ..self.info }, ..self }
    }

    /// The same outcome; `words` are those that another than the peer leads to: they show nothing of the peer.
    ///
    /// # Panics
    /// Where the fact is defined, at compile time, if a word is none of the choice.
    #[must_use]
    pub const fn elsewhere(self, words: &'static [&'static str]) -> Self {
        self.among_its_words(words);
        Self { info: FactInfo { elsewhere: words, ..self.info }, ..self }
    }

    const fn among_its_words(&self, some: &[&str]) {
        if let Kind::Choice(words) = self.info.kind {
            let mut at = 0;
            while at < some.len() {
                assert!(is_among(words, some[at]), "a word that is none of the choice");
                at += 1;
            }
        }
    }
}

impl Fact<Vec<String>> {
    /// A list of texts.
    #[must_use]
    pub const fn list(name: &'static str, help: &'static str) -> Self {
        Self::with(name, Kind::List, Unit::Count, None, help)
    }
}

impl Fact<Distribution> {
    /// Samples in `unit`.
    #[must_use]
    pub const fn distribution(name: &'static str, unit: Unit, better: Better, help: &'static str) -> Self {
        Self::with(name, Kind::Distribution, unit, Some(better), help)
    }
    /// Samples in `unit` that describe but are not compared (a TTL, say).
    #[must_use]
    pub const fn spread(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self::with(name, Kind::Distribution, unit, None, help)
    }
}

impl Fact<Time> {
    /// An instant.
    #[must_use]
    pub const fn time(name: &'static str, help: &'static str) -> Self {
        Self::with(name, Kind::Time, Unit::Count, None, help)
    }
}

impl Fact<Rows> {
    /// Rows, each about one `key` (`host`).
    #[must_use]
    pub const fn table(name: &'static str, key: &'static str, help: &'static str) -> Self {
        Self::with(name, Kind::Table(key), Unit::Count, None, help)
    }

    /// The same table, whose rows have these names.
    #[must_use]
    pub const fn rows_named(self, names: fn(&Args) -> Vec<String>) -> Self {
        Self { info: FactInfo { row_names: Some(names), ..self.info }, ..self }
    }

    /// The same table, whose rows are targets that another check may look at, one case each.
    #[must_use]
    pub const fn targets(self) -> Self {
        Self { info: FactInfo { roles: Roles { targets: true, ..self.info.roles }, ..self.info }, ..self }
    }
}

impl Fact<Value> {
    /// A map or JSON document.
    #[must_use]
    pub const fn object(name: &'static str, help: &'static str) -> Self {
        Self::with(name, Kind::Object, Unit::Count, None, help)
    }

    /// The same fact; of the ignored keys, those that match one of `patterns` come and go by themselves.
    #[must_use]
    pub const fn fleeting(self, patterns: &'static [&'static str]) -> Self {
        Self { info: FactInfo { fleeting: patterns, ..self.info }, ..self }
    }

    /// The same fact; values of keys that match one of `patterns` (`*` and `?`) are ignored.
    #[must_use]
    pub const fn except(self, patterns: &'static [&'static str]) -> Self {
        Self { info: FactInfo { except: patterns, ..self.info }, ..self }
    }
}
