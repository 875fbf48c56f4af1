//! Events: owned, serializable, free of policy. Every report is a fold of one list of them.

use schemars::JsonSchema;
use serde::Serialize;

use super::record::{CheckRecord, Design, Host, Run, SuiteRef};
use super::signal::Signal;
use super::verdict::Verdict;

/// Schema name and version of `--events`.
pub const SCHEMA: &str = "shakedown.events/1";

/// Events, in the order they happened.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Before the first packet.
    RunStarted {
        /// Always `shakedown.events/1`.
        schema: &'static str,
        /// Id, start, labels; length and `interrupted` are not known yet.
        run: Box<Run>,
        /// The machine.
        host: Box<Host>,
        /// Rounds and seed.
        design: Box<Design>,
        /// Suite files.
        suites: Vec<SuiteRef>,
        /// Number of cases planned; of those whose targets another check finds, the most there may be.
        total: usize,
    },
    /// The targets that a check found are known: there are fewer than were planned for.
    PlacesLeftEmpty {
        /// Cases that were planned and are none.
        count: usize,
    },
    /// A case begins.
    CheckStarted {
        /// Position in plan order.
        index: usize,
        /// Case id.
        id: String,
        /// How long it is tried with `eventually`, seconds; absent without.
        #[serde(skip_serializing_if = "Option::is_none")]
        within_s: Option<f64>,
    },
    /// Both rounds of a pair ended, of a case that compares two arms.
    PairEnded {
        /// Position in plan order.
        index: usize,
        /// The pair, from 1; warm-up and those that confirm an alarm count on.
        pair: u32,
        /// Pairs planned; an alarm may add as many.
        pairs: u32,
    },
    /// An attempt that was not the last one ended.
    AttemptEnded {
        /// Position in plan order.
        index: usize,
        /// Attempt, from 1.
        attempt: u32,
        /// Its verdict.
        verdict: Verdict,
        /// Why.
        reason: Option<String>,
    },
    /// A case ended.
    CheckFinished {
        /// Position in plan order.
        index: usize,
        /// Everything about it.
        record: Box<CheckRecord>,
    },
    /// The last event.
    RunFinished {
        /// Length, seconds.
        duration_s: f64,
        /// The signal that ended it early.
        signal: Option<Signal>,
    },
}
