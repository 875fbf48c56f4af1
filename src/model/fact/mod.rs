//! Facts: the typed, documented things a probe can see.
//!
//! One static table per family. Validation of `expect`, the JSON Schema, `explain`, the docs and the choice of
//! baseline metrics all derive from it.

mod key;
pub mod parity;
mod rule;
mod time;

pub use key::{Choice, Distribution, Fact, Scalar, Time};
pub use rule::{Better, Rule};
pub use time::TimeOf;

use super::args::Args;
use super::document_path::is_of;
use super::typed::Form;
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
    /// A number in the fact's unit of which the bounds are known, and no more: `{lo, hi}`.
    Interval,
    /// Many samples: `.min .mean .p50 .median .p90 .p95 .p99 .max .stddev .count`.
    Distribution,
    /// An instant, RFC 3339.
    Time,
    /// A map or JSON document; a path below it is a fact too (`headers.server`).
    Object,
    /// Rows, each about one of what this word names (`host`). Its columns are facts of their own (`hosts.loss`), and so is a
    /// cell (`hosts.row.192.0.2.7.loss`).
    Table(&'static str),
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
            Self::Interval => "interval",
            Self::Distribution => "distribution",
            Self::Time => "time",
            Self::Object => "object",
            Self::Table(_) => "table",
        }
    }
}

/// One row of a family's fact table.
#[derive(Clone, Copy, Debug)]
pub struct FactInfo {
    /// Name, dotted where it belongs to a group (`chain.expires_in`).
    pub name: &'static str,
    /// Sort of value.
    pub kind: Kind,
    /// What its texts stand for: names, addresses, bytes.
    pub form: Form,
    /// Unit of a number; `Count` for everything else.
    pub unit: Unit,
    /// Of a length of time, what it is of.
    pub time: TimeOf,
    /// Direction, for facts that are metrics.
    pub better: Option<Better>,
    /// One sentence for `explain`, the schema and the docs.
    pub help: &'static str,
    /// Of a metric that may be zero: the smallest difference that counts, in its unit; absent for the unit's default.
    pub tolerance: Option<f64>,
    /// How it may change between two reports, unless the suite says otherwise. Metrics are compared by their numbers.
    pub rule: Rule,
    /// The list, and the word in it, on both sides, without which it is ignored whatever the rule.
    pub rule_given: Option<(&'static str, &'static str)>,
    /// The thing it describes beside other facts: what changes of one thing changes for one reason, and is told as one change.
    pub part_of: Option<&'static str>,
    /// Of an object: patterns of keys that are ignored although the object is compared.
    pub except: &'static [&'static str],
    /// Those of `except` that come and go by themselves; of all others, that one vanished is a change.
    pub fleeting: &'static [&'static str],
    /// Default expectation, as a suite would write it; in force until the `expect` of a check replaces it.
    pub expected: Option<&'static str>,
    /// Its default speaks only where those of these facts hold, and of the outcome.
    pub given: &'static [&'static str],
    /// Facts whose naming replaces its default as well: they say the same in another form.
    pub lifted_by: &'static [&'static str],
    /// What it will be, as far as the fields of a check decide that.
    pub foreseen: Option<fn(&Args) -> Option<String>>,
    /// Of a table: the names of its rows, as far as the fields of a check decide them. A cell is then a fact by that name too:
    /// `streams.web.outage`.
    pub row_names: Option<fn(&Args) -> Vec<String>>,
    /// What it is where nothing answered.
    pub unanswered: Option<f64>,
    /// Of the outcome: the words that a dead host or a cut path leads to as well.
    pub silent: &'static [&'static str],
    /// Of the outcome: the words that another than the peer leads to, such as a resolver or a router on the way.
    pub elsewhere: &'static [&'static str],
    /// Properties other layers act on, whatever its name.
    pub roles: Roles,
    /// Next step when it is not as expected.
    pub advice: Advice,
    /// It is a column: a value in each row of the table whose name its own begins with.
    pub is_column: bool,
}

