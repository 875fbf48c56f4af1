//! A dialogue: what to wait for and what to send, step by step.

mod play;
mod steps;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(super) use steps::{Dialogue, STEP};

/// Words of the note about a text that had come before what was sent.
pub(super) const CAME_BEFORE: &str = "had come before";

/// How far a dialogue got.
pub(super) struct DialogueResult {
    /// The steps taken, the one that failed last.
    pub(super) steps: Vec<StepResult>,
    pub(super) completed: usize,
    /// A note on each step that read only what had come before the last send.
    pub(super) early: Vec<String>,
    /// From the connection to the end of the last step, where all were completed.
    pub(super) time: Option<Duration>,
}

/// A step that was taken.
pub(super) struct StepResult {
    pub(super) time: Duration,
    /// The lines that it read; absent where it reads none.
    pub(super) received: Option<String>,
    pub(super) failed: bool,
}
