//! What the streams of a check saw over time, run-length coded: its part of the report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::named::Named;
use super::text::{Shared, Word};

/// Runs kept of one stream. Beyond it neighbours are put together, so that a report stays small however long it watched.
pub const RUNS: usize = 2048;
/// The outcome of runs that were put together.
pub const MIXED: &str = "mixed";

/// The streams of a check over time. Moments are seconds since its streams began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// When they began, RFC 3339 UTC.
    pub started: String,
    /// When they ended.
    pub end_s: f64,
    /// What happened when, in order.
    pub marks: Vec<Mark>,
    /// What each stream saw.
    pub streams: Named<Series>,
}

/// Something that happened at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mark {
    /// When.
    pub at_s: f64,
    /// What: `inject`, `injected`, `restore`, `restored`, `steady`, `end`.
    pub what: Word,
}

/// What one stream saw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// From one probe to the next.
    pub interval_s: f64,
    /// Runs of probes with the same outcome and owner, in the order of sending.
    pub runs: Vec<Run>,
    /// Runs shorter than this were put together; absent where all are as they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grain_s: Option<f64>,
}

/// Probes one after the other that came to the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// When the first was sent.
    pub at_s: f64,
    /// When the last was sent.
    pub until_s: f64,
    /// How many.
    pub probes: u64,
    /// `answered`, `late`, `lost`, `refused`, `reset`, `unreachable`, `blocked`, `unexpected`, `not_sent`; `mixed` of runs that were
    /// put together.
    pub outcome: Word,
    /// How many of them were not answered, where `outcome` does not say.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// Round-trip times of those that were answered; absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt: Option<Rtt>,
    /// Who answered, where answers tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Shared>,
}

/// Round-trip times of a run, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rtt {
    /// Answers.
    pub count: u64,
    /// Fastest.
    pub min_s: f64,
    /// Mean.
    pub mean_s: f64,
    /// Slowest.
    pub max_s: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Rtt {
    /// Of one answer.
    #[must_use]
    pub const fn of(seconds: f64) -> Self {
        Self { count: 1, min_s: seconds, mean_s: seconds, max_s: seconds }
    }

    /// Of both.
    #[must_use]
    fn and(self, other: Self) -> Self {
        let count = self.count + other.count;
        let share = other.count as f64 / count as f64;
        Self {
            count,
            min_s: self.min_s.min(other.min_s),
            mean_s: self.mean_s + (other.mean_s - self.mean_s) * share,
            max_s: self.max_s.max(other.max_s),
        }
    }
}

impl Run {
    /// Of one probe.
    #[must_use]
    pub fn of(at_s: f64, outcome: &'static str, rtt_s: Option<f64>, owner: Option<Shared>) -> Self {
        let rtt = rtt_s.map(Rtt::of);
        Self { at_s, until_s: at_s, probes: 1, outcome: Word::Borrowed(outcome), failed: 0, rtt, owner }
    }

    /// Probes that were not answered.
    #[must_use]
    pub fn failures(&self) -> u64 {
        match &*self.outcome {
            "answered" | "late" => 0,
            MIXED => self.failed,
            _ => self.probes,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.outcome == other.outcome && self.owner == other.owner
    }

    /// Takes in the run behind it.
    fn join(&mut self, next: &Self) {
        let failed = self.failures() + next.failures();
        if self.outcome != next.outcome {
            self.outcome = Word::Borrowed(MIXED);
        }
        if self.owner != next.owner {
            self.owner = None;
        }
        self.failed = if self.outcome == MIXED { failed } else { 0 };
        self.until_s = next.until_s.max(self.until_s);
        self.probes += next.probes;
        self.rtt = match (self.rtt, next.rtt) {
            (Some(one), Some(two)) => Some(one.and(two)),
            (one, two) => one.or(two),
        };
    }
}

impl Series {
    /// Without probes yet.
    #[must_use]
    pub fn new(interval_s: f64) -> Self {
        Self { interval_s, ..Self::default() }
    }

    /// Adds the run of the next probes. What is kept is bounded: with too many runs, the short ones are put together.
    pub fn push(&mut self, next: Run) {
        let grain = self.grain_s.unwrap_or(0.0);
        match self.runs.last_mut() {
            Some(last) if last.is_like(&next) => last.join(&next),
            Some(last) if next.until_s - last.at_s < grain => last.join(&next),
            _ => self.runs.push(next),
        }
        while self.runs.len() > RUNS {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        let finest = self.interval_s * 2.0;
        let grain = self.grain_s.map_or(finest, |grain| grain * 2.0);
        self.grain_s = Some(grain);
        let mut kept: Vec<Run> = Vec::with_capacity(self.runs.len());
        for run in self.runs.drain(..) {
            match kept.last_mut() {
                Some(last) if last.is_like(&run) || run.until_s - last.at_s < grain => last.join(&run),
                _ => kept.push(run),
            }
        }
        self.runs = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::{MIXED, RUNS, Run, Series};

    fn pushed(outcomes: impl IntoIterator<Item = &'static str>) -> Series {
        let mut series = Series::new(0.01);
        for (number, outcome) in outcomes.into_iter().enumerate() {
            let at = number as f64 * 0.01;
            series.push(Run::of(at, outcome, (outcome == "answered").then_some(0.001 + at / 1000.0), None));
        }
        series
    }

    #[test]
    fn what_is_alike_is_one_run() {
        let series = pushed(["answered", "answered", "lost", "lost", "lost", "refused", "answered"]);
        let runs: Vec<(&str, u64)> = series.runs.iter().map(|run| (&*run.outcome, run.probes)).collect();
        assert_eq!(runs, [("answered", 2), ("lost", 3), ("refused", 1), ("answered", 1)]);
        let rtt = series.runs[0].rtt.unwrap();
        assert_eq!((rtt.count, rtt.min_s, rtt.max_s), (2, 0.001, 0.00101));
        assert!((rtt.mean_s - 0.001_005).abs() < 1e-12 && series.runs[1].rtt.is_none() && series.grain_s.is_none());
        assert_eq!((series.runs[1].at_s, series.runs[1].until_s), (0.02, 0.04));
    }

    /// A backend of two that is gone for hours.
    #[test]
    fn however_long_and_mixed_it_is_it_stays_small_and_counts_all() {
        let outcomes = (0..100_000).map(|number| if number % 2 == 0 { "answered" } else { "lost" });
        let series = pushed(outcomes.chain(std::iter::repeat_n("answered", 50_000)));
        assert!(series.runs.len() <= RUNS && series.grain_s.is_some(), "{}", series.runs.len());
        let sum = |of: fn(&Run) -> u64| series.runs.iter().map(of).sum::<u64>();
        assert_eq!((sum(|run| run.probes), sum(Run::failures)), (150_000, 50_000));
        assert!(
            series.runs[0].outcome == MIXED && series.runs.last().unwrap().probes >= 49_000,
            "{:?}",
            series.runs.last()
        );
        assert!(series.runs.windows(2).all(|pair| pair[0].until_s < pair[1].at_s));
    }
}