/// Properties of a fact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// It counts what the probe did (packets, queries), the whole of which a share is a share.
    pub work: bool,
    /// It says in one word what came of the probe; of several, the first in the table.
    pub decisive: bool,
    /// It is the outcome: the fact that decides whether there was anything to see.
    pub outcome: bool,
    /// It is the address that was looked at.
    pub address: bool,
    /// It is there only when the peer was reached: silence after it is the peer's, not the network's.
    pub reached: bool,
    /// It is the number people look for first, where no expectation names one.
    pub headline: bool,
    /// Its evidence begins with its name, and is shown to whoever expects something of it.
    pub own_evidence: bool,
    /// It is there only when something is wrong, so that expecting it at all says that something is.
    pub failure: bool,
    /// It stands for all that the peer sent: another release sends something else, but all of one service send the same.
    pub content: bool,
    /// It is a table of targets, with columns for their host, port and priority: another check may have a case for each.
    pub targets: bool,
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
    /// The smallest and the largest number it, or its statistics, can be; open where there is none. Lengths of time that
    /// are no samples may be negative: a certificate that has expired.
    #[must_use]
    pub fn range(&self) -> (Option<f64>, Option<f64>) {
        let signed = self.unit == Unit::Seconds && self.kind != Kind::Distribution;
        let share = self.unit == Unit::Ratio && self.better.is_some();
        ((!signed).then_some(0.0), share.then_some(1.0))
    }

    /// Whether a number of it is never exactly `value`: it is measured, or another one at each moment. Zero is one that has not
    /// begun, or is over.
    #[must_use]
    pub fn is_never(&self, value: f64) -> bool {
        let sampled = self.kind == Kind::Distribution && self.better.is_some();
        let time = self.unit == Unit::Seconds && !self.time.may_be_exact();
        // Bounds that meet in one number are not measured either, not even in zero.
        if self.kind == Kind::Interval {
            return true;
        }
        let zero = value == 0.0 && self.kind != Kind::Distribution && !(time && self.time == TimeOf::Validity);
        (sampled || time || self.time.runs_on()) && !zero
    }

    /// Whether it is many numbers, so that an expectation names a statistic of them: samples, or a column of numbers.
    #[must_use]
    pub const fn has_statistics(&self) -> bool {
        matches!(self.kind, Kind::Distribution) || (self.is_column && matches!(self.kind, Kind::Integer | Kind::Number))
    }

    /// Whether two measurements of it are compared by their ratio: samples of times and rates are never zero. The loss of most
    /// rows of a column is.
    #[must_use]
    pub const fn is_compared_by_ratio(&self) -> bool {
        let may_be_zero = self.is_column && matches!(self.unit, Unit::Ratio | Unit::Count);
        self.has_statistics() && !may_be_zero
    }

    /// Whether it is a column of the table `table`.
    #[must_use]
    pub fn is_column_of(&self, table: &Self) -> bool {
        let below = |name: &str| name.strip_prefix(table.name).is_some_and(|rest| rest.starts_with('.'));
        self.is_column && matches!(table.kind, Kind::Table(_)) && below(self.name)
    }

    /// Histogram ticks per unit: nanoseconds for times.
    #[must_use]
    pub fn ticks(&self) -> f64 {
        if self.unit == Unit::Seconds { NANOS } else { 1.0 }
    }
}

/// The parts of a distribution an expectation can name.
pub const STATISTICS: &[&str] = &["min", "mean", "p50", "median", "p90", "p95", "p99", "max", "stddev", "count"];

/// A fact every family has when the check says `eventually`.
pub const SETTLED_IN: FactInfo = Fact::metric(
    "settled_in",
    Unit::Seconds,
    Better::Lower,
    "Seconds from the start of the first attempt to the start of the attempt that held, or to its end if it took longer than `every` or than a second. Absent if none held.",
)
.on_breach("it holds, but too late: look at what delays the change (timers, caches, deployment order)")
.info;

/// The keys of a check that give it facts beside those of its family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FactKeys {
    /// `eventually`.
    pub eventually: bool,
    /// `parity`.
    pub parity: bool,
}

impl FactKeys {
    /// All of them.
    pub const ALL: Self = Self { eventually: true, parity: true };

    /// The key, as a suite would write it, that gives a check the fact of a path.
    #[must_use]
    pub fn of(path: &str) -> Option<&'static str> {
        let fact = Self::ALL.facts().find(|fact| is_of(path, fact.name))?;
        Some(if parity::is_parity(fact) { "parity: true" } else { "eventually: {within: 1m}" })
    }

    /// The facts a check with these keys has.
    pub fn facts(self) -> impl Iterator<Item = &'static FactInfo> {
        let settled = self.eventually.then_some(&SETTLED_IN);
        settled.into_iter().chain(parity::PARITY.iter().filter(move |_| self.parity))
    }
}
