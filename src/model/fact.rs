//! Facts: the typed, documented things a probe can see.
//!
//! One static table per family. Validation of `expect`, the JSON Schema, `explain`, the docs and the choice of
//! baseline metrics all derive from it.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Value;
use super::field::is_among;
use super::unit::Unit;
use crate::stats::samples::NANOS;

/// Sort of value a fact holds; decides its operators.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A whole number.
    Integer,
    /// A number in the fact's unit.
    Number,
    /// Free text.
    Text,
    /// One of these words, in the field's own order (`TLS1.2` before `TLS1.3`).
    Choice(&'static [&'static str]),
    /// A list of texts, in the order seen.
    List,
    /// Many samples: `.min .mean .p50 .median .p90 .p95 .p99 .max .stddev .count`.
    Distribution,
    /// An instant, RFC 3339.
    Time,
    /// A map or JSON document; a path below it is a fact too (`headers.server`).
    Object,
}

impl Kind {
    /// The word docs use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Text => "text",
            Self::Choice(_) => "choice",
            Self::List => "list",
            Self::Distribution => "distribution",
            Self::Time => "time",
            Self::Object => "object",
        }
    }
}

/// Which direction is an improvement. A fact with a direction is a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Smaller is better (latency, loss).
    Lower,
    /// Larger is better (throughput).
    Higher,
}

impl Better {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
        }
    }
}

/// How a fact may change between two observations of the same target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// It must be the same. A list is the same in any order.
    Same,
    /// A number may rise, a list gain, a choice move up its order.
    MayGrow,
    /// The opposite.
    MayShrink,
    /// It differs from one observation to the next, and says nothing.
    Ignore,
}

impl Rule {
    /// All, in the order of the docs.
    pub const ALL: [Self; 4] = [Self::Same, Self::MayGrow, Self::MayShrink, Self::Ignore];

    /// The word in suites and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::MayGrow => "may_grow",
            Self::MayShrink => "may_shrink",
            Self::Ignore => "ignore",
        }
    }

    /// The rule of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.word() == word)
    }
}

/// One row of a family's fact table.
#[derive(Clone, Copy, Debug)]
pub struct FactInfo {
    /// Name, dotted where it belongs to a group (`chain.expires_in`).
    pub name: &'static str,
    /// Sort of value.
    pub kind: Kind,
    /// Unit of a number; `Count` for everything else.
    pub unit: Unit,
    /// Direction, for facts that are metrics.
    pub better: Option<Better>,
    /// One sentence for `explain`, the schema and the docs.
    pub help: &'static str,
    /// Of a metric that may be zero: the smallest difference worth an alarm, in its unit; absent for the unit's default.
    pub tolerance: Option<f64>,
    /// How it may change between two reports, unless the suite says otherwise. Metrics are compared by their numbers.
    pub rule: Rule,
    /// Of an object: patterns of keys that are ignored although the object is compared.
    pub except: &'static [&'static str],
    /// Default expectation, for a check without `expect`; as a suite would write it.
    pub expected: Option<&'static str>,
    /// Of an estimate that may read too low: the fact that bounds it, for who wants to assert an upper limit.
    pub bounded_by: Option<&'static str>,
    /// Properties other layers act on, whatever its name.
    pub roles: Roles,
    /// Next step when it is not as expected.
    pub advice: Advice,
}

/// Properties of a fact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// It counts what the probe did (packets, queries), the whole of which a share is a share.
    pub work: bool,
    /// It says in one word what came of the probe; of several, the first in the table.
    pub decisive: bool,
    /// It is there only when the peer was reached: silence after it is the peer's, not the network's.
    pub reached: bool,
}

/// Advice for a value that is none of a failure: expectations that did not hold speak before other values.
pub const NO_FAILURE: &str = "";

/// Next steps for the reader of a failure, each a sentence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// By the value that was seen.
    pub values: &'static [(&'static str, &'static str)],
    /// When an expectation of the fact, or of a path below it, did not hold.
    pub breach: Option<&'static str>,
}

impl FactInfo {
    /// Histogram ticks per unit: nanoseconds for times.
    #[must_use]
    pub fn ticks(&self) -> f64 {
        if self.unit == Unit::Seconds { NANOS } else { 1.0 }
    }
}

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
}

macro_rules! scalar {
    ($marker:ty, $input:ty) => {
        impl Scalar for $marker {
            type In = $input;
            fn value(input: Self::In) -> Value {
                Value::from(input)
            }
        }
    };
}
scalar!(bool, bool);
scalar!(i64, i64);
impl Scalar for f64 {
    type In = Self;
    fn value(input: Self::In) -> Value {
        // A sum of nothing is -0.0, and nobody measures that.
        Value::from(input + 0.0)
    }
}
scalar!(String, String);
scalar!(Vec<String>, Vec<String>);
scalar!(Choice, &'static str);
scalar!(Time, String);
scalar!(Value, Value);

impl<T> Fact<T> {
    const fn with(name: &'static str, kind: Kind, unit: Unit, better: Option<Better>, help: &'static str) -> Self {
        // A number that is no metric (an age, a size) describes the moment; everything else describes the thing.
        let rule = match kind {
            Kind::Integer | Kind::Number | Kind::Distribution | Kind::Time => Rule::Ignore,
            Kind::Bool | Kind::Text | Kind::Choice(_) | Kind::List | Kind::Object => Rule::Same,
        };
        Self {
            info: FactInfo {
                name,
                kind,
                unit,
                better,
                help,
                tolerance: None,
                rule,
                except: &[],
                expected: None,
                bounded_by: None,
                roles: Roles { work: false, decisive: false, reached: false },
                advice: Advice { values: &[], breach: None },
            },
            marker: PhantomData,
        }
    }

    /// The same fact, expected to be as `text` says where a check has no `expect`.
    #[must_use]
    pub const fn expected(self, text: &'static str) -> Self {
        Self { info: FactInfo { expected: Some(text), ..self.info }, ..self }
    }

    /// The same fact, an estimate: an upper limit of it is refused in suites, which are told to assert on `fact`.
    #[must_use]
    pub const fn bounded_by(self, fact: &'static str) -> Self {
        Self { info: FactInfo { bounded_by: Some(fact), ..self.info }, ..self }
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

impl Fact<String> {
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

impl Fact<Value> {
    /// A map or JSON document.
    #[must_use]
    pub const fn object(name: &'static str, help: &'static str) -> Self {
        Self::with(name, Kind::Object, Unit::Count, None, help)
    }

    /// The same fact; keys that match one of `patterns` (`*` and `?`) are ignored.
    #[must_use]
    pub const fn except(self, patterns: &'static [&'static str]) -> Self {
        Self { info: FactInfo { except: patterns, ..self.info }, ..self }
    }
}

/// The parts of a distribution an expectation can name.
pub const STATISTICS: &[&str] = &["min", "mean", "p50", "median", "p90", "p95", "p99", "max", "stddev", "count"];

/// A fact every family has when the check says `eventually`.
pub const SETTLED_IN: FactInfo = FactInfo {
    name: "settled_in",
    kind: Kind::Number,
    unit: Unit::Seconds,
    better: Some(Better::Lower),
    help: "Seconds from the first attempt to the end of the one that held, of a check with `eventually`.",
    tolerance: None,
    rule: Rule::Ignore,
    except: &[],
    expected: None,
    bounded_by: None,
    roles: Roles { work: false, decisive: false, reached: false },
    advice: Advice {
        values: &[],
        breach: Some("it holds, but too late: look at what delays the change (timers, caches, deployment order)"),
    },
};
