//! Helpers that unit tests share: a probe that follows a script, suites that live in memory, a clock that
//! does not wait for silence.

mod haste;
pub mod scripted;
mod suites;

pub use haste::haste;
pub use suites::{load, load_all, planned};
