//! From the logs of the streams to facts, rows, and the timeline.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::facts::{
    ANSWERED_AFTER, BEHIND_SCHEDULE, CONNECTIONS, CONNECTIONS_LOST, DEGRADED, DEGRADED_SHARE, DETECTED_AFTER, DOWNTIME,
    DUPLICATES, FAILBACK, FAILBACK_HI, FAILURES, GAP, HI, LATE, LATENCY, LATENESS, LO, LOSS_DERIVED, LOST,
    OUTAGE_BOUNDS, OUTAGES, OUTAGES_AFTER, RATE_DERIVED, RECOVERED, RECOVERED_AFTER, REORDERED, SENT, STEADY_AFTER,
};
use super::measure::{Measured, PhaseTimes, measure};
use super::outage::{Outage, ProbeOutcome, longest_unsent_run};
use super::settings::Phases;
use super::stream::{Finished, StreamConfig, StreamLog};
use super::{owners, rows};
use crate::model::count::counted;
use crate::model::named::Named;
use crate::model::timeline::{Mark, Series, Timeline};
use crate::model::{Fault, Interval, Value};
use crate::probe::Cx;

/// Neighbouring probes this side may fail to send before an outage could hide among them.
const UNSENT_IN_A_ROW: usize = 2;

/// A stream and what it came to.
pub(super) struct Stream<'a> {
    pub(super) config: &'a StreamConfig,
    pub(super) finished: &'a Finished,
    pub(super) measured: Measured,
}

impl Stream<'_> {
    pub(super) fn interval(&self) -> f64 {
        self.config.interval.as_secs_f64()
    }
}

/// Sets every fact the streams give. A stream that could not be sent is a fault.
pub(super) fn facts(
    cx: &mut Cx<'_>,
    finished: &[(StreamConfig, Finished)],
    times: &PhaseTimes,
    (phases, started, disrupts): (&Phases, jiff::Timestamp, bool),
) -> Result<(), Fault> {
    let all: Vec<Stream<'_>> = finished
        .iter()
        .map(|(config, finished)| {
            let measured =
                measure(finished, times, phases, (config.interval.as_secs_f64(), config.timeout.as_secs_f64()));
            Stream { config, finished, measured }
        })
        .collect();
    counts(cx, &all);
    super::writes::facts(cx, finished, times, disrupts);
    cx.set_timeline(timeline(&all, times, started, disrupts));
    for stream in &all {
        complete(&stream.finished.log, stream.config)?;
        consistent(&stream.measured, stream.config)?;
    }
    outages(cx, &all, times);
    recovery(cx, &all);
    if disrupts {
        let failback = worst(&all, |stream| stream.measured.failback);
        cx.set(&FAILBACK, failback);
        if let Some(hi) = failback.hi {
            cx.set(&FAILBACK_HI, hi);
        }
    }
    owners::facts(cx, &all, times, phases);
    rows::streams(cx, &all, times);
    rows::episodes(cx, &all, times);
    for Stream { config, finished, measured } in &all {
        if phases.isolated.is_none() && measured.isolated > 1 {
            cx.note(format!(
                "`{}`: {} failed probes in a row make an outage, as some fail by themselves (`background_loss`)",
                config.name.shown(),
                measured.isolated
            ));
        }
        if let Some(loss) = &finished.log.first_loss {
            let of = if all.len() > 1 { format!(" of `{}`", config.name.shown()) } else { String::new() };
            cx.note(format!("the first lost probe{of}: {loss}"));
        }
    }
    Ok(())
}

/// Bounds that hold of every stream: those of the worst.
fn worst(all: &[Stream<'_>], of: impl Fn(&Stream<'_>) -> Interval) -> Interval {
    all.iter().map(of).reduce(Interval::max).unwrap_or_default()
}

