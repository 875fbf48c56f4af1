//! Helpers that unit tests share: a probe that follows a script, suites that live in memory.

pub mod scripted;
mod suites;

pub use suites::{load, load_all, planned};
