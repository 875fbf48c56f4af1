//! A timeline cut into slices of time, and what came of the probes that were sent in each.

use crate::model::timeline::{MIXED, Run, Series, Timeline};

/// From one probe to the next there may be this many intervals before it counts as a gap: sends are late at times.
const LATE_SENDS: f64 = 2.5;

/// What came of the probes of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SliceState {
    /// There were none.
    Nothing,
    /// All were answered.
    Answered,
    /// All were answered, some after their timeout.
    Late,
    /// Some could not be sent, and none that was failed.
    NotSent,
    /// Some failed.
    SomeFailed,
    /// All that were sent failed.
    Failed,
}

impl SliceState {
    /// Each that is drawn, from good to bad.
    pub(super) const ALL: [Self; 5] = [Self::Answered, Self::Late, Self::SomeFailed, Self::Failed, Self::NotSent];

    /// In words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "no probe",
            Self::Answered => "answered",
            Self::Late => "late",
            Self::NotSent => "not sent",
            Self::SomeFailed => "some failed",
            Self::Failed => "failed",
        }
    }
}

/// Kinds of outcomes that a slice holds, as bits.
mod kinds {
    pub(super) const ANSWERED: u8 = 1;
    pub(super) const LATE: u8 = 2;
    pub(super) const NOT_SENT: u8 = 4;
    pub(super) const FAILED: u8 = 8;
    pub(super) const SOME_FAILED: u8 = 16;
}

fn kinds_of(run: &Run) -> u8 {
    match &*run.outcome {
        "answered" => kinds::ANSWERED,
        "late" => kinds::LATE,
        "not_sent" => kinds::NOT_SENT,
        MIXED if run.failed == 0 => kinds::ANSWERED | kinds::LATE,
        MIXED if run.failed < run.probes => kinds::SOME_FAILED,
        _ => kinds::FAILED,
    }
}

/// What was seen to fail is never covered by what is not known of the rest.
const fn seen(held: u8) -> SliceState {
    let failed = held & kinds::FAILED > 0;
    if held & kinds::SOME_FAILED > 0 || failed && held & (kinds::ANSWERED | kinds::LATE) > 0 {
        SliceState::SomeFailed
    } else if failed {
        SliceState::Failed
    } else if held & kinds::NOT_SENT > 0 {
        SliceState::NotSent
    } else if held & kinds::LATE > 0 {
        SliceState::Late
    } else if held > 0 {
        SliceState::Answered
    } else {
        SliceState::Nothing
    }
}

/// Who answered in a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Who {
    /// Nobody, or nobody knows.
    #[default]
    Nobody,
    /// One owner, see [`owners`].
    One(usize),
    /// More than one.
    Several,
}

impl Who {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nobody, who) | (who, Self::Nobody) => who,
            (Self::One(one), Self::One(two)) if one == two => self,
            _ => Self::Several,
        }
    }
}

/// Round-trip times in a slice, seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Times {
    pub(super) min: f64,
    pub(super) mean: f64,
    pub(super) max: f64,
    answers: f64,
}

impl Times {
    fn of(run: &Run) -> Option<Self> {
        let rtt = run.rtt?;
        let times = [rtt.min_s, rtt.mean_s, rtt.max_s];
        let sound = times.iter().all(|time| time.is_finite() && *time >= 0.0);
        let [min, mean, max] = times;
        sound.then(|| Self { min: min.min(mean), mean, max: max.max(mean), answers: rtt.count.max(1) as f64 })
    }

    fn and(self, other: Self) -> Self {
        let answers = self.answers + other.answers;
        Self {
            min: self.min.min(other.min),
            mean: self.mean + (other.mean - self.mean) * (other.answers / answers),
            max: self.max.max(other.max),
            answers,
        }
    }
}

/// A length of time in so many slices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Where it ends, seconds since the streams began; never negative.
    pub(super) end: f64,
    /// Slices.
    pub(super) columns: usize,
}