fn counts(cx: &mut Cx<'_>, all: &[Stream<'_>]) {
    let most = |of: &dyn Fn(&Stream<'_>) -> u64| whole(all.iter().map(of).max().unwrap_or_default());
    let sum = |of: &dyn Fn(&Stream<'_>) -> u64| whole(all.iter().map(of).sum());
    cx.set(&SENT, sum(&|stream| stream.measured.sent));
    cx.set(&BEHIND_SCHEDULE, sum(&|stream| stream.finished.log.behind));
    cx.set(&LOST, most(&|stream| stream.measured.lost));
    cx.set(&LATE, most(&|stream| stream.measured.late));
    cx.set(&DUPLICATES, most(&|stream| stream.finished.log.duplicates));
    cx.set(&REORDERED, most(&|stream| stream.finished.log.reordered));
    cx.set(&STEADY_AFTER, all.iter().all(|stream| stream.measured.steady_after));
    let mut failures: BTreeMap<&str, u64> = BTreeMap::new();
    for probe in all.iter().flat_map(|stream| &stream.finished.log.probes) {
        if let ProbeOutcome::Failed(failure) = probe.outcome {
            *failures.entry(failure.word()).or_default() += probe.count();
        }
    }
    let failures = failures.into_iter().map(|(word, count)| (word.to_owned(), Value::from(count)));
    cx.set(&FAILURES, Value::Object(failures.collect()));
    for log in all.iter().map(|stream| &stream.finished.log) {
        log.lateness.iter().for_each(|samples| cx.merge(&LATENESS, samples));
        log.latency.iter().for_each(|samples| cx.merge(&LATENCY, samples));
    }
    let kept = all.iter().filter_map(|stream| stream.finished.connections);
    if let Some((opened, lost)) =
        kept.map(|kept| (kept.opened, kept.lost)).reduce(|one, two| (one.0 + two.0, one.1 + two.1))
    {
        cx.set(&CONNECTIONS, i64::try_from(opened).unwrap_or(i64::MAX));
        cx.set(&CONNECTIONS_LOST, i64::try_from(lost).unwrap_or(i64::MAX));
    }
}

fn outages(cx: &mut Cx<'_>, all: &[Stream<'_>], times: &PhaseTimes) {
    let outage = worst(all, |stream| stream.measured.outage);
    cx.set(&OUTAGE_BOUNDS, outage);
    cx.set(&LO, outage.lo);
    match outage.hi {
        Some(hi) => cx.set(&HI, hi),
        None => cx.note("the service never came back, so only the lower bound of the outage is known"),
    }
    cx.set(&DOWNTIME, worst(all, |stream| stream.measured.downtime));
    cx.set(&OUTAGES, count(all.iter().map(|stream| stream.measured.main.len())));
    cx.set(&OUTAGES_AFTER, count(all.iter().map(|stream| stream.measured.after)));
    let largest = |of: &dyn Fn(&Stream<'_>) -> f64| all.iter().map(of).fold(0.0, f64::max);
    if let Some(gap) = all.iter().map(|stream| stream.measured.gap).reduce(|a, b| Some(a?.max(b?))).flatten() {
        cx.set(&GAP, gap);
    }
    cx.set(&DEGRADED, largest(&|stream| stream.measured.degraded_before(times.restoring).0));
    cx.set(&DEGRADED_SHARE, largest(&|stream| stream.measured.degraded_before(times.restoring).1));
    cx.set(&LOSS_DERIVED, largest(&|stream| stream.measured.loss_derived(stream.interval())));
    cx.set(&RATE_DERIVED, largest(&|stream| stream.measured.rate_derived(stream.interval())));
}

fn recovery(cx: &mut Cx<'_>, all: &[Stream<'_>]) {
    let recovered = all.iter().all(|stream| stream.measured.recovered);
    cx.set(&RECOVERED, recovered);
    let of =
        |of: &dyn Fn(&Measured) -> Option<f64>| all.iter().filter_map(|stream| of(&stream.measured)).reduce(f64::max);
    let first = all.iter().filter_map(|stream| stream.measured.detected_after).reduce(f64::min);
    let times = [
        (&DETECTED_AFTER, first),
        (&ANSWERED_AFTER, of(&|measured| measured.answered_after)),
        (&RECOVERED_AFTER, of(&|measured| measured.recovered_after).filter(|_| recovered)),
    ];
    for (fact, time) in times {
        if let Some(time) = time {
            cx.set(fact, time);
        }
    }
}

fn count(each: impl Iterator<Item = usize>) -> i64 {
    i64::try_from(each.max().unwrap_or_default()).unwrap_or(i64::MAX)
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A stream with holes could hide the very outage it looks for.
pub(super) fn complete(log: &StreamLog, config: &StreamConfig) -> Result<(), Fault> {
    if log.full {
        return Err(Fault::local(
            "follow the stream",
            config.probe.target(),
            "answers and failures alternated more often than can be kept",
            "lengthen the probe's `interval`, or shorten `observe`",
        ));
    }
    let sent: u64 = log.probes.iter().map(super::outage::ProbeResult::count).sum();
    let unsent = log.probes.iter().filter(|probe| probe.outcome == ProbeOutcome::NotSent);
    let unsent: u64 = unsent.map(super::outage::ProbeResult::count).sum();
    let in_a_row = longest_unsent_run(&log.probes);
    let many = unsent * 100 > sent;
    if log.skipped == 0 && log.missed == 0 && in_a_row <= UNSENT_IN_A_ROW && !many && !log.probes.is_empty() {
        return Ok(());
    }
    let why = log.fault.as_ref().map_or_else(String::new, |fault| format!("; the first: {fault}"));
    let missed = log.missed as f64 * config.interval.as_secs_f64();
    let parts = [
        (unsent > 0).then(|| format!("could not send {unsent} ({in_a_row} in a row)")),
        (log.skipped > 0).then(|| format!("skipped {}", log.skipped)),
        (log.missed > 0).then(|| format!("did not watch for {missed:.1}s")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let what = if parts.is_empty() { "sent none".to_owned() } else { parts.join(", and ") };
    Err(Fault::local(
        "probe on schedule",
        config.probe.target(),
        format!("of {} this side {what}{why}", counted(sent, "probe")),
        log.fault.as_ref().map_or_else(
            || "lengthen the probe's `interval`, or measure from a less busy machine".to_owned(),
            |fault| fault.remedy.clone(),
        ),
    ))
}

/// Bounds that contradict each other bound nothing: travel times varied more during the fault than before it.
pub(super) fn consistent(measured: &Measured, config: &StreamConfig) -> Result<(), Fault> {
    let tiny = 1e-9;
    let of = |outage: &Outage| Interval { lo: outage.lo, hi: outage.hi };
    let mut bounds = measured.main.iter().map(of).chain([measured.outage, measured.failback]);
    match bounds.find_map(|bounds| bounds.hi.map(|hi| (bounds.lo, hi)).filter(|(lo, hi)| *lo > *hi + tiny)) {
        None => Ok(()),
        Some((lo, hi)) => Err(Fault::local(
            "bound the outage",
            config.probe.target(),
            format!("the bounds contradict each other: at least {lo:.4}s and at most {hi:.4}s"),
            "answers took longer during the fault than in the steady phase: lengthen `steady`, or measure from a less busy host",
        )),
    }
}

fn timeline(all: &[Stream<'_>], times: &PhaseTimes, started: jiff::Timestamp, disrupts: bool) -> Timeline {
    let marks: &[(&'static str, f64)] = if disrupts {
        &[("inject", times.steady), ("injected", times.injected), ("restore", times.restoring), ("steady", times.after)]
    } else {
        &[("observe", times.steady), ("steady", times.after)]
    };
    let streams = all.iter().map(|stream| {
        let series: &Series = &stream.finished.log.series;
        (Cow::Owned(stream.config.name.shown().to_owned()), series.clone())
    });
    Timeline {
        started: started.to_string(),
        end_s: times.end,
        marks: marks.iter().map(|(what, at_s)| Mark { at_s: *at_s, what: Cow::Borrowed(*what) }).collect(),
        streams: streams.collect::<Named<Series>>(),
    }
}
