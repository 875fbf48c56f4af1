//! The breakages: how each is made and mended, what must come of it, and what its text must say.

mod names;
mod paths;
mod services;
mod terms;

use super::lab::Lab;
use super::wording::Wording;

/// One thing that is broken.
pub struct Breakage {
    /// Of its snapshot.
    pub name: &'static str,
    /// What was done, for people who read the texts beside each other.
    pub description: &'static str,
    pub inject: fn(&mut Lab),
    pub restore: fn(&mut Lab),
    /// Further arguments of the run.
    pub args: &'static [&'static str],
    /// Every case that does not hold, and how: its outcome where it failed, `errored`, or `regressed`.
    pub results: &'static [(&'static str, &'static str)],
    /// What the texts must say; of a case of `results`, the first that speaks of it.
    pub wording: &'static [Wording],
}

/// The requests to the standby backend compared with those to the active one, pair by pair.
pub const SIDE_BY_SIDE: &[&str] = &["--only", "latency", "--against", "candidate=192.0.2.12", "--seed", "1"];

/// Every breakage.
pub fn all() -> impl Iterator<Item = &'static Breakage> {
    [services::ROWS, terms::ROWS, names::ROWS, paths::ROWS].into_iter().flatten()
}
