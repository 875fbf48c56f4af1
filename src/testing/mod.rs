//! Helpers that unit tests share: arguments and facts, one round of a probe, probers of streams, a probe that follows a script, suites that live
//! in memory, a clock that does not wait for silence, texts for people.

mod args;
mod drive;
mod expectations;
mod facts;
mod fast_forward;
mod observe;
pub mod prober;
pub mod scripted;
mod suites;
mod words;

pub use args::{Written, args, text, texts};
pub use drive::{drive, in_time_wait, stream};
pub use expectations::{defaults, expected};
pub use facts::{count, fact, list, noted, number, table};
pub use fast_forward::fast_forward;
pub use observe::{invalid, observe, observe_icmp, observe_with, recorded};
pub use suites::{load, load_all, planned};
pub use words::is_plain;
