//! Progress on stderr while a run goes on.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::redact::Redacted;
use super::style::visible;
use crate::model::count::counted;
use crate::model::{Event, Verdict, human_time};

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
    running: BTreeMap<usize, Running>,
}

/// A case that goes on.
struct Running {
    id: String,
    /// When it began, and how long it is tried.
    since: Instant,
    within: Option<Duration>,
    /// The attempt that ended last, and what it came to.
    attempt: Option<(u32, Verdict)>,
    /// Pairs done, and pairs planned.
    pairs: Option<(u32, u32)>,
}

impl Running {
    /// `vip-tcp: attempt 4 failed, 38 s left`, `api: pair 6 of 10`.
    fn message(&self, now: Instant) -> String {
        let mut parts = Vec::new();
        if let Some((attempt, verdict)) = self.attempt {
            parts.push(format!("attempt {attempt} {}", verdict.word()));
        }
        if let Some(within) = self.within {
            let left = within.saturating_sub(now.saturating_duration_since(self.since));
            parts.push(format!("{} left", human_time(Duration::from_secs(left.as_secs()))));
        }
        if let Some((pair, pairs)) = self.pairs {
            parts.push(if pair > pairs {
                format!("pair {pair}, to confirm an alarm")
            } else {
                format!("pair {pair} of {pairs}")
            });
        }
        if parts.is_empty() { self.id.clone() } else { format!("{}: {}", self.id, parts.join(", ")) }
    }
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
        Self { mode, bar, total: 0, done: 0, bad: 0, running: BTreeMap::new() }
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
            Event::PlacesLeftEmpty { count } => {
                self.total = self.total.saturating_sub(*count);
                self.bar.set_length(self.total as u64);
            }
            Event::CheckStarted { index, id, within_s } => {
                let within = within_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                let running = Running { id: visible(id), since: Instant::now(), within, attempt: None, pairs: None };
                self.running.insert(*index, running);
                self.show(*index);
            }
            Event::PairEnded { index, pair, pairs } => {
                if let Some(running) = self.running.get_mut(index) {
                    running.pairs = Some((*pair, *pairs));
                }
                self.show(*index);
            }
            Event::AttemptEnded { index, attempt, verdict, .. } => {
                if let Some(running) = self.running.get_mut(index) {
                    running.attempt = Some((*attempt, *verdict));
                }
                self.show(*index);
            }
            Event::CheckFinished { record, index } => {
                self.running.remove(index);
                if let Some(oldest) = self.running.keys().next().copied() {
                    self.show(oldest);
                }
                self.done += 1;
                self.bad += usize::from(matches!(record.verdict, Verdict::Failed | Verdict::Errored));
                self.bar.inc(1);
                // A tenth at a time: a log of 10,000 cases stays readable.
                let step = (self.total / 10).max(1);
                if self.mode == Mode::Plain && (self.done.is_multiple_of(step) || self.done == self.total) {
                    // A closed pipe is no reason to end.
                    let total = counted(self.total, "check");
                    let _ = writeln!(std::io::stderr(), "{}/{total}, {} not passed", self.done, self.bad);
                }
            }
            Event::RunFinished { .. } => self.bar.finish_and_clear(),
        }
    }

    /// Says of the bar what goes on in a case.
    fn show(&self, index: usize) {
        if let Some(running) = self.running.get(&index) {
            self.bar.set_message(running.message(Instant::now()));
        }
    }

    /// Prints a line without tearing the bar.
    pub fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Running;
    use crate::model::Verdict;

    #[test]
    fn what_goes_on_is_told_with_the_time_left() {
        let since = Instant::now();
        let case = Running { id: "vip".to_owned(), since, within: None, attempt: None, pairs: None };
        assert_eq!(case.message(since), "vip");
        let waits = Running { within: Some(Duration::from_mins(1)), attempt: Some((4, Verdict::Failed)), ..case };
        assert_eq!(waits.message(since + Duration::from_secs(22)), "vip: attempt 4 failed, 38 s left");
        assert_eq!(waits.message(since + Duration::from_secs(99)), "vip: attempt 4 failed, 0 s left");
        let pairs = Running { within: None, attempt: None, pairs: Some((6, 10)), ..waits };
        assert_eq!(pairs.message(since), "vip: pair 6 of 10");
        assert_eq!(Running { pairs: Some((11, 10)), ..pairs }.message(since), "vip: pair 11, to confirm an alarm");
    }
}
