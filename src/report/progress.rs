//! Progress on stderr while a run goes on.

use std::io::Write as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::redact::Redacted;
use super::style::visible;
use crate::model::{Event, Verdict};

/// How to show progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A bar.
    Bar,
    /// A line now and then.
    Plain,
    /// Nothing.
    None,
}

/// Shows progress.
pub struct Progress {
    mode: Mode,
    bar: ProgressBar,
    total: usize,
    done: usize,
    bad: usize,
}

impl Progress {
    /// Progress on stderr.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        let target = if mode == Mode::Bar { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} {wide_bar} {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self { mode, bar, total: 0, done: 0, bad: 0 }
    }

    /// Takes one event.
    pub fn event(&mut self, event: &Redacted) {
        match event.event() {
            Event::RunStarted { total, .. } => {
                self.total = *total;
                self.bar.set_length(*total as u64);
                if self.mode == Mode::Bar {
                    self.bar.enable_steady_tick(Duration::from_millis(120));
                }
            }
            Event::CheckStarted { id, .. } => self.bar.set_message(visible(id)),
            Event::CheckFinished { record, .. } => {
                self.done += 1;
                self.bad += usize::from(matches!(record.verdict, Verdict::Failed | Verdict::Errored));
                self.bar.inc(1);
                // A tenth at a time: a log of 10,000 cases stays readable.
                let step = (self.total / 10).max(1);
                if self.mode == Mode::Plain && (self.done.is_multiple_of(step) || self.done == self.total) {
                    // A closed pipe is no reason to end.
                    let _ = writeln!(std::io::stderr(), "{}/{} checks, {} not passed", self.done, self.total, self.bad);
                }
            }
            Event::RunFinished { .. } => self.bar.finish_and_clear(),
            Event::AttemptEnded { .. } => {}
        }
    }

    /// Prints a line without tearing the bar.
    pub fn around(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }
}