impl Span {
    /// All of a timeline.
    pub(super) fn of(timeline: &Timeline, columns: usize) -> Self {
        let runs = timeline.streams.0.iter().flat_map(|(_, series)| &series.runs);
        let moments = runs.flat_map(|run| [run.at_s, run.until_s]).chain([timeline.end_s]);
        let end = moments.filter(|moment| moment.is_finite()).fold(0.0, f64::max);
        Self { end, columns: columns.max(1) }
    }

    /// The slice of a moment; `None` where there is no such moment.
    pub(super) fn column(&self, at: f64) -> Option<usize> {
        if !at.is_finite() {
            return None;
        }
        let share = if self.end > 0.0 { (at / self.end).clamp(0.0, 1.0) } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to the number of columns")]
        let column = (share * self.columns as f64) as usize;
        Some(column.min(self.columns - 1))
    }

    /// Whether a moment is within it.
    pub(super) fn holds(&self, at: f64) -> bool {
        (0.0..=self.end).contains(&at)
    }

    /// How long a slice is.
    pub(super) fn slice(&self) -> f64 {
        self.end / self.columns as f64
    }
}

/// Everyone who answered, in the order of the streams and of time.
pub(super) fn owners(timeline: &Timeline) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    let runs = timeline.streams.0.iter().take(super::STREAMS).flat_map(|(_, series)| &series.runs);
    for owner in runs.filter_map(|run| run.owner.as_deref()) {
        if !all.contains(&owner) {
            all.push(owner);
        }
    }
    all
}

/// One stream in slices.
pub(super) struct Slices {
    pub(super) seen: Vec<SliceState>,
    pub(super) who: Vec<Who>,
    pub(super) times: Vec<Option<Times>>,
}

impl Slices {
    pub(super) fn of(series: &Series, span: &Span, owners: &[&str]) -> Self {
        let mut held = vec![0_u8; span.columns];
        let mut who = vec![Who::Nobody; span.columns];
        let mut times = vec![None; span.columns];
        let owner = |run: &Run| {
            let index = run.owner.as_deref().and_then(|owner| owners.iter().position(|known| *known == owner));
            index.map_or(Who::Nobody, Who::One)
        };
        for run in &series.runs {
            let Some(columns) = columns(run, span) else { continue };
            let (kinds, owner, rtt) = (kinds_of(run), owner(run), Times::of(run));
            for column in columns {
                held[column] |= kinds;
                who[column] = who[column].and(owner);
                times[column] = match (times[column], rtt) {
                    (Some(one), Some(two)) => Some(Times::and(one, two)),
                    (one, two) => one.or(two),
                };
            }
        }
        for ((from, until), kinds, run) in between(series, span) {
            let blank: Vec<usize> = (from..=until).filter(|column| held[*column] == 0).collect();
            for column in blank {
                held[column] = kinds;
                if kinds != kinds::NOT_SENT {
                    who[column] = owner(run);
                }
            }
        }
        Self { seen: held.into_iter().map(seen).collect(), who, times }
    }
}

/// The slices in which probes of a run were sent.
fn columns(run: &Run, span: &Span) -> Option<std::ops::RangeInclusive<usize>> {
    let from = span.column(run.at_s)?;
    Some(from..=span.column(run.until_s).unwrap_or(from).max(from))
}

/// The slices behind each run until the next one, what they show where no probe falls into them, and the run before: slices may be
/// shorter than an interval, and in a longer time than that nothing was sent.
fn between<'s>(series: &'s Series, span: &Span) -> Vec<((usize, usize), u8, &'s Run)> {
    let interval = if series.interval_s.is_finite() { series.interval_s.max(0.0) } else { 0.0 };
    let behind = series.runs.iter().skip(1).map(|run| Some(run.at_s)).chain([None]);
    let gaps = series.runs.iter().zip(behind).filter_map(|(run, next)| {
        // Behind the last probe its outcome holds as long as until the next one would have been due.
        let next = next.unwrap_or_else(|| (run.until_s + interval).min(span.end));
        let (from, until) = (span.column(run.until_s)?, span.column(next)?);
        let unsent = interval > 0.0 && next - run.until_s > interval * LATE_SENDS;
        let kinds = if unsent { kinds::NOT_SENT } else { kinds_of(run) };
        (until > from).then_some(((from, until), kinds, run))
    });
    gaps.collect()
}
