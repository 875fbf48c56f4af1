//! From the stream's log to facts.

use super::facts::{
    DETECTED_AFTER, FAILBACK, HI, LATE, LATENCY, LO, LONGEST, LOST, OUTAGES, RECOVERED, RECOVERED_AFTER, SCHEDULE_LATE,
    SENT, STEADY_AFTER, TOTAL,
};
use super::outage::{Episode, Fate, Shot, Travel, blind, ceiling, episodes, evidence};
use super::settings::Phases;
use super::stream::{Aim, Log};
use crate::model::Fault;
use crate::probe::Cx;

/// Neighbouring probes this side may fail to send before an outage could hide among them.
const BLIND: usize = 2;

/// When what happened; seconds since the start of the stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    /// End of the first steady phase.
    pub(super) steady: f64,
    /// The inject command ended.
    pub(super) injected: f64,
    /// The restore command was asked for.
    pub(super) restoring: f64,
    /// Start of the last steady phase.
    pub(super) after: f64,
}

/// Sets every fact the stream gives. A stream that could not look is a fault.
pub(super) fn facts(cx: &mut Cx<'_>, log: &Log, marks: &Marks, phases: &Phases, aim: &Aim) -> Result<(), Fault> {
    let steady: Vec<Shot> = log.shots.iter().copied().filter(|shot| shot.intended < marks.steady).collect();
    let travel = Travel::of(&log.shots, &steady);
    counts(cx, log, marks, aim.interval.as_secs_f64(), &steady);
    usable(log, aim)?;
    let known = evidence(&log.shots);
    let found = episodes(&known, &travel, phases.isolated);
    let (main, back): (Vec<Episode>, Vec<Episode>) =
        found.into_iter().partition(|episode| episode.first < marks.restoring);
    outages(cx, &main, ceiling(&known, &travel, 0.0, marks.restoring));
    recovery(cx, &main, marks, phases);
    if let Some(longest) = longest(&back) {
        cx.set(&FAILBACK, longest);
    }
    if let Some(loss) = &log.loss {
        cx.note(format!("the first lost probe: {loss}"));
    }
    Ok(())
}

fn counts(cx: &mut Cx<'_>, log: &Log, marks: &Marks, interval: f64, steady: &[Shot]) {
    let slowest = answered(steady).map(Shot::latency).fold(0.0, f64::max);
    let tolerable = (slowest * 2.0).max(interval);
    let lost = |from: f64| log.shots.iter().filter(|s| s.intended >= from && s.fate == Fate::Lost).count();
    cx.set(&SENT, whole(log.shots.len()));
    cx.set(&LOST, whole(lost(marks.steady)));
    cx.set(&LATE, whole(answered(&log.shots).filter(|shot| shot.latency() > tolerable).count()));
    cx.set(&STEADY_AFTER, lost(marks.after) == 0);
    for shot in &log.shots {
        cx.record(&SCHEDULE_LATE, shot.sent - shot.intended);
    }
    for shot in answered(&log.shots) {
        cx.record(&LATENCY, shot.latency());
    }
}

fn answered(shots: &[Shot]) -> impl Iterator<Item = &Shot> {
    shots.iter().filter(|shot| shot.fate == Fate::Answered)
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A stream with holes could hide the very outage it looks for.
pub(super) fn usable(log: &Log, aim: &Aim) -> Result<(), Fault> {
    let unsent = log.shots.iter().filter(|shot| shot.fate == Fate::Unknown).count();
    let holes = blind(&log.shots);
    let many = unsent * 100 > log.shots.len();
    if log.skipped == 0 && holes <= BLIND && !many && !log.shots.is_empty() {
        return Ok(());
    }
    let why = log.fault.as_ref().map_or_else(String::new, |fault| format!("; the first: {fault}"));
    Err(Fault::local(
        "probe on schedule",
        aim.probe.target(),
        format!(
            "of {} probes this side could not send {unsent} ({holes} in a row) and skipped {}{why}",
            log.shots.len(),
            log.skipped
        ),
        log.fault.as_ref().map_or_else(
            || "lengthen the probe's `interval`, or measure from a less busy machine".to_owned(),
            |fault| fault.remedy.clone(),
        ),
    ))
}

fn outages(cx: &mut Cx<'_>, main: &[Episode], most: Option<f64>) {
    cx.set(&OUTAGES, whole(main.len()));
    cx.set(&LO, main.iter().map(|episode| episode.lo).fold(0.0, f64::max));
    let Some(longest) = longest(main) else {
        cx.note("the service never came back, so only the lower bound of the outage is known");
        return;
    };
    cx.set(&LONGEST, longest);
    cx.set(&TOTAL, main.iter().filter_map(Episode::estimate).sum::<f64>());
    if let Some(most) = most {
        cx.set(&HI, most);
    }
}

/// 0 without episodes, `None` when one has no end.
fn longest(episodes: &[Episode]) -> Option<f64> {
    episodes.iter().map(Episode::estimate).try_fold(0.0, |most: f64, one| Some(most.max(one?)))
}

fn recovery(cx: &mut Cx<'_>, main: &[Episode], marks: &Marks, phases: &Phases) {
    let last = main.last();
    let resumed = last.and_then(|episode| episode.resumed);
    let lasting = marks.restoring - phases.settle.as_secs_f64();
    let recovered = last.is_none() || resumed.is_some_and(|at| at <= lasting);
    cx.set(&RECOVERED, recovered);
    if let Some(first) = main.first() {
        cx.set(&DETECTED_AFTER, first.intended - marks.injected);
    }
    if let (true, Some(at)) = (recovered, resumed) {
        cx.set(&RECOVERED_AFTER, at - marks.injected);
    }
}
