//! Plain data every layer speaks. Imports nothing of the project but `stats`.

pub mod args;
pub mod argument;
pub mod baseline_rules;
pub mod changes;
mod check_record;
pub mod comparison;
pub mod comparison_document;
pub mod control;
pub mod corrections;
pub mod count;
pub mod document_path;
pub mod event;
pub mod expectation;
pub mod fact;
pub mod fault;
pub mod field;
pub mod glob;
mod host_name;
pub mod named;
pub mod observation;
pub mod parse;
pub mod place;
pub mod quantity;
pub mod record;
pub mod reduced;
pub mod shell;
pub mod signal;
pub mod suggest;
pub mod table;
pub mod text;
pub mod typed;
pub mod unit;
pub mod verdict;
pub mod visible;

pub use args::{Arg, Args, Invalid};
pub use argument::{Choices, NestedProbe, RateOr, Switch};
pub use baseline_rules::BaselineRules;
pub use changes::{Changes, CheckChange, CheckShift, FactChange, PartialFact, Shift};
pub use comparison::{Arm, Change, ComparedBy, Comparison};
pub use control::{Control, Silence};
pub use event::Event;
pub use expectation::Expectation;
pub use fact::{Better, Choice, Fact, FactInfo, Kind, Rule, TimeOf};
pub use fault::{Fault, FaultKind};
pub use field::{Field, FieldInfo, FieldKind, FieldRole};
pub use glob::Glob;
pub use observation::{Observation, Round, Unseen};
pub use place::Place;
pub use record::{CheckRecord, Record};
pub use signal::Signal;
pub use text::Text;
pub use unit::{Unit, human_time};
pub use verdict::{Severity, Verdict};

/// A scalar, list or object a probe saw. Absent is `Null`, never zero.
pub type Value = serde_json::Value;
